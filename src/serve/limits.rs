//! How often clients of one network may do something.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::prefix::AddressPrefix;

/// The most networks that are remembered. The one that may come again first is forgotten for a new one.
const MOST_NETWORKS: usize = 4_096;

/// The networks that usually belong to one customer: a /24 of IPv4, a /56 of IPv6.
fn network_of(address: IpAddr) -> AddressPrefix {
    let length = if address.to_canonical().is_ipv4() { 24 } else { 56 };
    AddressPrefix::of(address, length)
}

/// A rate for each network, by the generic cell rate algorithm (ITU-T I.371): a burst, and then one after the other.
pub struct RateLimit {
    /// The time for which each counts.
    each: Duration,
    burst: u32,
    /// When all that was taken is paid off, since the start of the process.
    paid: HashMap<AddressPrefix, Duration>,
}

impl RateLimit {
    /// As many as `burst` in a minute.
    pub fn in_a_minute(burst: u32) -> Self {
        Self { each: Duration::from_secs(60) / burst, burst, paid: HashMap::new() }
    }

    /// Whether `address` may do it now, `now` being the time since the start of the process.
    pub fn allows(&self, address: IpAddr, now: Duration) -> bool {
        let paid = self.paid.get(&network_of(address)).copied().unwrap_or_default().max(now);
        paid + self.each <= now + self.each * self.burst
    }

    /// Counts one.
    pub fn count(&mut self, address: IpAddr, now: Duration) {
        let network = network_of(address);
        if self.paid.len() >= MOST_NETWORKS && !self.paid.contains_key(&network) {
            let first = self.paid.iter().min_by_key(|(_, paid)| **paid).map(|(it, _)| *it);
            first.map(|network| self.paid.remove(&network));
        }
        let paid = self.paid.entry(network).or_default();
        *paid = (*paid).max(now) + self.each;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_network_has_its_burst_and_then_one_after_the_other() {
        let mut limit = RateLimit::in_a_minute(3);
        let mut take = |address: &str, now| {
            let address = address.parse().unwrap();
            let may = limit.allows(address, now);
            if may {
                limit.count(address, now);
            }
            may
        };
        let same_network = ["203.0.113.1", "203.0.113.77", "::ffff:203.0.113.9", "203.0.113.1"];
        assert_eq!(same_network.map(|address| take(address, at(0))), [true, true, true, false]);
        assert!(take("203.0.114.1", at(0)));
        assert_eq!([19, 20, 20].map(|now| take("203.0.113.1", at(now))), [false, true, false]);
        assert_eq!([200; 4].map(|now| take("203.0.113.1", at(now))), [true, true, true, false]);
        // A customer of IPv6 has many /64.
        let same_customer = ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:ff::1", "2001:db8::1"];
        assert_eq!(same_customer.map(|address| take(address, at(0))), [true, true, true, false]);
    }

    #[test]
    fn the_table_does_not_grow_and_keeps_who_came_often() {
        let mut limit = RateLimit::in_a_minute(3);
        let often: IpAddr = "198.51.100.1".parse().unwrap();
        (0..3).for_each(|_| limit.count(often, at(0)));
        for number in 0..2 * MOST_NETWORKS as u32 {
            limit.count(IpAddr::V4((0x0a00_0000 + number * 256).into()), at(0));
        }
        assert_eq!(limit.paid.len(), MOST_NETWORKS);
        assert!(!limit.allows(often, at(0)));
    }
}
