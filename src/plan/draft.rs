//! A check before its place in the plan is known, and what it wants to know.

use std::net::IpAddr;

use super::Inputs;
use crate::model::name::DomainName;
use crate::model::plan::Ask;
use crate::model::port::{Port, PortRange, Transport};
use crate::model::probe::ProbeSpec;
use crate::model::rule::{NameRef, Rule};
use crate::model::target::Target;
use crate::model::verdict::Severity;

/// A check that does not know yet where its probes and needs stand.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub rule: &'a Rule,
    pub target: Target,
    pub severity: Severity,
    pub ask: Ask,
    pub wanted: Vec<Wanted>,
}

/// Something that a check wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Probe(ProbeSpec),
    /// UDP ports of one address: all that is wanted of it becomes one probe, so that their order
    /// can be kept.
    Udp(UdpWanted),
    /// Ports of one address of which a responder tells: one probe, too.
    Responder(IpAddr, Transport, PortRange),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UdpWanted {
    pub address: IpAddr,
    pub ports: Vec<(Turn, Port)>,
    /// A range of which every port is asked.
    pub then: Option<PortRange>,
    /// A range of which the edges are looked for.
    pub extent: Option<PortRange>,
}

/// When a UDP port has its turn. A Linux node answers only the first six datagrams to closed
/// ports, then one a second: the ports that say most come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    FirstControl,
    EndOrMiddle,
    SinglePort,
    OtherControl,
    Random,
}

/// The name that a rule speaks of, when the deployment has it.
pub(super) fn name<'a>(inputs: &Inputs<'a>, name: NameRef) -> Option<&'a DomainName> {
    match name {
        NameRef::Domain => Some(&inputs.deployment.domain),
        NameRef::TurnDomain => inputs.deployment.turn_domain.as_ref(),
    }
}
