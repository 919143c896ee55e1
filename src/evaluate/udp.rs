//! What datagrams show about UDP ports, and what they cannot show.
//!
//! Two groups of nodes look the same from outside: {drops, accepts with a silent listener, accepts
//! with its ICMP errors muted} and {accepts with nobody listening, rejects with port unreachable}.
//! No verdict here separates the members of a group; control ports, which no table names, tell
//! whether a port is treated like everything else.

mod evidence;
mod extent;
mod phrases;

use super::judgement::{Judged, Judgement};
use super::reach::open_reason;
use super::view::View;
use super::words;
use crate::model::facts::{IcmpError, IcmpMeaning, StretchShows};
use crate::model::observation::Blindness;
use crate::model::port::Port;
use crate::model::reason::ReasonCode;
use crate::model::rule::PortRow;

use evidence::{Evidence, Shown, range};
use extent::Extent;
use phrases::{asked, counted, ports, remedy_ports, say, thousands};

/// Nothing came back over UDP at all, so that silence says nothing.
fn blind_to_udp(view: &View<'_>) -> Judgement {
    Judgement::unsettled(
        ReasonCode::UdpSilent,
        format!(
            "silent, but nothing else came back over {} UDP either: name a STUN server outside with --stun-server",
            view.family()
        ),
    )
}

fn unheard() -> Judgement {
    Judgement::unsettled(
        ReasonCode::UdpSilent,
        "silent, but the node may have had no ICMP error left for us (Linux sends one a second): run again in ten seconds",
    )
}

/// A port, or every port of a range, that must let nothing in.
pub(super) fn closed(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    let hole = Extent::of(view, StretchShows::Answers)?;
    if let Some((port, what)) = evidence.answered() {
        let open = format!("UDP {port} is open: {what}");
        return Ok(match hole {
            Some(hole) => {
                let observed = format!("{open}\n{}", hole.holes());
                Judgement::fail(open_reason(view), observed).seen(hole.ranges())
            }
            None => Judgement::fail(open_reason(view), open).seen(port.to_string()),
        });
    }
    let unreachable = evidence.unreachable();
    if !unreachable.is_empty() {
        let others = match evidence.rest {
            Some(rest) => {
                let named =
                    evidence.having(|shown| matches!(shown, Shown::Silent | Shown::Unheard));
                let silent = thousands(named.len() + rest.silent as usize);
                format!("{}: {silent} silent, ", asked(&evidence))
            }
            None => String::new(),
        };
        let who = format!(
            "{others}{} \"no listener\" (ICMP port unreachable); {}",
            say(&unreachable),
            evidence.background()
        );
        // A node that rejects everything and one that lets UDP in look the same.
        if evidence.may_reject_by_default() {
            let observed = format!("{who}, and {}", evidence.looks_the_same());
            return Ok(if evidence.rejects_by_default() {
                Judgement::vantage_limit(ReasonCode::PortUnreachable, observed)
            } else {
                // A run that finds the node rested tells them apart.
                Judgement::unsettled(ReasonCode::PortUnreachable, observed)
            });
        }
        return Ok(Judgement::suspected(
            open_reason(view),
            format!(
                "{} let{} packets in\n{who}{}",
                counted(unreachable.len(), &evidence, range(view)),
                if unreachable.len() == 1 { "s" } else { "" },
                hole.as_ref().map_or_else(String::new, |hole| format!("; {}", hole.holes()))
            ),
        )
        .seen(hole.map_or_else(|| remedy_ports(&unreachable), |hole| hole.ranges())));
    }
    if let Some((port, error)) = evidence.refused() {
        let by = offender(view, &error);
        let observed = format!("UDP {port} is refused by {by}: {error}");
        return Ok(if range(view).single().is_some() && is_its_prohibition(view, &error) {
            Judgement::pass(observed)
        } else {
            Judgement::uncontradicted(observed)
        });
    }
    let silent = evidence.silent();
    if silent.is_empty() {
        return Ok(unheard());
    }
    if !view.sees_udp(view.family()) {
        return Ok(blind_to_udp(view));
    }
    let what = match range(view).single() {
        Some(_) => String::new(),
        None => format!(" ({})", asked(&evidence)),
    };
    Ok(Judgement::uncontradicted(format!("nothing comes back{what}; {}", evidence.background())))
}

/// Whether the node's own firewall says that it keeps packets out.
fn is_its_prohibition(view: &View<'_>, error: &IcmpError) -> bool {
    error.meaning() == IcmpMeaning::AdminProhibited && !view.is_from_elsewhere(error)
}

fn offender(view: &View<'_>, error: &IcmpError) -> &'static str {
    if view.is_from_elsewhere(error) { "a router on the way" } else { "the node's firewall" }
}

/// A port that must be open is refused. A prohibition by the node proves it; one by a router may be
/// our own network's; "host unreachable" may have passed by the next copy, and then a silent service
/// looks the same.
fn refused(view: &View<'_>, port: Option<Port>, error: &IcmpError) -> Judgement {
    let port = port.map_or_else(String::new, |port| format!("UDP {port} is "));
    let observed = format!("{port}refused by {}: {error}", offender(view, error));
    let reason = words::icmp_reason(error);
    if is_its_prohibition(view, error) {
        Judgement::fail(reason, observed)
    } else {
        Judgement::suspected(reason, observed)
    }
}

/// A UDP row that must let us in.
pub(super) fn open(view: &View<'_>, row: &PortRow) -> Judged {
    if range(view).single().is_none() {
        return range_open(view);
    }
    let listens = row
        .listens_on
        .as_ref()
        .is_none_or(|limit| !limit.leaves_out(view.family(), view.case.deployment.edition));
    if row.service.is_some() && listens { service_open(view) } else { single_open(view) }
}

/// A port whose service answers everybody.
fn service_open(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    Ok(match evidence.first() {
        Shown::Answered(what) => Judgement::pass(what.clone()),
        Shown::Unreachable(error) => Judgement::fail(
            ReasonCode::PortUnreachable,
            format!("nothing listens, or a firewall rejects: {error}"),
        ),
        Shown::Prohibited(error) | Shown::OtherError(error) => refused(view, None, error),
        // A service answers whether the machine has ICMP errors left or not.
        Shown::Silent | Shown::Unheard if view.sees_udp(view.family()) => Judgement::fail(
            ReasonCode::UdpSilent,
            "no STUN answer to any copy: a firewall drops it, or nothing that speaks STUN listens",
        ),
        Shown::Silent | Shown::Unheard => blind_to_udp(view),
    })
}

/// A port whose service answers nobody without credentials.
fn single_open(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    Ok(match evidence.first() {
        Shown::Answered(what) => Judgement::pass(what.clone()),
        Shown::Unreachable(error) if evidence.rejects_by_default() => Judgement::vantage_limit(
            ReasonCode::PortUnreachable,
            format!("{error}; {}", evidence.looks_the_same()),
        ),
        Shown::Unreachable(error) => Judgement::uncontradicted(format!(
            "packets get in, and nobody listens there now: {error}"
        )),
        Shown::Prohibited(error) | Shown::OtherError(error) => refused(view, None, error),
        // Also when the node may have had no ICMP error left: heard or not, it would stay open.
        Shown::Silent | Shown::Unheard if view.sees_udp(view.family()) => Judgement::vantage_limit(
            ReasonCode::UdpSilent,
            "silent; an open and a closed port look the same from here",
        ),
        Shown::Silent | Shown::Unheard => blind_to_udp(view),
    })
}

/// A range that must let us in, though nobody may be listening in it.
pub(super) fn range_open(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    if let Some((port, error)) = evidence.refused() {
        return Ok(refused(view, Some(port), &error).seen(range(view).to_string()));
    }
    let silent = evidence.silent();
    let mut alive = evidence.unreachable();
    let answered = evidence.having(|shown| matches!(shown, Shown::Answered(_)));
    alive.extend(&answered);
    if let Some(blocked) = Extent::of(view, StretchShows::Blocked)? {
        return Ok(Judgement::suspected(
            ReasonCode::PortClosedUnexpected,
            format!(
                "a part of the range is blocked: {} answer\n{}",
                ports(&alive),
                blocked.blocked()
            ),
        )
        .seen(blocked.ranges()));
    }
    Ok(match (alive.as_slice(), silent.as_slice()) {
        ([], []) => unheard(),
        ([], _) if !view.sees_udp(view.family()) => blind_to_udp(view),
        ([], silent) => Judgement::suspected(
            ReasonCode::PortClosedUnexpected,
            format!(
                "nothing comes back from {} probed ports, where an idle machine says \"no listener\"; {}",
                silent.len(),
                evidence.background()
            ),
        )
        .seen(range(view).to_string()),
        (alive, []) if evidence.rejects_by_default() && answered.is_empty() => {
            Judgement::vantage_limit(
                ReasonCode::PortUnreachable,
                format!(
                    "{} ports say \"no listener\", and {}",
                    alive.len(),
                    evidence.looks_the_same()
                ),
            )
        }
        (alive, []) => Judgement::uncontradicted(format!(
            "packets get in at {} ({}); {}",
            ports(alive),
            if answered.is_empty() {
                "nobody listens there now"
            } else {
                "somebody answers"
            },
            evidence.background()
        )),
        (alive, silent) => Judgement::suspected(
            ReasonCode::PortClosedUnexpected,
            format!(
                "a part of the range is blocked: {} answer, {} do not",
                ports(alive),
                ports(silent)
            ),
        )
        .seen(remedy_ports(silent)),
    })
}

/// Whether nothing at all came back from the check's ports.
pub(super) fn is_wholly_silent(view: &View<'_>) -> bool {
    Evidence::gather(view).is_ok_and(|evidence| {
        let all = evidence.having(|shown| matches!(shown, Shown::Silent | Shown::Unheard));
        all.len() == evidence.ports.len()
    })
}

/// What the ports of a row showed, for a row that is told and not judged.
pub(super) fn describe(view: &View<'_>) -> Result<String, Blindness> {
    let evidence = Evidence::gather(view)?;
    Ok(match evidence.first() {
        Shown::Answered(what) => what.clone(),
        Shown::Unreachable(error) | Shown::Prohibited(error) | Shown::OtherError(error) => {
            error.to_string()
        }
        Shown::Silent | Shown::Unheard => "silent".to_owned(),
    })
}
