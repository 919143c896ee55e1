//! Where we look from.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::name::NodeName;
use super::word_list::word_list;

word_list! {
    /// A network zone from which packets come, in the terms of the guide's "Source" column.
    pub enum Zone {
        /// Outside the deployment ("0.0.0.0/0, ::/0").
        Internet = "internet",
        /// On the external proxy.
        ExternalProxy = "external-proxy",
        /// On a Master Node.
        Master = "master",
        /// On a Media Node.
        Media = "media",
        /// On the same machine as the tested node.
        OwnNode = "own-node",
    }
}

/// Where this run looks from, and what it has at hand there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The HTTP proxy that the environment of this machine names for the deployment, without user name
    /// and password. A check does not use it.
    pub http_proxy: Option<String>,
}
