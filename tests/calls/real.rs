//! All ways to a real server: proven, measured, and left without a trace.

use ovcheck::model::facts::{
    CallFacts, DtlsFacts, IceCheck, JoinAnswer, PathFacts, PeerKind, RoomEnd, SdpAnswer,
    StunAnswer, Way,
};
use ovcheck::model::probe::{CallDepth, CallSpec, Punching};

use crate::livekit::{LiveKit, Setting, Version};
use crate::peers::{by, key, plain_call, spec};
use crate::tokens::Token;

/// The path of a way that was answered, first of those. Others may well be silent: of each of its
/// interfaces the server says the address that it was told to have.
fn proven(facts: &CallFacts, way: Way) -> &PathFacts {
    let mut answered = by(facts, way).into_iter().filter(|path| path.check.is_answered());
    answered.next().unwrap_or_else(|| panic!("{way:?}: {facts:#?}"))
}

/// Every way has a path that was answered, with the large packet too where there is one.
fn all_proven(facts: &CallFacts) {
    assert_eq!(facts.signal.join, Some(JoinAnswer::Joined), "{facts:#?}");
    for way in Way::ALL {
        let padded = proven(facts, way).padded.as_ref();
        let expected = (way != Way::IceTcp).then_some(true);
        assert_eq!(padded.map(IceCheck::is_answered), expected, "{way:?}: {facts:#?}");
    }
    let session = facts.session.as_ref().unwrap();
    assert_eq!(session.answer, SdpAnswer::Complete { ice_lite: false });
    assert!(session.all_candidates, "{facts:#?}");
    assert_eq!(facts.relays.len(), 2, "{facts:#?}");
    for relay in &facts.relays {
        assert!(relay.relayed.is_some(), "{facts:#?}");
        assert!(matches!(relay.wrong_password, Some(StunAnswer::Error { .. })), "{facts:#?}");
        assert_eq!(relay.permissions.len(), 5, "{facts:#?}");
    }
}

async fn proves_all_and_leaves_nothing(version: Version) {
    let server = LiveKit::start(&Setting::of(version));
    let net = server.network(key());
    for depth in [CallDepth::Checks, CallDepth::Dtls] {
        let facts = plain_call(&net, &CallSpec { depth, ..spec() }).await;
        all_proven(&facts);
        let expected = (depth == CallDepth::Dtls).then_some(DtlsFacts::BothWays);
        for way in Way::ALL {
            assert_eq!(proven(&facts, way).dtls, expected, "{way:?}: {facts:#?}");
        }
        let farewell = facts.farewell.clone().unwrap();
        assert!(farewell.left, "{facts:#?}");
        assert_eq!(farewell.room, RoomEnd::Deleted, "{facts:#?}");
        assert_eq!(server.rooms(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and nginx"]
async fn all_ways_to_livekit_1_8_are_proven() {
    proves_all_and_leaves_nothing(Version::Old).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn all_ways_to_livekit_1_13_are_proven() {
    proves_all_and_leaves_nothing(Version::New).await;
}

async fn with_a_token_alone(version: Version) {
    let server = LiveKit::start(&Setting::of(version));
    let token = Token::joining("somebodys-room");
    let net = server.network(token.credentials());
    for depth in [CallDepth::Checks, CallDepth::Dtls] {
        let facts = plain_call(&net, &CallSpec { depth, ..spec() }).await;
        all_proven(&facts);
        let expected = (depth == CallDepth::Dtls).then_some(DtlsFacts::BothWays);
        for way in Way::ALL {
            assert_eq!(proven(&facts, way).dtls, expected, "{way:?}: {facts:#?}");
        }
        let farewell = facts.farewell.clone().unwrap();
        assert!(farewell.left, "{facts:#?}");
        assert_eq!(farewell.room, RoomEnd::LeftToServer);
        assert!(server.soon(|server| server.participants("somebodys-room") == 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and nginx"]
async fn a_token_alone_proves_as_much_to_livekit_1_8() {
    with_a_token_alone(Version::Old).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn a_token_alone_proves_as_much_to_livekit_1_13() {
    with_a_token_alone(Version::New).await;
}

async fn peers_of_the_relay(version: Version) -> Vec<(PeerKind, bool)> {
    let server = LiveKit::start(&Setting::of(version));
    let facts = plain_call(&server.network(key()), &spec()).await;
    let mut granted: Vec<(PeerKind, bool)> = facts.relays[0]
        .permissions
        .iter()
        .map(|permission| {
            let is_granted = matches!(permission.answer, StunAnswer::Success { .. });
            (permission.why, is_granted)
        })
        .collect();
    granted.sort_by_key(|(why, _)| format!("{why:?}"));
    granted
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.8.4 and nginx"]
async fn livekit_1_8_relays_to_everybody() {
    use PeerKind::{Candidate, Foreign, LinkLocal, Loopback, Private};
    assert_eq!(
        peers_of_the_relay(Version::Old).await,
        [Candidate, Foreign, LinkLocal, Loopback, Private].map(|why| (why, true))
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn livekit_1_13_relays_to_nobody_inside_that_was_not_allowed() {
    use PeerKind::{Candidate, Foreign, LinkLocal, Loopback, Private};
    // Loopback is allowed here, since all of this test is on it.
    assert_eq!(
        peers_of_the_relay(Version::New).await,
        [
            (Candidate, true),
            (Foreign, true),
            (LinkLocal, false),
            (Loopback, true),
            (Private, false),
        ]
    );
}

/// The server's own checks come to an address that was offered.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs livekit-server 1.13.5 and nginx"]
async fn a_check_of_the_servers_own_is_seen() {
    let server = LiveKit::start(&Setting::of(Version::New));
    let watching = CallSpec { punching: Punching::Watched, ..spec() };
    let facts = plain_call(&server.network(key()), &watching).await;
    all_proven(&facts);
    let punched = facts.punched.clone().unwrap();
    let udp = proven(&facts, Way::Udp).candidate;
    assert_eq!(punched.check_from, Some(udp), "{facts:#?}");
    assert!(punched.through.unwrap().is_answered(), "{facts:#?}");
}
