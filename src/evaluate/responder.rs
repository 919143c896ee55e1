//! What a responder on the machine settles (`ovcheck listen`): whether packets reach it, and what stops them.
//!
//! From outside, a packet that is dropped, one that a silent service takes and one that draws a muted
//! error look the same. On the machine each of them is seen: before its firewall, behind it, or on the
//! way to a container. Nobody without the token of the responder can say that a probe arrived, so what
//! is seen is proven; what is *not* seen is, too, once it is known how much the network loses, and that
//! the responder lost nothing.
//!
//! It tells nothing of the service behind the firewall: that is known from its answers.
//!
//! Connection attempts over TCP are not signed, but known by their source and the sizes of segments that
//! they ask for. So where nothing else shows that a port is open, only a suspicion follows. A port that is
//! stopped does not answer either, and the two together are proof.

use super::judgement::{Judged, Judgement};
use super::reach::{connections, open_reason};
use super::view::{View, connect_of};
use crate::model::facts::{Connect, Facts, ResponderAnswer, ResponderSweep};
use crate::model::observation::{Blindness, LocalTrouble, Outcome};
use crate::model::port::{Port, PortRange};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::responder::{PortRedirect, PortSet, ReversePathFilter};
use crate::model::rule::Scope;
use crate::model::seen::{
    PortSeen, PortsByResponder, ResponderMissed, Seen, TcpRejection, UdpSeen,
};
use crate::model::target::Family;
use crate::model::vantage::Zone;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};

/// A judgement about UDP ports that must be closed, with what a responder saw of them.
pub(super) fn closed(view: &View<'_>, judged: Judged) -> Judged {
    in_vain(view, closed_as_told(view, judged))
}

fn closed_as_told(view: &View<'_>, judged: Judged) -> Judged {
    let Some(told) = Told::of(view, false) else {
        return judged;
    };
    let open = told.let_in();
    if !open.is_empty() {
        return Ok(match judged {
            // What answers there says more than that it is reached.
            Ok(known) if known.verdict == Verdict::Fail(FailConfidence::Proven) => {
                Judgement { seen: known.seen.and(told.seen()), ..known }
            }
            _ => Judgement::fail(open_reason(view), told.seen()),
        }
        .naming_ports(open));
    }
    if let Some(lost) = told.lost() {
        return judged.map(|known| Judgement { seen: known.seen.and(lost), ..known });
    }
    // An answer cannot come from a port that nothing gets into, unless another machine gave it.
    let is_answered =
        matches!(&judged, Ok(it) if it.verdict == Verdict::Fail(FailConfidence::Proven));
    match judged {
        Ok(known) if is_answered => Ok(Judgement { seen: known.seen.and(told.seen()), ..known }),
        _ if told.may_be_ours() => Ok(Judgement::uncontradicted(told.seen())),
        _ => Ok(Judgement::pass(told.seen())),
    }
}

/// A judgement about UDP ports that must be open, with what a responder saw of them. `service`: a program
/// has to answer there.
pub(super) fn open(view: &View<'_>, service: bool, judged: Judged) -> Judged {
    in_vain(view, open_as_told(view, service, judged))
}

fn open_as_told(view: &View<'_>, service: bool, judged: Judged) -> Judged {
    let Some(told) = Told::of(view, true) else {
        return judged;
    };
    let is_proven =
        matches!(&judged, Ok(it) if it.verdict == Verdict::Pass(PassConfidence::Proven));
    // An answer that nobody else can have made shows that the way is open, whatever else is seen.
    if is_proven && view.check.target.port.and_then(PortRange::single).is_some() {
        return judged;
    }
    if let Some(stopped) = told.stopped() {
        return Ok(stopped);
    }
    if let Some(lost) = told.lost() {
        return judged.map(|known| Judgement { seen: known.seen.and(lost), ..known });
    }
    let by_machine: Vec<PortRange> = told.redirected_there().collect();
    if !by_machine.is_empty() {
        let judgement = Judgement::suspected(ReasonCode::PortRedirected, told.seen());
        return Ok(judgement.naming_ports(by_machine));
    }
    if !service {
        return Ok(Judgement::pass(told.seen()));
    }
    // Its silence, or an error, is its own, or that of whoever it is sent on to.
    Ok(match judged {
        Ok(known) if matches!(known.verdict, Verdict::Pass(_)) => known,
        Ok(known) if known.reason == ReasonCode::WrongService => {
            Judgement { seen: known.seen.and(told.seen()), ..known }
        }
        Ok(known) => Judgement::fail(ReasonCode::NothingListens, known.seen.and(told.seen())),
        Err(blindness) => return Err(blindness),
    })
}

/// A judgement about TCP ports that must be closed, with what a responder saw of them.
pub(super) fn tcp_closed(view: &View<'_>, judged: Judged) -> Judged {
    in_vain(view, tcp_closed_as_told(view, judged))
}

fn tcp_closed_as_told(view: &View<'_>, judged: Judged) -> Judged {
    let Some(told) = Told::of_tcp(view, Expecting::Closed, None) else {
        return judged;
    };
    // A service that answers says more than that its port is reached.
    let judged = match judged {
        Ok(known) if matches!(known.verdict, Verdict::Fail(_)) => return Ok(known),
        Err(blindness) => return Err(blindness),
        Ok(known) => known,
    };
    let open = told.let_in();
    if !open.is_empty() {
        let refused = match &judged.seen {
            // Packets pass it: the process has another address, or none listens.
            Seen::Port(PortSeen::RefusedToThisMachine) => PortSeen::Refused.into(),
            other => other.clone(),
        };
        let seen = refused.and(told.tcp_seen());
        // A list is about services, and none answers there. A row is about the firewall.
        return Ok(match view.rule.scope {
            Scope::AllNodes { .. } => Judgement { seen, ..judged },
            _ => Judgement::suspected(open_reason(view), seen).naming_ports(open),
        });
    }
    if let Some(unsure) = told.unsure() {
        return Ok(Judgement { seen: judged.seen.and(unsure), ..judged });
    }
    // A few ports of a range do not stand for those in between.
    let range = view.check.target.port;
    let is_whole = range.is_none_or(|range| told.count() == range.count());
    Ok(match is_whole && !told.may_be_ours() {
        true => Judgement::pass(told.tcp_seen()),
        false => Judgement::uncontradicted(told.tcp_seen()),
    })
}

/// A judgement about a TCP port that must be open, with what a responder saw of it.
pub(super) fn tcp_open(view: &View<'_>, port: Port, judged: Judged) -> Judged {
    in_vain(view, tcp_open_as_told(view, Some(port), judged))
}

/// The same of the ports of a range that were tried.
pub(super) fn tcp_range_open(view: &View<'_>, judged: Judged) -> Judged {
    in_vain(view, tcp_open_as_told(view, None, judged))
}

fn tcp_open_as_told(view: &View<'_>, port: Option<Port>, judged: Judged) -> Judged {
    let Some(told) = Told::of_tcp(view, Expecting::Open, port) else {
        return judged;
    };
    let judged = match judged {
        Ok(known) if known.verdict == Verdict::Pass(PassConfidence::Proven) => return Ok(known),
        Err(blindness) => return Err(blindness),
        Ok(known) => known,
    };
    // What accepts a connection is reached, or accepts it for others.
    let is_accepted = |(at, observation): (Port, _)| {
        port.is_none_or(|port| port == at)
            && connect_of(observation).is_some_and(Connect::is_accepted)
    };
    if connections(view).any(is_accepted) {
        return Ok(judged);
    }
    if let Some(stopped) = told.stopped() {
        return Ok(Judgement { seen: told.tcp_seen().into(), ..stopped });
    }
    if let Some(unsure) = told.unsure() {
        return Ok(Judgement { seen: judged.seen.and(unsure), ..judged });
    }
    let is_refused = judged.reason == ReasonCode::TcpRefused;
    let seen = judged.seen.clone().and(told.tcp_seen());
    Ok(match is_refused {
        true => Judgement { reason: ReasonCode::NothingListens, seen, ..judged },
        false => Judgement { seen, ..judged },
    })
}

/// The operator asked for a responder, and it did not answer: what it would have settled is open, and not
/// merely beyond what can be seen from here.
fn in_vain(view: &View<'_>, judged: Judged) -> Judged {
    let asked = view.observations().find_map(|it| match (&it.spec, &it.outcome) {
        (ProbeSpec::Responder { .. }, Outcome::Saw(Facts::Responder(facts))) => Some(match &facts
            .answer
        {
            ResponderAnswer::Told(_) => None,
            ResponderAnswer::Silent => Some(ResponderMissed::Silent),
            ResponderAnswer::Busy => Some(ResponderMissed::Busy),
            ResponderAnswer::OtherVersion(version) => Some(ResponderMissed::OtherVersion(*version)),
        }),
        // Of several runs, one alone asks it: the others know nothing of it.
        (
            ProbeSpec::Responder { .. },
            Outcome::Blind(Blindness::Local(LocalTrouble::NothingAsked)),
        ) => Some(None),
        (ProbeSpec::Responder { .. }, Outcome::Blind(_)) => Some(Some(ResponderMissed::NotAsked)),
        _ => None,
    });
    let Some(missed) = asked.flatten() else { return judged };
    judged.map(|known| {
        let would_be_settled = match known.verdict {
            Verdict::Pass(PassConfidence::Uncontradicted)
            | Verdict::Inconclusive(InconclusiveKind::VantageLimit) => true,
            Verdict::Inconclusive(InconclusiveKind::Unsettled) => lacks_errors(&known.seen),
            Verdict::Pass(PassConfidence::Proven) | Verdict::Fail(_) | Verdict::NotApplicable => {
                false
            }
        };
        if !would_be_settled {
            return known;
        }
        let seen = known.seen.and(PortSeen::ResponderMissed(missed));
        Judgement::unsettled(ReasonCode::ResponderUnanswered, seen)
    })
}

/// Whether all that is missing is an ICMP error which the node may not have had: a responder needs none.
fn lacks_errors(seen: &Seen) -> bool {
    matches!(
        seen,
        Seen::Udp(UdpSeen::Unheard | UdpSeen::OpenOrRejected { tcp: TcpRejection::Unheard, .. })
    )
}

/// What a rule wants of its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expecting {
    Open,
    Closed,
}

/// What a responder told about the ports of a check.
struct Told<'a> {
    sweep: &'a ResponderSweep,
    ports: PortsByResponder,
    unsettled: Vec<PortRange>,
}

/// The lists of a responder, of one transport.
struct Lists<'a> {
    asked: &'a [PortRange],
    arrived: &'a [PortRange],
    passed: &'a [PortRange],
    forwarded: &'a [PortRange],
    unsettled: &'a [PortRange],
    redirected: &'a [PortRedirect],
}

impl<'a> Told<'a> {
    /// `None` where there is no responder, it said nothing, or was not asked about all of the ports.
    fn of(view: &View<'a>, must_be_open: bool) -> Option<Self> {
        let range = view.check.target.port?;
        let sweep = sweep_of(view)?;
        let lists = Lists {
            asked: &sweep.asked,
            arrived: &sweep.arrived,
            passed: &sweep.passed,
            forwarded: &sweep.forwarded,
            unsettled: &sweep.unsettled,
            redirected: &sweep.redirected,
        };
        let gets_out = lets_out(view, range, &ports_of(&sweep.arrived));
        let ports: PortSet = ports_in(range).collect();
        Self::by(view, sweep, &lists, &ports, (must_be_open, gets_out))
    }

    /// The same over TCP, of the ports to which the check connects, or of one of them.
    fn of_tcp(view: &View<'a>, expecting: Expecting, only: Option<Port>) -> Option<Self> {
        let sweep = sweep_of(view)?;
        let tcp = &sweep.tcp;
        let lists = Lists {
            asked: &tcp.asked,
            arrived: &tcp.arrived,
            passed: &tcp.passed,
            forwarded: &tcp.forwarded,
            unsettled: &tcp.unsettled,
            redirected: &tcp.redirected,
        };
        let range = view.check.target.port;
        let is_of_check = |port: &Port| {
            range.is_none_or(|range| range.contains(*port)) && only.is_none_or(|it| it == *port)
        };
        let ports: PortSet = connections(view).map(|(port, _)| port).filter(is_of_check).collect();
        // Ports that every network lets out say nothing of others.
        let usual = &view.case.ruleset.controls.usual;
        let arrived = ports_of(&tcp.arrived);
        let mut unusual = arrived.ports().filter(|port| !usual.contains(port));
        let are_usual = ports.ports().all(|port| usual.contains(&port));
        let gets_out = view.case.vantage.zone != Zone::Internet
            || unusual.next().is_some()
            || (are_usual && arrived.count() > 0);
        let must_be_open = expecting == Expecting::Open;
        Self::by(view, sweep, &lists, &ports, (must_be_open, gets_out))
            .filter(|_| ports.count() > 0)
    }

    fn by(
        view: &View<'a>,
        sweep: &'a ResponderSweep,
        lists: &Lists<'_>,
        ports: &PortSet,
        (must_be_open, gets_out): (bool, bool),
    ) -> Option<Self> {
        let [asked, arrived, passed, forwarded, unsettled] =
            [lists.asked, lists.arrived, lists.passed, lists.forwarded, lists.unsettled]
                .map(ports_of);
        let in_check = |is_wanted: &dyn Fn(u16) -> bool| -> Vec<PortRange> {
            let ports = ports.ports().filter(|port| is_wanted(port.number()));
            ports.collect::<PortSet>().ranges()
        };
        if !ports.ports().all(|port| asked.contains(port.number())) {
            return None;
        }
        let gets_in = |port| passed.contains(port) || forwarded.contains(port);
        let redirected = lists
            .redirected
            .iter()
            .filter(|redirect| ports_in(redirect.ports).any(|port| ports.contains(port.number())));
        let told = PortsByResponder {
            must_be_open,
            gets_out,
            passed: in_check(&|port| passed.contains(port)),
            forwarded: in_check(&|port| forwarded.contains(port) && !passed.contains(port)),
            stopped_there: in_check(&|port| {
                arrived.contains(port) && !gets_in(port) && !unsettled.contains(port)
            }),
            stopped_before: in_check(&|port| {
                !arrived.contains(port) && !gets_in(port) && !unsettled.contains(port)
            }),
            redirected: redirected.copied().collect(),
            // Only IPv4 has it.
            checks_sources: view.family() == Family::V4
                && match sweep.reverse_path_filter {
                    ReversePathFilter::Strict
                    | ReversePathFilter::Loose
                    | ReversePathFilter::Unknown => true,
                    ReversePathFilter::Off => false,
                },
        };
        let unsettled = in_check(&|port| unsettled.contains(port) && !gets_in(port));
        Some(Self { sweep, ports: told, unsettled })
    }

    fn tcp_seen(&self) -> PortSeen {
        PortSeen::ByResponder(self.ports.clone())
    }

    /// How many ports it is about.
    fn count(&self) -> u32 {
        let PortsByResponder { passed, forwarded, stopped_there, stopped_before, .. } = &self.ports;
        let lists = [passed, forwarded, stopped_there, stopped_before, &self.unsettled];
        lists.into_iter().flatten().map(|range| range.count()).sum()
    }

    /// The TCP ports of which nothing follows, if there are such.
    fn unsure(&self) -> Option<PortSeen> {
        let ports = self.unsettled.clone();
        (!ports.is_empty()).then_some(PortSeen::ResponderUnsure(ports))
    }

    fn seen(&self) -> UdpSeen {
        UdpSeen::ByResponder(self.ports.clone())
    }

    /// The ports by which packets get in, or through to a container.
    fn let_in(&self) -> Vec<PortRange> {
        ports_of(&[self.ports.passed.clone(), self.ports.forwarded.clone()].concat()).ranges()
    }

    /// Why nothing follows of some ports, if there are such.
    fn lost(&self) -> Option<UdpSeen> {
        let ResponderSweep { sent, lost, lost_by_responder, .. } = *self.sweep;
        (!self.unsettled.is_empty()).then(|| UdpSeen::ResponderLost {
            ports: self.unsettled.clone(),
            sent,
            lost,
            by_itself: lost_by_responder,
        })
    }

    /// The violation that stopped ports are: of whoever has the machine, of whoever has what is before it,
    /// or of both.
    fn stopped(&self) -> Option<Judgement> {
        let (there, before) = (&self.ports.stopped_there, &self.ports.stopped_before);
        let reason = match (there.is_empty(), before.is_empty()) {
            (true, true) => return None,
            (false, true) => ReasonCode::StoppedOnMachine,
            (true, false) => ReasonCode::StoppedBeforeMachine,
            (false, false) => ReasonCode::PortClosedUnexpected,
        };
        let stopped = ports_of(&[there.clone(), before.clone()].concat()).ranges();
        // What is stopped on the machine is stopped there, wherever the rest is.
        let judgement = match there.is_empty() && self.may_be_ours() {
            true => Judgement::suspected(reason, self.seen()),
            false => Judgement::fail(reason, self.seen()),
        };
        Some(judgement.naming_ports(stopped))
    }

    /// Whether the network of this computer may be what stops packets before they reach the machine.
    fn may_be_ours(&self) -> bool {
        !self.ports.stopped_before.is_empty() && !self.ports.gets_out
    }

    /// The ports of which packets go to another port of the machine itself.
    fn redirected_there(&self) -> impl Iterator<Item = PortRange> + '_ {
        let passed = ports_of(&self.ports.passed);
        let is_there = move |redirect: &&PortRedirect| {
            ports_in(redirect.ports).any(|port| passed.contains(port.number()))
        };
        self.ports.redirected.iter().filter(is_there).map(|redirect| redirect.ports)
    }
}

/// Whether packets to ports like these are known to get out of our own network: some of the same range
/// arrive, or such to another port that no network lets out for its own sake. A network that blocks UDP 443
/// alone is known, so that others say nothing of that. From inside, the way belongs to the deployment.
fn lets_out(view: &View<'_>, range: PortRange, arrived: &PortSet) -> bool {
    let usual = &view.case.ruleset.controls.usual;
    let is_usual = range.single().is_some_and(|port| usual.contains(&port));
    ports_in(range).any(|port| arrived.contains(port.number()))
        || (!is_usual && arrived.ports().any(|port| !usual.contains(&port)))
        || view.case.lets_udp_out_to(range.first(), view.family())
}

fn sweep_of<'a>(view: &View<'a>) -> Option<&'a ResponderSweep> {
    view.observations().find_map(|it| match (&it.spec, &it.outcome) {
        (ProbeSpec::Responder { .. }, Outcome::Saw(Facts::Responder(facts))) => match &facts.answer
        {
            ResponderAnswer::Told(sweep) => Some(sweep),
            ResponderAnswer::Silent | ResponderAnswer::OtherVersion(_) | ResponderAnswer::Busy => {
                None
            }
        },
        _ => None,
    })
}

fn ports_in(range: PortRange) -> impl Iterator<Item = Port> {
    (range.first().number()..=range.last().number()).filter_map(Port::new)
}

fn ports_of(ranges: &[PortRange]) -> PortSet {
    ranges.iter().flat_map(|range| ports_in(*range)).collect()
}
