//! What a proxy in front of a deployment has to do.

use std::net::SocketAddr;

use super::deployment::NodeRole;
use super::name::DomainName;
use super::port::Port;
use super::rule::Service;

/// What a proxy has to do for a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyDuties {
    pub domain: DomainName,
    /// Whether it listens on IPv6, too.
    pub over_ipv6: bool,
    /// Where plain HTTP is redirected to HTTPS.
    pub http: Port,
    /// HTTPS for the domain.
    pub api: Passage,
    /// TURN over TLS for the TURN domain, on the port of the API.
    pub turn: Option<(DomainName, Passage)>,
    /// RTMP over TLS for the domain.
    pub rtmp: Option<Passage>,
}

/// A port on which the proxy ends TLS, and the sockets to which it passes what it decrypts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub port: Port,
    /// One for each machine behind the proxy; never empty.
    pub backends: Vec<SocketAddr>,
}

/// Why it is not known what a proxy has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDuties {
    /// Nobody declared a machine of this role, which is behind the proxy.
    NoBackend(NodeRole),
    /// The rule files have no endpoint of this service at the proxy, or no row that lets the proxy reach it.
    NoRule(Service),
}
