//! What rules about STUN and TURN saw.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::deployment::Edition;
use crate::model::edition::EditionSign;
use crate::model::facts::{DatagramProtocol, HttpResponse, ServerText, StunAnswer};
use crate::model::front::HttpFront;

/// What a rule about STUN or TURN saw. Times without traffic are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnSeen {
    /// Over UDP a server of another protocol answers, and not STUN.
    OtherProtocol {
        protocol: DatagramProtocol,
        /// Whether the address is the proxy's as well.
        is_proxy: bool,
    },
    /// No request could be sent.
    NoRequest,
    /// HTTP in answer to a STUN request: its status line, and what sent it.
    HttpToStun { line: ServerText, front: Option<HttpFront> },
    /// No answer to STUN, but one to an HTTP request.
    WebServer { is_livekit: bool, response: HttpResponse },
    /// TLS completes, and the answer is not that of a TURN server.
    NotTurn(StunAnswer),
    /// No answer over UDP, and nothing else came back over UDP either.
    NothingOverUdp,
    /// No answer to any copy of the request.
    SilentOverUdp,
    /// The server asks for credentials, in this realm.
    Challenges { realm: ServerText },
    /// The server gives a relay without credentials.
    OpenRelay,
    /// Binding is answered, Allocate is not.
    AllocateSilent,
    /// The address from which the server sees the request come.
    MappedAddress(SocketAddr),
    /// The server sees the request come from a loopback or link-local address, which browsers may
    /// discard.
    MappedToNoOtherMachine(IpAddr),
    /// The answer has no mapped address.
    NoMappedAddress,
    /// The connection still answers after the time demanded.
    IdleKept { ms: u64 },
    /// The connection still answers, but ovcheck waited less than demanded.
    IdleKeptSoFar { ms: u64, demanded_s: u16 },
    /// The connection ended, but not earlier than demanded.
    IdleEndedLater { ms: u64 },
    /// The peer, or something on the path, ended the connection earlier than demanded.
    IdleCut { ms: u64, by_reset: bool, demanded_s: u16 },
    /// The connection does not answer any more, earlier than demanded.
    IdleForgotten { ms: u64, demanded_s: u16 },
    /// Bytes came that ovcheck had not asked for.
    Unasked { ms: u64 },
    /// The server sent no nonce.
    NoNonce,
    /// The nonce of no known version, with this many characters.
    UnknownNonce { characters: usize },
    /// The nonce of a version of OpenVidu.
    Nonce { characters: usize, sign: EditionSign },
    /// The nonce of another version than the one that this edition of the guide is about.
    NonceOfOtherEdition { characters: usize, sign: EditionSign, judged_by: Edition },
}

impl From<TurnSeen> for Seen {
    fn from(seen: TurnSeen) -> Self {
        Self::Turn(seen)
    }
}
