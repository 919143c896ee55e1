//! The report, or the runs of many deployments, as one HTML file: nothing is loaded, and nothing is run. Every text is escaped by the
//! template ([askama](https://docs.rs/askama)).

mod fleet;
mod history;
mod matrix;
mod range;
mod targets;
mod violations;
pub mod visit;
mod ways;

use std::io::{self, Write};

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::log_safe;
use super::shown::{
    ResultWord, ShownConfidence, ShownFinding, ShownInconclusiveKind, ShownReport, ShownVerdict,
    ShownWaiverUse,
};
use crate::model::difference::Fleet;
use crate::model::verdict::Severity;
pub use history::write_history;
pub use targets::{LastRun, RunLine, TargetLinks, TargetRow, write_targets};

use matrix::Matrix;
use range::Strip;
use violations::{Places, Violation};
use ways::Call;

/// The style of the page, inside it.
pub(super) const STYLE: &str = include_str!("report.css");

/// The most groups of one kind that are told in full.
const MOST_GROUPS: usize = 200;

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::of(report).render().map_err(io::Error::other)?;
    log_safe::write_text(out, |out| out.write_all(page.as_bytes()))
}

/// Writes the runs of many deployments. `numbers` says how they ended, and `exit` is the exit status the
/// program will end with.
///
/// # Errors
/// Those of `out`.
pub fn write_fleet(
    fleet: &Fleet,
    numbers: String,
    exit: u8,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = fleet::Page::of(fleet, numbers, exit).render().map_err(io::Error::other)?;
    log_safe::write_text(out, |out| out.write_all(page.as_bytes()))
}

/// The style of this page, and nothing else.
pub(super) fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// A share in percent, never more than it is.
fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1000.0).floor() / 10.0)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    style: &'static str,
    policy: String,
    report: &'a ShownReport,
    result: Mark,
    violations: Vec<Violation<'a>>,
    violations_left_out: usize,
    call: Option<Call<'a>>,
    matrix: Option<Matrix<'a>>,
    strips: Vec<Strip>,
    undecided: Vec<Undecided<'a>>,
    undecided_left_out: usize,
    passed: Vec<Passed<'a>>,
    /// The waivers that need attention.
    waivers: Vec<String>,
}

/// A verdict for the eye: a colour, a sign, and always a word.
struct Mark {
    class: &'static str,
    sign: &'static str,
    words: String,
}

/// Checks of one rule that could not be decided for one reason.
struct Undecided<'a> {
    mark: Mark,
    rule: &'a str,
    title: &'a str,
    places: Places<'a>,
}

/// The checks of one rule that passed.
struct Passed<'a> {
    rule: &'a str,
    title: &'a str,
    proven: usize,
    uncontradicted: usize,
}

impl<'a> Page<'a> {
    fn of(report: &'a ShownReport) -> Self {
        let violations = report.violations();
        let undecided = report.undecided();
        Self {
            style: STYLE,
            policy: content_security_policy(),
            report,
            result: Mark::of_result(report.summary.result),
            violations_left_out: violations.len().saturating_sub(MOST_GROUPS),
            violations: (violations.iter().take(MOST_GROUPS).enumerate())
                .map(|(index, group)| Violation::of(report, group, index))
                .collect(),
            call: report.call.as_ref().map(|call| Call::of(call, report)),
            matrix: Matrix::of(report),
            strips: range::strips(report),
            undecided_left_out: undecided.len().saturating_sub(MOST_GROUPS),
            undecided: (undecided.iter().take(MOST_GROUPS))
                .map(|group| Undecided {
                    mark: Mark::of_finding(group.first()),
                    rule: &group.first().rule,
                    title: &group.first().title,
                    places: Places::of(group),
                })
                .collect(),
            passed: passed(report),
            waivers: report.waivers.iter().filter_map(ShownWaiverUse::note).collect(),
        }
    }

    fn has_finding_of(&self, kind: ShownInconclusiveKind) -> bool {
        self.report.findings.iter().any(|finding| finding.inconclusive_kind == Some(kind))
    }

    fn has_unsettled(&self) -> bool {
        self.has_finding_of(ShownInconclusiveKind::Unsettled)
    }

    fn has_limits(&self) -> bool {
        self.has_finding_of(ShownInconclusiveKind::VantageLimit)
    }

    fn passed_in_all(&self) -> usize {
        self.passed.iter().map(|passed| passed.proven + passed.uncontradicted).sum()
    }

    fn coverage(&self) -> String {
        percent(self.report.summary.coverage)
    }
}

fn passed(report: &ShownReport) -> Vec<Passed<'_>> {
    let mut rules: Vec<Passed<'_>> = Vec::new();
    for finding in report.with_verdict(ShownVerdict::Pass) {
        let place = rules.iter().position(|known| known.rule == finding.rule);
        let place = place.unwrap_or_else(|| {
            rules.push(Passed {
                rule: &finding.rule,
                title: &finding.title,
                proven: 0,
                uncontradicted: 0,
            });
            rules.len() - 1
        });
        match finding.confidence {
            Some(ShownConfidence::Proven) => rules[place].proven += 1,
            Some(ShownConfidence::Suspected | ShownConfidence::Uncontradicted) | None => {
                rules[place].uncontradicted += 1;
            }
        }
    }
    rules
}

impl Mark {
    fn new(class: &'static str, sign: &'static str, words: impl Into<String>) -> Self {
        Self { class, sign, words: words.into() }
    }

    fn of_result(result: ResultWord) -> Self {
        let (class, sign) = match result {
            ResultWord::Pass => ("good", "✓"),
            ResultWord::Fail => ("bad", "✗"),
            ResultWord::Incomplete | ResultWord::Interrupted => ("doubt", "?"),
        };
        Self::new(class, sign, result.words())
    }

    fn of_finding(finding: &ShownFinding) -> Self {
        let (class, sign) = match (finding.verdict, finding.severity) {
            (ShownVerdict::Pass, _) => ("good", "✓"),
            (ShownVerdict::Fail, _) if finding.waiver.is_some() => ("none", "~"),
            (ShownVerdict::Fail, Severity::Error) => ("bad", "✗"),
            (ShownVerdict::Fail, Severity::Warning | Severity::Info) => ("caution", "!"),
            (ShownVerdict::Inconclusive, _) => ("doubt", "?"),
            (ShownVerdict::NotApplicable, _) => ("none", "–"),
        };
        Self::new(class, sign, finding.verdict_words())
    }
}
