//! The report as annotations of GitHub Actions: workflow commands on standard output.
//!
//! Everywhere else ovcheck takes care that no text becomes such a command ([`super::log_safe`]). Here it
//! writes them itself: a text can only be the value of a property or the message, where nothing that ends
//! them is left as it was.

use std::io::{self, Write};

use super::log_safe;
use super::shown::{Group, ShownInconclusiveKind, ShownReport, in_one_line};
use super::text::{counted, one_line};
use crate::model::verdict::Severity;

/// The most places that one annotation lists.
const MOST_PLACES: usize = 10;

/// Writes one annotation for each rule and reason, and last one line of the result.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    if let Some(partial) = report.partial() {
        command(Level::Warning, &[("title", "ovcheck: partial report")], partial, out)?;
    }
    let settings = report.settings();
    if !settings.is_empty() {
        let title = [("title", "ovcheck: settings of this run")];
        command(Level::Notice, &title, &settings.join("\n"), out)?;
    }
    // GitHub shows the first ten of each level in one step: the most severe come first.
    for group in report.violations() {
        violation(report, &group, out)?;
    }
    for waiver in &report.waivers {
        let level = if waiver.is_expired() { Level::Error } else { Level::Warning };
        if let Some(note) = waiver.note() {
            command(level, &[("title", "ovcheck: waiver")], &note, out)?;
        }
    }
    for (kind, level) in [
        (ShownInconclusiveKind::Unsettled, Level::Warning),
        (ShownInconclusiveKind::VantageLimit, Level::Notice),
    ] {
        undecided(report, kind, level, out)?;
    }
    not_tested(report, out)?;
    let (result, numbers) = (report.summary.result.words(), report.numbers());
    let line = format!("{result}  {numbers} · exit status {}", report.summary.exit_code);
    writeln!(out, "{}", log_safe::text(&line))
}

/// The level of an annotation.
#[derive(Debug, Clone, Copy)]
enum Level {
    Error,
    Warning,
    Notice,
}

fn violation(report: &ShownReport, group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    let finding = group.first();
    let level = match finding.severity {
        _ if finding.waiver.is_some() => Level::Notice,
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Info => Level::Notice,
    };
    let title = format!("{} ({})", finding.rule, finding.verdict_words());
    let mut properties = vec![("title", title.as_str())];
    let claim = report.claim_of(finding);
    let line = claim.line.map(|line| line.to_string());
    if let Some(file) = claim.file {
        properties.push(("file", file));
        properties.extend(line.iter().map(|line| ("line", line.as_str())));
    }
    let mut message = vec![finding.title.clone()];
    message.extend(finding.waiver.iter().map(|waived| waived.by.words()));
    message.extend(places(group));
    message.extend(finding.means.iter().map(|means| one_line(means)));
    message.push(format!("Remedy: ovcheck explain {}", finding.rule));
    command(level, &properties, &message.join("\n"), out)
}

fn undecided(
    report: &ShownReport,
    kind: ShownInconclusiveKind,
    level: Level,
    out: &mut dyn Write,
) -> io::Result<()> {
    let groups = report.undecided();
    let groups: Vec<&Group<'_>> =
        groups.iter().filter(|group| group.first().inconclusive_kind == Some(kind)).collect();
    if groups.is_empty() {
        return Ok(());
    }
    let number: usize = groups.iter().map(|group| group.findings.len()).sum();
    let title = format!("ovcheck: {} not decided ({})", counted(number, "check"), kind.words());
    let lines: Vec<String> = groups
        .iter()
        .flat_map(|group| std::iter::once(group.first().rule.clone()).chain(places(group)))
        .collect();
    command(level, &[("title", &title)], &lines.join("\n"), out)
}

fn not_tested(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    if report.not_tested.is_empty() {
        return Ok(());
    }
    let title = format!("ovcheck: {} not tested", counted(report.not_tested.len(), "item"));
    let lines: Vec<String> = (report.not_tested.iter())
        .map(|item| format!("{} ({})", one_line(&item.what), one_line(&item.why)))
        .collect();
    command(Level::Notice, &[("title", &title)], &lines.join("\n"), out)
}

fn places(group: &Group<'_>) -> Vec<String> {
    let seen = group.seen();
    let mut lines: Vec<String> = (seen.iter().take(MOST_PLACES))
        .map(|at| format!("{}: {}", at.where_words(), in_one_line(at.observed)))
        .collect();
    if let Some(more @ 1..) = seen.len().checked_sub(MOST_PLACES) {
        lines.push(format!("and {}", counted(more, "more place")));
    }
    lines
}

/// Writes one workflow command.
fn command(
    level: Level,
    properties: &[(&str, &str)],
    message: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    let properties: Vec<String> =
        (properties.iter()).map(|(key, value)| format!("{key}={}", property(value))).collect();
    // Other agents look for commands anywhere in a line.
    let message = data(&log_safe::text(message));
    writeln!(out, "::{name} {}::{message}", properties.join(","))
}

/// A message, as the toolkit of GitHub escapes it (`escapeData`).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property (`escapeProperty`).
fn property(text: &str) -> String {
    data(&log_safe::text(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(title: &str, message: &str) -> String {
        let mut out = Vec::new();
        command(Level::Error, &[("title", title)], message, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_stays_in_its_place() {
        assert_eq!(
            written("a::b,file=c", "100 %\r\n::set-output name=x::y\n##[error]z"),
            "::error title=a%3A%3Ab%2Cfile=c::100 %25%0D%0A:·:set-output name=x::y%0A#·#[error]z\n"
        );
    }
}
