//! Ports and calls, joined: what a call proves settles what a packet to a port could only suggest.

use std::net::SocketAddr;

use super::super::heard::own_error;
use super::super::judgement::{Judged, Judgement};
use super::super::reach::open_reason;
use super::super::udp;
use super::super::view::View;
use super::super::words;
use super::phrases;
use super::seen::{is_in_time, is_live};
use crate::model::facts::{CallFacts, IceCheck, PathFacts, StunAnswer, Way};
use crate::model::plan::Ask;
use crate::model::port::{Port, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::Demand;
use crate::model::verdict::{FailConfidence, PassConfidence, Verdict};

/// What a rule wants of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Open,
    Closed,
}

/// What a call showed of a port.
enum Shown {
    /// Something answered there.
    Answered { port: u16, words: String },
    /// Nothing, though somebody waits there: another way of the same session was answered.
    Silent { port: u16 },
    /// An ICMP error of the machine's own, though somebody waits there.
    Refused { port: u16, error: String },
}

/// The judgement of a rule about a port, with what a call showed there.
pub(in super::super) fn settled(view: &View<'_>, judged: Judged) -> Judged {
    let Some(wanted) = wanted(view) else {
        return judged;
    };
    let is_not_applicable = |judged: &Judgement| matches!(judged.verdict, Verdict::NotApplicable);
    let shown = view.call().ok().and_then(|facts| shown(view, facts));
    match (wanted, shown) {
        (_, None) => judged,
        _ if judged.as_ref().is_ok_and(is_not_applicable) => judged,
        (Wanted::Closed, Some(Shown::Silent { .. } | Shown::Refused { .. })) => judged,
        (Wanted::Closed, Some(Shown::Answered { port, words })) => {
            Ok(proven_open(view, judged, port, &words))
        }
        (Wanted::Open, Some(Shown::Answered { words, .. })) => answered(view, judged, &words),
        (Wanted::Open, Some(Shown::Silent { port })) => {
            judged.and_then(|it| silent(view, it, port))
        }
        (Wanted::Open, Some(Shown::Refused { port, error })) => {
            judged.map(|it| refused(it, port, &error))
        }
    }
}

fn wanted(view: &View<'_>) -> Option<Wanted> {
    match (&view.rule.demand, &view.check.ask) {
        (Demand::PortRow(_), Ask::MustBeOpen)
        | (Demand::PortOpen | Demand::AnswersBinding, Ask::Demand) => Some(Wanted::Open),
        (Demand::PortRow(_), Ask::MustBeClosed | Ask::NeedNotBeOpen(_))
        | (Demand::PortClosed, Ask::Demand) => Some(Wanted::Closed),
        _ => None,
    }
}

/// What a call showed of the check's port, or of one in its range.
fn shown(view: &View<'_>, facts: &CallFacts) -> Option<Shown> {
    let target = &view.check.target;
    let (address, transport, range) = (target.address?, target.transport?, target.port?);
    let is_meant = |place: SocketAddr| {
        let port = Port::new(place.port());
        place.ip() == address && port.is_some_and(|port| range.contains(port))
    };
    let way = match transport {
        Transport::Udp => Way::Udp,
        Transport::Tcp => Way::IceTcp,
    };
    let paths = || {
        let paths = facts.paths.iter();
        paths.filter(move |path| path.way == way && is_meant(path.candidate))
    };
    let by_ice = paths().find(|path| path.check.is_answered()).map(|path| {
        let (place, after) = (phrases::place(transport, path.candidate), phrases::after(path));
        let words = format!("an authenticated ICE check is answered at {place}{after}");
        (path.candidate.port(), words)
    });
    let relays = || {
        let relays = facts.relays.iter();
        let at =
            relays.filter_map(|relay| Some((relay.server?, relay.allocate.as_ref()?, relay.way)));
        at.filter(move |(server, _, way)| {
            (*way, transport) == (Way::TurnUdp, Transport::Udp) && is_meant(*server)
        })
    };
    let by_relay = relays().find(|(_, answer, _)| words::is_stun(answer));
    let by_relay = by_relay.map(|(server, answer, _)| {
        let what = match answer {
            StunAnswer::Success { .. } => "gives a relay",
            _ => "answers",
        };
        let place = phrases::place(transport, server);
        (server.port(), format!("in a call the TURN server {what} at {place}"))
    });
    if let Some((port, words)) = by_ice.or(by_relay) {
        return Some(Shown::Answered { port, words });
    }
    let refused = paths().find_map(|path| match &path.check {
        IceCheck::Icmp(error) if own_error(error, path) => {
            Some(Shown::Refused { port: path.candidate.port(), error: error.to_string() })
        }
        _ => None,
    });
    if refused.is_some() {
        return refused;
    }
    let is_silent = |path: &&PathFacts| path.check == IceCheck::Silent && is_in_time(facts, path);
    let silent = paths().find(is_silent).filter(|_| is_live(facts));
    silent.map(|path| Shown::Silent { port: path.candidate.port() })
}

/// A port that has to be closed, and lets a call in. Where the server's own checks came to us, some
/// firewalls let everything of ours in for a while: then it may only have been open because of them.
fn proven_open(view: &View<'_>, judged: Judged, port: u16, words: &str) -> Judgement {
    let is_udp = view.check.target.transport == Some(Transport::Udp);
    let punched = view.call().ok().and_then(|facts| facts.punched.as_ref());
    let has_sent = is_udp && punched.is_some_and(|punched| punched.check_from.is_some());
    match judged {
        Ok(known) if known.verdict == Verdict::Fail(FailConfidence::Proven) => {
            Judgement { observed: format!("{}\n{words}", known.observed), ..known }
        }
        Ok(known) if has_sent && matches!(known.verdict, Verdict::Fail(_)) => {
            Judgement { observed: format!("{}\n{words}", known.observed), ..known }
        }
        Ok(_) | Err(_) if has_sent => Judgement::suspected(
            open_reason(view),
            format!("{words}, and the machine itself had sent to us before"),
        )
        .seen(port.to_string()),
        Ok(_) | Err(_) => Judgement::fail(open_reason(view), words).seen(port.to_string()),
    }
}

/// A port that has to be open, and lets a call in.
fn answered(view: &View<'_>, judged: Judged, words: &str) -> Judged {
    let is_range = view.check.target.port.is_some_and(|range| range.single().is_none());
    let is_settled = match judged.as_ref().map(|judged| (judged.verdict, judged.reason)) {
        Err(_)
        | Ok((Verdict::Pass(PassConfidence::Uncontradicted) | Verdict::Inconclusive(_), _)) => true,
        // One port that answers says nothing of another that does not.
        Ok((Verdict::Fail(_), _)) if is_range => udp::is_wholly_silent(view),
        // Of one port an answer says more than silence, or a refusal that has passed.
        Ok((Verdict::Fail(_), reason)) => reason != ReasonCode::WrongService,
        Ok((Verdict::Pass(PassConfidence::Proven) | Verdict::NotApplicable, _)) => false,
    };
    if !is_settled {
        return judged;
    }
    Ok(Judgement::pass(if is_range {
        format!("{words}; the other ports of the range were not used")
    } else {
        words.to_owned()
    }))
}

/// A port that has to be open, at which a call stayed silent.
fn silent(view: &View<'_>, judged: Judgement, port: u16) -> Judged {
    let transport = view.check.target.transport.unwrap_or(Transport::Udp);
    let place = format!("{} {port}", transport.to_string().to_uppercase());
    let said = format!(
        "an authenticated ICE check to {place} stayed silent, though another way of the same \
         session was answered"
    );
    let hears = match transport {
        Transport::Udp => view.sees_udp(view.family()),
        Transport::Tcp => view.sees(view.family()),
    };
    Ok(match judged.verdict {
        Verdict::Pass(PassConfidence::Uncontradicted) | Verdict::Inconclusive(_) => {
            let observed = format!("{}\nbut {said}", judged.observed);
            Judgement::unsettled(ReasonCode::MediaSilent, observed)
        }
        Verdict::Fail(FailConfidence::Suspected) if hears && udp::is_wholly_silent(view) => {
            Judgement {
                verdict: Verdict::Fail(FailConfidence::Proven),
                observed: format!("{}\n{said}", judged.observed),
                ..judged
            }
        }
        Verdict::Fail(_) | Verdict::Pass(PassConfidence::Proven) | Verdict::NotApplicable => judged,
    })
}

/// A port that has to be open, and refuses a call. Idle ports answer with the same error when they
/// are open.
fn refused(judged: Judgement, port: u16, error: &str) -> Judgement {
    match judged.verdict {
        Verdict::Pass(PassConfidence::Uncontradicted) | Verdict::Inconclusive(_) => {
            let observed = format!(
                "{}\nbut an authenticated ICE check to UDP {port}, where LiveKit waits for it, met \
                 {error}",
                judged.observed
            );
            Judgement::unsettled(ReasonCode::MediaSilent, observed)
        }
        Verdict::Fail(_) | Verdict::Pass(PassConfidence::Proven) | Verdict::NotApplicable => judged,
    }
}
