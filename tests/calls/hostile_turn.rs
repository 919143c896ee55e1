//! TURN servers that ask for ever, lie, or never answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ovcheck::model::facts::{
    CallFacts, IceCheck, NotSent, PathFacts, RelayFacts, ServerText, StunAnswer, Way,
};
use stun::agent::TransactionId;
use stun::attributes::{ATTR_NONCE, ATTR_REALM, AttrType, RawAttribute};
use stun::integrity::MessageIntegrity;
use stun::message::{
    METHOD_ALLOCATE, METHOD_CREATE_PERMISSION, METHOD_REFRESH, METHOD_SEND, Message, Method, Setter,
};
use tokio::net::UdpSocket;

use crate::fake::{Fake, Guest, TURN_PASSWORD, TURN_USER, answering, media, welcome};
use crate::peers::{by, call, spec};
use ovcheck::proto::livekit::signal::{IceServer, Response};

/// How often each method was asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Method>>>);

impl Asked {
    fn times(&self, method: Method) -> usize {
        let asked = self.0.lock().unwrap();
        asked.iter().filter(|one| **one == method).count()
    }
}

/// A TURN server that says `answer` to the n-th request of a client, and where it is.
async fn turn<F>(answer: F) -> (SocketAddr, Asked)
where
    F: Fn(&Message) -> Option<Vec<u8>> + Send + 'static,
{
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let place = socket.local_addr().unwrap();
    let asked = Asked::default();
    let tell = asked.clone();
    tokio::spawn(async move {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let mut message = Message::new();
            message.unmarshal_binary(&bytes[..length]).unwrap();
            tell.0.lock().unwrap().push(message.typ.method);
            if let Some(answer) = answer(&message) {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    (place, asked)
}

fn raw(typ: u16, value: &[u8]) -> RawAttribute {
    RawAttribute { typ: AttrType(typ), length: 0, value: value.to_vec() }
}

/// A response of this class to `request`.
fn response(request: &Message, class: u16, attributes: Vec<RawAttribute>) -> Vec<u8> {
    let mut setters: Vec<Box<dyn Setter>> = vec![Box::new(TransactionId(request.transaction_id.0))];
    for attribute in attributes {
        setters.push(Box::new(attribute));
    }
    let mut message = Message::new();
    message.build(&setters).unwrap();
    let typ = request.typ.value() | class;
    message.raw[..2].copy_from_slice(&typ.to_be_bytes());
    message.raw
}

/// A success that is signed with `password`.
fn granted(request: &Message, password: &str) -> Vec<u8> {
    let mut message = Message::new();
    message.unmarshal_binary(&response(request, SUCCESS, Vec::new())).unwrap();
    signing(password).add_to(&mut message).unwrap();
    message.write_header();
    message.raw
}

fn signing(password: &str) -> MessageIntegrity {
    let (user, realm) = (TURN_USER.to_owned(), "realm".to_owned());
    MessageIntegrity::new_long_term_integrity(user, realm, password.to_owned())
}

const SUCCESS: u16 = 0x0100;
const ERROR: u16 = 0x0110;

/// An error with a challenge; the reason says whatever the server likes to.
fn challenge(request: &Message, code: u16, realm: &str, nonce: &[u8]) -> Vec<u8> {
    let number = [0, 0, (code / 100) as u8, (code % 100) as u8];
    let reason = format!("for {TURN_USER} with {TURN_PASSWORD}");
    let error = raw(0x0009, &[&number, reason.as_bytes()].concat());
    let realm = raw(ATTR_REALM.0, realm.as_bytes());
    let nonce = raw(ATTR_NONCE.0, nonce);
    response(request, ERROR, vec![error, realm, nonce])
}

/// What is seen of a relay on `place`, for a call whose media is answered.
async fn see(place: SocketAddr) -> (RelayFacts, PathFacts) {
    let facts = see_named(place, TURN_USER.to_owned()).await;
    let path = by(&facts, Way::TurnUdp)[0].clone();
    (facts.relays[0].clone(), path)
}

async fn see_named(place: SocketAddr, username: String) -> CallFacts {
    let fake = Fake::start(move |guest: Guest| {
        let username = username.clone();
        async move {
            let mut call = guest.upgrade().await;
            let urls = [format!("turn:{place}?transport=udp")];
            let mut join = welcome(&urls);
            join.ice_servers = vec![IceServer { username, ..join.ice_servers.remove(0) }];
            call.say(Response::Join(join)).await;
            let pair = call.answer().await.unwrap();
            let (socket, media) = media().await;
            answering(socket, pair);
            call.candidates(&[("udp", media)]).await;
            call.stay().await;
        }
    })
    .await;
    let known = fake.known.clone();
    let facts = call(&fake.network(), &spec(), move || known.all()).await;
    assert!(by(&facts, Way::Udp)[0].check.is_answered(), "{facts:#?}");
    facts
}

fn code(answer: Option<&StunAnswer>) -> u16 {
    match answer {
        Some(StunAnswer::Error { code, .. }) => *code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_that_challenges_for_ever_is_asked_twice() {
    let (place, asked) =
        turn(|request| Some(challenge(request, 401, "realm", b"0123456789abcdef"))).await;
    let (relay, path) = see(place).await;
    assert_eq!(code(relay.allocate.as_ref()), 401);
    assert_eq!(code(relay.wrong_password.as_ref()), 401);
    assert_eq!(path.check, IceCheck::NotSent(NotSent::NoRelay));
    // For the right password, and for a wrong one.
    assert_eq!(asked.times(METHOD_ALLOCATE), 4);
}

#[tokio::test]
async fn one_that_finds_every_nonce_stale_is_given_up() {
    let (place, asked) = turn(|request| {
        let code = if request.contains(ATTR_NONCE) { 438 } else { 401 };
        Some(challenge(request, code, "realm", &rand::random::<[u8; 16]>()))
    })
    .await;
    let (relay, path) = see(place).await;
    assert_eq!(code(relay.allocate.as_ref()), 438);
    assert_eq!(path.check, IceCheck::NotSent(NotSent::NoRelay));
    assert_eq!(asked.times(METHOD_ALLOCATE), 8);
}

#[tokio::test]
async fn one_that_never_answers_is_silent() {
    let (place, _) = turn(|_| None).await;
    let (relay, path) = see(place).await;
    assert_eq!(relay.allocate, Some(StunAnswer::Silent));
    assert_eq!(relay.wrong_password, Some(StunAnswer::Silent));
    assert_eq!(path.check, IceCheck::NotSent(NotSent::NoRelay));
}

#[tokio::test]
async fn one_that_is_no_turn_is_told_by_what_it_says() {
    // What holds nothing of the request can be anybody's, and counts for nothing.
    let (place, _) = turn(|_| Some(b"hello".to_vec())).await;
    let (relay, _) = see(place).await;
    assert_eq!(relay.allocate, Some(StunAnswer::Silent));
    let (place, _) = turn(|request| Some(request.raw.clone())).await;
    let (relay, _) = see(place).await;
    let echo = ServerText::new("our own request, sent back");
    assert_eq!(relay.allocate, Some(StunAnswer::Malformed(echo)));
}

#[tokio::test]
async fn challenges_and_names_that_fit_into_no_message_make_no_request() {
    let (place, _) =
        turn(|request| Some(challenge(request, 401, &"r".repeat(800), &[7; 800]))).await;
    let (relay, _) = see(place).await;
    assert_eq!(code(relay.allocate.as_ref()), 401);
    let (place, _) =
        turn(|request| Some(challenge(request, 401, "realm", b"0123456789abcdef"))).await;
    let facts = see_named(place, "n".repeat(5_000)).await;
    assert_eq!(code(facts.relays[0].allocate.as_ref()), 401);
    assert_eq!(code(facts.relays[0].wrong_password.as_ref()), 401);
}

/// XOR-RELAYED-ADDRESS is missing, and nothing comes through what was granted.
#[tokio::test]
async fn a_relay_that_does_not_say_where_it_is_and_carries_nothing_is_silent() {
    let (place, asked) = turn(|request| match request.typ.method {
        METHOD_ALLOCATE if !request.contains(ATTR_NONCE) => {
            Some(challenge(request, 401, "realm", b"0123456789abcdef"))
        }
        METHOD_ALLOCATE | METHOD_CREATE_PERMISSION => Some(granted(request, TURN_PASSWORD)),
        _ => None,
    })
    .await;
    let (relay, path) = see(place).await;
    assert_eq!(relay.allocate, Some(StunAnswer::Success { mapped: None }));
    assert_eq!((relay.relayed, path.check), (None, IceCheck::Silent));
    assert_eq!(relay.control, Some(IceCheck::Silent));
    assert_eq!(relay.permissions.len(), 5);
    // Both are given back: the right one, and the one that a wrong password got.
    assert_eq!(asked.times(METHOD_REFRESH), 2);
}

#[tokio::test]
async fn a_relay_that_is_granted_without_a_question_is_given_back() {
    let (place, asked) = turn(|request| Some(response(request, SUCCESS, Vec::new()))).await;
    let (relay, path) = see(place).await;
    assert_eq!(relay.allocate, Some(StunAnswer::Success { mapped: None }));
    assert_eq!(path.check, IceCheck::NotSent(NotSent::NoRelay));
    assert_eq!(asked.times(METHOD_REFRESH), 2);
}

/// Challenges, and answers whatever comes then by `answer`.
async fn challenging<F>(answer: F) -> (SocketAddr, Asked)
where
    F: Fn(&Message) -> Vec<u8> + Send + 'static,
{
    turn(move |request| match request.typ.method {
        METHOD_ALLOCATE if !request.contains(ATTR_NONCE) => {
            Some(challenge(request, 401, "realm", b"0123456789abcdef"))
        }
        METHOD_ALLOCATE | METHOD_CREATE_PERMISSION => Some(answer(request)),
        _ => None,
    })
    .await
}

/// Who does not know the password grants nothing, in neither direction.
#[tokio::test]
async fn a_grant_that_is_not_signed_with_the_password_is_none() {
    type Grant = fn(&Message) -> Vec<u8>;
    let unsigned: Grant = |request| response(request, SUCCESS, Vec::new());
    let signed_otherwise: Grant = |request| granted(request, "what-somebody-thinks-of");
    for (grant, otherwise) in [(unsigned, false), (signed_otherwise, true)] {
        let (place, asked) = challenging(grant).await;
        let (relay, path) = see(place).await;
        let not_signed = Some(StunAnswer::NotSigned { otherwise });
        assert_eq!((&relay.allocate, &relay.wrong_password), (&not_signed, &not_signed));
        assert_eq!(path.check, IceCheck::NotSent(NotSent::NoRelay));
        // It may have been granted all the same.
        assert_eq!(asked.times(METHOD_REFRESH), 2);
    }
}

#[tokio::test]
async fn a_wrong_password_is_accepted_by_who_signs_with_it() {
    let (place, _) = challenging(|request| {
        let is_wrong = signing(TURN_PASSWORD).check(&mut request.clone()).is_err();
        let wrong = "not-the-password-of-this-user";
        granted(request, if is_wrong { wrong } else { TURN_PASSWORD })
    })
    .await;
    let (relay, _) = see(place).await;
    let success = Some(StunAnswer::Success { mapped: None });
    assert_eq!((relay.allocate, relay.wrong_password), (success.clone(), success));
}

#[tokio::test]
async fn a_permission_that_is_not_signed_is_none() {
    let (place, _) = challenging(|request| match request.typ.method {
        METHOD_ALLOCATE => granted(request, TURN_PASSWORD),
        _ => response(request, SUCCESS, Vec::new()),
    })
    .await;
    let (relay, _) = see(place).await;
    assert_eq!(relay.permissions.len(), 5);
    for permission in &relay.permissions {
        assert_eq!(permission.answer, StunAnswer::NotSigned { otherwise: false });
    }
}

#[tokio::test]
async fn a_permission_that_is_refused_is_told() {
    let (place, _) = turn(|request| match request.typ.method {
        METHOD_ALLOCATE if request.contains(ATTR_NONCE) => Some(granted(request, TURN_PASSWORD)),
        METHOD_ALLOCATE => Some(challenge(request, 401, "realm", b"0123456789abcdef")),
        METHOD_CREATE_PERMISSION => Some(challenge(request, 403, "realm", b"0123456789abcdef")),
        _ => None,
    })
    .await;
    let (relay, path) = see(place).await;
    assert_eq!(path.check, IceCheck::NotSent(NotSent::NoPermission));
    for permission in &relay.permissions {
        assert_eq!(code(Some(&permission.answer)), 403);
    }
}

/// Also a relay is not sent where no server may send us.
#[tokio::test]
async fn no_relay_is_asked_to_send_to_addresses_that_nobody_declared() {
    let (place, asked) = turn(|request| match request.typ.method {
        METHOD_ALLOCATE if !request.contains(ATTR_NONCE) => {
            Some(challenge(request, 401, "realm", b"0123456789abcdef"))
        }
        METHOD_ALLOCATE | METHOD_CREATE_PERMISSION => Some(granted(request, TURN_PASSWORD)),
        _ => None,
    })
    .await;
    let fake = Fake::start(move |guest: Guest| async move {
        let mut call = guest.upgrade().await;
        call.welcome(&[format!("turn:{place}?transport=udp")]).await;
        call.answer().await.unwrap();
        let metadata = "169.254.169.254:80".parse().unwrap();
        let broadcast = "255.255.255.255:9".parse().unwrap();
        call.candidates(&[("udp", metadata), ("udp", broadcast)]).await;
        call.stay().await;
    })
    .await;
    let known = fake.known.clone();
    let facts = call(&fake.network(), &spec(), move || known.all()).await;
    let relayed = by(&facts, Way::TurnUdp);
    assert_eq!(relayed.len(), 2, "{facts:#?}");
    for path in relayed {
        let is_forbidden = matches!(path.check, IceCheck::NotSent(NotSent::ForbiddenAddress(_)));
        assert!(is_forbidden, "{path:?}");
    }
    assert_eq!(asked.times(METHOD_SEND), 0);
}
