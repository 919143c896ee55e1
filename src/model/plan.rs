//! What a run sets out to do: checks, the probes they need, and what is left out.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::deployment::{Condition, NodeRole, RtcEngine};
use super::name::DomainName;
use super::port::Port;
use super::probe::ProbeSpec;
use super::rule::RuleId;
use super::target::{Family, Target};
use super::vantage::Zone;
use super::vantages::Standpoint;
use super::verdict::Severity;
use super::via::{SshHost, ViaFailure};

/// What a run sets out to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order of the rules, then of the targets.
    pub checks: Vec<Check>,
    /// Each question once, however many checks share it; in an order that stays the same.
    pub probes: Vec<ProbeSpec>,
    pub left_out: Vec<LeftOut>,
    /// A TCP port of which no rule speaks, chosen at random for this run, and asked of every machine:
    /// nobody listens there, so that whoever accepts accepts for others.
    pub unlistened: Option<Port>,
}

/// How much of a deployment a run looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunScope {
    /// All that can be judged from here.
    Whole,
    /// What a call needs, and what explains why it does not come about.
    Call,
    /// The machine on which it is made, and nothing of the network.
    Host,
    /// Configuration files, and nothing of the network.
    Lint,
}

/// The place of a check in [`Plan::checks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CheckIndex(pub usize);

/// The place of a probe in [`Plan::probes`]; shown as `obs-1` for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProbeIndex(pub usize);

impl std::fmt::Display for ProbeIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "obs-{}", self.0 + 1)
    }
}

/// Rule × target: what gets exactly one verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// What the rule's demand says.
    Demand,
    /// A row of the port tables: packets from here must get through.
    MustBeOpen,
    /// A row of the port tables: packets from here must not get through.
    MustBeClosed,
    /// An optional row whose condition is not so: open is an exposure that nobody needs.
    NeedNotBeOpen(Condition),
    /// An optional row, and nothing was said about what it depends on: looked at and told, not
    /// judged.
    EitherWay(Condition),
    /// Not applicable here, for this reason.
    Nothing(NotAsked),
    /// Demanded, but no machine of this role is declared, so that there is no place to look.
    Undeclared(UndeclaredRole),
}

/// Why a check asks nothing. The output puts it into words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotAsked {
    /// The target is this machine, which reaches its own ports whatever its firewall does.
    OwnPorts,
    /// The target may be this machine: it is one of several nodes of this role.
    PerhapsOwnPorts(NodeRole),
    /// There is nothing to compare the addresses of the names with.
    NoProxyAddress,
    NoTurnDomain,
    /// What the rule or the row depends on is not in use.
    NotInUse(Condition),
    /// The row belongs to this engine, and the deployment has the other one.
    OtherEngine(RtcEngine),
    /// The row allows the port open and closed; why, in the words of the rule file.
    Tolerated(String),
    /// The rule is judged on the other address family; why, in the words of the rule file.
    OtherFamily(String),
}

/// A role of which no machine is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndeclaredRole(pub NodeRole);

/// Something that a run does not test, and why. The output puts it into words, and names the flag
/// that would change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftOut {
    /// A rule that is judged from other zones only.
    OtherZone {
        rule: RuleId,
        /// Never empty.
        judged_from: Vec<Zone>,
        zone: Zone,
    },
    /// What depends on where the machines of this role are.
    Undeclared(UndeclaredRole),
    /// The machines of this role over one address family, in which the names have addresses: theirs
    /// are not declared.
    UndeclaredFamily { role: NodeRole, family: Family },
    /// TURN over TLS: there is no TURN domain.
    TurnOverTls,
    /// Whether optional ports should be open: the features in use are not declared.
    OptionalPorts,
    /// Whether the ports of optional modules should be open: the modules are not declared.
    ModulePorts,
    /// Ports that only machines of the deployment reach: this run is from outside.
    InnerPorts { run_on: Vec<OtherMachine> },
    /// Ports that only other machines of the deployment than this one reach.
    PortsOfOthers { run_on: Vec<OtherMachine> },
    /// What users reach: this run is from inside, where firewalls allow more.
    UsersView,
    /// The ways of media: there are no credentials for a call.
    MediaWays,
    /// Whether all media goes through TURN, as the policy wants: there are no credentials for a
    /// call.
    MediaOnlyThroughTurn,
    /// Whether DTLS works where STUN does: the call does not go that far.
    Dtls,
    /// Checks of rules that the run is not asked about (`--only`, `--skip`).
    NotSelected { rules: usize, checks: usize },
    /// The addresses of a name in one family: the DNS did not answer.
    Unanswered { name: DomainName, family: Family, server: SocketAddr },
    /// This many more addresses of a name than the first `checked` of the family.
    MoreAddresses { name: DomainName, family: Family, more: usize, checked: usize },
    /// Checks that none of several runs made, and that one from here would make.
    Unseen { from: Standpoint, checks: usize },
    /// All that a machine would see from which a run was asked for.
    VantageMissing { host: SshHost, why: ViaFailure },
    /// Whether firewalls let in these machines as they do others of their role, from which the same
    /// checks were made.
    OtherMachinesOfRole { machines: Vec<Standpoint> },
}

impl LeftOut {
    /// Whether only a call shows it, or one that goes further.
    pub fn is_of_call(&self) -> bool {
        matches!(self, Self::MediaWays | Self::MediaOnlyThroughTurn | Self::Dtls)
    }

    /// Whether it is left out only because the operator does not declare something.
    pub fn is_undeclared(&self) -> bool {
        match self {
            Self::Undeclared(_)
            | Self::UndeclaredFamily { .. }
            | Self::TurnOverTls
            | Self::OptionalPorts
            | Self::ModulePorts => true,
            Self::OtherZone { .. }
            | Self::InnerPorts { .. }
            | Self::PortsOfOthers { .. }
            | Self::UsersView
            | Self::MediaWays
            | Self::MediaOnlyThroughTurn
            | Self::Dtls
            | Self::NotSelected { .. }
            | Self::Unanswered { .. }
            | Self::MoreAddresses { .. }
            | Self::Unseen { .. }
            | Self::VantageMissing { .. }
            | Self::OtherMachinesOfRole { .. } => false,
        }
    }
}

/// A machine of the deployment on which another run would see more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OtherMachine {
    Proxy,
    Openvidu,
    Master,
    /// The nodes of its role besides this machine.
    OtherMasters,
    Media,
    /// The nodes of its role besides this machine.
    OtherMedia,
}
