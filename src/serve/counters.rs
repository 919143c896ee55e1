//! What the process counts of itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::target::Outcome;
use crate::model::prober::{ProberModule, TargetName};
use crate::output::metrics::ProcessCounts;

/// Counters since the start of the process.
#[derive(Default)]
pub struct Counters {
    runs: Mutex<BTreeMap<(TargetName, ProberModule, &'static str), u64>>,
    requests: Mutex<BTreeMap<u16, u64>>,
    running: AtomicUsize,
}

/// A run under way, until it is dropped.
pub struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    /// A run begins.
    pub fn running(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(&self.running)
    }

    /// A run has ended.
    pub fn ran(&self, target: &TargetName, module: ProberModule, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Judged(judged) => judged.series.result(),
            Outcome::Refused(_) => "refused",
            Outcome::Crashed => "crashed",
        };
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        *runs.entry((target.clone(), module, outcome)).or_default() += 1;
    }

    /// A request for `/probe` was answered with this status.
    pub fn answered(&self, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(status).or_default() += 1;
    }

    /// All of them.
    pub fn read(&self) -> ProcessCounts {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        ProcessCounts {
            runs: (runs.iter())
                .map(|((target, module, outcome), count)| {
                    (target.to_string(), module.to_string(), *outcome, *count)
                })
                .collect(),
            requests: requests.iter().map(|(status, count)| (*status, *count)).collect(),
            in_flight: self.running.load(Ordering::Relaxed),
            visits: None,
            history: None,
            alerts: None,
        }
    }
}
