//! What waivers and baselines do to findings.

use super::*;
use crate::model::fingerprint::Fingerprint;
use crate::model::selection::Selection;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence};
use crate::model::waiver::{TargetPattern, WaiverState, WaiverUse};

const FAIL: Verdict = Verdict::Fail(FailConfidence::Proven);
const OPEN: Verdict = Verdict::Inconclusive(InconclusiveKind::Unsettled);
const PASS: Verdict = Verdict::Pass(PassConfidence::Proven);

/// A finding at one address; an inconclusive one is blocked by `causes`, a violation follows from them.
fn finding(rule: &str, verdict: Verdict, address: &str, causes: &[&str]) -> Finding {
    let finding = Finding::example(rule, verdict, address, causes);
    let blocked_by = finding.blocked_by.clone().filter(|_| verdict == OPEN);
    Finding { blocked_by, ..finding }
}

fn waiver(rule: &str, target: &str, until: &str) -> Waiver {
    Waiver {
        place: "w.toml:1".to_owned(),
        fingerprint: None,
        rule: rule.parse().ok(),
        target: TargetPattern::new(target),
        reason: "r".to_owned(),
        owner: None,
        until: until.parse().unwrap(),
        line: None,
    }
}

fn applied(findings: &mut [Finding], waivers: Vec<Waiver>) -> Vec<WaiverState> {
    let today = "2027-01-15".parse().unwrap();
    let uses = waive::apply(findings, waivers, today, &Selection::default());
    uses.into_iter().map(|WaiverUse { state, .. }| state).collect()
}

fn waived(findings: &[Finding]) -> Vec<bool> {
    findings.iter().map(Finding::is_waived).collect()
}

#[test]
fn a_waiver_covers_the_violations_that_it_describes_until_its_day_is_over() {
    let findings = || {
        [
            finding("a/one", FAIL, "192.0.2.1", &[]),
            finding("a/one", FAIL, "192.0.2.2", &[]),
            finding("a/one", PASS, "192.0.2.3", &[]),
            finding("b/one", FAIL, "192.0.2.1", &[]),
        ]
    };
    let table = [
        (waiver("a/one", "*", "2027-01-15"), WaiverState::Applied(2), [true, true, false, false]),
        (
            waiver("a/one", "192.0.2.2", "2027-02-01"),
            WaiverState::Applied(1),
            [false, true, false, false],
        ),
        (waiver("a/one", "*", "2027-01-14"), WaiverState::Expired, [false; 4]),
        (waiver("a/one", "192.0.2.3", "2027-02-01"), WaiverState::Unneeded, [false; 4]),
        (waiver("a/one", "192.0.2.4", "2027-02-01"), WaiverState::NoSuchCheck, [false; 4]),
    ];
    for (waiver, state, expected) in table {
        let mut findings = findings();
        assert_eq!(applied(&mut findings, vec![waiver]), [state]);
        assert_eq!(waived(&findings), expected, "{state:?}");
    }
    let mut open = [finding("a/one", OPEN, "192.0.2.1", &[])];
    let states = applied(&mut open, vec![waiver("a/one", "*", "2027-02-01")]);
    assert_eq!((states, waived(&open)), (vec![WaiverState::NotSettled], vec![false]));
}

#[test]
fn what_follows_only_from_waived_violations_is_waived_with_them() {
    let mut findings = [
        finding("a/one", FAIL, "192.0.2.1", &[]),
        finding("b/sum", FAIL, "192.0.2.1", &["a/one"]),
        finding("c/sum-of-sums", FAIL, "192.0.2.1", &["b/sum"]),
        finding("a/one", FAIL, "192.0.2.2", &[]),
        finding("b/sum", FAIL, "192.0.2.2", &["a/one"]),
        finding("d/two-causes", FAIL, "192.0.2.1", &["a/one", "e/not-waived"]),
        finding("e/not-waived", FAIL, "192.0.2.1", &[]),
        finding("f/of-all", FAIL, "", &["a/one"]),
        // In a circle nothing is the cause.
        finding("g/circle", FAIL, "192.0.2.1", &["g/circle"]),
    ];
    applied(&mut findings, vec![waiver("a/one", "192.0.2.1", "2027-02-01")]);
    assert_eq!(waived(&findings), [true, true, true, false, false, false, false, false, false]);
}

#[test]
fn what_is_blocked_only_by_accepted_violations_is_excused() {
    let mut findings = [
        finding("a/one", FAIL, "192.0.2.1", &[]),
        finding("b/two", OPEN, "192.0.2.1", &["a/one"]),
        finding("a/one", FAIL, "192.0.2.2", &[]),
        finding("b/two", OPEN, "192.0.2.2", &["a/one"]),
        finding("c/open", OPEN, "192.0.2.1", &[]),
        finding("d/of-open", OPEN, "192.0.2.1", &["c/open"]),
    ];
    applied(&mut findings, vec![waiver("a/one", "192.0.2.1", "2027-02-01")]);
    excuse_blocked(&mut findings, false);
    let excused: Vec<bool> = findings.iter().map(|finding| finding.standing.is_excused).collect();
    assert_eq!(excused, [false, true, false, false, false, false]);
}

/// A former run with these violations.
fn baseline(violations: &[(&str, &str)]) -> StoredReport {
    let findings: Vec<serde_json::Value> = (violations.iter())
        .map(|(fingerprint, severity)| {
            serde_json::json!({
                "rule": "a/one", "title": "", "verdict": "fail", "severity": severity, "target": {},
                "observed": "", "fingerprint": fingerprint,
            })
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "tool": {"version": "0"},
        "run": {"command": "check", "started_at": "2026-11-01T00:00:00Z", "complete": true},
        "ruleset": {"guide": "3.2", "digest": ""},
        "deployment": {"domain": "example.io"},
        "vantage": {"name": null, "zone": "internet"},
        "summary": {"result": "fail", "coverage": 1.0},
        "findings": findings,
        "not_tested": [],
    }))
    .unwrap()
}

#[test]
fn a_violation_is_known_if_the_baseline_has_it_and_no_milder() {
    let fingerprint = Fingerprint::example().to_string();
    let table = [
        (vec![(fingerprint.as_str(), "error")], Age::Known),
        (vec![(fingerprint.as_str(), "warning")], Age::New),
        (vec![("sha256:0", "error")], Age::New),
        (vec![], Age::New),
    ];
    for (violations, age) in table {
        let mut findings =
            [finding("a/one", FAIL, "192.0.2.1", &[]), finding("a/one", PASS, "192.0.2.1", &[])];
        baseline::mark(&mut findings, &self::baseline(&violations));
        assert_eq!(findings[0].standing.age, Some(age), "{violations:?}");
        assert_eq!(findings[1].standing.age, None);
    }
}
