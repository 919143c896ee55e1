//! What an HTTP request meets.

use serde::{Deserialize, Serialize};

use super::first_bytes::FirstBytes;
use super::text::ServerText;

/// What came back for an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The response, where it is a whole one.
    pub fn response(&self) -> Option<&HttpResponse> {
        if let Self::Response(response) = self { Some(response) } else { None }
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    pub body_end: BodyEnd,
    /// What a person reads of a body that is marked up.
    pub page: Option<Box<Page>>,
    pub marks: Box<SpeakerMarks>,
}

impl HttpResponse {
    /// Without what differs between two responses that mean the same: the date, the state that a
    /// login gives to its own URL, header fields with numbers of requests, and the text of a page
    /// behind its title.
    pub fn essence(&self) -> Self {
        let page = self.page.as_ref().map(|page| Box::new(page.essence()));
        let body = if page.is_some() { ServerText::new("<") } else { self.body.clone() };
        let location = self.location.as_ref().map(|location| {
            let place = location.unquoted().split(['?', '#']).next().unwrap_or_default();
            ServerText::new(place)
        });
        let marks = SpeakerMarks { fields: Vec::new(), ..(*self.marks).clone() };
        let marks = Box::new(marks);
        Self {
            date_ahead_s: None,
            amz_request_id: None,
            body,
            location,
            page,
            marks,
            ..self.clone()
        }
    }

    /// What LiveKit says here in words of its own; `None` where somebody else may be speaking. A
    /// status alone is no identity: whatever asks for a password answers 401.
    pub fn livekit_reply(&self) -> Option<LivekitReply> {
        use LivekitReply::{BadRoute, Healthy, InvalidToken, NoPermissions, Unauthenticated};
        [NoPermissions, InvalidToken, Unauthenticated, BadRoute, Healthy]
            .into_iter()
            .filter(|reply| reply.is_in_own_words())
            .find(|reply| reply.is_in(self))
    }

    /// Everything in it that the server said, once.
    pub fn each_text(&mut self, on: &mut dyn FnMut(&mut ServerText)) {
        on(&mut self.body);
        if let Some(page) = &mut self.page {
            on(&mut page.words);
            page.title.iter_mut().for_each(&mut *on);
        }
        let marks = &mut *self.marks;
        if let Some(challenge) = &mut marks.challenge {
            on(&mut challenge.scheme);
            challenge.realm.iter_mut().for_each(&mut *on);
        }
        for field in &mut marks.fields {
            on(&mut field.name);
            on(&mut field.value);
        }
        marks.allowed_origins.iter_mut().for_each(&mut *on);
        let fields = [
            &mut self.server,
            &mut self.location,
            &mut self.content_type,
            &mut self.amz_request_id,
            &mut marks.retry_after,
            &mut marks.via,
            &mut marks.encoding,
        ];
        fields.into_iter().flatten().for_each(on);
    }

    /// Whether a gateway says that it got no answer itself (RFC 9110 §15.6).
    pub fn is_of_gateway(&self) -> bool {
        (502..=504).contains(&self.status)
    }

    /// Whether the whole body came, and there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.body_end == BodyEnd::Whole && self.body.unquoted().trim().is_empty()
    }

    /// Whether something can be said about the body from what came of it.
    pub fn is_body_known(&self) -> bool {
        match self.body_end {
            BodyEnd::Whole | BodyEnd::Beginning => true,
            BodyEnd::Unfinished | BodyEnd::Packed => false,
        }
    }
}

/// How much of a body was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BodyEnd {
    /// All of it.
    #[default]
    Whole,
    /// As much as is looked at.
    Beginning,
    /// More was announced than came within the time-out, or before the connection ended.
    Unfinished,
    /// It is packed in a way that is not unpacked here, or not as it says.
    Packed,
}

/// What a person reads of a body that is marked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub kind: PageKind,
    pub title: Option<ServerText>,
    /// The first words between the marks, without the title.
    pub words: ServerText,
}

/// How a body is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PageKind {
    Html,
    Xml,
}

impl Page {
    /// Without words that may differ from one request to the next.
    fn essence(&self) -> Self {
        let words = match self.title {
            Some(_) => ServerText::new(""),
            None => self.words.clone(),
        };
        Self { words, ..self.clone() }
    }
}

/// What in a response tells who speaks, and what they want.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpeakerMarks {
    /// `WWW-Authenticate`: somebody wants a password or a token.
    pub challenge: Option<AuthChallenge>,
    pub retry_after: Option<ServerText>,
    pub via: Option<ServerText>,
    /// `Content-Encoding`.
    pub encoding: Option<ServerText>,
    /// Each `Access-Control-Allow-Origin`: browsers take an answer with one.
    pub allowed_origins: Vec<ServerText>,
    /// Whether `Sec-WebSocket-Accept` belongs to the key that was sent.
    pub is_accept_right: Option<bool>,
    /// Header fields that no standard describes, by which products are known. Cookies are there by
    /// name alone.
    pub fields: Vec<HeaderField>,
}

/// What `WWW-Authenticate` asks for (RFC 9110 §11.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthChallenge {
    /// `Basic`, `Bearer`.
    pub scheme: ServerText,
    pub realm: Option<ServerText>,
}

/// A header field of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderField {
    /// In lower case.
    pub name: ServerText,
    pub value: ServerText,
}

impl HttpResponse {
    /// Whether Go's HTTP server, which is LiveKit's, answers as it does to what it cannot parse as a
    /// request (net/http, `badRequest`). Requests of this program can be parsed: something else came
    /// before one of them.
    pub fn is_to_unreadable_request(&self) -> bool {
        let body = self.body.unquoted().trim_matches([' ', '·']);
        let kind = self.content_type.as_ref().map_or("", |kind| kind.unquoted());
        self.status == 400
            && self.server.is_none()
            && kind.starts_with("text/plain")
            && body == "400 Bad Request"
    }
}

/// What LiveKit says to requests without a token (pkg/service/auth.go, and Twirp's errors).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LivekitReply {
    /// 401 `no permissions to access the room`, to `/rtc/validate`.
    NoPermissions,
    /// 401 `invalid authorization token`, on every path, to a token that is none.
    InvalidToken,
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
        let body = response.body.unquoted();
        match self {
            Self::NoPermissions => {
                response.status == 401 && body.contains("no permissions to access the room")
            }
            Self::InvalidToken => {
                response.status == 401 && body.contains("invalid authorization token")
            }
            Self::Unauthenticated => response.status == 401 && body.contains("unauthenticated"),
            Self::BadRoute => response.status == 404 && body.contains("bad_route"),
            Self::Healthy => response.status == 200 && body.trim() == "OK",
        }
    }

    /// Whether nobody else says it.
    fn is_in_own_words(self) -> bool {
        match self {
            Self::NoPermissions | Self::InvalidToken | Self::Unauthenticated | Self::BadRoute => {
                true
            }
            Self::Healthy => false,
        }
    }
}
