//! Which of several vantages saw what.

use super::seen;
use crate::model::report::Finding;
use crate::model::vantage::Zone;
use crate::model::vantages::Sighting;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};
use crate::output::text::{clean, list};

/// Of more vantages than these only the number is told.
const SHOWN: usize = 6;

/// `from media-1 and media-2; from internet: no answer (inconclusive)`. `None` in a report that was
/// made from one place.
pub(super) fn seen_from(finding: &Finding) -> Option<String> {
    let is_same = |sighting: &&Sighting| {
        (sighting.verdict, sighting.reason) == (finding.verdict, finding.reason)
    };
    let same = finding.sightings.iter().filter(is_same);
    let same: Vec<String> = same.map(|sighting| clean(&sighting.vantage)).collect();
    let mut parts = Vec::new();
    match same.len() {
        0 => {}
        1..=SHOWN => parts.push(format!("from {}", list(&same))),
        many => parts.push(format!("from {many} vantage points, such as {}", same[0])),
    }
    let mut others: Vec<(String, Vec<String>)> = Vec::new();
    // What does not apply to a machine, such as its own ports, says nothing of the finding.
    let says_something = |sighting: &&Sighting| sighting.verdict != Verdict::NotApplicable;
    let differing = finding.sightings.iter().filter(|sighting| !is_same(sighting));
    for sighting in differing.filter(says_something) {
        let words = format!("{} ({})", seen(&sighting.seen).summary, verdict(sighting.verdict));
        match others.iter_mut().find(|(known, _)| *known == words) {
            Some((_, from)) => from.push(clean(&sighting.vantage)),
            None => others.push((words, vec![clean(&sighting.vantage)])),
        }
    }
    let others = others.into_iter().map(|(words, from)| format!("from {}: {words}", list(&from)));
    parts.extend(others);
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass(PassConfidence::Proven) => "pass, proven",
        Verdict::Pass(PassConfidence::Uncontradicted) => "pass, no evidence against",
        Verdict::Fail(FailConfidence::Proven) => "violation, proven",
        Verdict::Fail(FailConfidence::Suspected) => "violation, suspected",
        Verdict::Inconclusive(InconclusiveKind::Unsettled) => "not settled",
        Verdict::Inconclusive(InconclusiveKind::VantageLimit) => "cannot be settled from there",
        Verdict::NotApplicable => "not applicable there",
    }
}

/// For whom a port must be open or closed.
pub(in crate::output) fn asking(zone: Option<Zone>) -> &'static str {
    match zone {
        None => "this machine",
        Some(Zone::Internet) => "the internet",
        Some(Zone::ExternalProxy) => "the proxy",
        Some(Zone::Master) => "Master Nodes",
        Some(Zone::Media) => "Media Nodes",
        Some(Zone::OwnNode) => "the OpenVidu machine",
    }
}
