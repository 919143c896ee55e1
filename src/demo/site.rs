//! The demo's machines: what is on which of their ports.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::DemoError;
use super::backends::Backends;
use super::deployment::{DOMAIN, IPV4, IPV6, Machines, TURN_DOMAIN};
use super::dns::Zone;
use super::front::Front;
use super::livekit::{ApiKey, LiveKit};
use super::opening::Opening;
use super::openvidu::Openvidu;
use super::place::Place;
use super::servers::{Servers, Tcp, Udp};
use super::setup::{Machine, Setup, TurnDomain};
use crate::model::dial::ConnectTo;
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
}

impl Site {
    /// Starts everything.
    ///
    /// # Errors
    /// When a server cannot be started on this machine.
    pub async fn start(setup: &Setup, clock: Clock) -> Result<Self, DemoError> {
        let mut servers = Servers::default();
        let openvidu = Openvidu::new(setup, clock).await?;
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
                loopback: machines.loopback,
            };
            openvidu.open(node, setup).await?;
        }
        let zone = Arc::new(zone(setup, &families));
        let dns = (Tcp::Dns(Arc::clone(&zone)), Udp::Dns(zone));
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
