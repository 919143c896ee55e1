//! When the next datagram may leave.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::probe::UdpRate;

/// How much of the time that was lost is caught up at once: timers are late by a few
/// milliseconds.
const CATCH_UP: Duration = Duration::from_millis(5);

/// An even pace, for all datagrams of one probe together.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: Instant,
}

impl Pace {
    /// A pace that begins at `start`, without a debt.
    pub fn new(rate: UdpRate, start: Instant) -> Self {
        Self {
            gap: rate.gap(),
            next: start,
        }
    }

    /// When the next datagram may leave.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// One left at `now`.
    pub fn left(&mut self, now: Instant) {
        let held_up = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.next = self.next.max(held_up) + self.gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_late_timer_cost_is_caught_up_and_no_more() {
        let start = Instant::now();
        let mut pace = Pace::new(UdpRate::new(1000).unwrap(), start);
        let late = start + Duration::from_secs(1);
        let mut sent_at_once = 0;
        while pace.next() <= late {
            pace.left(late);
            sent_at_once += 1;
        }
        assert_eq!(sent_at_once, 6);
        assert_eq!(pace.next(), late + Duration::from_millis(1));
    }
}
