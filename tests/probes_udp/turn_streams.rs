//! STUN and TURN over TCP and TLS, and what is there instead.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ovcheck::model::facts::{
    Connect, Facts, FirstBytes, Handshake, HttpAnswer, ServerText, StunAnswer, TurnFacts,
};
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::Carrier;
use ovcheck::probe::turn;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::peers::{
    carry, endpoint, hold, network, read_some, tcp_peer, tls, tls_acceptor, turn_server,
};

async fn turn_facts(there: SocketAddr, over: &Carrier) -> TurnFacts {
    match turn::run(&network(), endpoint(there), over).await {
        (1, Outcome::Saw(Facts::Turn(facts))) => facts,
        other => panic!("{other:?}"),
    }
}

/// Answers HTTP, and says nothing to anything else before it has a line end: Go's `net/http`.
async fn serve_http<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut request = Vec::new();
    while !request.contains(&b'\n') {
        let more = read_some(&mut stream).await;
        if more.is_empty() {
            return;
        }
        request.extend(more);
    }
    assert!(request.starts_with(b"GET / HTTP/1.1\r\nHost: turn.example.io\r\n"));
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
    stream.write_all(answer).await.unwrap();
    hold(stream).await;
}

fn status(answer: Option<&HttpAnswer>) -> Option<u16> {
    match answer {
        Some(HttpAnswer::Response(response)) => Some(response.status),
        _ => None,
    }
}

fn is_challenge(answer: Option<&StunAnswer>) -> bool {
    matches!(
        answer,
        Some(StunAnswer::Error {
            code: 401,
            realm: Some(realm),
            nonce_bytes: Some(1..),
            ..
        }) if realm.unquoted() == "test.example"
    )
}

#[tokio::test]
async fn a_turn_server_over_tcp_is_told_by_its_challenge() {
    let (server, _server) = turn_server("127.0.0.1").await;
    let there = tcp_peer(move |stream, _| carry(stream, server)).await;
    let begun = Instant::now();
    let facts = turn_facts(there, &Carrier::Tcp).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(facts.connect, Some(Connect::Accepted));
    assert_eq!(facts.handshake, None);
    assert!(matches!(facts.binding, Some(StunAnswer::Success { .. })));
    assert!(is_challenge(facts.allocate.as_ref()), "{facts:?}");
    assert_eq!((facts.instead, facts.sent_ms.len()), (None, 1));
}

#[tokio::test]
async fn a_turn_server_over_tls_is_told_by_its_challenge() {
    let (server, _server) = turn_server("127.0.0.1").await;
    let acceptor = tls_acceptor();
    let there = tcp_peer(move |stream, _| {
        let acceptor = acceptor.clone();
        async move { carry(acceptor.accept(stream).await.unwrap(), server).await }
    })
    .await;
    let facts = turn_facts(there, &tls()).await;
    assert!(matches!(facts.handshake, Some(Handshake::Completed(_))));
    assert!(matches!(facts.binding, Some(StunAnswer::Success { .. })));
    assert!(is_challenge(facts.allocate.as_ref()), "{facts:?}");
}

#[tokio::test]
async fn a_turn_server_that_takes_its_time_is_still_one() {
    let (server, _server) = turn_server("127.0.0.1").await;
    let there = tcp_peer(move |stream, count| async move {
        if count > 0 {
            return hold(stream).await;
        }
        sleep(Duration::from_millis(600)).await;
        carry(stream, server).await;
    })
    .await;
    let facts = turn_facts(there, &Carrier::Tcp).await;
    assert!(is_challenge(facts.allocate.as_ref()), "{facts:?}");
    assert_eq!(facts.instead, None);
}

#[tokio::test]
async fn an_http_server_behind_the_turn_name_is_found_while_stun_is_silent() {
    let acceptor = tls_acceptor();
    let there = tcp_peer(move |stream, _| {
        let acceptor = acceptor.clone();
        async move { serve_http(acceptor.accept(stream).await.unwrap()).await }
    })
    .await;
    let begun = Instant::now();
    let facts = turn_facts(there, &tls()).await;
    assert_eq!(facts.binding, Some(StunAnswer::Silent));
    assert_eq!(status(facts.instead.as_ref()), Some(200));
    // Both waited together.
    assert!(begun.elapsed() < Duration::from_millis(2300));
}

#[tokio::test]
async fn a_web_server_that_answers_stun_with_400_is_told_with_its_status_line() {
    let there = tcp_peer(|mut stream, count| async move {
        read_some(&mut stream).await;
        // In two pieces, as slow servers do.
        let status: [&[u8]; 2] = match count {
            0 => [b"HTTP/1.", b"1 400 Bad Request\r\n\r\n"],
            _ => [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n\r\n"],
        };
        for piece in status {
            stream.write_all(piece).await.unwrap();
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let begun = Instant::now();
    let facts = turn_facts(there, &Carrier::Tcp).await;
    let line = ServerText::new("HTTP/1.1 400 Bad Request");
    assert_eq!(facts.binding, Some(StunAnswer::NotStun(FirstBytes::Http(line))));
    assert_eq!(status(facts.instead.as_ref()), Some(200));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_proxy_without_its_backend_closes_both_at_once() {
    let there = tcp_peer(|mut stream, _| async move {
        read_some(&mut stream).await;
    })
    .await;
    let begun = Instant::now();
    let facts = turn_facts(there, &Carrier::Tcp).await;
    assert_eq!(facts.binding, Some(StunAnswer::Closed));
    assert_eq!(facts.instead, Some(HttpAnswer::Closed));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_peer_that_resets_is_told_from_one_that_closes() {
    let there = tcp_peer(|mut stream, _| async move {
        read_some(&mut stream).await;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let facts = turn_facts(there, &Carrier::Tcp).await;
    assert_eq!(facts.binding, Some(StunAnswer::Reset));
    assert_eq!(facts.instead, Some(HttpAnswer::Reset));
}

#[tokio::test]
async fn a_tarpit_is_silent_to_both_and_ends_on_time() {
    let there = tcp_peer(|stream, _| hold(stream)).await;
    let begun = Instant::now();
    let facts = turn_facts(there, &Carrier::Tcp).await;
    assert_eq!(facts.binding, Some(StunAnswer::Silent));
    assert_eq!(facts.instead, Some(HttpAnswer::Silent));
    assert!(begun.elapsed() < Duration::from_millis(2300 + 700));
}

#[tokio::test]
async fn what_lies_on_a_stream_is_never_a_success() {
    let malformed = |what: &str| StunAnswer::Malformed(ServerText::new(what));
    let header =
        |length: [u8; 2]| [&[1, 1][..], &length, &[0x21, 0x12, 0xa4, 0x42], &[7; 12]].concat();
    let cases = [
        (header([0, 0]), malformed("a transaction id that is not ours")),
        (header([0xff, 0xfc]), malformed("its header announces 65552 bytes, 20 came")),
        (header([0, 3]), malformed("its header gives a length of 3, which is not a multiple of 4")),
        (b"\x15\x03\x03\x00\x02\x02\x46".to_vec(), StunAnswer::NotStun(FirstBytes::Tls)),
        (vec![1], StunAnswer::NotStun(FirstBytes::Binary("01".into()))),
    ];
    for (answer, expected) in cases {
        let there = tcp_peer(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                read_some(&mut stream).await;
                stream.write_all(&answer).await.unwrap();
            }
        })
        .await;
        let facts = turn_facts(there, &Carrier::Tcp).await;
        assert_eq!(facts.binding, Some(expected));
        assert_eq!(facts.allocate, None);
    }
}

#[tokio::test]
async fn endless_messages_for_others_end_before_the_time_is_over() {
    let there = tcp_peer(|mut stream, _| async move {
        let mut message = read_some(&mut stream).await;
        message.resize(20, 0);
        message[8] ^= 1;
        while stream.write_all(&message).await.is_ok() {}
    })
    .await;
    let begun = Instant::now();
    let facts = turn_facts(there, &Carrier::Tcp).await;
    let wrong = ServerText::new("a transaction id that is not ours");
    assert_eq!(facts.binding, Some(StunAnswer::Malformed(wrong)));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn nobody_listening_is_a_fact_about_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = listener.local_addr().unwrap();
    drop(listener);
    let facts = turn_facts(there, &tls()).await;
    assert_eq!(facts.connect, Some(Connect::Reset));
    assert_eq!((facts.handshake, facts.binding), (None, None));
}
