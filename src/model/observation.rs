//! One look at the network: what was asked, when, and what was seen.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::facts::Facts;
use super::probe::ProbeSpec;
use super::target::Family;

/// What one probe brought home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub spec: ProbeSpec,
    /// From the start of the run to the start of the probe.
    pub started: Duration,
    pub took: Duration,
    /// Requests, datagrams or SYNs sent for the first question, as far as we know: 1 or more.
    pub attempts: u32,
    pub outcome: Outcome,
}

/// Either something was seen (silence included), or we were not able to look.
#[expect(clippy::large_enum_variant, reason = "nearly every one of them is `Saw`")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Saw(Facts),
    Blind(Blindness),
}

/// Our own trouble: says nothing about the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "blind", content = "detail", rename_all = "snake_case")]
pub enum Blindness {
    /// This machine has no route to the address.
    NoRoute(Family),
    /// This machine's own firewall refuses to send (EPERM).
    OwnFirewall,
    /// No DNS server is configured here.
    NoDnsServer,
    /// The HTTP proxy of our own network does not let us through: what it was asked, and said.
    OwnProxy(String),
    /// Another error of this machine: the operation and the system's words.
    Local(String),
    /// The run was interrupted before an answer came.
    Interrupted,
    /// The run's deadline came before an answer.
    DeadlineSpent,
}

impl fmt::Display for Blindness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute(family) => write!(f, "this machine has no {family} route there"),
            Self::OwnFirewall => f.write_str("this machine's own firewall refuses to send it"),
            Self::NoDnsServer => f.write_str("this machine has no DNS server configured"),
            Self::OwnProxy(what) | Self::Local(what) => f.write_str(what),
            Self::Interrupted => f.write_str("the run was interrupted"),
            Self::DeadlineSpent => f.write_str("the run's deadline was over"),
        }
    }
}
