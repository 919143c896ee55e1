//! Ways that the server opens itself, in both families, and what keeps us from seeing them.

use std::net::{IpAddr, SocketAddr};

use ovcheck::model::facts::{CallFacts, IceCheck, NotSent, Way};
use ovcheck::model::probe::{CallSpec, Punching};
use ovcheck::proto::ice::{Pair, Purpose};
use ovcheck::proto::livekit::candidate;
use ovcheck::proto::livekit::signal::Request;
use tokio::net::UdpSocket;

use crate::fake::{Call, Fake, Guest};
use crate::peers::{LOOPBACK, by, call, spec};

async fn see(fake: &Fake, more: &[&str]) -> CallFacts {
    let mut declared: Vec<IpAddr> = more.iter().map(|text| text.parse().unwrap()).collect();
    declared.push(LOOPBACK);
    let watching = CallSpec { declared, punching: Punching::Watched, ..spec() };
    let known = fake.known.clone();
    call(&fake.network(), &watching, move || known.all()).await
}

/// A media port behind a firewall that lets in only what answers: it makes checks of what it is
/// offered, and hears nobody else.
async fn behind_a_firewall(call: &mut Call, pair: Pair, socket: UdpSocket) {
    while let Some(request) = call.hear().await {
        let Request::Trickle(trickle) = request else {
            return;
        };
        let offered = candidate::read(&trickle.candidate_init).unwrap();
        let to = offered.place.unwrap().address;
        let own = socket.local_addr().unwrap();
        if to.is_ipv4() != own.is_ipv4() {
            continue;
        }
        let check = pair.check(rand::random(), Purpose::Nomination);
        socket.send_to(&check, to).await.unwrap();
        let mut bytes = [0; 2048];
        loop {
            let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
            if let Some(id) = pair.read_check(&bytes[..length])
                && from == to
            {
                socket.send_to(&pair.answer(id, from), from).await.unwrap();
                break;
            }
        }
    }
}

/// Of two candidates one never answers; the other one opens the way to itself.
async fn opens_a_way(open: &'static str, shut: &'static str) {
    let fake = Fake::start(move |guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[]).await;
        let pair = call.answer().await.unwrap();
        let shut = UdpSocket::bind((shut, 0)).await.unwrap();
        let open = UdpSocket::bind((open, 0)).await.unwrap();
        let places = [&shut, &open].map(|socket| ("udp", socket.local_addr().unwrap()));
        call.candidates(&places).await;
        behind_a_firewall(&mut call, pair, open).await;
        call.stay().await;
    })
    .await;
    let facts = see(&fake, &["::1"]).await;
    let open_place = by(&facts, Way::Udp)[1].candidate;
    assert_eq!(open_place.ip(), open.parse::<IpAddr>().unwrap());
    for path in by(&facts, Way::Udp) {
        assert_eq!(path.check, IceCheck::Silent, "{facts:#?}");
    }
    let punched = facts.punched.as_ref().unwrap();
    assert_eq!(punched.check_from, Some(open_place), "{facts:#?}");
    assert!(punched.through.as_ref().unwrap().is_answered(), "{facts:#?}");
    let families: Vec<bool> = punched.offered.iter().map(SocketAddr::is_ipv4).collect();
    assert_eq!(families, [true, false]);
}

#[tokio::test]
async fn a_way_that_the_server_opens_itself_is_seen_in_either_family() {
    opens_a_way("127.0.0.1", "::1").await;
    opens_a_way("::1", "127.0.0.1").await;
}

/// One to which this machine does not send, as with a firewall of its own, and one that is silent.
#[tokio::test]
async fn who_can_send_no_check_does_not_say_that_none_came() {
    /// Broadcast, which a socket has to be allowed first.
    const KEPT: &str = "127.255.255.255";
    let fake = |silent: bool| {
        Fake::start(move |guest: Guest| async move {
            let mut call = guest.upgrade().await;
            call.welcome(&[]).await;
            call.answer().await.unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let place = socket.local_addr().unwrap();
            let kept = SocketAddr::new(KEPT.parse().unwrap(), place.port());
            match silent {
                true => call.candidates(&[("udp", kept), ("udp", place)]).await,
                false => call.candidates(&[("udp", kept)]).await,
            }
            call.stay().await;
        })
    };
    let alone = see(&fake(false).await, &[KEPT]).await;
    assert_eq!(alone.punched, None);
    let check = &by(&alone, Way::Udp)[0].check;
    assert!(matches!(check, IceCheck::NotSent(NotSent::Local(_))), "{check:?}");
    let beside = see(&fake(true).await, &[KEPT]).await;
    let punched = beside.punched.unwrap();
    assert_eq!((punched.check_from, punched.through), (None, Some(IceCheck::Silent)));
}

/// Whatever keeps a STUN server's answers from us keeps the server's checks.
#[tokio::test]
async fn whom_no_stun_server_sees_nobody_reaches() {
    let fake = Fake::start(|guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[]).await;
        call.answer().await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        call.candidates(&[("udp", socket.local_addr().unwrap())]).await;
        call.stay().await;
    })
    .await;
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (stun_servers, reachable) in [(vec![], true), (vec![silent.local_addr().unwrap()], false)] {
        let watching = CallSpec { punching: Punching::Watched, stun_servers, ..spec() };
        let known = fake.known.clone();
        let facts = call(&fake.network(), &watching, move || known.all()).await;
        assert_eq!(facts.punched.unwrap().reachable, reachable);
    }
}
