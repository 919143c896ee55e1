//! What UDP ports of one address send back for STUN Binding requests: data, an ICMP error, or
//! nothing.
//!
//! One socket talks to all ports, in the order they were given: a Linux node answers six datagrams
//! to closed ports at once, and then one a second (`icmp_ratelimit`), so that who comes first
//! decides what can be learned.
//!
//! Behind the first round every other port of a range is asked, where one is to be closed: a
//! dropped datagram spends no error, so that one open port is found among ten thousand.
//!
//! What is silent is asked again in a second and a third round, and behind each of these a port
//! that had answered with an ICMP error, the sentinel: when it answers again, the node had errors
//! left for the silent ports before it. The third round comes more than a second after the first,
//! when the node has at least one error to send again, whoever had spent the others; the rest of
//! the range keeps quiet for it.

mod pace;
mod rest;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::facts::{
    Facts, FirstBytes, IcmpError, Sentinel, UdpAnswer, UdpFacts, UdpPortFacts,
};
use crate::model::observation::{Blindness, Outcome};
use crate::model::port::{Port, PortRange};
use crate::model::target::{Endpoint, Family};
use crate::net::stun::is_final;
use crate::net::udp::{Event, LARGEST, Socket};
use crate::net::{Limits, Network, icmp};
use crate::proto::first_bytes;
use crate::proto::stun::{PortIds, Reading};

use pace::Pace;
use rest::Rest;

/// Sends Binding requests to `ports` of `address`, then to all others of the range `then`, and
/// collects what comes back until every port answered, or the time-out after the last first copy
/// for one of `ports`. Returns the most copies that one port was sent.
pub async fn run(
    net: &Network,
    address: IpAddr,
    ports: &[Port],
    then: Option<PortRange>,
) -> (u32, Outcome) {
    let mut sweep = Sweep::new(net, address, ports, then);
    let ended = sweep.run().await;
    let of_named = sweep.ports.iter().map(|port| port.sent.len());
    let of_rest = sweep.rest.iter().map(Rest::most_copies);
    let copies = of_named.chain(of_rest).max().unwrap_or(0);
    let attempts = u32::try_from(copies).unwrap_or(u32::MAX);
    let outcome = match (ended, sweep.trouble.take()) {
        (Err(trouble), _) => Outcome::Blind(trouble),
        // Nothing got out at all.
        (Ok(()), Some(trouble)) if attempts == 0 => Outcome::Blind(trouble),
        (Ok(()), _) => Outcome::Saw(Facts::Udp(sweep.into_facts())),
    };
    (attempts.max(1), outcome)
}

/// When each round begins, counted from the end of the first one. The last is more than a second (the time
/// in which a Linux node gets one more ICMP error to send) behind it, and a little before a SYN
/// that was sent at the same time is sent again.
const ROUNDS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(350),
    Duration::from_millis(1020),
];

/// How long the last copy is waited for at least.
const LAST_ANSWER: Duration = Duration::from_millis(280);

/// How many milliseconds after the last copy of each round its sentinels are asked. The first round
/// needs none: whoever answers in it is one. Two answers within a tenth of a second show that one
/// error was there before (ten a second is the most that Linux gives out). The later ones of a round stand behind the copies that
/// other probes of the node send at about the same time. All together, and the port's first answer,
/// are what a Linux node has to give in the time.
const SENTINELS: [&[u64]; 3] = [&[], &[0, 30], &[0, 30, 60, 75]];

/// How long before the last round the rest of a range keeps quiet, so that the node has an error
/// left for that round: IPv4 nodes get one a second after they spent all, which is later; IPv6
/// nodes get ten a second.
const QUIET_BEFORE: Duration = Duration::from_millis(120);

/// How long after the beginning of the last round it goes on: when the sentinels were asked.
const QUIET_AFTER: Duration = Duration::from_millis(85);

/// How long to wait when the system has no buffer left.
const ROOM: Duration = Duration::from_millis(2);

/// How many datagrams are sent before others have their turn.
const IN_A_ROW: usize = 64;

/// How many events are taken before we look at the time, so that a flood cannot hold us.
const AT_ONCE: usize = 256;

/// One port, as meant.
struct Watched {
    port: Port,
    dialled: SocketAddr,
    /// When each copy was sent.
    sent: Vec<Instant>,
    answer: Option<Answer>,
}

/// What came for one port, and when.
struct Answer {
    what: UdpAnswer,
    at: Instant,
    /// Whether nothing better is to be expected.
    is_final: bool,
}

impl Watched {
    fn is_settled(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.is_final)
    }

    /// Whether an ICMP error came for it.
    fn is_refused(&self) -> bool {
        let answer = self.answer.as_ref().filter(|answer| answer.is_final);
        matches!(answer.map(|answer| &answer.what), Some(UdpAnswer::Icmp(_)))
    }
}

/// All ports of one probe.
struct Sweep<'a> {
    net: &'a Network,
    address: IpAddr,
    started: Instant,
    ids: PortIds,
    /// Those that were named; behind them those of the rest that something came back for.
    ports: Vec<Watched>,
    /// How many were named.
    named: usize,
    /// Where in `ports` a port is.
    places: HashMap<Port, usize>,
    /// How many named ports are not settled.
    waiting: usize,
    round: Round,
    /// The other ports of a range.
    rest: Option<Rest>,
    pace: Pace,
    /// When the newest first copy was sent.
    newest: Instant,
    /// When the newest copy was sent.
    last: Instant,
    sentinels: Vec<Asked>,
    /// What kept a datagram from being sent.
    trouble: Option<Blindness>,
}

/// Where a sweep stands.
struct Round {
    /// The place in [`ROUNDS`].
    number: usize,
    started: Instant,
    /// The place of the next port.
    next: usize,
    /// When its newest copy was sent.
    last: Instant,
    /// How many of its sentinels were asked.
    sentinels: usize,
}

impl Round {
    fn new(number: usize, started: Instant) -> Self {
        Self {
            number,
            started,
            next: 0,
            last: started,
            sentinels: 0,
        }
    }
}

/// A sentinel that was asked.
struct Asked {
    port: Port,
    /// Its own, so that its answer is told from those to copies and to other sentinels.
    ids: PortIds,
    at: Instant,
    answered: bool,
}

/// What is to be sent next.
enum Due {
    /// A copy for the port at this place.
    Copy(usize),
    /// The sentinel at this place, behind the last copy of a round.
    Sentinel(usize),
    /// A copy for a port that nobody named.
    Rest(Port),
    /// Nothing more.
    Nothing,
}

impl<'a> Sweep<'a> {
    fn new(net: &'a Network, address: IpAddr, ports: &[Port], then: Option<PortRange>) -> Self {
        let mut places = HashMap::new();
        let mut watched = Vec::new();
        for &port in ports {
            places.entry(port).or_insert_with(|| {
                watched.push(Watched {
                    port,
                    dialled: net.dial.dialled(Endpoint { address, port }),
                    sent: Vec::new(),
                    answer: None,
                });
                watched.len() - 1
            });
        }
        let started = Instant::now();
        Self {
            net,
            address,
            started,
            ids: PortIds::new(rand::random()),
            named: watched.len(),
            waiting: watched.len(),
            ports: watched,
            places,
            round: Round::new(0, started),
            rest: then.map(|range| Rest::new(range, ports)),
            pace: Pace::new(net.limits.udp_rate, started),
            newest: started,
            last: started,
            sentinels: Vec::new(),
            trouble: None,
        }
    }

    /// # Errors
    /// When we could not look at all.
    async fn run(&mut self) -> Result<(), Blindness> {
        let Some(mut socket) = self.socket()? else {
            return Ok(());
        };
        self.start();
        let mut buffer = [0; LARGEST];
        // So that a long row of datagrams holds nobody else up.
        let mut in_a_row = 0;
        loop {
            for _ in 0..AT_ONCE {
                let Some(event) = socket.take(&mut buffer)? else {
                    break;
                };
                self.note(event, &buffer);
            }
            let now = Instant::now();
            let (due, at) = self.next_due(now);
            let end = self.end();
            if now >= end || self.is_settled() {
                return Ok(());
            }
            in_a_row += 1;
            match due {
                Due::Nothing => socket.wait(end).await?,
                Due::Copy(_) | Due::Sentinel(_) | Due::Rest(_)
                    if at > now || in_a_row > IN_A_ROW =>
                {
                    in_a_row = 0;
                    socket.wait(at.min(end)).await?;
                }
                Due::Copy(place) => self.send(&mut socket, place, end).await,
                Due::Sentinel(place) => self.ask_sentinel(&mut socket, place, end).await,
                Due::Rest(port) => self.send_to_rest(&mut socket, port, now).await?,
            }
        }
    }

    /// Lets the rounds begin.
    fn start(&mut self) {
        let now = Instant::now();
        self.newest = now;
        self.last = now;
        self.round = Round::new(0, now);
        self.pace = Pace::new(self.net.limits.udp_rate, now);
    }

    /// A socket whose own port is not among those that are asked; `None` when nothing is.
    ///
    /// # Errors
    /// When this machine does not give us one.
    fn socket(&self) -> Result<Option<Socket>, Blindness> {
        let dialled = || {
            let named = self.ports.iter().map(|port| port.dialled);
            let rest = self.rest.iter().flat_map(Rest::ports);
            named.chain(rest.map(|port| self.dialled(port)))
        };
        let Some(first) = dialled().next() else {
            return Ok(None);
        };
        let avoid: Vec<u16> = dialled().map(|place| place.port()).collect();
        Socket::unconnected(Family::of(first.ip()), &avoid).map(Some)
    }

    fn dialled(&self, port: Port) -> SocketAddr {
        let address = self.address;
        self.net.dial.dialled(Endpoint { address, port })
    }

    /// Whether ports of the rest are still to be asked.
    fn has_more(&mut self) -> bool {
        let next = self.rest.as_mut().and_then(Rest::next);
        next.is_some()
    }

    /// When the probe is over, as things stand.
    fn end(&mut self) -> Instant {
        let Limits {
            timeout,
            probe,
            hold: _,
            udp_rate,
        } = self.net.limits;
        let silence = (self.newest + timeout).max(self.last + LAST_ANSWER.min(timeout));
        let longest = self.rest.as_ref().map_or(probe, |rest| {
            probe.max(rest.longest(udp_rate) + timeout + QUIET_BEFORE)
        });
        let latest = self.started + longest;
        if self.has_more() {
            latest
        } else {
            silence.min(latest)
        }
    }

    /// Whether nothing is left to wait for.
    fn is_settled(&mut self) -> bool {
        self.waiting == 0
            && !self.has_more()
            && self.rest.iter().all(|rest| rest.waiting().next().is_none())
    }

    /// What is to be sent next, and when: at the same time those first that were named.
    fn next_due(&mut self, now: Instant) -> (Due, Instant) {
        let (due, at) = self.next_of_named(now);
        match self.next_of_rest() {
            Some((port, rest_at)) if matches!(due, Due::Nothing) || rest_at < at => {
                (Due::Rest(port), rest_at)
            }
            Some(_) | None => (due, at),
        }
    }

    fn next_of_named(&mut self, now: Instant) -> (Due, Instant) {
        loop {
            let round = &mut self.round;
            let named = &self.ports[..self.named];
            while named.get(round.next).is_some_and(Watched::is_settled) {
                round.next += 1;
            }
            let at = round.started.max(self.pace.next());
            if round.next < named.len() {
                return (Due::Copy(round.next), at);
            }
            let sentinel = self.ports.iter().position(Watched::is_refused);
            if let (Some(after), Some(place)) =
                (SENTINELS[round.number].get(round.sentinels), sentinel)
            {
                let after = Duration::from_millis(*after);
                return (Due::Sentinel(place), at.max(round.last + after));
            }
            let number = round.number + 1;
            let Some(offset) = ROUNDS.get(number) else {
                return (Due::Nothing, at);
            };
            let begins = (self.newest + *offset).max(at);
            if now < begins {
                return match named.iter().position(|port| !port.is_settled()) {
                    Some(place) => (Due::Copy(place), begins),
                    None => (Due::Nothing, begins),
                };
            }
            self.round = Round::new(number, begins);
        }
    }

    fn next_of_rest(&mut self) -> Option<(Port, Instant)> {
        let (port, copy) = self.rest.as_mut()?.next()?;
        let at = (self.newest + ROUNDS[copy]).max(self.pace.next());
        let last_round = self.newest + ROUNDS[ROUNDS.len() - 1];
        let quiet = (last_round - QUIET_BEFORE)..(last_round + QUIET_AFTER);
        Some((port, if quiet.contains(&at) { quiet.end } else { at }))
    }

    async fn send(&mut self, socket: &mut Socket, place: usize, end: Instant) {
        let watched = &mut self.ports[place];
        let is_first = self.round.number == 0;
        self.round.next = place + 1;
        let port = watched.port;
        let request = self.ids.datagram(port);
        let sent = socket.send(&request, watched.dialled, end).await;
        let now = Instant::now();
        self.pace.left(now);
        self.round.last = now;
        match sent {
            Ok(()) => {
                watched.sent.push(now);
                self.last = now;
                if is_first {
                    self.newest = now;
                }
            }
            Err(trouble) => {
                self.trouble.get_or_insert(trouble);
                // The first copy, if there was one, can still be answered.
                if is_first {
                    self.settle(port, UdpAnswer::NotSent);
                }
            }
        }
    }

    /// Asks a port once more that had answered with an ICMP error. When it cannot be sent, nothing
    /// follows from it.
    async fn ask_sentinel(&mut self, socket: &mut Socket, place: usize, end: Instant) {
        self.round.sentinels += 1;
        let watched = &self.ports[place];
        let ids = PortIds::new(rand::random());
        let request = ids.datagram(watched.port);
        let sent = socket.send(&request, watched.dialled, end).await;
        let at = Instant::now();
        self.pace.left(at);
        self.sentinels.push(Asked {
            port: watched.port,
            ids,
            at,
            answered: false,
        });
        match sent {
            Ok(()) => self.last = at,
            Err(trouble) => {
                self.trouble.get_or_insert(trouble);
            }
        }
    }

    /// # Errors
    /// When the runtime cannot wait any more.
    async fn send_to_rest(
        &mut self,
        socket: &mut Socket,
        port: Port,
        now: Instant,
    ) -> Result<(), Blindness> {
        let sent = socket.send_now(&self.ids.datagram(port), self.dialled(port));
        let sent_ms = self.ms(now);
        let Some(rest) = &mut self.rest else {
            return Ok(());
        };
        match sent {
            Ok(true) => {
                rest.left(sent_ms);
                self.pace.left(now);
                self.last = now;
            }
            Ok(false) => socket.wait(now + ROOM).await?,
            Err(trouble) => {
                rest.failed();
                self.trouble.get_or_insert(trouble);
            }
        }
        Ok(())
    }

    fn note(&mut self, event: Event, buffer: &[u8]) {
        match event {
            Event::Datagram { from, bytes } => self.note_datagram(from, &buffer[..bytes]),
            Event::Icmp {
                destination,
                payload,
                error,
            } => {
                let mut sentinels = self.sentinels.iter_mut();
                if let Some(sentinel) = sentinels.find(|it| it.ids.port_of(&payload).is_some()) {
                    sentinel.answered = true;
                } else if let Some(port) = self.port_of_quote(destination, &payload) {
                    self.note_icmp(port, error);
                }
            }
        }
    }

    fn note_datagram(&mut self, from: SocketAddr, message: &[u8]) {
        let Some(port) = self.ids.port_of(message) else {
            // It does not say which port it answers.
            if let Some(port) = self.waiting_for(from) {
                let first_bytes = match message {
                    [] => FirstBytes::Binary(String::new()),
                    _ => first_bytes::recognise(message),
                };
                self.settle(port, UdpAnswer::Data(first_bytes));
            }
            return;
        };
        if !is_same(self.dialled(port), from) {
            return;
        }
        let answer = match self.ids.request(port).read(message) {
            Reading::Answer(_) => UdpAnswer::Stun,
            // Such as our own request, repeated by an echo service.
            Reading::Stray(_) => UdpAnswer::Data(first_bytes::recognise(message)),
        };
        self.settle(port, answer);
    }

    fn note_icmp(&mut self, port: Port, error: IcmpError) {
        let target = self.dialled(port).ip();
        // Looking up our own addresses is dear, and errors mostly come from the target.
        if error.from != Some(target)
            && let Some(trouble) = icmp::own_trouble(&error, target)
        {
            self.trouble.get_or_insert(trouble);
            self.note_not_sent(port);
        } else if is_final(&error) {
            self.settle(port, UdpAnswer::Icmp(error));
        } else if let Some(place) = self.place(port) {
            self.ports[place].answer.get_or_insert(Answer {
                what: UdpAnswer::Icmp(error),
                at: Instant::now(),
                is_final: false,
            });
        }
    }

    /// What was sent to `port` never left this machine.
    fn note_not_sent(&mut self, port: Port) {
        match (self.places.get(&port), &mut self.rest) {
            (Some(place), _) => {
                self.ports[*place].sent.clear();
                self.settle(port, UdpAnswer::NotSent);
            }
            (None, Some(rest)) => rest.did_not_leave(port),
            (None, None) => {}
        }
    }

    /// The first final answer stays.
    fn settle(&mut self, port: Port, what: UdpAnswer) {
        let Some(place) = self.place(port) else {
            return;
        };
        let watched = &mut self.ports[place];
        if watched.is_settled() {
            return;
        }
        watched.answer = Some(Answer {
            what,
            at: Instant::now(),
            is_final: true,
        });
        if place < self.named {
            self.waiting -= 1;
        } else if let Some(rest) = &mut self.rest {
            rest.settle(port);
        }
    }

    /// The port that an ICMP error is about.
    fn port_of_quote(&self, destination: Option<SocketAddr>, quote: &[u8]) -> Option<Port> {
        match (self.ids.port_of(quote), destination) {
            (Some(port), Some(destination)) => {
                is_same(self.dialled(port), destination).then_some(port)
            }
            (Some(port), None) => Some(port),
            // Routers need to quote no more than the UDP header (RFC 792).
            (None, Some(destination)) if quote.len() < QUOTE => self.waiting_for(destination),
            (None, _) => None,
        }
    }

    /// The place of `port`; a port of the rest that was asked gets one now.
    fn place(&mut self, port: Port) -> Option<usize> {
        if let Some(place) = self.places.get(&port) {
            return Some(*place);
        }
        if !self.rest.as_ref()?.was_asked(port) {
            return None;
        }
        self.ports.push(Watched {
            port,
            dialled: self.dialled(port),
            sent: Vec::new(),
            answer: None,
        });
        self.places.insert(port, self.ports.len() - 1);
        Some(self.ports.len() - 1)
    }

    /// The first port that was dialled there and waits for an answer.
    fn waiting_for(&self, dialled: SocketAddr) -> Option<Port> {
        let waits = |port: &&Watched| !port.is_settled() && !port.sent.is_empty();
        let named = self.ports.iter().filter(waits).map(|port| port.port);
        let rest = self.rest.iter().flat_map(Rest::waiting);
        named
            .chain(rest)
            .find(|port| is_same(self.dialled(*port), dialled))
    }

    /// Milliseconds from the probe's start.
    fn ms(&self, at: Instant) -> u64 {
        u64::try_from((at - self.started).as_millis()).unwrap_or(u64::MAX)
    }

    fn facts_of(&self, watched: &Watched) -> UdpPortFacts {
        let answered = watched.answer.as_ref();
        let answered_ms = answered
            .filter(|answer| answer.what != UdpAnswer::NotSent)
            .map(|answer| self.ms(answer.at));
        let as_named = watched.sent.iter().map(|at| self.ms(*at));
        let as_rest = self.rest.iter().flat_map(|rest| rest.sent_ms(watched.port));
        UdpPortFacts {
            port: watched.port,
            answered_ms,
            answer: match answered {
                Some(answer) => answer.what.clone(),
                None if watched.sent.is_empty() => UdpAnswer::NotSent,
                None => UdpAnswer::Silent,
            },
            sent_ms: as_named.chain(as_rest).collect(),
        }
    }

    fn into_facts(mut self) -> UdpFacts {
        self.ports[self.named..].sort_by_key(|port| port.port);
        let sentinels = self.sentinels.iter().map(|asked| Sentinel {
            port: asked.port,
            sent_ms: self.ms(asked.at),
            answered: asked.answered,
        });
        UdpFacts {
            ports: self.ports.iter().map(|port| self.facts_of(port)).collect(),
            swept: self.rest.as_ref().map(Rest::facts),
            sentinels: sentinels.collect(),
        }
    }
}

/// The bytes of a quoted request that are enough to know it by.
const QUOTE: usize = 20;

/// Whether two addresses are the same, whatever link the system found one of them on.
fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip(), a.port()) == (b.ip(), b.port())
}
