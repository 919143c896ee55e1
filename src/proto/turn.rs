//! TURN with credentials (RFC 8656): requests as bytes, and what their answers hold. What an answer
//! says as a whole is read by [`stun`](super::stun).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use stun::agent::TransactionId;
use stun::attributes::{
    ATTR_MESSAGE_INTEGRITY, ATTR_NONCE, ATTR_REALM, ATTR_USERNAME, RawAttribute,
};
use stun::integrity::MessageIntegrity;
use stun::message::{
    CLASS_INDICATION, CLASS_REQUEST, Getter, METHOD_ALLOCATE, METHOD_CREATE_PERMISSION,
    METHOD_DATA, METHOD_REFRESH, METHOD_SEND, Message, MessageType, Method, Setter,
};
use stun::textattrs::{TextAttribute, Username};
use turn::proto::data::Data;
use turn::proto::lifetime::Lifetime;
use turn::proto::peeraddr::PeerAddress;
use turn::proto::relayaddr::RelayedAddress;
use turn::proto::reqtrans::RequestedTransport;
use turn::proto::{PROTO_UDP, Protocol};

use super::stun::{Reading, Request};
use crate::model::facts::StunAnswer;
use crate::model::secret::Secret;

/// A user name and a password, as the signalling gave them.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    pub password: Secret,
}

/// What a server wants to be computed with (RFC 8489 §9.2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: Vec<u8>,
}

impl Challenge {
    /// The challenge in an error response; `None` without realm and nonce, or with longer ones than
    /// there may be.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let message = read(bytes)?;
        let realm = TextAttribute::get_from_as(&message, ATTR_REALM).ok()?.text;
        let nonce = message.get(ATTR_NONCE).ok()?;
        let is_short = realm.len() <= LONGEST && nonce.len() <= LONGEST;
        is_short.then_some(Self { realm, nonce })
    }
}

/// The most bytes of a realm and of a nonce (RFC 8489 §14.9, §14.10).
const LONGEST: usize = 763;

/// The most bytes of a user name (RFC 8489 §14.3: fewer than 509).
const LONGEST_NAME: usize = 508;

/// A user who was challenged: all later requests carry this.
#[derive(Debug, Clone)]
pub struct LongTerm {
    name: String,
    challenge: Challenge,
    integrity: Secret,
}

impl LongTerm {
    /// What `user` computes with `challenge`; `None` with a name that does not fit into a message.
    pub fn new(user: &User, challenge: Challenge) -> Option<Self> {
        (user.name.len() <= LONGEST_NAME).then(|| Self {
            name: user.name.clone(),
            integrity: user.password.clone(),
            challenge,
        })
    }

    /// Allocate a UDP relay (§7.1).
    pub fn allocate(&self, id: [u8; 12]) -> Request {
        let transport = RequestedTransport { protocol: Protocol(PROTO_UDP.0) };
        self.request(METHOD_ALLOCATE, id, vec![Box::new(transport)])
    }

    /// Let packets from and to `peer` pass (§9).
    pub fn create_permission(&self, id: [u8; 12], peer: IpAddr) -> Request {
        let peer = PeerAddress { ip: peer, port: 0 };
        self.request(METHOD_CREATE_PERMISSION, id, vec![Box::new(peer)])
    }

    /// Give the allocation back (§8).
    pub fn release(&self, id: [u8; 12]) -> Request {
        let lifetime = Lifetime(Duration::ZERO);
        self.request(METHOD_REFRESH, id, vec![Box::new(lifetime)])
    }

    /// Reads a message as the answer to `request`, one of this user's. A success response counts only
    /// if it is signed with this user's password (RFC 8489 §9.2.5): whoever stands on the way can send
    /// the rest of it. An error response that is not signed counts: servers cannot sign 401 and 438,
    /// and many do not sign the others. It refuses something, and only who sees the request can send it.
    pub fn read(&self, request: &Request, message: &[u8]) -> Reading {
        let reading = request.read(message);
        let Reading::Answer(answer) = &reading else {
            return reading;
        };
        let signature = self.signature(message);
        match (answer, signature) {
            // What stands behind the signature is not signed.
            (_, Signature::Right { signed }) => request.read(&signed),
            (StunAnswer::Success { .. }, Signature::Missing) => {
                Reading::Stray(StunAnswer::NotSigned { otherwise: false })
            }
            (StunAnswer::Success { .. }, Signature::Wrong) => {
                Reading::Stray(StunAnswer::NotSigned { otherwise: true })
            }
            (_, Signature::Missing | Signature::Wrong) => reading,
        }
    }

    /// How `message` is signed.
    fn signature(&self, message: &[u8]) -> Signature {
        let Some(signed) = up_to_signature(message) else {
            return Signature::Missing;
        };
        let mut parsed = Message::new();
        let is_right =
            parsed.unmarshal_binary(&signed).is_ok() && self.signing().check(&mut parsed).is_ok();
        if is_right { Signature::Right { signed } } else { Signature::Wrong }
    }

    fn signing(&self) -> MessageIntegrity {
        MessageIntegrity::new_long_term_integrity(
            self.name.clone(),
            self.challenge.realm.clone(),
            self.integrity.expose().to_owned(),
        )
    }

    fn request(&self, method: Method, id: [u8; 12], own: Vec<Box<dyn Setter>>) -> Request {
        let raw = |typ, value: Vec<u8>| RawAttribute { typ, length: 0, value };
        let Challenge { realm, nonce } = &self.challenge;
        let mut attributes = own;
        attributes.push(Box::new(Username::new(ATTR_USERNAME, self.name.clone())));
        attributes.push(Box::new(raw(ATTR_REALM, realm.clone().into_bytes())));
        attributes.push(Box::new(raw(ATTR_NONCE, nonce.clone())));
        attributes.push(Box::new(self.signing()));
        Request::new(method, id, attributes)
    }
}

/// How a message is signed.
enum Signature {
    Missing,
    Wrong,
    Right {
        /// The message up to its signature.
        signed: Vec<u8>,
    },
}

/// A message up to its first MESSAGE-INTEGRITY, as a message of its own; `None` without one.
fn up_to_signature(message: &[u8]) -> Option<Vec<u8>> {
    let mut at = HEADER;
    loop {
        let head = message.get(at..at + ATTRIBUTE_HEADER)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        at += ATTRIBUTE_HEADER + length.next_multiple_of(4);
        if kind == ATTR_MESSAGE_INTEGRITY.0 {
            break;
        }
    }
    let mut signed = message.get(..at)?.to_vec();
    let length = u16::try_from(at - HEADER).ok()?;
    signed[2..4].copy_from_slice(&length.to_be_bytes());
    Some(signed)
}

/// Bytes before the attributes of a message, and before the value of each (RFC 8489 §5, §14).
const HEADER: usize = 20;
const ATTRIBUTE_HEADER: usize = 4;

/// A Send indication: `data` for `peer` (§11.1). Never answered itself.
pub fn send_indication(id: [u8; 12], peer: SocketAddr, data: Vec<u8>) -> Vec<u8> {
    let attributes: [Box<dyn Setter>; 4] = [
        Box::new(TransactionId(id)),
        Box::new(MessageType::new(METHOD_SEND, CLASS_INDICATION)),
        Box::new(PeerAddress { ip: peer.ip(), port: peer.port() }),
        Box::new(Data(data)),
    ];
    let mut message = Message::new();
    message.build(&attributes).expect("data of a bounded size always fits");
    message.raw
}

/// What a Data indication brings (§11.4): from whom, and what; `None` for any other message.
pub fn read_data(bytes: &[u8]) -> Option<(SocketAddr, Vec<u8>)> {
    let message = read(bytes)?;
    if (message.typ.method, message.typ.class) != (METHOD_DATA, CLASS_INDICATION) {
        return None;
    }
    let mut peer = PeerAddress::default();
    peer.get_from(&message).ok()?;
    let mut data = Data::default();
    data.get_from(&message).ok()?;
    Some((SocketAddr::new(peer.ip, peer.port), data.0))
}

/// XOR-RELAYED-ADDRESS of an Allocate success; what stands behind a signature does not count.
pub fn relayed_address(bytes: &[u8]) -> Option<SocketAddr> {
    let message = match up_to_signature(bytes) {
        Some(signed) => read(&signed)?,
        None => read(bytes)?,
    };
    let mut relayed = RelayedAddress::default();
    relayed.get_from(&message).ok()?;
    Some(SocketAddr::new(relayed.ip, relayed.port))
}

/// Whether a response is one that a request with a wrong realm or nonce gets: 438 brings a new
/// nonce (RFC 8489 §9.2.4).
pub const STALE_NONCE: u16 = 438;

fn read(bytes: &[u8]) -> Option<Message> {
    if !super::stun::is_whole(bytes) {
        return None;
    }
    let mut message = Message::new();
    message.unmarshal_binary(bytes).ok()?;
    (message.typ.class != CLASS_REQUEST).then_some(message)
}

#[cfg(test)]
mod tests {
    use stun::message::CLASS_SUCCESS_RESPONSE;

    use super::*;

    const ID: [u8; 12] = *b"ovcheck-test";

    /// An indication of the server's with the same attributes as `bytes`, a Send indication.
    fn as_data(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[1] = 0x17;
        bytes
    }

    #[test]
    fn what_is_sent_through_a_relay_is_read_on_its_way_back() {
        for peer in ["203.0.113.20:50905", "[2001:db8::20]:50905"] {
            let peer: SocketAddr = peer.parse().unwrap();
            let sent = send_indication(ID, peer, b"hello".to_vec());
            assert_eq!(sent[..2], [0, 0x16]);
            assert_eq!(read_data(&sent), None);
            assert_eq!(read_data(&as_data(sent)), Some((peer, b"hello".to_vec())));
        }
    }

    #[test]
    fn no_changed_byte_and_no_cut_makes_the_readers_panic() {
        let right = as_data(send_indication(ID, "203.0.113.20:1".parse().unwrap(), vec![7; 9]));
        for place in 0..right.len() {
            for byte in 0..=255 {
                let mut changed = right.clone();
                changed[place] = byte;
                read_data(&changed);
                relayed_address(&changed);
                Challenge::read(&changed);
            }
            read_data(&right[..place]);
        }
    }

    #[test]
    fn what_does_not_fit_into_a_message_makes_no_request() {
        let long = |length| User { name: "n".repeat(length), password: Secret::new("hush") };
        let challenge =
            |length: usize| Challenge { realm: "r".repeat(length), nonce: vec![7; length] };
        let longest = LongTerm::new(&long(508), challenge(763)).unwrap();
        assert!(longest.allocate(ID).bytes().len() < 2_200);
        assert!(LongTerm::new(&long(509), challenge(1)).is_none());
        for (length, is_read) in [(763, true), (764, false)] {
            let user = LongTerm::new(&long(1), challenge(length)).unwrap();
            let mut error = user.allocate(ID).bytes().to_vec();
            error[0] |= 1;
            error[1] |= 0x10;
            assert_eq!(Challenge::read(&error).is_some(), is_read);
        }
    }

    fn signed_success(user: &LongTerm, request: &Request) -> Vec<u8> {
        let relayed = RelayedAddress { ip: "203.0.113.20".parse().unwrap(), port: 30_000 };
        let attributes: [Box<dyn Setter>; 4] = [
            Box::new(TransactionId(request.id())),
            Box::new(MessageType::new(METHOD_ALLOCATE, CLASS_SUCCESS_RESPONSE)),
            Box::new(relayed),
            Box::new(user.signing()),
        ];
        let mut message = Message::new();
        message.build(&attributes).unwrap();
        message.raw
    }

    /// `message` with one more attribute behind it.
    fn with_another(mut message: Vec<u8>, kind: u16, value: &[u8]) -> Vec<u8> {
        message.extend(kind.to_be_bytes());
        message.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        message.extend(value);
        let length = u16::try_from(message.len() - HEADER).unwrap();
        message[2..4].copy_from_slice(&length.to_be_bytes());
        message
    }

    #[test]
    fn only_what_is_signed_with_the_password_grants_something() {
        let challenge = Challenge { realm: "livekit".to_owned(), nonce: b"nonce".to_vec() };
        let user = |password| User { name: "someone".to_owned(), password: Secret::new(password) };
        let ours = LongTerm::new(&user("hush"), challenge.clone()).unwrap();
        let other = LongTerm::new(&user("not this"), challenge).unwrap();
        let request = ours.allocate(ID);
        let right = signed_success(&ours, &request);
        let granted = Reading::Answer(StunAnswer::Success { mapped: None });
        let not_signed = |otherwise| Reading::Stray(StunAnswer::NotSigned { otherwise });
        assert_eq!(ours.read(&request, &right), granted);
        assert_eq!(relayed_address(&right), Some("203.0.113.20:30000".parse().unwrap()));
        assert_eq!(other.read(&request, &right), not_signed(true));
        let mut changed = right.clone();
        changed[HEADER + 7] ^= 1;
        assert_eq!(ours.read(&request, &changed), not_signed(true));
        let mut bare = right[..HEADER].to_vec();
        bare[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(ours.read(&request, &bare), not_signed(false));
        // XOR-MAPPED-ADDRESS behind the signature, and the relayed address of a message without one.
        let mapped = [0, 1, 0x12, 0x34, 1, 2, 3, 4];
        let longer = with_another(right.clone(), 0x0020, &mapped);
        assert_eq!(ours.read(&request, &longer), granted);
        let signature = &right[right.len() - 20..];
        let moved = with_another(with_another(bare, 0x0008, signature), 0x0016, &mapped);
        assert_eq!(relayed_address(&moved), None);
        for length in 0..right.len() {
            ours.read(&request, &right[..length]);
        }
    }

    #[test]
    fn a_refusal_counts_without_a_signature() {
        let challenge = Challenge { realm: "livekit".to_owned(), nonce: b"nonce".to_vec() };
        let user = User { name: "someone".to_owned(), password: Secret::new("hush") };
        let user = LongTerm::new(&user, challenge).unwrap();
        let request = user.allocate(ID);
        let mut head = request.bytes()[..HEADER].to_vec();
        head[..4].copy_from_slice(&[1, 0x13, 0, 0]);
        let refusal = with_another(head, 0x0009, &[0, 0, 4, 1]);
        let reading = user.read(&request, &refusal);
        assert!(matches!(reading, Reading::Answer(StunAnswer::Error { code: 401, .. })));
    }

    #[test]
    fn a_request_with_credentials_carries_what_the_server_asked_for() {
        let user = User { name: "someone".to_owned(), password: Secret::new("hush") };
        let challenge = Challenge { realm: "livekit".to_owned(), nonce: b"\xffnot text".to_vec() };
        let user = LongTerm::new(&user, challenge).unwrap();
        for request in [
            user.allocate(ID),
            user.create_permission(ID, "203.0.113.20".parse().unwrap()),
            user.release(ID),
        ] {
            let mut message = Message::new();
            message.unmarshal_binary(request.bytes()).unwrap();
            assert_eq!(message.get(ATTR_NONCE).unwrap(), b"\xffnot text");
            MessageIntegrity::new_long_term_integrity(
                "someone".into(),
                "livekit".into(),
                "hush".into(),
            )
            .check(&mut message)
            .unwrap();
        }
        assert!(!format!("{user:?}").contains("hush"));
    }
}
