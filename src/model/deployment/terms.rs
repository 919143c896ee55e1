//! The choices that an operator makes: edition, topology, policy, features, modules, engine.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NodeRole;
use crate::model::vantage::Zone;

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
    /// The guide of OpenVidu 3.6 (LiveKit 1.9.8).
    #[serde(rename = "3.6")]
    #[value(name = "3.6")]
    V3_6,
    /// The guide of OpenVidu 3.9 (LiveKit 1.13.7).
    #[serde(rename = "3.9")]
    #[value(name = "3.9")]
    V3_9,
}

impl Edition {
    /// Every edition, oldest first.
    pub const ALL: [Self; 3] = [Self::V3_2, Self::V3_6, Self::V3_9];

    /// The policies that this edition of the guide knows.
    pub fn policies(self) -> &'static [Policy] {
        match self {
            Self::V3_2 | Self::V3_6 => &[Policy::Default, Policy::ForcedTurn],
            Self::V3_9 => &Policy::ALL,
        }
    }

    /// The modules that this edition knows by these names.
    pub fn modules(self) -> &'static [Module] {
        match self {
            Self::V3_2 => &[Module::Observability, Module::App, Module::V2Compatibility],
            Self::V3_6 | Self::V3_9 => {
                &[Module::Observability, Module::OpenviduMeet, Module::V2Compatibility]
            }
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_2 => "3.2",
            Self::V3_6 => "3.6",
            Self::V3_9 => "3.9",
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
    /// One Master Node and any number of Media Nodes.
    Elastic,
    /// Several Master Nodes behind a load balancer, and Media Nodes.
    HighAvailability,
}

impl Topology {
    /// Every topology, in the order of the guide.
    pub const ALL: [Self; 3] = [Self::SingleNode, Self::Elastic, Self::HighAvailability];

    /// The roles of its machines, in the order of the guide's tables.
    pub fn roles(self) -> &'static [NodeRole] {
        match self {
            Self::SingleNode => &[NodeRole::Openvidu, NodeRole::Proxy],
            Self::Elastic | Self::HighAvailability => {
                &[NodeRole::Master, NodeRole::Media, NodeRole::Proxy]
            }
        }
    }

    /// The zones in which somebody can stand who looks at it.
    pub fn zones(self) -> &'static [Zone] {
        match self {
            Self::SingleNode => &[Zone::Internet, Zone::ExternalProxy, Zone::OwnNode],
            // Which node is one's own follows from the addresses.
            Self::Elastic | Self::HighAvailability => {
                &[Zone::Internet, Zone::ExternalProxy, Zone::Master, Zone::Media]
            }
        }
    }

    /// The role of the machines that the proxy forwards to.
    pub fn backend(self) -> NodeRole {
        match self {
            Self::SingleNode => NodeRole::Openvidu,
            Self::Elastic | Self::HighAvailability => NodeRole::Master,
        }
    }

    /// The role of the machines that media flows to.
    pub fn media(self) -> NodeRole {
        match self {
            Self::SingleNode => NodeRole::Openvidu,
            Self::Elastic | Self::HighAvailability => NodeRole::Media,
        }
    }

    /// The most machines of a role; `None` where their number is not limited. Several proxies may
    /// share the names.
    pub fn most(self, role: NodeRole) -> Option<usize> {
        match (self, role) {
            (Self::SingleNode, NodeRole::Openvidu) | (Self::Elastic, NodeRole::Master) => Some(1),
            (Self::SingleNode, NodeRole::Master | NodeRole::Media)
            | (Self::Elastic | Self::HighAvailability, NodeRole::Openvidu) => Some(0),
            (_, NodeRole::Proxy)
            | (Self::HighAvailability, NodeRole::Master)
            | (Self::Elastic | Self::HighAvailability, NodeRole::Media) => None,
        }
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleNode => "single-node",
            Self::Elastic => "elastic",
            Self::HighAvailability => "high-availability",
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
pub enum Policy {
    /// Media flows over UDP past the proxy; TURN over TLS is for those who need it.
    #[serde(rename = "default")]
    #[value(name = "default")]
    Default,
    /// The UDP ports are closed, so that media has to take TURN over TLS through the proxy
    /// (guide, "Can I force all traffic including WebRTC to go through the external proxy?").
    #[serde(rename = "forced-turn")]
    #[value(name = "forced-turn")]
    ForcedTurn,
    /// The same in the words of edition 3.9 ("443 TLS").
    #[serde(rename = "443-tls")]
    #[value(name = "443-tls")]
    Tls443,
    /// Everything but UDP 443 is closed, so that media takes TURN there, or over TLS ("443 UDP",
    /// edition 3.9).
    #[serde(rename = "443-udp")]
    #[value(name = "443-udp")]
    Udp443,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 4] = [Self::Default, Self::ForcedTurn, Self::Tls443, Self::Udp443];

    /// Whether media has no way left but TURN over TLS, so that a TURN domain is needed.
    pub fn leaves_turns_alone(self) -> bool {
        match self {
            Self::ForcedTurn | Self::Tls443 => true,
            Self::Default | Self::Udp443 => false,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::ForcedTurn => "forced-turn",
            Self::Tls443 => "443-tls",
            Self::Udp443 => "443-udp",
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

/// A module of OpenVidu (`--enabled-modules`), by the installer's name.
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
pub enum Module {
    /// Grafana, Loki, Mimir.
    #[serde(rename = "observability")]
    #[value(name = "observability")]
    Observability,
    /// OpenVidu Call, up to 3.3.
    #[serde(rename = "app")]
    #[value(name = "app")]
    App,
    /// OpenVidu Meet, from 3.4 on.
    #[serde(rename = "openviduMeet")]
    #[value(name = "openviduMeet")]
    OpenviduMeet,
    /// The API of OpenVidu 2.
    #[serde(rename = "v2compatibility")]
    #[value(name = "v2compatibility")]
    V2Compatibility,
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observability => "observability",
            Self::App => "app",
            Self::OpenviduMeet => "openviduMeet",
            Self::V2Compatibility => "v2compatibility",
        })
    }
}
