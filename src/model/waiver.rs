//! Violations that an operator accepts for a while.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::configuration::Location;
use super::facts::ServerText;
use super::fingerprint::Fingerprint;
use super::report::Finding;
use super::rule::RuleId;
use super::target::Target;
use super::timestamp::Date;

/// One accepted violation: a finding by its fingerprint, or what a rule demands of some targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Where it is written: `ovcheck-waivers.toml:12`.
    pub place: String,
    /// `None`: every finding of the rule and the targets.
    pub fingerprint: Option<Fingerprint>,
    /// `None`: the fingerprint says it.
    pub rule: Option<RuleId>,
    /// `None`: the fingerprint says it.
    pub target: Option<TargetPattern>,
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day on which it holds, in UTC. [`Date::LAST`]: it has no end.
    pub until: Date,
    /// The line of a configuration file that it is about. `None`: it stands in no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<WaivedLine>,
}

/// A line of a configuration file in which violations are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaivedLine {
    pub file: ServerText,
    /// From 1.
    pub number: u32,
}

impl WaivedLine {
    fn is_among(&self, locations: &[Location]) -> bool {
        locations.iter().any(|at| at.file == self.file && at.line == self.number)
    }
}

impl Waiver {
    /// Whether it is written for this finding: every part of it that is set agrees.
    pub fn is_for(&self, finding: &Finding) -> bool {
        let Finding { fingerprint, rule, target, locations, .. } = finding;
        let agrees = [
            self.line.as_ref().map(|line| self.rule.is_some() && line.is_among(locations)),
            self.fingerprint.as_ref().map(|meant| meant == fingerprint),
            self.rule.as_ref().map(|meant| meant == rule),
            self.target.as_ref().map(|pattern| pattern.matches(target)),
        ];
        agrees.iter().any(Option::is_some) && agrees.iter().flatten().all(|agrees| *agrees)
    }

    /// Whether it says why. Without a reason it covers nothing.
    pub fn has_reason(&self) -> bool {
        !self.reason.trim().is_empty()
    }

    /// Whether it no longer holds on this day.
    pub fn is_expired(&self, today: Date) -> bool {
        self.until < today
    }
}

/// A text for targets in which `*` stands for any text: `openvidu`, `203.0.113.*`, `media-* UDP *`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetPattern(String);

impl TargetPattern {
    /// The longest pattern, in bytes.
    pub const LIMIT: usize = 300;

    /// A pattern; `None` for an empty text or a longer one than [`Self::LIMIT`].
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_fit = !text.is_empty() && text.len() <= Self::LIMIT;
        is_fit.then(|| Self(text.to_lowercase()))
    }

    /// Whether one of the ways to write the target fits: its name or node, its address, its port, or
    /// these together as reports print them.
    pub fn matches(&self, target: &Target) -> bool {
        spellings(target).iter().any(|text| fits(self.0.as_bytes(), text.to_lowercase().as_bytes()))
    }
}

impl fmt::Display for TargetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ways in which people write a target.
fn spellings(target: &Target) -> Vec<String> {
    let Target { node, host, address, transport, port, turn_url, candidate: _, way: _, setting } =
        target;
    let mut spellings = vec![target.to_string()];
    let owners = host.iter().map(ToString::to_string).chain(node.iter().map(ToString::to_string));
    let port = port.map(|port| match transport {
        Some(transport) => {
            (format!("{} {port}", transport.to_string().to_uppercase()), port.to_string())
        }
        None => (port.to_string(), port.to_string()),
    });
    for owner in owners {
        if let Some((with_transport, number)) = &port {
            spellings.push(format!("{owner} {with_transport}"));
            spellings.push(format!("{owner}:{number}"));
        }
        spellings.push(owner);
    }
    spellings.extend(address.map(|address| address.to_string()));
    spellings.extend(port.map(|(with_transport, _)| with_transport));
    spellings.extend(turn_url.as_ref().map(|url| url.unquoted().to_owned()));
    spellings.extend(
        setting.iter().flat_map(|setting| {
            [&setting.file, &setting.name].map(|text| text.unquoted().to_owned())
        }),
    );
    spellings
}

/// Whether the whole text fits the pattern. In the time of their product at most, whatever they are.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), last_star) {
            (Some(b'*'), _) => {
                last_star = Some((p, t));
                p += 1;
            }
            (Some(c), _) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            // The last star takes one character more.
            (_, Some((star, from))) => {
                last_star = Some((star, from + 1));
                p = star + 1;
                t = from + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Why a violation does not fail the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    pub by: Waiver,
    /// The waived rule that this violation follows from; `None`: the waiver is written for it.
    pub follows_from: Option<RuleId>,
}

/// A waiver and what became of it in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverUse {
    pub waiver: Waiver,
    pub state: WaiverState,
}

/// What became of a waiver in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaiverState {
    /// It covers this many violations.
    Applied(usize),
    /// Its day is over. It covers nothing, and fails the run.
    Expired,
    /// All that it is for passes: it can be removed.
    Unneeded,
    /// What it is for was not settled in this run.
    NotSettled,
    /// No check of this run is what it is for.
    NoSuchCheck,
    /// The run left out what it may be for (`--only`, `--skip`).
    NotSelected,
    /// It does not say why, and covers nothing.
    WithoutReason,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::port::Transport;

    fn udp_443() -> Target {
        Target {
            node: "media-1".parse().ok(),
            address: "203.0.113.20".parse().ok(),
            transport: Some(Transport::Udp),
            port: "443".parse().ok(),
            ..Target::default()
        }
    }

    #[test]
    fn a_pattern_fits_a_target_as_people_write_it() {
        let turn = Target {
            host: "turn.example.io".parse().ok(),
            node: "proxy".parse().ok(),
            port: "443".parse().ok(),
            ..Target::default()
        };
        let table = [
            ("media-1", udp_443(), true),
            ("MEDIA-1 udp 443", udp_443(), true),
            ("media-*", udp_443(), true),
            ("* UDP 443", udp_443(), true),
            ("203.0.113.*", udp_443(), true),
            ("media-1 UDP 443 at 203.0.113.20", udp_443(), true),
            ("*", Target::default(), true),
            ("the deployment", Target::default(), true),
            ("turn.example.io:443", turn.clone(), true),
            ("proxy", turn.clone(), true),
            ("turn.example.io", turn.clone(), true),
            ("media", udp_443(), false),
            ("media-2", udp_443(), false),
            ("203.0.113.2", udp_443(), false),
            ("*.example.com", turn, false),
        ];
        for (pattern, target, expected) in table {
            let matches = TargetPattern::new(pattern).unwrap().matches(&target);
            assert_eq!(matches, expected, "{pattern}: {target}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(150);
        let text = "a".repeat(140) + "b";
        assert!(!fits(pattern.as_bytes(), text.as_bytes()));
        assert!(fits(b"**a**b*", b"xaxb"));
        assert!(!fits(b"", b"a"));
    }
}
