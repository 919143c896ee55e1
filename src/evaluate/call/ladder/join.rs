//! How far the join came.

use super::super::super::{Case, reasons, speakers};
use super::super::made::{CallAttempt, MadeCall};
use super::Reading;
use super::{certificate, door};
use crate::model::call::{Certainty, Responsible, State, Step, Stop};
use crate::model::face::{Intention, Ownership};
use crate::model::facts::{
    DnsAnswer, DnsFacts, Facts, HttpAnswer, HttpResponse, JoinAnswer, LivekitRefusal, LivekitReply,
    SignalFacts, TokenLife,
};
use crate::model::name::DomainName;
use crate::model::observation::{Blindness, Outcome, ProxyRefusal};
use crate::model::probe::ProbeSpec;
use crate::model::reason::ReasonCode;
use crate::model::seen::{CallDoubt, CallUnknown, ClockShown, DoorSeen, JoinSeen, JoinSpeaker};
use crate::model::target::Family;
use crate::model::timestamp::Timestamp;
use crate::proto::livekit::refusal::{self, is_behind_head};

/// What LiveKit forgives when it reads "not before" and "expires" of a token, in seconds.
const LEEWAY_S: i64 = 60;

/// The life of the tokens that ovcheck makes, in seconds: one that has expired a moment after it
/// was made was judged by another clock.
const LIFE_S: i64 = 600;

/// How far the join came.
pub(in super::super) struct JoinRungs {
    /// Where the connection or the handshake stopped.
    pub door: Option<Stop>,
    /// Where browsers stop because of the certificate. ovcheck goes on, since other rules may judge
    /// that.
    pub certificate: Option<Stop>,
    /// What came behind it.
    pub answer: State,
}

impl JoinRungs {
    pub fn climb(call: &MadeCall<'_>) -> Self {
        let signal = &call.facts.signal;
        Self {
            door: door(call, signal),
            certificate: certificate::refused(call, signal.handshake.as_ref()),
            answer: answer(call.case, signal),
        }
    }

    /// How far a browser comes.
    pub fn state(&self) -> State {
        door::first_stop([&self.door, &self.certificate], &self.answer)
    }
}

fn door(call: &MadeCall<'_>, signal: &SignalFacts) -> Option<Stop> {
    let by_proxy = call.http_proxy().and_then(|proxy| {
        let met = door::proxy_met(proxy, &signal.connect)?;
        let (host, port) = call.api()?;
        Some(door::refused_by_proxy(&ProxyRefusal {
            host: host.to_string(),
            port,
            proxy: proxy.place.clone(),
            met,
        }))
    });
    if by_proxy.is_some() {
        return by_proxy;
    }
    let family = signal.address.map_or(Family::V4, Family::of);
    if let Some((reading, doubt)) = door::connection(call, &signal.connect, family) {
        return Some(reading.stop(door::met(&signal.connect, doubt)));
    }
    // The proxy may have spoilt what it carried.
    let doubt = call.http_proxy().map(|proxy| CallDoubt::OwnHttpProxy(proxy.place.clone()));
    let certainty = if doubt.is_some() { Certainty::Suspected } else { Certainty::Proven };
    door::handshake(signal.handshake.as_ref()?, certainty, doubt)
}

fn answer(case: &Case<'_>, signal: &SignalFacts) -> State {
    let proxy = door::behind_tls(signal.handshake.as_ref(), Responsible::DeploymentProxy);
    let stop = |reason, seen: JoinSeen| Reading::proven(Step::Join, reason, proxy).state(seen);
    // Whatever came in it: browsers did not get to see it.
    let is_open = matches!(signal.join, Some(JoinAnswer::Joined | JoinAnswer::NoJoin(_)));
    if let (true, None, Some(flaw)) = (is_open, signal.lost, &signal.flaw) {
        let seen = JoinSeen::GrantedWrongly(flaw.clone());
        return stop(ReasonCode::WebSocketInvalid, seen);
    }
    let answer = match &signal.join {
        None => return State::Unknown { why: CallUnknown::NotAsked.into() },
        Some(JoinAnswer::NotAwaited) => {
            return State::Unknown { why: CallUnknown::Blind(Blindness::DeadlineSpent).into() };
        }
        Some(JoinAnswer::Joined) => {
            return State::Works { took_ms: signal.joined_ms.unwrap_or_default() };
        }
        Some(JoinAnswer::NoJoin(first)) => {
            if let Some(fate) = signal.lost {
                let is_livekit_there = is_livekit_at(case, signal);
                let seen = JoinSeen::WebSocketLost { fate, is_livekit_there };
                return stop(ReasonCode::WebSocketLost, seen);
            }
            let seen = JoinSeen::NotLiveKitInWebSocket(first.clone());
            return stop(ReasonCode::WrongService, seen);
        }
        Some(JoinAnswer::Refused(answer)) => answer,
    };
    let met = answer.essence();
    if let Some(stop) = known_speaker(case, signal, answer) {
        return State::Stops(stop);
    }
    match answer {
        HttpAnswer::Response(response) => match (refusal::read(response), response.status) {
            (Some(why), _) => refused(case.now, signal.token, why, response),
            // LiveKit answers 404 to a request without upgrade headers.
            (None, 400 | 404 | 426) => stop(ReasonCode::WsNotUpgraded, JoinSeen::UpgradeLost(met)),
            (None, 502..=504) => stop(ReasonCode::BackendDown, JoinSeen::NothingBehind(met)),
            (None, _) => stop(ReasonCode::HttpStatus, JoinSeen::NotLiveKit(met)),
        },
        HttpAnswer::Closed | HttpAnswer::Reset | HttpAnswer::Silent => {
            stop(reasons::http_reason(answer), JoinSeen::NothingBehind(met))
        }
        HttpAnswer::NotHttp(first) if is_behind_head(first) => {
            stop(ReasonCode::WebSocketLost, JoinSeen::Beheaded(first.clone()))
        }
        HttpAnswer::Unfinished { .. } | HttpAnswer::NotHttp(_) => {
            stop(reasons::http_reason(answer), JoinSeen::NotLiveKit(met))
        }
    }
}

/// Who is known to answer so, where it is not LiveKit.
///
/// | whose the speaker is | TLS shows | whose the fault is |
/// | --- | --- | --- |
/// | the proxy's, what is behind it, a service in front | a certificate that leads to a public root | the deployment's |
/// | a network's | the same: no network of users has such a certificate | the deployment's, whose network it is |
/// | a network's | a root that only this computer trusts | this network's |
fn known_speaker(case: &Case<'_>, signal: &SignalFacts, answer: &HttpAnswer) -> Option<Stop> {
    let HttpAnswer::Response(response) = answer else {
        return None;
    };
    let face = case.ruleset.face_of(response).filter(|_| refusal::read(response).is_none())?;
    let is_outside = matches!(face.whose, Ownership::Front | Ownership::Network);
    let says_more = match response.status {
        // As LiveKit itself, it answers a request that lost its upgrade headers.
        400 | 404 | 426 => is_outside || face.says == Intention::WrongProtocol,
        // The proxy of the deployment without an answer: what is behind it is down.
        502..=504 => is_outside || face.says != Intention::NothingBehind,
        _ => true,
    };
    if !says_more {
        return None;
    }
    let deployment = match face.whose {
        Ownership::Proxy | Ownership::Backend => Responsible::DeploymentProxy,
        Ownership::Front | Ownership::Network => Responsible::Deployment,
    };
    let responsible = match door::behind_tls(signal.handshake.as_ref(), deployment) {
        Responsible::NotKnown | Responsible::OnPath if face.whose == Ownership::Network => {
            Responsible::ThisNetwork
        }
        responsible => responsible,
    };
    let seen =
        JoinSpeaker { says: face.says, answer: answer.essence(), speaker: speakers::speaker(face) };
    let seen = JoinSeen::KnownSpeaker(Box::new(seen));
    let reading = Reading::proven(Step::Join, speakers::reason(face.says), responsible);
    // What this network answers says nothing about the deployment.
    let certainty =
        if responsible.is_deployment() { Certainty::Proven } else { Certainty::CannotTell };
    Some(Reading { certainty, ..reading }.stop(seen))
}

/// Whether LiveKit answered another request at the address of the join: who does is behind it.
fn is_livekit_at(case: &Case<'_>, signal: &SignalFacts) -> bool {
    case.observations.at_target(signal.address).any(|observation| {
        let Outcome::Saw(Facts::Api(facts)) = &observation.outcome else {
            return false;
        };
        facts.handshake.is_some()
            && matches!(&facts.answer, Some(HttpAnswer::Response(response))
                if LivekitReply::NoPermissions.is_in(response)
                    || LivekitReply::Unauthenticated.is_in(response))
    })
}

/// LiveKit itself refuses.
fn refused(
    now: Timestamp,
    token: Option<TokenLife>,
    why: LivekitRefusal,
    response: &HttpResponse,
) -> State {
    use LivekitRefusal as Why;
    let clock = clock(now, token, why, response.date_ahead_s);
    let is_by_clock = matches!(clock, ClockShown::IsTheCause { .. });
    let is_old = why == Why::Expired && token.is_some_and(|token| has_expired(token, now));
    let (reason, responsible) = match (why, clock) {
        (Why::NotValidYet | Why::Expired, _) if is_by_clock => {
            (ReasonCode::ClockDiffers, Responsible::ThisComputer)
        }
        (Why::NotValidYet, ClockShown::NotTold) => {
            (ReasonCode::ClockDiffers, Responsible::ThisComputer)
        }
        // Good by the clock here: one of the two clocks is wrong, and nothing shows which.
        (Why::Expired, ClockShown::NotTold) if !is_old => {
            (ReasonCode::ClockDiffers, Responsible::ThisComputer)
        }
        (Why::WrongSecret, _) => (ReasonCode::SecretWrong, Responsible::Credentials),
        (Why::UnknownKey, _) => (ReasonCode::KeyUnknown, Responsible::Credentials),
        (Why::Expired, _) => (ReasonCode::TokenExpired, Responsible::Credentials),
        (Why::NoJoinRight | Why::NoRoomName, _) => {
            (ReasonCode::TokenLacksRights, Responsible::Credentials)
        }
        // Its own clock and that of the proxy, whose Date it may be, need not be the same.
        (Why::NotValidYet | Why::OtherToken, _) => {
            (ReasonCode::TokenRefused, Responsible::Credentials)
        }
        // Something on the way cuts the query off the URL.
        (Why::NoToken, _) => (ReasonCode::TokenRefused, Responsible::DeploymentProxy),
        (Why::NoSuchRoom | Why::RefusedByMedia, _) => {
            (ReasonCode::RoomRefused, Responsible::Deployment)
        }
    };
    let said = refusal::own_words(response);
    let seen = JoinSeen::Refused { why, clock, status: response.status, said };
    let reading = Reading::proven(Step::Join, reason, responsible);
    // What was given is old by every clock: that says nothing about the tokens of the deployment.
    let certainty = if is_old { Certainty::CannotTell } else { reading.certainty };
    Reading { certainty, ..reading }.state(seen)
}

/// Whether a token that was given has expired at this time, with what LiveKit forgives.
fn has_expired(token: TokenLife, now: Timestamp) -> bool {
    token.until.is_some_and(|until| now.seconds_since(until) > LEEWAY_S)
}

/// Whether a token that was given is not good yet at this time.
fn is_early(token: TokenLife, now: Timestamp) -> bool {
    token.from.is_some_and(|from| from.seconds_since(now) > LEEWAY_S)
}

/// Whether the clock of the server explains that it refuses a token for its time: by the clock here
/// the token is good, and by the server's it is not. One that ovcheck made is good here.
fn clock(
    now: Timestamp,
    token: Option<TokenLife>,
    why: LivekitRefusal,
    ahead_s: Option<i64>,
) -> ClockShown {
    let Some(ahead_s) = ahead_s else {
        return ClockShown::NotTold;
    };
    let there = Timestamp::from_unix_seconds(now.unix_seconds().saturating_add(ahead_s));
    let is_the_cause = match (why, token) {
        (LivekitRefusal::NotValidYet, None) => ahead_s < -LEEWAY_S,
        (LivekitRefusal::NotValidYet, Some(token)) => {
            !is_early(token, now) && is_early(token, there)
        }
        (LivekitRefusal::Expired, None) => ahead_s > LIFE_S,
        (LivekitRefusal::Expired, Some(token)) => {
            !has_expired(token, now) && has_expired(token, there)
        }
        _ => false,
    };
    match ahead_s.abs() > LEEWAY_S {
        _ if is_the_cause => ClockShown::IsTheCause { ahead_s },
        true => ClockShown::Differs { ahead_s },
        false => ClockShown::Agrees,
    }
}

/// How far the join of a probe came that could not look.
pub(in super::super) fn without_facts(attempt: &CallAttempt<'_>, why: &Blindness) -> State {
    let host = &attempt.spec.host;
    let wants_address = matches!(why, Blindness::NoAddress { host: of } if of == host.as_str());
    let dns = dns_of(attempt.case, host);
    // The kinder of two answers says more: a name without AAAA still exists.
    let kinder = dns.reduce(|one, other| if one.answer == DnsAnswer::NoData { other } else { one });
    match kinder {
        Some(facts) if wants_address => no_address(facts),
        Some(_) | None => State::Unknown { why: CallUnknown::Blind(why.clone()).into() },
    }
}

fn no_address(facts: &DnsFacts) -> State {
    let reason = match facts.answer {
        DnsAnswer::NxDomain => ReasonCode::DnsNxdomain,
        DnsAnswer::Addresses | DnsAnswer::NoData | DnsAnswer::CnameLoop => ReasonCode::DnsNoAnswer,
        DnsAnswer::ServFail => ReasonCode::DnsServfail,
        DnsAnswer::Refused | DnsAnswer::OtherCode(_) | DnsAnswer::Malformed => {
            ReasonCode::DnsRefused
        }
        DnsAnswer::Silent | DnsAnswer::Unreachable => ReasonCode::DnsTimeout,
    };
    let seen = DoorSeen::NoAddress { answer: Some(facts.answer), server: Some(facts.server) };
    Reading::cannot_tell(Step::Dns, reason).state(seen)
}

/// What the DNS said of a name.
pub(super) fn dns_of<'a>(
    case: &'a Case<'_>,
    asked: &DomainName,
) -> impl Iterator<Item = &'a DnsFacts> {
    case.observations.elsewhere().filter_map(move |observation| {
        match (&observation.spec, &observation.outcome) {
            (ProbeSpec::Dns { name, .. }, Outcome::Saw(Facts::Dns(facts))) if name == asked => {
                Some(facts)
            }
            _ => None,
        }
    })
}
