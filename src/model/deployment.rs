//! What the operator says is there.
//!
//! A [`Deployment`] is only ever made by `config`, which refuses what cannot be: forced TURN
//! without a TURN domain, two equal names, a node without an address. What exists is valid.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::{DomainName, NodeName};
use super::vantage::Zone;

/// An edition of the external-proxy guide, named after the OpenVidu version it belongs to.
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
pub enum Edition {
    /// The guide of OpenVidu 3.2 (LiveKit 1.8.4).
    #[serde(rename = "3.2")]
    #[value(name = "3.2")]
    V3_2,
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_2 => "3.2",
        })
    }
}

/// The OpenVidu deployment type.
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
pub enum Topology {
    /// One OpenVidu machine, with the proxy beside it or on it.
    SingleNode,
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleNode => "single-node",
        })
    }
}

/// Which way media is meant to take.
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
pub enum Policy {
    /// Media flows over UDP past the proxy; TURN over TLS is for those who need it.
    Default,
    /// The UDP ports are closed, so that media has to take TURN over TLS through the proxy
    /// (guide, "Can I force all traffic including WebRTC to go through the external proxy?").
    ForcedTurn,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::ForcedTurn => "forced-turn",
        })
    }
}

/// A part of OpenVidu behind a row of the guide that is needed only "if you want" it.
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
pub enum Feature {
    /// RTMP ingest (Ingress service).
    Rtmp,
    /// WebRTC ingest over WHIP.
    Whip,
    /// WebRTC over TCP.
    IceTcp,
    /// MinIO reachable by everybody.
    PublicMinio,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtmp => "rtmp",
            Self::Whip => "whip",
            Self::IceTcp => "ice-tcp",
            Self::PublicMinio => "public-minio",
        })
    }
}

/// The WebRTC engine of OpenVidu PRO (`--rtc-engine`).
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
pub enum RtcEngine {
    Pion,
    Mediasoup,
}

impl fmt::Display for RtcEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pion => "pion",
            Self::Mediasoup => "mediasoup",
        })
    }
}

/// Which optional rows of the guide are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uses {
    /// Nothing was said about them.
    Unsaid,
    /// Exactly these.
    Listed(BTreeSet<Feature>),
}

/// What [`Uses`] says about one feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    InUse,
    NotInUse,
    Unsaid,
}

impl Uses {
    /// What is known about `feature`.
    pub fn of(&self, feature: Feature) -> Usage {
        match self {
            Self::Unsaid => Usage::Unsaid,
            Self::Listed(features) if features.contains(&feature) => Usage::InUse,
            Self::Listed(_) => Usage::NotInUse,
        }
    }
}

/// What a machine is there for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NodeRole {
    /// The external proxy.
    Proxy,
    /// The OpenVidu machine of a Single Node deployment.
    Openvidu,
}

impl NodeRole {
    /// Every role, in the order of the guide's tables.
    pub const ALL: [Self; 2] = [Self::Openvidu, Self::Proxy];

    /// The zone somebody stands in who runs on a machine of this role.
    pub fn zone(self) -> Zone {
        match self {
            Self::Proxy => Zone::ExternalProxy,
            Self::Openvidu => Zone::OwnNode,
        }
    }
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy => "proxy",
            Self::Openvidu => "openvidu",
        })
    }
}

/// One machine of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub name: NodeName,
    pub role: NodeRole,
    /// The addresses by which users reach it; at least one.
    pub addresses: Vec<IpAddr>,
    /// The addresses by which the other machines of the deployment reach it; may be empty.
    pub private_addresses: Vec<IpAddr>,
}

impl Node {
    /// The addresses to dial for somebody who stands in `zone`: the private ones from inside,
    /// where there are any.
    pub fn addresses_from(&self, zone: Zone) -> &[IpAddr] {
        if zone == Zone::Internet || self.private_addresses.is_empty() {
            &self.addresses
        } else {
            &self.private_addresses
        }
    }

    /// Whether `address` is one of this machine's, public or private.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.private_addresses.contains(&address)
    }
}

/// What the operator says is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub edition: Edition,
    pub topology: Topology,
    pub policy: Policy,
    pub domain: DomainName,
    /// The name of TURN over TLS; differs from `domain`.
    pub turn_domain: Option<DomainName>,
    pub rtc_engine: RtcEngine,
    pub uses: Uses,
    /// In the order in which they were given; names and, within one role, addresses are unique.
    pub nodes: Vec<Node>,
}

impl Deployment {
    /// The nodes of one role.
    pub fn nodes_of(&self, role: NodeRole) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// The nodes that `address` belongs to: none, one, or two where the proxy and OpenVidu share
    /// a machine.
    pub fn nodes_at(&self, address: IpAddr) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.has(address))
    }
}
