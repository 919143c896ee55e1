//! One demand, as data. Rules are only ever made by `ruleset` from `rules/*.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::{Edition, Feature, NodeRole, Policy, RtcEngine};
use super::port::{Port, PortRange, Transport};
use super::reason::ReasonCode;
use super::target::Family;
use super::vantage::Zone;
use super::verdict::Severity;

/// The id of a rule, `family/slug`: the family is the file in `rules/`, the slug says what should
/// hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct RuleId(String);

impl RuleId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the slash.
    pub fn family(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a [`RuleId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a rule id: family/slug in lower-case letters, digits and hyphens")]
pub struct InvalidRuleId(String);

impl FromStr for RuleId {
    type Err = InvalidRuleId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        match text.split_once('/') {
            Some((family, slug)) if word(family) && word(slug) => Ok(Self(text.to_owned())),
            _ => Err(InvalidRuleId(text.to_owned())),
        }
    }
}

/// One demand, with everything that is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: RuleId,
    /// What should hold, as a sentence without a full stop.
    pub title: String,
    pub severity: Severity,
    pub demand: Demand,
    pub scope: Scope,
    /// The editions of the guide it belongs to; never empty.
    pub editions: Vec<Edition>,
    /// The policies under which it is demanded; empty: all of them.
    pub policies: Vec<Policy>,
    /// The zones it is judged from; empty: all of them.
    pub zones: Vec<Zone>,
    /// The engine it belongs to; `None`: both.
    pub engine: Option<RtcEngine>,
    /// The families it is judged on; the others are not applicable, for the reason given.
    pub families: Option<FamilyLimit>,
    /// Rules that have to pass before this one can say anything.
    pub needs: Vec<RuleId>,
    /// What a violation means for calls and people.
    pub means: Template,
    pub remedies: Remedies,
    pub source: Source,
}

/// A rule that is judged on some address families only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyLimit {
    pub judged_on: Family,
    /// Why the other family is left out, as a sentence without a full stop.
    pub why: String,
}

/// Where a demand comes from.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub document: String,
    pub section: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
}

/// What a rule is judged on. Each element becomes checks of its own: one for each address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The deployment as a whole.
    Deployment,
    /// Names in the DNS.
    Names(Vec<NameRef>),
    /// Names and ports at the proxy.
    Endpoints(Vec<NamedEndpoint>),
    /// A port, or a range of ports, of every node of a role.
    Ports(PortScope),
    /// Several TCP ports of every node of every role.
    AllNodes { tcp: Vec<ListedPort> },
}

/// A TCP port in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPort {
    pub port: Port,
    /// What is to be expected behind it, as far as it can be asked without credentials.
    pub service: Option<Service>,
}

/// A port, or a range of ports, of every node of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortScope {
    pub role: NodeRole,
    pub transport: Transport,
    pub ports: PortRange,
}

/// One of the two names of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameRef {
    Domain,
    TurnDomain,
}

/// A name and a TCP port at the proxy (`rules/endpoints.toml`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEndpoint {
    /// Its name in the rule files: `api`, `turn`, …
    pub key: String,
    pub name: NameRef,
    pub port: Port,
    /// The feature without which nothing is demanded of it.
    pub feature: Option<Feature>,
    /// Whether HTTP is spoken there (ALPN is offered).
    pub web: bool,
}

/// What has to hold.
///
/// Each variant has one judge in `evaluate`; which probes it needs stands in `plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// A or AAAA exists.
    NameResolves,
    /// Every address is a declared address of the proxy.
    PointsToProxy,
    /// No address is private, loopback, link-local or carrier NAT.
    AddressesPublic,
    /// What works over IPv4 works over IPv6 too: sums up the verdicts of the other rules.
    FamiliesAgree,
    /// Refused while the deployment file is read, so that it holds in every run.
    HoldsByParsing,
    /// Plain HTTP redirects to `https://`, same host, same path.
    RedirectsToHttps,
    /// A TLS handshake completes, whatever the certificate.
    HandshakeCompletes,
    /// The chain as sent leads to a trusted root.
    ChainVerifies,
    /// The certificate is for the name.
    NameMatches,
    /// The certificate is valid now.
    NotExpired,
    /// The certificate is valid for longer than this.
    ExpiresLaterThan { days: u16 },
    /// This version alone is enough for a handshake.
    VersionAccepted(super::facts::TlsVersion),
    /// None of these versions is accepted.
    VersionsRefused(Vec<super::facts::TlsVersion>),
    /// An unknown SNI, and none, reach neither API nor TURN.
    UnknownNameReachesNoBackend,
    /// `GET /rtc/validate` without a token is refused in LiveKit's words.
    ApiAnswers,
    /// A WebSocket upgrade on `/rtc` reaches LiveKit.
    WebSocketUpgradePasses,
    /// A POST to the Twirp API reaches LiveKit as a POST.
    PostPasses,
    /// The server's clock and ours differ by no more than this.
    ClockAgrees { seconds: u16 },
    /// A TURN connection without traffic is not ended before this many seconds.
    HoldsIdle { seconds: u16 },
    /// STUN Binding → success.
    AnswersBinding,
    /// Allocate without credentials → 401 with realm and nonce.
    ChallengesAllocate,
    /// XOR-MAPPED-ADDRESS over TURN/TLS is not loopback.
    MappedAddressPlausible,
    /// C0, C1 → S0, S1, S2, inside TLS.
    RtmpsHandshakes,
    /// No RTMP without TLS.
    PlaintextRefused,
    /// A row of the guide's tables, judged in both directions.
    PortRow(PortRow),
    /// None of the ports of [`Scope::AllNodes`] is open that no row of the node allows.
    UndocumentedClosed,
    /// No Redis on the ports of [`Scope::AllNodes`] takes commands without a password.
    RedisNeedsPassword,
    /// Closed, whoever listens.
    PortClosed,
    /// The port, every port of the range, lets packets in.
    PortOpen,
    /// All of these rules pass.
    AllPass(Vec<RuleId>),
}

/// A row of the guide's port tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRow {
    /// Who may reach it.
    pub from: AllowedFrom,
    /// Needed only if this feature is wanted ("Needed if you want …").
    pub feature: Option<Feature>,
    /// Needed only if a TURN domain is set.
    pub needs_turn_domain: bool,
    /// What should answer there, as far as it can be asked without credentials.
    pub service: Option<Service>,
    /// On the other family nothing listens in this edition.
    pub listens_on: Option<FamilyLimit>,
    /// Policies under which a `policy/…` rule judges this port instead.
    pub not_under: Vec<Policy>,
}

/// The "Source" column of the guide's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedFrom {
    /// `0.0.0.0/0, ::/0`.
    Anywhere,
    /// `External proxy`.
    ExternalProxy,
}

impl fmt::Display for AllowedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anywhere => "anywhere",
            Self::ExternalProxy => "the external proxy",
        })
    }
}

/// A service that can be recognised without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// LiveKit's HTTP API, without TLS.
    LivekitApi,
    /// TURN over TCP, without TLS.
    TurnTcp,
    /// STUN and TURN over UDP.
    TurnUdp,
    /// RTMP, without TLS.
    Rtmp,
    /// WebRTC over TCP, as pion's ICE multiplexes it.
    IceTcp,
    Minio,
    /// Redis, or its Sentinel.
    Redis,
    #[serde(rename = "mongodb")]
    MongoDb,
    Grafana,
    Loki,
    Mimir,
    /// gRPC, without TLS.
    Grpc,
    /// The WHIP side of the ingress, without TLS.
    Whip,
    /// The API of OpenVidu 2, without TLS.
    V2Compatibility,
    /// A web application that cannot be told from others, without TLS.
    Web,
}

impl Service {
    /// What it runs over.
    pub fn transport(self) -> Transport {
        match self {
            Self::TurnUdp => Transport::Udp,
            Self::LivekitApi
            | Self::TurnTcp
            | Self::Rtmp
            | Self::IceTcp
            | Self::Minio
            | Self::Redis
            | Self::MongoDb
            | Self::Grafana
            | Self::Loki
            | Self::Mimir
            | Self::Grpc
            | Self::Whip
            | Self::V2Compatibility
            | Self::Web => Transport::Tcp,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LivekitApi => "LiveKit API",
            Self::TurnTcp => "TURN over TCP",
            Self::TurnUdp => "STUN/TURN over UDP",
            Self::Rtmp => "RTMP",
            Self::IceTcp => "WebRTC over TCP",
            Self::Minio => "MinIO",
            Self::Redis => "Redis",
            Self::MongoDb => "MongoDB",
            Self::Grafana => "Grafana",
            Self::Loki => "Loki",
            Self::Mimir => "Mimir",
            Self::Grpc => "gRPC",
            Self::Whip => "WHIP",
            Self::V2Compatibility => "the API of OpenVidu 2",
            Self::Web => "a web application",
        })
    }
}

/// What to do about a violation: one text for every case, or one for each way to be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedies {
    pub default: Template,
    pub by_reason: BTreeMap<ReasonCode, Template>,
}

impl Remedies {
    /// The text for a violation with this reason.
    pub fn for_reason(&self, reason: ReasonCode) -> &Template {
        self.by_reason.get(&reason).unwrap_or(&self.default)
    }
}

/// A text with the deployment's own names in it, written `${domain}`.
///
/// `$` before anything but `{` stands for itself, so that nginx variables can be written as they
/// are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

macro_rules! placeholders {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal,)+) => {
        /// What a [`Template`] can name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Placeholder {
            $($(#[$doc])+ $variant,)+
        }

        impl Placeholder {
            /// Every placeholder.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word between `${` and `}`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

placeholders! {
    /// The domain of the deployment.
    Domain = "domain",
    /// The TURN domain; the words `<turn domain>` when there is none.
    TurnDomain = "turn-domain",
    /// The name that the finding is about.
    Host = "host",
    /// The address that the finding is about.
    Address = "address",
    /// The port or range that the finding is about, `50000-60000`.
    Port = "port",
    /// `tcp` or `udp`.
    Transport = "transport",
    /// The node that the finding is about.
    Node = "node",
    /// The word of nftables for the address family of the finding: `ip` or `ip6`.
    Ip = "ip",
    /// `A` or `AAAA`, after the address family of the finding.
    RecordType = "record-type",
    /// The addresses of the proxy as users reach it, separated by commas.
    ProxyAddresses = "proxy-addresses",
    /// The proxy's address of the finding's family, as OpenVidu's machine sees it.
    ProxyAddress = "proxy-address",
    /// The address of OpenVidu's machine as the proxy reaches it.
    OpenviduAddress = "openvidu-address",
    /// What was seen, where a remedy has to repeat a part of it (the open ports of a list).
    Seen = "seen",
}

/// A `${…}` that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    #[error("\"${{{0}}}\" names nothing")]
    Unknown(String),
    #[error("\"${{\" has no closing brace")]
    Unclosed,
}

impl Template {
    /// The text with every placeholder replaced by `value(placeholder)`.
    pub fn render(&self, value: impl Fn(Placeholder) -> String) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Value(placeholder) => value(*placeholder),
            })
            .collect()
    }
}

impl fmt::Display for Template {
    /// The text as it stands in the rule file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(|placeholder| format!("${{{}}}", placeholder.as_str())))
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut pieces = Vec::new();
        let mut rest = text.trim();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').ok_or(InvalidTemplate::Unclosed)?;
            let placeholder = Placeholder::ALL
                .iter()
                .find(|placeholder| placeholder.as_str() == name)
                .ok_or_else(|| InvalidTemplate::Unknown(name.to_owned()))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Value(*placeholder));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_takes_placeholders_and_leaves_nginx_variables_alone() {
        let template: Template = "return 301 https://$host; # ${domain}, { ${port} }"
            .parse()
            .unwrap();
        let text = template.render(|placeholder| placeholder.as_str().to_uppercase());
        assert_eq!(text, "return 301 https://$host; # DOMAIN, { PORT }");
    }

    #[test]
    fn a_template_refuses_what_it_cannot_fill_in() {
        let unknown = "${domian}".parse::<Template>().unwrap_err();
        assert_eq!(unknown.to_string(), "\"${domian}\" names nothing");
        assert_eq!(
            "${domain".parse::<Template>(),
            Err(InvalidTemplate::Unclosed)
        );
    }
}
