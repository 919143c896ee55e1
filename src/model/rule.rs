//! One demand, as data. Rules are only ever made by `ruleset` from `rules/*.toml`.

mod demand;
mod template;
mod texts;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use demand::{ConfigAspect, Demand, DemandName, Parameters, ProxySetting, ShownBy};
pub use template::{InvalidTemplate, Placeholder, Template};
pub use texts::{Machine, PartialTexts, ReasonTexts, RemedyTemplate, RuleTexts, Topic};

use super::deployment::{
    Condition, Deployment, Edition, Feature, NodeRole, Policy, RtcEngine, Topology,
};
use super::facts::Way;
use super::port::{Port, PortRange, Transport};
use super::target::Family;
use super::vantage::Zone;
use super::verdict::Severity;

/// The id of a rule, `family/slug`: the family is the file in `rules/`, the slug says what should
/// hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
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

impl TryFrom<String> for RuleId {
    type Error = InvalidRuleId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a [`RuleId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a rule id; use family/slug with lower-case letters, digits and hyphens")]
pub struct InvalidRuleId(String);

impl FromStr for RuleId {
    type Err = InvalidRuleId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
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
    /// The ids that it had before, which no other rule may get.
    pub formerly: Vec<RuleId>,
    /// What should hold, as a sentence without a full stop.
    pub title: String,
    /// What a target has to show, as a phrase; `None`: the title says it.
    pub expected: Option<String>,
    pub severity: Severity,
    /// The editions that take it more or less seriously than [`Self::severity`] says.
    pub severity_in: BTreeMap<Edition, Severity>,
    /// The policies under which it is taken more or less seriously, whatever the edition: what breaks
    /// one of four paths by default breaks the only one under forced TURN.
    pub severity_under: BTreeMap<Policy, Severity>,
    pub demand: Demand,
    pub scope: Scope,
    /// The editions of the guide it belongs to; never empty. Of a row, those of all its tables.
    pub editions: Vec<Edition>,
    /// The policies under which it is demanded; empty: all of them.
    pub policies: Vec<Policy>,
    /// The zones it is judged from; empty: all of them.
    pub zones: Vec<Zone>,
    /// The engine it belongs to; `None`: both.
    pub engine: Option<RtcEngine>,
    /// Demanded only if this is so; of a row its own table says it.
    pub condition: Option<Condition>,
    /// The family it is judged on; the other are not applicable, for the reason given.
    pub families: Option<FamilyLimit>,
    /// Rules that have to pass before this one can say anything.
    pub needs: Vec<RuleId>,
    /// Of a rule about a configuration: the rules about the network that see its effects.
    pub explains: Vec<RuleId>,
    pub texts: RuleTexts,
    pub source: Source,
    /// Where some topologies or editions have it from instead; the first that fits counts.
    pub sources: Vec<OtherSource>,
}

impl Rule {
    /// Whether `id` is the id of this rule, or was before.
    pub fn is_named(&self, id: &str) -> bool {
        std::iter::once(&self.id).chain(&self.formerly).any(|own| own.as_str() == id)
    }

    /// How bad it is in this edition when it is broken.
    pub fn severity_in(&self, edition: Edition) -> Severity {
        *self.severity_in.get(&edition).unwrap_or(&self.severity)
    }

    /// How bad it is for this deployment when it is broken.
    pub fn severity_for(&self, deployment: &Deployment) -> Severity {
        let of_policy = self.severity_under.get(&deployment.policy);
        of_policy.copied().unwrap_or_else(|| self.severity_in(deployment.edition))
    }

    /// Whether it is demanded of a deployment of this topology, edition, policy and engine.
    pub fn is_demanded(&self, deployment: &Deployment) -> bool {
        let of_topology = match (&self.demand, &self.scope) {
            (Demand::PortRow(row), _) => row.of(deployment).next().is_some(),
            (_, Scope::Ports(PortScope { roles, .. }) | Scope::Machines(roles)) => {
                roles.iter().any(|role| deployment.topology.roles().contains(role))
            }
            _ => true,
        };
        of_topology
            && self.editions.contains(&deployment.edition)
            && (self.policies.is_empty() || self.policies.contains(&deployment.policy))
            && self.engine.is_none_or(|engine| engine == deployment.rtc_engine)
    }

    /// Where the demand comes from, for a deployment of this topology and edition.
    pub fn source_for(&self, topology: Topology, edition: Edition) -> &Source {
        if let Demand::PortRow(row) = &self.demand {
            let mut rows = row.rows.iter();
            let own = rows.find(|row| row.applies_to(topology, edition));
            return own.map_or(&self.source, |row| &row.source);
        }
        let mut others = self.sources.iter();
        let other = others.find(|other| {
            (other.topologies.is_empty() || other.topologies.contains(&topology))
                && (other.editions.is_empty() || other.editions.contains(&edition))
        });
        other.map_or(&self.source, |other| &other.source)
    }
}

/// Where a demand comes from in some topologies or editions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSource {
    /// Empty: all of them.
    pub topologies: Vec<Topology>,
    /// Empty: all of them.
    pub editions: Vec<Edition>,
    pub source: Source,
}

/// A rule that is judged on some address families only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyLimit {
    pub judged_on: Family,
    /// The editions in which it is so.
    pub editions: Vec<Edition>,
    /// Why the other family is left out, as a sentence without a full stop.
    pub why: String,
}

impl FamilyLimit {
    /// Whether `family` is left out in this edition.
    pub fn leaves_out(&self, family: Family, edition: Edition) -> bool {
        family != self.judged_on && self.editions.contains(&edition)
    }
}

/// Where a demand comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// A port, or a range of ports, of every node of some roles.
    Ports(PortScope),
    /// Several TCP ports of every node of every role.
    AllNodes { tcp: Vec<ListedPort> },
    /// The machines of some roles, on which the run is made.
    Machines(Vec<NodeRole>),
}

/// The kinds of [`Scope`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    Deployment,
    Names,
    Endpoints,
    Ports,
    AllNodes,
    Machines,
}

/// A TCP port in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPort {
    pub port: Port,
    /// What is to be expected behind it, as far as it can be asked without credentials.
    pub service: Option<Service>,
    /// How serious it is if it is open, where this is not the rule's severity.
    pub severity: Option<Severity>,
}

/// A port, or a range of ports, of every node of some roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortScope {
    /// Never empty; more than one where topologies call the same machine by different names.
    pub roles: Vec<NodeRole>,
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
    /// What answers behind the proxy, without TLS.
    pub service: Service,
    /// Whether HTTP is spoken there (ALPN is offered).
    pub web: bool,
}

/// The ways that media may take under a policy (`[[policy]]` in `rules/policy.toml`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedWays(pub Vec<Way>);

impl AllowedWays {
    /// Whether media may take this way.
    pub fn allow(&self, way: Way) -> bool {
        self.0.contains(&way)
    }

    /// Whether all media has to go through a relay.
    pub fn are_relayed(&self) -> bool {
        self.0.iter().all(|way| way.is_relayed())
    }
}

/// A port, or a range of ports, of one role, with the rows of the guide's tables that speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRow {
    /// One for each row of each table that names it, in the order of the tables; never empty.
    pub rows: Vec<TableRow>,
    /// What should answer there, as far as it can be asked without credentials.
    pub service: Option<Service>,
    /// Somebody listens only while there are sessions, so that an idle port says nothing.
    pub only_in_sessions: bool,
    /// On the other family nothing listens in these editions.
    pub listens_on: Option<FamilyLimit>,
    /// Policies under which a `policy/…` rule judges this port instead.
    pub not_under: Vec<Policy>,
    /// A port that a table of the guide names by mistake instead of this one.
    pub misprint: Option<Port>,
    /// Why newer editions name it no more: a sentence without a full stop.
    pub gone: Option<String>,
}

impl PortRow {
    /// The rows of the tables for this topology and edition.
    pub fn of(&self, deployment: &Deployment) -> impl Iterator<Item = &TableRow> {
        let (topology, edition) = (deployment.topology, deployment.edition);
        self.rows.iter().filter(move |row| row.applies_to(topology, edition))
    }
}

/// One row of one table of the guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    pub topology: Topology,
    /// Never empty.
    pub editions: Vec<Edition>,
    /// The "Source" column; never empty.
    pub from: Vec<AllowedFrom>,
    /// Needed only if this is so.
    pub condition: Option<Condition>,
    /// Needed only with this engine.
    pub engine: Option<RtcEngine>,
    /// Not demanded, and not refused either, for this reason: a sentence without a full stop.
    pub tolerated: Option<String>,
    pub source: Source,
}

impl TableRow {
    /// Whether it stands in the tables for this topology and edition.
    pub fn applies_to(&self, topology: Topology, edition: Edition) -> bool {
        self.topology == topology && self.editions.contains(&edition)
    }
}

/// The "Source" column of the guide's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedFrom {
    /// `0.0.0.0/0, ::/0`.
    Anywhere,
    /// `External proxy`, `Load Balancer`.
    ExternalProxy,
    /// `Master Node(s)`.
    Master,
    /// `Media Nodes`.
    Media,
}

impl AllowedFrom {
    /// Whether somebody who stands in `zone` is meant.
    pub fn includes(self, zone: Zone) -> bool {
        match self {
            Self::Anywhere => true,
            Self::ExternalProxy => zone == Zone::ExternalProxy,
            Self::Master => zone == Zone::Master,
            Self::Media => zone == Zone::Media,
        }
    }

    /// The role of the machines that are meant; `None`: all machines of the world.
    pub fn role(self) -> Option<NodeRole> {
        match self {
            Self::Anywhere => None,
            Self::ExternalProxy => Some(NodeRole::Proxy),
            Self::Master => Some(NodeRole::Master),
            Self::Media => Some(NodeRole::Media),
        }
    }
}

impl fmt::Display for AllowedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anywhere => "anywhere",
            Self::ExternalProxy => "the external proxy",
            Self::Master => "the Master Node",
            Self::Media => "the Media Nodes",
        })
    }
}

/// A service that can be recognised without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether it is LiveKit's: one program has all of these ports.
    pub fn is_of_livekit(self) -> bool {
        matches!(self, Self::LivekitApi | Self::TurnTcp | Self::TurnUdp | Self::IceTcp)
    }

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
