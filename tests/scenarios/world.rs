//! A deployment as it should be, seen by probes that never ran: the ground that situations break.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use ovcheck::evaluate::{self, Case, Observations, Strictness};
use ovcheck::model::call::CallSummary;
use ovcheck::model::deployment::{Deployment, Edition, Feature, NodeRole, Policy, Topology, Uses};
use ovcheck::model::dial::Resolve;
use ovcheck::model::facts::*;
use ovcheck::model::name::{BucketName, NodeName};
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::plan::{Plan, RunScope};
use ovcheck::model::port::{Port, PortRange, Transport};
use ovcheck::model::probe::{
    ApiRequest, CallDepth, Carrier, PathRequest, ProbeSpec, ServiceAsk, TlsOffer,
};
use ovcheck::model::recording::{Recording, RecordingHead};
use ovcheck::model::report::{Finding, Report};
use ovcheck::model::resolution::Resolution;
use ovcheck::model::responder::{ReversePathFilter, SessionId};
use ovcheck::model::target::{Endpoint, Family};
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

use crate::calls;
use crate::doors::{self, Door};
pub use crate::support::deployments::node;
use crate::support::deployments::{undeclared, vantage};
use crate::support::facts::{
    NOW, http_response, in_days, prohibited_by, redirect, right_chain, stun_sent_again, tls, udp,
};
pub use crate::support::facts::{
    authority, completed, dns, icmp, response, response_with, unreachable_from,
};
pub use crate::support::findings::Observed;
use crate::support::reports::empty_report;

pub static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

pub const PROXY: &str = "203.0.113.10";
pub const PROXY_V6: &str = "2001:db8:5::10";
pub const OPENVIDU: &str = "203.0.113.20";

/// Changes what one probe sees; `None` leaves it as it should be.
type Fault = Box<dyn Fn(&ProbeSpec) -> Option<Outcome>>;

/// Changes what a call meets.
type CallFault = Box<dyn Fn(&mut CallFacts)>;

/// Changes observations after they were made.
type SightFault = Box<dyn Fn(&mut Vec<Observation>)>;

/// Changes what is known of the place of the run.
type VantageFault = Box<dyn Fn(&mut Vantage)>;

/// A deployment, and what is wrong with it.
pub struct World {
    pub deployment: Deployment,
    pub zone: Zone,
    /// The nodes whose machine we know to be ours.
    pub stands_on: Vec<&'static str>,
    resolve: Vec<Resolve>,
    faults: Vec<Fault>,
    pub find_extent: bool,
    /// The nodes on which a responder is asked.
    pub responders: Vec<NodeName>,
    /// Ports behind which it is otherwise than it should be; the last that fits counts.
    pub doors: Vec<(IpAddr, Transport, PortRange, Door)>,
    /// How far a call goes, where there are credentials for one.
    pub call: Option<CallDepth>,
    call_faults: Vec<CallFault>,
    vantage_faults: Vec<VantageFault>,
    sight_faults: Vec<SightFault>,
    /// By how much this machine was late.
    late_by: Option<Duration>,
    /// Other rules than the program's own.
    rules: Option<Ruleset>,
    /// What the proxy's configuration says, if the run reads it.
    pub proxy_configuration: Option<ProxyFacts>,
}

pub fn world(policy: Policy) -> World {
    World {
        deployment: Deployment {
            policy,
            uses: Uses::Listed([Feature::Rtmp, Feature::Whip].into()),
            nodes: vec![
                node("proxy", NodeRole::Proxy, &[PROXY, PROXY_V6], &[]),
                node("openvidu", NodeRole::Openvidu, &[OPENVIDU, "2001:db8:5::20"], &[]),
            ],
            ..undeclared(Topology::SingleNode)
        },
        zone: Zone::Internet,
        stands_on: Vec::new(),
        resolve: Vec::new(),
        find_extent: false,
        responders: Vec::new(),
        faults: Vec::new(),
        doors: Vec::new(),
        call: None,
        call_faults: Vec::new(),
        vantage_faults: Vec::new(),
        sight_faults: Vec::new(),
        late_by: None,
        rules: None,
        proxy_configuration: None,
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

    /// With something else seen by all probes together.
    pub fn seen_but(mut self, fault: impl Fn(&mut Vec<Observation>) + 'static) -> Self {
        self.sight_faults.push(Box::new(fault));
        self
    }

    /// Seen by a machine whose timers were late.
    pub fn late_by(mut self, late_by: Duration) -> Self {
        self.late_by = Some(late_by);
        self
    }

    /// With something else known of the place of the run.
    pub fn vantage_but(mut self, fault: impl Fn(&mut Vantage) + 'static) -> Self {
        self.vantage_faults.push(Box::new(fault));
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

    /// Judged by other rules.
    pub fn by_rules(mut self, rules: Ruleset) -> Self {
        self.rules = Some(rules);
        self
    }

    fn ruleset(&self) -> &Ruleset {
        self.rules.as_ref().unwrap_or(&RULESET)
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
        let mut vantage = Vantage {
            stands_on: self.stands_on.iter().map(|name| name.parse().unwrap()).collect(),
            ..vantage(self.zone)
        };
        for fault in &self.vantage_faults {
            fault(&mut vantage);
        }
        vantage
    }

    /// What is asked; no door changes it.
    pub fn plan(&self) -> Plan {
        let names: Vec<Observation> =
            plan::questions(&self.deployment).iter().map(|spec| self.observe(spec)).collect();
        plan::build(&Inputs {
            deployment: &self.deployment,
            ruleset: self.ruleset(),
            vantage: &self.vantage(),
            resolution: &Resolution::new(&names, self.resolve.clone()),
            seed: 7,
            find_extent: self.find_extent,
            responders: &self.responders,
            scope: RunScope::Whole,
            selection: &ovcheck::model::selection::Selection::default(),
            configurations: ovcheck::plan::ConfigurationsRead {
                proxy: self.proxy_configuration.is_some(),
                openvidu: false,
            },
            call: self.call,
        })
    }

    /// What follows from what this plan's probes see.
    pub fn judge_plan(&self, plan: &Plan, strictness: Strictness) -> Vec<Finding> {
        self.with_case(plan, strictness, evaluate::evaluate)
    }

    /// What the call came to for a person who wants to have one.
    pub fn call_summary(&self) -> CallSummary {
        self.with_case(&self.plan(), Strictness::Likely, evaluate::call_summary).unwrap()
    }

    /// The report of a run that sees this.
    pub fn report(&self) -> Report {
        let plan = self.plan();
        self.with_case(&plan, Strictness::Likely, |case| {
            let findings = evaluate::evaluate(case);
            Report {
                overview: evaluate::overview(&findings, case.observations),
                findings,
                call: evaluate::call_summary(case),
                observations: case.observations.iter().cloned().collect(),
                not_tested: plan.left_out.clone(),
                ..empty_report(&self.deployment, self.vantage())
            }
        })
    }

    /// The recording of a run that sees this.
    pub fn recording(&self) -> Recording {
        let plan = self.plan();
        let mut context = empty_report(&self.deployment, self.vantage()).context;
        context.options.responder.clone_from(&self.responders);
        Recording {
            recording: RecordingHead {
                version: RecordingHead::VERSION,
                ovcheck: "0.1.0".to_owned(),
                ruleset: self.ruleset().digest.clone(),
            },
            started_at: NOW,
            duration: Duration::from_millis(1_430),
            judged_at: NOW,
            complete: true,
            interrupted: false,
            deployment: self.deployment.clone(),
            context,
            vantage: self.vantage(),
            seed: 7,
            late_by: self.late_by,
            observations: self
                .with_case(&plan, Strictness::Likely, |case| case.observations.to_vec()),
        }
    }

    fn with_case<T>(
        &self,
        plan: &Plan,
        strictness: Strictness,
        read: impl Fn(&Case<'_>) -> T,
    ) -> T {
        let mut observations: Vec<Observation> =
            plan.probes.iter().map(|spec| self.observe(spec)).collect();
        for fault in &self.sight_faults {
            fault(&mut observations);
        }
        let mut observations = Observations::new(observations);
        observations.late_by = self.late_by;
        read(&Case {
            deployment: &self.deployment,
            ruleset: self.ruleset(),
            vantage: &self.vantage(),
            plan,
            observations: &observations,
            now: NOW,
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
            ProbeSpec::Dns { name, .. }
                if *name != self.deployment.domain
                    && Some(name) != self.deployment.turn_domain.as_ref() =>
            {
                Facts::Dns(dns(DnsAnswer::NxDomain, Vec::new()))
            }
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
                Facts::Dns(dns(answer, addresses))
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
                answer: Some(redirect(&format!("https://{host}/x"))),
            }),
            ProbeSpec::Tls { offer, .. } => Facts::Tls(tls(Some(match offer {
                TlsOffer::Web | TlsOffer::Stream => completed(TlsVersion::Tls13, right_chain),
                TlsOffer::Only(version) if *version >= TlsVersion::Tls12 => {
                    completed(*version, right_chain)
                }
                TlsOffer::Only(_) | TlsOffer::LookBehind => alert(),
            }))),
            ProbeSpec::Api { to, request, over, .. } => Facts::Api(ApiFacts {
                otherwise: None,
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
            ProbeSpec::Path { to, request, over, .. } => Facts::Api(ApiFacts {
                connect: self.connect(*to, over),
                dialled: None,
                handshake: handshake(over),
                answer: self.behind(*to, over).map(|behind| match behind {
                    Behind::Stranger => HttpAnswer::NotHttp(ssh()),
                    Behind::Right => path_answer(*request),
                }),
                otherwise: None,
            }),
            ProbeSpec::Browser { .. } => Facts::Browser(browser(|_| true)),
            ProbeSpec::Turn { to, over } => self.turn(*to, over),
            ProbeSpec::Hold { .. } => Facts::Hold(HoldFacts {
                connect: Connect::Accepted,
                dialled: None,
                handshake: Some(completed(TlsVersion::Tls13, right_chain)),
                binding: Some(StunAnswer::Success {
                    mapped: Some("198.51.100.7:4000".parse().unwrap()),
                }),
                idle: Some(Idle { ms: 1300, end: IdleEnd::Answers }),
            }),
            ProbeSpec::Rtmp { to, over } => Facts::Rtmp(RtmpFacts {
                otherwise: None,
                second_try: None,
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
            ProbeSpec::Service { to, ask, buckets } => {
                let answer = self.behind(*to, &Carrier::Tcp).map(|behind| match behind {
                    Behind::Stranger => ServiceAnswer::Other(ssh()),
                    Behind::Right => service_answer(*ask),
                });
                with_buckets(
                    service(self.connect(*to, &Carrier::Tcp), answer),
                    buckets,
                    &bucket_denied(),
                )
            }
            ProbeSpec::Udp { address, ports, then, sentinel, .. } => {
                let met = |port: &Port| match self.door(*address, Transport::Udp, *port) {
                    Door::Drops => silent(*port),
                    Door::Idle => udp_port(*port, no_listener(*address)),
                    Door::Prohibits => udp_port(*port, UdpAnswer::Icmp(prohibited_by(*address))),
                    // Who waits for credentials is silent; so is a range out of sessions.
                    Door::Right if port.number() != 443 => silent(*port),
                    Door::Right => udp_port(*port, UdpAnswer::Stun),
                    Door::Stranger => udp_port(*port, UdpAnswer::Unrelated(ssh())),
                };
                let mut facts = udp(ports.iter().map(met).collect());
                if let (true, Some(port)) = (facts.sentinels.is_empty(), *sentinel) {
                    let door = self.door(*address, Transport::Udp, port);
                    let answered = matches!(door, Door::Idle | Door::Prohibits);
                    facts.sentinels.push(Sentinel { port, sent_ms: 1021, answered });
                }
                Facts::Udp(UdpFacts { swept: then.map(swept), ..facts })
            }
            ProbeSpec::Responder { address, ports, tcp } => {
                let is_let_in = |port: Port| {
                    let door = self.door(*address, Transport::Tcp, port);
                    !matches!(door, Door::Drops | Door::Prohibits)
                };
                let let_in = tcp.iter().filter(|ports| is_let_in(ports.first())).copied();
                let let_in: Vec<PortRange> = let_in.collect();
                let mut facts = told_of_both((ports, ports), (tcp, &let_in));
                if let ResponderAnswer::Told(sweep) = &mut facts.answer {
                    sweep.tcp.arrived.clone_from(tcp);
                }
                Facts::Responder(facts)
            }
            ProbeSpec::Echo { .. } => {
                Facts::Echo(EchoFacts { answer: EchoAnswer::Replied { after_ms: 40 } })
            }
            // The DNS server of this machine answers what the zone has.
            ProbeSpec::Authority { name, family } => {
                let question = ProbeSpec::Dns { name: name.clone(), family: *family };
                let servers = match self.see(&question) {
                    Outcome::Saw(Facts::Dns(dns)) => {
                        vec![authority("ns1.example.io", dns.answer, dns.addresses)]
                    }
                    _ => Vec::new(),
                };
                Facts::Authority(AuthorityFacts { servers })
            }
            // As outside sees this machine.
            ProbeSpec::OwnUdp { .. } => {
                let mapped = Some("198.51.100.7:41000".parse().unwrap());
                Facts::Turn(stun_sent_again(StunAnswer::Success { mapped }))
            }
            ProbeSpec::Host => unreachable!("a check looks at no machine from inside"),
            ProbeSpec::ProxyConfiguration => {
                let facts = self.proxy_configuration.clone().expect("it is read");
                Facts::ProxyConfiguration(Box::new(facts))
            }
            ProbeSpec::OpenviduConfiguration => unreachable!("no such file is given"),
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
        // The guide says nothing of a firewall of the proxy: where nobody listens, it refuses.
        if to.port.number() > 61_000 && self.is_proxy(to.address) {
            return Connect::Reset;
        }
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
        let facts = stun_success(connect);
        let behind = self.behind(to, over);
        let binding = match (behind, over) {
            (Some(Behind::Right), _) => facts.binding.clone(),
            (Some(Behind::Stranger), Carrier::Udp) => Some(StunAnswer::Unrelated(ssh())),
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
        Carrier::Tls(_) => Some(completed(TlsVersion::Tls13, right_chain)),
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
            login: MongoLogin::Demanded,
        },
        ServiceAsk::Http2Settings => ServiceAnswer::Http2,
        ServiceAsk::IceTcp => ServiceAnswer::IceTcp,
        ServiceAsk::MinioLive => minio(),
        ServiceAsk::GrafanaHealth => {
            http_service(200, r#"{"commit": "x", "database": "ok", "version": "11.5.1"}"#)
        }
        ServiceAsk::Ready => http_service(200, "ready\n"),
        ServiceAsk::V2Config => http_service(401, ""),
        ServiceAsk::IngressHealth => http_service(200, "Healthy"),
        ServiceAsk::Page => http_service(200, "<!doctype html>"),
    }
}

/// MinIO behind Caddy, whose name comes first.
pub fn minio() -> ServiceAnswer {
    ServiceAnswer::Http(HttpResponse {
        server: Some(ServerText::new("Caddy")),
        amz_request_id: Some(ServerText::new("18A6")),
        ..http_response(200, "")
    })
}

/// MinIO's answer about a bucket that is not listed without a login.
pub fn bucket_denied() -> HttpAnswer {
    response(403, "<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>")
}

/// MinIO's list of a bucket.
pub fn bucket_listed() -> HttpAnswer {
    response(200, "<ListBucketResult><Name>openvidu-appdata</Name></ListBucketResult>")
}

pub fn http_service(status: u16, body: &str) -> ServiceAnswer {
    ServiceAnswer::Http(http_response(status, body))
}

pub fn service(connect: Connect, answer: Option<ServiceAnswer>) -> Facts {
    Facts::Service(ServiceFacts { connect, dialled: None, answer, buckets: Vec::new() })
}

/// The same of a server that gives this answer about each bucket, if it speaks HTTP.
pub fn with_buckets(mut facts: Facts, buckets: &[BucketName], answer: &HttpAnswer) -> Facts {
    if let Facts::Service(ServiceFacts {
        answer: Some(ServiceAnswer::Http(_)), buckets: all, ..
    }) = &mut facts
    {
        let reply = |name: &BucketName| BucketReply { name: name.clone(), answer: answer.clone() };
        all.extend(buckets.iter().map(reply));
    }
    facts
}

/// A sweep of `range` to which nothing came back that is not told with the ports.
pub fn swept(range: PortRange) -> SweepFacts {
    SweepFacts {
        withheld: false,
        range,
        copies: 2,
        sent: 2 * range.count(),
        unsent: 0,
        first_sent_ms: Some(1),
        last_sent_ms: Some(1110),
    }
}

/// The validity of the first certificate, in days from now.
pub fn valid(chain: &mut ChainFacts, from: i64, until: i64) {
    chain.certificates[0].not_before = in_days(from);
    chain.certificates[0].not_after = in_days(until);
}

pub fn alert() -> Handshake {
    Handshake::Alert { code: 80, name: "internal_error".into() }
}

pub fn stun_success(connect: Option<Connect>) -> TurnFacts {
    let mapped = Some("203.0.113.10:41000".parse().unwrap());
    TurnFacts { connect, ..stun_sent_again(StunAnswer::Success { mapped }) }
}

/// The TURN server of this edition asks for credentials.
pub fn challenge(edition: Edition) -> StunAnswer {
    StunAnswer::Error {
        code: 401,
        reason: ServerText::new(""),
        realm: Some(ServerText::new("livekit")),
        nonce_bytes: Some(match edition {
            old if old < Edition::V3_5 => 80,
            _ => 25,
        }),
    }
}

/// Administratively prohibited, by a router on the way (IPv4).
pub fn prohibited_on_the_way() -> IcmpError {
    let from = IcmpSender::Another("198.51.100.1".parse().unwrap());
    IcmpError { family: Family::V4, icmp_type: 3, code: 13, from }
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

/// Port unreachable, from the node itself.
pub fn no_listener(address: IpAddr) -> UdpAnswer {
    UdpAnswer::Icmp(unreachable_from(address))
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

/// What OpenVidu says to the requests of clients.
pub fn path_answer(request: PathRequest) -> HttpAnswer {
    match request {
        PathRequest::Page => response(200, "<!doctype html>"),
        PathRequest::WhipOptions => response(204, ""),
        PathRequest::Join
        | PathRequest::JoinV1
        | PathRequest::Validate
        | PathRequest::ValidateV1 => {
            response_with(401, "invalid authorization token", |response| allow(response, &["*"]))
        }
    }
}

/// What browsers meet where messages are answered of which `is_answered` says so, and others are reset.
pub fn browser(is_answered: impl Fn(HelloShape) -> bool) -> BrowserFacts {
    let met = |shape| HelloFacts {
        shape,
        answer: if is_answered(shape) {
            completed(TlsVersion::Tls13, right_chain)
        } else {
            Handshake::Reset
        },
    };
    let hellos: Vec<HelloFacts> = HelloShape::ALL[..2].iter().copied().map(met).collect();
    let is_refused = hellos.iter().any(|hello| hello.answer == Handshake::Reset);
    let twins =
        if is_refused { HelloShape::ALL.into_iter().map(met).collect() } else { Vec::new() };
    BrowserFacts { connect: Connect::Accepted, dialled: None, hellos, twins, http2: None }
}

/// Lets pages of these origins read a response.
pub fn allow(response: &mut HttpResponse, origins: &[&str]) {
    response.marks.allowed_origins = origins.iter().map(|it| ServerText::new(it)).collect();
}

/// What a responder tells when probes to these ports were sent, and all that arrived passed.
pub fn told(asked: &[PortRange], passed: &[PortRange]) -> ResponderFacts {
    told_of_both((asked, passed), (&[], &[]))
}

/// The same of UDP and of TCP: the ports that were asked, and those that passed.
pub fn told_of_both(
    (asked, passed): (&[PortRange], &[PortRange]),
    (tcp_asked, tcp_passed): (&[PortRange], &[PortRange]),
) -> ResponderFacts {
    let sweep = ResponderSweep {
        asked: asked.to_vec(),
        arrived: passed.to_vec(),
        passed: passed.to_vec(),
        forwarded: Vec::new(),
        redirected: Vec::new(),
        unsettled: Vec::new(),
        copies: 3,
        sent: 10_000,
        lost: 12,
        lost_by_responder: 0,
        reverse_path_filter: ReversePathFilter::Off,
        tcp: Box::new(SynSweep {
            asked: tcp_asked.to_vec(),
            arrived: tcp_passed.to_vec(),
            passed: tcp_passed.to_vec(),
            attempts: 3,
            ..SynSweep::default()
        }),
    };
    let sent = SentToAll { udp_copies: 1, tcp_attempts: 3 };
    ResponderFacts { session: SessionId([7; 8]), sent, answer: ResponderAnswer::Told(sweep) }
}
