//! From the report of the model to the shape that is written.

use std::time::Duration;

use super::v1::*;
use crate::model::observation::{self, Blindness, Outcome};
use crate::model::plan::{LeftOut, ProbeIndex};
use crate::model::report::{self, Gate};
use crate::model::verdict::{self, FailConfidence, InconclusiveKind, PassConfidence};
use crate::model::{rule, target, vantage};
use crate::output::result::RunResult;
use crate::output::text;

impl Report {
    /// The shape of a report that ends with this exit status.
    pub fn of(report: &report::Report, exit: u8) -> Self {
        let vantage = vantage_label(&report.vantage);
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool { name: "ovcheck", version: report.tool_version },
            run: Run {
                started_at: report.started_at,
                duration_ms: milliseconds(report.duration),
                complete: report.complete,
            },
            ruleset: Ruleset { guide: report.edition, digest: report.ruleset_digest.clone() },
            deployment: Deployment {
                topology: report.topology,
                policy: report.policy,
                domain: report.domain.clone(),
                turn_domain: report.turn_domain.clone(),
            },
            vantage: Vantage {
                name: report.vantage.name.clone(),
                zone: report.vantage.zone,
                addresses: report.vantage.addresses.clone(),
                dns_servers: report.vantage.dns_servers.clone(),
            },
            summary: Summary::of(report, exit),
            findings: report.findings.iter().map(Finding::from).collect(),
            observations: (report.observations.iter().enumerate())
                .map(|(index, seen)| Observation::of(index, seen, &vantage))
                .collect(),
            not_tested: report.not_tested.iter().map(NotTested::from).collect(),
            call: report.call.clone(),
        }
    }
}

impl Summary {
    fn of(report: &report::Report, exit: u8) -> Self {
        let counts = report.counts();
        Self {
            result: RunResult::of(report),
            exit_code: exit,
            // Rounded down: 1.0 has to mean all of it.
            coverage: (report.coverage() * 10_000.0).floor() / 10_000.0,
            counts: Counts {
                pass: counts.pass,
                fail: counts.fail(),
                inconclusive: counts.inconclusive(),
                not_applicable: counts.not_applicable,
            },
            gate: GateFlags::from(&report.gate),
        }
    }
}

impl From<&Gate> for GateFlags {
    fn from(gate: &Gate) -> Self {
        Self {
            fail_on: gate.fail_on,
            allow_inconclusive: gate.allow_inconclusive,
            exit_zero: gate.exit_zero,
            min_coverage: gate.min_coverage,
        }
    }
}

impl From<&report::Finding> for Finding {
    fn from(finding: &report::Finding) -> Self {
        let (verdict, confidence, inconclusive_kind) = verdict_parts(finding.verdict);
        Self {
            rule: finding.rule.clone(),
            title: text::clean(&finding.title),
            verdict,
            confidence,
            inconclusive_kind,
            severity: finding.severity,
            target: Target::from(&finding.target),
            reason_code: finding.reason,
            expected: text::clean(&finding.expected),
            observed: text::clean(&finding.observed),
            means: finding.means.as_deref().map(text::clean),
            remedy: finding.remedy.as_deref().map(text::clean),
            evidence: (finding.evidence.iter()).map(ToString::to_string).collect(),
            blocked_by: finding.blocked_by.clone(),
            because: finding.because.clone(),
            source: Source::from(&finding.source),
            fingerprint: finding.fingerprint(),
        }
    }
}

fn verdict_parts(
    verdict: verdict::Verdict,
) -> (Verdict, Option<Confidence>, Option<InconclusiveKind>) {
    use verdict::Verdict as V;
    match verdict {
        V::Pass(PassConfidence::Proven) => (Verdict::Pass, Some(Confidence::Proven), None),
        V::Pass(PassConfidence::Uncontradicted) => {
            (Verdict::Pass, Some(Confidence::Uncontradicted), None)
        }
        V::Fail(FailConfidence::Proven) => (Verdict::Fail, Some(Confidence::Proven), None),
        V::Fail(FailConfidence::Suspected) => (Verdict::Fail, Some(Confidence::Suspected), None),
        V::Inconclusive(kind) => (Verdict::Inconclusive, None, Some(kind)),
        V::NotApplicable => (Verdict::NotApplicable, None, None),
    }
}

impl From<&target::Target> for Target {
    fn from(target: &target::Target) -> Self {
        Self {
            node: target.node.clone(),
            host: target.host.clone(),
            address: target.address,
            transport: target.transport,
            port: target.port,
        }
    }
}

impl From<&rule::Source> for Source {
    fn from(source: &rule::Source) -> Self {
        Self {
            document: source.document.clone(),
            section: source.section.clone(),
            row: source.row.clone(),
        }
    }
}

impl Observation {
    fn of(index: usize, seen: &observation::Observation, vantage: &str) -> Self {
        let (facts, blind) = match &seen.outcome {
            Outcome::Saw(facts) => (Some(facts.clone()), None),
            Outcome::Blind(why) => (None, Some(Blind::from(why))),
        };
        Self {
            id: ProbeIndex(index).to_string(),
            probe: seen.spec.name(),
            asked: seen.spec.clone(),
            vantage: vantage.to_owned(),
            started_ms: milliseconds(seen.started),
            took_ms: milliseconds(seen.took),
            attempts: seen.attempts,
            facts,
            blind,
        }
    }
}

impl From<&Blindness> for Blind {
    fn from(blindness: &Blindness) -> Self {
        let why = match blindness {
            Blindness::NoRoute(_) => BlindReason::NoRoute,
            Blindness::OwnFirewall => BlindReason::OwnFirewall,
            Blindness::NoDnsServer => BlindReason::NoDnsServer,
            Blindness::OwnProxy(_) => BlindReason::OwnProxy,
            Blindness::Local(_) => BlindReason::Local,
            Blindness::Interrupted => BlindReason::Interrupted,
            Blindness::DeadlineSpent => BlindReason::DeadlineSpent,
        };
        Self { why, words: text::clean(&blindness.to_string()) }
    }
}

impl From<&LeftOut> for NotTested {
    fn from(left_out: &LeftOut) -> Self {
        Self {
            what: text::clean(&left_out.what),
            why: text::clean(&left_out.why),
            flag: left_out.flag.clone(),
        }
    }
}

/// The name of a vantage, or its zone when it has none.
fn vantage_label(vantage: &vantage::Vantage) -> String {
    (vantage.name.clone()).unwrap_or_else(|| vantage.zone.to_string())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
