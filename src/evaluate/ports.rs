//! Rows of the port tables, in both directions, and the ports that no table names.

use std::collections::{BTreeMap, BTreeSet};

use super::firewall::reset_by_firewall;
use super::judgement::{Judged, Judgement, Place};
use super::reach::{connections, is_its_firewall, open_reason};
use super::reasons::icmp_reason;
use super::responder;
use super::service;
use super::udp;
use super::view::{View, connect_of};
use crate::model::facts::{Connect, IcmpError, Likeness};
use crate::model::observation::{Blindness, LocalTrouble, Observation, Outcome};
use crate::model::plan::{Ask, NotAsked};
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{AllowedFrom, PortRow, Scope, Service};
use crate::model::seen::{Exposure, OpenPort, PortSeen, Seen, ServiceSeen};
use crate::model::verdict::{Severity, Verdict};

/// A row of the guide's tables.
pub(super) fn row(view: &View<'_>, row: &PortRow) -> Judged {
    let judged = asked(view, row)?;
    let mut sources = row.of(view.case.deployment).flat_map(|row| &row.from);
    let is_for_all = sources.any(|from| *from == AllowedFrom::Anywhere);
    // A port that is closed even to its own machine is closed to every other one; that it is open
    // to its own machine says nothing of others.
    let is_shut = view.check.ask == Ask::MustBeOpen && matches!(judged.verdict, Verdict::Fail(_));
    if is_for_all && view.stands_there() && !is_shut {
        return Ok(Judgement::not_applicable(NotAsked::OwnPorts));
    }
    Ok(judged)
}

fn asked(view: &View<'_>, row: &PortRow) -> Judged {
    match (&view.check.ask, transport(view)) {
        (Ask::MustBeClosed | Ask::NeedNotBeOpen(_), Transport::Tcp) => {
            responder::tcp_closed(view, tcp_closed(view))
        }
        (Ask::MustBeOpen | Ask::Demand, Transport::Tcp) => tcp_row_open(view, row),
        (Ask::MustBeClosed | Ask::NeedNotBeOpen(_), Transport::Udp) => {
            responder::closed(view, udp::closed(view))
        }
        (Ask::MustBeOpen | Ask::Demand, Transport::Udp) => {
            responder::open(view, udp::has_service(view, row), udp::open(view, row))
        }
        (Ask::EitherWay(condition), transport) => {
            let itself = match transport {
                Transport::Tcp => view.connect()?.into(),
                Transport::Udp => udp::described(view)?.into(),
            };
            let seen = Seen::UseUndeclared { condition: *condition, itself: Box::new(itself) };
            Ok(Judgement::not_applicable(seen))
        }
        (Ask::Nothing(_) | Ask::Undeclared(_), _) => {
            unreachable!("{} asks nothing, and is not judged", view.rule.id)
        }
    }
}

fn transport(view: &View<'_>) -> Transport {
    view.check.target.transport.unwrap_or(Transport::Tcp)
}

/// A port, or a range of them, that must be closed.
pub(super) fn closed(view: &View<'_>) -> Judged {
    match transport(view) {
        Transport::Udp => responder::closed(view, udp::closed(view)),
        Transport::Tcp => responder::tcp_closed(view, tcp_closed(view)),
    }
}

/// A range that must be open, whatever listens there.
pub(super) fn open(view: &View<'_>) -> Judged {
    match transport(view) {
        Transport::Udp => responder::open(view, false, udp::range_open(view)),
        Transport::Tcp => {
            let port = view.check.target.port.and_then(PortRange::single);
            responder::tcp_range_open(view, Ok(tcp_open(view, port, view.connect()?)))
        }
    }
}

/// No port of OpenVidu's services is open that no table names.
pub(super) fn undocumented(view: &View<'_>) -> Judged {
    responder::tcp_closed(view, tcp_closed(view))
}

/// What connections met to ports that must be closed.
#[derive(Default)]
struct ClosedSight {
    /// The ports that accept connections, and what answers behind each.
    open: BTreeMap<Port, Option<Exposure>>,
    is_reset: bool,
    is_silent: bool,
    refused: Option<IcmpError>,
    unreached: Option<IcmpError>,
    blind: Option<Blindness>,
}

impl ClosedSight {
    fn gather(view: &View<'_>) -> Self {
        let mut sight = Self::default();
        for (port, observation) in connections(view) {
            match (connect_of(observation), &observation.outcome) {
                (Some(Connect::Accepted), _) => {
                    sight.open.entry(port).or_insert_with(|| service::exposure(observation));
                }
                (Some(Connect::Reset), _) => sight.is_reset = true,
                (Some(Connect::Silent), _) => sight.is_silent = true,
                (Some(Connect::Icmp(error)), _) if is_its_firewall(error) => {
                    sight.refused = Some(error.without_own_address());
                }
                (Some(Connect::Icmp(error)), _) => {
                    sight.unreached = Some(error.without_own_address());
                }
                (None, Outcome::Blind(blindness)) => sight.blind = Some(blindness.clone()),
                (None, Outcome::Saw(_)) => {}
            }
        }
        sight
    }
}

fn tcp_closed(view: &View<'_>) -> Judged {
    let mut sight = ClosedSight::gather(view);
    let accepted_for_others = view.accepted_for_others(None).filter(|_| !sight.open.is_empty());
    if accepted_for_others.is_some() {
        // What answers in its own protocol is there, whoever accepts for it.
        sight.open.retain(|_, behind| behind.as_ref().is_some_and(Exposure::is_identified));
    }
    if let Some(judgement) = exposed(view, sight.open) {
        return Ok(judgement);
    }
    if let Some(judgement) = accepted_for_others {
        return Ok(judgement);
    }
    if let Some(blindness) = sight.blind {
        return Err(blindness);
    }
    if let Some(judgement) = view.silence_says_nothing().filter(|_| sight.is_silent) {
        return Ok(judgement);
    }
    let single = view.check.target.port.and_then(PortRange::single);
    if sight.is_reset {
        // No process listens today; whether a firewall would stop a packet is another question.
        let is_by_firewall = single.is_some() && single == reset_by_firewall(view);
        return Ok(Judgement::uncontradicted(if is_by_firewall {
            PortSeen::RefusedToThisMachine
        } else {
            PortSeen::Refused
        }));
    }
    if let Some(judgement) = view.nobody_there() {
        return Ok(judgement);
    }
    if let Some(error) = sight.unreached {
        // A connection that finds its way the next time may find the port open.
        return Ok(Judgement::uncontradicted(PortSeen::NotReached(error)));
    }
    let Some(error) = sight.refused.filter(|_| !sight.is_silent) else {
        // Whoever keeps packets back, or loses them, looks the same.
        return Ok(Judgement::uncontradicted(&Connect::Silent));
    };
    let seen = PortSeen::FirewallRefuses(error);
    let is_whole = |range: PortRange| ports_asked(view, range).len() == range.count() as usize;
    Ok(if view.check.target.port.is_none_or(is_whole) {
        Judgement::pass(seen)
    } else {
        // A few ports of a range do not stand for those in between.
        Judgement::uncontradicted(seen)
    })
}

/// The violations that these open ports are; `None` without one. A range is closed by one command,
/// and is one violation; the ports of a list are different services, each closed apart.
fn exposed(view: &View<'_>, open: BTreeMap<Port, Option<Exposure>>) -> Option<Judgement> {
    let reason = open_reason(view);
    let is_range = view.check.target.port.is_some_and(|range| range.single().is_none());
    if is_range && !open.is_empty() {
        let ports: Vec<Port> = open.keys().copied().collect();
        let open = open.into_iter().map(|(port, behind)| OpenPort { port, behind }).collect();
        return Some(Judgement::fail(reason, PortSeen::PartOpen(open)).naming_ports(ports));
    }
    Judgement::several(open.into_iter().map(|(port, behind)| {
        let judgement = Judgement::fail(reason, PortSeen::Open(behind)).at(Place::port(port));
        Judgement { severity: severity_of_listed(view, port), ..judgement }
    }))
}

/// How serious it is that a port of a list is open, where the list says so.
fn severity_of_listed(view: &View<'_>, port: Port) -> Option<Severity> {
    let Scope::AllNodes { tcp } = &view.rule.scope else {
        return None;
    };
    tcp.iter().find(|listed| listed.port == port).and_then(|listed| listed.severity)
}

fn tcp_open(view: &View<'_>, port: Option<Port>, connect: &Connect) -> Judgement {
    match connect {
        Connect::Accepted => {
            view.accepted_for_others(port).unwrap_or_else(|| Judgement::pass(connect))
        }
        Connect::Silent => view.silent_though_open(port),
        Connect::Reset => {
            let refused = view.refused_though_open(port);
            let is_violation = matches!(refused.verdict, Verdict::Fail(_));
            if is_violation && view.is_proxy_stopped() {
                Judgement { reason: ReasonCode::ProgramNotRunning, ..refused }
            } else {
                refused
            }
        }
        Connect::Icmp(_) if view.nobody_there().is_some() => view.silent_though_open(port),
        Connect::Icmp(error) => icmp_refused(error),
    }
}

/// A port that must be open draws an ICMP error. A router's trouble may pass, and its prohibition
/// may be that of this computer's own network.
fn icmp_refused(error: &IcmpError) -> Judgement {
    let (reason, seen) = (icmp_reason(error), error.without_own_address());
    if is_its_firewall(error) {
        Judgement::fail(reason, PortSeen::FirewallRefuses(seen))
    } else {
        Judgement::suspected(reason, PortSeen::NotReached(seen))
    }
}

/// A TCP row that must be open to this machine; where its service can be recognised, it has to be
/// the right one. Of a range the worst of what its ports show, unless its processes listen only
/// during sessions.
fn tcp_row_open(view: &View<'_>, row: &PortRow) -> Judged {
    let range = view.check.target.port.expect("the plan names the ports");
    if row.only_in_sessions {
        return responder::tcp_range_open(view, sessions_open(view));
    }
    let judged = ports_asked(view, range).into_iter().map(|port| {
        let judged = responder::tcp_open(view, port, tcp_port_open(view, row, port))?;
        Ok(if range.single().is_some() { judged } else { of_port(port, judged) })
    });
    let (seen, blind): (Vec<Judged>, Vec<Judged>) = judged.partition(Result::is_ok);
    let worst = Judgement::worst(seen.into_iter().flatten());
    // A port that is closed is closed, whatever ovcheck could not see of the others.
    let is_violated = |judged: &Judgement| matches!(judged.verdict, Verdict::Fail(_));
    match (worst, blind.into_iter().next_back()) {
        (Some(judged), None) => Ok(explained_by_misprint(view, row, judged)),
        (Some(judged), Some(_)) if is_violated(&judged) => {
            Ok(explained_by_misprint(view, row, judged))
        }
        (_, Some(blind)) => blind,
        (None, None) => Err(LocalTrouble::NothingAsked.into()),
    }
}

/// What one port of a range showed, as what the range showed.
fn of_port(port: Port, judged: Judgement) -> Judgement {
    let seen = PortSeen::OfPort { port, seen: Box::new(judged.seen) }.into();
    Judgement { seen, ..judged }
}

/// The ports of a range that were asked, each once.
fn ports_asked(view: &View<'_>, range: PortRange) -> BTreeSet<Port> {
    let asked = view.observations().filter_map(|observation| observation.spec.endpoint());
    let ports = asked.map(|endpoint| endpoint.port);
    ports.filter(|port| range.contains(*port)).collect()
}

fn tcp_port_open(view: &View<'_>, row: &PortRow, port: Port) -> Judged {
    let observations = || view.observations().filter(move |observation| is_to(observation, port));
    // One connection that was accepted is enough.
    let accepted = observations().filter_map(connect_of).find(|connect| connect.is_accepted());
    let connect = match accepted {
        Some(accepted) => accepted,
        None => view.connect_to(port)?,
    };
    let askable = |service: &Service| service::can_be_told(view, *service);
    let Some(service) = row.service.filter(askable).filter(|_| connect.is_accepted()) else {
        return Ok(tcp_open(view, Some(port), connect));
    };
    let Some((likeness, reply)) = service::reply(observations(), service) else {
        return Ok(Judgement::uncontradicted(ServiceSeen::NotAsked));
    };
    // Right where its proxy sends such a header, and no other program asks for one.
    if likeness == Likeness::NoAnswer && service::answers_behind_proxy_header(observations()) {
        return Ok(Judgement::pass(ServiceSeen::ExpectsProxyHeader { service }));
    }
    if let Some(judgement) = view.accepted_for_others(Some(port)) {
        return Ok(judgement);
    }
    let seen = ServiceSeen::Reply { service, likeness, reply: Box::new(reply) };
    Ok(match likeness {
        Likeness::Is => Judgement::pass(seen),
        Likeness::Unknown => Judgement::uncontradicted(seen),
        Likeness::IsNot => Judgement::fail(ReasonCode::WrongService, seen),
        // The right service, when it hangs, starts or wants TLS; or another one.
        Likeness::NoAnswer => Judgement::suspected(ReasonCode::ServiceSilent, seen),
    })
}

fn is_to(observation: &Observation, port: Port) -> bool {
    let endpoint = observation.spec.endpoint();
    endpoint.is_some_and(|endpoint| endpoint.port == port)
}

/// A range in which processes listen only during sessions: an idle machine answers with RST, and so
/// does a firewall that rejects. So an answer of either kind proves nothing, and silence is the sign
/// of a firewall that drops.
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
        return Ok(of_port(port, icmp_refused(&error)));
    }
    if let Some(blindness) = blind.filter(|_| silent.is_empty()) {
        return Err(blindness);
    }
    if let Some(judgement) = view.accepted_for_others(None).filter(|_| !alive.is_empty()) {
        return Ok(judgement);
    }
    if silent.is_empty() {
        return Ok(Judgement::uncontradicted(PortSeen::IdleRangeAnswers(alive)));
    }
    Ok(view.silence_says_nothing().unwrap_or_else(|| {
        Judgement::suspected(ReasonCode::TcpTimeout, PortSeen::IdleRangeSilent(silent))
    }))
}

/// Where the port is closed and the one that a table of the guide names instead is open, that is
/// why.
fn explained_by_misprint(view: &View<'_>, row: &PortRow, judged: Judgement) -> Judgement {
    let Some(misprint) = row.misprint.filter(|_| matches!(judged.verdict, Verdict::Fail(_))) else {
        return judged;
    };
    // No process need listen there: where other connections are not answered by RST, the firewall
    // admits these, or answers them itself.
    let is_reset_too = judged.reason == ReasonCode::TcpRefused;
    let tells = |connect: &&Connect| match connect {
        Connect::Accepted => true,
        Connect::Reset => !is_reset_too,
        Connect::Icmp(_) | Connect::Silent => false,
    };
    let mut met =
        view.observations().filter(|it| is_to(it, misprint)).filter_map(connect_of).filter(tells);
    match met.next().cloned() {
        Some(met) => Judgement {
            seen: judged.seen.and(PortSeen::MisprintAnswers { misprint, met }),
            ..judged
        },
        None => judged,
    }
}
