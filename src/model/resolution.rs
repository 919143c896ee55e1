//! Which addresses the names of a deployment have: from the DNS, or from `--resolve`.

use std::net::IpAddr;

use super::dial::Resolve;
use super::facts::{DnsFacts, Facts};
use super::name::DomainName;
use super::observation::{Observation, Outcome};
use super::port::Port;
use super::probe::ProbeSpec;

/// Which addresses the names of a deployment have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    answers: Vec<(DomainName, DnsFacts)>,
    overrides: Vec<Resolve>,
}

impl Resolution {
    /// Takes over what the DNS said and what the operator says instead.
    pub fn new(observations: &[Observation], overrides: Vec<Resolve>) -> Self {
        let answers = observations
            .iter()
            .filter_map(
                |observation| match (&observation.spec, &observation.outcome) {
                    (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts))) => {
                        Some((name.clone(), facts.clone()))
                    }
                    _ => None,
                },
            )
            .collect();
        Self { answers, overrides }
    }

    /// The addresses that the DNS gives for `name`, IPv4 first, each once.
    pub fn in_dns(&self, name: &DomainName) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = self
            .answers
            .iter()
            .filter(|(answered, _)| answered == name)
            .flat_map(|(_, facts)| facts.addresses.iter().copied())
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// The addresses to use for `name` and `port`: the operator's, or else those in the DNS.
    pub fn addresses(&self, name: &DomainName, port: Port) -> Vec<IpAddr> {
        let given = self.overrides.iter().find(|entry| {
            entry.name == *name && entry.port.is_none_or(|given_port| given_port == port)
        });
        match given {
            Some(entry) => entry.addresses.clone(),
            None => self.in_dns(name),
        }
    }
}
