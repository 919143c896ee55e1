//! Every port of a range is asked only at an address that showed itself to be of the deployment, or that
//! the operator named.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use ovcheck::model::facts::{Facts, SweepFacts};
use ovcheck::model::observation::Outcome;
use ovcheck::probe::udp::Besides;

use crate::command::run;
use crate::world::{NODE_V4, NODE_V6, Place, World};

pub const TESTS: &[(&str, fn())] = &[
    ("consent/a_range_of_a_stranger_is_not_swept", a_stranger),
    ("consent/a_range_is_swept_when_the_address_shows_itself_in_time", shown_in_time),
    ("consent/what_one_address_showed_allows_no_other", another_address),
];

const NAMED: [u16; 3] = [50_000, 50_250, 50_500];
const OTHERS: u32 = 498;

/// How many datagrams arrived at the range, and what the probe says of its sweep, where `allow` is told
/// the sweeps of the run when it begins.
fn arrived(allow: impl FnOnce(ovcheck::net::sweeps::Sweeps) + Send) -> (u32, SweepFacts) {
    let world = World::new();
    world.node_firewall("udp dport 50000-50500 counter drop");
    let ranges = Besides { then: Some("50000-50500".parse().unwrap()), ..Besides::default() };
    let outcome = world.outcome_where(NODE_V4, &NAMED, ranges, |net| allow(net.sweeps.clone()));
    let Outcome::Saw(Facts::Udp(facts)) = outcome else { panic!("{outcome:?}") };
    let listed = run(world.at(Place::Node, "nft").args(["list", "table", "inet", "test"])).unwrap();
    let (_, behind) = listed.split_once("packets ").unwrap();
    let packets = behind.split_whitespace().next().unwrap().parse().unwrap();
    (packets, facts.swept.unwrap())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn is_withheld((packets, swept): (u32, SweepFacts)) {
    assert!(swept.withheld && swept.sent == 0 && swept.unsent == OTHERS, "{swept:?}");
    // Three copies for each of the ports that were named, and nothing else.
    assert_eq!(packets, 9);
}

fn a_stranger() {
    is_withheld(arrived(|_| {}));
}

fn another_address() {
    is_withheld(arrived(|sweeps| sweeps.allow(address(NODE_V6))));
}

fn shown_in_time() {
    let (packets, swept) = arrived(|sweeps| {
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            sweeps.allow(address(NODE_V4));
        });
    });
    assert!(!swept.withheld && swept.unsent == 0 && swept.copies == 2, "{swept:?}");
    assert_eq!(packets, 9 + 2 * OTHERS);
    assert!(swept.first_sent_ms >= Some(280), "{swept:?}");
}
