//! What shows the version of a server before it is checked.

use crate::model::plan::Plan;
use crate::model::probe::ProbeSpec;
use crate::model::rule::Demand;
use crate::ruleset::Ruleset;

/// The questions of this plan whose answers show the version of the server.
pub fn edition_questions(plan: &Plan, ruleset: &Ruleset) -> Vec<ProbeSpec> {
    let shows_edition =
        |rule| ruleset.rule(rule).is_some_and(|rule| rule.demand == Demand::EditionMatches);
    let checks = plan.checks.iter().filter(|check| shows_edition(&check.rule));
    let probes = checks.flat_map(|check| &check.probes);
    probes.filter_map(|place| plan.probes.get(place.0).cloned()).collect()
}
