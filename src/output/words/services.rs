//! What questions to services showed, in words.

use super::{Statement, facts, numbers};
use crate::model::facts::{
    HttpAnswer, Likeness, MongoLogin, RedisAnswer, RtmpAnswer, ServiceAnswer,
};
use crate::model::rule::Service;
use crate::model::seen::{Exposure, PortReply, ServiceReply, ServiceSeen};
use crate::output::quote::quoted;
use crate::output::text::list;

pub(super) fn statement(seen: &ServiceSeen) -> Statement {
    match seen {
        ServiceSeen::Reply { service, likeness, reply } => {
            let reply = self::reply(reply);
            Statement::new(match likeness {
                Likeness::Is => format!("{service} responds: {reply}"),
                Likeness::IsNot => {
                    format!("open, but {service} does not respond: {reply}")
                }
                Likeness::Unknown => {
                    format!("open, but whether {service} responds is unknown: {reply}")
                }
                Likeness::NoAnswer => format!(
                    "it accepts connections but does not answer as {service} does, so that what \
                     is listening is unknown: {reply}"
                ),
            })
        }
        ServiceSeen::ExpectsProxyHeader { service } => Statement::new(format!(
            "{service} responds, but only behind a PROXY protocol header: its proxy must send one"
        )),
        ServiceSeen::NotAsked => {
            Statement::new("the connection is accepted, but the service behind it was not seen")
        }
        ServiceSeen::NoPassword(answer) => {
            Statement::new("Redis takes commands without a password").detail(match answer {
                RedisAnswer::Busy(error) => {
                    format!(
                        "it sends this answer to PING only where no password is set: {}",
                        quoted(error)
                    )
                }
                RedisAnswer::Pong
                | RedisAnswer::Sentinel
                | RedisAnswer::NoAuth
                | RedisAnswer::Denied
                | RedisAnswer::Error(_) => {
                    "it answers PING without asking for credentials".to_owned()
                }
            })
        }
        ServiceSeen::SentinelWithoutPassword => {
            Statement::new("a Redis Sentinel takes commands without a password")
                .detail("it answers INFO with redis_mode:sentinel")
        }
        ServiceSeen::NoLogin => Statement::new("MongoDB can be used without a login")
            .detail("it answers listDatabases without asking for credentials"),
        ServiceSeen::BucketsListed(buckets) => Statement::new(format!(
            "{} {} {} listed without a login",
            if buckets.len() == 1 { "the bucket" } else { "the buckets" },
            list(buckets),
            if buckets.len() == 1 { "is" } else { "are" },
        ))
        .detail("the answer to a request without credentials is a ListBucketResult"),
        ServiceSeen::NoBucketListed(replies) => {
            Statement::new("no bucket of OpenVidu is listed without a login").with(each(replies))
        }
        ServiceSeen::OnlySentinels(replies) => Statement::new(
            "no Redis with data takes commands without a password; a Sentinel, which keeps none, does",
        )
        .with(each(replies)),
        ServiceSeen::CommandsRefused(replies) => {
            Statement::new("no command is accepted without a password").with(each(replies))
        }
        ServiceSeen::MaybeOpen { service, replies } => Statement::new(format!(
            "open, but whether {service} is there and requires credentials is unknown"
        ))
        .with(each(replies)),
        ServiceSeen::NoneAccepts(ports) => {
            Statement::new(format!("no connection is accepted on TCP {}", numbers::ports(ports)))
        }
    }
}

fn each(replies: &[PortReply]) -> impl Iterator<Item = String> {
    replies.iter().map(|PortReply { port, answer }| format!("TCP {port}: {}", self::answer(answer)))
}

fn reply(reply: &ServiceReply) -> String {
    match reply {
        ServiceReply::Http(answer) => facts::http(answer),
        ServiceReply::Stun(answer) => format!("STUN Binding: {}", facts::stun(answer)),
        ServiceReply::Rtmp(answer) => match answer {
            RtmpAnswer::Completed => "an RTMP handshake completes".to_owned(),
            RtmpAnswer::NotRtmp(first) => format!("the answer is {}", facts::first_bytes(first)),
            RtmpAnswer::WrongEcho
            | RtmpAnswer::Unfinished { .. }
            | RtmpAnswer::Closed
            | RtmpAnswer::Reset
            | RtmpAnswer::Silent => "no RTMP handshake completes".to_owned(),
        },
        ServiceReply::Other(answer) => self::answer(answer),
    }
}

fn answer(answer: &ServiceAnswer) -> String {
    match answer {
        ServiceAnswer::Redis(answer) => match answer {
            RedisAnswer::Pong => "+PONG, without a password".to_owned(),
            RedisAnswer::Sentinel => "a Sentinel, without a password".to_owned(),
            RedisAnswer::NoAuth => "a password is required (-NOAUTH)".to_owned(),
            RedisAnswer::Denied => {
                "no password is set, but protected mode refuses this machine (-DENIED)".to_owned()
            }
            RedisAnswer::Error(error) => format!("an error, {}", quoted(error)),
            RedisAnswer::Busy(error) => format!("no password is set ({})", quoted(error)),
        },
        ServiceAnswer::MongoDb { set_name, login, .. } => {
            let set = set_name.as_ref().map(|name| format!(", replica set {}", quoted(name)));
            let login = match login {
                MongoLogin::Demanded => ", a login is required",
                MongoLogin::NotDemanded => ", no login is required",
                MongoLogin::Unknown => "",
            };
            format!("hello is answered{}{login}", set.unwrap_or_default())
        }
        ServiceAnswer::Http(response) => facts::http_response(response),
        ServiceAnswer::Http2 => "HTTP/2 SETTINGS".to_owned(),
        ServiceAnswer::IceTcp => {
            "it closes the connection after a Binding request without USERNAME, and keeps it after \
             one with it"
                .to_owned()
        }
        ServiceAnswer::HangsUpOnNameless => {
            "it closes the connection after a Binding request without USERNAME; there was no time \
             for one with it"
                .to_owned()
        }
        ServiceAnswer::Unfinished { bytes } => format!("an incomplete answer of {bytes} bytes"),
        ServiceAnswer::Other(first) => format!("the answer is {}", facts::first_bytes(first)),
        ServiceAnswer::Closed => facts::http(&HttpAnswer::Closed),
        ServiceAnswer::Reset => facts::http(&HttpAnswer::Reset),
        ServiceAnswer::Silent => facts::http(&HttpAnswer::Silent),
    }
}

/// What answers behind an open port, and what protects it there.
pub(super) fn exposure(exposure: &Exposure) -> String {
    match exposure {
        Exposure::Service(service) => exposed_service(*service),
        Exposure::Redis(answer) => match answer {
            RedisAnswer::Pong | RedisAnswer::Busy(_) => {
                "Redis responds without a password: any client can read and change all of its data"
                    .to_owned()
            }
            RedisAnswer::Sentinel => {
                "a Redis Sentinel responds without a password: any client can \
                 change which Redis is the master"
                    .to_owned()
            }
            RedisAnswer::NoAuth => "Redis responds; only its password protects it".to_owned(),
            RedisAnswer::Denied => {
                "Redis responds and has no password; only its protected mode refuses this machine"
                    .to_owned()
            }
            RedisAnswer::Error(error) => format!("Redis responds with an error: {}", quoted(error)),
        },
        Exposure::MongoDb { set_name, login } => {
            let set = set_name.as_ref();
            let set = set.map(|name| format!(" (replica set {})", quoted(name)));
            let set = set.unwrap_or_default();
            match login {
                MongoLogin::Demanded => {
                    format!("MongoDB responds{set}; only its login protects it")
                }
                MongoLogin::NotDemanded => format!(
                    "MongoDB responds{set} without a login: any client can read and change all of \
                     its data"
                ),
                MongoLogin::Unknown => {
                    format!("MongoDB responds{set}; at most its login protects it")
                }
            }
        }
        Exposure::Http(response) => {
            format!("an HTTP server responds: {}", facts::http_response(response))
        }
        Exposure::Unknown(first) => {
            format!("something else responds: {}", facts::first_bytes(first))
        }
    }
}

fn exposed_service(service: Service) -> String {
    match service {
        Service::LivekitApi => {
            "LiveKit's API responds without TLS: tokens can be read on the way".to_owned()
        }
        Service::TurnTcp => "a TURN server responds without TLS".to_owned(),
        Service::Rtmp => "RTMP responds without TLS: stream keys can be read on the way".to_owned(),
        Service::IceTcp => "WebRTC over TCP responds: media can bypass the proxy".to_owned(),
        Service::Minio => "MinIO responds; at most its password protects the recordings".to_owned(),
        Service::Grafana => "Grafana responds; only its login protects it".to_owned(),
        Service::Loki | Service::Mimir => {
            "Loki or Mimir responds; neither has a login of its own".to_owned()
        }
        Service::Grpc => "HTTP/2 without TLS responds, as gRPC uses it".to_owned(),
        Service::Whip => "WHIP responds without TLS: stream keys can be read on the way".to_owned(),
        Service::V2Compatibility => {
            "the API of OpenVidu 2 responds without TLS: its password can be read on the way"
                .to_owned()
        }
        Service::TurnUdp | Service::Redis | Service::MongoDb | Service::Web => {
            format!("{service} responds")
        }
    }
}
