//! `rules/*.toml` → [`Ruleset`]: embedded, or from a directory (`--rules DIR`).
//!
//! A file is first parsed into raw tables, then checked while it is converted into the rules of the
//! model, so that every complaint can point to its place. Every [`Ruleset`] is valid.

mod admission;
mod convert;
mod demand;
mod faces;
mod files;
mod firewall;
mod livekit_keys;
mod narrow;
mod raw;
mod references;
mod rows;
mod scope;
mod search;
mod shared;
mod texts;
mod troubles;
mod upgrade;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::complaint::Complaint;
use crate::model::deployment::{Deployment, Policy};
use crate::model::face::{Face, Intention, IntentionRemedy};
use crate::model::facts::{HttpResponse, ServerText};
use crate::model::front::{HttpFront, KnownFront};
use crate::model::livekit_keys::LivekitKeys;
use crate::model::port::Port;
use crate::model::rule::{
    AllowedFrom, AllowedWays, Demand, NamedEndpoint, RemedyTemplate, Rule, RuleId, Scope, Service,
    Topic,
};
use crate::model::trouble::Trouble;
pub use admission::{admission, closed_ports};
use files::RuleFile;
use firewall::Firewall;
pub use livekit_keys::similar;
pub use narrow::Wanted;

/// All rules, and the control ports with which ovcheck compares the ports of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// In the order of the files (dns, http, tls, signal, turn, stun, rtmp, ports, policy) and
    /// within them; in `ports` the rows of the guide come first.
    pub rules: Vec<Rule>,
    /// Names and ports of the proxy to which rules refer.
    pub endpoints: Vec<NamedEndpoint>,
    /// The media paths that each policy allows.
    pub policies: BTreeMap<Policy, AllowedWays>,
    /// Web servers that forward only HTTP.
    pub fronts: Vec<KnownFront>,
    /// What to do about what answers in the place of LiveKit.
    pub intentions: Vec<IntentionRemedy>,
    /// Who is known to answer in its place, and what they say.
    pub faces: Vec<Face>,
    /// The keys that LiveKit knows in its configuration.
    pub livekit_keys: LivekitKeys,
    pub controls: Controls,
    /// What `ovcheck explain firewall` shows.
    pub firewall: Topic,
    /// What people report, in the order of `troubles.toml`.
    pub troubles: Vec<Trouble>,
    /// `sha256:` and the digest of all files.
    pub digest: String,
}

/// Ports that are in no table. How they respond shows whether a firewall is in place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls {
    pub udp: Vec<Port>,
    pub tcp: Vec<Port>,
    /// TCP ports that even restrictive networks let out.
    pub usual: Vec<Port>,
}

impl Ruleset {
    /// The built-in rules.
    pub fn embedded() -> Self {
        match Self::from_files(&files::embedded()) {
            Ok(ruleset) => ruleset,
            Err(complaint) => {
                panic!("the tests check the built-in rules: {complaint}")
            }
        }
    }

    /// The rules of the directory that was named, otherwise those of the program.
    ///
    /// # Errors
    /// The first mistake in the directory, with file, line and help.
    pub fn chosen(directory: Option<&Path>) -> Result<Self, Complaint> {
        directory.map_or_else(|| Ok(Self::embedded()), Self::from_directory)
    }

    /// The rules of a directory that contains all the files.
    ///
    /// # Errors
    /// The first mistake, with file, line and help.
    pub fn from_directory(directory: &Path) -> Result<Self, Complaint> {
        Self::from_files(&files::read(directory)?)
    }

    fn from_files(files: &[RuleFile]) -> Result<Self, Complaint> {
        let is_of_firewalls = |file: &&RuleFile| file.family() == "firewall";
        let firewall = files.iter().find(is_of_firewalls).expect("all files are there");
        let firewall = Firewall::read(firewall)?;
        let mut converted = shared::Converted::default();
        let is_about_troubles = |file: &&RuleFile| file.family() == "troubles";
        for file in files.iter().filter(|file| !is_about_troubles(file) && !is_of_firewalls(file)) {
            convert::file(file, &firewall, &mut converted)?;
        }
        references::check(files, &converted)?;
        references::check_whole(files, &converted)?;
        let mut troubles = Vec::new();
        // Troubles refer to rules, which are complete and checked at this point.
        for file in files.iter().filter(is_about_troubles) {
            troubles::add(file, &converted.rules, &mut troubles)?;
        }
        Ok(Self {
            rules: converted.rules,
            endpoints: converted.endpoints,
            policies: converted.policies,
            fronts: converted.fronts,
            intentions: converted.intentions,
            faces: converted.faces,
            livekit_keys: converted.livekit_keys,
            controls: converted.controls,
            firewall: firewall.topic()?,
            troubles,
            digest: digest(files),
        })
    }

    /// The rule with this id.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == *id)
    }

    /// The first endpoint of this service.
    pub fn endpoint_of(&self, service: Service) -> Option<&NamedEndpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.service == service)
    }

    /// The port of a service behind the proxy that the tables open to the proxy.
    pub fn port_behind_proxy(&self, deployment: &Deployment, service: Service) -> Option<Port> {
        let port = |rule: &Rule| {
            let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) else {
                return None;
            };
            let mut sources = row.of(deployment).flat_map(|row| &row.from);
            let is_it = row.service == Some(service)
                && scope.roles.contains(&deployment.topology.backend())
                && sources.any(|from| *from == AllowedFrom::ExternalProxy);
            is_it.then(|| scope.ports.single()).flatten()
        };
        self.rules.iter().find_map(port)
    }

    /// The ports of a service behind the proxy, in whatever edition and topology.
    pub fn ports_of(&self, service: Service) -> Vec<Port> {
        let port = |rule: &Rule| match (&rule.demand, &rule.scope) {
            (Demand::PortRow(row), Scope::Ports(scope)) if row.service == Some(service) => {
                scope.ports.single()
            }
            _ => None,
        };
        self.rules.iter().filter_map(port).collect()
    }

    /// The media paths that this policy allows.
    pub fn ways_under(&self, policy: Policy) -> &AllowedWays {
        &self.policies[&policy]
    }

    /// The troubles whose cause this rule detects.
    pub fn troubles_of(&self, rule: &RuleId) -> Vec<&Trouble> {
        let troubles = self.troubles.iter();
        troubles.filter(|trouble| trouble.is_named_by(rule)).collect()
    }

    /// The front with this name in the `Server` header of its answers.
    pub fn front_named(&self, server: &ServerText) -> Option<HttpFront> {
        let name = server.unquoted().to_ascii_lowercase();
        let known = self.fronts.iter().find(|front| name.starts_with(&front.server))?;
        Some(HttpFront { server: server.clone(), kind: known.kind })
    }

    /// The face that this answer shows.
    pub fn face_of(&self, response: &HttpResponse) -> Option<&Face> {
        self.faces.iter().find(|face| face.signs.are_in(response))
    }

    /// What to do about an answer with this intention, or of the face with this id.
    pub fn remedy_for(&self, says: Intention, face: Option<&str>) -> &[RemedyTemplate] {
        let face = self.faces.iter().find(|known| Some(known.id.as_str()) == face);
        let own = face.map(|face| face.remedy.as_slice()).filter(|steps| !steps.is_empty());
        own.unwrap_or_else(|| {
            let of_intention = self.intentions.iter().find(|known| known.says == says);
            of_intention.map_or(&[], |known| &known.steps)
        })
    }

    /// The rules that apply to a deployment of this topology, edition, policy and engine.
    pub fn demanded(&self, deployment: &Deployment) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.is_demanded(deployment))
    }
}

/// A digest of the names, lengths and contents of all files, in their fixed order.
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
    use crate::model::front::FrontKind;

    #[test]
    fn the_rules_inside_the_program_are_valid() {
        if let Err(complaint) = Ruleset::from_files(&files::embedded()) {
            panic!("{complaint}");
        }
    }

    #[test]
    fn a_front_is_known_by_how_its_name_begins() {
        let ruleset = Ruleset::embedded();
        let kind = |server: &str| {
            let front = ruleset.front_named(&ServerText::new(server));
            front.map(|front| front.kind)
        };
        assert_eq!(kind("cloudflare"), Some(FrontKind::ContentDeliveryNetwork));
        assert_eq!(kind("awselb/2.0"), Some(FrontKind::HttpLoadBalancer));
        assert_eq!(kind("Google Frontend"), Some(FrontKind::HttpLoadBalancer));
        assert_eq!(kind("nginx"), None);
        assert_eq!(kind("not cloudflare"), None);
    }
}
