//! TURN servers: what they grant, to whom, where it leads, and where it must not lead.

use std::net::IpAddr;

use super::super::judgement::{Judgement, Place};
use super::ladder::{Ladder, RelayRungs};
use super::paths::place;
use super::{of_state, of_stop};
use crate::model::call::State;
use crate::model::deployment::Edition;
use crate::model::facts::{PeerKind, PermissionFacts, ServerText, StunAnswer};
use crate::model::reason::ReasonCode;
use crate::model::seen::{GrantedRelay, MediaSeen, RefusedPassword, RelaySeen};
use crate::model::verdict::Verdict;

/// There is no relay that something could be said of.
fn nothing_to_judge(ladder: &Ladder<'_>, why: RelaySeen) -> Judgement {
    match ladder.relays.is_empty() {
        true => Judgement::not_applicable(RelaySeen::NoServer),
        false => Judgement::unsettled(ReasonCode::Blocked, why),
    }
}

fn url(rungs: &RelayRungs<'_>) -> ServerText {
    rungs.url.map_or_else(|| ServerText::new(""), |url| url.text.clone())
}

/// Each TURN server that answers grants a relay.
pub(super) fn granted(ladder: &Ladder<'_>) -> Judgement {
    let refusals = ladder.relays.iter().filter_map(|it| Some(of_stop(it.refusal()?).at(place(it))));
    if let Some(refused) = Judgement::several(refusals) {
        return refused;
    }
    let granted = ladder.relays.iter().filter(|it| it.is_granted()).map(|it| GrantedRelay {
        turn_url: url(it),
        relayed: it.relay.relayed,
        after_ms: it.relay.ended_ms,
    });
    let granted: Vec<GrantedRelay> = granted.collect();
    match granted.is_empty() {
        true => nothing_to_judge(ladder, RelaySeen::NoServerAnswers),
        false => Judgement::pass(RelaySeen::Granted(granted)),
    }
}

/// What each relay sends to the media port is answered.
pub(super) fn carry(ladder: &Ladder<'_>) -> Judgement {
    let granted = ladder.relays.iter().filter(|it| it.is_granted());
    let all = granted.map(|it| {
        let judgement = match &it.media {
            State::Works { .. } => Judgement::pass(answered(ladder, it)),
            state => of_state(state),
        };
        judgement.at(place(it))
    });
    let all: Vec<Judgement> = all.collect();
    let violations = all.iter().filter(|it| matches!(it.verdict, Verdict::Fail(_))).cloned();
    Judgement::several(violations)
        .or_else(|| Judgement::worst(all.into_iter()))
        .unwrap_or_else(|| nothing_to_judge(ladder, RelaySeen::NoRelay))
}

fn answered(ladder: &Ladder<'_>, rungs: &RelayRungs<'_>) -> MediaSeen {
    let answered = rungs.paths.iter().find(|path| path.check.is_answered());
    let proven = answered.map(|path| ladder.call.checked(path)).into_iter().collect();
    MediaSeen::Answered { proven, others: Vec::new() }
}

/// No relay for a wrong password.
pub(super) fn refuse_wrong_password(ladder: &Ladder<'_>) -> Judgement {
    let asked =
        || ladder.relays.iter().filter_map(|it| Some((it, it.relay.wrong_password.as_ref()?)));
    let accepted = asked().filter(|(_, answer)| matches!(answer, StunAnswer::Success { .. }));
    let violations = accepted.map(|(it, _)| {
        Judgement::fail(ReasonCode::PasswordIgnored, RelaySeen::WrongPasswordAccepted).at(place(it))
    });
    if let Some(accepted) = Judgement::several(violations) {
        return accepted;
    }
    let refused = asked().filter(|(_, answer)| refuses_password(answer));
    let refused: Vec<RefusedPassword> = refused
        .map(|(it, answer)| RefusedPassword { turn_url: url(it), answer: answer.clone() })
        .collect();
    match refused.is_empty() {
        true if asked().any(|(_, answer)| is_unsigned(answer)) => grant_not_signed(),
        true => nothing_to_judge(ladder, RelaySeen::WrongPasswordUnanswered),
        false => Judgement::pass(RelaySeen::WrongPasswordRefused(refused)),
    }
}

fn is_unsigned(answer: &StunAnswer) -> bool {
    matches!(answer, StunAnswer::NotSigned { .. })
}

/// What is not signed neither accuses a server nor clears it: a device on the path can send it.
fn grant_not_signed() -> Judgement {
    Judgement::unsettled(ReasonCode::TurnNotSigned, RelaySeen::GrantNotSigned)
}

/// Whether an error is about the password: other errors come from servers that never looked at it,
/// such as one that has no relay left (RFC 8489 §9.2.4; 400 is what LiveKit says).
fn refuses_password(answer: &StunAnswer) -> bool {
    matches!(answer, StunAnswer::Error { code: 400 | 401 | 431 | 441, .. })
}

/// Whether an error can be about the peer: these are about the request or the allocation
/// (RFC 8656 §18, RFC 8489 §14.8). LiveKit's refusal carries no code of its own.
fn refuses_peer(answer: &StunAnswer) -> bool {
    const ABOUT_OTHERS: [u16; 7] = [401, 420, 437, 438, 441, 486, 500];
    matches!(answer, StunAnswer::Error { code, .. } if !ABOUT_OTHERS.contains(code))
}

/// No relay to machines that are not the deployment's.
pub(super) fn refuse_foreign_peers(ladder: &Ladder<'_>) -> Judgement {
    let refuses_strangers = ladder.call.case.deployment.edition >= Edition::V3_6;
    let is_judged = |permission: &&PermissionFacts| match permission.why {
        PeerKind::Loopback | PeerKind::LinkLocal | PeerKind::Private => true,
        PeerKind::Foreign => refuses_strangers,
        PeerKind::Candidate => false,
    };
    let granted: Vec<&RelayRungs<'_>> = ladder.relays.iter().filter(|it| it.is_granted()).collect();
    if granted.is_empty() {
        return nothing_to_judge(ladder, RelaySeen::NoRelay);
    }
    let violations = granted.iter().flat_map(|it| {
        let judged = it.relay.permissions.iter().filter(is_judged);
        let allowed: Vec<_> = judged
            .filter(|permission| matches!(permission.answer, StunAnswer::Success { .. }))
            .map(|permission| (permission.peer, permission.why))
            .collect();
        by_remedy(allowed).into_iter().map(|(reason, peers)| {
            // One setting each, so that each is a finding that can be told from the others.
            let address = match peers.as_slice() {
                [(peer, _)] => Some(*peer),
                _ => None,
            };
            let seen = RelaySeen::PeersAllowed(peers);
            Judgement::fail(reason, seen).at(Place { address, ..place(it) })
        })
    });
    if let Some(allowed) = Judgement::several(violations) {
        return allowed;
    }
    let asked: Vec<&PermissionFacts> =
        granted.iter().flat_map(|it| it.relay.permissions.iter().filter(is_judged)).collect();
    let refused = asked.iter().filter(|it| refuses_peer(&it.answer));
    let mut peers: Vec<_> = refused.map(|permission| permission.peer).collect();
    let all = peers.len() == asked.len();
    if asked.iter().any(|it| is_unsigned(&it.answer)) {
        return grant_not_signed();
    }
    if peers.is_empty() {
        return Judgement::unsettled(ReasonCode::StunNoResponse, RelaySeen::PeersUnanswered);
    }
    peers.sort_unstable();
    peers.dedup();
    let seen = RelaySeen::PeersRefused { peers, all };
    if all { Judgement::pass(seen) } else { Judgement::uncontradicted(seen) }
}

/// Permitted peers, by what is mended in one step. A relay that permits every kind of inner address
/// restricts nothing, and one step mends all of it; otherwise each kind is a setting of its own.
fn by_remedy(allowed: Vec<(IpAddr, PeerKind)>) -> Vec<(ReasonCode, Vec<(IpAddr, PeerKind)>)> {
    let of_kind = |kind: PeerKind| {
        let peers: Vec<_> = allowed.iter().copied().filter(|(_, why)| *why == kind).collect();
        Some((reason_for(kind)?, peers)).filter(|(_, peers)| !peers.is_empty())
    };
    let inner = [PeerKind::Loopback, PeerKind::LinkLocal, PeerKind::Private];
    if inner.iter().all(|kind| of_kind(*kind).is_some()) {
        return vec![(ReasonCode::PeerAllowed, allowed)];
    }
    inner.into_iter().chain([PeerKind::Foreign]).filter_map(of_kind).collect()
}

fn reason_for(kind: PeerKind) -> Option<ReasonCode> {
    match kind {
        PeerKind::Candidate => None,
        PeerKind::Loopback => Some(ReasonCode::PeerLoopbackAllowed),
        PeerKind::LinkLocal => Some(ReasonCode::PeerLinkLocalAllowed),
        PeerKind::Private => Some(ReasonCode::PeerPrivateAllowed),
        PeerKind::Foreign => Some(ReasonCode::PeerInternetAllowed),
    }
}
