//! What an HTTP request meets.

use super::first_bytes::FirstBytes;
use super::text::ServerText;

/// What came back for an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAnswer {
    Response(HttpResponse),
    /// The connection ended without a byte.
    Closed,
    /// RST after the connection was accepted.
    Reset,
    /// Nothing within the time-out; the connection stays open.
    Silent,
    /// Bytes came, and no whole head within time-out or size limit.
    Unfinished {
        bytes: usize,
    },
    NotHttp(FirstBytes),
}

impl HttpAnswer {
    /// The name that a web server gives itself.
    pub fn server(&self) -> Option<&ServerText> {
        match self {
            Self::Response(response) => response.server.as_ref(),
            Self::Closed
            | Self::Reset
            | Self::Silent
            | Self::Unfinished { .. }
            | Self::NotHttp(_) => None,
        }
    }

    /// See [`HttpResponse::essence`].
    pub fn essence(&self) -> Self {
        match self {
            Self::Response(response) => Self::Response(response.essence()),
            Self::Closed
            | Self::Reset
            | Self::Silent
            | Self::Unfinished { .. }
            | Self::NotHttp(_) => self.clone(),
        }
    }
}

/// The parts of an HTTP response that the rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    pub server: Option<ServerText>,
    pub location: Option<ServerText>,
    pub content_type: Option<ServerText>,
    /// By which servers of the S3 protocol name a request. Others pass it on as it is.
    pub amz_request_id: Option<ServerText>,
    /// `Date` minus our clock, in seconds; `None` without a readable `Date`.
    pub date_ahead_s: Option<i64>,
    /// The first 200 characters of the body.
    pub body: ServerText,
}

impl HttpResponse {
    /// Without what differs between two responses that mean the same: the date, the name of the
    /// request, and the text of an HTML page behind its first character.
    pub fn essence(&self) -> Self {
        let body = self.body.as_str().trim_start();
        let body = if body.starts_with('<') { ServerText::new("<") } else { self.body.clone() };
        Self { date_ahead_s: None, amz_request_id: None, body, ..self.clone() }
    }

    /// What LiveKit says here in words of its own; `None` where somebody else may be speaking. A
    /// status alone is no identity: whatever asks for a password answers 401.
    pub fn livekit_reply(&self) -> Option<LivekitReply> {
        use LivekitReply::{BadRoute, Healthy, NoPermissions, Unauthenticated};
        [NoPermissions, Unauthenticated, BadRoute, Healthy]
            .into_iter()
            .filter(|reply| reply.is_in_own_words())
            .find(|reply| reply.is_in(self))
    }
}

/// What LiveKit says to requests without a token (pkg/service/auth.go, and Twirp's errors).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LivekitReply {
    /// 401 `no permissions to access the room`, to `/rtc/validate`.
    NoPermissions,
    /// 401 with the error code `unauthenticated`, to a POST to the RoomService.
    Unauthenticated,
    /// 404 with the error code `bad_route`: another method than POST, or another path.
    BadRoute,
    /// 200 `OK`, to `/`.
    Healthy,
}

impl LivekitReply {
    /// Whether this response says it.
    pub fn is_in(self, response: &HttpResponse) -> bool {
        let body = response.body.as_str();
        match self {
            Self::NoPermissions => {
                response.status == 401 && body.contains("no permissions to access the room")
            }
            Self::Unauthenticated => response.status == 401 && body.contains("unauthenticated"),
            Self::BadRoute => response.status == 404 && body.contains("bad_route"),
            Self::Healthy => response.status == 200 && body.trim() == "OK",
        }
    }

    /// Whether nobody else says it.
    fn is_in_own_words(self) -> bool {
        match self {
            Self::NoPermissions | Self::Unauthenticated | Self::BadRoute => true,
            Self::Healthy => false,
        }
    }
}
