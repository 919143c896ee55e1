//! The DNS, against servers that answer in every way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record};
use ovcheck::model::facts::{DnsAnswer, DnsFacts, Facts};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::probe::ProbeSpec;
use ovcheck::model::target::Family;
use ovcheck::net::tls::Roots;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::peers::{look, name, network};

/// What a server says to a question; nothing for `None`.
type Answers = fn(&Message) -> Option<Message>;

/// Answers over UDP, and with `over_tcp` on the same port over TCP.
async fn server(over_udp: Answers, over_tcp: Option<Answers>) -> SocketAddr {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let udp = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut datagram = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut datagram).await {
            let question = Message::from_vec(&datagram[..length]).unwrap();
            if let Some(answer) = over_udp(&question) {
                udp.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        }
    });
    let Some(over_tcp) = over_tcp else {
        return address;
    };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await.unwrap();
            let question = Message::from_vec(&question).unwrap();
            let answer = over_tcp(&question).unwrap().to_vec().unwrap();
            let length = u16::try_from(answer.len()).unwrap();
            stream.write_u16(length).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

fn answer(question: &Message, code: ResponseCode) -> Message {
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.response_code = code;
    answer.add_query(question.queries[0].clone());
    answer
}

fn asked(question: &Message) -> String {
    question.queries[0].name().to_lowercase().to_ascii()
}

fn with(mut answer: Message, owner: &str, data: RData) -> Message {
    let owner = Name::from_ascii(owner).unwrap();
    answer.answers.push(Record::from_rdata(owner, 60, data));
    answer
}

fn a(address: &str) -> RData {
    RData::A(A(address.parse().unwrap()))
}

fn cname(target: &str) -> RData {
    RData::CNAME(CNAME(Name::from_ascii(target).unwrap()))
}

fn found(question: &Message) -> Option<Message> {
    let answer = answer(question, ResponseCode::NoError);
    Some(with(answer, &asked(question), a("203.0.113.10")))
}

fn silent(_: &Message) -> Option<Message> {
    None
}

fn refused(question: &Message) -> Option<Message> {
    Some(answer(question, ResponseCode::Refused))
}

async fn ask(servers: &[SocketAddr], family: Family) -> DnsFacts {
    let mut net = network(Roots::empty());
    net.dns_servers = Arc::from(servers);
    let spec = ProbeSpec::Dns { name: name("openvidu.example.io"), family };
    match look(&net, &spec).await {
        Facts::Dns(facts) => facts,
        other => panic!("{other:?}"),
    }
}

/// Facts of an answer without addresses.
fn facts(server: SocketAddr, answer: DnsAnswer) -> DnsFacts {
    DnsFacts {
        invalid_at: None,
        server,
        over_udp: true,
        answer,
        cname_chain: Vec::new(),
        addresses: Vec::new(),
        without_validation: Vec::new(),
        denied_by: None,
    }
}

fn facts_found(server: SocketAddr) -> DnsFacts {
    DnsFacts {
        addresses: vec!["203.0.113.10".parse().unwrap()],
        ..facts(server, DnsAnswer::Addresses)
    }
}

#[tokio::test]
async fn addresses_of_each_family_are_found() {
    let both: Answers = |question| {
        let data = match question.queries[0].query_type().to_string().as_str() {
            "A" => a("203.0.113.10"),
            _ => RData::AAAA(AAAA("2001:db8::10".parse().unwrap())),
        };
        let answer = answer(question, ResponseCode::NoError);
        Some(with(answer, &asked(question), data))
    };
    let server = server(both, None).await;
    assert_eq!(ask(&[server], Family::V4).await, facts_found(server));
    let v6 = ask(&[server], Family::V6).await;
    assert_eq!(v6.addresses, ["2001:db8::10".parse::<std::net::IpAddr>().unwrap()]);
}

#[tokio::test]
async fn answers_without_an_address_are_kept_apart() {
    let cases: [(Answers, DnsAnswer); 5] = [
        (|question| Some(answer(question, ResponseCode::NoError)), DnsAnswer::NoData),
        (|question| Some(answer(question, ResponseCode::NXDomain)), DnsAnswer::NxDomain),
        (|question| Some(answer(question, ResponseCode::ServFail)), DnsAnswer::ServFail),
        (refused, DnsAnswer::Refused),
        (|question| Some(answer(question, ResponseCode::NotAuth)), DnsAnswer::OtherCode(9)),
    ];
    for (answers, expected) in cases {
        let server = server(answers, None).await;
        assert_eq!(ask(&[server], Family::V4).await, facts(server, expected), "{expected:?}");
    }
}

#[tokio::test]
async fn a_server_that_knows_only_the_cname_is_asked_for_its_end() {
    let answers: Answers = |question| {
        let (owner, data) = match asked(question).as_str() {
            "openvidu.example.io." => ("openvidu.example.io.", cname("edge.example.net.")),
            _ => ("edge.example.net.", a("203.0.113.10")),
        };
        Some(with(answer(question, ResponseCode::NoError), owner, data))
    };
    let server = server(answers, None).await;
    let expected = DnsFacts { cname_chain: vec![name("edge.example.net")], ..facts_found(server) };
    assert_eq!(ask(&[server], Family::V4).await, expected);
}

#[tokio::test]
async fn a_cname_to_nowhere_keeps_its_chain() {
    let answers: Answers = |question| {
        let answer = answer(question, ResponseCode::NXDomain);
        Some(with(answer, "openvidu.example.io.", cname("gone.example.net.")))
    };
    let server = server(answers, None).await;
    let expected = DnsFacts {
        cname_chain: vec![name("gone.example.net")],
        ..facts(server, DnsAnswer::NxDomain)
    };
    assert_eq!(ask(&[server], Family::V4).await, expected);
}

#[tokio::test]
async fn cnames_in_a_circle_are_a_loop_also_when_each_is_asked_for() {
    let answers: Answers = |question| {
        let target = match asked(question).as_str() {
            "a.example.net." => "b.example.net.",
            _ => "a.example.net.",
        };
        let answer = answer(question, ResponseCode::NoError);
        Some(with(answer, &asked(question), cname(target)))
    };
    let server = server(answers, None).await;
    let facts = ask(&[server], Family::V4).await;
    assert_eq!(facts.answer, DnsAnswer::CnameLoop);
}

#[tokio::test]
async fn a_chain_that_grows_for_ever_is_a_loop() {
    let answers: Answers = |question| {
        let longer = format!("x.{}", asked(question));
        let answer = answer(question, ResponseCode::NoError);
        Some(with(answer, &asked(question), cname(&longer)))
    };
    let server = server(answers, None).await;
    let facts = ask(&[server], Family::V4).await;
    assert_eq!(facts.answer, DnsAnswer::CnameLoop);
    assert_eq!(facts.cname_chain.len(), 17);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_comes_over_tcp() {
    let truncated: Answers = |question| {
        let mut answer = answer(question, ResponseCode::NoError);
        answer.metadata.truncation = true;
        Some(answer)
    };
    let server = server(truncated, Some(found)).await;
    let expected = DnsFacts { over_udp: false, ..facts_found(server) };
    assert_eq!(ask(&[server], Family::V4).await, expected);
}

#[tokio::test]
async fn a_server_that_does_not_understand_edns_is_asked_without() {
    let answers: Answers = |question| match question.edns {
        Some(_) => Some(answer(question, ResponseCode::FormErr)),
        None => found(question),
    };
    let server = server(answers, None).await;
    assert_eq!(ask(&[server], Family::V4).await, facts_found(server));
}

#[tokio::test]
async fn a_lost_question_is_asked_again() {
    static QUESTIONS: AtomicUsize = AtomicUsize::new(0);
    let answers: Answers = |question| match QUESTIONS.fetch_add(1, Ordering::Relaxed) {
        0 => None,
        _ => found(question),
    };
    let server = server(answers, None).await;
    assert_eq!(ask(&[server], Family::V4).await, facts_found(server));
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_does_not_help() {
    for useless in [silent, refused] as [Answers; 2] {
        let first = server(useless, None).await;
        let second = server(found, None).await;
        assert_eq!(ask(&[first, second], Family::V4).await, facts_found(second));
    }
}

#[tokio::test]
async fn a_refusal_says_more_than_silence() {
    let first = server(refused, None).await;
    let second = server(silent, None).await;
    assert_eq!(ask(&[first, second], Family::V4).await, facts(first, DnsAnswer::Refused));
}

#[tokio::test]
async fn silence_and_a_closed_port_are_told_apart() {
    let mute = server(silent, None).await;
    assert_eq!(ask(&[mute], Family::V4).await, facts(mute, DnsAnswer::Silent));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let closed = socket.local_addr().unwrap();
    drop(socket);
    assert_eq!(ask(&[closed], Family::V4).await, facts(closed, DnsAnswer::Unreachable));
}

#[tokio::test]
async fn answers_to_other_questions_do_not_count() {
    let answers: Answers = |question| {
        let mut answer = found(question).unwrap();
        answer.metadata.id ^= 1;
        Some(answer)
    };
    let server = server(answers, None).await;
    assert_eq!(ask(&[server], Family::V4).await, facts(server, DnsAnswer::Malformed));
}

/// A server for which the question is too hard, though not without validation.
fn validates_in_vain(question: &Message) -> Option<Message> {
    if question.metadata.checking_disabled { found(question) } else { fails(question) }
}

fn fails(question: &Message) -> Option<Message> {
    Some(answer(question, ResponseCode::ServFail))
}

#[tokio::test]
async fn a_server_that_validates_in_vain_before_another_one_is_named() {
    let (first, second) = (server(validates_in_vain, None).await, server(found, None).await);
    let expected = DnsFacts { invalid_at: Some(first), ..facts_found(second) };
    assert_eq!(ask(&[first, second], Family::V4).await, expected);
    // One that fails however it is asked does not help, and that is all.
    let lame = server(fails, None).await;
    assert_eq!(ask(&[lame, second], Family::V4).await, facts_found(second));
}

#[tokio::test]
async fn cnames_in_a_circle_are_found_behind_servfail() {
    let circle: Answers = |question| {
        let here = asked(question);
        match question.queries[0].query_type().to_string().as_str() {
            "CNAME" => {
                let next = if here.starts_with("turn") { "openvidu" } else { "turn" };
                let answer = answer(question, ResponseCode::NoError);
                Some(with(answer, &here, cname(&format!("{next}.example.io."))))
            }
            _ => fails(question),
        }
    };
    let server = server(circle, None).await;
    let expected = DnsFacts {
        cname_chain: vec![name("turn.example.io"), name("openvidu.example.io")],
        ..facts(server, DnsAnswer::CnameLoop)
    };
    assert_eq!(ask(&[server], Family::V4).await, expected);
}

#[tokio::test]
async fn without_a_server_we_are_blind() {
    let spec = ProbeSpec::Dns { name: name("openvidu.example.io"), family: Family::V4 };
    let (_, outcome) = ovcheck::probe::run(&network(Roots::empty()), &spec).await;
    assert_eq!(outcome, Outcome::Blind(Blindness::NoDnsServer));
}
