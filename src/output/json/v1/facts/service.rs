//! What services answer to their own questions, RTMP included.

use super::{
    ConnectV1, FirstBytesV1, HandshakeV1, HttpAnswerV1, HttpResponseV1, OtherBeginningsV1,
    SecondTryV1,
};
use crate::model::facts::{
    BucketReply, MongoLogin, RedisAnswer, RtmpAnswer, RtmpFacts, ServiceAnswer, ServiceFacts,
};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{BucketNameV1, ServerTextV1, SocketAddressV1};

published! {
    /// What an RTMP handshake met.
    struct RtmpFactsV1 from RtmpFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The TLS handshake; null without TLS, or if the connection was not accepted.
        handshake: Option<HandshakeV1>,
        /// The answer; null if C0 and C1 were not sent.
        answer: Option<RtmpAnswerV1>,
        /// The same handshake with another beginning; null unless nothing answered inside TLS.
        otherwise: Option<OtherBeginningsV1>,
        /// Two further attempts after C0 and C1 stayed without an answer; null without one.
        second_try: Option<SecondTryV1>,
    }

    /// What came back for C0 and C1 (RTMP specification §5.2).
    enum RtmpAnswerV1 from RtmpAnswer {
        /// S0, S1 and S2; S2 repeats C1.
        Completed,
        /// S0, S1 and S2; S2 does not repeat C1.
        WrongEcho,
        /// S0, and less than S1 and S2 within the time-out.
        Unfinished {
            /// How many bytes arrived.
            bytes: usize,
        },
        /// Something that is not RTMP.
        NotRtmp(first_bytes: FirstBytesV1),
        /// The peer closed the connection.
        Closed,
        /// The peer reset the connection.
        Reset,
        /// Nothing within the time-out.
        Silent,
    }

    /// What the question for one service met.
    struct ServiceFactsV1 from ServiceFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The answer; null if the connection was not accepted.
        answer: Option<ServiceAnswerV1>,
        /// The answers to a request without credentials for the list of a bucket; empty unless HTTP
        /// responds.
        buckets: Vec<BucketReplyV1>,
    }

    /// The answer to a request without credentials for the list of a bucket.
    struct BucketReplyV1 from BucketReply {
        /// The name of the bucket.
        name: BucketNameV1,
        /// The answer.
        answer: HttpAnswerV1,
    }

    /// What came back for the question.
    enum ServiceAnswerV1 from ServiceAnswer {
        /// Redis answered.
        Redis(answer: RedisAnswerV1),
        /// MongoDB answered `hello`.
        MongoDb {
            /// The name of the replica set; null if there is none.
            set_name: Option<ServerTextV1>,
            /// Whether this member is the primary; null if the answer does not say.
            is_primary: Option<bool>,
            /// Whether it lists its databases without a login.
            login: MongoLoginV1,
        },
        /// A complete HTTP response, of any status.
        Http(response: HttpResponseV1),
        /// The SETTINGS frame that starts an HTTP/2 connection (RFC 9113 §3.4).
        Http2,
        /// ICE over TCP: the peer closes the connection on a Binding request without USERNAME, and
        /// keeps it open on one with USERNAME.
        IceTcp,
        /// The peer closes the connection on a Binding request without USERNAME; the request with
        /// USERNAME was not decided in time.
        HangsUpOnNameless,
        /// Not a complete answer within the time-out or the size limit.
        Unfinished {
            /// How many bytes arrived.
            bytes: usize,
        },
        /// Another protocol than the one in question.
        Other(first_bytes: FirstBytesV1),
        /// The peer closed the connection without sending a byte.
        Closed,
        /// The peer reset the connection.
        Reset,
        /// Nothing within the time-out; the connection stayed open.
        Silent,
    }

    /// What MongoDB answers to `listDatabases` without a login.
    enum MongoLoginV1 from MongoLogin {
        /// A refusal: a login is needed.
        Demanded,
        /// A list: no login is needed.
        NotDemanded,
        /// Neither, or nothing in time.
        Unknown,
    }

    /// What Redis answers to `PING` without credentials.
    enum RedisAnswerV1 from RedisAnswer {
        /// `+PONG`: no password is needed.
        Pong,
        /// `+PONG`, and `INFO server` says `redis_mode:sentinel`: no password is needed, and no data
        /// of clients is kept there.
        Sentinel,
        /// `-NOAUTH`: a password is needed.
        NoAuth,
        /// `-DENIED`: no password is set, and Redis serves its own machine only.
        Denied,
        /// Another error, which does not tell whether a password is needed.
        Error(text: ServerTextV1),
        /// An error that only clients without need for a password get (`-LOADING` and others).
        Busy(text: ServerTextV1),
    }
}
