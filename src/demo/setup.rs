//! Every choice of the demo: all of them right, or one of them wrong.

use super::Fault;
use super::api::Upgrades;
use super::deployment::{DOMAIN, TURN_DOMAIN};
use super::livekit::{Capacity, Outbound, Passage};
use super::port80::Port80;
use super::proxy::{OldTls, Versions};
use super::turn::{Credentials, MediaFromRelays, Peers, Quota};
use crate::model::deployment::Policy;

/// Every choice of the demo.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    // The DNS.
    pub domain_leads_to: Machine,
    pub turn_domain: TurnDomain,
    // The proxy.
    pub port_80: Port80,
    pub domain_certificate: Certificate,
    /// The name in the certificate that the TURN name is served with.
    pub turn_certificate_name: &'static str,
    pub versions: Versions,
    pub old_tls: OldTls,
    pub unknown_names: UnknownNames,
    pub domain_backend: Backend,
    pub turn_backend: Backend,
    pub rtmp_port: RtmpPort,
    // OpenVidu.
    pub upgrades: Upgrades,
    /// In seconds; negative: behind.
    pub clock_ahead: i64,
    pub api_port: Exposure,
    pub ice_tcp_port: Exposure,
    pub redis_port: Exposure,
    pub udp_443: Udp443,
    pub media_range: MediaRange,
    // Calls.
    pub told_key: ToldKey,
    pub capacity: Capacity,
    pub ice_urls: IceUrls,
    pub media_address: MediaAddress,
    pub media_passage: Passage,
    pub node_udp_out: Outbound,
    pub turn_credentials: Credentials,
    pub turn_quota: Quota,
    pub relay_peers: Peers,
    pub media_from_relays: MediaFromRelays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    Proxy,
    Openvidu,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnDomain {
    LeadsToProxy,
    DoesNotExist,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    Right,
    WithoutIntermediate,
    Expired,
    SelfSigned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownNames {
    Refused,
    ReachApi,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Api,
    Turn,
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtmpPort {
    Tls,
    Plain,
}

/// A TCP port of OpenVidu as the internet meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    Open,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Udp443 {
    Turn,
    Dropped,
    DnsServer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaRange {
    Open,
    Dropped,
    /// Dropped but for one port in the middle, which is open and idle.
    DroppedButOne,
}

/// What the operator believes the API key to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToldKey {
    Right,
    WrongSecret,
    UnknownKey,
}

/// The TURN servers that participants receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IceUrls {
    Both,
    /// LiveKit has no TURN domain configured.
    WithoutTls,
    /// TURN over TLS on the port of the node, where the proxy does not listen.
    TlsOnNodePort,
    /// As LiveKit 1.10.0 wrote the node's address.
    Malformed,
}

/// The address at which media is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaAddress {
    Node,
    /// That of a network inside the machine.
    Private,
}

impl Setup {
    /// What `policy` asks for.
    pub fn right(policy: Policy) -> Self {
        let (ice_tcp_port, udp_443, media_range) = match policy {
            Policy::Default => (Exposure::Open, Udp443::Turn, MediaRange::Open),
            Policy::ForcedTurn | Policy::Tls443 => {
                (Exposure::Closed, Udp443::Dropped, MediaRange::Dropped)
            }
            Policy::Udp443 => (Exposure::Closed, Udp443::Turn, MediaRange::Dropped),
        };
        Self {
            domain_leads_to: Machine::Proxy,
            turn_domain: TurnDomain::LeadsToProxy,
            port_80: Port80::Redirects,
            domain_certificate: Certificate::Right,
            turn_certificate_name: TURN_DOMAIN,
            versions: Versions::Tls12And13,
            old_tls: OldTls::Refused,
            unknown_names: UnknownNames::Refused,
            domain_backend: Backend::Api,
            turn_backend: Backend::Turn,
            rtmp_port: RtmpPort::Tls,
            upgrades: Upgrades::Arrive,
            clock_ahead: 0,
            api_port: Exposure::Closed,
            ice_tcp_port,
            redis_port: Exposure::Closed,
            udp_443,
            media_range,
            told_key: ToldKey::Right,
            capacity: Capacity::Unlimited,
            ice_urls: IceUrls::Both,
            media_address: MediaAddress::Node,
            media_passage: Passage::Whole,
            node_udp_out: match policy {
                Policy::Default => Outbound::Open,
                Policy::ForcedTurn | Policy::Tls443 | Policy::Udp443 => Outbound::Closed,
            },
            turn_credentials: Credentials::Known,
            turn_quota: Quota::Unlimited,
            relay_peers: Peers::NodeAlone,
            media_from_relays: MediaFromRelays::Arrives,
        }
    }

    /// The same but for `fault`.
    pub fn with(mut self, fault: Fault) -> Self {
        match fault {
            Fault::TurnNameReachesApi => self.turn_backend = Backend::Api,
            Fault::TurnBackendDown => self.turn_backend = Backend::Nobody,
            Fault::TurnCertificateWrongName => self.turn_certificate_name = DOMAIN,
            Fault::MissingIntermediate => {
                self.domain_certificate = Certificate::WithoutIntermediate;
            }
            Fault::ExpiredCertificate => self.domain_certificate = Certificate::Expired,
            Fault::SelfSignedCertificate => self.domain_certificate = Certificate::SelfSigned,
            Fault::NoRedirect => self.port_80 = Port80::ServesPage,
            Fault::RtmpPlaintext => self.rtmp_port = RtmpPort::Plain,
            Fault::DnsPointsToOpenvidu => self.domain_leads_to = Machine::Openvidu,
            Fault::TurnNameMissing => self.turn_domain = TurnDomain::DoesNotExist,
            Fault::ApiWebsocketBlocked => self.upgrades = Upgrades::AreLost,
            Fault::ApiBackendDown => self.domain_backend = Backend::Nobody,
            Fault::UnknownNameServed => self.unknown_names = UnknownNames::ReachApi,
            Fault::Tls11Accepted => self.old_tls = OldTls::Tls11Accepted,
            Fault::Tls13Missing => self.versions = Versions::Tls12Only,
            Fault::ClockOff => self.clock_ahead = 5 * 60,
            Fault::ApiPortExposed => self.api_port = Exposure::Open,
            Fault::Udp443Blocked => self.udp_443 = Udp443::Dropped,
            Fault::Udp443WrongService => self.udp_443 = Udp443::DnsServer,
            Fault::UdpBlocked => {
                self.udp_443 = Udp443::Dropped;
                self.media_range = MediaRange::Dropped;
                self.node_udp_out = Outbound::Closed;
            }
            Fault::IceTcpBlocked => self.ice_tcp_port = Exposure::Closed,
            Fault::Udp443Open => self.udp_443 = Udp443::Turn,
            Fault::MediaPortOpen => self.media_range = MediaRange::DroppedButOne,
            Fault::IceTcpOpen => self.ice_tcp_port = Exposure::Open,
            Fault::RedisExposed => self.redis_port = Exposure::Open,
            Fault::ApiSecretWrong => self.told_key = ToldKey::WrongSecret,
            Fault::ApiKeyUnknown => self.told_key = ToldKey::UnknownKey,
            Fault::ClockBehindTokens => self.clock_ahead = -2 * 60,
            Fault::RoomFull => self.capacity = Capacity::Nobody,
            Fault::TurnUrlMissing => self.ice_urls = IceUrls::WithoutTls,
            Fault::TurnUrlWrongPort => self.ice_urls = IceUrls::TlsOnNodePort,
            Fault::TurnUrlMalformed => self.ice_urls = IceUrls::Malformed,
            Fault::CandidateIsPrivate => self.media_address = MediaAddress::Private,
            Fault::TurnCredentialsRefused => self.turn_credentials = Credentials::Unknown,
            Fault::TurnQuotaUsedUp => self.turn_quota = Quota::UsedUp,
            Fault::MediaRangeBlockedForRelay => {
                self.media_from_relays = MediaFromRelays::Dropped;
            }
            Fault::RelayReachesPrivateNetworks => self.relay_peers = Peers::Everybody,
            Fault::LargePacketsLost => self.media_passage = Passage::Narrow,
            Fault::DtlsBlocked => self.media_passage = Passage::StunAlone,
            Fault::HolePunched => self.node_udp_out = Outbound::Open,
        }
        self
    }
}
