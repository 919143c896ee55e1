//! Azure: security rules of a network security group, as its Resource Manager takes them
//! ([reference](https://learn.microsoft.com/azure/templates/microsoft.network/networksecuritygroups)).
//! A rule holds addresses of one family.

use std::net::IpAddr;

use serde::Serialize;

use super::{MachineRules, block, joined, of_family};
use crate::model::admission::HeldBack;
use crate::model::port::Transport;
use crate::model::target::Family;

#[derive(Serialize)]
pub struct SecurityRule {
    name: String,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    description: String,
    protocol: &'static str,
    source_port_range: String,
    #[serde(flatten)]
    destination_ports: DestinationPorts,
    #[serde(flatten)]
    addresses: Addresses,
    access: &'static str,
    /// 100 to 4096; the lower counts first. Each direction has its own.
    priority: usize,
    direction: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DestinationPorts {
    #[serde(rename_all = "camelCase")]
    One { destination_port_range: String },
    #[serde(rename_all = "camelCase")]
    Several { destination_port_ranges: Vec<String> },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Addresses {
    #[serde(rename_all = "camelCase")]
    From { source_address_prefixes: Vec<String>, destination_address_prefix: &'static str },
    #[serde(rename_all = "camelCase")]
    To { source_address_prefix: &'static str, destination_address_prefixes: Vec<String> },
    #[serde(rename_all = "camelCase")]
    All { source_address_prefix: &'static str, destination_address_prefix: &'static str },
}

/// Everybody, or every port.
const ANY: &str = "*";

/// The lowest priority that Azure takes.
const FIRST_PRIORITY: usize = 100;

pub fn shape(rules: &MachineRules<'_>) -> Vec<SecurityRule> {
    let entries = rules.entries_of_one_family().into_iter();
    let inbound = (FIRST_PRIORITY..).zip(entries).map(|(priority, (entry, family, blocks))| {
        let ports = joined(entry.ports, '-');
        SecurityRule {
            name: format!("openvidu-{}-{ports}-{family}", entry.transport),
            properties: Properties {
                description: entry.why.to_owned(),
                protocol: protocol(entry.transport),
                source_port_range: ANY.to_owned(),
                destination_ports: DestinationPorts::One { destination_port_range: ports },
                addresses: Addresses::From {
                    source_address_prefixes: blocks,
                    destination_address_prefix: ANY,
                },
                access: "Allow",
                priority,
                direction: "Inbound",
            },
        }
    });
    let outbound = rules.held_back().iter().flat_map(hold_back);
    let outbound = (FIRST_PRIORITY..).zip(outbound).map(|(priority, mut rule)| {
        rule.properties.priority = priority;
        rule
    });
    inbound.chain(outbound).collect()
}

fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "Tcp",
        Transport::Udp => "Udp",
    }
}

/// What may be sent from a range, and then that nothing else may.
fn hold_back(held_back: &HeldBack) -> Vec<SecurityRule> {
    let HeldBack { transport, ports, spared_ports, spared, rule } = held_back;
    let ports = joined(*ports, '-');
    let outbound = |name: &str, access, addresses, destination_ports| SecurityRule {
        name: format!("openvidu-out-{transport}-{ports}-{name}"),
        properties: Properties {
            description: rule.to_string(),
            protocol: protocol(*transport),
            source_port_range: ports.clone(),
            destination_ports,
            addresses,
            access,
            priority: FIRST_PRIORITY,
            direction: "Outbound",
        },
    };
    let every_port = || DestinationPorts::One { destination_port_range: ANY.to_owned() };
    let everybody =
        || Addresses::All { source_address_prefix: ANY, destination_address_prefix: ANY };
    let to = |addresses: Vec<IpAddr>| Addresses::To {
        source_address_prefix: ANY,
        destination_address_prefixes: addresses.into_iter().map(block).collect(),
    };
    let mut rules = Vec::new();
    for (family, word) in [(Family::V4, "nodes-ipv4"), (Family::V6, "nodes-ipv6")] {
        let addresses = of_family(spared, family);
        if !addresses.is_empty() {
            rules.push(outbound(word, "Allow", to(addresses), every_port()));
        }
    }
    let services = DestinationPorts::Several {
        destination_port_ranges: spared_ports.iter().map(ToString::to_string).collect(),
    };
    rules.push(outbound("services", "Allow", everybody(), services));
    rules.push(outbound("others", "Deny", everybody(), every_port()));
    rules
}
