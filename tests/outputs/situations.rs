//! Situations that people meet, as reports.

use ovcheck::model::deployment::Policy;
use ovcheck::model::facts::{
    Connect, DnsAnswer, Facts, FirstBytes, Handshake, HttpAnswer, ServerText, StunAnswer,
    SweepFacts, TcpFacts, TlsSession, TlsVersion, TurnFacts, UdpAnswer, UdpFacts, UdpPortFacts,
};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::plan::{LeftOut, OtherMachine};
use ovcheck::model::port::{Port, PortRange, Transport};
use ovcheck::model::probe::{Carrier, HttpPath, ProbeSpec, Sni};
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::{Finding, Report};
use ovcheck::model::target::{Endpoint, Family};
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::{Severity, Verdict};

use crate::build::*;
use crate::support::facts::{response_with, stun, unreachable_from};

const API: &str = "openvidu.example.io";
const TURN: &str = "turn.example.io";

/// Every rule that passes on a right deployment of either policy.
fn what_is_well() -> Vec<Finding> {
    let mut all = Vec::new();
    for host in [API, TURN] {
        let rule = if host == API { "dns/domain-resolves" } else { "dns/turn-domain-resolves" };
        all.push(
            finding(rule, PROVEN_PASS, name(host)).observed("203.0.113.10 and 2001:db8:5::10"),
        );
    }
    for address in PROXY {
        let tcp = |rule, host, port| {
            finding(rule, PROVEN_PASS, endpoint(host, port, address)).observed("as demanded")
        };
        all.push(tcp("http/port-80-redirects-to-https", API, "80"));
        for (host, port) in [(API, "443"), (TURN, "443"), (API, "1935")] {
            all.push(tcp("tls/handshake-completes", host, port).observed("TLS 1.3"));
            all.push(tcp("tls/chain-verifies", host, port));
            all.push(tcp("tls/name-matches", host, port));
            all.push(tcp("tls/legacy-refused", host, port));
        }
        all.push(tcp("signal/api-answers", API, "443"));
        all.push(tcp("signal/websocket-upgrade-passes", API, "443"));
        all.push(tcp("rtmp/rtmps-handshakes", API, "1935"));
    }
    for address in NODE {
        all.push(
            finding(
                "ports/openvidu-tcp-7880",
                UNCONTRADICTED,
                port("openvidu", Transport::Tcp, "7880", address),
            )
            .observed("no answer to two SYNs"),
        );
    }
    all
}

fn silent_7885() -> [Finding; 2] {
    NODE.map(|address| {
        finding(
            "ports/openvidu-udp-7885",
            VANTAGE_LIMIT,
            port("openvidu", Transport::Udp, "7885", address),
        )
        .reason(ReasonCode::UdpSilent)
        .observed("silent; an open and a closed port look the same from here")
    })
}

fn turn_passes() -> Vec<Finding> {
    let at = |address| endpoint(TURN, "443", address);
    (PROXY.iter())
        .flat_map(|address| {
            ["turn/turns-answers-binding", "turn/turns-challenges-allocate"]
                .map(|rule| finding(rule, PROVEN_PASS, at(address)).observed("as demanded"))
        })
        .collect()
}

/// What a run from the internet without credentials leaves out.
fn not_tested() -> Vec<LeftOut> {
    vec![
        LeftOut::MediaOnlyThroughTurn,
        LeftOut::InnerPorts { run_on: vec![OtherMachine::Proxy, OtherMachine::Openvidu] },
        LeftOut::OtherZone {
            rule: "policy/media-range-open-inside".parse().unwrap(),
            judged_from: vec![Zone::OwnNode, Zone::Media],
            zone: Zone::Internet,
        },
    ]
}

/// The proxy sends the TURN name to the LiveKit API.
pub fn turn_name_reaches_the_api() -> Report {
    let mut report = report();
    report.findings = what_is_well();
    for address in PROXY {
        let at = || endpoint(TURN, "443", address);
        report.findings.push(
            finding("turn/turns-answers-binding", PROVEN_FAIL, at())
                .expected("a STUN Binding success inside TLS, for the TURN name")
                .observed(
                    "the LiveKit API responds instead of the TURN server\n\
                     TLS 1.3 and a right certificate; no STUN answer in 1.0 s; GET / → 200 \"OK\", \
                     as LiveKit's API says it",
                )
                .means(
                    "People behind a firewall that lets only TCP 443 out join, and then see and\n\
                     hear nothing. Under forced TURN that is everybody.\n",
                )
                .remedy(
                    "The TURN domain reaches another service. In nginx's stream block on the\n\
                     proxy, send it to port 5349:\n    \
                         upstream turn_backend {\n        \
                             server 203.0.113.20:5349;\n    \
                         }\n    \
                         map $ssl_server_name $upstream {\n        \
                             openvidu.example.io api_backend;\n        \
                             turn.example.io turn_backend;\n    \
                         }\n\
                     An http block or a load balancer for HTTP cannot do it: TURN is not HTTP.\n\
                     Then: nginx -t && nginx -s reload\n",
                ),
        );
        report.findings.push(
            finding("turn/turns-challenges-allocate", UNSETTLED, at())
                .blocked_by("turn/turns-answers-binding"),
        );
    }
    for address in NODE {
        report.findings.push(
            finding(
                "stun/udp-443-answers-binding",
                Verdict::NotApplicable,
                port("openvidu", Transport::Udp, "443", address),
            )
            .observed("the policy forced-turn closes it"),
        );
    }
    report.findings.push(
        finding("policy/turns-works", PROVEN_FAIL, Default::default())
            .reason(ReasonCode::DependsOnBroken)
            .because(&["turn/turns-answers-binding", "turn/turns-challenges-allocate"])
            .observed("turn/turns-answers-binding is broken")
            .means("Forced TURN leaves no other way: calls hang at \"waiting for media\"."),
    );
    report.findings.extend(NODE.map(|address| {
        let at = port("openvidu", Transport::Tcp, "7881", address);
        finding("policy/ice-tcp-7881-closed", PROVEN_FAIL, at)
            .severity(Severity::Warning)
            .reason(ReasonCode::PortOpenUnexpected)
            .expected("closed to the internet")
            .observed("open: WebRTC over TCP bypasses the proxy")
            .means("Media of those who cannot use UDP does not pass the proxy.")
            .remedy(&format!(
                "    nft insert rule inet filter input {} daddr {address} tcp dport 7881 drop",
                if address.contains(':') { "ip6" } else { "ip" }
            ))
    }));
    report.findings.extend(silent_7885());
    report.not_tested = not_tested();
    report.observations = vec![
        observation(dns_question(API, Family::V4), 1, dns(DnsAnswer::Addresses, &[PROXY[0]])),
        observation(dns_question(TURN, Family::V6), 1, dns(DnsAnswer::Addresses, &[PROXY[1]])),
        observation(turn_question(), 1, Outcome::Saw(Facts::Turn(turned_to_the_api()))),
    ];
    report
}

fn turn_question() -> ProbeSpec {
    ProbeSpec::Turn {
        to: Endpoint { address: PROXY[0].parse().unwrap(), port: Port::new(443).unwrap() },
        over: Carrier::Tls(Sni::Name(TURN.parse().unwrap())),
    }
}

fn turned_to_the_api() -> TurnFacts {
    TurnFacts {
        connect: Some(Connect::Accepted),
        handshake: Some(Handshake::Completed(Box::new(TlsSession {
            version: TlsVersion::Tls13,
            cipher: "TLS_AES_128_GCM_SHA256".into(),
            alpn: None,
            client_certificate_wanted: false,
            certificate: None,
        }))),
        instead: Some(response_with(200, "OK", |response| {
            response.content_type = Some(ServerText::new("text/plain"));
        })),
        ..stun(StunAnswer::Silent)
    }
}

/// Forced TURN, and somebody opened one port of the range for IPv4.
pub fn one_media_port_open() -> Report {
    let mut report = report();
    report.findings = what_is_well();
    report.findings.extend(turn_passes());
    let at = |address| port("openvidu", Transport::Udp, "50000-60000", address);
    report.findings.push(
        finding("policy/media-range-closed", SUSPECTED, at(NODE[0]))
            .reason(ReasonCode::PortOpenUnexpected)
            .expected("no answer from any port of the range")
            .observed(
                "1 of 10,001 ports is probably open\n\
                 10,001 ports probed twice: 10,000 silent, 54321 says \"no listener\" (ICMP port \
                 unreachable); control ports are silent",
            )
            .means("Media can go around the proxy on that port.")
            .remedy(
                "Find the rule that accepts the port and delete it, or put one before it:\n    \
                     nft insert rule inet filter input udp dport 50000-60000 drop\n    \
                     ufw insert 1 deny proto udp from any to any port 50000:60000 comment 'media through TURN only'",
            ),
    );
    report
        .findings
        .push(finding("policy/media-range-closed", UNCONTRADICTED, at(NODE[1])).observed("silent"));
    report.findings.extend(silent_7885());
    report.not_tested = not_tested();
    report.not_tested.pop();
    let range: PortRange = "50000-60000".parse().unwrap();
    report.observations = vec![observation(
        ProbeSpec::Udp {
            address: NODE[0].parse().unwrap(),
            ports: vec![Port::new(40_001).unwrap()],
            then: Some(range),
            extent: None,
            sentinel: None,
        },
        2,
        Outcome::Saw(Facts::Udp(UdpFacts {
            extent: None,
            swept: Some(SweepFacts {
                withheld: false,
                range,
                copies: 2,
                sent: 20_001,
                unsent: 0,
                first_sent_ms: Some(0),
                last_sent_ms: Some(1110),
            }),
            sentinels: Vec::new(),
            ports: vec![
                udp_port(40_001, UdpAnswer::Silent),
                udp_port(54_321, UdpAnswer::Icmp(unreachable_from(NODE[0].parse().unwrap()))),
            ],
        })),
    )];
    report
}

fn udp_port(number: u16, answer: UdpAnswer) -> UdpPortFacts {
    UdpPortFacts {
        port: Port::new(number).unwrap(),
        sent_ms: vec![0, 500],
        answered_ms: (answer != UdpAnswer::Silent).then_some(41),
        answer,
    }
}

/// A right deployment of the default policy.
pub fn all_is_well() -> Report {
    let mut report = report();
    report.deployment.policy = Policy::Default;
    report.findings = what_is_well();
    report.findings.extend(turn_passes());
    for address in NODE {
        let verdict = if address == NODE[0] { PROVEN_PASS } else { Verdict::NotApplicable };
        let seen = if address == NODE[0] {
            "STUN Binding success"
        } else {
            "the TURN server of this edition listens on IPv4 alone"
        };
        let at = port("openvidu", Transport::Udp, "443", address);
        report.findings.push(finding("stun/udp-443-answers-binding", verdict, at).observed(seen));
    }
    report.findings.extend(silent_7885());
    report.not_tested = not_tested();
    report.observations = vec![observation(
        ProbeSpec::Tcp {
            to: Endpoint { address: NODE[0].parse().unwrap(), port: Port::new(7880).unwrap() },
        },
        2,
        Outcome::Saw(Facts::Tcp(TcpFacts { connect: Connect::Silent, dialled: None })),
    )];
    report
}

/// No route at all, and the addresses of the nodes known from the deployment file.
pub fn network_cable_pulled() -> Report {
    let mut report = blocked_by_dns("this machine has no IPv4 route there");
    report.observations = vec![
        observation(dns_question(API, Family::V4), 1, no_route(Family::V4)),
        observation(dns_question(API, Family::V6), 1, no_route(Family::V4)),
        observation(
            ProbeSpec::Tcp {
                to: Endpoint { address: NODE[1].parse().unwrap(), port: Port::new(7880).unwrap() },
            },
            1,
            no_route(Family::V6),
        ),
    ];
    report
}

/// Nothing comes back, not even from the resolver.
pub fn resolver_does_not_answer() -> Report {
    let mut report = blocked_by_dns("no answer from the resolver 192.0.2.53:53");
    report.observations = vec![
        observation(dns_question(API, Family::V4), 3, dns(DnsAnswer::Silent, &[])),
        observation(dns_question(API, Family::V6), 3, dns(DnsAnswer::Silent, &[])),
    ];
    report
}

fn blocked_by_dns(why: &str) -> Report {
    let mut report = report();
    let mut by_parsing = finding("dns/turn-domain-is-own-name", PROVEN_PASS, name(TURN));
    by_parsing.evidence.clear();
    report.findings = vec![
        by_parsing,
        finding("dns/domain-resolves", UNSETTLED, name(API)).observed(why),
        finding("dns/turn-domain-resolves", UNSETTLED, name(TURN)).observed(why),
    ];
    for rule in ["tls/handshake-completes", "signal/api-answers", "signal/post-passes"] {
        let blocked = finding(rule, UNSETTLED, name(API)).blocked_by("dns/domain-resolves");
        report.findings.push(blocked);
    }
    report.not_tested = not_tested();
    report
}

/// Ctrl-C after the names were resolved and half of the answers were in.
pub fn interrupted() -> Report {
    let mut report = report();
    report.complete = false;
    report.gate.interrupted = true;
    report.findings = what_is_well();
    let cut_off = "the run was interrupted";
    for (rule, transport, number) in [
        ("policy/udp-443-closed", Transport::Udp, "443"),
        ("policy/media-range-closed", Transport::Udp, "50000-60000"),
        ("policy/ice-tcp-7881-closed", Transport::Tcp, "7881"),
        ("ports/openvidu-udp-7885", Transport::Udp, "7885"),
    ] {
        report.findings.extend(NODE.map(|address| {
            finding(rule, UNSETTLED, port("openvidu", transport, number, address)).observed(cut_off)
        }));
    }
    report.not_tested = not_tested();
    report.observations = vec![
        observation(dns_question(API, Family::V4), 1, dns(DnsAnswer::Addresses, &[PROXY[0]])),
        observation(turn_question(), 1, Outcome::Blind(Blindness::Interrupted)),
    ];
    report
}

/// Nothing on the OpenVidu machine keeps the internet out.
pub fn no_firewall_on_the_node() -> Report {
    let mut report = report();
    report.deployment.policy = Policy::Default;
    report.findings = what_is_well();
    report.findings.retain(|finding| finding.rule.as_str() != "ports/openvidu-tcp-7880");
    for (number, service, means) in [
        (
            "7880",
            "LiveKit's API answers there",
            "API, Dashboard and application can be used without TLS and\npast the proxy; tokens and passwords travel readable.\n",
        ),
        (
            "1945",
            "RTMP is answered there",
            "Streams can be sent in without TLS, and their keys be read\non the way.\n",
        ),
    ] {
        for (address, ip) in NODE.into_iter().zip(["ip", "ip6"]) {
            let target = port("openvidu", Transport::Tcp, number, address);
            let proxy = if ip == "ip" { PROXY[0] } else { PROXY[1] };
            let rule = format!("ports/openvidu-tcp-{number}");
            report.findings.push(
                finding(&rule, PROVEN_FAIL, target)
                    .reason(ReasonCode::PortOpenUnexpected)
                    .expected("closed to this machine")
                    .observed(&format!("accepts connections; {service}"))
                    .means(means)
                    .remedy(&format!(
                        "Close the port on OpenVidu's machine to everybody but the proxy:\n    \
                             nft insert rule inet filter input iifname != lo \\\n        \
                                 {ip} saddr != {proxy} tcp dport {number} drop\n\
                         With ufw instead:\n    \
                             ufw delete allow {number}/tcp\n    \
                             ufw allow from {proxy} to any port {number} proto tcp\n\
                         In a cloud: the inbound rule for TCP {number} has {proxy} as its\n\
                         source, not 0.0.0.0/0 or ::/0.\n"
                    )),
            );
        }
    }
    report.not_tested = not_tested();
    report.observations =
        vec![observation(dns_question(API, Family::V4), 1, dns(DnsAnswer::Addresses, &[PROXY[0]]))];
    report
}

/// Plain RTMP where TLS should be, the certificate of the proxy expired everywhere, IPv6 without
/// a route here, and the name's AAAA pointing at the node.
pub fn several_things_at_once() -> Report {
    let mut report = report();
    report.deployment.policy = Policy::Default;
    report.findings = vec![
        finding("dns/domain-resolves", PROVEN_PASS, name(API)),
        finding("dns/turn-domain-points-to-proxy", PROVEN_FAIL, name(TURN))
            .reason(ReasonCode::DnsMismatch)
            .expected("every address is one of the proxy: 203.0.113.10, 2001:db8:5::10")
            .observed("points to 203.0.113.20, which is openvidu itself")
            .means("TURN over TLS meets a machine that does not terminate TLS.")
            .remedy("In the zone of example.io:\n    turn.example.io.  300  IN  A  203.0.113.10"),
    ];
    for address in PROXY {
        for (host, number) in [(API, "443"), (TURN, "443"), (API, "1935")] {
            let at = || endpoint(host, number, address);
            if address == PROXY[1] {
                report.findings.extend(["tls/handshake-completes", "tls/not-expired"].map(
                    |rule| {
                        finding(rule, VANTAGE_LIMIT, at())
                            .observed("could not look: this machine has no IPv6 route there")
                    },
                ));
                continue;
            }
            if number == "1935" {
                report.findings.push(
                    finding("tls/handshake-completes", PROVEN_FAIL, at())
                        .reason(ReasonCode::RtmpPlaintext)
                        .expected("a TLS handshake, whatever the certificate")
                        .observed("RTMP without TLS answers")
                        .means("Stream keys cross the internet in clear text.")
                        .remedy(
                            "On the proxy, in the server block of port 1935:\n    listen 1935 ssl;",
                        ),
                );
                for rule in ["tls/not-expired", "tls/chain-verifies", "rtmp/rtmps-handshakes"] {
                    let blocked =
                        finding(rule, UNSETTLED, at()).blocked_by("tls/handshake-completes");
                    report.findings.push(blocked);
                }
                continue;
            }
            report.findings.push(finding("tls/handshake-completes", PROVEN_PASS, at()));
            report.findings.push(
                finding("tls/not-expired", PROVEN_FAIL, at())
                    .reason(ReasonCode::TlsExpired)
                    .expected("a certificate that is valid now")
                    .observed("the certificate expired 3 days ago (2025-12-29T00:00:00Z)")
                    .means("Browsers refuse the page, applications refuse to connect.")
                    .remedy("On the proxy:\n    certbot renew && nginx -s reload"),
            );
        }
    }
    report.findings.push(
        finding("dns/families-agree", SUSPECTED, name(API))
            .severity(Severity::Warning)
            .reason(ReasonCode::FamiliesDiffer)
            .because(&["tls/not-expired"])
            .observed("IPv6 does less than IPv4")
            .means("Browsers refuse the page, applications refuse to connect."),
    );
    report.not_tested = not_tested();
    report.observations =
        vec![observation(dns_question(TURN, Family::V4), 1, dns(DnsAnswer::Addresses, &[NODE[0]]))];
    report
}

/// What a hostile peer would like to see printed.
pub fn hostile_words() -> Report {
    let mut report = report();
    report.findings = vec![
        finding("http/port-80-redirects-to-https", PROVEN_FAIL, endpoint(API, "80", PROXY[0]))
            .observed("\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m says \u{202e}hello\u{0} from 80")
            .means("a\u{8}b")
            .remedy("do\n    echo \u{1b}[31m"),
    ];
    let greeting = FirstBytes::Text(ServerText::new("\u{1b}[2J"));
    report.observations = vec![observation(
        ProbeSpec::Http {
            to: Endpoint { address: PROXY[0].parse().unwrap(), port: Port::new(80).unwrap() },
            host: API.parse().unwrap(),
            path: HttpPath::Any,
        },
        1,
        Outcome::Saw(Facts::Http(ovcheck::model::facts::HttpFacts {
            connect: Connect::Accepted,
            dialled: None,
            path: "/".into(),
            answer: Some(HttpAnswer::NotHttp(greeting)),
        })),
    )];
    report
}
