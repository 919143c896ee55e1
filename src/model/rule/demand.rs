//! What rules demand, in one table: the enum, its spelling in the rule files, the key that it
//! takes besides, and what it can be judged on follow from it.

use serde::Deserialize;

use super::{PortRow, RuleId, ScopeKind};
use crate::model::facts::{TlsVersion, Way};
use crate::model::name::BucketName;
use crate::model::port::Port;

/// What shows whether a demand holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// Probes of the targets of its rule.
    Probes,
    /// The call, which needs credentials.
    Call,
    /// The verdicts of other rules.
    Verdicts,
    /// The program itself: a deployment for which it does not hold is refused before a run.
    Parsing,
    /// The machine that the rule is about, on which the run is made (`ovcheck host`).
    Machine,
    /// The configuration of the proxy (`ovcheck lint proxy`).
    ProxyConfiguration,
    /// OpenVidu's own configuration (`ovcheck lint openvidu`).
    OpenviduConfiguration,
}

/// What is in the table about one demand.
struct Entry {
    shown_by: ShownBy,
    on: &'static [ScopeKind],
    explains_calls: bool,
}

macro_rules! demands {
    ($($(#[$doc:meta])+ $variant:ident
        $({ $($field:ident: $field_type:ty),+ })?
        $(($key:ident: $value_type:ty))?
        => { shown_by: $by:ident, on: [$($kind:ident),+], explains_calls: $calls:literal $(,)? },
    )+) => {
        /// What has to hold.
        ///
        /// Each variant has one judge in `evaluate`; which probes it needs stands in `plan`.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Demand {
            $($(#[$doc])+ $variant $({ $($field: $field_type),+ })? $(($value_type))?,)+
            /// A row of the guide's tables, judged in both directions. Rule files write it as a
            /// `[[row]]`, so that it has no name.
            PortRow(PortRow),
        }

        /// The demands by their names in the rule files (`demand = "name-resolves"`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum DemandName {
            $($variant,)+
        }

        impl DemandName {
            /// The keys of a rule that it takes besides; words are joined by `_`.
            pub fn parameters(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($(stringify!($field)),+)? $(stringify!($key))?],)+
                }
            }

            /// The demand with its parameter; `None` when the parameter is not given.
            pub fn with(self, given: Parameters) -> Option<Demand> {
                Some(match self {
                    $(Self::$variant => Demand::$variant
                        $({ $($field: given.$field?),+ })? $((given.$key?))?,)+
                })
            }

            /// The kinds of scope that it can be judged on; never empty.
            pub fn scopes(self) -> &'static [ScopeKind] {
                self.entry().on
            }

            fn entry(self) -> Entry {
                match self {
                    $(Self::$variant => Entry {
                        shown_by: ShownBy::$by,
                        on: &[$(ScopeKind::$kind),+],
                        explains_calls: $calls,
                    },)+
                }
            }
        }

        impl Demand {
            /// Its name in the rule files; `None`: a row of the guide's tables.
            pub fn name(&self) -> Option<DemandName> {
                match self {
                    $(Self::$variant { .. } => Some(DemandName::$variant),)+
                    Self::PortRow(_) => None,
                }
            }
        }
    };
}

demands! {
    /// A or AAAA exists.
    NameResolves => { shown_by: Probes, on: [Names], explains_calls: true },
    /// Every address is a declared address of the proxy.
    PointsToProxy => { shown_by: Probes, on: [Names], explains_calls: false },
    /// No address is private, loopback, link-local or carrier NAT.
    AddressesPublic => { shown_by: Probes, on: [Names], explains_calls: true },
    /// What works over IPv4 works over IPv6 too.
    FamiliesAgree => { shown_by: Verdicts, on: [Deployment], explains_calls: false },
    /// Refused while the deployment file is read, so that it holds in every run.
    HoldsByParsing => { shown_by: Parsing, on: [Deployment], explains_calls: false },
    /// Plain HTTP redirects to `https://`, same host, same path. A network that wants a login
    /// answers with a page of its own instead, which explains why a call fails.
    RedirectsToHttps => { shown_by: Probes, on: [Endpoints], explains_calls: true },
    /// A TLS handshake completes, whatever the certificate.
    HandshakeCompletes => { shown_by: Probes, on: [Endpoints], explains_calls: true },
    /// The chain as sent leads to a trusted root.
    ChainVerifies => { shown_by: Probes, on: [Endpoints], explains_calls: true },
    /// The certificate is for the name.
    NameMatches => { shown_by: Probes, on: [Endpoints], explains_calls: true },
    /// The certificate is valid now.
    NotExpired => { shown_by: Probes, on: [Endpoints], explains_calls: true },
    /// The certificate is valid for longer than this, or, if that is less, than this share of its
    /// lifetime (3: a third).
    ExpiresLaterThan { days: u16, lifetime_share: u16 } => {
        shown_by: Probes, on: [Endpoints], explains_calls: false,
    },
    /// The ClientHello of browsers is answered, and HTTP/2 is spoken where it is chosen.
    BrowsersAccept => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// If the certificate has no more than this left, the redirect of plain HTTP leaves the
    /// challenge path of ACME alone.
    RenewalNotRedirected { days: u16 } => {
        shown_by: Probes, on: [Endpoints], explains_calls: false,
    },
    /// This version by itself is enough for a handshake.
    VersionAccepted(version: TlsVersion) => {
        shown_by: Probes, on: [Endpoints], explains_calls: false,
    },
    /// None of these versions is accepted.
    VersionsRefused(versions: Vec<TlsVersion>) => {
        shown_by: Probes, on: [Endpoints], explains_calls: false,
    },
    /// An unknown SNI, and none, reach neither API nor TURN.
    UnknownNameReachesNoBackend => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// `GET /rtc/validate` without a token is refused in LiveKit's words.
    ApiAnswers => { shown_by: Probes, on: [Endpoints], explains_calls: true },
    /// A WebSocket upgrade on `/rtc` reaches LiveKit.
    WebSocketUpgradePasses => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// A POST to the Twirp API reaches LiveKit as a POST.
    PostPasses => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// Every request of clients reaches the service that it is for.
    PathsPass => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// The path that newer clients try first reaches LiveKit.
    NewestPathPasses => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// Pages of other origins may read LiveKit's answers.
    CrossOriginReadable => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// The clocks of the server and of this computer differ by no more than this.
    ClockAgrees { seconds: u16 } => { shown_by: Probes, on: [Endpoints], explains_calls: true },
    /// A TURN connection without traffic is not ended before this many seconds.
    HoldsIdle { seconds: u16 } => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// STUN Binding → success.
    AnswersBinding => { shown_by: Probes, on: [Endpoints, Ports], explains_calls: false },
    /// Allocate without credentials → 401 with realm and nonce.
    ChallengesAllocate => { shown_by: Probes, on: [Endpoints, Ports], explains_calls: false },
    /// XOR-MAPPED-ADDRESS over TURN/TLS is not loopback.
    MappedAddressPlausible => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// The TURN server's nonce has the form of the edition that the deployment is judged by.
    EditionMatches => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// C0, C1 → S0, S1, S2, inside TLS.
    RtmpsHandshakes => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// No RTMP without TLS.
    PlaintextRefused => { shown_by: Probes, on: [Endpoints], explains_calls: false },
    /// No listed port is open unless a row of the guide allows it on that node.
    UndocumentedClosed => { shown_by: Probes, on: [AllNodes], explains_calls: false },
    /// No Redis on the listed ports takes commands without a password.
    RedisNeedsPassword => { shown_by: Probes, on: [AllNodes], explains_calls: false },
    /// No MongoDB on the listed ports answers without a login.
    MongodbNeedsLogin => { shown_by: Probes, on: [AllNodes], explains_calls: false },
    /// No store of objects on the listed ports lists one of these buckets without a login.
    MinioBucketsNeedLogin(buckets: Vec<BucketName>) => {
        shown_by: Probes, on: [AllNodes], explains_calls: false,
    },
    /// The port, every port of the range, is closed, even if no process listens there.
    PortClosed => { shown_by: Probes, on: [Ports], explains_calls: false },
    /// The port, every port of the range, accepts packets.
    PortOpen => { shown_by: Probes, on: [Ports], explains_calls: false },
    /// All of these rules pass.
    AllPass(all_of: Vec<RuleId>) => { shown_by: Verdicts, on: [Deployment], explains_calls: false },
    /// LiveKit accepts a participant with the credentials of the run.
    JoinAccepted => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// Calls come to every Media Node that is declared, and no join fails on the way there.
    EveryNodeCarries => { shown_by: Call, on: [Deployment], explains_calls: false },
    /// The STUN and TURN servers that LiveKit names to participants are the deployment's, and usable.
    IceServersAgree => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// The addresses at which LiveKit offers media are the deployment's, and usable.
    CandidatesAgree => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// Every TURN server that LiveKit names gives a relay for the credentials that came with it.
    AllocationGranted => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// Every relay that was given reaches the media port.
    RelayCarriesMedia => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// No relay for a wrong password.
    WrongPasswordRefused => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// No relay to loopback, link-local or private networks, nor to strangers.
    ForeignPeersRefused => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// An authenticated ICE check is answered by this way.
    MediaPath(way: Way) => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// No authenticated ICE check is answered by a way that the policy does not allow.
    MediaPathsOnly => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// LiveKit's own checks do not open a way for packets from outside.
    NotPunchedOut => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// Packets of the size of media arrive where small ones do.
    LargePacketsPass => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// DTLS works where STUN does.
    DtlsPasses => { shown_by: Call, on: [Deployment], explains_calls: true },
    /// One of these words is in the ids of the distribution.
    DistributionIs(programs: Vec<String>) => {
        shown_by: Machine, on: [Machines], explains_calls: false,
    },
    /// The kernel has this many MiB of memory.
    MemoryAtLeast(least: u32) => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// This many processors are switched on.
    CoresAtLeast(least: u32) => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// The file system of recordings has this many GB.
    DiskAtLeast(least: u32) => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// The machine has the addresses that are declared for it.
    AddressesPresent => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// The ports of the tables are free, or held by one of these programs.
    PortsHeldBy(programs: Vec<String>) => {
        shown_by: Machine, on: [Machines], explains_calls: false,
    },
    /// A time service sets the clock.
    ClockSynchronised => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// The machine's own firewall lets in what the tables name.
    FirewallAdmits => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// The machine's own firewall keeps others from ports that only some may reach.
    FirewallRefusesOthers => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// The machine's own firewall lets media begin no conversation with strangers, except with these ports,
    /// which the machine itself asks from any source port.
    MediaNotSentOut(spared_ports: Vec<Port>) => {
        shown_by: Machine, on: [Machines], explains_calls: false,
    },
    /// SELinux does not keep a web server from connecting.
    ProxyMayConnect => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// Packets that come by another interface than answers would leave by are not dropped.
    ReversePathLoose => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// The kernel can keep this many connections.
    ConnectionTableAtLeast(least: u32) => {
        shown_by: Machine, on: [Machines], explains_calls: false,
    },
    /// Programs may have UDP buffers of this many bytes for receiving.
    UdpBufferAtLeast(least: u32) => { shown_by: Machine, on: [Machines], explains_calls: false },
    /// Nothing in the proxy's configuration keeps it from being read.
    ProxyConfigurationReads => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// What the network shows does not contradict the proxy's configuration.
    ProxyConfigurationRuns => { shown_by: Verdicts, on: [Deployment], explains_calls: false },
    /// No PROXY header is sent to a backend that does not read one.
    ProxyHeaderAgrees => { shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false },
    /// TURN is passed to an address that is not loopback or link-local.
    TurnBackendNotLoopback => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// RTMP over TLS leads to the RTMP server.
    ProxyLeadsToRtmp => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// An unknown name, and none, lead to no backend.
    ProxyEndsUnknownNames => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// A WebSocket upgrade keeps its headers.
    ProxyKeepsUpgrade => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// HAProxy waits for the ClientHello before it chooses by the name in it.
    HaproxyWaitsForHello => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// HAProxy chooses by a name that the listener has: that of its own TLS, or that of a ClientHello it passes on.
    HaproxyHasServerName => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// HAProxy limits how long connections may be idle.
    HaproxyLimitsTimes => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// HAProxy checks whether its servers are up.
    HaproxyChecksServers => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// Requests arrive with the path that they were sent with.
    ProxyKeepsPath => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// Plain HTTP is redirected to HTTPS of the same name.
    ProxyRedirectsHttp => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// Both families are listened on, where the proxy has addresses of both.
    ProxyListensOnBothFamilies => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// A TURN connection without data is kept this many seconds.
    ProxyKeepsIdleTurn { seconds: u16 } => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// A WebSocket without data is kept longer than this many seconds.
    ProxyKeepsIdleWebSocket { seconds: u16 } => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// The proxy waits no longer than this many seconds for a backend to accept.
    ProxyConnectsWithin { seconds: u16 } => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// The files of the certificates can be used, and the certificates are valid for more than `days`, or, where
    /// their whole lifetime is short, for more than `1/lifetime_share` of it.
    ProxyCertificateFiles { days: u16, lifetime_share: u16 } => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// The proxy accepts exactly these versions of TLS.
    ProxyAllowsTlsVersions(versions: Vec<TlsVersion>) => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// No client needs a certificate of its own.
    ProxyAsksNoClientCertificate => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// Clients are offered no protocol that the backend does not speak.
    ProxyAlpnFitsBackend => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// No HTTP/3 is offered on the port of TURN over UDP.
    ProxyOffersNoHttp3 => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// HSTS is only about the names of the deployment.
    ProxyHstsFits => { shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false },
    /// A renewed certificate reaches each port that has it.
    ProxyRenewalReachesPorts => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// The network shows the certificates that are in the proxy's files.
    ProxyServesItsFiles => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// The domain leads to the API of OpenVidu.
    ProxyLeadsToApi => { shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false },
    /// The TURN domain leads to the TURN server.
    ProxyLeadsToTurn => { shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false },
    /// What the proxy's configuration says about this is right.
    ProxySettingRight(setting: ProxySetting) => {
        shown_by: ProxyConfiguration, on: [Deployment], explains_calls: false,
    },
    /// What OpenVidu's own configuration says about this is right.
    OpenviduConfiguration(aspect: ConfigAspect) => {
        shown_by: OpenviduConfiguration, on: [Deployment], explains_calls: false,
    },
}

/// A part of the proxy's configuration that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxySetting {
    /// Which layer the TURN domain passes through.
    TurnLayer,
    /// How often TLS ends.
    TlsEnds,
    /// Whether each name is in each map.
    Maps,
    /// The challenge of ACME.
    AcmeChallenge,
    /// Whether a port has one owner.
    PortOwners,
    /// The addresses of the backends.
    Backends,
    /// Where listeners behind the first one listen.
    InnerListeners,
    /// TLS towards the backends.
    BackendTls,
    /// How many connections it takes.
    Connections,
    /// How many connections HAProxy takes, in all and at each listener and server.
    HaproxyConnections,
    /// How many files it may have open.
    OpenFiles,
    /// What a reload does to connections.
    Reload,
    /// Limits of rates, connections and requests.
    Throttles,
    /// Whom it lets in.
    AccessLists,
    /// The largest body of a request.
    BodySize,
    /// Caches, logins and changed content on the way of signalling.
    CacheAndLogin,
    /// Which address of the client it passes on.
    ClientAddress,
    /// Whom it believes the address of a client.
    TrustedProxies,
    /// Words of a template.
    Placeholders,
    /// Keys of maps.
    MapKeys,
    /// Variables that are empty where they are used.
    Variables,
    /// The names of groups of backends.
    Groups,
    /// Who resolves names.
    Resolver,
    /// The module for raw TCP.
    StreamModule,
    /// Where the part for raw TCP is.
    StreamPlace,
    /// The names of HTTP servers.
    ServerNames,
    /// The members of groups of backends.
    Members,
    /// Whether a port is listened on.
    Listeners,
    /// Whether the proxy uses its routers.
    Routers,
}

/// A part of OpenVidu's own configuration that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigAspect {
    /// The form of every file.
    Form,
    /// The keys of `livekit.yaml`.
    Keys,
    /// Whether each of its values is a number, a truth, a list, …
    Types,
    Variables,
    Domain,
    TurnDomain,
    IngressUrls,
    /// What LiveKit's TURN server needs to know if TLS ends at the proxy.
    TurnBehindProxy,
    TurnUdpPort,
    MediaRange,
    RelayRange,
    RangeOrder,
    /// Whether each of LiveKit's listeners has a port of its own.
    PortsApart,
    IceTcp,
    NodeAddress,
    /// Whether LiveKit asks a STUN server for its address, and can.
    ExternalAddress,
    /// Which of the machine's addresses LiveKit uses.
    LocalAddresses,
    /// To whom relays may send.
    RelayPeers,
    RelayAddress,
    /// From whom TURN takes a PROXY header.
    ProxyHeader,
    Secrets,
    Modules,
    Engine,
    RelayQuota,
    TrustedProxy,
    /// The path of OpenVidu Meet.
    MeetPath,
    Webhooks,
    ContainerNetwork,
    Versions,
    /// Whether OpenVidu's own Caddy leaves TLS to the proxy.
    TlsAtProxy,
    /// How large requests and messages may be.
    RequestSizes,
}

/// The keys that demands take besides their name, as far as a rule has them.
#[derive(Debug, Default)]
pub struct Parameters {
    pub days: Option<u16>,
    pub lifetime_share: Option<u16>,
    pub seconds: Option<u16>,
    pub version: Option<TlsVersion>,
    pub versions: Option<Vec<TlsVersion>>,
    pub buckets: Option<Vec<BucketName>>,
    pub way: Option<Way>,
    pub all_of: Option<Vec<RuleId>>,
    pub least: Option<u32>,
    pub programs: Option<Vec<String>>,
    pub spared_ports: Option<Vec<Port>>,
    pub aspect: Option<ConfigAspect>,
    pub setting: Option<ProxySetting>,
}

impl Demand {
    /// What shows whether it holds.
    pub fn shown_by(&self) -> ShownBy {
        self.name().map_or(ShownBy::Probes, |name| name.entry().shown_by)
    }

    /// Whether it needs a call with credentials.
    pub fn is_of_call(&self) -> bool {
        self.shown_by() == ShownBy::Call
    }

    /// Whether it is about the machine on which the run is made.
    pub fn is_of_machine(&self) -> bool {
        self.shown_by() == ShownBy::Machine
    }

    /// Whether a configuration file shows it.
    pub fn is_of_configuration(&self) -> bool {
        matches!(self.shown_by(), ShownBy::ProxyConfiguration | ShownBy::OpenviduConfiguration)
    }

    /// Whether its verdict is made of the verdicts of other rules.
    pub fn sums_up(&self) -> bool {
        self.shown_by() == ShownBy::Verdicts
    }

    /// Whether a run that is about a call only checks it too: the names, the way to the API, the
    /// call itself, and what explains why it fails.
    pub fn explains_calls(&self) -> bool {
        self.name().is_some_and(|name| name.entry().explains_calls)
    }
}
