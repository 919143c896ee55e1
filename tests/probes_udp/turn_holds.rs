//! A TURN connection on which nothing is sent for a while.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ovcheck::model::facts::{Connect, Facts, HoldFacts, IdleEnd, StunAnswer};
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::Carrier;
use ovcheck::net::{Limits, Network};
use ovcheck::probe::hold;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::peers::{carry, endpoint, network, tcp_peer, tls, tls_acceptor, turn_server};

async fn hold_facts(there: SocketAddr, over: &Carrier) -> HoldFacts {
    let net = network();
    let limits = Limits { hold: Some(Duration::from_millis(400)), ..net.limits };
    let net = Network { limits, ..net };
    match hold::run(&net, endpoint(there), over).await {
        (1, Outcome::Saw(Facts::Hold(facts))) => facts,
        other => panic!("{other:?}"),
    }
}

/// Reads one Binding request and answers it: success, with a mapped address (RFC 8489 §14.2).
async fn answer_once(stream: &mut TcpStream) {
    let mut request = [0; 20];
    stream.read_exact(&mut request).await.unwrap();
    let mut answer = vec![0x01, 0x01, 0, 12];
    answer.extend(&request[4..]);
    answer.extend([0, 0x20, 0, 8, 0, 1, 0x21, 0x12, 0x21, 0x12, 0xa4, 0x42]);
    stream.write_all(&answer).await.unwrap();
}

/// How a connection fares that `after` gets when one Binding request was answered on it.
async fn fares<F>(after: impl Fn(TcpStream) -> F + Clone + Send + Sync + 'static) -> IdleEnd
where
    F: Future<Output = ()> + Send + 'static,
{
    let there = tcp_peer(move |mut stream, _| {
        let after = after.clone();
        async move {
            answer_once(&mut stream).await;
            after(stream).await;
        }
    })
    .await;
    let facts = hold_facts(there, &Carrier::Tcp).await;
    let idle = facts.idle.unwrap();
    let is_early = matches!(idle.end, IdleEnd::Closed | IdleEnd::Reset | IdleEnd::Spoke);
    let expected = if is_early { 90..390 } else { 400..900 };
    assert!(expected.contains(&idle.ms), "{idle:?}");
    idle.end
}

#[tokio::test]
async fn a_connection_that_is_left_alone_answers_again() {
    let (server, _server) = turn_server("127.0.0.1").await;
    let acceptor = tls_acceptor();
    let there = tcp_peer(move |stream, _| {
        let acceptor = acceptor.clone();
        async move { carry(acceptor.accept(stream).await.unwrap(), server).await }
    })
    .await;
    let facts = hold_facts(there, &tls()).await;
    assert!(matches!(facts.binding, Some(StunAnswer::Success { .. })));
    let idle = facts.idle.unwrap();
    assert_eq!(idle.end, IdleEnd::Answers);
    assert!((400..900).contains(&idle.ms), "{idle:?}");
}

#[tokio::test]
async fn a_rest_that_nobody_asked_for_ends_with_the_time_out() {
    let there = tcp_peer(|mut stream, _| async move {
        sleep(Duration::from_millis(500)).await;
        answer_once(&mut stream).await;
        answer_once(&mut stream).await;
    })
    .await;
    let begun = Instant::now();
    let (_, outcome) = hold::run(&network(), endpoint(there), &Carrier::Tcp).await;
    assert!(begun.elapsed() < Duration::from_millis(1500));
    let Outcome::Saw(Facts::Hold(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    let idle = facts.idle.unwrap();
    assert_eq!(idle.end, IdleEnd::Answers);
    assert!((600..810).contains(&idle.ms), "{idle:?}");
}

#[tokio::test]
async fn a_connection_that_is_ended_early_is_told_from_one_that_is_forgotten() {
    let pause = Duration::from_millis(100);
    let closed = fares(move |stream| async move {
        sleep(pause).await;
        drop(stream);
    });
    let reset = fares(move |stream| async move {
        sleep(pause).await;
        stream.set_zero_linger().unwrap();
    });
    let spoke = fares(move |mut stream| async move {
        sleep(pause).await;
        stream.write_all(b"are you there?").await.unwrap();
        sleep(Duration::from_secs(5)).await;
    });
    let forgotten = fares(|stream| async move {
        sleep(Duration::from_secs(5)).await;
        drop(stream);
    });
    assert_eq!(
        tokio::join!(closed, reset, spoke, forgotten),
        (IdleEnd::Closed, IdleEnd::Reset, IdleEnd::Spoke, IdleEnd::Forgotten)
    );
}

#[tokio::test]
async fn without_a_first_answer_there_is_nothing_to_rest_behind() {
    let there = tcp_peer(|stream, _| async move { drop(stream) }).await;
    let facts = hold_facts(there, &Carrier::Tcp).await;
    assert!(matches!(facts.binding, Some(StunAnswer::Closed | StunAnswer::Reset)));
    assert_eq!(facts.idle, None);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let facts = hold_facts(closed, &Carrier::Tcp).await;
    assert_eq!((facts.connect, facts.binding), (Connect::Reset, None));
}
