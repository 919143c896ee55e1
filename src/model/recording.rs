//! Everything that a run saw, and what it was asked: enough to judge it again without a network. Holds no
//! secret.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::context::RunContext;
use super::deployment::Deployment;
use super::observation::Observation;
use super::timestamp::Timestamp;
use super::vantage::Vantage;

/// A run before it is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// First in the file, so that a reader knows what it reads.
    pub recording: RecordingHead,
    pub started_at: Timestamp,
    pub duration: Duration,
    /// The time for which certificates and clocks are judged.
    pub judged_at: Timestamp,
    /// `false` when the run was interrupted or its deadline came first.
    pub complete: bool,
    pub interrupted: bool,
    pub deployment: Deployment,
    pub context: RunContext,
    pub vantage: Vantage,
    /// Chose the random ports of the plan.
    pub seed: u64,
    /// By how much this machine was late, if that is a good part of the time-out.
    pub late_by: Option<Duration>,
    /// In the order of the plan, and behind them what was asked once more.
    pub observations: Vec<Observation>,
}

/// What a recording is, and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingHead {
    pub version: u32,
    /// The version of ovcheck.
    pub ovcheck: String,
    /// `sha256:` and the digest of the rule files of the run.
    pub ruleset: String,
}

impl RecordingHead {
    /// The version of the form of recordings. A change of a type that is recorded is a new version, unless
    /// older files still read as the same.
    pub const VERSION: u32 = 4;
}
