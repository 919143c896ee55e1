//! What an HTTP request meets.

use schemars::JsonSchema;
use serde::Serialize;

use super::first_bytes::FirstBytes;
use super::text::ServerText;

/// What came back for an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
    pub fn server(&self) -> Option<&str> {
        match self {
            Self::Response(response) => response.server.as_ref().map(ServerText::as_str),
            Self::Closed
            | Self::Reset
            | Self::Silent
            | Self::Unfinished { .. }
            | Self::NotHttp(_) => None,
        }
    }
}

/// The parts of an HTTP response that the rules need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HttpResponse {
    pub status: u16,
    pub server: Option<ServerText>,
    pub location: Option<ServerText>,
    pub content_type: Option<ServerText>,
    /// `Date` minus our clock, in seconds; `None` without a readable `Date`.
    pub date_ahead_s: Option<i64>,
    /// The first 200 characters of the body.
    pub body: ServerText,
}
