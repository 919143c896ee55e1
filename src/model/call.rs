//! What a call came to, for whoever wants to talk: the ways that media can take from here, where
//! each of the others stops, and what in the network is the cause.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::facts::{ServerText, Way};
use super::name::DomainName;
use super::port::{Port, PortRange, Transport};
use super::reason::ReasonCode;

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CallSummary {
    /// The join, without which there is no way at all.
    pub join: Contact,
    /// One for each [`Way`], in the order of [`Way::ALL`].
    pub ways: Vec<WaySummary>,
    /// What in the network between us and the deployment explains what stops; the most certain
    /// first.
    pub causes: Vec<Cause>,
    /// The addresses that the deployment sees us under, each once.
    pub seen_as: Vec<IpAddr>,
}

impl CallSummary {
    /// The ways that are proven to work.
    pub fn working(&self) -> impl Iterator<Item = &WaySummary> {
        self.ways.iter().filter(|way| way.state.works())
    }

    /// Whether a call gets through.
    pub fn gets_through(&self) -> bool {
        self.working().next().is_some()
    }

    /// Whether nothing follows, for a trouble of this machine.
    pub fn is_unknown(&self) -> bool {
        match self.join.state {
            State::Unknown { .. } => true,
            State::Stops(_) => false,
            State::Works { .. } | State::NotOffered => {
                let mut ways = self.ways.iter();
                ways.all(|way| matches!(way.state, State::Unknown { .. } | State::NotOffered))
                    && !ways.all(|way| way.state == State::NotOffered)
            }
        }
    }
}

/// One way of the four.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaySummary {
    pub way: Way,
    /// That of the contact which came farthest.
    pub state: State,
    /// Whether it works for small packets alone: those of the size of media are lost.
    pub small_packets_only: bool,
    /// Whether the policy of the deployment closes it, as far as we were told.
    pub closed_on_purpose: bool,
    /// Every place of the deployment that was asked for it.
    pub contacts: Vec<Contact>,
}

/// A place of the deployment that was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Contact {
    /// The name, where it is reached by name.
    pub name: Option<DomainName>,
    /// `None` where the name has none, or an HTTP proxy finds it.
    pub address: Option<IpAddr>,
    pub transport: Transport,
    pub port: Port,
    /// The ports out of which the server takes a new one for every call, where it does.
    pub range: Option<PortRange>,
    /// Whether TLS is spoken there.
    pub tls: bool,
    pub state: State,
    /// When it was asked, in milliseconds after the run's start.
    pub tried_ms: Option<u64>,
}

/// How far something came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// To its end: the check, or the join, was answered after so many milliseconds.
    Works { took_ms: u64 },
    /// To this step, and no farther.
    Stops(Stop),
    /// The server has no such thing for participants.
    NotOffered,
    /// Nobody knows: our own trouble, or a step before it did not come about.
    Unknown { why: String },
}

impl State {
    /// Whether it came to its end.
    pub fn works(&self) -> bool {
        matches!(self, Self::Works { .. })
    }
}

/// Where something stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stop {
    pub at: Step,
    pub reason: ReasonCode,
    /// What was seen there, in words.
    pub why: String,
}

/// The steps of a way, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The name has to have an address.
    Dns,
    /// The address has to be one that can be reached at all.
    Address,
    /// An HTTP proxy of our own network has to let us through.
    HttpProxy,
    /// A connection has to be accepted.
    Tcp,
    /// A TLS handshake has to complete.
    Tls,
    /// The certificate has to be the server's own.
    Certificate,
    /// LiveKit has to let us in.
    Join,
    /// The TURN server has to give us a relay.
    Allocation,
    /// The relay has to let us send to the media port.
    Permission,
    /// The media port has to answer.
    Check,
    /// DTLS has to pass where the check did.
    Dtls,
}

/// What in the network is the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cause {
    #[serde(flatten)]
    pub cause: NetworkCause,
    /// Whether the packets leave no other reading.
    pub certain: bool,
    /// What shows it, in words.
    pub shown_by: String,
}

/// Causes between us and the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum NetworkCause {
    /// A page that wants a login answers in place of the deployment.
    CaptivePortal {
        /// Where it sends browsers.
        page: Option<ServerText>,
    },
    /// Somebody on the way opens TLS and closes it again with a certificate of his own.
    TlsInspection {
        /// For whom the certificate claims to be.
        host: String,
        /// Who issued it.
        issuer: ServerText,
    },
    /// The name leads to an address that cannot be the deployment's, or to none.
    ResolverLies { name: DomainName, addresses: Vec<IpAddr> },
    /// The web is reached through an HTTP proxy only.
    ProxyNeeded { proxy: String },
    /// The HTTP proxy of our own network does not let us through.
    ProxyRefuses { proxy: String },
    /// HTTP on its own port gets out, connections for HTTPS do not.
    HttpOnly,
    /// Nothing gets out to the deployment.
    NothingLeaves,
    /// The web gets out, and UDP does not.
    UdpBlocked,
}
