//! The properties of this machine: its addresses and its DNS servers.

use std::net::{IpAddr, SocketAddr};

/// The addresses of this machine's interfaces without loopback and link-local ones, sorted.
pub fn own_addresses() -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = links().iter().map(|link| link.address).collect();
    addresses.retain(|address| !address.is_loopback() && !is_link_local(*address));
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The DNS servers of the system's configuration, in order. Empty if there are none.
pub fn system_dns_servers() -> Vec<SocketAddr> {
    // A missing file and a file without servers have the same result: no DNS server.
    let Ok((config, _)) = hickory_resolver::system_conf::read_system_conf() else {
        return Vec::new();
    };
    let mut servers = Vec::new();
    for server in config.name_servers() {
        for connection in &server.connections {
            let server = SocketAddr::new(server.ip, connection.port);
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
    }
    servers
}

/// Whether `address` is loopback or on a link of this machine. An answer from it does not show that
/// packets leave this network.
pub fn is_on_own_link(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback()
        || is_link_local(address)
        || links().iter().any(|link| link.reaches(address))
}

/// Whether `address` belongs to this machine, including loopback.
pub fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || links().iter().any(|link| link.address == address)
}

/// One address of one interface, and how many of its first bits are the link's.
struct Link {
    address: IpAddr,
    prefix: u32,
}

impl Link {
    fn reaches(&self, other: IpAddr) -> bool {
        let in_common = match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        // A tunnel with prefix 0 routes to all addresses, but they are not on its link.
        self.prefix > 0 && in_common >= self.prefix
    }
}

/// Every address of every interface. Empty if the system does not report them.
#[cfg(unix)]
fn links() -> Vec<Link> {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use nix::sys::socket::SockaddrStorage;

    fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        let v6 = || address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
        v4.or_else(v6)
    }

    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    interfaces
        .filter_map(|interface| {
            let address = ip(interface.address.as_ref()?)?;
            let prefix = match interface.netmask.as_ref().and_then(ip) {
                Some(IpAddr::V4(mask)) => mask.to_bits().count_ones(),
                Some(IpAddr::V6(mask)) => mask.to_bits().count_ones(),
                // An address without a mask is on a link of its own.
                None if address.is_ipv4() => Ipv4Addr::BITS,
                None => Ipv6Addr::BITS,
            };
            Some(Link { address, prefix })
        })
        .collect()
}

/// Every address of every interface, as they were first asked for: Windows takes long to tell. Empty if
/// the system does not report them.
#[cfg(windows)]
fn links() -> &'static [Link] {
    static LINKS: std::sync::OnceLock<Vec<Link>> = std::sync::OnceLock::new();
    LINKS.get_or_init(look_up_links)
}

#[cfg(windows)]
fn look_up_links() -> Vec<Link> {
    let Ok(adapters) = ipconfig::get_adapters() else {
        return Vec::new();
    };
    let mut links = Vec::new();
    for adapter in &adapters {
        for &address in adapter.ip_addresses() {
            // The address itself is one of its prefixes, and its whole family may be another.
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let of_address = adapter.prefixes().iter().filter(|(network, length)| {
                *length < bits && Link { address: *network, prefix: *length }.reaches(address)
            });
            let prefix = of_address.map(|(_, length)| *length).max().unwrap_or(bits);
            links.push(Link { address, prefix });
        }
    }
    links
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(address: &str, prefix: u32) -> Link {
        Link { address: address.parse().unwrap(), prefix }
    }

    #[test]
    fn a_link_reaches_the_addresses_of_its_prefix() {
        let v4 = link("192.0.2.7", 24);
        assert!(v4.reaches("192.0.2.250".parse().unwrap()));
        assert!(!v4.reaches("192.0.3.7".parse().unwrap()));
        assert!(!v4.reaches("2001:db8::1".parse().unwrap()));
        let v6 = link("2001:db8::7", 64);
        assert!(v6.reaches("2001:db8::ffff".parse().unwrap()));
        assert!(!v6.reaches("2001:db8:0:1::7".parse().unwrap()));
        assert!(!link("192.0.2.7", 0).reaches("198.51.100.1".parse().unwrap()));
    }

    #[test]
    fn loopback_is_our_own_and_not_an_address_to_be_reached_by() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(is_own(loopback));
        assert!(is_on_own_link(loopback));
        assert!(!own_addresses().contains(&loopback));
        assert!(!is_own("203.0.113.77".parse().unwrap()));
    }
}
