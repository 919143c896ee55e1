//! The questions, each over runs that were written for it.

use super::*;
use crate::model::difference::Standing;
use crate::model::history::{FindingRecord, PathRecord, RunHead, RunRecord};
use crate::model::stored::{StoredResult, StoredSeverity, StoredVerdict};
use crate::store::Store;

const HOUR: i64 = 3_600;
const BEGIN: i64 = 1_790_000_000;

struct Written {
    directory: tempfile::TempDir,
    store: Store,
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_unix_seconds(BEGIN + hour * HOUR)
}

fn main_target() -> TargetName {
    "main".parse().unwrap()
}

impl Written {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("history.sqlite")).unwrap();
        Self { directory, store }
    }

    fn write(&mut self, run: &RunRecord) -> RunId {
        let report = format!("{{\"at\": \"{}\"}}", run.head.at);
        self.store.write_run(run, report.as_bytes(), "the table").unwrap()
    }

    fn read(&self) -> History {
        History::open(&self.directory.path().join("history.sqlite")).unwrap()
    }

    fn reports(&self) -> Vec<i64> {
        let mut statement =
            self.store.connection.prepare("SELECT run FROM report ORDER BY run").unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

fn finding(rule: &str, verdict: StoredVerdict) -> FindingRecord {
    FindingRecord {
        fingerprint: format!("of {rule}"),
        rule: rule.to_owned(),
        standing: Standing { verdict, severity: StoredSeverity::Error },
        confidence: Some("proven".to_owned()),
        reason_code: "none".to_owned(),
    }
}

/// A run of the module `fast` at this hour, with the verdict of each rule.
fn run(hour: i64, verdicts: &[(&str, StoredVerdict)]) -> RunRecord {
    let findings: Vec<_> = verdicts.iter().map(|(rule, verdict)| finding(rule, *verdict)).collect();
    let fails = findings.iter().any(|it| it.standing.verdict == StoredVerdict::Fail);
    RunRecord {
        head: RunHead {
            at: at(hour),
            target: main_target(),
            module: ProberModule::Fast,
            result: if fails { StoredResult::Fail } else { StoredResult::Pass },
            exit_code: u8::from(fails),
            is_complete: true,
            coverage: 1.0,
            took_ms: 1_200,
            guide: "3.9".to_owned(),
            ruleset_digest: "sha256:0".to_owned(),
            tool_version: "0.1.0".to_owned(),
            vantage: "internet".to_owned(),
        },
        findings,
        certificates: Vec::new(),
        paths: Vec::new(),
    }
}

use StoredVerdict::{Fail, Inconclusive, Pass};

#[test]
fn a_rule_fails_since_the_first_run_of_its_streak() {
    let mut written = Written::new();
    for (hour, verdict) in
        [(0, Fail), (1, Pass), (2, Fail), (3, Inconclusive), (4, Fail), (5, Fail)].into_iter()
    {
        written.write(&run(hour, &[("dns/a", verdict), ("tls/b", Fail), ("tls/c", Pass)]));
    }
    let failing = written.read().failing(&main_target()).unwrap();
    let told: Vec<_> =
        failing.iter().map(|it| (it.rule.as_str(), it.since, it.is_first_known)).collect();
    // What could not be decided for once was not mended.
    assert_eq!(told, [("tls/b", at(0), true), ("dns/a", at(2), false)]);
    written.write(&run(6, &[("dns/a", Inconclusive), ("tls/b", Pass)]));
    let failing = written.read().failing(&main_target()).unwrap();
    assert_eq!(failing.len(), 1);
    assert!(failing[0].rule == "dns/a" && failing[0].is_undecided_now);
    written.write(&run(7, &[("dns/a", Pass), ("tls/b", Pass)]));
    assert!(written.read().failing(&main_target()).unwrap().is_empty());
}

#[test]
fn a_check_flaps_when_its_verdict_changes_three_times_within_a_day() {
    let mut written = Written::new();
    // `b` changes as often, but not within a day.
    let verdict = |flag| if flag { Fail } else { Pass };
    for step in 0..6 {
        written.write(&run(step, &[("dns/a", verdict(step % 2 == 1)), ("dns/b", Pass)]));
    }
    for step in 1..6 {
        written.write(&run(24 * step, &[("dns/a", Fail), ("dns/b", verdict(step % 2 == 1))]));
    }
    let flapping = written.read().flapping(&main_target(), at(0)).unwrap();
    assert_eq!(flapping.len(), 1, "{flapping:?}");
    assert_eq!((flapping[0].rule.as_str(), flapping[0].changes), ("dns/a", 5));
    assert!(written.read().flapping(&main_target(), at(30)).unwrap().is_empty());
}

#[test]
fn a_renewed_certificate_is_told_with_its_day() {
    let mut written = Written::new();
    let certificate = |name: &str, hour: i64| CertificateRecord {
        endpoint: "api".to_owned(),
        family: "ipv4".to_owned(),
        sha256: name.to_owned(),
        not_after: at(hour),
        issuer: "CN=Test".to_owned(),
    };
    for hour in 0..6 {
        let shown = if hour < 4 { certificate("old", 100) } else { certificate("new", 1_000) };
        let turn = CertificateRecord { endpoint: "turn".to_owned(), ..certificate("turn", 90) };
        written.write(&RunRecord { certificates: vec![shown, turn], ..run(hour, &[]) });
    }
    let spans = written.read().certificates(&main_target()).unwrap();
    let told: Vec<_> = spans
        .iter()
        .map(|span| {
            let name = span.certificate.sha256.as_str();
            (name, span.first_seen, span.last_seen, span.is_renewal, span.is_current)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("old", at(0), at(3), false, false),
            ("new", at(4), at(5), true, true),
            ("turn", at(0), at(5), false, true)
        ]
    );
}

#[test]
fn a_path_that_could_not_be_tested_was_not_available() {
    let mut written = Written::new();
    for hour in 0..20 {
        let works = match hour {
            0 => None,
            1 => Some(false),
            _ => Some(true),
        };
        let took_ms = (works == Some(true)).then(|| 10 * (hour as u64 - 1));
        let path = PathRecord { path: "turns".to_owned(), works, took_ms };
        written.write(&RunRecord { paths: vec![path], ..run(hour, &[]) });
    }
    let paths = written.read().paths(&main_target(), at(0)).unwrap();
    assert_eq!(paths.len(), 1);
    let path = &paths[0];
    assert_eq!((path.worked, path.failed, path.unknown), (18, 1, 1));
    assert_eq!(path.availability(), Some(0.9));
    // 18 values, 10 to 180: nearest rank 9 and 18.
    assert_eq!((path.median_ms, path.p95_ms), (Some(90), Some(180)));
    assert_eq!(path.times.len(), 18);
}

#[test]
fn runs_that_are_missing_are_counted_by_the_usual_distance() {
    let mut written = Written::new();
    for hour in [0, 1, 2, 3, 7, 8, 9] {
        written.write(&run(hour, &[]));
    }
    let missed = |now| -> Vec<(Timestamp, Timestamp, u32)> {
        let missed = written.read().missed(&main_target(), at(0), now).unwrap();
        missed.into_iter().map(|it| (it.from, it.until, it.missed)).collect()
    };
    assert_eq!(missed(at(9)), [(at(3), at(7), 3)]);
    assert_eq!(missed(at(12)), [(at(3), at(7), 3), (at(9), at(12), 2)]);
}

#[test]
fn the_trend_counts_every_run_once() {
    let mut written = Written::new();
    for hour in 0..48 {
        written.write(&run(hour, &[("dns/a", if hour < 12 { Fail } else { Pass })]));
    }
    let history = written.read().of_target(&main_target(), at(0), at(48)).unwrap().unwrap();
    let module = &history.modules[0];
    let sum = |count: fn(&ResultCounts) -> u32| module.trend.iter().map(count).sum::<u32>();
    assert_eq!((sum(|it| it.failed), sum(|it| it.passed)), (12, 36));
    assert_eq!(module.runs, 48);
    assert_eq!(module.changed.map(|(_, at)| at), Some(at(12)));
    assert!(history.failing.is_empty());
    let other = "other".parse().unwrap();
    assert_eq!(written.read().of_target(&other, at(0), at(48)), Ok(None));
}

#[test]
fn a_report_that_is_gone_is_replaced_by_the_one_with_the_same_verdicts() {
    let mut written = Written::new();
    let ids: Vec<RunId> = [(0, Pass), (1, Pass), (2, Fail), (3, Fail), (4, Fail), (5, Pass)]
        .map(|(hour, verdict)| written.write(&run(hour, &[("dns/a", verdict)])))
        .into();
    let now = at(10 * 24);
    assert_eq!(written.store.remove_old(now, at(-1)), Ok(false));
    assert_eq!(written.reports(), [ids[0].0, ids[2].0, ids[5].0]);
    let history = written.read();
    let report = history.report(ids[4]).unwrap().unwrap();
    assert_eq!((report.id, report.of_run), (ids[4], ids[2]));
    assert_eq!(report.head.at, at(4));
    assert_eq!(report.json, format!("{{\"at\": \"{}\"}}", at(2)).into_bytes());
    // The text is kept of the newest only.
    assert_eq!(report.text, None);
    let newest = history.newest(&main_target(), ProberModule::Fast).unwrap().unwrap();
    assert_eq!((newest.id, newest.text.as_deref()), (ids[5], Some("the table".as_bytes())));
    assert_eq!(history.report(RunId(99)), Ok(None));
}

#[test]
fn what_is_too_old_goes_and_the_newest_stays() {
    let mut written = Written::new();
    let days = |days: i64| 24 * days;
    for day in 0..1_200 {
        let verdict = if day < 3 { Fail } else { Pass };
        written.write(&run(days(day), &[("dns/a", verdict)]));
    }
    let (now, keep_from) = (at(days(1_200)), at(days(1_190)));
    let mut batches = 1;
    while written.store.remove_old(now, keep_from).unwrap() {
        batches += 1;
    }
    assert_eq!(batches, 3);
    let wanted = Wanted { target: &main_target(), module: None, since: at(0), most: 100 };
    let left: Vec<Timestamp> =
        written.read().runs(&wanted).unwrap().into_iter().map(|(_, head, _)| head.at).collect();
    // Those of the last ten days, and the one since which the verdicts are as they are.
    assert_eq!(left.len(), 11);
    assert_eq!(left.last(), Some(&at(days(3))));
    // A target that is no longer probed keeps its last run.
    assert_eq!(written.store.remove_old(at(days(9_000)), at(days(8_000))), Ok(false));
    assert!(written.read().newest(&main_target(), ProberModule::Fast).unwrap().is_some());
}

#[test]
fn a_run_that_cannot_be_written_leaves_nothing_behind() {
    let mut written = Written::new();
    written.write(&run(0, &[("dns/a", Pass)]));
    let pages: i64 =
        written.store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    written.store.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let many: Vec<String> = (0..5_000).map(|number| format!("rule/{number}")).collect();
    let verdicts: Vec<_> = many.iter().map(|rule| (rule.as_str(), Pass)).collect();
    let full = written.store.write_run(&run(1, &verdicts), b"{}", "");
    assert_eq!(full, Err(StoreError::Full));
    let wanted = Wanted { target: &main_target(), module: None, since: at(0), most: 100 };
    assert_eq!(written.read().runs(&wanted).unwrap().len(), 1);
    written.store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert!(written.store.write_run(&run(1, &verdicts), b"{}", "").is_ok());
}

#[test]
fn a_locked_file_is_told_and_written_later() {
    let mut written = Written::new();
    let other =
        rusqlite::Connection::open(written.directory.path().join("history.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    written.store.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let locked = written.store.write_run(&run(0, &[]), b"{}", "");
    assert_eq!(locked, Err(StoreError::Locked));
    other.execute_batch("COMMIT").unwrap();
    assert!(written.store.write_run(&run(0, &[]), b"{}", "").is_ok());
}
