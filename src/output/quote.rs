//! How text of a server comes into a sentence of ours: between marks that it cannot contain.
//!
//! [`quoted`] is the only way. The marks that it sets are noncharacters, which no [`ServerText`]
//! holds, so that whoever lays out a sentence knows which part of it is a server's, whatever that
//! part says. [`shown`] makes quotation marks of them at the very end, and [`left_out`] takes out what
//! is between them: instructions and letters hold nothing of a server.

use super::text;
use crate::model::facts::ServerText;

/// Where a quotation begins, and where it ends.
pub(super) const OPEN: char = '\u{fdd0}';
pub(super) const CLOSE: char = '\u{fdd1}';

/// The most columns of a quotation between its marks, escapes included. JSON has all of it, as facts.
const QUOTED: usize = 60;

/// Text of a server, for a sentence.
pub fn quoted(text: &ServerText) -> String {
    let line = text::one_line(text.unquoted());
    let escaped: Vec<String> = line.chars().map(escaped).collect();
    let columns = |parts: &[String]| parts.iter().map(|part| text::columns(part)).sum::<usize>();
    let mut kept = escaped.as_slice();
    while columns(kept) + usize::from(kept.len() < escaped.len()) > QUOTED {
        kept = &kept[..kept.len() - 1];
    }
    let more = if kept.len() < escaped.len() { "…" } else { "" };
    format!("{OPEN}{}{more}{CLOSE}", kept.concat())
}

/// Text of a file that the user named, for a line of its own or for the name of the file.
pub fn of_file(text: &ServerText) -> String {
    shown(text.unquoted())
}

/// A character that does not end the quotation in which it is, nor begins an escape.
fn escaped(c: char) -> String {
    if matches!(c, '"' | '\\') { format!("\\{c}") } else { c.to_string() }
}

/// `"a", "b" and "c"`.
pub fn quoted_list(texts: &[ServerText]) -> String {
    text::list(&texts.iter().map(quoted).collect::<Vec<_>>())
}

/// A sentence as people read it.
pub fn shown(sentence: &str) -> String {
    sentence.replace([OPEN, CLOSE], "\"")
}

/// A sentence without the words of servers: `…` stands in their place.
pub fn left_out(sentence: &str) -> String {
    let mut own = String::with_capacity(sentence.len());
    let mut is_quoted = false;
    for c in sentence.chars() {
        match c {
            OPEN => {
                is_quoted = true;
                own.push('…');
            }
            CLOSE => is_quoted = false,
            _ if is_quoted => {}
            c => own.push(c),
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted_text(text: &str) -> String {
        quoted(&ServerText::new(text))
    }

    #[test]
    fn a_quotation_cannot_end_itself() {
        let sentence = format!("error 401 {}, no nonce", quoted_text("a\", realm \\\"b\u{fdd1} c"));
        assert_eq!(shown(&sentence), r#"error 401 "a\", realm \\\"b· c", no nonce"#);
        assert_eq!(left_out(&sentence), "error 401 …, no nonce");
    }

    #[test]
    fn a_quotation_is_short_and_has_no_gaps() {
        assert_eq!(shown(&quoted_text("  a    b ")), "\"a b\"");
        for long in ["x", "日", "a\u{301}", "\"", "\\", "a\""].map(|part| part.repeat(100)) {
            let quoted = quoted_text(&long);
            assert!(text::columns(&shown(&quoted)) <= QUOTED + 2, "{quoted}");
            assert!(quoted.ends_with(&format!("…{CLOSE}")), "{quoted}");
        }
    }
}
