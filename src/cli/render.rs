//! `ovcheck render`.

use std::path::{Path, PathBuf};

use super::Stop;
use super::format::{Format, FromFile};
use super::report::Outputs;
use super::terminal::Look;
use crate::complaint::from_json::{SIZE_LIMIT, unreadable};
use crate::complaint::{Complaint, Place};
use crate::exit::ExitStatus;
use crate::input;
use crate::output::shown::ShownReport;

/// `ovcheck render REPORT`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// JSON report to read; `-` is standard input
    report: PathBuf,

    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    look: Look,
}

const AFTER_HELP: &str = "\
Examples:
  ovcheck render report.json --format markdown
  ovcheck render report.json --output junit=ovcheck.xml --output sarif=ovcheck.sarif

The files are the same as those that the run would have written. The default format is markdown. The \
text of `--format table` needs more than the JSON report, and only a run can print it.

Exit status:
    0  the formats were written, whatever the report says
    2  the file is not a JSON report, or an output cannot be written
    4  internal error, or an output could not be written";

pub fn run(args: Args) -> Result<ExitStatus, Stop> {
    let Args { report: path, outputs, look } = args;
    let outputs = outputs.or_on_stdout(Format::Markdown);
    if outputs.formats().any(|format| format == Format::Table) {
        return Err(Complaint::new(
            "the table cannot be made of a JSON report",
            Place::Flag("--format".to_owned()),
        )
        .with_help("use markdown, which contains the same")
        .into());
    }
    outputs.check()?;
    let report = read(&path)?;
    outputs.write_with(&report, ExitStatus::SUCCESS, look)
}

fn read(path: &Path) -> Result<FromFile, Complaint> {
    let is_stdin = path.as_os_str() == "-";
    let shown = if is_stdin { "standard input".into() } else { path.display().to_string() };
    let place = Place::Path(shown);
    let refuse = |what: String| Complaint::new(what, place.clone());
    if path.is_dir() {
        return Err(
            refuse("this is a directory".to_owned()).with_help("name the JSON report in it")
        );
    }
    let bytes =
        if is_stdin { input::read_stdin(SIZE_LIMIT) } else { input::read(path, SIZE_LIMIT) };
    let json = bytes.map_err(|error| refuse(unreadable(&error, "report")))?;
    let report = ShownReport::read(&json).map_err(|error| {
        refuse(error.to_string()).with_help(
            "make a report with \"ovcheck check … --output json=FILE\" and render that file",
        )
    })?;
    Ok(FromFile { json, report })
}
