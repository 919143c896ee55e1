//! Every finding in a table, and how many of each kind there are in each family.

use std::io;

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width};

use crate::model::fingerprint::Fingerprint;
use crate::model::report::{Finding, Report};
use crate::model::verdict::{FailConfidence, PassConfidence, Verdict};
use crate::output::page::Page;
use crate::output::quote::shown;
use crate::output::{grid, place, text, words};

use super::violation;

/// The widest that the column of rules and places may get: beside it there has to be room for
/// words, also on [`Style::NARROWEST`](crate::output::Style::NARROWEST) columns.
const PLACES: usize = 40;
/// The column of the longest verdict.
const VERDICT: usize = 18;
/// The least room for what was seen: on a narrow page, verdicts are cut for it.
const LEAST_SEEN: usize = 10;
/// What a column has beside its text.
const PADDING: usize = 2;
/// What the line under the header has between the three columns.
const BETWEEN: usize = 2;

pub fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    if report.findings.is_empty() {
        return Ok(());
    }
    let width = page.width();
    grid::put(&findings(&report.findings, width), page)?;
    page.blank()?;
    grid::put(&numbers(&report.findings, width), page)?;
    page.blank()
}

/// Every finding; those that differ in their address alone share a row.
fn findings(findings: &[Finding], width: usize) -> Table {
    let mut rows: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        match rows.iter_mut().find(|row| shares_row(row[0], finding)) {
            Some(row) => row.push(finding),
            None => rows.push(vec![finding]),
        }
    }
    let mut table = grid::new(width, ["verdict", "rule, place", "seen"]);
    let width = width.saturating_sub(BETWEEN);
    // Ids are not to be cut: somebody may look for them.
    let longest = findings.iter().map(|finding| text::columns(finding.rule.as_str())).max();
    let places = (longest.unwrap_or_default() + PADDING).min(PLACES);
    let verdicts = VERDICT.min(width.saturating_sub(places + LEAST_SEEN));
    let seen = width.saturating_sub(verdicts + places + PADDING);
    for row in rows {
        let first = row[0];
        let mut places = vec![
            first.rule.to_string(),
            in_column(&place::name(&first.target), places - PADDING),
            place::addresses(row.iter().map(|finding| &finding.target)),
        ];
        places.retain(|line| !line.is_empty());
        // `ovcheck waive` takes them.
        let broken = row.iter().filter(|finding| finding.is_violation());
        places.extend(broken.map(|finding| short(&finding.fingerprint)));
        table.add_row([
            verdict(first),
            places.join("\n").trim_end().to_owned(),
            in_column(&text::clean(&words::statement(first).into_layout()), seen),
        ]);
    }
    for (column, width) in [(0, verdicts), (1, places), (2, seen + PADDING)] {
        if let (Some(column), Ok(width)) = (table.column_mut(column), u16::try_from(width)) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
    }
    table
}

/// Text in lines that fit: only here is it known which part of it is a quotation.
fn in_column(text: &str, width: usize) -> String {
    shown(&text::wrap(text, width).join("\n"))
}

fn shares_row(one: &Finding, other: &Finding) -> bool {
    one.rule == other.rule
        && one.verdict == other.verdict
        && place::name(&one.target) == place::name(&other.target)
        && one.seen == other.seen
        && one.standing == other.standing
}

/// A fingerprint that fits into the column: without the name of the hash.
fn short(fingerprint: &Fingerprint) -> String {
    let text = fingerprint.to_string();
    text.strip_prefix("sha256:").unwrap_or(&text).to_owned()
}

fn verdict(finding: &Finding) -> String {
    match finding.verdict {
        Verdict::Pass(PassConfidence::Proven) => "✓ pass\n  proven".to_owned(),
        Verdict::Pass(PassConfidence::Uncontradicted) => "✓ pass\n  uncontradicted".to_owned(),
        Verdict::Fail(confidence) => {
            let (symbol, _) = violation::mark(finding.severity);
            let confidence = match confidence {
                FailConfidence::Proven => "proven",
                FailConfidence::Suspected => "suspected",
            };
            match finding.is_waived() {
                true => format!("~ waived\n  {} {confidence}", finding.severity),
                false => format!("{symbol} {}\n  {confidence}", finding.severity),
            }
        }
        Verdict::Inconclusive(kind) => format!("? inconclusive\n  {kind}"),
        Verdict::NotApplicable => "— not applicable".to_owned(),
    }
}

/// How many findings of each family ended how.
fn numbers(findings: &[Finding], width: usize) -> Table {
    let mut families: Vec<(&str, [usize; 4])> = Vec::new();
    for finding in findings {
        let family = finding.rule.family();
        let column = match finding.verdict {
            Verdict::Pass(_) => 0,
            Verdict::Fail(_) => 1,
            Verdict::Inconclusive(_) => 2,
            Verdict::NotApplicable => 3,
        };
        match families.iter_mut().find(|(known, _)| *known == family) {
            Some((_, numbers)) => numbers[column] += 1,
            None => {
                let mut numbers = [0; 4];
                numbers[column] = 1;
                families.push((family, numbers));
            }
        }
    }
    let mut table = grid::new(width, ["family", "pass", "fail", "inconclusive", "not applicable"]);
    for (family, numbers) in families {
        let numbers = numbers.iter().map(ToString::to_string);
        let cells: Vec<String> = std::iter::once(family.to_owned()).chain(numbers).collect();
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
