//! `ovcheck summary`.

use std::path::PathBuf;

use super::Stop;
use super::terminal::{Basics, OUTPUT, print};
use crate::compare;
use crate::exit::ExitStatus;
use crate::model::stored::StoredResult;
use crate::output::fleet;
use crate::stored;

/// `ovcheck summary DIR|FILE…`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// JSON reports, or directories with reports (*.json)
    #[arg(required = true, value_name = "DIR|FILE")]
    reports: Vec<PathBuf>,

    /// Output format on stdout
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
    /// One HTML file that loads nothing
    Html,
}

const AFTER_HELP: &str = "\
Shows the newest run of each deployment from each vantage point (--vantage-name, otherwise the zone). \
If there is an older run of the same, the column \"new\" counts the violations that it does not have.

Exit status, of the worst run shown:
    0  every run passed
    1  at least one run failed
    2  a file is not a report
    3  no run failed, but at least one is incomplete
    4  internal error";

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let reports = stored::read_all(&args.reports)?;
    let found = compare::fleet(&reports);
    let status = match found.worst() {
        StoredResult::Pass => ExitStatus::SUCCESS,
        StoredResult::Fail => ExitStatus::VIOLATION,
        StoredResult::Incomplete | StoredResult::Interrupted => ExitStatus::INCOMPLETE,
    };
    print(|out| match args.format {
        Format::Table => fleet::write(&found, &args.look.of_stdout(), status.code(), out),
        Format::Json => fleet::write_json(&found, status.code(), out),
        Format::Html => fleet::write_html(&found, status.code(), out),
    })?;
    Ok(status)
}
