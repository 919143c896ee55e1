//! The addresses of LiveKit and of its relays, and those of the declared nodes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Config, ConfigSeen, Held, Judgement, Value, about, not_a, replaced, truth, unclear, wrong,
};
use crate::model::address::is_private;
use crate::model::deployment::{Node, NodeRole};
use crate::model::facts::{ServerText, Setting, SettingsFile};
use crate::model::reason::ReasonCode;
use crate::model::seen::ValueKind;

/// A network in CIDR form, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn of(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse().ok()?, Some(prefix.parse().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let longest = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn contains(self, address: IpAddr) -> bool {
        let shifted = |bits: u128, width: u8| {
            bits.checked_shr(u32::from(width - self.prefix)).unwrap_or_default()
        };
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let bits = |it: Ipv4Addr| shifted(u128::from(u32::from(it)), 32);
                bits(own) == bits(other)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let bits = |it: Ipv6Addr| shifted(u128::from(it), 128);
                bits(own) == bits(other)
            }
            _ => false,
        }
    }
}

/// The networks of a list, and what in it is none.
fn networks<'a>(file: &'a SettingsFile, key: &'a str) -> (Vec<Network>, Vec<&'a Setting>) {
    let (mut networks, mut others) = (Vec::new(), Vec::new());
    for setting in file.all(key) {
        // LiveKit reads no single address in the lists whose source was seen.
        let is_it = |text: &str| text.contains('/') || key == TRUSTED;
        match setting.text().map(|text| Network::of(text).filter(|_| is_it(text))) {
            Some(Some(network)) => networks.push(network),
            Some(None) => others.push(setting),
            None => {}
        }
    }
    (networks, others)
}

/// From whom TURN takes a PROXY header.
const TRUSTED: &str = "turn.proxy_protocol_trusted_cidrs[]";

fn is_in(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

fn no_node() -> Judgement {
    Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, ConfigSeen::NoNode)
}

pub(super) fn node_address(case: &Config<'_>) -> Judgement {
    let nodes: Vec<&Node> = case.livekit_nodes().collect();
    if nodes.is_empty() {
        return no_node();
    }
    let mut is_found = false;
    let judged = case.in_livekit(ConfigSeen::Right, |file| {
        // It goes before node_ip.
        if matches!(truth(file, "rtc.use_external_ip"), Value::Is(true, _)) {
            return Vec::new();
        }
        let keys = ["rtc.node_ip", "rtc.node_ip.ipv4", "rtc.node_ip.ipv6"];
        keys.iter().filter_map(|key| one_address(&nodes, file.setting(key)?)).collect()
    });
    is_found |= case.files(crate::model::facts::SettingsKind::Livekit).any(|file| {
        let is_external = matches!(truth(file, "rtc.use_external_ip"), Value::Is(true, _));
        is_external || file.setting("rtc.node_ip").is_none()
    });
    let is_pass = matches!(judged.verdict, crate::model::verdict::Verdict::Pass(_));
    if is_found && is_pass { Judgement::uncontradicted(ConfigSeen::FoundByLivekit) } else { judged }
}

fn one_address(nodes: &[&Node], setting: &Setting) -> Option<Judgement> {
    let text = match Held::of(Some(setting)) {
        Held::Text(text, _) => text,
        Held::Absent => return None,
        // Two addresses, which have keys of their own.
        Held::Unclear(setting) => {
            let is_group = setting.value == crate::model::facts::SettingValue::Group;
            return (!is_group).then(|| unclear(setting));
        }
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        return Some(not_a(setting, ValueKind::Address));
    };
    if nodes.iter().any(|node| node.addresses.contains(&address)) {
        return None;
    }
    let text = ServerText::new(text);
    let is_inside = nodes.iter().any(|node| node.private_addresses.contains(&address));
    let seen = if is_inside || is_private(address) {
        ConfigSeen::PrivateAddress(text)
    } else {
        ConfigSeen::AddressOfNoNode(text)
    };
    Some(wrong(setting, seen))
}

/// With `use_external_ip`, a STUN server outside says which address LiveKit has, and `node_ip` is not used. Without
/// an answer, LiveKit ends.
pub(super) fn external_address(case: &Config<'_>) -> Judgement {
    let nodes: Vec<&Node> = case.livekit_nodes().collect();
    let has_public = nodes.iter().flat_map(|node| &node.addresses).any(|it| !is_private(*it));
    case.in_livekit(ConfigSeen::DefaultIsRight, |file| {
        let at = match truth(file, "rtc.use_external_ip") {
            Value::Is(true, at) => at,
            Value::Is(false, _) | Value::Absent => return Vec::new(),
            Value::Not(setting) => return vec![not_a(setting, ValueKind::Truth)],
            Value::Unclear(setting) => return vec![unclear(setting)],
        };
        vec![match Held::of(file.setting("rtc.node_ip")) {
            Held::Text(text, _) => wrong(at, ConfigSeen::NotUsed(ServerText::new(text)))
                .mended_by(replaced(at.origin(), "false")),
            _ if nodes.is_empty() || has_public => {
                Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, ConfigSeen::AsksStun)
                    .located([at.at.clone()])
            }
            _ => wrong(at, ConfigSeen::NoPublicAddress).mended_by(replaced(at.origin(), "false")),
        }]
    })
}

/// The addresses that interfaces of the nodes have: a public one may be translated before the machine.
fn addresses_of_machines(nodes: &[&Node]) -> Vec<IpAddr> {
    let own = |node: &&Node| match node.private_addresses.is_empty() {
        true => node.addresses.clone(),
        false => node.private_addresses.clone(),
    };
    nodes.iter().flat_map(own).collect()
}

pub(super) fn local_addresses(case: &Config<'_>) -> Judgement {
    let nodes: Vec<&Node> = case.livekit_nodes().collect();
    if nodes.is_empty() {
        return no_node();
    }
    let machines = addresses_of_machines(&nodes);
    let all: Vec<IpAddr> = nodes.iter().flat_map(|node| node.every_address()).copied().collect();
    case.in_livekit(ConfigSeen::Right, |file| {
        let (includes, no_includes) = networks(file, "rtc.ips.includes[]");
        let (excludes, no_excludes) = networks(file, "rtc.ips.excludes[]");
        let mut judged: Vec<Judgement> = no_includes
            .into_iter()
            .chain(no_excludes)
            .map(|setting| not_a(setting, ValueKind::Network))
            .collect();
        let none_of = |address: &IpAddr| !is_in(&includes, *address);
        if let Some(list) = file.setting("rtc.ips.includes")
            && !includes.is_empty()
            && all.iter().all(none_of)
        {
            judged.push(wrong(list, ConfigSeen::LeavesOut(machines.clone())));
        }
        if let Some(list) = file.setting("rtc.ips.excludes")
            && machines.iter().all(|address| is_in(&excludes, *address))
        {
            judged.push(wrong(list, ConfigSeen::Refuses(machines.clone())));
        }
        judged.extend(by_interface(file));
        judged
    })
}

/// What the lists of interfaces leave. With both, LiveKit reads only the one of those that are included.
fn by_interface(file: &SettingsFile) -> Option<Judgement> {
    let names = |key| file.all(key).filter_map(|it| Some((it.text()?, it))).collect::<Vec<_>>();
    let included = names("rtc.interfaces.includes[]");
    let is_excluding = included.is_empty();
    let chosen = match is_excluding {
        true => names("rtc.interfaces.excludes[]"),
        false => included,
    };
    let (_, first) = *chosen.first()?;
    let users_reach_none = chosen.iter().all(|(name, _)| is_container_link(name));
    match (is_excluding, users_reach_none) {
        // The others are left, and the addresses of the machine with them.
        (true, true) => None,
        (false, true) => {
            let names = chosen.iter().map(|(name, _)| ServerText::new(name)).collect();
            let seen = ConfigSeen::OnlyContainerLinks(names);
            // What an interface is for is known by its usual name only.
            let judgement = match chosen.iter().all(|(name, _)| *name == LOOPBACK) {
                true => wrong(first, seen),
                false => Judgement::suspected(ReasonCode::ConfigurationSettingWrong, seen)
                    .located([first.at.clone()])
                    .at(about(&first.at, &first.key)),
            };
            Some(judgement)
        }
        (_, false) => Some(
            Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, ConfigSeen::ByInterface)
                .located([first.at.clone()]),
        ),
    }
}

/// The interface of Linux by which a machine reaches itself.
const LOOPBACK: &str = "lo";

/// Whether an interface is one that Docker, Podman, libvirt or Kubernetes make, or loopback, by its name.
fn is_container_link(name: &str) -> bool {
    const MADE: [&str; 8] = ["docker", "br-", "veth", "virbr", "podman", "cni", "flannel", "cali"];
    name == LOOPBACK || MADE.iter().any(|made| name.starts_with(made))
}

pub(super) fn relay_peers(case: &Config<'_>) -> Judgement {
    let nodes: Vec<&Node> = case.livekit_nodes().collect();
    if nodes.is_empty() {
        return no_node();
    }
    let all: Vec<IpAddr> = nodes.iter().flat_map(|node| node.every_address()).copied().collect();
    case.in_livekit(ConfigSeen::Right, |file| {
        let (denied, no_denied) = networks(file, "turn.deny_peer_cidrs[]");
        let (allowed, no_allowed) = networks(file, "turn.allow_restricted_peer_cidrs[]");
        let mut judged: Vec<Judgement> = no_denied
            .into_iter()
            .chain(no_allowed)
            .map(|setting| not_a(setting, ValueKind::Network))
            .collect();
        let refused: Vec<IpAddr> =
            all.iter().copied().filter(|address| is_in(&denied, *address)).collect();
        if let Some(list) = file.setting("turn.deny_peer_cidrs")
            && !refused.is_empty()
        {
            judged.push(wrong(list, ConfigSeen::Refuses(refused)));
        }
        // The list is for addresses that relays refuse otherwise.
        let left_out: Vec<IpAddr> = all
            .iter()
            .copied()
            .filter(|address| is_private(*address) && !is_in(&allowed, *address))
            .collect();
        if let Some(list) = file.setting("turn.allow_restricted_peer_cidrs")
            && !allowed.is_empty()
            && !left_out.is_empty()
        {
            judged.push(wrong(list, ConfigSeen::LeavesOut(left_out)));
        }
        judged
    })
}

pub(super) fn relay_address(case: &Config<'_>) -> Judgement {
    let nodes: Vec<&Node> = case.livekit_nodes().collect();
    if nodes.is_empty() {
        return no_node();
    }
    case.in_livekit(ConfigSeen::DefaultIsRight, |file| {
        let judged = match Held::of(file.setting("turn.relay_address")) {
            Held::Absent => None,
            Held::Unclear(setting) => Some(unclear(setting)),
            Held::Text(text, setting) => match text.parse::<IpAddr>() {
                Err(_) => Some(not_a(setting, ValueKind::Address)),
                Ok(address) if nodes.iter().any(|node| node.has(address)) => None,
                Ok(_) => Some(wrong(setting, ConfigSeen::AddressOfNoNode(ServerText::new(text)))),
            },
        };
        judged.into_iter().collect()
    })
}

/// TURN takes a PROXY header from these addresses only.
pub(super) fn proxy_header(case: &Config<'_>) -> Judgement {
    let proxies: Vec<&Node> = case.deployment.nodes_of(NodeRole::Proxy).collect();
    case.in_livekit(ConfigSeen::DefaultIsRight, |file| {
        let Value::Is(true, at) = truth(file, "turn.proxy_protocol") else { return Vec::new() };
        if proxies.is_empty() {
            let seen = ConfigSeen::NoNode;
            return vec![Judgement::vantage_limit(ReasonCode::ConfigurationUndecided, seen)];
        }
        let (mut trusted, others) = networks(file, TRUSTED);
        if trusted.is_empty() {
            trusted = vec![
                Network { address: Ipv4Addr::LOCALHOST.into(), prefix: 8 },
                Network { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 },
            ];
        }
        let mut judged: Vec<Judgement> =
            others.into_iter().map(|setting| not_a(setting, ValueKind::Network)).collect();
        let left_out: Vec<IpAddr> = proxies
            .iter()
            .filter(|proxy| !proxy.every_address().any(|address| is_in(&trusted, *address)))
            .flat_map(|proxy| proxy.every_address().copied())
            .collect();
        if !left_out.is_empty() {
            let list = file.setting("turn.proxy_protocol_trusted_cidrs").unwrap_or(at);
            judged.push(wrong(list, ConfigSeen::LeavesOut(left_out)));
        }
        judged
    })
}
