//! One word for how a run ended, as the reports print it beside the exit status.

use std::fmt;

use crate::model::call::CallSummary;
use crate::model::plan::RunScope;
use crate::model::report::Report;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    /// Every demanded check was settled, as far as it can be from here, and none failed the run;
    /// of `ovcheck call`: a call gets through by at least one way.
    Pass,
    /// A violation that fails the run, also when `--exit-zero` silenced the exit status; of
    /// `ovcheck call`: no way lets a call through.
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
        } else if report.scope() == RunScope::Call {
            Self::of_call(report.call.as_ref())
        } else if report.is_violated() {
            Self::Fail
        } else if report.is_unsettled() || report.is_covered_too_little() || !report.complete {
            Self::Incomplete
        } else {
            Self::Pass
        }
    }

    /// A call gets through, or it does not, or nobody knows.
    fn of_call(call: Option<&CallSummary>) -> Self {
        match call {
            Some(call) if call.gets_through() => Self::Pass,
            Some(call) if !call.is_unknown() => Self::Fail,
            Some(_) | None => Self::Incomplete,
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
