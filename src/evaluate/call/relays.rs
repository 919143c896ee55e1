//! TURN servers: what they give, to whom, and whether it leads anywhere.

use super::super::judgement::Judgement;
use super::super::words;
use super::candidates::{Owner, owner};
use super::phrases;
use super::seen::Call;
use crate::model::deployment::Edition;
use crate::model::facts::{IceCheck, NotSent, PathFacts, PeerKind, RelayFacts, StunAnswer};
use crate::model::reason::ReasonCode;

/// Whether a relay was given.
fn is_granted(relay: &RelayFacts) -> bool {
    matches!(relay.allocate, Some(StunAnswer::Success { .. })) && relay.relayed.is_some()
}

/// The relays that were given, each with its place among all.
pub(super) fn granted_ones<'a>(call: &Call<'a>) -> Vec<(usize, &'a RelayFacts)> {
    let relays = call.facts.relays.iter().enumerate();
    relays.filter(|(_, relay)| is_granted(relay)).collect()
}

/// There is no relay that something could be said of.
pub(super) fn nothing_given(call: &Call<'_>) -> Judgement {
    if call.facts.relays.is_empty() {
        return Judgement::not_applicable("LiveKit names no TURN server that could be asked");
    }
    Judgement::unsettled(ReasonCode::Blocked, "not judged: no relay was given")
}

/// Each TURN server that answers gives a relay.
pub(super) fn granted(call: &Call<'_>) -> Judgement {
    let answering: Vec<&RelayFacts> = call
        .facts
        .relays
        .iter()
        .filter(|relay| relay.allocate.as_ref().is_some_and(words::is_stun))
        .collect();
    if answering.is_empty() {
        return match call.facts.relays.is_empty() {
            true => nothing_given(call),
            false => {
                Judgement::unsettled(ReasonCode::Blocked, "not judged: no TURN server answers")
            }
        };
    }
    let refusals: Vec<Judgement> =
        (answering.iter()).filter_map(|relay| refusal(call, relay)).collect();
    if let Some(first) = refusals.first() {
        let observed: Vec<String> = refusals.iter().map(|it| it.observed.clone()).collect();
        return Judgement { observed: observed.join("\n"), ..first.clone() };
    }
    let given = answering.iter().map(|relay| {
        let relayed = relay.relayed.map_or_else(String::new, |it| format!(": {it}"));
        format!("{}{relayed}, after {} ms", phrases::url(call, relay), relay.ended_ms)
    });
    Judgement::pass(given.collect::<Vec<_>>().join("\n"))
}

/// Why a TURN server that answers gave no relay; `None`: it gave one.
pub(super) fn refusal(call: &Call<'_>, relay: &RelayFacts) -> Option<Judgement> {
    let answer = relay.allocate.as_ref()?;
    let said = words::refusal(answer);
    let (reason, why) = match answer {
        StunAnswer::Success { .. } if relay.relayed.is_some() => return None,
        StunAnswer::Success { .. } => {
            (ReasonCode::StunBadResponse, "success, and no relayed address with it".to_owned())
        }
        StunAnswer::Error { code, .. } => match code {
            400 | 401 | 403 | 438 | 441 => (
                ReasonCode::TurnCredentialsRefused,
                format!("the credentials of this very session are refused: {said}"),
            ),
            486 => (
                ReasonCode::TurnQuota,
                format!("this participant has as many relays as it may have: {said}"),
            ),
            508 => (ReasonCode::TurnQuota, format!("no relay is left: {said}")),
            _ => (ReasonCode::StunBadResponse, said),
        },
        StunAnswer::Silent
        | StunAnswer::Icmp(_)
        | StunAnswer::Closed
        | StunAnswer::Reset
        | StunAnswer::NotStun(_)
        | StunAnswer::Malformed(_) => (ReasonCode::StunBadResponse, said),
    };
    let url = phrases::url(call, relay);
    let after = relay.ended_ms;
    Some(Judgement::fail(reason, format!("{url}: {why}, after {after} ms")))
}

/// What each relay sends to the media port is answered.
pub(super) fn carry(call: &Call<'_>) -> Judgement {
    let granted = granted_ones(call);
    if granted.is_empty() {
        return nothing_given(call);
    }
    let all: Vec<Judgement> =
        granted.into_iter().map(|(index, relay)| carries(call, index, relay)).collect();
    let worst = all.iter().map(Judgement::badness).max();
    let worst: Vec<&Judgement> = all.iter().filter(|it| Some(it.badness()) == worst).collect();
    let Some(first) = worst.first() else {
        return nothing_given(call);
    };
    Judgement { observed: together(&worst), ..(*first).clone() }
}

/// What several judgements say: the first lines of all, then the others, each once.
fn together(all: &[&Judgement]) -> String {
    let heads = all.iter().filter_map(|it| it.observed.lines().next());
    let rest = all.iter().flat_map(|it| it.observed.lines().skip(1));
    let mut lines: Vec<&str> = Vec::new();
    for line in heads.chain(rest) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Whether what one relay sends to the media ports is answered.
pub(super) fn carries(call: &Call<'_>, index: usize, relay: &RelayFacts) -> Judgement {
    let url = phrases::url(call, relay);
    let mut answered = call.through(index).filter(|path| path.check.is_answered());
    if let Some(path) = answered.next() {
        return Judgement::pass(phrases::answered(call, path));
    }
    let paths: Vec<&PathFacts> = call.through(index).collect();
    if paths.is_empty() {
        let observed = format!("{url}: no media over UDP is offered that it could send to");
        return Judgement::unsettled(ReasonCode::Blocked, observed);
    }
    if let Some(refused) = refused_peer(call, relay, &paths) {
        return refused;
    }
    let places: Vec<String> = paths.iter().map(|path| path.candidate.to_string()).collect();
    let places = words::list(&places);
    let is_silent = |path: &&PathFacts| path.check == IceCheck::Silent;
    if !paths.iter().any(is_silent) {
        let met: Vec<String> = paths.iter().map(|path| phrases::met(path)).collect();
        let observed = format!("{url}: {places}: {}", words::list(&met));
        return Judgement::unsettled(ReasonCode::RelaySilent, observed);
    }
    if !paths.iter().any(|path| call.is_in_time(path)) {
        let observed = format!("{url}: sent later than 15 s after the answer: run again");
        return Judgement::unsettled(ReasonCode::RelaySilent, observed);
    }
    silent(
        call,
        relay,
        &format!("{url} gives a relay, and UDP {places} does not answer through it"),
    )
}

/// The relay does not let us send to the server's candidates.
fn refused_peer(call: &Call<'_>, relay: &RelayFacts, paths: &[&PathFacts]) -> Option<Judgement> {
    let is_refused = |path: &&PathFacts| path.check == IceCheck::NotSent(NotSent::NoPermission);
    let path = paths.iter().find(|path| is_refused(path))?;
    let peer = path.candidate.ip();
    let mut permissions = relay.permissions.iter();
    let permission = permissions.find(|it| it.peer == peer && it.why == PeerKind::Candidate);
    let said = permission.map_or_else(
        || "permission refused".to_owned(),
        |permission| words::refusal(&permission.answer),
    );
    let private = match owner(call, peer) {
        Owner::Inside | Owner::Private | Owner::Nobody => {
            "\nLiveKit offers media at an address of a private network (rtc.node_ip)"
        }
        Owner::Right | Owner::Unknown | Owner::Foreign => "",
    };
    Some(Judgement::fail(
        ReasonCode::PeerRefused,
        format!(
            "{} gives a relay, and does not let it send to {peer}: {said}{private}",
            phrases::url(call, relay)
        ),
    ))
}

/// A relay that is given, and silent: what tells the media range from the range of the relays.
fn silent(call: &Call<'_>, relay: &RelayFacts, observed: &str) -> Judgement {
    let reason = ReasonCode::RelaySilent;
    let drops_others = match call.view.case.deployment.edition {
        Edition::V3_2 => false,
        // OpenVidu's own TURN server sends to no other port than those of media.
        Edition::V3_6 | Edition::V3_9 => true,
    };
    let control = relay.control.as_ref().map(IceCheck::is_answered);
    let cause = match control {
        Some(true) => {
            "\nthe TURN server's own port answers through it: the media range is closed to the \
             machine itself, or to the machine next to it"
        }
        Some(false) if !drops_others => {
            "\nthe TURN server's own port does not answer through it either: the range of the \
             relays is closed, or the machine does not get to its own public address"
        }
        Some(false) | None => "",
    };
    match (phrases::other_proof(call), control) {
        (Some(proof), _) => {
            Judgement::fail(reason, format!("{observed}{cause}\nof the same session: {proof}"))
        }
        // Something came back through the relay, so that it is not all that is silent.
        (None, Some(true)) => Judgement::suspected(reason, format!("{observed}{cause}")),
        (None, Some(false) | None) => Judgement::unsettled(reason, phrases::dead(observed)),
    }
}
