//! Which service answered, what answers behind a port that should be closed, and the demand that
//! Redis, MongoDB and MinIO want a password.

use std::net::IpAddr;

use super::judgement::{Judged, Judgement, Place};
use super::reach::{connections, is_its_firewall};
use super::view::View;
use crate::model::deployment::RtcEngine;
use crate::model::facts::{
    BucketAccess, BucketReply, Connect, Facts, FirstBytes, Handshake, HttpAnswer, HttpResponse,
    Likeness, Loss, MongoLogin, RedisAnswer, RtmpAnswer, ServiceAnswer, StunAnswer, TurnFacts,
};
use crate::model::name::BucketName;
use crate::model::observation::{Observation, Outcome};
use crate::model::probe::{Carrier, ProbeSpec, ServiceAsk};
use crate::model::reason::ReasonCode;
use crate::model::rule::Service;
use crate::model::seen::{Exposure, PortReply, PortSeen, ServiceReply, ServiceSeen};
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;

/// Whether the question that is asked of a service tells whether it is there.
pub(super) fn can_be_told(view: &View<'_>, service: Service) -> bool {
    // Which of them listens on the port of WebRTC over TCP depends on the engine; what is asked
    // there is asked of pion.
    service != Service::IceTcp || view.case.deployment.rtc_engine == RtcEngine::Pion
}

/// What came back for the question to a service, and whether it is the service that answered;
/// `None` when nothing was asked.
pub(super) fn reply<'a>(
    mut observations: impl Iterator<Item = &'a Observation>,
    service: Service,
) -> Option<(Likeness, ServiceReply)> {
    let reply = observations.find_map(|observation| match &observation.outcome {
        Outcome::Saw(facts) => reply_in(facts),
        Outcome::Blind(_) => None,
    })?;
    Some((likeness(&reply, service), reply.essence()))
}

/// Whether a service of OpenVidu's machine answered behind the proxy's TLS, at one of its addresses
/// or at any.
pub(super) fn works_through_proxy(view: &View<'_>, service: Service, at: Option<IpAddr>) -> bool {
    let mut there: Box<dyn Iterator<Item = &Observation>> = match at {
        Some(address) => Box::new(view.case.observations.at(address)),
        None => Box::new(view.case.observations.iter()),
    };
    there.any(|observation| {
        matches!(asked(&observation.spec), Some((Carrier::Tls(_), asked)) if asked == service)
            && is_answer_of(observation, service)
    })
}

/// Whether TLS completes at this address whenever a service is asked for there, and never a word comes
/// from behind it.
pub(super) fn is_lost_behind_proxy(view: &View<'_>, service: Service, at: IpAddr) -> bool {
    let is_question = |it: &&Observation| matches!(asked(&it.spec), Some((Carrier::Tls(_), asked)) if asked == service);
    let mut questions = view.case.observations.at(at).filter(is_question).peekable();
    questions.peek().is_some() && questions.all(is_lost_behind_tls)
}

fn is_lost_behind_tls(observation: &Observation) -> bool {
    let Outcome::Saw(facts) = &observation.outcome else {
        return false;
    };
    let handshake = match facts {
        Facts::Api(facts) => &facts.handshake,
        Facts::Turn(facts) => &facts.handshake,
        Facts::Rtmp(facts) => &facts.handshake,
        _ => return false,
    };
    let is_gateway_error = matches!(facts, Facts::Api(facts)
        if matches!(&facts.answer, Some(HttpAnswer::Response(response)) if response.is_of_gateway()));
    matches!(handshake, Some(Handshake::Completed(_)))
        && (is_gateway_error || facts.loss() == Some(Loss::Behind))
}

/// Whether a probe asks for a service of OpenVidu's machine in this way.
pub(super) fn is_question_to(spec: &ProbeSpec, service: Service, over: &Carrier) -> bool {
    asked(spec) == Some((over, service))
}

/// Which of the services behind the proxy a probe asks for, and over what.
fn asked(spec: &ProbeSpec) -> Option<(&Carrier, Service)> {
    match spec {
        ProbeSpec::Api { over, .. } => Some((over, Service::LivekitApi)),
        ProbeSpec::Turn { over, .. } => Some((over, Service::TurnTcp)),
        ProbeSpec::Rtmp { over, .. } => Some((over, Service::Rtmp)),
        _ => None,
    }
}

/// Whether it is this service that answered.
pub(super) fn is_answer_of(observation: &Observation, service: Service) -> bool {
    matches!(reply(std::iter::once(observation), service), Some((Likeness::Is, _)))
}

/// Whether a service of OpenVidu's machine answered what a probe asks for, in words of its own.
pub(super) fn is_answer_of_deployment(observation: &Observation) -> bool {
    asked(&observation.spec).is_some_and(|(_, service)| is_answer_of(observation, service))
}

/// Whether a request that was not answered is answered behind a PROXY protocol header.
pub(super) fn answers_behind_proxy_header<'a>(
    mut observations: impl Iterator<Item = &'a Observation>,
) -> bool {
    observations.any(|observation| {
        let otherwise = match &observation.outcome {
            Outcome::Saw(Facts::Api(facts)) => facts.otherwise,
            Outcome::Saw(Facts::Turn(facts)) => facts.otherwise,
            Outcome::Saw(_) | Outcome::Blind(_) => None,
        };
        otherwise.is_some_and(|otherwise| otherwise.behind_proxy_header)
    })
}

fn reply_in(facts: &Facts) -> Option<ServiceReply> {
    match facts {
        Facts::Api(facts) => facts.answer.clone().map(ServiceReply::Http),
        Facts::Turn(facts) => match (&facts.binding, &facts.instead) {
            (Some(StunAnswer::Silent), Some(HttpAnswer::Response(response))) => {
                Some(ServiceReply::Http(HttpAnswer::Response(response.clone())))
            }
            (binding, _) => binding.clone().map(ServiceReply::Stun),
        },
        Facts::Rtmp(facts) => facts.answer.clone().map(ServiceReply::Rtmp),
        Facts::Service(facts) => facts.answer.clone().map(ServiceReply::Other),
        Facts::Dns(_)
        | Facts::Authority(_)
        | Facts::Tcp(_)
        | Facts::Http(_)
        | Facts::Tls(_)
        | Facts::Browser(_)
        | Facts::Hold(_)
        | Facts::Udp(_)
        | Facts::Echo(_)
        | Facts::Responder(_)
        | Facts::Host(_)
        | Facts::ProxyConfiguration(_)
        | Facts::OpenviduConfiguration(_)
        | Facts::Call(_) => None,
    }
}

fn likeness(reply: &ServiceReply, service: Service) -> Likeness {
    match reply {
        ServiceReply::Http(answer) => of_http(answer, service),
        ServiceReply::Stun(answer) => match answer {
            StunAnswer::Success { .. } => Likeness::Is,
            // A STUN server, which may be another one.
            StunAnswer::Error { .. } => Likeness::Unknown,
            StunAnswer::NotStun(_) | StunAnswer::Malformed(_) => Likeness::IsNot,
            StunAnswer::Unrelated(_) | StunAnswer::NotSigned { .. } => Likeness::Unknown,
            StunAnswer::Silent | StunAnswer::Closed | StunAnswer::Reset | StunAnswer::Icmp(_) => {
                Likeness::NoAnswer
            }
        },
        ServiceReply::Rtmp(answer) => match answer {
            RtmpAnswer::Completed => Likeness::Is,
            RtmpAnswer::WrongEcho => Likeness::Unknown,
            RtmpAnswer::NotRtmp(_) => Likeness::IsNot,
            RtmpAnswer::Unfinished { .. }
            | RtmpAnswer::Closed
            | RtmpAnswer::Reset
            | RtmpAnswer::Silent => Likeness::NoAnswer,
        },
        ServiceReply::Other(answer) => of_service(answer, service),
    }
}

fn of_http(answer: &HttpAnswer, service: Service) -> Likeness {
    match answer {
        HttpAnswer::Response(response) => response.likeness(service),
        HttpAnswer::NotHttp(FirstBytes::Tls) => Likeness::Unknown,
        HttpAnswer::NotHttp(_) => Likeness::IsNot,
        HttpAnswer::Closed
        | HttpAnswer::Reset
        | HttpAnswer::Silent
        | HttpAnswer::Unfinished { .. } => Likeness::NoAnswer,
    }
}

fn of_service(answer: &ServiceAnswer, service: Service) -> Likeness {
    match (answer, service) {
        (ServiceAnswer::Redis(_), Service::Redis)
        | (ServiceAnswer::MongoDb { .. }, Service::MongoDb)
        | (ServiceAnswer::IceTcp, Service::IceTcp) => Likeness::Is,
        (ServiceAnswer::Http(response), _) => response.likeness(service),
        // Others than gRPC begin like this, and its plain port may be one with TLS here.
        (ServiceAnswer::Http2, Service::Grpc)
        | (ServiceAnswer::Other(FirstBytes::Tls) | ServiceAnswer::HangsUpOnNameless, _) => {
            Likeness::Unknown
        }
        (
            ServiceAnswer::Silent
            | ServiceAnswer::Closed
            | ServiceAnswer::Reset
            | ServiceAnswer::Unfinished { .. },
            _,
        ) => Likeness::NoAnswer,
        (
            ServiceAnswer::Redis(_)
            | ServiceAnswer::MongoDb { .. }
            | ServiceAnswer::IceTcp
            | ServiceAnswer::Http2
            | ServiceAnswer::Other(_),
            _,
        ) => Likeness::IsNot,
    }
}

/// What answers behind a port that should not be open; `None` when nothing was asked, or nothing
/// came back.
pub(super) fn exposure(observation: &Observation) -> Option<Exposure> {
    match (&observation.outcome, &observation.spec) {
        (Outcome::Saw(Facts::Api(facts)), _) => match facts.answer.as_ref()? {
            HttpAnswer::Response(response) => Some(http_exposure(Service::LivekitApi, response)),
            HttpAnswer::NotHttp(first) => Some(Exposure::Unknown(first.clone())),
            HttpAnswer::Closed
            | HttpAnswer::Reset
            | HttpAnswer::Silent
            | HttpAnswer::Unfinished { .. } => None,
        },
        (Outcome::Saw(Facts::Turn(facts)), _) => turn_exposure(facts),
        (Outcome::Saw(Facts::Rtmp(facts)), _) => match facts.answer.as_ref()? {
            RtmpAnswer::Completed => Some(Exposure::Service(Service::Rtmp)),
            RtmpAnswer::NotRtmp(first) => Some(Exposure::Unknown(first.clone())),
            RtmpAnswer::WrongEcho
            | RtmpAnswer::Unfinished { .. }
            | RtmpAnswer::Closed
            | RtmpAnswer::Reset
            | RtmpAnswer::Silent => None,
        },
        (Outcome::Saw(Facts::Service(facts)), ProbeSpec::Service { ask, .. }) => {
            service_exposure(*ask, facts.answer.as_ref()?)
        }
        _ => None,
    }
}

fn http_server(response: &HttpResponse) -> Exposure {
    Exposure::Http(Box::new(response.essence()))
}

fn turn_exposure(facts: &TurnFacts) -> Option<Exposure> {
    match (&facts.binding, &facts.instead) {
        (Some(StunAnswer::Success { .. }), _) => Some(Exposure::Service(Service::TurnTcp)),
        (Some(StunAnswer::NotStun(first)), _) => Some(Exposure::Unknown(first.clone())),
        (_, Some(HttpAnswer::Response(response))) => Some(http_server(response)),
        _ => None,
    }
}

fn service_exposure(ask: ServiceAsk, answer: &ServiceAnswer) -> Option<Exposure> {
    match answer {
        ServiceAnswer::Redis(answer) => Some(Exposure::Redis(answer.clone())),
        ServiceAnswer::MongoDb { set_name, login, .. } => {
            Some(Exposure::MongoDb { set_name: set_name.clone(), login: *login })
        }
        ServiceAnswer::IceTcp => Some(Exposure::Service(Service::IceTcp)),
        ServiceAnswer::Http2 => Some(Exposure::Service(Service::Grpc)),
        ServiceAnswer::Http(response) => Some(http_exposure(asked_for(ask), response)),
        ServiceAnswer::Other(first) => Some(Exposure::Unknown(first.clone())),
        ServiceAnswer::Unfinished { .. }
        | ServiceAnswer::HangsUpOnNameless
        | ServiceAnswer::Closed
        | ServiceAnswer::Reset
        | ServiceAnswer::Silent => None,
    }
}

fn http_exposure(service: Service, response: &HttpResponse) -> Exposure {
    match response.likeness(service) {
        Likeness::Is => Exposure::Service(service),
        Likeness::IsNot | Likeness::Unknown | Likeness::NoAnswer => http_server(response),
    }
}

/// The service whose own path a question asks for.
fn asked_for(ask: ServiceAsk) -> Service {
    match ask {
        ServiceAsk::MinioLive => Service::Minio,
        ServiceAsk::GrafanaHealth => Service::Grafana,
        ServiceAsk::Ready => Service::Loki,
        ServiceAsk::V2Config => Service::V2Compatibility,
        ServiceAsk::IngressHealth => Service::Whip,
        ServiceAsk::Page
        | ServiceAsk::RedisPing
        | ServiceAsk::MongoHello
        | ServiceAsk::Http2Settings
        | ServiceAsk::IceTcp => Service::Web,
    }
}

/// What an answer says about whether a service may be used without a password.
enum Protection {
    /// It may.
    None(Box<Judgement>),
    /// It may, but it keeps nothing.
    OnlySentinel,
    /// It may not, as far as this answer tells.
    HoldsAsFarAsTold,
    Unclear,
    /// It may not, or another service answers.
    Holds,
}

fn protection(view: &View<'_>, service: Service, answer: &ServiceAnswer) -> Protection {
    match answer {
        ServiceAnswer::Redis(answer @ (RedisAnswer::Pong | RedisAnswer::Busy(_)))
            if service == Service::Redis =>
        {
            let seen = ServiceSeen::NoPassword(answer.clone());
            Protection::None(Judgement::fail(ReasonCode::NoPassword, seen).into())
        }
        ServiceAnswer::Redis(RedisAnswer::Sentinel) if service == Service::Redis => {
            match view.case.vantage.zone {
                Zone::Internet | Zone::ExternalProxy => {
                    let seen = ServiceSeen::SentinelWithoutPassword;
                    let violation = Judgement::fail(ReasonCode::SentinelNoPassword, seen);
                    Protection::None(violation.of_severity(Severity::Warning).into())
                }
                // Its own clients ask it without a password by default.
                Zone::Master | Zone::Media | Zone::OwnNode => Protection::OnlySentinel,
            }
        }
        ServiceAnswer::Redis(RedisAnswer::Error(_)) if service == Service::Redis => {
            Protection::Unclear
        }
        ServiceAnswer::MongoDb { login, .. } if service == Service::MongoDb => match login {
            MongoLogin::NotDemanded => {
                Protection::None(Judgement::fail(ReasonCode::NoLogin, ServiceSeen::NoLogin).into())
            }
            MongoLogin::Demanded => Protection::Holds,
            MongoLogin::Unknown => Protection::Unclear,
        },
        // What it says of buckets decides.
        ServiceAnswer::Http(_) if service == Service::Minio => Protection::Unclear,
        // It hangs up on us without a word too, where it wants TLS.
        ServiceAnswer::Other(FirstBytes::Tls)
        | ServiceAnswer::HangsUpOnNameless
        | ServiceAnswer::Unfinished { .. }
        | ServiceAnswer::Closed
        | ServiceAnswer::Reset
        | ServiceAnswer::Silent => Protection::Unclear,
        ServiceAnswer::Redis(_)
        | ServiceAnswer::MongoDb { .. }
        | ServiceAnswer::Http(_)
        | ServiceAnswer::Http2
        | ServiceAnswer::IceTcp
        | ServiceAnswer::Other(_) => Protection::Holds,
    }
}

/// What the answers about buckets say about whether one is listed without a login, and the answer that
/// says it; `None` where no bucket was asked for.
fn of_buckets(replies: &[BucketReply]) -> Option<(Protection, ServiceAnswer)> {
    let listed = replies.iter().filter(|reply| is_listed(&reply.answer));
    let listed: Vec<BucketName> = listed.map(|reply| reply.name.clone()).collect();
    if !listed.is_empty() {
        let seen = ServiceSeen::BucketsListed(listed);
        let violation = Protection::None(Judgement::fail(ReasonCode::NoLogin, seen).into());
        return Some((violation, ServiceAnswer::Silent));
    }
    let answers = replies.iter().map(|reply| &reply.answer);
    // The one that leaves most open.
    let (protection, answer) =
        answers.map(|answer| (of_bucket(answer), answer)).max_by_key(|(protection, _)| {
            match protection {
                Protection::Unclear => 2,
                Protection::HoldsAsFarAsTold => 1,
                _ => 0,
            }
        })?;
    Some((protection, of_http_answer(answer)))
}

fn is_listed(answer: &HttpAnswer) -> bool {
    let access = answer.response().map(HttpResponse::bucket_access);
    access == Some(BucketAccess::Listed)
}

/// What an answer about a bucket that is not a list says.
fn of_bucket(answer: &HttpAnswer) -> Protection {
    let Some(response) = answer.response() else { return Protection::Unclear };
    match (response.bucket_access(), response.status) {
        (BucketAccess::Denied, _) => Protection::Holds,
        // A bucket of another name may be listed. What is no S3 server may stand before one.
        (BucketAccess::NoSuchBucket, _) => Protection::HoldsAsFarAsTold,
        (BucketAccess::Unknown, 200..=299) if response.is_body_known() => {
            Protection::HoldsAsFarAsTold
        }
        (BucketAccess::Unknown, 401 | 403 | 404 | 405) => Protection::HoldsAsFarAsTold,
        (BucketAccess::Unknown | BucketAccess::Listed, _) => Protection::Unclear,
    }
}

fn of_http_answer(answer: &HttpAnswer) -> ServiceAnswer {
    match answer {
        HttpAnswer::Response(response) => ServiceAnswer::Http(response.essence()),
        HttpAnswer::Closed => ServiceAnswer::Closed,
        HttpAnswer::Reset => ServiceAnswer::Reset,
        HttpAnswer::Silent => ServiceAnswer::Silent,
        HttpAnswer::Unfinished { bytes } => ServiceAnswer::Unfinished { bytes: *bytes },
        HttpAnswer::NotHttp(first) => ServiceAnswer::Other(first.clone()),
    }
}

/// No service of this kind on the check's ports can be used without a password.
pub(super) fn needs_password(view: &View<'_>, service: Service) -> Judged {
    let mut open = Vec::new();
    let mut unclear = Vec::new();
    let mut closed = Vec::new();
    let mut refused = Vec::new();
    let mut only_sentinel = false;
    let mut silent = false;
    let mut is_refused = false;
    let mut unreached = None;
    let mut blind = None;
    let mut is_all_told = true;
    for (port, observation) in connections(view) {
        let facts = match &observation.outcome {
            Outcome::Saw(Facts::Service(facts)) => facts,
            Outcome::Saw(_) => continue,
            Outcome::Blind(blindness) => {
                blind = Some(blindness.clone());
                continue;
            }
        };
        match &facts.connect {
            Connect::Silent => silent = true,
            Connect::Icmp(error) if !is_its_firewall(error) => {
                unreached = Some(error.without_own_address());
            }
            Connect::Reset => is_refused = true,
            Connect::Accepted | Connect::Icmp(_) => {}
        }
        let Some(answer) = &facts.answer else {
            closed.push(port);
            continue;
        };
        let of_buckets = of_buckets(&facts.buckets).filter(|_| service == Service::Minio);
        let (protection, answer) =
            of_buckets.unwrap_or_else(|| (protection(view, service, answer), answer.essence()));
        let reply = PortReply { port, answer };
        match protection {
            Protection::None(violation) => open.push(violation.at(Place::port(port))),
            Protection::OnlySentinel => {
                only_sentinel = true;
                refused.push(reply);
            }
            Protection::Unclear => unclear.push(reply),
            Protection::Holds => refused.push(reply),
            Protection::HoldsAsFarAsTold => {
                is_all_told = false;
                refused.push(reply);
            }
        }
    }
    if let Some(violations) = Judgement::several(open) {
        return Ok(violations);
    }
    if let Some(blindness) = blind {
        return Err(blindness);
    }
    if let Some(judgement) = view.silence_says_nothing().filter(|_| silent) {
        return Ok(judgement);
    }
    if let Some(judgement) = view.accepted_for_others(None).filter(|_| !unclear.is_empty()) {
        return Ok(judgement);
    }
    if !unclear.is_empty() {
        let seen = ServiceSeen::MaybeOpen { service, replies: unclear };
        return Ok(Judgement::unsettled(ReasonCode::PortOpenUnexpected, seen));
    }
    if let Some(judgement) = view.nobody_there() {
        return Ok(judgement);
    }
    if let Some(error) = unreached {
        // A connection that finds its way the next time may find the service.
        return Ok(Judgement::uncontradicted(PortSeen::NotReached(error)));
    }
    let seen = if refused.is_empty() {
        ServiceSeen::NoneAccepts(closed)
    } else if only_sentinel {
        ServiceSeen::OnlySentinels(refused)
    } else if service == Service::Minio {
        ServiceSeen::NoBucketListed(refused)
    } else {
        ServiceSeen::CommandsRefused(refused)
    };
    // What is kept from us, or refused on the way, may be there for others.
    Ok(if silent || is_refused || !is_all_told {
        Judgement::uncontradicted(seen)
    } else {
        Judgement::pass(seen)
    })
}
