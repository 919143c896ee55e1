//! What speaks against our own place: said once, before everything that rests on it.

use std::io;

use crate::model::premise::{Doubt, Signer};
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
    advise(doubt, page)?;
    page.blank()
}

/// Writes what may be the cause of violations too, once, before them. A certificate that signed itself
/// is mostly the server's own: what else it may be stands beside what was seen.
pub fn write_possible(violations: &[Paragraph<'_>], page: &mut Page<'_>) -> io::Result<()> {
    let mut known: Vec<&Doubt> = Vec::new();
    for finding in violations.iter().flat_map(Paragraph::members) {
        let Some(doubt) = beside(&finding.seen)
            .filter(|doubt| !known.contains(doubt) && !is_of_little_weight(doubt))
        else {
            continue;
        };
        known.push(doubt);
        let statement = words::premises::statement(doubt);
        page.question(&text::clean(&statement.summary), (Ink::Doubt, "possible cause"))?;
        for line in &statement.details {
            page.hanging(&[], 2, &text::clean(line))?;
        }
        advise(doubt, page)?;
        page.blank()?;
    }
    Ok(())
}

fn is_of_little_weight(doubt: &Doubt) -> bool {
    let Doubt::Inspection { signer, .. } = doubt else { return false };
    match signer {
        Signer::Itself | Signer::Unverified | Signer::OfAnotherName => true,
        Signer::Product | Signer::Authority => false,
    }
}

/// The doubt beside what was seen.
fn beside(seen: &Seen) -> Option<&Doubt> {
    match seen {
        Seen::Both(seen, other) => match other.as_ref() {
            Seen::Doubted(doubt) => Some(doubt),
            _ => beside(seen),
        },
        _ => None,
    }
}

/// What to do about it.
fn advise(doubt: &Doubt, page: &mut Page<'_>) -> io::Result<()> {
    for line in words::premises::advice(doubt) {
        match line.strip_prefix("  ") {
            Some(command) => page.verbatim(4, command)?,
            None => page.hanging(&[], 2, line)?,
        }
    }
    Ok(())
}
