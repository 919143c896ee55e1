//! Places that a server names: which of them are dialled, and how many.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ovcheck::model::dial::{DialMap, HttpProxy};
use ovcheck::model::facts::{CallFacts, NotSent, Way};
use ovcheck::model::named::Forbidden;
use ovcheck::model::port::Port;
use ovcheck::model::probe::{CallSpec, Punching};
use ovcheck::net::{Limits, Network};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::fake::{Fake, Guest};
use crate::peers::{by, call, free_port, spec};

/// Hosts in URLs of TURN servers that are no business of a server.
const HOSTS: [&str; 12] = [
    "localhost",
    "2130706433",
    "127.1",
    "0x7f000001",
    "017700000001",
    "metadata.google.internal",
    "printer.local",
    "169.254.169.254.nip.example",
    "rebind.example.net",
    "10.0.0.5",
    "[64:ff9b::a9fe:a9fe]",
    "[fd00:ec2::254]",
];

/// Addresses of candidates that are no business of a server.
const ADDRESSES: [&str; 14] = [
    "10.0.0.9",
    "192.168.1.1",
    "172.17.0.2",
    "100.64.0.1",
    "169.254.169.254",
    "100.100.100.200",
    "192.0.0.192",
    "::127.0.0.1",
    "::ffff:10.0.0.9",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:7f00:1::1",
    "fec0::1",
];

/// A DNS server: what it knows of IPv4 addresses.
async fn dns(addresses: impl Fn(&str) -> Vec<Ipv4Addr> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let place = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut bytes = [0; 1024];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let answer = dns_answer(&bytes[..length], &addresses);
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    place
}

fn dns_answer(question: &[u8], addresses: &impl Fn(&str) -> Vec<Ipv4Addr>) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(std::str::from_utf8(&question[at + 1..end]).unwrap().to_lowercase());
        at = end;
    }
    let (is_a, end) = (question[at + 2] == 1, at + 5);
    let found = if is_a { addresses(&labels.join(".")) } else { Vec::new() };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::try_from(found.len()).unwrap(), 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    for address in found {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

/// A LiveKit that names these TURN servers and candidates over TCP and UDP.
async fn naming(urls: Vec<String>, candidates: Vec<SocketAddr>) -> Fake {
    Fake::start(move |guest: Guest| {
        let (urls, candidates) = (urls.clone(), candidates.clone());
        async move {
            let mut call = guest.upgrade().await;
            call.welcome(&urls).await;
            call.answer().await.unwrap();
            let both = candidates.iter().flat_map(|place| [("tcp", *place), ("udp", *place)]);
            call.candidates(&both.collect::<Vec<_>>()).await;
            call.stay().await;
        }
    })
    .await
}

async fn see(fake: &Fake, net: &Network, spec: &CallSpec) -> CallFacts {
    let known = fake.known.clone();
    call(net, spec, move || known.all()).await
}

/// A network in which everything but the API is somewhere else than where it is meant.
fn with(fake: &Fake, elsewhere: &[String], dns: SocketAddr) -> Network {
    let api = format!("127.0.0.1:443:127.0.0.1:{}", fake.port());
    let entries = std::iter::once(&api).chain(elsewhere);
    Network {
        configurations: ovcheck::net::Configurations::default(),
        dial: Arc::new(DialMap { connect_to: entries.map(|it| it.parse().unwrap()).collect() }),
        dns_servers: [dns].into(),
        limits: Limits::with_timeout(Duration::from_millis(600)),
        ..fake.network()
    }
}

/// Counts who comes to a port over TCP or UDP.
async fn counted() -> (u16, Arc<AtomicUsize>) {
    let port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let socket = UdpSocket::bind(("127.0.0.1", port)).await.unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let (of_tcp, of_udp) = (Arc::clone(&count), Arc::clone(&count));
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            of_tcp.fetch_add(1, Ordering::SeqCst);
        }
    });
    tokio::spawn(async move {
        let mut bytes = [0; 2048];
        while socket.recv_from(&mut bytes).await.is_ok() {
            of_udp.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, count)
}

fn turn(host: &str) -> [String; 2] {
    [format!("turn:{host}:22?transport=tcp"), format!("turn:{host}:161?transport=udp")]
}

/// Names of a hostile zone: two lead into the network of whoever resolves them.
fn hostile_zone(name: &str) -> Vec<Ipv4Addr> {
    match name {
        "169.254.169.254.nip.example" => vec![Ipv4Addr::new(169, 254, 169, 254)],
        "rebind.example.net" => vec![Ipv4Addr::new(10, 0, 0, 5)],
        _ => vec![Ipv4Addr::new(203, 0, 113, 66)],
    }
}

fn undeclared() -> CallSpec {
    CallSpec { declared: Vec::new(), punching: Punching::Watched, ..spec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_dialled_who_is_none_of_a_servers_business() {
    let dns = dns(hostile_zone).await;
    let candidates: Vec<SocketAddr> =
        ADDRESSES.iter().map(|it| SocketAddr::new(it.parse().unwrap(), 3306)).collect();
    // As many as are looked at in one call.
    for (hosts, candidates) in HOSTS.chunks(4).zip(candidates.chunks(5)) {
        let urls = hosts.iter().flat_map(|host| turn(host)).collect();
        let fake = naming(urls, candidates.to_vec()).await;
        let (port, count) = counted().await;
        let net = with(&fake, &[format!("::127.0.0.1:{port}")], dns);
        let facts = see(&fake, &net, &undeclared()).await;
        assert_eq!(count.load(Ordering::SeqCst), 0, "{facts:#?}");
        for relay in &facts.relays {
            assert!(matches!(relay.blocked, Some(NotSent::ForbiddenAddress(_))), "{relay:?}");
        }
        assert_eq!(facts.relays.len(), 8);
    }
}

/// The control of the test above.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_on_the_internet_is_dialled() {
    let dns = dns(hostile_zone).await;
    let fake = naming(turn("relay.example.net").to_vec(), Vec::new()).await;
    let (port, count) = counted().await;
    let net = with(&fake, &[format!("::127.0.0.1:{port}")], dns);
    let facts = see(&fake, &net, &undeclared()).await;
    assert!(count.load(Ordering::SeqCst) > 0, "{facts:#?}");
}

/// Of twelve addresses of a name the fourth is still dialled, and no fifth one.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_name_that_a_server_gave_four_addresses_are_dialled() {
    let dns = dns(|_| (1..=12).map(|last| Ipv4Addr::new(203, 0, 113, last)).collect()).await;
    for (last, is_dialled) in [(4, true), (5, false), (12, false)] {
        let (port, count) = counted().await;
        let shut = free_port();
        let fake =
            naming(vec!["turn:many.example.net:22?transport=tcp".to_owned()], Vec::new()).await;
        let elsewhere =
            [format!("203.0.113.{last}::127.0.0.1:{port}"), format!("::127.0.0.1:{shut}")];
        let facts = see(&fake, &with(&fake, &elsewhere, dns), &undeclared()).await;
        let count = count.load(Ordering::SeqCst);
        assert_eq!(count > 0, is_dialled, "{last}: {count} {facts:#?}");
    }
}

/// What was asked of the HTTP proxy.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

/// An HTTP proxy that connects to the API alone.
async fn proxy(api: u16) -> (HttpProxy, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Asked::default();
    let tell = asked.clone();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(serve(near, api, tell.clone()));
        }
    });
    let host = "127.0.0.1".to_owned();
    (HttpProxy { host, port: Port::new(port).unwrap(), authorization: None }, asked)
}

async fn serve(mut near: TcpStream, api: u16, asked: Asked) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let place = head.split(' ').nth(1).unwrap().to_owned();
    let is_api = place == "openvidu.example.io:443";
    asked.0.lock().unwrap().push(place);
    if !is_api {
        near.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        return;
    }
    let mut far = TcpStream::connect(("127.0.0.1", api)).await.unwrap();
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // However it ends.
    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_asked_for_no_more_than_would_be_dialled_directly() {
    let zone = |name: &str| match name {
        // As in a network whose DNS server knows no names outside.
        "turn.example.io" | "unknown.example.net" => Vec::new(),
        name => hostile_zone(name),
    };
    let dns = dns(zone).await;
    let good = ["turns:turn.example.io:443", "turns:relay.example.net:5349"];
    let bad = ["turns:turn.example.io:389", "turns:unknown.example.net:443"];
    let candidates: Vec<SocketAddr> =
        ADDRESSES.iter().map(|it| SocketAddr::new(it.parse().unwrap(), 3306)).collect();
    let hosts: Vec<String> = HOSTS.iter().map(|it| format!("turn:{it}:22?transport=tcp")).collect();
    let named = [good, bad].concat().into_iter().map(|it| format!("{it}?transport=tcp"));
    let urls: Vec<String> = named.chain(hosts).collect();
    let mut asked_for = Vec::new();
    for (urls, candidates) in urls.chunks(8).zip(candidates.chunks(7)) {
        let fake = naming(urls.to_vec(), candidates.to_vec()).await;
        let (proxy, asked) = proxy(fake.port()).await;
        let net = Network { http_proxy: Some(Arc::new(proxy)), ..with(&fake, &[], dns) };
        let nameless = CallSpec { addresses: Vec::new(), names: Vec::new(), ..undeclared() };
        let facts = see(&fake, &net, &nameless).await;
        let unjudged = facts
            .relays
            .iter()
            .filter(|it| it.blocked == Some(NotSent::ForbiddenAddress(Forbidden::Unjudged)));
        asked_for.extend(asked.0.lock().unwrap().clone());
        let is_first = asked_for.iter().any(|place| place == "turn.example.io:443");
        assert!(unjudged.count() == 2 || !urls[0].contains("turn.example.io"), "{facts:#?}");
        assert!(is_first);
    }
    asked_for.sort();
    asked_for.dedup();
    let expected = ["openvidu.example.io:443", "relay.example.net:5349", "turn.example.io:443"];
    assert_eq!(asked_for, expected);
}

/// Both passwords are tried at the same place.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_resolved_once_for_all_looks_at_it() {
    let questions = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&questions);
    // Another address each time.
    let dns = dns(move |_| {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        vec![Ipv4Addr::new(203, 0, 113, u8::try_from(number).unwrap())]
    })
    .await;
    let (port, _) = counted().await;
    let urls = vec!["turn:relay.example.net:3478?transport=udp".to_owned()];
    let candidate = "203.0.113.200:50000".parse().unwrap();
    let fake = naming(urls, vec![candidate]).await;
    let net = with(&fake, &[format!("::127.0.0.1:{port}")], dns);
    let facts = see(&fake, &net, &undeclared()).await;
    assert_eq!(questions.load(Ordering::SeqCst), 1, "{facts:#?}");
    assert_eq!(by(&facts, Way::Udp).len(), 1);
}
