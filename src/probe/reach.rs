//! The first step of every probe over TCP.

use tokio::time::Instant;

use crate::model::observation::Blindness;
use crate::model::target::Endpoint;
use crate::net::tcp::{self, Connection};
use crate::net::{Network, tcp::syns_within};

/// When a probe that starts now has to be done.
pub fn deadline(net: &Network) -> Instant {
    Instant::now() + net.limits.probe
}

/// Connects, and says how many SYNs that took.
pub async fn connect(
    net: &Network,
    to: Endpoint,
    deadline: Instant,
) -> (u32, Result<Connection, Blindness>) {
    let started = Instant::now();
    let connection = tcp::connect(net, to, deadline).await;
    (syns_within(started.elapsed()), connection)
}
