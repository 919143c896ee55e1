//! Alerts: a message to a webhook when a target fails or recovers, and when a certificate is about to expire; and the active
//! alerts to Alertmanager.

mod active;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::Tell;
use super::history::HistoryKeeper;
use super::record;
use super::target::{Judged, Ran};
use crate::config::serve::{AlertConfig, ServeTarget, WebhookConfig};
use crate::model::history::RunRecord;
use crate::model::prober::{ProberModule, TargetName};
use crate::model::secret::Secret;
use crate::model::stored::StoredResult;
use crate::model::timestamp::Timestamp;
use crate::model::url::Url;
use crate::net::clock::Clock;
use crate::net::hook::{HookMessage, HookSender};
use crate::output::alert::{self, AlertChange};
use crate::output::alertmanager::{self, AlertSubject};
use crate::output::metrics::AlertCounts;
use crate::output::shown::ShownReport;
use crate::store::{History, StoreError, Wanted};
use active::{ActiveAlerts, ProbedModule};

/// The pauses before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

/// The most runs that wait until they are looked at. More are left out: a slow receiver holds up nothing.
const MOST_WAITING: usize = 256;

/// The days before the end of a certificate at which a message is sent, once each.
const THRESHOLDS: [i64; 2] = [21, 7];

/// The time after which Alertmanager is told of all active alerts again.
const REPEAT_EVERY: Duration = Duration::from_secs(60);

/// The most alerts of a request to Alertmanager.
const MOST_IN_REQUEST: usize = 100;

/// How far back the history is read when the process starts.
const REPLAYED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The most runs of a target that are read then.
const MOST_REPLAYED: u32 = 1_000;

/// Sends alerts of the runs that have ended.
pub struct Alerts {
    config: AlertConfig,
    ended: mpsc::Sender<Ended>,
    served: watch::Sender<BTreeSet<ProbedModule>>,
    counted: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    sent: AtomicU64,
    dropped: AtomicU64,
}

struct Ended {
    target: TargetName,
    module: ProberModule,
    ran: Arc<Ran>,
}

/// What the webhook knows about a target.
#[derive(Debug, Default)]
struct ToldTarget {
    modules: BTreeMap<ProberModule, Told>,
    /// Certificates, by their digest, and the days of which a message was sent.
    certificates: BTreeSet<(String, i64)>,
}

/// What the webhook knows about a module of a target.
#[derive(Debug, Default)]
struct Told {
    /// `None`: nothing yet, which is as good as a pass.
    state: Option<StoredResult>,
    /// Another result, of the last run only.
    seen_once: Option<StoredResult>,
}

impl Told {
    /// A run ended like this. Returns what to tell: a result counts when two runs in a row have it.
    fn after(&mut self, result: StoredResult) -> Option<AlertChange> {
        let result = match result {
            // It says as little about the deployment.
            StoredResult::Interrupted => StoredResult::Incomplete,
            other => other,
        };
        let known = self.state.unwrap_or(StoredResult::Pass);
        if result == known {
            self.seen_once = None;
            return None;
        }
        if self.seen_once != Some(result) {
            self.seen_once = Some(result);
            return None;
        }
        self.seen_once = None;
        self.state = Some(result);
        Some(match result {
            StoredResult::Pass => AlertChange::Recovered,
            StoredResult::Fail => AlertChange::Failed,
            StoredResult::Incomplete | StoredResult::Interrupted => AlertChange::Incomplete,
        })
    }
}

impl ToldTarget {
    /// The thresholds that a certificate with this time left is below, and of which no message was sent yet.
    fn newly_below(&mut self, sha256: &str, seconds_left: i64) -> usize {
        let days = seconds_left.div_euclid(24 * 60 * 60);
        let crossed = THRESHOLDS.into_iter().filter(|threshold| days < *threshold);
        let is_new = |threshold: &i64| self.certificates.insert((sha256.to_owned(), *threshold));
        crossed.filter(is_new).count()
    }

    /// The endpoints whose certificates come below a threshold with this run, each with the days that are left.
    fn expiring(&mut self, run: &RunRecord) -> Vec<(String, i64)> {
        let mut expiring = Vec::new();
        for certificate in &run.certificates {
            let left = certificate.not_after.seconds_since(run.head.at);
            // One message for a certificate that is below both.
            if self.newly_below(&certificate.sha256, left) > 0 {
                expiring.push((certificate.endpoint.clone(), left.div_euclid(24 * 60 * 60)));
            }
        }
        expiring
    }
}

impl Alerts {
    /// Begins to send. Must be called inside a runtime. What the history says was told before is not told again. `pages`: where
    /// the operator opens reports, without a final slash.
    pub fn start(
        config: &AlertConfig,
        targets: Vec<ServeTarget>,
        history: Option<Arc<HistoryKeeper>>,
        pages: Option<String>,
        tell: Tell,
    ) -> Self {
        let (ended, waiting) = mpsc::channel(MOST_WAITING);
        let of_target = |it: &ServeTarget| {
            let name = it.name.clone();
            it.modules.clone().into_iter().map(move |module| (name.clone(), module))
        };
        let (served, still_served) = watch::channel(targets.iter().flat_map(of_target).collect());
        let counted = Arc::<Counted>::default();
        let sending = Sending {
            config: config.clone(),
            pages,
            sender: HookSender::new(),
            counted: Arc::clone(&counted),
            tell,
            is_down: false,
        };
        tokio::spawn(async move {
            let known = replayed(targets, history).await;
            sending.run(known, waiting, still_served).await;
        });
        Self { config: config.clone(), ended, served, counted }
    }

    /// These modules of targets are served from now on, and no others.
    pub fn serve_only(&self, served: BTreeSet<(TargetName, ProberModule)>) {
        self.served.send_replace(served);
    }

    pub fn config(&self) -> &AlertConfig {
        &self.config
    }

    /// A run has ended.
    pub fn ended(&self, target: &TargetName, module: ProberModule, ran: &Arc<Ran>) {
        let ended = Ended { target: target.clone(), module, ran: Arc::clone(ran) };
        if self.ended.try_send(ended).is_err() {
            self.counted.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn counts(&self) -> AlertCounts {
        AlertCounts {
            sent: self.counted.sent.load(Ordering::Relaxed),
            dropped: self.counted.dropped.load(Ordering::Relaxed),
        }
    }
}

/// What was told before, to both receivers.
#[derive(Default)]
struct KnownBefore {
    webhook: BTreeMap<TargetName, ToldTarget>,
    active: ActiveAlerts,
}

/// What the receivers know by the runs of the history.
async fn replayed(targets: Vec<ServeTarget>, history: Option<Arc<HistoryKeeper>>) -> KnownBefore {
    let mut known = KnownBefore::default();
    let Some(history) = history else { return known };
    let since = Clock::start().now().minus(REPLAYED);
    for target in targets {
        let name = target.name.clone();
        let read = history.read(move |history| {
            let wanted = Wanted { target: &name, module: None, since, most: MOST_REPLAYED };
            Ok((history.runs(&wanted)?, history.certificates(&name)?))
        });
        // Without its history, the receiver may be told something twice.
        let Ok((runs, certificates)) = read.await else { continue };
        let told = known.webhook.entry(target.name.clone()).or_default();
        for (_, head, _) in runs.iter().rev() {
            told.modules.entry(head.module).or_default().after(head.result);
        }
        for span in &certificates {
            let left = span.certificate.not_after.seconds_since(span.last_seen);
            told.newly_below(&span.certificate.sha256, left);
        }
        let newest = history.read(move |history| newest_runs(history, &target)).await;
        for NewestRun { prober, failing, run, report } in newest.unwrap_or_default() {
            for (rule, since) in failing {
                known.active.known_before(&prober, AlertSubject::Rule(rule), since);
            }
            known.active.after(&prober, &run, &report);
        }
    }
    known
}

/// The last run of a module in the history, with the rules that failed before it, and since when.
struct NewestRun {
    prober: ProbedModule,
    failing: Vec<(String, Timestamp)>,
    run: RunRecord,
    report: ShownReport,
}

fn newest_runs(history: &History, target: &ServeTarget) -> Result<Vec<NewestRun>, StoreError> {
    let failing = history.failing(&target.name)?;
    let mut newest = Vec::new();
    for module in target.modules.iter().copied() {
        let Some(stored) = history.newest(&target.name, module)? else { continue };
        let Some(run) = record::of(&stored.json, &target.name, module) else { continue };
        let Ok(report) = ShownReport::read(&stored.json) else { continue };
        // The name may have been given to another deployment.
        if report.deployment.domain != target.run.deployment.domain.as_str() {
            continue;
        }
        let before = failing.iter().filter(|it| it.module == module && it.since_run != stored.id);
        let failing = before.map(|it| (it.rule.clone(), it.since)).collect();
        newest.push(NewestRun { prober: (target.name.clone(), module), failing, run, report });
    }
    Ok(newest)
}

struct Sending {
    config: AlertConfig,
    pages: Option<String>,
    sender: HookSender,
    counted: Arc<Counted>,
    tell: Tell,
    /// Alertmanager did not take the last request.
    is_down: bool,
}

impl Sending {
    async fn run(
        mut self,
        mut known: KnownBefore,
        mut waiting: mpsc::Receiver<Ended>,
        served: watch::Receiver<BTreeSet<ProbedModule>>,
    ) {
        let mut repeat = self.repetition();
        loop {
            tokio::select! {
                ended = waiting.recv() => {
                    let Some(Ended { target, module, ran }) = ended else { return };
                    let Some(judged) = ran.judged() else { continue };
                    if self.after((target, module), judged, &mut known).await {
                        self.tell_alertmanager(&mut known.active).await;
                    }
                }
                _ = repeat.tick(), if self.config.alertmanager.is_some() => {
                    known.active.keep_only(&served.borrow(), Clock::start().now());
                    self.tell_alertmanager(&mut known.active).await;
                }
            }
        }
    }

    fn repetition(&self) -> Interval {
        let mut repeat = interval(REPEAT_EVERY);
        repeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        repeat
    }

    /// A run has ended: tells the webhook. Returns whether Alertmanager should know of it.
    async fn after(&self, prober: ProbedModule, judged: &Judged, known: &mut KnownBefore) -> bool {
        let (target, module) = &prober;
        let Some(run) = record::of(&judged.json, target, *module) else { return false };
        let Ok(report) = ShownReport::read(&judged.json) else { return false };
        if let Some(webhook) = &self.config.webhook {
            let told = known.webhook.entry(target.clone()).or_default();
            let expiring = told.expiring(&run);
            let changes = told.modules.entry(*module).or_default().after(run.head.result);
            let certificate =
                (!expiring.is_empty()).then_some(AlertChange::Certificate { expiring });
            for change in changes.into_iter().chain(certificate) {
                let body = alert::json(&run.head, &report, &change);
                self.deliver(webhook, &body).await;
            }
        }
        self.config.alertmanager.is_some() && known.active.after(&prober, &run, &report)
    }

    /// Sends a message to the webhook, up to three times.
    async fn deliver(&self, webhook: &WebhookConfig, body: &[u8]) {
        let mut pauses = PAUSES.into_iter();
        let why = loop {
            let at = Clock::start().started_at();
            let fields = match &webhook.secret {
                Some(secret) => Vec::from(signature(secret, at, body)),
                None => Vec::new(),
            };
            match self.post(&webhook.url, &fields, body).await {
                Ok(()) => return,
                Err(why) => match pauses.next() {
                    Some(pause) => sleep(pause).await,
                    None => break why,
                },
            }
        };
        self.counted.dropped.fetch_add(1, Ordering::Relaxed);
        // Its path may be a secret.
        let origin = webhook.url.origin();
        (self.tell)(&format!("warning: an alert was not taken by {origin}: {why}"));
    }

    /// Tells Alertmanager of all alerts. What it does not take is in the next request again.
    async fn tell_alertmanager(&mut self, active: &mut ActiveAlerts) {
        let Some(url) = &self.config.alertmanager else { return };
        let now = Clock::start().now();
        active.forget(now);
        let alerts = active.all(now);
        for alerts in alerts.chunks(MOST_IN_REQUEST) {
            let body = alertmanager::json(alerts, self.pages.as_deref());
            if let Err(why) = self.post(url, &[], &body).await {
                self.counted.dropped.fetch_add(1, Ordering::Relaxed);
                if !self.is_down {
                    let origin = url.origin();
                    (self.tell)(&format!(
                        "warning: {origin} did not take alerts: {why}. They are sent again every minute."
                    ));
                }
                self.is_down = true;
                return;
            }
        }
        if self.is_down && !alerts.is_empty() {
            (self.tell)(&format!("{} takes alerts again", url.origin()));
            self.is_down = false;
        }
        active.were_told();
    }

    /// Sends a message once. The error says why it was not taken.
    async fn post(
        &self,
        url: &Url,
        fields: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<(), String> {
        match self.sender.post(&HookMessage { url, fields, body }).await {
            Ok(status) if (200..300).contains(&status) => {
                self.counted.sent.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Ok(status) => Err(format!("status {status}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The fields by which a receiver sees that a message is from here, and when it was made: the signature is the
/// HMAC-SHA256 (RFC 2104) of the timestamp, a dot and the body.
fn signature(secret: &Secret, at: Timestamp, body: &[u8]) -> [(&'static str, String); 2] {
    let timestamp = at.unix_seconds().to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|it| format!("{it:02x}")).collect();
    [("Ovcheck-Timestamp", timestamp), ("Ovcheck-Signature", format!("sha256={digest}"))]
}

#[cfg(test)]
mod tests {
    use StoredResult::{Fail, Incomplete, Interrupted, Pass};

    use super::*;

    #[test]
    fn a_change_counts_when_two_runs_in_a_row_have_it() {
        let table: &[(&[StoredResult], &[AlertChange])] = &[
            (&[Pass, Pass, Pass], &[]),
            (&[Pass, Fail, Pass, Fail, Pass], &[]),
            (&[Fail, Fail, Fail], &[AlertChange::Failed]),
            (&[Fail, Fail, Pass, Fail, Pass, Pass], &[AlertChange::Failed, AlertChange::Recovered]),
            (&[Fail, Incomplete, Fail], &[]),
            (
                &[Incomplete, Interrupted, Pass, Pass],
                &[AlertChange::Incomplete, AlertChange::Recovered],
            ),
        ];
        for (results, expected) in table {
            let mut told = Told::default();
            let changes: Vec<_> = results.iter().filter_map(|it| told.after(*it)).collect();
            assert_eq!(changes, *expected, "{results:?}");
        }
    }

    #[test]
    fn a_certificate_is_told_once_below_each_threshold() {
        let mut told = ToldTarget::default();
        let days = |days: i64| days * 24 * 60 * 60;
        let table = [(30, 0), (21, 0), (20, 1), (20, 0), (7, 0), (6, 1), (-1, 0)];
        for (left, new) in table {
            assert_eq!(told.newly_below("one", days(left)), new, "{left}");
        }
        assert_eq!(told.newly_below("other", days(1)), 2);
    }

    #[test]
    fn a_signature_can_be_made_again_by_a_receiver() {
        // printf '1790000000.{}' | openssl dgst -sha256 -hmac key
        let at = Timestamp::from_unix_seconds(1_790_000_000);
        let [(_, timestamp), (_, signature)] = signature(&Secret::new("key"), at, b"{}");
        assert_eq!(timestamp, "1790000000");
        assert_eq!(
            signature,
            "sha256=099d33989336226b12c85da813adf6100e1bbab1e91bede9a41ddeb7882d66b8"
        );
    }
}
