//! Places in words, as in the report for people: without the address, so that both families share it.

use std::fmt;

use super::types::{ShownCandidate, ShownFinding, ShownPorts, ShownTarget};
use crate::model::facts::Way;
use crate::output::call::words::id;
use crate::output::words::call::by_way;

impl ShownFinding {
    /// The place of its target, and where the cause is in a configuration file.
    pub fn place(&self) -> String {
        self.with_location(self.target.place())
    }

    /// The same with the address of the target.
    pub fn full_place(&self) -> String {
        self.with_location(self.target.full_place())
    }

    fn with_location(&self, place: String) -> String {
        match self.locations.first() {
            Some(at) => format!("{place} ({}:{})", at.file, at.line),
            None => place,
        }
    }
}

impl ShownTarget {
    /// `turn.example.io:443`, `openvidu UDP 443`, or `the deployment`.
    pub fn place(&self) -> String {
        if let Some(part) = self.part_of_call() {
            return part;
        }
        let owner = self.host.as_deref().or(self.node.as_deref());
        match (self.port, owner) {
            (None, Some(owner)) => owner.to_owned(),
            (None, None) => match &self.setting {
                Some(setting) => format!("{} in {}", setting.name, setting.file),
                None => "the deployment".to_owned(),
            },
            (Some(ShownPorts::One(port)), Some(host)) if self.is_authority() => {
                format!("{host}:{port}")
            }
            (Some(_), Some(owner)) => format!("{owner} {}", self.port_words()),
            (Some(_), None) => self.port_words(),
        }
    }

    /// The place with its address: what tells one finding of a rule from another.
    pub fn full_place(&self) -> String {
        match &self.address {
            Some(address) => format!("{} ({address})", self.place()),
            None => self.place(),
        }
    }

    /// `UDP 443`; empty without a port.
    pub fn port_words(&self) -> String {
        let transport = self.transport.as_ref().map(|transport| transport.to_uppercase());
        let port = self.port.map(|port| port.to_string());
        transport.into_iter().chain(port).collect::<Vec<_>>().join(" ")
    }

    fn part_of_call(&self) -> Option<String> {
        let candidate = self.candidate.as_ref().map(|candidate| match candidate {
            ShownCandidate::Address { transport, address } => {
                format!("{} {address}", transport.to_uppercase())
            }
            ShownCandidate::Unreadable(text) => format!("\"{text}\""),
        });
        let url = self.turn_url.as_ref().map(|url| format!("\"{url}\""));
        let way = self.way.as_ref().map(|word| format!("media {}", way_words(word)));
        candidate.or(url).or(way)
    }

    /// Whether the place can be written as in a URL: a name and one TCP port.
    fn is_authority(&self) -> bool {
        self.host.is_some() && self.transport.as_ref().is_none_or(|transport| transport == "tcp")
    }
}

/// The way with this word in the JSON report.
fn way_words(word: &str) -> &str {
    let known = Way::ALL.into_iter().find(|way| id(*way) == word);
    match known {
        Some(way) => by_way(way),
        None => word,
    }
}

impl fmt::Display for ShownPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(port) => port.fmt(f),
            Self::Range { first, last } => write!(f, "{first}-{last}"),
        }
    }
}
