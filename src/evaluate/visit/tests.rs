//! What follows from each pair of results.

use super::*;
use crate::model::call::{
    CallSummary, Certainty, Contact, Help, Responsible, State, Step, Stop, WaySummary,
};
use crate::model::observation::Blindness;
use crate::model::port::{Port, Transport};
use crate::model::seen::{CallSeen, CallUnknown};
use crate::model::visit::{TurnNameAnswer, ViolatedRule};

const BEGUN: i64 = 1_893_456_000;

/// What ovcheck found by one way.
#[derive(Clone, Copy)]
enum Own {
    Works,
    SmallPackets,
    WithoutDtls,
    Stops,
    NotOffered,
    Unknown,
}

fn stop() -> State {
    State::Stops(Stop {
        at: Step::Check,
        reason: ReasonCode::MediaSilent,
        why: CallSeen::Unknown(CallUnknown::Blind(Blindness::DeadlineSpent)),
        certainty: Certainty::Proven,
        responsible: Responsible::Deployment,
    })
}

fn unknown() -> State {
    State::Unknown { why: CallSeen::Unknown(CallUnknown::Blind(Blindness::DeadlineSpent)) }
}

fn own(join: State, ways: [Own; 4], violations: &[ViolatedRule]) -> OwnView {
    let contact = Contact {
        name: None,
        address: None,
        transport: Transport::Tcp,
        port: Port::new(443).unwrap(),
        range: None,
        tls: true,
        named_by_server: false,
        state: join,
        tried_ms: None,
    };
    let ways = Way::ALL.into_iter().zip(ways).map(|(way, own)| WaySummary {
        way,
        state: match own {
            Own::Works | Own::SmallPackets | Own::WithoutDtls => State::Works { took_ms: 40 },
            Own::Stops => stop(),
            Own::NotOffered => State::NotOffered,
            Own::Unknown => unknown(),
        },
        small_packets_only: matches!(own, Own::SmallPackets),
        dtls_passes: (!matches!(own, Own::WithoutDtls)).then_some(true),
        closed_on_purpose: false,
        contacts: Vec::new(),
    });
    let call = CallSummary {
        join: contact,
        ways: ways.collect(),
        nodes: Vec::new(),
        causes: Vec::new(),
        seen_as: Vec::new(),
        help: Help::default(),
        documented: Vec::new(),
    };
    OwnView {
        at: Timestamp::from_unix_seconds(BEGUN + 20),
        zone: Zone::Internet,
        call: Some(call),
        violations: violations.to_vec(),
        blocked: Vec::new(),
    }
}

fn violated(rule: &str, way: Option<Way>, because: &[&str]) -> ViolatedRule {
    ViolatedRule {
        rule: rule.parse().unwrap(),
        title: String::new(),
        severity: Severity::Error,
        way,
        reason: ReasonCode::MediaSilent,
        because: because.iter().map(|rule| rule.parse().unwrap()).collect(),
    }
}

/// What the browser did by one way: the step that it reached.
fn report(family: BrowserFamily, steps: [BrowserStep; 4]) -> BrowserReport {
    let ways = Way::ALL.into_iter().zip(steps).map(|(way, step)| BrowserWay {
        way,
        works: step == BrowserStep::Data,
        step,
        took_ms: Some(400),
        end: if step == BrowserStep::Data { BrowserEnd::Open } else { BrowserEnd::Limit },
        close: None,
        errors: Vec::new(),
        local: Vec::new(),
        remote: Vec::new(),
        pair: None,
    });
    BrowserReport {
        family,
        version: "1".to_owned(),
        languages: Vec::new(),
        clock_offset_ms: 0,
        page_origin: String::new(),
        is_secure_context: true,
        ways: ways.collect(),
        api: None,
        turn_name: TurnNameAnswer::NotAsked,
        network: None,
        notes: String::new(),
    }
}

fn conclusions(
    report: &BrowserReport,
    expected: &[Way],
    own: Option<&OwnView>,
) -> Vec<VisitConclusion> {
    joined(report, Timestamp::from_unix_seconds(BEGUN), expected, own).conclusions
}

const RIGHT: [BrowserStep; 4] = [BrowserStep::Data; 4];

/// Only TURN over TLS comes no farther than this.
fn turns(step: BrowserStep) -> [BrowserStep; 4] {
    [BrowserStep::Data, BrowserStep::Data, BrowserStep::Data, step]
}

fn own_turns(turns: Own) -> [Own; 4] {
    [Own::Works, Own::Works, Own::Works, turns]
}

fn works() -> State {
    State::Works { took_ms: 90 }
}

#[test]
fn what_follows_for_one_way_from_both_places() {
    use VisitConclusion::{AllWork, Deployment, OwnPlace, Undecided, User};
    let ways = vec![Way::Turns];
    let undecided = |why| Undecided { ways: vec![Way::Turns], why };
    let named =
        |rule: &str| Deployment { ways: vec![Way::Turns], rules: vec![rule.parse().unwrap()] };
    let path = violated("call/media-path-turns", Some(Way::Turns), &[]);
    let caused =
        violated("call/media-path-turns", Some(Way::Turns), &["turn/turns-answers-binding"]);
    let other = violated("call/media-path-udp", Some(Way::Udp), &[]);
    use BrowserStep::{Answer, Data, Ice, Join, Relay, Signal};
    let table: Vec<(BrowserStep, Own, Vec<ViolatedRule>, VisitConclusion)> = vec![
        (Data, Own::Works, vec![], AllWork),
        (Data, Own::Unknown, vec![], AllWork),
        (Data, Own::Stops, vec![path.clone()], OwnPlace { ways: ways.clone() }),
        (Answer, Own::Works, vec![], User { ways: ways.clone() }),
        (Relay, Own::Works, vec![path.clone()], User { ways: ways.clone() }),
        (Answer, Own::Stops, vec![path.clone()], named("call/media-path-turns")),
        (Answer, Own::Stops, vec![caused], named("turn/turns-answers-binding")),
        // Fails in both places, but nothing proves that the deployment is at fault.
        (Answer, Own::Stops, vec![], undecided(VisitDoubt::NoRuleViolated)),
        (Answer, Own::Stops, vec![other], undecided(VisitDoubt::NoRuleViolated)),
        (Answer, Own::NotOffered, vec![path], named("call/media-path-turns")),
        (Answer, Own::Unknown, vec![], undecided(VisitDoubt::OwnRunUnknown)),
        (Answer, Own::SmallPackets, vec![], undecided(VisitDoubt::OwnRunUnknown)),
        (Ice, Own::Works, vec![], User { ways }),
        (Ice, Own::WithoutDtls, vec![], undecided(VisitDoubt::OwnRunUnknown)),
        (Join, Own::Works, vec![], undecided(VisitDoubt::BrowserDidNotTest)),
        (Signal, Own::Stops, vec![], undecided(VisitDoubt::BrowserDidNotTest)),
    ];
    for (number, (step, seen, violations, expected)) in table.into_iter().enumerate() {
        let own = own(works(), own_turns(seen), &violations);
        let report = report(BrowserFamily::Chromium, turns(step));
        assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), [expected], "row {number}");
    }
}

#[test]
fn a_rule_that_stands_in_the_way_is_named_only_if_it_is_violated() {
    let report = report(BrowserFamily::Chromium, turns(BrowserStep::Answer));
    let name: RuleId = "tls/name-matches".parse().unwrap();
    let mut own = own(works(), own_turns(Own::Stops), &[]);
    own.blocked = vec![(Way::Turns, name.clone())];
    assert!(!own.is_explained());
    let why = VisitDoubt::NoRuleViolated;
    let undecided = VisitConclusion::Undecided { ways: vec![Way::Turns], why };
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), [undecided]);
    let mut full = own.clone();
    full.violations = vec![violated("tls/name-matches", None, &[])];
    let own = own.with_violations_of(&full);
    assert!(own.is_explained());
    let deployment = VisitConclusion::Deployment { ways: vec![Way::Turns], rules: vec![name] };
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), [deployment]);
}

#[test]
fn where_a_violated_rule_kept_ovcheck_from_joining_it_is_the_cause_for_the_browser_too() {
    let report = report(BrowserFamily::Chromium, [BrowserStep::None; 4]);
    let api: RuleId = "signal/api-answers".parse().unwrap();
    let mut own = own(unknown(), [Own::Unknown; 4], &[]);
    own.blocked = Way::ALL.map(|way| (way, api.clone())).into();
    let why = VisitDoubt::OwnRunUnknown;
    let undecided = VisitConclusion::Undecided { ways: Vec::new(), why };
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), [undecided]);
    own.violations = vec![violated("signal/api-answers", None, &[])];
    let deployment = VisitConclusion::Deployment { ways: Vec::new(), rules: vec![api] };
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), [deployment]);
}

#[test]
fn a_run_of_another_time_and_a_missing_one_blame_nobody() {
    let report = report(BrowserFamily::Chromium, turns(BrowserStep::Answer));
    let undecided = |why| [VisitConclusion::Undecided { ways: vec![Way::Turns], why }];
    let none = conclusions(&report, &Way::ALL, None);
    assert_eq!(none, undecided(VisitDoubt::NoOwnRun));
    let mut own = own(works(), [Own::Works; 4], &[]);
    own.at = Timestamp::from_unix_seconds(BEGUN - 121);
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), undecided(VisitDoubt::OtherTime));
    own.at = Timestamp::from_unix_seconds(BEGUN - 120);
    let user = [VisitConclusion::User { ways: vec![Way::Turns] }];
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), user);
    own.call = None;
    let unknown = undecided(VisitDoubt::OwnRunUnknown);
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), unknown);
    own.zone = Zone::ExternalProxy;
    let inside = undecided(VisitDoubt::OwnRunInside);
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), inside);
}

#[test]
fn only_firefox_behind_a_proxy_on_its_machine_is_told_so() {
    let mapped = ViolatedRule {
        reason: ReasonCode::MappedAddressImplausible,
        ..violated("turn/mapped-address-plausible", None, &[])
    };
    let firefox = report(BrowserFamily::Firefox, turns(BrowserStep::Relay));
    let chromium = report(BrowserFamily::Chromium, turns(BrowserStep::Relay));
    let with = own(works(), [Own::Works; 4], std::slice::from_ref(&mapped));
    let without = own(works(), [Own::Works; 4], &[]);
    let user = [VisitConclusion::User { ways: vec![Way::Turns] }];
    let told = [VisitConclusion::FirefoxOnSameMachine];
    assert_eq!(conclusions(&firefox, &Way::ALL, Some(&with)), told);
    assert_eq!(conclusions(&firefox, &Way::ALL, Some(&without)), user);
    assert_eq!(conclusions(&chromium, &Way::ALL, Some(&with)), user);
    let udp = report(
        BrowserFamily::Firefox,
        [BrowserStep::Answer, BrowserStep::Data, BrowserStep::Data, BrowserStep::Data],
    );
    let user = [VisitConclusion::User { ways: vec![Way::Udp] }];
    assert_eq!(conclusions(&udp, &Way::ALL, Some(&with)), user);
}

#[test]
fn what_is_closed_on_purpose_is_no_failure() {
    let steps = [BrowserStep::Answer, BrowserStep::Answer, BrowserStep::Answer, BrowserStep::Data];
    let own = own(works(), [Own::Stops, Own::Stops, Own::NotOffered, Own::Works], &[]);
    let only_turns = [Way::Turns];
    let closed = report(BrowserFamily::Chromium, steps);
    let all_work = [VisitConclusion::AllWork];
    assert_eq!(conclusions(&closed, &only_turns, Some(&own)), all_work);
    let open = report(BrowserFamily::Chromium, RIGHT);
    let ways = vec![Way::Udp, Way::IceTcp, Way::TurnUdp];
    let against = [VisitConclusion::OpenAgainstPolicy { ways }];
    assert_eq!(conclusions(&open, &only_turns, Some(&own)), against);
}

#[test]
fn who_cannot_join_is_told_why_as_far_as_it_is_known() {
    use VisitConclusion::{Deployment, Undecided, UserCannotJoin, WrongClock};
    let mut report = report(BrowserFamily::Firefox, [BrowserStep::None; 4]);
    let right = own(works(), [Own::Works; 4], &[]);
    assert_eq!(conclusions(&report, &Way::ALL, Some(&right)), [UserCannotJoin]);
    let expired = violated("tls/not-expired", None, &[]);
    let join = violated("call/join-accepted", None, &["tls/not-expired"]);
    let broken = own(stop(), [Own::Unknown; 4], &[expired, join]);
    let rules = vec!["tls/not-expired".parse().unwrap()];
    let named = Deployment { ways: Vec::new(), rules };
    assert_eq!(conclusions(&report, &Way::ALL, Some(&broken)), [named]);
    let silent = own(stop(), [Own::Unknown; 4], &[]);
    let why = VisitDoubt::NoRuleViolated;
    let undecided = [Undecided { ways: Vec::new(), why }];
    assert_eq!(conclusions(&report, &Way::ALL, Some(&silent)), undecided);
    report.clock_offset_ms = -86_400_000;
    let clock = [WrongClock { ahead_s: -86_400 }];
    assert_eq!(conclusions(&report, &Way::ALL, Some(&right)), clock);
}

#[test]
fn ways_with_the_same_reason_are_one_conclusion_and_the_operators_comes_first() {
    let steps = [BrowserStep::Answer, BrowserStep::Answer, BrowserStep::Data, BrowserStep::Answer];
    let path = violated("call/media-path-turns", Some(Way::Turns), &[]);
    let own = own(works(), own_turns(Own::Stops), &[path]);
    let report = report(BrowserFamily::Chromium, steps);
    let rules = vec!["call/media-path-turns".parse().unwrap()];
    let expected = [
        VisitConclusion::Deployment { ways: vec![Way::Turns], rules },
        VisitConclusion::User { ways: vec![Way::Udp, Way::IceTcp] },
    ];
    assert_eq!(conclusions(&report, &Way::ALL, Some(&own)), expected);
}
