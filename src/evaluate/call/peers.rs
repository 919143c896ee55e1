//! To whom TURN servers give relays, and where these may send.

use super::super::judgement::Judgement;
use super::super::words;
use super::phrases;
use super::relays::{granted_ones, nothing_given};
use super::seen::Call;
use crate::model::deployment::Edition;
use crate::model::facts::{PeerKind, PermissionFacts, RelayFacts, StunAnswer};
use crate::model::reason::ReasonCode;

/// No relay for a wrong password.
pub(super) fn refuse_wrong_password(call: &Call<'_>) -> Judgement {
    let asked: Vec<(&RelayFacts, &StunAnswer)> = (call.facts.relays.iter())
        .filter_map(|relay| Some((relay, relay.wrong_password.as_ref()?)))
        .collect();
    let of = |wanted: fn(&StunAnswer) -> bool| {
        let found = asked.iter().filter(move |(_, answer)| wanted(answer));
        found.map(|(relay, answer)| {
            format!("{}: {}", phrases::url(call, relay), words::refusal(answer))
        })
    };
    let given: Vec<String> = of(|answer| matches!(answer, StunAnswer::Success { .. })).collect();
    if !given.is_empty() {
        return Judgement::fail(
            ReasonCode::PasswordIgnored,
            format!("a wrong password gets a relay\n{}", given.join("\n")),
        );
    }
    let refused: Vec<String> = of(|answer| matches!(answer, StunAnswer::Error { .. })).collect();
    if !refused.is_empty() {
        return Judgement::pass(refused.join("\n"));
    }
    if asked.is_empty() && call.facts.relays.is_empty() {
        return nothing_given(call);
    }
    Judgement::unsettled(
        ReasonCode::Blocked,
        "not judged: no TURN server answers to a wrong password",
    )
}

/// No relay to machines that are not the deployment's.
pub(super) fn refuse_foreign_peers(call: &Call<'_>) -> Judgement {
    let refuses_strangers = match call.view.case.deployment.edition {
        Edition::V3_2 => false,
        Edition::V3_6 | Edition::V3_9 => true,
    };
    let is_judged = |permission: &&PermissionFacts| match permission.why {
        PeerKind::Loopback | PeerKind::LinkLocal | PeerKind::Private => true,
        PeerKind::Foreign => refuses_strangers,
        PeerKind::Candidate => false,
    };
    let granted = granted_ones(call);
    if granted.is_empty() {
        return nothing_given(call);
    }
    let is_allowed =
        |permission: &&PermissionFacts| matches!(permission.answer, StunAnswer::Success { .. });
    let mut allowed: Vec<String> = Vec::new();
    for (_, relay) in &granted {
        let of_relay = relay.permissions.iter().filter(is_judged).filter(is_allowed);
        let peers: Vec<String> = of_relay
            .map(|permission| format!("{} ({})", permission.peer, kind(permission.why)))
            .collect();
        if !peers.is_empty() {
            let (url, peers) = (phrases::url(call, relay), words::list(&peers));
            allowed.push(format!("{url} lets us send to {peers}"));
        }
    }
    if !allowed.is_empty() {
        let observed =
            format!("a relay reaches what no firewall lets us reach\n{}", allowed.join("\n"));
        return Judgement::fail(ReasonCode::PeerAllowed, observed);
    }
    let asked: Vec<&PermissionFacts> =
        granted.iter().flat_map(|(_, relay)| relay.permissions.iter().filter(is_judged)).collect();
    let refused: Vec<String> = asked
        .iter()
        .filter(|permission| matches!(permission.answer, StunAnswer::Error { .. }))
        .map(|permission| permission.peer.to_string())
        .collect();
    if refused.is_empty() {
        return Judgement::unsettled(
            ReasonCode::StunNoResponse,
            "no permission was answered, neither granted nor refused",
        );
    }
    let mut peers = refused.clone();
    peers.sort_unstable();
    peers.dedup();
    let observed = format!("permission refused for {}", words::list(&peers));
    if refused.len() == asked.len() {
        Judgement::pass(observed)
    } else {
        Judgement::uncontradicted(format!("{observed}; the others were not answered"))
    }
}

fn kind(why: PeerKind) -> &'static str {
    match why {
        PeerKind::Candidate => "where media is offered",
        PeerKind::Loopback => "its own loopback",
        PeerKind::LinkLocal => "where clouds have their metadata service",
        PeerKind::Private => "a private network",
        PeerKind::Foreign => "somebody on the internet",
    }
}
