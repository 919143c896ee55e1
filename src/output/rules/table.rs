//! The rules for people: by family, and the rows of the port tables by topology and node.

use std::io::{self, Write};

use crate::model::deployment::{Edition, NodeRole, Topology};
use crate::model::rule::{Demand, PortRow, PortScope, Rule, Scope};
use crate::output::page::{Ink, Page};
use crate::output::rows::{Line, editions, listed, need, policies, port, sources};
use crate::output::text::{clean, counted};
use crate::output::{Style, Verbosity, grid};

/// Writes the rules by family, and how many there are.
///
/// # Errors
/// Those of `out`.
pub fn write(rules: &[Rule], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(style, out);
    match style.verbosity {
        Verbosity::Quiet => {}
        Verbosity::Normal | Verbosity::Verbose => {
            for family in rules.chunk_by(|one, next| one.id.family() == next.id.family()) {
                self::family(family, &mut page)?;
            }
        }
    }
    count(rules, &mut page)?;
    out.flush()
}

/// A rule on a port, with its row and its place.
type Row<'a> = (&'a Rule, &'a PortRow, &'a PortScope);

fn row(rule: &Rule) -> Option<Row<'_>> {
    if let (Demand::PortRow(row), Scope::Ports(scope)) = (&rule.demand, &rule.scope) {
        return Some((rule, row, scope));
    }
    None
}

fn family(rules: &[Rule], page: &mut Page<'_>) -> io::Result<()> {
    let rows: Vec<Row<'_>> = rules.iter().filter_map(row).collect();
    let others: Vec<&Rule> = rules.iter().filter(|rule| row(rule).is_none()).collect();
    let name = rules.first().map_or("", |rule| rule.id.family());
    for topology in Topology::ALL {
        for node in topology.roles() {
            node_rows(&rows, (name, topology, *node), page)?;
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Strong, name)])?;
    let mut table = grid::new(page.width(), ["rule", "severity", "what should hold"]);
    grid::keep_whole(&mut table, 0, others.iter().map(|rule| rule.id.as_str()));
    let severities: Vec<String> = others.iter().map(|rule| severity(rule)).collect();
    grid::keep_whole(&mut table, 1, severities.iter().map(String::as_str).chain(["severity"]));
    for (rule, severity) in others.into_iter().zip(&severities) {
        table.add_row([rule.id.to_string(), severity.clone(), holds(rule)]);
    }
    grid::put(&table, page)?;
    page.blank()
}

/// `warning`, and below it the editions and policies that take it otherwise.
fn severity(rule: &Rule) -> String {
    let mut text = rule.severity.to_string();
    for (edition, other) in &rule.severity_in {
        text.push_str(&format!("\n{edition}: {other}"));
    }
    for (policy, other) in &rule.severity_under {
        text.push_str(&format!("\n{policy}: {other}"));
    }
    text
}

/// What should hold, and when and where that is asked.
fn holds(rule: &Rule) -> String {
    let mut limits = Vec::new();
    if !rule.policies.is_empty() {
        limits.push(format!("under policy {}", listed(&rule.policies)));
    }
    limits.extend(need(rule.condition, rule.engine));
    if !rule.zones.is_empty() {
        limits.push(format!("checked from {}", listed(&rule.zones)));
    }
    let mut text = clean(&rule.title);
    if !limits.is_empty() {
        text.push_str(&format!("\n({})", limits.join("; ")));
    }
    text
}

/// The rows of one role in one topology.
fn node_rows(
    rows: &[Row<'_>],
    (family, topology, node): (&str, Topology, NodeRole),
    page: &mut Page<'_>,
) -> io::Result<()> {
    let mut cells: Vec<[String; 4]> = Vec::new();
    for (_, row, scope) in rows {
        if !scope.roles.contains(&node) {
            continue;
        }
        for (place, line) in Line::of(row, topology).into_iter().enumerate() {
            // The port stands once, before all that is said of it.
            let port = match place {
                0 => port(scope.transport, scope.ports),
                _ => String::new(),
            };
            cells.push([
                port,
                sources(line.from, &[topology]),
                needed(&line, row),
                editions(&line.editions),
            ]);
        }
    }
    if cells.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Strong, &format!("{family} · {topology} · {node}"))])?;
    let mut table = grid::new(page.width(), ["port", "open from", "needed", "guide"]);
    for column in [0, 3] {
        let texts = cells.iter().map(|cells| cells[column].as_str());
        grid::keep_whole(&mut table, column, texts.chain(["guide"]));
    }
    for row in cells {
        table.add_row(row);
    }
    grid::put(&table, page)?;
    page.blank()
}

fn needed(line: &Line<'_>, row: &PortRow) -> String {
    if let Some(why) = line.tolerated {
        return format!("tolerated: {}", clean(why));
    }
    let need = need(line.condition, line.engine);
    let parts: Vec<String> =
        need.into_iter().chain(policies(&row.not_under, &line.editions)).collect();
    if parts.is_empty() {
        return "always".to_owned();
    }
    parts.join("; ")
}

fn count(rules: &[Rule], page: &mut Page<'_>) -> io::Result<()> {
    let rows = rules.iter().filter_map(row);
    let first = rows.clone().next();
    let mut editions: Vec<Edition> = rules.iter().flat_map(|rule| rule.editions.clone()).collect();
    editions.sort();
    editions.dedup();
    let mut line = counted(rules.len(), "rule");
    if let Some((rule, ..)) = first {
        let of_tables: usize = rows.map(|(_, row, _)| row.rows.len()).sum();
        line.push_str(&format!(", {} of the guide's tables", counted(of_tables, "row")));
        line.push_str(&format!(" · more: ovcheck explain {}", rule.id));
    } else if let Some(rule) = rules.first() {
        line.push_str(&format!(" · more: ovcheck explain {}", rule.id));
    }
    page.line(&[(Ink::Plain, &line)])
}
