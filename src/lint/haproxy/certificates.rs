//! The certificates of a listener, as far as their files are there to be read.

use std::rc::Rc;

use super::follow::Around;
use super::index::{Bind, Index};
use super::lexer::Word;
use crate::lint::certificates::NamedPath;
use crate::lint::files::FileProblem;
use crate::lint::source::Span;
use crate::model::facts::CertificateFile;

/// The largest list of certificates.
const LARGEST: usize = 1024 * 1024;
/// The most files of a directory or list.
const MOST_FILES: usize = 1_000;

/// A file of `crt` or `crt-list`.
#[derive(Debug)]
pub struct OwnFile {
    pub path: String,
    pub at: Span,
    pub file: Rc<CertificateFile>,
    /// For which names it is used. `None`: it was not read here.
    names: Option<Vec<String>>,
    /// What a list says of TLS with this certificate, in place of the listener.
    pub options: Vec<String>,
}

/// The certificates of a listener, in their order.
#[derive(Debug)]
pub struct Certificates {
    pub files: Vec<OwnFile>,
    /// Something of them was not read.
    has_more: bool,
}

/// A file as it is named: in a line, or in a list.
struct Entry<'a> {
    name: &'a str,
    at: Span,
    filters: Option<Vec<String>>,
    options: Vec<String>,
}

impl<'a> Entry<'a> {
    fn new(name: &'a str, at: Span) -> Self {
        Self { name, at, filters: None, options: Vec::new() }
    }
}

impl Certificates {
    pub fn new(index: &Index<'_>, bind: &Bind<'_>, around: Around<'_>) -> Self {
        let mut all = Self { files: Vec::new(), has_more: false };
        let line = bind.line;
        for position in 2..line.words.len().saturating_sub(1) {
            let word = &line.words[position + 1];
            match line.text(position) {
                _ if word.variable.is_some() => all.has_more = true,
                "crt" => all.add(index, Entry::new(&word.text, word.span), around),
                "crt-list" => all.add_list(index, word, around),
                _ => {}
            }
        }
        all
    }

    fn add(&mut self, index: &Index<'_>, entry: Entry<'_>, around: Around<'_>) {
        // In a `crt-store`, which is a section of its own.
        let is_of_store = entry.name.starts_with('@');
        if self.files.len() >= MOST_FILES || is_of_store {
            self.has_more = true;
            return;
        }
        let path = full_path(index, entry.name);
        if around.files.read(&path, LARGEST) != Err(FileProblem::NotRegular) {
            return self.add_file(index, Entry { name: &path, ..entry }, around);
        }
        let Ok(mut names) = around.files.list(&path) else {
            self.has_more = true;
            return;
        };
        names.sort_unstable();
        let skipped = [".key", ".issuer", ".ocsp", ".sctl"];
        names.retain(|name| {
            !name.starts_with('.') && !skipped.iter().any(|end| name.ends_with(end))
        });
        self.has_more |= names.len() > MOST_FILES;
        for name in names.into_iter().take(MOST_FILES) {
            let path = format!("{}/{name}", path.trim_end_matches('/'));
            self.add_file(index, Entry::new(&path, entry.at), around);
        }
    }

    fn add_file(&mut self, index: &Index<'_>, entry: Entry<'_>, around: Around<'_>) {
        let Entry { name: path, at, filters, options } = entry;
        let named = |path: &str| NamedPath {
            path: path.to_owned(),
            at: index.configuration.sources.location(at),
        };
        // The key is in the same file, or beside it.
        let beside = format!("{path}.key");
        let is_beside =
            around.certificates.lacks_key(path) && around.files.read(&beside, LARGEST).is_ok();
        let key = named(if is_beside { &beside } else { path });
        // HAProxy reads all of them before it gives up its rights.
        let file = around.certificates.read(&named(path), Some(&key), false);
        let names = filters.or_else(|| around.certificates.names(path));
        self.files.push(OwnFile { path: path.to_owned(), at, file, names, options });
    }

    /// A list: on each line a file, options in brackets, and names for which it is used.
    fn add_list(&mut self, index: &Index<'_>, list: &Word, around: Around<'_>) {
        let Ok(bytes) = around.files.read(&around.lists.full_path(&list.text), LARGEST) else {
            self.has_more = true;
            return;
        };
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (file, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let rest = rest.trim_start();
            let in_brackets = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
            let (options, names) = in_brackets.unwrap_or(("", rest));
            let words = |text: &str| -> Vec<String> {
                text.split_whitespace().map(str::to_owned).collect()
            };
            let names = words(names);
            let filters = (!names.is_empty()).then_some(names);
            let options = words(options);
            self.add(index, Entry { name: file, at: list.span, filters, options }, around);
        }
    }

    /// Whether one of them may be for this name. What was not read may be for any name of a deployment, but for
    /// none that no certificate can have.
    pub fn may_have(&self, name: Option<&str>) -> bool {
        let Some(name) = name else { return false };
        let is_real = !name.ends_with(".invalid");
        let has = |file: &OwnFile| match &file.names {
            Some(names) => fit(names, name).is_some(),
            None => is_real,
        };
        self.files.iter().any(has) || self.has_more && is_real
    }

    /// The file that is used for this name: one with the name itself, else one with a wildcard, else the first.
    pub fn file_for(&self, name: Option<&str>) -> Option<&OwnFile> {
        let is_known = !self.has_more && self.files.iter().all(|file| file.names.is_some());
        match self.files.as_slice() {
            [only] if !self.has_more => Some(only),
            files if is_known => {
                let fitting = |wanted: Fit| {
                    files.iter().find(|file| {
                        let names = file.names.as_deref().unwrap_or_default();
                        name.is_some_and(|name| fit(names, name) == Some(wanted))
                    })
                };
                fitting(Fit::Itself).or_else(|| fitting(Fit::Wildcard)).or(files.first())
            }
            _ => None,
        }
    }
}

pub fn full_path(index: &Index<'_>, path: &str) -> String {
    match index.base("crt-base") {
        Some(base) if !path.starts_with('/') => format!("{base}/{path}"),
        _ => path.to_owned(),
    }
}

/// How a certificate is for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Itself,
    Wildcard,
}

/// How one of the names of a certificate, or of a filter, is for this one.
fn fit(names: &[String], wanted: &str) -> Option<Fit> {
    let wanted = wanted.to_ascii_lowercase();
    let is_wildcard = |name: &str| match name.strip_prefix("*.") {
        Some(rest) => wanted.split_once('.').is_some_and(|(_, parent)| parent == rest),
        None => name == "*",
    };
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    if lower.iter().any(|name| name.strip_prefix('!') == Some(&wanted)) {
        return None;
    }
    let is_itself = lower.contains(&wanted);
    let by_wildcard = lower.iter().any(|name| is_wildcard(name));
    is_itself.then_some(Fit::Itself).or(by_wildcard.then_some(Fit::Wildcard))
}
