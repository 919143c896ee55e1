//! The sections of an HAProxy configuration with their lines, over all of its files.

use std::collections::BTreeMap;

use super::lexer::{LineFault, Word, read_words};
use super::words;
use crate::lint::nginx::tree::TextFault;
use crate::lint::source::{Sources, Span};
use crate::model::facts::{ProxyFaultKind, ServerText};

/// The most lines of all files.
const MOST_LINES: usize = 200_000;
/// The most words of a line that HAProxy reads.
const MOST_WORDS: usize = 64;
const MOST_FAULTS: usize = 1_000;

/// A line with at least one word.
#[derive(Debug, Clone)]
pub struct Line {
    pub words: Vec<Word>,
    /// It is between `.if` and `.endif`: whether HAProxy reads it is not known.
    pub is_conditional: bool,
}

impl Line {
    /// A word, as text; empty where the line has no such word.
    pub fn text(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| word.text.as_str())
    }

    /// Whether the line begins with these words.
    pub fn is(&self, start: &[&str]) -> bool {
        start.iter().enumerate().all(|(index, word)| self.text(index) == *word)
    }

    pub fn span(&self) -> Span {
        let (first, last) = (&self.words[0], &self.words[self.words.len() - 1]);
        first.span.to(last.span)
    }

    /// The place of a word, or of the whole line without it.
    pub fn at(&self, index: usize) -> Span {
        self.words.get(index).map_or_else(|| self.span(), |word| word.span)
    }

    /// The first word with this text, behind the first `from` words.
    pub fn find(&self, from: usize, text: &str) -> Option<usize> {
        (from..self.words.len()).find(|index| self.text(*index) == text)
    }
}

/// A section.
#[derive(Debug)]
pub struct Section {
    /// The line that begins it.
    pub head: Line,
    pub lines: Vec<Line>,
}

impl Section {
    pub fn kind(&self) -> &str {
        self.head.text(0)
    }

    pub fn name(&self) -> &str {
        self.head.text(1)
    }

    /// The `defaults` section that it names.
    pub fn from(&self) -> Option<&Word> {
        let index = self.head.find(1, "from")?;
        self.head.words.get(index + 1)
    }
}

/// A configuration as it was read.
#[derive(Debug, Default)]
pub struct Configuration {
    pub sources: Sources,
    pub sections: Vec<Section>,
    pub faults: Vec<TextFault>,
    lines: usize,
    environment: BTreeMap<String, String>,
}

impl Configuration {
    /// Reads the files in their order, as one.
    pub fn new(files: &[(String, Vec<u8>)]) -> Self {
        let mut configuration = Self::default();
        for (path, content) in files {
            configuration.read_file(path, content);
        }
        configuration
    }

    fn fault(&mut self, at: Span, what: ProxyFaultKind) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(TextFault { at, what });
        }
    }

    fn read_file(&mut self, path: &str, content: &[u8]) {
        let file = self.sources.add(path.to_owned(), content.to_vec());
        let mut offset = if content.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        // The `.if` that are open. A section goes on in no other file.
        let mut open: Vec<Span> = Vec::new();
        let mut has_section = false;
        for raw in content[offset..].split_inclusive(|byte| *byte == b'\n') {
            let line = raw.strip_suffix(b"\n").unwrap_or(raw);
            match read_words(line, file, offset, &self.environment) {
                Ok(words) if words.is_empty() => {}
                Ok(words) => {
                    self.lines += 1;
                    if self.lines > MOST_LINES {
                        let at = words[0].span;
                        self.fault(at, ProxyFaultKind::TooMany);
                        return;
                    }
                    self.take_line(words, &mut open, &mut has_section);
                }
                Err(fault) => {
                    let (at, what) = match fault {
                        LineFault::OpenQuote(at) => (at, ProxyFaultKind::OpenQuote),
                        LineFault::NoVariable(at) => {
                            (at, ProxyFaultKind::InvalidValue(ServerText::new("$")))
                        }
                        LineFault::NoCharacter(at) => {
                            (at, ProxyFaultKind::InvalidValue(ServerText::new("\\x")))
                        }
                    };
                    // Where its words end is not known.
                    if words::may_hold_secret(line, self.sections.last().map_or("", Section::kind))
                    {
                        self.sources.hide(at);
                    }
                    self.fault(at, what);
                }
            }
            offset += raw.len();
        }
        if let Some(at) = open.first() {
            self.fault(*at, ProxyFaultKind::BlockOpen);
        }
    }

    fn take_line(&mut self, words: Vec<Word>, open: &mut Vec<Span>, has_section: &mut bool) {
        let first = words[0].clone();
        match first.text.as_str() {
            ".if" => return open.push(first.span),
            ".elif" | ".else" | ".endif" if open.is_empty() => {
                return self.fault(first.span, ProxyFaultKind::NothingToClose);
            }
            ".endif" => {
                open.pop();
                return;
            }
            ".elif" | ".else" | ".notice" | ".warning" | ".alert" | ".diag" => return,
            _ => {}
        }
        let mut line = Line { words, is_conditional: !open.is_empty() };
        if line.words.len() > MOST_WORDS {
            let what = ProxyFaultKind::WordCount(ServerText::new(&first.text));
            return self.fault(line.span(), what);
        }
        let is_head = words::SECTIONS.contains(&first.text.as_str());
        let kind = self.sections.last().map_or("", Section::kind);
        if let Some(clear) = words::clear_words(&line, if is_head { "" } else { kind }) {
            self.sources.hide(line.span());
            for word in line.words.iter_mut().skip(clear) {
                word.text.clear();
                word.variable = None;
            }
        }
        if is_head {
            *has_section = true;
            return self.sections.push(Section { head: line, lines: Vec::new() });
        }
        if kind == "global" && line.is(&["setenv"]) && !line.is_conditional {
            self.environment.insert(line.text(1).to_owned(), line.text(2).to_owned());
        }
        match self.sections.last_mut().filter(|_| *has_section) {
            Some(section) => section.lines.push(line),
            None => self.fault(
                line.span(),
                ProxyFaultKind::Misplaced { name: ServerText::new(&first.text), within: None },
            ),
        }
    }
}
