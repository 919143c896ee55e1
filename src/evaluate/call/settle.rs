//! Ports and calls, joined: what a call proves settles what a packet to a port could only suggest.

use std::net::SocketAddr;

use super::super::judgement::{Judged, Judgement, Named};
use super::super::reach::open_reason;
use super::super::udp;
use super::super::view::View;
use super::made::MadeCall;
use crate::model::facts::{CallFacts, CandidatePlace, IceCheck, PathFacts, StunAnswer, Way};
use crate::model::plan::Ask;
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::seen::PortInCall;
use crate::model::verdict::{FailConfidence, PassConfidence, Verdict};

/// What a rule wants of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortWish {
    Open,
    Closed,
}

/// The judgement of a rule about a port, with what a call showed there.
pub(in super::super) fn settled(view: &View<'_>, judged: Judged) -> Judged {
    let is_not_applicable = |judged: &Judgement| judged.verdict == Verdict::NotApplicable;
    let (Some(wish), Some((facts, shown))) = (wish(view), shown_by_any(view)) else {
        return judged;
    };
    if judged.as_ref().is_ok_and(is_not_applicable) {
        return judged;
    }
    match (wish, &shown) {
        (PortWish::Closed, PortInCall::CheckAnswered { .. } | PortInCall::TurnAnswered { .. }) => {
            Ok(proven_open(view, judged, facts, shown))
        }
        (PortWish::Open, PortInCall::CheckAnswered { .. } | PortInCall::TurnAnswered { .. }) => {
            answered(view, judged, shown)
        }
        (PortWish::Open, PortInCall::CheckSilent { .. }) => {
            judged.map(|judged| silent(view, judged, shown))
        }
        // Idle ports answer with the same error when they are open.
        (PortWish::Open, PortInCall::CheckRefused { .. }) => {
            judged.map(|judged| contradicted(judged, shown))
        }
        (PortWish::Closed | PortWish::Open, _) => judged,
    }
}

fn wish(view: &View<'_>) -> Option<PortWish> {
    match (&view.rule.demand, &view.check.ask) {
        (Demand::PortRow(_), Ask::MustBeOpen)
        | (Demand::PortOpen | Demand::AnswersBinding, Ask::Demand) => Some(PortWish::Open),
        (Demand::PortRow(_), Ask::MustBeClosed | Ask::NeedNotBeOpen(_))
        | (Demand::PortClosed, Ask::Demand) => Some(PortWish::Closed),
        _ => None,
    }
}

/// What the calls of the run showed there, an answer before anything else, and in which of them.
fn shown_by_any<'a>(view: &View<'a>) -> Option<(&'a CallFacts, PortInCall)> {
    let calls = view.call().ok()?.on_all_servers();
    let shown = calls.filter_map(|facts| Some((facts, shown(view, facts)?)));
    shown.min_by_key(|(_, shown)| match shown {
        PortInCall::CheckAnswered { .. } => 0,
        PortInCall::TurnAnswered { .. } => 1,
        PortInCall::CheckRefused { .. } => 2,
        PortInCall::CheckSilent { .. }
        | PortInCall::AfterItSent(_)
        | PortInCall::Contradicts(_) => 3,
    })
}

/// What a call showed of the check's port, or of one in its range.
fn shown(view: &View<'_>, facts: &CallFacts) -> Option<PortInCall> {
    let call = MadeCall { case: view.case, facts };
    let target = &view.check.target;
    let (address, transport, range) = (target.address?, target.transport?, target.port?);
    let is_meant = |place: SocketAddr| {
        let port = Port::new(place.port());
        place.ip() == address && port.is_some_and(|port| range.contains(port))
    };
    let paths = || {
        facts.paths.iter().filter(move |path| {
            !path.way.is_relayed() && path.way.transport() == transport && is_meant(path.candidate)
        })
    };
    let by_ice =
        paths().find(|path| path.check.is_answered()).map(|path| PortInCall::CheckAnswered {
            at: CandidatePlace { transport, address: path.candidate },
            after_ms: call.checked(path).after_ms,
            of: None,
        });
    let by_relay = facts.relays.iter().find_map(|relay| {
        let (at, answer) = (relay.server?, relay.allocate.as_ref()?);
        let is_there = (relay.way, transport) == (Way::TurnUdp, Transport::Udp) && is_meant(at);
        let granted = matches!(answer, StunAnswer::Success { .. });
        (is_there && answer.is_stun()).then_some(PortInCall::TurnAnswered { at, granted })
    });
    let by_error = || {
        paths().find_map(|path| match path.check {
            IceCheck::Icmp(error) if error.is_of_meant_machine() => {
                Some(PortInCall::CheckRefused { port: path.candidate.port(), error })
            }
            _ => None,
        })
    };
    // Silence says nothing in a session that is dead, or that waits no more.
    let is_silent = |path: &&PathFacts| path.check == IceCheck::Silent && call.is_in_time(path);
    let by_silence = || {
        let silent = paths().find(is_silent).filter(|_| call.is_live())?;
        Some(PortInCall::CheckSilent { transport, port: silent.candidate.port() })
    };
    by_ice.or(by_relay).or_else(by_error).or_else(by_silence)
}

/// A port that must be closed, and carries a call. Where the server's own checks came to us, some
/// firewalls let everything of ours in for a while: then it may only have been open because of them.
fn proven_open(view: &View<'_>, judged: Judged, facts: &CallFacts, shown: PortInCall) -> Judgement {
    let is_udp = view.check.target.transport == Some(Transport::Udp);
    let punched = facts.punched.as_ref();
    let has_sent = is_udp && punched.is_some_and(|punched| punched.check_from.is_some());
    let at = match &shown {
        PortInCall::CheckAnswered { at, .. } => at.address.port(),
        PortInCall::TurnAnswered { at, .. } => at.port(),
        _ => 0,
    };
    match judged {
        Ok(known) if known.verdict == Verdict::Fail(FailConfidence::Proven) => {
            Judgement { seen: known.seen.and(shown), ..known }
        }
        Ok(known) if has_sent && matches!(known.verdict, Verdict::Fail(_)) => {
            Judgement { seen: known.seen.and(shown), ..known }
        }
        Ok(_) | Err(_) if has_sent => {
            Judgement::suspected(open_reason(view), PortInCall::AfterItSent(Box::new(shown)))
                .naming(Named::Port(at))
        }
        Ok(_) | Err(_) => Judgement::fail(open_reason(view), shown).naming(Named::Port(at)),
    }
}

/// A port that must be open, and carries a call.
fn answered(view: &View<'_>, judged: Judged, shown: PortInCall) -> Judged {
    let ports = view.check.target.port.map_or(1, PortRange::count);
    let is_range = ports > 1;
    let is_settled = match judged.as_ref().map(|judged| (judged.verdict, judged.reason)) {
        Err(_)
        | Ok((Verdict::Pass(PassConfidence::Uncontradicted) | Verdict::Inconclusive(_), _)) => true,
        // One port that answers says nothing of all the others, unless only the call was heard.
        Ok((Verdict::Fail(_), _)) if is_range => {
            !view.case.sees_udp_besides_calls(view.family()) && udp::is_wholly_silent(view)
        }
        // Of one port an answer says more than silence, or a refusal that has passed.
        Ok((Verdict::Fail(_), reason)) => reason != ReasonCode::WrongService,
        Ok((Verdict::Pass(PassConfidence::Proven) | Verdict::NotApplicable, _)) => false,
    };
    if !is_settled {
        return judged;
    }
    if !is_range {
        return Ok(Judgement::pass(shown));
    }
    Ok(Judgement::uncontradicted(match shown {
        PortInCall::CheckAnswered { at, after_ms, .. } => {
            PortInCall::CheckAnswered { at, after_ms, of: Some(ports) }
        }
        shown => shown,
    }))
}

/// A port that must be open, at which a call stayed silent.
fn silent(view: &View<'_>, judged: Judgement, shown: PortInCall) -> Judgement {
    let hears = match view.check.target.transport {
        Some(Transport::Udp) | None => view.sees_udp(view.family()),
        Some(Transport::Tcp) => view.sees(view.family()),
    };
    let is_suspected = judged.verdict == Verdict::Fail(FailConfidence::Suspected);
    if is_suspected && hears && udp::is_wholly_silent(view) {
        // A network that lets out UDP to just the usual ports keeps the call's packets as well.
        let is_certain = match view.check.target.transport {
            Some(Transport::Udp) | None => match view.check.target.port.and_then(PortRange::single)
            {
                Some(port) => view.case.lets_udp_out_to(port, view.family()),
                None => view.case.lets_unusual_udp_out(view.family()),
            },
            Some(Transport::Tcp) => true,
        };
        let verdict =
            if is_certain { Verdict::Fail(FailConfidence::Proven) } else { judged.verdict };
        return Judgement { verdict, seen: judged.seen.and(shown), ..judged };
    }
    contradicted(judged, shown)
}

/// A port that seemed to be open, or of which nothing was known, and at which a call is not answered.
fn contradicted(judged: Judgement, shown: PortInCall) -> Judgement {
    match judged.verdict {
        Verdict::Pass(PassConfidence::Uncontradicted) | Verdict::Inconclusive(_) => {
            let seen = judged.seen.and(PortInCall::Contradicts(Box::new(shown)));
            Judgement::unsettled(ReasonCode::MediaSilent, seen)
        }
        Verdict::Fail(_) | Verdict::Pass(PassConfidence::Proven) | Verdict::NotApplicable => judged,
    }
}
