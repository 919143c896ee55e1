//! What datagrams show about UDP ports, and what they cannot show.
//!
//! Two groups of nodes look the same from outside: {drops, accepts with a silent listener, accepts
//! with its ICMP errors muted} and {accepts with nobody listening, rejects with port unreachable}.
//! No verdict here separates the members of a group; control ports, which no table names, tell
//! whether a port is treated like everything else.

mod evidence;

use super::judgement::{Judged, Judgement};
use super::reach::open_reason;
use super::reasons::icmp_reason;
use super::view::View;
use crate::model::facts::{IcmpError, IcmpMeaning, StretchShows};
use crate::model::observation::Blindness;
use crate::model::port::{Port, PortRange};
use crate::model::reason::ReasonCode;
use crate::model::rule::PortRow;
use crate::model::seen::{RangeSeen, Seen, TcpRejection, UdpExtent, UdpReply, UdpSeen};

use evidence::{Evidence, Shown, extent, range};

/// Nothing came back over UDP at all, so that silence says nothing.
fn blind_to_udp(view: &View<'_>) -> Judgement {
    Judgement::unsettled(ReasonCode::UdpSilent, UdpSeen::NothingAnswers(view.family()))
}

/// Nobody at the address ever said anything, though UDP comes back from elsewhere.
fn nobody_there(view: &View<'_>) -> Option<Judgement> {
    view.nobody_there().filter(|_| view.sees_udp(view.family()))
}

fn unheard() -> Judgement {
    Judgement::unsettled(ReasonCode::UdpSilent, UdpSeen::Unheard)
}

/// A port, or every port of a range, that must be closed.
pub(super) fn closed(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    if let Some(judgement) = nobody_there(view) {
        return Ok(judgement);
    }
    let hole = extent(view, StretchShows::Answers)?;
    let holes = |otherwise: Vec<Port>| match &hole {
        Some(hole) => hole.ranges(),
        None => otherwise.into_iter().map(Into::into).collect(),
    };
    if let Some((port, reply)) = evidence.answered() {
        let named = holes(vec![port]);
        let is_proof = reply.is_bound_to_question();
        let seen = UdpSeen::Answered { port: in_range(view, port), reply: reply.clone(), hole };
        let judgement = match is_proof {
            true => Judgement::fail(open_reason(view), seen),
            false => Judgement::suspected(open_reason(view), seen),
        };
        return Ok(judgement.naming_ports(named));
    }
    let unreachable = evidence.unreachable();
    if !unreachable.is_empty() {
        if let Some(tcp) = evidence.rejects_by_default() {
            return Ok(open_or_rejected(view, &evidence, tcp));
        }
        let named = holes(unreachable);
        let seen = no_listener(view, &evidence, hole);
        return Ok(Judgement::suspected(open_reason(view), seen).naming_ports(named));
    }
    // What refuses or drops some ports of a range need not do so with the others.
    if let Some(judgement) = not_swept(view, &evidence) {
        return Ok(judgement);
    }
    if let Some((port, error)) = evidence.refused() {
        let seen = UdpSeen::Refused { port: in_range(view, port), error };
        // What refuses one port of a range need not refuse the others.
        return Ok(if range(view).single().is_some() && is_its_prohibition(&error) {
            Judgement::pass(seen)
        } else {
            Judgement::uncontradicted(seen)
        });
    }
    if evidence.silent().is_empty() {
        return Ok(unheard());
    }
    if !view.sees_udp(view.family()) {
        return Ok(blind_to_udp(view));
    }
    let asked = of_range(view).then(|| evidence.asked());
    // Never proven: a listener that stays silent looks the same.
    Ok(Judgement::uncontradicted(UdpSeen::NothingComesBack { asked, control: evidence.control }))
}

/// Ports of the range were not asked: one of them may be open.
fn not_swept(view: &View<'_>, evidence: &Evidence) -> Option<Judgement> {
    let rest = evidence.rest.as_ref().filter(|rest| !rest.is_complete())?;
    let asked = evidence.asked().ports;
    let of = range(view).count() as usize;
    Some(if rest.is_withheld() {
        let seen = UdpSeen::SweepWithheld { asked, of };
        Judgement::unsettled(ReasonCode::SweepWithheld, seen)
    } else {
        Judgement::unsettled(ReasonCode::SweepIncomplete, UdpSeen::SweepIncomplete { asked, of })
    })
}

fn of_range(view: &View<'_>) -> bool {
    range(view).single().is_none()
}

/// A port that a finding names, where the check is about more than this one.
fn in_range(view: &View<'_>, port: Port) -> Option<Port> {
    of_range(view).then_some(port)
}

fn ports_without_listener(view: &View<'_>, evidence: &Evidence) -> Option<RangeSeen> {
    let of_all = || RangeSeen { no_listener: evidence.unreachable(), asked: evidence.asked() };
    of_range(view).then(of_all)
}

fn no_listener(view: &View<'_>, evidence: &Evidence, hole: Option<UdpExtent>) -> UdpSeen {
    let range = ports_without_listener(view, evidence);
    UdpSeen::NoListener { range, control: evidence.control, hole }
}

/// "Port unreachable" from a node whose firewall rejects everything looks the same as from one that
/// admits packets to a port where no process listens.
fn open_or_rejected(view: &View<'_>, evidence: &Evidence, tcp: TcpRejection) -> Judgement {
    let range = ports_without_listener(view, evidence);
    let seen = UdpSeen::OpenOrRejected { range, control: evidence.control, tcp };
    match tcp {
        TcpRejection::ByIcmp | TcpRejection::ByReset(_) => {
            Judgement::vantage_limit(ReasonCode::PortUnreachable, seen)
        }
        // A run that finds the node rested tells them apart.
        TcpRejection::Unheard => Judgement::unsettled(ReasonCode::PortUnreachable, seen),
    }
}

/// Whether the node's own firewall says that it keeps packets out.
fn is_its_prohibition(error: &IcmpError) -> bool {
    error.meaning() == IcmpMeaning::AdminProhibited && error.is_of_meant_machine()
}

/// A port that must be open is refused. A prohibition by the node proves it; one by a router may be
/// that of this computer's own network; "host unreachable" may have passed by the next copy, and then
/// a silent service looks the same.
fn refused(port: Option<Port>, error: &IcmpError) -> Judgement {
    let (reason, seen) = (icmp_reason(error), UdpSeen::Refused { port, error: *error });
    if is_its_prohibition(error) {
        Judgement::fail(reason, seen)
    } else {
        Judgement::suspected(reason, seen)
    }
}

/// A UDP row that must be open to this machine.
pub(super) fn open(view: &View<'_>, row: &PortRow) -> Judged {
    if of_range(view) {
        return range_open(view);
    }
    if has_service(view, row) { service_open(view) } else { single_open(view) }
}

/// Whether a program has to answer every request at the port of a row.
pub(super) fn has_service(view: &View<'_>, row: &PortRow) -> bool {
    let limit = row.listens_on.as_ref();
    let listens =
        limit.is_none_or(|limit| !limit.leaves_out(view.family(), view.case.deployment.edition));
    row.service.is_some() && listens && !of_range(view)
}

/// A port that must be open answers.
fn answered(reply: &UdpReply) -> Judgement {
    let is_proof = reply.is_bound_to_question();
    let seen = UdpSeen::Answered { port: None, reply: reply.clone(), hole: None };
    match is_proof {
        true => Judgement::pass(seen),
        // Whatever came need not have come from there.
        false => Judgement::unsettled(ReasonCode::WrongService, seen),
    }
}

/// A port whose service answers every request.
fn service_open(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    if let Some(judgement) = nobody_there(view) {
        return Ok(judgement);
    }
    Ok(match evidence.first() {
        // The service answers everybody, and did not: whether another program sent this or not.
        Shown::Answered(reply) if !reply.is_bound_to_question() && view.sees_udp(view.family()) => {
            let seen = UdpSeen::Answered { port: None, reply: reply.clone(), hole: None };
            Judgement::suspected(ReasonCode::WrongService, seen)
        }
        Shown::Answered(reply) => answered(reply),
        Shown::Unreachable(error) => {
            Judgement::fail(ReasonCode::PortUnreachable, UdpSeen::NoService(*error))
        }
        Shown::Prohibited(error) | Shown::OtherError(error) => refused(None, error),
        // A service answers whether the machine has ICMP errors left or not.
        Shown::Silent | Shown::Unheard if view.sees_udp(view.family()) => view
            .nobody_there()
            .unwrap_or_else(|| no_service(view, ReasonCode::UdpSilent, UdpSeen::NoStunAnswer)),
        Shown::Silent | Shown::Unheard => blind_to_udp(view),
    })
}

/// A service that answers everybody is silent, in a network of which UDP comes back. Only where this
/// very port is known to get out of our own network is it the deployment's fault for certain.
pub(super) fn no_service(view: &View<'_>, reason: ReasonCode, seen: impl Into<Seen>) -> Judgement {
    let Some(port) = view.check.target.port.and_then(PortRange::single) else {
        return Judgement::suspected(reason, seen);
    };
    if view.case.lets_udp_out_to(port, view.family()) {
        Judgement::fail(reason, seen)
    } else {
        let seen = seen.into().and(UdpSeen::PortMayBeBlockedHere(port));
        Judgement::suspected(reason, seen)
    }
}

/// A port whose service answers no request without credentials.
fn single_open(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    if let Some(judgement) = nobody_there(view) {
        return Ok(judgement);
    }
    Ok(match evidence.first() {
        Shown::Answered(reply) => answered(reply),
        Shown::Unreachable(_) => match evidence.shown_rejection() {
            Some(tcp) => open_or_rejected(view, &evidence, tcp),
            None => Judgement::uncontradicted(no_listener(view, &evidence, None)),
        },
        Shown::Prohibited(error) | Shown::OtherError(error) => refused(None, error),
        // Also when the node may have had no ICMP error left: heard or not, it would stay open.
        Shown::Silent | Shown::Unheard if view.sees_udp(view.family()) => {
            Judgement::vantage_limit(ReasonCode::UdpSilent, UdpSeen::SilentEitherWay)
        }
        Shown::Silent | Shown::Unheard => blind_to_udp(view),
    })
}

/// A range that must be open to this machine, though no process may be listening in it.
pub(super) fn range_open(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    if let Some(judgement) = nobody_there(view) {
        return Ok(judgement);
    }
    if let Some((port, error)) = evidence.refused() {
        return Ok(refused(Some(port), &error).naming_ports([range(view)]));
    }
    let silent = evidence.silent();
    let answered = evidence.having(|shown| matches!(shown, Shown::Answered(_)));
    let alive = [evidence.unreachable(), answered.clone()].concat();
    let suspected = |seen| Judgement::suspected(ReasonCode::PortClosedUnexpected, seen);
    if let Some(blocked) = extent(view, StretchShows::Blocked)? {
        let named = blocked.ranges();
        let seen = UdpSeen::PartBlocked { alive, silent, blocked: Some(blocked) };
        return Ok(suspected(seen).naming_ports(named));
    }
    let control = evidence.control;
    Ok(match (alive.is_empty(), silent.is_empty()) {
        (true, true) => unheard(),
        (true, false) if !view.sees_udp(view.family()) => blind_to_udp(view),
        // An idle machine would say "port unreachable", so that all of them silent is a sign of a
        // firewall; its ICMP errors may be muted as well, so that it is not a proof.
        (true, false) => suspected(UdpSeen::RangeSilent { asked: evidence.asked(), control })
            .naming_ports([range(view)]),
        (false, true) if answered.is_empty() => match evidence.shown_rejection() {
            Some(tcp) => open_or_rejected(view, &evidence, tcp),
            None => Judgement::uncontradicted(no_listener(view, &evidence, None)),
        },
        (false, true) => Judgement::uncontradicted(UdpSeen::RangeAnswers { ports: alive, control }),
        (false, false) => {
            let named = silent.clone();
            suspected(UdpSeen::PartBlocked { alive, silent, blocked: None }).naming_ports(named)
        }
    })
}

/// Whether nothing at all came back from the check's ports.
pub(super) fn is_wholly_silent(view: &View<'_>) -> bool {
    Evidence::gather(view).is_ok_and(|evidence| evidence.quiet() == evidence.ports.len())
}

/// What the port of a row showed, for a row that is told and not judged.
pub(super) fn described(view: &View<'_>) -> Result<UdpSeen, Blindness> {
    let evidence = Evidence::gather(view)?;
    Ok(match evidence.first() {
        Shown::Answered(reply) => {
            UdpSeen::Answered { port: None, reply: reply.clone(), hole: None }
        }
        Shown::Unreachable(_) => no_listener(view, &evidence, None),
        Shown::Prohibited(error) | Shown::OtherError(error) => {
            UdpSeen::Refused { port: None, error: *error }
        }
        Shown::Silent | Shown::Unheard => UdpSeen::SilentEitherWay,
    })
}
