//! The readers of what foreign peers send, with any bytes, and with right messages that were spoilt.
//! `fuzz/` looks at the same readers for hours (CONTRIBUTING.md).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../fuzz/src/lib.rs"]
mod readers;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ovcheck::config::{self, CheckOptions, Flags};
use ovcheck::model::facts::{ServerText, StunAnswer, TlsVersion};
use ovcheck::model::recording::{Recording, RecordingHead};
use ovcheck::model::responder::{PortRedirect, ReversePathFilter, SessionId};
use ovcheck::model::target::Family;
use ovcheck::model::timestamp::Timestamp;
use ovcheck::model::url::{Origin, Url};
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::proto::dns::About;
use ovcheck::proto::ice::Purpose;
use ovcheck::proto::livekit::{candidate, sdp, signal};
use ovcheck::proto::responder::syn::{Announcement, SynReport};
use ovcheck::proto::responder::{
    self, Head, HelloAnswer, Kind, PortsSeen, ReportAnswer, SessionKey, Unverified, VERSION, packet,
};
use ovcheck::proto::service::{ice_tcp, mongodb};
use ovcheck::proto::stun::{Reading, Request};
use ovcheck::proto::{client_hello, turn};
use ovcheck::ruleset::Ruleset;
use ovcheck::{app, output, record};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message;

use readers::{ID, READERS};

/// A right message for each reader, or several.
fn seeds(reader: &str) -> Vec<Vec<u8>> {
    match reader {
        "signal" => signals(),
        "candidate" => candidates(),
        "sdp" => vec![sdp::offer(&readers::pair().theirs).into_bytes()],
        "ice_url" => ["turns:turn.example.io:443?transport=tcp", "stun:[2001:db8::1]"]
            .map(|url| url.as_bytes().to_vec())
            .to_vec(),
        "token" => vec![readers::SECRET.as_bytes().to_vec()],
        "mask" => vec![
            format!("invalid token: {}, error", readers::SECRET).into_bytes(),
            format!("ä{0}{0}", &readers::SECRET[7..31]).into_bytes(),
        ],
        "stun" => vec![success(), Request::allocate(ID).bytes().to_vec()],
        "ice" => {
            let pair = readers::pair();
            let source = "198.51.100.7:5000".parse().unwrap();
            vec![pair.check(ID, Purpose::Nomination), pair.answer(ID, source)]
        }
        "turn" => {
            let peer = "203.0.113.20:50000".parse().unwrap();
            vec![challenge(), turn::send_indication(ID, peer, vec![1, 2, 3])]
        }
        "dtls" => vec![dtls_hello()],
        "http" => vec![
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                .to_vec(),
            b"HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 4\r\n\r\ngone".to_vec(),
        ],
        "dns" => Family::BOTH.map(dns_answer).to_vec(),
        "rtmp" => vec![rtmp_answer()],
        "services" => vec![
            b"+PONG\r\n".to_vec(),
            mongodb::Hello::new(7).bytes(),
            ice_tcp::named(ID, 5),
            [0, 0, 0, 4, 0, 0, 0, 0, 0].to_vec(),
        ],
        "tls" => vec![client_hello::build(TlsVersion::Tls11, Some("x.example.io"), [6; 32])],
        "certificates" => vec![chain()],
        "datagrams" => vec![
            // The versions of a QUIC server, with the ids of the question the other way round.
            [&[0x9f, 0, 0, 0, 0, 8][..], &[2; 8], &[8], &[1; 8], &[0, 0, 0, 1]].concat(),
            // A HelloVerifyRequest.
            [&[22, 0xfe, 0xff][..], &[0; 9], &[28, 3, 0, 0, 16], &[0; 24]].concat(),
        ],
        // SETTINGS with Extended CONNECT, and ":status: 200" for the first request.
        "web_http2" => vec![
            [
                &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1][..],
                &[0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88],
            ]
            .concat(),
        ],
        "turn_answer" => vec![readers::GRANT.to_vec(), with_more_behind(&readers::GRANT)],
        "proxy_head" => vec![
            b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\nSSH-2.0-x\r\n".to_vec(),
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 407 Who\r\nContent-Length: 1\r\n\r\nx"
                .to_vec(),
        ],
        "origin" => {
            ["https://login.example:8443/a?b#c", "//203.0.113.9/x", "http://[2001:db8::1]/"]
                .map(|place| place.as_bytes().to_vec())
                .to_vec()
        }
        "saved_token" => saved_tokens(),
        "quotation" => ["##vso[task.complete]\\\" ::x", "\u{202e}a\u{301}\u{301}\u{301} 日本語"]
            .map(|text| text.as_bytes().to_vec())
            .to_vec(),
        "recording" => vec![a_recording()],
        "report" => vec![a_report()],
        "nginx_config" => ["turn", "plain", "advanced"]
            .map(|name| std::fs::read(format!("fixtures/proxy/guide/{name}.conf")).unwrap())
            .to_vec(),
        "haproxy_config" => ["haproxy", "haproxy-http", "haproxy-maps"]
            .map(|name| std::fs::read(format!("fixtures/proxy/guide/{name}.cfg")).unwrap())
            .to_vec(),
        "caddy_config" => ["layer4.json", "livekit.yaml", "shared-listener.yaml", "turn-as-a-site.yaml"]
            .map(|name| std::fs::read(format!("fixtures/proxy/caddy/{name}")).unwrap())
            .to_vec(),
        "traefik_config" => ["right.yml", "right.toml", "priorities.yml", "two-stages.yml", "options.yml"]
            .map(|name| std::fs::read(format!("fixtures/proxy/traefik/{name}")).unwrap())
            .to_vec(),
        "waivers" => vec![
            b"[[waiver]]\nrule = \"dns/a\"\ntarget = \"*\"\nreason = \"r\"\nuntil = 2027-01-31\n"
                .to_vec(),
        ],
        "openvidu_config" => vec![
            b"DOMAIN_NAME=a.example.io\nX=\"${DOMAIN_NAME:-b}\"\nLIVEKIT_TURN_DOMAIN_NAME='turn.example.io'\n".to_vec(),
            b"rtc: {tcp_port: 7881}\nturn: &t\n  domain: ${openvidu.X:?m}\nkeys:\n  <<: *t\n  a: ${master_node.LIVEKIT_API_SECRET}\nwebhook:\n  urls: ['http://x']\n".to_vec(),
            b"services:\n  openvidu:\n    image: openvidu/openvidu-server:$V\n    ports: [\"443:443/udp\"]\n".to_vec(),
        ],
        "installation" => vec![
            b"DOMAIN_NAME=a.example.io\nLIVEKIT_TURN_DOMAIN_NAME=\"turn.example.io\"\n\
              ENABLED_MODULES=app,observability\nMASTER_NODE_1_PRIVATE_IP=10.0.0.1\n"
                .to_vec(),
            b"sh <(curl -fsSL http://get.openvidu.io/pro/elastic/3.9.0/install_ov_master_node.sh) \\\n\
              --domain-name='a.example.io' --private-ip=10.0.0.1 \\\n --livekit-api-secret='s'\n"
                .to_vec(),
        ],
        "stored_report" => vec![
            include_bytes!("../fixtures/reports/several-things-at-once.json").to_vec(),
            include_bytes!("../fixtures/reports/interrupted.json").to_vec(),
        ],
        "responder" => to_responder(),
        "responder_body" => {
            // Behind the header of STUN, and what is signed.
            const BODY: usize = 56;
            let answers = to_responder().split_off(3);
            answers.into_iter().chain([an_announcement()]).map(|it| it[BODY..].to_vec()).collect()
        }
        "nftables" => vec![
            include_bytes!("../fixtures/host/nftables.json").to_vec(),
            include_bytes!("../fixtures/host/nftables.nft").to_vec(),
        ],
        "iptables" => vec![
            include_bytes!("../fixtures/host/iptables.rules").to_vec(),
            include_bytes!("../fixtures/host/ufw.rules6").to_vec(),
        ],
        "host_files" => vec![
            include_bytes!("../fixtures/host/proc-net-tcp").to_vec(),
            b"NAME=\"Debian GNU/Linux\"\nID=debian\nMemTotal:  8000000 kB\n".to_vec(),
        ],
        other => panic!("no right message for {other}"),
    }
}

/// A question to a responder alone, in UDP and in IP, and its answers.
fn to_responder() -> Vec<Vec<u8>> {
    let session = SessionId([6; 8]);
    let key = SessionKey::new(&readers::responder_token(), session);
    let head = |kind| Head {
        transaction: ID,
        version: VERSION,
        kind,
        copy: 1,
        session,
        port: 50_000,
        base: 49_152,
    };
    let probe = responder::request(&key, head(Kind::Probe));
    let (from, to) = ("198.51.100.7:40000".parse().unwrap(), "203.0.113.20:50000".parse().unwrap());
    let packet = packet::write_ip(&packet::Datagram { from, to, payload: &probe }).unwrap();
    let seen = PortsSeen::default();
    let redirects =
        [PortRedirect { ports: "50001".parse().unwrap(), to: "50009".parse().unwrap() }];
    let report = ReportAnswer::of(&seen, &redirects, 49_152, (0, 1));
    let hello = HelloAnswer {
        is_busy: false,
        reverse_path_filter: ReversePathFilter::Loose,
        room: 10_000,
        ends_in: 300,
    };
    vec![
        packet[20..].to_vec(),
        packet,
        probe,
        report.to(&key, head(Kind::Report)).unwrap(),
        hello.to(&key, head(Kind::Hello)).unwrap(),
        SynReport::default().to(&key, head(Kind::SynReport)).unwrap(),
    ]
}

/// The connection attempts that a check is going to make.
fn an_announcement() -> Vec<u8> {
    let session = SessionId([6; 8]);
    let key = SessionKey::new(&readers::responder_token(), session);
    let (kind, version) = (Kind::Announce, VERSION);
    let head = Head { transaction: ID, version, kind, copy: 0, session, port: 443, base: 0 };
    let announced = Announcement { first: 600, lasts_ms: 5_000, ports: vec![80, 443, 7_881] };
    responder::announcement(&key, head, &announced)
}

/// A run that saw nothing.
fn a_recording() -> Vec<u8> {
    let flags = Flags { domain: "a.example.io".parse().ok(), ..Flags::default() };
    let config = config::load(&flags, &|_| None, None).unwrap();
    let at = Timestamp::from_unix_seconds(1_893_456_000);
    record::to_bytes(&Recording {
        recording: RecordingHead {
            version: RecordingHead::VERSION,
            ovcheck: "0.1.0".to_owned(),
            ruleset: "sha256:0".to_owned(),
        },
        started_at: at,
        duration: Duration::from_secs(1),
        judged_at: at,
        complete: true,
        interrupted: false,
        context: config.context(),
        deployment: config.deployment,
        vantage: Vantage {
            name: None,
            zone: Zone::Internet,
            stands_on: vec![],
            addresses: vec![],
            dns_servers: vec![],
            stun_servers: vec![],
            near: vec![],
            http_proxy: None,
        },
        seed: 7,
        late_by: None,
        observations: vec![],
    })
}

/// The report of that run.
fn a_report() -> Vec<u8> {
    let recording = record::parse("seed", &a_recording()).unwrap();
    let observed = app::replay(recording, "seed", Ruleset::embedded(), None).unwrap();
    let report = app::judge(observed, CheckOptions::default());
    let mut bytes = Vec::new();
    output::json::write(&report, 3, &mut bytes).unwrap();
    bytes
}

/// A certificate and the one of its authority, each behind its length.
fn chain() -> Vec<u8> {
    let key = || rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::default();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_key = key();
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let leaf = rcgen::CertificateParams::new(vec![readers::HOST.to_owned()]).unwrap();
    let issuer = rcgen::Issuer::new(root, root_key);
    let leaf_der = leaf.signed_by(&key(), &issuer).unwrap().der().to_vec();
    let with_length = |der: Vec<u8>| {
        let length = u16::try_from(der.len()).unwrap();
        [&length.to_be_bytes()[..], &der].concat()
    };
    [leaf_der, root_der].map(with_length).concat()
}

fn signals() -> Vec<Vec<u8>> {
    let say = |message| {
        let message = Some(message);
        signal::SignalResponse { message }.encode_to_vec()
    };
    let server = signal::IceServer {
        urls: vec!["turn:203.0.113.20:443?transport=udp".to_owned()],
        username: "user".to_owned(),
        credential: "password".to_owned(),
    };
    let join = signal::JoinResponse {
        server_version: "1.8.4".to_owned(),
        ice_servers: vec![server],
        ..signal::JoinResponse::default()
    };
    let answer = signal::SessionDescription {
        kind: "answer".to_owned(),
        sdp: sdp::offer(&readers::pair().theirs),
    };
    let trickle = signal::TrickleRequest {
        candidate_init: String::from_utf8(candidates().remove(0)).unwrap(),
        target: signal::PUBLISHER,
        last: true,
    };
    vec![
        say(signal::Response::Join(join)),
        say(signal::Response::Answer(answer)),
        say(signal::Response::Trickle(trickle)),
        say(signal::Response::RefreshToken("x.y.z".to_owned())),
    ]
}

fn candidates() -> Vec<Vec<u8>> {
    let ours = ["203.0.113.20:50000", "[2001:db8::20]:50000"];
    let lines = ours.map(|ours| candidate::offer(ours.parse().unwrap(), sdp::MID));
    lines.map(String::into_bytes).to_vec()
}

/// A STUN message of this type with one attribute, all in bytes.
fn stun(kind: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend([0x21, 0x12, 0xa4, 0x42]);
    bytes.extend(ID);
    bytes.extend(attributes);
    bytes
}

/// A Binding success with XOR-MAPPED-ADDRESS.
fn success() -> Vec<u8> {
    stun(0x0101, b"\x00\x20\x00\x08\x00\x01\x21\x13\xea\x12\xd5\x45")
}

/// 401 with REALM and NONCE.
fn challenge() -> Vec<u8> {
    stun(0x0113, b"\x00\x09\x00\x04\x00\x00\x04\x01\x00\x14\x00\x07livekit\x00\x00\x15\x00\x04once")
}

/// A message with one more attribute behind its last one (SOFTWARE).
fn with_more_behind(message: &[u8]) -> Vec<u8> {
    let mut bytes = [message, b"\x80\x22\x00\x04name"].concat();
    let length = u16::try_from(bytes.len() - 20).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// A token in quotes, wrapped behind other words, and as another system writes it.
fn saved_tokens() -> Vec<Vec<u8>> {
    let token = format!("{}{}", readers::SECRET, "s".repeat(43 - "c2lnbmF0dXJl".len()));
    let (first, second) = token.split_at(40);
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    vec![
        format!("\u{feff}Authorization: Bearer \"{token}\"\r\n").into_bytes(),
        format!("Access token:\n{first}\r\n    {second}\n").into_bytes(),
        [vec![0xff, 0xfe], wide(&token)].concat(),
    ]
}

/// The record and the handshake header of a ClientHello, an empty session and a cookie.
fn dtls_hello() -> Vec<u8> {
    let mut bytes = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80];
    bytes.extend([1, 0, 0, 68, 0, 0, 0, 0, 0, 0, 0, 68]);
    bytes.extend([0xfe, 0xfd]);
    bytes.extend([8; 32]);
    bytes.extend([0, 16]);
    bytes.extend([5; 16]);
    bytes.extend([0; 16]);
    bytes
}

/// The question with the answer behind it: a pointer to its name, a record of 60 s, one address.
fn dns_answer(family: Family) -> Vec<u8> {
    let mut bytes = readers::question(About::Addresses(family)).to_bytes().unwrap();
    let address = match family {
        Family::V4 => Ipv4Addr::new(203, 0, 113, 10).octets().to_vec(),
        Family::V6 => match "2001:db8:5::10".parse().unwrap() {
            IpAddr::V6(address) => address.octets().to_vec(),
            IpAddr::V4(_) => Vec::new(),
        },
    };
    // A response, with one answer; EDNS stands last, and is cut off.
    bytes[2] |= 0x80;
    bytes[7] = 1;
    bytes[11] = 0;
    bytes.truncate(bytes.len() - 11);
    let kind = if family == Family::V4 { 1 } else { 28 };
    let length = u8::try_from(address.len()).unwrap();
    bytes.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, length]);
    bytes.extend(address);
    bytes
}

/// S0 and S1, and C1 again as S2.
fn rtmp_answer() -> Vec<u8> {
    let hello = readers::hello();
    let c1 = &hello.bytes()[1..];
    [&[3], c1, c1].concat()
}

/// One way to spoil a message.
#[derive(Debug, Clone)]
enum Spoil {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize),
    Cut(usize),
}

impl Spoil {
    /// Places are meant modulo the length.
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let span = |from: usize, many: usize| {
            let from = from % (length + 1);
            from..(from + many % 16).min(length)
        };
        match self {
            Self::Set(at, byte) if length > 0 => bytes[at % length] = *byte,
            Self::Set(..) => {}
            Self::Insert(at, more) => {
                let at = at % (length + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove(from, many) => {
                bytes.drain(span(*from, *many));
            }
            Self::Repeat(from, many) => {
                let again = bytes[span(*from, *many)].to_vec();
                bytes.extend(again);
            }
            Self::Cut(at) => bytes.truncate(at % (length + 1)),
        }
    }
}

fn spoils() -> impl Strategy<Value = Vec<Spoil>> {
    let at = any::<usize>;
    // What lengths and counters break at.
    let byte = prop_oneof![Just(0), Just(1), Just(0x7f), Just(0x80), Just(0xff), any::<u8>()];
    let one = prop_oneof![
        4 => (at(), byte).prop_map(|(at, byte)| Spoil::Set(at, byte)),
        1 => (at(), any::<Vec<u8>>()).prop_map(|(at, more)| Spoil::Insert(at, more)),
        1 => (at(), at()).prop_map(|(from, many)| Spoil::Remove(from, many)),
        1 => (at(), at()).prop_map(|(from, many)| Spoil::Repeat(from, many)),
        1 => at().prop_map(Spoil::Cut),
    ];
    prop::collection::vec(one, 0..6)
}

/// So many inputs for each reader, unless the environment says otherwise (`PROPTEST_CASES`).
fn runner(cases: u32) -> TestRunner {
    let by_environment = Config::default();
    let is_said = std::env::var_os("PROPTEST_CASES").is_some();
    TestRunner::new(Config {
        cases: if is_said { by_environment.cases } else { cases },
        failure_persistence: None,
        ..by_environment
    })
}

/// All readers, or the one that the environment names (`OVCHECK_READER`).
fn wanted() -> impl Iterator<Item = &'static (&'static str, readers::Reader)> {
    let one = std::env::var("OVCHECK_READER").ok();
    READERS.iter().filter(move |(name, _)| one.as_deref().is_none_or(|one| one == *name))
}

#[test]
fn any_bytes_are_read_to_an_end() {
    for (name, read) in wanted() {
        let outcome = runner(500).run(&prop::collection::vec(any::<u8>(), 0..512), |bytes| {
            read(&bytes);
            Ok(())
        });
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}

#[test]
fn right_messages_that_were_spoilt_are_read_to_an_end() {
    for (name, read) in wanted() {
        let spoilt = (prop::sample::select(seeds(name)), spoils());
        let outcome = runner(1_000).run(&spoilt, |(mut bytes, spoils)| {
            spoils.iter().for_each(|spoil| spoil.apply(&mut bytes));
            read(&bytes);
            Ok(())
        });
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}

/// What is spoilt has to be right before.
#[test]
fn the_right_messages_are_read_as_what_they_are() {
    use ovcheck::proto::datagrams::{DatagramQuestion, QuicIds};
    use ovcheck::proto::livekit::ice_url;
    use ovcheck::proto::{dns, half_dtls::HalfDtls, http, rtmp, web_http2};
    let text = |reader: &str, which: usize| String::from_utf8(seeds(reader).remove(which)).unwrap();
    let join = signal::SignalResponse::decode(seeds("signal")[0].as_slice()).unwrap();
    assert!(matches!(join.message, Some(signal::Response::Join(_))));
    assert!(candidate::read(&text("candidate", 1)).unwrap().place.is_some());
    assert!(sdp::Answer::read(&text("sdp", 0)).is_ok());
    assert!(ice_url::read(&text("ice_url", 0)).is_some());
    assert!(ice_url::read(&text("ice_url", 1)).is_some());
    let token = ovcheck::model::secret::Secret::new(text("token", 0));
    assert!(ovcheck::proto::livekit::token::claims(&token).is_ok());
    let binding = Request::binding(ID);
    let answer = binding.read(&seeds("stun")[0]);
    assert!(matches!(answer, Reading::Answer(_)), "{answer:?}");
    assert!(turn::Challenge::read(&seeds("turn")[0]).is_some());
    assert!(HalfDtls::of_server([0; 16]).take(&seeds("dtls")[0]).is_some());
    for answer in seeds("http") {
        assert!(matches!(http::read_head(&answer), http::HeadRead::Head(_)));
    }
    for (family, answer) in Family::BOTH.into_iter().zip(seeds("dns")) {
        let reply = dns::read(&readers::question(About::Addresses(family)), &answer).unwrap();
        assert!(matches!(reply.kind, dns::ReplyKind::Addresses(_)), "{reply:?}");
    }
    let ids = QuicIds { destination: [1; 8], source: [2; 8] };
    let questions = [
        DatagramQuestion::Quic { ids },
        DatagramQuestion::Dtls { random: [3; 32], number: [5; 6] },
    ];
    for (question, answer) in questions.iter().zip(seeds("datagrams")) {
        assert!(question.read(&answer).is_some(), "{question:?}");
    }
    let frames = web_http2::read(&seeds("web_http2")[0], true);
    assert!(frames.answer(1).is_some());
    for saved in seeds("saved_token") {
        let text = ovcheck::config::saved::decoded(saved).unwrap();
        let found = ovcheck::config::saved::token_in(&text).unwrap();
        assert!(found.starts_with(readers::SECRET), "{text}");
    }
    for place in seeds("origin") {
        let base = Url::page("http", readers::HOST, "/");
        assert!(Origin::of_reference(&base, &ServerText::from_bytes(&place)).is_some());
    }
    let challenge = turn::Challenge::read(readers::CHALLENGE).unwrap();
    let password = ovcheck::model::secret::Secret::new("password");
    let user = turn::User { name: "user".to_owned(), password };
    let user = turn::LongTerm::new(&user, challenge).unwrap();
    for grant in seeds("turn_answer") {
        let answer = user.read(&user.allocate(ID), &grant);
        assert!(matches!(answer, Reading::Answer(StunAnswer::Success { .. })), "{answer:?}");
    }
    let key = SessionKey::new(&readers::responder_token(), SessionId([6; 8]));
    let to_responder = seeds("responder");
    let in_ip = packet::read_ip(&to_responder[1]).unwrap().payload;
    let in_udp = packet::read_udp(&to_responder[0]).unwrap().payload;
    for request in [in_ip, in_udp, &to_responder[2]] {
        assert!(Unverified::read(request).unwrap().request(&key).is_some());
    }
    for answer in &to_responder[3..] {
        assert!(Unverified::read(answer).unwrap().answer(&key).is_some());
    }
    let answer = &seeds("rtmp")[0];
    assert_eq!(answer.len(), rtmp::ANSWER);
    assert!(readers::hello().read(answer).is_some());
}

/// `OVCHECK_SEEDS=fuzz/corpus cargo test --test readers` writes the right messages to where libFuzzer begins.
#[test]
fn the_right_messages_are_written_where_libfuzzer_begins() {
    let Some(corpus) = std::env::var_os("OVCHECK_SEEDS") else { return };
    for (name, _) in READERS {
        let directory = std::path::Path::new(&corpus).join(name);
        std::fs::create_dir_all(&directory).unwrap();
        for (number, seed) in seeds(name).into_iter().enumerate() {
            std::fs::write(directory.join(format!("right-{number}")), seed).unwrap();
        }
    }
}

/// Every reader has its target, by its name.
#[test]
fn every_reader_has_a_target() {
    let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in READERS {
        let target = fuzz.join(format!("fuzz_targets/{name}.rs"));
        let text = std::fs::read_to_string(target).unwrap();
        assert!(text.contains(&format!("ovcheck_fuzz::{name}(bytes)")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
    let targets = std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap();
    assert_eq!(targets.count(), READERS.len());
}
