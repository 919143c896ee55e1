//! A small Single Node deployment inside the program, on loopback, without special privileges: DNS
//! server, proxy, API, signalling, the ICE part of media, TURN and RTMP. It does not use the rules or
//! the probes. ovcheck checks it from outside, through sockets, like any other deployment.
//!
//! Its machines have documentation addresses. The [`DialMap`] redirects every port of them to
//! loopback, so that nothing leaves the machine.

mod api;
mod backends;
mod certificates;
mod connections;
mod deployment;
mod dns;
mod door;
mod fault;
mod front;
mod http;
mod inside;
mod legacy_tls;
mod livekit;
mod opening;
mod openvidu;
mod place;
mod port80;
mod proxy;
mod redis;
mod rtmp;
mod servers;
mod setup;
mod site;
mod turn;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use dns::Zone;
use door::Street;
pub use fault::Fault;
use setup::Setup;
pub use site::Doors;
use site::Site;

use crate::model::deployment::{Deployment, Policy};
use crate::model::dial::DialMap;
use crate::model::secret::Secret;
use crate::model::timestamp::Timestamp;
use crate::net::clock::Clock;
use crate::proto::livekit::token;

/// A running demo. Dropping it stops its servers and releases their ports.
pub struct Demo {
    deployment: Deployment,
    dial: DialMap,
    dns_server: SocketAddr,
    stun_servers: Vec<SocketAddr>,
    ca_pem: String,
    api_key: livekit::ApiKey,
    started_at: Timestamp,
    livekit: Arc<livekit::LiveKit>,
    servers: servers::Servers,
}

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{fault} is not a fault under the policy {policy}")]
    NoFaultThere { fault: Fault, policy: Policy },
    #[error("failed to open a port on loopback")]
    Port(#[source] io::Error),
    #[error("failed to make the demo's certificates")]
    Certificates(#[from] rcgen::Error),
    #[error("failed to set up TLS")]
    Tls(#[from] rustls::Error),
    #[error("failed to start the TURN server")]
    Turn(#[from] ::turn::Error),
}

impl Demo {
    /// Starts a deployment with this policy on ports that the system chooses. It is correct except for
    /// `fault`. Must be called inside a tokio runtime, which then runs the servers.
    ///
    /// # Errors
    /// [`DemoError::NoFaultThere`] if `fault` is not a fault under `policy`; the others if a server
    /// cannot be started on this machine.
    pub async fn start(policy: Policy, fault: Option<Fault>) -> Result<Self, DemoError> {
        Self::begin(policy, fault, deployment::IPV4.loopback).await.map(|(demo, _)| demo)
    }

    /// Like [`Self::start`], for browsers on this machine, which do not have the demo's names and certificates:
    /// [`Doors`] lead them in. What they reach without a door is at an address of this machine's network if it has
    /// one, because Firefox does not use loopback addresses for media. It answers only this machine.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_for_browsers(
        policy: Policy,
        fault: Option<Fault>,
    ) -> Result<(Self, Doors), DemoError> {
        let node_at = place::network_address().await.unwrap_or(deployment::IPV4.loopback);
        let (mut demo, zone) = Self::begin(policy, fault, node_at).await?;
        let street =
            Street { zone: Arc::new(zone), dial: demo.dial(), tls: door::trust(&demo.ca_pem)? };
        let doors = site::open_doors(&mut demo.servers, &demo.livekit, street, node_at).await?;
        Ok((demo, doors))
    }

    async fn begin(
        policy: Policy,
        fault: Option<Fault>,
        node_at: IpAddr,
    ) -> Result<(Self, Zone), DemoError> {
        if let Some(fault) = fault
            && !fault.exists_under(policy)
        {
            return Err(DemoError::NoFaultThere { fault, policy });
        }
        let setup = Setup::right(policy);
        let setup = fault.map_or(setup, |fault| setup.with(fault));
        let clock = Clock::start();
        let site = Site::start(&setup, clock, node_at).await?;
        let demo = Self {
            deployment: deployment::deployment(policy, &site.families),
            dial: DialMap { connect_to: site.connect_to },
            dns_server: site.dns_server,
            stun_servers: site.stun_servers,
            ca_pem: site.ca_pem,
            api_key: site.api_key,
            started_at: clock.started_at(),
            livekit: site.livekit,
            servers: site.servers,
        };
        Ok((demo, site.zone))
    }

    /// The text of an `ovcheck.toml` for the demo. `ca_file` is the file with [`Self::ca_pem`].
    pub fn deployment_file(&self, ca_file: &Path) -> String {
        let surroundings = deployment::Surroundings {
            connect_to: &self.dial.connect_to,
            dns_server: self.dns_server,
            stun_servers: &self.stun_servers,
            ca_file,
        };
        deployment::file(&self.deployment, &surroundings)
    }

    /// The deployment that the demo simulates.
    pub fn deployment(&self) -> Deployment {
        self.deployment.clone()
    }

    /// The real addresses and ports of the demo: an entry for every port of every address.
    pub fn dial(&self) -> DialMap {
        self.dial.clone()
    }

    /// The DNS server with the demo's names.
    pub fn dns_server(&self) -> SocketAddr {
        self.dns_server
    }

    /// STUN servers outside the deployment, one in each address family.
    pub fn stun_servers(&self) -> &[SocketAddr] {
        &self.stun_servers
    }

    /// The API key with which the operator creates tokens.
    pub fn api_key(&self) -> &str {
        &self.api_key.key
    }

    /// The secret of [`Self::api_key`], which is new at each start.
    pub fn api_secret(&self) -> &Secret {
        &self.api_key.secret
    }

    /// An access token for a room of its own, as a support team sends it to a user.
    pub fn user_token(&self) -> Secret {
        let (key, secret) = (self.api_key(), self.api_secret());
        token::user_token(key, secret, "support-4711", "ovcheck", self.started_at)
    }

    /// The names of the existing rooms, in their order.
    pub fn rooms(&self) -> Vec<String> {
        let rooms = self.livekit.list_rooms();
        rooms.into_iter().map(|(_, name)| name).collect()
    }

    /// The root certificate of the demo's authority, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}
