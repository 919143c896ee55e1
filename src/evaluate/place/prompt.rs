//! Whether this machine is fast enough to see an answer in time. Control: how late its own timers were
//! during the run.

use super::super::Case;
use super::super::judgement::Judgement;
use super::super::view::View;
use super::{doubted, may_rest_on_silence};
use crate::model::facts::Facts;
use crate::model::observation::{Observation, Outcome};
use crate::model::premise::Doubt;

/// How late this machine was, if that is a good part of the time-out.
pub(super) struct Prompt(Option<Doubt>);

impl Prompt {
    pub fn of(case: &Case<'_>) -> Self {
        Self(case.observations.late_by.map(|late_by| Doubt::SlowMachine { late_by }))
    }

    /// What is left of a judgement that rests on something that was not answered in time.
    pub fn question(&self, view: &View<'_>, judgement: Judgement) -> Judgement {
        let Some(doubt) = &self.0 else { return judgement };
        let rests = may_rest_on_silence(view, &judgement);
        if rests && view.observations().any(is_unanswered) { doubted(doubt) } else { judgement }
    }
}

/// Whether a probe was not answered in time. A refusal, an end or a reset is an answer, whenever it came.
fn is_unanswered(observation: &Observation) -> bool {
    match &observation.outcome {
        Outcome::Saw(Facts::Call(_)) => true,
        Outcome::Saw(facts) => facts.is_out_of_time(),
        Outcome::Blind(_) => false,
    }
}
