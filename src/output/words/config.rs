//! OpenVidu's own configuration, in words.

use super::Statement;
use super::numbers::grouped;
use crate::model::facts::{FaultKind, SettingsKind, UnknownVariable, VariableTrouble};
use crate::model::seen::{ConfigSeen, MeantKey, ValueKind};
use crate::output::quote::quoted;
use crate::output::text;

pub(super) fn statement(seen: &ConfigSeen) -> Statement {
    Statement::new(match seen {
        ConfigSeen::NoFile(kind) => format!("{} was not read", file(*kind)),
        ConfigSeen::AllRead { files: 1 } => "the file was read".to_owned(),
        ConfigSeen::AllRead { files } => format!("all {files} files were read"),
        ConfigSeen::Fault(fault) => self::fault(fault),
        ConfigSeen::AllKeysKnown { livekit } => format!("LiveKit {livekit} knows all keys"),
        ConfigSeen::UnknownKey { livekit, meant } => {
            let meant = meant.as_ref().map(self::meant).unwrap_or_default();
            format!("LiveKit {livekit} does not know this key{meant}")
        }
        ConfigSeen::KeyOfOtherVersion { livekit } => {
            format!("a newer or older LiveKit knows this key; whether {livekit} does is not known")
        }
        ConfigSeen::AllVariablesSet => "every variable has a value".to_owned(),
        ConfigSeen::Variable(variable) => self::variable(variable),
        ConfigSeen::Right => "it is as it should be".to_owned(),
        ConfigSeen::DefaultIsRight => "nothing else is set".to_owned(),
        ConfigSeen::Differs { is: Some(is), wanted } => {
            format!("it is {} and should be {}", quoted(is), quoted(wanted))
        }
        ConfigSeen::Differs { is: None, wanted } => {
            format!("it is not set and should be {}", quoted(wanted))
        }
        ConfigSeen::TurnDomainIsDomain => {
            "the TURN domain is the domain of the deployment".to_owned()
        }
        ConfigSeen::NotDeclared(is) => {
            format!("it is {}, but the deployment file declares no TURN domain", quoted(is))
        }
        ConfigSeen::OtherType { wanted } => {
            format!("LiveKit reads only {} here", value_kind(*wanted))
        }
        ConfigSeen::NotA { is, kind } => format!("{} is not {}", quoted(is), value_kind(*kind)),
        ConfigSeen::Reversed { first, last: Some(last) } => {
            format!("the range begins at {first} and ends at {last}")
        }
        ConfigSeen::Reversed { first, last: None } => {
            format!("the range begins at {first} and has no end")
        }
        ConfigSeen::Overlap { media, relay } => {
            format!("media has the ports {media}, and relays have {relay}")
        }
        ConfigSeen::PrivateAddress(is) => {
            format!("{} is an address that users cannot reach", quoted(is))
        }
        ConfigSeen::AddressOfNoNode(is) => {
            format!("{} is not an address of a declared node", quoted(is))
        }
        ConfigSeen::FoundByLivekit => "LiveKit finds its address itself".to_owned(),
        ConfigSeen::AsksStun => {
            "LiveKit asks a STUN server for its address when it starts, and ends if none answers; whether \
             one answers shows on its machine"
                .to_owned()
        }
        ConfigSeen::NotUsed(address) => {
            format!("LiveKit asks a STUN server for its address and does not use {}", quoted(address))
        }
        ConfigSeen::NoPublicAddress => {
            "LiveKit asks a STUN server for its address, but every declared address is private".to_owned()
        }
        ConfigSeen::ByInterface => {
            "LiveKit chooses by interface, and the addresses of the interfaces show on its machine".to_owned()
        }
        ConfigSeen::PortTwice { port, other } => {
            format!("{} has port {port}, too", quoted(other))
        }
        ConfigSeen::PortInRange { port, range } => {
            format!("{port} is one of the ports {range} of media or relays")
        }
        ConfigSeen::MeetAtRoot => {
            "OpenVidu Meet takes every path of the domain, so that an application there is not reached"
                .to_owned()
        }
        ConfigSeen::NoNode => "the machines that it depends on are not declared".to_owned(),
        ConfigSeen::LeavesOut(addresses) => format!("it leaves out {}", listed(addresses)),
        ConfigSeen::Refuses(addresses) => format!("it refuses {}", listed(addresses)),
        ConfigSeen::ShortSecret { length } => format!("the secret has {length} characters"),
        ConfigSeen::SecretsDiffer => {
            "no key in livekit.yaml has the secret of LIVEKIT_API_SECRET".to_owned()
        }
        ConfigSeen::UnknownModule { name, edition } => {
            format!("OpenVidu {edition} has no module {}", quoted(name))
        }
        ConfigSeen::NotHostNetwork => "the container does not use the host network".to_owned(),
        ConfigSeen::PublishesPort(port) => {
            format!("{} takes a port that LiveKit needs", quoted(port))
        }
        ConfigSeen::Versions(versions) => {
            let versions: Vec<String> = versions.iter().map(quoted).collect();
            format!("the images have the version {}", versions.join(" and "))
        }
        ConfigSeen::HasPortOfProxy(port) => {
            format!("OpenVidu's own Caddy listens at {port}, as it does without an external proxy")
        }
        ConfigSeen::EndsTls(port) => {
            format!("OpenVidu's own Caddy expects TLS at {port}, but the proxy has ended it already")
        }
        ConfigSeen::OnlyContainerLinks(names) => {
            let names: Vec<String> = names.iter().map(quoted).collect();
            format!("it leaves only {}, which lead to containers or to the machine itself", text::list(&names))
        }
        ConfigSeen::SmallerThanUsual { bytes, usual } => {
            format!("it is {} bytes, and LiveKit's own limit is {}", grouped(*bytes), grouped(*usual))
        }
        ConfigSeen::TooFew(number) => format!("each participant may have {number} relays"),
    })
}

/// A file of OpenVidu's, by its name.
fn file(kind: SettingsKind) -> &'static str {
    match kind {
        SettingsKind::OpenviduEnv => "openvidu.env",
        SettingsKind::MasterEnv => "master_node.env",
        SettingsKind::MediaEnv => "media_node.env",
        SettingsKind::MeetEnv => "meet.env",
        SettingsKind::ComposeEnv => ".env",
        SettingsKind::OtherEnv => "the environment of the service",
        SettingsKind::Livekit => "livekit.yaml",
        SettingsKind::Compose => "docker-compose.yaml",
        SettingsKind::Caddy => "caddy.yaml",
    }
}

fn fault(fault: &FaultKind) -> String {
    match fault {
        FaultKind::Yaml(what) => format!("not valid YAML: {}", quoted(what)),
        FaultKind::DuplicateKey { key, first_line } => {
            format!("{} is already set on line {first_line}", quoted(key))
        }
        FaultKind::NoAssignment => "the line has no \"=\"".to_owned(),
        FaultKind::InvalidName => "not a name of a variable".to_owned(),
        FaultKind::OpenQuote => "the quotation mark has no end".to_owned(),
        FaultKind::BehindQuote => "text behind the closing quotation mark".to_owned(),
    }
}

fn meant(meant: &MeantKey) -> String {
    match meant {
        MeantKey::Called(name) => format!("; did you mean \"{name}\"?"),
        MeantKey::In(section) if section.is_empty() => {
            "; it has a key of this name outside of all sections".to_owned()
        }
        MeantKey::In(section) => format!("; it has a key of this name in \"{section}\""),
        MeantKey::Since(version) => format!("; LiveKit {version} does"),
        MeantKey::Until(version) => format!("; LiveKit {version} did"),
    }
}

fn variable(variable: &UnknownVariable) -> String {
    let name = match variable.name.is_blank() {
        true => "a variable".to_owned(),
        false => format!("the variable {}", quoted(&variable.name)),
    };
    match variable.why {
        VariableTrouble::NotSet => format!("{name} is not set"),
        VariableTrouble::Mandatory => format!("{name} is mandatory and not set"),
        VariableTrouble::FileNotRead => format!("the file of {name} was not read"),
        VariableTrouble::Malformed => format!("{name} is not written as OpenVidu expects it"),
    }
}

fn value_kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Port => "a port",
        ValueKind::Address => "an IP address",
        ValueKind::Network => "a network in CIDR notation",
        ValueKind::Truth => "\"true\" or \"false\"",
        ValueKind::Domain => "a domain name",
        ValueKind::Text => "a text",
        ValueKind::WholeNumber => "a whole number without quotation marks",
        ValueKind::Number => "a number without quotation marks",
        ValueKind::Duration => "a time with its unit, such as 10s",
        ValueKind::List => "a list",
        ValueKind::Map => "a section with keys of its own",
    }
}

fn listed(addresses: &[std::net::IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_says_what_was_meant() {
        let livekit = "1.8.4".to_owned();
        let meant = Some(MeantKey::Since("1.13.5".to_owned()));
        let said = statement(&ConfigSeen::UnknownKey { livekit, meant });
        assert_eq!(said.summary, "LiveKit 1.8.4 does not know this key; LiveKit 1.13.5 does");
    }
}
