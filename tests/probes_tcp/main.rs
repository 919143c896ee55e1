//! The probes over TCP and the DNS probe, with real sockets against servers in this process.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, and they are the servers"
)]

mod authority;
mod behind;
mod certificates;
mod connections;
mod hostile;
mod http;
mod http_proxy;
mod names;
#[path = "../support/networks.rs"]
mod networks;
mod old_tls;
mod peers;
mod real_services;
mod services;
