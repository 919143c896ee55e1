//! Raw rows of the guide's tables → rules about ports.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::firewall::Firewall;
use super::raw::{EditionRange, PortsFile, RawRow, RawTable, RawTableRow, RawTolerated};
use super::shared::{Converted, family_limit, mentions, refuse_second, service};
use super::texts::SomeTexts;
use super::values::{filled, filled_editions, line, ports, title};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::deployment::{Condition, Edition, Feature, Module, NodeRole, Topology};
use crate::model::rule::{Demand, PortRow, PortScope, Rule, RuleId, Scope, Source, TableRow};

/// The definitions to which rows refer: the tables of the guide, and the shared texts, by key.
pub(super) struct Shared<'a> {
    firewall: &'a Firewall,
    tables: Vec<(String, &'a RawTable)>,
    texts: BTreeMap<String, SomeTexts>,
}

impl<'a> Shared<'a> {
    /// Reads both lists of `ports.toml`.
    pub fn read(
        file: &RuleFile,
        firewall: &'a Firewall,
        raw: &'a PortsFile,
    ) -> Result<Self, Complaint> {
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
        let mut texts = BTreeMap::new();
        for table in &raw.table {
            refuse_foreign_amendment(file, table, &tables)?;
        }
        for shared in &raw.texts {
            let key = line(file, &shared.key)?;
            let read = SomeTexts::read(file, firewall, shared.default.as_ref(), &shared.reason)?;
            if texts.insert(key, read).is_some() {
                return Err(second_key(file, &shared.key, "texts"));
            }
        }
        Ok(Self { firewall, tables, texts })
    }
}

/// Rejects a table that amends one of another machine, or of other editions: no deployment has both.
fn refuse_foreign_amendment(
    file: &RuleFile,
    table: &RawTable,
    tables: &[(String, &RawTable)],
) -> Result<(), Complaint> {
    let Some(key) = &table.amends else { return Ok(()) };
    let is_of_it = |(known, of_key): &&(String, &RawTable)| {
        let editions = EditionRange::editions(of_key.editions.get_ref());
        known == key.get_ref()
            && (of_key.topology, of_key.node.get_ref()) == (table.topology, table.node.get_ref())
            && EditionRange::editions(table.editions.get_ref())
                .iter()
                .all(|edition| editions.contains(edition))
    };
    if tables.iter().any(|known| is_of_it(&known)) {
        return Ok(());
    }
    let message = format!("\"{}\" is not a table of this node with these editions", key.get_ref());
    Err(file
        .complaint(key.span(), message, "amended here")
        .with_help("name a table of the same topology and node that has all editions of this one"))
}

/// Rejects a node that the topology does not have, because ovcheck would never check it.
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
            format!("the topology {topology} has no {node} node"),
            "not a role of this topology",
        )
        .with_help(format!("the topology has the roles {}", known.join(", "))))
}

fn second_key(file: &RuleFile, key: &Spanned<String>, what: &str) -> Complaint {
    let message = format!("two {what} have the key \"{}\"", key.get_ref());
    file.complaint(key.span(), message, "used again here").with_help("use another key")
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
        complaint
            .with_help("add its \"rows\" to the first one; they can belong to different tables")
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
        formerly: Vec::new(),
        title: title(file, &raw.title)?,
        expected: None,
        severity: raw.severity,
        severity_in: BTreeMap::new(),
        severity_under: BTreeMap::new(),
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
        // A row is checked in both directions, so it applies under every policy and from every zone.
        policies: Vec::new(),
        zones: Vec::new(),
        engine: None,
        condition: None,
        families: None,
        needs,
        explains: Vec::new(),
        texts: texts(file, raw, shared)?.complete(file, raw.ports.span())?,
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
            .complaint(raw.table.span(), format!("unknown table \"{wanted}\""), "not defined")
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
        format!("use a table for {}: {}", row.node, own.join(", "))
    };
    let key = raw.table.get_ref();
    file.complaint(
        raw.table.span(),
        format!("the table \"{key}\" is for the role {}", table.node.get_ref()),
        format!("this row is for the role {}", row.node),
    )
    .with_help(help)
}

/// The editions of the row, which must be editions of the table. If omitted, all editions of the
/// table.
fn editions(
    file: &RuleFile,
    raw: &RawTableRow,
    table: &RawTable,
) -> Result<Vec<Edition>, Complaint> {
    let of_table = EditionRange::editions(table.editions.get_ref());
    let Some(written) = &raw.editions else {
        return Ok(of_table);
    };
    let editions = filled_editions(file, written)?;
    match editions.iter().find(|edition| !of_table.contains(edition)) {
        None => Ok(editions),
        Some(stranger) => Err(file
            .complaint(
                written.span(),
                format!("edition {stranger} does not have the table \"{}\"", raw.table.get_ref()),
                "not all are editions of the table",
            )
            .with_help("use editions of the table, or omit the key to use all of them")),
    }
}

/// The condition of the row in these editions.
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
                "a row can have only one condition",
                "a second condition",
            )
            .with_help(
                "keep one of \"feature\", \"module\" and \"needs-turn-domain\"; each can be combined with \"engine\"",
            ));
    }
    if let Some((span, Condition::Module(module))) = &first {
        refuse_module_of_others(file, span.clone(), *module, editions)?;
    }
    Ok(first.map(|(_, condition)| condition))
}

/// A condition and its place in the file.
type Written = (Range<usize>, Condition);

pub(super) fn of_feature(raw: Option<&Spanned<Feature>>) -> Option<Written> {
    raw.map(|it| (it.span(), Condition::Feature(*it.get_ref())))
}

pub(super) fn of_turn_domain(raw: Option<&Spanned<bool>>) -> Option<Written> {
    let needed = raw.filter(|it| *it.get_ref())?;
    Some((needed.span(), Condition::TurnDomain))
}

/// Rejects a module that one of the editions does not have, because no deployment of that edition can
/// enable it.
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
            "use one of {}, or limit \"editions\" to those that have the module",
            known.join(", ")
        )))
}

fn tolerated_rows(
    file: &RuleFile,
    row: &RawRow,
    raw: &RawTolerated,
) -> Result<Vec<TableRow>, Complaint> {
    let editions = filled_editions(file, &raw.editions)?;
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

/// The texts of the row. Its own override those that it shares with others.
fn texts(file: &RuleFile, raw: &RawRow, shared: &Shared<'_>) -> Result<SomeTexts, Complaint> {
    let own = SomeTexts::read(file, shared.firewall, raw.default.as_ref(), &raw.reason)?;
    let Some(key) = &raw.texts else {
        return Ok(own);
    };
    let wanted = key.get_ref();
    let Some(others) = shared.texts.get(wanted) else {
        let known: Vec<&str> = shared.texts.keys().map(String::as_str).collect();
        let message = format!("unknown texts \"{wanted}\"");
        return Err(file
            .complaint(key.span(), message, "not defined")
            .with_help(help_for_unknown(wanted, &known)));
    };
    Ok(own.or(others))
}
