//! What is left of a plan where only a call matters: the names, the way to the API, the call
//! itself, and what explains why it does not come about.

use super::draft::{Draft, Wanted};
use super::{Inputs, call};
use crate::model::plan::RunScope;
use crate::model::rule::{Demand, Rule};

/// Whether a run of this scope looks at what the rule demands.
pub(super) fn is_looked_at(inputs: &Inputs<'_>, rule: &Rule) -> bool {
    match inputs.scope {
        RunScope::Whole => true,
        RunScope::Call => is_of_call(&rule.demand),
    }
}

/// Names, the way to the API, and the call. What is new is not needed for a call unless it says so
/// here.
fn is_of_call(demand: &Demand) -> bool {
    demand.is_of_call()
        || matches!(
            demand,
            Demand::NameResolves
                | Demand::AddressesPublic
                // Shows a page that wants a login.
                | Demand::RedirectsToHttps
                | Demand::HandshakeCompletes
                | Demand::ChainVerifies
                | Demand::NameMatches
                | Demand::NotExpired
                | Demand::ApiAnswers
                | Demand::ClockAgrees { .. }
        )
}

/// Whether a run of this scope makes the check: of a rule about several endpoints a call needs
/// those without a feature of their own.
pub(super) fn is_of_scope(inputs: &Inputs<'_>, draft: &Draft<'_>) -> bool {
    use crate::model::plan::Ask;
    match inputs.scope {
        RunScope::Whole => true,
        RunScope::Call => draft.ask == Ask::Demand,
    }
}

/// What is looked at for no rule: the call, wherever we stand, and whether our own UDP gets out.
pub(super) fn besides(inputs: &Inputs<'_>) -> Vec<Wanted> {
    match inputs.scope {
        RunScope::Whole => Vec::new(),
        RunScope::Call => call::own_udp(inputs).chain(call::join(inputs)).collect(),
    }
}
