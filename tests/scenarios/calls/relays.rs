//! TURN servers: what they give, to whom, and whether it leads anywhere.

use std::collections::BTreeSet;

use ovcheck::model::deployment::{Edition, Policy};
use ovcheck::model::facts::*;
use ovcheck::model::fingerprint::Fingerprint;
use ovcheck::model::port::Transport;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::Finding;
use ovcheck::model::verdict::Severity;

use super::{Situation, call_alone, called, close, error, finding, of, relay_of, said};
use crate::world::Observed as _;
use crate::world::{World, words};

/// With relays that are refused with this code.
fn refusing(code: u16, reason: &'static str) -> World {
    called(Policy::ForcedTurn).call_but(move |call| {
        close(call, Way::Turns);
        relay_of(call, Way::Turns).allocate = Some(error(code, reason));
        relay_of(call, Way::Turns).wrong_password = Some(error(401, "Unauthorized"));
    })
}

/// With relays that are given and lead nowhere.
fn silent(policy: Policy, control: Option<IceCheck>) -> World {
    called(policy).call_but(move |call| {
        for way in [Way::TurnUdp, Way::Turns] {
            if relay_of(call, way).relayed.is_some() {
                let path = of(call, way);
                (path.check, path.padded, path.dtls) = (IceCheck::Silent, None, None);
                relay_of(call, way).control.clone_from(&control);
            }
        }
    })
}

pub fn situations() -> Vec<Situation> {
    vec![
        (
            "the quota of relays is reached",
            refusing(486, "Allocation Quota Reached"),
            vec!["turn/allocation-granted"],
        ),
        (
            "the media range is closed to the node itself",
            silent(Policy::Default, Some(IceCheck::Answered { mapped: None })),
            vec!["turn/relay-carries-media"],
        ),
        (
            "a wrong password gets a relay",
            called(Policy::Default).call_but(|call| {
                relay_of(call, Way::TurnUdp).wrong_password = Some(super::granted());
            }),
            vec!["turn/wrong-password-refused"],
        ),
        (
            "relays reach private networks",
            called(Policy::Default).call_but(|call| allow(call, PeerKind::Private)),
            vec!["turn/refuses-foreign-peers"],
        ),
    ]
}

/// Lets relays send to addresses of this kind.
fn allow(call: &mut CallFacts, kind: PeerKind) {
    let permissions = call.relays.iter_mut().flat_map(|relay| &mut relay.permissions);
    for permission in permissions.filter(|permission| permission.why == kind) {
        permission.answer = StunAnswer::Success { mapped: None };
    }
}

const GRANTED: &str = "turn/allocation-granted";
const CARRIES: &str = "turn/relay-carries-media";
const URL: &str = "turns:turn.example.io:443?transport=tcp";

fn turn_url(finding: &Finding) -> &str {
    finding.target.turn_url.as_ref().unwrap().unquoted()
}

#[test]
fn why_no_relay_is_given_is_told_by_its_code() {
    use ReasonCode::{StunBadResponse, TurnCredentialsRefused, TurnQuota};
    for (code, reason) in [
        (400, TurnCredentialsRefused),
        (401, TurnCredentialsRefused),
        (403, TurnCredentialsRefused),
        (438, TurnCredentialsRefused),
        (441, TurnCredentialsRefused),
        (486, TurnQuota),
        (508, TurnQuota),
        (440, StunBadResponse),
    ] {
        let findings = call_alone(&refusing(code, "no"));
        let granted = finding(&findings, GRANTED);
        assert_eq!((words(granted), granted.reason), ("fail, proven", reason), "{code}");
        assert!(granted.observed().ends_with(&format!("error {code} \"no\"")));
        assert_eq!(turn_url(granted), URL);
        // The way through it is not a second violation.
        for rule in ["call/media-path-turns", CARRIES] {
            let finding = finding(&findings, rule);
            assert_eq!(finding.blocked_by.as_ref().unwrap().as_str(), GRANTED, "{rule}, {code}");
        }
    }
}

#[test]
fn only_turn_servers_that_answer_are_asked_for_relays() {
    // Under forced TURN the one on UDP 443 is closed.
    let findings = call_alone(&called(Policy::ForcedTurn));
    assert_eq!(
        said(&findings, GRANTED),
        "pass, proven: \"turns:turn.example.io:443?transport=tcp\" grants the relay \
         203.0.113.20:41000 after 260 ms"
    );
    let none = called(Policy::Default).call_but(|call| {
        call.relays.clear();
        call.paths.retain(|path| !path.way.is_relayed());
        call.session.as_mut().unwrap().ice_servers.clear();
    });
    let findings = call_alone(&none);
    assert_eq!(words(finding(&findings, GRANTED)), "not applicable");
    assert_eq!(words(finding(&findings, "turn/wrong-password-refused")), "not applicable");
}

#[test]
fn a_silent_relay_is_told_from_a_closed_range_of_relays() {
    let answered = || Some(IceCheck::Answered { mapped: None });
    let silence = || Some(IceCheck::Silent);
    let end = |world: World| {
        // One for each URL, and all alike.
        let findings = call_alone(&world);
        let relays: Vec<&Finding> =
            findings.iter().filter(|it| it.rule.as_str() == CARRIES).collect();
        assert!(relays.iter().all(|it| it.seen == relays[0].seen), "{relays:#?}");
        let urls: BTreeSet<&Fingerprint> = relays.iter().map(|it| &it.fingerprint).collect();
        assert_eq!(urls.len(), relays.len());
        (words(relays[0]), relays[0].observed())
    };
    let (verdict, observed) = end(silent(Policy::Default, answered()));
    assert_eq!(verdict, "fail, proven");
    assert_eq!(
        observed,
        "a relay is granted, but UDP 203.0.113.20:50905 does not answer through it\n\
         the TURN server's own port answers through it: the media range is probably closed \
         to the machine itself or to another Media Node\n\
         the session is alive: an authenticated ICE check is answered at UDP 203.0.113.20:50905 after \
         52 ms"
    );
    let own_port = "the TURN server's own port does not answer through it either: the range of the \
                    relays is probably closed, or the machine cannot reach its own public address";
    let (verdict, observed) = end(silent(Policy::Default, silence()));
    assert_eq!(verdict, "fail, proven");
    assert!(observed.contains(own_port), "{observed}");
    // From OpenVidu 3.6 and LiveKit 1.13.10 on a relay sends to no other port than those of media.
    // What the server says it is counts, not what was declared.
    for (version, is_told) in [
        ("v1.9.4-rc1", true),
        ("1.9.8", false),
        ("1.13.11", false),
        ("nonsense", false),
        ("", false),
    ] {
        let newer = silent(Policy::Default, silence()).call_but(move |call| {
            call.session.as_mut().unwrap().server_version = ServerText::new(version);
        });
        let (verdict, observed) = end(newer);
        assert_eq!(verdict, "fail, proven");
        assert_eq!(observed.contains(own_port), is_told, "{version}: {observed}");
    }
    // Under forced TURN nothing else can show that the session is alive.
    assert_eq!(end(silent(Policy::ForcedTurn, answered())).0, "fail, suspected");
    assert_eq!(end(silent(Policy::ForcedTurn, silence())).0, "unsettled");
}

#[test]
fn a_relay_that_may_not_send_to_the_media_port_says_so() {
    let denied = called(Policy::ForcedTurn).call_but(|call| {
        let path = of(call, Way::Turns);
        path.check = IceCheck::NotSent(NotSent::NoPermission);
        (path.padded, path.dtls) = (None, None);
        relay_of(call, Way::Turns).permissions[0].answer = error(403, "Forbidden");
    });
    let findings = call_alone(&denied);
    let relay = finding(&findings, CARRIES);
    assert_eq!((words(relay), relay.reason), ("fail, proven", ReasonCode::PeerRefused));
    assert_eq!(
        relay.observed(),
        "the relay is granted but may not send to 203.0.113.20: error 403 \"Forbidden\""
    );
    assert_eq!(turn_url(relay), URL);
    let path = finding(&findings, "call/media-path-turns");
    assert_eq!(path.blocked_by.as_ref().unwrap().as_str(), CARRIES);
}

/// That no check at all was answered has a cause, and is no reason to run again.
#[test]
fn under_forced_turn_a_broken_relay_is_why_the_policy_cannot_be_judged() {
    let broken = silent(Policy::ForcedTurn, Some(IceCheck::Answered { mapped: None }));
    let findings = call_alone(&broken);
    for rule in ["policy/media-only-through-turn", "policy/no-media-through-hole-punching"] {
        let finding = finding(&findings, rule);
        assert_eq!(words(finding), "unsettled", "{rule}: {}", finding.observed());
        assert_eq!(finding.blocked_by.as_ref().unwrap().as_str(), CARRIES);
    }
}

/// A useless candidate beside the right one is not why the right one stays silent.
#[test]
fn a_silent_relay_and_a_wrong_candidate_beside_the_right_one_are_two_causes() {
    let both =
        silent(Policy::Default, Some(IceCheck::Answered { mapped: None })).call_but(|call| {
            let docker = "172.17.0.1:50906".parse().unwrap();
            let session = call.session.as_mut().unwrap();
            session.candidates.push(super::candidate(Transport::Udp, docker));
        });
    let broken =
        crate::world::broken(&both.judge()).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(broken, ["call/media-addresses-are-right", CARRIES]);
}

#[test]
fn relays_to_machines_that_are_not_the_deployment_s_are_judged_by_edition() {
    const FOREIGN: &str = "turn/refuses-foreign-peers";
    let ends = |edition, kind| {
        let policy = Policy::Default;
        let world = called(policy).declared(move |it| it.edition = edition);
        let findings = call_alone(&world.call_but(move |call| allow(call, kind)));
        // One for each URL, and all alike.
        let foreign = findings.iter().find(|it| it.rule.as_str() == FOREIGN).unwrap();
        (words(foreign), foreign.severity)
    };
    let (warning, error) = (Severity::Warning, Severity::Error);
    assert_eq!(ends(Edition::V3_2, PeerKind::Candidate), ("pass, proven", warning));
    assert_eq!(ends(Edition::V3_2, PeerKind::Private), ("fail, proven", warning));
    assert_eq!(ends(Edition::V3_2, PeerKind::Loopback), ("fail, proven", warning));
    assert_eq!(ends(Edition::V3_9, PeerKind::LinkLocal), ("fail, proven", error));
    // LiveKit itself sends to anybody on the internet; OpenVidu's own list came later.
    assert_eq!(ends(Edition::V3_2, PeerKind::Foreign), ("pass, proven", warning));
    assert_eq!(ends(Edition::V3_6, PeerKind::Foreign), ("fail, proven", warning));
}

/// What is let through decides what mends it, and each remedy denies what was seen.
#[test]
fn what_a_relay_lets_through_is_named_and_mended_by_kind() {
    const FOREIGN: &str = "turn/refuses-foreign-peers";
    let cases: [(&[PeerKind], &[&str], &str); 5] = [
        (&[PeerKind::Loopback], &["peer_loopback_allowed"], "deny_peer_cidrs: [127.0.0.0/8]"),
        (&[PeerKind::LinkLocal], &["peer_link_local_allowed"], "[169.254.0.0/16]"),
        (&[PeerKind::Private], &["peer_private_allowed"], "192.168.0.0/16]"),
        // All of IPv4 but the machine that carries media.
        (&[PeerKind::Foreign], &["peer_internet_allowed"], "[0.0.0.0/1, 128.0.0.0/2, 192.0.0.0/5,"),
        (
            &[PeerKind::Loopback, PeerKind::LinkLocal, PeerKind::Private, PeerKind::Foreign],
            &["peer_allowed"],
            "ip daddr 127.0.0.0/8 udp sport 40000-50000",
        ),
    ];
    for (kinds, reasons, remedy) in cases {
        let world = called(Policy::Default).declared(|it| it.edition = Edition::V3_9);
        let world = world.call_but(move |call| kinds.iter().for_each(|kind| allow(call, *kind)));
        let findings = call_alone(&world);
        let foreign: Vec<_> = findings.iter().filter(|it| it.rule.as_str() == FOREIGN).collect();
        for finding in &foreign {
            assert!(reasons.contains(&finding.reason.as_str()), "{kinds:?}: {}", finding.reason);
            let said = format!("{:?}", finding.remedy);
            assert!(said.contains(remedy), "{kinds:?}: {said}");
            let is_whole = kinds.len() > 1;
            assert_eq!(said.contains("169.254"), is_whole || kinds == [PeerKind::LinkLocal]);
        }
        assert!(!foreign.is_empty(), "{kinds:?}");
    }
}

/// Two settings are two findings, each with its own identity.
#[test]
fn a_relay_to_two_kinds_of_peers_is_two_findings() {
    let world = called(Policy::Default).declared(|it| it.edition = Edition::V3_9);
    let world = world.call_but(|call| {
        allow(call, PeerKind::Private);
        allow(call, PeerKind::Foreign);
    });
    let findings = call_alone(&world);
    let foreign = findings.iter().filter(|it| it.rule.as_str() == "turn/refuses-foreign-peers");
    let fingerprints: std::collections::BTreeSet<_> =
        foreign.clone().map(|it| it.fingerprint.clone()).collect();
    assert_eq!(fingerprints.len(), foreign.count());
}

/// An error about the allocation is no refusal of the peer.
#[test]
fn a_permission_that_fails_for_another_reason_refuses_nobody() {
    let ends = |code: u16| {
        let world = called(Policy::Default).call_but(move |call| {
            let all = call.relays.iter_mut().flat_map(|relay| &mut relay.permissions);
            for permission in all.filter(|it| it.why != PeerKind::Candidate) {
                permission.answer = error(code, "");
            }
        });
        words(finding(&call_alone(&world), "turn/refuses-foreign-peers"))
    };
    assert_eq!(ends(403), "pass, proven");
    assert_eq!(ends(437), "unsettled");
    assert_eq!(ends(438), "unsettled");
}

#[test]
fn a_password_that_nobody_was_asked_for_proves_nothing() {
    const PASSWORD: &str = "turn/wrong-password-refused";
    let ends = |answer: Option<StunAnswer>| {
        let world = called(Policy::ForcedTurn).call_but(move |call| {
            relay_of(call, Way::Turns).wrong_password.clone_from(&answer);
        });
        words(finding(&call_alone(&world), PASSWORD))
    };
    assert_eq!(ends(Some(error(400, "Bad Request"))), "pass, proven");
    assert_eq!(ends(Some(super::granted())), "fail, proven");
    // A server that has no relay left never looked at the password.
    assert_eq!(ends(Some(error(486, "Allocation Quota Reached"))), "unsettled");
    assert_eq!(ends(Some(error(438, "Stale Nonce"))), "unsettled");
    assert_eq!(ends(Some(StunAnswer::Silent)), "unsettled");
    assert_eq!(ends(None), "unsettled");
}
