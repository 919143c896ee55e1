//! Rules about the configuration of the proxy (`rules/proxy.toml`).

mod routes;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::configuration::Opening;
use crate::model::facts::ProxyFacts;
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
        _ => unreachable!("only rules about the configuration of the proxy are judged here"),
    })
}

fn reads(facts: &ProxyFacts) -> Judgement {
    let violation = |part: &crate::model::facts::Unreadable| {
        let seen = ProxySeen::Unreadable(part.what.clone());
        Judgement::fail(ReasonCode::ConfigurationUnreadable, seen).located([part.at.clone()])
    };
    let violations = facts.unreadable.iter().map(violation);
    Judgement::several(violations).unwrap_or_else(|| Judgement::pass(ProxySeen::AllRead))
}
