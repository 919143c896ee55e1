//! What the history of `ovcheck serve` says about a target: for people, and as JSON.

mod json;

use std::io::{self, Write};

use super::difference::result_word;
use super::page::{Ink, Page};
use super::text::{clean, counted, one_line};
use super::{Style, Verbosity, grid, log_safe};
use crate::model::difference::badness;
use crate::model::history::{
    CertificateSpan, FailingRule, Flapping, MissedRuns, ModuleHistory, PathHistory, RunHead, RunId,
    TargetHistory,
};
use crate::model::stored::StoredResult;
use crate::model::timestamp::Timestamp;

pub use json::{write_json, write_overview_json, write_runs_json};

/// Writes the newest run of each module of each target.
///
/// # Errors
/// Those of `out`.
pub fn write_overview(
    runs: &[(RunId, RunHead)],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        let mut table = grid::new(page.width(), ["target", "module", "result", "at", "run"]);
        for (RunId(id), head) in runs {
            table.add_row([
                head.target.to_string(),
                head.module.to_string(),
                result_word(head.result).to_owned(),
                head.at.to_string(),
                id.to_string(),
            ]);
        }
        grid::put(&table, &mut page)
    })
}

/// Writes runs, the newest first.
///
/// # Errors
/// Those of `out`.
pub fn write_runs(
    runs: &[(RunId, RunHead, bool)],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        let mut table = grid::new(page.width(), ["run", "at", "module", "result", "verdicts"]);
        for (RunId(id), head, is_changed) in runs {
            table.add_row([
                id.to_string(),
                head.at.to_string(),
                head.module.to_string(),
                result_word(head.result).to_owned(),
                (if *is_changed { "changed" } else { "" }).to_owned(),
            ]);
        }
        grid::put(&table, &mut page)
    })
}

/// Writes what is known of a target.
///
/// # Errors
/// Those of `out`.
pub fn write(history: &TargetHistory, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        if style.verbosity != Verbosity::Quiet {
            let TargetHistory { target, since, until, .. } = history;
            page.line(&[
                (Ink::Strong, target.as_str()),
                (Ink::Faint, &format!(" · {since} to {until}")),
            ])?;
            page.blank()?;
            modules(&history.modules, &mut page)?;
            section("fails", &history.failing, &mut page, |failing| {
                (Ink::Bad, "  ✗ ", failing_words(failing))
            })?;
            section("changes often", &history.flapping, &mut page, |flapping| {
                (Ink::Caution, "  ~ ", flapping_words(flapping))
            })?;
            section("certificates", &history.certificates, &mut page, |span| {
                (Ink::Plain, "  · ", certificate_words(span, *until))
            })?;
            section("media paths of calls", &history.paths, &mut page, |path| {
                (Ink::Plain, "  · ", path_words(path))
            })?;
            section("runs missed", &history.missed, &mut page, |missed| {
                (Ink::Caution, "  ! ", missed_words(missed))
            })?;
        }
        last_line(history, &mut page)
    })
}

fn modules(modules: &[ModuleHistory], page: &mut Page<'_>) -> io::Result<()> {
    let header = ["module", "result", "last run", "runs", "verdicts changed"];
    let mut table = grid::new(page.width(), header);
    for module in modules {
        let (_, head) = &module.newest;
        table.add_row([
            module.module.to_string(),
            result_word(head.result).to_owned(),
            head.at.to_string(),
            module.runs.to_string(),
            changed_words(module),
        ]);
    }
    grid::put(&table, page)?;
    page.blank()
}

fn section<T>(
    title: &str,
    entries: &[T],
    page: &mut Page<'_>,
    words: impl Fn(&T) -> (Ink, &'static str, String),
) -> io::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Strong, title)])?;
    for entry in entries {
        let (ink, mark, words) = words(entry);
        page.hanging(&[(ink, mark)], 4, &one_line(&clean(&words)))?;
    }
    page.blank()
}

/// `run 34, 2026-11-12T03:15:00Z`
pub(super) fn changed_words(module: &ModuleHistory) -> String {
    match module.changed {
        Some((RunId(id), at)) => format!("run {id}, {at}"),
        None => "not since the first run in the history".to_owned(),
    }
}

pub(super) fn failing_words(failing: &FailingRule) -> String {
    let FailingRule { module, rule, since, since_run: RunId(run), .. } = failing;
    let earlier = if failing.is_first_known { ", perhaps longer" } else { "" };
    let now = if failing.is_undecided_now { "; the last run could not decide it" } else { "" };
    format!("{rule}: fails since {since} (run {run} of {module}{earlier}){now}")
}

pub(super) fn flapping_words(flapping: &Flapping) -> String {
    let Flapping { module, rule, changes, last, .. } = flapping;
    format!("{rule}: {changes} changes of its verdict within 24 hours, the last {last} ({module})")
}

/// `api, IPv4: expires 2027-02-01, in 62 days; first seen 2026-11-03, a renewal; issuer …`
pub(super) fn certificate_words(span: &CertificateSpan, now: Timestamp) -> String {
    let certificate = &span.certificate;
    let end = certificate.not_after;
    let days = end.seconds_since(now) / (24 * 60 * 60);
    let expires = match (span.is_current, end > now) {
        (true, true) => format!("expires {}, in {}", end.date(), counted_days(days)),
        (true, false) => format!("expired {}", end.date()),
        (false, _) => format!("replaced; seen last {}", span.last_seen.date()),
    };
    let renewal = if span.is_renewal { "renewed" } else { "first seen" };
    let family = if certificate.family == "ipv6" { "IPv6" } else { "IPv4" };
    format!(
        "{}, {family}: {expires}; {renewal} {}; issuer {}",
        certificate.endpoint,
        span.first_seen.date(),
        certificate.issuer
    )
}

fn counted_days(days: i64) -> String {
    counted(usize::try_from(days).unwrap_or_default(), "day")
}

pub(super) fn path_words(path: &PathHistory) -> String {
    let PathHistory { worked, failed, unknown, .. } = path;
    let runs = worked + failed + unknown;
    let share = path.availability().map_or_else(String::new, percent);
    let unknown = match unknown {
        0 => String::new(),
        number => format!(", not known in {number}"),
    };
    let times = match (path.median_ms, path.p95_ms) {
        (Some(median), Some(p95)) => {
            format!("; half of them took at most {median} ms, 95 % at most {p95} ms")
        }
        _ => String::new(),
    };
    format!("{}: worked in {worked} of {runs} runs ({share}){unknown}{times}", path.path)
}

/// A share in percent, never more than it is.
fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1000.0).floor() / 10.0)
}

pub(super) fn missed_words(missed: &MissedRuns) -> String {
    let MissedRuns { module, from, until, missed } = missed;
    let runs = counted(usize::try_from(*missed).unwrap_or(usize::MAX), "run");
    format!("{module}: {runs} between {from} and {until}")
}

fn last_line(history: &TargetHistory, page: &mut Page<'_>) -> io::Result<()> {
    let worst = worst(history);
    let ink = match worst {
        StoredResult::Pass => Ink::Good,
        StoredResult::Fail => Ink::Bad,
        StoredResult::Incomplete | StoredResult::Interrupted => Ink::Caution,
    };
    let runs: u32 = history.modules.iter().map(|module| module.runs).sum();
    let runs = counted(usize::try_from(runs).unwrap_or(usize::MAX), "run");
    let failing = counted(history.failing.len(), "failing rule");
    page.line(&[(ink, result_word(worst)), (Ink::Plain, &format!("  {runs}, {failing}"))])
}

/// The worst of the newest runs.
pub(super) fn worst(history: &TargetHistory) -> StoredResult {
    let results = history.modules.iter().map(|module| module.newest.1.result);
    results.max_by_key(|result| badness(*result)).unwrap_or(StoredResult::Incomplete)
}
