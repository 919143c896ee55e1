//! ICE checks and TURN, by hand but for the codec of STUN.

use std::io;
use std::net::SocketAddr;

use ovcheck::demo::Demo;
use stun::agent::TransactionId;
use stun::attributes::{ATTR_USERNAME, AttrType, RawAttribute};
use stun::error_code::ErrorCodeAttribute;
use stun::fingerprint::FINGERPRINT;
use stun::integrity::MessageIntegrity;
use stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, MessageType, Setter};
use stun::textattrs::TextAttribute;
use stun::xoraddr::XorMappedAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use turn::proto::data::Data;
use turn::proto::peeraddr::PeerAddress;
use turn::proto::relayaddr::RelayedAddress;

use crate::call::*;
use crate::client::*;

/// What comes back for a check.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A success with a valid MESSAGE-INTEGRITY, and where the server saw us.
    Proof(SocketAddr),
    /// An error with a valid MESSAGE-INTEGRITY.
    Error(u16),
    Silence,
    Refused,
}

/// What is asked for in a check.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    pub username: (&'a str, &'a str),
    pub pwd: &'a str,
    /// ICE-CONTROLLING is right.
    pub role: AttrType,
    pub tie_breaker: u64,
    pub padding: usize,
    /// Whether the path is chosen with it.
    pub nominates: bool,
}

pub const CONTROLLING: AttrType = AttrType(0x802a);
pub const CONTROLLED: AttrType = AttrType(0x8029);

impl<'a> Check<'a> {
    pub fn of(call: &'a Call) -> Self {
        Self {
            username: (&call.ufrag, UFRAG),
            pwd: &call.pwd,
            role: CONTROLLING,
            tie_breaker: 0x0123_4567_89ab_cdef,
            padding: 0,
            nominates: false,
        }
    }

    fn message(&self) -> Message {
        let (theirs, ours) = self.username;
        let mut setters: Vec<Box<dyn Setter>> = vec![
            Box::new(TransactionId::new()),
            Box::new(BINDING_REQUEST),
            Box::new(TextAttribute::new(ATTR_USERNAME, format!("{theirs}:{ours}"))),
            raw(0x0024, &[0x6e, 0x7f, 0x1e, 0xff]),
            raw(self.role.0, &self.tie_breaker.to_be_bytes()),
        ];
        if self.padding > 0 {
            setters.push(raw(0xc0f0, &vec![0; self.padding]));
        }
        if self.nominates {
            setters.push(raw(0x0025, &[]));
        }
        setters.push(Box::new(integrity(self.pwd)));
        setters.push(Box::new(FINGERPRINT));
        build(&setters)
    }
}

fn raw(kind: u16, value: &[u8]) -> Box<dyn Setter> {
    Box::new(RawAttribute { typ: AttrType(kind), length: 0, value: value.to_vec() })
}

fn integrity(pwd: &str) -> MessageIntegrity {
    MessageIntegrity::new_short_term_integrity(pwd.to_owned())
}

fn build(setters: &[Box<dyn Setter>]) -> Message {
    let mut message = Message::new();
    message.build(setters).unwrap();
    message
}

fn decode(bytes: &[u8]) -> Message {
    let mut message = Message::new();
    message.raw = bytes.to_vec();
    message.decode().unwrap();
    message
}

/// What an answer is, if it is one to `check`.
fn read(check: &Message, pwd: &str, bytes: &[u8]) -> Option<Answer> {
    let mut answer = decode(bytes);
    if answer.transaction_id != check.transaction_id {
        return None;
    }
    integrity(pwd).check(&mut answer).unwrap();
    if answer.typ == BINDING_SUCCESS {
        let mut mapped = XorMappedAddress::default();
        mapped.get_from(&answer).unwrap();
        return Some(Answer::Proof(SocketAddr::new(mapped.ip, mapped.port)));
    }
    Some(Answer::Error(error_code(&answer)))
}

fn error_code(answer: &Message) -> u16 {
    let mut error = ErrorCodeAttribute::default();
    error.get_from(answer).unwrap();
    error.code.0
}

/// A socket on loopback.
pub async fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// Where a candidate is dialled.
pub fn dialled(demo: &Demo, candidate: SocketAddr) -> SocketAddr {
    place(demo, &candidate.ip().to_string(), candidate.port())
}

/// Straight to the media port.
pub async fn over_udp(demo: &Demo, call: &Call, check: Check<'_>) -> Answer {
    let to = dialled(demo, call.udp.unwrap());
    over_udp_to(to, check).await
}

async fn over_udp_to(to: SocketAddr, check: Check<'_>) -> Answer {
    check_from(&socket().await, to, check).await
}

/// From this socket, which has no other peer from now on.
pub async fn check_from(socket: &UdpSocket, to: SocketAddr, check: Check<'_>) -> Answer {
    socket.connect(to).await.unwrap();
    let message = check.message();
    socket.send(&message.raw).await.unwrap();
    let read = async {
        let mut buffer = [0; 1500];
        loop {
            match socket.recv(&mut buffer).await {
                Ok(length) => {
                    if let Some(answer) = read(&message, check.pwd, &buffer[..length]) {
                        return answer;
                    }
                }
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
                    return Answer::Refused;
                }
            }
        }
    };
    timeout(PATIENCE, read).await.unwrap_or(Answer::Silence)
}

/// Over a TCP connection to the node.
pub async fn over_ice_tcp(demo: &Demo, call: &Call, check: Check<'_>) -> Answer {
    let Ok(mut stream) = TcpStream::connect(dialled(demo, call.tcp.unwrap())).await else {
        return Answer::Refused;
    };
    let message = check.message();
    let length = u16::try_from(message.raw.len()).unwrap();
    stream.write_u16(length).await.unwrap();
    stream.write_all(&message.raw).await.unwrap();
    let read = async {
        loop {
            let mut packet = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut packet).await.unwrap();
            if let Some(answer) = read(&message, check.pwd, &packet) {
                return answer;
            }
        }
    };
    timeout(PATIENCE, read).await.unwrap_or(Answer::Silence)
}

/// The first check of the server that comes to `socket`: from where. It is authenticated.
pub async fn server_check(call: &Call, socket: &UdpSocket) -> Option<SocketAddr> {
    let read = async {
        let mut buffer = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let mut message = decode(&buffer[..length]);
            if message.typ == BINDING_REQUEST {
                let username = format!("{UFRAG}:{}", call.ufrag).into_bytes();
                assert_eq!(message.get(ATTR_USERNAME).unwrap(), username);
                assert!(message.contains(CONTROLLED));
                integrity(PWD).check(&mut message).unwrap();
                return from;
            }
        }
    };
    timeout(PATIENCE, read).await.ok()
}

/// Nominates the direct path and begins DTLS with it: whether a ClientHello comes, and whether
/// another one comes with our cookie.
pub async fn half_dtls(demo: &Demo, call: &Call) -> (bool, bool) {
    const COOKIE: [u8; 4] = [9, 8, 7, 6];
    let socket = socket().await;
    let to = dialled(demo, call.udp.unwrap());
    socket.connect(to).await.unwrap();
    let check = Check { nominates: true, ..Check::of(call) };
    socket.send(&check.message().raw).await.unwrap();
    let mut hello = false;
    let read = async {
        let mut buffer = [0; 1500];
        loop {
            let length = socket.recv(&mut buffer).await.unwrap();
            let packet = &buffer[..length];
            if packet[..3] == [22, 0xfe, 0xfd] && packet[13] == 1 {
                hello = true;
                if packet[60..65] == [&[4], COOKIE.as_slice()].concat() {
                    return;
                }
                let request = [
                    &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19][..],
                    &[3, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 7],
                    &[0xfe, 0xff, 4],
                    &COOKIE,
                ];
                socket.send(&request.concat()).await.unwrap();
            } else if decode(packet).typ == BINDING_REQUEST {
                let answer = build(&[
                    Box::new(decode(packet).transaction_id),
                    Box::new(BINDING_SUCCESS),
                    Box::new(XorMappedAddress { ip: to.ip(), port: to.port() }),
                    Box::new(integrity(PWD)),
                    Box::new(FINGERPRINT),
                ]);
                socket.send(&answer.raw).await.unwrap();
            }
        }
    };
    let again = timeout(PATIENCE, read).await.is_ok();
    (hello, again)
}

// --- TURN ----------------------------------------------------------------------------------------

/// What TURN goes over.
pub enum Carrier {
    Udp(UdpSocket),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A TURN client, with what a call gave it.
pub struct Turn {
    carrier: Carrier,
    username: String,
    password: String,
    nonce: Vec<u8>,
}

pub async fn turn_over_udp(demo: &Demo, call: &Call) -> Turn {
    let socket = socket().await;
    socket.connect(place(demo, OPENVIDU, 443)).await.unwrap();
    Turn::new(Carrier::Udp(socket), call)
}

pub async fn turn_over_tls(demo: &Demo, call: &Call) -> Turn {
    let stream = tls(demo, 443, TURN_DOMAIN).await.unwrap();
    Turn::new(Carrier::Tls(Box::new(stream)), call)
}

impl Turn {
    fn new(carrier: Carrier, call: &Call) -> Self {
        let (username, password) = call.credentials();
        Self {
            carrier,
            username: username.to_owned(),
            password: password.to_owned(),
            nonce: Vec::new(),
        }
    }

    pub fn with_password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    /// The relay's address, or an error code; `None`: silence.
    pub async fn allocate(&mut self) -> Option<Result<SocketAddr, u16>> {
        let transport = [17, 0, 0, 0];
        let first =
            build(&[Box::new(TransactionId::new()), method(0x0003), raw(0x0019, &transport)]);
        let challenge = self.ask(&first).await?;
        assert_eq!(error_code(&challenge), 401);
        self.nonce = challenge.get(AttrType(0x0015)).unwrap();
        let answer = self.request(0x0003, raw(0x0019, &transport)).await?;
        if answer.typ.value() != 0x0103 {
            return Some(Err(error_code(&answer)));
        }
        let mut relayed = RelayedAddress::default();
        relayed.get_from(&answer).unwrap();
        Some(Ok(SocketAddr::new(relayed.ip, relayed.port)))
    }

    /// The error code of CreatePermission, if it is one.
    pub async fn permit(&mut self, peer: &str) -> Result<(), u16> {
        self.with_peer(0x0008, peer).await
    }

    /// The error code of ChannelBind, if it is one.
    pub async fn bind_channel(&mut self, peer: &str) -> Result<(), u16> {
        self.with_peer(0x0009, peer).await
    }

    async fn with_peer(&mut self, kind: u16, peer: &str) -> Result<(), u16> {
        let place: SocketAddr = peer.parse().unwrap();
        let peer = PeerAddress { ip: place.ip(), port: place.port() };
        let channel = raw(0x000c, &[0x40, 0, 0, 0]);
        let answer = self.request_with(kind, vec![channel, Box::new(peer)]).await;
        let answer = answer.unwrap();
        if answer.typ.value() == kind | 0x0100 { Ok(()) } else { Err(error_code(&answer)) }
    }

    async fn request(&mut self, kind: u16, what: Box<dyn Setter>) -> Option<Message> {
        self.request_with(kind, vec![what]).await
    }

    async fn request_with(&mut self, kind: u16, what: Vec<Box<dyn Setter>>) -> Option<Message> {
        let key = MessageIntegrity::new_long_term_integrity(
            self.username.clone(),
            "livekit".to_owned(),
            self.password.clone(),
        );
        let mut setters: Vec<Box<dyn Setter>> = vec![
            Box::new(TransactionId::new()),
            method(kind),
            Box::new(TextAttribute::new(ATTR_USERNAME, self.username.clone())),
            raw(0x0014, b"livekit"),
            raw(0x0015, &self.nonce),
        ];
        setters.extend(what);
        setters.push(Box::new(key));
        self.ask(&build(&setters)).await
    }

    async fn ask(&mut self, request: &Message) -> Option<Message> {
        self.carrier.send(&request.raw).await;
        let read = async {
            loop {
                let message = decode(&self.carrier.receive().await);
                if message.transaction_id == request.transaction_id {
                    return message;
                }
            }
        };
        timeout(PATIENCE, read).await.ok()
    }

    /// Sends a check through the relay.
    pub async fn check(&mut self, candidate: SocketAddr, check: Check<'_>) -> Answer {
        let message = check.message();
        let bytes = self.exchange(candidate, &message).await;
        bytes.map_or(Answer::Silence, |bytes| read(&message, check.pwd, &bytes).unwrap())
    }

    /// Sends a Binding request without USERNAME through the relay: whether it is answered.
    pub async fn reaches(&mut self, peer: &str) -> bool {
        let binding = build(&[Box::new(TransactionId::new()), Box::new(BINDING_REQUEST)]);
        self.exchange(peer.parse().unwrap(), &binding).await.is_some()
    }

    /// The answer to a message through the relay.
    async fn exchange(&mut self, peer: SocketAddr, message: &Message) -> Option<Vec<u8>> {
        let indication = build(&[
            Box::new(TransactionId::new()),
            method(0x0016),
            Box::new(PeerAddress { ip: peer.ip(), port: peer.port() }),
            Box::new(Data(message.raw.clone())),
        ]);
        self.carrier.send(&indication.raw).await;
        let read = async {
            loop {
                let indication = decode(&self.carrier.receive().await);
                let mut data = Data::default();
                if data.get_from(&indication).is_err() {
                    continue;
                }
                let mut from = PeerAddress::default();
                from.get_from(&indication).unwrap();
                assert_eq!(SocketAddr::new(from.ip, from.port), peer);
                if decode(&data.0).transaction_id == message.transaction_id {
                    return data.0;
                }
            }
        };
        timeout(PATIENCE, read).await.ok()
    }
}

fn method(value: u16) -> Box<dyn Setter> {
    let mut kind = MessageType::default();
    kind.read_value(value);
    Box::new(kind)
}

impl Carrier {
    async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send(bytes).await.unwrap()),
            Self::Tls(stream) => stream.write_all(bytes).await.unwrap(),
        }
    }

    async fn receive(&mut self) -> Vec<u8> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = [0; 1500];
                let length = socket.recv(&mut buffer).await.unwrap();
                buffer[..length].to_vec()
            }
            Self::Tls(stream) => read_stun(stream).await,
        }
    }
}
