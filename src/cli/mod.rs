//! The command line, with one file per subcommand. Only this module and `main` print.

mod call;
mod check;
mod completions;
#[cfg(feature = "demo")]
mod demo;
mod diff;
mod evaluate;
mod examples;
mod explain;
mod files;
mod firewall;
mod format;
mod gating;
mod history;
mod host;
mod icinga;
mod init;
mod lint;
mod listen;
mod man;
mod merge;
mod plan;
mod progress;
mod proxy_config;
mod render;
mod report;
mod rules;
mod schema;
mod serve;
mod sharing;
mod signals;
mod summary;
mod terminal;
mod via;
mod visit;
mod waiting;
mod waive;

use std::fmt::Display;
use std::io::Write;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::complaint::Complaint;
use crate::config::RunConfig;
use crate::exit::ExitStatus;
use crate::output;
use crate::ruleset::Ruleset;
use terminal::print;

/// Network diagnostics and compliance checks for OpenVidu deployments behind an external proxy
#[derive(Debug, Parser)]
#[command(name = "ovcheck", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a deployment file with comments: from flags, or from answers on a terminal
    Init(Box<init::Args>),
    /// Check a deployment against the OpenVidu guide
    Check(Box<check::Args>),
    /// Check a deployment as a plugin of Icinga or Nagios: one line, and its exit status
    Icinga(Box<icinga::Args>),
    /// Show which media paths work from this network, and why the others fail
    ///
    /// For users behind a restrictive firewall. Requires only the domain and an access token.
    Call(Box<call::Args>),
    /// Show a check, from this node, which of its UDP probes arrive and pass the firewall (Linux)
    Listen(listen::Args),
    /// Show what a check would test and what it would skip, without running it
    ///
    /// Sends only DNS queries, for the names of the deployment and of the STUN servers.
    Plan(Box<plan::Args>),
    /// Check the machine on which it runs: prerequisites, ports, and its own firewall
    ///
    /// Run it on each machine of the deployment, with sudo. Linux only. Sends nothing and changes
    /// nothing.
    Host(Box<host::Args>),
    /// Read the configuration of the proxy and of OpenVidu, and say where it leads connections
    ///
    /// Needs no network and no root, also on copies of the files of another machine.
    Lint(Box<lint::Args>),
    /// Write the firewall rules that the deployment needs, for each machine
    Firewall(Box<firewall::Args>),
    /// Write the configuration of a proxy in front of the deployment
    ProxyConfig(Box<proxy_config::Args>),
    /// Explain a rule: what it requires, why, and how to fix a violation
    ///
    /// Also accepts the words that people use for a failing call ("waiting for media", 701), and
    /// prints the known causes and the rules that detect them.
    Explain(explain::Args),
    /// List the rules, or the changes between two editions of the guide
    ///
    /// Port rules are listed by topology and node, with the sources that may reach each port and the
    /// condition under which the port is needed. `--diff 3.2 3.9` lists the firewall changes for an
    /// upgrade from OpenVidu 3.2 to 3.9. Sends nothing.
    Rules(rules::Args),
    /// Accept a violation until a date: adds a waiver to ovcheck-waivers.toml
    ///
    /// The violation is still reported, but no longer makes `ovcheck check` fail.
    Waive(waive::Args),
    /// Evaluate a recording of `ovcheck check --record` again, without a network
    Evaluate(Box<evaluate::Args>),
    /// Make one report of recordings from several machines: each check is judged from all of them
    ///
    /// A port must be open to the proxy and closed to the internet, for example: only runs from both
    /// places show both.
    Merge(Box<merge::Args>),
    /// Show what changed between two JSON reports of a deployment
    Diff(diff::Args),
    /// Show many JSON reports as one table: deployments, areas, and what is new
    Summary(summary::Args),
    /// Write a stored JSON report in other formats
    Render(render::Args),
    /// Probe deployments for Prometheus, and show the last results as pages
    ///
    /// Answers like the blackbox_exporter of Prometheus: /probe?target=NAME&module=MODULE starts a check
    /// of a target of the configuration. Modules are `fast` (everything but sweeps of closed ports),
    /// `full`, `call` and `certificates`.
    Serve(serve::Args),
    /// Make a link with which a user's browser tests the media paths of a call
    ///
    /// Asks a running `ovcheck serve` that has a page for users.
    Visit(visit::Args),

    /// Ask the history of `ovcheck serve` about its runs
    ///
    /// Shows since when rules fail, what changed between two runs, verdicts that change often, certificates and
    /// their renewals, how reliable and how fast the media paths of calls were, and missed runs.
    History(history::Args),
    /// Print the JSON schema of the report, of a file or of a visit
    Schema(schema::Args),
    /// Print the completions for a shell
    Completions(completions::Args),
    /// Print a page of the manual, or write all pages to a directory
    Man(man::Args),
    /// Check a small built-in deployment on loopback
    #[cfg(feature = "demo")]
    Demo(demo::Args),
}

/// Why a subcommand ended before it finished its work.
enum Stop {
    /// The user's input is invalid.
    Complaint(Complaint),
    /// An operation failed for a reason other than the user's input. The text completes
    /// "failed to …".
    Trouble(String),
}

impl From<Complaint> for Stop {
    fn from(complaint: Complaint) -> Self {
        Self::Complaint(complaint)
    }
}

impl Stop {
    /// For `map_err`: combines the operation with the error that stopped it.
    fn trouble<E: Display>(doing: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::Trouble(format!("{doing}: {error}"))
    }
}

/// The name of the program.
const PROGRAM: &str = "ovcheck";

/// The whole command line.
fn command() -> clap::Command {
    examples::in_help_of(Cli::command())
}

impl Cli {
    /// The command line of this process.
    ///
    /// # Errors
    /// If it is wrong, or asks for help or for the version.
    pub fn from_process() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches()?;
        Self::from_arg_matches(&matches).map_err(|wrong| wrong.format(&mut command()))
    }
}

/// Ends a command line that asks for the version. `None`: it does not.
pub fn shown_version(refused: &clap::Error) -> Option<ExitStatus> {
    if refused.kind() != ErrorKind::DisplayVersion {
        return None;
    }
    let ruleset = Ruleset::embedded().digest;
    let printed = print(|out| {
        writeln!(out, "{PROGRAM} {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "commit {}", env!("OVCHECK_BUILT_FROM"))?;
        writeln!(out, "rules {ruleset}")
    });
    Some(if printed.is_ok() { ExitStatus::SUCCESS } else { ExitStatus::INTERNAL })
}

/// Runs the subcommand of the command line.
pub fn run(cli: Cli) -> ExitStatus {
    let ended = match cli.command {
        Command::Init(args) => init::run(*args),
        Command::Check(args) => check::run(*args),
        Command::Icinga(args) => Ok(icinga::run(*args)),
        Command::Call(args) => call::run(*args),
        Command::Listen(args) => listen::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Host(args) => host::run(*args),
        Command::Lint(args) => lint::run(*args),
        Command::Firewall(args) => firewall::run(&args),
        Command::ProxyConfig(args) => proxy_config::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Waive(args) => waive::run(args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Render(args) => render::run(args),
        Command::Serve(args) => serve::run(&args),
        Command::Visit(args) => visit::run(&args),
        Command::History(args) => history::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        #[cfg(feature = "demo")]
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

/// Ends a command line of `ovcheck icinga` that clap refuses: Icinga takes the usual status 2 for
/// `CRITICAL`. `None`: it is for another subcommand, or asks for help.
pub fn refused_plugin(refused: &clap::Error) -> Option<ExitStatus> {
    let is_plugin = std::env::args_os().nth(1).is_some_and(|word| word == "icinga");
    (is_plugin && refused.use_stderr()).then(|| icinga::failed(&refused.to_string()))
}

/// Writes a line for people to stderr.
fn tell(text: impl Display) {
    // A complaint repeats what was on the command line or in the environment.
    let text = output::log_safe::text(&output::text::clean(&text.to_string()));
    if writeln!(std::io::stderr(), "{text}").is_err() {
        // The message has no reader, but the exit status still reports the failure.
    }
}

/// Tells what the user should change in the settings of a run.
fn warn(config: &RunConfig) {
    for warning in &config.warnings {
        tell(format_args!("warning: {warning}"));
    }
}

/// The value of an environment variable. Bytes that are not UTF-8 are replaced, so that the value is
/// rejected with a message instead of being ignored.
fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|text| text.to_string_lossy().into_owned())
}

/// The asynchronous runtime that a run uses.
fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Stop::trouble("start the worker threads"))
}
