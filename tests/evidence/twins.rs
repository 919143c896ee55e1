//! Other nodes that would have sent exactly the same packets.
//!
//! From outside nobody can tell apart {drop, accept + silent listener, accept + ICMP muted}, nor
//! {accept + nobody listens, reject with port unreachable}. Each port of a node is read in both
//! ways, all of them at once and one by one; what still sends the same packets is a twin.

use ovcheck::model::port::Transport;

use crate::claim::Claim;
use crate::errors::FULL;
use crate::ground::Ground;
use crate::node::{Firewall, Listener, Middle, Node, Port};
use crate::setting::Place;
use crate::wire::{Back, By, Says, Seen, looks_like};

/// The two ends of what a port may be.
#[derive(Clone, Copy)]
enum Reading {
    /// Packets get in.
    Open,
    /// Packets are kept out.
    Closed,
}

/// The twins of a node that was seen like this, the node itself first.
pub fn twins(ground: &Ground, node: &Node, seen: &Seen) -> Vec<Node> {
    let mut twins = vec![node.clone()];
    // The same draws on the ICMP budget, whatever the way lost: twins without a trial.
    let let_in = swapped(node, Reading::Open);
    let kept_out = swapped(node, Reading::Closed);
    add(&mut twins, flipped(ground, &let_in, &kept_out), |_| true);
    add(&mut twins, flipped(ground, &kept_out, &let_in), |_| true);

    let open = read(ground, node, seen, Reading::Open);
    let closed = read(ground, node, seen, Reading::Closed);
    let mut candidates = Vec::new();
    for (base, other) in [(&open, &closed), (&closed, &open), (node, &open), (node, &closed)] {
        candidates.extend(flipped(ground, base, other));
    }
    for reading in [&open, &closed] {
        candidates.push(Node { tcp: reading.tcp.clone(), ..node.clone() });
        candidates.push(Node { udp: reading.udp.clone(), rest: reading.rest, ..node.clone() });
    }
    candidates.extend(global(ground, node, seen, &open, &closed));
    add(&mut twins, candidates, |twin| looks_like(ground, twin, seen));
    twins
}

fn add(twins: &mut Vec<Node>, candidates: Vec<Node>, is_twin: impl Fn(&Node) -> bool) {
    for candidate in candidates {
        if !twins.contains(&candidate) && is_twin(&candidate) {
            twins.push(candidate);
        }
    }
}

/// `other`, and `base` with one port after another as in `other`.
fn flipped(ground: &Ground, base: &Node, other: &Node) -> Vec<Node> {
    let mut candidates = vec![other.clone()];
    let differs = |place: &usize| base.udp[*place] != other.udp[*place];
    for place in (0..base.udp.len()).filter(differs) {
        let mut flipped = base.clone();
        flipped.udp[place] = other.udp[place];
        candidates.push(flipped);
    }
    for half in (0..2).filter(|half| base.rest[*half] != other.rest[*half]) {
        let mut flipped = base.clone();
        flipped.rest[half] = other.rest[half];
        candidates.push(flipped);
    }
    let differs = |place: &usize| base.tcp[*place] != other.tcp[*place];
    for place in judged_tcp(ground).filter(differs) {
        let mut flipped = base.clone();
        flipped.tcp[place] = other.tcp[place];
        candidates.push(flipped);
    }
    candidates
}

/// Every port as the other member of its group, where that is open, or closed.
fn swapped(node: &Node, reading: Reading) -> Node {
    Node {
        udp: (node.udp.iter()).map(|port| swap_udp(*port, reading)).collect(),
        tcp: (node.tcp.iter()).map(|port| swap_tcp(*port, reading)).collect(),
        rest: node.rest.map(|port| swap_udp(port, reading)),
        ..node.clone()
    }
}

/// Changes of the whole node, or of the way to it.
fn global(ground: &Ground, node: &Node, seen: &Seen, open: &Node, closed: &Node) -> Vec<Node> {
    let mut candidates = Vec::new();
    for base in [node, open, closed] {
        for budget in [0, 1000, FULL] {
            candidates.push(Node { budget, ..base.clone() });
        }
        // Nothing listens behind an open firewall, and its errors get lost.
        let mut muted = Node { is_muted: true, ..base.clone() };
        let mut deaf = Node { is_deaf: true, ..base.clone() };
        for place in 0..node.udp.len() {
            if back(ground, seen, Transport::Udp, place) == Some(Back::Nothing) {
                muted.udp[place] = Port::IDLE;
                deaf.udp[place] = Port::RIGHT;
            }
        }
        for half in 0..2 {
            if back_of_rest(ground, node, seen, half) == Some(Back::Nothing) {
                muted.rest[half] = Port::IDLE;
            }
        }
        // The same, and nobody drops anything: others drew what the machine had to send.
        candidates.push(Node { is_muted: node.is_muted, crowded: (0, 10_000), ..muted.clone() });
        candidates.extend([muted, deaf]);
        // Inside, our own network is a part of the deployment.
        if ground.setting.place == Place::Outside {
            candidates.extend(behind_a_middle(ground, seen, base));
        }
        if node.no_way_until > 0 {
            let mut unreached = Node { no_way_until: 10_000, ..base.clone() };
            for place in 0..node.udp.len() {
                if matches!(
                    back(ground, seen, Transport::Udp, place),
                    Some(Back::Icmp(Says::NoHost, _))
                ) {
                    unreached.udp[place] = Port::RIGHT;
                }
            }
            candidates.push(unreached);
        }
    }
    candidates
}

/// The same packets, and something stands between us and the machine.
fn behind_a_middle(ground: &Ground, seen: &Seen, base: &Node) -> Vec<Node> {
    let mut candidates = Vec::new();
    let places = 0..base.tcp.len();
    let met =
        |place: &usize, wanted: Back| back(ground, seen, Transport::Tcp, *place) == Some(wanted);
    // What is silent, or refused, is open, and our own network keeps us from it.
    for (resets, wanted) in [(false, Back::Nothing), (true, Back::Reset)] {
        for lets_out in [0, 1, 2, 4, 8] {
            let middle = Middle::Egress { lets_out, resets };
            let mut twin = Node { middle, ..base.clone() };
            for place in places.clone().filter(|place| *place >= lets_out && met(place, wanted)) {
                twin.tcp[place] = Port::RIGHT;
            }
            candidates.push(twin);
        }
    }
    // UDP 443 is open, and our own network drops what looks like QUIC.
    let mut without_quic = Node { middle: Middle::BlocksQuic, ..base.clone() };
    for question in ground.questions.iter().filter(|question| ground.is_quic(**question)) {
        if back(ground, seen, Transport::Udp, question.port) == Some(Back::Nothing) {
            without_quic.udp[question.port] = Port::RIGHT;
        }
    }
    candidates.push(without_quic);
    // Nobody is at the address, and of the machine, which is elsewhere, nothing is known.
    for port in [Port::RIGHT, Port::DROPPED] {
        candidates.push(Node {
            middle: Middle::WrongAddress,
            tcp: vec![port; base.tcp.len()],
            udp: vec![port; base.udp.len()],
            rest: [if port.lets_in() { Port::MUTE } else { port }; 2],
            ..base.clone()
        });
    }
    // What accepts and says nothing does not listen, and somebody accepts for it.
    let mut accepted = Node { middle: Middle::AcceptsAll, ..base.clone() };
    for place in places {
        if met(&place, Back::Accepted) || met(&place, Back::Service(Listener::Mute)) {
            accepted.tcp[place] = Port::DROPPED;
        }
    }
    candidates.push(accepted);
    candidates
}

/// The TCP ports that are worth a look one by one: the list of ports that no row allows is judged
/// as one, so that its first will do.
fn judged_tcp(ground: &Ground) -> impl Iterator<Item = usize> {
    let single = |place: &usize| {
        ground.claims.iter().any(|(_, claim)| match claim {
            Claim::Closed(ports) | Claim::Open(ports) if ports.transport == Transport::Tcp => {
                let places = &ports.places;
                places.first() == Some(place) || places.len() < 10 && places.contains(place)
            }
            Claim::Accepts(ports) | Claim::Serves(ports) => ports.contains(place),
            Claim::Closed(_) | Claim::Open(_) | Claim::AnswersStun(_) => false,
        })
    };
    (0..ground.tcp_ports.len()).filter(single).collect::<Vec<_>>().into_iter()
}

/// The other member of a group that nobody can tell apart.
fn swap_udp(port: Port, reading: Reading) -> Port {
    match (reading, port) {
        (Reading::Open, Port::DROPPED) => Port::MUTE,
        (Reading::Open, Port::REJECTED) => Port::IDLE,
        (Reading::Closed, Port::MUTE) => Port::DROPPED,
        (Reading::Closed, Port::IDLE) => Port::REJECTED,
        (Reading::Open | Reading::Closed, port) => port,
    }
}

/// The same for TCP, where a firewall that resets looks like a port without a listener.
fn swap_tcp(port: Port, reading: Reading) -> Port {
    match (reading, port.firewall, port.listener) {
        (Reading::Open, Firewall::Reset, _) => Port::IDLE,
        (Reading::Closed, Firewall::Accept, Listener::Nobody) => Port::behind(Firewall::Reset),
        (Reading::Open | Reading::Closed, ..) => port,
    }
}

fn read(ground: &Ground, node: &Node, seen: &Seen, reading: Reading) -> Node {
    let mut twin = node.clone();
    for (place, port) in twin.udp.iter_mut().enumerate() {
        *port = read_udp(back(ground, seen, Transport::Udp, place), reading);
    }
    for half in 0..2 {
        twin.rest[half] = read_udp(back_of_rest(ground, node, seen, half), reading);
    }
    for (place, port) in twin.tcp.iter_mut().enumerate() {
        *port = match back(ground, seen, Transport::Tcp, place) {
            None => either(reading, Port::RIGHT, Port::DROPPED),
            Some(Back::Nothing) => Port::DROPPED,
            Some(Back::Icmp(Says::NoHost, _)) => either(reading, Port::RIGHT, Port::DROPPED),
            Some(Back::Reset) => either(reading, Port::IDLE, Port::behind(Firewall::Reset)),
            Some(Back::Icmp(Says::NoPort, By::Node)) => Port::REJECTED,
            Some(Back::Icmp(says, by)) => prohibited(says, by),
            Some(Back::Accepted) => either(reading, Port::RIGHT, Port::open(Listener::Other)),
            Some(Back::Service(listener)) => Port::open(listener),
        };
    }
    twin
}

fn read_udp(back: Option<Back>, reading: Reading) -> Port {
    match back {
        None => either(reading, Port::IDLE, Port::DROPPED),
        Some(Back::Nothing | Back::Icmp(Says::NoHost, _) | Back::Reset | Back::Accepted) => {
            either(reading, Port::MUTE, Port::DROPPED)
        }
        Some(Back::Icmp(Says::NoPort, By::Node)) => either(reading, Port::IDLE, Port::REJECTED),
        Some(Back::Icmp(says, by)) => prohibited(says, by),
        Some(Back::Service(listener)) => Port::open(listener),
    }
}

fn either(reading: Reading, open: Port, closed: Port) -> Port {
    match reading {
        Reading::Open => open,
        Reading::Closed => closed,
    }
}

/// What says outright that it keeps packets out.
fn prohibited(says: Says, by: By) -> Port {
    Port::behind(match (says, by) {
        (Says::NoPort | Says::NoHost, By::Router) => Firewall::RouterRejects,
        (Says::Prohibited, By::Router) => Firewall::RouterProhibits,
        (Says::NoPort | Says::NoHost, By::Node) => Firewall::Reject,
        (Says::Prohibited, By::Node) => Firewall::Prohibit,
    })
}

/// What came back from a port, the most telling of all that was asked of it; `None` when nothing
/// was.
fn back(ground: &Ground, seen: &Seen, transport: Transport, port: usize) -> Option<Back> {
    let asked = ground
        .questions
        .iter()
        .zip(&seen.met)
        .filter(|(question, _)| question.transport == transport && question.port == port)
        .map(|(_, met)| met.back);
    let mut special = ground.special();
    let number = match transport {
        Transport::Udp => special.find(|(_, place)| *place == port),
        Transport::Tcp => None,
    };
    let swept = number.and_then(|(number, _)| swept(ground, seen, |port| port == number));
    most_telling(asked.chain(swept))
}

/// The same from the ports of one half of the range that have no place.
fn back_of_rest(ground: &Ground, node: &Node, seen: &Seen, half: usize) -> Option<Back> {
    let is_of_half = |port: u16| {
        let is_special = ground.special().any(|(number, _)| number == port);
        usize::from(port >= node.split) == half && !is_special
    };
    swept(ground, seen, is_of_half)
}

/// The same from swept ports.
fn swept(ground: &Ground, seen: &Seen, is_one: impl Fn(u16) -> bool) -> Option<Back> {
    ground.swept?;
    let answered = seen.swept.iter().filter(|(port, _)| is_one(*port));
    let backs = answered.map(|(_, met)| met.back);
    most_telling(backs.chain([Back::Nothing]))
}

fn most_telling(backs: impl Iterator<Item = Back>) -> Option<Back> {
    backs.max_by_key(|back| match back {
        Back::Nothing => 0,
        Back::Icmp(Says::NoHost, _) => 1,
        Back::Accepted => 2,
        Back::Icmp(..) | Back::Reset | Back::Service(_) => 3,
    })
}
