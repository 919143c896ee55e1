//! Ways through TURN servers: at which step each of them ends.

use super::super::heard::is_its_own;
use super::super::judgement::Judgement;
use super::super::{tls, words};
use super::seen::Call;
use super::{phrases, relays};
use crate::model::facts::{
    Connect, DnsAnswer, Facts, Handshake, IceCheck, IceScheme, NotSent, RelayFacts, StunAnswer, Way,
};
use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::port::Transport;
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::target::Family;

/// What the TURN servers of a way show, when no check through them counts as answered.
pub(super) fn unproven(call: &Call<'_>, way: Way) -> Judgement {
    let of_relays = call.relays(way).map(|(index, relay)| of_relay(call, index, relay));
    Judgement::worst(of_relays).unwrap_or_else(|| not_named(call, way))
}

fn not_named(call: &Call<'_>, way: Way) -> Judgement {
    let urls = call.session().map_or(&[][..], |session| &session.ice_servers);
    let mut parts = urls.iter().filter_map(|url| url.parts.as_ref());
    let is_named = parts.any(|parts| match (parts.scheme, parts.transport) {
        (IceScheme::Turn, Transport::Udp) => way == Way::TurnUdp,
        (IceScheme::Turns, _) | (IceScheme::Turn, Transport::Tcp) => way == Way::Turns,
        (IceScheme::Stun | IceScheme::Stuns, _) => false,
    });
    if is_named {
        return Judgement::unsettled(ReasonCode::Blind, "no such TURN server was asked");
    }
    Judgement::fail(
        ReasonCode::IceServerMissing,
        format!("LiveKit names no server for {} to participants", phrases::way(way)),
    )
}

/// What the certificate of a TURN server keeps browsers from.
pub(super) fn untrusted(call: &Call<'_>, relay: &RelayFacts) -> Option<Judgement> {
    let Some(Handshake::Completed(session)) = &relay.handshake else {
        return None;
    };
    let judged = tls::untrusted(session, call.view.case.now)?;
    let issuer = tls::issuer(session);
    let issuer = issuer.map_or_else(String::new, |issuer| format!("\nissued by {issuer}"));
    let observed =
        format!("browsers do not take {}: {}{issuer}", phrases::url(call, relay), judged.observed);
    Some(Judgement { observed, ..judged })
}

/// What one TURN server shows when no check through it counts as answered.
fn of_relay(call: &Call<'_>, index: usize, relay: &RelayFacts) -> Judgement {
    let url = phrases::url(call, relay);
    if let Some((reason, observed)) = phrases::not_reached(relay) {
        return unreached(call, relay, reason, format!("{url}: {observed}"));
    }
    if let Some(judgement) = untrusted(call, relay) {
        return judgement;
    }
    match &relay.allocate {
        Some(StunAnswer::Success { .. } | StunAnswer::Error { .. } | StunAnswer::Malformed(_)) => {
            relays::refusal(call, relay).unwrap_or_else(|| relays::carries(call, index, relay))
        }
        Some(answer) => no_turn(call, relay, answer),
        None => not_asked(call, index, relay),
    }
}

/// It did not come to a request, though nothing refused one.
fn not_asked(call: &Call<'_>, index: usize, relay: &RelayFacts) -> Judgement {
    let url = phrases::url(call, relay);
    let mut paths = call.through(index);
    let trouble = paths.find_map(|path| match &path.check {
        IceCheck::NotSent(NotSent::OwnProxy(why) | NotSent::Local(why)) => {
            Some(format!("could not look: {why}"))
        }
        _ => None,
    });
    match (trouble, &relay.server) {
        (Some(trouble), _) => Judgement::unsettled(ReasonCode::Blind, format!("{url}: {trouble}")),
        (None, Some(server)) => {
            let observed = format!("{url}: no end of its challenges at {server}");
            Judgement::unsettled(ReasonCode::Blind, observed)
        }
        (None, None) => without_address(call, relay, &url),
    }
}

/// A TURN server whose name leads nowhere, or nobody knows where.
fn without_address(call: &Call<'_>, relay: &RelayFacts, url: &str) -> Judgement {
    let urls = call.session().map_or(&[][..], |session| &session.ice_servers);
    let host = urls.get(relay.url).and_then(|url| url.parts.as_ref());
    let host = host.and_then(|parts| parts.host.parse::<DomainName>().ok());
    let observations = call.view.case.observations.iter();
    let answers: Vec<DnsAnswer> = observations
        .filter_map(|observation| match (&observation.spec, &observation.outcome) {
            (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts)))
                if Some(name) == host.as_ref() && call.http_proxy().is_none() =>
            {
                Some(facts.answer)
            }
            _ => None,
        })
        .collect();
    let is_empty = |answer: &DnsAnswer| matches!(answer, DnsAnswer::NoData | DnsAnswer::CnameLoop);
    if answers.contains(&DnsAnswer::NxDomain) {
        let observed = format!("{url}: the name does not exist");
        Judgement::fail(ReasonCode::DnsNxdomain, observed)
    } else if answers.len() == Family::BOTH.len() && answers.iter().all(is_empty) {
        Judgement::fail(ReasonCode::DnsNoAnswer, format!("{url}: the name has no address"))
    } else {
        let observed = format!("{url}: no address of it is known");
        Judgement::unsettled(ReasonCode::DnsNoAnswer, observed)
    }
}

/// The connection or the TLS handshake to a TURN server failed.
fn unreached(
    call: &Call<'_>,
    relay: &RelayFacts,
    reason: ReasonCode,
    observed: String,
) -> Judgement {
    if let Some(proxy) = call.http_proxy() {
        return Judgement::unsettled(
            reason,
            format!("{observed}, through the HTTP proxy {} of our own network", proxy.place),
        );
    }
    let family = relay.server.map_or(Family::V4, |server| Family::of(server.ip()));
    match (&relay.connect, relay.server) {
        (Some(Connect::Silent), _) if !call.view.sees(family) => {
            Judgement::unsettled(reason, phrases::nothing_else(&observed, &format!("{family}")))
        }
        (Some(Connect::Icmp(error)), Some(server))
            if !is_its_own(error, server.ip(), relay.dialled.map(|it| it.ip())) =>
        {
            Judgement::suspected(reason, observed)
        }
        _ => Judgement::fail(reason, observed),
    }
}

/// Something else than a TURN server, or nobody.
fn no_turn(call: &Call<'_>, relay: &RelayFacts, answer: &StunAnswer) -> Judgement {
    let url = phrases::url(call, relay);
    let (reason, met) = words::stun(answer);
    let observed = format!("{url}: {met}");
    let over_udp = relay.way == Way::TurnUdp;
    let family = relay.server.map_or(Family::V4, |server| Family::of(server.ip()));
    match answer {
        StunAnswer::Silent if over_udp && !call.view.sees_udp(family) => {
            Judgement::unsettled(reason, phrases::nothing_else(&observed, &format!("{family} UDP")))
        }
        StunAnswer::Silent if over_udp => Judgement::fail(reason, observed),
        StunAnswer::Silent => Judgement::fail(
            ReasonCode::BackendSilent,
            format!("{observed}: what stands behind that name is no TURN server, or filtered"),
        ),
        StunAnswer::Icmp(error)
            if !relay.server.is_some_and(|server| {
                is_its_own(error, server.ip(), relay.dialled.map(|it| it.ip()))
            }) =>
        {
            Judgement::suspected(reason, observed)
        }
        StunAnswer::Success { .. }
        | StunAnswer::Error { .. }
        | StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_)
        | StunAnswer::Malformed(_) => Judgement::fail(reason, observed),
    }
}
