//! Verdicts and findings, in the words of the reports.

use ovcheck::model::report::Finding;
use ovcheck::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};

pub const PROVEN_PASS: Verdict = Verdict::Pass(PassConfidence::Proven);
pub const UNCONTRADICTED: Verdict = Verdict::Pass(PassConfidence::Uncontradicted);
pub const PROVEN_FAIL: Verdict = Verdict::Fail(FailConfidence::Proven);
pub const SUSPECTED: Verdict = Verdict::Fail(FailConfidence::Suspected);
pub const UNSETTLED: Verdict = Verdict::Inconclusive(InconclusiveKind::Unsettled);
pub const VANTAGE_LIMIT: Verdict = Verdict::Inconclusive(InconclusiveKind::VantageLimit);

/// What a finding saw, in the words of the reports.
pub trait Observed {
    fn observed(&self) -> String;
}

impl Observed for Finding {
    fn observed(&self) -> String {
        ovcheck::output::words::statement(self).to_string()
    }
}
