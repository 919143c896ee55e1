//! A violation: what is wrong, how sure that is, what it means, what to do.

use std::io;

use crate::model::report::Finding;
use crate::model::rule::RuleId;
use crate::model::verdict::{FailConfidence, Severity, Verdict};
use crate::output::page::{Ink, Page};
use crate::output::{place, text};

use super::remedy;
use super::view::Paragraph;

/// Where the text beside a label begins.
const LABELLED: usize = 12;

/// More rule ids than these are told by family.
const IDS_SHOWN: usize = 6;

pub fn write(paragraph: &Paragraph<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let head = paragraph.head;
    let (symbol, ink) = mark(head.severity);
    let rule = head.rule.as_str();
    page.edges(
        &[(ink, symbol), (Ink::Plain, " "), (Ink::Strong, rule)],
        (ink, &weight(head)),
    )?;
    let sights = sights(paragraph);
    for sight in &sights {
        sight.write_summary(page)?;
    }
    labelled("expected", &text::clean(&head.expected), page)?;
    labelled("seen", &seen(&sights), page)?;
    labelled("means", &means(paragraph), page)?;
    consequences(paragraph, page)?;
    remedy::write(paragraph, LABELLED, page)?;
    labelled("more", &format!("ovcheck explain {rule}"), page)
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
    match finding.verdict {
        Verdict::Fail(FailConfidence::Proven) => format!("{severity} · proven"),
        Verdict::Fail(FailConfidence::Suspected) => format!("{severity} · suspected"),
        Verdict::Pass(_) | Verdict::Inconclusive(_) | Verdict::NotApplicable => {
            severity.to_string()
        }
    }
}

/// What was seen, and at which places it was the same.
struct Sight<'a> {
    text: String,
    findings: Vec<&'a Finding>,
}

fn sights<'a>(paragraph: &Paragraph<'a>) -> Vec<Sight<'a>> {
    let mut sights: Vec<Sight<'a>> = Vec::new();
    for finding in paragraph.members() {
        let shape = |f: &Finding| place::shape(&f.target, &f.observed);
        let same = |sight: &&mut Sight<'_>| shape(sight.findings[0]) == shape(finding);
        match sights.iter_mut().find(same) {
            Some(sight) => sight.findings.push(finding),
            None => sights.push(Sight {
                text: text::clean(&finding.observed),
                findings: vec![finding],
            }),
        }
    }
    sights
}

impl Sight<'_> {
    /// The first line is the summary; the rest is what else was seen.
    fn parts(&self) -> (&str, &str) {
        (self.text.split_once('\n')).map_or((self.text.as_str(), ""), |(first, rest)| (first, rest))
    }

    fn addresses(&self) -> String {
        place::addresses(self.findings.iter().map(|finding| &finding.target))
    }

    /// The places, each with its findings, in the order of the plan.
    fn places(&self) -> Vec<(String, Vec<&Finding>)> {
        let mut places: Vec<(String, Vec<&Finding>)> = Vec::new();
        for finding in &self.findings {
            let name = place::name(&finding.target);
            match places.iter_mut().find(|(known, _)| *known == name) {
                Some((_, findings)) => findings.push(finding),
                None => places.push((name, vec![finding])),
            }
        }
        places
    }

    /// What is wrong, and where.
    fn write_summary(&self, page: &mut Page<'_>) -> io::Result<()> {
        let (summary, _) = self.parts();
        let places = self.places();
        if let [(name, _)] = places.as_slice() {
            let named = place::is_named_in(&self.findings[0].target, summary);
            let summary = if named {
                summary.to_owned()
            } else {
                format!("{name}: {summary}")
            };
            return page.beside(2, &summary, &self.addresses());
        }
        page.beside(2, summary, "")?;
        for (name, findings) in &places {
            let addresses = place::addresses(findings.iter().map(|finding| &finding.target));
            page.beside(4, name, &addresses)?;
        }
        Ok(())
    }
}

/// What was seen beyond the summary; with the address where it differs between addresses.
fn seen(sights: &[Sight<'_>]) -> String {
    let mut lines = Vec::new();
    for sight in sights {
        let (_, rest) = sight.parts();
        if rest.is_empty() {
            continue;
        }
        if sights.len() > 1 {
            lines.push(format!("{}:", sight.addresses()));
        }
        lines.push(rest.to_owned());
    }
    lines.join("\n")
}

/// What it means, and what that which follows from it means.
fn means(paragraph: &Paragraph<'_>) -> String {
    let following = paragraph.also_broken.iter().copied();
    let mut lines: Vec<String> = Vec::new();
    for finding in std::iter::once(paragraph.head).chain(following) {
        let means = finding.means.as_deref().map(text::one_line);
        lines.extend(means.filter(|means| !lines.contains(means)));
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
        let text = format!("also broken by this: {}", broken.join(", "));
        page.hanging(&[], 2, &text)?;
    }
    not_judged(&paragraph.not_judged, page)
}

/// `not judged because of it: 12 checks (…)`.
pub fn not_judged(findings: &[&Finding], page: &mut Page<'_>) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let number = text::counted(findings.len(), "check");
    let text = format!(
        "not judged because of it: {number} ({})",
        rules_in_words(findings.iter().copied())
    );
    page.hanging(&[], 2, &text)
}

/// The ids of the rules; where they are many, how many checks there are of each family.
pub fn rules_in_words<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    let mut rules: Vec<&RuleId> = Vec::new();
    let mut families: Vec<(&str, usize)> = Vec::new();
    for finding in findings {
        if !rules.contains(&&finding.rule) {
            rules.push(&finding.rule);
        }
        let family = finding.rule.family();
        match families.iter_mut().find(|(known, _)| *known == family) {
            Some((_, number)) => *number += 1,
            None => families.push((family, 1)),
        }
    }
    let words: Vec<String> = if rules.len() <= IDS_SHOWN {
        rules.iter().map(ToString::to_string).collect()
    } else {
        let told = families.iter().map(|(name, n)| format!("{name} {n}"));
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
