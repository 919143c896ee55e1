//! The report for Icinga, Nagios and other programs that read plugins: one line with a state, performance
//! data behind `|`, and more lines for people.

use std::io::{self, Write};

use super::log_safe;
use super::shown::{Group, ShownInconclusiveKind, ShownReport, ShownVerdict, in_one_line};
use super::text;
use crate::model::verdict::Severity;

/// The most lines behind the first: programs that run plugins read some kilobytes.
const MOST_LINES: usize = 20;
/// The most columns of a line.
const WIDEST: usize = 300;

/// The state of a service, in the words and numbers of the plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl ServiceState {
    /// The state that the exit status of the run stands for. Violations that do not fail the run are a
    /// warning.
    pub fn of(report: &ShownReport) -> Self {
        let has = |severity| report.violations_of(severity).next().is_some();
        match report.summary.exit_code {
            0 if has(Severity::Error) || has(Severity::Warning) => Self::Warning,
            0 => Self::Ok,
            1 => Self::Critical,
            _ => Self::Unknown,
        }
    }

    /// The word of the first line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let state = ServiceState::of(report).word();
        let domain = &report.deployment.domain;
        let first = line(&format!("OVCHECK {state}: {domain}: {}", report.numbers()));
        writeln!(out, "{first} | {}", performance(report))?;
        let lines = lines(report);
        for one in lines.iter().take(MOST_LINES) {
            writeln!(out, "{}", line(one))?;
        }
        match lines.len().checked_sub(MOST_LINES) {
            Some(more @ 1..) => writeln!(out, "and {} more", text::counted(more, "line")),
            Some(0) | None => Ok(()),
        }
    })
}

/// Writes that the check itself failed, in the state `UNKNOWN`.
///
/// # Errors
/// Those of `out`.
pub fn write_failure(what: &str, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        writeln!(out, "OVCHECK {}: {}", ServiceState::Unknown.word(), line(what))
    })
}

/// A text on one line, without the sign that begins the performance data.
fn line(words: &str) -> String {
    text::cut(&in_one_line(&text::clean(words)), WIDEST).replace('|', "¦")
}

/// What is wrong, what was not decided, and what was not tested.
fn lines(report: &ShownReport) -> Vec<String> {
    let partial = report.partial().map(str::to_owned);
    let violations = report.violations();
    let violations = violations.iter().map(of_group);
    let waivers = report.waivers.iter().filter_map(|waiver| waiver.note());
    let undecided = report.undecided();
    let undecided = undecided.iter().map(of_group);
    let not_tested =
        report.not_tested.iter().map(|item| format!("not tested: {} ({})", item.what, item.why));
    let last = undecided.chain(not_tested).chain(report.settings());
    partial.into_iter().chain(violations).chain(waivers).chain(last).collect()
}

fn of_group(group: &Group<'_>) -> String {
    let finding = group.first();
    let seen = group.seen();
    let places: Vec<String> = seen.iter().map(|at| at.where_words()).collect();
    let observed = in_one_line(&finding.observed);
    let waived = finding.waiver.as_ref();
    let waived = waived.map_or_else(String::new, |waived| format!("; {}", waived.by.words()));
    format!(
        "{} ({}): {}: {observed}{waived}",
        finding.rule,
        finding.verdict_words(),
        text::list(&places)
    )
}

/// `label=value;warning;critical;minimum;maximum`, as the plugins' guidelines say.
fn performance(report: &ShownReport) -> String {
    let of = |verdict| report.with_verdict(verdict).count();
    let errors = report.violations_of(Severity::Error).count();
    let milder = report.violations_of(Severity::Warning).count();
    let waived = report.findings.iter().filter(|finding| finding.waiver.is_some()).count();
    let unsettled = (report.findings.iter())
        .filter(|finding| finding.inconclusive_kind == Some(ShownInconclusiveKind::Unsettled))
        .count();
    let undecided = of(ShownVerdict::Inconclusive);
    let coverage = (report.summary.coverage * 10_000.0).floor() / 100.0;
    let seconds = report.run.duration_ms as f64 / 1000.0;
    [
        format!("errors={errors};;0;0"),
        format!("warnings={milder};0;;0"),
        format!("waived={waived};;;0"),
        format!("passed={};;;0", of(ShownVerdict::Pass)),
        format!("unsettled={unsettled};;;0"),
        format!("undecided={undecided};;;0"),
        format!("not_tested={};;;0", report.not_tested.len()),
        format!("coverage={coverage}%;;;0;100"),
        format!("time={seconds}s;;;0"),
    ]
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_no_performance_data() {
        assert_eq!(line("a | b\nc=1"), "a ¦ b; c=1");
        let mut out = Vec::new();
        write_failure("error: no domain\n  = help: name one", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "OVCHECK UNKNOWN: error: no domain; = help: name one\n"
        );
    }
}
