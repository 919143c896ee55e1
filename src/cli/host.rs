//! `ovcheck host`.

use std::path::PathBuf;

use super::gating::{self, Gating};
use super::report::{self, Outputs};
use super::sharing::Sharing;
use super::signals::Interrupts;
use super::terminal::{Look, OUTPUT};
use super::via::{Elsewhere, VANTAGE};
use super::{Stop, environment, runtime, tell, warn};
use crate::app::{self, Observed, Program};
use crate::complaint::{Complaint, Place};
use crate::config::{self, Flags, RunConfig};
use crate::exit::ExitStatus;
use crate::model::name::NodeName;
use crate::model::plan::LeftOut;
use crate::record;
use crate::ruleset::Ruleset;

/// `ovcheck host`
#[derive(Debug, clap::Args)]
#[command(
    after_help = AFTER_HELP,
    mut_arg("api_key", |flag| flag.hide(true)),
    mut_arg("api_secret_file", |flag| flag.hide(true)),
    mut_arg("token_file", |flag| flag.hide(true)),
    mut_arg("deep", |flag| flag.hide(true)),
    mut_arg("http_proxy", |flag| flag.hide(true)),
    mut_arg("hold", |flag| flag.hide(true)),
    mut_arg("udp_rate", |flag| flag.hide(true)),
    mut_arg("find_extent", |flag| flag.hide(true)),
    mut_arg("sweep", |flag| flag.hide(true)),
    mut_arg("allow_large_sweep", |flag| flag.hide(true)),
    mut_arg("stun_server", |flag| flag.hide(true)),
    mut_arg("dns_server", |flag| flag.hide(true)),
    mut_arg("ca_file", |flag| flag.hide(true)),
    mut_arg("connect_to", |flag| flag.hide(true)),
    mut_arg("resolve", |flag| flag.hide(true)),
)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    gating: Gating,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    sharing: Sharing,

    #[command(flatten)]
    elsewhere: Elsewhere,

    /// Run on these machines with `sudo -n`, so that everything can be read
    #[arg(long, requires = "via", help_heading = VANTAGE)]
    via_sudo: bool,

    /// Node whose machine this is; not needed if one of its declared addresses is on this machine
    #[arg(long, value_name = "NODE", conflicts_with = "via", help_heading = OUTPUT)]
    machine: Option<NodeName>,

    /// Save everything that was read, for `ovcheck evaluate`; contains names and addresses, but no secret
    #[arg(long, value_name = "FILE", conflicts_with = "redact", help_heading = OUTPUT)]
    record: Option<PathBuf>,

    #[command(flatten)]
    look: Look,
}

const AFTER_HELP: &str = "\
What it does:
  \
Reads files of Linux (/proc, /sys, /etc/os-release) and the output of nft, iptables-save, ip6tables-save, \
timedatectl or chronyc, and df. It changes nothing and sends nothing. The rules of the firewall and the \
programs of other users can be read only by root: without sudo, these checks are inconclusive.

With --via ssh:HOST (repeatable) it runs on these machines instead of on this one, over ssh, and makes one \
report. Log in as root, or add --via-sudo.

The exit status is that of `ovcheck check`.";

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { flags, gating, outputs, sharing, elsewhere, via_sudo, machine, record, look } = args;
    let program = elsewhere.program()?;
    if program.is_none() && !cfg!(target_os = "linux") {
        let message = "ovcheck host can read only a machine that runs Linux";
        return Err(Complaint::new(message, Place::Nowhere).into());
    }
    let runtime = runtime()?;
    let interrupts = runtime.block_on(async { Interrupts::listen() })?;
    match &record {
        Some(path) => outputs.check_beside("--record", path)?,
        None => outputs.check()?,
    }
    let file = config::find(&flags, &environment)?;
    let config = config::load(&flags, &environment, file.as_ref())?;
    let config = match &program {
        None => app::for_machine(config, machine.as_ref())?,
        Some(_) => app::for_machines_elsewhere(config),
    };
    let decisions = gating.read(config.config_file.as_deref())?;
    decisions.fit(&config.deployment.domain)?;
    warn(&config);
    let (report, recording) = match &program {
        None => {
            let observed = runtime.block_on(report::observed(config, look, &interrupts))?;
            let recording = record.is_some().then(|| record::to_bytes(&observed.recording));
            (app::judge(observed, gating.options()), recording)
        }
        Some(program) => {
            let asked = Asked { config: &config, program, with_sudo: via_sudo, look };
            let (runs, missing) = runtime.block_on(asked.of(&elsewhere, &interrupts))?;
            if runs.is_empty() {
                tell("error: none of these machines could be checked");
                return Ok(ExitStatus::INCOMPLETE);
            }
            (app::judge_all(runs, missing, gating.options()), None)
        }
    };
    let report = decisions.apply(report);
    gating::tell_about_waivers(&report);
    let status = outputs.write(&sharing.apply(report), look)?;
    Ok(record
        .zip(recording)
        .and_then(|(path, bytes)| outputs.save(&path, &bytes))
        .unwrap_or(status))
}

/// What other machines are asked.
struct Asked<'a> {
    config: &'a RunConfig,
    program: &'a Program,
    with_sudo: bool,
    look: Look,
}

impl Asked<'_> {
    /// The runs of the machines, and those that there are none of.
    async fn of(
        &self,
        elsewhere: &Elsewhere,
        interrupts: &Interrupts,
    ) -> Result<(Vec<Observed>, Vec<LeftOut>), Stop> {
        let ruleset = Ruleset::chosen(self.config.rules.as_deref())?;
        let runs = elsewhere.begin(self.config, self.program, self.with_sudo)?;
        let asked = app::asked_of_machines(self.config);
        let probing = interrupts.probing();
        elsewhere.observed(&asked, &ruleset, runs, (&probing, self.look)).await
    }
}
