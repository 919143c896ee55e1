//! What the files of former runs, recordings and reports, have in common when they cannot be read.

use std::io;

use super::Place;

/// The maximum size of such a file, in bytes. One about hundreds of nodes has a tenth.
pub const SIZE_LIMIT: u64 = 256 << 20;

/// Why a file that should be `what`, "report" or "recording", was not read.
pub fn unreadable(error: &io::Error, what: &str) -> String {
    match error.kind() {
        io::ErrorKind::IsADirectory => format!("this is a directory, not a {what}"),
        io::ErrorKind::FileTooLarge => "the file is larger than 256 MiB".to_owned(),
        _ => format!("failed to read the {what}: {error}"),
    }
}

/// Where in the file `shown` its JSON is wrong.
pub fn place(shown: &str, error: &serde_json::Error) -> Place {
    Place::Path(format!("{shown}:{}:{}", error.line(), error.column()))
}

/// Why a file is not the JSON of `what`, such as "a recording".
pub fn not_json(error: &serde_json::Error, what: &str) -> String {
    match error.classify() {
        serde_json::error::Category::Eof => "the file ends too early: it was cut".to_owned(),
        _ => format!("this is not {what}: {}", reason(error)),
    }
}

/// The words of serde without the place, which stands in front.
pub fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.rfind(" at line ") {
        Some(end) => words[..end].to_owned(),
        None => words,
    }
}
