//! Where the configuration leads each name.

use super::super::judgement::{Judgement, Place};
use super::super::view::View;
use crate::model::configuration::{BackendTls, End, Location, Opening, Trace};
use crate::model::facts::ProxyFacts;
use crate::model::name::DomainName;
use crate::model::plan::NotAsked;
use crate::model::port::Port;
use crate::model::reason::ReasonCode;
use crate::model::remedy::Edit;
use crate::model::rule::Service;
use crate::model::seen::ProxySeen;

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
    let is_asked =
        |trace: &&Trace| trace.asked.name.as_ref() == Some(name) && trace.asked.opening == opening;
    let traces: Vec<&Trace> = facts.traces.iter().filter(is_asked).collect();
    if traces.is_empty() {
        return Judgement::unsettled(ReasonCode::ConfigurationUndecided, ProxySeen::NotFollowed);
    }
    let wrong = traces.iter().filter(|trace| !ends_at(&trace.end, port));
    let mut apart: Vec<(&Trace, Vec<_>)> = Vec::new();
    for trace in wrong {
        match apart.iter_mut().find(|(same, _)| same.end == trace.end) {
            Some((_, families)) => families.push(trace.asked.family),
            None => apart.push((trace, vec![trace.asked.family])),
        }
    }
    let judged = apart.into_iter().map(|(trace, families)| {
        let seen = ProxySeen::EndsAt { families, end: Box::new(trace.end.clone()) };
        let judgement = match &trace.end {
            End::Undecided(_) => Judgement::unsettled(ReasonCode::ConfigurationUndecided, seen),
            _ => Judgement::fail(ReasonCode::ConfigurationLeadsElsewhere, seen),
        };
        judgement.located(on_the_way(trace)).mended_by(to_port(trace, port)).at(Place {
            host: Some(name.clone()),
            port: Some(trace.asked.port),
            ..Place::default()
        })
    });
    Judgement::several(judged).unwrap_or_else(|| Judgement::pass(ProxySeen::LeadsThere))
}

fn ends_at(end: &End, port: Port) -> bool {
    matches!(end, End::Backend(backend) if backend.port == Some(port) && backend.tls == BackendTls::None)
}

/// The line that names the backend, with the right port.
fn to_port(trace: &Trace, port: Port) -> Option<Edit> {
    let (End::Backend(backend), Some(at)) = (&trace.end, &trace.decided_at) else {
        return None;
    };
    Edit::replacing(at, &backend.port?.behind_address(), &port.behind_address())
}

/// The words that decide the end, and behind them the hops.
fn on_the_way(trace: &Trace) -> Vec<Location> {
    let hops = trace.hops.iter().map(|hop| &hop.at);
    let mut all: Vec<Location> = Vec::new();
    for at in trace.decided_at.iter().chain(hops) {
        if !all.contains(at) {
            all.push(at.clone());
        }
    }
    all
}
