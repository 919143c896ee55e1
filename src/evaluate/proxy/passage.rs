//! What happens to a connection on its way through the proxy: the request, time limits, families.

use std::time::Duration;

use super::super::judgement::Judgement;
use super::super::view::View;
use super::routes::{apart, on_the_way, one_kind, place, traces_of, undecided};
use crate::model::configuration::{BackendHttp, End, Location, Opening, Timeout, Trace};
use crate::model::deployment::NodeRole;
use crate::model::facts::ProxyFacts;
use crate::model::name::DomainName;
use crate::model::plan::NotAsked;
use crate::model::reason::ReasonCode;
use crate::model::seen::ProxySeen;
use crate::model::target::Family;

/// Where a WebSocket of LiveKit's signalling begins.
const SIGNALLING: &str = "/rtc";

/// The connections of users for the domain that open so.
fn of_domain<'a>(view: &View<'_>, facts: &'a ProxyFacts, opening: Opening) -> Vec<&'a Trace> {
    traces_of(facts, &view.case.deployment.domain, opening)
}

/// One judgement for each connection that ends otherwise; else what is not decided; else a pass.
fn judged(
    traces: &[&Trace],
    right: ProxySeen,
    wrong: impl Fn(&Trace, Vec<Family>) -> Option<Judgement>,
) -> Judgement {
    let violations = apart(traces)
        .into_iter()
        .filter_map(|(trace, families)| Some(wrong(trace, families)?.at(place(trace))));
    one_kind(violations)
        .or_else(|| undecided(traces.iter().copied()))
        .unwrap_or_else(|| Judgement::pass(right))
}

fn ends(trace: &Trace, families: Vec<Family>) -> ProxySeen {
    ProxySeen::EndsAt { families, end: Box::new(trace.end.clone()) }
}

/// Whether an unknown name, and none, reach no backend.
pub(super) fn ends_unknown_names(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let deployment = view.case.deployment;
    let is_unknown = |name: &DomainName| {
        *name != deployment.domain && deployment.turn_domain.as_ref() != Some(name)
    };
    let is_asked =
        |trace: &&Trace| {
            trace.asked.opening == Opening::WebSocket
                && trace.asked.name.as_ref().is_none_or(|name| {
                    name.top() == DomainName::NEVER_DELEGATED && is_unknown(name)
                })
        };
    let traces: Vec<&Trace> = facts.traces.iter().filter(is_asked).collect();
    judged(&traces, ProxySeen::LeadsThere, |trace, families| {
        let is_passed = matches!(trace.end, End::Backend(_));
        let judgement = || {
            Judgement::fail(ReasonCode::ConfigurationLeadsElsewhere, ends(trace, families))
                .located(on_the_way(trace))
        };
        is_passed.then(judgement)
    })
}

/// The request that reaches the API, where a hop reads HTTP.
fn request(trace: &Trace) -> Option<&BackendHttp> {
    match &trace.end {
        End::Backend(backend) => backend.http.as_ref(),
        _ => None,
    }
}

/// Whether `Upgrade` and `Connection` reach the API.
pub(super) fn keeps_upgrade(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let traces = of_domain(view, facts, Opening::WebSocket);
    judged(&traces, ProxySeen::LeadsThere, |trace, _| {
        let request = request(trace).filter(|request| !request.keeps_upgrade)?;
        let seen = ProxySeen::Request(request.clone());
        Some(
            Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen).located(on_the_way(trace)),
        )
    })
}

/// Whether the path of the signalling reaches the API as it was sent.
pub(super) fn keeps_path(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let traces = of_domain(view, facts, Opening::WebSocket);
    judged(&traces, ProxySeen::LeadsThere, |trace, _| {
        let request = request(trace)?;
        let is_kept = request.path.unquoted().starts_with(SIGNALLING);
        let seen = ProxySeen::Request(request.clone());
        let judgement = || {
            Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen).located(on_the_way(trace))
        };
        (!is_kept).then(judgement)
    })
}

/// Whether plain HTTP is redirected to HTTPS of the same name, for good.
pub(super) fn redirects(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    const FOR_GOOD: [u16; 2] = [301, 308];
    let name = &view.case.deployment.domain;
    let traces = of_domain(view, facts, Opening::PlainHttp);
    judged(&traces, ProxySeen::LeadsThere, |trace, families| {
        if matches!(trace.end, End::Undecided(_)) {
            return None;
        }
        let is_right = match &trace.end {
            End::Redirect { status, location } => {
                let rest = location.unquoted().strip_prefix("https://");
                let rest = rest.and_then(|rest| rest.strip_prefix(name.as_str()));
                FOR_GOOD.contains(status) && rest.is_some_and(|rest| rest.starts_with('/'))
            }
            _ => false,
        };
        let judgement = || {
            Judgement::fail(ReasonCode::ConfigurationLeadsElsewhere, ends(trace, families))
                .located(on_the_way(trace))
        };
        (!is_right).then(judgement)
    })
}

/// Whether a port on which one family is listened on listens on the other one, too, where the proxy has an
/// address of it.
pub(super) fn both_families(view: &View<'_>, facts: &ProxyFacts) -> Judgement {
    let proxies = view.case.deployment.nodes_of(NodeRole::Proxy);
    let mut addresses = proxies.flat_map(|node| &node.addresses);
    if !addresses.any(|address| Family::of(*address) == Family::V6) {
        return Judgement::not_applicable(ProxySeen::NotFollowed);
    }
    let name = Some(&view.case.deployment.domain);
    let of_domain = || facts.traces.iter().filter(|trace| trace.asked.name.as_ref() == name);
    let is_heard = |trace: &&Trace| trace.end != End::Refused;
    let refused = of_domain().filter(|trace| {
        let asked = &trace.asked;
        let mut others = of_domain().filter(is_heard);
        trace.end == End::Refused
            && others.any(|it| (it.asked.port, it.asked.opening) == (asked.port, asked.opening))
    });
    let violations = refused.map(|trace| {
        let seen = ends(trace, vec![trace.asked.family]);
        Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen).at(place(trace))
    });
    let mut apart: Vec<Judgement> = Vec::new();
    for violation in violations {
        if apart.iter().all(|known| known.place != violation.place) {
            apart.push(violation);
        }
    }
    Judgement::several(apart).unwrap_or_else(|| Judgement::pass(ProxySeen::LeadsThere))
}

/// A violation for a time limit, at the place where it is set.
fn time_limit(trace: &Trace, limit: &Timeout) -> Judgement {
    let at: Vec<Location> = limit.at.clone().map_or_else(|| on_the_way(trace), |at| vec![at]);
    let seen = ProxySeen::Waits(limit.lasts);
    Judgement::fail(ReasonCode::ConfigurationSettingWrong, seen).located(at)
}

pub(super) fn keeps_idle_turn(view: &View<'_>, facts: &ProxyFacts, seconds: u16) -> Judgement {
    let Some(name) = &view.case.deployment.turn_domain else {
        return Judgement::not_applicable(NotAsked::NoTurnDomain);
    };
    let traces = traces_of(facts, name, Opening::Stun);
    let least = Duration::from_secs(seconds.into());
    judged(&traces, ProxySeen::LeadsThere, |trace, _| {
        let limit = trace.idle_timeout.as_ref().filter(|limit| limit.lasts < least)?;
        Some(time_limit(trace, limit))
    })
}

pub(super) fn keeps_idle_websocket(view: &View<'_>, facts: &ProxyFacts, seconds: u16) -> Judgement {
    let traces = of_domain(view, facts, Opening::WebSocket);
    let least = Duration::from_secs(seconds.into());
    judged(&traces, ProxySeen::LeadsThere, |trace, _| {
        let limit = trace.idle_timeout.as_ref().filter(|limit| limit.lasts <= least)?;
        Some(time_limit(trace, limit))
    })
}

pub(super) fn connects_within(view: &View<'_>, facts: &ProxyFacts, seconds: u16) -> Judgement {
    let traces = of_domain(view, facts, Opening::WebSocket);
    let most = Duration::from_secs(seconds.into());
    judged(&traces, ProxySeen::LeadsThere, |trace, _| {
        // The default is as long, and nobody chose it.
        let is_chosen = |limit: &&Timeout| limit.lasts > most && limit.at.is_some();
        let limit = trace.connect_timeout.as_ref().filter(is_chosen)?;
        Some(time_limit(trace, limit))
    })
}
