//! The addresses that the operator allows to be asked port by port.

use std::net::IpAddr;

use super::file::FileShape;
use super::flags::Flags;
use super::sources::Sources;
use super::value;
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::deployment::Deployment;
use crate::model::probe::SweepTarget;

/// The addresses of `--sweep`: those that are given, and those of the nodes that are named.
pub(super) fn targets(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
    deployment: &Deployment,
) -> Result<Vec<IpAddr>, Complaint> {
    let written = sources.several("sweep", value::sweep, &flags.sweep, shape.sweep.as_deref())?;
    let mut addresses = Vec::new();
    for target in written {
        match target.value {
            SweepTarget::Address(address) => addresses.push(address),
            SweepTarget::Node(name) => {
                let Some(node) = deployment.nodes.iter().find(|node| node.name == name) else {
                    let known: Vec<&str> =
                        deployment.nodes.iter().map(|node| node.name.as_str()).collect();
                    return Err(Complaint::new(
                        format!("unknown node \"{name}\""),
                        target.origin.place("not declared"),
                    )
                    .with_help(match known.as_slice() {
                        [] => "name an address, such as --sweep 203.0.113.20".to_owned(),
                        known => help_for_unknown(name.as_str(), known),
                    }));
                };
                addresses.extend(node.every_address());
            }
        }
    }
    Ok(addresses)
}
