//! What the proxy has to do, from the endpoints and the rows of the guide's tables that a check judges.

use std::net::SocketAddr;

use crate::model::deployment::{Deployment, Feature, Node, NodeRole, Usage};
use crate::model::port::Port;
use crate::model::proxy::{NoDuties, Passage, ProxyDuties};
use crate::model::rule::Service;
use crate::model::target::Family;
use crate::model::vantage::Zone;
use crate::ruleset::Ruleset;

/// What the proxy of this deployment has to do.
///
/// # Errors
/// When the machines behind it are not declared, or the rule files do not say what is passed on.
pub fn proxy_duties(deployment: &Deployment, ruleset: &Ruleset) -> Result<ProxyDuties, NoDuties> {
    let passage = |service| {
        let behind =
            ruleset.port_behind_proxy(deployment, service).ok_or(NoDuties::NoRule(service))?;
        let backends = backends(deployment, behind)?;
        Ok(Passage { port: endpoint(ruleset, service)?, backends })
    };
    let turn = match &deployment.turn_domain {
        Some(name) => Some((name.clone(), passage(Service::TurnTcp)?)),
        None => None,
    };
    let rtmp = match deployment.uses.of(&Feature::Rtmp) {
        Usage::InUse | Usage::Unsaid => Some(passage(Service::Rtmp)?),
        Usage::NotInUse => None,
    };
    let proxies = || deployment.nodes_of(NodeRole::Proxy);
    let mut addresses = proxies().flat_map(|node| &node.addresses);
    Ok(ProxyDuties {
        domain: deployment.domain.clone(),
        over_ipv6: proxies().next().is_none()
            || addresses.any(|address| Family::of(*address) == Family::V6),
        http: endpoint(ruleset, Service::Web)?,
        api: passage(Service::LivekitApi)?,
        turn,
        rtmp,
    })
}

fn endpoint(ruleset: &Ruleset, service: Service) -> Result<Port, NoDuties> {
    ruleset.endpoint_of(service).map(|endpoint| endpoint.port).ok_or(NoDuties::NoRule(service))
}

/// The address by which the proxy reaches each machine behind it, IPv4 if there is one. It is never a loopback
/// address, not even on the same machine: users see it in the answers of the TURN server, and Firefox refuses it.
fn backends(deployment: &Deployment, port: Port) -> Result<Vec<SocketAddr>, NoDuties> {
    let role = deployment.topology.backend();
    let of_node = |node: &Node| {
        let addresses = node.addresses_from(Zone::ExternalProxy);
        let v4 = addresses.iter().find(|address| address.is_ipv4());
        let address = v4.or(addresses.first())?;
        Some(SocketAddr::new(*address, port.number()))
    };
    let backends: Vec<SocketAddr> = deployment.nodes_of(role).filter_map(of_node).collect();
    if backends.is_empty() { Err(NoDuties::NoBackend(role)) } else { Ok(backends) }
}
