//! `ovcheck plan`.

use super::terminal::{Basics, print};
use super::{Stop, environment, runtime, warn};
use crate::app::{self, Interrupt};
use crate::config::{self, Flags};
use crate::exit::ExitStatus;
use crate::output;

/// `ovcheck plan [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = config::SOURCES_HELP)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    /// Show from which machines the whole deployment can be seen, what each adds, and the commands
    #[arg(long)]
    vantages: bool,

    #[command(flatten)]
    look: Basics,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let file = config::find(&args.flags, &environment)?;
    let config = config::load(&args.flags, &environment, file.as_ref())?;
    warn(&config);
    let files = app::Files::read(&config)?;
    let prepared = runtime()?.block_on(async {
        // Ctrl-C ends the program here, because there is no report to save.
        let (_raise, interrupt) = Interrupt::new();
        app::prepare(config, files, &interrupt).await
    })?;
    let style = args.look.of_stdout();
    if args.vantages {
        let viewpoints = prepared.viewpoints();
        print(|out| output::plan_vantages::write(&viewpoints, &prepared.context, &style, out))?;
        return Ok(ExitStatus::SUCCESS);
    }
    print(|out| {
        let seen_from = (&prepared.vantage, &prepared.context, prepared.edition());
        output::plan::write(&prepared.plan, seen_from, &style, out)
    })?;
    Ok(ExitStatus::SUCCESS)
}
