//! Rows of the port tables, in both directions, and the ports that no table names.

use std::collections::BTreeSet;

use super::firewall::reset_by_firewall;
use super::judgement::{Judged, Judgement};
use super::reach::{connections, is_its_firewall, nothing_seen, open_reason};
use super::service::{self, Likeness};
use super::udp;
use super::view::{View, connect_of};
use super::words;
use crate::model::facts::Connect;
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::plan::Ask;
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{AllowedFrom, PortRow, Service};
use crate::model::verdict::Verdict;

/// A row of the guide's tables.
pub(super) fn row(view: &View<'_>, row: &PortRow) -> Judged {
    let judged = asked(view, row)?;
    let mut sources = row.of(view.case.deployment).flat_map(|row| &row.from);
    let is_for_all = sources.any(|from| *from == AllowedFrom::Anywhere);
    // A port that is closed even to its own machine is closed to everybody; one that is open to it
    // says nothing of others.
    let is_shut = view.check.ask == Ask::MustBeOpen && matches!(judged.verdict, Verdict::Fail(_));
    if is_for_all && view.stands_there() && !is_shut {
        return Ok(Judgement::not_applicable(
            "a machine reaches its own ports whatever the rule is",
        ));
    }
    Ok(judged)
}

fn asked(view: &View<'_>, row: &PortRow) -> Judged {
    match (&view.check.ask, transport(view)) {
        (Ask::MustBeClosed | Ask::NeedNotBeOpen(_), Transport::Tcp) => closed(view),
        (Ask::MustBeOpen | Ask::Demand, Transport::Tcp) => tcp_row_open(view, row),
        (Ask::MustBeClosed | Ask::NeedNotBeOpen(_), Transport::Udp) => udp::closed(view),
        (Ask::MustBeOpen | Ask::Demand, Transport::Udp) => udp::open(view, row),
        (Ask::EitherWay(condition), transport) => {
            let seen = match transport {
                Transport::Tcp => words::connect(view.connect()?),
                Transport::Udp => udp::describe(view)?,
            };
            Ok(Judgement::not_applicable(format!(
                "{seen}; it is not declared whether {condition} is in use ({})",
                condition.flag()
            )))
        }
        (Ask::Nothing(why) | Ask::Undeclared(why), _) => Ok(Judgement::not_applicable(why)),
    }
}

fn transport(view: &View<'_>) -> Transport {
    view.check.target.transport.unwrap_or(Transport::Tcp)
}

/// A port, or a range of them, that must be closed.
pub(super) fn closed(view: &View<'_>) -> Judged {
    match transport(view) {
        Transport::Udp => udp::closed(view),
        Transport::Tcp => tcp_closed(view),
    }
}

/// A range that must be open, whoever listens.
pub(super) fn open(view: &View<'_>) -> Judged {
    match transport(view) {
        Transport::Udp => udp::range_open(view),
        Transport::Tcp => Ok(tcp_open(view, view.connect()?)),
    }
}

fn tcp_closed(view: &View<'_>) -> Judged {
    let mut open = Vec::new();
    let mut behind: Vec<(String, u16)> = Vec::new();
    let mut reset = 0_usize;
    let mut silent = 0_usize;
    let mut refused = None;
    let mut unreached = None;
    let mut blind = None;
    for (port, observation) in connections(view) {
        match (connect_of(observation), &observation.outcome) {
            (Some(Connect::Accepted), _) if open.contains(&port) => {}
            (Some(Connect::Accepted), _) => {
                open.push(port);
                behind.extend(service::behind(observation).map(|words| (words, port)));
            }
            (Some(Connect::Reset), _) => reset += 1,
            (Some(Connect::Silent), _) => silent += 1,
            (Some(Connect::Icmp(error)), _) if is_its_firewall(view, error) => {
                refused = Some(*error);
            }
            (Some(Connect::Icmp(error)), _) => unreached = Some(*error),
            (None, Outcome::Blind(blindness)) => blind = Some(blindness.clone()),
            (None, Outcome::Saw(_)) => {}
        }
    }
    open.sort_unstable();
    behind.sort_by_key(|(_, port)| *port);
    if !open.is_empty() {
        return Ok(
            Judgement::fail(open_reason(view), exposed(&open, &behind)).seen(words::numbers(&open))
        );
    }
    if let Some(blindness) = blind {
        return Err(blindness);
    }
    if silent > 0 && !view.sees(view.family()) {
        return Ok(nothing_seen(view));
    }
    let single = view.check.target.port.and_then(PortRange::single);
    Ok(if reset > 0 && single.is_some() && single == reset_by_firewall(view) {
        Judgement::uncontradicted(
            "refused (RST), though the proxy finds its service there: a firewall refuses us",
        )
    } else if reset > 0 {
        // Nobody listens today; whether a firewall would stop a packet is another question.
        Judgement::uncontradicted("refused (RST): nobody listens; a firewall was not seen")
    } else if let Some(error) = unreached {
        // Who finds the machine the next time may find the port open.
        Judgement::uncontradicted(format!("not reached: {error}"))
    } else {
        let observed = refused.map_or_else(
            || "no answer to any connection attempt".to_owned(),
            |error| format!("refused by a firewall: {error}"),
        );
        let is_whole = |range: PortRange| ports_asked(view, range).len() == range.count() as usize;
        if view.check.target.port.is_none_or(is_whole) {
            Judgement::pass(observed)
        } else {
            // A few ports of a range do not stand for those in between.
            Judgement::uncontradicted(observed)
        }
    })
}

/// Which ports are open, and on the lines below what stands behind them, as far as it said so.
fn exposed(open: &[u16], behind: &[(String, u16)]) -> String {
    let accepts = match open {
        [_] => "accepts",
        _ => "accept",
    };
    let mut lines = vec![format!("TCP {} {accepts} connections", words::list(open))];
    let mut told: Vec<&str> = Vec::new();
    for (words, _) in behind {
        if told.contains(&words.as_str()) {
            continue;
        }
        told.push(words);
        let ports: Vec<u16> =
            behind.iter().filter(|(other, _)| other == words).map(|(_, port)| *port).collect();
        lines.push(match open {
            [_] => words.clone(),
            _ => format!("{}: {words}", words::list(&ports)),
        });
    }
    lines.join("\n")
}

fn tcp_open(view: &View<'_>, connect: &Connect) -> Judgement {
    match connect {
        Connect::Accepted => Judgement::pass(words::connect(connect)),
        Connect::Silent if !view.sees(view.family()) => nothing_seen(view),
        Connect::Reset => Judgement::fail(
            ReasonCode::TcpRefused,
            "the connection is refused (RST): nothing listens, or a firewall resets",
        ),
        Connect::Icmp(error) if is_its_firewall(view, error) => {
            Judgement::fail(words::icmp_reason(error), format!("a firewall refuses: {error}"))
        }
        // A router's trouble may pass, and its prohibition may be our own network's.
        Connect::Icmp(error) => {
            Judgement::suspected(words::icmp_reason(error), format!("not reached: {error}"))
        }
        Connect::Silent => Judgement::fail(
            ReasonCode::TcpTimeout,
            "no answer to connection attempts: a firewall drops them, or the machine is down",
        ),
    }
}

/// The port accepts connections, and the one that was to ask for its service did not come about.
fn not_asked(reached: &Judgement) -> Judgement {
    Judgement::uncontradicted(format!("{}; what is behind it was not seen", reached.observed))
}

/// A TCP row that must let us in; where its service can be recognised, it has to be the right one.
/// Of a range the worst of what its ports show, unless nobody need listen there now.
fn tcp_row_open(view: &View<'_>, row: &PortRow) -> Judged {
    let range = view.check.target.port.expect("the plan names the ports");
    if row.only_in_sessions {
        return sessions_open(view);
    }
    let mut worst: Option<Judgement> = None;
    let mut blind = None;
    for port in ports_asked(view, range) {
        let judged = match tcp_port_open(view, row, port) {
            Ok(judged) => judged,
            Err(blindness) => {
                blind = Some(blindness);
                continue;
            }
        };
        let judged = match range.single() {
            Some(_) => judged,
            None => Judgement { observed: format!("TCP {port}: {}", judged.observed), ..judged },
        };
        if worst.as_ref().is_none_or(|known| judged.badness() > known.badness()) {
            worst = Some(judged);
        }
    }
    // A port that is closed is closed, whatever we could not see of the others.
    let is_violated = |judged: &Judgement| matches!(judged.verdict, Verdict::Fail(_));
    match (worst, blind) {
        (Some(judged), None) => Ok(explained_by_misprint(view, row, judged)),
        (Some(judged), Some(_)) if is_violated(&judged) => {
            Ok(explained_by_misprint(view, row, judged))
        }
        (_, Some(blindness)) => Err(blindness),
        (None, None) => Err(Blindness::Local("nothing was asked".to_owned())),
    }
}

/// The ports of a range that were asked, each once.
fn ports_asked(view: &View<'_>, range: PortRange) -> BTreeSet<Port> {
    let asked = view.observations().filter_map(|observation| observation.spec.endpoint());
    let ports = asked.map(|endpoint| endpoint.port);
    ports.filter(|port| range.contains(*port)).collect()
}

fn tcp_port_open(view: &View<'_>, row: &PortRow, port: Port) -> Judged {
    let observations = || view.observations().filter(move |observation| of_port(observation, port));
    // One connection that got through is enough.
    let accepted = observations().filter_map(connect_of).find(|connect| connect.is_accepted());
    let connect = match accepted {
        Some(accepted) => accepted,
        None => view.connect_to(port)?,
    };
    let reached = tcp_open(view, connect);
    let askable = |service: &Service| service::can_be_told(view, *service);
    let Some(service) = row.service.filter(askable).filter(|_| connect.is_accepted()) else {
        return Ok(reached);
    };
    Ok(match service::likeness(observations(), service) {
        None => not_asked(&reached),
        Some(Likeness::Is(observed)) => Judgement::pass(format!("{service} answers: {observed}")),
        Some(Likeness::Unknown(observed)) => Judgement::uncontradicted(format!(
            "{}; whether {service} is there was not to be seen: {observed}",
            words::connect(connect)
        )),
        Some(Likeness::IsNot(observed)) => Judgement::fail(
            ReasonCode::WrongService,
            format!("open, but not {service}: {observed}"),
        ),
    })
}

fn of_port(observation: &Observation, port: Port) -> bool {
    let endpoint = observation.spec.endpoint();
    endpoint.is_some_and(|endpoint| endpoint.port == port)
}

/// A range in which somebody listens only while there are sessions: an idle machine answers with
/// RST, and so does a firewall that resets.
fn sessions_open(view: &View<'_>) -> Judged {
    let mut alive = Vec::new();
    let mut silent = Vec::new();
    let mut refused = None;
    let mut blind = None;
    for (port, observation) in connections(view) {
        match (connect_of(observation), &observation.outcome) {
            (Some(Connect::Accepted | Connect::Reset), _) => alive.push(port),
            (Some(Connect::Silent), _) => silent.push(port),
            (Some(Connect::Icmp(error)), _) => refused = Some((port, *error)),
            (None, Outcome::Blind(blindness)) => blind = Some(blindness.clone()),
            (None, Outcome::Saw(_)) => {}
        }
    }
    if let Some((port, error)) = refused {
        let observed = format!("TCP {port} is refused: {error}");
        let reason = words::icmp_reason(&error);
        return Ok(if is_its_firewall(view, &error) {
            Judgement::fail(reason, observed)
        } else {
            Judgement::suspected(reason, observed)
        });
    }
    if let Some(blindness) = blind.filter(|_| silent.is_empty()) {
        return Err(blindness);
    }
    Ok(match (alive.as_slice(), silent.as_slice()) {
        (alive, []) => Judgement::uncontradicted(format!(
            "TCP {} answer, though nobody need listen there now",
            words::list(alive)
        )),
        (_, _) if !view.sees(view.family()) => nothing_seen(view),
        (_, silent) => Judgement::suspected(
            ReasonCode::TcpTimeout,
            format!(
                "no answer from TCP {}, where an idle machine refuses the connection",
                words::list(silent)
            ),
        ),
    })
}

/// Where the port is closed and the one that a table of the guide names instead is open, that is
/// why.
fn explained_by_misprint(view: &View<'_>, row: &PortRow, judged: Judgement) -> Judgement {
    let Some(misprint) = row.misprint.filter(|_| matches!(judged.verdict, Verdict::Fail(_))) else {
        return judged;
    };
    // Nobody need listen there: where other connections are not answered by RST, the firewall lets
    // in those that are, or answers them itself.
    let meets = |connect: &Connect| match connect {
        Connect::Accepted => Some("is open"),
        Connect::Reset if judged.reason != ReasonCode::TcpRefused => Some("answers (RST)"),
        Connect::Reset | Connect::Icmp(_) | Connect::Silent => None,
    };
    let met = view
        .observations()
        .filter(|observation| of_port(observation, misprint))
        .filter_map(connect_of)
        .find_map(meets);
    let Some(met) = met else {
        return judged;
    };
    let right = view.check.target.port.map_or_else(String::new, |port| port.to_string());
    Judgement {
        observed: format!(
            "{}\nTCP {misprint} {met} instead: a table of the guide names it by mistake, the \
             proxy's configuration sends to {right}",
            judged.observed
        ),
        ..judged
    }
}

pub(super) fn undocumented(view: &View<'_>) -> Judged {
    tcp_closed(view)
}
