//! The parts of a JSON report that the formats use, in the names of its schema.

use serde::Deserialize;

use super::call::ShownCall;
use crate::model::deployment::Topology;
use crate::model::rule::Machine;
use crate::model::verdict::Severity;

/// A JSON report.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownReport {
    pub tool: ShownTool,
    pub run: ShownRun,
    pub ruleset: ShownRuleset,
    pub deployment: ShownDeployment,
    pub vantage: ShownVantage,
    /// The runs of a report of several vantages.
    #[serde(default)]
    pub vantages: Vec<ShownMergedRun>,
    pub options: ShownOptions,
    pub files_read: ShownFiles,
    pub summary: ShownSummary,
    pub findings: Vec<ShownFinding>,
    pub observations: Vec<ShownObservation>,
    pub not_tested: Vec<ShownNotTested>,
    pub call: Option<ShownCall>,
    #[serde(default)]
    pub waivers: Vec<ShownWaiverUse>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownTool {
    pub version: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownRun {
    pub command: String,
    pub started_at: String,
    pub duration_ms: u64,
    pub complete: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownRuleset {
    pub guide: String,
    pub digest: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownDeployment {
    #[serde(with = "TopologyWord")]
    pub topology: Topology,
    pub policy: String,
    pub domain: String,
    pub turn_domain: Option<String>,
    pub nodes: Vec<ShownNode>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownNode {
    pub name: String,
    pub role: String,
    pub addresses: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownVantage {
    pub name: Option<String>,
    pub zone: String,
    pub addresses: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownMergedRun {
    pub label: String,
}

/// The flags by which a run connects elsewhere than the DNS says.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownOptions {
    /// Reports of older versions do not have it.
    #[serde(default)]
    pub edition: ShownEditionChoice,
    pub dns_server: Option<String>,
    pub resolve: Vec<ShownResolve>,
    pub connect_to: Vec<ShownConnectTo>,
    pub http_proxy: Option<String>,
    pub credentials: Option<String>,
    #[serde(default)]
    pub selection: ShownSelection,
    /// What stand-ins replace.
    #[serde(default)]
    pub redact: Vec<String>,
}

/// What chose the edition of the guide.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ShownEditionChoice {
    pub by: String,
    pub signs: Vec<String>,
}

/// The families and rules that the run was asked about.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ShownSelection {
    pub only: Vec<String>,
    pub skip: Vec<String>,
}

/// Addresses that replace those in the DNS.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownResolve {
    pub name: String,
    pub port: Option<u16>,
    pub addresses: Vec<String>,
}

/// An address and ports that replace the intended ones.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownConnectTo {
    pub address: Option<String>,
    pub ports: Option<ShownPorts>,
    pub to_address: Option<String>,
    pub to_port: Option<u16>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownFiles {
    pub config: Option<String>,
    pub rules: Option<String>,
    pub ca_file: Option<String>,
    pub recording: Option<String>,
    /// Missing in reports of the first versions.
    pub config_lines: Option<ShownConfigLines>,
}

/// The lines of the deployment file that declare what is judged.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownConfigLines {
    pub domain: Option<u32>,
    pub turn_domain: Option<u32>,
    pub policy: Option<u32>,
    pub guide: Option<u32>,
    pub nodes: Vec<ShownNodeLine>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownNodeLine {
    pub node: String,
    pub line: u32,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownSummary {
    pub result: super::ResultWord,
    pub exit_code: u8,
    pub coverage: f64,
    /// How many checks were left out because the run was asked about others.
    #[serde(default)]
    pub not_selected: usize,
    pub gate: ShownGate,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownGate {
    #[serde(with = "SeverityWord")]
    pub fail_on: Severity,
    pub require_proof: bool,
    pub allow_inconclusive: bool,
    pub exit_zero: bool,
    /// Only what the baseline does not have fails the run.
    #[serde(default)]
    pub only_new: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownFinding {
    pub rule: String,
    pub title: String,
    pub verdict: ShownVerdict,
    pub confidence: Option<ShownConfidence>,
    pub inconclusive_kind: Option<ShownInconclusiveKind>,
    #[serde(with = "SeverityWord")]
    pub severity: Severity,
    pub target: ShownTarget,
    pub reason_code: String,
    pub expected: String,
    pub observed: String,
    pub means: Option<String>,
    pub remedy: Option<ShownRemedy>,
    pub evidence: Vec<String>,
    pub blocked_by: Option<String>,
    pub source: ShownSource,
    pub fingerprint: String,
    pub waiver: Option<ShownWaived>,
    pub age: Option<ShownAge>,
    /// Whether only violations block it that do not fail the run.
    #[serde(default)]
    pub excused: bool,
    /// Reports of older versions do not have it.
    #[serde(default)]
    pub locations: Vec<ShownLocation>,
}

/// Why a violation does not fail the run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShownWaived {
    pub by: ShownWaiver,
}

/// A violation that operators accept for a while.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShownWaiver {
    pub place: String,
    pub reason: String,
    pub owner: Option<String>,
    pub until: String,
    /// A report of before has no such lines.
    #[serde(default)]
    pub line: Option<ShownWaivedLine>,
}

/// A line of a configuration file; that there is one is all that is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShownWaivedLine {}

/// A waiver, and what became of it.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownWaiverUse {
    pub waiver: ShownWaiver,
    pub state: String,
}

/// A violation beside those of the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownAge {
    Known,
    New,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownVerdict {
    Pass,
    Fail,
    Inconclusive,
    NotApplicable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownConfidence {
    Proven,
    Suspected,
    Uncontradicted,
}

impl ShownConfidence {
    /// The word for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Suspected => "suspected",
            Self::Uncontradicted => "no evidence against",
        }
    }

    /// The word of the JSON report.
    pub fn code(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Suspected => "suspected",
            Self::Uncontradicted => "uncontradicted",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownInconclusiveKind {
    Unsettled,
    VantageLimit,
}

impl ShownInconclusiveKind {
    /// The word for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unsettled => "unsettled",
            Self::VantageLimit => "vantage limit",
        }
    }

    /// The word of the JSON report.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unsettled => "unsettled",
            Self::VantageLimit => "vantage_limit",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownTarget {
    pub node: Option<String>,
    pub host: Option<String>,
    pub address: Option<String>,
    pub transport: Option<String>,
    pub port: Option<ShownPorts>,
    pub turn_url: Option<String>,
    pub candidate: Option<ShownCandidate>,
    pub way: Option<String>,
    /// Reports of older versions do not have it.
    #[serde(default)]
    pub setting: Option<ShownSetting>,
}

/// A setting in a configuration file.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownSetting {
    pub file: String,
    pub name: String,
}

/// A place in a configuration file.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownLocation {
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub width: u32,
}

/// One port, or a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub enum ShownPorts {
    One(u16),
    Range { first: u16, last: u16 },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownCandidate {
    Address { transport: String, address: String },
    Unreadable(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShownRemedy {
    pub text: String,
    pub steps: Vec<ShownStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum ShownStep {
    Say {
        text: String,
    },
    Run {
        #[serde(with = "MachineWord")]
        on: Machine,
        commands: Vec<String>,
    },
    Show {
        place: String,
        lines: Vec<String>,
    },
    Edit {
        place: String,
        lines: Vec<String>,
    },
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownSource {
    pub document: String,
    pub section: String,
    pub row: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownNotTested {
    pub what: String,
    pub why: String,
    pub flag: Option<String>,
}

/// What a probe saw, as far as a format shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct ShownObservation {
    pub id: String,
    pub asked: ShownAsked,
    pub facts: Option<ShownFacts>,
    pub blind: Option<ShownBlind>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownBlind {
    pub words: String,
}

/// What a probe asked, as far as a format shows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
pub enum ShownAsked {
    Tls {
        to: ShownEndpoint,
        sni: ShownSni,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownEndpoint {
    pub address: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownSni {
    Name(String),
    Absent,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ShownFacts {
    Tls {
        handshake: Option<ShownHandshake>,
    },
    Udp {
        ports: Vec<ShownUdpPort>,
        swept: Option<ShownSwept>,
    },
    #[serde(other)]
    Other,
}

/// A handshake, as far as it shows a certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ShownHandshake {
    Completed { completed: ShownSession },
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownSession {
    pub certificate: Option<ShownChain>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownChain {
    pub certificates: Vec<ShownCertificate>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownCertificate {
    pub issuer: String,
    pub not_after: String,
    /// Reports of older versions do not have it.
    #[serde(default)]
    pub sha256: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownUdpPort {
    pub port: u16,
    /// A word, or an object with one key.
    pub answer: serde_json::Value,
}

#[derive(Debug, Clone, Deserialize)]
pub struct ShownSwept {
    pub range: ShownPorts,
    pub sent: u32,
    pub unsent: u32,
}

#[derive(Deserialize)]
#[serde(remote = "Topology")]
enum TopologyWord {
    #[serde(rename = "single-node")]
    SingleNode,
    #[serde(rename = "elastic")]
    Elastic,
    #[serde(rename = "high-availability")]
    HighAvailability,
}

#[derive(Deserialize)]
#[serde(remote = "Severity", rename_all = "snake_case")]
enum SeverityWord {
    Info,
    Warning,
    Error,
}

#[derive(Deserialize)]
#[serde(remote = "Machine", rename_all = "snake_case")]
enum MachineWord {
    Here,
    Proxy,
    Backend,
    Media,
    Node,
    Application,
}
