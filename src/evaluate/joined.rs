//! What the network shows and what the configuration of the proxy says, side by side: two witnesses of the
//! same thing.

use super::judgement::Judgement;
use super::{Case, Found};
use crate::model::configuration::Location;
use crate::model::facts::Facts;
use crate::model::reason::ReasonCode;
use crate::model::remedy::RemedyStep;
use crate::model::report::Finding;
use crate::model::rule::{Demand, Rule, RuleId, ShownBy};
use crate::model::seen::{ProxySeen, Seen};
use crate::model::verdict::{Severity, Verdict};

/// Gives each violation that the network shows the lines of the configuration that cause it, and says where
/// the configuration is not the cause.
pub(super) fn name_causes(case: &Case<'_>, found: &mut [Found<'_>]) {
    let twins: Vec<Finding> = found
        .iter()
        .map(|found| &found.finding)
        .filter(|it| is_of_proxy(case, it))
        .cloned()
        .collect();
    if twins.is_empty() {
        return;
    }
    for found in found.iter_mut() {
        let finding = &mut found.finding;
        if !finding.is_violation() {
            continue;
        }
        let about: Vec<&Finding> =
            twins.iter().filter(|twin| explains(case, twin, finding)).collect();
        let is_right = |twin: &&Finding| matches!(twin.verdict, Verdict::Pass(_));
        match about.iter().find(|twin| twin.is_violation()) {
            Some(cause) => explain(finding, cause),
            None if !about.is_empty() && about.iter().all(is_right) => exclude(case, finding),
            None => {}
        }
    }
    let seen: Vec<Finding> = found.iter().map(|found| found.finding.clone()).collect();
    let runs = rule_of_contradiction(case);
    for found in found.iter_mut() {
        let finding = &mut found.finding;
        if !(is_of_proxy(case, finding) && finding.is_violation()) {
            continue;
        }
        let mut effects = seen.iter().filter(|other| explains(case, finding, other));
        if let Some(effect) = effects.clone().find(|effect| effect.is_violation()) {
            finding.because.push(effect.rule.clone());
        } else if let Some(runs) = runs.filter(|_| is_contradicted(&mut effects)) {
            // What fails the run is what users meet.
            finding.severity = finding.severity.min(Severity::Warning);
            finding.because.push(runs.clone());
        }
    }
}

/// Whether the proxy runs with these files: nothing that they break works.
pub(super) fn runs(case: &Case<'_>, all: &[&Finding]) -> Judgement {
    let mut contradicted: Vec<&Finding> = Vec::new();
    let mut compared = 0;
    for twin in all.iter().filter(|finding| is_of_proxy(case, finding)) {
        let mut effects =
            all.iter().copied().filter(|effect| explains(case, twin, effect)).peekable();
        compared += usize::from(effects.peek().is_some());
        if twin.is_violation() && is_contradicted(&mut effects) {
            contradicted.push(twin);
        }
    }
    if contradicted.is_empty() {
        return match compared {
            0 => Judgement::not_applicable(ProxySeen::NothingCompared),
            _ => Judgement::uncontradicted(ProxySeen::FitsNetwork),
        };
    }
    let locations: Vec<Location> =
        contradicted.iter().filter_map(|twin| twin.locations.first().cloned()).collect();
    let mut rules: Vec<RuleId> = contradicted.iter().map(|twin| twin.rule.clone()).collect();
    rules.dedup();
    let seen = ProxySeen::ContradictsNetwork(rules);
    Judgement::suspected(ReasonCode::ConfigurationNotLoaded, seen).located(locations)
}

/// Whether all of these effects were seen to be right.
fn is_contradicted<'a>(effects: &mut impl Iterator<Item = &'a Finding>) -> bool {
    let mut any = false;
    effects.all(|effect| {
        any = true;
        matches!(effect.verdict, Verdict::Pass(_))
    }) && any
}

fn rule<'a>(case: &Case<'a>, finding: &Finding) -> Option<&'a Rule> {
    case.ruleset.rule(&finding.rule)
}

fn is_of_proxy(case: &Case<'_>, finding: &Finding) -> bool {
    rule(case, finding).is_some_and(|it| it.demand.shown_by() == ShownBy::ProxyConfiguration)
}

fn rule_of_contradiction<'a>(case: &Case<'a>) -> Option<&'a RuleId> {
    let mut rules = case.ruleset.rules.iter();
    rules.find(|it| it.demand == Demand::ProxyConfigurationRuns).map(|it| &it.id)
}

/// Whether the network shows at `effect` what the configuration says at `twin`.
fn explains(case: &Case<'_>, twin: &Finding, effect: &Finding) -> bool {
    let is_twin = rule(case, twin).is_some_and(|it| it.explains.contains(&effect.rule));
    // A rule about another program says nothing about either.
    let applies = twin.verdict != Verdict::NotApplicable;
    is_twin
        && applies
        && effect.target.agrees_with(&twin.target)
        && is_about_same(case, twin, effect)
}

/// Whether a rule with several reasons is about what `effect` is about.
fn is_about_same(case: &Case<'_>, twin: &Finding, effect: &Finding) -> bool {
    let (Some(of_twin), Some(of_effect)) = (rule(case, twin), rule(case, effect)) else {
        return false;
    };
    match of_twin.demand {
        // It rests on the network itself, and contradicts nothing.
        Demand::ProxyServesItsFiles => effect.is_violation(),
        Demand::ProxyCertificateFiles { .. } => match twin.reason {
            ReasonCode::TlsExpired | ReasonCode::TlsNotYetValid => {
                of_effect.demand == Demand::NotExpired
            }
            ReasonCode::TlsExpiresSoon => {
                matches!(of_effect.demand, Demand::ExpiresLaterThan { .. })
            }
            ReasonCode::TlsNameMismatch => of_effect.demand == Demand::NameMatches,
            ReasonCode::TlsChainIncomplete => of_effect.demand == Demand::ChainVerifies,
            // Whom a client trusts is not in the files.
            ReasonCode::Holds => of_effect.demand != Demand::ChainVerifies,
            _ => of_effect.demand == Demand::HandshakeCompletes,
        },
        Demand::ProxyAllowsTlsVersions(_) => says_version(twin, &of_effect.demand),
        _ => true,
    }
}

/// Whether the lines about versions of TLS are about what this demand is about.
fn says_version(twin: &Finding, demand: &Demand) -> bool {
    let (missing, old) = match &twin.seen {
        Seen::Proxy(ProxySeen::TlsVersions { missing, old }) => {
            (missing.as_slice(), old.as_slice())
        }
        _ => return !twin.is_violation(),
    };
    match demand {
        Demand::VersionAccepted(version) => missing.contains(version),
        Demand::VersionsRefused(versions) => old.iter().any(|version| versions.contains(version)),
        _ => false,
    }
}

/// The line is the cause, and the edit the remedy.
fn explain(finding: &mut Finding, cause: &Finding) {
    finding.locations.clone_from(&cause.locations);
    let edits = cause.remedy.iter().filter(|step| matches!(step, RemedyStep::Edit(_))).cloned();
    let edits: Vec<RemedyStep> = edits.collect();
    if edits.is_empty() {
        return;
    }
    let others = std::mem::take(&mut finding.remedy);
    finding.remedy = edits.into_iter().chain(others).collect();
}

/// The files are right, so that they are not the cause.
fn exclude(case: &Case<'_>, finding: &mut Finding) {
    let files = case.saw().find_map(Facts::as_proxy_configuration);
    let Some(file) = files.and_then(|facts| facts.files.first()).cloned() else { return };
    finding.seen = finding.seen.clone().and(ProxySeen::RightInFile { file });
}
