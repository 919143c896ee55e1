//! The program: reads the command line, does what it says, ends with its exit status.

#![forbid(unsafe_code)]

use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::Parser;
use ovcheck::cli::{self, Cli};
use ovcheck::exit::ExitStatus;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Also help and version: clap knows what goes to stdout and ends with 0.
        Err(refused) => refused.exit(),
    };
    // A mistake of ours has printed its message already; the status tells it from a violation.
    catch_unwind(|| cli::run(cli)).unwrap_or(ExitStatus::INTERNAL).into()
}
