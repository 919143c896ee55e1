//! The page of a visit.

use super::*;
use crate::model::visit::{BrowserFamily, TurnNameAnswer};

fn report() -> BrowserReport {
    BrowserReport {
        family: BrowserFamily::Firefox,
        version: "153".to_owned(),
        languages: Vec::new(),
        clock_offset_ms: 0,
        page_origin: String::new(),
        is_secure_context: true,
        ways: Vec::new(),
        api: None,
        turn_name: TurnNameAnswer::NotAsked,
        network: None,
        notes: String::new(),
    }
}

/// The page of a visit from which this follows.
fn page(conclusion: VisitConclusion, has_history: bool) -> String {
    let (at, report) = (Timestamp::from_unix_seconds(1_790_000_000), report());
    let view = JoinedView { ways: Vec::new(), conclusions: vec![conclusion] };
    let begun = BegunShown {
        at,
        source: Some(IpAddr::from([203, 0, 113, 7])),
        target: &"main".parse().unwrap(),
        has_history,
        own: None,
        result: Some(ResultShown { at, report: &report, view }),
    };
    let visit = VisitShown {
        code: VisitCode::of_random(1),
        note: None,
        repeats: None,
        repeated_as: Vec::new(),
        made_at: at,
        expires_at: at,
        begun: Some(begun),
    };
    let mut page = Vec::new();
    write_result(&visit, at, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn where_a_fault_may_come_and_go_the_history_is_linked_if_there_is_one() {
    let link = "<a href=\"../targets/main\">";
    let own_place = || VisitConclusion::OwnPlace { ways: vec![Way::Udp] };
    assert!(page(own_place(), true).contains(link));
    assert!(!page(own_place(), false).contains(link));
    assert!(!page(VisitConclusion::AllWork, true).contains(link));
}
