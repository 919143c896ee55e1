//! What rules about names saw.

use std::net::{IpAddr, SocketAddr};

use super::Seen;
use crate::model::deployment::NodeRole;
use crate::model::facts::DnsAnswer;
use crate::model::front::HttpFront;
use crate::model::name::DomainName;

/// What a rule about a name saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsSeen {
    /// The name has these addresses.
    Addresses(Vec<IpAddr>),
    /// No address came: what this server said, and the end of a chain of CNAMEs.
    NoAddress { answer: DnsAnswer, server: SocketAddr, cname_end: Option<DomainName> },
    /// The name has no address to judge.
    NothingToJudge,
    /// The address is a declared one of the proxy.
    PointsToProxy,
    /// The address is not one of the proxy's.
    PointsElsewhere {
        /// The role of the declared node that has the address.
        owner: Option<NodeRole>,
        proxy: Vec<IpAddr>,
        /// What answers HTTP at the address.
        front: Option<HttpFront>,
    },
    /// Inside the deployment's network private addresses are right.
    JudgedFromInternetOnly,
    /// The internet can reach the address.
    Public,
    /// Private, loopback, link-local or carrier NAT.
    NotPublic,
}

impl From<DnsSeen> for Seen {
    fn from(seen: DnsSeen) -> Self {
        Self::Dns(seen)
    }
}
