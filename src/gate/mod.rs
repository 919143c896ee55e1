//! Between `evaluate` and `output`: what operators decided beforehand about the findings of a run, and
//! what a former run had already. Pure, and no verdict changes here: what is waived or known stays in
//! the report as it was judged, and only no longer fails the run.

mod baseline;
mod waive;

use crate::model::report::{Age, Finding, Report};
use crate::model::stored::StoredReport;
use crate::model::verdict::Verdict;
use crate::model::waiver::Waiver;

/// Marks the violations that are waived on the day of the run, and everything that is blocked by them
/// alone.
#[must_use]
pub fn with_waivers(report: Report, waivers: Vec<Waiver>) -> Report {
    let today = report.started_at.day();
    let mut report = report;
    report.waivers = waive::apply(&mut report.findings, waivers, today);
    excuse_blocked(&mut report.findings, report.gate.only_new);
    report
}

/// Marks which violations the baseline has too.
#[must_use]
pub fn with_baseline(report: Report, baseline: &StoredReport) -> Report {
    let mut report = report;
    baseline::mark(&mut report.findings, baseline);
    excuse_blocked(&mut report.findings, report.gate.only_new);
    report
}

/// Marks as excused what is blocked by accepted violations and by nothing else.
fn excuse_blocked(findings: &mut [Finding], only_new: bool) {
    let is_accepted = |finding: &Finding| {
        finding.is_waived()
            || (only_new && finding.is_violation() && finding.standing.age == Some(Age::Known))
    };
    let excused: Vec<bool> = (findings.iter())
        .map(|finding| {
            let Some(root) = &finding.blocked_by else { return false };
            let stands_in_the_way = |other: &&Finding| {
                other.rule == *root
                    && !matches!(other.verdict, Verdict::Pass(_) | Verdict::NotApplicable)
            };
            let in_the_way: Vec<&Finding> = findings.iter().filter(stands_in_the_way).collect();
            matches!(finding.verdict, Verdict::Inconclusive(_))
                && nearest(&in_the_way, finding).all(is_accepted)
                && !in_the_way.is_empty()
        })
        .collect();
    for (finding, is_excused) in findings.iter_mut().zip(excused) {
        finding.standing.is_excused = is_excused;
    }
}

/// Of these causes those of the same target; all of them where none is.
fn nearest<'a>(
    causes: &[&'a Finding],
    finding: &Finding,
) -> impl Iterator<Item = &'a Finding> + use<'a> {
    let is_of_target = |cause: &&Finding| cause.target.agrees_with(&finding.target);
    let same: Vec<&Finding> = causes.iter().copied().filter(is_of_target).collect();
    let chosen = if same.is_empty() { causes.to_vec() } else { same };
    chosen.into_iter()
}

#[cfg(test)]
mod tests;
