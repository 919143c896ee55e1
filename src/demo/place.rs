//! Places on loopback: port numbers that the demo holds for TCP and UDP.
//!
//! Both sockets of a place exist from the start, so that a port that must be closed stays closed: the
//! system does not give its number to another program.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

use super::deployment::IPV4;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 128;

/// How many port numbers are tried until one is free for TCP and UDP.
const TRIES: u32 = 64;

/// One port of a loopback address, taken for TCP and UDP.
pub struct Place {
    pub address: SocketAddr,
    pub tcp: TcpSide,
    pub udp: UdpSocket,
}

/// The TCP side of a [`Place`]. It refuses connections (RST) until a server listens.
pub struct TcpSide(TcpSocket);

impl Place {
    /// Takes a port of `loopback` that the system chooses.
    ///
    /// # Errors
    /// The system's, if there is no such address or no free port.
    pub async fn take(loopback: IpAddr) -> io::Result<Self> {
        let mut last_error = None;
        for _ in 0..TRIES {
            #[expect(clippy::disallowed_methods, reason = "the demo's own servers listen here")]
            let udp = UdpSocket::bind((loopback, 0)).await?;
            let address = udp.local_addr()?;
            let tcp = if loopback.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            match tcp.bind(address) {
                Ok(()) => {
                    let tcp = TcpSide(tcp);
                    return Ok(Self { address, tcp, udp });
                }
                // Another socket uses this number for TCP.
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }
}

impl TcpSide {
    /// Accepts connections from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

/// Makes a UDP socket receive nothing while it keeps its port: the system answers datagrams with "port
/// unreachable", as for a port without a socket.
///
/// A connected socket receives datagrams only from its peer (`man 7 udp`), and its peer is itself.
///
/// # Errors
/// The system's.
pub async fn close_udp(socket: &UdpSocket) -> io::Result<()> {
    socket.connect(socket.local_addr()?).await
}

/// Whether `peer` is on this machine, seen from a socket at `own`. Where that is an address of the machine's network,
/// others could reach the demo too.
pub fn is_from_here(peer: IpAddr, own: IpAddr) -> bool {
    peer.is_loopback() || peer == own
}

/// The address that this machine uses towards its network. `None`: it has none.
pub async fn network_address() -> Option<IpAddr> {
    #[expect(clippy::disallowed_methods, reason = "the system only looks up the route")]
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
    socket.connect((IPV4.openvidu, 9)).await.ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Connects one part of the demo to another.
///
/// # Errors
/// The system's.
pub async fn connect(backend: SocketAddr) -> io::Result<TcpStream> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the demo's proxy reaches the demo's backends here"
    )]
    TcpStream::connect(backend).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_refuses_tcp_until_somebody_listens() {
        let place = Place::take(Ipv4Addr::LOCALHOST.into()).await.unwrap();
        let refused = connect(place.address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _listener = place.tcp.listen().unwrap();
        assert!(connect(place.address).await.is_ok());
    }

    #[tokio::test]
    async fn a_closed_udp_place_answers_port_unreachable_and_stays_taken() {
        let place = Place::take(Ipv4Addr::LOCALHOST.into()).await.unwrap();
        let client = Place::take(Ipv4Addr::LOCALHOST.into()).await.unwrap().udp;
        close_udp(&place.udp).await.unwrap();
        client.connect(place.address).await.unwrap();
        client.send(b"anybody there?").await.unwrap();
        let error = client.recv(&mut [0; 16]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
