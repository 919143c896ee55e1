//! The history of a target of `ovcheck serve` as one HTML file. Pictures are SVG in the page; each has its words beside it.

use std::io::{self, Write};

use askama::Template;

use super::{Mark, STYLE, content_security_policy};
use crate::model::history::{
    ModuleHistory, PathHistory, ResultCounts, RunHead, RunId, TargetHistory,
};
use crate::model::timestamp::Timestamp;
use crate::output::history as words;
use crate::output::log_safe;
use crate::output::text::{clean, counted, one_line};

/// The height of a picture of results.
const HEIGHT: f64 = 8.0;

/// The size of a picture of times.
const WIDTH: f64 = 600.0;
const LINE_HEIGHT: f64 = 100.0;

#[derive(Template)]
#[template(path = "history.html")]
struct Page<'a> {
    style: &'static str,
    policy: String,
    version: &'static str,
    result: Mark,
    target: &'a str,
    since: String,
    until: String,
    modules: Vec<Module>,
    sections: Vec<Section>,
    paths: Vec<Path>,
    changes: Vec<Change>,
}

struct Module {
    name: String,
    runs: String,
    newest: i64,
    at: String,
    result: Mark,
    changed: String,
    words: String,
    columns: Vec<Vec<Bar>>,
}

/// A part of a column, from the top.
struct Bar {
    class: &'static str,
    at: usize,
    top: f64,
    height: f64,
}

struct Section {
    id: &'static str,
    title: &'static str,
    entries: Vec<String>,
}

struct Path {
    words: String,
    range: String,
    longest: u64,
    points: String,
}

impl Path {
    fn has_line(&self) -> bool {
        !self.points.is_empty()
    }
}

struct Change {
    id: i64,
    at: String,
    module: String,
    result: Mark,
}

/// Writes the page. `changes`: runs of the target, of which those that changed verdicts are shown.
///
/// # Errors
/// Those of `out`.
pub fn write_history(
    history: &TargetHistory,
    changes: &[(RunId, RunHead, bool)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let TargetHistory { target, since, until, .. } = history;
    let changes = changes.iter().filter(|(_, _, is_changed)| *is_changed);
    let page = Page {
        style: STYLE,
        policy: content_security_policy(),
        version: env!("CARGO_PKG_VERSION"),
        result: Mark::of_stored(words::worst(history)),
        target: target.as_str(),
        since: since.date(),
        until: until.date(),
        modules: history.modules.iter().map(module).collect(),
        sections: sections(history),
        paths: history.paths.iter().map(|it| path(it, *since, *until)).collect(),
        changes: changes.map(|(id, head, _)| change(*id, head)).collect(),
    };
    let page = page.render().map_err(io::Error::other)?;
    log_safe::write_text(out, |out| out.write_all(page.as_bytes()))
}

fn change(RunId(id): RunId, head: &RunHead) -> Change {
    Change {
        id,
        at: head.at.to_string(),
        module: head.module.to_string(),
        result: Mark::of_stored(head.result),
    }
}

fn sections(history: &TargetHistory) -> Vec<Section> {
    let section = |id, title, entries: Vec<String>| Section {
        id,
        title,
        entries: entries.iter().map(|entry| one_line(&clean(entry))).collect(),
    };
    let TargetHistory { failing, flapping, certificates, missed, until, .. } = history;
    let certificates = certificates.iter().map(|it| words::certificate_words(it, *until));
    let mut sections = vec![
        section("failing", "Fails", failing.iter().map(words::failing_words).collect()),
        section("flapping", "Changes often", flapping.iter().map(words::flapping_words).collect()),
        section("certificates", "Certificates", certificates.collect()),
        section("missed", "Runs missed", missed.iter().map(words::missed_words).collect()),
    ];
    sections.retain(|section| !section.entries.is_empty());
    sections
}

fn module(module: &ModuleHistory) -> Module {
    let (RunId(newest), head) = &module.newest;
    let sum = |count: fn(&ResultCounts) -> u32| module.trend.iter().map(count).sum::<u32>();
    let (passed, failed) = (sum(|it| it.passed), sum(|it| it.failed));
    let incomplete = sum(|it| it.incomplete);
    Module {
        name: module.module.to_string(),
        runs: counted(usize::try_from(module.runs).unwrap_or(usize::MAX), "run"),
        newest: *newest,
        at: head.at.to_string(),
        result: Mark::of_stored(head.result),
        changed: words::changed_words(module),
        words: format!("{passed} passed, {failed} failed, {incomplete} incomplete"),
        columns: module.trend.iter().enumerate().map(|(at, part)| bars(at, part)).collect(),
    }
}

/// A column: the share of each result of its part of the time.
fn bars(at: usize, part: &ResultCounts) -> Vec<Bar> {
    let all = part.passed + part.failed + part.incomplete;
    let mut top = 0.0;
    let counts = [("bad", part.failed), ("doubt", part.incomplete), ("good", part.passed)];
    let mut bars = Vec::new();
    for (class, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        let height = HEIGHT * f64::from(count) / f64::from(all);
        bars.push(Bar { class, at, top, height });
        top += height;
    }
    bars
}

fn path(path: &PathHistory, since: Timestamp, until: Timestamp) -> Path {
    let longest = path.times.iter().map(|(_, ms)| *ms).max().unwrap_or_default().max(1);
    let shortest = path.times.iter().map(|(_, ms)| *ms).min().unwrap_or_default();
    let length = until.seconds_since(since).max(1) as f64;
    let points = path.times.iter().map(|(at, ms)| {
        let x = WIDTH * at.seconds_since(since) as f64 / length;
        let y = LINE_HEIGHT - LINE_HEIGHT * *ms as f64 / longest as f64;
        format!("{x:.1},{y:.1}")
    });
    let points: Vec<String> = points.collect();
    Path {
        words: one_line(&clean(&words::path_words(path))),
        range: format!("from {shortest} to {longest} ms"),
        longest,
        // A single run is no line.
        points: if points.len() > 1 { points.join(" ") } else { String::new() },
    }
}
