//! When the next datagrams may leave, and how many.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::probe::UdpRate;

/// How much of the time that was lost is caught up: timers are late by a few milliseconds.
const CATCH_UP: Duration = Duration::from_millis(5);

/// As much of the rate leaves at once at most: timers tick once a millisecond.
const AT_ONCE: Duration = Duration::from_millis(2);

/// And no more datagrams than this, whatever the rate: a firewall on the way has to queue them.
const MOST_AT_ONCE: u32 = 64;

/// An even pace, for all datagrams of one probe together.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    most_at_once: u32,
    /// When the next datagram is due.
    due: Instant,
    /// A burst is given a moment to pass, also when more is due.
    not_before: Instant,
}

impl Pace {
    /// A pace that begins at `start`, without a debt.
    pub fn new(rate: UdpRate, start: Instant) -> Self {
        let gap = rate.gap();
        let in_burst = u32::try_from(AT_ONCE.as_nanos() / gap.as_nanos());
        Self {
            gap,
            most_at_once: in_burst.unwrap_or(MOST_AT_ONCE).clamp(1, MOST_AT_ONCE),
            due: start,
            not_before: start,
        }
    }

    /// When the next datagram may leave.
    pub fn next(&self) -> Instant {
        self.due.max(self.not_before)
    }

    /// How many may leave at once at `now`, when the next one may: those whose time has come.
    pub fn at_once(&self, now: Instant) -> u32 {
        let late = now.saturating_duration_since(self.due).min(CATCH_UP);
        let due = u32::try_from(late.as_nanos() / self.gap.as_nanos() + 1);
        due.unwrap_or(MOST_AT_ONCE).min(self.most_at_once)
    }

    /// So many left together at `now`.
    pub fn left(&mut self, now: Instant, datagrams: u32) {
        let held_up = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.due = self.due.max(held_up) + self.gap * datagrams;
        // A quarter of its time: what a timer rounds up to the next millisecond, so that a machine
        // that is late all the time can still catch up.
        self.not_before = now + self.gap * (datagrams - datagrams.min(1)) / 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What leaves together, by the millisecond, when nobody looks before the moment `from_ms`.
    fn bursts(rate: u32, from_ms: u64, to_ms: u64) -> Vec<u32> {
        let start = Instant::now();
        let mut pace = Pace::new(UdpRate::new(rate).unwrap(), start);
        let mut bursts = Vec::new();
        for ms in from_ms..to_ms {
            let now = start + Duration::from_millis(ms);
            while pace.next() <= now {
                let burst = pace.at_once(now);
                pace.left(now, burst);
                bursts.push(burst);
            }
        }
        bursts
    }

    #[test]
    fn each_tick_sends_what_became_due() {
        assert_eq!(bursts(20_000, 0, 5), [1, 20, 20, 20, 20]);
        assert_eq!(bursts(1000, 0, 5), [1, 1, 1, 1, 1]);
        assert_eq!(bursts(100, 0, 31), [1, 1, 1, 1]);
    }

    #[test]
    fn what_a_late_timer_cost_is_caught_up_in_small_bursts_and_no_more() {
        // 5 ms are caught up, 2 ms at a time: 100 datagrams, and 20 for each tick on the way.
        assert_eq!(bursts(20_000, 1000, 1006), [40, 40, 40, 40, 21, 20]);
        assert_eq!(bursts(1000, 1000, 1006).iter().sum::<u32>(), 11);
        assert_eq!(bursts(100, 1000, 1006), [1, 1]);
    }

    #[test]
    fn no_rate_makes_large_bursts() {
        assert_eq!(bursts(100_000, 0, 3), [1, 64, 64]);
    }
}
