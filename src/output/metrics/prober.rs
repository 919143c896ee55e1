//! The series of `ovcheck serve`: those of one run, as `blackbox_exporter` answers a probe, and those of the process with the
//! last run of each target.

use std::io::{self, Write};

use super::exposition::{Family, Sample};
use super::{complete, duration, families, result_of, success};
use crate::model::timestamp::Timestamp;
use crate::model::visit::VisitCounts;
use crate::model::word_list::WordList;
use crate::output::call::words::id as way_id;
use crate::output::log_safe;
use crate::output::shown::{ResultWord, ShownReport};

/// The series of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposition {
    families: Vec<Family>,
    result: ResultWord,
}

impl Exposition {
    /// The series of a run of this module.
    pub fn of_run(report: &ShownReport, module: &str) -> Self {
        Self { families: families(report, module), result: report.summary.result }
    }

    /// The series of a probe that saw nothing within this time, in seconds.
    pub fn without_result(seconds: f64) -> Self {
        let result = ResultWord::Incomplete;
        let families = vec![success(result), duration(seconds), result_of(result), complete(false)];
        Self { families, result }
    }

    /// The result as the JSON report has it: `pass`, `fail`, `incomplete` or `interrupted`.
    pub fn result(&self) -> &'static str {
        self.result.code()
    }

    /// Writes them. `age`: seconds since the run was asked for. `remark` says for people why there is no result.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, age: f64, remark: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
        let age = age_of_result(age);
        log_safe::write_text(out, |out| {
            for line in remark.into_iter().flat_map(str::lines) {
                writeln!(out, "# {line}")?;
            }
            self.families.iter().chain([&age]).try_for_each(|family| family.write(out))
        })
    }
}

/// The series of the last run of a module of a target, and the labels that the operator gave the target.
pub struct LabelledSeries<'a> {
    pub target: &'a str,
    pub module: &'a str,
    pub labels: Vec<(&'a str, &'a str)>,
    pub series: &'a Exposition,
    /// Seconds since the run was asked for.
    pub age: f64,
}

/// What the process counted since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessCounts {
    /// Runs that ended, by target, module and outcome.
    pub runs: Vec<(String, String, &'static str, u64)>,
    /// Requests for `/probe`, by HTTP status.
    pub requests: Vec<(u16, u64)>,
    /// Runs under way.
    pub in_flight: usize,
    /// What users did; `None`: there is no page for them.
    pub visits: Option<VisitCounts>,
    /// `None`: no history is kept.
    pub history: Option<HistoryCounts>,
    /// `None`: no alerts are sent.
    pub alerts: Option<AlertCounts>,
}

/// What the process counted about its alerts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertCounts {
    /// Those that the receiver took.
    pub sent: u64,
    /// Those that it did not take, and runs that were not looked at because too many waited.
    pub dropped: u64,
}

/// What the process counted about its history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryCounts {
    /// Attempts to write that failed; each is made again.
    pub failed_writes: u64,
    /// Runs that wait until they can be written.
    pub waiting: usize,
    /// Runs that were not written because too many waited.
    pub lost: u64,
}

/// Writes the series of the process, those of the page for users if there is one, and those of the last run of each target.
///
/// # Errors
/// Those of `out`.
pub fn write_all(
    counts: &ProcessCounts,
    started_at: Timestamp,
    memory: Option<u64>,
    last: &[LabelledSeries<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut all = of_process(counts, started_at, memory);
    all.extend(counts.visits.iter().flat_map(of_visits));
    for LabelledSeries { target, module, labels, series, age } in last {
        let age = age_of_result(*age);
        for family in series.families.iter().chain([&age]) {
            let mut family = family.clone();
            for sample in &mut family.samples {
                sample.label("target", target);
                sample.label("module", module);
                for (label, value) in labels {
                    sample.label(label, value);
                }
            }
            family.collect(&mut all);
        }
    }
    all.retain(|family| !family.samples.is_empty());
    log_safe::write_text(out, |out| all.iter().try_for_each(|family| family.write(out)))
}

fn age_of_result(seconds: f64) -> Family {
    Family::one(
        "ovcheck_result_age_seconds",
        "Time since the run that is shown was asked for",
        seconds,
    )
}

fn of_process(counts: &ProcessCounts, started_at: Timestamp, memory: Option<u64>) -> Vec<Family> {
    let ProcessCounts { runs, requests, in_flight, visits: _, history, alerts } = counts;
    let build = Sample::new(1.0)
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("commit", env!("OVCHECK_BUILT_FROM"));
    let runs = runs.iter().map(|(target, module, outcome, count)| {
        Sample::new(*count as f64)
            .with("target", target)
            .with("module", module)
            .with("outcome", outcome)
    });
    let requests = requests
        .iter()
        .map(|(status, count)| Sample::new(*count as f64).with("code", &status.to_string()));
    let of_history = |count: fn(&HistoryCounts) -> f64| {
        history.iter().map(|counts| Sample::new(count(counts))).collect()
    };
    let of_alerts = |count: fn(&AlertCounts) -> u64| {
        alerts.iter().map(|counts| Sample::new(count(counts) as f64)).collect()
    };
    vec![
        Family::new("ovcheck_build_info", "The program that runs", vec![build]),
        Family::counter("ovcheck_runs_total", "Runs that ended", runs.collect()),
        Family::one("ovcheck_runs_in_flight", "Runs under way", *in_flight as f64),
        Family::counter(
            "ovcheck_probe_requests_total",
            "Requests for /probe, by HTTP status",
            requests.collect(),
        ),
        Family::counter(
            "ovcheck_alerts_sent_total",
            "Messages of alerts that were taken",
            of_alerts(|counts| counts.sent),
        ),
        Family::counter(
            "ovcheck_alerts_dropped_total",
            "Messages of alerts that were not taken",
            of_alerts(|counts| counts.dropped),
        ),
        Family::counter(
            "ovcheck_history_failed_writes_total",
            "Attempts to write into the history that failed",
            of_history(|counts| counts.failed_writes as f64),
        ),
        Family::counter(
            "ovcheck_history_lost_runs_total",
            "Runs that are not in the history because it could not be written for too long",
            of_history(|counts| counts.lost as f64),
        ),
        Family::new(
            "ovcheck_history_waiting_runs",
            "Runs that wait until the history can be written",
            of_history(|counts| counts.waiting as f64),
        ),
        Family::one(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            started_at.seconds_since(Timestamp::from_unix_seconds(0)) as f64,
        ),
        Family::new(
            "process_resident_memory_bytes",
            "Resident memory",
            memory.map(|bytes| Sample::new(bytes as f64)).into_iter().collect(),
        ),
    ]
}

fn of_visits(counts: &VisitCounts) -> Vec<Family> {
    let VisitCounts { outcomes, ways, refusals } = counts;
    let outcomes =
        outcomes.iter().map(|(outcome, count)| Sample::new(*count as f64).with("outcome", outcome));
    let ways = ways.iter().map(|((way, works, browser), count)| {
        Sample::new(*count as f64)
            .with("path", way_id(*way))
            .with("result", if *works { "works" } else { "fails" })
            .with("browser", browser.word())
    });
    let refusals = refusals.iter().map(|(why, count)| Sample::new(*count as f64).with("why", why));
    vec![
        Family::counter(
            "ovcheck_visits_total",
            "Visits of users that are over, by what their browsers found",
            outcomes.collect(),
        ),
        Family::counter(
            "ovcheck_visit_path_results_total",
            "Media paths that browsers of users tested",
            ways.collect(),
        ),
        Family::counter(
            "ovcheck_visits_rejected_total",
            "Requests of the page for users that were refused",
            refusals.collect(),
        ),
    ]
}
