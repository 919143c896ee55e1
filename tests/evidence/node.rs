//! A machine and the way to it: what is really the case, and what no packet says outright.

use std::fmt;

use proptest::prelude::*;

/// What happens to a packet for one port on its way to the sockets of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firewall {
    Accept,
    Drop,
    /// Port unreachable, as the default of `REJECT` says it.
    Reject,
    /// Administratively prohibited.
    Prohibit,
    /// RST; TCP alone.
    Reset,
    /// A router on the way says port unreachable.
    RouterRejects,
    /// A router on the way says administratively prohibited.
    RouterProhibits,
}

/// Who has the port on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    Nobody,
    /// Takes everything in and says nothing.
    Mute,
    /// The service that the guide names; STUN over UDP.
    Right,
    /// Another service, which answers.
    Other,
}

/// One port.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Port {
    pub firewall: Firewall,
    pub listener: Listener,
}

impl Port {
    pub const DROPPED: Self = Self::behind(Firewall::Drop);
    pub const REJECTED: Self = Self::behind(Firewall::Reject);
    pub const IDLE: Self = Self::open(Listener::Nobody);
    pub const MUTE: Self = Self::open(Listener::Mute);
    pub const RIGHT: Self = Self::open(Listener::Right);

    /// Let in, and this is there.
    pub const fn open(listener: Listener) -> Self {
        Self { firewall: Firewall::Accept, listener }
    }

    /// Kept out like this.
    pub const fn behind(firewall: Firewall) -> Self {
        Self { firewall, listener: Listener::Nobody }
    }

    /// The same without a listener that sends data: one in ten thousand ports is enough.
    fn without_a_voice(self) -> Self {
        match self.listener {
            Listener::Right | Listener::Other => Self::MUTE,
            Listener::Nobody | Listener::Mute => self,
        }
    }

    /// Whether somebody answers over UDP.
    pub fn sends_data(self) -> bool {
        self.lets_in() && matches!(self.listener, Listener::Right | Listener::Other)
    }

    /// Whether nothing ever comes back over UDP.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::DROPPED | Self::MUTE)
    }

    /// Whether a router on the way refuses packets.
    pub fn is_refused_by_router(self) -> bool {
        matches!(self.firewall, Firewall::RouterRejects | Firewall::RouterProhibits)
    }

    /// Whether a packet from here reaches the sockets of the machine.
    pub fn lets_in(self) -> bool {
        self.firewall == Firewall::Accept
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.firewall {
            Firewall::Accept => write!(f, "accept + {:?}", self.listener),
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which copies and answers the way loses. One copy of each question and its answer always come
/// through: proof is meant up to a way that loses everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// 0 to 100.
    pub percent: u64,
    pub seed: u64,
}

impl Loss {
    pub const NONE: Self = Self { percent: 0, seed: 0 };
}

/// A machine, the way to it and back. The ports stand in the order of the ground's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub udp: Vec<Port>,
    pub tcp: Vec<Port>,
    /// The ports of the media range that have no place of their own: below [`Node::split`], and from
    /// there on. Nobody sends data from them.
    pub rest: [Port; 2],
    pub split: u16,
    /// What its ICMP budget for us holds when the run begins: thousandths of an error, 0 to 6000.
    pub budget: u64,
    /// Its ICMP errors are lost on the way out.
    pub is_muted: bool,
    /// Its kernel counts against the 1000 errors a second of the whole machine also those that the
    /// limit for us stops then (Linux before 6.12).
    pub counts_all: bool,
    /// In this time, in milliseconds after the start, others draw all errors of the machine.
    pub crowded: (u64, u64),
    /// Nothing comes back to us over UDP from anywhere, neither data nor errors.
    pub is_deaf: bool,
    /// Until this many milliseconds after the start a router finds no way to the machine.
    pub no_way_until: u64,
    /// A STUN server outside answers us.
    pub outside_answers: bool,
    /// It answers a ping.
    pub replies: bool,
    pub middle: Middle,
    pub loss: Loss,
}

/// What stands between us and the machine over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Middle {
    Nothing,
    /// The address is nobody's: the machine has another one.
    WrongAddress,
    /// Our own network lets out these ports alone, those below this place among the ground's; it
    /// drops the rest, or refuses it by RST.
    Egress {
        lets_out: usize,
        resets: bool,
    },
    /// Our own network drops UDP 443, to prevent QUIC, and nothing else.
    BlocksQuic,
    /// Something accepts every connection, and passes on what is accepted behind it.
    AcceptsAll,
    /// From this millisecond on nothing is let through, over UDP either.
    Bans(u64),
}

/// A node as rules are written: a default, a range, and exceptions. Shrinks to a few words.
#[derive(Debug, Clone)]
pub struct Sketch {
    pub udp: UdpSketch,
    pub tcp: TcpSketch,
    pub budget: u64,
    pub is_muted: bool,
    pub counts_all: bool,
    pub crowded: (u64, u64),
    pub is_deaf: bool,
    pub no_way_until: u64,
    pub outside_answers: bool,
    pub replies: bool,
    pub middle: Middle,
    pub loss: Loss,
}

#[derive(Debug, Clone)]
pub struct UdpSketch {
    /// Everything that is not said otherwise, the control ports among it.
    pub default: Port,
    pub range: Port,
    /// From this port on the range is different.
    pub split: Option<(u16, Port)>,
    pub udp_443: Port,
    pub udp_7885: Port,
    /// Ports by their place modulo their number; those that nobody asks for by number are among
    /// them.
    pub others: Vec<(usize, Port)>,
}

#[derive(Debug, Clone)]
pub struct TcpSketch {
    pub default: Port,
    /// Ports by their place modulo their number.
    pub others: Vec<(usize, Port)>,
}

impl Sketch {
    /// A node that drops what it is not asked to let in, on a way that loses nothing.
    pub fn dropping() -> Self {
        Self {
            udp: UdpSketch {
                default: Port::DROPPED,
                range: Port::DROPPED,
                split: None,
                udp_443: Port::DROPPED,
                udp_7885: Port::DROPPED,
                others: Vec::new(),
            },
            tcp: TcpSketch { default: Port::DROPPED, others: Vec::new() },
            budget: 6000,
            is_muted: false,
            counts_all: false,
            crowded: (0, 0),
            is_deaf: false,
            no_way_until: 0,
            outside_answers: true,
            replies: true,
            middle: Middle::Nothing,
            loss: Loss::NONE,
        }
    }

    /// The node on this ground's ports.
    pub fn node(&self, udp_ports: &[u16], tcp_ports: &[u16]) -> Node {
        let sketch = &self.udp;
        let mut udp: Vec<Port> = udp_ports
            .iter()
            .map(|port| match (port, sketch.split) {
                (443, _) => sketch.udp_443,
                (7885, _) => sketch.udp_7885,
                (50_000..=60_000, Some((from, other))) if *port >= from => other,
                (50_000..=60_000, _) => sketch.range,
                _ => sketch.default,
            })
            .collect();
        for (place, other) in &sketch.others {
            udp[place % udp_ports.len()] = *other;
        }
        let (split, above) = sketch.split.unwrap_or((60_000, sketch.range));
        let mut tcp = vec![self.tcp.default; tcp_ports.len()];
        for (place, other) in &self.tcp.others {
            tcp[place % tcp_ports.len()] = *other;
        }
        Node {
            udp,
            tcp,
            rest: [sketch.range, above].map(Port::without_a_voice),
            split,
            budget: self.budget,
            is_muted: self.is_muted,
            counts_all: self.counts_all,
            crowded: self.crowded,
            is_deaf: self.is_deaf,
            no_way_until: self.no_way_until,
            outside_answers: self.outside_answers,
            replies: self.replies,
            middle: self.middle,
            loss: self.loss,
        }
    }
}

fn udp_port() -> impl Strategy<Value = Port> + Clone {
    weighted(&[
        (4, Port::DROPPED),
        (4, Port::IDLE),
        (2, Port::MUTE),
        (1, Port::RIGHT),
        (1, Port::open(Listener::Other)),
        (2, Port::REJECTED),
        (1, Port::behind(Firewall::Prohibit)),
        (1, Port::behind(Firewall::RouterRejects)),
        (1, Port::behind(Firewall::RouterProhibits)),
    ])
}

fn tcp_port() -> impl Strategy<Value = Port> + Clone {
    weighted(&[
        (4, Port::DROPPED),
        (3, Port::IDLE),
        (2, Port::RIGHT),
        (1, Port::open(Listener::Other)),
        (1, Port::MUTE),
        (2, Port::REJECTED),
        (1, Port::behind(Firewall::Prohibit)),
        (1, Port::behind(Firewall::Reset)),
        (1, Port::behind(Firewall::RouterRejects)),
        (1, Port::behind(Firewall::RouterProhibits)),
    ])
}

/// One of these, as often as their number says. All at once: a strategy for each is dear.
fn weighted(ports: &[(usize, Port)]) -> impl Strategy<Value = Port> + Clone + use<> {
    let all = ports.iter().flat_map(|(times, port)| vec![*port; *times]);
    prop::sample::select(all.collect::<Vec<Port>>())
}

/// Any node, on a way that may lose packets, or not find the machine for a while, and with others
/// that may draw its errors.
pub fn sketches() -> impl Strategy<Value = Sketch> {
    let no_way_until = prop_oneof![
        12 => Just(0_u64),
        1 => prop::sample::select(vec![5_u64, 30, 100, 500, 1020, 10_000]),
    ];
    let crowded = prop_oneof![
        8 => Just((0_u64, 0_u64)),
        1 => (0_u64..1200, 1_u64..1200).prop_map(|(from, time)| (from, from + time)),
    ];
    (steady(), losses(), no_way_until, crowded, middles()).prop_map(
        |(sketch, loss, no_way_until, crowded, middle)| Sketch {
            loss,
            no_way_until,
            crowded,
            middle,
            ..sketch
        },
    )
}

/// What may stand between us and a machine.
pub fn middles() -> impl Strategy<Value = Middle> {
    prop_oneof![
        6 => Just(Middle::Nothing),
        1 => Just(Middle::WrongAddress),
        1 => (0_usize..8, any::<bool>())
            .prop_map(|(lets_out, resets)| Middle::Egress { lets_out, resets }),
        1 => Just(Middle::BlocksQuic),
        1 => Just(Middle::AcceptsAll),
        1 => (0_u64..1200).prop_map(Middle::Bans),
    ]
}

/// A way that may lose packets.
pub fn losses() -> impl Strategy<Value = Loss> {
    prop_oneof![
        3 => Just(Loss::NONE),
        1 => (1_u64..60, any::<u64>()).prop_map(|(percent, seed)| Loss { percent, seed }),
    ]
}

/// Any node, on a way that loses nothing and finds it.
pub fn steady() -> impl Strategy<Value = Sketch> {
    let udp = (
        udp_port(),
        udp_port(),
        proptest::option::of((50_001_u16..=60_000, udp_port())),
        udp_port(),
        udp_port(),
        proptest::collection::vec((0_usize..64, udp_port()), 0..4),
    )
        .prop_map(|(default, range, split, udp_443, udp_7885, others)| UdpSketch {
            default,
            range,
            split,
            udp_443,
            udp_7885,
            others,
        });
    let tcp = (tcp_port(), proptest::collection::vec((0_usize..64, tcp_port()), 0..6))
        .prop_map(|(default, others)| TcpSketch { default, others });
    let budget = prop_oneof![2 => Just(6000_u64), 1 => Just(0), 2 => 0_u64..=6000];
    (
        udp,
        tcp,
        budget,
        prop::bool::weighted(0.1),
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.7),
    )
        .prop_map(
            |(udp, tcp, budget, is_muted, counts_all, is_deaf, outside_answers, replies)| Sketch {
                udp,
                tcp,
                budget,
                is_muted,
                counts_all,
                is_deaf,
                outside_answers,
                replies,
                ..Sketch::dropping()
            },
        )
}
