//! Does a browser get in: by its first message, by the protocol that is chosen, by the paths that
//! clients ask for?

use super::judgement::{Judged, Judgement};
use super::reasons::{connect_reason, handshake_reason, http_reason};
use super::view::View;
use crate::model::facts::{
    ApiFacts, BrowserFacts, Facts, Handshake, HelloFacts, HelloShape, Http2Answer, HttpAnswer,
    HttpResponse, LivekitReply, TlsVersion,
};
use crate::model::observation::Outcome;
use crate::model::probe::{Carrier, PathRequest, ProbeSpec};
use crate::model::reason::ReasonCode;
use crate::model::seen::{BrowserSeen, HelloCause, Seen, StoppedPath};

pub(super) fn accepts(view: &View<'_>) -> Judged {
    let facts = view.browser()?;
    if facts.hellos.is_empty() {
        let met = Seen::from(&facts.connect);
        let seen = Seen::OnlyThisTime(Box::new(met));
        return Ok(Judgement::unsettled(connect_reason(&facts.connect), seen));
    }
    let refused = facts.hellos.iter().filter(|hello| !is_answered(&hello.answer));
    let refused: Vec<&HelloFacts> = refused.collect();
    Ok(match refused.first() {
        Some(first) => hello_refused(view, facts, first, &refused),
        None => protocol_chosen(view, facts),
    })
}

fn is_answered(handshake: &Handshake) -> bool {
    matches!(handshake, Handshake::Completed(_))
}

/// A browser's message was not answered. Only the difference to others that were says something
/// about the message; that it is refused again, that it was no accident.
fn hello_refused(
    view: &View<'_>,
    facts: &BrowserFacts,
    first: &HelloFacts,
    refused: &[&HelloFacts],
) -> Judgement {
    let is_answered_now = |shape| facts.twin(shape).is_some_and(is_answered);
    let (browser, met) = (first.shape, first.answer.clone());
    let again = refused.iter().map(|hello| hello.shape);
    let browsers: Vec<HelloShape> = again.filter(|shape| !is_answered_now(*shape)).collect();
    if !is_answered_now(HelloShape::Short) {
        let seen = BrowserSeen::NothingAnswered { browser, met };
        return Judgement::unsettled(handshake_reason(&first.answer), seen);
    }
    if browsers.is_empty() {
        let seen = BrowserSeen::RefusedOnce { browser, met };
        return Judgement::unsettled(handshake_reason(&first.answer), seen);
    }
    let is_silent = first.answer == Handshake::Silent;
    if is_silent && is_answered_now(HelloShape::ChromiumInPieces) {
        let seen = BrowserSeen::LargeSegmentsLost;
        return Judgement::unsettled(ReasonCode::LargePacketsLost, seen);
    }
    let cause = cause(&browsers, is_answered_now);
    let seen = BrowserSeen::HelloRefused { browsers, met, cause };
    // A filter in the network of this machine may read what it does not understand.
    let is_here = view.check.target.address.is_some_and(|address| view.case.is_here(address));
    if is_here {
        Judgement::fail(ReasonCode::TlsBrowserRefused, seen)
    } else {
        Judgement::suspected(ReasonCode::TlsBrowserRefused, seen)
    }
}

/// What a browser's message is refused for, by which of its twins are answered.
fn cause(browsers: &[HelloShape], is_answered: impl Fn(HelloShape) -> bool) -> HelloCause {
    const PARTS: [HelloShape; 5] = [
        HelloShape::WithoutGrease,
        HelloShape::WithoutEncryptedHello,
        HelloShape::WithoutPostQuantum,
        HelloShape::WithoutNewExtensions,
        HelloShape::WithoutAlpn,
    ];
    if !is_answered(HelloShape::ShortInTwo) {
        return HelloCause::SecondSegment;
    }
    if !is_answered(HelloShape::ShortPadded) {
        return HelloCause::Size;
    }
    if !browsers.contains(&HelloShape::Chromium) {
        return HelloCause::Unknown;
    }
    let part = PARTS.into_iter().find(|shape| is_answered(*shape));
    part.map_or(HelloCause::Unknown, HelloCause::Part)
}

/// All messages were answered: is the protocol that was chosen spoken?
fn protocol_chosen(view: &View<'_>, facts: &BrowserFacts) -> Judgement {
    let version = facts.hellos.iter().find_map(|hello| match &hello.answer {
        Handshake::Completed(session) => Some(session.version),
        _ => None,
    });
    let version = version.unwrap_or(TlsVersion::Tls12);
    let Some(http2) = &facts.http2 else {
        return Judgement::pass(BrowserSeen::HelloAnswered { version, http2: false });
    };
    let answer = &http2.request;
    let is_spoken = match answer {
        Http2Answer::Response { .. } => true,
        Http2Answer::StreamReset { .. }
        | Http2Answer::GoAway { .. }
        | Http2Answer::NotHttp2(_)
        | Http2Answer::Closed
        | Http2Answer::Reset
        | Http2Answer::Silent => false,
    };
    let seen = BrowserSeen::Http2NotSpoken(answer.clone());
    if is_spoken {
        Judgement::pass(BrowserSeen::HelloAnswered { version, http2: true })
    } else if answers_http1(view) {
        Judgement::fail(ReasonCode::Http2NotSpoken, seen)
    } else {
        // The same request got no answer over HTTP/1.1 either.
        Judgement::unsettled(ReasonCode::Http2NotSpoken, seen)
    }
}

/// Whether a request over HTTP/1.1 was answered at the same place.
fn answers_http1(view: &View<'_>) -> bool {
    let endpoint = view.observations().find_map(|observation| observation.spec.endpoint());
    view.case.observations.at_target(endpoint.map(|it| it.address)).any(|observation| {
        let over_tls = matches!(observation.spec, ProbeSpec::Api { over: Carrier::Tls(_), .. });
        over_tls
            && observation.spec.endpoint() == endpoint
            && matches!(
                &observation.outcome,
                Outcome::Saw(Facts::Api(ApiFacts { answer: Some(HttpAnswer::Response(_)), .. }))
            )
    })
}

/// What became of a request to LiveKit that carries a token which is none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// LiveKit refuses the token.
    Arrives,
    /// LiveKit sees no token.
    WithoutQuery,
    /// 404, which LiveKit does not say before it has looked at the token. Whether a page of another
    /// origin may know that.
    NotFound {
        readable: bool,
    },
    Stopped,
    Unknown,
}

fn arrival(view: &View<'_>, answer: &HttpAnswer) -> Arrival {
    match answer {
        HttpAnswer::Response(response) => match response.livekit_reply() {
            Some(LivekitReply::InvalidToken) => Arrival::Arrives,
            Some(LivekitReply::NoPermissions) => Arrival::WithoutQuery,
            _ if response.status == 404 => {
                Arrival::NotFound { readable: origins(view, response) == Origins::Allowed }
            }
            _ => Arrival::Stopped,
        },
        HttpAnswer::Closed | HttpAnswer::Reset | HttpAnswer::NotHttp(_) => Arrival::Stopped,
        HttpAnswer::Silent | HttpAnswer::Unfinished { .. } => Arrival::Unknown,
    }
}

pub(super) fn paths_pass(view: &View<'_>) -> Judged {
    let mut met: Vec<(PathRequest, &HttpAnswer)> = Vec::new();
    let mut open = None;
    for observation in view.observations() {
        let ProbeSpec::Path { request, .. } = observation.spec else {
            continue;
        };
        match &view.path(request)?.answer {
            Some(answer) => met.push((request, answer)),
            None => open = open.or_else(|| Some(not_reached(view.path(request).ok()?))),
        }
    }
    let answer_to = |wanted| met.iter().find(|(request, _)| *request == wanted).map(|met| met.1);
    let arrival_of =
        |wanted| answer_to(wanted).map_or(Arrival::Unknown, |answer| arrival(view, answer));
    if arrival_of(PathRequest::Join) == Arrival::WithoutQuery {
        return Ok(Judgement::fail(ReasonCode::QueryLost, BrowserSeen::QueryLost));
    }
    let mut stopped = Vec::new();
    let mut add = |request| {
        stopped.extend(
            answer_to(request)
                .map(|answer| StoppedPath::OverHttp1 { request, answer: answer.essence() }),
        );
    };
    if matches!(arrival_of(PathRequest::Join), Arrival::NotFound { .. } | Arrival::Stopped) {
        add(PathRequest::Join);
    }
    // Clients fall back to the older path when the second of these is 404, and only then. A page of
    // another origin does not see a 404 that does not allow it to.
    let is_without_fallback = matches!(
        (arrival_of(PathRequest::JoinV1), arrival_of(PathRequest::ValidateV1)),
        (
            Arrival::NotFound { .. } | Arrival::Stopped | Arrival::WithoutQuery,
            Arrival::Arrives
                | Arrival::Stopped
                | Arrival::WithoutQuery
                | Arrival::NotFound { readable: false }
        )
    );
    if is_without_fallback {
        add(PathRequest::JoinV1);
        if arrival_of(PathRequest::ValidateV1) != Arrival::Arrives {
            add(PathRequest::ValidateV1);
        }
    }
    if answer_to(PathRequest::WhipOptions).is_some_and(is_no_whip) {
        add(PathRequest::WhipOptions);
    }
    if answer_to(PathRequest::Page).is_some_and(is_no_page) {
        add(PathRequest::Page);
    }
    let mut over_http2 = http2_stopped(view);
    if !stopped.is_empty() || !over_http2.is_empty() {
        // The same cause: what is stopped besides, and hurts less.
        let mut add = |request| {
            stopped.extend(
                answer_to(request)
                    .map(|answer| StoppedPath::OverHttp1 { request, answer: answer.essence() }),
            );
        };
        let newest = arrival_of(PathRequest::JoinV1);
        let is_missing = matches!(newest, Arrival::NotFound { .. });
        if is_missing && !is_without_fallback && has_newest_path(view) {
            add(PathRequest::JoinV1);
        }
        if is_page_stopped(view, &met) {
            add(PathRequest::Page);
        }
        stopped.append(&mut over_http2);
        return Ok(Judgement::fail(ReasonCode::PathStopped, BrowserSeen::PathsStopped(stopped)));
    }
    let silent = met.iter().find(|(request, answer)| {
        request.is_of_livekit() && arrival(view, answer) == Arrival::Unknown
    });
    let silent = silent.map(|(_, answer)| {
        let seen = Seen::OnlyThisTime(Box::new(Seen::from(*answer)));
        Judgement::unsettled(http_reason(answer), seen)
    });
    let passed = met.iter().map(|(request, _)| *request).collect();
    Ok(open.or(silent).unwrap_or_else(|| Judgement::pass(BrowserSeen::PathsPass(passed))))
}

/// One of several connections to the same place brought no answer.
fn not_reached(facts: &ApiFacts) -> Judgement {
    let (reason, met) = match &facts.handshake {
        Some(handshake @ Handshake::Completed(_)) => (ReasonCode::BackendSilent, handshake.into()),
        Some(handshake) => (handshake_reason(handshake), handshake.into()),
        None => (connect_reason(&facts.connect), Seen::from(&facts.connect)),
    };
    Judgement::unsettled(reason, Seen::OnlyThisTime(Box::new(met)))
}

/// The ingress answers `OPTIONS` without a body. LiveKit refuses our token where there is none: the
/// path was passed on then.
fn is_no_whip(answer: &HttpAnswer) -> bool {
    match answer {
        HttpAnswer::Response(response) => {
            response.livekit_reply().is_none()
                && (!(200..300).contains(&response.status) || is_page(response))
        }
        HttpAnswer::Closed | HttpAnswer::Reset | HttpAnswer::NotHttp(_) => true,
        HttpAnswer::Silent | HttpAnswer::Unfinished { .. } => false,
    }
}

fn is_page(response: &HttpResponse) -> bool {
    response.page.is_some()
}

/// Whether nobody gets a page. A refusal alone is none: a deployment need not have an application,
/// and may have one with a password.
fn is_no_page(answer: &HttpAnswer) -> bool {
    match answer {
        HttpAnswer::Response(response) => response.status >= 500,
        HttpAnswer::Closed | HttpAnswer::Reset | HttpAnswer::NotHttp(_) => true,
        HttpAnswer::Silent | HttpAnswer::Unfinished { .. } => false,
    }
}

/// Whether the page is refused in the same words as another request that LiveKit did not see.
fn is_page_stopped(view: &View<'_>, met: &[(PathRequest, &HttpAnswer)]) -> bool {
    let page = met.iter().find(|(request, _)| *request == PathRequest::Page);
    let Some((_, page @ HttpAnswer::Response(response))) = page else {
        return false;
    };
    let is_refusal = (400..500).contains(&response.status);
    is_refusal
        && met.iter().any(|(request, answer)| {
            let is_stopped = match request {
                PathRequest::WhipOptions => is_no_whip(answer),
                PathRequest::Page => false,
                _ => {
                    matches!(arrival(view, answer), Arrival::NotFound { .. } | Arrival::Stopped)
                }
            };
            is_stopped && is_same_refusal(answer, page)
        })
}

fn is_same_refusal(one: &HttpAnswer, other: &HttpAnswer) -> bool {
    let parts = |answer: &HttpAnswer| match answer {
        HttpAnswer::Response(response) => {
            let HttpResponse { status, server, body, page, .. } = response.essence();
            Some((status, server, body, page))
        }
        _ => None,
    };
    parts(one) == parts(other)
}

/// Requests over HTTP/2 that LiveKit does not answer, although it does over HTTP/1.1.
fn http2_stopped(view: &View<'_>) -> Vec<StoppedPath> {
    let http2 = view.browser().ok().and_then(|facts| facts.http2.as_ref());
    let Some(http2) = http2 else {
        return Vec::new();
    };
    let request = (&http2.request, false);
    let websocket = http2.websocket.as_ref().map(|answer| (answer, true));
    let all = std::iter::once(request).chain(websocket);
    let stopped = all.filter(|(answer, is_websocket)| match answer {
        // The body may come later than the status.
        Http2Answer::Response { body, status } => {
            let response =
                HttpResponse { status: *status, body: body.clone(), ..HttpResponse::default() };
            let is_refusal = *status == 401 && body.unquoted().is_empty();
            !is_refusal && !LivekitReply::NoPermissions.is_in(&response)
        }
        // That HTTP/2 is not spoken at all is another rule's.
        _ => *is_websocket && matches!(http2.request, Http2Answer::Response { .. }),
    });
    let stopped = stopped.map(|(answer, is_websocket)| StoppedPath::OverHttp2 {
        is_websocket,
        answer: answer.clone(),
    });
    stopped.collect()
}

/// Whether the LiveKit of the deployment's edition has the path of newer clients.
fn has_newest_path(view: &View<'_>) -> bool {
    let rules = &view.case.ruleset.rules;
    let newest =
        rules.iter().find(|rule| rule.demand == crate::model::rule::Demand::NewestPathPasses);
    newest.is_some_and(|rule| rule.is_demanded(view.case.deployment))
}

pub(super) fn newest_path_passes(view: &View<'_>) -> Judged {
    let mut open = None;
    for request in [PathRequest::JoinV1, PathRequest::ValidateV1] {
        let facts = view.path(request)?;
        let Some(answer) = &facts.answer else {
            return Ok(not_reached(facts));
        };
        match arrival(view, answer) {
            Arrival::NotFound { .. } => {
                let seen = BrowserSeen::NewestPathStopped(answer.essence());
                return Ok(Judgement::fail(ReasonCode::PathStopped, seen));
            }
            Arrival::Arrives => {}
            Arrival::WithoutQuery | Arrival::Stopped | Arrival::Unknown => {
                let seen = Seen::OnlyThisTime(Box::new(Seen::from(answer)));
                open = Some(Judgement::unsettled(http_reason(answer), seen));
            }
        }
    }
    Ok(open.unwrap_or_else(|| Judgement::pass(BrowserSeen::NewestPathPasses)))
}

/// Whose pages may read an answer (Fetch §3.3.5 CORS check).
#[derive(PartialEq, Eq)]
enum Origins {
    Allowed,
    /// The header stands there more than once, or has several values: browsers refuse that.
    Several,
    Other,
    Missing,
}

fn origins(view: &View<'_>, response: &HttpResponse) -> Origins {
    let is_own = |origin: &str| {
        let host = view.check.target.host.as_ref();
        let origin = origin.strip_prefix("https://");
        host.is_some_and(|host| origin == Some(host.as_str()))
    };
    match response.marks.allowed_origins.as_slice() {
        [] => Origins::Missing,
        [one] if one.unquoted().contains(',') => Origins::Several,
        [one] if one.unquoted().trim() == "*" || is_own(one.unquoted().trim()) => Origins::Allowed,
        [_] => Origins::Other,
        _ => Origins::Several,
    }
}

pub(super) fn cross_origin_readable(view: &View<'_>) -> Judged {
    let facts = view.path(PathRequest::Validate)?;
    let Some(answer) = &facts.answer else {
        return Ok(not_reached(facts));
    };
    let fail = |seen| Judgement::fail(ReasonCode::CrossOriginRefused, seen);
    let HttpAnswer::Response(response) = answer else {
        let seen = Seen::OnlyThisTime(Box::new(Seen::from(answer)));
        return Ok(Judgement::unsettled(http_reason(answer), seen));
    };
    if response.livekit_reply().is_none() {
        return Ok(fail(BrowserSeen::OriginRefused(answer.essence())));
    }
    let allowed = response.marks.allowed_origins.clone();
    Ok(match origins(view, response) {
        Origins::Allowed => Judgement::pass(BrowserSeen::OriginAllowed),
        Origins::Several => fail(BrowserSeen::SeveralOrigins(allowed)),
        Origins::Other => fail(BrowserSeen::OtherOrigin(allowed)),
        Origins::Missing => fail(BrowserSeen::NoOrigin),
    })
}
