//! The flags that decide which findings make a run fail.

use std::path::PathBuf;
use std::str::FromStr;

use super::tell;
use crate::app;
use crate::complaint::{Complaint, Place, help_for_unknown};
use crate::config::CheckOptions;
use crate::gate;
use crate::model::name::DomainName;
use crate::model::report::Report;
use crate::model::stored::StoredReport;
use crate::model::verdict::Severity;
use crate::model::waiver::Waiver;
use crate::model::word_list::WordList;
use crate::output::words;
use crate::stored;
use crate::waivers::WaiversFile;

/// The heading for these flags in the help.
pub const GATE: &str = "Pass and fail";

/// The flags that decide the exit status.
#[derive(Debug, clap::Args)]
pub struct Gating {
    /// Lowest severity that makes the run fail: error, warning or info; and with `new`, only violations
    /// that the baseline does not have, such as `new` or `warning,new`
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = GATE)]
    fail_on: FailOn,

    /// JSON report of a former run; the report then says which violations are new
    ///
    /// With --fail-on new, only new violations make the run fail, so that a deployment with known
    /// violations can be gated today.
    #[arg(long, value_name = "REPORT", help_heading = GATE)]
    baseline: Option<PathBuf>,

    /// Count what is not declared as incomplete (exit status 3): machines, features and modules in use
    #[arg(long, help_heading = GATE)]
    require_declared: bool,

    /// Count only proven results; report every other pass or failure as inconclusive
    #[arg(long, help_heading = GATE)]
    require_proof: bool,

    /// Exit with status 0 instead of 3 if the result is incomplete
    #[arg(long, help_heading = GATE)]
    allow_inconclusive: bool,

    /// Minimum share of the required checks that must be settled (0 to 1); below it, exit with
    /// status 3
    ///
    /// Checks that cannot be settled from this machine count as not settled. The minimum also
    /// applies with --allow-inconclusive.
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = GATE)]
    min_coverage: Option<f64>,

    /// Report violations but exit with status 0
    #[arg(long, help_heading = GATE)]
    exit_zero: bool,

    /// File with accepted violations [default: ovcheck-waivers.toml beside the deployment file, if it
    /// exists]
    ///
    /// Waived violations are shown and counted separately. An expired waiver makes the run fail.
    /// `ovcheck waive` adds a waiver.
    #[arg(long, value_name = "FILE", help_heading = GATE)]
    waivers: Option<PathBuf>,
}

/// What `--fail-on` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FailOn {
    severity: Severity,
    only_new: bool,
}

impl FailOn {
    const NEW: &str = "new";
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fail_on = Self { severity: Severity::Error, only_new: false };
        let mut severities = 0;
        for word in text.split(',').map(str::trim) {
            match Severity::from_word(word) {
                Some(severity) => {
                    fail_on.severity = severity;
                    severities += 1;
                }
                None if word == Self::NEW => fail_on.only_new = true,
                None => {
                    let severities = Severity::all().iter().map(|severity| severity.word());
                    let known: Vec<&str> = severities.chain([Self::NEW]).collect();
                    let help = help_for_unknown(word, &known);
                    return Err(format!("unknown severity \"{word}\"; {help}"));
                }
            }
        }
        match severities {
            0 | 1 => Ok(fail_on),
            _ => Err("name one severity, the lowest that makes the run fail".to_owned()),
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) | Err(_) => Err("must be a number from 0 to 1, such as 0.95".to_owned()),
    }
}

/// What the flags name, as read before the run.
pub struct Decisions {
    waivers: Vec<Waiver>,
    baseline: Option<Baseline>,
}

/// The report of a former run.
struct Baseline {
    shown: String,
    report: StoredReport,
}

impl Gating {
    pub fn options(&self) -> CheckOptions {
        CheckOptions {
            fail_on: self.fail_on.severity,
            only_new: self.fail_on.only_new,
            require_declared: self.require_declared,
            require_proof: self.require_proof,
            allow_inconclusive: self.allow_inconclusive,
            min_coverage: self.min_coverage,
            exit_zero: self.exit_zero,
        }
    }

    /// Reads the files that these flags name. `deployment_file` is the one that the run reads.
    ///
    /// # Errors
    /// A complaint about one of the files.
    pub fn read(&self, deployment_file: Option<&str>) -> Result<Decisions, Complaint> {
        if self.fail_on.only_new && self.baseline.is_none() {
            let flag = Place::Flag("--fail-on".to_owned());
            return Err(Complaint::new("without a baseline, nothing is known to be new", flag)
                .with_help("add --baseline REPORT, the JSON report of a former run"));
        }
        let waivers = WaiversFile::choose(self.waivers.as_deref(), deployment_file).waivers()?;
        let baseline = self.baseline.as_deref().map(|path| {
            let shown = path.display().to_string();
            stored::read(path).map(|report| Baseline { shown, report })
        });
        Ok(Decisions { waivers, baseline: baseline.transpose()? })
    }
}

impl Decisions {
    /// Checks before the run that the baseline is about this deployment.
    ///
    /// # Errors
    /// If it is about another one: then everything would be new.
    pub fn fit(&self, deployment: &DomainName) -> Result<(), Complaint> {
        let Some(Baseline { shown, report }) = &self.baseline else { return Ok(()) };
        if report.deployment.domain == deployment.as_str() {
            if !report.run.complete {
                tell(format_args!(
                    "warning: the run of the baseline {shown} was not complete; more may count as new"
                ));
            }
            return Ok(());
        }
        let other = &report.deployment.domain;
        let message = format!("the baseline is about {other}, not {deployment}");
        Err(Complaint::new(message, Place::Path(shown.clone()))
            .with_help("name a report of this deployment"))
    }

    /// The report with these decisions.
    pub fn apply(&self, report: Report) -> Report {
        let report = gate::with_waivers(report, self.waivers.clone(), app::today());
        match &self.baseline {
            Some(baseline) => gate::with_baseline(report, &baseline.report),
            None => report,
        }
    }
}

/// Tells which waivers need attention. The report says it too, but not every format is read by people.
pub fn tell_about_waivers(report: &Report) {
    for note in report.waivers.iter().filter_map(words::waivers::note) {
        let kind = if note.is_error { "error" } else { "warning" };
        tell(format_args!("{kind}: {}", note.words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_fails_on_a_severity_and_perhaps_only_on_what_is_new() {
        let read = |text: &str| text.parse::<FailOn>();
        let expected = |severity, only_new| Ok(FailOn { severity, only_new });
        assert_eq!(read("warning"), expected(Severity::Warning, false));
        assert_eq!(read("new"), expected(Severity::Error, true));
        assert_eq!(read("new,info"), expected(Severity::Info, true));
        assert_eq!(read("error, new"), expected(Severity::Error, true));
        assert_eq!(read("nwe").unwrap_err(), "unknown severity \"nwe\"; did you mean \"new\"?");
        assert!(read("error,info").unwrap_err().contains("one severity"));
        assert!(read("").is_err());
    }
}
