//! From which machines the whole of the guide can be seen: each machine of the deployment, and one
//! outside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Inputs, build};
use crate::model::deployment::{Deployment, Node, NodeRole};
use crate::model::expected::Expected;
use crate::model::name::NodeName;
use crate::model::plan::{Ask, Check};
use crate::model::rule::{AllowedFrom, Demand};
use crate::model::vantage::{Vantage, Zone};
use crate::model::vantages::{Contribution, Question, Standpoint};
use crate::ruleset::Ruleset;

/// So many machines of the same roles are compared: a deployment may have hundreds.
const LIKE_EACH_OTHER: usize = 3;

/// The nodes that have one of these addresses.
pub fn standing_on(addresses: &[IpAddr], deployment: &Deployment) -> Vec<NodeName> {
    let nodes = deployment.nodes.iter();
    let own = nodes.filter(|node| addresses.iter().any(|address| node.has(*address)));
    own.map(|node| node.name.clone()).collect()
}

/// The zone of a machine that is these nodes. If the machine is the proxy and another node, it is the
/// zone of the other node.
pub fn zone_of(stands_on: &[NodeName], deployment: &Deployment) -> Zone {
    let has = |role: &NodeRole| {
        let mut nodes = deployment.nodes_of(*role);
        nodes.any(|node| stands_on.contains(&node.name))
    };
    NodeRole::ALL.into_iter().find(has).map_or(Zone::Internet, NodeRole::zone)
}

/// Every place from which a run can be made: outside, and each machine once.
pub fn standpoints(deployment: &Deployment) -> Vec<Standpoint> {
    let mut all = vec![Standpoint::Internet];
    for node in &deployment.nodes {
        let machine = Standpoint::Machine(standing_on(&addresses_of(node), deployment));
        if !all.contains(&machine) {
            all.push(machine);
        }
    }
    all
}

fn addresses_of(node: &Node) -> Vec<IpAddr> {
    node.every_address().copied().collect()
}

/// The place of a run.
pub fn standpoint_of(vantage: &Vantage, deployment: &Deployment) -> Option<Standpoint> {
    match (vantage.zone, vantage.stands_on.as_slice()) {
        (Zone::Internet, []) => Some(Standpoint::Internet),
        (zone, []) => {
            // The only machine of a zone is the one that somebody is on who is in that zone.
            let mut machines = standpoints(deployment).into_iter().filter(|it| match it {
                Standpoint::Internet => false,
                Standpoint::Machine(nodes) => zone_of(nodes, deployment) == zone,
            });
            machines.next().filter(|_| machines.next().is_none())
        }
        (_, nodes) => Some(Standpoint::Machine(nodes.to_vec())),
    }
}

/// Where a run from there looks from.
fn vantage_at(standpoint: &Standpoint, deployment: &Deployment) -> Vantage {
    let stands_on = match standpoint {
        Standpoint::Internet => Vec::new(),
        Standpoint::Machine(nodes) => nodes.clone(),
    };
    let own = deployment.nodes.iter().filter(|node| stands_on.contains(&node.name));
    Vantage {
        name: None,
        zone: zone_of(&stands_on, deployment),
        addresses: own.flat_map(addresses_of).collect(),
        stands_on,
        dns_servers: Vec::new(),
        stun_servers: Vec::new(),
        near: Vec::new(),
        http_proxy: None,
    }
}

/// What a run from there would ask. The vantage of the inputs counts for nothing.
pub fn questions_from(standpoint: &Standpoint, inputs: &Inputs<'_>) -> BTreeSet<Question> {
    let vantage = vantage_at(standpoint, inputs.deployment);
    let zones = inputs.deployment.zones_of(&vantage);
    let plan = build(&Inputs { vantage: &vantage, ..*inputs });
    let asked = plan.checks.iter().filter(|check| {
        inputs.selection.takes(&check.rule) && !is_to_itself(check, &vantage, inputs)
    });
    asked.filter_map(|check| question(check, &zones, inputs.ruleset)).collect()
}

/// Whether a machine would ask itself for a port that is open to all: that says nothing of others.
fn is_to_itself(check: &Check, vantage: &Vantage, inputs: &Inputs<'_>) -> bool {
    let rule = inputs.ruleset.rule(&check.rule);
    let Some(Demand::PortRow(row)) = rule.map(|rule| &rule.demand) else { return false };
    let is_here = check.target.node.as_ref().is_some_and(|node| vantage.stands_on.contains(node))
        || check.target.address.is_some_and(|address| vantage.addresses.contains(&address));
    let mut sources = row.of(inputs.deployment).flat_map(|row| &row.from);
    is_here && sources.any(|from| *from == AllowedFrom::Anywhere)
}

/// `None` for what is only told, and not judged.
fn question(check: &Check, zones: &BTreeSet<Zone>, ruleset: &Ruleset) -> Option<Question> {
    let expected = match &check.ask {
        Ask::MustBeOpen => Expected::OpenToThisVantage,
        Ask::MustBeClosed => Expected::ClosedToThisVantage,
        Ask::NeedNotBeOpen(condition) => Expected::ClosedBecauseUnused(*condition),
        Ask::Demand => Expected::AsTheRuleSays(String::new()),
        Ask::EitherWay(_) | Ask::Nothing(_) | Ask::Undeclared(_) => return None,
    };
    let sums_up = ruleset.rule(&check.rule).is_some_and(|rule| rule.demand.sums_up());
    let is_about_place = !matches!(expected, Expected::AsTheRuleSays(_));
    (!sums_up).then(|| Question {
        rule: check.rule.clone(),
        target: check.target.clone(),
        direction: expected.direction(),
        zones: if is_about_place { zones.clone() } else { BTreeSet::new() },
    })
}

/// The fewest machines that together ask everything that can be asked and is not `known`, the one that
/// adds most first, and what each of them adds.
pub fn fewest(inputs: &Inputs<'_>, known: &BTreeSet<Question>) -> Vec<Contribution> {
    let asked: Vec<(Standpoint, BTreeSet<Question>)> = a_few_of_each_role(inputs.deployment)
        .into_iter()
        .map(|standpoint| {
            let questions = questions_from(&standpoint, inputs);
            (standpoint, questions.difference(known).cloned().collect())
        })
        .collect();
    let mut chosen: Vec<usize> = Vec::new();
    let mut covered: BTreeSet<&Question> = BTreeSet::new();
    while let Some((place, adds)) = most(&asked, &covered) {
        if adds == 0 {
            break;
        }
        chosen.push(place);
        covered.extend(&asked[place].1);
    }
    // One that was chosen early may be of no use beside those that were chosen later.
    for place in chosen.clone().into_iter().rev() {
        let others = chosen.iter().filter(|other| **other != place);
        let by_others: BTreeSet<&Question> = others.flat_map(|other| &asked[*other].1).collect();
        if asked[place].1.iter().all(|question| by_others.contains(question)) {
            chosen.retain(|other| *other != place);
        }
    }
    let mut told: BTreeSet<&Question> = BTreeSet::new();
    let contributions = chosen.into_iter().map(|place| {
        let (standpoint, questions) = &asked[place];
        let added: Vec<Question> =
            questions.iter().filter(|question| told.insert(question)).cloned().collect();
        Contribution { standpoint: standpoint.clone(), questions: added }
    });
    contributions.collect()
}

/// Machines beyond the second of the same roles ask nothing that these do not.
fn a_few_of_each_role(deployment: &Deployment) -> Vec<Standpoint> {
    let mut known: BTreeMap<Vec<NodeRole>, usize> = BTreeMap::new();
    let mut few = standpoints(deployment);
    few.retain(|standpoint| {
        let Standpoint::Machine(names) = standpoint else { return true };
        let own = deployment.nodes.iter().filter(|node| names.contains(&node.name));
        let many = known.entry(own.map(|node| node.role).collect()).or_default();
        *many += 1;
        *many <= LIKE_EACH_OTHER
    });
    few
}

/// The first of those that add most to what is covered.
fn most(
    asked: &[(Standpoint, BTreeSet<Question>)],
    covered: &BTreeSet<&Question>,
) -> Option<(usize, usize)> {
    let adds = asked.iter().enumerate().map(|(place, (standpoint, questions))| {
        let adds = questions.iter().filter(|question| !covered.contains(question)).count();
        (place, *standpoint == Standpoint::Internet && adds > 0, adds)
    });
    // What users meet comes first, whoever else asks it.
    let most = adds.rev().max_by_key(|(_, is_outside, adds)| (*is_outside, *adds));
    most.map(|(place, _, adds)| (place, adds))
}
