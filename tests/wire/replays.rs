//! Somebody on the path records what a check and a responder send each other, and sends it again. What the
//! responder says then is what `docs/security.md` says that it does.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use ovcheck::model::facts::{ResponderAnswer, ResponderSweep};
use ovcheck::model::responder::ResponderRecord;

use crate::responder::{Listening, NODE, TOKEN, Wires, words};

pub const TESTS: &[(&str, fn())] = &[
    ("replays/what_is_sent_again_changes_nothing", changes_nothing),
    ("replays/a_probe_on_another_way_shows_a_port_as_reached", shows_as_reached),
    ("replays/another_run_with_another_token_knows_nothing_of_it", another_token),
    ("replays/another_run_with_the_same_token_keeps_it_apart", same_token),
];

const ASKED: &[&str] = &["443", "7885", "50000-50099"];

/// A router that drops one port, and a stateful firewall that lets in what the node began.
const ROUTER: &str = "table inet test {
 chain on { type filter hook forward priority 0
  udp dport 50050 drop
 }
}
";
const NODE_FIREWALL: &str = "table inet test {
 chain in { type filter hook input priority 0; policy drop
  ct state established,related accept
  meta l4proto ipv6-icmp accept
  udp dport 50000-50099 accept
 }
}
";
const ARRIVED: &str = "443 7885 50000-50049 50051-50099";
const PASSED: &str = "50000-50049 50051-50099";

/// A datagram of a check or of the responder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recorded {
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

impl Recorded {
    /// An IPv4 packet with UDP in it (RFC 791, RFC 768).
    fn read(packet: &[u8]) -> Option<Self> {
        let words = usize::from(packet.first()? & 0xf);
        let is_udp = packet[0] >> 4 == 4 && *packet.get(9)? == 17;
        let (head, udp) = packet.split_at_checked(words * 4).filter(|_| is_udp)?;
        let address =
            |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(head.get(at..at + 4)?).ok()?));
        let port = |at: usize| Some(u16::from_be_bytes(udp.get(at..at + 2)?.try_into().ok()?));
        Some(Self {
            from: (address(12)?, port(0)?).into(),
            to: (address(16)?, port(2)?).into(),
            payload: udp.get(8..)?.to_vec(),
        })
    }

    fn is_to_node(&self) -> bool {
        self.to.ip().to_string() == NODE[0]
    }

    /// The kind of the message, in front of the session.
    fn is_probe(&self) -> bool {
        self.payload[25] == 0
    }

    fn transaction(&self) -> &[u8] {
        &self.payload[8..20]
    }
}

/// A check, and what a router on its way saw of it.
struct Check {
    sweep: ResponderSweep,
    all: Vec<Recorded>,
}

impl Check {
    fn of(wires: &Wires) -> Self {
        let is_over = AtomicBool::new(false);
        let (answer, mut all) = std::thread::scope(|scope| {
            let recorder = scope.spawn(|| wires.on("router", || recorded_until(&is_over)));
            std::thread::sleep(Duration::from_millis(300));
            let answer = wires.asks_about(ASKED, NODE[0], TOKEN).answer;
            is_over.store(true, Ordering::Relaxed);
            (answer, recorder.join().unwrap())
        });
        let ResponderAnswer::Told(sweep) = answer else { panic!("{answer:?}") };
        // The router sees each of them twice: as it comes and as it goes.
        let mut seen = HashSet::new();
        all.retain(|it: &Recorded| it.payload.len() >= 56 && seen.insert(it.payload.clone()));
        let check = Self { sweep, all };
        assert!(check.probes().count() >= 102 && check.questions().count() >= 2);
        check
    }

    fn to_node(&self) -> impl Iterator<Item = &Recorded> {
        self.all.iter().filter(|it| it.is_to_node())
    }

    fn probes(&self) -> impl Iterator<Item = &Recorded> {
        self.to_node().filter(|it| it.is_probe())
    }

    fn questions(&self) -> impl Iterator<Item = &Recorded> {
        self.to_node().filter(|it| !it.is_probe())
    }

    fn answers(&self) -> impl Iterator<Item = &Recorded> {
        self.all.iter().filter(|it| !it.is_to_node())
    }

    fn probe_of(&self, port: u16) -> &Recorded {
        self.probes().find(|it| it.to.port() == port).unwrap()
    }
}

fn recorded_until(is_over: &AtomicBool) -> Vec<Recorded> {
    // Packets without the headers of their links.
    let tap =
        socket(AddressFamily::Packet, SockType::Datagram, SockFlag::empty(), SockProtocol::EthAll)
            .unwrap();
    setsockopt(&tap, sockopt::ReceiveTimeout, &TimeVal::new(0, 100_000)).unwrap();
    let mut buffer = [0; 2_048];
    let mut all = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        if let Ok(bytes) = recv(tap.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            all.extend(Recorded::read(&buffer[..bytes]));
        }
    }
    all
}

/// Sends these from an address of the client's, and returns what is answered.
fn send<'a>(
    wires: &Wires,
    from: &str,
    datagrams: impl Iterator<Item = &'a Recorded> + Send,
) -> Vec<Vec<u8>> {
    wires.on("client", || {
        let socket = UdpSocket::bind(from).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        for datagram in datagrams {
            socket.send_to(&datagram.payload, datagram.to).unwrap();
        }
        let mut buffer = [0; 2_048];
        let mut answers = Vec::new();
        while let Ok((bytes, _)) = socket.recv_from(&mut buffer) {
            answers.push(buffer[..bytes].to_vec());
        }
        answers
    })
}

fn wires() -> Wires {
    let wires = Wires::new();
    wires.firewall("router", ROUTER);
    wires.firewall("node", NODE_FIREWALL);
    wires
}

/// A check that a responder answered as it is.
fn checked(wires: &Wires) -> (Listening, Check) {
    let listening = wires.listen();
    let check = Check::of(wires);
    let lists = [&check.sweep.arrived, &check.sweep.passed].map(|list| words(list));
    assert_eq!(lists, [ARRIVED, PASSED]);
    (listening, check)
}

fn lists(record: &ResponderRecord, place: usize) -> [String; 2] {
    let session = &record.sessions[place];
    [&session.arrived, &session.passed].map(|list| words(list))
}

fn changes_nothing() {
    let wires = wires();
    wires.ip("client", "address add 198.51.100.66/24 dev eth0\n");
    let (listening, check) = checked(&wires);
    // A probe has no answer, and that to a question is no longer than it is.
    assert_eq!(send(&wires, "198.51.100.7:0", check.probes()), Vec::<Vec<u8>>::new());
    let answers = send(&wires, "198.51.100.7:0", check.questions());
    assert!(!answers.is_empty());
    for answer in answers {
        let asked = check.questions().find(|it| it.transaction() == &answer[8..20]).unwrap();
        assert!(answer.len() <= asked.payload.len(), "{answer:?}");
    }
    // Neither does anything come of an answer that is sent back, or of what another address sends.
    let back: Vec<Recorded> =
        check.answers().map(|it| Recorded { to: it.from, ..it.clone() }).collect();
    assert!(!back.is_empty());
    assert_eq!(send(&wires, "198.51.100.7:0", back.iter()), Vec::<Vec<u8>>::new());
    assert_eq!(send(&wires, "198.51.100.66:0", check.to_node()), Vec::<Vec<u8>>::new());
    let record = listening.end();
    assert_eq!(
        (record.sessions.len(), lists(&record, 0)),
        (1, [ARRIVED, PASSED].map(str::to_owned))
    );
    // The router dropped what it drops of these too. An answer has not the form of a request, and is not even
    // read.
    let refused = check.to_node().filter(|it| it.to.port() != 50_050).count();
    assert_eq!(usize::try_from(record.refused).unwrap(), refused);
}

/// What somebody on the path can do: each port that is added was not there, and none is taken away.
fn shows_as_reached() {
    let wires = wires();
    let (listening, check) = checked(&wires);
    // Past the router's rule, by another port.
    let dropped = Recorded {
        to: (Ipv4Addr::new(203, 0, 113, 20), 50_051).into(),
        ..check.probe_of(50_050).clone()
    };
    send(&wires, "198.51.100.7:0", [&dropped].into_iter());
    // A question from the port of the probes: its answer makes the node's firewall take the next probe for
    // a part of the conversation.
    let stopped = [443, 7_885].into_iter().find_map(|port| {
        let question = check.questions().find(|it| it.to.port() == port)?;
        Some((question, check.probe_of(port)))
    });
    let (question, probe) = stopped.expect("a question is sent to single ports first");
    let from = format!("198.51.100.7:{}", probe.from.port());
    assert!(!send(&wires, &from, [question].into_iter()).is_empty());
    send(&wires, &from, [probe].into_iter());
    let record = listening.end();
    assert_eq!(record.sessions.len(), 1);
    let passed = match probe.to.port() {
        443 => "443 50000-50099",
        _ => "7885 50000-50099",
    };
    assert_eq!(lists(&record, 0), ["443 7885 50000-50099", passed]);
    let redirected: Vec<String> =
        record.sessions[0].redirected.iter().map(|it| format!("{} {}", it.ports, it.to)).collect();
    assert_eq!(redirected, ["50050 50051"]);
}

fn another_token() {
    let wires = wires();
    let (listening, check) = checked(&wires);
    drop(listening);
    let listening = wires.listen_with(&TOKEN.replace('0', "f"));
    assert_eq!(send(&wires, "198.51.100.7:0", check.to_node()), Vec::<Vec<u8>>::new());
    let record = listening.end();
    assert_eq!(record.sessions.len(), 0);
    let arriving = check.to_node().filter(|it| it.to.port() != 50_050).count();
    assert_eq!(usize::try_from(record.refused).unwrap(), arriving);
}

/// A token that was used before: what was recorded then is a session of its own, and no check asks for it.
fn same_token() {
    let wires = wires();
    let (listening, check) = checked(&wires);
    drop(listening);
    let listening = wires.listen();
    send(&wires, "198.51.100.7:0", check.to_node());
    let again = Check::of(&wires);
    let told = [&again.sweep.arrived, &again.sweep.passed].map(|list| words(list));
    assert_eq!(told, [ARRIVED, PASSED]);
    assert_eq!(listening.end().sessions.len(), 2);
}
