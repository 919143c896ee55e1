//! What rules about TCP ports saw.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Exposure, PortsByResponder, Seen};
use crate::model::facts::{Connect, IcmpError};
use crate::model::name::NodeName;
use crate::model::port::{Port, PortRange};
use crate::model::target::Family;

/// What a rule about a TCP port, or about a range of them, saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortSeen {
    /// The port accepts connections; what answers behind it, where it was asked and answered.
    Open(Option<Exposure>),
    /// These ports of a range accept connections.
    PartOpen(Vec<OpenPort>),
    /// RST. A process that listens is missing, or a firewall rejects: both look the same.
    Refused,
    /// RST although the proxy reaches the port's service, which only a firewall does.
    RefusedToThisMachine,
    /// An ICMP error by which the machine's own firewall says that it refuses.
    FirewallRefuses(IcmpError),
    /// Another ICMP error: trouble on the way, which may pass, or somebody else's firewall.
    NotReached(IcmpError),
    /// No answer, where one must come.
    Silent,
    /// No answer, but nothing at all answered over this address family.
    NothingAnswers(Family),
    /// Nothing that was sent to these addresses was answered: the machine may be down, or the address
    /// wrong.
    NobodyAt {
        #[serde(with = "shared")]
        nodes: std::sync::Arc<[NodeName]>,
        #[serde(with = "shared")]
        addresses: std::sync::Arc<[IpAddr]>,
    },
    /// No answer, while over this family no port answered but those that every network lets out.
    WayOutUnknown(Family),
    /// Refused by RST, as every port is that nobody has heard of: our own network may do it.
    WayOutRefused(Family),
    /// Accepted, as a port is at which nobody can be listening: something accepts for others.
    AcceptedForOthers {
        unlistened: Port,
        /// Over this family for every machine, or only for this one.
        everywhere: Option<Family>,
    },
    /// Every port that was asked answers, in a range in which processes listen only during sessions.
    IdleRangeAnswers(Vec<Port>),
    /// These ports of such a range are silent.
    IdleRangeSilent(Vec<Port>),
    /// The port of a range that shows the worst.
    OfPort { port: Port, seen: Box<Seen> },
    /// The port that a table of the guide names by mistake in place of the check's own.
    MisprintAnswers { misprint: Port, met: Connect },
    /// What a responder on the machine saw of connection attempts to the ports of the check.
    ByResponder(PortsByResponder),
    /// A responder on the machine cannot tell of these ports.
    ResponderUnsure(Vec<PortRange>),
    /// A responder that the operator named told nothing.
    ResponderMissed(ResponderMissed),
}

/// Why a responder told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponderMissed {
    Silent,
    Busy,
    OtherVersion(u8),
    /// It was not asked: the time was over, or this machine had trouble of its own.
    NotAsked,
}

/// A port that accepts connections, and what answers behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPort {
    pub port: Port,
    pub behind: Option<Exposure>,
}

impl From<PortSeen> for Seen {
    fn from(seen: PortSeen) -> Self {
        Self::Port(seen)
    }
}

/// Addresses that many findings share, as a list.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(
        shared: &Arc<[T]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        shared.as_ref().serialize(to)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<[T]>, D::Error> {
        Ok(Vec::deserialize(from)?.into())
    }
}
