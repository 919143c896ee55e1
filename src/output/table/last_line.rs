//! The last line, enough alone for a log.

use std::collections::BTreeSet;
use std::io;

use crate::model::plan::RunScope;
use crate::model::report::{Age, Finding, Report};
use crate::model::rule::RuleId;
use crate::model::verdict::Severity;
use crate::output::page::{Ink, Page};
use crate::output::result::RunResult;
use crate::output::text::counted;

pub fn write(report: &Report, exit: u8, page: &mut Page<'_>) -> io::Result<()> {
    let result = RunResult::of(report);
    let ink = match result {
        RunResult::Pass => Ink::Good,
        RunResult::Fail => Ink::Bad,
        RunResult::Incomplete | RunResult::Interrupted => Ink::Caution,
    };
    let silenced_by = silencing_flag(report, result, exit);
    let rest = format!("  {} · exit status {exit}{silenced_by}", numbers(report, result));
    // A pass speaks only of what somebody declared.
    let of_what = match result {
        RunResult::Pass if !report.context.options.selection.is_everything() => {
            " of what was selected"
        }
        RunResult::Pass if report.scope() == RunScope::Whole && report.undeclared() > 0 => {
            " of what was declared"
        }
        _ => "",
    };
    page.line(&[(ink, &result.to_string()), (Ink::Plain, of_what), (Ink::Plain, &rest)])
}

/// Every finding, and what was left out, as numbers.
fn numbers(report: &Report, result: RunResult) -> String {
    let counts = report.counts();
    let passed = match counts.uncontradicted {
        0 => format!("{} passed", counts.pass),
        some => {
            let proven = counts.pass - some;
            format!("{} passed ({proven} proven, {some} with no evidence against)", counts.pass)
        }
    };
    let hints = (report.findings.iter())
        .filter(|finding| is_counted(finding) && finding.severity == Severity::Info)
        .count();
    let warnings = counts.warnings - hints;
    let unseen = format!("{} not tested", report.not_tested.len());
    let gate_knows = (report.findings.iter())
        .filter(|finding| is_counted(finding) && finding.standing.age == Some(Age::Known))
        .count();
    let expired = report.expired_waivers();
    let not_selected = report.not_selected();
    let none_found = counts.errors == 0 && result != RunResult::Pass;
    let parts = [
        (
            counts.errors > 0 || none_found,
            of_rules(report, counts.errors, "violation", |severity| severity == Severity::Error),
        ),
        (
            warnings > 0,
            of_rules(report, warnings, "warning", |severity| severity == Severity::Warning),
        ),
        (hints > 0, of_rules(report, hints, "hint", |severity| severity == Severity::Info)),
        (gate_knows > 0, format!("{gate_knows} known to the baseline")),
        (counts.waived > 0, format!("{} waived", counts.waived)),
        (expired > 0, counted(expired, "expired waiver")),
        (true, passed),
        (counts.unsettled > 0, format!("{} unsettled", counts.unsettled)),
        (counts.excused > 0, format!("{} blocked by accepted violations", counts.excused)),
        (counts.vantage_limit > 0, counted(counts.vantage_limit, "vantage limit")),
        (counts.not_applicable > 0, format!("{} not applicable", counts.not_applicable)),
        (not_selected > 0, format!("{not_selected} left out (--only, --skip)")),
        (!report.not_tested.is_empty(), unseen),
    ];
    let said: Vec<String> = (parts.into_iter())
        .filter_map(|(worth_saying, words)| worth_saying.then_some(words))
        .collect();
    said.join(", ")
}

/// Waived violations are counted apart.
fn is_counted(finding: &Finding) -> bool {
    finding.is_violation() && !finding.is_waived()
}

/// `4 violations of 2 rules`: a rule is judged once for each place and address.
fn of_rules(report: &Report, number: usize, word: &str, of: fn(Severity) -> bool) -> String {
    let rules: BTreeSet<&RuleId> = (report.findings.iter())
        .filter(|finding| is_counted(finding) && of(finding.severity))
        .map(|finding| &finding.rule)
        .collect();
    let words = counted(number, word);
    if rules.len() == number {
        return words;
    }
    format!("{words} of {}", counted(rules.len(), "rule"))
}

/// Why the exit status is 0 although the result is not a pass.
fn silencing_flag(report: &Report, result: RunResult, exit: u8) -> &'static str {
    match result {
        RunResult::Fail if exit == 0 && report.gate.exit_zero => " (--exit-zero)",
        RunResult::Incomplete if exit == 0 && report.gate.allow_inconclusive => {
            " (--allow-inconclusive)"
        }
        RunResult::Pass | RunResult::Fail | RunResult::Incomplete | RunResult::Interrupted => "",
    }
}
