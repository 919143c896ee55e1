//! The page for users: requests to the public listener. Nothing of the operator's is answered here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue,
};
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::listener::{self, BodyFault};
use super::routes::{Asked, HTML, Reply, parameter};
use super::runs::Answer;
use super::target::Target;
use super::visits::received::{
    self, LONGEST_REQUEST, LONGEST_RESULT, ReceivedResult, VisitRequest,
};
use super::visits::{Moment, Refusal, VisitId};
use super::{Prober, forwarded, visits};
use crate::app::{self, VisitTokens};
use crate::config::serve::PageConfig;
use crate::evaluate::visit::joined;
use crate::model::facts::Way;
use crate::model::language::Language;
use crate::model::prober::ProberModule;
use crate::model::visit::{BegunVisit, BrowserReport, JoinedView, VisitCode, VisitConclusion};
use crate::model::word_list::WordList;
use crate::output::call::letter::{VisitLetter, write_for_visit};
use crate::output::html::visit::{self, VisitPage};

/// The time until which the runs of a visit must have ended.
const FOR_OWN_RUNS: Duration = Duration::from_secs(60);

/// How long the answer to a result waits for ovcheck's own run, and how often it looks.
const WAIT_FOR_OWN_RUN: Duration = Duration::from_secs(5);
const STEP_OF_WAIT: Duration = Duration::from_millis(100);

/// How long a browser tries: to open a WebSocket, and each way after that.
const SOCKET_MS: u32 = 8_000;
const DIRECT_MS: u32 = 6_000;
const RELAY_MS: u32 = 8_000;

/// The page, ready to answer. Cheap to clone.
#[derive(Clone)]
pub struct PublicPage {
    prober: Prober,
    page: Arc<PageConfig>,
    policy: HeaderValue,
}

impl PublicPage {
    pub fn new(prober: Prober, page: PageConfig) -> Self {
        let places = &page.places;
        // wss and https, or in the demo ws and http.
        let api = places.signalling.replacen("ws", "http", 1);
        let turn = places.turn.as_deref().unwrap_or_default();
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {} {api} \
             {turn}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            places.signalling
        );
        let policy = HeaderValue::try_from(policy).expect("names of hosts are ASCII");
        Self { prober, page: Arc::new(page), policy }
    }

    /// Answers a request.
    pub async fn answer(&self, asked: &Asked<'_>, body: Incoming) -> Reply {
        let Some(path) = asked.path.strip_prefix(self.page.public_url.path.as_str()) else {
            return Reply::not_found();
        };
        let parts: Vec<&str> = path.split('/').collect();
        let is_get = asked.is_read_only();
        let is_post = *asked.method == Method::POST;
        match parts.as_slice() {
            [""] if is_get => self.html(asked, None),
            ["v", code] if is_get => self.html(asked, Some(code)),
            ["assets", name] if is_get => asset(name),
            ["visit"] if is_post => self.or_refused(self.begin(asked, body).await),
            ["visit", id, "report"] if is_post => {
                self.or_refused(self.take_result(asked, id, body).await)
            }
            [""] | ["v" | "assets", _] => method_not_allowed("GET, HEAD"),
            ["visit"] | ["visit", _, "report"] => method_not_allowed("POST"),
            _ => Reply::not_found(),
        }
    }

    fn now(&self) -> Moment {
        self.prober.now()
    }

    fn html(&self, asked: &Asked<'_>, code: Option<&str>) -> Reply {
        // Whatever stands in the address, only a code is repeated.
        let code: Option<VisitCode> = match code.map(str::parse) {
            None => None,
            Some(Ok(code)) => Some(code),
            Some(Err(_)) => return Reply::not_found(),
        };
        let code = code.map(|code| code.to_string());
        let page = VisitPage {
            language: self.language(asked),
            languages: &self.page.languages,
            code: code.as_deref(),
            is_open: self.page.is_open,
            operator: &self.page.operator_name,
            base: &self.page.public_url.path,
            domain: &self.page.places.domain,
        };
        Reply::written(HTML, |out| visit::write(&page, out))
            .with(CONTENT_SECURITY_POLICY, self.policy.clone())
            .with(
                HeaderName::from_static("cross-origin-opener-policy"),
                HeaderValue::from_static("same-origin"),
            )
            .with(
                HeaderName::from_static("permissions-policy"),
                HeaderValue::from_static("camera=(), microphone=(), geolocation=()"),
            )
    }

    /// The language that the address names, or else the one that the browser prefers.
    fn language(&self, asked: &Asked<'_>) -> Language {
        let offered = &self.page.languages;
        let named = parameter(asked.query, "lang").and_then(|word| Language::from_word(&word));
        named.filter(|language| offered.contains(language)).unwrap_or_else(|| {
            Language::accepted(asked.header(ACCEPT_LANGUAGE.as_str()).unwrap_or_default(), offered)
        })
    }

    fn or_refused(&self, reply: Result<Reply, Refusal>) -> Reply {
        reply.unwrap_or_else(|refusal| {
            self.prober.visits.count_refusal(refusal, self.now());
            Reply::json(status(refusal), &json!({ "error": refusal.word() }))
        })
    }

    /// Only the page itself may begin a visit or send a result, and a browser says from which page a request comes.
    async fn body(
        &self,
        asked: &Asked<'_>,
        body: Incoming,
        most: usize,
    ) -> Result<Vec<u8>, Refusal> {
        if asked.header("origin") != Some(&self.page.public_url.origin) {
            return Err(Refusal::WrongOrigin);
        }
        if !asked.is_json() {
            return Err(Refusal::Malformed);
        }
        let bytes = listener::read(body, most).await.map_err(|fault| match fault {
            BodyFault::TooLarge => Refusal::TooLarge,
            BodyFault::Unfinished => Refusal::Malformed,
        })?;
        Ok(bytes.into())
    }

    /// `POST visit`
    async fn begin(&self, asked: &Asked<'_>, body: Incoming) -> Result<Reply, Refusal> {
        let body = self.body(asked, body, LONGEST_REQUEST).await?;
        let request: VisitRequest =
            serde_json::from_slice(&body).map_err(|_| Refusal::Malformed)?;
        let target = self.prober.runs.target(self.page.target.as_str()).ok_or(Refusal::Busy)?;
        let run = &target.config.run;
        let now = self.now();
        let credentials = run.credentials.as_ref().ok_or(Refusal::Busy)?;
        let VisitTokens(tokens) = VisitTokens::make(credentials, now.wall).ok_or(Refusal::Busy)?;
        let request = visits::Request {
            code: request.code.as_ref().map(|code| code.0.as_str()),
            again: request.again.and_then(|id| VisitId::read(&id.0)),
            source: self.source(asked),
            target: &target.config.name,
        };
        let expected = || app::expected_ways(run).map_err(|_| Refusal::Busy);
        let begun = self.prober.visits.begin(&request, expected, now)?;
        let expected = self.prober.visits.begun(begun.id, now).ok_or(Refusal::Busy)?.expected;
        tokio::spawn(look(self.prober.clone(), Arc::clone(&target), begun.id));
        let places = &self.page.places;
        let by_way = |value: &dyn Fn(Way) -> serde_json::Value| {
            let pairs = Way::ALL.map(|way| (received::way_word(way).to_owned(), value(way)));
            serde_json::Value::Object(pairs.into_iter().collect())
        };
        let token = |way| tokens.iter().find(|(of, _)| *of == way).map(|(_, it)| it.expose());
        Ok(Reply::json(
            StatusCode::OK,
            &json!({
                "visit": begun.id.to_string(),
                "now": now.wall.unix_seconds() * 1000,
                "server": places.signalling,
                "domain": places.domain,
                "turn_probe": places.turn.as_ref().map(|turn| format!("{turn}/")),
                "tokens": by_way(&|way| token(way).into()),
                "limits": { "socket_ms": SOCKET_MS, "direct_ms": DIRECT_MS, "relay_ms": RELAY_MS },
                "expects": by_way(&|way| expected.contains(&way).into()),
                "sends": begun.repeats_left.is_some(),
                "repeats": begun.repeats_left,
            }),
        ))
    }

    /// `POST visit/ID/report`
    async fn take_result(
        &self,
        asked: &Asked<'_>,
        id: &str,
        body: Incoming,
    ) -> Result<Reply, Refusal> {
        let id = VisitId::read(id).ok_or(Refusal::Expired)?;
        self.prober.visits.expects_result(id, self.now())?;
        let body = self.body(asked, body, LONGEST_RESULT).await?;
        let received = ReceivedResult::read(&body).ok_or(Refusal::Malformed)?;
        let keep = received.keep;
        let language = self.language(asked);
        let report = received.into_report().ok_or(Refusal::Malformed)?;
        let code = self.prober.visits.take_result(id, report.clone(), keep, self.now())?;
        let code = code.map(|code| code.to_string());
        let (letter, view) = self.letter(id, &report, language).await.ok_or(Refusal::Expired)?;
        // Only ovcheck's own run sees the reason.
        let is_of_firefox = view.conclusions.contains(&VisitConclusion::FirefoxOnSameMachine);
        let sentence = is_of_firefox.then_some("firefox-same-machine");
        let answer = json!({ "code": code, "for_it": letter, "sentence": sentence });
        Ok(Reply::json(StatusCode::OK, &answer))
    }

    /// The text for the administrator of the user's network, and what follows from both results.
    async fn letter(
        &self,
        id: VisitId,
        report: &BrowserReport,
        language: Language,
    ) -> Option<(String, JoinedView)> {
        let begun = self.with_own_run(id).await?;
        let target = self.prober.runs.target(self.page.target.as_str())?;
        let own = begun.own.as_deref();
        let view = joined(report, begun.at, &begun.expected, own);
        let letter = VisitLetter {
            language,
            deployment: &target.config.run.deployment,
            operator: &self.page.operator_name,
            at: begun.at,
            source: begun.user_address(),
            report,
            view: &view,
            own,
        };
        let mut text = Vec::new();
        // Writing to memory does not fail.
        write_for_visit(&letter, &mut text).ok()?;
        Some((String::from_utf8_lossy(&text).into_owned(), view))
    }

    /// A visit, if possible with what ovcheck found itself: its call takes about as long as the test in the browser.
    async fn with_own_run(&self, id: VisitId) -> Option<BegunVisit> {
        let by = Instant::now() + WAIT_FOR_OWN_RUN;
        loop {
            let begun = self.prober.visits.begun(id, self.now())?;
            if begun.own.is_some() || Instant::now() >= by {
                return Some(begun);
            }
            sleep(STEP_OF_WAIT).await;
        }
    }

    /// Where a request comes from.
    fn source(&self, asked: &Asked<'_>) -> IpAddr {
        let fields = asked.headers.get_all("x-forwarded-for").into_iter();
        let fields: Vec<&str> = fields.map(|it| it.to_str().unwrap_or_default()).collect();
        forwarded::source(asked.peer, &fields, &self.page.trusted_proxies)
    }
}

/// The runs of ovcheck itself that belong to a visit: its call, and if that does not show why a path fails, a run that also
/// asks the ports. Recent ones are taken as they are.
async fn look(prober: Prober, target: Arc<Target>, id: VisitId) {
    let by = Instant::now() + FOR_OWN_RUNS;
    let view_of = async |module| match prober.runs.result(&target, module, by).await {
        Some(Answer::Ran(ran)) => ran.judged().and_then(|judged| judged.view.as_deref().cloned()),
        Some(Answer::NotYet) | None => None,
    };
    let Some(mut own) = view_of(ProberModule::Call).await else { return };
    if !own.is_explained()
        && let Some(full) = view_of(ProberModule::Full).await
    {
        own = own.with_violations_of(&full);
    }
    prober.visits.keep_own(id, own, prober.now());
}

fn asset(name: &str) -> Reply {
    let Some(asset) = visit::assets().iter().find(|asset| asset.name == name) else {
        return Reply::not_found();
    };
    Reply::new(StatusCode::OK, asset.content_type, asset.body)
        .with(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"))
}

fn method_not_allowed(allowed: &'static str) -> Reply {
    Reply::refused(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
        .with(ALLOW, HeaderValue::from_static(allowed))
}

fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::CodeRequired | Refusal::CodeUnknown | Refusal::WrongOrigin => {
            StatusCode::FORBIDDEN
        }
        Refusal::CodeUsed | Refusal::CodeExpired | Refusal::Expired => StatusCode::GONE,
        Refusal::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Malformed => StatusCode::BAD_REQUEST,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Full => StatusCode::INSUFFICIENT_STORAGE,
    }
}
