//! `ovcheck rules`.

use std::path::PathBuf;

use super::Stop;
use super::terminal::{Basics, OUTPUT, print};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::exit::ExitStatus;
use crate::model::deployment::{Edition, Policy, Topology};
use crate::output;
use crate::ruleset::{Ruleset, Wanted};

/// `ovcheck rules [FAMILY]…`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the rules of these families: dns, tls, ports, policy, …
    #[arg(value_name = "FAMILY")]
    families: Vec<String>,

    /// Only what belongs to this topology
    #[arg(long)]
    topology: Option<Topology>,

    /// Only what belongs to this edition of the guide
    #[arg(long, value_name = "EDITION", conflicts_with = "diff")]
    guide: Option<Edition>,

    /// Only what is judged under this policy
    #[arg(long)]
    policy: Option<Policy>,

    /// Show what changes from one edition of the guide to another: what to open and to close, and
    /// what is judged otherwise
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
    diff: Option<Vec<Edition>>,

    /// The directory of rule files to take them from [default: those inside the program]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,

    /// The form in which they are printed
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    format: Format,

    #[command(flatten)]
    look: Basics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let ruleset = match &args.rules {
        Some(directory) => Ruleset::from_directory(directory)?,
        None => Ruleset::embedded(),
    };
    refuse_unknown_families(&ruleset, &args.families)?;
    let wanted = Wanted {
        topology: args.topology,
        edition: args.guide,
        policy: args.policy,
        families: args.families.clone(),
    };
    match args.diff.as_deref() {
        Some([from, to]) => diff(args, &ruleset, &wanted, (*from, *to))?,
        Some(_) | None => list(args, &ruleset, &wanted)?,
    }
    Ok(ExitStatus::SUCCESS)
}

fn list(args: &Args, ruleset: &Ruleset, wanted: &Wanted) -> Result<(), Stop> {
    let editions: Vec<Edition> =
        wanted.edition.map_or_else(|| Edition::ALL.to_vec(), |it| vec![it]);
    refuse_unknown_policy(args.policy, &editions)?;
    let rules = ruleset.narrowed(wanted);
    print(|out| match args.format {
        Format::Table => output::rules::write(&rules, &args.look.of_stdout(), out),
        Format::Json => output::rules::json::write(&rules, &ruleset.digest, out),
    })
}

fn diff(
    args: &Args,
    ruleset: &Ruleset,
    wanted: &Wanted,
    (from, to): (Edition, Edition),
) -> Result<(), Stop> {
    if from == to {
        let message = format!("{from} twice: there is nothing to compare");
        let known: Vec<String> = Edition::ALL.iter().map(Edition::to_string).collect();
        let complaint = Complaint::new(message, Place::Flag("--diff".to_owned()));
        let help = format!("name two editions; they are {}", known.join(", "));
        return Err(complaint.with_help(help).into());
    }
    refuse_unknown_policy(args.policy, &[from, to])?;
    let upgrade = ruleset.upgrade(from, to, wanted);
    print(|out| match args.format {
        Format::Table => output::upgrade::write(&upgrade, &args.look.of_stdout(), out),
        Format::Json => output::upgrade::json::write(&upgrade, &ruleset.digest, out),
    })
}

fn refuse_unknown_families(ruleset: &Ruleset, families: &[String]) -> Result<(), Complaint> {
    let known = ruleset.families();
    let unknown = families.iter().find(|family| !known.contains(&family.as_str()));
    let Some(wrong) = unknown else { return Ok(()) };
    let message = format!("there is no family of rules \"{wrong}\"");
    Err(Complaint::new(message, Place::Nowhere).with_help(help_for_unknown(wrong, &known)))
}

/// A policy that none of the editions knows would leave a list that nobody is judged by.
fn refuse_unknown_policy(policy: Option<Policy>, editions: &[Edition]) -> Result<(), Complaint> {
    let Some(policy) = policy else { return Ok(()) };
    if editions.iter().any(|it| it.policies().contains(&policy)) {
        return Ok(());
    }
    let asked: Vec<String> = editions.iter().map(Edition::to_string).collect();
    let known = Edition::ALL.iter();
    let known: Vec<String> = known
        .filter(|edition| edition.policies().contains(&policy))
        .map(Edition::to_string)
        .collect();
    let message = format!("the guide of {} knows no policy {policy}", asked.join(" and "));
    let complaint = Complaint::new(message, Place::Flag("--policy".to_owned()));
    Err(complaint.with_help(format!("it is one of edition {}", known.join(", "))))
}
