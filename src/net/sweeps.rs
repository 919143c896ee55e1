//! What the sweeps of all addresses share: one rate, and which addresses may be swept.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::model::probe::UdpRate;

/// How often it is looked whether what goes ahead has left.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

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
    /// How many services over UDP have not been asked for the first time.
    ahead: HashMap<IpAddr, u32>,
}

/// A service of an address that is asked before the address's other UDP ports, because a node has few
/// ICMP errors to send. Dropped once the first datagram has left, or will not.
#[derive(Debug)]
pub struct Ahead {
    sweeps: Sweeps,
    address: IpAddr,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.sweeps.with(|shared| {
            if let Some(services) = shared.ahead.get_mut(&self.address) {
                *services = services.saturating_sub(1);
            }
        });
    }
}

impl Sweeps {
    /// Sweeps at this rate, of all addresses together; `allowed` are those that the operator named.
    pub fn new(rate: UdpRate, allowed: impl IntoIterator<Item = IpAddr>) -> Self {
        let allowed = allowed.into_iter().collect();
        let ahead = HashMap::new();
        let shared = Shared { due: Instant::now(), allowed, sent: 0, ahead };
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

    /// The ports of this address wait for one more service.
    pub fn put_ahead(&self, address: IpAddr) {
        self.with(|shared| *shared.ahead.entry(address).or_default() += 1);
    }

    /// A service that was put ahead, about to be asked.
    pub fn ahead(&self, address: IpAddr) -> Ahead {
        Ahead { sweeps: self.clone(), address }
    }

    /// Waits until all services of this address were asked that were put ahead, no longer than until
    /// `deadline`.
    pub async fn let_pass(&self, address: IpAddr, deadline: Instant) {
        let is_any = || self.with(|shared| shared.ahead.get(&address).is_some_and(|it| *it > 0));
        while is_any() && Instant::now() < deadline {
            sleep(BETWEEN_LOOKS).await;
        }
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

    #[tokio::test]
    async fn the_ports_of_an_address_wait_for_the_services_that_are_ahead() {
        let (sweeps, address) = (slow(), IpAddr::from([192, 0, 2, 1]));
        let soon = || Instant::now() + Duration::from_secs(10);
        sweeps.put_ahead(address);
        sweeps.put_ahead(address);
        let services = [sweeps.ahead(address), sweeps.ahead(address)];
        let waiting = tokio::spawn({
            let sweeps = sweeps.clone();
            async move { sweeps.let_pass(address, soon()).await }
        });
        let [first, second] = services;
        drop(first);
        sleep(BETWEEN_LOOKS * 10).await;
        assert!(!waiting.is_finished());
        // Those of another address do not.
        sweeps.let_pass(IpAddr::from([192, 0, 2, 2]), soon()).await;
        drop(second);
        waiting.await.unwrap();
        // The wait ends at its deadline.
        sweeps.put_ahead(address);
        sweeps.let_pass(address, Instant::now()).await;
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
