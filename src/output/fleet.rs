//! Many reports as one table, as JSON, and as an HTML file.

use std::io::{self, Write};

use comfy_table::CellAlignment;
use serde::Serialize;

use super::difference::result_word;
use super::page::{Ink, Page};
use super::text::{clean, counted};
use super::{Style, Verbosity, grid, html, log_safe};
use crate::model::difference::{AreaCounts, Fleet, FleetRow};
use crate::model::stored::StoredResult;

/// Writes the table for people. `exit` is the exit status the program will end with.
///
/// # Errors
/// Those of `out`.
pub fn write(fleet: &Fleet, style: &Style, exit: u8, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        if style.verbosity != Verbosity::Quiet {
            table(fleet, &mut page)?;
            page.blank()?;
            let legend = "✗ errors   ! warnings   ~ waived   ? not settled   ✓ passed; \
                          new: violations that the run before does not have";
            page.hanging(&[], 0, legend)?;
        }
        last_line(fleet, exit, &mut page)
    })
}

/// The columns before those of the areas.
const FIRST: [&str; 5] = ["deployment", "from", "run", "result", "new"];

fn table(fleet: &Fleet, page: &mut Page<'_>) -> io::Result<()> {
    // An area in which nothing is wrong anywhere needs no column of its own on a narrow page.
    let is_told = |place: &usize| fleet.rows.iter().any(|row| is_remarkable(&row.areas[*place]));
    let told: Vec<usize> = (0..fleet.areas.len()).filter(is_told).collect();
    let areas = told.iter().map(|place| clean(&fleet.areas[*place]));
    let header: Vec<String> = FIRST.iter().map(|name| (*name).to_owned()).chain(areas).collect();
    let mut table = grid::new(page.width(), header);
    for row in &fleet.rows {
        let new = row.new_violations.map_or("–".to_owned(), |new| new.to_string());
        let first = [
            clean(&row.deployment),
            clean(&row.vantage),
            clean(&row.started_at),
            result_word(row.result).to_owned(),
            new,
        ];
        let cells = told.iter().map(|place| cell(&row.areas[*place]));
        table.add_row(first.into_iter().chain(cells).collect::<Vec<String>>());
    }
    let names: Vec<String> = fleet.rows.iter().map(|row| clean(&row.deployment)).collect();
    grid::keep_whole(&mut table, 0, names.iter().map(String::as_str));
    let times: Vec<String> = fleet.rows.iter().map(|row| clean(&row.started_at)).collect();
    grid::keep_whole(&mut table, 2, times.iter().map(String::as_str));
    if let Some(column) = table.column_mut(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    grid::put(&table, page)?;
    // An area of which nothing applied anywhere has not passed.
    let has_passed = |place: &usize| fleet.rows.iter().any(|row| row.areas[*place].passed > 0);
    let silent = (0..fleet.areas.len()).filter(|place| !told.contains(place) && has_passed(place));
    let names: Vec<String> = silent.map(|place| clean(&fleet.areas[place])).collect();
    if !names.is_empty() {
        page.hanging(&[(Ink::Good, "✓ ")], 2, &format!("{} everywhere", names.join(", ")))?;
    }
    Ok(())
}

fn is_remarkable(counts: &AreaCounts) -> bool {
    counts.errors + counts.warnings + counts.waived + counts.inconclusive > 0
}

/// `✗2 !1 ?3`, or `✓12`.
fn cell(counts: &AreaCounts) -> String {
    let AreaCounts { errors, warnings, waived, inconclusive, passed } = *counts;
    let parts = [("✗", errors), ("!", warnings), ("~", waived), ("?", inconclusive)];
    let told: Vec<String> = (parts.into_iter())
        .filter(|(_, number)| *number > 0)
        .map(|(mark, number)| format!("{mark}{number}"))
        .collect();
    match (told.is_empty(), passed) {
        (false, _) => told.join(" "),
        (true, 0) => "–".to_owned(),
        (true, passed) => format!("✓{passed}"),
    }
}

fn last_line(fleet: &Fleet, exit: u8, page: &mut Page<'_>) -> io::Result<()> {
    let worst = fleet.worst();
    let ink = match worst {
        StoredResult::Pass => Ink::Good,
        StoredResult::Fail => Ink::Bad,
        StoredResult::Incomplete | StoredResult::Interrupted => Ink::Caution,
    };
    let oldest = fleet.oldest().map_or(String::new(), |row| {
        format!(" · oldest run {} ({})", clean(&row.started_at), clean(&row.deployment))
    });
    let rest = format!("  {}{oldest} · exit status {exit}", numbers(fleet));
    page.line(&[(ink, result_word(worst)), (Ink::Plain, &rest)])
}

/// `3 runs: 1 failed, 2 passed`.
fn numbers(fleet: &Fleet) -> String {
    let of = |result| fleet.rows.iter().filter(|row| row.result == result).count();
    let parts = [
        (of(StoredResult::Fail), "failed"),
        (of(StoredResult::Interrupted), "interrupted"),
        (of(StoredResult::Incomplete), "incomplete"),
        (of(StoredResult::Pass), "passed"),
    ];
    let said: Vec<String> = (parts.into_iter())
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    format!("{}: {}", counted(fleet.rows.len(), "run"), said.join(", "))
}

/// Writes the runs as one HTML file.
///
/// # Errors
/// Those of `out`.
pub fn write_html(fleet: &Fleet, exit: u8, out: &mut dyn Write) -> io::Result<()> {
    html::write_fleet(fleet, numbers(fleet), exit, out)
}

/// Writes the table as JSON, with a final newline.
///
/// # Errors
/// Those of `out`.
pub fn write_json(fleet: &Fleet, exit: u8, out: &mut dyn Write) -> io::Result<()> {
    let shape = FleetShape {
        summary_version: "1.0",
        result: result_word(fleet.worst()).to_lowercase(),
        exit_code: exit,
        oldest_run: fleet.oldest().map(|row| clean(&row.started_at)),
        runs: fleet.rows.iter().map(|row| RowShape::new(fleet, row)).collect(),
    };
    log_safe::write_json(out, |out| {
        serde_json::to_writer_pretty(&mut *out, &shape)?;
        writeln!(out)
    })
}

/// The JSON of `ovcheck summary`.
#[derive(Serialize)]
struct FleetShape {
    summary_version: &'static str,
    result: String,
    exit_code: u8,
    oldest_run: Option<String>,
    runs: Vec<RowShape>,
}

#[derive(Serialize)]
struct RowShape {
    deployment: String,
    vantage: String,
    report: String,
    started_at: String,
    result: String,
    coverage: f64,
    new_violations: Option<usize>,
    not_tested: usize,
    areas: Vec<AreaShape>,
}

#[derive(Serialize)]
struct AreaShape {
    area: String,
    errors: usize,
    warnings: usize,
    waived: usize,
    inconclusive: usize,
    passed: usize,
}

impl RowShape {
    fn new(fleet: &Fleet, row: &FleetRow) -> Self {
        let areas = fleet.areas.iter().zip(&row.areas);
        Self {
            deployment: clean(&row.deployment),
            vantage: clean(&row.vantage),
            report: clean(&row.path),
            started_at: clean(&row.started_at),
            result: result_word(row.result).to_lowercase(),
            coverage: row.coverage,
            new_violations: row.new_violations,
            not_tested: row.not_tested,
            areas: areas
                .map(|(area, counts)| AreaShape {
                    area: clean(area),
                    errors: counts.errors,
                    warnings: counts.warnings,
                    waived: counts.waived,
                    inconclusive: counts.inconclusive,
                    passed: counts.passed,
                })
                .collect(),
        }
    }
}
