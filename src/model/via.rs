//! Runs on other machines, over ssh.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::facts::ServerText;

/// A machine to which ssh connects: `media-1` or `admin@203.0.113.21`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SshHost(String);

/// A text that does not name a machine for ssh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSshHost {
    #[error("must be ssh: and a host as for ssh, such as ssh:admin@203.0.113.21")]
    NoScheme,
    #[error("the host must not begin with \"-\": ssh would take it for an option")]
    Option,
    #[error("a host has letters, digits and . - _ : % @ only, and at most 255 characters")]
    Characters,
}

impl SshHost {
    const LONGEST: usize = 255;

    /// What ssh takes as its destination. It begins with no hyphen, before or behind a user.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn new(text: &str) -> Result<Self, InvalidSshHost> {
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || ".-_:%@".contains(c);
        let mut parts = text.split('@');
        if parts.any(|part| part.starts_with('-')) {
            return Err(InvalidSshHost::Option);
        }
        let is_empty = text.split('@').any(str::is_empty);
        if is_empty || text.len() > Self::LONGEST || !text.chars().all(is_of_host) {
            return Err(InvalidSshHost::Characters);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for SshHost {
    type Err = InvalidSshHost;

    /// `ssh:HOST`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text.strip_prefix("ssh:").ok_or(InvalidSshHost::NoScheme)?)
    }
}

impl TryFrom<String> for SshHost {
    type Error = InvalidSshHost;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl fmt::Display for SshHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no run from a machine that was asked for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ViaFailure {
    /// This machine has no program `ssh`.
    NoSsh,
    /// ssh does not know the key of the machine.
    UnknownHostKey,
    /// The machine has another key than ssh knows.
    OtherHostKey,
    /// The machine accepts none of the keys of this user.
    LoginRefused,
    /// ssh could not connect; its words.
    NotConnected(ServerText),
    /// The machine is not of the kind that the program is for: what it is, in its own words.
    OtherProcessor { is: ServerText, needed: String },
    /// There is no directory for temporary files from which a program can be started.
    NoPlace,
    /// The program did not arrive whole: no space is left, or the connection was lost.
    NotCopied,
    /// It took too long.
    TooSlow,
    /// The machine sent more than a recording can be.
    TooMuch,
    /// The run was interrupted on this machine.
    Interrupted,
    /// The program wrote no recording; what it said last.
    NoRecording(ServerText),
    /// What came is not a recording that fits; what is wrong with it.
    Unfit(ServerText),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_no_option_and_nothing_for_a_shell() {
        for right in
            ["ssh:media-1", "ssh:admin@203.0.113.21", "ssh:2001:db8::1", "ssh:fe80::1%eth0"]
        {
            assert!(right.parse::<SshHost>().is_ok(), "{right}");
        }
        for wrong in ["media-1", "ssh:", "ssh:a b", "ssh:a;b", "ssh:$(a)", "ssh:a@", "ssh:a\nb"] {
            assert!(wrong.parse::<SshHost>().is_err(), "{wrong}");
        }
        for option in ["ssh:-oProxyCommand=x", "ssh:a@-oProxyCommand"] {
            assert_eq!(option.parse::<SshHost>(), Err(InvalidSshHost::Option), "{option}");
        }
    }
}
