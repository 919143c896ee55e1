//! Rows of the port tables, in both directions, and the ports that no table names.

use super::judgement::{Judged, Judgement};
use super::service::{self, Likeness};
use super::udp;
use super::view::{View, connect_of};
use super::words;
use crate::model::facts::{Connect, IcmpError, IcmpMeaning};
use crate::model::observation::{Observation, Outcome};
use crate::model::plan::Ask;
use crate::model::port::{Port, PortRange, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{AllowedFrom, Demand, PortRow, Scope, Service};
use crate::model::target::{Endpoint, Family};

/// A row of the guide's tables.
pub(super) fn row(view: &View<'_>, row: &PortRow) -> Judged {
    match (&view.check.ask, transport(view)) {
        (Ask::MustBeClosed | Ask::NeedNotBeOpen, Transport::Tcp) => closed(view),
        (Ask::MustBeOpen | Ask::Demand, Transport::Tcp) => tcp_row_open(view, row),
        (Ask::MustBeClosed | Ask::NeedNotBeOpen, Transport::Udp) => udp::closed(view),
        (Ask::MustBeOpen | Ask::Demand, Transport::Udp) => udp::open(view, row),
        (Ask::EitherWay(feature), transport) => {
            let seen = match transport {
                Transport::Tcp => words::connect(view.connect()?),
                Transport::Udp => udp::describe(view)?,
            };
            Ok(Judgement::not_applicable(format!(
                "{seen}; it is not declared whether {feature} is in use (--uses)"
            )))
        }
        (Ask::Nothing(why), _) => Ok(Judgement::not_applicable(why)),
    }
}

fn transport(view: &View<'_>) -> Transport {
    view.check.target.transport.unwrap_or(Transport::Tcp)
}

fn family(view: &View<'_>) -> Family {
    view.check.target.address.map_or(Family::V4, Family::of)
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

/// The TCP connections of a check, those that ask for a service among them: port and what was met.
pub(super) fn connections<'a>(view: &View<'a>) -> Vec<(u16, &'a Observation)> {
    view.observations()
        .filter_map(|observation| {
            let to = observation.spec.endpoint()?;
            Some((to.port.number(), observation))
        })
        .collect()
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
            Judgement::fail(ReasonCode::PortOpenUnexpected, exposed(&open, &behind))
                .seen(words::numbers(&open)),
        );
    }
    if let Some(blindness) = blind {
        return Err(blindness);
    }
    if silent > 0 && !view.sees(family(view)) {
        return Ok(nothing_seen(view));
    }
    let single = view.check.target.port.and_then(PortRange::single);
    Ok(
        if reset > 0 && single.is_some() && single == reset_by_firewall(view) {
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
            let range = view.check.target.port;
            if range.is_none_or(|range| range.single().is_some()) {
                Judgement::pass(observed)
            } else {
                // A few ports of a range do not stand for those in between.
                Judgement::uncontradicted(observed)
            }
        },
    )
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
        let ports: Vec<u16> = behind
            .iter()
            .filter(|(other, _)| other == words)
            .map(|(_, port)| *port)
            .collect();
        lines.push(match open {
            [_] => words.clone(),
            _ => format!("{}: {words}", words::list(&ports)),
        });
    }
    lines.join("\n")
}

/// Whether the node's firewall says that it is one: no kernel answers a SYN with port unreachable.
/// A router's prohibition may be that of our own network.
pub(super) fn is_its_firewall(view: &View<'_>, error: &IcmpError) -> bool {
    let is_prohibition = match error.meaning() {
        IcmpMeaning::PortUnreachable | IcmpMeaning::AdminProhibited => true,
        IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::Other => {
            false
        }
    };
    is_prohibition && !view.is_from_elsewhere(error)
}

/// A TCP port of this address that refused us by RST, though the proxy finds its service there: no
/// machine without a firewall does that.
pub(super) fn reset_by_firewall(view: &View<'_>) -> Option<Port> {
    let address = view.check.target.address?;
    let deployment = view.case.deployment;
    let plays = |role| deployment.nodes_at(address).any(|node| node.role == role);
    let rows = view.case.ruleset.rules.iter().filter_map(|rule| {
        let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
            return None;
        };
        let listens = row
            .listens_on
            .as_ref()
            .is_none_or(|limit| limit.judged_on == family(view));
        let is_ours = row.from == AllowedFrom::ExternalProxy && plays(scope.role) && listens;
        is_ours.then_some((scope.ports.single()?, row.service?))
    });
    let is_reset = |port| {
        view.case.observations.iter().any(|observation| {
            observation.spec.endpoint() == Some(Endpoint { address, port })
                && matches!(connect_of(observation), Some(Connect::Reset))
        })
    };
    rows.filter(|(port, service)| is_reset(*port) && service::works_through_proxy(view, *service))
        .map(|(port, _)| port)
        .next()
}

/// Silence, while nothing at all came back over this address family.
pub(super) fn nothing_seen(view: &View<'_>) -> Judgement {
    Judgement::unsettled(
        ReasonCode::TcpTimeout,
        format!(
            "no answer, but nothing else came back over {} either: our own network may be the cause",
            family(view)
        ),
    )
}

fn tcp_open(view: &View<'_>, connect: &Connect) -> Judgement {
    match connect {
        Connect::Accepted => Judgement::pass(words::connect(connect)),
        Connect::Silent if !view.sees(family(view)) => nothing_seen(view),
        Connect::Reset => Judgement::fail(
            ReasonCode::TcpRefused,
            "the connection is refused (RST): nothing listens, or a firewall resets",
        ),
        Connect::Icmp(error) if is_its_firewall(view, error) => Judgement::fail(
            words::icmp_reason(error),
            format!("a firewall refuses: {error}"),
        ),
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
    Judgement::uncontradicted(format!(
        "{}; what is behind it was not seen",
        reached.observed
    ))
}

/// A TCP row that must let us in; where its service can be recognised, it has to be the right one.
fn tcp_row_open(view: &View<'_>, row: &PortRow) -> Judged {
    // One connection that got through is enough.
    let connect = connections(view)
        .into_iter()
        .filter_map(|(_, observation)| connect_of(observation))
        .find(|connect| connect.is_accepted());
    let connect = match connect {
        Some(accepted) => accepted,
        None => view.connect()?,
    };
    let reached = tcp_open(view, connect);
    let askable = |service: &Service| service::can_be_told(view, *service);
    let Some(service) = row
        .service
        .filter(askable)
        .filter(|_| connect.is_accepted())
    else {
        return Ok(reached);
    };
    Ok(match service::likeness(view, service) {
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

pub(super) fn undocumented(view: &View<'_>) -> Judged {
    tcp_closed(view)
}
