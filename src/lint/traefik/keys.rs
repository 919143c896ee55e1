//! Keys that Traefik knows, and what their values may be. With any other, it does not load a file at all.

use std::collections::HashMap;

use super::config::Part;
use crate::lint::source::Span;
use crate::lint::way::go_duration;
use crate::lint::yaml::Content;
use crate::model::facts::{ProxyFaultKind, ServerText};

/// A line for each structure: its name, and `key:kind` of each field. `s` text, `b` boolean, `i` and `u` numbers, `f`
/// fraction, `d` duration, `*` anything, `-` not read from a file, `[x]` list, `{x}` mapping of names, otherwise the name
/// of a structure; `?` before it: it may be empty.
const KEYS: &str = include_str!("keys.txt");

/// Which configuration a key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// What Traefik reads when it starts.
    Static,
    /// What the file provider reads while it runs.
    Dynamic,
}

/// The structures that Traefik fills.
pub struct KnownKeys {
    structures: HashMap<&'static str, Vec<Field>>,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    key: &'static str,
    kind: &'static str,
    takes_nothing: bool,
}

impl KnownKeys {
    pub fn new() -> Self {
        let lines = KEYS.lines().filter(|line| !line.starts_with('#'));
        let structures = lines.filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let field = |word: &'static str| {
                let (key, kind) = word.split_once(':')?;
                let (kind, takes_nothing) = match kind.strip_prefix('?') {
                    Some(kind) => (kind, true),
                    None => (kind, false),
                };
                Some(Field { key, kind, takes_nothing })
            };
            Some((name, words.filter_map(field).collect()))
        });
        Self { structures: structures.collect() }
    }

    fn field(&self, structure: &str, key: &str) -> Option<Field> {
        let fields = self.structures.get(structure)?;
        fields.iter().find(|field| field.key.eq_ignore_ascii_case(key)).copied()
    }

    /// The parts of a file that are of this configuration: Traefik passes over other keys at its beginning.
    pub fn sections<'t>(&self, root: Part<'t>, realm: Realm) -> Vec<(&'t str, Part<'t>)> {
        let entries = root.entries().filter(|(key, ..)| self.field(realm.name(), key).is_some());
        entries.map(|(key, _, part)| (key, part)).collect()
    }

    /// Why Traefik does not load this part of a file.
    pub fn faults(&self, root: Part<'_>, realm: Realm) -> Vec<(Span, ProxyFaultKind)> {
        let mut faults = Vec::new();
        for (key, at, part) in root.entries() {
            if let Some(field) = self.field(realm.name(), key) {
                self.check(field, (key, at), part, &mut faults);
            }
        }
        faults
    }

    fn check(
        &self,
        field: Field,
        (key, at): (&str, Span),
        part: Part<'_>,
        faults: &mut Vec<(Span, ProxyFaultKind)>,
    ) {
        let name = || ServerText::new(key);
        let mut wrong = |at: Span, what: ProxyFaultKind| faults.push((at, what));
        let is_mapping = matches!(part.node.content, Content::Map(_));
        let is_list = matches!(part.node.content, Content::List(_));
        let text = part.text().unwrap_or_default();
        let is_one = |fits: bool| fits && !is_mapping && !is_list;
        match field.kind {
            "*" | "-" => {}
            "s" if is_mapping => wrong(part.at(), ProxyFaultKind::InvalidValue(name())),
            "s" => {}
            "b" | "i" | "u" | "f" | "d" => {
                let fits = match field.kind {
                    "b" => parse_bool(text).is_some(),
                    "i" => text.parse::<i64>().is_ok(),
                    "u" => text.parse::<u64>().is_ok(),
                    "f" => text.parse::<f64>().is_ok(),
                    _ => is_duration(text),
                };
                if !is_one(fits) {
                    wrong(part.at(), ProxyFaultKind::InvalidValue(name()));
                }
            }
            kind => {
                if let Some(inner) = within(kind, '[', ']') {
                    self.check_items(inner, name(), part, faults);
                    return;
                }
                if is_list {
                    wrong(part.at(), ProxyFaultKind::InvalidValue(name()));
                    return;
                }
                let is_empty = part.entries().next().is_none();
                if is_empty && !field.takes_nothing {
                    wrong(at, ProxyFaultKind::BlockMissing(name()));
                    return;
                }
                match within(kind, '{', '}') {
                    Some(inner) if self.structures.contains_key(inner) => {
                        for (.., value) in part.entries() {
                            self.check_fields(inner, value, faults);
                        }
                    }
                    Some(_) => {}
                    None => self.check_fields(kind, part, faults),
                }
            }
        }
    }

    fn check_items(
        &self,
        inner: &str,
        name: ServerText,
        part: Part<'_>,
        faults: &mut Vec<(Span, ProxyFaultKind)>,
    ) {
        if matches!(part.node.content, Content::Map(_)) {
            faults.push((part.at(), ProxyFaultKind::InvalidValue(name)));
            return;
        }
        let is_structure = self.structures.contains_key(inner);
        for item in part.items() {
            match item.node.content {
                Content::Map(_) if is_structure => self.check_fields(inner, item, faults),
                Content::Scalar { .. } => {}
                _ => faults.push((item.at(), ProxyFaultKind::InvalidValue(name.clone()))),
            }
        }
    }

    fn check_fields(
        &self,
        structure: &str,
        part: Part<'_>,
        faults: &mut Vec<(Span, ProxyFaultKind)>,
    ) {
        for (key, at, value) in part.entries() {
            match self.field(structure, key) {
                Some(field) => self.check(field, (key, at), value, faults),
                None => faults.push((at, ProxyFaultKind::UnknownDirective(ServerText::new(key)))),
            }
        }
    }
}

impl Realm {
    fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

fn within(kind: &str, open: char, close: char) -> Option<&str> {
    kind.strip_prefix(open)?.strip_suffix(close)
}

/// `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Whether it is seconds, or a duration of Go, of which units below a millisecond are not needed here.
fn is_duration(text: &str) -> bool {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    let ends_small = ["ns", "us", "µs"].iter().any(|unit| bare.ends_with(unit));
    text.parse::<i64>().is_ok()
        || !bare.is_empty() && (ends_small || !bare.contains('d') && go_duration(bare).is_some())
}
