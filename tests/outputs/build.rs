//! Reports made by hand, in few words.

use std::time::Duration;

use ovcheck::model::deployment::{Deployment, NodeRole, Policy, Topology};
use ovcheck::model::expected::Expected;
use ovcheck::model::facts::{DnsAnswer, DnsFacts, Facts};
use ovcheck::model::fingerprint::{Fingerprint, Identity};
use ovcheck::model::observation::{Blindness, Observation, Outcome};
use ovcheck::model::plan::ProbeIndex;
use ovcheck::model::port::{PortRange, Transport};
use ovcheck::model::probe::ProbeSpec;
use ovcheck::model::reason::ReasonCode;
use ovcheck::model::remedy::{LinePart, RemedyLine, RemedyStep};
use ovcheck::model::report::{Finding, Report, Standing};
use ovcheck::model::rule::{Machine, Source};
use ovcheck::model::seen::Seen;
use ovcheck::model::target::{Family, Target};
use ovcheck::model::vantage::{Vantage, Zone};
use ovcheck::model::verdict::{Severity, Verdict};

use crate::support::deployments::{node, undeclared, vantage};
use crate::support::facts;
pub use crate::support::findings::*;
use crate::support::reports::empty_report;

pub const PROXY: [&str; 2] = ["203.0.113.10", "2001:db8:5::10"];
pub const NODE: [&str; 2] = ["203.0.113.20", "2001:db8:5::20"];

/// The resolver that is asked.
const DNS_SERVER: &str = "192.0.2.53:53";

/// An empty report of a whole run of a forced-TURN deployment, seen from the internet.
pub fn report() -> Report {
    let deployment = Deployment {
        policy: Policy::ForcedTurn,
        nodes: vec![
            node("proxy", NodeRole::Proxy, &PROXY, &[]),
            node("openvidu", NodeRole::Openvidu, &NODE, &[]),
        ],
        ..undeclared(Topology::SingleNode)
    };
    let vantage = Vantage {
        addresses: ["198.51.100.10", "2001:db8:c::10"].map(|a| a.parse().unwrap()).into(),
        dns_servers: vec![DNS_SERVER.parse().unwrap()],
        stun_servers: Vec::new(),
        ..vantage(Zone::Internet)
    };
    empty_report(&deployment, vantage)
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
        ..Target::default()
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
    let is_violation = matches!(verdict, Verdict::Fail(_));
    let rule = rule.parse().unwrap();
    let fingerprint = Fingerprint::new(&Identity {
        deployment: &"openvidu.example.io".parse().unwrap(),
        rule: &rule,
        direction: "demand",
        target: &target,
    });
    Finding {
        locations: Vec::new(),
        rule,
        fingerprint,
        standing: Standing::default(),
        sightings: Vec::new(),
        title: "what the rule demands".into(),
        verdict,
        severity: Severity::Error,
        target,
        reason,
        expected: Expected::AsTheRuleSays("what is demanded".into()),
        seen: "what was seen".into(),
        means: is_violation.then(|| "what the violation means".into()),
        remedy: if is_violation { steps("what to do about it") } else { Vec::new() },
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
        self.expected = Expected::AsTheRuleSays(text.into());
        self
    }

    fn observed(mut self, text: &str) -> Self {
        self.seen = text.into();
        self
    }

    fn means(mut self, text: &str) -> Self {
        self.means = Some(text.into());
        self
    }

    fn remedy(mut self, text: &str) -> Self {
        self.remedy = steps(text);
        self
    }

    fn because(mut self, rules: &[&str]) -> Self {
        self.because = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        self
    }

    fn blocked_by(mut self, rule: &str) -> Self {
        self.blocked_by = Some(rule.parse().unwrap());
        self.reason = ReasonCode::Blocked;
        self.seen = Seen::Blocked { by: rule.parse().unwrap(), itself: None };
        self
    }
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

/// What [`DNS_SERVER`] said.
pub fn dns(answer: DnsAnswer, addresses: &[&str]) -> Outcome {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let server = DNS_SERVER.parse().unwrap();
    Outcome::Saw(Facts::Dns(DnsFacts { server, ..facts::dns(answer, addresses) }))
}

pub fn no_route(family: Family) -> Outcome {
    Outcome::Blind(Blindness::NoRoute(family))
}

/// A remedy: what is indented is there to be pasted, on the machine that the finding is about.
pub fn steps(text: &str) -> Vec<RemedyStep> {
    let lines: Vec<&str> = text.lines().collect();
    let is_pasted = |line: &str| line.starts_with(' ');
    let blocks = lines.chunk_by(|one, next| is_pasted(one) == is_pasted(next));
    let steps = blocks.map(|block| {
        let lines: Vec<&str> =
            block.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
        if !is_pasted(block[0]) {
            RemedyStep::Say(block.join(" "))
        } else if lines.iter().any(|line| line.ends_with(['{', '}', ';'])) {
            let lines = lines.iter().map(ToString::to_string).collect();
            RemedyStep::Show { place: "the configuration".into(), lines }
        } else {
            let commands = lines.chunk_by(|line, _| line.ends_with('\\'));
            let commands = commands.map(|lines| command(&lines.join("\n"))).collect();
            RemedyStep::Run { on: Machine::Node, commands }
        }
    });
    steps.collect()
}

/// A command, whose port stands apart where others can be put beside it.
fn command(text: &str) -> RemedyLine {
    type Ports = fn(Vec<PortRange>) -> LinePart;
    let forms: [(&str, Ports); 2] =
        [("dport ", LinePart::NftPorts), ("any port ", LinePart::UfwPorts)];
    for (word, ports) in forms {
        let Some((before, after)) = text.split_once(word) else { continue };
        let (port, after) = after.split_at(after.find(' ').unwrap_or(after.len()));
        if let Ok(port) = port.parse() {
            let before = LinePart::Text(format!("{before}{word}"));
            let after = LinePart::Text(after.to_owned());
            return RemedyLine::new(vec![before, ports(vec![port]), after]);
        }
    }
    RemedyLine::new(vec![LinePart::Text(text.to_owned())])
}
