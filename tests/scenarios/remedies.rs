//! What a remedy says to paste, where machines have public addresses of both families and private
//! ones of IPv4 alone.

use ovcheck::evaluate::filled_in;
use ovcheck::model::admission::MachineAdmission;
use ovcheck::model::deployment::{Deployment, Edition, Policy, Topology};
use ovcheck::model::facts::{DnsAnswer, Facts, RtmpAnswer};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::rule::{RemedyTemplate, RuleId};
use ovcheck::model::target::Family;
use ovcheck::output::firewall::{self, Language, MachineRules};

use crate::clusters::{all_in_use, elastic};
use crate::doors::Door;
use crate::support::facts::rtmps;
use crate::world::{RULESET, World, dns};

const MASTER: &str = "203.0.113.21";
const MASTER_V6: &str = "2001:db8:5::21";

/// The machines know each other by IPv4 alone.
fn private_in_ipv4() -> World {
    elastic(Edition::V3_2, Policy::Default).declared(all_in_use).declared(|deployment| {
        deployment.nodes[0].addresses.push(MASTER_V6.parse().unwrap());
        for node in &mut deployment.nodes {
            if node.private_addresses.is_empty() {
                node.private_addresses.push("10.0.0.10".parse().unwrap());
            }
            node.private_addresses.retain(|address| address.is_ipv4());
        }
    })
}

/// The remedy of a rule at an address.
fn remedy(findings: &[Finding], rule: &str, address: &str) -> String {
    let is_it = |finding: &&Finding| {
        let at = finding.target.address.map(|address| address.to_string());
        finding.rule.as_str() == rule && at.as_deref() == Some(address)
    };
    let finding = findings.iter().find(is_it).unwrap();
    ovcheck::output::words::remedies::as_text(finding, Topology::SingleNode)
}

#[test]
fn a_set_of_nftables_holds_addresses_of_the_family_that_it_is_about() {
    let findings = private_in_ipv4()
        .with(MASTER, Transport::Tcp, "7000", Door::Right)
        .with(MASTER_V6, Transport::Tcp, "7000", Door::Right)
        .judge();
    let over = |address| remedy(&findings, "ports/master-tcp-7000", address);
    let begin = "    nft add rule inet ovcheck closed iifname != lo fib daddr type local \\\n        \
                 ct direction original ";
    let v4 = format!("{begin}ip saddr != {{ 10.0.2.1, 10.0.2.2 }} \\\n        tcp dport 7000 drop");
    assert!(over(MASTER).contains(&v4), "{}", over(MASTER));
    // None of those who may reach it has an address of this family.
    let v6 = format!("{begin}meta nfproto ipv6 \\\n        tcp dport 7000 drop");
    assert!(over(MASTER_V6).contains(&v6), "{}", over(MASTER_V6));
}

#[test]
fn what_the_proxy_sends_on_is_of_the_family_of_its_upstream() {
    let findings = private_in_ipv4()
        .but(|spec| match spec {
            ProbeSpec::Rtmp { over: Carrier::Tls(_), .. } => {
                Some(Outcome::Saw(rtmps(RtmpAnswer::Silent)))
            }
            _ => None,
        })
        .judge();
    for address in [crate::world::PROXY, crate::world::PROXY_V6] {
        let text = remedy(&findings, "rtmp/rtmps-handshakes", address);
        let line = "        ip saddr 10.0.0.10 \\\n        tcp dport 1945 accept";
        assert!(text.contains(line), "{address}: {text}");
    }
}

#[test]
fn a_name_points_to_the_address_by_which_users_reach_the_proxy() {
    let elsewhere = |spec: &ProbeSpec| match spec {
        ProbeSpec::Dns { name, family } if name.to_string() == "openvidu.example.io" => {
            let address = match family {
                Family::V4 => MASTER,
                Family::V6 => MASTER_V6,
            };
            let addresses = vec![address.parse().unwrap()];
            Some(Outcome::Saw(Facts::Dns(dns(DnsAnswer::Addresses, addresses))))
        }
        _ => None,
    };
    let findings = private_in_ipv4().but(elsewhere).judge();
    let text = remedy(&findings, "dns/domain-points-to-proxy", MASTER);
    assert!(text.contains("300 IN A 203.0.113.10"), "{text}");
}

/// The commands of a rule's remedies for this deployment, without breaks and braces.
fn commands(deployment: &Deployment, rule: &RuleId) -> String {
    let rule = filled_in(RULESET.rule(rule).unwrap(), deployment);
    let texts = &rule.texts;
    let own = texts.by_reason.values().filter_map(|texts| texts.remedy.as_ref()).flatten();
    let commands = texts.default.remedy.iter().chain(own).filter_map(|step| match step {
        RemedyTemplate::Run { commands, .. } => Some(commands.to_string()),
        RemedyTemplate::Say(_) | RemedyTemplate::Show { .. } => None,
    });
    as_one_line(&commands.collect::<Vec<_>>().join("\n"))
}

/// One line in which all addresses are the same: a remedy may name fewer of them, since the proxy reaches
/// its upstream from one address.
fn as_one_line(text: &str) -> String {
    let text = text.replace(['\\', '{', '}'], " ");
    let is_address = |word: &str| word.trim_end_matches(',').parse::<std::net::IpAddr>().is_ok();
    let words = text.split_whitespace().map(|word| if is_address(word) { "ADDRESS" } else { word });
    let mut words: Vec<&str> = words.collect();
    words.dedup();
    words.join(" ")
}

/// The rules that are written for a machine, each without what says why it is there.
fn written(machine: &MachineAdmission, language: Language) -> Vec<(RuleId, String)> {
    let rules = MachineRules { admission: machine, ssh: None, deployment: "" };
    let mut script = Vec::new();
    firewall::write(&rules, language, &mut script).unwrap();
    let script = String::from_utf8(script).unwrap();
    let line = |line: &str| {
        let (rule, why) = line.split_once(" comment ")?;
        Some((why.trim_matches(['"', '\'']).parse().ok()?, as_one_line(rule)))
    };
    script.lines().filter_map(line).collect()
}

#[test]
fn a_remedy_opens_a_port_as_the_written_firewall_does() {
    let mut compared = 0;
    for world in [crate::world::world(Policy::Default), private_in_ipv4()] {
        let deployment = &world.deployment;
        for machine in ovcheck::plan::admission(deployment, &RULESET).unwrap() {
            for language in [Language::Nftables, Language::Ufw] {
                for (rule, line) in written(&machine, language) {
                    let commands = commands(deployment, &rule);
                    // A finding is about an address of one family; without one, of IPv4.
                    let is_v6 = line.contains("ip6 saddr");
                    if commands.contains("nft insert rule inet filter input") && !is_v6 {
                        assert!(commands.contains(&line), "{rule}: {line}\n{commands}");
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn a_remedy_that_opens_a_port_says_what_to_do_where_the_rules_were_written() {
    let texts = RULESET.rules.iter().flat_map(|rule| &rule.texts.default.remedy);
    let says = |step: &RemedyTemplate, words: &str| match step {
        RemedyTemplate::Say(text) => text.to_string().contains(words),
        RemedyTemplate::Run { .. } | RemedyTemplate::Show { .. } => false,
    };
    let (written, ufw) = texts.fold((0, 0), |(written, ufw), step| {
        (
            written + usize::from(says(step, "\"ovcheck firewall\" wrote the rules")),
            ufw + usize::from(says(step, "With ufw (kept after a reboot)")),
        )
    });
    assert!(written > 10 && written == ufw, "{written} of {ufw}");
}
