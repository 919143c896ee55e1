//! The STUN and TURN servers that LiveKit names to participants.

use std::net::IpAddr;

use super::super::judgement::{Judgement, Place};
use super::candidates::{AddressOwner, owner};
use super::ladder::Ladder;
use super::made::MadeCall;
use crate::model::facts::{IceScheme, IceUrl, IceUrlParts, ServerText, Way};
use crate::model::name::DomainName;
use crate::model::port::{Port, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, Scope, Service};
use crate::model::seen::{
    CallUnknown, IceServerFault, IceServersSeen, MissingIceServer, NotDeclared,
};
use crate::model::verdict::Severity;

/// LiveKit names the deployment's own TURN servers.
pub(super) fn agree(ladder: &Ladder<'_>) -> Judgement {
    let call = &ladder.call;
    if call.session().is_none() {
        return Judgement::unsettled(ReasonCode::Blind, CallUnknown::NoJoin);
    }
    let wrong = call.ice_servers().iter().filter_map(|url| {
        let fault = fault(call, url)?;
        let place = Place { turn_url: Some(url.text.clone()), ..Place::default() };
        Some(match is_additional(call, &fault) {
            true => additional(call).at(place),
            false => {
                let seen = IceServersSeen::Wrong(fault);
                Judgement::fail(ReasonCode::IceServerWrong, seen).at(place)
            }
        })
    });
    Judgement::several(wrong).or_else(|| missing(call)).unwrap_or_else(|| right(call))
}

/// A server of another provider that participants are given as well. Nobody asked it for a relay, and
/// it hurts nobody, unless media must not go there.
fn additional(call: &MadeCall<'_>) -> Judgement {
    let is_forbidden = !call.case.allowed_ways().allow(Way::Udp);
    let seen = IceServersSeen::Additional { is_forbidden };
    let judgement = Judgement::fail(ReasonCode::IceServerForeign, seen);
    if is_forbidden { judgement } else { judgement.of_severity(Severity::Info) }
}

/// Whether the server is one of somebody else beside the deployment's own of the same kind. Where that
/// one is missing, its address or name is wrong.
fn is_additional(call: &MadeCall<'_>, fault: &IceServerFault) -> bool {
    let has_turn_domain = call.case.deployment.turn_domain.is_some();
    match fault {
        // LiveKit names its own TURN server without TLS by address.
        IceServerFault::ForeignName if has_turn_domain => has_own(call, IceScheme::Turns),
        IceServerFault::ForeignName | IceServerFault::UndeclaredAddress => {
            has_own(call, IceScheme::Turn)
        }
        IceServerFault::NotTheTurnDomain(_) => has_own(call, IceScheme::Turns),
        IceServerFault::Malformed
        | IceServerFault::NoCredentials
        | IceServerFault::TlsOverUdp
        | IceServerFault::NotTheTlsPort(_)
        | IceServerFault::NotTheUdpPort(_)
        | IceServerFault::UnreachableAddress => false,
    }
}

/// Whether participants are given a server of this kind of the deployment's own.
fn has_own(call: &MadeCall<'_>, scheme: IceScheme) -> bool {
    call.ice_servers().iter().any(|url| {
        url.parts.as_ref().is_some_and(|parts| parts.scheme == scheme) && fault(call, url).is_none()
    })
}

fn right(call: &MadeCall<'_>) -> Judgement {
    let not_compared = not_compared(call);
    let is_compared = not_compared.is_none();
    let seen = IceServersSeen::Named { urls: named(call), not_compared };
    if is_compared { Judgement::pass(seen) } else { Judgement::uncontradicted(seen) }
}

fn named(call: &MadeCall<'_>) -> Vec<ServerText> {
    call.ice_servers().iter().map(|url| url.text.clone()).collect()
}

/// The violation where a server lacks.
fn missing(call: &MadeCall<'_>) -> Option<Judgement> {
    let has = |scheme| {
        let mut parts = call.ice_servers().iter().filter_map(|url| url.parts.as_ref());
        parts.any(|parts| parts.scheme == scheme)
    };
    let domain = call.case.deployment.turn_domain.as_ref();
    let missing = match domain {
        _ if call.ice_servers().is_empty() => MissingIceServer::All,
        _ if !has(IceScheme::Turn) && !has(IceScheme::Turns) => MissingIceServer::Turn,
        Some(domain) if !has(IceScheme::Turns) => MissingIceServer::TurnOverTls(domain.clone()),
        Some(_) | None => return None,
    };
    let way = matches!(missing, MissingIceServer::TurnOverTls(_)).then_some(Way::Turns);
    let place = Place { host: domain.cloned(), way, ..Place::default() };
    let seen = IceServersSeen::Missing { missing, named: named(call) };
    Some(Judgement::fail(ReasonCode::IceServerMissing, seen).at(place))
}

/// What is wrong with a URL.
pub(super) fn fault(call: &MadeCall<'_>, url: &IceUrl) -> Option<IceServerFault> {
    let Some(parts) = &url.parts else {
        return Some(IceServerFault::Malformed);
    };
    match parts.scheme {
        // Nothing of a call passes them.
        IceScheme::Stun | IceScheme::Stuns => None,
        IceScheme::Turn | IceScheme::Turns if !url.with_credentials => {
            Some(IceServerFault::NoCredentials)
        }
        IceScheme::Turns => over_tls(call, parts),
        IceScheme::Turn => in_the_clear(call, parts),
    }
}

fn over_tls(call: &MadeCall<'_>, parts: &IceUrlParts) -> Option<IceServerFault> {
    // Without a TURN domain there is nothing to compare it with.
    let domain = call.case.deployment.turn_domain.as_ref()?;
    if !is_name(domain, &parts.host) {
        return Some(IceServerFault::NotTheTurnDomain(domain.clone()));
    }
    if parts.transport == Transport::Udp {
        return Some(IceServerFault::TlsOverUdp);
    }
    let port = call.case.ruleset.endpoint_of(Service::TurnTcp)?.port;
    (port.number() != parts.port).then_some(IceServerFault::NotTheTlsPort(port))
}

/// TURN over UDP or TCP, at the machine that carries media.
fn in_the_clear(call: &MadeCall<'_>, parts: &IceUrlParts) -> Option<IceServerFault> {
    let deployment = call.case.deployment;
    let Ok(address) = parts.host.parse::<IpAddr>() else {
        let mut own = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
        let is_own = own.any(|name| is_name(name, &parts.host));
        return (!is_own).then_some(IceServerFault::ForeignName);
    };
    let is_udp_closed = !call.case.allowed_ways().allow(Way::TurnUdp);
    match owner(call, address) {
        AddressOwner::Right => {
            let port = turn_udp_port(call).filter(|_| parts.transport == Transport::Udp);
            port.filter(|port| port.number() != parts.port).map(IceServerFault::NotTheUdpPort)
        }
        // Users are not meant to get there.
        AddressOwner::Inside | AddressOwner::Private | AddressOwner::Unreachable
            if is_udp_closed =>
        {
            None
        }
        AddressOwner::Inside | AddressOwner::Private | AddressOwner::Unreachable => {
            Some(IceServerFault::UnreachableAddress)
        }
        AddressOwner::Foreign => Some(IceServerFault::UndeclaredAddress),
        AddressOwner::Unknown => None,
    }
}

fn is_name(name: &DomainName, host: &str) -> bool {
    name.as_str().eq_ignore_ascii_case(host.trim_end_matches('.'))
}

/// What could not be compared, because the deployment file does not declare it.
fn not_compared(call: &MadeCall<'_>) -> Option<NotDeclared> {
    let deployment = call.case.deployment;
    let mut parts = call.ice_servers().iter().filter_map(|url| url.parts.as_ref());
    let is_unknown = |parts: &IceUrlParts| {
        let address = parts.host.parse();
        address.is_ok_and(|address| owner(call, address) == AddressOwner::Unknown)
    };
    if parts.clone().any(is_unknown) {
        Some(NotDeclared::Node(deployment.topology.media()))
    } else if deployment.turn_domain.is_none() && parts.any(|it| it.scheme == IceScheme::Turns) {
        Some(NotDeclared::TurnDomain)
    } else {
        None
    }
}

/// The port of TURN over UDP at the machine that carries media.
fn turn_udp_port(call: &MadeCall<'_>) -> Option<Port> {
    let case = call.case;
    case.ruleset.demanded(case.deployment).find_map(|rule| {
        let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
            return None;
        };
        let is_it = row.service == Some(Service::TurnUdp)
            && scope.roles.contains(&case.deployment.topology.media());
        is_it.then(|| scope.ports.single()).flatten()
    })
}
