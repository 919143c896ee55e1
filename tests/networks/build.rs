//! What a call met, made by hand, and the report that follows from it.

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use ovcheck::config::{CheckOptions, DeploymentFile, FileChoice, Flags, RunConfig, load};
use ovcheck::evaluate::{self, Case, Observations, Strictness};
use ovcheck::model::context::RunCommand;
use ovcheck::model::facts::{
    ApiFacts, CallFacts, CertificateFacts, ChainFacts, Connect, DnsAnswer, DnsFacts, DtlsFacts,
    Facts, Farewell, Handshake, HttpAnswer, HttpFacts, IceCheck, IceScheme, JoinAnswer, NotSent,
    PathFacts, RelayFacts, RoomEnd, SdpAnswer, ServerText, SessionFacts, SignalFacts, StunAnswer,
    TcpFacts, TlsFacts, TlsVersion, Trust, Way,
};
use ovcheck::model::observation::{Observation, Outcome};
use ovcheck::model::plan::RunScope;
use ovcheck::model::port::Transport;
use ovcheck::model::probe::{CallDepth, ProbeSpec};
use ovcheck::model::report::Report;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::target::Family;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

use crate::support::deployments;
use crate::support::facts::{self, NOW, candidate, dns, stun, url};
pub use crate::support::facts::{redirect, response, right_chain};
use crate::support::reports::empty_report;

static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

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
    /// What a connection to the API met once more at the end, where something was not answered.
    pub at_the_end: Connect,
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
            at_the_end: Connect::Accepted,
        }
    }

    /// The same with another call.
    pub fn with(call: CallFacts) -> Self {
        Self { call: saw(call), ..Self::right() }
    }

    /// The report of a run that saw this.
    pub fn report(&self) -> Report {
        let mut config = config(self.file);
        config.command = RunCommand::Call;
        let context = config.context();
        let deployment = config.deployment;
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
            responders: &[],
            call: Some(CallDepth::Dtls),
            scope: RunScope::Call,
            selection: &ovcheck::model::selection::Selection::default(),
            configurations: ovcheck::plan::ConfigurationsRead::default(),
        });
        let probes = plan.probes.iter().cloned();
        let observations: Vec<Observation> = probes.map(|spec| self.observe(spec)).collect();
        let again = plan::again_after_call(&observations).map(|spec| self.observe(spec));
        let observations: Vec<Observation> = observations.into_iter().chain(again).collect();
        let seen = Observations::new(observations.clone());
        let case = Case {
            deployment: &deployment,
            ruleset: &RULESET,
            vantage: &vantage,
            plan: &plan,
            observations: &seen,
            now: NOW,
            strictness: Strictness::Likely,
        };
        let findings = evaluate::evaluate(&case);
        let call = evaluate::call_summary(&case);
        Report {
            duration: Duration::from_millis(1_410),
            findings,
            observations,
            not_tested: plan.left_out.clone(),
            call,
            context,
            gate: CheckOptions::default().gate(),
            ..empty_report(&deployment, vantage.clone())
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
                let server = place("192.0.2.53:53");
                Outcome::Saw(Facts::Dns(DnsFacts { server, ..dns(answer, addresses) }))
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
                second: None,
                handshake: self.tls.1.clone(),
                behind: None,
                second_try: None,
            })),
            ProbeSpec::Api { .. } => Outcome::Saw(Facts::Api(ApiFacts {
                otherwise: None,
                connect: self.tls.0.clone(),
                dialled: None,
                handshake: self.tls.1.clone(),
                answer: matches!(self.tls.1, Some(Handshake::Completed(_)))
                    .then(|| response(401, "no permissions to access the room")),
            })),
            ProbeSpec::OwnUdp { .. } => {
                let answer = self.own_udp.clone().expect("a server is asked that was named");
                Outcome::Saw(Facts::Turn(stun(answer)))
            }
            ProbeSpec::Call(_) => self.call.clone(),
            ProbeSpec::Tcp { .. } => Outcome::Saw(Facts::Tcp(TcpFacts {
                connect: self.at_the_end.clone(),
                dialled: None,
            })),
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

fn config(text: &str) -> RunConfig {
    let file = DeploymentFile {
        path: "ovcheck.toml".to_owned(),
        text: text.to_owned(),
        choice: FileChoice::Named,
    };
    load(&Flags::default(), &|_| None, Some(&file))
        .unwrap_or_else(|complaint| panic!("{complaint}"))
}

fn vantage(with_stun: bool) -> Vantage {
    Vantage {
        addresses: vec![ip("10.20.30.40")],
        dns_servers: vec![place("192.0.2.53:53")],
        stun_servers: with_stun.then(|| place("192.0.2.99:3478")).into_iter().collect(),
        ..deployments::vantage(Zone::Internet)
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

/// A handshake of TLS 1.3.
pub fn completed(chain: impl FnOnce(&mut ChainFacts)) -> Handshake {
    facts::completed(TlsVersion::Tls13, chain)
}

/// A chain that ends at this issuer, whom nobody knows.
pub fn issued_by(issuer: &'static str) -> impl FnOnce(&mut ChainFacts) {
    move |chain| {
        chain.certificates[0].issuer = ServerText::new(issuer);
        // As devices that inspect TLS do, it sends its own authority's certificate along.
        let own = CertificateFacts {
            subject: ServerText::new(issuer),
            names: Vec::new(),
            ..chain.certificates[0].clone()
        };
        chain.certificates.push(own);
        chain.sent += 1;
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
            token: None,
            lost: None,
            flaw: None,
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
        search: None,
    }
}

fn session() -> SessionFacts {
    let candidate = |transport, address: &str| candidate(transport, place(address));
    SessionFacts {
        server_version: ServerText::new("1.8.4"),
        server_id: ServerText::new("ND_1"),
        ice_servers: vec![
            url("turn:203.0.113.20:443?transport=udp", IceScheme::Turn, 443),
            url("turns:turn.example.io:443?transport=tcp", IceScheme::Turns, 443),
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
        dtls: Some(DtlsFacts::BothWays),
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
        blocked: None,
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
            path.dtls = path.dtls.filter(|_| path.check.is_answered());
        }
        self
    }

    fn no_ice_tcp(mut self, connect: Connect) -> Self {
        for path in self.paths.iter_mut().filter(|path| path.way == Way::IceTcp) {
            path.connect = Some(connect.clone());
            path.check = IceCheck::NotSent(NotSent::NoConnection);
            path.dtls = None;
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
