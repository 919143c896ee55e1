//! What rules about the configuration of a proxy saw.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::configuration::{BackendHttp, End};
use crate::model::facts::ProxyFaultKind;
use crate::model::facts::ServerText;
use crate::model::rule::RuleId;
use crate::model::target::Family;

/// What a rule about the configuration of a proxy saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxySeen {
    /// Every part of the configuration was read.
    AllRead,
    /// This is wrong at the place of the finding.
    Unreadable(ProxyFaultKind),
    /// A request reaches the backend so.
    Request(BackendHttp),
    /// A time limit of the proxy.
    Waits(Duration),
    /// No PROXY header is sent to a backend.
    NoHeader,
    /// A PROXY header is sent to TURN, which reads it, and to no other backend.
    HeaderToTurn,
    /// TURN reads a PROXY header, and closes a connection without one.
    TurnReadsHeader,
    /// Connections end as they should.
    LeadsThere,
    /// Connections over these families end so.
    EndsAt { families: Vec<Family>, end: Box<End> },
    /// The configuration leads there, so that the cause is before the proxy or behind it.
    RightInFile { file: ServerText },
    /// What the network shows fits the configuration.
    FitsNetwork,
    /// By the configuration these rules fail, and the network shows that they do not.
    ContradictsNetwork(Vec<RuleId>),
    /// The network shows nothing that could be compared.
    NothingCompared,
    /// No connection of this kind was followed: the configuration was not asked for this name.
    NotFollowed,
}

impl From<ProxySeen> for Seen {
    fn from(seen: ProxySeen) -> Self {
        Self::Proxy(seen)
    }
}
