//! A server in this process that says what a test wants it to say: TLS, HTTP, WebSocket, LiveKit's
//! messages. It remembers what nobody else may learn.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ovcheck::model::secret::Secret;
use ovcheck::net::{Limits, Network};
use ovcheck::proto::ice::{Half, Pair};
use ovcheck::proto::livekit::sdp;
use ovcheck::proto::livekit::signal::{
    IceServer, JoinResponse, LeaveRequest, Request, Response, SessionDescription, SignalRequest,
    SignalResponse, TrickleRequest,
};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::authority::Identity;
use crate::peers::{key, network};

pub const TURN_USER: &str = "a-turn-user-of-the-test";
pub const TURN_PASSWORD: &str = "a-turn-credential-that-nobody-may-see";
pub const REFRESHED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJhLXJlZnJlc2hlZCI6InRva2VuIn0.c2lnbmF0dXJlX29m";

/// What must not be seen in any observation. Cheap to clone.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<Vec<String>>>);

impl Known {
    pub fn add(&self, secret: &str) {
        self.0.lock().unwrap().push(secret.to_owned());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

pub struct Fake {
    identity: Identity,
    port: u16,
    pub known: Known,
    /// The requests for a room's end that came.
    pub ended: Arc<Mutex<usize>>,
}

impl Fake {
    /// Does `serve` for everybody who wants to join. Rooms it ends as it should.
    pub async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(Guest) -> S + Clone + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            identity: Identity::new(),
            port: listener.local_addr().unwrap().port(),
            known: Known::default(),
            ended: Arc::default(),
        };
        fake.known.add(TURN_PASSWORD);
        fake.known.add(REFRESHED);
        let acceptor = TlsAcceptor::from(fake.identity.config());
        let (known, ended) = (fake.known.clone(), Arc::clone(&fake.ended));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, serve) = (acceptor.clone(), serve.clone());
                let (known, ended) = (known.clone(), Arc::clone(&ended));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(tcp).await else {
                        return;
                    };
                    let Some(mut guest) = Guest::greet(stream, known).await else {
                        return;
                    };
                    if guest.head.starts_with("POST") {
                        *ended.lock().unwrap() += 1;
                        guest.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
                    } else {
                        serve(guest).await;
                    }
                });
            }
        });
        fake
    }

    /// The port of its TLS on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its certificate, as `--ca-file` reads it.
    pub fn certificate(&self) -> String {
        self.identity.pem().0
    }

    /// A network in which it stands for the deployment, with short waits.
    pub fn network(&self) -> Network {
        Network {
            configurations: ovcheck::net::Configurations::default(),
            limits: Limits::with_timeout(Duration::from_millis(600)),
            ..network(self.identity.roots(), key(), self.port)
        }
    }
}

/// Somebody who asked for something.
pub struct Guest {
    pub head: String,
    pub token: String,
    pub known: Known,
    stream: TlsStream<TcpStream>,
}

impl Guest {
    async fn greet(mut stream: TlsStream<TcpStream>, known: Known) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let behind = |mark: &str| Some(head.split_once(mark)?.1);
        let token = behind("access_token=").or_else(|| behind("Bearer "))?;
        let end = token.find(['&', '\r', ' ']).unwrap();
        let token = token[..end].to_owned();
        known.add(&token);
        Some(Self { head, token, known, stream })
    }

    /// Says something, whether it is still heard or not.
    pub async fn say(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Keeps the connection, and says nothing.
    pub async fn stay(mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap_or(0);
    }

    pub async fn upgrade(self) -> Call {
        let (_, key) = self.head.split_once("Sec-WebSocket-Key: ").unwrap();
        let accept = derive_accept_key(key.split("\r\n").next().unwrap().as_bytes());
        let accept = format!("Sec-WebSocket-Accept: {accept}\r\n");
        self.upgrade_with(&accept).await
    }

    /// Grants a WebSocket with these fields of the head.
    pub async fn upgrade_with(mut self, fields: &str) -> Call {
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             {fields}\r\n"
        );
        self.say(head.as_bytes()).await;
        Call {
            socket: WebSocketStream::from_raw_socket(self.stream, Role::Server, None).await,
            known: self.known,
            token: self.token,
        }
    }
}

/// Somebody who was let in.
pub struct Call {
    pub socket: WebSocketStream<TlsStream<TcpStream>>,
    pub known: Known,
    pub token: String,
}

impl Call {
    pub async fn say(&mut self, response: Response) -> bool {
        let response = SignalResponse { message: Some(response) };
        let message = Message::Binary(response.encode_to_vec().into());
        self.socket.send(message).await.is_ok()
    }

    /// Sends these bytes without end, and reads nothing.
    pub async fn flood(&mut self, bytes: &[u8]) {
        let stream = self.socket.get_mut();
        while stream.write_all(bytes).await.is_ok() {}
    }

    /// The first message, which names these TURN servers.
    pub async fn welcome(&mut self, urls: &[String]) {
        self.say(Response::Join(welcome(urls))).await;
    }

    /// What the participant says next.
    pub async fn hear(&mut self) -> Option<Request> {
        loop {
            if let Message::Binary(bytes) = self.socket.next().await?.ok()? {
                return SignalRequest::decode(bytes).unwrap().message;
            }
        }
    }

    /// The participant's half, out of its offer.
    pub async fn offer(&mut self) -> Option<Half> {
        loop {
            if let Request::Offer(offer) = self.hear().await? {
                let half = sdp::Answer::read(&offer.sdp).unwrap().theirs;
                self.known.add(half.password.expose());
                return Some(half);
            }
        }
    }

    /// Answers the offer. The credentials of both, as the server sees them.
    pub async fn answer(&mut self) -> Option<Pair> {
        self.answer_as("active").await
    }

    /// The same with a role in DTLS (`a=setup`).
    pub async fn answer_as(&mut self, setup: &str) -> Option<Pair> {
        let theirs = self.offer().await?;
        let ours = Half::random(rand::random());
        self.known.add(ours.password.expose());
        let sdp = sdp::offer(&ours).replace("a=setup:actpass", &format!("a=setup:{setup}"));
        let answer = SessionDescription { kind: "answer".to_owned(), sdp };
        self.say(Response::Answer(answer)).await;
        Some(Pair { ours, theirs, tiebreaker: 0 })
    }

    /// Says where the server is to be had; the last of them is said to be.
    pub async fn candidates(&mut self, places: &[(&str, SocketAddr)]) {
        for (index, (transport, place)) in places.iter().enumerate() {
            let line = format!(
                "candidate:1 1 {transport} 2130706431 {} {} typ host ufrag abcd",
                place.ip(),
                place.port()
            );
            let init = serde_json::json!({"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0});
            self.trickle(init.to_string(), index + 1 == places.len()).await;
        }
    }

    pub async fn trickle(&mut self, candidate_init: String, last: bool) -> bool {
        self.say(Response::Trickle(TrickleRequest { candidate_init, target: 0, last })).await
    }

    /// Stays until the participant leaves, as LiveKit does it.
    pub async fn stay(mut self) {
        while let Some(request) = self.hear().await {
            if let Request::Leave(_) = request {
                self.say(Response::Leave(LeaveRequest::default())).await;
                return;
            }
        }
    }
}

pub fn welcome(urls: &[String]) -> JoinResponse {
    JoinResponse {
        server_version: "1.8.4".to_owned(),
        ice_servers: vec![IceServer {
            urls: urls.to_vec(),
            username: TURN_USER.to_owned(),
            credential: TURN_PASSWORD.to_owned(),
        }],
        ..JoinResponse::default()
    }
}

/// A media port, before anybody knows its password.
pub async fn media() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let place = socket.local_addr().unwrap();
    (socket, place)
}

/// Answers the checks of one session, as it should be.
pub fn answering(socket: UdpSocket, pair: Pair) {
    tokio::spawn(async move {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            if let Some(id) = pair.read_check(&bytes[..length]) {
                socket.send_to(&pair.answer(id, from), from).await.unwrap();
            }
        }
    });
}

/// The same pair with a password that is not the server's.
pub fn with_another_password(pair: &Pair) -> Pair {
    let mut other = pair.clone();
    other.ours.password = Secret::new("another-password-of-the-server");
    other
}
