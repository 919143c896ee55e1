//! Which rules a run is asked about.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rule::RuleId;

/// Which rules a run is asked about (`--only`, `--skip`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Empty: all of them.
    pub only: Vec<Selector>,
    pub skip: Vec<Selector>,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty()
    }

    /// Whether the run is asked about this rule.
    pub fn takes(&self, rule: &RuleId) -> bool {
        let named_in = |list: &[Selector]| list.iter().any(|selector| selector.names(rule));
        (self.only.is_empty() || named_in(&self.only)) && !named_in(&self.skip)
    }
}

/// A family of rules, or one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selector {
    Family(String),
    Rule(RuleId),
}

impl Selector {
    fn names(&self, rule: &RuleId) -> bool {
        match self {
            Self::Family(family) => rule.family() == family,
            Self::Rule(id) => id == rule,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Family(family) => f.write_str(family),
            Self::Rule(id) => id.fmt(f),
        }
    }
}
