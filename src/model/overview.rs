//! What findings have in common: a cause that no finding shows by itself.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::name::NodeName;
use super::observation::Blindness;
use super::rule::RuleId;
use super::vantage::Zone;

/// What the findings of a run have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Only of a run in which nothing was decided by looking and nothing came back.
    pub darkness: Option<Darkness>,
    /// Machines that break many rules about ports in the same way.
    pub machines: Vec<MachineCause>,
}

/// A run that saw nothing: the network of this machine comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Darkness {
    /// Why ovcheck could not look, each reason once.
    pub blindness: Vec<Blindness>,
    /// Whether something was sent to which nothing came back.
    pub silence: bool,
    /// The DNS servers that did not answer, each with the most tries for one question.
    pub resolvers: Vec<(SocketAddr, u32)>,
}

/// Many rules about ports that one machine breaks in the same way have one cause, most likely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineCause {
    pub node: NodeName,
    pub kind: MachineCauseKind,
    /// In a report of several vantages, the zone from which it was seen.
    pub seen_from: Option<Zone>,
    /// The broken rules, in the order of the plan.
    pub rules: Vec<RuleId>,
}

/// What a machine does that breaks many rules about its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MachineCauseKind {
    /// It is open where it should be closed: no firewall, or one that trusts too much.
    Open,
    /// It is silent or prohibits: its firewall does not know this vantage, or it is down.
    Unreachable,
    /// It refuses connections: the services do not run, or its firewall resets.
    Refusing,
    /// It refuses on every port of the proxy: the proxy's program does not run.
    NotRunning,
}
