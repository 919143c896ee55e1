//! What datagrams show about UDP ports, and what they cannot show.
//!
//! Two groups of nodes look the same from outside: {drops, accepts with a silent listener, accepts
//! with its ICMP errors muted} and {accepts with nobody listening, rejects with port unreachable}.
//! No verdict here separates the members of a group; control ports, which no table names, tell
//! whether a port is treated like everything else.

use std::time::Duration;

use super::judgement::{Judged, Judgement};
use super::ports::{self, open_reason};
use super::view::{Sent, View, connect_of, icmp_answers, syns};
use super::words;
use crate::model::facts::{
    Connect, Facts, FirstBytes, IcmpError, IcmpMeaning, StunAnswer, UdpAnswer,
};
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::port::{Port, PortRange};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::rule::PortRow;
use crate::model::target::Family;

/// The time in which a Linux node gets one more ICMP error to send to one address, once it has
/// spent the six that it may save (`icmp_ratelimit`; IPv6 ten times as often on recent kernels).
const ICMP_RENEWAL: Duration = Duration::from_secs(1);

/// The time in which a node gets no more than one error to send, in either family: when it sent
/// two in less, it had one of them before.
const TOGETHER: Duration = Duration::from_millis(100);

/// What one port showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
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
struct Evidence {
    ports: Vec<(Port, Shown)>,
    /// What is known of the range's other ports, when all of them were asked.
    rest: Option<Rest>,
    control: Control,
    tcp_control: TcpControl,
}

/// The ports of a swept range that sent nothing back. Their silence proves nothing by itself: the
/// ports that were asked by number tell whether silence means anything. What the sweep adds are
/// the ports that answered.
#[derive(Debug, Clone, Copy)]
struct Rest {
    silent: u32,
    /// Nothing was sent to these.
    unsent: u32,
    copies: u32,
}

/// What happened on the UDP ports that no table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Unreachable,
    Prohibited,
    Silent,
    Unknown,
}

/// What happened on the TCP port that no table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TcpControl {
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
    fn gather(view: &View<'_>) -> Result<Self, Blindness> {
        let range = range(view);
        let shown = all_shown(view)?;
        let control_ports = &view.case.ruleset.controls.udp;
        let (controls, mut ports): (Vec<_>, Vec<_>) = shown
            .into_iter()
            .partition(|(port, _)| control_ports.contains(port));
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
        Ok(Self {
            ports,
            rest,
            control: control(&controls),
            tcp_control: tcp_control(view),
        })
    }

    /// What the first port showed: the only one of a row with a single port.
    fn first(&self) -> &Shown {
        let (_, shown) = self
            .ports
            .first()
            .expect("evidence without ports is not gathered");
        shown
    }

    /// How many ports of the range were asked.
    fn probed(&self) -> usize {
        let rest = self.rest.map_or(0, |rest| rest.silent);
        self.ports.len() + rest as usize
    }

    fn having(&self, wanted: impl Fn(&Shown) -> bool) -> Vec<Port> {
        self.ports
            .iter()
            .filter(|(_, shown)| wanted(shown))
            .map(|(port, _)| *port)
            .collect()
    }

    fn unreachable(&self) -> Vec<Port> {
        self.having(|shown| matches!(shown, Shown::Unreachable(_)))
    }

    fn silent(&self) -> Vec<Port> {
        self.having(|shown| *shown == Shown::Silent)
    }

    fn answered(&self) -> Option<(Port, &str)> {
        self.ports.iter().find_map(|(port, shown)| match shown {
            Shown::Answered(what) => Some((*port, what.as_str())),
            _ => None,
        })
    }

    /// The errors of firewalls that say what they are, with those of other routers.
    fn refused(&self) -> Option<(Port, IcmpError)> {
        self.ports.iter().find_map(|(port, shown)| match shown {
            Shown::Prohibited(error) | Shown::OtherError(error) => Some((*port, *error)),
            _ => None,
        })
    }

    /// A firewall that rejects TCP by ICMP, or by RST, rejects by default; then port unreachable
    /// over UDP may be its work too, unless UDP control ports show that it treats those otherwise.
    fn rejects_by_default(&self) -> bool {
        matches!(self.control, Control::Unreachable | Control::Unknown)
            && matches!(
                self.tcp_control,
                TcpControl::Rejected | TcpControl::ResetByFirewall(_)
            )
    }

    /// The same, or it had no error left to show it: too little to accuse anybody.
    fn may_reject_by_default(&self) -> bool {
        let is_unheard = self.tcp_control == TcpControl::Unheard
            && matches!(self.control, Control::Unreachable | Control::Unknown);
        is_unheard || self.rejects_by_default()
    }

    /// Why nothing follows from port unreachable then.
    fn looks_the_same(&self) -> String {
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
    fn background(&self) -> &'static str {
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

fn range(view: &View<'_>) -> PortRange {
    view.check.target.port.expect("the plan names the ports")
}

fn family(view: &View<'_>) -> Family {
    view.check.target.address.map_or(Family::V4, Family::of)
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
        view.case
            .observations
            .iter()
            .filter(|observation| observation.spec.address() == address)
    };
    let first = of_node()
        .map(|observation| observation.started)
        .min()
        .unwrap_or_default();
    let drawn: Vec<Sent> = of_node().flat_map(icmp_answers).collect();
    let is_starved = of_node().any(|observation| has_no_errors_left(observation, &drawn));
    let heard = sent.iter().any(|copy| {
        let behind = || drawn.iter().filter(|other| *other > copy);
        let at_once = behind().any(|other| other.0 == copy.0);
        let soon = behind().filter(|other| other.0 - copy.0 <= TOGETHER);
        let drew_behind = at_once || soon.count() >= 2;
        let newest_before = drawn
            .iter()
            .filter(|other| *other <= copy)
            .map(|(at, _)| *at)
            .max()
            .unwrap_or(first);
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
    let Some(observation) = view
        .observations()
        .find(|observation| matches!(observation.spec, ProbeSpec::Turn { .. }))
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
        Some(Connect::Reset) => ports::reset_by_firewall(view)
            .map_or(TcpControl::Otherwise, TcpControl::ResetByFirewall),
        Some(Connect::Silent) if of_silence(view, &syns(observation)) == Shown::Unheard => {
            TcpControl::Unheard
        }
        Some(Connect::Silent | Connect::Accepted) | None => TcpControl::Otherwise,
    }
}

/// Nothing came back over UDP at all, so that silence says nothing.
fn blind_to_udp(view: &View<'_>) -> Judgement {
    Judgement::unsettled(
        ReasonCode::UdpSilent,
        format!(
            "silent, but nothing else came back over {} UDP either: name a STUN server outside with --stun-server",
            family(view)
        ),
    )
}

fn unheard() -> Judgement {
    Judgement::unsettled(
        ReasonCode::UdpSilent,
        "silent, but the node may have had no ICMP error left for us (Linux sends one a second): run again in ten seconds",
    )
}

/// Ports in a few words: the first five, and how many more.
fn ports(ports: &[Port]) -> String {
    match ports {
        [] | [_] | [_, _] | [_, _, _] | [_, _, _, _] | [_, _, _, _, _] => words::list(ports),
        [first @ .., _] => {
            let shown: Vec<String> = first.iter().take(5).map(Port::to_string).collect();
            format!("{} and {} more", shown.join(", "), ports.len() - 5)
        }
    }
}

/// `50000, 50001 and 50002 say` or `55000 says`.
fn say(of: &[Port]) -> String {
    let verb = if of.len() == 1 { "says" } else { "say" };
    format!("{} {verb}", ports(of))
}

/// `UDP 443`, or `1 of 7 probed ports of UDP 50000-60000`.
fn counted(some: usize, evidence: &Evidence, of: PortRange) -> String {
    let (some, probed) = (thousands(some), thousands(evidence.probed()));
    match (of.single(), evidence.rest) {
        (Some(port), _) => format!("UDP {port}"),
        (None, None | Some(Rest { unsent: 1.., .. })) => {
            format!("{some} of {probed} probed ports of UDP {of}")
        }
        (None, Some(_)) => format!("{some} of {probed} ports of UDP {of}"),
    }
}

/// How the ports of a closed range were asked: `10,001 ports probed twice`, `7 ports probed`.
fn asked(evidence: &Evidence) -> String {
    let probed = thousands(evidence.probed());
    let Some(rest) = evidence.rest else {
        return format!("{probed} ports probed");
    };
    let times = if rest.copies >= 2 { "twice" } else { "once" };
    match rest.unsent {
        0 => format!("{probed} ports probed {times}"),
        unsent => format!(
            "{probed} ports probed {times}, {} not at all",
            thousands(unsent as usize)
        ),
    }
}

/// A number as people write it: `10,001`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

fn remedy_ports(ports: &[Port]) -> String {
    let numbers: Vec<String> = ports.iter().map(Port::to_string).collect();
    numbers.join(", ")
}

/// A port, or every port of a range, that must let nothing in.
pub(super) fn closed(view: &View<'_>) -> Judged {
    let evidence = Evidence::gather(view)?;
    if let Some((port, what)) = evidence.answered() {
        return Ok(
            Judgement::fail(open_reason(view), format!("UDP {port} is open: {what}"))
                .seen(port.to_string()),
        );
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
            return Ok(Judgement::vantage_limit(
                ReasonCode::PortUnreachable,
                format!("{who}, and {}", evidence.looks_the_same()),
            ));
        }
        return Ok(Judgement::suspected(
            open_reason(view),
            format!(
                "{} let{} packets in\n{who}",
                counted(unreachable.len(), &evidence, range(view)),
                if unreachable.len() == 1 { "s" } else { "" }
            ),
        )
        .seen(remedy_ports(&unreachable)));
    }
    if let Some((port, error)) = evidence.refused() {
        let by = offender(view, &error);
        let observed = format!("UDP {port} is refused by {by}: {error}");
        return Ok(
            if range(view).single().is_some() && is_its_prohibition(view, &error) {
                Judgement::pass(observed)
            } else {
                Judgement::uncontradicted(observed)
            },
        );
    }
    let silent = evidence.silent();
    if silent.is_empty() {
        return Ok(unheard());
    }
    if !view.sees_udp(family(view)) {
        return Ok(blind_to_udp(view));
    }
    let what = match range(view).single() {
        Some(_) => String::new(),
        None => format!(" ({})", asked(&evidence)),
    };
    Ok(Judgement::uncontradicted(format!(
        "nothing comes back{what}; {}",
        evidence.background()
    )))
}

/// Whether the node's own firewall says that it keeps packets out.
fn is_its_prohibition(view: &View<'_>, error: &IcmpError) -> bool {
    error.meaning() == IcmpMeaning::AdminProhibited && !view.is_from_elsewhere(error)
}

fn offender(view: &View<'_>, error: &IcmpError) -> &'static str {
    if view.is_from_elsewhere(error) {
        "a router on the way"
    } else {
        "the node's firewall"
    }
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
        .is_none_or(|limit| !limit.leaves_out(family(view), view.case.deployment.edition));
    if row.service.is_some() && listens {
        service_open(view)
    } else {
        single_open(view)
    }
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
        Shown::Silent | Shown::Unheard if view.sees_udp(family(view)) => Judgement::fail(
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
        Shown::Silent | Shown::Unheard if view.sees_udp(family(view)) => Judgement::vantage_limit(
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
    Ok(match (alive.as_slice(), silent.as_slice()) {
        ([], []) => unheard(),
        ([], _) if !view.sees_udp(family(view)) => blind_to_udp(view),
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
