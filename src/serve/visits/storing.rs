//! Visits in the history: read when the process starts, and written whenever one changes. They stay in memory, so that a file
//! that cannot be read or written takes nothing from a user.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{KnownVisit, MOST_VISITS, Visits};
use crate::model::visit::{StoredVisits, VisitChanges};
use crate::serve::history::HistoryKeeper;
use crate::store::History;

/// The pause after the file could not be read or written.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The time to write what has changed when the process ends.
const TO_END: Duration = Duration::from_secs(5);

impl Visits {
    /// Takes over the visits of a former process. What this one knows already stays.
    pub fn restore(&self, stored: StoredVisits) {
        let mut state = self.lock();
        let StoredVisits { visits: mut older, day } = stored;
        older.retain(|visit| state.find(visit.code).is_none());
        // The newest, as far as there is room.
        let room = MOST_VISITS.saturating_sub(state.visits.len());
        let older = older.split_off(older.len().saturating_sub(room));
        let older = older.into_iter().map(|visit| KnownVisit { visit, running: None });
        state.visits.splice(..0, older);
        if state.day.number == day.number {
            state.day.begun += day.begun;
        } else if state.day.begun == 0 {
            state.day = day;
        }
    }

    /// What was not written yet. `None`: nothing.
    pub(super) fn changes(&self) -> Option<VisitChanges> {
        let state = self.lock();
        let changed = &state.changed;
        if changed.is_empty() {
            return None;
        }
        let visits = state.visits.iter().map(|known| &known.visit);
        Some(VisitChanges {
            kept: visits.filter(|visit| changed.contains(&visit.code)).cloned().collect(),
            removed: changed.iter().copied().filter(|code| state.find(*code).is_none()).collect(),
            day: state.day,
        })
    }

    /// Takes note that these changes are written. What has changed again meanwhile remains to be written.
    pub(super) fn were_written(&self, changes: &VisitChanges) {
        let mut state = self.lock();
        for visit in &changes.kept {
            if state.find(visit.code).is_some_and(|known| known.visit == *visit) {
                state.changed.remove(&visit.code);
            }
        }
        for code in &changes.removed {
            state.changed.remove(code);
        }
    }

    /// Writes what has changed. Returns whether that was possible.
    async fn write(&self, history: &HistoryKeeper) -> bool {
        let _turn = self.writing.lock().await;
        let Some(changes) = self.changes() else { return true };
        let changes = Arc::new(changes);
        let same = Arc::clone(&changes);
        let is_written = history.write(move |store| store.write_visits(&same)).await.is_ok();
        if is_written {
            self.were_written(&changes);
        }
        is_written
    }

    /// Writes what has changed, when the process ends.
    pub async fn end(&self, history: &HistoryKeeper) {
        // What is not written by then is lost with the process.
        let _ = timeout(TO_END, self.write(history)).await;
    }
}

/// Reads the visits of a former process, and then writes those that change, without end. Must be called inside a runtime. May
/// block for some seconds, if the file is locked.
pub fn keep(visits: &Arc<Visits>, history: &Arc<HistoryKeeper>) {
    let stored = History::open(&history.config().path).and_then(|history| history.visits());
    let mut is_restored = stored.is_ok();
    visits.restore(stored.unwrap_or_default());
    let (visits, history) = (Arc::clone(visits), Arc::clone(history));
    tokio::spawn(async move {
        loop {
            if !is_restored {
                // The operator is told by who writes.
                let stored = history.read(History::visits).await;
                is_restored = stored.is_ok();
                visits.restore(stored.unwrap_or_default());
            }
            let is_written = visits.write(&history).await;
            if is_restored && is_written {
                visits.has_change.notified().await;
            } else {
                sleep(AFTER_FAILURE).await;
            }
        }
    });
}
