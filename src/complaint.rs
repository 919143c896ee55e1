//! What is said about something a person wrote that cannot be so: file, line, arrow, help.

use std::fmt;
use std::ops::Range;

/// A complaint about a rule file, a deployment file, an environment variable or a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    pub place: Place,
    /// What to do about it.
    pub help: Option<String>,
}

/// Where the thing complained about was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file: its whole text, and the bytes in question.
    File {
        path: String,
        text: String,
        span: Range<usize>,
        /// What stands there, in a few words.
        label: String,
    },
    /// In a flag, `--turn-domain-name`.
    Flag(String),
    /// In an environment variable.
    Environment(String),
    /// A file or directory as a whole.
    Path(String),
    /// Nowhere in particular.
    Nowhere,
}

impl fmt::Display for Complaint {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!("helper C: annotate-snippets, plain (no colour)")
    }
}

impl std::error::Error for Complaint {}
