//! The HTTP API of OpenVidu, as LiveKit answers, with an access token and without.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connections::close_gently;
use super::http::{Incoming, Reader, Request, Response, date};
use super::livekit::{From, Grants, Joined, LiveKit, Method, serve_participant};
use crate::model::timestamp::Timestamp;

/// The API and what is wrong with it.
#[derive(Clone)]
pub struct Api {
    pub livekit: Arc<LiveKit>,
    pub upgrades: Upgrades,
}

/// What becomes of the headers of a WebSocket upgrade on their way here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrades {
    Arrive,
    /// A proxy that speaks HTTP left them out: they are for one hop (RFC 9110 §7.6.1).
    AreLost,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OK: &str = "200 OK";
const UNAUTHORIZED: &str = "401 Unauthorized";
const NOT_FOUND: &str = "404 Not Found";

/// Status, type and body of a response.
type Parts = (&'static str, &'static str, String);

/// What becomes of a request.
enum Answer {
    Parts(Parts),
    /// 101: the connection is a participant's from now on.
    LetIn(Joined, String),
}

impl Api {
    /// Answers the requests of one connection.
    ///
    /// # Errors
    /// The connection's.
    pub async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = Reader::default();
        loop {
            match reader.next(&mut stream).await? {
                Incoming::Request(request) => match self.answer(&request) {
                    Answer::Parts(parts) => {
                        let response = response(parts, self.livekit.now());
                        response.send(&mut stream).await?;
                        if request.header_lists("Connection", "close") {
                            return close_gently(stream).await;
                        }
                    }
                    Answer::LetIn(joined, accept) => {
                        upgrade(&mut stream, &accept).await?;
                        let read = reader.into_rest();
                        let from = from(&request);
                        serve_participant(self.livekit, stream, read, joined, from).await;
                        return Ok(());
                    }
                },
                // Go's words, without a date.
                Incoming::Bad => {
                    let response = Response {
                        status: "400 Bad Request",
                        headers: vec![
                            ("Content-Type", TEXT.to_owned()),
                            ("Connection", "close".to_owned()),
                        ],
                        body: "400 Bad Request".to_owned(),
                    };
                    response.send(&mut stream).await?;
                    return close_gently(stream).await;
                }
                Incoming::End => return Ok(()),
            }
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        const NO_PERMISSION: &str = "no permissions to access the room";
        // A token is looked at first, whatever is asked for.
        let grants = match token(request).map(|token| self.grants(token)) {
            None => None,
            Some(Ok(grants)) => Some(grants),
            Some(Err(why)) => return Answer::Parts((UNAUTHORIZED, TEXT, why)),
        };
        let path = request.path();
        if let Some(method) = Method::of(path) {
            return Answer::Parts(self.twirp(method, request, grants.as_ref()));
        }
        Answer::Parts(match (request.method.as_str(), path, grants) {
            ("GET", "/", _) => (OK, TEXT, "OK".to_owned()),
            ("GET", "/rtc", None) if self.is_upgrade(request) => {
                (UNAUTHORIZED, TEXT, NO_PERMISSION.to_owned())
            }
            ("GET", "/rtc", Some(grants)) if self.is_upgrade(request) => {
                return self.join(request, &grants);
            }
            ("GET", "/rtc", _) => (NOT_FOUND, TEXT, String::new()),
            ("GET", "/rtc/validate", None) => (UNAUTHORIZED, TEXT, NO_PERMISSION.to_owned()),
            ("GET", "/rtc/validate", Some(grants)) => match self.livekit.objection(&grants) {
                None => (OK, TEXT, "success".to_owned()),
                Some((status, body)) => (status, TEXT, body.to_owned()),
            },
            _ => (NOT_FOUND, TEXT, "404 page not found\n".to_owned()),
        })
    }

    fn grants(&self, token: &str) -> Result<Grants, String> {
        let livekit = &self.livekit;
        livekit.api_key.grants(token, livekit.now())
    }

    fn is_upgrade(&self, request: &Request) -> bool {
        self.upgrades == Upgrades::Arrive
            && request.header_lists("Upgrade", "websocket")
            && request.header_lists("Connection", "upgrade")
    }

    fn join(&self, request: &Request, grants: &Grants) -> Answer {
        let Some(key) = request.header("Sec-WebSocket-Key") else {
            return Answer::Parts(("400 Bad Request", TEXT, "Bad Request\n".to_owned()));
        };
        match self.livekit.join(grants) {
            Ok(joined) => Answer::LetIn(joined, derive_accept_key(key.as_bytes())),
            Err((status, body)) => Answer::Parts((status, TEXT, body.to_owned())),
        }
    }

    fn twirp(&self, method: Method, request: &Request, grants: Option<&Grants>) -> Parts {
        if request.method != "POST" {
            let word = &request.method;
            let message = format!("unsupported method {word:?} (only POST is allowed)");
            return bad_route(request, &message);
        }
        match content_type(request) {
            JSON => {
                let (status, body) = self.livekit.answer_twirp(method, &request.body, grants);
                (status, JSON, body)
            }
            // No client here sends protobuf after it has a token.
            "application/protobuf" => {
                let (status, body) = self.livekit.answer_twirp(method, b"{}", None);
                (status, JSON, body)
            }
            other => bad_route(request, &format!("unexpected Content-Type: {other:?}")),
        }
    }
}

/// A browser that was sent to a door of this machine asks for the door's address.
fn from(request: &Request) -> From {
    let host = request.header("Host").and_then(|host| host.parse::<SocketAddr>().ok());
    match host {
        Some(door) if door.ip().is_loopback() => From::ThisMachine,
        Some(_) | None => From::Anywhere,
    }
}

/// The access token of a request, in its header or else in its query.
fn token(request: &Request) -> Option<&str> {
    let bearer = request.header("Authorization");
    let token = match bearer {
        Some(value) => value.strip_prefix("Bearer ").unwrap_or_default(),
        None => request.parameter("access_token")?,
    };
    Some(token).filter(|token| !token.is_empty())
}

fn response((status, kind, body): Parts, now: Timestamp) -> Response {
    Response {
        status,
        headers: vec![
            ("Access-Control-Allow-Origin", "*".to_owned()),
            ("Content-Type", kind.to_owned()),
            ("Date", date(now)),
        ],
        body,
    }
}

/// The head after which the connection is a WebSocket (RFC 6455 §4.2.2).
async fn upgrade(stream: &mut TcpStream, accept: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await
}

/// The type of the body, without its parameters.
fn content_type(request: &Request) -> &str {
    let value = request.header("Content-Type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// Twirp's answer to a request that names no method of its own.
fn bad_route(request: &Request, message: &str) -> Parts {
    let route = format!("{} {}", request.method, request.path());
    let body = serde_json::json!({
        "code": "bad_route",
        "msg": message,
        "meta": {"twirp_invalid_route": route},
    });
    (NOT_FOUND, JSON, body.to_string())
}
