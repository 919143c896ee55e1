//! What rules about RTMP saw.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::facts::FirstBytes;

/// What a rule about RTMP saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RtmpSeen {
    /// S0, S1 and S2 answer C0 and C1 inside TLS.
    Completed,
    /// S2 does not repeat what C1 held.
    WrongEcho,
    /// The handshake stops after this many bytes.
    Unfinished { bytes: usize },
    /// The answer inside TLS is not RTMP.
    NotRtmp(FirstBytes),
    /// RTMP is answered without TLS.
    PlaintextAnswered,
    /// The answer to RTMP without TLS is not RTMP.
    PlaintextNotRtmp(FirstBytes),
    /// The connection ends after RTMP without TLS.
    PlaintextClosed,
    /// No answer to RTMP without TLS.
    PlaintextSilent,
}

impl From<RtmpSeen> for Seen {
    fn from(seen: RtmpSeen) -> Self {
        Self::Rtmp(seen)
    }
}
