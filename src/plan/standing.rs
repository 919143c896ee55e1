//! Where we stand towards one node: in Elastic and High Availability the same place is another
//! zone for each of them.

use super::Inputs;
use crate::model::deployment::{Node, NodeRole};
use crate::model::rule::{AllowedFrom, Rule, Scope};
use crate::model::vantage::Zone;

/// Where we stand towards one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// On its machine; and in the zones of the other nodes of that machine.
    On(Vec<Zone>),
    /// In the zone of its role, and perhaps on its machine.
    PerhapsOn(NodeRole),
    /// Elsewhere, in these zones.
    Beside(Vec<Zone>),
}

impl Standing {
    /// Whether we are among those that a row names.
    pub fn is_one_of(&self, from: AllowedFrom) -> bool {
        match self {
            Self::On(zones) | Self::Beside(zones) => {
                from == AllowedFrom::Anywhere || zones.iter().any(|zone| from.includes(*zone))
            }
            Self::PerhapsOn(role) => from.includes(role.zone()),
        }
    }

    /// Whether a rule is judged from here that is judged from `zone`.
    pub fn is_in(&self, zone: Zone) -> bool {
        match self {
            Self::On(zones) => zone == Zone::OwnNode || zones.contains(&zone),
            Self::PerhapsOn(role) => zone == role.zone(),
            Self::Beside(zones) => zones.contains(&zone),
        }
    }
}

/// Where we stand towards `node`.
pub(super) fn standing(inputs: &Inputs<'_>, node: &Node) -> Standing {
    let (vantage, deployment) = (inputs.vantage, inputs.deployment);
    let own = || {
        let nodes = deployment.nodes.iter();
        nodes.filter(|other| vantage.stands_on.contains(&other.name))
    };
    let is_own = vantage.stands_on.contains(&node.name)
        || (vantage.zone == Zone::OwnNode && node.role == NodeRole::Openvidu);
    if is_own {
        // The proxy on the same machine as the node is the proxy that the tables speak of.
        let others = own().filter(|other| other.name != node.name);
        let sharing = deployment.nodes.iter().filter(|other| {
            other.name != node.name && node.addresses.iter().any(|address| other.has(*address))
        });
        return Standing::On(others.chain(sharing).map(|other| other.role.zone()).collect());
    }
    let is_identified = own().any(|other| other.role == node.role);
    if vantage.zone == node.role.zone() && !is_identified && node.role != NodeRole::Proxy {
        // The only node of its role is the one that somebody stands on who stands in its zone.
        return match deployment.nodes_of(node.role).count() {
            1 => Standing::On(Vec::new()),
            _ => Standing::PerhapsOn(node.role),
        };
    }
    let zones = std::iter::once(vantage.zone).chain(own().map(|other| other.role.zone()));
    Standing::Beside(zones.collect())
}

/// Whether a rule is judged from where we stand, towards any of its nodes.
pub(super) fn is_judged_from_here(inputs: &Inputs<'_>, rule: &Rule) -> bool {
    if rule.zones.is_empty() || rule.zones.contains(&inputs.vantage.zone) {
        return true;
    }
    let Scope::Ports(scope) = &rule.scope else {
        return false;
    };
    let mut nodes = scope.roles.iter().flat_map(|role| inputs.deployment.nodes_of(*role));
    nodes.any(|node| is_judged_towards(inputs, rule, node))
}

pub(super) fn is_judged_towards(inputs: &Inputs<'_>, rule: &Rule, node: &Node) -> bool {
    let standing = standing(inputs, node);
    rule.zones.is_empty() || rule.zones.iter().any(|zone| standing.is_in(*zone))
}
