//! A call as it should be, by policy, and the situations that break it.

mod joining;
mod ladder;
mod nodes;
mod offers;
mod paths;
mod ports;
mod promises;
mod relays;

use std::net::{IpAddr, SocketAddr};

use ovcheck::evaluate::Strictness;
use ovcheck::model::deployment::{Edition, Feature, Policy, Usage};
use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::plan::{Check, CheckIndex, Plan, ProbeIndex};
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{CallDepth, CallSpec, Carrier, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::verdict::Verdict;

pub use crate::support::facts::{candidate, url};
use crate::support::facts::{stun_sent_again, udp};
use crate::world::Observed as _;
use crate::world::{OPENVIDU, PROXY, RULESET, World, completed, silent, swept, words, world};

/// A rule that a call can break, with the name of the situation and what is broken then.
type Situation = (&'static str, World, Vec<&'static str>);

/// The port at which the server of a right call offers media over UDP.
pub const MEDIA: u16 = 50_905;

/// With credentials, and everything as it should be.
pub fn called(policy: Policy) -> World {
    world(policy).calling(CallDepth::Dtls)
}

/// The address of the machine that carries the media of the session.
fn media(world: &World) -> IpAddr {
    let role = world.deployment.topology.media();
    let node = world.deployment.nodes_of(role).next();
    node.map_or_else(|| OPENVIDU.parse().unwrap(), |node| node.addresses[0])
}

/// What a call meets in a deployment as the guide wants it. Where it is looked for on each Media Node, the
/// first is on the first node, and one further room on each of the others.
pub fn right(world: &World, spec: &CallSpec) -> CallFacts {
    let mut facts = right_at(world, spec, media(world), "ND_1");
    if let [_, others @ ..] = spec.media_nodes.as_slice() {
        let calls = others.iter().zip(2..);
        let calls: Vec<CallFacts> = calls
            .map(|(node, number)| right_at(world, spec, node[0], &format!("ND_{number}")))
            .collect();
        facts.search = Some(NodeSearch {
            rooms: calls.len(),
            ended: SearchEnd::AllFound,
            calls,
            failed: Vec::new(),
            failures: 0,
        });
    }
    facts
}

/// The same of one call that is on the node with this address.
pub fn right_at(world: &World, spec: &CallSpec, media: IpAddr, server_id: &str) -> CallFacts {
    let udp = SocketAddr::new(media, MEDIA);
    let tcp = SocketAddr::new(media, 7881);
    let opens = opened(world);
    let turn_domain = world.deployment.turn_domain.clone();
    let mut urls = vec![url(&format!("turn:{media}:443?transport=udp"), IceScheme::Turn, 443)];
    let mut relays = vec![relay(world, 0, Way::TurnUdp, SocketAddr::new(media, 443), media)];
    if let Some(name) = &turn_domain {
        urls.push(url(&format!("turns:{name}:443?transport=tcp"), IceScheme::Turns, 443));
        let proxy = spec.addresses.first().copied();
        let proxy = proxy.unwrap_or_else(|| PROXY.parse().unwrap());
        relays.push(relay(world, 1, Way::Turns, SocketAddr::new(proxy, 443), media));
    }
    let dtls = (spec.depth == CallDepth::Dtls).then_some(DtlsFacts::BothWays);
    let ways = [(Way::Udp, udp), (Way::IceTcp, tcp), (Way::TurnUdp, udp), (Way::Turns, udp)];
    let paths = ways.into_iter().filter(|(way, _)| *way != Way::Turns || turn_domain.is_some());
    let paths = paths.map(|(way, candidate)| {
        let mut path = path(way, candidate);
        if opens.contains(&way) {
            answer(&mut path, dtls);
        }
        path
    });
    CallFacts {
        signal: SignalFacts {
            address: Some(PROXY.parse().unwrap()),
            dialled: None,
            http_proxy: None,
            connect: Connect::Accepted,
            handshake: Some(completed(TlsVersion::Tls13, |_| {})),
            join: Some(JoinAnswer::Joined),
            token: None,
            lost: None,
            flaw: None,
            joined_ms: Some(168),
        },
        session: Some(SessionFacts {
            server_version: ServerText::new("1.8.4"),
            server_id: ServerText::new(server_id),
            ice_servers: urls,
            answer: SdpAnswer::Complete { ice_lite: false },
            candidates: vec![candidate(Transport::Udp, udp), candidate(Transport::Tcp, tcp)],
            all_candidates: true,
            ready_ms: Some(221),
        }),
        paths: paths.collect(),
        relays,
        punched: match world.deployment.policy {
            Policy::Default => None,
            Policy::ForcedTurn | Policy::Tls443 | Policy::Udp443 => Some(not_punched()),
        },
        farewell: Some(Farewell { left: true, room: RoomEnd::Deleted }),
        search: None,
    }
}

/// The ways that the policy leaves.
fn opened(world: &World) -> Vec<Way> {
    match world.deployment.policy {
        Policy::ForcedTurn | Policy::Tls443 => vec![Way::Turns],
        Policy::Udp443 => vec![Way::TurnUdp, Way::Turns],
        Policy::Default if world.deployment.uses.of(&Feature::IceTcp) == Usage::InUse => {
            Way::ALL.to_vec()
        }
        Policy::Default => vec![Way::Udp, Way::TurnUdp, Way::Turns],
    }
}

fn not_punched() -> PunchFacts {
    PunchFacts {
        offered: vec!["198.51.100.7:40001".parse().unwrap()],
        reachable: true,
        check_from: None,
        through: Some(IceCheck::Silent),
        waited_ms: 3600,
        icmp_ms: Vec::new(),
    }
}

/// A way that is closed.
pub fn path(way: Way, candidate: SocketAddr) -> PathFacts {
    let (check, sent_ms) = match way {
        Way::Udp => (IceCheck::Silent, Some(230)),
        Way::IceTcp => (IceCheck::NotSent(NotSent::NoConnection), None),
        Way::TurnUdp | Way::Turns => (IceCheck::NotSent(NotSent::NoRelay), None),
    };
    PathFacts {
        way,
        candidate,
        dialled: None,
        relay: match way {
            Way::Udp | Way::IceTcp => None,
            Way::TurnUdp => Some(0),
            Way::Turns => Some(1),
        },
        connect: (way == Way::IceTcp).then_some(Connect::Silent),
        check,
        sent_ms,
        ended_ms: 3830,
        padded: None,
        dtls: None,
    }
}

/// Opens a way.
pub fn answer(path: &mut PathFacts, dtls: Option<DtlsFacts>) {
    let mapped = Some("198.51.100.7:40000".parse().unwrap());
    path.check = IceCheck::Answered { mapped };
    path.sent_ms = Some(230);
    path.ended_ms = 282;
    path.dtls = dtls;
    if path.way == Way::IceTcp {
        path.connect = Some(Connect::Accepted);
    } else {
        path.padded = Some(IceCheck::Answered { mapped });
    }
}

fn relay(world: &World, url: usize, way: Way, server: SocketAddr, media: IpAddr) -> RelayFacts {
    let is_open = opened(world).contains(&way);
    let over_tls = way == Way::Turns;
    let refuses_strangers = world.deployment.edition != Edition::V3_2;
    RelayFacts {
        url,
        way,
        server: Some(server),
        dialled: None,
        blocked: None,
        connect: over_tls.then_some(Connect::Accepted),
        handshake: over_tls.then(|| completed(TlsVersion::Tls13, |_| {})),
        allocate: Some(if is_open { granted() } else { StunAnswer::Silent }),
        relayed: is_open.then(|| SocketAddr::new(media, 41_000)),
        wrong_password: Some(if is_open { error(401, "Unauthorized") } else { StunAnswer::Silent }),
        permissions: if is_open { permissions(media, refuses_strangers) } else { Vec::new() },
        control: None,
        ended_ms: 260,
    }
}

pub fn granted() -> StunAnswer {
    StunAnswer::Success { mapped: Some("198.51.100.7:40000".parse().unwrap()) }
}

pub fn error(code: u16, reason: &str) -> StunAnswer {
    StunAnswer::Error { code, reason: ServerText::new(reason), realm: None, nonce_bytes: Some(80) }
}

fn permissions(media: IpAddr, refuses_strangers: bool) -> Vec<PermissionFacts> {
    let forbidden = || error(403, "Forbidden");
    let permission = |peer: IpAddr, why, answer| PermissionFacts { peer, why, answer };
    let parse = |address: &str| address.parse().unwrap();
    let success = StunAnswer::Success { mapped: None };
    let strangers = if refuses_strangers { forbidden() } else { success.clone() };
    vec![
        permission(media, PeerKind::Candidate, success),
        permission(parse("127.0.0.1"), PeerKind::Loopback, forbidden()),
        permission(parse("169.254.169.254"), PeerKind::LinkLocal, forbidden()),
        permission(parse("10.0.0.1"), PeerKind::Private, forbidden()),
        permission(parse("8.8.8.8"), PeerKind::Foreign, strangers),
    ]
}

/// The path of a way in a call that has one of each.
pub fn of(facts: &mut CallFacts, way: Way) -> &mut PathFacts {
    facts.paths.iter_mut().find(|path| path.way == way).unwrap()
}

/// The relay of a way.
pub fn relay_of(facts: &mut CallFacts, way: Way) -> &mut RelayFacts {
    facts.relays.iter_mut().find(|relay| relay.way == way).unwrap()
}

/// Closes a way, as a firewall that drops does.
pub fn close(facts: &mut CallFacts, way: Way) {
    let open = of(facts, way);
    *open = path(way, open.candidate);
    let place = facts.relays.iter_mut().find(|relay| relay.way == way);
    if let Some(relay) = place {
        relay.allocate = Some(StunAnswer::Silent);
        relay.relayed = None;
        relay.wrong_password = Some(StunAnswer::Silent);
        relay.permissions.clear();
    }
}

/// Nothing is answered by any way.
pub fn silence_all(facts: &mut CallFacts) {
    for way in Way::ALL {
        if facts.paths.iter().any(|path| path.way == way) {
            close(facts, way);
        }
    }
}

/// The only finding of a rule of the call.
pub fn finding<'a>(findings: &'a [Finding], rule: &str) -> &'a Finding {
    let mut of_rule = findings.iter().filter(|finding| finding.rule.as_str() == rule);
    let first = of_rule.next().unwrap_or_else(|| panic!("no finding of {rule}"));
    assert!(of_rule.next().is_none(), "several findings of {rule}");
    first
}

/// How a rule ended, and the first line of what it says.
pub fn said(findings: &[Finding], rule: &str) -> String {
    let finding = finding(findings, rule);
    let observed = finding.observed();
    let first = observed.lines().next().unwrap_or_default();
    format!("{}: {first}", words(finding))
}

/// The findings of a run that makes nothing but the call.
pub fn call_alone(world: &World) -> Vec<Finding> {
    let whole = world.plan();
    let is_of_call = |check: &Check| RULESET.rule(&check.rule).unwrap().demand.is_of_call();
    let kept: Vec<usize> =
        (0..whole.checks.len()).filter(|index| is_of_call(&whole.checks[*index])).collect();
    let checks = || kept.iter().map(|index| &whole.checks[*index]);
    let is_name = |spec: &&ProbeSpec| matches!(spec, ProbeSpec::Dns { .. });
    let mut probes: Vec<ProbeSpec> = whole.probes.iter().filter(is_name).cloned().collect();
    for index in checks().flat_map(|check| &check.probes) {
        let spec = &whole.probes[index.0];
        if !probes.contains(spec) {
            probes.push(spec.clone());
        }
    }
    let probe = |index: &ProbeIndex| {
        let spec = &whole.probes[index.0];
        ProbeIndex(probes.iter().position(|it| it == spec).unwrap())
    };
    let need = |index: &CheckIndex| kept.iter().position(|it| *it == index.0).map(CheckIndex);
    let checks = checks().map(|check| Check {
        needs: check.needs.iter().filter_map(need).collect(),
        probes: check.probes.iter().map(probe).collect(),
        ..check.clone()
    });
    let plan = Plan { checks: checks.collect(), probes: probes.clone(), ..Plan::default() };
    world.judge_plan(&plan, Strictness::Likely)
}

/// Nothing comes back to us over UDP.
pub fn deaf(world: World) -> World {
    world.but(|spec| match spec {
        ProbeSpec::OwnUdp { .. } | ProbeSpec::Turn { over: Carrier::Udp, .. } => {
            Some(Outcome::Saw(Facts::Turn(stun_sent_again(StunAnswer::Silent))))
        }
        ProbeSpec::Udp { ports, then, .. } => Some(Outcome::Saw(Facts::Udp(UdpFacts {
            swept: then.map(swept),
            ..udp(ports.iter().map(|port| silent(*port)).collect())
        }))),
        _ => None,
    })
}

pub fn situations() -> Vec<Situation> {
    let mut all = vec![
        ("a call, all as it should be", called(Policy::Default), vec![]),
        ("a call under forced TURN, all as it should be", called(Policy::ForcedTurn), vec![]),
    ];
    all.extend(joining::situations());
    all.extend(nodes::situations());
    all.extend(offers::situations());
    all.extend(paths::situations());
    all.extend(promises::situations());
    all.extend(relays::situations());
    all.extend(ports::situations());
    all
}

#[test]
fn a_right_call_settles_what_a_call_can_settle_under_every_policy() {
    for policy in Policy::ALL {
        let edition = match policy {
            Policy::Default | Policy::ForcedTurn => Edition::V3_2,
            Policy::Tls443 | Policy::Udp443 => Edition::V3_9,
        };
        let world = called(policy).declared(|deployment| deployment.edition = edition);
        let findings = world.judge();
        let mut of_call = Vec::new();
        for finding in &findings {
            let rule = RULESET.rule(&finding.rule).unwrap();
            if rule.demand.is_of_call() {
                of_call.push(format!("{} {}", finding.rule, words(finding)));
            }
            assert!(
                !matches!(words(finding), "unsettled" | "fail, proven" | "fail, suspected"),
                "{policy}: {}: {}",
                finding.rule,
                finding.observed()
            );
        }
        let mut expected = vec![
            "turn/allocation-granted pass, proven",
            "turn/relay-carries-media pass, proven",
            "turn/wrong-password-refused pass, proven",
            "turn/refuses-foreign-peers pass, proven",
            "call/join-accepted pass, proven",
            "call/turn-servers-are-right pass, proven",
            "call/media-addresses-are-right pass, proven",
        ];
        match policy {
            Policy::Default => expected.extend([
                "call/media-path-udp pass, proven",
                "call/media-path-ice-tcp not applicable",
                "call/media-path-turn-udp pass, proven",
            ]),
            Policy::Udp443 => expected.push("call/media-path-turn-udp pass, proven"),
            Policy::ForcedTurn | Policy::Tls443 => {}
        }
        expected.extend([
            "call/media-path-turns pass, proven",
            "call/large-packets-pass pass, proven",
            "call/dtls-passes pass, proven",
        ]);
        if policy != Policy::Default {
            expected.extend([
                "policy/media-only-through-turn pass, uncontradicted",
                "policy/no-media-through-hole-punching pass, uncontradicted",
            ]);
        }
        assert_eq!(of_call, expected, "{policy}");
    }
}

#[test]
fn without_credentials_nothing_of_a_call_is_judged() {
    let findings = world(Policy::ForcedTurn).judge();
    let of_call = findings.iter().filter(|finding| {
        let rule = RULESET.rule(&finding.rule).unwrap();
        rule.demand.is_of_call()
    });
    assert_eq!(of_call.count(), 0);
    assert!(findings.iter().any(|it| matches!(it.verdict, Verdict::Pass(_))));
}
