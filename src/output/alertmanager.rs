//! The alerts for Alertmanager, as its API v2 takes them (`postableAlerts` of `POST /api/v2/alerts`).

use serde_json::{Value, json};

use super::shown::{ShownFinding, ShownReport, in_one_line};
use super::text::clean;
use crate::model::history::RunHead;

use crate::model::prober::{ProberModule, TargetName};
use crate::model::timestamp::Timestamp;
use crate::model::verdict::Severity;

/// What an alert is about. Alertmanager knows an alert by its labels: those of this, the target and the vantage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertSubject {
    /// A rule is violated.
    Rule(String),
    /// Runs cannot decide what they should.
    Incomplete,
    /// The certificate of an endpoint has less than this many days.
    Certificate { endpoint: String, days: i64 },
}

/// What a run says about a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertText {
    severity: &'static str,
    vantage: String,
    summary: String,
    description: String,
    remedy: Option<String>,
}

/// An alert at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedAlert<'a> {
    pub target: &'a TargetName,
    /// The module whose last report shows it.
    pub module: ProberModule,
    pub subject: &'a AlertSubject,
    pub text: &'a AlertText,
    pub starts_at: Timestamp,
    /// When it ended, or when Alertmanager may take it for ended unless it is told again.
    pub ends_at: Timestamp,
}

/// The most places of a violation in a text, and the most characters of a text.
const MOST_PLACES: usize = 10;
const LONGEST_TEXT: usize = 4_000;

impl AlertText {
    /// The findings violate a rule in this run. `None`: there is no finding.
    pub fn of_violation(head: &RunHead, findings: &[&ShownFinding]) -> Option<Self> {
        let first = findings.first()?;
        let seen = |it: &&ShownFinding| format!("{}: {}", it.place(), in_one_line(&it.observed));
        // The address families of a place are often the same.
        let mut places: Vec<String> = findings.iter().map(seen).collect();
        places.dedup();
        let more = places.len().saturating_sub(MOST_PLACES);
        places.truncate(MOST_PLACES);
        let mut description = format!("{}:\n{}", first.title, places.join("\n"));
        if more > 0 {
            description.push_str(&format!("\nand {more} more"));
        }
        let severity = findings.iter().map(|finding| finding.severity).max();
        Some(Self {
            severity: match severity.unwrap_or(Severity::Error) {
                Severity::Error => "critical",
                Severity::Warning => "warning",
                Severity::Info => "info",
            },
            vantage: clean(&head.vantage),
            summary: format!("{} violates {}", head.target, clean(&first.rule)),
            description: short(&description),
            remedy: first.remedy.as_ref().map(|remedy| short(&remedy.text)),
        })
    }

    /// The run could not decide what it should.
    pub fn of_incomplete(head: &RunHead, report: &ShownReport) -> Self {
        Self {
            severity: "warning",
            vantage: clean(&head.vantage),
            summary: format!("ovcheck cannot settle its checks of {}", head.target),
            description: short(&format!("{}: {}", head.module, report.numbers())),
            remedy: None,
        }
    }

    /// A certificate expires then.
    pub fn of_certificate(head: &RunHead, endpoint: &str, days: i64, not_after: Timestamp) -> Self {
        let endpoint = clean(endpoint);
        Self {
            severity: if days > 7 { "warning" } else { "critical" },
            vantage: clean(&head.vantage),
            summary: format!(
                "A certificate of {} ({endpoint}) expires in less than {days} days",
                head.target
            ),
            description: format!("It expires at {not_after}. A renewal should have replaced it."),
            remedy: None,
        }
    }
}

/// The body of a request with these alerts. `pages`: where the operator opens reports, without a final slash.
pub fn json(alerts: &[PostedAlert<'_>], pages: Option<&str>) -> Vec<u8> {
    let alerts: Value = alerts.iter().map(|alert| alert_value(alert, pages)).collect();
    alerts.to_string().into_bytes()
}

fn alert_value(alert: &PostedAlert<'_>, pages: Option<&str>) -> Value {
    let PostedAlert { target, module, subject, text, starts_at, ends_at } = alert;
    let mut labels = json!({
        "target": target.as_str(),
        "severity": text.severity,
        "vantage": text.vantage,
    });
    let (name, more) = match subject {
        AlertSubject::Rule(rule) => ("OvcheckViolation", Some(("rule", rule))),
        AlertSubject::Incomplete => ("OvcheckIncomplete", None),
        AlertSubject::Certificate { endpoint, days: 0..=7 } => {
            ("OvcheckCertificateExpiresSoon", Some(("endpoint", endpoint)))
        }
        AlertSubject::Certificate { endpoint, .. } => {
            ("OvcheckCertificateExpires", Some(("endpoint", endpoint)))
        }
    };
    labels["alertname"] = name.into();
    if let Some((label, value)) = more {
        labels[label] = clean(value).into();
    }
    let mut annotations = json!({ "summary": text.summary, "description": text.description });
    if let Some(remedy) = &text.remedy {
        annotations["remedy"] = remedy.as_str().into();
    }
    let mut value = json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": starts_at.to_string(),
        "endsAt": ends_at.to_string(),
    });
    if let Some(pages) = pages {
        value["generatorURL"] = format!("{pages}/targets/{target}/{module}").into();
    }
    value
}

/// At most as much as an annotation should have.
fn short(text: &str) -> String {
    clean(text).chars().take(LONGEST_TEXT).collect()
}
