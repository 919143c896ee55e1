//! The demo's machines: what is on which of their ports.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::DemoError;
use super::backends::Backends;
use super::deployment::{DOMAIN, IPV4, IPV6, Machines, TURN_DOMAIN};
use super::dns::Zone;
use super::door::{Door, Street};
use super::front::Front;
use super::livekit::{ApiKey, LiveKit, Neighbours};
use super::opening::Opening;
use super::openvidu::Openvidu;
use super::place::Place;
use super::servers::{Servers, Tcp, Udp};
use super::setup::{Machine, Setup, TurnDomain};
use crate::model::dial::ConnectTo;
use crate::model::port::Port;
use crate::net::clock::Clock;

/// Both machines and what is around them, running.
pub struct Site {
    pub servers: Servers,
    pub families: Vec<Machines>,
    pub connect_to: Vec<ConnectTo>,
    pub dns_server: SocketAddr,
    pub stun_servers: Vec<SocketAddr>,
    pub ca_pem: String,
    /// The API key, as the operator believes it to be.
    pub api_key: ApiKey,
    pub livekit: Arc<LiveKit>,
    pub zone: Zone,
}

/// Where a browser on this machine begins.
#[derive(Debug, Clone, Copy)]
pub struct Doors {
    /// The deployment's domain, without TLS.
    pub signalling: SocketAddr,
    /// TURN behind the proxy, without TLS, if it is announced.
    pub turn: Option<SocketAddr>,
    /// Where media is.
    pub media: IpAddr,
}

impl Site {
    /// Starts everything. The node's ports are at `node_at` in IPv4.
    ///
    /// # Errors
    /// When a server cannot be started on this machine.
    pub async fn start(setup: &Setup, clock: Clock, node_at: IpAddr) -> Result<Self, DemoError> {
        let mut servers = Servers::default();
        let openvidu = Openvidu::new(setup, clock, node_at).await?;
        let backends = Backends::start(&mut servers, &openvidu).await?;
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
            proxy.port(1935, front.port_1935.clone(), Udp::Silent).await?;
            proxy.everything_else().await?;
            let node = Opening {
                servers: &mut servers,
                connect_to: &mut connect_to,
                address: machines.openvidu,
                loopback: if machines.openvidu.is_ipv4() { node_at } else { machines.loopback },
            };
            openvidu.open(node, setup).await?;
        }
        let zone = zone(setup, &families);
        let served = Arc::new(zone.clone());
        let dns = (Tcp::Dns(Arc::clone(&served)), Udp::Dns(served));
        let dns_server = servers.open(IPV4.loopback, dns.0, dns.1).await?;
        let mut stun_servers = Vec::new();
        for machines in &families {
            let place = servers.open(machines.loopback, Tcp::Refuses, Udp::Stun).await?;
            stun_servers.push(place);
        }
        Ok(Self {
            servers,
            families,
            connect_to,
            dns_server,
            stun_servers,
            ca_pem: front.ca_pem,
            api_key: openvidu.told_key,
            livekit: openvidu.livekit,
            zone,
        })
    }
}

/// Opens doors for browsers on this machine, one to the signalling and one for each announced TURN server behind TLS.
///
/// # Errors
/// When a server cannot be started on this machine.
pub async fn open_doors(
    servers: &mut Servers,
    livekit: &LiveKit,
    street: Street,
    node_at: IpAddr,
) -> Result<Doors, DemoError> {
    let door = |name, port| Tcp::Door(Door { name, port, street: street.clone() });
    let https = Port::new(443).expect("it is not 0");
    // On loopback, which tells LiveKit that a browser is on this machine.
    let signalling = servers.open(IPV4.loopback, door(DOMAIN, https), Udp::Closed).await?;
    let mut turn = Vec::new();
    for url in &livekit.ice_urls {
        let port = url.strip_prefix("turns:").and_then(|rest| rest.split([':', '?']).nth(1));
        if let Some(port) = port.and_then(|port| Port::new(port.parse().ok()?)) {
            let place = servers.open(node_at, door(TURN_DOMAIN, port), Udp::Closed).await?;
            turn.push((url.clone(), place));
        }
    }
    let first = turn.first().map(|(_, place)| *place);
    let doors = Doors { signalling, turn: first, media: node_at };
    // Nothing else sets it.
    drop(livekit.neighbours.set(Neighbours { places: street.dial.clone(), doors: turn }));
    Ok(doors)
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
