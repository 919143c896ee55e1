//! The text of the rule files, built in or from a directory.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::complaint::{Complaint, Place, suggest};
use crate::input;

/// A rule file and its text.
#[derive(Debug, Clone)]
pub(super) struct RuleFile {
    /// `dns.toml`.
    pub name: &'static str,
    /// Its path, for complaints.
    pub path: String,
    pub text: Cow<'static, str>,
}

macro_rules! embed {
    ($($name:literal),+ $(,)?) => {
        /// Every file with its embedded text. Files to which others refer come first; otherwise this
        /// is the order of the report.
        const EMBEDDED: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../rules/", $name))),)+
        ];
    };
}

embed![
    "firewall.toml",
    "endpoints.toml",
    "fronts.toml",
    "faces.toml",
    "livekit-keys.toml",
    "dns.toml",
    "http.toml",
    "tls.toml",
    "signal.toml",
    "turn.toml",
    "stun.toml",
    "rtmp.toml",
    "ports.toml",
    "call.toml",
    "policy.toml",
    "host.toml",
    "config.toml",
    "proxy.toml",
    "ruleset.toml",
    "troubles.toml",
];

/// The maximum size of a rule file, in bytes. The built-in ones have less than 40 KiB.
const LIMIT: u64 = 1024 * 1024;

impl RuleFile {
    /// `dns` for `dns.toml`.
    pub fn family(&self) -> &'static str {
        self.name.strip_suffix(".toml").unwrap_or(self.name)
    }

    /// The text of a span, exactly as in the file.
    pub fn written(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    /// A complaint about a place in this file.
    pub fn complaint(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Complaint {
        Complaint::new(message, Place::in_file(&self.path, &self.text, span, label))
    }
}

/// The built-in files.
pub(super) fn embedded() -> Vec<RuleFile> {
    EMBEDDED
        .iter()
        .map(|(name, text)| RuleFile {
            name,
            path: format!("rules/{name}"),
            text: Cow::Borrowed(text),
        })
        .collect()
}

/// The files of a directory. It must contain all of them and no other `.toml` file, so that no rule
/// is silently ignored.
pub(super) fn read(directory: &Path) -> Result<Vec<RuleFile>, Complaint> {
    refuse_strangers(directory)?;
    EMBEDDED
        .iter()
        .map(|(name, _)| {
            let path = directory.join(name);
            let text = read_text(&path)?;
            Ok(RuleFile { name, path: path.display().to_string(), text: Cow::Owned(text) })
        })
        .collect()
}

fn refuse_strangers(directory: &Path) -> Result<(), Complaint> {
    let cannot = |error: io::Error| {
        about(directory, format!("failed to read the rules directory: {error}"))
            .with_help("--rules requires a directory; start with a copy of rules/")
    };
    for entry in fs::read_dir(directory).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let known = || EMBEDDED.iter().map(|(known, _)| *known);
        if !name.ends_with(".toml") || known().any(|known| known == name) {
            continue;
        }
        let help = match suggest(&name, known()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => {
                format!("the rule files are {}", known().collect::<Vec<_>>().join(", "))
            }
        };
        return Err(about(&path, "unknown rule file").with_help(help));
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String, Complaint> {
    let cannot = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            return about(path, "the rule file is missing").with_help(
                "--rules replaces all built-in files; copy the missing file from rules/",
            );
        }
        about(path, format!("failed to read the rule file: {error}"))
            .with_help("the file must be UTF-8 text that you can read")
    };
    // A pipe has no place among rule files.
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(
            about(path, "this is not a regular file").with_help("replace it with a rule file")
        );
    }
    let bytes = input::read(path, LIMIT).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => about(path, "the rule file is larger than 1 MiB")
            .with_help("the files in rules/ are much smaller; check the file name"),
        _ => cannot(error),
    })?;
    String::from_utf8(bytes)
        .map_err(|error| cannot(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))
}

fn about(path: &Path, message: impl Into<String>) -> Complaint {
    Complaint::new(message, Place::Path(path.display().to_string()))
}
