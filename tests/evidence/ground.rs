//! What is asked of a node under one setting, and what each rule claims about it: made once.

use std::net::IpAddr;
use std::sync::{LazyLock, OnceLock};

use ovcheck::evaluate::{self, Case, Observations, Strictness};
use ovcheck::model::deployment::{Deployment, RtcEngine};
use ovcheck::model::observation::Observation;
use ovcheck::model::plan::{Ask, Check, Plan, RunScope};
use ovcheck::model::port::{PortRange, Transport};
use ovcheck::model::probe::{Carrier, ProbeSpec};
use ovcheck::model::report::Finding;
use ovcheck::model::resolution::Resolution;
use ovcheck::model::rule::{Demand, Rule, Service};
use ovcheck::model::target::Target;
use ovcheck::model::vantage::Vantage;
use ovcheck::plan::{self, Inputs};
use ovcheck::ruleset::Ruleset;

use crate::claim::{Claim, Ports};
use crate::node::{Middle, Node, Sketch};
use crate::setting::{Machine, Place, Setting};
use crate::support::deployments::vantage;
use crate::support::facts::NOW;

/// Ports of the media range that nobody asks for by number: what a node does there may differ from
/// the rest. The first is in no sample of a range over TCP either.
const SPECIAL: [u16; 4] = [50_011, 51_234, 57_777, 59_998];

/// A sweep sends twenty datagrams in a millisecond: so many in five, which is soon enough for us.
const SWEPT_AT_ONCE: usize = 100;
const SWEPT_EVERY_MS: u64 = 5;

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
    /// A copy for each of these ports that nobody named, unless it was answered.
    Sweep(Swept),
}

/// Ports of a swept range that get a copy at about the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Their places in [`Ground::unnamed`].
    pub from: usize,
    pub to: usize,
    pub copy: u64,
    /// The only one of them, by its place among the ports that a node has: one in which it may
    /// differ from the rest.
    pub special: Option<usize>,
}

/// A setting, worked out.
pub struct Ground {
    pub setting: Setting,
    pub address: IpAddr,
    deployment: Deployment,
    vantage: Vantage,
    pub plan: Plan,
    /// Every UDP port that is asked for by number, and some of the range that are not.
    pub udp_ports: Vec<u16>,
    /// Every TCP port that is asked, and one of the range that is not.
    pub tcp_ports: Vec<u16>,
    /// The range of which every port is asked.
    pub swept: Option<PortRange>,
    /// The port that is asked once more where none of those with numbers was refused.
    sentinel: Option<ovcheck::model::port::Port>,
    /// The ports of it that were not asked for by number.
    pub unnamed: Vec<u16>,
    pub questions: Vec<Question>,
    /// What leaves when, in milliseconds after the start, in the order in which it leaves.
    pub schedule: Vec<(u64, Sending)>,
    /// The claims behind checks of the plan, by their place there.
    pub claims: Vec<(usize, Claim)>,
    /// What else a finding may say, by the check, the words that say it, and what they claim.
    pub words: Vec<(usize, String, Claim)>,
}

static RULESET: LazyLock<Ruleset> = LazyLock::new(Ruleset::embedded);

/// Worked out when they are first wanted.
static GROUNDS: LazyLock<Vec<(Setting, OnceLock<Ground>)>> = LazyLock::new(|| {
    let settings = Machine::ALL.into_iter().flat_map(Setting::all);
    settings.map(|setting| (setting, OnceLock::new())).collect()
});

/// The ground of a setting.
pub fn ground(setting: Setting) -> &'static Ground {
    let mut grounds = GROUNDS.iter();
    let (_, ground) = grounds.find(|(known, _)| *known == setting).unwrap();
    ground.get_or_init(|| Ground::new(setting))
}

impl Ground {
    fn new(setting: Setting) -> Self {
        let deployment = setting.deployment();
        let vantage = Vantage { stands_on: setting.stands_on(), ..vantage(setting.zone()) };
        let plan = plan::build(&Inputs {
            deployment: &deployment,
            ruleset: &RULESET,
            vantage: &vantage,
            resolution: &Resolution::default(),
            seed: 7,
            find_extent: false,
            responders: &[],
            scope: RunScope::Whole,
            selection: &ovcheck::model::selection::Selection::default(),
            configurations: ovcheck::plan::ConfigurationsRead::default(),
            call: None,
        });
        let mut ground = Self {
            setting,
            address: setting.address().parse().unwrap(),
            deployment,
            vantage,
            plan,
            udp_ports: Vec::new(),
            tcp_ports: Vec::new(),
            swept: None,
            sentinel: None,
            unnamed: Vec::new(),
            questions: Vec::new(),
            schedule: Vec::new(),
            claims: Vec::new(),
            words: Vec::new(),
        };
        ground.ask();
        ground.udp_ports.extend(SPECIAL);
        ground.tcp_ports.push(SPECIAL[0]);
        ground.set_times();
        ground.claims = ground
            .plan
            .checks
            .iter()
            .enumerate()
            .filter_map(|(place, check)| Some((place, ground.claim(check)?)))
            .collect();
        let checks = ground.plan.checks.iter().enumerate();
        ground.words = checks.filter_map(|(place, check)| ground.misprint(place, check)).collect();
        ground
    }

    /// The node of a sketch, on these ports.
    pub fn node(&self, sketch: &Sketch) -> Node {
        let mut node = sketch.node(&self.udp_ports, &self.tcp_ports);
        // Inside, our own network is a part of the deployment.
        if self.setting.place != Place::Outside
            && matches!(node.middle, Middle::Egress { .. } | Middle::Bans(_) | Middle::BlocksQuic)
        {
            node.middle = Middle::Nothing;
        }
        node
    }

    /// Questions and ports from the plan's probes.
    fn ask(&mut self) {
        for (probe, spec) in self.plan.probes.iter().enumerate() {
            if !self.is_asked(spec) || matches!(spec, ProbeSpec::Echo { .. }) {
                continue;
            }
            let (transport, ports, is_stun) = match spec {
                ProbeSpec::Udp { ports, then, sentinel, .. } => {
                    self.swept = *then;
                    self.sentinel = *sentinel;
                    (Transport::Udp, ports.clone(), false)
                }
                ProbeSpec::Turn { to, over: Carrier::Udp } => (Transport::Udp, vec![to.port], true),
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

    /// Whether our own network lets this question out, where it lets out some ports alone: none of
    /// those of which no table speaks.
    pub fn lets_out(&self, node: &Node, asked: Question) -> bool {
        let (Middle::Egress { lets_out, .. }, Transport::Tcp) = (node.middle, asked.transport)
        else {
            return true;
        };
        let number = self.tcp_ports[asked.port];
        let is_control = self.plan.unlistened.is_some_and(|port| port.number() == number)
            || RULESET.controls.tcp.iter().any(|port| port.number() == number);
        asked.port < lets_out && !is_control
    }

    /// Whether this question goes to the UDP port of QUIC.
    pub fn is_quic(&self, asked: Question) -> bool {
        asked.transport == Transport::Udp && self.udp_ports[asked.port] == 443
    }

    /// Whether a probe asks the machine that is looked at.
    pub fn is_asked(&self, spec: &ProbeSpec) -> bool {
        spec.address() == Some(self.address)
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
                let sending = Sending::Copy { question: place, copy };
                self.schedule.push((started + after, sending));
            }
        }
        if let Some(ports) = self.ports_probe() {
            for at in [350, 380, 1020, 1050, 1080, 1095] {
                let at = self.started(ports) + at;
                self.schedule.push((at, Sending::Sentinel));
            }
        }
        self.set_times_of_sweep();
        // Stable: sentinels stand behind the copies of their round. In the millisecond of a later
        // round ports of the sweep may have left before, and here they have.
        let first = self.ports_probe().map_or(0, |probe| self.started(probe));
        self.schedule.sort_by_key(|(at, sending)| {
            let is_before = matches!(sending, Sending::Sweep(_)) && *at > first;
            (*at, !is_before)
        });
    }

    /// All other ports of the range behind the first round, and once more when that is through;
    /// around the last round of those with numbers they keep quiet.
    fn set_times_of_sweep(&mut self) {
        let (Some(range), Some(probe)) = (self.swept, self.ports_probe()) else {
            return;
        };
        let started = self.started(probe);
        let quiet = (started + 900)..(started + 1105);
        self.unnamed = (range.first().number()..=range.last().number())
            .filter(|port| SPECIAL.contains(port) || !self.udp_ports.contains(port))
            .collect();
        let is_special = |port: u16| SPECIAL.contains(&port);
        let mut at = started;
        for copy in 0..2 {
            for (place, ports) in self.unnamed.chunks(SWEPT_AT_ONCE).enumerate() {
                if quiet.contains(&at) {
                    at = quiet.end;
                }
                let mut from = place * SWEPT_AT_ONCE;
                // Special ports stand alone.
                for run in ports.chunk_by(|a, b| ![a, b].iter().any(|port| is_special(**port))) {
                    let special = self.special().find(|(port, _)| *port == run[0]);
                    let swept = Swept {
                        from,
                        to: from + run.len(),
                        copy,
                        special: special.map(|(_, place)| place),
                    };
                    self.schedule.push((at, Sending::Sweep(swept)));
                    from += run.len();
                }
                at += SWEPT_EVERY_MS;
            }
        }
    }

    /// The ports of the range that were not asked for by number and may differ from the rest, with
    /// their places.
    pub fn special(&self) -> impl Iterator<Item = (u16, usize)> {
        let first = self.udp_ports.len() - SPECIAL.len();
        SPECIAL.into_iter().zip(first..)
    }

    /// Which question asks that port first, and its number.
    pub fn sentinel(&self) -> Option<(usize, u16)> {
        let number = self.sentinel?.number();
        let is_it =
            |question: &Question| question.is_stun && self.udp_ports[question.port] == number;
        Some((self.questions.iter().position(is_it)?, number))
    }

    /// The probe of UDP ports; from some zones there is none.
    fn ports_probe(&self) -> Option<usize> {
        let is_ports =
            |spec: &ProbeSpec| matches!(spec, ProbeSpec::Udp { .. }) && self.is_asked(spec);
        self.plan.probes.iter().position(is_ports)
    }

    /// When a probe starts, in milliseconds.
    pub fn started(&self, probe: usize) -> u64 {
        let is_of_node = self.is_asked(&self.plan.probes[probe]);
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
        if check.target.address? != self.address {
            return None;
        }
        let transport = check.target.transport?;
        let rule = self.rule(check);
        let all = || self.ports(transport, check.target.port.unwrap());
        match (&rule.demand, &check.ask) {
            (_, Ask::Nothing(_) | Ask::Undeclared(_) | Ask::EitherWay(_)) => None,
            (Demand::UndocumentedClosed, _) => Some(Claim::Closed(Ports {
                transport: Transport::Tcp,
                places: self
                    .questions
                    .iter()
                    .filter(|question| check.probes.iter().any(|own| own.0 == question.probe))
                    .map(|question| question.port)
                    .collect(),
                rest: false,
            })),
            (Demand::PortClosed, _)
            | (Demand::PortRow(_), Ask::MustBeClosed | Ask::NeedNotBeOpen(_)) => {
                Some(Claim::Closed(all()))
            }
            (Demand::PortRow(row), Ask::MustBeOpen | Ask::Demand) => Some(match transport {
                Transport::Tcp if row.only_in_sessions => Claim::Open(all()),
                Transport::Tcp if row.service.is_some_and(|service| self.can_tell(service)) => {
                    Claim::Serves(all().places)
                }
                Transport::Tcp => Claim::Accepts(all().places),
                Transport::Udp => {
                    let (family, edition) = (self.setting.family, self.setting.edition);
                    let listens = row
                        .listens_on
                        .as_ref()
                        .is_none_or(|limit| !limit.leaves_out(family, edition));
                    if row.service.is_some() && listens {
                        Claim::AnswersStun(all().places[0])
                    } else {
                        Claim::Open(all())
                    }
                }
            }),
            (Demand::PortOpen, _) => Some(Claim::Open(all())),
            (Demand::AnswersBinding, _) if transport == Transport::Udp => {
                Some(Claim::AnswersStun(all().places[0]))
            }
            _ => None,
        }
    }

    /// That another port is open, which a table names by mistake.
    fn misprint(&self, place: usize, check: &Check) -> Option<(usize, String, Claim)> {
        let Demand::PortRow(row) = &self.rule(check).demand else {
            return None;
        };
        let misprint = row.misprint?;
        let known = self.tcp_ports.iter();
        let port = known.into_iter().position(|port| *port == misprint.number())?;
        let words = format!("TCP {misprint} is open instead");
        Some((place, words, Claim::Accepts(vec![port])))
    }

    /// Whether the question that is asked of a service tells whether it is there.
    fn can_tell(&self, service: Service) -> bool {
        service != Service::IceTcp || self.setting.engine == RtcEngine::Pion
    }

    /// The ports of a range.
    fn ports(&self, transport: Transport, range: PortRange) -> Ports {
        let known = match transport {
            Transport::Tcp => &self.tcp_ports,
            Transport::Udp => &self.udp_ports,
        };
        let numbers = range.first().number()..=range.last().number();
        Ports {
            transport,
            places: (0..known.len()).filter(|place| numbers.contains(&known[*place])).collect(),
            rest: transport == Transport::Udp && range.single().is_none(),
        }
    }

    /// What follows from observations, by check: of several violations of one check the first.
    pub fn judge(&self, observations: &[Observation]) -> Vec<Finding> {
        let judged = self.judge_whole(observations).into_iter();
        judged.map(|findings| findings.into_iter().next().unwrap()).collect()
    }

    /// What follows from observations, by check: one finding, or one for each port of a list that
    /// is open.
    pub fn judge_whole(&self, observations: &[Observation]) -> Vec<Vec<Finding>> {
        let mut findings = self.findings(observations).into_iter().peekable();
        let of_check = |check: &Check| {
            let mut judged = vec![findings.next().unwrap()];
            let is_another = |finding: &Finding| {
                let target = Target { port: None, ..finding.target.clone() };
                (&finding.rule, &target) == (&check.rule, &check.target)
                    && finding.target.port.is_some()
            };
            while let Some(another) = findings.next_if(is_another) {
                judged.push(another);
            }
            judged
        };
        let judged = self.plan.checks.iter().map(of_check).collect();
        assert_eq!(findings.next(), None, "a finding of no check");
        judged
    }

    /// What a finding claims that is about one port of its check.
    pub fn narrowed(&self, claim: &Claim, finding: &Finding, check: usize) -> Claim {
        match (claim, finding.target.port) {
            (Claim::Closed(ports), Some(port))
                if finding.target.port != self.plan.checks[check].target.port =>
            {
                let is_meant = |place: &usize| {
                    Some(self.tcp_ports[*place]) == port.single().map(|port| port.number())
                };
                let places: Vec<usize> = ports.places.iter().copied().filter(is_meant).collect();
                Claim::Closed(Ports { places, ..ports.clone() })
            }
            _ => claim.clone(),
        }
    }

    fn findings(&self, observations: &[Observation]) -> Vec<Finding> {
        evaluate::evaluate(&Case {
            deployment: &self.deployment,
            ruleset: &RULESET,
            vantage: &self.vantage,
            plan: &self.plan,
            observations: &Observations::new(observations.to_vec()),
            now: NOW,
            strictness: Strictness::Likely,
        })
    }
}
