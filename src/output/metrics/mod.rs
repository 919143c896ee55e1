//! The report as metrics in the text format of Prometheus (0.0.4), for the textfile collector of
//! `node_exporter` and for programs that read `name value`.
//!
//! Labels have values of closed lists only: no address, no fingerprint, no text. A series that would
//! claim what was not looked at is absent. The same series are those of `ovcheck serve` ([`Exposition`]).

mod exposition;
mod prober;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::log_safe;
use super::shown::{
    ResultWord, ShownConfidence, ShownFinding, ShownInconclusiveKind, ShownReport, ShownVerdict,
};
use crate::model::reason::ReasonCode;
use crate::model::timestamp::Timestamp;
use crate::model::word_list::WordList;
use exposition::{Family, Sample};

pub use prober::{
    AlertCounts, Exposition, HistoryCounts, LabelledSeries, ProcessCounts, write_all,
};

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let module = report.run.command.as_str();
        families(report, module).iter().try_for_each(|family| family.write(out))
    })
}

/// The series of a run; `module` says which part of a check it was.
fn families(report: &ShownReport, module: &str) -> Vec<Family> {
    let mut families = of_run(report, module);
    families.extend(of_findings(report));
    families.extend(of_certificates(report));
    families.extend(of_paths(report));
    families.extend(of_identity(report));
    families.retain(|family| !family.samples.is_empty());
    families
}

fn of_run(report: &ShownReport, module: &str) -> Vec<Family> {
    let result = report.summary.result;
    let seconds = report.run.duration_ms as f64 / 1000.0;
    let started = Timestamp::from_rfc3339(&report.run.started_at);
    vec![
        success(result),
        duration(seconds),
        result_of(result),
        complete(report.run.complete),
        Family::one(
            "ovcheck_coverage_ratio",
            "Share of the demanded checks that passed or failed",
            report.summary.coverage,
        ),
        Family::one(
            "ovcheck_not_tested",
            "Number of items that the run did not look at",
            report.not_tested.len() as f64,
        ),
        Family::new(
            "ovcheck_last_run_timestamp_seconds",
            "When the run started, in seconds since 1970",
            started
                .map(|at| Sample::new(at.unix_seconds() as f64).with("module", module))
                .into_iter()
                .collect(),
        ),
        Family::new(
            "ovcheck_run_seconds",
            "How long the run took, by subcommand or module",
            vec![Sample::new(seconds).with("module", module)],
        ),
    ]
}

fn success(result: ResultWord) -> Family {
    Family::one(
        "probe_success",
        "Whether the result is pass; an incomplete run is no success",
        f64::from(u8::from(result == ResultWord::Pass)),
    )
}

fn duration(seconds: f64) -> Family {
    Family::one("probe_duration_seconds", "How long the run took", seconds)
}

fn result_of(result: ResultWord) -> Family {
    let results = ResultWord::ALL
        .map(|word| Sample::new(f64::from(u8::from(word == result))).with("result", word.code()));
    Family::new("ovcheck_result", "The result of the run", results.into())
}

fn complete(is_complete: bool) -> Family {
    Family::one(
        "ovcheck_complete",
        "Whether the run came to its end",
        f64::from(u8::from(is_complete)),
    )
}

fn of_findings(report: &ShownReport) -> Vec<Family> {
    let waived = || report.findings.iter().filter(|finding| finding.waiver.is_some());
    let unwaived =
        || report.with_verdict(ShownVerdict::Fail).filter(|finding| finding.waiver.is_none());
    let expired = report.waivers.iter().filter(|waiver| waiver.is_expired());
    vec![
        Family::new(
            "ovcheck_findings",
            "Number of checks by verdict and severity",
            counted(report.findings.iter().map(|finding| {
                vec![
                    ("verdict", finding.standing().verdict.word()),
                    ("severity", finding.severity.word()),
                ]
            })),
        ),
        Family::new(
            "ovcheck_rule_failed",
            "Rules that are violated and not waived; absent while there is none",
            counted(unwaived().map(|finding| {
                vec![
                    ("rule", finding.rule.as_str()),
                    ("severity", finding.severity.word()),
                    ("confidence", finding.confidence.map_or("", ShownConfidence::code)),
                ]
            }))
            .into_iter()
            .map(Sample::flagged)
            .collect(),
        ),
        Family::one(
            "ovcheck_findings_waived",
            "Number of violations that are waived",
            waived().count() as f64,
        ),
        Family::one(
            "ovcheck_waivers_expired",
            "Number of waivers whose last day is over",
            expired.count() as f64,
        ),
        Family::new(
            "ovcheck_rule_inconclusive",
            "Rules with a check that could not be decided; absent while there is none",
            counted(report.with_verdict(ShownVerdict::Inconclusive).map(|finding| {
                let kind = finding.inconclusive_kind.map_or("", ShownInconclusiveKind::code);
                vec![("rule", finding.rule.as_str()), ("kind", kind)]
            }))
            .into_iter()
            .map(Sample::flagged)
            .collect(),
        ),
        Family::new(
            "ovcheck_ports_open_unexpected",
            "Number of ports that are open and must be closed, by role of the node",
            counted(
                report
                    .with_verdict(ShownVerdict::Fail)
                    .filter(|finding| is_open_unexpectedly(finding))
                    .filter_map(|finding| {
                        let role = report.role_of(finding)?;
                        let transport = finding.target.transport.as_deref()?;
                        Some(vec![("node_role", role), ("transport", transport)])
                    }),
            ),
        ),
    ]
}

fn is_open_unexpectedly(finding: &ShownFinding) -> bool {
    [ReasonCode::PortOpenUnexpected, ReasonCode::PortOpenUnneeded]
        .iter()
        .any(|code| code.as_str() == finding.reason_code)
}

/// How often each set of labels occurs.
fn counted<'a>(all: impl Iterator<Item = Vec<(&'static str, &'a str)>>) -> Vec<Sample> {
    let mut numbers: BTreeMap<Vec<(&'static str, &str)>, u32> = BTreeMap::new();
    for labels in all {
        *numbers.entry(labels).or_default() += 1;
    }
    numbers
        .into_iter()
        .map(|(labels, number)| {
            (labels.into_iter()).fold(Sample::new(f64::from(number)), |sample, (key, value)| {
                sample.with(key, value)
            })
        })
        .collect()
}

fn of_certificates(report: &ShownReport) -> Vec<Family> {
    let mut earliest: BTreeMap<(&'static str, &'static str), f64> = BTreeMap::new();
    for chain in report.chains() {
        let not_after = chain.not_after.unix_seconds() as f64;
        let known = earliest.entry((chain.endpoint, chain.family)).or_insert(not_after);
        *known = known.min(not_after);
    }
    let of_all = earliest.values().copied().reduce(f64::min);
    let samples = earliest.iter().map(|((endpoint, family), at)| {
        Sample::new(*at).with("endpoint", endpoint).with("family", family)
    });
    vec![
        Family::new(
            "ovcheck_certificate_not_after_timestamp_seconds",
            "When the first certificate of a chain expires, in seconds since 1970",
            samples.collect(),
        ),
        Family::new(
            "probe_ssl_earliest_cert_expiry",
            "When the first certificate of all chains expires, in seconds since 1970",
            of_all.map(Sample::new).into_iter().collect(),
        ),
    ]
}

fn of_paths(report: &ShownReport) -> Vec<Family> {
    let ways = || report.call.iter().flat_map(|call| &call.ways);
    let works = ways().filter_map(|way| {
        let works = way.carries_media()?;
        Some(Sample::new(f64::from(u8::from(works))).with("path", way.code()))
    });
    let seconds = ways().filter_map(|way| {
        let sample = Sample::new(way.took_ms()? as f64 / 1000.0);
        Some(sample.with("path", way.code()).with("step", "media"))
    });
    vec![
        Family::new(
            "ovcheck_path_works",
            "Whether media of a call gets through by this path; absent if it is not known",
            works.collect(),
        ),
        Family::new(
            "ovcheck_path_seconds",
            "How long the check of a path took that works",
            seconds.collect(),
        ),
    ]
}

fn of_identity(report: &ShownReport) -> Vec<Family> {
    let topology = report.deployment.topology.to_string();
    vec![
        Family::new(
            "ovcheck_edition_info",
            "What the deployment was judged by",
            vec![
                Sample::new(1.0)
                    .with("guide", &report.ruleset.guide)
                    .with("topology", &topology)
                    .with("policy", &report.deployment.policy),
            ],
        ),
        Family::new(
            "ovcheck_ruleset_info",
            "The program and the rules that judged",
            vec![
                Sample::new(1.0)
                    .with("version", &report.tool.version)
                    .with("digest", &report.ruleset.digest),
            ],
        ),
    ]
}
