//! Where LiveKit offers media, and whether users can get there.

use std::net::IpAddr;

use super::super::judgement::{Judgement, Named, Place};
use super::ladder::Ladder;
use super::made::MadeCall;
use crate::model::address::{AddressKind, is_private};
use crate::model::facts::{CandidateFacts, CandidatePlace, SdpAnswer, SessionFacts};
use crate::model::observation::Blindness;
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, Scope, Service};
use crate::model::seen::{CallUnknown, CandidateFault, CandidatesSeen, OfferedPlace, ReachedBy};
use crate::model::target::{CandidateTarget, Family};
use crate::model::vantage::Zone;

/// Whose the address of a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressOwner {
    /// A machine that carries media: users reach it there.
    Right,
    /// The same, by an address that only the deployment's machines reach.
    Inside,
    /// Nobody declared whose public addresses are.
    Unknown,
    /// Of a private network, and nobody declared it.
    Private,
    /// Of no machine that others could reach: loopback, link-local, Docker's bridge and the like.
    Unreachable,
    /// Public, and no machine that carries media has it.
    Foreign,
}

/// Whose the address of a candidate is.
pub(super) fn owner(call: &MadeCall<'_>, address: IpAddr) -> AddressOwner {
    let deployment = call.case.deployment;
    let media = || deployment.nodes_of(deployment.topology.media());
    if media().any(|node| node.addresses.contains(&address)) {
        return AddressOwner::Right;
    }
    if media().any(|node| node.private_addresses.contains(&address)) {
        return AddressOwner::Inside;
    }
    // Users who reach the API at a private address are in the same private network.
    let api_is_private = || call.facts.signal.address.is_some_and(is_private);
    match AddressKind::from(address) {
        AddressKind::Loopback
        | AddressKind::LinkLocal
        | AddressKind::DockerBridge
        | AddressKind::NoHost => AddressOwner::Unreachable,
        AddressKind::Private if media().next().is_none() && api_is_private() => {
            AddressOwner::Unknown
        }
        AddressKind::Private => AddressOwner::Private,
        AddressKind::Public if media().next().is_some() => AddressOwner::Foreign,
        AddressKind::Public => AddressOwner::Unknown,
    }
}

/// Whether users can get to this address. From inside the deployment other addresses lead
/// somewhere, and what they show says nothing about users.
pub(super) fn is_reachable(call: &MadeCall<'_>, address: IpAddr) -> bool {
    call.case.vantage.zone != Zone::Internet
        || match owner(call, address) {
            AddressOwner::Right | AddressOwner::Unknown | AddressOwner::Foreign => true,
            AddressOwner::Inside | AddressOwner::Private | AddressOwner::Unreachable => false,
        }
}

/// LiveKit offers media at the deployment's own public addresses.
pub(super) fn agree(ladder: &Ladder<'_>) -> Judgement {
    let call = &ladder.call;
    let Some(session) = call.session() else {
        return Judgement::unsettled(ReasonCode::Blind, CallUnknown::NoJoin);
    };
    if let Some(judgement) = without_candidates(session) {
        return judgement;
    }
    // UDP and TCP at one address are one mistake: LiveKit takes it for its own.
    let mut addresses: Vec<Option<IpAddr>> = Vec::new();
    let wrong = session.candidates.iter().filter_map(|candidate| {
        let fault = fault(call, candidate)?;
        let address = candidate.place.map(|place| place.address.ip());
        let is_known = address.is_some() && addresses.contains(&address);
        addresses.push(address);
        (!is_known).then(|| violation(call, candidate, fault))
    });
    Judgement::several(wrong).unwrap_or_else(|| right(call, session))
}

fn violation(call: &MadeCall<'_>, candidate: &CandidateFacts, fault: CandidateFault) -> Judgement {
    let (named, place) = match candidate.place {
        Some(place) => {
            let address = place.address.ip();
            let candidate = Some(CandidateTarget::from(place));
            (Named::Address(address), Place { candidate, ..call.place_at(address) })
        }
        None => {
            let text = &candidate.text;
            let candidate = Some(CandidateTarget::Unreadable(text.clone()));
            (Named::UnreadableAddress, Place { candidate, ..Place::default() })
        }
    };
    Judgement::fail(ReasonCode::CandidateWrong, CandidatesSeen::Wrong(fault))
        .naming(named)
        .at(place)
}

/// There is no candidate that something could be said of.
fn without_candidates(session: &SessionFacts) -> Option<Judgement> {
    let reason = ReasonCode::CandidateMissing;
    let unanswered = CandidatesSeen::OfferNotAnswered(session.answer.clone());
    let none = CandidatesSeen::NoneOffered { list_ended: session.all_candidates };
    match &session.answer {
        SdpAnswer::Malformed(_) => Some(Judgement::fail(reason, unanswered)),
        SdpAnswer::NotAwaited => {
            let why = CallUnknown::Blind(Blindness::DeadlineSpent);
            Some(Judgement::unsettled(ReasonCode::Blind, why))
        }
        SdpAnswer::Missing | SdpAnswer::Left { .. } => {
            Some(Judgement::suspected(reason, unanswered))
        }
        SdpAnswer::Complete { .. } if !session.candidates.is_empty() => None,
        SdpAnswer::Complete { .. } if session.all_candidates => Some(Judgement::fail(reason, none)),
        SdpAnswer::Complete { .. } => Some(Judgement::suspected(reason, none)),
    }
}

/// Why users do not get their media from a candidate, if they do not.
fn fault(call: &MadeCall<'_>, candidate: &CandidateFacts) -> Option<CandidateFault> {
    let Some(place) = candidate.place else {
        return Some(CandidateFault::Unreadable);
    };
    let address = place.address.ip();
    let owner = owner(call, address);
    // If all media goes through relays, an address is right when the relays reach it. Whether they
    // do, other rules say.
    let is_for_relays = call.case.allowed_ways().are_relayed();
    let is_wrong = match owner {
        AddressOwner::Right | AddressOwner::Unknown => false,
        AddressOwner::Foreign => true,
        AddressOwner::Inside | AddressOwner::Private => !is_for_relays && !has_better(call, place),
        AddressOwner::Unreachable => !(is_for_relays && call.is_answered_at(address, true)),
    };
    is_wrong.then(|| match owner {
        AddressOwner::Unreachable | AddressOwner::Private => {
            CandidateFault::Unreachable(address.into())
        }
        AddressOwner::Inside => CandidateFault::OnlyInside,
        AddressOwner::Foreign | AddressOwner::Right | AddressOwner::Unknown => {
            match call.case.deployment.nodes_at(address).next() {
                Some(node) => {
                    CandidateFault::CarriesNoMedia { node: node.name.clone(), role: node.role }
                }
                // It may only not be declared.
                None => CandidateFault::Undeclared { answers: call.is_answered_at(address, false) },
            }
        }
    })
}

/// Whether the same transport is offered at an address of the same family that users reach.
fn has_better(call: &MadeCall<'_>, place: CandidatePlace) -> bool {
    let family = |place: CandidatePlace| Family::of(place.address.ip());
    call.places().any(|other| {
        other.transport == place.transport
            && family(other) == family(place)
            && matches!(
                owner(call, other.address.ip()),
                AddressOwner::Right | AddressOwner::Unknown
            )
    })
}

/// The judgement of candidates of which none is wrong.
fn right(call: &MadeCall<'_>, session: &SessionFacts) -> Judgement {
    let is_right = |place: CandidatePlace| owner(call, place.address.ip()) == AddressOwner::Right;
    let is_compared = call.places().any(is_right);
    let seen = CandidatesSeen::Offered {
        places: call.places().map(|place| offered(call, place)).collect(),
        list_ended: session.all_candidates,
        not_compared: (!is_compared).then(|| call.case.deployment.topology.media()),
    };
    if is_compared && session.all_candidates {
        Judgement::pass(seen)
    } else {
        Judgement::uncontradicted(seen)
    }
}

fn offered(call: &MadeCall<'_>, place: CandidatePlace) -> OfferedPlace {
    let reached_by = match owner(call, place.address.ip()) {
        AddressOwner::Right | AddressOwner::Unknown | AddressOwner::Foreign => ReachedBy::Users,
        AddressOwner::Inside | AddressOwner::Private => ReachedBy::Deployment,
        AddressOwner::Unreachable => ReachedBy::Relay,
    };
    let mut guide_ports = media_ports(call, place.transport);
    let port = Port::new(place.address.port());
    if guide_ports.iter().any(|range| port.is_some_and(|port| range.contains(port))) {
        guide_ports.clear();
    }
    OfferedPlace { place, reached_by, guide_ports }
}

/// The ports at which media is to be expected.
fn media_ports(call: &MadeCall<'_>, transport: Transport) -> Vec<PortRange> {
    let case = call.case;
    let rules = case.ruleset.demanded(case.deployment);
    let rows = rules.filter_map(|rule| match (&rule.demand, &rule.scope) {
        (Demand::PortRow(row), Scope::Ports(scope)) => Some((row, scope)),
        _ => None,
    });
    rows.filter(|(row, scope)| {
        scope.transport == transport
            && scope.roles.contains(&case.deployment.topology.media())
            && (scope.ports.single().is_none() || row.service == Some(Service::IceTcp))
    })
    .map(|(_, scope)| scope.ports)
    .collect()
}
