//! Rules about the configuration of the proxy (`rules/proxy.toml`).

mod haproxy;
mod header;
mod passage;
mod routes;
mod settings;
mod tls;
mod ways;

use super::judgement::{Judged, Judgement};
use super::view::View;
use crate::model::configuration::Opening;
use crate::model::deployment::{Condition, Feature, Usage};
use crate::model::facts::{ProxyFacts, ProxyFaultKind, ProxyRemarkKind};
use crate::model::plan::NotAsked;
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
        Demand::ProxyLeadsToRtmp => match deployment.uses.of(&Feature::Rtmp) {
            Usage::NotInUse => {
                Judgement::not_applicable(NotAsked::NotInUse(Condition::Feature(Feature::Rtmp)))
            }
            Usage::InUse | Usage::Unsaid => {
                let name = Some(&deployment.domain);
                routes::leads_to(view, facts, name, Opening::Rtmp, Service::Rtmp)
            }
        },
        Demand::ProxyEndsUnknownNames => passage::ends_unknown_names(view, facts),
        Demand::HaproxyWaitsForHello => haproxy::has_no(facts, ProxyRemarkKind::HelloNotAwaited),
        Demand::HaproxyHasServerName => haproxy::has_no(facts, ProxyRemarkKind::NameNotThere),
        Demand::HaproxyLimitsTimes => haproxy::has_no(facts, ProxyRemarkKind::TimeoutMissing),
        Demand::HaproxyChecksServers => haproxy::has_no(facts, ProxyRemarkKind::CheckMissing),
        Demand::ProxyKeepsUpgrade => passage::keeps_upgrade(view, facts),
        Demand::ProxyKeepsPath => passage::keeps_path(view, facts),
        Demand::ProxyRedirectsHttp => passage::redirects(view, facts),
        Demand::ProxyListensOnBothFamilies => passage::both_families(view, facts),
        Demand::ProxyKeepsIdleTurn { seconds } => passage::keeps_idle_turn(view, facts, *seconds),
        Demand::ProxyKeepsIdleWebSocket { seconds } => {
            passage::keeps_idle_websocket(view, facts, *seconds)
        }
        Demand::ProxyConnectsWithin { seconds } => passage::connects_within(view, facts, *seconds),
        Demand::ProxyHeaderAgrees => header::agrees(view, facts),
        Demand::ProxyCertificateFiles { days, lifetime_share } => {
            tls::certificate_files(view, facts, *days, *lifetime_share)
        }
        Demand::ProxyAllowsTlsVersions(versions) => tls::versions(view, facts, versions),
        Demand::ProxyAsksNoClientCertificate => tls::no_client_certificate(view, facts),
        Demand::ProxyAlpnFitsBackend => tls::alpn(view, facts),
        Demand::ProxyOffersNoHttp3 => tls::no_http3(view, facts),
        Demand::ProxyHstsFits => tls::hsts(view, facts),
        Demand::ProxyRenewalReachesPorts => tls::renewal(view, facts),
        Demand::ProxyServesItsFiles => tls::serves_its_files(view, facts),
        Demand::ProxySettingRight(setting) => settings::judge(view, facts, *setting),
        Demand::TurnBackendNotLoopback => routes::turn_backend(view, facts),
        _ => unreachable!("only rules about the configuration of the proxy are judged here"),
    })
}

fn reads(facts: &ProxyFacts) -> Judgement {
    // These have rules of their own.
    let is_of_another = |what: &ProxyFaultKind| {
        matches!(what, ProxyFaultKind::PortTwice(_)) || settings::is_stream_misplaced(what)
    };
    let faults = facts.faults.iter().filter(|fault| !is_of_another(&fault.what));
    let judged = faults.filter_map(|fault| {
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
