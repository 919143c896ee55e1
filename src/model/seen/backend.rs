//! A backend that does not answer behind the proxy.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::facts::HttpResponse;

/// No answer comes from behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendDown {
    pub sign: BackendSign,
    pub cause: Option<BackendCause>,
    /// Other requests to the same place were answered: one of several machines is down.
    pub is_one_of_several: bool,
}

/// Why no answer comes from behind the proxy, where something else of the run shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendCause {
    /// The proxy asked for a client certificate in the handshake, and was answered by nobody who has
    /// none.
    ClientCertificate,
    /// The backend answers the same request behind a PROXY protocol header.
    ProxyHeaderMissing,
    /// Behind the proxy's TLS there is TLS again.
    TlsTwice,
    /// LiveKit could not read a request for the API: something is put before it.
    ProxyHeaderSent,
    /// No service answers behind this address of the proxy, whichever program it is of.
    NothingAnswers,
    /// The backend answers this machine directly.
    AnswersDirectly,
}

/// What shows that no answer comes from behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendSign {
    /// TLS completes, then the proxy ends the connection.
    HangsUp,
    /// TLS completes, then nothing comes.
    Silent,
    /// Bytes come that are TLS again.
    SpeaksTls,
    /// Go's HTTP server, which is LiveKit's, could not read a request that was right.
    RequestUnreadable(HttpResponse),
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
