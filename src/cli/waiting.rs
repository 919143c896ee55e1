//! `--wait`: runs again until the deployment is as it should be.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::signals::Interrupts;
use crate::config::value;

/// The flag that makes a check wait.
#[derive(Debug, clap::Args)]
pub struct Waiting {
    /// Run again until everything that is required passes, for at most this time, such as 90s or 5m;
    /// only the last run is reported
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = super::gating::GATE)]
    wait: Option<Duration>,
}

/// The time between two runs. A run sends some thousand packets.
const BETWEEN_RUNS: Duration = Duration::from_secs(5);

/// The longest time to wait.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `90`, `90s`, `5m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    value::duration_up_to(LONGEST, text)
        .ok_or_else(|| "must be a time such as 90s, 5m or 1h, at most 24h".to_owned())
}

impl Waiting {
    /// Begins to wait.
    pub fn begin(&self) -> Patience {
        Patience(self.wait.map(|wait| Instant::now() + wait))
    }
}

/// Until when a check runs again; `None`: it does not.
pub struct Patience(Option<Instant>);

/// How the time between two runs ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It is time for the next run.
    Over,
    /// There is no time for another run.
    NoTimeLeft,
    /// The user interrupted it.
    Interrupted,
}

impl Patience {
    /// Waits for the next run.
    pub async fn pause(&self, interrupts: &Interrupts) -> Pause {
        let next = Instant::now() + BETWEEN_RUNS;
        if self.0.is_none_or(|end| next > end) {
            return Pause::NoTimeLeft;
        }
        // The last report is written, as in a run that is interrupted.
        let probing = interrupts.probing();
        tokio::select! {
            () = sleep(BETWEEN_RUNS) => Pause::Over,
            () = probing.interrupt().clone().raised() => Pause::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("5m", 300), ("24h", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "0", "0m", "m", "-5", "5d", "1.5m", "25h", "99999999999999999999", "5mm"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
