//! The packets: what a node and the way to it send back for what a run sends, in its order.

use std::net::IpAddr;
use std::time::Duration;

use ovcheck::model::facts::*;
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::port::{Port, Transport};
use ovcheck::model::probe::{ProbeSpec, ServiceAsk};
use ovcheck::model::target::Family;
use ovcheck::model::vantage::Zone;

use crate::ground::{Ground, Question, Sending};
use crate::node::{Firewall, Listener, Loss, Node};

/// There and back, in milliseconds.
const ROUND_TRIP: u64 = 40;

/// How long silence has to last before it counts, in milliseconds.
const TIMEOUT: u64 = 1300;

/// What a Linux machine saves at most for one address: thousandths of an error.
pub const FULL: u64 = 6000;

/// What came back for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    Nothing,
    Icmp(Says, By),
    Reset,
    /// A connection, and nothing was asked.
    Accepted,
    /// A connection, or data, by who listens.
    Service(Listener),
}

/// What an ICMP error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    NoPort,
    Prohibited,
    NoHost,
}

/// Who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Node,
    Router,
}

/// What a question met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// When its copies left, in milliseconds after the start of the run.
    pub sent: Vec<u64>,
    pub back: Back,
    pub back_at: u64,
}

/// Everything that we could see of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// In the order of the ground's questions.
    pub met: Vec<Met>,
    /// The question asked once more, when, and whether an error came back.
    pub sentinels: Vec<(usize, u64, bool)>,
    pub outside_answers: bool,
    /// What is left of the node's budget a full time-out after the start; not seen by us.
    budget_left: Hidden,
}

/// Equal to everything of its kind: a node keeps it to itself.
#[derive(Debug, Clone, Copy)]
struct Hidden(u64);

impl PartialEq for Hidden {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Hidden {}

/// The ICMP errors that a node may still send us.
struct Budget {
    thousandths: u64,
    per_ms: u64,
    at: u64,
    is_limited: bool,
}

impl Budget {
    fn at(&mut self, now: u64) {
        let renewed = (now - self.at) * self.per_ms;
        self.thousandths = (self.thousandths + renewed).min(FULL);
        self.at = now;
    }

    fn draw(&mut self, now: u64) -> bool {
        self.at(now);
        if !self.is_limited {
            return true;
        }
        let has_one = self.thousandths >= 1000;
        if has_one {
            self.thousandths -= 1000;
        }
        has_one
    }
}

/// Runs the ground's schedule against a node.
pub fn watch(ground: &Ground, node: &Node) -> Seen {
    let mut budget = Budget {
        thousandths: node.budget,
        per_ms: match ground.setting.family {
            Family::V4 => 1,
            Family::V6 => 10,
        },
        at: 0,
        // Loopback is not limited.
        is_limited: ground.setting.zone != Zone::OwnNode,
    };
    let mut met: Vec<Met> = ground
        .questions
        .iter()
        .map(|_| Met {
            sent: Vec::with_capacity(3),
            back: Back::Nothing,
            back_at: 0,
        })
        .collect();
    let mut sentinels = Vec::new();
    for &(now, sending) in &ground.schedule {
        match sending {
            Sending::Copy { question, copy } => {
                let asked = ground.questions[question];
                if is_settled(asked, &met[question], now) {
                    continue;
                }
                met[question].sent.push(now);
                let way = Way::of(node, question, copy);
                let back = answer(node, asked, now, way, &mut budget);
                let entry = &mut met[question];
                if back != Back::Nothing && !is_final(asked, entry.back) {
                    entry.back = back;
                    entry.back_at = now + ROUND_TRIP;
                }
            }
            Sending::Sentinel => {
                let waits =
                    |place: &usize| !is_settled(ground.questions[*place], &met[*place], now);
                let ports = || {
                    (0..met.len()).filter(|place| {
                        let question = ground.questions[*place];
                        question.transport == Transport::Udp && !question.is_stun
                    })
                };
                // With no port waiting the probe is over.
                let refused = ports().find(|place| {
                    !waits(place)
                        && matches!(
                            met[*place].back,
                            Back::Icmp(Says::NoPort | Says::Prohibited, _)
                        )
                });
                if let (Some(refused), true) = (refused, ports().any(|place| waits(&place))) {
                    let way = Way::of(node, refused, 100 + now);
                    let asked = ground.questions[refused];
                    let back = answer(node, asked, now, way, &mut budget);
                    sentinels.push((refused, now, matches!(back, Back::Icmp(..))));
                }
            }
        }
    }
    budget.at(TIMEOUT + 100);
    Seen {
        met,
        sentinels,
        outside_answers: node.outside_answers && !node.is_deaf,
        budget_left: Hidden(budget.thousandths),
    }
}

impl Seen {
    /// What is left of the node's budget when another run begins `gap` milliseconds later.
    pub fn budget_after(&self, ground: &Ground, gap: u64) -> u64 {
        let per_ms = match ground.setting.family {
            Family::V4 => 1,
            Family::V6 => 10,
        };
        (self.budget_left.0 + gap * per_ms).min(FULL)
    }
}

/// Whether no further copy is sent.
fn is_settled(question: Question, met: &Met, now: u64) -> bool {
    is_final(question, met.back) && met.back_at <= now
}

/// Over UDP "host unreachable" may pass; a connection ends with it.
fn is_final(question: Question, back: Back) -> bool {
    match back {
        Back::Nothing => false,
        Back::Icmp(Says::NoHost, _) => question.transport == Transport::Tcp,
        Back::Icmp(Says::NoPort | Says::Prohibited, _)
        | Back::Reset
        | Back::Accepted
        | Back::Service(_) => true,
    }
}

/// Which of a copy and its answer come through.
#[derive(Clone, Copy)]
struct Way {
    out: bool,
    back: bool,
}

impl Way {
    fn of(node: &Node, question: usize, copy: u64) -> Self {
        let Loss { percent, seed } = node.loss;
        if percent == 0 {
            return Self {
                out: true,
                back: true,
            };
        }
        let number = |salt: u64| spread(seed ^ spread((question as u64) << 32 | copy << 8 | salt));
        // One of two SYNs or three datagrams, the same for every node.
        let survivor = spread(seed ^ spread(question as u64)) % 2;
        Self {
            out: copy == survivor || number(1) % 100 >= percent,
            back: copy == survivor || number(2) % 100 >= percent,
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn spread(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What one copy brings back.
fn answer(node: &Node, question: Question, now: u64, way: Way, budget: &mut Budget) -> Back {
    if !way.out {
        return Back::Nothing;
    }
    let is_udp = question.transport == Transport::Udp;
    let port = match question.transport {
        Transport::Tcp => node.tcp[question.port],
        Transport::Udp => node.udp[question.port],
    };
    let mut own_error = |says| {
        let sent = budget.draw(now) && !node.is_muted;
        if sent {
            Back::Icmp(says, By::Node)
        } else {
            Back::Nothing
        }
    };
    let back = if now < node.no_way_until {
        Back::Icmp(Says::NoHost, By::Router)
    } else {
        match (port.firewall, port.listener) {
            (Firewall::Drop, _) => Back::Nothing,
            (Firewall::Reject, _) => own_error(Says::NoPort),
            (Firewall::Prohibit, _) => own_error(Says::Prohibited),
            (Firewall::RouterRejects, _) => Back::Icmp(Says::NoPort, By::Router),
            (Firewall::RouterProhibits, _) => Back::Icmp(Says::Prohibited, By::Router),
            (Firewall::Reset, _) => Back::Reset,
            (Firewall::Accept, Listener::Nobody) if is_udp => own_error(Says::NoPort),
            (Firewall::Accept, Listener::Nobody) => Back::Reset,
            (Firewall::Accept, Listener::Mute) if is_udp => Back::Nothing,
            (Firewall::Accept, listener) if question.asks_service => Back::Service(listener),
            (Firewall::Accept, _) => Back::Accepted,
        }
    };
    if way.back && !(is_udp && node.is_deaf) {
        back
    } else {
        Back::Nothing
    }
}

/// What the probes of the plan bring home.
pub fn observations(ground: &Ground, seen: &Seen) -> Vec<Observation> {
    let mut met = (0..).zip(&seen.met).peekable();
    ground
        .plan
        .probes
        .iter()
        .enumerate()
        .map(|(probe, spec)| {
            let mut own = Vec::new();
            while let Some(entry) =
                met.next_if(|(place, _)| ground.questions[*place as usize].probe == probe)
            {
                own.push(entry.1);
            }
            let started = ground.started(probe);
            let over = |met: &&Met| match met.back {
                Back::Nothing => started + TIMEOUT,
                Back::Icmp(..) | Back::Reset | Back::Accepted | Back::Service(_) => met.back_at,
            };
            let ended = own.iter().map(over).max().unwrap_or(started + ROUND_TRIP);
            let copies = own.iter().map(|met| met.sent.len()).max().unwrap_or(1);
            Observation {
                spec: spec.clone(),
                started: Duration::from_millis(started),
                took: Duration::from_millis(ended - started),
                attempts: u32::try_from(copies).unwrap(),
                outcome: Outcome::Saw(facts(ground, seen, spec, &own)),
            }
        })
        .collect()
}

fn facts(ground: &Ground, seen: &Seen, spec: &ProbeSpec, own: &[&Met]) -> Facts {
    match spec {
        ProbeSpec::Dns { .. } => Facts::Dns(DnsFacts {
            server: "10.0.0.1:53".parse().unwrap(),
            over_udp: true,
            answer: DnsAnswer::NoData,
            cname_chain: Vec::new(),
            addresses: Vec::new(),
        }),
        ProbeSpec::OwnUdp { server } => {
            // Whether the other family works says nothing about this one.
            let other = Family::of(server.ip()) != ground.setting.family;
            let binding = if other || seen.outside_answers {
                success()
            } else {
                StunAnswer::Silent
            };
            Facts::Turn(turn(None, Some(binding)))
        }
        // The sweep of the other ports carries no verdict by its silence, and is left out here.
        ProbeSpec::Udp { address, ports, .. } => Facts::Udp(udp(ground, seen, *address, ports)),
        ProbeSpec::Turn {
            over: ovcheck::model::probe::Carrier::Udp,
            ..
        } => {
            let started = own[0].sent[0];
            let binding = match own[0].back {
                Back::Nothing | Back::Reset | Back::Accepted => StunAnswer::Silent,
                Back::Icmp(says, by) => StunAnswer::Icmp(icmp(ground.address, says, by)),
                Back::Service(listener) => stun_of(listener),
            };
            Facts::Turn(TurnFacts {
                sent_ms: own[0].sent.iter().map(|at| at - started).collect(),
                ..turn(None, Some(binding))
            })
        }
        ProbeSpec::Tcp { .. } => Facts::Tcp(TcpFacts {
            connect: connect(ground, own[0]),
            dialled: None,
        }),
        ProbeSpec::Turn { .. } => {
            let connect = connect(ground, own[0]);
            Facts::Turn(turn(Some(connect), service(own[0]).map(stun_of)))
        }
        ProbeSpec::Api { .. } => Facts::Api(ApiFacts {
            connect: connect(ground, own[0]),
            dialled: None,
            handshake: None,
            answer: service(own[0]).map(http_of),
        }),
        ProbeSpec::Rtmp { .. } => Facts::Rtmp(RtmpFacts {
            connect: connect(ground, own[0]),
            dialled: None,
            handshake: None,
            answer: service(own[0]).map(|listener| match listener {
                Listener::Right => RtmpAnswer::Completed,
                Listener::Other => RtmpAnswer::Closed,
                Listener::Mute | Listener::Nobody => RtmpAnswer::Silent,
            }),
        }),
        ProbeSpec::Hold { .. } => Facts::Hold(HoldFacts {
            connect: connect(ground, own[0]),
            dialled: None,
            handshake: None,
            binding: service(own[0]).map(stun_of),
            idle: None,
        }),
        ProbeSpec::Service { ask, .. } => Facts::Service(ServiceFacts {
            connect: connect(ground, own[0]),
            dialled: None,
            answer: service(own[0]).map(|listener| match listener {
                Listener::Right => right_answer(*ask),
                Listener::Other => ServiceAnswer::Other(FirstBytes::Binary("00".into())),
                Listener::Mute | Listener::Nobody => ServiceAnswer::Silent,
            }),
        }),
        ProbeSpec::Http { .. } | ProbeSpec::Tls { .. } => {
            unreachable!("the names have no addresses")
        }
    }
}

fn udp(ground: &Ground, seen: &Seen, address: IpAddr, ports: &[Port]) -> UdpFacts {
    let started = 10;
    let first = ground
        .questions
        .iter()
        .position(|question| question.transport == Transport::Udp && !question.is_stun)
        .unwrap();
    let of = |place: usize| ports[place - first];
    UdpFacts {
        extent: None,
        swept: None,
        ports: (first..first + ports.len())
            .map(|place| {
                let met = &seen.met[place];
                let answered = met.back != Back::Nothing;
                UdpPortFacts {
                    port: of(place),
                    sent_ms: met.sent.iter().map(|at| at - started).collect(),
                    answer: match met.back {
                        Back::Nothing | Back::Reset | Back::Accepted => UdpAnswer::Silent,
                        Back::Icmp(says, by) => UdpAnswer::Icmp(icmp(address, says, by)),
                        Back::Service(Listener::Right) => UdpAnswer::Stun,
                        Back::Service(_) => UdpAnswer::Data(FirstBytes::Binary("00".into())),
                    },
                    answered_ms: answered.then(|| met.back_at - started),
                }
            })
            .collect(),
        sentinels: seen
            .sentinels
            .iter()
            .map(|(place, at, answered)| Sentinel {
                port: of(*place),
                sent_ms: at - started,
                answered: *answered,
            })
            .collect(),
    }
}

fn connect(ground: &Ground, met: &Met) -> Connect {
    match met.back {
        Back::Nothing => Connect::Silent,
        Back::Icmp(says, by) => Connect::Icmp(icmp(ground.address, says, by)),
        Back::Reset => Connect::Reset,
        Back::Accepted | Back::Service(_) => Connect::Accepted,
    }
}

fn service(met: &Met) -> Option<Listener> {
    match met.back {
        Back::Service(listener) => Some(listener),
        Back::Nothing | Back::Icmp(..) | Back::Reset | Back::Accepted => None,
    }
}

fn turn(connect: Option<Connect>, binding: Option<StunAnswer>) -> TurnFacts {
    TurnFacts {
        connect,
        dialled: None,
        handshake: None,
        binding,
        allocate: None,
        instead: None,
        sent_ms: vec![0],
    }
}

fn success() -> StunAnswer {
    StunAnswer::Success {
        mapped: Some("198.51.100.7:41000".parse().unwrap()),
    }
}

fn stun_of(listener: Listener) -> StunAnswer {
    match listener {
        Listener::Right => success(),
        Listener::Other => StunAnswer::NotStun(FirstBytes::Binary("00".into())),
        Listener::Mute | Listener::Nobody => StunAnswer::Silent,
    }
}

fn response(status: u16, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        server: None,
        location: None,
        content_type: None,
        date_ahead_s: Some(0),
        body: ServerText::new(body),
    }
}

/// What the service answers that a question is meant for.
fn right_answer(ask: ServiceAsk) -> ServiceAnswer {
    let http = |status, body| ServiceAnswer::Http(response(status, body));
    match ask {
        ServiceAsk::RedisPing => ServiceAnswer::Redis(RedisAnswer::NoAuth),
        ServiceAsk::MongoHello => ServiceAnswer::MongoDb {
            set_name: None,
            is_primary: None,
        },
        ServiceAsk::Http2Settings => ServiceAnswer::Http2,
        ServiceAsk::IceTcp => ServiceAnswer::IceTcp,
        ServiceAsk::MinioLive | ServiceAsk::Page => http(200, ""),
        ServiceAsk::GrafanaHealth => http(200, r#"{"database": "ok", "version": "11.5.1"}"#),
        ServiceAsk::Ready => http(200, "ready"),
        ServiceAsk::V2Config => http(401, ""),
        ServiceAsk::IngressHealth => http(200, "Healthy"),
    }
}

fn http_of(listener: Listener) -> HttpAnswer {
    let response =
        |status| HttpAnswer::Response(response(status, "no permissions to access the room"));
    match listener {
        Listener::Right => response(401),
        Listener::Other => response(404),
        Listener::Mute | Listener::Nobody => HttpAnswer::Silent,
    }
}

fn icmp(target: IpAddr, says: Says, by: By) -> IcmpError {
    let family = Family::of(target);
    let (icmp_type, code) = match (family, says) {
        (Family::V4, Says::NoPort) => (3, 3),
        (Family::V4, Says::Prohibited) => (3, 13),
        (Family::V4, Says::NoHost) => (3, 1),
        (Family::V6, Says::NoPort) => (1, 4),
        (Family::V6, Says::Prohibited) => (1, 1),
        (Family::V6, Says::NoHost) => (1, 3),
    };
    let router: IpAddr = match family {
        Family::V4 => "198.51.100.1".parse().unwrap(),
        Family::V6 => "2001:db8:1::1".parse().unwrap(),
    };
    IcmpError {
        family,
        icmp_type,
        code,
        from: Some(match by {
            By::Node => target,
            By::Router => router,
        }),
    }
}
