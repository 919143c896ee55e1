//! ICE checks of one session (RFC 8445 §7): authenticated Binding requests both ways, and how to
//! know an answer that only the other end of the session can have made.

use std::net::SocketAddr;

use stun::agent::TransactionId;
use stun::attributes::{
    ATTR_FINGERPRINT, ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME,
    AttrType, RawAttribute,
};
use stun::error_code::ErrorCodeAttribute;
use stun::fingerprint::FINGERPRINT;
use stun::integrity::MessageIntegrity;
use stun::message::{
    BINDING_REQUEST, BINDING_SUCCESS, CLASS_ERROR_RESPONSE, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE,
    Getter, METHOD_BINDING, Message, Setter,
};
use stun::textattrs::{TextAttribute, Username};
use stun::xoraddr::XorMappedAddress;

use crate::model::secret::Secret;

/// One end's half of a session's credentials (RFC 8839 §5.4).
#[derive(Debug, Clone)]
pub struct Half {
    pub ufrag: String,
    pub password: Secret,
}

impl Half {
    /// A fragment of 8 and a password of 24 characters, from 32 random bytes: letters, digits, `+`
    /// and `/` are all that ICE allows.
    pub fn random(bytes: [u8; 32]) -> Self {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let text: String =
            bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect();
        Self { ufrag: text[..8].to_owned(), password: Secret::new(&text[8..]) }
    }
}

/// The credentials of both ends.
#[derive(Debug, Clone)]
pub struct Pair {
    pub ours: Half,
    pub theirs: Half,
    /// Decides who controls when both want to (RFC 8445 §7.3.1.1). We made the offer: we do.
    pub tiebreaker: u64,
}

/// What a check of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be answered: 100 bytes or so.
    Proof,
    /// To be answered though it is as large as media: some 1,200 bytes.
    Size,
    /// To make the other end use this path (USE-CANDIDATE), so that DTLS begins on it.
    Nomination,
}

/// PRIORITY of a host candidate (RFC 8445 §5.1.2), peer-reflexive as the other end will see it.
const PRIORITY: u32 = 0x6e7f_1eff;

/// A comprehension-optional attribute that nobody knows (RFC 8489 §14, 0xC000-0xFFFF).
const PADDING: AttrType = AttrType(0xc0f0);

/// How long it is.
const PADDING_BYTES: usize = 1_112;

impl Pair {
    /// A check of ours. Each copy is the same.
    pub fn check(&self, id: [u8; 12], purpose: Purpose) -> Vec<u8> {
        let user = format!("{}:{}", self.theirs.ufrag, self.ours.ufrag);
        let raw = |typ, value: Vec<u8>| RawAttribute { typ, length: 0, value };
        let mut attributes: Vec<Box<dyn Setter>> = vec![
            Box::new(TransactionId(id)),
            Box::new(BINDING_REQUEST),
            Box::new(Username::new(ATTR_USERNAME, user)),
            Box::new(raw(ATTR_PRIORITY, PRIORITY.to_be_bytes().to_vec())),
            Box::new(raw(ATTR_ICE_CONTROLLING, self.tiebreaker.to_be_bytes().to_vec())),
        ];
        match purpose {
            Purpose::Proof => {}
            Purpose::Size => attributes.push(Box::new(raw(PADDING, vec![0; PADDING_BYTES]))),
            Purpose::Nomination => attributes.push(Box::new(raw(ATTR_USE_CANDIDATE, Vec::new()))),
        }
        attributes.push(Box::new(integrity(&self.theirs)));
        attributes.push(Box::new(FINGERPRINT));
        build(&attributes)
    }

    /// Reads the answer to the check `id`; `None` for anything else, so that a caller goes on
    /// listening: the other end sends checks of its own, which may come first.
    pub fn read_answer(&self, id: [u8; 12], bytes: &[u8]) -> Option<Answer> {
        let mut message = read(bytes)?;
        if message.transaction_id.0 != id || message.typ.method != METHOD_BINDING {
            return None;
        }
        integrity(&self.theirs).check(&mut message).ok()?;
        match message.typ.class {
            CLASS_SUCCESS_RESPONSE => {
                let mut mapped = XorMappedAddress::default();
                let found = mapped.get_from(&message).is_ok();
                Some(Answer { mapped: found.then(|| SocketAddr::new(mapped.ip, mapped.port)) })
            }
            // It wants the other role (RFC 8445 §7.3.1.1): said by the right one all the same.
            CLASS_ERROR_RESPONSE => {
                let mut error = ErrorCodeAttribute::default();
                error.get_from(&message).ok()?;
                (error.code.0 == ROLE_CONFLICT).then_some(Answer { mapped: None })
            }
            _ => None,
        }
    }

    /// What a message is that belongs to no session of ours; `None` for what may well come: checks
    /// of the other end's, late answers, and the beginning of DTLS.
    pub fn misfit(&self, bytes: &[u8]) -> Option<&'static str> {
        let Some(mut message) = read(bytes) else {
            let is_dtls = matches!(bytes, [20..=63, 0xfe, ..]);
            return (!is_dtls).then_some("no STUN");
        };
        if message.typ.method != METHOD_BINDING {
            return Some("STUN of another kind");
        }
        let signer = match message.typ.class {
            CLASS_REQUEST => &self.ours,
            CLASS_SUCCESS_RESPONSE | CLASS_ERROR_RESPONSE => &self.theirs,
            _ => return None,
        };
        let is_signed = integrity(signer).check(&mut message).is_ok();
        (!is_signed).then_some("STUN that is not signed with the password of this session")
    }

    /// Reads a check of the other end's: its transaction id.
    pub fn read_check(&self, bytes: &[u8]) -> Option<[u8; 12]> {
        let mut message = read(bytes)?;
        if (message.typ.method, message.typ.class) != (METHOD_BINDING, CLASS_REQUEST) {
            return None;
        }
        let user = TextAttribute::get_from_as(&message, ATTR_USERNAME).ok()?;
        if user.text != format!("{}:{}", self.ours.ufrag, self.theirs.ufrag) {
            return None;
        }
        integrity(&self.ours).check(&mut message).ok()?;
        Some(message.transaction_id.0)
    }

    /// The answer to a check of the other end's, which came from `source`.
    pub fn answer(&self, id: [u8; 12], source: SocketAddr) -> Vec<u8> {
        let mapped = XorMappedAddress { ip: source.ip(), port: source.port() };
        build(&[
            Box::new(TransactionId(id)),
            Box::new(BINDING_SUCCESS),
            Box::new(mapped),
            Box::new(integrity(&self.ours)),
            Box::new(FINGERPRINT),
        ])
    }
}

/// An answer with a valid MESSAGE-INTEGRITY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Where the other end saw us; `None` in a role conflict.
    pub mapped: Option<SocketAddr>,
}

/// RFC 8445 §7.3.1.1.
const ROLE_CONFLICT: u16 = 487;

fn integrity(half: &Half) -> MessageIntegrity {
    MessageIntegrity::new_short_term_integrity(half.password.expose().to_owned())
}

fn build(attributes: &[Box<dyn Setter>]) -> Vec<u8> {
    let mut message = Message::new();
    message.build(attributes).expect("attributes of a bounded size always fit");
    message.raw
}

/// A STUN message whose FINGERPRINT, if any, is right.
fn read(bytes: &[u8]) -> Option<Message> {
    if !super::stun::is_whole(bytes) {
        return None;
    }
    let mut message = Message::new();
    message.unmarshal_binary(bytes).ok()?;
    let is_damaged = message.contains(ATTR_FINGERPRINT) && FINGERPRINT.check(&message).is_err();
    (!is_damaged).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 12] = *b"ovcheck-test";

    fn pair(ours: &str, theirs: &str) -> Pair {
        let half = |name: &str| Half {
            ufrag: name.to_owned(),
            password: Secret::new(format!("{name}-password-of-22-chars")),
        };
        Pair { ours: half(ours), theirs: half(theirs), tiebreaker: 7 }
    }

    #[test]
    fn a_check_of_ours_is_read_and_answered_by_the_other_end() {
        let (we, they) = (pair("us", "them"), pair("them", "us"));
        for purpose in [Purpose::Proof, Purpose::Size, Purpose::Nomination] {
            let check = we.check(ID, purpose);
            assert_eq!(they.read_check(&check), Some(ID));
            let source = "203.0.113.7:4000".parse().unwrap();
            let answer = they.answer(ID, source);
            let mapped = Some(source);
            assert_eq!(we.read_answer(ID, &answer), Some(Answer { mapped }));
        }
        assert_eq!(we.check(ID, Purpose::Size).len(), 1_200);
        assert_eq!(we.check(ID, Purpose::Proof).len(), 84);
    }

    #[test]
    fn the_wrong_password_the_wrong_id_and_an_echo_prove_nothing() {
        let (we, they) = (pair("us", "them"), pair("them", "us"));
        let source = "203.0.113.7:4000".parse().unwrap();
        let answer = they.answer(ID, source);
        assert_eq!(we.read_answer(*b"another-id-!", &answer), None);
        assert_eq!(pair("us", "others").read_answer(ID, &answer), None);
        let echo = we.check(ID, Purpose::Proof);
        assert_eq!(we.read_answer(ID, &echo), None);
        assert_eq!(we.read_check(&echo), None);
    }

    #[test]
    fn what_belongs_to_no_session_is_told_from_what_may_come() {
        let (we, they) = (pair("us", "them"), pair("them", "us"));
        let source = "203.0.113.7:4000".parse().unwrap();
        let late = they.answer(*b"another-id-!", source);
        let check = they.check(ID, Purpose::Proof);
        let hello = [22, 0xfe, 0xfd, 0, 0];
        for fitting in [&late[..], &check, &hello] {
            assert_eq!(we.misfit(fitting), None);
        }
        let unsigned = Some("STUN that is not signed with the password of this session");
        assert_eq!(we.misfit(&pair("others", "us").answer(ID, source)), unsigned);
        assert_eq!(we.misfit(&we.check(ID, Purpose::Proof)), unsigned);
        assert_eq!(we.misfit(b"hello"), Some("no STUN"));
    }

    #[test]
    fn no_changed_byte_and_no_cut_is_taken_for_an_answer() {
        let (we, they) = (pair("us", "them"), pair("them", "us"));
        let right = they.answer(ID, "[2001:db8::7]:4000".parse().unwrap());
        // FINGERPRINT, the last 8 bytes, stands behind what MESSAGE-INTEGRITY covers.
        for place in 0..right.len() - 8 {
            let mut changed = right.clone();
            changed[place] ^= 0x55;
            assert_eq!(we.read_answer(ID, &changed), None, "byte {place}");
        }
        for length in 0..right.len() {
            assert_eq!(we.read_answer(ID, &right[..length]), None);
        }
    }

    #[test]
    fn credentials_have_only_letters_that_ice_allows() {
        let half = Half::random(std::array::from_fn(|index| (index * 9) as u8));
        assert_eq!((half.ufrag.len(), half.password.expose().len()), (8, 24));
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        assert!(half.ufrag.chars().all(allowed) && half.password.expose().chars().all(allowed));
    }
}
