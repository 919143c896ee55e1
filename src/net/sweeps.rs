//! What the sweeps of all addresses share: one rate, and which addresses may be swept.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::probe::UdpRate;

/// How much of the time that was lost is caught up: timers are late by a few milliseconds.
const CATCH_UP: Duration = Duration::from_millis(5);

/// The rate of a run and the addresses that may be swept. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub struct Sweeps {
    gap: Duration,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    /// When the next datagram is due.
    due: Instant,
    allowed: HashSet<IpAddr>,
    sent: u64,
}

impl Sweeps {
    /// Sweeps at this rate, of all addresses together; `allowed` are those that the operator named.
    pub fn new(rate: UdpRate, allowed: impl IntoIterator<Item = IpAddr>) -> Self {
        let allowed = allowed.into_iter().collect();
        let shared = Shared { due: Instant::now(), allowed, sent: 0 };
        Self { gap: rate.gap(), shared: Arc::new(Mutex::new(shared)) }
    }

    /// A turn for so many datagrams: when they may leave. Turns follow each other in the order in which
    /// they are taken, so that nobody has to try again and again.
    pub fn turn(&self, datagrams: u32) -> Instant {
        let now = Instant::now();
        self.with(|shared| {
            let at = shared.due.max(now.checked_sub(CATCH_UP).unwrap_or(now));
            shared.due = at + self.gap * datagrams;
            at
        })
    }

    /// This address answered something that only the deployment has.
    pub fn allow(&self, address: IpAddr) {
        self.with(|shared| shared.allowed.insert(address));
    }

    /// Whether every port of this address may be asked.
    pub fn is_allowed(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.with(|shared| shared.allowed.contains(&address))
    }

    /// So many datagrams of a sweep left.
    pub fn count(&self, datagrams: u32) {
        self.with(|shared| shared.sent += u64::from(datagrams));
    }

    /// How many datagrams of sweeps left so far.
    pub fn sent(&self) -> u64 {
        self.with(|shared| shared.sent)
    }

    fn with<T>(&self, read: impl FnOnce(&mut Shared) -> T) -> T {
        // Numbers and a set: whole whatever another thread was doing when it panicked.
        read(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So slow that no test is ever behind: a datagram is due every 10 ms.
    fn slow() -> Sweeps {
        Sweeps::new(UdpRate::new(100).unwrap(), [])
    }

    #[test]
    fn whoever_takes_a_turn_leaves_behind_all_that_were_taken_before() {
        let sweeps = slow();
        let others = sweeps.clone();
        let turns = [sweeps.turn(40), others.turn(200), sweeps.turn(1), others.turn(40)];
        let gaps: Vec<u128> = turns.windows(2).map(|two| (two[1] - two[0]).as_millis()).collect();
        assert_eq!(gaps, [400, 2000, 10]);
    }

    #[test]
    fn what_was_not_sent_in_time_is_not_sent_later_all_at_once() {
        let sweeps = Sweeps::new(UdpRate::new(100_000).unwrap(), []);
        std::thread::sleep(Duration::from_millis(50));
        let before = Instant::now();
        // Of 50 ms, in which 5,000 datagrams could have left, 5 are caught up.
        let turns: Vec<Instant> = (0..100).map(|_| sweeps.turn(10)).collect();
        assert!(turns[0] + CATCH_UP >= before);
        assert!(turns[99] - turns[0] >= sweeps.gap * 990, "{turns:?}");
    }

    #[test]
    fn only_what_the_operator_named_or_was_shown_to_be_the_deployment_is_swept() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let [named, shown, stranger] =
            ["203.0.113.20", "2001:db8::20", "203.0.113.21"].map(address);
        let sweeps = Sweeps::new(UdpRate::DEFAULT, [named]);
        let probe = sweeps.clone();
        assert_eq!([named, shown, stranger].map(|it| probe.is_allowed(it)), [true, false, false]);
        sweeps.allow(shown);
        assert_eq!([named, shown, stranger].map(|it| probe.is_allowed(it)), [true, true, false]);
        // This machine needs nobody's permission.
        assert!(probe.is_allowed(address("127.0.0.1")) && probe.is_allowed(address("::1")));
    }
}
