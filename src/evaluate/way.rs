//! A service that is not answered behind the proxy, and what explains it: the row of the tables that is
//! closed on the way to it, or the same switch of the proxy that spoils another service.

use super::{Case, Found};
use crate::model::plan::Ask;
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, Rule, RuleId, Scope, Service};
use crate::model::target::Target;
use crate::model::vantage::Zone;

/// Names the cause of what does not come back from behind the proxy, where the run shows it.
pub(super) fn name_causes(case: &Case<'_>, found: &mut [Found<'_>]) {
    name_switches(found);
    name_closed_rows(case, found);
    name_stopped_programs(case, found);
}

/// A machine that refuses the TCP ports of LiveKit, and on which no process has its UDP port either, has one
/// fault: the program does not run.
fn name_stopped_programs(case: &Case<'_>, found: &mut [Found<'_>]) {
    let of_livekit = |finding: &Finding, transport: Transport| {
        let service = rule(case, finding).and_then(service_of_row);
        finding.is_violation()
            && service.is_some_and(|it| it.is_of_livekit() && it.transport() == transport)
    };
    let refused: Vec<(Target, RuleId)> = found
        .iter()
        .map(|found| &found.finding)
        .filter(|it| of_livekit(it, Transport::Tcp) && it.reason == ReasonCode::TcpRefused)
        .map(|it| (it.target.clone(), it.rule.clone()))
        .collect();
    for Found { finding, .. } in found {
        let is_idle = finding.reason == ReasonCode::PortUnreachable;
        if !is_idle || !of_livekit(finding, Transport::Udp) {
            continue;
        }
        let is_same = |of: &Target| {
            of.node.is_some()
                && (&of.node, of.address) == (&finding.target.node, finding.target.address)
        };
        let cause = refused.iter().find(|(target, _)| is_same(target));
        finding.because.extend(cause.map(|(_, rule)| rule.clone()));
    }
}

/// Several services behind one front that fail for one switch of it have one cause: the first of them
/// stands for it.
fn name_switches(found: &mut [Found<'_>]) {
    for reason in [
        ReasonCode::ProxyHeaderSent,
        ReasonCode::ClientCertificateDemanded,
        ReasonCode::NothingBehindProxy,
    ] {
        let mut fail = found.iter_mut().map(|found| &mut found.finding);
        let mut fail = fail.by_ref().filter(|it| it.is_violation() && it.reason == reason);
        let Some(first) = fail.next() else {
            continue;
        };
        let rule = first.rule.clone();
        for finding in fail.filter(|finding| finding.rule != rule) {
            finding.because.push(rule.clone());
        }
    }
}

/// Names the row that is closed on the way to a service, where we stand on the way there and saw it.
fn name_closed_rows(case: &Case<'_>, found: &mut [Found<'_>]) {
    // Packets of others go another way.
    if !matches!(case.vantage.zone, Zone::ExternalProxy | Zone::Master) {
        return;
    }
    let closed: Vec<(RuleId, Service)> = found
        .iter()
        .filter_map(|Found { check, finding, .. }| {
            let finding = Some(finding).filter(|finding| finding.is_violation())?;
            let service = service_of_row(rule(case, finding)?)?;
            (check.ask == Ask::MustBeOpen).then(|| (finding.rule.clone(), service))
        })
        .collect();
    for Found { finding, .. } in found {
        let is_unanswered =
            matches!(finding.reason, ReasonCode::BackendDown | ReasonCode::BackendSilent);
        let service = rule(case, finding).and_then(service_behind_proxy);
        let Some(service) = service.filter(|_| is_unanswered && finding.is_violation()) else {
            continue;
        };
        for (row, of_row) in &closed {
            if *of_row == service && !finding.because.contains(row) {
                finding.because.push(row.clone());
            }
        }
    }
}

fn rule<'a>(case: &Case<'a>, finding: &Finding) -> Option<&'a Rule> {
    case.ruleset.rule(&finding.rule)
}

fn service_of_row(rule: &Rule) -> Option<Service> {
    match &rule.demand {
        Demand::PortRow(row) => row.service,
        _ => None,
    }
}

/// The service that a rule about an endpoint of the proxy wants an answer of.
pub(super) fn service_behind_proxy(rule: &Rule) -> Option<Service> {
    let wants_answer = matches!(
        rule.demand,
        Demand::ApiAnswers
            | Demand::WebSocketUpgradePasses
            | Demand::PostPasses
            | Demand::AnswersBinding
            | Demand::ChallengesAllocate
            | Demand::RtmpsHandshakes
    );
    match &rule.scope {
        Scope::Endpoints(endpoints) if wants_answer => {
            endpoints.first().map(|endpoint| endpoint.service)
        }
        _ => None,
    }
}
