//! The report as a whole.

use schemars::JsonSchema;
use serde::Serialize;

use super::call::CallSummaryV1;
use super::configuration::{CertificateFileV1, TraceV1};
use super::context::{DeploymentV1, InputFilesV1, MergedRunV1, OptionsV1, VantageV1};
use super::finding::FindingV1;
use super::observation::ObservationV1;
use super::publish::{PublishedAs, published};
use super::values::TimeV1;
use super::waiver::WaiverUseV1;
use super::words::{EditionV1, RunCommandV1, SeverityV1};
use super::{SCHEMA_ID, SCHEMA_VERSION};
use crate::model::context::RunContext;
use crate::model::plan::{LeftOut, ProbeIndex};
use crate::model::report::{Counts, Gate, Report};
use crate::output::quote;
use crate::output::result::RunResult;
use crate::output::words;

/// The report of one run of ovcheck, as `--format json` writes it.
///
/// A later minor version (1.1, 1.2, …) only adds: fields, and values of the lists that say so in
/// their description, such as the reason codes. A reader must ignore fields that it does not know,
/// and must accept unknown values of those lists. All other lists are closed, and a field keeps its
/// name, its type and its meaning. So this schema accepts the reports of all versions 1.x. Any other
/// change is version 2.
///
/// A field without a value is null. Times are in UTC, fields that end in `_ms` are whole
/// milliseconds, and the order of every list is stable.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "ovcheck report", extend("$id" = SCHEMA_ID))]
pub struct ReportV1 {
    /// The version of this format. Another number before the dot is another format.
    #[schemars(extend("pattern" = r"^1\.(0|[1-9][0-9]*)$"))]
    pub schema_version: &'static str,
    /// The program that wrote the report.
    pub tool: ToolV1,
    /// When the run took place, and what started it.
    pub run: RunV1,
    /// What the deployment was judged by.
    pub ruleset: RulesetV1,
    /// What was judged.
    pub deployment: DeploymentV1,
    /// Where the run looked from. In a report of several vantages it stands for all of them: its name
    /// lists them, and it has no addresses.
    pub vantage: VantageV1,
    /// The runs of which the report was made (`ovcheck merge`). Empty if there was one run.
    pub vantages: Vec<MergedRunV1>,
    /// How the run looked.
    pub options: OptionsV1,
    /// Which files the run read.
    pub files_read: InputFilesV1,
    /// What it came to.
    pub summary: SummaryV1,
    /// The checks and their verdicts, passes included: one for each rule, target and address.
    pub findings: Vec<FindingV1>,
    /// What the probes asked and saw.
    pub observations: Vec<ObservationV1>,
    /// What the run did not look at.
    pub not_tested: Vec<NotTestedV1>,
    /// The result of the call; null if no call was made.
    pub call: Option<CallSummaryV1>,
    /// The waivers that were read, and what became of them.
    pub waivers: Vec<WaiverUseV1>,
    /// Where each connection ends by the proxy's configuration. Empty if none was read.
    pub traces: Vec<TraceV1>,
    /// The files of certificates that the proxy's configuration names for them. Empty if none was read.
    pub certificate_files: Vec<CertificateFileV1>,
}

impl ReportV1 {
    /// The shape of a report of a program that ends with this exit status.
    pub fn new(report: &Report, exit_code: u8) -> Self {
        let Report {
            tool_version,
            started_at,
            duration,
            complete,
            ruleset_digest,
            deployment,
            context,
            vantage,
            vantages,
            findings,
            // For people: the findings say it to programs.
            overview: _,
            observations,
            not_tested,
            call,
            waivers,
            gate,
        } = report;
        let RunContext { command, files, options } = context;
        let label = vantage.name.clone().unwrap_or_else(|| vantage.zone.to_string());
        let mut labels =
            vantages.iter().flat_map(|run| std::iter::repeat_n(&run.label, run.observations));
        let observations = observations.iter().enumerate();
        Self {
            schema_version: SCHEMA_VERSION,
            tool: ToolV1 { name: "ovcheck", version: tool_version },
            run: RunV1 {
                command: command.published(),
                started_at: started_at.published(),
                duration_ms: duration.published(),
                complete: *complete,
            },
            ruleset: RulesetV1 {
                guide: deployment.edition.published(),
                digest: ruleset_digest.clone(),
            },
            deployment: deployment.published(),
            vantage: vantage.published(),
            vantages: vantages.published(),
            options: options.published(),
            files_read: files.published(),
            summary: SummaryV1 {
                result: RunResult::of(report).published(),
                exit_code,
                // Rounded down: 1.0 has to mean all of it.
                coverage: (report.coverage() * 10_000.0).floor() / 10_000.0,
                counts: report.counts().published(),
                not_selected: report.not_selected(),
                gate: gate.published(),
            },
            findings: findings
                .iter()
                .map(|finding| FindingV1::new(finding, deployment.topology))
                .collect(),
            observations: observations
                .map(|(index, seen)| {
                    ObservationV1::new(ProbeIndex(index), seen, labels.next().unwrap_or(&label))
                })
                .collect(),
            not_tested: not_tested.published(),
            call: call.published(),
            waivers: waivers.published(),
            traces: report.traces().map(PublishedAs::published).collect(),
            certificate_files: report
                .proxy_configuration()
                .map_or_else(Vec::new, |facts| facts.certificates.published()),
        }
    }
}

/// The program that wrote the report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ToolV1 {
    /// `ovcheck`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// When the run took place, and what started it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunV1 {
    /// The subcommand.
    pub command: RunCommandV1,
    /// When the run started.
    pub started_at: TimeV1,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
    /// `false` if the run was interrupted, or reached its deadline: the report is partial.
    pub complete: bool,
}

/// What the deployment was judged by.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RulesetV1 {
    /// The edition of the guide (`--guide`).
    pub guide: EditionV1,
    /// A hash of the rule files.
    #[schemars(extend("pattern" = "^sha256:[0-9a-f]{64}$"))]
    pub digest: String,
}

/// What the run came to.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SummaryV1 {
    /// The result, whatever the exit status is.
    pub result: RunResultV1,
    /// The exit status of ovcheck: 0 passed, 1 violation, 2 wrong usage, 3 incomplete, 4 the report
    /// could not be written, 130 interrupted.
    #[schemars(extend("enum" = [0, 1, 2, 3, 4, 130]))]
    pub exit_code: u8,
    /// The share of the demanded checks that passed or failed, rounded down to four digits; 0 if
    /// nothing was demanded.
    #[schemars(range(min = 0, max = 1))]
    pub coverage: f64,
    /// How many findings have which verdict.
    pub counts: CountsV1,
    /// How many checks were left out by `--only` and `--skip`.
    pub not_selected: usize,
    /// The flags that decide the verdicts and the exit status.
    pub gate: GateV1,
}

/// How many findings have which verdict. The sum of `pass`, `fail`, `inconclusive` and
/// `not_applicable` is the number of findings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CountsV1 {
    /// Findings with the verdict `pass`.
    pub pass: usize,
    /// Findings with the verdict `fail`, the waived ones included.
    pub fail: usize,
    /// Of `fail`, those that are waived: they do not make the run fail.
    pub waived: usize,
    /// Findings with the verdict `inconclusive`.
    pub inconclusive: usize,
    /// Of `inconclusive`, those that only violations block that are waived, or known with
    /// `--fail-on new`. They do not make the run incomplete.
    pub excused: usize,
    /// Findings with the verdict `not_applicable`.
    pub not_applicable: usize,
}

impl PublishedAs<CountsV1> for Counts {
    fn published(&self) -> CountsV1 {
        CountsV1 {
            pass: self.pass,
            fail: self.fail(),
            waived: self.waived,
            inconclusive: self.inconclusive(),
            excused: self.excused,
            not_applicable: self.not_applicable,
        }
    }
}

/// The flags that decide the verdicts and the exit status.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GateV1 {
    /// `--fail-on`: the lowest severity that makes the run fail.
    pub fail_on: SeverityV1,
    /// `--fail-on new`: only violations that the baseline does not have make the run fail.
    pub only_new: bool,
    /// `--require-declared`: what is not declared makes the run incomplete.
    pub require_declared: bool,
    /// `--require-proof`: what is not proven is inconclusive.
    pub require_proof: bool,
    /// `--allow-inconclusive`: an incomplete run ends with exit status 0.
    pub allow_inconclusive: bool,
    /// `--exit-zero`: violations do not make the run fail.
    pub exit_zero: bool,
    /// `--min-coverage`; null if it was not given.
    #[schemars(range(min = 0, max = 1))]
    pub min_coverage: Option<f64>,
}

impl PublishedAs<GateV1> for Gate {
    fn published(&self) -> GateV1 {
        // That the run was interrupted is its result.
        let Self {
            fail_on,
            only_new,
            require_declared,
            require_proof,
            allow_inconclusive,
            exit_zero,
            min_coverage,
            interrupted: _,
        } = self;
        GateV1 {
            fail_on: fail_on.published(),
            only_new: *only_new,
            require_declared: *require_declared,
            require_proof: *require_proof,
            allow_inconclusive: *allow_inconclusive,
            exit_zero: *exit_zero,
            min_coverage: *min_coverage,
        }
    }
}

published! {
    /// The result of a run, whatever the exit status is.
    enum RunResultV1 from RunResult {
        /// No violation makes the run fail, and every demanded check was decided as far as this
        /// vantage allows. Of `ovcheck call`: media works on at least one way.
        Pass,
        /// A violation makes the run fail, or would without `--exit-zero`. Of `ovcheck call`: no
        /// way works.
        Fail,
        /// No such violation, but something was not decided.
        Incomplete,
        /// The run was interrupted by a signal.
        Interrupted,
    }
}

/// Something that the run did not look at.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotTestedV1 {
    /// What it is, in words.
    pub what: String,
    /// Why, in words.
    pub why: String,
    /// The flag that would include it; null if none does.
    pub flag: Option<String>,
}

impl PublishedAs<NotTestedV1> for LeftOut {
    fn published(&self) -> NotTestedV1 {
        let words::plan::NotTested { what, why, flag } = words::plan::not_tested(self);
        let [what, why] = [what, why].map(|text| quote::shown(&text));
        NotTestedV1 { what, why, flag: flag.map(str::to_owned) }
    }
}
