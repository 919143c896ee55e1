//! Which packets a machine of the deployment has to let in, and which it must not send.

use std::net::IpAddr;

use super::deployment::{Condition, NodeRole};
use super::name::NodeName;
use super::port::{Port, PortRange, Transport};
use super::rule::RuleId;

/// What one machine lets in by the guide. Everything else is to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineAdmission {
    /// The nodes that run on it, one or more: those that share an address.
    pub nodes: Vec<NodeName>,
    /// Ordered by transport and port.
    pub admitted: Vec<Admitted>,
    /// Only under policies that close the ranges of media.
    pub held_back: Vec<HeldBack>,
    /// What depends on something that the operator did not declare; not part of `admitted`.
    pub undeclared: Vec<Undeclared>,
}

impl MachineAdmission {
    /// The names of its nodes as one text.
    pub fn name(&self) -> String {
        self.nodes.iter().map(NodeName::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Packets to a port or a range of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    pub transport: Transport,
    pub ports: PortRange,
    pub senders: Senders,
    /// The rule that checks it.
    pub rule: RuleId,
}

/// Who may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Senders {
    Anyone,
    /// These addresses, in order and each once; never empty.
    Only(Vec<IpAddr>),
}

/// A range of ports from which the machine begins no conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    pub transport: Transport,
    pub ports: PortRange,
    /// The ports of services that the machine asks, and that therefore may be asked from the range too.
    pub spared_ports: Vec<Port>,
    /// The addresses of the other machines of the deployment, which may be sent to: in order and each once.
    pub spared: Vec<IpAddr>,
    /// The rule that checks it.
    pub rule: RuleId,
}

/// A port that has to be open if something is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeclared {
    pub transport: Transport,
    pub ports: PortRange,
    pub condition: Condition,
}

/// A role whose addresses are needed, because its machines must be let in, and of which no node is
/// declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSenders(pub NodeRole);
