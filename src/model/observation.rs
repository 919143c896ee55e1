//! One look at the network: what was asked, when, and what was seen.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::facts::{Connect, Facts, Handshake, HttpAnswer, ServiceAnswer, StunAnswer};
use super::port::{Port, PortRange};
use super::probe::ProbeSpec;
use super::target::Family;

/// What one probe brought home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    pub spec: ProbeSpec,
    /// From the start of the run to the start of the probe.
    pub started: Duration,
    pub took: Duration,
    /// Requests, datagrams or SYNs sent for the first question, as far as we know: 1 or more.
    pub attempts: u32,
    pub outcome: Outcome,
}

impl Observation {
    /// The address at which something answered that only the deployment has: its certificate, its
    /// API, STUN, WebRTC over TCP. What anybody has, such as a web page or a ping, is none.
    pub fn shows_deployment(&self) -> Option<IpAddr> {
        let Outcome::Saw(facts) = &self.outcome else { return None };
        let has_its_name = |handshake: &Option<Handshake>| match handshake {
            Some(Handshake::Completed(session)) => {
                session.certificate.as_ref().is_some_and(|chain| chain.name_matches)
            }
            Some(_) | None => false,
        };
        let is_shown = match facts {
            Facts::Tls(facts) => has_its_name(&facts.handshake),
            Facts::Api(facts) => {
                has_its_name(&facts.handshake)
                    || matches!(&facts.answer, Some(HttpAnswer::Response(response))
                        if response.livekit_reply().is_some())
            }
            Facts::Turn(facts) => facts.binding.as_ref().is_some_and(StunAnswer::is_stun),
            // That a connection is accepted shows nobody: some networks accept all of them.
            Facts::Service(facts) => facts.answer == Some(ServiceAnswer::IceTcp),
            _ => false,
        };
        self.spec.address().filter(|_| is_shown)
    }
}

/// Either something was seen (silence included), or we were not able to look.
#[expect(clippy::large_enum_variant, reason = "nearly every one of them is `Saw`")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Saw(Facts),
    Blind(Blindness),
}

/// Our own trouble: says nothing about the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blindness {
    /// This machine has no route to the address.
    NoRoute(Family),
    /// This machine's own firewall refuses to send (EPERM).
    OwnFirewall,
    /// No DNS server is configured here.
    NoDnsServer,
    /// No address is known of this host, so that there was nothing to connect to.
    NoAddress { host: String },
    /// The HTTP proxy of this network refused a connection.
    OwnProxy(Box<ProxyRefusal>),
    /// Another trouble of this machine, or of this run.
    Local(LocalTrouble),
    /// The run was interrupted before an answer came.
    Interrupted,
    /// The run's deadline came before an answer.
    DeadlineSpent,
}

/// What the HTTP proxy of this network was asked for, and what it did instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyRefusal {
    /// The host that it was asked for: a name, or an address without brackets.
    pub host: String,
    pub port: Port,
    /// The proxy's own `host:port`, without user and password.
    pub proxy: String,
    pub met: ProxyMet,
}

/// What a proxy did instead of connecting to what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyMet {
    /// It did not accept a connection itself.
    NoConnection(Connect),
    /// It answered CONNECT otherwise than by 2xx.
    Answer(HttpAnswer),
}

impl ProxyMet {
    /// The status of its response, if there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(HttpAnswer::Response(response)) => Some(response.status),
            Self::Answer(_) | Self::NoConnection(_) => None,
        }
    }

    /// See [`HttpAnswer::essence`].
    pub fn essence(&self) -> Self {
        match self {
            Self::Answer(answer) => Self::Answer(answer.essence()),
            Self::NoConnection(connect) => Self::NoConnection(connect.clone()),
        }
    }
}

/// What this machine, or this run, was not able to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LocalTrouble {
    /// An operation of the system failed.
    System {
        /// The operation, which completes "could not …", such as `connect to`.
        operation: Cow<'static, str>,
        /// The object of the operation, such as an address and port.
        on: Option<String>,
        /// The system's own words.
        error: String,
    },
    /// No DNS question can be made of this name.
    UnaskableName(String),
    /// A service that runs only over TCP was to be asked over UDP.
    NotOverUdp(Cow<'static, str>),
    /// There is neither a key nor a token to join with.
    NoCredentials,
    /// The probe itself broke: a mistake in ovcheck.
    ProbeBroke,
    /// No probe of the plan asks for what a rule needs.
    NothingAsked,
    /// Not one datagram to these UDP ports left this machine.
    NothingSent(PortRange),
}

impl LocalTrouble {
    /// An operation that failed, with the system's words.
    pub fn system(operation: &'static str, on: Option<String>, error: &io::Error) -> Self {
        // EMFILE, on every Unix.
        const TOO_MANY_OPEN_FILES: i32 = 24;
        let error = match error.raw_os_error() {
            Some(TOO_MANY_OPEN_FILES) if cfg!(unix) => {
                "too many open files; raise the limit with `ulimit -n 4096`".to_owned()
            }
            _ => error.to_string(),
        };
        Self::System { operation: operation.into(), on, error }
    }
}

impl From<LocalTrouble> for Blindness {
    fn from(trouble: LocalTrouble) -> Self {
        Self::Local(trouble)
    }
}

impl fmt::Display for Blindness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute(family) => write!(f, "this machine has no {family} route there"),
            Self::OwnFirewall => f.write_str("this machine's own firewall refuses to send it"),
            Self::NoDnsServer => f.write_str("this machine has no DNS server configured"),
            Self::NoAddress { host } => write!(f, "no address of {host} is known"),
            Self::OwnProxy(refusal) => refusal.fmt(f),
            Self::Local(trouble) => trouble.fmt(f),
            Self::Interrupted => f.write_str("the run was interrupted"),
            Self::DeadlineSpent => f.write_str("the run's deadline was over"),
        }
    }
}

impl fmt::Display for ProxyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, proxy, met } = self;
        write!(f, "the HTTP proxy {proxy} {met} when asked to connect to {host}:{port}")
    }
}

impl fmt::Display for ProxyMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection(Connect::Icmp(error)) => write!(f, "cannot be reached: {error}"),
            Self::NoConnection(Connect::Reset) => f.write_str("refuses connections"),
            Self::NoConnection(Connect::Silent | Connect::Accepted)
            | Self::Answer(HttpAnswer::Silent) => f.write_str("does not answer"),
            Self::Answer(HttpAnswer::Response(response)) => {
                write!(f, "answers with HTTP {}", response.status)
            }
            Self::Answer(HttpAnswer::Closed | HttpAnswer::Reset) => {
                f.write_str("closes the connection")
            }
            Self::Answer(HttpAnswer::Unfinished { .. } | HttpAnswer::NotHttp(_)) => {
                f.write_str("does not answer with HTTP")
            }
        }
    }
}

impl fmt::Display for LocalTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { operation, on: Some(on), error } => {
                write!(f, "could not {operation} {on}: {error}")
            }
            Self::System { operation, on: None, error } => {
                write!(f, "could not {operation}: {error}")
            }
            Self::UnaskableName(name) => write!(f, "could not build a DNS query for {name}"),
            Self::NotOverUdp(service) => write!(f, "{service} does not run over UDP"),
            Self::NoCredentials => f.write_str("there are no credentials to join a room"),
            Self::ProbeBroke => f.write_str("the probe failed inside ovcheck"),
            Self::NothingAsked => f.write_str("no probe was made for this"),
            Self::NothingSent(range) => {
                write!(f, "this machine could not send a datagram to UDP {range}")
            }
        }
    }
}
