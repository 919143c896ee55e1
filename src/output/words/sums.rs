//! Rules that sum up others, in words.

use super::Statement;
use crate::model::seen::SumSeen;
use crate::output::text::list;

pub(super) fn statement(seen: &SumSeen) -> Statement {
    Statement::new(match seen {
        SumSeen::AllHold => "all of them hold".to_owned(),
        SumSeen::Broken(rules) => format!("broken: {}", list(rules)),
        SumSeen::Unsettled(rules) => format!("not settled: {}", list(rules)),
        SumSeen::NoneApplies => "none of the rules that it sums up applies".to_owned(),
        SumSeen::FamiliesDiffer(rules) => {
            format!("holds over IPv4 but not over IPv6: {}", list(rules))
        }
        SumSeen::OneFamily => "there is only one address family".to_owned(),
        SumSeen::NothingToCompare => "no rule holds over IPv4 that could be compared".to_owned(),
        SumSeen::FamilyUnknown { name, family } => {
            format!("the DNS did not say whether {name} has an {family} address")
        }
    })
}
