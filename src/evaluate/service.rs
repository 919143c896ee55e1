//! Which service answered, what that means where it should not be reachable, and the demand that
//! Redis wants a password.

use std::net::IpAddr;

use super::judgement::{Judged, Judgement};
use super::reach::{connections, is_its_firewall, nothing_seen};
use super::view::View;
use super::words;
use crate::model::deployment::RtcEngine;
use crate::model::facts::{
    Connect, Facts, FirstBytes, HttpAnswer, HttpResponse, RedisAnswer, RtmpAnswer, ServiceAnswer,
    StunAnswer,
};
use crate::model::observation::{Observation, Outcome};
use crate::model::probe::{Carrier, ProbeSpec, ServiceAsk};
use crate::model::reason::ReasonCode;
use crate::model::rule::Service;

/// What an answer says about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It is this service, as these words show.
    Is(String),
    /// It is something else, or nothing that answers as this service does.
    IsNot(String),
    /// It may be.
    Unknown(String),
}

/// Whether the question that is asked of a service tells whether it is there.
pub(super) fn can_be_told(view: &View<'_>, service: Service) -> bool {
    // Which of them listens on the port of WebRTC over TCP depends on the engine; what is asked
    // there is asked of pion.
    service != Service::IceTcp || view.case.deployment.rtc_engine == RtcEngine::Pion
}

/// Whether the service behind an open port is the right one, as the observations of this port show;
/// `None` when nothing was asked.
pub(super) fn likeness<'a>(
    mut observations: impl Iterator<Item = &'a Observation>,
    service: Service,
) -> Option<Likeness> {
    observations.find_map(|observation| match &observation.outcome {
        Outcome::Saw(facts) => of_facts(facts, service),
        Outcome::Blind(_) => None,
    })
}

/// Whether a service of OpenVidu's machine answered behind the proxy's TLS, at one of its addresses
/// or at any.
pub(super) fn works_through_proxy(view: &View<'_>, service: Service, at: Option<IpAddr>) -> bool {
    let mut observations = view.case.observations.iter();
    observations.any(|observation| {
        if at.is_some() && observation.spec.address() != at {
            return false;
        }
        let asks = match &observation.spec {
            ProbeSpec::Api { over, .. } => Some((over, Service::LivekitApi)),
            ProbeSpec::Turn { over, .. } => Some((over, Service::TurnTcp)),
            ProbeSpec::Rtmp { over, .. } => Some((over, Service::Rtmp)),
            _ => None,
        };
        let Outcome::Saw(facts) = &observation.outcome else {
            return false;
        };
        matches!(asks, Some((Carrier::Tls(_), asked)) if asked == service)
            && matches!(of_facts(facts, service), Some(Likeness::Is(_)))
    })
}

fn of_facts(facts: &Facts, service: Service) -> Option<Likeness> {
    match facts {
        Facts::Api(facts) => facts.answer.as_ref().map(|answer| {
            let observed = words::http(answer).1;
            match answer {
                HttpAnswer::Response(response) if response.status == 401 => Likeness::Is(observed),
                _ => Likeness::IsNot(observed),
            }
        }),
        Facts::Turn(facts) => facts.binding.as_ref().map(|answer| {
            let observed = format!("STUN Binding: {}", words::stun(answer).1);
            match answer {
                StunAnswer::Success { .. } => Likeness::Is(observed),
                _ => Likeness::IsNot(observed),
            }
        }),
        Facts::Rtmp(facts) => facts.answer.as_ref().map(|answer| match answer {
            RtmpAnswer::Completed => Likeness::Is("RTMP handshake completes".to_owned()),
            RtmpAnswer::NotRtmp(first) => Likeness::IsNot(format!("the answer is {first}")),
            RtmpAnswer::WrongEcho
            | RtmpAnswer::Unfinished { .. }
            | RtmpAnswer::Closed
            | RtmpAnswer::Reset
            | RtmpAnswer::Silent => Likeness::IsNot("no RTMP handshake".to_owned()),
        }),
        Facts::Service(facts) => facts.answer.as_ref().map(|answer| of_answer(answer, service)),
        Facts::Dns(_)
        | Facts::Tcp(_)
        | Facts::Http(_)
        | Facts::Tls(_)
        | Facts::Hold(_)
        | Facts::Udp(_)
        | Facts::Call(_) => None,
    }
}

fn of_answer(answer: &ServiceAnswer, service: Service) -> Likeness {
    let observed = said(answer);
    match (answer, service) {
        (ServiceAnswer::Redis(_), Service::Redis)
        | (ServiceAnswer::MongoDb { .. }, Service::MongoDb)
        | (ServiceAnswer::Http2, Service::Grpc)
        | (ServiceAnswer::IceTcp, Service::IceTcp) => Likeness::Is(observed),
        (ServiceAnswer::Http(response), _) => of_response(response, service, observed),
        // Its plain port may be one with TLS here.
        (ServiceAnswer::Other(FirstBytes::Tls) | ServiceAnswer::HangsUpOnNameless, _) => {
            Likeness::Unknown(observed)
        }
        _ => Likeness::IsNot(observed),
    }
}

/// Whether an HTTP response is one of the service, which was asked for its own path.
fn of_response(response: &HttpResponse, service: Service, observed: String) -> Likeness {
    // A line end is a `·` in the text of a server.
    let body = response.body.as_str().trim_matches([' ', '·']);
    let server = response.server.as_ref().map(|server| server.as_str());
    let json = |keys: [&str; 2]| keys.iter().all(|key| body.contains(&format!("\"{key}\"")));
    let is = match service {
        Service::Minio => {
            server.is_some_and(|server| server.starts_with("MinIO"))
                // Behind another server, whose name comes first.
                || (response.status == 200 && body.is_empty())
        }
        Service::Grafana => response.status == 200 && json(["database", "version"]),
        Service::Loki | Service::Mimir => response.status == 200 && body == "ready",
        Service::Whip => response.status == 200 && body == "Healthy",
        // Its API is the only one that knows the path; without credentials it asks for them.
        Service::V2Compatibility => response.status == 401,
        Service::Web => return Likeness::Unknown(observed),
        Service::LivekitApi
        | Service::TurnTcp
        | Service::TurnUdp
        | Service::Rtmp
        | Service::IceTcp
        | Service::Redis
        | Service::MongoDb
        | Service::Grpc => false,
    };
    // Go's words, and nginx's, for a request without TLS on a port that wants TLS.
    let wants_tls = response.status == 400 && body.contains("HTTPS");
    // Not ready, too many requests: by whom is open.
    let elsewhere_busy = matches!(response.status, 429 | 500..=599);
    if is {
        Likeness::Is(observed)
    } else if wants_tls || elsewhere_busy {
        Likeness::Unknown(observed)
    } else {
        Likeness::IsNot(observed)
    }
}

/// What came back, in words.
fn said(answer: &ServiceAnswer) -> String {
    match answer {
        ServiceAnswer::Redis(answer) => match answer {
            RedisAnswer::Pong => "+PONG, without a password".to_owned(),
            RedisAnswer::NoAuth => "it wants a password (-NOAUTH)".to_owned(),
            RedisAnswer::Denied => {
                "no password is set, only protected mode refuses us (-DENIED)".to_owned()
            }
            RedisAnswer::Error(error) => format!("-{error}"),
            RedisAnswer::Busy(error) => format!("it wants no password (-{error})"),
        },
        ServiceAnswer::MongoDb { set_name: Some(name), .. } => {
            format!("hello is answered, replica set \"{name}\"")
        }
        ServiceAnswer::MongoDb { set_name: None, .. } => "hello is answered".to_owned(),
        ServiceAnswer::Http(response) => words::http(&HttpAnswer::Response(response.clone())).1,
        ServiceAnswer::Http2 => "HTTP/2 SETTINGS".to_owned(),
        ServiceAnswer::IceTcp => {
            "it hangs up on a Binding without USERNAME and keeps one with it".to_owned()
        }
        ServiceAnswer::HangsUpOnNameless => {
            "it hangs up on a Binding without USERNAME; there was no time for one with it"
                .to_owned()
        }
        ServiceAnswer::Unfinished { bytes } => format!("no whole answer, after {bytes} bytes"),
        ServiceAnswer::Other(first) => format!("the answer is {first}"),
        ServiceAnswer::Closed => "the connection ends without an answer".to_owned(),
        ServiceAnswer::Reset => "the connection is reset without an answer".to_owned(),
        ServiceAnswer::Silent => "no answer; the connection stays open".to_owned(),
    }
}

/// Who answers behind a port that should not be open, and what that means; `None` when nobody was
/// asked, or nobody said a word.
pub(super) fn behind(observation: &Observation) -> Option<String> {
    let Outcome::Saw(facts) = &observation.outcome else {
        return None;
    };
    match (&observation.spec, facts) {
        (ProbeSpec::Api { .. }, Facts::Api(facts)) => match facts.answer.as_ref()? {
            HttpAnswer::Response(response) if response.status == 401 => {
                Some("LiveKit's API answers there, without TLS: tokens travel readable".to_owned())
            }
            answer @ HttpAnswer::Response(_) => {
                Some(format!("HTTP is spoken there: {}", words::http(answer).1))
            }
            HttpAnswer::NotHttp(first) => Some(format!("something answers there: {first}")),
            HttpAnswer::Closed
            | HttpAnswer::Reset
            | HttpAnswer::Silent
            | HttpAnswer::Unfinished { .. } => None,
        },
        (ProbeSpec::Turn { .. }, Facts::Turn(facts)) => match (&facts.binding, &facts.instead) {
            (Some(StunAnswer::Success { .. }), _) => {
                Some("a TURN server answers there, without TLS".to_owned())
            }
            (Some(StunAnswer::NotStun(first)), _) => {
                Some(format!("something answers there: {first}"))
            }
            (_, Some(answer @ HttpAnswer::Response(_))) => {
                Some(format!("HTTP is spoken there: {}", words::http(answer).1))
            }
            _ => None,
        },
        (ProbeSpec::Rtmp { .. }, Facts::Rtmp(facts)) => match facts.answer.as_ref()? {
            RtmpAnswer::Completed => {
                Some("RTMP is answered there, without TLS: stream keys travel readable".to_owned())
            }
            RtmpAnswer::NotRtmp(first) => Some(format!("something answers there: {first}")),
            RtmpAnswer::WrongEcho
            | RtmpAnswer::Unfinished { .. }
            | RtmpAnswer::Closed
            | RtmpAnswer::Reset
            | RtmpAnswer::Silent => None,
        },
        (ProbeSpec::Service { ask, .. }, Facts::Service(facts)) => {
            answers_there(*ask, facts.answer.as_ref()?)
        }
        _ => None,
    }
}

fn answers_there(ask: ServiceAsk, answer: &ServiceAnswer) -> Option<String> {
    let words = match answer {
        ServiceAnswer::Redis(RedisAnswer::Pong | RedisAnswer::Busy(_)) => {
            "Redis answers there, without a password: whoever reaches it reads and changes all"
        }
        ServiceAnswer::Redis(RedisAnswer::NoAuth) => {
            "Redis answers there: only its password stands between"
        }
        ServiceAnswer::Redis(RedisAnswer::Denied) => {
            "Redis answers there, without a password: only its protected mode refuses us"
        }
        ServiceAnswer::Redis(RedisAnswer::Error(error)) => {
            return Some(format!("Redis answers there: -{error}"));
        }
        ServiceAnswer::MongoDb { set_name, .. } => {
            let set = set_name
                .as_ref()
                .map_or_else(String::new, |name| format!(" (replica set \"{name}\")"));
            return Some(format!("MongoDB answers there{set}: at most its login stands between"));
        }
        ServiceAnswer::IceTcp => "WebRTC over TCP is taken there: media can go around the proxy",
        ServiceAnswer::Http2 => "HTTP/2 without TLS is spoken there, as gRPC does",
        ServiceAnswer::Http(response) => return Some(http_there(ask, response)),
        ServiceAnswer::Other(first) => return Some(format!("something answers there: {first}")),
        ServiceAnswer::Unfinished { .. }
        | ServiceAnswer::HangsUpOnNameless
        | ServiceAnswer::Closed
        | ServiceAnswer::Reset
        | ServiceAnswer::Silent => return None,
    };
    Some(words.to_owned())
}

fn http_there(ask: ServiceAsk, response: &HttpResponse) -> String {
    let (service, meaning) = match ask {
        ServiceAsk::MinioLive => (Service::Minio, "only its password protects the recordings"),
        ServiceAsk::GrafanaHealth => (Service::Grafana, "only its login stands between"),
        ServiceAsk::Ready => (Service::Loki, "it has no login of its own"),
        ServiceAsk::V2Config => (Service::V2Compatibility, "its password travels without TLS"),
        ServiceAsk::IngressHealth => (Service::Whip, "stream keys travel without TLS"),
        ServiceAsk::Page
        | ServiceAsk::RedisPing
        | ServiceAsk::MongoHello
        | ServiceAsk::Http2Settings
        | ServiceAsk::IceTcp => (Service::Web, ""),
    };
    let observed = words::http(&HttpAnswer::Response(response.clone())).1;
    match (of_response(response, service, observed), ask) {
        (Likeness::Is(_), ServiceAsk::Ready) => format!("Loki or Mimir answers there: {meaning}"),
        (Likeness::Is(_), _) => format!("{service} answers there: {meaning}"),
        (Likeness::IsNot(observed) | Likeness::Unknown(observed), _) => {
            format!("HTTP is spoken there: {observed}")
        }
    }
}

/// No Redis on the check's ports takes commands without a password.
pub(super) fn redis_needs_password(view: &View<'_>) -> Judged {
    let mut open = Vec::new();
    let mut unclear = Vec::new();
    let mut closed = Vec::new();
    let mut refused = Vec::new();
    let mut silent = false;
    let mut unreached = None;
    let mut blind = None;
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
            Connect::Icmp(error) if !is_its_firewall(view, error) => unreached = Some(*error),
            Connect::Accepted | Connect::Reset | Connect::Icmp(_) => {}
        }
        match &facts.answer {
            Some(ServiceAnswer::Redis(RedisAnswer::Pong | RedisAnswer::Busy(_))) => {
                open.push(port);
            }
            Some(
                answer @ (ServiceAnswer::Redis(RedisAnswer::NoAuth | RedisAnswer::Denied)
                | ServiceAnswer::MongoDb { .. }
                | ServiceAnswer::Http(_)
                | ServiceAnswer::Http2
                | ServiceAnswer::IceTcp
                | ServiceAnswer::HangsUpOnNameless
                | ServiceAnswer::Other(_)
                | ServiceAnswer::Closed
                | ServiceAnswer::Reset),
            ) => refused.push(format!("{port}: {}", said(answer))),
            Some(
                answer @ (ServiceAnswer::Redis(RedisAnswer::Error(_))
                | ServiceAnswer::Unfinished { .. }
                | ServiceAnswer::Silent),
            ) => unclear.push(format!("{port}: {}", said(answer))),
            None => closed.push(port),
        }
    }
    if !open.is_empty() {
        return Ok(Judgement::fail(
            ReasonCode::NoPassword,
            format!(
                "Redis on TCP {} takes commands without a password\na PING is answered, nobody \
                 asks who we are",
                words::list(&open)
            ),
        )
        .seen(words::numbers(&open)));
    }
    if let Some(blindness) = blind {
        return Err(blindness);
    }
    if silent && !view.sees(view.family()) {
        return Ok(nothing_seen(view));
    }
    if !unclear.is_empty() {
        return Ok(Judgement::unsettled(
            ReasonCode::PortOpenUnexpected,
            format!("open, and not known whether Redis is there\nTCP {}", unclear.join("\nTCP ")),
        ));
    }
    if let Some(error) = unreached {
        // Who finds the machine the next time may find Redis.
        return Ok(Judgement::uncontradicted(format!("not reached: {error}")));
    }
    Ok(if refused.is_empty() {
        Judgement::pass(format!("TCP {} let nobody in from here", words::list(&closed)))
    } else {
        Judgement::pass(format!("no command is taken; TCP {}", refused.join("; TCP ")))
    })
}
