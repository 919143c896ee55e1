//! What the ports of a check showed, and what their silence is worth.
//!
//! A datagram has no handshake: a port that is filtered, one whose service ignores the request and
//! one whose machine sends no ICMP error are equally silent. Only "port unreachable" separates some
//! of them, and a node sends few of these: Linux saves six per destination and renews one a second,
//! a budget that everything at this computer's address draws on (other probes of this run, an
//! earlier run, a colleague behind the same NAT). So silence is read in two steps. First, whether
//! the node could have sent an error for this datagram at all: if not, the port is `Unheard`, which
//! is no evidence ([`silence`]). Then, what the same node does on control ports, which no table
//! names: whatever its firewall does there is its default, and a port that does the same shows
//! nothing of its own.

use std::net::IpAddr;
use std::time::Duration;

use super::super::eyesight::{Sent, icmp_answers, icmp_answers_of_call, is_own_error, syns};
use super::super::firewall::reset_by_firewall;
use super::super::view::{View, connect_of};
use crate::model::facts::{
    Connect, Facts, IcmpError, IcmpMeaning, Stretch, StretchShows, StunAnswer, UdpAnswer,
};
use crate::model::observation::{Blindness, LocalTrouble, Observation, Outcome};
use crate::model::plan::Ask;
use crate::model::port::{Port, PortRange};
use crate::model::probe::{Carrier, ProbeSpec};
use crate::model::rule::Demand;
use crate::model::seen::{PortsAsked, TcpRejection, UdpControl, UdpExtent, UdpReply, UdpSweep};

/// The time in which a Linux node gets one more ICMP error to send to one address, once it has
/// spent the six that it may save (`icmp_ratelimit`; IPv6 ten times as often on recent kernels).
const ICMP_RENEWAL: Duration = Duration::from_secs(1);

/// The time in which a node gets no more than one error to send, in either family: when it sent
/// two in less, or three in less than twice as long, it had one of them before.
const SHORTEST_RENEWAL: Duration = Duration::from_millis(100);

/// What one port showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// A datagram came back.
    Answered(UdpReply),
    /// Port unreachable from the node itself: no process listens, or its firewall says so.
    Unreachable(IcmpError),
    /// A firewall says that it is one.
    Prohibited(IcmpError),
    /// Another ICMP error, which may pass, or be meant otherwise than it is said.
    OtherError(IcmpError),
    /// Nothing, while the node would still have sent an error.
    Silent,
    /// Nothing, while the node's error budget for this computer may have been spent: no evidence.
    Unheard,
}

impl Shown {
    fn is_quiet(&self) -> bool {
        matches!(self, Self::Silent | Self::Unheard)
    }
}

/// What the ports of one check showed, and what happened on the ports that serve as background.
pub(super) struct Evidence {
    pub ports: Vec<(Port, Shown)>,
    /// What is known of the range's other ports, when all of them were asked.
    pub rest: Option<Rest>,
    pub control: UdpControl,
    /// How the TCP port that no table names is rejected, if it is. A connection there, RST from a
    /// port without a listener, and silence that counts say nothing of UDP.
    tcp_rejection: Option<TcpRejection>,
}

/// The ports of a swept range that sent nothing back. Their silence proves nothing by itself: ten
/// thousand ports cannot each have had an ICMP error of a node that sends one a second. The ports
/// that were asked by number, one after the other, tell whether silence means anything; what the
/// sweep adds are the ports that answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    silent: u32,
    sweep: UdpSweep,
    withheld: bool,
}

impl Rest {
    /// Whether every port of the range was asked.
    pub fn is_complete(&self) -> bool {
        self.sweep.unsent == 0
    }

    /// Whether it was not asked because nobody allowed it.
    pub fn is_withheld(&self) -> bool {
        self.withheld && !self.is_complete()
    }
}

impl Evidence {
    pub fn gather(view: &View<'_>) -> Result<Self, Blindness> {
        let range = range(view);
        let shown = all_shown(view)?;
        let control_ports = &view.case.ruleset.controls.udp;
        let (controls, mut ports): (Vec<_>, Vec<_>) =
            shown.into_iter().partition(|(port, _)| control_ports.contains(port));
        ports.retain(|(port, _)| range.contains(*port));
        ports.sort_by_key(|(port, _)| *port);
        let rest = rest(view, range, ports.len())?;
        if let Some(service) = service_shown(view)? {
            ports.insert(0, (range.first(), service));
        }
        if ports.is_empty() {
            return Err(LocalTrouble::NothingSent(range).into());
        }
        Ok(Self { ports, rest, control: control(&controls), tcp_rejection: tcp_rejection(view) })
    }

    /// What the first port showed: the only one of a row with a single port.
    pub fn first(&self) -> &Shown {
        let (_, shown) = self.ports.first().expect("evidence without ports is not gathered");
        shown
    }

    /// How the ports of the range were asked.
    pub fn asked(&self) -> PortsAsked {
        let rest = self.rest.map_or(0, |rest| rest.silent as usize);
        PortsAsked {
            ports: self.ports.len() + rest,
            silent: self.quiet() + rest,
            sweep: self.rest.map(|rest| rest.sweep),
        }
    }

    /// How many ports that were asked by number sent nothing back, whether that says something or
    /// not.
    pub fn quiet(&self) -> usize {
        self.having(Shown::is_quiet).len()
    }

    pub fn having(&self, wanted: impl Fn(&Shown) -> bool) -> Vec<Port> {
        self.ports.iter().filter(|(_, shown)| wanted(shown)).map(|(port, _)| *port).collect()
    }

    pub fn unreachable(&self) -> Vec<Port> {
        self.having(|shown| matches!(shown, Shown::Unreachable(_)))
    }

    pub fn silent(&self) -> Vec<Port> {
        self.having(|shown| *shown == Shown::Silent)
    }

    /// A port that answered: the first one whose answer nobody else can have made, if there is one.
    pub fn answered(&self) -> Option<(Port, &UdpReply)> {
        let answered = self.ports.iter().filter_map(|(port, shown)| match shown {
            Shown::Answered(reply) => Some((*port, reply)),
            _ => None,
        });
        answered.min_by_key(|(_, reply)| !reply.is_bound_to_question())
    }

    /// The errors of firewalls that say what they are, with those of other routers.
    pub fn refused(&self) -> Option<(Port, IcmpError)> {
        self.ports.iter().find_map(|(port, shown)| match shown {
            Shown::Prohibited(error) | Shown::OtherError(error) => Some((*port, *error)),
            _ => None,
        })
    }

    /// How the node rejects by default, where it does or may do so.
    ///
    /// A firewall that rejects TCP by ICMP, or by RST, rejects by default; then port unreachable over
    /// UDP may be its work too, unless UDP control ports show that it treats those otherwise.
    pub fn rejects_by_default(&self) -> Option<TcpRejection> {
        match self.control {
            UdpControl::Unreachable | UdpControl::Unknown => self.tcp_rejection,
            UdpControl::Prohibited | UdpControl::Silent => None,
        }
    }

    /// The same, only where it was seen. That the node may have sent all its ICMP errors already
    /// prevents an accusation, but it is no reason to doubt a port that answers as it should.
    pub fn shown_rejection(&self) -> Option<TcpRejection> {
        self.rejects_by_default().filter(|tcp| *tcp != TcpRejection::Unheard)
    }
}

/// What is known of the other ports of a range in which `known` ports were named or answered.
fn rest(view: &View<'_>, range: PortRange, known: usize) -> Result<Option<Rest>, Blindness> {
    let swept = view.udp()?.swept.filter(|swept| swept.range == range);
    Ok(swept.map(|swept| {
        let known = u32::try_from(known).unwrap_or(u32::MAX);
        Rest {
            silent: range.count().saturating_sub(known + swept.unsent),
            sweep: UdpSweep { copies: swept.copies, unsent: swept.unsent },
            withheld: swept.withheld,
        }
    }))
}

/// The parts of the check's range that show `shows`; `None` where their edges were not looked for,
/// or there is no such part.
pub(super) fn extent(view: &View<'_>, shows: StretchShows) -> Result<Option<UdpExtent>, Blindness> {
    let facts = view.udp()?.extent.as_ref().filter(|facts| facts.range == range(view));
    Ok(facts.and_then(|facts| {
        let is_meant = |stretch: &&Stretch| stretch.shows == shows;
        let stretches: Vec<Stretch> = facts.stretches.iter().filter(is_meant).copied().collect();
        (!stretches.is_empty()).then_some(UdpExtent { stretches, ended: facts.ended })
    }))
}

pub(super) fn range(view: &View<'_>) -> PortRange {
    view.check.target.port.expect("the plan names the ports")
}

/// What every port of the UDP probe of this address showed.
fn all_shown(view: &View<'_>) -> Result<Vec<(Port, Shown)>, Blindness> {
    let facts = view.udp()?;
    let started = view
        .observations()
        .find(|observation| matches!(observation.spec, ProbeSpec::Udp { .. }))
        .map_or(Duration::ZERO, |observation| observation.started);
    Ok(facts
        .ports
        .iter()
        .enumerate()
        .filter(|(_, port)| port.answer != UdpAnswer::NotSent)
        .map(|(place, port)| {
            let sent: Vec<Sent> = port
                .sent_ms
                .iter()
                .map(|ms| (started + Duration::from_millis(*ms), place))
                .collect();
            let shown = match &port.answer {
                UdpAnswer::Stun => Shown::Answered(UdpReply::Stun),
                UdpAnswer::Data(first) => Shown::Answered(UdpReply::Other(first.clone())),
                UdpAnswer::Unrelated(first) => Shown::Answered(UdpReply::Unrelated(first.clone())),
                UdpAnswer::Icmp(error) => icmp_error(*error),
                UdpAnswer::Silent | UdpAnswer::NotSent => silence(view, &sent),
            };
            (port.port, shown)
        })
        .collect())
}

/// Only the machine itself knows that no process listens there: another one that says so in its
/// place is a firewall.
fn icmp_error(error: IcmpError) -> Shown {
    let is_own = error.is_of_meant_machine();
    let error = error.without_own_address();
    match error.meaning() {
        IcmpMeaning::PortUnreachable if is_own => Shown::Unreachable(error),
        IcmpMeaning::PortUnreachable => Shown::OtherError(error),
        IcmpMeaning::AdminProhibited => Shown::Prohibited(error),
        IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::Other => {
            Shown::OtherError(error)
        }
    }
}

/// Silence is evidence only where the node could have sent an error. How many it had left when the
/// run began cannot be known: an earlier run, or a colleague behind the same address, may have drawn
/// them. But it had one for a copy
/// - if several datagrams so soon behind it drew one that one of their errors was there before, or
/// - if it drew none for more than a second before it, and one soon behind it, which shows
///   that this node gets a new one within a second, and the errors that all addresses drew leave one:
///   several addresses may be one machine, with one budget.
///
/// A single error behind it may have come into being in between, on a node whose errors were spent.
/// A node that drew none at all sends none, as far as this run can see: then its silence is that of
/// all its ports.
fn silence(view: &View<'_>, sent: &[Sent]) -> Shown {
    let address = view.check.target.address;
    let of_node = || view.case.observations.at_target(address);
    let first = of_node().map(|observation| observation.started).min().unwrap_or_default();
    let of_calls = view
        .case
        .observations
        .elsewhere()
        .filter_map(|observation| Some(icmp_answers_of_call(observation, address?)));
    let mut drawn: Vec<Sent> = of_node().flat_map(icmp_answers).chain(of_calls.flatten()).collect();
    drawn.sort();
    let drew_elsewhere = |port: Port| of_node().any(|observation| was_refused(observation, port));
    let is_starved =
        of_node().any(|observation| has_no_errors_left(observation, &drawn, drew_elsewhere));
    let heard = sent.iter().any(|copy| {
        let (before, behind) = drawn.split_at(drawn.partition_point(|other| other <= copy));
        // All but one of so many may have come in the meantime.
        let mut counted = behind.iter().zip(0..).skip(1);
        let had_one = counted.any(|((at, _), others)| *at - copy.0 <= SHORTEST_RENEWAL * others);
        let newest_before = before.last().map_or(first, |(at, _)| *at);
        let drew_behind = behind.first().is_some_and(|(at, _)| *at - copy.0 <= SHORTEST_RENEWAL);
        let has_one = || {
            address.is_none_or(|address| {
                view.case.shared_budget_has_one(address, copy.0, |other| may_share(view, other))
            })
        };
        had_one
            || (!is_starved
                && (drew_behind || drawn.is_empty())
                && copy.0.saturating_sub(newest_before) >= ICMP_RENEWAL
                && has_one())
    });
    if heard { Shown::Silent } else { Shown::Unheard }
}

/// Whether another address may be of the same machine as the check's. Nothing tells so from outside. A
/// violation is looked for on each declared machine by itself; a pass must hold whoever shares a budget.
fn may_share(view: &View<'_>, other: IpAddr) -> bool {
    let is_same_node = || {
        let mut nodes = view.case.deployment.nodes_at(other);
        nodes.any(|node| Some(&node.name) == view.check.target.node.as_ref())
    };
    let must_be_closed = match view.check.ask {
        Ask::MustBeClosed | Ask::NeedNotBeOpen(_) => true,
        Ask::Demand => view.rule.demand == Demand::PortClosed,
        Ask::MustBeOpen | Ask::EitherWay(_) | Ask::Nothing(_) | Ask::Undeclared(_) => false,
    };
    must_be_closed || is_same_node()
}

/// Whether a port that had drawn an error drew none the second time, more than a second after the
/// newest error of the node: it sends fewer than Linux does by itself, and its silence says less.
fn has_no_errors_left(
    observation: &Observation,
    drawn: &[Sent],
    drew_elsewhere: impl Fn(Port) -> bool,
) -> bool {
    let Outcome::Saw(Facts::Udp(facts)) = &observation.outcome else {
        return false;
    };
    let drew = |port: Port| {
        let mut ports = facts.ports.iter();
        ports.any(|facts| facts.port == port && is_own_error(&facts.answer)) || drew_elsewhere(port)
    };
    facts.sentinels.iter().any(|sentinel| {
        let asked = observation.started + Duration::from_millis(sentinel.sent_ms);
        let around = (asked.saturating_sub(ICMP_RENEWAL))..=(asked + SHORTEST_RENEWAL);
        !sentinel.answered
            && drew(sentinel.port)
            && !drawn.iter().any(|(at, _)| around.contains(at))
    })
}

/// Whether the probe of a service over UDP drew an error of the machine itself.
fn was_refused(observation: &Observation, port: Port) -> bool {
    matches!(&observation.spec, ProbeSpec::Turn { to, over: Carrier::Udp } if to.port == port)
        && !icmp_answers(observation).is_empty()
}

/// What the probe of a service on a single port showed, where there is one.
fn service_shown(view: &View<'_>) -> Result<Option<Shown>, Blindness> {
    let Some(observation) =
        view.observations().find(|observation| matches!(observation.spec, ProbeSpec::Turn { .. }))
    else {
        return Ok(None);
    };
    let facts = view.turn()?;
    let sent: Vec<Sent> = facts
        .sent_ms
        .iter()
        .map(|ms| (observation.started + Duration::from_millis(*ms), 0))
        .collect();
    if let Some(protocol) = &facts.other_protocol {
        return Ok(Some(Shown::Answered(UdpReply::InProtocol(protocol.clone()))));
    }
    Ok(facts.binding.as_ref().map(|binding| match binding {
        StunAnswer::Success { .. } | StunAnswer::Error { .. } => Shown::Answered(UdpReply::Stun),
        StunAnswer::NotStun(first) => Shown::Answered(UdpReply::Other(first.clone())),
        StunAnswer::Malformed(what) => Shown::Answered(UdpReply::MalformedStun(what.clone())),
        StunAnswer::Unrelated(first) => Shown::Answered(UdpReply::Unrelated(first.clone())),
        // Only what is asked with credentials meets it.
        StunAnswer::NotSigned { .. } => Shown::Answered(UdpReply::Stun),
        StunAnswer::Icmp(error) => icmp_error(*error),
        StunAnswer::Silent | StunAnswer::Closed | StunAnswer::Reset => silence(view, &sent),
    }))
}

/// One control port that says "no listener" is enough: a firewall that drops unknown ports drops all
/// of them. And one that was not heard may be that one.
fn control(controls: &[(Port, Shown)]) -> UdpControl {
    let any = |wanted: fn(&Shown) -> bool| controls.iter().any(|(_, shown)| wanted(shown));
    let answers = |shown: &Shown| match shown {
        Shown::Answered(reply) => reply.is_bound_to_question(),
        shown => matches!(shown, Shown::Unreachable(_)),
    };
    if any(answers) {
        UdpControl::Unreachable
    } else if controls.is_empty() || any(|shown| *shown == Shown::Unheard) {
        UdpControl::Unknown
    } else if any(|shown| matches!(shown, Shown::Prohibited(_) | Shown::OtherError(_))) {
        UdpControl::Prohibited
    } else {
        UdpControl::Silent
    }
}

/// TCP tells what UDP cannot: a kernel without a firewall answers a SYN to an unknown port with RST
/// and never with an ICMP error, so that an ICMP error, or RST on a port that has a listener, shows
/// a firewall that rejects.
fn tcp_rejection(view: &View<'_>) -> Option<TcpRejection> {
    let controls = &view.case.ruleset.controls.tcp;
    let observation = view.observations().find(|observation| {
        matches!(&observation.spec, ProbeSpec::Tcp { to } if controls.contains(&to.port))
    })?;
    match connect_of(observation)? {
        Connect::Icmp(_) => Some(TcpRejection::ByIcmp),
        Connect::Reset => reset_by_firewall(view).map(TcpRejection::ByReset),
        Connect::Silent => {
            let is_unheard = silence(view, &syns(observation)) == Shown::Unheard;
            is_unheard.then_some(TcpRejection::Unheard)
        }
        Connect::Accepted => None,
    }
}
