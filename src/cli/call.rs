//! `ovcheck call`.

use super::report::{self, Outputs};
use super::terminal::{Look, OUTPUT, print};
use super::{Stop, environment, runtime};
use crate::config::{self, CheckOptions, Flags};
use crate::exit::ExitStatus;
use crate::output;

/// `ovcheck call DOMAIN`
#[derive(Debug, clap::Args)]
#[command(
    after_help = AFTER_HELP,
    mut_arg("topology", |flag| flag.hide(true)),
    mut_arg("guide", |flag| flag.hide(true)),
    mut_arg("rtc_engine", |flag| flag.hide(true)),
    mut_arg("uses", |flag| flag.hide(true)),
    mut_arg("enabled_modules", |flag| flag.hide(true)),
    mut_arg("rules", |flag| flag.hide(true)),
    mut_arg("private_address", |flag| flag.hide(true)),
    mut_arg("deadline", |flag| flag.hide(true)),
    mut_arg("hold", |flag| flag.hide(true)),
    mut_arg("udp_rate", |flag| flag.hide(true)),
    mut_arg("find_extent", |flag| flag.hide(true)),
)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,

    /// Write a text for the administrator of this network instead: what was tried, and what is
    /// asked for
    #[arg(long, conflicts_with_all = ["format", "verbose", "quiet"], help_heading = OUTPUT)]
    for_it: bool,

    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    look: Look,
}

const AFTER_HELP: &str = "\
What it does:
  It joins a room once, as a hidden participant who neither sends nor receives, and sends one
  authenticated check down each of the four ways that sound and picture can take. With an API key
  the room has a name of its own, and is deleted in the end; with a token it is the token's, and the
  server ends it about 20 s later. The server tells its webhooks of the room: room_started,
  participant_connection_aborted, room_finished. It ends within 8 s, and needs no special rights.

Exit status:
    0  a call gets through, by at least one way
    1  it does not: no way works, or nobody is let in
    2  wrong usage or configuration
    3  this machine could not look
    4  internal error, or the report could not be written
  130  interrupted";

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { flags, for_it, outputs, look } = args;
    outputs.check()?;
    let file = config::find(&flags, &environment)?;
    let config = config::load(&flags, &environment, file.as_ref())?.for_call()?;
    let options = CheckOptions::default();
    let report = runtime()?.block_on(report::of_run(config, options, look))?;
    if for_it {
        let status = outputs.write_files(&report, look)?;
        print(|out| output::call::for_it::write(&report, out))?;
        return Ok(status);
    }
    outputs.write(&report, look)
}
