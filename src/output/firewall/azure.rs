//! Azure: security rules of a network security group, as its Resource Manager takes them
//! ([reference](https://learn.microsoft.com/azure/templates/microsoft.network/networksecuritygroups)).
//! A rule holds addresses of one family.

use serde::Serialize;

use super::{MachineRules, joined};
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
    let mut made: Vec<SecurityRule> = Vec::new();
    for entry in rules.entries() {
        for (family, suffix) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
            let source_address_prefixes = entry.blocks(family);
            if source_address_prefixes.is_empty() {
                continue;
            }
            let ports = joined(entry.ports, '-');
            made.push(SecurityRule {
                name: format!("openvidu-{}-{ports}-{suffix}", entry.transport),
                properties: Properties {
                    description: entry.why.to_owned(),
                    protocol: match entry.transport {
                        Transport::Tcp => "Tcp",
                        Transport::Udp => "Udp",
                    },
                    source_port_range: "*",
                    destination_port_range: ports,
                    source_address_prefixes,
                    destination_address_prefix: "*",
                    access: "Allow",
                    priority: FIRST_PRIORITY + made.len(),
                    direction: "Inbound",
                },
            });
        }
    }
    made
}
