//! `ovcheck evaluate`.

use std::path::PathBuf;

use super::Stop;
use super::gating::{self, Gating};
use super::report::Outputs;
use super::sharing::Sharing;
use super::terminal::Look;
use crate::app;
use crate::config::value;
use crate::exit::ExitStatus;
use crate::model::deployment::Edition;
use crate::record;
use crate::ruleset::Ruleset;

/// `ovcheck evaluate RECORDING`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Recording that `ovcheck check --record FILE` wrote
    recording: PathBuf,

    /// Edition of the guide to evaluate it with [default: that of the recording]
    #[arg(long, value_name = "VERSION", value_parser = value::edition)]
    guide: Option<Edition>,

    /// Directory of rule files to evaluate it with [default: the built-in rules]
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
Sends nothing. With the rules and the edition of the recording, the findings are those of the run. With \
others, a check that the run did not make is inconclusive. Certificates are judged for the time of the \
recording, waivers for today.

The exit status is that of `ovcheck check`.";

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let Args { recording, guide, rules, gating, outputs, sharing, look } = args;
    outputs.check()?;
    let ruleset = Ruleset::chosen(rules.as_deref())?;
    // The recording may be another user's: nothing that it names is opened.
    let decisions = gating.read(None)?;
    let path = recording.display().to_string();
    let recording = record::read(recording)?;
    decisions.fit(&recording.deployment.domain)?;
    let mut observed = app::replay(recording, &path, ruleset, *guide)?;
    let files = &mut observed.recording.context.files;
    files.rules = rules.as_ref().map(|rules| rules.display().to_string());
    let report = decisions.apply(app::judge(observed, gating.options()));
    gating::tell_about_waivers(&report);
    outputs.write(&sharing.apply(report), *look)
}
