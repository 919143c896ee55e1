//! What is asked once more at the end of a run, when something stayed without an answer: whether what
//! was let in before still is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::facts::{Facts, Handshake, Loss};
use crate::model::observation::{Observation, Outcome};
use crate::model::probe::{Carrier, ProbeSpec, TlsOffer};
use crate::model::target::Endpoint;

/// For each address of which something was heard and something else was not: the question that was
/// answered there.
pub fn again(observations: &[Observation]) -> Vec<ProbeSpec> {
    let mut by_address: BTreeMap<IpAddr, Vec<&Observation>> = BTreeMap::new();
    for observation in observations {
        if let Some(address) = address(&observation.spec) {
            by_address.entry(address).or_default().push(observation);
        }
    }
    by_address
        .into_values()
        .flat_map(|all| [connection(&all).or_else(|| ping(&all)), behind_tls(&all)])
        .flatten()
        .collect()
}

/// After a call of which something stayed without an answer: the API, where the call reached it.
pub fn again_after_call(observations: &[Observation]) -> Option<ProbeSpec> {
    let (spec, call) = observations.iter().find_map(|it| match (&it.spec, &it.outcome) {
        (ProbeSpec::Call(spec), Outcome::Saw(Facts::Call(call))) => Some((spec, call)),
        _ => None,
    })?;
    let address = call.signal.address.filter(|_| call.signal.connect.is_accepted())?;
    let has_all = call.session.is_some()
        && call.paths.iter().all(|path| path.check.is_answered())
        && call.relays.iter().all(|relay| relay.relayed.is_some());
    (!has_all).then_some(ProbeSpec::Tcp { to: Endpoint { address, port: spec.port } })
}

/// Where a question to one port, or a ping, goes.
fn address(spec: &ProbeSpec) -> Option<IpAddr> {
    match spec {
        ProbeSpec::Echo { address } => Some(*address),
        _ => spec.endpoint().map(|endpoint| endpoint.address),
    }
}

fn loss(observation: &Observation) -> Option<Loss> {
    match &observation.outcome {
        Outcome::Saw(facts) => facts.loss(),
        Outcome::Blind(_) => None,
    }
}

/// A connection that was accepted, where others are not.
fn connection(all: &[&Observation]) -> Option<ProbeSpec> {
    // A block that begins after a connection was accepted cuts the handshake in it.
    let is_cut = |it: &&&Observation| is_behind_tls(&it.spec) && loss(it) == Some(Loss::Behind);
    if let Some(cut) = all.iter().find(is_cut) {
        return cut.spec.endpoint().map(|to| ProbeSpec::Tcp { to });
    }
    let is_accepted = |it: &&&Observation| {
        matches!(it.outcome, Outcome::Saw(_))
            && is_over_tcp(&it.spec)
            && matches!(loss(it), None | Some(Loss::Behind))
    };
    let accepted = all.iter().find(is_accepted)?.spec.endpoint()?;
    let is_lost = |it: &&Observation| match loss(it) {
        Some(Loss::Silence) => true,
        // Elsewhere it is the answer of a port where nobody listens.
        Some(Loss::Refusal) => it.spec.endpoint() == Some(accepted),
        Some(Loss::Behind) | None => false,
    };
    all.iter().any(is_lost).then_some(ProbeSpec::Tcp { to: accepted })
}

/// A ping that was answered, where nothing else was and something is silent.
fn ping(all: &[&Observation]) -> Option<ProbeSpec> {
    let is_replied = |it: &&&Observation| matches!(&it.outcome, Outcome::Saw(Facts::Echo(echo)) if echo.is_replied());
    let replied = all.iter().find(is_replied)?;
    all.iter().any(|it| loss(it) == Some(Loss::Silence)).then(|| replied.spec.clone())
}

fn is_over_tcp(spec: &ProbeSpec) -> bool {
    !matches!(
        spec,
        ProbeSpec::Turn { over: Carrier::Udp, .. } | ProbeSpec::Hold { over: Carrier::Udp, .. }
    )
}

/// What was answered behind TLS, where something else at the same place ended without an answer.
fn behind_tls(all: &[&Observation]) -> Option<ProbeSpec> {
    let is_lost = |it: &&&Observation| is_behind_tls(&it.spec) && loss(it) == Some(Loss::Behind);
    let lost = all.iter().find(is_lost)?.spec.endpoint();
    let is_answered = |it: &&&Observation| it.spec.endpoint() == lost && has_completed(it);
    all.iter().find(is_answered).map(|it| it.spec.clone())
}

/// Whether a TLS handshake completed, and what was asked behind it was answered.
fn has_completed(observation: &Observation) -> bool {
    let Outcome::Saw(facts) = &observation.outcome else { return false };
    let handshake = match facts {
        Facts::Tls(facts) => &facts.handshake,
        Facts::Api(facts) => &facts.handshake,
        Facts::Turn(facts) => &facts.handshake,
        Facts::Rtmp(facts) => &facts.handshake,
        _ => return false,
    };
    matches!(handshake, Some(Handshake::Completed(_))) && facts.loss().is_none()
}

/// Whether an answer is demanded behind a handshake that must complete.
fn is_behind_tls(spec: &ProbeSpec) -> bool {
    match spec {
        ProbeSpec::Tls { offer, .. } => matches!(offer, TlsOffer::Web | TlsOffer::Stream),
        ProbeSpec::Api { over, .. }
        | ProbeSpec::Turn { over, .. }
        | ProbeSpec::Hold { over, .. }
        | ProbeSpec::Rtmp { over, .. } => matches!(over, Carrier::Tls(_)),
        _ => false,
    }
}
