//! Troubles in the words of those who have them, and the rules that name their cause.

use std::io::{self, Write};

use crate::model::rule::{Rule, RuleId};
use crate::model::trouble::{Found, Meant, Shown, Sighting, Trouble};

use super::Style;
use super::entries::{Piece, entry, prose};
use super::page::{Ink, Page};
use super::rows::listed;
use super::vantage::zone;
use super::words;

/// Writes troubles, with the titles of the rules that name their cause.
///
/// # Errors
/// Those of `out`.
pub fn write(
    found: &Found<'_>,
    rules: &[Rule],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(style, out);
    for Meant { trouble, phrase } in &found.troubles {
        let phrase = phrase.filter(|phrase| !trouble.people_say.iter().any(|said| said == phrase));
        for said in phrase.into_iter().chain(trouble.people_say.iter().map(String::as_str)) {
            page.line(&[(Ink::Strong, &format!("\"{said}\""))])?;
        }
        page.blank()?;
        for (word, pieces) in entries(trouble, rules) {
            entry(word, &pieces, &mut page)?;
        }
        page.blank()?;
    }
    if !found.rules.is_empty() {
        let named = found
            .rules
            .iter()
            .flat_map(|rule| [Piece::Prose(rule.id.to_string()), Piece::Item(rule.title.clone())]);
        entry("rules", &named.collect::<Vec<_>>(), &mut page)?;
        page.blank()?;
    }
    if !found.faces.is_empty() {
        let known = found.faces.iter().flat_map(|face| {
            let whose = words::http::whose_is(face.whose);
            [Piece::Prose(face.who.clone()), Piece::Item(format!("{}; {whose}", face.means))]
        });
        entry("answers", &known.collect::<Vec<_>>(), &mut page)?;
        page.blank()?;
        page.hanging(
            &[],
            0,
            "ovcheck check, or ovcheck call, shows who answers instead of LiveKit.",
        )?;
    }
    page.hanging(&[], 0, "ovcheck explain RULE shows what to do.")?;
    out.flush()
}

fn entries(trouble: &Trouble, rules: &[Rule]) -> Vec<(&'static str, Vec<Piece>)> {
    let mut entries = vec![("cause", prose(trouble.cause.as_str()))];
    if let Some(first) = &trouble.first {
        entries.push(("first", prose(first.as_str())));
    }
    let mut named: Vec<Piece> = Vec::new();
    for (id, place) in places(trouble, rules) {
        let title = rules.iter().find(|rule| rule.id == *id).map_or("", |rule| rule.title.as_str());
        named.push(Piece::Prose(format!("{id}, {place}")));
        named.push(Piece::Item(title.to_owned()));
    }
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
    entries.push(("to see it", commands(trouble, rules)));
    entries
}

/// Each rule once, with all places from which it names the cause.
fn places<'a>(trouble: &'a Trouble, rules: &[Rule]) -> Vec<(&'a RuleId, String)> {
    let mut places: Vec<(&RuleId, String)> = Vec::new();
    for seen in &trouble.seen {
        let from = place(seen, rules);
        for id in &seen.rules {
            match places.iter_mut().find(|(known, _)| *known == id) {
                Some((_, known)) if *known == from => {}
                Some((_, known)) => *known = format!("{known}, or {from}"),
                None => places.push((id, from.clone())),
            }
        }
    }
    places
}

/// The commands that would show it in a deployment.
fn commands(trouble: &Trouble, rules: &[Rule]) -> Vec<Piece> {
    const CHECK: &str = "ovcheck check <DOMAIN> --turn-domain-name <TURN_DOMAIN>";
    const CALL: &str = "ovcheck call <DOMAIN> --token-file token.txt";
    let of_call = |id: &RuleId| rules.iter().any(|it| it.id == *id && it.demand.is_of_call());
    let mut named = trouble.seen.iter().flat_map(|seen| &seen.rules).peekable();
    let is_of_user = named.peek().is_none();
    let (calls, checks): (Vec<&RuleId>, Vec<&RuleId>) = named.partition(|id| of_call(id));
    let mut commands = Vec::new();
    if !checks.is_empty() {
        commands.push(CHECK);
    }
    if !calls.is_empty() || is_of_user {
        commands.push(CALL);
    }
    commands.into_iter().map(|command| Piece::Prose(command.to_owned())).collect()
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

/// The commands that show it on loopback. None in a program that was built without the demo.
pub(super) fn demos<'a>(seen: impl Iterator<Item = &'a Sighting>) -> Vec<Piece> {
    let mut faults: Vec<&str> = Vec::new();
    let seen = seen.filter(|_| cfg!(feature = "demo"));
    for shown in seen.flat_map(|seen| &seen.shown_by) {
        match shown {
            Shown::Demo(fault) if !faults.contains(&fault.as_str()) => faults.push(fault),
            Shown::Demo(_) | Shown::Lab(_) | Shown::Test(_) => {}
        }
    }
    let commands = faults.iter().map(|fault| format!("ovcheck demo --fault {fault}"));
    commands.map(Piece::Prose).collect()
}
