//! Text that a server supplied.

use std::fmt;

use serde::Serialize;

/// Text that a server supplied: at most 200 characters, control characters replaced by `·`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Default)]
#[serde(transparent)]
pub struct ServerText(String);

impl ServerText {
    /// The most characters that are kept.
    pub const LIMIT: usize = 200;

    /// Takes over what a server sent.
    pub fn new(text: &str) -> Self {
        let clean =
            text.chars().take(Self::LIMIT).map(|c| if is_hidden(c) { '·' } else { c }).collect();
        Self(clean)
    }

    /// Takes over bytes that should be text; what is not UTF-8 becomes `�`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let enough = &bytes[..bytes.len().min(Self::LIMIT * 4)];
        Self::new(&String::from_utf8_lossy(enough))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a character could drive a terminal, or make a line look like another one: control
/// characters, and the invisible ones that turn the direction of text (Bidi_Control, UAX #9) or
/// hide in it.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_or_hides_is_shown_as_a_dot() {
        let sent = "a\u{1b}[2Jb\r\nc\u{61c}d\u{202e}e\u{2060}f\u{2067}g\u{feff}h";
        assert_eq!(ServerText::new(sent).as_str(), "a·[2Jb··c·d·e·f·g·h");
    }

    #[test]
    fn a_long_text_is_cut_at_200_characters_and_never_inside_one() {
        let sent = "ü".repeat(1000);
        assert_eq!(ServerText::from_bytes(sent.as_bytes()).as_str(), "ü".repeat(200));
    }
}
