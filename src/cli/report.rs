//! Makes a report and writes it to stdout and to files.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;

use super::files::{self, Overwrite};
use super::progress::Progress;
use super::signals::Interrupts;
use super::terminal::{Look, OUTPUT, print};
use super::{Stop, tell, warn};
use crate::app;
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::{CheckOptions, RunConfig};
use crate::exit::ExitStatus;
use crate::model::plan::RunScope;
use crate::model::report::Report;
use crate::output::{self, Style};

/// Makes a whole run: plan, probes, findings. The first Ctrl-C stops the probes; the observations up
/// to then are evaluated.
pub async fn of_run(
    config: RunConfig,
    options: CheckOptions,
    look: Look,
    interrupts: &Interrupts,
) -> Result<Report, Stop> {
    warn(&config);
    let mut progress = Progress::on(look.shows_progress().then(io::stderr));
    let files = app::Files::read(&config)?;
    let probing = interrupts.probing();
    let prepared = app::prepare(config, files, probing.interrupt()).await?;
    prepared.may_run()?;
    let report = app::check(prepared, options, probing.interrupt(), &mut |at| {
        progress.update(at);
    })
    .await;
    progress.clear();
    Ok(report)
}

/// An output format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Table,
    /// JSON for programs; see `ovcheck schema report`
    Json,
}

impl Format {
    /// Writes `report`. `status` is the status with which the program will exit.
    pub fn write(
        self,
        report: &Report,
        status: ExitStatus,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Table => match report.scope() {
                RunScope::Whole => output::table::write(report, style, status.code(), out),
                RunScope::Call => output::call::write(report, style, status.code(), out),
            },
            Self::Json => output::json::write(report, status.code(), out),
        }
    }
}

/// Where a report is written, and in which formats.
#[derive(Debug, clap::Args)]
pub struct Outputs {
    /// Output format on stdout
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    format: Format,

    /// Also write the report to a file, as table=FILE or json=FILE (repeatable)
    #[arg(long, value_name = "FORMAT=FILE", help_heading = OUTPUT)]
    output: Vec<OutputFile>,

    /// Overwrite existing files named by --output
    #[arg(long, requires = "output", help_heading = OUTPUT)]
    force: bool,
}

/// One `--output FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OutputFile {
    format: Format,
    path: PathBuf,
}

impl FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or("must have the form FORMAT=FILE, such as json=report.json")?;
        let format = <Format as ValueEnum>::from_str(format, false).map_err(|_| {
            let help = help_for_unknown(format, &["table", "json"]);
            format!("unknown format \"{format}\"; {help}")
        })?;
        if path == "-" {
            return Err("standard output is not a file; use --format".to_owned());
        }
        Ok(Self { format, path: path.into() })
    }
}

impl Outputs {
    fn overwrite(&self) -> Overwrite {
        if self.force { Overwrite::Allowed } else { Overwrite::Refused }
    }

    /// Checks before the run that no report and no existing file would be lost after it.
    ///
    /// # Errors
    /// When a file is given twice, or exists and must not be overwritten.
    pub fn check(&self) -> Result<(), Complaint> {
        let refuse = |what: String| Complaint::new(what, Place::Flag("--output".to_owned()));
        for (index, OutputFile { path, .. }) in self.output.iter().enumerate() {
            let shown = path.display();
            if self.output[..index].iter().any(|one| one.path == *path) {
                return Err(refuse(format!("{shown} is given twice"))
                    .with_help("use a different file for each format"));
            }
            if self.overwrite() == Overwrite::Refused && files::is_taken(path) {
                return Err(refuse(format!("{shown} already exists"))
                    .with_help("choose another file, or overwrite it with --force"));
            }
        }
        Ok(())
    }

    /// Writes the report to stdout and to every file, and returns the exit status of the program.
    ///
    /// If a file cannot be written, the status is 4 and its report is printed on stdout. Nothing is
    /// printed in addition to JSON, which contains everything and must stay parsable.
    pub fn write(&self, report: &Report, look: Look) -> Result<ExitStatus, Stop> {
        let mut on_stdout = vec![self.format];
        let ends_with = self.files(report, look, &mut on_stdout);
        print_all(report, look, &on_stdout, ends_with)?;
        Ok(ends_with)
    }

    /// Writes the report only to its files, and returns the exit status of the program. If a file
    /// cannot be written, the status is 4 and its report is printed on stdout.
    pub fn write_files(&self, report: &Report, look: Look) -> Result<ExitStatus, Stop> {
        let mut on_stdout = Vec::new();
        let ends_with = self.files(report, look, &mut on_stdout);
        print_all(report, look, &on_stdout, ends_with)?;
        Ok(ends_with)
    }

    /// Writes the files. Adds the format of a report that could not be written to `on_stdout`,
    /// unless stdout carries JSON.
    fn files(&self, report: &Report, look: Look, on_stdout: &mut Vec<Format>) -> ExitStatus {
        let status = ExitStatus::of(report);
        let mut ends_with = status;
        for OutputFile { format, path } in &self.output {
            let mut bytes = Vec::new();
            let written = format
                .write(report, status, &look.of_file(), &mut bytes)
                .and_then(|()| files::write(path, &bytes, self.overwrite()));
            if let Err(error) = written {
                let shown = path.display();
                tell(format_args!(
                    "error: failed to write {shown}: {error}; the report is printed on stdout"
                ));
                ends_with = ExitStatus::INTERNAL;
                if self.format == Format::Table && !on_stdout.contains(format) {
                    on_stdout.push(*format);
                }
            }
        }
        ends_with
    }
}

/// Prints the report in each of these formats. The status is the one with which the program will
/// exit.
fn print_all(
    report: &Report,
    look: Look,
    formats: &[Format],
    status: ExitStatus,
) -> Result<(), Stop> {
    let style = look.of_stdout();
    print(|out| {
        let mut formats = formats.iter();
        formats.try_for_each(|format| format.write(report, status, &style, out))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_format_and_a_file() {
        assert_eq!(
            "json=out/report=1.json".parse(),
            Ok(OutputFile { format: Format::Json, path: "out/report=1.json".into() })
        );
        let refused = |text: &str| text.parse::<OutputFile>().unwrap_err();
        let shape = "must have the form FORMAT=FILE, such as json=report.json";
        assert_eq!(refused("report.json"), shape);
        assert_eq!(refused("json="), shape);
        assert_eq!(refused("json=-"), "standard output is not a file; use --format");
        assert_eq!(refused("jsno=report.json"), "unknown format \"jsno\"; did you mean \"json\"?");
    }
}
