//! The structure of the rule files. This module checks types and spelling; `convert` checks meaning.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_spanned::Spanned;

use crate::model::deployment::{Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology};
use crate::model::face::{Intention, Ownership};
use crate::model::facts::{TlsVersion, Way};
use crate::model::front::FrontKind;
use crate::model::name::BucketName;
use crate::model::port::{Port, Transport};
use crate::model::rule::{
    AllowedFrom, ConfigAspect, DemandName, Machine, NameRef, ProxySetting, Service, Source,
};
use crate::model::target::Family;
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;
use crate::model::word_list::WordList;

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
    pub service: Service,
    #[serde(default)]
    pub web: bool,
}

/// `policy.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PolicyFile {
    #[serde(default)]
    pub policy: Vec<RawPolicy>,
    #[serde(default)]
    pub rule: Vec<RawRule>,
}

/// A policy and the media paths that it allows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPolicy {
    pub name: Spanned<Policy>,
    pub ways: Spanned<Vec<Way>>,
}

/// `fronts.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FrontsFile {
    #[serde(default)]
    pub front: Vec<RawFront>,
}

/// A web server that forwards only HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFront {
    pub server: Spanned<String>,
    pub kind: FrontKind,
}

/// `faces.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FacesFile {
    #[serde(default)]
    pub intention: Vec<RawIntention>,
    #[serde(default)]
    pub face: Vec<RawFace>,
}

/// What to do about an intention.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIntention {
    pub says: Spanned<Intention>,
    pub remedy: Spanned<Vec<Spanned<RawStep>>>,
}

/// What somebody is known to say in the place of LiveKit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFace {
    pub id: Spanned<String>,
    pub who: Spanned<String>,
    pub says: Spanned<Intention>,
    pub whose: Ownership,
    pub status: Option<Spanned<Vec<u16>>>,
    pub server: Option<Spanned<String>>,
    pub header: Option<Spanned<String>>,
    pub title: Option<Spanned<String>>,
    pub body: Option<Spanned<String>>,
    pub text: Option<Spanned<String>>,
    pub location: Option<Spanned<String>>,
    #[serde(default)]
    pub empty: bool,
    pub means: Spanned<String>,
    pub remedy: Option<Spanned<Vec<Spanned<RawStep>>>>,
}

/// `livekit-keys.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LivekitKeysFile {
    pub versions: Vec<Spanned<String>>,
    pub release: Vec<RawRelease>,
    pub keys: Vec<RawKeyGroup>,
    pub added: Vec<RawAddedKeys>,
}

/// The LiveKit in an edition of OpenVidu.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRelease {
    pub openvidu: Edition,
    pub livekit: Spanned<String>,
}

/// Keys of LiveKit's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKeyGroup {
    pub since: Spanned<String>,
    pub until: Option<Spanned<String>>,
    pub names: Vec<Spanned<String>>,
}

/// Keys of OpenVidu's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawAddedKeys {
    pub since: Edition,
    pub not_before: Option<Edition>,
    pub names: Vec<String>,
}

/// Every other file of rules.
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

/// A trouble that people report, and the rules that detect its cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTrouble {
    pub id: Spanned<String>,
    pub people_say: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub words: Vec<Spanned<String>>,
    #[serde(default)]
    pub codes: Vec<Spanned<String>>,
    pub cause: Spanned<String>,
    pub first: Option<Spanned<String>>,
    #[serde(default)]
    pub reported_in: Vec<Spanned<String>>,
    #[serde(default)]
    pub seen: Vec<RawSighting>,
    pub not_seen: Option<Spanned<String>>,
}

/// Rules that detect a cause, the zones from which they do, and the test that shows it.
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
    /// Required. It is an option so that the complaint can explain the missing table.
    pub controls: Option<RawControls>,
    #[serde(default)]
    pub table: Vec<RawTable>,
    #[serde(default)]
    pub texts: Vec<RawSharedTexts>,
    #[serde(default)]
    pub row: Vec<RawRow>,
    #[serde(default)]
    pub rule: Vec<RawRule>,
}

/// Ports that are in no table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawControls {
    pub udp: Vec<Spanned<Port>>,
    pub tcp: Vec<Spanned<Port>>,
    #[serde(default)]
    pub usual: Vec<Port>,
}

/// A table of the guide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTable {
    pub key: Spanned<String>,
    pub topology: Topology,
    pub node: Spanned<NodeRole>,
    pub editions: Spanned<Vec<EditionRange>>,
    pub document: String,
    pub section: String,
    /// The key of a table of the same node, to which this one adds rows for some of its editions.
    pub amends: Option<Spanned<String>>,
}

/// An edition, or all editions from a first to a last one: `3.2`, `3.0-3.5`.
#[derive(Debug, Clone, Copy)]
pub(super) struct EditionRange {
    first: Edition,
    last: Edition,
}

impl EditionRange {
    /// The editions of several ranges, in their order.
    pub fn editions(ranges: &[Self]) -> Vec<Edition> {
        let is_in = |edition: &Edition| {
            ranges.iter().any(|range| (range.first..=range.last).contains(edition))
        };
        Edition::ALL.into_iter().filter(is_in).collect()
    }
}

impl<'de> Deserialize<'de> for EditionRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let edition = |word: &str| {
            Edition::from_word(word).ok_or_else(|| D::Error::unknown_variant(word, &Edition::WORDS))
        };
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let (first, last) = (edition(first)?, edition(last)?);
        if last < first {
            return Err(D::Error::custom("the last edition is older than the first"));
        }
        Ok(Self { first, last })
    }
}

/// Texts that several rows share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawSharedTexts {
    pub key: Spanned<String>,
    pub default: Option<RawReasonTexts>,
    #[serde(default)]
    pub reason: BTreeMap<Spanned<String>, RawReasonTexts>,
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    pub id: Spanned<String>,
    #[serde(default)]
    pub formerly: Vec<Spanned<String>>,
    pub title: Spanned<String>,
    pub expected: Option<Spanned<String>>,
    pub severity: Severity,
    #[serde(default)]
    pub severity_in: BTreeMap<Edition, Severity>,
    #[serde(default)]
    pub severity_under: BTreeMap<Policy, Severity>,
    pub demand: Spanned<DemandName>,

    // What the demand takes besides.
    pub days: Option<Spanned<u16>>,
    pub lifetime_share: Option<Spanned<u16>>,
    pub seconds: Option<Spanned<u16>>,
    pub version: Option<Spanned<TlsVersion>>,
    pub versions: Option<Spanned<Vec<TlsVersion>>>,
    pub buckets: Option<Spanned<Vec<BucketName>>>,
    pub way: Option<Spanned<Way>>,
    pub all_of: Option<Spanned<Vec<Spanned<String>>>>,
    pub least: Option<Spanned<u32>>,
    pub programs: Option<Spanned<Vec<String>>>,
    pub spared_ports: Option<Spanned<Vec<Port>>>,
    pub aspect: Option<Spanned<ConfigAspect>>,
    pub setting: Option<Spanned<ProxySetting>>,

    // Where it applies: one of these kinds, or to the deployment as a whole.
    pub names: Option<Spanned<Vec<NameRef>>>,
    pub at: Option<Spanned<Vec<Spanned<String>>>>,
    pub nodes: Option<Spanned<Vec<NodeRole>>>,
    pub transport: Option<Spanned<Transport>>,
    pub ports: Option<Spanned<String>>,
    pub tcp: Option<Spanned<Vec<RawListedPort>>>,
    pub machines: Option<Spanned<Vec<NodeRole>>>,

    // When and from where it is judged.
    pub editions: Spanned<Vec<EditionRange>>,
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
    #[serde(default)]
    pub explains: Vec<Spanned<String>>,

    // The texts about it.
    pub source: Source,
    #[serde(default)]
    pub sources: Vec<RawOtherSource>,
    pub default: Option<RawReasonTexts>,
    #[serde(default)]
    pub reason: BTreeMap<Spanned<String>, RawReasonTexts>,
}

/// Another source of a rule, for some topologies or editions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawOtherSource {
    #[serde(default)]
    pub topologies: Vec<Topology>,
    #[serde(default)]
    pub editions: Vec<EditionRange>,
    pub document: String,
    pub section: String,
    pub row: Option<String>,
}

/// A TCP port in a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "{ port = NUMBER }")]
pub(super) struct RawListedPort {
    pub port: Port,
    /// The service that is expected on the port.
    pub service: Option<Spanned<Service>>,
    /// How serious it is if it is open, where this is not the rule's severity.
    pub severity: Option<Severity>,
}

/// A port of a role, with all rows of the guide's tables about it. Its id consists of node, transport
/// and port.
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
    /// Why newer editions no longer list the port.
    pub gone: Option<Spanned<String>>,
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,

    /// The key of texts that several rows share.
    pub texts: Option<Spanned<String>>,
    /// The row's own texts, which override the shared ones.
    pub default: Option<RawReasonTexts>,
    #[serde(default)]
    pub reason: BTreeMap<Spanned<String>, RawReasonTexts>,
}

/// One row of one table of the guide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTableRow {
    pub table: Spanned<String>,
    /// The row, quoted.
    pub row: Spanned<String>,
    /// Some of the table's editions. If omitted, all of them.
    pub editions: Option<Spanned<Vec<EditionRange>>>,
    pub from: Spanned<Vec<AllowedFrom>>,
    pub feature: Option<Spanned<Feature>>,
    pub module: Option<Spanned<Module>>,
    pub needs_turn_domain: Option<Spanned<bool>>,
    pub engine: Option<RtcEngine>,
}

/// Sources that may reach a port although no table lists them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTolerated {
    pub topologies: Spanned<Vec<Topology>>,
    pub editions: Spanned<Vec<EditionRange>>,
    pub from: Spanned<Vec<AllowedFrom>>,
    pub why: Spanned<String>,
    pub source: Source,
}

/// The texts about a violation for one reason, or for all other reasons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawReasonTexts {
    pub means: Option<Spanned<String>>,
    pub remedy: Option<Spanned<Vec<Spanned<RawStep>>>>,
}

/// A step of a remedy, in one of its forms.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawStep {
    pub say: Option<Spanned<String>>,
    pub run: Option<Spanned<String>>,
    pub on: Option<Machine>,
    pub show: Option<Spanned<String>>,
    #[serde(rename = "in")]
    pub place: Option<Spanned<String>>,
    /// The steps of `firewall.toml` that open a port, such as `udp 443`.
    pub open: Option<Spanned<String>>,
    /// Those that close it.
    pub close: Option<Spanned<String>>,
    /// Those that block outbound packets.
    pub block: Option<Spanned<String>>,
    /// To whom a port is opened, or for whom it stays open.
    #[serde(rename = "for")]
    pub audience: Option<Audience>,
}

/// Machines that a firewall tells from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Audience {
    /// Those that the row of the port allows.
    Sources,
    Proxy,
    Media,
    /// All machines of OpenVidu.
    Nodes,
}

/// `firewall.toml`: steps that many remedies share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FirewallFile {
    pub open: Vec<Spanned<RawStep>>,
    pub open_for: Vec<Spanned<RawStep>>,
    pub close: Vec<Spanned<RawStep>>,
    pub close_except: Vec<Spanned<RawStep>>,
    pub block: Vec<Spanned<RawStep>>,
    /// The words for each audience.
    #[serde(rename = "for")]
    pub audiences: BTreeMap<Audience, RawAudience>,
    pub topic: Spanned<RawTopic>,
}

/// An audience in the languages of the firewalls.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudience {
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub except: String,
    pub each: String,
    pub words: String,
}

/// A subject that is explained by its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTopic {
    pub title: Spanned<String>,
    pub steps: Spanned<Vec<Spanned<RawStep>>>,
}

/// A limit of a rule or row to one address family.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFamilyLimit {
    pub family: Family,
    /// The editions to which the limit applies.
    pub editions: Spanned<Vec<EditionRange>>,
    /// Why the other family is excluded.
    pub why: Spanned<String>,
}
