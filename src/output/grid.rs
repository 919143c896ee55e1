//! Tables of a page: columns without borders, whose cells are wrapped.

use std::io;

use comfy_table::{ContentArrangement, LineStyle, Row, Table, presets};

use super::page::{Ink, Page};

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

/// Writes it. Its width is the page's; what it pads with blanks at the right is nothing to see.
pub fn put(table: &Table, page: &mut Page<'_>) -> io::Result<()> {
    for line in table.lines() {
        page.line(&[(Ink::Plain, line.trim_end())])?;
    }
    Ok(())
}
