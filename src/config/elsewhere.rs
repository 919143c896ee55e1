//! The deployment file for a run of the same check on another machine.

use std::path::PathBuf;

use super::value::{Features, ModuleList, NodeFlag, PrivateFlag};
use super::written::{FileNotes, deployment_file};
use super::{Flags, RunConfig};
use crate::complaint::Complaint;
use crate::model::deployment::{Deployment, Said};
use crate::model::dial::DialMap;
use crate::model::probe::SweepTarget;

/// The name of the root certificates beside the file.
pub const ROOT_CERTIFICATES: &str = "ca.pem";

/// What another machine needs to make the same check. It has no credentials, and nothing that says where
/// this machine is.
///
/// # Errors
/// If a run would refuse it.
pub fn file_for_another_machine(config: &RunConfig) -> Result<String, Complaint> {
    let Deployment {
        edition,
        topology,
        policy,
        domain,
        turn_domain,
        rtc_engine,
        uses,
        modules,
        nodes,
    } = &config.deployment;
    let DialMap { connect_to } = &config.dial;
    let private = nodes.iter().filter(|node| !node.private_addresses.is_empty());
    let flags = Flags {
        domain_name: Some(domain.clone()),
        turn_domain_name: turn_domain.clone(),
        guide: Some(*edition),
        topology: Some(*topology),
        policy: Some(*policy),
        rtc_engine: Some(*rtc_engine),
        uses: listed(uses).map(Features),
        enabled_modules: listed(modules).map(ModuleList),
        node: nodes
            .iter()
            .map(|node| NodeFlag {
                name: node.name.clone(),
                role: Some(node.role),
                addresses: node.addresses.clone(),
            })
            .collect(),
        private_address: private
            .map(|node| PrivateFlag {
                node: node.name.clone(),
                addresses: node.private_addresses.clone(),
            })
            .collect(),
        dns_server: config.dns_server,
        ca_file: config.ca_file.as_ref().map(|_| PathBuf::from(ROOT_CERTIFICATES)),
        stun_server: config.stun_servers.clone(),
        connect_to: connect_to.clone(),
        resolve: config.resolve.clone(),
        timeout: Some(config.timeout),
        deadline: config.deadline_is_set.then_some(config.deadline),
        hold: config.hold,
        udp_rate: Some(config.udp_rate),
        sweep: config.sweep.iter().copied().map(SweepTarget::Address).collect(),
        allow_large_sweep: Some(config.allow_large_sweep),
        find_extent: Some(config.find_extent),
        ..Flags::default()
    };
    deployment_file(&flags, &FileNotes::default())
}

fn listed<T: Ord + Clone>(said: &Said<T>) -> Option<std::collections::BTreeSet<T>> {
    match said {
        Said::Unsaid => None,
        Said::Listed(things) => Some(things.clone()),
    }
}
