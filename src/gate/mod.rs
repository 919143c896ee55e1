//! Between `evaluate` and `output`: what operators decided beforehand about the findings of a run, and
//! what a former run had already. Pure, and no verdict changes here: what is waived or known stays in
//! the report as it was judged, and only no longer fails the run.

mod baseline;
mod waive;

use std::collections::HashMap;

use crate::model::report::{Age, Finding, Report};
use crate::model::rule::RuleId;
use crate::model::stored::StoredReport;
use crate::model::timestamp::Date;
use crate::model::verdict::{InconclusiveKind, Verdict};
use crate::model::waiver::Waiver;

/// Marks the violations that are waived on this day, by these waivers or by comments in the configuration
/// files of the run, and everything that is blocked by them alone.
#[must_use]
pub fn with_waivers(report: Report, mut waivers: Vec<Waiver>, today: Date) -> Report {
    let mut report = report;
    waivers.extend(report.ignore_comments().map(waive::by_comment));
    let selection = report.context.options.selection.clone();
    report.waivers = waive::apply(&mut report.findings, waivers, today, &selection);
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
    let in_the_way = by_rule(findings, |finding| {
        !matches!(finding.verdict, Verdict::Pass(_) | Verdict::NotApplicable)
    });
    let is_excused = |finding: &Finding| {
        let root = finding.blocked_by.as_ref().and_then(|root| in_the_way.get(root));
        finding.verdict == Verdict::Inconclusive(InconclusiveKind::Unsettled)
            && root.is_some_and(|root| nearest(root, finding).all(is_accepted))
    };
    let excused: Vec<bool> = findings.iter().map(is_excused).collect();
    for (finding, is_excused) in findings.iter_mut().zip(excused) {
        finding.standing.is_excused = is_excused;
    }
}

/// These findings, found by their rule: a deployment of hundreds of nodes has tens of thousands.
fn by_rule(
    findings: &[Finding],
    wanted: impl Fn(&Finding) -> bool,
) -> HashMap<&RuleId, Vec<&Finding>> {
    let mut by_rule: HashMap<&RuleId, Vec<&Finding>> = HashMap::new();
    for finding in findings.iter().filter(|finding| wanted(finding)) {
        by_rule.entry(&finding.rule).or_default().push(finding);
    }
    by_rule
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
