//! Where drafts and probes are found without looking at all of them: a deployment of hundreds of
//! addresses has thousands of the one and tens of thousands of the other.

use std::collections::HashMap;
use std::net::IpAddr;

use super::draft::{Draft, Wanted};
use crate::model::plan::ProbeIndex;
use crate::model::probe::ProbeSpec;
use crate::model::rule::RuleId;

/// The drafts of each rule, by the address that they are about.
pub(super) struct Needs<'a>(HashMap<&'a RuleId, OfRule>);

#[derive(Default)]
struct OfRule {
    all: Vec<usize>,
    by_address: HashMap<Option<IpAddr>, Vec<usize>>,
}

impl<'a> Needs<'a> {
    pub fn new(drafts: &'a [Draft<'a>]) -> Self {
        let mut rules: HashMap<&RuleId, OfRule> = HashMap::new();
        for (place, draft) in drafts.iter().enumerate() {
            let of_rule = rules.entry(&draft.rule.id).or_default();
            of_rule.all.push(place);
            of_rule.by_address.entry(draft.target.address).or_default().push(place);
        }
        Self(rules)
    }

    /// The places of the drafts that may have to pass before this one, in their order: those of the
    /// rules that it needs, about its address or about none.
    pub fn candidates(&self, draft: &Draft<'_>) -> Vec<usize> {
        let mut candidates = Vec::new();
        for of_rule in draft.rule.needs.iter().filter_map(|rule| self.0.get(rule)) {
            match draft.target.address {
                Some(address) => {
                    let keys = [Some(address), None];
                    let places = keys.iter().filter_map(|key| of_rule.by_address.get(key));
                    candidates.extend(places.flatten());
                }
                None => candidates.extend(&of_rule.all),
            }
        }
        candidates.sort_unstable();
        candidates
    }
}

/// The places of probes in a plan.
#[derive(Default)]
pub(super) struct Places<'a> {
    of_probes: HashMap<&'a ProbeSpec, usize>,
    of_udp: HashMap<IpAddr, usize>,
    of_responders: HashMap<IpAddr, usize>,
}

impl<'a> Places<'a> {
    pub fn new(probes: &'a [ProbeSpec]) -> Self {
        let mut places = Self::default();
        for (place, probe) in probes.iter().enumerate() {
            if let ProbeSpec::Udp { address, .. } = probe {
                places.of_udp.insert(*address, place);
            }
            if let ProbeSpec::Responder { address, .. } = probe {
                places.of_responders.insert(*address, place);
            }
            places.of_probes.entry(probe).or_insert(place);
        }
        places
    }

    /// The place of what a check wants.
    pub fn of(&self, wanted: &Wanted) -> ProbeIndex {
        let place = match wanted {
            Wanted::Probe(spec) => self.of_probes.get(spec),
            Wanted::Udp(wanted) => self.of_udp.get(&wanted.address),
            Wanted::Responder(address, ..) => self.of_responders.get(address),
        };
        ProbeIndex(*place.expect("every wanted probe was collected"))
    }
}
