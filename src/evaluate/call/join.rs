//! Whether LiveKit lets us in, and if not, which of many reasons it has.

use super::super::heard::is_its_own;
use super::super::judgement::Judgement;
use super::super::{tls, words};
use super::seen::Call;
use crate::model::facts::{
    Connect, Handshake, HttpAnswer, HttpResponse, JoinAnswer, SignalFacts, TlsSession,
};
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::target::Family;

/// What LiveKit forgives when it looks at "not before" and "expires" of a token, in seconds.
const LEEWAY_S: i64 = 60;

/// The life of the tokens that we make ourselves, in seconds: one that has expired a moment after it
/// was made was judged by another clock.
const LIFE_S: i64 = 600;

/// LiveKit lets a participant with our credentials in.
pub(super) fn accepted(call: &Call<'_>) -> Judgement {
    let signal = &call.facts.signal;
    if let Some(judgement) = not_reached(call, signal) {
        return judgement;
    }
    let untrusted = session(signal).and_then(|session| untrusted(call, session));
    match (&signal.join, untrusted) {
        (Some(JoinAnswer::Joined), None) => joined(call, ""),
        (Some(JoinAnswer::Joined), Some(why)) if is_judged_by_others(call) => {
            joined(call, &format!("\nwhat browsers think of it: {}", why.observed))
        }
        // What was said came from whoever stands behind that certificate.
        (_, Some(why)) => why,
        (None, None) => Judgement::unsettled(ReasonCode::Blind, "no request was sent"),
        (Some(JoinAnswer::NoJoin(what)), None) => Judgement::fail(
            ReasonCode::WrongService,
            format!(
                "{} takes the WebSocket, and does not answer as LiveKit does\ninstead of a join \
                 response: {what}",
                api(call)
            ),
        ),
        (Some(JoinAnswer::Refused(HttpAnswer::Response(response))), None) => {
            refused(call, response)
        }
        (Some(JoinAnswer::Refused(answer)), None) => {
            let (reason, observed) = words::http(answer);
            let place = api(call);
            Judgement::fail(
                reason,
                match answer {
                    HttpAnswer::Closed | HttpAnswer::Reset | HttpAnswer::Silent => {
                        format!("nothing answers behind {place}\nTLS completes, then {observed}")
                    }
                    HttpAnswer::Response(_)
                    | HttpAnswer::Unfinished { .. }
                    | HttpAnswer::NotHttp(_) => {
                        format!("{place} does not answer as LiveKit does\n{observed}")
                    }
                },
            )
        }
    }
}

fn joined(call: &Call<'_>, besides: &str) -> Judgement {
    let version =
        call.session().map_or_else(String::new, |session| format!(" {}", session.server_version));
    let after = call.facts.signal.joined_ms;
    let after = after.map_or_else(String::new, |ms| format!(", after {ms} ms"));
    Judgement::pass(format!(
        "LiveKit{} lets a hidden participant in{after}{besides}",
        version.trim_end()
    ))
}

/// Whether other rules of the same run speak of the API's certificate.
fn is_judged_by_others(call: &Call<'_>) -> bool {
    let case = call.view.case;
    case.plan.checks.iter().any(|check| {
        let rule = case.ruleset.rule(&check.rule);
        rule.is_some_and(|rule| rule.demand == Demand::ChainVerifies)
            && check.target.host.as_ref() == Some(&case.deployment.domain)
    })
}

fn api(call: &Call<'_>) -> String {
    call.view.case.deployment.domain.to_string()
}

fn session(signal: &SignalFacts) -> Option<&TlsSession> {
    match &signal.handshake {
        Some(Handshake::Completed(session)) => Some(session),
        Some(_) | None => None,
    }
}

fn untrusted(call: &Call<'_>, session: &TlsSession) -> Option<Judgement> {
    let judged = tls::untrusted(session, call.view.case.now)?;
    let issuer =
        tls::issuer(session).map_or_else(String::new, |issuer| format!("\nissued by {issuer}"));
    let observed =
        format!("no browser accepts the certificate of {}: {}{issuer}", api(call), judged.observed);
    Some(Judgement { observed, ..judged })
}

/// It did not come to a request.
fn not_reached(call: &Call<'_>, signal: &SignalFacts) -> Option<Judgement> {
    if let Some(proxy) = call.http_proxy() {
        let met = match (&proxy.answer, &signal.connect) {
            (Some(answer), _) => Some(words::http(answer).1),
            (None, Connect::Accepted) => None,
            (None, connect) => Some(words::connect(connect)),
        };
        if let Some(met) = met {
            let observed = format!(
                "the HTTP proxy {} of our own network lets us not through: {met}",
                proxy.place
            );
            return Some(Judgement::unsettled(ReasonCode::Blind, observed));
        }
    }
    let place = format!(
        "{}{}",
        api(call),
        signal.address.map_or_else(String::new, |it| format!(" ({it})"))
    );
    let reason = words::connect_reason(&signal.connect);
    let observed = format!("{place}: {}", words::connect(&signal.connect));
    let family = signal.address.map_or(Family::V4, Family::of);
    match &signal.connect {
        Connect::Accepted => {}
        Connect::Silent if !call.view.sees(family) => {
            let observed = format!(
                "{observed}, but nothing else came back over {family} either: our own network may \
                 be the cause"
            );
            return Some(Judgement::unsettled(reason, observed));
        }
        Connect::Icmp(error)
            if !signal.address.is_some_and(|meant| {
                is_its_own(error, meant, signal.dialled.map(|dialled| dialled.ip()))
            }) =>
        {
            return Some(Judgement::suspected(reason, observed));
        }
        Connect::Reset | Connect::Icmp(_) | Connect::Silent => {
            return Some(Judgement::fail(reason, observed));
        }
    }
    let handshake = signal.handshake.as_ref()?;
    if matches!(handshake, Handshake::Completed(_)) {
        return None;
    }
    let (reason, observed) = words::handshake(handshake);
    let observed = format!("{place}: {observed}");
    Some(match call.http_proxy() {
        Some(proxy) => Judgement::suspected(
            reason,
            format!("{observed}\nthrough the HTTP proxy {} of our own network", proxy.place),
        ),
        None => Judgement::fail(reason, observed),
    })
}

/// What LiveKit, or somebody in its place, says instead of letting us in.
fn refused(call: &Call<'_>, response: &HttpResponse) -> Judgement {
    let body = response.body.as_str();
    let has = |text: &str| body.contains(text);
    let place = api(call);
    let said = format!("HTTP {} \"{}\"", response.status, own_words(body));
    let answered = || words::http(&HttpAnswer::Response(response.clone())).1;
    let token = |reason, why: &str| {
        Judgement::fail(reason, format!("LiveKit refuses the token: {why}\n{said}"))
    };
    match response.status {
        401 if has("signature is invalid") || has("cryptographic primitive") => {
            token(ReasonCode::SecretWrong, "it is signed with another secret than the server's")
        }
        401 if has("invalid API key") => {
            token(ReasonCode::KeyUnknown, "the server does not know its API key")
        }
        401 if has("not valid yet") => not_valid_yet(response, &said),
        401 if has("token is expired") => expired(response, &said),
        401 if has("permissions denied") => {
            token(ReasonCode::TokenLacksRights, "it does not allow joining a room (roomJoin)")
        }
        401 if has("no permissions to access the room") => token(
            ReasonCode::TokenRefused,
            "it sees none; something on the way cuts it off the URL",
        ),
        401 if has("token") => token(ReasonCode::TokenRefused, "for the reason below"),
        400 if has("no room name") => token(ReasonCode::TokenLacksRights, "it names no room"),
        404 if has("requested room does not exist") => Judgement::fail(
            ReasonCode::RoomRefused,
            format!(
                "the token is right, and its room is not there: LiveKit makes none by itself \
                 (auto_create)\n{said}"
            ),
        ),
        500 if has("connection closed by media") => Judgement::fail(
            ReasonCode::RoomRefused,
            format!(
                "the token is right, and the room lets nobody in: it is probably full \
                 (max_participants)\n{said}"
            ),
        ),
        // LiveKit answers 404 to a request without upgrade headers.
        400 | 404 | 426 => Judgement::fail(
            ReasonCode::WsNotUpgraded,
            format!("WebSocket upgrades do not get through {place}\n{}", answered()),
        ),
        502..=504 => Judgement::fail(
            ReasonCode::BackendDown,
            format!("nothing answers behind {place}\n{}, from the proxy itself", answered()),
        ),
        _ => Judgement::fail(
            ReasonCode::HttpStatus,
            format!("{place} does not answer as LiveKit does\n{}", answered()),
        ),
    }
}

/// The words of an error that LiveKit says, without the token before them.
fn own_words(body: &str) -> String {
    let error = body.rsplit_once("error: ").map_or(body, |(_, error)| error);
    error.trim().chars().take(80).collect()
}

fn clocks(ahead: i64) -> String {
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    format!("the server's clock is {} s {direction} ours", ahead.unsigned_abs())
}

fn not_valid_yet(response: &HttpResponse, said: &str) -> Judgement {
    match response.date_ahead_s {
        Some(ahead) if ahead < -LEEWAY_S => Judgement::fail(
            ReasonCode::ClockDiffers,
            format!("{}: to it the token is not valid yet\n{said}", clocks(ahead)),
        ),
        // Its own clock and that of the proxy, whose Date it may be, need not be the same.
        Some(_) => Judgement::fail(
            ReasonCode::TokenRefused,
            format!(
                "LiveKit refuses the token: it is not valid yet, though the clocks agree\nit \
                 begins later, or was made by another clock; {said}"
            ),
        ),
        None => Judgement::fail(
            ReasonCode::ClockDiffers,
            format!("LiveKit refuses the token: it is not valid yet\n{said}"),
        ),
    }
}

fn expired(response: &HttpResponse, said: &str) -> Judgement {
    match response.date_ahead_s {
        Some(ahead) if ahead > LIFE_S => Judgement::fail(
            ReasonCode::ClockDiffers,
            format!("{}: to it the token has expired\n{said}", clocks(ahead)),
        ),
        Some(ahead) if ahead.abs() > LEEWAY_S => Judgement::fail(
            ReasonCode::TokenExpired,
            format!("the token has expired\n{}; {said}", clocks(ahead)),
        ),
        Some(_) | None => {
            Judgement::fail(ReasonCode::TokenExpired, format!("the token has expired\n{said}"))
        }
    }
}
