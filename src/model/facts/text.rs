//! Text that a server supplied.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};

/// Text that a server supplied: at most 200 characters; what is invisible or drives a terminal is
/// replaced by `·`.
///
/// It has no `Display`: no sentence of ours can take it in by accident. An output quotes it, between
/// marks that it cannot contain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Default, Deserialize)]
#[serde(from = "String")]
pub struct ServerText(String);

/// A file that holds it is no more trusted than the server was.
impl From<String> for ServerText {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl ServerText {
    /// The most characters that are kept.
    pub const LIMIT: usize = 200;

    /// The most combining marks in a row that are kept: more than two are not used to write words.
    const MOST_MARKS: usize = 2;

    /// Takes over what a server sent.
    pub fn new(text: &str) -> Self {
        // A mark at the beginning would change whatever stands before the text.
        let mut marks = Self::MOST_MARKS;
        let clean = text.chars().take(Self::LIMIT).map(|c| {
            marks = if is_mark(c) { marks + 1 } else { 0 };
            if marks > Self::MOST_MARKS || is_hidden(c) { '·' } else { c }
        });
        Self(clean.collect())
    }

    /// Takes over bytes that should be text; what is not UTF-8 becomes `�`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let enough = &bytes[..bytes.len().min(Self::LIMIT * 4)];
        Self::new(&String::from_utf8_lossy(enough))
    }

    /// The text as the server wrote it, without the marks of a quotation: to read or compare it. Nothing
    /// shows it (`tests/layers.rs`).
    pub fn unquoted(&self) -> &str {
        &self.0
    }

    /// The common name in a certificate's name (`O=…, CN=…`), or all of it where there is none.
    pub fn common_name(&self) -> Self {
        let mut parts = self.0.split(',').map(str::trim);
        let common = parts.find_map(|part| part.strip_prefix("CN="));
        common.map_or_else(|| self.clone(), Self::new)
    }

    /// Whether it says nothing.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// Whether a character could drive a terminal, cannot be seen, or makes a line look like another one.
/// By property, not by list: whatever Unicode calls a control, a format character (direction of text,
/// interlinear annotations, tags), ignorable by default or a blank other than the space. Nobody knows
/// what a font shows for private use and for what is not assigned.
pub fn is_hidden(c: char) -> bool {
    // Most text is ASCII, and the tables take their time.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    // The pattern of Braille without a dot is a symbol by its category, and a blank to the eye.
    const BLANK_SYMBOL: char = '\u{2800}';
    let is_ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    is_ignorable
        || c == BLANK_SYMBOL
        || matches!(
            category,
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
                | GeneralCategory::SpaceSeparator
        )
}

/// Whether a character is drawn over or around the one before it.
fn is_mark(c: char) -> bool {
    let is_mark = |c| {
        matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            GeneralCategory::NonspacingMark
                | GeneralCategory::SpacingMark
                | GeneralCategory::EnclosingMark
        )
    };
    !c.is_ascii() && is_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ascii_the_controls_are_hidden_and_no_other_character() {
        let category = CodePointMapData::<GeneralCategory>::new();
        for c in (0..128).map(char::from) {
            assert_eq!(is_hidden(c), category.get(c) == GeneralCategory::Control, "{c:?}");
            assert!(!is_mark(c), "{c:?}");
        }
    }

    #[test]
    fn what_drives_a_terminal_or_hides_is_shown_as_a_dot() {
        let sent = "a\u{1b}[2Jb\r\nc\u{61c}d\u{202e}e\u{2060}f\u{2067}g\u{feff}h";
        assert_eq!(ServerText::new(sent).unquoted(), "a·[2Jb··c·d·e·f·g·h");
    }

    #[test]
    fn what_cannot_be_seen_is_shown_as_a_dot() {
        // One of each kind: soft hyphen, grapheme joiner, Hangul filler, Mongolian separator, blank
        // Braille, variation selectors, annotations, tags, private use, noncharacters, blanks.
        let unseen = [
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{3164}',
            '\u{180e}',
            '\u{2800}',
            '\u{fe0f}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{e0041}',
            '\u{e01ef}',
            '\u{e000}',
            '\u{10fffd}',
            '\u{fdd0}',
            '\u{ffff}',
            '\u{a0}',
            '\u{2003}',
            '\u{202f}',
            '\u{3000}',
            '\u{2028}',
            '\u{85}',
            '\u{9b}',
        ];
        for c in unseen {
            assert_eq!(ServerText::new(&format!("a{c}b")).unquoted(), "a·b", "{:x}", u32::from(c));
        }
        let words = "Größe – naïve, Ελλάδα, 日本語, हिन्दी, 🎉 €5 \"x\" │";
        assert_eq!(ServerText::new(words).unquoted(), words);
    }

    #[test]
    fn marks_are_not_piled_up_and_change_nothing_before_the_text() {
        let pile = format!("a{}b", "\u{336}".repeat(5));
        assert_eq!(ServerText::new(&pile).unquoted(), "a\u{336}\u{336}···b");
        assert_eq!(ServerText::new("\u{301}e\u{301}").unquoted(), "·e\u{301}");
    }

    #[test]
    fn a_long_text_is_cut_at_200_characters_and_never_inside_one() {
        let sent = "ü".repeat(1000);
        assert_eq!(ServerText::from_bytes(sent.as_bytes()).unquoted(), "ü".repeat(200));
    }
}
