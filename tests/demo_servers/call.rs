//! A plain participant: it joins, and sends ICE checks down each path by hand.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use ovcheck::demo::Demo;
use prost::{Message as _, Oneof};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::*;

// --- the messages of livekit_rtc.proto, as far as they are needed --------------------------------

#[derive(Clone, PartialEq, prost::Message)]
struct Signal {
    #[prost(oneof = "Sent", tags = "1, 3, 8")]
    message: Option<Sent>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Sent {
    #[prost(message, tag = "1")]
    Offer(Description),
    #[prost(message, tag = "3")]
    Trickle(Trickle),
    #[prost(message, tag = "8")]
    Leave(Leave),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Signalled {
    #[prost(oneof = "Received", tags = "1, 2, 3, 4, 8, 16")]
    message: Option<Received>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Received {
    #[prost(message, tag = "1")]
    Join(Join),
    #[prost(message, tag = "2")]
    Answer(Description),
    #[prost(message, tag = "3")]
    Offer(Description),
    #[prost(message, tag = "4")]
    Trickle(Trickle),
    #[prost(message, tag = "8")]
    Leave(Leave),
    #[prost(string, tag = "16")]
    RefreshToken(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Description {
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(string, tag = "2")]
    pub sdp: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Trickle {
    #[prost(string, tag = "1")]
    pub candidate_init: String,
    #[prost(int32, tag = "2")]
    pub target: i32,
    #[prost(bool, tag = "3")]
    pub last: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Leave {
    #[prost(int32, tag = "2")]
    pub reason: i32,
    #[prost(int32, tag = "3")]
    pub action: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Join {
    #[prost(message, optional, tag = "1")]
    pub room: Option<Named>,
    #[prost(string, tag = "4")]
    pub server_version: String,
    #[prost(message, repeated, tag = "5")]
    pub ice_servers: Vec<IceServer>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Named {
    #[prost(string, tag = "2")]
    pub name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct IceServer {
    #[prost(string, repeated, tag = "1")]
    pub urls: Vec<String>,
    #[prost(string, tag = "2")]
    pub username: String,
    #[prost(string, tag = "3")]
    pub credential: String,
}

// --- tokens --------------------------------------------------------------------------------------

/// What a token says: begun with what lets its bearer join `room`.
pub struct Claims {
    pub key: String,
    pub secret: String,
    /// Seconds from now.
    pub not_before: i64,
    pub expires: i64,
    pub grants: Value,
}

impl Claims {
    pub fn of(demo: &Demo, grants: Value) -> Self {
        Self {
            key: demo.api_key().to_owned(),
            secret: demo.api_secret().expose().to_owned(),
            not_before: 0,
            expires: 600,
            grants,
        }
    }

    pub fn to_join(demo: &Demo, room: &str) -> Self {
        let grants = json!({
            "roomJoin": true,
            "room": room,
            "hidden": true,
            "canPublish": false,
            "canPublishData": false,
            "canSubscribe": false,
        });
        Self::of(demo, grants)
    }

    pub fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        let claims = json!({
            "iss": self.key,
            "sub": format!("visitor-{}", rand::random::<u32>()),
            "nbf": now + self.not_before,
            "exp": now + self.expires,
            "video": self.grants,
        });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let head = encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", encode(claims.to_string().as_bytes()));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", encode(&mac.finalize().into_bytes()))
    }
}

// --- signalling ----------------------------------------------------------------------------------

pub const UFRAG: &str = "abcd";
pub const PWD: &str = "abcdefghijklmnopqrstuvwx";

/// A session, once the last candidate has come.
pub struct Call {
    pub socket: WebSocketStream<TlsStream<TcpStream>>,
    pub join: Join,
    pub refresh_token: String,
    pub answer: String,
    pub ufrag: String,
    pub pwd: String,
    pub udp: Option<SocketAddr>,
    pub tcp: Option<SocketAddr>,
}

/// Upgrades with this token; otherwise the status and body of the refusal.
pub async fn upgrade(
    demo: &Demo,
    token: &str,
) -> Result<WebSocketStream<TlsStream<TcpStream>>, String> {
    let url = format!(
        "wss://{DOMAIN}/rtc?access_token={token}&protocol=16&auto_subscribe=0&sdk=go&version=0.1"
    );
    let stream = tls(demo, 443, DOMAIN).await.unwrap();
    let request = url.into_client_request().unwrap();
    match timeout(LONG, client_async(request, stream)).await.unwrap() {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            let body = String::from_utf8(body).unwrap();
            Err(format!("{} {body}", response.status().as_u16()))
        }
        Err(other) => panic!("{other}"),
    }
}

/// Joins a room of its own and waits for the last candidate.
pub async fn call(demo: &Demo) -> Call {
    let room = format!("room-{}", rand::random::<u32>());
    let token = Claims::to_join(demo, &room).token();
    let socket = upgrade(demo, &token).await.unwrap();
    let mut call = Call {
        socket,
        join: Join::default(),
        refresh_token: String::new(),
        answer: String::new(),
        ufrag: String::new(),
        pwd: String::new(),
        udp: None,
        tcp: None,
    };
    let Received::Join(join) = call.receive().await.unwrap() else {
        panic!("the first message is no join response");
    };
    assert_eq!(join.room.as_ref().unwrap().name, room);
    call.join = join;
    call.send(Sent::Offer(Description { kind: "offer".to_owned(), sdp: offer() })).await;
    call.collect().await;
    call
}

fn offer() -> String {
    let fingerprint = vec!["AA"; 32].join(":");
    [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        &format!("a=ice-ufrag:{UFRAG}"),
        &format!("a=ice-pwd:{PWD}"),
        &format!("a=fingerprint:sha-256 {fingerprint}"),
        "a=setup:actpass",
        "a=mid:0",
        "a=sctp-port:5000",
        "",
    ]
    .join("\r\n")
}

impl Call {
    async fn collect(&mut self) {
        loop {
            match self.receive().await.unwrap() {
                Received::Answer(answer) => {
                    assert_eq!(answer.kind, "answer");
                    self.answer = answer.sdp;
                    self.ufrag = self.line("a=ice-ufrag:");
                    self.pwd = self.line("a=ice-pwd:");
                }
                Received::Trickle(trickle) if trickle.target == 0 => {
                    self.take(&trickle.candidate_init);
                    if trickle.last {
                        return;
                    }
                }
                Received::RefreshToken(token) => self.refresh_token = token,
                Received::Trickle(_) | Received::Offer(_) => {}
                other @ (Received::Join(_) | Received::Leave(_)) => panic!("{other:?}"),
            }
        }
    }

    fn line(&self, name: &str) -> String {
        let mut lines = self.answer.lines();
        lines.find_map(|line| line.strip_prefix(name)).unwrap().to_owned()
    }

    fn take(&mut self, init: &str) {
        let init: Value = serde_json::from_str(init).unwrap();
        assert_eq!(init["sdpMid"], "0");
        assert_eq!(init["sdpMLineIndex"], 0);
        let words: Vec<&str> = init["candidate"].as_str().unwrap().split(' ').collect();
        let place = SocketAddr::new(words[4].parse().unwrap(), words[5].parse().unwrap());
        match words[2] {
            "udp" => self.udp = Some(place),
            "tcp" => {
                assert_eq!(words[8..10], ["tcptype", "passive"]);
                self.tcp = Some(place);
            }
            other => panic!("{other}"),
        }
    }

    /// The next message; `None` at the end.
    pub async fn receive(&mut self) -> Option<Received> {
        loop {
            match timeout(LONG, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Binary(bytes))) => {
                    let message = Signalled::decode(bytes).unwrap().message;
                    return Some(message.unwrap());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn send(&mut self, message: Sent) {
        let message = Signal { message: Some(message) };
        let bytes = message.encode_to_vec().into();
        self.socket.send(Message::Binary(bytes)).await.unwrap();
    }

    /// Offers an address of our own.
    pub async fn offer_candidate(&mut self, place: SocketAddr) {
        let (ip, port) = (place.ip(), place.port());
        let candidate = format!("candidate:1 1 udp 2130706431 {ip} {port} typ host ufrag {UFRAG}");
        let init = json!({"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0});
        self.send(Sent::Trickle(Trickle {
            candidate_init: init.to_string(),
            target: 0,
            last: false,
        }))
        .await;
    }

    /// Leaves, and waits until the server says so too and closes.
    pub async fn leave(&mut self) {
        let leave = Leave { reason: 1, action: 0 };
        self.send(Sent::Leave(leave)).await;
        assert_eq!(self.last_words().await, Some(1));
    }

    /// The reason of the Leave with which the session ends; `None`: it ends without a word.
    pub async fn last_words(&mut self) -> Option<i32> {
        let mut reason = None;
        while let Some(message) = self.receive().await {
            if let Received::Leave(leave) = message {
                reason = Some(leave.reason);
            }
        }
        reason
    }

    /// User name and password for the TURN servers.
    pub fn credentials(&self) -> (&str, &str) {
        let server = &self.join.ice_servers[0];
        (&server.username, &server.credential)
    }
}

/// A request of the RoomService; status and body of its answer.
pub async fn room_service(demo: &Demo, method: &str, grants: Value, body: &str) -> String {
    let token = Claims::of(demo, grants).token();
    let headers = format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n");
    let stream = tls(demo, 443, DOMAIN).await.unwrap();
    let line = format!("POST /twirp/livekit.RoomService/{method}");
    let answer = request(stream, &line, &headers, body).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    format!("{status} {body}")
}

/// The names of the rooms that the server lists.
pub async fn rooms(demo: &Demo) -> Vec<String> {
    let answer = room_service(demo, "ListRooms", json!({"roomList": true}), "{}").await;
    let body = answer.strip_prefix("200 ").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let rooms = body["rooms"].as_array().unwrap().iter();
    rooms.map(|room| room["name"].as_str().unwrap().to_owned()).collect()
}

/// Long enough for every answer that comes at all, and for the server's own checks.
pub const PATIENCE: Duration = Duration::from_millis(500);
