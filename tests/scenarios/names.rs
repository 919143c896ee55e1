//! Situations of names.

use std::net::IpAddr;

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::{
    Connect, DnsAnswer, Facts, HttpFacts, RtmpAnswer, RtmpFacts, ServerText,
};
use ovcheck::model::observation::Outcome;
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::target::Family;

use crate::world::Observed as _;
use crate::world::{World, dns, response_with, world};

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
         (Server: cloudflare) answers there; it forwards HTTP, but neither TURN nor RTMP"
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
