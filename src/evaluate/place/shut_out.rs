//! Whether we are still let in. Control: what was answered before, once more at the end of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::{doubted, may_rest_on_silence};
use crate::model::facts::{Facts, IdleEnd, Loss};
use crate::model::observation::{Observation, Outcome};
use crate::model::port::Port;
use crate::model::premise::{Doubt, NowMet};
use crate::model::reason::ReasonCode;
use crate::model::target::{Endpoint, Family};

/// What the controls say.
#[derive(Default)]
pub(in crate::evaluate) struct LetIn {
    /// Where we are still let in.
    held: BTreeSet<IpAddr>,
    /// Where we are not.
    lost: BTreeSet<IpAddr>,
    doubt: Option<Doubt>,
}

impl LetIn {
    pub fn of(case: &Case<'_>) -> Self {
        let met: Vec<Control> = controls(case).iter().filter_map(control).collect();
        let lost: Vec<_> = met.iter().filter_map(|it| Some((it, it.now?))).collect();
        // Of one address the last question is the one that tells most.
        let from: BTreeMap<IpAddr, Option<Port>> =
            lost.iter().map(|(control, _)| (control.address, control.port)).collect();
        let lost_at: BTreeSet<IpAddr> = from.keys().copied().collect();
        let held = met.iter().map(|it| it.address).filter(|it| !lost_at.contains(it));
        Self {
            held: held.collect(),
            doubt: lost
                .last()
                .map(|(_, now)| Doubt::ShutOut { from: from.into_iter().collect(), now: *now }),
            lost: lost_at,
        }
    }

    /// What a question to this address meets now that was answered before.
    pub fn met_at(case: &Case<'_>, to: Endpoint) -> Option<NowMet> {
        let of_place = controls(case).iter().filter(|it| it.spec.endpoint() == Some(to));
        of_place.filter_map(control).find_map(|control| control.now)
    }

    /// What is left of a judgement that rests on something that was not answered.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        // The error that would have told a closed port may have been kept from us as well.
        let is_silence = judgement.reason == ReasonCode::UdpSilent;
        if !is_silence && !may_rest_on_silence(view, &judgement) {
            return judgement;
        }
        let Some(doubt) = &self.doubt else { return judgement };
        let mut lost = view.observations().filter(|it| is_lost(it));
        let is_shut_out = lost.any(|it| match it.spec.address() {
            Some(address) => self.shuts_out(address),
            // A call speaks with several machines.
            None => true,
        });
        if is_shut_out { doubted(doubt) } else { judgement }
    }

    /// Who shuts us out of one machine does so for those behind the same firewall.
    fn shuts_out(&self, address: IpAddr) -> bool {
        let is_of_family = |other: &IpAddr| Family::of(*other) == Family::of(address);
        !self.held.contains(&address) && self.lost.iter().any(is_of_family)
    }
}

/// A question that was answered before.
struct Control {
    address: IpAddr,
    /// `None`: it was a ping.
    port: Option<Port>,
    /// What it meets now; `None`: an answer.
    now: Option<NowMet>,
}

/// What was asked once more at the end, behind the probes of the plan.
fn controls<'a>(case: &Case<'a>) -> &'a [Observation] {
    case.observations.get(case.plan.probes.len()..).unwrap_or_default()
}

fn control(observation: &Observation) -> Option<Control> {
    let Outcome::Saw(facts) = &observation.outcome else { return None };
    let now = match facts {
        Facts::Echo(echo) => (!echo.is_replied()).then_some(NowMet::Silence),
        _ => facts.loss().map(|loss| match loss {
            Loss::Silence => NowMet::Silence,
            Loss::Refusal => NowMet::Refusal,
            Loss::Behind => NowMet::NothingBehind,
        }),
    };
    let port = observation.spec.endpoint().map(|endpoint| endpoint.port);
    Some(Control { address: observation.spec.address()?, port, now })
}

fn is_lost(observation: &Observation) -> bool {
    match &observation.outcome {
        Outcome::Saw(Facts::Call(_)) => true,
        // Answered before, and not any more.
        Outcome::Saw(Facts::Hold(facts))
            if facts.idle.is_some_and(|idle| idle.end != IdleEnd::Answers) =>
        {
            true
        }
        Outcome::Saw(facts) => facts.loss().is_some(),
        Outcome::Blind(_) => false,
    }
}
