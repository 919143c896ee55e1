//! Floods of forged packets change no fact.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, bind, sendto, socket,
};
use ovcheck::model::facts::UdpAnswer;
use ovcheck::probe::udp::Besides;

use crate::world::{NODE_V4, Place, World, said};

pub const TESTS: &[(&str, fn())] = &[
    ("floods/forged_icmp_errors_from_the_node", || {
        forged_icmp(NODE_V4, &[3, 13, 1]);
    }),
    ("floods/forged_icmp_errors_from_another", || {
        forged_icmp("198.51.100.66", &[3, 13, 1]);
    }),
    ("floods/datagrams_from_other_addresses_and_ports", datagrams),
    ("floods/datagrams_from_the_ports_that_are_asked", from_asked_ports),
];

const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
const NODE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);

/// The ports that the probe may send from, but for those behind the system's own. Who knows no better
/// tries them all.
const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 12_000..=32_767;

/// The last one is where somebody of the node listens, who says nothing and tells the flood which
/// port we send from.
const ASKED: [u16; 5] = [50_000, 50_100, 50_200, 39_002, LEAK];
const LEAK: u16 = 39_001;

/// How much more memory a flood may take: the system's receive buffer, and what we keep.
const MOST_MEMORY_KIB: u64 = 32 << 10;

fn ranges() -> Besides {
    Besides { then: Some("50000-50200".parse().unwrap()), ..Besides::default() }
}

/// A node that lets one port of the range in, and says nothing of the others.
fn world() -> World {
    let world = World::new();
    world.node_firewall("udp dport { 50123, 39001, 39002 } accept\nmeta l4proto udp drop");
    let others = "address add 198.51.100.66/24 dev eth0\n";
    world.ip(Place::Node, others);
    world
}

/// What has to be the same with and without a flood.
#[derive(Debug, PartialEq, Eq)]
struct Essence {
    said: Vec<(u16, &'static str)>,
    from: Vec<Option<IpAddr>>,
    unsent: u32,
    copies: u32,
}

/// The facts of the probe while `flood` sends from the node, again and again: it is told how often
/// it did, and a source port to send to.
fn seen(flood: impl Fn(&World, u64, u16) + Sync + Send) -> (Essence, u64) {
    let world = world();
    let (is_over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    // 0: nobody knows yet.
    let source = AtomicU16::new(0);
    let facts = thread::scope(|scope| {
        scope.spawn(|| {
            world.on(Place::Node, || {
                let leak = UdpSocket::bind((NODE, LEAK)).unwrap();
                leak.set_nonblocking(true).unwrap();
                let mut buffer = [0; 64];
                while !is_over.load(Ordering::Relaxed) {
                    if let Ok((_, from)) = leak.recv_from(&mut buffer) {
                        source.store(from.port(), Ordering::Relaxed);
                    }
                    let turn = sent.fetch_add(1, Ordering::Relaxed);
                    let sources = u64::from(SOURCE_PORTS.end() - SOURCE_PORTS.start() + 1);
                    // Half of the time as if it were not known.
                    let guess = SOURCE_PORTS.start() + u16::try_from(turn / 2 % sources).unwrap();
                    let known = source.load(Ordering::Relaxed);
                    let is_guessed = known == 0 || turn.is_multiple_of(2);
                    flood(&world, turn, if is_guessed { guess } else { known });
                }
            });
        });
        thread::sleep(Duration::from_millis(50));
        let facts = world.facts(NODE_V4, &ASKED, ranges());
        is_over.store(true, Ordering::Relaxed);
        facts
    });
    let from = facts.ports.iter().map(|port| match &port.answer {
        UdpAnswer::Icmp(error) => error.from.address(),
        UdpAnswer::Stun
        | UdpAnswer::Data(_)
        | UdpAnswer::Unrelated(_)
        | UdpAnswer::Silent
        | UdpAnswer::NotSent => None,
    });
    let swept = facts.swept.unwrap();
    let essence = Essence {
        said: said(&facts),
        from: from.collect(),
        unsent: swept.unsent,
        copies: swept.copies,
    };
    (essence, sent.load(Ordering::Relaxed))
}

/// Compares what is seen under `flood` with what is seen without one.
fn changes_nothing(flood: impl Fn(&World, u64, u16) + Sync + Send) {
    let (expected, _) = seen(|_, _, _| thread::sleep(Duration::from_millis(1)));
    let no_listener: Vec<u16> = (expected.said.iter())
        .filter(|(_, said)| *said == "no listener")
        .map(|(port, _)| *port)
        .collect();
    assert_eq!(no_listener, [39_002, 50_123]);
    let before = peak_memory_kib();
    let (seen, sent) = seen(flood);
    assert!(sent > 1_000, "only {sent} turns");
    assert_eq!(seen, expected, "after {sent} turns");
    // The system counts the pages of each processor apart, so that its peak may come out a little lower later.
    let grown = peak_memory_kib().saturating_sub(before);
    assert!(grown < MOST_MEMORY_KIB, "{grown} KiB after {sent} turns");
}

/// The most memory that this process ever had.
fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn raw_icmp(from: &str) -> OwnedFd {
    let raw =
        socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Icmp).unwrap();
    let from = SocketAddrV4::new(from.parse().unwrap(), 0);
    bind(raw.as_raw_fd(), &SockaddrIn::from(from)).unwrap();
    raw
}

fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default()));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(u16::try_from(sum).unwrap())
}

/// An ICMP error (RFC 792) of type 3 that quotes a datagram from us, and `payload` of its data.
fn error(code: u8, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![3, code, 0, 0, 0, 0, 0, 0];
    let mut ip = vec![0x45, 0, 0, 48, 0, 0, 0x40, 0, 64, 17, 0, 0];
    ip.extend(CLIENT.octets());
    ip.extend(NODE.octets());
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(ip);
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    packet.extend([0, 28, 0, 0]);
    packet.extend(payload);
    let sum = checksum(&packet);
    packet[2..4].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// A Binding request as ours, with another's transaction id.
fn stranger() -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([7; 12]);
    request
}

fn forged_icmp(from: &str, codes: &[u8]) {
    let raw: OnceLock<OwnedFd> = OnceLock::new();
    let to = SockaddrIn::from(SocketAddrV4::new(CLIENT, 0));
    changes_nothing(|_, turn, source| {
        let raw = raw.get_or_init(|| raw_icmp(from));
        let code = codes[usize::try_from(turn).unwrap() % codes.len()];
        for (destination, payload) in [
            // As little as a router has to quote.
            (50_000, Vec::new()),
            (50_150, Vec::new()),
            (50_100, stranger()),
            (LEAK, vec![0; 8]),
        ] {
            let packet = error(code, source, destination, &payload);
            // A full queue on the way is all the same to who forges.
            let _ = sendto(raw.as_raw_fd(), &packet, &to, MsgFlags::empty());
        }
    });
}

fn datagrams() {
    let sockets: OnceLock<[UdpSocket; 3]> = OnceLock::new();
    changes_nothing(|_, _, source| {
        let sockets = sockets.get_or_init(|| {
            // The node's address with a port that is not asked, and another address.
            ["198.51.100.20:4000", "198.51.100.66:50000", "198.51.100.66:50123"]
                .map(|from| UdpSocket::bind(from).unwrap())
        });
        for socket in sockets {
            // Where nobody listens an error comes back, and fails the next one.
            let _ = socket.send_to(&stranger(), (CLIENT, source));
        }
    });
}

/// Some know the port of the first question. Those of the second one nobody knows, and who sends to all
/// ports meets those that asked nothing as well.
fn from_asked_ports() {
    let sockets: OnceLock<[UdpSocket; 3]> = OnceLock::new();
    changes_nothing(|_, _, source| {
        let sockets = sockets.get_or_init(|| {
            [50_000, 50_100, 50_150].map(|port| UdpSocket::bind((NODE, port)).unwrap())
        });
        for socket in sockets {
            let _ = socket.send_to(&stranger(), (CLIENT, source));
        }
    });
}
