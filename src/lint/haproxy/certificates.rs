//! The certificates of a listener, as far as their files are there to be read.

use x509_parser::pem::Pem;
use x509_parser::prelude::GeneralName;

use super::follow::Around;
use super::index::{Bind, Index};
use crate::lint::files::FileProblem;
use crate::lint::source::Span;

/// The largest file with a certificate, its chain and its key.
const LARGEST: usize = 1024 * 1024;
/// The most files of a directory or list.
const MOST_FILES: usize = 1_000;

/// A file of `crt` or `crt-list`.
#[derive(Debug)]
struct CertificateFile {
    path: String,
    at: Span,
    /// `None`: not read here.
    names: Option<Vec<String>>,
}

/// The certificates of a listener, in their order.
#[derive(Debug)]
pub struct Certificates {
    files: Vec<CertificateFile>,
    /// Something of them was not read.
    has_more: bool,
}

impl Certificates {
    pub fn new(index: &Index<'_>, bind: &Bind<'_>, around: Around<'_>) -> Self {
        let mut all = Self { files: Vec::new(), has_more: false };
        let line = bind.line;
        for position in 2..line.words.len().saturating_sub(1) {
            let word = &line.words[position + 1];
            match line.text(position) {
                _ if word.variable.is_some() => all.has_more = true,
                "crt" => all.add(&full_path(index, &word.text), word.span, None, around),
                "crt-list" => all.add_list(index, &word.text, word.span, around),
                _ => {}
            }
        }
        all
    }

    fn add(&mut self, path: &str, at: Span, filters: Option<Vec<String>>, around: Around<'_>) {
        if self.files.len() >= MOST_FILES {
            self.has_more = true;
            return;
        }
        match around.files.read(path, LARGEST) {
            Ok(bytes) => {
                let names = filters.or_else(|| names_in(&bytes));
                self.files.push(CertificateFile { path: path.to_owned(), at, names });
            }
            Err(FileProblem::NotRegular) => match around.files.list(path) {
                Ok(mut names) => {
                    names.sort_unstable();
                    let skipped = [".key", ".issuer", ".ocsp", ".sctl"];
                    names.retain(|name| {
                        !name.starts_with('.') && !skipped.iter().any(|end| name.ends_with(end))
                    });
                    for name in names.into_iter().take(MOST_FILES) {
                        let path = format!("{}/{name}", path.trim_end_matches('/'));
                        match around.files.read(&path, LARGEST) {
                            Ok(bytes) => {
                                let names = names_in(&bytes);
                                self.files.push(CertificateFile { path, at, names });
                            }
                            Err(_) => self.has_more = true,
                        }
                    }
                }
                Err(_) => self.has_more = true,
            },
            Err(_) => {
                self.files.push(CertificateFile { path: path.to_owned(), at, names: filters });
            }
        }
    }

    /// A list: on each line a file, options in brackets, and names for which it is used.
    fn add_list(&mut self, index: &Index<'_>, path: &str, at: Span, around: Around<'_>) {
        let Ok(bytes) = around.files.read(&around.lists.full_path(path), LARGEST) else {
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
            let names = match rest.strip_prefix('[') {
                Some(inner) => inner.split_once(']').map_or("", |(_, names)| names),
                None => rest,
            };
            let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
            let filters = (!names.is_empty()).then_some(names);
            self.add(&full_path(index, file), at, filters, around);
        }
    }

    /// Whether one of them may be for this name. What was not read may be for any name of a deployment, but for
    /// none that no certificate can have.
    pub fn may_have(&self, name: Option<&str>) -> bool {
        let Some(name) = name else { return false };
        let is_real = !name.ends_with(".invalid");
        let has = |file: &CertificateFile| match &file.names {
            Some(names) => is_for(names, name),
            None => is_real,
        };
        self.files.iter().any(has) || self.has_more && is_real
    }

    /// The file that is used for this name, and where it is named.
    pub fn file_for(&self, name: Option<&str>) -> Option<(String, Span)> {
        let is_known = !self.has_more && self.files.iter().all(|file| file.names.is_some());
        let chosen = match self.files.as_slice() {
            [only] if !self.has_more => Some(only),
            files if is_known => {
                let has = |file: &&CertificateFile| {
                    let names = file.names.as_deref().unwrap_or_default();
                    name.is_some_and(|name| is_for(names, name))
                };
                files.iter().find(has).or(files.first())
            }
            _ => None,
        };
        chosen.map(|file| (file.path.clone(), file.at))
    }
}

pub fn full_path(index: &Index<'_>, path: &str) -> String {
    match index.base("crt-base") {
        Some(base) if !path.starts_with('/') => format!("{base}/{path}"),
        _ => path.to_owned(),
    }
}

/// Whether one of the names of a certificate, or of a filter, is for this one.
fn is_for(names: &[String], wanted: &str) -> bool {
    let wanted = wanted.to_ascii_lowercase();
    let fits = |name: &str| match name.strip_prefix("*.") {
        Some(rest) => wanted.split_once('.').is_some_and(|(_, parent)| parent == rest),
        None => name == "*" || name == wanted,
    };
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let excepts = lower.iter().filter_map(|name| name.strip_prefix('!')).any(|name| name == wanted);
    !excepts && lower.iter().any(|name| fits(name))
}

/// The names of the first certificate of a file: alternative ones, and the common name.
fn names_in(bytes: &[u8]) -> Option<Vec<String>> {
    let pem = Pem::iter_from_buffer(bytes).filter_map(Result::ok);
    let pem = pem.take(10).find(|pem| pem.label == "CERTIFICATE")?;
    let certificate = pem.parse_x509().ok()?;
    let common = certificate.subject().iter_common_name().next();
    let mut names: Vec<String> =
        common.and_then(|name| name.as_str().ok()).map(str::to_owned).into_iter().collect();
    if let Ok(Some(alternative)) = certificate.subject_alternative_name() {
        names.extend(alternative.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        }));
    }
    Some(names)
}
