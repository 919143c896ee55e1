//! What was seen, without a word of judgement.
//!
//! A refusal, an alert, NXDOMAIN and *silence* are facts. Text that a server supplied is cut to a
//! size and cleared of control characters before it gets here ([`ServerText`]).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Serialize;

use super::name::DomainName;
use super::port::Port;
use super::target::Family;
use super::timestamp::Timestamp;

/// Text that a server supplied: at most 200 characters, control characters replaced by `·`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ServerText(String);

impl ServerText {
    /// The most characters that are kept.
    pub const LIMIT: usize = 200;

    /// Takes over what a server sent.
    pub fn new(text: &str) -> Self {
        // Also the invisible ones that turn the direction of text or hide in it.
        let hides = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        let clean = text
            .chars()
            .take(Self::LIMIT)
            .map(|c| if hides(c) { '·' } else { c })
            .collect();
        Self(clean)
    }

    /// Takes over bytes that should be text; what is not UTF-8 becomes `�`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let enough = &bytes[..bytes.len().min(Self::LIMIT * 4)];
        Self::new(&String::from_utf8_lossy(enough))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The facts of one probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Facts {
    Dns(DnsFacts),
    Tcp(TcpFacts),
    Http(HttpFacts),
    Tls(TlsFacts),
    Api(ApiFacts),
    Turn(TurnFacts),
    Rtmp(RtmpFacts),
    Service(ServiceFacts),
    Udp(UdpFacts),
}

impl Facts {
    /// The facts of a `dns` probe.
    pub fn as_dns(&self) -> Option<&DnsFacts> {
        if let Self::Dns(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `tcp` probe.
    pub fn as_tcp(&self) -> Option<&TcpFacts> {
        if let Self::Tcp(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `http` probe.
    pub fn as_http(&self) -> Option<&HttpFacts> {
        if let Self::Http(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `tls` probe.
    pub fn as_tls(&self) -> Option<&TlsFacts> {
        if let Self::Tls(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `api` probe.
    pub fn as_api(&self) -> Option<&ApiFacts> {
        if let Self::Api(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `turn` probe.
    pub fn as_turn(&self) -> Option<&TurnFacts> {
        if let Self::Turn(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `rtmp` probe.
    pub fn as_rtmp(&self) -> Option<&RtmpFacts> {
        if let Self::Rtmp(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `service` probe.
    pub fn as_service(&self) -> Option<&ServiceFacts> {
        if let Self::Service(facts) = self {
            Some(facts)
        } else {
            None
        }
    }

    /// The facts of a `udp` probe.
    pub fn as_udp(&self) -> Option<&UdpFacts> {
        if let Self::Udp(facts) = self {
            Some(facts)
        } else {
            None
        }
    }
}

// --- DNS ---------------------------------------------------------------------------------------

/// What a DNS server said to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DnsFacts {
    /// The server that answered, or the last one asked.
    pub server: SocketAddr,
    /// Whether the answer came over UDP; `false`: over TCP.
    pub over_udp: bool,
    pub answer: DnsAnswer,
    /// The names that the question was led to, in order, without the question's own.
    pub cname_chain: Vec<DomainName>,
    /// Only with [`DnsAnswer::Addresses`]; sorted.
    pub addresses: Vec<IpAddr>,
}

/// The kinds of answers to a DNS question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnsAnswer {
    /// At least one address.
    Addresses,
    /// The name exists (or leads somewhere by CNAME), and has no address of this family.
    NoData,
    /// The name, or the one that a CNAME leads to, does not exist.
    NxDomain,
    ServFail,
    Refused,
    /// Another response code (RFC 6895).
    OtherCode(u16),
    /// A chain of CNAMEs that leads back to itself, or is longer than 16.
    CnameLoop,
    /// An answer that is not a DNS message, or not to our question.
    Malformed,
    /// Nothing came from any server.
    Silent,
    /// Nobody listens at the server's port (ICMP, RST).
    Unreachable,
}

// --- TCP ---------------------------------------------------------------------------------------

/// What a connection attempt met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TcpFacts {
    pub connect: Connect,
    /// The address and port that were dialled, when `--connect-to` sent us to another place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
}

/// What a SYN (and its retransmissions) met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    Accepted,
    /// RST.
    Reset,
    Icmp(IcmpError),
    /// Nothing within the time-out.
    Silent,
}

impl Connect {
    /// Whether somebody accepted.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }
}

/// An ICMP or ICMPv6 error that came back for a packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct IcmpError {
    pub family: Family,
    /// ICMP type (RFC 792: 3 destination unreachable, 11 time exceeded; RFC 4443: 1, 3).
    #[serde(rename = "type")]
    pub icmp_type: u8,
    pub code: u8,
    /// Who sent it; `None` where the system does not tell.
    pub from: Option<IpAddr>,
}

/// What an ICMP error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpMeaning {
    /// 3/3 · v6 1/4.
    PortUnreachable,
    /// 3/9, 3/10, 3/13 · v6 1/1, 1/5, 1/6: a firewall says so itself.
    AdminProhibited,
    /// 3/1, 3/5…8, 3/11, 3/12 · v6 1/3, 1/2: the last router found nobody.
    HostUnreachable,
    /// 3/0 · v6 1/0.
    NetworkUnreachable,
    /// Anything else.
    Other,
}

impl IcmpError {
    /// The meaning of type and code (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1).
    pub fn meaning(&self) -> IcmpMeaning {
        use IcmpMeaning as M;
        match (self.family, self.icmp_type, self.code) {
            (Family::V4, 3, 3) | (Family::V6, 1, 4) => M::PortUnreachable,
            (Family::V4, 3, 9 | 10 | 13) | (Family::V6, 1, 1 | 5 | 6) => M::AdminProhibited,
            (Family::V4, 3, 0) | (Family::V6, 1, 0) => M::NetworkUnreachable,
            (Family::V4, 3, 1 | 5..=8 | 11 | 12) | (Family::V6, 1, 2 | 3) => M::HostUnreachable,
            _ => M::Other,
        }
    }
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.meaning() {
            IcmpMeaning::PortUnreachable => "port unreachable",
            IcmpMeaning::AdminProhibited => "administratively prohibited",
            IcmpMeaning::HostUnreachable => "host unreachable",
            IcmpMeaning::NetworkUnreachable => "network unreachable",
            IcmpMeaning::Other => "an error",
        };
        let protocol = match self.family {
            Family::V4 => "ICMP",
            Family::V6 => "ICMPv6",
        };
        write!(f, "{words} ({protocol} {}/{}", self.icmp_type, self.code)?;
        match self.from {
            Some(from) => write!(f, " from {from})"),
            None => f.write_str(")"),
        }
    }
}

/// What the first bytes of an answer look like, when they are not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstBytes {
    /// `HTTP/1.` and the rest of its status line.
    Http(ServerText),
    /// A TLS record.
    Tls,
    /// RTMP's S0 (0x03) with a handshake behind it.
    Rtmp,
    /// A STUN message (magic cookie).
    Stun,
    /// `SSH-`.
    Ssh(ServerText),
    /// `PROXY `, or the signature of version 2.
    ProxyProtocol,
    /// Other printable text.
    Text(ServerText),
    /// Other bytes: the first 16 in hexadecimal.
    Binary(String),
}

impl fmt::Display for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(line) => write!(f, "HTTP (\"{line}\")"),
            Self::Tls => f.write_str("a TLS record"),
            Self::Rtmp => f.write_str("an RTMP handshake"),
            Self::Stun => f.write_str("a STUN message"),
            Self::Ssh(line) => write!(f, "SSH (\"{line}\")"),
            Self::ProxyProtocol => f.write_str("a PROXY protocol header"),
            Self::Text(text) => write!(f, "text (\"{text}\")"),
            Self::Binary(hex) => write!(f, "unknown bytes ({hex})"),
        }
    }
}

// --- HTTP --------------------------------------------------------------------------------------

/// What a plain HTTP request met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HttpFacts {
    pub connect: Connect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
    /// The path that was asked for.
    pub path: String,
    /// `None` when the connection was not accepted.
    pub answer: Option<HttpAnswer>,
}

/// What came back for an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HttpAnswer {
    Response(HttpResponse),
    /// The connection ended without a byte.
    Closed,
    /// RST after the connection was accepted.
    Reset,
    /// Nothing within the time-out; the connection stays open.
    Silent,
    /// Bytes came, and no whole head within time-out or size limit.
    Unfinished {
        bytes: usize,
    },
    NotHttp(FirstBytes),
}

/// The parts of an HTTP response that the rules need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HttpResponse {
    pub status: u16,
    pub server: Option<ServerText>,
    pub location: Option<ServerText>,
    pub content_type: Option<ServerText>,
    /// `Date` minus our clock, in seconds; `None` without a readable `Date`.
    pub date_ahead_s: Option<i64>,
    /// The first 200 characters of the body.
    pub body: ServerText,
}

// --- TLS ---------------------------------------------------------------------------------------

/// What a TLS handshake met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TlsFacts {
    pub connect: Connect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
    /// `None` when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// For a name that nobody should serve: what answered behind the finished handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
}

/// How a TLS handshake ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    Completed(Box<TlsSession>),
    /// A fatal alert (RFC 8446 §6.2).
    Alert {
        code: u8,
        name: String,
    },
    NotTls(FirstBytes),
    /// End of stream before the handshake was done.
    Closed,
    Reset,
    /// Nothing, or too little, within the time-out.
    Silent,
    /// The peer broke the protocol.
    Broken(ServerText),
}

/// A finished TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TlsSession {
    pub version: TlsVersion,
    /// IANA name of the cipher suite; for versions before 1.2 its number.
    pub cipher: String,
    pub alpn: Option<ServerText>,
    /// `None` when only the version was asked for.
    pub certificate: Option<ChainFacts>,
}

/// SSL and TLS versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum TlsVersion {
    #[serde(rename = "SSL 3.0")]
    Ssl3,
    #[serde(rename = "TLS 1.0")]
    Tls10,
    #[serde(rename = "TLS 1.1")]
    Tls11,
    #[serde(rename = "TLS 1.2")]
    Tls12,
    #[serde(rename = "TLS 1.3")]
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssl3 => "SSL 3.0",
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// The certificate chain as sent, and what is right and wrong with it, each apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChainFacts {
    /// In the order in which they were sent, the server's own first; at most 10 are kept.
    pub certificates: Vec<CertificateFacts>,
    /// How many were sent.
    pub sent: usize,
    pub trust: Trust,
    /// Whether the server's certificate is for the name in SNI (RFC 6125, SAN only).
    pub name_matches: bool,
    /// Which roots judged: the system's, Mozilla's, or a file's.
    pub roots: String,
}

/// Whether the chain as sent leads to a root, apart from names and dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    Verified,
    /// The server's own certificate signed itself and is no root of ours.
    SelfSigned,
    /// Only the server's certificate was sent, and it says where its issuer's is to be had (AIA).
    IntermediateMissing,
    /// The chain ends at an issuer that is no root of ours.
    UnknownIssuer,
    /// Something else: the verifier's words.
    Invalid(ServerText),
}

/// One X.509 certificate (RFC 5280).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CertificateFacts {
    pub subject: ServerText,
    pub issuer: ServerText,
    /// DNS names and addresses of the subjectAltName; at most 20 are kept.
    pub names: Vec<ServerText>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

// --- LiveKit API -------------------------------------------------------------------------------

/// What a request to LiveKit's HTTP API met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApiFacts {
    pub connect: Connect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when it did not come to a request.
    pub answer: Option<HttpAnswer>,
}

// --- STUN, TURN --------------------------------------------------------------------------------

/// What a STUN Binding and an unauthenticated TURN Allocate met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TurnFacts {
    /// `None` over UDP.
    pub connect: Option<Connect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when it did not come to a request.
    pub binding: Option<StunAnswer>,
    /// `None` when it did not come to a request.
    pub allocate: Option<StunAnswer>,
    /// What an HTTP request to the same place met, when STUN was not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<HttpAnswer>,
    /// When each copy of the first request was sent, in milliseconds after the probe's start.
    pub sent_ms: Vec<u64>,
}

/// What came back for a STUN request (RFC 8489, RFC 8656).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StunAnswer {
    /// A success response; `mapped` is XOR-MAPPED-ADDRESS.
    Success {
        mapped: Option<SocketAddr>,
    },
    /// An error response.
    Error {
        /// ERROR-CODE, 300 to 699; 0 when the attribute is missing.
        code: u16,
        reason: ServerText,
        realm: Option<ServerText>,
        /// How many bytes NONCE has; `None` without one.
        nonce_bytes: Option<usize>,
    },
    /// Nothing to any copy of the request.
    Silent,
    Icmp(IcmpError),
    /// The connection ended without an answer.
    Closed,
    Reset,
    NotStun(FirstBytes),
    /// STUN, but not an answer to our request: what is wrong with it.
    Malformed(ServerText),
}

/// What is behind a TLS handshake that should not have come about: one STUN Binding, then one
/// HTTP request on another connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Behind {
    pub binding: StunAnswer,
    pub http: Option<HttpAnswer>,
}

// --- RTMP --------------------------------------------------------------------------------------

/// What an RTMP handshake met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RtmpFacts {
    pub connect: Connect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when it did not come to C0 and C1.
    pub answer: Option<RtmpAnswer>,
}

/// What came back for C0 and C1 (RTMP specification §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RtmpAnswer {
    /// S0, S1 and S2, and S2 repeats what C1 held.
    Completed,
    /// S0, S1 and S2, and S2 repeats something else.
    WrongEcho,
    /// S0 came, and less than S1 and S2 within the time-out.
    Unfinished {
        bytes: usize,
    },
    NotRtmp(FirstBytes),
    Closed,
    Reset,
    Silent,
}

// --- Services ----------------------------------------------------------------------------------

/// What the question for one service met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceFacts {
    pub connect: Connect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<SocketAddr>,
    /// `None` when the connection was not accepted.
    pub answer: Option<ServiceAnswer>,
}

/// What came back for the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceAnswer {
    Redis(RedisAnswer),
    /// An answer to our `hello` in MongoDB's wire protocol.
    MongoDb {
        /// The name of the replica set, when it has one.
        set_name: Option<ServerText>,
        is_primary: Option<bool>,
    },
    /// A whole HTTP response, whatever it says.
    Http(HttpResponse),
    /// The SETTINGS frame that begins an HTTP/2 connection (RFC 9113 §3.4).
    Http2,
    /// A Binding request without USERNAME is hung up on, one with a USERNAME is kept waiting.
    IceTcp,
    /// A Binding request without USERNAME is hung up on, and time or connections ran out before it
    /// was seen what becomes of one with a USERNAME.
    HangsUpOnNameless,
    /// Bytes came, and no whole answer within time-out or size limit.
    Unfinished {
        bytes: usize,
    },
    /// Something else than the question was for.
    Other(FirstBytes),
    /// The connection ended without a byte.
    Closed,
    /// RST after the connection was accepted.
    Reset,
    /// Nothing within the time-out; the connection stays open.
    Silent,
}

/// What Redis says to a `PING` without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedisAnswer {
    /// `+PONG`.
    Pong,
    /// `-NOAUTH`.
    NoAuth,
    /// `-DENIED`: no password is set, and only callers on the machine itself are served.
    Denied,
    /// Another of its errors; those that come before or instead of the question of a password.
    Error(ServerText),
    /// An error that only callers meet who need no password (`-LOADING`, `-MASTERDOWN`, …).
    Busy(ServerText),
}

// --- UDP ---------------------------------------------------------------------------------------

/// What single UDP ports of one address sent back for STUN Binding requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UdpFacts {
    /// In the order in which they were first probed.
    pub ports: Vec<UdpPortFacts>,
    /// Ports that had answered with an ICMP error, asked once more behind those that were silent:
    /// an answer shows that the node still had errors to send us.
    pub sentinels: Vec<Sentinel>,
}

/// A port asked once more, at the end of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sentinel {
    pub port: Port,
    /// When it was asked, in milliseconds after the probe's start.
    pub sent_ms: u64,
    pub answered: bool,
}

/// What one UDP port sent back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UdpPortFacts {
    pub port: Port,
    /// When each copy was sent, in milliseconds after the probe's start.
    pub sent_ms: Vec<u64>,
    pub answer: UdpAnswer,
    /// When the answer came, in milliseconds after the probe's start.
    pub answered_ms: Option<u64>,
}

/// What came back for a datagram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UdpAnswer {
    /// A STUN message with our transaction id.
    Stun,
    /// Another datagram from the probed address and port.
    Data(FirstBytes),
    Icmp(IcmpError),
    Silent,
    /// This datagram could not be sent.
    NotSent,
}
