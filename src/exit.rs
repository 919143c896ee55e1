//! The exit status: what a pipeline reads.

use std::fmt;
use std::process::ExitCode;

use crate::model::call::CallSummary;
use crate::model::plan::RunScope;
use crate::model::report::Report;

/// What a run of the program ended with; the same for every output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus(u8);

impl ExitStatus {
    /// Every demanded check was made and passed.
    pub const SUCCESS: Self = Self(0);
    /// At least one violation at or above `--fail-on`.
    pub const VIOLATION: Self = Self(1);
    /// Wrong usage, configuration or rules.
    pub const USAGE: Self = Self(2);
    /// No violation, but incomplete: a check is unsettled, nothing was settled at all, or less
    /// than `--min-coverage` was.
    pub const INCOMPLETE: Self = Self(3);
    /// Internal error, or the report could not be written.
    pub const INTERNAL: Self = Self(4);
    /// Interrupted by a signal; the partial report was still written.
    pub const INTERRUPTED: Self = Self(130);

    /// The statuses and their meaning, as they stand in the help and the documentation.
    pub const TABLE: [(Self, &'static str); 6] = [
        (Self::SUCCESS, "every demanded check was made and passed"),
        (Self::VIOLATION, "at least one violation at or above --fail-on"),
        (Self::USAGE, "wrong usage, configuration or rules"),
        (
            Self::INCOMPLETE,
            "no violation, but incomplete: a check is unsettled, or nothing was checked",
        ),
        (Self::INTERNAL, "internal error, or the report could not be written"),
        (Self::INTERRUPTED, "interrupted; the partial report is written"),
    ];

    /// The status of a run, from its findings and its gate alone. The first that holds:
    ///
    /// 1. it was interrupted → 130;
    ///
    /// and then, where only a call mattered: it gets through by at least one way → 0; we could not
    /// look → 3; otherwise → 1. Where everything mattered:
    ///
    /// 2. a violation at or above `fail_on`, unless `exit_zero` → 1;
    /// 3. less than `min_coverage` of the demanded checks is settled → 3, whatever else is allowed:
    ///    who names a share means it;
    /// 4. a check is unsettled, or none at all is settled, unless `allow_inconclusive` → 3;
    /// 5. otherwise → 0.
    ///
    /// A check that nobody could settle from here (vantage limit) lowers the coverage, and is no
    /// reason for 3 by itself: otherwise no deployment could ever be green from outside.
    pub fn of(report: &Report) -> Self {
        let gate = report.gate;
        if gate.interrupted {
            return Self::INTERRUPTED;
        }
        if report.scope == RunScope::Call {
            return Self::of_call(report.call.as_ref());
        }
        if report.is_violated() && !gate.exit_zero {
            return Self::VIOLATION;
        }
        if report.is_covered_too_little() {
            return Self::INCOMPLETE;
        }
        if report.is_unsettled() && !gate.allow_inconclusive {
            return Self::INCOMPLETE;
        }
        Self::SUCCESS
    }

    fn of_call(call: Option<&CallSummary>) -> Self {
        match call {
            Some(call) if call.gets_through() => Self::SUCCESS,
            Some(call) if !call.is_unknown() => Self::VIOLATION,
            Some(_) | None => Self::INCOMPLETE,
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::deployment::{Edition, Policy, Topology};
    use crate::model::reason::ReasonCode;
    use crate::model::report::{Finding, Gate};
    use crate::model::rule::Source;
    use crate::model::target::Target;
    use crate::model::timestamp::Timestamp;
    use crate::model::vantage::{Vantage, Zone};
    use crate::model::verdict::{
        FailConfidence, InconclusiveKind, PassConfidence, Severity, Verdict,
    };

    const PASS: (Verdict, Severity) =
        (Verdict::Pass(PassConfidence::Uncontradicted), Severity::Error);
    const ERROR: (Verdict, Severity) = (Verdict::Fail(FailConfidence::Proven), Severity::Error);
    const SUSPECTED: (Verdict, Severity) =
        (Verdict::Fail(FailConfidence::Suspected), Severity::Error);
    const WARNING: (Verdict, Severity) = (Verdict::Fail(FailConfidence::Proven), Severity::Warning);
    const INFO: (Verdict, Severity) = (Verdict::Fail(FailConfidence::Proven), Severity::Info);
    const UNSETTLED: (Verdict, Severity) =
        (Verdict::Inconclusive(InconclusiveKind::Unsettled), Severity::Error);
    const FROM_ELSEWHERE: (Verdict, Severity) =
        (Verdict::Inconclusive(InconclusiveKind::VantageLimit), Severity::Error);
    const NOT_APPLICABLE: (Verdict, Severity) = (Verdict::NotApplicable, Severity::Error);

    const PLAIN: Gate = Gate {
        fail_on: Severity::Error,
        allow_inconclusive: false,
        exit_zero: false,
        min_coverage: None,
        interrupted: false,
    };

    fn report(findings: &[(Verdict, Severity)], gate: Gate) -> Report {
        let findings = findings.iter().map(|(verdict, severity)| Finding {
            rule: "dns/domain-resolves".parse().unwrap(),
            title: String::new(),
            verdict: *verdict,
            severity: *severity,
            target: Target::default(),
            reason: ReasonCode::Holds,
            expected: String::new(),
            observed: String::new(),
            means: None,
            remedy: None,
            evidence: vec![],
            blocked_by: None,
            because: vec![],
            source: Source { document: String::new(), section: String::new(), row: None },
        });
        Report {
            tool_version: "0.0.0",
            started_at: Timestamp::from_unix_seconds(0),
            duration: Duration::ZERO,
            complete: true,
            edition: Edition::V3_2,
            ruleset_digest: String::new(),
            topology: Topology::SingleNode,
            policy: Policy::Default,
            domain: "openvidu.example.io".parse().unwrap(),
            turn_domain: None,
            vantage: Vantage {
                name: None,
                zone: Zone::Internet,
                stands_on: Vec::new(),
                addresses: vec![],
                dns_servers: vec![],
                stun_servers: vec![],
                near: vec![],
            },
            findings: findings.collect(),
            observations: vec![],
            not_tested: vec![],
            scope: RunScope::Whole,
            call: None,
            gate,
        }
    }

    #[test]
    fn the_status_follows_from_findings_and_gate() {
        let interrupted = Gate { interrupted: true, ..PLAIN };
        let warnings_fail = Gate { fail_on: Severity::Warning, ..PLAIN };
        let everything_fails = Gate { fail_on: Severity::Info, ..PLAIN };
        let exit_zero = Gate { exit_zero: true, ..PLAIN };
        let allowed = Gate { allow_inconclusive: true, ..PLAIN };
        let half = Gate { min_coverage: Some(0.5), ..PLAIN };
        let most = Gate { min_coverage: Some(0.95), ..PLAIN };
        let most_of_allowed = Gate { min_coverage: Some(0.95), ..allowed };

        type Findings<'a> = &'a [(Verdict, Severity)];
        let table: &[(&str, Findings, Gate, u8)] = &[
            ("all passed", &[PASS, NOT_APPLICABLE], PLAIN, 0),
            ("one violation", &[PASS, ERROR], PLAIN, 1),
            ("one suspected violation", &[PASS, SUSPECTED], PLAIN, 1),
            ("a violation goes before what is unsettled", &[ERROR, UNSETTLED], PLAIN, 1),
            ("a warning does not fail", &[PASS, WARNING], PLAIN, 0),
            ("a warning fails when asked for", &[PASS, WARNING], warnings_fail, 1),
            ("an info is milder than a warning", &[PASS, INFO], warnings_fail, 0),
            ("an info fails when asked for", &[PASS, INFO], everything_fails, 1),
            ("a violation alone is a settled check", &[WARNING], PLAIN, 0),
            ("one unsettled", &[PASS, UNSETTLED], PLAIN, 3),
            ("one that nobody settles from here", &[PASS, FROM_ELSEWHERE], PLAIN, 0),
            ("nothing but what nobody settles from here", &[FROM_ELSEWHERE], PLAIN, 3),
            ("nothing applied", &[NOT_APPLICABLE], PLAIN, 3),
            ("no finding at all", &[], PLAIN, 3),
            ("unsettled is allowed", &[PASS, UNSETTLED], allowed, 0),
            ("nothing checked is allowed", &[], allowed, 0),
            ("a violation is not allowed by that", &[ERROR, UNSETTLED], allowed, 1),
            ("violations are silenced", &[PASS, ERROR], exit_zero, 0),
            ("what is unsettled is not silenced by that", &[ERROR, UNSETTLED], exit_zero, 3),
            ("the coverage is just enough", &[PASS, FROM_ELSEWHERE], half, 0),
            ("the coverage is too low", &[PASS, FROM_ELSEWHERE], most, 3),
            ("a violation goes before the coverage", &[ERROR, FROM_ELSEWHERE], most, 1),
            ("a named share is meant", &[PASS, UNSETTLED], most_of_allowed, 3),
            ("no coverage when nothing is demanded", &[NOT_APPLICABLE], most_of_allowed, 3),
            ("interrupted goes before all", &[ERROR, UNSETTLED], interrupted, 130),
        ];
        for (name, findings, gate, expected) in table {
            let status = ExitStatus::of(&report(findings, *gate));
            assert_eq!(status.code(), *expected, "{name}");
        }
    }
}
