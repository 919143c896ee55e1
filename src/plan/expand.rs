//! From a rule to its checks: one for each name, endpoint, node and address it applies to.

use std::collections::HashSet;
use std::net::IpAddr;

use super::draft::{Draft, name};
use super::standing::is_judged_towards;
use super::{Inputs, asks, call, machine, probes};
use crate::model::deployment::{Condition, Edition, Node, NodeRole, Usage};
use crate::model::plan::{Ask, NotAsked, UndeclaredRole};
use crate::model::port::{Port, Transport};
use crate::model::rule::{Demand, NameRef, NamedEndpoint, PortScope, Rule, Scope, Service};
use crate::model::target::{Family, Target};
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;

/// The checks of one rule.
pub(super) fn drafts<'a>(inputs: &Inputs<'a>, rule: &'a Rule) -> Vec<Draft<'a>> {
    let targets = match &rule.scope {
        // One node carries every call.
        Scope::Deployment
            if rule.demand == Demand::EveryNodeCarries && call::media_nodes(inputs).is_empty() =>
        {
            Vec::new()
        }
        Scope::Deployment => vec![(of_deployment(inputs, rule), Ask::Demand)],
        Scope::Names(names) => of_names(inputs, rule, names),
        Scope::Endpoints(endpoints) => of_endpoints(inputs, rule, endpoints),
        Scope::Ports(scope) => of_ports(inputs, rule, scope),
        Scope::AllNodes { .. } => of_all_nodes(inputs, rule),
        Scope::Machines(roles) => machine::targets(inputs, rule, roles),
    };
    targets.into_iter().map(|(target, ask)| draft(inputs, rule, target, ask)).collect()
}

fn draft<'a>(inputs: &Inputs<'a>, rule: &'a Rule, target: Target, ask: Ask) -> Draft<'a> {
    let edition = inputs.deployment.edition;
    let family = target.address.map(Family::of);
    let ask = match (ask, rule.condition) {
        (Ask::Demand, Some(condition)) => asks::of_condition(inputs, condition),
        (ask, _) => ask,
    };
    let ask = match (&rule.families, family) {
        (Some(limit), Some(family)) if limit.leaves_out(family, edition) => {
            Ask::Nothing(NotAsked::OtherFamily(limit.why.clone()))
        }
        _ => without_listener(rule, family, edition, ask),
    };
    let of_rule = rule.severity_for(inputs.deployment);
    let severity = match ask {
        // An exposure that nobody needs is not an outage.
        Ask::NeedNotBeOpen(_) => of_rule.min(Severity::Warning),
        // Nor is one to the deployment's own machines one to the world.
        Ask::MustBeClosed if inputs.vantage.zone != Zone::Internet => {
            of_rule.min(Severity::Warning)
        }
        _ => of_rule,
    };
    let wanted = match ask {
        Ask::Nothing(_) | Ask::Undeclared(_) => Vec::new(),
        _ => probes::wanted(inputs, rule, &target, &ask),
    };
    Draft { rule, target, severity, ask, wanted }
}

/// The part of the deployment that a rule about all of it means: what a call is about has a place.
fn of_deployment(inputs: &Inputs<'_>, rule: &Rule) -> Target {
    match &rule.demand {
        Demand::MediaPath(way) => Target { way: Some(*way), ..Target::default() },
        Demand::JoinAccepted => Target {
            host: Some(inputs.deployment.domain.clone()),
            transport: Some(Transport::Tcp),
            port: inputs.ruleset.endpoint_of(Service::LivekitApi).map(|it| it.port.into()),
            ..Target::default()
        },
        _ => Target::default(),
    }
}

/// A TCP row is not asked to be open where this edition has nobody listening. A UDP row is: there
/// the machine itself tells whether packets get in.
fn without_listener(rule: &Rule, family: Option<Family>, edition: Edition, ask: Ask) -> Ask {
    let Demand::PortRow(row) = &rule.demand else {
        return ask;
    };
    let over_tcp = matches!(&rule.scope, Scope::Ports(scope) if scope.transport == Transport::Tcp);
    match (&row.listens_on, family, &ask) {
        (Some(limit), Some(family), Ask::MustBeOpen)
            if over_tcp && limit.leaves_out(family, edition) =>
        {
            Ask::Nothing(NotAsked::OtherFamily(limit.why.clone()))
        }
        _ => ask,
    }
}

fn of_names(inputs: &Inputs<'_>, rule: &Rule, names: &[NameRef]) -> Vec<(Target, Ask)> {
    let mut targets = Vec::new();
    for host in names.iter().filter_map(|reference| name(inputs, *reference)) {
        let whole_name = Target { host: Some(host.clone()), ..Target::default() };
        let addresses = inputs.resolution.in_dns(host);
        if rule.demand == Demand::NameResolves || addresses.is_empty() {
            targets.push((whole_name, Ask::Demand));
            continue;
        }
        targets.extend(addresses.into_iter().map(|address| {
            let target = Target { address: Some(address), ..whole_name.clone() };
            (target, Ask::Demand)
        }));
    }
    targets
}

fn of_endpoints(
    inputs: &Inputs<'_>,
    rule: &Rule,
    endpoints: &[NamedEndpoint],
) -> Vec<(Target, Ask)> {
    let mut targets = Vec::new();
    for endpoint in endpoints {
        let Some(host) = name(inputs, endpoint.name) else {
            continue;
        };
        let ask =
            match endpoint.feature.map(|feature| (feature, inputs.deployment.uses.of(&feature))) {
                None | Some((_, Usage::InUse)) => Ask::Demand,
                Some((_, Usage::NotInUse)) => continue,
                Some((feature, Usage::Unsaid)) => Ask::EitherWay(Condition::Feature(feature)),
            };
        // What an unknown name reaches is a matter of the address alone.
        let nameless = rule.demand == Demand::UnknownNameReachesNoBackend;
        let place = Target {
            host: (!nameless).then(|| host.clone()),
            transport: Some(Transport::Tcp),
            port: Some(endpoint.port.into()),
            ..Target::default()
        };
        let addresses = inputs.resolution.addresses(host, endpoint.port);
        if addresses.is_empty() {
            let unresolved = Target { host: Some(host.clone()), ..place };
            targets.push((unresolved, ask));
            continue;
        }
        targets.extend(addresses.into_iter().map(|address| {
            let target = Target { address: Some(address), ..place.clone() };
            (target, ask.clone())
        }));
    }
    // Two names on one address are one question where the name does not matter.
    let mut seen = Vec::new();
    targets.retain(|(target, _)| {
        let new = !seen.contains(target);
        seen.push(target.clone());
        new
    });
    targets
}

fn of_ports(inputs: &Inputs<'_>, rule: &Rule, scope: &PortScope) -> Vec<(Target, Ask)> {
    let deployment = inputs.deployment;
    let zone = inputs.vantage.zone;
    let is_left_to_policy = match &rule.demand {
        Demand::PortRow(row) => row.not_under.contains(&deployment.policy),
        _ => false,
    };
    if is_left_to_policy {
        return Vec::new();
    }
    let place =
        Target { transport: Some(scope.transport), port: Some(scope.ports), ..Target::default() };
    let mut targets = Vec::new();
    let roles = deployment.topology.roles().iter();
    for role in roles.filter(|role| scope.roles.contains(role)) {
        let nodes = nodes(inputs, *role, scope.ports.first());
        if nodes.is_empty() && rule.demand == Demand::PortClosed {
            // What has to be closed above all must not be passed over for want of an address.
            targets.push((place.clone(), Ask::Undeclared(UndeclaredRole(*role))));
        }
        for node in nodes.iter().filter(|node| is_judged_towards(inputs, rule, node)) {
            let ask = match &rule.demand {
                Demand::PortRow(row) => asks::of_row(inputs, row, node),
                _ => Ask::Demand,
            };
            for address in node.addresses_from(zone) {
                let target = Target {
                    node: Some(node.name.clone()),
                    address: Some(*address),
                    ..place.clone()
                };
                targets.push((target, ask.clone()));
            }
        }
    }
    targets
}

fn of_all_nodes(inputs: &Inputs<'_>, rule: &Rule) -> Vec<(Target, Ask)> {
    let ask = match rule.demand {
        Demand::UndocumentedClosed => Ask::MustBeClosed,
        _ => Ask::Demand,
    };
    let zone = inputs.vantage.zone;
    let mut targets: Vec<(Target, Ask)> = Vec::new();
    let mut known = HashSet::new();
    for node in &inputs.deployment.nodes {
        for address in node.addresses_from(zone) {
            if known.insert(*address) {
                let target = Target {
                    node: Some(node.name.clone()),
                    address: Some(*address),
                    transport: Some(Transport::Tcp),
                    ..Target::default()
                };
                targets.push((target, ask.clone()));
            }
        }
    }
    targets
}

/// The nodes of a role. An undeclared proxy is whatever the names point to.
fn nodes(inputs: &Inputs<'_>, role: NodeRole, port: Port) -> Vec<Node> {
    let declared: Vec<Node> = inputs.deployment.nodes_of(role).cloned().collect();
    if !declared.is_empty() || role != NodeRole::Proxy {
        return declared;
    }
    let deployment = inputs.deployment;
    let mut addresses: Vec<IpAddr> = std::iter::once(&deployment.domain)
        .chain(&deployment.turn_domain)
        .flat_map(|name| inputs.resolution.addresses(name, port))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Vec::new();
    }
    vec![Node {
        name: "proxy".parse().expect("a role is a node name"),
        role,
        addresses,
        private_addresses: Vec::new(),
    }]
}
