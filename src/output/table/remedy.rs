//! What to do: prose is filled, what is there to be pasted stays as it is.

use std::io;

use crate::model::report::Finding;
use crate::model::target::Target;
use crate::output::page::{Ink, Page};
use crate::output::{place, text};

use super::ports::Ports;
use super::view::Paragraph;

/// Writes the remedies of a paragraph, each once.
///
/// In a remedy the indented lines are there to be pasted. Remedies that differ in a command or a
/// sentence (the same rule of a firewall for IPv4 and for IPv6) are told as one, with both.
pub fn write(paragraph: &Paragraph<'_>, indent: usize, page: &mut Page<'_>) -> io::Result<()> {
    let mut remedies: Vec<Remedy> = Vec::new();
    for finding in paragraph.members() {
        if let Some(remedy) = Remedy::of(finding) {
            let merged = remedies.iter_mut().any(|known| known.take_over(&remedy));
            if !merged {
                remedies.push(remedy);
            }
        }
    }
    let mut label = "  remedy";
    let several = remedies.len() > 1;
    for (at, remedy) in remedies.iter().enumerate() {
        if several {
            let mut others = remedies.iter().enumerate();
            let is_shared = others.any(|(other, known)| other != at && known.shares(remedy));
            let of = format!("for {}:", remedy.places(is_shared));
            page.hanging(&[(Ink::Strong, label)], indent, &of)?;
            label = "";
        }
        for piece in remedy.pieces.iter().flatten() {
            match piece {
                Piece::Prose(prose) => {
                    let filled = text::fill(prose, page.width() - indent);
                    page.hanging(&[(Ink::Strong, label)], indent, &filled)?;
                }
                Piece::Paste { lines, ports, .. } => {
                    if !label.is_empty() {
                        page.line(&[(Ink::Strong, label)])?;
                    }
                    for line in lines {
                        page.verbatim(indent, &ports.filled_into(line))?;
                    }
                }
            }
            label = "";
        }
    }
    Ok(())
}

/// A remedy in pieces; where two remedies differ, a piece has variants.
struct Remedy<'a> {
    pieces: Vec<Vec<Piece>>,
    /// The targets that it is for.
    of: Vec<&'a Target>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Lines at the left edge.
    Prose(String),
    /// An indented line, with those it continues on (a backslash at the end). What it says of a
    /// port it can say of several.
    Paste { lines: Vec<String>, ports: Ports, among: Among },
}

/// What stands around a line that is there to be pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Among {
    /// Each line is for itself.
    Commands,
    /// The lines belong together, as in a block of nginx.
    Configuration,
}

impl<'a> Remedy<'a> {
    fn of(finding: &'a Finding) -> Option<Self> {
        let text = text::clean(finding.remedy.as_deref()?);
        let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
        let pieces = (lines.chunk_by(|one, next| is_pasted(one) == is_pasted(next)))
            .flat_map(|block| match block.first() {
                Some(first) if is_pasted(first) => pasted(block, &finding.target),
                Some(_) | None => vec![Piece::Prose(block.join("\n"))],
            })
            .map(|piece| vec![piece])
            .collect();
        Some(Self { pieces, of: vec![&finding.target] })
    }

    /// Takes over what the other says differently; `false` when the two cannot be one text.
    fn take_over(&mut self, other: &Remedy<'a>) -> bool {
        let variants = || self.pieces.iter().zip(&other.pieces);
        let fits = |(own, theirs): (&Vec<Piece>, &Vec<Piece>)| {
            theirs.iter().all(|piece| own.contains(piece) || own[0].may_stand_beside(piece))
        };
        if self.pieces.len() != other.pieces.len() || !variants().all(fits) {
            return false;
        }
        for (own, theirs) in self.pieces.iter_mut().zip(&other.pieces) {
            for piece in theirs {
                let taken = own.iter_mut().any(|known| known.take_over(piece));
                if !taken {
                    own.push(piece.clone());
                }
            }
        }
        self.of.extend(&other.of);
        true
    }

    /// Whether both speak of one place, at different addresses.
    fn shares(&self, other: &Self) -> bool {
        let is_of_other = |target: &&&Target| {
            let mut others = other.of.iter();
            others.any(|other| place::name(other) == place::name(target))
        };
        self.of.iter().any(|target| is_of_other(&target))
    }

    /// What it is for, each place once.
    fn places(&self, with_address: bool) -> String {
        let mut names: Vec<String> = Vec::new();
        for target in &self.of {
            let name = if with_address { target.to_string() } else { place::name(target) };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" and ")
    }
}

impl Piece {
    /// Whether the other one is the same, or the same for another port, which this one then names
    /// too.
    fn take_over(&mut self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Paste { lines, ports, among },
                Self::Paste { lines: other_lines, ports: other_ports, among: other_among },
            ) if lines == other_lines && among == other_among => {
                ports.add(other_ports);
                true
            }
            (own, other) => own == other,
        }
    }

    fn may_stand_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Prose(_), Self::Prose(_)) => true,
            (Self::Paste { among: one, .. }, Self::Paste { among: two, .. }) => {
                *one == Among::Commands && *two == Among::Commands
            }
            (Self::Prose(_), Self::Paste { .. }) | (Self::Paste { .. }, Self::Prose(_)) => false,
        }
    }
}

fn is_pasted(line: &str) -> bool {
    line.starts_with(' ')
}

/// The logical lines of an indented block.
fn pasted(block: &[&str], target: &Target) -> Vec<Piece> {
    let belongs_to_a_block = |line: &&str| line.ends_with(['{', '}', ';']);
    let among =
        if block.iter().any(belongs_to_a_block) { Among::Configuration } else { Among::Commands };
    (block.chunk_by(|line, _| line.ends_with('\\')))
        .map(|lines| {
            let (lines, ports) = Ports::taken_out_of(lines, target);
            Piece::Paste { lines, ports, among }
        })
        .collect()
}
