//! Terraform, in its JSON syntax: a security group of AWS with one ingress rule per sender
//! ([provider](https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/security_group)).

use std::collections::BTreeMap;

use serde::Serialize;

use super::MachineRules;
use crate::model::target::Family;

#[derive(Serialize)]
pub struct Configuration {
    resource: Resource,
}

#[derive(Serialize)]
struct Resource {
    aws_security_group: BTreeMap<String, Group>,
}

#[derive(Serialize)]
struct Group {
    name: String,
    description: String,
    ingress: Vec<Ingress>,
    egress: Vec<Ingress>,
}

/// As attributes, a group's rules need all of their keys.
#[derive(Serialize)]
struct Ingress {
    description: String,
    protocol: String,
    from_port: u16,
    to_port: u16,
    cidr_blocks: Vec<String>,
    ipv6_cidr_blocks: Vec<String>,
    prefix_list_ids: Vec<String>,
    security_groups: Vec<String>,
    #[serde(rename = "self")]
    of_the_group: bool,
}

pub fn shape(rules: &MachineRules<'_>) -> Configuration {
    let ingress = rules.entries().into_iter().map(|entry| Ingress {
        description: entry.why.to_owned(),
        protocol: entry.transport.to_string(),
        from_port: entry.ports.first().number(),
        to_port: entry.ports.last().number(),
        cidr_blocks: entry.blocks(Family::V4),
        ipv6_cidr_blocks: entry.blocks(Family::V6),
        prefix_list_ids: Vec::new(),
        security_groups: Vec::new(),
        of_the_group: false,
    });
    let everything = Ingress {
        description: "all outbound packets".to_owned(),
        protocol: "-1".to_owned(),
        from_port: 0,
        to_port: 0,
        cidr_blocks: vec!["0.0.0.0/0".to_owned()],
        ipv6_cidr_blocks: vec!["::/0".to_owned()],
        prefix_list_ids: Vec::new(),
        security_groups: Vec::new(),
        of_the_group: false,
    };
    let node = &rules.admission.nodes[0];
    let group = Group {
        name: format!("openvidu-{node}"),
        description: format!("OpenVidu: {}", rules.admission.name()),
        ingress: ingress.collect(),
        egress: vec![everything],
    };
    let key = format!("openvidu_{node}").replace('-', "_");
    Configuration { resource: Resource { aws_security_group: BTreeMap::from([(key, group)]) } }
}
