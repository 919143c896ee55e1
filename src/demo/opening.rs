//! Opening the ports of one machine.

use std::net::{IpAddr, SocketAddr};

use super::DemoError;
use super::servers::{Servers, Tcp, Udp};
use crate::model::dial::ConnectTo;
use crate::model::port::{Port, PortRange};

/// The ports of one address being opened on loopback.
pub struct Opening<'a> {
    pub servers: &'a mut Servers,
    pub connect_to: &'a mut Vec<ConnectTo>,
    pub address: IpAddr,
    pub loopback: IpAddr,
}

impl Opening<'_> {
    /// Serves one port as `tcp` and `udp` say.
    ///
    /// # Errors
    /// When no port is free, or a server does not start.
    pub async fn port(&mut self, port: u16, tcp: Tcp, udp: Udp) -> Result<(), DemoError> {
        self.ports(port, port, tcp, udp).await
    }

    /// All ports from `first` to `last` are one place on loopback.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn ports(
        &mut self,
        first: u16,
        last: u16,
        tcp: Tcp,
        udp: Udp,
    ) -> Result<(), DemoError> {
        let place = self.servers.open(self.loopback, tcp, udp).await?;
        self.lead(Some(range(first, last)), place);
        Ok(())
    }

    /// Every other port: TCP is refused, UDP is dropped. This includes UDP 7885, where WHIP's multiplexer
    /// would accept everything and never answer.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn everything_else(&mut self) -> Result<(), DemoError> {
        let place = self.servers.open(self.loopback, Tcp::Refuses, Udp::Silent).await?;
        self.lead(None, place);
        Ok(())
    }

    /// Redirects every port of another address to a place without a listener.
    ///
    /// # Errors
    /// As [`Self::port`].
    pub async fn everywhere(&mut self, address: IpAddr) -> Result<(), DemoError> {
        let mut other = Opening {
            servers: self.servers,
            connect_to: self.connect_to,
            address,
            loopback: self.loopback,
        };
        other.everything_else().await
    }

    /// Redirects a port to an existing place.
    pub fn lead_to(&mut self, port: u16, place: SocketAddr) {
        self.lead(Some(range(port, port)), place);
    }

    fn lead(&mut self, ports: Option<PortRange>, place: SocketAddr) {
        self.connect_to.push(ConnectTo {
            address: Some(self.address),
            ports,
            to_address: Some(place.ip()),
            to_port: Port::new(place.port()),
        });
    }
}

fn range(first: u16, last: u16) -> PortRange {
    let port = |number| Port::new(number).expect("the demo's ports are not 0");
    PortRange::new(port(first), port(last)).expect("the demo's ranges run upwards")
}
