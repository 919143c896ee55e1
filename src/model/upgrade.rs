//! What another edition of the guide changes for an operator. Only ever made by
//! [`crate::ruleset`]; both ways can be asked, up and down.

use super::deployment::{Condition, Edition, NodeRole, Policy, RtcEngine, Topology};
use super::port::{PortRange, Transport};
use super::rule::{AllowedFrom, FamilyLimit, RuleId};
use super::verdict::Severity;

/// What changes between two editions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    pub from: Edition,
    pub to: Edition,
    /// Every role of every topology that was asked for, also where nothing changes; in the order
    /// of the guide.
    pub nodes: Vec<NodeChanges>,
    pub new_policies: Vec<Policy>,
    pub gone_policies: Vec<Policy>,
    /// In the order of the rules.
    pub rules: Vec<RuleChange>,
}

impl Upgrade {
    /// Whether both editions ask for the same.
    pub fn is_empty(&self) -> bool {
        self.nodes.iter().all(|node| node.ports.is_empty())
            && self.new_policies.is_empty()
            && self.gone_policies.is_empty()
            && self.rules.is_empty()
    }
}

/// What changes in the firewall of the machines of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeChanges {
    pub topology: Topology,
    pub node: NodeRole,
    /// What to open, then what to close, then what is needed otherwise.
    pub ports: Vec<PortChange>,
}

/// A port that the tables grant to some machines otherwise than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortChange {
    pub rule: RuleId,
    pub transport: Transport,
    pub ports: PortRange,
    /// Those whom the change is about; never empty.
    pub sources: Vec<AllowedFrom>,
    /// What the tables of the first edition say of them; empty where they say nothing.
    pub before: Vec<Grant>,
    /// What the tables of the second one say of them; empty where they say nothing. Never the same
    /// as `before`.
    pub after: Vec<Grant>,
    /// Policies under which rules of the family `policy` judge the port instead.
    pub not_under: Vec<Policy>,
    /// Why the second edition names the port no more, where somebody wrote it down.
    pub gone: Option<String>,
}

impl PortChange {
    /// What an operator has to do about it.
    pub fn step(&self) -> Step {
        let demands = |grants: &[Grant]| grants.iter().any(|grant| grant.tolerated.is_none());
        match (demands(&self.before), demands(&self.after)) {
            (false, true) => Step::Open,
            (true | false, false) if self.after.is_empty() => Step::Close,
            (true, true) | (true | false, false) => Step::Reconsider,
        }
    }
}

/// What an operator has to do about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It is demanded, and was not.
    Open,
    /// Nothing is said any more of what was granted.
    Close,
    /// It depends on something else than before.
    Reconsider,
}

/// Under what a table lets somebody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub condition: Option<Condition>,
    pub engine: Option<RtcEngine>,
    /// Not demanded, and not refused either, for this reason.
    pub tolerated: Option<String>,
}

/// A rule that is judged otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    pub rule: RuleId,
    pub what: Judged,
}

/// In which way a rule is judged otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// It is not one of the first edition.
    New,
    /// It is not one of the second edition.
    Gone,
    /// More or less seriously.
    Severity { before: Severity, after: Severity },
    /// On both address families, where the first edition leaves one out.
    OnBothFamilies(FamilyLimit),
    /// On one address family alone, where the first edition leaves none out.
    OnOneFamily(FamilyLimit),
}
