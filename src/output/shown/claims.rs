//! Where a file declares what a finding is about.

use super::types::{ShownFinding, ShownLocation, ShownReport};

/// A place in the deployment file, or in a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// `None`: there is no deployment file; flags or variables declared everything.
    pub file: Option<&'a str>,
    /// `None`: a flag or a variable declared it, or it is not declared.
    pub line: Option<u32>,
    /// Of a place in a configuration file: its first column, and the one behind its last.
    pub columns: Option<(u32, u32)>,
}

impl ShownReport {
    /// The place in a configuration file that has to be changed; else the line that declares what the finding is about: its node, else the TURN domain, else the
    /// domain. What follows from the policy is claimed by its line.
    pub fn claim_of<'a>(&'a self, finding: &'a ShownFinding) -> Claim<'a> {
        if let Some(at) = finding.locations.first() {
            let ShownLocation { file, line, column, width } = at;
            let columns = Some((*column, column.saturating_add(*width)));
            return Claim { file: Some(file), line: Some(*line), columns };
        }
        let file = self.files_read.config.as_deref();
        let line = self.files_read.config_lines.as_ref().and_then(|lines| {
            let of_node = finding.target.node.as_ref().and_then(|node| {
                lines.nodes.iter().find(|known| known.node == *node).map(|known| known.line)
            });
            let host = finding.target.host.as_ref();
            let is_turn = host.is_some() && host == self.deployment.turn_domain.as_ref();
            let by_family = match finding.family() {
                "policy" => lines.policy,
                "ruleset" => lines.guide,
                _ => None,
            };
            let by_name = if is_turn { lines.turn_domain } else { None };
            by_family.or(by_name).or(of_node).or(lines.domain)
        });
        Claim { file, line, columns: None }
    }
}

impl ShownReport {
    /// The role of the node that a finding is about.
    pub fn role_of(&self, finding: &ShownFinding) -> Option<&str> {
        let name = finding.target.node.as_ref()?;
        let mut nodes = self.deployment.nodes.iter();
        nodes.find(|node| node.name == *name).map(|node| node.role.as_str())
    }
}
