//! Google Cloud: resources `firewalls` of the Compute Engine API
//! ([reference](https://cloud.google.com/compute/docs/reference/rest/v1/firewalls)). A rule holds
//! addresses of one family.

use serde::Serialize;

use super::{MachineRules, joined};
use crate::model::target::Family;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Firewall {
    name: String,
    description: String,
    direction: &'static str,
    allowed: Vec<Allowed>,
    source_ranges: Vec<String>,
    target_tags: Vec<String>,
}

#[derive(Serialize)]
struct Allowed {
    #[serde(rename = "IPProtocol")]
    protocol: String,
    ports: Vec<String>,
}

pub fn shape(rules: &MachineRules<'_>) -> Vec<Firewall> {
    // A node's name is a right tag and name of a resource too.
    let tag = format!("openvidu-{}", rules.admission.nodes[0]);
    let mut firewalls = Vec::new();
    for entry in rules.entries() {
        for (family, suffix) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
            let source_ranges = entry.blocks(family);
            if source_ranges.is_empty() {
                continue;
            }
            let ports = joined(entry.ports, '-');
            firewalls.push(Firewall {
                name: format!("{tag}-{}-{ports}-{suffix}", entry.transport),
                description: entry.why.to_owned(),
                direction: "INGRESS",
                allowed: vec![Allowed {
                    protocol: entry.transport.to_string(),
                    ports: vec![ports],
                }],
                source_ranges,
                target_tags: vec![tag.clone()],
            });
        }
    }
    firewalls
}
