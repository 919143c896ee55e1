//! What a responder on the machine settles (`ovcheck listen`): whether UDP reaches it, and what stops it.
//!
//! From outside, a packet that is dropped, one that a silent service takes and one that draws a muted
//! error look the same. On the machine each of them is seen: before its firewall, behind it, or on the
//! way to a container. Nobody without the token of the responder can say that a probe arrived, so what
//! is seen is proven; what is *not* seen is, too, once it is known how much the network loses, and that
//! the responder lost nothing.
//!
//! It tells nothing of the service behind the firewall: that is known from its answers.

use super::judgement::{Judged, Judgement};
use super::reach::open_reason;
use super::view::View;
use crate::model::facts::{Facts, ResponderAnswer, ResponderSweep};
use crate::model::observation::Outcome;
use crate::model::port::{Port, PortRange};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::responder::{PortRedirect, PortSet, ReversePathFilter};
use crate::model::seen::{PortsByResponder, UdpSeen};
use crate::model::target::Family;
use crate::model::verdict::{FailConfidence, PassConfidence, Verdict};

/// A judgement about UDP ports that must be closed, with what a responder saw of them.
pub(super) fn closed(view: &View<'_>, judged: Judged) -> Judged {
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

/// What a responder told about the ports of a check.
struct Told<'a> {
    sweep: &'a ResponderSweep,
    ports: PortsByResponder,
    unsettled: Vec<PortRange>,
}

impl<'a> Told<'a> {
    /// `None` where there is no responder, it said nothing, or was not asked about all of the ports.
    fn of(view: &View<'a>, must_be_open: bool) -> Option<Self> {
        let range = view.check.target.port?;
        let sweep = view.observations().find_map(|it| match (&it.spec, &it.outcome) {
            (ProbeSpec::Responder { .. }, Outcome::Saw(Facts::Responder(facts))) => {
                match &facts.answer {
                    ResponderAnswer::Told(sweep) => Some(sweep),
                    ResponderAnswer::Silent
                    | ResponderAnswer::OtherVersion(_)
                    | ResponderAnswer::Busy => None,
                }
            }
            _ => None,
        })?;
        let [asked, arrived, passed, forwarded, unsettled] =
            [&sweep.asked, &sweep.arrived, &sweep.passed, &sweep.forwarded, &sweep.unsettled]
                .map(|ranges| ports_of(ranges));
        let in_check = |is_wanted: &dyn Fn(u16) -> bool| -> Vec<PortRange> {
            let ports = ports_in(range).filter(|port| is_wanted(port.number()));
            ports.collect::<PortSet>().ranges()
        };
        if !ports_in(range).all(|port| asked.contains(port.number())) {
            return None;
        }
        let gets_in = |port| passed.contains(port) || forwarded.contains(port);
        let redirected = sweep
            .redirected
            .iter()
            .filter(|redirect| ports_in(redirect.ports).any(|port| range.contains(port)));
        let gets_out = lets_out(view, range, &arrived);
        let ports = PortsByResponder {
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
        Some(Self { sweep, ports, unsettled })
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

fn ports_in(range: PortRange) -> impl Iterator<Item = Port> {
    (range.first().number()..=range.last().number()).filter_map(Port::new)
}

fn ports_of(ranges: &[PortRange]) -> PortSet {
    ranges.iter().flat_map(|range| ports_in(*range)).collect()
}
