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

/// The ports of a range that nobody named, in the order of their numbers. A run may sweep hundreds of
/// addresses, so that a port costs some bits, and a burst of datagrams eight bytes.
#[derive(Debug)]
pub struct Rest {
    range: PortRange,
    /// Places in the range that were named.
    named: Bits,
    /// Places for which there is no more to ask.
    settled: Bits,
    /// Places that were sent each copy.
    sent: [Bits; COPIES],
    /// When they left, in the order in which they did.
    bursts: Vec<Burst>,
    /// Which copy is being sent, from 0; [`COPIES`] at the end.
    copy: usize,
    /// The place of the port that is next.
    next: usize,
    datagrams: u32,
    /// How many datagrams may be sent.
    budget: u32,
    failures: usize,
}

/// Copies that left in the same millisecond: from this place up to that of the next burst.
#[derive(Debug, Clone, Copy)]
struct Burst {
    /// In milliseconds after the probe's start.
    at_ms: u32,
    first: u16,
    copy: u8,
}

/// One bit for each place of a range.
#[derive(Debug)]
struct Bits(Vec<u64>);

impl Bits {
    fn none(places: usize) -> Self {
        Self(vec![0; places.div_ceil(64)])
    }

    fn has(&self, place: usize) -> bool {
        self.0[place / 64] & Self::bit(place) != 0
    }

    fn set(&mut self, place: usize) {
        self.0[place / 64] |= Self::bit(place);
    }

    fn clear(&mut self, place: usize) {
        self.0[place / 64] &= !Self::bit(place);
    }

    fn bit(place: usize) -> u64 {
        1 << (place % 64)
    }
}

impl Rest {
    /// The ports of `range` without those in `named`, for `budget` datagrams at most.
    pub fn new(range: PortRange, named: &[Port], budget: u32) -> Self {
        let places = range.count() as usize;
        let mut rest = Self {
            range,
            named: Bits::none(places),
            settled: Bits::none(places),
            sent: std::array::from_fn(|_| Bits::none(places)),
            bursts: Vec::new(),
            copy: 0,
            next: 0,
            datagrams: 0,
            budget,
            failures: 0,
        };
        for port in named {
            if let Some(place) = rest.place_in_range(*port) {
                rest.named.set(place);
            }
        }
        rest
    }

    /// The next port to ask, and which copy that is, from 0.
    pub fn next(&mut self) -> Option<(Port, usize)> {
        if self.datagrams >= self.budget {
            self.copy = COPIES;
        }
        while self.copy < COPIES {
            let open = self.open_from(self.next).next();
            if let Some(place) = open {
                self.next = place;
                return Some((self.port(place), self.copy));
            }
            self.copy += 1;
            self.next = 0;
        }
        None
    }

    /// The port of [`Self::next`] and those behind it that get the same copy, `most` together.
    pub fn upcoming(&mut self, most: usize) -> impl Iterator<Item = Port> + '_ {
        let begins = self.next().map_or(self.places(), |_| self.next);
        let budget = self.budget.saturating_sub(self.datagrams) as usize;
        self.open_from(begins).map(|place| self.port(place)).take(most.min(budget))
    }

    /// The port of [`Self::next`] was sent its copy.
    pub fn left(&mut self, at_ms: u64) {
        self.sent[self.copy].set(self.next);
        let burst = Burst {
            at_ms: u32::try_from(at_ms).unwrap_or(u32::MAX),
            first: u16::try_from(self.next).unwrap_or(u16::MAX),
            copy: u8::try_from(self.copy).unwrap_or(u8::MAX),
        };
        let is_same = |last: &Burst| (last.copy, last.at_ms) == (burst.copy, burst.at_ms);
        if !self.bursts.last().is_some_and(is_same) {
            self.bursts.push(burst);
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
            for sent in &mut self.sent {
                sent.clear(place);
            }
            self.settled.set(place);
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
            self.settled.set(place);
        }
    }

    /// The range that they are of.
    pub fn range(&self) -> PortRange {
        self.range
    }

    /// All of them.
    pub fn ports(&self) -> impl Iterator<Item = Port> + '_ {
        self.unnamed().map(|place| self.port(place))
    }

    /// Whether `port` was asked.
    pub fn was_asked(&self, port: Port) -> bool {
        self.place(port).is_some_and(|place| self.copies(place) > 0)
    }

    /// The ports that were asked and are not settled.
    pub fn waiting(&self) -> impl Iterator<Item = Port> + '_ {
        let waiting = self.open_from(0).filter(|place| self.sent[0].has(*place));
        waiting.map(|place| self.port(place))
    }

    /// When the copies for `port` left, in milliseconds after the probe's start.
    pub fn sent_ms(&self, port: Port) -> impl Iterator<Item = u64> + '_ {
        let of_copy = |place: usize, copy: usize| {
            let is_before = |burst: &Burst| {
                (usize::from(burst.copy), usize::from(burst.first)) <= (copy, place)
            };
            let behind = self.bursts.partition_point(is_before);
            let burst = self.bursts[..behind].last().filter(|_| self.sent[copy].has(place));
            burst.map(|burst| u64::from(burst.at_ms))
        };
        let place = self.place(port).into_iter();
        place.flat_map(move |place| (0..COPIES).filter_map(move |copy| of_copy(place, copy)))
    }

    /// The place of a port that nobody named.
    fn place(&self, port: Port) -> Option<usize> {
        self.place_in_range(port).filter(|place| !self.named.has(*place))
    }

    fn place_in_range(&self, port: Port) -> Option<usize> {
        let offset = port.number().checked_sub(self.range.first().number())?;
        Some(usize::from(offset)).filter(|_| self.range.contains(port))
    }

    fn port(&self, place: usize) -> Port {
        let offset = u16::try_from(place).expect("there are 65,535 ports");
        self.range.nth(offset).expect("a place lies in the range")
    }

    fn places(&self) -> usize {
        self.range.count() as usize
    }

    /// The places that nobody named.
    fn unnamed(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.places()).filter(|place| !self.named.has(*place))
    }

    /// Those from `first` on for which there is more to ask.
    fn open_from(&self, first: usize) -> impl Iterator<Item = usize> + '_ {
        let is_open = |place: &usize| !self.named.has(*place) && !self.settled.has(*place);
        (first..self.places()).filter(is_open)
    }

    fn copies(&self, place: usize) -> usize {
        self.sent.iter().filter(|sent| sent.has(place)).count()
    }

    /// How long all of it takes at most.
    pub fn longest(&self, rate: UdpRate) -> Duration {
        rate.gap() * (self.range.count() * SweepLoad::COPIES).min(self.budget)
    }

    /// The most copies that one port was sent.
    pub fn most_copies(&self) -> usize {
        self.unnamed().map(|place| self.copies(place)).max().unwrap_or(0)
    }

    /// What was done, in numbers.
    pub fn facts(&self) -> SweepFacts {
        let number = |count: usize| u32::try_from(count).expect("there are 65,535 ports");
        let copies = || self.unnamed().map(|place| self.copies(place));
        let silent = self.open_from(0).map(|place| self.copies(place));
        let fewest = silent.filter(|copies| *copies > 0).min();
        let sent: usize = copies().sum();
        let bursts = || self.bursts.iter().filter(|_| sent > 0).map(|burst| burst.at_ms.into());
        SweepFacts {
            range: self.range,
            copies: number(fewest.unwrap_or_else(|| self.most_copies())),
            sent: number(sent),
            unsent: number(copies().filter(|copies| *copies == 0).count()),
            withheld: false,
            first_sent_ms: bursts().next(),
            last_sent_ms: bursts().next_back(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
    fn when_each_copy_left_is_known_although_only_bursts_are_remembered() {
        let mut rest = rest("1000-1999", &[1000, 1500, 1999]);
        let mut expected: BTreeMap<Port, Vec<u64>> = BTreeMap::new();
        for turn in 0.. {
            let Some((next, _)) = rest.next() else { break };
            let at_ms = turn / 20 * 3;
            match turn {
                // One that could not be sent, one that never left, and those that answer.
                250 => rest.failed(),
                turn => {
                    rest.left(at_ms);
                    expected.entry(next).or_default().push(at_ms);
                    if turn == 300 {
                        rest.did_not_leave(next);
                        expected.remove(&next);
                    } else if turn % 40 == 7 {
                        rest.settle(next);
                    }
                }
            }
        }
        for port in (0..1000).map_while(|offset| rest.range().nth(offset)) {
            let sent: Vec<u64> = rest.sent_ms(port).collect();
            assert_eq!(sent, expected.remove(&port).unwrap_or_default(), "{port}");
        }
        // A burst is twenty datagrams, and one of them begins the second copies.
        assert!(rest.bursts.len() <= 100, "{}", rest.bursts.len());
    }

    #[test]
    fn a_port_that_nobody_named_takes_less_than_two_bytes() {
        let mut rest = rest("50000-60000", &[50_000, 60_000]);
        for datagram in 0.. {
            if rest.next().is_none() {
                break;
            }
            rest.left(datagram / 20);
        }
        let bits = [&rest.named, &rest.settled, &rest.sent[0], &rest.sent[1]];
        let of_bits: usize = bits.iter().map(|bits| bits.0.len() * 8).sum();
        let of_bursts = rest.bursts.len() * size_of::<Burst>();
        assert!(of_bits + of_bursts < 2 * 10_001, "{of_bits} + {of_bursts}");
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
