//! The report for people: what is wrong first, how sure that is, and what to do about it.

mod blind;
mod call;
mod cause;
mod heading;
mod last_line;
mod listing;
mod not_tested;
mod passes;
mod picture;
mod premises;
mod remedy;
mod strip;
mod unsettled;
mod view;
mod violation;
mod waivers;

pub use not_tested::in_words as left_out_in_words;

use std::io::{self, Write};

use crate::model::report::Report;

use super::page::Page;
use super::{Style, Verbosity, log_safe};

/// Writes the report for people.
///
/// No line is wider than the style says, with two exceptions: what is there to be pasted (the
/// indented lines of a remedy), and the last line, which has to be enough alone for a log.
/// `exit` is the exit status the program will end with.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, style: &Style, exit: u8, out: &mut dyn Write) -> io::Result<()> {
    log_safe::write_text(out, |out| {
        let mut page = Page::new(style, out);
        match style.verbosity {
            Verbosity::Quiet => {}
            Verbosity::Normal => {
                if paragraphs(report, &mut page)? == Told::All {
                    passes::write(report, &mut page)?;
                }
                ending(report, &mut page)?;
            }
            Verbosity::Verbose => {
                paragraphs(report, &mut page)?;
                listing::write(report, &mut page)?;
                ending(report, &mut page)?;
            }
        }
        last_line::write(report, exit, &mut page)
    })
}

/// How much the paragraphs told.
#[derive(PartialEq, Eq)]
enum Told {
    /// Every violation, and everything that is not settled.
    All,
    /// Only that nothing could be seen.
    Darkness,
}

/// The heading, and what is wrong or not settled.
fn paragraphs(report: &Report, page: &mut Page<'_>) -> io::Result<Told> {
    heading::write(report, page)?;
    page.blank()?;
    call::write(report, page)?;
    picture::write(report, page)?;
    if let Some(darkness) = &report.overview.darkness {
        blind::write(darkness, page)?;
        return Ok(Told::Darkness);
    }
    let view = view::View::of(&report.findings);
    // What is seen through a place in doubt is read with other eyes: that comes first.
    let (of_place, doubts): (Vec<_>, Vec<_>) = view
        .doubts
        .iter()
        .partition(|paragraph| premises::doubt(paragraph).is_some() || paragraph.is_of_our_place());
    for paragraph in of_place {
        match premises::doubt(paragraph) {
            Some(doubt) => premises::write(paragraph, doubt, page)?,
            None => {
                unsettled::write(paragraph, &report.findings, page)?;
                page.blank()?;
            }
        }
    }
    let (waived, violations): (Vec<_>, Vec<_>) =
        view.violations.iter().partition(|paragraph| paragraph.head.is_waived());
    premises::write_possible(&view.violations, page)?;
    for paragraph in violations {
        violation::write(paragraph, report, page)?;
        page.blank()?;
    }
    for paragraph in &doubts {
        unsettled::write(paragraph, &report.findings, page)?;
    }
    if !doubts.is_empty() {
        page.blank()?;
    }
    waivers::write_covered(&waived, page)?;
    Ok(Told::All)
}

/// What was not looked at.
fn ending(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    not_tested::write(&report.not_tested, page)?;
    page.blank()?;
    waivers::write_notes(report, page)
}
