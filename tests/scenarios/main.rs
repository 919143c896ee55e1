//! Situations → findings, without a network: every rule can be seen to pass and to fail, each
//! fault breaks what it breaks and nothing else, and no verdict says more than the packets show.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod both_ways;
mod browsers;
mod calls;
mod clusters;
mod configurations;
mod doors;
mod editions;
mod hostile_text;
mod hosts;
mod identity;
mod names;
mod openvidu;
#[path = "../support/openvidu.rs"]
mod openvidu_files;
mod places;
mod premises;
mod proofs;
mod remedies;
mod renewals;
mod resolvers;
mod responders;
mod silence;
#[path = "../support/mod.rs"]
mod support;
mod sweeps;
mod udp;
mod vantages;
mod ways;
mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;

use ovcheck::model::deployment::{Edition, Feature, Policy, RtcEngine, Topology, Uses};
use ovcheck::model::facts::*;
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{ApiRequest, Carrier, ProbeSpec, ServiceAsk, TlsOffer};
use ovcheck::model::report::Finding;
use ovcheck::model::target::{Endpoint, Family};
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::{Severity, Verdict};

use support::facts::{api_behind_tls, redirect, right_chain, stun_sent_again, tls};
use world::Observed as _;
use world::{World, alert, broken, completed, response, valid, words, world};

/// With the certificate of one name and port changed.
fn certificate(
    name: &'static str,
    port: u16,
    change: impl Fn(&mut ChainFacts) + 'static + Clone,
) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Tls { to, sni, offer: TlsOffer::Web | TlsOffer::Stream }
            if to.port.number() == port && sni.to_string().ends_with(name) =>
        {
            let handshake = completed(TlsVersion::Tls13, change.clone());
            Some(Outcome::Saw(Facts::Tls(tls(Some(handshake)))))
        }
        _ => None,
    })
}

/// With every handshake of a kind ending in another way.
fn handshake(
    which: impl Fn(&ProbeSpec) -> bool + 'static,
    ending: impl Fn() -> Option<Handshake> + 'static,
    behind: Option<Behind>,
) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Tls { .. } if which(spec) => {
            let behind = behind.clone();
            Some(Outcome::Saw(Facts::Tls(TlsFacts { behind, ..tls(ending()) })))
        }
        _ => None,
    })
}

/// With one request of the API answered in another way through the proxy.
fn api(request: ApiRequest, answer: HttpAnswer) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Api { request: asked, over: Carrier::Tls(_), .. } if *asked == request => {
            Some(Outcome::Saw(api_behind_tls(answer.clone())))
        }
        _ => None,
    })
}

/// With port 80 answering in another way.
fn port_80(answer: HttpAnswer) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Http { .. } => Some(Outcome::Saw(Facts::Http(HttpFacts {
            connect: Connect::Accepted,
            dialled: None,
            path: "/x".into(),
            answer: Some(answer.clone()),
        }))),
        _ => None,
    })
}

/// With STUN over TLS answered in another way.
fn turns(policy: Policy, binding: StunAnswer, instead: Option<HttpAnswer>) -> World {
    turn_over(policy, |over| matches!(over, Carrier::Tls(_)), binding, None, instead)
}

fn turn_over(
    policy: Policy,
    over: impl Fn(&Carrier) -> bool + 'static,
    binding: StunAnswer,
    allocate: Option<StunAnswer>,
    instead: Option<HttpAnswer>,
) -> World {
    world(policy).but(move |spec| match spec {
        // UDP 443 has no listener on IPv6.
        ProbeSpec::Turn { to, over: carrier }
            if over(carrier) && (to.address.is_ipv4() || *carrier != Carrier::Udp) =>
        {
            Some(Outcome::Saw(Facts::Turn(TurnFacts {
                connect: (!matches!(carrier, Carrier::Udp)).then_some(Connect::Accepted),
                handshake: (!matches!(carrier, Carrier::Udp))
                    .then(|| completed(TlsVersion::Tls13, right_chain)),
                allocate: allocate.clone(),
                instead: instead.clone(),
                ..stun_sent_again(binding.clone())
            })))
        }
        _ => None,
    })
}

/// With an idle TURN connection that fares like this, after so many milliseconds.
fn resting(ms: u64, end: IdleEnd) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Hold { .. } => Some(Outcome::Saw(Facts::Hold(HoldFacts {
            connect: Connect::Accepted,
            dialled: None,
            handshake: Some(completed(TlsVersion::Tls13, |_| {})),
            binding: Some(StunAnswer::Success {
                mapped: Some("198.51.100.7:4000".parse().unwrap()),
            }),
            idle: Some(Idle { ms, end }),
        }))),
        _ => None,
    })
}

fn is_proxy_1935(to: &Endpoint) -> bool {
    let proxy = [world::PROXY, "2001:db8:5::10"];
    to.port.number() == 1935 && proxy.contains(&to.address.to_string().as_str())
}

/// With RTMP over `over` answered in another way.
fn rtmp(tls: bool, answer: RtmpAnswer) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Rtmp { over, to }
            if matches!(over, Carrier::Tls(_)) == tls && is_proxy_1935(to) =>
        {
            Some(Outcome::Saw(Facts::Rtmp(RtmpFacts {
                otherwise: None,
                second_try: None,
                connect: Connect::Accepted,
                dialled: None,
                handshake: tls.then(|| completed(TlsVersion::Tls13, |_| {})),
                answer: Some(answer.clone()),
            })))
        }
        _ => None,
    })
}

/// With TCP connections to one address and port meeting something else; where they are accepted,
/// the service that belongs there answers.
fn tcp(policy: Policy, address: &'static str, port: u16, connect: Connect) -> World {
    world(policy).but(move |spec| {
        let to = spec.endpoint()?;
        if to.port.number() != port || to.address.to_string() != address {
            return None;
        }
        let accepted = connect.is_accepted();
        let facts = match spec {
            ProbeSpec::Tcp { .. } => {
                Facts::Tcp(TcpFacts { connect: connect.clone(), dialled: None })
            }
            ProbeSpec::Api { over: Carrier::Tcp, .. } => Facts::Api(ApiFacts {
                otherwise: None,
                connect: connect.clone(),
                dialled: None,
                handshake: None,
                answer: accepted.then(|| response(401, "no permissions to access the room")),
            }),
            ProbeSpec::Turn { over: Carrier::Tcp, .. } => {
                let facts = world::stun_success(Some(connect.clone()));
                let binding = facts.binding.clone().filter(|_| accepted);
                Facts::Turn(TurnFacts { binding, ..facts })
            }
            ProbeSpec::Rtmp { over: Carrier::Tcp, .. } if port != 1935 => Facts::Rtmp(RtmpFacts {
                otherwise: None,
                second_try: None,
                connect: connect.clone(),
                dialled: None,
                handshake: None,
                answer: accepted.then_some(RtmpAnswer::Completed),
            }),
            ProbeSpec::Service { ask, .. } => {
                world::service(connect.clone(), accepted.then(|| world::service_answer(*ask)))
            }
            _ => return None,
        };
        Some(Outcome::Saw(facts))
    })
}

/// With something answering the question for a service at a port of OpenVidu.
fn answered(port: u16, answer: ServiceAnswer) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Service { to, .. }
            if to.port.number() == port
                && [world::OPENVIDU, "2001:db8:5::20"]
                    .contains(&to.address.to_string().as_str()) =>
        {
            let facts = world::service(Connect::Accepted, Some(answer.clone()));
            Some(Outcome::Saw(facts))
        }
        _ => None,
    })
}

/// With MinIO at a port of OpenVidu that answers so about every bucket.
fn buckets(port: u16, answer: HttpAnswer) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Service { to, buckets, .. }
            if to.port.number() == port
                && [world::OPENVIDU, "2001:db8:5::20"]
                    .contains(&to.address.to_string().as_str()) =>
        {
            let facts = world::service(Connect::Accepted, Some(world::minio()));
            Some(Outcome::Saw(world::with_buckets(facts, buckets, &answer)))
        }
        _ => None,
    })
}

/// With an optional feature in use.
fn in_use(feature: Feature, world: World) -> World {
    world.declared(|deployment| {
        deployment.uses = Uses::Listed([Feature::Rtmp, Feature::Whip, feature].into());
    })
}

/// Every situation by name, with the rules that it breaks.
fn situations() -> Vec<(&'static str, World, Vec<&'static str>)> {
    use world::{OPENVIDU, PROXY};
    let default = || world(Policy::Default);
    let forced = || world(Policy::ForcedTurn);
    let mut all = vec![
        ("default, all as it should be", default(), vec![]),
        ("forced TURN, all as it should be", forced(), vec![]),
        ("seen from the proxy", default().from(Zone::ExternalProxy), vec![]),
        (
            "certificate for the wrong name",
            certificate("turn.example.io", 443, |chain| chain.name_matches = false),
            vec!["tls/name-matches"],
        ),
        (
            "expired certificate for the wrong name",
            certificate("turn.example.io", 443, |chain| {
                chain.name_matches = false;
                valid(chain, -90, -1);
            }),
            vec!["http/acme-path-not-redirected", "tls/name-matches", "tls/not-expired"],
        ),
        (
            "certificate that begins tomorrow",
            certificate("openvidu.example.io", 443, |chain| valid(chain, 1, 90)),
            vec!["tls/not-expired"],
        ),
        (
            "certificate with three weeks left",
            certificate("openvidu.example.io", 443, |chain| valid(chain, -60, 21)),
            vec!["tls/expires-later-than"],
        ),
        (
            "intermediate missing on 1935",
            certificate("openvidu.example.io", 1935, |chain| {
                chain.trust = Trust::IntermediateMissing;
            }),
            vec!["tls/chain-verifies"],
        ),
        (
            "plaintext behind 443",
            handshake(
                |spec| matches!(spec, ProbeSpec::Tls { to, sni, .. } if to.port.number() == 443 && sni.to_string().ends_with("openvidu.example.io")),
                || Some(Handshake::NotTls(FirstBytes::Http(ServerText::new("HTTP/1.1 400")))),
                None,
            ),
            vec!["tls/handshake-completes"],
        ),
        (
            "TLS 1.1 accepted",
            handshake(
                |spec| {
                    matches!(spec, ProbeSpec::Tls { offer: TlsOffer::Only(TlsVersion::Tls11), .. })
                },
                || Some(completed(TlsVersion::Tls11, |_| {})),
                None,
            ),
            vec!["tls/legacy-refused"],
        ),
        (
            "no TLS 1.3",
            handshake(
                |spec| {
                    matches!(spec, ProbeSpec::Tls { offer: TlsOffer::Only(TlsVersion::Tls13), .. })
                },
                || Some(alert()),
                None,
            ),
            vec!["tls/tls13-accepted"],
        ),
        (
            "no TLS 1.2",
            handshake(
                |spec| {
                    matches!(spec, ProbeSpec::Tls { offer: TlsOffer::Only(TlsVersion::Tls12), .. })
                },
                || Some(alert()),
                None,
            ),
            vec!["tls/tls12-accepted"],
        ),
        (
            "unknown name reaches the API",
            handshake(
                |spec| matches!(spec, ProbeSpec::Tls { offer: TlsOffer::LookBehind, .. }),
                || Some(completed(TlsVersion::Tls13, |_| {})),
                Some(Behind {
                    binding: StunAnswer::Silent,
                    http: Some(response(401, "no permissions to access the room")),
                }),
            ),
            vec!["tls/unknown-name-reaches-no-backend"],
        ),
        (
            "unknown name reaches the proxy's own page",
            handshake(
                |spec| matches!(spec, ProbeSpec::Tls { offer: TlsOffer::LookBehind, .. }),
                || Some(completed(TlsVersion::Tls13, |_| {})),
                Some(Behind {
                    binding: StunAnswer::Silent,
                    http: Some(response(200, "Welcome to nginx!")),
                }),
            ),
            vec![],
        ),
        (
            "temporary redirect",
            port_80(world::response_with(302, "", |response| {
                response.location = Some(ServerText::new("https://openvidu.example.io/x"));
            })),
            vec!["http/port-80-redirects-to-https"],
        ),
        (
            "redirect that loses the path",
            port_80(redirect("https://OpenVidu.example.io:443/")),
            vec![],
        ),
        (
            "redirect that stays on plain HTTP",
            port_80(redirect("http://openvidu.example.io/")),
            vec!["http/port-80-redirects-to-https"],
        ),
        (
            "API backend down",
            api(ApiRequest::Validate, HttpAnswer::Closed),
            vec!["signal/api-answers"],
        ),
        (
            "upgrade headers lost",
            api(ApiRequest::WebSocketUpgrade, response(404, "")),
            vec!["signal/websocket-upgrade-passes"],
        ),
        (
            "somebody else refuses the upgrade with 401",
            api(ApiRequest::WebSocketUpgrade, response(401, "<html>401 Authorization Required")),
            vec!["signal/websocket-upgrade-passes"],
        ),
        (
            "POST arrives as GET",
            api(ApiRequest::ListRooms, response(404, r#"{"code":"bad_route"}"#)),
            vec!["signal/post-passes"],
        ),
        (
            "clock five minutes off",
            api(
                ApiRequest::Validate,
                world::response_with(401, "no permissions to access the room", |response| {
                    response.date_ahead_s = Some(300);
                }),
            ),
            vec!["signal/clock-agrees"],
        ),
        (
            "TURN name reaches the API",
            turns(Policy::Default, StunAnswer::Silent, Some(response(200, "OK"))),
            vec!["turn/turns-answers-binding"],
        ),
        (
            "TURN backend down, forced TURN",
            turns(Policy::ForcedTurn, StunAnswer::Closed, Some(HttpAnswer::Closed)),
            vec!["policy/turns-works", "turn/turns-answers-binding"],
        ),
        (
            "TURN without a challenge",
            turn_over(
                Policy::Default,
                |over| matches!(over, Carrier::Tls(_)),
                StunAnswer::Success { mapped: Some("203.0.113.10:4000".parse().unwrap()) },
                Some(StunAnswer::Success { mapped: None }),
                None,
            ),
            vec!["turn/turns-challenges-allocate"],
        ),
        (
            "proxy ends an idle TURN connection early",
            resting(800, IdleEnd::Closed),
            vec!["turn/idle-connection-kept"],
        ),
        (
            "proxy reaches TURN over loopback",
            turn_over(
                Policy::Default,
                |over| matches!(over, Carrier::Tls(_)),
                StunAnswer::Success { mapped: Some("127.0.0.1:4000".parse().unwrap()) },
                Some(world::challenge(Edition::V3_2)),
                None,
            ),
            vec!["turn/mapped-address-plausible"],
        ),
        (
            "proxy reaches TURN from a link-local address",
            turn_over(
                Policy::ForcedTurn,
                |over| matches!(over, Carrier::Tls(_)),
                StunAnswer::Success { mapped: Some("169.254.7.7:4000".parse().unwrap()) },
                Some(world::challenge(Edition::V3_2)),
                None,
            ),
            vec!["turn/mapped-address-plausible"],
        ),
        (
            "a server of a newer edition than the one judged by",
            turn_over(
                Policy::Default,
                |over| matches!(over, Carrier::Tls(_)),
                StunAnswer::Success { mapped: Some("203.0.113.10:4000".parse().unwrap()) },
                Some(world::challenge(Edition::V3_9)),
                None,
            ),
            vec!["ruleset/edition-matches"],
        ),
        (
            "UDP 443 served by a plain STUN server",
            turn_over(
                Policy::Default,
                |over| matches!(over, Carrier::Udp),
                StunAnswer::Success { mapped: Some("198.51.100.7:4000".parse().unwrap()) },
                Some(StunAnswer::Error {
                    code: 400,
                    reason: ServerText::new("no"),
                    realm: None,
                    nonce_bytes: None,
                }),
                None,
            ),
            vec!["stun/udp-443-challenges-allocate"],
        ),
        (
            "UDP 443 served by something else",
            turn_over(
                Policy::Default,
                |over| matches!(over, Carrier::Udp),
                StunAnswer::NotStun(FirstBytes::Binary("80".into())),
                None,
                None,
            ),
            vec!["stun/udp-443-answers-binding"],
        ),
        ("RTMP backend down", rtmp(true, RtmpAnswer::Closed), vec!["rtmp/rtmps-handshakes"]),
        ("RTMP without TLS", rtmp(false, RtmpAnswer::Completed), vec!["rtmp/plaintext-refused"]),
        (
            "7880 open to the internet",
            tcp(Policy::Default, OPENVIDU, 7880, Connect::Accepted),
            vec!["ports/openvidu-tcp-7880"],
        ),
        (
            "1945 open to the internet",
            tcp(Policy::Default, OPENVIDU, 1945, Connect::Accepted),
            vec!["ports/openvidu-tcp-1945"],
        ),
        (
            "5349 open to the internet",
            tcp(Policy::Default, OPENVIDU, 5349, Connect::Accepted),
            vec!["ports/openvidu-tcp-5349"],
        ),
        (
            "9000 open and not in use",
            tcp(Policy::Default, OPENVIDU, 9000, Connect::Accepted),
            vec!["ports/openvidu-tcp-9000"],
        ),
        (
            "7881 open and not in use",
            tcp(Policy::Default, OPENVIDU, 7881, Connect::Accepted),
            vec!["ports/openvidu-tcp-7881"],
        ),
        (
            "MongoDB open to the internet",
            tcp(Policy::Default, OPENVIDU, 20_000, Connect::Accepted),
            vec!["ports/undocumented-closed"],
        ),
        (
            "Redis with a password open to the internet",
            tcp(Policy::Default, OPENVIDU, 7000, Connect::Accepted),
            vec!["ports/undocumented-closed"],
        ),
        (
            "Redis without a password",
            answered(7000, ServiceAnswer::Redis(RedisAnswer::Pong)),
            vec!["ports/redis-needs-password", "ports/undocumented-closed"],
        ),
        (
            "MongoDB without a login",
            answered(20000, mongodb(MongoLogin::NotDemanded)),
            vec!["ports/mongodb-needs-login", "ports/undocumented-closed"],
        ),
        (
            "MinIO with an anonymous bucket",
            buckets(9100, world::bucket_listed()),
            vec!["ports/minio-buckets-need-login", "ports/undocumented-closed"],
        ),
        (
            "public MinIO with an anonymous bucket",
            in_use(Feature::PublicMinio, buckets(9000, world::bucket_listed())),
            vec!["ports/minio-buckets-need-login"],
        ),
        (
            "public MinIO as it should be",
            in_use(Feature::PublicMinio, buckets(9000, world::bucket_denied())),
            vec![],
        ),
        (
            "Redis without a password, seen from the proxy",
            answered(6379, ServiceAnswer::Redis(RedisAnswer::Pong)).from(Zone::ExternalProxy),
            vec!["ports/redis-needs-password"],
        ),
        (
            "Redis without a password that is still loading",
            answered(7000, ServiceAnswer::Redis(RedisAnswer::Busy(ServerText::new("LOADING …")))),
            vec!["ports/redis-needs-password", "ports/undocumented-closed"],
        ),
        (
            "7881 open, as it should be",
            in_use(Feature::IceTcp, answered(7881, ServiceAnswer::IceTcp)),
            vec![],
        ),
        (
            "7881 served by something else",
            in_use(
                Feature::IceTcp,
                answered(7881, ServiceAnswer::Other(FirstBytes::Ssh(ServerText::new("SSH-2.0-x")))),
            ),
            vec!["ports/openvidu-tcp-7881"],
        ),
        (
            "7881 with mediasoup, where pion does not listen",
            in_use(Feature::IceTcp, answered(7881, ServiceAnswer::Silent))
                .declared(|deployment| deployment.rtc_engine = RtcEngine::Mediasoup),
            vec![],
        ),
        (
            "7881 of a machine too busy to be recognised",
            in_use(Feature::IceTcp, answered(7881, ServiceAnswer::HangsUpOnNameless)),
            vec![],
        ),
        (
            "9000 open, as it should be",
            in_use(Feature::PublicMinio, answered(9000, world::minio())),
            vec![],
        ),
        (
            "9000 served by a web server without any site",
            in_use(Feature::PublicMinio, answered(9000, world::http_service(200, ""))),
            vec![],
        ),
        (
            "9000 accepts and says nothing",
            in_use(Feature::PublicMinio, answered(9000, ServiceAnswer::Silent)),
            vec!["ports/openvidu-tcp-9000"],
        ),
        (
            "9000 wants TLS",
            in_use(
                Feature::PublicMinio,
                answered(
                    9000,
                    world::http_service(400, "Client sent an HTTP request to an HTTPS server."),
                ),
            ),
            vec![],
        ),
        (
            "9000 served by something else",
            in_use(
                Feature::PublicMinio,
                answered(9000, world::http_service(404, "404 page not found")),
            ),
            vec!["ports/openvidu-tcp-9000"],
        ),
        (
            "something behind the port of MinIO has too many requests",
            in_use(Feature::PublicMinio, answered(9000, world::http_service(429, ""))),
            vec![],
        ),
        (
            "port 80 closed",
            tcp(Policy::Default, PROXY, 80, Connect::Reset),
            vec!["ports/proxy-tcp-80"],
        ),
        (
            "port 443 dropped",
            tcp(Policy::Default, PROXY, 443, Connect::Silent),
            vec!["ports/proxy-tcp-443"],
        ),
        (
            "the machine itself does not reach the proxy",
            tcp(Policy::Default, PROXY, 443, Connect::Silent).from(Zone::OwnNode),
            vec!["ports/proxy-tcp-443"],
        ),
        (
            "port 443 closed over IPv6",
            tcp(Policy::Default, "2001:db8:5::10", 443, Connect::Reset),
            vec!["dns/families-agree", "ports/proxy-tcp-443"],
        ),
        (
            "port 1935 dropped",
            tcp(Policy::Default, PROXY, 1935, Connect::Silent),
            vec!["ports/proxy-tcp-1935"],
        ),
        (
            "forced TURN, 7881 open",
            tcp(Policy::ForcedTurn, OPENVIDU, 7881, Connect::Accepted),
            vec!["policy/ice-tcp-7881-closed"],
        ),
        (
            "forced TURN with mediasoup, a TCP port of the range open",
            tcp(Policy::ForcedTurn, OPENVIDU, 50_000, Connect::Accepted)
                .declared(|deployment| deployment.rtc_engine = RtcEngine::Mediasoup),
            vec!["policy/mediasoup-tcp-range-closed"],
        ),
    ];
    all.extend(browsers::situations());
    all.extend(names::situations());
    all.extend(renewals::situations());
    all.extend(udp::situations());
    all.extend(calls::situations());
    all
}

#[test]
fn each_situation_breaks_what_it_breaks_and_nothing_else() {
    let mut wrong = Vec::new();
    for (name, world, expected) in situations() {
        let findings = world.judge();
        let broken = broken(&findings);
        if broken != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {broken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_can_be_seen_to_pass_and_to_fail() {
    let [mut passed, mut failed] = both_ways::rows_seen();
    let [passed_inside, failed_inside] = hosts::rules_seen();
    passed.extend(passed_inside);
    failed.extend(failed_inside);
    for [passed_in_files, failed_in_files] in [configurations::rules_seen(), openvidu::rules_seen()]
    {
        passed.extend(passed_in_files);
        failed.extend(failed_in_files);
    }
    for (_, world, _) in situations() {
        for finding in world.judge() {
            match finding.verdict {
                Verdict::Pass(_) => passed.insert(finding.rule),
                Verdict::Fail(_) => failed.insert(finding.rule),
                Verdict::Inconclusive(_) | Verdict::NotApplicable => false,
            };
        }
    }
    let ruleset = &*world::RULESET;
    let missing = |seen: &BTreeSet<_>, but: &[&str]| -> Vec<String> {
        ruleset
            .rules
            .iter()
            .filter(|rule| !seen.contains(&rule.id) && !but.contains(&rule.id.as_str()))
            .map(|rule| rule.id.to_string())
            .collect()
    };
    // The reader of deployments refuses what would break these (tests/config.rs).
    let never_fails = ["dns/turn-domain-is-own-name", "policy/turn-domain-declared"];
    assert_eq!(missing(&passed, &[]), Vec::<String>::new(), "never passed");
    assert_eq!(missing(&failed, &never_fails), Vec::<String>::new(), "never failed");
}

#[test]
fn a_broken_rule_blocks_those_that_stand_on_it() {
    let findings = tcp(Policy::Default, world::PROXY, 443, Connect::Silent).judge();
    let blocked: BTreeSet<&str> = findings
        .iter()
        .filter(|finding| finding.blocked_by.is_some())
        .map(|finding| finding.blocked_by.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(blocked, BTreeSet::from(["ports/proxy-tcp-443"]));
    let api =
        findings.iter().find(|finding| finding.rule.as_str() == "signal/post-passes").unwrap();
    assert_eq!(words(api), "unsettled");
    assert_eq!(api.observed(), "not judged: ports/proxy-tcp-443 did not pass");
}

#[test]
fn without_a_route_nothing_is_a_violation() {
    let cable_pulled = world(Policy::ForcedTurn).but(|spec| {
        let family = spec.address().map_or(Family::V4, Family::of);
        Some(Outcome::Blind(Blindness::NoRoute(family)))
    });
    let findings = cable_pulled.judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    assert!(findings.iter().any(|finding| words(finding) == "unsettled"));
    // What holds by parsing holds without a network.
    let settled: BTreeSet<&str> = findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Pass(_)))
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(
        settled,
        BTreeSet::from(["dns/turn-domain-is-own-name", "policy/turn-domain-declared"])
    );
}

#[test]
fn a_vantage_without_ipv6_says_so_and_judges_the_rest() {
    let no_v6 = world(Policy::Default).but(|spec| {
        let address = spec.address()?;
        (Family::of(address) == Family::V6)
            .then_some(Outcome::Blind(Blindness::NoRoute(Family::V6)))
    });
    let findings = no_v6.judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    assert!(findings.iter().all(|finding| words(finding) != "unsettled"));
}

#[test]
fn a_family_that_the_dns_did_not_answer_for_stays_open() {
    let findings = world(Policy::Default)
        .but(|spec| match spec {
            ProbeSpec::Dns { family: Family::V6, .. } => {
                Some(Outcome::Saw(Facts::Dns(world::dns(DnsAnswer::ServFail, Vec::new()))))
            }
            _ => None,
        })
        .judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    let families =
        findings.iter().find(|finding| finding.rule.as_str() == "dns/families-agree").unwrap();
    assert_eq!(words(families), "unsettled");
}

#[test]
fn an_open_redis_is_a_violation_though_another_port_could_not_be_looked_at() {
    let world = answered(7000, ServiceAnswer::Redis(RedisAnswer::Pong)).but(|spec| match spec {
        ProbeSpec::Service { to, .. } if to.port.number() == 6379 => {
            Some(Outcome::Blind(Blindness::DeadlineSpent))
        }
        _ => None,
    });
    let redis = world::ended(&world.judge(), "ports/redis-needs-password", world::OPENVIDU);
    assert_eq!(redis, "fail, proven");
}

#[test]
fn what_a_router_prohibits_may_be_our_own_network_s_doing() {
    let prohibited = Connect::Icmp(world::prohibited_on_the_way());
    let findings = tcp(Policy::Default, world::PROXY, 80, prohibited).judge();
    let row = findings
        .iter()
        .find(|finding| finding.rule.as_str() == "ports/proxy-tcp-80" && finding.is_violation())
        .unwrap();
    assert_eq!(words(row), "fail, suspected");
}

#[test]
fn only_the_endpoint_of_the_api_is_offered_alpn() {
    let offers = Rc::new(RefCell::new(BTreeSet::new()));
    let seen = Rc::clone(&offers);
    world(Policy::Default)
        .but(move |spec| {
            if let ProbeSpec::Tls { to, sni, offer: TlsOffer::Web } = spec {
                seen.borrow_mut().insert(format!("{} {sni}", to.port));
            }
            None
        })
        .judge();
    let expected = BTreeSet::from(["443 SNI openvidu.example.io".to_owned()]);
    assert_eq!(*offers.borrow(), expected);
}

#[test]
fn the_two_names_alone_are_enough_for_what_can_be_judged_from_them() {
    let names_only = world(Policy::Default).declared(|deployment| {
        deployment.nodes.clear();
        deployment.uses = Uses::Unsaid;
    });
    let findings = names_only.judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    let passed = |rule: &str| {
        findings
            .iter()
            .filter(|finding| finding.rule.as_str() == rule && words(finding) == "pass, proven")
            .count()
    };
    assert_eq!(passed("turn/turns-answers-binding"), 2);
    assert_eq!(passed("ports/proxy-tcp-443"), 2);
    assert_eq!(passed("dns/domain-points-to-proxy"), 0);
}

#[test]
fn proof_only_leaves_what_is_merely_not_contradicted_open() {
    let findings = world(Policy::ForcedTurn).judge_by(ovcheck::evaluate::Strictness::ProofOnly);
    let range = findings
        .iter()
        .find(|finding| finding.rule.as_str() == "policy/media-range-closed")
        .unwrap();
    assert_eq!(words(range), "unsettled");
}

/// What the finding of `rule` at OpenVidu's IPv4 address says it saw, and its verdict.
fn observed(world: &World, rule: &str) -> (String, &'static str) {
    observed_at(world::OPENVIDU, world, rule)
}

fn observed_at(address: &str, world: &World, rule: &str) -> (String, &'static str) {
    let findings = world.judge();
    let finding = findings
        .iter()
        .find(|finding| {
            finding.rule.as_str() == rule && finding.target.address.unwrap().to_string() == address
        })
        .unwrap();
    (finding.observed(), words(finding))
}

#[test]
fn what_stands_behind_an_open_port_is_said_with_what_it_means() {
    let open = |port| tcp(Policy::Default, world::OPENVIDU, port, Connect::Accepted);
    let no_password = answered(7000, ServiceAnswer::Redis(RedisAnswer::Pong));
    let silent = answered(7000, ServiceAnswer::Silent);
    let cases = [
        (
            no_password,
            "the port accepts connections\nRedis responds without a password: any client can read \
             and change all of its data",
        ),
        (
            open(20_000),
            "the port accepts connections\nMongoDB responds (replica set \"rs0\"); only its login \
             protects it",
        ),
        (open(9009), "the port accepts connections\nan HTTP server responds: HTTP 200 \"ready·\""),
        (
            open(5000),
            "the port accepts connections\nan HTTP server responds: HTTP 200, a page of HTML",
        ),
        // Open is open, whoever listens.
        (silent, "the port accepts connections"),
        (open(7946), "the port accepts connections"),
    ];
    for (world, expected) in cases {
        let (observed, verdict) = observed(&world, "ports/undocumented-closed");
        assert_eq!(observed, expected);
        assert_eq!(verdict, "fail, proven");
    }
}

#[test]
fn how_long_a_turn_connection_rests_decides_what_is_known_of_the_next_thirty_seconds() {
    let cases = [
        (1300, IdleEnd::Answers, "pass, uncontradicted"),
        (31_000, IdleEnd::Answers, "pass, proven"),
        (30_000, IdleEnd::Closed, "pass, proven"),
        // Its clock began to run before ours: by half a second at most.
        (29_960, IdleEnd::Closed, "pass, proven"),
        (29_500, IdleEnd::Closed, "pass, proven"),
        (29_499, IdleEnd::Closed, "fail, proven"),
        (20_000, IdleEnd::Closed, "fail, proven"),
        (800, IdleEnd::Reset, "fail, proven"),
        // TCP sends again what is lost on the way, but not for ever.
        (1300, IdleEnd::Forgotten, "fail, suspected"),
        (31_000, IdleEnd::Forgotten, "pass, proven"),
        (400, IdleEnd::Spoke, "unsettled"),
    ];
    for (ms, end, expected) in cases {
        let world = resting(ms, end);
        let (observed, verdict) = observed_at(world::PROXY, &world, "turn/idle-connection-kept");
        assert_eq!(verdict, expected, "{ms} ms, {end:?}: {observed}");
    }
    let world = resting(800, IdleEnd::Closed);
    let (observed, _) = observed_at(world::PROXY, &world, "turn/idle-connection-kept");
    assert_eq!(
        observed,
        "an idle TURN connection is closed after 0.8 s\nthe guide's proxy keeps it for 30 s"
    );
}

/// With these ports of OpenVidu's machine answering, over the families for which `is_meant`.
fn inner_ports_open(
    ports: &'static [u16],
    answer: impl Fn(ServiceAsk) -> ServiceAnswer + 'static,
    is_meant: fn(&IpAddr) -> bool,
) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Service { to, ask, .. }
            if [world::OPENVIDU, "2001:db8:5::20"].contains(&to.address.to_string().as_str()) =>
        {
            (is_meant(&to.address) && ports.contains(&to.port.number()))
                .then(|| Outcome::Saw(world::service(Connect::Accepted, Some(answer(*ask)))))
        }
        _ => None,
    })
}

/// The violations of a rule, by port: what was seen, fingerprint and remedy.
fn violations_by_port(findings: &[Finding], rule: &str) -> Vec<(String, String, String, String)> {
    let of_rule = findings.iter().filter(|it| it.rule.as_str() == rule && it.is_violation());
    of_rule
        .map(|finding| {
            assert_eq!(finding.target.transport, Some(Transport::Tcp));
            let port = finding.target.port.unwrap().to_string();
            let remedy = ovcheck::output::words::remedies::as_text(finding, Topology::SingleNode);
            (port, finding.observed(), finding.fingerprint.to_string(), remedy)
        })
        .collect()
}

#[test]
fn each_open_port_of_a_list_is_a_violation_of_its_own() {
    let world = inner_ports_open(&[7000, 6379, 3000], world::service_answer, IpAddr::is_ipv4);
    let found = violations_by_port(&world.judge(), "ports/undocumented-closed");
    let seen: Vec<(&str, &str)> =
        found.iter().map(|(port, seen, ..)| (port.as_str(), seen.as_str())).collect();
    let redis = "the port accepts connections\nRedis responds; only its password protects it";
    assert_eq!(
        seen,
        [
            ("3000", "the port accepts connections\nGrafana responds; only its login protects it"),
            ("6379", redis),
            ("7000", redis),
        ]
    );
    let fingerprints: BTreeSet<&String> = found.iter().map(|(_, _, print, _)| print).collect();
    assert_eq!(fingerprints.len(), 3);
    for (port, _, _, remedy) in &found {
        assert!(remedy.contains(&format!("tcp dport {port} drop")), "{remedy}");
    }
}

#[test]
fn each_redis_without_a_password_is_a_violation_of_its_own() {
    let pong = |_| ServiceAnswer::Redis(RedisAnswer::Pong);
    let world = inner_ports_open(&[7000, 6379], pong, IpAddr::is_ipv4);
    let found = violations_by_port(&world.judge(), "ports/redis-needs-password");
    let ports: Vec<&str> = found.iter().map(|(port, ..)| port.as_str()).collect();
    assert_eq!(ports, ["7000", "6379"]);
    assert_ne!(found[0].2, found[1].2);
    assert!(found[1].3.contains("tcp dport 6379 drop"), "{}", found[1].3);
}

/// The pass over IPv4 is of all ports, the violation over IPv6 of one.
#[test]
fn a_port_that_is_open_over_ipv6_only_makes_the_families_differ() {
    let world = inner_ports_open(&[7000], world::service_answer, IpAddr::is_ipv6);
    let findings = world.judge();
    assert_eq!(broken(&findings), ["dns/families-agree", "ports/undocumented-closed"]);
}

fn mongodb(login: MongoLogin) -> ServiceAnswer {
    ServiceAnswer::MongoDb { set_name: None, is_primary: None, login }
}

/// A Sentinel keeps no data. Its own clients reach it without a password in many right deployments.
#[test]
fn a_sentinel_without_a_password_is_not_the_store() {
    let sentinel = || ServiceAnswer::Redis(RedisAnswer::Sentinel);
    let rule = "ports/redis-needs-password";
    let (seen, verdict) = observed(&answered(7001, sentinel()), rule);
    assert_eq!(verdict, "fail, proven", "{seen}");
    let findings = answered(7001, sentinel()).judge();
    let finding = findings.iter().find(|it| it.rule.as_str() == rule && it.is_violation());
    assert_eq!(finding.map(|it| it.severity), Some(Severity::Warning));
    let (seen, verdict) = observed(&answered(7001, sentinel()).from(Zone::OwnNode), rule);
    assert_eq!(verdict, "pass, uncontradicted", "{seen}");
    assert!(!seen.contains("no command is accepted"), "{seen}");
}

#[test]
fn what_mongodb_lists_to_nobody_in_particular_tells_whether_it_demands_a_login() {
    let rule = "ports/mongodb-needs-login";
    for (answer, expected) in [
        (mongodb(MongoLogin::NotDemanded), "fail, proven"),
        (mongodb(MongoLogin::Unknown), "unsettled"),
        // The other port is silent.
        (mongodb(MongoLogin::Demanded), "pass, uncontradicted"),
        (ServiceAnswer::Silent, "unsettled"),
        (ServiceAnswer::Redis(RedisAnswer::Pong), "pass, uncontradicted"),
    ] {
        let (seen, verdict) = observed(&answered(20000, answer), rule);
        assert_eq!(verdict, expected, "{seen}");
    }
}

#[test]
fn what_a_store_of_objects_answers_to_nobody_tells_whether_a_bucket_is_anonymous() {
    let rule = "ports/minio-buckets-need-login";
    for (answer, expected) in [
        (world::bucket_listed(), "fail, proven"),
        // The other port is silent.
        (world::bucket_denied(), "pass, uncontradicted"),
        (response(404, "<Error><Code>NoSuchBucket</Code></Error>"), "pass, uncontradicted"),
        (response(200, "<html>hello</html>"), "pass, uncontradicted"),
        (response(400, "Client sent an HTTP request to an HTTPS server."), "unsettled"),
        (response(503, "<Error><Code>SlowDown</Code></Error>"), "unsettled"),
        (HttpAnswer::Silent, "unsettled"),
        (HttpAnswer::NotHttp(FirstBytes::Tls), "unsettled"),
    ] {
        let (seen, verdict) = observed(&buckets(9100, answer), rule);
        assert_eq!(verdict, expected, "{seen}");
    }
}

/// A name that is unknown says nothing about the bucket in use; a refusal says it of any name.
#[test]
fn only_a_refusal_proves_that_buckets_are_not_anonymous() {
    let rule = "ports/minio-buckets-need-login";
    let both = |answer: HttpAnswer| {
        world(Policy::Default).but(move |spec| match spec {
            ProbeSpec::Service { buckets, .. } if !buckets.is_empty() => {
                let facts = world::service(Connect::Accepted, Some(world::minio()));
                Some(Outcome::Saw(world::with_buckets(facts, buckets, &answer)))
            }
            _ => None,
        })
    };
    let (seen, verdict) = observed(&both(world::bucket_denied()), rule);
    assert_eq!(verdict, "pass, proven", "{seen}");
    let unknown = response(404, "<Error><Code>NoSuchBucket</Code></Error>");
    let (seen, verdict) = observed(&both(unknown), rule);
    assert_eq!(verdict, "pass, uncontradicted", "{seen}");
}

/// What is said about the open port beside it contradicts nothing.
#[test]
fn a_bucket_that_is_listed_is_named_and_no_password_is_said_to_protect_it() {
    let findings = buckets(9100, world::bucket_listed()).judge();
    let found = violations_by_port(&findings, "ports/minio-buckets-need-login");
    assert_eq!(found.iter().map(|(port, ..)| port.as_str()).collect::<Vec<_>>(), ["9100", "9100"]);
    let all: Vec<String> = findings.iter().map(|finding| finding.observed()).collect();
    let all = all.join("\n");
    assert!(all.contains("openvidu-appdata and openvidu-clusterdata are listed"), "{all}");
    assert!(!all.contains("only its password protects the recordings"), "{all}");
}

#[test]
fn an_open_port_that_says_nothing_to_a_ping_leaves_the_password_open() {
    let rule = "ports/redis-needs-password";
    let cases = [
        (ServiceAnswer::Silent, "unsettled"),
        (ServiceAnswer::Unfinished { bytes: 2048 }, "unsettled"),
        (ServiceAnswer::Redis(RedisAnswer::Error(ServerText::new("NOPERM no"))), "unsettled"),
        // The other ports are silent.
        (ServiceAnswer::Redis(RedisAnswer::NoAuth), "pass, uncontradicted"),
        (ServiceAnswer::Redis(RedisAnswer::Denied), "pass, uncontradicted"),
        // So does a Redis that wants TLS, with a password and without.
        (ServiceAnswer::Closed, "unsettled"),
        (ServiceAnswer::Reset, "unsettled"),
        (ServiceAnswer::Other(FirstBytes::Tls), "unsettled"),
        (
            ServiceAnswer::Other(FirstBytes::Ssh(ServerText::new("SSH-2.0-x"))),
            "pass, uncontradicted",
        ),
        (ServiceAnswer::Redis(RedisAnswer::Pong), "fail, proven"),
    ];
    for (answer, expected) in cases {
        let (observed, verdict) = observed(&answered(7000, answer), rule);
        assert_eq!(verdict, expected, "{observed}");
    }
}

#[test]
fn a_right_port_whose_service_cannot_be_seen_is_not_contradicted() {
    let busy = in_use(Feature::PublicMinio, answered(9000, world::http_service(503, "busy")));
    let (observed, verdict) = observed(&busy, "ports/openvidu-tcp-9000");
    assert_eq!(verdict, "pass, uncontradicted");
    assert_eq!(observed, "open, but whether MinIO responds is unknown: HTTP 503 \"busy\"");
}
