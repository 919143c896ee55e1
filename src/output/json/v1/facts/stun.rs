//! What STUN and TURN requests meet.

use super::{ConnectV1, FirstBytesV1, HandshakeV1, HttpAnswerV1, IcmpErrorV1};
use crate::model::facts::{
    Behind, DatagramProtocol, HoldFacts, Idle, IdleEnd, OtherBeginnings, StunAnswer, TurnFacts,
};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{ServerTextV1, SocketAddressV1};

published! {
    /// What a STUN Binding request and a TURN Allocate request without credentials met.
    struct TurnFactsV1 from TurnFacts {
        /// The result of the connection attempt; null over UDP.
        connect: Option<ConnectV1>,
        /// Where ovcheck sent to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The TLS handshake; null without TLS, or if the connection was not accepted.
        handshake: Option<HandshakeV1>,
        /// The answer to Binding; null if it was not sent.
        binding: Option<StunAnswerV1>,
        /// The answer to Allocate; null if it was not sent.
        allocate: Option<StunAnswerV1>,
        /// The answer to an HTTP request at the same place; null unless STUN was not answered.
        instead: Option<HttpAnswerV1>,
        /// The same request with another beginning; null unless nothing answered over TCP or TLS.
        otherwise: Option<OtherBeginningsV1>,
        /// The protocol in which the port answers over UDP; null unless STUN was not answered and
        /// another protocol was.
        other_protocol: Option<DatagramProtocolV1>,
        /// When each copy of the first request was sent, in milliseconds after the start of the
        /// probe.
        sent_ms: Vec<u64>,
    }

    /// A protocol over UDP that is not STUN.
    enum DatagramProtocolV1 from DatagramProtocol {
        /// QUIC, the transport of HTTP/3.
        Quic {
            /// The versions that the server names, at most 8 of them.
            versions: Vec<u32>,
        },
        /// DTLS.
        Dtls {
            /// Whether the answer has the random record number of the question. If not, two questions
            /// from two source ports were answered.
            is_numbered: bool,
        },
    }

    /// What became of the same request with another beginning, each on its own connection.
    struct OtherBeginningsV1 from OtherBeginnings {
        /// Whether it is answered when a PROXY protocol header comes first.
        behind_proxy_header: bool,
        /// Whether TLS answers to a ClientHello in its place.
        by_tls: bool,
    }

    /// What came back for a STUN request (RFC 8489, RFC 8656).
    enum StunAnswerV1 from StunAnswer {
        /// A success response.
        Success {
            /// XOR-MAPPED-ADDRESS: the sender's address as the server sees it.
            mapped: Option<SocketAddressV1>,
        },
        /// An error response.
        Error {
            /// ERROR-CODE, 300 to 699; 0 if the attribute is missing.
            #[schemars(range(max = 699))]
            code: u16,
            /// The reason phrase.
            reason: ServerTextV1,
            /// REALM; null if the attribute is missing.
            realm: Option<ServerTextV1>,
            /// The length of NONCE in bytes; null if the attribute is missing.
            nonce_bytes: Option<usize>,
        },
        /// Nothing within the time-out, for any copy of the request.
        Silent,
        /// An ICMP error.
        Icmp(error: IcmpErrorV1),
        /// The peer closed the connection.
        Closed,
        /// The peer reset the connection.
        Reset,
        /// Something that is not STUN.
        NotStun(first_bytes: FirstBytesV1),
        /// A STUN message that does not answer the request: what is wrong with it.
        Malformed(error: ServerTextV1),
        /// Over UDP: datagrams that hold nothing of what was asked, to two questions from two source
        /// ports. A forger who sees neither question can send them.
        Unrelated(first_bytes: FirstBytesV1),
        /// A success response to a request with credentials that is not signed with the password of
        /// the request (RFC 8489, section 9.2.5).
        NotSigned {
            /// Whether it is signed at all, with something else.
            otherwise: bool,
        },
    }

    /// What answers after a TLS handshake for a name that no server should accept.
    struct BehindV1 from Behind {
        /// The answer to a STUN Binding request.
        binding: StunAnswerV1,
        /// The answer to an HTTP request on another connection; null if it was not sent.
        http: Option<HttpAnswerV1>,
    }

    /// What happened to a TURN connection without traffic.
    struct HoldFactsV1 from HoldFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The TLS handshake; null without TLS, or if the connection was not accepted.
        handshake: Option<HandshakeV1>,
        /// The answer to a first Binding request; null if it was not sent.
        binding: Option<StunAnswerV1>,
        /// The time without traffic; null if the first request was not answered.
        idle: Option<IdleV1>,
    }

    /// A time in which ovcheck sent nothing.
    struct IdleV1 from Idle {
        /// How long it lasted, in milliseconds.
        ms: u64,
        /// What ended it.
        end: IdleEndV1,
    }

    /// What ended a time without traffic.
    enum IdleEndV1 from IdleEnd {
        /// ovcheck sent a second Binding request, and the server answered it.
        Answers,
        /// ovcheck sent a second Binding request, and the server did not answer it.
        Forgotten,
        /// The peer closed the connection.
        Closed,
        /// The peer, or a device on the path, reset the connection.
        Reset,
        /// The peer sent bytes without being asked.
        Spoke,
    }
}
