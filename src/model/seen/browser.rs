//! What rules about browsers and the paths of clients saw.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::facts::{Handshake, HelloShape, Http2Answer, HttpAnswer, ServerText, TlsVersion};
use crate::model::probe::PathRequest;

/// What a rule about browsers saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BrowserSeen {
    /// The messages of all browsers are answered; HTTP/2 is spoken if it is chosen.
    HelloAnswered { version: TlsVersion, http2: bool },
    /// Messages of these browsers are not answered, a short one is.
    HelloRefused { browsers: Vec<HelloShape>, met: Handshake, cause: HelloCause },
    /// A browser's message was not answered once, and then it was.
    RefusedOnce { browser: HelloShape, met: Handshake },
    /// Nothing is answered any more, short messages neither.
    NothingAnswered { browser: HelloShape, met: Handshake },
    /// A browser's message is answered in small segments alone.
    LargeSegmentsLost,
    /// The server chose HTTP/2, and this came back.
    Http2NotSpoken(Http2Answer),
    /// All requests reach what they are for.
    PathsPass(Vec<PathRequest>),
    /// These do not.
    PathsStopped(Vec<StoppedPath>),
    /// LiveKit answers a request with a token as one without.
    QueryLost,
    /// The path of newer clients reaches LiveKit.
    NewestPathPasses,
    /// It is answered 404 by somebody else than LiveKit.
    NewestPathStopped(HttpAnswer),
    /// Pages of other origins may read LiveKit's answers.
    OriginAllowed,
    /// They may not: `Access-Control-Allow-Origin` stands there more than once.
    SeveralOrigins(Vec<ServerText>),
    /// Those of one other origin alone may.
    OtherOrigin(Vec<ServerText>),
    /// No page may: the header is missing.
    NoOrigin,
    /// A request with `Origin` does not reach LiveKit.
    OriginRefused(HttpAnswer),
}

/// What a message is refused for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HelloCause {
    /// A message in more than one segment.
    SecondSegment,
    /// A long message.
    Size,
    /// Something in it: without it, Chromium's message is answered.
    Part(HelloShape),
    Unknown,
}

/// A request that does not reach what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoppedPath {
    OverHttp1 {
        request: PathRequest,
        answer: HttpAnswer,
    },
    /// `GET /rtc/validate`, or a WebSocket at `/rtc`.
    OverHttp2 {
        is_websocket: bool,
        answer: Http2Answer,
    },
}

impl From<BrowserSeen> for Seen {
    fn from(seen: BrowserSeen) -> Self {
        Self::Browser(seen)
    }
}
