//! What changed between two reports: for people, and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::page::{Ink, Page};
use super::text::{clean, counted, one_line};
use super::{Style, Verbosity, log_safe};
use crate::model::difference::{Caveat, Change, ChangeKind, Difference, Side, Standing};
use crate::model::stored::{StoredResult, StoredSeverity, StoredVerdict};

/// Writes the difference for people. `exit` is the exit status the program will end with.
///
/// # Errors
/// Those of `out`.
pub fn write(
    difference: &Difference,
    style: &Style,
    exit: u8,
    out: &mut dyn Write,
) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        if style.verbosity != Verbosity::Quiet {
            heading(difference, &mut page)?;
            for kind in KINDS {
                group(difference, kind, style.verbosity, &mut page)?;
            }
        }
        last_line(difference, exit, &mut page)
    })
}

/// In the order of the output.
const KINDS: [ChangeKind; 5] = [
    ChangeKind::Worse,
    ChangeKind::Undecided,
    ChangeKind::Appeared,
    ChangeKind::Disappeared,
    ChangeKind::Better,
];

fn heading(difference: &Difference, page: &mut Page<'_>) -> io::Result<()> {
    let Difference { deployment, old, new, caveats, .. } = difference;
    page.hanging(&[], 0, &clean(deployment))?;
    for (label, side) in [("old", old), ("new", new)] {
        let Side { path, started_at, result } = side;
        let line = format!("{path} · {started_at} · {}", result_word(*result));
        page.hanging(&[(Ink::Faint, label)], 5, &clean(&line))?;
    }
    for caveat in caveats {
        page.hanging(&[(Ink::Caution, "! ")], 2, &clean(&caveat_words(caveat)))?;
    }
    page.blank()
}

fn caveat_words(caveat: &Caveat) -> String {
    match caveat {
        Caveat::OtherVantage { old, new } => format!(
            "the runs are from different places ({old} and {new}), so a difference may be one of the \
             place"
        ),
        Caveat::OtherGuide { old, new } => {
            format!("the runs are judged by different editions of the guide ({old} and {new})")
        }
        Caveat::OtherRules => "the runs are judged by different rules".to_owned(),
        Caveat::OldIsPartial => "the old run was not complete".to_owned(),
        Caveat::NewIsPartial => "the new run was not complete".to_owned(),
        Caveat::Backwards => "the new report is older than the old one".to_owned(),
    }
}

fn group(
    difference: &Difference,
    kind: ChangeKind,
    verbosity: Verbosity,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let of_kind: Vec<&Change> =
        difference.changes.iter().filter(|change| change.kind == kind).collect();
    if of_kind.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Strong, title(kind))])?;
    // New checks that pass are many where a machine is added.
    let is_shown = |change: &&&Change| verbosity == Verbosity::Verbose || !is_quiet(change);
    let shown: Vec<&&Change> = of_kind.iter().filter(is_shown).collect();
    for change in &shown {
        entry(change, page)?;
    }
    let folded = of_kind.len() - shown.len();
    if folded > 0 {
        let words = format!("{} that passed (-v lists them)", counted(folded, "check"));
        page.hanging(&[(Ink::Faint, "  · ")], 4, &words)?;
    }
    page.blank()
}

/// Whether a change is of a check that came or went and passed.
fn is_quiet(change: &Change) -> bool {
    let came_or_went = matches!(change.kind, ChangeKind::Appeared | ChangeKind::Disappeared);
    let passed =
        matches!(change.finding.verdict, StoredVerdict::Pass | StoredVerdict::NotApplicable);
    came_or_went && passed
}

fn title(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Worse => "worse",
        ChangeKind::Undecided => "no longer settled",
        ChangeKind::Appeared => "appeared: the old report has no such check",
        ChangeKind::Disappeared => "disappeared: the new report has no such check",
        ChangeKind::Better => "better",
    }
}

fn entry(change: &Change, page: &mut Page<'_>) -> io::Result<()> {
    let (mark, ink) = match change.kind {
        _ if change.is_worse() => ("  ✗ ", Ink::Bad),
        ChangeKind::Better => ("  ✓ ", Ink::Good),
        ChangeKind::Undecided => ("  ? ", Ink::Doubt),
        ChangeKind::Worse | ChangeKind::Appeared | ChangeKind::Disappeared => ("  · ", Ink::Plain),
    };
    let waived = if change.finding.is_waived() { ", waived" } else { "" };
    let place = format!("{}: {}", change.finding.rule, change.finding.target);
    page.hanging(&[(ink, mark)], 4, &one_line(&clean(&place)))?;
    let from_to = match (change.old, change.new) {
        (Some(old), Some(new)) => format!("{} → {}", standing(old), standing(new)),
        (None, Some(only)) | (Some(only), None) => standing(only).to_owned(),
        (None, None) => String::new(),
    };
    page.hanging(&[], 4, &format!("{from_to}{waived}"))?;
    // The details are in the reports.
    page.hanging(&[], 4, &one_line(&clean(change.finding.seen_in_short())))
}

fn standing(standing: Standing) -> &'static str {
    match (standing.verdict, standing.severity) {
        (StoredVerdict::Pass, _) => "pass",
        (StoredVerdict::Inconclusive, _) => "inconclusive",
        (StoredVerdict::NotApplicable, _) => "not applicable",
        (StoredVerdict::Fail, StoredSeverity::Error) => "error",
        (StoredVerdict::Fail, StoredSeverity::Warning) => "warning",
        (StoredVerdict::Fail, StoredSeverity::Info) => "info",
    }
}

fn last_line(difference: &Difference, exit: u8, page: &mut Page<'_>) -> io::Result<()> {
    let number = |kind| difference.changes.iter().filter(|change| change.kind == kind).count();
    let (word, ink) = match (difference.is_worse(), difference.changes.is_empty()) {
        (true, _) => ("WORSE", Ink::Bad),
        (false, true) => ("SAME", Ink::Good),
        (false, false) => ("NOT WORSE", Ink::Good),
    };
    let parts = [
        (number(ChangeKind::Worse), "worse"),
        (number(ChangeKind::Undecided), "no longer settled"),
        (number(ChangeKind::Appeared), "appeared"),
        (number(ChangeKind::Disappeared), "disappeared"),
        (number(ChangeKind::Better), "better"),
        (difference.unchanged, "unchanged"),
    ];
    let said: Vec<String> = (parts.into_iter())
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    let rest = format!("  {} · exit status {exit}", said.join(", "));
    page.line(&[(ink, word), (Ink::Plain, &rest)])
}

pub(super) fn result_word(result: StoredResult) -> &'static str {
    match result {
        StoredResult::Pass => "PASS",
        StoredResult::Fail => "FAIL",
        StoredResult::Incomplete => "INCOMPLETE",
        StoredResult::Interrupted => "INTERRUPTED",
    }
}

/// Writes the difference as JSON, with a final newline.
///
/// # Errors
/// Those of `out`.
pub fn write_json(difference: &Difference, exit: u8, out: &mut dyn Write) -> io::Result<()> {
    let side = |side: &Side| SideShape {
        path: clean(&side.path),
        started_at: clean(&side.started_at),
        result: result_word(side.result).to_lowercase(),
    };
    let shape = DifferenceShape {
        difference_version: "1.0",
        deployment: clean(&difference.deployment),
        old: side(&difference.old),
        new: side(&difference.new),
        notes: difference.caveats.iter().map(|caveat| clean(&caveat_words(caveat))).collect(),
        worse: difference.is_worse(),
        exit_code: exit,
        unchanged: difference.unchanged,
        changes: difference.changes.iter().map(ChangeShape::new).collect(),
    };
    log_safe::write_json(out, |out| {
        serde_json::to_writer_pretty(&mut *out, &shape)?;
        writeln!(out)
    })
}

/// The JSON of `ovcheck diff`.
#[derive(Serialize)]
struct DifferenceShape {
    difference_version: &'static str,
    deployment: String,
    old: SideShape,
    new: SideShape,
    notes: Vec<String>,
    worse: bool,
    exit_code: u8,
    unchanged: usize,
    changes: Vec<ChangeShape>,
}

#[derive(Serialize)]
struct SideShape {
    path: String,
    started_at: String,
    result: String,
}

#[derive(Serialize)]
struct ChangeShape {
    change: &'static str,
    worse: bool,
    rule: String,
    target: String,
    fingerprint: String,
    old: Option<&'static str>,
    new: Option<&'static str>,
    waived: bool,
    observed: String,
}

impl ChangeShape {
    fn new(change: &Change) -> Self {
        let kind = match change.kind {
            ChangeKind::Worse => "worse",
            ChangeKind::Undecided => "undecided",
            ChangeKind::Appeared => "appeared",
            ChangeKind::Disappeared => "disappeared",
            ChangeKind::Better => "better",
        };
        let finding = &change.finding;
        Self {
            change: kind,
            worse: change.is_worse(),
            rule: clean(&finding.rule),
            target: clean(&finding.target.to_string()),
            fingerprint: clean(&finding.fingerprint),
            old: change.old.map(standing),
            new: change.new.map(standing),
            waived: finding.is_waived(),
            observed: clean(&finding.observed),
        }
    }
}
