//! Several runs in one report: what each vantage said, and what is left for others.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::NodeName;
use super::plan::LeftOut;
use super::reason::ReasonCode;
use super::rule::RuleId;
use super::seen::Seen;
use super::target::Target;
use super::timestamp::Timestamp;
use super::vantage::{Vantage, Zone};
use super::verdict::Verdict;

/// One of the runs of a report that was made from several places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedRun {
    /// What the findings call it; unique in the report.
    pub label: String,
    pub vantage: Vantage,
    pub started_at: Timestamp,
    pub duration: Duration,
    /// `false` when the run was interrupted or its deadline came first.
    pub complete: bool,
    /// The file of its recording; `None` if the run was made for this report.
    pub recording: Option<String>,
    /// How many of the report's observations are its own. They follow those of the runs before it.
    pub observations: usize,
}

/// The name of all vantages of a report together.
pub fn vantages_in_words(runs: &[MergedRun]) -> String {
    let labels: Vec<&str> = runs.iter().map(|run| run.label.as_str()).collect();
    labels.join(", ")
}

/// What one vantage of several said of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// [`MergedRun::label`].
    pub vantage: String,
    pub zone: Zone,
    pub verdict: Verdict,
    pub reason: ReasonCode,
    pub seen: Seen,
}

/// What a check asks, whoever asks it: checks of several runs with the same question are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    pub rule: RuleId,
    pub target: Target,
    /// [`Expected::direction`](super::expected::Expected::direction).
    pub direction: &'static str,
    /// The zones of the machine that asks, where the answer is another one for each: a port that is
    /// closed to the internet may be open to the proxy. Empty where the question is about a service,
    /// which is the same for everybody who reaches it.
    pub zones: BTreeSet<Zone>,
}

/// A machine from which a run can be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Standpoint {
    /// Any machine outside the deployment.
    Internet,
    /// The machine of these nodes: several where the proxy shares a machine. Never empty.
    Machine(Vec<NodeName>),
}

/// What a run from a machine would add to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    pub standpoint: Standpoint,
    /// The questions that only it answers, among those that are listed.
    pub questions: Vec<Question>,
}

/// From which machines the whole of a deployment is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewpoints {
    /// The fewest that see everything, and what each adds to those before it.
    pub needed: Vec<Contribution>,
    /// Those that add no check. A firewall may treat them otherwise all the same.
    pub others: Vec<Standpoint>,
    /// What is not tested from any machine.
    pub left_out: Vec<LeftOut>,
}
