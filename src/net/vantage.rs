//! What this machine is: its addresses, its resolver.

use std::net::{IpAddr, SocketAddr};

/// The addresses of this machine's interfaces without loopback and link-local ones, sorted.
pub fn own_addresses() -> Vec<IpAddr> {
    unimplemented!("helper A")
}

/// The DNS servers of the system's configuration, in order; empty when there is none.
pub fn system_dns_servers() -> Vec<SocketAddr> {
    unimplemented!("helper A")
}

/// Whether `address` is on one of our own links, or loopback: an answer from it does not show that
/// packets get out of our own network.
pub fn is_on_own_link(_address: IpAddr) -> bool {
    unimplemented!("helper A")
}
