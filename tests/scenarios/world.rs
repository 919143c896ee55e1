//! A deployment as it should be, seen by probes that never ran: the ground that situations break.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ovcheck::evaluate::{self, Case, Strictness};
use ovcheck::model::deployment::{
    Deployment, Edition, Feature, Node, NodeRole, Policy, RtcEngine, Topology, Uses,
};
use ovcheck::model::dial::Resolve;
use ovcheck::model::facts::*;
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::port::{Port, PortRange};
use ovcheck::model::probe::{ApiRequest, Carrier, ProbeSpec, ServiceAsk, TlsOffer};
use ovcheck::model::report::Finding;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::target::{Endpoint, Family};
use ovcheck::model::timestamp::Timestamp;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

pub const PROXY: &str = "203.0.113.10";
pub const OPENVIDU: &str = "203.0.113.20";

/// Changes what one probe sees; `None` leaves it as it should be.
type Fault = Box<dyn Fn(&ProbeSpec) -> Option<Outcome>>;

/// A deployment, and what is wrong with it.
pub struct World {
    pub deployment: Deployment,
    pub zone: Zone,
    resolve: Vec<Resolve>,
    faults: Vec<Fault>,
}

pub fn world(policy: Policy) -> World {
    let node = |name: &str, role, addresses: &[&str]| Node {
        name: name.parse().unwrap(),
        role,
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        private_addresses: Vec::new(),
    };
    World {
        deployment: Deployment {
            edition: Edition::V3_2,
            topology: Topology::SingleNode,
            policy,
            domain: "openvidu.example.io".parse().unwrap(),
            turn_domain: Some("turn.example.io".parse().unwrap()),
            rtc_engine: RtcEngine::Pion,
            uses: Uses::Listed([Feature::Rtmp, Feature::Whip].into()),
            nodes: vec![
                node("proxy", NodeRole::Proxy, &[PROXY, "2001:db8:5::10"]),
                node(
                    "openvidu",
                    NodeRole::Openvidu,
                    &[OPENVIDU, "2001:db8:5::20"],
                ),
            ],
        },
        zone: Zone::Internet,
        resolve: Vec::new(),
        faults: Vec::new(),
    }
}

impl World {
    /// With the probes that `fault` speaks of seeing something else.
    pub fn but(mut self, fault: impl Fn(&ProbeSpec) -> Option<Outcome> + 'static) -> Self {
        self.faults.push(Box::new(fault));
        self
    }

    /// With a deployment that is declared differently.
    pub fn declared(mut self, change: impl FnOnce(&mut Deployment)) -> Self {
        change(&mut self.deployment);
        self
    }

    /// With `--resolve`.
    pub fn resolving(mut self, entry: &str) -> Self {
        self.resolve.push(entry.parse().unwrap());
        self
    }

    /// Seen from another zone.
    pub fn from(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    fn see(&self, spec: &ProbeSpec) -> Outcome {
        self.faults
            .iter()
            .rev()
            .find_map(|fault| fault(spec))
            .unwrap_or_else(|| Outcome::Saw(self.right(spec)))
    }

    pub fn judge(&self) -> Vec<Finding> {
        self.judge_by(Strictness::Likely)
    }

    pub fn judge_by(&self, strictness: Strictness) -> Vec<Finding> {
        let ruleset = Ruleset::embedded();
        let outside = |address: &str| SocketAddr::new(address.parse().unwrap(), 3478);
        let vantage = Vantage {
            name: None,
            zone: self.zone,
            addresses: vec!["198.51.100.7".parse().unwrap()],
            dns_servers: vec!["10.0.0.1:53".parse().unwrap()],
            stun_servers: vec![outside("192.0.2.1"), outside("2001:db8:f::1")],
            near: Vec::new(),
        };
        let names: Vec<Observation> = plan::questions(&self.deployment)
            .iter()
            .map(|spec| self.observe(spec))
            .collect();
        let plan = plan::build(&Inputs {
            deployment: &self.deployment,
            ruleset: &ruleset,
            vantage: &vantage,
            resolution: &Resolution::new(&names, self.resolve.clone()),
            seed: 7,
        });
        let observations: Vec<Observation> =
            plan.probes.iter().map(|spec| self.observe(spec)).collect();
        evaluate::evaluate(&Case {
            deployment: &self.deployment,
            ruleset: &ruleset,
            vantage: &vantage,
            plan: &plan,
            observations: &observations,
            now: Timestamp::from_unix_seconds(NOW),
            strictness,
        })
    }

    fn observe(&self, spec: &ProbeSpec) -> Observation {
        Observation {
            spec: spec.clone(),
            started: Duration::from_millis(match spec {
                ProbeSpec::Turn { .. } => 40,
                ProbeSpec::Udp { .. } => 50,
                _ => 100,
            }),
            took: Duration::from_millis(50),
            attempts: 1,
            outcome: self.see(spec),
        }
    }

    /// What a probe sees of a deployment as the guide wants it.
    fn right(&self, spec: &ProbeSpec) -> Facts {
        match spec {
            ProbeSpec::Dns { family, .. } => {
                let proxy = self
                    .deployment
                    .nodes_of(NodeRole::Proxy)
                    .flat_map(|node| node.addresses.clone())
                    .chain([PROXY.parse().unwrap(), "2001:db8:5::10".parse().unwrap()])
                    .find(|address| Family::of(*address) == *family);
                dns(DnsAnswer::Addresses, proxy.into_iter().collect())
            }
            ProbeSpec::Tcp { to } => Facts::Tcp(TcpFacts {
                connect: self.tcp(*to),
                dialled: None,
            }),
            ProbeSpec::Http { host, .. } => Facts::Http(HttpFacts {
                connect: Connect::Accepted,
                dialled: None,
                path: "/x".into(),
                answer: Some(response_with(301, "", |response| {
                    response.location = Some(ServerText::new(&format!("https://{host}/x")));
                })),
            }),
            ProbeSpec::Tls { offer, .. } => Facts::Tls(TlsFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(match offer {
                    TlsOffer::Web | TlsOffer::Stream => completed(TlsVersion::Tls13, |_| {}),
                    TlsOffer::Only(version) if *version >= TlsVersion::Tls12 => {
                        completed(*version, |_| {})
                    }
                    TlsOffer::Only(_) | TlsOffer::LookBehind => alert(),
                }),
                behind: None,
            }),
            ProbeSpec::Api {
                to, request, over, ..
            } => Facts::Api(ApiFacts {
                connect: match over {
                    Carrier::Tls(_) => Connect::Accepted,
                    Carrier::Tcp | Carrier::Udp => self.tcp(*to),
                },
                dialled: None,
                handshake: match over {
                    Carrier::Tls(_) => Some(completed(TlsVersion::Tls13, |_| {})),
                    Carrier::Tcp | Carrier::Udp => None,
                },
                answer: (matches!(over, Carrier::Tls(_)) || self.tcp(*to).is_accepted()).then(
                    || match request {
                        ApiRequest::ListRooms => response(
                            401,
                            r#"{"code":"unauthenticated","msg":"permissions denied"}"#,
                        ),
                        ApiRequest::Validate | ApiRequest::WebSocketUpgrade => {
                            response(401, "no permissions to access the room")
                        }
                    },
                ),
            }),
            ProbeSpec::Turn { to, over } => self.turn(*to, over),
            ProbeSpec::Hold { .. } => Facts::Hold(HoldFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(completed(TlsVersion::Tls13, |_| {})),
                binding: Some(StunAnswer::Success {
                    mapped: Some("198.51.100.7:4000".parse().unwrap()),
                }),
                idle: Some(Idle {
                    ms: 1300,
                    end: IdleEnd::Answers,
                }),
            }),
            ProbeSpec::Rtmp { to, over } => Facts::Rtmp(RtmpFacts {
                connect: match over {
                    Carrier::Tls(_) => Connect::Accepted,
                    Carrier::Tcp | Carrier::Udp => self.tcp(*to),
                },
                dialled: None,
                handshake: match over {
                    Carrier::Tls(_) => Some(completed(TlsVersion::Tls13, |_| {})),
                    Carrier::Tcp | Carrier::Udp => None,
                },
                answer: match over {
                    Carrier::Tls(_) => Some(RtmpAnswer::Completed),
                    Carrier::Tcp | Carrier::Udp if to.port.number() == 1945 => {
                        self.tcp(*to).is_accepted().then_some(RtmpAnswer::Completed)
                    }
                    Carrier::Tcp | Carrier::Udp => {
                        self.tcp(*to).is_accepted().then_some(RtmpAnswer::Closed)
                    }
                },
            }),
            ProbeSpec::Service { to, ask } => {
                let connect = self.tcp(*to);
                let answer = connect.is_accepted().then(|| service_answer(*ask));
                service(connect, answer)
            }
            ProbeSpec::Udp {
                address,
                ports,
                then,
            } => Facts::Udp(UdpFacts {
                swept: then.map(swept),
                sentinels: Vec::new(),
                ports: ports
                    .iter()
                    .map(|port| {
                        let media = (50_000..=60_000).contains(&port.number());
                        let let_in =
                            self.deployment.policy == Policy::Default || self.zone == Zone::OwnNode;
                        if media && let_in {
                            no_listener(*port, *address)
                        } else {
                            silent(*port)
                        }
                    })
                    .collect(),
            }),
            ProbeSpec::OwnUdp { .. } => stun_success(None),
        }
    }

    fn tcp(&self, to: Endpoint) -> Connect {
        let proxy = [PROXY, "2001:db8:5::10"]
            .iter()
            .any(|address| to.address.to_string() == *address);
        let open = match to.port.number() {
            80 | 443 | 1935 => proxy,
            7880 | 5349 | 1945 => !proxy && self.zone == Zone::ExternalProxy,
            _ => false,
        };
        if open {
            Connect::Accepted
        } else {
            Connect::Silent
        }
    }

    fn turn(&self, to: Endpoint, over: &Carrier) -> Facts {
        let (connect, reached) = match over {
            Carrier::Tls(_) => (Some(Connect::Accepted), true),
            Carrier::Tcp => (Some(self.tcp(to)), self.tcp(to).is_accepted()),
            Carrier::Udp => (
                None,
                to.address.is_ipv4() && self.deployment.policy == Policy::Default,
            ),
        };
        let Facts::Turn(facts) = stun_success(connect) else {
            unreachable!()
        };
        let handshake = match over {
            Carrier::Tls(_) => Some(completed(TlsVersion::Tls13, |_| {})),
            Carrier::Tcp | Carrier::Udp => None,
        };
        let binding = match (over, reached) {
            (_, true) => facts.binding.clone(),
            (Carrier::Udp, false) => Some(StunAnswer::Silent),
            (_, false) => None,
        };
        Facts::Turn(TurnFacts {
            handshake,
            binding,
            allocate: reached.then(challenge),
            ..facts
        })
    }
}

/// What the service answers that a question is meant for.
pub fn service_answer(ask: ServiceAsk) -> ServiceAnswer {
    match ask {
        ServiceAsk::RedisPing => ServiceAnswer::Redis(RedisAnswer::NoAuth),
        ServiceAsk::MongoHello => ServiceAnswer::MongoDb {
            set_name: Some(ServerText::new("rs0")),
            is_primary: Some(true),
        },
        ServiceAsk::Http2Settings => ServiceAnswer::Http2,
        ServiceAsk::IceTcp => ServiceAnswer::IceTcp,
        ServiceAsk::MinioLive => http_service(200, ""),
        ServiceAsk::GrafanaHealth => http_service(
            200,
            r#"{"commit": "x", "database": "ok", "version": "11.5.1"}"#,
        ),
        ServiceAsk::Ready => http_service(200, "ready\n"),
        ServiceAsk::V2Config => http_service(401, ""),
        ServiceAsk::IngressHealth => http_service(200, "Healthy"),
        ServiceAsk::Page => http_service(200, "<!doctype html>"),
    }
}

pub fn http_service(status: u16, body: &str) -> ServiceAnswer {
    match response(status, body) {
        HttpAnswer::Response(response) => ServiceAnswer::Http(response),
        other => panic!("{other:?} is no response"),
    }
}

pub fn service(connect: Connect, answer: Option<ServiceAnswer>) -> Facts {
    Facts::Service(ServiceFacts {
        connect,
        dialled: None,
        answer,
    })
}

/// A sweep of `range` to which nothing came back that is not told with the ports.
pub fn swept(range: PortRange) -> SweepFacts {
    SweepFacts {
        range,
        copies: 2,
        sent: 2 * range.count(),
        unsent: 0,
        first_sent_ms: Some(1),
        last_sent_ms: Some(1110),
    }
}

pub fn dns(answer: DnsAnswer, addresses: Vec<IpAddr>) -> Facts {
    Facts::Dns(DnsFacts {
        server: "10.0.0.1:53".parse().unwrap(),
        over_udp: true,
        answer,
        cname_chain: Vec::new(),
        addresses,
    })
}

pub fn completed(version: TlsVersion, change: impl FnOnce(&mut ChainFacts)) -> Handshake {
    let mut chain = ChainFacts {
        certificates: vec![CertificateFacts {
            subject: ServerText::new("CN=openvidu.example.io"),
            issuer: ServerText::new("CN=Example CA R3"),
            names: vec![ServerText::new("openvidu.example.io")],
            not_before: Timestamp::from_unix_seconds(NOW - 30 * DAY),
            not_after: Timestamp::from_unix_seconds(NOW + 60 * DAY),
        }],
        sent: 2,
        trust: Trust::Verified,
        name_matches: true,
        roots: "the system's roots".into(),
    };
    change(&mut chain);
    Handshake::Completed(Box::new(TlsSession {
        version,
        cipher: "TLS13_AES_128_GCM_SHA256".into(),
        alpn: None,
        certificate: Some(chain),
    }))
}

/// The validity of the first certificate, in days from now.
pub fn valid(chain: &mut ChainFacts, from: i64, until: i64) {
    chain.certificates[0].not_before = Timestamp::from_unix_seconds(NOW + from * DAY);
    chain.certificates[0].not_after = Timestamp::from_unix_seconds(NOW + until * DAY);
}

pub fn alert() -> Handshake {
    Handshake::Alert {
        code: 80,
        name: "internal_error".into(),
    }
}

pub fn response(status: u16, body: &str) -> HttpAnswer {
    response_with(status, body, |_| {})
}

pub fn response_with(
    status: u16,
    body: &str,
    change: impl FnOnce(&mut HttpResponse),
) -> HttpAnswer {
    let mut response = HttpResponse {
        status,
        server: None,
        location: None,
        content_type: None,
        date_ahead_s: Some(0),
        body: ServerText::new(body),
    };
    change(&mut response);
    HttpAnswer::Response(response)
}

pub fn stun_success(connect: Option<Connect>) -> Facts {
    Facts::Turn(TurnFacts {
        connect,
        dialled: None,
        handshake: None,
        binding: Some(StunAnswer::Success {
            mapped: Some("203.0.113.10:41000".parse().unwrap()),
        }),
        allocate: None,
        instead: None,
        sent_ms: vec![0, 350, 1050],
    })
}

pub fn challenge() -> StunAnswer {
    StunAnswer::Error {
        code: 401,
        reason: ServerText::new(""),
        realm: Some(ServerText::new("livekit")),
        nonce_bytes: Some(80),
    }
}

pub fn icmp(icmp_type: u8, code: u8, from: IpAddr) -> IcmpError {
    IcmpError {
        family: Family::of(from),
        icmp_type,
        code,
        from: Some(from),
    }
}

/// Port unreachable from the node itself.
pub fn unreachable_from(address: IpAddr) -> IcmpError {
    match Family::of(address) {
        Family::V4 => icmp(3, 3, address),
        Family::V6 => icmp(1, 4, address),
    }
}

pub fn udp_port(port: Port, answer: UdpAnswer) -> UdpPortFacts {
    let answered = !matches!(answer, UdpAnswer::Silent);
    UdpPortFacts {
        port,
        sent_ms: if answered {
            vec![0]
        } else {
            vec![0, 350, 1020]
        },
        answer,
        answered_ms: answered.then_some(40),
    }
}

pub fn no_listener(port: Port, address: IpAddr) -> UdpPortFacts {
    udp_port(port, UdpAnswer::Icmp(unreachable_from(address)))
}

pub fn silent(port: Port) -> UdpPortFacts {
    udp_port(port, UdpAnswer::Silent)
}

/// A verdict in the words of the reports.
pub fn words(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Pass(PassConfidence::Proven) => "pass, proven",
        Verdict::Pass(PassConfidence::Uncontradicted) => "pass, uncontradicted",
        Verdict::Fail(FailConfidence::Proven) => "fail, proven",
        Verdict::Fail(FailConfidence::Suspected) => "fail, suspected",
        Verdict::Inconclusive(InconclusiveKind::Unsettled) => "unsettled",
        Verdict::Inconclusive(InconclusiveKind::VantageLimit) => "vantage limit",
        Verdict::NotApplicable => "not applicable",
    }
}

/// The ids of the broken rules, each once, in order.
pub fn broken(findings: &[Finding]) -> Vec<&str> {
    let mut ids: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.is_violation())
        .map(|finding| finding.rule.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// How a rule ended at an address.
pub fn ended(findings: &[Finding], rule: &str, address: &str) -> &'static str {
    let address: IpAddr = address.parse().unwrap();
    let finding = findings
        .iter()
        .find(|finding| finding.rule.as_str() == rule && finding.target.address == Some(address))
        .unwrap_or_else(|| panic!("no finding of {rule} at {address}"));
    words(finding)
}
