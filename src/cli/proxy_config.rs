//! `ovcheck proxy-config`.

use super::terminal::{OUTPUT, print};
use super::{Stop, environment, tell, warn};
use crate::complaint::{Complaint, Place};
use crate::config::value::word_parser;
use crate::config::{self, Flags};
use crate::exit::ExitStatus;
use crate::model::edition::ChosenBy;
use crate::model::proxy::NoDuties;
use crate::output::proxy::{self, ProxyProgram};
use crate::plan;
use crate::ruleset::Ruleset;

/// `ovcheck proxy-config [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,

    /// The proxy whose configuration is written
    #[arg(long = "for", value_name = "PROXY", value_parser = word_parser::<ProxyProgram>(), help_heading = OUTPUT)]
    program: ProxyProgram,
}

const AFTER_HELP: &str = "\
Examples:
  ovcheck proxy-config --for nginx                          # of the deployment in ovcheck.toml
  ovcheck proxy-config openvidu.example.io --turn-domain-name turn.example.io \\
      --node openvidu=203.0.113.20 --for haproxy > haproxy.cfg

The file does what `ovcheck check` checks: it splits the TLS port by name, ends TLS, and passes everything on to \
the ports that the guide's tables open to the proxy. Sends nothing.";

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let file = config::find(&args.flags, &environment)?;
    let config = config::load(&args.flags, &environment, file.as_ref())?;
    warn(&config);
    let ruleset = Ruleset::chosen(config.rules.as_deref())?;
    let deployment = &config.deployment;
    let duties = plan::proxy_duties(deployment, &ruleset).map_err(complaint)?;
    if config.edition == ChosenBy::Default {
        tell(format_args!(
            "note: no guide is set, so this is for {}; set guide to the installed version",
            deployment.edition
        ));
    }
    if duties.turn.is_none() {
        tell(format_args!(
            "note: no TURN domain is declared, so users behind a firewall that blocks UDP cannot join"
        ));
    }
    let guide = format!("{}, guide {}", deployment.topology, deployment.edition);
    print(|out| proxy::write(&duties, args.program, &guide, out))?;
    Ok(ExitStatus::SUCCESS)
}

fn complaint(why: NoDuties) -> Complaint {
    match why {
        NoDuties::NoBackend(role) => {
            Complaint::new(format!("no node of the role {role} is declared"), Place::Nowhere)
                .with_help(format!(
                    "declare the machines behind the proxy: --node {role}=ADDRESS, or [nodes] in \
                     ovcheck.toml"
                ))
        }
        NoDuties::NoRule(service) => Complaint::new(
            format!("the rules do not say how a proxy passes {service} on"),
            Place::Flag("--rules".to_owned()),
        )
        .with_help(format!(
            "rules for a proxy need an endpoint of the service {service}, and a port row with it that is open \
             to the external proxy"
        )),
    }
}
