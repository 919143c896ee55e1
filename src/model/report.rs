//! Everything that an output may know.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::call::CallSummary;
use super::configuration::{IgnoreComment, Location, Trace};
use super::context::RunContext;
use super::deployment::Deployment;
use super::expected::Expected;
use super::facts::{Facts, ProxyFacts};
use super::fingerprint::Fingerprint;
use super::observation::{Observation, Outcome};
use super::overview::Overview;
use super::plan::{LeftOut, ProbeIndex, RunScope};
use super::reason::ReasonCode;
use super::remedy::RemedyStep;
use super::rule::{RuleId, Source};
use super::seen::Seen;
use super::target::Target;
use super::timestamp::Timestamp;
use super::vantage::{Vantage, Zone};
use super::vantages::{MergedRun, Sighting};
use super::verdict::{InconclusiveKind, Severity, Verdict};
use super::waiver::{Waived, WaiverState, WaiverUse};

/// One check and its verdict. Passes are findings too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: RuleId,
    /// What should hold, from the rule.
    pub title: String,
    pub verdict: Verdict,
    pub severity: Severity,
    pub target: Target,
    pub reason: ReasonCode,
    pub expected: Expected,
    pub seen: Seen,
    /// What a violation means for calls and people; only on violations.
    pub means: Option<String>,
    /// What to do; only on violations.
    pub remedy: Vec<RemedyStep>,
    /// The probes it rests on.
    pub evidence: Vec<ProbeIndex>,
    /// The rule that did not pass and without which this one says nothing.
    pub blocked_by: Option<RuleId>,
    /// For a rule that sums up others: the broken rules that it fails for.
    pub because: Vec<RuleId>,
    pub source: Source,
    /// Stays the same from run to run, whatever is seen.
    pub fingerprint: Fingerprint,
    pub standing: Standing,
    /// In a report that was made from several places: what each that asked said. Otherwise empty.
    pub sightings: Vec<Sighting>,
    /// Where in configuration files the cause is; the first is what has to be changed.
    pub locations: Vec<Location>,
}

#[cfg(test)]
impl Finding {
    /// For unit tests: a finding at one address that names these rules as its cause.
    pub fn example(rule: &str, verdict: Verdict, address: &str, causes: &[&str]) -> Self {
        let causes: Vec<RuleId> = causes.iter().map(|rule| rule.parse().unwrap()).collect();
        Self {
            rule: rule.parse().unwrap(),
            title: String::new(),
            verdict,
            severity: Severity::Error,
            target: Target { address: address.parse().ok(), ..Target::default() },
            reason: ReasonCode::WrongService,
            expected: Expected::AsTheRuleSays(String::new()),
            seen: "the same".into(),
            fingerprint: Fingerprint::example(),
            standing: Standing::default(),
            sightings: Vec::new(),
            locations: Vec::new(),
            means: None,
            remedy: Vec::new(),
            evidence: Vec::new(),
            blocked_by: causes.first().cloned(),
            because: causes,
            source: Source { document: String::new(), section: String::new(), row: None },
        }
    }
}

/// What operators decided about a finding, besides what was seen. It changes no verdict, only whether
/// the finding fails the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Of a violation: why it is accepted for a while.
    pub waived: Option<Waived>,
    /// Of a violation of a run with a baseline.
    pub age: Option<Age>,
    /// Of an inconclusive finding: it is blocked only by violations that do not fail the run.
    pub is_excused: bool,
}

/// A violation beside those of the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Age {
    /// The baseline has it too, and no milder.
    Known,
    New,
}

impl Finding {
    /// Whether it is a violation, of any severity.
    pub fn is_violation(&self) -> bool {
        matches!(self.verdict, Verdict::Fail(_))
    }

    /// In a report of several vantages: the zone from which it was asked first. A port is asked from one
    /// zone.
    pub fn asked_from(&self) -> Option<Zone> {
        self.sightings.first().map(|sighting| sighting.zone)
    }

    /// Whether it is a violation that is waived.
    pub fn is_waived(&self) -> bool {
        self.is_violation() && self.standing.waived.is_some()
    }
}

/// What a run was about, what it saw, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    #[serde(skip)]
    pub tool_version: &'static str,
    pub started_at: Timestamp,
    pub duration: Duration,
    /// `false` when the run was interrupted or its deadline came first.
    pub complete: bool,
    /// `sha256:` and the digest of the rule files.
    pub ruleset_digest: String,
    pub deployment: Deployment,
    pub context: RunContext,
    pub vantage: Vantage,
    /// The runs of which the report was made, if there were several; [`Self::vantage`] then stands for
    /// all of them.
    pub vantages: Vec<MergedRun>,
    /// In the order of the plan.
    pub findings: Vec<Finding>,
    pub overview: Overview,
    /// In the order of the plan; [`ProbeIndex`] points into it.
    pub observations: Vec<Observation>,
    pub not_tested: Vec<LeftOut>,
    /// What the call came to; `None`: none was made.
    pub call: Option<CallSummary>,
    /// The waivers that were read, in the order of their file.
    pub waivers: Vec<WaiverUse>,
    pub gate: Gate,
}

/// What decides the exit status, besides what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The mildest severity that fails the run.
    pub fail_on: Severity,
    /// Only violations that the baseline does not have fail the run.
    pub only_new: bool,
    /// What is left out because it is not declared makes the run incomplete.
    pub require_declared: bool,
    /// Only what is proven passes or fails; the findings are judged so already.
    pub require_proof: bool,
    /// An incomplete run passes.
    pub allow_inconclusive: bool,
    /// Violations are shown and do not fail the run.
    pub exit_zero: bool,
    /// The least share of demanded checks that has to be settled, 0.0 to 1.0.
    pub min_coverage: Option<f64>,
    /// Whether the run was interrupted by a signal.
    pub interrupted: bool,
}

impl Eq for Gate {}

impl Gate {
    /// Whether this finding fails the run: a violation at or above the severity, neither waived nor,
    /// if only new ones count, known to the baseline.
    pub fn is_failed_by(&self, finding: &Finding) -> bool {
        finding.is_violation()
            && finding.severity >= self.fail_on
            && !finding.is_waived()
            && !(self.only_new && finding.standing.age == Some(Age::Known))
    }
}

/// How many findings ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub pass: usize,
    /// Of `pass`, those that are uncontradicted rather than proven.
    pub uncontradicted: usize,
    /// Violations of severity `error` that are not waived.
    pub errors: usize,
    /// Violations of severity `warning` or `info` that are not waived.
    pub warnings: usize,
    /// Violations that are waived, of every severity.
    pub waived: usize,
    /// Inconclusive and settled by nobody from here.
    pub vantage_limit: usize,
    /// Inconclusive only because of violations that do not fail the run.
    pub excused: usize,
    /// Inconclusive otherwise.
    pub unsettled: usize,
    pub not_applicable: usize,
}

impl Counts {
    /// All violations.
    pub fn fail(&self) -> usize {
        self.errors + self.warnings + self.waived
    }

    /// All that ended inconclusive.
    pub fn inconclusive(&self) -> usize {
        self.vantage_limit + self.excused + self.unsettled
    }
}

impl Report {
    /// How much was looked at.
    pub fn scope(&self) -> RunScope {
        self.context.command.scope()
    }

    /// How many findings ended how.
    pub fn counts(&self) -> Counts {
        use super::verdict::PassConfidence;
        let mut counts = Counts::default();
        for finding in &self.findings {
            match (finding.verdict, finding.severity) {
                (Verdict::Pass(confidence), _) => {
                    counts.pass += 1;
                    if confidence == PassConfidence::Uncontradicted {
                        counts.uncontradicted += 1;
                    }
                }
                (Verdict::Fail(_), _) if finding.is_waived() => counts.waived += 1,
                (Verdict::Fail(_), Severity::Error) => counts.errors += 1,
                (Verdict::Fail(_), Severity::Warning | Severity::Info) => counts.warnings += 1,
                (Verdict::Inconclusive(InconclusiveKind::VantageLimit), _) => {
                    counts.vantage_limit += 1;
                }
                (Verdict::Inconclusive(InconclusiveKind::Unsettled), _)
                    if finding.standing.is_excused =>
                {
                    counts.excused += 1;
                }
                (Verdict::Inconclusive(InconclusiveKind::Unsettled), _) => counts.unsettled += 1,
                (Verdict::NotApplicable, _) => counts.not_applicable += 1,
            }
        }
        counts
    }

    /// Whether there is a violation that fails the run, or a waiver that expired.
    pub fn is_violated(&self) -> bool {
        self.findings.iter().any(|finding| self.gate.is_failed_by(finding))
            || self.expired_waivers() > 0
    }

    /// Whether nothing fails the run and all that is demanded is settled, whatever the gate lets pass.
    pub fn passes(&self) -> bool {
        let is_short = self.is_unsettled() && !self.gate.allow_inconclusive;
        !self.is_violated() && !is_short && !self.is_covered_too_little()
    }

    /// How many waivers have expired.
    pub fn expired_waivers(&self) -> usize {
        self.waivers.iter().filter(|waiver| waiver.state == WaiverState::Expired).count()
    }

    /// Whether something that could have been settled is not, or nothing is settled at all.
    pub fn is_unsettled(&self) -> bool {
        let counts = self.counts();
        counts.unsettled > 0
            || counts.pass + counts.fail() == 0
            || self.is_seen_through_another()
            || self.misses_a_vantage()
            || (self.gate.require_declared && self.undeclared() > 0)
    }

    /// Whether there is no run from a machine from which one was asked for.
    fn misses_a_vantage(&self) -> bool {
        self.not_tested.iter().any(|it| matches!(it, LeftOut::VantageMissing { .. }))
    }

    /// Whether something answered in the place of the deployment: the whole place is unfit.
    fn is_seen_through_another(&self) -> bool {
        self.findings.iter().any(|finding| finding.reason == ReasonCode::AcceptedForOthers)
    }

    /// The share of the demanded checks that ended in pass or fail, 0.0 to 1.0; 0.0 when nothing
    /// was demanded. What is left out because it is not declared counts as one check that did not, and so
    /// does each check that no vantage of several made.
    pub fn coverage(&self) -> f64 {
        let counts = self.counts();
        let settled = counts.pass + counts.fail();
        let demanded = settled + counts.inconclusive() + self.undeclared() + self.unseen();
        if demanded == 0 {
            return 0.0;
        }
        settled as f64 / demanded as f64
    }

    /// How much of the guide is left out because it is not declared.
    pub fn undeclared(&self) -> usize {
        self.not_tested.iter().filter(|left_out| left_out.is_undeclared()).count()
    }

    /// How many checks no vantage of several made.
    pub fn unseen(&self) -> usize {
        let left_out = self.not_tested.iter().map(|left_out| match left_out {
            LeftOut::Unseen { checks, .. } => *checks,
            _ => 0,
        });
        left_out.sum()
    }

    /// How many checks are left out because the run is not asked about them.
    pub fn not_selected(&self) -> usize {
        let left_out = self.not_tested.iter().map(|left_out| match left_out {
            LeftOut::NotSelected { checks, .. } => *checks,
            _ => 0,
        });
        left_out.sum()
    }

    /// Whether less is settled than the gate asks for.
    pub fn is_covered_too_little(&self) -> bool {
        let least = self.gate.min_coverage;
        least.is_some_and(|least| self.coverage() < least)
    }

    /// What the proxy's configuration says, where it was read.
    pub fn proxy_configuration(&self) -> Option<&ProxyFacts> {
        self.observations.iter().find_map(|observation| match &observation.outcome {
            Outcome::Saw(facts) => facts.as_proxy_configuration(),
            Outcome::Blind(_) => None,
        })
    }

    /// The comments in configuration files that accept violations.
    pub fn ignore_comments(&self) -> impl Iterator<Item = &IgnoreComment> {
        self.observations.iter().flat_map(|observation| match &observation.outcome {
            Outcome::Saw(Facts::ProxyConfiguration(facts)) => facts.comments.as_slice(),
            Outcome::Saw(Facts::OpenviduConfiguration(facts)) => facts.comments.as_slice(),
            Outcome::Saw(_) | Outcome::Blind(_) => &[],
        })
    }

    /// Where each connection ends by the proxy's configuration.
    pub fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.proxy_configuration().into_iter().flat_map(|facts| &facts.traces)
    }

    /// The observation behind a piece of evidence.
    pub fn observation(&self, index: ProbeIndex) -> Option<&Observation> {
        self.observations.get(index.0)
    }
}
