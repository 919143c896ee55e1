//! How far the ways through TURN servers came.

use std::net::IpAddr;

use super::super::words;
use super::{Call, checked, farthest, join, stops};
use crate::model::call::{Contact, State, Step};
use crate::model::facts::{CallFacts, IceScheme, IceUrlParts, RelayFacts, StunAnswer, Way};
use crate::model::name::DomainName;
use crate::model::port::Port;
use crate::model::reason::ReasonCode;

/// The TURN servers by which a way leads, each with how far we came.
pub(super) fn contacts(call: &Call<'_>, facts: &CallFacts, way: Way) -> Vec<Contact> {
    facts
        .relays
        .iter()
        .enumerate()
        .filter(|(_, relay)| relay.way == way)
        .filter_map(|(place, relay)| contact(call, facts, (place, relay)))
        .collect()
}

fn contact(
    call: &Call<'_>,
    facts: &CallFacts,
    (place, relay): (usize, &RelayFacts),
) -> Option<Contact> {
    let session = facts.session.as_ref()?;
    let parts = session.ice_servers.get(relay.url)?.parts.as_ref()?;
    let tls = matches!(parts.scheme, IceScheme::Turns | IceScheme::Stuns);
    let written: Option<IpAddr> = parts.host.parse().ok();
    Some(Contact {
        name: parts.host.parse::<DomainName>().ok(),
        address: relay.server.map(|server| server.ip()).or(written),
        transport: parts.transport,
        port: Port::new(parts.port)?,
        range: None,
        tls,
        state: state(call, facts, (place, relay, parts)),
        tried_ms: Some(call.in_run(facts.signal.joined_ms.unwrap_or_default())),
    })
}

fn state(
    call: &Call<'_>,
    facts: &CallFacts,
    (place, relay, parts): (usize, &RelayFacts, &IceUrlParts),
) -> State {
    let through_proxy = call.http_proxy().filter(|_| relay.connect.is_some());
    if let Some(stopped) = before_turn(call, relay, (parts, through_proxy)) {
        return stopped;
    }
    match &relay.allocate {
        None => State::Unknown { why: "no relay was asked for".to_owned() },
        Some(StunAnswer::Success { .. }) => through(facts, place),
        Some(answer) => stops(Step::Allocation, refused(answer)),
    }
}

/// What stops before the TURN server is asked for anything.
fn before_turn(
    call: &Call<'_>,
    relay: &RelayFacts,
    (parts, through_proxy): (&IceUrlParts, Option<&str>),
) -> Option<State> {
    let is_reached = relay.server.is_some() || relay.connect.is_some();
    if !is_reached {
        return Some(if parts.host.parse::<IpAddr>().is_ok() {
            let words = "nobody can reach it".to_owned();
            stops(Step::Address, (ReasonCode::IceServerWrong, words))
        } else {
            let words = "a name without an address".to_owned();
            stops(Step::Dns, (ReasonCode::DnsNoAnswer, words))
        });
    }
    if let Some(connect) = relay.connect.as_ref().filter(|connect| !connect.is_accepted()) {
        let (reason, words) = join::connect(connect);
        return Some(match through_proxy {
            Some(_) => stops(Step::HttpProxy, (reason, words)),
            None => stops(Step::Tcp, (reason, words)),
        });
    }
    match (&relay.handshake, through_proxy) {
        (Some(handshake), _) => join::handshake_stop(call, handshake),
        // The proxy took our connection, and gave none to the TURN server.
        (None, Some(_)) if parts.scheme == IceScheme::Turns => {
            let words = "it does not let us through".to_owned();
            Some(stops(Step::HttpProxy, (ReasonCode::HttpStatus, words)))
        }
        (None, _) => None,
    }
}

/// Why there is no relay for us.
fn refused(answer: &StunAnswer) -> (ReasonCode, String) {
    let (reason, _) = words::stun(answer);
    match answer {
        StunAnswer::Error { code: 401, .. } => {
            let words = "the credentials are refused (401)".to_owned();
            (ReasonCode::TurnCredentialsRefused, words)
        }
        StunAnswer::Error { code: code @ (486 | 508), .. } => {
            (ReasonCode::TurnQuota, format!("no relay is left for us ({code})"))
        }
        StunAnswer::Silent => (reason, "no answer".to_owned()),
        StunAnswer::Closed => (reason, "the connection ends".to_owned()),
        StunAnswer::Reset => (reason, "the connection is reset".to_owned()),
        StunAnswer::NotStun(first) => (reason, format!("answered by {first}")),
        StunAnswer::Icmp(error) => (reason, join::icmp(error)),
        StunAnswer::Success { .. } | StunAnswer::Error { .. } | StunAnswer::Malformed(_) => {
            (reason, words::refusal(answer))
        }
    }
}

/// How far the checks through a relay came.
fn through(facts: &CallFacts, place: usize) -> State {
    let states: Vec<State> = facts
        .paths
        .iter()
        .filter(|path| path.relay == Some(place))
        .map(|path| checked::state(path, &path.check, ReasonCode::RelaySilent))
        .collect();
    farthest(states.iter())
        .cloned()
        .unwrap_or(State::Unknown { why: "nothing to reach through it".to_owned() })
}
