//! `ovcheck check`.

use std::fmt::Write;
use std::path::PathBuf;

use super::gating::{self, Decisions, Gating};
use super::report::{self, Outputs};
use super::sharing::Sharing;
use super::signals::Interrupts;
use super::terminal::{Look, OUTPUT};
use super::via::Elsewhere;
use super::waiting::{Pause, Waiting};
use super::{Stop, environment, lint, runtime, tell, warn};
use crate::app::{self, Program};
use crate::complaint::Complaint;
use crate::config::{self, CheckOptions, ConfigurationPaths, Flags, RunConfig};
use crate::exit::ExitStatus;
use crate::model::report::Report;
use crate::output;
use crate::record;
use crate::ruleset::Ruleset;

/// `ovcheck check [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    selecting: Selecting,
    #[command(flatten)]
    responding: Responding,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    gating: Gating,
    #[command(flatten)]
    elsewhere: Elsewhere,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    sharing: Sharing,

    /// Save everything that was seen, for `ovcheck evaluate`; contains names and addresses, but no
    /// secret
    #[arg(long, value_name = "FILE", conflicts_with = "redact", help_heading = OUTPUT)]
    record: Option<PathBuf>,

    #[command(flatten)]
    look: Look,
}

const SELECTION: &str = "Choosing rules";

/// The flags that choose the rules of a run.
#[derive(Debug, clap::Args)]
struct Selecting {
    /// Report only these families or rules, such as tls,dns/domain-resolves (repeatable)
    ///
    /// The rules on which they rest are tested too, but not reported. The report says how many checks
    /// are left out.
    #[arg(long, value_name = "FAMILY|RULE", value_delimiter = ',', help_heading = SELECTION)]
    only: Vec<String>,

    /// Do not report these families or rules (repeatable)
    #[arg(long, value_name = "FAMILY|RULE", value_delimiter = ',', help_heading = SELECTION)]
    skip: Vec<String>,
}

/// The flags for responders on nodes.
#[derive(Debug, clap::Args)]
struct Responding {
    /// Node on which `ovcheck listen` runs, which then reports the UDP ports that packets reach
    /// (repeatable)
    ///
    /// Settles what cannot be seen from outside: whether every UDP port of the node is open, or which
    /// ports its own firewall or a device before it closes. Sends one to six small datagrams to each
    /// of these ports, after the other probes.
    #[arg(
        long,
        value_name = "NODE",
        requires = "responder_token_file",
        help_heading = RESPONDERS
    )]
    responder: Vec<String>,

    /// File with the token of that responder; one for each --responder, in the same order (repeatable)
    #[arg(long, value_name = "FILE", requires = "responder", help_heading = RESPONDERS)]
    responder_token_file: Vec<PathBuf>,
}

const RESPONDERS: &str = "Responders on nodes";

/// The flags for configuration files that are read beside.
#[derive(Debug, clap::Args)]
struct Reading {
    /// Main file of the proxy, which then explains what fails (repeatable)
    ///
    /// A violation that the file causes names its line and the change. `-` reads standard input, such as
    /// the output of `nginx -T` on the proxy.
    #[arg(long, value_name = "FILE", help_heading = READING)]
    proxy_config: Vec<PathBuf>,

    /// Do not read the configuration of the proxy that runs on this machine
    ///
    /// Without --proxy-config, root on the proxy reads the files with which nginx or HAProxy was started, if it
    /// accepts the connections of users here.
    #[arg(long, conflicts_with = "proxy_config", help_heading = READING)]
    no_proxy_config: bool,

    /// Directory of OpenVidu's own configuration, or its files (repeatable)
    #[arg(long, value_name = "DIR|FILE", help_heading = READING)]
    openvidu_config: Vec<PathBuf>,
}

const READING: &str = "Configuration files";

impl Reading {
    fn paths(self) -> Result<ConfigurationPaths, Complaint> {
        let Self { proxy_config, no_proxy_config, openvidu_config } = self;
        let mut paths = ConfigurationPaths {
            finds_proxy_here: !no_proxy_config && proxy_config.is_empty(),
            proxy: proxy_config,
            openvidu: openvidu_config,
            ..ConfigurationPaths::default()
        };
        lint::read_standard_input(&mut paths)?;
        Ok(paths)
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

impl Args {
    /// Checks that the report only goes to files.
    ///
    /// # Errors
    /// When a format goes to stdout.
    pub fn stdout_is_for(&self, what: &str) -> Result<(), Complaint> {
        self.outputs.check_stdout_is_free(what)
    }
}

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    run_then(args, |report, outputs, look| outputs.write(report, look))
}

/// Makes the run, and ends as `finish` does with its report.
pub fn run_then(
    args: Args,
    finish: impl FnOnce(&Report, &Outputs, Look) -> Result<ExitStatus, Stop>,
) -> Result<ExitStatus, Stop> {
    let Args {
        flags,
        selecting,
        responding,
        reading,
        gating,
        elsewhere,
        waiting,
        outputs,
        sharing,
        record,
        look,
    } = args;
    let runtime = runtime()?;
    let interrupts = runtime.block_on(async { Interrupts::listen() })?;
    match &record {
        Some(path) => outputs.check_beside("--record", path)?,
        None => outputs.check()?,
    }
    let file = config::find(&flags, &environment)?;
    let mut config = config::load(&flags, &environment, file.as_ref())?;
    (config.only, config.skip) = (selecting.only, selecting.skip);
    config.configurations = reading.paths()?;
    let Responding { responder, responder_token_file } = responding;
    config.responders = config::responders(&responder, &responder_token_file, &config.deployment)?;
    let decisions = gating.read(config.config_file.as_deref())?;
    decisions.fit(&config.deployment.domain)?;
    warn(&config);
    let program = elsewhere.program()?;
    let attempts = Attempts {
        elsewhere: &elsewhere,
        program: program.as_ref(),
        config: &config,
        options: gating.options(),
        decisions: &decisions,
        look,
        interrupts: &interrupts,
        is_recorded: record.is_some(),
    };
    let Attempt { report, recording } = runtime.block_on(attempts.until_passed(&waiting))?;
    gating::tell_about_waivers(&report);
    tell_about_responders(&report);
    let mut status = finish(&sharing.apply(report), &outputs, look)?;
    if let (Some(path), Some(bytes)) = (record, recording) {
        status = outputs.save(&path, &bytes).unwrap_or(status);
    }
    Ok(status)
}

/// Tells which responders were asked in vain: nothing in the report shows it otherwise.
fn tell_about_responders(report: &Report) {
    for line in output::listen::asked_in_vain(&report.observations) {
        tell(format_args!("warning: {line}"));
    }
}

/// What the runs of a check have in common.
struct Attempts<'a> {
    config: &'a RunConfig,
    options: CheckOptions,
    decisions: &'a Decisions,
    look: Look,
    interrupts: &'a Interrupts,
    is_recorded: bool,
    elsewhere: &'a Elsewhere,
    /// What the other machines run, if there are any.
    program: Option<&'a Program>,
}

/// One run, judged, and its recording.
struct Attempt {
    report: Report,
    recording: Option<Vec<u8>>,
}

impl Attempts<'_> {
    /// Runs until everything passes, the time to wait is over, or the user interrupts it. Without such a
    /// time: once.
    async fn until_passed(&self, waiting: &Waiting) -> Result<Attempt, Stop> {
        let patience = waiting.begin();
        loop {
            let mut attempt = self.once().await?;
            if attempt.report.gate.interrupted || attempt.report.passes() {
                return Ok(attempt);
            }
            match patience.pause(self.interrupts).await {
                Pause::Over => {}
                Pause::NoTimeLeft => return Ok(attempt),
                Pause::Interrupted => {
                    attempt.report.gate.interrupted = true;
                    return Ok(attempt);
                }
            }
        }
    }

    async fn once(&self) -> Result<Attempt, Stop> {
        let begin = |program| self.elsewhere.begin(self.config, program, false);
        let runs = self.program.map(begin).transpose()?;
        let observed = report::observed(self.config.clone(), self.look, self.interrupts).await?;
        let recording = self.is_recorded.then(|| record::to_bytes(&observed.recording));
        let report = match runs {
            None => app::judge(observed, self.options),
            Some(runs) => {
                let probing = self.interrupts.probing();
                let ruleset = Ruleset::chosen(self.config.rules.as_deref())?;
                let together =
                    self.elsewhere.together(observed, &ruleset, runs, (&probing, self.look));
                let (all, missing) = together.await?;
                app::judge_all(all, missing, self.options)
            }
        };
        Ok(Attempt { report: self.decisions.apply(report), recording })
    }
}
