//! What a call meets, and the violation further down that is its cause: one cause is one violation.

use std::net::{IpAddr, SocketAddr};

use super::super::view::View;
use super::super::{Case, rule_of};
use super::candidates::{is_reachable, owner};
use super::seen::Call;
use super::servers;
use crate::model::facts::{IceCheck, PathFacts, RelayFacts, Way};
use crate::model::name::DomainName;
use crate::model::plan::ProbeIndex;
use crate::model::port::{Port, Transport};
use crate::model::probe::{CallSpec, ProbeSpec};
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, RuleId};
use crate::model::target::Target;
use crate::model::verdict::{FailConfidence, InconclusiveKind, Severity, Verdict};

/// Somewhere a call goes.
#[derive(Debug, Clone)]
struct Place {
    host: Option<DomainName>,
    /// `None`: the name led nowhere, or somebody else followed it.
    address: Option<IpAddr>,
    transport: Transport,
    port: u16,
}

/// Where to look for the cause of a finding.
enum Wanted {
    /// What has to hold on the way to a service behind a name, there.
    OnTheWay(Place),
    /// A port that is proven to be closed.
    Closed(Place),
    /// Another rule of the call.
    Of(fn(&Demand) -> bool),
}

/// What a finding follows from.
struct Cause {
    rule: RuleId,
    kind: InconclusiveKind,
    /// How bad it is itself, where it is broken.
    severity: Option<Severity>,
    evidence: Vec<ProbeIndex>,
}

/// Names the causes of findings of a call, as far as other rules found them.
pub(in super::super) fn name_causes(case: &Case<'_>, findings: &mut [Option<Finding>]) {
    let Some(call) = call_of(case) else {
        return;
    };
    let checks = case.plan.checks.iter();
    let search =
        Search { call: &call, demands: checks.map(|check| &rule_of(case, check).demand).collect() };
    // A cause may have a cause of its own, and that one too: no chain is longer than all findings.
    for _ in 0..findings.len() {
        let mut is_settled = true;
        for index in 0..findings.len() {
            let Some(cause) = search.cause(findings, index) else {
                continue;
            };
            if let Some(finding) = &mut findings[index] {
                follow(finding, cause);
                is_settled = false;
            }
        }
        if is_settled {
            return;
        }
    }
}

/// The call of this run as somebody sees it who is about no rule in particular; `None`: nobody was
/// to call.
fn call_of<'a>(case: &'a Case<'a>) -> Option<Seen<'a>> {
    let mut specs = case.observations.iter().map(|it| &it.spec);
    let spec = specs.find_map(|spec| match spec {
        ProbeSpec::Call(spec) => Some(spec),
        _ => None,
    })?;
    let of_call = case.plan.checks.iter().find_map(|check| {
        let rule = rule_of(case, check);
        let view = View::new(case, check, rule);
        let facts = rule.demand.is_of_call().then(|| view.call().ok())??;
        Some(Call { view, facts })
    });
    Some(Seen { spec, call: of_call })
}

/// What was asked of a call, and what it showed, if it showed anything.
struct Seen<'a> {
    spec: &'a CallSpec,
    call: Option<Call<'a>>,
}

/// The search for causes.
struct Search<'a> {
    call: &'a Seen<'a>,
    /// One for each check of the plan.
    demands: Vec<&'a Demand>,
}

impl Search<'_> {
    /// What this finding follows from and does not name yet.
    fn cause(&self, findings: &[Option<Finding>], index: usize) -> Option<Cause> {
        let finding = findings[index].as_ref()?;
        let found = || {
            let found = findings.iter().zip(&self.demands).enumerate();
            let others = found.filter(move |(other, _)| *other != index);
            others.filter_map(|(_, (found, demand))| Some((found.as_ref()?, *demand)))
        };
        // What waits for a rule of the call that has a cause itself waits for that.
        if let Some(blocker) = &finding.blocked_by {
            let (blocker, _) =
                found().find(|(found, demand)| found.rule == *blocker && demand.is_of_call())?;
            return blocker.blocked_by.as_ref().map(|_| of(blocker));
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
        let wanted = wanted(self.call, finding, demand);
        wanted.iter().find_map(|wanted| {
            let (cause, _) = found().find(|(found, demand)| is_it(demand, found, wanted))?;
            Some(of(cause))
        })
    }
}

/// A finding as the cause of others: what it follows from itself, or else its rule.
fn of(finding: &Finding) -> Cause {
    Cause {
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
fn wanted(seen: &Seen<'_>, finding: &Finding, demand: &Demand) -> Vec<Wanted> {
    let call = seen.call.as_ref();
    match (demand, finding.reason) {
        (Demand::JoinAccepted, reason) => to_the_api(seen, reason),
        (Demand::MediaPath(_), ReasonCode::CandidateWrong | ReasonCode::CandidateMissing)
        | (Demand::RelayCarriesMedia, ReasonCode::PeerRefused) => {
            vec![Wanted::Of(|it| *it == Demand::CandidatesAgree)]
        }
        (Demand::RelayCarriesMedia, ReasonCode::RelaySilent)
            if call.is_some_and(is_offered_nowhere) =>
        {
            vec![Wanted::Of(|it| *it == Demand::CandidatesAgree)]
        }
        (Demand::MediaPath(_), ReasonCode::IceServerMissing) => {
            vec![Wanted::Of(|it| *it == Demand::IceServersAgree)]
        }
        (Demand::MediaPath(_), ReasonCode::TurnCredentialsRefused | ReasonCode::TurnQuota) => {
            vec![Wanted::Of(|it| *it == Demand::AllocationGranted)]
        }
        (Demand::MediaPath(_), ReasonCode::PeerRefused | ReasonCode::RelaySilent) => {
            vec![Wanted::Of(|it| *it == Demand::RelayCarriesMedia)]
        }
        (Demand::MediaPath(way), reason) => match call {
            Some(call) if way.is_relayed() => through_relays(call, *way, reason),
            Some(call) => call.paths(*way).map(|path| Wanted::Closed(of_path(path))).collect(),
            None => Vec::new(),
        },
        // Nothing shows that the session is alive, because the way that the policy leaves is broken.
        (Demand::MediaPathsOnly(_) | Demand::NotPunchedOut, ReasonCode::MediaSilent) => vec![
            Wanted::Of(|it| *it == Demand::RelayCarriesMedia),
            Wanted::Of(|it| *it == Demand::MediaPath(Way::Turns)),
            Wanted::Of(|it| *it == Demand::MediaPath(Way::TurnUdp)),
        ],
        (Demand::PortRow(_) | Demand::PortOpen, ReasonCode::MediaSilent) => {
            vec![match finding.target.transport {
                Some(Transport::Tcp) => Wanted::Of(|it| *it == Demand::MediaPath(Way::IceTcp)),
                Some(Transport::Udp) | None => Wanted::Of(|it| *it == Demand::MediaPath(Way::Udp)),
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
            Wanted::Of(|it| *it == Demand::IceServersAgree),
            Wanted::Of(|it| *it == Demand::AllocationGranted),
            Wanted::Of(|it| *it == Demand::RelayCarriesMedia),
            Wanted::Of(|it| *it == Demand::MediaPath(Way::Turns)),
            Wanted::Of(|it| *it == Demand::MediaPath(Way::TurnUdp)),
            Wanted::Of(|it| *it == Demand::CandidatesAgree),
            Wanted::Of(|it| *it == Demand::MediaPath(Way::Udp)),
        ],
        _ => Vec::new(),
    }
}

/// Whether what is silent behind relays is nothing but addresses that lead nowhere.
fn is_offered_nowhere(call: &Call<'_>) -> bool {
    let mut silent =
        call.facts.paths.iter().filter(|it| it.way.is_relayed() && it.check == IceCheck::Silent);
    silent.all(|path| !is_reachable(owner(call, path.candidate.ip())))
}

/// What stands between us and media behind the TURN servers of a way.
fn through_relays(call: &Call<'_>, way: Way, reason: ReasonCode) -> Vec<Wanted> {
    let relays = call.relays(way).map(|(_, relay)| of_relay(call, relay));
    let mut wanted: Vec<Wanted> = relays
        .map(|place| match place.transport {
            Transport::Udp => Wanted::Closed(place),
            Transport::Tcp => Wanted::OnTheWay(place),
        })
        .collect();
    if reason == ReasonCode::StunBadResponse {
        wanted.push(Wanted::Of(|it| *it == Demand::AllocationGranted));
    }
    let is_misnamed = |relay: &RelayFacts| {
        let urls = call.session().map_or(&[][..], |it| &it.ice_servers);
        let url = urls.get(relay.url);
        url.is_some_and(|url| servers::fault(call, url).is_some())
    };
    if call.relays(way).any(|(_, relay)| is_misnamed(relay)) {
        wanted.push(Wanted::Of(|it| *it == Demand::IceServersAgree));
    }
    wanted
}

/// What stands between us and an answer of LiveKit's; nothing, when the answer is its own.
fn to_the_api(seen: &Seen<'_>, reason: ReasonCode) -> Vec<Wanted> {
    match reason {
        ReasonCode::SecretWrong
        | ReasonCode::KeyUnknown
        | ReasonCode::TokenRefused
        | ReasonCode::TokenExpired
        | ReasonCode::TokenLacksRights
        | ReasonCode::RoomRefused => return Vec::new(),
        ReasonCode::ClockDiffers => {
            return vec![Wanted::Of(|it| matches!(it, Demand::ClockAgrees { .. }))];
        }
        _ => {}
    }
    let call = seen.call.as_ref();
    vec![Wanted::OnTheWay(Place {
        host: Some(seen.spec.host.clone()),
        address: call.and_then(|call| call.facts.signal.address),
        transport: Transport::Tcp,
        port: seen.spec.port.number(),
    })]
}

fn of_path(path: &PathFacts) -> Place {
    let transport = match path.way {
        Way::IceTcp => Transport::Tcp,
        Way::Udp | Way::TurnUdp | Way::Turns => Transport::Udp,
    };
    at(path.candidate, transport)
}

fn at(address: SocketAddr, transport: Transport) -> Place {
    Place { host: None, address: Some(address.ip()), transport, port: address.port() }
}

fn of_relay(call: &Call<'_>, relay: &RelayFacts) -> Place {
    let urls = call.session().map_or(&[][..], |it| &it.ice_servers);
    let parts = urls.get(relay.url).and_then(|url| url.parts.as_ref());
    let host = parts.and_then(|parts| parts.host.parse().ok());
    Place {
        host: host.filter(|_| relay.way == Way::Turns),
        address: relay.server.map(|server| server.ip()),
        transport: match relay.way {
            Way::Turns | Way::IceTcp => Transport::Tcp,
            Way::TurnUdp | Way::Udp => Transport::Udp,
        },
        port: parts.map_or_else(|| relay.server.map_or(0, |it| it.port()), |parts| parts.port),
    }
}

/// Whether `found`, of a rule that demands this, is the cause that is looked for.
fn is_it(demand: &Demand, found: &Finding, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Of(is_meant) => {
            is_meant(demand) && (found.is_violation() || found.blocked_by.is_some())
        }
        Wanted::OnTheWay(place) => {
            let is_meant = match place.address {
                Some(_) => is_on_the_way(demand),
                None => *demand == Demand::NameResolves,
            };
            is_meant && found.is_violation() && concerns(&found.target, place)
        }
        Wanted::Closed(place) => {
            let is_closed = match demand {
                Demand::PortRow(_) => found.verdict == Verdict::Fail(FailConfidence::Proven),
                Demand::AnswersBinding | Demand::ChallengesAllocate => found.is_violation(),
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
fn concerns(target: &Target, place: &Place) -> bool {
    let host = target.host.is_none() || target.host == place.host;
    let address =
        target.address.is_none() || place.address.is_none() || target.address == place.address;
    let transport = target.transport.is_none_or(|it| it == place.transport);
    let port = Port::new(place.port);
    let port = target.port.is_none_or(|range| port.is_some_and(|it| range.contains(it)));
    host && address && transport && port
}

/// Lets a finding follow from its cause.
fn follow(finding: &mut Finding, cause: Cause) {
    let root = cause.rule;
    // What is worse than its cause stands for itself.
    let is_milder = cause.severity.is_some_and(|it| it < finding.severity);
    if finding.is_violation() && is_milder {
        finding.because = vec![root];
        return;
    }
    let why = format!("not judged: {root} did not pass");
    finding.observed = if finding.observed.starts_with("not judged") {
        why
    } else {
        format!("{why}\n{}", finding.observed)
    };
    finding.verdict = Verdict::Inconclusive(cause.kind);
    finding.reason = ReasonCode::Blocked;
    finding.blocked_by = Some(root);
    (finding.means, finding.remedy) = (None, None);
    finding.evidence = cause.evidence;
}
