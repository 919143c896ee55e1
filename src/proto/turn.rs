//! TURN with credentials (RFC 8656): requests as bytes, and what their answers hold. What an answer
//! says as a whole is read by [`stun`](super::stun).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use stun::agent::TransactionId;
use stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME, RawAttribute};
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

use super::stun::Request;
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

    fn request(&self, method: Method, id: [u8; 12], own: Vec<Box<dyn Setter>>) -> Request {
        let raw = |typ, value: Vec<u8>| RawAttribute { typ, length: 0, value };
        let Challenge { realm, nonce } = &self.challenge;
        let mut attributes = own;
        attributes.push(Box::new(Username::new(ATTR_USERNAME, self.name.clone())));
        attributes.push(Box::new(raw(ATTR_REALM, realm.clone().into_bytes())));
        attributes.push(Box::new(raw(ATTR_NONCE, nonce.clone())));
        attributes.push(Box::new(MessageIntegrity::new_long_term_integrity(
            self.name.clone(),
            realm.clone(),
            self.integrity.expose().to_owned(),
        )));
        Request::new(method, id, attributes)
    }
}

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

/// XOR-RELAYED-ADDRESS of an Allocate success.
pub fn relayed_address(bytes: &[u8]) -> Option<SocketAddr> {
    let message = read(bytes)?;
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
