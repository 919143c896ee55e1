//! Text that a server supplied.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Text that a server supplied: at most 200 characters, control characters replaced by `·`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ServerText(String);

impl ServerText {
    /// The most characters that are kept.
    pub const LIMIT: usize = 200;

    /// Takes over what a server sent.
    pub fn new(text: &str) -> Self {
        let clean = text
            .chars()
            .take(Self::LIMIT)
            .map(|c| if is_hidden(c) { '·' } else { c })
            .collect();
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

/// Control characters, and the invisible ones that turn the direction of text or hide in it: what
/// could drive a terminal, or make a line look like another one.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
