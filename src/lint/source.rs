//! The texts that were read, and places in them.

use std::collections::HashSet;

use super::comments;
use super::yaml::Place;
use crate::model::configuration::{IgnoreComment, Location};
use crate::model::facts::ServerText;

/// A part of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Its number among the files that were read.
    pub file: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Where a node stands in this file.
    pub fn of(file: u32, place: Place) -> Self {
        let narrow = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        Self { file, start: narrow(place.start), end: narrow(place.end) }
    }

    /// From the beginning of this to the end of the other.
    pub fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// A file that was read.
#[derive(Debug)]
pub struct SourceFile {
    pub path: String,
    pub bytes: Vec<u8>,
    /// Where each line begins.
    lines: Vec<u32>,
}

/// All files of a configuration, in the order in which they were read first.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// Lines with a secret: the number of the file, and of the line from 0.
    secret_lines: HashSet<(u32, u32)>,
}

impl Sources {
    /// Adds a file. Spans are numbers of 32 bits: larger files are not read.
    pub fn add(&mut self, path: String, bytes: Vec<u8>) -> u32 {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = ends.map(|(index, _)| index as u32 + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        self.files.push(SourceFile { path, bytes, lines });
        (self.files.len() - 1) as u32
    }

    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The comments that accept violations.
    pub fn comments(&self) -> Vec<IgnoreComment> {
        self.files.iter().flat_map(|file| comments::of_file(&file.path, &file.bytes)).collect()
    }

    /// The number of the file with this path.
    pub fn number_of(&self, path: &str) -> Option<u32> {
        self.files.iter().position(|file| file.path == path).map(|index| index as u32)
    }

    /// The bytes of the part.
    pub fn bytes_at(&self, span: Span) -> &[u8] {
        let bytes = self.files.get(span.file as usize).map_or(&[][..], |file| &file.bytes);
        bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// No location shows a line of this part.
    pub fn hide(&mut self, span: Span) {
        let (first, last) =
            (self.line_of(span.file, span.start), self.line_of(span.file, span.end));
        self.secret_lines.extend((first..=last).map(|line| (span.file, line)));
    }

    fn line_of(&self, file: u32, byte: u32) -> u32 {
        let lines = self.files.get(file as usize).map_or(&[][..], |file| &file.lines);
        (lines.partition_point(|start| *start <= byte) as u32).saturating_sub(1)
    }

    /// The place of the part as a person names it.
    pub fn location(&self, span: Span) -> Location {
        let Some(file) = self.files.get(span.file as usize) else {
            return Location {
                file: ServerText::default(),
                line: 1,
                column: 1,
                width: 1,
                text: None,
            };
        };
        let line = self.line_of(span.file, span.start);
        let start = file.lines.get(line as usize).copied().unwrap_or(0) as usize;
        let end = file.lines.get(line as usize + 1).map_or(file.bytes.len(), |next| *next as usize);
        let text = file.bytes.get(start..end).unwrap_or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let before = &text[..(span.start as usize - start).min(text.len())];
        let until = (span.end as usize).saturating_sub(start).clamp(before.len(), text.len());
        let meant = &text[before.len()..until];
        let is_secret = self.secret_lines.contains(&(span.file, line));
        Location {
            file: ServerText::new(&file.path),
            line: line + 1,
            column: characters(before) + 1,
            width: characters(meant).max(1),
            text: (!is_secret).then(|| ServerText::from_bytes(text)),
        }
    }
}

fn characters(bytes: &[u8]) -> u32 {
    String::from_utf8_lossy(bytes).chars().count() as u32
}
