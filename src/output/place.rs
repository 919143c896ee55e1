//! Targets in few words: the place without its address, so that both families share it.

use std::net::IpAddr;

use crate::model::port::Transport;
use crate::model::target::{CandidateTarget, SettingTarget, Target};
use crate::output::quote::{self, quoted};
use crate::output::words;

/// The place without its address: `turn.example.io:443`, `openvidu UDP 443`, or the deployment.
pub fn name(target: &Target) -> String {
    if let Some(part) = part_of_call(target) {
        return part;
    }
    let owner = owner(target);
    match (target.port, owner) {
        (None, Some(owner)) => owner.to_owned(),
        (None, None) => match &target.setting {
            Some(SettingTarget { file, name }) => {
                format!("{} in {}", quote::of_file(name), quote::of_file(file))
            }
            None => "the deployment".to_owned(),
        },
        (Some(port), Some(owner)) if is_authority(target) => format!("{owner}:{port}"),
        (Some(_), Some(owner)) => format!("{owner} {}", port(target)),
        (Some(_), None) => port(target),
    }
}

/// What a rule about a call is about: a TURN server, a candidate, or a way.
fn part_of_call(target: &Target) -> Option<String> {
    let candidate = target.candidate.as_ref().map(|candidate| match candidate {
        CandidateTarget::Address { transport, address } => {
            format!("{} {address}", transport.to_string().to_uppercase())
        }
        CandidateTarget::Unreadable(text) => quoted(text),
    });
    let url = target.turn_url.as_ref().map(quoted);
    candidate.or(url).or(target.way.map(|way| format!("media {}", words::call::by_way(way))))
}

/// The port alone: `UDP 443`; nothing where there is none.
pub fn port(target: &Target) -> String {
    let transport = target.transport.map(|t| t.to_string().to_uppercase());
    let port = target.port.map(|port| port.to_string());
    let words: Vec<String> = transport.into_iter().chain(port).collect();
    words.join(" ")
}

/// Whether the place can be written as in a URL, which everybody reads: a name and one TCP port.
fn is_authority(target: &Target) -> bool {
    let tcp = target.transport.is_none_or(|t| t == Transport::Tcp);
    tcp && target.host.is_some() && target.port.is_some_and(|port| port.single().is_some())
}

fn owner(target: &Target) -> Option<&str> {
    let host = target.host.as_ref().map(|host| host.as_str());
    host.or(target.node.as_ref().map(|node| node.as_str()))
}

/// A statement behind its place; what is about the deployment as a whole stands alone.
pub fn before(target: &Target, statement: &str) -> String {
    if *target == Target::default() {
        return statement.to_owned();
    }
    format!("{}: {statement}", name(target))
}

/// Addresses as a list, each once, in the order given.
pub fn addresses<'a>(targets: impl Iterator<Item = &'a Target>) -> String {
    let mut distinct: Vec<IpAddr> = Vec::new();
    for address in targets.filter_map(|target| target.address) {
        if !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    let texts: Vec<String> = distinct.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str, node: &str, port: &str) -> Target {
        Target {
            host: host.parse().ok(),
            node: node.parse().ok(),
            address: "203.0.113.10".parse().ok(),
            transport: None,
            port: port.parse().ok(),
            ..Target::default()
        }
    }

    fn udp(node: &str, port: &str) -> Target {
        Target { transport: Some(Transport::Udp), ..target("", node, port) }
    }

    #[test]
    fn a_place_is_named_in_the_words_that_people_use_for_it() {
        assert_eq!(name(&target("turn.example.io", "proxy", "443")), "turn.example.io:443");
        assert_eq!(name(&udp("openvidu", "50000-60000")), "openvidu UDP 50000-60000");
        assert_eq!(name(&target("a.example.io", "", "")), "a.example.io");
        assert_eq!(name(&Target::default()), "the deployment");
    }

    #[test]
    fn a_statement_stands_behind_its_place() {
        assert_eq!(before(&udp("openvidu", "443"), "no answer"), "openvidu UDP 443: no answer");
        assert_eq!(before(&Target::default(), "no answer"), "no answer");
    }
}
