//! What a remedy says to paste, where machines have public addresses of both families and private
//! ones of IPv4 alone.

use ovcheck::model::deployment::{Edition, Policy, Topology};
use ovcheck::model::facts::{DnsAnswer, Facts, RtmpAnswer};
use ovcheck::model::observation::Outcome;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::target::Family;

use crate::clusters::{all_in_use, elastic};
use crate::doors::Door;
use crate::support::facts::rtmps;
use crate::world::{World, dns};

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
