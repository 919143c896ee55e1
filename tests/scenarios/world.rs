//! A deployment as it should be, seen by probes that never ran: the ground that situations break.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use ovcheck::evaluate::{self, Case, Strictness};
use ovcheck::model::deployment::{
    Deployment, Edition, Feature, Modules, Node, NodeRole, Policy, RtcEngine, Topology, Uses,
};
use ovcheck::model::dial::Resolve;
use ovcheck::model::facts::*;
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::plan::{Plan, RunScope};
use ovcheck::model::port::{Port, PortRange, Transport};
use ovcheck::model::probe::{ApiRequest, CallDepth, Carrier, ProbeSpec, ServiceAsk, TlsOffer};
use ovcheck::model::report::Finding;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::target::{Endpoint, Family};
use ovcheck::model::timestamp::Timestamp;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

use crate::calls;
use crate::doors::{self, Door};

pub static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

pub const PROXY: &str = "203.0.113.10";
pub const PROXY_V6: &str = "2001:db8:5::10";
pub const OPENVIDU: &str = "203.0.113.20";

/// Changes what one probe sees; `None` leaves it as it should be.
type Fault = Box<dyn Fn(&ProbeSpec) -> Option<Outcome>>;

/// Changes what a call meets.
type CallFault = Box<dyn Fn(&mut CallFacts)>;

/// A deployment, and what is wrong with it.
pub struct World {
    pub deployment: Deployment,
    pub zone: Zone,
    /// The nodes whose machine we know to be ours.
    pub stands_on: Vec<&'static str>,
    resolve: Vec<Resolve>,
    faults: Vec<Fault>,
    pub find_extent: bool,
    /// Ports behind which it is otherwise than it should be; the last that fits counts.
    pub doors: Vec<(IpAddr, Transport, PortRange, Door)>,
    /// How far a call goes, where there are credentials for one.
    pub call: Option<CallDepth>,
    call_faults: Vec<CallFault>,
}

/// A node with public addresses, and private ones by which the others reach it.
pub fn node(name: &str, role: NodeRole, public: &[&str], private: &[&str]) -> Node {
    let parse = |addresses: &[&str]| addresses.iter().map(|a| a.parse().unwrap()).collect();
    Node {
        name: name.parse().unwrap(),
        role,
        addresses: parse(public),
        private_addresses: parse(private),
    }
}

pub fn world(policy: Policy) -> World {
    World {
        deployment: Deployment {
            edition: Edition::V3_2,
            topology: Topology::SingleNode,
            policy,
            domain: "openvidu.example.io".parse().unwrap(),
            turn_domain: Some("turn.example.io".parse().unwrap()),
            rtc_engine: RtcEngine::Pion,
            uses: Uses::Listed([Feature::Rtmp, Feature::Whip].into()),
            modules: Modules::Unsaid,
            nodes: vec![
                node("proxy", NodeRole::Proxy, &[PROXY, PROXY_V6], &[]),
                node("openvidu", NodeRole::Openvidu, &[OPENVIDU, "2001:db8:5::20"], &[]),
            ],
        },
        zone: Zone::Internet,
        stands_on: Vec::new(),
        resolve: Vec::new(),
        find_extent: false,
        faults: Vec::new(),
        doors: Vec::new(),
        call: None,
        call_faults: Vec::new(),
    }
}

impl World {
    /// With the probes that `fault` speaks of seeing something else.
    pub fn but(mut self, fault: impl Fn(&ProbeSpec) -> Option<Outcome> + 'static) -> Self {
        self.faults.push(Box::new(fault));
        self
    }

    /// With credentials for a call.
    pub fn calling(mut self, depth: CallDepth) -> Self {
        self.call = Some(depth);
        self
    }

    /// With something else met in a call.
    pub fn call_but(mut self, fault: impl Fn(&mut CallFacts) + 'static) -> Self {
        self.call_faults.push(Box::new(fault));
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

    /// Seen from the machine of these nodes, which is in this zone.
    pub fn on(mut self, zone: Zone, nodes: &[&'static str]) -> Self {
        self.zone = zone;
        self.stands_on = nodes.to_vec();
        self
    }

    /// With another door before a port, or a range of them.
    pub fn with(mut self, address: &str, transport: Transport, ports: &str, door: Door) -> Self {
        let address = address.parse().unwrap();
        let ports = ports.parse().unwrap();
        self.doors.push((address, transport, ports, door));
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
        self.judge_plan(&self.plan(), strictness)
    }

    /// Where the run is made.
    pub fn vantage(&self) -> Vantage {
        let outside = |address: &str| SocketAddr::new(address.parse().unwrap(), 3478);
        Vantage {
            name: None,
            stands_on: self.stands_on.iter().map(|name| name.parse().unwrap()).collect(),
            zone: self.zone,
            addresses: vec!["198.51.100.7".parse().unwrap()],
            dns_servers: vec!["10.0.0.1:53".parse().unwrap()],
            stun_servers: vec![outside("192.0.2.1"), outside("2001:db8:f::1")],
            near: Vec::new(),
        }
    }

    /// What is asked; no door changes it.
    pub fn plan(&self) -> Plan {
        let names: Vec<Observation> =
            plan::questions(&self.deployment).iter().map(|spec| self.observe(spec)).collect();
        plan::build(&Inputs {
            deployment: &self.deployment,
            ruleset: &RULESET,
            vantage: &self.vantage(),
            resolution: &Resolution::new(&names, self.resolve.clone()),
            seed: 7,
            find_extent: self.find_extent,
            scope: RunScope::Whole,
            call: self.call,
        })
    }

    /// What follows from what this plan's probes see.
    pub fn judge_plan(&self, plan: &Plan, strictness: Strictness) -> Vec<Finding> {
        let observations: Vec<Observation> =
            plan.probes.iter().map(|spec| self.observe(spec)).collect();
        evaluate::evaluate(&Case {
            deployment: &self.deployment,
            ruleset: &RULESET,
            vantage: &self.vantage(),
            plan,
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
                let mut addresses: Vec<IpAddr> = (self.deployment.nodes_of(NodeRole::Proxy))
                    .flat_map(|node| node.addresses.clone())
                    .collect();
                if addresses.is_empty() {
                    addresses.extend([PROXY, PROXY_V6].map(|a| a.parse::<IpAddr>().unwrap()));
                }
                addresses.retain(|address| Family::of(*address) == *family);
                addresses.truncate(1);
                let answer = match addresses.as_slice() {
                    [] => DnsAnswer::NoData,
                    _ => DnsAnswer::Addresses,
                };
                dns(answer, addresses)
            }
            ProbeSpec::Call(call) => {
                let mut facts = calls::right(self, call);
                for fault in &self.call_faults {
                    fault(&mut facts);
                }
                Facts::Call(Box::new(facts))
            }
            ProbeSpec::Tcp { to } => Facts::Tcp(TcpFacts { connect: self.tcp(*to), dialled: None }),
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
            ProbeSpec::Api { to, request, over, .. } => Facts::Api(ApiFacts {
                connect: self.connect(*to, over),
                dialled: None,
                handshake: handshake(over),
                answer: self.behind(*to, over).map(|behind| match (behind, request) {
                    (Behind::Stranger, _) => HttpAnswer::NotHttp(ssh()),
                    (Behind::Right, ApiRequest::ListRooms) => {
                        response(401, r#"{"code":"unauthenticated","msg":"permissions denied"}"#)
                    }
                    (Behind::Right, ApiRequest::Validate | ApiRequest::WebSocketUpgrade) => {
                        response(401, "no permissions to access the room")
                    }
                }),
            }),
            ProbeSpec::Turn { to, over } => self.turn(*to, over),
            ProbeSpec::Hold { .. } => Facts::Hold(HoldFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(completed(TlsVersion::Tls13, |_| {})),
                binding: Some(StunAnswer::Success {
                    mapped: Some("198.51.100.7:4000".parse().unwrap()),
                }),
                idle: Some(Idle { ms: 1300, end: IdleEnd::Answers }),
            }),
            ProbeSpec::Rtmp { to, over } => Facts::Rtmp(RtmpFacts {
                connect: self.connect(*to, over),
                dialled: None,
                handshake: handshake(over),
                answer: self.behind(*to, over).map(|behind| match (behind, over) {
                    (Behind::Stranger, _) => RtmpAnswer::NotRtmp(ssh()),
                    // The proxy wants TLS.
                    (Behind::Right, Carrier::Tcp)
                        if to.port.number() == 1935 && self.is_proxy(to.address) =>
                    {
                        RtmpAnswer::Closed
                    }
                    (Behind::Right, _) => RtmpAnswer::Completed,
                }),
            }),
            ProbeSpec::Service { to, ask } => {
                let answer = self.behind(*to, &Carrier::Tcp).map(|behind| match behind {
                    Behind::Stranger => ServiceAnswer::Other(ssh()),
                    Behind::Right => service_answer(*ask),
                });
                service(self.connect(*to, &Carrier::Tcp), answer)
            }
            ProbeSpec::Udp { address, ports, then, .. } => Facts::Udp(UdpFacts {
                extent: None,
                swept: then.map(swept),
                sentinels: Vec::new(),
                ports: ports
                    .iter()
                    .map(|port| match self.door(*address, Transport::Udp, *port) {
                        Door::Drops => silent(*port),
                        Door::Idle => no_listener(*port, *address),
                        Door::Prohibits => {
                            udp_port(*port, UdpAnswer::Icmp(prohibited_by(*address)))
                        }
                        // Who waits for credentials is silent; so is a range out of sessions.
                        Door::Right if port.number() != 443 => silent(*port),
                        Door::Right => udp_port(*port, UdpAnswer::Stun),
                        Door::Stranger => udp_port(*port, UdpAnswer::Data(ssh())),
                    })
                    .collect(),
            }),
            ProbeSpec::OwnUdp { .. } => stun_success(None),
        }
    }

    /// What a packet from here meets at a port.
    fn door(&self, address: IpAddr, transport: Transport, port: Port) -> Door {
        let other = self.doors.iter().rev().find(|(at, over, ports, _)| {
            (*at, *over) == (address, transport) && ports.contains(port)
        });
        other.map_or_else(
            || doors::by_the_guide(self, address, transport, port),
            |(_, _, _, door)| *door,
        )
    }

    /// What the way to a service begins with: nothing over UDP, and where TLS is spoken it is
    /// spoken whatever the port rows say of the proxy.
    fn connect(&self, to: Endpoint, over: &Carrier) -> Connect {
        match over {
            Carrier::Tls(_) => Connect::Accepted,
            Carrier::Tcp | Carrier::Udp => self.tcp(to),
        }
    }

    /// Who answers there, if anybody does.
    fn behind(&self, to: Endpoint, over: &Carrier) -> Option<Behind> {
        match over {
            Carrier::Tls(_) => Some(Behind::Right),
            Carrier::Tcp | Carrier::Udp => {
                let transport = match over {
                    Carrier::Udp => Transport::Udp,
                    Carrier::Tcp | Carrier::Tls(_) => Transport::Tcp,
                };
                match self.door(to.address, transport, to.port) {
                    Door::Right => Some(Behind::Right),
                    Door::Stranger => Some(Behind::Stranger),
                    Door::Drops | Door::Idle | Door::Prohibits => None,
                }
            }
        }
    }

    fn tcp(&self, to: Endpoint) -> Connect {
        match self.door(to.address, Transport::Tcp, to.port) {
            Door::Right | Door::Stranger => Connect::Accepted,
            Door::Idle => Connect::Reset,
            Door::Prohibits => Connect::Icmp(prohibited_by(to.address)),
            Door::Drops => Connect::Silent,
        }
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        doors::is_undeclared_proxy(&self.deployment, address)
            || (self.deployment.nodes_at(address)).any(|node| node.role == NodeRole::Proxy)
    }

    fn turn(&self, to: Endpoint, over: &Carrier) -> Facts {
        let connect = match over {
            Carrier::Udp => None,
            Carrier::Tls(_) | Carrier::Tcp => Some(self.connect(to, over)),
        };
        let Facts::Turn(facts) = stun_success(connect) else { unreachable!() };
        let behind = self.behind(to, over);
        let binding = match (behind, over) {
            (Some(Behind::Right), _) => facts.binding.clone(),
            (Some(Behind::Stranger), _) => Some(StunAnswer::NotStun(ssh())),
            (None, Carrier::Udp) => Some(match self.door(to.address, Transport::Udp, to.port) {
                Door::Idle => StunAnswer::Icmp(unreachable_from(to.address)),
                Door::Prohibits => StunAnswer::Icmp(prohibited_by(to.address)),
                Door::Drops | Door::Right | Door::Stranger => StunAnswer::Silent,
            }),
            (None, Carrier::Tls(_) | Carrier::Tcp) => None,
        };
        Facts::Turn(TurnFacts {
            handshake: handshake(over),
            binding,
            allocate: (behind == Some(Behind::Right)).then(|| challenge(self.deployment.edition)),
            ..facts
        })
    }
}

/// Who answers behind a port that lets us in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Right,
    Stranger,
}

fn handshake(over: &Carrier) -> Option<Handshake> {
    match over {
        Carrier::Tls(_) => Some(completed(TlsVersion::Tls13, |_| {})),
        Carrier::Tcp | Carrier::Udp => None,
    }
}

/// How a stranger greets.
fn ssh() -> FirstBytes {
    FirstBytes::Ssh(ServerText::new("SSH-2.0-x"))
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
        ServiceAsk::GrafanaHealth => {
            http_service(200, r#"{"commit": "x", "database": "ok", "version": "11.5.1"}"#)
        }
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
    Facts::Service(ServiceFacts { connect, dialled: None, answer })
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
        private_root: false,
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
    Handshake::Alert { code: 80, name: "internal_error".into() }
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
        binding: Some(StunAnswer::Success { mapped: Some("203.0.113.10:41000".parse().unwrap()) }),
        allocate: None,
        instead: None,
        sent_ms: vec![0, 350, 1050],
    })
}

/// The TURN server of this edition asks for credentials.
pub fn challenge(edition: Edition) -> StunAnswer {
    StunAnswer::Error {
        code: 401,
        reason: ServerText::new(""),
        realm: Some(ServerText::new("livekit")),
        nonce_bytes: Some(match edition {
            Edition::V3_2 => 80,
            Edition::V3_6 | Edition::V3_9 => 25,
        }),
    }
}

pub fn icmp(icmp_type: u8, code: u8, from: IpAddr) -> IcmpError {
    IcmpError { family: Family::of(from), icmp_type, code, from: Some(from) }
}

/// Port unreachable from the node itself.
pub fn unreachable_from(address: IpAddr) -> IcmpError {
    match Family::of(address) {
        Family::V4 => icmp(3, 3, address),
        Family::V6 => icmp(1, 4, address),
    }
}

/// Administratively prohibited, by the node itself.
pub fn prohibited_by(address: IpAddr) -> IcmpError {
    match Family::of(address) {
        Family::V4 => icmp(3, 13, address),
        Family::V6 => icmp(1, 1, address),
    }
}

pub fn udp_port(port: Port, answer: UdpAnswer) -> UdpPortFacts {
    let answered = !matches!(answer, UdpAnswer::Silent);
    UdpPortFacts {
        port,
        sent_ms: if answered { vec![0] } else { vec![0, 350, 1020] },
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
