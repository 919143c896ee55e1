//! From what was seen to what follows. Pure: no clock, no I/O; the same case gives the same
//! findings.
//!
//! How one check is judged, first match wins:
//!
//! 1. a rule it needs did not pass: inconclusive, blocked by that rule;
//! 2. we could not look: inconclusive;
//! 3. the facts leave it open: inconclusive;
//! 4. it rests on a premise about our own place that is in doubt: inconclusive;
//! 5. the demand holds: pass; otherwise fail. Both say how far the packets carry them.

mod backend;
mod browser;
mod call;
mod config;
mod controls;
mod declaration;
mod dns;
mod edition;
mod eyesight;
mod fill;
mod firewall;
mod heard;
mod host;
mod http;
mod joined;
mod judgement;
mod merged;
mod network;
mod observations;
mod overview;
mod place;
mod ports;
mod program;
mod proxy;
mod reach;
mod reasons;
mod responder;
mod rtmp;
mod service;
mod speakers;
mod sums;
mod tls;
mod turn;
mod udp;
mod view;
pub mod visit;
mod way;

use std::net::IpAddr;

use crate::model::deployment::Deployment;
use crate::model::expected::Expected;
use crate::model::facts::{DnsAnswer, Facts};
use crate::model::fingerprint::{Fingerprint, Identity};
use crate::model::name::DomainName;
use crate::model::observation::{Blindness, Outcome};
use crate::model::plan::{Ask, Check, CheckIndex, Plan};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::remedy::RemedyStep;
use crate::model::report::{Finding, Standing};
use crate::model::rule::{AllowedWays, Demand, Rule, RuleId, Service};
use crate::model::seen::{HttpSeen, Seen, SumSeen};
use crate::model::target::Family;
use crate::model::timestamp::Timestamp;
use crate::model::vantage::Vantage;
use crate::model::verdict::{InconclusiveKind, Verdict};
use crate::ruleset::Ruleset;

use fill::Filling;
use judgement::Judgement;
use place::Place;
use view::View;

pub use call::call_summary;
pub use edition::signs as edition_signs;
pub use fill::filled_in;
pub use merged::{JudgedRun, judged_run, merged};
pub use observations::Observations;
pub use overview::overview;

/// What there is to judge.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub deployment: &'a Deployment,
    pub ruleset: &'a Ruleset,
    pub vantage: &'a Vantage,
    pub plan: &'a Plan,
    /// One for each probe of the plan, in its order; behind them what was asked once more at the end
    /// ([`again`](crate::plan::again)).
    pub observations: &'a Observations,
    pub now: Timestamp,
    pub strictness: Strictness,
}

impl<'a> Case<'a> {
    /// The ways that the policy of the deployment leaves to media.
    fn allowed_ways(&self) -> &'a AllowedWays {
        self.ruleset.ways_under(self.deployment.policy)
    }

    /// All that was seen, whichever check asked for it.
    fn saw(&self) -> impl Iterator<Item = &'a Facts> + use<'a> {
        self.observations.iter().filter_map(|observation| match &observation.outcome {
            Outcome::Saw(facts) => Some(facts),
            Outcome::Blind(_) => None,
        })
    }

    /// Whether an address is this machine's own: nothing is on the way there.
    fn is_here(&self, address: IpAddr) -> bool {
        let mut nodes = self.deployment.nodes_at(address);
        self.vantage.addresses.contains(&address)
            || nodes.any(|node| self.vantage.stands_on.contains(&node.name))
    }
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
    evaluate_checks(case).into_iter().map(|judged| judged.finding).collect()
}

/// A finding, and the check that it is of.
struct FindingOfCheck {
    index: CheckIndex,
    finding: Finding,
}

/// The same, in the order of the plan.
fn evaluate_checks(case: &Case<'_>) -> Vec<FindingOfCheck> {
    let checks = &case.plan.checks;
    let ground = Ground { place: Place::of(case), doubting: declaration::doubting_checks(case) };
    let mut judged: Vec<Vec<Finding>> = vec![Vec::new(); checks.len()];
    for (index, check) in checks.iter().enumerate() {
        if !rule_of(case, check).demand.sums_up() {
            judge_with_needs(case, &ground, CheckIndex(index), &mut judged);
        }
    }
    let mut found: Vec<Found<'_>> = Vec::new();
    for (index, findings) in judged.into_iter().enumerate() {
        add(case, CheckIndex(index), findings, &mut found);
    }
    way::name_causes(case, &mut found);
    call::name_causes(case, &mut found);
    joined::name_causes(case, &mut found);
    // Rules that sum up others come last, those over rules before those over families.
    for demand_is_families in [false, true] {
        for (index, check) in checks.iter().enumerate() {
            let rule = rule_of(case, check);
            if rule.demand.sums_up() && (rule.demand == Demand::FamiliesAgree) == demand_is_families
            {
                let all: Vec<&Finding> = found.iter().map(|found| &found.finding).collect();
                let judgement = match &rule.demand {
                    Demand::AllPass(rules) => sums::all_pass(rules, &all),
                    Demand::ProxyConfigurationRuns => joined::runs(case, &all),
                    _ => unanswered_family(case).unwrap_or_else(|| sums::families_agree(&all)),
                };
                let findings = findings_of(case, check, judgement, None);
                add(case, CheckIndex(index), findings, &mut found);
            }
        }
    }
    found.sort_by_key(|found| found.index);
    let judged =
        found.into_iter().map(|Found { index, finding, .. }| FindingOfCheck { index, finding });
    judged.collect()
}

fn add<'a>(case: &Case<'a>, index: CheckIndex, findings: Vec<Finding>, found: &mut Vec<Found<'a>>) {
    let check = &case.plan.checks[index.0];
    found.extend(findings.into_iter().map(|finding| Found { index, check, finding }));
}

/// A finding, and the check that it is of.
struct Found<'a> {
    index: CheckIndex,
    check: &'a Check,
    finding: Finding,
}

/// One family of a name that has the other is unknown, so that nothing of it could be compared.
fn unanswered_family(case: &Case<'_>) -> Option<Judgement> {
    let has_addresses = |wanted: &DomainName| {
        case.observations.elsewhere().any(|observation| {
            matches!(
                (&observation.spec, &observation.outcome),
                (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts)))
                    if name == wanted && facts.answer == DnsAnswer::Addresses
            )
        })
    };
    let unanswered = case.observations.elsewhere().find_map(|observation| {
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
    let seen = SumSeen::FamilyUnknown { name: name.clone(), family: *family };
    Some(Judgement::unsettled(ReasonCode::DnsNoAnswer, seen))
}

fn rule_of<'a>(case: &Case<'a>, check: &Check) -> &'a Rule {
    case.ruleset.rule(&check.rule).expect("the plan was made from this ruleset")
}

/// What every judgement rests on.
struct Ground {
    place: Place,
    /// The checks that may show that others rest on something declared or resolved wrongly.
    doubting: Vec<CheckIndex>,
}

/// Judges a check after those that it needs. The ruleset has no cycles.
fn judge_with_needs(
    case: &Case<'_>,
    ground: &Ground,
    index: CheckIndex,
    judged: &mut [Vec<Finding>],
) {
    if !judged[index.0].is_empty() {
        return;
    }
    let check = &case.plan.checks[index.0];
    for needed in &check.needs {
        judge_with_needs(case, ground, *needed, judged);
    }
    let doubts = declaration::doubts(case, check, &ground.doubting);
    for doubt in &doubts {
        judge_with_needs(case, ground, *doubt, judged);
    }
    let mut needed = check.needs.iter().flat_map(|needed| &judged[needed.0]);
    let mut doubting = doubts.iter().flat_map(|doubt| &judged[doubt.0]);
    let blocker = doubting
        .find(|finding| declaration::takes_ground(case, finding, check))
        .or_else(|| needed.find(|finding| stands_in_the_way(finding)));
    let (judgement, blocker) = match (&check.ask, blocker) {
        (Ask::Nothing(why), _) => (Judgement::not_applicable(why.clone()), None),
        (Ask::Undeclared(role), _) => (Judgement::unsettled(ReasonCode::Undeclared, *role), None),
        (_, Some(blocker)) => (blocked(blocker), Some(blocker)),
        (_, None) => (judge_on(case, ground, check), None),
    };
    judged[index.0] = findings_of(case, check, judgement, blocker);
}

/// Judges a check that nothing stands in the way of, as far as the premises about our own place carry.
fn judge_on(case: &Case<'_>, ground: &Ground, check: &Check) -> Judgement {
    let view = View::new(case, check, rule_of(case, check));
    let judgement = judge(case, check);
    if judgement.is_of_one_kind() {
        return ground.place.question(&view, judgement, |case| judge(case, check));
    }
    // Where nodes are judged one by one, so are the premises: they carry one verdict and not another.
    judgement.map_each(|part| {
        let place = part.place.clone();
        let judge_in = |case: &Case<'_>| {
            let judgement = judge(case, check);
            let mut parts = judgement.clone().apart();
            parts.find(|it| it.place == place).unwrap_or(judgement)
        };
        ground.place.question(&view, part, judge_in).at(place.clone())
    })
}

/// Whether a finding leaves nothing to judge for those that need it.
fn stands_in_the_way(finding: &Finding) -> bool {
    !matches!(finding.verdict, Verdict::Pass(_) | Verdict::NotApplicable)
        && !declaration::leaves_others_alone(finding)
}

/// What is left to say of a check that needs what `blocker` is about.
fn blocked(blocker: &Finding) -> Judgement {
    let kind = match blocker.verdict {
        Verdict::Inconclusive(kind) => kind,
        Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => InconclusiveKind::Unsettled,
    };
    let seen = Seen::Blocked { by: root(blocker).clone(), itself: None };
    Judgement::inconclusive(kind, ReasonCode::Blocked, seen)
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
        Demand::HoldsByParsing => Ok(Judgement::pass(Seen::HoldsByParsing)),
        Demand::RedirectsToHttps => http::redirects(&view),
        Demand::HandshakeCompletes => tls::completes(&view),
        Demand::ChainVerifies => tls::chain_verifies(&view),
        Demand::NameMatches => tls::name_matches(&view),
        Demand::NotExpired => tls::not_expired(&view),
        Demand::ExpiresLaterThan { days, lifetime_share } => {
            tls::expires_later(&view, *days, *lifetime_share)
        }
        Demand::RenewalNotRedirected { days } => http::renewal_not_redirected(&view, *days),
        Demand::VersionAccepted(version) => tls::version_accepted(&view, *version),
        Demand::VersionsRefused(versions) => tls::versions_refused(&view, versions),
        Demand::UnknownNameReachesNoBackend => tls::unknown_name(&view),
        Demand::ApiAnswers => match declaration::names_swapped(case) {
            Some(seen) => Ok(Judgement::suspected(ReasonCode::NamesSwapped, seen)),
            None => http::api_answers(&view),
        },
        Demand::WebSocketUpgradePasses => http::upgrade_passes(&view),
        Demand::PostPasses => http::post_passes(&view),
        Demand::ClockAgrees { seconds } => http::clock_agrees(&view, *seconds),
        Demand::BrowsersAccept => browser::accepts(&view),
        Demand::PathsPass => browser::paths_pass(&view),
        Demand::CrossOriginReadable => browser::cross_origin_readable(&view),
        Demand::NewestPathPasses => browser::newest_path_passes(&view),
        Demand::AnswersBinding => call::settled(&view, turn::answers_binding(&view)),
        Demand::ChallengesAllocate => turn::challenges_allocate(&view),
        Demand::MappedAddressPlausible => turn::mapped_plausible(&view),
        Demand::EditionMatches => edition::matches(&view),
        Demand::HoldsIdle { seconds } => turn::holds_idle(&view, *seconds),
        Demand::RtmpsHandshakes => rtmp::rtmps_handshakes(&view),
        Demand::PlaintextRefused => rtmp::plaintext_refused(&view),
        Demand::PortRow(row) => call::settled(&view, ports::row(&view, row)),
        Demand::UndocumentedClosed => ports::undocumented(&view),
        Demand::RedisNeedsPassword => service::needs_password(&view, Service::Redis),
        Demand::MongodbNeedsLogin => service::needs_password(&view, Service::MongoDb),
        Demand::MinioBucketsNeedLogin(_) => service::needs_password(&view, Service::Minio),
        Demand::PortClosed => call::settled(&view, ports::closed(&view)),
        Demand::PortOpen => call::settled(&view, ports::open(&view)),
        Demand::JoinAccepted
        | Demand::EveryNodeCarries
        | Demand::IceServersAgree
        | Demand::CandidatesAgree
        | Demand::AllocationGranted
        | Demand::RelayCarriesMedia
        | Demand::WrongPasswordRefused
        | Demand::ForeignPeersRefused
        | Demand::MediaPath(_)
        | Demand::MediaPathsOnly
        | Demand::NotPunchedOut
        | Demand::LargePacketsPass
        | Demand::DtlsPasses => call::judge(&view),
        Demand::DistributionIs(_)
        | Demand::MemoryAtLeast(_)
        | Demand::CoresAtLeast(_)
        | Demand::DiskAtLeast(_)
        | Demand::AddressesPresent
        | Demand::PortsHeldBy(_)
        | Demand::ClockSynchronised
        | Demand::FirewallAdmits
        | Demand::FirewallRefusesOthers
        | Demand::MediaNotSentOut(_)
        | Demand::ProxyMayConnect
        | Demand::ReversePathLoose
        | Demand::ConnectionTableAtLeast(_)
        | Demand::UdpBufferAtLeast(_) => host::judge(&view),
        Demand::ProxyConfigurationReads
        | Demand::ProxyCertificateFiles { .. }
        | Demand::ProxyAllowsTlsVersions(_)
        | Demand::ProxyAsksNoClientCertificate
        | Demand::ProxyAlpnFitsBackend
        | Demand::ProxyOffersNoHttp3
        | Demand::ProxyHstsFits
        | Demand::ProxyRenewalReachesPorts
        | Demand::ProxyServesItsFiles
        | Demand::ProxyHeaderAgrees
        | Demand::TurnBackendNotLoopback
        | Demand::ProxyLeadsToRtmp
        | Demand::ProxyEndsUnknownNames
        | Demand::HaproxyWaitsForHello
        | Demand::HaproxyHasServerName
        | Demand::HaproxyLimitsTimes
        | Demand::HaproxyChecksServers
        | Demand::ProxyKeepsUpgrade
        | Demand::ProxyKeepsPath
        | Demand::ProxyRedirectsHttp
        | Demand::ProxyListensOnBothFamilies
        | Demand::ProxyKeepsIdleTurn { .. }
        | Demand::ProxyKeepsIdleWebSocket { .. }
        | Demand::ProxyConnectsWithin { .. }
        | Demand::ProxyLeadsToApi
        | Demand::ProxyLeadsToTurn
        | Demand::ProxySettingRight(_) => proxy::judge(&view),
        Demand::OpenviduConfiguration(_) => config::judge(&view),
        Demand::AllPass(_) | Demand::FamiliesAgree | Demand::ProxyConfigurationRuns => {
            unreachable!("what sums up others is judged after them")
        }
    };
    judged.unwrap_or_else(|blindness| blind(case, blindness))
}

/// We could not look. Where only one address family is missing here, nobody could have.
fn blind(case: &Case<'_>, blindness: Blindness) -> Judgement {
    let kind = match blindness {
        Blindness::NoRoute(family) if sees_other_family(case, family) => {
            InconclusiveKind::VantageLimit
        }
        Blindness::NoRoute(_)
        | Blindness::OwnFirewall
        | Blindness::NoDnsServer
        | Blindness::NoAddress { .. }
        | Blindness::OwnProxy(_)
        | Blindness::Local(_)
        | Blindness::Interrupted
        | Blindness::DeadlineSpent => InconclusiveKind::Unsettled,
    };
    Judgement::inconclusive(kind, ReasonCode::Blind, Seen::Blind(blindness))
}

fn sees_other_family(case: &Case<'_>, missing: Family) -> bool {
    case.observations.iter().any(|observation| {
        let other_family =
            observation.spec.address().is_some_and(|address| Family::of(address) != missing);
        // A ping that cannot be sent says nothing of a family.
        let is_seen = match &observation.outcome {
            Outcome::Saw(Facts::Echo(echo)) => echo.is_replied(),
            Outcome::Saw(_) => true,
            Outcome::Blind(_) => false,
        };
        other_family && is_seen
    })
}

/// The findings of a check: one, or one for each violation of it that is mended apart.
fn findings_of(
    case: &Case<'_>,
    check: &Check,
    judgement: Judgement,
    blocker: Option<&Finding>,
) -> Vec<Finding> {
    let judgement = match case.strictness {
        Strictness::Likely => judgement,
        Strictness::ProofOnly => judgement.proof_only(),
    };
    let mut single = judgement;
    let others = std::mem::take(&mut single.others);
    let all = std::iter::once(single).chain(others);
    all.map(|judgement| finding(case, check, judgement, blocker)).collect()
}

/// What a rule demands of a target.
fn expected(rule: &Rule, check: &Check) -> Expected {
    match check.ask {
        Ask::MustBeOpen => Expected::OpenToThisVantage,
        Ask::MustBeClosed => Expected::ClosedToThisVantage,
        Ask::NeedNotBeOpen(condition) => Expected::ClosedBecauseUnused(condition),
        Ask::EitherWay(condition) if matches!(rule.demand, Demand::PortRow(_)) => {
            Expected::OpenOnlyIfUsed(condition)
        }
        Ask::EitherWay(_) | Ask::Demand | Ask::Nothing(_) | Ask::Undeclared(_) => {
            Expected::AsTheRuleSays(rule.expected.as_ref().unwrap_or(&rule.title).clone())
        }
    }
}

/// Puts a judgement into the report.
fn finding(
    case: &Case<'_>,
    check: &Check,
    judgement: Judgement,
    blocker: Option<&Finding>,
) -> Finding {
    let rule = rule_of(case, check);
    let violation = matches!(judgement.verdict, Verdict::Fail(_));
    let target = judgement.place.narrow(&check.target);
    let filling = Filling {
        deployment: case.deployment,
        rule,
        ask: &check.ask,
        target: &target,
        named: &fill::in_words(&judgement.named),
        proxy: case.observations.proxy_kind(),
    };
    let means = violation.then(|| filling.sentences(rule.texts.means(judgement.reason)));
    let steps = match &judgement.seen {
        // Who answers, and what they want, says more than the rule could.
        Seen::Http(HttpSeen::Spoken(spoken)) => {
            let face = spoken.speaker.as_ref().map(|speaker| speaker.face.as_str());
            case.ruleset.remedy_for(spoken.says, face)
        }
        _ => rule.texts.remedy(judgement.reason),
    };
    let edits = judgement.edits.iter().cloned().map(RemedyStep::Edit);
    let remedy = if violation { edits.chain(filling.remedy(steps)).collect() } else { Vec::new() };
    let deployment = case.deployment;
    let expected = expected(rule, check);
    let blocked_by = match (&judgement.seen, blocker) {
        (_, Some(blocker)) => Some(root(blocker).clone()),
        (Seen::Blocked { by, .. }, None) => Some(by.clone()),
        (_, None) => None,
    };
    let identity = Identity {
        deployment: &deployment.domain,
        rule: &rule.id,
        direction: expected.direction(),
        target: &target,
    };
    Finding {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        verdict: judgement.verdict,
        severity: judgement.severity.unwrap_or(check.severity),
        reason: judgement.reason,
        fingerprint: Fingerprint::new(&identity),
        standing: Standing::default(),
        sightings: Vec::new(),
        locations: judgement.locations,
        target,
        expected,
        means,
        remedy,
        // The same cause further down is the same evidence.
        evidence: blocker.map_or_else(|| check.probes.clone(), |blocker| blocker.evidence.clone()),
        blocked_by,
        because: judgement.because.clone(),
        source: rule.source_for(deployment.topology, deployment.edition).clone(),
        seen: judgement.seen,
    }
}
