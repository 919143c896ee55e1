//! How a check is to be judged and gated.

use crate::model::report::Gate;
use crate::model::verdict::Severity;

/// How a check is to be judged and gated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckOptions {
    /// The mildest severity that fails the run.
    pub fail_on: Severity,
    /// Only what is proven passes or fails; the rest is inconclusive. Applied by `evaluate`.
    pub require_proof: bool,
    /// An incomplete run passes.
    pub allow_inconclusive: bool,
    /// The least share of demanded checks that has to be settled, 0.0 to 1.0.
    pub min_coverage: Option<f64>,
    /// Violations are shown and do not fail the run.
    pub exit_zero: bool,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            fail_on: Severity::Error,
            require_proof: false,
            allow_inconclusive: false,
            min_coverage: None,
            exit_zero: false,
        }
    }
}

impl CheckOptions {
    /// The part that decides the exit status, of a run that was not interrupted.
    pub fn gate(&self) -> Gate {
        Gate {
            fail_on: self.fail_on,
            allow_inconclusive: self.allow_inconclusive,
            exit_zero: self.exit_zero,
            min_coverage: self.min_coverage,
            interrupted: false,
        }
    }
}
