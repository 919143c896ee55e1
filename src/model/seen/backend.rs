//! A backend that does not answer behind the proxy.

use super::Seen;
use crate::model::facts::HttpResponse;

/// No answer comes from behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendDown {
    pub sign: BackendSign,
    /// Other requests to the same place were answered: one of several machines is down.
    pub is_one_of_several: bool,
}

/// What shows that no answer comes from behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendSign {
    /// TLS completes, then the proxy ends the connection.
    HangsUp,
    /// TLS completes, then nothing comes.
    Silent,
    /// Nothing comes to an HTTP request, which a TURN server would take for the beginning of
    /// channel data (RFC 8656 §12.4).
    SilentToHttp,
    /// The proxy itself answers with 502, 503 or 504.
    GatewayError(HttpResponse),
}

impl From<BackendDown> for Seen {
    fn from(seen: BackendDown) -> Self {
        Self::BackendDown(seen)
    }
}
