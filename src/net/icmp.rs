//! ICMP errors as an ordinary user gets them: from the error queue of a socket.
//!
//! Linux keeps, for each socket that asked for it ([`enable`]), the ICMP errors that its packets
//! caused: type, code, who sent it, and what the packet was sent to. Elsewhere the queue is always
//! empty, and a refusal stays what the socket's own error says ([`super::udp::Refusals`]).

use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(unix)]
use std::os::fd::AsFd as AsSocket;
#[cfg(windows)]
use std::os::windows::io::AsSocket;

use super::vantage;
use crate::model::dial::Destination;
use crate::model::facts::{IcmpError, IcmpMeaning, IcmpSender};
use crate::model::observation::Blindness;
use crate::model::target::Family;

/// Whether this system keeps ICMP errors for ordinary sockets.
pub const HAS_QUEUE: bool = cfg!(target_os = "linux");

/// One entry of a socket's error queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedError {
    /// Where the packet was sent to; `None` where the system does not tell.
    pub destination: Option<SocketAddr>,
    /// The beginning of what the packet carried (UDP: its data), as far as it was quoted and 64
    /// bytes at most.
    pub payload: Vec<u8>,
    pub origin: ErrorOrigin,
}

/// Who raised a queued error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorOrigin {
    /// Somebody on the way, or the destination itself.
    Icmp(QueuedIcmp),
    /// This machine, with the number of its error.
    Local(i32),
}

impl QueuedError {
    /// The ICMP error, when it is one.
    pub fn icmp(&self) -> Option<QueuedIcmp> {
        match self.origin {
            ErrorOrigin::Icmp(error) => Some(error),
            ErrorOrigin::Local(_) => None,
        }
    }
}

/// An ICMP error as the system keeps it, which does not know whom its packet was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedIcmp {
    pub family: Family,
    pub icmp_type: u8,
    pub code: u8,
    /// The sender's address; `None` where the system does not tell it.
    pub from: Option<IpAddr>,
}

impl QueuedIcmp {
    /// What it says about a packet that was sent to `destination`.
    pub fn for_packet_to(&self, destination: Destination) -> IcmpError {
        let Self { family, icmp_type, code, from } = *self;
        let from = IcmpSender::of_error_for(destination, from);
        IcmpError { family, icmp_type, code, from }
    }

    /// The same, unless this machine itself sent it for a packet of its own: its firewall rejects
    /// what goes out, or its gateway does not answer.
    ///
    /// An error about the way or about the destination is a fact, also when this machine found no
    /// owner of the destination's address on a link of its own.
    ///
    /// # Errors
    /// When the trouble is this machine's.
    pub fn unless_own_trouble(&self, destination: Destination) -> Result<IcmpError, Blindness> {
        let error = self.for_packet_to(destination);
        let to = destination.dialled.ip();
        // To look up the addresses of this machine is dear, and most errors come from the
        // destination.
        let is_own = self
            .from
            .is_some_and(|from| from != to && vantage::is_own(from) && !vantage::is_own(to));
        if !is_own {
            return Ok(error);
        }
        match error.meaning() {
            IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable
                if !vantage::is_on_own_link(to) =>
            {
                Err(Blindness::NoRoute(error.family))
            }
            IcmpMeaning::AdminProhibited | IcmpMeaning::PortUnreachable => {
                Err(Blindness::OwnFirewall)
            }
            IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::Other => {
                Ok(error)
            }
        }
    }
}

/// Asks the system to keep ICMP errors for `socket`, which is of `family` (ip(7) `IP_RECVERR`,
/// ipv6(7) `IPV6_RECVERR`).
///
/// # Errors
/// What `setsockopt` says.
#[cfg(target_os = "linux")]
pub fn enable(socket: &impl AsSocket, family: Family) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    match family {
        Family::V4 => setsockopt(socket, sockopt::Ipv4RecvErr, &true)?,
        Family::V6 => setsockopt(socket, sockopt::Ipv6RecvErr, &true)?,
    }
    Ok(())
}

/// Does nothing: this system has no error queue.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn enable(_socket: &impl AsSocket, _family: Family) -> io::Result<()> {
    Ok(())
}

/// Takes [`enable`] back: ICMP errors are hints again, as the RFCs want it.
///
/// # Errors
/// What `setsockopt` says.
#[cfg(target_os = "linux")]
pub fn disable(socket: &impl AsSocket, family: Family) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    match family {
        Family::V4 => setsockopt(socket, sockopt::Ipv4RecvErr, &false)?,
        Family::V6 => setsockopt(socket, sockopt::Ipv6RecvErr, &false)?,
    }
    Ok(())
}

/// Does nothing: this system has no error queue.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn disable(_socket: &impl AsSocket, _family: Family) -> io::Result<()> {
    Ok(())
}

/// Takes what is in the error queue of `socket`, without waiting; oldest first, and `most` of them
/// at most, so that a flood of forged ones ends.
///
/// # Errors
/// What `recvmsg` says, other than that the queue is empty.
#[cfg(target_os = "linux")]
pub fn read_errors(socket: &impl AsSocket, most: usize) -> io::Result<Vec<QueuedError>> {
    let mut errors = Vec::new();
    while errors.len() < most
        && let Some(error) = linux::next_error(socket)?
    {
        errors.push(error);
    }
    Ok(errors)
}

/// Always empty: this system has no error queue.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn read_errors(_socket: &impl AsSocket, _most: usize) -> io::Result<Vec<QueuedError>> {
    Ok(Vec::new())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::os::fd::{AsFd, AsRawFd};

    use nix::errno::Errno;
    use nix::libc;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

    use super::{ErrorOrigin, QueuedError, QueuedIcmp};
    use crate::model::target::Family;

    /// How much of the quoted packet is read: by less than this each request of ours is known.
    const QUOTE: usize = 64;

    /// The oldest entry; `None` when the queue is empty.
    pub(super) fn next_error(socket: &impl AsFd) -> io::Result<Option<QueuedError>> {
        let mut quote = [0; QUOTE];
        let mut iov = [IoSliceMut::new(&mut quote)];
        // IPv6 has the larger address. Room for a second message, should the socket have asked
        // for packet information too: a message that is cut off cannot be read.
        let mut space = nix::cmsg_space!(
            libc::sock_extended_err,
            libc::sockaddr_in6,
            libc::in6_pktinfo,
            libc::sockaddr_in6
        );
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let raw = socket.as_fd().as_raw_fd();
        let message = loop {
            match recvmsg::<SockaddrStorage>(raw, &mut iov, Some(&mut space), flags) {
                Ok(message) => break message,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        let destination = message.address.as_ref().and_then(socket_address);
        let quoted = message.bytes.min(QUOTE);
        let origin =
            message.cmsgs()?.find_map(|control| origin(&control)).unwrap_or(ErrorOrigin::Local(0));
        Ok(Some(QueuedError { destination, payload: quote[..quoted].to_vec(), origin }))
    }

    fn origin(control: &ControlMessageOwned) -> Option<ErrorOrigin> {
        let (error, from) = if let ControlMessageOwned::Ipv4RecvErr(error, offender) = control {
            let from = offender
                .filter(|address| i32::from(address.sin_family) == libc::AF_INET)
                .map(|address| Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into());
            (error, from)
        } else if let ControlMessageOwned::Ipv6RecvErr(error, offender) = control {
            let from = offender
                .filter(|address| i32::from(address.sin6_family) == libc::AF_INET6)
                .map(|address| Ipv6Addr::from(address.sin6_addr.s6_addr).into());
            (error, from)
        } else {
            return None;
        };
        let family = match error.ee_origin {
            libc::SO_EE_ORIGIN_ICMP => Family::V4,
            libc::SO_EE_ORIGIN_ICMP6 => Family::V6,
            _ => return Some(ErrorOrigin::Local(error.ee_errno.cast_signed())),
        };
        Some(ErrorOrigin::Icmp(QueuedIcmp {
            family,
            icmp_type: error.ee_type,
            code: error.ee_code,
            from,
        }))
    }

    fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
        if let Some(v4) = address.as_sockaddr_in() {
            return Some(SocketAddr::from((v4.ip(), v4.port())));
        }
        let v6 = address.as_sockaddr_in6()?;
        Some(SocketAddr::from((v6.ip(), v6.port())))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use socket2::{Domain, Protocol, Socket, Type};

    use super::*;

    fn udp(loopback: &str) -> Socket {
        let address: SocketAddr = loopback.parse().unwrap();
        let domain = Domain::for_address(address);
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.bind(&address.into()).unwrap();
        socket
    }

    /// A port that was free a moment ago.
    fn closed_port(loopback: &str) -> SocketAddr {
        udp(loopback).local_addr().unwrap().as_socket().unwrap()
    }

    /// Waits for the kernel, which answers on loopback at once.
    fn errors_after_sending(loopback: &str, family: Family) -> (SocketAddr, Vec<QueuedError>) {
        let socket = udp(loopback);
        enable(&socket, family).unwrap();
        let closed = closed_port(loopback);
        socket.send_to(b"is anybody there", &closed.into()).unwrap();
        for _ in 0..100 {
            let errors = read_errors(&socket, 64).unwrap();
            if !errors.is_empty() {
                return (closed, errors);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("no error was queued");
    }

    #[test]
    fn a_closed_udp_port_queues_port_unreachable_with_its_destination() {
        let (closed, errors) = errors_after_sending("127.0.0.1:0", Family::V4);
        let expected = QueuedError {
            destination: Some(closed),
            payload: b"is anybody there".to_vec(),
            origin: ErrorOrigin::Icmp(QueuedIcmp {
                family: Family::V4,
                icmp_type: 3,
                code: 3,
                from: Some(IpAddr::from([127, 0, 0, 1])),
            }),
        };
        assert_eq!(errors, [expected]);
    }

    #[test]
    fn a_closed_udp_port_of_ipv6_queues_type_1_code_4() {
        let (closed, errors) = errors_after_sending("[::1]:0", Family::V6);
        let expected = QueuedIcmp {
            family: Family::V6,
            icmp_type: 1,
            code: 4,
            from: Some("::1".parse().unwrap()),
        };
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].icmp(), Some(expected));
        assert_eq!(errors[0].destination, Some(closed));
    }

    #[test]
    fn an_empty_queue_is_read_without_waiting() {
        let socket = udp("127.0.0.1:0");
        enable(&socket, Family::V4).unwrap();
        assert_eq!(read_errors(&socket, 64).unwrap(), []);
    }
}
