//! UDP without privileges: datagrams out; answers, ICMP errors and silence back.

mod many;
mod sockets;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, Protocol, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep, timeout_at};

use super::icmp::{self, ErrorOrigin, QueuedError};
use super::tcp::own_trouble;
use crate::model::facts::IcmpError;
use crate::model::observation::Blindness;
use crate::model::target::Family;

pub use sockets::{Refusals, Sockets};

/// The largest datagram that is read whole; the rest of a longer one is thrown away.
pub const LARGEST: usize = 2048;

/// A UDP socket that tells ICMP errors from silence.
#[derive(Debug)]
pub struct Socket {
    inner: UdpSocket,
    /// The only address that is talked to, of a connected socket.
    peer: Option<SocketAddr>,
    /// How it tells a refusal.
    refusals: Refusals,
    /// A datagram failed for a refusal of an earlier one, which nobody took yet.
    was_refused: bool,
    /// ICMP errors that were found on the way, and not taken yet: [`MOST_KEPT`] and as many as are
    /// read at once.
    queue: VecDeque<QueuedError>,
}

/// Something that came back.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A datagram of this many bytes now stands in the buffer.
    Datagram { from: SocketAddr, bytes: usize },
    /// An ICMP error for a datagram of ours.
    Icmp {
        /// Where that datagram had been sent to; `None` where the system does not tell.
        destination: Option<SocketAddr>,
        /// The beginning of its data, as far as the error quoted it and it is looked at (64 bytes);
        /// `None` where the system does not tell, which is only for a socket with one peer.
        payload: Option<Vec<u8>>,
        error: IcmpError,
    },
}

impl Socket {
    /// A socket to talk to many addresses of one family; its own port is none of `avoid`.
    ///
    /// # Errors
    /// When this machine does not give us one.
    pub fn unconnected(family: Family, avoid: &[u16]) -> Result<Self, Blindness> {
        Self::open(Refusals::of_this_system(), family, avoid)
    }

    fn open(refusals: Refusals, family: Family, avoid: &[u16]) -> Result<Self, Blindness> {
        open(refusals, family, avoid)
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

    /// A socket that talks to `peer`, and hears nobody else.
    ///
    /// # Errors
    /// When this machine has no way there, or gives us no socket.
    pub fn connected(peer: SocketAddr) -> Result<Self, Blindness> {
        Self::connected_by(Refusals::of_this_system(), peer)
    }

    /// The same, and refusals are told by ECONNREFUSED alone, as without an error queue.
    fn failing(peer: SocketAddr) -> Result<Self, Blindness> {
        Self::connected_by(Refusals::ByFailing, peer)
    }

    fn connected_by(refusals: Refusals, peer: SocketAddr) -> Result<Self, Blindness> {
        let mut socket = Self::open(refusals, Family::of(peer.ip()), &[peer.port()])?;
        socket2::SockRef::from(&socket.inner)
            .connect(&peer.into())
            .map_err(|error| own_trouble("connect UDP", peer, &error))?;
        socket.peer = Some(peer);
        Ok(socket)
    }

    /// Our own port.
    pub fn port(&self) -> Option<u16> {
        let own = self.inner.local_addr().ok()?;
        Some(own.port())
    }

    /// Sends one datagram, waiting at most until `deadline` for room.
    ///
    /// Linux lets the next datagram fail for an ICMP error that an earlier one caused, whoever
    /// that went to (ip(7) `IP_RECVERR`): such an error is kept for [`Self::take`], and the
    /// datagram sent again.
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
        Err(own_trouble("send UDP", to, &last))
    }

    /// Sends as many of `datagrams`, from the first on, as there is room for now, and tells how
    /// many left. For errors of earlier ones see [`Self::send`].
    ///
    /// # Errors
    /// When this machine could not send the first one. An error of a later one is told by the next
    /// call, which begins with it.
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
            // Not every system takes an address for a connected socket, though it be the right one.
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
        Err(own_trouble("send UDP", *first, &last))
    }

    /// Why a datagram was not sent.
    ///
    /// # Errors
    /// When our own firewall keeps it: that is permanent, and sending it again would only fill
    /// the firewall's log.
    fn refusal_to_send(&mut self, error: &io::Error) -> Result<Refusal, Blindness> {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EPERM) => Err(Blindness::OwnFirewall),
            Some(Errno::ENOBUFS | Errno::ENOMEM) => Ok(Refusal::NoRoom),
            Some(Errno::ECONNREFUSED) if self.refusals == Refusals::ByFailing => {
                self.was_refused = true;
                Ok(Refusal::Earlier)
            }
            _ if self.keep_errors()? => Ok(Refusal::Earlier),
            _ => Ok(Refusal::Unexplained),
        }
    }

    /// Takes the next thing that came, without waiting. `buffer` has [`LARGEST`] bytes.
    ///
    /// # Errors
    /// When the error queue cannot be read.
    pub fn take(&mut self, buffer: &mut [u8]) -> Result<Option<Event>, Blindness> {
        match self.inner.try_recv_from(buffer) {
            Ok((bytes, from)) => return Ok(Some(Event::Datagram { from, bytes })),
            Err(error) if self.refusals == Refusals::ByFailing => {
                let is_refused = error.kind() == ErrorKind::ConnectionRefused;
                let is_new = is_refused || self.has_failed();
                let was_refused = std::mem::take(&mut self.was_refused);
                return Ok(self.refusal().filter(|_| is_new || was_refused));
            }
            // Also the socket's own error: the queue has it, with more detail.
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
                // What this machine says itself, it says to `send`.
                ErrorOrigin::Local(_) => {}
            }
        }
        Ok(None)
    }

    /// Waits until [`Self::take`] may find something, at most until `deadline`. Lets others work
    /// even when there is something already, so that a flood holds nobody else up.
    ///
    /// # Errors
    /// When the runtime cannot wait any more.
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

    /// Whether the socket has an error of its own that says "refused", and no data came with it:
    /// systems differ in what they wake us for.
    fn has_failed(&self) -> bool {
        let error = self.inner.try_io(Interest::ERROR, || {
            // Without one the runtime is told that nothing is left.
            let error = self.inner.take_error()?;
            error.ok_or_else(|| ErrorKind::WouldBlock.into())
        });
        error.is_ok_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    }

    /// Moves the system's error queue to ours, when that is empty and the runtime knows that there
    /// is something.
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

    /// Like [`Self::find_errors`], before the runtime knows. Tells whether there was anything.
    fn keep_errors(&mut self) -> Result<bool, Blindness> {
        // The rest waits in the system's queue, which has its own limit.
        if self.queue.len() >= MOST_KEPT {
            return Ok(true);
        }
        let errors = icmp::read_errors(&self.inner, AT_ONCE).map_err(|error| unreadable(&error))?;
        let found = !errors.is_empty();
        self.queue.extend(errors);
        Ok(found)
    }

    /// What a connected socket's ECONNREFUSED means where there is no error queue: port
    /// unreachable, from somebody.
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
            error: IcmpError { family, icmp_type, code, from: None },
        })
    }
}

/// The address with which this machine would speak to `peer`; `None` where it has no way there.
pub fn own_address(peer: SocketAddr) -> Option<IpAddr> {
    let domain = Domain::for_address(peer);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).ok()?;
    // Nothing is sent: the system only looks for its route.
    socket.connect(&peer.into()).ok()?;
    Some(socket.local_addr().ok()?.as_socket()?.ip())
}

/// Why a datagram was not sent, and may be at the next try.
enum Refusal {
    /// The system has no buffer left.
    NoRoom,
    /// It failed for an error of an earlier one.
    Earlier,
    /// The queue explains nothing: the first time it may have had no room left for the ICMP error,
    /// the second time it is this machine itself.
    Unexplained,
}

/// How often one datagram is tried: each error of an earlier one makes it fail once at most.
const MOST_SENDS: usize = 32;

/// How many errors are read at once.
const AT_ONCE: usize = 256;

/// With so many errors that nobody took no more are read, so that a flood of forged ones fills no
/// memory.
const MOST_KEPT: usize = 4096;

/// How long to wait when the system has no buffer left.
const ROOM: Duration = Duration::from_millis(2);

/// Answers and queued errors count against the receive buffer; the system cuts this to what it
/// allows (socket(7) `rmem_max`).
const RECEIVE_BUFFER: usize = 4 << 20;

/// Source ports. Below 32768, where Linux begins to give out ports by itself: from one of those a
/// probe of 50000 to 60000 could hit itself on loopback.
const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 20_000..=29_999;

/// How many source ports are tried.
const SOURCE_PORT_TRIES: usize = 64;

fn open(refusals: Refusals, family: Family, avoid: &[u16]) -> io::Result<std::net::UdpSocket> {
    let (domain, any) = match family {
        Family::V4 => (Domain::IPV4, IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        Family::V6 => (Domain::IPV6, IpAddr::from(Ipv6Addr::UNSPECIFIED)),
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
        let port = rand::random_range(SOURCE_PORTS);
        if avoid.contains(&port) {
            continue;
        }
        match socket.bind(&SocketAddr::new(any, port).into()) {
            Ok(()) => return Ok(socket.into()),
            Err(error) if error.kind() == ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn cannot_wait(error: &io::Error) -> Blindness {
    local("wait for a datagram", error)
}

fn unreadable(error: &io::Error) -> Blindness {
    local("read the error queue of a UDP socket", error)
}

fn local(operation: &str, error: &io::Error) -> Blindness {
    Blindness::Local(format!("{operation}: {error}"))
}
