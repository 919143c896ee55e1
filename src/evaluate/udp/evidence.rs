//! What the ports of a check showed, and what their silence is worth.

use std::time::Duration;

use super::super::eyesight::{Sent, icmp_answers, icmp_answers_of_call, syns};
use super::super::firewall::reset_by_firewall;
use super::super::view::{View, connect_of};
use crate::model::facts::{
    Connect, Facts, FirstBytes, IcmpError, IcmpMeaning, StunAnswer, UdpAnswer,
};
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::port::{Port, PortRange};
use crate::model::probe::ProbeSpec;

/// The time in which a Linux node gets one more ICMP error to send to one address, once it has
/// spent the six that it may save (`icmp_ratelimit`; IPv6 ten times as often on recent kernels).
const ICMP_RENEWAL: Duration = Duration::from_secs(1);

/// The time in which a node gets no more than one error to send, in either family: when it sent
/// two in less, it had one of them before.
const TOGETHER: Duration = Duration::from_millis(100);

/// What one port showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// Somebody answered.
    Answered(String),
    /// Port unreachable: nobody listens, or a firewall says so.
    Unreachable(IcmpError),
    /// A firewall says that it is one.
    Prohibited(IcmpError),
    /// Another ICMP error, which may pass, or be meant otherwise than it is said.
    OtherError(IcmpError),
    /// Nothing, while the node would still have sent an error.
    Silent,
    /// Nothing, while the node's error budget for us was spent: no evidence.
    Unheard,
}

/// What the ports of one check showed, and what happened on the ports that serve as background.
pub(super) struct Evidence {
    pub ports: Vec<(Port, Shown)>,
    /// What is known of the range's other ports, when all of them were asked.
    pub rest: Option<Rest>,
    pub control: Control,
    pub tcp_control: TcpControl,
}

/// The ports of a swept range that sent nothing back. Their silence proves nothing by itself: the
/// ports that were asked by number tell whether silence means anything. What the sweep adds are
/// the ports that answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    pub silent: u32,
    /// Nothing was sent to these.
    pub unsent: u32,
    pub copies: u32,
}

/// What happened on the UDP ports that no table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Unreachable,
    Prohibited,
    Silent,
    Unknown,
}

/// What happened on the TCP port that no table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TcpControl {
    /// An ICMP error came back.
    Rejected,
    /// RST, as from a port without a listener, and so did this one, where the proxy finds a
    /// service: a firewall sends them.
    ResetByFirewall(Port),
    /// Nothing, while the node's error budget for us was spent.
    Unheard,
    /// Anything else: a connection, RST where nobody listens, or silence that counts.
    Otherwise,
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
            let words = format!("this machine let nothing out to UDP {range}");
            return Err(Blindness::Local(words));
        }
        Ok(Self { ports, rest, control: control(&controls), tcp_control: tcp_control(view) })
    }

    /// What the first port showed: the only one of a row with a single port.
    pub fn first(&self) -> &Shown {
        let (_, shown) = self.ports.first().expect("evidence without ports is not gathered");
        shown
    }

    /// How many ports of the range were asked.
    pub fn probed(&self) -> usize {
        let rest = self.rest.map_or(0, |rest| rest.silent);
        self.ports.len() + rest as usize
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

    pub fn answered(&self) -> Option<(Port, &str)> {
        self.ports.iter().find_map(|(port, shown)| match shown {
            Shown::Answered(what) => Some((*port, what.as_str())),
            _ => None,
        })
    }

    /// The errors of firewalls that say what they are, with those of other routers.
    pub fn refused(&self) -> Option<(Port, IcmpError)> {
        self.ports.iter().find_map(|(port, shown)| match shown {
            Shown::Prohibited(error) | Shown::OtherError(error) => Some((*port, *error)),
            _ => None,
        })
    }

    /// A firewall that rejects TCP by ICMP, or by RST, rejects by default; then port unreachable
    /// over UDP may be its work too, unless UDP control ports show that it treats those otherwise.
    pub fn rejects_by_default(&self) -> bool {
        matches!(self.control, Control::Unreachable | Control::Unknown)
            && matches!(self.tcp_control, TcpControl::Rejected | TcpControl::ResetByFirewall(_))
    }

    /// The same, or it had no error left to show it: too little to accuse anybody.
    pub fn may_reject_by_default(&self) -> bool {
        let is_unheard = self.tcp_control == TcpControl::Unheard
            && matches!(self.control, Control::Unreachable | Control::Unknown);
        is_unheard || self.rejects_by_default()
    }

    /// Why nothing follows from port unreachable then.
    pub fn looks_the_same(&self) -> String {
        match self.tcp_control {
            TcpControl::Unheard => {
                "the firewall may reject TCP the same way, and had perhaps no ICMP error left to show it: run again in ten seconds".to_owned()
            }
            TcpControl::ResetByFirewall(port) => format!(
                "the firewall rejects TCP too (RST on {port}, where the proxy finds a service): let in and rejected look the same from here"
            ),
            TcpControl::Rejected | TcpControl::Otherwise => {
                "the firewall rejects TCP the same way: let in and rejected look the same from here".to_owned()
            }
        }
    }

    /// How the background is described in a finding.
    pub fn background(&self) -> &'static str {
        match self.control {
            Control::Unreachable => "control ports say \"no listener\" too",
            Control::Prohibited => "control ports are refused by a firewall",
            Control::Silent => "control ports are silent",
            Control::Unknown => "nothing is known of control ports",
        }
    }
}

/// What is known of the other ports of a range in which `known` ports were named or answered.
fn rest(view: &View<'_>, range: PortRange, known: usize) -> Result<Option<Rest>, Blindness> {
    let swept = view.udp()?.swept.filter(|swept| swept.range == range);
    Ok(swept.map(|swept| {
        let known = u32::try_from(known).unwrap_or(u32::MAX);
        Rest {
            silent: range.count().saturating_sub(known + swept.unsent),
            unsent: swept.unsent,
            copies: swept.copies,
        }
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
                UdpAnswer::Stun => Shown::Answered("a STUN server answers".to_owned()),
                UdpAnswer::Data(first) => Shown::Answered(format!("{first} comes back")),
                UdpAnswer::Icmp(error) => of_error(view, *error),
                UdpAnswer::Silent | UdpAnswer::NotSent => of_silence(view, &sent),
            };
            (port.port, shown)
        })
        .collect())
}

/// Only the machine itself knows that nobody listens there: who says so in its place is a firewall.
fn of_error(view: &View<'_>, error: IcmpError) -> Shown {
    match error.meaning() {
        IcmpMeaning::PortUnreachable if view.is_from_elsewhere(&error) => Shown::OtherError(error),
        IcmpMeaning::PortUnreachable => Shown::Unreachable(error),
        IcmpMeaning::AdminProhibited => Shown::Prohibited(error),
        IcmpMeaning::HostUnreachable | IcmpMeaning::NetworkUnreachable | IcmpMeaning::Other => {
            Shown::OtherError(error)
        }
    }
}

/// Silence is evidence only where the node could have sent an error. We cannot know how many it had
/// left when the run began: an earlier run, or a colleague behind the same address, may have drawn
/// them. But it had one for a copy
/// - if something that was sent at once behind that copy drew one, or two datagrams so soon behind
///   it that one of both errors was there before, or
/// - if it drew none for more than a second before it, and nothing shows that this node takes longer
///   to get a new one.
fn of_silence(view: &View<'_>, sent: &[Sent]) -> Shown {
    let address = view.check.target.address;
    let of_node = || {
        view.case.observations.iter().filter(|observation| observation.spec.address() == address)
    };
    let first = of_node().map(|observation| observation.started).min().unwrap_or_default();
    let of_calls = view
        .case
        .observations
        .iter()
        .filter_map(|observation| Some(icmp_answers_of_call(observation, address?)));
    let drawn: Vec<Sent> = of_node().flat_map(icmp_answers).chain(of_calls.flatten()).collect();
    let is_starved = of_node().any(|observation| has_no_errors_left(observation, &drawn));
    let heard = sent.iter().any(|copy| {
        let behind = || drawn.iter().filter(|other| *other > copy);
        let at_once = behind().any(|other| other.0 == copy.0);
        let soon = behind().filter(|other| other.0 - copy.0 <= TOGETHER);
        let drew_behind = at_once || soon.count() >= 2;
        let newest_before =
            drawn.iter().filter(|other| *other <= copy).map(|(at, _)| *at).max().unwrap_or(first);
        drew_behind || (!is_starved && copy.0.saturating_sub(newest_before) >= ICMP_RENEWAL)
    });
    if heard { Shown::Silent } else { Shown::Unheard }
}

/// Whether a port that had drawn an error drew none the second time, more than a second after the
/// newest error of the node: it sends fewer than Linux does by itself, and its silence says less.
fn has_no_errors_left(observation: &Observation, drawn: &[Sent]) -> bool {
    let Outcome::Saw(Facts::Udp(facts)) = &observation.outcome else {
        return false;
    };
    let is_own = |port: Port| {
        let own =
            |error: &IcmpError| error.from.is_none() || error.from == observation.spec.address();
        let mut ports = facts.ports.iter();
        ports.any(|facts| {
            facts.port == port && matches!(&facts.answer, UdpAnswer::Icmp(error) if own(error))
        })
    };
    facts.sentinels.iter().any(|sentinel| {
        let asked = observation.started + Duration::from_millis(sentinel.sent_ms);
        let around = (asked.saturating_sub(ICMP_RENEWAL))..=(asked + TOGETHER);
        is_own(sentinel.port)
            && !sentinel.answered
            && !drawn.iter().any(|(at, _)| around.contains(at))
    })
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
    Ok(facts.binding.as_ref().map(|binding| match binding {
        StunAnswer::Success { .. } | StunAnswer::Error { .. } => {
            Shown::Answered("the STUN server answers".to_owned())
        }
        StunAnswer::NotStun(first) => Shown::Answered(other_service(first)),
        StunAnswer::Malformed(what) => Shown::Answered(format!("a broken STUN answer ({what})")),
        StunAnswer::Icmp(error) => of_error(view, *error),
        StunAnswer::Silent | StunAnswer::Closed | StunAnswer::Reset => of_silence(view, &sent),
    }))
}

fn other_service(first: &FirstBytes) -> String {
    format!("something else answers: {first}")
}

/// One control port that says "no listener" is enough, and one that was not heard may be it.
fn control(controls: &[(Port, Shown)]) -> Control {
    let any = |wanted: fn(&Shown) -> bool| controls.iter().any(|(_, shown)| wanted(shown));
    if any(|shown| matches!(shown, Shown::Unreachable(_) | Shown::Answered(_))) {
        Control::Unreachable
    } else if controls.is_empty() || any(|shown| *shown == Shown::Unheard) {
        Control::Unknown
    } else if any(|shown| matches!(shown, Shown::Prohibited(_) | Shown::OtherError(_))) {
        Control::Prohibited
    } else {
        Control::Silent
    }
}

fn tcp_control(view: &View<'_>) -> TcpControl {
    let controls = &view.case.ruleset.controls.tcp;
    let observation = view.observations().find(|observation| {
        matches!(&observation.spec, ProbeSpec::Tcp { to } if controls.contains(&to.port))
    });
    let Some(observation) = observation else {
        return TcpControl::Otherwise;
    };
    match connect_of(observation) {
        Some(Connect::Icmp(_)) => TcpControl::Rejected,
        Some(Connect::Reset) => {
            reset_by_firewall(view).map_or(TcpControl::Otherwise, TcpControl::ResetByFirewall)
        }
        Some(Connect::Silent) if of_silence(view, &syns(observation)) == Shown::Unheard => {
            TcpControl::Unheard
        }
        Some(Connect::Silent | Connect::Accepted) | None => TcpControl::Otherwise,
    }
}
