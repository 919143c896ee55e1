//! What speaks against our own place: said once, before everything that rests on it.

use std::io;

use crate::model::premise::Doubt;
use crate::model::report::Finding;
use crate::model::seen::Seen;
use crate::model::verdict::Verdict;
use crate::output::page::{Ink, Page};
use crate::output::{text, words};

use super::view::Paragraph;
use super::violation;

/// The doubt that a paragraph is about, if our own place is what it is about.
pub fn doubt<'a>(paragraph: &Paragraph<'a>) -> Option<&'a Doubt> {
    if let Seen::Doubted(doubt) = &paragraph.head.seen { Some(doubt) } else { None }
}

/// Writes what is in doubt, which checks rest on it, and what to do.
pub fn write(paragraph: &Paragraph<'_>, doubt: &Doubt, page: &mut Page<'_>) -> io::Result<()> {
    let kind = match paragraph.head.verdict {
        Verdict::Inconclusive(kind) => kind.to_string(),
        Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => String::new(),
    };
    let statement = words::statement(paragraph.head);
    page.question(&text::clean(&statement.summary), (Ink::Doubt, &kind))?;
    for line in &statement.details {
        page.hanging(&[], 2, &text::clean(line))?;
    }
    let affected: Vec<&Finding> =
        paragraph.members().chain(paragraph.not_judged.iter().copied()).collect();
    violation::counted_checks("not judged because of this:", &affected, page)?;
    for line in words::premises::advice(doubt) {
        match line.strip_prefix("  ") {
            Some(command) => page.verbatim(4, command)?,
            None => page.hanging(&[], 2, line)?,
        }
    }
    page.blank()
}
