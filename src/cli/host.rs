//! `ovcheck host`.

use super::gating::{self, Gating};
use super::report::{self, Outputs};
use super::sharing::Sharing;
use super::signals::Interrupts;
use super::terminal::{Look, OUTPUT};
use super::{Stop, environment, runtime, warn};
use crate::app;
use crate::complaint::{Complaint, Place};
use crate::config::{self, Flags};
use crate::exit::ExitStatus;
use crate::model::name::NodeName;

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

    /// Node whose machine this is; not needed if one of its declared addresses is on this machine
    #[arg(long, value_name = "NODE", help_heading = OUTPUT)]
    machine: Option<NodeName>,

    #[command(flatten)]
    look: Look,
}

const AFTER_HELP: &str = "\
What it does:
  \
Reads files of Linux (/proc, /sys, /etc/os-release) and the output of nft, iptables-save, ip6tables-save, \
timedatectl or chronyc, and df. It changes nothing and sends nothing. The rules of the firewall and the \
programs of other users can be read only by root: without sudo, these checks are inconclusive.

The exit status is that of `ovcheck check`.";

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { flags, gating, outputs, sharing, machine, look } = args;
    if !cfg!(target_os = "linux") {
        let message = "ovcheck host can read only a machine that runs Linux";
        return Err(Complaint::new(message, Place::Nowhere).into());
    }
    let runtime = runtime()?;
    let interrupts = runtime.block_on(async { Interrupts::listen() })?;
    outputs.check()?;
    let file = config::find(&flags, &environment)?;
    let config = config::load(&flags, &environment, file.as_ref())?;
    let config = app::for_machine(config, machine.as_ref())?;
    let decisions = gating.read(config.config_file.as_deref())?;
    decisions.fit(&config.deployment.domain)?;
    warn(&config);
    let observed = runtime.block_on(report::observed(config, look, &interrupts))?;
    let report = decisions.apply(app::judge(observed, gating.options()));
    gating::tell_about_waivers(&report);
    outputs.write(&sharing.apply(report), look)
}
