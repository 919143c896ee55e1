//! One word for how a run ended, as the reports print it beside the exit status.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::report::Report;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Every demanded check was settled, as far as it can be from here, and none failed the run.
    Pass,
    /// A violation that fails the run, also when `--exit-zero` silenced the exit status.
    Fail,
    /// No such violation, and not everything was settled, also when `--allow-inconclusive` lets
    /// that pass.
    Incomplete,
    /// Interrupted by a signal; what was seen until then is reported.
    Interrupted,
}

impl RunResult {
    /// The word for a report.
    ///
    /// The exit status does not tell it: flags silence a violation or a gap for gates, not for
    /// readers, and a report that could not be written says nothing about the deployment.
    pub fn of(report: &Report) -> Self {
        let gate = &report.gate;
        if gate.interrupted {
            Self::Interrupted
        } else if report.is_violated() {
            Self::Fail
        } else if report.is_unsettled() || report.is_covered_too_little() || !report.complete {
            Self::Incomplete
        } else {
            Self::Pass
        }
    }
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Incomplete => "INCOMPLETE",
            Self::Interrupted => "INTERRUPTED",
        })
    }
}
