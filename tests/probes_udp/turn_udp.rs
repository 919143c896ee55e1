//! STUN and TURN over UDP.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ovcheck::model::dial::DialMap;
use ovcheck::model::facts::{
    DatagramProtocol, Facts, FirstBytes, ServerText, StunAnswer, TurnFacts,
};
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::Carrier;
use ovcheck::probe::turn;

use crate::peers::{
    closed_udp, endpoint, network, network_with, port_unreachable, silent_udp, turn_server,
    udp_peer,
};

async fn turn_facts(server: SocketAddr) -> TurnFacts {
    match turn::run(&network(), endpoint(server), &Carrier::Udp).await {
        (_, Outcome::Saw(Facts::Turn(facts))) => facts,
        (_, other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_turn_server_over_udp_answers_a_binding_and_challenges_an_allocate() {
    for address in ["127.0.0.1", "::1"] {
        let (there, _server) = turn_server(address).await;
        let facts = turn_facts(there).await;
        let Some(StunAnswer::Success { mapped: Some(mapped) }) = facts.binding else {
            panic!("{facts:?}");
        };
        assert_eq!(mapped.ip().to_string(), address);
        let Some(StunAnswer::Error { code, realm, nonce_bytes, .. }) = facts.allocate else {
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
    let mut stun = Vec::new();
    let mut buffer = [0; 2048];
    while let Ok(count) = peer.try_recv(&mut buffer) {
        // The others ask in other protocols.
        if count == 20 {
            stun.push(buffer[..count].to_vec());
        }
    }
    assert_eq!(stun.len(), 3);
    assert!(stun.iter().all(|copy| *copy == stun[0]));
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
            // Whoever does not see the request can send these.
            StunAnswer::Unrelated(FirstBytes::Stun),
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
            StunAnswer::Unrelated(FirstBytes::Text(ServerText::new("garbage"))),
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
        let asked = AtomicUsize::new(0);
        move |request| {
            let mut reply = request.to_vec();
            reply[0] = 1;
            if asked.fetch_add(1, Ordering::Relaxed) == 0 {
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
    assert_eq!(facts.binding, Some(StunAnswer::Silent));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn our_own_udp_is_shown_by_a_stun_server_elsewhere() {
    let (there, _server) = turn_server("127.0.0.1").await;
    let everything_elsewhere =
        network_with(DialMap { connect_to: vec!["::192.0.2.1:9".parse().unwrap()] });
    let (_, outcome) = turn::own_udp(&everything_elsewhere, there).await;
    let Outcome::Saw(Facts::Turn(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(matches!(facts.binding, Some(StunAnswer::Success { .. })));
    assert_eq!((facts.allocate, facts.dialled), (None, None));
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
    let Some(StunAnswer::Error { code, reason, realm, nonce_bytes }) = facts.allocate else {
        panic!("{facts:?}");
    };
    assert_eq!((code, reason.unquoted()), (401, "Unauthorized"));
    assert_eq!(realm, Some(ServerText::new("coturn.example")));
    assert!(nonce_bytes.is_some());
}

/// Sends back the versions of a QUIC server to whoever asks in a version that it does not have.
async fn quic_server() -> SocketAddr {
    let socket = silent_udp("127.0.0.1").await;
    let here = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            let datagram = &buffer[..count];
            if count >= 1200 && datagram[0] & 0x80 != 0 {
                let (destination, source) = (&datagram[6..14], &datagram[15..23]);
                let answer =
                    [&[0x80, 0, 0, 0, 0, 8], source, &[8], destination, &[0, 0, 0, 1]].concat();
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    here
}

#[tokio::test]
async fn a_quic_server_in_the_place_of_a_stun_server_is_recognised() {
    let facts = turn_facts(quic_server().await).await;
    let quic = DatagramProtocol::Quic { versions: vec![1] };
    assert_eq!((facts.binding, facts.other_protocol), (Some(StunAnswer::Silent), Some(quic)));
}

#[tokio::test]
async fn a_server_that_echoes_is_no_server_of_another_protocol() {
    let echo = udp_peer("127.0.0.1", <[u8]>::to_vec).await;
    assert_eq!(turn_facts(echo).await.other_protocol, None);
}
