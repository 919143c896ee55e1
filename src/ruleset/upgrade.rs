//! The comparison of two editions of the guide.

use super::Ruleset;
use super::narrow::Wanted;
use crate::model::deployment::{Edition, NodeRole, Policy, Topology};
use crate::model::rule::{AllowedFrom, Demand, FamilyLimit, PortRow, Rule, Scope};
use crate::model::upgrade::{Grant, Judged, NodeChanges, PortChange, RuleChange, Upgrade};

impl Ruleset {
    /// The changes from one edition to another, in the selected part of the rules. The edition of the
    /// selection is ignored.
    pub fn upgrade(&self, from: Edition, to: Edition, wanted: &Wanted) -> Upgrade {
        let rules = self.narrowed(&Wanted { edition: None, ..wanted.clone() });
        let between = Between { from, to };
        let topologies = Topology::ALL.into_iter();
        let topologies = topologies.filter(|it| wanted.topology.is_none_or(|only| only == *it));
        let has_rows = rules.iter().any(|rule| matches!(rule.demand, Demand::PortRow(_)));
        let nodes = topologies
            .flat_map(|topology| topology.roles().iter().map(move |node| (topology, *node)))
            .filter(|_| has_rows)
            .map(|(topology, node)| NodeChanges {
                topology,
                node,
                ports: between.ports(&rules, topology, node),
            });
        let (new_policies, gone_policies) = if wanted.policy.is_none() && wanted.includes("policy")
        {
            between.policies()
        } else {
            (Vec::new(), Vec::new())
        };
        Upgrade {
            from,
            to,
            nodes: nodes.collect(),
            new_policies,
            gone_policies,
            rules: rules.iter().flat_map(|rule| between.rule(rule)).collect(),
        }
    }
}

/// The editions that are compared.
#[derive(Debug, Clone, Copy)]
struct Between {
    from: Edition,
    to: Edition,
}

impl Between {
    fn ports(self, rules: &[Rule], topology: Topology, node: NodeRole) -> Vec<PortChange> {
        let mut changes: Vec<PortChange> =
            rules.iter().flat_map(|rule| self.of_rule(rule, topology, node)).collect();
        // Stable, so that the order of the rules stays within each step.
        changes.sort_by_key(PortChange::step);
        changes
    }

    /// The changes of one port. Sources with the same change share one entry.
    fn of_rule(self, rule: &Rule, topology: Topology, node: NodeRole) -> Vec<PortChange> {
        let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
            return Vec::new();
        };
        if !scope.roles.contains(&node) {
            return Vec::new();
        }
        let mut changes: Vec<PortChange> = Vec::new();
        for source in sources(row, topology) {
            let before = grants(row, topology, self.from, source);
            let after = grants(row, topology, self.to, source);
            if before == after {
                continue;
            }
            let same = |known: &&mut PortChange| known.before == before && known.after == after;
            match changes.iter_mut().find(same) {
                Some(known) => known.sources.push(source),
                None => changes.push(PortChange {
                    rule: rule.id.clone(),
                    transport: scope.transport,
                    ports: scope.ports,
                    sources: vec![source],
                    before,
                    after,
                    not_under: row.not_under.clone(),
                    // The reason why a newer edition lacks the port, so only for an upgrade.
                    gone: row.gone.clone().filter(|_| self.from < self.to),
                }),
            }
        }
        changes
    }

    /// The policies that the new edition adds, and those that it removes.
    fn policies(self) -> (Vec<Policy>, Vec<Policy>) {
        let lacking = |of: Edition, other: Edition| {
            let policies = of.policies().iter().copied();
            policies.filter(|policy| !other.policies().contains(policy)).collect()
        };
        (lacking(self.to, self.from), lacking(self.from, self.to))
    }

    fn rule(self, rule: &Rule) -> Vec<RuleChange> {
        let change = |what| RuleChange { rule: rule.id.clone(), what };
        // The changes of the ports already show whether a port is listed.
        let is_row = matches!(rule.demand, Demand::PortRow(_));
        let is_of = |edition| rule.editions.contains(&edition);
        match (is_of(self.from), is_of(self.to)) {
            (true, true) => self.judged(rule).into_iter().map(change).collect(),
            (false, true) if !is_row => vec![change(Judged::New)],
            (true, false) if !is_row => vec![change(Judged::Gone)],
            (false, true) | (true, false) | (false, false) => Vec::new(),
        }
    }

    /// The differences of a rule that both editions have.
    fn judged(self, rule: &Rule) -> Vec<Judged> {
        let mut judged = Vec::new();
        let (before, after) = (rule.severity_in(self.from), rule.severity_in(self.to));
        if before != after {
            judged.push(Judged::Severity { before, after });
        }
        if let Some(limit) = family_limit(rule) {
            let limits = |edition| limit.editions.contains(&edition);
            match (limits(self.from), limits(self.to)) {
                (true, false) => judged.push(Judged::OnBothFamilies(limit.clone())),
                (false, true) => judged.push(Judged::OnOneFamily(limit.clone())),
                (true, true) | (false, false) => {}
            }
        }
        judged
    }
}

impl Wanted {
    fn includes(&self, family: &str) -> bool {
        self.families.is_empty() || self.families.iter().any(|wanted| wanted == family)
    }
}

/// The only address family on which a rule is checked, or on which its port listens.
fn family_limit(rule: &Rule) -> Option<&FamilyLimit> {
    if let Demand::PortRow(row) = &rule.demand {
        return row.listens_on.as_ref();
    }
    rule.families.as_ref()
}

/// All sources that a table of the topology lists, in any edition, in the order of the enum.
fn sources(row: &PortRow, topology: Topology) -> Vec<AllowedFrom> {
    let rows = row.rows.iter().filter(|row| row.topology == topology);
    let mut sources: Vec<AllowedFrom> = rows.flat_map(|row| row.from.clone()).collect();
    sources.sort();
    sources.dedup();
    sources
}

/// The conditions under which `source` may reach the port in this topology and edition.
fn grants(row: &PortRow, topology: Topology, edition: Edition, source: AllowedFrom) -> Vec<Grant> {
    let rows = row.rows.iter();
    rows.filter(|row| row.applies_to(topology, edition) && row.from.contains(&source))
        .map(|row| Grant {
            condition: row.condition,
            engine: row.engine,
            tolerated: row.tolerated.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::deployment::{Condition, Module};
    use crate::model::upgrade::Step;

    fn upgrade(from: Edition, to: Edition) -> Upgrade {
        Ruleset::embedded().upgrade(from, to, &Wanted::default())
    }

    fn change<'a>(upgrade: &'a Upgrade, topology: Topology, rule: &str) -> &'a PortChange {
        let nodes = upgrade.nodes.iter();
        let mut changes =
            nodes.filter(|node| node.topology == topology).flat_map(|node| &node.ports);
        changes.find(|change| change.rule.as_str() == rule).unwrap()
    }

    #[test]
    fn an_edition_changes_nothing_against_itself() {
        for edition in Edition::ALL {
            assert!(upgrade(edition, edition).is_empty(), "{edition}");
        }
    }

    #[test]
    fn the_way_down_undoes_the_way_up() {
        let (up, down) =
            (upgrade(Edition::V3_2, Edition::V3_9), upgrade(Edition::V3_9, Edition::V3_2));
        assert_eq!(up.new_policies, down.gone_policies);
        assert_eq!(up.rules.len(), down.rules.len());
        for (up, down) in up.nodes.iter().zip(&down.nodes) {
            let mut forth: Vec<_> = up.ports.iter().map(|it| (&it.rule, &it.before)).collect();
            let mut back: Vec<_> = down.ports.iter().map(|it| (&it.rule, &it.after)).collect();
            forth.sort_by_key(|(rule, _)| *rule);
            back.sort_by_key(|(rule, _)| *rule);
            assert_eq!(forth, back);
        }
    }

    #[test]
    fn those_whom_a_port_changes_for_in_the_same_way_share_a_change() {
        let upgrade = upgrade(Edition::V3_2, Edition::V3_6);
        let meet = change(&upgrade, Topology::HighAvailability, "ports/master-tcp-9080");
        assert_eq!(meet.sources, [AllowedFrom::Master, AllowedFrom::Media]);
        assert_eq!(
            (meet.step(), meet.before.as_slice(), meet.after.as_slice()),
            (
                Step::Open,
                [].as_slice(),
                [Grant {
                    condition: Some(Condition::Module(Module::OpenviduMeet)),
                    engine: None,
                    tolerated: None,
                }]
                .as_slice()
            )
        );
    }

    #[test]
    fn what_was_tolerated_and_is_demanded_now_is_to_be_opened() {
        let upgrade = upgrade(Edition::V3_2, Edition::V3_9);
        let api = change(&upgrade, Topology::Elastic, "ports/master-tcp-7880");
        assert_eq!(
            (api.step(), api.sources.as_slice()),
            (Step::Open, [AllowedFrom::Media].as_slice())
        );
        assert!(api.before[0].tolerated.is_some());
    }

    #[test]
    fn the_reason_why_a_port_is_gone_is_given_only_for_an_upgrade() {
        let up = upgrade(Edition::V3_2, Edition::V3_9);
        let call = change(&up, Topology::Elastic, "ports/master-tcp-6080");
        assert_eq!(call.step(), Step::Close);
        assert!(call.gone.is_some());
        let down = upgrade(Edition::V3_9, Edition::V3_2);
        let call = change(&down, Topology::Elastic, "ports/master-tcp-6080");
        assert_eq!((call.step(), &call.gone), (Step::Open, &None));
    }

    #[test]
    fn a_condition_that_falls_away_is_to_be_reconsidered() {
        let upgrade = upgrade(Edition::V3_2, Edition::V3_9);
        let turn = change(&upgrade, Topology::SingleNode, "ports/openvidu-tcp-5349");
        assert_eq!(turn.step(), Step::Reconsider);
        assert_eq!(turn.before[0].condition, Some(Condition::TurnDomain));
        assert_eq!(turn.after[0].condition, None);
    }
}
