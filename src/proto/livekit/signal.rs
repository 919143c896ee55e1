//! The part of LiveKit's signalling messages that one hidden join needs (livekit_rtc.proto,
//! livekit_models.proto). Unknown fields are skipped, as protobuf has it.
//!
//! None of these types prints itself: they carry tokens and passwords.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{Message, Oneof};

/// The maximum number of ICE servers, and of their URLs, in one message. A decoded server takes 36 times
/// the memory of an empty one on the wire.
const MOST_SERVERS: usize = 256;

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Not a protobuf message of this type.
    Malformed,
    /// It names more ICE servers or URLs than are read.
    TooManyServers,
}

/// Reads a message from the server. `None` for one whose content is not needed. The memory that it takes
/// is of the order of its size on the wire.
///
/// # Errors
/// [`Unreadable`].
pub fn read(bytes: &[u8]) -> Result<Option<Response>, Unreadable> {
    let servers: Vec<&[u8]> = fields(bytes, JOIN)
        .flat_map(|join| fields(join, ICE_SERVERS))
        .take(MOST_SERVERS + 1)
        .collect();
    let urls = servers.iter().flat_map(|server| fields(server, URLS));
    if servers.len() > MOST_SERVERS || urls.take(MOST_SERVERS + 1).count() > MOST_SERVERS {
        return Err(Unreadable::TooManyServers);
    }
    let response = SignalResponse::decode(bytes).map_err(|_| Unreadable::Malformed)?;
    Ok(response.message)
}

const JOIN: u32 = 1;
const ICE_SERVERS: u32 = 5;
const URLS: u32 = 1;

/// The contents of all length-delimited fields with this number, without decoding them. Ends at the first
/// malformed field.
fn fields(mut bytes: &[u8], wanted: u32) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (number, wire_type) = decode_key(&mut bytes).ok()?;
            if wire_type == WireType::LengthDelimited {
                let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                if number == wanted {
                    return Some(content);
                }
            } else {
                skip_field(wire_type, number, &mut bytes, DecodeContext::default()).ok()?;
            }
        }
    })
}

/// What a participant sends.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct SignalRequest {
    #[prost(oneof = "Request", tags = "1, 2, 3, 8")]
    pub message: Option<Request>,
}

#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum Request {
    #[prost(message, tag = "1")]
    Offer(SessionDescription),
    #[prost(message, tag = "2")]
    Answer(SessionDescription),
    #[prost(message, tag = "3")]
    Trickle(TrickleRequest),
    #[prost(message, tag = "8")]
    Leave(LeaveRequest),
}

/// What the server sends.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct SignalResponse {
    #[prost(oneof = "Response", tags = "1, 2, 3, 4, 8, 16")]
    pub message: Option<Response>,
}

#[derive(Clone, PartialEq, Oneof)]
#[prost(skip_debug)]
pub enum Response {
    #[prost(message, tag = "1")]
    Join(JoinResponse),
    #[prost(message, tag = "2")]
    Answer(SessionDescription),
    /// For the connection in which the server sends.
    #[prost(message, tag = "3")]
    Offer(SessionDescription),
    #[prost(message, tag = "4")]
    Trickle(TrickleRequest),
    #[prost(message, tag = "8")]
    Leave(LeaveRequest),
    /// A live access token.
    #[prost(string, tag = "16")]
    RefreshToken(String),
}

/// An offer or an answer (RFC 8829).
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct SessionDescription {
    /// `offer` or `answer`.
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(string, tag = "2")]
    pub sdp: String,
}

/// One candidate, or the news that there are no more (RFC 8838).
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct TrickleRequest {
    /// JSON: `candidate`, `sdpMid`, `sdpMLineIndex` (RTCIceCandidateInit).
    #[prost(string, tag = "1")]
    pub candidate_init: String,
    /// 0: the connection in which the participant sends; 1: the one in which the server does.
    #[prost(int32, tag = "2")]
    pub target: i32,
    /// The last one. It carries a candidate, too.
    #[prost(bool, tag = "3")]
    pub last: bool,
}

/// [`TrickleRequest::target`] of the connection in which the participant sends.
pub const PUBLISHER: i32 = 0;

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct LeaveRequest {
    #[prost(bool, tag = "1")]
    pub can_reconnect: bool,
    #[prost(int32, tag = "2")]
    pub reason: i32,
    #[prost(int32, tag = "3")]
    pub action: i32,
}

/// [`LeaveRequest::reason`] of a participant that leaves by its own will.
pub const CLIENT_INITIATED: i32 = 1;

/// The first message of the server.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct JoinResponse {
    #[prost(message, optional, tag = "1")]
    pub room: Option<Room>,
    #[prost(message, optional, tag = "2")]
    pub participant: Option<ParticipantInfo>,
    #[prost(string, tag = "4")]
    pub server_version: String,
    #[prost(message, repeated, tag = "5")]
    pub ice_servers: Vec<IceServer>,
    #[prost(bool, tag = "6")]
    pub subscriber_primary: bool,
    #[prost(message, optional, tag = "12")]
    pub server_info: Option<ServerInfo>,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Room {
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(string, tag = "2")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ParticipantInfo {
    #[prost(string, tag = "1")]
    pub sid: String,
    #[prost(string, tag = "2")]
    pub identity: String,
}

/// A STUN or TURN server, with credentials for this participant.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct IceServer {
    /// URIs as of RFC 7064 and RFC 7065.
    #[prost(string, repeated, tag = "1")]
    pub urls: Vec<String>,
    #[prost(string, tag = "2")]
    pub username: String,
    #[prost(string, tag = "3")]
    pub credential: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct ServerInfo {
    #[prost(int32, tag = "1")]
    pub edition: i32,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(int32, tag = "3")]
    pub protocol: i32,
    #[prost(string, tag = "4")]
    pub region: String,
    #[prost(string, tag = "5")]
    pub node_id: String,
}
