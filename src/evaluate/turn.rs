//! STUN and TURN, over TLS and over UDP.

use super::judgement::{Judged, Judgement};
use super::reasons::{connect_reason, handshake_reason, stun_reason};
use super::udp;
use super::view::View;
use crate::model::address::is_of_no_other_machine;
use crate::model::deployment::NodeRole;
use crate::model::facts::{
    DatagramProtocol, FirstBytes, Handshake, HoldFacts, HttpAnswer, IdleEnd, LivekitReply,
    StunAnswer, TurnFacts,
};
use crate::model::reason::ReasonCode;
use crate::model::seen::{BackendSign, Seen, TurnSeen};

pub(super) fn answers_binding(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let Some(binding) = &facts.binding else {
        return Ok(not_reached(facts));
    };
    if let StunAnswer::Success { mapped: Some(_) } = binding {
        return Ok(Judgement::pass(binding));
    }
    Ok(match facts.connect {
        Some(_) => wrong_backend(view, facts, binding),
        None => match &facts.other_protocol {
            Some(protocol) => in_other_protocol(view, protocol),
            None => over_udp(view, binding),
        },
    })
}

/// It did not come to a STUN request.
fn not_reached(facts: &TurnFacts) -> Judgement {
    match (&facts.handshake, &facts.connect) {
        (Some(handshake), _) if !matches!(handshake, Handshake::Completed(_)) => {
            Judgement::fail(handshake_reason(handshake), handshake)
        }
        (_, Some(connect)) => Judgement::fail(connect_reason(connect), connect),
        (_, None) => Judgement::unsettled(ReasonCode::StunNoResponse, TurnSeen::NoRequest),
    }
}

/// What is behind the name instead of a TURN server: a raw STUN Binding and one HTTP request tell
/// the backends apart.
fn wrong_backend(view: &View<'_>, facts: &TurnFacts, binding: &StunAnswer) -> Judgement {
    match (binding, &facts.instead) {
        (StunAnswer::NotStun(FirstBytes::Http(line)), _) => {
            let seen = TurnSeen::HttpToStun { line: line.clone(), front: view.http_front() };
            Judgement::fail(ReasonCode::WrongService, seen)
        }
        (StunAnswer::Silent, Some(HttpAnswer::Response(response))) => {
            let is_livekit = LivekitReply::Healthy.is_in(response);
            let seen = TurnSeen::WebServer { is_livekit, response: response.essence() };
            Judgement::fail(ReasonCode::WrongService, seen)
        }
        (StunAnswer::NotStun(FirstBytes::Tls), _) => view.backend_down(BackendSign::SpeaksTls),
        (StunAnswer::Closed | StunAnswer::Reset, _) => view.backend_down(BackendSign::HangsUp),
        (StunAnswer::Silent, _) => view.backend_down(BackendSign::Silent),
        _ => Judgement::fail(stun_reason(binding), TurnSeen::NotTurn(binding.clone())),
    }
}

/// A server of another protocol has the port.
fn in_other_protocol(view: &View<'_>, protocol: &DatagramProtocol) -> Judgement {
    let reason = match protocol {
        DatagramProtocol::Quic { .. } => ReasonCode::QuicAnswers,
        DatagramProtocol::Dtls { .. } => ReasonCode::WrongService,
    };
    let deployment = view.case.deployment;
    let is_proxy = view.check.target.address.is_some_and(|address| {
        deployment.nodes_at(address).any(|node| node.role == NodeRole::Proxy)
    });
    let seen = TurnSeen::OtherProtocol { protocol: protocol.clone(), is_proxy };
    match protocol.is_bound_to_question() {
        true => Judgement::fail(reason, seen),
        false => Judgement::suspected(reason, seen),
    }
}

fn over_udp(view: &View<'_>, binding: &StunAnswer) -> Judgement {
    let reason = stun_reason(binding);
    match binding {
        StunAnswer::Silent if !view.sees_udp(view.family()) => {
            Judgement::unsettled(reason, TurnSeen::NothingOverUdp)
        }
        StunAnswer::Silent => {
            let no_service = || udp::no_service(view, reason, TurnSeen::SilentOverUdp);
            view.nobody_there().unwrap_or_else(no_service)
        }
        // A router says the same of an address of which nothing is known.
        StunAnswer::Icmp(_) => {
            view.nobody_there().unwrap_or_else(|| Judgement::fail(reason, binding))
        }
        StunAnswer::Unrelated(_) => Judgement::suspected(reason, binding),
        _ => Judgement::fail(reason, binding),
    }
}

pub(super) fn challenges_allocate(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let Some(allocate) = &facts.allocate else {
        return Ok(not_reached(facts));
    };
    Ok(match allocate {
        StunAnswer::Error { code: 401, realm: Some(realm), nonce_bytes: Some(_), .. } => {
            Judgement::pass(TurnSeen::Challenges { realm: realm.clone() })
        }
        StunAnswer::Success { .. } => {
            Judgement::fail(ReasonCode::TurnNoChallenge, TurnSeen::OpenRelay)
        }
        StunAnswer::Error { .. } => Judgement::fail(ReasonCode::TurnNoChallenge, allocate),
        // Binding was answered on the same path a moment before: a lost packet, or a server that
        // does not relay.
        StunAnswer::Silent => {
            Judgement::suspected(ReasonCode::TurnNoChallenge, TurnSeen::AllocateSilent)
        }
        StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_)
        | StunAnswer::Malformed(_) => Judgement::fail(stun_reason(allocate), allocate),
        StunAnswer::Unrelated(_) | StunAnswer::NotSigned { .. } => {
            Judgement::suspected(stun_reason(allocate), allocate)
        }
    })
}

pub(super) fn mapped_plausible(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let mapped = match &facts.binding {
        Some(StunAnswer::Success { mapped }) => *mapped,
        _ => None,
    };
    Ok(match mapped {
        Some(mapped) if is_of_no_other_machine(mapped.ip()) => {
            let seen = TurnSeen::MappedToNoOtherMachine(mapped.ip());
            Judgement::fail(ReasonCode::MappedAddressImplausible, seen)
        }
        Some(mapped) => Judgement::pass(TurnSeen::MappedAddress(mapped)),
        None => Judgement::unsettled(ReasonCode::StunBadResponse, TurnSeen::NoMappedAddress),
    })
}

/// How much earlier than demanded an end may seem to come: the peer's clock began to run before its
/// answer reached us.
const SLACK_MS: u64 = 500;

/// Whether a connection without traffic is left alone for `seconds`.
pub(super) fn holds_idle(view: &View<'_>, seconds: u16) -> Judged {
    let facts = view.hold()?;
    let Some(idle) = facts.idle else {
        let seen = Seen::OnlyThisTime(Box::new(met_before_idle(facts)));
        return Ok(Judgement::unsettled(ReasonCode::StunNoResponse, seen));
    };
    let (ms, demanded_s) = (idle.ms, seconds);
    let is_long_enough = ms + SLACK_MS >= u64::from(demanded_s) * 1000;
    Ok(match (idle.end, is_long_enough) {
        (IdleEnd::Answers, true) => Judgement::pass(TurnSeen::IdleKept { ms }),
        (IdleEnd::Answers, false) => {
            Judgement::uncontradicted(TurnSeen::IdleKeptSoFar { ms, demanded_s })
        }
        (IdleEnd::Closed | IdleEnd::Reset | IdleEnd::Forgotten, true) => {
            Judgement::pass(TurnSeen::IdleEndedLater { ms })
        }
        (end @ (IdleEnd::Closed | IdleEnd::Reset), false) => {
            let by_reset = end == IdleEnd::Reset;
            let seen = TurnSeen::IdleCut { ms, by_reset, demanded_s };
            Judgement::fail(ReasonCode::IdleCut, seen)
        }
        // What is lost on the way is sent again by TCP, but not for ever.
        (IdleEnd::Forgotten, false) => {
            Judgement::suspected(ReasonCode::IdleCut, TurnSeen::IdleForgotten { ms, demanded_s })
        }
        (IdleEnd::Spoke, _) => {
            Judgement::unsettled(ReasonCode::StunBadResponse, TurnSeen::Unasked { ms })
        }
    })
}

/// What the connection met, when it did not come to a time without traffic.
fn met_before_idle(facts: &HoldFacts) -> Seen {
    facts.binding.as_ref().map_or_else(|| Seen::from(&facts.connect), Seen::from)
}
