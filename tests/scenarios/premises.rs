//! Premises about our own place: what rests on one that is in doubt accuses nobody.

use ovcheck::evaluate::Strictness;
use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::report::Finding;
use ovcheck::model::seen::Seen;
use ovcheck::model::verdict::Verdict;

use crate::support::facts::in_days;
use crate::world::Observed as _;
use crate::world::{World, valid, words, world};

const DAY_S: i64 = 86_400;

/// All HTTP answers of an observation.
fn answers(observation: &mut Observation) -> Option<&mut HttpResponse> {
    let Outcome::Saw(facts) = &mut observation.outcome else { return None };
    let answer = match facts {
        Facts::Http(facts) => facts.answer.as_mut(),
        Facts::Api(facts) => facts.answer.as_mut(),
        Facts::Turn(facts) => facts.instead.as_mut(),
        _ => None,
    };
    match answer? {
        HttpAnswer::Response(response) => Some(response),
        _ => None,
    }
}

/// All chains of an observation.
fn chain(observation: &mut Observation) -> Option<&mut ChainFacts> {
    let Outcome::Saw(facts) = &mut observation.outcome else { return None };
    let handshake = match facts {
        Facts::Tls(facts) => facts.handshake.as_mut(),
        Facts::Api(facts) => facts.handshake.as_mut(),
        Facts::Turn(facts) => facts.handshake.as_mut(),
        Facts::Rtmp(facts) => facts.handshake.as_mut(),
        _ => None,
    };
    match handshake? {
        Handshake::Completed(session) => session.certificate.as_mut(),
        _ => None,
    }
}

/// A deployment whose certificates are valid in this time, in days from what our clock says, and whose
/// clocks are ahead of ours by so many seconds; `None`: it sends no `Date`.
fn clocks(valid_days: [i64; 2], ahead_s: Option<i64>) -> World {
    world(Policy::Default).seen_but(move |observations| {
        for observation in observations {
            if let Some(response) = answers(observation) {
                response.date_ahead_s = ahead_s;
            }
            if let Some(chain) = chain(observation) {
                valid(chain, valid_days[0], valid_days[1]);
            }
        }
    })
}

fn judged(world: &World, rule: &str) -> &'static str {
    let findings = world.judge_by(Strictness::Likely);
    let of_rule = findings.iter().find(|finding| finding.rule.as_str() == rule).unwrap();
    words(of_rule)
}

fn errors(findings: &[Finding]) -> Vec<&str> {
    let violations = findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Fail(_)));
    let mut rules: Vec<&str> = violations.map(|finding| finding.rule.as_str()).collect();
    rules.dedup();
    rules
}

fn doubts(findings: &[Finding]) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let doubted = findings.iter().filter(|finding| matches!(finding.seen, Seen::Doubted(_)));
    for words in doubted.map(Finding::observed) {
        if !said.contains(&words) {
            said.push(words);
        }
    }
    said
}

#[test]
fn a_certificate_is_expired_only_by_both_clocks() {
    let cases = [
        // Ours, where it is right.
        ([-30, 60], Some(0), "pass, proven"),
        ([-90, -2], Some(0), "fail, proven"),
        // Ours is 400 days ahead of a right deployment's.
        ([-430, -340], Some(-400 * DAY_S), "unsettled"),
        // And one that had expired by its own clock too.
        ([-530, -440], Some(-400 * DAY_S), "fail, proven"),
        // Ours is 400 days behind.
        ([370, 460], Some(400 * DAY_S), "unsettled"),
        // Ten minutes do not matter to a certificate.
        ([-30, 60], Some(-600), "pass, proven"),
        // Nobody tells the time.
        ([-30, 60], None, "pass, uncontradicted"),
        ([-90, -2], None, "fail, suspected"),
    ];
    for (valid_days, ahead_s, expected) in cases {
        let world = clocks(valid_days, ahead_s);
        assert_eq!(judged(&world, "tls/not-expired"), expected, "{valid_days:?} {ahead_s:?}");
    }
}

#[test]
fn a_clock_that_is_days_off_accuses_nobody_and_is_named_once() {
    for (valid_days, ahead_days) in
        [([-430, -340], -400), ([370, 460], 400), ([-4790, -4700], -4760)]
    {
        let findings = clocks(valid_days, Some(ahead_days * DAY_S)).judge();
        assert_eq!(errors(&findings), Vec::<&str>::new(), "{ahead_days}");
        let said = doubts(&findings);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("this machine's clock is probably wrong"), "{said:?}");
        assert!(said[0].contains(&format!("{} days", ahead_days.abs())), "{said:?}");
    }
}

#[test]
fn the_second_clock_may_be_the_wrong_one() {
    // The certificate was issued thirty days ago; the server believes that this is to come.
    let findings = clocks([-30, 60], Some(-400 * DAY_S)).judge();
    assert_eq!(errors(&findings), ["signal/clock-agrees"]);
    assert_eq!(doubts(&findings), Vec::<String>::new());

    // One clock agrees with ours: the other one is wrong.
    let world = clocks([-90, -2], Some(0)).seen_but(|observations| {
        let api = observations.iter_mut().filter(|it| it.spec.name() == "api");
        api.filter_map(answers).for_each(|response| response.date_ahead_s = Some(-3600));
    });
    assert_eq!(judged(&world, "signal/clock-agrees"), "fail, proven");
    assert_eq!(judged(&world, "tls/not-expired"), "fail, proven");
    // Which of two is wrong is not seen.
    assert_eq!(judged(&clocks([-30, 60], Some(3600)), "signal/clock-agrees"), "fail, suspected");
}

#[test]
fn a_chain_is_broken_only_at_a_time_when_our_clock_is_right() {
    let expired_intermediate = |ahead_s| {
        clocks([-30, 60], Some(ahead_s)).seen_but(|observations| {
            for chain in observations.iter_mut().filter_map(chain) {
                let mut intermediate = chain.certificates[0].clone();
                (intermediate.not_before, intermediate.not_after) = (in_days(-900), in_days(-1));
                chain.certificates.push(intermediate);
                chain.trust = Trust::Invalid(ChainFault::Expired { place: Some(1) });
            }
        })
    };
    assert_eq!(judged(&expired_intermediate(0), "tls/chain-verifies"), "fail, proven");
    assert_eq!(judged(&expired_intermediate(-5 * DAY_S), "tls/chain-verifies"), "unsettled");
}
