//! Whether a proven way carries all that media needs: large packets, and DTLS.

use super::super::judgement::Judgement;
use super::ladder::Ladder;
use super::made::MadeCall;
use crate::model::call::Certainty;
use crate::model::facts::{DtlsFacts, IceCheck, PathFacts};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::seen::{CheckedPath, PayloadSeen};

fn proven<'a>(call: &MadeCall<'a>) -> impl Iterator<Item = &'a PathFacts> {
    call.facts.paths.iter().filter(|path| path.check.is_answered())
}

fn nothing_asked(call: &MadeCall<'_>) -> Judgement {
    match proven(call).next() {
        None => Judgement::unsettled(ReasonCode::Blocked, PayloadSeen::NoWayProven),
        Some(_) => Judgement::not_applicable(PayloadSeen::NotAskedThere),
    }
}

/// Packets of 1,200 bytes pass where small ones do.
pub(super) fn large_packets(ladder: &Ladder<'_>) -> Judgement {
    let call = &ladder.call;
    let asked: Vec<(&PathFacts, &IceCheck)> =
        proven(call).filter_map(|path| Some((path, path.padded.as_ref()?))).collect();
    if asked.is_empty() {
        return nothing_asked(call);
    }
    let large = |path: &PathFacts, check: &IceCheck| CheckedPath {
        check: check.clone(),
        after_ms: None,
        ..call.checked(path)
    };
    let (passed, lost): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(_, it)| it.is_answered());
    let all =
        |of: &[(&PathFacts, &IceCheck)]| of.iter().map(|(path, it)| large(path, it)).collect();
    let Some((first, _)) = lost.first() else {
        return Judgement::pass(PayloadSeen::LargePass(all(&passed)));
    };
    let is_over_udp = |path: &PathFacts| path.way.transport() == Transport::Udp;
    // A network that lets large datagrams through by another way does not lose them itself, and it
    // sees only TCP of what goes over a stream.
    let is_certain = passed.iter().any(|(path, _)| is_over_udp(path))
        || lost.iter().any(|(path, _)| !is_over_udp(path));
    let seen = PayloadSeen::LargeLost { lost: all(&lost), may_be_own_network: !is_certain };
    let reason = ReasonCode::LargePacketsLost;
    let judgement = match is_certain {
        true => Judgement::fail(reason, seen),
        false => Judgement::suspected(reason, seen),
    };
    judgement.at(call.place_of(first))
}

/// DTLS passes where STUN does.
pub(super) fn dtls(ladder: &Ladder<'_>) -> Judgement {
    let call = &ladder.call;
    if let Some(first) = ladder.dtls.first() {
        let certain = ladder.dtls.iter().any(|it| it.stop.certainty == Certainty::Proven);
        let blocked = ladder.dtls.iter().map(|it| (call.checked(it.path), it.dtls)).collect();
        let seen = PayloadSeen::DtlsBlocked { blocked, may_be_own_network: !certain };
        let judgement = match certain {
            true => Judgement::fail(ReasonCode::DtlsBlocked, seen),
            false => Judgement::suspected(ReasonCode::DtlsBlocked, seen),
        };
        return judgement.at(call.place_of(first.path));
    }
    let passed = proven(call).filter(|path| path.dtls == Some(DtlsFacts::BothWays));
    let passed: Vec<CheckedPath> = passed.map(|path| call.checked(path)).collect();
    match (passed.is_empty(), proven(call).next()) {
        (false, _) => Judgement::pass(PayloadSeen::DtlsPasses(passed)),
        (true, Some(_)) => Judgement::unsettled(ReasonCode::Blind, PayloadSeen::NoSecondJoin),
        (true, None) => nothing_asked(call),
    }
}
