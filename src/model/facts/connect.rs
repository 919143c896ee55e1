//! What a connection attempt meets, ICMP errors among it.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::target::Family;

/// What a SYN (and its retransmissions) met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    Accepted,
    /// RST.
    Reset,
    Icmp(IcmpError),
    /// Nothing within the time-out.
    Silent,
}

impl Connect {
    /// Whether somebody accepted.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }
}

/// An ICMP or ICMPv6 error that came back for a packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct IcmpError {
    pub family: Family,
    /// ICMP type (RFC 792: 3 destination unreachable, 11 time exceeded; RFC 4443: 1, 3).
    #[serde(rename = "type")]
    pub icmp_type: u8,
    pub code: u8,
    /// Who sent it; `None` where the system does not tell.
    pub from: Option<IpAddr>,
}

/// What an ICMP error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpMeaning {
    /// 3/3 · v6 1/4.
    PortUnreachable,
    /// 3/9, 3/10, 3/13 · v6 1/1, 1/5, 1/6: a firewall says so itself.
    AdminProhibited,
    /// 3/1, 3/5…8, 3/11, 3/12 · v6 1/3, 1/2: the last router found nobody.
    HostUnreachable,
    /// 3/0 · v6 1/0.
    NetworkUnreachable,
    /// Anything else.
    Other,
}

impl IcmpError {
    /// The meaning of type and code (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1).
    pub fn meaning(&self) -> IcmpMeaning {
        use IcmpMeaning as M;
        match (self.family, self.icmp_type, self.code) {
            (Family::V4, 3, 3) | (Family::V6, 1, 4) => M::PortUnreachable,
            (Family::V4, 3, 9 | 10 | 13) | (Family::V6, 1, 1 | 5 | 6) => M::AdminProhibited,
            (Family::V4, 3, 0) | (Family::V6, 1, 0) => M::NetworkUnreachable,
            (Family::V4, 3, 1 | 5..=8 | 11 | 12) | (Family::V6, 1, 2 | 3) => M::HostUnreachable,
            _ => M::Other,
        }
    }
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.meaning() {
            IcmpMeaning::PortUnreachable => "port unreachable",
            IcmpMeaning::AdminProhibited => "administratively prohibited",
            IcmpMeaning::HostUnreachable => "host unreachable",
            IcmpMeaning::NetworkUnreachable => "network unreachable",
            IcmpMeaning::Other => "an error",
        };
        let protocol = match self.family {
            Family::V4 => "ICMP",
            Family::V6 => "ICMPv6",
        };
        write!(f, "{words} ({protocol} {}/{}", self.icmp_type, self.code)?;
        match self.from {
            Some(from) => write!(f, " from {from})"),
            None => f.write_str(")"),
        }
    }
}
