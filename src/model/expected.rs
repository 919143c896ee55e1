//! What was demanded of a target, as data.

use serde::{Deserialize, Serialize};

use super::deployment::Condition;

/// What was demanded of a target. An output makes the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// What the rule says.
    AsTheRuleSays(String),
    /// A port of the tables that packets from this vantage must reach.
    OpenToThisVantage,
    /// A port of the tables that packets from this vantage must not reach.
    ClosedToThisVantage,
    /// A port of the tables that nothing in use needs.
    ClosedBecauseUnused(Condition),
    /// A port of the tables that must be open if this is in use, and closed otherwise.
    OpenOnlyIfUsed(Condition),
}

impl Expected {
    /// The direction of the demand: a part of a finding's identity.
    pub fn direction(&self) -> &'static str {
        match self {
            Self::AsTheRuleSays(_) => "demand",
            Self::OpenToThisVantage => "open",
            Self::ClosedToThisVantage | Self::ClosedBecauseUnused(_) => "closed",
            Self::OpenOnlyIfUsed(_) => "open-if-used",
        }
    }
}
