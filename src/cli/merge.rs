//! `ovcheck merge`.

use std::path::PathBuf;
use std::time::Duration;

use super::Stop;
use super::gating::{self, Gating};
use super::report::Outputs;
use super::sharing::Sharing;
use super::terminal::Look;
use super::waiting;
use crate::app;
use crate::complaint::{Complaint, Place};
use crate::config::value;
use crate::exit::ExitStatus;
use crate::model::deployment::Edition;
use crate::model::recording::Recording;
use crate::model::responder::ResponderRecord;
use crate::record::{self, Likeness, Part};
use crate::ruleset::Ruleset;

/// `ovcheck merge RECORDING RECORDING…`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Recordings that `ovcheck check --record FILE` wrote on different machines, and files that `ovcheck
    /// listen --output FILE` wrote on nodes
    #[arg(required = true, value_name = "RECORDING")]
    recordings: Vec<PathBuf>,

    /// How far apart in time the recordings may have been made, such as 30m or 6h
    #[arg(long, value_name = "TIME", value_parser = waiting::duration, default_value = "1h")]
    max_apart: Duration,

    /// Edition of the guide to evaluate them with [default: that of the recordings]
    #[arg(long, value_name = "VERSION", value_parser = value::edition)]
    guide: Option<Edition>,

    /// Directory of rule files to evaluate them with [default: the built-in rules]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,

    #[command(flatten)]
    gating: Gating,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    sharing: Sharing,
    #[command(flatten)]
    look: Look,
}

const AFTER_HELP: &str = "\
Sends nothing. The file of a responder (ovcheck listen) tells what became of the probes of a check that could \
not hear its answers; the recording of that check must be among the files. Each recording is evaluated by itself, and checks that ask the same are then one: a violation \
that any machine saw stays a violation, and what any machine settled is settled. Each finding says from where \
it was seen. Checks that no machine made are listed with the machine that would make them, and lower the \
coverage.

The exit status is that of `ovcheck check`.";

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let Args { recordings, max_apart, guide, rules, gating, outputs, sharing, look } = args;
    outputs.check()?;
    let ruleset = Ruleset::chosen(rules.as_deref())?;
    // The recordings may be other users': nothing that they name is opened.
    let decisions = gating.read(None)?;
    let (mut files, responders) = parts(recordings)?;
    // A responder's file is something to merge, too.
    if files.len() != 1 || responders.is_empty() {
        let likeness = Likeness { max_apart: *max_apart, one_guide: guide.is_some() };
        record::fit_together(&files, likeness)?;
    }
    record::fill_in(&mut files, &responders)?;
    for (_, recording) in &files {
        decisions.fit(&recording.deployment.domain)?;
    }
    let runs = files.into_iter().map(|(path, recording)| {
        let mut observed = app::replay(recording, &path, ruleset.clone(), *guide)?;
        observed.recording.context.files.rules =
            rules.as_ref().map(|rules| rules.display().to_string());
        Ok(observed)
    });
    let runs = runs.collect::<Result<_, Complaint>>()?;
    let report = decisions.apply(app::judge_together(runs, gating.options()));
    gating::tell_about_waivers(&report);
    outputs.write(&sharing.apply(report), *look)
}

/// The recordings, and the files of responders, each with its path.
#[expect(clippy::type_complexity, reason = "two lists of the same shape")]
fn parts(
    paths: &[PathBuf],
) -> Result<(Vec<(String, Recording)>, Vec<(String, ResponderRecord)>), Complaint> {
    let (mut runs, mut responders) = (Vec::new(), Vec::new());
    for path in paths {
        let shown = path.display().to_string();
        match record::read_part(path)? {
            Part::Run(run) => runs.push((shown, *run)),
            Part::Responder(record) => responders.push((shown, record)),
        }
    }
    if runs.is_empty()
        && let Some((path, _)) = responders.first()
    {
        let alone = Complaint::new("there is no recording of a check", Place::Path(path.clone()));
        return Err(
            alone.with_help("name one that `ovcheck check --responder NODE --record FILE` wrote")
        );
    }
    Ok((runs, responders))
}
