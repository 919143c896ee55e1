//! Troubles in the words of those who have them, and the rules that name their cause.

use std::io::{self, Write};

use crate::model::rule::{Rule, RuleId};
use crate::model::trouble::{Shown, Sighting, Trouble};

use super::Style;
use super::entries::{Piece, entry, prose};
use super::page::{Ink, Page};
use super::rows::listed;
use super::vantage::zone;

/// Writes troubles, with the titles of the rules that name their cause.
///
/// # Errors
/// Those of `out`.
pub fn write(
    troubles: &[&Trouble],
    rules: &[Rule],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(style, out);
    for trouble in troubles {
        for said in &trouble.people_say {
            page.line(&[(Ink::Strong, &format!("\"{said}\""))])?;
        }
        page.blank()?;
        for (word, pieces) in entries(trouble, rules) {
            entry(word, &pieces, &mut page)?;
        }
        page.blank()?;
    }
    page.hanging(&[], 0, "ovcheck explain RULE shows what to do.")?;
    out.flush()
}

fn entries(trouble: &Trouble, rules: &[Rule]) -> Vec<(&'static str, Vec<Piece>)> {
    let mut entries = vec![("cause", prose(trouble.cause.as_str()))];
    let named = trouble.seen.iter().flat_map(|seen| named(seen, rules));
    let named: Vec<Piece> = named.collect();
    if !named.is_empty() {
        entries.push(("found by", named));
    }
    if let Some(why) = &trouble.not_seen {
        entries.push(("not found", prose(why.as_str())));
    }
    let demos = demos(trouble.seen.iter());
    if !demos.is_empty() {
        entries.push(("demo", demos));
    }
    entries
}

/// Each rule with where one has to stand, and its title.
fn named(seen: &Sighting, rules: &[Rule]) -> Vec<Piece> {
    let place = place(seen, rules);
    let of_rule = |id: &RuleId| {
        let title = rules.iter().find(|rule| rule.id == *id);
        let title = title.map_or("", |rule| rule.title.as_str());
        [Piece::Prose(format!("{id}, {place}")), Piece::Item(title.to_owned())]
    };
    seen.rules.iter().flat_map(of_rule).collect()
}

/// Where one has to stand, and with what: `from the internet, with credentials`.
pub fn place(seen: &Sighting, rules: &[Rule]) -> String {
    let mut place = "from anywhere".to_owned();
    if !seen.from.is_empty() {
        let zones: Vec<&str> = seen.from.iter().map(|from| zone(*from)).collect();
        place = format!("from {}", listed(&zones));
    }
    let mut named = rules.iter().filter(|rule| seen.rules.contains(&rule.id));
    if named.any(|rule| rule.demand.is_of_call()) {
        place.push_str(", with credentials");
    }
    place
}

/// The commands that show it on loopback.
pub(super) fn demos<'a>(seen: impl Iterator<Item = &'a Sighting>) -> Vec<Piece> {
    let mut faults: Vec<&str> = Vec::new();
    for shown in seen.flat_map(|seen| &seen.shown_by) {
        match shown {
            Shown::Demo(fault) if !faults.contains(&fault.as_str()) => faults.push(fault),
            Shown::Demo(_) | Shown::Lab(_) | Shown::Test(_) => {}
        }
    }
    let commands = faults.iter().map(|fault| format!("ovcheck demo --fault {fault}"));
    commands.map(Piece::Prose).collect()
}
