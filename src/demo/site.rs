//! The demo's machines: what is on which of their ports.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::DemoError;
use super::api::Api;
use super::backends::Backends;
use super::deployment::{DOMAIN, IPV4, IPV6, Machines, TURN_DOMAIN};
use super::dns::Zone;
use super::front::Front;
use super::place::Place;
use super::servers::{Servers, Tcp, Udp};
use super::setup::{Exposure, Machine, MediaRange, Setup, TurnDomain, Udp443};
use crate::model::dial::ConnectTo;
use crate::model::port::{Port, PortRange};
use crate::net::clock::Clock;

/// Both machines and what is around them, running.
pub struct Site {
    pub servers: Servers,
    pub families: Vec<Machines>,
    pub connect_to: Vec<ConnectTo>,
    pub dns_server: SocketAddr,
    pub stun_servers: Vec<SocketAddr>,
    pub ca_pem: String,
}

impl Site {
    /// Starts everything.
    ///
    /// # Errors
    /// When this machine lets no server start.
    pub async fn start(setup: &Setup, clock: Clock) -> Result<Self, DemoError> {
        let mut servers = Servers::default();
        let api = Api {
            clock,
            ahead: setup.clock_ahead,
            upgrades: setup.upgrades,
        };
        let backends = Backends::start(&mut servers, api).await?;
        let front = Front::new(setup, &backends, clock)?;
        let families = families().await;
        let mut connect_to = Vec::new();
        for machines in &families {
            let mut proxy = Opening {
                servers: &mut servers,
                connect_to: &mut connect_to,
                address: machines.proxy,
                loopback: machines.loopback,
            };
            proxy.port(80, front.port_80.clone(), Udp::Silent).await?;
            proxy.port(443, front.port_443.clone(), Udp::Silent).await?;
            proxy
                .port(1935, front.port_1935.clone(), Udp::Silent)
                .await?;
            proxy.everything_else().await?;
            let openvidu = Opening {
                servers: &mut servers,
                connect_to: &mut connect_to,
                address: machines.openvidu,
                loopback: machines.loopback,
            };
            open_openvidu(openvidu, setup, api).await?;
        }
        let zone = Arc::new(zone(setup, &families));
        let dns = (Tcp::Dns(Arc::clone(&zone)), Udp::Dns(zone));
        let dns_server = servers.open(IPV4.loopback, dns.0, dns.1).await?;
        let mut stun_servers = Vec::new();
        for machines in &families {
            let place = servers
                .open(machines.loopback, Tcp::Refuses, Udp::Turn)
                .await?;
            stun_servers.push(place);
        }
        Ok(Self {
            servers,
            families,
            connect_to,
            dns_server,
            stun_servers,
            ca_pem: front.ca_pem,
        })
    }
}

/// IPv4, and IPv6 where this machine has it.
async fn families() -> Vec<Machines> {
    match Place::take(Ipv6Addr::LOCALHOST.into()).await {
        Ok(_) => vec![IPV4, IPV6],
        Err(_) => vec![IPV4],
    }
}

/// What the DNS says.
fn zone(setup: &Setup, families: &[Machines]) -> Zone {
    let proxy = families.iter().map(|machines| machines.proxy).collect();
    let domain = match setup.domain_leads_to {
        Machine::Proxy => Vec::clone(&proxy),
        Machine::Openvidu => families.iter().map(|machines| machines.openvidu).collect(),
    };
    let name = |text: &str| text.parse().expect("the demo's names are domain names");
    let mut names = vec![(name(DOMAIN), domain)];
    match setup.turn_domain {
        TurnDomain::LeadsToProxy => names.push((name(TURN_DOMAIN), proxy)),
        TurnDomain::DoesNotExist => {}
    }
    Zone { names }
}

/// Opens the ports of OpenVidu's machine as its firewall shows them to the internet.
async fn open_openvidu(mut opening: Opening<'_>, setup: &Setup, api: Api) -> Result<(), DemoError> {
    let udp_443 = match setup.udp_443 {
        // The TURN server inside OpenVidu 3.2 listens on IPv4 alone.
        Udp443::Turn | Udp443::DnsServer if opening.address.is_ipv6() => Udp::Closed,
        Udp443::Turn => Udp::Turn,
        Udp443::DnsServer => Udp::Dns(Arc::new(Zone { names: Vec::new() })),
        Udp443::Dropped => Udp::Silent,
    };
    opening.port(443, Tcp::Refuses, udp_443).await?;
    let (range, hole) = match setup.media_range {
        MediaRange::OpenAndIdle => (Udp::Closed, None),
        MediaRange::Dropped => (Udp::Silent, None),
        MediaRange::DroppedButOne => (Udp::Silent, Some(55_000)),
    };
    // The first entry that matches wins: the hole comes before the range around it.
    if let Some(hole) = hole {
        opening.port(hole, Tcp::Refuses, Udp::Closed).await?;
    }
    opening.ports(50_000, 60_000, Tcp::Refuses, range).await?;
    match setup.ice_tcp_port {
        Exposure::Open => opening.port(7881, Tcp::Ice, Udp::Silent).await?,
        Exposure::Closed => {}
    }
    match setup.api_port {
        Exposure::Open => opening.port(7880, Tcp::Api(api), Udp::Silent).await?,
        Exposure::Closed => {}
    }
    match setup.redis_port {
        Exposure::Open => opening.port(7000, Tcp::Redis, Udp::Silent).await?,
        Exposure::Closed => {}
    }
    opening.everything_else().await
}

/// The ports of one address being opened on loopback.
struct Opening<'a> {
    servers: &'a mut Servers,
    connect_to: &'a mut Vec<ConnectTo>,
    address: IpAddr,
    loopback: IpAddr,
}

impl Opening<'_> {
    async fn port(&mut self, port: u16, tcp: Tcp, udp: Udp) -> Result<(), DemoError> {
        self.ports(port, port, tcp, udp).await
    }

    /// All ports from `first` to `last` are one place on loopback.
    async fn ports(&mut self, first: u16, last: u16, tcp: Tcp, udp: Udp) -> Result<(), DemoError> {
        let port = |number| Port::new(number).expect("the demo's ports are not 0");
        let range = PortRange::new(port(first), port(last)).expect("the demo's ranges run upwards");
        self.lead(Some(range), tcp, udp).await
    }

    /// Every other port: TCP refuses, UDP is dropped. That also holds UDP 7885, where WHIP's
    /// multiplexer would take everything and say nothing.
    async fn everything_else(&mut self) -> Result<(), DemoError> {
        self.lead(None, Tcp::Refuses, Udp::Silent).await
    }

    async fn lead(
        &mut self,
        ports: Option<PortRange>,
        tcp: Tcp,
        udp: Udp,
    ) -> Result<(), DemoError> {
        let place = self.servers.open(self.loopback, tcp, udp).await?;
        self.connect_to.push(ConnectTo {
            address: Some(self.address),
            ports,
            to_address: Some(place.ip()),
            to_port: Port::new(place.port()),
        });
        Ok(())
    }
}
