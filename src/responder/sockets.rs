//! The sockets of a responder: two taps, which see packets before the firewall and on their way out, and
//! raw sockets, which see what the firewall let in. None of them has a port, and none takes a packet
//! away from anybody.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::task::Context;

use nix::errno::Errno;
use nix::sys::socket::{LinkAddr, MsgFlags, SockaddrIn6, getsockopt, recvmsg, setsockopt, sockopt};
use nix::{getsockopt_impl, libc};
use pnet_datalink::{ChannelType, Config, NetworkInterface};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::filter::{self, Way};
use crate::model::port::Transport;
use crate::proto::responder::packet::{
    Datagram, Syn, read_ip, read_syn, read_syn_in_ip, read_udp, write_ip,
};

/// The buffer of a socket: room for ten thousand probes and more.
const BUFFER: usize = 4 * 1024 * 1024;

/// What the kernel counts for a probe in a buffer, measured.
const BYTES_OF_PROBE: usize = 832;

/// All protocols (`ETH_P_ALL`): the tap sees packets before a firewall at the ingress hook.
const ALL_PROTOCOLS: u16 = 3;

/// How many numbers the kernel has about the memory of a socket (`SO_MEMINFO`, Linux 4.12), and the place of the
/// one that counts what its buffer could not hold (`SK_MEMINFO_DROPS`). The control message that has the same
/// count (`SO_RXQ_OVFL`) comes with the next packet only, and behind the last one there is none.
const NUMBERS_OF_MEMORY: usize = 9;
const DROPS: usize = 8;

getsockopt_impl!(
    MemoryOfSocket,
    libc::SOL_SOCKET,
    libc::SO_MEMINFO,
    [u32; NUMBERS_OF_MEMORY],
    sockopt::GetStruct<[u32; NUMBERS_OF_MEMORY]>
);

/// The memory of a socket, in numbers.
#[derive(Debug, Clone, Copy)]
struct MemoryOfSocket;

/// The hardware type of the loopback interface (`ARPHRD_LOOPBACK`).
const LOOPBACK: u16 = 772;

/// A packet is no longer than this, or none of a check's.
pub const LARGEST: usize = 2_048;

/// Where a packet was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// At the interface, before the firewall.
    Arrived,
    /// Behind the firewall.
    Passed,
    /// On its way out of the machine.
    Forwarded,
}

/// A socket that is read.
pub struct Watched {
    /// None of UDP: only its readiness is asked for, which is that of any file descriptor.
    socket: UdpSocket,
    kind: WatchedKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WatchedKind {
    place: WatchedPlace,
    transport: Transport,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WatchedPlace {
    Tap(Way),
    RawV4,
    RawV6,
}

/// All sockets before they belong to a runtime.
pub struct Opened {
    sockets: Vec<(WatchedKind, Socket)>,
    out: Out,
}

/// The sockets that answers leave by.
pub struct Out {
    v4: Socket,
    v6: Option<Socket>,
}

/// Why the sockets could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("raw sockets need the capability CAP_NET_RAW")]
    NotPermitted,
    #[error("{operation}: {error}")]
    System { operation: &'static str, error: io::Error },
}

fn system(operation: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |error| match error.kind() {
        io::ErrorKind::PermissionDenied => OpenError::NotPermitted,
        _ => OpenError::System { operation, error },
    }
}

impl Opened {
    /// Opens them. IPv6 may be missing.
    ///
    /// # Errors
    /// If this system does not give us one.
    pub fn new() -> Result<Self, OpenError> {
        let out_v6 = match out(Domain::IPV6) {
            Err(OpenError::System { error, .. }) if is_missing(&error) => None,
            other => Some(other?),
        };
        let out = Out { v4: out(Domain::IPV4)?, v6: out_v6 };
        let mut sockets = Vec::new();
        // The taps last: what arrives before the raw sockets are there would seem to be stopped.
        for place in [
            WatchedPlace::RawV4,
            WatchedPlace::RawV6,
            WatchedPlace::Tap(Way::Out),
            WatchedPlace::Tap(Way::In),
        ] {
            if place == WatchedPlace::RawV6 && out.v6.is_none() {
                continue;
            }
            for transport in [Transport::Udp, Transport::Tcp] {
                let socket = match place {
                    WatchedPlace::Tap(way) => tap(way, transport)?,
                    WatchedPlace::RawV4 => {
                        raw(Domain::IPV4, transport, &filter::of_raw_v4(transport))?
                    }
                    WatchedPlace::RawV6 => {
                        raw(Domain::IPV6, transport, &filter::of_raw_v6(transport))?
                    }
                };
                sockets.push((WatchedKind { place, transport }, socket));
            }
        }
        Ok(Self { sockets, out })
    }

    /// Closes the sockets that only IPv6 has.
    pub fn forget_v6(&mut self) {
        self.out.v6 = None;
        self.sockets.retain(|(kind, _)| kind.place != WatchedPlace::RawV6);
    }

    /// Whether IPv6 is watched.
    pub fn has_v6(&self) -> bool {
        self.out.v6.is_some()
    }

    /// How many probes the buffers hold while nobody reads.
    pub fn room(&self) -> u32 {
        let sockets = self.sockets.iter().filter(|(kind, _)| kind.transport == Transport::Udp);
        let sizes = sockets.map(|(_, socket)| socket.recv_buffer_size());
        let least = sizes.map(|size| size.unwrap_or(0) / BYTES_OF_PROBE).min();
        least.and_then(|room| u32::try_from(room).ok()).unwrap_or(0)
    }

    /// Hands them to the runtime, in the order in which they are to be read. Must be called inside one.
    ///
    /// # Errors
    /// The system's.
    pub fn watched(mut self) -> io::Result<(Vec<Watched>, Out)> {
        // What passes while they are read then seems to have passed without arriving, and not to be stopped. And
        // connection attempts are announced to the first of them.
        self.sockets.sort_by_key(|(kind, _)| kind.place != WatchedPlace::Tap(Way::In));
        let sockets = self.sockets.into_iter().map(|(kind, socket)| {
            let socket = UdpSocket::from_std(socket.into())?;
            Ok(Watched { socket, kind })
        });
        Ok((sockets.collect::<io::Result<_>>()?, self.out))
    }
}

/// Whether the system has no such sockets.
fn is_missing(error: &io::Error) -> bool {
    let missing = [Errno::EAFNOSUPPORT, Errno::EPROTONOSUPPORT];
    error.raw_os_error().is_some_and(|code| missing.contains(&Errno::from_raw(code)))
}

/// A packet socket of all interfaces, without link headers.
fn tap(way: Way, transport: Transport) -> Result<Socket, OpenError> {
    const OPEN: &str = "open a packet socket";
    // Without a protocol it receives nothing before it is bound, so that nothing gets by its filter.
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, None).map_err(system(OPEN))?;
    prepare(&socket, &filter::of_tap(way, transport))?;
    // pnet binds the socket that it is given, and closes it in the end or when it fails. The clone
    // stays ours; it is the same socket.
    let clone = socket.try_clone().map_err(system(OPEN))?;
    let config = Config {
        socket_fd: Some(clone.into_raw_fd()),
        channel_type: ChannelType::Layer3(ALL_PROTOCOLS),
        promiscuous: false,
        ..Config::default()
    };
    pnet_datalink::channel(&all_interfaces(), config).map_err(system("bind a packet socket"))?;
    Ok(socket)
}

/// What stands for every interface, also for those that come later.
fn all_interfaces() -> NetworkInterface {
    NetworkInterface {
        name: String::new(),
        description: String::new(),
        index: 0,
        mac: None,
        ips: Vec::new(),
        flags: 0,
    }
}

/// A raw socket: it sees what comes for every port of this machine that its firewall lets in.
fn raw(
    domain: Domain,
    transport: Transport,
    filter: &[socket2::SockFilter],
) -> Result<Socket, OpenError> {
    let protocol = match transport {
        Transport::Udp => Protocol::UDP,
        Transport::Tcp => Protocol::TCP,
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol));
    let socket = socket.map_err(system("open a raw socket"))?;
    prepare(&socket, filter)?;
    Ok(socket)
}

fn prepare(socket: &Socket, filter: &[socket2::SockFilter]) -> Result<(), OpenError> {
    socket.attach_filter(filter).map_err(system("attach a filter to a socket"))?;
    socket.set_nonblocking(true).map_err(system("prepare a socket"))?;
    lost_by(socket).map_err(|error| system("count losses")(error.into()))?;
    // Beyond the limit of ordinary users, where that is permitted.
    if setsockopt(socket, sockopt::RcvBufForce, &BUFFER).is_err() {
        socket.set_recv_buffer_size(BUFFER).map_err(system("enlarge the buffer of a socket"))?;
    }
    Ok(())
}

/// The packets that the buffer of a socket could not hold so far.
fn lost_by(socket: &impl AsFd) -> nix::Result<u32> {
    getsockopt(socket, MemoryOfSocket).map(|numbers| numbers[DROPS])
}

/// A raw socket that sends packets with their own IP header.
fn out(domain: Domain) -> Result<Socket, OpenError> {
    const OPEN: &str = "open a raw socket for answers";
    // A raw socket of protocol 255 (`IPPROTO_RAW`) receives nothing.
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(255))).map_err(system(OPEN))?;
    let included = match domain == Domain::IPV6 {
        true => socket.set_header_included_v6(true),
        false => socket.set_header_included_v4(true),
    };
    included.map_err(system(OPEN))?;
    socket.set_nonblocking(true).map_err(system(OPEN))?;
    Ok(socket)
}

impl Watched {
    /// Where its packets are seen.
    pub fn sees(&self) -> Seen {
        match self.kind.place {
            WatchedPlace::Tap(Way::In) => Seen::Arrived,
            WatchedPlace::Tap(Way::Out) => Seen::Forwarded,
            WatchedPlace::RawV4 | WatchedPlace::RawV6 => Seen::Passed,
        }
    }

    /// Which packets it sees.
    pub fn transport(&self) -> Transport {
        self.kind.transport
    }

    /// The packets that its buffer could not hold.
    pub fn lost(&self) -> u32 {
        // It was asked successfully before; if not, nothing must follow from what was not seen.
        lost_by(&self.socket).unwrap_or(u32::MAX)
    }

    /// Whether it may have something; otherwise the task of `context` is woken when it has.
    pub fn is_ready(&self, context: &mut Context<'_>) -> bool {
        self.socket.poll_recv_ready(context).is_ready()
    }

    /// Takes the next packet out of its buffer.
    pub fn take<'a>(&mut self, buffer: &'a mut [u8]) -> Taken<'a> {
        let (kind, socket) = (self.kind, &self.socket);
        // The system is asked before the runtime: that one knows what its last look said. What came since then to a socket
        // that was empty would otherwise be read behind the question that came after it to another socket.
        let received = match receive(kind, socket, buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.try_io(Interest::READABLE, || receive(kind, socket, buffer))
            }
            received => received,
        };
        let taken = match received {
            Ok(Some((length, from))) => taken(kind, &buffer[..length], from),
            Ok(None) => None,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Taken::Nothing,
            // An interface that goes down says so once; the socket goes on with the others.
            Err(_) => None,
        };
        taken.unwrap_or(Taken::Other)
    }
}

/// What a socket had.
pub enum Taken<'a> {
    Nothing,
    /// A packet that says nothing.
    Other,
    Datagram(Datagram<'a>),
    Syn {
        from: IpAddr,
        syn: Syn,
    },
}

/// How many bytes came, and from where if the bytes do not say it. `Ok(None)`: a packet to pass over.
type Received = Option<(usize, Option<IpAddr>)>;

fn receive(kind: WatchedKind, socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut parts = [IoSliceMut::new(buffer)];
    let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
    Ok(match kind.place {
        WatchedPlace::Tap(way) => {
            let message = recvmsg::<LinkAddr>(fd, &mut parts, None, flags)?;
            // What a machine sends to itself is not sent on.
            let is_own = message.address.is_some_and(|link| link.hatype() == LOOPBACK);
            (way == Way::In || !is_own).then_some((message.bytes, None))
        }
        WatchedPlace::RawV4 => {
            let message = recvmsg::<()>(fd, &mut parts, None, flags)?;
            Some((message.bytes, None))
        }
        WatchedPlace::RawV6 => {
            let message = recvmsg::<SockaddrIn6>(fd, &mut parts, None, flags)?;
            message.address.map(|from| (message.bytes, Some(from.ip().into())))
        }
    })
}

fn taken(kind: WatchedKind, bytes: &[u8], from: Option<IpAddr>) -> Option<Taken<'_>> {
    let WatchedKind { place, transport } = kind;
    match (place, transport) {
        (WatchedPlace::Tap(_) | WatchedPlace::RawV4, Transport::Udp) => {
            read_ip(bytes).map(Taken::Datagram)
        }
        (WatchedPlace::Tap(_) | WatchedPlace::RawV4, Transport::Tcp) => {
            read_syn_in_ip(bytes).map(|(from, syn)| Taken::Syn { from, syn })
        }
        (WatchedPlace::RawV6, Transport::Tcp) => {
            Some(Taken::Syn { from: from?, syn: read_syn(bytes)? })
        }
        (WatchedPlace::RawV6, Transport::Udp) => {
            let udp = read_udp(bytes)?;
            let from = SocketAddr::new(from?, udp.source);
            // The socket does not say to which of our addresses it came.
            let to = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), udp.destination);
            Some(Taken::Datagram(Datagram { from, to, payload: udp.payload }))
        }
    }
}

impl Out {
    /// Sends a datagram with these addresses. What cannot be sent is lost, as on the way.
    pub fn send(&self, datagram: &Datagram<'_>) {
        let socket = match datagram.to {
            SocketAddr::V4(_) => Some(&self.v4),
            SocketAddr::V6(_) => self.v6.as_ref(),
        };
        let (Some(socket), Some(packet)) = (socket, write_ip(datagram)) else {
            return;
        };
        // A raw socket has no ports.
        let to = SockAddr::from(SocketAddr::new(datagram.to.ip(), 0));
        if socket.send_to(&packet, &to).is_err() {
            // The check asks again.
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a packet to itself")]
mod tests {
    use super::*;
    use crate::proto::responder::packet::write_ip;

    #[tokio::test]
    async fn a_packet_is_there_before_the_runtime_knows_of_it() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let here = socket.local_addr().unwrap();
        let kind = WatchedKind { place: WatchedPlace::RawV4, transport: Transport::Udp };
        let mut watched = Watched { kind, socket };
        let mut buffer = [0; LARGEST];
        assert!(matches!(watched.take(&mut buffer), Taken::Nothing));
        let packet = write_ip(&Datagram { from: here, to: here, payload: b"probe" }).unwrap();
        std::net::UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&packet, here).unwrap();
        // Nothing was awaited in between.
        assert!(matches!(watched.take(&mut buffer), Taken::Datagram(_)));
        assert!(matches!(watched.take(&mut buffer), Taken::Nothing));
    }
}
