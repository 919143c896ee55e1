//! The report as SARIF 2.1.0 (OASIS), as GitHub code scanning takes it.
//!
//! Only violations are results: a reader that knows nothing of `kind` shows every result as an alert.
//! What was not decided or not tested is a notification of the run.

use std::io::{self, Write};

use serde::Serialize;

use super::log_safe;
use super::shown::{
    Group, ShownConfidence, ShownFinding, ShownInconclusiveKind, ShownReport, ShownVerdict,
};
use super::text::{list, one_line};
use crate::model::verdict::Severity;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The file that would declare it, where a run has none: every result needs a file.
const USUAL_FILE: &str = "ovcheck.toml";

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_json(out, |out| {
        let log = Log { schema: SCHEMA, version: "2.1.0", runs: [Run::of(report)] };
        serde_json::to_writer_pretty(&mut *out, &log)?;
        writeln!(out)
    })
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    version: &'a str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    automation_details: AutomationDetails,
    invocations: [Invocation<'a>; 1],
    results: Vec<SarifResult<'a>>,
    column_kind: &'a str,
}

#[derive(Serialize)]
struct AutomationDetails {
    /// Keeps the alerts of two deployments, and of two places, apart.
    id: String,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'a str,
    version: &'a str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Message,
    full_description: Message,
    help: Message,
    default_configuration: Configuration,
    properties: RuleProperties<'a>,
}

#[derive(Serialize)]
struct Configuration {
    level: Level,
}

#[derive(Serialize)]
struct RuleProperties<'a> {
    tags: [&'a str; 2],
    precision: &'a str,
    #[serde(rename = "problem.severity")]
    severity: &'a str,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warning,
    Note,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Note,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    exit_code: u8,
    start_time_utc: &'a str,
    tool_execution_notifications: Vec<Notification<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    level: Level,
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<RuleReference<'a>>,
}

#[derive(Serialize)]
struct RuleReference<'a> {
    id: &'a str,
    index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: usize,
    kind: &'a str,
    level: Level,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<[Suppression; 1]>,
    properties: ResultProperties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Fingerprints<'a> {
    /// The one by which GitHub knows an alert again.
    #[serde(rename = "primaryLocationLineHash")]
    github: &'a str,
    #[serde(rename = "ovcheck/v1")]
    own: &'a str,
}

/// That a violation is waived.
#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultProperties<'a> {
    confidence: Option<&'a str>,
    reason_code: &'a str,
    fails_the_run: bool,
}

impl<'a> Run<'a> {
    fn of(report: &'a ShownReport) -> Self {
        let rules = rules(report);
        let index = |rule: &str| rules.iter().position(|known| known.id == rule);
        let results = (report.with_verdict(ShownVerdict::Fail))
            .filter_map(|finding| Some(SarifResult::of(report, finding, index(&finding.rule)?)))
            .collect();
        let invocation = Invocation {
            execution_successful: report.run.complete,
            exit_code: report.summary.exit_code,
            start_time_utc: &report.run.started_at,
            tool_execution_notifications: notifications(report, &index),
        };
        let domain = &report.deployment.domain;
        let place = report.vantage.name.as_ref().unwrap_or(&report.vantage.zone);
        Self {
            automation_details: AutomationDetails {
                id: format!("ovcheck/{domain}/{}/", one_line(place).replace('/', "-")),
            },
            invocations: [invocation],
            results,
            column_kind: "unicodeCodePoints",
            tool: Tool { driver: Driver { name: "ovcheck", version: &report.tool.version, rules } },
        }
    }
}

/// Every rule that a result or a notification names, once.
fn rules(report: &ShownReport) -> Vec<Rule<'_>> {
    let violations = report.violations();
    let undecided = report.undecided();
    let mut rules: Vec<Rule<'_>> = Vec::new();
    for group in violations.iter().chain(&undecided) {
        let finding = group.first();
        if rules.iter().all(|known| known.id != finding.rule) {
            let of_rule = violations.iter().filter(|group| group.first().rule == finding.rule);
            rules.push(Rule::of(finding, of_rule));
        }
    }
    rules
}

impl<'a> Rule<'a> {
    fn of<'g>(finding: &'a ShownFinding, violations: impl Iterator<Item = &'g Group<'g>>) -> Self {
        let source = &finding.source;
        let row = source.row.as_ref().map_or_else(String::new, |row| format!(", {row}"));
        let demanded = format!("Source: {}, {}{row}.", source.document, source.section);
        let mut help = vec![
            format!("{}.", one_line(&finding.title)),
            demanded.clone(),
            format!("\"ovcheck explain {}\" explains the rule.", finding.rule),
        ];
        help.extend(violations.flat_map(help_of_violation));
        Self {
            id: &finding.rule,
            short_description: Message { text: one_line(&finding.title) },
            full_description: Message { text: format!("{}. {demanded}", finding.title) },
            help: Message { text: help.join("\n\n") },
            default_configuration: Configuration { level: finding.severity.into() },
            properties: RuleProperties {
                tags: ["ovcheck", finding.family()],
                precision: match finding.confidence {
                    Some(ShownConfidence::Proven) => "very-high",
                    Some(ShownConfidence::Suspected | ShownConfidence::Uncontradicted) | None => {
                        "medium"
                    }
                },
                severity: match finding.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Info => "recommendation",
                },
            },
        }
    }
}

/// What a violation means, and how to fix it. No words of a server are in it.
fn help_of_violation(group: &Group<'_>) -> Vec<String> {
    let mut help: Vec<String> = group.first().means.iter().map(|means| one_line(means)).collect();
    for remedy in group.remedies() {
        help.push(format!("Remedy for {}:\n\n{}", list(&remedy.places), remedy.remedy.text));
    }
    help
}

impl<'a> SarifResult<'a> {
    fn of(report: &'a ShownReport, finding: &'a ShownFinding, rule_index: usize) -> Self {
        Self {
            rule_id: &finding.rule,
            rule_index,
            kind: "fail",
            level: finding.severity.into(),
            message: Message { text: message(finding) },
            locations: [Location::of(report, finding)],
            partial_fingerprints: Fingerprints {
                github: &finding.fingerprint,
                own: &finding.fingerprint,
            },
            suppressions: finding.waiver.as_ref().map(|waived| {
                let justification = waived.by.words();
                [Suppression { kind: "external", status: "accepted", justification }]
            }),
            properties: ResultProperties {
                confidence: finding.confidence.map(ShownConfidence::code),
                reason_code: &finding.reason_code,
                fails_the_run: report.fails_the_run(finding),
            },
        }
    }
}

fn message(finding: &ShownFinding) -> String {
    let (place, observed) = (finding.target.full_place(), finding.observed_line());
    let sure = finding.confidence.map_or("", ShownConfidence::words);
    let text = format!("{place}: {observed} ({sure}). Expected: {}.", finding.expected);
    // SARIF takes brackets for links, and braces for places of arguments (§3.11.5, §3.11.6).
    text.replace('\\', "\\\\")
        .replace('[', "\\[")
        .replace(']', "\\]")
        .replace('{', "{{")
        .replace('}', "}}")
}

impl Location {
    fn of(report: &ShownReport, finding: &ShownFinding) -> Self {
        let claim = report.claim_of(finding);
        Self {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri(claim.file.unwrap_or(USUAL_FILE)) },
                region: Region {
                    start_line: claim.line.unwrap_or(1),
                    start_column: claim.columns.map(|(start, _)| start),
                    end_column: claim.columns.map(|(_, end)| end),
                },
            },
            logical_locations: [LogicalLocation {
                fully_qualified_name: finding.target.full_place(),
                kind: "resource",
            }],
        }
    }
}

fn notifications<'a>(
    report: &'a ShownReport,
    index: &dyn Fn(&str) -> Option<usize>,
) -> Vec<Notification<'a>> {
    let partial = report.partial().map(|words| Notification {
        level: Level::Error,
        message: Message { text: words.to_owned() },
        associated_rule: None,
    });
    let undecided = report.with_verdict(ShownVerdict::Inconclusive).map(|finding| {
        let kind = finding.verdict_words();
        let (place, observed) = (finding.target.full_place(), finding.observed_line());
        Notification {
            level: match finding.inconclusive_kind {
                Some(ShownInconclusiveKind::Unsettled) => Level::Warning,
                Some(ShownInconclusiveKind::VantageLimit) | None => Level::Note,
            },
            message: Message { text: format!("Not decided ({kind}): {place}: {observed}") },
            associated_rule: index(&finding.rule)
                .map(|index| RuleReference { id: &finding.rule, index }),
        }
    });
    let not_tested = report.not_tested.iter().map(|item| {
        let flag = item.flag.as_ref().map_or_else(String::new, |flag| format!("; try {flag}"));
        let (what, why) = (one_line(&item.what), one_line(&item.why));
        Notification {
            level: Level::Note,
            message: Message { text: format!("Not tested: {what} ({why}{flag})") },
            associated_rule: None,
        }
    });
    let waivers = report.waivers.iter().filter_map(|waiver| {
        Some(Notification {
            level: if waiver.is_expired() { Level::Error } else { Level::Warning },
            message: Message { text: waiver.note()? },
            associated_rule: None,
        })
    });
    let settings = report.settings().into_iter().map(|text| Notification {
        level: Level::Note,
        message: Message { text },
        associated_rule: None,
    });
    partial.into_iter().chain(settings).chain(waivers).chain(undecided).chain(not_tested).collect()
}

/// A path as a reference (RFC 3986): relative to the working directory, or a `file` URI.
fn uri(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const IN_A_PATH: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let encoded = utf8_percent_encode(path.trim_start_matches("./"), IN_A_PATH);
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference() {
        assert_eq!(uri("./ovcheck.toml"), "ovcheck.toml");
        assert_eq!(uri("my sites/a#b.toml"), "my%20sites/a%23b.toml");
        assert_eq!(uri("/etc/ovcheck.toml"), "file:///etc/ovcheck.toml");
    }
}
