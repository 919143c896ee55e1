//! The UDP probes against real sockets on loopback.

use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ovcheck::model::dial::DialMap;
use ovcheck::model::facts::{
    Facts, FirstBytes, IcmpError, ServerText, StunAnswer, TurnFacts, UdpAnswer, UdpPortFacts,
};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::port::Port;
use ovcheck::model::probe::Carrier;
use ovcheck::model::target::Family;
use ovcheck::net::Network;
use ovcheck::probe::{turn, udp};

use peers::{closed_udp, endpoint, network, network_with, port, silent_udp, turn_server, udp_peer};

mod peers;

async fn udp_facts(net: &Network, address: &str, ports: &[Port]) -> Vec<UdpPortFacts> {
    match udp::run(net, address.parse().unwrap(), ports).await {
        (_, Outcome::Saw(Facts::Udp(facts))) => facts.ports,
        (_, other) => panic!("{other:?}"),
    }
}

fn answers(ports: &[UdpPortFacts]) -> Vec<(u16, &UdpAnswer)> {
    ports
        .iter()
        .map(|port| (port.port.number(), &port.answer))
        .collect()
}

async fn turn_facts(server: SocketAddr) -> TurnFacts {
    match turn::run(&network(), endpoint(server), &Carrier::Udp).await {
        (_, Outcome::Saw(Facts::Turn(facts))) => facts,
        (_, other) => panic!("{other:?}"),
    }
}

fn port_unreachable(from: &str) -> IcmpError {
    let from: IpAddr = from.parse().unwrap();
    let (family, icmp_type, code) = match from {
        IpAddr::V4(_) => (Family::V4, 3, 3),
        IpAddr::V6(_) => (Family::V6, 1, 4),
    };
    IcmpError {
        family,
        icmp_type,
        code,
        from: Some(from),
    }
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

#[tokio::test]
async fn a_listener_that_says_nothing_is_silent_after_two_copies() {
    let listener = silent_udp("127.0.0.1").await;
    let there = listener.local_addr().unwrap();
    let closed = closed_udp("127.0.0.1").await;
    let ports = [port(closed.port()), port(there.port())];
    let seen = udp_facts(&network(), "127.0.0.1", &ports).await;
    assert_eq!(seen[1].answer, UdpAnswer::Silent);
    assert_eq!(seen[1].answered_ms, None);
    let [first, second] = seen[1].sent_ms[..] else {
        panic!("{:?}", seen[1].sent_ms);
    };
    assert!((300..600).contains(&(second - first)), "{first} {second}");
    // The port that answered got no second copy: it would have cost an answer.
    assert_eq!(seen[0].sent_ms.len(), 1);
    let mut buffer = [0; 64];
    assert_eq!(listener.try_recv(&mut buffer).unwrap(), 20);
    assert_eq!(listener.try_recv(&mut buffer).unwrap(), 20);
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
            UdpAnswer::Data(FirstBytes::Text(ServerText::new("who is there?"))),
            UdpAnswer::Data(FirstBytes::Binary(String::new())),
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
            format!("203.0.113.20:443:127.0.0.1:{}", stun.port())
                .parse()
                .unwrap(),
            format!("203.0.113.20:50000-60000:127.0.0.1:{}", closed.port())
                .parse()
                .unwrap(),
        ],
    });
    let ports = [50_000, 443, 60_000, 55_000].map(port);
    let seen = udp_facts(&net, "203.0.113.20", &ports).await;
    let refused = UdpAnswer::Icmp(port_unreachable("127.0.0.1"));
    let expected = [
        (50_000, &refused),
        (443, &UdpAnswer::Stun),
        (60_000, &refused),
        (55_000, &refused),
    ];
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

#[tokio::test]
async fn a_turn_server_over_udp_answers_a_binding_and_challenges_an_allocate() {
    for address in ["127.0.0.1", "::1"] {
        let (there, _server) = turn_server(address).await;
        let facts = turn_facts(there).await;
        let Some(StunAnswer::Success {
            mapped: Some(mapped),
        }) = facts.binding
        else {
            panic!("{facts:?}");
        };
        assert_eq!(mapped.ip().to_string(), address);
        let Some(StunAnswer::Error {
            code,
            realm,
            nonce_bytes,
            ..
        }) = facts.allocate
        else {
            panic!("{facts:?}");
        };
        assert_eq!(code, 401);
        assert_eq!(realm, Some(ServerText::new("test.example")));
        assert!(nonce_bytes.is_some_and(|bytes| bytes > 0));
        assert_eq!(facts.sent_ms.len(), 1);
    }
}

#[tokio::test]
async fn a_closed_port_is_no_stun_server() {
    let facts = turn_facts(closed_udp("127.0.0.1").await).await;
    let refused = StunAnswer::Icmp(port_unreachable("127.0.0.1"));
    assert_eq!((facts.binding, facts.allocate), (Some(refused), None));
}

#[tokio::test]
async fn a_silent_peer_gets_three_copies_of_the_same_request() {
    let peer = silent_udp("127.0.0.1").await;
    let there = peer.local_addr().unwrap();
    let (copies, outcome) = turn::run(&network(), endpoint(there), &Carrier::Udp).await;
    let Outcome::Saw(Facts::Turn(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((copies, facts.binding), (3, Some(StunAnswer::Silent)));
    assert_eq!(facts.allocate, None);
    let mut seen = [[0; 64]; 3];
    for copy in &mut seen {
        assert_eq!(peer.try_recv(copy).unwrap(), 20);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
}

#[tokio::test]
async fn what_does_not_answer_our_request_is_never_a_success() {
    type Reply = fn(&[u8]) -> Vec<u8>;
    fn success(request: &[u8]) -> Vec<u8> {
        let mut reply = request.to_vec();
        reply[0] = 1;
        reply
    }
    let malformed = |what: &str| StunAnswer::Malformed(ServerText::new(what));
    let cases: [(Reply, StunAnswer); 5] = [
        (
            |request| {
                let mut reply = success(request);
                reply[19] ^= 1;
                reply
            },
            malformed("a transaction id that is not ours"),
        ),
        (
            |request| {
                let mut reply = success(request);
                reply[3] = 200;
                reply
            },
            malformed("its header announces 220 bytes, 20 came"),
        ),
        (
            |request| {
                let mut reply = success(request);
                reply[3] = 4;
                reply.extend([0, 0x20, 0xff, 0xff]);
                reply
            },
            malformed("its attributes are longer than the message"),
        ),
        (<[u8]>::to_vec, malformed("our own request, sent back")),
        (
            |_| b"garbage".to_vec(),
            StunAnswer::NotStun(FirstBytes::Text(ServerText::new("garbage"))),
        ),
    ];
    let looks = cases.map(|(reply, expected)| {
        tokio::spawn(async move {
            let there = udp_peer("127.0.0.1", reply).await;
            assert_eq!(turn_facts(there).await.binding, Some(expected));
        })
    });
    for look in looks {
        look.await.unwrap();
    }
}

#[tokio::test]
async fn a_right_answer_counts_although_wrong_ones_came_first() {
    let there = udp_peer("127.0.0.1", {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |request| {
            let mut reply = request.to_vec();
            reply[0] = 1;
            if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                reply[10] ^= 1;
            }
            reply
        }
    })
    .await;
    let facts = turn_facts(there).await;
    assert_eq!(facts.binding, Some(StunAnswer::Success { mapped: None }));
    assert_eq!(facts.sent_ms.len(), 2);
}

#[tokio::test]
async fn a_forged_answer_from_another_port_changes_nothing() {
    let peer = silent_udp("127.0.0.1").await;
    let there = peer.local_addr().unwrap();
    let forger = silent_udp("127.0.0.1").await;
    let forge = tokio::spawn(async move {
        let mut request = [0; 64];
        let (count, from) = peer.recv_from(&mut request).await.unwrap();
        request[0] = 1;
        forger.send_to(&request[..count], from).await.unwrap();
        peer
    });
    let facts = turn_facts(there).await;
    assert_eq!(facts.binding, Some(StunAnswer::Silent));
    forge.await.unwrap();

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
async fn a_flood_of_wrong_answers_ends_on_time() {
    let peer = silent_udp("127.0.0.1").await;
    let there = peer.local_addr().unwrap();
    tokio::spawn(async move {
        let mut request = [0; 64];
        let (count, from) = peer.recv_from(&mut request).await.unwrap();
        request[0] = 1;
        request[8] ^= 1;
        loop {
            for _ in 0..100 {
                peer.send_to(&request[..count], from).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    });
    let begun = Instant::now();
    let facts = turn_facts(there).await;
    let wrong = ServerText::new("a transaction id that is not ours");
    assert_eq!(facts.binding, Some(StunAnswer::Malformed(wrong)));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn our_own_udp_is_shown_by_a_stun_server_elsewhere() {
    let (there, _server) = turn_server("127.0.0.1").await;
    let everything_elsewhere = network_with(DialMap {
        connect_to: vec!["::192.0.2.1:9".parse().unwrap()],
    });
    let (_, outcome) = turn::own_udp(&everything_elsewhere, there).await;
    let Outcome::Saw(Facts::Turn(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(matches!(facts.binding, Some(StunAnswer::Success { .. })));
    assert_eq!((facts.allocate, facts.dialled), (None, None));
}

#[tokio::test]
async fn an_address_that_this_machine_cannot_send_to_makes_us_blind() {
    // Broadcast needs a permission that our sockets do not ask for (socket(7) SO_BROADCAST).
    let (_, outcome) = udp::run(&network(), "255.255.255.255".parse().unwrap(), &[port(9)]).await;
    assert!(
        matches!(
            outcome,
            Outcome::Blind(Blindness::OwnFirewall | Blindness::Local(_) | Blindness::NoRoute(_))
        ),
        "{outcome:?}"
    );
}

/// Ends with the test, however that ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
#[ignore = "needs coturn's turnserver"]
async fn coturn_answers_a_binding_and_challenges_an_allocate() {
    let there = closed_udp("127.0.0.1").await;
    let listening = format!("--listening-port={}", there.port());
    let coturn = Command::new("turnserver")
        .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--lt-cred-mech"])
        .args(["--listening-ip=127.0.0.1", "--realm=coturn.example"])
        .args(["--user=somebody:secret", "--log-file=stdout"])
        .args([listening, "--pidfile=/dev/null".to_owned()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _coturn = Process(coturn);
    let begun = Instant::now();
    let facts = loop {
        let facts = turn_facts(there).await;
        let is_up = matches!(facts.binding, Some(StunAnswer::Success { .. }));
        if is_up || begun.elapsed() > Duration::from_secs(20) {
            break facts;
        }
    };
    let Some(StunAnswer::Error {
        code,
        reason,
        realm,
        nonce_bytes,
    }) = facts.allocate
    else {
        panic!("{facts:?}");
    };
    assert_eq!((code, reason.as_str()), (401, "Unauthorized"));
    assert_eq!(realm, Some(ServerText::new("coturn.example")));
    assert!(nonce_bytes.is_some());
}
