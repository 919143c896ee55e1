//! From what was seen to what follows. Pure: no clock, no I/O; the same case gives the same
//! findings.
//!
//! How one check is judged, first match wins:
//!
//! 1. a rule it needs did not pass: inconclusive, blocked by that rule;
//! 2. we could not look: inconclusive;
//! 3. the facts leave it open: inconclusive;
//! 4. the demand holds: pass; otherwise fail. Both say how far the packets carry them.

mod backend;
mod call;
mod dns;
mod edition;
mod eyesight;
mod fill;
mod firewall;
mod heard;
mod http;
mod judgement;
mod network;
mod ports;
mod reach;
mod rtmp;
mod service;
mod sums;
mod tls;
mod turn;
mod udp;
mod view;
mod way;
mod words;

use crate::model::deployment::Deployment;
use crate::model::facts::{DnsAnswer, Facts};
use crate::model::name::DomainName;
use crate::model::observation::{Blindness, Observation, Outcome};
use crate::model::plan::{Ask, Check, CheckIndex, Plan};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, Rule, RuleId};
use crate::model::target::Family;
use crate::model::timestamp::Timestamp;
use crate::model::vantage::Vantage;
use crate::model::verdict::{FailConfidence, InconclusiveKind, PassConfidence, Verdict};
use crate::ruleset::Ruleset;

use fill::Filling;
use judgement::Judgement;
use view::View;

pub use network::call_summary;

/// What there is to judge.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub deployment: &'a Deployment,
    pub ruleset: &'a Ruleset,
    pub vantage: &'a Vantage,
    pub plan: &'a Plan,
    /// One for each probe of the plan, in its order.
    pub observations: &'a [Observation],
    pub now: Timestamp,
    pub strictness: Strictness,
}

/// How much a verdict has to rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The likely reading counts, and says that it is one.
    Likely,
    /// Only what is proven counts; everything else is inconclusive, both ways.
    ProofOnly,
}

/// Judges every check of the plan, in its order.
///
/// # Panics
/// When the plan was not made from this ruleset.
pub fn evaluate(case: &Case<'_>) -> Vec<Finding> {
    let count = case.plan.checks.len();
    let mut findings: Vec<Option<Finding>> = vec![None; count];
    for index in 0..count {
        if !sums_up(rule_of(case, &case.plan.checks[index])) {
            judge_with_needs(case, CheckIndex(index), &mut findings);
        }
    }
    way::name_causes(case, &mut findings);
    call::name_causes(case, &mut findings);
    // Rules that sum up others come last, those over rules before those over families.
    for demand_is_families in [false, true] {
        for index in 0..count {
            let rule = rule_of(case, &case.plan.checks[index]);
            if sums_up(rule) && (rule.demand == Demand::FamiliesAgree) == demand_is_families {
                let judged: Vec<&Finding> = findings.iter().flatten().collect();
                let judgement = match &rule.demand {
                    Demand::AllPass(rules) => sums::all_pass(rules, &judged),
                    _ => unanswered_family(case).unwrap_or_else(|| sums::families_agree(&judged)),
                };
                findings[index] = Some(finding(case, CheckIndex(index), judgement, None));
            }
        }
    }
    findings.into_iter().map(|finding| finding.expect("every check was judged")).collect()
}

/// One family of a name that has the other is unknown, so that nothing of it could be compared.
fn unanswered_family(case: &Case<'_>) -> Option<Judgement> {
    let has_addresses = |wanted: &DomainName| {
        case.observations.iter().any(|observation| {
            matches!(
                (&observation.spec, &observation.outcome),
                (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts)))
                    if name == wanted && facts.answer == DnsAnswer::Addresses
            )
        })
    };
    let unanswered = case.observations.iter().find_map(|observation| {
        let ProbeSpec::Dns { name, family } = &observation.spec else {
            return None;
        };
        let is_known = match &observation.outcome {
            Outcome::Saw(Facts::Dns(facts)) => matches!(
                facts.answer,
                DnsAnswer::Addresses
                    | DnsAnswer::NoData
                    | DnsAnswer::NxDomain
                    | DnsAnswer::CnameLoop
            ),
            Outcome::Saw(_) | Outcome::Blind(_) => false,
        };
        (!is_known && has_addresses(name)).then_some((name, family))
    });
    let (name, family) = unanswered?;
    let observed = format!("the DNS did not say whether {name} has an {family} address");
    Some(Judgement::unsettled(ReasonCode::DnsNoAnswer, observed))
}

fn sums_up(rule: &Rule) -> bool {
    matches!(rule.demand, Demand::AllPass(_) | Demand::FamiliesAgree)
}

fn rule_of<'a>(case: &Case<'a>, check: &Check) -> &'a Rule {
    case.ruleset.rule(&check.rule).expect("the plan was made from this ruleset")
}

/// Judges a check after those that it needs. The ruleset has no cycles.
fn judge_with_needs(case: &Case<'_>, index: CheckIndex, findings: &mut [Option<Finding>]) {
    if findings[index.0].is_some() {
        return;
    }
    let check = &case.plan.checks[index.0];
    for needed in &check.needs {
        judge_with_needs(case, *needed, findings);
    }
    let blocker = check
        .needs
        .iter()
        .filter_map(|needed| findings[needed.0].as_ref())
        .find(|finding| !matches!(finding.verdict, Verdict::Pass(_) | Verdict::NotApplicable));
    let judged = match (&check.ask, blocker) {
        (Ask::Nothing(why), _) => finding(case, index, Judgement::not_applicable(why), None),
        (Ask::Undeclared(why), _) => {
            let judgement = Judgement::unsettled(ReasonCode::Undeclared, why.as_str());
            finding(case, index, judgement, None)
        }
        (_, Some(blocker)) => {
            let kind = match blocker.verdict {
                Verdict::Inconclusive(kind) => kind,
                Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => {
                    InconclusiveKind::Unsettled
                }
            };
            let observed = format!("not judged: {} did not pass", root(blocker));
            let judgement = Judgement::inconclusive(kind, ReasonCode::Blocked, observed);
            finding(case, index, judgement, Some(blocker))
        }
        (_, None) => finding(case, index, judge(case, check), None),
    };
    findings[index.0] = Some(judged);
}

/// The cause behind a finding that stands in the way: the end of a chain of blocked rules.
fn root(blocker: &Finding) -> &RuleId {
    blocker.blocked_by.as_ref().unwrap_or(&blocker.rule)
}

/// Judges one check that nothing stands in the way of.
fn judge(case: &Case<'_>, check: &Check) -> Judgement {
    let view = View::new(case, check, rule_of(case, check));
    if let Some(judgement) = view.unused_endpoint() {
        return judgement;
    }
    let judged = match &view.rule.demand {
        Demand::NameResolves => dns::resolves(&view),
        Demand::PointsToProxy => dns::points_to_proxy(&view),
        Demand::AddressesPublic => dns::address_is_public(&view),
        Demand::HoldsByParsing => {
            Ok(Judgement::pass("the deployment file would have been refused otherwise"))
        }
        Demand::RedirectsToHttps => http::redirects(&view),
        Demand::HandshakeCompletes => tls::completes(&view),
        Demand::ChainVerifies => tls::chain_verifies(&view),
        Demand::NameMatches => tls::name_matches(&view),
        Demand::NotExpired => tls::not_expired(&view),
        Demand::ExpiresLaterThan { days } => tls::expires_later(&view, *days),
        Demand::RenewalNotRedirected { days } => http::renewal_not_redirected(&view, *days),
        Demand::VersionAccepted(version) => tls::version_accepted(&view, *version),
        Demand::VersionsRefused(versions) => tls::versions_refused(&view, versions),
        Demand::UnknownNameReachesNoBackend => tls::unknown_name(&view),
        Demand::ApiAnswers => http::api_answers(&view),
        Demand::WebSocketUpgradePasses => http::upgrade_passes(&view),
        Demand::PostPasses => http::post_passes(&view),
        Demand::ClockAgrees { seconds } => http::clock_agrees(&view, *seconds),
        Demand::AnswersBinding => call::settled(&view, turn::answers_binding(&view)),
        Demand::ChallengesAllocate => turn::challenges_allocate(&view),
        Demand::MappedAddressPlausible => turn::mapped_plausible(&view),
        Demand::EditionMatches => edition::matches(&view),
        Demand::HoldsIdle { seconds } => turn::holds_idle(&view, *seconds),
        Demand::RtmpsHandshakes => rtmp::rtmps_handshakes(&view),
        Demand::PlaintextRefused => rtmp::plaintext_refused(&view),
        Demand::PortRow(row) => call::settled(&view, ports::row(&view, row)),
        Demand::UndocumentedClosed => ports::undocumented(&view),
        Demand::RedisNeedsPassword => service::redis_needs_password(&view),
        Demand::PortClosed => call::settled(&view, ports::closed(&view)),
        Demand::PortOpen => call::settled(&view, ports::open(&view)),
        Demand::JoinAccepted
        | Demand::IceServersAgree
        | Demand::CandidatesAgree
        | Demand::AllocationGranted
        | Demand::RelayCarriesMedia
        | Demand::WrongPasswordRefused
        | Demand::ForeignPeersRefused
        | Demand::MediaPath(_)
        | Demand::MediaPathsOnly(_)
        | Demand::NotPunchedOut
        | Demand::LargePacketsPass
        | Demand::DtlsPasses => call::judge(&view),
        Demand::AllPass(_) | Demand::FamiliesAgree => {
            unreachable!("what sums up others is judged after them")
        }
    };
    judged.unwrap_or_else(|blindness| blind(case, check, &blindness))
}

/// We could not look. Where only one address family is missing here, nobody could have.
fn blind(case: &Case<'_>, check: &Check, blindness: &Blindness) -> Judgement {
    let kind = match blindness {
        Blindness::NoRoute(family) if sees_other_family(case, *family) => {
            InconclusiveKind::VantageLimit
        }
        Blindness::NoRoute(_)
        | Blindness::OwnFirewall
        | Blindness::NoDnsServer
        | Blindness::OwnProxy(_)
        | Blindness::Local(_)
        | Blindness::Interrupted
        | Blindness::DeadlineSpent => InconclusiveKind::Unsettled,
    };
    let observed = format!("could not look at {}: {blindness}", check.target);
    Judgement::inconclusive(kind, ReasonCode::Blind, observed)
}

fn sees_other_family(case: &Case<'_>, missing: Family) -> bool {
    case.observations.iter().any(|observation| {
        let other_family =
            observation.spec.address().is_some_and(|address| Family::of(address) != missing);
        other_family && matches!(observation.outcome, Outcome::Saw(_))
    })
}

/// Puts a judgement into words and into the report.
fn finding(
    case: &Case<'_>,
    index: CheckIndex,
    judgement: Judgement,
    blocker: Option<&Finding>,
) -> Finding {
    let check = &case.plan.checks[index.0];
    let rule = rule_of(case, check);
    let judgement = match case.strictness {
        Strictness::Likely => judgement,
        Strictness::ProofOnly => proof_only(judgement),
    };
    let violation = matches!(judgement.verdict, Verdict::Fail(_));
    let filling = Filling { case, rule, check, judgement: &judgement };
    let remedy = rule.remedies.for_reason(judgement.reason);
    let deployment = case.deployment;
    Finding {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        verdict: judgement.verdict,
        severity: check.severity,
        target: check.target.clone(),
        reason: judgement.reason,
        expected: words::expected(rule, check),
        means: violation.then(|| rule.means.render(|placeholder| filling.value(placeholder))),
        remedy: violation.then(|| remedy.render_each(|placeholder| filling.values(placeholder))),
        // The same cause further down is the same evidence.
        evidence: blocker.map_or_else(|| check.probes.clone(), |blocker| blocker.evidence.clone()),
        blocked_by: blocker.map(|blocker| root(blocker).clone()),
        because: judgement.because.clone(),
        source: rule.source_for(deployment.topology, deployment.edition).clone(),
        observed: judgement.observed,
    }
}

/// What remains of a judgement when only proof counts.
fn proof_only(judgement: Judgement) -> Judgement {
    match judgement.verdict {
        Verdict::Pass(PassConfidence::Uncontradicted)
        | Verdict::Fail(FailConfidence::Suspected) => Judgement {
            verdict: Verdict::Inconclusive(InconclusiveKind::Unsettled),
            observed: format!("not proven: {}", judgement.observed),
            ..judgement
        },
        Verdict::Pass(PassConfidence::Proven)
        | Verdict::Fail(FailConfidence::Proven)
        | Verdict::Inconclusive(_)
        | Verdict::NotApplicable => judgement,
    }
}
