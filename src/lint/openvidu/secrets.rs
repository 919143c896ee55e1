//! What may be a secret, and what is kept of it.

use crate::model::facts::{SecretMark, SettingValue};
use crate::model::secret::Secret;

/// Parts of names whose values are secrets.
const WORDS: [&str; 8] =
    ["SECRET", "PASSWORD", "PASSWD", "KEY", "TOKEN", "LICENSE", "CREDENTIAL", "PRIVATE_PEM"];

/// Whether a variable or key of this name holds a secret.
pub fn is_named_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether a name that ovcheck does not know can be shown: a word that a person would make up, not the
/// text of a key that slipped out of its place.
pub fn is_plain_word(name: &str) -> bool {
    const LONGEST: usize = 40;
    const MOST_DIGITS: usize = 3;
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    (1..=LONGEST).contains(&name.len())
        && digits <= MOST_DIGITS
        && !name.starts_with("API")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// The secrets of a run, to see which are the same.
#[derive(Debug, Default)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// Shorter ones are words that stand elsewhere by chance.
    const SHORTEST: usize = 8;

    /// Whether a text has one in it that stands as a secret elsewhere.
    pub fn are_in(&self, text: &str) -> bool {
        let is_in = |known: &Secret| {
            known.expose().len() >= Self::SHORTEST && text.contains(known.expose())
        };
        self.0.iter().any(is_in)
    }

    /// What is kept of a secret.
    pub fn mark(&mut self, text: &str) -> SettingValue {
        if text.is_empty() {
            return SettingValue::Empty;
        }
        let number = self.0.iter().position(|known| known.expose() == text).unwrap_or_else(|| {
            self.0.push(Secret::new(text));
            self.0.len() - 1
        });
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        SettingValue::Secret(SecretMark {
            number: small(number + 1),
            length: small(text.chars().count()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in ["LIVEKIT_API_SECRET", "REDIS_PASSWORD", "api_key", "OPENVIDU_PRO_LICENSE"] {
            assert!(is_named_secret(name), "{name}");
        }
        for name in ["DOMAIN_NAME", "turn.domain", "node_ip"] {
            assert!(!is_named_secret(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_may_be_a_key_is_not_shown() {
        for name in ["APIdb3kf", "9f86d081884c7d65", "with blank", "", &"a".repeat(41)] {
            assert!(!is_plain_word(name), "{name}");
        }
        assert!(is_plain_word("externalTLS") && is_plain_word("node_ip"));
    }

    #[test]
    fn equal_secrets_have_one_number_and_no_text() {
        let mut secrets = Secrets::default();
        let marks = ["hush", "other", "hush", ""].map(|text| secrets.mark(text));
        assert_eq!(marks[0], marks[2]);
        assert_ne!(marks[0], marks[1]);
        assert_eq!(marks[3], SettingValue::Empty);
        assert!(!format!("{marks:?} {secrets:?}").contains("hush"));
    }
}
