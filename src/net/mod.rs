//! The only access to the network and to the clock.
//!
//! Every wait ends at a deadline of the caller, every reader has a size limit, and every action of a peer
//! becomes a fact. Only a problem of this machine is a
//! [`Blindness`](crate::model::observation::Blindness).

pub mod again;
pub mod browser;
pub mod clock;
pub mod datagrams;
pub mod echo;
pub mod farewell;
pub mod hook;
pub mod host;
pub mod http;
pub mod http_proxy;
pub mod icmp;
pub mod legacy_tls;
pub mod local_proxy;
pub mod lookup;
pub mod messages;
pub mod operator;
mod roots;
pub mod session;
pub mod ssh;
pub mod stun;
pub mod sweeps;
mod system;
pub mod tcp;
pub mod tls;
pub mod udp;
pub mod vantage;
pub mod verifier;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::model::dial::{DialMap, HttpProxy};
use crate::model::facts::{OpenviduFacts, ProxyFacts};
use crate::model::probe::UdpRate;
use crate::model::responder::ResponderToken;
use crate::model::secret::Credentials;

/// A stream to a service: TCP, or TLS over TCP.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The limits of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long to wait for a response before a port counts as silent. A SYN is sent again after 1 s
    /// (RFC 6298 §2.1), so with less than 1.3 s one lost packet makes a port look closed.
    pub timeout: Duration,
    /// The maximum duration of a probe with all its steps: `timeout` plus one second.
    pub probe: Duration,
    /// How long to hold a connection without traffic. `None`: until `timeout` after the probe's start,
    /// so that the run does not take longer.
    pub hold: Option<Duration>,
    /// The rate of datagrams to the UDP ports of all addresses.
    pub udp_rate: UdpRate,
    /// When the run ends. `None`: not before its probes do.
    pub run_ends: Option<Instant>,
    /// How long the sweeps of all addresses take to send together.
    pub sweeping: Duration,
}

impl Limits {
    /// Limits for this timeout, with the default rate and the default hold time.
    pub fn with_timeout(timeout: Duration) -> Self {
        Self {
            timeout,
            probe: timeout + Duration::from_secs(1),
            hold: None,
            udp_rate: UdpRate::DEFAULT,
            run_ends: None,
            sweeping: Duration::ZERO,
        }
    }
}

/// The access of probes to the network. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    pub dial: Arc<DialMap>,
    pub limits: Limits,
    pub clock: clock::Clock,
    /// The DNS servers to query, in order.
    pub dns_servers: Arc<[SocketAddr]>,
    pub roots: Arc<tls::Roots>,
    /// The credentials for a call. `None`: no call is made.
    pub credentials: Option<Arc<Credentials>>,
    /// The HTTP proxy of this network, for the call.
    pub http_proxy: Option<Arc<HttpProxy>>,
    /// What configuration files say that were read before the run.
    pub configurations: Configurations,
    /// The tokens of responders on nodes (`ovcheck listen`), by the addresses of the nodes.
    pub responders: Arc<HashMap<IpAddr, ResponderToken>>,
    pub farewells: farewell::Farewells,
    pub sweeps: sweeps::Sweeps,
}

/// What configuration files say.
#[derive(Debug, Clone, Default)]
pub struct Configurations {
    /// The proxy's; `None`: it is not read.
    pub proxy: Option<Arc<ProxyFacts>>,
    /// OpenVidu's own; `None`: it is not read.
    pub openvidu: Option<Arc<OpenviduFacts>>,
}
