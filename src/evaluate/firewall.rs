//! A firewall that shows itself by what it refuses.

use super::service;
use super::view::{View, connect_of};
use crate::model::facts::Connect;
use crate::model::port::Port;
use crate::model::rule::{AllowedFrom, Demand, Scope};
use crate::model::target::Endpoint;

/// A TCP port of this address that refused us by RST, though the proxy finds its service there: no
/// machine without a firewall does that.
pub(super) fn reset_by_firewall(view: &View<'_>) -> Option<Port> {
    let address = view.check.target.address?;
    let deployment = view.case.deployment;
    let backend = deployment.topology.backend();
    let is_backend = deployment.nodes_at(address).any(|node| node.role == backend);
    // Of several machines behind the proxy another one may have answered it.
    if !is_backend || deployment.nodes_of(backend).count() > 1 {
        return None;
    }
    let rows = view.case.ruleset.demanded(deployment).filter_map(|rule| {
        let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
            return None;
        };
        let listens = row
            .listens_on
            .as_ref()
            .is_none_or(|limit| !limit.leaves_out(view.family(), deployment.edition));
        let mut sources = row.of(deployment).flat_map(|row| &row.from);
        let is_ours = scope.roles.contains(&backend)
            && sources.any(|from| *from == AllowedFrom::ExternalProxy)
            && listens;
        is_ours.then_some((scope.ports.single()?, row.service?))
    });
    let is_reset = |port| {
        view.case.observations.at(address).any(|observation| {
            observation.spec.endpoint() == Some(Endpoint { address, port })
                && matches!(connect_of(observation), Some(Connect::Reset))
        })
    };
    rows.filter(|(port, service)| {
        is_reset(*port) && service::works_through_proxy(view, *service, None)
    })
    .map(|(port, _)| port)
    .next()
}
