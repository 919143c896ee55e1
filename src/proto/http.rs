//! HTTP/1.1 requests, heads and the first bytes of bodies (RFC 9112).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::model::facts::{AuthChallenge, HeaderField, ServerText, SpeakerMarks, UpgradeFlaw};
use crate::model::timestamp::Timestamp;

/// What we call ourselves in every request (RFC 9110 §10.1.5), with where to read what that is. None of
/// them claims to be a browser's.
pub const USER_AGENT: &str = if env!("CARGO_PKG_REPOSITORY").is_empty() {
    concat!("ovcheck/", env!("CARGO_PKG_VERSION"))
} else {
    concat!("ovcheck/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")")
};

/// The longest head that is read, in bytes, interim responses included.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// The most header fields that are read.
const MOST_FIELDS: usize = 100;

/// The most header fields that are kept because products are known by them.
const MOST_MARKS: usize = 16;

/// Header fields that every server sends, or that are read for themselves.
const ORDINARY: &[&str] = &[
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "permissions-policy",
    "pragma",
    "referrer-policy",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
];

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub method: &'static str,
    /// Path and query.
    pub path: &'a str,
    pub host: &'a str,
    /// More fields: complete lines without their ends.
    pub fields: &'a [&'a str],
    /// Goes with its Content-Length, unless it is empty (RFC 9112 §6.2).
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A GET without more fields.
    pub fn get(path: &'a str, host: &'a str) -> Self {
        Self { method: "GET", path, host, fields: &[], body: b"" }
    }

    /// The request as it goes over the wire (RFC 9112 §3).
    pub fn to_bytes(self) -> Vec<u8> {
        let Self { method, path, host, .. } = self;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\n\
             Accept-Encoding: identity\r\n"
        );
        for field in self.fields {
            head.push_str(field);
            head.push_str("\r\n");
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), self.body].concat()
    }
}

/// A WebSocket upgrade at `path` of `host` (RFC 6455 §4.1). `nonce` is random.
pub fn websocket_upgrade(path: &str, host: &str, nonce: [u8; 16]) -> Vec<u8> {
    websocket_upgrade_with(path, host, &[], nonce)
}

/// The same with more fields.
pub fn websocket_upgrade_with(path: &str, host: &str, more: &[&str], nonce: [u8; 16]) -> Vec<u8> {
    let key = format!("Sec-WebSocket-Key: {}", websocket_key(nonce));
    let own = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", &key];
    let fields = [&own[..], more].concat();
    Request { fields: &fields, ..Request::get(path, host) }.to_bytes()
}

/// The value of `Sec-WebSocket-Key`: 16 random bytes in base64 (RFC 6455 §4.1, RFC 4648 §4).
fn websocket_key(random: [u8; 16]) -> String {
    STANDARD.encode(random)
}

/// The head of a response, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub server: Option<ServerText>,
    pub location: Option<ServerText>,
    pub content_type: Option<ServerText>,
    pub amz_request_id: Option<ServerText>,
    pub date: Option<Timestamp>,
    /// Without what depends on the request.
    pub marks: SpeakerMarks,
    pub upgrade: UpgradeFields,
    pub framing: Framing,
    /// How many bytes the head has.
    pub bytes: usize,
}

/// What a response says about an upgrade: each field as often as it is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpgradeFields {
    pub upgrade: Vec<ServerText>,
    pub connection: Vec<ServerText>,
    /// `Sec-WebSocket-Accept`.
    pub accept: Vec<ServerText>,
    /// `Sec-WebSocket-Protocol`.
    pub protocol: Vec<ServerText>,
    /// `Sec-WebSocket-Extensions`.
    pub extensions: Vec<ServerText>,
}

/// Where a body ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes; 0 where there is no body.
    Length(u64),
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What a head is, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadRead {
    Partial,
    Head(Box<Head>),
    /// More than 100 fields.
    TooLong,
    NotHttp,
}

/// Reads the head at the beginning of `bytes`.
pub fn read_head(bytes: &[u8]) -> HeadRead {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Partial) => HeadRead::Partial,
        Ok(httparse::Status::Complete(length)) => match response.code {
            Some(status) => HeadRead::Head(Box::new(head(status, response.headers, length))),
            None => HeadRead::NotHttp,
        },
        Err(httparse::Error::TooManyHeaders) => HeadRead::TooLong,
        Err(_) => HeadRead::NotHttp,
    }
}

/// Takes a head off a stream whose further bytes belong to somebody else.
#[derive(Debug, Default)]
pub struct HeadOfTunnel {
    /// Without interim responses (RFC 9110 §15.2).
    head: Vec<u8>,
    received: usize,
}

impl HeadOfTunnel {
    /// Reads the bytes that came next. Returns how many of them are to be taken off the stream: none behind
    /// the head. [`HeadRead::Partial`]: more has to come; everything else is the end.
    pub fn take(&mut self, next: &[u8]) -> (usize, HeadRead) {
        let before = self.head.len();
        self.head.extend_from_slice(next);
        let read = read_head(&self.head);
        let taken = match &read {
            HeadRead::Head(read) => read.bytes.saturating_sub(before),
            HeadRead::Partial | HeadRead::TooLong | HeadRead::NotHttp => next.len(),
        };
        self.received += taken;
        let is_too_long = self.received > HEAD_LIMIT;
        match read {
            HeadRead::Head(read) if (100..=199).contains(&read.status) => {
                self.head.clear();
                (taken, if is_too_long { HeadRead::TooLong } else { HeadRead::Partial })
            }
            HeadRead::Partial if is_too_long => (taken, HeadRead::TooLong),
            read => (taken, read),
        }
    }

    /// The beginning of what is no head yet.
    pub fn bytes(&self) -> &[u8] {
        &self.head
    }

    /// How many bytes were taken off the stream.
    pub fn received(&self) -> usize {
        self.received
    }
}

fn head(status: u16, fields: &[httparse::Header], bytes: usize) -> Head {
    let field = |name: &str| {
        fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    };
    let text = |name: &str| field(name).map(ServerText::from_bytes);
    let all_of = |name: &str| {
        let all = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        all.take(MOST_MARKS).map(|field| ServerText::from_bytes(field.value)).collect()
    };
    let chunked = field("Transfer-Encoding")
        .is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
    let length = field("Content-Length")
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| value.trim().parse().ok());
    let framing = match (status, chunked, length) {
        (100..=199 | 204 | 304, _, _) => Framing::Length(0),
        (_, true, _) => Framing::Chunked,
        (_, false, Some(length)) => Framing::Length(length),
        (_, false, None) => Framing::UntilClose,
    };
    Head {
        status,
        server: text("Server"),
        location: text("Location"),
        content_type: text("Content-Type"),
        amz_request_id: text("X-Amz-Request-Id"),
        date: field("Date").and_then(read_date),
        marks: SpeakerMarks {
            challenge: text("WWW-Authenticate").map(|value| read_challenge(&value)),
            retry_after: text("Retry-After"),
            via: text("Via"),
            encoding: text("Content-Encoding"),
            allowed_origins: all_of("Access-Control-Allow-Origin"),
            is_accept_right: None,
            fields: fields.iter().filter_map(mark).take(MOST_MARKS).collect(),
        },
        upgrade: UpgradeFields {
            upgrade: all_of("Upgrade"),
            connection: all_of("Connection"),
            accept: all_of("Sec-WebSocket-Accept"),
            protocol: all_of("Sec-WebSocket-Protocol"),
            extensions: all_of("Sec-WebSocket-Extensions"),
        },
        framing,
        bytes,
    }
}

/// A field by which a product may be known.
fn mark(field: &httparse::Header) -> Option<HeaderField> {
    let name = field.name.to_ascii_lowercase();
    if ORDINARY.contains(&name.as_str()) || name.starts_with("access-control-") {
        return None;
    }
    let value = match name.as_str() {
        // What stands behind its name may be somebody's session.
        "set-cookie" => field.value.split(|byte| *byte == b'=').next().unwrap_or_default(),
        _ => field.value,
    };
    Some(HeaderField { name: ServerText::new(&name), value: ServerText::from_bytes(value) })
}

/// Reads the first challenge of `WWW-Authenticate`.
fn read_challenge(value: &ServerText) -> AuthChallenge {
    let value = value.unquoted().trim();
    let (scheme, parameters) = value.split_once(' ').unwrap_or((value, ""));
    let lower = parameters.to_ascii_lowercase();
    let realm = lower.find("realm=").map(|at| {
        let behind = &parameters[at + "realm=".len()..];
        match behind.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            None => behind.split([',', ' ']).next().unwrap_or_default(),
        }
    });
    let scheme = scheme.trim_end_matches(',');
    AuthChallenge { scheme: ServerText::new(scheme), realm: realm.map(ServerText::new) }
}

/// Whether each `Sec-WebSocket-Accept` belongs to the key in `request` (RFC 6455 §4.2.2); `None` where
/// one of the two is missing.
pub fn is_accept_right(request: &[u8], head: &Head) -> Option<bool> {
    const FIELD: &str = "\r\nSec-WebSocket-Key: ";
    let request = String::from_utf8_lossy(request);
    let (_, behind) = request.split_once(FIELD)?;
    let (key, _) = behind.split_once("\r\n")?;
    let right = derive_accept_key(key.as_bytes());
    let accept = &head.upgrade.accept;
    (!accept.is_empty()).then(|| accept.iter().all(|one| one.unquoted().trim() == right))
}

/// Why a client that sent `request`, without a subprotocol or an extension, must not take the WebSocket
/// that `head` grants (RFC 6455 §4.1).
pub fn upgrade_flaw(request: &[u8], head: &Head) -> Option<UpgradeFlaw> {
    let UpgradeFields { upgrade, connection, accept, protocol, extensions } = &head.upgrade;
    let is_websocket =
        |value: &ServerText| value.unquoted().trim().eq_ignore_ascii_case("websocket");
    let lists_upgrade = |value: &ServerText| {
        value.unquoted().split(',').any(|word| word.trim().eq_ignore_ascii_case("upgrade"))
    };
    // An empty list names nothing.
    let named = |values: &[ServerText]| {
        values.iter().find(|value| !value.unquoted().trim().is_empty()).cloned()
    };
    match upgrade.as_slice() {
        [one] if is_websocket(one) => {}
        _ => return Some(UpgradeFlaw::NoUpgrade),
    }
    if !connection.iter().any(lists_upgrade) {
        return Some(UpgradeFlaw::NoConnection);
    }
    match (accept.len(), is_accept_right(request, head)) {
        (0, _) => return Some(UpgradeFlaw::NoAccept),
        (1, Some(true)) => {}
        (1, _) => return Some(UpgradeFlaw::WrongAccept),
        _ => return Some(UpgradeFlaw::SeveralAccepts),
    }
    named(protocol)
        .map(UpgradeFlaw::UnaskedProtocol)
        .or_else(|| named(extensions).map(UpgradeFlaw::UnaskedExtension))
}

/// Reads a `Date` in the two of the three forms of RFC 9110 §5.6.7 that give the century.
fn read_date(value: &[u8]) -> Option<Timestamp> {
    let fixed = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let asctime = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    let text = std::str::from_utf8(value).ok()?.trim();
    let time: OffsetDateTime = PrimitiveDateTime::parse(text, fixed)
        .or_else(|_| PrimitiveDateTime::parse(text, asctime))
        .ok()?
        .assume_utc();
    Some(Timestamp::from_unix_seconds(time.unix_timestamp()))
}

/// The beginning of a body, taken out of its framing, and whether that is all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub complete: bool,
}

/// Takes the body out of what came behind the head.
pub fn read_body(framing: Framing, bytes: &[u8]) -> Body {
    match framing {
        Framing::Length(length) => {
            let wanted = usize::try_from(length).unwrap_or(usize::MAX);
            Body {
                bytes: bytes[..bytes.len().min(wanted)].to_vec(),
                complete: bytes.len() >= wanted,
            }
        }
        Framing::Chunked => dechunk(bytes),
        Framing::UntilClose => Body { bytes: bytes.to_vec(), complete: false },
    }
}

/// Takes chunks together (RFC 9112 §7.1). Where they break off or are wrong, what came before
/// counts.
fn dechunk(bytes: &[u8]) -> Body {
    let mut body = Body { bytes: Vec::new(), complete: false };
    let mut rest = bytes;
    while let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(rest) {
        if length == 0 {
            body.complete = true;
            break;
        }
        let behind = &rest[start..];
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        body.bytes.extend_from_slice(&behind[..behind.len().min(wanted)]);
        // A chunk ends with CR LF.
        match behind.get(wanted.saturating_add(2)..) {
            Some(next) => rest = next,
            None => break,
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(text: &str) -> Head {
        let HeadRead::Head(head) = read_head(text.as_bytes()) else {
            panic!("{text} is a head");
        };
        *head
    }

    #[test]
    fn a_request_is_written_with_host_and_length() {
        let request = Request {
            method: "POST",
            path: "/twirp",
            host: "a.example",
            fields: &["Content-Type: application/json"],
            body: b"{}",
        };
        let expected = format!(
            "POST /twirp HTTP/1.1\r\nHost: a.example\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\n\
             Accept-Encoding: identity\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        assert_eq!(String::from_utf8(request.to_bytes()).unwrap(), expected);
    }

    #[test]
    fn a_websocket_key_is_base64() {
        // The example of RFC 6455 §1.3.
        assert_eq!(websocket_key(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(websocket_key([0xff; 16]), "/////////////////////w==");
    }

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let text = "HTTP/1.1 301 Moved Permanently\r\nServer: nginx\r\nlocation: https://a.example/x?y=1\r\n\
                    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 162\r\n\r\n<html>";
        assert_eq!(read_head(&text.as_bytes()[..60]), HeadRead::Partial);
        let expected = Head {
            status: 301,
            server: Some(ServerText::new("nginx")),
            location: Some(ServerText::new("https://a.example/x?y=1")),
            content_type: None,
            amz_request_id: None,
            date: Some(Timestamp::from_unix_seconds(784_111_777)),
            marks: SpeakerMarks::default(),
            upgrade: UpgradeFields::default(),
            framing: Framing::Length(162),
            bytes: text.len() - "<html>".len(),
        };
        assert_eq!(head_of(text), expected);
    }

    #[test]
    fn an_upgrade_is_granted_for_the_key_that_was_sent() {
        // RFC 6455 §1.3.
        let request = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let accept = |value: &str| {
            head_of(&format!("HTTP/1.1 101 S\r\nSec-WebSocket-Accept: {value}\r\n\r\n"))
        };
        let right = accept("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(is_accept_right(request, &right), Some(true));
        assert_eq!(is_accept_right(request, &accept("x")), Some(false));
        assert_eq!(is_accept_right(request, &head_of("HTTP/1.1 101 S\r\n\r\n")), None);
    }

    #[test]
    fn a_client_takes_a_websocket_only_with_the_head_of_rfc_6455() {
        let request = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let flaw = |fields: &str| {
            upgrade_flaw(request, &head_of(&format!("HTTP/1.1 101 S\r\n{fields}\r\n")))
        };
        let upgrade = "Upgrade: WebSocket\r\n";
        let connection = "Connection: keep-alive, upgrade\r\n";
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        let right = format!("{upgrade}{connection}{accept}");
        assert_eq!(flaw(&right), None);
        assert_eq!(flaw(&format!("{right}Sec-WebSocket-Extensions:\r\n")), None);
        assert_eq!(flaw(&format!("{connection}{accept}")), Some(UpgradeFlaw::NoUpgrade));
        assert_eq!(flaw(&format!("{upgrade}{right}")), Some(UpgradeFlaw::NoUpgrade));
        assert_eq!(
            flaw(&format!("Upgrade: h2c\r\n{connection}{accept}")),
            Some(UpgradeFlaw::NoUpgrade)
        );
        assert_eq!(flaw(&format!("{upgrade}{accept}")), Some(UpgradeFlaw::NoConnection));
        assert_eq!(flaw(&format!("{upgrade}{connection}")), Some(UpgradeFlaw::NoAccept));
        assert_eq!(
            flaw(&format!("{upgrade}{connection}Sec-WebSocket-Accept: x\r\n")),
            Some(UpgradeFlaw::WrongAccept)
        );
        assert_eq!(flaw(&format!("{right}{accept}")), Some(UpgradeFlaw::SeveralAccepts));
        let text = ServerText::new;
        assert_eq!(
            flaw(&format!("{right}Sec-WebSocket-Protocol: mqtt\r\n")),
            Some(UpgradeFlaw::UnaskedProtocol(text("mqtt")))
        );
        assert_eq!(
            flaw(&format!("{right}Sec-WebSocket-Extensions: x-packed\r\n")),
            Some(UpgradeFlaw::UnaskedExtension(text("x-packed")))
        );
    }

    #[test]
    fn what_is_not_http_is_no_head() {
        assert_eq!(read_head(b"SSH-2.0-OpenSSH"), HeadRead::NotHttp);
        assert_eq!(read_head(&[0x15, 3, 3, 0, 2, 2, 80]), HeadRead::NotHttp);
    }

    #[test]
    fn dates_are_read_in_the_forms_that_give_the_century() {
        let seconds = |text: &str| read_date(text.as_bytes()).map(Timestamp::unix_seconds);
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Sun Nov  6 08:49:37 1994"), Some(784_111_777));
        assert_eq!(seconds("Sunday, 06-Nov-94 08:49:37 GMT"), None);
        assert_eq!(seconds("now"), None);
    }

    #[test]
    fn a_body_ends_where_its_framing_says() {
        let body = |framing, bytes: &[u8]| {
            let body = read_body(framing, bytes);
            (String::from_utf8(body.bytes).unwrap(), body.complete)
        };
        let length = Framing::Length(5);
        assert_eq!(body(length, b"hello, more"), ("hello".into(), true));
        assert_eq!(body(length, b"hell"), ("hell".into(), false));
        assert_eq!(body(Framing::UntilClose, b"hell"), ("hell".into(), false));
        let chunks = b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        assert_eq!(body(Framing::Chunked, chunks), ("hello".into(), true));
        assert_eq!(body(Framing::Chunked, &chunks[..7]), ("hel".into(), false));
        assert_eq!(body(Framing::Chunked, b"ffffffffffffffff\r\nhel"), ("hel".into(), false));
        assert_eq!(body(Framing::Chunked, b"zz\r\nhel"), (String::new(), false));
    }

    #[test]
    fn a_status_without_a_body_has_none() {
        let text = "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n";
        assert_eq!(head_of(text).framing, Framing::Length(0));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
            read_head(&bytes);
            read_body(Framing::Chunked, &bytes);
        }
    }
}
