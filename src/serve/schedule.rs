//! Runs without a request: the targets with a time between two runs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::runs::Runs;
use super::target::Target;
use crate::model::prober::TargetName;

/// The time that each further target adds to the time over which the first runs are spread.
const FOR_EACH: Duration = Duration::from_secs(10);

/// Begins the schedules of all targets that have none yet. One ends when its target is no longer served.
///
/// The first runs are spread by the names, so that a hundred targets do not run at once.
pub fn keep(runs: &Arc<Runs>) {
    let targets = runs.targets();
    let others = u32::try_from(targets.len()).unwrap_or(u32::MAX).saturating_sub(1);
    for target in targets {
        let Some(every) = target.config.every else { continue };
        if target.take_schedule() {
            let first = phase(&target.config.name, every.min(FOR_EACH * others));
            tokio::spawn(run_every(Arc::downgrade(runs), Arc::downgrade(&target), first, every));
        }
    }
}

/// Runs all modules of a target, again and again.
async fn run_every(runs: Weak<Runs>, target: Weak<Target>, first: Duration, every: Duration) {
    sleep(first).await;
    loop {
        let begun = Instant::now();
        {
            let (Some(runs), Some(target)) = (runs.upgrade(), target.upgrade()) else { return };
            if !runs.serves(&target) {
                return;
            }
            for module in target.config.modules.iter().copied() {
                // Longer than any run, and shorter than the next round.
                let by = Instant::now() + every.max(module.longest());
                runs.result(&target, module, by).await;
            }
        }
        sleep(every.saturating_sub(begun.elapsed())).await;
    }
}

/// The part of a time after which the first run of a target begins: always the same for the same name.
fn phase(name: &TargetName, time: Duration) -> Duration {
    let hash = Sha256::digest(name.as_str());
    let share = u16::from_be_bytes([hash[0], hash[1]]);
    time * u32::from(share) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_begin_spread_over_the_time_between_two_runs() {
        let every = Duration::from_secs(900);
        let phases: Vec<Duration> = (0..120)
            .map(|number| phase(&format!("site-{number}").parse().unwrap(), every))
            .collect();
        assert!(phases.iter().all(|phase| *phase <= every));
        let thirds: Vec<usize> = (0..3)
            .map(|third| phases.iter().filter(|phase| phase.as_secs() / 300 == third).count())
            .collect();
        assert!(thirds.iter().all(|count| *count > 20), "{thirds:?}");
    }
}
