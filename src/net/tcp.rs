//! TCP connections that tell a refusal by RST from one by ICMP, and both from silence.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::libc;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::http::is_reset;
use super::{Network, icmp};
use crate::model::facts::Connect;
use crate::model::observation::Blindness;
use crate::model::target::{Endpoint, Family};

/// What a connection attempt ended with. `Err` carries every [`Connect`] but `Accepted`.
pub type Connection = Result<TcpStream, Connect>;

/// Connects to where `to` is dialled, waiting for the time-out, and until `deadline` at most.
///
/// # Errors
/// [`Blindness`] when the trouble is ours: no route, own firewall, no sockets left.
pub async fn connect(
    net: &Network,
    to: Endpoint,
    deadline: Instant,
) -> Result<Connection, Blindness> {
    let deadline = deadline.min(Instant::now() + net.limits.timeout);
    dial(net.dial.dialled(to), deadline).await
}

/// How many SYNs a connection attempt sends that ends after `taken`: the first one is sent again
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

/// Connects to exactly this address, waiting at most until `deadline`.
///
/// # Errors
/// As [`connect`].
pub async fn dial(to: SocketAddr, deadline: Instant) -> Result<Connection, Blindness> {
    let family = Family::of(to.ip());
    let stream = match start(to, family) {
        Ok(stream) => stream,
        Err(error) => return Err(own_trouble("connect", to, &error)),
    };
    let Ok(ready) = timeout_at(deadline, stream.writable()).await else {
        return Ok(Err(Connect::Silent));
    };
    let error = match ready.and_then(|()| stream.take_error()) {
        Ok(None) => {
            // From here on an ICMP error must not end the connection (RFC 1122 §4.2.3.9).
            return match icmp::disable(&stream, family) {
                Ok(()) => Ok(Ok(stream)),
                Err(error) => Err(own_trouble("setsockopt", to, &error)),
            };
        }
        // A refused connection ends with ECONNREFUSED. These two are the RST behind an accepted
        // one, and whoever uses it next will find that out.
        Ok(Some(error)) if is_reset(&error) => return Ok(Ok(stream)),
        Ok(Some(error)) | Err(error) => error,
    };
    // The kernel queues the ICMP error before it ends the connection, so it is there by now.
    let queued = icmp::read_errors(&stream, MOST_ERRORS)
        .map_err(|error| own_trouble("read the error queue", to, &error))?;
    if let Some(icmp) = queued.iter().find_map(icmp::QueuedError::icmp) {
        return match icmp::own_trouble(&icmp, to.ip()) {
            Some(blindness) => Err(blindness),
            None => Ok(Err(Connect::Icmp(icmp))),
        };
    }
    let kind = error.kind();
    if kind == io::ErrorKind::ConnectionRefused {
        Ok(Err(Connect::Reset))
    } else if kind == io::ErrorKind::TimedOut {
        Ok(Err(Connect::Silent))
    } else {
        Err(own_trouble("connect", to, &error))
    }
}

/// How many ICMP errors of one connection attempt are looked at.
const MOST_ERRORS: usize = 64;

/// Sends the SYN.
fn start(to: SocketAddr, family: Family) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // What we write, we write whole, and wait for the answer.
    socket.set_tcp_nodelay(true)?;
    icmp::enable(&socket, family)?;
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    TcpStream::from_std(socket.into())
}

/// What an error of this machine means, when no packet from outside caused it.
pub fn own_trouble(operation: &str, to: SocketAddr, error: &io::Error) -> Blindness {
    let family = Family::of(to.ip());
    match error.raw_os_error() {
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EAFNOSUPPORT | libc::ENETDOWN) => {
            Blindness::NoRoute(family)
        }
        // There is a route, and no address of ours to use with it.
        Some(libc::EADDRNOTAVAIL) if matches!(to.ip(), IpAddr::V6(_)) => Blindness::NoRoute(family),
        Some(libc::EPERM | libc::EACCES) => Blindness::OwnFirewall,
        _ => Blindness::Local(format!("{operation} {to}: {error}")),
    }
}

#[cfg(test)]
mod tests {
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
        let trouble = |to, code| own_trouble("connect", to, &io::Error::from_raw_os_error(code));
        assert_eq!(trouble(v6, libc::ENETUNREACH), Blindness::NoRoute(Family::V6));
        assert_eq!(trouble(v6, libc::EADDRNOTAVAIL), Blindness::NoRoute(Family::V6));
        assert_eq!(trouble(v4, libc::EPERM), Blindness::OwnFirewall);
        assert_eq!(
            trouble(v4, libc::EMFILE),
            Blindness::Local("connect 203.0.113.10:443: Too many open files (os error 24)".into())
        );
    }
}
