//! What media needs by the guide: before a join nobody tells what the server at hand needs.

use super::super::Case;
use crate::model::call::DocumentedPath;
use crate::model::facts::Way;
use crate::model::port::Transport;
use crate::model::rule::{AllowedFrom, Demand, NameRef, PortRow, PortScope, Scope, Service};

/// One for each way that the policy of the deployment leaves, the easiest to allow first: one port of
/// the proxy, one port of a machine, thousands.
pub(super) fn paths(case: &Case<'_>) -> Vec<DocumentedPath> {
    let easiest_first = [Way::Turns, Way::TurnUdp, Way::IceTcp, Way::Udp];
    let allowed = easiest_first.into_iter().filter(|way| case.allowed_ways().allow(*way));
    allowed.filter_map(|way| path(case, way)).collect()
}

fn path(case: &Case<'_>, way: Way) -> Option<DocumentedPath> {
    if way == Way::Turns {
        let endpoint = case.ruleset.endpoint_of(Service::TurnTcp)?;
        let name = match endpoint.name {
            NameRef::Domain => Some(case.deployment.domain.clone()),
            NameRef::TurnDomain => case.deployment.turn_domain.clone(),
        };
        let ports = endpoint.port.into();
        return Some(DocumentedPath { way, name, transport: Transport::Tcp, ports });
    }
    let rules = case.ruleset.demanded(case.deployment);
    let mut rows = rules.filter_map(|rule| match (&rule.demand, &rule.scope) {
        (Demand::PortRow(row), Scope::Ports(scope)) => Some((row, scope)),
        _ => None,
    });
    let (_, scope) = rows.find(|(row, scope)| is_of_way(case, row, scope, way))?;
    let PortScope { transport, ports, .. } = *scope;
    Some(DocumentedPath { way, name: None, transport, ports })
}

/// Whether media takes a port of the tables by this way.
fn is_of_way(case: &Case<'_>, row: &PortRow, scope: &PortScope, way: Way) -> bool {
    let is_meant = match way {
        Way::Udp => scope.transport == Transport::Udp && scope.ports.single().is_none(),
        Way::IceTcp => row.service == Some(Service::IceTcp),
        Way::TurnUdp => row.service == Some(Service::TurnUdp),
        Way::Turns => false,
    };
    is_meant
        && scope.roles.contains(&case.deployment.topology.media())
        && row.of(case.deployment).any(|row| row.from.contains(&AllowedFrom::Anywhere))
}
