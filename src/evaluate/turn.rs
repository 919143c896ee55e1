//! STUN and TURN, over TLS and over UDP.

use super::judgement::{Judged, Judgement};
use super::view::View;
use super::words;
use crate::model::deployment::Edition;
use crate::model::facts::{FirstBytes, Handshake, HttpAnswer, StunAnswer, TurnFacts};
use crate::model::reason::ReasonCode;
use crate::model::target::Family;

pub(super) fn answers_binding(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let Some(binding) = &facts.binding else {
        return Ok(not_reached(facts));
    };
    if let StunAnswer::Success {
        mapped: Some(mapped),
    } = binding
    {
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
            let who = if as_livekit {
                "the LiveKit API"
            } else {
                "a web server"
            };
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
    let family = view.check.target.address.map_or(Family::V4, Family::of);
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
        StunAnswer::Error {
            code: 401,
            realm: Some(realm),
            nonce_bytes: Some(_),
            ..
        } => Judgement::pass(format!("401, realm \"{realm}\", with a nonce")),
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

/// The characters of pion's nonce up to v4.1.1, inside LiveKit up to 1.9.4 and OpenVidu up to 3.4:
/// a time and a hash, in hexadecimal digits.
const OLD_NONCE: usize = 80;

/// The characters of a newer one: a shorter number, to base 36.
const NEW_NONCE: std::ops::RangeInclusive<usize> = 20..=30;

pub(super) fn edition_matches(view: &View<'_>) -> Judged {
    let facts = view.turn()?;
    let nonce = match &facts.allocate {
        Some(StunAnswer::Error {
            nonce_bytes: Some(bytes),
            ..
        }) => *bytes,
        _ => return Ok(Judgement::not_applicable("no nonce was seen")),
    };
    let edition = view.case.deployment.edition;
    let is_old = match edition {
        Edition::V3_2 => true,
        Edition::V3_6 | Edition::V3_9 => false,
    };
    let (looks_old, versions) = if nonce == OLD_NONCE {
        (true, "up to 3.4")
    } else if NEW_NONCE.contains(&nonce) {
        (false, "since 3.5")
    } else {
        return Ok(Judgement::not_applicable(format!(
            "a nonce of {nonce} characters is of no version that is known"
        )));
    };
    let observed =
        format!("the TURN server's nonce has {nonce} characters, as OpenVidu's {versions}");
    Ok(if is_old == looks_old {
        Judgement::uncontradicted(observed)
    } else {
        Judgement::suspected(
            ReasonCode::EditionDiffers,
            format!("{observed}; it is judged by the guide of {edition}"),
        )
    })
}
