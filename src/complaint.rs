//! Error messages about invalid input: file, line, arrow and help.

pub mod from_json;
mod from_toml;
mod suggest;

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

pub use suggest::suggest;

/// A complaint about a rule file, a deployment file, an environment variable or a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong: starts in lower case, without a full stop.
    pub message: String,
    pub place: Place,
    /// How to correct it.
    pub help: Option<String>,
}

/// The place of the invalid input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file: its whole text, and the range of invalid bytes.
    File {
        path: String,
        text: String,
        span: Range<usize>,
        /// A short description of the marked text.
        label: String,
    },
    /// In a flag, `--turn-domain-name`.
    Flag(String),
    /// In an environment variable.
    Environment(String),
    /// A file or directory as a whole.
    Path(String),
    /// No particular place.
    Nowhere,
}

impl Place {
    /// A place in the file at `path` with this text.
    pub fn in_file(path: &str, text: &str, span: Range<usize>, label: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), text: text.to_owned(), span, label: label.into() }
    }
}

impl Complaint {
    /// A complaint without help.
    pub fn new(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), place, help: None }
    }

    /// The same complaint with `help`, which says how to correct the input.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The complaint for an error of `toml` in the file at `path` with this text: an unknown key or
    /// value, with a suggestion, a missing key, a wrong type, or invalid syntax.
    pub fn from_toml(error: &toml::de::Error, path: &str, text: &str) -> Self {
        from_toml::complaint(error, path, text)
    }
}

/// The help for an unknown word: a similar known word, or all of them.
pub fn help_for_unknown(wrong: &str, known: &[&str]) -> String {
    match (suggest(wrong, known.iter().copied()), known) {
        (_, []) => "nothing is allowed here".to_owned(),
        (_, [only]) => format!("use \"{only}\""),
        (Some(meant), _) => format!("did you mean \"{meant}\"?"),
        (None, [one, other]) => format!("use {one} or {other}"),
        (None, [rest @ .., last]) => format!("use one of {} or {last}", rest.join(", ")),
    }
}

impl fmt::Display for Complaint {
    /// The complaint on several lines, without colour and without a final line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.place {
            Place::File { path, text, span, label } => {
                return f.write_str(&self.with_arrow(path, text, span, label));
            }
            Place::Flag(name) | Place::Environment(name) | Place::Path(name) => Some(name),
            Place::Nowhere => None,
        };
        f.write_str("error: ")?;
        if let Some(name) = name {
            write!(f, "{name}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {}", help.replace('\n', "\n          "))?;
        }
        Ok(())
    }
}

impl Complaint {
    fn with_arrow(&self, path: &str, text: &str, span: &Range<usize>, label: &str) -> String {
        let annotation = AnnotationKind::Primary.span(on_one_line(text, span)).label(label);
        let snippet = Snippet::source(text).path(path).annotation(annotation);
        let mut report =
            Group::with_title(Level::ERROR.primary_title(self.message.as_str())).element(snippet);
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(help.as_str()));
        }
        Renderer::plain().render(&[report]).to_string()
    }
}

/// The part of a span on its first line, at character boundaries and inside the text. An arrow under a
/// whole table would not show the place.
fn on_one_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let boundary = |at: usize| {
        (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
    };
    let start = boundary(span.start);
    let end = boundary(span.end.max(start));
    let line = text[start..end].split('\n').next().unwrap_or_default();
    start..start + line.trim_end().len()
}

impl std::error::Error for Complaint {}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_file(text: &str, span: Range<usize>) -> Complaint {
        let place = Place::in_file("rules/dns.toml", text, span, "no such key");
        Complaint::new("unknown key \"titel\"", place).with_help("did you mean \"title\"?")
    }

    #[test]
    fn a_complaint_about_a_file_points_at_the_place() {
        let complaint = in_file("[[rule]]\nid = \"dns/a\"\ntitel = \"A\"\n", 22..27);
        assert_eq!(
            complaint.to_string(),
            "\
error: unknown key \"titel\"
 --> rules/dns.toml:3:1
  |
3 | titel = \"A\"
  | ^^^^^ no such key
  |
  = help: did you mean \"title\"?"
        );
    }

    #[test]
    fn a_span_over_several_lines_points_at_its_first() {
        let text = "[[rule]]\nid = \"a\"\n";
        assert_eq!(on_one_line(text, &(0..text.len())), 0..8);
    }

    #[test]
    fn a_span_outside_of_the_text_does_no_harm() {
        for (text, start, end) in [("", 0, 0), ("", 5, 9), ("ä", 1, 2), ("ab", 2, 1)] {
            let shown = in_file(text, start..end).to_string();
            assert!(shown.starts_with("error: unknown key"), "{shown}");
        }
    }

    #[test]
    fn a_complaint_about_a_flag_is_on_one_line() {
        let flag = Place::Flag("--turn-domain-name".to_owned());
        let complaint = Complaint::new("the same name as --domain-name", flag);
        assert_eq!(
            complaint.to_string(),
            "error: --turn-domain-name: the same name as --domain-name"
        );
        assert_eq!(
            complaint.with_help("choose another").to_string(),
            "error: --turn-domain-name: the same name as --domain-name\n  = help: choose another"
        );
    }

    #[test]
    fn a_complaint_about_nothing_in_particular_has_no_place() {
        let complaint = Complaint::new("the domain name is missing", Place::Nowhere);
        assert_eq!(complaint.to_string(), "error: the domain name is missing");
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_one_meant_or_with_all() {
        assert_eq!(help_for_unknown("titel", &["id", "title"]), "did you mean \"title\"?");
        assert_eq!(
            help_for_unknown("colour", &["id", "title", "at"]),
            "use one of id, title or at"
        );
    }
}
