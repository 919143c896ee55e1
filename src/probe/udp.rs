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
//! left for the silent ports before it. Where no port had, a port that another probe asks takes its
//! place, as it may have drawn one there. The third round comes more than a second after the first,
//! when the node has at least one error to send again, whoever had spent the others; the rest of
//! the range keeps quiet for it.
//!
//! Where it is asked for, the edges between ports that answer and ports that do not are looked for
//! behind all that (`extent`).

mod dialled;
mod doubts;
mod extent;
mod heard;
mod pace;
mod rest;
mod rounds;
mod search;
mod watched;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::model::dial::Destination;
use crate::model::facts::{
    ExtentFacts, Facts, Sentinel, SweepFacts, UdpAnswer, UdpFacts, UdpPortFacts,
};
use crate::model::observation::{Blindness, Outcome};
use crate::model::port::{Port, PortRange};
use crate::model::probe::{ExtentLimits, SweepLoad, UdpRate};
use crate::model::target::Endpoint;
use crate::net::udp::{LARGEST, Refusals, Sockets};
use crate::net::{Limits, Network};
use crate::proto::stun::PortIds;

use dialled::Elsewhere;
use doubts::Doubts;
use pace::Pace;
use rest::Rest;
use rounds::{Due, MOST_SENTINELS, QUIET_BEFORE, ROUNDS, Round};
use watched::{Asked, Watched};

/// What is looked at besides the ports that are named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Besides {
    /// Every port of it is asked.
    pub then: Option<PortRange>,
    /// The edges in it are looked for.
    pub extent: Option<PortRange>,
    /// It is the sentinel where no port that was named drew an error: another probe asks it.
    pub sentinel: Option<Port>,
}

/// Sends Binding requests to `ports` of `address`, then to all others of a range, and collects what
/// comes back until every port answered, or the time-out after the last first copy for one of
/// `ports`; then looks for edges. Returns the most copies that one port was sent.
pub async fn run(
    net: &Network,
    address: IpAddr,
    ports: &[Port],
    besides: Besides,
) -> (u32, Outcome) {
    run_with(net, address, ports, besides, Refusals::of_this_system()).await
}

/// The same, telling refused ports from silent ones as `refusals` says. Where there is no error
/// queue only the ports that are named are asked; the facts say that the others were not.
pub async fn run_with(
    net: &Network,
    address: IpAddr,
    ports: &[Port],
    besides: Besides,
    refusals: Refusals,
) -> (u32, Outcome) {
    let mut sweep = Sweep::new(net, address, ports, besides);
    sweep.refusals = refusals;
    if refusals == Refusals::ByFailing
        && let Some(rest) = &mut sweep.rest
    {
        rest.leave_out();
    }
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

/// How long the last copy is waited for at least.
const LAST_ANSWER: Duration = Duration::from_millis(280);

/// How long to wait when the system has no buffer left.
const ROOM: Duration = Duration::from_millis(2);

/// How many datagrams are sent before others have their turn.
const IN_A_ROW: usize = 64;

/// How many events are taken before we look at the time, so that a flood cannot hold us.
const AT_ONCE: usize = 256;

/// How long before the end of the run a sweep ends, so that what it saw is told.
const FOR_THE_FACTS: Duration = Duration::from_millis(500);

/// How long until a sweep looks again whether its address answered something of the deployment's.
const UNTIL_ALLOWED: Duration = Duration::from_millis(10);

/// How long a busy machine may take to send what goes ahead of these ports.
const FOR_SERVICES: Duration = Duration::from_millis(150);

/// A turn among the sweeps of all addresses.
#[derive(Debug, Clone, Copy)]
struct Turn {
    at: Instant,
    datagrams: u32,
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
    /// Those of them and of the rest that are dialled elsewhere.
    elsewhere: Elsewhere,
    /// Where in `ports` a port is.
    places: HashMap<Port, usize>,
    /// How many named ports are not settled.
    waiting: usize,
    round: Round,
    /// The other ports of a range.
    rest: Option<Rest>,
    pace: Pace,
    /// When the next datagrams to the rest may leave, and how many: the rate of all addresses is one.
    turn: Option<Turn>,
    /// When the newest first copy was sent.
    newest: Instant,
    /// When the newest copy was sent.
    last: Instant,
    sentinels: Vec<Asked>,
    /// The one where no port that was named drew an error.
    sentinel_elsewhere: Option<Port>,
    /// Whether an ICMP error came for any port.
    drew_error: bool,
    /// The range in which edges are looked for.
    extent_of: Option<PortRange>,
    /// What was found of them.
    extent: Option<ExtentFacts>,
    refusals: Refusals,
    /// The second questions about ports from which something came that holds nothing of the first one.
    again: Doubts,
    /// What kept a datagram from being sent.
    trouble: Option<Blindness>,
}

impl<'a> Sweep<'a> {
    fn new(net: &'a Network, address: IpAddr, ports: &[Port], besides: Besides) -> Self {
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
        let for_named = u32::try_from(watched.len() * ROUNDS.len() + MOST_SENTINELS);
        let for_extent =
            besides.extent.map_or(0, |_| ExtentLimits::STEPS * ExtentLimits::DATAGRAMS_OF_STEP);
        let for_others = for_named.unwrap_or(u32::MAX).saturating_add(for_extent);
        let budget = UdpRate::MOST_DATAGRAMS.saturating_sub(for_others);
        let rest = besides.then.map(|range| Rest::new(range, ports, budget));
        let of_named = watched.iter().map(|port| (port.port, port.dialled));
        let of_rest = rest.iter().flat_map(Rest::ports);
        let of_rest = of_rest.map(|port| (port, net.dial.dialled(Endpoint { address, port })));
        let elsewhere = Elsewhere::new(address, of_named.chain(of_rest));
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
            rest,
            elsewhere,
            pace: Pace::new(net.limits.udp_rate.of_address(), started),
            turn: None,
            newest: started,
            last: started,
            sentinels: Vec::new(),
            sentinel_elsewhere: besides.sentinel.filter(|port| !ports.contains(port)),
            drew_error: false,
            extent_of: besides.extent,
            extent: None,
            refusals: Refusals::of_this_system(),
            again: Doubts::default(),
            trouble: None,
        }
    }

    /// # Errors
    /// When we could not look at all.
    async fn run(&mut self) -> Result<(), Blindness> {
        let Some(mut socket) = self.socket()? else {
            return Ok(());
        };
        self.ask_all(&mut socket).await?;
        self.end_doubts().await;
        if let Some(range) = self.extent_of {
            self.extent = Some(self.find_extent(&mut socket, range).await?);
        }
        Ok(())
    }

    /// # Errors
    /// When we could not look at all.
    async fn ask_all(&mut self, socket: &mut Sockets) -> Result<(), Blindness> {
        self.start().await;
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
            // Whether the rest may be asked is found out elsewhere.
            let end = if self.is_withheld() { end.min(now + UNTIL_ALLOWED) } else { end };
            match due {
                Due::Nothing => socket.wait(end).await?,
                Due::Copy(_) | Due::Sentinel(_) | Due::Rest if at > now || in_a_row > IN_A_ROW => {
                    in_a_row = 0;
                    socket.wait(at.min(end)).await?;
                }
                Due::Copy(place) => self.send(socket, place, end).await,
                Due::Sentinel(port) => self.ask_sentinel(socket, port, end).await,
                Due::Rest => in_a_row += self.send_to_rest(socket, now).await?,
            }
        }
    }

    /// Lets the rounds begin, when it is their turn among those of all addresses, and behind the services
    /// of this one.
    async fn start(&mut self) {
        self.net.sweeps.let_pass(self.address, self.started + FOR_SERVICES).await;
        let turn = self.net.sweeps.turn(u32::try_from(self.named).unwrap_or(u32::MAX));
        sleep_until(turn).await;
        let now = Instant::now();
        self.newest = now;
        self.last = now;
        self.round = Round::new(0, now);
        self.pace = Pace::new(self.net.limits.udp_rate.of_address(), now);
    }

    /// A socket whose own port is not among those that are asked; `None` when nothing is.
    ///
    /// # Errors
    /// When this machine does not give us one.
    fn socket(&self) -> Result<Option<Sockets>, Blindness> {
        let named = self.ports.iter().map(|port| port.dialled);
        let rest = self.rest.iter().flat_map(Rest::ports);
        let places: Vec<SocketAddr> = named.chain(rest.map(|port| self.dialled(port))).collect();
        Sockets::new(self.refusals, &places)
    }

    fn destination(&self, port: Port) -> Destination {
        let address = self.address;
        self.net.dial.destination(Endpoint { address, port })
    }

    fn dialled(&self, port: Port) -> SocketAddr {
        self.destination(port).dialled
    }

    /// Whether there is a rest that may not be asked, at least so far.
    fn is_withheld(&self) -> bool {
        let has_rest = self.rest.as_ref().is_some_and(|rest| !rest.is_left_out());
        has_rest && !self.may_sweep()
    }

    /// Whether every port of the range may be asked.
    fn may_sweep(&self) -> bool {
        let address = self.address;
        let is_own = self.ports.first().is_some_and(|port| port.dialled.ip().is_loopback());
        is_own || self.net.sweeps.is_allowed(address)
    }

    /// Whether ports of the rest are still to be asked.
    fn has_more(&mut self) -> bool {
        let may_sweep = self.may_sweep();
        let next = self.rest.as_mut().filter(|_| may_sweep).and_then(Rest::next);
        next.is_some()
    }

    /// When the probe is over, as things stand.
    fn end(&mut self) -> Instant {
        let Limits { timeout, probe, udp_rate, sweeping, run_ends, .. } = self.net.limits;
        let silence = (self.newest + timeout).max(self.last + LAST_ANSWER.min(timeout));
        let longest = self.rest.as_ref().map_or(probe, |rest| {
            let sending = rest.longest(udp_rate.of_address()).max(sweeping) * SweepLoad::PATIENCE;
            probe.max(sending + timeout + QUIET_BEFORE)
        });
        let latest = self.started + longest;
        if !self.has_more() {
            return silence.min(latest);
        }
        // Those that were named are waited for in any case.
        let in_time = |run_ends: Instant| (run_ends - FOR_THE_FACTS).max(self.newest + timeout);
        run_ends.map_or(latest, |run_ends| latest.min(in_time(run_ends)))
    }

    /// Whether nothing is left to wait for.
    fn is_settled(&mut self) -> bool {
        self.waiting == 0
            && !self.has_more()
            && !self.is_withheld()
            && self.rest.iter().all(|rest| rest.waiting().next().is_none())
    }

    async fn send(&mut self, socket: &mut Sockets, place: usize, end: Instant) {
        let watched = &mut self.ports[place];
        let is_first = self.round.number == 0;
        self.round.next = place + 1;
        let port = watched.port;
        let request = self.ids.datagram(port);
        if !is_first {
            self.net.sweeps.turn(1);
        }
        let sent = socket.send(&request, watched.dialled, end).await;
        let now = Instant::now();
        self.pace.left(now, 1);
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

    /// Asks a sentinel. When it cannot be sent, nothing follows from it.
    async fn ask_sentinel(&mut self, socket: &mut Sockets, port: Port, end: Instant) {
        self.round.sentinels += 1;
        let ids = PortIds::new(rand::random());
        let sent = socket.send(&ids.datagram(port), self.dialled(port), end).await;
        let at = Instant::now();
        self.pace.left(at, 1);
        self.sentinels.push(Asked { port, ids, at, answered: false });
        match sent {
            Ok(()) => self.last = at,
            Err(trouble) => {
                self.trouble.get_or_insert(trouble);
            }
        }
    }

    /// Sends as many copies to the rest as the pace allows now, and tells how many left.
    ///
    /// # Errors
    /// When the runtime cannot wait any more.
    async fn send_to_rest(
        &mut self,
        socket: &mut Sockets,
        now: Instant,
    ) -> Result<usize, Blindness> {
        let sent_ms = self.ms(now);
        let (address, dial) = (self.address, &self.net.dial);
        let (Some(rest), Some(turn)) = (&mut self.rest, self.turn) else {
            return Ok(0);
        };
        let together: Vec<_> = rest
            .upcoming(turn.datagrams as usize)
            .map(|port| {
                let to = dial.dialled(Endpoint { address, port });
                (self.ids.datagram(port), to)
            })
            .collect();
        match socket.send_many(&together) {
            Ok(0) => socket.wait(now + ROOM).await.map(|()| 0),
            Ok(sent) => {
                for _ in 0..sent {
                    rest.next();
                    rest.left(sent_ms);
                }
                let sent_now = u32::try_from(sent).unwrap_or(u32::MAX);
                self.pace.left(now, sent_now);
                self.net.sweeps.count(sent_now);
                self.turn = None;
                self.last = now;
                Ok(sent)
            }
            Err(trouble) => {
                rest.failed();
                self.turn = None;
                self.trouble.get_or_insert(trouble);
                Ok(0)
            }
        }
    }

    /// Milliseconds from the probe's start.
    fn ms(&self, at: Instant) -> u64 {
        super::milliseconds(at - self.started)
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
        let withheld = self.is_withheld();
        let swept = self.rest.as_ref().map(Rest::facts);
        UdpFacts {
            ports: self.ports.iter().map(|port| self.facts_of(port)).collect(),
            swept: swept.map(|swept| SweepFacts { withheld, ..swept }),
            sentinels: sentinels.collect(),
            extent: self.extent,
        }
    }
}
