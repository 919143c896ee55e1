//! A machine whose proxy does not run: it answers, and refuses on every port of the proxy.

use super::view::{View, connect_of};
use crate::model::deployment::NodeRole;
use crate::model::facts::Connect;
use crate::model::port::Port;
use crate::model::rule::Scope;
use std::collections::BTreeSet;

/// Of fewer ports, one may be missing from the configuration of a proxy that runs.
const FEWEST_PORTS: usize = 2;

impl View<'_> {
    /// Whether the machine of this check is the proxy, and refused every connection to each of the
    /// proxy's ports, over each address that was asked.
    pub fn is_proxy_stopped(&self) -> bool {
        let deployment = self.case.deployment;
        let Some(node) = deployment
            .nodes_of(NodeRole::Proxy)
            .find(|node| self.check.target.node.as_ref() == Some(&node.name))
        else {
            return false;
        };
        let of_proxy = self.proxy_ports();
        let mut refused = BTreeSet::new();
        for observation in node
            .addresses
            .iter()
            .chain(&node.private_addresses)
            .flat_map(|it| self.case.observations.at(*it))
        {
            let Some(to) = observation.spec.endpoint() else {
                continue;
            };
            if !of_proxy.contains(&to.port) {
                continue;
            }
            match connect_of(observation) {
                Some(Connect::Reset) => drop(refused.insert(to.port)),
                Some(Connect::Accepted | Connect::Silent | Connect::Icmp(_)) => return false,
                None => {}
            }
        }
        refused.len() >= FEWEST_PORTS
    }

    /// The ports at which rules expect the proxy.
    fn proxy_ports(&self) -> BTreeSet<Port> {
        let rules = self.case.ruleset.demanded(self.case.deployment);
        let of_rule = rules.filter_map(|rule| match &rule.scope {
            Scope::Endpoints(endpoints) => Some(endpoints.iter().map(|endpoint| endpoint.port)),
            _ => None,
        });
        of_rule.flatten().collect()
    }
}
