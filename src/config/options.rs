//! The options that decide whether a check passes.

use crate::model::report::Gate;
use crate::model::verdict::Severity;

/// The options that decide whether a check passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckOptions {
    /// The lowest severity that makes the run fail.
    pub fail_on: Severity,
    /// Only violations that the baseline does not have make the run fail.
    pub only_new: bool,
    /// What is not declared makes the run incomplete.
    pub require_declared: bool,
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
            only_new: false,
            require_declared: false,
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
            only_new: self.only_new,
            require_declared: self.require_declared,
            require_proof: self.require_proof,
            allow_inconclusive: self.allow_inconclusive,
            exit_zero: self.exit_zero,
            min_coverage: self.min_coverage,
            interrupted: false,
        }
    }
}
