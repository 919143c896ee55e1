//! A target while the process runs: what it is, and its results.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::complaint::Complaint;
use crate::config::serve::ServeTarget;
use crate::model::prober::ProberModule;
use crate::model::visit::OwnView;
use crate::model::word_list::WordList;
use crate::output::html::RunLine;
use crate::output::metrics::Exposition;
use crate::output::shown::ShownReport;

/// A run that has ended, with what came of it.
pub struct Ran {
    /// When it was asked for, on the clock of the process.
    pub begun: Instant,
    /// How much older it is: not zero for a run of a former process, whose clock was another.
    pub older_by: Duration,
    pub outcome: Outcome,
}

/// What came of a run.
pub enum Outcome {
    Judged(Judged),
    /// It could not begin: a file that it needs is wrong, or the time was too short for what it sends.
    Refused(Complaint),
    /// The program made a mistake.
    Crashed,
}

/// What is kept of a report: as little as is asked for, because there may be many targets.
pub struct Judged {
    /// The JSON report.
    pub json: Vec<u8>,
    /// The report as `ovcheck check` prints it.
    pub text: String,
    pub line: RunLine,
    pub series: Exposition,
    /// The domain of the deployment.
    pub domain: String,
    /// What is shown beside the result of a user's browser; only of a run of this process.
    pub view: Option<Box<OwnView>>,
}

/// A run that has not ended: it becomes `Some` when it has. The sender is gone if its time was over before it began.
pub type Running = watch::Receiver<Option<Arc<Ran>>>;

/// What is known of one module of a target.
#[derive(Default)]
pub struct State {
    pub last: Option<Arc<Ran>>,
    pub running: Option<Running>,
}

/// A target and its results.
pub struct Target {
    pub config: ServeTarget,
    /// Held by the module that runs: the modules of a target wait for each other.
    pub turn: tokio::sync::Mutex<()>,
    has_schedule: AtomicBool,
    modules: BTreeMap<ProberModule, Mutex<State>>,
}

impl Target {
    pub fn new(config: ServeTarget) -> Self {
        let modules = config.modules.iter().map(|module| (*module, Mutex::default())).collect();
        Self {
            config,
            turn: tokio::sync::Mutex::default(),
            has_schedule: AtomicBool::new(false),
            modules,
        }
    }

    /// Whether its schedule has to begin: `true` once.
    pub fn take_schedule(&self) -> bool {
        !self.has_schedule.swap(true, Ordering::Relaxed)
    }

    /// What is known of a module; `None`: the target does not have it.
    pub fn state(&self, module: ProberModule) -> Option<MutexGuard<'_, State>> {
        let state = self.modules.get(&module)?;
        Some(state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The modules, and the last run of each.
    pub fn last_runs(&self) -> Vec<(ProberModule, Option<Arc<Ran>>)> {
        let modules = self.modules.iter();
        modules
            .map(|(module, state)| {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                (*module, state.last.clone())
            })
            .collect()
    }
}

impl Judged {
    /// A run of this module with a JSON report, and the report as `ovcheck check` prints it.
    ///
    /// # Errors
    /// If the report cannot be read.
    pub fn of(json: Vec<u8>, text: &[u8], module: ProberModule) -> io::Result<Self> {
        let shown = ShownReport::read(&json).map_err(io::Error::other)?;
        Ok(Self {
            line: RunLine::of(&shown),
            series: Exposition::of_run(&shown, module.word()),
            text: String::from_utf8_lossy(text).into_owned(),
            domain: shown.deployment.domain,
            view: None,
            json,
        })
    }
}

impl Ran {
    /// Time since it was asked for.
    pub fn age(&self) -> Duration {
        self.begun.elapsed().saturating_add(self.older_by)
    }

    /// The report, if there is one.
    pub fn judged(&self) -> Option<&Judged> {
        match &self.outcome {
            Outcome::Judged(judged) => Some(judged),
            Outcome::Refused(_) | Outcome::Crashed => None,
        }
    }
}
