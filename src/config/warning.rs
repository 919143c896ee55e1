//! What is unsafe in the settings of a run, and does not stop it.

use std::fmt;
use std::path::PathBuf;

/// Something that the user should change. Shown in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The file with a token or an API secret.
    SecretReadByOthers(PathBuf),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretReadByOthers(path) => {
                let shown = path.display().to_string();
                let command = format!("chmod 600 {}", word_of_shell(&shown));
                write!(f, "{shown} can be read by other users: {command}")
            }
        }
    }
}

/// A text as one word of a POSIX shell.
pub fn word_of_shell(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let quoted = format!("'{}'", text.replace('\'', r"'\''"));
    // Otherwise it would be an option.
    if text.starts_with('-') { format!("./{quoted}") } else { quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_stays_one_word_of_the_command() {
        for (name, word) in [
            ("secret.txt", "secret.txt"),
            ("/run/my secrets/a", "'/run/my secrets/a'"),
            ("it's", r"'it'\''s'"),
            ("-rf", "./'-rf'"),
            ("a;reboot", "'a;reboot'"),
        ] {
            assert_eq!(word_of_shell(name), word);
        }
    }
}
