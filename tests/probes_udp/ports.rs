//! What single UDP ports send back.

use std::time::{Duration, Instant};

use ovcheck::model::dial::DialMap;
use ovcheck::model::facts::{Facts, FirstBytes, ServerText, UdpAnswer, UdpPortFacts};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::port::{Port, PortRange};
use ovcheck::model::probe::UdpRate;
use ovcheck::net::Network;
use ovcheck::net::sweeps::Sweeps;
use ovcheck::probe::udp::{self, Besides};
use tokio::net::UdpSocket;

use crate::peers::{
    closed_udp, network, network_with, port, port_unreachable, silent_udp, turn_server, udp_peer,
};

fn swept(range: PortRange) -> Besides {
    Besides { then: Some(range), ..Besides::default() }
}

async fn udp_facts(net: &Network, address: &str, ports: &[Port]) -> Vec<UdpPortFacts> {
    match udp::run(net, address.parse().unwrap(), ports, Besides::default()).await {
        (_, Outcome::Saw(Facts::Udp(facts))) => facts.ports,
        (_, other) => panic!("{other:?}"),
    }
}

fn answers(ports: &[UdpPortFacts]) -> Vec<(u16, &UdpAnswer)> {
    ports.iter().map(|port| (port.port.number(), &port.answer)).collect()
}

#[tokio::test]
async fn closed_ports_say_who_refused_and_end_the_probe_at_once() {
    for address in ["127.0.0.1", "::1"] {
        let mut ports = std::collections::BTreeSet::new();
        while ports.len() < 20 {
            ports.insert(port(closed_udp(address).await.port()));
        }
        let ports: Vec<Port> = ports.into_iter().rev().collect();
        let begun = Instant::now();
        let seen = udp_facts(&network(), address, &ports).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{address}");
        let refused = UdpAnswer::Icmp(port_unreachable(address));
        let expected: Vec<_> = ports.iter().map(|port| (port.number(), &refused)).collect();
        assert_eq!(answers(&seen), expected);
        assert!(seen.iter().all(|port| port.answered_ms.is_some()));
    }
}

/// Behind ports of which none draws an ICMP error, one that another probe asks: it shows that the machine
/// still has errors to send. Data is none.
#[tokio::test]
async fn behind_silent_ports_a_port_of_another_probe_is_asked() {
    let silent = silent_udp("127.0.0.1").await;
    let ports = [port(silent.local_addr().unwrap().port())];
    let closed = closed_udp("127.0.0.1").await.port();
    let (open, _server) = turn_server("127.0.0.1").await;
    for (other, draws) in [(closed, true), (open.port(), false)] {
        let besides = Besides { sentinel: Some(port(other)), ..Besides::default() };
        let (_, outcome) =
            udp::run(&network(), "127.0.0.1".parse().unwrap(), &ports, besides).await;
        let Outcome::Saw(Facts::Udp(facts)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(facts.ports.len(), 1, "{facts:?}");
        assert!(!facts.sentinels.is_empty());
        assert!(facts.sentinels.iter().all(|it| it.port == port(other) && it.answered == draws));
    }
}

#[tokio::test]
async fn a_listener_that_says_nothing_is_silent_after_three_copies() {
    let listener = silent_udp("127.0.0.1").await;
    let there = listener.local_addr().unwrap();
    let closed = closed_udp("127.0.0.1").await;
    let ports = [port(closed.port()), port(there.port())];
    let seen = udp_facts(&network(), "127.0.0.1", &ports).await;
    assert_eq!(seen[1].answer, UdpAnswer::Silent);
    assert_eq!(seen[1].answered_ms, None);
    let [first, second, third] = seen[1].sent_ms[..] else {
        panic!("{:?}", seen[1].sent_ms);
    };
    assert!((350..650).contains(&(second - first)), "{first} {second}");
    // In between, a Linux node gets an ICMP error to send again.
    assert!((1000..1500).contains(&(third - first)), "{first} {third}");
    // The port that answered got no second copy: it would have cost an answer.
    assert_eq!(seen[0].sent_ms.len(), 1);
    let mut buffer = [0; 64];
    for _ in 0..3 {
        assert_eq!(listener.try_recv(&mut buffer).unwrap(), 20);
    }
    assert!(listener.try_recv(&mut buffer).is_err());
}

#[tokio::test]
async fn a_stun_server_and_another_service_are_told_apart() {
    for address in ["127.0.0.1", "::1"] {
        let (stun, _server) = turn_server(address).await;
        let echo = udp_peer(address, <[u8]>::to_vec).await;
        let text = udp_peer(address, |_| b"who is there?".to_vec()).await;
        let empty = udp_peer(address, |_| Vec::new()).await;
        let ports = [stun, echo, text, empty].map(|peer| port(peer.port()));
        let seen = udp_facts(&network(), address, &ports).await;
        let seen: Vec<_> = seen.into_iter().map(|port| port.answer).collect();
        let expected = [
            UdpAnswer::Stun,
            UdpAnswer::Data(FirstBytes::Stun),
            // Whoever does not see the request can send these.
            UdpAnswer::Unrelated(FirstBytes::Text(ServerText::new("who is there?"))),
            UdpAnswer::Unrelated(FirstBytes::Binary(String::new())),
        ];
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn many_ports_dialled_at_one_place_each_get_their_answer() {
    let closed = closed_udp("127.0.0.1").await;
    let (stun, _server) = turn_server("127.0.0.1").await;
    let net = network_with(DialMap {
        connect_to: vec![
            format!("203.0.113.20:443:127.0.0.1:{}", stun.port()).parse().unwrap(),
            format!("203.0.113.20:50000-60000:127.0.0.1:{}", closed.port()).parse().unwrap(),
        ],
    });
    let ports = [50_000, 443, 60_000, 55_000].map(port);
    let seen = udp_facts(&net, "203.0.113.20", &ports).await;
    let refused = UdpAnswer::Icmp(port_unreachable("203.0.113.20"));
    let expected =
        [(50_000, &refused), (443, &UdpAnswer::Stun), (60_000, &refused), (55_000, &refused)];
    assert_eq!(answers(&seen), expected);
}

#[tokio::test]
async fn a_thousand_closed_ports_are_all_told() {
    // Those of the other tests lie above.
    let ports: Vec<Port> = (10_000..11_000).map(port).collect();
    let seen = udp_facts(&network(), "127.0.0.1", &ports).await;
    let silent = seen.iter().filter(|port| port.answer == UdpAnswer::Silent);
    assert_eq!(silent.count(), 0);
    let order: Vec<u16> = seen.iter().map(|port| port.port.number()).collect();
    assert_eq!(order, (10_000..11_000).collect::<Vec<_>>());
}

/// On this machine everything answers at once: closed ports with an ICMP error, the bound ones not.
#[tokio::test]
async fn a_sweep_of_two_thousand_ports_finds_exactly_those_that_answer() {
    let range: PortRange = "6000-8499".parse().unwrap();
    let mut silent = Vec::new();
    for number in range.first().number()..=range.last().number() {
        // One that another program of this machine holds is silent too, or answers.
        if ![6000, 7249, 7999].contains(&number)
            && let Ok(socket) = UdpSocket::bind(("127.0.0.1", number)).await
        {
            silent.push(socket);
        }
    }
    assert!(silent.len() > 2400, "{}", silent.len());
    let begun = Instant::now();
    let address = "127.0.0.1".parse().unwrap();
    let (_, outcome) = udp::run(&network(), address, &[port(6000)], swept(range)).await;
    let took = begun.elapsed();
    let Outcome::Saw(Facts::Udp(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    let refused = UdpAnswer::Icmp(port_unreachable("127.0.0.1"));
    let found: Vec<u16> = facts
        .ports
        .iter()
        .filter(|port| port.answer == refused)
        .map(|port| port.port.number())
        .collect();
    assert!(found.starts_with(&[6000]), "{found:?}");
    assert!(found.contains(&7249) && found.contains(&7999), "{found:?}");
    assert!(found.len() <= 2500 - silent.len(), "{found:?}");
    let swept = facts.swept.unwrap();
    assert_eq!((swept.copies, swept.unsent), (2, 0));
    let twice = u32::try_from(silent.len()).unwrap() * 2;
    assert!(swept.sent >= twice + 2, "{swept:?}");
    // A silent port got its two copies, and none of them early.
    let mut buffer = [0; 64];
    assert_eq!(silent[0].try_recv(&mut buffer).unwrap(), 20);
    assert_eq!(silent[0].try_recv(&mut buffer).unwrap(), 20);
    assert!(silent[0].try_recv(&mut buffer).is_err());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_range_whose_ports_all_answer_is_swept_once_and_ends_the_probe() {
    let range: PortRange = "9000-9499".parse().unwrap();
    let address = "::1".parse().unwrap();
    let begun = Instant::now();
    let (attempts, outcome) = udp::run(&network(), address, &[], swept(range)).await;
    let took = begun.elapsed();
    let Outcome::Saw(Facts::Udp(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(facts.ports.len(), 500);
    // An answer may arrive when the second copy is on its way.
    let sent = facts.swept.unwrap().sent;
    assert!(attempts <= 2 && (500..550).contains(&sent), "{attempts} {sent}");
    assert!(took < Duration::from_millis(1300), "{took:?}");
}

#[tokio::test]
async fn a_slow_rate_is_kept() {
    let range: PortRange = "8600-8619".parse().unwrap();
    let mut net = network();
    net.limits.udp_rate = UdpRate::new(100).unwrap();
    let address = "127.0.0.1".parse().unwrap();
    let (_, outcome) = udp::run(&net, address, &[port(8610)], swept(range)).await;
    let Outcome::Saw(Facts::Udp(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    let swept = facts.swept.unwrap();
    let took = swept.last_sent_ms.unwrap() - swept.first_sent_ms.unwrap();
    // Eighteen gaps of 10 ms lie between 19 datagrams.
    assert!(took >= 175, "{swept:?}");
}

/// One rate for the whole run: who sweeps two addresses sends to each of them half as fast.
#[tokio::test]
async fn the_sweeps_of_two_addresses_share_the_rate_of_the_run() {
    let mut net = network();
    let rate = UdpRate::new(100).unwrap();
    net.limits.udp_rate = rate;
    net.sweeps = Sweeps::new(rate, []);
    let sweep = async |net: Network, address: &str, range: &str| {
        let address = address.parse().unwrap();
        let range: PortRange = range.parse().unwrap();
        let begun = net.clock.elapsed();
        let (_, outcome) = udp::run(&net, address, &[range.first()], swept(range)).await;
        let Outcome::Saw(Facts::Udp(facts)) = outcome else {
            panic!("{outcome:?}");
        };
        let facts = facts.swept.unwrap();
        let at = |ms: Option<u64>| begun + Duration::from_millis(ms.unwrap());
        (at(facts.first_sent_ms), at(facts.last_sent_ms), facts.sent)
    };
    let (one, other) = tokio::join!(
        sweep(net.clone(), "127.0.0.1", "8640-8659"),
        sweep(net.clone(), "::1", "8640-8659")
    );
    let sent = one.2 + other.2;
    assert!(sent >= 38, "{one:?} {other:?}");
    assert_eq!(net.sweeps.sent(), u64::from(sent));
    let took = one.1.max(other.1) - one.0.min(other.0);
    // At the rate of one of them alone it would be half of that.
    let fewest_gaps = rate.gap() * (sent - 1);
    assert!(took + Duration::from_millis(15) >= fewest_gaps, "{took:?}, {one:?} {other:?}");
}

#[tokio::test]
async fn a_forged_answer_from_another_port_changes_nothing() {
    let peer = silent_udp("127.0.0.1").await;
    let there = peer.local_addr().unwrap();
    let forger = silent_udp("127.0.0.1").await;
    tokio::spawn(async move {
        let mut request = [0; 64];
        let (count, from) = peer.recv_from(&mut request).await.unwrap();
        request[0] = 1;
        forger.send_to(&request[..count], from).await.unwrap();
        std::future::pending::<()>().await;
        drop(peer);
    });
    let seen = udp_facts(&network(), "127.0.0.1", &[port(there.port())]).await;
    assert_eq!(seen[0].answer, UdpAnswer::Silent);
}

#[tokio::test]
async fn an_address_that_this_machine_cannot_send_to_makes_us_blind() {
    // Broadcast needs a permission that our sockets do not ask for (socket(7) SO_BROADCAST).
    let (_, outcome) =
        udp::run(&network(), "255.255.255.255".parse().unwrap(), &[port(9)], Besides::default())
            .await;
    assert!(
        matches!(
            outcome,
            Outcome::Blind(Blindness::OwnFirewall | Blindness::Local(_) | Blindness::NoRoute(_))
        ),
        "{outcome:?}"
    );
}
