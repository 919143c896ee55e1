//! What rules about names saw.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::address::SpecialRange;
use crate::model::deployment::NodeRole;
use crate::model::facts::DnsAnswer;
use crate::model::front::HttpFront;
use crate::model::name::DomainName;
use crate::model::target::Family;

/// What a rule about a name saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DnsSeen {
    /// The name has these addresses.
    Addresses(Vec<IpAddr>),
    /// One DNS server of this machine has these addresses, another denies the name.
    ServersDiffer { addresses: Vec<IpAddr>, server: SocketAddr, denied_by: SocketAddr },
    /// No address came: what this server said, and the end of a chain of CNAMEs.
    NoAddress { answer: DnsAnswer, server: SocketAddr, cname_end: Option<DomainName> },
    /// The CNAME records of the name lead back, by way of these names.
    CnameLoop { chain: Vec<DomainName>, server: SocketAddr },
    /// The server fails, and has these addresses if it is asked not to validate signatures.
    ValidationFails { addresses: Vec<IpAddr>, server: SocketAddr },
    /// One DNS server of this machine has the addresses, another fails unless it is asked not to
    /// validate signatures.
    ValidationFailsAtOne { addresses: Vec<IpAddr>, server: SocketAddr, invalid_at: SocketAddr },
    /// The name servers of the zone have these addresses, each its own.
    AuthoritiesDiffer(Vec<(DomainName, Vec<IpAddr>)>),
    /// The name has no address to judge.
    NothingToJudge,
    /// The address is a declared one of the proxy.
    PointsToProxy,
    /// A DNS64 resolver made the address from this one of the proxy.
    TranslatedFrom(IpAddr),
    /// The address is not one of the proxy's.
    PointsElsewhere {
        /// The role of the declared node that has the address.
        owner: Option<NodeRole>,
        proxy: Vec<IpAddr>,
        /// What answers HTTP at the address.
        front: Option<HttpFront>,
        record: AddressRecord,
    },
    /// No address of the proxy is declared in this family, so that there is nothing to compare with.
    FamilyUndeclared { address: IpAddr, family: Family, proxy: Vec<IpAddr> },
    /// Only private addresses of the proxy are declared, and the name has a public one.
    OnlyPrivateDeclared { address: IpAddr, proxy: Vec<IpAddr> },
    /// This many of all addresses of the name do not answer where another one of them does.
    DeadAmongOthers {
        dead: usize,
        all: usize,
        /// An address that answers.
        alive: IpAddr,
        record: AddressRecord,
        is_declared: bool,
        /// The family of which the name has no address that answers.
        family: Option<Family>,
    },
    /// The other name has none of this name's addresses, and this one does not serve its purpose.
    NamesApart { other: DomainName, addresses: Vec<IpAddr>, record: AddressRecord },
    /// The machine that is declared as the backend takes the proxy's traffic.
    NodesSwapped { backend: NodeRole, sign: SwapSign },
    /// HTTP is answered at the TURN domain, and not at the domain.
    NamesSwapped { turn_domain: DomainName },
    /// Inside the deployment's network private addresses are right.
    JudgedFromInternetOnly,
    /// The internet can reach the address.
    Public,
    /// The internet cannot reach the address: it is of this range.
    NotPublic(SpecialRange),
}

/// The record by which a name has an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressRecord {
    /// One of its own, as far as anybody can tell.
    Own,
    /// A CNAME record that leads to this name.
    Cname(DomainName),
    /// None: every name in this domain has the same address.
    Wildcard(String),
}

/// Why the declared machines appear to be interchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwapSign {
    /// The declared proxy answers on a port of the backend.
    ProxyHasBackendPort(u16),
    /// The declared proxy does not answer on this port, on which the backend does.
    ProxyLacksPort(u16),
}

impl From<DnsSeen> for Seen {
    fn from(seen: DnsSeen) -> Self {
        Self::Dns(seen)
    }
}
