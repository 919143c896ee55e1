//! Names: DNS domain names, and the names that people give to nodes and rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A fully qualified DNS name without the final dot, in lower case (RFC 1035 §2.3.1, RFC 5890
/// A-labels): at least two labels, each of 1 to 63 letters, digits and hyphens, 253 bytes at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DomainName(String);

impl DomainName {
    /// The name as text, without a final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain that the name is in: all but the first label.
    pub fn parent(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(_, parent)| parent)
    }

    /// Its top-level domain.
    pub fn top(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }

    /// A name in `parent` that nobody has, made from a random number.
    pub fn made_up(number: u64, parent: &str) -> Option<Self> {
        format!("{}{number:016x}.{parent}", Self::MADE_UP).parse().ok()
    }

    /// Whether it is such a name in this domain.
    pub fn is_made_up_in(&self, parent: &str) -> bool {
        self.0.starts_with(Self::MADE_UP) && self.parent() == parent
    }

    /// The top-level domain in which no name exists (RFC 6761 §6.4).
    pub const NEVER_DELEGATED: &str = "invalid";

    /// A name that nobody serves (RFC 6761 §6.4).
    pub fn unknown() -> Self {
        Self(format!("unknown-name.ovcheck.{}", Self::NEVER_DELEGATED))
    }

    /// What stands for the domain where files are read and nothing says it.
    pub fn undeclared() -> Self {
        Self(format!("undeclared.{}", Self::NEVER_DELEGATED))
    }

    /// Whether it is [`Self::undeclared`].
    pub fn is_undeclared(&self) -> bool {
        *self == Self::undeclared()
    }

    const MADE_UP: &str = "ovcheck-";
}

impl TryFrom<String> for DomainName {
    type Error = InvalidDomainName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a [`DomainName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomainName {
    #[error("an IP address is not a domain name")]
    IsAddress,
    #[error("a domain name must have at least two labels, such as openvidu.example.io")]
    SingleLabel,
    #[error("a domain name must have at most 253 characters")]
    TooLong,
    #[error("\"{0}\" is a URL, not a domain name")]
    IsUrl(String),
    #[error("the label \"{0}\" must have 1 to 63 letters, digits and inner hyphens")]
    BadLabel(String),
    #[error("use the xn-- form of a name with non-ASCII characters")]
    NotAscii,
}

impl FromStr for DomainName {
    type Err = InvalidDomainName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        if bare.contains("://") || bare.contains('/') {
            return Err(InvalidDomainName::IsUrl(text.to_owned()));
        }
        let unbracketed = bare.trim_start_matches('[').trim_end_matches(']');
        if unbracketed.parse::<std::net::IpAddr>().is_ok() {
            return Err(InvalidDomainName::IsAddress);
        }
        if !bare.is_ascii() {
            return Err(InvalidDomainName::NotAscii);
        }
        if bare.len() > 253 {
            return Err(InvalidDomainName::TooLong);
        }
        for label in bare.split('.') {
            let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let inner_hyphens = !label.starts_with('-') && !label.ends_with('-');
            if label.is_empty() || label.len() > 63 || !letters || !inner_hyphens {
                return Err(InvalidDomainName::BadLabel(label.to_owned()));
            }
        }
        if !bare.contains('.') {
            return Err(InvalidDomainName::SingleLabel);
        }
        Ok(Self(bare.to_ascii_lowercase()))
    }
}

/// The name of a node as the deployment gives it, for example `proxy` or `openvidu`: a lower-case
/// letter, then lower-case letters, digits and hyphens, 32 characters at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct NodeName(String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NodeName {
    type Error = InvalidNodeName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a [`NodeName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a node name; use a lower-case letter followed by lower-case letters, digits or hyphens"
)]
pub struct InvalidNodeName(String);

impl FromStr for NodeName {
    type Err = InvalidNodeName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        let rest_is_well =
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if starts_well && rest_is_well && text.len() <= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidNodeName(text.to_owned()))
        }
    }
}

/// The name of an S3 bucket, as it is written in a path: 3 to 63 lower-case letters, digits, dots and
/// hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct BucketName(String);

impl TryFrom<String> for BucketName {
    type Error = InvalidBucketName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        if (3..=63).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidBucketName(text))
        }
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a [`BucketName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a bucket name; use 3 to 63 lower-case letters, digits, dots and hyphens")]
pub struct InvalidBucketName(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_name_is_lower_cased_and_loses_its_final_dot() {
        let name: DomainName = "OpenVidu.Example.IO.".parse().unwrap();
        assert_eq!(name.as_str(), "openvidu.example.io");
    }

    #[test]
    fn what_is_not_a_domain_name_is_told_apart() {
        let refused = |text: &str| text.parse::<DomainName>().unwrap_err();
        assert_eq!(refused("203.0.113.7"), InvalidDomainName::IsAddress);
        assert_eq!(refused("[2001:db8::1]"), InvalidDomainName::IsAddress);
        assert_eq!(refused("localhost"), InvalidDomainName::SingleLabel);
        assert_eq!(
            refused("https://a.example"),
            InvalidDomainName::IsUrl("https://a.example".into())
        );
        assert_eq!(refused("a..example"), InvalidDomainName::BadLabel(String::new()));
        assert_eq!(refused("-a.example"), InvalidDomainName::BadLabel("-a".into()));
        assert_eq!(refused("bücher.example"), InvalidDomainName::NotAscii);
        assert_eq!(refused(&format!("{}.example", "a".repeat(250))), InvalidDomainName::TooLong);
    }
}
