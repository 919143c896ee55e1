//! Relays of TURN allocations: sockets on loopback with addresses of the node.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use tokio::net::UdpSocket;
use tokio::time::sleep;
use turn::relay::RelayAddressGenerator;
use webrtc_util::Conn;

use super::super::connections::PAUSE;
use super::super::inside::{Inside, Led};
use super::unsupported;

/// The ports of relays, and those of media, on the node.
const RELAY_PORTS: RangeInclusive<u16> = 40_000..=49_999;
const MEDIA_PORTS: RangeInclusive<u16> = 50_000..=60_000;

/// Whether the node's firewall allows the node itself to reach its media ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaFromRelays {
    Arrives,
    Dropped,
}

/// Makes relays.
#[derive(Clone)]
pub struct Relays {
    /// The address that participants see.
    pub node: IpAddr,
    pub inside: Arc<Inside>,
    pub media: MediaFromRelays,
    next: Arc<AtomicU16>,
}

impl Relays {
    pub fn new(node: IpAddr, inside: Arc<Inside>, media: MediaFromRelays) -> Self {
        Self { node, inside, media, next: Arc::new(AtomicU16::new(0)) }
    }

    /// A port that no other relay has, as long as there are not ten thousand of them.
    fn next_port(&self) -> u16 {
        let count = RELAY_PORTS.end() - RELAY_PORTS.start() + 1;
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        RELAY_PORTS.start() + next % count
    }
}

#[async_trait]
impl RelayAddressGenerator for Relays {
    fn validate(&self) -> Result<(), turn::Error> {
        Ok(())
    }

    async fn allocate_conn(
        &self,
        _: bool,
        _: u16,
    ) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn::Error> {
        #[expect(clippy::disallowed_methods, reason = "the demo's TURN server has its relays here")]
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let told = SocketAddr::new(self.node, self.next_port());
        let led = self.inside.lead(told, socket.local_addr()?);
        let relay = Relay { socket, told, relays: self.clone(), _led: led };
        Ok((Arc::new(relay), told))
    }
}

/// One relay. Its peers are of the deployment, or nowhere: nothing leaves this machine.
struct Relay {
    socket: UdpSocket,
    told: SocketAddr,
    relays: Relays,
    _led: Led,
}

#[async_trait]
impl Conn for Relay {
    async fn recv_from(&self, buffer: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
        loop {
            match self.socket.recv_from(buffer).await {
                Ok((length, real)) => {
                    // Strangers on this machine are none of the deployment.
                    if let Some(told) = self.relays.inside.told(real) {
                        return Ok((length, told));
                    }
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn send_to(&self, bytes: &[u8], peer: SocketAddr) -> webrtc_util::Result<usize> {
        let is_dropped =
            self.relays.media == MediaFromRelays::Dropped && MEDIA_PORTS.contains(&peer.port());
        let real = self.relays.inside.real(peer).filter(|_| !is_dropped);
        if let Some(real) = real {
            // What cannot be sent is like a lost datagram: the client asks again.
            drop(self.socket.send_to(bytes, real).await);
        }
        Ok(bytes.len())
    }

    fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
        Ok(self.told)
    }

    async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
        Err(unsupported())
    }

    async fn recv(&self, _: &mut [u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    async fn send(&self, _: &[u8]) -> webrtc_util::Result<usize> {
        Err(unsupported())
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> webrtc_util::Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}
