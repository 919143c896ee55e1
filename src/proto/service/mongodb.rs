//! MongoDB: `hello`, which needs no login, `listDatabases`, which needs one where logins are
//! demanded, and their answers (MongoDB wire protocol, OP_MSG; BSON specification 1.1).

use super::{remainder, stranger};
use crate::model::facts::{MongoLogin, ServerText, ServiceAnswer};

/// Bytes of a message's header: length, its id, the id that it answers, opcode; all little-endian.
const HEADER: usize = 16;

/// The opcode of OP_MSG.
const OP_MSG: u32 = 2013;

/// What stands between header and document: flags (4 bytes) and the kind of the section.
const BEFORE_DOCUMENT: usize = 5;

/// The longest answer that is read whole. `hello` of a replica set has about 1,000 bytes.
pub const LONGEST: usize = 16 * 1024;

/// `{hello: 1, $db: "admin"}`.
const HELLO: &[u8] = b"\x1f\0\0\0\
    \x10hello\0\x01\0\0\0\
    \x02$db\0\x06\0\0\0admin\0\
    \0";

/// `{listDatabases: 1, nameOnly: true, filter: {name: "admin"}, $db: "admin"}`: no name comes back
/// that is not known beforehand.
const LIST_DATABASES: &[u8] = b"\x4f\0\0\0\
    \x10listDatabases\0\x01\0\0\0\
    \x08nameOnly\0\x01\
    \x03filter\0\x15\0\0\0\x02name\0\x06\0\0\0admin\0\0\
    \x02$db\0\x06\0\0\0admin\0\
    \0";

/// The errors that say that nobody is logged in (MongoDB: "Unauthorized", "AuthenticationFailed").
const LOGIN_DEMANDED: [u32; 2] = [13, 18];

/// A command in a message of its own.
fn message(id: u32, document: &[u8]) -> Vec<u8> {
    let length = HEADER + BEFORE_DOCUMENT + document.len();
    let length = u32::try_from(length).expect("the question is short");
    let mut bytes = Vec::new();
    for number in [length, id, 0, OP_MSG] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&[0; BEFORE_DOCUMENT]);
    bytes.extend_from_slice(document);
    bytes
}

/// Whether the header is one of an OP_MSG that answers the message with this id.
fn is_answer_to(id: u32, received: &[u8]) -> bool {
    number(received, 8) == Some(id) && number(received, 12) == Some(OP_MSG)
}

/// Whether as much came as the header announces, or as much as is read at all.
fn is_whole(received: &[u8]) -> bool {
    number(received, 0).is_some_and(|announced| {
        received.len() >= usize::try_from(announced).unwrap_or(usize::MAX).min(LONGEST)
    })
}

/// One `listDatabases` behind an answered `hello`.
#[derive(Debug, Clone, Copy)]
pub struct ListDatabases {
    id: u32,
}

impl ListDatabases {
    /// A question with this id, which the answer repeats.
    pub fn new(id: u32) -> Self {
        Self { id }
    }

    /// What to send.
    pub fn bytes(self) -> Vec<u8> {
        message(self.id, LIST_DATABASES)
    }

    /// Reads what came so far; `None` as long as more may tell.
    pub fn read(self, received: &[u8]) -> Option<MongoLogin> {
        let is_told = received.len() >= HEADER;
        (is_told && (!is_answer_to(self.id, received) || is_whole(received)))
            .then(|| self.cut_off(received))
    }

    /// What there is when nothing more comes.
    pub fn cut_off(self, received: &[u8]) -> MongoLogin {
        if !is_answer_to(self.id, received) {
            return MongoLogin::Unknown;
        }
        let told = Element::all(received).find_map(|element| match (element.kind, element.name) {
            (0x04, b"databases") => Some(MongoLogin::NotDemanded),
            (0x10, b"code") => {
                let code = number(element.value, 0)?;
                LOGIN_DEMANDED.contains(&code).then_some(MongoLogin::Demanded)
            }
            _ => None,
        });
        told.unwrap_or(MongoLogin::Unknown)
    }
}

/// One `hello`.
#[derive(Debug, Clone, Copy)]
pub struct Hello {
    id: u32,
}

impl Hello {
    /// A question with this id, which the answer repeats.
    pub fn new(id: u32) -> Self {
        Self { id }
    }

    /// What to send.
    pub fn bytes(self) -> Vec<u8> {
        message(self.id, HELLO)
    }

    /// Reads what came so far; `None` as long as more may tell. `received` is not empty.
    pub fn read(self, received: &[u8]) -> Option<ServiceAnswer> {
        if received.len() < HEADER {
            // A length, and so a first byte, may be anything; a whole line of text is none.
            return match received.contains(&b'\n') {
                true => stranger(received),
                false => None,
            };
        }
        if !is_answer_to(self.id, received) {
            return Some(remainder(received));
        }
        is_whole(received).then(|| about(received))
    }

    /// What there is when nothing more comes. `received` is not empty.
    pub fn cut_off(self, received: &[u8]) -> ServiceAnswer {
        if is_answer_to(self.id, received) { about(received) } else { remainder(received) }
    }
}

/// What an answer says about the server, as far as it came.
fn about(message: &[u8]) -> ServiceAnswer {
    let mut set_name = None;
    let mut is_primary = None;
    for element in Element::all(message) {
        match (element.kind, element.name, element.value) {
            // A text ends with a zero byte that its length counts.
            (0x02, b"setName", [_, _, _, _, text @ .., 0]) => {
                set_name = Some(ServerText::from_bytes(text));
            }
            (0x08, b"isWritablePrimary", [value]) => is_primary = Some(*value == 1),
            _ => {}
        }
    }
    ServiceAnswer::MongoDb { set_name, is_primary, login: MongoLogin::Unknown }
}

/// One element of a document.
struct Element<'a> {
    kind: u8,
    name: &'a [u8],
    /// With the length before it, where its kind has one.
    value: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements of a message's document, as far as they came and make sense.
    fn all(message: &'a [u8]) -> impl Iterator<Item = Self> {
        // Behind the document's own length.
        let start = HEADER + BEFORE_DOCUMENT + 4;
        let mut rest = message.get(start..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (element, behind) = Self::take(rest)?;
            rest = behind;
            Some(element)
        })
    }

    /// The first element, and what is behind it; `None` at the end, or where it makes no sense.
    fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (kind, rest) = bytes.split_first()?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (name, rest) = (&rest[..end], &rest[end + 1..]);
        let (value, behind) = rest.split_at_checked(size(*kind, rest)?)?;
        let element = Self { kind: *kind, name, value };
        Some((element, behind))
    }
}

/// How many bytes the value of an element has (BSON specification, "element"); `None` for the end
/// of a document and for kinds that no answer to `hello` has.
fn size(kind: u8, value: &[u8]) -> Option<usize> {
    let length = || usize::try_from(number(value, 0)?).ok();
    match kind {
        0x0a => Some(0),
        0x08 => Some(1),
        0x10 => Some(4),
        0x01 | 0x09 | 0x11 | 0x12 => Some(8),
        0x07 => Some(12),
        0x13 => Some(16),
        0x02 => length()?.checked_add(4),
        0x05 => length()?.checked_add(5),
        // A document counts its own length; less than that would lead us backwards.
        0x03 | 0x04 => length().filter(|length| *length >= 5),
        _ => None,
    }
}

/// The little-endian number of four bytes at `at`.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::FirstBytes;

    const HELLO: Hello = Hello { id: 0x0403_0201 };

    /// `{topologyVersion: {counter: 6}, isWritablePrimary: true, setName: "rs0", ok: 1.0}`.
    const REPLY: &[u8] = b"\x72\0\0\0\x09\0\0\0\x01\x02\x03\x04\xdd\x07\0\0\
        \0\0\0\0\0\
        \x5d\0\0\0\
        \x03topologyVersion\0\x16\0\0\0\x12counter\0\x06\0\0\0\0\0\0\0\0\
        \x08isWritablePrimary\0\x01\
        \x02setName\0\x04\0\0\0rs0\0\
        \x01ok\0\0\0\0\0\0\0\xf0\x3f\
        \0";

    fn mongodb(set_name: Option<&str>, is_primary: Option<bool>) -> ServiceAnswer {
        let set_name = set_name.map(ServerText::new);
        ServiceAnswer::MongoDb { set_name, is_primary, login: MongoLogin::Unknown }
    }

    #[test]
    fn the_question_is_one_message() {
        let expected = b"\x34\0\0\0\x01\x02\x03\x04\0\0\0\0\xdd\x07\0\0\
            \0\0\0\0\0\
            \x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";
        assert_eq!(HELLO.bytes(), expected);
    }

    /// An answer with this document to the question of `LIST`.
    fn answer(document: &[u8]) -> Vec<u8> {
        let length = u32::try_from(21 + 4 + document.len() + 1).unwrap();
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"\x09\0\0\0\x01\x02\x03\x04\xdd\x07\0\0\0\0\0\0\0");
        bytes.extend_from_slice(&(length - 21).to_le_bytes());
        bytes.extend_from_slice(document);
        bytes.push(0);
        bytes
    }

    #[test]
    fn a_list_of_databases_or_its_refusal_tells_whether_a_login_is_demanded() {
        const LIST: ListDatabases = ListDatabases { id: 0x0403_0201 };
        let question = LIST.bytes();
        assert_eq!(usize::from(question[0]), question.len());
        assert_eq!(usize::from(question[21]) + 21, question.len());
        let listed = answer(b"\x04databases\0\x05\0\0\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f");
        assert_eq!(LIST.read(&listed), Some(MongoLogin::NotDemanded));
        assert_eq!(LIST.read(&listed[..30]), None);
        assert_eq!(LIST.cut_off(&listed[..30]), MongoLogin::Unknown);
        let refused = b"\x01ok\0\0\0\0\0\0\0\0\0\x10code\0\x0d\0\0\0";
        assert_eq!(LIST.read(&answer(refused)), Some(MongoLogin::Demanded));
        let unknown = b"\x01ok\0\0\0\0\0\0\0\0\0\x10code\0\x3b\0\0\0";
        assert_eq!(LIST.read(&answer(unknown)), Some(MongoLogin::Unknown));
        // The answer to `hello` once more.
        assert_eq!(LIST.read(REPLY), Some(MongoLogin::Unknown));
        let other = ListDatabases { id: 7 };
        assert_eq!(other.read(&listed), Some(MongoLogin::Unknown));
    }

    #[test]
    fn the_answer_tells_the_set_and_the_role() {
        assert_eq!(usize::from(REPLY[0]), REPLY.len());
        assert_eq!(HELLO.read(REPLY), Some(mongodb(Some("rs0"), Some(true))));
    }

    #[test]
    fn an_answer_that_comes_in_pieces_is_waited_for() {
        assert_eq!(HELLO.read(&REPLY[..10]), None);
        assert_eq!(HELLO.read(&REPLY[..60]), None);
        assert_eq!(HELLO.cut_off(&REPLY[..100]), mongodb(None, Some(true)));
        assert_eq!(HELLO.cut_off(&REPLY[..17]), mongodb(None, None));
    }

    #[test]
    fn an_answer_to_somebody_else_is_not_one() {
        let mut other_id = REPLY.to_vec();
        other_id[8] = 0xee;
        let mut other_opcode = REPLY.to_vec();
        other_opcode[12] = 1;
        for bytes in [other_id, other_opcode] {
            assert!(matches!(
                HELLO.read(&bytes),
                Some(ServiceAnswer::Other(FirstBytes::Binary(_)))
            ));
        }
        let text = ServerText::new("-ERR what?");
        assert_eq!(
            HELLO.read(b"-ERR what?\r\n"),
            Some(ServiceAnswer::Other(FirstBytes::Text(text)))
        );
    }

    #[test]
    fn lengths_that_lie_lead_nowhere() {
        // The message's, the document's inside, the text's.
        for (place, length) in [
            (0, [0xff, 0xff, 0xff, 0x7f]),
            (42, [0xff, 0xff, 0xff, 0xff]),
            (42, [0, 0, 0, 0]),
            (93, [0xff, 0xff, 0xff, 0x7f]),
        ] {
            let mut lying = REPLY.to_vec();
            lying[place..place + 4].copy_from_slice(&length);
            assert!(matches!(HELLO.cut_off(&lying), ServiceAnswer::MongoDb { .. }));
        }
    }

    #[test]
    fn no_more_than_the_limit_is_waited_for() {
        let mut huge = REPLY.to_vec();
        huge[..4].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(HELLO.read(&huge), None);
        huge.resize(LONGEST, 0);
        assert_eq!(HELLO.read(&huge), Some(mongodb(Some("rs0"), Some(true))));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in proptest::collection::vec(0_u8..=255, 1..300),
            place in 16_usize..114,
        ) {
            HELLO.read(&bytes);
            HELLO.cut_off(&bytes);
            let mut spoilt = REPLY.to_vec();
            let end = spoilt.len().min(place + bytes.len());
            spoilt[place..end].copy_from_slice(&bytes[..end - place]);
            HELLO.cut_off(&spoilt);
        }
    }
}
