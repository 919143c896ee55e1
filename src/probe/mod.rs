//! One file per probe. A probe looks, and knows no rule.

pub mod rtmp;
pub mod turn;
pub mod udp;

use crate::model::observation::Outcome;
use crate::model::probe::ProbeSpec;
use crate::net::Network;

/// Makes one probe. Returns how many requests, datagrams or SYNs were sent for its first
/// question, and what came of it. Ends within [`Limits::probe`](crate::net::Limits::probe),
/// whatever the peer does.
pub async fn run(_net: &Network, _spec: &ProbeSpec) -> (u32, Outcome) {
    unimplemented!("helper A wires: dns tcp http tls api; helper B: turn rtmp udp own_udp")
}
