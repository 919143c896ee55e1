//! What a file may decide that no user named: nothing that other users wrote, and not where credentials go.

use std::path::Path;

use serde_spanned::Spanned;

use super::file::{DeploymentFile, FileChoice, FileShape};
use super::sources::Written;
use crate::complaint::{Complaint, Place};
use crate::input::{self, Writers};
use crate::model::name::DomainName;

/// An empty file that every machine has: to run without one.
const NO_FILE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// How to use such a file all the same, or to do without it.
pub(super) fn help() -> String {
    format!("read it and name it with --config ovcheck.toml, or run without it: --config {NO_FILE}")
}

/// Rejects a file that another user may have written, or may replace. `help` says how to use it all the
/// same, or to do without it.
///
/// # Errors
/// If the file or its directory belongs to another user than this one and root, or other users can
/// write to it.
pub fn is_of_this_user(path: &Path, help: &str) -> Result<(), Complaint> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    for (place, what) in [(path, "this file"), (directory, "the directory of this file")] {
        // Reading reports why this is not known.
        let Ok(writers) = input::writers_of(place) else {
            continue;
        };
        if let Some(trouble) = trouble_with(writers) {
            let shown = Place::Path(path.display().to_string());
            return Err(Complaint::new(format!("{what} {trouble}"), shown).with_help(help));
        }
    }
    Ok(())
}

fn trouble_with(writers: Writers) -> Option<&'static str> {
    match writers {
        Writers::OnlyThisUser => None,
        Writers::AnotherUser => Some("belongs to another user"),
        Writers::OtherUsers => Some("can be written by other users"),
        #[cfg(windows)]
        Writers::NotKnown => {
            Some("may be written by other users; on Windows, ovcheck cannot see by whom")
        }
    }
}

/// Rejects settings of a file that no user named, when credentials are used: they would decide where the
/// credentials go, or who may receive them.
///
/// # Errors
/// If such a file has one of them, even if a flag overrides it.
pub(super) fn decides_nothing_about_credentials(
    file: &DeploymentFile,
    shape: &FileShape,
) -> Result<(), Complaint> {
    if file.choice == FileChoice::Named {
        return Ok(());
    }
    let first = |list: &Option<Vec<Spanned<String>>>| Some(list.as_ref()?.first()?.span());
    let one = |value: &Option<Spanned<String>>| value.as_ref().map(Spanned::span);
    let settings = [
        ("ca-file", one(&shape.ca_file)),
        ("connect-to", first(&shape.connect_to)),
        ("resolve", first(&shape.resolve)),
        ("dns-server", one(&shape.dns_server)),
        ("http-proxy", one(&shape.http_proxy)),
        ("token-file", one(&shape.token_file)),
        ("api-secret-file", one(&shape.api_secret_file)),
    ];
    for (key, span) in settings {
        if let Some(span) = span {
            let label = "decides where credentials go";
            let place = Place::in_file(&file.path, &file.text, span, label);
            let message = format!("with credentials, {key} must be in a file that you name");
            return Err(Complaint::new(message, place)
                .with_help("if this is your file, name it: --config ovcheck.toml"));
        }
    }
    Ok(())
}

/// Rejects a file that describes another deployment than the one on the command line.
///
/// # Errors
/// If the two domains differ.
pub(super) fn is_of_this_deployment(
    on_command_line: Option<&DomainName>,
    in_file: Option<&Written<'_, DomainName>>,
) -> Result<(), Complaint> {
    let (Some(meant), Some(described)) = (on_command_line, in_file) else {
        return Ok(());
    };
    if *meant == described.value {
        return Ok(());
    }
    Err(Complaint::new(
        format!("this file describes another deployment than {meant}"),
        described.origin.place("another domain name"),
    )
    .with_help(format!(
        "omit the domain name to check this one, name another file with --config, or run without a \
         file: --config {NO_FILE}"
    )))
}
