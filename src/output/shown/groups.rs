//! Findings of one rule that ended for the same reason, told together.

use super::types::{ShownAge, ShownFinding, ShownRemedy, ShownReport, ShownVerdict};
use crate::model::verdict::Severity;

/// Findings of one rule with the same verdict, confidence, severity and reason, in their order.
#[derive(Debug)]
pub struct Group<'a> {
    pub findings: Vec<&'a ShownFinding>,
}

/// A place, its addresses, and what was seen there.
#[derive(Debug)]
pub struct SeenAt<'a> {
    pub place: String,
    pub addresses: Vec<&'a str>,
    pub observed: &'a str,
}

/// A remedy, and the places that it is for.
#[derive(Debug)]
pub struct PlacesWithRemedy<'a> {
    pub places: Vec<String>,
    /// The nodes that the findings are about.
    pub nodes: Vec<&'a str>,
    pub remedy: &'a ShownRemedy,
}

impl SeenAt<'_> {
    /// `openvidu UDP 443 (203.0.113.20, 2001:db8::20)`.
    pub fn where_words(&self) -> String {
        if self.addresses.is_empty() {
            return self.place.clone();
        }
        format!("{} ({})", self.place, self.addresses.join(", "))
    }
}

impl<'a> Group<'a> {
    /// The finding whose texts stand for all of them.
    pub fn first(&self) -> &'a ShownFinding {
        self.findings[0]
    }

    /// Each place with what was seen there; families that saw the same share an entry.
    pub fn seen(&self) -> Vec<SeenAt<'a>> {
        let mut seen: Vec<SeenAt<'a>> = Vec::new();
        for finding in &self.findings {
            let place = finding.place();
            let address = finding.target.address.as_deref();
            let known =
                (seen.iter_mut()).find(|at| at.place == place && at.observed == finding.observed);
            match known {
                Some(at) => at.addresses.extend(address),
                None => seen.push(SeenAt {
                    place,
                    addresses: address.into_iter().collect(),
                    observed: &finding.observed,
                }),
            }
        }
        seen
    }

    /// Each different remedy, with the places that it is for.
    pub fn remedies(&self) -> Vec<PlacesWithRemedy<'a>> {
        let mut remedies: Vec<PlacesWithRemedy<'a>> = Vec::new();
        for finding in &self.findings {
            let Some(remedy) = &finding.remedy else { continue };
            let (place, node) = (finding.full_place(), finding.target.node.as_deref());
            match remedies.iter_mut().find(|known| known.remedy == remedy) {
                Some(known) => {
                    known.places.push(place);
                    known.nodes.extend(node.filter(|node| !known.nodes.contains(node)));
                }
                None => remedies.push(PlacesWithRemedy {
                    places: vec![place],
                    nodes: node.into_iter().collect(),
                    remedy,
                }),
            }
        }
        remedies
    }

    fn takes(&self, finding: &ShownFinding) -> bool {
        key(self.first()) == key(finding)
    }
}

impl ShownReport {
    /// All findings with this verdict.
    pub fn with_verdict(&self, verdict: ShownVerdict) -> impl Iterator<Item = &ShownFinding> {
        self.findings.iter().filter(move |finding| finding.verdict == verdict)
    }

    /// The violations, the most severe first; those that are waived come last.
    pub fn violations(&self) -> Vec<Group<'_>> {
        let mut groups = grouped(self.with_verdict(ShownVerdict::Fail));
        groups.sort_by_key(|group| {
            let finding = group.first();
            (finding.waiver.is_some(), std::cmp::Reverse(finding.severity))
        });
        groups
    }

    /// What could not be decided.
    pub fn undecided(&self) -> Vec<Group<'_>> {
        grouped(self.with_verdict(ShownVerdict::Inconclusive))
    }

    /// Whether this violation makes the run fail.
    pub fn fails_the_run(&self, finding: &ShownFinding) -> bool {
        let gate = &self.summary.gate;
        finding.verdict == ShownVerdict::Fail
            && finding.severity >= gate.fail_on
            && finding.waiver.is_none()
            && !(gate.only_new && finding.age == Some(ShownAge::Known))
    }

    /// The violations of this severity that are not waived.
    pub fn violations_of(&self, severity: Severity) -> impl Iterator<Item = &ShownFinding> {
        self.with_verdict(ShownVerdict::Fail)
            .filter(move |finding| finding.severity == severity && finding.waiver.is_none())
    }
}

/// What the findings of a group have in common.
fn key(finding: &ShownFinding) -> impl PartialEq + '_ {
    (
        (&finding.rule, &finding.reason_code, &finding.blocked_by),
        (finding.verdict, finding.severity, finding.confidence, finding.inconclusive_kind),
        (&finding.waiver, finding.age, finding.excused),
    )
}

fn grouped<'a>(findings: impl Iterator<Item = &'a ShownFinding>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|group| group.takes(finding)) {
            Some(group) => group.findings.push(finding),
            None => groups.push(Group { findings: vec![finding] }),
        }
    }
    groups
}
