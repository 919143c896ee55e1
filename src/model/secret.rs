//! What must not be seen: it is told to servers, and to nobody else.

use std::fmt;

/// A text that is never printed. `Debug` shows that it is there, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text out of sight.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever has to send it or to compute with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// By what right a participant joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// An access token that somebody made for us. The room that it leads to is not ours to delete.
    Token(Secret),
    /// An API key and its secret: tokens are made of them, with the least rights, as they are
    /// needed.
    Key { key: String, secret: Secret },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let key = Credentials::Key { key: "APIkey".to_owned(), secret: Secret::new("hush") };
        let token = Credentials::Token(Secret::new("hush"));
        assert!(!format!("{key:?} {key:#?} {token:?}").contains("hush"));
    }
}
