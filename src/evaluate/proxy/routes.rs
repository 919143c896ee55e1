//! Where the configuration leads each name.

use std::net::{IpAddr, Ipv4Addr};

use super::super::judgement::{Judgement, Place};
use super::super::view::View;
use super::header::TurnHeader;
use super::ways::{distinct, own_rule, taken_by};
use crate::model::configuration::{BackendAddress, BackendTls, End, Location, Opening, Trace};
use crate::model::deployment::{Node, NodeRole};
use crate::model::facts::ProxyFacts;
use crate::model::name::DomainName;
use crate::model::plan::NotAsked;
use crate::model::port::Port;
use crate::model::reason::ReasonCode;
use crate::model::remedy::Edit;
use crate::model::rule::Service;
use crate::model::seen::{ProxySeen, Seen};
use crate::model::target::Family;
use crate::model::verdict::{Severity, Verdict};

/// Whether connections for `name` that open so end at the port of the service, without TLS.
pub(super) fn leads_to(
    view: &View<'_>,
    facts: &ProxyFacts,
    name: Option<&DomainName>,
    opening: Opening,
    service: Service,
) -> Judgement {
    let Some(name) = name else {
        return Judgement::not_applicable(NotAsked::NoTurnDomain);
    };
    if name.is_undeclared() {
        return Judgement::unsettled(ReasonCode::ConfigurationUndecided, ProxySeen::NotFollowed);
    }
    let Some(port) = view.case.ruleset.port_behind_proxy(view.case.deployment, service) else {
        return Judgement::unsettled(ReasonCode::ConfigurationUndecided, ProxySeen::NotFollowed);
    };
    let traces = traces_of(facts, name, opening);
    if traces.is_empty() {
        return Judgement::unsettled(ReasonCode::ConfigurationUndecided, ProxySeen::NotFollowed);
    }
    let judged = apart(&traces).into_iter().filter_map(|(trace, families)| {
        let Some(fault) = fault(&trace.end, port) else { return name_of_backend(view, trace) };
        if let Some(taken) = own_rule(trace).and_then(|rule| taken_by(view, rule)) {
            return Some(taken.at(place(trace)));
        }
        let seen = ProxySeen::EndsAt { families, end: Box::new(trace.end.clone()) };
        if let Some(rule) = super::tls::rule_for(view, trace) {
            // One cause is said once, by the rule that knows how to mend it.
            let itself = Some(Box::new(seen.into()));
            let seen = Seen::Blocked { by: rule.clone(), itself };
            let judgement = Judgement::unsettled(ReasonCode::Blocked, seen);
            return Some(judgement.located(on_the_way(trace)).at(place(trace)));
        }
        let judgement = match fault {
            Fault::Undecided => Judgement::unsettled(ReasonCode::ConfigurationUndecided, seen),
            Fault::Proven => Judgement::fail(ReasonCode::ConfigurationLeadsElsewhere, seen),
        };
        let at = wrong_member(trace, port).into_iter().chain(on_the_way(trace));
        let edit = to_port(trace, port);
        Some(judgement.located(distinct(at)).mended_by(edit).at(place(trace)))
    });
    one_kind(judged).unwrap_or_else(|| Judgement::pass(ProxySeen::LeadsThere))
}

/// The connections for this name. Where one family is not listened on at all, that is a matter of its own.
pub(super) fn traces_of<'a>(
    facts: &'a ProxyFacts,
    name: &DomainName,
    opening: Opening,
) -> Vec<&'a Trace> {
    let is_asked =
        |trace: &&Trace| trace.asked.name.as_ref() == Some(name) && trace.asked.opening == opening;
    let all: Vec<&Trace> = facts.traces.iter().filter(is_asked).collect();
    let some: Vec<&Trace> = all.iter().copied().filter(|it| it.end != End::Refused).collect();
    if some.is_empty() { all } else { some }
}

/// The connections that end alike, with their families.
pub(super) fn apart<'a>(traces: &[&'a Trace]) -> Vec<(&'a Trace, Vec<Family>)> {
    let mut apart: Vec<(&Trace, Vec<Family>)> = Vec::new();
    for trace in traces {
        match apart.iter_mut().find(|(same, _)| same.end == trace.end) {
            Some((_, families)) => families.push(trace.asked.family),
            None => apart.push((trace, vec![trace.asked.family])),
        }
    }
    apart
}

/// The violations of them, else what is not settled.
pub(super) fn one_kind(judged: impl Iterator<Item = Judgement>) -> Option<Judgement> {
    let is_violation = |it: &Judgement| matches!(it.verdict, Verdict::Fail(_));
    let (violations, others): (Vec<_>, Vec<_>) = judged.partition(is_violation);
    Judgement::several(violations).or_else(|| others.into_iter().next())
}

pub(super) fn place(trace: &Trace) -> Place {
    Place { host: trace.asked.name.clone(), port: Some(trace.asked.port), ..Place::default() }
}

/// How sure it is that a connection ends in the wrong place.
enum Fault {
    Proven,
    Undecided,
}

/// What is wrong with an end that should be this port of a machine behind the proxy; `None`: nothing.
fn fault(end: &End, port: Port) -> Option<Fault> {
    let backend = match end {
        End::Backend(backend) => backend,
        End::Undecided(_) => return Some(Fault::Undecided),
        _ => return Some(Fault::Proven),
    };
    if backend.port != Some(port) || backend.tls != BackendTls::None {
        return Some(Fault::Proven);
    }
    // A share of the connections goes to each member of the group.
    let mut others = backend.others.iter();
    others.any(|other| other.port != Some(port)).then_some(Fault::Proven)
}

/// A member other than the first that has another port.
fn wrong_member(trace: &Trace, port: Port) -> Option<Location> {
    let End::Backend(backend) = &trace.end else { return None };
    let mut others = backend.others.iter().filter(|_| backend.port == Some(port));
    others.find(|other| other.port != Some(port)).map(|other| other.at.clone())
}

/// The declared addresses of the proxies.
pub(super) fn of_proxies(view: &View<'_>) -> Vec<IpAddr> {
    let proxies = view.case.deployment.nodes_of(NodeRole::Proxy);
    proxies.flat_map(Node::every_address).copied().collect()
}

/// The declared addresses of the machines behind the proxy.
pub(super) fn backends(view: &View<'_>) -> Vec<IpAddr> {
    let deployment = view.case.deployment;
    let nodes = deployment.nodes_of(deployment.topology.backend());
    nodes.flat_map(Node::every_address).copied().collect()
}

/// Where a connection is passed to a name: only the proxy resolves it, so that the declared machines may or may not
/// have it. Without declared machines there is nothing to compare.
pub(super) fn name_of_backend(view: &View<'_>, trace: &Trace) -> Option<Judgement> {
    let End::Backend(backend) = &trace.end else { return None };
    let others = backend.others.iter().map(|other| &other.address);
    let name =
        std::iter::once(&backend.address).chain(others).find_map(|address| match address {
            BackendAddress::Name(name) if literal(address).is_none() => Some(name),
            BackendAddress::Name(_) | BackendAddress::Ip(_) | BackendAddress::Socket(_) => None,
        })?;
    if backends(view).is_empty() {
        return None;
    }
    let seen = ProxySeen::NameOfBackend(name.clone());
    let judgement = Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, seen);
    Some(judgement.located(on_the_way(trace)).at(place(trace)))
}

/// The address of a backend; also of `localhost` (RFC 6761 section 6.3).
pub(super) fn literal(address: &BackendAddress) -> Option<IpAddr> {
    match address {
        BackendAddress::Ip(address) => Some(*address),
        BackendAddress::Name(name) if name.unquoted().eq_ignore_ascii_case("localhost") => {
            Some(Ipv4Addr::LOCALHOST.into())
        }
        BackendAddress::Name(_) | BackendAddress::Socket(_) => None,
    }
}

/// The first of these connections of which the files alone do not tell where it ends.
pub(super) fn undecided<'a>(mut traces: impl Iterator<Item = &'a Trace>) -> Option<Judgement> {
    let trace = traces.find(|trace| matches!(trace.end, End::Undecided(_)))?;
    let (families, end) = (Family::BOTH.to_vec(), Box::new(trace.end.clone()));
    let seen = ProxySeen::EndsAt { families, end };
    let judgement = Judgement::unsettled(ReasonCode::ConfigurationUndecided, seen);
    Some(judgement.located(on_the_way(trace)).at(place(trace)))
}

pub(super) fn is_of_deployment(view: &View<'_>, trace: &Trace) -> bool {
    let deployment = view.case.deployment;
    let mut names = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
    names.any(|name| trace.asked.name.as_ref() == Some(name))
}

/// Whether TURN is not passed to an address from which Firefox accepts no relay: the TURN server shows users
/// the address from which it is dialled.
pub(super) fn turn_backend(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let Some(name) = &view.case.deployment.turn_domain else {
        return Judgement::not_applicable(NotAsked::NoTurnDomain);
    };
    let traces = traces_of(facts, name, Opening::Stun);
    let ends: Vec<(&Trace, Vec<Family>)> = apart(&traces);
    // The PROXY header then says where the user is, whatever address dials.
    let is_told = matches!(TurnHeader::of(view), TurnHeader::Read(_));
    let judged = ends.into_iter().filter_map(|(trace, families)| {
        let End::Backend(backend) = &trace.end else { return None };
        if is_told && backend.proxy_header.is_some() {
            return None;
        }
        let Some(address) = literal(&backend.address) else { return name_of_backend(view, trace) };
        let is_refused = match address {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
        };
        let seen = ProxySeen::EndsAt { families, end: Box::new(trace.end.clone()) };
        let judgement = Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen);
        // Where all media goes through the relay, Firefox has no other way.
        let judgement = match view.case.allowed_ways().are_relayed() {
            true => judgement.of_severity(Severity::Error),
            false => judgement,
        };
        let edit = to_backend(view, trace);
        is_refused.then(|| judgement.located(on_the_way(trace)).mended_by(edit).at(place(trace)))
    });
    let has_backend = traces.iter().any(|trace| matches!(trace.end, End::Backend(_)));
    let nothing = || match has_backend {
        true => Judgement::pass(ProxySeen::LeadsThere),
        // Another rule says where it ends instead.
        false => Judgement::not_applicable(ProxySeen::NotFollowed),
    };
    let judged = one_kind(judged).or_else(|| undecided(traces.iter().copied()));
    judged.unwrap_or_else(nothing)
}

/// The line that names the backend, with the declared address of the machine behind the proxy.
fn to_backend(view: &View<'_>, trace: &Trace) -> Option<Edit> {
    let (End::Backend(backend), Some(at)) = (&trace.end, &trace.decided_at) else {
        return None;
    };
    let BackendAddress::Ip(wrong) = backend.address else { return None };
    let right = backends(view).into_iter().find(|it| it.is_ipv4() == wrong.is_ipv4())?;
    Edit::replacing(at, &wrong.to_string(), &right.to_string())
}

/// The line that names the backend, with the right port.
fn to_port(trace: &Trace, port: Port) -> Option<Edit> {
    let (End::Backend(backend), Some(at)) = (&trace.end, decided_at(trace)) else {
        return None;
    };
    if let Some(at) = wrong_member(trace, port) {
        let mut others = backend.others.iter();
        let wrong = others.find(|other| other.at == at)?.port?;
        return Edit::replacing(&at, &wrong.behind_address(), &port.behind_address());
    }
    Edit::replacing(at, &backend.port?.behind_address(), &port.behind_address())
}

/// The words that name the backend: where a variable is passed to, those of the map that chose its value.
pub(super) fn decided_at(trace: &Trace) -> Option<&Location> {
    let port = match &trace.end {
        End::Backend(backend) => backend.port?.behind_address(),
        _ => return trace.decided_at.as_ref(),
    };
    let names_port = |at: &&Location| {
        at.text.as_ref().is_some_and(|text| text.unquoted().contains(port.as_str()))
    };
    let hops = trace.hops.iter().rev().map(|hop| &hop.at);
    trace.decided_at.iter().chain(hops).find(names_port).or(trace.decided_at.as_ref())
}

/// The words that decide the end, and behind them the hops.
pub(super) fn on_the_way(trace: &Trace) -> Vec<Location> {
    let hops = trace.hops.iter().map(|hop| &hop.at);
    let mut all: Vec<Location> = Vec::new();
    for at in decided_at(trace).into_iter().chain(&trace.decided_at).chain(hops) {
        if !all.contains(at) {
            all.push(at.clone());
        }
    }
    all
}
