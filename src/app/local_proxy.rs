//! The proxy of the machine on which the program runs: its files are read without being named if it is shown that
//! it is the proxy of the deployment.

use std::net::IpAddr;
use std::path::PathBuf;

use super::configurations;
use crate::complaint::Complaint;
use crate::config::ConfigurationPaths;
use crate::model::configuration::ProxyKind;
use crate::model::context::RunContext;
use crate::model::deployment::{Deployment, NodeRole};
use crate::model::resolution::Resolution;
use crate::model::rule::Service;
use crate::model::vantage::Vantage;
use crate::net::Network;
use crate::net::local_proxy::{self, LocalProxy, StartedProxy};
use crate::ruleset::Ruleset;

/// What became of the proxy of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyHere {
    /// Its files are read.
    Read(StartedProxy),
    /// Only root may see whether it is the proxy of the deployment.
    NeedsRoot(ProxyKind),
    /// Its processes do not show which files of this machine they have read.
    FilesUnknown(ProxyKind),
    /// Its files cannot be read.
    Unreadable(StartedProxy, Complaint),
}

/// Looks for the proxy where users reach the API at an address of this machine, and reads its files. `None` if this
/// machine is not the proxy, or a proxy whose files cannot be found.
pub fn read(
    (deployment, vantage, ruleset): (&Deployment, &Vantage, &Ruleset),
    resolution: &Resolution,
    net: &mut Network,
    context: &mut RunContext,
) -> Option<ProxyHere> {
    // Then the API is asked elsewhere.
    if !context.options.connect_to.is_empty() {
        return None;
    }
    let port = ruleset.endpoint_of(Service::LivekitApi)?.port;
    let mut of_proxy: Vec<IpAddr> = resolution.addresses(&deployment.domain, port);
    of_proxy.extend(deployment.nodes_of(NodeRole::Proxy).flat_map(|node| node.every_address()));
    let is_of_proxy = |own: &&IpAddr| of_proxy.iter().any(|it| it.to_canonical() == **own);
    let here: Vec<IpAddr> = vantage.addresses.iter().filter(is_of_proxy).copied().collect();
    if here.is_empty() {
        return None;
    }
    let proxy = match local_proxy::taking(&here, port) {
        LocalProxy::Absent => return None,
        LocalProxy::NeedsRoot(kind) => return Some(ProxyHere::NeedsRoot(kind)),
        LocalProxy::FilesUnknown(kind) => return Some(ProxyHere::FilesUnknown(kind)),
        LocalProxy::Found(proxy) => proxy,
    };
    let paths = ConfigurationPaths {
        proxy: proxy.files.iter().map(PathBuf::from).collect(),
        proxy_kind: Some(proxy.kind),
        finds_proxy_here: true,
        ..ConfigurationPaths::default()
    };
    match configurations::read(&paths, deployment, ruleset) {
        Err(complaint) => Some(ProxyHere::Unreadable(proxy, complaint)),
        Ok(read) => {
            net.configurations.proxy = read.proxy;
            context.files.proxy_config.clone_from(&proxy.files);
            Some(ProxyHere::Read(proxy))
        }
    }
}
