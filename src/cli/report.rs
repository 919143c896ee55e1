//! Makes a report and writes it to stdout and to files.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Once;

use clap::ValueEnum;

use super::files::{self, Overwrite};
use super::format::{Format, Written};
use super::progress::Progress;
use super::signals::Interrupts;
use super::terminal::{Look, OUTPUT, print};
use super::{Stop, tell, warn};
use crate::app::{self, Observed, ProxyHere};
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::{CheckOptions, RunConfig};
use crate::exit::ExitStatus;
use crate::model::report::Report;

/// Makes a whole run: plan, probes, findings. The first Ctrl-C stops the probes; the observations up
/// to then are evaluated.
pub async fn of_run(
    config: RunConfig,
    options: CheckOptions,
    look: Look,
    interrupts: &Interrupts,
) -> Result<Report, Stop> {
    warn(&config);
    Ok(app::judge(observed(config, look, interrupts).await?, options))
}

/// Makes a whole run up to the observations, which are not judged yet.
pub async fn observed(
    config: RunConfig,
    look: Look,
    interrupts: &Interrupts,
) -> Result<Observed, Stop> {
    let mut progress = Progress::on(look.shows_progress().then(io::stderr));
    let files = app::Files::read(&config)?;
    let probing = interrupts.probing();
    let mut prepared = app::prepare(config, files, probing.interrupt()).await?;
    if let Some(here) = &prepared.proxy_here {
        TOLD_PROXY.call_once(|| tell_proxy(here));
    }
    prepared.choose_edition(probing.interrupt()).await;
    prepared.may_run()?;
    let observed = app::observe(prepared, probing.interrupt(), &mut |at| {
        progress.update(at);
    })
    .await;
    progress.clear();
    Ok(observed)
}

/// A check that waits until everything passes tells it once.
static TOLD_PROXY: Once = Once::new();

fn tell_proxy(here: &ProxyHere) {
    match here {
        ProxyHere::Read(proxy) => tell(format_args!(
            "reading {}, because {} accepts the connections of users on this machine; --no-proxy-config leaves it out",
            proxy.files.join(", "),
            proxy.kind
        )),
        ProxyHere::NeedsRoot(kind) => tell(format_args!(
            "not reading the configuration of {kind}: only root can see whether it accepts the connections of \
             users on this machine; run ovcheck with sudo, or name the main file with --proxy-config"
        )),
        ProxyHere::FilesUnknown(kind) => tell(format_args!(
            "not reading the configuration of {kind}: its process does not show which files of this machine it \
             has read; name the main file with --proxy-config"
        )),
        ProxyHere::Unreadable(proxy, complaint) => tell(format_args!(
            "not reading the configuration of {} ({}): {}",
            proxy.kind,
            proxy.files.join(", "),
            complaint.message
        )),
    }
}

/// Where a report is written, and in which formats.
#[derive(Debug, clap::Args)]
pub struct Outputs {
    /// Output format on stdout [default: table]
    #[arg(long, value_name = "FORMAT", help_heading = OUTPUT)]
    format: Option<Format>,

    /// Also write the report to a file, such as json=report.json or junit=ovcheck.xml (repeatable)
    ///
    /// FORMAT is one of the formats of --format. FORMAT=- is standard output and replaces --format.
    #[arg(long, value_name = "FORMAT=FILE", help_heading = OUTPUT)]
    output: Vec<Output>,

    /// Overwrite existing files
    #[arg(long, help_heading = OUTPUT)]
    force: bool,
}

/// One `--output FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Output {
    format: Format,
    to: Destination,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Destination {
    Stdout,
    File(PathBuf),
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or("must have the form FORMAT=FILE, such as json=report.json")?;
        let format = <Format as ValueEnum>::from_str(format, false).map_err(|_| {
            let names = Format::names();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("unknown format \"{format}\"; {}", help_for_unknown(format, &names))
        })?;
        let to = match path {
            "-" => Destination::Stdout,
            path => Destination::File(path.into()),
        };
        Ok(Self { format, to })
    }
}

impl Outputs {
    /// Whether existing files may be overwritten.
    pub fn overwrite(&self) -> Overwrite {
        if self.force { Overwrite::Allowed } else { Overwrite::Refused }
    }

    fn files(&self) -> impl Iterator<Item = (Format, &PathBuf)> {
        self.output.iter().filter_map(|output| match &output.to {
            Destination::Stdout => None,
            Destination::File(path) => Some((output.format, path)),
        })
    }

    /// The formats that the flags send to stdout; one at most, if they were checked.
    fn asked_on_stdout(&self) -> impl Iterator<Item = Format> {
        let by_output = self.output.iter().filter(|output| output.to == Destination::Stdout);
        self.format.into_iter().chain(by_output.map(|output| output.format))
    }

    /// All formats, on stdout and in files.
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        let files = self.files().map(|(format, _)| format);
        self.asked_on_stdout().chain(files)
    }

    /// The same, with this format on stdout if the flags send none there.
    #[must_use]
    pub fn or_on_stdout(mut self, format: Format) -> Self {
        if self.asked_on_stdout().next().is_none() {
            self.format = Some(format);
        }
        self
    }

    /// Checks before the run that no report and no existing file would be lost after it.
    ///
    /// # Errors
    /// When two outputs go to stdout or to one file, and when a file exists and must not be overwritten,
    /// or cannot be written; when there is no
    /// file that could be overwritten.
    pub fn check(&self) -> Result<(), Complaint> {
        if self.force && self.output.is_empty() {
            let flag = Place::Flag("--force".to_owned());
            return Err(Complaint::new("there is no file to overwrite", flag)
                .with_help("name one with --output FORMAT=FILE, or omit --force"));
        }
        self.check_files()
    }

    fn check_files(&self) -> Result<(), Complaint> {
        let refuse = |what: String| Complaint::new(what, Place::Flag("--output".to_owned()));
        if self.asked_on_stdout().count() > 1 {
            return Err(refuse("two outputs go to standard output".to_owned())
                .with_help("write one of them to a file: --output FORMAT=FILE"));
        }
        let mut taken = Vec::new();
        for (_, path) in self.files() {
            let shown = path.display();
            let place = files::resolved(path);
            if taken.contains(&place) {
                return Err(refuse(format!("two outputs go to {shown}"))
                    .with_help("use a different file for each format"));
            }
            taken.push(place);
            self.check_file("--output", path)?;
        }
        Ok(())
    }

    /// Checks that the file at `path`, which `flag` names, can be written and may be.
    fn check_file(&self, flag: &str, path: &Path) -> Result<(), Complaint> {
        let shown = path.display();
        let refuse = |what: String| Complaint::new(what, Place::Flag(flag.to_owned()));
        if path.is_dir() {
            return Err(refuse(format!("{shown} is a directory")).with_help("name a file in it"));
        }
        if self.overwrite() == Overwrite::Refused && files::is_taken(path) {
            return Err(refuse(format!("{shown} already exists"))
                .with_help("choose another file, or overwrite it with --force"));
        }
        files::can_be_written(path).map_err(|error| {
            refuse(format!("{shown} cannot be written: {error}"))
                .with_help("create the directory first, or choose another file")
        })
    }

    /// Checks that nothing but the files takes the report: stdout is for something else.
    ///
    /// # Errors
    /// When a format goes to stdout.
    pub fn check_stdout_is_free(&self, taken_by: &str) -> Result<(), Complaint> {
        match self.asked_on_stdout().next() {
            None => Ok(()),
            Some(_) => {
                let what = format!("{taken_by} is printed on standard output");
                Err(Complaint::new(what, Place::Flag("--output".to_owned()))
                    .with_help("write the report to a file: --output FORMAT=FILE"))
            }
        }
    }

    /// The same, for a run that also writes the file at `path`, which `flag` names.
    ///
    /// # Errors
    /// As for [`Self::check`], and when a report is written to that file too, or it exists and must not
    /// be overwritten, or cannot be written.
    pub fn check_beside(&self, flag: &str, path: &Path) -> Result<(), Complaint> {
        self.check_files()?;
        let place = files::resolved(path);
        if self.files().any(|(_, other)| files::resolved(other) == place) {
            let what = format!("{} is also named by --output", path.display());
            return Err(Complaint::new(what, Place::Flag(flag.to_owned()))
                .with_help("use a different file for each"));
        }
        self.check_file(flag, path)
    }

    /// Writes the report of a run to stdout and to every file, and returns the exit status of the
    /// program.
    ///
    /// If a file cannot be written, the status is 4 and its report is printed on stdout. Nothing is
    /// printed in addition to a format for programs, which must stay parsable.
    pub fn write(&self, report: &Report, look: Look) -> Result<ExitStatus, Stop> {
        self.write_with(report, ExitStatus::of(report), look)
    }

    /// The same for any report, and a program that ends with this status.
    pub fn write_with(
        &self,
        report: &dyn Written,
        status: ExitStatus,
        look: Look,
    ) -> Result<ExitStatus, Stop> {
        let mut on_stdout = vec![self.asked_on_stdout().next().unwrap_or(Format::Table)];
        let ends_with = self.write_each(report, status, look, &mut on_stdout);
        print_all(report, look, &on_stdout, ends_with)?;
        Ok(ends_with)
    }

    /// Writes a recording beside the report. The status of the program, if that fails.
    pub fn save(&self, path: &Path, bytes: &[u8]) -> Option<ExitStatus> {
        let error = files::write(path, bytes, self.overwrite()).err()?;
        tell(format_args!("error: failed to write {}: {error}", path.display()));
        Some(ExitStatus::INTERNAL)
    }

    /// Writes the report only to its files, and returns the exit status of the program. If a file
    /// cannot be written, the status is 4 and its report is printed on stdout.
    pub fn write_files(&self, report: &Report, look: Look) -> Result<ExitStatus, Stop> {
        let mut on_stdout = Vec::new();
        let ends_with = self.write_each(report, ExitStatus::of(report), look, &mut on_stdout);
        print_all(report, look, &on_stdout, ends_with)?;
        Ok(ends_with)
    }

    /// Writes the files. Adds the format of a report that could not be written to `on_stdout`,
    /// unless stdout carries a format for programs.
    fn write_each(
        &self,
        report: &dyn Written,
        status: ExitStatus,
        look: Look,
        on_stdout: &mut Vec<Format>,
    ) -> ExitStatus {
        let mut ends_with = status;
        for (format, path) in self.files() {
            let mut bytes = Vec::new();
            let written = report
                .write(format, status, &look.of_file(), &mut bytes)
                .and_then(|()| files::write(path, &bytes, self.overwrite()));
            if let Err(error) = written {
                let shown = path.display();
                let is_for_people =
                    on_stdout.iter().all(|shown| matches!(shown, Format::Table | Format::Markdown));
                let rest = if is_for_people { "; the report is printed on stdout" } else { "" };
                tell(format_args!("error: failed to write {shown}: {error}{rest}"));
                ends_with = ExitStatus::INTERNAL;
                if is_for_people && !on_stdout.contains(&format) {
                    on_stdout.push(format);
                }
            }
        }
        ends_with
    }
}

/// Prints the report in each of these formats. The status is the one with which the program will
/// exit.
fn print_all(
    report: &dyn Written,
    look: Look,
    formats: &[Format],
    status: ExitStatus,
) -> Result<(), Stop> {
    let style = look.of_stdout();
    print(|out| {
        let mut formats = formats.iter();
        formats.try_for_each(|format| report.write(*format, status, &style, out))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_format_and_a_file() {
        assert_eq!(
            "json=out/report=1.json".parse(),
            Ok(Output { format: Format::Json, to: Destination::File("out/report=1.json".into()) })
        );
        assert_eq!(
            "sarif=-".parse(),
            Ok(Output { format: Format::Sarif, to: Destination::Stdout })
        );
        let refused = |text: &str| text.parse::<Output>().unwrap_err();
        let shape = "must have the form FORMAT=FILE, such as json=report.json";
        assert_eq!(refused("report.json"), shape);
        assert_eq!(refused("json="), shape);
        assert_eq!(refused("jsno=report.json"), "unknown format \"jsno\"; did you mean \"json\"?");
    }
}
