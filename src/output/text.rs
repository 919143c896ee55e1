//! Text for a terminal: cleared of what could drive it, measured and wrapped.

use unicode_width::UnicodeWidthChar;

use super::quote;
use crate::model::facts::is_hidden;

/// The text without anything that could drive a terminal; lines stay lines.
///
/// What a server sent was cleared before it got here ([`crate::model::facts::ServerText`]); this
/// holds also where somebody forgot.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => clean.push('\n'),
            '\t' => clean.push_str("    "),
            '\r' => {}
            quote::OPEN | quote::CLOSE => clean.push(c),
            c if is_hidden(c) => clean.push('·'),
            c => clean.push(c),
        }
    }
    clean
}

/// The text as one line, [`clean`].
pub fn one_line(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(clean).collect();
    words.join(" ")
}

/// How many columns of a terminal the text takes, as it is shown.
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(c: char) -> usize {
    match c {
        quote::OPEN | quote::CLOSE => 1,
        c => c.width().unwrap_or(0),
    }
}

/// Where a line begins that continues a quotation.
const CONTINUED: &str = "│ ";

/// The words of the text in lines of at most `width` columns (at least 1). Line breaks in it are
/// kept; a word that is wider than a line is cut. A quotation of a server stays in one piece, like a
/// word; where it is wider than a line, the lines that continue it begin with a mark of their own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    text.lines().flat_map(|line| wrap_line(line, width)).collect()
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut is_quoted = false;
    for word in words(line) {
        let gap = usize::from(!current.is_empty());
        if !current.is_empty() && columns(&current) + gap + columns(word) > width {
            lines.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        let mut chars = word.chars();
        while let Some(c) = chars.next() {
            // A quotation is not to end where an escape does not fit.
            let escaped = if is_quoted && c == '\\' { chars.next() } else { None };
            let wanted = columns_of(c) + escaped.map_or(0, columns_of);
            if columns(&current) + wanted > width && !current.is_empty() {
                lines.push(std::mem::take(&mut current));
                if is_quoted && width > 2 * columns(CONTINUED) {
                    current.push_str(CONTINUED);
                }
            }
            is_quoted = (is_quoted || c == quote::OPEN) && c != quote::CLOSE;
            current.push(c);
            current.extend(escaped);
        }
    }
    lines.push(current);
    lines
}

/// What stands between blanks; a quotation, with what touches it, is one word.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let is_gap = move |c: char| {
        is_quoted = (is_quoted || c == quote::OPEN) && c != quote::CLOSE;
        c.is_whitespace() && !is_quoted
    };
    line.split(is_gap).filter(|word| !word.is_empty())
}

/// Prose whose author broke its lines: as it is where it fits, else with the lines of a sentence
/// joined. The breaks after a sentence stay.
pub fn fill(prose: &str, width: usize) -> String {
    if prose.lines().all(|line| columns(line) <= width) {
        return prose.to_owned();
    }
    let lines: Vec<&str> = prose.lines().collect();
    let sentences = lines.chunk_by(|line, next| !line.ends_with(['.', ':']) && !next.is_empty());
    let joined = sentences.map(|lines| one_line(&lines.join(" ")));
    joined.collect::<Vec<_>>().join("\n")
}

/// The text, or as much of it as fits into `width` columns, with `…` for the rest.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut is_quoted = false;
    for c in text.chars() {
        let is_in = (is_quoted || c == quote::OPEN) && c != quote::CLOSE;
        // For what stands for the rest, and for the mark that ends a quotation.
        let reserved = 1 + usize::from(is_in);
        if columns(&short) + columns_of(c) + reserved > width {
            break;
        }
        short.push(c);
        is_quoted = is_in;
    }
    let end = if is_quoted { quote::CLOSE.to_string() } else { String::new() };
    format!("{}…{end}", short.trim_end())
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: ToString>(things: &[T]) -> String {
    let words: Vec<String> = things.iter().map(T::to_string).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 check`, `2 checks`: the number and its word, with an `s` unless it is one.
pub fn counted(number: usize, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::ServerText;

    #[test]
    fn what_drives_a_terminal_becomes_a_dot() {
        assert_eq!(clean("a\u{1b}[31mb\u{7}\u{202e}c"), "a·[31mb··c");
        assert_eq!(clean("one\r\n\ttwo"), "one\n    two");
    }

    #[test]
    fn what_is_hidden_here_is_hidden_in_server_text_too() {
        let layout = ['\n', '\t', '\r', quote::OPEN, quote::CLOSE];
        for c in ('\0'..='\u{ffff}').filter(|c| !layout.contains(c)) {
            let text = format!("a{c}");
            assert_eq!(clean(&text), ServerText::new(&text).unquoted(), "{c:?}");
        }
    }

    #[test]
    fn words_are_wrapped_and_line_breaks_kept() {
        assert_eq!(wrap("one two three\nfour", 8), ["one two", "three", "four"]);
        assert_eq!(wrap("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(wrap("", 8), [""; 0]);
    }

    #[test]
    fn prose_keeps_the_line_breaks_of_its_author_only_where_it_fits() {
        let prose = "one two\nthree.\nThen: four";
        assert_eq!(fill(prose, 10), prose);
        assert_eq!(fill(prose, 6), "one two three.\nThen: four");
    }

    #[test]
    fn a_word_wider_than_a_line_is_cut() {
        assert_eq!(wrap("ab 0123456789", 4), ["ab", "0123", "4567", "89"]);
    }

    #[test]
    fn a_text_that_does_not_fit_is_cut() {
        assert_eq!(cut("one two", 7), "one two");
        assert_eq!(cut("one two", 6), "one t…");
        assert_eq!(cut("one two", 5), "one…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("one", 0), "…");
    }

    #[test]
    fn a_quotation_is_wrapped_as_one_word() {
        let q = |text: &str| quote::quoted(&ServerText::new(text));
        let shown = |text: &str, width| -> Vec<String> {
            wrap(text, width).iter().map(|line| quote::shown(line)).collect()
        };
        let text = format!("error 401 {}, no nonce", q("a b\" c"));
        assert_eq!(shown(&text, 18), ["error 401", "\"a b\\\" c\", no", "nonce"]);
        let long = format!("error {}", q("one two three four remedy"));
        assert_eq!(shown(&long, 12), ["error", "\"one two thr", "│ ee four re", "│ medy\""]);
    }

    #[test]
    fn a_quotation_that_is_cut_ends_with_its_mark() {
        let text = format!("error {}, no nonce", quote::quoted(&ServerText::new("abcdef")));
        assert_eq!(quote::shown(&cut(&text, 12)), "error \"abc…\"");
        assert_eq!(quote::shown(&cut(&text, 16)), "error \"abcdef\",…");
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
    }
}
