//! AWS: the input of `aws ec2 authorize-security-group-ingress`
//! ([API](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html)).

use serde::Serialize;

use super::MachineRules;
use crate::model::target::Family;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ingress {
    ip_permissions: Vec<Permission>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Permission {
    ip_protocol: String,
    from_port: u16,
    to_port: u16,
    ip_ranges: Vec<Range>,
    ipv6_ranges: Vec<Range6>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Range {
    cidr_ip: String,
    description: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Range6 {
    cidr_ipv6: String,
    description: String,
}

pub fn shape(rules: &MachineRules<'_>) -> Ingress {
    let permission = |entry: super::Entry<'_>| {
        let description = || entry.why.to_owned();
        let v4 = entry.blocks(Family::V4).into_iter();
        let v6 = entry.blocks(Family::V6).into_iter();
        Permission {
            ip_protocol: entry.transport.to_string(),
            from_port: entry.ports.first().number(),
            to_port: entry.ports.last().number(),
            ip_ranges: v4.map(|cidr_ip| Range { cidr_ip, description: description() }).collect(),
            ipv6_ranges: v6
                .map(|cidr_ipv6| Range6 { cidr_ipv6, description: description() })
                .collect(),
        }
    };
    Ingress { ip_permissions: rules.entries().into_iter().map(permission).collect() }
}
