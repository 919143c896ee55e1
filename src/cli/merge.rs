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
use crate::complaint::Complaint;
use crate::config::value;
use crate::exit::ExitStatus;
use crate::model::deployment::Edition;
use crate::model::recording::Recording;
use crate::record::{self, Likeness};
use crate::ruleset::Ruleset;

/// `ovcheck merge RECORDING RECORDING…`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Recordings that `ovcheck check --record FILE` wrote on different machines
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
Sends nothing. Each recording is evaluated by itself, and checks that ask the same are then one: a violation \
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
    let files = recordings.iter().map(|path| Ok((path.display().to_string(), record::read(path)?)));
    let files: Vec<(String, Recording)> = files.collect::<Result<_, Complaint>>()?;
    record::fit_together(&files, Likeness { max_apart: *max_apart, one_guide: guide.is_some() })?;
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
