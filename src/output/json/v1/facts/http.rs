//! What HTTP requests meet, LiveKit's API included.

use super::{ConnectV1, FirstBytesV1, HandshakeV1};
use crate::model::facts::{ApiFacts, HttpAnswer, HttpFacts, HttpResponse};
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
    }
}
