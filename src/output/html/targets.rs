//! The targets of `ovcheck serve` as one HTML file.

use std::io::{self, Write};

use askama::Template;

use super::{Mark, STYLE, content_security_policy};
use crate::output::log_safe;
use crate::output::shown::{ResultWord, ShownReport};
use crate::output::text::clean;

/// A module of a target, and its last run.
pub struct TargetRow<'a> {
    pub target: &'a str,
    pub domain: &'a str,
    pub module: &'a str,
    pub last: LastRun<'a>,
}

/// What is known of a module of a target.
pub enum LastRun<'a> {
    None,
    Report(&'a RunLine),
    /// It could not run, for this reason.
    Refused(String),
}

/// What the page tells of a report.
pub struct RunLine {
    result: ResultWord,
    detail: String,
}

impl RunLine {
    pub fn of(report: &ShownReport) -> Self {
        let detail = format!("{}, {}", report.run.started_at, report.numbers());
        Self { result: report.summary.result, detail }
    }
}

#[derive(Template)]
#[template(path = "targets.html")]
struct Page<'a> {
    style: &'static str,
    policy: String,
    version: &'static str,
    result: Mark,
    links: TargetLinks,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    target: &'a str,
    domain: &'a str,
    module: &'a str,
    /// `None`: there is no run yet.
    result: Option<Mark>,
    detail: String,
    has_report: bool,
}

/// What the page leads to, beside reports.
#[derive(Debug, Clone, Copy)]
pub struct TargetLinks {
    /// Each target has a page of its history.
    pub has_history: bool,
    /// There is a page for users, and so there are visits.
    pub has_visits: bool,
}

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn write_targets(
    rows: &[TargetRow<'_>],
    links: TargetLinks,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut worst = ResultWord::Pass;
    let mut shown = Vec::with_capacity(rows.len());
    for TargetRow { target, domain, module, last } in rows {
        let (result, detail, has_report) = match last {
            LastRun::None => (None, "no run yet".to_owned(), false),
            LastRun::Report(RunLine { result, detail }) => {
                worst = worse(worst, *result);
                (Some(Mark::of_result(*result)), detail.clone(), true)
            }
            LastRun::Refused(why) => {
                worst = worse(worst, ResultWord::Incomplete);
                (Some(Mark::of_result(ResultWord::Incomplete)), clean(why), false)
            }
        };
        shown.push(Row { target, domain, module, result, detail, has_report });
    }
    if rows.iter().all(|row| matches!(row.last, LastRun::None)) {
        worst = ResultWord::Incomplete;
    }
    let page = Page {
        style: STYLE,
        policy: content_security_policy(),
        version: env!("CARGO_PKG_VERSION"),
        result: Mark::of_result(worst),
        links,
        rows: shown,
    };
    let page = page.render().map_err(io::Error::other)?;
    log_safe::write_text(out, |out| out.write_all(page.as_bytes()))
}

/// A violation is worse than what is not known.
fn worse(one: ResultWord, other: ResultWord) -> ResultWord {
    let badness = |result| match result {
        ResultWord::Pass => 0,
        ResultWord::Interrupted | ResultWord::Incomplete => 1,
        ResultWord::Fail => 2,
    };
    if badness(other) > badness(one) { other } else { one }
}
