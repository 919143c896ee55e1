//! Reports in the logs of pipelines: no text of a server becomes a command to the agent that reads
//! them.
//!
//! Azure Pipelines looks for `##vso[` and `##[` anywhere in a line, GitHub for `##[` anywhere and for
//! `::` behind leading blanks, TeamCity for `##teamcity[`. A quotation begins with its mark; this
//! holds also where somebody forgot to quote.

use std::io::{self, Write};

/// Writes text without such commands: `#·#`, `:·:`.
///
/// # Errors
/// Those of `write` and of `out`.
pub fn write_text(
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    out.write_all(text(&String::from_utf8_lossy(&bytes)).as_bytes())?;
    out.flush()
}

/// Writes JSON without such commands: a reader of JSON reads the same.
///
/// # Errors
/// Those of `write` and of `out`.
pub fn write_json(
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    let mut safe = Vec::with_capacity(bytes.len());
    // In JSON, `#` stands only in strings, and never behind the backslash of an escape.
    for (at, byte) in bytes.iter().enumerate() {
        let is_broken = *byte == b'#' && bytes.get(at + 1) == Some(&b'#');
        safe.extend_from_slice(if is_broken { b"\\u0023" } else { std::slice::from_ref(byte) });
    }
    out.write_all(&safe)?;
    out.flush()
}

/// Lines of text without such commands.
pub fn text(lines: &str) -> String {
    let mut safe = String::with_capacity(lines.len());
    for line in lines.split_inclusive('\n') {
        let start = line.trim_start();
        safe.push_str(&line[..line.len() - start.len()]);
        match start.strip_prefix("::") {
            Some(rest) => {
                safe.push_str(":·:");
                broken(rest, &mut safe);
            }
            None => broken(start, &mut safe),
        }
    }
    safe
}

/// Adds the text with a `·` between two `#`.
fn broken(text: &str, safe: &mut String) {
    for c in text.chars() {
        if c == '#' && safe.ends_with('#') {
            safe.push('·');
        }
        safe.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_a_command() {
        assert_eq!(
            text("a ##vso[x]\n ::b::\n::1\n###[c\n"),
            "a #·#vso[x]\n :·:b::\n:·:1\n#·#·#[c\n"
        );
        assert_eq!(text("  a::b #1\n\n"), "  a::b #1\n\n");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"a": "##vso[x] ###[ \\##", "b": ["::c"]});
        let mut bytes = Vec::new();
        write_json(&mut bytes, |out| Ok(serde_json::to_writer_pretty(out, &value)?)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("##"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
