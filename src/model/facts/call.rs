//! What became of one hidden join, and of each way that media could take.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Connect, Handshake, HttpAnswer, IcmpError, ServerText, StunAnswer};
use crate::model::named::Forbidden;
use crate::model::observation::{Blindness, ProxyRefusal};
use crate::model::port::Transport;
use crate::model::timestamp::Timestamp;

/// What a hidden join met, and each way that media could take. All times are milliseconds after
/// the probe's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFacts {
    pub signal: SignalFacts,
    /// What the server said in answer to the join; `None` when nobody was let in.
    pub session: Option<SessionFacts>,
    /// One for each candidate by each way: direct ones first, then through each relay.
    pub paths: Vec<PathFacts>,
    /// One for each TURN server that the server named.
    pub relays: Vec<RelayFacts>,
    /// Whether the server's own checks came to an address of ours; `None`: not offered any.
    pub punched: Option<PunchFacts>,
    /// What became of the session; `None` when there was none.
    pub farewell: Option<Farewell>,
    /// How the other Media Nodes were looked for; `None`: one call was enough, or there was no session.
    pub search: Option<NodeSearch>,
}

impl CallFacts {
    /// This call, and those on other servers that were found behind it.
    pub fn on_all_servers(&self) -> impl Iterator<Item = &Self> {
        let others = self.search.iter().flat_map(|search| &search.calls);
        std::iter::once(self).chain(others)
    }
}

/// The search for the other Media Nodes: a server runs a room on one node of its choice, so that further
/// rooms come to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSearch {
    /// How many rooms were opened, or asked for, besides the first.
    pub rooms: usize,
    pub ended: SearchEnd,
    /// One for each of them that was on a server on which none before it was. They search no further.
    pub calls: Vec<CallFacts>,
    /// Those that came to nothing, the first 8.
    pub failed: Vec<CallFacts>,
    /// How many came to nothing.
    pub failures: usize,
}

/// Why the search for other Media Nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SearchEnd {
    /// A call was on every declared Media Node.
    AllFound,
    /// There are as many servers as declared Media Nodes, and no further one came up.
    NoOthers,
    /// As many rooms were opened as ovcheck opens.
    MostRooms,
    /// Its time was over.
    OutOfTime,
    /// The token is for one room, and that is on one node.
    OneRoom,
}

/// How the API was reached, and what it said to the join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalFacts {
    /// The address of the API that was connected to; `None` through an HTTP proxy, which resolves
    /// the name itself.
    pub address: Option<IpAddr>,
    pub dialled: Option<SocketAddr>,
    /// The HTTP proxy of our own network that everything over TCP went through.
    pub http_proxy: Option<HttpProxyFacts>,
    pub connect: Connect,
    /// `None` when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when it did not come to a request.
    pub join: Option<JoinAnswer>,
    /// When the token that was given is good by its own words; `None`: ovcheck made one.
    pub token: Option<TokenLife>,
    /// What became of a WebSocket that was granted, when no message of LiveKit's came.
    pub lost: Option<LostWebSocket>,
    /// Why clients refuse a WebSocket that was granted; `None`: they do not, or there was none.
    pub flaw: Option<UpgradeFlaw>,
    /// When the join was answered.
    pub joined_ms: Option<u64>,
}

/// When an access token is good, by its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenLife {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// What an HTTP proxy said to CONNECT (RFC 9110 §9.3.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProxyFacts {
    /// `host:port`, without user and password.
    pub place: String,
    /// `None` when the proxy did not accept the connection.
    pub answer: Option<HttpAnswer>,
}

/// What became of a WebSocket on which nothing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LostWebSocket {
    /// It was closed with a close frame, this long after it was granted.
    Closed { after_ms: u64 },
    /// The connection ended without a close frame.
    Cut { after_ms: u64 },
    /// It stays open, and nothing came for this long.
    Mute { for_ms: u64 },
}

/// Why a client has to end a WebSocket that is granted (RFC 6455 §4.1), by the head of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpgradeFlaw {
    /// Not exactly one `Upgrade: websocket`.
    NoUpgrade,
    /// `Connection` does not list `Upgrade`.
    NoConnection,
    /// `Sec-WebSocket-Accept` is not there.
    NoAccept,
    /// It does not belong to the key that was sent.
    WrongAccept,
    /// It is there more than once.
    SeveralAccepts,
    /// A subprotocol that was not asked for.
    UnaskedProtocol(ServerText),
    /// An extension that was not asked for.
    UnaskedExtension(ServerText),
}

/// What came back for the WebSocket upgrade with an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinAnswer {
    /// The server's first message, as LiveKit sends it.
    Joined,
    /// Another answer than 101. Where the body repeated the token, it is masked.
    Refused(HttpAnswer),
    /// 101, and then no join response: what came instead.
    NoJoin(ServerText),
    /// The time of the run was over before a whole time-out had passed.
    NotAwaited,
}

/// What the server said about itself and about ways for media.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// The version of LiveKit.
    pub server_version: ServerText,
    /// The name that the server gives itself among others; empty: none.
    pub server_id: ServerText,
    /// The STUN and TURN servers for participants, in the server's order; 16 at most.
    pub ice_servers: Vec<IceUrl>,
    pub answer: SdpAnswer,
    /// The server's candidates, in the order in which they came; 64 at most.
    pub candidates: Vec<CandidateFacts>,
    /// Whether the server said that there are no more.
    pub all_candidates: bool,
    /// When the last of them came, or their waiting ended; `None` without an answer.
    pub ready_ms: Option<u64>,
}

/// A URI of a STUN or TURN server (RFC 7064, RFC 7065).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceUrl {
    pub text: ServerText,
    /// `None`: malformed.
    pub parts: Option<IceUrlParts>,
    /// Whether a user name and a password came with it.
    pub with_credentials: bool,
}

/// What a URI of a STUN or TURN server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceUrlParts {
    pub scheme: IceScheme,
    /// A name, or an address without brackets.
    pub host: String,
    /// Where none is written, that of the scheme.
    pub port: u16,
    pub transport: Transport,
}

/// The schemes of RFC 7064 and RFC 7065.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IceScheme {
    Stun,
    Stuns,
    Turn,
    Turns,
}

/// How our offer was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SdpAnswer {
    /// With what ICE needs.
    Complete { ice_lite: bool },
    /// With SDP that lacks what ICE needs: what is wrong with it.
    Malformed(ServerText),
    /// Not at all, within the time-out.
    Missing,
    /// The time of the run was over before a whole time-out had passed.
    NotAwaited,
    /// The server ended the session first, for this reason (LiveKit's DisconnectReason).
    Left { reason: i32 },
}

/// An ICE candidate of the server (RFC 8839 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateFacts {
    pub text: ServerText,
    /// `None`: malformed, or with a name in place of an address.
    pub place: Option<CandidatePlace>,
}

/// Where a candidate lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CandidatePlace {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// The four ways that media can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Straight to the media port, over UDP.
    Udp,
    /// Straight to the node, over TCP (RFC 6544).
    IceTcp,
    /// Through TURN over UDP.
    TurnUdp,
    /// Through TURN over TLS (or TCP).
    Turns,
}

impl Way {
    /// All, in the order in which browsers prefer them.
    pub const ALL: [Self; 4] = [Self::Udp, Self::IceTcp, Self::TurnUdp, Self::Turns];

    /// Whether it goes through a relay.
    pub fn is_relayed(self) -> bool {
        matches!(self, Self::TurnUdp | Self::Turns)
    }

    /// The transport of the first hop: to the candidate, or to the TURN server.
    pub fn transport(self) -> Transport {
        match self {
            Self::Udp | Self::TurnUdp => Transport::Udp,
            Self::IceTcp | Self::Turns => Transport::Tcp,
        }
    }

    /// The transport at which the candidate gets it: relays send UDP (RFC 8656 §7).
    pub fn transport_at_candidate(self) -> Transport {
        if self.is_relayed() { Transport::Udp } else { self.transport() }
    }
}

/// One candidate by one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFacts {
    pub way: Way,
    /// The server's candidate.
    pub candidate: SocketAddr,
    pub dialled: Option<SocketAddr>,
    /// For a way through a relay: its place in [`CallFacts::relays`].
    pub relay: Option<usize>,
    /// Of the connection for ICE-TCP.
    pub connect: Option<Connect>,
    pub check: IceCheck,
    /// When the check was first sent.
    pub sent_ms: Option<u64>,
    /// When it was answered, or given up.
    pub ended_ms: u64,
    /// What a check of 1,200 bytes met, once the short one was answered; `None`: not asked.
    pub padded: Option<IceCheck>,
    /// What is known of DTLS; `None`: not asked.
    pub dtls: Option<DtlsFacts>,
}

/// What an authenticated ICE check met (RFC 8445 §7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IceCheck {
    /// An answer to our transaction with a valid MESSAGE-INTEGRITY: only the server of this session
    /// can have made it. It saw us as this address.
    Answered {
        mapped: Option<SocketAddr>,
    },
    /// Not sent: what stands in the way.
    NotSent(NotSent),
    Silent,
    /// An ICMP error for our check.
    Icmp(IcmpError),
    Closed,
    Reset,
    /// Something else than an answer: what it was.
    Other(ServerText),
}

impl IceCheck {
    /// Whether it proves the path.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Answered { .. })
    }
}

/// Why a check was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotSent {
    /// The server sends us where ovcheck does not go.
    ForbiddenAddress(Forbidden),
    /// The connection to the candidate was not accepted ([`PathFacts::connect`]).
    NoConnection,
    /// The relay was not to be had ([`RelayFacts`]).
    NoRelay,
    /// The relay does not let us send to this address ([`RelayFacts::permissions`]).
    NoPermission,
    /// The HTTP proxy of this network refused the connection: what it was asked for, and said.
    OwnProxy(Box<ProxyRefusal>),
    /// This machine could not send it, for another reason.
    Local(Blindness),
}

impl From<&Blindness> for NotSent {
    fn from(blindness: &Blindness) -> Self {
        match blindness {
            Blindness::OwnProxy(refusal) => Self::OwnProxy(refusal.clone()),
            Blindness::NoRoute(_)
            | Blindness::OwnFirewall
            | Blindness::NoDnsServer
            | Blindness::NoAddress { .. }
            | Blindness::Local(_)
            | Blindness::Interrupted
            | Blindness::DeadlineSpent => Self::Local(blindness.clone()),
        }
    }
}

/// What a TURN server that LiveKit named gave us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayFacts {
    /// Its place in [`SessionFacts::ice_servers`].
    pub url: usize,
    pub way: Way,
    /// What its name resolved to, and was asked; `None`: no address, or through an HTTP proxy.
    pub server: Option<SocketAddr>,
    pub dialled: Option<SocketAddr>,
    /// Why it was not asked, where ovcheck does not go there, or this computer or its HTTP proxy did not let
    /// it come to that.
    pub blocked: Option<NotSent>,
    /// `None` over UDP.
    pub connect: Option<Connect>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// What an Allocate with the session's credentials met: the last answer, after the challenge.
    /// `None` when it did not come to one; `mapped` is our own address as the server sees it.
    pub allocate: Option<StunAnswer>,
    /// XOR-RELAYED-ADDRESS.
    pub relayed: Option<SocketAddr>,
    /// What Allocate with a wrong password met, on a connection of its own; `None`: not asked.
    pub wrong_password: Option<StunAnswer>,
    /// CreatePermission for the server's candidates, and for addresses that no relay should serve.
    pub permissions: Vec<PermissionFacts>,
    /// When media stayed silent: a Binding through the relay to the TURN server's own UDP port.
    pub control: Option<IceCheck>,
    /// When the allocation was granted, or refused.
    pub ended_ms: u64,
}

/// What CreatePermission met for one address (RFC 8656 §9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionFacts {
    pub peer: IpAddr,
    pub why: PeerKind,
    pub answer: StunAnswer,
}

/// Why a permission was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerKind {
    /// A candidate of the server: has to be granted.
    Candidate,
    /// The relay's own loopback: has to be refused.
    Loopback,
    /// Link-local, where clouds have their metadata service: has to be refused.
    LinkLocal,
    /// A private network behind the relay: has to be refused.
    Private,
    /// Somebody else on the internet.
    Foreign,
}

/// Whether the server's own checks reach us (call "hole punching").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PunchFacts {
    /// The addresses of ours that were offered as candidates: of one socket in each family.
    pub offered: Vec<SocketAddr>,
    /// Whether one of them is an address that the server can reach, as far as we know: one that a
    /// STUN server outside saw us under, or where none was asked, a public one.
    pub reachable: bool,
    /// Where the first check of the server came from; `None`: none came.
    pub check_from: Option<SocketAddr>,
    /// What our own check to there met, from the same socket: whether the hole lets us in.
    pub through: Option<IceCheck>,
    /// How long we waited for a check.
    pub waited_ms: u64,
    /// When ICMP errors came back for our own checks, after the probe's start.
    pub icmp_ms: Vec<u64>,
}

/// How far DTLS comes on a proven path, without a certificate of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DtlsFacts {
    /// The server's second ClientHello carried our cookie: both directions pass.
    BothWays,
    /// ClientHello came again and again without our cookie: what we send, and is not STUN, is lost.
    OnlyFromServer,
    /// The check was answered, and no ClientHello came: what the server sends, and is not STUN, is
    /// lost, or the pair was not selected.
    NoHello,
    /// The server waits for our ClientHello (`a=setup:passive`), and does not answer it: it is lost,
    /// or the answer is.
    NoAnswer,
    /// The second join, or its check, did not come about.
    NotReached,
}

/// How a session was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Farewell {
    /// Whether the server confirmed that we left.
    pub left: bool,
    pub room: RoomEnd,
}

/// What became of the probe's room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoomEnd {
    Deleted,
    /// The server ends it itself, 20 s after the last participant left, unless configured
    /// otherwise: with a token alone nobody may delete it.
    LeftToServer,
    /// DeleteRoom was refused, or not answered.
    NotDeleted(ServerText),
}
