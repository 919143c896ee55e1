//! The OpenVidu machine: LiveKit, its TURN server, and what its firewall shows to the internet.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use dimpl::DtlsCertificate;

use super::DemoError;
use super::api::Api;
use super::certificates::self_signed;
use super::deployment::{IPV4, TURN_DOMAIN};
use super::dns::Zone;
use super::inside::Inside;
use super::livekit::{
    ApiKey, Ground, ICE_TCP_PORT, Idle, Inbound, LiveKit, MediaPorts, Rooms, Sessions, random,
};
use super::opening::Opening;
use super::servers::{Tcp, Udp};
use super::setup::{Exposure, IceUrls, MediaAddress, MediaRange, Setup, ToldKey, Udp443};
use super::turn::{Relays, Service, Users};
use crate::model::secret::Secret;
use crate::net::clock::Clock;

/// LiveKit's keys have 32 characters at least.
const SECRET_LENGTH: usize = 43;

/// The address of a Docker network, which participants cannot reach.
const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 17, 0, 1));

/// The machine.
pub struct Openvidu {
    pub api: Api,
    pub turn: Arc<Service>,
    pub livekit: Arc<LiveKit>,
    /// The API key, as the operator believes it to be.
    pub told_key: ApiKey,
    inside: Arc<Inside>,
}

impl Openvidu {
    /// Takes the ports for media, at `node_at`.
    ///
    /// # Errors
    /// When there are none to be had.
    pub async fn new(setup: &Setup, clock: Clock, node_at: IpAddr) -> Result<Self, DemoError> {
        let inside = Arc::default();
        let (idle, inbound) = match setup.media_range {
            MediaRange::Open => (Idle::Refuses, Inbound::Open),
            MediaRange::Dropped | MediaRange::DroppedButOne => (Idle::Silent, Inbound::Closed),
        };
        let media_ports = MediaPorts::take(IPV4.openvidu, node_at, idle, &inside);
        let media_ports = media_ports.await.map_err(DemoError::Port)?;
        let api_key = ApiKey {
            key: format!("API{}", random(12)),
            secret: Secret::new(random(SECRET_LENGTH)),
        };
        let told_key = told_key(&api_key, setup.told_key);
        let users = Arc::new(Users::new(api_key.secret.clone(), setup.turn_credentials));
        let relays = Relays::new(IPV4.openvidu, Arc::clone(&inside), setup.media_from_relays);
        let livekit = Arc::new(LiveKit {
            clock,
            ahead: setup.clock_ahead,
            api_key,
            capacity: setup.capacity,
            ice_urls: ice_urls(setup.ice_urls),
            media_ip: match setup.media_address {
                MediaAddress::Node => IPV4.openvidu,
                MediaAddress::Private => PRIVATE,
            },
            media_ports: Arc::new(media_ports),
            ground: Arc::new(Ground {
                inside: Arc::clone(&inside),
                passage: setup.media_passage,
                inbound,
                outbound: setup.node_udp_out,
            }),
            users: Arc::clone(&users),
            rooms: Rooms::default(),
            sessions: Sessions::new(dtls_certificate(clock)?),
            neighbours: OnceLock::new(),
        });
        Ok(Self {
            api: Api { livekit: Arc::clone(&livekit), upgrades: setup.upgrades },
            turn: Arc::new(Service {
                users,
                relays,
                peers: setup.relay_peers,
                quota: setup.turn_quota,
            }),
            livekit,
            told_key,
            inside,
        })
    }

    /// Opens the ports of one of its addresses as its firewall shows them to the internet.
    ///
    /// # Errors
    /// When a server cannot be started on this machine.
    pub async fn open(&self, mut opening: Opening<'_>, setup: &Setup) -> Result<(), DemoError> {
        self.open_udp_443(&mut opening, setup.udp_443).await?;
        self.open_media_range(&mut opening, setup.media_range).await?;
        match setup.ice_tcp_port {
            Exposure::Open => {
                let ice = Tcp::Ice(Arc::clone(&self.livekit));
                opening.port(ICE_TCP_PORT, ice, Udp::Silent).await?;
            }
            Exposure::Closed => {}
        }
        match setup.api_port {
            Exposure::Open => {
                let api = Tcp::Api(self.api.clone());
                opening.port(7880, api, Udp::Silent).await?;
            }
            Exposure::Closed => {}
        }
        match setup.redis_port {
            Exposure::Open => opening.port(7000, Tcp::Redis, Udp::Silent).await?,
            Exposure::Closed => {}
        }
        if setup.media_address == MediaAddress::Private && opening.address.is_ipv4() {
            // Checks of this candidate end here and do not reach a network of the user.
            opening.everywhere(PRIVATE).await?;
        }
        opening.everything_else().await
    }

    /// Relays reach what listens there also where the firewall drops it from outside.
    async fn open_udp_443(
        &self,
        opening: &mut Opening<'_>,
        udp_443: Udp443,
    ) -> Result<(), DemoError> {
        // The TURN server inside OpenVidu 3.2 listens only on IPv4.
        if opening.address.is_ipv6() {
            let udp = match udp_443 {
                Udp443::Turn | Udp443::DnsServer => Udp::Closed,
                Udp443::Dropped => Udp::Silent,
            };
            return opening.port(443, Tcp::Refuses, udp).await;
        }
        let listens = match udp_443 {
            Udp443::Turn | Udp443::Dropped => Udp::Turn(Arc::clone(&self.turn)),
            Udp443::DnsServer => Udp::Dns(Arc::new(Zone { names: Vec::new() })),
        };
        let place = opening.servers.open(opening.loopback, Tcp::Refuses, listens);
        let place = place.await?;
        let told = SocketAddr::new(opening.address, 443);
        opening.servers.keep(self.inside.lead(told, place));
        match udp_443 {
            Udp443::Turn | Udp443::DnsServer => {
                opening.lead_to(443, place);
                Ok(())
            }
            Udp443::Dropped => opening.port(443, Tcp::Refuses, Udp::Silent).await,
        }
    }

    /// The first entry that matches wins: single ports come before the range around them.
    async fn open_media_range(
        &self,
        opening: &mut Opening<'_>,
        media_range: MediaRange,
    ) -> Result<(), DemoError> {
        let node = opening.address;
        let ports = self.livekit.media_ports.all().iter();
        for port in ports.filter(|port| port.told.ip() == node) {
            opening.lead_to(port.told.port(), port.real);
        }
        let range = match media_range {
            // A port without a session has no listener.
            MediaRange::Open => Udp::Closed,
            MediaRange::Dropped => Udp::Silent,
            MediaRange::DroppedButOne => {
                opening.port(55_000, Tcp::Refuses, Udp::Closed).await?;
                Udp::Silent
            }
        };
        opening.ports(50_000, 60_000, Tcp::Refuses, range).await
    }
}

/// LiveKit makes its own, which participants know by its fingerprint.
fn dtls_certificate(clock: Clock) -> Result<DtlsCertificate, rcgen::Error> {
    let own = self_signed("WebRTC", clock.now())?;
    Ok(DtlsCertificate {
        certificate: own.chain.iter().flat_map(|der| der.to_vec()).collect(),
        private_key: own.key.secret_der().to_vec(),
    })
}

fn told_key(api_key: &ApiKey, told: ToldKey) -> ApiKey {
    let (key, secret) = (api_key.key.clone(), api_key.secret.clone());
    match told {
        ToldKey::Right => ApiKey { key, secret },
        ToldKey::WrongSecret => ApiKey { key, secret: Secret::new(random(SECRET_LENGTH)) },
        ToldKey::UnknownKey => ApiKey { key: format!("API{}", random(12)), secret },
    }
}

/// LiveKit announces the node by its address, and the proxy by the TURN domain.
fn ice_urls(ice_urls: IceUrls) -> Vec<String> {
    let udp = format!("turn:{}:443?transport=udp", IPV4.openvidu);
    let tls = format!("turns:{TURN_DOMAIN}:443?transport=tcp");
    match ice_urls {
        IceUrls::Both => vec![udp, tls],
        IceUrls::WithoutTls => vec![udp],
        IceUrls::TlsOnNodePort => vec![udp, tls.replace(":443?", ":5349?")],
        IceUrls::Malformed => {
            let udp = format!("turn:{{{} }}:443?transport=udp", IPV4.openvidu);
            vec![udp, tls]
        }
    }
}
