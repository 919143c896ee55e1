//! `ovcheck rules`.

use std::path::PathBuf;

use super::Stop;
use super::terminal::{Basics, OUTPUT, print};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::value::word_parser;
use crate::exit::ExitStatus;
use crate::model::deployment::{Edition, Policy, Topology};
use crate::output;
use crate::ruleset::{Ruleset, Wanted};

/// `ovcheck rules [FAMILY]…`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List only the rules of these families: dns, tls, ports, policy, …
    #[arg(value_name = "FAMILY")]
    families: Vec<String>,

    /// List only the rules of this topology
    #[arg(long, value_parser = word_parser::<Topology>())]
    topology: Option<Topology>,

    /// List only the rules of this edition of the guide
    #[arg(long, value_name = "EDITION", conflicts_with = "diff",
        value_parser = word_parser::<Edition>())]
    guide: Option<Edition>,

    /// List only the rules that apply under this policy
    #[arg(long, value_parser = word_parser::<Policy>())]
    policy: Option<Policy>,

    /// List the changes from one edition of the guide to another: ports to open, ports to close, and
    /// changed rules
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"],
        value_parser = word_parser::<Edition>())]
    diff: Option<Vec<Edition>>,

    /// Directory of rule files to use [default: the built-in rules]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    format: Format,

    #[command(flatten)]
    look: Basics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text for people
    Table,
    /// JSON for programs
    Json,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let ruleset = Ruleset::chosen(args.rules.as_deref())?;
    refuse_unknown_families(&ruleset, &args.families)?;
    let wanted = Wanted {
        topology: args.topology,
        edition: args.guide,
        policy: args.policy,
        families: args.families.clone(),
    };
    match args.diff.as_deref() {
        Some([from, to]) => diff(args, &ruleset, &wanted, *from, *to)?,
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
    from: Edition,
    to: Edition,
) -> Result<(), Stop> {
    if from == to {
        let message = format!("{from} is given twice");
        let known: Vec<String> = Edition::ALL.iter().map(Edition::to_string).collect();
        let complaint = Complaint::new(message, Place::Flag("--diff".to_owned()));
        let help = format!("give two different editions of {}", known.join(", "));
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
    let message = format!("unknown rule family \"{wrong}\"");
    Err(Complaint::new(message, Place::Nowhere).with_help(help_for_unknown(wrong, &known)))
}

/// Rejects a policy that none of the editions has: the list would apply to no deployment.
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
    let message = format!("edition {} has no policy {policy}", asked.join(" or "));
    let complaint = Complaint::new(message, Place::Flag("--policy".to_owned()));
    Err(complaint.with_help(format!("{policy} belongs to edition {}", known.join(", "))))
}
