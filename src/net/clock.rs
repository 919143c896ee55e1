//! The only place that reads a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::timestamp::Timestamp;

/// The clock of one run: time since its start, and wall time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    started_at: Timestamp,
}

impl Clock {
    /// Starts the clock of a run.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        // A clock that says less than 1970 is wrong either way: it counts as 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            start: Instant::now(),
            started_at: Timestamp::from_unix_seconds(since_epoch.as_secs().cast_signed()),
        }
    }

    /// When the run started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Time since the start of the run.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Wall time now; it moves evenly, whatever happens to the system's clock meanwhile.
    pub fn now(&self) -> Timestamp {
        self.started_at.plus(self.elapsed())
    }
}
