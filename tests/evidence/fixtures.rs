//! Situations in which a verdict once claimed more than the packets showed, as found and shrunk.

use ovcheck::model::deployment::{Edition, Policy, RtcEngine};
use ovcheck::model::target::Family;
use ovcheck::model::verdict::Verdict;

use crate::ground::ground;
use crate::node::{Firewall, Port, Sketch};
use crate::observations::observations;
use crate::setting::{Declared, Machine, Place, Setting};
use crate::support::findings::{PROVEN_FAIL, SUSPECTED, UNCONTRADICTED, UNSETTLED, VANTAGE_LIMIT};
use crate::wire::watch;
use crate::{accused_by_a_second_run, unsound};

fn under(policy: Policy) -> Setting {
    Setting {
        machine: Machine::Openvidu,
        place: Place::Outside,
        edition: Edition::V3_2,
        policy,
        family: Family::V4,
        engine: RtcEngine::Pion,
        uses: Declared::AllInUse,
    }
}

/// A node that drops everything, changed.
fn node(change: impl FnOnce(&mut Sketch)) -> Sketch {
    let mut sketch = Sketch::dropping();
    change(&mut sketch);
    sketch
}

/// How a rule ends, when nothing about this node is claimed that its packets do not show.
fn ends(setting: Setting, sketch: &Sketch, rule: &str) -> Verdict {
    assert_eq!(unsound(setting, sketch), "");
    let ground = ground(setting);
    let findings = ground.judge(&observations(ground, &watch(ground, &ground.node(sketch))));
    let finding = findings.iter().find(|finding| finding.rule.as_str() == rule);
    finding.unwrap().verdict
}

#[test]
fn host_unreachable_that_passes_proves_nothing_about_ports() {
    let rebooting = node(|sketch| sketch.no_way_until = 200);
    let setting = under(Policy::Default);
    assert_eq!(ends(setting, &rebooting, "ports/openvidu-tcp-7880"), UNCONTRADICTED);
    for row in ["tcp-7881", "udp-7885", "udp-50000-60000"] {
        let rule = format!("ports/openvidu-{row}");
        assert_eq!(ends(setting, &rebooting, &rule), SUSPECTED, "{rule}");
    }
}

#[test]
fn a_router_that_says_no_listener_keeps_packets_out() {
    let refused = node(|sketch| sketch.udp.range = Port::behind(Firewall::RouterRejects));
    assert_eq!(
        ends(under(Policy::ForcedTurn), &refused, "policy/media-range-closed"),
        UNCONTRADICTED
    );
    assert_eq!(ends(under(Policy::Default), &refused, "ports/openvidu-udp-50000-60000"), SUSPECTED);
}

#[test]
fn a_few_silent_tcp_ports_do_not_prove_a_range_closed() {
    let setting = Setting { engine: RtcEngine::Mediasoup, ..under(Policy::ForcedTurn) };
    let rule = "policy/mediasoup-tcp-range-closed";
    // Perhaps nothing unusual is let out of here.
    assert_eq!(ends(setting, &Sketch::dropping(), rule), UNSETTLED);
    let ground = ground(setting);
    let unlistened = ground.plan.unlistened.unwrap().number();
    let place = ground.tcp_ports.iter().position(|port| *port == unlistened).unwrap();
    let answering = node(|sketch| sketch.tcp.others = vec![(place, Port::IDLE)]);
    assert_eq!(ends(setting, &answering, rule), UNCONTRADICTED);
}

/// The router's error behind a silent port says nothing about what the node had left.
#[test]
fn errors_of_a_router_are_not_drawn_from_the_node() {
    let idle = node(|sketch| {
        sketch.udp.range = Port::IDLE;
        sketch.udp.udp_443 = Port::behind(Firewall::RouterRejects);
    });
    assert_eq!(accused_by_a_second_run(under(Policy::Default), &idle, 0), "");
}

/// The first SYN found no error left, and the second took the one that the UDP ports would need.
#[test]
fn a_syn_that_is_refused_the_second_time_drew_its_error_then() {
    let idle = node(|sketch| {
        sketch.udp.range = Port::IDLE;
        sketch.tcp.default = Port::REJECTED;
    });
    for gap in [0, 250, 500, 750] {
        let accused = accused_by_a_second_run(under(Policy::Default), &idle, gap);
        assert_eq!(accused, "", "{gap} ms later");
    }
}

/// Everything rejected by ICMP, and no error left for the ports that would show it.
#[test]
fn port_unreachable_accuses_nobody_while_the_background_is_unheard() {
    let rejecting = node(|sketch| {
        sketch.udp.default = Port::REJECTED;
        sketch.udp.udp_443 = Port::REJECTED;
        sketch.tcp.default = Port::REJECTED;
    });
    for gap in [250, 600, 1250] {
        let accused = accused_by_a_second_run(under(Policy::ForcedTurn), &rejecting, gap);
        assert_eq!(accused, "", "{gap} ms later");
    }
}

/// STUN answers whatever is left of the ICMP budget.
#[test]
fn silence_of_a_stun_server_needs_no_icmp_error_to_count() {
    let setting = Setting { place: Place::Proxy, ..under(Policy::Default) };
    let spent = node(|sketch| {
        sketch.tcp.default = Port::REJECTED;
        sketch.budget = 0;
    });
    assert_eq!(ends(setting, &spent, "ports/openvidu-udp-443"), PROVEN_FAIL);
}

/// Silence is like nothing else: what is let in and what is dropped are twins.
#[test]
fn nothing_is_said_of_a_silent_port_without_a_service() {
    assert_eq!(
        ends(under(Policy::Default), &Sketch::dropping(), "ports/openvidu-udp-7885"),
        VANTAGE_LIMIT
    );
}

/// The only error that the node had to send was spent on the open port itself: who rests and looks
/// again hears the background, so that it is not the end of what can be known from here.
#[test]
fn an_open_port_that_took_the_only_error_is_unsettled() {
    let setting = under(Policy::ForcedTurn);
    let ports = &ground(setting).udp_ports;
    let hole = ports.iter().position(|port| *port == 57_777).unwrap();
    let seen_with = |budget| {
        let open = node(|sketch| {
            sketch.udp.others = vec![(hole, Port::IDLE)];
            sketch.budget = budget;
        });
        ends(setting, &open, "policy/media-range-closed")
    };
    assert_eq!(seen_with(620), UNSETTLED);
    assert_eq!(seen_with(6000), SUSPECTED);
}
