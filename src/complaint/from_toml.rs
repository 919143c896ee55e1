//! Complaints from the errors of `toml` and `serde`.

use super::{Complaint, Place, help_for_unknown};

/// A complaint from an error of `toml`, whose messages are made by `serde`: "unknown field `a`,
/// expected `b` or `c`", "missing field `a`", "invalid type: integer `3`, expected a string".
pub(super) fn complaint(error: &toml::de::Error, path: &str, text: &str) -> Complaint {
    let said = said(error.message());
    let span = error.span().unwrap_or_default();
    // A key that is missing from the top of the file has no table to point at.
    let label =
        if span.is_empty() && said.is_missing { "not in this file".to_owned() } else { said.label };
    let place = Place::in_file(path, text, span, label);
    Complaint::new(said.message, place).with_help(said.help)
}

/// One message in parts.
struct Said {
    message: String,
    label: String,
    help: String,
    is_missing: bool,
}

fn said(message: &str) -> Said {
    let message = message.trim();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let (wrong, known) = words(rest);
        return Said {
            message: format!("unknown key \"{wrong}\""),
            label: "not a valid key here".to_owned(),
            help: help_for_unknown(wrong, &known),
            is_missing: false,
        };
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let (wrong, known) = words(rest);
        return Said {
            message: format!("unknown value \"{wrong}\""),
            label: "not a valid value".to_owned(),
            help: help_for_unknown(wrong, &known),
            is_missing: false,
        };
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let (missing, _) = words(rest);
        return Said {
            message: format!("the key \"{missing}\" is missing"),
            label: "not in this table".to_owned(),
            help: format!("add {missing} = …"),
            is_missing: true,
        };
    }
    let (what, expected) = match message.split_once(", expected ") {
        Some((what, expected)) => (what, Some(expected)),
        None => (message, None),
    };
    if let (Some(found), Some(expected)) = (wrong_type(what), expected) {
        return Said {
            message: format!("{} is not valid here", found.replace('`', "")),
            label: format!("expected {}", plain(expected)),
            help: format!("use {}", plain(expected)),
            is_missing: false,
        };
    }
    Said {
        // Some messages of the parser have several lines. The first one is enough.
        message: what.lines().next().unwrap_or(what).to_owned(),
        label: match expected {
            Some(expected) => format!("expected {expected}"),
            None => "here".to_owned(),
        },
        help: "see https://toml.io for the TOML syntax".to_owned(),
        is_missing: false,
    }
}

/// The words in backticks: the first one and the others.
fn words(text: &str) -> (&str, Vec<&str>) {
    let mut words = text.split('`').skip(1).step_by(2);
    let first = words.next().unwrap_or(text);
    (first, words.collect())
}

/// "integer `3`" of "invalid type: integer `3`".
fn wrong_type(what: &str) -> Option<&str> {
    what.strip_prefix("invalid type: ")
        .or_else(|| what.strip_prefix("invalid value: "))
        .or_else(|| what.strip_prefix("invalid length: "))
}

/// The expected type, without Rust terms.
fn plain(expected: &str) -> &str {
    match expected {
        "a string" | "a borrowed string" | "a character" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list in square brackets",
        "a map" => "a table",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, without quotes",
        "f32" | "f64" => "a number, without quotes",
        _ if expected.starts_with("struct ") => "a table",
        "a nonzero u16" => "a whole number from 1 to 65535, without quotes",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[expect(dead_code, reason = "only read to be refused")]
        rule: Vec<Rule>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only read to be refused")]
    struct Rule {
        id: String,
        severity: Severity,
        days: Option<u16>,
        at: Option<Vec<String>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Severity {
        Error,
        Warning,
    }

    fn refused(text: &str) -> String {
        let error = toml::from_str::<File>(text).unwrap_err();
        complaint(&error, "dns.toml", text).to_string()
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_one_meant() {
        assert_eq!(
            refused("[[rule]]\nid = \"a\"\nsevreity = \"error\"\n"),
            "\
error: unknown key \"sevreity\"
 --> dns.toml:3:1
  |
3 | sevreity = \"error\"
  | ^^^^^^^^ not a valid key here
  |
  = help: did you mean \"severity\"?"
        );
    }

    #[test]
    fn an_unknown_value_is_answered_with_the_ones_there_are() {
        assert_eq!(
            refused("[[rule]]\nid = \"a\"\nseverity = \"fatal\"\n"),
            "\
error: unknown value \"fatal\"
 --> dns.toml:3:12
  |
3 | severity = \"fatal\"
  |            ^^^^^^^ not a valid value
  |
  = help: use error or warning"
        );
    }

    #[test]
    fn a_missing_key_is_named_at_its_table() {
        assert_eq!(
            refused("# Names.\n[[rule]]\nid = \"a\"\n"),
            "\
error: the key \"severity\" is missing
 --> dns.toml:2:1
  |
2 | [[rule]]
  | ^^^^^^^^ not in this table
  |
  = help: add severity = …"
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_is_described_without_rust_terms() {
        assert_eq!(
            refused("[[rule]]\nid = \"a\"\nseverity = \"error\"\ndays = \"21\"\n"),
            "\
error: string \"21\" is not valid here
 --> dns.toml:4:8
  |
4 | days = \"21\"
  |        ^^^^ expected a whole number, without quotes
  |
  = help: use a whole number, without quotes"
        );
    }

    #[test]
    fn a_slip_in_the_syntax_is_shown() {
        assert_eq!(
            refused("[[rule]]\nid = \"a\nseverity = \"error\"\n"),
            "\
error: invalid basic string
 --> dns.toml:2:8
  |
2 | id = \"a
  |        ^ expected `\"`
  |
  = help: see https://toml.io for the TOML syntax"
        );
    }
}
