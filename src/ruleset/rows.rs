//! Rows of the guide's tables as they are written → rules on ports.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{PortsFile, RawRow, RawTable, RawTableRow, RawTolerated};
use super::shared::{
    Converted, family_limit, mentions, no_default, refuse_second, remedy_texts, service,
};
use super::values::{filled, line, ports, template, title};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::deployment::{Condition, Edition, Feature, Module, NodeRole, Topology};
use crate::model::reason::ReasonCode;
use crate::model::rule::{
    Demand, PortRow, PortScope, Remedies, Rule, RuleId, Scope, Source, TableRow, Template,
};

/// What rows refer to: the tables of the guide, and remedies by their keys.
pub(super) struct Shared<'a> {
    tables: Vec<(String, &'a RawTable)>,
    remedies: BTreeMap<String, (Option<Template>, BTreeMap<ReasonCode, Template>)>,
}

impl<'a> Shared<'a> {
    /// Reads both lists of `ports.toml`.
    pub fn read(file: &RuleFile, raw: &'a PortsFile) -> Result<Self, Complaint> {
        let mut tables: Vec<(String, &RawTable)> = Vec::new();
        for table in &raw.table {
            let key = line(file, &table.key)?;
            filled(file, &table.editions)?;
            let node = *table.node.get_ref();
            refuse_lacking(file, table.node.span(), table.topology, node)?;
            if tables.iter().any(|(known, _)| *known == key) {
                return Err(second_key(file, &table.key, "tables"));
            }
            tables.push((key, table));
        }
        let mut remedies = BTreeMap::new();
        for shared in &raw.remedies {
            let key = line(file, &shared.key)?;
            let texts = remedy_texts(file, &shared.remedy)?;
            if remedies.insert(key, texts).is_some() {
                return Err(second_key(file, &shared.key, "remedies"));
            }
        }
        Ok(Self { tables, remedies })
    }
}

/// A node that the topology does not have is never looked at.
fn refuse_lacking(
    file: &RuleFile,
    span: Range<usize>,
    topology: Topology,
    node: NodeRole,
) -> Result<(), Complaint> {
    let roles = topology.roles();
    if roles.contains(&node) {
        return Ok(());
    }
    let known: Vec<String> = roles.iter().map(NodeRole::to_string).collect();
    Err(file
        .complaint(
            span,
            format!("the topology {topology} has no node of the role {node}"),
            "never there",
        )
        .with_help(format!("its roles are {}", known.join(", "))))
}

fn second_key(file: &RuleFile, key: &Spanned<String>, what: &str) -> Complaint {
    let message = format!("there are two {what} \"{}\"", key.get_ref());
    file.complaint(key.span(), message, "the second one").with_help("give it another key")
}

/// Adds the rule on one port, or range of ports, of one role.
pub(super) fn add(
    file: &RuleFile,
    raw: &RawRow,
    shared: &Shared<'_>,
    into: &mut Converted,
) -> Result<(), Complaint> {
    let ports = ports(file, &raw.ports)?;
    let id: RuleId = format!("ports/{}-{}-{ports}", raw.node, raw.transport)
        .parse()
        .expect("roles, transports and ports are written in letters, digits and hyphens");
    refuse_second(file, &id, raw.ports.span(), into).map_err(|complaint| {
        complaint.with_help("put its \"rows\" into the first one: they may be of many tables")
    })?;
    let mut rows = filled(file, &raw.rows)?
        .iter()
        .map(|row| table_row(file, raw, row, shared))
        .collect::<Result<Vec<_>, _>>()?;
    for tolerated in &raw.tolerated {
        rows.extend(tolerated_rows(file, raw, tolerated)?);
    }
    let needs = mentions(file, &id, &raw.needs, into)?;
    let editions: BTreeSet<Edition> = rows.iter().flat_map(|row| row.editions.clone()).collect();
    let source = rows[0].source.clone();
    into.rules.push(Rule {
        title: title(file, &raw.title)?,
        severity: raw.severity,
        severity_in: BTreeMap::new(),
        scope: Scope::Ports(PortScope { roles: vec![raw.node], transport: raw.transport, ports }),
        demand: Demand::PortRow(PortRow {
            rows,
            service: service(file, raw.service.as_ref(), raw.transport)?,
            only_in_sessions: raw.only_in_sessions,
            listens_on: family_limit(file, raw.listens_on.as_ref())?,
            not_under: raw.not_under.clone(),
            misprint: raw.misprint,
            gone: raw.gone.as_ref().map(|why| title(file, why)).transpose()?,
        }),
        editions: editions.into_iter().collect(),
        // A row is judged in both directions, so under every policy, from every zone.
        policies: Vec::new(),
        zones: Vec::new(),
        engine: None,
        condition: None,
        families: None,
        needs,
        means: template(file, &raw.means)?,
        remedies: remedies(file, raw, shared)?,
        source,
        sources: Vec::new(),
        id,
    });
    Ok(())
}

fn table_row(
    file: &RuleFile,
    row: &RawRow,
    raw: &RawTableRow,
    shared: &Shared<'_>,
) -> Result<TableRow, Complaint> {
    let wanted = raw.table.get_ref();
    let found = shared.tables.iter().find(|(key, _)| key == wanted);
    let Some((_, table)) = found else {
        let known: Vec<&str> = shared.tables.iter().map(|(key, _)| key.as_str()).collect();
        return Err(file
            .complaint(
                raw.table.span(),
                format!("there is no table \"{wanted}\""),
                "names no table",
            )
            .with_help(help_for_unknown(wanted, &known)));
    };
    if *table.node.get_ref() != row.node {
        return Err(of_another_node(file, row, raw, table, shared));
    }
    let editions = editions(file, raw, table)?;
    Ok(TableRow {
        topology: table.topology,
        from: filled(file, &raw.from)?.clone(),
        condition: condition(file, raw, &editions)?,
        editions,
        engine: raw.engine,
        tolerated: None,
        source: Source {
            document: table.document.clone(),
            section: table.section.clone(),
            row: Some(line(file, &raw.row)?),
        },
    })
}

fn of_another_node(
    file: &RuleFile,
    row: &RawRow,
    raw: &RawTableRow,
    table: &RawTable,
    shared: &Shared<'_>,
) -> Complaint {
    let own: Vec<&str> = (shared.tables.iter())
        .filter(|(_, table)| *table.node.get_ref() == row.node)
        .map(|(key, _)| key.as_str())
        .collect();
    let help = if own.is_empty() {
        format!("add a [[table]] with node = \"{}\"", row.node)
    } else {
        format!("the tables of {} are {}", row.node, own.join(", "))
    };
    let key = raw.table.get_ref();
    file.complaint(
        raw.table.span(),
        format!("the table \"{key}\" is about the role {}", table.node.get_ref()),
        format!("this row is of the role {}", row.node),
    )
    .with_help(help)
}

/// Those that the row names, all of the table's; without a word the table's.
fn editions(
    file: &RuleFile,
    raw: &RawTableRow,
    table: &RawTable,
) -> Result<Vec<Edition>, Complaint> {
    let of_table = table.editions.get_ref();
    let Some(written) = &raw.editions else {
        return Ok(of_table.clone());
    };
    let editions = filled(file, written)?;
    match editions.iter().find(|edition| !of_table.contains(edition)) {
        None => Ok(editions.clone()),
        Some(stranger) => Err(file
            .complaint(
                written.span(),
                format!("the table \"{}\" is not one of edition {stranger}", raw.table.get_ref()),
                "not the table's",
            )
            .with_help("name editions of the table, or leave the key out for all of them")),
    }
}

/// What the row depends on in these editions.
fn condition(
    file: &RuleFile,
    raw: &RawTableRow,
    editions: &[Edition],
) -> Result<Option<Condition>, Complaint> {
    let feature = of_feature(raw.feature.as_ref());
    let module = raw.module.as_ref();
    let module = module.map(|it| (it.span(), Condition::Module(*it.get_ref())));
    let turn_domain = of_turn_domain(raw.needs_turn_domain.as_ref());
    let mut conditions = [feature, module, turn_domain].into_iter().flatten();
    let first = conditions.next();
    if let Some((span, _)) = conditions.next() {
        return Err(file
            .complaint(
                span,
                "a row of the guide has one condition, this one has several",
                "the second one",
            )
            .with_help(
                "keep one of \"feature\", \"module\" and \"needs-turn-domain\"; an engine may stand beside it",
            ));
    }
    if let Some((span, Condition::Module(module))) = &first {
        refuse_module_of_others(file, span.clone(), *module, editions)?;
    }
    Ok(first.map(|(_, condition)| condition))
}

/// A condition, and where it is written.
type Written = (Range<usize>, Condition);

pub(super) fn of_feature(raw: Option<&Spanned<Feature>>) -> Option<Written> {
    raw.map(|it| (it.span(), Condition::Feature(*it.get_ref())))
}

pub(super) fn of_turn_domain(raw: Option<&Spanned<bool>>) -> Option<Written> {
    let needed = raw.filter(|it| *it.get_ref())?;
    Some((needed.span(), Condition::TurnDomain))
}

/// Nobody could say of a module that it is enabled in an edition that has it by another name.
fn refuse_module_of_others(
    file: &RuleFile,
    span: Range<usize>,
    module: Module,
    editions: &[Edition],
) -> Result<(), Complaint> {
    let lacking = editions.iter().find(|edition| !edition.modules().contains(&module));
    let Some(edition) = lacking else {
        return Ok(());
    };
    let known: Vec<String> = edition.modules().iter().map(Module::to_string).collect();
    Err(file
        .complaint(
            span,
            format!("edition {edition} has no module {module}"),
            "not in every edition of the row",
        )
        .with_help(format!(
            "its modules are {}; or name the \"editions\" that the row is of",
            known.join(", ")
        )))
}

fn tolerated_rows(
    file: &RuleFile,
    row: &RawRow,
    raw: &RawTolerated,
) -> Result<Vec<TableRow>, Complaint> {
    let editions = filled(file, &raw.editions)?;
    let from = filled(file, &raw.from)?;
    let why = title(file, &raw.why)?;
    let topologies = filled(file, &raw.topologies)?;
    for topology in topologies {
        refuse_lacking(file, raw.topologies.span(), *topology, row.node)?;
    }
    let rows = topologies.iter().map(|topology| TableRow {
        topology: *topology,
        editions: editions.clone(),
        from: from.clone(),
        condition: None,
        engine: None,
        tolerated: Some(why.clone()),
        source: raw.source.clone(),
    });
    Ok(rows.collect())
}

/// The row's own remedies before those that it shares with others.
fn remedies(file: &RuleFile, raw: &RawRow, shared: &Shared<'_>) -> Result<Remedies, Complaint> {
    let (mut default, mut by_reason) = match &raw.remedies {
        None => (None, BTreeMap::new()),
        Some(key) => {
            let wanted = key.get_ref();
            shared.remedies.get(wanted).cloned().ok_or_else(|| {
                let known: Vec<&str> = shared.remedies.keys().map(String::as_str).collect();
                file.complaint(
                    key.span(),
                    format!("there are no remedies \"{wanted}\""),
                    "names none",
                )
                .with_help(help_for_unknown(wanted, &known))
            })?
        }
    };
    if let Some(own) = &raw.remedy {
        let (own_default, own_by_reason) = remedy_texts(file, own)?;
        default = own_default.or(default);
        by_reason.extend(own_by_reason);
    }
    let span = match (&raw.remedy, &raw.remedies) {
        (Some(own), _) => own.span(),
        (None, Some(key)) => key.span(),
        (None, None) => return Err(no_remedy(file, raw)),
    };
    let default = default.ok_or_else(|| no_default(file, span))?;
    Ok(Remedies { default, by_reason })
}

fn no_remedy(file: &RuleFile, raw: &RawRow) -> Complaint {
    file.complaint(raw.ports.span(), "this row has no remedy", "nobody is told what to do")
        .with_help("share one: remedies = \"KEY\" of a [[remedies]]; or write one: [row.remedy]")
}
