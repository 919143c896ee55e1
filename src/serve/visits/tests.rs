//! Visits under a clock of the test.

use super::*;
use crate::model::visit::{BrowserWay, StoredVisits, TurnNameAnswer};

const HOUR: u64 = 60 * 60;

fn at(seconds: u64) -> Moment {
    let start = 1_893_456_000;
    Moment {
        wall: Timestamp::from_unix_seconds(start).plus(Duration::from_secs(seconds)),
        uptime: Duration::from_secs(seconds),
    }
}

fn main_target() -> TargetName {
    "main".parse().unwrap()
}

fn from(number: u8) -> IpAddr {
    IpAddr::from([203, 0, number, 1])
}

fn invite(visits: &Visits, seconds: u64) -> String {
    let visit = visits.invite("Ms Miller".to_owned(), CODE_LIFETIME, at(seconds)).unwrap();
    visit.code.to_string()
}

fn ask(
    visits: &Visits,
    (code, again): (Option<&str>, Option<VisitId>),
    source: u8,
    seconds: u64,
) -> Result<Beginning, Refusal> {
    let request = Request { code, again, source: from(source), target: &main_target() };
    visits.begin(&request, || Ok(Vec::new()), at(seconds))
}

fn begin(visits: &Visits, code: &str, source: u8, seconds: u64) -> Result<VisitId, Refusal> {
    ask(visits, (Some(code), None), source, seconds).map(|it| it.id)
}

/// Without a code.
fn begin_open(visits: &Visits, source: u8, seconds: u64) -> Result<VisitId, Refusal> {
    ask(visits, (None, None), source, seconds).map(|it| it.id)
}

fn report() -> BrowserReport {
    BrowserReport {
        family: crate::model::visit::BrowserFamily::Firefox,
        version: "153".to_owned(),
        languages: Vec::new(),
        clock_offset_ms: 0,
        page_origin: String::new(),
        is_secure_context: true,
        ways: Vec::<BrowserWay>::new(),
        api: None,
        turn_name: TurnNameAnswer::NotAsked,
        network: None,
        notes: String::new(),
    }
}

#[test]
fn a_code_is_good_once_and_for_a_day() {
    let visits = Visits::new(false, false);
    let code = invite(&visits, 0);
    assert_eq!(begin_open(&visits, 1, 1).err(), Some(Refusal::CodeRequired));
    assert_eq!(begin(&visits, "0000-0000", 1, 1).err(), Some(Refusal::CodeUnknown));
    assert_eq!(begin(&visits, "hello", 1, 1).err(), Some(Refusal::CodeUnknown));
    assert!(begin(&visits, &code.to_lowercase(), 1, 1).is_ok());
    assert_eq!(begin(&visits, &code, 1, 2).err(), Some(Refusal::CodeUsed));
    let late = invite(&visits, 10);
    assert_eq!(begin(&visits, &late, 1, 10 + 24 * HOUR).err(), Some(Refusal::CodeExpired));
    assert!(begin(&visits, &invite(&visits, 10), 1, 9 + 24 * HOUR).is_ok());
}

#[test]
fn the_page_of_a_visit_repeats_it_twice_and_nobody_else_does() {
    let visits = Visits::new(true, false);
    let (code, other) = (invite(&visits, 0), invite(&visits, 0));
    let repeat = |code: &str, again, seconds| ask(&visits, (Some(code), again), 1, seconds);
    let first = repeat(&code, None, 0).unwrap();
    assert_eq!(first.repeats_left, Some(2));
    let first = first.id;
    let stranger = begin(&visits, &other, 2, 0).ok();
    for again in [None, stranger, begin_open(&visits, 3, 0).ok()] {
        assert_eq!(repeat(&code, again, 1).err(), Some(Refusal::CodeUsed));
    }
    let second = repeat(&code, Some(first), 20).unwrap();
    assert_eq!(second.repeats_left, Some(1));
    // A result of its own, under a code of its own that opens nothing.
    visits.take_result(first, report(), true, at(30)).unwrap();
    let own_code = visits.take_result(second.id, report(), true, at(30)).unwrap().unwrap();
    assert_ne!(own_code.to_string(), code);
    let refused = repeat(&own_code.to_string(), Some(second.id), 40).err();
    assert_eq!(refused, Some(Refusal::CodeUsed));
    let seen = visits.find(own_code, at(40)).unwrap();
    assert_eq!((seen.note.as_deref(), seen.repeats), (Some("Ms Miller"), code.parse().ok()));
    let third = repeat(&code, Some(second.id), 60).unwrap();
    assert_eq!(third.repeats_left, Some(0));
    for again in [first, second.id, third.id] {
        assert_eq!(repeat(&code, Some(again), 80).err(), Some(Refusal::CodeUsed));
    }
    let late = repeat(&other, stranger, 24 * HOUR).err();
    assert_eq!(late, Some(Refusal::CodeExpired));
}

#[test]
fn wrong_codes_close_the_door_for_their_network_only() {
    let visits = Visits::new(false, false);
    let code = invite(&visits, 0);
    for _ in 0..10 {
        assert_eq!(begin(&visits, "0000-0000", 1, 1).err(), Some(Refusal::CodeUnknown));
    }
    assert_eq!(begin(&visits, &code, 1, 1).err(), Some(Refusal::TooMany));
    assert!(begin(&visits, &code, 2, 1).is_ok());
    assert_eq!(begin(&visits, &code, 1, 8).err(), Some(Refusal::CodeUsed));
}

#[test]
fn a_network_begins_three_visits_a_minute_and_a_refusal_does_not_use_up_the_code() {
    let visits = Visits::new(true, false);
    let begun = [(); 4].map(|()| begin_open(&visits, 1, 0).is_ok());
    assert_eq!(begun, [true, true, true, false]);
    let code = invite(&visits, 0);
    let target = &main_target();
    let request = Request { code: Some(&code), again: None, source: from(1), target };
    // No rules are read for it.
    let refused = visits.begin(&request, || unreachable!(), at(0));
    assert_eq!(refused.err(), Some(Refusal::TooMany));
    assert!(begin(&visits, &code, 1, 20).is_ok());
}

#[test]
fn visits_without_a_code_leave_room_for_those_with_one() {
    let visits = Visits::new(true, false);
    let open = (0..40).filter(|it| begin_open(&visits, *it, 0).is_ok()).count();
    assert_eq!(open, 15);
    let invited = (0..40).filter(|it| begin(&visits, &invite(&visits, 0), *it + 100, 0).is_ok());
    assert_eq!(invited.count(), 5);
    // They are over after two minutes, but a day has its own number.
    let mut seconds = 0;
    let mut on_this_day = 15 + 5;
    for _ in 0..200 {
        seconds += 121;
        on_this_day += (0..15).filter(|it| begin_open(&visits, *it, seconds).is_ok()).count();
    }
    assert_eq!(on_this_day, 375);
    assert!(begin(&visits, &invite(&visits, seconds), 99, seconds).is_ok());
    assert!(begin_open(&visits, 1, 24 * HOUR).is_ok());
}

#[test]
fn a_result_is_taken_within_ten_minutes_and_three_times() {
    let visits = Visits::new(false, false);
    let id = begin(&visits, &invite(&visits, 0), 1, 0).unwrap();
    let send = |keep, seconds| {
        visits.take_result(id, report(), keep, at(seconds)).map(|code| code.is_some())
    };
    assert_eq!(send(false, 10), Ok(false));
    assert_eq!(visits.list(at(10))[0].begun.as_ref().map(|it| it.result.is_some()), Some(false));
    assert_eq!(send(true, 599), Ok(true));
    assert_eq!(send(true, 600), Ok(true));
    assert_eq!(send(true, 600), Err(Refusal::TooMany));
    assert_eq!(send(true, 601), Err(Refusal::Expired));
    assert_eq!(
        visits.expects_result(VisitId::read("0123456789abcdef").unwrap(), at(0)),
        Err(Refusal::Expired)
    );
    // Counted once.
    assert_eq!(visits.counts(at(700)).outcomes, [("no-signalling", 1)].into());
}

#[test]
fn old_visits_make_room_and_codes_in_use_do_not() {
    let visits = Visits::new(true, false);
    let code = invite(&visits, 0);
    assert!(begin_open(&visits, 1, 0).is_ok());
    for _ in 0..MOST_VISITS {
        // The visit without a code goes; then every place is a code that can be used.
        let _ = visits.invite(String::new(), CODE_LIFETIME, at(1));
    }
    let full = visits.invite(String::new(), CODE_LIFETIME, at(1));
    assert_eq!(full.err(), Some(Refusal::Full));
    assert_eq!(begin_open(&visits, 2, 1).err(), Some(Refusal::Busy));
    assert!(begin(&visits, &code, 2, 1).is_ok());
    assert!(visits.invite(String::new(), CODE_LIFETIME, at(1)).is_ok());
    // A month later all are forgotten.
    assert!(visits.list(at(31 * 24 * HOUR)).is_empty());
}

#[test]
fn a_visit_without_code_and_result_is_counted_and_forgotten() {
    let visits = Visits::new(true, false);
    begin_open(&visits, 1, 0).unwrap();
    assert_eq!(visits.list(at(600)).len(), 1);
    assert_eq!(visits.list(at(601)).len(), 0);
    assert_eq!(visits.counts(at(601)).outcomes, [("without-result", 1)].into());
}

/// The visits of a former process in a new one.
fn restarted(visits: &Visits) -> Visits {
    let changes = visits.changes().unwrap();
    let restored = Visits::new(true, true);
    restored.restore(StoredVisits { visits: changes.kept, day: changes.day });
    restored
}

#[test]
fn codes_and_the_number_of_a_day_survive_a_restart() {
    let visits = Visits::new(true, true);
    let (used, unused) = (invite(&visits, 0), invite(&visits, 0));
    let id = begin(&visits, &used, 1, 1).unwrap();
    visits.take_result(id, report(), true, at(9)).unwrap();
    let mut seconds = 0;
    while begin_open(&visits, 1, seconds).is_ok() {
        seconds += 121;
    }
    let visits = restarted(&visits);
    assert_eq!(begin(&visits, &used, 2, seconds).err(), Some(Refusal::CodeUsed));
    // Visits without a code have taken their part of the day, those with one have not.
    let open = |seconds| begin_open(&visits, 3, seconds).err();
    assert_eq!(open(seconds), Some(Refusal::Busy));
    assert!(begin(&visits, &unused, 2, seconds).is_ok());
    assert_eq!(open(24 * HOUR), None);
    // The other visits brought no result, and cannot bring one now.
    let listed = visits.list(at(seconds));
    let results =
        listed.iter().filter(|it| it.begun.as_ref().is_some_and(|it| it.result.is_some()));
    assert_eq!((listed.len(), results.count()), (3, 1));
    assert_eq!(visits.expects_result(id, at(10)), Err(Refusal::Expired));
}

#[test]
fn what_changes_while_it_is_written_is_written_again() {
    let visits = Visits::new(false, true);
    let code = invite(&visits, 0);
    let first = visits.changes().unwrap();
    let id = begin(&visits, &code, 1, 1).unwrap();
    visits.were_written(&first);
    let second = visits.changes().unwrap();
    assert_eq!((first.kept[0].begun.is_some(), second.kept[0].begun.is_some()), (false, true));
    visits.were_written(&second);
    assert_eq!(visits.changes(), None);
    visits.take_result(id, report(), true, at(2)).unwrap();
    assert_eq!(visits.changes().map(|it| it.kept.len()), Some(1));
}

#[test]
fn visits_that_make_room_leave_the_history_and_old_ones_are_left_to_it() {
    let visits = Visits::new(true, true);
    begin_open(&visits, 1, 0).unwrap();
    let code = visits.list(at(0))[0].code;
    visits.were_written(&visits.changes().unwrap());
    // No result came.
    assert!(visits.list(at(601)).is_empty());
    let changes = visits.changes().unwrap();
    assert_eq!((changes.kept.len(), changes.removed.as_slice()), (0, [code].as_slice()));
    visits.were_written(&changes);
    // The clock of the machine may have jumped.
    invite(&visits, 601);
    visits.were_written(&visits.changes().unwrap());
    assert!(visits.list(at(31 * 24 * HOUR)).is_empty());
    assert_eq!(visits.changes(), None);
}

#[test]
fn a_history_that_is_read_late_takes_nothing_away() {
    let former = Visits::new(true, true);
    let code = invite(&former, 0);
    let stored = former.changes().unwrap();
    let stored = StoredVisits { visits: stored.kept, day: stored.day };
    let visits = Visits::new(true, true);
    invite(&visits, 1);
    visits.restore(stored.clone());
    let begun = begin(&visits, &code, 1, 2);
    assert!(begun.is_ok());
    visits.restore(stored);
    assert_eq!(begin(&visits, &code, 1, 3).err(), Some(Refusal::CodeUsed));
    assert_eq!(visits.list(at(3)).len(), 2);
}
