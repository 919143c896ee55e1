//! The formats of a report: the one list of them.

use std::io::{self, Write};

use clap::ValueEnum;

use crate::exit::ExitStatus;
use crate::model::report::Report;
use crate::output::shown::ShownReport;
use crate::output::{self, Style};

/// A format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Table,
    /// JSON for programs; see `ovcheck schema report`
    Json,
    /// One HTML page for a browser
    Html,
    /// Markdown for a ticket or the summary of a pipeline step
    Markdown,
    /// JUnit XML for GitLab, Jenkins and other CI servers
    Junit,
    /// SARIF 2.1.0 for GitHub code scanning
    Sarif,
    /// Annotations for GitHub Actions
    Github,
    /// Metrics in the text format of Prometheus
    Metrics,
}

/// Writes a format that is made of the JSON report.
type Writer = fn(&ShownReport, &mut dyn Write) -> io::Result<()>;

impl Format {
    /// The names of all formats.
    pub fn names() -> Vec<String> {
        let values = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        values.map(|value| value.get_name().to_owned()).collect()
    }

    /// What makes the format of a JSON report; `None`: it is the JSON report, or needs more than that.
    fn of_json(self) -> Option<Writer> {
        match self {
            Self::Table | Self::Json => None,
            Self::Html => Some(output::html::write),
            Self::Markdown => Some(output::markdown::write),
            Self::Junit => Some(output::junit::write),
            Self::Sarif => Some(output::sarif::write),
            Self::Github => Some(output::github::write),
            Self::Metrics => Some(output::metrics::write),
        }
    }
}

/// A report that can be written in formats.
pub trait Written {
    /// Writes it. `status` is the status with which the program will exit.
    fn write(
        &self,
        format: Format,
        status: ExitStatus,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()>;
}

impl Written for Report {
    fn write(
        &self,
        format: Format,
        status: ExitStatus,
        style: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match (format.of_json(), format) {
            (Some(write), _) => write(&ShownReport::of_run(self, status.code())?, out),
            (None, Format::Table) => output::write_for_people(self, style, status.code(), out),
            (None, _) => output::json::write(self, status.code(), out),
        }
    }
}

/// A JSON report from a file.
pub struct FromFile {
    pub json: Vec<u8>,
    pub report: ShownReport,
}

impl Written for FromFile {
    fn write(
        &self,
        format: Format,
        _: ExitStatus,
        _: &Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match format.of_json() {
            Some(write) => write(&self.report, out),
            None => out.write_all(&self.json),
        }
    }
}
