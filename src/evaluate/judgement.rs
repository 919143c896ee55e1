//! What a judge says.

use crate::model::observation::Blindness;
use crate::model::reason::ReasonCode;
use crate::model::rule::RuleId;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};

/// What a judge says; `Err` when the observation that it rests on could not be made.
pub(super) type Judged = Result<Judgement, Blindness>;

/// A verdict and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub verdict: Verdict,
    pub reason: ReasonCode,
    pub observed: String,
    /// For `${seen}` in a remedy; empty: the target's port.
    pub seen: String,
    pub because: Vec<RuleId>,
}

impl Judgement {
    fn new(verdict: Verdict, reason: ReasonCode, observed: impl Into<String>) -> Self {
        Self {
            verdict,
            reason,
            observed: observed.into(),
            seen: String::new(),
            because: Vec::new(),
        }
    }

    /// The demand holds, proven.
    pub fn pass(observed: impl Into<String>) -> Self {
        Self::new(Verdict::Pass(PassConfidence::Proven), ReasonCode::Holds, observed)
    }

    /// Nothing speaks against the demand.
    pub fn uncontradicted(observed: impl Into<String>) -> Self {
        Self::new(Verdict::Pass(PassConfidence::Uncontradicted), ReasonCode::Holds, observed)
    }

    /// The demand is broken, proven.
    pub fn fail(reason: ReasonCode, observed: impl Into<String>) -> Self {
        Self::new(Verdict::Fail(FailConfidence::Proven), reason, observed)
    }

    /// The demand is probably broken.
    pub fn suspected(reason: ReasonCode, observed: impl Into<String>) -> Self {
        Self::new(Verdict::Fail(FailConfidence::Suspected), reason, observed)
    }

    /// Nothing follows.
    pub fn inconclusive(
        kind: InconclusiveKind,
        reason: ReasonCode,
        observed: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Inconclusive(kind), reason, observed)
    }

    /// Nothing follows, and it need not have been so.
    pub fn unsettled(reason: ReasonCode, observed: impl Into<String>) -> Self {
        Self::inconclusive(InconclusiveKind::Unsettled, reason, observed)
    }

    /// Nothing follows, and nobody could tell from here.
    pub fn vantage_limit(reason: ReasonCode, observed: impl Into<String>) -> Self {
        Self::inconclusive(InconclusiveKind::VantageLimit, reason, observed)
    }

    /// The rule says nothing here.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::new(Verdict::NotApplicable, ReasonCode::NotApplicable, why)
    }

    /// With the words that `${seen}` stands for in a remedy.
    pub fn seen(self, seen: impl Into<String>) -> Self {
        Self { seen: seen.into(), ..self }
    }

    /// With the broken rules that it follows from.
    pub fn because(self, because: Vec<RuleId>) -> Self {
        Self { because, ..self }
    }

    /// How much there is to do about it: the more, the larger.
    pub fn badness(&self) -> u8 {
        match self.verdict {
            Verdict::NotApplicable => 0,
            Verdict::Pass(PassConfidence::Proven) => 1,
            Verdict::Pass(PassConfidence::Uncontradicted) => 2,
            Verdict::Inconclusive(_) => 3,
            Verdict::Fail(FailConfidence::Suspected) => 4,
            Verdict::Fail(FailConfidence::Proven) => 5,
        }
    }

    /// The worst of several; of equal ones the first.
    pub fn worst(all: impl Iterator<Item = Self>) -> Option<Self> {
        let mut all: Vec<Self> = all.collect();
        all.reverse();
        all.into_iter().max_by_key(Self::badness)
    }
}
