//! What a check saw, as data: reasons with the values that belong to them. An output makes the words.
//!
//! A value that belongs to the check's own [`Target`](super::target::Target) (its node, address or
//! port) is not repeated here: two checks that saw the same thing at two places are equal.

use serde::{Deserialize, Serialize};

mod backend;
mod browser;
mod call;
mod config;
mod dns;
mod host;
mod http;
mod ports;
mod proxy;
mod rtmp;
mod services;
mod sums;
mod tls;
mod turn;
mod udp;

use super::deployment::Condition;
use super::facts::{Connect, Handshake, HttpAnswer, StunAnswer};
use super::observation::Blindness;
use super::plan::{NotAsked, UndeclaredRole};
use super::premise::Doubt;
use super::rule::RuleId;

pub use backend::{BackendCause, BackendDown, BackendSign};
pub use browser::{BrowserSeen, HelloCause, StoppedPath};
pub use call::*;
pub use config::{ConfigSeen, MeantKey, ValueKind};
pub use dns::{AddressRecord, DnsSeen, SwapSign};
pub use host::{DecidingRule, FirewallSeen, HostSeen, PacketsSeen};
pub use http::{Destination, HttpSeen, Speaker, Spoken};
pub use ports::{OpenPort, PortSeen, ResponderMissed};
pub use proxy::{CertificateFault, ProxySeen};
pub use rtmp::RtmpSeen;
pub use services::{Exposure, PortReply, ServiceReply, ServiceSeen};
pub use sums::SumSeen;
pub use tls::{ProxiedBackend, TlsSeen};
pub use turn::TurnSeen;
pub use udp::{
    PortsAsked, PortsByResponder, RangeSeen, TcpRejection, UdpControl, UdpExtent, UdpReply,
    UdpSeen, UdpSweep,
};

/// What a check saw; for an inconclusive finding why nothing follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// A rule that this one needs did not pass.
    Blocked {
        by: RuleId,
        /// What this check saw itself, where it saw anything.
        itself: Option<Box<Seen>>,
    },
    /// ovcheck could not look.
    Blind(Blindness),
    /// It rests on a premise about our own place that is in doubt.
    Doubted(Doubt),
    /// Nothing is demanded: it was not declared whether this is in use.
    UseUndeclared {
        condition: Condition,
        itself: Box<Seen>,
    },
    /// The reader of the deployment file refuses everything else.
    HoldsByParsing,
    /// Only proof counts in this run, and this is none.
    NotProven(Box<Seen>),
    /// The second was seen beside the first, which is the result.
    Both(Box<Seen>, Box<Seen>),
    /// Other connections to the same place do not meet this.
    OnlyThisTime(Box<Seen>),
    /// What a connection attempt met, where that says it all.
    Connection(Connect),
    /// How a TLS handshake ended, where that says it all.
    Handshake(Handshake),
    /// What an HTTP request met, where that says it all.
    HttpAnswer(HttpAnswer),
    /// What a STUN or TURN request met, where that says it all.
    StunAnswer(StunAnswer),
    Port(PortSeen),
    Service(ServiceSeen),
    Udp(UdpSeen),
    /// The check asks nothing.
    NotAsked(NotAsked),
    /// There is no place to look.
    Undeclared(UndeclaredRole),
    BackendDown(BackendDown),
    Browser(BrowserSeen),
    Dns(DnsSeen),
    Http(HttpSeen),
    Rtmp(RtmpSeen),
    Sum(SumSeen),
    Tls(TlsSeen),
    Turn(TurnSeen),
    Call(CallSeen),
    Host(HostSeen),
    /// What the configuration of the proxy says.
    Proxy(ProxySeen),
    /// What OpenVidu's own configuration says.
    Config(ConfigSeen),
    /// Words of a caller of the library. Nothing in this program makes them: its own judges say what
    /// they saw as data (`tests/layers.rs`).
    Text(String),
}

impl Seen {
    /// With something else that was seen beside it.
    pub fn and(self, beside: impl Into<Self>) -> Self {
        Self::Both(Box::new(self), Box::new(beside.into()))
    }
}

impl From<NotAsked> for Seen {
    fn from(why: NotAsked) -> Self {
        Self::NotAsked(why)
    }
}

impl From<UndeclaredRole> for Seen {
    fn from(role: UndeclaredRole) -> Self {
        Self::Undeclared(role)
    }
}

impl From<&Connect> for Seen {
    fn from(connect: &Connect) -> Self {
        Self::Connection(match connect {
            Connect::Icmp(error) => Connect::Icmp(error.without_own_address()),
            Connect::Accepted | Connect::Reset | Connect::Silent => connect.clone(),
        })
    }
}

impl From<&Handshake> for Seen {
    fn from(handshake: &Handshake) -> Self {
        Self::Handshake(handshake.clone())
    }
}

impl From<&HttpAnswer> for Seen {
    fn from(answer: &HttpAnswer) -> Self {
        Self::HttpAnswer(answer.essence())
    }
}

impl From<&StunAnswer> for Seen {
    fn from(answer: &StunAnswer) -> Self {
        Self::StunAnswer(match answer {
            StunAnswer::Icmp(error) => StunAnswer::Icmp(error.without_own_address()),
            StunAnswer::Success { .. }
            | StunAnswer::Error { .. }
            | StunAnswer::Silent
            | StunAnswer::Closed
            | StunAnswer::Reset
            | StunAnswer::NotStun(_)
            | StunAnswer::Malformed(_)
            | StunAnswer::Unrelated(_)
            | StunAnswer::NotSigned { .. } => answer.clone(),
        })
    }
}

impl From<String> for Seen {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Seen {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
