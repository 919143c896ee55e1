//! What HTTP requests meet, LiveKit's API included.

use super::{ConnectV1, FirstBytesV1, HandshakeV1, OtherBeginningsV1};
use crate::model::facts::{
    ApiFacts, AuthChallenge, BodyEnd, HeaderField, HttpAnswer, HttpFacts, HttpResponse, Page,
    PageKind, SpeakerMarks,
};
use crate::output::json::v1::open::open_words;
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{ServerTextV1, SocketAddressV1};

published! {
    /// What a request over plain HTTP met.
    struct HttpFactsV1 from HttpFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The requested path.
        path: String,
        /// The answer; null if the connection was not accepted.
        answer: Option<HttpAnswerV1>,
    }

    /// What a request to LiveKit's HTTP API met.
    struct ApiFactsV1 from ApiFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// The TLS handshake; null without TLS, or if the connection was not accepted.
        handshake: Option<HandshakeV1>,
        /// The answer; null if no request was sent.
        answer: Option<HttpAnswerV1>,
        /// The same request with another beginning; null unless nothing answered.
        otherwise: Option<OtherBeginningsV1>,
    }

    /// What came back for an HTTP request.
    enum HttpAnswerV1 from HttpAnswer {
        /// An HTTP response.
        Response(response: HttpResponseV1),
        /// The peer closed the connection without sending a byte.
        Closed,
        /// The peer reset the connection.
        Reset,
        /// Nothing within the time-out.
        Silent,
        /// Not a complete response within the time-out or the size limit.
        Unfinished {
            /// How many bytes arrived.
            bytes: usize,
        },
        /// Something that is not HTTP.
        NotHttp(first_bytes: FirstBytesV1),
    }

    /// An HTTP response.
    struct HttpResponseV1 from HttpResponse {
        /// The status code.
        #[schemars(range(max = 999))]
        status: u16,
        /// The header `Server`.
        server: Option<ServerTextV1>,
        /// The header `Location`.
        location: Option<ServerTextV1>,
        /// The header `Content-Type`.
        content_type: Option<ServerTextV1>,
        /// The header `X-Amz-Request-Id`, which servers of the S3 protocol send.
        amz_request_id: Option<ServerTextV1>,
        /// The server's clock (`Date`) minus this machine's, in seconds; null without a readable
        /// `Date`.
        date_ahead_s: Option<i64>,
        /// The beginning of the body.
        body: ServerTextV1,
        /// How much of the body was read.
        body_end: BodyEndV1,
        /// What a person reads of a body in HTML or XML; null for other bodies.
        page: Option<Box<PageV1>>,
        /// What tells who sent the response, and why.
        marks: Box<SpeakerMarksV1>,
    }

    /// How much of a body was read.
    #[schemars(transform = open_words)]
    enum BodyEndV1 from BodyEnd {
        /// All of it.
        Whole,
        /// As much as ovcheck looks at.
        Beginning,
        /// More was announced than arrived within the time-out.
        Unfinished,
        /// It is compressed in a way that ovcheck does not read.
        Packed,
    }

    /// What a person reads of a body in HTML or XML.
    struct PageV1 from Page {
        /// The kind of markup.
        kind: PageKindV1,
        /// The title of the page.
        title: Option<ServerTextV1>,
        /// The first words of the page, without its title.
        words: ServerTextV1,
    }

    /// A kind of markup.
    #[schemars(transform = open_words)]
    enum PageKindV1 from PageKind {
        /// HTML.
        Html,
        /// XML.
        Xml,
    }

    /// Header fields that tell who sent a response, and why.
    struct SpeakerMarksV1 from SpeakerMarks {
        /// The header `WWW-Authenticate`: a password or a token is required.
        challenge: Option<AuthChallengeV1>,
        /// The header `Retry-After`.
        retry_after: Option<ServerTextV1>,
        /// The header `Via`.
        via: Option<ServerTextV1>,
        /// The header `Content-Encoding`.
        encoding: Option<ServerTextV1>,
        /// Each header `Access-Control-Allow-Origin`. Browsers reject a response with two.
        allowed_origins: Vec<ServerTextV1>,
        /// Whether `Sec-WebSocket-Accept` matches the key of the request; null without it.
        is_accept_right: Option<bool>,
        /// Header fields that no standard describes; cookies by name alone.
        fields: Vec<HeaderFieldV1>,
    }

    /// What the header `WWW-Authenticate` asks for.
    struct AuthChallengeV1 from AuthChallenge {
        /// The scheme, such as `Basic`.
        scheme: ServerTextV1,
        /// The realm.
        realm: Option<ServerTextV1>,
    }

    /// A header field.
    struct HeaderFieldV1 from HeaderField {
        /// Its name in lower case.
        name: ServerTextV1,
        /// Its value.
        value: ServerTextV1,
    }
}
