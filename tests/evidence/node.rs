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
        Self {
            firewall: Firewall::Accept,
            listener,
        }
    }

    /// Kept out like this.
    pub const fn behind(firewall: Firewall) -> Self {
        Self {
            firewall,
            listener: Listener::Nobody,
        }
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

/// A machine, the way to it and back. The ports stand in the order of the ground's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub udp: Vec<Port>,
    pub tcp: Vec<Port>,
    /// What its ICMP budget for us holds when the run begins: thousandths of an error, 0 to 6000.
    pub budget: u64,
    /// Its ICMP errors are lost on the way out.
    pub is_muted: bool,
    /// Nothing comes back to us over UDP from anywhere, neither data nor errors.
    pub is_deaf: bool,
    /// Until this many milliseconds after the start a router finds no way to the machine.
    pub no_way_until: u64,
    /// A STUN server outside answers us.
    pub outside_answers: bool,
    pub loss: Loss,
}

/// A node as rules are written: a default, a range, and exceptions. Shrinks to a few words.
#[derive(Debug, Clone)]
pub struct Sketch {
    pub udp: UdpSketch,
    pub tcp: TcpSketch,
    pub budget: u64,
    pub is_muted: bool,
    pub is_deaf: bool,
    pub no_way_until: u64,
    pub outside_answers: bool,
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
    /// One of the ports, by its place modulo their number, is different; ports that are not probed
    /// are among them.
    pub one: Option<(usize, Port)>,
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
                one: None,
            },
            tcp: TcpSketch {
                default: Port::DROPPED,
                others: Vec::new(),
            },
            budget: 6000,
            is_muted: false,
            is_deaf: false,
            no_way_until: 0,
            outside_answers: true,
            loss: Loss {
                percent: 0,
                seed: 0,
            },
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
        if let Some((place, other)) = sketch.one {
            let place = place % udp.len();
            udp[place] = other;
        }
        let mut tcp = vec![self.tcp.default; tcp_ports.len()];
        for (place, other) in &self.tcp.others {
            tcp[place % tcp_ports.len()] = *other;
        }
        Node {
            udp,
            tcp,
            budget: self.budget,
            is_muted: self.is_muted,
            is_deaf: self.is_deaf,
            no_way_until: self.no_way_until,
            outside_answers: self.outside_answers,
            loss: self.loss,
        }
    }
}

fn udp_port() -> impl Strategy<Value = Port> + Clone {
    prop_oneof![
        4 => Just(Port::DROPPED),
        4 => Just(Port::IDLE),
        2 => Just(Port::MUTE),
        1 => Just(Port::RIGHT),
        1 => Just(Port::open(Listener::Other)),
        2 => Just(Port::REJECTED),
        1 => Just(Port::behind(Firewall::Prohibit)),
        1 => Just(Port::behind(Firewall::RouterRejects)),
        1 => Just(Port::behind(Firewall::RouterProhibits)),
    ]
}

fn tcp_port() -> impl Strategy<Value = Port> + Clone {
    prop_oneof![
        4 => Just(Port::DROPPED),
        3 => Just(Port::IDLE),
        2 => Just(Port::RIGHT),
        1 => Just(Port::open(Listener::Other)),
        1 => Just(Port::MUTE),
        2 => Just(Port::REJECTED),
        1 => Just(Port::behind(Firewall::Prohibit)),
        1 => Just(Port::behind(Firewall::Reset)),
        1 => Just(Port::behind(Firewall::RouterRejects)),
        1 => Just(Port::behind(Firewall::RouterProhibits)),
    ]
}

/// Any node, on a way that may lose packets, or not find the machine for a while.
pub fn sketches() -> impl Strategy<Value = Sketch> {
    let loss = prop_oneof![
        3 => Just(Loss { percent: 0, seed: 0 }),
        1 => (1_u64..60, any::<u64>()).prop_map(|(percent, seed)| Loss { percent, seed }),
    ];
    let no_way_until = prop_oneof![
        12 => Just(0_u64),
        1 => prop::sample::select(vec![5_u64, 30, 100, 500, 1020, 10_000]),
    ];
    (steady(), loss, no_way_until).prop_map(|(sketch, loss, no_way_until)| Sketch {
        loss,
        no_way_until,
        ..sketch
    })
}

/// Any node, on a way that loses nothing and finds it.
pub fn steady() -> impl Strategy<Value = Sketch> {
    let udp = (
        udp_port(),
        udp_port(),
        proptest::option::of((50_001_u16..=60_000, udp_port())),
        udp_port(),
        udp_port(),
        proptest::option::of((0_usize..64, udp_port())),
    )
        .prop_map(
            |(default, range, split, udp_443, udp_7885, one)| UdpSketch {
                default,
                range,
                split,
                udp_443,
                udp_7885,
                one,
            },
        );
    let tcp = (
        tcp_port(),
        proptest::collection::vec((0_usize..64, tcp_port()), 0..6),
    )
        .prop_map(|(default, others)| TcpSketch { default, others });
    let budget = prop_oneof![2 => Just(6000_u64), 1 => Just(0), 2 => 0_u64..=6000];
    (
        udp,
        tcp,
        budget,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.8),
    )
        .prop_map(
            |(udp, tcp, budget, is_muted, is_deaf, outside_answers)| Sketch {
                udp,
                tcp,
                budget,
                is_muted,
                is_deaf,
                no_way_until: 0,
                outside_answers,
                loss: Loss {
                    percent: 0,
                    seed: 0,
                },
            },
        )
}
