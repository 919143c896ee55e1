//! Mistakes in what the operator declares, recognised from what answers where. A declaration that is
//! wrong must not end in instructions that break a right deployment: what depends on it waits.

use std::net::IpAddr;

use super::view::connect_of;
use super::{Case, rule_of};
use crate::model::address::is_unreachable;
use crate::model::deployment::NodeRole;
use crate::model::facts::{
    ApiFacts, Connect, Facts, FirstBytes, Handshake, HttpAnswer, StunAnswer, TlsFacts,
};
use crate::model::name::DomainName;
use crate::model::observation::{Observation, Outcome};
use crate::model::plan::{Check, CheckIndex};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::probe::{ApiRequest, Carrier, ProbeSpec, Sni, TlsOffer};
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, Scope, Service};
use crate::model::seen::{DnsSeen, SwapSign};
use crate::model::target::Target;

/// The checks that may show that others rest on something declared or resolved wrongly.
pub(super) fn doubting_checks(case: &Case<'_>) -> Vec<CheckIndex> {
    let all = case.plan.checks.iter().enumerate();
    let may_doubt = |check: &Check| {
        matches!(
            rule_of(case, check).demand,
            Demand::PointsToProxy | Demand::AddressesPublic | Demand::ApiAnswers
        )
    };
    all.filter(|(_, check)| may_doubt(check)).map(|(index, _)| CheckIndex(index)).collect()
}

/// Those of the doubting checks that come before this one.
pub(super) fn doubts(case: &Case<'_>, check: &Check, doubting: &[CheckIndex]) -> Vec<CheckIndex> {
    let demand = &rule_of(case, check).demand;
    let about_names =
        matches!(demand, Demand::PointsToProxy | Demand::NameResolves | Demand::AddressesPublic);
    if about_names || check.target == Target::default() {
        return Vec::new();
    }
    // TURN at the other name waits for the API at the one, and so does the certificate of a service
    // that has no name of its own. The API waits for the names alone.
    let api = case.ruleset.endpoint_of(Service::LivekitApi).map(|endpoint| endpoint.port);
    let is_at_api_port = check.target.port.and_then(PortRange::single) == api;
    let waits_for_api = match demand {
        Demand::AnswersBinding => check.target.host.is_some(),
        Demand::NameMatches => !is_at_api_port,
        _ => false,
    };
    let comes_before = |index: &&CheckIndex| {
        let other = &rule_of(case, &case.plan.checks[index.0]).demand;
        matches!(other, Demand::PointsToProxy | Demand::AddressesPublic) || waits_for_api
    };
    doubting.iter().filter(comes_before).copied().collect()
}

/// Whether a finding takes the ground from a check: its place is not what it was taken for.
pub(super) fn takes_ground(case: &Case<'_>, finding: &Finding, check: &Check) -> bool {
    match finding.reason {
        ReasonCode::AddressDead => check.target.address == finding.target.address,
        ReasonCode::AddressNotPublic
        | ReasonCode::AddressCarrierNat
        | ReasonCode::AddressMadeUp => {
            let address = check.target.address.filter(|it| finding.target.address == Some(*it));
            address.is_some_and(|address| !has_answered(case, address))
        }
        // Where nobody says where the proxy is, whatever a name leads to is taken for it.
        ReasonCode::DnsWildcard | ReasonCode::DnsNamesApart => {
            case.deployment.nodes_of(NodeRole::Proxy).next().is_none()
                && check.target.address == finding.target.address
        }
        ReasonCode::NodesSwapped => check.target.node.is_some(),
        ReasonCode::NamesSwapped => true,
        ReasonCode::Undeclared => is_at_private_address(case, check),
        _ => false,
    }
}

/// Whether a violation is above all a question to the operator: if the declaration is wrong, nothing of
/// the deployment is.
pub(super) fn is_questioned_by(finding: &Finding) -> bool {
    matches!(finding.reason, ReasonCode::NodesSwapped | ReasonCode::NamesSwapped)
}

/// Whether the finding leaves others to be judged all the same.
pub(super) fn leaves_others_alone(finding: &Finding) -> bool {
    matches!(finding.reason, ReasonCode::Undeclared | ReasonCode::DnsServersDiffer)
}

/// A declared private address at which nothing answered to somebody on the internet.
fn is_at_private_address(case: &Case<'_>, check: &Check) -> bool {
    let is_declared = check.target.node.is_some();
    let address = check.target.address.filter(|address| is_declared && is_unreachable(*address));
    address.is_some_and(|address| !has_answered(case, address))
}

/// Whether a machine at an address answered. An ICMP error is that of a router on the way.
fn has_answered(case: &Case<'_>, address: IpAddr) -> bool {
    at(case, address).any(|observation| {
        matches!(connect_of(observation), Some(Connect::Accepted | Connect::Reset))
    })
}

fn at<'a>(case: &Case<'a>, address: IpAddr) -> impl Iterator<Item = &'a Observation> {
    case.observations.at(address)
}

/// Whether an address accepts a connection on a port of the proxy: `None` where none was tried, or
/// nothing follows from it.
pub(super) fn answers(case: &Case<'_>, address: IpAddr) -> Option<bool> {
    let ports = proxy_ports(case);
    let tried = at(case, address)
        .filter(|it| it.spec.endpoint().is_some_and(|to| ports.contains(&to.port)))
        .filter_map(connect_of);
    tried.fold(None, |so_far, connect| Some(so_far == Some(true) || connect.is_accepted()))
}

/// The ports of the proxy's endpoints.
fn proxy_ports(case: &Case<'_>) -> Vec<Port> {
    let services = [Service::Web, Service::LivekitApi, Service::TurnTcp, Service::Rtmp];
    let endpoints = services.into_iter().filter_map(|service| case.ruleset.endpoint_of(service));
    endpoints.map(|endpoint| endpoint.port).collect()
}

/// Whether TLS is completed at an address with a certificate for the name: `None` where ovcheck could
/// not look.
pub(super) fn serves(case: &Case<'_>, name: &DomainName, address: IpAddr) -> Option<bool> {
    let mut looked = at(case, address).filter_map(|observation| {
        match (&observation.spec, &observation.outcome) {
            (
                ProbeSpec::Tls { sni: Sni::Name(asked), offer, .. },
                Outcome::Saw(Facts::Tls(facts)),
            ) if asked == name && matches!(offer, TlsOffer::Web | TlsOffer::Stream) => Some(facts),
            _ => None,
        }
    });
    let shows_certificate = |facts: &TlsFacts| match &facts.handshake {
        Some(Handshake::Completed(session)) => {
            session.certificate.as_ref().is_some_and(|chain| chain.name_matches)
        }
        Some(_) | None => false,
    };
    let first = looked.next()?;
    Some(shows_certificate(first) || looked.any(shows_certificate))
}

/// The name leads to the machine that is declared as the backend, this machine does the proxy's work,
/// and the declared proxy does not.
pub(super) fn nodes_swapped(case: &Case<'_>, address: IpAddr) -> Option<DnsSeen> {
    let deployment = case.deployment;
    let backend = deployment.topology.backend();
    let mut backends = deployment.nodes_of(backend);
    if !backends.any(|node| node.addresses.contains(&address))
        || serves(case, &deployment.domain, address) != Some(true)
    {
        return None;
    }
    let proxies = || deployment.nodes_of(NodeRole::Proxy).flat_map(|node| &node.addresses);
    let web = case.ruleset.endpoint_of(Service::LivekitApi)?.port;
    let is_proxy = proxies().any(|address| is_accepted(case, *address, web));
    if is_proxy {
        return None;
    }
    let was_asked = proxies().any(|address| answers(case, *address).is_some());
    let backend_port = backend_ports(case, backend)
        .into_iter()
        .find(|port| proxies().any(|address| is_accepted(case, *address, *port)));
    let sign = match backend_port {
        Some(port) => SwapSign::ProxyHasBackendPort(port.number()),
        None if was_asked => SwapSign::ProxyLacksPort(web.number()),
        None => return None,
    };
    Some(DnsSeen::NodesSwapped { backend, sign })
}

fn is_accepted(case: &Case<'_>, address: IpAddr, port: Port) -> bool {
    at(case, address).any(|observation| {
        observation.spec.endpoint().is_some_and(|to| to.port == port)
            && connect_of(observation).is_some_and(|connect| connect.is_accepted())
    })
}

/// The TCP ports that the tables list for the backend, and not for the proxy.
fn backend_ports(case: &Case<'_>, backend: NodeRole) -> Vec<Port> {
    let rows = case.ruleset.demanded(case.deployment).filter_map(|rule| {
        let (Demand::PortRow(_), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
            return None;
        };
        let is_it = scope.transport == Transport::Tcp
            && scope.roles.contains(&backend)
            && !scope.roles.contains(&NodeRole::Proxy);
        is_it.then(|| scope.ports.single()).flatten()
    });
    rows.collect()
}

/// HTTP is answered at the TURN domain, and not at the domain, where TLS completes all the same.
pub(super) fn names_swapped(case: &Case<'_>) -> Option<DnsSeen> {
    let deployment = case.deployment;
    let turn_domain = deployment.turn_domain.as_ref()?;
    let mut apis = case.observations.iter().filter_map(|observation| {
        match (&observation.spec, &observation.outcome) {
            (
                ProbeSpec::Api {
                    over: Carrier::Tls(_), request: ApiRequest::Validate, host, ..
                },
                Outcome::Saw(Facts::Api(facts)),
            ) if *host == deployment.domain => Some(facts),
            _ => None,
        }
    });
    let is_http_at_turn = case.observations.iter().any(|observation| {
        match (&observation.spec, &observation.outcome) {
            (ProbeSpec::Turn { over: Carrier::Tls(Sni::Name(name)), .. }, Outcome::Saw(facts)) => {
                name == turn_domain && is_http(facts)
            }
            _ => false,
        }
    });
    let is_swapped = is_http_at_turn && apis.any(speaks_no_http);
    is_swapped.then(|| DnsSeen::NamesSwapped { turn_domain: turn_domain.clone() })
}

/// Whether HTTP came where TURN was asked for.
fn is_http(facts: &Facts) -> bool {
    let Facts::Turn(turn) = facts else { return false };
    let instead = matches!(turn.instead, Some(HttpAnswer::Response(_)));
    let is_first = matches!(&turn.binding, Some(StunAnswer::NotStun(FirstBytes::Http(_))));
    instead || is_first
}

/// Whether TLS completed, and whatever is behind it did not answer HTTP, as a TURN server does not.
fn speaks_no_http(facts: &ApiFacts) -> bool {
    matches!(facts.handshake, Some(Handshake::Completed(_)))
        && matches!(
            facts.answer,
            Some(
                HttpAnswer::Silent
                    | HttpAnswer::Closed
                    | HttpAnswer::Reset
                    | HttpAnswer::NotHttp(_)
            )
        )
}
