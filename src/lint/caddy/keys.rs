//! Keys that Caddy knows. With any other, it does not start (`caddy.StrictUnmarshalJSON`).

use std::collections::HashMap;

use super::config::{span, span_of};
use crate::lint::source::Span;
use crate::lint::yaml::{Content, Entry, Node};
use crate::model::facts::{ProxyFaultKind, ServerText};

/// A line for each structure: its name, and its keys, each with the structure of its value, if that is looked at: `X`,
/// `[X]` a list, `{X}` a mapping of names. A structure with a point is a module: the item says which one it is. `...`:
/// other modules have other keys.
const KEYS: &str = include_str!("keys.txt");

/// The key of a list of modules that says which one an item is.
const INLINE: &str = "handler";

/// Where nothing is said about the keys, as in a module of a plugin.
const OPEN: &str = "...";

struct KnownKeys {
    structures: HashMap<&'static str, Vec<&'static str>>,
}

/// The keys that Caddy does not know, in the order of the text.
pub fn unknown_keys(root: &Node) -> Vec<(Span, ProxyFaultKind)> {
    let lines = KEYS.lines().filter(|line| !line.starts_with('#'));
    let structures = lines.filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.collect()))
    });
    let keys = KnownKeys { structures: structures.collect() };
    let mut found = Vec::new();
    keys.check("root", root, &mut found);
    found
}

impl KnownKeys {
    fn check(&self, structure: &str, node: &Node, found: &mut Vec<(Span, ProxyFaultKind)>) {
        let Some(known) = self.structures.get(structure) else { return };
        for entry in node.entries() {
            // Caddy takes names of its own for parts (`@id`), and its reader of YAML drops what begins with `x-`.
            let is_note = entry.key == "@id" || structure == "root" && entry.key.starts_with("x-");
            let key_of = |word: &&&str| {
                word.split(':').next().is_some_and(|key| key.eq_ignore_ascii_case(&entry.key))
            };
            match known.iter().find(key_of) {
                Some(word) => self.check_value(word, entry, found),
                None if is_note || known.contains(&OPEN) => {}
                None => {
                    let what = ProxyFaultKind::UnknownDirective(ServerText::new(&entry.key));
                    found.push((span(entry.key_place), what));
                }
            }
        }
    }

    fn check_value(&self, word: &str, entry: &Entry, found: &mut Vec<(Span, ProxyFaultKind)>) {
        let Some((_, kind)) = word.split_once(':') else { return };
        let within = |open, close| kind.strip_prefix(open).and_then(|it| it.strip_suffix(close));
        if let Some(inner) = within('[', ']') {
            for item in entry.value.items() {
                let module = item.get(INLINE).and_then(Node::text).unwrap_or_default();
                match inner.contains('.') {
                    true => self.check(&[inner, ".", module].concat(), item, found),
                    false => self.check(inner, item, found),
                }
            }
        } else if let Some(inner) = within('{', '}') {
            entry.value.entries().iter().for_each(|it| self.check(inner, &it.value, found));
        } else if matches!(entry.value.content, Content::Map(_)) {
            self.check(kind, &entry.value, found);
        } else if matches!(entry.value.content, Content::List(_)) {
            // It takes a mapping only.
            let what = ProxyFaultKind::InvalidValue(ServerText::new(&entry.key));
            found.push((span_of(&entry.value), what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::yaml;

    #[test]
    fn keys_are_known_by_the_structure_that_they_are_in() {
        let unknown = |text: &str| -> Vec<String> {
            let root = yaml::read(text).unwrap().0.unwrap();
            let found = unknown_keys(&root).into_iter();
            let name = |what| match what {
                ProxyFaultKind::UnknownDirective(name) => name.unquoted().to_owned(),
                other => format!("{other:?}"),
            };
            found.map(|(_, what)| name(what)).collect()
        };
        let layer4 = |server: &str| format!("apps: {{layer4: {{servers: {{a: {{{server}}}}}}}}}");
        let handler = |handler: &str| layer4(&format!("routes: [{{handle: [{{{handler}}}]}}]"));
        for (text, expected) in [
            (layer4("listen: [':443'], Routes: [], '@id': x"), vec![]),
            (layer4("listen: [':443'], route: []"), vec!["route"]),
            (handler("handler: proxy, upstreams: [{dial: [a], tls: {}}]"), vec![]),
            (handler("handler: proxy, upstream: []"), vec!["upstream"]),
            (handler("handler: proxy, upstreams: [{address: a}]"), vec!["address"]),
            (handler("handler: tls, alpn: [h2]"), vec!["alpn"]),
            (handler("handler: of_a_plugin, anything: 1"), vec![]),
            (
                "apps: {http: {servers: {a: {automatic_https: {disabled: true}}}}}".to_owned(),
                vec!["disabled"],
            ),
            ("apps: {events: {a: 1}}\nx-note: 1\nlog: {}".to_owned(), vec!["log"]),
        ] {
            assert_eq!(unknown(&text), expected, "{text}");
        }
    }
}
