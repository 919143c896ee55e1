//! What questions to services showed.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::facts::{
    FirstBytes, HttpAnswer, HttpResponse, Likeness, MongoLogin, RedisAnswer, RtmpAnswer,
    ServerText, ServiceAnswer, StunAnswer,
};
use crate::model::name::BucketName;
use crate::model::port::Port;
use crate::model::rule::Service;

/// What a rule about the service behind a port saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceSeen {
    /// The port is open, and this came back for the question that its service answers.
    Reply { service: Service, likeness: Likeness, reply: Box<ServiceReply> },
    /// The service answers behind a PROXY protocol header, and not without one.
    ExpectsProxyHeader { service: Service },
    /// The connection is accepted, but the one that was to ask for the service failed.
    NotAsked,
    /// Redis answers a `PING` as it does to clients that need no password.
    NoPassword(RedisAnswer),
    /// A Sentinel answers a `PING` without a password.
    SentinelWithoutPassword,
    /// MongoDB lists its databases without a login.
    NoLogin,
    /// These buckets are listed without a login.
    BucketsListed(Vec<BucketName>),
    /// Something answers, and lists none of the buckets that it was asked for without a login.
    NoBucketListed(Vec<PortReply>),
    /// What answers without a password is only Sentinels, which keep no data.
    OnlySentinels(Vec<PortReply>),
    /// Something answers, and takes no command without a password.
    CommandsRefused(Vec<PortReply>),
    /// Something accepts connections, and may be this service without a password.
    MaybeOpen { service: Service, replies: Vec<PortReply> },
    /// None of these ports accepts a connection.
    NoneAccepts(Vec<Port>),
}

/// What came back for the question that tells whether a service is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceReply {
    Http(HttpAnswer),
    Stun(StunAnswer),
    Rtmp(RtmpAnswer),
    Other(ServiceAnswer),
}

impl ServiceReply {
    /// See [`HttpResponse::essence`].
    pub fn essence(self) -> Self {
        match self {
            Self::Http(answer) => Self::Http(answer.essence()),
            Self::Other(answer) => Self::Other(answer.essence()),
            Self::Stun(_) | Self::Rtmp(_) => self,
        }
    }
}

/// What one port of a list answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortReply {
    pub port: Port,
    pub answer: ServiceAnswer,
}

/// What answers behind a port that should not be open. Which service it is decides what protects
/// it from here on, and so how bad it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exposure {
    /// A service that its answer identifies.
    Service(Service),
    Redis(RedisAnswer),
    MongoDb {
        set_name: Option<ServerText>,
        login: MongoLogin,
    },
    /// Something that speaks HTTP.
    Http(Box<HttpResponse>),
    /// Something else.
    Unknown(FirstBytes),
}

impl Exposure {
    /// Whether it said who it is, so that nobody can have answered in its place.
    pub fn is_identified(&self) -> bool {
        match self {
            Self::Service(_) | Self::Redis(_) | Self::MongoDb { .. } => true,
            Self::Http(_) | Self::Unknown(_) => false,
        }
    }
}

impl From<ServiceSeen> for Seen {
    fn from(seen: ServiceSeen) -> Self {
        Self::Service(seen)
    }
}
