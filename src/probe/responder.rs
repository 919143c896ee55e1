//! What a responder on the node (`ovcheck listen`) saw of our UDP probes and connection attempts.
//!
//! Two sockets: one sends the probes, the other one asks. A firewall that lets answers in would take the
//! next probe for one, once the responder had answered to the port that probes come from. For the same
//! reason no probe is answered.
//!
//! Every port gets one copy. What has not passed gets more, until it is not likely any more that even one
//! port is missing by mere loss. How much the network loses shows the probes to ports that are reached:
//! the responder counts them.

mod syns;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::model::facts::{
    Facts, ResponderAnswer, ResponderFacts, ResponderSweep, SentToAll, SynSweep,
};
use crate::model::observation::{Blindness, LocalTrouble, Outcome};
use crate::model::port::{Port, PortRange};
use crate::model::probe::UdpRate;
use crate::model::responder::{PortRedirect, PortSet, ReversePathFilter, SessionId};
use crate::model::target::Endpoint;
use crate::net::udp::{Event, LARGEST, Socket};
use crate::net::{Network, tcp};
use crate::proto::responder::syn::ATTEMPTS;
use crate::proto::responder::{
    Answer, Head, HelloAnswer, Kind, PORTS_OF_REPORT, PortsSeen, SessionKey, Unverified, VERSION,
    announcement, request,
};
use syns::Syns;

/// The most copies of a probe.
const MOST_COPIES: u8 = 6;

/// So many probes go to ports that are reached, in each round of repeats: a measure of loss.
const MEASURING: usize = 300;

/// It is good enough when of all ports fewer than this are missing by mere loss, on average.
const FEW: f64 = 0.001;

/// How long a probe may be on its way inside the node.
const SETTLING: Duration = Duration::from_millis(50);

/// How long after each other the connection attempts to a port are made.
const BETWEEN_KNOCKS: Duration = Duration::from_millis(15);

/// How often a question is sent, and how long each answer is waited for beside a round trip.
const ASKED: usize = 6;
const ANSWER: Duration = Duration::from_millis(150);

/// When HELLO is sent again, in milliseconds after the first time.
const HELLO_AT: [u64; 5] = [0, 100, 300, 700, 1_100];

/// HELLO goes to so many ports besides the single ones.
const RANDOM_PORTS: usize = 3;
const MOST_DOORS: usize = 16;

/// As many datagrams leave at once.
const BURST: usize = 32;

/// How much of the time that was lost is caught up.
const CATCH_UP: Duration = Duration::from_millis(5);

/// Buffers that hold fewer probes get them more slowly, by this rate.
const ENOUGH_ROOM: u32 = 5_000;
const SLOW: u32 = 4_000;

/// How long before the end of the run the probe ends, so that what it learned is told.
const FOR_THE_FACTS: Duration = Duration::from_millis(500);

/// Asks the responder at `address` what becomes of probes to the UDP ports `ports` and of connections to the
/// TCP ports `tcp`. Returns the most copies that one port was sent.
pub async fn run(
    net: &Network,
    address: IpAddr,
    ports: &[PortRange],
    tcp: &[PortRange],
) -> (u32, Outcome) {
    let mut sweep = match Sweep::new(net, address, ports, tcp) {
        Ok(sweep) => sweep,
        Err(trouble) => return (1, Outcome::Blind(trouble)),
    };
    let session = sweep.session;
    let answer = sweep.run().await;
    let copies = sweep.copies.values().copied().max().unwrap_or(0);
    // Those that measure the loss do not count.
    let copies = copies.clamp(1, MOST_COPIES.into());
    (
        copies,
        match answer {
            Ok(answer) => {
                let sent = sweep.sent_to_all();
                Outcome::Saw(Facts::Responder(ResponderFacts { session, sent, answer }))
            }
            Err(trouble) => Outcome::Blind(trouble),
        },
    )
}

struct Sweep<'a> {
    net: &'a Network,
    session: SessionId,
    key: SessionKey,
    /// The port that is dialled for each port, in ascending order; mostly the same.
    ports: Vec<(Port, SocketAddr)>,
    probes: Socket,
    questions: Socket,
    /// Where questions are sent: what answered comes first.
    doors: Vec<SocketAddr>,
    round_trip: Duration,
    ends: Instant,
    gap: Duration,
    due: Instant,
    /// How many copies each dialled port got.
    copies: HashMap<u16, u32>,
    /// By dialled ports.
    seen: PortsSeen,
    redirects: Vec<PortRedirect>,
    /// The probes that arrived, as the responder counts them, and what it lost, at each report.
    arrived: u32,
    lost: Vec<u64>,
    syns: Syns,
}

impl<'a> Sweep<'a> {
    fn new(
        net: &'a Network,
        address: IpAddr,
        ranges: &[PortRange],
        tcp: &[PortRange],
    ) -> Result<Self, Blindness> {
        let token = net.responders.get(&address).ok_or(LocalTrouble::NothingAsked)?;
        let session = SessionId(rand::random());
        let dialled = |ranges: &[PortRange]| -> Vec<(Port, SocketAddr)> {
            let all: PortSet = ranges.iter().flat_map(|range| ports_of(*range)).collect();
            all.ports().map(|port| (port, net.dial.dialled(Endpoint { address, port }))).collect()
        };
        let (ports, tcp_ports) = (dialled(ranges), dialled(tcp));
        // Questions are asked over UDP, and any number serves.
        let asked = if ports.is_empty() { &tcp_ports } else { &ports };
        let (_, first) = *asked.first().ok_or(LocalTrouble::NothingAsked)?;
        let doors = doors(asked);
        let avoid: Vec<u16> = asked.iter().map(|(_, to)| to.port()).collect();
        let is_one_machine = asked.iter().all(|(_, to)| to.ip() == first.ip());
        let open = || match is_one_machine {
            true => Socket::toward(first, &avoid),
            false => Socket::unconnected(crate::model::target::Family::of(first.ip()), &avoid),
        };
        let started = Instant::now();
        let ends = started + longest(net, ranges);
        let in_run = net.limits.run_ends.map(|run_ends| run_ends - FOR_THE_FACTS);
        let ends = in_run.map_or(ends, |in_run| ends.min(in_run));
        Ok(Self {
            net,
            session,
            key: SessionKey::new(token, session),
            doors,
            ports,
            probes: open()?,
            questions: open()?,
            round_trip: Duration::ZERO,
            ends,
            gap: net.limits.udp_rate.of_address().gap(),
            due: started,
            copies: HashMap::new(),
            seen: PortsSeen::default(),
            redirects: Vec::new(),
            arrived: 0,
            lost: Vec::new(),
            syns: Syns::new(tcp_ports, ends.saturating_duration_since(started)),
        })
    }

    /// # Errors
    /// When we could not look at all.
    async fn run(&mut self) -> Result<ResponderAnswer, Blindness> {
        let hello = match self.hello().await? {
            Some(Answer::Hello(hello)) if hello.is_busy => return Ok(ResponderAnswer::Busy),
            Some(Answer::Hello(hello)) => hello,
            Some(Answer::Report(_) | Answer::Announced | Answer::Syns(_)) | None => {
                // It may see us though we do not hear it.
                self.announce(Announcing::Unheard).await?;
                self.knock(0).await;
                for copy in 0..2 {
                    self.send_round(copy, &self.places_not_passed()).await?;
                    self.knock(copy + 1).await;
                }
                return Ok(ResponderAnswer::Silent);
            }
            Some(Answer::OtherVersion(version)) => {
                return Ok(ResponderAnswer::OtherVersion(version));
            }
        };
        self.slow_down_for(hello);
        self.announce(Announcing::Heard).await?;
        let mut is_settled = self.ports.is_empty();
        for copy in 0..MOST_COPIES {
            let knocks = !self.are_syns_over();
            if knocks {
                self.knock(0).await;
            }
            if !is_settled {
                let places = match copy {
                    0 | 1 => self.places_not_passed(),
                    // What arrived twice and was stopped twice is stopped.
                    _ => self.places_not_arrived(),
                };
                self.send_round(copy, &places).await?;
                if copy > 0 {
                    self.measure(copy).await?;
                }
            }
            for attempt in (1..ATTEMPTS).filter(|_| knocks) {
                // A firewall that limits a rate lets later ones in.
                sleep_until(self.ends.min(Instant::now() + BETWEEN_KNOCKS)).await;
                self.knock(attempt).await;
            }
            sleep_until(self.ends.min(Instant::now() + SETTLING + self.round_trip)).await;
            let syns_are_told = !knocks || self.syn_report().await?;
            let is_told = is_settled || self.report().await?;
            is_settled = is_settled || is_told && self.is_settled();
            let is_over = is_settled && (self.are_syns_over() || !syns_are_told);
            if is_over || !is_told || Instant::now() >= self.ends {
                break;
            }
        }
        Ok(ResponderAnswer::Told(self.told(is_settled, hello.reverse_path_filter)))
    }

    /// The loss that the probes over UDP showed.
    fn loss_of_udp(&self) -> Option<f64> {
        (self.sent_to_arrived() > 0).then(|| self.loss())
    }

    fn are_syns_over(&self) -> bool {
        self.syns.is_over(self.loss_of_udp(), FEW)
    }

    fn syns_told(&self) -> SynSweep {
        self.syns.told(self.loss_of_udp(), FEW)
    }

    fn sent_to_all(&self) -> SentToAll {
        let copies = self.ports.iter().map(|(_, to)| self.copies_of(to.port()));
        SentToAll {
            udp_copies: copies.min().unwrap_or(0),
            tcp_attempts: self.syns.attempts_of_all(),
        }
    }

    /// Says which connection attempts will come.
    ///
    /// # Errors
    /// When this machine could not send at all.
    async fn announce(&mut self, announcing: Announcing) -> Result<(), Blindness> {
        if self.syns.announcement().ports.is_empty() {
            return Ok(());
        }
        for round in 0..ASKED {
            let doors = match announcing {
                Announcing::Heard => vec![self.doors[round % self.doors.len()]],
                Announcing::Unheard => self.doors.clone(),
            };
            for door in doors {
                let head = self.head(Kind::Announce, 0, door.port(), 0);
                let bytes = announcement(&self.key, head, self.syns.announcement());
                self.questions.send(&bytes, door, self.ends).await?;
            }
            match announcing {
                Announcing::Unheard if round > 0 => return Ok(()),
                Announcing::Unheard => {}
                Announcing::Heard => {
                    let until = self.ends.min(Instant::now() + ANSWER + self.round_trip * 2);
                    while let Some((_, answer)) = self.answer(until).await? {
                        if answer == Answer::Announced {
                            self.syns.is_announced = true;
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes one attempt for each TCP port that has not passed.
    async fn knock(&mut self, attempt: u8) {
        for (count, (place, to, size)) in self.syns.of_round(attempt).into_iter().enumerate() {
            if self.syns.is_blind || Instant::now() >= self.ends {
                break;
            }
            match tcp::knock(to, size) {
                Ok(()) => self.syns.sent(place),
                // What this machine does not send cannot be missing there.
                Err(_) => self.syns.is_blind = true,
            }
            syns::pace(count).await;
        }
    }

    /// Asks which connection attempts arrived so far. Whether it was told.
    ///
    /// # Errors
    /// When this machine could not send at all.
    async fn syn_report(&mut self) -> Result<bool, Blindness> {
        let mut asked = HashSet::new();
        for round in 0..ASKED {
            let door = self.doors[round % self.doors.len()];
            let question = self.head(Kind::SynReport, 0, door.port(), 0);
            asked.insert(question.transaction);
            self.questions.send(&request(&self.key, question), door, self.ends).await?;
            let until = self.ends.min(Instant::now() + ANSWER + self.round_trip * 2);
            while let Some((head, answer)) = self.answer(until).await? {
                if let Answer::Syns(report) = answer
                    && asked.contains(&head.transaction)
                {
                    self.syns.add(&report);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn slow_down_for(&mut self, hello: HelloAnswer) {
        if hello.room < ENOUGH_ROOM
            && let Some(slow) = UdpRate::new(SLOW)
        {
            self.gap = self.gap.max(slow.gap());
        }
    }

    /// The places of the ports that neither passed nor were sent on so far.
    fn places_not_passed(&self) -> Vec<usize> {
        self.places(|port| !self.seen.passed.contains(port) && !self.seen.forwarded.contains(port))
    }

    fn places_not_arrived(&self) -> Vec<usize> {
        self.places(|port| !self.seen.arrived.contains(port))
    }

    fn places(&self, is_wanted: impl Fn(u16) -> bool) -> Vec<usize> {
        let places = self.ports.iter().enumerate();
        places.filter(|(_, (_, to))| is_wanted(to.port())).map(|(place, _)| place).collect()
    }

    /// Whether nothing more would be learned: what did not arrive is not missing by mere loss, and the
    /// responder lost nothing since the report before this one.
    fn is_settled(&self) -> bool {
        let missing = self.places_not_arrived();
        let not_passed = self.places_not_passed();
        let copies = |places: &[usize]| {
            let of_each = places.iter().map(|place| self.copies_of(self.ports[*place].1.port()));
            of_each.min().unwrap_or(0)
        };
        // A firewall that limits a rate lets the second copy in.
        if copies(&not_passed) < 2 && !not_passed.is_empty() {
            return false;
        }
        let has_lost = match self.lost.as_slice() {
            [.., before, now] => now > before,
            [_] | [] => false,
        };
        // Of all ports that were asked, and not of those that are missing: the ones that were lost are
        // among these already.
        let asked = f64::from(u32::try_from(self.ports.len()).unwrap_or(u32::MAX));
        let by_chance =
            asked * self.loss().powi(i32::try_from(copies(&missing)).unwrap_or(i32::MAX));
        not_passed.is_empty() || !has_lost && (missing.is_empty() || by_chance < FEW)
    }

    /// The share of probes that the network loses; never less than what was not measured.
    fn loss(&self) -> f64 {
        let sent = self.sent_to_arrived();
        let lost = sent.saturating_sub(self.arrived);
        f64::from(lost + 1) / f64::from(sent + 1)
    }

    fn sent_to_arrived(&self) -> u32 {
        let reached = self.copies.iter().filter(|(port, _)| self.seen.arrived.contains(**port));
        reached.map(|(_, copies)| *copies).sum()
    }

    fn copies_of(&self, port: u16) -> u32 {
        self.copies.get(&port).copied().unwrap_or(0)
    }

    /// # Errors
    /// When this machine could not send at all.
    async fn send_round(&mut self, copy: u8, places: &[usize]) -> Result<(), Blindness> {
        let mut buffer = [0; LARGEST];
        for burst in places.chunks(BURST) {
            if Instant::now() >= self.ends {
                break;
            }
            let count = u32::try_from(burst.len()).unwrap_or(u32::MAX);
            let now = Instant::now();
            let at = self.due.max(now.checked_sub(CATCH_UP).unwrap_or(now));
            self.due = at + self.gap * count;
            sleep_until(at.max(self.net.sweeps.turn(count))).await;
            let datagrams: Vec<(Vec<u8>, SocketAddr)> = (burst.iter())
                .map(|place| self.ports[*place].1)
                .map(|to| (request(&self.key, self.head(Kind::Probe, copy, to.port(), 0)), to))
                .collect();
            let mut sent = 0;
            while sent < datagrams.len() && Instant::now() < self.ends {
                // What comes back is for others to read; what is left in the queue would fail a probe.
                while self.probes.take(&mut buffer)?.is_some() {}
                match self.probes.send_many(&datagrams[sent..])? {
                    0 => tokio::time::sleep(Duration::from_millis(1)).await,
                    some => sent += some,
                }
            }
            for (_, to) in &datagrams[..sent] {
                *self.copies.entry(to.port()).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Sends probes to ports that are known to be reached, to see how many arrive.
    ///
    /// # Errors
    /// When this machine could not send at all.
    async fn measure(&mut self, copy: u8) -> Result<(), Blindness> {
        let reached = self.places(|port| self.seen.arrived.contains(port));
        if reached.is_empty() {
            return Ok(());
        }
        let step = (reached.len() / MEASURING).max(1);
        let places: Vec<usize> =
            reached.iter().step_by(step).cycle().take(MEASURING).copied().collect();
        self.send_round(copy, &places).await
    }

    fn head(&self, kind: Kind, copy: u8, port: u16, base: u16) -> Head {
        let (transaction, session) = (rand::random(), self.session);
        Head { transaction, version: VERSION, kind, copy, session, port, base }
    }

    /// Looks for the responder, at several ports at once.
    ///
    /// # Errors
    /// When this machine could not send at all.
    async fn hello(&mut self) -> Result<Option<Answer>, Blindness> {
        let begun = Instant::now();
        let end = self.ends.min(begun + self.net.limits.timeout);
        for round in 0..HELLO_AT.len() {
            for door in self.doors.clone() {
                let hello = self.head(Kind::Hello, 0, door.port(), 0);
                self.questions.send(&request(&self.key, hello), door, end).await?;
            }
            let again = HELLO_AT.get(round + 1).copied().map(Duration::from_millis);
            let next = again.map_or(end, |again| end.min(begun + again));
            let sent = Instant::now();
            if let Some((head, answer)) = self.answer(next).await? {
                self.round_trip = sent.elapsed();
                self.prefer(head.port);
                return Ok(Some(answer));
            }
            if next >= end {
                break;
            }
        }
        Ok(None)
    }

    /// The door that answered comes first.
    fn prefer(&mut self, port: u16) {
        self.doors.sort_by_key(|door| door.port() != port);
    }

    /// The next answer of the responder.
    ///
    /// # Errors
    /// When this machine cannot wait any more.
    async fn answer(&mut self, until: Instant) -> Result<Option<(Head, Answer)>, Blindness> {
        let mut buffer = [0; LARGEST];
        loop {
            while let Some(event) = self.questions.take(&mut buffer)? {
                let Event::Datagram { bytes, .. } = event else {
                    continue;
                };
                let read = Unverified::read(&buffer[..bytes]);
                let read = read.filter(|read| read.session() == self.session);
                if let Some(answer) = read.and_then(|read| read.answer(&self.key)) {
                    return Ok(Some(answer));
                }
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            self.questions.wait(until).await?;
        }
    }

    /// Asks what arrived so far. Whether all of it was told.
    ///
    /// # Errors
    /// When this machine could not send at all.
    async fn report(&mut self) -> Result<bool, Blindness> {
        let mut open = self.bases();
        let mut lost = 0;
        // A late answer to an earlier report does not know what came since.
        let mut asked = HashSet::new();
        for round in 0..ASKED {
            // Another door where one does not answer any more.
            let door = self.doors[round % self.doors.len()];
            for base in &open {
                let question = self.head(Kind::Report, 0, door.port(), *base);
                asked.insert(question.transaction);
                self.questions.send(&request(&self.key, question), door, self.ends).await?;
            }
            let until = self.ends.min(Instant::now() + ANSWER + self.round_trip * 2);
            while !open.is_empty()
                && let Some((head, answer)) = self.answer(until).await?
            {
                let Answer::Report(report) = answer else {
                    continue;
                };
                if !asked.contains(&head.transaction) {
                    continue;
                }
                report.add_to(&mut self.seen, head.base);
                self.redirects.retain(|known| !report.redirects.contains(known));
                self.redirects.extend(&report.redirects);
                self.arrived = self.arrived.max(report.probes);
                lost = lost.max(report.lost);
                open.retain(|base| *base != head.base);
            }
            if open.is_empty() {
                self.lost.push(lost);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first ports of the reports that cover all ports.
    fn bases(&self) -> Vec<u16> {
        let mut dialled: Vec<u16> = self.ports.iter().map(|(_, to)| to.port()).collect();
        dialled.sort_unstable();
        let mut bases: Vec<u16> = Vec::new();
        for port in dialled {
            if bases.last().is_none_or(|base| port - base >= PORTS_OF_REPORT) {
                bases.push(port & !7);
            }
        }
        bases
    }

    /// The facts, by the ports that were meant.
    fn told(&self, is_settled: bool, filter: ReversePathFilter) -> ResponderSweep {
        let meant = |is_wanted: &dyn Fn(u16) -> bool| -> Vec<PortRange> {
            let wanted = self.ports.iter().filter(|(_, to)| is_wanted(to.port()));
            wanted.map(|(port, _)| *port).collect::<PortSet>().ranges()
        };
        let seen = &self.seen;
        let has_passed = |port| seen.passed.contains(port) || seen.forwarded.contains(port);
        let redirected = self.redirects.iter().filter_map(|redirect| {
            let from = self.ports.iter().filter(|(_, to)| {
                Port::new(to.port()).is_some_and(|dialled| redirect.ports.contains(dialled))
            });
            let ports: Vec<Port> = from.map(|(port, _)| *port).collect();
            let ports = PortRange::new(*ports.first()?, *ports.last()?).ok()?;
            Some(PortRedirect { ports, to: redirect.to })
        });
        let mut redirected: Vec<PortRedirect> = redirected.collect();
        redirected.sort_unstable();
        let sent = self.sent_to_arrived();
        let stopped = self.places_not_passed();
        let copies = stopped.iter().map(|place| self.copies_of(self.ports[*place].1.port()));
        ResponderSweep {
            asked: meant(&|_| true),
            arrived: meant(&|port| seen.arrived.contains(port)),
            passed: meant(&|port| seen.passed.contains(port)),
            forwarded: meant(&|port| seen.forwarded.contains(port)),
            redirected,
            unsettled: meant(&|port| !is_settled && !has_passed(port)),
            copies: copies.min().unwrap_or(1),
            sent,
            lost: sent.saturating_sub(self.arrived),
            lost_by_responder: match self.lost.as_slice() {
                [first, .., last] => last.saturating_sub(*first),
                [_] | [] => 0,
            },
            reverse_path_filter: filter,
            tcp: Box::new(self.syns_told()),
        }
    }
}

/// Whether a responder is heard that is announced something to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announcing {
    Heard,
    Unheard,
}

fn ports_of(range: PortRange) -> impl Iterator<Item = Port> {
    (range.first().number()..=range.last().number()).filter_map(Port::new)
}

/// How long it may take to ask about these ports: all copies at the rate for one address, and the
/// questions between them.
pub fn longest(net: &Network, ranges: &[PortRange]) -> Duration {
    let ports: u32 = ranges.iter().map(|range| range.count()).sum();
    let gap = net.limits.udp_rate.of_address().gap().max(Duration::from_secs(1) / SLOW);
    gap * ports * u32::from(MOST_COPIES) + net.limits.timeout * 3
}

/// Where questions go: the ports that stand alone, and of the others the ends, the middle and some at
/// random. Any port serves whose packets reach the machine, also one that its firewall drops.
fn doors(ports: &[(Port, SocketAddr)]) -> Vec<SocketAddr> {
    let neighbours = |place: usize| {
        let number = ports[place].0.number();
        let is_next = |other: Option<&(Port, SocketAddr)>, number: Option<u16>| {
            other.map(|(port, _)| port.number()) == number && number.is_some()
        };
        let before = place.checked_sub(1).and_then(|before| ports.get(before));
        (
            is_next(before, number.checked_sub(1)),
            is_next(ports.get(place + 1), number.checked_add(1)),
        )
    };
    // Those that stand alone, then those at an end.
    let mut places: Vec<usize> =
        (0..ports.len()).filter(|place| neighbours(*place) != (true, true)).collect();
    places.sort_by_key(|place| neighbours(*place) != (false, false));
    places.push(ports.len() / 2);
    places.extend((0..RANDOM_PORTS).map(|_| rand::random_range(0..ports.len())));
    let mut doors: Vec<SocketAddr> = Vec::new();
    for place in places {
        let door = ports[place].1;
        if !doors.contains(&door) && doors.len() < MOST_DOORS {
            doors.push(door);
        }
    }
    doors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Vec<(Port, SocketAddr)> {
        let ranges = text.split_whitespace().map(|range| range.parse::<PortRange>().unwrap());
        let ports = ranges.flat_map(ports_of);
        ports
            .map(|port| (port, SocketAddr::new("203.0.113.20".parse().unwrap(), port.number())))
            .collect()
    }

    #[test]
    fn questions_go_to_single_ports_first_and_then_to_places_all_over_a_range() {
        let doors = doors(&ports("443 7885 50000-60000"));
        let numbers: Vec<u16> = doors.iter().map(SocketAddr::port).collect();
        assert_eq!(numbers[..4], [443, 7885, 50_000, 60_000]);
        assert!(numbers.len() >= 5 && numbers.len() <= MOST_DOORS, "{numbers:?}");
        // Of many single ports not all are asked.
        let many: String = (1..100).map(|port| format!("{} ", port * 2)).collect();
        assert_eq!(super::doors(&ports(&many)).len(), MOST_DOORS);
    }
}
