//! RTMP over TCP and TLS.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ovcheck::model::facts::{
    Connect, Facts, FirstBytes, Handshake, RtmpAnswer, RtmpFacts, ServerText,
};
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::Carrier;
use ovcheck::probe::rtmp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::peers::{endpoint, hold, network, read_some, tcp_peer, tls, tls_acceptor};

async fn rtmp_facts(there: SocketAddr, over: &Carrier) -> RtmpFacts {
    match rtmp::run(&network(), endpoint(there), over).await {
        (1, Outcome::Saw(Facts::Rtmp(facts))) => facts,
        other => panic!("{other:?}"),
    }
}

/// As LiveKit's ingress: S0 and S1 after the first byte, S2 after C1.
async fn serve_rtmp<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut c0 = [0; 1];
    stream.read_exact(&mut c0).await.unwrap();
    stream.write_all(&[3]).await.unwrap();
    stream.write_all(&[9; 1536]).await.unwrap();
    let mut c1 = [0; 1536];
    stream.read_exact(&mut c1).await.unwrap();
    stream.write_all(&c1).await.unwrap();
    stream.flush().await.unwrap();
    hold(stream).await;
}

#[tokio::test]
async fn a_plain_rtmp_server_completes_the_handshake() {
    let there = tcp_peer(|stream, _| serve_rtmp(stream)).await;
    let begun = Instant::now();
    let facts = rtmp_facts(there, &Carrier::Tcp).await;
    assert_eq!(facts.answer, Some(RtmpAnswer::Completed));
    assert_eq!(facts.handshake, None);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn an_rtmp_server_behind_tls_completes_both_handshakes() {
    let acceptor = tls_acceptor();
    let there = tcp_peer(move |stream, _| {
        let acceptor = acceptor.clone();
        async move { serve_rtmp(acceptor.accept(stream).await.unwrap()).await }
    })
    .await;
    let facts = rtmp_facts(there, &tls()).await;
    assert!(matches!(facts.handshake, Some(Handshake::Completed(_))));
    assert_eq!(facts.answer, Some(RtmpAnswer::Completed));
}

#[tokio::test]
async fn a_tls_server_asked_for_plain_rtmp_is_told_as_tls() {
    let acceptor = tls_acceptor();
    let there = tcp_peer(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let (_, mut stream) = acceptor
                .accept(stream)
                .into_fallible()
                .await
                .map(|_| panic!("a TLS handshake out of C0"))
                .unwrap_err();
            // Read what is left, so that closing does not reset the alert away.
            read_some(&mut stream).await;
        }
    })
    .await;
    let facts = rtmp_facts(there, &Carrier::Tcp).await;
    assert_eq!(facts.answer, Some(RtmpAnswer::NotRtmp(FirstBytes::Tls)));
}

#[tokio::test]
async fn plain_rtmp_asked_for_tls_does_not_pass_for_tls() {
    let there = tcp_peer(|stream, _| serve_rtmp(stream)).await;
    let facts = rtmp_facts(there, &tls()).await;
    assert_eq!(facts.handshake, Some(Handshake::NotTls(FirstBytes::Rtmp)));
    assert_eq!(facts.answer, None);
}

#[tokio::test]
async fn other_answers_to_c0_and_c1_are_told_apart() {
    let http = ServerText::new("HTTP/1.1 400 Bad Request");
    let cases = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), RtmpAnswer::NotRtmp(FirstBytes::Http(http))),
        (vec![3; 1537], RtmpAnswer::Unfinished { bytes: 1537 }),
        (vec![3; 3073], RtmpAnswer::WrongEcho),
        (vec![3; 1 << 20], RtmpAnswer::WrongEcho),
        (Vec::new(), RtmpAnswer::Closed),
    ];
    for (answer, expected) in cases {
        let there = tcp_peer(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                let mut c0c1 = [0; 1537];
                stream.read_exact(&mut c0c1).await.unwrap();
                if stream.write_all(&answer).await.is_ok() {
                    stream.shutdown().await.unwrap();
                }
            }
        })
        .await;
        let facts = rtmp_facts(there, &Carrier::Tcp).await;
        assert_eq!(facts.answer, Some(expected));
    }
}

#[tokio::test]
async fn a_peer_that_dribbles_is_unfinished_on_time() {
    let there = tcp_peer(|mut stream, _| async move {
        while stream.write_all(&[3]).await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let begun = Instant::now();
    let facts = rtmp_facts(there, &Carrier::Tcp).await;
    assert!(matches!(facts.answer, Some(RtmpAnswer::Unfinished { bytes: 2..=14 })));
    assert!(begun.elapsed() < Duration::from_millis(2300));
}

#[tokio::test]
async fn nobody_listening_is_a_fact_about_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = listener.local_addr().unwrap();
    drop(listener);
    let facts = rtmp_facts(there, &Carrier::Tcp).await;
    assert_eq!((facts.connect, facts.answer), (Connect::Reset, None));
}
