//! A service that is not answered behind the proxy, and the row of the tables that is closed on the
//! way to it.

use super::Case;
use crate::model::plan::Ask;
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, Rule, RuleId, Scope, Service};
use crate::model::vantage::Zone;

/// Names the cause of what does not come back from behind the proxy, where we stand on the way there
/// and saw that it is closed to us.
pub(super) fn name_causes(case: &Case<'_>, findings: &mut [Option<Finding>]) {
    // Packets of others go another way.
    if !matches!(case.vantage.zone, Zone::ExternalProxy | Zone::Master) {
        return;
    }
    let closed: Vec<(RuleId, Service)> = findings
        .iter()
        .zip(&case.plan.checks)
        .filter_map(|(finding, check)| {
            let finding = finding.as_ref().filter(|finding| finding.is_violation())?;
            let service = service_of_row(rule(case, finding)?)?;
            (check.ask == Ask::MustBeOpen).then(|| (finding.rule.clone(), service))
        })
        .collect();
    for finding in findings.iter_mut().flatten() {
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
    if !matches!(rule.scope, Scope::Endpoints(_)) {
        return None;
    }
    match &rule.demand {
        Demand::ApiAnswers | Demand::WebSocketUpgradePasses | Demand::PostPasses => {
            Some(Service::LivekitApi)
        }
        Demand::AnswersBinding | Demand::ChallengesAllocate => Some(Service::TurnTcp),
        Demand::RtmpsHandshakes => Some(Service::Rtmp),
        _ => None,
    }
}
