//! The message of an alert: JSON for the operator's webhook.

use serde_json::{Value, json};

use super::shown::{ShownFinding, ShownReport, in_one_line};
use super::text::clean;
use crate::model::history::RunHead;
use crate::model::word_list::WordList;

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertChange {
    Failed,
    Recovered,
    Incomplete,
    /// Endpoints, and the days until their certificates expire.
    Certificate {
        expiring: Vec<(String, i64)>,
    },
}

/// The most findings of a message.
const MOST_FINDINGS: usize = 50;

/// The message about a run.
pub fn json(head: &RunHead, report: &ShownReport, change: &AlertChange) -> Vec<u8> {
    let (word, expiring) = match change {
        AlertChange::Failed => ("failed", &[] as &[_]),
        AlertChange::Recovered => ("recovered", &[] as &[_]),
        AlertChange::Incomplete => ("incomplete", &[] as &[_]),
        AlertChange::Certificate { expiring } => ("certificate", expiring.as_slice()),
    };
    let expiring = expiring
        .iter()
        .map(|(endpoint, days)| json!({ "endpoint": endpoint, "days_left": days }))
        .collect::<Vec<_>>();
    let violations: Vec<&ShownFinding> =
        report.findings.iter().filter(|finding| report.fails_the_run(finding)).collect();
    let shown: Vec<Value> = violations.iter().take(MOST_FINDINGS).map(|it| finding(it)).collect();
    let message = json!({
        "version": "1.0",
        "change": word,
        "target": head.target.as_str(),
        "module": head.module.word(),
        "at": head.at.to_string(),
        "result": head.result.word(),
        "vantage": clean(&head.vantage),
        "findings": shown,
        "findings_left_out": violations.len().saturating_sub(MOST_FINDINGS),
        "certificates": expiring,
    });
    message.to_string().into_bytes()
}

fn finding(finding: &ShownFinding) -> Value {
    json!({
        "rule": clean(&finding.rule),
        "title": clean(&finding.title),
        "severity": finding.severity.word(),
        "place": clean(&finding.place()),
        "observed": in_one_line(&clean(&finding.observed)),
        "remedy": finding.remedy.as_ref().map(|remedy| in_one_line(&clean(&remedy.text))),
        "fingerprint": clean(&finding.fingerprint),
    })
}
