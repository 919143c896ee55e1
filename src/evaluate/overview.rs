//! What the findings of a run have in common.

use crate::model::facts::{
    Connect, DnsAnswer, Facts, ResponderAnswer, StunAnswer, TurnFacts, UdpAnswer,
};
use crate::model::observation::{Observation, Outcome};
use crate::model::overview::{Darkness, MachineCause, MachineCauseKind, Overview};
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::seen::Seen;
use crate::model::verdict::{InconclusiveKind, Verdict};

/// With fewer rules the ports speak for themselves.
const MANY: usize = 3;

/// What the findings have in common.
pub fn overview(findings: &[Finding], observations: &[Observation]) -> Overview {
    Overview { darkness: darkness(findings, observations), machines: machines(findings) }
}

/// `None` when something was decided by looking, or anything came back.
fn darkness(findings: &[Finding], observations: &[Observation]) -> Option<Darkness> {
    // What holds by the deployment file alone passes in the dark too.
    let decided_by_looking = |finding: &Finding| match finding.verdict {
        Verdict::Pass(_) | Verdict::Fail(_) => !finding.evidence.is_empty(),
        Verdict::Inconclusive(_) | Verdict::NotApplicable => false,
    };
    let unsettled = Verdict::Inconclusive(InconclusiveKind::Unsettled);
    // A premise about our own place tells more.
    if findings.iter().any(|finding| matches!(finding.seen, Seen::Doubted(_)))
        || findings.iter().any(decided_by_looking)
        || !findings.iter().any(|finding| finding.verdict == unsettled)
        || observations.is_empty()
    {
        return None;
    }
    let mut darkness = Darkness::default();
    for observation in observations {
        match &observation.outcome {
            Outcome::Blind(why) if !darkness.blindness.contains(why) => {
                darkness.blindness.push(why.clone());
            }
            Outcome::Blind(_) => {}
            Outcome::Saw(facts) if !is_silent(facts) => return None,
            Outcome::Saw(facts) => {
                darkness.silence = true;
                if let Facts::Dns(dns) = facts {
                    let known = darkness.resolvers.iter_mut().find(|(it, _)| *it == dns.server);
                    match known {
                        Some((_, most)) => *most = observation.attempts.max(*most),
                        None => darkness.resolvers.push((dns.server, observation.attempts)),
                    }
                }
            }
        }
    }
    Some(darkness)
}

/// Whether nothing at all came back.
fn is_silent(facts: &Facts) -> bool {
    match facts {
        Facts::Dns(dns) => dns.answer == DnsAnswer::Silent,
        Facts::Tcp(_)
        | Facts::Http(_)
        | Facts::Tls(_)
        | Facts::Api(_)
        | Facts::Browser(_)
        | Facts::Service(_)
        | Facts::Hold(_)
        | Facts::Rtmp(_) => facts.connect() == Some(&Connect::Silent),
        Facts::Turn(turn) => is_turn_silent(turn),
        Facts::Call(call) => call.signal.connect == Connect::Silent,
        Facts::Echo(echo) => !echo.is_replied(),
        Facts::Responder(facts) => facts.answer == ResponderAnswer::Silent,
        Facts::Host(_) | Facts::ProxyConfiguration(_) | Facts::OpenviduConfiguration(_) => false,
        Facts::Authority(facts) => {
            facts.servers.iter().all(|server| server.answer == DnsAnswer::Silent)
        }
        Facts::Udp(udp) => (udp.ports.iter()).all(|port| match port.answer {
            UdpAnswer::Silent | UdpAnswer::NotSent => true,
            UdpAnswer::Stun | UdpAnswer::Data(_) | UdpAnswer::Unrelated(_) | UdpAnswer::Icmp(_) => {
                false
            }
        }),
    }
}

fn is_turn_silent(turn: &TurnFacts) -> bool {
    let mut answers = [&turn.binding, &turn.allocate].into_iter().flatten();
    match &turn.connect {
        Some(connect) => *connect == Connect::Silent,
        None => {
            turn.other_protocol.is_none() && answers.all(|answer| *answer == StunAnswer::Silent)
        }
    }
}

/// Machines that break at least [`MANY`] rules about ports in the same way.
fn machines(findings: &[Finding]) -> Vec<MachineCause> {
    let mut causes: Vec<MachineCause> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.is_violation()) {
        let target = &finding.target;
        let (Some(node), Some(_), None) = (&target.node, target.port, &target.host) else {
            continue;
        };
        let Some(kind) = kind(finding.reason) else { continue };
        let seen_from = finding.asked_from();
        let known = causes
            .iter_mut()
            .find(|it| it.node == *node && it.kind == kind && it.seen_from == seen_from);
        match known {
            Some(cause) if cause.rules.contains(&finding.rule) => {}
            Some(cause) => cause.rules.push(finding.rule.clone()),
            None => {
                let rules = vec![finding.rule.clone()];
                causes.push(MachineCause { node: node.clone(), kind, seen_from, rules });
            }
        }
    }
    causes.retain(|cause| cause.rules.len() >= MANY);
    causes
}

fn kind(reason: ReasonCode) -> Option<MachineCauseKind> {
    match reason {
        ReasonCode::PortOpenUnexpected | ReasonCode::PortOpenUnneeded => {
            Some(MachineCauseKind::Open)
        }
        ReasonCode::TcpTimeout | ReasonCode::AdminProhibited | ReasonCode::PortUnreachable => {
            Some(MachineCauseKind::Unreachable)
        }
        ReasonCode::TcpRefused => Some(MachineCauseKind::Refusing),
        ReasonCode::ProgramNotRunning => Some(MachineCauseKind::NotRunning),
        // Any other reason is a fault of the service behind the port.
        _ => None,
    }
}
