//! Whose TURN servers, and at which addresses media, LiveKit offers to participants.

use ovcheck::model::deployment::{Edition, NodeRole, Policy, Topology};
use ovcheck::model::facts::*;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::CallDepth;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::target::CandidateTarget;

use super::{
    Situation, answer, call_alone, called, candidate, finding, of, path, relay_of, said, url,
};
use crate::clusters::{elastic, high_availability};
use crate::world::Observed as _;
use crate::world::{OPENVIDU, World, words};

pub fn situations() -> Vec<Situation> {
    let default = || called(Policy::Default);
    vec![
        (
            "the turn block is mis-keyed",
            default().call_but(|call| {
                call.session.as_mut().unwrap().ice_servers =
                    vec![url("stun:stun.l.google.com:19302?", IceScheme::Stun, 19_302)];
                call.relays.clear();
                call.paths.retain(|path| !path.way.is_relayed());
            }),
            vec!["call/turn-servers-are-right"],
        ),
        (
            "TURN over TLS by another name",
            default().call_but(|call| {
                call.session.as_mut().unwrap().ice_servers[1] =
                    url("turns:turn.example.com:443?transport=tcp", IceScheme::Turns, 443);
            }),
            vec!["call/turn-servers-are-right"],
        ),
        (
            "media is offered at a private address",
            default().call_but(private),
            vec!["call/media-addresses-are-right"],
        ),
        (
            "media is not offered at all",
            default().call_but(|call| {
                call.session.as_mut().unwrap().candidates.clear();
                call.paths.clear();
            }),
            vec!["call/media-addresses-are-right"],
        ),
    ]
}

/// LiveKit takes 10.9.9.9 for its address: nobody gets there, and relays do not send there.
fn private(call: &mut CallFacts) {
    for candidate in &mut call.session.as_mut().unwrap().candidates {
        let place = candidate.place.as_mut().unwrap();
        place.address.set_ip("10.9.9.9".parse().unwrap());
    }
    for path in &mut call.paths {
        path.candidate.set_ip("10.9.9.9".parse().unwrap());
        path.padded = None;
        path.dtls = None;
        path.check = match path.way {
            Way::Udp => IceCheck::Silent,
            Way::IceTcp => IceCheck::NotSent(NotSent::NoConnection),
            Way::TurnUdp | Way::Turns => IceCheck::NotSent(NotSent::NoPermission),
        };
    }
    for relay in &mut call.relays {
        if let Some(permission) = relay.permissions.first_mut() {
            permission.peer = "10.9.9.9".parse().unwrap();
            permission.answer = super::error(403, "Forbidden");
        }
    }
}

// --- TURN servers ------------------------------------------------------------------------------

const SERVERS: &str = "call/turn-servers-are-right";

/// A URL, its scheme and its port.
type Named = (&'static str, IceScheme, u16);

/// With these URLs named to participants.
fn naming(world: World, urls: &[Named]) -> World {
    let urls: Vec<IceUrl> =
        urls.iter().map(|(text, scheme, port)| url(text, *scheme, *port)).collect();
    world.call_but(move |call| call.session.as_mut().unwrap().ice_servers.clone_from(&urls))
}

const TURN: Named = ("turn:203.0.113.20:443?transport=udp", IceScheme::Turn, 443);
const TURNS: Named = ("turns:turn.example.io:443?transport=tcp", IceScheme::Turns, 443);

#[test]
fn the_turn_servers_that_are_named_are_the_deployment_s_and_usable() {
    use IceScheme::{Turn, Turns};
    let cases: [(&[Named], &str); 9] = [
        (
            &[TURN, TURNS],
            "pass, proven: \"turn:203.0.113.20:443?transport=udp\" and \
                          \"turns:turn.example.io:443?transport=tcp\"",
        ),
        (
            &[TURN],
            "fail, proven: LiveKit names no TURN server over TLS to participants: \
             turn.example.io is probably not configured",
        ),
        (&[], "fail, proven: LiveKit names no TURN server to participants"),
        (
            &[("stun:global.stun.twilio.com:3478?", IceScheme::Stun, 3478)],
            "fail, proven: LiveKit names only STUN servers to participants: TURN is probably disabled",
        ),
        (
            &[TURN, ("turns:turn.example.io:5349?transport=tcp", Turns, 5349)],
            "fail: the port is not 443",
        ),
        (
            &[TURN, ("turns:turn.example.com:443?transport=tcp", Turns, 443)],
            "fail: the name is not the TURN domain, turn.example.io",
        ),
        (
            &[("turn:10.0.0.20:443?transport=udp", Turn, 443), TURNS],
            "fail: users on the internet cannot reach the address",
        ),
        (
            &[("turn:198.51.100.99:443?transport=udp", Turn, 443), TURNS],
            "fail: the address belongs to no declared machine that carries media",
        ),
        (
            &[("turn:203.0.113.20:3478?transport=udp", Turn, 3478), TURNS],
            "fail: the port is not UDP 443",
        ),
    ];
    for (urls, expected) in cases {
        let findings = call_alone(&naming(called(Policy::Default), urls));
        match expected.strip_prefix("fail: ") {
            None => assert_eq!(said(&findings, SERVERS), expected),
            Some(words_there) => {
                let servers = finding(&findings, SERVERS);
                assert_eq!(words(servers), "fail, proven");
                assert!(servers.observed().contains(words_there), "{}", servers.observed());
            }
        }
    }
}

#[test]
fn a_turn_server_without_credentials_and_a_malformed_url_are_of_no_use() {
    let spoilt = |change: fn(&mut IceUrl)| {
        let world = called(Policy::Default)
            .call_but(move |call| change(&mut call.session.as_mut().unwrap().ice_servers[1]));
        let findings = call_alone(&world);
        let servers = finding(&findings, SERVERS);
        (servers.observed(), servers.target.turn_url.as_ref().unwrap().unquoted().to_owned())
    };
    let (text, url) = spoilt(|url| url.with_credentials = false);
    assert_eq!(text, "the URL comes without credentials");
    assert_eq!(url, "turns:turn.example.io:443?transport=tcp");
    let (text, url) = spoilt(|url| {
        url.text = ServerText::new("turns:[turn.example.io]443");
        url.parts = None;
    });
    assert_eq!(text, "the URL is malformed: browsers refuse the whole list");
    assert_eq!(url, "turns:[turn.example.io]443");
}

#[test]
fn what_is_not_declared_is_not_compared() {
    let undeclared = || {
        called(Policy::Default).declared(|deployment| {
            deployment.nodes.retain(|node| node.role == NodeRole::Proxy);
        })
    };
    let findings = call_alone(&undeclared());
    for rule in [SERVERS, CANDIDATES] {
        let finding = finding(&findings, rule);
        assert_eq!(words(finding), "pass, uncontradicted", "{}", finding.observed());
    }
    let nameless = undeclared().declared(|deployment| deployment.turn_domain = None);
    let findings = call_alone(&nameless);
    assert_eq!(words(finding(&findings, SERVERS)), "pass, uncontradicted");
    let turns = finding(&findings, "call/media-path-turns");
    assert_eq!(turns.observed(), "no TURN domain is declared");
}

/// From OpenVidu 3.6 on a node that is not reached from outside takes its private address for
/// relays by itself.
#[test]
fn under_forced_turn_a_private_address_is_for_the_relay() {
    let inside = called(Policy::ForcedTurn).call_but(|call| {
        let session = call.session.as_mut().unwrap();
        for candidate in &mut session.candidates {
            let place = candidate.place.as_mut().unwrap();
            place.address.set_ip("10.0.0.20".parse().unwrap());
        }
        for path in &mut call.paths {
            path.candidate.set_ip("10.0.0.20".parse().unwrap());
        }
    });
    let findings = call_alone(&inside);
    let candidates = finding(&findings, CANDIDATES);
    assert_eq!(words(candidates), "pass, uncontradicted", "{}", candidates.observed());
    assert_eq!(words(finding(&findings, "call/media-path-turns")), "pass, proven");
    let turns = naming(
        called(Policy::ForcedTurn),
        &[("turn:10.0.0.20:443?transport=udp", IceScheme::Turn, 443), TURNS],
    );
    assert_eq!(words(finding(&call_alone(&turns), SERVERS)), "pass, proven");
}

// --- Candidates --------------------------------------------------------------------------------

const CANDIDATES: &str = "call/media-addresses-are-right";

/// With media offered at these places, by UDP.
fn offering(world: World, places: &[&'static str]) -> World {
    let candidates: Vec<CandidateFacts> =
        places.iter().map(|place| candidate(Transport::Udp, place.parse().unwrap())).collect();
    world.call_but(move |call| {
        let session = call.session.as_mut().unwrap();
        session.candidates.clone_from(&candidates);
    })
}

#[test]
fn media_is_offered_where_users_get() {
    let cases: [(&[&'static str], &str); 10] = [
        (&["203.0.113.20:50905"], "pass, proven: UDP 203.0.113.20:50905"),
        (
            &["10.9.9.9:50905"],
            "fail, proven: 10.9.9.9: users cannot reach this address (an address of a private network)",
        ),
        (
            &["172.17.0.1:50905", "203.0.113.20:50905"],
            "fail, proven: 172.17.0.1: users cannot reach this address (an address of Docker's bridge)",
        ),
        (
            &["127.0.0.1:50905"],
            "fail, proven: 127.0.0.1: users cannot reach this address (a loopback address)",
        ),
        (
            &["169.254.7.7:50905"],
            "fail, proven: 169.254.7.7: users cannot reach this address (a link-local address)",
        ),
        (
            &["198.51.100.99:50905"],
            "fail, proven: 198.51.100.99: this address belongs to no declared machine",
        ),
        (
            &["203.0.113.10:50905"],
            "fail, proven: 203.0.113.10: this is the address of the proxy, which carries no media",
        ),
        // An address that only the other machines reach, beside the right one.
        (
            &["203.0.113.20:50905", "10.0.0.20:50906"],
            "pass, proven: UDP 203.0.113.20:50905 and UDP 10.0.0.20:50906\n\
             only machines of the deployment can reach 10.0.0.20",
        ),
        // Whoever has no IPv6 has nothing of the right one.
        (
            &["10.9.9.9:50905", "[2001:db8:5::20]:50906"],
            "fail, proven: 10.9.9.9: users cannot reach this address (an address of a private network)",
        ),
        (&[], "fail, proven: LiveKit offers no candidate at all"),
    ];
    for (places, expected) in cases {
        let findings = call_alone(&offering(called(Policy::Default), places));
        let found = finding(&findings, CANDIDATES);
        let observed = found.observed();
        let place = match &found.target.candidate {
            Some(CandidateTarget::Address { address, .. }) => format!("{address}: "),
            Some(CandidateTarget::Unreadable(_)) | None => String::new(),
        };
        let said = format!("{}: {place}{observed}", words(found));
        assert_eq!(said, expected);
    }
}

#[test]
fn a_private_address_that_is_declared_as_the_users_own_is_right() {
    let world = called(Policy::Default)
        .declared(|deployment| deployment.nodes[1].addresses = vec!["10.0.0.20".parse().unwrap()])
        .call_but(|call| call.signal.address = Some("10.0.0.10".parse().unwrap()));
    assert_eq!(
        said(&call_alone(&world), CANDIDATES),
        "pass, proven: UDP 10.0.0.20:50905 and TCP 10.0.0.20:7881"
    );
    // Nothing declared, and everything in one private network.
    let world = offering(called(Policy::Default), &["10.0.0.20:50905"])
        .declared(|deployment| deployment.nodes.clear())
        .call_but(|call| call.signal.address = Some("10.0.0.10".parse().unwrap()));
    assert_eq!(said(&call_alone(&world), CANDIDATES), "pass, uncontradicted: UDP 10.0.0.20:50905");
}

#[test]
fn a_port_that_the_guide_does_not_name_is_said() {
    let world = offering(called(Policy::Default), &["203.0.113.20:7882"]);
    let findings = call_alone(&world);
    let candidates = finding(&findings, CANDIDATES);
    assert_eq!(words(candidates), "pass, proven");
    assert_eq!(
        candidates.observed(),
        "UDP 203.0.113.20:7882\nUDP 7882 is not among the guide's ports (50000-60000): firewalls must \
         know it"
    );
}

#[test]
fn an_offer_that_is_not_answered_is_told_from_one_that_is_answered_with_garbage() {
    let answered = |answer: SdpAnswer| {
        let world = called(Policy::Default).call_but(move |call| {
            let session = call.session.as_mut().unwrap();
            session.answer = answer.clone();
            session.candidates.clear();
            session.all_candidates = false;
            session.ready_ms = None;
            call.paths.clear();
        });
        let findings = call_alone(&world);
        let path = finding(&findings, "call/media-path-udp");
        assert_eq!(path.blocked_by.as_ref().unwrap().as_str(), CANDIDATES);
        said(&findings, CANDIDATES)
    };
    assert_eq!(
        answered(SdpAnswer::Missing),
        "fail, suspected: LiveKit accepts the join but does not answer the offer"
    );
    assert_eq!(
        answered(SdpAnswer::Left { reason: 5 }),
        "fail, suspected: LiveKit accepts the join but ends the session before it answers the offer \
         (reason 5: the room was deleted)"
    );
    assert_eq!(
        answered(SdpAnswer::Malformed(ServerText::new("no ice-pwd"))),
        "fail, proven: LiveKit answers the offer without what ICE needs: \"no ice-pwd\""
    );
}

#[test]
fn any_media_node_may_carry_the_session() {
    for world in
        [elastic(Edition::V3_2, Policy::Default), high_availability(Edition::V3_9, Policy::Default)]
    {
        let second = world.deployment.nodes_of(NodeRole::Media).nth(1).unwrap().addresses[0];
        let world = world.calling(CallDepth::Checks).call_but(move |call| {
            for candidate in &mut call.session.as_mut().unwrap().candidates {
                candidate.place.as_mut().unwrap().address.set_ip(second);
            }
            for path in &mut call.paths {
                path.candidate.set_ip(second);
            }
        });
        let findings = world.judge();
        for rule in [CANDIDATES, "call/media-path-udp", "call/media-path-turns"] {
            let finding = finding(&findings, rule);
            assert_eq!(words(finding), "pass, proven", "{rule}: {}", finding.observed());
        }
        let settled = findings.iter().find(|it| {
            it.rule.as_str() == "ports/media-udp-50000-60000" && it.target.address == Some(second)
        });
        assert_eq!(words(settled.unwrap()), "pass, uncontradicted");
    }
}

/// With a private address, relays refuse to send there: it is one cause.
#[test]
fn a_private_candidate_is_the_cause_of_all_that_follows_from_it() {
    let findings = called(Policy::Default).call_but(private).judge();
    for rule in ["call/media-path-udp", "call/media-path-turns", "turn/relay-carries-media"] {
        let of_rule = findings.iter().filter(|it| it.rule.as_str() == rule);
        for finding in of_rule {
            assert_eq!(words(finding), "unsettled", "{rule}: {}", finding.observed());
            assert_eq!(finding.blocked_by.as_ref().unwrap().as_str(), CANDIDATES);
        }
        assert!(findings.iter().any(|it| it.rule.as_str() == rule));
    }
    // LiveKit before 1.12 lets relays send there, and nothing comes back.
    let silent = |call: &mut CallFacts| {
        private(call);
        for way in [Way::TurnUdp, Way::Turns] {
            of(call, way).check = IceCheck::Silent;
            relay_of(call, way).control = Some(IceCheck::Silent);
        }
        // Over IPv6 all is well.
        let mut better = path(Way::Udp, "[2001:db8:5::20]:50906".parse().unwrap());
        answer(&mut better, None);
        call.paths.push(better);
    };
    let silent = called(Policy::Default).call_but(silent).judge();
    for relay in silent.iter().filter(|it| it.rule.as_str() == "turn/relay-carries-media") {
        assert_eq!(words(relay), "unsettled", "{}", relay.observed());
        assert_eq!(relay.blocked_by.as_ref().unwrap().as_str(), CANDIDATES);
    }

    let wrong = finding(&findings, CANDIDATES);
    let remedy = ovcheck::output::words::remedies::as_text(wrong, Topology::SingleNode);
    assert!(remedy.contains(&format!("        node_ip: {OPENVIDU}\n")), "{remedy}");
    // Under forced TURN it is the relay that cannot get there.
    let findings = called(Policy::ForcedTurn).call_but(private).judge();
    let relay = finding(&findings, "turn/relay-carries-media");
    assert_eq!((words(relay), relay.reason), ("fail, proven", ReasonCode::PeerRefused));
    assert!(relay.observed().ends_with("(rtc.node_ip)"), "{}", relay.observed());
}

#[test]
fn a_turn_server_of_somebody_else_is_a_hint_and_a_violation_where_turn_is_forced() {
    use ovcheck::model::reason::ReasonCode;
    use ovcheck::model::verdict::Severity;
    let other = ("turn:turn.other.example.io:3478?transport=udp", IceScheme::Turn, 3478);
    for (policy, severity) in
        [(Policy::Default, Severity::Info), (Policy::ForcedTurn, Severity::Error)]
    {
        let findings = call_alone(&naming(called(policy), &[TURN, TURNS, other]));
        let servers = finding(&findings, SERVERS);
        assert_eq!(servers.reason, ReasonCode::IceServerForeign);
        assert_eq!(servers.severity, severity);
        assert_eq!(servers.target.turn_url.as_ref().unwrap().unquoted(), other.0);
    }
}
