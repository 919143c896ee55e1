//! Which violations a former run had already.

use std::collections::HashMap;

use crate::model::report::{Age, Finding};
use crate::model::stored::{StoredReport, StoredSeverity};
use crate::model::verdict::Severity;

/// Marks each violation as known or new. One that was milder then is new.
pub(super) fn mark(findings: &mut [Finding], baseline: &StoredReport) {
    let mut known: HashMap<&str, StoredSeverity> = HashMap::new();
    for finding in baseline.findings.iter().filter(|finding| finding.is_violation()) {
        let severity = known.entry(&finding.fingerprint).or_insert(finding.severity);
        *severity = (*severity).max(finding.severity);
    }
    for finding in findings.iter_mut().filter(|finding| finding.is_violation()) {
        let then = known.get(finding.fingerprint.to_string().as_str());
        let is_known = then.is_some_and(|then| *then >= stored(finding.severity));
        finding.standing.age = Some(if is_known { Age::Known } else { Age::New });
    }
}

fn stored(severity: Severity) -> StoredSeverity {
    match severity {
        Severity::Info => StoredSeverity::Info,
        Severity::Warning => StoredSeverity::Warning,
        Severity::Error => StoredSeverity::Error,
    }
}
