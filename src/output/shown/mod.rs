//! A JSON report, read as any program reads it: every format except the table and the JSON itself is
//! made of this.
//!
//! A run first writes its report as JSON and reads it here. So `ovcheck render` makes the same files of
//! a stored report as the run that made it, and no format knows more than the published schema says.
//! Words of lists that a minor version may extend stay text, and unknown fields are skipped: a report
//! of a later minor version can be rendered.

mod call;
mod certificates;
mod claims;
mod groups;
mod place;
mod settings;
mod summary;
mod types;

use std::io;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use thiserror::Error;

use super::json;
use crate::model::report::Report;

pub use call::*;
pub use certificates::SeenChain;
pub use claims::Claim;
pub use groups::{Group, PlacesWithRemedy, SeenAt};
pub use summary::{ResultWord, in_one_line};
pub use types::*;

/// The number before the dot of the versions that can be read.
const MAJOR_VERSION: &str = "1";

/// Why a file is not a report that can be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotAReport {
    #[error("line {line}: not JSON: {words}")]
    NotJson { line: usize, words: String },
    #[error("line {line}: the file ends in the middle of the report")]
    CutOff { line: usize },
    #[error(
        "this is a recording of observations and not a report; \"ovcheck evaluate\" makes one of it"
    )]
    Recording,
    #[error("this is not a JSON report of ovcheck: it has no \"schema_version\"")]
    NoVersion,
    #[error("the report has the format version {0}; this version of ovcheck reads version 1")]
    OtherVersion(String),
    #[error("line {line}: not a valid report: {words}")]
    OtherShape { line: usize, words: String },
}

/// What tells whether a file is a report at all.
#[derive(Deserialize)]
struct Head {
    schema_version: Option<String>,
    /// Only a recording has it.
    recording: Option<IgnoredAny>,
}

impl ShownReport {
    /// Reads a JSON report.
    ///
    /// # Errors
    /// When the bytes are not a JSON report of version 1.
    pub fn read(json: &[u8]) -> Result<Self, NotAReport> {
        let head: Head = serde_json::from_slice(json).map_err(|error| not_a_report(&error))?;
        if head.recording.is_some() {
            return Err(NotAReport::Recording);
        }
        let version = head.schema_version.ok_or(NotAReport::NoVersion)?;
        if version.split('.').next() != Some(MAJOR_VERSION) {
            return Err(NotAReport::OtherVersion(super::text::one_line(&version)));
        }
        // It is read as it stands only to name the line of what is wrong in it.
        let _: Self = serde_json::from_slice(json).map_err(|error| not_a_report(&error))?;
        Self::cleaned(json).map_err(|error| not_a_report(&error))
    }

    fn cleaned(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_value(cleaned(serde_json::from_slice(json)?))
    }

    /// The report of a run that ends with this exit status, as its readers see it.
    ///
    /// # Errors
    /// When the JSON report cannot be made or read back, which is a fault of ovcheck.
    pub fn of_run(report: &Report, exit: u8) -> io::Result<Self> {
        let mut bytes = Vec::new();
        json::write(report, exit, &mut bytes)?;
        Ok(Self::cleaned(&bytes)?)
    }
}

/// The same without anything in its texts that could drive a terminal: anyone may have written the file.
fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(super::quote::shown(&super::text::clean(&text))),
        Value::Array(list) => list.into_iter().map(cleaned).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, cleaned(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn not_a_report(error: &serde_json::Error) -> NotAReport {
    use serde_json::error::Category;
    let line = error.line();
    let whole = error.to_string();
    // The place is told in front.
    let words = whole.split(" at line ").next().unwrap_or_default();
    let words = super::text::cut(&super::text::one_line(words), 200);
    match error.classify() {
        Category::Eof => NotAReport::CutOff { line },
        Category::Syntax | Category::Io => NotAReport::NotJson { line, words },
        Category::Data => NotAReport::OtherShape { line, words },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> NotAReport {
        ShownReport::read(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_not_a_report_is_named() {
        assert!(matches!(refused("a: b"), NotAReport::NotJson { line: 1, .. }));
        assert_eq!(
            refused("{\"schema_version\": \"1.0\",\n \"tool\""),
            NotAReport::CutOff { line: 2 }
        );
        assert_eq!(refused("{}"), NotAReport::NoVersion);
        assert_eq!(refused("{\"recording\": {}}"), NotAReport::Recording);
        assert_eq!(
            refused("{\"schema_version\": \"2.0\"}"),
            NotAReport::OtherVersion("2.0".to_owned())
        );
        assert_eq!(
            refused("{\"schema_version\": \"1.0\"}"),
            NotAReport::OtherShape { line: 1, words: "missing field `tool`".to_owned() }
        );
        assert!(matches!(refused("[1]"), NotAReport::OtherShape { .. }));
    }
}
