//! The history of `ovcheck serve`: what is kept of a run.

use super::difference::Standing;
use super::prober::{ProberModule, TargetName};
use super::stored::StoredResult;
use super::timestamp::Timestamp;

/// The number of a run in a store. Later runs have higher numbers, whatever the clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// A run, without its findings.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHead {
    /// When it began.
    pub at: Timestamp,
    pub target: TargetName,
    pub module: ProberModule,
    pub result: StoredResult,
    pub exit_code: u8,
    /// Whether it came to its end.
    pub is_complete: bool,
    /// The share of the demanded checks that passed or failed, 0 to 1.
    pub coverage: f64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The edition of the guide, such as `3.2`.
    pub guide: String,
    pub ruleset_digest: String,
    pub tool_version: String,
    /// The operator's name for the place of ovcheck, otherwise its zone.
    pub vantage: String,
}

/// What is kept of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    pub head: RunHead,
    pub findings: Vec<FindingRecord>,
    pub certificates: Vec<CertificateRecord>,
    pub paths: Vec<PathRecord>,
}

/// A finding, as far as many runs are compared by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRecord {
    pub fingerprint: String,
    pub rule: String,
    pub standing: Standing,
    pub confidence: Option<String>,
    pub reason_code: String,
}

/// The certificate that an endpoint showed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateRecord {
    /// `api`, `turn` or `rtmp`.
    pub endpoint: String,
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// SHA-256 of the server's own certificate, in hexadecimal digits.
    pub sha256: String,
    /// When the first certificate of the chain expires.
    pub not_after: Timestamp,
    /// A text of the server: an output clears it before it shows it.
    pub issuer: String,
}

/// How a path of a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRecord {
    /// `udp`, `ice-tcp`, `turn-udp` or `turns`.
    pub path: String,
    /// `None`: the run could not tell.
    pub works: Option<bool>,
    /// How long it took until media passed, in milliseconds; only if it works.
    pub took_ms: Option<u64>,
}

/// The findings of a rule in the runs of a module: since when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingRule {
    pub module: ProberModule,
    pub rule: String,
    /// The first of the runs in which it fails without a run between them in which it does not. A run that could not
    /// decide it is no such run.
    pub since: Timestamp,
    pub since_run: RunId,
    /// There is no earlier run with a decision: it may fail for longer.
    pub is_first_known: bool,
    /// The last run in which it failed was not the newest: that one could not decide it.
    pub is_undecided_now: bool,
}

/// A check whose verdict changed often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flapping {
    pub module: ProberModule,
    pub rule: String,
    pub fingerprint: String,
    /// The most changes of its verdict within 24 hours.
    pub changes: u32,
    /// The last change.
    pub last: Timestamp,
}

/// A certificate that an endpoint showed over some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSpan {
    pub certificate: CertificateRecord,
    /// The first and the last run that saw it.
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The endpoint showed another certificate before: this is a renewal.
    pub is_renewal: bool,
    /// No other certificate was seen at the endpoint after it.
    pub is_current: bool,
}

/// How a path of a call did over many runs.
#[derive(Debug, Clone, PartialEq)]
pub struct PathHistory {
    pub path: String,
    /// The runs in which it worked, did not work, and in which that could not be told.
    pub worked: u32,
    pub failed: u32,
    pub unknown: u32,
    /// The time until media passed, in milliseconds, of half of the runs in which it worked (nearest rank).
    pub median_ms: Option<u64>,
    /// The same of 95 % of them.
    pub p95_ms: Option<u64>,
    /// That time of each run in which it worked, the oldest first.
    pub times: Vec<(Timestamp, u64)>,
}

impl PathHistory {
    /// The share of the runs in which it worked, 0 to 1. What could not be told does not count as working.
    pub fn availability(&self) -> Option<f64> {
        let all = self.worked + self.failed + self.unknown;
        (all > 0).then(|| f64::from(self.worked) / f64::from(all))
    }
}

/// A time without a run that is longer than the usual distance of the runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedRuns {
    pub module: ProberModule,
    /// The last run before, and the first one after it.
    pub from: Timestamp,
    pub until: Timestamp,
    /// How many runs there would have been.
    pub missed: u32,
}

/// How the runs of a part of the time ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultCounts {
    /// When this part of the time begins.
    pub from: Timestamp,
    pub passed: u32,
    pub failed: u32,
    /// Incomplete and interrupted runs.
    pub incomplete: u32,
}

/// The runs of one module of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleHistory {
    pub module: ProberModule,
    pub newest: (RunId, RunHead),
    /// When the verdicts were last others than now; `None`: never since the first run that is kept.
    pub changed: Option<(RunId, Timestamp)>,
    /// Parts of equal length, from the beginning of the time until now.
    pub trend: Vec<ResultCounts>,
    pub runs: u32,
}

/// What the store knows of a target since a time.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetHistory {
    pub target: TargetName,
    pub since: Timestamp,
    pub until: Timestamp,
    pub modules: Vec<ModuleHistory>,
    pub failing: Vec<FailingRule>,
    pub flapping: Vec<Flapping>,
    pub certificates: Vec<CertificateSpan>,
    pub paths: Vec<PathHistory>,
    pub missed: Vec<MissedRuns>,
}
