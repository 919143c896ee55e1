//! Visits of users: for the operator as pages and as JSON.

mod words;

use std::io::{self, Write};
use std::net::IpAddr;

use askama::Template;
use serde_json::{Value, json};

use super::html::{STYLE, content_security_policy};
use super::log_safe;
use crate::model::facts::Way;
use crate::model::prober::TargetName;
use crate::model::timestamp::Timestamp;
use crate::model::visit::{
    BrowserReport, BrowserWay, JoinedView, OwnView, VisitCode, VisitConclusion,
};
use crate::output::call::words as call_words;

/// A visit, as far as it has come.
pub struct VisitShown<'a> {
    pub code: VisitCode,
    /// For whom the operator made the code; `None`: the visit began without one.
    pub note: Option<&'a str>,
    /// The code of the visit that the same page repeats.
    pub repeats: Option<VisitCode>,
    /// The codes of the visits that repeat this one.
    pub repeated_as: Vec<VisitCode>,
    pub made_at: Timestamp,
    pub expires_at: Timestamp,
    pub begun: Option<BegunShown<'a>>,
}

/// A visit that has begun.
pub struct BegunShown<'a> {
    pub at: Timestamp,
    /// Where the request came from.
    pub source: Option<IpAddr>,
    /// The deployment that was tested.
    pub target: &'a TargetName,
    /// Whether there is a history of it.
    pub has_history: bool,
    pub own: Option<&'a OwnView>,
    pub result: Option<ResultShown<'a>>,
}

/// The result of a browser, and what follows from it.
pub struct ResultShown<'a> {
    pub at: Timestamp,
    pub report: &'a BrowserReport,
    pub view: JoinedView,
}

impl VisitShown<'_> {
    fn result(&self) -> Option<&ResultShown<'_>> {
        self.begun.as_ref()?.result.as_ref()
    }

    fn conclusions(&self) -> Vec<String> {
        let own = self.begun.as_ref().and_then(|begun| begun.own);
        let conclusions = self.result().map(|result| result.view.conclusions.as_slice());
        conclusions.unwrap_or_default().iter().map(|it| words::conclusion(it, own)).collect()
    }

    /// The target whose history shows more: where a fault may come and go.
    fn history(&self) -> Option<&TargetName> {
        let begun = self.begun.as_ref().filter(|begun| begun.has_history)?;
        let mut conclusions = begun.result.as_ref()?.view.conclusions.iter();
        let may_come_and_go = conclusions.any(|it| matches!(it, VisitConclusion::OwnPlace { .. }));
        may_come_and_go.then_some(begun.target)
    }

    /// How far it has come.
    fn state(&self, now: Timestamp) -> &'static str {
        match &self.begun {
            Some(BegunShown { result: Some(_), .. }) => "tested",
            Some(_) => "opened, no result",
            None if self.expires_at <= now => "expired",
            None => "not opened",
        }
    }

    /// As JSON. Words of the schema `visit-1.0`; the conclusions also as sentences.
    pub fn json(&self, now: Timestamp) -> Value {
        let begun = self.begun.as_ref();
        json!({
            "code": self.code.to_string(),
            "note": self.note,
            "repeats": self.repeats.map(|code| code.to_string()),
            "state": self.state(now),
            "made_at": self.made_at,
            "expires_at": self.expires_at,
            "begun_at": begun.map(|begun| begun.at),
            "source": begun.and_then(|begun| begun.source),
            "target": begun.map(|begun| begun.target.as_str()),
            "result_at": self.result().map(|result| result.at),
            "browser": self.result().map(|result| browser(result.report)),
            "sentences": self.conclusions(),
        })
    }

    /// As JSON, with the ways and what the browser sent.
    pub fn json_in_full(&self, now: Timestamp) -> Value {
        let mut json = self.json(now);
        json["view"] = json!(self.result().map(|result| &result.view));
        json["report"] = json!(self.result().map(|result| result.report));
        json
    }
}

fn browser(report: &BrowserReport) -> String {
    format!("{} {}", report.family, report.version).trim().to_owned()
}

#[derive(Template)]
#[template(path = "visits.html")]
struct ListPage {
    style: &'static str,
    policy: String,
    version: &'static str,
    rows: Vec<ListRow>,
}

struct ListRow {
    code: String,
    note: String,
    state: &'static str,
    at: String,
    browser: String,
    sentence: String,
}

/// Writes the page of all visits.
///
/// # Errors
/// Those of `out`.
pub fn write_list(
    visits: &[VisitShown<'_>],
    now: Timestamp,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows = visits.iter().map(|visit| ListRow {
        code: visit.code.to_string(),
        note: match (visit.note, visit.repeats) {
            (Some(note), Some(first)) => format!("{note} (repeats {first})"),
            (Some(note), None) => note.to_owned(),
            (None, _) => "without a code".to_owned(),
        },
        state: visit.state(now),
        at: visit.begun.as_ref().map_or(visit.made_at, |begun| begun.at).to_string(),
        browser: visit.result().map(|result| browser(result.report)).unwrap_or_default(),
        sentence: visit.conclusions().into_iter().next().unwrap_or_default(),
    });
    let page = ListPage {
        style: STYLE,
        policy: content_security_policy(),
        version: env!("CARGO_PKG_VERSION"),
        rows: rows.collect(),
    };
    write(&page, out)
}

#[derive(Template)]
#[template(path = "visit_result.html")]
struct ResultPage<'a> {
    style: &'static str,
    policy: String,
    version: &'static str,
    visit: &'a VisitShown<'a>,
    state: &'static str,
    sentences: Vec<String>,
    ways: Vec<WayRow>,
    facts: Vec<(&'static str, String)>,
}

struct WayRow {
    name: &'static str,
    is_expected: bool,
    browser: (&'static str, &'static str, &'static str),
    browser_detail: String,
    own: (&'static str, &'static str, &'static str),
    own_detail: String,
}

/// Writes the page of one visit.
///
/// # Errors
/// Those of `out`.
pub fn write_result(visit: &VisitShown<'_>, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let own = visit.begun.as_ref().and_then(|begun| begun.own);
    let ways = visit.result().map(|result| {
        let rows = result.view.ways.iter().map(|joined| WayRow {
            name: words::way(joined.way),
            is_expected: joined.is_expected,
            browser: words::seen(joined.browser),
            browser_detail: result.report.way(joined.way).map(in_browser).unwrap_or_default(),
            own: words::seen(joined.own),
            own_detail: own.map(|own| by_ovcheck(own, joined.way)).unwrap_or_default(),
        });
        rows.collect()
    });
    let page = ResultPage {
        style: STYLE,
        policy: content_security_policy(),
        version: env!("CARGO_PKG_VERSION"),
        visit,
        state: visit.state(now),
        sentences: visit.conclusions(),
        ways: ways.unwrap_or_default(),
        facts: facts(visit),
    };
    write(&page, out)
}

fn write(page: &impl Template, out: &mut dyn Write) -> io::Result<()> {
    let page = page.render().map_err(io::Error::other)?;
    log_safe::write_text(out, |out| out.write_all(page.as_bytes()))
}

/// What a browser tells of a way: the time, or the step at which it stopped and what it said there.
fn in_browser(way: &BrowserWay) -> String {
    let mut parts = Vec::new();
    if let Some(ms) = way.took_ms {
        parts.push(format!("{ms} ms"));
    }
    if !way.works {
        parts.push(format!("came to: {}, ended by: {}", way.step, way.end));
    }
    if let Some(close) = way.close.filter(|_| !way.works) {
        parts.push(format!("WebSocket closed with {close}"));
    }
    if let Some((local, remote)) = &way.pair {
        parts.push(format!("{local} to {remote}"));
    }
    let errors = way
        .errors
        .iter()
        .map(|error| format!("{} {} {}", error.code, error.url, error.text).trim().to_owned());
    parts.extend(errors);
    parts.join("; ")
}

fn by_ovcheck(own: &OwnView, way: Way) -> String {
    let call = own.call.as_ref();
    let summary = call.and_then(|call| call.ways.iter().find(|summary| summary.way == way));
    summary.map(call_words::way_state).unwrap_or_default()
}

/// What else is known of a visit.
fn facts(visit: &VisitShown<'_>) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match visit.repeats {
        Some(first) => facts.push(("Repeats the visit", first.to_string())),
        None => facts.push(("Code made", visit.made_at.to_string())),
    }
    if !visit.repeated_as.is_empty() {
        let codes: Vec<String> = visit.repeated_as.iter().map(VisitCode::to_string).collect();
        facts.push(("Repeated as", codes.join(", ")));
    }
    let Some(begun) = &visit.begun else {
        facts.push(("Code expires", visit.expires_at.to_string()));
        return facts;
    };
    facts.push(("Visit began", begun.at.to_string()));
    let unknown = || "not known: the proxy on this machine does not say it".to_owned();
    facts.push(("Request from", begun.source.map_or_else(unknown, |source| source.to_string())));
    if let Some(own) = begun.own {
        facts.push(("ovcheck's own run", own.at.to_string()));
    }
    let Some(ResultShown { at, report, .. }) = &begun.result else { return facts };
    facts.push(("Result", at.to_string()));
    facts.push(("Browser", browser(report)));
    facts.push(("Page opened at", report.page_origin.clone()));
    facts.push(("Clock of the browser", format!("{} ms ahead", report.clock_offset_ms)));
    if let Some((status, text)) = &report.api {
        facts.push(("Answer of /rtc/validate", format!("{status} {text}")));
    }
    facts.push(("HTTPS at the TURN name", report.turn_name.to_string()));
    if let Some(network) = &report.network {
        facts.push(("Network", network.clone()));
    }
    if !report.notes.is_empty() {
        facts.push(("Notes", report.notes.clone()));
    }
    facts.push((
        "Not visible to a browser",
        "DNS answers, TCP errors, certificates, HTTP proxies, ICMP".to_owned(),
    ));
    facts
}

#[cfg(test)]
mod tests;
