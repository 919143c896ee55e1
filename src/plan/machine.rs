//! The checks of a rule about the machine on which the run is made.

use super::Inputs;
use crate::model::admission::{MachineAdmission, Senders, UnknownSenders};
use crate::model::deployment::{Node, NodeRole};
use crate::model::plan::{Ask, UndeclaredRole};
use crate::model::port::{PortRange, Transport};
use crate::model::rule::{Demand, PortScope, Rule, Scope};
use crate::model::target::Target;
use crate::ruleset::{admission, closed_ports};

/// One for the machine, or one for each of its ports; none if the rule is not about this machine.
pub(super) fn targets(inputs: &Inputs<'_>, rule: &Rule, roles: &[NodeRole]) -> Vec<(Target, Ask)> {
    let own: Vec<&Node> = (inputs.deployment.nodes.iter())
        .filter(|node| inputs.vantage.stands_on.contains(&node.name))
        .filter(|node| roles.contains(&node.role))
        .collect();
    let Some(first) = own.first() else {
        return Vec::new();
    };
    let whole = Target { node: Some(first.name.clone()), ..Target::default() };
    let ports = match &rule.demand {
        Demand::PortsHeldBy(_) => rows(inputs, &own, |_| true).map(|rows| {
            let single = rows.into_iter().filter(|(_, ports)| ports.single().is_some());
            single.collect()
        }),
        Demand::FirewallAdmits => rows(inputs, &own, |_| true),
        Demand::FirewallRefusesOthers => {
            let restricted = |senders: &Senders| matches!(senders, Senders::Only(_));
            rows(inputs, &own, restricted).map(|rows| {
                let closed = closed_ports(inputs.deployment, inputs.ruleset, &own);
                let mut all: Vec<_> = rows.into_iter().chain(closed).collect();
                all.sort_unstable();
                all.dedup();
                all
            })
        }
        Demand::MediaNotSentOut(_) => {
            let closed = closed_ports(inputs.deployment, inputs.ruleset, &own);
            Ok(closed.filter(|(_, ports)| ports.single().is_none()).collect())
        }
        _ => return vec![(whole, Ask::Demand)],
    };
    match ports {
        Ok(ports) => {
            let target = |(transport, ports)| {
                let target =
                    Target { transport: Some(transport), port: Some(ports), ..whole.clone() };
                (target, Ask::Demand)
            };
            ports.into_iter().map(target).collect()
        }
        Err(UnknownSenders(role)) => vec![(whole, Ask::Undeclared(UndeclaredRole(role)))],
    }
}

/// A port of the tables.
type Ports = Vec<(Transport, PortRange)>;

/// The rows of the tables that these nodes of the machine have.
fn rows(
    inputs: &Inputs<'_>,
    own: &[&Node],
    is_wanted: impl Fn(&Senders) -> bool,
) -> Result<Ports, UnknownSenders> {
    let machines = admission(inputs.deployment, inputs.ruleset)?;
    let is_own =
        |machine: &&MachineAdmission| own.iter().any(|node| machine.nodes.contains(&node.name));
    let Some(machine) = machines.iter().find(is_own) else {
        return Ok(Vec::new());
    };
    let is_of_roles = |rule: &Rule| match &rule.scope {
        Scope::Ports(PortScope { roles, .. }) => own.iter().any(|node| roles.contains(&node.role)),
        _ => false,
    };
    let admitted = machine.admitted.iter().filter(|row| is_wanted(&row.senders));
    let of_roles = admitted.filter(|row| inputs.ruleset.rule(&row.rule).is_some_and(is_of_roles));
    Ok(of_roles.map(|row| (row.transport, row.ports)).collect())
}
