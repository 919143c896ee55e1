//! What each machine has to let in, from the same rows of the guide's tables that a check judges.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Ruleset;
use crate::model::admission::{
    Admitted, HeldBack, MachineAdmission, Senders, Undeclared, UnknownSenders,
};
use crate::model::deployment::{Deployment, Node, Usage};
use crate::model::port::{PortRange, Transport};
use crate::model::rule::{AllowedFrom, Demand, PortRow, PortScope, Rule, Scope, TableRow};

/// What each machine of the deployment has to let in, in the order in which they were declared.
///
/// # Errors
/// When nobody declared the machines of a role that has to be let in: rules without them would break
/// the deployment.
pub fn admission(
    deployment: &Deployment,
    ruleset: &Ruleset,
) -> Result<Vec<MachineAdmission>, UnknownSenders> {
    let mut machines: Vec<Vec<&Node>> = Vec::new();
    for node in &deployment.nodes {
        let shares = |others: &&mut Vec<&Node>| others.iter().any(|other| share(other, node));
        match machines.iter_mut().find(shares) {
            Some(known) => known.push(node),
            None => machines.push(vec![node]),
        }
    }
    machines.iter().map(|nodes| of_machine(deployment, ruleset, nodes)).collect()
}

/// Whether two nodes run on the same machine.
fn share(one: &Node, other: &Node) -> bool {
    one.every_address().any(|address| other.has(*address))
}

fn of_machine(
    deployment: &Deployment,
    ruleset: &Ruleset,
    nodes: &[&Node],
) -> Result<MachineAdmission, UnknownSenders> {
    let mut machine = MachineAdmission {
        nodes: nodes.iter().map(|node| node.name.clone()).collect(),
        admitted: Vec::new(),
        held_back: held_back(deployment, ruleset, nodes),
        undeclared: Vec::new(),
    };
    for rule in ruleset.demanded(deployment) {
        let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
            continue;
        };
        if nodes.iter().any(|node| scope.roles.contains(&node.role)) {
            of_row(deployment, nodes, (rule, row, scope), &mut machine)?;
        }
    }
    machine.admitted.sort_by_key(|it| (it.transport, it.ports));
    machine.undeclared.retain(|it| {
        let is_same = |other: &Admitted| (other.transport, other.ports) == (it.transport, it.ports);
        !machine.admitted.iter().any(|other| is_same(other) && other.senders == Senders::Anyone)
    });
    Ok(machine)
}

fn of_row(
    deployment: &Deployment,
    nodes: &[&Node],
    (rule, row, scope): (&Rule, &PortRow, &PortScope),
    machine: &mut MachineAdmission,
) -> Result<(), UnknownSenders> {
    let (transport, ports) = (scope.transport, scope.ports);
    let mut is_for_anyone = false;
    let mut senders = BTreeSet::new();
    for line in row.of(deployment) {
        if line.engine.is_some_and(|engine| engine != deployment.rtc_engine) {
            continue;
        }
        match line.condition.map(|condition| (condition, deployment.usage(condition))) {
            None | Some((_, Usage::InUse)) => {}
            Some((_, Usage::NotInUse)) => continue,
            Some((condition, Usage::Unsaid)) => {
                machine.undeclared.push(Undeclared { transport, ports, condition });
                continue;
            }
        }
        // Closed to users under this policy. The TURN server of one machine still sends to the media
        // ports of another.
        if row.not_under.contains(&deployment.policy) {
            let others = scope.roles.iter().flat_map(|role| deployment.nodes_of(*role));
            senders.extend(others.flat_map(Node::every_address).copied());
            continue;
        }
        is_for_anyone |= line.from.contains(&AllowedFrom::Anywhere);
        senders.extend(addresses_of(deployment, line)?);
    }
    senders.retain(|address| !nodes.iter().any(|node| node.has(*address)));
    let senders = match (is_for_anyone, senders.is_empty()) {
        (true, _) => Senders::Anyone,
        (false, false) => Senders::Only(senders.into_iter().collect()),
        (false, true) => return Ok(()),
    };
    machine.admitted.push(Admitted { transport, ports, senders, rule: rule.id.clone() });
    Ok(())
}

/// The addresses of the machines that a row of a table names.
fn addresses_of(deployment: &Deployment, line: &TableRow) -> Result<Vec<IpAddr>, UnknownSenders> {
    let mut addresses = Vec::new();
    for role in line.from.iter().filter_map(|from| from.role()) {
        if deployment.nodes_of(role).next().is_none() {
            return Err(UnknownSenders(role));
        }
        addresses.extend(deployment.nodes_of(role).flat_map(Node::every_address).copied());
    }
    Ok(addresses)
}

/// The ports that the policy of the deployment closes on these nodes.
pub fn closed_ports<'a>(
    deployment: &'a Deployment,
    ruleset: &'a Ruleset,
    nodes: &'a [&'a Node],
) -> impl Iterator<Item = (Transport, PortRange)> + 'a {
    ruleset.demanded(deployment).filter_map(|rule| match (&rule.demand, &rule.scope) {
        (Demand::PortClosed, Scope::Ports(PortScope { roles, transport, ports })) => {
            let is_here = nodes.iter().any(|node| roles.contains(&node.role));
            is_here.then_some((*transport, *ports))
        }
        _ => None,
    })
}

/// Where a policy closes the ranges of media, they also begin no conversation: answers would come in.
fn held_back(deployment: &Deployment, ruleset: &Ruleset, nodes: &[&Node]) -> Vec<HeldBack> {
    let mut demanded = ruleset.demanded(deployment);
    let about_nodes = demanded.find_map(|rule| match (&rule.demand, &rule.scope) {
        (Demand::MediaNotSentOut(spared_ports), Scope::Machines(roles)) => {
            let is_here = nodes.iter().any(|node| roles.contains(&node.role));
            is_here.then_some((rule, spared_ports))
        }
        _ => None,
    });
    let Some((rule, spared_ports)) = about_nodes else {
        return Vec::new();
    };
    let others = deployment.nodes.iter().flat_map(Node::every_address);
    let others = others.filter(|address| !nodes.iter().any(|node| node.has(**address)));
    let spared: BTreeSet<IpAddr> = others.copied().collect();
    let ranges = closed_ports(deployment, ruleset, nodes);
    ranges
        .filter(|(_, ports)| ports.single().is_none())
        .map(|(transport, ports)| HeldBack {
            transport,
            ports,
            spared_ports: spared_ports.clone(),
            spared: spared.iter().copied().collect(),
            rule: rule.id.clone(),
        })
        .collect()
}
