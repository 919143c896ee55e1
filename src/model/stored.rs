//! The report of a former run, as far as comparisons read it. Its texts are those of a file: an output
//! clears them before it shows them.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::difference::Standing;
use super::word_list::word_list;

/// A report as `--format json` wrote it.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredReport {
    pub tool: StoredTool,
    pub run: StoredRun,
    pub ruleset: StoredRuleset,
    pub deployment: StoredDeployment,
    pub vantage: StoredVantage,
    pub summary: StoredSummary,
    pub findings: Vec<StoredFinding>,
    pub not_tested: Vec<StoredGap>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct StoredTool {
    pub version: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct StoredRun {
    pub command: String,
    /// In UTC, as RFC 3339: the texts sort as the times do.
    pub started_at: String,
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredRuleset {
    pub guide: String,
    pub digest: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct StoredDeployment {
    pub domain: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredVantage {
    pub name: Option<String>,
    pub zone: String,
}

impl StoredVantage {
    /// The operator's name for it, otherwise its zone.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.zone)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct StoredSummary {
    pub result: StoredResult,
    pub coverage: f64,
}

word_list! {
    /// How a run ended.
    pub enum StoredResult {
        Pass = "pass",
        Fail = "fail",
        Incomplete = "incomplete",
        Interrupted = "interrupted",
    }
}

/// Something that the run did not look at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredGap {
    pub what: String,
}

/// A check and its verdict.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredFinding {
    pub rule: String,
    pub title: String,
    pub verdict: StoredVerdict,
    pub severity: StoredSeverity,
    pub target: StoredTarget,
    pub observed: String,
    pub fingerprint: String,
    /// Not `null` where the violation is waived. Reports of the first versions lack it.
    #[serde(default)]
    pub waiver: Option<Value>,
}

impl StoredFinding {
    /// The part of the rule's id before the slash.
    pub fn family(&self) -> &str {
        self.rule.split('/').next().unwrap_or(&self.rule)
    }

    /// The first line of what was seen: the result, without its details.
    pub fn seen_in_short(&self) -> &str {
        self.observed.lines().next().unwrap_or_default()
    }

    /// What the report says of it.
    pub fn standing(&self) -> Standing {
        Standing { verdict: self.verdict, severity: self.severity }
    }

    pub fn is_violation(&self) -> bool {
        self.verdict == StoredVerdict::Fail
    }

    pub fn is_waived(&self) -> bool {
        self.is_violation() && self.waiver.is_some()
    }
}

word_list! {
    /// The verdict of a finding.
    pub enum StoredVerdict {
        Pass = "pass",
        Fail = "fail",
        Inconclusive = "inconclusive",
        NotApplicable = "not_applicable",
    }
}

word_list! {
    /// The severity of a finding. The mildest is first.
    pub enum StoredSeverity {
        Info = "info",
        Warning = "warning",
        Error = "error",
    }
}

/// What a check was about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct StoredTarget {
    pub node: Option<String>,
    pub host: Option<String>,
    pub address: Option<String>,
    pub transport: Option<String>,
    pub port: Option<StoredPorts>,
    pub turn_url: Option<String>,
    pub way: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum StoredPorts {
    One(u16),
    Range { first: u16, last: u16 },
}

impl fmt::Display for StoredPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(port) => port.fmt(f),
            Self::Range { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

impl StoredTarget {
    /// Whether the other one is a part of this: it agrees in all that this names, and names more.
    pub fn is_wider_than(&self, other: &Self) -> bool {
        fn fits<T: PartialEq>(own: &Option<T>, other: &Option<T>) -> bool {
            own.is_none() || own == other
        }
        let port_fits = match (self.port, other.port) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => own.contains(other),
        };
        self != other
            && port_fits
            && fits(&self.node, &other.node)
            && fits(&self.host, &other.host)
            && fits(&self.address, &other.address)
            && fits(&self.transport, &other.transport)
            && fits(&self.turn_url, &other.turn_url)
            && fits(&self.way, &other.way)
    }
}

impl StoredPorts {
    fn contains(self, other: Self) -> bool {
        let ends = |ports| match ports {
            Self::One(port) => (port, port),
            Self::Range { first, last } => (first, last),
        };
        let ((own_first, own_last), (first, last)) = (ends(self), ends(other));
        own_first <= first && last <= own_last
    }
}

impl fmt::Display for StoredTarget {
    /// `openvidu UDP 443 at 203.0.113.20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.host.clone().or_else(|| self.node.clone());
        let transport = self.transport.as_ref().filter(|_| self.port.is_some());
        let parts = [
            self.turn_url.clone().or(owner),
            transport.map(|transport| transport.to_uppercase()),
            self.port.map(|port| port.to_string()),
            self.way.as_ref().map(|way| format!("media {way}")),
            self.address.as_ref().map(|address| format!("at {address}")),
        ];
        let words: Vec<String> = parts.into_iter().flatten().collect();
        match words.is_empty() {
            true => f.write_str("the deployment"),
            false => f.write_str(&words.join(" ")),
        }
    }
}
