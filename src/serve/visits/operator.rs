//! The visits as the operator sees them.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::CODE_LIFETIME;
use super::received::{LONGEST_REQUEST, Text};
use crate::config::serve::PublicUrl;
use crate::config::value;
use crate::evaluate::visit::joined;
use crate::model::visit::{Visit, VisitCode};
use crate::output;
use crate::output::visits::{BegunShown, ResultShown, VisitShown};
use crate::serve::Prober;
use crate::serve::listener::{self, BodyFault};
use crate::serve::routes::{Asked, HTML, Reply};

/// The shortest and the longest time for which a code is good.
const LIFETIMES: (Duration, Duration) =
    (Duration::from_secs(5 * 60), Duration::from_secs(30 * 24 * 60 * 60));

/// The request for a code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invitation {
    /// For whom it is.
    note: Text<120>,
    /// For how long it is good, such as `24h`.
    expires: Option<Text<16>>,
}

/// `POST /api/v1/visits`: a code for a user.
pub async fn invite(asked: &Asked<'_>, body: Incoming, prober: &Prober, url: &PublicUrl) -> Reply {
    if !asked.is_json() {
        let text = "the body must be JSON: Content-Type: application/json";
        return Reply::refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    }
    let body = match listener::read(body, LONGEST_REQUEST).await {
        Ok(body) => body,
        Err(BodyFault::TooLarge) => {
            return Reply::refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
        }
        Err(BodyFault::Unfinished) => {
            return Reply::refused(StatusCode::REQUEST_TIMEOUT, "the body did not end");
        }
    };
    let Ok(Invitation { note, expires }) = serde_json::from_slice(&body) else {
        let text = "the body must be {\"note\": \"…\", \"expires\": \"24h\"}";
        return Reply::refused(StatusCode::BAD_REQUEST, text);
    };
    let (least, most) = LIFETIMES;
    let lifetime = expires.map_or(Ok(CODE_LIFETIME), |it| value::time_between(&it.0, least, most));
    let Ok(lifetime) = lifetime else {
        let text = "expires must be between 5m and 720h";
        return Reply::refused(StatusCode::BAD_REQUEST, text);
    };
    match prober.visits.invite(note.0, lifetime, prober.now()) {
        Ok(visit) => Reply::json(
            StatusCode::CREATED,
            &json!({
                "code": visit.code.to_string(),
                "url": link(url, visit.code),
                "expires_at": visit.expires_at,
            }),
        ),
        Err(_) => {
            let text = "there are too many codes that were not used";
            Reply::refused(StatusCode::INSUFFICIENT_STORAGE, text)
        }
    }
}

/// What the operator sends to a user.
pub fn link(PublicUrl { origin, path }: &PublicUrl, code: VisitCode) -> String {
    format!("{origin}{path}v/{code}")
}

/// `GET /api/v1/visits`
pub fn list(prober: &Prober) -> Reply {
    let now = prober.now();
    let visits = prober.visits.list(now);
    let visits: Vec<_> =
        visits.iter().map(|visit| shown(prober, visit, Vec::new()).json(now.wall)).collect();
    Reply::json(StatusCode::OK, &json!({ "visits": visits }))
}

/// `GET /visits`
pub fn list_page(prober: &Prober) -> Reply {
    let now = prober.now();
    let visits = prober.visits.list(now);
    let visits: Vec<_> = visits.iter().map(|visit| shown(prober, visit, Vec::new())).collect();
    Reply::written(HTML, |out| output::visits::write_list(&visits, now.wall, out))
}

/// `GET /api/v1/visits/CODE`
pub fn one(prober: &Prober, code: &str) -> Reply {
    let now = prober.now();
    match find(prober, code) {
        Some((visit, repeated_as)) => {
            Reply::json(StatusCode::OK, &shown(prober, &visit, repeated_as).json_in_full(now.wall))
        }
        None => Reply::not_found(),
    }
}

/// `GET /visits/CODE`
pub fn one_page(prober: &Prober, code: &str) -> Reply {
    let now = prober.now();
    match find(prober, code) {
        Some((visit, repeated_as)) => Reply::written(HTML, |out| {
            output::visits::write_result(&shown(prober, &visit, repeated_as), now.wall, out)
        }),
        None => Reply::not_found(),
    }
}

/// A visit, and the codes of those that repeat it.
fn find(prober: &Prober, code: &str) -> Option<(Visit, Vec<VisitCode>)> {
    let (code, now) = (code.parse().ok()?, prober.now());
    Some((prober.visits.find(code, now)?, prober.visits.repeats_of(code, now)))
}

/// A visit with what follows from it.
fn shown<'a>(prober: &Prober, visit: &'a Visit, repeated_as: Vec<VisitCode>) -> VisitShown<'a> {
    let has_history = prober.runs.observers.history.is_some();
    let begun = visit.begun.as_ref().map(|begun| {
        let own = begun.own.as_deref();
        let result = begun.result.as_ref().map(|result| ResultShown {
            at: result.at,
            report: &result.report,
            view: joined(&result.report, begun.at, &begun.expected, own),
        });
        let (at, source, target) = (begun.at, begun.user_address(), &begun.target);
        BegunShown { at, source, target, has_history, own, result }
    });
    VisitShown {
        code: visit.code,
        note: visit.note.as_deref(),
        repeats: visit.repeats,
        repeated_as,
        made_at: visit.made_at,
        expires_at: visit.expires_at,
        begun,
    }
}
