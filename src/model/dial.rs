//! From the address and port that are *meant* to those that are *dialled* (curl's `--connect-to`
//! and `--resolve`), so that a deployment can be checked before its names point to it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::name::DomainName;
use super::port::{Port, PortRange};
use super::secret::Secret;
use super::target::Endpoint;

/// One `--connect-to ADDRESS:PORTS:ADDRESS:PORT`: whatever is meant for the first is dialled at
/// the second. IPv6 addresses stand in brackets; an empty first address or port means any; the
/// first port may be a range; an empty second part keeps what was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectTo {
    pub address: Option<IpAddr>,
    pub ports: Option<PortRange>,
    pub to_address: Option<IpAddr>,
    pub to_port: Option<Port>,
}

/// One `--resolve NAME:PORT:ADDRESS[,ADDRESS]`: for this name and port these addresses are used
/// instead of those in the DNS. `*` for the port means every port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    pub name: DomainName,
    pub port: Option<Port>,
    /// At least one.
    pub addresses: Vec<IpAddr>,
}

/// A STUN server outside the deployment (`--stun-server`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StunServer {
    Address(SocketAddr),
    Name(DomainName, Port),
}

impl fmt::Display for StunServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// Where to dial what is meant. The first entry that matches wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialMap {
    pub connect_to: Vec<ConnectTo>,
}

impl DialMap {
    /// What is meant, with where to dial it.
    pub fn destination(&self, meant: Endpoint) -> Destination {
        Destination { meant: meant.into(), dialled: self.dialled(meant) }
    }

    /// The address and port to dial for `meant`.
    pub fn dialled(&self, meant: Endpoint) -> SocketAddr {
        let entry = self.connect_to.iter().find(|entry| {
            entry.address.is_none_or(|address| address == meant.address)
                && entry.ports.is_none_or(|ports| ports.contains(meant.port))
        });
        match entry {
            None => meant.into(),
            Some(entry) => SocketAddr::new(
                entry.to_address.unwrap_or(meant.address),
                entry.to_port.unwrap_or(meant.port).number(),
            ),
        }
    }

    /// Like [`Self::dialled`], and `None` when that is what was meant.
    pub fn elsewhere(&self, meant: Endpoint) -> Option<SocketAddr> {
        self.destination(meant).elsewhere()
    }
}

/// Where a packet goes: the address and port that are meant, and those that are dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    pub meant: SocketAddr,
    pub dialled: SocketAddr,
}

impl Destination {
    /// Where it is dialled, when that is not what was meant.
    pub fn elsewhere(&self) -> Option<SocketAddr> {
        Some(self.dialled).filter(|dialled| *dialled != self.meant)
    }
}

/// What is dialled as it is written: an HTTP proxy, a DNS or STUN server outside the deployment.
impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self { meant: address, dialled: address }
    }
}

/// An HTTP proxy of our own network, through which every connection over TCP has to go (RFC 9110
/// §9.3.6). Never a proxy of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProxy {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: Port,
    /// The value of `Proxy-Authorization`, if it wants one.
    pub authorization: Option<Secret>,
}

impl fmt::Display for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why a `--connect-to` or `--resolve` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDial {
    #[error("\"{0}\" does not have the form ADDRESS:PORT:ADDRESS:PORT")]
    ConnectToShape(String),
    #[error("\"{0}\" does not have the form NAME:PORT:ADDRESS[,ADDRESS]")]
    ResolveShape(String),
    #[error("\"{0}\" is not an IP address")]
    Address(String),
    #[error(transparent)]
    Port(#[from] super::port::InvalidPort),
    #[error(transparent)]
    Name(#[from] super::name::InvalidDomainName),
}

/// Splits at colons that do not stand in brackets.
fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        c == ':' && depth == 0
    })
    .collect()
}

fn address(text: &str) -> Result<IpAddr, InvalidDial> {
    text.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .map_err(|_| InvalidDial::Address(text.to_owned()))
}

fn optional<T, E>(text: &str, read: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, E> {
    if text.is_empty() {
        return Ok(None);
    }
    read(text).map(Some)
}

impl FromStr for ConnectTo {
    type Err = InvalidDial;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = split_outside_brackets(text);
        let [from_address, from_ports, to_address, to_port] = parts.as_slice() else {
            return Err(InvalidDial::ConnectToShape(text.to_owned()));
        };
        Ok(Self {
            address: optional(from_address, address)?,
            ports: optional(from_ports, str::parse)?,
            to_address: optional(to_address, address)?,
            to_port: optional(to_port, str::parse)?,
        })
    }
}

impl FromStr for Resolve {
    type Err = InvalidDial;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = split_outside_brackets(text);
        // curl takes IPv6 addresses without brackets here too; then they are cut apart above.
        let [name, port, first, rest @ ..] = parts.as_slice() else {
            return Err(InvalidDial::ResolveShape(text.to_owned()));
        };
        let addresses = if rest.is_empty() {
            (*first).to_owned()
        } else {
            format!("{first}:{}", rest.join(":"))
        };
        Ok(Self {
            name: name.parse()?,
            port: if *port == "*" { None } else { Some(port.parse()?) },
            addresses: addresses.split(',').map(address).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(address: &str, port: u16) -> Endpoint {
        Endpoint { address: address.parse().unwrap(), port: Port::new(port).unwrap() }
    }

    #[test]
    fn the_first_entry_that_matches_says_where_to_dial() {
        let map = DialMap {
            connect_to: vec![
                "203.0.113.10:443:127.0.0.1:8443".parse().unwrap(),
                "203.0.113.20:50000-60000:127.0.0.1:9".parse().unwrap(),
                "[2001:db8::1]::[::1]:".parse().unwrap(),
            ],
        };
        let dialled = |address, port| map.dialled(meant(address, port)).to_string();
        assert_eq!(dialled("203.0.113.10", 443), "127.0.0.1:8443");
        assert_eq!(dialled("203.0.113.20", 55_000), "127.0.0.1:9");
        assert_eq!(dialled("2001:db8::1", 80), "[::1]:80");
        assert_eq!(dialled("203.0.113.10", 444), "203.0.113.10:444");
        assert_eq!(map.elsewhere(meant("203.0.113.10", 444)), None);
    }

    #[test]
    fn resolve_reads_names_ports_and_addresses_as_curl_does() {
        let one: Resolve = "a.example:443:203.0.113.7,2001:db8::7".parse().unwrap();
        assert_eq!(one.addresses.len(), 2);
        assert_eq!(one.port, Port::new(443));
        let any: Resolve = "a.example:*:[2001:db8::7]".parse().unwrap();
        assert_eq!(any.port, None);
        assert_eq!(
            "a.example:443".parse::<Resolve>(),
            Err(InvalidDial::ResolveShape("a.example:443".into()))
        );
    }
}
