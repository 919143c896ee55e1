//! The decision table for UDP ports, row by row.

use std::net::{IpAddr, SocketAddr};

use ovcheck::model::deployment::{NodeRole, Policy, Uses};
use ovcheck::model::facts::{
    ApiFacts, Connect, DatagramProtocol, DnsAnswer, DnsFacts, EchoAnswer, EchoFacts, ExtentEnd,
    ExtentFacts, Facts, HttpProxyFacts, IcmpError, IcmpSender, Sentinel, Stretch, StretchShows,
    StunAnswer, SweepFacts, TcpFacts, TurnFacts, UdpAnswer, UdpFacts, UdpPortFacts, Way,
};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::port::{Port, Transport};
use ovcheck::model::probe::{CallDepth, Carrier, ProbeSpec};
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::Finding;
use ovcheck::model::seen::{Seen, TcpRejection, UdpSeen};
use ovcheck::model::target::Family;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::Verdict;

use crate::doors::Door;
use crate::support::deployments::node;
use crate::support::facts::{self, prohibited_by, stun_sent_again};
use crate::world::Observed as _;
use crate::world::{
    OPENVIDU, PROXY, World, broken, ended, icmp, no_listener, prohibited_on_the_way, silent, swept,
    udp_port, unreachable_from, world,
};

const CONTROLS: [u16; 2] = [39_001, 61_000];

/// With the UDP ports of the OpenVidu machine's IPv4 address answering as `answer` says.
fn udp(policy: Policy, answer: impl Fn(u16, IpAddr) -> UdpAnswer + 'static) -> World {
    world(policy).but(move |spec| match spec {
        ProbeSpec::Udp { address, ports, .. } if address.to_string() == OPENVIDU => {
            Some(Outcome::Saw(Facts::Udp(facts::udp(
                ports
                    .iter()
                    .map(|port: &Port| udp_port(*port, answer(port.number(), *address)))
                    .collect(),
            ))))
        }
        _ => None,
    })
}

/// With STUN on UDP 443 answered like this, over IPv4.
fn stun(world: World, answer: StunAnswer) -> World {
    world.but(move |spec| match spec {
        ProbeSpec::Turn { to, over: Carrier::Udp } if to.address.is_ipv4() => {
            Some(Outcome::Saw(Facts::Turn(stun_sent_again(answer.clone()))))
        }
        _ => None,
    })
}

/// With the TCP control port meeting this.
fn tcp_control(world: World, connect: Connect) -> World {
    world.but(move |spec| match spec {
        ProbeSpec::Tcp { to } if to.port.number() == 39_001 => {
            Some(Outcome::Saw(Facts::Tcp(TcpFacts { connect: connect.clone(), dialled: None })))
        }
        _ => None,
    })
}

/// With nothing coming back over UDP from anywhere.
fn deaf(world: World) -> World {
    own_udp(world, StunAnswer::Silent)
}

/// With STUN servers outside answering like this, over both families.
fn own_udp(world: World, answer: StunAnswer) -> World {
    world.but(move |spec| match spec {
        ProbeSpec::OwnUdp { .. } => {
            Some(Outcome::Saw(Facts::Turn(stun_sent_again(answer.clone()))))
        }
        _ => None,
    })
}

fn all_silent() -> World {
    stun(udp(Policy::Default, |_, _| UdpAnswer::Silent), StunAnswer::Silent)
}

pub fn situations() -> Vec<(&'static str, World, Vec<&'static str>)> {
    vec![
        (
            "forced TURN, one media port open",
            udp(Policy::ForcedTurn, |port, address| match port {
                55_000 => no_listener(address),
                _ => UdpAnswer::Silent,
            }),
            vec!["policy/media-range-closed"],
        ),
        (
            "forced TURN, a media port answers",
            udp(Policy::ForcedTurn, |port, _| match port {
                50_000 => UdpAnswer::Stun,
                _ => UdpAnswer::Silent,
            }),
            vec!["policy/media-range-closed"],
        ),
        (
            "forced TURN, no firewall at all",
            tcp_control(
                stun(
                    udp(Policy::ForcedTurn, |_, address| no_listener(address)),
                    StunAnswer::Success { mapped: Some("198.51.100.7:4000".parse().unwrap()) },
                ),
                Connect::Reset,
            ),
            vec![
                "policy/media-range-closed",
                "policy/udp-443-closed",
                "policy/whip-udp-7885-closed",
            ],
        ),
        (
            "forced TURN, everything rejected by ICMP",
            tcp_control(
                udp(Policy::ForcedTurn, |_, address| no_listener(address)),
                Connect::Icmp(unreachable_from(OPENVIDU.parse().unwrap())),
            ),
            vec![],
        ),
        (
            "forced TURN, range prohibited by a router",
            udp(Policy::ForcedTurn, move |port, _| match port {
                50_000..=60_000 => UdpAnswer::Icmp(prohibited_on_the_way()),
                _ => UdpAnswer::Silent,
            }),
            vec![],
        ),
        (
            "forced TURN, UDP 443 answers",
            stun(
                world(Policy::ForcedTurn),
                StunAnswer::Success { mapped: Some("198.51.100.7:4000".parse().unwrap()) },
            ),
            vec!["policy/udp-443-closed"],
        ),
        (
            "forced TURN, WHIP port open",
            udp(Policy::ForcedTurn, |port, address| match port {
                7885 => no_listener(address),
                _ => UdpAnswer::Silent,
            }),
            vec!["policy/whip-udp-7885-closed"],
        ),
        (
            "UDP dropped at the node",
            all_silent(),
            vec!["ports/openvidu-udp-443", "ports/openvidu-udp-50000-60000"],
        ),
        ("UDP dropped at the office", deaf(deaf_everywhere()), vec![]),
        (
            "half of the range blocked",
            udp(Policy::Default, |port, address| match port {
                50_000..55_000 => no_listener(address),
                _ => UdpAnswer::Silent,
            }),
            vec!["ports/openvidu-udp-50000-60000"],
        ),
        (
            "range prohibited by the node's firewall",
            udp(Policy::Default, |port, address| match port {
                50_000..=60_000 => UdpAnswer::Icmp(icmp(3, 13, address)),
                _ => UdpAnswer::Silent,
            }),
            vec!["ports/openvidu-udp-50000-60000"],
        ),
        (
            "WHIP refused by a firewall",
            udp(Policy::Default, |port, address| match port {
                7885 => UdpAnswer::Icmp(icmp(3, 13, address)),
                50_000..=60_000 => no_listener(address),
                _ => UdpAnswer::Silent,
            }),
            vec!["ports/openvidu-udp-7885"],
        ),
        (
            "WHIP port let in, nobody listening",
            udp(Policy::Default, |port, address| match port {
                7885 | 50_000..=60_000 => no_listener(address),
                _ => UdpAnswer::Silent,
            }),
            vec![],
        ),
        (
            "nobody listens on UDP 443",
            stun(
                world(Policy::Default),
                StunAnswer::Icmp(unreachable_from(OPENVIDU.parse().unwrap())),
            ),
            vec!["ports/openvidu-udp-443"],
        ),
        (
            "own node, its own media range dropped",
            udp(Policy::ForcedTurn, |_, _| UdpAnswer::Silent)
                .from(ovcheck::model::vantage::Zone::OwnNode),
            vec!["policy/media-range-open-inside"],
        ),
        (
            "own node, its own media range open",
            udp(Policy::ForcedTurn, |_, address| no_listener(address))
                .from(ovcheck::model::vantage::Zone::OwnNode),
            vec![],
        ),
    ]
}

/// Nothing answers over UDP, on either family.
fn deaf_everywhere() -> World {
    let world = stun(world(Policy::Default), StunAnswer::Silent);
    world.but(|spec| match spec {
        ProbeSpec::Udp { ports, .. } => Some(Outcome::Saw(Facts::Udp(facts::udp(
            ports.iter().map(|port| silent(*port)).collect(),
        )))),
        ProbeSpec::Turn { over: Carrier::Udp, .. } => {
            Some(Outcome::Saw(Facts::Turn(stun_sent_again(StunAnswer::Silent))))
        }
        _ => None,
    })
}

#[test]
fn silence_behind_a_closed_port_rule_is_never_called_proven() {
    let findings = world(Policy::ForcedTurn).judge();
    for rule in ["policy/udp-443-closed", "policy/media-range-closed"] {
        assert_eq!(ended(&findings, rule, OPENVIDU), "pass, uncontradicted");
    }
}

/// With forced TURN and a sweep that found these ports, beside named ports that are silent.
fn found(holes: &'static [u16], sweep: impl Fn(&mut SweepFacts) + 'static) -> World {
    world(Policy::ForcedTurn).but(move |spec| match spec {
        ProbeSpec::Udp { address, ports, then: Some(range), .. }
            if address.to_string() == OPENVIDU =>
        {
            let mut swept = swept(*range);
            sweep(&mut swept);
            let answers = holes.iter().map(|number| UdpPortFacts {
                sent_ms: vec![220],
                ..udp_port(Port::new(*number).unwrap(), no_listener(*address))
            });
            let named = ports
                .iter()
                .map(|port| UdpPortFacts { sent_ms: vec![0, 350, 1020], ..silent(*port) });
            Some(Outcome::Saw(Facts::Udp(UdpFacts {
                extent: None,
                ports: named.chain(answers).collect(),
                swept: Some(swept),
                sentinels: holes
                    .iter()
                    .flat_map(|number| [1021, 1051].map(|sent_ms| (*number, sent_ms)))
                    .map(|(number, sent_ms)| Sentinel {
                        port: Port::new(number).unwrap(),
                        sent_ms,
                        answered: true,
                    })
                    .collect(),
            })))
        }
        _ => None,
    })
}

fn observed(findings: &[Finding], rule: &str) -> String {
    let of_rule = findings.iter().find(|finding| {
        finding.rule.as_str() == rule
            && finding.target.address.map(|address| address.to_string()) == Some(OPENVIDU.into())
    });
    of_rule.unwrap().observed()
}

#[test]
fn one_open_port_among_ten_thousand_is_suspected_and_told_with_the_number_of_silent_ones() {
    let findings = found(&[54_321], |_| {}).judge();
    assert_eq!(broken(&findings), ["policy/media-range-closed"]);
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "fail, suspected");
    assert_eq!(
        observed(&findings, "policy/media-range-closed"),
        "packets probably reach 1 of 10,001 ports\n10,001 ports probed twice: 10,000 silent, 54321 \
         reports \"no listener\" (ICMP port unreachable); control ports are silent"
    );
}

#[test]
fn a_swept_range_that_is_silent_passes_with_the_number_of_its_ports() {
    let findings = found(&[], |_| {}).judge();
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "pass, uncontradicted");
    assert_eq!(
        observed(&findings, "policy/media-range-closed"),
        "nothing comes back (10,001 ports probed twice); control ports are silent"
    );
}

#[test]
fn ports_that_nothing_was_sent_to_are_not_counted_as_silent() {
    let findings = found(&[], |swept| {
        swept.unsent = 4000;
        swept.copies = 1;
    })
    .judge();
    assert_eq!(
        observed(&findings, "policy/media-range-closed"),
        "6,001 of 10,001 ports were asked; an open port among the others would not be seen: run again \
         with a longer --deadline"
    );
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "unsettled");
}

#[test]
fn a_range_that_nobody_allowed_to_sweep_is_not_passed() {
    let findings = found(&[], |swept| {
        swept.unsent = 9992;
        swept.withheld = true;
    })
    .judge();
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "unsettled");
    let observed = observed(&findings, "policy/media-range-closed");
    assert!(observed.contains("9 of 10,001 ports were asked"), "{observed}");
    assert!(observed.contains("run with --sweep"), "{observed}");
}

/// Six holes take all the errors that the node has saved, before the second copies of the ports
/// that were named; nothing that came later shows that there was another one.
#[test]
fn the_silence_of_a_swept_range_carries_no_verdict() {
    let findings = world(Policy::ForcedTurn)
        .but(|spec| match spec {
            ProbeSpec::Udp { address, ports, then, .. } if address.to_string() == OPENVIDU => {
                let port = |number| Port::new(number).unwrap();
                let drawn = (1..=6).map(|number| udp_port(port(number), no_listener(*address)));
                let unheard = ports
                    .iter()
                    .map(|port| UdpPortFacts { sent_ms: vec![1, 350], ..silent(*port) });
                Some(Outcome::Saw(Facts::Udp(UdpFacts {
                    swept: then.map(swept),
                    ..facts::udp(drawn.chain(unheard).collect())
                })))
            }
            _ => None,
        })
        .judge();
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "unsettled");
}

/// Nobody knows which of the two left first; then the silence of the port that was named says
/// nothing.
#[test]
fn a_hole_found_in_the_same_millisecond_does_not_stand_behind_a_named_port() {
    let found_at = |first: u64, second: u64| {
        let findings = world(Policy::ForcedTurn)
            .but(move |spec| match spec {
                ProbeSpec::Udp { address, ports, then, .. } if address.to_string() == OPENVIDU => {
                    let hole = |number, ms| UdpPortFacts {
                        sent_ms: vec![ms],
                        ..udp_port(Port::new(number).unwrap(), no_listener(*address))
                    };
                    let named = ports
                        .iter()
                        .map(|port| UdpPortFacts { sent_ms: vec![350], ..silent(*port) });
                    Some(Outcome::Saw(Facts::Udp(UdpFacts {
                        swept: then.map(swept),
                        sentinels: Vec::new(),
                        ..facts::udp(
                            named.chain([hole(54_321, first), hole(54_322, second)]).collect(),
                        )
                    })))
                }
                _ => None,
            })
            .judge();
        ended(&findings, "policy/whip-udp-7885-closed", OPENVIDU)
    };
    assert_eq!(found_at(350, 0), "unsettled");
    // The second of two shows that there was one before.
    assert_eq!(found_at(351, 351), "pass, uncontradicted");
    assert_eq!(found_at(351, 500), "unsettled");
}

#[test]
fn a_range_that_must_be_open_is_sampled_and_one_that_must_be_closed_is_swept() {
    for (policy, swept) in [(Policy::Default, false), (Policy::ForcedTurn, true)] {
        let asked = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = std::rc::Rc::clone(&asked);
        world(policy)
            .but(move |spec| {
                if let ProbeSpec::Udp { ports, then, .. } = spec {
                    seen.borrow_mut().push((ports.clone(), *then));
                }
                None
            })
            .judge();
        let asked = asked.borrow();
        assert!(!asked.is_empty());
        for (ports, then) in asked.iter() {
            let numbers: Vec<u16> = ports.iter().map(|port| port.number()).collect();
            assert_eq!(then.is_some(), swept, "{policy}");
            assert_eq!(numbers[..4], [39_001, 50_000, 55_000, 60_000]);
            if swept {
                assert_eq!(numbers[4..], [7885, 61_000]);
            }
        }
    }
}

/// Nothing shows that the node had an error left for the background: another run may hear it.
#[test]
fn an_open_port_before_a_background_that_was_not_heard_is_left_open_to_another_run() {
    let findings = world(Policy::ForcedTurn)
        .but(|spec| match spec {
            ProbeSpec::Udp { address, ports, then, .. } if address.to_string() == OPENVIDU => {
                let hole = udp_port(Port::new(54_321).unwrap(), no_listener(*address));
                let unheard = ports
                    .iter()
                    .map(|port| UdpPortFacts { sent_ms: vec![1, 350], ..silent(*port) });
                Some(Outcome::Saw(Facts::Udp(UdpFacts {
                    swept: then.map(swept),
                    ..facts::udp(unheard.chain([hole]).collect())
                })))
            }
            _ => None,
        })
        .judge();
    let rule = "policy/media-range-closed";
    assert_eq!(ended(&findings, rule, OPENVIDU), "unsettled");
    let finding = findings.iter().find(|finding| {
        finding.rule.as_str() == rule && matches!(finding.verdict, Verdict::Inconclusive(_))
    });
    let Seen::Udp(UdpSeen::OpenOrRejected { range: Some(range), tcp, .. }) = &finding.unwrap().seen
    else {
        panic!("{finding:?}");
    };
    let ports: Vec<u16> = range.no_listener.iter().map(|port| port.number()).collect();
    assert_eq!((ports.as_slice(), *tcp), ([54_321].as_slice(), TcpRejection::Unheard));
    let observed = finding.unwrap().observed();
    assert!(observed.contains("run again in ten seconds"), "{observed}");
}

#[test]
fn one_open_port_is_suspected_and_named() {
    let findings = udp(Policy::ForcedTurn, |port, address| match port {
        55_000 => no_listener(address),
        _ => UdpAnswer::Silent,
    })
    .judge();
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "fail, suspected");
    let finding = findings.iter().find(|finding| finding.is_violation()).unwrap();
    assert_eq!(finding.target.port, "50000-60000".parse().ok());
    let Seen::Udp(UdpSeen::NoListener { range: Some(range), .. }) = &finding.seen else {
        panic!("{finding:?}");
    };
    assert_eq!(range.no_listener, [Port::new(55_000).unwrap()]);
}

#[test]
fn silence_says_nothing_when_no_udp_comes_back_at_all() {
    let findings = deaf(deaf_everywhere()).judge();
    assert_eq!(ended(&findings, "ports/openvidu-udp-443", OPENVIDU), "unsettled");
    assert_eq!(ended(&findings, "ports/openvidu-udp-50000-60000", OPENVIDU), "unsettled");
}

/// A router of this network may send it; what is behind that router stays unknown.
#[test]
fn an_error_of_a_router_does_not_show_that_udp_comes_back() {
    let silence = || deaf(deaf_everywhere());
    let router = prohibited_on_the_way;
    let node = unreachable_from(OPENVIDU.parse().unwrap());
    let untold = IcmpError { from: IcmpSender::Untold, ..router() };
    let whip_meets = |error: IcmpError| {
        silence().but(move |spec| match spec {
            ProbeSpec::Udp { address, ports, .. } if address.to_string() == OPENVIDU => {
                let answer = |port: &Port| match port.number() {
                    7885 => udp_port(*port, UdpAnswer::Icmp(error)),
                    _ => silent(*port),
                };
                Some(Outcome::Saw(Facts::Udp(facts::udp(ports.iter().map(answer).collect()))))
            }
            _ => None,
        })
    };
    let stun_server =
        IcmpError { from: IcmpSender::MeantMachine("192.0.2.1".parse().unwrap()), ..router() };
    let cases = [
        ("ports/openvidu-udp-443", whip_meets(router()), "unsettled"),
        ("ports/openvidu-udp-443", whip_meets(untold), "unsettled"),
        ("ports/openvidu-udp-443", whip_meets(node), "fail, suspected"),
        ("ports/openvidu-udp-7885", stun(silence(), StunAnswer::Icmp(router())), "unsettled"),
        ("ports/openvidu-udp-7885", stun(silence(), StunAnswer::Icmp(node)), "vantage limit"),
        ("ports/openvidu-udp-443", own_udp(silence(), StunAnswer::Icmp(router())), "unsettled"),
        ("ports/openvidu-udp-443", own_udp(silence(), StunAnswer::Icmp(untold)), "unsettled"),
        (
            "ports/openvidu-udp-443",
            own_udp(silence(), StunAnswer::Icmp(stun_server)),
            "fail, suspected",
        ),
    ];
    for (case, (rule, world, expected)) in cases.into_iter().enumerate() {
        assert_eq!(ended(&world.judge(), rule, OPENVIDU), expected, "{case}: {rule}");
    }
}

/// Nothing comes back over TCP either, but this error for the proxy's port 80.
fn nothing_but(error: Option<IcmpError>) -> World {
    deaf(deaf_everywhere()).but(move |spec| match spec {
        ProbeSpec::Tcp { to } => {
            let is_refused = (to.address.to_string(), to.port.number()) == (PROXY.into(), 80);
            let connect = error.filter(|_| is_refused).map_or(Connect::Silent, Connect::Icmp);
            Some(Outcome::Saw(Facts::Tcp(TcpFacts { connect, dialled: None })))
        }
        ProbeSpec::Turn { over: Carrier::Udp, .. } => None,
        ProbeSpec::Echo { .. } => {
            Some(Outcome::Saw(Facts::Echo(EchoFacts { answer: EchoAnswer::Silent })))
        }
        _ => spec.endpoint().map(|_| Outcome::Blind(Blindness::DeadlineSpent)),
    })
}

#[test]
fn an_error_of_a_router_does_not_show_that_tcp_comes_back() {
    let node = prohibited_by(PROXY.parse().unwrap());
    for (error, expected) in [
        (None, "unsettled"),
        (Some(prohibited_on_the_way()), "unsettled"),
        // That port 443 is let out of here is likely, and not known.
        (Some(node), "fail, suspected"),
    ] {
        let findings = nothing_but(error).judge();
        assert_eq!(ended(&findings, "ports/proxy-tcp-443", PROXY), expected, "{error:?}");
    }
}

#[test]
fn a_call_through_an_http_proxy_does_not_show_that_tcp_comes_back() {
    for (place, expected) in
        [(None, "fail, suspected"), (Some("proxy.corp.example:3128"), "unsettled")]
    {
        let world = nothing_but(None).calling(CallDepth::Checks).call_but(move |call| {
            call.paths.retain(|path| path.way == Way::IceTcp);
            for path in &mut call.paths {
                path.connect = Some(Connect::Accepted);
            }
            call.relays.clear();
            call.punched = None;
            call.signal.http_proxy =
                place.map(|place| HttpProxyFacts { place: place.to_owned(), answer: None });
        });
        assert_eq!(ended(&world.judge(), "ports/proxy-tcp-443", PROXY), expected, "{place:?}");
    }
}

/// Some networks block UDP 443 and nothing else, to prevent QUIC.
#[test]
fn a_silent_udp_443_is_proven_only_where_that_port_gets_out() {
    let answer = || StunAnswer::Success { mapped: Some("192.0.2.9:40000".parse().unwrap()) };
    let silent = || own_udp(stun(world(Policy::Default), StunAnswer::Silent), answer());
    let server = |port: u16| {
        move |vantage: &mut Vantage| {
            vantage.stun_servers = vec![SocketAddr::from(([192, 0, 2, 1], port))];
        }
    };
    for (name, world, expected) in [
        ("a STUN server on its own port", silent().vantage_but(server(3478)), "fail, suspected"),
        ("a STUN server on UDP 443", silent().vantage_but(server(443)), "fail, proven"),
        ("inside", silent().from(Zone::ExternalProxy), "fail, proven"),
    ] {
        let findings = world.judge();
        assert_eq!(ended(&findings, "ports/openvidu-udp-443", OPENVIDU), expected, "{name}");
    }
    let findings = silent().vantage_but(server(3478)).judge();
    let rule = "stun/udp-443-answers-binding";
    let said = findings.iter().find(|it| it.rule.as_str() == rule && it.is_violation());
    let said = said.or_else(|| {
        findings.iter().find(|it| it.rule.as_str() == "ports/openvidu-udp-443" && it.is_violation())
    });
    assert!(format!("{:?}", said.unwrap().seen).contains("PortMayBeBlockedHere"));
}

/// DNS often gets out where nothing else does.
#[test]
fn a_public_dns_server_shows_that_udp_comes_back_where_nothing_better_is_known() {
    const SERVER: &str = "192.0.2.53";
    let answered = |change: fn(&mut Vantage)| {
        let silence = deaf(deaf_everywhere()).but(|spec| match spec {
            ProbeSpec::Dns { family: Family::V4, .. } => {
                let facts = facts::dns(DnsAnswer::Addresses, vec![PROXY.parse().unwrap()]);
                let server = SocketAddr::new(SERVER.parse().unwrap(), 53);
                Some(Outcome::Saw(Facts::Dns(DnsFacts { server, ..facts })))
            }
            _ => None,
        });
        ended(&silence.vantage_but(change).judge(), "ports/openvidu-udp-443", OPENVIDU)
    };
    assert_eq!(answered(|_| {}), "unsettled");
    assert_eq!(answered(|vantage| vantage.stun_servers.clear()), "fail, suspected");
    let is_near: fn(&mut Vantage) = |vantage| {
        vantage.stun_servers.clear();
        vantage.near.push(SERVER.parse().unwrap());
    };
    assert_eq!(answered(is_near), "unsettled");
}

/// Six ports that answer take all the errors that the node has saved; whatever is asked right
/// behind them is unheard, until a sentinel shows that there was an error left, or a second goes by.
fn drained(silent_copies: Vec<u64>, sentinels: Vec<Sentinel>) -> &'static str {
    let findings =
        world(Policy::ForcedTurn)
            .but(move |spec| match spec {
                ProbeSpec::Udp { address, ports, .. } if address.to_string() == OPENVIDU => {
                    let mut facts: Vec<_> = (1..=6)
                        .map(|number| udp_port(Port::new(number).unwrap(), no_listener(*address)))
                        .collect();
                    facts.extend(ports.iter().map(|port| UdpPortFacts {
                        sent_ms: silent_copies.clone(),
                        ..silent(*port)
                    }));
                    Some(Outcome::Saw(Facts::Udp(UdpFacts {
                        extent: None,
                        swept: None,
                        ports: facts,
                        sentinels: sentinels.clone(),
                    })))
                }
                _ => None,
            })
            .judge();
    ended(&findings, "policy/media-range-closed", OPENVIDU)
}

#[test]
fn silence_says_nothing_when_the_node_may_have_no_icmp_error_left() {
    assert_eq!(drained(vec![0, 350], vec![]), "unsettled");
}

/// That this node gets a new error within a second is seen by the one that came.
#[test]
fn silence_counts_a_second_after_the_last_icmp_error_where_another_one_comes() {
    let sentinel = |sent_ms, answered| Sentinel { port: Port::new(1).unwrap(), sent_ms, answered };
    assert_eq!(drained(vec![0, 350, 1000], vec![sentinel(1001, true)]), "pass, uncontradicted");
    assert_eq!(drained(vec![0, 350, 1000], vec![sentinel(1001, false)]), "unsettled");
    assert_eq!(drained(vec![0, 350, 1000], vec![sentinel(1101, true)]), "unsettled");
    assert_eq!(drained(vec![0, 350, 1000], vec![]), "unsettled");
    assert_eq!(drained(vec![0, 350, 999], vec![sentinel(1000, true)]), "unsettled");
}

/// A run before this one may have taken all errors of the node, and it gets one between two datagrams.
#[test]
fn silence_says_nothing_when_a_single_error_comes_right_behind_it() {
    let sentinel = |answered| Sentinel { port: Port::new(1).unwrap(), sent_ms: 350, answered };
    assert_eq!(drained(vec![0, 350], vec![sentinel(true)]), "unsettled");
    assert_eq!(drained(vec![0, 350], vec![sentinel(false)]), "unsettled");
}

/// A machine that is busy sends what was to leave together a moment apart. A node gets an error in a tenth of a
/// second at most: of three within two tenths, it had one when the silent copy came.
#[test]
fn silence_counts_when_more_came_behind_it_than_the_node_can_have_got_meanwhile() {
    let answering = |at: &[u64]| -> Vec<Sentinel> {
        let sentinel =
            |ms: &u64| Sentinel { port: Port::new(1).unwrap(), sent_ms: *ms, answered: true };
        at.iter().map(sentinel).collect()
    };
    assert_eq!(drained(vec![0, 350], answering(&[449, 450])), "pass, uncontradicted");
    assert_eq!(drained(vec![0, 350], answering(&[438, 473])), "unsettled");
    assert_eq!(drained(vec![0, 350], answering(&[438, 473, 505])), "pass, uncontradicted");
    assert_eq!(drained(vec![0, 350], answering(&[438, 473, 551])), "unsettled");
}

/// Its firewall lets it send an error in ten seconds, and the one went to the probe of another port.
#[test]
fn a_node_whose_only_error_went_to_another_probe_is_not_accused_of_silence() {
    const RANGE: &str = "ports/openvidu-udp-50000-60000";
    let silent_but_for_443 = |answered: &'static [bool]| {
        let world = world(Policy::Default).with(OPENVIDU, Transport::Udp, "443", Door::Idle);
        world.but(move |spec| match spec {
            ProbeSpec::Udp { address, ports, sentinel: Some(port), .. }
                if address.to_string() == OPENVIDU =>
            {
                let sentinel = |(sent_ms, answered): (u64, &bool)| Sentinel {
                    port: *port,
                    sent_ms,
                    answered: *answered,
                };
                Some(Outcome::Saw(Facts::Udp(UdpFacts {
                    sentinels: (1021..).zip(answered).map(sentinel).collect(),
                    ..facts::udp(ports.iter().map(|port| silent(*port)).collect())
                })))
            }
            ProbeSpec::Turn { to, over: Carrier::Udp } if to.address.to_string() == OPENVIDU => {
                let refused = StunAnswer::Icmp(unreachable_from(to.address));
                Some(Outcome::Saw(Facts::Turn(facts::stun(refused))))
            }
            _ => None,
        })
    };
    let ended = |answered| ended(&silent_but_for_443(answered).judge(), RANGE, OPENVIDU);
    let all: Vec<_> = [&[true][..], &[false], &[]].into_iter().map(ended).collect();
    assert_eq!(all, ["fail, suspected", "unsettled", "unsettled"]);
}

/// A port that drew an error before draws none more than a second after the last one: this node sends
/// fewer than Linux does by itself, and a second of rest says nothing.
#[test]
fn silence_says_nothing_where_a_second_brings_the_node_no_new_error() {
    let sentinel = Sentinel { port: Port::new(1).unwrap(), sent_ms: 1021, answered: false };
    assert_eq!(drained(vec![0, 350, 1020], vec![sentinel]), "unsettled");
}

/// A run right after another one: the first had drawn all errors but one.
#[test]
fn a_second_run_within_seconds_accuses_nobody() {
    let findings = udp(Policy::Default, |port, address| match port {
        50_000 => no_listener(address),
        _ => UdpAnswer::Silent,
    })
    .but(|spec| match spec {
        ProbeSpec::Udp { address, ports, .. } if address.to_string() == OPENVIDU => {
            Some(Outcome::Saw(Facts::Udp(UdpFacts {
                extent: None,
                swept: None,
                ports: ports
                    .iter()
                    .map(|port| match port.number() {
                        50_000 => udp_port(*port, no_listener(*address)),
                        _ => UdpPortFacts { sent_ms: vec![0, 350], ..silent(*port) },
                    })
                    .collect(),
                sentinels: vec![Sentinel {
                    port: Port::new(50_000).unwrap(),
                    sent_ms: 350,
                    answered: false,
                }],
            })))
        }
        _ => None,
    })
    .judge();
    assert_eq!(
        ended(&findings, "ports/openvidu-udp-50000-60000", OPENVIDU),
        "pass, uncontradicted"
    );
}

#[test]
fn a_silent_whip_port_is_the_vantage_s_limit() {
    let findings = world(Policy::Default).judge();
    assert_eq!(ended(&findings, "ports/openvidu-udp-7885", OPENVIDU), "vantage limit");
}

#[test]
fn reject_by_default_and_let_in_look_the_same() {
    let findings = tcp_control(
        udp(Policy::ForcedTurn, |_, address| no_listener(address)),
        Connect::Icmp(unreachable_from(OPENVIDU.parse().unwrap())),
    )
    .judge();
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "vantage limit");
}

/// OpenWrt's REJECT: RST where the proxy finds a service. Without a firewall the proxy's ports would
/// let us in.
fn rejects_by_reset() -> World {
    let rejects = udp(Policy::ForcedTurn, |_, address| no_listener(address));
    tcp_control(rejects, Connect::Reset).but(|spec| match spec {
        ProbeSpec::Api { to, .. } if to.address.to_string() == OPENVIDU => {
            Some(Outcome::Saw(Facts::Api(ApiFacts {
                otherwise: None,
                connect: Connect::Reset,
                dialled: None,
                handshake: None,
                answer: None,
            })))
        }
        _ => None,
    })
}

#[test]
fn a_firewall_that_sends_rst_where_a_service_listens_may_send_port_unreachable_too() {
    let findings = rejects_by_reset().judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "vantage limit");
}

#[test]
fn of_two_machines_behind_the_proxy_the_other_one_may_have_the_service() {
    let findings = rejects_by_reset()
        .declared(|deployment| {
            deployment.nodes.push(node("other", NodeRole::Openvidu, &["203.0.113.21"], &[]));
        })
        .judge();
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "fail, suspected");
}

#[test]
fn what_a_single_prohibition_proves_is_the_single_port() {
    let prohibited = |port: u16| matches!(port, 7885 | 50_000..=60_000);
    let findings = udp(Policy::ForcedTurn, move |port, address| {
        if prohibited(port) { UdpAnswer::Icmp(icmp(3, 13, address)) } else { UdpAnswer::Silent }
    })
    .judge();
    assert_eq!(ended(&findings, "policy/whip-udp-7885-closed", OPENVIDU), "pass, proven");
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "pass, uncontradicted");
}

#[test]
fn on_ipv6_udp_443_is_a_row_without_a_listener() {
    let v6 = "2001:db8:5::20";
    let cases = [
        (world(Policy::Default), "pass, uncontradicted"),
        (world(Policy::Default).with(v6, Transport::Udp, "443", Door::Drops), "vantage limit"),
    ];
    for (world, expected) in cases {
        let findings = world.judge();
        assert_eq!(ended(&findings, "ports/openvidu-udp-443", v6), expected);
        assert_eq!(ended(&findings, "stun/udp-443-answers-binding", v6), "not applicable");
    }
}

#[test]
fn an_optional_row_is_told_and_not_judged_when_nothing_is_said_of_it() {
    let findings =
        world(Policy::Default).declared(|deployment| deployment.uses = Uses::Unsaid).judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    assert_eq!(ended(&findings, "ports/openvidu-tcp-9000", OPENVIDU), "not applicable");
}

#[test]
fn control_ports_are_those_of_the_rules() {
    let numbers: Vec<u16> = ovcheck::ruleset::Ruleset::embedded()
        .controls
        .udp
        .iter()
        .map(|port| port.number())
        .collect();
    assert_eq!(numbers, CONTROLS);
}

/// With these stretches found when the edges in the media range were looked for, beside what
/// `answer` says of the ports that were named, and one that the sweep found.
fn with_edges(
    policy: Policy,
    answer: fn(u16, IpAddr) -> UdpAnswer,
    stretches: &'static [(&str, StretchShows)],
    ended: ExtentEnd,
) -> Vec<Finding> {
    let stretch = move |(ports, shows): &(&str, StretchShows)| Stretch {
        ports: ports.parse().unwrap(),
        shows: *shows,
        first_is_exact: true,
        last_is_exact: ended == ExtentEnd::Complete,
    };
    let world = world(policy).but(move |spec| match spec {
        ProbeSpec::Udp { address, ports, then, .. } if address.to_string() == OPENVIDU => {
            let answered = |port: &Port| udp_port(*port, answer(port.number(), *address));
            Some(Outcome::Saw(Facts::Udp(UdpFacts {
                swept: then.map(swept),
                extent: Some(ExtentFacts {
                    range: "50000-60000".parse().unwrap(),
                    stretches: stretches.iter().map(stretch).collect(),
                    steps: 13,
                    ended,
                }),
                ..facts::udp(ports.iter().map(answered).collect())
            })))
        }
        _ => None,
    });
    world.judge()
}

#[test]
fn the_edges_of_a_hole_are_said_where_they_were_looked_for() {
    let in_hole = |port, address| match port {
        55_000 => no_listener(address),
        _ => UdpAnswer::Silent,
    };
    let hole = &[
        ("50000-54320", StretchShows::Blocked),
        ("54321-55320", StretchShows::Answers),
        ("55321-60000", StretchShows::Blocked),
    ];
    let findings = with_edges(Policy::ForcedTurn, in_hole, hole, ExtentEnd::Complete);
    assert_eq!(ended(&findings, "policy/media-range-closed", OPENVIDU), "fail, suspected");
    let said = observed(&findings, "policy/media-range-closed");
    assert!(said.ends_with("\nthe hole is 54321-55320 (1,000 ports)"), "{said}");
    let findings = with_edges(Policy::ForcedTurn, in_hole, hole, ExtentEnd::StepsSpent);
    let said = observed(&findings, "policy/media-range-closed");
    let end = "\nthe hole is 54321-55320 and perhaps more above; the search ended after 28 steps";
    assert!(said.ends_with(end), "{said}");
}

#[test]
fn the_blocked_part_of_an_open_range_is_said_where_it_was_looked_for() {
    let lower_half = |port, address| match port {
        50_000..=55_000 => no_listener(address),
        _ => UdpAnswer::Silent,
    };
    let upper = &[("50000-55000", StretchShows::Answers), ("55001-60000", StretchShows::Blocked)];
    let findings = with_edges(Policy::Default, lower_half, upper, ExtentEnd::Complete);
    let rule = "ports/openvidu-udp-50000-60000";
    assert_eq!(ended(&findings, rule, OPENVIDU), "fail, suspected");
    let said = observed(&findings, rule);
    assert!(said.ends_with("answer\nblocked: 55001-60000 (5,000 ports)"), "{said}");
    // Without a blocked stretch the search changes nothing.
    let even = &[("50000-60000", StretchShows::Answers)];
    let open = |_, address| no_listener(address);
    let findings = with_edges(Policy::Default, open, even, ExtentEnd::Complete);
    assert_eq!(ended(&findings, rule, OPENVIDU), "pass, uncontradicted");
}

#[test]
fn edges_are_looked_for_only_where_that_is_wished() {
    for is_wished in [false, true] {
        for policy in [Policy::Default, Policy::ForcedTurn] {
            let mut world = world(policy);
            world.find_extent = is_wished;
            let asked = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
            let seen = std::rc::Rc::clone(&asked);
            world
                .but(move |spec| {
                    if let ProbeSpec::Udp { extent, .. } = spec {
                        seen.borrow_mut().push((*extent, spec.to_string()));
                    }
                    None
                })
                .judge();
            for (extent, said) in asked.borrow().iter() {
                assert_eq!(extent.is_some(), is_wished, "{said}");
                let words = "then the edges of what answers in 50000-60000, in 28 steps and 30 s";
                assert_eq!(said.contains(words), is_wished, "{said}");
            }
        }
    }
}

/// With another protocol in the place of STUN on UDP 443, over IPv4.
fn in_other_hands(protocol: DatagramProtocol) -> World {
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Turn { to, over: Carrier::Udp } if to.address.is_ipv4() => {
            Some(Outcome::Saw(Facts::Turn(TurnFacts {
                other_protocol: Some(protocol.clone()),
                ..stun_sent_again(StunAnswer::Silent)
            })))
        }
        _ => None,
    })
}

/// The port is open, and its owner is named: no firewall is accused.
#[test]
fn another_protocol_on_udp_443_is_named_and_the_port_is_open() {
    let protocols = [
        (DatagramProtocol::Quic { versions: vec![1] }, ReasonCode::QuicAnswers),
        (DatagramProtocol::Dtls { is_numbered: true }, ReasonCode::WrongService),
    ];
    for (protocol, reason) in protocols {
        let findings = in_other_hands(protocol).judge();
        assert_eq!(broken(&findings), ["stun/udp-443-answers-binding"]);
        let violation = findings.iter().find(|finding| finding.is_violation()).unwrap();
        assert_eq!(violation.reason, reason);
        assert_eq!(ended(&findings, "ports/openvidu-udp-443", OPENVIDU), "pass, proven");
    }
}
