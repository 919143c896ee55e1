//! The report as metrics in the text format of Prometheus (0.0.4), for the textfile collector of
//! `node_exporter` and for programs that read `name value`.
//!
//! Labels have values of closed lists only: no address, no fingerprint, no text. A series that would
//! claim what was not looked at is absent.

mod exposition;

use std::collections::BTreeMap;
use std::io::{self, Write};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::log_safe;
use super::shown::{
    ResultWord, ShownAsked, ShownConfidence, ShownFacts, ShownFinding, ShownHandshake,
    ShownInconclusiveKind, ShownObservation, ShownReport, ShownSni, ShownState, ShownVerdict,
};
use crate::model::reason::ReasonCode;
use crate::model::verdict::Severity;
use exposition::{Family, Sample};

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ShownReport, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        families(report).iter().try_for_each(|family| family.write(out))
    })
}

fn families(report: &ShownReport) -> Vec<Family> {
    let mut families = of_run(report);
    families.extend(of_findings(report));
    families.extend(of_certificates(report));
    families.extend(of_paths(report));
    families.extend(of_identity(report));
    families.retain(|family| !family.samples.is_empty());
    families
}

fn of_run(report: &ShownReport) -> Vec<Family> {
    let result = report.summary.result;
    let module = report.run.command.as_str();
    let seconds = report.run.duration_ms as f64 / 1000.0;
    let results = ResultWord::ALL
        .map(|word| Sample::new(f64::from(u8::from(word == result))).with("result", word.code()));
    let started = unix_seconds(&report.run.started_at);
    vec![
        Family::one(
            "probe_success",
            "Whether the result is pass; an incomplete run is no success",
            f64::from(u8::from(result == ResultWord::Pass)),
        ),
        Family::one("probe_duration_seconds", "How long the run took", seconds),
        Family::new("ovcheck_result", "The result of the run", results.into()),
        Family::one(
            "ovcheck_complete",
            "Whether the run came to its end",
            f64::from(u8::from(report.run.complete)),
        ),
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
            started.map(|at| Sample::new(at).with("module", module)).into_iter().collect(),
        ),
        Family::new(
            "ovcheck_run_seconds",
            "How long the run took, by subcommand",
            vec![Sample::new(seconds).with("module", module)],
        ),
    ]
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
                    ("verdict", verdict_code(finding.verdict)),
                    ("severity", severity_code(finding.severity)),
                ]
            })),
        ),
        Family::new(
            "ovcheck_rule_failed",
            "Rules that are violated and not waived; absent while there is none",
            counted(unwaived().map(|finding| {
                vec![
                    ("rule", finding.rule.as_str()),
                    ("severity", severity_code(finding.severity)),
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
    for observation in &report.observations {
        let Some((endpoint, family, not_after)) = certificate(report, observation) else {
            continue;
        };
        let known = earliest.entry((endpoint, family)).or_insert(not_after);
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

/// The endpoint, the IP version and the earliest end of a chain that was seen.
fn certificate(
    report: &ShownReport,
    observation: &ShownObservation,
) -> Option<(&'static str, &'static str, f64)> {
    let ShownAsked::Tls { to, sni: ShownSni::Name(name) } = &observation.asked else {
        return None;
    };
    let Some(ShownFacts::Tls { handshake: Some(ShownHandshake::Completed { completed }) }) =
        &observation.facts
    else {
        return None;
    };
    let certificates = completed.certificate.iter().flat_map(|chain| &chain.certificates);
    let not_after = certificates.filter_map(|one| unix_seconds(&one.not_after)).reduce(f64::min)?;
    let is_of_rtmp = report
        .findings
        .iter()
        .any(|finding| finding.family() == "rtmp" && finding.evidence.contains(&observation.id));
    let endpoint = if is_of_rtmp {
        "rtmp"
    } else if Some(name) == report.deployment.turn_domain.as_ref() {
        "turn"
    } else if *name == report.deployment.domain {
        "api"
    } else {
        return None;
    };
    let family = if to.address.contains(':') { "ipv6" } else { "ipv4" };
    Some((endpoint, family, not_after))
}

fn of_paths(report: &ShownReport) -> Vec<Family> {
    let ways = || report.call.iter().flat_map(|call| &call.ways);
    let works = ways().filter_map(|way| {
        let works = match way.state {
            ShownState::Works { .. } => !way.small_packets_only,
            ShownState::Stops { .. } | ShownState::NotOffered => false,
            ShownState::Unknown { .. } => return None,
        };
        Some(Sample::new(f64::from(u8::from(works))).with("path", way.code()))
    });
    let seconds = ways().filter_map(|way| match way.state {
        ShownState::Works { took_ms } => {
            let sample = Sample::new(took_ms as f64 / 1000.0);
            Some(sample.with("path", way.code()).with("step", "media"))
        }
        ShownState::Stops { .. } | ShownState::NotOffered | ShownState::Unknown { .. } => None,
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

fn verdict_code(verdict: ShownVerdict) -> &'static str {
    match verdict {
        ShownVerdict::Pass => "pass",
        ShownVerdict::Fail => "fail",
        ShownVerdict::Inconclusive => "inconclusive",
        ShownVerdict::NotApplicable => "not_applicable",
    }
}

fn severity_code(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn unix_seconds(time: &str) -> Option<f64> {
    let time = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    Some(time.unix_timestamp() as f64)
}
