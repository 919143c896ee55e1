//! A call as its user meets it: which ways of media work from here, at which step each of the
//! others stops, and what in the network is the cause.
//!
//! The rules judge a deployment; this does not. A way that the network of a user closes is no
//! fault of the deployment, and worth knowing all the same.

use std::net::{IpAddr, SocketAddr};

use super::super::place::LetIn;
use super::super::{Case, network};
use super::documented;
use super::help;
use super::ladder::{DirectRungs, Ladder, RelayRungs, without_facts};
use super::made::{CallAttempt, MadeCall};
use super::nodes::{self, CallsOnNodes};
use crate::model::call::{
    CallSummary, Certainty, Contact, Help, NodeWay, NodeWays, Responsible, State, Step, Stop,
    WaySummary,
};
use crate::model::facts::{DtlsFacts, IceCheck, IceScheme, SdpAnswer, StunAnswer, Way};
use crate::model::name::{DomainName, NodeName};
use crate::model::observation::Blindness;
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, PortScope, Scope};
use crate::model::seen::{CallUnknown, CandidatesSeen};
use crate::model::target::Endpoint;

/// What the call came to; `None` where none was made.
pub fn call_summary(case: &Case<'_>) -> Option<CallSummary> {
    let attempt = CallAttempt::find(case)?;
    let ladder = attempt.made().map(Ladder::climb);
    let join = join(&attempt, ladder.as_ref());
    let groups = attempt.made().map_or_else(Vec::new, nodes::by_node);
    let by_node: Vec<Vec<WaySummary>> =
        groups.iter().map(|group| on_nodes(&attempt, group)).collect();
    let mut summary = CallSummary {
        ways: match by_node.as_slice() {
            [] => ways_of(&attempt, ladder.as_ref()),
            all => on_worst_node(all),
        },
        nodes: match attempt.made().and_then(|first| first.facts.search.as_ref()) {
            Some(_) => node_ways(case, &groups, &by_node),
            None => Vec::new(),
        },
        join,
        causes: Vec::new(),
        seen_as: attempt.made().map_or_else(Vec::new, seen_as),
        help: Help::default(),
        documented: Vec::new(),
    };
    shut_out(&attempt, &mut summary);
    if !summary.join.state.works() {
        summary.documented = documented::paths(case);
    }
    summary.causes = network::causes(&attempt, &summary);
    summary.help = help::of(&summary);
    Some(summary)
}

fn ways_of(attempt: &CallAttempt<'_>, ladder: Option<&Ladder<'_>>) -> Vec<WaySummary> {
    Way::ALL.into_iter().map(|way| summary_of(attempt, ladder, way)).collect()
}

/// The ways of the calls that were on the same nodes: each as it is in the call in which it came farthest.
fn on_nodes(attempt: &CallAttempt<'_>, group: &CallsOnNodes<'_>) -> Vec<WaySummary> {
    let of_calls = group.ladders.iter().map(|ladder| ways_of(attempt, Some(ladder)));
    let best = of_calls.reduce(|best, other| {
        let both = best.into_iter().zip(other);
        both.map(|(one, other)| if came_farther(&other, &one) { other } else { one }).collect()
    });
    best.unwrap_or_default()
}

fn came_farther(one: &WaySummary, other: &WaySummary) -> bool {
    distance(&one.state) > distance(&other.state)
}

/// Each way as it is on the node on which it comes least far, with the places of all.
fn on_worst_node(by_node: &[Vec<WaySummary>]) -> Vec<WaySummary> {
    let ways = by_node.iter().cloned().reduce(|worst, other| {
        let both = worst.into_iter().zip(other);
        both.map(|(one, other)| {
            let contacts = one.contacts.iter().chain(&other.contacts).cloned().collect();
            let small_packets_only = one.small_packets_only || other.small_packets_only;
            let dtls_passes = match (one.dtls_passes, other.dtls_passes) {
                (Some(one), Some(other)) => Some(one && other),
                (one, other) => one.or(other),
            };
            let worst = if is_worse(&other.state, &one.state) { other } else { one };
            let small_packets_only = small_packets_only && worst.state.works();
            WaySummary { contacts, small_packets_only, dtls_passes, ..worst }
        })
        .collect()
    });
    ways.unwrap_or_default()
}

/// Whether a user is worse off with one state than with another.
fn is_worse(one: &State, other: &State) -> bool {
    let rank = |state: &State| match state {
        State::Works { .. } => 0,
        State::NotOffered => 1,
        State::Unknown { .. } => 2,
        State::Stops(_) => 3,
    };
    rank(one) > rank(other)
}

/// The ways by node, and the declared nodes on which no call was.
fn node_ways(
    case: &Case<'_>,
    groups: &[CallsOnNodes<'_>],
    by_node: &[Vec<WaySummary>],
) -> Vec<NodeWays> {
    let of_groups = groups.iter().zip(by_node).map(|(group, ways)| NodeWays {
        nodes: group.nodes.iter().map(|node| node.name.clone()).collect(),
        addresses: {
            let places = group.ladders.iter().flat_map(|ladder| ladder.call.places());
            let mut addresses: Vec<IpAddr> = places.map(|place| place.address.ip()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            addresses
        },
        ways: ways.iter().map(node_way).collect(),
    });
    let mut all: Vec<NodeWays> = of_groups.collect();
    let declared: Vec<NodeName> = case
        .deployment
        .nodes_of(case.deployment.topology.media())
        .map(|node| node.name.clone())
        .collect();
    let missing: Vec<NodeName> = declared
        .iter()
        .filter(|name| !all.iter().any(|known| known.nodes.contains(name)))
        .cloned()
        .collect();
    all.extend(missing.into_iter().map(|name| NodeWays {
        nodes: vec![name],
        addresses: Vec::new(),
        ways: Vec::new(),
    }));
    let place = |ways: &NodeWays| {
        let first = ways.nodes.first();
        first.and_then(|first| declared.iter().position(|name| name == first))
    };
    // What belongs to no node comes last.
    all.sort_by_key(|ways| place(ways).unwrap_or(declared.len()));
    all
}

fn node_way(summary: &WaySummary) -> NodeWay {
    NodeWay {
        way: summary.way,
        state: summary.state.clone(),
        small_packets_only: summary.small_packets_only,
        closed_on_purpose: summary.closed_on_purpose,
    }
}

/// Leaves open what was not answered, if the API does not answer any more either: a block of this machine
/// at one place holds at the others, and it is not known when it began.
fn shut_out(attempt: &CallAttempt<'_>, summary: &mut CallSummary) {
    let port = attempt.spec.port;
    let reached = summary.join.address.map(|address| Endpoint { address, port });
    let Some((to, now)) = reached.and_then(|to| Some((to, LetIn::met_at(attempt.case, to)?)))
    else {
        return;
    };
    let from = SocketAddr::new(to.address, to.port.number());
    let is_open = |stop: &Stop| {
        stop.responsible.may_be_this_network() || stop.responsible == Responsible::DeploymentOrPath
    };
    let leave_open = |state: &mut State| {
        if state.stop().is_some_and(is_open) {
            *state = State::Unknown { why: CallUnknown::ShutOut { from, now }.into() };
        }
    };
    leave_open(&mut summary.join.state);
    for way in &mut summary.ways {
        leave_open(&mut way.state);
        way.contacts.iter_mut().for_each(|contact| leave_open(&mut contact.state));
    }
    let of_nodes = summary.nodes.iter_mut().flat_map(|node| &mut node.ways);
    of_nodes.for_each(|way| leave_open(&mut way.state));
}

/// Where participants join, and how far that came.
fn join(attempt: &CallAttempt<'_>, ladder: Option<&Ladder<'_>>) -> Contact {
    let (address, state) = match (attempt.seen, ladder) {
        (Ok(facts), Some(ladder)) => (facts.signal.address, ladder.join.state()),
        (Err(why), _) => (attempt.spec.addresses.first().copied(), without_facts(attempt, why)),
        (Ok(_), None) => (None, State::Unknown { why: CallUnknown::NotAsked.into() }),
    };
    Contact {
        name: Some(attempt.spec.host.clone()),
        address,
        transport: Transport::Tcp,
        port: attempt.spec.port,
        range: None,
        tls: true,
        named_by_server: false,
        state,
        tried_ms: Some(attempt.in_run(0)),
    }
}

fn summary_of(attempt: &CallAttempt<'_>, ladder: Option<&Ladder<'_>>, way: Way) -> WaySummary {
    let contacts: Vec<Contact> = match ladder {
        Some(ladder) if way.is_relayed() => {
            ladder.relays(way).filter_map(|it| relay_contact(attempt, ladder, it)).collect()
        }
        Some(ladder) => ladder.direct(way).filter_map(|it| direct_contact(attempt, it)).collect(),
        None => Vec::new(),
    };
    let state = farthest(contacts.iter().map(|contact| &contact.state)).cloned();
    let state = state.unwrap_or_else(|| without_contact(ladder));
    WaySummary {
        way,
        small_packets_only: state.works() && ladder.is_some_and(|it| loses_large_packets(it, way)),
        dtls_passes: ladder.and_then(|ladder| passes_dtls(ladder, way)),
        closed_on_purpose: !attempt.case.allowed_ways().allow(way),
        contacts,
        state,
    }
}

fn direct_contact(attempt: &CallAttempt<'_>, rungs: &DirectRungs<'_>) -> Option<Contact> {
    let path = rungs.path;
    let (transport, port) = (path.way.transport(), Port::new(path.candidate.port())?);
    let address = Some(path.candidate.ip());
    Some(Contact {
        name: None,
        address,
        transport,
        port,
        range: range_of(attempt.case, transport, port),
        tls: false,
        named_by_server: !is_known(attempt.case, None, address, transport, port),
        state: rungs.state.clone(),
        tried_ms: Some(attempt.in_run(path.sent_ms.unwrap_or(path.ended_ms))),
    })
}

fn relay_contact(
    attempt: &CallAttempt<'_>,
    ladder: &Ladder<'_>,
    rungs: &RelayRungs<'_>,
) -> Option<Contact> {
    let parts = rungs.url?.parts.as_ref()?;
    let joined_ms = ladder.call.facts.signal.joined_ms;
    let name: Option<DomainName> = parts.host.parse().ok();
    let address = rungs.relay.server.map(|server| server.ip()).or(parts.host.parse().ok());
    let (transport, port) = (parts.transport, Port::new(parts.port)?);
    Some(Contact {
        named_by_server: !is_known(attempt.case, name.as_ref(), address, transport, port),
        name,
        address,
        transport,
        port,
        range: None,
        tls: matches!(parts.scheme, IceScheme::Turns | IceScheme::Stuns),
        state: rungs.state.clone(),
        tried_ms: Some(attempt.in_run(joined_ms.unwrap_or_default())),
    })
}

/// Of several states the one that came farthest; of equal ones the first.
fn farthest<'a>(states: impl Iterator<Item = &'a State>) -> Option<&'a State> {
    states.reduce(|best, state| if distance(state) > distance(best) { state } else { best })
}

fn distance(state: &State) -> (u8, u64) {
    match state {
        // The quickest of those that work.
        State::Works { took_ms } => (3, u64::MAX - took_ms),
        State::Stops(stop) => (2, stop.at as u64),
        State::Unknown { .. } => (1, 0),
        State::NotOffered => (0, 0),
    }
}

/// Whether large checks got lost on every path of this way on which small ones were answered.
fn loses_large_packets(ladder: &Ladder<'_>, way: Way) -> bool {
    let answered =
        ladder.call.facts.paths.iter().filter(|it| it.way == way && it.check.is_answered());
    let mut padded = answered.map(|path| path.padded.as_ref()).peekable();
    padded.peek().is_some() && padded.all(|check| check.is_some_and(|check| !check.is_answered()))
}

/// Whether the beginning of DTLS passes by this way, where a check does; `None`: not tried.
fn passes_dtls(ladder: &Ladder<'_>, way: Way) -> Option<bool> {
    let tried = ladder.proven(way).filter_map(|path| match path.dtls? {
        DtlsFacts::BothWays => Some(true),
        DtlsFacts::OnlyFromServer | DtlsFacts::NoHello | DtlsFacts::NoAnswer => Some(false),
        DtlsFacts::NotReached => None,
    });
    tried.reduce(|one, other| one || other)
}

/// A way for which there is no place to ask.
fn without_contact(ladder: Option<&Ladder<'_>>) -> State {
    let joined = ladder.filter(|ladder| ladder.join.state().works());
    let Some(session) = joined.and_then(|ladder| ladder.call.session()) else {
        return State::Unknown { why: CallUnknown::NoJoin.into() };
    };
    match &session.answer {
        SdpAnswer::Complete { .. } => State::NotOffered,
        SdpAnswer::NotAwaited => {
            State::Unknown { why: CallUnknown::Blind(Blindness::DeadlineSpent).into() }
        }
        answer => State::Stops(Stop {
            at: Step::Join,
            reason: ReasonCode::CandidateMissing,
            why: CandidatesSeen::OfferNotAnswered(answer.clone()).into(),
            certainty: Certainty::Suspected,
            responsible: Responsible::Deployment,
        }),
    }
}

/// Whether somebody else than the server knows a place: its name is one of the deployment, or without a
/// name, its address is one that the deployment declares or at which its API is; and the port tables have
/// such a port.
fn is_known(
    case: &Case<'_>,
    name: Option<&DomainName>,
    address: Option<IpAddr>,
    transport: Transport,
    port: Port,
) -> bool {
    let deployment = case.deployment;
    let is_own = match (name, address) {
        (Some(name), _) => {
            deployment.domain == *name || deployment.turn_domain.as_ref() == Some(name)
        }
        (None, Some(address)) => {
            let api =
                CallAttempt::find(case).is_some_and(|it| it.spec.addresses.contains(&address));
            api || deployment.nodes.iter().any(|node| node.has(address))
        }
        (None, None) => false,
    };
    is_own && ports_of_guide(case).any(|it| it.transport == transport && it.ports.contains(port))
}

/// The rows of the port tables.
fn ports_of_guide<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a PortScope> {
    case.ruleset.demanded(case.deployment).filter_map(|rule| match (&rule.demand, &rule.scope) {
        (Demand::PortRow(_), Scope::Ports(scope)) => Some(scope),
        _ => None,
    })
}

/// The range of the port tables that a port belongs to, where it is one of many.
fn range_of(case: &Case<'_>, transport: Transport, port: Port) -> Option<PortRange> {
    let is_range = |scope: &&PortScope| scope.ports.single().is_none();
    let mut ranges = ports_of_guide(case).filter(is_range);
    ranges.find(|it| it.transport == transport && it.ports.contains(port)).map(|it| it.ports)
}

/// The addresses under which the deployment sees this machine. Through a relay, or the deployment's
/// own proxy, it sees those.
fn seen_as(first: MadeCall<'_>) -> Vec<IpAddr> {
    let all = || first.facts.on_all_servers();
    let direct = all().flat_map(|call| &call.paths).filter_map(|path| match path.check {
        IceCheck::Answered { mapped } if !path.way.is_relayed() => mapped,
        _ => None,
    });
    let relays = all().flat_map(|call| &call.relays).filter_map(|relay| match relay.allocate {
        Some(StunAnswer::Success { mapped }) if relay.way == Way::TurnUdp => mapped,
        _ => None,
    });
    let mut addresses: Vec<IpAddr> = direct.chain(relays).map(|address| address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::call::{Certainty, Responsible, Step, Stop};
    use crate::model::reason::ReasonCode;

    fn stops(reason: ReasonCode) -> State {
        State::Stops(Stop {
            at: Step::Check,
            reason,
            why: CallUnknown::NotAsked.into(),
            certainty: Certainty::Proven,
            responsible: Responsible::NotKnown,
        })
    }

    #[test]
    fn of_states_that_came_equally_far_the_first_is_shown() {
        let (silent, reset) = (stops(ReasonCode::MediaSilent), stops(ReasonCode::TcpReset));
        let unknown = State::Unknown { why: CallUnknown::NotAsked.into() };
        assert_eq!(farthest([&unknown, &silent, &reset].into_iter()), Some(&silent));
        assert_eq!(farthest([&unknown, &reset, &silent].into_iter()), Some(&reset));
    }
}
