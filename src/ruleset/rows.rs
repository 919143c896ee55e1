//! Rows of the guide's tables as they are written → rules on ports.

use std::collections::{BTreeMap, BTreeSet};

use serde_spanned::Spanned;

use super::convert::{
    Converted, family_limit, mentions, no_default, refuse_second, remedy_texts, service,
};
use super::files::RuleFile;
use super::raw::{PortsFile, RawRow, RawTable, RawTableRow, RawTolerated};
use super::values::{filled, line, ports, template, title};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::deployment::{Condition, Edition};
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

fn second_key(file: &RuleFile, key: &Spanned<String>, what: &str) -> Complaint {
    let message = format!("there are two {what} \"{}\"", key.get_ref());
    file.complaint(key.span(), message, "the second one")
        .with_help("give it another key")
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
    refuse_second(file, &id, raw.ports.span(), into)?;
    let mut rows = filled(file, &raw.rows)?
        .iter()
        .map(|row| table_row(file, raw, row, shared))
        .collect::<Result<Vec<_>, _>>()?;
    for tolerated in &raw.tolerated {
        rows.extend(tolerated_rows(file, tolerated)?);
    }
    let needs = mentions(file, &id, &raw.needs, into)?;
    let editions: BTreeSet<Edition> = rows.iter().flat_map(|row| row.editions.clone()).collect();
    let source = rows[0].source.clone();
    into.rules.push(Rule {
        title: title(file, &raw.title)?,
        severity: raw.severity,
        severity_in: BTreeMap::new(),
        scope: Scope::Ports(PortScope {
            roles: vec![raw.node],
            transport: raw.transport,
            ports,
        }),
        demand: Demand::PortRow(PortRow {
            rows,
            service: service(file, raw.service.as_ref(), raw.transport)?,
            only_in_sessions: raw.only_in_sessions,
            listens_on: family_limit(file, raw.listens_on.as_ref())?,
            not_under: raw.not_under.clone(),
            misprint: raw.misprint,
        }),
        editions: editions.into_iter().collect(),
        // A row is judged in both directions, so under every policy, from every zone.
        policies: Vec::new(),
        zones: Vec::new(),
        engine: None,
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
    if table.node != row.node {
        return Err(file
            .complaint(
                raw.table.span(),
                format!("the table \"{wanted}\" is about the role {}", table.node),
                format!("this row is of the role {}", row.node),
            )
            .with_help("name the table that the row stands in"));
    }
    Ok(TableRow {
        topology: table.topology,
        editions: editions(file, raw, table)?,
        from: filled(file, &raw.from)?.clone(),
        condition: condition(file, raw)?,
        engine: raw.engine,
        tolerated: None,
        source: Source {
            document: table.document.clone(),
            section: table.section.clone(),
            row: Some(line(file, &raw.row)?),
        },
    })
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
                format!(
                    "the table \"{}\" is not one of edition {stranger}",
                    raw.table.get_ref()
                ),
                "not the table's",
            )
            .with_help("name editions of the table, or leave the key out for all of them")),
    }
}

fn condition(file: &RuleFile, raw: &RawTableRow) -> Result<Option<Condition>, Complaint> {
    let feature = raw
        .feature
        .as_ref()
        .map(|it| Condition::Feature(*it.get_ref()));
    let module = raw
        .module
        .as_ref()
        .map(|it| Condition::Module(*it.get_ref()));
    let turn_domain = raw.needs_turn_domain.then_some(Condition::TurnDomain);
    let mut conditions = [feature, module, turn_domain].into_iter().flatten();
    let first = conditions.next();
    if conditions.next().is_none() {
        return Ok(first);
    }
    Err(file
        .complaint(
            raw.table.span(),
            "a row of the guide has one condition, this one has several",
            "in this row",
        )
        .with_help(
            "keep one of \"feature\", \"module\" and \"needs-turn-domain\"; an engine may stand beside it",
        ))
}

fn tolerated_rows(file: &RuleFile, raw: &RawTolerated) -> Result<Vec<TableRow>, Complaint> {
    let editions = filled(file, &raw.editions)?;
    let from = filled(file, &raw.from)?;
    let why = title(file, &raw.why)?;
    let rows = filled(file, &raw.topologies)?
        .iter()
        .map(|topology| TableRow {
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
        (None, None) => raw.ports.span(),
    };
    let default = default.ok_or_else(|| no_default(file, span))?;
    Ok(Remedies { default, by_reason })
}
