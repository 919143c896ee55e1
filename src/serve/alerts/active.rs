//! The alerts that are active, as Alertmanager wants to know them: all, again and again, each until it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::THRESHOLDS;
use crate::model::history::RunRecord;
use crate::model::prober::{ProberModule, TargetName};
use crate::model::stored::StoredResult;
use crate::model::timestamp::Timestamp;
use crate::output::alertmanager::{AlertSubject, AlertText, PostedAlert};
use crate::output::shown::{ShownFinding, ShownReport, ShownVerdict};

/// How long Alertmanager may take an alert for active without hearing of it again: some repetitions may be lost.
const LASTS: Duration = Duration::from_secs(5 * 60);

/// A module of a target.
pub type ProbedModule = (TargetName, ProberModule);

/// The alerts of all targets.
#[derive(Debug, Default)]
pub struct ActiveAlerts {
    known: BTreeMap<ProbedModule, BTreeMap<AlertSubject, Tally>>,
    /// What has ended and was not told yet.
    ended: Vec<EndedAlert>,
}

/// What the runs of a module say about a subject.
#[derive(Debug, Clone)]
struct Tally {
    /// The first of the runs in a row that say so.
    since: Timestamp,
    /// The runs in a row that say the opposite of `told`; runs that cannot tell are not counted.
    runs: u32,
    /// The text of the last run that says so; `None`: the alert is not active.
    told: Option<(Timestamp, AlertText)>,
}

#[derive(Debug)]
struct EndedAlert {
    prober: ProbedModule,
    subject: AlertSubject,
    text: AlertText,
    since: Timestamp,
    at: Timestamp,
}

/// What a run says.
#[derive(Debug, Default)]
struct RunSays {
    wrong: BTreeMap<AlertSubject, AlertText>,
    undecided: BTreeSet<AlertSubject>,
    /// It did not come to its end: it says nothing about what is not in it.
    is_partial: bool,
}

impl RunSays {
    fn by(run: &RunRecord, report: &ShownReport) -> Self {
        let head = &run.head;
        let mut said = Self { is_partial: !head.is_complete, ..Self::default() };
        let mut violations: BTreeMap<&str, Vec<&ShownFinding>> = BTreeMap::new();
        for finding in &report.findings {
            if report.fails_the_run(finding) {
                violations.entry(&finding.rule).or_default().push(finding);
            } else if finding.verdict == ShownVerdict::Inconclusive {
                said.undecided.insert(AlertSubject::Rule(finding.rule.clone()));
            }
        }
        for (rule, findings) in violations {
            let text = AlertText::of_violation(head, &findings);
            said.wrong.extend(text.map(|text| (AlertSubject::Rule(rule.to_owned()), text)));
        }
        if matches!(head.result, StoredResult::Incomplete | StoredResult::Interrupted) {
            said.wrong.insert(AlertSubject::Incomplete, AlertText::of_incomplete(head, report));
        }
        // An endpoint may show one certificate for each address family.
        let mut ends: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for certificate in &run.certificates {
            let end = ends.entry(&certificate.endpoint).or_insert(certificate.not_after);
            *end = certificate.not_after.min(*end);
        }
        for (endpoint, not_after) in ends {
            let left = not_after.seconds_since(head.at).div_euclid(24 * 60 * 60);
            for days in THRESHOLDS.into_iter().filter(|days| left < *days) {
                let text = AlertText::of_certificate(head, endpoint, days, not_after);
                let endpoint = endpoint.to_owned();
                said.wrong.insert(AlertSubject::Certificate { endpoint, days }, text);
            }
        }
        said
    }

    /// Whether it shows that there is no such fault (any more).
    fn excludes(&self, subject: &AlertSubject, run: &RunRecord) -> bool {
        if self.wrong.contains_key(subject) || self.undecided.contains(subject) {
            return false;
        }
        match subject {
            AlertSubject::Certificate { endpoint, .. } => {
                run.certificates.iter().any(|it| it.endpoint == *endpoint)
            }
            AlertSubject::Rule(_) | AlertSubject::Incomplete => !self.is_partial,
        }
    }
}

impl ActiveAlerts {
    /// A former process knows that this was so since then, by more than one run.
    pub fn known_before(&mut self, prober: &ProbedModule, subject: AlertSubject, since: Timestamp) {
        let tally = Tally { since, runs: 1, told: None };
        self.known.entry(prober.clone()).or_default().insert(subject, tally);
    }

    /// A run ended like this. Returns whether an alert began or ended.
    pub fn after(&mut self, prober: &ProbedModule, run: &RunRecord, report: &ShownReport) -> bool {
        let said = RunSays::by(run, report);
        let at = run.head.at;
        let mut changed = false;
        let known = self.known.entry(prober.clone()).or_default();
        known.retain(|subject, tally| {
            if !said.excludes(subject, run) {
                return true;
            }
            tally.runs += 1;
            let Some((_, text)) = tally.told.as_ref() else { return false };
            if tally.runs < runs_that_count(subject) {
                return true;
            }
            self.ended.push(EndedAlert {
                prober: prober.clone(),
                subject: subject.clone(),
                text: text.clone(),
                since: tally.since,
                at,
            });
            changed = true;
            false
        });
        for (subject, text) in said.wrong {
            let needed = runs_that_count(&subject);
            let tally = known.entry(subject).or_insert(Tally { since: at, runs: 0, told: None });
            let is_active = tally.told.is_some();
            tally.runs = if is_active { 0 } else { tally.runs + 1 };
            if is_active || tally.runs >= needed {
                changed |= !is_active;
                tally.runs = 0;
                tally.told = Some((at, text));
            }
        }
        changed
    }

    /// Ends the alerts of modules that are not served any more.
    pub fn keep_only(&mut self, served: &BTreeSet<ProbedModule>, now: Timestamp) {
        self.known.retain(|prober, known| {
            if served.contains(prober) {
                return true;
            }
            for (subject, Tally { since, told, .. }) in std::mem::take(known) {
                let Some((_, text)) = told else { continue };
                self.ended.push(EndedAlert {
                    prober: prober.clone(),
                    subject,
                    text,
                    since,
                    at: now,
                });
            }
            false
        });
    }

    /// All alerts: the active ones, and those that have ended since [`Self::were_told`].
    pub fn all(&self, now: Timestamp) -> Vec<PostedAlert<'_>> {
        let ended = self.ended.iter().map(|ended| {
            let EndedAlert { prober: (target, module), subject, text, since, at } = ended;
            // Alertmanager refuses an end before the beginning, which a clock that jumps would make.
            let (module, starts_at, ends_at) = (*module, *since, *at.max(since));
            let alert = PostedAlert { target, module, subject, text, starts_at, ends_at };
            ((false, *at), alert)
        });
        let active = self.known.iter().flat_map(|((target, module), known)| {
            known.iter().filter_map(move |(subject, tally)| {
                let (at, text) = tally.told.as_ref()?;
                let (module, starts_at, ends_at) = (*module, tally.since, now.plus(LASTS));
                let alert = PostedAlert { target, module, subject, text, starts_at, ends_at };
                Some(((true, *at), alert))
            })
        });
        // A rule is checked by several modules. It is one fault, which lasts as long as one of them sees it, and of which
        // the last run says most.
        let mut faults = BTreeMap::new();
        for (rank, alert) in ended.chain(active) {
            let (best, known) =
                faults.entry((alert.target, alert.subject)).or_insert((rank, alert.clone()));
            let starts_at = if rank.0 == best.0 {
                alert.starts_at.min(known.starts_at)
            } else {
                alert.starts_at
            };
            if rank >= *best {
                (*best, *known) = (rank, alert);
            }
            known.starts_at = starts_at;
        }
        faults.into_values().map(|(_, alert)| alert).collect()
    }

    /// Alertmanager knows what has ended.
    pub fn were_told(&mut self) {
        self.ended.clear();
    }

    /// What ended so long ago that Alertmanager does not take it for active any more.
    pub fn forget(&mut self, now: Timestamp) {
        self.ended.retain(|ended| ended.at.plus(LASTS) > now);
    }
}

/// The runs in a row after which an alert begins or ends. The dates of a certificate are certain at once.
fn runs_that_count(subject: &AlertSubject) -> u32 {
    match subject {
        AlertSubject::Certificate { .. } => 1,
        AlertSubject::Rule(_) | AlertSubject::Incomplete => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::CertificateRecord;
    use crate::output::alertmanager;
    use crate::serve::record;

    const GOOD: &str = include_str!("../../../fixtures/reports/all-is-well.json");
    const BAD: &str = include_str!("../../../fixtures/reports/turn-name-reaches-the-api.json");
    const PARTIAL: &str = include_str!("../../../fixtures/reports/interrupted.json");

    fn fast() -> ProbedModule {
        ("main".parse().unwrap(), ProberModule::Fast)
    }

    fn minute(minute: u32) -> Timestamp {
        Timestamp::from_rfc3339(&format!("2026-11-30T12:{minute:02}:00Z")).unwrap()
    }

    /// A run that began in this minute.
    fn run(active: &mut ActiveAlerts, prober: &ProbedModule, at: u32, report: &str) -> bool {
        let mut record = record::of(report.as_bytes(), &prober.0, prober.1).unwrap();
        record.head.at = minute(at);
        active.after(prober, &record, &ShownReport::read(report.as_bytes()).unwrap())
    }

    /// One of the rules that the bad report violates.
    const RULE: &str = "turn/turns-answers-binding";

    /// Its alert: since which minute, and whether it is active.
    fn told(active: &ActiveAlerts, at: u32) -> Option<(u32, bool)> {
        let subject = AlertSubject::Rule(RULE.to_owned());
        let mut all = active.all(minute(at)).into_iter();
        let alert = all.find(|alert| *alert.subject == subject)?;
        let since = alert.starts_at.seconds_since(minute(0)) / 60;
        Some((u32::try_from(since).unwrap(), alert.ends_at > minute(at)))
    }

    #[test]
    fn an_alert_begins_and_ends_when_two_runs_say_so() {
        let (mut active, fast) = (ActiveAlerts::default(), fast());
        // The minute, the report, whether something changed, and what Alertmanager is told.
        let table = [
            (0, GOOD, false, None),
            (1, BAD, false, None),
            (2, GOOD, false, None),
            (3, BAD, false, None),
            (4, BAD, true, Some((3, true))),
            (5, GOOD, false, Some((3, true))),
            // It says nothing about this rule.
            (6, PARTIAL, false, Some((3, true))),
            (7, BAD, false, Some((3, true))),
            (8, GOOD, false, Some((3, true))),
            (9, GOOD, true, Some((3, false))),
        ];
        for (at, report, changed, expected) in table {
            assert_eq!(run(&mut active, &fast, at, report), changed, "{at}");
            assert_eq!(told(&active, at), expected, "{at}");
        }
        active.were_told();
        assert_eq!(told(&active, 9), None);
    }

    #[test]
    fn a_rule_that_two_modules_check_is_one_alert() {
        let (mut active, fast) = (ActiveAlerts::default(), fast());
        let full = (fast.0.clone(), ProberModule::Full);
        for (at, prober) in [(1, &full), (2, &full), (3, &fast), (4, &fast)] {
            run(&mut active, prober, at, BAD);
        }
        assert_eq!(told(&active, 4), Some((1, true)));
        // It ends with the last of them.
        for at in [5, 6] {
            run(&mut active, &fast, at, GOOD);
        }
        assert_eq!(told(&active, 6), Some((1, true)));
        active.keep_only(&BTreeSet::from([fast]), minute(7));
        assert_eq!(told(&active, 7), Some((1, false)));
        active.forget(minute(20));
        assert_eq!(told(&active, 20), None);
    }

    #[test]
    fn what_a_former_process_knew_counts_as_a_run() {
        let (mut active, fast) = (ActiveAlerts::default(), fast());
        active.known_before(&fast, AlertSubject::Rule(RULE.to_owned()), minute(0));
        assert_eq!(told(&active, 1), None);
        assert!(run(&mut active, &fast, 5, BAD));
        assert_eq!(told(&active, 5), Some((0, true)));
    }

    #[test]
    fn certificates_are_alerts_below_each_threshold_at_once() {
        let (mut active, fast) = (ActiveAlerts::default(), fast());
        let mut record = record::of(GOOD.as_bytes(), &fast.0, fast.1).unwrap();
        let report = ShownReport::read(GOOD.as_bytes()).unwrap();
        for (days, alerts) in [(30, 0), (20, 1), (6, 2), (89, 0)] {
            // The address families of the endpoint show different ones.
            record.certificates = [days, 89]
                .map(|days| CertificateRecord {
                    endpoint: "turn".to_owned(),
                    family: "ipv4".to_owned(),
                    sha256: days.to_string(),
                    not_after: record.head.at.plus(Duration::from_secs(days * 24 * 60 * 60)),
                    issuer: String::new(),
                })
                .into();
            active.after(&fast, &record, &report);
            let told = active.all(record.head.at);
            let is_active = |alert: &&PostedAlert<'_>| alert.ends_at > record.head.at;
            assert_eq!(told.iter().filter(is_active).count(), alerts, "{days}: {told:?}");
        }
    }

    #[test]
    fn alertmanager_gets_what_its_api_asks_for() {
        let (mut active, fast) = (ActiveAlerts::default(), fast());
        for at in [1, 2] {
            run(&mut active, &fast, at, BAD);
        }
        let body = alertmanager::json(&active.all(minute(2)), Some("http://127.0.0.1:9717"));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let alerts = body.as_array().unwrap();
        let alert = alerts.iter().find(|it| it["labels"]["rule"] == RULE).unwrap();
        let labels = serde_json::json!({
            "alertname": "OvcheckViolation",
            "target": "main",
            "rule": RULE,
            "severity": "critical",
            "vantage": "internet",
        });
        assert_eq!(alert["labels"], labels);
        assert_eq!(alert["startsAt"], "2026-11-30T12:01:00Z");
        assert_eq!(alert["endsAt"], "2026-11-30T12:07:00Z");
        assert_eq!(alert["generatorURL"], "http://127.0.0.1:9717/targets/main/fast");
        let texts = [
            ("summary", "main violates turn/turns-answers-binding"),
            (
                "description",
                "what the rule demands:\nturn.example.io:443: the LiveKit API responds",
            ),
            ("remedy", "The TURN domain reaches another service."),
        ];
        for (name, begins) in texts {
            let text = alert["annotations"][name].as_str().unwrap();
            assert!(text.starts_with(begins), "{name}: {text}");
        }
    }
}
