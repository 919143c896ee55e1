//! A violation: what is wrong, how sure that is, what it means, what to do.

use std::io;

use crate::model::configuration::Location;
use crate::model::report::{Age, Finding, Report};
use crate::model::target::Target;
use crate::model::verdict::{FailConfidence, Severity, Verdict};
use crate::model::waiver::Waiver;
use crate::output::page::{Ink, Page};
use crate::output::words::Statement;
use crate::output::{arrow, place, text, words};

use super::view::{Paragraph, rules};
use super::{cause, remedy, strip};

/// Where the text beside a label begins.
const LABELLED: usize = 12;

/// More rule ids than these are told by family.
const IDS_SHOWN: usize = 6;

/// Of more meanings than these, `ovcheck explain` tells the rest.
const MEANINGS_SHOWN: usize = 3;

pub fn write(paragraph: &Paragraph<'_>, report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    let head = paragraph.head;
    let (symbol, ink) = mark(head.severity);
    for rule in rules(paragraph.members()) {
        page.edges(
            &[(ink, symbol), (Ink::Plain, " "), (Ink::Strong, rule.as_str())],
            (ink, &weight(head)),
        )?;
    }
    let sights = sights(paragraph);
    match cause::in_words(paragraph, report) {
        Some(cause) => {
            let targets = paragraph.members().map(|finding| &finding.target);
            page.beside(2, &cause, &place::addresses(targets))?;
        }
        None => {
            for sight in &sights {
                sight.write_summary(page)?;
            }
        }
    }
    arrows(paragraph, page)?;
    labelled("expected", &expected(paragraph), page)?;
    labelled("seen", &seen(&sights, report, page.width() - LABELLED), page)?;
    labelled("means", &means(paragraph), page)?;
    consequences(paragraph, page)?;
    remedy::write(paragraph, report, LABELLED, page)?;
    labelled("more", &format!("ovcheck explain {}", head.rule), page)
}

/// More lines of configuration files than these are not drawn.
const ARROWS_SHOWN: usize = 3;

/// The lines of configuration files that have to be changed, with an arrow.
fn arrows(paragraph: &Paragraph<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut shown: Vec<&Location> = Vec::new();
    for at in paragraph.members().filter_map(|finding| finding.locations.first()) {
        if !shown.contains(&at) {
            shown.push(at);
        }
    }
    for at in shown.iter().take(ARROWS_SHOWN) {
        for line in arrow::lines(at, page.width()) {
            page.verbatim(2, &line)?;
        }
    }
    match shown.get(ARROWS_SHOWN..) {
        Some(more @ [_, ..]) => {
            let places: Vec<String> = more.iter().map(|at| arrow::place(at)).collect();
            page.hanging(&[], 2, &format!("and {}", places.join(", ")))
        }
        _ => Ok(()),
    }
}

/// A violation that is waived: what it is, and why it does not fail the run.
pub fn write_waived(paragraph: &Paragraph<'_>, by: &Waiver, page: &mut Page<'_>) -> io::Result<()> {
    let label = format!("waived until {}", by.until);
    for rule in rules(paragraph.members()) {
        page.edges(
            &[(Ink::Faint, "~ "), (Ink::Strong, rule.as_str())],
            (Ink::Caution, &format!("{} · {label}", weight(paragraph.head))),
        )?;
    }
    for sight in &sights(paragraph) {
        sight.write_summary(page)?;
    }
    let owner = by.owner.as_ref().map_or(String::new(), |owner| format!(" ({owner})"));
    labelled("reason", &text::one_line(&format!("{}{owner}", by.reason)), page)?;
    labelled("waiver", &text::one_line(&by.place), page)?;
    consequences(paragraph, page)
}

/// The symbol of a severity, for which the word stands in the same line.
pub fn mark(severity: Severity) -> (&'static str, Ink) {
    match severity {
        Severity::Error => ("✗", Ink::Bad),
        Severity::Warning | Severity::Info => ("!", Ink::Caution),
    }
}

/// `error · proven`.
fn weight(finding: &Finding) -> String {
    let severity = finding.severity;
    let age = match finding.standing.age {
        Some(Age::New) => " · new",
        Some(Age::Known) => " · known",
        None => "",
    };
    match finding.verdict {
        Verdict::Fail(FailConfidence::Proven) => format!("{severity} · proven{age}"),
        Verdict::Fail(FailConfidence::Suspected) => format!("{severity} · suspected{age}"),
        Verdict::Pass(_) | Verdict::Inconclusive(_) | Verdict::NotApplicable => {
            severity.to_string()
        }
    }
}

/// What was seen, and at which places it was the same.
struct Sight<'a> {
    statement: Statement,
    findings: Vec<&'a Finding>,
}

fn sights<'a>(paragraph: &Paragraph<'a>) -> Vec<Sight<'a>> {
    let mut sights: Vec<Sight<'a>> = Vec::new();
    for finding in paragraph.members() {
        match sights.iter_mut().find(|sight| is_same_sight(sight.findings[0], finding)) {
            Some(sight) => sight.findings.push(finding),
            None => {
                let statement = words::statement(finding);
                sights.push(Sight { statement, findings: vec![finding] });
            }
        }
    }
    sights
}

/// Whether two findings saw the same, from the same places.
fn is_same_sight(one: &Finding, other: &Finding) -> bool {
    one.seen == other.seen && one.sightings == other.sightings
}

impl Sight<'_> {
    fn target(&self) -> &Target {
        &self.findings[0].target
    }

    fn addresses(&self) -> String {
        place::addresses(self.findings.iter().map(|finding| &finding.target))
    }

    /// What is wrong, and where.
    fn write_summary(&self, page: &mut Page<'_>) -> io::Result<()> {
        let summary = text::clean(&self.statement.summary);
        let places = places(self.findings.iter().copied());
        if places.len() == 1 {
            return page.beside(2, &place::before(self.target(), &summary), &self.addresses());
        }
        page.beside(2, &summary, "")?;
        for (name, findings) in &places {
            let addresses = place::addresses(findings.iter().map(|finding| &finding.target));
            page.beside(4, name, &addresses)?;
        }
        Ok(())
    }
}

/// The places, each with its findings, in the order of the plan.
fn places<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<(String, Vec<&'a Finding>)> {
    let mut places: Vec<(String, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        let name = place::name(&finding.target);
        match places.iter_mut().find(|(known, _)| *known == name) {
            Some((_, findings)) => findings.push(finding),
            None => places.push((name, vec![finding])),
        }
    }
    places
}

/// What was demanded, each phrase once.
fn expected(paragraph: &Paragraph<'_>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for finding in paragraph.members() {
        let expected = text::clean(&words::expected(finding));
        if !lines.contains(&expected) {
            lines.push(expected);
        }
    }
    lines.join("\n")
}

/// What was seen beyond the summary; with the address where it differs between addresses.
fn seen(sights: &[Sight<'_>], report: &Report, width: usize) -> String {
    let of_one_machine = are_ports_of_one_machine(sights);
    let mut lines: Vec<String> = Vec::new();
    let mut told: Option<Vec<String>> = None;
    for sight in sights {
        let details = sight.statement.details.iter().map(|line| text::clean(line));
        let strip = strip::of(report, sight.findings[0], width);
        let mut beside: Vec<String> = details.chain(strip.into_iter().flatten()).collect();
        if beside.is_empty() {
            continue;
        }
        let target = sight.target();
        if of_one_machine {
            if let Some(first) = beside.first_mut() {
                *first = format!("{}: {first}", place::port(target));
            }
        } else if sights.len() > 1 {
            // What is the same at several places is told once, below all of them.
            if told.as_ref() == Some(&beside) {
                lines.truncate(lines.len() - beside.len());
            }
            lines.push(format!("{} at {}:", place::name(target), sight.addresses()));
            told = Some(beside.clone());
        }
        lines.extend(beside);
    }
    lines.join("\n")
}

/// Whether the sights differ in their port alone, so that the port is enough to name each.
fn are_ports_of_one_machine(sights: &[Sight<'_>]) -> bool {
    let [first, others @ ..] = sights else {
        return false;
    };
    let node = |sight: &Sight<'_>| sight.findings[0].target.node.clone();
    let ports: Vec<_> = sights.iter().map(|sight| sight.findings[0].target.port).collect();
    node(first).is_some()
        && !others.is_empty()
        && (others.iter())
            .all(|other| node(other) == node(first) && other.addresses() == first.addresses())
        && (ports.iter().enumerate()).all(|(at, port)| !ports[..at].contains(port))
}

/// What it means, and what that which follows from it means.
fn means(paragraph: &Paragraph<'_>) -> String {
    let several = rules(paragraph.members()).len() > 1;
    let mut lines: Vec<String> = Vec::new();
    let mut say = |words: Option<String>| {
        lines.extend(words.filter(|words| !lines.contains(words)));
    };
    for finding in paragraph.members() {
        let means = finding.means.as_deref().map(text::one_line);
        let name = place::name(&finding.target);
        say(means.map(|means| if several { format!("{name}: {means}") } else { means }));
    }
    for finding in &paragraph.also_broken {
        say(finding.means.as_deref().map(text::one_line));
    }
    if lines.len() > MEANINGS_SHOWN + 1 {
        let more = lines.len() - MEANINGS_SHOWN;
        lines.truncate(MEANINGS_SHOWN);
        lines.push(format!("and {more} more; ovcheck explain RULE shows them"));
    }
    lines.join("\n")
}

/// What else is broken, or could not be judged, because of it.
fn consequences(paragraph: &Paragraph<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut broken: Vec<String> = Vec::new();
    for finding in &paragraph.also_broken {
        let rule = &finding.rule;
        let weight = weight(finding);
        let words = if weight == self::weight(paragraph.head) {
            rule.to_string()
        } else {
            format!("{rule} ({weight})")
        };
        if !broken.contains(&words) {
            broken.push(words);
        }
    }
    if !broken.is_empty() {
        let text = format!("also fails because of this: {}", broken.join(", "));
        page.hanging(&[], 2, &text)?;
    }
    not_judged(&paragraph.not_judged, page)
}

/// `not checked because of this: 12 checks (…)`.
pub fn not_judged(findings: &[&Finding], page: &mut Page<'_>) -> io::Result<()> {
    counted_checks("not checked because of this:", findings, page)
}

/// How many checks, and of which rules, behind words of how they are concerned.
pub fn counted_checks(words: &str, findings: &[&Finding], page: &mut Page<'_>) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let number = text::counted(findings.len(), "check");
    let text = format!("{words} {number} ({})", rules_in_words(findings));
    page.hanging(&[], 2, &text)
}

/// The ids of the rules; where they are many, how many checks there are of each family.
fn rules_in_words(findings: &[&Finding]) -> String {
    let rules = rules(findings.iter().copied());
    let words: Vec<String> = if rules.len() <= IDS_SHOWN {
        rules.iter().map(ToString::to_string).collect()
    } else {
        let mut families: Vec<(&str, usize)> = Vec::new();
        for finding in findings {
            let family = finding.rule.family();
            match families.iter_mut().find(|(known, _)| *known == family) {
                Some((_, number)) => *number += 1,
                None => families.push((family, 1)),
            }
        }
        let told = families.iter().map(|(name, number)| format!("{name} {number}"));
        told.collect()
    };
    words.join(", ")
}

/// A label, and its text beside it. Lines that are indented are drawings and are not refilled.
fn labelled(label: &str, text: &str, page: &mut Page<'_>) -> io::Result<()> {
    let mut first = format!("  {label}");
    for line in text.lines() {
        let drawn = line.starts_with(' ') && text::columns(line) <= page.width() - LABELLED;
        if drawn && first.is_empty() {
            page.verbatim(LABELLED, line)?;
        } else {
            page.hanging(&[(Ink::Faint, &first)], LABELLED, line)?;
        }
        first.clear();
    }
    Ok(())
}
