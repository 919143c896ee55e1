//! Which checks a run makes, which probes they need, what is left out and why.
//!
//! Pure: the same deployment, rules, vantage, resolution and seed give the same plan.

mod again;
mod asks;
mod call;
mod controls;
mod draft;
mod edition;
mod expand;
mod gaps;
mod index;
mod machine;
mod narrow;
mod probes;
mod proxy;
mod select;
mod standing;
mod standpoints;

use crate::model::deployment::Deployment;
use crate::model::name::NodeName;
use crate::model::plan::{Check, CheckIndex, LeftOut, Plan, RunScope};
use crate::model::probe::{CallDepth, ProbeSpec};
use crate::model::resolution::Resolution;
use crate::model::rule::{Demand, Scope};
use crate::model::selection::Selection;
use crate::model::target::Family;
use crate::model::vantage::Vantage;
use crate::ruleset::Ruleset;

pub use again::{again, again_after_call};
pub use edition::edition_questions;
pub use proxy::proxy_duties;
pub use standpoints::{fewest, questions_from, standing_on, standpoint_of, standpoints, zone_of};

pub use crate::ruleset::admission;

use draft::Draft;

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub deployment: &'a Deployment,
    pub ruleset: &'a Ruleset,
    pub vantage: &'a Vantage,
    pub resolution: &'a Resolution,
    /// Chooses the random ports of a range.
    pub seed: u64,
    /// Whether the edges between ports of a range that answer and ports that do not are looked for.
    pub find_extent: bool,
    /// How far a call goes; `None`: there are no credentials for one.
    pub call: Option<CallDepth>,
    /// How much is looked at.
    pub scope: RunScope,
    /// The nodes on which a responder is asked.
    pub responders: &'a [NodeName],
    /// Which rules the run is asked about.
    pub selection: &'a Selection,
    /// Which configurations it reads.
    pub configurations: ConfigurationsRead,
}

/// Which configurations a run reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfigurationsRead {
    pub proxy: bool,
    pub openvidu: bool,
}

/// The DNS questions that have to be answered before a plan can be made.
pub fn questions(deployment: &Deployment) -> Vec<ProbeSpec> {
    std::iter::once(&deployment.domain)
        .chain(&deployment.turn_domain)
        .flat_map(|name| Family::BOTH.map(|family| ProbeSpec::Dns { name: name.clone(), family }))
        .collect()
}

/// Those of a run of this scope: a machine is looked at without a name.
pub fn first_questions(deployment: &Deployment, scope: RunScope) -> Vec<ProbeSpec> {
    match scope {
        RunScope::Whole | RunScope::Call => questions(deployment),
        RunScope::Host | RunScope::Lint => Vec::new(),
    }
}

/// Makes the plan. Its first probes are the [`first_questions`], in their order.
pub fn build(inputs: &Inputs<'_>) -> Plan {
    let deployment = inputs.deployment;
    let mut left_out = gaps::gaps(inputs);
    let mut drafts: Vec<Draft> = Vec::new();
    for rule in inputs.ruleset.demanded(deployment) {
        let needs_dtls = rule.demand == Demand::DtlsPasses;
        let is_out_of_reach = match inputs.call {
            None => rule.demand.is_of_call(),
            Some(CallDepth::Checks) => needs_dtls,
            Some(CallDepth::Dtls) => false,
        };
        if is_out_of_reach || !narrow::is_looked_at(inputs, rule) {
            // One line tells it for all of them.
        } else if standing::is_judged_from_here(inputs, rule) {
            let wanted = expand::drafts(inputs, rule).into_iter();
            drafts.extend(wanted.filter(|draft| narrow::is_of_scope(inputs, draft)));
        } else {
            left_out.push(LeftOut::OtherZone {
                rule: rule.id.clone(),
                judged_from: rule.zones.clone(),
                zone: inputs.vantage.zone,
            });
        }
    }
    left_out.dedup();
    left_out.extend(select::left_out(inputs, &drafts));
    let drafts = select::needed(inputs, drafts);

    let probes = probes::collect(inputs, &drafts);
    let needs = index::Needs::new(&drafts);
    let places = index::Places::new(&probes);
    let checks = drafts
        .iter()
        .map(|draft| Check {
            rule: draft.rule.id.clone(),
            target: draft.target.clone(),
            severity: draft.severity,
            ask: draft.ask.clone(),
            needs: needed_by(inputs, draft, &drafts, &needs),
            probes: draft.wanted.iter().map(|wanted| places.of(wanted)).collect(),
        })
        .collect();
    Plan { checks, probes, left_out, unlistened: controls::unlistened(inputs) }
}

/// The checks that have to pass before this one: those of the rules it needs that speak of nothing
/// else than it does. At an address that the operator gave instead of the DNS, what the DNS says of
/// the name stands in the way of nothing.
fn needed_by(
    inputs: &Inputs<'_>,
    draft: &Draft,
    all: &[Draft],
    index: &index::Needs<'_>,
) -> Vec<CheckIndex> {
    let is_given = match (&draft.target.host, draft.target.address) {
        (Some(host), Some(address)) => !inputs.resolution.in_dns(host).contains(&address),
        _ => false,
    };
    let is_needed = |other: &Draft| {
        other.target.agrees_with(&draft.target)
            && !(is_given && matches!(other.rule.scope, Scope::Names(_)))
    };
    let candidates = index.candidates(draft).into_iter();
    candidates.filter(|place| is_needed(&all[*place])).map(CheckIndex).collect()
}
