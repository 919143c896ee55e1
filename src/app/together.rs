//! Several runs of one deployment, made from different places, in one report.

use std::collections::BTreeSet;

use super::{Ground, Observed, case_of, plan_inputs};
use crate::config::CheckOptions;
use crate::evaluate::{self, JudgedRun, Observations};
use crate::model::call::CallSummary;
use crate::model::context::RunContext;
use crate::model::observation::Observation;
use crate::model::overview::Overview;
use crate::model::plan::{LeftOut, RunScope};
use crate::model::probe::CallDepth;
use crate::model::recording::Recording;
use crate::model::report::{Gate, Report};
use crate::model::resolution::Resolution;
use crate::model::rule::RuleId;
use crate::model::vantage::{Vantage, Zone};
use crate::model::vantages::{MergedRun, Question, Standpoint};
use crate::plan::{self, Inputs};
use crate::ruleset::Ruleset;

/// A run of several, judged by itself.
struct Part {
    run: MergedRun,
    judged: JudgedRun,
    observations: Vec<Observation>,
    left_out: Vec<LeftOut>,
    call: Option<CallSummary>,
    overview: Overview,
}

/// Judges several runs of one deployment as one. Their order does not matter.
///
/// # Panics
/// Without a run.
pub fn judge_together(runs: Vec<Observed>, options: CheckOptions) -> Report {
    let mut runs = runs;
    runs.sort_by_cached_key(|observed| order(&observed.recording));
    let labels = labels(&runs);
    let strictness = super::strictness(options);
    let first = runs.first().expect("there is a run");
    let (ruleset, deployment) = (first.ruleset.clone(), first.recording.deployment.clone());
    let context = context(&runs);
    let vantage = vantage(&runs, labels.join(", "));
    let interrupted = runs.iter().any(|observed| observed.recording.interrupted);
    let inputs = GroundOfAll::of(&runs);
    let parts: Vec<Part> = runs
        .into_iter()
        .zip(labels)
        .map(|(observed, label)| part(observed, label, options))
        .collect();
    let judged: Vec<JudgedRun> = parts.iter().map(|part| part.judged.clone()).collect();
    let mut findings = evaluate::merged(&ruleset, &judged, strictness);
    findings.retain(|finding| context.options.selection.takes(&finding.rule));
    let ground = Ground { deployment: &deployment, vantage: &vantage, context: &context };
    let unseen = inputs.unseen(ground, &ruleset, &judged);
    let started_at = parts.iter().map(|part| part.run.started_at).min();
    let mut overview = evaluate::overview(&findings, &[]);
    // Nothing was seen only where no vantage saw anything.
    let mut darkness = parts.iter().map(|part| part.overview.darkness.clone());
    overview.darkness =
        darkness.clone().all(|it| it.is_some()).then(|| darkness.next()).flatten().flatten();
    Report {
        tool_version: env!("CARGO_PKG_VERSION"),
        started_at: started_at.expect("there is a run"),
        duration: parts.iter().map(|part| part.run.duration).max().unwrap_or_default(),
        complete: parts.iter().all(|part| part.run.complete),
        ruleset_digest: ruleset.digest,
        not_tested: left_out(&parts, &judged, unseen),
        call: parts.iter().find_map(|part| part.call.clone()),
        vantages: parts.iter().map(|part| part.run.clone()).collect(),
        observations: parts.into_iter().flat_map(|part| part.observations).collect(),
        deployment,
        context,
        vantage,
        overview,
        findings,
        waivers: Vec::new(),
        gate: Gate { interrupted, ..options.gate() },
    }
}

/// What brings runs into one order, whatever the order of the files.
fn order(recording: &Recording) -> impl Ord + use<> {
    let Vantage { name, zone, stands_on, addresses, .. } = &recording.vantage;
    (
        *zone,
        stands_on.clone(),
        name.clone(),
        addresses.clone(),
        recording.started_at,
        recording.seed,
    )
}

/// A name for each vantage, which no other has.
fn labels(runs: &[Observed]) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for observed in runs {
        let vantage = &observed.recording.vantage;
        let label = label(vantage);
        let addressed = || match vantage.addresses.first() {
            Some(address) => format!("{label} ({address})"),
            None => label.clone(),
        };
        let numbered = (2..).map(|number| format!("{label} #{number}"));
        let mut candidates = [label.clone(), addressed()].into_iter().chain(numbered);
        let free = candidates.find(|candidate| !labels.contains(candidate));
        labels.push(free.expect("there is always one more number"));
    }
    labels
}

/// The operator's name for a vantage, otherwise that of its node, otherwise that of its zone.
pub(super) fn label(vantage: &Vantage) -> String {
    let nodes = || vantage.stands_on.iter().map(ToString::to_string).collect::<Vec<_>>();
    match &vantage.name {
        Some(name) => name.clone(),
        None if vantage.stands_on.is_empty() => vantage.zone.to_string(),
        None => nodes().join("+"),
    }
}

/// Where the runs were made, as one place: outside if one of them was.
fn vantage(runs: &[Observed], name: String) -> Vantage {
    let zones = runs.iter().map(|observed| observed.recording.vantage.zone);
    Vantage {
        name: Some(name),
        zone: zones.min().unwrap_or(Zone::Internet),
        stands_on: Vec::new(),
        addresses: Vec::new(),
        dns_servers: Vec::new(),
        stun_servers: Vec::new(),
        near: Vec::new(),
        http_proxy: None,
    }
}

/// How the runs were started: the first one stands for all, which look at the same rules.
fn context(runs: &[Observed]) -> RunContext {
    let mut context = runs[0].recording.context.clone();
    let files =
        runs.iter().filter_map(|observed| observed.recording.context.files.recording.clone());
    let files: Vec<String> = files.collect();
    context.files.recording = (!files.is_empty()).then(|| files.join(", "));
    let credentials = runs.iter().map(|observed| observed.recording.context.options.credentials);
    context.options.credentials = credentials.flatten().next();
    context
}

fn part(observed: Observed, label: String, options: CheckOptions) -> Part {
    let Observed { recording, plan, ruleset } = observed;
    let mut observations = Observations::new(recording.observations);
    observations.late_by = recording.late_by;
    let run = MergedRun {
        label: label.clone(),
        vantage: recording.vantage.clone(),
        started_at: recording.started_at,
        duration: recording.duration,
        complete: recording.complete,
        recording: recording.context.files.recording,
        observations: observations.len(),
    };
    let ground = (&recording.deployment, &recording.vantage, recording.judged_at);
    let case = case_of(ground, &ruleset, &plan, &observations, options);
    let judged = evaluate::judged_run(&case, label);
    let call = evaluate::call_summary(&case);
    let overview = evaluate::overview(&judged.findings(), &observations);
    let left_out = plan.left_out;
    Part { run, judged, observations: observations.into_all(), left_out, call, overview }
}

/// What the plans of all other places are made from.
struct GroundOfAll {
    resolution: Resolution,
    seed: u64,
    call: Option<CallDepth>,
}

impl GroundOfAll {
    fn of(runs: &[Observed]) -> Self {
        let recording = &runs[0].recording;
        let names = plan::questions(&recording.deployment).len().min(recording.observations.len());
        let resolve = recording.context.options.resolve.clone();
        let depths = runs.iter().map(|observed| super::depth_of_call(&observed.recording.context));
        let depths: Vec<CallDepth> = depths.flatten().collect();
        Self {
            resolution: Resolution::new(&recording.observations[..names], resolve),
            seed: recording.seed,
            call: depths
                .iter()
                .find(|depth| **depth == CallDepth::Dtls)
                .or(depths.first())
                .copied(),
        }
    }

    /// What no vantage asked, by the machines from which it would be.
    fn unseen(&self, ground: Ground<'_>, ruleset: &Ruleset, judged: &[JudgedRun]) -> Vec<LeftOut> {
        // Each machine says only what it is itself.
        if ground.context.command.scope() == RunScope::Host {
            return Vec::new();
        }
        let inputs = plan_inputs(ground, ruleset, &self.resolution, self.seed);
        let inputs = Inputs { call: self.call, ..inputs };
        let deployment = ground.deployment;
        let known: BTreeSet<Question> =
            judged.iter().flat_map(JudgedRun::questions).cloned().collect();
        let missing = plan::fewest(&inputs, &known);
        let been: Vec<Standpoint> =
            judged.iter().filter_map(|run| plan::standpoint_of(&run.vantage, deployment)).collect();
        let others: Vec<Standpoint> = plan::standpoints(deployment)
            .into_iter()
            .filter(|it| *it != Standpoint::Internet && !been.contains(it))
            .filter(|it| !missing.iter().any(|missing| missing.standpoint == *it))
            .collect();
        let unseen = missing.into_iter().map(|missing| LeftOut::Unseen {
            from: missing.standpoint,
            checks: missing.questions.len(),
        });
        let others =
            (!others.is_empty()).then_some(LeftOut::OtherMachinesOfRole { machines: others });
        unseen.chain(others).collect()
    }
}

/// What none of the runs looked at.
fn left_out(parts: &[Part], judged: &[JudgedRun], unseen: Vec<LeftOut>) -> Vec<LeftOut> {
    let made: BTreeSet<&RuleId> =
        judged.iter().flat_map(JudgedRun::questions).map(|question| &question.rule).collect();
    // The run whose call went furthest says what is left of it.
    let least = parts.iter().map(|part| part.left_out.iter().filter(|it| it.is_of_call()));
    let of_call = least.min_by_key(|gaps| gaps.clone().map(gap_of_call).max().unwrap_or(0));
    let of_call: Vec<LeftOut> = of_call.into_iter().flatten().cloned().collect();
    let mut told: Vec<LeftOut> = Vec::new();
    for left_out in parts.iter().flat_map(|part| &part.left_out) {
        let is_seen = match left_out {
            LeftOut::OtherZone { rule, .. } => {
                made.contains(rule) || told.iter().any(|it| is_of_rule(it, rule))
            }
            // Other runs are these, and what they did not see is counted.
            LeftOut::InnerPorts { .. } | LeftOut::PortsOfOthers { .. } | LeftOut::UsersView => true,
            other => other.is_of_call(),
        };
        if !is_seen && !told.contains(left_out) {
            told.push(left_out.clone());
        }
    }
    told.extend(of_call);
    told.extend(unseen);
    told
}

fn is_of_rule(left_out: &LeftOut, of: &RuleId) -> bool {
    matches!(left_out, LeftOut::OtherZone { rule, .. } if rule == of)
}

/// How much of a call is left out.
fn gap_of_call(left_out: &LeftOut) -> u8 {
    match left_out {
        LeftOut::Dtls => 1,
        LeftOut::MediaWays | LeftOut::MediaOnlyThroughTurn => 2,
        _ => 0,
    }
}
