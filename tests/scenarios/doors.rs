//! What a packet meets at a port, and what it should meet there: whom the rows of the guide let in,
//! read from the rules and not from what the program makes of them.

use std::net::IpAddr;

use ovcheck::model::deployment::{Deployment, Node, NodeRole, Usage};
use ovcheck::model::port::{Port, Transport};
use ovcheck::model::rule::{Demand, PortRow, PortScope, Scope, TableRow};
use ovcheck::model::target::Family;
use ovcheck::model::vantage::Zone;

use crate::world::{PROXY, PROXY_V6, RULESET, World};

/// What a packet meets at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// The service that belongs there.
    Right,
    /// Another service.
    Stranger,
    /// It is let in, and nobody listens.
    Idle,
    /// Nothing comes back.
    Drops,
    /// The machine's firewall says that it is one.
    Prohibits,
}

/// What should be met from where the world is seen.
pub fn by_the_guide(world: &World, address: IpAddr, transport: Transport, port: Port) -> Door {
    let mut doors: Vec<Door> = (world.deployment.nodes_at(address))
        .flat_map(|node| of_node(world, node, address, (transport, port)))
        .collect();
    if is_undeclared_proxy(&world.deployment, address) && transport == Transport::Tcp {
        doors.extend(matches!(port.number(), 80 | 443 | 1935).then_some(Door::Right));
    }
    doors.into_iter().min().unwrap_or(Door::Drops)
}

/// Whoever the names point to is taken for the proxy where none is declared.
pub fn is_undeclared_proxy(deployment: &Deployment, address: IpAddr) -> bool {
    deployment.nodes_at(address).next().is_none()
        && deployment.nodes_of(NodeRole::Proxy).next().is_none()
        && [PROXY, PROXY_V6].contains(&address.to_string().as_str())
}

/// What every row that speaks of the port and lets us in says.
fn of_node(
    world: &World,
    node: &Node,
    address: IpAddr,
    (transport, port): (Transport, Port),
) -> Vec<Door> {
    let rules = RULESET.demanded(&world.deployment);
    let of_rule = |demand: &Demand, scope: &PortScope| match demand {
        Demand::PortRow(row) => {
            row_lets_in(world, node, row).then(|| behind(world, row, address, scope))
        }
        // The relay of a Media Node sends to the media ports of all.
        Demand::PortOpen => {
            (is_on(world, node) || zones(world).contains(&Zone::Media)).then_some(Door::Idle)
        }
        _ => None,
    };
    rules
        .filter_map(|rule| match &rule.scope {
            Scope::Ports(scope)
                if scope.roles.contains(&node.role)
                    && scope.transport == transport
                    && scope.ports.contains(port) =>
            {
                of_rule(&rule.demand, scope)
            }
            _ => None,
        })
        .collect()
}

fn row_lets_in(world: &World, node: &Node, row: &PortRow) -> bool {
    let deployment = &world.deployment;
    let is_allowed = |row: &TableRow| {
        let zones = zones(world);
        let mut from = row.from.iter();
        is_on(world, node) || from.any(|from| zones.iter().any(|zone| from.includes(*zone)))
    };
    let is_in_use = |row: &TableRow| {
        row.tolerated.is_none()
            && row.engine.is_none_or(|engine| engine == deployment.rtc_engine)
            && row.condition.is_none_or(|condition| deployment.usage(condition) == Usage::InUse)
    };
    !row.not_under.contains(&deployment.policy)
        && row.of(deployment).any(|row| is_allowed(row) && is_in_use(row))
}

/// Who listens behind a port that a row opens.
fn behind(world: &World, row: &PortRow, address: IpAddr, scope: &PortScope) -> Door {
    let is_left_out = |limit: &ovcheck::model::rule::FamilyLimit| {
        limit.leaves_out(Family::of(address), world.deployment.edition)
    };
    let is_media_range = scope.ports.count() > 100;
    if is_media_range || row.listens_on.as_ref().is_some_and(is_left_out) {
        Door::Idle
    } else {
        Door::Right
    }
}

fn is_on(world: &World, node: &Node) -> bool {
    world.stands_on.contains(&node.name.as_str())
        || (world.zone == Zone::OwnNode && node.role == NodeRole::Openvidu)
}

/// The zones that we stand in: the one that is said, and those of the nodes whose machine is ours.
fn zones(world: &World) -> Vec<Zone> {
    let nodes = world.deployment.nodes.iter();
    let own = nodes.filter(|node| world.stands_on.contains(&node.name.as_str()));
    own.map(|node| node.role.zone()).chain([world.zone]).collect()
}
