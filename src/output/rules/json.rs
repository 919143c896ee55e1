//! The rules for programs: `ovcheck rules --format json`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::model::deployment::{
    Condition, Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology,
};
use crate::model::port::{PortRange, Transport};
use crate::model::rule::{
    AllowedFrom, Demand, PortRow, PortScope, Rule, RuleId, Scope, Source, TableRow,
};
use crate::model::vantage::Zone;
use crate::model::verdict::Severity;

/// The version of the shape. A field may be added (the number after the dot), nothing else; another
/// number before the dot is another shape.
const SCHEMA_VERSION: &str = "1.1";

/// Writes the rules as one JSON object, with a final newline. `digest` is that of all rules.
///
/// # Errors
/// Those of `out`.
pub fn write(rules: &[Rule], digest: &str, out: &mut dyn Write) -> io::Result<()> {
    let listing = Listing {
        schema_version: SCHEMA_VERSION,
        ruleset: Ruleset { digest },
        rules: rules.iter().map(RuleShape::of).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &listing)?;
    writeln!(out)?;
    out.flush()
}

/// What `ovcheck rules --format json` prints.
///
/// `schema_version` is [`SCHEMA_VERSION`]. `ruleset.digest` is the digest of all rules, also of those
/// that were not asked for; a report has the same. `rules` are those that were asked for, in the
/// order of the rule files.
#[derive(Serialize)]
struct Listing<'a> {
    schema_version: &'static str,
    ruleset: Ruleset<'a>,
    rules: Vec<RuleShape<'a>>,
}

#[derive(Serialize)]
struct Ruleset<'a> {
    digest: &'a str,
}

/// A rule.
///
/// - `id`, `family`, `title`: as in a report.
/// - `severity`, and `severity_in`, `severity_under`: editions and policies that take it otherwise,
///   as objects; a policy takes precedence.
/// - `editions`: of those asked for; `policies`, `judged_from`: empty means all of them.
/// - `engine`: `null` means both.
/// - `feature`, `module`, `needs_turn_domain`: what it depends on, as in a row.
/// - `needs`: ids of rules that have to pass before this one can say anything.
/// - `port`: where the rule is about one port, or one range, of some roles; else `null`.
/// - `rows`: where it is a port of the guide's tables, what they say of it; else empty.
/// - `not_under`: policies under which a rule of the family `policy` judges the port instead.
/// - `source`: document, section, and the row where one is quoted.
#[derive(Serialize)]
struct RuleShape<'a> {
    id: &'a RuleId,
    family: &'a str,
    title: &'a str,
    severity: Severity,
    severity_in: &'a BTreeMap<Edition, Severity>,
    severity_under: &'a BTreeMap<Policy, Severity>,
    editions: &'a [Edition],
    policies: &'a [Policy],
    judged_from: &'a [Zone],
    engine: Option<RtcEngine>,
    feature: Option<Feature>,
    module: Option<Module>,
    needs_turn_domain: bool,
    needs: &'a [RuleId],
    port: Option<PortShape<'a>>,
    rows: Vec<RowShape<'a>>,
    not_under: &'a [Policy],
    source: &'a Source,
}

/// `ports` is a number, or `{"first": …, "last": …}`.
#[derive(Serialize)]
struct PortShape<'a> {
    nodes: &'a [NodeRole],
    transport: Transport,
    ports: PortRange,
}

/// A row of a table of the guide.
///
/// - `from`: `anywhere`, `external-proxy`, `master`, `media`; never empty.
/// - `feature`, `module`, `needs_turn_domain`, `engine`: what it depends on; `null`, or `false`,
///   where it does not.
/// - `tolerated`: a text where the port is not demanded, and not refused either: why; else `null`.
/// - `source.row`: the row in the guide's words.
#[derive(Serialize)]
struct RowShape<'a> {
    topology: Topology,
    editions: &'a [Edition],
    from: &'a [AllowedFrom],
    feature: Option<Feature>,
    module: Option<Module>,
    needs_turn_domain: bool,
    engine: Option<RtcEngine>,
    tolerated: Option<&'a str>,
    source: &'a Source,
}

impl<'a> RuleShape<'a> {
    fn of(rule: &'a Rule) -> Self {
        let row = row_of(rule);
        let (feature, module, needs_turn_domain) = parts(rule.condition);
        Self {
            id: &rule.id,
            family: rule.id.family(),
            title: &rule.title,
            severity: rule.severity,
            severity_in: &rule.severity_in,
            severity_under: &rule.severity_under,
            editions: &rule.editions,
            policies: &rule.policies,
            judged_from: &rule.zones,
            engine: rule.engine,
            feature,
            module,
            needs_turn_domain,
            needs: &rule.needs,
            port: port_of(rule),
            rows: row.map_or_else(Vec::new, |row| row.rows.iter().map(RowShape::of).collect()),
            not_under: row.map_or(&[], |row| &row.not_under),
            source: &rule.source,
        }
    }
}

fn row_of(rule: &Rule) -> Option<&PortRow> {
    if let Demand::PortRow(row) = &rule.demand {
        return Some(row);
    }
    None
}

fn port_of(rule: &Rule) -> Option<PortShape<'_>> {
    match &rule.scope {
        Scope::Ports(PortScope { roles, transport, ports }) => {
            Some(PortShape { nodes: roles, transport: *transport, ports: *ports })
        }
        Scope::Deployment
        | Scope::Names(_)
        | Scope::Endpoints(_)
        | Scope::AllNodes { .. }
        | Scope::Machines(_) => None,
    }
}

impl<'a> RowShape<'a> {
    fn of(row: &'a TableRow) -> Self {
        let (feature, module, needs_turn_domain) = parts(row.condition);
        Self {
            topology: row.topology,
            editions: &row.editions,
            from: &row.from,
            feature,
            module,
            needs_turn_domain,
            engine: row.engine,
            tolerated: row.tolerated.as_deref(),
            source: &row.source,
        }
    }
}

/// A condition as the keys of a row: `feature`, `module`, `needs_turn_domain`.
pub(in crate::output) fn parts(
    condition: Option<Condition>,
) -> (Option<Feature>, Option<Module>, bool) {
    match condition {
        None => (None, None, false),
        Some(Condition::Feature(feature)) => (Some(feature), None, false),
        Some(Condition::Module(module)) => (None, Some(module), false),
        Some(Condition::TurnDomain) => (None, None, true),
    }
}
