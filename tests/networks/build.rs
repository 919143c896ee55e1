//! What a call met, made by hand, and the report that follows from it.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use ovcheck::config::{DeploymentFile, Flags, load};
use ovcheck::evaluate::{self, Case, Strictness};
use ovcheck::model::deployment::Deployment;
use ovcheck::model::facts::{
    ApiFacts, CallFacts, CandidateFacts, CandidatePlace, CertificateFacts, ChainFacts, Connect,
    DnsAnswer, DnsFacts, Facts, Farewell, Handshake, HttpAnswer, HttpFacts, HttpResponse, IceCheck,
    IceScheme, IceUrl, IceUrlParts, JoinAnswer, NotSent, PathFacts, RelayFacts, RoomEnd, SdpAnswer,
    ServerText, SessionFacts, SignalFacts, StunAnswer, TlsFacts, TlsSession, TlsVersion, Trust,
    TurnFacts, Way,
};
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::plan::RunScope;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{CallDepth, ProbeSpec};
use ovcheck::model::report::{Gate, Report};
use ovcheck::model::resolution::Resolution;
use ovcheck::model::target::Family;
use ovcheck::model::timestamp::Timestamp;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::Severity;
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

/// Everything that a run saw.
pub struct Situation {
    /// The deployment file.
    pub file: &'static str,
    pub dns: (DnsAnswer, Vec<IpAddr>),
    /// What `http://` met.
    pub http: (Connect, Option<HttpAnswer>),
    /// What a handshake with the API met that went straight there.
    pub tls: (Connect, Option<Handshake>),
    /// What a STUN server outside said, where one was named.
    pub own_udp: Option<StunAnswer>,
    pub call: Outcome,
}

impl Situation {
    /// A network that lets everything pass, to a deployment that is right.
    pub fn right() -> Self {
        Self {
            file: "domain-name = \"openvidu.example.io\"",
            dns: (DnsAnswer::Addresses, vec![ip("203.0.113.10")]),
            http: (Connect::Accepted, Some(redirect("https://openvidu.example.io/ovcheck?x=1"))),
            tls: (Connect::Accepted, Some(completed(right_chain))),
            own_udp: None,
            call: saw(call()),
        }
    }

    /// The same with another call.
    pub fn with(call: CallFacts) -> Self {
        Self { call: saw(call), ..Self::right() }
    }

    /// The report of a run that saw this.
    pub fn report(&self) -> Report {
        let deployment = deployment(self.file);
        let vantage = vantage(self.own_udp.is_some());
        let names: Vec<Observation> =
            plan::questions(&deployment).into_iter().map(|spec| self.observe(spec)).collect();
        let resolution = Resolution::new(&names, Vec::new());
        let plan = plan::build(&Inputs {
            deployment: &deployment,
            ruleset: &RULESET,
            vantage: &vantage,
            resolution: &resolution,
            seed: 1,
            find_extent: false,
            call: Some(CallDepth::Checks),
            scope: RunScope::Call,
        });
        let probes = plan.probes.iter().cloned();
        let observations: Vec<Observation> = probes.map(|spec| self.observe(spec)).collect();
        let case = Case {
            deployment: &deployment,
            ruleset: &RULESET,
            vantage: &vantage,
            plan: &plan,
            observations: &observations,
            now: Timestamp::from_unix_seconds(NOW),
            strictness: Strictness::Likely,
        };
        let findings = evaluate::evaluate(&case);
        let call = evaluate::call_summary(&case, &findings);
        Report {
            tool_version: "0.1.0",
            started_at: Timestamp::from_unix_seconds(NOW),
            duration: Duration::from_millis(1_410),
            complete: true,
            edition: deployment.edition,
            ruleset_digest: "sha256:0123".into(),
            topology: deployment.topology,
            policy: deployment.policy,
            domain: deployment.domain.clone(),
            turn_domain: deployment.turn_domain.clone(),
            vantage: vantage.clone(),
            findings,
            observations,
            not_tested: plan.left_out.clone(),
            scope: RunScope::Call,
            call,
            gate: Gate {
                fail_on: Severity::Error,
                allow_inconclusive: false,
                exit_zero: false,
                min_coverage: None,
                interrupted: false,
            },
        }
    }

    fn observe(&self, spec: ProbeSpec) -> Observation {
        let outcome = match &spec {
            ProbeSpec::Dns { family, .. } => {
                let of_family = self.dns.1.iter().filter(|ip| Family::of(**ip) == *family);
                let addresses: Vec<IpAddr> = of_family.copied().collect();
                let answer = match self.dns.0 {
                    DnsAnswer::Addresses if addresses.is_empty() => DnsAnswer::NoData,
                    answer => answer,
                };
                Outcome::Saw(Facts::Dns(DnsFacts {
                    server: place("192.0.2.53:53"),
                    over_udp: true,
                    answer,
                    cname_chain: Vec::new(),
                    addresses,
                }))
            }
            ProbeSpec::Http { .. } => Outcome::Saw(Facts::Http(HttpFacts {
                connect: self.http.0.clone(),
                dialled: None,
                path: "/ovcheck?x=1".into(),
                answer: self.http.1.clone(),
            })),
            ProbeSpec::Tls { .. } => Outcome::Saw(Facts::Tls(TlsFacts {
                connect: self.tls.0.clone(),
                dialled: None,
                handshake: self.tls.1.clone(),
                behind: None,
            })),
            ProbeSpec::Api { .. } => Outcome::Saw(Facts::Api(ApiFacts {
                connect: self.tls.0.clone(),
                dialled: None,
                handshake: self.tls.1.clone(),
                answer: matches!(self.tls.1, Some(Handshake::Completed(_)))
                    .then(|| response(401, "no permissions to access the room")),
            })),
            ProbeSpec::OwnUdp { .. } => Outcome::Saw(Facts::Turn(TurnFacts {
                connect: None,
                dialled: None,
                handshake: None,
                binding: self.own_udp.clone(),
                allocate: None,
                instead: None,
                sent_ms: vec![0],
            })),
            ProbeSpec::Call(_) => self.call.clone(),
            other => panic!("a call does not ask for {other}"),
        };
        Observation {
            spec,
            started: Duration::from_millis(60),
            took: Duration::from_millis(900),
            attempts: 1,
            outcome,
        }
    }
}

fn deployment(text: &str) -> Deployment {
    let file = DeploymentFile { path: "ovcheck.toml".to_owned(), text: text.to_owned() };
    load(&Flags::default(), &|_| None, Some(&file))
        .unwrap_or_else(|complaint| panic!("{complaint}"))
        .deployment
}

fn vantage(with_stun: bool) -> Vantage {
    Vantage {
        name: None,
        zone: Zone::Internet,
        stands_on: Vec::new(),
        addresses: vec![ip("10.20.30.40")],
        dns_servers: vec![place("192.0.2.53:53")],
        stun_servers: with_stun.then(|| place("192.0.2.99:3478")).into_iter().collect(),
        near: Vec::new(),
    }
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn place(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn saw(call: CallFacts) -> Outcome {
    Outcome::Saw(Facts::Call(Box::new(call)))
}

pub fn response(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer::Response(HttpResponse {
        status,
        server: None,
        location: None,
        content_type: None,
        date_ahead_s: Some(0),
        body: ServerText::new(body),
    })
}

pub fn redirect(to: &str) -> HttpAnswer {
    HttpAnswer::Response(HttpResponse {
        status: 301,
        server: None,
        location: Some(ServerText::new(to)),
        content_type: None,
        date_ahead_s: Some(0),
        body: ServerText::new(""),
    })
}

pub fn completed(chain: impl FnOnce(&mut ChainFacts)) -> Handshake {
    let mut facts = ChainFacts {
        certificates: vec![CertificateFacts {
            subject: ServerText::new("CN=openvidu.example.io"),
            issuer: ServerText::new("C=XX, O=Example Trust, CN=Example CA R3"),
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
    chain(&mut facts);
    Handshake::Completed(Box::new(TlsSession {
        version: TlsVersion::Tls13,
        cipher: "TLS13_AES_128_GCM_SHA256".into(),
        alpn: None,
        certificate: Some(facts),
    }))
}

pub fn right_chain(_: &mut ChainFacts) {}

/// A chain that ends at this issuer, whom nobody knows.
pub fn issued_by(issuer: &'static str) -> impl FnOnce(&mut ChainFacts) {
    move |chain| {
        chain.certificates[0].issuer = ServerText::new(issuer);
        chain.trust = Trust::UnknownIssuer;
    }
}

/// A call in which every way works.
pub fn call() -> CallFacts {
    CallFacts {
        signal: SignalFacts {
            address: Some(ip("203.0.113.10")),
            dialled: None,
            http_proxy: None,
            connect: Connect::Accepted,
            handshake: Some(completed(right_chain)),
            join: Some(JoinAnswer::Joined),
            joined_ms: Some(160),
        },
        session: Some(session()),
        paths: vec![
            path(Way::Udp, None),
            path(Way::IceTcp, None),
            path(Way::TurnUdp, Some(0)),
            path(Way::Turns, Some(1)),
        ],
        relays: vec![relay(Way::TurnUdp), relay(Way::Turns)],
        punched: None,
        farewell: Some(Farewell { left: true, room: RoomEnd::LeftToServer }),
    }
}

fn session() -> SessionFacts {
    let url = |text: &str, scheme, host: &str, transport| IceUrl {
        text: ServerText::new(text),
        parts: Some(IceUrlParts { scheme, host: host.to_owned(), port: 443, transport }),
        with_credentials: true,
    };
    let candidate = |transport, address: &str| CandidateFacts {
        text: ServerText::new("candidate"),
        place: Some(CandidatePlace { transport, address: place(address) }),
    };
    SessionFacts {
        server_version: ServerText::new("1.8.4"),
        ice_servers: vec![
            url(
                "turn:203.0.113.20:443?transport=udp",
                IceScheme::Turn,
                "203.0.113.20",
                Transport::Udp,
            ),
            url(
                "turns:turn.example.io:443?transport=tcp",
                IceScheme::Turns,
                "turn.example.io",
                Transport::Tcp,
            ),
        ],
        answer: SdpAnswer::Complete { ice_lite: false },
        candidates: vec![
            candidate(Transport::Udp, "203.0.113.20:50905"),
            candidate(Transport::Tcp, "203.0.113.20:7881"),
        ],
        all_candidates: true,
        ready_ms: Some(215),
    }
}

fn path(way: Way, relay: Option<usize>) -> PathFacts {
    let candidate = match way {
        Way::IceTcp => "203.0.113.20:7881",
        Way::Udp | Way::TurnUdp | Way::Turns => "203.0.113.20:50905",
    };
    PathFacts {
        way,
        candidate: place(candidate),
        dialled: None,
        relay,
        connect: (way == Way::IceTcp).then_some(Connect::Accepted),
        check: IceCheck::Answered { mapped: Some(place("198.51.100.7:61234")) },
        sent_ms: Some(220),
        ended_ms: 273,
        padded: None,
        dtls: None,
    }
}

fn relay(way: Way) -> RelayFacts {
    let over_tls = way == Way::Turns;
    let server = if over_tls { "203.0.113.10:443" } else { "203.0.113.20:443" };
    RelayFacts {
        url: usize::from(over_tls),
        way,
        server: Some(place(server)),
        dialled: None,
        connect: over_tls.then_some(Connect::Accepted),
        handshake: over_tls.then(|| completed(right_chain)),
        allocate: Some(StunAnswer::Success { mapped: Some(place("198.51.100.7:61235")) }),
        relayed: Some(place("203.0.113.20:40001")),
        wrong_password: None,
        permissions: Vec::new(),
        control: None,
        ended_ms: 400,
    }
}

/// Changes of a call, one after the other.
pub trait Changes: Sized {
    /// The check of a way without a relay met this.
    fn check(self, way: Way, check: IceCheck) -> Self;
    /// TCP to the node was not accepted.
    fn no_ice_tcp(self, connect: Connect) -> Self;
    /// The relay of a way did not come about.
    fn no_relay(self, way: Way, change: impl FnOnce(&mut RelayFacts)) -> Self;
    /// The join went no farther.
    fn no_join(self, change: impl FnOnce(&mut SignalFacts)) -> Self;
}

impl Changes for CallFacts {
    fn check(mut self, way: Way, check: IceCheck) -> Self {
        for path in self.paths.iter_mut().filter(|path| path.way == way) {
            path.check = check.clone();
        }
        self
    }

    fn no_ice_tcp(mut self, connect: Connect) -> Self {
        for path in self.paths.iter_mut().filter(|path| path.way == Way::IceTcp) {
            path.connect = Some(connect.clone());
            path.check = IceCheck::NotSent(NotSent::NoConnection);
            path.sent_ms = None;
        }
        self
    }

    fn no_relay(self, way: Way, change: impl FnOnce(&mut RelayFacts)) -> Self {
        let mut call = self.check(way, IceCheck::NotSent(NotSent::NoRelay));
        let relay = call.relays.iter_mut().find(|relay| relay.way == way);
        let relay = relay.unwrap();
        relay.relayed = None;
        change(relay);
        call
    }

    fn no_join(mut self, change: impl FnOnce(&mut SignalFacts)) -> Self {
        self.session = None;
        self.paths.clear();
        self.relays.clear();
        self.farewell = None;
        self.signal.join = None;
        self.signal.joined_ms = None;
        change(&mut self.signal);
        self
    }
}
