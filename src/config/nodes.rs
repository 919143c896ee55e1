//! The machines of a deployment, combined from flags, environment and file.

use std::net::IpAddr;

use serde_spanned::Spanned;

use super::file::{DeploymentFile, FileShape, NodeShape};
use super::flags::Flags;
use super::nodes_list;
use super::sources::{Origin, Sources, Written, list_on_command_line};
use super::value::{self, NodeFlag, PrivateFlag};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::address::is_unreachable;
use crate::model::deployment::{Node, NodeRole, Topology};
use crate::model::name::NodeName;
use crate::model::word_list::WordList;

/// A machine whose parts are still being collected.
struct Draft<'a> {
    name: Written<'a, NodeName>,
    role: Option<Written<'a, NodeRole>>,
    addresses: Vec<Written<'a, IpAddr>>,
    private_addresses: Vec<Written<'a, IpAddr>>,
}

impl Draft<'_> {
    fn into_node(self, role: NodeRole) -> Node {
        let values =
            |list: Vec<Written<'_, IpAddr>>| list.into_iter().map(|one| one.value).collect();
        Node {
            name: self.name.value,
            role,
            addresses: values(self.addresses),
            private_addresses: values(self.private_addresses),
        }
    }
}

/// The machines, those of the file first. Each of the three keys of a machine (role, addresses,
/// private addresses) comes from the flags, otherwise the environment, otherwise the list
/// (`--nodes-from`), otherwise the file.
pub(super) fn nodes(
    sources: Sources<'_>,
    flags: &Flags,
    (shape, list): (&FileShape, Option<&DeploymentFile>),
    topology: Topology,
) -> Result<Vec<Node>, Complaint> {
    let mut drafts = in_file(sources, shape)?;
    if let Some(list) = list {
        lay_over(&mut drafts, &nodes_list::in_list(list)?)?;
    }
    for layer in [
        sources.list_in_environment("node", str::parse::<NodeFlag>)?,
        list_on_command_line("node", &flags.node),
    ] {
        lay_over(&mut drafts, &layer)?;
    }
    for layer in [
        sources.list_in_environment("private-address", str::parse::<PrivateFlag>)?,
        list_on_command_line("private-address", &flags.private_address),
    ] {
        lay_private_over(&mut drafts, &layer)?;
    }
    few_addresses(&drafts)?;
    let roles = drafts.iter().map(role_of).collect::<Result<Vec<_>, _>>()?;
    for draft in &drafts {
        has_an_address(draft)?;
        each_address_once(&draft.addresses)?;
        each_address_once(&draft.private_addresses)?;
        not_exchanged(draft)?;
    }
    let drafts: Vec<_> = drafts.into_iter().zip(roles).collect();
    fits_topology(&drafts, topology)?;
    one_machine_per_address(&drafts)?;
    Ok(drafts.into_iter().map(|(draft, role)| draft.into_node(role)).collect())
}

/// The most addresses of one machine, public and private.
const MOST_OF_NODE: usize = 64;

/// The most addresses of all machines: 500 nodes with IPv4 and IPv6.
const MOST_IN_ALL: usize = 1024;

/// Rejects more addresses than a run looks at. Each of them costs some fifty probes.
fn few_addresses(drafts: &[Draft<'_>]) -> Result<(), Complaint> {
    let mut before = 0;
    for draft in drafts {
        let addresses = || draft.addresses.iter().chain(&draft.private_addresses);
        let count = addresses().count();
        if let Some(first) = addresses().nth(MOST_OF_NODE) {
            return Err(Complaint::new(
                format!(
                    "the node \"{}\" has {count} addresses; ovcheck checks at most {MOST_OF_NODE} of one node",
                    draft.name.value
                ),
                first.origin.place("one address too many"),
            )
            .with_help("list each machine as a node of its own, with only the addresses that users reach"));
        }
        if let Some(first) = addresses().nth(MOST_IN_ALL - before) {
            return Err(Complaint::new(
                format!("the nodes have more than {MOST_IN_ALL} addresses in all"),
                first.origin.place("one address too many"),
            )
            .with_help(format!(
                "split the deployment file: up to {MOST_IN_ALL} addresses in each, with the same domain"
            )));
        }
        before += count;
    }
    Ok(())
}

fn in_file<'a>(sources: Sources<'a>, shape: &FileShape) -> Result<Vec<Draft<'a>>, Complaint> {
    let mut tables: Vec<(&Spanned<String>, &NodeShape)> = shape.nodes.iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    tables
        .into_iter()
        .map(|(name, table)| {
            let role = table.role.as_ref();
            let addresses = table.addresses.as_deref().unwrap_or_default();
            let private = table.private_addresses.as_deref().unwrap_or_default();
            Ok(Draft {
                name: sources.in_file(name, value::node_name)?,
                role: role.map(|role| sources.in_file(role, value::word)).transpose()?,
                addresses: sources.list_in_file(addresses, value::address)?,
                private_addresses: sources.list_in_file(private, value::address)?,
            })
        })
        .collect()
}

/// Applies the machines of one source to the drafts.
fn lay_over<'a>(
    drafts: &mut Vec<Draft<'a>>,
    layer: &[Written<'a, NodeFlag>],
) -> Result<(), Complaint> {
    let named: Vec<&NodeName> = layer.iter().map(|flag| &flag.value.name).collect();
    each_name_once(layer, &named)?;
    for Written { value, origin } in layer {
        let part = |address: &IpAddr| Written { value: *address, origin: origin.clone() };
        let draft = draft_called(drafts, &value.name, origin);
        draft.addresses = value.addresses.iter().map(part).collect();
        if let Some(role) = value.role {
            draft.role = Some(Written { value: role, origin: origin.clone() });
        }
    }
    Ok(())
}

/// The machine with this name, added if it does not exist yet.
fn draft_called<'d, 'a>(
    drafts: &'d mut Vec<Draft<'a>>,
    name: &NodeName,
    origin: &Origin<'a>,
) -> &'d mut Draft<'a> {
    let place = drafts.iter().position(|draft| draft.name.value == *name).unwrap_or(drafts.len());
    if place == drafts.len() {
        drafts.push(Draft {
            name: Written { value: name.clone(), origin: origin.clone() },
            role: None,
            addresses: Vec::new(),
            private_addresses: Vec::new(),
        });
    }
    &mut drafts[place]
}

/// Applies the private addresses of one source to the drafts.
fn lay_private_over<'a>(
    drafts: &mut [Draft<'a>],
    layer: &[Written<'a, PrivateFlag>],
) -> Result<(), Complaint> {
    let named: Vec<&NodeName> = layer.iter().map(|flag| &flag.value.node).collect();
    each_name_once(layer, &named)?;
    for Written { value, origin } in layer {
        let known: Vec<String> = drafts.iter().map(|draft| draft.name.value.to_string()).collect();
        let Some(draft) = drafts.iter_mut().find(|draft| draft.name.value == value.node) else {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(Complaint::new(
                format!("unknown node \"{}\"", value.node),
                origin.place("not declared"),
            )
            .with_help(match known.as_slice() {
                [] => format!("declare the node with --node {}=ADDR[,ADDR]", value.node),
                known => help_for_unknown(value.node.as_str(), known),
            }));
        };
        draft.private_addresses = value
            .addresses
            .iter()
            .map(|address| Written { value: *address, origin: origin.clone() })
            .collect();
    }
    Ok(())
}

fn each_name_once<T>(layer: &[Written<'_, T>], names: &[&NodeName]) -> Result<(), Complaint> {
    for (index, (written, name)) in layer.iter().zip(names).enumerate() {
        if names[..index].contains(name) {
            return Err(Complaint::new(
                format!("the node \"{name}\" is given twice"),
                written.origin.place("given again here"),
            )
            .with_help(format!("combine its addresses: {name}=ADDR,ADDR")));
        }
    }
    Ok(())
}

fn role_of(draft: &Draft<'_>) -> Result<NodeRole, Complaint> {
    let name = &draft.name.value;
    match (NodeRole::from_word(name.as_str()), &draft.role) {
        (Some(by_name), None) => Ok(by_name),
        (None, Some(given)) => Ok(given.value),
        (Some(by_name), Some(given)) if by_name == given.value => Ok(by_name),
        (Some(_), Some(given)) => Err(Complaint::new(
            format!("the node \"{name}\" cannot have the role {}", given.value),
            given.origin.place("differs from the name"),
        )
        .with_help("a node whose name is a role has that role; rename the node")),
        (None, None) => Err(Complaint::new(
            format!("the node \"{name}\" has no role"),
            draft.name.origin.place("the role is missing"),
        )
        .with_help(no_role_help(name, &draft.name.origin))),
    }
}

fn no_role_help(name: &NodeName, origin: &Origin<'_>) -> String {
    let meant = help_for_unknown(name.as_str(), &NodeRole::ALL.map(NodeRole::word));
    match origin {
        Origin::File(..) => format!("add role = \"ROLE\" to its table; {meant}"),
        Origin::Flag(_) | Origin::Environment(_) => {
            format!("set the role with {name}:ROLE=ADDR[,ADDR]; {meant}")
        }
    }
}

fn has_an_address(draft: &Draft<'_>) -> Result<(), Complaint> {
    if !draft.addresses.is_empty() {
        return Ok(());
    }
    let name = &draft.name.value;
    Err(Complaint::new(
        format!("the node \"{name}\" has no address"),
        draft.name.origin.place("this node"),
    )
    .with_help(
        "add addresses = [\"ADDRESS\"] with the addresses at which users reach it, or remove the node",
    ))
}

fn each_address_once(list: &[Written<'_, IpAddr>]) -> Result<(), Complaint> {
    for (index, Written { value, origin }) in list.iter().enumerate() {
        if list[..index].iter().any(|earlier| earlier.value == *value) {
            return Err(Complaint::new(
                format!("the address {value} is listed twice"),
                origin.place("listed again here"),
            )
            .with_help("remove it, or replace it with the intended address"));
        }
    }
    Ok(())
}

fn fits_topology(drafts: &[(Draft<'_>, NodeRole)], topology: Topology) -> Result<(), Complaint> {
    for role in NodeRole::ALL {
        let Some(most) = topology.most(role) else {
            continue;
        };
        let of_role: Vec<&Draft<'_>> =
            drafts.iter().filter(|(_, other)| *other == role).map(|(draft, _)| draft).collect();
        match (of_role.as_slice(), most) {
            ([stranger, ..], 0) => return Err(no_such_role(stranger, role, topology)),
            ([first, second, ..], 1) => return Err(a_second_one(first, second, topology)),
            _ => {}
        }
    }
    Ok(())
}

fn no_such_role(draft: &Draft<'_>, role: NodeRole, topology: Topology) -> Complaint {
    let roles = topology.roles().iter().map(NodeRole::to_string);
    let fitting = Topology::ALL
        .into_iter()
        .filter(|other| other.roles().contains(&role))
        .map(|other| format!("topology = \"{other}\""));
    Complaint::new(
        format!("the topology {topology} has no {role} node"),
        draft.name.origin.place("has this role"),
    )
    .with_help(format!(
        "the topology has the roles {}; if it is wrong, set {} (--topology)",
        roles.collect::<Vec<_>>().join(", "),
        fitting.collect::<Vec<_>>().join(" or ")
    ))
}

fn a_second_one(first: &Draft<'_>, second: &Draft<'_>, topology: Topology) -> Complaint {
    let (what, help) = match topology {
        Topology::SingleNode => ("OpenVidu machine", ""),
        Topology::Elastic | Topology::HighAvailability => {
            ("Master Node", "; for several Master Nodes, set topology = \"high-availability\"")
        }
    };
    Complaint::new(
        format!(
            "the topology {topology} has one {what}, not \"{}\" and \"{}\"",
            first.name.value, second.name.value
        ),
        second.name.origin.place("a second one"),
    )
    .with_help(format!("list all addresses of the machine in one node{help}"))
}

/// Rejects a machine whose public and private addresses are exchanged: users cannot reach the private
/// ones.
fn not_exchanged(draft: &Draft<'_>) -> Result<(), Complaint> {
    let is_private = |written: &&Written<'_, IpAddr>| is_unreachable(written.value);
    let public = draft.private_addresses.iter().find(|written| !is_private(written));
    let (Some(private), Some(public)) = (draft.addresses.iter().find(is_private), public) else {
        return Ok(());
    };
    if !draft.addresses.iter().all(|written| is_private(&written)) {
        return Ok(());
    }
    let name = &draft.name.value;
    Err(Complaint::new(
        format!(
            "the addresses of the node \"{name}\" appear to be exchanged: {} is private, {} is public",
            private.value, public.value
        ),
        private.origin.place("a private address"),
    )
    .with_help(
        "set addresses to the ones at which users reach the machine, and private-addresses to the \
         ones at which the other machines of the deployment reach it",
    ))
}

/// Rejects two machines with the same address. Only the proxy may share a machine with another node.
fn one_machine_per_address(drafts: &[(Draft<'_>, NodeRole)]) -> Result<(), Complaint> {
    let mut seen: Vec<(IpAddr, NodeRole, &NodeName)> = Vec::new();
    for (draft, role) in drafts {
        let name = &draft.name.value;
        for Written { value, origin } in draft.addresses.iter().chain(&draft.private_addresses) {
            let earlier = seen.iter().find(|(address, earlier_role, earlier_name)| {
                let share_a_machine = earlier_role != role
                    && (*earlier_role == NodeRole::Proxy || *role == NodeRole::Proxy);
                address == value && *earlier_name != name && !share_a_machine
            });
            if let Some((_, earlier_role, earlier_name)) = earlier {
                let help = if earlier_role == role {
                    format!("two machines with the role {role} must have different addresses")
                } else {
                    format!(
                        "a {earlier_role} node and a {role} node are different machines; only the \
                         proxy can share a machine with another node"
                    )
                };
                return Err(Complaint::new(
                    format!("\"{earlier_name}\" and \"{name}\" have the same address {value}"),
                    origin.place("the same address"),
                )
                .with_help(help));
            }
            seen.push((*value, *role, name));
        }
    }
    Ok(())
}
