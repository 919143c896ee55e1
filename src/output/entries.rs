//! Words at the left edge, and what is to be said to each of them.

use std::io;

use super::page::{Ink, Page};
use super::text::{clean, columns, fill};

/// Where the text begins beside its word.
const MARGIN: usize = 13;

/// A part of what is to be said to a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Sentences, whose author may have broken their lines.
    Prose(String),
    /// One of several things.
    Item(String),
    /// An indented line of a remedy, there to be pasted.
    Pasted(String),
}

/// One piece of prose.
pub fn prose(text: impl Into<String>) -> Vec<Piece> {
    vec![Piece::Prose(text.into())]
}

/// A word and what is to be said to it.
pub fn entry(word: &str, pieces: &[Piece], page: &mut Page<'_>) -> io::Result<()> {
    let mut label = word;
    if columns(word) + 1 >= MARGIN {
        page.line(&[(Ink::Strong, word)])?;
        label = "";
    }
    for piece in pieces {
        match piece {
            Piece::Prose(text) => {
                let filled = fill(&clean(text), page.width() - MARGIN);
                page.hanging(&[(Ink::Strong, label)], MARGIN, &filled)?;
            }
            Piece::Item(text) => {
                let bullet = format!("{:gap$}· ", "", gap = MARGIN - columns(label));
                let first = [(Ink::Strong, label), (Ink::Faint, bullet.as_str())];
                page.hanging(&first, MARGIN + 2, &clean(text))?;
            }
            Piece::Pasted(line) => page.verbatim(MARGIN, line)?,
        }
        label = "";
    }
    Ok(())
}
