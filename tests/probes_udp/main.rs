//! The UDP, STUN, TURN and RTMP probes against real servers on loopback, right and hostile ones.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, and they are the servers"
)]

mod by_failing;
mod extents;
mod floods;
mod peers;
mod ports;
mod rtmp;
#[path = "../support/mod.rs"]
mod support;
mod turn_holds;
mod turn_streams;
mod turn_udp;
