//! `ovcheck check`.

use std::fmt::Write;

use super::gating::{self, Gating};
use super::report::{self, Outputs};
use super::signals::Interrupts;
use super::terminal::Look;
use super::{Stop, environment, runtime};
use crate::complaint::Complaint;
use crate::config::{self, Flags};
use crate::exit::ExitStatus;
use crate::model::report::Report;

/// `ovcheck check [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    gating: Gating,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    look: Look,
}

fn after_help() -> String {
    let mut text = String::from("Exit status:\n");
    for (status, meaning) in ExitStatus::TABLE {
        writeln!(text, "  {:>3}  {meaning}", status.code())
            .expect("a string takes everything that is written to it");
    }
    text.push_str("  If several apply, 130 takes precedence over 1, and 1 over 3.\n\n");
    text.push_str(config::SOURCES_HELP);
    text
}

impl Args {
    /// Checks that the report only goes to files.
    ///
    /// # Errors
    /// When a format goes to stdout.
    pub fn stdout_is_for(&self, what: &str) -> Result<(), Complaint> {
        self.outputs.check_stdout_is_free(what)
    }
}

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    run_then(args, |report, outputs, look| outputs.write(report, look))
}

/// Makes the run, and ends as `finish` does with its report.
pub fn run_then(
    args: Args,
    finish: impl FnOnce(&Report, &Outputs, Look) -> Result<ExitStatus, Stop>,
) -> Result<ExitStatus, Stop> {
    let Args { flags, gating, outputs, look } = args;
    let runtime = runtime()?;
    let interrupts = runtime.block_on(async { Interrupts::listen() })?;
    outputs.check()?;
    let file = config::find(&flags, &environment)?;
    let config = config::load(&flags, &environment, file.as_ref())?;
    let decisions = gating.read(config.config_file.as_deref())?;
    decisions.fit(&config.deployment.domain)?;
    let run = report::of_run(config, gating.options(), look, &interrupts);
    let report = decisions.apply(runtime.block_on(run)?);
    gating::tell_about_waivers(&report);
    finish(&report, &outputs, look)
}
