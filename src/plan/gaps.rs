//! What a run leaves out, whatever the rules are: the deployment leaves something unsaid, or this
//! run is made from the wrong place or without credentials.

use std::net::IpAddr;

use super::Inputs;
use crate::model::deployment::{Modules, NodeRole, Topology, Uses};
use crate::model::plan::{LeftOut, OtherMachine, RunScope, UndeclaredRole};
use crate::model::probe::CallDepth;
use crate::model::target::Family;
use crate::model::vantage::Zone;

/// What is left out for want of a declaration, of a place or of credentials.
pub(super) fn gaps(inputs: &Inputs<'_>) -> Vec<LeftOut> {
    match inputs.scope {
        RunScope::Whole => {
            let mut gaps = undeclared(inputs);
            gaps.extend(elsewhere(inputs));
            gaps.extend(call(inputs));
            gaps
        }
        RunScope::Call => call(inputs).into_iter().collect(),
        RunScope::Host => undeclared_use(inputs),
        RunScope::Lint => turn_over_tls(inputs).into_iter().collect(),
    }
}

/// What the deployment leaves unsaid, so that nothing can be judged by it.
fn undeclared(inputs: &Inputs<'_>) -> Vec<LeftOut> {
    let deployment = inputs.deployment;
    let mut roles = deployment.topology.roles().to_vec();
    roles.retain(|role| deployment.nodes_of(*role).next().is_none());
    // The nodes, whose ports are not checked at all, before the proxy, whose names are.
    roles.sort_by_key(|role| *role == NodeRole::Proxy);
    let roles = roles.into_iter().map(|role| LeftOut::Undeclared(UndeclaredRole(role)));
    let families = Family::BOTH.into_iter().flat_map(|family| undeclared_in(inputs, family));
    let roles = roles.chain(families);
    roles.chain(turn_over_tls(inputs)).chain(undeclared_use(inputs)).collect()
}

fn turn_over_tls(inputs: &Inputs<'_>) -> Option<LeftOut> {
    inputs.deployment.turn_domain.is_none().then_some(LeftOut::TurnOverTls)
}

/// The ports of which nobody said whether they are in use.
fn undeclared_use(inputs: &Inputs<'_>) -> Vec<LeftOut> {
    let deployment = inputs.deployment;
    let has_modules = deployment.topology != Topology::SingleNode;
    let gaps = [
        (deployment.uses == Uses::Unsaid).then_some(LeftOut::OptionalPorts),
        (has_modules && deployment.modules == Modules::Unsaid).then_some(LeftOut::ModulePorts),
    ];
    gaps.into_iter().flatten().collect()
}

/// The roles of which addresses are declared, but none in this family, in which the names have some.
fn undeclared_in(inputs: &Inputs<'_>, family: Family) -> Vec<LeftOut> {
    let deployment = inputs.deployment;
    let is_of_family = |address: &IpAddr| Family::of(*address) == family;
    let mut names = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
    if !names.any(|name| inputs.resolution.in_dns(name).iter().any(is_of_family)) {
        return Vec::new();
    }
    let roles = deployment.topology.roles().iter().copied();
    let is_left_out = |role: &NodeRole| {
        let mut addresses = deployment.nodes_of(*role).flat_map(|node| &node.addresses).peekable();
        // The names themselves say where an undeclared proxy is, and are judged against a declared one.
        *role != NodeRole::Proxy && addresses.peek().is_some() && !addresses.any(is_of_family)
    };
    let left_out = roles.filter(is_left_out);
    left_out.map(|role| LeftOut::UndeclaredFamily { role, family }).collect()
}

/// What only runs from other places show.
fn elsewhere(inputs: &Inputs<'_>) -> Vec<LeftOut> {
    use OtherMachine::{Master, Media, Openvidu, OtherMasters, OtherMedia, Proxy};
    let (topology, zone) = (inputs.deployment.topology, inputs.vantage.zone);
    let run_on = match (topology, zone) {
        (Topology::SingleNode, Zone::Internet) => vec![Proxy, Openvidu],
        (Topology::Elastic | Topology::HighAvailability, Zone::Internet) => {
            vec![Proxy, Master, Media]
        }
        // The proxy's rows are all that Single Node has.
        (Topology::SingleNode, Zone::ExternalProxy) => Vec::new(),
        (Topology::SingleNode, Zone::Master | Zone::Media | Zone::OwnNode) => vec![Proxy],
        (Topology::Elastic | Topology::HighAvailability, Zone::ExternalProxy) => {
            vec![Master, Media]
        }
        (Topology::HighAvailability, Zone::Master) => vec![Proxy, OtherMasters, Media],
        (Topology::Elastic, Zone::Master) => vec![Proxy, Media],
        (Topology::Elastic | Topology::HighAvailability, Zone::Media | Zone::OwnNode) => {
            vec![Proxy, Master, OtherMedia]
        }
    };
    if zone == Zone::Internet {
        return vec![LeftOut::InnerPorts { run_on }];
    }
    let others = (!run_on.is_empty()).then_some(LeftOut::PortsOfOthers { run_on });
    std::iter::once(LeftOut::UsersView).chain(others).collect()
}

/// What only a call shows, or one that goes further.
fn call(inputs: &Inputs<'_>) -> Option<LeftOut> {
    match inputs.call {
        None if inputs.ruleset.ways_under(inputs.deployment.policy).are_relayed() => {
            Some(LeftOut::MediaOnlyThroughTurn)
        }
        None => Some(LeftOut::MediaWays),
        Some(CallDepth::Checks) => Some(LeftOut::Dtls),
        Some(CallDepth::Dtls) => None,
    }
}
