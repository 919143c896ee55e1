//! What happened to one hidden join, and to each media path.

use super::{ConnectV1, HandshakeV1, HttpAnswerV1, IcmpErrorV1, StunAnswerV1};
use crate::model::facts::{
    CallFacts, CandidateFacts, CandidatePlace, DtlsFacts, Farewell, HttpProxyFacts, IceCheck,
    IceScheme, IceUrl, IceUrlParts, JoinAnswer, LostWebSocket, NodeSearch, NotSent, PathFacts,
    PeerKind, PermissionFacts, PunchFacts, RelayFacts, RoomEnd, SdpAnswer, SearchEnd, SessionFacts,
    SignalFacts, TokenLife, UpgradeFlaw,
};
use crate::model::observation::{Blindness, ProxyRefusal};
use crate::output::json::v1::open::open_words;
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{AddressV1, ServerTextV1, SocketAddressV1, TimeV1};
use crate::output::json::v1::words::{TransportV1, WayV1};

published! {
    /// What a hidden join met, and each media path. Every `…_ms` is in milliseconds after the start
    /// of the probe.
    struct CallFactsV1 from CallFacts {
        /// How the API was reached, and its answer to the join.
        signal: SignalFactsV1,
        /// What the server said after the join; null if the join failed.
        session: Option<SessionFactsV1>,
        /// One entry for each candidate on each way: direct ones first, then those of each relay.
        paths: Vec<PathFactsV1>,
        /// One entry for each TURN server that the server named.
        relays: Vec<RelayFactsV1>,
        /// Whether the server's own checks reach this machine; null if ovcheck offered no address.
        punched: Option<PunchFactsV1>,
        /// How the session ended; null if the join failed.
        farewell: Option<FarewellV1>,
        /// How ovcheck looked for the other Media Nodes; null if one call was enough, or the join
        /// failed.
        search: Option<NodeSearchV1>,
    }

    /// The search for the other Media Nodes: LiveKit runs each room on one node that it chooses, so
    /// that further rooms are on others.
    struct NodeSearchV1 from NodeSearch {
        /// How many rooms ovcheck opened, or tried to, besides the first.
        rooms: usize,
        /// Why the search ended.
        ended: SearchEndV1,
        /// One entry for each of these rooms that was on a server on which none before it was.
        calls: Vec<CallFactsV1>,
        /// Those that failed, without a session; the first 8 at most.
        #[schemars(length(max = 8))]
        failed: Vec<CallFactsV1>,
        /// How many joins failed.
        failures: usize,
    }

    /// Why the search for other Media Nodes ended. A later minor version may add reasons.
    #[schemars(transform = open_words)]
    enum SearchEndV1 from SearchEnd {
        /// A call was on every declared Media Node.
        AllFound,
        /// There are as many servers as declared Media Nodes, and no further one appeared.
        NoOthers,
        /// ovcheck opened as many rooms as it may.
        MostRooms,
        /// The time for the search was over.
        OutOfTime,
        /// The access token is for one room, which is on one node.
        OneRoom,
    }

    /// How the API was reached, and its answer to the join.
    struct SignalFactsV1 from SignalFacts {
        /// The address of the API; null through an HTTP proxy, which resolves the name itself.
        address: Option<AddressV1>,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The HTTP proxy of this network that TCP connections used; null if there was none.
        http_proxy: Option<HttpProxyFactsV1>,
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// The TLS handshake; null if the connection was not accepted.
        handshake: Option<HandshakeV1>,
        /// The answer to the join; null if it was not sent.
        join: Option<JoinAnswerV1>,
        /// When the access token that was given is valid; null if ovcheck made one.
        token: Option<TokenLifeV1>,
        /// What became of a WebSocket that was granted, if no message came; else null.
        lost: Option<LostWebSocketV1>,
        /// Why clients refuse a WebSocket that was granted; null if they do not, or there was none.
        flaw: Option<UpgradeFlawV1>,
        /// When the join was answered, in milliseconds; null if it was not.
        joined_ms: Option<u64>,
    }

    /// When an access token is valid, as it says itself.
    struct TokenLifeV1 from TokenLife {
        /// From when (`nbf`); null if it does not say.
        from: Option<TimeV1>,
        /// Until when (`exp`); null if it does not say.
        until: Option<TimeV1>,
    }

    /// What an HTTP proxy answered to CONNECT (RFC 9110 §9.3.6).
    struct HttpProxyFactsV1 from HttpProxyFacts {
        /// The proxy as `host:port`, without user name and password.
        place: String,
        /// The answer; null if the proxy did not accept the connection.
        answer: Option<HttpAnswerV1>,
    }

    /// What became of a WebSocket on which no message came.
    enum LostWebSocketV1 from LostWebSocket {
        /// It was closed with a close frame.
        Closed {
            /// How long after it was granted, in milliseconds.
            after_ms: u64,
        },
        /// The connection ended without a close frame.
        Cut {
            /// How long after the WebSocket was granted, in milliseconds.
            after_ms: u64,
        },
        /// It stayed open.
        Mute {
            /// How long nothing came, in milliseconds.
            for_ms: u64,
        },
    }

    /// Why clients refuse a WebSocket that was granted (RFC 6455 §4.1).
    enum UpgradeFlawV1 from UpgradeFlaw {
        /// There is not exactly one header `Upgrade: websocket`.
        NoUpgrade,
        /// The header `Connection` does not list `Upgrade`.
        NoConnection,
        /// The header `Sec-WebSocket-Accept` is missing.
        NoAccept,
        /// The header `Sec-WebSocket-Accept` does not match the key of the request.
        WrongAccept,
        /// The header `Sec-WebSocket-Accept` occurs more than once.
        SeveralAccepts,
        /// The header `Sec-WebSocket-Protocol` names a subprotocol that was not requested.
        UnaskedProtocol(text: ServerTextV1),
        /// The header `Sec-WebSocket-Extensions` names an extension that was not requested.
        UnaskedExtension(text: ServerTextV1),
    }

    /// What came back for the join (a WebSocket upgrade with an access token).
    enum JoinAnswerV1 from JoinAnswer {
        /// LiveKit's join response.
        Joined,
        /// Another status than 101. If the body repeats the token, the token is masked.
        Refused(answer: HttpAnswerV1),
        /// Status 101, and then no join response: what came instead.
        NoJoin(text: ServerTextV1),
        /// The time of the run was over before a whole time-out had passed.
        NotAwaited,
    }

    /// What the server said after the join.
    struct SessionFactsV1 from SessionFacts {
        /// The version of LiveKit.
        server_version: ServerTextV1,
        /// The id by which the server is known to the others; empty if it sends none.
        server_id: ServerTextV1,
        /// The STUN and TURN servers for participants, in the server's order; the first 16 at most.
        #[schemars(length(max = 16))]
        ice_servers: Vec<IceUrlV1>,
        /// The answer to the SDP offer.
        answer: SdpAnswerV1,
        /// The server's ICE candidates, in the order in which they arrived; the first 64 at most.
        #[schemars(length(max = 64))]
        candidates: Vec<CandidateFactsV1>,
        /// Whether the server said that there are no more candidates.
        all_candidates: bool,
        /// When the last candidate arrived, or the wait for it ended, in milliseconds; null without
        /// an answer.
        ready_ms: Option<u64>,
    }

    /// The URI of a STUN or TURN server (RFC 7064, RFC 7065).
    struct IceUrlV1 from IceUrl {
        /// The URI as the server sent it.
        text: ServerTextV1,
        /// Its parts; null if it is malformed.
        parts: Option<IceUrlPartsV1>,
        /// Whether a user name and a password came with it.
        with_credentials: bool,
    }

    /// The parts of the URI of a STUN or TURN server.
    struct IceUrlPartsV1 from IceUrlParts {
        /// The scheme.
        scheme: IceSchemeV1,
        /// A name, or an address without brackets.
        host: String,
        /// The port; the default of the scheme if the URI has none.
        port: u16,
        /// The transport.
        transport: TransportV1,
    }

    /// The scheme of a STUN or TURN URI.
    enum IceSchemeV1 from IceScheme {
        /// STUN.
        Stun,
        /// STUN over TLS.
        Stuns,
        /// TURN.
        Turn,
        /// TURN over TLS.
        Turns,
    }

    /// How the server answered the SDP offer.
    enum SdpAnswerV1 from SdpAnswer {
        /// With everything that ICE needs.
        Complete {
            /// Whether the server is an ICE-lite agent.
            ice_lite: bool,
        },
        /// With SDP that lacks something: what is wrong with it.
        Malformed(error: ServerTextV1),
        /// Not within the time-out.
        Missing,
        /// The time of the run was over before a whole time-out had passed.
        NotAwaited,
        /// The server ended the session first.
        Left {
            /// LiveKit's DisconnectReason.
            reason: i32,
        },
    }

    /// An ICE candidate of the server (RFC 8839 §5.1).
    struct CandidateFactsV1 from CandidateFacts {
        /// The candidate as the server sent it.
        text: ServerTextV1,
        /// Where it is; null if it is malformed, or has a name instead of an address.
        place: Option<CandidatePlaceV1>,
    }

    /// Where a candidate is.
    struct CandidatePlaceV1 from CandidatePlace {
        /// The transport.
        transport: TransportV1,
        /// The address and port.
        address: SocketAddressV1,
    }

    /// One candidate on one way.
    struct PathFactsV1 from PathFacts {
        /// The way.
        way: WayV1,
        /// The server's candidate.
        candidate: SocketAddressV1,
        /// Where ovcheck sent to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The index in `relays`, from 0; null without a relay.
        relay: Option<usize>,
        /// The result of the TCP connection attempt; null on other ways than `ice-tcp`.
        connect: Option<ConnectV1>,
        /// What an ICE check met.
        check: IceCheckV1,
        /// When the check was first sent, in milliseconds; null if it was not sent.
        sent_ms: Option<u64>,
        /// When the check was answered or given up, in milliseconds.
        ended_ms: u64,
        /// What an ICE check of 1,200 bytes met; null if it was not sent.
        padded: Option<IceCheckV1>,
        /// How far DTLS got; null if ovcheck did not try (`--deep`).
        dtls: Option<DtlsFactsV1>,
    }

    /// What an authenticated ICE check met (RFC 8445 §7).
    enum IceCheckV1 from IceCheck {
        /// An answer with a valid MESSAGE-INTEGRITY: only the server of this session can make it.
        Answered {
            /// This machine's address as the server sees it.
            mapped: Option<SocketAddressV1>,
        },
        /// It was not sent: the reason.
        NotSent(why: NotSentV1),
        /// Nothing within the time-out.
        Silent,
        /// An ICMP error.
        Icmp(error: IcmpErrorV1),
        /// The peer closed the connection.
        Closed,
        /// The peer reset the connection.
        Reset,
        /// Something that is not an answer to the check: what it was.
        Other(text: ServerTextV1),
    }

    /// What a TURN server granted.
    struct RelayFactsV1 from RelayFacts {
        /// The index in `ice_servers`, from 0.
        url: usize,
        /// The way.
        way: WayV1,
        /// The address and port of the server; null if its name has no address, or through an HTTP
        /// proxy.
        server: Option<SocketAddressV1>,
        /// Where ovcheck sent to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// Why ovcheck did not ask it, if this machine or its HTTP proxy prevented that; else null.
        blocked: Option<NotSentV1>,
        /// The result of the connection attempt; null over UDP.
        connect: Option<ConnectV1>,
        /// The TLS handshake; null without TLS, or if the connection was not accepted.
        handshake: Option<HandshakeV1>,
        /// The last answer to Allocate with the session's credentials; null if it was not sent.
        allocate: Option<StunAnswerV1>,
        /// XOR-RELAYED-ADDRESS: the address of the relay.
        relayed: Option<SocketAddressV1>,
        /// The answer to Allocate with a wrong password; null if it was not sent.
        wrong_password: Option<StunAnswerV1>,
        /// The answers to CreatePermission, one for each address.
        permissions: Vec<PermissionFactsV1>,
        /// What a Binding request through the relay to the TURN server itself met; null if it was
        /// not sent.
        control: Option<IceCheckV1>,
        /// When Allocate was granted or refused, in milliseconds.
        ended_ms: u64,
    }

    /// What CreatePermission met for one address (RFC 8656 §9).
    struct PermissionFactsV1 from PermissionFacts {
        /// The address.
        peer: AddressV1,
        /// Why ovcheck asked for it.
        why: PeerKindV1,
        /// The answer.
        answer: StunAnswerV1,
    }

    /// Why ovcheck asked for a permission.
    enum PeerKindV1 from PeerKind {
        /// A candidate of the server, which the relay must permit.
        Candidate,
        /// The relay's own loopback, which it must refuse.
        Loopback,
        /// A link-local address, which it must refuse.
        LinkLocal,
        /// A private network behind the relay, which it must refuse.
        Private,
        /// Another machine on the internet.
        Foreign,
    }

    /// Whether the server's own ICE checks reach this machine.
    struct PunchFactsV1 from PunchFacts {
        /// This machine's addresses that ovcheck offered as candidates.
        offered: Vec<SocketAddressV1>,
        /// Whether the server can reach one of them, as far as known.
        reachable: bool,
        /// Where the server's first check came from; null if none arrived.
        check_from: Option<SocketAddressV1>,
        /// What an ICE check to that address met, from the same socket; null if it was not sent.
        through: Option<IceCheckV1>,
        /// How long ovcheck waited for a check, in milliseconds.
        waited_ms: u64,
        /// When ICMP errors came back for ovcheck's own checks, in milliseconds.
        icmp_ms: Vec<u64>,
    }

    /// How far DTLS got on a path whose ICE check was answered.
    enum DtlsFactsV1 from DtlsFacts {
        /// DTLS packets pass in both directions.
        BothWays,
        /// DTLS packets from the server arrive, those to the server are lost.
        OnlyFromServer,
        /// No DTLS packet of the server arrived.
        NoHello,
        /// The server, which waits for the start of DTLS, does not answer it.
        NoAnswer,
        /// The second join or its ICE check failed.
        NotReached,
    }

    /// How the session ended.
    struct FarewellV1 from Farewell {
        /// Whether the server confirmed that the participant left.
        left: bool,
        /// What became of the room.
        room: RoomEndV1,
    }

    /// What became of the room of the probe.
    enum RoomEndV1 from RoomEnd {
        /// ovcheck deleted it.
        Deleted,
        /// The server deletes it some time after the last participant left. A token does not allow
        /// ovcheck to delete it.
        LeftToServer,
        /// The server refused to delete it, or did not answer: in words.
        NotDeleted(words: ServerTextV1),
    }
}

impl PublishedAs<String> for Box<ProxyRefusal> {
    fn published(&self) -> String {
        self.to_string().published()
    }
}

impl PublishedAs<String> for Blindness {
    fn published(&self) -> String {
        self.to_string().published()
    }
}

/// Why an ICE check was not sent.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotSentV1 {
    /// ovcheck does not send to loopback, link-local, private, multicast, broadcast, unspecified or
    /// metadata addresses that only the server named, in whatever form, nor to such hosts.
    ForbiddenAddress,
    /// The candidate did not accept the TCP connection.
    NoConnection,
    /// The relay was not available.
    NoRelay,
    /// The relay does not permit this address.
    NoPermission,
    /// The HTTP proxy of this network refused the connection: in words.
    OwnProxy(String),
    /// This machine could not send, or did not: in words.
    Local(String),
}

impl PublishedAs<NotSentV1> for NotSent {
    fn published(&self) -> NotSentV1 {
        match self {
            Self::ForbiddenAddress(why) if why.is_said_by_server() => NotSentV1::ForbiddenAddress,
            Self::ForbiddenAddress(why) => NotSentV1::Local(why.to_string()),
            Self::NoConnection => NotSentV1::NoConnection,
            Self::NoRelay => NotSentV1::NoRelay,
            Self::NoPermission => NotSentV1::NoPermission,
            Self::OwnProxy(refusal) => NotSentV1::OwnProxy(refusal.published()),
            Self::Local(why) => NotSentV1::Local(why.published()),
        }
    }
}
