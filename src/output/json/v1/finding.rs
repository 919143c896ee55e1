//! A check and its verdict.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::configuration::LocationV1;
use super::open::open_words;
use super::publish::{PublishedAs, published};
use super::remedy::RemedyV1;
use super::target::TargetV1;
use super::values::{ObservationIdV1, RuleIdV1};
use super::waiver::WaivedV1;
use super::words::{SeverityV1, ZoneV1};
use crate::model::deployment::Topology;
use crate::model::fingerprint::Fingerprint;
use crate::model::reason::ReasonCode;
use crate::model::report::{Age, Finding, Standing};
use crate::model::rule::Source;
use crate::model::vantages::Sighting;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};
use crate::output::words;

/// One check and its verdict.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("allOf" = what_follows_from_the_verdict()))]
pub struct FindingV1 {
    /// The rule that was checked.
    pub rule: RuleIdV1,
    /// What should hold, in words.
    pub title: String,
    /// The result.
    pub verdict: VerdictV1,
    /// How strong the evidence is. Null unless the verdict is `pass` or `fail`.
    pub confidence: Option<ConfidenceV1>,
    /// Why there is no result. Null unless the verdict is `inconclusive`.
    pub inconclusive_kind: Option<InconclusiveKindV1>,
    /// How serious a violation of this rule is here.
    pub severity: SeverityV1,
    /// What was checked.
    pub target: TargetV1,
    /// Why the check ended as it did, as a word for programs.
    pub reason_code: ReasonCodeV1,
    /// What the rule demands of the target, in words.
    pub expected: String,
    /// What was seen, in words. For an inconclusive finding also why it proves nothing.
    pub observed: String,
    /// What the violation means for calls and users, in words. Null unless the verdict is `fail`.
    pub means: Option<String>,
    /// How to fix the violation. Null unless the verdict is `fail`.
    pub remedy: Option<RemedyV1>,
    /// The observations that the verdict rests on.
    pub evidence: Vec<ObservationIdV1>,
    /// The rule that did not pass and without which this one proves nothing. Null unless the verdict
    /// is `inconclusive`.
    pub blocked_by: Option<RuleIdV1>,
    /// For a rule that sums up others: the violated rules that it follows from.
    pub because: Vec<RuleIdV1>,
    /// Where the demand comes from.
    pub source: SourceV1,
    /// Identifies the finding from run to run.
    pub fingerprint: FingerprintV1,
    /// Why the violation does not make the run fail. Null unless it is waived.
    pub waiver: Option<WaivedV1>,
    /// Whether the baseline has this violation. Null unless the verdict is `fail` and there is a
    /// baseline.
    pub age: Option<AgeV1>,
    /// Whether only violations block this check that are waived, or known with `--fail-on new`.
    pub excused: bool,
    /// In a report of several vantages (`ovcheck merge`): what each that made this check said, in the
    /// order of `vantages`. Otherwise empty.
    pub sightings: Vec<SightingV1>,
    /// Where in configuration files the cause is: first what has to be changed, then what leads there.
    /// Empty if no configuration file shows it.
    pub locations: Vec<LocationV1>,
}

impl FindingV1 {
    /// A finding about a deployment of this topology.
    pub fn new(finding: &Finding, topology: Topology) -> Self {
        let Finding {
            rule,
            title,
            verdict,
            severity,
            target,
            reason,
            // `words` makes sentences of these.
            expected: _,
            seen: _,
            means,
            remedy: _,
            evidence,
            blocked_by,
            because,
            source,
            fingerprint,
            standing,
            sightings,
            locations,
        } = finding;
        let Standing { waived, age, is_excused } = standing;
        Self {
            rule: rule.published(),
            title: title.published(),
            verdict: verdict.published(),
            confidence: confidence(*verdict),
            inconclusive_kind: inconclusive_kind(*verdict),
            severity: severity.published(),
            target: target.published(),
            reason_code: reason.published(),
            expected: words::expected(finding).published(),
            observed: words::statement(finding).to_string().published(),
            means: means.published(),
            remedy: finding.is_violation().then(|| RemedyV1::new(finding, topology)),
            evidence: evidence.published(),
            blocked_by: blocked_by.published(),
            because: because.published(),
            source: source.published(),
            fingerprint: fingerprint.published(),
            waiver: waived.published(),
            age: age.published(),
            excused: *is_excused,
            sightings: sightings.published(),
            locations: locations.published(),
        }
    }
}

/// What one vantage of several said of a finding.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SightingV1 {
    /// The vantage: `label` of one of the report's `vantages`.
    pub vantage: String,
    /// Its zone.
    pub zone: ZoneV1,
    /// What the check came to there.
    pub verdict: VerdictV1,
    /// How strong the evidence is. Null unless the verdict is `pass` or `fail`.
    pub confidence: Option<ConfidenceV1>,
    /// Why there is no result. Null unless the verdict is `inconclusive`.
    pub inconclusive_kind: Option<InconclusiveKindV1>,
    /// Why the check ended as it did there, as a word for programs.
    pub reason_code: ReasonCodeV1,
    /// What was seen from there, in words.
    pub observed: String,
}

impl PublishedAs<SightingV1> for Sighting {
    fn published(&self) -> SightingV1 {
        let Self { vantage, zone, verdict, reason, seen } = self;
        SightingV1 {
            vantage: vantage.published(),
            zone: zone.published(),
            verdict: verdict.published(),
            confidence: confidence(*verdict),
            inconclusive_kind: inconclusive_kind(*verdict),
            reason_code: reason.published(),
            observed: words::seen_in_words(seen).published(),
        }
    }
}

/// What the verdict says of the fields beside it.
fn what_follows_from_the_verdict() -> Value {
    let when = |verdicts: &[&str], then: Value| {
        let is_one_of_them = json!({"properties": {"verdict": {"enum": verdicts}}});
        json!({"if": is_one_of_them, "then": {"properties": then}})
    };
    let (nothing, text) = (json!({"type": "null"}), json!({"type": "string"}));
    json!([
        when(&["pass"], json!({"confidence": {"enum": ["proven", "uncontradicted"]}})),
        when(&["fail"], json!({"confidence": {"enum": ["proven", "suspected"]}})),
        when(&["inconclusive", "not_applicable"], json!({"confidence": nothing})),
        when(&["fail"], json!({"means": text, "remedy": {"type": "object"}})),
        when(
            &["pass", "inconclusive", "not_applicable"],
            json!({"means": nothing, "remedy": nothing})
        ),
        when(&["inconclusive"], json!({"inconclusive_kind": text})),
        when(
            &["pass", "fail", "not_applicable"],
            json!({"inconclusive_kind": nothing, "blocked_by": nothing}),
        ),
    ])
}

/// The result of a check.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictV1 {
    /// The demand holds.
    Pass,
    /// The demand is violated.
    Fail,
    /// The check could not be decided.
    Inconclusive,
    /// The rule does not apply to this target.
    NotApplicable,
}

impl PublishedAs<VerdictV1> for Verdict {
    fn published(&self) -> VerdictV1 {
        match self {
            Self::Pass(_) => VerdictV1::Pass,
            Self::Fail(_) => VerdictV1::Fail,
            Self::Inconclusive(_) => VerdictV1::Inconclusive,
            Self::NotApplicable => VerdictV1::NotApplicable,
        }
    }
}

/// How strong the evidence for a verdict is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfidenceV1 {
    /// A deployment with the opposite verdict cannot send these packets.
    Proven,
    /// Of a `fail`: the likely explanation; an unusual but correct deployment could look the same.
    Suspected,
    /// Of a `pass`: no evidence against it; a deployment that violates the rule could look the same.
    Uncontradicted,
}

fn confidence(verdict: Verdict) -> Option<ConfidenceV1> {
    match verdict {
        Verdict::Pass(PassConfidence::Proven) | Verdict::Fail(FailConfidence::Proven) => {
            Some(ConfidenceV1::Proven)
        }
        Verdict::Pass(PassConfidence::Uncontradicted) => Some(ConfidenceV1::Uncontradicted),
        Verdict::Fail(FailConfidence::Suspected) => Some(ConfidenceV1::Suspected),
        Verdict::Inconclusive(_) | Verdict::NotApplicable => None,
    }
}

fn inconclusive_kind(verdict: Verdict) -> Option<InconclusiveKindV1> {
    match verdict {
        Verdict::Inconclusive(kind) => Some(kind.published()),
        Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => None,
    }
}

published! {
    /// Why a check could not be decided.
    enum InconclusiveKindV1 from InconclusiveKind {
        /// It can be decided from this vantage; something prevented it in this run.
        Unsettled,
        /// It cannot be decided from this vantage.
        VantageLimit,
    }

    /// Whether the baseline has a violation.
    enum AgeV1 from Age {
        /// The baseline has it too, and not at a lower severity.
        Known,
        /// The baseline does not have it.
        New,
    }

    /// Where a demand comes from.
    struct SourceV1 from Source {
        /// The document.
        document: String,
        /// The section of the document.
        section: String,
        /// The row of a table, in the words of the document; null if it is not about one row.
        row: Option<String>,
    }
}

published! {
    /// Identifies a finding from run to run: a hash of the deployment, the rule, the target and
    /// whether it must be open or closed. It does not depend on what was seen, on texts or on
    /// versions.
    #[schemars(extend("pattern" = "^sha256:[0-9a-f]{32}$"))]
    text FingerprintV1 from Fingerprint;
}

/// Why a check ended as it did, as a word for programs. The list is open: a later minor version may
/// add codes, and a reader must accept a code that it does not know. `verdict` says what it came to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(extend("oneOf" = known_reason_codes()), transform = open_words)]
pub struct ReasonCodeV1(&'static str);

impl PublishedAs<ReasonCodeV1> for ReasonCode {
    fn published(&self) -> ReasonCodeV1 {
        ReasonCodeV1(self.as_str())
    }
}

fn known_reason_codes() -> Vec<Value> {
    let known = ReasonCode::ALL.iter();
    known.map(|code| json!({"const": code.as_str(), "description": code.meaning()})).collect()
}
