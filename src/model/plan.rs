//! What a run sets out to do: checks, the probes they need, and what is left out.

use super::probe::ProbeSpec;
use super::rule::RuleId;
use super::target::Target;
use super::verdict::Severity;

/// What a run sets out to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the rules, then of the targets.
    pub checks: Vec<Check>,
    /// Each question once, however many checks share it; in an order that stays the same.
    pub probes: Vec<ProbeSpec>,
    pub left_out: Vec<LeftOut>,
}

/// How much of a deployment a run looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunScope {
    /// All that can be judged from here.
    Whole,
    /// What a call needs, and what explains why it does not come about.
    Call,
}

/// The place of a check in [`Plan::checks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckIndex(pub usize);

/// The place of a probe in [`Plan::probes`]; shown as `obs-1` for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeIndex(pub usize);

impl std::fmt::Display for ProbeIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "obs-{}", self.0 + 1)
    }
}

/// Rule × target: what gets exactly one verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub rule: RuleId,
    pub target: Target,
    /// The rule's, or a milder one where the target asks for it.
    pub severity: Severity,
    pub ask: Ask,
    /// The checks that have to pass before this one can say anything.
    pub needs: Vec<CheckIndex>,
    pub probes: Vec<ProbeIndex>,
}

/// What a check asks of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What the rule's demand says.
    Demand,
    /// A row of the port tables: packets from here must get through.
    MustBeOpen,
    /// A row of the port tables: packets from here must not get through.
    MustBeClosed,
    /// An optional row whose condition is not so: open is an exposure that nobody needs.
    NeedNotBeOpen(super::deployment::Condition),
    /// An optional row, and nothing was said about what it depends on: looked at and told, not
    /// judged.
    EitherWay(super::deployment::Condition),
    /// Not applicable here, for this reason.
    Nothing(String),
    /// Demanded, and nobody said where to look: what is missing, and the flag that gives it.
    Undeclared(String),
}

/// Something that was not looked at, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    pub what: String,
    pub why: String,
    /// The flag that would let it be looked at.
    pub flag: Option<String>,
}
