//! What can be asked of the network. A probe looks; it knows no rule.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::facts::TlsVersion;
use super::name::{BucketName, DomainName};
use super::port::{Port, PortRange};
use super::target::{Endpoint, Family};

/// One question to the network. Two equal questions are asked once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProbeSpec {
    /// Which addresses has the name?
    Dns { name: DomainName, family: Family },
    /// Does somebody accept connections?
    Tcp { to: Endpoint },
    /// What does plain HTTP answer for a path of this host?
    Http { to: Endpoint, host: DomainName, path: HttpPath },
    /// How does a TLS handshake end?
    Tls { to: Endpoint, sni: Sni, offer: TlsOffer },
    /// What does LiveKit's HTTP API answer?
    Api { to: Endpoint, over: Carrier, host: DomainName, request: ApiRequest },
    /// What does a request meet that a client sends besides?
    Path { to: Endpoint, over: Carrier, host: DomainName, request: PathRequest },
    /// How is the first message of a browser answered, and is HTTP/2 spoken where it is chosen?
    Browser { to: Endpoint, sni: Sni, speaks_http: bool },
    /// What do a STUN Binding and an Allocate without credentials meet?
    Turn { to: Endpoint, over: Carrier },
    /// Is a TURN connection without traffic left alone?
    Hold { to: Endpoint, over: Carrier },
    /// Does an RTMP handshake come about?
    Rtmp { to: Endpoint, over: Carrier },
    /// Who answers a service's own question, without credentials?
    Service {
        to: Endpoint,
        ask: ServiceAsk,
        /// Where HTTP answers: is one of these buckets of an S3 server listed without credentials?
        buckets: Vec<BucketName>,
    },
    /// What do these UDP ports of one address send back? Probed in this order, because a node
    /// answers only the first few (ICMP rate limit).
    Udp {
        address: std::net::IpAddr,
        ports: Vec<Port>,
        /// A range of which all other ports are asked too, each twice, behind those.
        then: Option<PortRange>,
        /// A range of which the edges between ports that answer and ports that do not are looked
        /// for, behind all that, a port a second.
        extent: Option<PortRange>,
        /// A port of the same address that another probe asks. Where none of `ports` draws an ICMP
        /// error, it is asked behind them: it may be the one that does.
        #[serde(default)]
        sentinel: Option<Port>,
    },
    /// Does a machine answer an ICMP echo request? It does so behind many a firewall that drops all else.
    Echo { address: IpAddr },
    /// What do the name servers of the zone itself answer about a name, where a DNS server's answer is
    /// not what it should be?
    Authority { name: DomainName, family: Family },
    /// Which probes to these UDP ports of one address reach the machine and pass its firewall, as a
    /// responder on it sees it (`ovcheck listen`)? With whose right stands elsewhere.
    Responder { address: IpAddr, ports: Vec<PortRange>, tcp: Vec<PortRange> },
    /// Does our own UDP get out and back? (a STUN Binding to a server outside the deployment)
    OwnUdp { server: SocketAddr },
    /// Who is let in, and by which ways does media pass? (one hidden join)
    Call(CallSpec),
    /// What does this machine say of itself?
    Host,
    /// Where does the configuration of the proxy lead connections? Which files that are stands elsewhere.
    ProxyConfiguration,
    /// What does OpenVidu's own configuration say?
    OpenviduConfiguration,
}

/// One hidden join, and what may be dialled for it. With whose right stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallSpec {
    /// The API's name.
    pub host: DomainName,
    pub port: Port,
    /// The API's addresses; empty: an HTTP proxy has to find them.
    pub addresses: Vec<IpAddr>,
    /// The addresses of names that the server may send us to.
    pub names: Vec<(DomainName, Vec<IpAddr>)>,
    /// Addresses that the deployment declares: dialled though they be loopback or link-local.
    pub declared: Vec<IpAddr>,
    /// STUN servers that tell us our address as others see it.
    pub stun_servers: Vec<SocketAddr>,
    pub punching: Punching,
    pub depth: CallDepth,
    /// The addresses of each Media Node on which a call is to be seen; empty: one call is enough.
    pub media_nodes: Vec<Vec<IpAddr>>,
}

impl CallSpec {
    /// How many rooms each step of the search for Media Nodes opens, for each of them. A server that
    /// chooses at random misses one of two with the last of these rooms once in 30,000 times.
    const WAVES: [usize; 3] = [1, 2, 4];

    /// The most rooms that the search opens, however many nodes there are.
    const MOST_ROOMS: usize = 64;

    /// The numbers of rooms that the search for Media Nodes opens at the same time, one after the
    /// other, while one is missing.
    pub fn waves(&self) -> impl Iterator<Item = usize> + use<> {
        let nodes = self.media_nodes.len();
        let mut left = Self::MOST_ROOMS;
        Self::WAVES.into_iter().map(move |share| {
            let wave = (share * nodes).min(left);
            left -= wave;
            wave
        })
    }

    /// How often a join is repeated in a room of its own where several machines may have been behind the
    /// proxy, and one that does not work failed it.
    pub fn repetitions(&self) -> usize {
        if self.media_nodes.is_empty() { 0 } else { 2 }
    }

    /// How many rooms a call opens at most, besides the first.
    pub fn most_further_rooms(&self) -> usize {
        self.waves().sum::<usize>() + self.repetitions()
    }
}

/// Whether an address of ours is offered to the server, to see whether its own checks reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Punching {
    Watched,
    NotWatched,
}

/// How far a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CallDepth {
    /// One authenticated ICE check down each path.
    Checks,
    /// Also the beginning of DTLS, with one more join for each proven path.
    Dtls,
}

impl ProbeSpec {
    /// The name of the probe, as reports print it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dns { .. } => "dns",
            Self::Tcp { .. } => "tcp",
            Self::Http { .. } => "http",
            Self::Tls { .. } => "tls",
            Self::Api { .. } => "api",
            Self::Path { .. } => "path",
            Self::Browser { .. } => "browser",
            Self::Turn { .. } => "turn",
            Self::Hold { .. } => "hold",
            Self::Rtmp { .. } => "rtmp",
            Self::Service { .. } => "service",
            Self::Udp { .. } => "udp",
            Self::Echo { .. } => "echo",
            Self::Responder { .. } => "responder",
            Self::Authority { .. } => "authority",
            Self::OwnUdp { .. } => "own_udp",
            Self::Call(_) => "call",
            Self::Host => "host",
            Self::ProxyConfiguration => "proxy_configuration",
            Self::OpenviduConfiguration => "openvidu_configuration",
        }
    }

    /// The address and port that are asked, where they are the deployment's and only one.
    pub fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Dns { .. }
            | Self::Authority { .. }
            | Self::OwnUdp { .. }
            | Self::Udp { .. }
            | Self::Echo { .. }
            | Self::Responder { .. }
            | Self::Call(_)
            | Self::Host
            | Self::ProxyConfiguration
            | Self::OpenviduConfiguration => None,
            Self::Tcp { to }
            | Self::Http { to, .. }
            | Self::Tls { to, .. }
            | Self::Api { to, .. }
            | Self::Path { to, .. }
            | Self::Browser { to, .. }
            | Self::Turn { to, .. }
            | Self::Hold { to, .. }
            | Self::Rtmp { to, .. }
            | Self::Service { to, .. } => Some(*to),
        }
    }

    /// The address that is asked, where it is the deployment's.
    pub fn address(&self) -> Option<std::net::IpAddr> {
        match self {
            Self::Udp { address, .. }
            | Self::Echo { address }
            | Self::Responder { address, .. } => Some(*address),
            _ => self.endpoint().map(|endpoint| endpoint.address),
        }
    }
}

impl fmt::Display for ProbeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns { name, family } => write!(f, "DNS {} {name}", record_type(*family)),
            Self::Authority { name, family } => {
                write!(f, "DNS {} {name} at the name servers of its zone", record_type(*family))
            }
            Self::Tcp { to } => write!(f, "TCP connect {to}"),
            Self::Http { to, host, path } => write!(f, "HTTP GET {to} for {host}{path}"),
            Self::Tls { to, sni, offer } => write!(f, "TLS handshake {to}, {sni}, {offer}"),
            Self::Api { to, over, request, .. } => write!(f, "{request} {to}{over}"),
            Self::Path { to, over, request, .. } => write!(f, "{request} {to}{over}"),
            Self::Browser { to, sni, .. } => {
                write!(f, "ClientHello of Chromium and of Firefox {to}, {sni}")
            }
            Self::Turn { to, over } => write!(f, "STUN Binding and Allocate {to}{over}"),
            Self::Hold { to, over } => {
                write!(f, "STUN Binding twice, with a rest between {to}{over}")
            }
            Self::Rtmp { to, over } => write!(f, "RTMP handshake {to}{over}"),
            Self::Service { to, ask, buckets } => {
                write!(f, "{ask} {to}")?;
                buckets.iter().try_for_each(|name| write!(f, ", list of the bucket {name}"))
            }
            Self::Udp { address, ports, then, extent, sentinel } => {
                write!(f, "UDP datagrams {address}, ports")?;
                ports.iter().try_for_each(|port| write!(f, " {port}"))?;
                if let Some(port) = sentinel {
                    write!(f, ", and {port} if none of these is refused")?;
                }
                if let Some(range) = then {
                    write!(f, ", then all of {range}, twice")?;
                }
                match extent {
                    Some(range) => write!(
                        f,
                        ", then the edges of what answers in {range}, in {} steps and {} s at most",
                        ExtentLimits::STEPS,
                        ExtentLimits::LONGEST.as_secs()
                    ),
                    None => Ok(()),
                }
            }
            Self::Echo { address } => write!(f, "ICMP echo {address}"),
            Self::Responder { address, ports, tcp } => {
                write!(f, "probes for the responder at {address},")?;
                for (transport, ranges) in [("UDP", ports), ("TCP", tcp)] {
                    if !ranges.is_empty() {
                        write!(f, " {transport} ports")?;
                        ranges.iter().try_for_each(|range| write!(f, " {range}"))?;
                    }
                }
                Ok(())
            }
            Self::OwnUdp { server } => write!(f, "STUN Binding {server} (our own UDP)"),
            Self::Call(call) => {
                write!(f, "one hidden join at {}:{}", call.host, call.port)?;
                f.write_str(match call.depth {
                    CallDepth::Checks => ", an ICE check down each path",
                    CallDepth::Dtls => ", an ICE check and the beginning of DTLS down each path",
                })?;
                match call.most_further_rooms() {
                    0 => Ok(()),
                    rooms => write!(
                        f,
                        ", in up to {rooms} more rooms until each of {} Media Nodes has carried one",
                        call.media_nodes.len()
                    ),
                }
            }
            Self::Host => f.write_str("files and listings of this machine"),
            Self::ProxyConfiguration => f.write_str("the configuration of the proxy"),
            Self::OpenviduConfiguration => f.write_str("the configuration of OpenVidu"),
        }
    }
}

/// The record type with the addresses of a family.
fn record_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "A",
        Family::V6 => "AAAA",
    }
}

/// How many UDP datagrams leave for all addresses in a second: 100 to 200,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct UdpRate(u32);

impl TryFrom<u32> for UdpRate {
    type Error = &'static str;

    fn try_from(per_second: u32) -> Result<Self, Self::Error> {
        Self::new(per_second).ok_or("a rate must be 100 to 200,000 datagrams per second")
    }
}

impl UdpRate {
    /// Two and a half addresses at once: what an uplink of some 40 Mbit/s stands.
    pub const DEFAULT: Self = Self(Self::OF_ADDRESS.0 * 5 / 2);

    /// The most for one address, whatever the rate of the run: what small firewalls and an uplink of
    /// some 15 Mbit/s stand.
    const OF_ADDRESS: Self = Self(20_000);

    /// The most datagrams that one probe sends to one address, whatever the size of a range.
    pub const MOST_DATAGRAMS: u32 = 25_000;

    /// `per_second` datagrams a second; `None` outside of 100 to 200,000.
    pub fn new(per_second: u32) -> Option<Self> {
        (100..=200_000).contains(&per_second).then_some(Self(per_second))
    }

    /// The rate for one address.
    pub fn of_address(self) -> Self {
        Self(self.0.min(Self::OF_ADDRESS.0))
    }

    /// How many datagrams leave in a second.
    pub fn per_second(self) -> u32 {
        self.0
    }

    /// The time between one datagram and the next.
    pub fn gap(self) -> Duration {
        Duration::from_secs(1) / self.0
    }

    /// How long the most datagrams take that one probe sends.
    pub fn longest(self) -> Duration {
        self.of_address().gap() * Self::MOST_DATAGRAMS
    }
}

/// What the sweeps of a run send: every port of a range, twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepLoad {
    /// How many addresses have a range of which every port is asked.
    pub addresses: u32,
    /// The datagrams to all of them together.
    pub datagrams: u32,
}

impl SweepLoad {
    /// The copies that each port of a range gets.
    pub const COPIES: u32 = 2;

    /// The most datagrams that a run sends without an explicit permission.
    pub const MOST_UNASKED: u32 = 250_000;

    /// A machine that has other work to do, or a line that is slow, may take so many times longer than
    /// the rate says.
    pub const PATIENCE: u32 = 4;

    /// What these probes send.
    pub fn of(probes: &[ProbeSpec]) -> Self {
        let ranges = probes.iter().filter_map(|probe| match probe {
            ProbeSpec::Udp { then: Some(range), .. } => Some(range.count()),
            _ => None,
        });
        ranges.fold(Self::default(), |load, ports| Self {
            addresses: load.addresses + 1,
            datagrams: load.datagrams + (ports * Self::COPIES).min(UdpRate::MOST_DATAGRAMS),
        })
    }

    /// How long they take to send at a rate: no address gets more than its own.
    pub fn longest(self, rate: UdpRate) -> Duration {
        if self.addresses == 0 {
            return Duration::ZERO;
        }
        let of_one = rate.of_address().gap() * (self.datagrams / self.addresses);
        of_one.max(rate.gap() * self.datagrams)
    }
}

impl fmt::Display for UdpRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What `--sweep` names: a place whose ranges are asked port by port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SweepTarget {
    Address(std::net::IpAddr),
    Node(super::name::NodeName),
}

/// What the search for the edges in a range of UDP ports may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentLimits {}

impl ExtentLimits {
    /// The most steps for one address: two edges in 10,001 ports are found in 28. A step is two
    /// datagrams to one port, and one to a port that is known to answer.
    pub const STEPS: u32 = 28;

    /// The most time for one address: a Linux node has one ICMP error a second for us.
    pub const LONGEST: Duration = Duration::from_secs(30);

    /// The most datagrams of a step.
    pub const DATAGRAMS_OF_STEP: u32 = 3;
}

/// The server name of a ClientHello (RFC 6066 §3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sni {
    Name(DomainName),
    /// No server name extension at all.
    Absent,
}

impl fmt::Display for Sni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "SNI {name}"),
            Self::Absent => f.write_str("no SNI"),
        }
    }
}

/// What a ClientHello offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsOffer {
    /// TLS 1.2 and 1.3, ALPN `h2` and `http/1.1`; the certificate is judged.
    Web,
    /// TLS 1.2 and 1.3, no ALPN; the certificate is judged.
    Stream,
    /// This version alone.
    Only(TlsVersion),
    /// TLS 1.2 and 1.3; when the handshake completes, a look at what is behind it
    /// ([`crate::model::facts::Behind`]).
    LookBehind,
}

impl fmt::Display for TlsOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web => f.write_str("TLS 1.2 and 1.3 with ALPN"),
            Self::Stream => f.write_str("TLS 1.2 and 1.3"),
            Self::Only(version) => write!(f, "{version} alone"),
            Self::LookBehind => f.write_str("and what is behind it"),
        }
    }
}

/// What a protocol runs over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Carrier {
    Udp,
    Tcp,
    /// TLS over TCP, with this SNI.
    Tls(Sni),
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp => f.write_str(" over UDP"),
            Self::Tcp => f.write_str(" over TCP"),
            Self::Tls(sni) => write!(f, " over TLS, {sni}"),
        }
    }
}

/// What is asked for over plain HTTP. Nobody has either of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HttpPath {
    /// Some path with a query.
    Any,
    /// A challenge by which an ACME server has a certificate renewed (RFC 8555 §8.3).
    AcmeChallenge,
}

impl fmt::Display for HttpPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::AcmeChallenge => f.write_str(", the path of ACME challenges"),
        }
    }
}

/// A request to LiveKit's HTTP API that needs no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ApiRequest {
    /// `GET /rtc/validate`.
    Validate,
    /// `GET /rtc` with a WebSocket upgrade (RFC 6455 §4.1).
    WebSocketUpgrade,
    /// `POST /twirp/livekit.RoomService/ListRooms`.
    ListRooms,
}

impl ApiRequest {
    /// The path that is asked for.
    pub fn path(self) -> &'static str {
        match self {
            Self::Validate => "/rtc/validate",
            Self::WebSocketUpgrade => "/rtc",
            Self::ListRooms => "/twirp/livekit.RoomService/ListRooms",
        }
    }
}

impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validate => "GET /rtc/validate",
            Self::WebSocketUpgrade => "WebSocket upgrade /rtc",
            Self::ListRooms => "POST /twirp/livekit.RoomService/ListRooms",
        })
    }
}

/// A request as a browser or a publisher sends it. None of them has credentials.
///
/// Those to LiveKit carry a token that is none: LiveKit refuses it in its own words on every path,
/// in every version, so that the answer shows whether path and query reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PathRequest {
    /// The page that people open.
    Page,
    /// The WebSocket for signalling, with the fields of a browser.
    Join,
    /// The one that newer clients ask for first. They fall back to the other when the answer to
    /// [`Self::ValidateV1`] is 404, and only then.
    JoinV1,
    /// What clients ask, across origins, when a WebSocket failed: why.
    Validate,
    ValidateV1,
    /// What may be done at the address for WHIP.
    WhipOptions,
}

impl PathRequest {
    /// What stands for a token.
    const NO_TOKEN: &str = "ovcheck-no-token";

    /// The path without its query.
    pub fn bare_path(self) -> &'static str {
        match self {
            Self::Page => "/",
            Self::Join => "/rtc",
            Self::JoinV1 => "/rtc/v1",
            Self::Validate => "/rtc/validate",
            Self::ValidateV1 => "/rtc/v1/validate",
            Self::WhipOptions => "/whip",
        }
    }

    /// Path and query.
    pub fn path(self) -> String {
        let path = self.bare_path();
        match self {
            Self::Page => path.to_owned(),
            // Tokens of LiveKit are some hundred characters long.
            Self::Join | Self::JoinV1 | Self::Validate | Self::ValidateV1 | Self::WhipOptions => {
                let token = Self::NO_TOKEN.repeat(20);
                format!("{path}?access_token={token}&auto_subscribe=1&sdk=js&protocol=16")
            }
        }
    }

    /// Whether LiveKit itself answers it.
    pub fn is_of_livekit(self) -> bool {
        !matches!(self, Self::Page | Self::WhipOptions)
    }
}

impl fmt::Display for PathRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self {
            Self::Page | Self::Validate | Self::ValidateV1 => "GET",
            Self::Join | Self::JoinV1 => "WebSocket upgrade",
            Self::WhipOptions => "OPTIONS",
        };
        write!(f, "{does} {}", self.bare_path())
    }
}

/// A question by which a service can be recognised. None of them needs credentials or changes
/// anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceAsk {
    /// Redis: `PING`.
    RedisPing,
    /// MongoDB: `hello`, which needs no login.
    MongoHello,
    /// gRPC and whatever else begins with HTTP/2 (RFC 9113 §3.4).
    Http2Settings,
    /// WebRTC over TCP: Binding requests without USERNAME and with one.
    IceTcp,
    /// MinIO: `GET /minio/health/live`.
    MinioLive,
    /// Grafana: `GET /api/health`.
    GrafanaHealth,
    /// Loki and Mimir: `GET /ready`.
    Ready,
    /// The API of OpenVidu 2: `GET /openvidu/api/config`.
    V2Config,
    /// The WHIP side of the ingress: `GET /health`.
    IngressHealth,
    /// A web application: `GET /`.
    Page,
}

impl ServiceAsk {
    /// What is asked for with GET, where the question is one of HTTP.
    pub fn path(self) -> Option<&'static str> {
        match self {
            Self::MinioLive => Some("/minio/health/live"),
            Self::GrafanaHealth => Some("/api/health"),
            Self::Ready => Some("/ready"),
            Self::V2Config => Some("/openvidu/api/config"),
            Self::IngressHealth => Some("/health"),
            Self::Page => Some("/"),
            Self::RedisPing | Self::MongoHello | Self::Http2Settings | Self::IceTcp => None,
        }
    }
}

impl fmt::Display for ServiceAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RedisPing => "Redis PING",
            Self::MongoHello => "MongoDB hello",
            Self::Http2Settings => "HTTP/2 SETTINGS",
            Self::IceTcp => "ICE-TCP Binding",
            Self::MinioLive
            | Self::GrafanaHealth
            | Self::Ready
            | Self::V2Config
            | Self::IngressHealth
            | Self::Page => "GET ",
        })?;
        f.write_str(self.path().unwrap_or_default())
    }
}
