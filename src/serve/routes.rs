//! Requests and replies: what is asked, whether the client may know it, and the text of the answer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use sha2::Sha256;
use tokio::time::Instant;

use super::runs::Answer;
use super::target::{Outcome, Ran};
use super::visits::operator;
use super::{Prober, history_pages as history, page, process};
use crate::model::prober::ProberModule;
use crate::model::word_list::WordList;
use crate::output::metrics::{self, Exposition, LabelledSeries, ProcessCounts};

/// Left of the time that Prometheus waits, for the way back.
const WAY_BACK: Duration = Duration::from_millis(500);

/// The time of a probe whose request does not say how long it waits, as that of `blackbox_exporter`.
const WITHOUT_HEADER: Duration = Duration::from_secs(120);

pub const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
pub const HTML: &str = "text/html; charset=utf-8";
pub const JSON: &str = "application/json";

/// A request.
pub struct Asked<'a> {
    pub method: &'a Method,
    /// The other end of the connection.
    pub peer: IpAddr,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// The one of the `Host` field, or of the request itself.
    pub host: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// GET or HEAD.
    pub fn is_read_only(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }

    /// A field of the header.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the body is JSON: what a form of another site cannot send without being asked first (CORS).
    pub fn is_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    }
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// Fields that replace the usual ones.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, body: body.into(), headers: Vec::new() }
    }

    /// The same with a field of the header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// JSON.
    pub fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::new(status, JSON, value.to_string())
    }

    /// A fixed text: nothing of the request is repeated.
    pub fn refused(status: StatusCode, text: &'static str) -> Self {
        Self::new(status, TEXT, format!("{text}\n"))
    }

    pub fn not_found() -> Self {
        Self::refused(StatusCode::NOT_FOUND, "not found")
    }

    /// What a writer writes; writing to memory fails only where the report cannot be made.
    pub fn written(
        content_type: &'static str,
        write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
    ) -> Self {
        let mut body = Vec::new();
        match write(&mut body) {
            Ok(()) => Self::new(StatusCode::OK, content_type, body),
            Err(_) => {
                Self::refused(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made")
            }
        }
    }
}

/// Answers a request that came to this address.
pub async fn answer(
    asked: &Asked<'_>,
    body: Incoming,
    prober: &Prober,
    address: SocketAddr,
) -> Reply {
    // They tell nothing, and who asks them has no token (an orchestrator).
    match asked.path {
        "/readyz" if !prober.is_ready() => {
            return Reply::refused(StatusCode::SERVICE_UNAVAILABLE, "the history is not open");
        }
        "/healthz" | "/readyz" => return Reply::new(StatusCode::OK, TEXT, "ok\n"),
        _ => {}
    }
    if let Some(refusal) = refusal(asked, prober, address) {
        return refusal;
    }
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        [""] => page::targets(prober),
        ["metrics"] => all_series(prober),
        ["probe"] => {
            let reply = probe(asked, prober).await;
            prober.runs.counters.answered(reply.status.as_u16());
            reply
        }
        ["targets", target] => history::page(prober, target).await,
        ["runs", id] => history::report(prober, id, HTML).await,
        ["runs", id, "changes"] => history::changes(prober, id).await,
        ["targets", target, module] => last_report(prober, target, module, HTML, page::report),
        ["api", "v1", "visits"] => match &prober.public_url {
            Some(url) if !asked.is_read_only() => operator::invite(asked, body, prober, url).await,
            Some(_) => operator::list(prober),
            None => Reply::not_found(),
        },
        ["api", "v1", "visits", code] => operator::one(prober, code),
        ["visits"] if prober.public_url.is_some() => operator::list_page(prober),
        ["visits", code] => operator::one_page(prober, code),
        ["api", "v1", "targets"] => page::list(prober),
        ["api", "v1", "targets", target, "runs"] => {
            history::runs(prober, target, asked.query).await
        }
        ["api", "v1", "targets", target, "history"] => {
            history::json(prober, target, asked.query).await
        }
        ["api", "v1", "runs", id] => history::report(prober, id, JSON).await,
        ["api", "v1", "targets", target, module] => {
            last_report(prober, target, module, JSON, page::json)
        }
        _ => Reply::not_found(),
    }
}

/// Why a request is not answered.
fn refusal(asked: &Asked<'_>, prober: &Prober, address: SocketAddr) -> Option<Reply> {
    match &prober.runs.operator_token {
        // A page of another site that a browser on this machine shows could ask, too, under a name of its own that leads
        // here (DNS rebinding). It does not have the token.
        None => {
            let is_own = asked.host.is_some_and(|host| Prober::is_own_name(host, address));
            if !is_own {
                let text = "this name is not served: use the address, or set a token";
                return Some(Reply::refused(StatusCode::MISDIRECTED_REQUEST, text));
            }
        }
        Some(token) => {
            let shown = asked.header("authorization").and_then(|it| it.strip_prefix("Bearer "));
            if !shown.is_some_and(|shown| are_equal(shown.trim(), token.expose())) {
                let text = "a token is required: Authorization: Bearer TOKEN";
                return Some(Reply::refused(StatusCode::UNAUTHORIZED, text));
            }
        }
    }
    let takes_post = asked.path == "/api/v1/visits" && *asked.method == Method::POST;
    if !asked.is_read_only() && !takes_post {
        return Some(Reply::refused(StatusCode::METHOD_NOT_ALLOWED, "only GET"));
    }
    None
}

/// Whether two texts are equal, in a time that does not tell how much of them is.
fn are_equal(shown: &str, secret: &str) -> bool {
    let mac = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac
    };
    mac(shown).verify_slice(&mac(secret).finalize().into_bytes()).is_ok()
}

/// `/probe?target=NAME&module=MODULE[&debug=true]`
async fn probe(asked: &Asked<'_>, prober: &Prober) -> Reply {
    let begun = Instant::now();
    let refused = |text| Reply::refused(StatusCode::BAD_REQUEST, text);
    let Some(target) = parameter(asked.query, "target") else {
        return refused("the parameter target is missing: /probe?target=NAME&module=fast");
    };
    let module = match parameter(asked.query, "module") {
        None => ProberModule::Fast,
        Some(word) => match ProberModule::from_word(&word) {
            Some(module) => module,
            None => return refused("unknown module: fast, full, call, certificates"),
        },
    };
    let Some(target) = prober.runs.target(&target) else {
        return refused("unknown target: it must be a name of the configuration");
    };
    let Some(time) = time_for(asked.header("x-prometheus-scrape-timeout-seconds")) else {
        let text = "X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds";
        return Reply::refused(StatusCode::INTERNAL_SERVER_ERROR, text);
    };
    let answer = prober.runs.result(&target, module, begun + time).await;
    let Some(answer) = answer else {
        return refused("the target does not have this module in its configuration");
    };
    let is_debugged = parameter(asked.query, "debug").is_some_and(|word| word == "true");
    match answer {
        Answer::Ran(ran) if is_debugged => page::text(&target, &ran),
        Answer::Ran(ran) => series(&ran, begun),
        Answer::NotYet => {
            let waited = begun.elapsed().as_secs_f64();
            let remark = "The run has not ended yet: set a longer scrape_timeout.";
            let none = Exposition::without_result(waited);
            Reply::written(METRICS, |out| none.write(waited, Some(remark), out))
        }
    }
}

/// The series of a run.
fn series(ran: &Ran, asked: Instant) -> Reply {
    let age = ran.age().as_secs_f64();
    let remark = match &ran.outcome {
        Outcome::Judged(judged) => {
            return Reply::written(METRICS, |out| judged.series.write(age, None, out));
        }
        Outcome::Refused(complaint) => page::why(complaint),
        Outcome::Crashed => page::CRASHED.to_owned(),
    };
    let none = Exposition::without_result(asked.elapsed().as_secs_f64());
    Reply::written(METRICS, |out| none.write(age, Some(&remark), out))
}

/// The time until the answer has to leave, by the header of the request. `None`: it is not a number.
fn time_for(header: Option<&str>) -> Option<Duration> {
    let Some(text) = header else { return Some(WITHOUT_HEADER) };
    let seconds: f64 = text.trim().parse().ok()?;
    let waits = Duration::try_from_secs_f64(seconds).ok()?;
    Some(match waits.is_zero() {
        true => WITHOUT_HEADER,
        false => waits.min(WITHOUT_HEADER).saturating_sub(WAY_BACK),
    })
}

/// The first value of a parameter of a query.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    let value = value.replace('+', " ");
    Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
}

/// `/metrics`: the process, and the last run of every target.
fn all_series(prober: &Prober) -> Reply {
    let last = prober.runs.last_runs();
    let series: Vec<LabelledSeries<'_>> = (last.iter())
        .filter_map(|(target, module, ran)| {
            let labels = target.config.labels.iter();
            Some(LabelledSeries {
                target: target.config.name.as_str(),
                module: module.word(),
                labels: labels.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
                series: &ran.as_ref()?.judged()?.series,
                age: ran.as_ref()?.age().as_secs_f64(),
            })
        })
        .collect();
    let visits = prober.public_url.as_ref().map(|_| prober.visits.counts(prober.now()));
    let counts = ProcessCounts { visits, ..prober.runs.counts() };
    Reply::written(METRICS, |out| {
        let started_at = prober.clock.started_at();
        metrics::write_all(&counts, started_at, process::memory(), &series, out)
    })
}

/// The last report of a module of a target.
fn last_report(
    prober: &Prober,
    target: &str,
    module: &str,
    content_type: &'static str,
    write: fn(&super::target::Judged, &mut Vec<u8>) -> std::io::Result<()>,
) -> Reply {
    let known = prober.runs.target(target).zip(ProberModule::from_word(module));
    let last = known.and_then(|(target, module)| target.state(module)?.last.clone());
    match last.as_deref().and_then(Ran::judged) {
        Some(judged) => Reply::written(content_type, |out| write(judged, out)),
        None => Reply::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_leaves_before_prometheus_stops_to_wait() {
        assert_eq!(time_for(Some("10")), Some(Duration::from_millis(9_500)));
        assert_eq!(time_for(Some("0.3")), Some(Duration::ZERO));
        assert_eq!(time_for(Some("86400")), Some(Duration::from_millis(119_500)));
        assert_eq!(time_for(None), Some(WITHOUT_HEADER));
        assert_eq!(time_for(Some("0")), Some(WITHOUT_HEADER));
        for wrong in ["ten", "", "-1", "NaN", "inf"] {
            assert_eq!(time_for(Some(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_parameter_is_decoded() {
        assert_eq!(parameter("target=ma%69n&module=fast", "target").as_deref(), Some("main"));
        assert_eq!(parameter("module=fast", "target"), None);
        assert_eq!(parameter("target", "target"), None);
        assert_eq!(parameter("target=a%FF", "target").as_deref(), Some("a\u{fffd}"));
    }

    #[test]
    fn only_the_whole_token_is_equal() {
        assert!(are_equal("a-token-of-some-length", "a-token-of-some-length"));
        for other in
            ["", "a-token-of-some-lengt", "a-token-of-some-length2", "A-token-of-some-length"]
        {
            assert!(!are_equal(other, "a-token-of-some-length"), "{other}");
        }
    }
}
