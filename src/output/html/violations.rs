//! What is wrong, with the remedy.

use super::Mark;
use crate::model::verdict::Severity;
use crate::output::shown::{Group, SeenAt, ShownReport, ShownStep};
use crate::output::text::list;
use crate::output::words::remedies::machine_words;

/// The violations that are open when the page is: what fails the run is read without a click.
const OPEN: usize = 5;
/// The most places of one group.
const MOST_PLACES: usize = 50;

/// A violation of one rule for one reason.
pub struct Violation<'a> {
    pub mark: Mark,
    pub is_open: bool,
    pub fails_the_run: bool,
    pub waiver: Option<String>,
    pub rule: &'a str,
    pub title: &'a str,
    pub expected: &'a str,
    pub places: Places<'a>,
    pub means: Option<&'a str>,
    pub remedies: Vec<Remedy<'a>>,
    pub remedies_left_out: usize,
    pub source: String,
    pub fingerprints: Vec<&'a str>,
}

/// The places of a group, and what was seen there.
pub struct Places<'a> {
    pub seen: Vec<SeenAt<'a>>,
    pub left_out: usize,
}

/// The steps of a remedy, and what it is for where there is more than one.
pub struct Remedy<'a> {
    pub for_places: Option<String>,
    pub steps: Vec<Step<'a>>,
}

/// A step of a remedy.
pub struct Step<'a> {
    /// A sentence, or the place of what is to be pasted.
    pub says: String,
    pub pasted: Option<Pasted<'a>>,
}

/// What is to be pasted.
pub struct Pasted<'a>(&'a [String]);

impl Pasted<'_> {
    pub fn lines(&self) -> String {
        self.0.join("\n")
    }
}

impl<'a> Violation<'a> {
    pub fn of(report: &'a ShownReport, group: &Group<'a>, index: usize) -> Self {
        let finding = group.first();
        let remedies = group.remedies();
        let source = &finding.source;
        let row = source.row.as_ref().map_or_else(String::new, |row| format!(", {row}"));
        Self {
            mark: Mark::of_finding(finding),
            is_open: finding.severity == Severity::Error
                && finding.waiver.is_none()
                && index < OPEN,
            waiver: finding.waiver.as_ref().map(|waived| waived.by.words()),
            fails_the_run: report.fails_the_run(finding),
            rule: &finding.rule,
            title: &finding.title,
            expected: &finding.expected,
            places: Places::of(group),
            means: finding.means.as_deref(),
            remedies_left_out: remedies.len().saturating_sub(MOST_PLACES),
            remedies: (remedies.iter().take(MOST_PLACES))
                .map(|one| Remedy {
                    for_places: (remedies.len() > 1).then(|| list(&one.places)),
                    steps: (one.remedy.steps.iter())
                        .map(|step| Step::of(step, report, &one.nodes))
                        .collect(),
                })
                .collect(),
            source: format!("{}, {}{row}", source.document, source.section)
                .trim_end_matches('.')
                .to_owned(),
            fingerprints: (group.findings.iter())
                .take(MOST_PLACES)
                .map(|finding| finding.fingerprint.as_str())
                .collect(),
        }
    }
}

impl<'a> Places<'a> {
    /// The first places, for the line that folds open.
    pub fn short(&self) -> String {
        const SHOWN: usize = 3;
        let mut places: Vec<&str> = Vec::new();
        for at in &self.seen {
            if !places.contains(&at.place.as_str()) {
                places.push(&at.place);
            }
        }
        let more = places.len().saturating_sub(SHOWN) + self.left_out;
        let shown = places.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    }

    pub fn of(group: &Group<'a>) -> Self {
        let mut seen = group.seen();
        let left_out = seen.len().saturating_sub(MOST_PLACES);
        seen.truncate(MOST_PLACES);
        Self { seen, left_out }
    }
}

impl<'a> Step<'a> {
    fn of(step: &'a ShownStep, report: &ShownReport, nodes: &[&str]) -> Self {
        match step {
            ShownStep::Say { text } => Self { says: text.clone(), pasted: None },
            ShownStep::Run { on, commands } => {
                let machine = machine_words(*on, report.deployment.topology, nodes);
                Self { says: format!("On {machine}:"), pasted: Some(Pasted(commands)) }
            }
            ShownStep::Edit { place, lines } => {
                Self { says: format!("{place}:"), pasted: Some(Pasted(lines)) }
            }
            ShownStep::Show { place, lines } => {
                Self { says: format!("In {place}:"), pasted: Some(Pasted(lines)) }
            }
        }
    }
}
