//! `ovcheck call`.

use clap::ValueEnum;

use super::report::{self, Outputs};
use super::signals::Interrupts;
use super::terminal::{Look, OUTPUT, print};
use super::{Stop, environment, runtime};
use crate::config::{self, CheckOptions, Flags};
use crate::exit::ExitStatus;
use crate::output;
use crate::output::call::letter::Recipient;

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
    mut_arg("sweep", |flag| flag.hide(true)),
    mut_arg("allow_large_sweep", |flag| flag.hide(true)),
)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,

    /// Print a letter instead of the report, to whoever can help: this network's administrator (what
    /// to allow) or the operator of the server (what is broken). `--letter=network` and
    /// `--letter=operator` choose one
    #[arg(
        long,
        visible_alias = "for-it",
        value_name = "TO",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "found",
        hide_possible_values = true,
        conflicts_with_all = ["format", "verbose", "quiet"],
        help_heading = OUTPUT
    )]
    letter: Option<LetterTo>,

    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    look: Look,
}

/// To whom a letter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LetterTo {
    /// Whoever can help, as far as that is known
    Found,
    /// The administrator of this network
    Network,
    /// The operator of the server
    Operator,
}

impl From<LetterTo> for Recipient {
    fn from(to: LetterTo) -> Self {
        match to {
            LetterTo::Found => Self::Found,
            LetterTo::Network => Self::NetworkAdministrator,
            LetterTo::Operator => Self::Operator,
        }
    }
}

const AFTER_HELP: &str = "\
What it does:
  \
Joins a room once, as a participant that neither publishes nor subscribes, and sends one \
authenticated check along each of the four media paths. With an API key, the participant is hidden, \
and ovcheck creates a room of its own and deletes it afterwards. With a token, it joins the room of \
the token, hidden if the token has the grant `hidden`; the server closes an empty room after about \
20 seconds. The server reports these events to its webhooks: \
room_started, participant_connection_aborted, room_finished. The command finishes within 8 seconds \
and needs no special privileges.

Exit status:
    0  calls work on at least one media path
    1  calls do not work: no media path works, or the server rejects the join
    2  invalid usage or configuration
    3  this computer could not run the test
    4  internal error, or the report could not be written
  130  interrupted; the partial report was written";

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { flags, letter, outputs, look } = args;
    let runtime = runtime()?;
    let interrupts = runtime.block_on(async { Interrupts::listen() })?;
    outputs.check()?;
    if letter.is_some() {
        outputs.check_stdout_is_free("the letter")?;
    }
    let file = config::find(&flags, &environment)?;
    let config = config::load(&flags, &environment, file.as_ref())?.for_call()?;
    let run = report::of_run(config, CheckOptions::default(), look, &interrupts);
    let report = runtime.block_on(run)?;
    if let Some(to) = letter {
        let status = outputs.write_files(&report, look)?;
        print(|out| output::call::letter::write(&report, to.into(), out))?;
        return Ok(status);
    }
    outputs.write(&report, look)
}
