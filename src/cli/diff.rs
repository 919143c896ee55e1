//! `ovcheck diff`.

use std::path::{Path, PathBuf};

use super::Stop;
use super::terminal::{Look, OUTPUT, print};
use crate::compare;
use crate::complaint::{Complaint, Place};
use crate::exit::ExitStatus;
use crate::model::difference::Difference;
use crate::output::{Style, difference};
use crate::stored;

/// `ovcheck diff OLD NEW`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// JSON report of the former run
    old: PathBuf,

    /// JSON report of the later run
    new: PathBuf,

    /// Output format on stdout
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    format: PlainFormat,

    #[command(flatten)]
    look: Look,
}

/// An output format of what is not a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PlainFormat {
    /// Text for people
    Table,
    /// JSON for programs
    Json,
}

const AFTER_HELP: &str = "\
Findings are compared by their fingerprint. Something is worse if a violation is new or more severe, \
or if a check passed and is no longer settled. A violation that is no longer settled, or whose check \
is missing in the new report, does not count as better.

Exit status:
    0  nothing is worse
    1  something is worse
    2  one of the files is not a report, or they are about different deployments
    4  internal error";

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let (old, new) = (stored::read(&args.old)?, stored::read(&args.new)?);
    let shown = |path: &Path| path.display().to_string();
    let (old_path, new_path) = (shown(&args.old), shown(&args.new));
    let Some(found) = compare::difference((&old_path, &old), (&new_path, &new)) else {
        let (one, other) = (&old.deployment.domain, &new.deployment.domain);
        let message = format!("this report is about {other}, and {old_path} about {one}");
        return Err(Complaint::new(message, Place::Path(new_path))
            .with_help("compare two reports of one deployment")
            .into());
    };
    show(&found, args.format, &args.look.of_stdout())
}

/// Prints what changed. Something worse is told by the exit status as well.
pub(super) fn show(
    found: &Difference,
    format: PlainFormat,
    style: &Style,
) -> Result<ExitStatus, Stop> {
    let status = if found.is_worse() { ExitStatus::VIOLATION } else { ExitStatus::SUCCESS };
    print(|out| match format {
        PlainFormat::Table => difference::write(found, style, status.code(), out),
        PlainFormat::Json => difference::write_json(found, status.code(), out),
    })?;
    Ok(status)
}
