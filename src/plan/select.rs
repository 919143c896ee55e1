//! What is left of a plan where the operator asks about some rules only. What these rest on is looked at
//! all the same: without it a verdict could be wrong.

use std::collections::HashSet;

use super::Inputs;
use super::draft::Draft;
use crate::model::plan::LeftOut;
use crate::model::rule::{Demand, Rule, RuleId};

/// The drafts of the rules that the run is asked about, and of those that they rest on.
pub(super) fn needed<'a>(inputs: &Inputs<'_>, drafts: Vec<Draft<'a>>) -> Vec<Draft<'a>> {
    if inputs.selection.is_everything() {
        return drafts;
    }
    let kept = rules_to_look_at(inputs);
    drafts.into_iter().filter(|draft| kept.contains(&draft.rule.id)).collect()
}

fn rules_to_look_at<'a>(inputs: &Inputs<'a>) -> HashSet<&'a RuleId> {
    let rules = &inputs.ruleset.rules;
    let chosen = rules.iter().filter(|rule| inputs.selection.takes(&rule.id));
    // They show whether the addresses are what the declaration says.
    let grounds = rules.iter().filter(|rule| {
        matches!(rule.demand, Demand::PointsToProxy | Demand::AddressesPublic | Demand::ApiAnswers)
    });
    let mut open: Vec<&Rule> = chosen.chain(grounds).collect();
    let mut kept = HashSet::new();
    while let Some(rule) = open.pop() {
        if kept.insert(&rule.id) {
            let rests_on = rules.iter().filter(|other| match &rule.demand {
                Demand::AllPass(summed) if summed.contains(&other.id) => true,
                Demand::FamiliesAgree => true,
                _ => rule.needs.contains(&other.id),
            });
            open.extend(rests_on);
        }
    }
    kept
}

/// What is left out of these drafts because the run is not asked about it.
pub(super) fn left_out(inputs: &Inputs<'_>, drafts: &[Draft<'_>]) -> Option<LeftOut> {
    let is_left_out = |draft: &&Draft<'_>| !inputs.selection.takes(&draft.rule.id);
    let others: Vec<&Draft<'_>> = drafts.iter().filter(is_left_out).collect();
    let rules: HashSet<&RuleId> = others.iter().map(|draft| &draft.rule.id).collect();
    (!others.is_empty())
        .then_some(LeftOut::NotSelected { rules: rules.len(), checks: others.len() })
}
