//! Plain HTTP, and LiveKit's HTTP API behind TLS.

use super::judgement::{Judged, Judgement};
use super::reasons::{connect_reason, handshake_reason, http_reason};
use super::view::View;
use super::{speakers, tls};
use crate::model::facts::{
    FirstBytes, Handshake, HttpAnswer, HttpResponse, LivekitReply, ServerText,
};
use crate::model::reason::ReasonCode;
use crate::model::seen::{BackendSign, HttpSeen};
use crate::model::url::Url;
use crate::model::verdict::Severity;
use crate::proto::livekit::refusal::is_behind_head;

pub(super) fn redirects(view: &View<'_>) -> Judged {
    let facts = view.http()?;
    let Some(answer) = &facts.answer else {
        return Ok(Judgement::fail(connect_reason(&facts.connect), &facts.connect));
    };
    Ok(match answer {
        HttpAnswer::Response(response) => redirect(view, &facts.path, response),
        HttpAnswer::NotHttp(_) => Judgement::fail(ReasonCode::HttpNotHttp, answer),
        HttpAnswer::Closed
        | HttpAnswer::Reset
        | HttpAnswer::Silent
        | HttpAnswer::Unfinished { .. } => Judgement::fail(ReasonCode::HttpNoRedirect, answer),
    })
}

/// Where a request over plain HTTP is sent, by what a browser makes of it and not by its spelling.
fn redirect(view: &View<'_>, path: &str, response: &HttpResponse) -> Judgement {
    let no_redirect = |seen| Judgement::fail(ReasonCode::HttpNoRedirect, seen);
    let status = response.status;
    if !(300..400).contains(&status) {
        return no_redirect(HttpSeen::NoRedirect(response.essence()));
    }
    let Some(location) = &response.location else {
        return no_redirect(HttpSeen::NoLocation { status });
    };
    let host = host_of(view);
    let [from, wanted] = ["http", "https"].map(|scheme| Url::page(scheme, host, path));
    let elsewhere = || {
        let location = location.unquoted().split('?').next().unwrap_or_default();
        // The path is another one in each request.
        let location = ServerText::new(location.trim_end_matches(wanted.path.as_str()));
        no_redirect(HttpSeen::RedirectsElsewhere { status, location })
    };
    match (from.join(location.unquoted()), status) {
        (Some(to), _) if to == from => no_redirect(HttpSeen::RedirectsToItself { status }),
        (Some(to), 301 | 308) if to == wanted => {
            Judgement::pass(HttpSeen::RedirectsToHttps { status })
        }
        (Some(to), 301 | 308) if to.is_same_origin(&wanted) => {
            Judgement::pass(HttpSeen::RedirectsToOtherPath { status })
        }
        // Everybody gets there, over one more request without encryption each time.
        (Some(to), 302 | 303 | 307) if to.is_same_origin(&wanted) => {
            Judgement::fail(ReasonCode::HttpStatus, HttpSeen::TemporaryRedirect { status })
                .of_severity(Severity::Info)
        }
        (Some(_) | None, _) => elsewhere(),
    }
}

fn host_of<'a>(view: &View<'a>) -> &'a str {
    view.check.target.host.as_ref().expect("the plan names the host").as_str()
}

/// Whether a certificate that is due can be renewed over plain HTTP. A challenge that is sent on to
/// the same name over TLS meets no web server there: the rule needs that TURN answers.
pub(super) fn renewal_not_redirected(view: &View<'_>, days: u16) -> Judged {
    let Some(leaf) = tls::leaf(view.tls()?) else {
        return Ok(tls::no_certificate());
    };
    let left = tls::days_left(leaf, view.case.now);
    if left > i64::from(days) {
        return Ok(Judgement::not_applicable(HttpSeen::NoRenewalDue { days: left }));
    }
    let facts = view.http()?;
    Ok(match &facts.answer {
        None => Judgement::not_applicable(HttpSeen::NoChallengeConnection(facts.connect.clone())),
        Some(HttpAnswer::Response(response)) => challenge(view, response),
        Some(answer) => Judgement::not_applicable(HttpSeen::NoChallengeResponse(answer.clone())),
    })
}

/// What became of a challenge of ACME that was answered.
fn challenge(view: &View<'_>, response: &HttpResponse) -> Judgement {
    let status = response.status;
    let location = response.location.clone().filter(|_| (300..400).contains(&status));
    let Some(location) = location else {
        return Judgement::uncontradicted(HttpSeen::ChallengeAnswered(response.essence()));
    };
    let [from, tls] = ["http", "https"].map(|scheme| Url::page(scheme, host_of(view), "/"));
    let to = from.join(location.unquoted());
    let leads_back = to.is_some_and(|to| to.is_same_origin(&tls));
    if leads_back {
        let seen = HttpSeen::ChallengeMeetsTurn { status, location };
        Judgement::fail(ReasonCode::RenewalRedirected, seen)
    } else {
        Judgement::uncontradicted(HttpSeen::ChallengeRedirected { location })
    }
}

/// Judges the HTTP answer behind TLS; without one, why there is none.
fn with_answer(view: &View<'_>, judge: impl FnOnce(&HttpAnswer) -> Judgement) -> Judged {
    let facts = view.api()?;
    Ok(match (&facts.answer, &facts.handshake) {
        (Some(answer), _) => judge(answer),
        (None, Some(Handshake::Completed(_)) | None) => {
            Judgement::fail(connect_reason(&facts.connect), &facts.connect)
        }
        (None, Some(handshake)) => Judgement::fail(handshake_reason(handshake), handshake),
    })
}

/// What a wrong answer of the API says about the proxy.
fn wrong_answer(view: &View<'_>, answer: &HttpAnswer) -> Judgement {
    if let HttpAnswer::Response(response) = answer {
        // LiveKit refuses with 401, and only its words tell that it is LiveKit.
        if response.status == 401 && !response.is_body_known() {
            let seen = HttpSeen::BodyUnread(response.essence());
            return Judgement::unsettled(ReasonCode::BodyUnread, seen);
        }
        if let Some(violation) = speakers::violation(view, response) {
            return violation;
        }
    }
    match answer {
        HttpAnswer::Response(response) if response.is_of_gateway() => {
            view.backend_down(BackendSign::GatewayError(response.essence()))
        }
        HttpAnswer::Response(response) if response.is_to_unreadable_request() => {
            view.backend_down(BackendSign::RequestUnreadable(response.essence()))
        }
        HttpAnswer::Closed | HttpAnswer::Reset => view.backend_down(BackendSign::HangsUp),
        HttpAnswer::NotHttp(FirstBytes::Tls) => view.backend_down(BackendSign::SpeaksTls),
        HttpAnswer::Silent if view.answers_at_times() => view.backend_down(BackendSign::Silent),
        HttpAnswer::Silent => view.backend_down(BackendSign::SilentToHttp),
        HttpAnswer::Response(_) | HttpAnswer::Unfinished { .. } | HttpAnswer::NotHttp(_) => {
            Judgement::fail(http_reason(answer), HttpSeen::NotLivekit(answer.essence()))
        }
    }
}

pub(super) fn api_answers(view: &View<'_>) -> Judged {
    with_answer(view, |answer| match answer {
        HttpAnswer::Response(response) if LivekitReply::NoPermissions.is_in(response) => {
            Judgement::pass(HttpSeen::Livekit(LivekitReply::NoPermissions))
        }
        _ => wrong_answer(view, answer),
    })
}

pub(super) fn upgrade_passes(view: &View<'_>) -> Judged {
    let not_upgraded = |seen| Judgement::fail(ReasonCode::WsNotUpgraded, seen);
    with_answer(view, |answer| match answer {
        HttpAnswer::Response(response) => match response.status {
            // Anybody can say 401: a password before the WebSocket keeps everybody out.
            401 if LivekitReply::NoPermissions.is_in(response) => {
                match response.marks.is_accept_right {
                    // LiveKit sends none with a refusal. That it is added to what LiveKit grants as
                    // well only a join can show.
                    Some(false) => {
                        Judgement::suspected(ReasonCode::WebSocketInvalid, HttpSeen::AcceptAdded)
                    }
                    Some(true) | None => Judgement::pass(HttpSeen::UpgradePasses),
                }
            }
            // LiveKit answers 404 to a /rtc request without upgrade headers, without a word.
            404 if response.is_empty() => not_upgraded(HttpSeen::UpgradeHeadersLost),
            401 | 502..=504 => wrong_answer(view, answer),
            status => match speakers::violation(view, response) {
                Some(violation) => violation,
                None if status == 404 => not_upgraded(HttpSeen::UpgradeHeadersLost),
                None => not_upgraded(HttpSeen::UpgradeRefused(response.essence())),
            },
        },
        HttpAnswer::NotHttp(first) if is_behind_head(first) => {
            let seen = HttpSeen::UpgradeBeheaded(first.clone());
            Judgement::fail(ReasonCode::WebSocketLost, seen)
        }
        _ => wrong_answer(view, answer),
    })
}

pub(super) fn post_passes(view: &View<'_>) -> Judged {
    with_answer(view, |answer| match answer {
        HttpAnswer::Response(response) if LivekitReply::Unauthenticated.is_in(response) => {
            Judgement::pass(HttpSeen::Livekit(LivekitReply::Unauthenticated))
        }
        HttpAnswer::Response(response) if LivekitReply::BadRoute.is_in(response) => {
            Judgement::fail(ReasonCode::HttpStatus, HttpSeen::PostAltered)
        }
        _ => wrong_answer(view, answer),
    })
}

pub(super) fn clock_agrees(view: &View<'_>, seconds: u16) -> Judged {
    with_answer(view, |answer| match clock_ahead(answer) {
        None => Judgement::unsettled(ReasonCode::HttpNotHttp, HttpSeen::NoDate),
        // A proxy that speaks HTTP writes a date of its own: LiveKit's clock is behind it.
        Some(ahead) if ahead.unsigned_abs() <= u64::from(seconds) => {
            if is_dated_by_livekit(answer) {
                Judgement::pass(HttpSeen::ClocksAgree)
            } else {
                Judgement::uncontradicted(HttpSeen::ClocksAgree)
            }
        }
        Some(ahead_s) => {
            let seen = HttpSeen::ClockDiffers { ahead_s };
            if is_dated_by_livekit(answer) {
                Judgement::fail(ReasonCode::ClockDiffers, seen)
            } else {
                Judgement::suspected(ReasonCode::ClockDiffers, seen)
            }
        }
    })
}

/// How many seconds the clock of the server is ahead, by the `Date` of its answer.
fn clock_ahead(answer: &HttpAnswer) -> Option<i64> {
    match answer {
        HttpAnswer::Response(response) => response.date_ahead_s,
        _ => None,
    }
}

/// Whether the answer is LiveKit's own, and no web server put its name on it.
fn is_dated_by_livekit(answer: &HttpAnswer) -> bool {
    match answer {
        HttpAnswer::Response(response) => {
            response.server.is_none() && response.livekit_reply().is_some()
        }
        _ => false,
    }
}
