//! The report as JUnit XML, as GitLab, Jenkins and the actions for GitHub read it.
//!
//! A reader takes each test case for one of four things, and gates by them. So a test case fails where
//! the run does: for a violation at or above `--fail-on`. What was not decided is an error if it makes
//! the run incomplete. Everything else that was not decided, or not tested, is skipped, with the reason.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::log_safe;
use super::shown::{ResultWord, ShownFinding, ShownInconclusiveKind, ShownReport, ShownVerdict};
use super::text::one_line;

/// The suite of what is about the run as a whole.
const OF_THE_RUN: &str = "run";

type Xml = Writer<Vec<u8>>;

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    let suites = suites(report);
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = Numbers::of(suites.iter().flat_map(|suite| &suite.cases));
    let name = xml_text(&format!("ovcheck {}", report.deployment.domain));
    xml.create_element("testsuites")
        .with_attribute(("name", name.as_str()))
        .with_attributes(all.attributes().iter().map(|(key, value)| (*key, value.as_str())))
        .with_attribute(("time", seconds(report.run.duration_ms).as_str()))
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| suite.write(report, xml)))?;
    let bytes = xml.into_inner();
    log_safe::write_text(out, |out| {
        out.write_all(&bytes)?;
        writeln!(out)
    })
}

/// The test cases of one rule family.
struct Suite<'a> {
    name: &'a str,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    outcome: Outcome,
    /// More than the message; for people.
    text: String,
}

enum Outcome {
    Passed,
    Failure { message: String, kind: String },
    Error { message: String, kind: String },
    Skipped { message: String },
}

/// How many test cases of a suite ended how.
#[derive(Default)]
struct Numbers {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Numbers {
    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Self {
        let mut numbers = Self::default();
        for case in cases {
            numbers.tests += 1;
            match case.outcome {
                Outcome::Passed => {}
                Outcome::Failure { .. } => numbers.failures += 1,
                Outcome::Error { .. } => numbers.errors += 1,
                Outcome::Skipped { .. } => numbers.skipped += 1,
            }
        }
        numbers
    }

    /// Those that a list of suites has.
    fn attributes(&self) -> [(&'static str, String); 3] {
        [
            ("tests", self.tests.to_string()),
            ("failures", self.failures.to_string()),
            ("errors", self.errors.to_string()),
        ]
    }
}

fn suites(report: &ShownReport) -> Vec<Suite<'_>> {
    let mut suites: Vec<Suite<'_>> = Vec::new();
    for finding in &report.findings {
        let case = Case::of(report, finding);
        match suites.iter_mut().find(|suite| suite.name == finding.family()) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name: finding.family(), cases: vec![case] }),
        }
    }
    suites.push(Suite { name: OF_THE_RUN, cases: cases_of_run(report) });
    suites
}

/// Whether the run came to its end, and what it left out.
fn cases_of_run(report: &ShownReport) -> Vec<Case> {
    let outcome = match report.partial() {
        None => Outcome::Passed,
        Some(words) => Outcome::Error {
            message: words.to_owned(),
            kind: match report.summary.result {
                ResultWord::Interrupted => "interrupted".to_owned(),
                ResultWord::Pass | ResultWord::Fail | ResultWord::Incomplete => {
                    "deadline".to_owned()
                }
            },
        },
    };
    let whole = Case { name: "the run was completed".to_owned(), outcome, text: String::new() };
    let left_out = report.not_tested.iter().map(|item| {
        let flag = item.flag.as_ref().map_or_else(String::new, |flag| format!("; try {flag}"));
        Case {
            name: format!("not tested: {}", one_line(&item.what)),
            outcome: Outcome::Skipped { message: format!("{}{flag}", one_line(&item.why)) },
            text: String::new(),
        }
    });
    let waivers = report.waivers.iter().filter_map(|waiver| {
        let message = waiver.note()?;
        let outcome = if waiver.is_expired() {
            Outcome::Failure { message, kind: "expired waiver".to_owned() }
        } else {
            Outcome::Skipped { message }
        };
        let name = format!("waiver: {}", one_line(&waiver.waiver.place));
        Some(Case { name, outcome, text: String::new() })
    });
    std::iter::once(whole).chain(waivers).chain(left_out).collect()
}

impl Case {
    fn of(report: &ShownReport, finding: &ShownFinding) -> Self {
        let slug = finding.rule.split_once('/').map_or(finding.rule.as_str(), |(_, slug)| slug);
        Self {
            name: format!("{slug}: {}", finding.target.full_place()),
            outcome: Outcome::of(report, finding),
            text: match finding.verdict {
                ShownVerdict::Fail => text_of_violation(finding),
                ShownVerdict::Pass | ShownVerdict::Inconclusive | ShownVerdict::NotApplicable => {
                    String::new()
                }
            },
        }
    }

    fn write(&self, suite: &str, xml: &mut Xml) -> io::Result<()> {
        let (name, class) = (xml_text(&self.name), format!("ovcheck.{suite}"));
        let case = xml
            .create_element("testcase")
            .with_attributes([("name", name.as_str()), ("classname", class.as_str())]);
        let (element, message, kind) = match &self.outcome {
            Outcome::Passed => return case.write_empty().map(|_| ()),
            Outcome::Failure { message, kind } => ("failure", message, Some(kind)),
            Outcome::Error { message, kind } => ("error", message, Some(kind)),
            Outcome::Skipped { message } => ("skipped", message, None),
        };
        let message = xml_text(message);
        case.write_inner_content(|xml| {
            let mut outcome =
                xml.create_element(element).with_attribute(("message", message.as_str()));
            if let Some(kind) = kind {
                outcome = outcome.with_attribute(("type", kind.as_str()));
            }
            if self.text.is_empty() {
                outcome.write_empty()?;
            } else {
                outcome.write_text_content(BytesText::new(&xml_text(&self.text)))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl Outcome {
    fn of(report: &ShownReport, finding: &ShownFinding) -> Self {
        let observed = finding.observed_line();
        match finding.verdict {
            ShownVerdict::Pass => Self::Passed,
            ShownVerdict::Fail if report.fails_the_run(finding) => {
                Self::Failure { message: observed, kind: finding.verdict_words() }
            }
            ShownVerdict::Fail => {
                let why = finding.waiver.as_ref().map_or_else(
                    || "violation that does not fail the run".to_owned(),
                    |waived| waived.by.words(),
                );
                let message = format!("{why} ({}): {observed}", finding.verdict_words());
                Self::Skipped { message }
            }
            ShownVerdict::Inconclusive
                if finding.inconclusive_kind == Some(ShownInconclusiveKind::Unsettled)
                    && !finding.excused
                    && !report.summary.gate.allow_inconclusive =>
            {
                Self::Error { message: observed, kind: "unsettled".to_owned() }
            }
            ShownVerdict::Inconclusive => {
                Self::Skipped { message: format!("{}: {observed}", finding.verdict_words()) }
            }
            ShownVerdict::NotApplicable => {
                Self::Skipped { message: format!("not applicable: {observed}") }
            }
        }
    }
}

fn text_of_violation(finding: &ShownFinding) -> String {
    let mut lines = vec![
        format!("rule: {} ({})", finding.rule, finding.title),
        format!("verdict: {}", finding.verdict_words()),
        format!("expected: {}", finding.expected),
        format!("seen: {}", finding.observed_line()),
    ];
    lines.extend(finding.means.iter().map(|means| format!("means: {}", one_line(means))));
    lines.extend(finding.remedy.iter().map(|remedy| format!("remedy:\n{}", remedy.text)));
    lines.push(format!("fingerprint: {}", finding.fingerprint));
    lines.join("\n")
}

impl Suite<'_> {
    /// The settings that a reader must know, as properties of the run.
    fn write_settings(&self, report: &ShownReport, xml: &mut Xml) -> io::Result<()> {
        let settings = report.settings();
        if self.name != OF_THE_RUN || settings.is_empty() {
            return Ok(());
        }
        xml.create_element("properties").write_inner_content(|xml| {
            settings.iter().try_for_each(|line| {
                let value = xml_text(line);
                let property = xml.create_element("property");
                property
                    .with_attributes([("name", "settings"), ("value", value.as_str())])
                    .write_empty()
                    .map(|_| ())
            })
        })?;
        Ok(())
    }

    fn write(&self, report: &ShownReport, xml: &mut Xml) -> io::Result<()> {
        let numbers = Numbers::of(self.cases.iter());
        let skipped = numbers.skipped.to_string();
        // XML Schema's date and time, as most readers expect it: without a zone.
        let started = report.run.started_at.trim_end_matches('Z');
        xml.create_element("testsuite")
            .with_attributes([("name", self.name), ("timestamp", started), ("time", "0")])
            .with_attributes(numbers.attributes().iter().map(|(key, value)| (*key, value.as_str())))
            .with_attribute(("skipped", skipped.as_str()))
            .write_inner_content(|xml| {
                self.write_settings(report, xml)?;
                self.cases.iter().try_for_each(|case| case.write(self.name, xml))
            })?;
        Ok(())
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// The text without characters that XML 1.0 cannot hold.
fn xml_text(text: &str) -> String {
    let can_be_held = |c: &char| {
        matches!(c, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || *c > '\u{ffff}'
    };
    text.chars().filter(can_be_held).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(xml_text("a\u{0}\u{1b}b\u{ffff}\u{1f600}\n"), "ab\u{1f600}\n");
    }
}
