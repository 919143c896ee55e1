//! What a check is about: a name, an address, a port, or a part of these.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::facts::{CandidatePlace, ServerText, Way};
use super::name::{DomainName, NodeName};
use super::port::{Port, PortRange, Transport};

/// IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    #[serde(rename = "ipv4")]
    V4,
    #[serde(rename = "ipv6")]
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An address and a port, as *meant*: what is dialled may differ (`--connect-to`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    pub address: IpAddr,
    pub port: Port,
}

impl From<Endpoint> for SocketAddr {
    fn from(endpoint: Endpoint) -> Self {
        Self::new(endpoint.address, endpoint.port.number())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::from(*self).fmt(f)
    }
}

/// What a check is about. A part that is `None` does not matter for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    pub node: Option<NodeName>,
    /// The name in SNI, `Host` or the DNS question.
    pub host: Option<DomainName>,
    pub address: Option<IpAddr>,
    pub transport: Option<Transport>,
    /// One port, or a range of them.
    pub port: Option<PortRange>,
    /// A STUN or TURN server, as the server names it to participants.
    pub turn_url: Option<ServerText>,
    /// Where the server offers media.
    pub candidate: Option<CandidateTarget>,
    /// A way that media can take.
    pub way: Option<Way>,
    /// A setting in a configuration file. It is left out of [`Self::key`] where there is none: findings of
    /// the network keep their fingerprints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<SettingTarget>,
}

/// A setting in a configuration file: without its line, which moves from change to change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SettingTarget {
    pub file: ServerText,
    /// The directive or key: `proxy_pass`, `turn.external_tls`.
    pub name: ServerText,
}

/// A candidate as the target of a check: without its port, which is another one in each session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateTarget {
    Address {
        transport: Transport,
        address: IpAddr,
    },
    /// A candidate in which no address can be read.
    Unreadable(ServerText),
}

impl From<CandidatePlace> for CandidateTarget {
    fn from(place: CandidatePlace) -> Self {
        Self::Address { transport: place.transport, address: place.address.ip() }
    }
}

impl Target {
    /// The whole target as one text that names each part: for hashes, not for people.
    pub fn key(&self) -> String {
        serde_json::to_string(self).expect("a target is plain data")
    }

    /// Whether nothing in `self` speaks of another thing than `other`: every part that both name
    /// is the same.
    pub fn agrees_with(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
            match (a, b) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            }
        }
        same(&self.host, &other.host)
            && same(&self.address, &other.address)
            && same(&self.transport, &other.transport)
            && same(&self.port, &other.port)
            && same(&self.turn_url, &other.turn_url)
            && same(&self.candidate, &other.candidate)
            && same(&self.way, &other.way)
            && same(&self.setting, &other.setting)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut place = String::new();
        match (&self.host, &self.node) {
            (Some(host), _) => place.push_str(host.as_str()),
            (None, Some(node)) => place.push_str(node.as_str()),
            (None, None) => {}
        }
        if let Some(port) = self.port {
            if let Some(transport) = self.transport {
                if !place.is_empty() {
                    place.push(' ');
                }
                place.push_str(&transport.to_string().to_uppercase());
                place.push(' ');
            }
            place.push_str(&port.to_string());
        }
        if let Some(address) = self.address {
            if !place.is_empty() {
                place.push_str(" at ");
            }
            place.push_str(&address.to_string());
        }
        if place.is_empty() {
            place.push_str("the deployment");
        }
        f.write_str(&place)
    }
}
