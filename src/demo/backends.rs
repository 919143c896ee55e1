//! The services behind the proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use super::DemoError;
use super::deployment::IPV4;
use super::openvidu::Openvidu;
use super::servers::{Servers, Tcp, Udp};
use super::setup::Backend;
use super::turn::Streams;

/// The services that OpenVidu offers only to the proxy. The proxy reaches them over IPv4.
pub struct Backends {
    api: SocketAddr,
    turn: SocketAddr,
    pub rtmp: SocketAddr,
    nobody: SocketAddr,
}

impl Backends {
    /// Starts them.
    ///
    /// # Errors
    /// When a server cannot be started on this machine.
    pub async fn start(servers: &mut Servers, openvidu: &Openvidu) -> Result<Self, DemoError> {
        let streams = Streams::new(IPV4.proxy);
        servers.start_turn(Arc::clone(&streams), &openvidu.turn).await?;
        let api = Tcp::Api(openvidu.api.clone());
        let loopback = IPV4.loopback;
        Ok(Self {
            api: servers.open(loopback, api, Udp::Closed).await?,
            turn: servers.open(loopback, Tcp::Turn(streams), Udp::Closed).await?,
            rtmp: servers.open(loopback, Tcp::Rtmp, Udp::Closed).await?,
            nobody: servers.open(loopback, Tcp::Refuses, Udp::Closed).await?,
        })
    }

    /// Where a backend is.
    pub fn address(&self, backend: Backend) -> SocketAddr {
        match backend {
            Backend::Api => self.api,
            Backend::Turn => self.turn,
            Backend::Nobody => self.nobody,
        }
    }
}
