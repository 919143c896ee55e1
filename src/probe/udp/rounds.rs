//! What leaves next, and when: the rounds of the named ports, their sentinels, and the rest of a
//! range in between.

use std::time::Duration;

use tokio::time::Instant;

use super::watched::Watched;
use super::{LAST_ANSWER, Sweep, Turn};
use crate::model::port::Port;

/// When each round begins, counted from the end of the first one. The last is more than a second
/// (the time in which a Linux node gets one more ICMP error to send) behind it, and a little before
/// a SYN that was sent at the same time is sent again.
pub(super) const ROUNDS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(350), Duration::from_millis(1020)];

/// How many milliseconds after the last copy of each round its sentinels are asked. The first round
/// needs none: whoever answers in it is one. Two answers within a tenth of a second show that one
/// error was there before (ten a second is the most that Linux gives out). The later ones of a
/// round stand behind the copies that other probes of the node send at about the same time. All
/// together, and the port's first answer, are what a Linux node has to give in the time.
const SENTINELS: [&[u64]; 3] = [&[], &[0, 30], &[0, 30, 60, 75]];

/// How many sentinels are asked at most, in all rounds.
pub(super) const MOST_SENTINELS: usize =
    SENTINELS[0].len() + SENTINELS[1].len() + SENTINELS[2].len();

/// How long before the last round the rest of a range keeps quiet, so that the node has an error
/// left for that round: IPv4 nodes get one a second after they spent all, which is later; IPv6
/// nodes get ten a second. Where nothing draws errors it goes on: who drops spends none.
pub(super) const QUIET_BEFORE: Duration = Duration::from_millis(120);

/// How long after the beginning of the last round it goes on: when the sentinels were asked.
const QUIET_AFTER: Duration = Duration::from_millis(85);

/// Where a sweep stands.
pub(super) struct Round {
    /// The place in [`ROUNDS`].
    pub number: usize,
    pub started: Instant,
    /// The place of the next port.
    pub next: usize,
    /// When its newest copy was sent.
    pub last: Instant,
    /// How many of its sentinels were asked.
    pub sentinels: usize,
}

impl Round {
    pub fn new(number: usize, started: Instant) -> Self {
        Self { number, started, next: 0, last: started, sentinels: 0 }
    }
}

/// What is to be sent next.
pub(super) enum Due {
    /// A copy for the port at this place.
    Copy(usize),
    /// A sentinel, behind the last copy of a round.
    Sentinel(Port),
    /// Copies for ports that nobody named.
    Rest,
    /// Nothing more.
    Nothing,
}

impl Sweep<'_> {
    /// What is to be sent next, and when: at the same time those first that were named.
    pub(super) fn next_due(&mut self, now: Instant) -> (Due, Instant) {
        let (due, at) = self.next_of_named(now);
        match self.next_of_rest(now) {
            Some(rest_at) if matches!(due, Due::Nothing) || rest_at < at => (Due::Rest, rest_at),
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
            let refused = self.ports.iter().find(|port| port.is_refused());
            let sentinel = refused.map(|port| port.port).or(self.sentinel_elsewhere);
            if let (Some(after), Some(port)) =
                (SENTINELS[round.number].get(round.sentinels), sentinel)
            {
                let after = Duration::from_millis(*after);
                return (Due::Sentinel(port), at.max(round.last + after));
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

    fn next_of_rest(&mut self, now: Instant) -> Option<Instant> {
        if !self.may_sweep() {
            return None;
        }
        let last_round = self.newest + ROUNDS[ROUNDS.len() - 1];
        let quiet = (last_round - QUIET_BEFORE)..(last_round + QUIET_AFTER);
        let (port, copy) = self.rest.as_mut()?.next()?;
        let may_draw = self.may_draw_errors(port, copy, quiet.start);
        let at = (self.newest + ROUNDS[copy]).max(self.pace.next()).max(now);
        if may_draw && quiet.contains(&at) {
            // It lies in the quiet, and that of all addresses: used afterwards, all would leave at once.
            self.turn = None;
            return Some(quiet.end);
        }
        // A turn is taken when it can be used, so that the others do not wait for it.
        if at > now {
            return Some(at);
        }
        let turn = *self.turn.get_or_insert_with(|| {
            let datagrams = self.pace.at_once(now);
            Turn { at: self.net.sweeps.turn(datagrams), datagrams }
        });
        Some(at.max(turn.at))
    }

    /// Whether the next copies for the rest could cost the node an ICMP error that the last round
    /// needs. They cannot when no error came for any port at all, and these ports were asked so long ago
    /// that theirs would be here: an error for a port that was named may have been the last that the
    /// node had to give, and then the silence of the others says nothing.
    fn may_draw_errors(&self, port: Port, copy: usize, by: Instant) -> bool {
        let first_ms = self.rest.as_ref().and_then(|rest| rest.sent_ms(port).next());
        let asked_ms = first_ms.filter(|_| copy > 0);
        let asked = asked_ms.map(|ms| self.started + Duration::from_millis(ms));
        self.drew_error || asked.is_none_or(|asked| asked + LAST_ANSWER > by)
    }
}
