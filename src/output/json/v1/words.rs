//! Words of the deployment file, the flags and the verdicts, spelled as they are there.

use super::open::open_words;
use super::publish::{PublishedAs, published};
use crate::model::context::{CredentialKind, RunCommand};
use crate::model::deployment::{Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology};
use crate::model::facts::{TlsVersion, Way};
use crate::model::port::Transport;
use crate::model::target::Family;
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;

published! {
    /// The subcommand that made the run. A later minor version may add commands.
    #[schemars(transform = open_words)]
    enum RunCommandV1 from RunCommand {
        /// `ovcheck check`: all checks that are possible from this vantage.
        Check,
        /// `ovcheck call`: only what a call needs.
        Call,
        /// `ovcheck demo`: all checks, of the deployment inside ovcheck.
        Demo,
        /// `ovcheck host`: the machine on which it runs.
        Host,
        /// `ovcheck lint`: configuration files.
        Lint,
    }

    /// The edition of the external-proxy guide, named after a version of OpenVidu. A later minor
    /// version may add editions.
    #[schemars(transform = open_words)]
    enum EditionV1 from Edition {
        /// The guide of OpenVidu 3.0.
        #[serde(rename = "3.0")]
        V3_0,
        /// The guide of OpenVidu 3.1.
        #[serde(rename = "3.1")]
        V3_1,
        /// The guide of OpenVidu 3.2.
        #[serde(rename = "3.2")]
        V3_2,
        /// The guide of OpenVidu 3.3.
        #[serde(rename = "3.3")]
        V3_3,
        /// The guide of OpenVidu 3.4.
        #[serde(rename = "3.4")]
        V3_4,
        /// The guide of OpenVidu 3.5.
        #[serde(rename = "3.5")]
        V3_5,
        /// The guide of OpenVidu 3.6.
        #[serde(rename = "3.6")]
        V3_6,
        /// The guide of OpenVidu 3.7.
        #[serde(rename = "3.7")]
        V3_7,
        /// The guide of OpenVidu 3.8.
        #[serde(rename = "3.8")]
        V3_8,
        /// The guide of OpenVidu 3.9.
        #[serde(rename = "3.9")]
        V3_9,
    }

    /// The OpenVidu deployment type (`--topology`).
    enum TopologyV1 from Topology {
        /// One OpenVidu machine.
        #[serde(rename = "single-node")]
        SingleNode,
        /// One Master Node and any number of Media Nodes.
        Elastic,
        /// Several Master Nodes and any number of Media Nodes.
        #[serde(rename = "high-availability")]
        HighAvailability,
    }

    /// How media is expected to reach clients (`--policy`). A later minor version may add policies.
    #[schemars(transform = open_words)]
    enum PolicyV1 from Policy {
        /// Media uses UDP directly to the node; TURN over TLS is the fallback.
        Default,
        /// The UDP ports are closed, and media must use TURN over TLS through the proxy.
        #[serde(rename = "forced-turn")]
        ForcedTurn,
        /// The same as `forced-turn`, in the words of edition 3.9.
        #[serde(rename = "443-tls")]
        Tls443,
        /// Every UDP port except 443 is closed, and media must use TURN.
        #[serde(rename = "443-udp")]
        Udp443,
    }

    /// An optional part of OpenVidu (`--uses`). A later minor version may add features.
    #[schemars(transform = open_words)]
    enum FeatureV1 from Feature {
        /// RTMP ingest.
        Rtmp,
        /// WebRTC ingest over WHIP.
        Whip,
        /// WebRTC over TCP.
        #[serde(rename = "ice-tcp")]
        IceTcp,
        /// MinIO reachable from everywhere.
        #[serde(rename = "public-minio")]
        PublicMinio,
    }

    /// A module of OpenVidu (`--enabled-modules`). A later minor version may add modules.
    #[schemars(transform = open_words)]
    enum ModuleV1 from Module {
        /// Grafana, Loki and Mimir.
        Observability,
        /// OpenVidu Call, up to version 3.3.
        App,
        /// OpenVidu Meet, from version 3.4 on.
        #[serde(rename = "openviduMeet")]
        OpenviduMeet,
        /// The API of OpenVidu 2.
        #[serde(rename = "v2compatibility")]
        V2Compatibility,
    }

    /// The WebRTC engine of OpenVidu PRO (`--rtc-engine`).
    enum RtcEngineV1 from RtcEngine {
        /// pion, the default.
        Pion,
        /// mediasoup.
        Mediasoup,
    }

    /// What a machine is there for.
    enum NodeRoleV1 from NodeRole {
        /// The external proxy or load balancer.
        Proxy,
        /// The OpenVidu machine of a Single Node deployment.
        Openvidu,
        /// A Master Node.
        Master,
        /// A Media Node.
        Media,
    }

    /// A network zone, in the words of the guide's "Source" column (`--zone`).
    enum ZoneV1 from Zone {
        /// Outside the deployment.
        Internet,
        /// On the external proxy.
        #[serde(rename = "external-proxy")]
        ExternalProxy,
        /// On a Master Node.
        Master,
        /// On a Media Node.
        Media,
        /// On the machine under test itself.
        #[serde(rename = "own-node")]
        OwnNode,
    }

    /// The credentials that a call uses. The report never contains the credentials themselves.
    enum CredentialKindV1 from CredentialKind {
        /// An access token (`--token-file`, `OVCHECK_TOKEN`).
        Token,
        /// An API key with its secret (`--api-key`, `--api-secret-file`, `OVCHECK_API_SECRET`).
        ApiKey,
    }

    /// How serious a violation is.
    enum SeverityV1 from Severity {
        /// Worth knowing.
        Info,
        /// A risk, or a failure for some users.
        Warning,
        /// Calls fail, or something is exposed.
        Error,
    }

    /// An IP version.
    enum FamilyV1 from Family {
        /// IPv4.
        #[serde(rename = "ipv4")]
        V4,
        /// IPv6.
        #[serde(rename = "ipv6")]
        V6,
    }

    /// The transport that a port belongs to.
    enum TransportV1 from Transport {
        /// TCP.
        Tcp,
        /// UDP.
        Udp,
    }

    /// How media gets from the client to the node.
    enum WayV1 from Way {
        /// UDP directly to the media port.
        Udp,
        /// TCP directly to the node (RFC 6544).
        #[serde(rename = "ice-tcp")]
        IceTcp,
        /// TURN over UDP.
        #[serde(rename = "turn-udp")]
        TurnUdp,
        /// TURN over TLS, or over TCP.
        Turns,
    }

    /// A version of SSL or TLS.
    enum TlsVersionV1 from TlsVersion {
        /// SSL 3.0 (RFC 6101).
        #[serde(rename = "SSL 3.0")]
        Ssl3,
        /// TLS 1.0 (RFC 2246).
        #[serde(rename = "TLS 1.0")]
        Tls10,
        /// TLS 1.1 (RFC 4346).
        #[serde(rename = "TLS 1.1")]
        Tls11,
        /// TLS 1.2 (RFC 5246).
        #[serde(rename = "TLS 1.2")]
        Tls12,
        /// TLS 1.3 (RFC 8446).
        #[serde(rename = "TLS 1.3")]
        Tls13,
    }
}
