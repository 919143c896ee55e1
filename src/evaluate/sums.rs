//! Rules that sum up others.

use std::collections::{BTreeSet, HashMap};

use super::declaration;
use super::judgement::Judgement;
use crate::model::name::NodeName;
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::RuleId;
use crate::model::seen::SumSeen;
use crate::model::target::Family;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};

/// All of `rules` pass.
pub(super) fn all_pass(rules: &[RuleId], findings: &[&Finding]) -> Judgement {
    let concerned: Vec<&Finding> =
        findings.iter().copied().filter(|finding| rules.contains(&finding.rule)).collect();
    // What a rule of the list was blocked by is broken for this one too.
    let broken: BTreeSet<RuleId> = concerned
        .iter()
        .filter_map(|finding| match (&finding.blocked_by, finding.verdict) {
            (None, Verdict::Fail(_)) => {
                (!declaration::is_questioned_by(finding)).then(|| finding.rule.clone())
            }
            (Some(blocker), _) => findings
                .iter()
                .any(|other| {
                    other.rule == *blocker
                        && other.is_violation()
                        && !declaration::is_questioned_by(other)
                })
                .then(|| blocker.clone()),
            _ => None,
        })
        .collect();
    if !broken.is_empty() {
        let broken: Vec<RuleId> = broken.into_iter().collect();
        let proven = findings.iter().any(|finding| {
            broken.contains(&finding.rule)
                && finding.verdict == Verdict::Fail(FailConfidence::Proven)
        });
        let seen = SumSeen::Broken(broken.clone());
        return broken_by(proven, ReasonCode::DependsOnBroken, seen).because(broken);
    }
    open_ends(&concerned).unwrap_or_else(|| passed(&concerned))
}

/// As sure as what it follows from.
fn broken_by(proven: bool, reason: ReasonCode, seen: SumSeen) -> Judgement {
    if proven { Judgement::fail(reason, seen) } else { Judgement::suspected(reason, seen) }
}

/// The judgement when some of the rules could not be settled.
fn open_ends(concerned: &[&Finding]) -> Option<Judgement> {
    let kinds: Vec<InconclusiveKind> = concerned
        .iter()
        .filter_map(|finding| match finding.verdict {
            Verdict::Inconclusive(kind) => Some(kind),
            Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => None,
        })
        .collect();
    let kind = if kinds.contains(&InconclusiveKind::Unsettled) {
        InconclusiveKind::Unsettled
    } else {
        *kinds.first()?
    };
    let rules: BTreeSet<&RuleId> = concerned
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Inconclusive(_)))
        .map(|finding| &finding.rule)
        .collect();
    let seen = SumSeen::Unsettled(rules.into_iter().cloned().collect());
    Some(Judgement::inconclusive(kind, ReasonCode::Blocked, seen))
}

fn passed(concerned: &[&Finding]) -> Judgement {
    let passes: Vec<PassConfidence> = concerned
        .iter()
        .filter_map(|finding| match finding.verdict {
            Verdict::Pass(confidence) => Some(confidence),
            Verdict::Fail(_) | Verdict::Inconclusive(_) | Verdict::NotApplicable => None,
        })
        .collect();
    if passes.is_empty() {
        return Judgement::not_applicable(SumSeen::NoneApplies);
    }
    if passes.contains(&PassConfidence::Uncontradicted) {
        Judgement::uncontradicted(SumSeen::AllHold)
    } else {
        Judgement::pass(SumSeen::AllHold)
    }
}

/// What holds over IPv4 holds over IPv6 too, wherever a rule was judged on both.
pub(super) fn families_agree(findings: &[&Finding]) -> Judgement {
    let of = |family: Family| {
        move |finding: &&&Finding| finding.target.address.map(Family::of) == Some(family)
    };
    // A violation may be of one port of a check, where the pass is of the whole.
    let is_same_port = |a: &Finding, b: &Finding| match (a.target.port, b.target.port) {
        (Some(port), Some(other)) => port == other,
        (None, _) | (_, None) => true,
    };
    let same_but_address = |a: &Finding, b: &Finding| {
        a.rule == b.rule
            && a.target.host == b.target.host
            && a.target.node == b.target.node
            && is_same_port(a, b)
    };
    // Large deployments have thousands of findings, and a few for each rule and node.
    let mut of_rule: HashMap<(&RuleId, Option<&NodeName>), Vec<&Finding>> = HashMap::new();
    for v6 in findings.iter().filter(of(Family::V6)) {
        of_rule.entry((&v6.rule, v6.target.node.as_ref())).or_default().push(v6);
    }
    let pairs: Vec<(&Finding, &Finding)> = findings
        .iter()
        .filter(of(Family::V4))
        .flat_map(|v4| {
            of_rule
                .get(&(&v4.rule, v4.target.node.as_ref()))
                .into_iter()
                .flatten()
                .filter(|v6| same_but_address(v4, v6))
                .map(|v6| (*v4, *v6))
        })
        .filter(|(v4, v6)| {
            v4.verdict != Verdict::NotApplicable && v6.verdict != Verdict::NotApplicable
        })
        .collect();
    if pairs.is_empty() {
        return Judgement::not_applicable(SumSeen::OneFamily);
    }
    let differing: Vec<&Finding> = pairs
        .iter()
        .filter(|(v4, v6)| matches!(v4.verdict, Verdict::Pass(_)) && v6.is_violation())
        .map(|(_, v6)| *v6)
        .collect();
    if !differing.is_empty() {
        let rules: BTreeSet<RuleId> = differing.iter().map(|v6| v6.rule.clone()).collect();
        let rules: Vec<RuleId> = rules.into_iter().collect();
        let seen = SumSeen::FamiliesDiffer(rules.clone());
        let proven = differing.iter().any(|v6| v6.verdict == Verdict::Fail(FailConfidence::Proven));
        return broken_by(proven, ReasonCode::FamiliesDiffer, seen).because(rules);
    }
    let sixes: Vec<&Finding> = pairs
        .iter()
        .filter(|(v4, _)| matches!(v4.verdict, Verdict::Pass(_)))
        .map(|(_, v6)| *v6)
        .collect();
    if sixes.is_empty() {
        return Judgement::not_applicable(SumSeen::NothingToCompare);
    }
    open_ends(&sixes).unwrap_or_else(|| passed(&sixes))
}
