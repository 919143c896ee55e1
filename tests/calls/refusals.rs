//! What a real server says to those whom it does not let in, and what it shows when it is set up
//! in another way.

use ovcheck::model::facts::{
    CallFacts, DtlsFacts, HttpAnswer, HttpResponse, IceCheck, JoinAnswer, NotSent, RoomEnd,
    SdpAnswer, StunAnswer, Way,
};
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{CallDepth, CallSpec};
use ovcheck::model::secret::{Credentials, Secret};
use serde_json::json;

use crate::livekit::{LiveKit, Setting, Version};
use crate::peers::{KEY, by, call, free_port, key, plain_call, spec};
use crate::tokens::Token;

/// What somebody with these credentials is told: status and body.
async fn told(server: &LiveKit, credentials: Credentials) -> (u16, String) {
    let secret = match &credentials {
        Credentials::Token(token) => token.expose().to_owned(),
        Credentials::Key { secret, .. } => secret.expose().to_owned(),
    };
    let facts = call(&server.network(credentials), &spec(), || vec![secret]).await;
    assert!(facts.session.is_none() && facts.farewell.is_none(), "{facts:#?}");
    refusal(&facts)
}

fn refusal(facts: &CallFacts) -> (u16, String) {
    let Some(JoinAnswer::Refused(HttpAnswer::Response(HttpResponse {
        status,
        body,
        date_ahead_s,
        ..
    }))) = &facts.signal.join
    else {
        panic!("{facts:#?}");
    };
    assert!(date_ahead_s.unwrap().abs() <= 5, "{facts:#?}");
    (*status, body.unquoted().to_owned())
}

async fn refusals_of(version: Version) {
    let server = LiveKit::start(&Setting::of(version));
    let room = "somebodys-room";

    let wrong_secret = Credentials::Key {
        key: KEY.to_owned(),
        secret: Secret::new("another-secret-of-at-least-32-characters"),
    };
    let (status, body) = told(&server, wrong_secret).await;
    assert_eq!(status, 401);
    assert!(body.starts_with("invalid token: [secret], error: "), "{body}");

    let unknown_key = Credentials::Key {
        key: "APInobody".to_owned(),
        secret: Secret::new("another-secret-of-at-least-32-characters"),
    };
    let (status, body) = told(&server, unknown_key).await;
    assert_eq!((status, body.as_str()), (401, "invalid API key: APInobody"));

    let expired = Token { from_s: -700, until_s: -100, ..Token::joining(room) };
    let (status, body) = told(&server, expired.credentials()).await;
    assert_eq!(status, 401);
    assert!(body.contains("expired"), "{body}");

    let early = Token { from_s: 120, until_s: 600, ..Token::joining(room) };
    let (status, body) = told(&server, early.credentials()).await;
    assert_eq!(status, 401);
    assert!(body.contains("not valid yet"), "{body}");

    // A minute is granted to clocks that differ.
    let hardly = Token { from_s: 50, until_s: 600, ..Token::joining(room) };
    let facts = plain_call(&server.network(hardly.credentials()), &spec()).await;
    assert_eq!(facts.signal.join, Some(JoinAnswer::Joined));

    let mute = Token { video: json!({"room": room}), ..Token::joining(room) };
    let (status, body) = told(&server, mute.credentials()).await;
    assert_eq!((status, body.as_str()), (401, "permissions denied"));

    let nowhere = Token::joining("").credentials();
    match version {
        // It has a room without a name.
        Version::Old => {
            let facts = plain_call(&server.network(nowhere), &spec()).await;
            assert_eq!(facts.signal.join, Some(JoinAnswer::Joined));
        }
        Version::New => {
            let (status, body) = told(&server, nowhere).await;
            assert_eq!((status, body.as_str()), (400, "no room name"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and nginx"]
async fn livekit_1_8_says_why_it_lets_nobody_in() {
    refusals_of(Version::Old).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn livekit_1_13_says_why_it_lets_nobody_in() {
    refusals_of(Version::New).await;
}

/// A call to a server that is set up in another way.
async fn with(change: impl Fn(&mut Setting), version: Version) -> CallFacts {
    let mut setting = Setting::of(version);
    change(&mut setting);
    let server = LiveKit::start(&setting);
    let facts = plain_call(&server.network(key()), &spec()).await;
    assert_eq!(server.rooms(), Vec::<String>::new(), "{facts:#?}");
    facts
}

fn is_proven(facts: &CallFacts, way: Way) -> bool {
    by(facts, way).iter().any(|path| path.check.is_answered())
}

const VERSIONS: [Version; 2] = [Version::Old, Version::New];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and 1.13.5, and nginx"]
async fn a_room_that_is_not_made_by_joining_is_not_found() {
    for version in VERSIONS {
        let change = |setting: &mut Setting| setting.more = "room: {auto_create: false}".to_owned();
        let facts = with(change, version).await;
        let (status, body) = refusal(&facts);
        assert_eq!((status, body.as_str()), (404, "requested room does not exist"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and 1.13.5, and nginx"]
async fn a_server_that_makes_no_checks_itself_answers_ours() {
    for version in VERSIONS {
        let facts = with(|setting| setting.rtc += ", use_ice_lite: true", version).await;
        let answer = &facts.session.as_ref().unwrap().answer;
        assert_eq!(answer, &SdpAnswer::Complete { ice_lite: true });
        for way in Way::ALL {
            assert!(is_proven(&facts, way), "{way:?}: {facts:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and 1.13.5, and nginx"]
async fn a_server_that_takes_media_over_tcp_alone_has_one_way() {
    for version in VERSIONS {
        let facts = with(|setting| setting.rtc += ", force_tcp: true", version).await;
        assert!(is_proven(&facts, Way::IceTcp), "{facts:#?}");
        for way in [Way::Udp, Way::TurnUdp, Way::Turns] {
            assert!(by(&facts, way).is_empty(), "{way:?}: {facts:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and 1.13.5, and nginx"]
async fn one_port_for_all_media_is_as_good_as_a_range() {
    for version in VERSIONS {
        let port = free_port();
        // Of several interfaces the server would name one, under the address that it was told: by
        // chance one where we do not ask.
        let change = |setting: &mut Setting| {
            setting.rtc = format!("udp_port: {port}, interfaces: {{includes: [lo]}}");
        };
        let facts = with(change, version).await;
        for way in Way::ALL {
            assert!(is_proven(&facts, way), "{way:?}: {facts:#?}");
        }
        for path in by(&facts, Way::Udp) {
            assert_eq!(path.candidate.port(), port, "{facts:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and 1.13.5, and nginx"]
async fn without_turn_there_is_nobody_to_ask_for_a_relay() {
    for version in VERSIONS {
        let facts = with(|setting| setting.turn = None, version).await;
        assert!(facts.relays.is_empty(), "{facts:#?}");
        assert!(is_proven(&facts, Way::Udp) && is_proven(&facts, Way::IceTcp));
        assert!(by(&facts, Way::Turns).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and 1.13.5, and nginx"]
async fn a_turn_server_that_is_named_without_credentials_gives_no_relay() {
    for version in VERSIONS {
        let elsewhere = LiveKit::start(&Setting::of(version));
        let port = elsewhere.turn_udp;
        let change = |setting: &mut Setting| {
            setting.turn = None;
            setting.rtc +=
                &format!(", turn_servers: [{{host: 127.0.0.1, port: {port}, protocol: udp}}]");
        };
        let facts = with(change, version).await;
        let url = &facts.session.as_ref().unwrap().ice_servers[facts.relays[0].url];
        assert!(!url.with_credentials);
        assert_eq!(url.parts.as_ref().unwrap().transport, Transport::Udp);
        assert!(matches!(facts.relays[0].allocate, Some(StunAnswer::Error { .. })), "{facts:#?}");
        for path in by(&facts, Way::TurnUdp) {
            assert_eq!(path.check, IceCheck::NotSent(NotSent::NoRelay));
        }
        assert!(is_proven(&facts, Way::Udp));
    }
}

/// The second join meets the limit, and nothing says so but `500`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and 1.13.5, and nginx"]
async fn in_a_room_for_one_there_is_no_second_look() {
    for version in VERSIONS {
        let mut setting = Setting::of(version);
        setting.more = "room: {auto_create: true, max_participants: 1}".to_owned();
        let server = LiveKit::start(&setting);
        let deep = CallSpec { depth: CallDepth::Dtls, ..spec() };
        let facts = plain_call(&server.network(key()), &deep).await;
        for way in Way::ALL {
            let mut looks = by(&facts, way).into_iter().filter_map(|path| path.dtls);
            assert_eq!(looks.next(), Some(DtlsFacts::NotReached), "{facts:#?}");
        }
        assert_eq!(facts.farewell.unwrap().room, RoomEnd::Deleted);
        assert_eq!(server.rooms(), Vec::<String>::new());
    }
}
