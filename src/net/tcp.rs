//! TCP connections that distinguish a refusal by RST, a refusal by ICMP, and silence.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::http::is_reset;
use super::{Network, icmp, system};
use crate::model::dial::Destination;
use crate::model::facts::Connect;
use crate::model::observation::{Blindness, LocalTrouble};
use crate::model::target::{Endpoint, Family};

/// The result of a connection attempt. `Err` contains every [`Connect`] except `Accepted`.
pub type Connection = Result<TcpStream, Connect>;

/// Connects to the replacement of `to` (`--connect-to`), waiting for the timeout and at most until
/// `deadline`.
///
/// # Errors
/// [`Blindness`] for a problem of this machine: no route, its own firewall, no sockets left.
pub async fn connect(
    net: &Network,
    to: Endpoint,
    deadline: Instant,
) -> Result<Connection, Blindness> {
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    dial(net.dial.destination(to), deadline).await
}

/// How large the segments of a connection may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segments {
    /// As large as the interface of this machine permits.
    Usual,
    /// Small enough for every link: this machine sends no larger ones, and asks the peer for none.
    Small,
    /// The usual ones; but what this machine has to say is written in small pieces.
    InPieces,
}

impl Segments {
    /// The segments that every IPv4 host must accept (RFC 9293 §3.7.1); every IPv6 link carries them too.
    const SMALL: u32 = 536;

    fn limit(self, socket: &Socket) -> io::Result<()> {
        match self {
            Self::Usual | Self::InPieces => Ok(()),
            Self::Small => limit_segments(socket, Self::SMALL),
        }
    }
}

#[cfg(unix)]
fn limit_segments(socket: &Socket, bytes: u32) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt};
    Ok(setsockopt(socket, sockopt::TcpMaxSeg, &bytes)?)
}

/// Fails: Windows does not let a program choose.
#[cfg(windows)]
fn limit_segments(_socket: &Socket, _bytes: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sends the SYN of a connection attempt that asks for segments of this size, and gives the attempt up: the
/// system refuses what is answered. For a responder that sees it arrive.
///
/// # Errors
/// As [`connect`]; also where the system lets no program choose the size.
pub fn knock(to: SocketAddr, segment: u16) -> Result<(), Blindness> {
    let sent = || -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        limit_segments(&socket, segment.into())?;
        match socket.connect(&to.into()) {
            Err(error) if system::is_connecting(&error) => Ok(()),
            // Refused at once, as this machine may do for its own address.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            other => other,
        }
    };
    sent().map_err(|error| own_trouble("connect to", to, &error))
}

/// As [`connect`], with segments of this size.
///
/// # Errors
/// As [`connect`].
pub async fn connect_with(
    net: &Network,
    to: Endpoint,
    segments: Segments,
    deadline: Instant,
) -> Result<Connection, Blindness> {
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    dial_with(net.dial.destination(to), segments, deadline).await
}

/// The number of SYNs of a connection attempt that ended after `taken`. The first SYN is sent again
/// after 1 s, then after twice as long each time (RFC 6298 §2).
pub fn syns_within(taken: Duration) -> u32 {
    let mut syns = 1;
    let mut next = Duration::from_secs(1);
    while taken >= next && syns < 7 {
        syns += 1;
        next = next * 2 + Duration::from_secs(1);
    }
    syns
}

/// Connects to where `destination` is dialled, waiting at most until `deadline`.
///
/// # Errors
/// As [`connect`].
pub async fn dial(destination: Destination, deadline: Instant) -> Result<Connection, Blindness> {
    dial_with(destination, Segments::Usual, deadline).await
}

async fn dial_with(
    destination: Destination,
    segments: Segments,
    deadline: Instant,
) -> Result<Connection, Blindness> {
    let to = destination.dialled;
    let family = Family::of(to.ip());
    let stream = match start(to, family, segments) {
        Ok(stream) => stream,
        Err(error) => return Err(own_trouble("connect to", to, &error)),
    };
    let Ok(ready) = timeout_at(deadline, stream.writable()).await else {
        return Ok(Err(Connect::Silent));
    };
    let error = match ready.and_then(|()| stream.take_error()) {
        Ok(None) => {
            // From now on, an ICMP error must not end the connection (RFC 1122 §4.2.3.9).
            return match icmp::disable(&stream, family) {
                Ok(()) => Ok(Ok(stream)),
                Err(error) => Err(own_trouble("set up a connection to", to, &error)),
            };
        }
        // A refused connection ends with ECONNREFUSED. These two errors are an RST after the
        // connection was accepted. Its next read or write reports that.
        Ok(Some(error)) if is_reset(&error) => return Ok(Ok(stream)),
        Ok(Some(error)) | Err(error) => error,
    };
    // The kernel queues the ICMP error before it ends the connection, so it is available now.
    let queued = icmp::read_errors(&stream, MOST_ERRORS)
        .map_err(|error| own_trouble("read the ICMP errors of a socket to", to, &error))?;
    if let Some(icmp) = queued.iter().find_map(icmp::QueuedError::icmp) {
        return Ok(Err(Connect::Icmp(icmp.unless_own_trouble(destination)?)));
    }
    let kind = error.kind();
    if kind == io::ErrorKind::ConnectionRefused {
        Ok(Err(Connect::Reset))
    } else if kind == io::ErrorKind::TimedOut {
        Ok(Err(Connect::Silent))
    } else {
        Err(own_trouble("connect to", to, &error))
    }
}

/// The maximum number of ICMP errors that are read for one connection attempt.
const MOST_ERRORS: usize = 64;

/// Sends the SYN.
fn start(to: SocketAddr, family: Family, segments: Segments) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Every write is a complete message, after which the caller waits for the answer.
    socket.set_tcp_nodelay(true)?;
    segments.limit(&socket)?;
    icmp::enable(&socket, family)?;
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if system::is_connecting(&error) => {}
        Err(error) => return Err(error),
    }
    TcpStream::from_std(socket.into())
}

/// The meaning of an error of this machine that no packet from outside caused.
pub fn own_trouble(operation: &'static str, to: SocketAddr, error: &io::Error) -> Blindness {
    let family = Family::of(to.ip());
    match error.kind() {
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkDown => Blindness::NoRoute(family),
        // There is a route, but this machine has no address for it.
        io::ErrorKind::AddrNotAvailable if matches!(to.ip(), IpAddr::V6(_)) => {
            Blindness::NoRoute(family)
        }
        io::ErrorKind::PermissionDenied => Blindness::OwnFirewall,
        _ if system::is_family_unknown(error) => Blindness::NoRoute(family),
        _ => LocalTrouble::system(operation, Some(to.to_string()), error).into(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use nix::libc;

    use super::*;

    #[test]
    fn a_syn_is_sent_again_after_one_then_two_more_seconds() {
        assert_eq!(syns_within(Duration::from_millis(40)), 1);
        assert_eq!(syns_within(Duration::from_millis(1300)), 2);
        assert_eq!(syns_within(Duration::from_millis(2900)), 2);
        assert_eq!(syns_within(Duration::from_millis(3000)), 3);
    }

    #[test]
    fn errors_of_this_machine_are_told_apart() {
        let v6: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
        let v4: SocketAddr = "203.0.113.10:443".parse().unwrap();
        let trouble = |to, code| own_trouble("connect to", to, &io::Error::from_raw_os_error(code));
        assert_eq!(trouble(v6, libc::ENETUNREACH), Blindness::NoRoute(Family::V6));
        assert_eq!(trouble(v6, libc::EADDRNOTAVAIL), Blindness::NoRoute(Family::V6));
        assert_eq!(trouble(v4, libc::EPERM), Blindness::OwnFirewall);
        assert_eq!(
            trouble(v4, libc::EMFILE).to_string(),
            "could not connect to 203.0.113.10:443: too many open files; raise the limit \
             with `ulimit -n 4096`"
        );
    }
}
