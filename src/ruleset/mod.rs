//! `rules/*.toml` → [`Ruleset`]: embedded, or from a directory (`--rules DIR`).
//!
//! What is written is read into raw tables first, then checked while it becomes the
//! rules of the model, so that every complaint can point at its place. What exists is valid.

mod convert;
mod demand;
mod files;
mod narrow;
mod raw;
mod references;
mod rows;
mod scope;
mod shared;
mod troubles;
mod upgrade;
mod values;

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::complaint::Complaint;
use crate::model::deployment::Deployment;
use crate::model::port::Port;
use crate::model::rule::{NamedEndpoint, Rule, RuleId};
use crate::model::trouble::Trouble;
use files::RuleFile;
pub use narrow::Wanted;

/// Every rule, and the ports that serve as their background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// In the order of the files (dns, http, tls, signal, turn, stun, rtmp, ports, policy) and
    /// within them; in `ports` the rows of the guide come first.
    pub rules: Vec<Rule>,
    /// Names and ports at the proxy, by which rules say where they apply.
    pub endpoints: Vec<NamedEndpoint>,
    pub controls: Controls,
    /// What people report, in the order of `troubles.toml`.
    pub troubles: Vec<Trouble>,
    /// `sha256:` and the digest of all files.
    pub digest: String,
}

/// Ports that no table names: what happens on them tells a firewall from the absence of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls {
    pub udp: Vec<Port>,
    pub tcp: Vec<Port>,
}

impl Ruleset {
    /// The rules that the program carries.
    pub fn embedded() -> Self {
        match Self::from_files(&files::embedded()) {
            Ok(ruleset) => ruleset,
            Err(complaint) => {
                panic!("the rules inside the program are checked by its tests: {complaint}")
            }
        }
    }

    /// The rules of a directory that holds all the files.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and help.
    pub fn from_directory(directory: &Path) -> Result<Self, Complaint> {
        Self::from_files(&files::read(directory)?)
    }

    fn from_files(files: &[RuleFile]) -> Result<Self, Complaint> {
        let mut converted = shared::Converted::default();
        let is_about_troubles = |file: &&RuleFile| file.family() == "troubles";
        for file in files.iter().filter(|file| !is_about_troubles(file)) {
            convert::file(file, &mut converted)?;
        }
        references::check(files, &converted)?;
        let mut troubles = Vec::new();
        // They name rules, which hold together by now.
        for file in files.iter().filter(is_about_troubles) {
            troubles::add(file, &converted.rules, &mut troubles)?;
        }
        Ok(Self {
            rules: converted.rules,
            endpoints: converted.endpoints,
            controls: converted.controls,
            troubles,
            digest: digest(files),
        })
    }

    /// The rule with this id.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == *id)
    }

    /// The troubles whose cause this rule names.
    pub fn troubles_of(&self, rule: &RuleId) -> Vec<&Trouble> {
        let troubles = self.troubles.iter();
        troubles.filter(|trouble| trouble.is_named_by(rule)).collect()
    }

    /// The rules that are demanded of a deployment of this topology, edition, policy and engine.
    pub fn demanded(&self, deployment: &Deployment) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.is_demanded(deployment))
    }
}

/// One digest over the names, lengths and contents of all files, in their fixed order.
fn digest(files: &[RuleFile]) -> String {
    let mut hasher = Sha256::new();
    for file in files {
        for part in [file.name, &file.text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_inside_the_program_are_valid() {
        if let Err(complaint) = Ruleset::from_files(&files::embedded()) {
            panic!("{complaint}");
        }
    }
}
