//! The DNS server of this machine, and the name servers of the zone: who of them is to be believed.

use std::net::IpAddr;

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::*;
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::ProbeSpec;
use ovcheck::model::report::Finding;
use ovcheck::model::seen::Seen;
use ovcheck::model::target::Family;

use crate::world::Observed as _;
use crate::world::{PROXY, World, authority, dns, words, world};

const DOMAIN: &str = "openvidu.example.io";
const RULE: &str = "dns/domain-points-to-proxy";

fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

fn kind(addresses: &[IpAddr]) -> DnsAnswer {
    if addresses.is_empty() { DnsAnswer::NxDomain } else { DnsAnswer::Addresses }
}

/// The domain has these IPv4 addresses here, and these at each name server of the zone. Names that
/// cannot exist have what `made_up` says.
fn answers(
    here: &'static [&'static str],
    zone: &'static [&'static [&'static str]],
    made_up: &'static [&'static str],
) -> World {
    world(Policy::Default).but(move |spec| {
        Some(Outcome::Saw(match spec {
            ProbeSpec::Dns { name, family: Family::V4 } if name.as_str() == DOMAIN => {
                Facts::Dns(dns(kind(&ips(here)), ips(here)))
            }
            ProbeSpec::Dns { name, family: Family::V6 } if name.as_str() == DOMAIN => {
                Facts::Dns(dns(DnsAnswer::NoData, Vec::new()))
            }
            ProbeSpec::Dns { name, .. } if name.as_str().ends_with(".invalid") => {
                Facts::Dns(dns(kind(&ips(made_up)), ips(made_up)))
            }
            ProbeSpec::Authority { name, family: Family::V4 } if name.as_str() == DOMAIN => {
                let servers = zone.iter().enumerate().map(|(at, addresses)| {
                    authority(&format!("ns{at}.example.io"), kind(&ips(addresses)), ips(addresses))
                });
                Facts::Authority(AuthorityFacts { servers: servers.collect() })
            }
            ProbeSpec::Authority { .. } => Facts::Authority(AuthorityFacts {
                servers: vec![authority("ns0.example.io", DnsAnswer::NoData, Vec::new())],
            }),
            _ => return None,
        }))
    })
}

fn verdict(world: &World, rule: &str) -> &'static str {
    let findings = world.judge();
    words(findings.iter().find(|it| it.rule.as_str() == rule).expect("the rule is judged"))
}

fn doubts(findings: &[Finding]) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|finding| matches!(finding.seen, Seen::Doubted(_))) {
        if !said.contains(&finding.observed()) {
            said.push(finding.observed());
        }
    }
    said
}

#[test]
fn a_name_leads_elsewhere_only_where_the_zone_says_so() {
    const ELSEWHERE: &[&str] = &["203.0.113.66"];
    const CASES: [(&[&[&str]], &str); 4] = [
        (&[&[PROXY]], "unsettled"),
        (&[ELSEWHERE], "fail, proven"),
        // Nobody could be asked.
        (&[], "fail, suspected"),
        // One of two has it: they contradict each other.
        (&[ELSEWHERE, &[PROXY]], "fail, proven"),
    ];
    for (zone, expected) in CASES {
        assert_eq!(verdict(&answers(ELSEWHERE, zone, &[]), RULE), expected, "{zone:?}");
    }
}

#[test]
fn an_answer_that_the_zone_does_not_give_accuses_nobody_and_is_named_once() {
    let cases: [(&'static [&'static str], &str); 5] = [
        // Another machine.
        (&["203.0.113.66"], "until its time to live ends"),
        // A filter.
        (&["0.0.0.0"], "so do DNS filters"),
        // The office's own DNS.
        (&["10.9.9.9"], "split-horizon DNS"),
        (&[], "a DNS filter of this network"),
        (&["198.18.0.7"], "proxy or VPN programs"),
    ];
    for (here, why) in cases {
        let findings = answers(here, &[&[PROXY]], &[]).judge();
        let violated: Vec<_> = findings.iter().filter(|it| it.is_violation()).collect();
        let of_name = violated.iter().filter(|it| it.rule.as_str().starts_with("dns/"));
        assert_eq!(of_name.count(), 0, "{here:?}: {violated:?}");
        let said = doubts(&findings);
        assert_eq!(said.len(), 1, "{here:?}: {said:?}");
        assert!(said[0].contains("does not answer what the name servers"), "{said:?}");
        assert!(said[0].contains(why), "{here:?}: {said:?}");
    }
}

#[test]
fn private_addresses_that_a_router_removes_are_not_missing() {
    let said = doubts(&answers(&[], &[&["192.168.1.10"]], &[]).judge());
    assert!(said.iter().any(|it| it.contains("DNS rebinding protection")), "{said:?}");
}

#[test]
fn who_has_an_address_for_a_name_that_cannot_exist_makes_addresses_up() {
    // The zone cannot be asked behind a login.
    let findings = answers(&["203.0.113.66"], &[], &["203.0.113.66"]).judge();
    assert_eq!(verdict(&answers(&["203.0.113.66"], &[], &["203.0.113.66"]), RULE), "unsettled");
    assert!(doubts(&findings).join("").contains("makes up addresses"), "{:?}", doubts(&findings));
    // A provider's page for wrong names is another address: the record is what it is.
    let page: &'static [&'static str] = &["203.0.113.77"];
    assert_eq!(
        verdict(&answers(&["203.0.113.66"], &[&["203.0.113.66"]], page), RULE),
        "fail, proven"
    );
}

#[test]
fn a_name_that_only_one_name_server_has_is_told_as_a_contradiction() {
    let findings = answers(&[], &[&[], &[PROXY]], &[]).judge();
    let resolves = findings.iter().find(|it| it.rule.as_str() == "dns/domain-resolves").unwrap();
    assert_eq!(words(resolves), "fail, proven");
    assert!(
        resolves.observed().contains("ns0.example.io has no address"),
        "{}",
        resolves.observed()
    );
}

#[test]
fn one_of_two_servers_that_validates_in_vain_is_told() {
    let world = world(Policy::Default).but(|spec| match spec {
        ProbeSpec::Dns { name, family: Family::V4 } if name.as_str() == DOMAIN => {
            let right = dns(DnsAnswer::Addresses, ips(&[PROXY]));
            let invalid_at = Some("10.0.0.1:53".parse().unwrap());
            Some(Outcome::Saw(Facts::Dns(DnsFacts { invalid_at, ..right })))
        }
        _ => None,
    });
    assert_eq!(verdict(&world, "dns/domain-resolves"), "fail, suspected");
}
