//! The ICE agent of one session: datagrams in, datagrams out (RFC 8445, as pion does it).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use dimpl::DtlsCertificate;
use sha2::{Digest, Sha256};
use stun::agent::TransactionId;
use stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
    AttrType, RawAttribute,
};
use stun::error_code::{CODE_ROLE_CONFLICT, ErrorCodeAttribute};
use stun::fingerprint::FINGERPRINT;
use stun::integrity::MessageIntegrity;
use stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Message, MessageType, Setter,
};
use stun::textattrs::TextAttribute;
use stun::xoraddr::XorMappedAddress;

use super::channel::Channel;
use super::peer::PeerId;

/// The priority of a peer-reflexive candidate (RFC 8445 §5.1.2).
const PRIORITY: u32 = 0x6e7f_1eff;

/// The two sides of a session.
pub struct Agent {
    pub ufrag: String,
    pub pwd: String,
    tie_breaker: u64,
    /// The side that answers an offer is not.
    is_controlling: AtomicBool,
    client: OnceLock<Client>,
    certificate: DtlsCertificate,
    /// From where a way was chosen for it on.
    channel: Mutex<Option<CarriedChannel>>,
    /// The transactions of the server's own checks without an answer yet.
    asked: Mutex<Vec<TransactionId>>,
}

/// The data channel, and the peer to which its packets go.
struct CarriedChannel {
    channel: Channel,
    peer: PeerId,
}

struct Client {
    ufrag: String,
    pwd: String,
}

/// What a packet was.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that is answered.
    Nothing,
    /// A check of the client, and what goes back.
    Check {
        answer: Vec<u8>,
        /// Whether the client chose this way.
        uses_candidate: bool,
    },
    /// The client answered a check of the server.
    Answer,
    /// Something else than STUN.
    Other,
}

impl Agent {
    pub fn new(tie_breaker: u64, certificate: DtlsCertificate) -> Self {
        Self {
            ufrag: super::random(16),
            pwd: super::random(32),
            tie_breaker,
            is_controlling: AtomicBool::new(false),
            client: OnceLock::new(),
            certificate,
            channel: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// The client made itself known, by its offer. Before, nothing is answered.
    pub fn meet(&self, ufrag: String, pwd: String) {
        // A second offer in one session changes nothing here.
        drop(self.client.set(Client { ufrag, pwd }));
    }

    /// The SHA-256 of the certificate, as SDP writes it (RFC 8122 §5).
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(&self.certificate.certificate);
        let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// Begins DTLS with a peer, unless it has begun with another one before.
    pub fn begin_channel(&self, peer: PeerId) -> Vec<Vec<u8>> {
        let now = now();
        self.with_channel(|carried| match carried {
            Some(_) => Vec::new(),
            None => {
                let mut channel = Channel::begin(self.certificate.clone(), now);
                let packets = channel.tick(now);
                *carried = Some(CarriedChannel { channel, peer });
                packets
            }
        })
    }

    /// The answers to a packet of the data channel. From now on, its packets go to this peer.
    pub fn hear_channel(&self, peer: PeerId, packet: &[u8]) -> Vec<Vec<u8>> {
        self.with_channel(|carried| {
            let carried = carried.as_mut().map(|carried| {
                carried.peer = peer;
                carried.channel.hear(packet, now())
            });
            carried.unwrap_or_default()
        })
    }

    /// What the data channel sends again, if its packets go to this peer.
    pub fn tick_channel(&self, peer: PeerId) -> Vec<Vec<u8>> {
        self.with_channel(|carried| {
            let carried = carried.as_mut().filter(|carried| carried.peer == peer);
            carried.map(|carried| carried.channel.tick(now())).unwrap_or_default()
        })
    }

    /// Whether media has got through.
    pub fn is_connected(&self) -> bool {
        self.with_channel(|carried| {
            carried.as_ref().is_some_and(|carried| carried.channel.is_connected())
        })
    }

    fn with_channel<T>(&self, f: impl FnOnce(&mut Option<CarriedChannel>) -> T) -> T {
        // A channel is whole after every one of its operations.
        f(&mut self.channel.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What to make of a packet that came from `from`.
    pub fn hear(&self, packet: &[u8], from: SocketAddr) -> Heard {
        if !stun::message::is_message(packet) {
            return Heard::Other;
        }
        let mut message = Message::new();
        message.raw = packet.to_vec();
        if message.decode().is_err() {
            return Heard::Nothing;
        }
        let Some(client) = self.client.get() else {
            return Heard::Nothing;
        };
        if message.typ == BINDING_REQUEST {
            self.hear_check(client, &mut message, from)
        } else if message.typ == BINDING_SUCCESS && self.was_asked(client, &mut message) {
            Heard::Answer
        } else {
            Heard::Nothing
        }
    }

    fn hear_check(&self, client: &Client, message: &mut Message, from: SocketAddr) -> Heard {
        let username = format!("{}:{}", self.ufrag, client.ufrag);
        if message.get(ATTR_USERNAME) != Ok(username.into_bytes())
            || self.integrity().check(message).is_err()
        {
            return Heard::Nothing;
        }
        let uses_candidate = message.contains(ATTR_USE_CANDIDATE);
        let answer = match self.role(message) {
            Role::Fits => self.success(message, from),
            Role::Refused => self.role_conflict(message),
            // pion forgets the packet that made it change its mind.
            Role::Changed => return Heard::Nothing,
        };
        answer.map_or(Heard::Nothing, |answer| Heard::Check { answer, uses_candidate })
    }

    /// RFC 8445 §7.3.1.1.
    fn role(&self, message: &Message) -> Role {
        let is_controlling = self.is_controlling.load(Ordering::Relaxed);
        let same = if is_controlling { ATTR_ICE_CONTROLLING } else { ATTR_ICE_CONTROLLED };
        let Ok(theirs) = message.get(same) else {
            return Role::Fits;
        };
        let theirs = theirs.try_into().map_or(0, u64::from_be_bytes);
        let is_ours_greater = self.tie_breaker >= theirs;
        if is_controlling == is_ours_greater {
            return Role::Refused;
        }
        self.is_controlling.store(!is_controlling, Ordering::Relaxed);
        Role::Changed
    }

    fn success(&self, request: &Message, from: SocketAddr) -> Option<Vec<u8>> {
        let mapped = XorMappedAddress { ip: from.ip(), port: from.port() };
        self.answer(request, BINDING_SUCCESS, Box::new(mapped))
    }

    fn role_conflict(&self, request: &Message) -> Option<Vec<u8>> {
        let error = ErrorCodeAttribute { code: CODE_ROLE_CONFLICT, reason: Vec::new() };
        self.answer(request, BINDING_ERROR, Box::new(error))
    }

    fn answer(
        &self,
        request: &Message,
        kind: MessageType,
        what: Box<dyn Setter>,
    ) -> Option<Vec<u8>> {
        built(&[
            Box::new(request.transaction_id),
            Box::new(kind),
            what,
            Box::new(self.integrity()),
            Box::new(FINGERPRINT),
        ])
    }

    fn integrity(&self) -> MessageIntegrity {
        MessageIntegrity::new_short_term_integrity(self.pwd.clone())
    }

    /// A check by the server. `None` as long as the client is unknown.
    pub fn check(&self) -> Option<Vec<u8>> {
        let client = self.client.get()?;
        let transaction = TransactionId::new();
        self.with_asked(|asked| asked.push(transaction));
        let role = if self.is_controlling.load(Ordering::Relaxed) {
            ATTR_ICE_CONTROLLING
        } else {
            ATTR_ICE_CONTROLLED
        };
        let username =
            TextAttribute::new(ATTR_USERNAME, format!("{}:{}", client.ufrag, self.ufrag));
        built(&[
            Box::new(transaction),
            Box::new(BINDING_REQUEST),
            Box::new(username),
            raw(ATTR_PRIORITY, &PRIORITY.to_be_bytes()),
            raw(role, &self.tie_breaker.to_be_bytes()),
            Box::new(client.integrity()),
            Box::new(FINGERPRINT),
        ])
    }

    fn was_asked(&self, client: &Client, message: &mut Message) -> bool {
        if client.integrity().check(message).is_err() {
            return false;
        }
        let transaction = message.transaction_id;
        self.with_asked(|asked| {
            let place = asked.iter().position(|one| *one == transaction);
            place.map(|place| asked.swap_remove(place)).is_some()
        })
    }

    fn with_asked<T>(&self, f: impl FnOnce(&mut Vec<TransactionId>) -> T) -> T {
        // A list is whole after every one of its operations.
        f(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Client {
    fn integrity(&self) -> MessageIntegrity {
        MessageIntegrity::new_short_term_integrity(self.pwd.clone())
    }
}

enum Role {
    Fits,
    Refused,
    Changed,
}

fn raw(kind: AttrType, value: &[u8]) -> Box<dyn Setter> {
    Box::new(RawAttribute { typ: kind, length: 0, value: value.to_vec() })
}

/// The part of a Binding request's USERNAME before the colon: whose session it is for.
pub fn session_of(packet: &[u8]) -> Option<String> {
    let mut message = Message::new();
    message.raw = packet.to_vec();
    message.decode().ok()?;
    if message.typ != BINDING_REQUEST {
        return None;
    }
    let username = String::from_utf8(message.get(ATTR_USERNAME).ok()?).ok()?;
    let (ours, _) = username.split_once(':')?;
    Some(ours.to_owned())
}

/// DTLS and SCTP count with the standard library's time.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn built(setters: &[Box<dyn Setter>]) -> Option<Vec<u8>> {
    let mut message = Message::new();
    message.build(setters).ok()?;
    Some(message.raw)
}
