//! The verdicts of several runs, made from different places, as those of one.
//!
//! Each run is judged by itself first, because what it saw says something only together with what it
//! knows of its own place. Then the findings of checks that ask the same are one:
//!
//! 1. a violation that any vantage saw stays one, whatever the others saw;
//! 2. otherwise what any vantage settled is settled. Its proof counts as one unless another vantage that
//!    could have seen the contrary was kept from looking;
//! 3. otherwise it stays inconclusive. Only a silent port that must be open to everybody, and that is
//!    proven to be open to the internet, counts as one that nothing speaks against.
//!
//! Every finding keeps what each vantage said of it.

use std::collections::{BTreeSet, HashMap};

use super::{Case, FindingOfCheck, Strictness, sums};
use crate::model::expected::Expected;
use crate::model::fingerprint::Fingerprint;
use crate::model::plan::{Check, CheckIndex, ProbeIndex};
use crate::model::report::Finding;
use crate::model::rule::Demand;
use crate::model::seen::UdpSeen;
use crate::model::target::{Family, Target};
use crate::model::vantage::{Vantage, Zone};
use crate::model::vantages::{Question, Sighting};
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Severity, Verdict};
use crate::ruleset::Ruleset;

/// A run that was judged by itself.
#[derive(Debug, Clone)]
pub struct JudgedRun {
    /// What the findings call its vantage.
    pub label: String,
    pub vantage: Vantage,
    /// The zones of the machine, as the questions have them.
    pub zones: BTreeSet<Zone>,
    /// The findings of each check.
    pub checks: Vec<JudgedCheck>,
    /// How many observations it has.
    pub observations: usize,
}

/// A check, and what was found.
#[derive(Debug, Clone)]
pub struct JudgedCheck {
    pub question: Question,
    /// At least one.
    pub findings: Vec<Finding>,
}

impl JudgedRun {
    /// Puts the findings of a run in order of their questions.
    fn new(case: &Case<'_>, label: String, judged: Vec<FindingOfCheck>) -> Self {
        let zones = case.deployment.zones_of(case.vantage);
        let mut checks: Vec<JudgedCheck> = Vec::new();
        let mut last: Option<CheckIndex> = None;
        for FindingOfCheck { index, finding } in judged {
            if last == Some(index)
                && let Some(check) = checks.last_mut()
            {
                check.findings.push(finding);
                continue;
            }
            last = Some(index);
            let question = question(&case.plan.checks[index.0], &finding.expected, &zones);
            checks.push(JudgedCheck { question, findings: vec![finding] });
        }
        let (vantage, observations) = (case.vantage.clone(), case.observations.len());
        Self { label, vantage, zones, checks, observations }
    }

    /// What it asked.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.checks.iter().map(|check| &check.question)
    }

    /// Its findings, as it judges by itself.
    pub fn findings(&self) -> Vec<Finding> {
        self.checks.iter().flat_map(|check| check.findings.clone()).collect()
    }

    fn is_outside(&self) -> bool {
        self.zones.iter().all(|zone| *zone == Zone::Internet)
    }
}

fn question(check: &Check, expected: &Expected, zones: &BTreeSet<Zone>) -> Question {
    let is_about_place = !matches!(expected, Expected::AsTheRuleSays(_));
    Question {
        rule: check.rule.clone(),
        target: check.target.clone(),
        direction: expected.direction(),
        zones: if is_about_place { zones.clone() } else { BTreeSet::new() },
    }
}

/// What one run found for a question.
struct Answer<'a> {
    run: &'a JudgedRun,
    /// The place of its first observation among those of all runs.
    first: usize,
    findings: &'a [Finding],
}

/// The findings of several runs as those of one. The order of the runs decides only which of equal words
/// is told.
pub fn merged(ruleset: &Ruleset, runs: &[JudgedRun], strictness: Strictness) -> Vec<Finding> {
    let mut places: HashMap<&Question, usize> = HashMap::new();
    let mut questions: Vec<(&Question, Vec<Answer<'_>>)> = Vec::new();
    let mut first = 0;
    for run in runs {
        for JudgedCheck { question, findings } in &run.checks {
            let place = *places.entry(question).or_insert_with(|| {
                questions.push((question, Vec::new()));
                questions.len() - 1
            });
            questions[place].1.push(Answer { run, first, findings });
        }
        first += run.observations;
    }
    let asked: BTreeSet<_> = (questions.iter())
        .filter(|(_, answers)| !answers.iter().all(Answer::is_not_applicable))
        .map(|(question, _)| (&question.rule, &question.target))
        .collect();
    // What is nothing to one machine, such as its own ports, is told only where no other machine asks it.
    questions.retain(|(question, answers)| {
        !answers.iter().all(Answer::is_not_applicable)
            || !asked.contains(&(&question.rule, &question.target))
    });
    let order: HashMap<_, _> =
        ruleset.rules.iter().enumerate().map(|(place, rule)| (&rule.id, place)).collect();
    questions.sort_by(|(one, _), (other, _)| {
        order.get(&one.rule).cmp(&order.get(&other.rule)).then_with(|| one.cmp(other))
    });
    let findings =
        questions.iter().flat_map(|(question, answers)| one_answer(question, answers, strictness));
    let mut findings: Vec<Finding> = findings.collect();
    if strictness == Strictness::Likely {
        settle_silent_ports(&mut findings);
    }
    summed_up(ruleset, findings)
}

impl Answer<'_> {
    fn is_not_applicable(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict == Verdict::NotApplicable)
    }

    /// What it says of the part that a finding is about: its own word for that part, or that for all of
    /// what was asked.
    fn on(&self, fingerprint: &Fingerprint, question: &Question) -> Option<&Finding> {
        let of_part = self.findings.iter().find(|finding| finding.fingerprint == *fingerprint);
        let of_all = || self.findings.iter().find(|finding| finding.target == question.target);
        of_part.or_else(of_all)
    }

    fn with_places(&self, finding: &Finding) -> Finding {
        let mut finding = finding.clone();
        for ProbeIndex(place) in &mut finding.evidence {
            *place += self.first;
        }
        finding
    }
}

/// What all runs together say of a question.
fn one_answer(question: &Question, answers: &[Answer<'_>], strictness: Strictness) -> Vec<Finding> {
    let mut violations: Vec<(&Answer<'_>, &Finding)> = Vec::new();
    for answer in answers {
        for finding in answer.findings.iter().filter(|finding| finding.is_violation()) {
            let known = violations.iter_mut();
            let known = known.map(|(of, known)| (of, known));
            match known.into_iter().find(|(_, it)| it.fingerprint == finding.fingerprint) {
                Some((of, known)) if weight(finding) > weight(known) => {
                    (*of, *known) = (answer, finding);
                }
                Some(_) => {}
                None => violations.push((answer, finding)),
            }
        }
    }
    if violations.is_empty() {
        return best(question, answers, strictness).into_iter().collect();
    }
    let violations = violations.into_iter();
    violations
        .map(|(answer, finding)| with_sightings(question, answers, answer.with_places(finding)))
        .collect()
}

/// How much a violation weighs: proven ones, then severe ones.
fn weight(finding: &Finding) -> (bool, Severity) {
    (finding.verdict == Verdict::Fail(FailConfidence::Proven), finding.severity)
}

/// What is left of answers of which none is a violation.
fn best(question: &Question, answers: &[Answer<'_>], strictness: Strictness) -> Option<Finding> {
    let all = || answers.iter().filter_map(|answer| Some((answer, answer.findings.first()?)));
    let (answer, finding) = all().min_by_key(|(_, finding)| rank(finding.verdict))?;
    // Of a port, every machine of the zone is asked; of a service, what users on the internet meet counts.
    let kept_from_looking = all().find(|(answer, finding)| {
        finding.verdict == Verdict::Inconclusive(InconclusiveKind::Unsettled)
            && (!question.zones.is_empty() || answer.run.is_outside())
    });
    let is_proof = finding.verdict == Verdict::Pass(PassConfidence::Proven);
    let (answer, finding, verdict) = match kept_from_looking.filter(|_| is_proof) {
        Some((answer, open)) if strictness == Strictness::ProofOnly => (answer, open, open.verdict),
        Some(_) => (answer, finding, Verdict::Pass(PassConfidence::Uncontradicted)),
        None => (answer, finding, finding.verdict),
    };
    let finding = Finding { verdict, ..answer.with_places(finding) };
    Some(with_sightings(question, answers, finding))
}

/// The least settles most.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail(_) => 0,
        Verdict::Pass(PassConfidence::Proven) => 1,
        Verdict::Pass(PassConfidence::Uncontradicted) => 2,
        Verdict::Inconclusive(InconclusiveKind::Unsettled) => 3,
        Verdict::Inconclusive(InconclusiveKind::VantageLimit) => 4,
        Verdict::NotApplicable => 5,
    }
}

fn with_sightings(question: &Question, answers: &[Answer<'_>], finding: Finding) -> Finding {
    let sightings = answers.iter().filter_map(|answer| {
        let said = answer.on(&finding.fingerprint, question)?;
        Some(Sighting {
            vantage: answer.run.label.clone(),
            zone: answer.run.vantage.zone,
            verdict: said.verdict,
            reason: said.reason,
            seen: said.seen.clone(),
        })
    });
    let sightings = sightings.collect();
    Finding { sightings, ..finding }
}

/// Where a port is silent, an open one and a closed one look the same. If it has to be open to everybody,
/// strangers on the internet get in, and machines that are nearer saw nothing against it, it passes without
/// proof: a firewall may still name them.
fn settle_silent_ports(findings: &mut [Finding]) {
    let open: Vec<Finding> = (findings.iter())
        .filter(|it| is_port_that_is_open_to(Zone::Internet, it))
        .cloned()
        .collect();
    for finding in findings.iter_mut().filter(|it| is_silent_port(it)) {
        let is_same = |it: &&Finding| is_of_same_row(it, finding);
        let Some(to_internet) = open.iter().find(is_same) else { continue };
        finding.verdict = Verdict::Pass(PassConfidence::Uncontradicted);
        finding.reason = to_internet.reason;
        finding.seen = UdpSeen::OpenToTheInternet.into();
        finding.sightings.extend(to_internet.sightings.iter().cloned());
    }
}

fn is_port_that_is_open_to(zone: Zone, finding: &Finding) -> bool {
    finding.expected == Expected::OpenToThisVantage
        && finding.verdict == Verdict::Pass(PassConfidence::Proven)
        && finding.sightings.iter().any(|it| it.zone == zone && it.verdict == finding.verdict)
}

fn is_silent_port(finding: &Finding) -> bool {
    finding.expected == Expected::OpenToThisVantage
        && finding.verdict == Verdict::Inconclusive(InconclusiveKind::VantageLimit)
        && finding.seen == UdpSeen::SilentEitherWay.into()
}

/// Whether both are about one port of one node, in one address family, whoever asks.
fn is_of_same_row(one: &Finding, other: &Finding) -> bool {
    let row = |it: &Finding| {
        let Target { node, port, address, .. } = &it.target;
        (it.rule.clone(), node.clone(), *port, address.map(Family::of))
    };
    one.target.node.is_some() && row(one) == row(other)
}

/// Rules that sum up others pass where all of these were settled by one vantage or another.
fn summed_up(ruleset: &Ruleset, findings: Vec<Finding>) -> Vec<Finding> {
    let mut findings = findings;
    for place in 0..findings.len() {
        let is_open = matches!(findings[place].verdict, Verdict::Inconclusive(_));
        let Some(rule) = ruleset.rule(&findings[place].rule).filter(|_| is_open) else { continue };
        let all: Vec<&Finding> = findings.iter().filter(|other| other.rule != rule.id).collect();
        let judgement = match &rule.demand {
            Demand::AllPass(rules) => sums::all_pass(rules, &all),
            Demand::FamiliesAgree => sums::families_agree(&all),
            _ => continue,
        };
        if let Verdict::Pass(_) = judgement.verdict {
            let finding = &mut findings[place];
            finding.verdict = judgement.verdict;
            finding.reason = judgement.reason;
            finding.seen = judgement.seen;
            finding.blocked_by = None;
        }
    }
    findings
}

/// Judges the checks of a run, and keeps which finding is of which.
pub fn judged_run(case: &Case<'_>, label: String) -> JudgedRun {
    JudgedRun::new(case, label, super::evaluate_checks(case))
}
