//! What a check ends with.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad it is when a rule is broken.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What a check ends with. Pass and fail say how far the packets carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Pass(PassConfidence),
    Fail(FailConfidence),
    Inconclusive(InconclusiveKind),
    NotApplicable,
}

/// How far the evidence carries a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PassConfidence {
    /// No deployment that breaks the rule would have sent these packets.
    Proven,
    /// Nothing speaks against it; a deployment that breaks the rule could look the same.
    Uncontradicted,
}

/// How far the evidence carries a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailConfidence {
    /// No deployment that keeps the rule would have sent these packets.
    Proven,
    /// The likely reading; an unusual but right deployment could look the same.
    Suspected,
}

/// Why nothing could be concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
