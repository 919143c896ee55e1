//! What a probe needs to look at a network.

use std::sync::Arc;
use std::time::Duration;

use ovcheck::net::clock::Clock;
use ovcheck::net::tls::Roots;
use ovcheck::net::{Limits, Network};

/// A network without detours, DNS servers, credentials and trusted roots, in which silence lasts
/// this long.
pub fn network(silence: Duration) -> Network {
    Network {
        configurations: ovcheck::net::Configurations::default(),
        dial: Arc::default(),
        limits: Limits::with_timeout(silence),
        clock: Clock::start(),
        dns_servers: Arc::new([]),
        credentials: None,
        http_proxy: None,
        responders: Default::default(),
        farewells: Default::default(),
        sweeps: ovcheck::net::sweeps::Sweeps::new(ovcheck::model::probe::UdpRate::DEFAULT, []),
        roots: Arc::new(Roots::empty()),
    }
}
