//! What kind of network an address belongs to.

use std::net::IpAddr;

/// Whether an address belongs to a network that is not the internet's (RFC 1918, RFC 4193,
/// RFC 6598, loopback, link-local): a resolver there may be in the next room.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let carrier_nat = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || carrier_nat
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whether nobody can reach this address over the internet: a private one, or none that a host can
/// have (RFC 6890: 0.0.0.0/8 and ::, which DNS filters answer with, multicast, 240.0.0.0/4).
/// Documentation addresses pass: they stand for public ones.
pub fn is_unreachable(address: IpAddr) -> bool {
    let no_host = match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.octets()[0] >= 240,
        IpAddr::V6(v6) => v6.is_unspecified() || v6.to_ipv4_mapped().is_some(),
    };
    no_host || address.is_multicast() || is_private(address)
}
