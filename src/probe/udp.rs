//! What UDP ports of one address send back for STUN Binding requests: data, an ICMP error, or
//! nothing.
//!
//! One socket talks to all ports, in the order they were given: a Linux node answers six datagrams
//! to closed ports at once, and then one a second (`icmp_ratelimit`), so that who comes first
//! decides what can be learned.
//!
//! What is silent is asked again in a second and a third round, and behind each of these a port
//! that had answered with an ICMP error, the sentinel: when it answers again, the node had errors
//! left for the silent ports before it. The third round comes more than a second after the first,
//! when the node has at least one error to send again, whoever had spent the others.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::facts::{
    Facts, FirstBytes, IcmpError, Sentinel, UdpAnswer, UdpFacts, UdpPortFacts,
};
use crate::model::observation::{Blindness, Outcome};
use crate::model::port::Port;
use crate::model::target::{Endpoint, Family};
use crate::net::stun::is_final;
use crate::net::udp::{Event, LARGEST, Socket};
use crate::net::{Network, icmp};
use crate::proto::first_bytes;
use crate::proto::stun::{PortIds, Reading};

/// Sends Binding requests to `ports` of `address`, and collects what comes back until every port
/// answered, or the time-out after the last port's first copy. Returns the most copies that one
/// port was sent.
pub async fn run(net: &Network, address: IpAddr, ports: &[Port]) -> (u32, Outcome) {
    let mut sweep = Sweep::new(net, address, ports);
    let ended = sweep.run(net).await;
    let copies = sweep.ports.iter().map(|port| port.sent.len()).max();
    let attempts = copies.map_or(1, |copies| u32::try_from(copies).unwrap_or(u32::MAX));
    let outcome = match (ended, sweep.trouble.take()) {
        (Err(trouble), _) => Outcome::Blind(trouble),
        // Nothing got out at all.
        (Ok(()), Some(trouble)) if attempts == 0 => Outcome::Blind(trouble),
        (Ok(()), _) => Outcome::Saw(Facts::Udp(sweep.into_facts())),
    };
    (attempts.max(1), outcome)
}

/// When each round begins, counted from the first one. The last is more than a second (the time
/// in which a Linux node gets one more ICMP error to send) behind it, and a little before a SYN
/// that was sent at the same time is sent again.
const ROUNDS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(350),
    Duration::from_millis(1020),
];

/// How long the last copy is waited for at least.
const LAST_ANSWER: Duration = Duration::from_millis(280);

/// How many datagrams leave in a millisecond: 20,000 a second, which small firewalls stand.
const PER_MILLISECOND: usize = 20;

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
struct Sweep {
    started: Instant,
    ids: PortIds,
    ports: Vec<Watched>,
    /// Where in `ports` a port is.
    places: HashMap<Port, usize>,
    /// How many ports are not settled.
    waiting: usize,
    round: Round,
    /// When the newest first copy was sent.
    newest: Instant,
    /// When the newest copy was sent.
    last: Instant,
    /// The ids of sentinels, so that their answers are told from those of first copies.
    sentinel_ids: PortIds,
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
    /// How many datagrams it has sent.
    sent: usize,
    /// Whether its sentinel was asked. The first round needs none: whoever answers in it is one.
    has_sentinel: bool,
}

/// A sentinel that was asked.
struct Asked {
    port: Port,
    at: Instant,
    answered: bool,
}

/// What is to be sent next.
enum Due {
    /// A copy for the port at this place.
    Copy(usize),
    /// The sentinel at this place, behind the last copy of a round.
    Sentinel(usize),
    /// Nothing more.
    Nothing,
}

impl Sweep {
    fn new(net: &Network, address: IpAddr, ports: &[Port]) -> Self {
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
            started,
            ids: PortIds::new(rand::random()),
            waiting: watched.len(),
            ports: watched,
            places,
            round: Round {
                number: 0,
                started,
                next: 0,
                sent: 0,
                has_sentinel: true,
            },
            newest: started,
            last: started,
            sentinel_ids: PortIds::new(rand::random()),
            sentinels: Vec::new(),
            trouble: None,
        }
    }

    /// # Errors
    /// When we could not look at all.
    async fn run(&mut self, net: &Network) -> Result<(), Blindness> {
        let Some(first) = self.ports.first() else {
            return Ok(());
        };
        let family = Family::of(first.dialled.ip());
        let avoid: Vec<u16> = self.ports.iter().map(|port| port.dialled.port()).collect();
        let mut socket = Socket::unconnected(family, &avoid)?;
        let mut buffer = [0; LARGEST];
        loop {
            for _ in 0..AT_ONCE {
                let Some(event) = socket.take(&mut buffer)? else {
                    break;
                };
                self.note(event, &buffer);
            }
            let now = Instant::now();
            let end = (self.newest + net.limits.timeout)
                .max(self.last + LAST_ANSWER.min(net.limits.timeout))
                .min(self.started + net.limits.probe);
            if self.waiting == 0 || now >= end {
                return Ok(());
            }
            let (due, at) = self.next_due();
            match due {
                Due::Nothing => socket.wait(end).await?,
                Due::Copy(_) | Due::Sentinel(_) if at > now => socket.wait(at.min(end)).await?,
                Due::Copy(place) => self.send(&mut socket, place, end).await,
                Due::Sentinel(place) => self.ask_sentinel(&mut socket, place, end).await,
            }
        }
    }

    /// What is to be sent next, and when.
    fn next_due(&mut self) -> (Due, Instant) {
        loop {
            let round = &mut self.round;
            while self.ports.get(round.next).is_some_and(Watched::is_settled) {
                round.next += 1;
            }
            let paced = Duration::from_millis((round.sent / PER_MILLISECOND) as u64);
            let at = round.started + paced;
            if round.next < self.ports.len() {
                return (Due::Copy(round.next), at);
            }
            let sentinel = self.ports.iter().position(Watched::is_refused);
            if let (false, Some(place)) = (round.has_sentinel, sentinel) {
                return (Due::Sentinel(place), at);
            }
            let number = round.number + 1;
            let Some(offset) = ROUNDS.get(number) else {
                return (Due::Nothing, at);
            };
            let begins = (self.started + *offset).max(at);
            if Instant::now() < begins {
                return match self.ports.iter().position(|port| !port.is_settled()) {
                    Some(place) => (Due::Copy(place), begins),
                    None => (Due::Nothing, begins),
                };
            }
            self.round = Round {
                number,
                started: begins,
                next: 0,
                sent: 0,
                has_sentinel: false,
            };
        }
    }

    async fn send(&mut self, socket: &mut Socket, place: usize, end: Instant) {
        let watched = &mut self.ports[place];
        let is_first = self.round.number == 0;
        self.round.next = place + 1;
        self.round.sent += 1;
        let request = self.ids.request(watched.port);
        let sent = socket.send(request.bytes(), watched.dialled, end).await;
        let now = Instant::now();
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
                    self.settle(place, UdpAnswer::NotSent);
                }
            }
        }
    }

    /// Asks a port once more that had answered with an ICMP error. When it cannot be sent, nothing
    /// follows from it.
    async fn ask_sentinel(&mut self, socket: &mut Socket, place: usize, end: Instant) {
        self.round.has_sentinel = true;
        let watched = &self.ports[place];
        let request = self.sentinel_ids.request(watched.port);
        let sent = socket.send(request.bytes(), watched.dialled, end).await;
        let at = Instant::now();
        self.sentinels.push(Asked {
            port: watched.port,
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

    fn note(&mut self, event: Event, buffer: &[u8]) {
        match event {
            Event::Datagram { from, bytes } => self.note_datagram(from, &buffer[..bytes]),
            Event::Icmp {
                destination,
                payload,
                error,
            } => {
                if let Some(port) = self.sentinel_ids.port_of(&payload) {
                    self.note_sentinel(port);
                } else if let Some(place) = self.place_of_quote(destination, &payload) {
                    self.note_icmp(place, error);
                }
            }
        }
    }

    fn note_datagram(&mut self, from: SocketAddr, message: &[u8]) {
        let Some(port) = self.ids.port_of(message) else {
            // It does not say which port it answers.
            if let Some(place) = self.waiting_for(from) {
                let first_bytes = match message {
                    [] => FirstBytes::Binary(String::new()),
                    _ => first_bytes::recognise(message),
                };
                self.settle(place, UdpAnswer::Data(first_bytes));
            }
            return;
        };
        let Some(place) = self.place(port, from) else {
            return;
        };
        let answer = match self.ids.request(port).read(message) {
            Reading::Answer(_) => UdpAnswer::Stun,
            // Such as our own request, repeated by an echo service.
            Reading::Stray(_) => UdpAnswer::Data(first_bytes::recognise(message)),
        };
        self.settle(place, answer);
    }

    /// The newest sentinel of this port is the one that can still be answered.
    fn note_sentinel(&mut self, port: Port) {
        let asked = self.sentinels.iter_mut().rev();
        if let Some(sentinel) = asked.into_iter().find(|sentinel| sentinel.port == port) {
            sentinel.answered = true;
        }
    }

    fn note_icmp(&mut self, place: usize, error: IcmpError) {
        let watched = &mut self.ports[place];
        let target = watched.dialled.ip();
        // Looking up our own addresses is dear, and errors mostly come from the target.
        if error.from != Some(target)
            && let Some(trouble) = icmp::own_trouble(&error, target)
        {
            // It never left this machine.
            watched.sent.clear();
            self.trouble.get_or_insert(trouble);
            self.settle(place, UdpAnswer::NotSent);
        } else if is_final(&error) {
            self.settle(place, UdpAnswer::Icmp(error));
        } else {
            self.ports[place].answer.get_or_insert(Answer {
                what: UdpAnswer::Icmp(error),
                at: Instant::now(),
                is_final: false,
            });
        }
    }

    /// The first final answer stays.
    fn settle(&mut self, place: usize, what: UdpAnswer) {
        let watched = &mut self.ports[place];
        if watched.is_settled() {
            return;
        }
        watched.answer = Some(Answer {
            what,
            at: Instant::now(),
            is_final: true,
        });
        self.waiting -= 1;
    }

    /// The place of the datagram that an ICMP error is about.
    fn place_of_quote(&self, destination: Option<SocketAddr>, quote: &[u8]) -> Option<usize> {
        match (self.ids.port_of(quote), destination) {
            (Some(port), Some(destination)) => self.place(port, destination),
            (Some(port), None) => self.places.get(&port).copied(),
            // Routers need to quote no more than the UDP header (RFC 792).
            (None, Some(destination)) if quote.len() < QUOTE => self.waiting_for(destination),
            (None, _) => None,
        }
    }

    /// The place of `port`, when it is the one dialled there.
    fn place(&self, port: Port, dialled: SocketAddr) -> Option<usize> {
        let place = *self.places.get(&port)?;
        is_same(self.ports[place].dialled, dialled).then_some(place)
    }

    /// The first place that was dialled there and waits for an answer.
    fn waiting_for(&self, dialled: SocketAddr) -> Option<usize> {
        self.ports.iter().position(|port| {
            !port.is_settled() && !port.sent.is_empty() && is_same(port.dialled, dialled)
        })
    }

    fn into_facts(self) -> UdpFacts {
        let started = self.started;
        let ms = |at: Instant| u64::try_from((at - started).as_millis()).unwrap_or(u64::MAX);
        let facts = |watched: Watched| {
            let answered = watched.answer.as_ref();
            let answered_ms = answered
                .filter(|answer| answer.what != UdpAnswer::NotSent)
                .map(|answer| ms(answer.at));
            UdpPortFacts {
                port: watched.port,
                answered_ms,
                answer: match watched.answer {
                    Some(answer) => answer.what,
                    None if watched.sent.is_empty() => UdpAnswer::NotSent,
                    None => UdpAnswer::Silent,
                },
                sent_ms: watched.sent.into_iter().map(ms).collect(),
            }
        };
        let sentinels = self.sentinels.iter().map(|asked| Sentinel {
            port: asked.port,
            sent_ms: ms(asked.at),
            answered: asked.answered,
        });
        UdpFacts {
            sentinels: sentinels.collect(),
            ports: self.ports.into_iter().map(facts).collect(),
        }
    }
}

/// The bytes of a quoted request that are enough to know it by.
const QUOTE: usize = 20;

/// Whether two addresses are the same, whatever link the system found one of them on.
fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    (a.ip(), a.port()) == (b.ip(), b.port())
}
