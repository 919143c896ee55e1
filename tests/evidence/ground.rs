//! What is asked of a node under one setting, and what each rule claims about it: made once.

use std::net::IpAddr;
use std::sync::LazyLock;

use ovcheck::evaluate::{self, Case, Strictness};
use ovcheck::model::deployment::{
    Deployment, Edition, Feature, Modules, NodeRole, Policy, RtcEngine, Topology, Uses,
};
use ovcheck::model::observation::Observation;
use ovcheck::model::plan::{Ask, Check, Plan};
use ovcheck::model::port::{PortRange, Transport};
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::rule::{Demand, Rule, Service};
use ovcheck::model::target::Family;
use ovcheck::model::timestamp::Timestamp;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;
use proptest::prelude::*;

use crate::node::{Listener, Node, Sketch};

/// A port that is in the media range and in no sample.
const NOT_PROBED: u16 = 50_011;

/// What is declared, and where we stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub policy: Policy,
    pub zone: Zone,
    pub family: Family,
    pub engine: RtcEngine,
    pub uses: Declared,
}

/// What is said of the optional rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    AllInUse,
    NoneInUse,
    Unsaid,
}

/// Any setting.
pub fn settings() -> impl Strategy<Value = Setting> {
    let engine = prop::sample::select(vec![RtcEngine::Pion, RtcEngine::Mediasoup]);
    let uses = prop::sample::select(vec![
        Declared::AllInUse,
        Declared::NoneInUse,
        Declared::Unsaid,
    ]);
    (
        prop::sample::select(vec![Policy::Default, Policy::ForcedTurn]),
        prop::sample::select(vec![Zone::Internet, Zone::ExternalProxy, Zone::OwnNode]),
        prop::sample::select(Family::BOTH.to_vec()),
        engine,
        uses,
    )
        .prop_map(|(policy, zone, family, engine, uses)| Setting {
            policy,
            zone,
            family,
            engine,
            uses,
        })
}

/// One thing that is asked of one port: copies of it are sent until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The place in the plan's probes.
    pub probe: usize,
    pub transport: Transport,
    /// The place among the ground's ports of this transport.
    pub port: usize,
    pub is_stun: bool,
    /// Whether it asks for the service, so that who listens is seen.
    pub asks_service: bool,
}

/// What leaves at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// A copy of a question, by its place, unless it was answered.
    Copy { question: usize, copy: u64 },
    /// The sentinel behind a round of the UDP ports.
    Sentinel,
}

/// What a rule claims about a node, by places of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing from here gets in.
    Closed(Transport, Vec<usize>),
    /// Packets from here get in, at every port.
    Open(Transport, Vec<usize>),
    /// Somebody accepts us.
    Accepts(usize),
    /// The service of the row accepts us.
    Serves(usize),
    /// Over UDP somebody answers us.
    Answers(usize),
    /// The STUN server answers us.
    AnswersStun(usize),
}

impl Claim {
    /// Whether it is true of `node`.
    pub fn holds(&self, node: &Node) -> bool {
        let of = |transport| match transport {
            Transport::Tcp => &node.tcp,
            Transport::Udp => &node.udp,
        };
        match self {
            Self::Closed(transport, ports) => {
                !ports.iter().any(|port| of(*transport)[*port].lets_in())
            }
            Self::Open(transport, ports) => {
                ports.iter().all(|port| of(*transport)[*port].lets_in())
            }
            Self::Accepts(port) => {
                let port = node.tcp[*port];
                port.lets_in() && port.listener != Listener::Nobody
            }
            Self::Serves(port) => {
                let port = node.tcp[*port];
                port.lets_in() && port.listener == Listener::Right
            }
            Self::Answers(port) => {
                let port = node.udp[*port];
                port.lets_in() && matches!(port.listener, Listener::Right | Listener::Other)
            }
            Self::AnswersStun(port) => {
                let port = node.udp[*port];
                port.lets_in() && port.listener == Listener::Right
            }
        }
    }
}

/// A setting, worked out.
pub struct Ground {
    pub setting: Setting,
    pub address: IpAddr,
    deployment: Deployment,
    vantage: Vantage,
    pub plan: Plan,
    /// Every UDP port that the rules speak of and that is asked, and one of the range that is not.
    pub udp_ports: Vec<u16>,
    /// The same for TCP.
    pub tcp_ports: Vec<u16>,
    pub questions: Vec<Question>,
    /// What leaves when, in milliseconds after the start, in the order in which it leaves.
    pub schedule: Vec<(u64, Sending)>,
    /// The claims behind checks of the plan, by their place there.
    pub claims: Vec<(usize, Claim)>,
}

static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

static GROUNDS: LazyLock<Vec<Ground>> = LazyLock::new(|| {
    let mut grounds = Vec::new();
    for policy in [Policy::Default, Policy::ForcedTurn] {
        for zone in [Zone::Internet, Zone::ExternalProxy, Zone::OwnNode] {
            for family in Family::BOTH {
                for engine in [RtcEngine::Pion, RtcEngine::Mediasoup] {
                    for uses in [Declared::AllInUse, Declared::NoneInUse, Declared::Unsaid] {
                        grounds.push(Ground::new(Setting {
                            policy,
                            zone,
                            family,
                            engine,
                            uses,
                        }));
                    }
                }
            }
        }
    }
    grounds
});

/// The ground of a setting.
pub fn ground(setting: Setting) -> &'static Ground {
    GROUNDS
        .iter()
        .find(|ground| ground.setting == setting)
        .unwrap()
}

impl Ground {
    fn new(setting: Setting) -> Self {
        let address: IpAddr = match setting.family {
            Family::V4 => "203.0.113.20".parse().unwrap(),
            Family::V6 => "2001:db8:5::20".parse().unwrap(),
        };
        let deployment = Deployment {
            edition: Edition::V3_2,
            topology: Topology::SingleNode,
            policy: setting.policy,
            domain: "openvidu.example.io".parse().unwrap(),
            turn_domain: Some("turn.example.io".parse().unwrap()),
            rtc_engine: setting.engine,
            uses: match setting.uses {
                Declared::AllInUse => Uses::Listed(
                    [
                        Feature::Rtmp,
                        Feature::Whip,
                        Feature::IceTcp,
                        Feature::PublicMinio,
                    ]
                    .into(),
                ),
                Declared::NoneInUse => Uses::Listed([].into()),
                Declared::Unsaid => Uses::Unsaid,
            },
            modules: Modules::Unsaid,
            nodes: vec![ovcheck::model::deployment::Node {
                name: "openvidu".parse().unwrap(),
                role: NodeRole::Openvidu,
                addresses: vec![address],
                private_addresses: Vec::new(),
            }],
        };
        let vantage = Vantage {
            name: None,
            zone: setting.zone,
            stands_on: Vec::new(),
            addresses: vec!["198.51.100.7".parse().unwrap()],
            dns_servers: vec!["10.0.0.1:53".parse().unwrap()],
            stun_servers: vec![
                "192.0.2.1:3478".parse().unwrap(),
                "[2001:db8:f::1]:3478".parse().unwrap(),
            ],
            near: Vec::new(),
        };
        let plan = plan::build(&Inputs {
            deployment: &deployment,
            ruleset: &RULESET,
            vantage: &vantage,
            resolution: &Resolution::default(),
            seed: 7,
            find_extent: false,
        });
        let mut ground = Self {
            setting,
            address,
            deployment,
            vantage,
            plan,
            udp_ports: Vec::new(),
            tcp_ports: Vec::new(),
            questions: Vec::new(),
            schedule: Vec::new(),
            claims: Vec::new(),
        };
        ground.ask();
        ground.udp_ports.push(NOT_PROBED);
        ground.tcp_ports.push(NOT_PROBED);
        ground.set_times();
        ground.claims = ground
            .plan
            .checks
            .iter()
            .enumerate()
            .filter_map(|(place, check)| Some((place, ground.claim(check)?)))
            .collect();
        ground
    }

    /// The node of a sketch, on these ports.
    pub fn node(&self, sketch: &Sketch) -> Node {
        sketch.node(&self.udp_ports, &self.tcp_ports)
    }

    /// Questions and ports from the plan's probes.
    fn ask(&mut self) {
        for (probe, spec) in self.plan.probes.iter().enumerate() {
            let (transport, ports, is_stun) = match spec {
                ProbeSpec::Dns { .. } | ProbeSpec::OwnUdp { .. } => continue,
                ProbeSpec::Udp { ports, .. } => (Transport::Udp, ports.clone(), false),
                ProbeSpec::Turn {
                    to,
                    over: Carrier::Udp,
                } => (Transport::Udp, vec![to.port], true),
                _ => (Transport::Tcp, vec![spec.endpoint().unwrap().port], false),
            };
            for port in ports {
                let known = match transport {
                    Transport::Tcp => &mut self.tcp_ports,
                    Transport::Udp => &mut self.udp_ports,
                };
                let number = port.number();
                let place = known.iter().position(|port| *port == number);
                self.questions.push(Question {
                    probe,
                    transport,
                    port: place.unwrap_or_else(|| {
                        known.push(number);
                        known.len() - 1
                    }),
                    is_stun,
                    asks_service: !matches!(spec, ProbeSpec::Tcp { .. }),
                });
            }
        }
    }

    /// The runner's order: what stands before the UDP ports at once, those 10 ms later, the rest
    /// 160 ms later; the rounds of the ports, the copies of STUN, SYNs after 0 and 1000 ms.
    fn set_times(&mut self) {
        for (place, question) in self.questions.iter().enumerate() {
            let copies: &[u64] = match (question.transport, question.is_stun) {
                (Transport::Tcp, _) => &[0, 1000],
                (Transport::Udp, true) => &[0, 350, 1050],
                (Transport::Udp, false) => &[0, 350, 1020],
            };
            let started = self.started(question.probe);
            for (copy, after) in (0..).zip(copies) {
                let sending = Sending::Copy {
                    question: place,
                    copy,
                };
                self.schedule.push((started + after, sending));
            }
        }
        if let Some(ports) = self.ports_probe() {
            for round in [350, 1020] {
                let at = self.started(ports) + round;
                self.schedule.push((at, Sending::Sentinel));
            }
        }
        // Stable: sentinels stand behind the copies of their round.
        self.schedule.sort_by_key(|(at, _)| *at);
    }

    /// The probe of UDP ports; from some zones there is none.
    fn ports_probe(&self) -> Option<usize> {
        let is_ports = |spec: &ProbeSpec| matches!(spec, ProbeSpec::Udp { .. });
        self.plan.probes.iter().position(is_ports)
    }

    /// When a probe starts, in milliseconds.
    pub fn started(&self, probe: usize) -> u64 {
        let is_of_node = self.plan.probes[probe].address().is_some();
        match self.ports_probe().filter(|_| is_of_node) {
            Some(ports) if probe == ports => 10,
            Some(ports) if probe > ports => 160,
            Some(_) | None => 0,
        }
    }

    fn rule(&self, check: &Check) -> &'static Rule {
        RULESET.rule(&check.rule).unwrap()
    }

    /// What a check claims about the node's ports, where it does.
    fn claim(&self, check: &Check) -> Option<Claim> {
        check.target.address?;
        let transport = check.target.transport?;
        let rule = self.rule(check);
        let tcp = || self.places(&self.tcp_ports, check.target.port.unwrap())[0];
        let udp = || self.places(&self.udp_ports, check.target.port.unwrap())[0];
        let all = || match transport {
            Transport::Tcp => self.places(&self.tcp_ports, check.target.port.unwrap()),
            Transport::Udp => self.places(&self.udp_ports, check.target.port.unwrap()),
        };
        match (&rule.demand, &check.ask) {
            (_, Ask::Nothing(_) | Ask::Undeclared(_) | Ask::EitherWay(_)) => None,
            (Demand::UndocumentedClosed, _) => Some(Claim::Closed(
                Transport::Tcp,
                self.questions
                    .iter()
                    .filter(|question| check.probes.iter().any(|own| own.0 == question.probe))
                    .map(|question| question.port)
                    .collect(),
            )),
            (Demand::PortClosed, _)
            | (Demand::PortRow(_), Ask::MustBeClosed | Ask::NeedNotBeOpen(_)) => {
                Some(Claim::Closed(transport, all()))
            }
            (Demand::PortRow(row), Ask::MustBeOpen | Ask::Demand) => Some(match transport {
                Transport::Tcp if row.service.is_some_and(|service| self.can_tell(service)) => {
                    Claim::Serves(tcp())
                }
                Transport::Tcp => Claim::Accepts(tcp()),
                Transport::Udp => {
                    let listens = row
                        .listens_on
                        .as_ref()
                        .is_none_or(|limit| !limit.leaves_out(self.setting.family, Edition::V3_2));
                    if row.service.is_some() && listens {
                        Claim::Answers(udp())
                    } else {
                        Claim::Open(transport, all())
                    }
                }
            }),
            (Demand::PortOpen, _) => Some(Claim::Open(transport, all())),
            (Demand::AnswersBinding, _) if transport == Transport::Udp => {
                Some(Claim::AnswersStun(udp()))
            }
            _ => None,
        }
    }

    /// Whether the question that is asked of a service tells whether it is there.
    fn can_tell(&self, service: Service) -> bool {
        service != Service::IceTcp || self.setting.engine == RtcEngine::Pion
    }

    fn places(&self, ports: &[u16], range: PortRange) -> Vec<usize> {
        let numbers = range.first().number()..=range.last().number();
        (0..ports.len())
            .filter(|place| numbers.contains(&ports[*place]))
            .collect()
    }

    /// The findings that follow from observations.
    pub fn judge(&self, observations: &[Observation]) -> Vec<Finding> {
        evaluate::evaluate(&Case {
            deployment: &self.deployment,
            ruleset: &RULESET,
            vantage: &self.vantage,
            plan: &self.plan,
            observations,
            now: Timestamp::from_unix_seconds(1_767_225_600),
            strictness: Strictness::Likely,
        })
    }
}
