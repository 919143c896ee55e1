//! What the messages of browsers met.

use super::{ConnectV1, FirstBytesV1, HandshakeV1};
use crate::model::facts::{BrowserFacts, HelloFacts, HelloShape, Http2Answer, Http2Facts};
use crate::output::json::v1::open::open_words;
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{ServerTextV1, SocketAddressV1};

published! {
    /// What the messages of browsers met.
    struct BrowserFactsV1 from BrowserFacts {
        /// The result of the connection attempt.
        connect: ConnectV1,
        /// Where ovcheck connected to, if `--connect-to` replaced the address or port; else null.
        dialled: Option<SocketAddressV1>,
        /// What the ClientHello of each browser met; empty if the connection was not accepted.
        hellos: Vec<HelloFactsV1>,
        /// What the same and other messages met, sent only after one of a browser was not answered.
        twins: Vec<HelloFactsV1>,
        /// What HTTP/2 met; null if the server did not choose it in ALPN.
        http2: Option<Http2FactsV1>,
    }

    /// What one ClientHello met.
    struct HelloFactsV1 from HelloFacts {
        /// What the message looks like.
        shape: HelloShapeV1,
        /// The answer. `completed`: the server answered with a ServerHello. ovcheck goes no further,
        /// because the key shares of this message are random.
        answer: HandshakeV1,
    }

    /// What a ClientHello looks like.
    #[schemars(transform = open_words)]
    enum HelloShapeV1 from HelloShape {
        /// Like Chromium's: about 1,900 bytes, in two segments.
        Chromium,
        /// Like Firefox's: about as long.
        Firefox,
        /// Like Chromium's, in segments of 480 bytes.
        ChromiumInPieces,
        /// Like Chromium's without GREASE (RFC 8701).
        WithoutGrease,
        /// Like Chromium's without Encrypted ClientHello.
        WithoutEncryptedHello,
        /// Like Chromium's without the post-quantum key share.
        WithoutPostQuantum,
        /// Like Chromium's without ALPS, trust anchors and compressed certificates.
        WithoutNewExtensions,
        /// Like Chromium's without ALPN.
        WithoutAlpn,
        /// Like that of an older client: about 200 bytes, in one segment.
        Short,
        /// The short one in two segments.
        ShortInTwo,
        /// The short one, padded to the length of a browser's.
        ShortPadded,
    }

    /// What HTTP/2 met, after the server had chosen it in ALPN.
    struct Http2FactsV1 from Http2Facts {
        /// What a request without credentials to `/rtc/validate` met.
        request: Http2AnswerV1,
        /// What a WebSocket over HTTP/2 (RFC 8441) met at `/rtc`; null if the server does not offer
        /// them.
        websocket: Option<Http2AnswerV1>,
    }

    /// What a request over HTTP/2 met.
    enum Http2AnswerV1 from Http2Answer {
        /// A response.
        Response {
            /// The status code.
            status: u16,
            /// The beginning of the body.
            body: ServerTextV1,
        },
        /// The server ended the stream without a response.
        StreamReset {
            /// The error code (RFC 9113 §7).
            code: u32,
        },
        /// The server ended the connection with GOAWAY.
        GoAway {
            /// The error code (RFC 9113 §7).
            code: u32,
        },
        /// Something that is not HTTP/2.
        NotHttp2(first_bytes: FirstBytesV1),
        /// The peer closed the connection without a response.
        Closed,
        /// The peer reset the connection.
        Reset,
        /// No response within the time-out.
        Silent,
    }
}
