//! The exit status, for pipelines.

use std::fmt;
use std::process::ExitCode;

use crate::model::call::CallSummary;
use crate::model::plan::RunScope;
use crate::model::report::Report;

/// The exit status of the program. It does not depend on the output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus(u8);

impl ExitStatus {
    /// All required checks ran and passed.
    pub const SUCCESS: Self = Self(0);
    /// At least one violation at or above `--fail-on`.
    pub const VIOLATION: Self = Self(1);
    /// Invalid usage, configuration or rules.
    pub const USAGE: Self = Self(2);
    /// No violation, but the result is incomplete: a check is unsettled, no check is settled, or
    /// fewer checks are settled than `--min-coverage` requires.
    pub const INCOMPLETE: Self = Self(3);
    /// Internal error, or the report could not be written.
    pub const INTERNAL: Self = Self(4);
    /// Interrupted by a signal; the partial report was still written.
    pub const INTERRUPTED: Self = Self(130);

    /// Of `ovcheck icinga` only, which ends as the plugins of Icinga and Nagios do.
    pub const SERVICE_OK: Self = Self(0);
    /// Of `ovcheck icinga`: violations that do not fail the run.
    pub const SERVICE_WARNING: Self = Self(1);
    /// Of `ovcheck icinga`: a violation that fails the run.
    pub const SERVICE_CRITICAL: Self = Self(2);
    /// Of `ovcheck icinga`: incomplete, interrupted, or not run at all.
    pub const SERVICE_UNKNOWN: Self = Self(3);

    /// The statuses and their meaning, for the help and the documentation.
    pub const TABLE: [(Self, &'static str); 6] = [
        (Self::SUCCESS, "all required checks ran and passed"),
        (Self::VIOLATION, "at least one violation at or above --fail-on, or an expired waiver"),
        (Self::USAGE, "invalid usage, configuration or rules"),
        (
            Self::INCOMPLETE,
            "no violation, but incomplete: a check is unsettled, or nothing was checked",
        ),
        (Self::INTERNAL, "internal error, or the report could not be written"),
        (Self::INTERRUPTED, "interrupted; the partial report was written"),
    ];

    /// The status of a run, computed only from its findings and its gate. An interrupted run is 130.
    ///
    /// For the scope [`RunScope::Call`]: 0 if at least one media path works, 3 if this machine could
    /// not run the test, otherwise 1.
    ///
    /// For the scope [`RunScope::Whole`], the first that applies:
    ///
    /// 1. a violation at or above `fail_on`, unless `exit_zero` → 1;
    /// 2. less than `min_coverage` of the required checks is settled → 3, even with
    ///    `allow_inconclusive`, because the operator set this minimum explicitly; each part of the
    ///    guide that is not declared counts as a check that is not settled;
    /// 3. a check is unsettled or no check is settled, unless `allow_inconclusive` → 3;
    /// 4. otherwise → 0.
    ///
    /// A check that cannot be settled from this machine (vantage limit) lowers the coverage but does
    /// not cause 3 by itself. Otherwise no deployment could pass a check from outside.
    pub fn of(report: &Report) -> Self {
        let gate = report.gate;
        if gate.interrupted {
            return Self::INTERRUPTED;
        }
        if report.scope() == RunScope::Call {
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
    use crate::config::{Flags, load};
    use crate::model::deployment::NodeRole;
    use crate::model::expected::Expected;
    use crate::model::fingerprint::Fingerprint;
    use crate::model::plan::{LeftOut, UndeclaredRole};
    use crate::model::reason::ReasonCode;
    use crate::model::report::{Finding, Gate, Standing};
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
        only_new: false,
        require_declared: false,
        require_proof: false,
        allow_inconclusive: false,
        exit_zero: false,
        min_coverage: None,
        interrupted: false,
    };

    #[test]
    fn what_nobody_declares_lowers_the_coverage() {
        let whole = Gate { min_coverage: Some(1.0), ..PLAIN };
        let mut report = report(&[PASS, PASS], whole);
        assert_eq!(ExitStatus::of(&report).code(), 0);
        report.not_tested = vec![LeftOut::MediaWays];
        assert_eq!(ExitStatus::of(&report).code(), 0);
        report.not_tested = vec![LeftOut::Undeclared(UndeclaredRole(NodeRole::Openvidu))];
        assert_eq!(ExitStatus::of(&report).code(), 3);
    }

    fn report(findings: &[(Verdict, Severity)], gate: Gate) -> Report {
        let findings = findings.iter().map(|(verdict, severity)| Finding {
            rule: "dns/domain-resolves".parse().unwrap(),
            title: String::new(),
            verdict: *verdict,
            severity: *severity,
            target: Target::default(),
            reason: ReasonCode::Holds,
            expected: Expected::AsTheRuleSays(String::new()),
            seen: String::new().into(),
            fingerprint: Fingerprint::example(),
            standing: Standing::default(),
            sightings: Vec::new(),
            locations: Vec::new(),
            means: None,
            remedy: Vec::new(),
            evidence: vec![],
            blocked_by: None,
            because: vec![],
            source: Source { document: String::new(), section: String::new(), row: None },
        });
        let flags = Flags { domain: "openvidu.example.io".parse().ok(), ..Flags::default() };
        let config = load(&flags, &|_| None, None).unwrap();
        Report {
            tool_version: "0.0.0",
            started_at: Timestamp::from_unix_seconds(0),
            duration: Duration::ZERO,
            complete: true,
            ruleset_digest: String::new(),
            context: config.context(),
            deployment: config.deployment,
            vantage: Vantage {
                name: None,
                zone: Zone::Internet,
                stands_on: Vec::new(),
                addresses: vec![],
                dns_servers: vec![],
                stun_servers: vec![],
                near: vec![],
                http_proxy: None,
            },
            vantages: Vec::new(),
            findings: findings.collect(),
            overview: crate::model::overview::Overview::default(),
            observations: vec![],
            not_tested: vec![],
            call: None,
            waivers: Vec::new(),
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
            ("a violation takes precedence over an unsettled check", &[ERROR, UNSETTLED], PLAIN, 1),
            ("a warning does not fail", &[PASS, WARNING], PLAIN, 0),
            ("a warning fails when asked for", &[PASS, WARNING], warnings_fail, 1),
            ("an info is less severe than a warning", &[PASS, INFO], warnings_fail, 0),
            ("an info fails when asked for", &[PASS, INFO], everything_fails, 1),
            ("a single violation is a settled check", &[WARNING], PLAIN, 0),
            ("one unsettled", &[PASS, UNSETTLED], PLAIN, 3),
            ("one that cannot be settled from here", &[PASS, FROM_ELSEWHERE], PLAIN, 0),
            ("only checks that cannot be settled from here", &[FROM_ELSEWHERE], PLAIN, 3),
            ("nothing applied", &[NOT_APPLICABLE], PLAIN, 3),
            ("no finding at all", &[], PLAIN, 3),
            ("unsettled is allowed", &[PASS, UNSETTLED], allowed, 0),
            ("nothing checked is allowed", &[], allowed, 0),
            ("a violation is not allowed by that", &[ERROR, UNSETTLED], allowed, 1),
            ("violations are silenced", &[PASS, ERROR], exit_zero, 0),
            ("an unsettled check is not silenced by that", &[ERROR, UNSETTLED], exit_zero, 3),
            ("the coverage is just enough", &[PASS, FROM_ELSEWHERE], half, 0),
            ("the coverage is too low", &[PASS, FROM_ELSEWHERE], most, 3),
            ("a violation takes precedence over the coverage", &[ERROR, FROM_ELSEWHERE], most, 1),
            ("an explicit minimum share always applies", &[PASS, UNSETTLED], most_of_allowed, 3),
            ("no coverage when nothing is demanded", &[NOT_APPLICABLE], most_of_allowed, 3),
            (
                "an interruption takes precedence over everything",
                &[ERROR, UNSETTLED],
                interrupted,
                130,
            ),
        ];
        for (name, findings, gate, expected) in table {
            let status = ExitStatus::of(&report(findings, *gate));
            assert_eq!(status.code(), *expected, "{name}");
        }
    }
}
