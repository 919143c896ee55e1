//! Who runs when: one run at a time for a target, a few at the same time for all, and a result that is asked for twice is made
//! once.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::alerts::Alerts;
use super::counters::Counters;
use super::history::HistoryKeeper;
use super::target::{Outcome, Ran, Target};
use crate::app::Interrupt;
use crate::config::serve::{ServeConfig, ServeTarget};
use crate::model::prober::{ProberModule, TargetName};
use crate::model::secret::Secret;
use crate::output::metrics::ProcessCounts;

/// What a run is asked to do.
pub struct Order {
    pub target: ServeTarget,
    pub module: ProberModule,
    /// The time that is left for it.
    pub time: Duration,
    pub interrupt: Interrupt,
}

/// Makes a run.
pub type Check = Arc<dyn Fn(Order) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// The result of a request.
pub enum Answer {
    /// Of this run, which may have ended before.
    Ran(Arc<Ran>),
    /// It had not ended by the time until which the request waits.
    NotYet,
}

/// Who gets to know every run that has ended.
#[derive(Default)]
pub struct Observers {
    /// Where runs are kept, if they are.
    pub history: Option<Arc<HistoryKeeper>>,
    pub alerts: Option<Alerts>,
}

impl Observers {
    fn ended(&self, target: &TargetName, module: ProberModule, ran: &Arc<Ran>) {
        if let Some(history) = &self.history {
            history.keep(target, module, ran);
        }
        if let Some(alerts) = &self.alerts {
            alerts.ended(target, module, ran);
        }
    }
}

/// All targets and their runs.
pub struct Runs {
    pub counters: Counters,
    pub operator_token: Option<Secret>,
    pub observers: Observers,
    at_once: usize,
    check: Check,
    targets: Mutex<BTreeMap<TargetName, Arc<Target>>>,
    slots: Arc<Semaphore>,
    /// Sweeps send some thousand datagrams a second: two of them would show each other's losses.
    sweeping: Arc<Semaphore>,
    raise: watch::Sender<bool>,
    interrupt: Interrupt,
}

impl Runs {
    pub fn new(config: &ServeConfig, check: Check, observers: Observers) -> Self {
        let (raise, interrupt) = Interrupt::new();
        let targets = config
            .targets
            .iter()
            .map(|target| (target.name.clone(), Arc::new(Target::new(target.clone()))));
        Self {
            counters: Counters::default(),
            operator_token: config.operator_token.clone(),
            observers,
            at_once: config.runs_at_once,
            check,
            targets: Mutex::new(targets.collect()),
            slots: Arc::new(Semaphore::new(config.runs_at_once)),
            sweeping: Arc::new(Semaphore::new(1)),
            raise,
            interrupt,
        }
    }

    /// What was counted.
    pub fn counts(&self) -> ProcessCounts {
        let history = self.observers.history.as_ref().map(|history| history.counts());
        let alerts = self.observers.alerts.as_ref().map(Alerts::counts);
        ProcessCounts { history, alerts, ..self.counters.read() }
    }

    /// The target of this name.
    pub fn target(&self, name: &str) -> Option<Arc<Target>> {
        let name: TargetName = name.parse().ok()?;
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    /// All targets, in the order of their names.
    pub fn targets(&self) -> Vec<Arc<Target>> {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.values().cloned().collect()
    }

    /// The modules of all targets, and the last run of each.
    pub fn last_runs(&self) -> Vec<(Arc<Target>, ProberModule, Option<Arc<Ran>>)> {
        let of_target = |target: Arc<Target>| {
            let runs = target.last_runs().into_iter();
            runs.map(move |(module, ran)| (Arc::clone(&target), module, ran))
        };
        self.targets().into_iter().flat_map(of_target).collect()
    }

    /// Whether it is still this one that is served under its name.
    pub fn serves(&self, target: &Arc<Target>) -> bool {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.get(&target.config.name).is_some_and(|served| Arc::ptr_eq(served, target))
    }

    /// Takes over other targets. Those that are as before keep their results, and so do those whose file is broken now.
    /// Returns the settings that stay what they were.
    pub fn replace(&self, config: &ServeConfig) -> Vec<&'static str> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = BTreeMap::new();
        for target in &config.targets {
            let known = targets.get(&target.name).filter(|known| known.config == *target);
            let same = known.cloned();
            next.insert(
                target.name.clone(),
                same.unwrap_or_else(|| Arc::new(Target::new(target.clone()))),
            );
        }
        for broken in &config.broken {
            let name: Option<TargetName> = broken.name.parse().ok();
            if let Some((name, known)) = name.and_then(|name| targets.get_key_value(&name)) {
                next.insert(name.clone(), Arc::clone(known));
            }
        }
        *targets = next;
        let mut unchanged = Vec::new();
        if config.operator_token != self.operator_token {
            unchanged.push("operator-token-file");
        }
        if config.runs_at_once != self.at_once {
            unchanged.push("at-once");
        }
        if config.store.as_ref() != self.observers.history.as_ref().map(|history| history.config())
        {
            unchanged.push("[store]");
        }
        let alerts = self.observers.alerts.as_ref();
        if let Some(alerts) = alerts {
            let of_target = |(name, target): (&TargetName, &Arc<Target>)| {
                let name = name.clone();
                let modules = target.config.modules.clone().into_iter();
                modules.map(move |module| (name.clone(), module))
            };
            alerts.serve_only(targets.iter().flat_map(of_target).collect());
        }
        if config.alert.as_ref() != alerts.map(Alerts::config) {
            unchanged.push("[alert]");
        }
        unchanged
    }

    /// The result of a module of a target: a recent one, that of the run that is under way, or of one that begins now.
    /// Waits until `by` at most. `None`: the target does not have this module.
    pub async fn result(
        self: &Arc<Self>,
        target: &Arc<Target>,
        module: ProberModule,
        by: Instant,
    ) -> Option<Answer> {
        let mut running = {
            let mut state = target.state(module)?;
            if let Some(last) = &state.last
                && last.is_recent(module, Instant::now())
            {
                return Some(Answer::Ran(Arc::clone(last)));
            }
            match &state.running {
                Some(running) => running.clone(),
                None => {
                    let running = self.begin(Arc::clone(target), module, by);
                    state.running = Some(running.clone());
                    running
                }
            }
        };
        let ended = timeout_at(by, running.wait_for(Option::is_some)).await;
        Some(match ended {
            Ok(Ok(ran)) => match ran.as_ref() {
                Some(ran) => Answer::Ran(Arc::clone(ran)),
                None => Answer::NotYet,
            },
            // Its time was over before it began, or this request's before it ended.
            Ok(Err(_)) | Err(_) => Answer::NotYet,
        })
    }

    /// Begins a run, which goes on whether its result is waited for or not.
    fn begin(
        self: &Arc<Self>,
        target: Arc<Target>,
        module: ProberModule,
        by: Instant,
    ) -> watch::Receiver<Option<Arc<Ran>>> {
        let (done, running) = watch::channel(None);
        let runs = Arc::clone(self);
        tokio::spawn(async move {
            let begun = Instant::now();
            let outcome = runs.run(&target, module, by).await;
            let ran =
                outcome.map(|outcome| Arc::new(Ran { begun, older_by: Duration::ZERO, outcome }));
            if let Some(mut state) = target.state(module) {
                state.running = None;
                if let Some(ran) = &ran {
                    state.last = Some(Arc::clone(ran));
                }
            }
            if let Some(ran) = ran {
                runs.observers.ended(&target.config.name, module, &ran);
                runs.counters.ran(&target.config.name, module, &ran.outcome);
                // The requests that waited may have ended.
                done.send_replace(Some(ran));
            }
        });
        running
    }

    /// Waits for its turn, and runs. `None`: the time was over before.
    async fn run(&self, target: &Target, module: ProberModule, by: Instant) -> Option<Outcome> {
        let waiting = async {
            let turn = target.turn.lock().await;
            let sweep = match module {
                ProberModule::Full => Some(self.sweeping.acquire().await),
                ProberModule::Fast | ProberModule::Call | ProberModule::Certificates => None,
            };
            (turn, sweep, self.slots.acquire().await)
        };
        let _held = timeout_at(by, waiting).await.ok()?;
        let left = by.saturating_duration_since(Instant::now());
        let order = Order {
            target: target.config.clone(),
            module,
            time: left.min(module.longest()),
            interrupt: self.interrupt.clone(),
        };
        let _running = self.counters.running();
        Some((self.check)(order).await)
    }

    /// Interrupts the runs, and waits for their end, but not longer than this.
    pub async fn end(&self, longest: Duration) {
        self.raise.send_replace(true);
        let all = u32::try_from(self.at_once).unwrap_or(u32::MAX);
        // When all slots are free, no run is left. A run that takes longer is cut off.
        let _ = timeout(longest, self.slots.acquire_many(all)).await;
    }
}

impl Ran {
    /// Whether it is too early for the next run. One that could not begin has sent nothing, and may be tried again.
    fn is_recent(&self, module: ProberModule, now: Instant) -> bool {
        match self.outcome {
            Outcome::Judged(_) => {
                let age = now.saturating_duration_since(self.begun).saturating_add(self.older_by);
                age < module.least_distance()
            }
            Outcome::Refused(_) | Outcome::Crashed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;
    use crate::complaint::{Complaint, Place};
    use crate::config::serve::BrokenTarget;
    use crate::config::{Flags, load};

    /// Runs that last until they are let go, and how many began.
    struct Held {
        runs: Arc<Runs>,
        begun: Arc<AtomicUsize>,
        end: Arc<Notify>,
    }

    fn target(name: &str, domain: &str) -> ServeTarget {
        let flags = Flags { domain: domain.parse().ok(), ..Flags::default() };
        ServeTarget {
            name: name.parse().unwrap(),
            run: load(&flags, &|_| None, None).unwrap(),
            modules: [ProberModule::Fast, ProberModule::Full].into(),
            every: None,
            labels: BTreeMap::new(),
        }
    }

    fn config(targets: Vec<ServeTarget>) -> ServeConfig {
        ServeConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            operator_token: None,
            runs_at_once: 2,
            store: None,
            alert: None,
            targets,
            broken: Vec::new(),
            page: None,
        }
    }

    fn held(targets: Vec<ServeTarget>) -> Held {
        let (begun, end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, ended) = (Arc::clone(&begun), Arc::clone(&end));
        let check: Check = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let ended = Arc::clone(&ended);
            Box::pin(async move {
                ended.notified().await;
                Outcome::Refused(Complaint::new("it was let go", Place::Nowhere))
            })
        });
        Held {
            runs: Arc::new(Runs::new(&config(targets), check, Observers::default())),
            begun,
            end,
        }
    }

    impl Held {
        async fn until_begun(&self, number: usize) {
            let all = async {
                while self.begun.load(Ordering::SeqCst) < number {
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(60), all).await.unwrap();
        }
    }

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn a_second_request_joins_the_run_under_way() {
        let held = held(vec![target("main", "openvidu.example.io")]);
        let main = held.runs.target("main").unwrap();
        let ask = || held.runs.result(&main, ProberModule::Fast, in_a_minute());
        let let_go = async {
            held.until_begun(1).await;
            // The other module of the target waits for its turn.
            let full = held.runs.result(&main, ProberModule::Full, Instant::now());
            assert!(matches!(full.await, Some(Answer::NotYet)));
            held.end.notify_one();
        };
        let (one, other, ()) = tokio::join!(ask(), ask(), let_go);
        let (Some(Answer::Ran(one)), Some(Answer::Ran(other))) = (one, other) else {
            panic!("no result");
        };
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(held.begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_cannot_wait_gets_nothing_and_the_run_goes_on() {
        let held = held(vec![target("main", "openvidu.example.io")]);
        let main = held.runs.target("main").unwrap();
        let soon = Instant::now() + Duration::from_millis(200);
        let waiting = held.runs.result(&main, ProberModule::Fast, soon);
        assert!(matches!(waiting.await, Some(Answer::NotYet)));
        held.until_begun(1).await;
        held.end.notify_one();
        let later = held.runs.result(&main, ProberModule::Fast, in_a_minute()).await;
        assert!(matches!(later, Some(Answer::Ran(_))));
        assert_eq!(held.begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn no_more_targets_run_than_may() {
        let names = ["a", "b", "c"];
        let held = held(names.map(|name| target(name, "openvidu.example.io")).into());
        for name in names {
            let target = held.runs.target(name).unwrap();
            let now = Instant::now() + Duration::from_millis(1);
            // It goes on, but the third waits for a slot until its time is over.
            held.runs.begin(target, ProberModule::Fast, now + Duration::from_secs(60));
        }
        held.until_begun(2).await;
        tokio::task::yield_now().await;
        assert_eq!(held.begun.load(Ordering::SeqCst), 2);
        held.end.notify_one();
        held.until_begun(3).await;
        assert_eq!(held.runs.counters.read().in_flight, 2);
    }

    #[tokio::test]
    async fn a_target_that_did_not_change_keeps_its_results() {
        let held = held(vec![target("same", "a.example.io"), target("other", "b.example.io")]);
        let (same, other) = (held.runs.target("same"), held.runs.target("other"));
        let changed = vec![target("same", "a.example.io"), target("other", "c.example.io")];
        assert!(held.runs.replace(&config(changed)).is_empty());
        let is_as_before = |name, before: Option<Arc<Target>>| {
            Arc::ptr_eq(&held.runs.target(name).unwrap(), &before.unwrap())
        };
        assert!(is_as_before("same", same));
        assert!(!is_as_before("other", other));
        // A target whose file is broken now is served on as it was.
        let complaint = Complaint::new("wrong", Place::Nowhere);
        let broken = BrokenTarget { name: "other".to_owned(), complaint };
        let only_same = config(vec![target("same", "a.example.io")]);
        held.runs.replace(&ServeConfig { broken: vec![broken], ..only_same.clone() });
        assert!(held.runs.target("other").is_some());
        held.runs.replace(&only_same);
        assert!(held.runs.target("other").is_none());
    }

    #[test]
    fn what_sent_nothing_may_be_tried_again_at_once() {
        let begun = Instant::now();
        let refused = Outcome::Refused(Complaint::new("no time", Place::Nowhere));
        let never = Ran { begun, older_by: Duration::ZERO, outcome: refused };
        assert!(!never.is_recent(ProberModule::Full, begun));
    }
}
