//! `ovcheck firewall`.

use std::collections::BTreeMap;

use super::terminal::{Basics, OUTPUT, print};
use super::{Stop, environment, tell, warn};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::{self, Flags, RunConfig};
use crate::exit::ExitStatus;
use crate::model::admission::{MachineAdmission, Undeclared, UnknownSenders};
use crate::model::deployment::{Condition, Deployment};
use crate::model::edition::ChosenBy;
use crate::model::name::NodeName;
use crate::model::port::Port;
use crate::output::firewall::{self, Language, MachineRules};
use crate::plan;
use crate::ruleset::Ruleset;

/// `ovcheck firewall [DOMAIN]`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    flags: Flags,

    /// Language of the rules
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    format: Format,

    /// Node whose machine the rules are for; not needed if there is only one machine
    #[arg(long, value_name = "NODE", help_heading = OUTPUT)]
    machine: Option<NodeName>,

    /// TCP port of SSH, which stays open to every address; `none` if administrators have another way in
    #[arg(long, value_name = "PORT", default_value = "22", value_parser = ssh_port, help_heading = OUTPUT)]
    ssh_port: SshPort,

    #[command(flatten)]
    look: Basics,
}

/// The port of SSH, or that there is none.
#[derive(Debug, Clone, Copy)]
struct SshPort(Option<Port>);

fn ssh_port(text: &str) -> Result<SshPort, String> {
    match text {
        "none" => Ok(SshPort(None)),
        _ => text
            .parse()
            .map(|port| SshPort(Some(port)))
            .map_err(|error| format!("{error}, or none")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text for people: the rules of all machines
    Table,
    /// Shell script that loads a table of nftables, now and after a reboot
    Nftables,
    /// Shell script of ufw commands
    Ufw,
    /// Shell script of iptables and ip6tables commands
    Iptables,
    /// Shell script of firewall-cmd commands
    Firewalld,
    /// JSON for `aws ec2 authorize-security-group-ingress --cli-input-json`
    Aws,
    /// JSON list of firewall resources of Google Cloud's Compute Engine API
    Gcp,
    /// JSON list of security rules of an Azure network security group
    Azure,
    /// Security group of AWS for Terraform, as `*.tf.json`
    Terraform,
}

impl Format {
    /// `None`: the table.
    fn language(self) -> Option<Language> {
        Some(match self {
            Self::Table => return None,
            Self::Nftables => Language::Nftables,
            Self::Ufw => Language::Ufw,
            Self::Iptables => Language::Iptables,
            Self::Firewalld => Language::Firewalld,
            Self::Aws => Language::Aws,
            Self::Gcp => Language::Gcp,
            Self::Azure => Language::Azure,
            Self::Terraform => Language::Terraform,
        })
    }
}

const AFTER_HELP: &str = "\
Examples:
  ovcheck firewall                                          # of the deployment in ovcheck.toml
  ovcheck firewall --format nftables --machine media-1 | ssh root@203.0.113.21 sh

The rules are those of the tables that `ovcheck check` checks: what the guide lets in to each machine, \
from the declared addresses of the other machines. Everything else is dropped. Under a policy that forces \
TURN, media also begins no conversation with users. Sends nothing.";

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let file = config::find(&args.flags, &environment)?;
    let config = config::load(&args.flags, &environment, file.as_ref())?;
    warn(&config);
    let machines = machines(&config)?;
    let deployment = words(&config.deployment);
    let rules: Vec<MachineRules<'_>> = (machines.iter())
        .map(|admission| MachineRules { admission, ssh: args.ssh_port.0, deployment: &deployment })
        .collect();
    let shown = match (args.format.language(), &args.machine) {
        (None, None) => rules,
        (_, chosen) => vec![one(&rules, chosen.as_ref())?],
    };
    if config.edition == ChosenBy::Default {
        tell(format_args!(
            "note: no guide is set, so these are the rules of {}; set guide to the installed version",
            config.deployment.edition
        ));
    }
    tell_undeclared(&shown);
    if let Some(language) = args.format.language() {
        tell_unwritten(&shown, language);
    }
    print(|out| match args.format.language() {
        None => firewall::write_table(&shown, &args.look.of_stdout(), out),
        Some(language) => {
            shown.iter().try_for_each(|rules| firewall::write(rules, language, out))?;
            out.flush()
        }
    })?;
    Ok(ExitStatus::SUCCESS)
}

fn machines(config: &RunConfig) -> Result<Vec<MachineAdmission>, Complaint> {
    let ruleset = Ruleset::chosen(config.rules.as_deref())?;
    let deployment = &config.deployment;
    if deployment.nodes.is_empty() {
        return Err(Complaint::new("no machine is declared", Place::Nowhere)
            .with_help("declare all machines: --node NAME=ADDRESS, or [nodes] in ovcheck.toml"));
    }
    plan::admission(deployment, &ruleset).map_err(|UnknownSenders(role)| {
        let message =
            format!("the rules let in machines of the role {role}, and none of them is declared");
        Complaint::new(message, Place::Nowhere).with_help(format!(
            "declare them: --node NAME:{role}=ADDRESS, or [nodes] in ovcheck.toml"
        ))
    })
}

/// The rules of the chosen machine, or of the only one.
fn one<'a>(
    rules: &[MachineRules<'a>],
    chosen: Option<&NodeName>,
) -> Result<MachineRules<'a>, Complaint> {
    let is_chosen = |rules: &&MachineRules<'_>| match chosen {
        Some(name) => rules.admission.nodes.contains(name),
        None => true,
    };
    let mut found = rules.iter().filter(is_chosen);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(*one),
        (found, _) => {
            let nodes = rules.iter().flat_map(|rules| &rules.admission.nodes);
            let names: Vec<&str> = nodes.map(NodeName::as_str).collect();
            let message = match found {
                Some(_) => "this format is for one machine, and there are several",
                None => "no node has this name",
            };
            Err(Complaint::new(message, Place::Flag("--machine".to_owned()))
                .with_help(help_for_unknown("", &names)))
        }
    }
}

/// Rules that are left out, because it was not declared whether they are needed.
fn tell_undeclared(machines: &[MachineRules<'_>]) {
    let mut left_out: BTreeMap<Condition, Vec<String>> = BTreeMap::new();
    for MachineRules { admission, .. } in machines {
        for Undeclared { transport, ports, condition } in &admission.undeclared {
            let transport = transport.to_string().to_uppercase();
            let place = format!("{transport} {ports} of {}", admission.name());
            left_out.entry(*condition).or_default().push(place);
        }
    }
    for (condition, places) in left_out {
        tell(format_args!(
            "note: {} must be open only if {condition} is in use; {} does not say so, so this is left out",
            places.join(", "),
            condition.flag(),
        ));
    }
}

/// What a cloud cannot do for a machine.
fn tell_unwritten(machines: &[MachineRules<'_>], language: Language) {
    if language.knows_source_ports() {
        return;
    }
    for MachineRules { admission, .. } in
        machines.iter().filter(|it| !it.admission.held_back.is_empty())
    {
        tell(format_args!(
            "note: media must begin no conversation with users, and outbound rules of this cloud cannot match \
             source ports; load the rules of --format nftables, ufw, iptables or firewalld on {} as well",
            admission.name()
        ));
    }
}

/// `openvidu.example.io, elastic, forced-turn, guide 3.9`
fn words(deployment: &Deployment) -> String {
    let Deployment { domain, topology, policy, edition, .. } = deployment;
    format!("{domain}, {topology}, {policy}, guide {edition}")
}
