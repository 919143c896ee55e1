//! What is left of a plan where only a call matters: the names, the way to the API, the call
//! itself, and what explains why it does not come about.

use super::draft::{Draft, Wanted};
use super::{Inputs, call};
use crate::model::plan::RunScope;
use crate::model::rule::{Demand, Rule, ShownBy};

/// Whether a run of this scope looks at what the rule demands.
pub(super) fn is_looked_at(inputs: &Inputs<'_>, rule: &Rule) -> bool {
    if rule.demand == Demand::ProxyConfigurationRuns {
        return inputs.configurations.proxy && inputs.scope == RunScope::Whole;
    }
    if rule.demand.is_of_configuration() {
        return is_configuration_read(inputs, rule);
    }
    match inputs.scope {
        RunScope::Whole => !rule.demand.is_of_machine(),
        RunScope::Call => rule.demand.explains_calls(),
        RunScope::Host => rule.demand.is_of_machine(),
        RunScope::Lint => false,
    }
}

/// Whether the run was given the configuration that shows what the rule demands.
fn is_configuration_read(inputs: &Inputs<'_>, rule: &Rule) -> bool {
    match rule.demand.shown_by() {
        ShownBy::ProxyConfiguration => inputs.configurations.proxy,
        ShownBy::OpenviduConfiguration => inputs.configurations.openvidu,
        _ => false,
    }
}

/// Whether a run of this scope makes the check: of a rule about several endpoints a call needs
/// those without a feature of their own.
pub(super) fn is_of_scope(inputs: &Inputs<'_>, draft: &Draft<'_>) -> bool {
    use crate::model::plan::Ask;
    match inputs.scope {
        RunScope::Whole | RunScope::Host | RunScope::Lint => true,
        RunScope::Call => draft.ask == Ask::Demand,
    }
}

/// What is looked at for no rule: the call, wherever we stand, and whether our own UDP gets out.
pub(super) fn besides(inputs: &Inputs<'_>) -> Vec<Wanted> {
    match inputs.scope {
        RunScope::Whole | RunScope::Host | RunScope::Lint => Vec::new(),
        RunScope::Call => call::own_udp(inputs).chain(call::join(inputs)).collect(),
    }
}
