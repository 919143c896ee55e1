//! Lines of a given width, coloured or not.

use std::io::{self, Write};

use super::quote::shown;
use super::text::{columns, wrap};
use super::{Colour, Style};

/// What a piece of text is, for those who see colours. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Good,
    Bad,
    Caution,
    Doubt,
    Strong,
    Faint,
}

impl Ink {
    /// The parameters of the SGR sequence (ECMA-48 §8.3.117).
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Bad => Some("1;31"),
            Self::Caution => Some("1;33"),
            Self::Doubt => Some("36"),
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
        }
    }
}

/// Text with its ink.
pub type Piece<'a> = (Ink, &'a str);

/// Where lines are written. No line is wider than the page, except those of [`Page::verbatim`]
/// and [`Page::line`].
pub struct Page<'a> {
    out: &'a mut dyn Write,
    colour: Colour,
    width: usize,
}

impl<'a> Page<'a> {
    /// A page in this style.
    pub fn new(style: &Style, out: &'a mut dyn Write) -> Self {
        Self { out, colour: style.colour, width: style.width.max(Style::NARROWEST) }
    }

    /// The columns of a line.
    pub fn width(&self) -> usize {
        self.width
    }

    /// An empty line.
    pub fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// One line, however wide.
    pub fn line(&mut self, pieces: &[Piece<'_>]) -> io::Result<()> {
        for (ink, text) in pieces {
            self.put(*ink, text)?;
        }
        writeln!(self.out)
    }

    /// A line as it is, after `indent` spaces: somebody may want to paste it.
    pub fn verbatim(&mut self, indent: usize, text: &str) -> io::Result<()> {
        let text = text.trim_end();
        if text.is_empty() {
            return self.blank();
        }
        writeln!(self.out, "{:indent$}{}", "", shown(text))
    }

    /// `left` at the left edge and `right` at the right one; below it where both do not fit.
    pub fn edges(&mut self, left: &[Piece<'_>], right: Piece<'_>) -> io::Result<()> {
        let taken: usize = left.iter().map(|(_, text)| columns(text)).sum();
        let wanted = columns(right.1);
        if taken + 2 + wanted > self.width {
            self.line(left)?;
            return self.right(right);
        }
        for (ink, text) in left {
            self.put(*ink, text)?;
        }
        let gap = self.width - taken - wanted;
        write!(self.out, "{:gap$}", "")?;
        self.line(&[right])
    }

    /// Wrapped text after `indent` spaces, and `right` at the right edge of its last line, or
    /// below it.
    pub fn beside(&mut self, indent: usize, text: &str, right: &str) -> io::Result<()> {
        let lines = wrap(text, self.width - indent);
        let Some((last, before)) = lines.split_last() else {
            return self.right((Ink::Faint, right));
        };
        let margin = " ".repeat(indent);
        for line in before {
            self.line(&[(Ink::Plain, &margin), (Ink::Plain, line)])?;
        }
        let left = [(Ink::Plain, margin.as_str()), (Ink::Plain, last.as_str())];
        if right.is_empty() {
            return self.line(&left);
        }
        self.edges(&left, (Ink::Faint, right))
    }

    /// What is open, wrapped beside its kind at the right edge of the first line.
    pub fn question(&mut self, text: &str, kind: Piece<'_>) -> io::Result<()> {
        let lines = wrap(text, self.width - columns(kind.1) - 2 - 3);
        let mark = (Ink::Doubt, "? ");
        let Some((first, rest)) = lines.split_first() else {
            return self.edges(&[mark], kind);
        };
        self.edges(&[mark, (Ink::Strong, first)], kind)?;
        for line in rest {
            self.line(&[(Ink::Plain, "  "), (Ink::Strong, line)])?;
        }
        Ok(())
    }

    /// Text at the right edge.
    fn right(&mut self, (ink, text): Piece<'_>) -> io::Result<()> {
        for line in wrap(text, self.width - 2) {
            let gap = self.width - columns(&line);
            write!(self.out, "{:gap$}", "")?;
            self.line(&[(ink, &line)])?;
        }
        Ok(())
    }

    /// `first`, then the wrapped text, whose lines all begin in column `indent`.
    pub fn hanging(&mut self, first: &[Piece<'_>], indent: usize, text: &str) -> io::Result<()> {
        let mut pieces = first.to_vec();
        let taken: usize = first.iter().map(|(_, text)| columns(text)).sum();
        let gap = " ".repeat(indent.saturating_sub(taken));
        pieces.push((Ink::Plain, &gap));
        let margin = " ".repeat(indent);
        for line in wrap(text, self.width - indent) {
            if line.is_empty() {
                self.blank()?;
            } else {
                pieces.push((Ink::Plain, &line));
                self.line(&pieces)?;
            }
            pieces = vec![(Ink::Plain, &margin)];
        }
        Ok(())
    }

    /// Pieces in one row with three spaces between them, in more rows where they do not fit.
    pub fn row(&mut self, pieces: &[Piece<'_>]) -> io::Result<()> {
        let mut taken = 0;
        for (ink, text) in pieces {
            let gap = if taken == 0 { 0 } else { 3 };
            if taken > 0 && taken + gap + columns(text) > self.width {
                writeln!(self.out)?;
                taken = 0;
            } else {
                write!(self.out, "{:gap$}", "")?;
                taken += gap;
            }
            self.put(*ink, text)?;
            taken += columns(text);
        }
        writeln!(self.out)
    }

    fn put(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        let text = shown(text);
        match (self.colour, ink.code()) {
            (Colour::Ansi, Some(code)) => write!(self.out, "\u{1b}[{code}m{text}\u{1b}[0m"),
            (Colour::Ansi, None) | (Colour::Plain, _) => write!(self.out, "{text}"),
        }
    }
}
