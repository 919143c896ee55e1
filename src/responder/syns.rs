//! What a responder knows of the connection attempts that a check has announced: bounded by the
//! announcement.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::port::{Port, PortRange};
use crate::model::responder::{PortRedirect, PortSet, SynRecord};
use crate::model::timestamp::Timestamp;
use crate::proto::responder::packet::Syn;
use crate::proto::responder::syn::{Announcement, MOST_PORTS, SynReport, SynSeen};

use super::sessions::Attempt;
use super::sockets::Seen;

/// An announcement holds no longer than this.
const LONGEST: Duration = Duration::from_secs(60);

/// The connection attempts of one session.
pub struct Syns {
    announcement: Announcement,
    until: Timestamp,
    ports: Vec<OfPort>,
    /// By the place of a port: at which port its attempts came instead.
    redirects: BTreeMap<usize, u16>,
}

/// The attempts to a port, a bit for each.
#[derive(Default, Clone, Copy)]
struct OfPort {
    arrived: u8,
    passed: u8,
    forwarded: u8,
}

impl Syns {
    pub fn new(announcement: Announcement, now: Timestamp) -> Self {
        let lasts = Duration::from_millis(announcement.lasts_ms.into()).min(LONGEST);
        let ports = vec![OfPort::default(); announcement.ports.len().min(MOST_PORTS)];
        // Timestamps are whole seconds.
        let until = now.plus(lasts + Duration::from_secs(1));
        Self { announcement, until, ports, redirects: BTreeMap::new() }
    }

    /// Which of its attempts this is.
    pub fn attempt(&self, syn: Syn, now: Timestamp) -> Option<(usize, u8)> {
        let is_in_time = now <= self.until;
        self.announcement.attempt(syn.segment).filter(|_| is_in_time)
    }

    /// Whether an attempt is to the port that the check dialled for it.
    pub fn is_dialled(&self, place: usize, port: u16) -> bool {
        self.announcement.ports.get(place) == Some(&port)
    }

    /// Takes in what was seen, and says whether it is new.
    pub fn note(&mut self, seen: Seen, attempt: Attempt, port: u16) -> bool {
        let Some(of_port) = self.ports.get_mut(attempt.port) else { return false };
        let bits = match seen {
            Seen::Arrived => &mut of_port.arrived,
            Seen::Passed => &mut of_port.passed,
            Seen::Forwarded => &mut of_port.forwarded,
        };
        let bit = 1 << attempt.number;
        let is_new = *bits & bit == 0;
        *bits |= bit;
        if !self.is_dialled(attempt.port, port) {
            self.redirects.insert(attempt.port, port);
        }
        is_new
    }

    /// What is known of each port, in the order of the announcement.
    pub fn seen(&self) -> impl Iterator<Item = SynSeen> + '_ {
        self.ports.iter().enumerate().map(|(place, of_port)| {
            let OfPort { arrived, passed, forwarded } = *of_port;
            let count = |bits: u8| u8::try_from(bits.count_ones()).unwrap_or(0);
            SynSeen {
                arrived: count(arrived),
                passed: count(passed),
                forwarded: count(forwarded),
                is_redirected: self.redirects.contains_key(&place),
            }
        })
    }

    pub fn report(&self, lost: u64) -> SynReport {
        let mut report = SynReport { lost, ..SynReport::default() };
        for (place, seen) in report.ports.iter_mut().zip(self.seen()) {
            *place = seen;
        }
        let places = self.redirects.iter();
        report.redirects =
            places.filter_map(|(place, to)| Some((u16::try_from(*place).ok()?, *to))).collect();
        report
    }

    pub fn record(&self) -> SynRecord {
        let of = |is_wanted: &dyn Fn(SynSeen) -> bool| -> Vec<PortRange> {
            let ports = self.announcement.ports.iter().zip(self.seen());
            let wanted = ports.filter(|(_, seen)| is_wanted(*seen));
            wanted.filter_map(|(port, _)| Port::new(*port)).collect::<PortSet>().ranges()
        };
        let redirects = self.redirects.iter().filter_map(|(place, to)| {
            let from = Port::new(*self.announcement.ports.get(*place)?)?;
            Some(PortRedirect { ports: from.into(), to: Port::new(*to)? })
        });
        let is_reached = |seen: SynSeen| seen.passed.max(seen.forwarded) > 0;
        SynRecord {
            announced: of(&|_| true),
            arrived: of(&|seen| seen.arrived > 0),
            passed: of(&|seen| seen.passed > 0),
            forwarded: of(&|seen| seen.forwarded > 0),
            unsure: of(&|seen| match is_reached(seen) {
                true => seen.passed.max(seen.forwarded) < SynSeen::ENOUGH,
                false => (1..SynSeen::ENOUGH).contains(&seen.arrived),
            }),
            redirected: redirects.collect(),
        }
    }
}
