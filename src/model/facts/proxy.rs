//! What the configuration of a proxy says.

use serde::{Deserialize, Serialize};

use super::ServerText;
use crate::model::configuration::{Location, ProxyKind, Trace};

/// What the configuration of a proxy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyFacts {
    pub kind: ProxyKind,
    /// The files that were read, in order.
    pub files: Vec<ServerText>,
    /// Where each connection ends.
    pub traces: Vec<Trace>,
    /// What kept a part of the files from being read.
    pub unreadable: Vec<Unreadable>,
}

/// A part of a configuration that could not be read, and behind which reading went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    pub at: Location,
    /// What is wrong there, as a phrase: `";" is missing`.
    pub what: ServerText,
}
