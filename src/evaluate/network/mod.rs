//! What in the network between this computer and the deployment explains what stops a call.
//!
//! The ladder says where each part of a call stopped; what else the run saw (plain HTTP, the DNS,
//! connections without the HTTP proxy, a STUN server outside) tells what such stops have in common.

mod inspection;
mod own_firewall;
mod portal;

use super::Case;
use super::call::{self, CallAttempt};
use crate::model::address::is_unreachable;
use crate::model::call::{CallSummary, Cause, CauseSign, NetworkCause, State, Step, WaySummary};
use crate::model::facts::{
    Connect, DnsAnswer, Facts, HttpAnswer, HttpFacts, IceCheck, IcmpError, IcmpMeaning, StunAnswer,
    Way,
};
use crate::model::observation::Outcome;
use crate::model::port::Transport;
use crate::model::probe::ProbeSpec;
use crate::model::seen::{CallSeen, DoorSeen};
use crate::model::vantage::Zone;

pub(super) use inspection::is_issuer_of_inspection;

/// The causes, the most certain first.
pub(super) fn causes(call: &CallAttempt<'_>, summary: &CallSummary) -> Vec<Cause> {
    let join = &summary.join.state;
    let mut causes: Vec<Cause> = Vec::new();
    // What this computer does to itself comes first: everything else may follow from it.
    causes.extend(own_firewall::cause(call));
    causes.extend(call::clock_cause(call, join));
    if !causes.is_empty() {
        causes.extend(proxy(call, summary));
        return causes;
    }
    match portal::cause(call, join) {
        Some(portal) => causes.push(portal),
        None => {
            causes.extend(inspection::cause(call, join, &summary.ways));
            causes.extend(resolver(call, join).or_else(|| way_out(call, join)));
        }
    }
    causes.extend(proxy(call, summary));
    causes.extend(udp(call, summary));
    causes.sort_by_key(|cause| !cause.certain);
    causes
}

/// A name that leads to where no deployment can be.
fn resolver(call: &CallAttempt<'_>, join: &State) -> Option<Cause> {
    let addresses = &call.spec.addresses;
    let is_outside = call.case.vantage.zone == Zone::Internet;
    let is_declared = |address| call.spec.declared.contains(address);
    join.stop()?;
    let leads_nowhere = !addresses.is_empty()
        && addresses.iter().all(|address| is_unreachable(*address) && !is_declared(address));
    if !is_outside || !leads_nowhere || call.http_proxy().is_some() {
        return None;
    }
    let (name, addresses) = (call.spec.host.clone(), addresses.clone());
    Some(Cause {
        // A private address may be an internal deployment's, these cannot.
        certain: addresses.iter().all(|it| it.is_loopback() || it.is_unspecified()),
        shown_by: CauseSign::UnreachableAddresses(addresses.clone()),
        cause: NetworkCause::ResolverLies { name, addresses },
    })
}

/// Whether anything gets out to the deployment, when the join got no connection.
fn way_out(call: &CallAttempt<'_>, join: &State) -> Option<Cause> {
    let at = join.stop()?.at;
    if !matches!(at, Step::Dns | Step::Tcp) || call.http_proxy().is_some() {
        return None;
    }
    let name = || call.spec.host.clone();
    let is_answered = |facts: &HttpFacts| {
        facts.connect.is_accepted() && matches!(facts.answer, Some(HttpAnswer::Response(_)))
    };
    if plain_http(call).any(is_answered) {
        let shown_by = CauseSign::OnlyHttpAnswers { name: name(), port: call.spec.port };
        return Some(Cause { cause: NetworkCause::HttpOnly, certain: false, shown_by });
    }
    let (certain, shown_by) = match (at, call.seen.ok().map(|facts| &facts.signal.connect)) {
        (Step::Tcp, Some(Connect::Icmp(error))) if is_prohibition_on_the_way(error) => {
            (true, CauseSign::Prohibited(*error))
        }
        (Step::Tcp, Some(Connect::Silent)) => (false, CauseSign::NoPortAnswers(name())),
        (Step::Dns, _) if is_resolver_silent(call) => (false, CauseSign::NoDnsAnswer),
        (_, _) => return None,
    };
    Some(Cause { cause: NetworkCause::NothingLeaves, certain, shown_by })
}

/// What plain HTTP met at the API's name.
pub(super) fn plain_http<'a>(call: &CallAttempt<'a>) -> impl Iterator<Item = &'a HttpFacts> {
    let host = &call.spec.host;
    saw(call.case).filter_map(move |(spec, facts)| match (spec, facts) {
        (ProbeSpec::Http { host: asked, .. }, Facts::Http(facts)) if asked == host => Some(facts),
        _ => None,
    })
}

/// What the probes of the run saw.
fn saw<'a>(case: &'a Case<'a>) -> impl Iterator<Item = (&'a ProbeSpec, &'a Facts)> {
    case.observations.iter().filter_map(|observation| match &observation.outcome {
        Outcome::Saw(facts) => Some((&observation.spec, facts)),
        Outcome::Blind(_) => None,
    })
}

fn is_prohibition_on_the_way(error: &IcmpError) -> bool {
    error.meaning() == IcmpMeaning::AdminProhibited && !error.is_of_meant_machine()
}

/// Whether the DNS server is silent about the API's name.
fn is_resolver_silent(call: &CallAttempt<'_>) -> bool {
    let mut answers = saw(call.case)
        .filter_map(|(spec, facts)| match (spec, facts) {
            (ProbeSpec::Dns { name, .. }, Facts::Dns(facts)) if *name == call.spec.host => {
                Some(facts.answer)
            }
            _ => None,
        })
        .peekable();
    answers.peek().is_some() && answers.all(|answer| answer == DnsAnswer::Silent)
}

/// An HTTP proxy of this network that refuses the call, or is the only way out.
fn proxy(call: &CallAttempt<'_>, summary: &CallSummary) -> Option<Cause> {
    let proxy = call.http_proxy()?.to_owned();
    let certain = true;
    if let Some(stop) = summary.join.state.stop() {
        let CallSeen::Door(DoorSeen::HttpProxyRefused(refusal)) = &stop.why else {
            return None;
        };
        let shown_by = CauseSign::OfProxy(refusal.met.clone());
        return Some(Cause { cause: NetworkCause::ProxyRefuses { proxy }, certain, shown_by });
    }
    let name = call.spec.host.clone();
    let shown_by = match connect_without_proxy(call) {
        Some(connect) if !connect.is_accepted() => CauseSign::NotWithoutProxy(name),
        None if call.spec.addresses.is_empty() => CauseSign::UnknownWithoutProxy(name),
        Some(_) | None => return None,
    };
    Some(Cause { cause: NetworkCause::ProxyNeeded { proxy }, certain, shown_by })
}

/// How a connection to the API went that did not go through the proxy.
fn connect_without_proxy<'a>(call: &CallAttempt<'a>) -> Option<&'a Connect> {
    let spec = call.spec;
    let mut connects = saw(call.case).filter_map(|(asked, facts)| {
        let to = asked.endpoint()?;
        let is_api = to.port == spec.port && spec.addresses.contains(&to.address);
        match facts {
            Facts::Tls(facts) if is_api => Some(&facts.connect),
            Facts::Api(facts) if is_api => Some(&facts.connect),
            _ => None,
        }
    });
    let first = connects.next()?;
    // One that was accepted says more than many that were not.
    Some(connects.find(|connect| connect.is_accepted()).unwrap_or(first))
}

/// UDP that does not get out, or not back.
fn udp(call: &CallAttempt<'_>, summary: &CallSummary) -> Option<Cause> {
    if !summary.join.state.works() || own_udp(call.case).any(is_binding_answered) {
        return None;
    }
    let over_udp = || summary.ways.iter().filter(|way| way.way.transport() == Transport::Udp);
    let mut open = over_udp().filter(|way| !way.closed_on_purpose && !way.contacts.is_empty());
    let is_lost = |way: &WaySummary| {
        way.state.stop().is_some_and(|stop| matches!(stop.at, Step::Check | Step::Allocation))
    };
    let mut contacts = over_udp().flat_map(|way| &way.contacts);
    if open.clone().next().is_none()
        || !open.all(is_lost)
        || contacts.any(|contact| has_arrived(&contact.state))
    {
        return None;
    }
    let (certain, shown_by) = if let Some(error) = prohibited(call) {
        (true, CauseSign::Prohibited(error))
    } else if own_udp(call.case).next().is_some() {
        (true, CauseSign::NoUdpAnywhere)
    } else {
        (false, CauseSign::NoUdpOfDeployment)
    };
    Some(Cause { cause: NetworkCause::UdpBlocked, certain, shown_by })
}

/// Whether what was sent has reached the deployment, whatever came of it there.
fn has_arrived(state: &State) -> bool {
    match state {
        State::Works { .. } => true,
        // What is behind the address step was sent.
        State::Stops(stop) => stop.at > Step::Address && !stop.responsible.may_be_this_network(),
        State::NotOffered | State::Unknown { .. } => false,
    }
}

/// An ICMP error by which a firewall on the way forbids UDP.
fn prohibited(call: &CallAttempt<'_>) -> Option<IcmpError> {
    let facts = call.seen.ok()?;
    let checks = facts.paths.iter().filter(|path| path.way == Way::Udp);
    let checks = checks.filter_map(|path| match path.check {
        IceCheck::Icmp(error) => Some(error),
        _ => None,
    });
    let relays = facts.relays.iter().filter_map(|relay| match relay.allocate {
        Some(StunAnswer::Icmp(error)) => Some(error),
        _ => None,
    });
    checks.chain(relays).find(is_prohibition_on_the_way)
}

/// What STUN servers outside the deployment said to UDP of this computer.
fn own_udp<'a>(case: &'a Case<'a>) -> impl Iterator<Item = &'a Facts> {
    saw(case).filter(|(spec, _)| matches!(spec, ProbeSpec::OwnUdp { .. })).map(|(_, facts)| facts)
}

fn is_binding_answered(facts: &Facts) -> bool {
    let binding = facts.as_turn().and_then(|facts| facts.binding.as_ref());
    matches!(binding, Some(StunAnswer::Success { .. }))
}
