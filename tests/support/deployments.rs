//! Deployments, and where they are looked at from.

use std::net::SocketAddr;

use ovcheck::model::deployment::{
    Deployment, Edition, Modules, Node, NodeRole, Policy, RtcEngine, Topology, Uses,
};
use ovcheck::model::vantage::{Vantage, Zone};

/// A deployment with both names, of which nothing else is declared: no node, no feature, no module,
/// and the defaults of edition, policy and engine.
pub fn undeclared(topology: Topology) -> Deployment {
    Deployment {
        edition: Edition::V3_2,
        topology,
        policy: Policy::Default,
        domain: "openvidu.example.io".parse().unwrap(),
        turn_domain: Some("turn.example.io".parse().unwrap()),
        rtc_engine: RtcEngine::Pion,
        uses: Uses::Unsaid,
        modules: Modules::Unsaid,
        nodes: Vec::new(),
    }
}

/// Every topology under every edition and each of its policies, with nothing else declared.
pub fn every_deployment() -> Vec<Deployment> {
    let mut all = Vec::new();
    for topology in Topology::ALL {
        for edition in Edition::ALL {
            for &policy in edition.policies() {
                all.push(Deployment { edition, policy, ..undeclared(topology) });
            }
        }
    }
    all
}

/// A node with public addresses, and private ones by which the others reach it.
pub fn node(name: &str, role: NodeRole, public: &[&str], private: &[&str]) -> Node {
    let parse = |addresses: &[&str]| addresses.iter().map(|a| a.parse().unwrap()).collect();
    Node {
        name: name.parse().unwrap(),
        role,
        addresses: parse(public),
        private_addresses: parse(private),
    }
}

/// A machine in this zone that is no declared node, with a STUN server outside in each family.
pub fn vantage(zone: Zone) -> Vantage {
    let outside = |address: &str| SocketAddr::new(address.parse().unwrap(), 3478);
    Vantage {
        name: None,
        zone,
        stands_on: Vec::new(),
        addresses: vec!["198.51.100.7".parse().unwrap()],
        dns_servers: vec!["10.0.0.1:53".parse().unwrap()],
        stun_servers: vec![outside("192.0.2.1"), outside("2001:db8:f::1")],
        near: Vec::new(),
        http_proxy: None,
    }
}

/// A deployment with all its machines, each with public addresses of both families and a private one.
pub fn declared(topology: Topology) -> Deployment {
    let roles = topology.roles().iter().enumerate();
    let nodes = roles.flat_map(|(at, role)| {
        let count = match (topology, role) {
            (Topology::SingleNode, _) | (_, NodeRole::Proxy) => 1,
            (Topology::Elastic, NodeRole::Master) => 1,
            (Topology::Elastic | Topology::HighAvailability, _) => 2,
        };
        (1..=count).map(move |number| {
            let last = 10 * (at + 1) + number;
            node(
                &format!("{role}-{number}"),
                *role,
                &[&format!("203.0.113.{last}"), &format!("2001:db8:5::{last}")],
                &[&format!("10.0.0.{last}")],
            )
        })
    });
    Deployment { nodes: nodes.collect(), ..undeclared(topology) }
}

/// The same under every edition and each of its policies.
pub fn every_declared() -> Vec<Deployment> {
    let undeclared = every_deployment().into_iter();
    undeclared.map(|it| Deployment { nodes: declared(it.topology).nodes, ..it }).collect()
}
