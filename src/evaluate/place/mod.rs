//! What is known of our own place, and what follows for verdicts that rest on it.
//!
//! A deployment is seen through this machine, its network and the way there. Each premise about these
//! ([`Premise`](crate::model::premise::Premise)) has a control in the run. It is read here, once; then
//! every judgement is asked whether it rests on a premise that is in doubt. What does is inconclusive
//! and says which premise it is, in the same words everywhere, so that a report names it once.

mod clock;

use super::Case;
use super::judgement::Judgement;
use super::view::View;
use crate::model::facts::Facts;
use crate::model::observation::Outcome;
use crate::model::premise::{Doubt, Premise, Standing};
use crate::model::reason::ReasonCode;
use crate::model::seen::Seen;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};

/// What the controls of a run say about our own place.
pub(super) struct Place {
    clock: Standing,
}

impl Place {
    /// Reads the controls.
    pub fn of(case: &Case<'_>) -> Self {
        Self { clock: clock::standing(case) }
    }

    /// What is left of a judgement when the premises that it rests on are taken into account.
    /// `judge` judges the same check in another case.
    pub fn question(
        &self,
        view: &View<'_>,
        judgement: Judgement,
        judge: impl Fn(&Case<'_>) -> Judgement,
    ) -> Judgement {
        clock::question(&self.clock, view, judgement, judge)
    }
}

/// Nothing follows, because a premise is in doubt.
fn doubted(doubt: &Doubt) -> Judgement {
    let (kind, reason) = match doubt.premise() {
        Premise::OwnClock => (InconclusiveKind::Unsettled, ReasonCode::ClockDiffers),
    };
    Judgement::inconclusive(kind, reason, Seen::Doubted(doubt.clone()))
}

/// What was proven, when no control showed that a premise holds.
fn without_proof(judgement: Judgement) -> Judgement {
    let verdict = match judgement.verdict {
        Verdict::Pass(PassConfidence::Proven) => Verdict::Pass(PassConfidence::Uncontradicted),
        Verdict::Fail(FailConfidence::Proven) => Verdict::Fail(FailConfidence::Suspected),
        other => other,
    };
    Judgement { verdict, ..judgement }
}

/// What the probes of a run saw.
fn saw<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Facts> + use<'a> {
    case.observations.iter().filter_map(|observation| match &observation.outcome {
        Outcome::Saw(facts) => Some(facts),
        Outcome::Blind(_) => None,
    })
}
