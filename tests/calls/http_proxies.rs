//! Calls from a network in which an HTTP proxy is the only way out over TCP.

use std::net::SocketAddr;
use std::sync::Arc;

use ovcheck::model::dial::HttpProxy;
use ovcheck::model::facts::{
    CallFacts, Connect, HttpAnswer, IceCheck, JoinAnswer, NotSent, RoomEnd, Way,
};
use ovcheck::model::observation::ProxyMet;
use ovcheck::model::port::Port;
use ovcheck::model::probe::CallSpec;
use ovcheck::net::Network;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::livekit::{LiveKit, Setting, Version};
use crate::peers::{API, by, free_port, key, plain_call, spec};

/// Where a proxy leads to: whatever stands in CONNECT.
type Rules = fn(&str) -> bool;

/// A proxy that lets through what `rules` allow: the names, which only it knows, to `front`.
async fn proxy(rules: Rules, front: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(serve(near, rules, front));
        }
    });
    port
}

async fn serve(mut near: TcpStream, rules: Rules, front: u16) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let place = head.split(' ').nth(1).unwrap();
    if !rules(place) {
        let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        near.write_all(refusal).await.unwrap();
        return;
    }
    let to = match place.parse::<SocketAddr>() {
        Ok(address) => address,
        Err(_) => SocketAddr::from(([127, 0, 0, 1], front)),
    };
    let mut far = TcpStream::connect(to).await.unwrap();
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // However it ends.
    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
}

async fn through(port: u16, server: &LiveKit) -> CallFacts {
    let proxy = HttpProxy {
        host: "127.0.0.1".to_owned(),
        port: Port::new(port).unwrap(),
        authorization: None,
    };
    let net = Network { http_proxy: Some(Arc::new(proxy)), ..server.network(key()) };
    // The proxy finds the names.
    let nameless = CallSpec { addresses: Vec::new(), names: Vec::new(), ..spec() };
    plain_call(&net, &nameless).await
}

fn is_proven(facts: &CallFacts, way: Way) -> bool {
    by(facts, way).iter().any(|path| path.check.is_answered())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn everything_over_tcp_goes_through_the_proxy() {
    let server = LiveKit::start(&Setting::of(Version::New));
    let port = proxy(|_| true, server.front).await;
    let facts = through(port, &server).await;
    assert_eq!(facts.signal.join, Some(JoinAnswer::Joined), "{facts:#?}");
    assert_eq!(facts.signal.address, None);
    let told = facts.signal.http_proxy.as_ref().unwrap();
    assert_eq!(told.place, format!("127.0.0.1:{port}"));
    for way in Way::ALL {
        assert!(is_proven(&facts, way), "{way:?}: {facts:#?}");
    }
    assert_eq!(facts.farewell.unwrap().room, RoomEnd::Deleted);
    assert_eq!(server.rooms(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn what_the_proxy_forbids_is_our_own_networks_doing() {
    let server = LiveKit::start(&Setting::of(Version::New));
    let port = proxy(|place| place.starts_with(API), server.front).await;
    let facts = through(port, &server).await;
    assert_eq!(facts.signal.join, Some(JoinAnswer::Joined), "{facts:#?}");
    for way in [Way::IceTcp, Way::Turns] {
        // LiveKit names other addresses of this machine too, which nothing declares.
        for path in by(&facts, way).into_iter().filter(|path| path.candidate.ip().is_loopback()) {
            let IceCheck::NotSent(NotSent::OwnProxy(refusal)) = &path.check else {
                panic!("{facts:#?}");
            };
            assert_eq!(refusal.proxy, format!("127.0.0.1:{port}"));
            let is_forbidden = matches!(
                &refusal.met,
                ProxyMet::Answer(HttpAnswer::Response(response)) if response.status == 403
            );
            assert!(is_forbidden, "{refusal:?}");
        }
    }

    let shut = proxy(|_| false, server.front).await;
    let facts = through(shut, &server).await;
    assert_eq!((facts.signal.join, facts.session), (None, None));
    let answer = facts.signal.http_proxy.unwrap().answer;
    assert!(
        matches!(&answer, Some(HttpAnswer::Response(response)) if response.status == 403),
        "{answer:?}"
    );

    let facts = through(free_port(), &server).await;
    assert_eq!(facts.signal.connect, Connect::Reset);
}
