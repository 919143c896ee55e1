//! The HTTP API of OpenVidu, as LiveKit answers somebody without credentials.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

use super::connections::close_gently;
use super::http::{Incoming, Reader, Request, Response, date};
use crate::model::timestamp::Timestamp;
use crate::net::clock::Clock;

/// The API and what is wrong with it.
#[derive(Clone, Copy)]
pub struct Api {
    pub clock: Clock,
    /// How far the machine's clock is ahead.
    pub ahead: Duration,
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

impl Api {
    /// Answers the requests of one connection.
    ///
    /// # Errors
    /// The connection's.
    pub async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = Reader::default();
        loop {
            match reader.next(&mut stream).await? {
                Incoming::Request(request) => {
                    let now = self.clock.now().plus(self.ahead);
                    self.answer(&request, now).send(&mut stream).await?;
                    if request.header_lists("Connection", "close") {
                        return close_gently(stream).await;
                    }
                }
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

    fn answer(&self, request: &Request, now: Timestamp) -> Response {
        const UNAUTHORIZED: &str = "401 Unauthorized";
        const NO_PERMISSION: &str = "no permissions to access the room";
        let upgrade = self.upgrades == Upgrades::Arrive
            && request.header_lists("Upgrade", "websocket")
            && request.header_lists("Connection", "upgrade");
        let (status, kind, body) = match (request.method.as_str(), request.path()) {
            ("GET", "/") => ("200 OK", TEXT, "OK".to_owned()),
            ("GET", "/rtc/validate") => (UNAUTHORIZED, TEXT, NO_PERMISSION.to_owned()),
            ("GET", "/rtc") if upgrade => (UNAUTHORIZED, TEXT, NO_PERMISSION.to_owned()),
            ("GET", "/rtc") => ("404 Not Found", TEXT, String::new()),
            ("POST", "/twirp/livekit.RoomService/ListRooms") => match content_type(request) {
                JSON | "application/protobuf" => (
                    UNAUTHORIZED,
                    JSON,
                    r#"{"code":"unauthenticated","msg":"permissions denied"}"#.to_owned(),
                ),
                other => bad_route(request, &format!("unexpected Content-Type: {other:?}")),
            },
            (method, "/twirp/livekit.RoomService/ListRooms") => {
                let message = format!("unsupported method {method:?} (only POST is allowed)");
                bad_route(request, &message)
            }
            _ => ("404 Not Found", TEXT, "404 page not found\n".to_owned()),
        };
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
}

/// The type of the body, without its parameters.
fn content_type(request: &Request) -> &str {
    let value = request.header("Content-Type").unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// Twirp's answer to a request that names no method of its own.
fn bad_route(request: &Request, message: &str) -> (&'static str, &'static str, String) {
    let route = format!("{} {}", request.method, request.path());
    let body = serde_json::json!({
        "code": "bad_route",
        "msg": message,
        "meta": {"twirp_invalid_route": route},
    });
    ("404 Not Found", JSON, body.to_string())
}
