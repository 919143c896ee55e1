//! What an endpoint answers when it is spoken to as a browser does.

use serde::{Deserialize, Serialize};

use super::connect::Connect;
use super::first_bytes::FirstBytes;
use super::text::ServerText;
use super::tls::Handshake;

/// What the messages of browsers met at one TLS endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserFacts {
    pub connect: Connect,
    /// The address and port that were dialled, when `--connect-to` sent us to another place.
    pub dialled: Option<std::net::SocketAddr>,
    /// The ClientHello of each browser. Empty when the connection was not accepted.
    pub hellos: Vec<HelloFacts>,
    /// The same and others, once more, after a browser's was not answered: their differences say
    /// what it is about.
    pub twins: Vec<HelloFacts>,
    /// What HTTP/2 met, when the server chose it.
    pub http2: Option<Http2Facts>,
}

impl BrowserFacts {
    /// What a message met in the second round.
    pub fn twin(&self, shape: HelloShape) -> Option<&Handshake> {
        self.twins.iter().find(|hello| hello.shape == shape).map(|hello| &hello.answer)
    }
}

/// What one ClientHello met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloFacts {
    pub shape: HelloShape,
    /// [`Handshake::Completed`]: the server answered with a ServerHello. Nothing is agreed with it,
    /// because the key shares are random.
    pub answer: Handshake,
}

/// What a ClientHello looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HelloShape {
    /// As Chromium sends it: some 1,900 bytes, in two segments.
    Chromium,
    /// As Firefox sends it: about as long.
    Firefox,
    /// Chromium's, in segments of a few hundred bytes each.
    ChromiumInPieces,
    /// Chromium's without the numbers that mean nothing (GREASE, RFC 8701).
    WithoutGrease,
    /// Chromium's without Encrypted ClientHello.
    WithoutEncryptedHello,
    /// Chromium's without the post-quantum key share.
    WithoutPostQuantum,
    /// Chromium's without ALPS, trust anchors and compressed certificates.
    WithoutNewExtensions,
    /// Chromium's without ALPN.
    WithoutAlpn,
    /// What older clients send: 200 bytes, in one segment.
    Short,
    /// The same in two segments.
    ShortInTwo,
    /// The same, padded to the length of a browser's.
    ShortPadded,
}

impl HelloShape {
    pub const ALL: [Self; 11] = [
        Self::Chromium,
        Self::Firefox,
        Self::ChromiumInPieces,
        Self::WithoutGrease,
        Self::WithoutEncryptedHello,
        Self::WithoutPostQuantum,
        Self::WithoutNewExtensions,
        Self::WithoutAlpn,
        Self::Short,
        Self::ShortInTwo,
        Self::ShortPadded,
    ];
}

/// What became of HTTP/2 (RFC 9113), when the server chose it in ALPN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http2Facts {
    /// What came back for a request without credentials to `/rtc/validate`.
    pub request: Http2Answer,
    /// The same for a WebSocket (RFC 8441), when the server offers them over HTTP/2.
    pub websocket: Option<Http2Answer>,
}

/// What a request over HTTP/2 met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Http2Answer {
    /// A response, with the first 200 characters of its body.
    Response {
        status: u16,
        body: ServerText,
    },
    /// The stream was ended without a response (RFC 9113 §7).
    StreamReset {
        code: u32,
    },
    /// The connection was ended with GOAWAY (RFC 9113 §6.8).
    GoAway {
        code: u32,
    },
    /// Bytes that are not HTTP/2.
    NotHttp2(FirstBytes),
    /// The connection ended without a response.
    Closed,
    Reset,
    /// No response within the time-out.
    Silent,
}
