//! `ovcheck completions`.

use clap_complete::Shell;

use super::terminal::print;
use super::{PROGRAM, Stop, command};
use crate::exit::ExitStatus;

/// `ovcheck completions SHELL`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that reads the completions
    shell: Shell,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), PROGRAM, &mut script);
    print(|out| out.write_all(&script))?;
    Ok(ExitStatus::SUCCESS)
}
