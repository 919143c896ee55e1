//! The packets: what a node and the way to it send back for what a run sends, in its order.

use ovcheck::model::port::Transport;

use crate::errors::Errors;
use crate::ground::{Ground, Question, Sending, Swept};
use crate::node::{Firewall, Listener, Loss, Middle, Node, Port};
use crate::observations::is_asked_again;

/// There and back, in milliseconds.
pub const ROUND_TRIP: u64 = 40;

/// How long silence has to last before it counts, in milliseconds.
pub const TIMEOUT: u64 = 1300;

/// What came back for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Back {
    #[default]
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// What ports met that nobody named, those that something came back for.
    pub swept: Vec<(u16, Met)>,
    pub sentinels: Vec<Again>,
    pub outside_answers: bool,
    /// A ping was answered.
    pub replied: bool,
    /// Whether it still lets us in at the end of the run; seen by us only where we ask.
    let_in: Hidden<bool>,
    /// What is left of the node's budget a full time-out after the start; not seen by us.
    budget_left: Hidden<u64>,
}

impl Seen {
    /// What a connection attempt at the end of the run meets, at a port that accepted one before.
    pub fn is_still_let_in(&self) -> bool {
        self.let_in.0
    }
}

/// A port that was asked once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    pub port: u16,
    pub at: u64,
    pub answered: bool,
}

/// Equal to everything of its kind: a node keeps it to itself.
#[derive(Debug, Clone, Copy)]
struct Hidden<T>(T);

impl<T> PartialEq for Hidden<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Hidden<T> {}

/// Runs the ground's schedule against a node.
pub fn watch(ground: &Ground, node: &Node) -> Seen {
    let mut watch = Watch::new(ground, node);
    watch.run(None);
    watch.seen()
}

/// Whether a node would be seen like this.
pub fn looks_like(ground: &Ground, node: &Node, seen: &Seen) -> bool {
    let mut watch = Watch::new(ground, node);
    if !watch.run(Some(seen)) {
        return false;
    }
    let own = watch.seen();
    own == *seen && (own.let_in.0 == seen.let_in.0 || !is_asked_again(ground, seen))
}

struct Watch<'a> {
    ground: &'a Ground,
    node: &'a Node,
    errors: Errors,
    met: Vec<Met>,
    swept: Vec<(u16, Met)>,
    sentinels: Vec<Again>,
}

impl<'a> Watch<'a> {
    fn new(ground: &'a Ground, node: &'a Node) -> Self {
        Self {
            ground,
            node,
            errors: Errors::of(ground, node),
            met: vec![Met::default(); ground.questions.len()],
            swept: Vec::new(),
            sentinels: Vec::new(),
        }
    }

    /// Goes through the schedule, until a question meets something else than in `goal`: `false`.
    fn run(&mut self, goal: Option<&Seen>) -> bool {
        // Most nodes that are watched are silent there.
        let is_quiet =
            self.node.no_way_until == 0 && self.node.rest.iter().all(|port| port.is_silent());
        let ground = self.ground;
        for &(now, sending) in &ground.schedule {
            match sending {
                Sending::Copy { question, copy } => {
                    self.send_copy(question, copy, now);
                    let met = &self.met[question];
                    let is_other = |goal: &Seen| {
                        is_final(ground.questions[question].transport, met.back)
                            && met.back != goal.met[question].back
                    };
                    if goal.is_some_and(is_other) {
                        return false;
                    }
                }
                Sending::Sentinel => self.ask_again(now),
                Sending::Sweep(ports) if is_quiet && ports.special.is_none() => {}
                Sending::Sweep(ports) => self.sweep(ports, now),
            }
        }
        true
    }

    fn seen(self) -> Seen {
        Seen {
            met: self.met,
            swept: self.swept,
            sentinels: self.sentinels,
            outside_answers: self.node.outside_answers && !self.node.is_deaf,
            replied: self.node.replies
                // It is pinged three times.
                && self.node.no_way_until <= 800
                && !matches!(self.node.middle, Middle::WrongAddress | Middle::Bans(0..ROUND_TRIP)),
            let_in: Hidden(!matches!(self.node.middle, Middle::WrongAddress | Middle::Bans(_))),
            budget_left: Hidden(self.errors.left_for_us(TIMEOUT + 100)),
        }
    }

    fn send_copy(&mut self, question: usize, copy: u64, now: u64) {
        let asked = self.ground.questions[question];
        if is_settled(asked.transport, &self.met[question], now) {
            return;
        }
        let back = self.answer_to(question, copy, now);
        note(&mut self.met[question], (asked.transport, back), now);
    }

    fn answer_to(&mut self, question: usize, copy: u64, now: u64) -> Back {
        let asked = self.ground.questions[question];
        let port = match asked.transport {
            Transport::Tcp => self.node.tcp[asked.port],
            Transport::Udp => self.node.udp[asked.port],
        };
        let way = Way::of(self.node, (question as u64, copy));
        let lets_out = self.ground.lets_out(self.node, asked);
        match (self.node.middle, asked.transport) {
            (Middle::WrongAddress, _) => Back::Nothing,
            (Middle::Bans(from), _) if now + ROUND_TRIP / 2 >= from => Back::Nothing,
            (Middle::Egress { resets, .. }, Transport::Tcp) if !lets_out => {
                if resets {
                    Back::Reset
                } else {
                    Back::Nothing
                }
            }
            (Middle::BlocksQuic, Transport::Udp) if self.ground.is_quic(asked) => Back::Nothing,
            (Middle::AcceptsAll, Transport::Tcp) => {
                let back = answer(self.node, port, asked, (now, way), &mut self.errors);
                match back {
                    Back::Service(listener) => Back::Service(listener),
                    _ if asked.asks_service => Back::Service(Listener::Mute),
                    _ => Back::Accepted,
                }
            }
            _ => answer(self.node, port, asked, (now, way), &mut self.errors),
        }
    }

    /// Asks a port that was refused once more, where silence waits to be told from a spent budget.
    fn ask_again(&mut self, now: u64) {
        let is_port =
            |question: &Question| question.transport == Transport::Udp && !question.is_stun;
        let of_node = || {
            let questions = self.ground.questions.iter().enumerate();
            questions.filter(|(_, question)| is_port(question))
        };
        let is_settled = |met: &Met| is_settled(Transport::Udp, met, now);
        let is_refused = |met: &Met| {
            is_settled(met) && matches!(met.back, Back::Icmp(Says::NoPort | Says::Prohibited, _))
        };
        let waits = of_node().any(|(place, _)| !is_settled(&self.met[place]));
        // With no port waiting the probe is over.
        if !waits && self.ground.swept.is_none() {
            return;
        }
        let named = of_node().find(|(place, _)| is_refused(&self.met[*place]));
        let salt = 100 + now;
        let (port, back) = if let Some((place, question)) = named {
            let port = self.ground.udp_ports[question.port];
            (port, self.answer_to(place, salt, now))
        } else {
            match self.swept.iter().find(|(_, met)| is_refused(met)) {
                Some((port, _)) => {
                    let port = *port;
                    (port, self.answer_of_rest(port, self.state_of(port), salt, now))
                }
                None => match self.ground.sentinel() {
                    Some((place, port)) => (port, self.answer_to(place, salt, now)),
                    None => return,
                },
            }
        };
        self.sentinels.push(Again {
            port,
            at: now,
            answered: matches!(back, Back::Icmp(_, By::Node)),
        });
    }

    fn sweep(&mut self, ports: Swept, now: u64) {
        match self.node.middle {
            Middle::WrongAddress => return,
            Middle::Bans(from) if now + ROUND_TRIP / 2 >= from => return,
            _ => {}
        }
        if !self.may_answer(ports, now) {
            return;
        }
        let ground = self.ground;
        for port in &ground.unnamed[ports.from..ports.to] {
            let state = match ports.special {
                Some(place) => self.node.udp[place],
                None => self.rest(*port),
            };
            let is_found = now >= self.node.no_way_until;
            if is_found && state.is_silent() {
                continue;
            }
            if is_found && !state.sends_data() && !self.someone_has_one(state, now) {
                self.errors.stopped(u64::from(!state.is_refused_by_router()));
                continue;
            }
            let place = self.swept.iter().position(|(known, _)| known == port);
            if place.is_some_and(|place| is_settled(Transport::Udp, &self.swept[place].1, now)) {
                continue;
            }
            let back = self.answer_of_rest(*port, state, ports.copy, now);
            if let Some(place) = place {
                note(&mut self.swept[place].1, (Transport::Udp, back), now);
            } else if back != Back::Nothing {
                let mut met = Met::default();
                note(&mut met, (Transport::Udp, back), now);
                self.swept.push((*port, met));
            }
        }
    }

    /// Whether any of these ports could send something back now. Where nobody has an error left for
    /// us, those that would be sent are counted and that is all.
    fn may_answer(&mut self, ports: Swept, now: u64) -> bool {
        if ports.special.is_some() {
            return true;
        }
        if now < self.node.no_way_until {
            return self.errors.router_has_one(now);
        }
        let numbers = &self.ground.unnamed[ports.from..ports.to];
        let rest = [numbers[0], numbers[numbers.len() - 1]].map(|port| self.rest(port));
        let by_router = rest.iter().any(|port| port.is_refused_by_router());
        let by_node = (rest.iter()).any(|port| !port.is_silent() && !port.is_refused_by_router());
        if by_router && self.errors.router_has_one(now) || by_node && self.errors.has_one(now) {
            return true;
        }
        if by_node {
            self.errors.stopped(numbers.len() as u64);
        }
        false
    }

    fn rest(&self, port: u16) -> Port {
        self.node.rest[usize::from(port >= self.node.split)]
    }

    /// What a port is that nobody named.
    fn state_of(&self, port: u16) -> Port {
        let mut special = self.ground.special();
        match special.find(|(number, _)| *number == port) {
            Some((_, place)) => self.node.udp[place],
            None => self.rest(port),
        }
    }

    /// Whether who would refuse a packet to this port has an error left.
    fn someone_has_one(&mut self, state: Port, now: u64) -> bool {
        if state.is_refused_by_router() {
            self.errors.router_has_one(now)
        } else {
            self.errors.has_one(now)
        }
    }

    fn answer_of_rest(&mut self, port: u16, state: Port, copy: u64, now: u64) -> Back {
        let way = Way::of(self.node, (10_000 + u64::from(port), copy));
        let asked = Question {
            probe: 0,
            transport: Transport::Udp,
            port: 0,
            is_stun: false,
            asks_service: true,
        };
        // Routers have limits of their own.
        let is_from_router = now < self.node.no_way_until || state.is_refused_by_router();
        if is_from_router && !self.errors.router_sends_one(now) {
            return Back::Nothing;
        }
        answer(self.node, state, asked, (now, way), &mut self.errors)
    }
}

/// A copy left at `now`, and this came back.
fn note(met: &mut Met, (transport, back): (Transport, Back), now: u64) {
    met.sent.push(now);
    if back != Back::Nothing && !is_final(transport, met.back) {
        met.back = back;
        met.back_at = now + ROUND_TRIP;
    }
}

impl Seen {
    /// What is left of the node's budget when another run begins `gap` milliseconds later.
    pub fn budget_after(&self, ground: &Ground, gap: u64) -> u64 {
        Errors::after(ground, self.budget_left.0, gap)
    }
}

/// Whether no further copy is sent.
fn is_settled(transport: Transport, met: &Met, now: u64) -> bool {
    is_final(transport, met.back) && met.back_at <= now
}

/// Over UDP "host unreachable" may pass; a connection ends with it.
fn is_final(transport: Transport, back: Back) -> bool {
    match back {
        Back::Nothing => false,
        Back::Icmp(Says::NoHost, _) => transport == Transport::Tcp,
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
    fn of(node: &Node, (question, copy): (u64, u64)) -> Self {
        let Loss { percent, seed } = node.loss;
        if percent == 0 {
            return Self { out: true, back: true };
        }
        let number = |salt: u64| spread(seed ^ spread(question << 32 | copy << 8 | salt));
        // One of two SYNs or three datagrams, the same for every node.
        let survivor = spread(seed ^ spread(question)) % 2;
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

/// What one copy for a port brings back.
fn answer(
    node: &Node,
    port: Port,
    question: Question,
    (now, way): (u64, Way),
    errors: &mut Errors,
) -> Back {
    if !way.out {
        return Back::Nothing;
    }
    let is_udp = question.transport == Transport::Udp;
    let mut own_error = |says| {
        let sent = errors.draw(now) && !node.is_muted;
        if sent { Back::Icmp(says, By::Node) } else { Back::Nothing }
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
    if way.back && !(is_udp && node.is_deaf) { back } else { Back::Nothing }
}
