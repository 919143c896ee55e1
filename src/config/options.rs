//! The options that decide whether a check passes.

use crate::model::report::Gate;
use crate::model::verdict::Severity;

/// The options that decide whether a check passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckOptions {
    /// The lowest severity that makes the run fail.
    pub fail_on: Severity,
    /// Only proven results pass or fail; the rest are inconclusive. Applied by `evaluate`.
    pub require_proof: bool,
    /// An incomplete run passes.
    pub allow_inconclusive: bool,
    /// The minimum share of the required checks that must be settled, 0.0 to 1.0.
    pub min_coverage: Option<f64>,
    /// Violations are reported but do not make the run fail.
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
    /// The part that decides the exit status of a run that was not interrupted.
    pub fn gate(&self) -> Gate {
        Gate {
            fail_on: self.fail_on,
            require_proof: self.require_proof,
            allow_inconclusive: self.allow_inconclusive,
            exit_zero: self.exit_zero,
            min_coverage: self.min_coverage,
            interrupted: false,
        }
    }
}
