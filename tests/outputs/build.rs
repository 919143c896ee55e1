//! Reports made by hand, in few words.

use std::net::SocketAddr;
use std::time::Duration;

use ovcheck::model::deployment::{Edition, Policy, Topology};
use ovcheck::model::facts::{DnsAnswer, DnsFacts, Facts};
use ovcheck::model::observation::{Blindness, Observation, Outcome};
use ovcheck::model::plan::{LeftOut, ProbeIndex, RunScope};
use ovcheck::model::port::Transport;
use ovcheck::model::probe::ProbeSpec;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::report::{Finding, Gate, Report};
use ovcheck::model::rule::Source;
use ovcheck::model::target::{Family, Target};
use ovcheck::model::timestamp::Timestamp;
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::{
    FailConfidence, InconclusiveKind, PassConfidence, Severity, Verdict,
};

pub const PROVEN_PASS: Verdict = Verdict::Pass(PassConfidence::Proven);
pub const UNCONTRADICTED: Verdict = Verdict::Pass(PassConfidence::Uncontradicted);
pub const PROVEN_FAIL: Verdict = Verdict::Fail(FailConfidence::Proven);
pub const SUSPECTED: Verdict = Verdict::Fail(FailConfidence::Suspected);
pub const UNSETTLED: Verdict = Verdict::Inconclusive(InconclusiveKind::Unsettled);
pub const VANTAGE_LIMIT: Verdict = Verdict::Inconclusive(InconclusiveKind::VantageLimit);

pub const PROXY: [&str; 2] = ["203.0.113.10", "2001:db8:5::10"];
pub const NODE: [&str; 2] = ["203.0.113.20", "2001:db8:5::20"];

/// An empty report of a whole run of a forced-TURN deployment, seen from the internet.
pub fn report() -> Report {
    Report {
        tool_version: "0.1.0",
        started_at: Timestamp::from_unix_seconds(1_767_225_600),
        duration: Duration::from_millis(1_430),
        complete: true,
        edition: Edition::V3_2,
        ruleset_digest: "sha256:0123".into(),
        topology: Topology::SingleNode,
        policy: Policy::ForcedTurn,
        domain: "openvidu.example.io".parse().unwrap(),
        turn_domain: "turn.example.io".parse().ok(),
        vantage: Vantage {
            name: None,
            zone: Zone::Internet,
            stands_on: Vec::new(),
            addresses: ["198.51.100.10", "2001:db8:c::10"].map(|a| a.parse().unwrap()).into(),
            dns_servers: vec!["192.0.2.53:53".parse().unwrap()],
            stun_servers: Vec::new(),
            near: Vec::new(),
        },
        findings: Vec::new(),
        observations: Vec::new(),
        not_tested: Vec::new(),
        scope: RunScope::Whole,
        call: None,
        gate: Gate {
            fail_on: Severity::Error,
            allow_inconclusive: false,
            exit_zero: false,
            min_coverage: None,
            interrupted: false,
        },
    }
}

/// A name alone, as for DNS.
pub fn name(host: &str) -> Target {
    Target { host: Some(host.parse().unwrap()), ..Target::default() }
}

/// A name and a TCP port at an address.
pub fn endpoint(host: &str, port: &str, address: &str) -> Target {
    Target {
        address: Some(address.parse().unwrap()),
        transport: Some(Transport::Tcp),
        port: Some(port.parse().unwrap()),
        ..name(host)
    }
}

/// A port or a range of a node at an address.
pub fn port(node: &str, transport: Transport, port: &str, address: &str) -> Target {
    Target {
        node: Some(node.parse().unwrap()),
        host: None,
        address: Some(address.parse().unwrap()),
        transport: Some(transport),
        port: Some(port.parse().unwrap()),
    }
}

/// An error-level finding with this verdict; the words are filled in with those below.
pub fn finding(rule: &str, verdict: Verdict, target: Target) -> Finding {
    let reason = match verdict {
        Verdict::Pass(_) => ReasonCode::Holds,
        Verdict::Fail(_) => ReasonCode::WrongService,
        Verdict::Inconclusive(_) => ReasonCode::Blind,
        Verdict::NotApplicable => ReasonCode::NotApplicable,
    };
    Finding {
        rule: rule.parse().unwrap(),
        title: "what the rule demands".into(),
        verdict,
        severity: Severity::Error,
        target,
        reason,
        expected: "what is demanded".into(),
        observed: "what was seen".into(),
        means: None,
        remedy: None,
        evidence: vec![ProbeIndex(0)],
        blocked_by: None,
        because: Vec::new(),
        source: Source {
            document: "external-proxy guide".into(),
            section: "Single Node".into(),
            row: None,
        },
    }
}

/// The words of a finding, one after the other.
pub trait Words: Sized {
    fn reason(self, reason: ReasonCode) -> Self;
    fn severity(self, severity: Severity) -> Self;
    fn expected(self, text: &str) -> Self;
    fn observed(self, text: &str) -> Self;
    fn means(self, text: &str) -> Self;
    fn remedy(self, text: &str) -> Self;
    fn because(self, rules: &[&str]) -> Self;
    fn blocked_by(self, rule: &str) -> Self;
}

impl Words for Finding {
    fn reason(mut self, reason: ReasonCode) -> Self {
        self.reason = reason;
        self
    }

    fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    fn expected(mut self, text: &str) -> Self {
        self.expected = text.into();
        self
    }

    fn observed(mut self, text: &str) -> Self {
        self.observed = text.into();
        self
    }

    fn means(mut self, text: &str) -> Self {
        self.means = Some(text.into());
        self
    }

    fn remedy(mut self, text: &str) -> Self {
        self.remedy = Some(text.into());
        self
    }

    fn because(mut self, rules: &[&str]) -> Self {
        self.because = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        self
    }

    fn blocked_by(mut self, rule: &str) -> Self {
        self.blocked_by = Some(rule.parse().unwrap());
        self.reason = ReasonCode::Blocked;
        self.observed = format!("needs {rule}, which did not pass");
        self
    }
}

pub fn left_out(what: &str, why: &str, flag: Option<&str>) -> LeftOut {
    LeftOut { what: what.into(), why: why.into(), flag: flag.map(Into::into) }
}

/// An observation of a question that took 61 ms.
pub fn observation(spec: ProbeSpec, attempts: u32, outcome: Outcome) -> Observation {
    Observation {
        spec,
        started: Duration::from_millis(120),
        took: Duration::from_millis(61),
        attempts,
        outcome,
    }
}

pub fn dns_question(host: &str, family: Family) -> ProbeSpec {
    ProbeSpec::Dns { name: host.parse().unwrap(), family }
}

/// What the resolver 192.0.2.53 said.
pub fn dns(answer: DnsAnswer, addresses: &[&str]) -> Outcome {
    Outcome::Saw(Facts::Dns(DnsFacts {
        server: SocketAddr::from(([192, 0, 2, 53], 53)),
        over_udp: true,
        answer,
        cname_chain: Vec::new(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
    }))
}

pub fn no_route(family: Family) -> Outcome {
    Outcome::Blind(Blindness::NoRoute(family))
}
