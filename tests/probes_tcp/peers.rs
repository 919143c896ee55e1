//! What every test here needs: a network to look at, and somebody who answers.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ovcheck::model::facts::Facts;
use ovcheck::model::name::DomainName;
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Port;
use ovcheck::model::probe::{ProbeSpec, Sni};
use ovcheck::model::target::Endpoint;
use ovcheck::net::Network;
use ovcheck::net::tls::Roots;
use tokio::net::{TcpListener, TcpStream};

use crate::networks;

/// A network with short waits and the given roots.
pub fn network(roots: Roots) -> Network {
    Network { roots: Arc::new(roots), ..networks::network(Duration::from_millis(500)) }
}

/// Makes a probe that has to see something, and to end in time.
pub async fn look(net: &Network, spec: &ProbeSpec) -> Facts {
    let started = Instant::now();
    let (attempts, outcome) = ovcheck::probe::run(net, spec).await;
    let taken = started.elapsed();
    // The machine may be slow; a probe that waits for ever takes longer than this.
    assert!(taken < net.limits.probe + Duration::from_secs(10), "{spec} took {taken:?}");
    assert!(attempts >= 1);
    match outcome {
        Outcome::Saw(facts) => facts,
        Outcome::Blind(blindness) => panic!("{spec}: {blindness}"),
    }
}

/// Accepts on a free port of IPv4 loopback, and does `serve` for each connection.
pub async fn serve<F, S>(serve: F) -> Endpoint
where
    F: Fn(TcpStream) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    endpoint(address)
}

pub fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { address: address.ip(), port: Port::new(address.port()).unwrap() }
}

pub fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

pub fn sni(text: &str) -> Sni {
    Sni::Name(name(text))
}
