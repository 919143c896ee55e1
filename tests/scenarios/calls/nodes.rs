//! Calls on several Media Nodes: which node carried which, and what that shows of each.

use std::net::IpAddr;

use ovcheck::exit::ExitStatus;
use ovcheck::model::deployment::{Edition, NodeRole, Policy};
use ovcheck::model::facts::*;
use ovcheck::model::probe::CallDepth;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::Finding;

use super::{Situation, close};
use crate::clusters::{MEDIA_1, MEDIA_2, elastic, high_availability};
use crate::world::Observed as _;
use crate::world::{World, node, response, words};

const EVERY_NODE: &str = "call/every-media-node-carries-calls";

/// An Elastic deployment in which a call was looked for on both Media Nodes.
fn called() -> World {
    elastic(Edition::V3_2, Policy::Default).calling(CallDepth::Checks)
}

/// The call on the other Media Node.
fn second(call: &mut CallFacts) -> &mut CallFacts {
    &mut call.search.as_mut().unwrap().calls[0]
}

/// With other candidates, at which the checks meet nothing.
fn offer_at(call: &mut CallFacts, address: &str) {
    let address: IpAddr = address.parse().unwrap();
    for candidate in &mut call.session.as_mut().unwrap().candidates {
        candidate.place.as_mut().unwrap().address.set_ip(address);
    }
    for path in &mut call.paths {
        path.candidate.set_ip(address);
        path.check = IceCheck::Silent;
        path.padded = None;
    }
}

/// No call was on the second node.
fn only_first(call: &mut CallFacts, ended: SearchEnd) {
    let search = call.search.as_mut().unwrap();
    search.calls.clear();
    search.ended = ended;
    search.rooms = if ended == SearchEnd::OneRoom { 0 } else { 14 };
}

/// A join that a machine behind the proxy does not answer.
fn failed(call: &CallFacts) -> CallFacts {
    CallFacts {
        signal: SignalFacts {
            join: Some(JoinAnswer::Refused(response(502, ""))),
            ..call.signal.clone()
        },
        session: None,
        paths: Vec::new(),
        relays: Vec::new(),
        punched: None,
        farewell: None,
        search: None,
    }
}

fn with_failures(call: &mut CallFacts, answer: fn(&mut CallFacts)) {
    let mut failed = failed(call);
    answer(&mut failed);
    let search = call.search.as_mut().unwrap();
    search.failed.push(failed);
    (search.failures, search.rooms) = (1, 3);
}

pub fn situations() -> Vec<Situation> {
    vec![
        ("a call on each Media Node, all as it should be", called(), vec![]),
        (
            "media over UDP is closed on the second Media Node",
            called().call_but(|call| close(second(call), Way::Udp)),
            vec!["call/media-path-udp"],
        ),
        (
            "one of several joins fails",
            high_availability(Edition::V3_2, Policy::Default)
                .calling(CallDepth::Checks)
                .call_but(|call| with_failures(call, |_| {})),
            vec![EVERY_NODE],
        ),
        (
            "the second Media Node offers media at an address that nobody declared",
            called().call_but(|call| offer_at(second(call), "203.0.113.99")),
            vec!["call/media-addresses-are-right"],
        ),
    ]
}

/// The findings of a rule, each with its node: `media-2: fail, proven`.
fn by_node(findings: &[Finding], rule: &str) -> Vec<String> {
    let of_rule = findings.iter().filter(|finding| finding.rule.as_str() == rule);
    of_rule
        .map(|finding| {
            let node = finding.target.node.as_ref().map_or("-", |node| node.as_str());
            format!("{node}: {}", words(finding))
        })
        .collect()
}

fn exit(world: &World) -> ExitStatus {
    ExitStatus::of(&world.report())
}

#[test]
fn each_way_is_judged_on_each_node() {
    let world = called().call_but(|call| close(second(call), Way::Udp));
    let findings = world.judge();
    assert_eq!(
        by_node(&findings, "call/media-path-udp"),
        ["media-1: pass, proven", "media-2: fail, proven"]
    );
    assert_eq!(
        by_node(&findings, "call/media-path-turns"),
        ["media-1: pass, proven", "media-2: pass, proven"]
    );
    assert_eq!(by_node(&findings, EVERY_NODE), ["media-1: pass, proven", "media-2: pass, proven"]);
}

#[test]
fn a_silent_check_on_the_other_node_settles_its_port() {
    let world = called().call_but(|call| close(second(call), Way::Udp));
    let of_range = |world: &World, address: &str| {
        let findings = world.judge();
        let range = findings.iter().find(|finding| {
            finding.rule.as_str() == "ports/media-udp-50000-60000"
                && finding.target.address == Some(address.parse().unwrap())
        });
        range.unwrap().observed().to_string()
    };
    assert!(of_range(&world, MEDIA_2).contains("ICE check"), "{}", of_range(&world, MEDIA_2));
    assert!(of_range(&world, MEDIA_1).contains("is answered"), "{}", of_range(&world, MEDIA_1));
}

#[test]
fn a_way_is_shown_as_it_is_on_the_worst_node_and_beside_it_by_node() {
    let world = called().call_but(|call| close(second(call), Way::Udp));
    let call = world.call_summary();
    let udp = call.ways.iter().find(|it| it.way == Way::Udp).unwrap();
    assert!(!udp.state.works());
    let nodes = call.nodes.iter().map(|node| {
        let udp = node.ways.iter().find(|it| it.way == Way::Udp).unwrap();
        (node.nodes[0].to_string(), udp.state.works())
    });
    let by_node: Vec<(String, bool)> = nodes.collect();
    assert_eq!(by_node, [("media-1".to_owned(), true), ("media-2".to_owned(), false)]);
}

#[test]
fn a_node_without_a_call_is_said_and_not_green() {
    let world = called().call_but(|call| only_first(call, SearchEnd::MostRooms));
    let findings = world.judge();
    assert_eq!(by_node(&findings, EVERY_NODE), ["media-1: pass, proven", "media-2: unsettled"]);
    let missing = findings.iter().find(|finding| finding.reason == ReasonCode::NodeNotCalled);
    assert!(missing.unwrap().observed().to_string().contains("15 rooms"));
    assert_eq!(by_node(&findings, "call/media-path-udp"), ["media-1: pass, proven"]);
    let summary = world.call_summary();
    let ways: Vec<usize> = summary.nodes.iter().map(|node| node.ways.len()).collect();
    assert_eq!(ways, [4, 0]);
    assert_eq!(exit(&world), ExitStatus::INCOMPLETE);
}

/// The bound of rooms leaves some of many nodes without a call: each is named, and none is accused.
#[test]
fn of_many_media_nodes_each_one_without_a_call_is_said() {
    const MORE: usize = 12;
    let mut world = called().call_but(|call| only_first(call, SearchEnd::MostRooms));
    let more = (3..3 + MORE).map(|number| {
        let address = format!("203.0.113.{}", 100 + number);
        let inside = format!("10.0.3.{number}");
        node(&format!("media-{number}"), NodeRole::Media, &[&address], &[&inside])
    });
    world.deployment.nodes.extend(more);
    let findings = world.judge();
    let mut expected = vec!["media-1: pass, proven".to_owned()];
    expected.extend((2..3 + MORE).map(|number| format!("media-{number}: unsettled")));
    let mut judged = by_node(&findings, EVERY_NODE);
    judged.sort();
    expected.sort();
    assert_eq!(judged, expected);
    let without = findings.iter().filter(|finding| finding.reason == ReasonCode::NodeNotCalled);
    let is_said =
        |finding: &Finding| finding.observed().to_string().contains("no call was on this node, in");
    assert!(without.clone().all(is_said));
    assert_eq!(without.count(), MORE + 1);
    assert_eq!(exit(&world), ExitStatus::INCOMPLETE);
}

/// Another run with the same token shows no more, so that it does not fail a pipeline.
#[test]
fn with_a_token_for_one_room_the_other_node_is_out_of_sight() {
    let world = called().call_but(|call| only_first(call, SearchEnd::OneRoom));
    let findings = world.judge();
    assert_eq!(by_node(&findings, EVERY_NODE), ["media-1: pass, proven", "media-2: vantage limit"]);
    let missing = findings.iter().find(|finding| finding.reason == ReasonCode::NodeNotCalled);
    assert!(missing.unwrap().observed().to_string().contains("--api-key"));
    assert_eq!(exit(&world), ExitStatus::SUCCESS);
}

#[test]
fn an_address_of_nobody_accuses_no_node() {
    let world = called().call_but(|call| offer_at(second(call), "203.0.113.99"));
    let findings = world.judge();
    assert_eq!(
        by_node(&findings, "call/media-addresses-are-right"),
        ["media-1: pass, proven", "-: fail, proven"],
        "it may be any machine"
    );
    let of_nodes = by_node(&findings, "call/media-path-udp");
    assert_eq!(of_nodes[0], "media-1: pass, proven");
    assert!(of_nodes.iter().all(|it| !it.starts_with("media-2")), "{of_nodes:?}");
    assert_eq!(by_node(&findings, EVERY_NODE), ["media-1: pass, proven", "media-2: unsettled"]);
    let missing = findings.iter().find(|finding| finding.reason == ReasonCode::NodeNotCalled);
    assert!(missing.unwrap().observed().to_string().contains("203.0.113.99"));
}

/// The file of one Media Node was copied to the other.
#[test]
fn a_server_with_the_address_of_another_node_does_not_accuse_that_node() {
    let world = called().call_but(|call| offer_at(second(call), MEDIA_1));
    let findings = world.judge();
    assert_eq!(by_node(&findings, "call/media-path-udp"), ["media-1: pass, proven"]);
    assert_eq!(
        by_node(&findings, "call/media-addresses-are-right"),
        ["media-1: pass, proven", "media-2: fail, suspected"]
    );
    let wrong = findings.iter().find(|finding| finding.reason == ReasonCode::CandidateWrong);
    assert!(wrong.unwrap().observed().to_string().contains("another LiveKit server answers"));
}

/// The same, and the server answers at another address of its own machine.
#[test]
fn a_server_that_answers_on_its_machine_is_known_whatever_else_it_offers() {
    let world = called().call_but(|call| {
        let second = second(call);
        let own = second.paths.iter().find(|path| path.way == Way::Udp).unwrap().clone();
        let right = second.session.as_ref().unwrap().candidates[0].clone();
        offer_at(second, MEDIA_1);
        second.paths.push(own);
        second.session.as_mut().unwrap().candidates.push(right);
    });
    let findings = world.judge();
    assert_eq!(by_node(&findings, EVERY_NODE), ["media-1: pass, proven", "media-2: pass, proven"]);
    assert_eq!(
        by_node(&findings, "call/media-path-udp"),
        ["media-1: pass, proven", "media-2: pass, proven"]
    );
    assert_eq!(
        by_node(&findings, "call/media-addresses-are-right"),
        ["media-1: pass, proven", "media-2: fail, suspected"]
    );
    let violations: Vec<&str> =
        findings.iter().filter(|it| it.is_violation()).map(|it| it.rule.as_str()).collect();
    assert_eq!(violations, ["call/media-addresses-are-right"], "one mistake is one violation");
}

/// Both are behind one address: a failing way may be that of either.
#[test]
fn of_two_nodes_behind_one_address_none_is_accused() {
    let behind_one = || {
        called().declared(|deployment| {
            for node in &mut deployment.nodes {
                if node.name.as_str().starts_with("media") {
                    node.addresses = vec![MEDIA_1.parse().unwrap()];
                }
            }
        })
    };
    let both = behind_one().judge();
    assert_eq!(
        by_node(&both, EVERY_NODE),
        ["media-1: pass, uncontradicted", "media-2: pass, uncontradicted"]
    );
    let broken = behind_one().call_but(|call| close(second(call), Way::Turns)).judge();
    for finding in
        broken.iter().filter(|finding| finding.rule.as_str().starts_with("call/media-path"))
    {
        assert_eq!(finding.target.node, None, "{}", finding.rule);
    }
    let one = behind_one().call_but(|call| only_first(call, SearchEnd::MostRooms)).judge();
    assert_eq!(by_node(&one, EVERY_NODE), ["media-1: unsettled", "media-2: unsettled"]);
}

#[test]
fn a_join_that_fails_beside_others_is_probably_a_machine_behind_the_load_balancer() {
    let masters = || high_availability(Edition::V3_2, Policy::Default).calling(CallDepth::Checks);
    let findings = masters().call_but(|call| with_failures(call, |_| {})).judge();
    assert_eq!(
        by_node(&findings, EVERY_NODE),
        ["media-1: pass, proven", "media-2: pass, proven", "-: fail, suspected"]
    );
    assert_eq!(by_node(&findings, "call/join-accepted"), ["proxy: pass, proven"]);
    // The proxy limits what one client may ask.
    let limited = masters().call_but(|call| {
        with_failures(call, |failed| {
            failed.signal.join = Some(JoinAnswer::Refused(response(429, "")));
        });
    });
    assert_eq!(
        by_node(&limited.judge(), EVERY_NODE),
        ["media-1: pass, proven", "media-2: pass, proven"]
    );
}
