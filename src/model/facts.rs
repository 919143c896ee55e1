//! What was seen, without a word of judgement: the facts of each probe here, what they are made of
//! in the modules below.
//!
//! A refusal, an alert, NXDOMAIN and *silence* are facts. Text that a server supplied is cut to a
//! size and cleared of control characters before it gets here ([`ServerText`]).

mod browser;
mod call;
mod certificate_file;
mod connect;
mod first_bytes;
mod host;
mod http;
mod likeness;
mod livekit;
mod loss;
mod openvidu;
mod proxy;
mod responder;
mod text;
mod tls;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::name::{BucketName, DomainName};
use super::port::{Port, PortRange};

pub use browser::{BrowserFacts, HelloFacts, HelloShape, Http2Answer, Http2Facts};
pub use call::{
    CallFacts, CandidateFacts, CandidatePlace, DtlsFacts, Farewell, HttpProxyFacts, IceCheck,
    IceScheme, IceUrl, IceUrlParts, JoinAnswer, LostWebSocket, NodeSearch, NotSent, PathFacts,
    PeerKind, PermissionFacts, PunchFacts, RelayFacts, RoomEnd, SdpAnswer, SearchEnd, SessionFacts,
    SignalFacts, TokenLife, UpgradeFlaw, Way,
};
pub use certificate_file::{
    CertificateFile, ChainFile, ChainReading, Denial, KeyFile, KeyReading, RenewalReload,
};
pub use connect::{Connect, IcmpError, IcmpMeaning, IcmpSender};
pub use first_bytes::FirstBytes;
pub use host::{
    Action, BlockList, ChainHook, ClockState, Condition, ConnectionStates, ConnectionTable,
    DiskSpace, Distribution, FilterChain, FilterRule, HookPoint, HostFacts, HostInterface,
    HostRead, InterfaceNames, Listener, ListenerOwner, NetworkBlock, PacketFilter, Policy, PortSet,
    ProtocolList, RuleLine, Selinux, UdpBuffers, Unread, is_internal_interface,
};
pub use http::{
    AuthChallenge, BodyEnd, HeaderField, HttpAnswer, HttpResponse, LivekitReply, Page, PageKind,
    SpeakerMarks,
};
pub use likeness::{BucketAccess, Likeness};
pub use livekit::LivekitRefusal;
pub use loss::Loss;
pub use openvidu::{
    FaultKind, FileFault, OpenviduFacts, SecretMark, Setting, SettingValue, SettingsFile,
    SettingsKind, UnknownVariable, ValueForm, VariableTrouble,
};
pub use proxy::{
    ConfiguredName, ConnectionLimit, Limit, ProxyFacts, ProxyFault, ProxyFaultKind, ProxyLimits,
    ProxyListener, ProxyRemark, ProxyRemarkKind,
};
pub use responder::{ResponderAnswer, ResponderFacts, ResponderSweep, SentToAll, SynSweep};
pub use text::{ServerText, is_hidden};
pub use tls::{
    CertificateFacts, ChainFacts, ChainFault, Handshake, HandshakeChange, SecondHandshake,
    TlsSession, TlsVersion, Trust,
};

/// The facts of one probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facts {
    Dns(DnsFacts),
    Tcp(TcpFacts),
    Http(HttpFacts),
    Tls(TlsFacts),
    Api(ApiFacts),
    Browser(BrowserFacts),
    Turn(TurnFacts),
    Hold(HoldFacts),
    Rtmp(RtmpFacts),
    Service(ServiceFacts),
    Udp(UdpFacts),
    Echo(EchoFacts),
    Responder(ResponderFacts),
    Authority(AuthorityFacts),
    Call(Box<CallFacts>),
    Host(Box<HostFacts>),
    ProxyConfiguration(Box<ProxyFacts>),
    OpenviduConfiguration(Box<OpenviduFacts>),
}

macro_rules! facts_of_each_probe {
    ($($name:ident: $variant:ident($facts:ty),)+) => {
        impl Facts {$(
            #[doc = concat!("The facts if they are of this kind: [`", stringify!($facts), "`].")]
            pub fn $name(&self) -> Option<&$facts> {
                if let Self::$variant(facts) = self { Some(facts) } else { None }
            }
        )+}
    };
}

facts_of_each_probe! {
    as_dns: Dns(DnsFacts),
    as_tcp: Tcp(TcpFacts),
    as_http: Http(HttpFacts),
    as_tls: Tls(TlsFacts),
    as_api: Api(ApiFacts),
    as_browser: Browser(BrowserFacts),
    as_turn: Turn(TurnFacts),
    as_hold: Hold(HoldFacts),
    as_rtmp: Rtmp(RtmpFacts),
    as_service: Service(ServiceFacts),
    as_udp: Udp(UdpFacts),
    as_echo: Echo(EchoFacts),
    as_responder: Responder(ResponderFacts),
    as_authority: Authority(AuthorityFacts),
    as_call: Call(CallFacts),
    as_host: Host(HostFacts),
    as_proxy_configuration: ProxyConfiguration(ProxyFacts),
    as_openvidu_configuration: OpenviduConfiguration(OpenviduFacts),
}

// --- DNS ---------------------------------------------------------------------------------------

/// What a DNS server said to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Only with [`DnsAnswer::ServFail`]: the addresses that the same server gives if it is asked not
    /// to validate DNSSEC signatures. It failed before and after this question.
    pub without_validation: Vec<IpAddr>,
    /// Only with [`DnsAnswer::Addresses`]: a server that was asked before, and said that the name
    /// does not exist.
    pub denied_by: Option<SocketAddr>,
    /// Only with [`DnsAnswer::Addresses`]: a server that was asked before, and failed unless it was
    /// asked not to validate DNSSEC signatures.
    pub invalid_at: Option<SocketAddr>,
}

/// What the name servers of a zone said to one question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityFacts {
    /// One for each name server, and at most four. Empty if none was found.
    pub servers: Vec<AuthorityAnswer>,
}

/// What one name server of a zone said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityAnswer {
    /// Its name.
    pub name: DomainName,
    pub server: SocketAddr,
    /// Whether it says that the zone is its own. Somebody on the way who answers for every DNS server
    /// does not.
    pub authoritative: bool,
    pub answer: DnsAnswer,
    /// Only with [`DnsAnswer::Addresses`]; sorted.
    pub addresses: Vec<IpAddr>,
}

impl AuthorityAnswer {
    /// The addresses that it has for the name, which may be none; `None` where it settles nothing.
    pub fn settled(&self) -> Option<&[IpAddr]> {
        let is_settled = self.authoritative
            && matches!(
                self.answer,
                DnsAnswer::Addresses
                    | DnsAnswer::NoData
                    | DnsAnswer::NxDomain
                    | DnsAnswer::CnameLoop
            );
        is_settled.then_some(&self.addresses)
    }
}

/// The kinds of answers to a DNS question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

// --- ICMP --------------------------------------------------------------------------------------

/// What an ICMP echo request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchoFacts {
    pub answer: EchoAnswer,
}

impl EchoFacts {
    /// Whether the machine replied.
    pub fn is_replied(self) -> bool {
        matches!(self.answer, EchoAnswer::Replied { .. })
    }
}

/// What came back for echo requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EchoAnswer {
    /// The machine replied.
    Replied { after_ms: u64 },
    /// No reply.
    Silent,
    /// This system lets ordinary users send none, or the machine is dialled elsewhere.
    NotSent,
}

// --- TCP ---------------------------------------------------------------------------------------

/// What a connection attempt met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpFacts {
    pub connect: Connect,
    /// The address and port that were dialled, when `--connect-to` sent us to another place.
    pub dialled: Option<SocketAddr>,
}

// --- HTTP --------------------------------------------------------------------------------------

/// What a plain HTTP request met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpFacts {
    pub connect: Connect,
    pub dialled: Option<SocketAddr>,
    /// The path that was asked for.
    pub path: String,
    /// `None` when the connection was not accepted.
    pub answer: Option<HttpAnswer>,
}

// --- TLS ---------------------------------------------------------------------------------------

/// What a TLS handshake met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    pub connect: Connect,
    pub dialled: Option<SocketAddr>,
    /// `None` when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// What the same place did with another beginning, when the handshake failed.
    pub second: Option<SecondHandshake>,
    /// For a name that nobody should serve: what answered behind the finished handshake.
    pub behind: Option<Behind>,
    /// Only after a handshake that stayed silent.
    pub second_try: Option<SecondTry>,
}

/// What two further attempts met, when the first stayed silent on a connection that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondTry {
    /// Whether the same was answered when TCP was kept to small segments, both ways.
    pub with_small_segments: bool,
    /// Whether it was answered when it was done again as before.
    pub as_before: bool,
    /// Whether it was answered when only our own packets were small; `None` where they are anyway.
    pub in_pieces: Option<bool>,
}

// --- LiveKit API -------------------------------------------------------------------------------

/// What a request to LiveKit's HTTP API met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiFacts {
    pub connect: Connect,
    pub dialled: Option<SocketAddr>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when it did not come to a request.
    pub answer: Option<HttpAnswer>,
    /// With another beginning, when nothing answered.
    pub otherwise: Option<OtherBeginnings>,
}

/// What became of the same request with another beginning, each on a connection of its own, when
/// nothing answered it as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherBeginnings {
    /// Whether it is answered when a PROXY protocol header comes first.
    pub behind_proxy_header: bool,
    /// Whether TLS answers to a ClientHello in its place.
    pub by_tls: bool,
}

// --- STUN, TURN --------------------------------------------------------------------------------

/// What a STUN Binding and an unauthenticated TURN Allocate met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnFacts {
    /// `None` over UDP.
    pub connect: Option<Connect>,
    pub dialled: Option<SocketAddr>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when it did not come to a request.
    pub binding: Option<StunAnswer>,
    /// `None` when it did not come to a request.
    pub allocate: Option<StunAnswer>,
    /// What an HTTP request to the same place met, when STUN was not answered.
    pub instead: Option<HttpAnswer>,
    /// With another beginning, when nothing answered over TCP or TLS.
    pub otherwise: Option<OtherBeginnings>,
    /// The protocol in which the port answers over UDP, when it did not answer STUN.
    pub other_protocol: Option<DatagramProtocol>,
    /// When each copy of the first request was sent, in milliseconds after the probe's start.
    pub sent_ms: Vec<u64>,
}

/// A protocol over UDP that is not STUN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatagramProtocol {
    /// QUIC: the server names its versions.
    Quic { versions: Vec<u32> },
    Dtls {
        /// Whether the answer has the record number of the question, 48 random bits. Otherwise two
        /// questions from two ports were answered, and whoever does not see them can forge that.
        is_numbered: bool,
    },
}

impl DatagramProtocol {
    /// Whether the answer holds something that only the question has told.
    pub fn is_bound_to_question(&self) -> bool {
        match self {
            Self::Quic { .. } => true,
            Self::Dtls { is_numbered } => *is_numbered,
        }
    }
}

/// What came back for a STUN request (RFC 8489, RFC 8656).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Over UDP: datagrams that hold nothing of what was asked, to two questions from two ports.
    /// Whoever does not see the questions can forge them.
    Unrelated(FirstBytes),
    /// After a challenge: a success response that is not signed with the password of the request
    /// (RFC 8489 §9.2.5). Browsers discard it.
    NotSigned {
        /// Whether it is signed at all, with something else then.
        otherwise: bool,
    },
}

impl StunAnswer {
    /// Whether a STUN server sent it, whatever it says.
    pub fn is_stun(&self) -> bool {
        match self {
            Self::Success { .. }
            | Self::Error { .. }
            | Self::Malformed(_)
            | Self::NotSigned { .. } => true,
            Self::Silent
            | Self::Icmp(_)
            | Self::Closed
            | Self::Reset
            | Self::NotStun(_)
            | Self::Unrelated(_) => false,
        }
    }
}

/// What is behind a TLS handshake that should not have come about: one STUN Binding, then one
/// HTTP request on another connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    pub binding: StunAnswer,
    pub http: Option<HttpAnswer>,
}

/// What became of a TURN connection on which nothing was sent for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldFacts {
    pub connect: Connect,
    pub dialled: Option<SocketAddr>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// The answer before it; `None` when it did not come to a request.
    pub binding: Option<StunAnswer>,
    /// `None` when nothing was answered before.
    pub idle: Option<Idle>,
}

/// A time in which nothing is sent on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// From the last answer to what ended it, in milliseconds.
    pub ms: u64,
    pub end: IdleEnd,
}

/// What ended the time without traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdleEnd {
    /// We did, and the next Binding request was answered.
    Answers,
    /// We did, and the next Binding request was not answered.
    Forgotten,
    /// The peer closed the connection.
    Closed,
    /// The peer, or somebody on the way, reset it.
    Reset,
    /// Bytes came that nobody asked for.
    Spoke,
}

// --- RTMP --------------------------------------------------------------------------------------

/// What an RTMP handshake met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtmpFacts {
    pub connect: Connect,
    pub dialled: Option<SocketAddr>,
    /// `None` without TLS, or when the connection was not accepted.
    pub handshake: Option<Handshake>,
    /// `None` when it did not come to C0 and C1.
    pub answer: Option<RtmpAnswer>,
    /// With another beginning, when nothing answered inside TLS.
    pub otherwise: Option<OtherBeginnings>,
    /// Only when C0 and C1 stayed without an answer.
    pub second_try: Option<SecondTry>,
}

/// What came back for C0 and C1 (RTMP specification §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    pub connect: Connect,
    pub dialled: Option<SocketAddr>,
    /// `None` when the connection was not accepted.
    pub answer: Option<ServiceAnswer>,
    /// Of each bucket that was asked for; empty where no HTTP answers.
    pub buckets: Vec<BucketReply>,
}

/// What came back for the question for the list of a bucket, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketReply {
    pub name: BucketName,
    pub answer: HttpAnswer,
}

/// What came back for the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceAnswer {
    Redis(RedisAnswer),
    /// An answer to our `hello` in MongoDB's wire protocol.
    MongoDb {
        /// The name of the replica set, when it has one.
        set_name: Option<ServerText>,
        is_primary: Option<bool>,
        login: MongoLogin,
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

impl ServiceAnswer {
    /// See [`HttpResponse::essence`].
    pub fn essence(&self) -> Self {
        if let Self::Http(response) = self { Self::Http(response.essence()) } else { self.clone() }
    }
}

/// Whether MongoDB lists its databases without a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MongoLogin {
    /// It refuses to, because nobody is logged in.
    Demanded,
    /// It lists them.
    NotDemanded,
    /// It answered something else, or nothing in time.
    Unknown,
}

/// What Redis says to a `PING` without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedisAnswer {
    /// `+PONG`.
    Pong,
    /// `+PONG`, and `INFO` says that it is a Sentinel, which keeps no data of clients.
    Sentinel,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpFacts {
    /// The ports that were asked for by number, in the order in which they were first probed;
    /// behind them those of the swept range that answered, in the order of their numbers.
    pub ports: Vec<UdpPortFacts>,
    /// The range of which all ports were asked, where there was one.
    pub swept: Option<SweepFacts>,
    /// Ports that had answered with an ICMP error, asked once more behind those that were silent:
    /// an answer shows that the node still had errors to send us. Where there was none, a port that
    /// another probe asks.
    pub sentinels: Vec<Sentinel>,
    /// What was found of the edges between ports that answer and ports that do not, where they
    /// were looked for.
    pub extent: Option<ExtentFacts>,
}

/// A range of which every port was asked. A port of it that does not stand in
/// [`UdpFacts::ports`] sent nothing back, but for `unsent` of them, which nothing was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepFacts {
    pub range: PortRange,
    /// How many copies a port got that stayed silent.
    pub copies: u32,
    /// Datagrams to ports of the range that were not asked for by number.
    pub sent: u32,
    /// Ports of the range that were not asked at all.
    pub unsent: u32,
    /// Whether they were not asked because the address answered nothing of the deployment's, and the
    /// operator did not name it.
    pub withheld: bool,
    /// When the first of these datagrams was sent, in milliseconds after the probe's start.
    pub first_sent_ms: Option<u64>,
    /// When the last one was.
    pub last_sent_ms: Option<u64>,
}

/// A port asked once more, at the end of a round of those that were named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentinel {
    pub port: Port,
    /// When it was asked, in milliseconds after the probe's start.
    pub sent_ms: u64,
    /// Whether an ICMP error came, for this question alone.
    pub answered: bool,
}

/// Which parts of a range of UDP ports answer, by asking ports between those that do and those
/// that do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtentFacts {
    pub range: PortRange,
    /// In the order of their numbers. What lies between two of them was not found out.
    pub stretches: Vec<Stretch>,
    /// How many ports were asked for it.
    pub steps: u32,
    pub ended: ExtentEnd,
}

/// Neighbouring ports that do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// From the first port to the last that are known to do so. Not every one between them was
    /// asked.
    pub ports: PortRange,
    pub shows: StretchShows,
    /// Whether the port before the first one is known to do otherwise, or the range begins here.
    pub first_is_exact: bool,
    /// Whether the port behind the last one is known to do otherwise, or the range ends here.
    pub last_is_exact: bool,
}

/// What the ports of a stretch do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StretchShows {
    /// Somebody answers, or the address itself says that nobody listens.
    Answers,
    /// Nothing came while the address had an ICMP error to send, or somebody says no.
    Blocked,
}

/// Why the search for edges ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExtentEnd {
    /// There was no edge left to find.
    Complete,
    /// It had the steps that it may have.
    StepsSpent,
    /// It had the time that it may have.
    TimeSpent,
    /// No port answered with an ICMP error, so that silence could not be told from an error that
    /// was not sent.
    NoSentinel,
    /// Several times in a row neither the port nor the sentinel behind it answered.
    Unheard,
    /// This machine let a datagram not out.
    NotSent,
}

/// What one UDP port sent back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpPortFacts {
    pub port: Port,
    /// When each copy was sent, in milliseconds after the probe's start.
    pub sent_ms: Vec<u64>,
    pub answer: UdpAnswer,
    /// When the answer came, in milliseconds after the probe's start.
    pub answered_ms: Option<u64>,
}

/// What came back for a datagram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UdpAnswer {
    /// A STUN message with our transaction id.
    Stun,
    /// Another datagram from the probed address and port, with our transaction id in it.
    Data(FirstBytes),
    /// Datagrams that hold nothing of what was asked, to two questions from two ports. Whoever does
    /// not see the questions can forge them.
    Unrelated(FirstBytes),
    Icmp(IcmpError),
    Silent,
    /// This datagram could not be sent.
    NotSent,
}
