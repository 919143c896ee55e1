//! STUN and TURN, over TLS and over UDP.

use super::judgement::{Judged, Judgement};
use super::view::View;
use super::words;
use crate::model::facts::{FirstBytes, Handshake, HttpAnswer, IdleEnd, StunAnswer, TurnFacts};
use crate::model::reason::ReasonCode;

pub(super) fn answers_binding(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let Some(binding) = &facts.binding else {
        return Ok(not_reached(facts));
    };
    if let StunAnswer::Success { mapped: Some(mapped) } = binding {
        return Ok(Judgement::pass(format!("success, mapped address {mapped}")));
    }
    Ok(match facts.connect {
        Some(_) => wrong_backend(view, facts, binding),
        None => over_udp(view, binding),
    })
}

/// It did not come to a STUN request.
fn not_reached(facts: &TurnFacts) -> Judgement {
    match (&facts.handshake, &facts.connect) {
        (Some(handshake), _) if !matches!(handshake, Handshake::Completed(_)) => {
            let (reason, observed) = words::handshake(handshake);
            Judgement::fail(reason, observed)
        }
        (_, Some(connect)) => {
            Judgement::fail(words::connect_reason(connect), words::connect(connect))
        }
        (_, None) => Judgement::unsettled(ReasonCode::StunNoResponse, "no request was sent"),
    }
}

/// What is behind the name instead of a TURN server: a raw STUN Binding and one HTTP request tell
/// the backends apart.
fn wrong_backend(view: &View<'_>, facts: &TurnFacts, binding: &StunAnswer) -> Judgement {
    let place = view.place();
    let (reason, answer) = words::stun(binding);
    match (binding, &facts.instead) {
        (StunAnswer::NotStun(FirstBytes::Http(line)), _) => {
            let who = match view.http_front() {
                Some((server, what)) => format!("{what} (Server: {server})"),
                None => "an HTTP proxy".to_owned(),
            };
            Judgement::fail(
                ReasonCode::WrongService,
                format!("{place} reaches {who}, not the TURN server\n\"{line}\" in answer to STUN"),
            )
        }
        (StunAnswer::Silent, Some(HttpAnswer::Response(response))) => {
            let as_livekit = response.status == 200 && response.body.as_str().trim() == "OK";
            let (_, seen) = words::http(&HttpAnswer::Response(response.clone()));
            let who = if as_livekit { "the LiveKit API" } else { "a web server" };
            Judgement::fail(
                ReasonCode::WrongService,
                format!(
                    "{place} reaches {who}, not the TURN server\n\
                     no STUN answer; GET / is answered with {seen}"
                ),
            )
        }
        (StunAnswer::Closed | StunAnswer::Reset, _) => {
            Judgement::fail(ReasonCode::BackendDown, view.hangs_up())
        }
        (StunAnswer::Silent, _) => Judgement::fail(ReasonCode::BackendSilent, view.stays_silent()),
        _ => Judgement::fail(reason, format!("{place} is no TURN server\n{answer}")),
    }
}

fn over_udp(view: &View<'_>, binding: &StunAnswer) -> Judgement {
    let family = view.family();
    let (reason, observed) = words::stun(binding);
    match binding {
        StunAnswer::Silent if !view.sees_udp(family) => Judgement::unsettled(
            ReasonCode::StunNoResponse,
            format!(
                "{observed}, but nothing else came back over {family} UDP either; name a STUN server outside with --stun-server"
            ),
        ),
        StunAnswer::Silent => Judgement::fail(
            reason,
            "no STUN answer to any copy: closed by a firewall, or nothing that speaks STUN",
        ),
        _ => Judgement::fail(reason, observed),
    }
}

pub(super) fn challenges_allocate(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let Some(allocate) = &facts.allocate else {
        return Ok(not_reached(facts));
    };
    let (reason, observed) = words::stun(allocate);
    Ok(match allocate {
        StunAnswer::Error { code: 401, realm: Some(realm), nonce_bytes: Some(_), .. } => {
            Judgement::pass(format!("401, realm \"{realm}\", with a nonce"))
        }
        StunAnswer::Success { .. } => Judgement::fail(
            ReasonCode::TurnNoChallenge,
            "an allocation is granted without credentials: an open relay",
        ),
        StunAnswer::Error { .. } => Judgement::fail(ReasonCode::TurnNoChallenge, observed),
        // Binding was answered on the same path a moment before: a lost packet, or a server that
        // does not relay.
        StunAnswer::Silent => Judgement::suspected(
            ReasonCode::TurnNoChallenge,
            "STUN Binding is answered, Allocate is not: a STUN server without TURN?",
        ),
        StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_)
        | StunAnswer::Malformed(_) => Judgement::fail(reason, observed),
    })
}

pub(super) fn mapped_plausible(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let mapped = match &facts.binding {
        Some(StunAnswer::Success { mapped }) => *mapped,
        _ => None,
    };
    Ok(match mapped {
        Some(mapped) if mapped.ip().is_loopback() => Judgement::fail(
            ReasonCode::MappedAddressImplausible,
            format!("the mapped address is {mapped}: the proxy reaches TURN over loopback"),
        ),
        Some(mapped) => Judgement::pass(format!("mapped address {mapped}")),
        None => Judgement::unsettled(ReasonCode::StunBadResponse, "no mapped address"),
    })
}

/// How much earlier than demanded an end may seem to come: the peer's clock began to run before its
/// answer reached us.
const SLACK_MS: u64 = 500;

/// Whether a connection without traffic is left alone for `seconds`.
pub(super) fn holds_idle(view: &View<'_>, seconds: u16) -> Judged {
    let facts = view.hold()?;
    let Some(idle) = facts.idle else {
        let observed = facts
            .binding
            .as_ref()
            .map_or_else(|| words::connect(&facts.connect), |binding| words::stun(binding).1);
        return Ok(Judgement::unsettled(
            ReasonCode::StunNoResponse,
            format!("{observed} this time, though another connection to the same place works"),
        ));
    };
    let rested = words::seconds(idle.ms);
    let is_long_enough = idle.ms + SLACK_MS >= u64::from(seconds) * 1000;
    Ok(match (idle.end, is_long_enough) {
        (IdleEnd::Answers, true) => {
            Judgement::pass(format!("still answers after {rested} s without traffic"))
        }
        (IdleEnd::Answers, false) => Judgement::uncontradicted(format!(
            "still answers after {rested} s without traffic; --hold {seconds} waits long enough"
        )),
        (IdleEnd::Closed | IdleEnd::Reset, true) => {
            Judgement::pass(format!("ended after {rested} s without traffic"))
        }
        (IdleEnd::Closed | IdleEnd::Reset, false) => Judgement::fail(
            ReasonCode::IdleCut,
            format!(
                "an idle TURN connection is ended after {rested} s; the guide's proxy leaves it \
                 alone for {seconds} s\n{}",
                match idle.end {
                    IdleEnd::Reset => "the connection is reset without a word",
                    _ => "the connection is closed without a word",
                }
            ),
        ),
        (IdleEnd::Forgotten, true) => {
            Judgement::pass(format!("no answer any more after {rested} s without traffic"))
        }
        // What is lost on the way is sent again by TCP, but not for ever.
        (IdleEnd::Forgotten, false) => Judgement::suspected(
            ReasonCode::IdleCut,
            format!(
                "an idle TURN connection is dead after {rested} s; the guide's proxy leaves it \
                 alone for {seconds} s\nno answer to a second STUN Binding: something on the way \
                 forgot the connection"
            ),
        ),
        (IdleEnd::Spoke, _) => Judgement::unsettled(
            ReasonCode::StunBadResponse,
            format!("bytes that nobody asked for, {rested} s after the last answer"),
        ),
    })
}
