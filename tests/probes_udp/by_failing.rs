//! The UDP probe as it works without an error queue: on everything but Linux.

use std::time::{Duration, Instant};

use ovcheck::model::facts::{ExtentEnd, Facts, IcmpError, IcmpSender, UdpAnswer, UdpFacts};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::{Port, PortRange};
use ovcheck::net::udp::Refusals;
use ovcheck::probe::udp::{self, Besides};

use crate::peers::{
    closed_udp, network, port, port_unreachable, silent_udp, turn_server, udp_peer,
};

async fn facts(address: &str, ports: &[Port], ranges: Besides) -> UdpFacts {
    let address = address.parse().unwrap();
    let by_failing = Refusals::ByFailing;
    match udp::run_with(&network(), address, ports, ranges, by_failing).await {
        (_, Outcome::Saw(Facts::Udp(facts))) => facts,
        (_, other) => panic!("{other:?}"),
    }
}

/// That somebody refused is all that such a system tells.
fn refused(address: &str) -> UdpAnswer {
    UdpAnswer::Icmp(IcmpError { from: IcmpSender::Untold, ..port_unreachable(address) })
}

#[tokio::test]
async fn refused_ports_are_told_from_silent_ones_and_from_services() {
    for address in ["127.0.0.1", "::1"] {
        let closed = [closed_udp(address).await, closed_udp(address).await];
        let silent = silent_udp(address).await;
        let (stun, _server) = turn_server(address).await;
        let text = udp_peer(address, |_| b"who is there?".to_vec()).await;
        let places = [closed[0], silent.local_addr().unwrap(), stun, closed[1], text];
        let ports = places.map(|place| port(place.port()));
        let facts = facts(address, &ports, Besides::default()).await;
        let [first, second, third, fourth, fifth] = &facts.ports[..] else {
            panic!("{facts:?}");
        };
        assert_eq!(first.answer, refused(address));
        assert_eq!(second.answer, UdpAnswer::Silent);
        assert_eq!(second.sent_ms.len(), 3);
        assert_eq!(third.answer, UdpAnswer::Stun);
        assert_eq!(fourth.answer, refused(address));
        assert!(matches!(fifth.answer, UdpAnswer::Unrelated(_)), "{fifth:?}");
        // The refused one was asked again behind the silent one, and the silence counts.
        assert_eq!(facts.sentinels.len(), 6);
        assert!(facts.sentinels.iter().all(|it| it.answered), "{:?}", facts.sentinels);
    }
}

#[tokio::test]
async fn closed_ports_end_the_probe_at_once() {
    let mut ports = std::collections::BTreeSet::new();
    while ports.len() < 20 {
        ports.insert(port(closed_udp("127.0.0.1").await.port()));
    }
    let ports: Vec<Port> = ports.into_iter().collect();
    let begun = Instant::now();
    let facts = facts("127.0.0.1", &ports, Besides::default()).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    let all_refused = facts.ports.iter().all(|it| it.answer == refused("127.0.0.1"));
    assert!(all_refused, "{facts:?}");
}

#[tokio::test]
async fn a_range_is_not_swept_and_the_facts_say_so() {
    let range: PortRange = "8700-8799".parse().unwrap();
    let held = tokio::net::UdpSocket::bind("127.0.0.1:8750").await.unwrap();
    let ranges = Besides { then: Some(range), extent: Some(range), sentinel: None };
    let facts = facts("127.0.0.1", &[8700, 8750].map(port), ranges).await;
    drop(held);
    assert_eq!(facts.ports.len(), 2);
    assert_eq!(facts.ports[0].answer, refused("127.0.0.1"));
    assert_eq!(facts.ports[1].answer, UdpAnswer::Silent);
    let swept = facts.swept.unwrap();
    assert_eq!((swept.sent, swept.unsent, swept.copies), (0, 98, 0));
    // An error that quotes nothing could be anybody's.
    let extent = facts.extent.unwrap();
    assert_eq!((extent.ended, extent.steps), (ExtentEnd::NoSentinel, 0));
}
