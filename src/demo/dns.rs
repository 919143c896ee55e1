//! The DNS server of the demo: the addresses of two names, over UDP and TCP (RFC 1035).

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use hickory_resolver::proto::op::{Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::model::name::DomainName;

/// How long an answer may be kept, in seconds.
const TTL: u32 = 60;

/// The largest question that is read over TCP; one for one name has 300 bytes at most.
const LARGEST: usize = 1500;

/// What the server knows.
#[derive(Clone)]
pub struct Zone {
    /// Every name that exists, with its addresses.
    pub names: Vec<(DomainName, Vec<IpAddr>)>,
}

impl Zone {
    /// The answer to a message; `None` where it has no head, or is itself an answer.
    pub fn answer(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let Ok(question) = Message::from_vec(bytes) else {
            return format_error(bytes);
        };
        if question.metadata.message_type == MessageType::Response {
            return None;
        }
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata = Metadata::response_from_request(&question.metadata);
        answer.metadata.authoritative = true;
        // Stub resolvers want one that would ask further.
        answer.metadata.recursion_available = true;
        match question.queries.as_slice() {
            [query] if question.metadata.op_code == OpCode::Query => {
                let name = query.name().to_ascii().to_ascii_lowercase();
                let name = name.trim_end_matches('.');
                match self.names.iter().find(|(known, _)| known.as_str() == name) {
                    Some((_, addresses)) => {
                        answer.add_answers(addresses.iter().filter_map(|address| {
                            let data = match (address, query.query_type()) {
                                (IpAddr::V4(address), RecordType::A) => RData::A(A(*address)),
                                (IpAddr::V6(address), RecordType::AAAA) => {
                                    RData::AAAA(AAAA(*address))
                                }
                                _ => return None,
                            };
                            Some(Record::from_rdata(query.name().clone(), TTL, data))
                        }));
                    }
                    None => answer.metadata.response_code = ResponseCode::NXDomain,
                }
            }
            _ => answer.metadata.response_code = ResponseCode::NotImp,
        }
        answer.add_queries(question.queries);
        answer.to_vec().ok()
    }

    /// Answers questions on one connection, each with its length before it (RFC 1035 §4.2.2).
    ///
    /// # Errors
    /// The connection's, or a question that is too long.
    pub async fn serve_tcp(self: Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let length = usize::from(stream.read_u16().await?);
            if length > LARGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut question = vec![0; length];
            stream.read_exact(&mut question).await?;
            let Some(answer) = self.answer(&question) else {
                return Ok(());
            };
            let Ok(length) = u16::try_from(answer.len()) else {
                return Ok(());
            };
            stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat()).await?;
        }
    }
}

/// The answer FORMERR to what begins like a question and goes on as something else.
fn format_error(bytes: &[u8]) -> Option<Vec<u8>> {
    const RESPONSE: u8 = 0x80;
    let &[id_high, id_low, flags, ..] = bytes.first_chunk::<12>()?;
    if flags & RESPONSE != 0 {
        return None;
    }
    let id = u16::from_be_bytes([id_high, id_low]);
    let answer = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
    answer.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::Query;
    use hickory_resolver::proto::rr::Name;

    use super::*;

    fn ask(name: &str, record: RecordType) -> Message {
        let zone = Zone {
            names: vec![("a.example.io".parse().unwrap(), vec!["203.0.113.7".parse().unwrap()])],
        };
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), record));
        let answer = zone.answer(&question.to_vec().unwrap()).unwrap();
        let answer = Message::from_vec(&answer).unwrap();
        assert_eq!(answer.metadata.id, question.metadata.id);
        answer
    }

    #[test]
    fn a_known_name_is_answered_with_its_address_whatever_its_case() {
        let answer = ask("A.Example.IO.", RecordType::A);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert_eq!(answer.answers.len(), 1);
        assert_eq!(answer.answers[0].data.to_string(), "203.0.113.7");
    }

    #[test]
    fn a_known_name_without_such_a_record_is_answered_with_nothing() {
        let answer = ask("a.example.io.", RecordType::AAAA);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert_eq!(answer.answers.len(), 0);
    }

    #[test]
    fn an_unknown_name_does_not_exist() {
        let answer = ask("b.example.io.", RecordType::A);
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    }

    #[test]
    fn what_begins_like_a_question_and_is_none_is_a_format_error() {
        let zone = Zone { names: Vec::new() };
        let stun_binding = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";
        let answer = zone.answer(stun_binding).unwrap();
        assert_eq!(answer, b"\x00\x01\x80\x01\0\0\0\0\0\0\0\0");
        assert_eq!(zone.answer(&answer), None);
        assert_eq!(zone.answer(b"\x00\x01"), None);
    }
}
