//! The report for programs: `--format json`.

pub mod v1;

use std::io::{self, Write};

use super::log_safe;
use crate::model::report::Report;

/// Writes the report as JSON, schema [`v1::SCHEMA_VERSION`], with a final newline.
///
/// The order of everything is the plan's, so that two runs differ only in what they saw and when.
/// `exit` is the exit status the program will end with.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, exit: u8, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_json(out, |out| {
        serde_json::to_writer_pretty(&mut *out, &v1::ReportV1::new(report, exit))?;
        writeln!(out)
    })
}
