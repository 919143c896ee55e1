//! Making a report, and writing it where it is wanted.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;

use super::files::{self, Overwrite};
use super::progress::Progress;
use super::signals::Signals;
use super::terminal::{Look, OUTPUT, print};
use super::{Stop, tell};
use crate::app::{self, Interrupt};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::{CheckOptions, RunConfig};
use crate::exit::ExitStatus;
use crate::model::plan::RunScope;
use crate::model::report::Report;
use crate::output::{self, Style};

/// Makes a whole run: plan, probes, findings. The first Ctrl-C ends the probing, and what was seen
/// until then is judged.
pub async fn of_run(config: RunConfig, options: CheckOptions, look: Look) -> Result<Report, Stop> {
    let (raise, interrupt) = Interrupt::new();
    tokio::spawn(Signals::listen()?.raise(raise));
    let mut progress = Progress::on(look.shows_progress().then(io::stderr));
    let prepared = app::prepare(config, &interrupt).await?;
    let report = app::check(prepared, options, &interrupt, &mut |done, total| {
        progress.update(done, total);
    })
    .await;
    progress.clear();
    Ok(report)
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs; see `ovcheck schema report`
    Json,
}

impl Format {
    /// Writes `report` of a program that will end with `status`.
    pub fn write(
        self,
        report: &Report,
        status: ExitStatus,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Table => match report.scope {
                RunScope::Whole => output::table::write(report, style, status.code(), out),
                RunScope::Call => output::call::write(report, style, status.code(), out),
            },
            Self::Json => output::json::write(report, status.code(), out),
        }
    }
}

/// Where a report goes, and in which forms.
#[derive(Debug, clap::Args)]
pub struct Outputs {
    /// The form of the report on stdout
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = OUTPUT)]
    format: Format,

    /// Write the report to a file too: table=FILE or json=FILE (repeatable)
    #[arg(long, value_name = "FORMAT=FILE", help_heading = OUTPUT)]
    output: Vec<OutputFile>,

    /// Overwrite files of --output that are there already
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
            .ok_or("write FORMAT=FILE, such as json=report.json")?;
        let format = <Format as ValueEnum>::from_str(format, false).map_err(|_| {
            let help = help_for_unknown(format, &["table", "json"]);
            format!("unknown format \"{format}\"; {help}")
        })?;
        Ok(Self { format, path: path.into() })
    }
}

impl Outputs {
    fn overwrite(&self) -> Overwrite {
        if self.force { Overwrite::Allowed } else { Overwrite::Refused }
    }

    /// Refuses before the run what would lose a report or a file after it.
    ///
    /// # Errors
    /// When a file is named twice, or is there already and may not be overwritten.
    pub fn check(&self) -> Result<(), Complaint> {
        let refuse = |what: String| Complaint::new(what, Place::Flag("--output".to_owned()));
        for (index, OutputFile { path, .. }) in self.output.iter().enumerate() {
            let shown = path.display();
            if self.output[..index].iter().any(|one| one.path == *path) {
                return Err(refuse(format!("{shown} is named twice"))
                    .with_help("give each format a file of its own"));
            }
            if self.overwrite() == Overwrite::Refused && files::is_taken(path) {
                return Err(refuse(format!("{shown} is there already"))
                    .with_help("name another file, or allow it with --force"));
            }
        }
        Ok(())
    }

    /// Writes the report everywhere, and gives the exit status of the whole.
    ///
    /// A file that cannot be written makes the status 4, and its report is printed on stdout
    /// instead of lost. Nothing is ever printed beside JSON, which holds everything anyway.
    pub fn write(&self, report: &Report, look: Look) -> Result<ExitStatus, Stop> {
        let mut on_stdout = vec![self.format];
        let ends_with = self.files(report, look, &mut on_stdout);
        print_all(report, look, (&on_stdout, ends_with))?;
        Ok(ends_with)
    }

    /// Writes the report to its files alone, and gives the exit status of the whole. One that
    /// cannot be written makes it 4, and is printed on stdout.
    pub fn write_files(&self, report: &Report, look: Look) -> Result<ExitStatus, Stop> {
        let mut on_stdout = Vec::new();
        let ends_with = self.files(report, look, &mut on_stdout);
        print_all(report, look, (&on_stdout, ends_with))?;
        Ok(ends_with)
    }

    /// Writes the files. A report that could not be written joins those on stdout, unless JSON is
    /// there.
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
                    "error: failed to write {shown}: {error}; the report is on stdout"
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

/// Prints the report in these forms, of a program that will end with `status`.
fn print_all(
    report: &Report,
    look: Look,
    (formats, status): (&[Format], ExitStatus),
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
        let shape = "write FORMAT=FILE, such as json=report.json";
        assert_eq!(refused("report.json"), shape);
        assert_eq!(refused("json="), shape);
        assert_eq!(refused("jsno=report.json"), "unknown format \"jsno\"; did you mean \"json\"?");
    }
}
