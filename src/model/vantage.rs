//! Where we look from.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::NodeName;

/// Where somebody stands, in the words of the guide's "Source" column.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// Outside the deployment ("0.0.0.0/0, ::/0").
    Internet,
    /// On the external proxy.
    ExternalProxy,
    /// On a Master Node.
    Master,
    /// On a Media Node.
    Media,
    /// On the very machine that is looked at.
    OwnNode,
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Internet => "internet",
            Self::ExternalProxy => "external-proxy",
            Self::Master => "master",
            Self::Media => "media",
            Self::OwnNode => "own-node",
        })
    }
}

/// Where this run looks from, and what it has at hand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vantage {
    /// A name for the reports, if the operator gave one.
    pub name: Option<String>,
    pub zone: Zone,
    /// The nodes whose machine this is: none outside; two where the proxy shares a machine.
    pub stands_on: Vec<NodeName>,
    /// The addresses of this machine without loopback and link-local ones, sorted.
    pub addresses: Vec<IpAddr>,
    /// The DNS servers that are asked, in order.
    pub dns_servers: Vec<SocketAddr>,
    /// STUN servers outside the deployment that show whether our own UDP gets out and back, in
    /// each address family; may be empty.
    pub stun_servers: Vec<SocketAddr>,
    /// Addresses of [`Self::dns_servers`] and [`Self::stun_servers`] that lie on our own links: an
    /// answer from there does not show that packets leave our network.
    pub near: Vec<IpAddr>,
}
