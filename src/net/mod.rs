//! The only door to the network and to the clock.
//!
//! Every wait here ends at a deadline that the caller gives, every reader has a size limit, and
//! whatever a peer does becomes a fact; only our own trouble is a
//! [`Blindness`](crate::model::observation::Blindness).

pub mod clock;
pub mod farewell;
pub mod http;
pub mod http_proxy;
pub mod icmp;
pub mod legacy_tls;
pub mod lookup;
pub mod messages;
mod roots;
pub mod session;
pub mod stun;
pub mod tcp;
pub mod tls;
pub mod udp;
pub mod vantage;
mod verifier;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::model::dial::{DialMap, HttpProxy};
use crate::model::probe::UdpRate;
use crate::model::secret::Credentials;

/// A stream on which a service can be spoken to: TCP, or TLS on it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long silence has to last before it counts. A SYN is sent again after 1 s (RFC 6298
    /// §2.1), so that less than 1.3 s turns one lost packet into a closed port.
    pub timeout: Duration,
    /// How long a whole probe may take, all its steps together: `timeout` and one second.
    pub probe: Duration,
    /// How long a connection without traffic is held; `None`: until `timeout` after the probe's
    /// start, so that it waits together with all silences.
    pub hold: Option<Duration>,
    /// How fast datagrams leave for the UDP ports of one address.
    pub udp_rate: UdpRate,
}

impl Limits {
    /// Limits for this time-out, with the default rate, and no rest that was asked for.
    pub fn with_timeout(timeout: Duration) -> Self {
        Self {
            timeout,
            probe: timeout + Duration::from_secs(1),
            hold: None,
            udp_rate: UdpRate::DEFAULT,
        }
    }
}

/// What probes reach the network with. Cheap to clone.
#[derive(Clone)]
pub struct Network {
    pub dial: Arc<DialMap>,
    pub limits: Limits,
    pub clock: clock::Clock,
    /// The DNS servers to ask, in order.
    pub dns_servers: Arc<[SocketAddr]>,
    pub roots: Arc<tls::Roots>,
    /// By what right a call joins; `None`: no call.
    pub credentials: Option<Arc<Credentials>>,
    /// Where a call has to go through an HTTP proxy of our own network.
    pub http_proxy: Option<Arc<HttpProxy>>,
    pub farewells: farewell::Farewells,
}
