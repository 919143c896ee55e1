//! Version 1 of the JSON report. Frozen: a field may be added (minor version), nothing else; an
//! incompatible change is a `v2` beside this file.
//!
//! Facts and questions are written as [`crate::model`] has them; `docs/schema/report-1.0.json`
//! shows when a change there would reach a reader.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::call::CallSummary;
use crate::model::deployment::{Edition, Policy, Topology};
use crate::model::facts::Facts;
use crate::model::name::{DomainName, NodeName};
use crate::model::port::{PortRange, Transport};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::rule::RuleId;
use crate::model::timestamp::Timestamp;
use crate::model::vantage::Zone;
use crate::model::verdict::{InconclusiveKind, Severity};
use crate::output::result::RunResult;

/// The version that a report says it has. Readers check the number before the dot and ignore
/// fields they do not know.
pub const SCHEMA_VERSION: &str = "1.0";

/// The report of one run of ovcheck.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "ovcheck report")]
pub struct Report {
    /// `1.0`. Another number before the dot is another shape.
    pub schema_version: &'static str,
    pub tool: Tool,
    pub run: Run,
    pub ruleset: Ruleset,
    pub deployment: Deployment,
    pub vantage: Vantage,
    pub summary: Summary,
    /// One per rule, target and address, passes included; in the order of the plan.
    pub findings: Vec<Finding>,
    /// What was seen, in the order of the plan.
    pub observations: Vec<Observation>,
    /// What was not looked at, and what would change that.
    pub not_tested: Vec<NotTested>,
    /// What the call came to, where one was made: by which ways media passes from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallSummary>,
}

/// The program that wrote the report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tool {
    pub name: &'static str,
    pub version: &'static str,
}

/// When the run took place.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Run {
    pub started_at: Timestamp,
    pub duration_ms: u64,
    /// `false`: the run was interrupted, or its deadline came first; the report is partial.
    pub complete: bool,
}

/// What was judged by.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ruleset {
    /// The edition of the guide.
    pub guide: Edition,
    /// `sha256:` and the digest of the rule files.
    pub digest: String,
}

/// What was judged, as the operator gave it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deployment {
    pub topology: Topology,
    pub policy: Policy,
    pub domain: DomainName,
    pub turn_domain: Option<DomainName>,
}

/// Where the run looked from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Vantage {
    /// The operator's name for it.
    pub name: Option<String>,
    pub zone: Zone,
    /// The machine's addresses, without loopback and link-local ones.
    pub addresses: Vec<IpAddr>,
    /// The DNS servers that were asked.
    pub dns_servers: Vec<SocketAddr>,
}

/// The end of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    pub result: RunResult,
    /// The exit status of the program.
    pub exit_code: u8,
    /// The share of the demanded checks that ended in pass or fail, 0.0 to 1.0, rounded down to
    /// four digits; 0.0 when nothing was demanded.
    pub coverage: f64,
    pub counts: Counts,
    pub gate: GateFlags,
}

/// How many findings ended how; together they are all findings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Counts {
    pub pass: usize,
    pub fail: usize,
    pub inconclusive: usize,
    pub not_applicable: usize,
}

/// The flags that decided the exit status, besides the findings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GateFlags {
    /// `--fail-on`: the mildest severity that fails the run.
    pub fail_on: Severity,
    /// `--allow-inconclusive`: an incomplete run ends with exit status 0.
    pub allow_inconclusive: bool,
    /// `--exit-zero`: violations are shown and do not fail the run.
    pub exit_zero: bool,
    /// `--min-coverage`, 0.0 to 1.0.
    pub min_coverage: Option<f64>,
}

/// One check and its verdict.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// The id of the rule, `family/slug`; the slug says what should hold.
    pub rule: RuleId,
    /// What should hold.
    pub title: String,
    pub verdict: Verdict,
    /// How far the evidence carries the verdict; only with `pass` and `fail`.
    pub confidence: Option<Confidence>,
    /// Only with `inconclusive`.
    pub inconclusive_kind: Option<InconclusiveKind>,
    pub severity: Severity,
    pub target: Target,
    pub reason_code: ReasonCode,
    /// What was demanded of this target, in words.
    pub expected: String,
    /// What was seen, in words; for an inconclusive finding why nothing follows from it.
    pub observed: String,
    /// What the violation means for calls and people.
    pub means: Option<String>,
    /// What to do about the violation.
    pub remedy: Option<String>,
    /// Ids of the observations that it rests on.
    pub evidence: Vec<String>,
    /// The rule that did not pass and without which this one says nothing.
    pub blocked_by: Option<RuleId>,
    /// For a rule that sums up others: the broken rules that it fails for.
    pub because: Vec<RuleId>,
    pub source: Source,
    /// `sha256:` and a short hash of rule, target and expectation: stays the same from run to run.
    pub fingerprint: String,
}

/// What a check ended with.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
    Inconclusive,
    NotApplicable,
}

/// How far the evidence carries a verdict.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// No deployment with the other verdict would have sent these packets.
    Proven,
    /// Of a `fail`: the likely reading; an unusual but right deployment could look the same.
    Suspected,
    /// Of a `pass`: nothing speaks against it; a deployment that breaks the rule could look the
    /// same.
    Uncontradicted,
}

/// What a check is about. A part that is null does not matter for it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Target {
    pub node: Option<NodeName>,
    /// The name in SNI, `Host` or the DNS question.
    pub host: Option<DomainName>,
    pub address: Option<IpAddr>,
    pub transport: Option<Transport>,
    /// A number, or `first` and `last` of a range.
    pub port: Option<PortRange>,
}

/// Where a demand comes from.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Source {
    pub document: String,
    pub section: String,
    pub row: Option<String>,
}

/// What one probe brought home: either `facts` or `blind` is null.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Observation {
    /// `obs-1` for the first.
    pub id: String,
    /// The name of the probe.
    pub probe: &'static str,
    /// What was asked; its `probe` says the name again, so that it can be read alone.
    pub asked: ProbeSpec,
    /// The vantage's name, or its zone when it has none.
    pub vantage: String,
    /// From the start of the run to the start of the probe.
    pub started_ms: u64,
    pub took_ms: u64,
    /// Requests, datagrams or SYNs sent for the first question: 1 or more.
    pub attempts: u32,
    /// What was seen; silence is a fact.
    pub facts: Option<Facts>,
    /// Why it was not possible to look: says nothing about the deployment.
    pub blind: Option<Blind>,
}

/// Why it was not possible to look.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Blind {
    pub why: BlindReason,
    /// The same in words, with the system's own where there are any.
    pub words: String,
}

/// Why it was not possible to look, as one word.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlindReason {
    /// The machine has no route to the address.
    NoRoute,
    /// The machine's own firewall refuses to send.
    OwnFirewall,
    /// No DNS server is configured.
    NoDnsServer,
    /// The HTTP proxy of our own network does not let us through.
    OwnProxy,
    /// Another error of the machine itself.
    Local,
    /// The run was interrupted before an answer came.
    Interrupted,
    /// The run's deadline came before an answer.
    DeadlineSpent,
}

/// Something that was not looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotTested {
    pub what: String,
    pub why: String,
    /// The flag that would let it be looked at.
    pub flag: Option<String>,
}
