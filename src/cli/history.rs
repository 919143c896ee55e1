//! `ovcheck history`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diff::{self, PlainFormat};
use super::terminal::{Basics, OUTPUT, print};
use super::{Stop, tell};
use crate::compare;
use crate::complaint::{Complaint, Place};
use crate::config::serve as configuration;
use crate::config::value::word_parser;
use crate::exit::ExitStatus;
use crate::model::history::RunId;
use crate::model::prober::{InvalidTargetName, ProberModule, TargetName};
use crate::net::clock::Clock;
use crate::output::history as output;
use crate::store::{History, StoreError, StoredRunReport, Wanted};

/// The most runs that `--runs` lists.
const MOST_RUNS: u32 = 10_000;

/// `ovcheck history FILE [TARGET]`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// File of the history: `path` in the table `store` of the configuration of `ovcheck serve`
    file: PathBuf,

    /// Name of a target; if omitted, the last run of each target is shown
    #[arg(value_parser = target_name)]
    target: Option<TargetName>,

    /// How far to look back, such as 12h or 30d
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = configuration::age)]
    since: Duration,

    /// List the runs of the target
    #[arg(long, requires = "target")]
    runs: bool,

    /// Only the runs of this module
    #[arg(long, value_name = "MODULE", requires = "runs", value_parser = word_parser::<ProberModule>())]
    module: Option<ProberModule>,

    /// Show what changed between two runs, like `ovcheck diff`
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["target", "report"])]
    changes: Option<Vec<i64>>,

    /// Print the JSON report of a run
    #[arg(long, value_name = "RUN", conflicts_with = "target")]
    report: Option<i64>,

    /// Output format on stdout
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    format: PlainFormat,

    #[command(flatten)]
    look: Basics,
}

const AFTER_HELP: &str = "\
Reads the file while `ovcheck serve` writes it, and changes nothing. The report of a run without changes is \
kept for a week; after that, the last report with the same verdicts is shown in its place.

Exit status:
    0  the history was read; with --changes, nothing is worse
    1  with --changes: something is worse
    2  the file is not a history, or has no such target or run
    4  internal error";

fn target_name(text: &str) -> Result<TargetName, InvalidTargetName> {
    text.parse()
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let failed = |error: StoreError| complaint(&args.file, &error);
    let history = History::open(&args.file).map_err(failed)?;
    if let Some([old, new]) = args.changes.as_deref() {
        return changes(args, &history, (RunId(*old), RunId(*new)));
    }
    if let Some(id) = args.report {
        let StoredRunReport { json, .. } = report(args, &history, RunId(id))?;
        print(|out| out.write_all(&json))?;
        return Ok(ExitStatus::SUCCESS);
    }
    let style = args.look.of_stdout();
    let now = Clock::start().now();
    let since = now.minus(args.since);
    let Some(target) = &args.target else {
        let runs = history.newest_runs().map_err(failed)?;
        print(|out| match args.format {
            PlainFormat::Table => output::write_overview(&runs, &style, out),
            PlainFormat::Json => output::write_overview_json(&runs, out),
        })?;
        return Ok(ExitStatus::SUCCESS);
    };
    let Some(found) = history.of_target(target, since, now).map_err(failed)? else {
        return Err(no_target(args, &history.targets().map_err(failed)?).into());
    };
    if args.runs {
        let wanted = Wanted { target, module: args.module, since, most: MOST_RUNS };
        let runs = history.runs(&wanted).map_err(failed)?;
        print(|out| match args.format {
            PlainFormat::Table => output::write_runs(&runs, &style, out),
            PlainFormat::Json => output::write_runs_json(&runs, out),
        })?;
        return Ok(ExitStatus::SUCCESS);
    }
    print(|out| match args.format {
        PlainFormat::Table => output::write(&found, &style, out),
        PlainFormat::Json => output::write_json(&found, out),
    })?;
    Ok(ExitStatus::SUCCESS)
}

/// What changed between two runs.
fn changes(args: &Args, history: &History, (old, new): (RunId, RunId)) -> Result<ExitStatus, Stop> {
    let (before, after) = (report(args, history, old)?, report(args, history, new)?);
    let Some(found) = compare::runs((old, &before.json), (new, &after.json))? else {
        let message = format!("runs {} and {} are about different deployments", old.0, new.0);
        return Err(at(&args.file, message).with_help("compare two runs of one target").into());
    };
    diff::show(&found, args.format, &args.look.of_stdout())
}

fn report(args: &Args, history: &History, id: RunId) -> Result<StoredRunReport, Complaint> {
    let found = history.report(id).map_err(|error| complaint(&args.file, &error))?;
    let found = found.ok_or_else(|| {
        at(&args.file, format!("there is no run {}", id.0))
            .with_help("`ovcheck history FILE TARGET --runs` lists the runs")
    })?;
    if found.of_run != id {
        tell(format_args!(
            "The report of run {} is not kept any more. That of run {} is used, which has the same verdicts.",
            id.0, found.of_run.0
        ));
    }
    Ok(found)
}

fn no_target(args: &Args, known: &[TargetName]) -> Complaint {
    let named = args.target.as_ref().map(ToString::to_string).unwrap_or_default();
    let known: Vec<&str> = known.iter().map(TargetName::as_str).collect();
    let help = match known.as_slice() {
        [] => "no run is in the history yet".to_owned(),
        some => format!("its targets are {}", some.join(", ")),
    };
    at(&args.file, format!("the history has no run of the target \"{named}\"")).with_help(help)
}

/// What is wrong with the file of a history.
pub fn complaint(path: &Path, error: &StoreError) -> Complaint {
    at(path, format!("the history {error}")).with_help(error.remedy())
}

fn at(path: &Path, message: String) -> Complaint {
    Complaint::new(message, Place::Path(path.display().to_string()))
}
