//! What a call meets, and the violation further down that is its cause: one cause is one violation.

use std::net::IpAddr;

use super::super::{Case, Found, rule_of};
use super::candidates::is_reachable;
use super::made::{CallAttempt, MadeCall};
use super::servers;
use crate::model::facts::{IceCheck, PathFacts, RelayFacts, Way};
use crate::model::name::DomainName;
use crate::model::plan::ProbeIndex;
use crate::model::port::{Port, Transport};
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, RuleId};
use crate::model::seen::Seen;
use crate::model::target::Target;
use crate::model::verdict::{InconclusiveKind, Severity, Verdict};

/// Somewhere a call goes.
#[derive(Debug, Clone)]
struct CalledPlace {
    host: Option<DomainName>,
    /// `None`: the name led nowhere, or an HTTP proxy followed it.
    address: Option<IpAddr>,
    transport: Transport,
    port: u16,
}

/// Where to look for the cause of a finding.
enum CauseSought {
    /// What must hold on the way to a service behind a name, there.
    OnTheWay(CalledPlace),
    /// A port that is proven to be closed.
    Closed(CalledPlace),
    /// Another rule of the call.
    Of(fn(&Demand) -> bool),
}

/// What a finding follows from.
struct RootCause {
    rule: RuleId,
    kind: InconclusiveKind,
    /// How bad it is itself, where it is broken.
    severity: Option<Severity>,
    evidence: Vec<ProbeIndex>,
}

/// Names the causes of findings of a call, as far as other rules found them.
pub(in super::super) fn name_causes(case: &Case<'_>, found: &mut [Found<'_>]) {
    let Some(attempt) = CallAttempt::find(case) else {
        return;
    };
    let demands = found.iter().map(|found| &rule_of(case, found.check).demand).collect();
    let search = Search { attempt: &attempt, demands };
    // A cause may have a cause of its own, and that one too: no chain is longer than all findings.
    for _ in 0..found.len() {
        let mut is_settled = true;
        for index in 0..found.len() {
            let Some(cause) = search.cause(found, index) else {
                continue;
            };
            follow(&mut found[index].finding, cause);
            is_settled = false;
        }
        if is_settled {
            return;
        }
    }
}

/// The search for causes.
struct Search<'a> {
    attempt: &'a CallAttempt<'a>,
    /// One for each finding.
    demands: Vec<&'a Demand>,
}

impl Search<'_> {
    /// What this finding follows from and does not name yet.
    fn cause(&self, findings: &[Found<'_>], index: usize) -> Option<RootCause> {
        let finding = &findings[index].finding;
        let found = || {
            let found = findings.iter().zip(&self.demands).enumerate();
            let others = found.filter(move |(other, _)| *other != index);
            others.map(|(_, (found, demand))| (&found.finding, *demand))
        };
        // What waits for a rule of the call that has a cause itself waits for that.
        if let Some(blocker) = &finding.blocked_by {
            let (blocker, _) =
                found().find(|(found, demand)| found.rule == *blocker && demand.is_of_call())?;
            return blocker.blocked_by.as_ref().map(|_| root(blocker));
        }
        let demand = self.demands[index];
        let is_open = match finding.verdict {
            Verdict::Fail(_) => finding.because.is_empty(),
            Verdict::Inconclusive(_) => match finding.reason {
                ReasonCode::Blocked | ReasonCode::MediaSilent => true,
                ReasonCode::Blind => *demand == Demand::JoinAccepted,
                _ => false,
            },
            Verdict::Pass(_) | Verdict::NotApplicable => false,
        };
        if !is_open {
            return None;
        }
        let sought = sought(self.attempt, finding, demand);
        sought.iter().find_map(|sought| {
            let (cause, _) = found().find(|(found, demand)| is_it(demand, found, sought))?;
            Some(root(cause))
        })
    }
}

/// A finding as the cause of others: what it follows from itself, or else its rule.
fn root(finding: &Finding) -> RootCause {
    RootCause {
        rule: finding.blocked_by.as_ref().unwrap_or(&finding.rule).clone(),
        kind: match finding.verdict {
            Verdict::Inconclusive(kind) => kind,
            Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => {
                InconclusiveKind::Unsettled
            }
        },
        severity: finding.is_violation().then_some(finding.severity),
        evidence: finding.evidence.clone(),
    }
}

/// Where to look for the cause of a finding, the nearest first.
fn sought(attempt: &CallAttempt<'_>, finding: &Finding, demand: &Demand) -> Vec<CauseSought> {
    let call = attempt.made_on(finding.target.node.as_ref());
    let call = call.as_ref();
    match (demand, finding.reason) {
        (Demand::JoinAccepted, reason) => to_the_api(attempt, reason),
        (Demand::MediaPath(_), ReasonCode::CandidateWrong | ReasonCode::CandidateMissing)
        | (Demand::RelayCarriesMedia, ReasonCode::PeerRefused) => {
            vec![CauseSought::Of(|it| *it == Demand::CandidatesAgree)]
        }
        (Demand::RelayCarriesMedia, ReasonCode::RelaySilent)
            if call.is_some_and(is_offered_nowhere) =>
        {
            vec![CauseSought::Of(|it| *it == Demand::CandidatesAgree)]
        }
        (Demand::MediaPath(_), ReasonCode::IceServerMissing) => {
            vec![CauseSought::Of(|it| *it == Demand::IceServersAgree)]
        }
        (Demand::MediaPath(_), ReasonCode::TurnCredentialsRefused | ReasonCode::TurnQuota) => {
            vec![CauseSought::Of(|it| *it == Demand::AllocationGranted)]
        }
        (Demand::MediaPath(_), ReasonCode::PeerRefused | ReasonCode::RelaySilent) => {
            vec![CauseSought::Of(|it| *it == Demand::RelayCarriesMedia)]
        }
        (Demand::MediaPath(way), reason) => match call {
            Some(call) if way.is_relayed() => through_relays(call, *way, reason),
            Some(call) => {
                let paths = call.facts.paths.iter().filter(|path| path.way == *way);
                paths.map(|path| CauseSought::Closed(of_path(path))).collect()
            }
            None => Vec::new(),
        },
        // Nothing shows that the session is alive, because the way that the policy leaves is broken.
        (Demand::MediaPathsOnly | Demand::NotPunchedOut, ReasonCode::MediaSilent) => vec![
            CauseSought::Of(|it| *it == Demand::RelayCarriesMedia),
            CauseSought::Of(|it| *it == Demand::MediaPath(Way::Turns)),
            CauseSought::Of(|it| *it == Demand::MediaPath(Way::TurnUdp)),
        ],
        (Demand::PortRow(_) | Demand::PortOpen, ReasonCode::MediaSilent) => {
            vec![match finding.target.transport {
                Some(Transport::Tcp) => CauseSought::Of(|it| *it == Demand::MediaPath(Way::IceTcp)),
                Some(Transport::Udp) | None => {
                    CauseSought::Of(|it| *it == Demand::MediaPath(Way::Udp))
                }
            }]
        }
        (
            Demand::AllocationGranted
            | Demand::RelayCarriesMedia
            | Demand::WrongPasswordRefused
            | Demand::ForeignPeersRefused
            | Demand::LargePacketsPass
            | Demand::DtlsPasses,
            ReasonCode::Blocked,
        ) => vec![
            CauseSought::Of(|it| *it == Demand::IceServersAgree),
            CauseSought::Of(|it| *it == Demand::AllocationGranted),
            CauseSought::Of(|it| *it == Demand::RelayCarriesMedia),
            CauseSought::Of(|it| *it == Demand::MediaPath(Way::Turns)),
            CauseSought::Of(|it| *it == Demand::MediaPath(Way::TurnUdp)),
            CauseSought::Of(|it| *it == Demand::CandidatesAgree),
            CauseSought::Of(|it| *it == Demand::MediaPath(Way::Udp)),
        ],
        _ => Vec::new(),
    }
}

/// Whether what is silent behind relays is nothing but addresses that lead nowhere.
fn is_offered_nowhere(call: &MadeCall<'_>) -> bool {
    let mut silent =
        call.facts.paths.iter().filter(|it| it.way.is_relayed() && it.check == IceCheck::Silent);
    silent.all(|path| {
        let address = path.candidate.ip();
        !is_reachable(call, address) || call.is_of_another_node(address)
    })
}

/// What stands between us and media behind the TURN servers of a way.
fn through_relays(call: &MadeCall<'_>, way: Way, reason: ReasonCode) -> Vec<CauseSought> {
    let relays = || call.facts.relays.iter().filter(|relay| relay.way == way);
    let mut sought: Vec<CauseSought> = relays()
        .map(|relay| of_relay(call, relay))
        .map(|place| match place.transport {
            Transport::Udp => CauseSought::Closed(place),
            Transport::Tcp => CauseSought::OnTheWay(place),
        })
        .collect();
    if reason == ReasonCode::StunBadResponse {
        sought.push(CauseSought::Of(|it| *it == Demand::AllocationGranted));
    }
    let is_misnamed =
        |relay| call.url(relay).is_some_and(|url| servers::fault(call, url).is_some());
    if relays().any(is_misnamed) {
        sought.push(CauseSought::Of(|it| *it == Demand::IceServersAgree));
    }
    sought
}

/// What stands between us and an answer of LiveKit's; nothing, when the answer is its own.
fn to_the_api(attempt: &CallAttempt<'_>, reason: ReasonCode) -> Vec<CauseSought> {
    match reason {
        ReasonCode::SecretWrong
        | ReasonCode::KeyUnknown
        | ReasonCode::TokenRefused
        | ReasonCode::TokenExpired
        | ReasonCode::TokenLacksRights
        | ReasonCode::RoomRefused => return Vec::new(),
        ReasonCode::ClockDiffers => {
            return vec![CauseSought::Of(|it| matches!(it, Demand::ClockAgrees { .. }))];
        }
        _ => {}
    }
    vec![CauseSought::OnTheWay(CalledPlace {
        host: Some(attempt.spec.host.clone()),
        address: attempt.seen.ok().and_then(|facts| facts.signal.address),
        transport: Transport::Tcp,
        port: attempt.spec.port.number(),
    })]
}

fn of_path(path: &PathFacts) -> CalledPlace {
    CalledPlace {
        host: None,
        address: Some(path.candidate.ip()),
        transport: path.way.transport(),
        port: path.candidate.port(),
    }
}

fn of_relay(call: &MadeCall<'_>, relay: &RelayFacts) -> CalledPlace {
    let parts = call.url(relay).and_then(|url| url.parts.as_ref());
    let host = parts.and_then(|parts| parts.host.parse().ok());
    CalledPlace {
        host: host.filter(|_| relay.way == Way::Turns),
        address: relay.server.map(|server| server.ip()),
        transport: relay.way.transport(),
        port: parts.map_or_else(|| relay.server.map_or(0, |it| it.port()), |parts| parts.port),
    }
}

/// Whether `found`, of a rule that demands this, is the cause that is looked for.
fn is_it(demand: &Demand, found: &Finding, sought: &CauseSought) -> bool {
    match sought {
        CauseSought::Of(is_meant) => {
            is_meant(demand) && (found.is_violation() || found.blocked_by.is_some())
        }
        CauseSought::OnTheWay(place) => {
            let is_meant = match place.address {
                Some(_) => is_on_the_way(demand),
                None => *demand == Demand::NameResolves,
            };
            is_meant && found.is_violation() && concerns(&found.target, place)
        }
        CauseSought::Closed(place) => {
            let is_closed = match demand {
                Demand::PortRow(_) | Demand::AnswersBinding | Demand::ChallengesAllocate => {
                    found.is_violation()
                }
                _ => false,
            };
            is_closed && concerns(&found.target, place)
        }
    }
}

/// Whether a demand is about what lies between us and a service behind a name.
fn is_on_the_way(demand: &Demand) -> bool {
    matches!(
        demand,
        Demand::NameResolves
            | Demand::PointsToProxy
            | Demand::PortRow(_)
            | Demand::HandshakeCompletes
            | Demand::ChainVerifies
            | Demand::NameMatches
            | Demand::NotExpired
            | Demand::ApiAnswers
            | Demand::WebSocketUpgradePasses
            | Demand::AnswersBinding
            | Demand::ChallengesAllocate
    )
}

/// Whether a target speaks of this place, or of a part of it.
fn concerns(target: &Target, place: &CalledPlace) -> bool {
    let host = target.host.is_none() || target.host == place.host;
    let address =
        target.address.is_none() || place.address.is_none() || target.address == place.address;
    let transport = target.transport.is_none_or(|it| it == place.transport);
    let port = Port::new(place.port);
    let port = target.port.is_none_or(|range| port.is_some_and(|it| range.contains(it)));
    host && address && transport && port
}

/// Lets a finding follow from its cause.
fn follow(finding: &mut Finding, cause: RootCause) {
    let root = cause.rule;
    // What is worse than its cause stands for itself.
    let is_milder = cause.severity.is_some_and(|it| it < finding.severity);
    if finding.is_violation() && is_milder {
        finding.because = vec![root];
        return;
    }
    let itself = match &finding.seen {
        Seen::Blocked { itself, .. } => itself.clone(),
        other => Some(Box::new(other.clone())),
    };
    finding.seen = Seen::Blocked { by: root.clone(), itself };
    finding.verdict = Verdict::Inconclusive(cause.kind);
    finding.reason = ReasonCode::Blocked;
    finding.blocked_by = Some(root);
    (finding.means, finding.remedy) = (None, Vec::new());
    finding.evidence = cause.evidence;
}
