//! Parsers for the machines of a deployment in flags and variables.

use std::net::IpAddr;
use std::str::FromStr;

use super::{InvalidValue, address, word};
use crate::model::deployment::NodeRole;
use crate::model::name::{InvalidNodeName, NodeName};

/// One `--node NAME=ADDRESS[,ADDRESS]` or, if the name is not a role,
/// `--node NAME:ROLE=ADDRESS[,ADDRESS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFlag {
    pub name: NodeName,
    pub role: Option<NodeRole>,
    /// At least one.
    pub addresses: Vec<IpAddr>,
}

impl FromStr for NodeFlag {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (named, addresses) = text.split_once('=').ok_or_else(|| {
            InvalidValue::new(format!("\"{text}\" has no addresses"))
                .with_help("use NAME=ADDRESS[,ADDRESS], such as proxy=203.0.113.10")
        })?;
        let (name, role) = match named.split_once(':') {
            Some((name, role)) => (name, Some(role)),
            None => (named, None),
        };
        Ok(Self {
            name: node_name(name)?,
            role: role.map(word).transpose()?,
            addresses: addresses_of(name, addresses)?,
        })
    }
}

/// One `--private-address NODE=ADDRESS[,ADDRESS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateFlag {
    pub node: NodeName,
    /// At least one.
    pub addresses: Vec<IpAddr>,
}

impl FromStr for PrivateFlag {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (node, addresses) = text.split_once('=').ok_or_else(|| {
            InvalidValue::new(format!("\"{text}\" has no addresses"))
                .with_help("use NODE=ADDRESS[,ADDRESS], such as openvidu=10.0.0.20")
        })?;
        Ok(Self { node: node_name(node)?, addresses: addresses_of(node, addresses)? })
    }
}

/// The name of a node.
///
/// # Errors
/// For any other text.
pub fn node_name(text: &str) -> Result<NodeName, InvalidValue> {
    text.parse().map_err(|error: InvalidNodeName| InvalidValue::new(error.to_string()))
}

fn addresses_of(node: &str, list: &str) -> Result<Vec<IpAddr>, InvalidValue> {
    if list.trim().is_empty() {
        return Err(InvalidValue::new(format!("the node {node} has no address"))
            .with_help(format!("use {node}=ADDRESS[,ADDRESS]")));
    }
    list.split(',').map(|one| address(one.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_with_its_addresses_and_perhaps_its_role() {
        let edge: NodeFlag = "edge-1:proxy=203.0.113.10,2001:db8::10".parse().unwrap();
        assert_eq!(edge.name.as_str(), "edge-1");
        assert_eq!(edge.role, Some(NodeRole::Proxy));
        assert_eq!(edge.addresses.len(), 2);
        let refused = |text: &str| text.parse::<NodeFlag>().unwrap_err().to_string();
        assert_eq!(refused("proxy=203.0.113.10,,"), "\"\" is not an IP address");
        assert_eq!(refused("proxy="), "the node proxy has no address; use proxy=ADDRESS[,ADDRESS]");
        assert_eq!(
            refused("edge:proxi=203.0.113.10"),
            "unknown value \"proxi\"; did you mean \"proxy\"?"
        );
        assert_eq!(
            refused("203.0.113.10"),
            "\"203.0.113.10\" has no addresses; use NAME=ADDRESS[,ADDRESS], such as proxy=203.0.113.10"
        );
    }
}
