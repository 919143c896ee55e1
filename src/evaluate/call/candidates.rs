//! Where LiveKit offers media, and whether anybody can get there.

use std::net::IpAddr;

use super::super::judgement::Judgement;
use super::super::words;
use super::phrases;
use super::seen::Call;
use crate::model::address::is_private;
use crate::model::deployment::{NodeRole, Policy};
use crate::model::facts::{CandidatePlace, SdpAnswer, SessionFacts};
use crate::model::port::{PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{Demand, Scope, Service};
use crate::model::target::Family;

/// Whose the address of a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A machine that carries media: users reach it there.
    Right,
    /// The same, by an address that only the deployment's machines reach.
    Inside,
    /// Nobody declared whose public addresses are.
    Unknown,
    /// Of a private network, and nobody declared it.
    Private,
    /// No machine's that others could reach: loopback, link-local, Docker's bridge and the like.
    Nobody,
    /// Public, and no machine that carries media has it.
    Foreign,
}

/// Whose the address of a candidate is.
pub(super) fn owner(call: &Call<'_>, address: IpAddr) -> Owner {
    let deployment = call.view.case.deployment;
    let media = || deployment.nodes_of(deployment.topology.media());
    if media().any(|node| node.addresses.contains(&address)) {
        return Owner::Right;
    }
    if media().any(|node| node.private_addresses.contains(&address)) {
        return Owner::Inside;
    }
    if unreachable_kind(address).is_some() {
        return Owner::Nobody;
    }
    // Who reaches the API at a private address stands in the same private network.
    let api_is_private = call.facts.signal.address.is_some_and(is_private);
    match (is_private(address), media().next().is_some()) {
        (true, false) if api_is_private => Owner::Unknown,
        (true, _) => Owner::Private,
        (false, true) => Owner::Foreign,
        (false, false) => Owner::Unknown,
    }
}

/// What an address is that is no other machine's.
fn unreachable_kind(address: IpAddr) -> Option<&'static str> {
    let (is_link_local, is_docker, is_none) = match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_docker = (first, second) == (172, 17);
            (v4.is_link_local(), is_docker, first == 0 || first >= 240)
        }
        IpAddr::V6(v6) => {
            let is_none = v6.is_unspecified() || v6.to_ipv4_mapped().is_some();
            (v6.is_unicast_link_local(), false, is_none)
        }
    };
    if address.is_loopback() {
        Some("a loopback address")
    } else if is_link_local {
        Some("a link-local address")
    } else if is_docker {
        Some("an address of Docker's bridge")
    } else if address.is_multicast() || is_none {
        Some("no machine's address")
    } else {
        None
    }
}

/// Whether somebody on the internet could get there.
pub(super) fn is_reachable(owner: Owner) -> bool {
    match owner {
        Owner::Right | Owner::Unknown | Owner::Foreign => true,
        Owner::Inside | Owner::Private | Owner::Nobody => false,
    }
}

/// LiveKit offers media at the deployment's own public addresses.
pub(super) fn agree(call: &Call<'_>) -> Judgement {
    let Some(session) = call.session() else {
        return Judgement::unsettled(ReasonCode::Blind, "there was no session");
    };
    if let Some(judgement) = unanswered(session) {
        return judgement;
    }
    if session.candidates.is_empty() {
        return none(session);
    }
    let mut wrong: Vec<(String, String)> = Vec::new();
    for candidate in &session.candidates {
        let found = match candidate.place {
            Some(place) => is_wrong(call, place).then(|| {
                let address = place.address.ip();
                (address.to_string(), why(call, address))
            }),
            None => Some((
                candidate.text.to_string(),
                format!("no address can be read from \"{}\"", candidate.text),
            )),
        };
        if let Some(found) = found.filter(|found| !wrong.contains(found)) {
            wrong.push(found);
        }
    }
    if wrong.is_empty() {
        return right(call, session);
    }
    let (addresses, reasons): (Vec<String>, Vec<String>) = wrong.into_iter().unzip();
    let observed = format!(
        "media is offered at {}, where no user gets\n{}",
        words::list(&addresses),
        reasons.join("\n")
    );
    Judgement::fail(ReasonCode::CandidateWrong, observed).seen(words::list(&addresses))
}

/// The offer was not answered, so that nothing is known of candidates.
fn unanswered(session: &SessionFacts) -> Option<Judgement> {
    let reason = ReasonCode::CandidateMissing;
    match &session.answer {
        SdpAnswer::Complete { .. } => None,
        SdpAnswer::Malformed(what) => Some(Judgement::fail(
            reason,
            format!("LiveKit answers our offer, and not with what ICE needs: {what}"),
        )),
        SdpAnswer::Missing => {
            Some(Judgement::suspected(reason, "LiveKit lets us in, and does not answer our offer"))
        }
        SdpAnswer::Left { reason: code } => Some(Judgement::suspected(
            reason,
            format!(
                "LiveKit lets us in, and ends the session before it answers our offer ({})",
                left(*code)
            ),
        )),
    }
}

/// Why a server ends a session (LiveKit's DisconnectReason).
fn left(code: i32) -> String {
    let words = match code {
        1 => "we asked for it",
        2 => "somebody else joined with the same identity",
        3 => "the server shuts down",
        4 => "we were removed",
        5 | 10 => "the room was deleted",
        7 => "joining failed",
        14 => "connection time-out",
        _ => return format!("reason {code}"),
    };
    format!("reason {code}: {words}")
}

fn none(session: &SessionFacts) -> Judgement {
    let reason = ReasonCode::CandidateMissing;
    if session.all_candidates {
        Judgement::fail(reason, "LiveKit offers no candidate at all")
    } else {
        Judgement::suspected(reason, "no candidate of LiveKit's came within the time-out")
    }
}

/// Whether a candidate leads nobody anywhere.
fn is_wrong(call: &Call<'_>, place: CandidatePlace) -> bool {
    let address = place.address.ip();
    let is_relayed_to = || {
        let mut paths = call.facts.paths.iter();
        paths.any(|path| {
            path.way.is_relayed() && path.candidate.ip() == address && path.check.is_answered()
        })
    };
    match (owner(call, address), call.view.case.deployment.policy) {
        (Owner::Right | Owner::Unknown, _) => false,
        (Owner::Foreign, _) => true,
        // Who has media go through relays alone needs addresses that these reach: whether they do,
        // other rules say.
        (Owner::Inside | Owner::Private, Policy::ForcedTurn | Policy::Tls443 | Policy::Udp443) => {
            false
        }
        (Owner::Inside | Owner::Private, Policy::Default) => !has_better(call, place),
        (Owner::Nobody, Policy::ForcedTurn | Policy::Tls443 | Policy::Udp443) => !is_relayed_to(),
        (Owner::Nobody, Policy::Default) => true,
    }
}

/// Whether the same way is offered at an address of the same family that users reach.
fn has_better(call: &Call<'_>, place: CandidatePlace) -> bool {
    let family = |place: CandidatePlace| Family::of(place.address.ip());
    call.places().any(|other| {
        other.transport == place.transport
            && family(other) == family(place)
            && matches!(owner(call, other.address.ip()), Owner::Right | Owner::Unknown)
    })
}

fn why(call: &Call<'_>, address: IpAddr) -> String {
    let deployment = call.view.case.deployment;
    match owner(call, address) {
        Owner::Nobody => {
            let kind = unreachable_kind(address).unwrap_or("no machine's address");
            format!("{address} is {kind}")
        }
        Owner::Private => format!("{address} is an address of a private network"),
        Owner::Inside => format!("{address} is an address that only the other machines reach"),
        Owner::Foreign | Owner::Right | Owner::Unknown => {
            match deployment.nodes_at(address).next() {
                Some(node) if node.role == NodeRole::Proxy => {
                    format!("{address} is the proxy's, which carries no media")
                }
                Some(node) => format!("{address} is {}'s, which carries no media", node.name),
                None => {
                    let mut answered = call.facts.paths.iter();
                    let is_answered = answered.any(|path| {
                        !path.way.is_relayed()
                            && path.candidate.ip() == address
                            && path.check.is_answered()
                    });
                    let besides = if is_answered {
                        "; it answers, so that it may only not be declared"
                    } else {
                        ""
                    };
                    format!("{address} is no declared machine's{besides}")
                }
            }
        }
    }
}

/// The judgement of candidates of which none is wrong.
fn right(call: &Call<'_>, session: &SessionFacts) -> Judgement {
    let places: Vec<CandidatePlace> = call.places().collect();
    let named: Vec<String> =
        places.iter().map(|place| phrases::place(place.transport, place.address)).collect();
    let mut lines = vec![words::list(&named)];
    let is_known = places.iter().any(|place| owner(call, place.address.ip()) == Owner::Right);
    for place in &places {
        let hidden = match owner(call, place.address.ip()) {
            Owner::Inside | Owner::Private => "only machines of the deployment get to",
            Owner::Nobody => "only the relay gets to",
            Owner::Right | Owner::Unknown | Owner::Foreign => continue,
        };
        let line = format!("{hidden} {}", place.address.ip());
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.extend(places.iter().filter_map(|place| other_port(call, *place)));
    if !session.all_candidates {
        lines.push("the list did not come to its end".to_owned());
    }
    if is_known && session.all_candidates {
        return Judgement::pass(lines.join("\n"));
    }
    if !is_known {
        lines.push(format!(
            "not compared: no {} with a public address is declared (--node)",
            call.view.case.deployment.topology.media()
        ));
    }
    Judgement::uncontradicted(lines.join("\n"))
}

/// What is to be said of a port that the guide does not name.
fn other_port(call: &Call<'_>, place: CandidatePlace) -> Option<String> {
    let rows = media_ports(call, place.transport);
    let port = place.address.port();
    let is_named =
        rows.iter().any(|range| (range.first().number()..=range.last().number()).contains(&port));
    (!is_named && !rows.is_empty()).then(|| {
        let transport = place.transport.to_string().to_uppercase();
        format!(
            "{transport} {port} is another port than the guide's ({}): firewalls have to know it",
            words::list(&rows)
        )
    })
}

/// The ports at which media is to be expected.
pub(super) fn media_ports(call: &Call<'_>, transport: Transport) -> Vec<PortRange> {
    let case = call.view.case;
    let rules = case.ruleset.demanded(case.deployment);
    let rows = rules.filter_map(|rule| match (&rule.demand, &rule.scope) {
        (Demand::PortRow(row), Scope::Ports(scope)) => Some((row, scope)),
        _ => None,
    });
    rows.filter(|(row, scope)| {
        scope.transport == transport
            && scope.roles.contains(&case.deployment.topology.media())
            && (scope.ports.single().is_none() || row.service == Some(Service::IceTcp))
    })
    .map(|(_, scope)| scope.ports)
    .collect()
}
