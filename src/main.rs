//! The program: parses the command line, runs the subcommand and exits with its status.

#![forbid(unsafe_code)]

use std::panic::catch_unwind;
use std::process::ExitCode;

use ovcheck::cli::{self, Cli};
use ovcheck::exit::ExitStatus;

fn main() -> ExitCode {
    let cli = match Cli::from_process() {
        Ok(cli) => cli,
        Err(refused) => {
            match cli::refused_plugin(&refused).or_else(|| cli::shown_version(&refused)) {
                Some(status) => return status.into(),
                // Includes help, for which clap prints to stdout and exits with 0.
                None => refused.exit(),
            }
        }
    };
    // A panic has already printed its message. The status distinguishes it from a violation.
    catch_unwind(|| cli::run(cli)).unwrap_or(ExitStatus::INTERNAL).into()
}
