//! `rules/*.toml` → [`Ruleset`]: embedded, or from a directory (`--rules DIR`).

use std::path::Path;

use crate::complaint::Complaint;
use crate::model::deployment::{Edition, Policy};
use crate::model::port::Port;
use crate::model::rule::{NamedEndpoint, Rule, RuleId};

/// Every rule, and the ports that serve as their background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// In the order of the files (dns, http, tls, signal, turn, stun, rtmp, ports, policy) and
    /// within them.
    pub rules: Vec<Rule>,
    /// Names and ports at the proxy, by which rules say where they apply.
    pub endpoints: Vec<NamedEndpoint>,
    pub controls: Controls,
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
        unimplemented!("helper C")
    }

    /// The rules of a directory that holds all the files.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and help.
    pub fn from_directory(_directory: &Path) -> Result<Self, Complaint> {
        unimplemented!("helper C")
    }

    /// The rule with this id.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == *id)
    }

    /// The rules that belong to an edition of the guide and are demanded under a policy.
    pub fn demanded(&self, edition: Edition, policy: Policy) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| {
            rule.editions.contains(&edition)
                && (rule.policies.is_empty() || rule.policies.contains(&policy))
        })
    }
}
