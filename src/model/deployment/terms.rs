//! The choices that an operator makes: edition, topology, policy, features, modules, engine.

use super::NodeRole;
use crate::model::vantage::Zone;
use crate::model::word_list::word_list;

word_list! {
    /// An edition of the external-proxy guide, named after the OpenVidu version it belongs to.
    pub enum Edition {
        /// OpenVidu 3.0 (LiveKit 1.8.0), before the guide.
        V3_0 = "3.0",
        /// OpenVidu 3.1 (LiveKit 1.8.3), before the guide.
        V3_1 = "3.1",
        /// The guide of OpenVidu 3.2 (LiveKit 1.8.4).
        V3_2 = "3.2",
        /// OpenVidu 3.3 (LiveKit 1.8.4).
        V3_3 = "3.3",
        /// OpenVidu 3.4 (LiveKit 1.9.0): OpenVidu Meet, WebRTC over TCP with mediasoup.
        V3_4 = "3.4",
        /// OpenVidu 3.5 (LiveKit 1.9.8).
        V3_5 = "3.5",
        /// The guide of OpenVidu 3.6 (LiveKit 1.9.8).
        V3_6 = "3.6",
        /// OpenVidu 3.7 (LiveKit 1.9.12).
        V3_7 = "3.7",
        /// OpenVidu 3.8 (LiveKit 1.12.0), whose TURN server listens on IPv6, too.
        V3_8 = "3.8",
        /// The guide of OpenVidu 3.9 (LiveKit 1.13.7).
        V3_9 = "3.9",
    }
}

impl Edition {
    /// The newest edition.
    pub const NEWEST: Self = Self::ALL[Self::ALL.len() - 1];

    /// The policies that this edition of the guide knows.
    pub fn policies(self) -> &'static [Policy] {
        if self < Self::V3_9 { &[Policy::Default, Policy::ForcedTurn] } else { &Policy::ALL }
    }

    /// Where the port tables of this edition come from.
    pub fn port_tables(self) -> PortTables {
        match self {
            Self::V3_2 | Self::V3_6 | Self::V3_9 => PortTables::Own,
            Self::V3_0 | Self::V3_1 => PortTables::BeforeTheGuide(Self::V3_2),
            Self::V3_4 => PortTables::Amended(Self::V3_2),
            Self::V3_3 => PortTables::Unchanged(Self::V3_2),
            Self::V3_5 => PortTables::Unchanged(Self::V3_4),
            Self::V3_7 | Self::V3_8 => PortTables::Unchanged(Self::V3_6),
        }
    }

    /// The modules that this edition knows by these names.
    pub fn modules(self) -> &'static [Module] {
        if self < Self::V3_4 {
            &[Module::Observability, Module::App, Module::V2Compatibility]
        } else {
            &[Module::Observability, Module::OpenviduMeet, Module::V2Compatibility]
        }
    }
}

/// Where the port tables of an edition come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortTables {
    /// The guide of this version was read.
    Own,
    /// The guide of the version was not read, and no row is known to have changed since this edition.
    Unchanged(Edition),
    /// Those of this edition, with the changes that the release notes and the deployment templates of the
    /// version show.
    Amended(Edition),
    /// The version is older than the guide; these are the oldest tables that are known.
    BeforeTheGuide(Edition),
}

word_list! {
    /// The OpenVidu deployment type.
    pub enum Topology {
        /// One OpenVidu machine, with the proxy on another machine or on the same one.
        SingleNode = "single-node",
        /// One Master Node and any number of Media Nodes.
        Elastic = "elastic",
        /// Several Master Nodes behind a load balancer, and Media Nodes.
        HighAvailability = "high-availability",
    }
}

impl Topology {
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

word_list! {
    /// How media is expected to reach clients.
    pub enum Policy {
        /// Media flows over UDP and bypasses the proxy; clients without UDP use TURN over TLS.
        Default = "default",
        /// The UDP ports are closed, so that all media must use TURN over TLS through the proxy
        /// (guide, "Can I force all traffic including WebRTC to go through the external proxy?").
        ForcedTurn = "forced-turn",
        /// The same as `forced-turn`, by its name in edition 3.9 ("443 TLS").
        Tls443 = "443-tls",
        /// All media ports except UDP 443 are closed, so that media must use TURN over UDP 443 or over
        /// TLS ("443 UDP", edition 3.9).
        Udp443 = "443-udp",
    }
}

impl Policy {
    /// Whether media has no way left but TURN over TLS, so that a TURN domain is needed.
    pub fn leaves_turns_alone(self) -> bool {
        match self {
            Self::ForcedTurn | Self::Tls443 => true,
            Self::Default | Self::Udp443 => false,
        }
    }
}

word_list! {
    /// A part of OpenVidu behind a row of the guide that is needed only "if you want" it.
    pub enum Feature {
        /// RTMP ingest (Ingress service).
        Rtmp = "rtmp",
        /// WebRTC ingest over WHIP.
        Whip = "whip",
        /// WebRTC over TCP.
        IceTcp = "ice-tcp",
        /// MinIO reachable by everybody.
        PublicMinio = "public-minio",
    }
}

word_list! {
    /// The WebRTC engine of OpenVidu PRO (`--rtc-engine`).
    pub enum RtcEngine {
        Pion = "pion",
        Mediasoup = "mediasoup",
    }
}

word_list! {
    /// A module of OpenVidu (`--enabled-modules`), by the installer's name.
    pub enum Module {
        /// Grafana, Loki, Mimir.
        Observability = "observability",
        /// OpenVidu Call, up to 3.3.
        App = "app",
        /// OpenVidu Meet, from 3.4 on.
        OpenviduMeet = "openviduMeet",
        /// The API of OpenVidu 2.
        V2Compatibility = "v2compatibility",
    }
}
