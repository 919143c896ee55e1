//! Rules about the configuration of the proxy (`rules/proxy.toml`).

mod routes;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::configuration::Opening;
use crate::model::facts::{ProxyFacts, ProxyFaultKind};
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, Service};
use crate::model::seen::ProxySeen;

/// Judges a rule about the configuration of the proxy.
pub(super) fn judge(view: &View<'_>) -> Judged {
    let facts = view.proxy_configuration()?;
    let deployment = view.case.deployment;
    Ok(match &view.rule.demand {
        Demand::ProxyConfigurationReads => reads(facts),
        Demand::ProxyLeadsToApi => {
            let name = Some(&deployment.domain);
            routes::leads_to(view, facts, name, Opening::WebSocket, Service::LivekitApi)
        }
        Demand::ProxyLeadsToTurn => {
            let name = deployment.turn_domain.as_ref();
            routes::leads_to(view, facts, name, Opening::Stun, Service::TurnTcp)
        }
        Demand::ProxyHeaderAgrees => routes::header_agrees(view, facts),
        Demand::TurnBackendNotLoopback => routes::turn_backend(view, facts),
        _ => unreachable!("only rules about the configuration of the proxy are judged here"),
    })
}

fn reads(facts: &ProxyFacts) -> Judgement {
    let judged = facts.faults.iter().filter_map(|fault| {
        let seen = ProxySeen::Unreadable(fault.what.clone());
        let judgement = match fault.what.keeps_from_starting() {
            Some(_) => Judgement::fail(ReasonCode::ConfigurationUnreadable, seen),
            // Where a file that is not there matters, the connection that it decides says so.
            None if matches!(fault.what, ProxyFaultKind::IncludeUnread(_)) => return None,
            None => Judgement::unsettled(ReasonCode::ConfigurationUndecided, seen),
        };
        Some(judgement.located([fault.at.clone()]))
    });
    Judgement::several(judged).unwrap_or_else(|| Judgement::pass(ProxySeen::AllRead))
}
