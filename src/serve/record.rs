//! What the history keeps of a report.

use crate::model::history::{CertificateRecord, FindingRecord, PathRecord, RunHead, RunRecord};
use crate::model::prober::{ProberModule, TargetName};
use crate::model::stored::StoredResult;
use crate::model::timestamp::Timestamp;
use crate::model::word_list::WordList;
use crate::output::shown::ShownReport;

/// The record of a run of this module of a target, with this JSON report. `None`: it is not a report.
pub fn of(json: &[u8], target: &TargetName, module: ProberModule) -> Option<RunRecord> {
    let shown = ShownReport::read(json).ok()?;
    let head = RunHead {
        at: Timestamp::from_rfc3339(&shown.run.started_at)?,
        target: target.clone(),
        module,
        result: StoredResult::from_word(shown.summary.result.code())?,
        exit_code: shown.summary.exit_code,
        is_complete: shown.run.complete,
        coverage: shown.summary.coverage,
        took_ms: shown.run.duration_ms,
        guide: shown.ruleset.guide.clone(),
        ruleset_digest: shown.ruleset.digest.clone(),
        tool_version: shown.tool.version.clone(),
        vantage: shown.vantage.name.clone().unwrap_or_else(|| shown.vantage.zone.clone()),
    };
    let findings = shown.findings.iter().map(|finding| FindingRecord {
        fingerprint: finding.fingerprint.clone(),
        rule: finding.rule.clone(),
        standing: finding.standing(),
        confidence: finding.confidence.map(|it| it.code().to_owned()),
        reason_code: finding.reason_code.clone(),
    });
    let certificates = shown.chains().map(|chain| CertificateRecord {
        endpoint: chain.endpoint.to_owned(),
        family: chain.family.to_owned(),
        sha256: chain.leaf.sha256.clone(),
        not_after: chain.not_after,
        issuer: chain.leaf.issuer.clone(),
    });
    let ways = shown.call.iter().flat_map(|call| &call.ways);
    // What the policy closes is not expected to work.
    let paths = ways.filter(|way| !way.closed_on_purpose).map(|way| PathRecord {
        path: way.code().to_owned(),
        works: way.carries_media(),
        took_ms: way.took_ms(),
    });
    Some(RunRecord {
        head,
        findings: findings.collect(),
        certificates: certificates.collect(),
        paths: paths.collect(),
    })
}
