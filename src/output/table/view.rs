//! Findings sorted into paragraphs: one cause, one paragraph. Nothing is judged here, and every
//! finding that is a violation or inconclusive has exactly one place.

use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::RuleId;
use crate::model::verdict::{FailConfidence, Severity, Verdict};
use crate::output::place;

/// What is not a plain pass.
#[derive(Debug, Default)]
pub struct View<'a> {
    /// Worst first.
    pub violations: Vec<Paragraph<'a>>,
    /// Inconclusive for a reason of their own, in the order of the plan.
    pub doubts: Vec<Paragraph<'a>>,
}

/// Findings that are told together.
#[derive(Debug)]
pub struct Paragraph<'a> {
    pub head: &'a Finding,
    /// Findings that say the same of other addresses, names or ports.
    pub equals: Vec<&'a Finding>,
    /// Violations that follow from this one.
    pub also_broken: Vec<&'a Finding>,
    /// Inconclusive because of this one.
    pub not_judged: Vec<&'a Finding>,
}

impl<'a> Paragraph<'a> {
    fn new(head: &'a Finding) -> Self {
        Self { head, equals: Vec::new(), also_broken: Vec::new(), not_judged: Vec::new() }
    }

    /// The findings it is about, without those that follow from them.
    pub fn members(&self) -> impl Iterator<Item = &'a Finding> {
        std::iter::once(self.head).chain(self.equals.iter().copied())
    }

    /// The worst of it and of what follows from it.
    fn severity(&self) -> Severity {
        let following = self.also_broken.iter().map(|finding| finding.severity);
        following.fold(self.head.severity, Severity::max)
    }

    /// Whether it doubts the place from which everything was looked at, or an address.
    pub fn is_of_our_place(&self) -> bool {
        matches!(
            self.head.reason,
            ReasonCode::AddressSilent | ReasonCode::WayOutUnknown | ReasonCode::AcceptedForOthers
        )
    }

    fn is_suspected(&self) -> bool {
        self.head.verdict == Verdict::Fail(FailConfidence::Suspected)
    }
}

impl<'a> View<'a> {
    /// Sorts the findings.
    pub fn of(findings: &'a [Finding]) -> Self {
        let mut paragraphs: Vec<Paragraph<'a>> = Vec::new();
        let mut following = Vec::new();
        for (index, finding) in findings.iter().enumerate() {
            if !is_violation_or_doubt(finding) {
                continue;
            }
            if let Some(root) = root(findings, index) {
                following.push((finding, &findings[root]));
                continue;
            }
            match paragraphs.iter_mut().find(|p| tells_the_same(p, finding)) {
                Some(paragraph) => paragraph.equals.push(finding),
                None => paragraphs.push(Paragraph::new(finding)),
            }
        }
        for (finding, root) in following {
            let paragraph = (paragraphs.iter_mut())
                .find(|p| p.members().any(|member| std::ptr::eq(member, root)))
                .expect("a root follows from nothing, so that it is a member of a paragraph");
            if finding.is_violation() {
                paragraph.also_broken.push(finding);
            } else {
                paragraph.not_judged.push(finding);
            }
        }
        let (mut violations, doubts): (Vec<_>, Vec<_>) =
            paragraphs.into_iter().partition(|p| p.head.is_violation());
        violations.sort_by_key(|p| (std::cmp::Reverse(p.severity()), p.is_suspected()));
        Self { violations, doubts }
    }
}

/// The rules of these findings, each once.
pub fn rules<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<&'a RuleId> {
    let mut rules = Vec::new();
    for finding in findings {
        if !rules.contains(&&finding.rule) {
            rules.push(&finding.rule);
        }
    }
    rules
}

fn is_violation_or_doubt(finding: &Finding) -> bool {
    match finding.verdict {
        Verdict::Fail(_) | Verdict::Inconclusive(_) => true,
        Verdict::Pass(_) | Verdict::NotApplicable => false,
    }
}

/// The finding that this one follows from in the end; `None` when it stands for itself.
fn root(findings: &[Finding], start: usize) -> Option<usize> {
    let mut way = vec![start];
    let mut at = start;
    while let Some(next) = cause(findings, at) {
        if way.contains(&next) {
            // A circle has no beginning: everybody in it is told apart.
            return None;
        }
        way.push(next);
        at = next;
    }
    (at != start).then_some(at)
}

/// The finding that this one names as its cause: of the same target where there is one.
fn cause(findings: &[Finding], at: usize) -> Option<usize> {
    let finding = &findings[at];
    let named: &[RuleId] = match finding.verdict {
        Verdict::Fail(_) => &finding.because,
        Verdict::Inconclusive(_) => finding.blocked_by.as_slice(),
        Verdict::Pass(_) | Verdict::NotApplicable => &[],
    };
    let explains = |other: &Finding| {
        named.contains(&other.rule)
            // What fails the run is not told under something that does not.
            && (finding.is_waived() || !finding.is_violation() || !other.is_waived())
            && (other.is_violation() || (is_violation_or_doubt(other) && !finding.is_violation()))
    };
    (findings.iter().enumerate())
        .filter(|(index, other)| *index != at && explains(other))
        .min_by_key(|(index, other)| {
            let elsewhere = !other.target.agrees_with(&finding.target);
            let other_machine = other.target.node != finding.target.node;
            (elsewhere, !other.is_violation(), other_machine, *index)
        })
        .map(|(index, _)| index)
}

/// Whether `finding` adds nothing to the paragraph but a place, or a port of the same machine.
fn tells_the_same(paragraph: &Paragraph<'_>, finding: &Finding) -> bool {
    let head = paragraph.head;
    let same_reading = head.verdict == finding.verdict && head.reason == finding.reason;
    let same_sight = head.seen == finding.seen && head.sightings == finding.sightings;
    if head.asked_from() != finding.asked_from() {
        return false;
    }
    if !head.is_violation() {
        // What keeps us from judging is our affair, whatever the rule.
        return same_reading && same_sight;
    }
    if !same_reading || head.severity != finding.severity || head.standing != finding.standing {
        return false;
    }
    let (one, other) = (&head.target, &finding.target);
    if head.rule == finding.rule && (same_sight || place::name(one) == place::name(other)) {
        return true;
    }
    // Several ports of one machine that are wrong in the same way: a firewall, most likely.
    head.rule.family() == finding.rule.family()
        && one.node.is_some()
        && one.node == other.node
        && (&one.host, &other.host) == (&None, &None)
        && one.port.is_some()
        && other.port.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::{InconclusiveKind, PassConfidence};

    const FAIL: Verdict = Verdict::Fail(FailConfidence::Proven);
    const OPEN: Verdict = Verdict::Inconclusive(InconclusiveKind::Unsettled);

    /// The rules of each paragraph, those that follow from it after an arrow.
    fn told(findings: &[Finding]) -> Vec<String> {
        let view = View::of(findings);
        let rules = |findings: Vec<&Finding>| {
            let rules: Vec<String> = findings.iter().map(|f| f.rule.to_string()).collect();
            rules.join(" ")
        };
        (view.violations.iter().chain(&view.doubts))
            .map(|p| {
                let following = [p.also_broken.clone(), p.not_judged.clone()].concat();
                format!("{} ← {}", rules(p.members().collect()), rules(following))
            })
            .collect()
    }

    #[test]
    fn every_violation_and_every_doubt_is_told_once() {
        let findings = [
            Finding::example("a/one", FAIL, "192.0.2.1", &[]),
            Finding::example("a/one", FAIL, "2001:db8::1", &[]),
            Finding::example("a/passes", Verdict::Pass(PassConfidence::Proven), "192.0.2.1", &[]),
            Finding::example("a/idle", Verdict::NotApplicable, "192.0.2.1", &[]),
            Finding::example("b/sums-up", FAIL, "192.0.2.1", &["a/one"]),
            Finding::example("b/blocked", OPEN, "192.0.2.1", &["a/one"]),
            Finding::example("c/blocked-twice", OPEN, "192.0.2.1", &["b/blocked"]),
            Finding::example("d/open", OPEN, "192.0.2.1", &[]),
            Finding::example("d/open-too", OPEN, "192.0.2.1", &[]),
            Finding::example("e/blocked-by-a-pass", OPEN, "192.0.2.1", &["a/passes"]),
        ];
        assert_eq!(
            told(&findings),
            [
                "a/one a/one ← b/sums-up b/blocked c/blocked-twice",
                "d/open d/open-too e/blocked-by-a-pass ← ",
            ]
        );
    }

    #[test]
    fn a_violation_never_hides_behind_a_doubt() {
        let findings = [
            Finding::example("a/open", OPEN, "192.0.2.1", &[]),
            Finding::example("b/broken", FAIL, "192.0.2.1", &["a/open"]),
        ];
        assert_eq!(told(&findings), ["b/broken ← ", "a/open ← "]);
    }
}
