//! A responder on the machine settles what cannot be seen from outside, both ways, and accuses nobody
//! where it lost probes itself.

use ovcheck::model::deployment::{Feature, Policy, Uses};
use ovcheck::model::facts::{
    Facts, ResponderAnswer, ResponderFacts, ResponderSweep, StunAnswer, SynSweep, UdpPortFacts,
};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::{Port, PortRange, Transport};
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::Finding;
use ovcheck::model::responder::{PortRedirect, ReversePathFilter};
use ovcheck::model::verdict::Verdict;

use crate::doors::Door;
use crate::support::facts::{self, stun_sent_again};
use crate::support::findings::{
    Observed, PROVEN_FAIL, PROVEN_PASS, SUSPECTED, UNCONTRADICTED, UNSETTLED, VANTAGE_LIMIT,
};
use crate::world::{OPENVIDU, World, no_listener, silent, told, told_of_both, udp_port, world};

const RANGE: &str = "ports/openvidu-udp-50000-60000";
const WHIP: &str = "ports/openvidu-udp-7885";
const TURN: &str = "ports/openvidu-udp-443";
const RANGE_CLOSED: &str = "policy/media-range-closed";

fn ranges(text: &str) -> Vec<PortRange> {
    text.split_whitespace().map(|range| range.parse().unwrap()).collect()
}

/// The world with a responder on the OpenVidu machine that tells this about its IPv4 address.
fn responding(
    policy: Policy,
    passed: &'static str,
    change: impl Fn(&mut ResponderSweep) + 'static,
) -> World {
    answering(policy, move |asked| {
        let mut facts = told(asked, &ranges(passed));
        if let ResponderAnswer::Told(sweep) = &mut facts.answer {
            change(sweep);
        }
        facts
    })
}

fn answering(policy: Policy, answer: impl Fn(&[PortRange]) -> ResponderFacts + 'static) -> World {
    let mut world = world(policy);
    world.responders.push("openvidu".parse().unwrap());
    world.but(move |spec| match spec {
        ProbeSpec::Responder { address, ports, .. } if address.to_string() == OPENVIDU => {
            Some(Outcome::Saw(Facts::Responder(answer(ports))))
        }
        _ => None,
    })
}

fn finding(world: &World, rule: &str) -> Finding {
    let findings = world.judge().into_iter();
    let mut found = findings.filter(|it| {
        let address = it.target.address.map(|address| address.to_string());
        it.rule.as_str() == rule && address.as_deref() == Some(OPENVIDU)
    });
    let only = found.next().unwrap_or_else(|| panic!("{rule} is not judged"));
    assert!(found.next().is_none(), "{rule} is judged twice");
    only
}

fn judged(world: &World, rule: &str) -> (Verdict, ReasonCode) {
    let finding = finding(world, rule);
    (finding.verdict, finding.reason)
}

const ALL: &str = "443 7885 50000-60000";

#[test]
fn what_silence_cannot_show_is_proven_by_what_passed() {
    let silent = || world(Policy::Default);
    assert_eq!(judged(&silent(), WHIP).0, VANTAGE_LIMIT);
    let world = responding(Policy::Default, ALL, |_| {});
    for rule in [RANGE, WHIP, TURN] {
        assert_eq!(judged(&world, rule), (PROVEN_PASS, ReasonCode::Holds), "{rule}");
    }
    let said = finding(&world, RANGE).observed();
    assert!(said.contains("10,001 ports (50000-60000) pass the machine's firewall"), "{said}");
}

#[test]
fn who_stops_packets_is_named_and_has_a_remedy_of_its_own() {
    let on_machine = responding(Policy::Default, "443 50000-50499 51000-60000", |sweep| {
        sweep.arrived = ranges(ALL);
    });
    for rule in [RANGE, WHIP] {
        let expected = (PROVEN_FAIL, ReasonCode::StoppedOnMachine);
        assert_eq!(judged(&on_machine, rule), expected, "{rule}");
    }
    let found = finding(&on_machine, RANGE);
    let said = found.observed();
    let first = "packets to 500 ports (50500-50999) reach the machine, but its firewall stops them";
    assert!(said.starts_with(first), "{said}");
    assert!(said.contains("container that does not run"), "{said}");
    let before = responding(Policy::Default, "443 50000-51999 52128-60000", |_| {});
    for rule in [RANGE, WHIP] {
        let expected = (PROVEN_FAIL, ReasonCode::StoppedBeforeMachine);
        assert_eq!(judged(&before, rule), expected, "{rule}");
    }
    let said = finding(&before, WHIP).observed();
    assert!(said.starts_with("packets do not reach the machine"), "{said}");
    assert!(!said.contains("firewall stops") && !said.contains("container"), "{said}");
    let commands = |finding: &Finding| {
        let commands = finding.remedy.iter();
        commands.filter(|step| format!("{step:?}").contains("nft insert")).count()
    };
    assert!(commands(&found) > 0, "the firewall of the machine is opened");
    assert_eq!(commands(&finding(&before, RANGE)), 0, "it is not where packets are stopped");
}

#[test]
fn both_kinds_at_once_are_one_violation() {
    let world = responding(Policy::Default, "443 7885 50000-50499 52128-60000", |sweep| {
        sweep.arrived = ranges("443 7885 50000-51999 52128-60000");
    });
    let found = finding(&world, RANGE);
    assert_eq!((found.verdict, found.reason), (PROVEN_FAIL, ReasonCode::PortClosedUnexpected));
    let said = found.observed();
    assert!(said.starts_with("packets to 1,500 ports (50500-51999) reach the machine"), "{said}");
    assert!(said.contains("128 ports (52000-52127) do not reach the machine"), "{said}");
}

#[test]
fn the_kernels_own_check_of_sources_is_named_beside_the_firewall() {
    let strict = |filter| {
        let world = responding(Policy::Default, "443 50000-60000", move |sweep| {
            sweep.arrived = ranges(ALL);
            sweep.reverse_path_filter = filter;
        });
        finding(&world, WHIP).observed()
    };
    assert!(strict(ReversePathFilter::Strict).contains("rp_filter"));
    assert!(!strict(ReversePathFilter::Off).contains("rp_filter"));
}

#[test]
fn a_range_that_must_be_closed_is_proven_closed_and_one_open_port_is_found() {
    // That some port like these gets out of our own network shows that the others do.
    let closed = responding(Policy::ForcedTurn, "7885", |_| {});
    assert_eq!(judged(&closed, RANGE_CLOSED), (PROVEN_PASS, ReasonCode::Holds));
    let there = responding(Policy::ForcedTurn, "", |sweep| sweep.arrived = ranges(ALL));
    assert_eq!(judged(&there, RANGE_CLOSED), (PROVEN_PASS, ReasonCode::Holds));
    let hole = responding(Policy::ForcedTurn, "54321", |_| {});
    let found = finding(&hole, RANGE_CLOSED);
    assert_eq!((found.verdict, found.reason), (PROVEN_FAIL, ReasonCode::PortOpenUnexpected));
    let said = found.observed();
    assert!(said.starts_with("packets to 54321 pass the machine's firewall"), "{said}");
    // Sent on to a container: reached as well.
    let sent_on = responding(Policy::ForcedTurn, "", |sweep| {
        (sweep.arrived, sweep.forwarded) = (ranges(ALL), ranges("54321"));
    });
    assert_eq!(judged(&sent_on, RANGE_CLOSED).0, PROVEN_FAIL);
}

#[test]
fn what_our_own_network_may_stop_is_not_proven_closed() {
    let office = |policy| {
        responding(policy, "443", |_| {}).but(|spec| match spec {
            ProbeSpec::OwnUdp { .. } => {
                Some(Outcome::Saw(Facts::Turn(stun_sent_again(StunAnswer::Silent))))
            }
            _ => None,
        })
    };
    assert_eq!(judged(&office(Policy::ForcedTurn), RANGE_CLOSED).0, UNCONTRADICTED);
    let said = finding(&office(Policy::ForcedTurn), RANGE_CLOSED).observed();
    assert!(said.contains("or the network of this computer does"), "{said}");
}

#[test]
fn port_unreachable_from_a_firewall_is_not_taken_for_an_open_port() {
    let rejects = |world: World| world.with(OPENVIDU, Transport::Udp, "50000-60000", Door::Idle);
    assert_eq!(judged(&rejects(world(Policy::ForcedTurn)), RANGE_CLOSED).0, SUSPECTED);
    let stopped = responding(Policy::ForcedTurn, "", |sweep| sweep.arrived = ranges(ALL));
    assert_eq!(judged(&rejects(stopped), RANGE_CLOSED).0, PROVEN_PASS);
}

#[test]
fn what_was_lost_leaves_the_verdict_as_it_was() {
    let lost = |policy| {
        responding(policy, "", |sweep| {
            sweep.unsettled = ranges(ALL);
            sweep.lost_by_responder = 4_000;
        })
    };
    for (policy, rule) in [(Policy::ForcedTurn, RANGE_CLOSED), (Policy::Default, WHIP)] {
        let found = finding(&lost(policy), rule);
        assert_eq!(found.verdict, judged(&world(policy), rule).0, "{rule}");
        let said = found.observed();
        assert!(said.contains("ovcheck listen cannot tell"), "{said}");
    }
    assert_eq!(judged(&lost(Policy::ForcedTurn), RANGE_CLOSED).0, UNCONTRADICTED);
    // A port that passed has passed, whatever was lost of others.
    let hole = responding(Policy::ForcedTurn, "54321", |sweep| {
        sweep.unsettled = ranges("443 7885 50000-54320 54322-60000");
    });
    assert_eq!(judged(&hole, RANGE_CLOSED).0, PROVEN_FAIL);
}

/// The operator wants to know, and does not: that is open, and not fine.
#[test]
fn what_a_responder_would_have_settled_is_open_when_it_does_not_answer() {
    for (answer, says) in [
        (ResponderAnswer::Silent, "did not answer"),
        (ResponderAnswer::Busy, "no room"),
        (ResponderAnswer::OtherVersion(9), "version 9"),
    ] {
        let mute = |policy| {
            let answer = answer.clone();
            answering(policy, move |asked| ResponderFacts {
                answer: answer.clone(),
                ..told(asked, &[])
            })
        };
        for (policy, rule) in [
            (Policy::Default, WHIP),
            (Policy::Default, RANGE),
            (Policy::ForcedTurn, RANGE_CLOSED),
            (Policy::Default, API),
        ] {
            let without = judged(&world(policy), rule).0;
            assert!(matches!(without, VANTAGE_LIMIT | UNCONTRADICTED), "{rule}: {without:?}");
            let expected = (UNSETTLED, ReasonCode::ResponderUnanswered);
            let found = finding(&mute(policy), rule);
            assert_eq!((found.verdict, found.reason), expected, "{rule}");
            assert!(found.observed().contains(says), "{}", found.observed());
        }
        // What is proven without it stays proven.
        assert_eq!(judged(&mute(Policy::Default), TURN).0, PROVEN_PASS);
    }
}

/// A node that has no ICMP error left leaves its ports to a responder, and not to a run in ten seconds.
#[test]
fn what_a_node_without_errors_left_does_not_show_is_left_to_the_responder_that_did_not_answer() {
    let without_errors = |world: World| {
        world.but(|spec| match spec {
            ProbeSpec::Udp { address, ports, .. } if address.to_string() == OPENVIDU => {
                let unheard = ports
                    .iter()
                    .map(|port| UdpPortFacts { sent_ms: vec![1, 350], ..silent(*port) });
                // They went to ports of which no rule of these says anything.
                let drawn = (1..=6)
                    .map(|number| udp_port(Port::new(number).unwrap(), no_listener(*address)));
                Some(Outcome::Saw(Facts::Udp(facts::udp(drawn.chain(unheard).collect()))))
            }
            _ => None,
        })
    };
    let alone = finding(&without_errors(world(Policy::Default)), RANGE);
    assert_eq!((alone.verdict, alone.reason), (UNSETTLED, ReasonCode::UdpSilent));
    let mute = answering(Policy::Default, |asked| ResponderFacts {
        answer: ResponderAnswer::Silent,
        ..told(asked, &[])
    });
    let found = finding(&without_errors(mute), RANGE);
    assert_eq!((found.verdict, found.reason), (UNSETTLED, ReasonCode::ResponderUnanswered));
    assert!(found.observed().contains("no ICMP error left"), "{}", found.observed());
    assert!(found.observed().contains("did not answer"), "{}", found.observed());
}

/// The world with a responder that tells this of the TCP ports that it is asked about.
fn telling_of_tcp(change: impl Fn(&mut SynSweep) + 'static) -> World {
    let mut world = world(Policy::Default);
    world.responders.push("openvidu".parse().unwrap());
    world.but(move |spec| match spec {
        ProbeSpec::Responder { address, ports, tcp } if address.to_string() == OPENVIDU => {
            let mut facts = told_of_both((ports, ports), (tcp, &[]));
            if let ResponderAnswer::Told(sweep) = &mut facts.answer {
                change(&mut sweep.tcp);
            }
            Some(Outcome::Saw(Facts::Responder(facts)))
        }
        _ => None,
    })
}

const API: &str = "ports/openvidu-tcp-7880";
const ICE_TCP: &str = "ports/openvidu-tcp-7881";

#[test]
fn an_inner_tcp_port_that_is_silent_is_proven_closed() {
    assert_eq!(judged(&world(Policy::Default), API).0, UNCONTRADICTED);
    let on_machine = telling_of_tcp(|tcp| tcp.arrived = tcp.asked.clone());
    assert_eq!(judged(&on_machine, API), (PROVEN_PASS, ReasonCode::Holds));
    let said = finding(&on_machine, API).observed();
    assert!(
        said.starts_with("connection attempts reach the machine, but its firewall stops"),
        "{said}"
    );
    assert!(said.contains("recognised by source and segment size"), "{said}");
    let before = telling_of_tcp(|tcp| tcp.arrived = ranges("7881"));
    assert_eq!(judged(&before, API), (PROVEN_PASS, ReasonCode::Holds));
    assert!(finding(&before, API).observed().contains("do not reach the machine"));
    // Every network lets 443 out, so that this says nothing of another port.
    let usual = telling_of_tcp(|tcp| tcp.arrived = ranges("443"));
    assert_eq!(judged(&usual, API).0, UNCONTRADICTED);
}

#[test]
fn an_inner_tcp_port_that_lets_connections_in_is_suspected_though_no_process_listens() {
    let idle = |world: World| world.with(OPENVIDU, Transport::Tcp, "7880", Door::Idle);
    assert_eq!(judged(&idle(world(Policy::Default)), API).0, UNCONTRADICTED);
    for world in [
        telling_of_tcp(|tcp| (tcp.arrived, tcp.passed) = (tcp.asked.clone(), ranges("7880"))),
        telling_of_tcp(|tcp| (tcp.arrived, tcp.forwarded) = (tcp.asked.clone(), ranges("7880"))),
    ] {
        let found = finding(&idle(world), API);
        let expected = (SUSPECTED, ReasonCode::PortOpenUnexpected);
        assert_eq!((found.verdict, found.reason), expected);
        assert!(found.observed().contains("no process is listening"), "{}", found.observed());
    }
    // A firewall that rejects looks the same from outside, and is proven to be one.
    let rejects = telling_of_tcp(|tcp| tcp.arrived = tcp.asked.clone());
    assert_eq!(judged(&idle(rejects), API).0, PROVEN_PASS);
}

#[test]
fn a_tcp_port_that_must_be_open_says_who_stops_it() {
    let in_use = |mut world: World| {
        world.deployment.uses = Uses::Listed([Feature::IceTcp].into());
        world
    };
    let closed = |world: World, door| in_use(world).with(OPENVIDU, Transport::Tcp, "7881", door);
    let on_machine = || telling_of_tcp(|tcp| tcp.arrived = tcp.asked.clone());
    let before = || telling_of_tcp(|tcp| tcp.arrived = ranges("7880"));
    let passes =
        || telling_of_tcp(|tcp| (tcp.arrived, tcp.passed) = (ranges("7881"), ranges("7881")));
    for (world, door, expected) in [
        (on_machine(), Door::Drops, (PROVEN_FAIL, ReasonCode::StoppedOnMachine)),
        (on_machine(), Door::Idle, (PROVEN_FAIL, ReasonCode::StoppedOnMachine)),
        (before(), Door::Drops, (PROVEN_FAIL, ReasonCode::StoppedBeforeMachine)),
        (passes(), Door::Idle, (PROVEN_FAIL, ReasonCode::NothingListens)),
        // Its answers are lost on the way back: no other reason than without a responder.
        (passes(), Door::Drops, (PROVEN_FAIL, ReasonCode::TcpTimeout)),
    ] {
        let found = finding(&closed(world, door), ICE_TCP);
        assert_eq!((found.verdict, found.reason), expected, "{}", found.observed());
        assert!(!found.remedy.is_empty());
    }
    // A connection that is accepted says more than whatever a responder missed.
    assert_eq!(judged(&in_use(before()), ICE_TCP).0, PROVEN_PASS);
}

#[test]
fn lost_connection_attempts_leave_the_verdict_as_it_was() {
    let unsure = telling_of_tcp(|tcp| tcp.unsettled = tcp.asked.clone());
    let found = finding(&unsure, API);
    assert_eq!(found.verdict, UNCONTRADICTED);
    let said = found.observed();
    assert!(said.contains("cannot tell whether connection attempts reach"), "{said}");
}

/// A list of services is about services: what lets connections in where no process listens is none.
#[test]
fn an_idle_port_that_no_table_names_is_no_service() {
    let rule = "ports/undocumented-closed";
    let all =
        telling_of_tcp(|tcp| (tcp.arrived, tcp.passed) = (tcp.asked.clone(), tcp.asked.clone()));
    let idle = all.with(OPENVIDU, Transport::Tcp, "6379", Door::Idle);
    assert_eq!(judged(&idle, rule).0, UNCONTRADICTED);
    assert!(finding(&idle, rule).observed().contains("pass the machine's firewall"));
    let stopped = telling_of_tcp(|tcp| tcp.arrived = tcp.asked.clone());
    assert_eq!(judged(&stopped, rule).0, PROVEN_PASS);
}

#[test]
fn a_service_that_is_silent_behind_an_open_firewall_is_the_service() {
    let silent = |world: World| {
        world.but(|spec| match spec {
            ProbeSpec::Turn { to, over: Carrier::Udp } if to.address.to_string() == OPENVIDU => {
                Some(Outcome::Saw(Facts::Turn(stun_sent_again(StunAnswer::Silent))))
            }
            _ => None,
        })
    };
    assert_eq!(judged(&silent(world(Policy::Default)), TURN).0, SUSPECTED);
    let passes = silent(responding(Policy::Default, ALL, |_| {}));
    assert_eq!(judged(&passes, TURN), (PROVEN_FAIL, ReasonCode::NothingListens));
    // A network that blocks UDP 443 alone is known.
    let stopped = silent(responding(Policy::Default, "7885 50000-60000", |_| {}));
    assert_eq!(judged(&stopped, TURN), (SUSPECTED, ReasonCode::StoppedBeforeMachine));
    // An answer shows that the way is open, whatever the responder missed.
    let answers = responding(Policy::Default, "7885 50000-60000", |_| {});
    assert_eq!(judged(&answers, TURN).0, PROVEN_PASS);
}

#[test]
fn ports_that_a_rule_of_the_machine_sends_elsewhere_are_suspected() {
    let redirected = responding(Policy::Default, ALL, |sweep| {
        sweep.redirected =
            vec![PortRedirect { ports: "50001".parse().unwrap(), to: "50009".parse().unwrap() }];
    });
    let found = finding(&redirected, RANGE);
    assert_eq!((found.verdict, found.reason), (SUSPECTED, ReasonCode::PortRedirected));
    let said = found.observed();
    assert!(said.contains("packets to 50001 arrive at port 50009"), "{said}");
    // What few packets do that get through is not what a violation begins with.
    let stopped = responding(Policy::Default, "443 7885 51000-60000", |sweep| {
        (sweep.arrived, sweep.forwarded) = (ranges(ALL), ranges("50001"));
    });
    let said = finding(&stopped, RANGE).observed();
    assert!(said.starts_with("packets to 999 ports"), "{said}");
    // A container has its own ports.
    let container = responding(Policy::Default, "50000-60000", |sweep| {
        (sweep.arrived, sweep.forwarded) = (ranges(ALL), ranges("443 7885"));
        sweep.redirected =
            vec![PortRedirect { ports: "7885".parse().unwrap(), to: "17885".parse().unwrap() }];
    });
    assert_eq!(judged(&container, WHIP).0, PROVEN_PASS);
}
