//! The identity of a finding, which it keeps from run to run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use super::name::DomainName;
use super::rule::RuleId;
use super::target::Target;

/// A short hash of what a finding is about: deployment, rule, direction and target. Never of words,
/// versions or what was seen, so that a better sentence is not a new finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Fingerprint(String);

/// What a [`Fingerprint`] is made of.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The domain of the deployment.
    pub deployment: &'a DomainName,
    pub rule: &'a RuleId,
    /// [`Expected::direction`](super::expected::Expected::direction).
    pub direction: &'a str,
    pub target: &'a Target,
}

impl Fingerprint {
    /// The bytes of the hash that are kept.
    const BYTES: usize = 16;

    /// The fingerprint of a finding with this identity.
    pub fn new(identity: &Identity<'_>) -> Self {
        let Identity { deployment, rule, direction, target } = identity;
        let text = format!("{deployment}\n{rule}\n{direction}\n{}", target.key());
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().take(Self::BYTES).map(|b| format!("{b:02x}")).collect();
        Self(format!("sha256:{hex}"))
    }

    /// For unit tests of findings that do not depend on their fingerprint.
    #[cfg(test)]
    pub fn example() -> Self {
        Self::new(&Identity {
            deployment: &"example.io".parse().unwrap(),
            rule: &"a/one".parse().unwrap(),
            direction: "demand",
            target: &Target::default(),
        })
    }
}

/// A text that is not a [`Fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a fingerprint; it has the form sha256: and 32 hexadecimal digits")]
pub struct InvalidFingerprint(String);

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Also without `sha256:`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let hex = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
        let is_fit = hex.len() == 2 * Self::BYTES && hex.bytes().all(|b| b.is_ascii_hexdigit());
        match is_fit {
            true => Ok(Self(format!("sha256:{hex}"))),
            false => Err(InvalidFingerprint(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = InvalidFingerprint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Fingerprint {
    /// `sha256:` and 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
