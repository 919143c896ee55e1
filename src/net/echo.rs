//! ICMP echo (RFC 792, RFC 4443 §4) without privileges: a datagram socket of ICMP, to which the
//! kernel gives an identifier and hands replies for it alone (Linux: `net.ipv4.ping_group_range`).

use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// The header of an echo request: type, code, checksum and identifier (both the kernel's), sequence.
const HEADER: usize = 8;

/// Random data behind it. The identifier alone has 16 bits: whoever sends a reply for each of them has
/// one for us.
type Data = [u8; 16];

/// The most replies of others, or to an earlier request, that are read for one.
const MOST_STRAYS: usize = 1024;

/// Asks one machine.
pub struct Pinger {
    socket: UdpSocket,
    address: IpAddr,
    data: Data,
}

impl Pinger {
    /// `None` where this system lets us ask nobody.
    pub fn new(address: IpAddr) -> Option<Self> {
        let place = SocketAddr::new(address, 0);
        let protocol = if address.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        let socket = Socket::new(Domain::for_address(place), Type::DGRAM, Some(protocol)).ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(&place.into()).ok()?;
        let socket = UdpSocket::from_std(StdSocket::from(socket)).ok()?;
        Some(Self { socket, address, data: rand::random() })
    }

    /// Whether a reply comes before `deadline`.
    pub async fn ask(&self, sequence: u32, deadline: Instant) -> bool {
        let (request, reply) = if self.address.is_ipv4() { (8, 0) } else { (128, 129) };
        let mut message = [0_u8; HEADER + size_of::<Data>()];
        message[0] = request;
        message[HEADER - 1] = u8::try_from(sequence).unwrap_or(u8::MAX);
        message[HEADER..].copy_from_slice(&self.data);
        if self.socket.send(&message).await.is_err() {
            return false;
        }
        let mut received = [0_u8; 64];
        for _ in 0..MOST_STRAYS {
            match timeout_at(deadline, self.socket.recv(&mut received)).await {
                Err(_) => return false,
                // An ICMP error of a router.
                Ok(Err(_)) => {}
                Ok(Ok(count)) if self.is_reply(reply, &received[..count]) => return true,
                Ok(Ok(_)) => {}
            }
        }
        false
    }

    /// Whether `message` has the type of a reply, and brings our data back.
    fn is_reply(&self, kind: u8, message: &[u8]) -> bool {
        message.first() == Some(&kind) && message.get(HEADER..) == Some(&self.data[..])
    }
}
