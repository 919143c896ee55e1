//! The ports of a range that nobody named: each gets two copies, and only those that answer are
//! remembered.

use std::time::Duration;

use crate::model::facts::SweepFacts;
use crate::model::port::{Port, PortRange};
use crate::model::probe::{SweepLoad, UdpRate};

/// How many copies a silent port gets: at one lost packet in a hundred, each way, one of 2,500
/// open ports is missed.
const COPIES: usize = SweepLoad::COPIES as usize;

/// After so many ports that could not be asked the rest is not tried.
const MOST_FAILURES: usize = 32;

/// The ports of a range that nobody named, in the order of their numbers.
#[derive(Debug)]
pub struct Rest {
    range: PortRange,
    ports: Vec<Unnamed>,
    /// Which copy is being sent, from 0; [`COPIES`] at the end.
    copy: usize,
    /// The place of the port that is next.
    next: usize,
    datagrams: u32,
    /// How many datagrams may be sent.
    budget: u32,
    failures: usize,
    /// When the newest first copy left, in milliseconds after the probe's start.
    newest_first_ms: Option<u64>,
}

/// One port.
#[derive(Debug)]
struct Unnamed {
    port: Port,
    /// When each copy left, in milliseconds after the probe's start.
    sent_ms: [Option<u64>; COPIES],
    /// Whether there is no more to ask.
    is_settled: bool,
}

impl Rest {
    /// The ports of `range` without those in `named`, for `budget` datagrams at most.
    pub fn new(range: PortRange, named: &[Port], budget: u32) -> Self {
        let ports = (0..=u16::MAX)
            .map_while(|offset| range.nth(offset))
            .filter(|port| !named.contains(port))
            .map(|port| Unnamed { port, sent_ms: [None; COPIES], is_settled: false });
        Self {
            range,
            ports: ports.collect(),
            copy: 0,
            next: 0,
            datagrams: 0,
            budget,
            failures: 0,
            newest_first_ms: None,
        }
    }

    /// The next port to ask, and which copy that is, from 0.
    pub fn next(&mut self) -> Option<(Port, usize)> {
        if self.datagrams >= self.budget {
            self.copy = COPIES;
        }
        while self.copy < COPIES {
            let open = self.ports[self.next..].iter();
            if let Some(skipped) = open.into_iter().position(|port| !port.is_settled) {
                self.next += skipped;
                return Some((self.ports[self.next].port, self.copy));
            }
            self.copy += 1;
            self.next = 0;
        }
        None
    }

    /// The port of [`Self::next`] and those behind it that get the same copy, `most` together.
    pub fn upcoming(&mut self, most: usize) -> impl Iterator<Item = Port> + '_ {
        let begins = self.next().map_or(self.ports.len(), |_| self.next);
        let open = self.ports[begins..].iter().filter(|port| !port.is_settled);
        let budget = self.budget.saturating_sub(self.datagrams) as usize;
        open.map(|port| port.port).take(most.min(budget))
    }

    /// The port of [`Self::next`] was sent its copy.
    pub fn left(&mut self, at_ms: u64) {
        self.ports[self.next].sent_ms[self.copy] = Some(at_ms);
        if self.copy == 0 {
            self.newest_first_ms = Some(at_ms);
        }
        self.datagrams += 1;
        self.next += 1;
    }

    /// The port of [`Self::next`] could not be sent its copy.
    pub fn failed(&mut self) {
        self.next += 1;
        self.count_failure();
    }

    /// What was sent to `port` did not leave this machine.
    pub fn did_not_leave(&mut self, port: Port) {
        if let Some(place) = self.place(port) {
            self.ports[place].sent_ms = [None; COPIES];
            self.ports[place].is_settled = true;
            self.count_failure();
        }
    }

    fn count_failure(&mut self) {
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            self.copy = COPIES;
        }
    }

    /// None of them is to be asked.
    pub fn leave_out(&mut self) {
        self.budget = 0;
    }

    /// Whether none of them is to be asked.
    pub fn is_left_out(&self) -> bool {
        self.budget == 0
    }

    /// Nothing more is to be asked of `port`.
    pub fn settle(&mut self, port: Port) {
        if let Some(place) = self.place(port) {
            self.ports[place].is_settled = true;
        }
    }

    /// When the newest first copy left, in milliseconds after the probe's start; `None` as long as
    /// some have none.
    pub fn all_asked_ms(&self) -> Option<u64> {
        self.newest_first_ms.filter(|_| self.copy > 0)
    }

    /// The range that they are of.
    pub fn range(&self) -> PortRange {
        self.range
    }

    /// All of them.
    pub fn ports(&self) -> impl Iterator<Item = Port> + '_ {
        self.ports.iter().map(|port| port.port)
    }

    /// Whether `port` was asked.
    pub fn was_asked(&self, port: Port) -> bool {
        self.sent_ms(port).next().is_some()
    }

    /// The ports that were asked and are not settled.
    pub fn waiting(&self) -> impl Iterator<Item = Port> + '_ {
        let waiting = |port: &&Unnamed| !port.is_settled && port.sent_ms[0].is_some();
        self.ports.iter().filter(waiting).map(|port| port.port)
    }

    /// When the copies for `port` left, in milliseconds after the probe's start.
    pub fn sent_ms(&self, port: Port) -> impl Iterator<Item = u64> + '_ {
        let sent = self.place(port).map(|place| self.ports[place].sent_ms);
        sent.into_iter().flatten().flatten()
    }

    fn place(&self, port: Port) -> Option<usize> {
        self.ports.binary_search_by_key(&port, |it| it.port).ok()
    }

    /// How long all of it takes at most.
    pub fn longest(&self, rate: UdpRate) -> Duration {
        let datagrams = u32::try_from(self.ports.len() * COPIES).unwrap_or(u32::MAX);
        rate.gap() * datagrams.min(self.budget)
    }

    /// The most copies that one port was sent.
    pub fn most_copies(&self) -> usize {
        let copies = self.ports.iter().map(Unnamed::copies);
        copies.max().unwrap_or(0)
    }

    /// What was done, in numbers.
    pub fn facts(&self) -> SweepFacts {
        let number = |count: usize| u32::try_from(count).expect("there are 65,535 ports");
        let sent = || self.ports.iter().flat_map(|port| port.sent_ms).flatten();
        let silent = self.ports.iter().filter(|port| !port.is_settled);
        let copies = silent.map(Unnamed::copies).filter(|copies| *copies > 0);
        SweepFacts {
            range: self.range,
            copies: number(copies.min().unwrap_or_else(|| self.most_copies())),
            sent: number(sent().count()),
            unsent: number(self.ports.iter().filter(|port| port.copies() == 0).count()),
            withheld: false,
            first_sent_ms: sent().min(),
            last_sent_ms: sent().max(),
        }
    }
}

impl Unnamed {
    fn copies(&self) -> usize {
        self.sent_ms.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    fn rest(range: &str, named: &[u16]) -> Rest {
        let named: Vec<Port> = named.iter().copied().map(port).collect();
        Rest::new(range.parse().unwrap(), &named, 25_000)
    }

    /// Sends everything; `answers` answers to its first copy.
    fn sent_to(rest: &mut Rest, answers: u16) -> Vec<u16> {
        let mut order = Vec::new();
        while let Some((next, _)) = rest.next() {
            order.push(next.number());
            rest.left(7);
            if next.number() == answers {
                rest.settle(next);
            }
        }
        order
    }

    #[test]
    fn every_port_that_nobody_named_gets_two_copies_unless_it_answers() {
        let mut rest = rest("10-14", &[10, 12]);
        assert_eq!(sent_to(&mut rest, 13), [11, 13, 14, 11, 14]);
        let facts = rest.facts();
        assert_eq!((facts.copies, facts.sent, facts.unsent), (2, 5, 0));
    }

    #[test]
    fn those_that_are_sent_together_get_the_same_copy() {
        let mut rest = rest("10-14", &[12]);
        let together =
            |rest: &mut Rest, most| -> Vec<u16> { rest.upcoming(most).map(Port::number).collect() };
        assert_eq!(together(&mut rest, 3), [10, 11, 13]);
        for _ in 0..3 {
            rest.next();
            rest.left(0);
        }
        assert_eq!(together(&mut rest, 3), [14]);
        rest.next();
        rest.left(0);
        rest.settle(port(11));
        assert_eq!(together(&mut rest, 9), [10, 13, 14]);
    }

    #[test]
    fn all_are_asked_when_the_last_one_has_its_first_copy() {
        let mut rest = rest("10-11", &[]);
        for at_ms in [500, 600] {
            rest.next();
            assert_eq!(rest.all_asked_ms(), None);
            rest.left(at_ms);
        }
        rest.next();
        assert_eq!(rest.all_asked_ms(), Some(600));
        rest.left(700);
        assert_eq!(rest.all_asked_ms(), Some(600));
    }

    #[test]
    fn the_largest_range_ends_at_the_budget_and_says_what_was_not_asked() {
        let mut rest = rest("1-65535", &[]);
        assert_eq!(sent_to(&mut rest, 1).len(), 25_000);
        let facts = rest.facts();
        assert_eq!((facts.copies, facts.unsent), (1, 40_535));
    }

    #[test]
    fn a_machine_that_lets_nothing_out_is_not_tried_ten_thousand_times() {
        let mut rest = rest("50000-60000", &[]);
        let mut tries = 0;
        while rest.next().is_some() {
            rest.failed();
            tries += 1;
        }
        assert_eq!(tries, 32);
        assert_eq!(rest.facts().unsent, 10_001);
    }
}
