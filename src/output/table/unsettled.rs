//! What could not be settled, and why.

use std::io;

use crate::model::report::Finding;
use crate::model::verdict::Verdict;
use crate::output::page::{Ink, Page};
use crate::output::{place, text, words};

use super::view::Paragraph;
use super::violation;

/// Writes why these checks are inconclusive: in one line where that says it all. `all` are the
/// findings of the report.
pub fn write(paragraph: &Paragraph<'_>, all: &[Finding], page: &mut Page<'_>) -> io::Result<()> {
    let head = paragraph.head;
    let members: Vec<&Finding> = paragraph.members().collect();
    let why = text::clean(&words::statement(head).into_layout());
    let kind = match head.verdict {
        Verdict::Inconclusive(kind) => kind.to_string(),
        Verdict::Pass(_) | Verdict::Fail(_) | Verdict::NotApplicable => String::new(),
    };
    let kind = (Ink::Doubt, kind.as_str());
    let question = (Ink::Doubt, "? ");
    let one_rule = members.iter().all(|finding| finding.rule == head.rule);
    if !one_rule {
        // Our own trouble comes first; the rules only say how much it hides.
        page.question(&why, kind)?;
        let hidden: Vec<&Finding> =
            members.into_iter().chain(paragraph.not_judged.clone()).collect();
        return violation::counted_checks("affects", &hidden, page);
    }
    let rule = head.rule.as_str();
    let told_whole = all.iter().filter(|f| f.rule == head.rule).count() == members.len();
    let width = text::columns(rule) + text::columns(&why) + text::columns(kind.1) + 2 + 3 + 3;
    if told_whole && width <= page.width() && !why.contains('\n') {
        let gap = (Ink::Plain, "   ");
        page.edges(&[question, (Ink::Strong, rule), gap, (Ink::Plain, &why)], kind)?;
    } else {
        page.edges(&[question, (Ink::Strong, rule)], kind)?;
        let addresses = place::addresses(members.iter().map(|finding| &finding.target));
        page.beside(2, &why, &addresses)?;
    }
    violation::not_judged(&paragraph.not_judged, page)
}
