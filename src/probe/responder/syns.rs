//! The connection attempts of a check, as a responder counts them.
//!
//! Three sizes of segments belong to each port. A port passed where attempts of two of them did: another
//! connection of the same address may have one size by chance, and hardly two of the same port.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::facts::SynSweep;
use crate::model::port::{Port, PortRange};
use crate::model::responder::{PortRedirect, PortSet};
use crate::proto::responder::syn::{ATTEMPTS, Announcement, MOST_PORTS, SynReport, SynSeen};

/// So many times each port gets all its attempts, unless it is settled earlier.
pub const MOST_ROUNDS: u32 = 4;

/// Where nothing at all arrives, more would not either.
const ROUNDS_IN_VAIN: u32 = 2;

/// The ports of a check over TCP, and what is known of them.
pub struct Syns {
    /// The port that is dialled for each port.
    ports: Vec<(Port, SocketAddr)>,
    announcement: Announcement,
    /// Whether the responder watches for them.
    pub is_announced: bool,
    /// Whether this machine could not make them.
    pub is_blind: bool,
    attempts: Vec<u32>,
    seen: Vec<SynSeen>,
    redirects: Vec<(u16, u16)>,
    /// The packets that the responder lost, at each report.
    lost: Vec<u64>,
    /// Of attempts to ports that are reached: how many there were, and how many are missing.
    missing: Option<(u32, u32)>,
}

/// What is known of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Passed,
    Forwarded,
    StoppedThere,
    NotArrived,
    /// Too few attempts came to tell them from another's.
    Unsure,
}

impl Known {
    fn of(seen: SynSeen) -> Self {
        const ENOUGH: u8 = SynSeen::ENOUGH;
        match seen {
            SynSeen { passed: ENOUGH.., .. } => Self::Passed,
            SynSeen { forwarded: ENOUGH.., .. } => Self::Forwarded,
            SynSeen { arrived: ENOUGH.., passed: 0, forwarded: 0, .. } => Self::StoppedThere,
            SynSeen { arrived: 0, .. } => Self::NotArrived,
            _ => Self::Unsure,
        }
    }
}

impl Syns {
    pub fn new(ports: Vec<(Port, SocketAddr)>, lasts: Duration) -> Self {
        let mut ports = ports;
        ports.truncate(MOST_PORTS);
        let lasts_ms = u32::try_from(lasts.as_millis()).unwrap_or(u32::MAX);
        let dialled = ports.iter().map(|(_, to)| to.port()).collect();
        let first = rand::random_range(0..Announcement::SIZES);
        Self {
            announcement: Announcement { first, lasts_ms, ports: dialled },
            is_announced: false,
            is_blind: false,
            attempts: vec![0; ports.len()],
            seen: vec![SynSeen::default(); ports.len()],
            redirects: Vec::new(),
            lost: Vec::new(),
            missing: None,
            ports,
        }
    }

    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    /// The attempts of a round: where to, and with which size. Those that passed get no more.
    pub fn of_round(&self, attempt: u8) -> Vec<(usize, SocketAddr, u16)> {
        let places = self.ports.iter().enumerate().filter(|(place, _)| {
            !matches!(Known::of(self.seen[*place]), Known::Passed | Known::Forwarded)
        });
        places
            .map(|(place, (_, to))| (place, *to, self.announcement.size(place, attempt)))
            .collect()
    }

    pub fn sent(&mut self, place: usize) {
        self.attempts[place] += 1;
    }

    pub fn add(&mut self, report: &SynReport) {
        let count = self.seen.len();
        self.seen.copy_from_slice(&report.ports[..count]);
        self.redirects.clone_from(&report.redirects);
        self.lost.push(report.lost);
        // Ports that passed get no more attempts: what comes late is counted too. Of others the first
        // round counts, because later ones make up for what it lacks.
        let passed =
            self.missing(|seen| matches!(Known::of(seen), Known::Passed | Known::Forwarded));
        if passed.0 > 0 {
            self.missing = Some(passed);
        } else if self.missing.is_none() {
            self.missing = Some(self.missing(|seen| seen.arrived > 0));
        }
    }

    fn missing(&self, is_wanted: impl Fn(SynSeen) -> bool) -> (u32, u32) {
        let wanted = self.seen.iter().zip(&self.attempts).filter(|(seen, _)| is_wanted(**seen));
        let counts = wanted.map(|(seen, sent)| {
            let sent = (*sent).min(ATTEMPTS.into());
            (sent, sent.saturating_sub(seen.arrived.into()))
        });
        counts.fold((0, 0), |all, each| (all.0 + each.0, all.1 + each.1))
    }

    fn has_lost(&self) -> bool {
        matches!(self.lost.as_slice(), [first, .., last] if last > first)
            || matches!(self.lost.as_slice(), [.., before, now] if now > before)
    }

    fn arrives(&self) -> bool {
        self.seen.iter().any(|seen| seen.arrived >= SynSeen::ENOUGH)
    }

    /// How likely it is that an attempt is lost on the way: as the other probes showed it, if they did, and
    /// never less than what these showed.
    fn loss(&self, of_udp: Option<f64>) -> f64 {
        let (sent, missing) = self.missing.unwrap_or((0, 0));
        match of_udp {
            Some(loss) if sent > 0 => loss.max(f64::from(missing) / f64::from(sent)),
            Some(_) | None => f64::from(missing + 1) / f64::from(sent + 1),
        }
    }

    /// Whether a port that did not arrive is not missing by mere loss: of all fewer than `few` would be.
    fn is_no_mere_loss(&self, of_udp: Option<f64>, few: f64) -> bool {
        let asked = f64::from(u32::try_from(self.ports.len()).unwrap_or(u32::MAX));
        let attempts = i32::try_from(self.fewest_attempts()).unwrap_or(i32::MAX);
        self.arrives() && asked * self.loss(of_udp).powi(attempts) < few
    }

    /// The attempts that every port got that did not pass.
    fn fewest_attempts(&self) -> u32 {
        let all = self.attempts.iter().zip(&self.seen);
        let stopped =
            all.filter(|(_, seen)| !matches!(Known::of(**seen), Known::Passed | Known::Forwarded));
        stopped.map(|(attempts, _)| *attempts).min().unwrap_or_else(|| self.attempts_of_all())
    }

    pub fn attempts_of_all(&self) -> u32 {
        self.attempts.iter().copied().min().unwrap_or(0)
    }

    /// Whether more attempts would tell nothing more.
    pub fn is_over(&self, of_udp: Option<f64>, few: f64) -> bool {
        let rounds = self.fewest_attempts() / u32::from(ATTEMPTS);
        let is_told = !self.lost.is_empty();
        let known = || self.seen.iter().map(|seen| Known::of(*seen));
        self.is_blind
            || !self.is_announced
            || rounds >= MOST_ROUNDS
            || (is_told && !self.arrives() && rounds >= ROUNDS_IN_VAIN)
            || (is_told
                && !known().any(|known| known == Known::Unsure)
                && (!known().any(|known| known == Known::NotArrived)
                    || self.is_no_mere_loss(of_udp, few)))
    }

    /// The facts, by the ports that were meant.
    pub fn told(&self, of_udp: Option<f64>, few: f64) -> SynSweep {
        let of = |is_wanted: &dyn Fn(SynSeen) -> bool| -> Vec<PortRange> {
            let ports = self.ports.iter().zip(&self.seen);
            let wanted = ports.filter(|(_, seen)| is_wanted(**seen));
            wanted.map(|((port, _), _)| *port).collect::<PortSet>().ranges()
        };
        let is_told = self.is_announced && !self.is_blind && !self.lost.is_empty();
        let believes_absence = is_told && self.is_no_mere_loss(of_udp, few);
        let is_unsettled = |seen: SynSeen| match Known::of(seen) {
            Known::Passed | Known::Forwarded => false,
            Known::StoppedThere => self.has_lost(),
            Known::NotArrived => !believes_absence || self.has_lost(),
            Known::Unsure => true,
        };
        let redirects = self.redirects.iter().filter_map(|(place, to)| {
            let (port, _) = self.ports.get(usize::from(*place))?;
            Some(PortRedirect { ports: (*port).into(), to: Port::new(*to)? })
        });
        SynSweep {
            asked: of(&|_| true),
            arrived: of(&|seen| seen.arrived > 0),
            passed: of(&|seen| Known::of(seen) == Known::Passed),
            forwarded: of(&|seen| Known::of(seen) == Known::Forwarded),
            redirected: redirects.collect(),
            unsettled: of(&is_unsettled),
            attempts: self.fewest_attempts(),
        }
    }
}

/// When attempts of a burst leave: routers count connections.
pub async fn pace(sent: usize) {
    const BURST: usize = 16;
    if sent % BURST == BURST - 1 {
        tokio::time::sleep_until(Instant::now() + Duration::from_millis(2)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syns(ports: &[u16]) -> Syns {
        let ports = ports.iter().filter_map(|port| Port::new(*port));
        let ports = ports
            .map(|port| (port, SocketAddr::new("203.0.113.20".parse().unwrap(), port.number())));
        Syns { is_announced: true, ..Syns::new(ports.collect(), Duration::from_secs(5)) }
    }

    fn seen(arrived: u8, passed: u8, forwarded: u8) -> SynSeen {
        SynSeen { arrived, passed, forwarded, is_redirected: false }
    }

    fn round(syns: &mut Syns, seen: &[SynSeen], lost: u64) {
        for attempt in 0..ATTEMPTS {
            for (place, ..) in syns.of_round(attempt) {
                syns.sent(place);
            }
        }
        let mut report = SynReport { lost, ..SynReport::default() };
        report.ports[..seen.len()].copy_from_slice(seen);
        syns.add(&report);
    }

    fn words(ranges: &[PortRange]) -> String {
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    const FEW: f64 = 0.001;

    #[test]
    fn a_port_is_known_by_two_attempts_of_its_own() {
        let mut syns = syns(&[80, 443, 6_379, 7_880, 7_881]);
        let all = [seen(3, 3, 0), seen(3, 0, 2), seen(3, 0, 0), seen(0, 0, 0), seen(3, 1, 0)];
        round(&mut syns, &all, 0);
        assert!(!syns.is_over(Some(0.000_1), FEW), "one attempt passed");
        let sweep = syns.told(Some(0.000_1), FEW);
        let lists = [&sweep.arrived, &sweep.passed, &sweep.forwarded, &sweep.unsettled];
        assert_eq!(lists.map(|list| words(list)), ["80 443 6379 7881", "80", "443", "7881"]);
        // The next round is for those that have not passed.
        assert_eq!(syns.of_round(0).len(), 3);
    }

    #[test]
    fn what_is_missing_is_believed_only_where_it_is_no_mere_loss() {
        let at_loss = |loss| {
            let mut syns = syns(&[80, 443]);
            round(&mut syns, &[seen(3, 3, 0), seen(0, 0, 0)], 0);
            words(&syns.told(loss, FEW).unsettled)
        };
        assert_eq!(at_loss(Some(0.001)), "");
        assert_eq!(at_loss(Some(0.2)), "443");
        assert_eq!(at_loss(None), "443", "three attempts say little of the loss");
    }

    #[test]
    fn nothing_follows_where_nothing_arrives_or_the_responder_lost_packets() {
        let mut none = syns(&[80, 443]);
        round(&mut none, &[seen(0, 0, 0); 2], 0);
        assert!(!none.is_over(Some(0.000_1), FEW));
        round(&mut none, &[seen(0, 0, 0); 2], 0);
        assert!(none.is_over(Some(0.000_1), FEW));
        // Something on the way may change the size of segments.
        assert_eq!(words(&none.told(Some(0.000_1), FEW).unsettled), "80 443");
        let mut lost = syns(&[80, 443]);
        round(&mut lost, &[seen(3, 3, 0), seen(3, 0, 0)], 0);
        round(&mut lost, &[seen(3, 3, 0), seen(3, 0, 0)], 4);
        assert_eq!(words(&lost.told(Some(0.000_1), FEW).unsettled), "443");
        let unheard = Syns { is_announced: false, ..syns(&[80]) };
        assert_eq!(words(&unheard.told(None, FEW).unsettled), "80");
        assert!(unheard.is_over(None, FEW));
    }
}
