//! Reports side by side.

use serde_json::{Value, json};

use super::*;
use crate::model::stored::StoredResult;

/// A report with findings of these fingerprints, verdicts and severities.
fn report(at: &str, findings: &[(&str, &str, &str)]) -> StoredReport {
    let findings: Vec<Value> = (findings.iter())
        .map(|(fingerprint, verdict, severity)| {
            json!({
                "rule": "dns/a", "title": "t", "verdict": verdict, "severity": severity,
                "target": {"node": fingerprint, "port": 443, "transport": "tcp"},
                "observed": "o", "fingerprint": fingerprint,
            })
        })
        .collect();
    let has_failed = findings.iter().any(|finding| finding["verdict"] == "fail");
    serde_json::from_value(json!({
        "tool": {"version": "0.1.0"},
        "run": {"command": "check", "started_at": at, "complete": true},
        "ruleset": {"guide": "3.2", "digest": "sha256:0"},
        "deployment": {"domain": "a.example.io"},
        "vantage": {"name": null, "zone": "internet"},
        "summary": {"result": if has_failed { "fail" } else { "pass" }, "coverage": 1.0},
        "findings": findings,
        "not_tested": [],
    }))
    .unwrap()
}

#[test]
fn each_change_is_of_one_kind_and_the_worst_comes_first() {
    let old = report(
        "2026-11-01T00:00:00Z",
        &[
            ("same", "pass", "error"),
            ("same-violation", "fail", "error"),
            ("mended", "fail", "error"),
            ("broken", "pass", "error"),
            ("more-severe", "fail", "warning"),
            ("milder", "fail", "error"),
            ("lost", "pass", "error"),
            ("lost-violation", "fail", "error"),
            ("found", "inconclusive", "error"),
            ("found-broken", "inconclusive", "error"),
            ("gone", "fail", "error"),
            ("not-needed", "pass", "error"),
        ],
    );
    let new = report(
        "2026-11-02T00:00:00Z",
        &[
            ("same", "pass", "error"),
            ("same-violation", "fail", "error"),
            ("mended", "pass", "error"),
            ("broken", "fail", "error"),
            ("more-severe", "fail", "error"),
            ("milder", "fail", "info"),
            ("lost", "inconclusive", "error"),
            ("lost-violation", "inconclusive", "error"),
            ("found", "pass", "error"),
            ("found-broken", "fail", "error"),
            ("not-needed", "not_applicable", "error"),
            ("new-pass", "pass", "error"),
            ("new-violation", "fail", "warning"),
        ],
    );
    let difference = difference(("old", &old), ("new", &new)).unwrap();
    let told: Vec<(&str, ChangeKind, bool)> = (difference.changes.iter())
        .map(|change| (change.finding.fingerprint.as_str(), change.kind, change.is_worse()))
        .collect();
    let kind = |wanted: &str| {
        told.iter().find(|(name, ..)| *name == wanted).map(|(_, kind, worse)| (*kind, *worse))
    };
    let table = [
        ("broken", Some((ChangeKind::Worse, true))),
        ("more-severe", Some((ChangeKind::Worse, true))),
        ("found-broken", Some((ChangeKind::Worse, true))),
        ("lost", Some((ChangeKind::Undecided, true))),
        ("new-violation", Some((ChangeKind::Appeared, true))),
        // A violation that is out of sight is not mended.
        ("lost-violation", Some((ChangeKind::Undecided, false))),
        ("new-pass", Some((ChangeKind::Appeared, false))),
        ("gone", Some((ChangeKind::Disappeared, false))),
        ("mended", Some((ChangeKind::Better, false))),
        ("milder", Some((ChangeKind::Better, false))),
        ("found", Some((ChangeKind::Better, false))),
        ("same", None),
        ("same-violation", None),
        ("not-needed", None),
    ];
    for (name, expected) in table {
        assert_eq!(kind(name), expected, "{name}");
    }
    assert_eq!(difference.unchanged, 3);
    let first_harmless = told.iter().position(|(_, _, worse)| !worse).unwrap();
    assert!(told[first_harmless..].iter().all(|(_, _, worse)| !worse));
    let back = super::difference(("new", &new), ("new", &new)).unwrap();
    assert!(back.changes.is_empty() && !back.is_worse());
}

#[test]
fn a_check_that_fails_at_one_port_was_not_another_check_before() {
    let with_target = |mut report: StoredReport, places: &[serde_json::Value]| {
        for (finding, place) in report.findings.iter_mut().zip(places) {
            finding.target = serde_json::from_value(place.clone()).unwrap();
        }
        report
    };
    let whole = json!({"node": "openvidu", "address": "203.0.113.20"});
    let at = |port: u16| json!({"node": "openvidu", "address": "203.0.113.20", "port": port});
    let good = report("2026-11-01T00:00:00Z", &[("whole", "pass", "error")]);
    let good = with_target(good, std::slice::from_ref(&whole));
    let bad =
        report("2026-11-02T00:00:00Z", &[("7000", "fail", "error"), ("9100", "fail", "error")]);
    let bad = with_target(bad, &[at(7000), at(9100)]);
    let open = report("2026-11-03T00:00:00Z", &[("whole", "inconclusive", "error")]);
    let open = with_target(open, &[whole]);
    let kinds = |old: &StoredReport, new: &StoredReport| -> Vec<(String, ChangeKind)> {
        let difference = difference(("old", old), ("new", new)).unwrap();
        let changes = difference.changes.into_iter();
        changes.map(|change| (change.finding.fingerprint, change.kind)).collect()
    };
    let both = |kind| vec![("7000".to_owned(), kind), ("9100".to_owned(), kind)];
    assert_eq!(kinds(&good, &bad), both(ChangeKind::Worse));
    assert_eq!(kinds(&bad, &good), both(ChangeKind::Better));
    assert_eq!(kinds(&bad, &open), both(ChangeKind::Undecided));
    let elsewhere = report("2026-11-03T00:00:00Z", &[("other", "pass", "error")]);
    let gone = kinds(&bad, &elsewhere);
    assert!(gone.contains(&("7000".to_owned(), ChangeKind::Disappeared)), "{gone:?}");
}

#[test]
fn reports_of_other_tests_are_told_apart() {
    let old = report("2026-11-02T00:00:00Z", &[]);
    let mut new = report("2026-11-01T00:00:00Z", &[]);
    new.vantage.name = Some("berlin".to_owned());
    new.ruleset.digest = "sha256:1".to_owned();
    new.run.complete = false;
    let difference = difference(("old", &old), ("new", &new)).unwrap();
    let vantage = Caveat::OtherVantage { old: "internet".to_owned(), new: "berlin".to_owned() };
    assert_eq!(
        difference.caveats,
        [Caveat::Backwards, vantage, Caveat::OtherRules, Caveat::NewIsPartial]
    );
    new.deployment.domain = "b.example.io".to_owned();
    assert!(super::difference(("old", &old), ("new", &new)).is_none());
}

#[test]
fn a_fleet_has_the_newest_run_of_each_place_and_what_is_new_in_it() {
    let at = |path: &str, report: StoredReport| (path.to_owned(), report);
    let mut other = report("2026-11-03T00:00:00Z", &[("p", "pass", "error")]);
    other.deployment.domain = "b.example.io".to_owned();
    let reports = [
        at(
            "a-2",
            report("2026-11-02T00:00:00Z", &[("x", "fail", "error"), ("y", "fail", "error")]),
        ),
        at("b-1", other),
        at("a-1", report("2026-11-01T00:00:00Z", &[("x", "fail", "error")])),
    ];
    let fleet = fleet(&reports);
    let rows: Vec<_> = (fleet.rows.iter())
        .map(|row| (row.path.as_str(), row.result, row.new_violations, row.areas[0].errors))
        .collect();
    assert_eq!(
        rows,
        [("a-2", StoredResult::Fail, Some(1), 2), ("b-1", StoredResult::Pass, None, 0)]
    );
    assert_eq!((fleet.worst(), fleet.oldest().unwrap().path.as_str()), (StoredResult::Fail, "a-2"));
}
