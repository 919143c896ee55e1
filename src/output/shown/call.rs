//! The call in a JSON report.

use std::fmt;

use serde::Deserialize;

use super::types::ShownPorts;
use crate::model::call::Step;
use crate::model::facts::Way;
use crate::output::call::words;

/// What a call came to.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownCall {
    pub join: ShownContact,
    pub ways: Vec<ShownWay>,
    /// Reports of older versions have none.
    #[serde(default)]
    pub nodes: Vec<ShownNodeWays>,
    pub causes: Vec<ShownCause>,
}

/// The ways of the calls that were on one Media Node.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownNodeWays {
    pub nodes: Vec<String>,
    pub addresses: Vec<String>,
    pub ways: Vec<ShownNodeWay>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownNodeWay {
    #[serde(with = "WayWord")]
    pub way: Way,
    pub state: ShownState,
    pub small_packets_only: bool,
    pub closed_on_purpose: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownWay {
    #[serde(with = "WayWord")]
    pub way: Way,
    pub state: ShownState,
    pub small_packets_only: bool,
    pub dtls_passes: Option<bool>,
    pub closed_on_purpose: bool,
    pub contacts: Vec<ShownContact>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownContact {
    pub name: Option<String>,
    pub address: Option<String>,
    pub transport: String,
    pub port: u16,
    pub range: Option<ShownPorts>,
    pub tls: bool,
    pub state: ShownState,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ShownState {
    Works {
        took_ms: u64,
    },
    Stops {
        #[serde(with = "StepWord")]
        at: Step,
        reason: String,
        why: String,
    },
    NotOffered,
    Unknown {
        why: String,
    },
}

/// A problem of the network between this machine and the deployment.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownCause {
    pub cause: String,
    pub certain: bool,
    pub shown_by: String,
}

#[derive(Deserialize)]
#[serde(remote = "Way")]
enum WayWord {
    #[serde(rename = "udp")]
    Udp,
    #[serde(rename = "ice-tcp")]
    IceTcp,
    #[serde(rename = "turn-udp")]
    TurnUdp,
    #[serde(rename = "turns")]
    Turns,
}

#[derive(Deserialize)]
#[serde(remote = "Step", rename_all = "snake_case")]
enum StepWord {
    Dns,
    Address,
    HttpProxy,
    Tcp,
    Tls,
    Certificate,
    Join,
    Allocation,
    Permission,
    Check,
    Dtls,
}

impl ShownCall {
    /// Which ways work, in one sentence.
    pub fn answer(&self) -> String {
        let (mark, words) = match &self.join.state {
            ShownState::Works { .. } => return self.ways_that_work(),
            ShownState::Stops { .. } => ("Joining fails", self.join.state.words()),
            ShownState::NotOffered | ShownState::Unknown { .. } => {
                ("It is not known whether calls work", self.join.state.words())
            }
        };
        format!("{mark}: {words}.")
    }

    fn ways_that_work(&self) -> String {
        let names: Vec<&str> = (self.ways.iter())
            .filter(|way| way.state.works())
            .map(|way| words::way(way.way))
            .collect();
        // Then the ways are those that work on each of them.
        let on_each =
            if self.nodes_with_calls() > 1 { " on every Media Node that had a call" } else { "" };
        let unknown = self.ways.iter().any(|way| matches!(way.state, ShownState::Unknown { .. }));
        match (names.len(), unknown) {
            (0, true) => "Joining works. It is not known which media paths work.".to_owned(),
            (0, false) => "Joining works, but no media path does.".to_owned(),
            (all, _) if all == self.ways.len() => format!("All {all} media paths work{on_each}."),
            (some, _) => {
                let (all, names) = (self.ways.len(), names.join("; "));
                format!("{some} of {all} media paths work{on_each}: {names}.")
            }
        }
    }

    fn nodes_with_calls(&self) -> usize {
        self.nodes.iter().filter(|node| !node.ways.is_empty()).count()
    }

    /// The Media Nodes, if there are several to compare.
    pub fn compared_nodes(&self) -> &[ShownNodeWays] {
        if self.nodes.len() > 1 { &self.nodes } else { &[] }
    }
}

impl ShownNodeWays {
    /// `media-1`, `media-1 or media-2`, `198.51.100.9 (not declared)`.
    pub fn name(&self) -> String {
        words::of_nodes(&self.nodes, &self.addresses)
    }
}

impl ShownNodeWay {
    /// How far it came, in few words: `✓ 12 ms`, `✗ media`.
    pub fn short(&self) -> String {
        match &self.state {
            ShownState::Works { .. } if self.small_packets_only => "✓ small packets".to_owned(),
            ShownState::Works { took_ms } => format!("✓ {took_ms} ms"),
            ShownState::Stops { .. } if self.closed_on_purpose => "– closed".to_owned(),
            ShownState::Stops { at, .. } => format!("✗ {}", words::step(*at)),
            ShownState::NotOffered => "– not offered".to_owned(),
            ShownState::Unknown { .. } => "? not known".to_owned(),
        }
    }
}

impl ShownWay {
    /// The name of the way: `TURN, TLS`.
    pub fn name(&self) -> &'static str {
        words::way(self.way)
    }

    /// The word of the JSON report: `turns`.
    pub fn code(&self) -> &'static str {
        words::id(self.way)
    }

    /// Whether media gets through; `None`: it is not known.
    pub fn carries_media(&self) -> Option<bool> {
        match self.state {
            ShownState::Works { .. } => Some(!self.small_packets_only),
            ShownState::Stops { .. } | ShownState::NotOffered => Some(false),
            ShownState::Unknown { .. } => None,
        }
    }

    /// How long it took, in milliseconds, if it works.
    pub fn took_ms(&self) -> Option<u64> {
        match self.state {
            ShownState::Works { took_ms } => Some(took_ms),
            ShownState::Stops { .. } | ShownState::NotOffered | ShownState::Unknown { .. } => None,
        }
    }

    /// How far it came, with what limits it.
    pub fn state_words(&self) -> String {
        let words = self.state.words();
        match self.dtls_passes {
            _ if !self.state.works() && self.closed_on_purpose => {
                format!("{words} (closed by the policy)")
            }
            _ if !self.state.works() => words,
            _ if self.small_packets_only => format!("{words}, small packets only"),
            None => format!("{words} (DTLS not tested)"),
            Some(_) => words,
        }
    }

    /// The contact that came farthest: the one with the state of the way.
    pub fn shown_contact(&self) -> Option<&ShownContact> {
        let alike = |contact: &&ShownContact| contact.state.rank() == self.state.rank();
        self.contacts.iter().find(alike).or(self.contacts.first())
    }
}

impl ShownContact {
    /// `turn.example.io TCP 443`, `203.0.113.20 UDP 50000-60000`.
    pub fn place(&self) -> String {
        let host = self.name.as_deref().or(self.address.as_deref()).unwrap_or("no address");
        let ports = self.range.map_or_else(|| self.port.to_string(), |range| range.to_string());
        format!("{host} {} {ports}", self.transport.to_uppercase())
    }
}

impl ShownState {
    pub fn works(&self) -> bool {
        matches!(self, Self::Works { .. })
    }

    /// The word of the JSON report.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Works { .. } => "works",
            Self::Stops { .. } => "stops",
            Self::NotOffered => "not_offered",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// `works, 31 ms`, `TURN: no answer`.
    pub fn words(&self) -> String {
        self.to_string()
    }

    fn rank(&self) -> (u8, Option<Step>) {
        match self {
            Self::Works { .. } => (3, None),
            Self::Stops { at, .. } => (2, Some(*at)),
            Self::NotOffered => (0, None),
            Self::Unknown { .. } => (1, None),
        }
    }
}

impl fmt::Display for ShownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works { took_ms } => write!(f, "works, {took_ms} ms"),
            Self::Stops { at, why, .. } => write!(f, "{}: {why}", words::step(*at)),
            Self::NotOffered => f.write_str("not offered by the server"),
            Self::Unknown { why } => write!(f, "not known: {why}"),
        }
    }
}
