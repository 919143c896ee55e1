//! `ovcheck check`.

use std::fmt::Write;

use super::report::{self, Outputs};
use super::signals::Interrupts;
use super::terminal::Look;
use super::{Stop, environment, runtime};
use crate::config::value::word_parser;
use crate::config::{self, CheckOptions, Flags};
use crate::exit::ExitStatus;
use crate::model::verdict::Severity;

/// `ovcheck check [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    judging: Judging,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    look: Look,
}

const GATE: &str = "Pass and fail";

/// The flags that decide the exit status.
#[derive(Debug, clap::Args)]
struct Judging {
    /// Lowest severity that makes the run fail
    #[arg(long, value_name = "SEVERITY", default_value_t = Severity::Error,
        value_parser = word_parser::<Severity>(), help_heading = GATE)]
    fail_on: Severity,

    /// Count only proven results; report every other pass or failure as inconclusive
    #[arg(long, help_heading = GATE)]
    require_proof: bool,

    /// Exit with status 0 instead of 3 if the result is incomplete
    #[arg(long, help_heading = GATE)]
    allow_inconclusive: bool,

    /// Minimum share of the required checks that must be settled (0 to 1); below it, exit with
    /// status 3
    ///
    /// Checks that cannot be settled from this machine count as not settled. The minimum also
    /// applies with --allow-inconclusive.
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = GATE)]
    min_coverage: Option<f64>,

    /// Report violations but exit with status 0
    #[arg(long, help_heading = GATE)]
    exit_zero: bool,
}

impl Judging {
    fn options(&self) -> CheckOptions {
        CheckOptions {
            fail_on: self.fail_on,
            require_proof: self.require_proof,
            allow_inconclusive: self.allow_inconclusive,
            min_coverage: self.min_coverage,
            exit_zero: self.exit_zero,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) | Err(_) => Err("must be a number from 0 to 1, such as 0.95".to_owned()),
    }
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

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { flags, judging, outputs, look } = args;
    let runtime = runtime()?;
    let interrupts = runtime.block_on(async { Interrupts::listen() })?;
    outputs.check()?;
    let file = config::find(&flags, &environment)?;
    let config = config::load(&flags, &environment, file.as_ref())?;
    let run = report::of_run(config, judging.options(), look, &interrupts);
    let report = runtime.block_on(run)?;
    outputs.write(&report, look)
}
