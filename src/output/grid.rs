//! Tables of a page: columns without borders, whose cells are wrapped.

use std::io;

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Row, Table, Width, presets};

use super::page::{Ink, Page};
use super::text::columns;

/// A table of this many columns of text, with a line under its header.
pub fn new(width: usize, header: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(header);
    table
}

/// Gives a column room for the longest of these texts, so that none of them is cut: somebody may
/// look for it.
pub fn keep_whole<'a>(table: &mut Table, column: usize, texts: impl Iterator<Item = &'a str>) {
    const PADDING: usize = 2;
    let longest = texts.flat_map(str::lines).map(columns).max();
    if let (Some(column), Some(longest)) = (table.column_mut(column), longest) {
        let width = u16::try_from(longest + PADDING).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
    }
}

/// Writes it. Its width is the page's; what it pads with blanks at the right is nothing to see.
pub fn put(table: &Table, page: &mut Page<'_>) -> io::Result<()> {
    for line in table.lines() {
        page.line(&[(Ink::Plain, line.trim_end())])?;
    }
    Ok(())
}
