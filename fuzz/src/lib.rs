//! The parsers of messages from other machines, as functions of bytes. For every input, they return
//! without a panic, and their results satisfy the asserted properties.
//!
//! Each target in `fuzz_targets` calls one of them. `tests/readers.rs` calls all of them on every run.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock};

use ovcheck::app;
use ovcheck::config::installation::{Installation, InstallationFile};
use ovcheck::config::{CheckOptions, Flags, deployment_file, saved};
use ovcheck::lint::files::KnownFiles;
use ovcheck::lint::openvidu::{self, SourceFile};
use ovcheck::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput};
use ovcheck::model::configuration::ProxyKind;
use ovcheck::model::context::Redaction;
use ovcheck::model::facts::{ServerText, StunAnswer};
use ovcheck::model::port::{Port, Transport};
use ovcheck::model::probe::Sni;
use ovcheck::model::responder::ResponderToken;
use ovcheck::model::secret::Secret;
use ovcheck::model::target::Family;
use ovcheck::model::timestamp::Timestamp;
use ovcheck::model::url::{Origin, Url};
use ovcheck::net::tls::Roots;
use ovcheck::net::verifier::RecordingVerifier;
use ovcheck::output::shown::ShownReport;
use ovcheck::output::{self, log_safe, quote, text as lines};
use ovcheck::proto::datagrams::{DatagramQuestion, QuicIds};
use ovcheck::proto::dns::About;
use ovcheck::proto::half_dtls::HalfDtls;
use ovcheck::proto::host::nftables::RuleTexts;
use ovcheck::proto::host::{iptables as iptables_listing, nftables as nftables_listing, system};
use ovcheck::proto::http::{self as http_head, Framing, HeadOfTunnel, HeadRead};
use ovcheck::proto::ice::{Half, Pair, Purpose};
use ovcheck::proto::inflate::{Packing, unpack};
use ovcheck::proto::livekit::signal::{self as signals, Response, SignalRequest};
use ovcheck::proto::livekit::{
    candidate as candidates, ice_url as ice_urls, mask as masks, sdp as sdps, token as tokens,
};
use ovcheck::proto::responder::packet::{read_ip, read_syn, read_syn_in_ip, read_udp, write_ip};
use ovcheck::proto::responder::syn::{ATTEMPTS, Announcement, SynReport};
use ovcheck::proto::responder::{Answer, HelloAnswer, ReportAnswer, SessionKey, Unverified};
use ovcheck::proto::rtmp::Hello;
use ovcheck::proto::service::{self, http2, ice_tcp, mongodb, redis};
use ovcheck::proto::stun::{self as stuns, Frame, PortIds, Reading, Request};
use ovcheck::proto::turn::{self as turns, Challenge, LongTerm, User};
use ovcheck::proto::{
    client_hello, dns as dns_messages, first_bytes, html, rtmp as rtmps, web_http2 as http2_frames,
};
use ovcheck::ruleset::Ruleset;
use ovcheck::{compare, record, redact, stored, waivers as waivers_files};
use prost::Message;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

pub type Reader = fn(&[u8]);

/// Every reader by its name, which is that of its target.
pub const READERS: &[(&str, Reader)] = &[
    ("signal", signal),
    ("candidate", candidate),
    ("sdp", sdp),
    ("ice_url", ice_url),
    ("token", token),
    ("mask", mask),
    ("stun", stun),
    ("ice", ice),
    ("turn", turn),
    ("dtls", dtls),
    ("http", http),
    ("dns", dns),
    ("rtmp", rtmp),
    ("services", services),
    ("tls", tls),
    ("certificates", certificates),
    ("datagrams", datagrams),
    ("web_http2", web_http2),
    ("turn_answer", turn_answer),
    ("proxy_head", proxy_head),
    ("origin", origin),
    ("saved_token", saved_token),
    ("quotation", quotation),
    ("recording", recording),
    ("report", report),
    ("waivers", waivers),
    ("nginx_config", nginx_config),
    ("haproxy_config", haproxy_config),
    ("caddy_config", caddy_config),
    ("traefik_config", traefik_config),
    ("installation", installation),
    ("openvidu_config", openvidu_config),
    ("stored_report", stored_report),
    ("responder", responder),
    ("responder_body", responder_body),
    ("nftables", nftables),
    ("iptables", iptables),
    ("host_files", host_files),
];

/// The transaction id of every request here.
pub const ID: [u8; 12] = *b"ovcheck-fuzz";

/// Signalling messages of LiveKit, and what they carry.
pub fn signal(bytes: &[u8]) {
    if let Ok(request) = SignalRequest::decode(bytes) {
        let again = SignalRequest::decode(request.encode_to_vec().as_slice());
        assert!(again.is_ok_and(|again| again == request));
    }
    let Ok(Some(response)) = signals::read(bytes) else {
        return;
    };
    match response {
        Response::Join(join) => {
            let urls = join.ice_servers.iter().flat_map(|server| &server.urls);
            urls.for_each(|url| ice_url(url.as_bytes()));
        }
        Response::Answer(answer) | Response::Offer(answer) => sdp(answer.sdp.as_bytes()),
        Response::Trickle(trickle) => candidate(trickle.candidate_init.as_bytes()),
        Response::Leave(_) | Response::RefreshToken(_) => {}
    }
}

/// The JSON around a candidate, and its line.
pub fn candidate(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read = candidates::read(&text).and_then(|candidate| candidate.place);
    for place in [read, candidates::place(&text)].into_iter().flatten() {
        assert_ne!(place.address.port(), 0);
    }
}

/// The answer to an offer.
pub fn sdp(bytes: &[u8]) {
    if let Ok(answer) = sdps::Answer::read(&String::from_utf8_lossy(bytes)) {
        assert!((4..=256).contains(&answer.theirs.ufrag.len()));
        assert!((22..=256).contains(&answer.theirs.password.expose().len()));
    }
}

/// URIs of STUN and TURN servers.
pub fn ice_url(bytes: &[u8]) {
    if let Some(parts) = ice_urls::read(&String::from_utf8_lossy(bytes)) {
        assert!(!parts.host.is_empty() && parts.port != 0);
    }
}

/// What an access token claims.
pub fn token(bytes: &[u8]) {
    let token = String::from_utf8_lossy(bytes);
    if let Err(why) = tokens::claims(&Secret::new(token)) {
        assert!(why.to_string().len() < 100);
    }
}

/// What [`mask`] takes out of what a server repeats.
pub const SECRET: &str = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJBUEkifQ.c2lnbmF0dXJl";

/// Secrets that a server repeats, whole or in part.
pub fn mask(bytes: &[u8]) {
    let masked = masks::mask(&String::from_utf8_lossy(bytes), &Secret::new(SECRET));
    for part in SECRET.as_bytes().windows(16) {
        let part = std::str::from_utf8(part).expect("the secret is ASCII");
        assert!(!masked.contains(part));
    }
}

/// STUN on a stream and in datagrams, as answers to our own requests.
pub fn stun(bytes: &[u8]) {
    if let Frame::Whole(length) = stuns::frame(bytes) {
        assert!((20..=bytes.len()).contains(&length));
    }
    if !bytes.is_empty() {
        stuns::cut_off(bytes);
    }
    for request in [Request::binding(ID), Request::allocate(ID)] {
        request.is_quoted_in(bytes);
        match request.read(bytes) {
            Reading::Answer(StunAnswer::Success { .. } | StunAnswer::Error { .. }) => {
                assert_eq!(bytes.get(8..20), Some(ID.as_slice()));
            }
            Reading::Answer(_) | Reading::Stray(_) => {}
        }
    }
    PortIds::new([7; 10]).port_of(bytes);
}

/// The credentials of a session, as the checks of [`ice`] have them.
pub fn pair() -> Pair {
    Pair { ours: Half::random([1; 32]), theirs: Half::random([2; 32]), tiebreaker: 3 }
}

/// Authenticated checks of ICE. Nothing but the other end's own answer counts.
pub fn ice(bytes: &[u8]) {
    let pair = pair();
    let answered = pair.read_answer(ID, bytes).is_some();
    assert!(!answered || bytes.get(8..20) == Some(ID.as_slice()));
    if pair.read_check(bytes).is_some() {
        assert!(pair.read_answer(ID, bytes).is_none());
    }
    assert!(pair.read_answer(ID, &pair.check(ID, Purpose::Proof)).is_none());
}

/// TURN: challenges, what a relay brings, and where it is.
pub fn turn(bytes: &[u8]) {
    let user = User { name: "user".to_owned(), password: Secret::new("password") };
    let challenge = Challenge::read(bytes);
    if let Some(long_term) = challenge.and_then(|challenge| LongTerm::new(&user, challenge)) {
        long_term.allocate(ID);
    }
    if let Some((_, data)) = turns::read_data(bytes) {
        assert!(data.len() <= bytes.len());
    }
    turns::relayed_address(bytes);
}

/// 401 with the realm and the nonce for which [`GRANT`] is signed.
pub const CHALLENGE: &[u8] = b"\x01\x13\x00\x1c\x21\x12\xa4\x42ovcheck-fuzz\
    \x00\x09\x00\x04\x00\x00\x04\x01\x00\x14\x00\x07livekit\x00\x00\x15\x00\x04once";

/// An Allocate success (XOR-RELAYED-ADDRESS, LIFETIME), signed with "password" for "user" in "livekit".
pub const GRANT: [u8; 64] = [
    0x01, 0x03, 0x00, 0x2c, 0x21, 0x12, 0xa4, 0x42, 0x6f, 0x76, 0x63, 0x68, 0x65, 0x63, 0x6b, 0x2d,
    0x66, 0x75, 0x7a, 0x7a, 0x00, 0x16, 0x00, 0x08, 0x00, 0x01, 0x54, 0x22, 0xea, 0x12, 0xd5, 0x56,
    0x00, 0x0d, 0x00, 0x04, 0x00, 0x00, 0x02, 0x58, 0x00, 0x08, 0x00, 0x14, 0x95, 0xd6, 0xbb, 0xab,
    0x21, 0xb6, 0xe3, 0x97, 0x5b, 0x2f, 0xaa, 0x94, 0x5b, 0xc5, 0x8e, 0x26, 0x4d, 0x1d, 0xf5, 0xe9,
];

/// What a TURN server answers to a user. Nothing is granted but by what was signed with the password.
pub fn turn_answer(bytes: &[u8]) {
    let is_granted = |password: &str| {
        let challenge = Challenge::read(CHALLENGE).expect("a challenge");
        let user = User { name: "user".to_owned(), password: Secret::new(password) };
        let user = LongTerm::new(&user, challenge).expect("a name that fits");
        let answer = user.read(&user.allocate(ID), bytes);
        matches!(answer, Reading::Answer(StunAnswer::Success { .. }))
    };
    assert!(!is_granted("another"));
    if is_granted("password") {
        // More may stand behind the signature, and the length of the message with it.
        assert_eq!(bytes[..2], GRANT[..2]);
        assert_eq!(bytes[4..GRANT.len()], GRANT[4..]);
        assert_eq!(turns::relayed_address(bytes), turns::relayed_address(&GRANT));
    }
}

/// The beginning of DTLS.
pub fn dtls(bytes: &[u8]) {
    let mut half = HalfDtls::of_server([5; 16]);
    // Two datagrams, cut where the first byte says.
    let cut = bytes.first().map_or(0, |first| usize::from(*first));
    let (one, two) = bytes.split_at(cut.min(bytes.len()));
    for datagram in [one, two, bytes] {
        let answer = half.take(datagram);
        assert!(answer.is_none_or(|answer| answer.len() < 100));
    }
    half.facts();
    let mut waiting = HalfDtls::of_client([5; 32]);
    waiting.hello();
    for datagram in [one, two, bytes] {
        assert!(waiting.take(datagram).is_none());
    }
    waiting.facts();
}

/// The head of an HTTP answer, and its body in each framing.
pub fn http(bytes: &[u8]) {
    let mut framings = vec![Framing::Chunked, Framing::UntilClose, Framing::Length(u64::MAX)];
    let mut body = bytes;
    if let HeadRead::Head(head) = http_head::read_head(bytes) {
        assert!(head.bytes <= bytes.len());
        body = &bytes[head.bytes..];
        framings.push(head.framing);
    }
    for framing in framings {
        assert!(http_head::read_body(framing, body).bytes.len() <= body.len());
    }
    if let Some(page) = html::read(&String::from_utf8_lossy(body), None) {
        assert!(page.words.unquoted().chars().count() <= ServerText::LIMIT);
    }
    for packing in [Packing::Gzip, Packing::Deflate] {
        let unpacked = unpack(packing, body, 1000);
        assert!(unpacked.is_none_or(|unpacked| unpacked.len() <= 1000));
    }
}

/// The head by which an HTTP proxy opens a tunnel, in pieces of any size: no byte behind it is taken.
pub fn proxy_head(bytes: &[u8]) {
    let taken_in_pieces_of = |size: usize| {
        let mut reader = HeadOfTunnel::default();
        let mut rest = bytes;
        loop {
            let piece = &rest[..rest.len().min(size)];
            let (taken, read) = reader.take(piece);
            assert!(taken <= piece.len());
            rest = &rest[taken..];
            match read {
                HeadRead::Head(head) => return Some((head, rest.len())),
                HeadRead::Partial if !rest.is_empty() => {}
                HeadRead::Partial | HeadRead::TooLong | HeadRead::NotHttp => return None,
            }
        }
    };
    let size = bytes.first().map_or(1, |first| usize::from(*first) + 1);
    let whole = taken_in_pieces_of(bytes.len().max(1));
    assert_eq!(taken_in_pieces_of(size), whole);
    assert!(whole.is_none_or(|(head, _)| !(100..=199).contains(&head.status)));
}

/// The origin of a place to which a page leads, which stands in instructions.
pub fn origin(bytes: &[u8]) {
    let base = Url::page("http", HOST, "/");
    let Some(origin) = Origin::of_reference(&base, &ServerText::from_bytes(bytes)) else {
        return;
    };
    let origin = origin.to_string();
    let host = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
    let host = host.expect("a place on the web");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    assert!(!host.is_empty() && host.chars().all(is_plain), "{host}");
}

/// Tokens in files as people save them.
pub fn saved_token(bytes: &[u8]) {
    let Some(text) = saved::decoded(bytes.to_vec()) else {
        return;
    };
    let wide = [
        0xfffe_u16.to_be_bytes().to_vec(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    assert_eq!(saved::decoded(wide.concat()).as_ref(), Some(&text));
    if let Some(found) = saved::token_in(&text) {
        assert!(found.starts_with("eyJ") && found.matches('.').count() == 2);
        assert!(found.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
        token(found.as_bytes());
    }
}

/// A JSON report that somebody sent, in every format that is made of one.
pub fn stored_report(bytes: &[u8]) {
    type Writer = fn(&ShownReport, &mut dyn Write) -> io::Result<()>;
    let Ok(report) = ShownReport::read(bytes) else { return };
    let formats: [Writer; 7] = [
        output::github::write,
        output::html::write,
        output::icinga::write,
        output::junit::write,
        output::markdown::write,
        output::metrics::write,
        output::sarif::write,
    ];
    for write in formats {
        let mut out = Vec::new();
        write(&report, &mut out).expect("memory takes everything");
        let text = std::str::from_utf8(&out).expect("every format is UTF-8");
        assert!(!text.contains("##vso[") && !text.contains('\u{1b}'));
    }
}

/// What a server says, in a sentence and in the log of a pipeline.
pub fn quotation(bytes: &[u8]) {
    let text = ServerText::from_bytes(bytes);
    let quoted = quote::quoted(&text);
    let sentence = format!("the server says {quoted}, and ends");
    assert_eq!(quote::left_out(&sentence), "the server says …, and ends");
    let shown = quote::shown(&quoted);
    assert!(lines::columns(&shown) <= 62);
    assert!(!shown.contains(char::is_control));
    let inside = shown.strip_prefix('"').and_then(|shown| shown.strip_suffix('"'));
    let mut is_escape = false;
    for c in inside.expect("a quotation").chars() {
        assert!(is_escape || c != '"');
        is_escape = c == '\\' && !is_escape;
    }
    assert!(!is_escape);
    let json = serde_json::json!({ "said": text });
    let mut safe = Vec::new();
    let written = log_safe::write_json(&mut safe, |out| Ok(serde_json::to_writer(out, &json)?));
    assert!(written.is_ok());
    assert!(serde_json::from_slice(&safe).is_ok_and(|read: serde_json::Value| read == json));
    let page = lines::wrap(&sentence, 20).join("\n");
    for written in [log_safe::text(&shown), log_safe::text(&page), log_safe::text(&text_of(&json))]
    {
        let is_command = |line: &str| line.contains("##") || line.trim_start().starts_with("::");
        assert!(!written.lines().any(is_command), "{written}");
    }
    assert!(!safe.windows(2).any(|two| two == b"##"));
}

/// The text itself, as if it had been written without marks by mistake.
fn text_of(json: &serde_json::Value) -> String {
    json["said"].as_str().unwrap_or_default().to_owned()
}

/// The question that [`dns`] reads answers to.
pub fn question(about: About) -> dns_messages::Question {
    dns_messages::Question {
        id: 7,
        name: "openvidu.example.io.".parse().expect("a name"),
        about,
        recursive: true,
        edns: true,
        without_validation: false,
    }
}

/// Answers of the DNS.
pub fn dns(bytes: &[u8]) {
    let addresses = Family::BOTH.map(About::Addresses).into_iter();
    for about in addresses.chain([About::NameServers, About::Alias]) {
        if let Some(reply) = dns_messages::read(&question(about), bytes) {
            assert!(reply.chain.len() <= dns_messages::LONGEST_CHAIN + 1);
        }
    }
}

/// Our half of the handshake that [`rtmp`] reads answers to.
pub fn hello() -> Hello {
    Hello::new(&[9; rtmps::RANDOM])
}

/// An RTMP handshake.
pub fn rtmp(bytes: &[u8]) {
    let said = hello().read(bytes).is_some();
    assert!(said || bytes.len() < rtmps::ANSWER);
}

/// The answers by which services are known.
pub fn services(bytes: &[u8]) {
    redis::read(bytes);
    redis::read_info(bytes);
    redis::by_info(bytes);
    http2::read(bytes);
    ice_tcp::read(bytes);
    let hello = mongodb::Hello::new(7);
    hello.read(bytes);
    hello.cut_off(bytes);
    let list = mongodb::ListDatabases::new(7);
    list.read(bytes);
    list.cut_off(bytes);
    service::remainder(bytes);
}

/// What is told by its first bytes, and the answer to a ClientHello of old.
pub fn tls(bytes: &[u8]) {
    first_bytes::recognise(bytes);
    first_bytes::is_tls(bytes);
    client_hello::read(bytes);
    client_hello::read_first(bytes);
}

/// The host name for which [`certificates`] reads chains.
pub const HOST: &str = "openvidu.example.io";

/// A certificate chain, in which each certificate follows its length in two bytes, as the verifier
/// records it.
pub fn certificates(bytes: &[u8]) {
    let mut rest = bytes;
    let mut chain = Vec::new();
    while let [high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
        let (certificate, behind) = behind.split_at(length);
        chain.push(CertificateDer::from(certificate));
        rest = behind;
    }
    let [leaf, others @ ..] = chain.as_slice() else {
        return;
    };
    let verifier = RecordingVerifier::new(
        Arc::new(Roots::empty()),
        &rustls::crypto::ring::default_provider(),
        Timestamp::from_unix_seconds(1_893_456_000),
        &Sni::Name(HOST.parse().expect("a name")),
        false,
    );
    let name = ServerName::try_from(HOST).expect("a name");
    let accepted = verifier.verify_server_cert(leaf, others, &name, &[], UnixTime::now());
    let recorded = verifier.recorded().expect("a chain was shown");
    assert!(accepted.is_ok() && recorded.sent == chain.len());
    assert!(recorded.certificates.len() <= chain.len());
}

/// Answers to the questions in QUIC and DTLS.
pub fn datagrams(bytes: &[u8]) {
    let ids = QuicIds { destination: [1; 8], source: [2; 8] };
    for question in
        [DatagramQuestion::Quic { ids }, DatagramQuestion::Dtls { random: [3; 32], number: [5; 6] }]
    {
        question.read(bytes);
    }
}

/// The frames of an HTTP/2 server.
pub fn web_http2(bytes: &[u8]) {
    for is_over in [false, true] {
        http2_frames::read(bytes, is_over);
    }
}

/// Read once: a run of the reader takes no longer than it must.
static RULES: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

/// Recordings, which may come from anybody: what is read can be judged, and shared.
pub fn recording(bytes: &[u8]) {
    let Ok(recording) = record::parse("fuzz.rec", bytes) else {
        return;
    };
    let again = record::parse("fuzz.rec", &record::to_bytes(&recording));
    assert!(again.is_ok_and(|again| again == recording));
    if let Ok(observed) = app::replay(recording, "fuzz.rec", RULES.clone(), None) {
        let report = app::judge(observed, CheckOptions::default());
        let findings = report.findings.len();
        let shared = redact::redact(report, &Redaction::ALL);
        assert_eq!(shared.findings.len(), findings);
    }
}

/// Reports of former runs.
pub fn report(bytes: &[u8]) {
    let Ok(report) = stored::parse("fuzz.json", bytes) else {
        return;
    };
    let difference = compare::difference(("old", &report), ("new", &report));
    assert!(difference.is_some_and(|difference| !difference.is_worse()));
    compare::fleet(&[("one".to_owned(), report)]);
}

/// Files of an installation: the deployment file made from them is one, and has none of their secrets.
pub fn installation(bytes: &[u8]) {
    let Some(text) = saved::decoded(bytes.to_vec()) else { return };
    let text = format!("{text}\nLIVEKIT_API_SECRET={SECRET}\nREDIS_PASSWORD='{SECRET}'\n");
    let file =
        || InstallationFile { path: "a.env".to_owned(), text: text.clone(), is_named: false };
    let Ok(read) = Installation::of(&[file(), file()]) else { return };
    assert!(!format!("{read:?}").contains(SECRET));
    let flags = Flags { domain: "a.example.io".parse().ok(), ..Flags::default() };
    let Ok((flags, notes, warnings)) = read.complete(flags) else { return };
    let shown: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(!shown.concat().contains(SECRET));
    match deployment_file(&flags, &notes) {
        Ok(text) => assert!(!text.contains(SECRET)),
        Err(complaint) => assert!(!complaint.to_string().contains(SECRET)),
    }
}

/// OpenVidu's own configuration: what is kept of it has none of its secrets.
pub fn openvidu_config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let env = format!("{text}\nLIVEKIT_API_SECRET={SECRET}\nREDIS_PASSWORD='{SECRET}'\n");
    let yaml = format!("keys: {{a: {SECRET}}}\n{text}");
    let other = format!("LIVEKIT_API_SECRET={SECRET}\n");
    for (path, text) in [
        ("openvidu.env", &env),
        (".env", &env),
        ("livekit.yaml", &yaml),
        ("livekit.yaml", &text.clone().into_owned()),
        ("docker-compose.yaml", &yaml),
    ] {
        let file =
            |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let Ok(facts) = openvidu::read(&[file(path, text), file("master_node.env", &other)]) else {
            continue;
        };
        let shown = format!("{facts:?}{}", serde_json::to_string(&facts).expect("facts are JSON"));
        assert!(!shown.contains(SECRET));
        for setting in facts.files.iter().flat_map(|file| &file.settings) {
            assert!(setting.at.line > 0 && setting.at.column > 0 && setting.at.width > 0);
        }
    }
}

/// Listings of nftables: JSON, and beside it the text of the rules.
pub fn nftables(bytes: &[u8]) {
    let texts = RuleTexts::read(&String::from_utf8_lossy(bytes));
    if let Some(chains) = nftables_listing::chains(bytes, &texts, &[]) {
        let without = nftables_listing::chains(bytes, &texts, &["ip filter".to_owned()]);
        assert!(without.is_some_and(|some| some.len() <= chains.len()));
    }
}

/// Listings of iptables.
pub fn iptables(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for family in Family::BOTH {
        let Some(chains) = iptables_listing::chains(&text, family, "iptables") else { continue };
        let rules: usize = chains.iter().map(|chain| chain.rules.len()).sum();
        assert!(rules <= text.lines().count());
        assert!(chains.iter().all(|chain| chain.family == Some(family)));
    }
}

/// Files of `/proc`, `/sys` and `/etc`, and the words of small programs.
pub fn host_files(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for transport in [Transport::Tcp, Transport::Udp] {
        let sockets = system::waiting_sockets(&text, transport);
        assert!(sockets.len() <= text.lines().count());
    }
    let _ = (system::distribution(&text), system::memory_kib(&text), system::disk_kib(&text));
    let _ = (system::cores(&text), system::socket_inode(&text), system::selinux_boolean(&text));
    let _ = system::is_synchronised_by_systemd(&text);
    let _ = system::is_synchronised_by_chrony(&text);
}

/// Files of waivers.
pub fn waivers(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(complaint) = waivers_files::parse("fuzz.toml", text)
    {
        assert!(!complaint.to_string().is_empty());
    }
}

/// The configuration of nginx, and the connections through it.
pub fn nginx_config(bytes: &[u8]) {
    proxy_config(bytes, ProxyKind::Nginx, "/etc/nginx/nginx.conf", "/etc/nginx/more.conf");
}

/// The configuration of HAProxy, and the connections through it.
pub fn haproxy_config(bytes: &[u8]) {
    proxy_config(bytes, ProxyKind::Haproxy, "/etc/haproxy/haproxy.cfg", "/etc/haproxy/names.map");
}

/// The configuration of Caddy in JSON or YAML, and the connections through it.
pub fn caddy_config(bytes: &[u8]) {
    proxy_config(bytes, ProxyKind::Caddy, "/etc/caddy/caddy.json", "/etc/caddy/names.pem");
}

/// The configuration of Traefik in YAML or TOML, and the connections through it.
pub fn traefik_config(bytes: &[u8]) {
    proxy_config(bytes, ProxyKind::Traefik, "/etc/traefik/traefik", "/etc/traefik/dynamic.yml");
}

/// `beside`: a file that the configuration may name.
fn proxy_config(bytes: &[u8], kind: ProxyKind, name: &str, beside: &str) {
    let port = |number: u16| Port::new(number).expect("not 0");
    let asked = AskedNames {
        api: "openvidu.example.io".parse().ok(),
        turn: "turn.example.io".parse().ok(),
        unknown: None,
        families: Family::BOTH.to_vec(),
        ports: AskedPorts { https: port(443), http: port(80), rtmps: Some(port(1935)) },
    };
    let files = KnownFiles([(beside.to_owned(), bytes.to_vec())].into());
    let text = ProxyInput::Text { name: name.to_owned(), bytes: bytes.to_vec() };
    let Ok(facts) = proxy::read(&[text], Some(kind), &asked, &files) else { return };
    assert!(!facts.traces.is_empty());
    for trace in &facts.traces {
        let places = trace.hops.iter().map(|hop| &hop.at).chain(&trace.decided_at);
        for at in places.chain(facts.faults.iter().map(|fault| &fault.at)) {
            assert!(at.line > 0 && at.column > 0 && at.width > 0);
        }
    }
}

/// The token of every message to a responder here.
pub fn responder_token() -> ResponderToken {
    ResponderToken::new([7; 16])
}

/// What `ovcheck listen` reads from its sockets, with the IP header, without it, or the message alone;
/// and what a check reads of its answers.
pub fn responder(bytes: &[u8]) {
    if let Some(datagram) = read_ip(bytes) {
        assert!(datagram.payload.len() < bytes.len());
        let again = write_ip(&datagram).expect("addresses of one family");
        assert_eq!(read_ip(&again), Some(datagram));
        responder_message(datagram.payload);
    }
    if let Some(udp) = read_udp(bytes) {
        responder_message(udp.payload);
    }
    if let Some((from, syn)) = read_syn_in_ip(bytes) {
        assert!(read_ip(bytes).is_none(), "TCP from {from} is no UDP");
        assert!(bytes.windows(2).any(|two| two == syn.segment.to_be_bytes()));
    }
    if let Some(syn) = read_syn(bytes) {
        assert_eq!(bytes[2..4], syn.port.to_be_bytes());
    }
    responder_message(bytes);
}

/// What stands behind a right mac, which random bytes do not have.
pub fn responder_body(bytes: &[u8]) {
    if let Some(announcement) = Announcement::read(bytes) {
        for place in 0..announcement.ports.len() {
            for attempt in 0..ATTEMPTS {
                let size = announcement.size(place, attempt);
                assert_eq!(announcement.attempt(size), Some((place, attempt)));
            }
        }
    }
    if let Some(report) = SynReport::read(bytes) {
        assert!(report.ports.iter().all(|seen| seen.arrived.max(seen.passed) <= 3));
    }
    if let Some(report) = ReportAnswer::read(bytes) {
        let mut seen = Default::default();
        report.add_to(&mut seen, u16::from_be_bytes([bytes[0], bytes[1]]));
        assert!(report.redirects.iter().all(|it| it.ports.first() <= it.ports.last()));
    }
    let _ = HelloAnswer::read(bytes);
}

fn responder_message(bytes: &[u8]) {
    let Some(read) = Unverified::read(bytes) else {
        return;
    };
    let key = SessionKey::new(&responder_token(), read.session());
    let stranger = SessionKey::new(&ResponderToken::new([8; 16]), read.session());
    assert!(read.request(&stranger).is_none() && read.answer(&stranger).is_none());
    // A request is no answer, and the other way round.
    assert!(read.request(&key).is_none() || read.answer(&key).is_none());
    if let Some((head, Answer::Report(report))) = read.answer(&key) {
        assert_eq!(head.session, read.session());
        assert!(report.redirects.iter().all(|it| it.ports.first() <= it.ports.last()));
    }
}
