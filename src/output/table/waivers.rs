//! What the waivers of a run came to: the violations that they cover, and those that need attention.

use std::io;

use crate::model::report::Report;
use crate::output::page::{Ink, Page};
use crate::output::{text, words};

use super::view::Paragraph;
use super::violation;

/// Writes the violations that are waived.
pub fn write_covered(paragraphs: &[&Paragraph<'_>], page: &mut Page<'_>) -> io::Result<()> {
    for paragraph in paragraphs {
        if let Some(waived) = &paragraph.head.standing.waived {
            violation::write_waived(paragraph, &waived.by, page)?;
            page.blank()?;
        }
    }
    Ok(())
}

/// Writes the waivers that somebody should look at: expired and unneeded ones.
pub fn write_notes(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let mut is_any = false;
    for waiver in &report.waivers {
        if let Some(note) = words::waivers::note(waiver) {
            let (mark, ink) = if note.is_error { ("✗ ", Ink::Bad) } else { ("! ", Ink::Caution) };
            page.hanging(&[(ink, mark)], 2, &text::one_line(&note.words))?;
            is_any = true;
        }
    }
    if is_any { page.blank() } else { Ok(()) }
}
