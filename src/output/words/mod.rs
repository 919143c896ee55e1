//! Findings in words: the only place where a reason becomes a sentence.
//!
//! A statement never names the place that its finding is about (node, address, port): the output
//! writes the place in front, so that one sentence is right for several places.

mod backend;
mod browser;
pub(super) mod call;
mod config;
mod dns;
pub(super) mod edition;
pub(super) mod facts;
mod host;
pub(super) mod http;
pub mod numbers;
pub(super) mod plan;
mod ports;
pub(super) mod premises;
pub mod proxy;
pub mod remedies;
mod rtmp;
mod services;
mod sums;
pub(super) mod tls;
mod turn;
mod udp;
mod vantages;
mod via;
pub mod waivers;

use std::fmt;

pub(super) use vantages::asking;

use crate::model::expected::Expected;
use crate::model::plan::LeftOut;
use crate::model::report::Finding;
use crate::model::seen::Seen;
use crate::output::quote;

/// What was seen, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The result in one line, to be read behind its place and a colon.
    pub summary: String,
    /// What else was seen, a line each.
    pub details: Vec<String>,
}

impl Statement {
    /// A statement of one line.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), details: Vec::new() }
    }

    /// With one more line.
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// The summary and all details, for another statement.
    pub(super) fn lines(self) -> impl Iterator<Item = String> {
        std::iter::once(self.summary).chain(self.details)
    }

    /// The same, to be laid out: where a quotation begins and ends is marked.
    pub(super) fn into_layout(self) -> String {
        self.lines().collect::<Vec<_>>().join("\n")
    }

    /// With these lines.
    pub fn with(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }
}

impl fmt::Display for Statement {
    /// The summary and all details, a line each, as people read them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote::shown(&self.summary))?;
        self.details.iter().try_for_each(|line| write!(f, "\n{}", quote::shown(line)))
    }
}

/// What a finding saw.
pub fn statement(finding: &Finding) -> Statement {
    let statement = seen(&finding.seen);
    match vantages::seen_from(finding) {
        Some(from) => statement.detail(from),
        None => statement,
    }
}

/// Why there is no run from a machine, in one line.
pub fn vantage_missing(left_out: &LeftOut) -> String {
    let plan::NotTested { what, why, .. } = plan::not_tested(left_out);
    quote::shown(&format!("not tested: {what}: {why}"))
}

/// What was seen, as people read it.
pub fn seen_in_words(seen: &Seen) -> String {
    self::seen(seen).to_string()
}

/// What was seen.
pub(super) fn seen(seen: &Seen) -> Statement {
    match seen {
        Seen::Blocked { by, itself } => {
            let statement = Statement::new(format!("not judged: {by} did not pass"));
            match itself {
                Some(itself) => statement.with(self::seen(itself).lines()),
                None => statement,
            }
        }
        Seen::Blind(why) => Statement::new(format!("could not look: {why}")),
        Seen::Doubted(doubt) => premises::statement(doubt),
        Seen::UseUndeclared { condition, itself } => {
            let mut statement = self::seen(itself);
            statement.summary = format!(
                "{}; it is not declared whether {condition} is in use ({})",
                statement.summary,
                condition.flag()
            );
            statement
        }
        Seen::HoldsByParsing => Statement::new("ovcheck accepts no other deployment file"),
        Seen::NotProven(seen) => {
            let mut statement = self::seen(seen);
            statement.summary = format!("not proven: {}", statement.summary);
            statement
        }
        Seen::Both(seen, beside) => {
            let Statement { summary, details } = self::seen(beside);
            self::seen(seen).detail(summary).with(details)
        }
        Seen::Port(seen) => ports::statement(seen),
        Seen::Service(seen) => services::statement(seen),
        Seen::Udp(seen) => udp::statement(seen),
        Seen::OnlyThisTime(seen) => {
            let mut statement = self::seen(seen);
            statement.summary.push_str(", although other connections to the same place work");
            statement
        }
        Seen::Connection(connect) => Statement::new(facts::connect(connect)),
        Seen::Handshake(handshake) => Statement::new(facts::handshake(handshake)),
        Seen::HttpAnswer(answer) => Statement::new(facts::http(answer)),
        Seen::StunAnswer(answer) => Statement::new(facts::stun(answer)),
        Seen::NotAsked(why) => Statement::new(plan::not_asked(why)),
        Seen::Undeclared(role) => Statement::new(plan::undeclared(*role)),
        Seen::BackendDown(seen) => backend::statement(seen),
        Seen::Browser(seen) => browser::statement(seen),
        Seen::Dns(seen) => dns::statement(seen),
        Seen::Http(seen) => http::statement(seen),
        Seen::Rtmp(seen) => rtmp::statement(seen),
        Seen::Sum(seen) => sums::statement(seen),
        Seen::Tls(seen) => tls::statement(seen),
        Seen::Turn(seen) => turn::statement(seen),
        Seen::Call(seen) => call::statement(seen),
        Seen::Host(seen) => host::statement(seen),
        Seen::Proxy(seen) => proxy::statement(seen),
        Seen::Config(seen) => config::statement(seen),
        Seen::Text(text) => {
            let mut lines = text.lines().map(str::to_owned);
            Statement { summary: lines.next().unwrap_or_default(), details: lines.collect() }
        }
    }
}

/// What was demanded of a finding's target, in words.
pub fn expected(finding: &Finding) -> String {
    match &finding.expected {
        Expected::AsTheRuleSays(text) => text.clone(),
        Expected::OpenToThisVantage => {
            format!("open to {}", vantages::asking(finding.asked_from()))
        }
        Expected::ClosedToThisVantage => {
            format!("closed to {}", vantages::asking(finding.asked_from()))
        }
        Expected::ClosedBecauseUnused(_) => "closed: nothing in use needs it".to_owned(),
        Expected::OpenOnlyIfUsed(condition) => {
            format!("open if {condition} is in use, otherwise closed")
        }
    }
}
