//! Azure: security rules of a network security group, as its Resource Manager takes them
//! ([reference](https://learn.microsoft.com/azure/templates/microsoft.network/networksecuritygroups)).
//! A rule holds addresses of one family.

use serde::Serialize;

use super::{MachineRules, joined};
use crate::model::port::Transport;

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
    source_port_range: &'static str,
    destination_port_range: String,
    source_address_prefixes: Vec<String>,
    destination_address_prefix: &'static str,
    access: &'static str,
    /// 100 to 4096; the lower counts first.
    priority: usize,
    direction: &'static str,
}

/// The lowest priority that Azure takes.
const FIRST_PRIORITY: usize = 100;

pub fn shape(rules: &MachineRules<'_>) -> Vec<SecurityRule> {
    let entries = rules.entries_of_one_family().into_iter();
    let made = (FIRST_PRIORITY..).zip(entries).map(|(priority, (entry, family, blocks))| {
        let ports = joined(entry.ports, '-');
        SecurityRule {
            name: format!("openvidu-{}-{ports}-{family}", entry.transport),
            properties: Properties {
                description: entry.why.to_owned(),
                protocol: match entry.transport {
                    Transport::Tcp => "Tcp",
                    Transport::Udp => "Udp",
                },
                source_port_range: "*",
                destination_port_range: ports,
                source_address_prefixes: blocks,
                destination_address_prefix: "*",
                access: "Allow",
                priority,
                direction: "Inbound",
            },
        }
    });
    made.collect()
}
