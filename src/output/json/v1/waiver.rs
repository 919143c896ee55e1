//! Waivers, and what became of them.

use schemars::JsonSchema;
use serde::Serialize;

use super::finding::FingerprintV1;
use super::publish::{PublishedAs, published};
use super::values::{RuleIdV1, ServerTextV1};
use crate::model::timestamp::Date;
use crate::model::waiver::{TargetPattern, Waived, WaivedLine, Waiver, WaiverState, WaiverUse};

published! {
    /// Why a violation does not make the run fail.
    struct WaivedV1 from Waived {
        /// The waiver.
        by: WaiverV1,
        /// The waived rule that this violation follows from; null if the waiver is written for the
        /// violation itself.
        follows_from: Option<RuleIdV1>,
    }

    /// A violation that the operator accepts for a while. Every part that is not null must agree.
    struct WaiverV1 from Waiver {
        /// The file and line of the waiver.
        place: String,
        /// The finding.
        fingerprint: Option<FingerprintV1>,
        /// The rule.
        rule: Option<RuleIdV1>,
        /// The targets; `*` stands for any text.
        target: Option<TargetPatternV1>,
        /// Why it is accepted.
        reason: String,
        /// Who answers for it.
        owner: Option<String>,
        /// The last day of the waiver, in UTC; 9999-12-31 for a comment in a configuration file, which has no end.
        until: DateV1,
        /// The line of a configuration file that a comment there accepts; null for a waiver in a waivers file.
        line: Option<WaivedLineV1>,
    }

    /// A line of a configuration file.
    struct WaivedLineV1 from WaivedLine {
        /// The file.
        file: ServerTextV1,
        /// From 1.
        number: u32,
    }

    /// A pattern for targets, as the waivers file gives it.
    text TargetPatternV1 from TargetPattern;

    /// A day, such as `2027-01-31`.
    #[schemars(extend("pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    text DateV1 from Date;
}

/// A waiver, and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WaiverUseV1 {
    /// The waiver.
    pub waiver: WaiverV1,
    /// What became of it.
    pub state: WaiverStateV1,
    /// How many violations it covers itself; more may follow from them.
    pub covers: usize,
}

impl PublishedAs<WaiverUseV1> for WaiverUse {
    fn published(&self) -> WaiverUseV1 {
        let Self { waiver, state } = self;
        let (state, covers) = match state {
            WaiverState::Applied(covers) => (WaiverStateV1::Applied, *covers),
            WaiverState::Expired => (WaiverStateV1::Expired, 0),
            WaiverState::Unneeded => (WaiverStateV1::Unneeded, 0),
            WaiverState::NotSettled => (WaiverStateV1::NotSettled, 0),
            WaiverState::NoSuchCheck => (WaiverStateV1::NoSuchCheck, 0),
            WaiverState::NotSelected => (WaiverStateV1::NotSelected, 0),
            WaiverState::WithoutReason => (WaiverStateV1::WithoutReason, 0),
        };
        WaiverUseV1 { waiver: waiver.published(), state, covers }
    }
}

/// What became of a waiver in a run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaiverStateV1 {
    /// It covers at least one violation.
    Applied,
    /// Its last day is over. It covers nothing and makes the run fail.
    Expired,
    /// Everything that it is for passes.
    Unneeded,
    /// What it is for was not decided in this run.
    NotSettled,
    /// No check of this run is what it is for.
    NoSuchCheck,
    /// The run left out what it may be for (`--only`, `--skip`).
    NotSelected,
    /// A comment in a configuration file that gives no reason. It covers nothing.
    WithoutReason,
}
