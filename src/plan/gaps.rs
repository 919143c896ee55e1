//! What a run leaves out, whatever the rules are: the deployment leaves something unsaid, or this
//! run is made from the wrong place or without credentials.

use super::Inputs;
use crate::model::deployment::{Modules, NodeRole, Topology, Uses};
use crate::model::plan::{LeftOut, OtherMachine, RunScope, UndeclaredRole};
use crate::model::probe::CallDepth;
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
    let has_modules = deployment.topology != Topology::SingleNode;
    let others = [
        deployment.turn_domain.is_none().then_some(LeftOut::TurnOverTls),
        (deployment.uses == Uses::Unsaid).then_some(LeftOut::OptionalPorts),
        (has_modules && deployment.modules == Modules::Unsaid).then_some(LeftOut::ModulePorts),
    ];
    roles.chain(others.into_iter().flatten()).collect()
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
