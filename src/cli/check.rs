//! `ovcheck check`.

use std::fmt::Write;

use super::report::{self, Outputs};
use super::terminal::Look;
use super::{Stop, environment, runtime};
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

const GATE: &str = "What the exit status says";

/// The flags that decide the exit status.
#[derive(Debug, clap::Args)]
struct Judging {
    /// The mildest severity that fails the run
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = GATE)]
    fail_on: Severity,

    /// Count only what is proven; everything else is inconclusive, pass and fail alike
    #[arg(long, help_heading = GATE)]
    require_proof: bool,

    /// Let an incomplete run pass: 0 instead of 3
    #[arg(long, help_heading = GATE)]
    allow_inconclusive: bool,

    /// The least share of the demanded checks that has to be settled, 0 to 1; below it: 3
    ///
    /// Counts the checks that nobody could settle from here too, and holds with
    /// --allow-inconclusive as well.
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = GATE)]
    min_coverage: Option<f64>,

    /// Show violations and let them pass: 0 instead of 1
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
        Ok(_) | Err(_) => Err("write a share from 0 to 1, such as 0.95".to_owned()),
    }
}

fn after_help() -> String {
    let mut text = String::from("Exit status:\n");
    for (status, meaning) in ExitStatus::TABLE {
        writeln!(text, "  {:>3}  {meaning}", status.code())
            .expect("a string takes everything that is written to it");
    }
    text.push_str("  1 goes before 3, 130 before both.\n\n");
    text.push_str(config::SOURCES_HELP);
    text
}

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { flags, judging, outputs, look } = args;
    outputs.check()?;
    let file = config::find(&flags, &environment)?;
    let config = config::load(&flags, &environment, file.as_ref())?;
    let report = runtime()?.block_on(report::of_run(config, judging.options(), look))?;
    outputs.write(&report, look)
}
