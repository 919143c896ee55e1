//! The ways that media can take, each by itself.

use super::super::judgement::{Judgement, Place};
use super::ladder::{DirectRungs, Ladder, RelayRungs};
use super::made::MadeCall;
use super::{of_state, of_stop};
use crate::model::deployment::RtcEngine;
use crate::model::facts::{IceScheme, PathFacts, Way};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::seen::{CallUnknown, MediaSeen};

/// An authenticated ICE check is answered by this way.
pub(super) fn passes(ladder: &Ladder<'_>, way: Way) -> Judgement {
    let call = &ladder.call;
    let proven: Vec<&PathFacts> = ladder.proven(way).collect();
    if proven.is_empty() {
        return if way.is_relayed() { by_relay(ladder, way) } else { directly(ladder, way) };
    }
    let others = call.facts.paths.iter().filter(|it| it.way == way && !proven.contains(it));
    Judgement::pass(MediaSeen::Answered {
        others: others.map(|path| call.checked(path)).collect(),
        proven: proven.iter().map(|path| call.checked(path)).collect(),
    })
}

/// A way straight to the candidates, by which no check was answered.
fn directly(ladder: &Ladder<'_>, way: Way) -> Judgement {
    let all: Vec<&DirectRungs<'_>> = ladder.direct(way).collect();
    if all.is_empty() {
        return not_offered(&ladder.call, way);
    }
    let reachable = all.iter().filter(|rungs| rungs.is_reachable);
    let worst = Judgement::worst(
        reachable.map(|rungs| of_state(&rungs.check).at(ladder.call.place_of(rungs.path))),
    );
    worst.unwrap_or_else(|| {
        let places = all.iter().map(|rungs| rungs.path.candidate).collect();
        let seen = MediaSeen::OfferedNowhere(places);
        Judgement::fail(ReasonCode::CandidateWrong, seen).at(ladder.call.place_of(all[0].path))
    })
}

fn not_offered(call: &MadeCall<'_>, way: Way) -> Judgement {
    if call.places().any(|place| place.transport == way.transport_at_candidate()) {
        return Judgement::unsettled(ReasonCode::Blind, CallUnknown::NotAsked);
    }
    let list_ended = call.session().is_some_and(|session| session.all_candidates);
    // Mediasoup offers none before edition 3.9.
    let is_of_pion = call.case.deployment.rtc_engine == RtcEngine::Pion;
    if way == Way::IceTcp && !is_of_pion && list_ended {
        return Judgement::not_applicable(MediaSeen::NotOfMediasoup);
    }
    let seen = MediaSeen::NotOffered { list_ended };
    match list_ended {
        true => Judgement::fail(ReasonCode::CandidateMissing, seen),
        false => Judgement::suspected(ReasonCode::CandidateMissing, seen),
    }
}

/// A way through TURN servers, by which no check counts as answered.
fn by_relay(ladder: &Ladder<'_>, way: Way) -> Judgement {
    let of_relays = ladder.relays(way).map(|rungs| before_dtls(rungs).at(place(rungs)));
    Judgement::worst(of_relays).unwrap_or_else(|| not_named(&ladder.call, way))
}

/// How far a browser comes with a TURN server. DTLS has a rule of its own.
fn before_dtls(rungs: &RelayRungs<'_>) -> Judgement {
    match (&rungs.door, &rungs.certificate, &rungs.allocation) {
        (Some(stop), _, _) | (None, Some(stop), _) => of_stop(stop),
        (None, None, Some(state)) => of_state(state),
        (None, None, None) => of_state(&rungs.media),
    }
}

/// The place of a violation that a TURN server shows.
pub(super) fn place(rungs: &RelayRungs<'_>) -> Place {
    Place { turn_url: rungs.url.map(|url| url.text.clone()), ..Place::default() }
}

fn not_named(call: &MadeCall<'_>, way: Way) -> Judgement {
    let mut parts = call.ice_servers().iter().filter_map(|url| url.parts.as_ref());
    let is_named = parts.any(|parts| match (parts.scheme, parts.transport) {
        (IceScheme::Turn, Transport::Udp) => way == Way::TurnUdp,
        (IceScheme::Turns, _) | (IceScheme::Turn, Transport::Tcp) => way == Way::Turns,
        (IceScheme::Stun | IceScheme::Stuns, _) => false,
    });
    match is_named {
        true => Judgement::unsettled(ReasonCode::Blind, CallUnknown::NotAsked),
        false => Judgement::fail(ReasonCode::IceServerMissing, MediaSeen::NoServerNamed),
    }
}
