//! What speaks, by its first bytes.

use serde::{Deserialize, Serialize};

use super::text::ServerText;

/// What the first bytes of an answer look like, when they are not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstBytes {
    /// `HTTP/1.` and the rest of its status line.
    Http(ServerText),
    /// A TLS record.
    Tls,
    /// RTMP's S0 (0x03) with a handshake behind it.
    Rtmp,
    /// A STUN message (magic cookie).
    Stun,
    /// `SSH-`.
    Ssh(ServerText),
    /// `PROXY `, or the signature of version 2.
    ProxyProtocol,
    /// Other printable text.
    Text(ServerText),
    /// Other bytes: the first 16 in hexadecimal.
    Binary(String),
}

impl FirstBytes {
    /// What they are, with what they say, as text of the server.
    pub fn described(&self) -> ServerText {
        match self {
            Self::Http(line) | Self::Ssh(line) | Self::Text(line) => line.clone(),
            Self::Tls => ServerText::new("a TLS record"),
            Self::Rtmp => ServerText::new("an RTMP handshake"),
            Self::Stun => ServerText::new("a STUN message"),
            Self::ProxyProtocol => ServerText::new("a PROXY protocol header"),
            Self::Binary(hex) => ServerText::new(hex),
        }
    }
}
