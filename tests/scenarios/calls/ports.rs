//! Ports and calls, joined in both directions: what a call proves settles what a packet to a port
//! could only suggest.

use ovcheck::model::deployment::{Feature, Policy, Uses};
use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::vantage::Zone;

use super::{Situation, answer, called, close, deaf, finding, of, relay_of};
use crate::doors::Door;
use crate::world::Observed as _;
use crate::world::{OPENVIDU, World, ended, unreachable_from, words};

const RANGE: &str = "ports/openvidu-udp-50000-60000";
const TURN: &str = "ports/openvidu-udp-443";
const ICE_TCP: &str = "ports/openvidu-tcp-7881";

pub fn situations() -> Vec<Situation> {
    vec![
        (
            "the media range is dropped, with credentials",
            called(Policy::Default)
                .with(OPENVIDU, Transport::Udp, "50000-60000", Door::Drops)
                .call_but(|call| close(call, Way::Udp)),
            vec![RANGE],
        ),
        (
            "UDP 443 is dropped, with credentials",
            called(Policy::Default)
                .with(OPENVIDU, Transport::Udp, "443", Door::Drops)
                .call_but(|call| close(call, Way::TurnUdp)),
            vec![TURN],
        ),
        (
            "7881 is dropped and in use, with credentials",
            in_use(called(Policy::Default))
                .with(OPENVIDU, Transport::Tcp, "7881", Door::Drops)
                .call_but(|call| close(call, Way::IceTcp)),
            vec![ICE_TCP],
        ),
        (
            "forced TURN, and media gets in at one port that no sweep saw",
            called(Policy::ForcedTurn).call_but(|call| answer(of(call, Way::Udp), None)),
            vec!["policy/media-only-through-turn", "policy/media-range-closed"],
        ),
        (
            "forced TURN, and UDP 443 gives a relay",
            called(Policy::ForcedTurn).call_but(|call| {
                answer(of(call, Way::TurnUdp), None);
                let relay = relay_of(call, Way::TurnUdp);
                relay.allocate = Some(super::granted());
                relay.relayed = Some("203.0.113.20:41000".parse().unwrap());
            }),
            vec!["policy/media-only-through-turn", "policy/udp-443-closed"],
        ),
    ]
}

fn in_use(world: World) -> World {
    world.declared(|deployment| {
        deployment.uses = Uses::Listed([Feature::Rtmp, Feature::Whip, Feature::IceTcp].into());
    })
}

fn at<'a>(findings: &'a [Finding], rule: &str) -> &'a Finding {
    let is_it = |it: &&Finding| {
        it.rule.as_str() == rule && it.target.address == Some(OPENVIDU.parse().unwrap())
    };
    findings.iter().find(is_it).unwrap_or_else(|| panic!("no finding of {rule}"))
}

#[test]
fn a_proven_way_is_one_port_of_its_range() {
    // Without a call the range is not contradicted, whatever answers "no listener".
    let findings = crate::world::world(Policy::Default).judge();
    assert_eq!(ended(&findings, RANGE, OPENVIDU), "pass, uncontradicted");
    let findings = called(Policy::Default).judge();
    let range = at(&findings, RANGE);
    assert_eq!(words(range), "pass, uncontradicted");
    assert_eq!(
        range.observed(),
        "an authenticated ICE check is answered at UDP 203.0.113.20:50905 after 52 ms\n1 of 10,001 \
         ports answered in a call"
    );
    // The call is among what it rests on.
    let world = called(Policy::Default);
    let plan = world.plan();
    let is_call = |spec: &ProbeSpec| matches!(spec, ProbeSpec::Call(_));
    let place = plan.probes.iter().position(is_call).unwrap();
    assert!(range.evidence.iter().any(|index| index.0 == place));
}

#[test]
fn a_range_that_is_wholly_silent_stays_suspected_though_one_port_carries_a_call() {
    // A machine that sends no ICMP errors.
    let mute = || called(Policy::Default).with(OPENVIDU, Transport::Udp, "1-65535", Door::Drops);
    let without = crate::world::world(Policy::Default)
        .with(OPENVIDU, Transport::Udp, "50000-60000", Door::Drops)
        .judge();
    assert_eq!(ended(&without, RANGE, OPENVIDU), "fail, suspected");
    let findings = mute().judge();
    assert_eq!(ended(&findings, RANGE, OPENVIDU), "fail, suspected");
    // What is blocked in part stays so, whatever one port lets in.
    let in_part =
        called(Policy::Default).with(OPENVIDU, Transport::Udp, "55001-60000", Door::Drops);
    assert_eq!(ended(&in_part.judge(), RANGE, OPENVIDU), "fail, suspected");
}

#[test]
fn a_relay_over_udp_shows_that_its_port_is_open_to_who_hears_nothing_else() {
    let findings = deaf(called(Policy::Default)).judge();
    assert_eq!(ended(&findings, RANGE, OPENVIDU), "pass, uncontradicted");
    // The port itself was silent to a Binding of ours: lost, or somebody counts them.
    for rule in [TURN, "stun/udp-443-answers-binding"] {
        assert_eq!(ended(&findings, rule, OPENVIDU), "pass, proven", "{rule}");
    }
    let blind = called(Policy::Default)
        .but(|spec| match spec {
            ProbeSpec::Turn { over: Carrier::Udp, .. } => {
                Some(Outcome::Blind(ovcheck::model::observation::Blindness::DeadlineSpent))
            }
            _ => None,
        })
        .judge();
    let turn = at(&blind, TURN);
    assert_eq!(words(turn), "pass, proven");
    assert_eq!(turn.observed(), "in a call the TURN server grants a relay at UDP 203.0.113.20:443");
    assert_eq!(words(at(&blind, "stun/udp-443-answers-binding")), "pass, proven");
}

#[test]
fn what_has_to_be_closed_and_carries_a_call_is_proven_open() {
    let open = called(Policy::ForcedTurn).call_but(|call| answer(of(call, Way::Udp), None));
    let findings = open.judge();
    let range = at(&findings, "policy/media-range-closed");
    assert_eq!(words(range), "fail, proven");
    assert_eq!(
        range.observed(),
        "an authenticated ICE check is answered at UDP 203.0.113.20:50905 after 52 ms"
    );
    // A port that nobody needs.
    let unneeded = called(Policy::Default)
        .with(OPENVIDU, Transport::Tcp, "7881", Door::Right)
        .call_but(|call| answer(of(call, Way::IceTcp), None));
    let findings = unneeded.judge();
    let row = at(&findings, ICE_TCP);
    assert_eq!(words(row), "fail, proven");
    assert!(
        row.observed().ends_with(
            "\nan authenticated ICE check is answered at TCP 203.0.113.20:7881 after 52 ms"
        ),
        "{}",
        row.observed()
    );
}

/// Where the machine has spoken to us itself, some firewalls let all of ours in.
#[test]
fn a_port_that_the_machine_may_have_opened_itself_is_not_proven_open_to_everybody() {
    let punched = called(Policy::ForcedTurn).call_but(|call| {
        answer(of(call, Way::Udp), None);
        let punched = call.punched.as_mut().unwrap();
        punched.check_from = Some("203.0.113.20:50905".parse().unwrap());
        punched.through = Some(IceCheck::Answered { mapped: None });
    });
    let findings = punched.judge();
    let range = at(&findings, "policy/media-range-closed");
    assert_eq!(words(range), "fail, suspected");
    // That media went around the proxy is proven all the same.
    for rule in ["policy/media-only-through-turn", "policy/no-media-through-hole-punching"] {
        assert_eq!(words(finding(&findings, rule)), "fail, proven", "{rule}");
    }
}

/// What a session's own port does not answer is not "fine", though idle ports seem so.
#[test]
fn a_row_is_not_called_fine_while_a_call_stays_silent_there() {
    let findings = called(Policy::Default).call_but(|call| close(call, Way::Udp)).judge();
    let range = at(&findings, RANGE);
    assert_eq!(words(range), "unsettled");
    assert_eq!(range.blocked_by.as_ref().unwrap().as_str(), "call/media-path-udp");
    assert!(
        range.observed().ends_with(
            "but an authenticated ICE check to UDP 50905 is not answered, although another one of \
             the same session is"
        ),
        "{}",
        range.observed()
    );
    let path = finding(&findings, "call/media-path-udp");
    assert_eq!(words(path), "fail, proven");
}

/// A firewall that rejects looks like an open range in which nobody listens; LiveKit does listen.
#[test]
fn a_row_is_not_called_fine_while_a_call_is_refused_there() {
    let findings = called(Policy::Default)
        .call_but(|call| {
            let error = unreachable_from(OPENVIDU.parse().unwrap());
            of(call, Way::Udp).check = IceCheck::Icmp(error);
        })
        .judge();
    let range = at(&findings, RANGE);
    assert_eq!(words(range), "unsettled");
    assert_eq!(range.blocked_by.as_ref().unwrap().as_str(), "call/media-path-udp");
    assert!(
        range.observed().contains(
            "\nbut an authenticated ICE check to UDP 50905, where LiveKit waits for it, meets "
        ),
        "{}",
        range.observed()
    );
    assert_eq!(words(finding(&findings, "call/media-path-udp")), "fail, proven");
}

/// Dropped at the node, seen by packets and by a call: one violation. This network may let out UDP to
/// just the port that answers.
#[test]
fn a_suspicion_about_a_port_and_a_silent_call_are_one_violation() {
    let findings = called(Policy::Default)
        .with(OPENVIDU, Transport::Udp, "50000-60000", Door::Drops)
        .call_but(|call| close(call, Way::Udp))
        .judge();
    let range = at(&findings, RANGE);
    assert_eq!(words(range), "fail, suspected", "{}", range.observed());
    let path = finding(&findings, "call/media-path-udp");
    assert_eq!(words(path), "unsettled");
    assert_eq!(path.blocked_by.as_ref().unwrap().as_str(), RANGE);
    // In a session that nothing answers it stays a suspicion.
    let dead = called(Policy::Default)
        .with(OPENVIDU, Transport::Udp, "50000-60000", Door::Drops)
        .call_but(super::silence_all)
        .judge();
    assert_eq!(words(at(&dead, RANGE)), "fail, suspected");
}

#[test]
fn own_network_without_udp_leaves_ports_and_ways_open() {
    let office = deaf(in_use(called(Policy::Default))).call_but(|call| {
        close(call, Way::Udp);
        close(call, Way::TurnUdp);
    });
    let findings = office.judge();
    for rule in [RANGE, TURN] {
        assert_eq!(words(at(&findings, rule)), "unsettled", "{rule}");
    }
    assert_eq!(words(at(&findings, ICE_TCP)), "pass, proven");
}

/// A Linux node sends one error a second: the one that went to the call is missed at the ports.
#[test]
fn the_errors_that_a_call_draws_are_counted_among_those_of_the_node() {
    let rule = "policy/media-range-closed";
    let silent = called(Policy::ForcedTurn).judge();
    assert_eq!(ended(&silent, rule, OPENVIDU), "pass, uncontradicted");
    let drawn = called(Policy::ForcedTurn).call_but(|call| {
        let path = of(call, Way::Udp);
        path.check = IceCheck::Icmp(unreachable_from(OPENVIDU.parse().unwrap()));
        path.ended_ms = 130;
    });
    assert_eq!(ended(&drawn.judge(), rule, OPENVIDU), "unsettled");
}

#[test]
fn a_run_inside_makes_no_call_for_the_sake_of_a_port() {
    let inside = called(Policy::Default).from(Zone::ExternalProxy);
    let plan = inside.plan();
    let calls = plan.probes.iter().filter(|spec| matches!(spec, ProbeSpec::Call(_)));
    assert_eq!(calls.count(), 0);
}
