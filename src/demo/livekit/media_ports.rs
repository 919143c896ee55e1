//! The ports for media over UDP. A port without a session has no listener.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use super::super::inside::{Inside, Led};
use super::super::place::{Place, TcpSide, close_udp, is_from_here};

/// The ports of 50000-60000 that sessions use: four of a visit to the page, and those of ovcheck's own call at the
/// same time. They avoid the first, last and middle ports, which a
/// check of the range samples.
pub const NUMBERS: [u16; 16] = [
    51_003, 52_117, 53_231, 54_345, 55_459, 56_573, 57_687, 58_801, 51_560, 52_674, 53_788, 54_902,
    56_016, 57_130, 58_244, 59_358,
];

/// How a port for media looks from outside while no session has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// The system answers "port unreachable".
    Refuses,
    /// A firewall drops what comes.
    Silent,
}

/// The ports for media, and which of them are free.
pub struct MediaPorts {
    idle: Idle,
    ports: Vec<MediaPort>,
    free: Mutex<Vec<usize>>,
}

/// One port for media.
pub struct MediaPort {
    /// The address that participants receive.
    pub told: SocketAddr,
    /// Where it is on loopback.
    pub real: SocketAddr,
    /// Reserves the number while no session uses the port.
    holder: Arc<UdpSocket>,
    _tcp: TcpSide,
    _led: Led,
}

impl MediaPorts {
    /// Takes ports of `loopback` for those of `node`.
    ///
    /// # Errors
    /// The system's.
    pub async fn take(
        node: IpAddr,
        loopback: IpAddr,
        idle: Idle,
        inside: &Arc<Inside>,
    ) -> io::Result<Self> {
        let mut ports = Vec::new();
        for number in NUMBERS {
            let place = Place::take(loopback).await?;
            if idle == Idle::Refuses {
                // Not earlier, because the system could then assign the number of another such socket.
                share_address(&SockRef::from(&place.udp))?;
                close_udp(&place.udp).await?;
            }
            let told = SocketAddr::new(node, number);
            ports.push(MediaPort {
                told,
                real: place.address,
                holder: Arc::new(place.udp),
                _tcp: place.tcp,
                _led: inside.lead(told, place.address),
            });
        }
        let free = Mutex::new((0..ports.len()).rev().collect());
        Ok(Self { idle, ports, free })
    }

    /// All of them.
    pub fn all(&self) -> &[MediaPort] {
        &self.ports
    }

    /// Opens a free port. `None` if there is none. Dropping it closes the port.
    pub fn open(self: &Arc<Self>) -> Option<OpenPort> {
        let index = self.with_free(Vec::pop)?;
        let lease = Lease { ports: Arc::clone(self), index };
        let port = &self.ports[index];
        let socket = match self.idle {
            Idle::Refuses => Arc::new(bind(port.real).ok()?),
            Idle::Silent => Arc::clone(&port.holder),
        };
        Some(OpenPort { socket, lease })
    }

    fn with_free<T>(&self, f: impl FnOnce(&mut Vec<usize>) -> T) -> T {
        // A list is whole after every one of its operations.
        f(&mut self.free.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A port that a session has.
pub struct OpenPort {
    // Closed before the port is free again.
    pub socket: Arc<UdpSocket>,
    lease: Lease,
}

impl OpenPort {
    /// The address that participants receive.
    pub fn told(&self) -> SocketAddr {
        self.port().told
    }

    /// Whether a datagram came from this machine.
    pub fn is_from_here(&self, sender: SocketAddr) -> bool {
        is_from_here(sender.ip(), self.port().real.ip())
    }

    fn port(&self) -> &MediaPort {
        &self.lease.ports.ports[self.lease.index]
    }
}

struct Lease {
    ports: Arc<MediaPorts>,
    index: usize,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.ports.with_free(|free| free.push(self.index));
    }
}

/// A socket in addition to the one that reserves its number.
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    share_address(&SockRef::from(&socket))?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Lets two sockets have one UDP port. On Linux (socket(7)) and on Windows SO_REUSEADDR is enough.
#[cfg(any(target_os = "linux", target_os = "android", windows))]
fn share_address(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Lets two sockets have one UDP port.
#[cfg(not(any(target_os = "linux", target_os = "android", windows)))]
fn share_address(socket: &SockRef<'_>) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::ReusePort};
    setsockopt(&**socket, ReusePort, &true).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn ask(place: SocketAddr) -> io::Result<usize> {
        let client = Place::take(LOOPBACK).await.unwrap().udp;
        client.connect(place).await.unwrap();
        client.send(b"anybody there?").await.unwrap();
        let mut buffer = [0; 16];
        let answer = timeout(Duration::from_millis(200), client.recv(&mut buffer));
        answer.await.unwrap_or(Ok(0))
    }

    #[tokio::test]
    async fn a_port_is_open_as_long_as_somebody_has_it() {
        let inside = Arc::default();
        let node = Ipv4Addr::new(203, 0, 113, 20).into();
        let ports = MediaPorts::take(node, LOOPBACK, Idle::Refuses, &inside).await.unwrap();
        let ports = Arc::new(ports);
        for _ in 0..2 {
            let port = ports.open().unwrap();
            let real = inside.real(port.told()).unwrap();
            assert_eq!(ask(real).await.unwrap(), 0, "silent");
            assert_eq!(port.socket.recv(&mut [0; 16]).await.unwrap(), 14);
            drop(port);
            let error = ask(real).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
        let all: Vec<_> = std::iter::from_fn(|| ports.open()).collect();
        assert_eq!(all.len(), NUMBERS.len());
    }
}
