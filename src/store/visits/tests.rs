//! Visits as they are written and read again.

use std::path::PathBuf;

use super::*;
use crate::model::facts::Way;
use crate::model::vantage::Zone;
use crate::model::visit::{
    BrowserEnd, BrowserFamily, BrowserReport, BrowserStep, BrowserWay, OwnView, TurnNameAnswer,
};
use crate::store::opening::MIGRATIONS;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_790_000_000 + second)
}

struct File {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        Self { _directory: directory, path }
    }

    fn write(&self, kept: &[&Visit], removed: &[VisitCode], day: VisitDay) {
        let kept = kept.iter().map(|visit| (*visit).clone()).collect();
        let changes = VisitChanges { kept, removed: removed.to_vec(), day };
        Store::open(&self.path).unwrap().write_visits(&changes).unwrap();
    }

    fn read(&self) -> StoredVisits {
        History::open(&self.path).unwrap().visits().unwrap()
    }
}

fn invited(code: u64) -> Visit {
    Visit {
        code: VisitCode::of_random(code),
        note: Some("Ms Miller".to_owned()),
        repeats: None,
        made_at: at(0),
        expires_at: at(3_600),
        begun: None,
    }
}

fn tested(visit: &Visit) -> Visit {
    let way = BrowserWay {
        way: Way::Turns,
        works: false,
        step: BrowserStep::Answer,
        took_ms: Some(5_120),
        end: BrowserEnd::Failed,
        close: None,
        errors: Vec::new(),
        local: vec!["host/udp".to_owned()],
        remote: Vec::new(),
        pair: None,
    };
    let report = BrowserReport {
        family: BrowserFamily::Firefox,
        version: "153".to_owned(),
        languages: vec!["de".to_owned()],
        clock_offset_ms: -12,
        page_origin: String::new(),
        is_secure_context: true,
        ways: vec![way],
        api: Some((200, "success".to_owned())),
        turn_name: TurnNameAnswer::Silent,
        network: None,
        notes: String::new(),
    };
    let own = OwnView {
        at: at(61),
        zone: Zone::Internet,
        call: None,
        violations: Vec::new(),
        blocked: Vec::new(),
    };
    let begun = BegunVisit {
        at: at(60),
        source: "2001:db8::7".parse().unwrap(),
        target: "main".parse().unwrap(),
        expected: vec![Way::Udp, Way::Turns],
        own: Some(Arc::new(own)),
        result: Some(BrowserResult { at: at(70), report: Arc::new(report) }),
    };
    Visit { begun: Some(begun), ..visit.clone() }
}

#[test]
fn a_visit_is_read_as_it_was_written_at_each_step() {
    let file = File::new();
    // Their numbers are not in the order of the codes.
    let first = invited(2);
    let second = Visit { repeats: Some(first.code), ..invited(1) };
    let day = |begun| VisitDay { number: 20_717, begun };
    file.write(&[&first, &second], &[], day(0));
    assert_eq!(file.read().visits, [first.clone(), second.clone()]);
    let mut begun = tested(&first);
    let whole = begun.begun.as_mut().unwrap();
    let (own, result) = (whole.own.take(), whole.result.take());
    for step in 0..3 {
        file.write(&[&begun], &[], day(1));
        assert_eq!(file.read().visits, [begun.clone(), second.clone()], "{step}");
        let whole = begun.begun.as_mut().unwrap();
        whole.result.clone_from(&result);
        if step == 1 {
            whole.own.clone_from(&own);
        }
    }
    assert_eq!(begun, tested(&first));
    file.write(&[], &[first.code], day(2));
    assert_eq!(file.read(), StoredVisits { visits: vec![second], day: day(2) });
    // Its result is gone with it.
    let store = Store::open(&file.path).unwrap();
    let reports = |store: &Store| -> i64 {
        store
            .connection
            .query_row("SELECT count(*) FROM visit_report", (), |row| row.get(0))
            .unwrap()
    };
    assert_eq!(reports(&store), 0);
}

#[test]
fn a_day_is_counted_up_until_the_next_one() {
    let file = File::new();
    for (number, begun, expected) in [(5, 7, 7), (5, 3, 7), (0, 0, 7), (6, 1, 1)] {
        file.write(&[], &[], VisitDay { number, begun });
        assert_eq!(file.read().day.begun, expected, "{number}");
    }
}

#[test]
fn only_old_visits_are_removed() {
    let file = File::new();
    let (old, new) = (invited(1), Visit { made_at: at(10), ..invited(2) });
    file.write(&[&old, &new], &[], VisitDay::default());
    Store::open(&file.path).unwrap().remove_visits(at(10)).unwrap();
    assert_eq!(file.read().visits, [new]);
}

#[test]
fn a_file_of_version_1_keeps_its_runs_and_takes_visits() {
    let file = File::new();
    let store = Store::open_with(&file.path, &MIGRATIONS[..1]).unwrap();
    store
        .connection
        .execute_batch(
            "INSERT INTO run (at, target, module, result, exit_code, complete, coverage, ms, guide,
                ruleset_digest, tool_version, vantage, changed)
             VALUES (1790000000, 'main', 'fast', 'pass', 0, 1, 1.0, 5, '3.9', '', '', '', 1)",
        )
        .unwrap();
    drop(store);
    assert_eq!(History::open(&file.path).err(), Some(StoreError::Older { found: 1, known: 2 }));
    file.write(&[&invited(1)], &[], VisitDay::default());
    assert_eq!(file.read().visits.len(), 1);
    let runs = History::open(&file.path).unwrap().newest_runs().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].1.at, at(0));
}

#[test]
fn a_result_of_another_version_is_left_out_and_stays_in_the_file() {
    let file = File::new();
    let visit = tested(&invited(1));
    file.write(&[&visit], &[], VisitDay::default());
    let store = Store::open(&file.path).unwrap();
    store
        .connection
        .execute(
            "UPDATE visit_report SET result = ?1, own = ?2",
            [pack(b"{\"new\": 1}"), Vec::new()],
        )
        .unwrap();
    let read = file.read().visits;
    let begun = read[0].begun.as_ref().unwrap();
    assert_eq!((&begun.own, &begun.result, begun.at), (&None, &None, at(60)));
}
