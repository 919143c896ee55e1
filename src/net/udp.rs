//! UDP without privileges: sends datagrams and reports answers, ICMP errors and silence.

mod many;
mod sockets;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout_at};

use super::icmp::{self, ErrorOrigin, QueuedError, QueuedIcmp};
use super::system;
use super::tcp::own_trouble;
use crate::model::observation::{Blindness, LocalTrouble};
use crate::model::target::Family;

pub use sockets::{Refusals, Sockets};

/// The largest datagram that is read completely. The rest of a longer one is discarded.
pub const LARGEST: usize = 2048;

/// A UDP socket that distinguishes ICMP errors from silence.
#[derive(Debug)]
pub struct Socket {
    inner: UdpSocket,
    /// The only peer of a connected socket.
    peer: Option<SocketAddr>,
    /// How it detects a refusal.
    refusals: Refusals,
    /// A datagram failed because an earlier one was refused, and the caller has not taken this yet.
    was_refused: bool,
    /// ICMP errors that were read but not taken by the caller yet: at most [`MOST_KEPT`] plus those
    /// that are read at once.
    queue: VecDeque<QueuedError>,
}

/// A received answer or error.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A datagram of this many bytes is in the buffer.
    Datagram { from: SocketAddr, bytes: usize },
    /// An ICMP error for a datagram of this socket.
    Icmp {
        /// The destination of that datagram. `None` if the system does not report it.
        destination: Option<SocketAddr>,
        /// The beginning of its data, as quoted by the error (at most 64 bytes). `None` if the system
        /// does not report it, which happens only for a socket with one peer.
        payload: Option<Vec<u8>>,
        error: QueuedIcmp,
    },
}

impl Socket {
    /// A socket for many peers of one family. Its own port is not in `avoid`.
    ///
    /// # Errors
    /// When this machine cannot open a socket.
    pub fn unconnected(family: Family, avoid: &[u16]) -> Result<Self, Blindness> {
        Self::open(Refusals::of_this_system(), any_address(family), avoid)
    }

    /// The same for the ports of one address: the system does not choose our own address again for each
    /// datagram, which takes a tenth of the time that it needs to send one over IPv6.
    ///
    /// # Errors
    /// When this machine cannot open a socket.
    pub fn toward(peer: SocketAddr, avoid: &[u16]) -> Result<Self, Blindness> {
        // Without a route, sending says what is the matter.
        let own = own_address(peer).unwrap_or_else(|| any_address(Family::of(peer.ip())));
        Self::open(Refusals::of_this_system(), own, avoid)
    }

    fn open(refusals: Refusals, own: IpAddr, avoid: &[u16]) -> Result<Self, Blindness> {
        open(refusals, own, avoid)
            .and_then(UdpSocket::from_std)
            .map(|inner| Self {
                inner,
                peer: None,
                refusals,
                was_refused: false,
                queue: VecDeque::new(),
            })
            .map_err(|error| local("open a UDP socket", &error))
    }

    /// A socket that sends only to `peer` and receives only from it.
    ///
    /// # Errors
    /// When this machine has no route to `peer` or cannot open a socket.
    pub fn connected(peer: SocketAddr) -> Result<Self, Blindness> {
        Self::connected_by(Refusals::of_this_system(), peer)
    }

    /// The same, but detects refusals only by ECONNREFUSED, as on systems without an error queue.
    fn failing(peer: SocketAddr) -> Result<Self, Blindness> {
        Self::connected_by(Refusals::ByFailing, peer)
    }

    fn connected_by(refusals: Refusals, peer: SocketAddr) -> Result<Self, Blindness> {
        let mut socket = Self::open(refusals, any_address(Family::of(peer.ip())), &[peer.port()])?;
        socket2::SockRef::from(&socket.inner)
            .connect(&peer.into())
            .map_err(|error| own_trouble("open a UDP socket to", peer, &error))?;
        socket.peer = Some(peer);
        Ok(socket)
    }

    /// The local port.
    pub fn port(&self) -> Option<u16> {
        let own = self.inner.local_addr().ok()?;
        Some(own.port())
    }

    /// Sends one datagram, and waits at most until `deadline` for buffer space.
    ///
    /// On Linux, an ICMP error makes the next datagram fail, even if it has another destination
    /// (ip(7) `IP_RECVERR`). Such an error is kept for [`Self::take`], and the datagram is sent again.
    ///
    /// # Errors
    /// When this machine could not send it.
    pub async fn send(
        &mut self,
        bytes: &[u8],
        to: SocketAddr,
        deadline: Instant,
    ) -> Result<(), Blindness> {
        let mut unexplained = 0;
        let mut last = io::Error::from(ErrorKind::TimedOut);
        for _ in 0..MOST_SENDS {
            let sent = match self.peer {
                Some(_) => timeout_at(deadline, self.inner.send(bytes)).await,
                None => timeout_at(deadline, self.inner.send_to(bytes, to)).await,
            };
            let error = match sent {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => break,
            };
            match self.refusal_to_send(&error)? {
                Refusal::NoRoom => sleep(ROOM).await,
                Refusal::Earlier => {}
                Refusal::Unexplained => unexplained += 1,
            }
            last = error;
            if unexplained == 2 {
                break;
            }
        }
        Err(own_trouble("send a UDP datagram to", to, &last))
    }

    /// Sends as many of `datagrams`, in order, as there is buffer space for now, and returns how many
    /// were sent. For errors of earlier ones see [`Self::send`].
    ///
    /// # Errors
    /// When this machine could not send the first one. The error of a later one is returned by the
    /// next call, which begins with it.
    pub fn send_many(
        &mut self,
        datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
    ) -> Result<usize, Blindness> {
        let Some((bytes, first)) = datagrams.first() else {
            return Ok(0);
        };
        let mut unexplained = 0;
        let mut last = io::Error::from(ErrorKind::TimedOut);
        for _ in 0..MOST_SENDS {
            // Some systems reject an address for a connected socket, even the correct one.
            let sent = match self.peer {
                Some(_) => self.inner.try_send(bytes.as_ref()).map(|_| 1),
                None => many::send(&self.inner, datagrams),
            };
            let error = match sent {
                Ok(sent) => return Ok(sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) => error,
            };
            match self.refusal_to_send(&error)? {
                Refusal::NoRoom => return Ok(0),
                Refusal::Earlier => {}
                Refusal::Unexplained => unexplained += 1,
            }
            last = error;
            if unexplained == 2 {
                break;
            }
        }
        Err(own_trouble("send a UDP datagram to", *first, &last))
    }

    /// The reason why a datagram was not sent.
    ///
    /// # Errors
    /// When this machine's own firewall drops it. This is permanent, and sending it again would only
    /// fill the firewall's log.
    fn refusal_to_send(&mut self, error: &io::Error) -> Result<Refusal, Blindness> {
        if system::is_forbidden_to_send(error) {
            return Err(Blindness::OwnFirewall);
        }
        if system::is_without_buffer(error) {
            return Ok(Refusal::NoRoom);
        }
        if self.refusals == Refusals::ByFailing && system::is_port_unreachable(error) {
            self.was_refused = true;
            return Ok(Refusal::Earlier);
        }
        Ok(if self.keep_errors()? { Refusal::Earlier } else { Refusal::Unexplained })
    }

    /// Takes the next answer or error, without waiting. `buffer` has [`LARGEST`] bytes.
    ///
    /// # Errors
    /// When the error queue cannot be read.
    pub fn take(&mut self, buffer: &mut [u8]) -> Result<Option<Event>, Blindness> {
        match self.inner.try_recv_from(buffer) {
            Ok((bytes, from)) => return Ok(Some(Event::Datagram { from, bytes })),
            Err(error) if self.refusals == Refusals::ByFailing => {
                let is_new = system::is_port_unreachable(&error) || self.has_failed();
                let was_refused = std::mem::take(&mut self.was_refused);
                return Ok(self.refusal().filter(|_| is_new || was_refused));
            }
            // Includes the socket's own error, which is in the queue with more detail.
            Err(_) => self.find_errors()?,
        }
        while let Some(queued) = self.queue.pop_front() {
            match queued.origin {
                ErrorOrigin::Icmp(error) => {
                    return Ok(Some(Event::Icmp {
                        destination: queued.destination,
                        payload: Some(queued.payload),
                        error,
                    }));
                }
                // `send` reports the errors of this machine itself.
                ErrorOrigin::Local(_) => {}
            }
        }
        Ok(None)
    }

    /// Waits until [`Self::take`] may return something, at most until `deadline`. Yields to other
    /// tasks even if there is something already, so that a flood does not block them.
    ///
    /// # Errors
    /// When the runtime can no longer wait.
    pub async fn wait(&self, deadline: Instant) -> Result<(), Blindness> {
        tokio::task::yield_now().await;
        match timeout_at(deadline, self.ready()).await {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(error)) => Err(cannot_wait(&error)),
        }
    }

    async fn ready(&self) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::ERROR;
        self.inner.ready(interest).await.map(|_| ())
    }

    /// Whether the socket itself has the error "refused" and no data. Systems differ in the events for
    /// which they wake a waiting task.
    fn has_failed(&self) -> bool {
        let error = self.inner.try_io(Interest::ERROR, || {
            // Without an error, this tells the runtime that nothing is left.
            let error = self.inner.take_error()?;
            error.ok_or_else(|| ErrorKind::WouldBlock.into())
        });
        error.is_ok_and(|error| system::is_port_unreachable(&error))
    }

    /// Moves errors from the system's queue to this one, if this one is empty and the runtime knows
    /// that the system's is not.
    fn find_errors(&mut self) -> Result<(), Blindness> {
        if !self.queue.is_empty() {
            return Ok(());
        }
        let found = self.inner.try_io(Interest::ERROR, || {
            let errors = icmp::read_errors(&self.inner, AT_ONCE)?;
            if errors.is_empty() {
                // Tells the runtime that nothing is left.
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(errors)
        });
        match found {
            Ok(errors) => self.queue.extend(errors),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(unreadable(&error)),
        }
        Ok(())
    }

    /// Like [`Self::find_errors`], before the runtime knows. Returns whether there was an error.
    fn keep_errors(&mut self) -> Result<bool, Blindness> {
        // The rest stays in the system's queue, which has its own limit.
        if self.queue.len() >= MOST_KEPT {
            return Ok(true);
        }
        let errors = icmp::read_errors(&self.inner, AT_ONCE).map_err(|error| unreadable(&error))?;
        let found = !errors.is_empty();
        self.queue.extend(errors);
        Ok(found)
    }

    /// The meaning of ECONNREFUSED on a connected socket without an error queue: port unreachable,
    /// from an unknown sender.
    fn refusal(&self) -> Option<Event> {
        let peer = self.peer?;
        let family = Family::of(peer.ip());
        let (icmp_type, code) = match family {
            Family::V4 => (3, 3),
            Family::V6 => (1, 4),
        };
        Some(Event::Icmp {
            destination: Some(peer),
            payload: None,
            error: QueuedIcmp { family, icmp_type, code, from: None },
        })
    }
}

/// The local address for packets to `peer`. `None` if this machine has no route.
pub fn own_address(peer: SocketAddr) -> Option<IpAddr> {
    let domain = Domain::for_address(peer);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).ok()?;
    // Sends nothing: the system only looks up the route.
    socket.connect(&peer.into()).ok()?;
    Some(socket.local_addr().ok()?.as_socket()?.ip())
}

/// Why a datagram was not sent, if the next attempt may succeed.
enum Refusal {
    /// The system has no buffer left.
    NoRoom,
    /// It failed because of an error of an earlier one.
    Earlier,
    /// The queue contains no reason. The first time, it may have had no space for the ICMP error. The
    /// second time, the cause is this machine itself.
    Unexplained,
}

/// The maximum number of attempts for one datagram. Each earlier error makes it fail at most once.
const MOST_SENDS: usize = 32;

/// How many errors are read at once.
const AT_ONCE: usize = 256;

/// With this many errors not taken yet, no more are read, so that a flood of forged errors does not
/// fill the memory.
const MOST_KEPT: usize = 4096;

/// How long to wait if the system has no buffer left.
const ROOM: Duration = Duration::from_millis(2);

/// The receive buffer, which also holds queued errors. The system reduces it to its limit (socket(7)
/// `rmem_max`).
const RECEIVE_BUFFER: usize = 4 << 20;

/// Source ports, unless the system assigns them itself: on loopback, a probe of 50000-60000 from such
/// a port could reach another socket of this run. Networks drop datagrams from many ports below,
/// because of attacks that come from there: 1900 (SSDP), 3702 (WSD), 5353 (mDNS), 11211 (memcached).
/// What is left is too many to be guessed at once, and too few to be a proof: whoever sends to all of
/// them hits ours. So nothing counts as an answer that holds nothing of its question.
const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 12_000..=65_535;

/// A port of [`SOURCE_PORTS`] that the system does not assign itself.
fn source_port() -> u16 {
    let assigned = assigned_ports();
    // On a busy proxy there may be next to none.
    let others = SOURCE_PORTS.filter(|port| !assigned.contains(port)).count();
    loop {
        let port = rand::random_range(SOURCE_PORTS);
        if others < FEWEST_SOURCE_PORTS || !assigned.contains(&port) {
            return port;
        }
    }
}

/// With fewer ports that the system does not assign itself, its own are taken too.
const FEWEST_SOURCE_PORTS: usize = 10_000;

/// The ports that the system assigns itself.
fn assigned_ports() -> std::ops::RangeInclusive<u16> {
    static ASSIGNED: OnceLock<std::ops::RangeInclusive<u16>> = OnceLock::new();
    let read = || {
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
        let mut ports = text.split_whitespace().map(str::parse);
        Some(ports.next()?.ok()?..=ports.next()?.ok()?)
    };
    // As of a Linux that was not told otherwise; others begin at 49152.
    ASSIGNED.get_or_init(|| read().unwrap_or(32_768..=65_535)).clone()
}

/// How many source ports are tried.
const SOURCE_PORT_TRIES: usize = 64;

fn any_address(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn open(refusals: Refusals, own: IpAddr, avoid: &[u16]) -> io::Result<std::net::UdpSocket> {
    let family = Family::of(own);
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if family == Family::V6 {
        socket.set_only_v6(true)?;
    }
    if refusals == Refusals::Queued {
        icmp::enable(&socket, family)?;
    }
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    let mut last = io::Error::from(ErrorKind::AddrInUse);
    for _ in 0..SOURCE_PORT_TRIES {
        let port = source_port();
        if avoid.contains(&port) {
            continue;
        }
        match socket.bind(&SocketAddr::new(own, port).into()) {
            Ok(()) => return Ok(socket.into()),
            Err(error) if error.kind() == ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn cannot_wait(error: &io::Error) -> Blindness {
    local("wait for a UDP datagram", error)
}

fn unreadable(error: &io::Error) -> Blindness {
    local("read the ICMP errors of a UDP socket", error)
}

fn local(operation: &'static str, error: &io::Error) -> Blindness {
    LocalTrouble::system(operation, None, error).into()
}
