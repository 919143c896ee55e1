//! Calls on several Media Nodes: which of them carried one, and what that shows of each.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::judgement::{Judgement, Named, Place};
use super::ladder::{JoinRungs, Ladder};
use super::made::MadeCall;
use crate::model::call::Certainty;
use crate::model::deployment::{Node, NodeRole};
use crate::model::facts::{HttpAnswer, JoinAnswer, NodeSearch, SearchEnd};
use crate::model::name::NodeName;
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::seen::{CallUnknown, CandidateFault, CandidatesSeen, NodesSeen};
use crate::model::target::CandidateTarget;
use crate::model::verdict::Verdict;

/// 429 (RFC 6585 §4).
const TOO_MANY_REQUESTS: u16 = 429;

/// The calls of a run that were on the same Media Nodes.
pub(super) struct CallsOnNodes<'a> {
    /// None: on no declared one. Several: behind one address.
    pub nodes: Vec<&'a Node>,
    pub ladders: Vec<Ladder<'a>>,
}

impl CallsOnNodes<'_> {
    /// The node, where it is known which one.
    fn node(&self) -> Option<&NodeName> {
        match self.nodes.as_slice() {
            [only] => Some(&only.name),
            _ => None,
        }
    }
}

/// The calls of a run, by the nodes that they were on.
pub(super) fn by_node(first: MadeCall<'_>) -> Vec<CallsOnNodes<'_>> {
    let mut all: Vec<CallsOnNodes<'_>> = Vec::new();
    for call in first.on_all_servers() {
        let nodes = call.media_nodes();
        match all.iter_mut().find(|known| known.nodes == nodes) {
            Some(known) => known.ladders.push(Ladder::climb(call)),
            None => all.push(CallsOnNodes { nodes, ladders: vec![Ladder::climb(call)] }),
        }
    }
    all.sort_by_key(|group| group.node().is_none());
    all
}

/// Judges a demand by each call of a run that looked for all Media Nodes.
pub(super) fn judge(
    first: MadeCall<'_>,
    demand: &Demand,
    of_one: impl Fn(&Ladder<'_>) -> Judgement,
) -> Judgement {
    let groups = by_node(first);
    let all = || groups.iter().flat_map(|group| &group.ladders).map(&of_one);
    let judgement = match demand {
        // What the servers have in common is judged once.
        Demand::IceServersAgree
        | Demand::AllocationGranted
        | Demand::WrongPasswordRefused
        | Demand::ForeignPeersRefused => of_deployment(all()),
        Demand::CandidatesAgree => {
            let of_nodes =
                of_each_node(&groups, |ladders| of_deployment(ladders.iter().map(&of_one)));
            with_others(of_nodes, at_addresses_of_others(first))
        }
        // A leak counts, whichever server it is.
        Demand::MediaPathsOnly | Demand::NotPunchedOut => {
            of_each_node(&groups, |ladders| Judgement::worst(ladders.iter().map(&of_one)))
        }
        // Of several servers that claim one machine, one is there.
        _ => of_each_node(&groups, |ladders| {
            ladders.iter().map(&of_one).min_by_key(Judgement::badness)
        }),
    };
    judgement.unwrap_or_else(|| Judgement::unsettled(ReasonCode::Blind, CallUnknown::NotAsked))
}

/// The violations of all calls, those that are mended together once; without one the worst judgement.
fn of_deployment(all: impl Iterator<Item = Judgement>) -> Option<Judgement> {
    let all: Vec<Judgement> = all.flat_map(Judgement::apart).collect();
    let mut violations: Vec<&Judgement> = Vec::new();
    for judgement in all.iter().filter(|it| matches!(it.verdict, Verdict::Fail(_))) {
        let is_same =
            |it: &&Judgement| it.reason == judgement.reason && it.place == judgement.place;
        if !violations.iter().any(is_same) {
            violations.push(judgement);
        }
    }
    let violations = Judgement::several(violations.into_iter().cloned());
    violations.or_else(|| Judgement::worst(all.into_iter()))
}

/// The judgements of nodes with further violations, which take the place of what was right there.
fn with_others(of_nodes: Option<Judgement>, violations: Vec<Judgement>) -> Option<Judgement> {
    let is_violated = |judgement: &Judgement| {
        let node = &judgement.place.node;
        node.is_some() && violations.iter().any(|it| it.place.node == *node)
    };
    let parts = of_nodes.into_iter().flat_map(Judgement::apart);
    let kept: Vec<Judgement> =
        parts.filter(|it| matches!(it.verdict, Verdict::Fail(_)) || !is_violated(it)).collect();
    Judgement::several(kept.into_iter().chain(violations))
}

/// A judgement for each node, or for the calls of which it is not known on which they were.
fn of_each_node<'a>(
    groups: &[CallsOnNodes<'a>],
    of_calls: impl Fn(&[Ladder<'a>]) -> Option<Judgement>,
) -> Option<Judgement> {
    let all = groups.iter().flat_map(|group| {
        let judgements = of_calls(&group.ladders).into_iter().flat_map(Judgement::apart);
        judgements.map(|mut judgement| {
            if judgement.place.node.is_none() {
                judgement.place.node = group.node().cloned();
            }
            judgement
        })
    });
    Judgement::several(all)
}

/// Every Media Node carries calls, and no join fails on the way there.
pub(super) fn all_carry(first: MadeCall<'_>) -> Judgement {
    let Some(search) = &first.facts.search else {
        return Judgement::not_applicable(NodesSeen::NotSeveral);
    };
    let of_nodes = media_nodes(first).map(|node| of_node(first, search, node));
    let all = of_nodes.chain(of_joins(first, search));
    Judgement::several(all).unwrap_or_else(|| Judgement::not_applicable(NodesSeen::NotSeveral))
}

fn media_nodes<'a>(call: MadeCall<'a>) -> impl Iterator<Item = &'a Node> {
    let deployment = call.case.deployment;
    deployment.nodes_of(deployment.topology.media())
}

/// Whether a node carried a call.
fn of_node(first: MadeCall<'_>, search: &NodeSearch, node: &Node) -> Judgement {
    let place = Place { node: Some(node.name.clone()), ..Place::default() };
    let carried = carried_by(first, node);
    if !carried.is_empty() {
        return Judgement::pass(NodesSeen::Carried(carried)).at(place);
    }
    let names =
        |nodes: &[&Node]| -> Vec<NodeName> { nodes.iter().map(|it| it.name.clone()).collect() };
    let shared = first
        .on_all_servers()
        .map(|call| call.media_nodes())
        .find(|nodes| nodes.iter().any(|it| it.name == node.name));
    if let Some(nodes) = &shared {
        let servers = servers_of(first, nodes);
        if servers >= nodes.len() {
            let nodes = names(nodes);
            let seen = NodesSeen::CarriedBehindOneAddress { servers, nodes };
            return Judgement::uncontradicted(seen).at(place);
        }
    }
    let others = shared.iter().flatten().filter(|it| it.name != node.name);
    let seen = NodesSeen::NotCarried {
        rooms: search.rooms + 1,
        ended: search.ended,
        failures: search.failures,
        elsewhere: elsewhere(first),
        shares_with: others.map(|it| it.name.clone()).collect(),
    };
    let judgement = match search.ended {
        // Another run with the same token shows no more.
        SearchEnd::OneRoom => Judgement::vantage_limit,
        SearchEnd::AllFound | SearchEnd::NoOthers | SearchEnd::MostRooms | SearchEnd::OutOfTime => {
            Judgement::unsettled
        }
    };
    judgement(ReasonCode::NodeNotCalled, seen).at(place)
}

/// Where a node offered media to calls that were on it and on no other.
fn carried_by(first: MadeCall<'_>, node: &Node) -> Vec<IpAddr> {
    let on_it = first
        .on_all_servers()
        .filter(|call| matches!(call.media_nodes().as_slice(), [only] if only.name == node.name));
    let addresses: BTreeSet<IpAddr> = on_it
        .flat_map(|call| call.places())
        .map(|place| place.address.ip())
        .filter(|address| node.has(*address))
        .collect();
    addresses.into_iter().collect()
}

/// How many servers carried a call behind the common address of these nodes.
fn servers_of(first: MadeCall<'_>, nodes: &[&Node]) -> usize {
    let behind = first.on_all_servers().filter(|call| call.media_nodes() == nodes);
    behind.filter_map(|call| call.server_id()).collect::<BTreeSet<_>>().len()
}

/// Where calls offered media that were on no declared node.
fn elsewhere(first: MadeCall<'_>) -> Vec<IpAddr> {
    let unknown = first.on_all_servers().filter(|call| call.media_nodes().is_empty());
    let addresses: BTreeSet<IpAddr> =
        unknown.flat_map(|call| call.places()).map(|place| place.address.ip()).collect();
    addresses.into_iter().collect()
}

/// Whether joins fail that follow others which succeeded: behind a load balancer they take other ways.
fn of_joins(first: MadeCall<'_>, search: &NodeSearch) -> Option<Judgement> {
    if search.failures == 0 {
        return None;
    }
    let case = first.case;
    let mut stops = search.failed.iter().filter_map(|facts| {
        let is_limit = matches!(
            &facts.signal.join,
            Some(JoinAnswer::Refused(HttpAnswer::Response(answer)))
                if answer.status == TOO_MANY_REQUESTS
        );
        let state = JoinRungs::climb(&MadeCall { case, facts }).state();
        let stop = state.stop().cloned();
        stop.filter(|stop| stop.certainty != Certainty::CannotTell && !is_limit)
    });
    // Without one the network of this machine, or a limit for what one machine may ask, is as likely.
    let stop = stops.next_back()?;
    let seen = NodesSeen::SomeFailed {
        joins: search.rooms + 1,
        failures: search.failures,
        masters: case.deployment.nodes_of(NodeRole::Master).count(),
        why: Box::new(stop.why),
    };
    // A proxy may limit how many connections one machine opens at once.
    let host = Some(case.deployment.domain.clone());
    Some(Judgement::suspected(stop.reason, seen).at(Place { host, ..Place::default() }))
}

/// Servers that offer media at the address of a node where another one answers and they do not: they have
/// the address of the other one for their own.
fn at_addresses_of_others(first: MadeCall<'_>) -> Vec<Judgement> {
    let missing = media_nodes(first).filter(|node| carried_by(first, node).is_empty());
    let not_carried: Vec<NodeName> = missing.map(|node| node.name.clone()).collect();
    let wrong = first.on_all_servers().filter_map(|call| {
        let own = call.media_nodes();
        let place = call.places().find(|place| {
            let address = place.address.ip();
            let is_known = call.is_of_another_node(address) || !not_carried.is_empty();
            is_known && is_anothers(first, &call, address)
        })?;
        let address = place.address.ip();
        let owner = call.place_at(address).node?;
        let node = match (own.as_slice(), not_carried.as_slice()) {
            ([own], _) if own.name != owner => Some(own.name.clone()),
            (_, [only]) => Some(only.clone()),
            _ => None,
        };
        let is_not_known = node.as_ref().is_some_and(|node| not_carried.contains(node));
        let fault = CandidateFault::OfAnotherNode {
            node: owner,
            not_carried: if is_not_known { not_carried.clone() } else { Vec::new() },
        };
        let seen = CandidatesSeen::Wrong(fault);
        let candidate = Some(CandidateTarget::from(place));
        let judgement = Judgement::suspected(ReasonCode::CandidateWrong, seen);
        let place = Place { node, candidate, ..Place::default() };
        Some(judgement.naming(Named::Address(address)).at(place))
    });
    wrong.collect()
}

/// Whether another server answers at an address, and this one does not.
fn is_anothers(first: MadeCall<'_>, call: &MadeCall<'_>, address: IpAddr) -> bool {
    let answers =
        |call: &MadeCall<'_>| call.answered_directly().any(|path| path.candidate.ip() == address);
    let mut others = first
        .on_all_servers()
        .filter(|other| other.server_id().is_some() && other.server_id() != call.server_id());
    call.server_id().is_some() && !answers(call) && others.any(|other| answers(&other))
}
