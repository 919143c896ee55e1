//! The STUN and TURN servers that LiveKit names to participants.

use std::net::IpAddr;

use super::super::judgement::Judgement;
use super::super::words;
use super::candidates::{self, Owner};
use super::seen::Call;
use crate::model::deployment::Policy;
use crate::model::facts::{IceScheme, IceUrl, IceUrlParts};
use crate::model::name::DomainName;
use crate::model::port::{Port, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, Scope, Service};

/// LiveKit names the deployment's own TURN servers.
pub(super) fn agree(call: &Call<'_>) -> Judgement {
    let Some(session) = call.session() else {
        return Judgement::unsettled(ReasonCode::Blind, "there was no session");
    };
    let urls = session.ice_servers.as_slice();
    let named: Vec<String> = urls.iter().map(|url| url.text.to_string()).collect();
    let named = words::list(&named);
    let wrong: Vec<String> = urls.iter().filter_map(|url| fault(call, url)).collect();
    if !wrong.is_empty() {
        return Judgement::fail(
            ReasonCode::IceServerWrong,
            format!(
                "participants are sent to TURN servers where they get no relay\n{}",
                wrong.join("\n")
            ),
        );
    }
    if let Some(missing) = missing(call, urls) {
        return Judgement::fail(ReasonCode::IceServerMissing, format!("{missing}\nnamed: {named}"));
    }
    match not_compared(call, urls) {
        Some(why) => Judgement::uncontradicted(format!("{named}\n{why}")),
        None => Judgement::pass(named),
    }
}

/// Which server lacks that has to be there.
fn missing(call: &Call<'_>, urls: &[IceUrl]) -> Option<String> {
    let named = |scheme| {
        let mut parts = urls.iter().filter_map(|url| url.parts.as_ref());
        parts.any(|parts| parts.scheme == scheme)
    };
    let is_off = !named(IceScheme::Turn) && !named(IceScheme::Turns);
    let only_stun = if urls.is_empty() {
        "no server at all is named to participants"
    } else {
        "only STUN servers are named to participants: TURN is off"
    };
    match &call.view.case.deployment.turn_domain {
        _ if is_off => Some(only_stun.to_owned()),
        Some(domain) if !named(IceScheme::Turns) => Some(format!(
            "no TURN server over TLS is named to participants: LiveKit knows nothing of {domain}"
        )),
        Some(_) | None => None,
    }
}

/// What is wrong with a URL, in words.
pub(super) fn fault(call: &Call<'_>, url: &IceUrl) -> Option<String> {
    let text = &url.text;
    let Some(parts) = &url.parts else {
        return Some(format!("{text} is malformed: browsers refuse the whole list"));
    };
    match parts.scheme {
        // Nothing of a call passes them.
        IceScheme::Stun | IceScheme::Stuns => return None,
        IceScheme::Turn | IceScheme::Turns => {}
    }
    let why = if !url.with_credentials {
        Some("comes without credentials".to_owned())
    } else if parts.scheme == IceScheme::Turns {
        over_tls(call, parts)
    } else {
        in_the_clear(call, parts)
    };
    why.map(|why| format!("{text} {why}"))
}

fn over_tls(call: &Call<'_>, parts: &IceUrlParts) -> Option<String> {
    // Without a TURN domain there is nothing to compare it with.
    let domain = call.view.case.deployment.turn_domain.as_ref()?;
    if !is_name(domain, &parts.host) {
        return Some(format!("is not the TURN domain, {domain}"));
    }
    if parts.transport == Transport::Udp {
        return Some("is TLS over UDP, which no browser speaks".to_owned());
    }
    let port = turns_port(call).filter(|port| port.number() != parts.port)?;
    Some(format!(
        "is on another port than {port}, which strict firewalls let through and the proxy has"
    ))
}

/// TURN over UDP or TCP, at the machine that carries media.
fn in_the_clear(call: &Call<'_>, parts: &IceUrlParts) -> Option<String> {
    let deployment = call.view.case.deployment;
    let Ok(address) = parts.host.parse::<IpAddr>() else {
        let mut own = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
        let is_own = own.any(|name| is_name(name, &parts.host));
        return (!is_own).then(|| "is not of the deployment: media goes through others".to_owned());
    };
    let is_udp_closed = match deployment.policy {
        Policy::ForcedTurn | Policy::Tls443 => true,
        Policy::Default | Policy::Udp443 => false,
    };
    match candidates::owner(call, address) {
        Owner::Right => {
            let port = turn_udp_port(call).filter(|_| parts.transport == Transport::Udp);
            let other = port.filter(|port| port.number() != parts.port)?;
            Some(format!("is on another port than UDP {other}, which the guide opens"))
        }
        // Nobody is meant to get there.
        Owner::Inside | Owner::Private | Owner::Nobody if is_udp_closed => None,
        Owner::Inside | Owner::Private | Owner::Nobody => {
            Some("is at an address that nobody on the internet reaches".to_owned())
        }
        Owner::Foreign => {
            Some("is at an address that no declared machine that carries media has".to_owned())
        }
        Owner::Unknown => None,
    }
}

fn is_name(name: &DomainName, host: &str) -> bool {
    name.as_str().eq_ignore_ascii_case(host.trim_end_matches('.'))
}

/// What could not be compared with what is declared.
fn not_compared(call: &Call<'_>, urls: &[IceUrl]) -> Option<String> {
    let deployment = call.view.case.deployment;
    let role = deployment.topology.media();
    let is_turns = |url: &IceUrl| {
        let parts = url.parts.as_ref();
        parts.is_some_and(|parts| parts.scheme == IceScheme::Turns)
    };
    let unknown = |address| candidates::owner(call, address) == Owner::Unknown;
    if urls.iter().filter_map(address).any(unknown) {
        Some(format!("addresses not compared: no {role} is declared (--node)"))
    } else if deployment.turn_domain.is_none() && urls.iter().any(is_turns) {
        Some("not compared: no TURN domain is declared (--turn-domain-name)".to_owned())
    } else {
        None
    }
}

fn address(url: &IceUrl) -> Option<IpAddr> {
    url.parts.as_ref()?.host.parse().ok()
}

/// The port of TURN over TLS at the proxy.
fn turns_port(call: &Call<'_>) -> Option<Port> {
    let case = call.view.case;
    case.ruleset.demanded(case.deployment).find_map(|rule| {
        let Scope::Endpoints(endpoints) = &rule.scope else {
            return None;
        };
        let first = endpoints.first()?;
        (rule.demand == Demand::AnswersBinding).then_some(first.port)
    })
}

/// The port of TURN over UDP at the machine that carries media.
fn turn_udp_port(call: &Call<'_>) -> Option<Port> {
    let case = call.view.case;
    case.ruleset.demanded(case.deployment).find_map(|rule| {
        let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
            return None;
        };
        let is_it = row.service == Some(Service::TurnUdp)
            && scope.roles.contains(&case.deployment.topology.media());
        is_it.then(|| scope.ports.single()).flatten()
    })
}
