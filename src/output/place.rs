//! Targets in few words: the place without its address, so that both families share it.

use std::net::IpAddr;

use crate::model::port::Transport;
use crate::model::target::Target;

/// The place without its address: `turn.example.io:443`, `openvidu UDP 443`, or the deployment.
pub fn name(target: &Target) -> String {
    let owner = owner(target);
    match (target.port, owner) {
        (None, Some(owner)) => owner.to_owned(),
        (None, None) => "the deployment".to_owned(),
        (Some(port), Some(owner)) if is_authority(target) => format!("{owner}:{port}"),
        (Some(_), Some(owner)) => format!("{owner} {}", port(target)),
        (Some(_), None) => port(target),
    }
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

/// The text with as much of its place before it as it does not say itself.
pub fn with_place(target: &Target, text: &str) -> String {
    let names_owner = owner(target).is_none_or(|owner| has_word(text, owner));
    match (names_port(target, text), names_owner, owner(target)) {
        (true, true, _) => text.to_owned(),
        (true, false, Some(owner)) => format!("{owner}: {text}"),
        (true, false, None) | (false, _, _) => format!("{}: {text}", name(target)),
    }
}

/// Whether the text speaks of this place alone.
pub fn is_of_one_place(target: &Target, text: &str) -> bool {
    let names_owner = owner(target).is_some_and(|owner| has_word(text, owner));
    names_owner || (target.port.is_some() && names_port(target, text))
}

/// Whether the text names the port, where there is one to name.
fn names_port(target: &Target, text: &str) -> bool {
    (target.port).is_none_or(|port| has_word(text, &port.first().to_string()))
}

/// The text for more targets than this one: where it names the target, `other` stands instead.
pub fn for_several(target: &Target, text: &str, other: &str) -> String {
    if *target == Target::default() {
        return text.to_owned();
    }
    text.replace(&target.to_string(), other)
}

/// Whether `word` stands in the text with no letter or digit at its sides.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        apart(before) && apart(after)
    })
}

/// The text with everything that belongs to this target alone taken out: two findings say the
/// same when their shapes are equal.
pub fn shape(target: &Target, text: &str) -> String {
    let whole = (*target != Target::default()).then(|| target.to_string());
    let address = target.address.map(|address| address.to_string());
    let bracketed = address.as_ref().map(|address| format!("[{address}]"));
    let host = target.host.as_ref().map(ToString::to_string);
    let node = target.node.as_ref().map(ToString::to_string);
    let port = target.port.map(|port| port.to_string());
    let own = [
        (whole, "<target>"),
        (bracketed, "<address>"),
        (address, "<address>"),
        (host, "<name>"),
        (node, "<name>"),
        (port, "<port>"),
    ];
    own.into_iter().fold(text.to_owned(), |text, (own, mark)| match own {
        Some(own) => text.replace(&own, mark),
        None => text,
    })
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
    fn a_text_gets_as_much_of_its_place_as_it_does_not_say_itself() {
        let said = |text| with_place(&udp("openvidu", "443"), text);
        assert_eq!(said("UDP 443 of openvidu answers"), "UDP 443 of openvidu answers");
        assert_eq!(said("UDP 443 answers"), "openvidu: UDP 443 answers");
        assert_eq!(said("answers as 4430 does"), "openvidu UDP 443: answers as 4430 does");
        assert_eq!(with_place(&Target::default(), "all"), "all");
    }

    #[test]
    fn what_differs_only_in_its_address_has_the_same_shape() {
        let v4 = target("turn.example.io", "", "443");
        let v6 = Target { address: "2001:db8::10".parse().ok(), ..v4.clone() };
        assert_eq!(
            shape(&v4, "203.0.113.10:443 refuses"),
            shape(&v6, "[2001:db8::10]:443 refuses")
        );
        assert_eq!(
            shape(&v4, &format!("no route to {v4}")),
            shape(
                &udp("openvidu", "50000-60000"),
                "no route to openvidu UDP 50000-60000 at 203.0.113.10"
            )
        );
    }
}
