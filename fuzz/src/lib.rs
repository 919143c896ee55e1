//! The parsers of messages from other machines, as functions of bytes. For every input, they return
//! without a panic, and their results satisfy the asserted properties.
//!
//! Each target in `fuzz_targets` calls one of them. `tests/readers.rs` calls all of them on every run.

use std::sync::Arc;

use ovcheck::model::facts::{ServerText, StunAnswer};
use ovcheck::model::probe::Sni;
use ovcheck::model::secret::Secret;
use ovcheck::model::target::Family;
use ovcheck::model::timestamp::Timestamp;
use ovcheck::net::tls::Roots;
use ovcheck::net::verifier::RecordingVerifier;
use ovcheck::proto::datagrams::{DatagramQuestion, QuicIds};
use ovcheck::proto::dns::About;
use ovcheck::proto::half_dtls::HalfDtls;
use ovcheck::proto::http::{self as http_head, Framing, HeadRead};
use ovcheck::proto::ice::{Half, Pair, Purpose};
use ovcheck::proto::inflate::{Packing, unpack};
use ovcheck::proto::livekit::signal::{self as signals, Response, SignalRequest};
use ovcheck::proto::livekit::{
    candidate as candidates, ice_url as ice_urls, mask as masks, sdp as sdps, token as tokens,
};
use ovcheck::proto::rtmp::Hello;
use ovcheck::proto::service::{self, http2, ice_tcp, mongodb, redis};
use ovcheck::proto::stun::{self as stuns, Frame, PortIds, Reading, Request};
use ovcheck::proto::turn::{self as turns, Challenge, LongTerm, User};
use ovcheck::proto::{
    client_hello, dns as dns_messages, first_bytes, html, rtmp as rtmps, web_http2 as http2_frames,
};
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
        assert!(page.words.as_str().chars().count() <= ServerText::LIMIT);
    }
    for packing in [Packing::Gzip, Packing::Deflate] {
        let unpacked = unpack(packing, body, 1000);
        assert!(unpacked.is_none_or(|unpacked| unpacked.len() <= 1000));
    }
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
