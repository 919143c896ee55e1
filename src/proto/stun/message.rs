//! One request, one answer: the messages themselves.

use std::net::SocketAddr;
use std::time::Duration;

use stun::addr::MappedAddress;
use stun::agent::TransactionId;
use stun::attributes::{ATTR_FINGERPRINT, ATTR_NONCE, ATTR_REALM, ATTR_USERNAME};
use stun::error_code::ErrorCodeAttribute;
use stun::fingerprint::FINGERPRINT;
use stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, Getter, METHOD_ALLOCATE,
    METHOD_BINDING, METHOD_REFRESH, Message, MessageType, Method, Setter,
};
use stun::textattrs::Username;
use stun::xoraddr::XorMappedAddress;
use turn::proto::lifetime::Lifetime;
use turn::proto::reqtrans::RequestedTransport;
use turn::proto::{PROTO_UDP, Protocol};

use crate::model::facts::{ServerText, StunAnswer};
use crate::proto::first_bytes::{self, MAGIC_COOKIE};

/// Bytes of a STUN header (RFC 8489 §5).
pub(super) const HEADER: usize = 20;

/// One request, and how to know its answer.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    id: [u8; 12],
    bytes: Vec<u8>,
}

impl Request {
    /// A Binding request without attributes: 20 bytes. `id` is random: who does not see the
    /// request cannot forge an answer.
    pub fn binding(id: [u8; 12]) -> Self {
        Self::new(METHOD_BINDING, id, Vec::new())
    }

    /// A Binding request of a session: with `user` as USERNAME, and without its proof (RFC 8445
    /// §7.1).
    pub fn binding_for(id: [u8; 12], user: &str) -> Self {
        let user = Username::new(ATTR_USERNAME, user.to_owned());
        Self::new(METHOD_BINDING, id, vec![Box::new(user)])
    }

    /// An Allocate request for a UDP relay, without credentials: a right server answers 401, with
    /// its realm and a nonce (RFC 8656 §7.2).
    pub fn allocate(id: [u8; 12]) -> Self {
        let transport = RequestedTransport { protocol: Protocol(PROTO_UDP.0) };
        Self::new(METHOD_ALLOCATE, id, vec![Box::new(transport)])
    }

    /// A Refresh request with a lifetime of zero, which gives an allocation back (RFC 8656 §8).
    pub fn release(id: [u8; 12]) -> Self {
        let lifetime = Lifetime(Duration::ZERO);
        Self::new(METHOD_REFRESH, id, vec![Box::new(lifetime)])
    }

    /// A request with these attributes behind its header.
    pub(in crate::proto) fn new(
        method: Method,
        id: [u8; 12],
        attributes: Vec<Box<dyn Setter>>,
    ) -> Self {
        let mut setters: Vec<Box<dyn Setter>> =
            vec![Box::new(TransactionId(id)), Box::new(MessageType::new(method, CLASS_REQUEST))];
        setters.extend(attributes);
        let mut message = Message::new();
        message.build(&setters).expect("attributes of a fixed size always fit");
        Self { method, id, bytes: message.raw }
    }

    /// Its transaction id.
    pub fn id(&self) -> [u8; 12] {
        self.id
    }

    /// The request as sent; each copy is the same (RFC 8489 §6.2.1).
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether an ICMP error that quotes this of a datagram is about this request: the quote has to
    /// hold its header, with the transaction id.
    ///
    /// Routers and hosts quote as much as fits (RFC 1812 §4.3.2.3, RFC 4443 §2.4), Linux among them.
    /// RFC 792 asks for 8 bytes, which are the UDP header: whoever guesses our port can forge these,
    /// so that an error with no more says nothing.
    pub fn is_quoted_in(&self, quote: &[u8]) -> bool {
        quote.len() >= HEADER && self.bytes.iter().zip(quote).all(|(ours, quoted)| ours == quoted)
    }

    /// Whether `message` holds the transaction id, wherever: who does not see the request cannot have
    /// made it.
    pub fn is_told_by(&self, message: &[u8]) -> bool {
        message.windows(self.id.len()).any(|bytes| bytes == self.id)
    }

    /// Reads one message: a datagram, or what [`frame`](super::frame) cut out of a stream.
    pub fn read(&self, message: &[u8]) -> Reading {
        if message.is_empty() {
            return Reading::stray("an empty datagram");
        }
        if !looks_like_stun(message) {
            return Reading::Stray(StunAnswer::NotStun(first_bytes::recognise(message)));
        }
        self.read_stun(message).unwrap_or_else(|fault| fault)
    }

    /// `Err` is the first thing that is wrong with it.
    fn read_stun(&self, bytes: &[u8]) -> Result<Reading, Reading> {
        let announced = HEADER + announced_length(bytes);
        if announced != bytes.len() {
            let came = bytes.len();
            return Err(Reading::stray(format!(
                "its header announces {announced} bytes, {came} came"
            )));
        }
        if bytes[8..HEADER] != self.id {
            return Err(Reading::stray("a transaction id that is not ours"));
        }
        let mut message = Message::new();
        if message.unmarshal_binary(bytes).is_err() {
            return Err(Reading::stray("its attributes are longer than the message"));
        }
        if message.contains(ATTR_FINGERPRINT) && FINGERPRINT.check(&message).is_err() {
            return Err(Reading::stray("its FINGERPRINT is wrong"));
        }
        if message.typ.method != self.method {
            return Err(Reading::stray("an answer to another kind of request"));
        }
        match message.typ.class {
            CLASS_SUCCESS_RESPONSE => {
                Ok(Reading::Answer(StunAnswer::Success { mapped: mapped_address(&message) }))
            }
            CLASS_ERROR_RESPONSE => Ok(Reading::Answer(error_response(&message))),
            _ => Err(Reading::stray("our own request, sent back")),
        }
    }
}

/// What one message is to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The answer to it: [`StunAnswer::Success`] or [`StunAnswer::Error`].
    Answer(StunAnswer),
    /// Anything else, to be ignored as long as the answer may still come (RFC 8489 §6.3):
    /// [`StunAnswer::Malformed`] or [`StunAnswer::NotStun`].
    Stray(StunAnswer),
}

impl Reading {
    fn stray(fault: impl AsRef<str>) -> Self {
        Self::Stray(StunAnswer::Malformed(ServerText::new(fault.as_ref())))
    }
}

fn mapped_address(message: &Message) -> Option<SocketAddr> {
    let mut xored = XorMappedAddress::default();
    if xored.get_from(message).is_ok() {
        return Some(SocketAddr::new(xored.ip, xored.port));
    }
    let mut plain = MappedAddress::default();
    let found = plain.get_from(message).is_ok();
    found.then(|| SocketAddr::new(plain.ip, plain.port))
}

fn error_response(message: &Message) -> StunAnswer {
    let mut error = ErrorCodeAttribute::default();
    let (code, reason) = match error.get_from(message) {
        Ok(()) => (error.code.0, error.reason),
        Err(_) => (0, Vec::new()),
    };
    // coturn ends its reason phrases with a NUL.
    let reason = reason.strip_suffix(b"\0").unwrap_or(&reason);
    let (realm, has_realm) = message.attributes.get(ATTR_REALM);
    let (nonce, has_nonce) = message.attributes.get(ATTR_NONCE);
    StunAnswer::Error {
        code,
        reason: ServerText::from_bytes(reason),
        realm: has_realm.then(|| ServerText::from_bytes(&realm.value)),
        nonce_bytes: has_nonce.then_some(nonce.value.len()),
    }
}

/// Whether `bytes`, a whole message or its beginning, can belong to STUN: two zero bits first, and
/// the magic cookie as far as it is there.
pub(super) fn looks_like_stun(bytes: &[u8]) -> bool {
    let zeros_first = bytes.first().is_none_or(|first| first & 0xc0 == 0);
    let cookie = bytes.get(4..).unwrap_or_default();
    zeros_first && cookie.iter().zip(MAGIC_COOKIE).all(|(byte, right)| *byte == right)
}

/// Whether `bytes` are one STUN message, as far as its header tells.
pub(in crate::proto) fn is_whole(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && looks_like_stun(bytes)
        && HEADER + announced_length(bytes) == bytes.len()
}

/// The length that the header gives for what follows it; 0 without enough bytes.
pub(super) fn announced_length(bytes: &[u8]) -> usize {
    match bytes {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use stun::attributes::{AttrType, RawAttribute};
    use stun::textattrs::{Nonce, Realm};

    use super::*;

    const ID: [u8; 12] = *b"ovcheck-test";

    /// A response to `request` with these attributes.
    fn response(request: &Request, class: u16, attributes: Vec<Box<dyn Setter>>) -> Vec<u8> {
        let mut message = Message::new();
        let mut setters: Vec<Box<dyn Setter>> = vec![Box::new(TransactionId(request.id))];
        setters.extend(attributes);
        message.build(&setters).unwrap();
        let typ = u16::from_be_bytes([request.bytes[0], request.bytes[1]]) | class;
        message.raw[..2].copy_from_slice(&typ.to_be_bytes());
        message.raw
    }

    fn success_from(address: &str) -> Vec<u8> {
        let seen: SocketAddr = address.parse().unwrap();
        let mapped = XorMappedAddress { ip: seen.ip(), port: seen.port() };
        response(&Request::binding(ID), 0x0100, vec![Box::new(mapped)])
    }

    fn fault(reading: Reading) -> String {
        let Reading::Stray(StunAnswer::Malformed(what)) = reading else {
            panic!("{reading:?} is not malformed");
        };
        what.unquoted().to_owned()
    }

    #[test]
    fn a_binding_request_is_a_bare_header() {
        let request = Request::binding(ID);
        assert_eq!(request.bytes()[..8], [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        assert_eq!(request.bytes()[8..], *b"ovcheck-test");
    }

    #[test]
    fn an_allocate_request_asks_for_a_udp_relay_and_nothing_else() {
        let request = Request::allocate(ID);
        assert_eq!(request.bytes()[..4], [0, 3, 0, 8]);
        assert_eq!(request.bytes()[20..], [0, 0x19, 0, 4, 17, 0, 0, 0]);
    }

    #[test]
    fn a_release_is_a_refresh_with_lifetime_zero() {
        let request = Request::release(ID);
        assert_eq!(request.bytes()[..4], [0, 4, 0, 8]);
        assert_eq!(request.bytes()[20..], [0, 0x0d, 0, 4, 0, 0, 0, 0]);
    }

    #[test]
    fn a_success_tells_the_mapped_address() {
        for address in ["203.0.113.7:50000", "[2001:db8::7]:4000"] {
            let reading = Request::binding(ID).read(&success_from(address));
            let mapped = Some(address.parse().unwrap());
            assert_eq!(reading, Reading::Answer(StunAnswer::Success { mapped }));
        }
    }

    #[test]
    fn a_challenge_tells_code_realm_and_the_size_of_the_nonce() {
        let request = Request::allocate(ID);
        let error = RawAttribute {
            typ: AttrType(0x0009),
            length: 0,
            value: b"\0\0\x04\x01Unauthorized\0".to_vec(),
        };
        let realm = Realm::new(ATTR_REALM, "live\u{202e}kit".into());
        let nonce = Nonce::new(ATTR_NONCE, "0123456789".into());
        let bytes =
            response(&request, 0x0110, vec![Box::new(error), Box::new(realm), Box::new(nonce)]);
        let expected = StunAnswer::Error {
            code: 401,
            reason: ServerText::new("Unauthorized"),
            realm: Some(ServerText::new("live·kit")),
            nonce_bytes: Some(10),
        };
        assert_eq!(request.read(&bytes), Reading::Answer(expected));
    }

    #[test]
    fn an_error_without_a_code_is_code_zero() {
        let request = Request::allocate(ID);
        let reading = request.read(&response(&request, 0x0110, Vec::new()));
        let expected = StunAnswer::Error {
            code: 0,
            reason: ServerText::new(""),
            realm: None,
            nonce_bytes: None,
        };
        assert_eq!(reading, Reading::Answer(expected));
    }

    #[test]
    fn only_an_answer_to_our_own_request_is_one() {
        let right = success_from("203.0.113.7:1");
        let another = Request::binding(*b"another-id-!");
        assert_eq!(fault(another.read(&right)), "a transaction id that is not ours");
        assert_eq!(
            fault(Request::allocate(ID).read(&right)),
            "an answer to another kind of request"
        );
        let request = Request::binding(ID);
        assert_eq!(fault(request.read(request.bytes())), "our own request, sent back");
        assert_eq!(fault(request.read(&[])), "an empty datagram");
    }

    #[test]
    fn a_length_that_lies_is_malformed() {
        let mut long = success_from("203.0.113.7:1");
        long[3] = 200;
        assert_eq!(
            fault(Request::binding(ID).read(&long)),
            "its header announces 220 bytes, 32 came"
        );
        let mut attribute = success_from("203.0.113.7:1");
        attribute[23] = 200;
        assert_eq!(
            fault(Request::binding(ID).read(&attribute)),
            "its attributes are longer than the message"
        );
    }

    #[test]
    fn a_wrong_fingerprint_is_malformed() {
        let request = Request::binding(ID);
        let mut bytes = response(&request, 0x0100, vec![Box::new(FINGERPRINT)]);
        // The type was written after the fingerprint had been computed.
        assert_eq!(fault(request.read(&bytes)), "its FINGERPRINT is wrong");
        bytes.truncate(20);
        bytes[3] = 0;
        assert_eq!(request.read(&bytes), Reading::Answer(StunAnswer::Success { mapped: None }));
    }

    #[test]
    fn no_single_changed_byte_and_no_cut_makes_the_reader_panic() {
        let request = Request::binding(ID);
        let right = success_from("[2001:db8::7]:4000");
        for place in 0..right.len() {
            for byte in 0..=255 {
                let mut changed = right.clone();
                changed[place] = byte;
                request.read(&changed);
                crate::proto::stun::frame(&changed);
            }
            request.read(&right[..place]);
        }
    }
}
