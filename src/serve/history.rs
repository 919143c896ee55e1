//! The history of a prober: runs wait in memory until they are in the file, whatever keeps it from being written.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::record;
use super::target::{Judged, Outcome, Ran, Target};
use super::{Tell, visits};
use crate::config::serve::StoreConfig;
use crate::model::prober::{ProberModule, TargetName};
use crate::model::timestamp::Timestamp;
use crate::net::clock::Clock;
use crate::output::metrics::HistoryCounts;
use crate::store::{History, Store, StoreError};

/// The most bytes of reports that wait. When there are more, the oldest are lost.
const MOST_WAITING: usize = 32 * 1024 * 1024;

/// The pause after the file could not be written.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The time between two removals of old runs.
const REMOVE_EVERY: Duration = Duration::from_secs(60 * 60);

/// The readers at the same time.
const READERS: usize = 2;

/// The time for a reader to get its turn.
const FOR_TURN: Duration = Duration::from_secs(10);

/// A clock that is this much away from where it should be has jumped.
const JUMP: Duration = Duration::from_secs(60);

/// Nothing is removed for this time after the clock has jumped: it may jump back.
const AFTER_JUMP: Duration = Duration::from_secs(24 * 60 * 60);

/// The time to write what waits when the process ends.
const TO_END: Duration = Duration::from_secs(5);

/// Keeps the runs of a prober in a file.
pub struct HistoryKeeper {
    config: StoreConfig,
    tell: Tell,
    store: Arc<Mutex<Option<Store>>>,
    is_open: Arc<AtomicBool>,
    waiting: Mutex<Waiting>,
    has_run: Notify,
    readers: Semaphore,
    failed_writes: AtomicU64,
    /// What the operator was told last.
    trouble: Mutex<Option<StoreError>>,
}

#[derive(Default)]
struct Waiting {
    runs: VecDeque<WaitingRun>,
    bytes: usize,
    lost: u64,
}

#[derive(Clone)]
struct WaitingRun {
    target: TargetName,
    module: ProberModule,
    ran: Arc<Ran>,
}

impl WaitingRun {
    fn bytes(&self) -> usize {
        self.ran.judged().map_or(0, |judged| judged.json.len() + judged.text.len())
    }
}

/// The clock as it was, and since when it can be trusted to remove what is old.
struct Steadiness {
    clock: Clock,
    jumped: Option<Instant>,
}

impl HistoryKeeper {
    /// Opens the file. If that fails, it is tried again while the prober runs. Blocks for some seconds at most.
    pub fn open(config: &StoreConfig, tell: Tell) -> Arc<Self> {
        let keeper = Self {
            config: config.clone(),
            tell,
            store: Arc::default(),
            is_open: Arc::default(),
            waiting: Mutex::default(),
            has_run: Notify::new(),
            readers: Semaphore::new(READERS),
            failed_writes: AtomicU64::new(0),
            trouble: Mutex::default(),
        };
        let opened = Store::open(&config.path).map(|store| *lock(&keeper.store) = Some(store));
        keeper.is_open.store(opened.is_ok(), Ordering::Relaxed);
        keeper.tell_about(opened.err());
        Arc::new(keeper)
    }

    /// Begins to write and to remove. Must be called inside a runtime.
    pub fn start(self: &Arc<Self>) {
        tokio::spawn(write_all(Arc::clone(self)));
        tokio::spawn(remove_old(Arc::clone(self)));
    }

    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Whether the file could be opened.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    pub fn counts(&self) -> HistoryCounts {
        let waiting = lock(&self.waiting);
        HistoryCounts {
            failed_writes: self.failed_writes.load(Ordering::Relaxed),
            waiting: waiting.runs.len(),
            lost: waiting.lost,
        }
    }

    /// Keeps a run that has ended, if it has a report.
    pub fn keep(&self, target: &TargetName, module: ProberModule, ran: &Arc<Ran>) {
        let run = WaitingRun { target: target.clone(), module, ran: Arc::clone(ran) };
        if ran.judged().is_none() {
            return;
        }
        let mut waiting = lock(&self.waiting);
        waiting.bytes += run.bytes();
        waiting.runs.push_back(run);
        while waiting.bytes > MOST_WAITING && waiting.runs.len() > 1 {
            let Some(oldest) = waiting.runs.pop_front() else { break };
            waiting.bytes -= oldest.bytes();
            waiting.lost += 1;
        }
        self.has_run.notify_one();
    }

    /// Gives each module of these targets the last run of the history, with its age.
    pub fn restore(&self, targets: &[Arc<Target>]) {
        let Ok(history) = History::open(&self.config.path) else { return };
        let now = Clock::start().started_at();
        for target in targets {
            for module in target.config.modules.iter().copied() {
                let Ok(Some(run)) = history.newest(&target.config.name, module) else { continue };
                // The name may have been given to another deployment.
                let text = run.text.unwrap_or_default();
                let Ok(judged) = Judged::of(run.json, &text, module) else {
                    continue;
                };
                if judged.domain != target.config.run.deployment.domain.as_str() {
                    continue;
                }
                let age = u64::try_from(now.seconds_since(run.head.at)).unwrap_or_default();
                if let Some(mut state) = target.state(module) {
                    state.last = Some(Arc::new(Ran {
                        begun: Instant::now(),
                        older_by: Duration::from_secs(age),
                        outcome: Outcome::Judged(judged),
                    }));
                }
            }
        }
    }

    /// Reads the history, on a thread of its own.
    ///
    /// # Errors
    /// If it cannot be read, or too many others read it.
    pub async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&History) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = timeout(FOR_TURN, self.readers.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(StoreError::Locked) };
        let path = self.config.path.clone();
        let read = task::spawn_blocking(move || ask(&History::open(&path)?)).await;
        read.unwrap_or_else(|error| Err(StoreError::Other(error.to_string())))
    }

    /// Writes into the history, on a thread of its own: one after the other.
    ///
    /// # Errors
    /// If it cannot be written. The operator is told so, once.
    pub async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, path) = (Arc::clone(&self.store), self.config.path.clone());
        let is_open = Arc::clone(&self.is_open);
        let written = task::spawn_blocking(move || {
            let mut slot = lock(&store);
            let mut store = match slot.take() {
                // Somebody may have moved it away.
                Some(store) if path.exists() => store,
                Some(_) | None => Store::open(&path)?,
            };
            let written = write(&mut store);
            let stays = matches!(written, Ok(_) | Err(StoreError::Locked | StoreError::Full));
            is_open.store(stays, Ordering::Relaxed);
            // Otherwise it may be another file by now.
            *slot = stays.then_some(store);
            written
        });
        let written =
            written.await.unwrap_or_else(|error| Err(StoreError::Other(error.to_string())));
        if written.is_err() {
            self.failed_writes.fetch_add(1, Ordering::Relaxed);
        }
        self.tell_about(written.as_ref().err().cloned());
        written
    }

    /// Writes what waits, when the process ends.
    pub async fn end(&self) {
        let written = async { while self.write_next().await == Some(true) {} };
        // What is not written by then is lost with the process.
        let _ = timeout(TO_END, written).await;
        drop(lock(&self.store).take());
    }

    /// Writes the run that waits longest. `None`: none waits.
    async fn write_next(&self) -> Option<bool> {
        let run = lock(&self.waiting).runs.front().cloned()?;
        let same = run.clone();
        let written = self
            .write(move |store| {
                let Some(judged) = run.ran.judged() else { return Ok(()) };
                let record = record::of(&judged.json, &run.target, run.module);
                let Some(record) = record else { return Ok(()) };
                store.write_run(&record, &judged.json, &judged.text).map(drop)
            })
            .await;
        if written.is_ok() {
            let mut waiting = lock(&self.waiting);
            // It may have been lost meanwhile.
            if waiting.runs.front().is_some_and(|first| Arc::ptr_eq(&first.ran, &same.ran)) {
                waiting.runs.pop_front();
                waiting.bytes -= same.bytes();
            }
        }
        Some(written.is_ok())
    }

    /// Tells a trouble that is another than before, and that it is over.
    fn tell_about(&self, error: Option<StoreError>) {
        let mut known = lock(&self.trouble);
        if *known == error {
            return;
        }
        let path = self.config.path.display();
        match &error {
            Some(error) => (self.tell)(&format!(
                "warning: the history at {path} {error}. Checks go on, and what is new waits to be written. To fix it: {}",
                error.remedy()
            )),
            None => (self.tell)(&format!("the history at {path} is written again")),
        }
        *known = error;
    }

    /// Removes what is too old, unless the clock cannot be trusted.
    async fn remove_at(&self, steadiness: &mut Steadiness) {
        let newest = self.read(History::newest_time).await.ok().flatten();
        if let Some(why) = steadiness.doubt(newest, self.config.keep) {
            (self.tell)(&format!(
                "warning: {why}. Nothing is removed from the history for 24 hours."
            ));
        }
        if steadiness.is_doubtful() {
            return;
        }
        let now = steadiness.clock.now();
        let keep_from = now.minus(self.config.keep);
        let visits_from = now.minus(visits::KEPT);
        // The operator was told why it cannot be written.
        let _ = self.write(move |store| store.remove_visits(visits_from)).await;
        while self.write(move |store| store.remove_old(now, keep_from)).await == Ok(true) {
            // Runs are written between the batches.
            task::yield_now().await;
        }
    }
}

impl Steadiness {
    fn start() -> Self {
        Self { clock: Clock::start(), jumped: None }
    }

    /// Looks at the clock. Returns what is wrong with it, once for each time.
    fn doubt(&mut self, newest: Option<Timestamp>, keep: Duration) -> Option<String> {
        let (even, wall) = (self.clock.now(), Clock::start());
        let jump = wall.started_at().seconds_since(even);
        let is_first = self.clock.elapsed() < JUMP;
        self.clock = wall;
        let why = why_doubtful(jump, is_first.then_some(newest).flatten(), wall.started_at(), keep);
        if why.is_some() {
            self.jumped = Some(Instant::now());
        }
        why
    }

    fn is_doubtful(&self) -> bool {
        self.jumped.is_some_and(|jumped| jumped.elapsed() < AFTER_JUMP)
    }
}

/// Why a clock is doubtful that is `jump` seconds from where it should be and says `now`. `newest`: the time of the
/// newest run when the process began.
fn why_doubtful(
    jump: i64,
    newest: Option<Timestamp>,
    now: Timestamp,
    keep: Duration,
) -> Option<String> {
    if jump.unsigned_abs() > JUMP.as_secs() {
        return Some(format!("the clock of this machine jumped by {jump} s"));
    }
    let since = now.seconds_since(newest?);
    if since < -JUMP.as_secs().cast_signed() {
        return Some(format!("the clock of this machine is {} s behind the last run", -since));
    }
    (since.unsigned_abs() > keep.as_secs() / 2).then(|| {
        let days = since / (24 * 60 * 60);
        format!("the clock of this machine is {days} days after the last run")
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes runs without end.
async fn write_all(keeper: Arc<HistoryKeeper>) {
    loop {
        match keeper.write_next().await {
            Some(true) => {}
            Some(false) => tokio::time::sleep(AFTER_FAILURE).await,
            // Without a run, the file is opened again from time to time.
            None if !keeper.is_open() => {
                let _ = timeout(AFTER_FAILURE, keeper.has_run.notified()).await;
                // The operator was told why it is not open.
                let _ = keeper.write(|_| Ok(())).await;
            }
            None => keeper.has_run.notified().await,
        }
    }
}

/// Removes what is too old, again and again.
async fn remove_old(keeper: Arc<HistoryKeeper>) {
    let mut steadiness = Steadiness::start();
    let mut hours = interval(REMOVE_EVERY);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        if keeper.is_open() {
            keeper.remove_at(&mut steadiness).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_or_is_far_from_the_last_run_is_doubtful() {
        let (day, keep) = (24 * 60 * 60, Duration::from_secs(90 * 24 * 60 * 60));
        let now = Timestamp::from_unix_seconds(1_790_000_000);
        let ago = |seconds: i64| Some(Timestamp::from_unix_seconds(1_790_000_000 - seconds));
        let table = [
            (0, None, None),
            (30, ago(60), None),
            (-30, ago(40 * day), None),
            (61, None, Some("jumped by 61 s")),
            (-3_600, ago(60), Some("jumped by -3600 s")),
            (0, ago(-day), Some("behind the last run")),
            (0, ago(46 * day), Some("46 days after the last run")),
        ];
        for (jump, newest, expected) in table {
            let why = why_doubtful(jump, newest, now, keep);
            assert_eq!(why.is_some(), expected.is_some(), "{why:?}");
            assert!(why.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
    }
}
