//! Which violations are waived, and what became of each waiver.

use std::collections::HashMap;

use super::{by_rule, nearest};
use crate::model::configuration::IgnoreComment;
use crate::model::report::Finding;
use crate::model::rule::RuleId;
use crate::model::selection::Selection;
use crate::model::timestamp::Date;
use crate::model::verdict::Verdict;
use crate::model::waiver::{Waived, WaivedLine, Waiver, WaiverState, WaiverUse};

/// Marks what is waived on this day. A waiver whose day is over covers nothing.
pub(super) fn apply(
    findings: &mut [Finding],
    waivers: Vec<Waiver>,
    today: Date,
    selection: &Selection,
) -> Vec<WaiverUse> {
    for finding in findings.iter_mut().filter(|finding| finding.is_violation()) {
        let holds = |waiver: &&Waiver| !waiver.is_expired(today) && waiver.has_reason();
        let by = waivers.iter().filter(holds).find(|waiver| waiver.is_for(finding));
        let waived = by.map(|by| Waived { by: by.clone(), follows_from: None });
        finding.standing.waived = waived;
    }
    loop {
        let found = consequences(findings);
        if found.is_empty() {
            break;
        }
        for (index, waived) in found {
            findings[index].standing.waived = Some(waived);
        }
    }
    (waivers.into_iter())
        .map(|waiver| {
            let state = match state_of(&waiver, findings, today) {
                WaiverState::NoSuchCheck if may_be_left_out(&waiver, selection) => {
                    WaiverState::NotSelected
                }
                state => state,
            };
            WaiverUse { waiver, state }
        })
        .collect()
}

/// A comment in a configuration file as a waiver without an end.
pub(super) fn by_comment(comment: &IgnoreComment) -> Waiver {
    let file = comment.at.file.clone();
    Waiver {
        place: [file.unquoted(), ":", &comment.at.line.to_string()].concat(),
        fingerprint: None,
        rule: comment.rule.unquoted().parse().ok(),
        target: None,
        reason: comment.reason.unquoted().to_owned(),
        owner: None,
        until: Date::LAST,
        line: Some(WaivedLine { file, number: comment.line }),
    }
}

/// Whether the run may not have been asked about what a waiver is for.
fn may_be_left_out(waiver: &Waiver, selection: &Selection) -> bool {
    match &waiver.rule {
        Some(rule) => !selection.takes(rule),
        None => !selection.is_everything(),
    }
}

/// The violations that follow only from violations that are waived: who accepts the cause accepts them.
fn consequences(findings: &[Finding]) -> Vec<(usize, Waived)> {
    if !findings.iter().any(Finding::is_waived) {
        return Vec::new();
    }
    let broken = by_rule(findings, Finding::is_violation);
    let follows = |(index, finding): (usize, &Finding)| {
        if !finding.is_violation() || finding.is_waived() || finding.because.is_empty() {
            return None;
        }
        let causes = finding.because.iter().map(|rule| waiver_of_cause(&broken, finding, rule));
        let mut causes = causes.collect::<Option<Vec<Waived>>>()?.into_iter();
        Some((index, causes.next()?))
    };
    findings.iter().enumerate().filter_map(follows).collect()
}

/// The waiver of the violations of `rule` from which `finding` follows, if all of them have one.
fn waiver_of_cause(
    broken: &HashMap<&RuleId, Vec<&Finding>>,
    finding: &Finding,
    rule: &RuleId,
) -> Option<Waived> {
    let others = broken.get(rule)?.iter().filter(|other| !std::ptr::eq(**other, finding));
    let others: Vec<&Finding> = others.copied().collect();
    let waived = nearest(&others, finding).map(|cause| cause.standing.waived.as_ref());
    let all = waived.collect::<Option<Vec<&Waived>>>()?;
    let by = all.first()?.by.clone();
    Some(Waived { by, follows_from: Some(rule.clone()) })
}

fn state_of(waiver: &Waiver, findings: &[Finding], today: Date) -> WaiverState {
    if waiver.is_expired(today) {
        return WaiverState::Expired;
    }
    if !waiver.has_reason() {
        return WaiverState::WithoutReason;
    }
    let meant: Vec<&Finding> = findings.iter().filter(|finding| waiver.is_for(finding)).collect();
    let covered = meant.iter().filter(|finding| finding.is_violation()).count();
    let is_open = meant.iter().any(|finding| matches!(finding.verdict, Verdict::Inconclusive(_)));
    match (covered, is_open, meant.is_empty()) {
        (0, true, _) => WaiverState::NotSettled,
        (0, false, true) => WaiverState::NoSuchCheck,
        (0, false, false) => WaiverState::Unneeded,
        (some, ..) => WaiverState::Applied(some),
    }
}
