//! Why LiveKit refuses a join.

use serde::{Deserialize, Serialize};

/// Why LiveKit refuses a join, as far as its own words tell it (`pkg/service/rtcservice.go`,
/// `pkg/service/auth.go` of LiveKit 1.8 to 1.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LivekitRefusal {
    /// The token is signed with another secret than the server's.
    WrongSecret,
    /// The server does not know the API key of the token.
    UnknownKey,
    /// The token is not valid yet, by the server's clock.
    NotValidYet,
    /// The token has expired, by the server's clock.
    Expired,
    /// The token does not allow joining a room (`roomJoin`).
    NoJoinRight,
    /// The server sees no token.
    NoToken,
    /// The token is refused in words that are not known here.
    OtherToken,
    /// The token names no room.
    NoRoomName,
    /// The room does not exist, and the server creates none (`auto_create`).
    NoSuchRoom,
    /// The part of the server that carries media refuses: in most cases the room is full
    /// (`max_participants`).
    RefusedByMedia,
}
