//! Parsers for single values of rule files: lists, texts, ports, texts with placeholders.

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::EditionRange;
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::deployment::Edition;
use crate::model::port::PortRange;
use crate::model::rule::{InvalidTemplate, Placeholder, Template};

/// A port, or a range of them.
pub(super) fn ports(file: &RuleFile, raw: &Spanned<String>) -> Result<PortRange, Complaint> {
    raw.get_ref().parse().map_err(|error| {
        file.complaint(raw.span(), format!("{error}"), "not a port or a range")
            .with_help("use \"443\" or \"50000-60000\"")
    })
}

/// A text of one or more sentences, on any number of lines.
pub(super) fn sentences(file: &RuleFile, raw: &Spanned<String>) -> Result<String, Complaint> {
    refuse_empty(file, raw)?;
    let lines = raw.get_ref().lines().map(str::trim);
    Ok(lines.collect::<Vec<_>>().join(" ").trim().to_owned())
}

/// A text of one or more sentences, which can contain placeholders.
pub(super) fn template(file: &RuleFile, raw: &Spanned<String>) -> Result<Template, Complaint> {
    refuse_empty(file, raw)?;
    raw.get_ref().parse().map_err(|error| {
        let (wrong, help) = match &error {
            InvalidTemplate::Unknown(name) => {
                let known: Vec<_> = Placeholder::ALL.iter().map(|p| p.as_str()).collect();
                (format!("${{{name}}}"), help_for_unknown(name, &known))
            }
            InvalidTemplate::Unclosed => ("${".to_owned(), "close it with \"}\"".to_owned()),
        };
        // The last occurrence: an unclosed placeholder is always the last, and among equal unknown ones
        // any is a correct place.
        let written = file.written(raw.span());
        let span = match written.rfind(&wrong) {
            Some(at) => raw.span().start + at..raw.span().start + at + wrong.len(),
            None => raw.span(),
        };
        file.complaint(span, format!("{error}"), "not a placeholder").with_help(help)
    })
}

/// A sentence without a full stop.
pub(super) fn title(file: &RuleFile, raw: &Spanned<String>) -> Result<String, Complaint> {
    let text = line(file, raw)?;
    if text.ends_with('.') {
        return Err(file
            .complaint(raw.span(), "a title must not end with a full stop", "ends with a full stop")
            .with_help("remove the full stop; reports use the title inside sentences"));
    }
    Ok(text)
}

/// A text on one line.
pub(super) fn line(file: &RuleFile, raw: &Spanned<String>) -> Result<String, Complaint> {
    refuse_empty(file, raw)?;
    let text = raw.get_ref().trim();
    if text.contains('\n') {
        return Err(file
            .complaint(raw.span(), "this text must be on one line", "continues on the next line")
            .with_help(
                "shorten it; only \"means\" and the steps of a remedy can have several lines",
            ));
    }
    Ok(text.to_owned())
}

fn refuse_empty(file: &RuleFile, raw: &Spanned<String>) -> Result<(), Complaint> {
    if raw.get_ref().trim().is_empty() {
        return Err(file
            .complaint(raw.span(), "this text must not be empty", "empty")
            .with_help("add the text that a reader of the report needs"));
    }
    Ok(())
}

/// The editions of a list that is not empty.
pub(super) fn filled_editions(
    file: &RuleFile,
    list: &Spanned<Vec<EditionRange>>,
) -> Result<Vec<Edition>, Complaint> {
    filled(file, list).map(|ranges| EditionRange::editions(ranges))
}

/// A list that is not empty.
pub(super) fn filled<'a, T>(
    file: &RuleFile,
    list: &'a Spanned<Vec<T>>,
) -> Result<&'a Vec<T>, Complaint> {
    if list.get_ref().is_empty() {
        return Err(file
            .complaint(list.span(), "this list must not be empty", "empty")
            .with_help("add at least one entry"));
    }
    Ok(list.get_ref())
}
