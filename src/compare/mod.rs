//! Compares reports of former runs. Pure: reports in, differences out.

mod fleet;

use std::collections::{BTreeMap, HashSet};

use crate::complaint::Complaint;
use crate::model::difference::{Caveat, Change, ChangeKind, Difference, Side};
use crate::model::history::RunId;
use crate::model::stored::{StoredFinding, StoredReport, StoredVerdict};
use crate::stored;

pub use fleet::fleet;

/// What changed between two runs of a history, by their JSON reports. `None` if they are about different deployments.
///
/// # Errors
/// If one of them is not a report of a version that can be read.
pub fn runs(
    (old, old_json): (RunId, &[u8]),
    (new, new_json): (RunId, &[u8]),
) -> Result<Option<Difference>, Complaint> {
    let [old, new] = [old, new].map(|id| format!("run {}", id.0));
    let (old_report, new_report) = (stored::parse(&old, old_json)?, stored::parse(&new, new_json)?);
    Ok(difference((&old, &old_report), (&new, &new_report)))
}

/// What changed from `old` to `new`; each with its path. `None` if they are about different
/// deployments.
pub fn difference(
    (old_path, old): (&str, &StoredReport),
    (new_path, new): (&str, &StoredReport),
) -> Option<Difference> {
    if old.deployment.domain != new.deployment.domain {
        return None;
    }
    let (before, after) = (by_fingerprint(old), by_fingerprint(new));
    let mut changes = Vec::new();
    // Passes that stand for what the other report has as several violations.
    let mut told: HashSet<&str> = HashSet::new();
    let mut unchanged = 0;
    for (fingerprint, finding) in &after {
        let whole = whole_of(finding, &before).filter(|_| !before.contains_key(fingerprint));
        told.extend(whole.map(|whole| whole.fingerprint.as_str()));
        match change(before.get(fingerprint).copied().or(whole), Some(finding)) {
            Some(change) => changes.push(change),
            None => unchanged += 1,
        }
    }
    for (fingerprint, finding) in &before {
        if after.contains_key(fingerprint) || told.contains(fingerprint) {
            continue;
        }
        let whole = whole_of(finding, &after);
        told.extend(whole.map(|whole| whole.fingerprint.as_str()));
        changes.extend(change(Some(finding), whole).map(|change| match whole {
            Some(_) => Change { finding: at_place_of(finding, change.finding), ..change },
            None => change,
        }));
    }
    changes.retain(|change| {
        let came_or_went = matches!(change.kind, ChangeKind::Appeared | ChangeKind::Disappeared);
        !(came_or_went && told.contains(change.finding.fingerprint.as_str()))
    });
    changes.sort_by_key(|change| {
        let finding = &change.finding;
        let place = (finding.rule.clone(), finding.target.to_string());
        (!change.is_worse(), change.kind, std::cmp::Reverse(finding.severity), place)
    });
    Some(Difference {
        deployment: new.deployment.domain.clone(),
        old: side(old_path, old),
        new: side(new_path, new),
        caveats: caveats(old, new),
        changes,
        unchanged,
    })
}

fn side(path: &str, report: &StoredReport) -> Side {
    Side {
        path: path.to_owned(),
        started_at: report.run.started_at.clone(),
        result: report.summary.result,
    }
}

/// Why the two reports are not of the same test.
fn caveats(old: &StoredReport, new: &StoredReport) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    if old.run.started_at > new.run.started_at {
        caveats.push(Caveat::Backwards);
    }
    if old.vantage != new.vantage {
        let label = |report: &StoredReport| report.vantage.label().to_owned();
        caveats.push(Caveat::OtherVantage { old: label(old), new: label(new) });
    }
    if old.ruleset.guide != new.ruleset.guide {
        let guide = |report: &StoredReport| report.ruleset.guide.clone();
        caveats.push(Caveat::OtherGuide { old: guide(old), new: guide(new) });
    }
    if old.ruleset.digest != new.ruleset.digest {
        caveats.push(Caveat::OtherRules);
    }
    if !old.run.complete {
        caveats.push(Caveat::OldIsPartial);
    }
    if !new.run.complete {
        caveats.push(Caveat::NewIsPartial);
    }
    caveats
}

/// The findings by their fingerprint; of several with the same one the worst.
fn by_fingerprint(report: &StoredReport) -> BTreeMap<&str, &StoredFinding> {
    let mut findings: BTreeMap<&str, &StoredFinding> = BTreeMap::new();
    for finding in &report.findings {
        let known = findings.entry(&finding.fingerprint).or_insert(finding);
        if finding.standing().rank() > known.standing().rank() {
            *known = finding;
        }
    }
    findings
}

/// The finding of the whole check of which this violation is a part: a check that passes has one finding,
/// and one that fails has one for each violation that is mended apart.
fn whole_of<'a>(
    finding: &StoredFinding,
    report: &BTreeMap<&str, &'a StoredFinding>,
) -> Option<&'a StoredFinding> {
    let is_whole = |other: &&&StoredFinding| {
        other.rule == finding.rule && other.target.is_wider_than(&finding.target)
    };
    finding.is_violation().then(|| report.values().find(is_whole).copied()).flatten()
}

/// What became of the whole check, told at the place of the violation that it had.
fn at_place_of(violation: &StoredFinding, whole: StoredFinding) -> StoredFinding {
    StoredFinding {
        target: violation.target.clone(),
        fingerprint: violation.fingerprint.clone(),
        severity: violation.severity,
        ..whole
    }
}

/// What became of a finding; `None`: nothing.
fn change(old: Option<&StoredFinding>, new: Option<&StoredFinding>) -> Option<Change> {
    let kind = match (old, new) {
        (Some(old), Some(new)) => {
            let is_open = new.verdict == StoredVerdict::Inconclusive;
            match new.standing().rank().cmp(&old.standing().rank()) {
                std::cmp::Ordering::Equal => return None,
                _ if is_open => ChangeKind::Undecided,
                std::cmp::Ordering::Greater => ChangeKind::Worse,
                std::cmp::Ordering::Less => ChangeKind::Better,
            }
        }
        (None, Some(_)) => ChangeKind::Appeared,
        (Some(_), None) => ChangeKind::Disappeared,
        (None, None) => return None,
    };
    Some(Change {
        kind,
        finding: new.or(old)?.clone(),
        old: old.map(StoredFinding::standing),
        new: new.map(StoredFinding::standing),
    })
}

#[cfg(test)]
mod tests;
