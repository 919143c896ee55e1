//! What to do: sentences are filled, what is there to be pasted stays as it is.

use std::io;

use crate::model::remedy::{RemedyLine, RemedyStep};
use crate::model::report::{Finding, Report};
use crate::model::rule::Machine;
use crate::output::page::{Ink, Page};
use crate::output::quote::left_out;
use crate::output::words::remedies::{edited_lines, edited_place, machine};
use crate::output::{place, text};

use super::view::Paragraph;

/// How far a command is indented below the line that names its machine.
const PASTED: usize = 4;

/// Writes the remedies of a paragraph, each once. Remedies that differ in a command or a sentence
/// (the same rule of a firewall for IPv4 and for IPv6) are told as one, with both.
pub fn write(
    paragraph: &Paragraph<'_>,
    report: &Report,
    indent: usize,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let mut remedies: Vec<Remedy<'_>> = Vec::new();
    for finding in paragraph.members().filter(|finding| !finding.remedy.is_empty()) {
        let remedy = Remedy::new(finding);
        if !remedies.iter_mut().any(|known| known.take_over(&remedy)) {
            remedies.push(remedy);
        }
    }
    let mut writer = Writer { label: "  remedy", indent, report };
    for (at, remedy) in remedies.iter().enumerate() {
        if remedies.len() > 1 {
            let mut others = remedies.iter().enumerate();
            let is_shared = others.any(|(other, known)| other != at && known.shares_place(remedy));
            writer.text(&format!("for {}:", remedy.places(is_shared)), page)?;
        }
        writer.remedy(remedy, page)?;
    }
    Ok(())
}

/// A remedy for one or several findings.
struct Remedy<'a> {
    steps: Vec<Step>,
    findings: Vec<&'a Finding>,
}

/// A step of it; where the findings differ, with what each of them says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Say(Vec<String>),
    /// Each command in all its forms.
    Run {
        on: Machine,
        commands: Vec<Vec<RemedyLine>>,
    },
    Show {
        place: String,
        lines: Vec<String>,
    },
}

impl From<&RemedyStep> for Step {
    fn from(step: &RemedyStep) -> Self {
        match step {
            RemedyStep::Say(text) => Self::Say(vec![text.clone()]),
            RemedyStep::Run { on, commands } => {
                let commands = commands.iter().map(|command| vec![command.clone()]).collect();
                Self::Run { on: *on, commands }
            }
            RemedyStep::Edit(edit) => {
                Self::Show { place: edited_place(edit), lines: edited_lines(edit) }
            }
            RemedyStep::Show { place, lines } => {
                Self::Show { place: format!("In {place}"), lines: lines.clone() }
            }
        }
    }
}

impl<'a> Remedy<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self { steps: finding.remedy.iter().map(Step::from).collect(), findings: vec![finding] }
    }

    /// Takes over what the other says differently; `false` when the two cannot be one.
    fn take_over(&mut self, other: &Self) -> bool {
        let fits = self.steps.len() == other.steps.len()
            && self.steps.iter().zip(&other.steps).all(|(own, other)| own.fits(other));
        if fits {
            for (own, other) in self.steps.iter_mut().zip(&other.steps) {
                own.take_over(other);
            }
            self.findings.extend(&other.findings);
        }
        fits
    }

    /// Whether both are about one place, at different addresses.
    fn shares_place(&self, other: &Self) -> bool {
        self.findings.iter().any(|finding| {
            let name = place::name(&finding.target);
            other.findings.iter().any(|other| place::name(&other.target) == name)
        })
    }

    /// What it is for, each place once.
    fn places(&self, with_address: bool) -> String {
        let mut names: Vec<String> = Vec::new();
        for target in self.findings.iter().map(|finding| &finding.target) {
            let name = if with_address { target.to_string() } else { place::name(target) };
            // A TURN server is named by its URL, in the words of a server.
            let name = left_out(&name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" and ")
    }
}

impl Step {
    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Say(_), Self::Say(_)) => true,
            (Self::Run { on: own, commands }, Self::Run { on: other, commands: others }) => {
                own == other && commands.len() == others.len()
            }
            // The lines of a file belong together.
            (own @ Self::Show { .. }, other) => own == other,
            (Self::Say(_) | Self::Run { .. }, _) => false,
        }
    }

    fn take_over(&mut self, other: &Self) {
        match (self, other) {
            (Self::Say(own), Self::Say(others)) => {
                own.extend(
                    others.iter().filter(|text| !own.contains(text)).cloned().collect::<Vec<_>>(),
                );
            }
            (Self::Run { commands: own, .. }, Self::Run { commands: others, .. }) => {
                for (own, other) in own.iter_mut().zip(others) {
                    for form in other {
                        if !own.iter_mut().any(|known| known.take_over(form)) {
                            own.push(form.clone());
                        }
                    }
                }
            }
            (Self::Say(_) | Self::Run { .. } | Self::Show { .. }, _) => {}
        }
    }
}

/// Writes remedies below one label.
struct Writer<'a> {
    /// The label of the next line: empty behind the first.
    label: &'static str,
    indent: usize,
    report: &'a Report,
}

impl Writer<'_> {
    fn remedy(&mut self, remedy: &Remedy<'_>, page: &mut Page<'_>) -> io::Result<()> {
        let mut last_machine = None;
        for step in &remedy.steps {
            match step {
                Step::Say(texts) => {
                    for text in texts {
                        self.text(text, page)?;
                    }
                    last_machine = None;
                }
                Step::Run { on, commands } => {
                    if last_machine.replace(*on) != Some(*on) {
                        let findings = remedy.findings.iter().copied();
                        let machine = machine(*on, self.report.deployment.topology, findings);
                        self.text(&format!("On {machine}:"), page)?;
                    }
                    for command in commands.iter().flatten() {
                        self.pasted(&command.to_string(), page)?;
                    }
                }
                Step::Show { place, lines } => {
                    self.text(&format!("{place}:"), page)?;
                    for line in lines {
                        self.pasted(line, page)?;
                    }
                    last_machine = None;
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str, page: &mut Page<'_>) -> io::Result<()> {
        let label = std::mem::take(&mut self.label);
        page.hanging(&[(Ink::Strong, label)], self.indent, &text::clean(text))
    }

    fn pasted(&mut self, lines: &str, page: &mut Page<'_>) -> io::Result<()> {
        for line in text::clean(lines).lines() {
            page.verbatim(self.indent + PASTED, line)?;
        }
        Ok(())
    }
}
