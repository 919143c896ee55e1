//! The file of a recording: how it is written, and how it is read. Reading trusts nothing: every value is
//! checked as if it were typed.

mod responders;
mod together;

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::complaint::from_json::{self, SIZE_LIMIT};
use crate::complaint::{Complaint, Place};
use crate::input;
use crate::model::recording::{Recording, RecordingHead};

pub use responders::{Part, fill_in, parse_part, read_part};
pub use together::{Likeness, as_asked, fit_together};

/// The text of a recording, with a final newline.
pub fn to_bytes(recording: &Recording) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(recording)
        .expect("a recording is made of structs, lists, strings and numbers");
    bytes.push(b'\n');
    bytes
}

/// Reads the recording at `path`.
///
/// # Errors
/// If it cannot be read, is not a recording, or is one of another version.
pub fn read(path: &Path) -> Result<Recording, Complaint> {
    let shown = path.display().to_string();
    let bytes = input::read(path, SIZE_LIMIT).map_err(|error| {
        let message = from_json::unreadable(&error, "recording");
        Complaint::new(message, Place::Path(shown.clone())).with_help(HELP)
    })?;
    parse(&shown, &bytes)
}

const HELP: &str = "name a recording that `ovcheck check --record FILE` wrote";

/// What a file is, by its first fields.
#[derive(Deserialize)]
struct Kind {
    recording: Option<HeadShape>,
    /// Only a report has it.
    schema_version: Option<IgnoredAny>,
}

/// The head in every version.
#[derive(Deserialize)]
struct HeadShape {
    version: u32,
    ovcheck: String,
}

/// Reads the bytes of a recording. `shown` is its path.
///
/// # Errors
/// As for [`read`].
pub fn parse(shown: &str, bytes: &[u8]) -> Result<Recording, Complaint> {
    let whole = || Place::Path(shown.to_owned());
    let kind: Kind = serde_json::from_slice(bytes).map_err(|error| {
        let message = from_json::not_json(&error, "a recording");
        Complaint::new(message, from_json::place(shown, &error)).with_help(HELP)
    })?;
    let Some(HeadShape { version, ovcheck }) = kind.recording else {
        let (message, help) = match kind.schema_version {
            Some(_) => (
                "this is a report, not a recording",
                "a report does not hold everything that was seen; name a recording that `ovcheck \
                 check --record FILE` wrote",
            ),
            None => ("this JSON file is not a recording", HELP),
        };
        return Err(Complaint::new(message, whole()).with_help(help));
    };
    if version != RecordingHead::VERSION {
        let message = format!(
            "ovcheck {ovcheck} wrote this recording in version {version}; this ovcheck reads version {}",
            RecordingHead::VERSION
        );
        return Err(Complaint::new(message, whole())
            .with_help(format!("evaluate it with ovcheck {ovcheck}, or record again")));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let reason = from_json::reason(&error);
        let message = format!("this recording of ovcheck {ovcheck} cannot be read: {reason}");
        Complaint::new(message, from_json::place(shown, &error)).with_help(format!(
            "it was changed, or ovcheck {ovcheck} records otherwise; evaluate it with the version \
             that wrote it"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_recording_is_refused_with_its_place() {
        let table = [
            ("{\"recording\": {\"version\": V", "ends too early", "f.json:1:27"),
            ("", "ends too early", "f.json:1:0"),
            ("nonsense", "not a recording", "f.json:1:2"),
            ("{\"schema_version\": \"1.0\"}", "this is a report", "f.json"),
            ("{}", "not a recording", "f.json"),
            (
                "{\"recording\": {\"version\": 70, \"ovcheck\": \"9.9\"}}",
                "ovcheck 9.9 wrote",
                "f.json",
            ),
            (
                "{\"recording\": {\"version\": V, \"ovcheck\": \"0.1\"}}",
                "cannot be read",
                "f.json:1:",
            ),
            ("{\"recording\": {\"version\": V}}", "missing field", "f.json:1:"),
        ];
        // V: the version that this program reads.
        let version = RecordingHead::VERSION.to_string();
        for (text, what, place) in table {
            let text = text.replace('V', &version);
            let said = parse("f.json", text.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(what) && said.contains(place), "{text}: {said}");
            assert!(said.contains("help: "), "{said}");
        }
        let directory = tempfile::tempdir().unwrap();
        let said = read(directory.path()).unwrap_err().to_string();
        assert!(said.contains("this is a directory"), "{said}");
    }
}
