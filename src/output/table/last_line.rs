//! The last line, enough alone for a log.

use std::io;

use crate::model::report::Report;
use crate::output::page::{Ink, Page};
use crate::output::result::RunResult;
use crate::output::text::counted;

pub fn write(report: &Report, exit: u8, page: &mut Page<'_>) -> io::Result<()> {
    let result = RunResult::of(report, exit);
    let ink = match result {
        RunResult::Pass => Ink::Good,
        RunResult::Fail => Ink::Bad,
        RunResult::Incomplete | RunResult::Interrupted => Ink::Caution,
    };
    let silenced_by = silencing_flag(report, result, exit);
    let rest = format!(
        "  {} · exit status {exit}{silenced_by}",
        numbers(report, result)
    );
    page.line(&[(ink, &result.to_string()), (Ink::Plain, &rest)])
}

/// Every finding, and what was left out, as numbers.
fn numbers(report: &Report, result: RunResult) -> String {
    let counts = report.counts();
    let passed = match counts.uncontradicted {
        0 => format!("{} passed", counts.pass),
        some => format!(
            "{} passed ({some} of them not contradicted rather than proven)",
            counts.pass
        ),
    };
    let unseen = format!("{} not tested", report.not_tested.len());
    let none_found = counts.errors == 0 && result != RunResult::Pass;
    let parts = [
        (
            counts.errors > 0 || none_found,
            counted(counts.errors, "violation"),
        ),
        (counts.warnings > 0, counted(counts.warnings, "warning")),
        (true, passed),
        (
            counts.unsettled > 0,
            format!("{} unsettled", counts.unsettled),
        ),
        (
            counts.vantage_limit > 0,
            counted(counts.vantage_limit, "vantage limit"),
        ),
        (
            counts.not_applicable > 0,
            format!("{} not applicable", counts.not_applicable),
        ),
        (!report.not_tested.is_empty(), unseen),
    ];
    let said: Vec<String> = (parts.into_iter())
        .filter_map(|(worth_saying, words)| worth_saying.then_some(words))
        .collect();
    said.join(", ")
}

/// Why the exit status is 0 although the result is not a pass.
fn silencing_flag(report: &Report, result: RunResult, exit: u8) -> &'static str {
    match result {
        RunResult::Fail if exit == 0 && report.gate.exit_zero => " (--exit-zero)",
        RunResult::Incomplete if exit == 0 && report.gate.allow_inconclusive => {
            " (--allow-inconclusive)"
        }
        RunResult::Incomplete if exit == 0 && report.gate.exit_zero => " (--exit-zero)",
        RunResult::Pass | RunResult::Fail | RunResult::Incomplete | RunResult::Interrupted => "",
    }
}
