//! How far the ways through a TURN server came.

use std::net::SocketAddr;

use super::super::super::reasons;
use super::super::candidates::is_reachable;
use super::super::made::MadeCall;
use super::media::{BlockedDtls, answered};
use super::{Reading, certificate, door, join};
use crate::model::call::{Certainty, Responsible, State, Step, Stop};
use crate::model::facts::{
    DnsAnswer, Handshake, IceCheck, IceUrl, NotSent, PathFacts, PeerKind, RelayFacts, StunAnswer,
    Way,
};
use crate::model::name::DomainName;
use crate::model::named::Forbidden;
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::seen::{
    AllocationRefusal, CallDoubt, CallUnknown, DoorSeen, RelayControl, RelaySeen,
};
use crate::model::target::Family;

/// How far the way through one TURN server came.
pub(in super::super) struct RelayRungs<'a> {
    pub relay: &'a RelayFacts,
    pub url: Option<&'a IceUrl>,
    /// The checks through it.
    pub paths: Vec<&'a PathFacts>,
    /// Where the connection or the handshake stopped.
    pub door: Option<Stop>,
    /// Where browsers stop because of the certificate. ovcheck goes on, since other rules judge the
    /// TURN server behind it.
    pub certificate: Option<Stop>,
    /// What kept it from granting a relay; `None`: it granted one.
    pub allocation: Option<State>,
    /// How far checks through it came.
    pub media: State,
    /// How far a browser comes.
    pub state: State,
}

impl<'a> RelayRungs<'a> {
    pub(super) fn climb(
        call: &MadeCall<'a>,
        index: usize,
        relay: &'a RelayFacts,
        dtls: &[BlockedDtls<'_>],
    ) -> Self {
        let paths: Vec<&'a PathFacts> =
            call.facts.paths.iter().filter(|path| path.relay == Some(index)).collect();
        let door = door(call, relay);
        let certificate = certificate::refused(call, relay.handshake.as_ref());
        let allocation = allocation(call, relay, &paths);
        let media = media(call, relay, &paths);
        let behind = allocation.clone().unwrap_or_else(|| with_dtls(&media, &paths, dtls));
        let state = door::first_stop([&door, &certificate], &behind);
        Self { relay, url: call.url(relay), paths, door, certificate, allocation, media, state }
    }

    /// Whether a relay was granted.
    pub fn is_granted(&self) -> bool {
        self.allocation.is_none()
    }

    /// Why it grants no relay although it is a TURN server.
    pub fn refusal(&self) -> Option<&Stop> {
        let is_turn = self.relay.allocate.as_ref().is_some_and(StunAnswer::is_stun);
        self.allocation.as_ref().filter(|_| is_turn)?.stop()
    }
}

fn door(call: &MadeCall<'_>, relay: &RelayFacts) -> Option<Stop> {
    let connect = relay.connect.as_ref()?;
    if let Some((reading, doubt)) = door::connection(call, connect, family(relay)) {
        return Some(reading.stop(door::met(connect, doubt)));
    }
    // Through a proxy of this network a relay says nothing, while the join through the same proxy
    // may have worked.
    let doubt = call.http_proxy().map(|proxy| CallDoubt::OwnHttpProxy(proxy.place.clone()));
    let certainty = if doubt.is_some() { Certainty::CannotTell } else { Certainty::Proven };
    let stop = door::handshake(relay.handshake.as_ref()?, certainty, doubt)?;
    let responsible = match stop.responsible {
        Responsible::NotKnown if is_other_name_only(call, relay) => Responsible::DeploymentOrPath,
        responsible => responsible,
    };
    Some(Stop { responsible, ..stop })
}

/// Whether the API's TLS completed at the same address and port, so that only the name asked for is
/// another. Most likely the proxy does not know it; a filter by name is rarer.
fn is_other_name_only(call: &MadeCall<'_>, relay: &RelayFacts) -> bool {
    let signal = &call.facts.signal;
    let port = call.api().map(|(_, port)| port.number());
    let is_same = relay
        .server
        .is_some_and(|server| Some(server.ip()) == signal.address && Some(server.port()) == port);
    is_same && matches!(signal.handshake, Some(Handshake::Completed(_)))
}

fn family(relay: &RelayFacts) -> Family {
    relay.server.map_or(Family::V4, |server| Family::of(server.ip()))
}

/// What kept a TURN server from granting a relay.
fn allocation(call: &MadeCall<'_>, relay: &RelayFacts, paths: &[&PathFacts]) -> Option<State> {
    let answer = match &relay.allocate {
        None => return Some(not_asked(call, relay, paths)),
        Some(StunAnswer::Success { .. }) if relay.relayed.is_some() => return None,
        Some(answer) => answer,
    };
    if !answer.is_stun() {
        return Some(no_turn(call, relay, answer));
    }
    let (reason, why) = match answer {
        StunAnswer::Success { .. } => (ReasonCode::StunBadResponse, AllocationRefusal::NoAddress),
        // RFC 8489 §9.2.5 and RFC 8656 §7.2: all about the credentials, or their nonce.
        StunAnswer::Error { code: 400 | 401 | 403 | 438 | 441, .. } => {
            (ReasonCode::TurnCredentialsRefused, AllocationRefusal::Credentials)
        }
        StunAnswer::Error { code: 486, .. } => {
            (ReasonCode::TurnQuota, AllocationRefusal::QuotaOfParticipant)
        }
        StunAnswer::Error { code: 508, .. } => {
            (ReasonCode::TurnQuota, AllocationRefusal::QuotaOfServer)
        }
        StunAnswer::NotSigned { .. } => (ReasonCode::TurnNotSigned, AllocationRefusal::NotSigned),
        _ => (ReasonCode::StunBadResponse, AllocationRefusal::Other),
    };
    let seen = RelaySeen::Refused { why, answer: answer.clone() };
    let reading = Reading::proven(Step::Allocation, reason, Responsible::Deployment);
    Some(match answer {
        // Whoever stands on the way can send it.
        StunAnswer::NotSigned { .. } => {
            let responsible = Responsible::DeploymentOrPath;
            Reading { certainty: Certainty::Suspected, responsible, ..reading }.state(seen)
        }
        _ => reading.state(seen),
    })
}

/// It did not come to a request, although nothing refused one.
fn not_asked(call: &MadeCall<'_>, relay: &RelayFacts, paths: &[&PathFacts]) -> State {
    let of_paths = paths.iter().filter_map(|path| match &path.check {
        IceCheck::NotSent(why) => Some(why),
        _ => None,
    });
    let trouble = relay.blocked.iter().chain(of_paths).find_map(|why| match why {
        NotSent::OwnProxy(refusal) => Some(State::Stops(door::refused_by_proxy(refusal))),
        NotSent::Local(why) => Some(State::Unknown { why: CallUnknown::Blind(why.clone()).into() }),
        NotSent::ForbiddenAddress(why) if relay.blocked.is_some() => {
            Some(not_dialled(call, relay, *why))
        }
        NotSent::ForbiddenAddress(_)
        | NotSent::NoConnection
        | NotSent::NoRelay
        | NotSent::NoPermission => None,
    });
    trouble.unwrap_or_else(|| match relay.server {
        Some(_) => State::Unknown { why: CallUnknown::EndlessChallenges.into() },
        None => without_address(call, relay),
    })
}

/// A TURN server at a place to which ovcheck does not go.
fn not_dialled(call: &MadeCall<'_>, relay: &RelayFacts, why: Forbidden) -> State {
    let parts = call.url(relay).and_then(|url| url.parts.as_ref());
    let address = parts.and_then(|parts| parts.host.parse().ok());
    if !call.is_of_no_use(why, address) {
        return State::Unknown { why: CallUnknown::NotDialled(why).into() };
    }
    let reason = ReasonCode::IceServerWrong;
    let reading = Reading::proven(Step::Address, reason, Responsible::Deployment);
    reading.state(DoorSeen::ForbiddenAddress(Some(why)))
}

/// A TURN server without an address to ask.
fn without_address(call: &MadeCall<'_>, relay: &RelayFacts) -> State {
    let host = call.url(relay).and_then(|url| url.parts.as_ref()).map(|parts| &parts.host);
    let name = host.and_then(|host| host.parse::<DomainName>().ok());
    // An HTTP proxy asks other DNS servers.
    let name = name.filter(|_| call.http_proxy().is_none());
    let answers: Vec<DnsAnswer> = name
        .iter()
        .flat_map(|name| join::dns_of(call.case, name))
        .map(|facts| facts.answer)
        .collect();
    let is_empty = |answer: &DnsAnswer| matches!(answer, DnsAnswer::NoData | DnsAnswer::CnameLoop);
    // The server names it, and the DNS does not know it; a DNS server of this network may be told to
    // say so.
    let proven = |reason, answer| {
        let reading = Reading::proven(Step::Dns, reason, Responsible::DeploymentOrPath);
        reading.state(DoorSeen::NoAddress { answer: Some(answer), server: None })
    };
    if answers.contains(&DnsAnswer::NxDomain) {
        proven(ReasonCode::DnsNxdomain, DnsAnswer::NxDomain)
    } else if answers.len() == Family::BOTH.len() && answers.iter().all(is_empty) {
        proven(ReasonCode::DnsNoAnswer, DnsAnswer::NoData)
    } else {
        let seen = DoorSeen::NoAddress { answer: None, server: None };
        Reading::cannot_tell(Step::Dns, ReasonCode::DnsNoAnswer).state(seen)
    }
}

/// Something else than a TURN server, or nothing.
fn no_turn(call: &MadeCall<'_>, relay: &RelayFacts, answer: &StunAnswer) -> State {
    let at = Step::Allocation;
    let over_udp = relay.way == Way::TurnUdp;
    let reason = match answer {
        StunAnswer::Silent if !over_udp => ReasonCode::BackendSilent,
        _ => reasons::stun_reason(answer),
    };
    let responsible = match answer {
        // A datagram may be lost anywhere; something that answers it was reached.
        StunAnswer::Silent if over_udp => Responsible::NotKnown,
        _ if over_udp => Responsible::Deployment,
        _ => door::behind_tls(relay.handshake.as_ref(), Responsible::Deployment),
    };
    let is_deaf = *answer == StunAnswer::Silent && over_udp && !call.case.sees_udp(family(relay));
    let reading = match answer {
        _ if is_deaf => Reading::cannot_tell(at, reason),
        StunAnswer::Icmp(error) => Reading::of_icmp(call, at, reason, error),
        _ => Reading::proven(at, reason, responsible),
    };
    let doubt = is_deaf.then(|| door::nothing_else(family(relay), Transport::Udp));
    reading.state(RelaySeen::NotTurn { answer: answer.clone(), over_tls: !over_udp, doubt })
}

/// How far the checks through a relay came.
fn media(call: &MadeCall<'_>, relay: &RelayFacts, paths: &[&PathFacts]) -> State {
    if let Some(quickest) = quickest(paths.iter().copied()) {
        return quickest;
    }
    if paths.is_empty() {
        return State::Unknown { why: RelaySeen::NothingToSendTo.into() };
    }
    if let Some(refused) = refused_peer(call, relay, paths) {
        return refused;
    }
    let reason = ReasonCode::RelaySilent;
    if !paths.iter().any(|path| path.check == IceCheck::Silent) {
        let met = paths.iter().map(|path| call.checked(path)).collect();
        return Reading::cannot_tell(Step::Check, reason).state(RelaySeen::Unanswered(met));
    }
    let control = control(relay);
    let (certainty, doubt) = match (call.is_live(), control) {
        _ if !paths.iter().any(|path| call.is_in_time(path)) => {
            (Certainty::CannotTell, Some(CallDoubt::TooLate))
        }
        (true, _) => (Certainty::Proven, None),
        // Something came back through the relay, so that it is not all that is silent.
        (false, Some(RelayControl::Answers)) => (Certainty::Suspected, None),
        (false, Some(RelayControl::Silent) | None) => {
            (Certainty::CannotTell, Some(CallDoubt::DeadSession))
        }
    };
    let ports: Vec<SocketAddr> = paths.iter().map(|path| path.candidate).collect();
    let proof = call.proof().filter(|_| doubt.is_none());
    let control = control.filter(|control| match control {
        RelayControl::Answers => true,
        RelayControl::Silent => sends_to_any_port(call),
    });
    // What a relay sends stays in the network of the deployment.
    let reading =
        Reading { certainty, ..Reading::proven(Step::Check, reason, Responsible::Deployment) };
    reading.state(RelaySeen::Silent { ports, control, proof, doubt })
}

/// Whether the relays of this server send to every port of their machine, so that silence of the
/// control tells something. From OpenVidu 3.6 (LiveKit 1.9.8) on, and in LiveKit itself from 1.13.10
/// on, they send to media ports only. What the server says it is counts, not what was declared.
fn sends_to_any_port(call: &MadeCall<'_>) -> bool {
    const MEDIA_PORTS_ONLY_FROM: (u32, u32, u32) = (1, 9, 8);
    let version = call.session().and_then(|session| numbers(session.server_version.unquoted()));
    version.is_some_and(|version| version < MEDIA_PORTS_ONLY_FROM)
}

/// `1.8.4`, with or without a `v` before it and words behind it.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.trim().trim_start_matches('v').split(['.', '-', '+', ' ']);
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?, next()?))
}

fn control(relay: &RelayFacts) -> Option<RelayControl> {
    let is_answered = relay.control.as_ref()?.is_answered();
    Some(if is_answered { RelayControl::Answers } else { RelayControl::Silent })
}

/// The relay is not permitted to send to the server's own candidates.
fn refused_peer(call: &MadeCall<'_>, relay: &RelayFacts, paths: &[&PathFacts]) -> Option<State> {
    let is_refused = |path: &&&PathFacts| path.check == IceCheck::NotSent(NotSent::NoPermission);
    let peer = paths.iter().find(is_refused)?.candidate.ip();
    let mut permissions = relay.permissions.iter();
    let permission = permissions.find(|it| it.peer == peer && it.why == PeerKind::Candidate);
    let seen = RelaySeen::PeerRefused {
        peer,
        answer: permission.map(|permission| permission.answer.clone()),
        is_private: !is_reachable(call, peer),
    };
    let reason = ReasonCode::PeerRefused;
    Some(Reading::proven(Step::Permission, reason, Responsible::Deployment).state(seen))
}

/// What a browser has of media through a relay: the best path on which DTLS is not known to fail.
fn with_dtls(media: &State, paths: &[&PathFacts], dtls: &[BlockedDtls<'_>]) -> State {
    let blocked = |path: &PathFacts| dtls.iter().find(|blocked| std::ptr::eq(blocked.path, path));
    let passing = paths.iter().copied().filter(|path| blocked(path).is_none());
    match (media, quickest(passing)) {
        (State::Works { .. }, Some(works)) => works,
        (State::Works { .. }, None) => {
            let mut stops = paths.iter().filter_map(|path| blocked(path));
            stops.next().map_or(media.clone(), |blocked| State::Stops(blocked.stop.clone()))
        }
        _ => media.clone(),
    }
}

fn quickest<'a>(paths: impl Iterator<Item = &'a PathFacts>) -> Option<State> {
    let answered = paths.filter(|path| path.check.is_answered()).map(answered);
    answered.min_by_key(|state| match state {
        State::Works { took_ms } => *took_ms,
        State::Stops(_) | State::NotOffered | State::Unknown { .. } => u64::MAX,
    })
}
