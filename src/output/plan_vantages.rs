//! From which machines the whole of a deployment is seen: `ovcheck plan --vantages`.

use std::io::{self, Write};

use crate::model::context::RunContext;
use crate::model::vantages::{Contribution, Question, Standpoint, Viewpoints};

use super::page::{Ink, Page};
use super::text::{counted, list};
use super::words::plan as words;
use super::{Style, Verbosity, place};

/// Writes which machines are needed, what each adds, and the command to run there.
///
/// # Errors
/// Those of `out`.
pub fn write(
    viewpoints: &Viewpoints,
    context: &RunContext,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Viewpoints { needed, others, left_out } = viewpoints;
    let mut page = Page::new(style, out);
    if style.verbosity != Verbosity::Quiet {
        for contribution in needed {
            machine(contribution, context, style.verbosity, &mut page)?;
        }
        if needed.len() > 1 {
            page.line(&[(Ink::Strong, "then, on one of them")])?;
            let files: Vec<String> = needed.iter().map(|it| file(&it.standpoint)).collect();
            page.verbatim(4, &format!("ovcheck merge {}", files.join(" ")))?;
            page.blank()?;
        }
        if !others.is_empty() {
            let names: Vec<String> = others.iter().map(words::standpoint).collect();
            let text = format!(
                "{} would make no other check. Firewall rules often name each machine: run ovcheck \
                 there as well to see whether they let it in.",
                list(&names)
            );
            page.hanging(&[(Ink::Faint, "· ")], 2, &text)?;
        }
        for item in super::table::left_out_in_words(left_out) {
            page.hanging(&[(Ink::Faint, "· not tested from any machine: ")], 2, &item)?;
        }
        page.blank()?;
    }
    let checks = needed.iter().map(|it| it.questions.len()).sum();
    let machines = counted(needed.len(), "machine");
    page.line(&[(Ink::Plain, &format!("{machines}, {}", counted(checks, "check")))])
}

fn machine(
    contribution: &Contribution,
    context: &RunContext,
    verbosity: Verbosity,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let Contribution { standpoint, questions } = contribution;
    let checks = counted(questions.len(), "check");
    page.edges(&[(Ink::Strong, &name(standpoint))], (Ink::Faint, &checks))?;
    for (direction, label) in [("demand", "services"), ("open", "open"), ("closed", "closed")] {
        let of_it = || questions.iter().filter(|question| question.direction == direction);
        let text = match (of_it().next().is_some(), direction, verbosity) {
            (false, ..) => continue,
            (_, "open", _) | (_, _, Verbosity::Verbose) => places(of_it()),
            _ => counted(of_it().count(), "check"),
        };
        let label = format!("  {label:<10}");
        page.hanging(&[(Ink::Faint, &label)], 12, &text)?;
    }
    let settings = match &context.files.config {
        Some(file) => format!("--config {file}"),
        None => "…".to_owned(),
    };
    page.verbatim(4, &format!("ovcheck check {settings} --record {}", file(standpoint)))?;
    page.blank()
}

/// Each place once: `media-1 TCP 7880, turn.example.io:443`.
fn places<'a>(questions: impl Iterator<Item = &'a Question>) -> String {
    let mut names: Vec<String> = Vec::new();
    for question in questions {
        let name = place::name(&question.target);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn name(standpoint: &Standpoint) -> String {
    match standpoint {
        Standpoint::Internet => "a machine on the internet".to_owned(),
        Standpoint::Machine(_) => words::standpoint(standpoint),
    }
}

/// The file for the recording of a machine.
fn file(standpoint: &Standpoint) -> String {
    match standpoint {
        Standpoint::Internet => "internet.rec".to_owned(),
        Standpoint::Machine(_) => format!("{}.rec", words::standpoint(standpoint)),
    }
}
