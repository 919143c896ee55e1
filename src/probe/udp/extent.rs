//! The search for edges, a step at a time.
//!
//! A step is two copies to a port, and behind them the sentinel: a port that is known to draw an
//! ICMP error. What the node has to give in the time of a step is one error (ip-sysctl(5)
//! `icmp_ratelimit`; a new one comes in a second), so that of the three only one is answered: the
//! first copy where the port draws errors too, and the sentinel where it does not. Silence of the
//! port counts only with an answer of the sentinel. Where nobody answers somebody else had the
//! error, and the step is made again.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::Sweep;
use super::heard::is_same;
use super::search::{Before, Known, Search};
use crate::model::facts::{
    ExtentEnd, ExtentFacts, IcmpError, IcmpMeaning, StretchShows, UdpAnswer,
};
use crate::model::observation::Blindness;
use crate::model::port::{Port, PortRange};
use crate::model::probe::ExtentLimits;
use crate::model::target::Family;
use crate::net::stun::is_final;
use crate::net::udp::{Event, LARGEST, Sockets};
use crate::proto::stun::PortIds;

/// The time in which a Linux node gets one more error for us, and two ticks of a slow kernel's
/// clock: `icmp_ratelimit` is a second, and counted in ticks of up to 10 ms.
const RENEWAL: Duration = Duration::from_millis(1020);

/// The same for IPv6 where the route to us is a short prefix, as a default route is
/// (net/ipv6/icmp.c `icmpv6_xrlim_allow`: a sixteenth of a second); a route of 64 bits has a
/// quarter, and then the steps that nobody answers make us slower.
const RENEWAL_V6: Duration = Duration::from_millis(120);

/// Loopback is not limited (net/ipv4/icmp.c `icmpv4_xrlim_allow`).
const RENEWAL_LOOPBACK: Duration = Duration::from_millis(1);

/// How long behind the first copy the second one leaves, and the sentinel with it: bursts of loss
/// are mostly shorter.
const SECOND_COPY: Duration = Duration::from_millis(25);

/// How long the port's answer is waited for when the sentinel's was there, though that left behind
/// it: a kernel answers at once, a service when it has its turn.
const OVERTAKEN: Duration = Duration::from_millis(150);

/// How long a step is waited for at most.
const STEP: Duration = Duration::from_secs(1);

/// So many steps in a row that nobody answers end the search.
const MOST_UNHEARD: u32 = 3;

/// What a step showed.
enum Showed {
    It(StretchShows),
    /// Neither the port nor the sentinel answered.
    Nothing,
    /// A datagram could not be sent.
    NotSent(Blindness),
}

/// What is asked in a step, and what came of it.
struct Step {
    port: Port,
    dialled: SocketAddr,
    ids: PortIds,
    sentinel: PortIds,
    shows: Option<StretchShows>,
    /// When the sentinel answered.
    heard: Option<Instant>,
    /// Whether something came from the port that holds nothing of what was asked, so that neither an
    /// answer nor silence follows.
    is_clouded: bool,
}

impl Step {
    /// When it is over, as things stand, having begun to wait at `asked`.
    fn over(&self, asked: Instant) -> Instant {
        match (self.shows, self.heard) {
            (Some(_), _) => asked,
            (None, Some(heard)) => heard + OVERTAKEN,
            (None, None) => asked + STEP,
        }
    }
}

impl Sweep<'_> {
    /// Looks for the edges in `range`, for no longer than [`ExtentLimits`] allow.
    ///
    /// # Errors
    /// When the runtime cannot wait any more.
    pub(super) async fn find_extent(
        &mut self,
        socket: &mut Sockets,
        range: PortRange,
    ) -> Result<ExtentFacts, Blindness> {
        let until = Instant::now() + ExtentLimits::LONGEST;
        let before = match &self.rest {
            Some(rest) if rest.range() == range => Before::Swept,
            Some(_) | None => Before::Sampled,
        };
        let known: Vec<_> = self.known().collect();
        let mut search = Search::new(range, before, &known);
        let mut renewal = self.renewal();
        // Whatever was sent last may have drawn an error, and its answer been lost.
        let mut next_at = self.last + RENEWAL.max(renewal);
        if self.is_loopback() {
            next_at = self.last;
        }
        let (mut steps, mut unheard) = (0, 0);
        let ended = loop {
            let Some(port) = search.next() else {
                break ExtentEnd::Complete;
            };
            let Some(sentinel) = self.sentinel() else {
                break ExtentEnd::NoSentinel;
            };
            if steps == ExtentLimits::STEPS {
                break ExtentEnd::StepsSpent;
            }
            if next_at.max(Instant::now()) + SECOND_COPY + STEP > until {
                break ExtentEnd::TimeSpent;
            }
            self.listen(socket, None, next_at).await?;
            steps += 1;
            match self.step(socket, port, sentinel).await? {
                Showed::It(shows) => {
                    search.note(port, shows);
                    unheard = 0;
                }
                Showed::Nothing => {
                    renewal = renewal.max(RENEWAL);
                    unheard += 1;
                    if unheard == MOST_UNHEARD {
                        break ExtentEnd::Unheard;
                    }
                }
                Showed::NotSent(trouble) => {
                    self.trouble.get_or_insert(trouble);
                    break ExtentEnd::NotSent;
                }
            }
            next_at = self.last + renewal;
        };
        Ok(ExtentFacts { range, stretches: search.stretches(), steps, ended })
    }

    /// What is known of the ports that were asked by number, or answered.
    fn known(&self) -> impl Iterator<Item = (Port, Known)> + '_ {
        self.ports.iter().filter_map(|port| {
            let answer = port.answer.as_ref().filter(|answer| answer.is_final);
            let known = match answer.map(|answer| &answer.what) {
                Some(UdpAnswer::NotSent) => return None,
                Some(UdpAnswer::Icmp(error)) => match shows(error) {
                    StretchShows::Answers => Known::AnswersAnyway,
                    StretchShows::Blocked => Known::Blocked,
                },
                Some(UdpAnswer::Stun | UdpAnswer::Data(_) | UdpAnswer::Unrelated(_)) => {
                    Known::AnswersAnyway
                }
                Some(UdpAnswer::Silent) | None => Known::Unheard,
            };
            Some((port.port, known))
        })
    }

    /// A port that draws an error of the node itself.
    fn sentinel(&self) -> Option<Port> {
        let mut ports = self.ports.iter();
        let drew = ports.find(|port| {
            let answer = port.answer.as_ref().filter(|answer| answer.is_final);
            match answer.map(|answer| &answer.what) {
                Some(UdpAnswer::Icmp(error)) => error.proves_arrival(),
                Some(
                    UdpAnswer::Stun
                    | UdpAnswer::Data(_)
                    | UdpAnswer::Unrelated(_)
                    | UdpAnswer::Silent
                    | UdpAnswer::NotSent,
                )
                | None => false,
            }
        });
        drew.map(|port| port.port)
    }

    fn is_loopback(&self) -> bool {
        let mut ports = self.ports.iter();
        ports.all(|port| port.dialled.ip().is_loopback())
    }

    fn renewal(&self) -> Duration {
        match Family::of(self.address) {
            Family::V4 | Family::V6 if self.is_loopback() => RENEWAL_LOOPBACK,
            Family::V4 => RENEWAL,
            Family::V6 => RENEWAL_V6,
        }
    }

    /// One step.
    ///
    /// # Errors
    /// When the runtime cannot wait any more.
    async fn step(
        &mut self,
        socket: &mut Sockets,
        port: Port,
        sentinel: Port,
    ) -> Result<Showed, Blindness> {
        let mut step = Step {
            port,
            dialled: self.dialled(port),
            ids: PortIds::new(rand::random()),
            sentinel: PortIds::new(rand::random()),
            shows: None,
            heard: None,
            is_clouded: false,
        };
        let copy = (step.ids.datagram(port), step.dialled);
        let behind = (step.sentinel.datagram(sentinel), self.dialled(sentinel));
        if let Err(trouble) = self.send_step(socket, &[copy]).await {
            return Ok(Showed::NotSent(trouble));
        }
        let second_at = self.last + SECOND_COPY;
        self.listen(socket, Some(&mut step), second_at).await?;
        if step.shows.is_none() {
            if let Err(trouble) = self.send_step(socket, &[copy, behind]).await {
                return Ok(Showed::NotSent(trouble));
            }
            let asked = self.last;
            loop {
                let over = step.over(asked);
                if Instant::now() >= over {
                    break;
                }
                self.listen(socket, Some(&mut step), over).await?;
            }
        }
        Ok(match (step.shows, step.heard) {
            (Some(shows), _) => Showed::It(shows),
            (None, _) if step.is_clouded => Showed::Nothing,
            (None, Some(_)) => Showed::It(StretchShows::Blocked),
            (None, None) => Showed::Nothing,
        })
    }

    async fn send_step(
        &mut self,
        socket: &mut Sockets,
        datagrams: &[(impl AsRef<[u8]>, SocketAddr)],
    ) -> Result<(), Blindness> {
        let until = Instant::now() + STEP;
        for (bytes, to) in datagrams {
            socket.send(bytes.as_ref(), *to, until).await?;
            self.last = Instant::now();
        }
        Ok(())
    }

    /// Takes what comes, until `until`, or until `step` has something new.
    async fn listen(
        &mut self,
        socket: &mut Sockets,
        mut step: Option<&mut Step>,
        until: Instant,
    ) -> Result<(), Blindness> {
        let mut buffer = [0; LARGEST];
        loop {
            for _ in 0..super::AT_ONCE {
                let Some(event) = socket.take(&mut buffer)? else {
                    break;
                };
                let is_new = match step.as_deref_mut() {
                    Some(step) => self.note_for_step(step, &event, &buffer),
                    None => false,
                };
                if is_new {
                    return Ok(());
                }
            }
            if Instant::now() >= until {
                return Ok(());
            }
            socket.wait(until).await?;
        }
    }

    /// Whether `event` is one that `step` waits for.
    fn note_for_step(&self, step: &mut Step, event: &Event, buffer: &[u8]) -> bool {
        match event {
            Event::Datagram { from, bytes } if is_same(*from, step.dialled) => {
                // Whatever it says: somebody is there.
                let is_told = step.ids.port_of(&buffer[..*bytes]).is_some();
                match is_told {
                    true => step.shows = Some(StretchShows::Answers),
                    false => step.is_clouded = true,
                }
                is_told
            }
            Event::Datagram { .. } => false,
            Event::Icmp { payload: Some(payload), error, .. }
                if step.ids.port_of(payload).is_some() =>
            {
                let error = error.for_packet_to(self.destination(step.port));
                if is_final(&error) {
                    step.shows.get_or_insert(shows(&error));
                }
                is_final(&error)
            }
            Event::Icmp { payload: Some(payload), .. }
                if step.sentinel.port_of(payload).is_some() =>
            {
                step.heard.get_or_insert_with(Instant::now);
                true
            }
            Event::Icmp { .. } => false,
        }
    }
}

/// What an error shows about the port that its datagram was sent to: only the machine itself knows
/// that nobody listens.
fn shows(error: &IcmpError) -> StretchShows {
    if error.is_of_meant_machine() && error.meaning() == IcmpMeaning::PortUnreachable {
        StretchShows::Answers
    } else {
        StretchShows::Blocked
    }
}
