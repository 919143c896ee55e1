//! The edges of a hole, with the ICMP errors that Linux has to give.

use ovcheck::model::facts::{ExtentEnd, ExtentFacts, StretchShows};
use ovcheck::model::port::PortRange;
use ovcheck::probe::udp::Besides;

use crate::world::{NODE_V4, NODE_V6, World};

pub const TESTS: &[(&str, fn())] = &[
    ("extents/a_hole_over_ipv4", || a_hole(NODE_V4)),
    ("extents/a_hole_over_ipv6", || a_hole(NODE_V6)),
    ("extents/a_blocked_part_over_ipv4", || {
        a_blocked_part(NODE_V4);
    }),
    ("extents/a_blocked_part_over_ipv6", || {
        a_blocked_part(NODE_V6);
    }),
    ("extents/two_single_ports", two_single_ports),
];

fn media() -> PortRange {
    "50000-60000".parse().unwrap()
}

fn swept() -> Besides {
    Besides { then: Some(media()), extent: Some(media()), sentinel: None }
}

fn of(facts: &ExtentFacts, shows: StretchShows) -> Vec<(String, bool, bool)> {
    let stretches = facts.stretches.iter();
    stretches
        .filter(|stretch| stretch.shows == shows)
        .map(|stretch| (stretch.ports.to_string(), stretch.first_is_exact, stretch.last_is_exact))
        .collect()
}

/// What a forced-TURN node looks like that forgot a part of the range.
fn a_hole(address: &str) {
    let world = World::new();
    world.node_firewall("udp dport 54000-54999 accept\nmeta l4proto udp drop");
    let ports = [39_001, 50_000, 55_000, 60_000, 61_000];
    let facts = world.facts(address, &ports, swept());
    let extent = facts.extent.unwrap();
    assert_eq!(extent.ended, ExtentEnd::Complete, "{extent:?}");
    let expected = [("54000-54999".to_owned(), true, true)];
    assert_eq!(of(&extent, StretchShows::Answers), expected, "{extent:?}");
    assert!(extent.steps <= 24, "{extent:?}");
}

/// The upper part of a range that has to be open.
fn a_blocked_part(address: &str) {
    let world = World::new();
    world.node_firewall("udp dport 55555-60000 drop");
    let ranges = Besides { extent: Some(media()), ..Besides::default() };
    let ports = [39_001, 50_000, 55_000, 60_000, 61_000, 52_345, 57_890];
    let facts = world.facts(address, &ports, ranges);
    let extent = facts.extent.unwrap();
    assert_eq!(extent.ended, ExtentEnd::Complete, "{extent:?}");
    let expected = [("55555-60000".to_owned(), true, true)];
    assert_eq!(of(&extent, StretchShows::Blocked), expected, "{extent:?}");
}

fn two_single_ports() {
    let world = World::new();
    world.node_firewall("udp dport { 51234, 58765 } accept\nmeta l4proto udp drop");
    let facts = world.facts(NODE_V4, &[50_000, 55_000, 60_000], swept());
    let extent = facts.extent.unwrap();
    let exact = |port: &str| (port.to_owned(), true, true);
    let expected = [exact("51234"), exact("58765")];
    assert_eq!(of(&extent, StretchShows::Answers), expected, "{extent:?}");
    assert_eq!((extent.steps, extent.ended), (4, ExtentEnd::Complete));
}
