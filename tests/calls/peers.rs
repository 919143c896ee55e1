//! What every test here needs: a network to look at, a call to make, and a look for what must not
//! be seen.

use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use ovcheck::model::dial::DialMap;
use ovcheck::model::facts::{CallFacts, Facts, PathFacts, Way};
use ovcheck::model::name::DomainName;
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Port;
use ovcheck::model::probe::{CallDepth, CallSpec, ProbeSpec, Punching};
use ovcheck::model::secret::{Credentials, Secret};
use ovcheck::net::Network;
use ovcheck::net::tls::Roots;

use crate::networks;

pub const API: &str = "openvidu.example.io";
pub const TURN: &str = "turn.example.io";
pub const KEY: &str = "APIlaboratory";
pub const SECRET: &str = "a-secret-of-at-least-32-characters-long";

pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A network that trusts `roots`, and dials `port` where 443 of loopback is meant.
pub fn network(roots: Roots, credentials: Credentials, port: u16) -> Network {
    let entry = format!("127.0.0.1:443:127.0.0.1:{port}").parse().unwrap();
    Network {
        configurations: ovcheck::net::Configurations::default(),
        dial: Arc::new(DialMap { connect_to: vec![entry] }),
        credentials: Some(Arc::new(credentials)),
        roots: Arc::new(roots),
        ..networks::network(Duration::from_millis(1300))
    }
}

/// The right key.
pub fn key() -> Credentials {
    Credentials::Key { key: KEY.to_owned(), secret: Secret::new(SECRET) }
}

/// A call to the deployment on loopback, which declares that address.
pub fn spec() -> CallSpec {
    CallSpec {
        host: name(API),
        port: Port::new(443).unwrap(),
        addresses: vec![LOOPBACK],
        names: vec![(name(API), vec![LOOPBACK]), (name(TURN), vec![LOOPBACK])],
        declared: vec![LOOPBACK],
        stun_servers: Vec::new(),
        punching: Punching::NotWatched,
        depth: CallDepth::Checks,
        media_nodes: Vec::new(),
    }
}

pub fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

/// Makes a call, which has to end in time. What it saw may hold none of `secrets`.
pub async fn call(
    net: &Network,
    spec: &CallSpec,
    secrets: impl FnOnce() -> Vec<String>,
) -> CallFacts {
    let started = Instant::now();
    let (_, outcome) = ovcheck::probe::run(net, &ProbeSpec::Call(spec.clone())).await;
    let taken = started.elapsed();
    // The machine may be slow; a probe that waits for ever takes longer than this.
    assert!(taken < Duration::from_secs(30), "{taken:?}");
    net.farewells.wait(Duration::from_secs(5)).await;
    let Outcome::Saw(Facts::Call(facts)) = outcome else {
        panic!("{outcome:?}");
    };
    let mut secrets = secrets();
    secrets.push(SECRET.to_owned());
    let seen = format!("{facts:?}");
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        assert!(!seen.contains(secret.as_str()), "{secret} is in {seen}");
    }
    *facts
}

/// A call of which no other secret is known than the key's.
pub async fn plain_call(net: &Network, spec: &CallSpec) -> CallFacts {
    call(net, spec, Vec::new).await
}

/// The paths of one way.
pub fn by(facts: &CallFacts, way: Way) -> Vec<&PathFacts> {
    facts.paths.iter().filter(|path| path.way == way).collect()
}

/// Ports for servers of these tests: below those that the system gives out by itself, and below those
/// that the program sends UDP from, so that nobody else takes one in between.
const PORTS: std::ops::Range<u16> = 12_000..20_000;

/// A port on which nobody listens now, over TCP or UDP; never the same one twice.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Another run beside this one begins elsewhere.
    let begin = u16::try_from(std::process::id() % u32::from(count)).unwrap();
    for _ in 0..count {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + ((u32::from(begin) + u32::from(next)) % u32::from(count)) as u16;
        let place = ("127.0.0.1", port);
        if TcpListener::bind(place).is_ok() && UdpSocket::bind(place).is_ok() {
            return port;
        }
    }
    panic!("no port from {PORTS:?} is free");
}
