//! MongoDB: `hello`, which needs no login, and its answer (MongoDB wire protocol, OP_MSG; BSON
//! specification 1.1).

use super::{remainder, stranger};
use crate::model::facts::{ServerText, ServiceAnswer};

/// Bytes of a message's header: length, its id, the id that it answers, opcode; all little-endian.
const HEADER: usize = 16;

/// The opcode of OP_MSG.
const OP_MSG: u32 = 2013;

/// What stands between header and document: flags (4 bytes) and the kind of the section.
const BEFORE_DOCUMENT: usize = 5;

/// The longest answer that is read whole. `hello` of a replica set has about 1,000 bytes.
pub const LONGEST: usize = 16 * 1024;

/// `{hello: 1, $db: "admin"}`.
const DOCUMENT: [u8; 31] = *b"\x1f\0\0\0\
    \x10hello\0\x01\0\0\0\
    \x02$db\0\x06\0\0\0admin\0\
    \0";

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
        let length = HEADER + BEFORE_DOCUMENT + DOCUMENT.len();
        let length = u32::try_from(length).expect("the question is short");
        let mut bytes = Vec::new();
        for number in [length, self.id, 0, OP_MSG] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&[0; BEFORE_DOCUMENT]);
        bytes.extend_from_slice(&DOCUMENT);
        bytes
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
        if !self.is_answered_by(received) {
            return Some(remainder(received));
        }
        let announced = usize::try_from(number(received, 0)?).unwrap_or(usize::MAX);
        let enough = announced.min(LONGEST);
        (received.len() >= enough).then(|| about(received))
    }

    /// What there is when nothing more comes. `received` is not empty.
    pub fn cut_off(self, received: &[u8]) -> ServiceAnswer {
        if received.len() >= HEADER && self.is_answered_by(received) {
            about(received)
        } else {
            remainder(received)
        }
    }

    /// Whether the header is one of an OP_MSG that answers us.
    fn is_answered_by(self, received: &[u8]) -> bool {
        number(received, 8) == Some(self.id) && number(received, 12) == Some(OP_MSG)
    }
}

/// What an answer says about the server, as far as it came.
fn about(message: &[u8]) -> ServiceAnswer {
    let mut set_name = None;
    let mut is_primary = None;
    // Behind the document's own length.
    let start = HEADER + BEFORE_DOCUMENT + 4;
    let mut rest = message.get(start..).unwrap_or_default();
    while let Some((element, behind)) = Element::take(rest) {
        match (element.kind, element.name, element.value) {
            // A text ends with a zero byte that its length counts.
            (0x02, b"setName", [_, _, _, _, text @ .., 0]) => {
                set_name = Some(ServerText::from_bytes(text));
            }
            (0x08, b"isWritablePrimary", [value]) => is_primary = Some(*value == 1),
            _ => {}
        }
        rest = behind;
    }
    ServiceAnswer::MongoDb { set_name, is_primary }
}

/// One element of a document.
struct Element<'a> {
    kind: u8,
    name: &'a [u8],
    /// With the length before it, where its kind has one.
    value: &'a [u8],
}

impl<'a> Element<'a> {
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
        ServiceAnswer::MongoDb { set_name: set_name.map(ServerText::new), is_primary }
    }

    #[test]
    fn the_question_is_one_message() {
        let expected = b"\x34\0\0\0\x01\x02\x03\x04\0\0\0\0\xdd\x07\0\0\
            \0\0\0\0\0\
            \x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";
        assert_eq!(HELLO.bytes(), expected);
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
