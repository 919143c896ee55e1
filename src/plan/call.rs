//! The call that rules want to know of, and what they want beside it.

use std::net::IpAddr;

use super::Inputs;
use super::draft::Wanted;
use super::standing::is_judged_from_here;
use crate::model::name::DomainName;
use crate::model::plan::RunScope;
use crate::model::probe::{CallSpec, ProbeSpec, Punching};
use crate::model::rule::{Demand, PortScope, Rule, Scope, Service};

/// One hidden join, at the endpoint of the API.
pub(super) fn join(inputs: &Inputs<'_>) -> Option<Wanted> {
    let deployment = inputs.deployment;
    let depth = inputs.call?;
    let port = inputs.ruleset.endpoint_of(Service::LivekitApi)?.port;
    let addresses = |name: &DomainName| inputs.resolution.addresses(name, port);
    let declared = deployment.nodes.iter().flat_map(|node| {
        let private = node.private_addresses.iter();
        node.addresses.iter().chain(private).copied()
    });
    Some(Wanted::Probe(ProbeSpec::Call(CallSpec {
        host: deployment.domain.clone(),
        port,
        addresses: addresses(&deployment.domain),
        names: std::iter::once(&deployment.domain)
            .chain(&deployment.turn_domain)
            .map(|name| (name.clone(), addresses(name)))
            .collect(),
        declared: declared.collect(),
        stun_servers: inputs.vantage.stun_servers.clone(),
        // Where media may go straight to the node, it does not matter who opens the way.
        punching: if inputs.ruleset.ways_under(deployment.policy).are_relayed() {
            Punching::Watched
        } else {
            Punching::NotWatched
        },
        depth,
        media_nodes: media_nodes(inputs),
    })))
}

/// The addresses of each Media Node, where the server chooses among several: a user wants to know of one
/// call that works, an operator of every node.
pub(super) fn media_nodes(inputs: &Inputs<'_>) -> Vec<Vec<IpAddr>> {
    let deployment = inputs.deployment;
    let nodes = deployment.nodes_of(deployment.topology.media()).map(|node| {
        let private = node.private_addresses.iter();
        node.addresses.iter().chain(private).copied().collect()
    });
    let nodes: Vec<Vec<IpAddr>> = nodes.collect();
    match inputs.scope {
        RunScope::Whole if nodes.len() > 1 => nodes,
        RunScope::Whole | RunScope::Call | RunScope::Host | RunScope::Lint => Vec::new(),
    }
}

/// The call, where the rule is about a port that the media of a call passes: what it shows there
/// says more than a packet that nobody waits for.
pub(super) fn through(inputs: &Inputs<'_>, rule: &Rule) -> Option<Wanted> {
    let Scope::Ports(scope) = &rule.scope else {
        return None;
    };
    let carries_media = scope.roles.contains(&inputs.deployment.topology.media())
        && (scope.ports.single().is_none()
            || matches!(service_of(inputs, scope), Some(Service::TurnUdp | Service::IceTcp)));
    // From where no rule of the call is judged nobody calls for the sake of a port.
    let is_called = || {
        let mut rules = inputs.ruleset.demanded(inputs.deployment);
        rules.any(|rule| rule.demand.is_of_call() && is_judged_from_here(inputs, rule))
    };
    (carries_media && is_called()).then(|| join(inputs)).flatten()
}

/// Whether our own UDP gets out and back.
pub(super) fn own_udp(inputs: &Inputs<'_>) -> impl Iterator<Item = Wanted> {
    let servers = inputs.vantage.stun_servers.iter();
    servers.map(|server| Wanted::Probe(ProbeSpec::OwnUdp { server: *server }))
}

/// What should answer behind a port, as the row of the tables says that speaks of it.
pub(super) fn service_of(inputs: &Inputs<'_>, scope: &PortScope) -> Option<Service> {
    let rules = inputs.ruleset.demanded(inputs.deployment);
    rules
        .filter_map(|rule| match (&rule.demand, &rule.scope) {
            (Demand::PortRow(row), Scope::Ports(of_row)) => Some((row, of_row)),
            _ => None,
        })
        .find(|(_, of_row)| {
            (of_row.transport, of_row.ports) == (scope.transport, scope.ports)
                && of_row.roles.iter().any(|role| scope.roles.contains(role))
        })
        .and_then(|(row, _)| row.service)
}
