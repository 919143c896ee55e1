//! What a check ends with.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::word_list::word_list;

word_list! {
    /// How bad it is when a rule is broken.
    pub enum Severity {
        Info = "info",
        Warning = "warning",
        Error = "error",
    }
}

/// What a check ends with. Pass and fail say how far the packets carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    Pass(PassConfidence),
    Fail(FailConfidence),
    Inconclusive(InconclusiveKind),
    NotApplicable,
}

/// How far the evidence carries a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PassConfidence {
    /// No deployment that breaks the rule would have sent these packets.
    Proven,
    /// Nothing speaks against it; a deployment that breaks the rule could look the same.
    Uncontradicted,
}

/// How far the evidence carries a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailConfidence {
    /// No deployment that keeps the rule would have sent these packets.
    Proven,
    /// The likely reading; an unusual but right deployment could look the same.
    Suspected,
}

/// Why nothing could be concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum InconclusiveKind {
    /// It could have been settled; something stood in the way this time.
    Unsettled,
    /// Nobody could settle it from where we stand.
    VantageLimit,
}

impl fmt::Display for InconclusiveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsettled => "unsettled",
            Self::VantageLimit => "vantage limit",
        })
    }
}
