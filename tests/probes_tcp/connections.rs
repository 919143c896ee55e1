//! What a SYN meets.

use std::sync::Arc;

use ovcheck::model::dial::DialMap;
use ovcheck::model::facts::{Connect, Facts, TcpFacts};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::probe::ProbeSpec;
use ovcheck::model::target::{Endpoint, Family};
use ovcheck::net::tls::Roots;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

use crate::peers::{endpoint, look, network, serve};

fn tcp(connect: Connect) -> Facts {
    Facts::Tcp(TcpFacts { connect, dialled: None })
}

#[tokio::test]
async fn a_listener_accepts() {
    let to = serve(|_stream| async {}).await;
    let facts = look(&network(Roots::empty()), &ProbeSpec::Tcp { to }).await;
    assert_eq!(facts, tcp(Connect::Accepted));
}

#[tokio::test]
async fn a_closed_port_resets_over_both_families() {
    for loopback in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(loopback).await.unwrap();
        let to = endpoint(listener.local_addr().unwrap());
        drop(listener);
        let facts = look(&network(Roots::empty()), &ProbeSpec::Tcp { to }).await;
        assert_eq!(facts, tcp(Connect::Reset), "{loopback}");
    }
}

#[tokio::test]
async fn a_dropped_syn_is_silence() {
    // Linux drops further SYNs when nobody takes connections from a full queue.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fillers: Vec<Socket> = (0..4)
        .map(|_| {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            filler.set_nonblocking(true).unwrap();
            // "In progress", or accepted by the kernel on the spot.
            filler.connect(&address).unwrap_or(());
            filler
        })
        .collect();
    let to = endpoint(address.as_socket().unwrap());
    let facts = look(&network(Roots::empty()), &ProbeSpec::Tcp { to }).await;
    assert_eq!(facts, tcp(Connect::Silent));
    drop(fillers);
}

#[tokio::test]
async fn what_is_meant_is_dialled_elsewhere_when_told_so() {
    let dialled = serve(|_stream| async {}).await;
    let mut net = network(Roots::empty());
    net.dial = Arc::new(DialMap {
        connect_to: vec![format!("203.0.113.10:443:127.0.0.1:{}", dialled.port).parse().unwrap()],
    });
    let to = Endpoint { address: "203.0.113.10".parse().unwrap(), port: "443".parse().unwrap() };
    let facts = look(&net, &ProbeSpec::Tcp { to }).await;
    let expected = TcpFacts { connect: Connect::Accepted, dialled: Some(dialled.into()) };
    assert_eq!(facts, Facts::Tcp(expected));
}

#[tokio::test]
async fn an_address_that_no_route_leads_to_is_our_own_trouble() {
    // 240.0.0.0/4 is reserved (RFC 1112 §4); Linux refuses to send to the last address of it.
    let to = Endpoint { address: "255.255.255.255".parse().unwrap(), port: "443".parse().unwrap() };
    let (_, outcome) = ovcheck::probe::run(&network(Roots::empty()), &ProbeSpec::Tcp { to }).await;
    assert!(
        matches!(outcome, Outcome::Blind(Blindness::NoRoute(Family::V4) | Blindness::OwnFirewall)),
        "{outcome:?}"
    );
}
