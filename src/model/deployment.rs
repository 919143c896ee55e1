//! What the operator says is there.
//!
//! A [`Deployment`] is only ever made by `config`, which refuses what cannot be: forced TURN
//! without a TURN domain, two equal names, a node without an address. What exists is valid.

mod terms;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use terms::{Edition, Feature, Module, Policy, PortTables, RtcEngine, Topology};

use super::name::{DomainName, NodeName};
use super::vantage::{Vantage, Zone};
use super::word_list::word_list;

/// Which of several things are in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said<T: Ord> {
    /// Nothing was said about them.
    Unsaid,
    /// Exactly these.
    Listed(BTreeSet<T>),
}

/// Which optional rows of the guide are in use.
pub type Uses = Said<Feature>;

/// Which modules are enabled.
pub type Modules = Said<Module>;

/// What [`Said`] says about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Usage {
    InUse,
    NotInUse,
    Unsaid,
}

impl<T: Ord + Copy> Said<T> {
    /// What is known about `thing`.
    pub fn of(&self, thing: &T) -> Usage {
        match self {
            Self::Unsaid => Usage::Unsaid,
            Self::Listed(things) if things.contains(thing) => Usage::InUse,
            Self::Listed(_) => Usage::NotInUse,
        }
    }
}

/// What a row of the guide depends on ("Needed if you want …", "Needed when … module is used").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Condition {
    Feature(Feature),
    Module(Module),
    /// A TURN domain is set.
    TurnDomain,
}

impl Condition {
    /// The key of the deployment file by which an operator says whether it is so.
    pub fn key(self) -> &'static str {
        match self {
            Self::Feature(_) => "uses",
            Self::Module(_) => "enabled-modules",
            Self::TurnDomain => "turn-domain-name",
        }
    }

    /// The flag by which an operator says whether it is so.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Feature(_) => "--uses",
            Self::Module(_) => "--enabled-modules",
            Self::TurnDomain => "--turn-domain-name",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feature(feature) => feature.fmt(f),
            Self::Module(module) => module.fmt(f),
            Self::TurnDomain => f.write_str("a TURN domain"),
        }
    }
}

word_list! {
    /// What a machine is there for; in the order of the guide's tables.
    pub enum NodeRole {
        /// The OpenVidu machine of a Single Node deployment.
        Openvidu = "openvidu",
        /// A Master Node of Elastic or High Availability.
        Master = "master",
        /// A Media Node of Elastic or High Availability.
        Media = "media",
        /// The external proxy.
        Proxy = "proxy",
    }
}

impl NodeRole {
    /// The zone somebody stands in who runs on a machine of this role.
    pub fn zone(self) -> Zone {
        match self {
            Self::Proxy => Zone::ExternalProxy,
            Self::Openvidu => Zone::OwnNode,
            Self::Master => Zone::Master,
            Self::Media => Zone::Media,
        }
    }
}

/// One machine of the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub name: NodeName,
    pub role: NodeRole,
    /// The addresses by which users reach it; at least one.
    pub addresses: Vec<IpAddr>,
    /// The addresses by which the other machines of the deployment reach it; may be empty.
    pub private_addresses: Vec<IpAddr>,
}

impl Node {
    /// The addresses to dial for somebody who stands in `zone`: the private ones from inside,
    /// where there are any.
    pub fn addresses_from(&self, zone: Zone) -> &[IpAddr] {
        if zone == Zone::Internet || self.private_addresses.is_empty() {
            &self.addresses
        } else {
            &self.private_addresses
        }
    }

    /// Whether `address` is one of this machine's, public or private.
    pub fn has(&self, address: IpAddr) -> bool {
        self.every_address().any(|own| *own == address)
    }

    /// All addresses, those for users first.
    pub fn every_address(&self) -> impl Iterator<Item = &IpAddr> {
        self.addresses.iter().chain(&self.private_addresses)
    }
}

/// What the operator says is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    pub edition: Edition,
    pub topology: Topology,
    pub policy: Policy,
    pub domain: DomainName,
    /// The name of TURN over TLS; differs from `domain`.
    pub turn_domain: Option<DomainName>,
    pub rtc_engine: RtcEngine,
    pub uses: Uses,
    pub modules: Modules,
    /// All of roles that the topology has, in the order in which they were given; names and, within one role, addresses are unique.
    pub nodes: Vec<Node>,
}

impl Deployment {
    /// What is known about a condition of the guide's rows.
    pub fn usage(&self, condition: Condition) -> Usage {
        match condition {
            Condition::Feature(feature) => self.uses.of(&feature),
            Condition::Module(module) => self.modules.of(&module),
            Condition::TurnDomain if self.turn_domain.is_some() => Usage::InUse,
            Condition::TurnDomain => Usage::NotInUse,
        }
    }

    /// The nodes of one role.
    pub fn nodes_of(&self, role: NodeRole) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// The zones of a machine: its own, and those of the nodes that it is.
    pub fn zones_of(&self, vantage: &Vantage) -> BTreeSet<Zone> {
        let own = self.nodes.iter().filter(|node| vantage.stands_on.contains(&node.name));
        own.map(|node| node.role.zone()).chain([vantage.zone]).collect()
    }

    /// The nodes that `address` belongs to: none, one, or two where the proxy shares a machine.
    pub fn nodes_at(&self, address: IpAddr) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.has(address))
    }
}
