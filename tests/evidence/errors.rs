//! The ICMP errors that a machine may still send.

use ovcheck::model::target::Family;

use crate::ground::Ground;
use crate::node::Node;
use crate::setting::Place;

/// What a Linux machine saves at most for one address: thousandths of an error.
pub const FULL: u64 = 6000;

/// What it saves at most for all addresses, and gets back in a millisecond.
const FULL_FOR_ALL: u64 = 50_000;
const FOR_ALL_PER_MS: u64 = 1000;

/// The ICMP errors that a machine, and the router before it, may still send us.
pub struct Errors {
    for_us: Bucket,
    for_all: Bucket,
    of_router: Bucket,
    /// Loopback is not limited.
    is_limited: bool,
    counts_all: bool,
    crowded: std::ops::Range<u64>,
}

/// Thousandths of errors.
struct Bucket {
    holds: u64,
    at_most: u64,
    per_ms: u64,
    at: u64,
}

impl Bucket {
    fn has_one(&mut self, now: u64) -> bool {
        let renewed = (now - self.at) * self.per_ms;
        self.holds = (self.holds + renewed).min(self.at_most);
        self.at = now;
        self.holds >= 1000
    }

    fn take(&mut self) {
        self.holds = self.holds.saturating_sub(1000);
    }
}

fn per_ms(ground: &Ground) -> u64 {
    match ground.setting.family {
        Family::V4 => 1,
        Family::V6 => 10,
    }
}

impl Errors {
    pub fn of(ground: &Ground, node: &Node) -> Self {
        let bucket = |holds, at_most, per_ms| Bucket { holds, at_most, per_ms, at: 0 };
        Self {
            for_us: bucket(node.budget, FULL, per_ms(ground)),
            for_all: bucket(FULL_FOR_ALL, FULL_FOR_ALL, FOR_ALL_PER_MS),
            of_router: bucket(FULL, FULL, per_ms(ground)),
            is_limited: ground.setting.place != Place::Itself,
            counts_all: node.counts_all,
            crowded: node.crowded.0..node.crowded.1,
        }
    }

    /// What a budget of `left` has become `gap` milliseconds later.
    pub fn after(ground: &Ground, left: u64, gap: u64) -> u64 {
        (left + gap * per_ms(ground)).min(FULL)
    }

    /// Whether the machine would send an error now.
    pub fn has_one(&mut self, now: u64) -> bool {
        let has_one = self.for_all.has_one(now) && !self.crowded.contains(&now);
        !self.is_limited || (self.for_us.has_one(now) && has_one)
    }

    /// Sends an error, if there is one.
    pub fn draw(&mut self, now: u64) -> bool {
        let has_one = self.has_one(now);
        if has_one {
            self.for_us.take();
            self.for_all.take();
        } else {
            self.stopped(1);
        }
        has_one
    }

    /// So many were stopped.
    pub fn stopped(&mut self, count: u64) {
        if self.counts_all {
            (0..count).for_each(|_| self.for_all.take());
        }
    }

    /// Whether the router before the machine would send one of its own now.
    pub fn router_has_one(&mut self, now: u64) -> bool {
        self.of_router.has_one(now)
    }

    /// Sends one of the router's, if there is one.
    pub fn router_sends_one(&mut self, now: u64) -> bool {
        let has_one = self.router_has_one(now);
        if has_one {
            self.of_router.take();
        }
        has_one
    }

    /// What is left for us.
    pub fn left_for_us(mut self, now: u64) -> u64 {
        self.for_us.has_one(now);
        self.for_us.holds
    }
}
