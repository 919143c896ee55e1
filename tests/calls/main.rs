//! The call probe: against real LiveKit servers behind nginx, and against servers in this process
//! that do what no server should.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, and they are the servers"
)]

mod authority;
mod bounded;
mod fake;
mod hostile_media;
mod hostile_signalling;
mod hostile_turn;
mod http_proxies;
mod interrupts;
mod livekit;
mod named;
#[path = "../support/networks.rs"]
mod networks;
mod peers;
mod punching;
mod real;
mod refusals;
mod search;
mod slow;
mod tokens;
mod wire;
