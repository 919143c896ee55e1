//! What changed from one report to another, and what many reports say together.

use super::stored::{StoredFinding, StoredResult, StoredSeverity, StoredVerdict};

/// What changed from an old report to a new one of the same deployment.
#[derive(Debug, Clone)]
pub struct Difference {
    pub deployment: String,
    pub old: Side,
    pub new: Side,
    /// Why the two are not the same test.
    pub caveats: Vec<Caveat>,
    /// The worst first.
    pub changes: Vec<Change>,
    pub unchanged: usize,
}

impl Difference {
    /// Whether something is worse: a violation that is new or more severe, or a check that passed and is
    /// not settled any more.
    pub fn is_worse(&self) -> bool {
        self.changes.iter().any(|change| change.is_worse())
    }
}

/// One of the two reports.
#[derive(Debug, Clone)]
pub struct Side {
    pub path: String,
    pub started_at: String,
    pub result: StoredResult,
}

/// Why a difference may be one of the test and not of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caveat {
    OtherVantage {
        old: String,
        new: String,
    },
    OtherGuide {
        old: String,
        new: String,
    },
    OtherRules,
    OldIsPartial,
    NewIsPartial,
    /// The second report is older than the first.
    Backwards,
}

/// A finding that is not the same in both reports.
#[derive(Debug, Clone)]
pub struct Change {
    pub kind: ChangeKind,
    /// As the new report tells it, or the old one if it has gone.
    pub finding: StoredFinding,
    pub old: Option<Standing>,
    pub new: Option<Standing>,
}

impl Change {
    /// Whether the deployment is worse for it, or less is known of it.
    pub fn is_worse(&self) -> bool {
        match self.kind {
            ChangeKind::Worse => true,
            ChangeKind::Appeared => self.finding.is_violation(),
            ChangeKind::Undecided => self.old.is_some_and(|old| old.verdict == StoredVerdict::Pass),
            ChangeKind::Disappeared | ChangeKind::Better => false,
        }
    }
}

/// What a report says of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub verdict: StoredVerdict,
    pub severity: StoredSeverity,
}

impl Standing {
    /// How bad it is: a pass least, a violation most, by its severity.
    pub fn rank(self) -> u8 {
        match self.verdict {
            StoredVerdict::Pass | StoredVerdict::NotApplicable => 0,
            StoredVerdict::Inconclusive => 1,
            StoredVerdict::Fail => 2 + self.severity as u8,
        }
    }
}

/// In which way a finding changed. The order is that of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is a violation now, or a more severe one.
    Worse,
    /// It was settled, and is not any more.
    Undecided,
    /// The old report has no such check.
    Appeared,
    /// The new report has no such check.
    Disappeared,
    /// It was a violation or not settled and passes now, or is a milder violation.
    Better,
}

/// What many reports say together: the newest run of each deployment and vantage.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The areas of the guide, in the order in which the reports have them.
    pub areas: Vec<String>,
    /// The worst first.
    pub rows: Vec<FleetRow>,
}

impl Fleet {
    /// The worst result of all.
    pub fn worst(&self) -> StoredResult {
        self.rows
            .iter()
            .map(|row| row.result)
            .max_by_key(|result| badness(*result))
            .unwrap_or(StoredResult::Incomplete)
    }

    /// The row with the oldest run.
    pub fn oldest(&self) -> Option<&FleetRow> {
        self.rows.iter().min_by(|one, other| one.started_at.cmp(&other.started_at))
    }
}

/// How bad a result is beside others.
pub fn badness(result: StoredResult) -> u8 {
    match result {
        StoredResult::Pass => 0,
        StoredResult::Incomplete => 1,
        StoredResult::Interrupted => 2,
        StoredResult::Fail => 3,
    }
}

/// The newest run of a deployment from one vantage.
#[derive(Debug, Clone)]
pub struct FleetRow {
    pub deployment: String,
    pub vantage: String,
    pub path: String,
    pub started_at: String,
    pub result: StoredResult,
    pub coverage: f64,
    /// One for each of [`Fleet::areas`].
    pub areas: Vec<AreaCounts>,
    /// How many violations the run before it did not have; `None`: there is no run before it.
    pub new_violations: Option<usize>,
    pub not_tested: usize,
}

/// How the checks of one area ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AreaCounts {
    pub errors: usize,
    /// Violations of a lower severity.
    pub warnings: usize,
    pub waived: usize,
    pub inconclusive: usize,
    pub passed: usize,
}
