//! Rules that sum up others.

use std::collections::BTreeSet;

use super::judgement::Judgement;
use super::words;
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::RuleId;
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
            (None, Verdict::Fail(_)) => Some(finding.rule.clone()),
            (Some(blocker), _) => findings
                .iter()
                .any(|other| other.rule == *blocker && other.is_violation())
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
        let observed = format!("broken: {}", words::list(&broken));
        let judgement = if proven {
            Judgement::fail(ReasonCode::DependsOnBroken, observed)
        } else {
            Judgement::suspected(ReasonCode::DependsOnBroken, observed)
        };
        return judgement.because(broken);
    }
    open_ends(&concerned).unwrap_or_else(|| passed(&concerned))
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
    let rules: Vec<&RuleId> = rules.into_iter().collect();
    Some(Judgement::inconclusive(
        kind,
        ReasonCode::Blocked,
        format!("not settled: {}", words::list(&rules)),
    ))
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
        return Judgement::not_applicable("none of the rules it sums up applies");
    }
    let observed = "all of them hold";
    if passes.contains(&PassConfidence::Uncontradicted) {
        Judgement::uncontradicted(observed)
    } else {
        Judgement::pass(observed)
    }
}

/// What holds over IPv4 holds over IPv6 too, wherever a rule was judged on both.
pub(super) fn families_agree(findings: &[&Finding]) -> Judgement {
    let of = |family: Family| {
        move |finding: &&&Finding| finding.target.address.map(Family::of) == Some(family)
    };
    let same_but_address = |a: &Finding, b: &Finding| {
        a.rule == b.rule
            && a.target.host == b.target.host
            && a.target.node == b.target.node
            && a.target.port == b.target.port
    };
    let pairs: Vec<(&Finding, &Finding)> = findings
        .iter()
        .filter(of(Family::V4))
        .flat_map(|v4| {
            findings
                .iter()
                .filter(of(Family::V6))
                .filter(|v6| same_but_address(v4, v6))
                .map(|v6| (*v4, *v6))
        })
        .filter(|(v4, v6)| {
            v4.verdict != Verdict::NotApplicable && v6.verdict != Verdict::NotApplicable
        })
        .collect();
    if pairs.is_empty() {
        return Judgement::not_applicable("there is only one address family");
    }
    let differing: Vec<&Finding> = pairs
        .iter()
        .filter(|(v4, v6)| matches!(v4.verdict, Verdict::Pass(_)) && v6.is_violation())
        .map(|(_, v6)| *v6)
        .collect();
    if !differing.is_empty() {
        let rules: BTreeSet<RuleId> = differing.iter().map(|v6| v6.rule.clone()).collect();
        let rules: Vec<RuleId> = rules.into_iter().collect();
        let observed = format!("holds over IPv4 and not over IPv6: {}", words::list(&rules));
        let proven = differing.iter().any(|v6| v6.verdict == Verdict::Fail(FailConfidence::Proven));
        let judgement = if proven {
            Judgement::fail(ReasonCode::FamiliesDiffer, observed)
        } else {
            Judgement::suspected(ReasonCode::FamiliesDiffer, observed)
        };
        return judgement.because(rules);
    }
    let sixes: Vec<&Finding> = pairs
        .iter()
        .filter(|(v4, _)| matches!(v4.verdict, Verdict::Pass(_)))
        .map(|(_, v6)| *v6)
        .collect();
    if sixes.is_empty() {
        return Judgement::not_applicable("nothing holds over IPv4 that could be compared");
    }
    open_ends(&sixes).unwrap_or_else(|| passed(&sixes))
}
