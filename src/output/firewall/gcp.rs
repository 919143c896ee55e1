//! Google Cloud: resources `firewalls` of the Compute Engine API
//! ([reference](https://cloud.google.com/compute/docs/reference/rest/v1/firewalls)). A rule holds
//! addresses of one family.

use serde::Serialize;

use super::{Entry, MachineRules, joined};

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
    let firewall = |(entry, family, source_ranges): (Entry<'_>, &str, Vec<String>)| {
        let ports = joined(entry.ports, '-');
        Firewall {
            name: format!("{tag}-{}-{ports}-{family}", entry.transport),
            description: entry.why.to_owned(),
            direction: "INGRESS",
            allowed: vec![Allowed { protocol: entry.transport.to_string(), ports: vec![ports] }],
            source_ranges,
            target_tags: vec![tag.clone()],
        }
    };
    rules.entries_of_one_family().into_iter().map(firewall).collect()
}
