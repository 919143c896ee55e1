//! Rule files as they are written: types and spelling are checked here, meaning in `convert`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_spanned::Spanned;

use crate::model::deployment::{Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology};
use crate::model::facts::{TlsVersion, Way};
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

/// `troubles.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TroublesFile {
    #[serde(default)]
    pub trouble: Vec<RawTrouble>,
}

/// What people report, and which rules name its cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTrouble {
    pub id: Spanned<String>,
    pub people_say: Spanned<Vec<Spanned<String>>>,
    pub cause: Spanned<String>,
    #[serde(default)]
    pub reported_in: Vec<Spanned<String>>,
    #[serde(default)]
    pub seen: Vec<RawSighting>,
    pub not_seen: Option<Spanned<String>>,
}

/// Rules that name a cause from somewhere, and what shows it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawSighting {
    pub rules: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub from: Vec<Spanned<Zone>>,
    pub lab: Option<Spanned<String>>,
    pub demo: Option<Spanned<String>>,
    pub test: Option<Spanned<String>>,
}

/// `ports.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PortsFile {
    /// Mandatory; an option so that the complaint can say what belongs there.
    pub controls: Option<RawControls>,
    #[serde(default)]
    pub table: Vec<RawTable>,
    #[serde(default)]
    pub remedies: Vec<RawSharedRemedies>,
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

/// A table of the guide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTable {
    pub key: Spanned<String>,
    pub topology: Topology,
    pub node: Spanned<NodeRole>,
    pub editions: Spanned<Vec<Edition>>,
    pub document: String,
    pub section: String,
}

/// Remedies that several rows have in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawSharedRemedies {
    pub key: Spanned<String>,
    pub remedy: Spanned<RawRemedy>,
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    pub id: Spanned<String>,
    pub title: Spanned<String>,
    pub severity: Severity,
    #[serde(default)]
    pub severity_in: BTreeMap<Edition, Severity>,
    pub demand: Spanned<DemandName>,

    // What the demand takes besides.
    pub days: Option<Spanned<u16>>,
    pub seconds: Option<Spanned<u16>>,
    pub version: Option<Spanned<TlsVersion>>,
    pub versions: Option<Spanned<Vec<TlsVersion>>>,
    pub ways: Option<Spanned<Vec<Way>>>,
    #[serde(default)]
    pub ways_in: BTreeMap<Policy, Spanned<Vec<Way>>>,
    pub way: Option<Spanned<Way>>,
    pub all_of: Option<Spanned<Vec<Spanned<String>>>>,

    // Where it applies: one of these kinds, or to the deployment as a whole.
    pub names: Option<Spanned<Vec<NameRef>>>,
    pub at: Option<Spanned<Vec<Spanned<String>>>>,
    pub nodes: Option<Spanned<Vec<NodeRole>>>,
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
    pub feature: Option<Spanned<Feature>>,
    pub needs_turn_domain: Option<Spanned<bool>>,
    pub families: Option<RawFamilyLimit>,
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,

    // What is said about it.
    pub means: Spanned<String>,
    pub source: Source,
    #[serde(default)]
    pub sources: Vec<RawOtherSource>,
    pub remedy: Spanned<RawRemedy>,
}

/// Where some topologies or editions have a rule from instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawOtherSource {
    #[serde(default)]
    pub topologies: Vec<Topology>,
    #[serde(default)]
    pub editions: Vec<Edition>,
    pub document: String,
    pub section: String,
    pub row: Option<String>,
}

/// A TCP port in a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "{ port = NUMBER }")]
pub(super) struct RawListedPort {
    pub port: Port,
    /// What is to be expected behind it.
    pub service: Option<Spanned<Service>>,
}

/// A port of a role, with all rows of the guide's tables that speak of it. Its id is made of node,
/// transport and port.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRow {
    pub node: NodeRole,
    pub transport: Transport,
    pub ports: Spanned<String>,
    pub title: Spanned<String>,
    pub severity: Severity,
    pub rows: Spanned<Vec<RawTableRow>>,
    #[serde(default)]
    pub tolerated: Vec<RawTolerated>,

    pub service: Option<Spanned<Service>>,
    #[serde(default)]
    pub only_in_sessions: bool,
    pub listens_on: Option<RawFamilyLimit>,
    #[serde(default)]
    pub not_under: Vec<Policy>,
    pub misprint: Option<Port>,
    /// Why newer editions name the port no more.
    pub gone: Option<Spanned<String>>,
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,

    pub means: Spanned<String>,
    /// The key of remedies that several rows have in common.
    pub remedies: Option<Spanned<String>>,
    /// Those of its own go before them.
    pub remedy: Option<Spanned<RawRemedy>>,
}

/// One row of one table of the guide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTableRow {
    pub table: Spanned<String>,
    /// The row, quoted.
    pub row: Spanned<String>,
    /// Some of the table's editions; without it all of them.
    pub editions: Option<Spanned<Vec<Edition>>>,
    pub from: Spanned<Vec<AllowedFrom>>,
    pub feature: Option<Spanned<Feature>>,
    pub module: Option<Spanned<Module>>,
    pub needs_turn_domain: Option<Spanned<bool>>,
    pub engine: Option<RtcEngine>,
}

/// Somebody who may reach a port though no table says so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTolerated {
    pub topologies: Spanned<Vec<Topology>>,
    pub editions: Spanned<Vec<Edition>>,
    pub from: Spanned<Vec<AllowedFrom>>,
    pub why: Spanned<String>,
    pub source: Source,
}

/// `default`, and reason codes with what to do then.
pub(super) type RawRemedy = BTreeMap<Spanned<String>, Spanned<String>>;

/// Something that is so on one address family only.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFamilyLimit {
    pub family: Family,
    /// The editions in which it is so.
    pub editions: Spanned<Vec<Edition>>,
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
    RenewalNotRedirected,
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
    EditionMatches,
    RtmpsHandshakes,
    PlaintextRefused,
    UndocumentedClosed,
    RedisNeedsPassword,
    PortClosed,
    PortOpen,
    AllPass,
    JoinAccepted,
    IceServersAgree,
    CandidatesAgree,
    AllocationGranted,
    RelayCarriesMedia,
    WrongPasswordRefused,
    ForeignPeersRefused,
    MediaPath,
    MediaPathsOnly,
    NotPunchedOut,
    LargePacketsPass,
    DtlsPasses,
}
