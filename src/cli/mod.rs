//! The command line: one file per subcommand. Only here and in `main` something is printed.

mod call;
mod check;
mod demo;
mod explain;
mod files;
mod plan;
mod progress;
mod report;
mod rules;
mod schema;
mod signals;
mod terminal;

use std::fmt::Display;
use std::io::Write;

use clap::{Parser, Subcommand};

use crate::complaint::Complaint;
use crate::exit::ExitStatus;

/// Network diagnostics and compliance checks for OpenVidu deployments behind an external proxy
#[derive(Debug, Parser)]
#[command(name = "ovcheck", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at a deployment and judge it by the guide
    Check(Box<check::Args>),
    /// Tell by which ways a call gets through from here, and what stops the others
    ///
    /// For whoever wants to have a call behind a restrictive firewall: it needs the domain and an
    /// access token, and no knowledge of the deployment.
    Call(Box<call::Args>),
    /// Print what a check would look at, and what it would leave out and why
    ///
    /// Sends nothing but the DNS questions for the names of the deployment.
    Plan(Box<plan::Args>),
    /// Print what a rule demands, why, and what to do when it is broken
    ///
    /// Asked with what people say of calls that fail ("waiting for media", 701), it prints the causes
    /// that are known, and the rules that name them.
    Explain(explain::Args),
    /// List the rules, or what another edition of the guide changes in them
    ///
    /// The rows of the port tables are listed by topology and node: who may reach which port, and
    /// when that is needed. `--diff 3.2 3.9` says what an upgrade from OpenVidu 3.2 to 3.9 changes
    /// in the firewalls. Sends nothing.
    Rules(rules::Args),
    /// Print the JSON schema of a format
    Schema(schema::Args),
    /// Check a small deployment inside this program, on loopback
    Demo(demo::Args),
}

/// Why a subcommand ended without doing its work.
enum Stop {
    /// What a person wrote cannot be so.
    Complaint(Complaint),
    /// Something failed that nobody wrote: completes "failed to …".
    Trouble(String),
}

impl From<Complaint> for Stop {
    fn from(complaint: Complaint) -> Self {
        Self::Complaint(complaint)
    }
}

impl Stop {
    /// For `map_err`: what was being done, and what went wrong.
    fn trouble<E: Display>(doing: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::Trouble(format!("{doing}: {error}"))
    }
}

/// Does what the command line says.
pub fn run(cli: Cli) -> ExitStatus {
    let ended = match cli.command {
        Command::Check(args) => check::run(*args),
        Command::Call(args) => call::run(*args),
        Command::Plan(args) => plan::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Demo(args) => demo::run(&args),
    };
    match ended {
        Ok(status) => status,
        Err(Stop::Complaint(complaint)) => {
            tell(complaint);
            ExitStatus::USAGE
        }
        Err(Stop::Trouble(what)) => {
            tell(format_args!("error: failed to {what}"));
            ExitStatus::INTERNAL
        }
    }
}

/// Writes a line for people, to stderr.
fn tell(text: impl Display) {
    if writeln!(std::io::stderr(), "{text}").is_err() {
        // Nobody is left to be told; the exit status still speaks.
    }
}

/// The variables of the environment. One that is not UTF-8 is taken with its odd characters
/// replaced, so that it is refused as what it is and not passed over.
fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|text| text.to_string_lossy().into_owned())
}

/// The runtime of a run.
fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Stop::trouble("start the threads of a run"))
}
