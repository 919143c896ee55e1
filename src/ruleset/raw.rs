//! Rule files as they are written: types and spelling are checked here, meaning in `convert`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_spanned::Spanned;

use crate::model::deployment::{Edition, Feature, NodeRole, Policy, RtcEngine};
use crate::model::facts::TlsVersion;
use crate::model::port::{Port, Transport};
use crate::model::rule::{AllowedFrom, NameRef, Service, Source};
use crate::model::target::Family;
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;

/// `endpoints.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EndpointsFile {
    #[serde(default)]
    pub endpoint: Vec<RawEndpoint>,
}

/// A name and a port at the proxy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawEndpoint {
    pub key: Spanned<String>,
    pub name: NameRef,
    pub port: Port,
    pub feature: Option<Feature>,
    #[serde(default)]
    pub web: bool,
}

/// Every other file but `ports.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RulesFile {
    #[serde(default)]
    pub rule: Vec<RawRule>,
}

/// `ports.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PortsFile {
    pub controls: RawControls,
    #[serde(default)]
    pub row: Vec<RawRow>,
    #[serde(default)]
    pub rule: Vec<RawRule>,
}

/// Ports that no table names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawControls {
    pub udp: Vec<Spanned<Port>>,
    pub tcp: Vec<Spanned<Port>>,
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    pub id: Spanned<String>,
    pub title: Spanned<String>,
    pub severity: Severity,
    pub demand: Spanned<DemandName>,

    // What the demand takes besides.
    pub days: Option<Spanned<u16>>,
    pub seconds: Option<Spanned<u16>>,
    pub version: Option<Spanned<TlsVersion>>,
    pub versions: Option<Spanned<Vec<TlsVersion>>>,
    pub all_of: Option<Spanned<Vec<Spanned<String>>>>,

    // Where it applies: one of these kinds, or to the deployment as a whole.
    pub names: Option<Spanned<Vec<NameRef>>>,
    pub at: Option<Spanned<Vec<Spanned<String>>>>,
    pub node: Option<Spanned<NodeRole>>,
    pub transport: Option<Spanned<Transport>>,
    pub ports: Option<Spanned<String>>,
    pub tcp: Option<Spanned<Vec<RawListedPort>>>,

    // When and from where it is judged.
    pub editions: Spanned<Vec<Edition>>,
    #[serde(default)]
    pub policies: Vec<Policy>,
    #[serde(default)]
    pub judged_from: Vec<Zone>,
    pub engine: Option<RtcEngine>,
    pub families: Option<RawFamilyLimit>,
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,

    // What is said about it.
    pub means: Spanned<String>,
    pub source: Source,
    pub remedy: Spanned<RawRemedy>,
}

/// A TCP port in a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawListedPort {
    pub port: Port,
    /// What is to be expected behind it.
    pub service: Option<Spanned<Service>>,
}

/// A row of the guide's port tables. Its id is made of node, transport and port.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRow {
    pub node: NodeRole,
    pub transport: Transport,
    pub ports: Spanned<String>,
    pub from: AllowedFrom,
    pub title: Spanned<String>,
    pub severity: Severity,

    pub feature: Option<Feature>,
    #[serde(default)]
    pub needs_turn_domain: bool,
    pub service: Option<Spanned<Service>>,
    pub listens_on: Option<RawFamilyLimit>,
    #[serde(default)]
    pub not_under: Vec<Policy>,

    pub editions: Spanned<Vec<Edition>>,
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,

    pub means: Spanned<String>,
    pub source: Spanned<Source>,
    pub remedy: Spanned<RawRemedy>,
}

/// `default`, and reason codes with what to do then.
pub(super) type RawRemedy = BTreeMap<Spanned<String>, Spanned<String>>;

/// Something that is so on one address family only.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFamilyLimit {
    pub family: Family,
    /// Why the other one is left out.
    pub why: Spanned<String>,
}

/// The demands by name. A row of the port tables is a demand of its own and is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DemandName {
    NameResolves,
    PointsToProxy,
    AddressesPublic,
    FamiliesAgree,
    HoldsByParsing,
    RedirectsToHttps,
    HandshakeCompletes,
    ChainVerifies,
    NameMatches,
    NotExpired,
    ExpiresLaterThan,
    VersionAccepted,
    VersionsRefused,
    UnknownNameReachesNoBackend,
    ApiAnswers,
    WebSocketUpgradePasses,
    PostPasses,
    ClockAgrees,
    HoldsIdle,
    AnswersBinding,
    ChallengesAllocate,
    MappedAddressPlausible,
    RtmpsHandshakes,
    PlaintextRefused,
    UndocumentedClosed,
    RedisNeedsPassword,
    PortClosed,
    PortOpen,
    AllPass,
}
