//! What `ovcheck serve` runs for Prometheus, in the words of its `blackbox_exporter`: a prober has *targets*, and *modules*,
//! each of which is one way to probe a target.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::word_list::word_list;

word_list! {
    /// One way to probe a target: a part of a check.
    pub enum ProberModule {
        /// Names, TLS, routes, TURN and STUN: everything but the sweeps of closed ports
        Fast = "fast",
        /// The whole check without a call
        Full = "full",
        /// `fast`, and the paths of a call, for which the deployment file needs credentials
        Call = "call",
        /// Only certificates and TLS
        Certificates = "certificates",
    }
}

impl ProberModule {
    /// The families of rules that a run is asked about; empty: all of them.
    pub fn only(self) -> &'static [&'static str] {
        match self {
            Self::Certificates => &["tls"],
            Self::Fast | Self::Full | Self::Call => &[],
        }
    }

    /// The families of rules that a run is not asked about: these ask whole ranges of UDP ports.
    pub fn skipped(self) -> &'static [&'static str] {
        match self {
            Self::Fast | Self::Call => &["ports", "policy"],
            Self::Full | Self::Certificates => &[],
        }
    }

    /// The time within which the same result is given again. It is less than the usual interval of a scrape (a minute, five
    /// minutes for `Full`), so that a scrape that is a little early does not skip a run.
    pub fn least_distance(self) -> Duration {
        Duration::from_secs(match self {
            Self::Fast | Self::Certificates => 15,
            Self::Call => 45,
            Self::Full => 240,
        })
    }

    /// The time after which a run ends in any case.
    pub fn longest(self) -> Duration {
        Duration::from_secs(match self {
            Self::Fast | Self::Call | Self::Certificates => 15,
            Self::Full => 120,
        })
    }
}

/// The name of a target: 1 to 64 ASCII letters, digits, `.`, `_` and `-`, of which the first is a letter or a digit. It is a
/// name from the operator's own file, never an address to be probed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetName(String);

/// Why a text is not a [`TargetName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a target has 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or a digit"
)]
pub struct InvalidTargetName;

impl FromStr for TargetName {
    type Err = InvalidTargetName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_fit = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c));
        is_fit.then(|| Self(text.to_owned())).ok_or(InvalidTargetName)
    }
}

impl TargetName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_name_and_never_leads_anywhere_else() {
        assert_eq!("main.eu_1".parse::<TargetName>().unwrap().as_str(), "main.eu_1");
        for wrong in ["", ".hidden", "../up", "a b", "[::1]", "http://10.0.0.1", &"a".repeat(65)] {
            assert_eq!(wrong.parse::<TargetName>(), Err(InvalidTargetName), "{wrong}");
        }
    }
}
