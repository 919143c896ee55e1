//! Whether we are still let in. Control: what was answered before, once more at the end of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::{doubted, is_of_closed_ports, is_violated_or_open};
use crate::model::facts::{Facts, Loss};
use crate::model::observation::{Observation, Outcome};
use crate::model::port::Port;
use crate::model::premise::{Doubt, NowMet};
use crate::model::target::{Endpoint, Family};
use crate::model::verdict::Verdict;

/// What the controls say.
#[derive(Default)]
pub(super) struct LetIn {
    /// Where we are still let in.
    held: BTreeSet<IpAddr>,
    /// Where we are not.
    lost: BTreeSet<IpAddr>,
    doubt: Option<Doubt>,
}

impl LetIn {
    pub fn of(case: &Case<'_>) -> Self {
        let controls = case.observations.get(case.plan.probes.len()..).unwrap_or_default();
        let met: Vec<(Endpoint, Option<NowMet>)> = controls.iter().filter_map(now_met).collect();
        let lost: Vec<_> = met.iter().filter_map(|(to, now)| Some((*to, (*now)?))).collect();
        // Of one address the last question is the one that tells most.
        let from: BTreeMap<IpAddr, Port> =
            lost.iter().map(|(to, _)| (to.address, to.port)).collect();
        let lost_at: BTreeSet<IpAddr> = lost.iter().map(|(to, _)| to.address).collect();
        let held = met.iter().map(|(to, _)| to.address).filter(|it| !lost_at.contains(it));
        Self {
            held: held.collect(),
            doubt: lost
                .last()
                .map(|(_, now)| Doubt::ShutOut { from: from.into_iter().collect(), now: *now }),
            lost: lost_at,
        }
    }

    /// What is left of a judgement that rests on something that was not answered.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        let rests = is_violated_or_open(&judgement)
            || (matches!(judgement.verdict, Verdict::Pass(_)) && is_of_closed_ports(view));
        if !rests {
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

/// What a question meets now that was answered before; `None`: an answer.
fn now_met(control: &Observation) -> Option<(Endpoint, Option<NowMet>)> {
    let to = control.spec.endpoint()?;
    let Outcome::Saw(facts) = &control.outcome else { return None };
    let now = facts.loss().map(|loss| match loss {
        Loss::Silence => NowMet::Silence,
        Loss::Refusal => NowMet::Refusal,
        Loss::Behind => NowMet::NothingBehind,
    });
    Some((to, now))
}

fn is_lost(observation: &Observation) -> bool {
    match &observation.outcome {
        Outcome::Saw(Facts::Call(_)) => true,
        Outcome::Saw(facts) => facts.loss().is_some(),
        Outcome::Blind(_) => false,
    }
}
