//! What is looked at in every configuration that is a tree of nodes.

use super::source::{Sources, Span};
use super::way::placeholder;
use super::yaml::Node;
use crate::model::facts::{ProxyRemark, ProxyRemarkKind, ServerText};

/// The most remarks about a configuration that are kept.
const MOST_REMARKS: usize = 1_000;

/// Parts of keys whose values are secrets.
const SECRET: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "account_key",
    "mac_key",
    "authorization",
    "cookie",
];

/// Lines with secrets are named and not shown: those of `SECRET`, and of `more` keys in lower case.
pub fn hide_secrets(node: &Node, file: u32, more: &[&str], sources: &mut Sources) {
    for entry in node.entries() {
        let key = entry.key.to_ascii_lowercase();
        if SECRET.iter().any(|part| key.contains(part))
            || key == "load_pem"
            || more.contains(&key.as_str())
        {
            hide_all(&entry.value, file, sources);
        }
        hide_secrets(&entry.value, file, more, sources);
    }
    node.items().iter().for_each(|item| hide_secrets(item, file, more, sources));
}

fn hide_all(node: &Node, file: u32, sources: &mut Sources) {
    sources.hide(Span::of(file, node.place));
    node.entries().iter().for_each(|entry| hide_all(&entry.value, file, sources));
    node.items().iter().for_each(|item| hide_all(item, file, sources));
}

/// Words of a template in any text.
pub fn templates(node: &Node, file: u32, found: &mut Vec<(Span, ProxyRemarkKind)>) {
    if let Some(template) = node.text().and_then(placeholder) {
        found.push((Span::of(file, node.place), ProxyRemarkKind::Placeholder(template)));
    }
    node.entries().iter().for_each(|entry| templates(&entry.value, file, found));
    node.items().iter().for_each(|item| templates(item, file, found));
}

/// A name that OpenVidu's guide uses as an example.
pub fn example_name(name: &str) -> Option<ProxyRemarkKind> {
    const OF_GUIDE: &str = ".example.io";
    let name = name.to_ascii_lowercase();
    name.ends_with(OF_GUIDE).then(|| ProxyRemarkKind::ExampleName(ServerText::new(&name)))
}

/// Remarks in the order of the text, each once.
pub fn remarks(mut found: Vec<(Span, ProxyRemarkKind)>, sources: &Sources) -> Vec<ProxyRemark> {
    found.sort_by_key(|(at, _)| (at.file, at.start));
    found.dedup();
    found.truncate(MOST_REMARKS);
    let remark = |(at, what)| ProxyRemark { at: sources.location(at), what };
    found.into_iter().map(remark).collect()
}
