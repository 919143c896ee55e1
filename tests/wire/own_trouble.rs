//! Trouble of our own machine, told apart from what the node does.

use std::thread;
use std::time::Duration;

use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::probe::udp::Besides;

use crate::command::run;
use crate::world::{NODE_V4, NODE_V6, Place, World, said};

pub const TESTS: &[(&str, fn())] = &[
    ("own_trouble/our_firewall_drops_some_ports", || {
        our_firewall("udp dport { 50002, 50005 } drop");
    }),
    ("own_trouble/our_firewall_rejects_some_ports", || {
        our_firewall("udp dport { 50002, 50005 } reject");
    }),
    ("own_trouble/our_firewall_drops_everything", our_firewall_drops_everything),
    ("own_trouble/the_way_is_lost", the_way_is_lost),
    ("own_trouble/a_full_queue_of_the_device", a_full_queue),
];

fn swept(range: &str) -> Besides {
    Besides { then: Some(range.parse().unwrap()), ..Besides::default() }
}

fn our_firewall(rules: &str) {
    for address in [NODE_V4, NODE_V6] {
        let world = World::new();
        world.node_firewall("udp dport 50003 accept\nmeta l4proto udp drop");
        world.own_firewall(rules);
        let facts = world.facts(address, &[50_000, 50_002, 50_009], swept("50000-50009"));
        let expected =
            [(50_000, "silent"), (50_002, "not sent"), (50_009, "silent"), (50_003, "no listener")];
        assert_eq!(said(&facts), expected);
        // 50005 was not sent to, and the others were.
        assert_eq!(facts.swept.unwrap().unsent, 1, "{:?}", facts.swept);
    }
}

fn our_firewall_drops_everything() {
    let world = World::new();
    world.own_firewall("meta l4proto udp drop");
    let outcome = world.outcome(NODE_V4, &[50_000], swept("50000-50009"));
    assert_eq!(outcome, Outcome::Blind(Blindness::OwnFirewall));
}

/// What answered before stays; what was not sent any more is told.
fn the_way_is_lost() {
    let world = World::new();
    world.node_firewall("udp dport 50000 accept\nmeta l4proto udp drop");
    let facts = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            world.ip(Place::Client, "address flush dev eth0 scope global\n");
        });
        world.facts(NODE_V4, &[50_000, 60_000], swept("50000-60000"))
    });
    assert_eq!(said(&facts), [(50_000, "no listener"), (60_000, "silent")]);
    assert_eq!(facts.ports[1].sent_ms.len(), 1, "{:?}", facts.ports[1]);
    let swept = facts.swept.unwrap();
    assert!((1000..9000).contains(&swept.unsent), "{swept:?}");
}

/// A slow line whose queue holds a few packets: nothing is lost, it takes longer.
fn a_full_queue() {
    let world = World::new();
    world.node_firewall("udp dport 50400 accept\nmeta l4proto udp drop");
    let mut tc = world.at(Place::Client, "tc");
    let shape = "qdisc replace dev eth0 root tbf rate 400kbit burst 600 limit 1200";
    run(tc.args(shape.split(' '))).unwrap();
    let facts = world.facts(NODE_V4, &[50_000], swept("50000-50500"));
    assert_eq!(said(&facts), [(50_000, "silent"), (50_400, "no listener")]);
    let swept = facts.swept.unwrap();
    assert_eq!((swept.unsent, swept.copies), (0, 2), "{swept:?}");
    // 1,000 frames of 62 bytes or more at 400 kbit/s.
    assert!(swept.last_sent_ms.unwrap() >= 900, "{swept:?}");
}
