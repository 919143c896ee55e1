//! Configuration files of a deployment: where something stands in them, and where a proxy leads each
//! connection by what they say.
//!
//! A reader of files makes this; nothing in here knows a rule.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::facts::{NetworkBlock, ServerText, TlsVersion};
use super::name::DomainName;
use super::port::Port;
use super::target::Family;
use super::word_list::word_list;

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// The path under which it was read.
    pub file: ServerText,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// How many characters of the line are meant; at least 1.
    pub width: u32,
    /// The line. `None`: a secret stands in it.
    pub text: Option<ServerText>,
}

/// A comment that accepts what a rule finds on a line: `# ovcheck: ignore RULE reason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreComment {
    pub at: Location,
    /// The line that it is about: its own, or, where nothing else stands on it, the next one with more than a
    /// comment. From 1.
    pub line: u32,
    /// What stands for the rule.
    pub rule: ServerText,
    /// Why. Blank: the comment does not say.
    pub reason: ServerText,
}

word_list! {
    /// The kinds of proxy that are told apart by their configuration.
    pub enum ProxyKind {
        /// nginx.
        Nginx = "nginx",
        /// HAProxy.
        Haproxy = "haproxy",
        /// Caddy.
        Caddy = "caddy",
        /// Traefik.
        Traefik = "traefik",
    }
}

/// A connection as a client would make it to a proxy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Connection {
    /// The name in the ClientHello (SNI) and in the `Host` header. `None`: no SNI, and the address as `Host`.
    pub name: Option<DomainName>,
    pub port: Port,
    pub family: Family,
    pub opening: Opening,
}

/// What a client sends first: inside TLS where [`Opening::is_over_tls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// A WebSocket upgrade of LiveKit's signalling, inside TLS.
    WebSocket,
    /// A STUN Binding request, inside TLS.
    Stun,
    /// The handshake of RTMP, inside TLS.
    Rtmp,
    /// The handshake of RTMP, without TLS.
    PlainRtmp,
    /// `GET /`, without TLS.
    PlainHttp,
    /// `GET /.well-known/acme-challenge/…`, without TLS (RFC 8555 section 8.3).
    AcmeChallenge,
}

impl Opening {
    /// Whether a TLS handshake comes first.
    pub fn is_over_tls(self) -> bool {
        matches!(self, Self::WebSocket | Self::Stun | Self::Rtmp)
    }
}

/// Where one connection ends, and on which way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub asked: Connection,
    /// In the order in which the connection meets them.
    pub hops: Vec<Hop>,
    pub end: End,
    /// The words of the configuration that decide the end.
    pub decided_at: Option<Location>,
    /// What ended TLS: where the file of the certificate is named.
    pub certificate: Option<NamedFile>,
    /// How TLS is ended. `None`: it is not, or another reader does not tell.
    #[serde(default)]
    pub tls: Option<Box<TlsEnding>>,
    /// The shortest time without data after which a hop on the way closes the connection.
    pub idle_timeout: Option<Timeout>,
    /// The longest time that the last hop waits for the backend to accept.
    pub connect_timeout: Option<Timeout>,
    /// What else holds for this connection on its way, in the order in which it is met.
    pub met: Vec<Met>,
}

/// Something that a connection meets on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    pub at: Location,
    pub what: MetSetting,
}

/// A setting that holds for one connection, or a choice that finds nothing for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetSetting {
    /// A map or a list by this variable or condition has nothing for the connection.
    NoEntry { by: ServerText },
    /// This key would take the connection if the map compared names and not texts.
    IgnoredKey(ServerText),
    /// A variable that is always empty there, and what would fill it.
    EmptyVariable { name: ServerText, needs: ServerText },
    /// What was chosen is no configured group of backends, and no address either.
    UnknownGroup(ServerText),
    /// A name is resolved for each connection, and no resolver is configured.
    ResolverMissing(ServerText),
    /// No server has the name, and the first or default one takes the request.
    TakenByDefault,
    /// A member of the chosen group.
    Member { address: ServerText, state: MemberState },
    /// A limit of what one client may do.
    Throttle(Throttle),
    /// The most connections that a listener takes, or that a backend gets, at the same time.
    MostConnections(u64),
    /// Only some addresses are let in.
    AccessList(Admission),
    /// The largest body of a request, in bytes; 0: any.
    LargestBody(u64),
    /// Answers are kept and given to others.
    Cache,
    /// A client has to log in at the proxy.
    Login,
    /// The proxy changes the content of answers.
    ChangesContent,
    /// A header is to name the client, and names the proxy itself.
    ClientAddressLost { header: ServerText },
    /// A router that would take the connection, and that the proxy does not use.
    UnusedRouter { router: ServerText, why: UnusedBecause },
}

/// Why a proxy does not use a router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnusedBecause {
    /// It is for a name, which only a connection with TLS has, and has no TLS.
    NoTls,
    /// Its rule is not understood.
    Rule,
    Service(ServerText),
    Middleware(ServerText),
    /// One that it names is not there; others are.
    EntryPoint(ServerText),
    /// Options of TLS.
    TlsOptions(ServerText),
}

/// How a member of a group takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    /// It gets no connection.
    Down,
    /// It gets connections only when all others fail.
    Backup,
    /// It is tried again and again, also when it does not answer.
    NeverFailed,
}

/// A limit of what one client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Throttle {
    /// Bytes in a second.
    Rate,
    /// Connections at the same time.
    Connections,
    /// Requests in a time.
    Requests,
}

/// Whom an access list lets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// Nobody but those whom it names.
    Named,
    /// All but these.
    AllBut(Vec<NetworkBlock>),
}

/// How a hop ends TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsEnding {
    /// The listener.
    pub at: Location,
    /// The layer of the hop: whether it reads HTTP, or passes on what it gets.
    pub layer: Layer,
    /// The files of the certificates between which the client's algorithms decide; usually one.
    pub certificates: Vec<ServerText>,
    /// Whether the first of them is for the name that is asked for. `None`: no name, or the file was not read.
    pub covers_name: Option<bool>,
    pub versions: AllowedVersions,
    /// What is offered to clients by ALPN (RFC 7301), the preferred one first. `None`: the configuration does not
    /// say it.
    pub alpn: Option<OfferedProtocols>,
    /// Where a client's certificate is required.
    pub client_certificate: Option<Location>,
    /// The value of `Strict-Transport-Security` (RFC 6797) that the answers get.
    pub hsts: Option<AddedHeader>,
    /// The value of `Alt-Svc` (RFC 7838) that the answers get.
    pub alt_svc: Option<AddedHeader>,
}

/// The versions of TLS that a hop accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedVersions {
    Listed {
        versions: Vec<TlsVersion>,
        at: Location,
        /// Another line for the same name, which newer versions of the proxy take instead.
        other: Option<Location>,
    },
    /// The configuration does not say it: the default depends on the version of the proxy.
    ByVersion,
}

/// Protocols that a hop offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedProtocols {
    pub protocols: Vec<ServerText>,
    pub at: Location,
}

/// A header that a hop adds to answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedHeader {
    pub value: ServerText,
    pub at: Location,
}

impl Trace {
    /// A connection that ends so before anything is followed.
    pub fn without_hops(asked: Connection, end: End, decided_at: Location) -> Self {
        Self {
            asked,
            hops: Vec::new(),
            end,
            decided_at: Some(decided_at),
            certificate: None,
            tls: None,
            idle_timeout: None,
            connect_timeout: None,
            met: Vec::new(),
        }
    }
}

/// A time limit, and where it is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeout {
    pub lasts: Duration,
    /// `None`: the proxy's default.
    pub at: Option<Location>,
}

/// A file that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    pub path: ServerText,
    pub at: Location,
}

/// One thing that the proxy does with a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    pub at: Location,
    pub does: HopAction,
}

/// What a proxy does with a connection at one place of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopAction {
    /// It accepts it, as TCP or as HTTP.
    Accepts { layer: Layer, reads_proxy_header: bool },
    /// It ends TLS.
    EndsTls,
    /// It reads the name in the ClientHello, and leaves TLS as it is.
    ReadsServerName,
    /// A map, an access control list or a router chooses by `by` (a variable, a condition).
    Chooses { by: ServerText, chosen: ServerText },
    /// An HTTP server with this name takes it.
    TakesAsServer { name: ServerText },
    /// The location, path or route that takes the request.
    TakesAsPath { path: ServerText },
    /// It sends a PROXY header to the next hop or backend.
    SendsProxyHeader(ProxyHeader),
    /// It passes it on.
    PassesTo { target: ServerText },
}

/// The layer on which a proxy handles a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    Tcp,
    Http,
}

/// How a connection ends at or behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It is passed to this address, which no listener of the proxy has.
    Backend(Box<Backend>),
    /// TLS ends with an alert.
    Alert(AlertCause),
    /// It is accepted and closed without an answer.
    Closed(CloseCause),
    /// Nothing listens there.
    Refused,
    /// HTTP redirects it.
    Redirect { status: u16, location: ServerText },
    /// The proxy answers it itself. `status` is `None` for a file, or its absence, and for raw text.
    LocalAnswer { status: Option<u16> },
    /// The proxy does not start with this configuration.
    NotStarted(StartFailure),
    /// The configuration alone does not tell.
    Undecided(Undecided),
}

/// To what a proxy passes a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    pub address: BackendAddress,
    /// `None`: a Unix socket.
    pub port: Option<Port>,
    /// The other members of the group that was chosen, in their order.
    pub others: Vec<BackendPlace>,
    pub tls: BackendTls,
    /// Which PROXY header it sends first.
    pub proxy_header: Option<ProxyHeader>,
    /// What a hop that handles HTTP makes of the request.
    pub http: Option<BackendHttp>,
}

/// A member of a group of backends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendPlace {
    pub address: BackendAddress,
    /// `None`: a Unix socket.
    pub port: Option<Port>,
    pub at: Location,
}

/// An address in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendAddress {
    Ip(IpAddr),
    /// A name, which only the proxy resolves.
    Name(ServerText),
    /// The path of a Unix socket that the proxy itself does not have.
    Socket(ServerText),
}

/// Whether a backend is spoken to in TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendTls {
    /// TLS was ended, or there was none.
    None,
    /// TLS was ended, and the proxy begins TLS again.
    Again,
    /// The client's TLS reaches the backend.
    Still,
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    V1,
    V2,
}

/// An HTTP request as it reaches a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendHttp {
    /// Its `Host` header.
    pub host: ServerText,
    pub path: ServerText,
    /// Whether `Upgrade` and `Connection` are passed on.
    pub keeps_upgrade: bool,
    /// `1.0`, `1.1` or `2`. `None`: the default of the proxy, which depends on its version.
    pub version: Option<ServerText>,
}

/// Why TLS ends with an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertCause {
    /// A variable in the name of a certificate's file is empty for this name.
    NoCertificate,
    /// The name is refused (`ssl_reject_handshake`, `strict-sni`).
    NameRefused,
    /// The file of the certificate or of its key is not there or cannot be read.
    FileMissing(ServerText),
    /// The user as whom the proxy opens the file for each handshake may not read it.
    FileDenied(ServerText),
    /// The file holds no certificate, or no key.
    NotPem(ServerText),
    /// The key belongs to another certificate.
    KeyOfAnother,
    /// None of the versions that clients speak today is allowed.
    NoCommonVersion,
}

/// Why a connection is closed without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloseCause {
    /// No backend is chosen: what names it is empty.
    NoBackend,
    /// The chosen backend has no port.
    NoPort(ServerText),
    /// The chosen name is none of the configured groups of backends, and there is no resolver.
    NoResolver(ServerText),
    /// The listener expects a PROXY header, and the hop before sends none.
    ProxyHeaderMissing,
    /// The hop before sends a PROXY header that the listener does not expect.
    ProxyHeaderUnexpected,
    /// A listener that handles HTTP or TLS gets something else.
    OtherProtocol,
    /// An access list.
    AccessDenied,
    /// A client without a certificate of its own is not let in.
    ClientCertificateMissing,
    /// The configuration says so (`return 444`).
    Configured,
    /// The hops lead in a circle.
    Circle,
}

/// Why a proxy does not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartFailure {
    Syntax,
    /// Something else in this configuration has the port.
    PortTwice,
    /// A file that is included or named without a variable is missing.
    FileMissing(ServerText),
    /// A variable that does not exist there.
    UnknownVariable(ServerText),
    /// A directive that is not allowed where it stands, or is not known without a module.
    Misplaced(ServerText),
    Conflict(ServerText),
    /// The file holds no certificate, or no key.
    NotPem(ServerText),
    /// The file is the private key of another certificate.
    KeyOfAnother(ServerText),
    /// A name that does not resolve; whether it does is seen only on the proxy.
    Other(ServerText),
}

/// Why a configuration alone does not tell where a connection ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undecided {
    /// A variable whose value is computed while the proxy runs.
    Variable(ServerText),
    /// A file that was not to be read.
    FileUnread(ServerText),
    /// A name that only the proxy resolves, and that may be the proxy itself.
    Name(ServerText),
    /// A directive that may answer otherwise (`if`, `rewrite`, `auth_request`, Lua).
    Directive(ServerText),
    /// Which version of the proxy runs.
    Version,
    /// An environment variable.
    Environment(ServerText),
}
