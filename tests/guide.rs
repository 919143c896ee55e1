//! The port rules against the guide's own tables (`fixtures/guide/`), row by row and in both
//! directions: no row is forgotten, and none is invented.
//!
//! The fixtures hold words. What they mean is read here, apart from the program: a new phrase
//! fails the test that meets it, and somebody has to say what it means.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ovcheck::model::deployment::{
    Condition, Deployment, Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology,
};
use ovcheck::model::port::{PortRange, Transport};
use ovcheck::model::rule::{AllowedFrom, Demand, PortRow, Rule, Scope, Source, TableRow};
use ovcheck::model::vantage::Zone;
use ovcheck::model::verdict::Severity;
use ovcheck::model::word_list::WordList;
use ovcheck::ruleset::Ruleset;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use support::deployments::every_deployment;

// --- The fixtures ------------------------------------------------------------------------------

/// A file of `fixtures/guide/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    sentence: Vec<Sentence>,
    #[serde(default)]
    table: Vec<Table>,
    #[serde(default)]
    closed: Vec<ClosedList>,
    #[serde(default)]
    mode: Vec<Mode>,
}

/// A sentence that a rule quotes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentence {
    document: String,
    section: String,
    text: String,
}

/// `["3.0-3.5", "3.9"]`.
fn ranges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Edition>, D::Error> {
    let editions = Vec::<String>::deserialize(deserializer)?.into_iter().flat_map(|text| {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let [first, last] = [first, last].map(|word| Edition::from_word(word).unwrap());
        Edition::ALL.into_iter().filter(move |edition| (first..=last).contains(edition))
    });
    Ok(editions.collect())
}

fn some_ranges<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Edition>>, D::Error> {
    ranges(deserializer).map(Some)
}

/// Which table it is, in the keys of `[[table]]` in rules/ports.toml.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    key: String,
    topology: Topology,
    node: NodeRole,
    editions: Vec<Edition>,
    document: String,
    section: String,
    amends: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    key: String,
    topology: Topology,
    node: NodeRole,
    #[serde(deserialize_with = "ranges")]
    editions: Vec<Edition>,
    document: String,
    section: String,
    /// The table to which this one only adds rows.
    amends: Option<String>,
    row: Vec<Row>,
    #[serde(default)]
    tolerated: Vec<Tolerated>,
}

/// A row of the guide.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    protocol: String,
    ports: String,
    source: String,
    /// Where the table has a column for it; else the description says so.
    need: Option<Need>,
    description: String,
    /// Some of the table's editions; without it all of them.
    #[serde(default, deserialize_with = "some_ranges")]
    editions: Option<Vec<Edition>>,
    /// The port that is meant, where the guide contradicts itself.
    corrected_ports: Option<String>,
    /// The words that say whether it is needed, where they stand elsewhere.
    read_as: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
enum Need {
    #[serde(rename = "R")]
    Required,
    #[serde(rename = "O")]
    Optional,
}

/// Who may reach a port though the table does not say so.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tolerated {
    protocol: String,
    ports: String,
    source: String,
    why: String,
    /// Some of the table's editions; without it all of them.
    #[serde(default, deserialize_with = "some_ranges")]
    editions: Option<Vec<Edition>>,
    document: String,
    section: String,
}

/// A list of the ports that forced TURN closes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosedList {
    topologies: Vec<Topology>,
    document: String,
    section: String,
    rows: Vec<ClosedPort>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosedPort {
    node: String,
    port: String,
    protocol: String,
}

/// What is open on the machines that carry media, in a mode of edition 3.9.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Mode {
    policies: Vec<Policy>,
    topologies: Vec<Topology>,
    document: String,
    tab: String,
    section: String,
    /// `UDP 443`.
    from_the_internet: Vec<String>,
    inside: Inside,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inside {
    protocol: String,
    ports: String,
    source: String,
}

impl Table {
    fn identity(&self) -> Identity {
        Identity {
            key: self.key.clone(),
            topology: self.topology,
            node: self.node,
            editions: self.editions.clone(),
            document: self.document.clone(),
            section: self.section.clone(),
            amends: self.amends.clone(),
        }
    }
}

impl Row {
    /// As rules quote it.
    fn words(&self) -> String {
        quote(&[&self.protocol, &self.ports, &self.source])
    }

    fn is_of(&self, edition: Edition) -> bool {
        (self.editions.as_ref()).is_none_or(|editions| editions.contains(&edition))
    }
}

fn quote(cells: &[&str]) -> String {
    cells.join(" | ")
}

fn file(name: &str) -> File {
    read(&format!("fixtures/guide/{name}"))
}

fn read<T: DeserializeOwned>(path: &str) -> T {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files of `fixtures/guide/`.
fn files() -> Vec<File> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/guide");
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["elastic.toml", "forced-ports.toml", "high-availability.toml", "single-node.toml"]
    );
    names.iter().map(|name| file(name)).collect()
}

fn tables() -> Vec<Table> {
    files().into_iter().flat_map(|file| file.table).collect()
}

// --- What the words mean -----------------------------------------------------------------------

fn transport(protocol: &str) -> Transport {
    match protocol {
        "TCP" => Transport::Tcp,
        "UDP" => Transport::Udp,
        other => panic!("\"{other}\" is a new protocol"),
    }
}

fn ports(text: &str) -> PortRange {
    text.replace(' ', "").parse().unwrap()
}

/// The "Source" column.
fn from(source: &str) -> Vec<AllowedFrom> {
    match source {
        "0.0.0.0/0, ::/0" | "any" => vec![AllowedFrom::Anywhere],
        "External proxy" | "External Proxy" | "external proxy" | "load balancer" => {
            vec![AllowedFrom::ExternalProxy]
        }
        "Master Node" | "master" | "masters" => vec![AllowedFrom::Master],
        "Media Nodes" | "media nodes" | "media" => vec![AllowedFrom::Media],
        "masters + media" => vec![AllowedFrom::Master, AllowedFrom::Media],
        other => panic!("\"{other}\" is a new source"),
    }
}

/// Whether the row is needed only if something is so.
fn is_optional(row: &Row) -> bool {
    let words = row.read_as.as_ref().unwrap_or(&row.description);
    let says_so = ["Needed if you", "needed only if", "Needed when", "Optional"]
        .iter()
        .any(|phrase| words.contains(phrase));
    says_so || row.need == Some(Need::Optional)
}

/// What an optional row depends on. A row that is only for one engine and not marked has no
/// condition besides it.
fn condition(row: &Row) -> Option<Condition> {
    // The first that the row contains; the guide's own sentences come first.
    let phrases = [
        ("`v2compatibility`", Condition::Module(Module::V2Compatibility)),
        ("`openviduMeet`", Condition::Module(Module::OpenviduMeet)),
        ("`app`", Condition::Module(Module::App)),
        ("`observability`", Condition::Module(Module::Observability)),
        ("RTMP", Condition::Feature(Feature::Rtmp)),
        ("WHIP", Condition::Feature(Feature::Whip)),
        ("WebRTC over TCP", Condition::Feature(Feature::IceTcp)),
        ("MinIO", Condition::Feature(Feature::PublicMinio)),
        ("TURN", Condition::TurnDomain),
    ];
    if !is_optional(row) {
        return None;
    }
    let words = row.read_as.as_ref().unwrap_or(&row.description);
    let found = phrases.iter().find(|(phrase, _)| words.contains(phrase));
    let (_, condition) = found.unwrap_or_else(|| panic!("\"{words}\" is a new condition"));
    Some(*condition)
}

fn engine(row: &Row) -> Option<RtcEngine> {
    if row.description.contains("Pion") {
        return Some(RtcEngine::Pion);
    }
    row.description.contains("Mediasoup").then_some(RtcEngine::Mediasoup)
}

// --- One table, one test -----------------------------------------------------------------------

/// A row, the guide's or ours, as both can be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Comparable {
    transport: Transport,
    ports: String,
    from: Vec<AllowedFrom>,
    condition: Option<Condition>,
    engine: Option<String>,
    quote: String,
}

/// A port that is tolerated, the fixture's or ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ComparableTolerated {
    transport: Transport,
    ports: String,
    from: Vec<AllowedFrom>,
    why: String,
    source: Source,
}

/// Every row that rules/ports.toml has for a node.
fn ours(ruleset: &Ruleset, node: NodeRole) -> impl Iterator<Item = (&Rule, &PortRow, &TableRow)> {
    let rows = ruleset.rules.iter().filter_map(|rule| {
        if let Demand::PortRow(row) = &rule.demand {
            return Some((rule, row));
        }
        None
    });
    rows.filter(move |(rule, _)| scope(rule).0 == node)
        .flat_map(|(rule, row)| row.rows.iter().map(move |of_table| (rule, row, of_table)))
}

/// The only role of a row, its transport and its ports.
fn scope(rule: &Rule) -> (NodeRole, Transport, PortRange) {
    let Scope::Ports(scope) = &rule.scope else {
        panic!("{} is not about a port", rule.id);
    };
    (scope.roles[0], scope.transport, scope.ports)
}

fn is_of(table: &Table, row: &TableRow) -> bool {
    row.topology == table.topology
        && row.tolerated.is_none()
        && (&row.source.document, &row.source.section) == (&table.document, &table.section)
}

/// Compares the rows of a table with ours, in each of its editions.
fn compare(key: &str) {
    let ruleset = Ruleset::embedded();
    let tables = tables();
    let [table] = &tables.iter().filter(|table| table.key == key).collect::<Vec<_>>()[..] else {
        panic!("{key} is not exactly one table of fixtures/guide");
    };
    assert!(!table.row.is_empty());
    for edition in &table.editions {
        let guide = table.row.iter().filter(|row| row.is_of(*edition));
        let mut guide: Vec<Comparable> = guide
            .map(|row| Comparable {
                transport: transport(&row.protocol),
                ports: ports(row.corrected_ports.as_ref().unwrap_or(&row.ports)).to_string(),
                from: from(&row.source),
                condition: condition(row),
                engine: engine(row).map(|engine| engine.to_string()),
                quote: row.words(),
            })
            .collect();
        let ours = ours(&ruleset, table.node).filter(|(_, _, row)| is_of(table, row));
        let mut ours: Vec<Comparable> = ours
            .filter(|(_, _, row)| row.editions.contains(edition))
            .map(|(rule, _, row)| Comparable {
                transport: scope(rule).1,
                ports: scope(rule).2.to_string(),
                from: row.from.clone(),
                condition: row.condition,
                engine: row.engine.map(|engine| engine.to_string()),
                quote: row.source.row.clone().unwrap_or_default(),
            })
            .collect();
        guide.sort();
        ours.sort();
        let forgotten: Vec<_> = guide.iter().filter(|row| !ours.contains(row)).collect();
        let invented: Vec<_> = ours.iter().filter(|row| !guide.contains(row)).collect();
        assert!(
            forgotten.is_empty() && invented.is_empty(),
            "{key}, edition {edition}: rules/ports.toml lacks {forgotten:#?}\n\
             and has, without the guide, {invented:#?}"
        );
        // Neither has a row twice.
        assert_eq!(guide, ours, "{key}, edition {edition}");
        if table.amends.is_none() {
            compare_tolerated(&ruleset, table, *edition);
        }
    }
}

fn compare_tolerated(ruleset: &Ruleset, table: &Table, edition: Edition) {
    let is_of = |row: &&Tolerated| row.editions.as_ref().is_none_or(|it| it.contains(&edition));
    let mut known: Vec<ComparableTolerated> = (table.tolerated.iter().filter(is_of))
        .map(|row| ComparableTolerated {
            transport: transport(&row.protocol),
            ports: ports(&row.ports).to_string(),
            from: from(&row.source),
            why: row.why.clone(),
            source: Source {
                document: row.document.clone(),
                section: row.section.clone(),
                row: None,
            },
        })
        .collect();
    let mut ours: Vec<ComparableTolerated> = ours(ruleset, table.node)
        .filter(|(_, _, row)| row.applies_to(table.topology, edition))
        .filter_map(|(rule, _, row)| {
            Some(ComparableTolerated {
                transport: scope(rule).1,
                ports: scope(rule).2.to_string(),
                from: row.from.clone(),
                why: row.tolerated.clone()?,
                source: row.source.clone(),
            })
        })
        .collect();
    known.sort();
    ours.sort();
    assert_eq!(known, ours, "tolerated: {}, edition {edition}", table.key);
}

macro_rules! one_test_per_table {
    ($($name:ident: $key:literal,)+) => {
        /// The tables that have a test of their own.
        const TESTED: &[&str] = &[$($key,)+];

        $(
            #[test]
            fn $name() {
                compare($key);
            }
        )+
    };
}

one_test_per_table! {
    single_node_openvidu_3_2: "single-node/openvidu-3.2",
    single_node_openvidu_3_4: "single-node/openvidu-3.4",
    single_node_openvidu_3_6_and_3_9: "single-node/openvidu-3.6",
    single_node_proxy: "single-node/proxy",
    elastic_master_3_2: "elastic/master-3.2",
    elastic_master_3_4: "elastic/master-3.4",
    elastic_master_3_6_and_3_9: "elastic/master-3.6",
    elastic_media_3_2: "elastic/media-3.2",
    elastic_media_3_4: "elastic/media-3.4",
    elastic_media_3_6_and_3_9: "elastic/media-3.6",
    elastic_proxy: "elastic/proxy",
    high_availability_master_3_2: "high-availability/master-3.2",
    high_availability_master_3_4: "high-availability/master-3.4",
    high_availability_master_3_6_and_3_9: "high-availability/master-3.6",
    high_availability_media_3_2: "high-availability/media-3.2",
    high_availability_media_3_4: "high-availability/media-3.4",
    high_availability_media_3_6_and_3_9: "high-availability/media-3.6",
    high_availability_load_balancer: "high-availability/load-balancer",
}

// --- All tables --------------------------------------------------------------------------------

/// rules/ports.toml, as far as it names tables.
#[derive(Deserialize)]
struct PortsFile {
    table: Vec<toml::Value>,
}

#[test]
fn the_rules_and_the_guide_have_the_same_tables() {
    let named = read::<PortsFile>("rules/ports.toml").table;
    let named: Vec<Identity> = named
        .into_iter()
        .map(|mut table| {
            // A table of the guide without its rows.
            let fields = table.as_table_mut().unwrap();
            fields.insert("row".to_owned(), toml::Value::Array(Vec::new()));
            table.try_into::<Table>().unwrap().identity()
        })
        .collect();
    let as_set = |tables: &[Identity]| tables.iter().cloned().collect::<BTreeSet<_>>();
    let known: Vec<Identity> = tables().iter().map(Table::identity).collect();
    assert_eq!(as_set(&named), as_set(&known));
    assert_eq!(named.len(), known.len());
    let keys: BTreeSet<&str> = known.iter().map(|table| table.key.as_str()).collect();
    assert_eq!(TESTED.iter().copied().collect::<BTreeSet<_>>(), keys);
}

#[test]
fn every_edition_has_one_table_for_each_node_of_each_topology() {
    let tables = tables();
    for topology in Topology::ALL {
        for edition in Edition::ALL {
            for node in topology.roles() {
                let of_it = tables.iter().filter(|table| {
                    (table.topology, table.node) == (topology, *node)
                        && table.editions.contains(&edition)
                        && table.amends.is_none()
                });
                assert_eq!(of_it.count(), 1, "{topology} {node} {edition}");
            }
        }
    }
}

/// A row that says it stands in a table of which there is none would be compared with nothing.
#[test]
fn every_row_of_ours_stands_in_one_of_the_tables() {
    let (ruleset, tables) = (Ruleset::embedded(), tables());
    for node in NodeRole::ALL {
        for (rule, _, row) in ours(&ruleset, node) {
            // Compared table by table, and every node has one in every edition.
            if row.tolerated.is_some() {
                continue;
            }
            let of_it = tables.iter().filter(|table| {
                table.node == node
                    && is_of(table, row)
                    && row.editions.iter().all(|it| table.editions.contains(it))
            });
            assert_eq!(of_it.count(), 1, "{}: {row:?}", rule.id);
        }
    }
}

#[test]
fn what_a_table_names_by_mistake_is_known_as_that() {
    let ruleset = Ruleset::embedded();
    let mut corrected = 0;
    for table in tables() {
        for row in &table.row {
            let Some(meant) = &row.corrected_ports else {
                continue;
            };
            corrected += 1;
            let id = format!("ports/{}-{}-{}", table.node, transport(&row.protocol), ports(meant));
            let rule = ruleset.rule(&id.parse().unwrap()).unwrap();
            let Demand::PortRow(port_row) = &rule.demand else {
                panic!("{id} is no row");
            };
            assert_eq!(port_row.misprint, ports(&row.ports).single(), "{id}");
        }
    }
    assert_eq!(corrected, 1);
}

#[test]
fn what_is_quoted_from_the_guide_stands_in_it() {
    let mut known: BTreeSet<(String, String, String)> = BTreeSet::new();
    for file in files() {
        for sentence in file.sentence {
            known.insert((sentence.document, sentence.section, sentence.text));
        }
        for table in file.table {
            for row in &table.row {
                for quoted in [row.words(), row.source.clone(), row.description.clone()] {
                    known.insert((table.document.clone(), table.section.clone(), quoted));
                }
            }
        }
        for list in file.closed {
            for row in &list.rows {
                let quoted = quote(&[&row.node, &row.port, &row.protocol]);
                known.insert((list.document.clone(), list.section.clone(), quoted));
            }
        }
        for mode in &file.mode {
            let Inside { protocol, ports, source } = &mode.inside;
            let quoted = quote(&[protocol, ports, source]);
            for tabs in [mode.tab.as_str(), "443 UDP, 443 TLS"] {
                let section = format!("{tabs} / {}", mode.section);
                known.insert((mode.document.clone(), section, quoted.clone()));
            }
        }
    }
    let documents: BTreeSet<String> = known.iter().map(|(document, ..)| document.clone()).collect();
    assert_eq!(documents.len(), 6, "{documents:?}");
    let ruleset = Ruleset::embedded();
    let mut quotes = 0;
    for rule in &ruleset.rules {
        let others = rule.sources.iter().map(|other| &other.source);
        let mut sources: Vec<&Source> = std::iter::once(&rule.source).chain(others).collect();
        if let Demand::PortRow(row) = &rule.demand {
            sources.extend(row.rows.iter().map(|row| &row.source));
        }
        for source in sources {
            let (Some(row), true) = (&source.row, documents.contains(&source.document)) else {
                continue;
            };
            quotes += 1;
            let quoted = (source.document.clone(), source.section.clone(), row.clone());
            assert!(known.contains(&quoted), "{}: {source:?}", rule.id);
        }
    }
    assert!(quotes > 100, "{quotes}");
}

// --- Forced TURN -------------------------------------------------------------------------------

/// `UDP 443`.
type PortName = String;

fn name(transport: Transport, ports: PortRange) -> PortName {
    format!("{} {ports}", transport.to_string().to_uppercase())
}

/// What the guide's list closes, all of it on the machines that carry media.
fn closed_by_list(topology: Topology) -> BTreeSet<PortName> {
    let lists = file("forced-ports.toml").closed;
    let [list] =
        &lists.iter().filter(|list| list.topologies.contains(&topology)).collect::<Vec<_>>()[..]
    else {
        panic!("{topology} has not exactly one list");
    };
    let machine = match topology.media() {
        NodeRole::Openvidu => "OpenVidu Server",
        NodeRole::Media => "Media Node",
        other @ (NodeRole::Master | NodeRole::Proxy) => panic!("no media flows to {other}"),
    };
    let named = list.rows.iter().map(|row| {
        assert_eq!(row.node, machine);
        name(transport(&row.protocol), ports(&row.port))
    });
    named.collect()
}

fn mode_of(policy: Policy, topology: Topology) -> Option<Mode> {
    let modes = file("forced-ports.toml").mode;
    let mut found = modes
        .into_iter()
        .filter(|mode| mode.policies.contains(&policy) && mode.topologies.contains(&topology));
    let first = found.next();
    assert!(found.next().is_none(), "{policy} {topology}");
    first
}

/// What a mode closes by leaving it out: what the tables of 3.9 open to everybody on the machines
/// that carry media, without what the mode opens.
fn closed_by_mode(mode: &Mode, topology: Topology, engine: RtcEngine) -> BTreeSet<PortName> {
    let tables = tables();
    let table = tables
        .iter()
        .find(|table| {
            (table.topology, table.node) == (topology, topology.media())
                && table.editions.contains(&Edition::V3_9)
        })
        .unwrap();
    let open_to_all = table.row.iter().filter(|row| {
        let needs_other = self::engine(row).is_some_and(|needed| needed != engine);
        // Closing 7881 costs nothing with mediasoup, and nobody has to know the engine for it.
        let only_of_pion = self::engine(row) == Some(RtcEngine::Pion);
        row.is_of(Edition::V3_9) && row.source == "any" && (!needs_other || only_of_pion)
    });
    open_to_all
        .map(|row| name(transport(&row.protocol), ports(&row.ports)))
        .filter(|name| !mode.from_the_internet.contains(name))
        .collect()
}

/// Every topology, edition, policy of that edition, and engine.
fn with_every_engine() -> impl Iterator<Item = Deployment> {
    let of_engine =
        |rtc_engine| every_deployment().into_iter().map(move |it| Deployment { rtc_engine, ..it });
    RtcEngine::ALL.into_iter().flat_map(of_engine)
}

#[test]
fn what_a_policy_closes_is_what_the_guide_closes_and_how_bad_that_is() {
    let ruleset = Ruleset::embedded();
    for deployment in with_every_engine() {
        let (topology, edition, policy) =
            (deployment.topology, deployment.edition, deployment.policy);
        let what = format!("{topology} {edition} {policy} {}", deployment.rtc_engine);
        let closed: BTreeSet<(PortName, Severity)> = ruleset
            .demanded(&deployment)
            .filter(|rule| rule.demand == Demand::PortClosed)
            .map(|rule| {
                let Scope::Ports(scope) = &rule.scope else {
                    panic!("{} is not about a port", rule.id);
                };
                assert_eq!(scope.roles, [NodeRole::Openvidu, NodeRole::Media]);
                assert_eq!(rule.zones, [Zone::Internet], "{}", rule.id);
                let name = name(scope.transport, scope.ports);
                (name, rule.severity_in(edition))
            })
            .collect();
        let mode = mode_of(policy, topology);
        let by_mode = mode.map_or_else(BTreeSet::new, |mode| {
            closed_by_mode(&mode, topology, deployment.rtc_engine)
        });
        let by_list = closed_by_list(topology);
        let expected = by_mode.into_iter().map(|name| {
            // The list of 3.2 forgets some ports: media goes around the proxy there as well, and
            // nobody was told to close them.
            let told = edition == Edition::V3_9 || by_list.contains(&name);
            let severity = if told { Severity::Error } else { Severity::Warning };
            (name, severity)
        });
        assert_eq!(closed, expected.collect(), "{what}");
        if policy == Policy::ForcedTurn {
            let names: BTreeSet<_> = closed.into_iter().map(|(name, _)| name).collect();
            assert!(by_list.is_subset(&names), "{what}");
        }
        let closes_something = mode_of(policy, topology).is_some();
        assert_eq!(closes_something, policy != Policy::Default, "{what}");
    }
}

#[test]
fn what_a_policy_keeps_open_inside_is_what_its_mode_keeps_open() {
    let ruleset = Ruleset::embedded();
    for deployment in with_every_engine() {
        let (topology, policy) = (deployment.topology, deployment.policy);
        let inside: Vec<&Rule> =
            ruleset.demanded(&deployment).filter(|rule| rule.demand == Demand::PortOpen).collect();
        let Some(mode) = mode_of(policy, topology) else {
            assert!(inside.is_empty(), "{policy}");
            continue;
        };
        let [rule] = inside[..] else {
            panic!("{topology} {policy}: {inside:?}");
        };
        let Scope::Ports(scope) = &rule.scope else {
            panic!("{} is not about a port", rule.id);
        };
        let zone = match mode.inside.source.as_str() {
            "Own Node" => Zone::OwnNode,
            "Media Nodes" => Zone::Media,
            other => panic!("\"{other}\" is a new source"),
        };
        assert!(rule.zones.contains(&zone), "{topology} {policy}");
        assert!(scope.roles.contains(&topology.media()));
        assert_eq!(
            name(scope.transport, scope.ports),
            name(transport(&mode.inside.protocol), ports(&mode.inside.ports))
        );
    }
}

#[test]
fn a_closed_port_cites_the_list_or_the_modes_that_close_it() {
    let ruleset = Ruleset::embedded();
    let forced = file("forced-ports.toml");
    for deployment in with_every_engine() {
        let (topology, edition) = (deployment.topology, deployment.edition);
        let rules = ruleset.demanded(&deployment);
        for rule in rules.filter(|rule| rule.demand == Demand::PortClosed) {
            let Scope::Ports(scope) = &rule.scope else {
                panic!("{} is not about a port", rule.id);
            };
            let port = name(scope.transport, scope.ports);
            let source = rule.source_for(topology, edition);
            let cited = format!("{} / {}", source.document, source.section);
            let in_list = closed_by_list(topology).contains(&port);
            let expected = if edition != Edition::V3_9 && in_list {
                let list = forced.closed.iter();
                let mut list = list.filter(|list| list.topologies.contains(&topology));
                let list = list.next().unwrap();
                format!("{} / {}", list.document, list.section)
            } else {
                // The tabs of all modes that close it.
                let modes: Vec<&Mode> = (forced.mode.iter())
                    .filter(|mode| mode.topologies.contains(&topology))
                    .filter(|mode| !mode.from_the_internet.contains(&port))
                    .collect();
                let tabs: Vec<&str> = modes.iter().map(|mode| mode.tab.as_str()).collect();
                let mode = modes[0];
                format!("{} / {} / {}", mode.document, tabs.join(", "), mode.section)
            };
            assert_eq!(cited, expected, "{}, {topology}, {edition}", rule.id);
        }
    }
}
