//! The part of a ruleset that a user selects.

use super::Ruleset;
use crate::model::deployment::{Edition, NodeRole, Policy, Topology};
use crate::model::rule::{Demand, PortScope, Rule, Scope};

/// The selection. A field without a value selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub topology: Option<Topology>,
    pub edition: Option<Edition>,
    pub policy: Option<Policy>,
    /// Empty: all of them.
    pub families: Vec<String>,
}

impl Ruleset {
    /// The selected rules, each without the parts for other topologies and editions.
    pub fn narrowed(&self, wanted: &Wanted) -> Vec<Rule> {
        let rules = self.rules.iter();
        rules.filter_map(|rule| wanted.part_of(rule)).collect()
    }

    /// The families of the rules, in their order.
    pub fn families(&self) -> Vec<&str> {
        let mut families: Vec<&str> = self.rules.iter().map(|rule| rule.id.family()).collect();
        families.dedup();
        families
    }
}

impl Wanted {
    /// The selected part of the rule. `None` if nothing remains.
    fn part_of(&self, rule: &Rule) -> Option<Rule> {
        let family = rule.id.family();
        if !self.families.is_empty() && !self.families.iter().any(|wanted| wanted == family) {
            return None;
        }
        let mut part = rule.clone();
        if let Some(edition) = self.edition {
            part.severity = rule.severity_in(edition);
            part.severity_in.clear();
            part.editions.retain(|of_rule| *of_rule == edition);
        }
        if let Some(policy) = self.policy {
            if !rule.policies.is_empty() && !rule.policies.contains(&policy) {
                return None;
            }
            part.policies.retain(|of_rule| *of_rule == policy);
            if let Some(severity) = rule.severity_under.get(&policy) {
                part.severity = *severity;
                part.severity_in.clear();
            }
            part.severity_under.clear();
        }
        self.narrow_scope(&mut part)?;
        self.narrow_rows(&mut part)?;
        (!part.editions.is_empty()).then_some(part)
    }

    fn narrow_scope(&self, part: &mut Rule) -> Option<()> {
        let has = |role: &NodeRole| {
            (self.topology).is_none_or(|topology| topology.roles().contains(role))
        };
        match &mut part.scope {
            Scope::Ports(PortScope { roles, .. }) | Scope::Machines(roles) => {
                roles.retain(has);
                (!roles.is_empty()).then_some(())
            }
            Scope::Deployment | Scope::Names(_) | Scope::Endpoints(_) | Scope::AllNodes { .. } => {
                Some(())
            }
        }
    }

    fn narrow_rows(&self, part: &mut Rule) -> Option<()> {
        let Demand::PortRow(row) = &mut part.demand else {
            return Some(());
        };
        if let Some(policy) = self.policy {
            if row.not_under.contains(&policy) {
                return None;
            }
            row.not_under.clear();
        }
        row.rows.retain(|row| self.topology.is_none_or(|topology| row.topology == topology));
        if let Some(edition) = self.edition {
            for row in &mut row.rows {
                row.editions.retain(|of_row| *of_row == edition);
            }
            row.rows.retain(|row| !row.editions.is_empty());
        }
        let first = row.rows.first()?;
        part.source = first.source.clone();
        let named = |edition: &Edition| row.rows.iter().any(|row| row.editions.contains(edition));
        part.editions.retain(named);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(wanted: &Wanted) -> Vec<String> {
        let rules = Ruleset::embedded().narrowed(wanted);
        rules.iter().map(|rule| rule.id.to_string()).collect()
    }

    #[test]
    fn an_empty_selection_returns_every_rule() {
        let ruleset = Ruleset::embedded();
        assert_eq!(ruleset.narrowed(&Wanted::default()), ruleset.rules);
    }

    #[test]
    fn a_topology_leaves_the_nodes_of_others_out() {
        let wanted = Wanted {
            topology: Some(Topology::SingleNode),
            families: vec!["ports".to_owned()],
            ..Wanted::default()
        };
        let ids = ids(&wanted);
        assert!(ids.contains(&"ports/openvidu-tcp-7880".to_owned()));
        assert!(ids.contains(&"ports/proxy-tcp-443".to_owned()));
        let of_others = ["ports/master", "ports/media"];
        assert!(!ids.iter().any(|id| of_others.iter().any(|it| id.starts_with(it))));
    }

    #[test]
    fn an_edition_leaves_the_rows_of_others_out() {
        let wanted = Wanted {
            topology: Some(Topology::Elastic),
            edition: Some(Edition::V3_9),
            ..Wanted::default()
        };
        let rules = Ruleset::embedded().narrowed(&wanted);
        let id = "ports/master-tcp-7880";
        let rule = rules.iter().find(|rule| rule.id.as_str() == id).unwrap();
        let Demand::PortRow(row) = &rule.demand else {
            panic!("{id} is not a row");
        };
        let sections = row.rows.iter().map(|row| row.source.section.as_str());
        assert_eq!(sections.collect::<Vec<_>>(), ["Elastic / Port Rules / Master Node"; 2]);
        assert_eq!(rule.editions, [Edition::V3_9]);
        assert!(!rules.iter().any(|rule| rule.id.as_str() == "ports/master-tcp-6080"));
    }

    #[test]
    fn a_policy_leaves_out_what_it_does_not_judge() {
        let ids = ids(&Wanted { policy: Some(Policy::Udp443), ..Wanted::default() });
        let has = |id: &str| ids.iter().any(|known| known == id);
        assert!(has("ports/media-udp-443") && has("policy/media-range-closed"));
        assert!(!has("ports/media-tcp-7881") && !has("policy/udp-443-closed"));
    }
}
