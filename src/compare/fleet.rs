//! Many reports → one row for each deployment and vantage.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use crate::model::difference::{AreaCounts, Fleet, FleetRow, badness};
use crate::model::stored::{StoredFinding, StoredReport, StoredSeverity, StoredVerdict};

/// The newest run of each deployment from each vantage, beside the one before it.
pub fn fleet(reports: &[(String, StoredReport)]) -> Fleet {
    let mut areas: Vec<String> = Vec::new();
    for finding in reports.iter().flat_map(|(_, report)| &report.findings) {
        if !areas.iter().any(|known| known == finding.family()) {
            areas.push(finding.family().to_owned());
        }
    }
    let mut runs: BTreeMap<(&str, &str), Vec<&(String, StoredReport)>> = BTreeMap::new();
    for entry in reports {
        let (_, report) = entry;
        let key = (report.deployment.domain.as_str(), report.vantage.label());
        runs.entry(key).or_default().push(entry);
    }
    let mut rows: Vec<FleetRow> = (runs.into_values())
        .filter_map(|mut runs| {
            runs.sort_by(|(_, one), (_, other)| other.run.started_at.cmp(&one.run.started_at));
            let mut runs = runs.into_iter();
            let (path, newest) = runs.next()?;
            Some(row(path, newest, runs.next().map(|(_, before)| before), &areas))
        })
        .collect();
    rows.sort_by_key(|row| Reverse(badness(row.result)));
    Fleet { areas, rows }
}

fn row(
    path: &str,
    report: &StoredReport,
    before: Option<&StoredReport>,
    areas: &[String],
) -> FleetRow {
    let violations = |report: &StoredReport| -> HashSet<String> {
        let violations = report.findings.iter().filter(|finding| finding.is_violation());
        violations.map(|finding| finding.fingerprint.clone()).collect()
    };
    let new_violations =
        before.map(|before| violations(report).difference(&violations(before)).count());
    FleetRow {
        deployment: report.deployment.domain.clone(),
        vantage: report.vantage.label().to_owned(),
        path: path.to_owned(),
        started_at: report.run.started_at.clone(),
        result: report.summary.result,
        coverage: report.summary.coverage,
        areas: areas.iter().map(|area| counts(report, area)).collect(),
        new_violations,
        not_tested: report.not_tested.len(),
    }
}

fn counts(report: &StoredReport, area: &str) -> AreaCounts {
    let mut counts = AreaCounts::default();
    for finding in report.findings.iter().filter(|finding| finding.family() == area) {
        count(finding, &mut counts);
    }
    counts
}

fn count(finding: &StoredFinding, counts: &mut AreaCounts) {
    match finding.verdict {
        StoredVerdict::Pass => counts.passed += 1,
        StoredVerdict::Inconclusive => counts.inconclusive += 1,
        StoredVerdict::NotApplicable => {}
        StoredVerdict::Fail if finding.is_waived() => counts.waived += 1,
        StoredVerdict::Fail if finding.severity == StoredSeverity::Error => counts.errors += 1,
        StoredVerdict::Fail => counts.warnings += 1,
    }
}
