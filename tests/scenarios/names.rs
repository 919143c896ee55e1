//! Situations of names.

use std::net::IpAddr;

use ovcheck::model::deployment::{NodeRole, Policy};
use ovcheck::model::facts::{
    ApiFacts, BrowserFacts, Connect, DnsAnswer, DnsFacts, Facts, FirstBytes, HoldFacts, HttpAnswer,
    HttpFacts, RtmpAnswer, RtmpFacts, ServerText, StunAnswer, TcpFacts, TlsFacts, TurnFacts,
};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::remedy::RemedyStep;
use ovcheck::model::report::Finding;
use ovcheck::model::target::Family;
use ovcheck::model::verdict::Severity;

use crate::doors::Door;
use crate::support::facts::tls;
use crate::world::Observed as _;
use crate::world::{World, broken, browser, dns, node, response_with, stun_success, words, world};

/// With one name having other addresses.
fn name(name: &'static str, answer: DnsAnswer, v4: &[&str], v6: &[&str]) -> World {
    let parse = |addresses: &[&str]| -> Vec<IpAddr> {
        addresses.iter().map(|a| a.parse().unwrap()).collect()
    };
    let (v4, v6) = (parse(v4), parse(v6));
    world(Policy::Default).but(move |spec| match spec {
        ProbeSpec::Dns { name: asked, family } if asked.as_str() == name => {
            let addresses = match family {
                Family::V4 => v4.clone(),
                Family::V6 => v6.clone(),
            };
            let answer = match (answer, addresses.is_empty()) {
                (DnsAnswer::Addresses, true) => DnsAnswer::NoData,
                (answer, _) => answer,
            };
            Some(Outcome::Saw(Facts::Dns(dns(answer, addresses))))
        }
        _ => None,
    })
}

pub fn situations() -> Vec<(&'static str, World, Vec<&'static str>)> {
    let addresses = DnsAnswer::Addresses;
    vec![
        (
            "domain does not exist",
            name("openvidu.example.io", DnsAnswer::NxDomain, &[], &[]),
            vec!["dns/domain-resolves"],
        ),
        (
            "TURN domain without an address",
            name("turn.example.io", DnsAnswer::NoData, &[], &[]),
            vec!["dns/turn-domain-resolves"],
        ),
        (
            "names point to the OpenVidu machine",
            name("openvidu.example.io", addresses, &["203.0.113.20"], &[]),
            vec!["dns/domain-points-to-proxy"],
        ),
        (
            "TURN name points elsewhere",
            name("turn.example.io", addresses, &["192.0.2.99"], &[]),
            vec!["dns/turn-domain-points-to-proxy"],
        ),
        (
            "domain points to a stranger who speaks RTMP without TLS",
            name("openvidu.example.io", addresses, &["192.0.2.99"], &[]).but(|spec| match spec {
                ProbeSpec::Rtmp { to, over: Carrier::Tcp }
                    if to.address.to_string() == "192.0.2.99" =>
                {
                    Some(Outcome::Saw(Facts::Rtmp(RtmpFacts {
                        otherwise: None,
                        second_try: None,
                        connect: Connect::Accepted,
                        dialled: None,
                        handshake: None,
                        answer: Some(RtmpAnswer::Completed),
                    })))
                }
                _ => None,
            }),
            vec!["dns/domain-points-to-proxy"],
        ),
        (
            "domain has a private address",
            name("openvidu.example.io", addresses, &["203.0.113.10", "10.0.0.10"], &[]),
            vec!["dns/addresses-are-public", "dns/domain-points-to-proxy"],
        ),
        (
            "a DNS filter answers with nowhere",
            name("openvidu.example.io", addresses, &["0.0.0.0"], &[]),
            vec!["dns/addresses-are-public", "dns/domain-points-to-proxy"],
        ),
        ("no IPv6 at all", name("openvidu.example.io", addresses, &["203.0.113.10"], &[]), vec![]),
        ("DNS server silent", name("openvidu.example.io", DnsAnswer::Silent, &[], &[]), vec![]),
    ]
}

#[test]
fn a_content_delivery_network_in_place_of_the_proxy_is_told_by_its_web_server() {
    let findings = name("openvidu.example.io", DnsAnswer::Addresses, &["192.0.2.99"], &[])
        .but(|spec| match spec {
            ProbeSpec::Http { to, .. } if to.address.to_string() == "192.0.2.99" => {
                let answer = response_with(301, "", |response| {
                    response.server = Some(ServerText::new("cloudflare"));
                });
                Some(Outcome::Saw(Facts::Http(HttpFacts {
                    connect: Connect::Accepted,
                    dialled: None,
                    path: "/".to_owned(),
                    answer: Some(answer),
                })))
            }
            _ => None,
        })
        .judge();
    let broken = findings.iter().find(|finding| finding.is_violation()).unwrap();
    assert_eq!(broken.rule.as_str(), "dns/domain-points-to-proxy");
    assert_eq!(
        broken.observed(),
        "does not point to the proxy (203.0.113.10 and 2001:db8:5::10)\na content delivery network \
         (Server: \"cloudflare\") answers there; it forwards HTTP, but neither TURN nor RTMP"
    );
}

#[test]
fn before_the_dns_switch_everything_but_the_dns_is_judged_at_the_address_given() {
    let findings = name("openvidu.example.io", DnsAnswer::NxDomain, &[], &[])
        .resolving("openvidu.example.io:*:203.0.113.10")
        .judge();
    let not_judged: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.blocked_by.is_some())
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(not_judged, ["dns/domain-points-to-proxy", "dns/addresses-are-public"]);
}

/// With nobody at an address: no connection to it is answered.
fn nobody_at(world: World, address: &'static str) -> World {
    let nobody: IpAddr = address.parse().unwrap();
    world.but(move |spec| {
        let connect = Connect::Silent;
        if spec.address() != Some(nobody) {
            return None;
        }
        Some(Outcome::Saw(match spec {
            ProbeSpec::Tcp { .. } => Facts::Tcp(TcpFacts { connect, dialled: None }),
            ProbeSpec::Http { .. } => Facts::Http(HttpFacts {
                connect,
                dialled: None,
                path: "/x".to_owned(),
                answer: None,
            }),
            ProbeSpec::Tls { .. } => Facts::Tls(TlsFacts { connect, ..tls(None) }),
            ProbeSpec::Browser { .. } => {
                Facts::Browser(BrowserFacts { connect, hellos: Vec::new(), ..browser(|_| true) })
            }
            ProbeSpec::Api { .. } | ProbeSpec::Path { .. } => Facts::Api(ApiFacts {
                connect,
                dialled: None,
                handshake: None,
                answer: None,
                otherwise: None,
            }),
            ProbeSpec::Turn { .. } => Facts::Turn(TurnFacts {
                binding: None,
                allocate: None,
                ..stun_success(Some(connect))
            }),
            ProbeSpec::Hold { .. } => Facts::Hold(HoldFacts {
                connect,
                dialled: None,
                handshake: None,
                binding: None,
                idle: None,
            }),
            ProbeSpec::Rtmp { .. } => Facts::Rtmp(RtmpFacts {
                second_try: None,
                connect,
                dialled: None,
                handshake: None,
                answer: None,
                otherwise: None,
            }),
            _ => return None,
        }))
    })
}

/// Nothing but the two names is declared.
fn first_look(world: World) -> World {
    world.declared(|deployment| deployment.nodes.clear())
}

fn finding_at<'a>(findings: &'a [Finding], rule: &str, address: &str) -> &'a Finding {
    let address = Some(address.parse().unwrap());
    let mut found = findings.iter();
    found.find(|it| it.rule.as_str() == rule && it.target.address == address).unwrap()
}

/// All that a remedy says and shows.
fn remedy(finding: &Finding) -> String {
    let of_step = |step: &RemedyStep| match step {
        RemedyStep::Say(text) => text.clone(),
        RemedyStep::Run { commands, .. } => {
            commands.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        RemedyStep::Show { lines, .. } => lines.join("\n"),
        RemedyStep::Edit(_) => String::new(),
    };
    finding.remedy.iter().map(of_step).collect::<Vec<_>>().join("\n")
}

const DOMAIN: &str = "openvidu.example.io";
const TURN_DOMAIN: &str = "turn.example.io";

#[test]
fn a_family_that_nobody_declared_is_not_violated() {
    let findings = world(Policy::ForcedTurn)
        .declared(|deployment| {
            deployment.nodes = vec![
                node("proxy", NodeRole::Proxy, &["203.0.113.10"], &[]),
                node("openvidu", NodeRole::Openvidu, &["203.0.113.20"], &[]),
            ];
        })
        .but(|spec| match spec {
            ProbeSpec::Dns { family: Family::V6, .. } => {
                let addresses = vec!["2001:db8:5::10".parse().unwrap()];
                Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::Addresses, addresses))))
            }
            _ => None,
        })
        .judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    let open = finding_at(&findings, "dns/domain-points-to-proxy", "2001:db8:5::10");
    assert_eq!(words(open), "unsettled");
    assert!(open.observed().contains("--node proxy=203.0.113.10,2001:db8:5::10"));
    let over_v6 = finding_at(&findings, "turn/turns-answers-binding", "2001:db8:5::10");
    assert_eq!(words(over_v6), "pass, proven");
}

#[test]
fn a_record_never_gets_an_address_of_the_other_family() {
    let findings = name(DOMAIN, DnsAnswer::Addresses, &["203.0.113.10"], &["2001:db8:5::20"])
        .declared(|deployment| {
            deployment.nodes = vec![
                node("proxy", NodeRole::Proxy, &["203.0.113.10"], &[]),
                node("openvidu", NodeRole::Openvidu, &["203.0.113.20", "2001:db8:5::20"], &[]),
            ];
        })
        .judge();
    let wrong = finding_at(&findings, "dns/domain-points-to-proxy", "2001:db8:5::20");
    assert_eq!(wrong.reason, ReasonCode::DnsMismatch);
    assert!(remedy(wrong).contains("IN AAAA <IPv6 address of the proxy>"), "{}", remedy(wrong));
}

#[test]
fn one_dead_address_of_two_is_every_second_attempt_and_one_finding() {
    let both = &["203.0.113.10", "203.0.113.66"];
    let of_two = name(DOMAIN, DnsAnswer::Addresses, both, &[]);
    let findings = nobody_at(first_look(of_two), "203.0.113.66").judge();
    assert_eq!(broken(&findings), ["dns/domain-points-to-proxy"]);
    let dead = finding_at(&findings, "dns/domain-points-to-proxy", "203.0.113.66");
    assert_eq!(dead.reason, ReasonCode::AddressDead);
    assert!(dead.observed().contains("every second attempt"), "{}", dead.observed());
    let port = finding_at(&findings, "ports/proxy-tcp-443", "203.0.113.66");
    assert_eq!(port.blocked_by.as_ref(), Some(&dead.rule));
    // The only address of a name that does not answer is another matter.
    let alone = first_look(world(Policy::Default)).but(|spec| match spec {
        ProbeSpec::Dns { family: Family::V4, .. } => {
            let addresses = vec!["203.0.113.66".parse().unwrap()];
            Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::Addresses, addresses))))
        }
        ProbeSpec::Dns { .. } => Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::NoData, vec![])))),
        _ => None,
    });
    let findings = nobody_at(alone, "203.0.113.66").judge();
    assert!(findings.iter().all(|finding| finding.reason != ReasonCode::AddressDead));
}

/// The TURN name leads to another machine; so does every name beside it if there is a wildcard.
fn turn_name_elsewhere(has_wildcard: bool) -> World {
    name(TURN_DOMAIN, DnsAnswer::Addresses, &["203.0.113.50"], &[]).but(move |spec| match spec {
        ProbeSpec::Dns { name, .. } if name.as_str().starts_with("ovcheck-") => {
            let is_beside = has_wildcard && name.parent() == "example.io";
            let addresses = if is_beside { vec!["203.0.113.50".parse().unwrap()] } else { vec![] };
            let answer = if is_beside { DnsAnswer::Addresses } else { DnsAnswer::NxDomain };
            Some(Outcome::Saw(Facts::Dns(dns(answer, addresses))))
        }
        ProbeSpec::Tls { to, .. } if to.address.to_string() == "203.0.113.50" => {
            Some(Outcome::Saw(Facts::Tls(tls(Some(crate::world::alert())))))
        }
        _ => None,
    })
}

#[test]
fn a_wildcard_record_is_told_from_a_record_of_the_name() {
    let rule = "dns/turn-domain-points-to-proxy";
    let findings = turn_name_elsewhere(true).judge();
    let wrong = finding_at(&findings, rule, "203.0.113.50");
    assert_eq!(wrong.reason, ReasonCode::DnsWildcard);
    assert!(wrong.observed().contains("*.example.io"));
    assert!(remedy(wrong).contains("Add a record") && !remedy(wrong).contains("Replace"));
    let findings = turn_name_elsewhere(false).judge();
    assert_eq!(finding_at(&findings, rule, "203.0.113.50").reason, ReasonCode::DnsMismatch);
}

#[test]
fn two_names_that_lead_to_two_machines_are_told_without_a_declaration() {
    let rule = "dns/turn-domain-points-to-proxy";
    for (has_wildcard, reason) in
        [(true, ReasonCode::DnsWildcard), (false, ReasonCode::DnsNamesApart)]
    {
        let findings = first_look(turn_name_elsewhere(has_wildcard)).judge();
        assert_eq!(broken(&findings), [rule]);
        assert_eq!(finding_at(&findings, rule, "203.0.113.50").reason, reason);
    }
    // Two proxies, each with the certificate of its name, are right.
    let two = name(TURN_DOMAIN, DnsAnswer::Addresses, &["203.0.113.10"], &[]);
    let two = first_look(two).but(|spec| match spec {
        ProbeSpec::Dns { name, family: Family::V4 } if name.as_str() == DOMAIN => {
            let addresses = vec!["203.0.113.11".parse().unwrap()];
            Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::Addresses, addresses))))
        }
        _ => None,
    });
    let two = two.with("203.0.113.11", Transport::Tcp, "1-65535", Door::Right);
    let findings = two.judge();
    let dns_rules = broken(&findings).into_iter().filter(|rule| rule.starts_with("dns/"));
    assert_eq!(dns_rules.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_resolver_that_answers_only_without_validation_shows_broken_signatures() {
    let findings = world(Policy::Default)
        .but(|spec| match spec {
            ProbeSpec::Dns { name, family: Family::V4 } if name.as_str() == DOMAIN => {
                Some(Outcome::Saw(Facts::Dns(DnsFacts {
                    without_validation: vec!["203.0.113.10".parse().unwrap()],
                    ..dns(DnsAnswer::ServFail, vec![])
                })))
            }
            ProbeSpec::Dns { name, .. } if name.as_str() == DOMAIN => {
                Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::ServFail, vec![]))))
            }
            _ => None,
        })
        .judge();
    let invalid = findings.iter().find(|finding| finding.is_violation()).unwrap();
    assert_eq!(invalid.reason, ReasonCode::DnssecInvalid);
    assert_eq!(words(invalid), "fail, proven");
    assert!(remedy(invalid).contains("delv openvidu.example.io"));
}

#[test]
fn dns_servers_that_contradict_each_other_are_told_and_hide_nothing() {
    let findings = world(Policy::Default)
        .but(|spec| match spec {
            ProbeSpec::Dns { name, family: Family::V4 } if name.as_str() == DOMAIN => {
                Some(Outcome::Saw(Facts::Dns(DnsFacts {
                    denied_by: Some("10.0.0.2:53".parse().unwrap()),
                    ..dns(DnsAnswer::Addresses, vec!["203.0.113.10".parse().unwrap()])
                })))
            }
            _ => None,
        })
        .judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    let doubtful = findings.iter().find(|it| it.rule.as_str() == "dns/domain-resolves").unwrap();
    assert_eq!(doubtful.reason, ReasonCode::DnsServersDiffer);
    assert_eq!(words(finding_at(&findings, "signal/api-answers", "203.0.113.10")), "pass, proven");
}

#[test]
fn the_range_of_an_address_decides_what_is_said_of_it() {
    let cases = [
        ("100.72.13.5", ReasonCode::AddressCarrierNat, "RFC 6598"),
        ("10.0.0.10", ReasonCode::AddressNotPublic, "RFC 1918"),
        ("169.254.1.2", ReasonCode::AddressNotPublic, "link-local"),
        ("198.18.0.7", ReasonCode::AddressMadeUp, "RFC 2544"),
        ("0.0.0.0", ReasonCode::AddressMadeUp, "DNS filters"),
        ("240.0.0.1", ReasonCode::AddressNotPublic, "reserved"),
    ];
    for (address, reason, part) in cases {
        let mut world = first_look(name(DOMAIN, DnsAnswer::Addresses, &[address], &[]));
        world.zone = ovcheck::model::vantage::Zone::Internet;
        let findings = world.judge();
        let finding = finding_at(&findings, "dns/addresses-are-public", address);
        assert_eq!(finding.reason, reason, "{address}");
        assert!(finding.observed().contains(part), "{address}: {}", finding.observed());
        assert_eq!(finding.severity, Severity::Warning);
    }
}

#[test]
fn an_address_that_a_dns64_made_is_that_of_the_proxy() {
    let findings =
        name(DOMAIN, DnsAnswer::Addresses, &["203.0.113.10"], &["64:ff9b::cb00:710a"]).judge();
    let translated = finding_at(&findings, "dns/domain-points-to-proxy", "64:ff9b::cb00:710a");
    assert_eq!(words(translated), "pass, proven");
}

#[test]
fn nodes_that_are_declared_in_the_place_of_each_other_are_asked_for_first() {
    let findings = world(Policy::Default)
        .declared(|deployment| {
            deployment.nodes = vec![
                node("proxy", NodeRole::Proxy, &["203.0.113.20"], &[]),
                node("openvidu", NodeRole::Openvidu, &["203.0.113.10"], &[]),
            ];
        })
        .but(|spec| match spec {
            ProbeSpec::Dns { family, .. } => Some(Outcome::Saw(Facts::Dns(match family {
                Family::V4 => dns(DnsAnswer::Addresses, vec!["203.0.113.10".parse().unwrap()]),
                Family::V6 => dns(DnsAnswer::NoData, vec![]),
            }))),
            _ => None,
        })
        .with("203.0.113.20", Transport::Tcp, "1-65535", Door::Drops)
        .with("203.0.113.20", Transport::Tcp, "7881", Door::Right)
        .judge();
    let rules = ["dns/domain-points-to-proxy", "dns/turn-domain-points-to-proxy"];
    assert_eq!(broken(&findings), rules);
    let swapped = finding_at(&findings, rules[0], "203.0.113.10");
    assert_eq!(swapped.reason, ReasonCode::NodesSwapped);
    assert_eq!(words(swapped), "fail, suspected");
    assert!(swapped.observed().contains("are --node proxy and --node openvidu swapped?"));
    assert!(remedy(swapped).starts_with("Compare the declaration"), "{}", remedy(swapped));
}

#[test]
fn a_proxy_declared_with_its_private_address_gets_no_record_for_it() {
    let world = world(Policy::Default)
        .declared(|deployment| {
            deployment.nodes = vec![
                node("proxy", NodeRole::Proxy, &["10.0.0.10"], &[]),
                node("openvidu", NodeRole::Openvidu, &["203.0.113.20"], &[]),
            ];
        })
        .but(|spec| match spec {
            ProbeSpec::Dns { family, .. } => Some(Outcome::Saw(Facts::Dns(match family {
                Family::V4 => dns(DnsAnswer::Addresses, vec!["203.0.113.10".parse().unwrap()]),
                Family::V6 => dns(DnsAnswer::NoData, vec![]),
            }))),
            _ => None,
        });
    let findings = nobody_at(world, "10.0.0.10").judge();
    assert_eq!(broken(&findings), Vec::<&str>::new());
    let open = finding_at(&findings, "dns/domain-points-to-proxy", "203.0.113.10");
    assert_eq!(words(open), "unsettled");
    let observed = open.observed();
    assert!(observed.contains("--node proxy=203.0.113.10"), "{observed}");
    assert!(observed.contains("--private-address proxy=10.0.0.10"), "{observed}");
}

#[test]
fn names_that_are_declared_in_the_place_of_each_other_are_asked_for_first() {
    let findings = world(Policy::Default)
        .but(|spec| match spec {
            ProbeSpec::Api { over: Carrier::Tls(_), to, .. } => {
                Some(Outcome::Saw(Facts::Api(ApiFacts {
                    otherwise: None,
                    connect: Connect::Accepted,
                    dialled: None,
                    handshake: tls(Some(crate::world::completed(
                        ovcheck::model::facts::TlsVersion::Tls13,
                        |_| {},
                    )))
                    .handshake,
                    answer: (to.port.number() == 443).then_some(HttpAnswer::Silent),
                })))
            }
            ProbeSpec::Turn { over: Carrier::Tls(_), .. } => {
                Some(Outcome::Saw(Facts::Turn(TurnFacts {
                    binding: Some(StunAnswer::NotStun(FirstBytes::Http(ServerText::new(
                        "HTTP/1.1 400 Bad Request",
                    )))),
                    allocate: None,
                    ..stun_success(Some(Connect::Accepted))
                })))
            }
            _ => None,
        })
        .judge();
    let swapped = finding_at(&findings, "signal/api-answers", "203.0.113.10");
    assert_eq!(swapped.reason, ReasonCode::NamesSwapped);
    let shown = remedy(swapped);
    assert!(shown.contains("--domain-name turn.example.io --turn-domain-name openvidu.example.io"));
    let turn = finding_at(&findings, "turn/turns-answers-binding", "203.0.113.10");
    assert_eq!(turn.blocked_by.as_ref(), Some(&swapped.rule));
}

#[test]
fn a_database_that_is_open_to_the_internet_is_an_error_and_another_port_a_warning() {
    let findings = world(Policy::Default)
        .with("203.0.113.20", Transport::Tcp, "20000", Door::Stranger)
        .with("203.0.113.20", Transport::Tcp, "9090", Door::Stranger)
        .judge();
    let severity = |port: u16| {
        let mut open = findings.iter().filter(|it| it.rule.as_str() == "ports/undocumented-closed");
        let is_port = |it: &&Finding| {
            it.target.port.and_then(|it| it.single()).is_some_and(|it| it.number() == port)
        };
        open.find(|it| is_port(it) && it.is_violation()).map(|it| it.severity)
    };
    assert_eq!(severity(20000), Some(Severity::Error));
    assert_eq!(severity(9090), Some(Severity::Warning));
}
