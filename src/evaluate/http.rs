//! Plain HTTP, and LiveKit's HTTP API behind TLS.

use super::judgement::{Judged, Judgement};
use super::view::View;
use super::words::{self, NO_PERMISSIONS};
use crate::model::facts::{ApiFacts, Handshake, HttpAnswer};
use crate::model::reason::ReasonCode;

pub(super) fn redirects(view: &View<'_>) -> Judged {
    let facts = view.http()?;
    let Some(answer) = &facts.answer else {
        return Ok(Judgement::fail(
            words::connect_reason(&facts.connect),
            words::connect(&facts.connect),
        ));
    };
    let HttpAnswer::Response(response) = answer else {
        let (_, observed) = words::http(answer);
        return Ok(Judgement::fail(ReasonCode::HttpNoRedirect, observed));
    };
    let host = view.check.target.host.as_ref().expect("the plan names the host");
    let wanted = format!("https://{host}{}", facts.path);
    let location = response.location.as_ref().map(ToString::to_string);
    let right_place = location.as_deref() == Some(wanted.as_str());
    Ok(match (response.status, right_place) {
        (301 | 308, true) => Judgement::pass(format!("{} to {wanted}", response.status)),
        (302 | 303 | 307, true) => Judgement::fail(
            ReasonCode::HttpNoRedirect,
            format!(
                "{} to the right place: temporary, so that browsers ask again each time",
                response.status
            ),
        ),
        (300..=399, _) => Judgement::fail(
            ReasonCode::HttpNoRedirect,
            match location {
                Some(location) => {
                    format!("{} to {location} instead of {wanted}", response.status)
                }
                None => format!("{} without a place to go to", response.status),
            },
        ),
        _ => {
            let (_, observed) = words::http(answer);
            Judgement::fail(ReasonCode::HttpNoRedirect, format!("no redirect: {observed}"))
        }
    })
}

/// Whether a certificate that is due can be renewed over plain HTTP. A challenge that is sent on to
/// the same name over TLS meets no web server there: the rule needs that TURN answers.
pub(super) fn renewal_not_redirected(view: &View<'_>, days: u16) -> Judged {
    let left = super::tls::days_left(view)?;
    if left > i64::from(days) {
        return Ok(Judgement::not_applicable(format!(
            "no renewal is due: the certificate is valid for {left} more days"
        )));
    }
    let facts = view.http()?;
    let place = view.place();
    let Some(answer) = &facts.answer else {
        return Ok(Judgement::not_applicable(format!(
            "there is no plain HTTP to renew by: {}",
            words::connect(&facts.connect)
        )));
    };
    let (_, observed) = words::http(answer);
    let HttpAnswer::Response(response) = answer else {
        return Ok(Judgement::not_applicable(format!(
            "there is no plain HTTP to renew by: {observed}"
        )));
    };
    let location = response.location.as_ref().map(ToString::to_string);
    let Some(location) = location.filter(|_| (300..400).contains(&response.status)) else {
        return Ok(Judgement::uncontradicted(format!(
            "a challenge is answered without a redirect: {observed}"
        )));
    };
    let host = view.check.target.host.as_ref();
    let host = host.expect("the plan names the host").as_str();
    let leads_back = ["", ":443"].iter().any(|port| {
        let rest = location.strip_prefix(&format!("https://{host}{port}"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    Ok(if leads_back {
        Judgement::fail(
            ReasonCode::RenewalRedirected,
            format!(
                "a challenge of ACME is sent on to where no web server is\n{} to {location}, and \
                 behind {place} TURN answers",
                response.status
            ),
        )
    } else {
        Judgement::uncontradicted(format!("a challenge is sent on to {location}"))
    })
}

/// The HTTP answer behind TLS, or a judgement why there is none.
fn answer(facts: &ApiFacts) -> Result<&HttpAnswer, Judgement> {
    if let Some(answer) = &facts.answer {
        return Ok(answer);
    }
    Err(match &facts.handshake {
        Some(Handshake::Completed(_)) | None => {
            Judgement::fail(words::connect_reason(&facts.connect), words::connect(&facts.connect))
        }
        Some(handshake) => {
            let (reason, observed) = words::handshake(handshake);
            Judgement::fail(reason, observed)
        }
    })
}

/// What a wrong answer of the API says about the proxy.
fn wrong_answer(view: &View<'_>, answer: &HttpAnswer) -> Judgement {
    let place = view.place();
    let (reason, observed) = words::http(answer);
    match answer {
        HttpAnswer::Response(response) if (502..=504).contains(&response.status) => {
            Judgement::fail(
                ReasonCode::BackendDown,
                format!(
                    "nothing answers behind {place}\n{observed}, from the proxy itself{}",
                    view.one_of_several()
                ),
            )
        }
        HttpAnswer::Response(_) => Judgement::fail(
            reason,
            format!("{place} does not answer as LiveKit's API does\n{observed}"),
        ),
        HttpAnswer::Closed | HttpAnswer::Reset => Judgement::fail(reason, view.hangs_up()),
        HttpAnswer::Silent if view.answers_at_times() => {
            Judgement::fail(reason, view.stays_silent())
        }
        // A TURN server takes the request for channel data and waits for more of it.
        HttpAnswer::Silent => {
            Judgement::fail(reason, format!("{}, or from a TURN server", view.stays_silent()))
        }
        HttpAnswer::Unfinished { .. } | HttpAnswer::NotHttp(_) => Judgement::fail(
            reason,
            format!("{place} does not answer as LiveKit's API does\n{observed}"),
        ),
    }
}

pub(super) fn api_answers(view: &View<'_>) -> Judged {
    let answer = match answer(view.api()?) {
        Ok(answer) => answer,
        Err(judgement) => return Ok(judgement),
    };
    Ok(match answer {
        HttpAnswer::Response(response) if words::is_livekit_refusal(response) => {
            Judgement::pass(format!("401 \"{NO_PERMISSIONS}\""))
        }
        _ => wrong_answer(view, answer),
    })
}

pub(super) fn upgrade_passes(view: &View<'_>) -> Judged {
    let answer = match answer(view.api()?) {
        Ok(answer) => answer,
        Err(judgement) => return Ok(judgement),
    };
    let HttpAnswer::Response(response) = answer else {
        return Ok(wrong_answer(view, answer));
    };
    Ok(match response.status {
        401 => Judgement::pass("401: the upgrade reaches LiveKit, which wants a token"),
        // LiveKit answers 404 to a /rtc request without upgrade headers.
        404 => Judgement::fail(
            ReasonCode::WsNotUpgraded,
            format!(
                "WebSocket upgrades do not get through {}\n404: LiveKit sees a plain request; the \
                 proxy drops the Upgrade and Connection headers",
                view.place()
            ),
        ),
        502..=504 => wrong_answer(view, answer),
        _ => {
            let (_, observed) = words::http(answer);
            Judgement::fail(
                ReasonCode::WsNotUpgraded,
                format!("WebSocket upgrades do not get through {}\n{observed}", view.place()),
            )
        }
    })
}

pub(super) fn post_passes(view: &View<'_>) -> Judged {
    let answer = match answer(view.api()?) {
        Ok(answer) => answer,
        Err(judgement) => return Ok(judgement),
    };
    let HttpAnswer::Response(response) = answer else {
        return Ok(wrong_answer(view, answer));
    };
    let body = response.body.as_str();
    Ok(match response.status {
        401 if body.contains("unauthenticated") => {
            Judgement::pass("401 \"unauthenticated\" in JSON")
        }
        404 if body.contains("bad_route") => Judgement::fail(
            ReasonCode::HttpStatus,
            format!(
                "POST requests do not get through {}\n404 bad_route: on its way the POST became \
                 something else, or lost its path",
                view.place()
            ),
        ),
        _ => wrong_answer(view, answer),
    })
}

pub(super) fn clock_agrees(view: &View<'_>, seconds: u16) -> Judged {
    let answer = match answer(view.api()?) {
        Ok(answer) => answer,
        Err(judgement) => return Ok(judgement),
    };
    let ahead = match answer {
        HttpAnswer::Response(response) => response.date_ahead_s,
        _ => None,
    };
    Ok(match ahead {
        None => Judgement::unsettled(ReasonCode::HttpNotHttp, "the answer carries no Date"),
        Some(ahead) if ahead.unsigned_abs() <= u64::from(seconds) => {
            Judgement::pass("the clocks agree")
        }
        Some(ahead) => {
            let direction = if ahead > 0 { "ahead of" } else { "behind" };
            Judgement::fail(
                ReasonCode::ClockDiffers,
                format!("the server's clock is {} s {direction} ours", ahead.unsigned_abs()),
            )
        }
    })
}
