//! Parsers for addresses and for values that contain addresses.

use std::net::{IpAddr, SocketAddr};

use super::{InvalidValue, domain_name};
use crate::model::dial::{ConnectTo, InvalidDial, Resolve, StunServer};
use crate::model::name::DomainName;
use crate::model::port::{InvalidPort, Port};
use crate::model::target::Family;

/// The IPv4 or IPv6 address of one machine.
///
/// # Errors
/// For names, networks, addresses with a port, and addresses that cannot belong to one machine.
pub fn address(text: &str) -> Result<IpAddr, InvalidValue> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inner| inner.contains(':'))
        .unwrap_or(text);
    let address: IpAddr = bare.parse().map_err(|_| not_an_address(text))?;
    one_machine(address)
}

/// Rejects addresses that cannot belong to one machine.
fn one_machine(address: IpAddr) -> Result<IpAddr, InvalidValue> {
    let refuse = |what: &str| {
        Err(InvalidValue::new(format!("{address} is {what}"))
            .with_help("use the machine's own address"))
    };
    if address.is_unspecified() {
        return refuse("a wildcard, not a machine's address");
    }
    if address.is_multicast() {
        return refuse("a multicast address, not a machine's address");
    }
    match address {
        IpAddr::V4(v4) if v4.is_broadcast() => {
            refuse("the broadcast address, not a machine's address")
        }
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            refuse("a link-local IPv6 address, which is valid only on its own link")
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => Err(InvalidValue::new(format!("{address} is an IPv4-mapped IPv6 address"))
                .with_help(format!("use {v4}"))),
            None => Ok(address),
        },
        IpAddr::V4(_) => Ok(address),
    }
}

fn not_an_address(text: &str) -> InvalidValue {
    let refused = InvalidValue::new(format!("\"{text}\" is not an IP address"));
    if let Some((network, _)) = text.split_once('/')
        && network.parse::<IpAddr>().is_ok()
    {
        return InvalidValue::new(format!("\"{text}\" is a network, not an address"))
            .with_help("use the machine's own address");
    }
    if let Some((scoped, _)) = text.split_once('%')
        && scoped.parse::<IpAddr>().is_ok()
    {
        return InvalidValue::new(format!("\"{text}\" is valid only on one link"))
            .with_help("use an address that is reachable from other networks");
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return InvalidValue::new(format!("\"{text}\" is an address and a port"))
            .with_help(format!("use {}", with_port.ip()));
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return refused
            .with_help("an IPv4 address has four numbers from 0 to 255 without leading zeros");
    }
    if text.parse::<DomainName>().is_ok() {
        return InvalidValue::new(format!("\"{text}\" is a name, not an IP address"))
            .with_help("use the address, because a name can point to another machine later");
    }
    refused
}

/// The address of a DNS server: `ADDRESS`, or `ADDRESS:PORT` with IPv6 addresses in brackets. The
/// default port is 53 (RFC 1035 §4.2).
///
/// # Errors
/// For names, port 0, and addresses that cannot belong to one machine.
pub fn dns_server(text: &str) -> Result<SocketAddr, InvalidValue> {
    const DNS: u16 = 53;
    if let Ok(server) = text.parse::<SocketAddr>() {
        return socket_address(server);
    }
    match address(text) {
        Ok(address) => Ok(SocketAddr::new(address, DNS)),
        Err(refused) => {
            Err(refused.with_help("use ADDRESS or ADDRESS:PORT, with IPv6 addresses in brackets"))
        }
    }
}

fn socket_address(server: SocketAddr) -> Result<SocketAddr, InvalidValue> {
    one_machine(server.ip())?;
    if server.port() == 0 {
        return Err(port_zero());
    }
    Ok(server)
}

fn port_zero() -> InvalidValue {
    InvalidValue::new("0 is not a valid port").with_help("use a port from 1 to 65535")
}

/// A STUN server: `NAME:PORT` or `ADDRESS:PORT`.
///
/// # Errors
/// For anything else.
pub fn stun_server(text: &str) -> Result<StunServer, InvalidValue> {
    if let Ok(server) = text.parse::<SocketAddr>() {
        return socket_address(server).map(StunServer::Address);
    }
    let Some((name, port)) = text.rsplit_once(':') else {
        return Err(InvalidValue::new(format!("\"{text}\" has no port"))
            .with_help("use NAME:PORT or ADDRESS:PORT, with IPv6 addresses in brackets"));
    };
    let port: Port =
        port.parse().map_err(|error: InvalidPort| InvalidValue::new(error.to_string()))?;
    Ok(StunServer::Name(domain_name(name)?, port))
}

/// One entry of `--connect-to`.
///
/// # Errors
/// For another form, and for an entry that replaces an address with one of the other family.
pub fn connect_to(text: &str) -> Result<ConnectTo, InvalidValue> {
    let entry: ConnectTo =
        text.parse().map_err(|error: InvalidDial| InvalidValue::new(error.to_string()))?;
    for address in [entry.address, entry.to_address].into_iter().flatten() {
        one_machine(address)?;
    }
    match (entry.address, entry.to_address) {
        (Some(meant), Some(dialled)) if Family::of(meant) != Family::of(dialled) => {
            Err(InvalidValue::new(format!(
                "\"{text}\" replaces an {} address with an {} address",
                Family::of(meant),
                Family::of(dialled)
            ))
            .with_help("use the same address family on both sides of an entry"))
        }
        _ => Ok(entry),
    }
}

/// One entry of `--resolve`.
///
/// # Errors
/// For another form, and for addresses that cannot belong to one machine.
pub fn resolve(text: &str) -> Result<Resolve, InvalidValue> {
    let entry: Resolve =
        text.parse().map_err(|error: InvalidDial| InvalidValue::new(error.to_string()))?;
    for address in &entry.addresses {
        one_machine(*address)?;
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_a_machine_can_have() {
        for right in ["203.0.113.7", "10.0.0.7", "127.0.0.1", "2001:db8::7", "::1", "fd00::7"] {
            assert_eq!(address(right).unwrap().to_string(), right);
        }
        assert_eq!(address("[2001:db8::7]"), address("2001:db8::7"));
    }

    #[test]
    fn an_address_that_no_machine_can_have_is_rejected_with_the_reason() {
        let table = [
            (
                "1.2.3",
                "\"1.2.3\" is not an IP address; an IPv4 address has four numbers from 0 to 255 without leading zeros",
            ),
            (
                "203.0.113.010",
                "\"203.0.113.010\" is not an IP address; an IPv4 address has four numbers from 0 to 255 without leading zeros",
            ),
            (
                "::ffff:203.0.113.7",
                "::ffff:203.0.113.7 is an IPv4-mapped IPv6 address; use 203.0.113.7",
            ),
            (
                "203.0.113.0/24",
                "\"203.0.113.0/24\" is a network, not an address; use the machine's own address",
            ),
            ("203.0.113.7:443", "\"203.0.113.7:443\" is an address and a port; use 203.0.113.7"),
            (
                "fe80::1%eth0",
                "\"fe80::1%eth0\" is valid only on one link; use an address that is reachable from other networks",
            ),
            (
                "fe80::1",
                "fe80::1 is a link-local IPv6 address, which is valid only on its own link; use the machine's own address",
            ),
            (
                "proxy.example.io",
                "\"proxy.example.io\" is a name, not an IP address; use the address, because a name can point to another machine later",
            ),
            (
                "0.0.0.0",
                "0.0.0.0 is a wildcard, not a machine's address; use the machine's own address",
            ),
            ("::", ":: is a wildcard, not a machine's address; use the machine's own address"),
            (
                "255.255.255.255",
                "255.255.255.255 is the broadcast address, not a machine's address; use the machine's own address",
            ),
            (
                "224.0.0.1",
                "224.0.0.1 is a multicast address, not a machine's address; use the machine's own address",
            ),
            (
                "ff02::1",
                "ff02::1 is a multicast address, not a machine's address; use the machine's own address",
            ),
            ("[203.0.113.7]", "\"[203.0.113.7]\" is not an IP address"),
            ("", "\"\" is not an IP address"),
            ("proxy", "\"proxy\" is not an IP address"),
        ];
        for (text, refused) in table {
            assert_eq!(address(text).unwrap_err().to_string(), refused, "{text}");
        }
    }

    #[test]
    fn a_dns_server_has_port_53_by_default() {
        let server = |text: &str| dns_server(text).map(|server| server.to_string());
        assert_eq!(server("192.0.2.53").unwrap(), "192.0.2.53:53");
        assert_eq!(server("127.0.0.1:5353").unwrap(), "127.0.0.1:5353");
        assert_eq!(server("2001:db8::53").unwrap(), "[2001:db8::53]:53");
        assert_eq!(server("[2001:db8::53]:54").unwrap(), "[2001:db8::53]:54");
        assert_eq!(
            server("192.0.2.53:0").unwrap_err().to_string(),
            "0 is not a valid port; use a port from 1 to 65535"
        );
        assert_eq!(
            server("one.one.one.one").unwrap_err().message,
            "\"one.one.one.one\" is a name, not an IP address"
        );
    }

    #[test]
    fn a_stun_server_is_a_name_or_an_address_with_a_port() {
        assert_eq!(
            stun_server("stun.example.net:19302").unwrap(),
            StunServer::Name("stun.example.net".parse().unwrap(), Port::new(19_302).unwrap())
        );
        assert_eq!(
            stun_server("[2001:db8::9]:19302").unwrap(),
            StunServer::Address("[2001:db8::9]:19302".parse().unwrap())
        );
        for refused in ["stun.example.net", "stun.example.net:0", "stun:19302", "192.0.2.1:0"] {
            assert!(stun_server(refused).is_err(), "{refused}");
        }
    }
}
