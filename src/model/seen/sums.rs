//! What rules saw that sum up others.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::name::DomainName;
use crate::model::rule::RuleId;
use crate::model::target::Family;

/// What a rule saw that sums up others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SumSeen {
    /// All of the rules pass.
    AllHold,
    /// These rules are broken.
    Broken(Vec<RuleId>),
    /// These rules could not be settled.
    Unsettled(Vec<RuleId>),
    /// None of the rules applies.
    NoneApplies,
    /// These rules hold over IPv4 but not over IPv6.
    FamiliesDiffer(Vec<RuleId>),
    /// Only one address family was judged.
    OneFamily,
    /// No rule holds over IPv4 that could be compared.
    NothingToCompare,
    /// The DNS did not say whether this name has addresses of this family.
    FamilyUnknown { name: DomainName, family: Family },
}

impl From<SumSeen> for Seen {
    fn from(seen: SumSeen) -> Self {
        Self::Sum(seen)
    }
}
