//! What speaks, by its first bytes.

use std::fmt;

use super::text::ServerText;

/// What the first bytes of an answer look like, when they are not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
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

impl fmt::Display for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(line) => write!(f, "HTTP (\"{line}\")"),
            Self::Tls => f.write_str("a TLS record"),
            Self::Rtmp => f.write_str("an RTMP handshake"),
            Self::Stun => f.write_str("a STUN message"),
            Self::Ssh(line) => write!(f, "SSH (\"{line}\")"),
            Self::ProxyProtocol => f.write_str("a PROXY protocol header"),
            Self::Text(text) => write!(f, "text (\"{text}\")"),
            Self::Binary(hex) => write!(f, "unknown bytes ({hex})"),
        }
    }
}
