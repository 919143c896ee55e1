//! What a call meets, and the violation further down that is its cause: one cause is one violation.

use std::net::{IpAddr, SocketAddr};

use super::super::{Case, rule_of};
use crate::model::facts::{CallFacts, Facts, PathFacts, RelayFacts, Way};
use crate::model::name::DomainName;
use crate::model::observation::Outcome;
use crate::model::port::{Port, Transport};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::report::Finding;
use crate::model::rule::{Demand, RuleId};
use crate::model::target::Target;
use crate::model::verdict::{FailConfidence, InconclusiveKind, Verdict};

/// Somewhere a call goes.
#[derive(Debug, Clone)]
struct Place {
    host: Option<DomainName>,
    address: Option<IpAddr>,
    transport: Transport,
    port: u16,
}

/// Where to look for the cause of a finding.
enum Cause {
    /// What has to hold on the way to a service behind a name, there.
    OnTheWay(Place),
    /// A port that is proven to be closed.
    Closed(Place),
    /// Another rule of the call.
    Of(fn(&Demand) -> bool),
}

/// Names the causes of findings of a call, as far as other rules found them.
pub(in super::super) fn name_causes(case: &Case<'_>, findings: &mut [Option<Finding>]) {
    let call = case.observations.iter().find_map(|observation| {
        match (&observation.spec, &observation.outcome) {
            (ProbeSpec::Call(_), Outcome::Saw(Facts::Call(facts))) => Some(facts.as_ref()),
            _ => None,
        }
    });
    // A cause may have a cause of its own: nobody waits longer than for all.
    for _ in 0..findings.len() {
        let found = (0..findings.len()).find_map(|index| {
            let cause = cause(case, call, findings, index)?;
            Some((index, cause))
        });
        let Some((index, cause)) = found else {
            return;
        };
        let Some(cause) = findings[cause].clone() else {
            return;
        };
        if let Some(finding) = &mut findings[index] {
            follow(finding, &cause);
        }
    }
}

/// The finding that this one follows from and does not name yet.
fn cause(
    case: &Case<'_>,
    call: Option<&CallFacts>,
    findings: &[Option<Finding>],
    index: usize,
) -> Option<usize> {
    let finding = findings[index].as_ref()?;
    let rule = rule_of(case, &case.plan.checks[index]);
    let by_id = |id: &RuleId| {
        let of_rule = |other: &Option<Finding>| other.as_ref().is_some_and(|it| it.rule == *id);
        findings.iter().position(of_rule)
    };
    // What waits for a rule that has a cause itself waits for that.
    if let Some(blocker) = &finding.blocked_by {
        let blocker = by_id(blocker).filter(|_| rule.demand.is_of_call())?;
        let of_blocker = findings[blocker].as_ref()?.blocked_by.as_ref()?;
        return by_id(of_blocker);
    }
    let is_open = finding.is_violation()
        || matches!(
            finding.reason,
            ReasonCode::Blocked | ReasonCode::MediaSilent
        )
        || (rule.demand == Demand::JoinAccepted && finding.reason == ReasonCode::Blind);
    let is_settled = matches!(finding.verdict, Verdict::Pass(_) | Verdict::NotApplicable);
    if !is_open || is_settled || !finding.because.is_empty() {
        return None;
    }
    let wanted = wanted(case, call, finding, &rule.demand);
    wanted.iter().find_map(|wanted| {
        let mut all = findings.iter().enumerate();
        all.find(|(other, found)| {
            let found = found.as_ref();
            *other != index && found.is_some_and(|found| is_it(case, *other, found, wanted))
        })
        .map(|(other, _)| other)
    })
}

/// Where to look for the cause of a finding, the nearest first.
fn wanted(
    case: &Case<'_>,
    call: Option<&CallFacts>,
    finding: &Finding,
    demand: &Demand,
) -> Vec<Cause> {
    let is_path = |way: Way| matches!(demand, Demand::MediaPath(of) if *of == way);
    match (demand, finding.reason) {
        (Demand::JoinAccepted, reason) => to_the_api(case, call, reason),
        (Demand::MediaPath(_), ReasonCode::CandidateWrong | ReasonCode::CandidateMissing)
        | (Demand::RelayCarriesMedia, ReasonCode::PeerRefused | ReasonCode::RelaySilent) => {
            vec![Cause::Of(|it| *it == Demand::CandidatesAgree)]
        }
        (Demand::MediaPath(_), ReasonCode::IceServerMissing) => {
            vec![Cause::Of(|it| *it == Demand::IceServersAgree)]
        }
        (Demand::MediaPath(_), ReasonCode::TurnCredentialsRefused | ReasonCode::TurnQuota) => {
            vec![Cause::Of(|it| *it == Demand::AllocationGranted)]
        }
        (Demand::MediaPath(_), ReasonCode::PeerRefused | ReasonCode::RelaySilent) => {
            vec![Cause::Of(|it| *it == Demand::RelayCarriesMedia)]
        }
        (Demand::MediaPath(Way::Udp | Way::IceTcp), _) => {
            let paths = call.iter().flat_map(|call| &call.paths);
            paths
                .filter(|path| is_path(path.way))
                .map(|path| Cause::Closed(of_path(path)))
                .collect()
        }
        (Demand::MediaPath(Way::TurnUdp | Way::Turns), _) => {
            let relays = call.iter().flat_map(|call| {
                let relays = call.relays.iter().filter(|relay| is_path(relay.way));
                relays.map(|relay| of_relay(call, relay))
            });
            let causes = relays.map(|place| match place.transport {
                Transport::Udp => Cause::Closed(place),
                Transport::Tcp => Cause::OnTheWay(place),
            });
            let mut causes: Vec<Cause> = causes.collect();
            if finding.reason == ReasonCode::StunBadResponse {
                causes.push(Cause::Of(|it| *it == Demand::AllocationGranted));
            }
            causes.push(Cause::Of(|it| *it == Demand::IceServersAgree));
            causes
        }
        // Nothing shows that the session is alive, because the way that the policy leaves is broken.
        (Demand::MediaPathsOnly(_) | Demand::NotPunchedOut, ReasonCode::MediaSilent) => vec![
            Cause::Of(|it| *it == Demand::RelayCarriesMedia),
            Cause::Of(|it| *it == Demand::MediaPath(Way::Turns)),
            Cause::Of(|it| *it == Demand::MediaPath(Way::TurnUdp)),
        ],
        (Demand::PortRow(_) | Demand::PortOpen, ReasonCode::MediaSilent) => {
            vec![match finding.target.transport {
                Some(Transport::Tcp) => Cause::Of(|it| *it == Demand::MediaPath(Way::IceTcp)),
                Some(Transport::Udp) | None => Cause::Of(|it| *it == Demand::MediaPath(Way::Udp)),
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
            Cause::Of(|it| *it == Demand::IceServersAgree),
            Cause::Of(|it| *it == Demand::AllocationGranted),
            Cause::Of(|it| *it == Demand::RelayCarriesMedia),
            Cause::Of(|it| *it == Demand::MediaPath(Way::Turns)),
            Cause::Of(|it| *it == Demand::MediaPath(Way::TurnUdp)),
            Cause::Of(|it| *it == Demand::CandidatesAgree),
            Cause::Of(|it| *it == Demand::MediaPath(Way::Udp)),
        ],
        _ => Vec::new(),
    }
}

/// What stands between us and an answer of LiveKit's; nothing, when the answer is its own.
fn to_the_api(case: &Case<'_>, call: Option<&CallFacts>, reason: ReasonCode) -> Vec<Cause> {
    match reason {
        ReasonCode::SecretWrong
        | ReasonCode::KeyUnknown
        | ReasonCode::TokenRefused
        | ReasonCode::TokenExpired
        | ReasonCode::TokenLacksRights
        | ReasonCode::RoomRefused => return Vec::new(),
        ReasonCode::ClockDiffers => {
            return vec![Cause::Of(|it| matches!(it, Demand::ClockAgrees { .. }))];
        }
        _ => {}
    }
    let spec = case
        .observations
        .iter()
        .find_map(|observation| match &observation.spec {
            ProbeSpec::Call(spec) => Some(spec),
            _ => None,
        });
    let place = spec.map(|spec| Place {
        host: Some(spec.host.clone()),
        address: call.and_then(|call| call.signal.address),
        transport: Transport::Tcp,
        port: spec.port.number(),
    });
    place.map(Cause::OnTheWay).into_iter().collect()
}

fn of_path(path: &PathFacts) -> Place {
    let transport = match path.way {
        Way::IceTcp => Transport::Tcp,
        Way::Udp | Way::TurnUdp | Way::Turns => Transport::Udp,
    };
    at(path.candidate, transport)
}

fn at(address: SocketAddr, transport: Transport) -> Place {
    Place {
        host: None,
        address: Some(address.ip()),
        transport,
        port: address.port(),
    }
}

fn of_relay(call: &CallFacts, relay: &RelayFacts) -> Place {
    let urls = call
        .session
        .as_ref()
        .map_or(&[][..], |session| &session.ice_servers);
    let parts = urls.get(relay.url).and_then(|url| url.parts.as_ref());
    let host = parts.and_then(|parts| parts.host.parse().ok());
    Place {
        host: host.filter(|_| relay.way == Way::Turns),
        address: relay.server.map(|server| server.ip()),
        transport: match relay.way {
            Way::Turns | Way::IceTcp => Transport::Tcp,
            Way::TurnUdp | Way::Udp => Transport::Udp,
        },
        port: parts.map_or_else(
            || relay.server.map_or(0, |it| it.port()),
            |parts| parts.port,
        ),
    }
}

/// Whether `found` is the cause that is looked for.
fn is_it(case: &Case<'_>, index: usize, found: &Finding, wanted: &Cause) -> bool {
    let demand = &rule_of(case, &case.plan.checks[index]).demand;
    match wanted {
        Cause::Of(is_meant) => {
            is_meant(demand) && (found.is_violation() || found.blocked_by.is_some())
        }
        Cause::OnTheWay(place) => {
            found.is_violation() && is_on_the_way(demand) && concerns(&found.target, place)
        }
        Cause::Closed(place) => {
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
    let port = target
        .port
        .is_none_or(|range| port.is_some_and(|it| range.contains(it)));
    host && address && transport && port
}

/// Lets a finding follow from its cause.
fn follow(finding: &mut Finding, cause: &Finding) {
    let root = cause.blocked_by.as_ref().unwrap_or(&cause.rule).clone();
    // What is worse than its cause stands for itself.
    if finding.is_violation() && cause.severity < finding.severity {
        finding.because = vec![root];
        return;
    }
    let kind = match cause.verdict {
        Verdict::Inconclusive(kind) => kind,
        Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => InconclusiveKind::Unsettled,
    };
    finding.observed = match finding.blocked_by {
        None if !finding.observed.starts_with("not judged") => {
            format!("not judged: {root} did not pass\n{}", finding.observed)
        }
        _ => format!("not judged: {root} did not pass"),
    };
    finding.verdict = Verdict::Inconclusive(kind);
    finding.reason = ReasonCode::Blocked;
    finding.blocked_by = Some(root);
    (finding.means, finding.remedy) = (None, None);
    finding.evidence = cause.evidence.clone();
}
