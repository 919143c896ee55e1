//! DNS questions and what an answer to them says (RFC 1035), on the codec of hickory.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{CNAME, NS};
use hickory_resolver::proto::rr::{DNSClass, Name, Record, RecordData, RecordType};

use crate::model::target::Family;

/// The longest chain of CNAMEs that is followed.
pub const LONGEST_CHAIN: usize = 16;

/// What fits into one packet everywhere (DNS Flag Day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// What is asked about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Its addresses in one family.
    Addresses(Family),
    /// The name servers of the zone that begins at it.
    NameServers,
    /// Its CNAME record itself.
    Alias,
}

/// One question about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Unpredictable (RFC 5452 §4.3).
    pub id: u16,
    pub name: Name,
    pub about: About,
    /// Whether the server shall ask others. A name server of a zone answers by itself.
    pub recursive: bool,
    /// Whether it says that longer answers are welcome (EDNS, RFC 6891). Some old servers do not
    /// answer such a question.
    pub edns: bool,
    /// Whether the server shall answer without validating signatures (CD, RFC 4035 §3.2.2).
    pub without_validation: bool,
}

impl Question {
    fn record_type(&self) -> RecordType {
        match self.about {
            About::Addresses(Family::V4) => RecordType::A,
            About::Addresses(Family::V6) => RecordType::AAAA,
            About::NameServers => RecordType::NS,
            About::Alias => RecordType::CNAME,
        }
    }

    /// The question as it goes over the wire; `None` for a name that is too long.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = self.recursive;
        message.metadata.checking_disabled = self.without_validation;
        message.add_query(Query::query(self.name.clone(), self.record_type()));
        if self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_PAYLOAD);
            message.set_edns(edns);
        }
        message.to_vec().ok()
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub kind: ReplyKind,
    /// Where CNAMEs of this answer led, in order.
    pub chain: Vec<Name>,
    /// Whether the server says that the zone is its own.
    pub authoritative: bool,
}

/// What an answer says, apart from the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyKind {
    /// At least one, sorted.
    Addresses(Vec<IpAddr>),
    /// The name servers of the zone, each with the addresses that came along.
    NameServers(Vec<(Name, Vec<IpAddr>)>),
    NoData,
    /// CNAMEs, and nothing about the name they lead to: it is to be asked for on its own.
    OnlyCname,
    NxDomain,
    ServFail,
    Refused,
    /// The server does not understand the question (FORMERR, NOTIMP, BADVERS): RFC 6891 §7 has it
    /// asked again without EDNS.
    NotUnderstood(u16),
    OtherCode(u16),
    /// CNAMEs lead back, or there are too many of them.
    Loop,
    /// The rest of the answer did not fit; it is to be asked for over TCP.
    Truncated,
}

/// A name with the case of each letter by one of `bits`. Servers repeat a question as it is: the more
/// letters it has, the less a forger who does not see it can guess it.
pub fn in_mixed_case(name: &Name, mut bits: u64) -> Name {
    let plain = name.to_ascii();
    let mixed = plain.chars().map(|letter| {
        if !letter.is_ascii_alphabetic() {
            return letter;
        }
        let is_upper = bits & 1 == 1;
        bits >>= 1;
        if is_upper { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    });
    Name::from_ascii(mixed.collect::<String>()).unwrap_or_else(|_| name.clone())
}

/// Whether an answer repeats the question letter by letter.
pub fn repeats(question: &Question, bytes: &[u8]) -> bool {
    let message = Message::from_vec(bytes);
    message.is_ok_and(|message| {
        message.queries.iter().any(|query| query.name().eq_case(&question.name))
    })
}

/// Reads an answer to `question`; `None` when it is none.
pub fn read(question: &Question, bytes: &[u8]) -> Option<Reply> {
    use ResponseCode as R;
    let message = Message::from_vec(bytes).ok()?;
    let metadata = &message.metadata;
    if metadata.id != question.id || metadata.message_type != MessageType::Response {
        return None;
    }
    let code = metadata.response_code;
    let without_question = message.queries.is_empty() && code != ResponseCode::NoError;
    let ours = message.queries.iter().any(|query| {
        query.name().eq_ignore_root(&question.name)
            && query.query_type() == question.record_type()
            && query.query_class() == DNSClass::IN
    });
    // A server that did not understand the question need not repeat it.
    if !ours && !without_question {
        return None;
    }
    if metadata.truncation {
        return Some(ReplyKind::Truncated.alone());
    }
    let authoritative = metadata.authoritative;
    Some(if matches!(code, R::NoError | R::NXDomain) {
        Reply { authoritative, ..follow(question, &message) }
    } else if code == R::ServFail {
        ReplyKind::ServFail.alone()
    } else if code == R::Refused {
        ReplyKind::Refused.alone()
    } else if matches!(code, R::FormErr | R::NotImp | R::BADVERS) {
        ReplyKind::NotUnderstood(code.into()).alone()
    } else {
        ReplyKind::OtherCode(code.into()).alone()
    })
}

impl ReplyKind {
    fn alone(self) -> Reply {
        Reply { kind: self, chain: Vec::new(), authoritative: false }
    }
}

/// Follows the CNAMEs of an answer to the addresses at their end.
fn follow(question: &Question, message: &Message) -> Reply {
    let mut seen = vec![question.name.to_lowercase()];
    let mut here = question.name.to_lowercase();
    while let Some(next) = cname_of(message, &here) {
        let leads_back = seen.contains(&next);
        seen.push(next.clone());
        if leads_back || seen.len() > LONGEST_CHAIN + 1 {
            let chain = seen.split_off(1);
            return Reply { chain, ..ReplyKind::Loop.alone() };
        }
        here = next;
    }
    let chain = seen.split_off(1);
    let addresses = match question.about {
        About::Addresses(family) => addresses_of(&message.answers, &here, Some(family)),
        About::NameServers | About::Alias => Vec::new(),
    };
    let name_servers = match question.about {
        About::NameServers => name_servers_of(message, &here),
        About::Addresses(_) | About::Alias => Vec::new(),
    };
    let about_the_end =
        message.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    let kind = if !addresses.is_empty() {
        ReplyKind::Addresses(addresses)
    } else if !name_servers.is_empty() {
        ReplyKind::NameServers(name_servers)
    } else if message.metadata.response_code == ResponseCode::NXDomain {
        // The code speaks of the end of the chain (RFC 2308 §2.1).
        ReplyKind::NxDomain
    } else if chain.is_empty() || about_the_end {
        ReplyKind::NoData
    } else {
        ReplyKind::OnlyCname
    };
    Reply { chain, ..kind.alone() }
}

/// The name servers of a zone, with their addresses from the rest of the message.
fn name_servers_of(message: &Message, zone: &Name) -> Vec<(Name, Vec<IpAddr>)> {
    let of_zone = message.answers.iter().filter(|record| record.name.eq_ignore_root(zone));
    let names = of_zone.filter_map(|record| NS::try_borrow(&record.data));
    let named = |name: Name| {
        let addresses = addresses_of(&message.additionals, &name, None);
        (name, addresses)
    };
    names.map(|server| named(server.0.to_lowercase())).collect()
}

fn cname_of(message: &Message, name: &Name) -> Option<Name> {
    message
        .answers
        .iter()
        .filter(|record| record.name.eq_ignore_root(name))
        .find_map(|record| CNAME::try_borrow(&record.data))
        .map(|target| target.0.to_lowercase())
}

fn addresses_of(records: &[Record], name: &Name, family: Option<Family>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = records
        .iter()
        .filter(|record| record.name.eq_ignore_root(name))
        .filter_map(|record| record.data.ip_addr())
        .filter(|address| family.is_none_or(|family| Family::of(*address) == family))
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::RData;
    use hickory_resolver::proto::rr::rdata::{A, SOA};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn question() -> Question {
        Question {
            id: 4711,
            name: name("a.example."),
            about: About::Addresses(Family::V4),
            recursive: true,
            edns: false,
            without_validation: false,
        }
    }

    fn answer(code: ResponseCode, answers: Vec<(&str, RData)>) -> Message {
        let mut message = Message::response(4711, OpCode::Query);
        message.metadata.response_code = code;
        message.add_query(Query::query(name("A.Example."), RecordType::A));
        for (owner, data) in answers {
            message.answers.push(Record::from_rdata(name(owner), 60, data));
        }
        message
    }

    fn a(address: &str) -> RData {
        RData::A(A(address.parse().unwrap()))
    }

    fn cname(target: &str) -> RData {
        RData::CNAME(CNAME(name(target)))
    }

    fn reply(message: &Message) -> Reply {
        read(&question(), &message.to_vec().unwrap()).unwrap()
    }

    fn expected(kind: ReplyKind, chain: &[&str]) -> Reply {
        Reply { chain: chain.iter().copied().map(name).collect(), ..kind.alone() }
    }

    #[test]
    fn a_name_in_mixed_case_is_the_same_name_and_has_to_be_repeated() {
        let mixed = in_mixed_case(&name("open-vidu.example."), 0b1010_1010);
        assert_eq!(mixed.to_ascii(), "oPeN-vIdU.example.");
        assert!(mixed == name("open-vidu.example."));
        let question = Question { name: in_mixed_case(&name("a.example."), 0b10), ..question() };
        assert_eq!(question.name.to_ascii(), "a.Example.");
        let mut message = answer(ResponseCode::NoError, vec![("a.example.", a("203.0.113.10"))]);
        let bytes = message.to_vec().unwrap();
        assert!(read(&question, &bytes).is_some());
        assert!(!repeats(&question, &bytes), "it says A.Example.");
        message.queries = vec![Query::query(question.name.clone(), RecordType::A)];
        assert!(repeats(&question, &message.to_vec().unwrap()));
        assert!(!repeats(&question, b"no answer"));
    }

    #[test]
    fn addresses_are_found_at_the_end_of_the_chain() {
        let message = answer(
            ResponseCode::NoError,
            vec![
                ("c.example.", a("203.0.113.9")),
                ("a.example.", cname("b.example.")),
                ("b.example.", cname("C.example.")),
                ("c.example.", a("203.0.113.10")),
                ("other.example.", a("203.0.113.1")),
            ],
        );
        let addresses = vec!["203.0.113.9".parse().unwrap(), "203.0.113.10".parse().unwrap()];
        assert_eq!(
            reply(&message),
            expected(ReplyKind::Addresses(addresses), &["b.example.", "c.example."])
        );
    }

    #[test]
    fn a_name_that_does_not_exist_keeps_the_chain_that_led_to_it() {
        let message = answer(ResponseCode::NXDomain, vec![("a.example.", cname("gone.example."))]);
        assert_eq!(reply(&message), expected(ReplyKind::NxDomain, &["gone.example."]));
    }

    #[test]
    fn a_chain_that_leads_back_is_a_loop() {
        let message = answer(
            ResponseCode::NoError,
            vec![("a.example.", cname("b.example.")), ("b.example.", cname("a.example."))],
        );
        assert_eq!(reply(&message), expected(ReplyKind::Loop, &["b.example.", "a.example."]));
    }

    #[test]
    fn a_cname_without_its_end_is_to_be_asked_on() {
        let mut message = answer(ResponseCode::NoError, vec![("a.example.", cname("b.example."))]);
        assert_eq!(reply(&message), expected(ReplyKind::OnlyCname, &["b.example."]));
        let soa = SOA::new(name("ns.example."), name("host.example."), 1, 2, 3, 4, 5);
        message.authorities.push(Record::from_rdata(name("example."), 60, RData::SOA(soa)));
        assert_eq!(reply(&message), expected(ReplyKind::NoData, &["b.example."]));
    }

    #[test]
    fn the_name_servers_of_a_zone_come_with_their_addresses() {
        let question = Question { about: About::NameServers, ..question() };
        let mut message = Message::response(4711, OpCode::Query);
        message.metadata.authoritative = true;
        message.add_query(Query::query(name("a.example."), RecordType::NS));
        let ns = |server: &str| RData::NS(NS(name(server)));
        for (owner, server) in [("a.example.", "ns1.b."), ("a.example.", "NS2.b."), ("b.", "no.")] {
            message.answers.push(Record::from_rdata(name(owner), 60, ns(server)));
        }
        message.additionals.push(Record::from_rdata(name("ns2.b."), 60, a("203.0.113.9")));
        let reply = read(&question, &message.to_vec().unwrap()).unwrap();
        let expected =
            vec![(name("ns1.b."), vec![]), (name("ns2.b."), vec!["203.0.113.9".parse().unwrap()])];
        assert_eq!(reply.kind, ReplyKind::NameServers(expected));
        assert!(reply.authoritative);
    }

    #[test]
    fn codes_are_kept_apart() {
        let kind = |code| reply(&answer(code, Vec::new())).kind;
        assert_eq!(kind(ResponseCode::NoError), ReplyKind::NoData);
        assert_eq!(kind(ResponseCode::NXDomain), ReplyKind::NxDomain);
        assert_eq!(kind(ResponseCode::ServFail), ReplyKind::ServFail);
        assert_eq!(kind(ResponseCode::Refused), ReplyKind::Refused);
        assert_eq!(kind(ResponseCode::FormErr), ReplyKind::NotUnderstood(1));
        assert_eq!(kind(ResponseCode::NotAuth), ReplyKind::OtherCode(9));
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let ours = answer(ResponseCode::NoError, vec![("a.example.", a("203.0.113.9"))]);
        let read_changed = |change: fn(&mut Message)| {
            let mut message = ours.clone();
            change(&mut message);
            read(&question(), &message.to_vec().unwrap())
        };
        assert!(read_changed(|_| {}).is_some());
        assert_eq!(read_changed(|message| message.metadata.id = 1), None);
        assert_eq!(read_changed(|message| message.queries.clear()), None);
        assert_eq!(read_changed(|message| message.queries[0].query_type = RecordType::AAAA), None);
        assert_eq!(
            read_changed(|message| message.metadata.message_type = MessageType::Query),
            None
        );
        assert_eq!(read(&question(), b"not a DNS message"), None);
    }

    #[test]
    fn a_question_is_an_ordinary_recursive_one() {
        let bytes = question().to_bytes().unwrap();
        let expected = [
            0x12, 0x67, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 7, b'e', b'x', b'a', b'm', b'p',
            b'l', b'e', 0, 0, 1, 0, 1,
        ];
        assert_eq!(bytes, expected);
        let unvalidated = Question { without_validation: true, ..question() }.to_bytes().unwrap();
        assert_eq!(unvalidated[2..4], [1, 0x10]);
    }
}
