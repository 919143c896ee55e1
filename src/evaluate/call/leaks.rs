//! What a policy promises about the ways of media.

use super::super::judgement::{Judgement, Place};
use super::ladder::Ladder;
use crate::model::facts::{CandidatePlace, IceCheck, NotSent, PathFacts, Way};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::seen::{CallDoubt, PolicySeen};
use crate::model::target::Family;

/// No way but those of the policy carries media.
pub(super) fn only(ladder: &Ladder<'_>) -> Judgement {
    let call = &ladder.call;
    let allowed = call.case.allowed_ways();
    let others = || call.facts.paths.iter().filter(|path| !allowed.allow(path.way));
    let leaks = others().filter(|path| path.check.is_answered()).map(|path| {
        let seen = PolicySeen::AroundProxy(call.checked(path));
        Judgement::fail(ReasonCode::AroundProxy, seen).at(call.place_of(path))
    });
    if let Some(leaks) = Judgement::several(leaks) {
        return leaks;
    }
    let seen = |doubt| PolicySeen::NoneAround {
        met: others().map(|path| call.checked(path)).collect(),
        proof: call.proof(),
        doubt,
    };
    if !call.is_live() {
        let seen = seen(Some(CallDoubt::DeadSession));
        return Judgement::unsettled(ReasonCode::MediaSilent, seen);
    }
    // What ovcheck could not look at, for want of a family, is told with what was met.
    let is_looked_at = |path: &&PathFacts| {
        !matches!(path.check, IceCheck::NotSent(NotSent::OwnProxy(_) | NotSent::Local(_)))
    };
    let looked_at = || others().filter(is_looked_at);
    if looked_at().next().is_none() && others().next().is_some() {
        return Judgement::unsettled(ReasonCode::Blind, seen(None));
    }
    // A network that keeps UDP in hides what would go around the proxy.
    let mut families =
        looked_at().filter(|path| path.way == Way::Udp).map(|path| Family::of(path.candidate.ip()));
    match families.find(|family| !call.case.sees_udp(*family)) {
        Some(family) => {
            let over = Some(Transport::Udp);
            let seen = seen(Some(CallDoubt::NothingElseCameBack { family, over }));
            Judgement::unsettled(ReasonCode::UdpSilent, seen)
        }
        None => Judgement::uncontradicted(seen(None)),
    }
}

/// The server's own checks open no way for us.
pub(super) fn not_punched_out(ladder: &Ladder<'_>) -> Judgement {
    let call = &ladder.call;
    let Some(punched) = &call.facts.punched else {
        return Judgement::unsettled(ReasonCode::Blind, PolicySeen::NothingOffered);
    };
    let offered = || punched.offered.clone();
    let Some(from) = punched.check_from else {
        let waited_ms = punched.waited_ms;
        let seen = |doubt| PolicySeen::NotPunched { offered: offered(), waited_ms, doubt };
        return if !punched.reachable {
            let seen = seen(Some(CallDoubt::BehindNat));
            Judgement::vantage_limit(ReasonCode::Blind, seen)
        } else if !call.is_live() {
            let seen = seen(Some(CallDoubt::DeadSession));
            Judgement::unsettled(ReasonCode::MediaSilent, seen)
        } else {
            Judgement::uncontradicted(seen(None))
        };
    };
    let answered = punched.through.as_ref().is_some_and(IceCheck::is_answered);
    let seen = PolicySeen::PunchedOut { from, offered: offered(), answered };
    let judgement = match answered {
        true => Judgement::fail(ReasonCode::PunchedOut, seen),
        // A firewall may let the server's packets out and no answer in.
        false => Judgement::suspected(ReasonCode::PunchedOut, seen),
    };
    let candidate = CandidatePlace { transport: Transport::Udp, address: from };
    judgement.at(Place {
        way: Some(Way::Udp),
        candidate: Some(candidate.into()),
        ..call.place_at(from.ip())
    })
}
