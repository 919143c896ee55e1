//! Reads JSON reports of former runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::complaint::from_json::{self, SIZE_LIMIT};
use crate::complaint::{Complaint, Place};
use crate::input;
use crate::model::stored::StoredReport;

/// The number before the dot of the reports that can be read.
const MAJOR_VERSION: &str = "1";

/// What a file is, by its first fields.
#[derive(Debug, Deserialize)]
struct Kind {
    schema_version: Option<String>,
    /// Only a recording has it.
    recording: Option<IgnoredAny>,
}

/// Reads the report at `path`.
///
/// # Errors
/// If it cannot be read, is not JSON, or is not a report of a version that can be read.
pub fn read(path: &Path) -> Result<StoredReport, Complaint> {
    let shown = path.display().to_string();
    let bytes = input::read(path, SIZE_LIMIT).map_err(|error| {
        let help = "name a report that `ovcheck check --output json=FILE` wrote";
        let message = from_json::unreadable(&error, "report");
        Complaint::new(message, Place::Path(shown.clone())).with_help(help)
    })?;
    parse(&shown, &bytes)
}

/// Reads the bytes of a report. `shown` is its path.
///
/// # Errors
/// As for [`read`].
pub fn parse(shown: &str, bytes: &[u8]) -> Result<StoredReport, Complaint> {
    let kind: Kind = serde_json::from_slice(bytes).map_err(|error| {
        let message = from_json::not_json(&error, "a JSON report");
        Complaint::new(message, from_json::place(shown, &error))
            .with_help("name a whole report that `ovcheck check --output json=FILE` wrote")
    })?;
    let whole = || Place::Path(shown.to_owned());
    if kind.recording.is_some() {
        return Err(Complaint::new("this is a recording, not a report", whole())
            .with_help("`ovcheck evaluate FILE --output json=REPORT` makes a report of it"));
    }
    let Some(version) = kind.schema_version else {
        return Err(Complaint::new("this JSON file is not an ovcheck report", whole())
            .with_help("name a report that `ovcheck check --output json=FILE` wrote"));
    };
    if version.split('.').next() != Some(MAJOR_VERSION) {
        let message =
            format!("this report has version {version}; this ovcheck reads {MAJOR_VERSION}.x");
        return Err(
            Complaint::new(message, whole()).with_help("read it with the ovcheck that wrote it")
        );
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("this is not a complete report: {}", from_json::reason(&error));
        Complaint::new(message, from_json::place(shown, &error))
            .with_help("the file was changed or written by another program; make the report again")
    })
}

/// The reports in these places: files, and the files `*.json` of directories.
///
/// # Errors
/// As for [`read`], and if there is none. A file in a directory that is not a report is not skipped:
/// it may be the one that matters.
pub fn read_all(places: &[PathBuf]) -> Result<Vec<(String, StoredReport)>, Complaint> {
    let mut paths = Vec::new();
    for place in places {
        if place.is_dir() {
            paths.extend(reports_in(place)?);
        } else {
            paths.push(place.clone());
        }
    }
    let reports = paths.iter().map(|path| Ok((path.display().to_string(), read(path)?)));
    reports.collect()
}

fn reports_in(directory: &Path) -> Result<Vec<PathBuf>, Complaint> {
    let shown = Place::Path(directory.display().to_string());
    let failed = |error: io::Error| {
        Complaint::new(format!("failed to read the directory: {error}"), shown.clone())
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|extension| extension == "json") && !is_hidden {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Complaint::new("there is no report (*.json) in this directory", shown)
            .with_help("write reports into it with `ovcheck check --output json=DIR/NAME.json`"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_report_is_refused_with_its_place() {
        let table = [
            ("{\n  \"schema_version\": \"1.0\",\n", "ends too early", "r.json:3:0"),
            ("[1]", "not a JSON report", "r.json:1:"),
            ("", "ends too early", "r.json:1:0"),
            ("{}", "not an ovcheck report", "r.json"),
            ("{\"schema_version\": \"2.0\"}", "has version 2.0", "r.json"),
            ("{\"schema_version\": \"1.0\"}", "missing field `tool`", "r.json:1:"),
            ("{\"recording\": {}, \"a\": 1}", "this is a recording", "r.json"),
            ("\u{0}\u{1}", "not a JSON report", "r.json:1:1"),
        ];
        for (text, what, place) in table {
            let said = parse("r.json", text.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(what) && said.contains(place), "{text}: {said}");
            assert!(said.contains("help: "), "{said}");
        }
    }

    #[test]
    fn a_directory_is_not_a_report() {
        let directory = tempfile::tempdir().unwrap();
        let said = read(directory.path()).unwrap_err().to_string();
        assert!(said.contains("this is a directory"), "{said}");
        let said = read_all(&[directory.path().to_owned()]).unwrap_err().to_string();
        assert!(said.contains("no report (*.json)"), "{said}");
    }
}
