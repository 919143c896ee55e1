//! The first lines: what was judged, by what, from where, and with which settings.

use std::io;

use crate::model::context::RunCommand;
use crate::model::report::Report;
use crate::output::page::{Ink, Page};
use crate::output::{settings, text, vantage, words};

pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let deployment = &report.deployment;
    let is_of_files = report.context.command == RunCommand::Lint;
    let parts = [
        format!("ovcheck {}", report.tool_version),
        if deployment.domain.is_undeclared() {
            "no domain is declared".to_owned()
        } else {
            deployment.domain.to_string()
        },
        format!("{}, {}, guide {}", deployment.topology, deployment.policy, deployment.edition),
        // Files are the same from everywhere.
        if is_of_files { String::new() } else { from(report) },
        format!("{:.2} s", report.duration.as_secs_f64()),
    ];
    // Broken between its parts rather than inside them.
    let mut line = String::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let joined = format!("{line} · {part}");
        if line.is_empty() {
            line = part;
        } else if text::columns(&joined) <= page.width() {
            line = joined;
        } else {
            page.hanging(&[], 0, &line)?;
            line = part;
        }
    }
    page.hanging(&[], 0, &line)?;
    for run in &report.vantages {
        let seconds = run.duration.as_secs_f64();
        let ended = if run.complete { "" } else { ", not complete" };
        let from = vantage::from(&run.vantage);
        let text = format!("{}: {from} · {} · {seconds:.2} s{ended}", run.label, run.started_at);
        page.hanging(&[(Ink::Faint, "  · ")], 4, &text::clean(&text))?;
    }
    settings::write(&report.context, page)?;
    let choice = &report.context.options.edition;
    let of_edition = if is_of_files {
        words::edition::of_files(deployment.edition, choice.by)
    } else {
        words::edition::of_run(deployment.edition, Some(choice.by), &choice.signs)
    };
    of_edition.iter().try_for_each(|words| page.hanging(&[], 0, words))
}

fn from(report: &Report) -> String {
    match report.vantages.len() {
        0 => vantage::from(&report.vantage),
        1 => "from one vantage point".to_owned(),
        many => format!("from {many} vantage points"),
    }
}
