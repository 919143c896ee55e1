//! What stands in front of a deployment and carries HTTP only.

use serde::{Deserialize, Serialize};

use super::facts::ServerText;

/// What a web server is that forwards HTTP and nothing else: neither TURN nor RTMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrontKind {
    ContentDeliveryNetwork,
    HttpLoadBalancer,
}

/// A kind of front, and how the `Server` header of its answers begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFront {
    /// In lower case.
    pub server: String,
    pub kind: FrontKind,
}

/// A front that answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpFront {
    /// The `Server` header of its answer.
    pub server: ServerText,
    pub kind: FrontKind,
}
