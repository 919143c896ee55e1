//! Stand-ins for names: those of the DNS, and those that people gave to nodes and vantage points.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::deployment::NodeRole;
use crate::model::name::DomainName;
use crate::model::plan::LeftOut;
use crate::model::report::Report;
use crate::model::word_list::WordList;

/// Where a text that is nothing but the name of a node is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WholeWords {
    Everywhere,
    /// Only in the fields that hold the name of a node.
    WhereNodesAreNamed,
}

/// The fields that hold the name of a node, of several, or of a vantage point.
const OF_NODES: &[&str] =
    &["node", "name", "stands_on", "nodes", "label", "vantage", "host", "Machine"];

/// The parts of a report in which a whole text that looks like a domain name is one.
const WITH_NAMES: &[&str] =
    &["deployment", "observations", "findings", "call", "vantage", "vantages", "overview"];

/// The fields with texts of rules, in which files are named as names are.
const WITHOUT_NAMES: &[&str] = &["remedy", "means", "title", "source", "expected"];

/// Every name with its stand-in.
#[derive(Debug, Default)]
pub(super) struct NameStandIns {
    domains: BTreeMap<String, String>,
    /// The domains in which every name is replaced.
    inside: Vec<String>,
    /// Names without a dot.
    words: BTreeMap<String, String>,
}

impl NameStandIns {
    /// The stand-ins for the names in a report and in its data.
    pub fn of(report: &Report, value: &Value) -> Self {
        let mut names = Self::default();
        let deployment = &report.deployment;
        let own = std::iter::once(&deployment.domain).chain(&deployment.turn_domain);
        let given = report.context.options.resolve.iter().map(|resolve| &resolve.name);
        for name in own.chain(given) {
            names.add_domain(name.as_str());
            names.add_inside(name);
        }
        for part in WITH_NAMES {
            names.add_all(&value[part]);
        }
        for node in &deployment.nodes {
            if !is_plain(node.name.as_str()) {
                let number = names.words.len() + 1;
                names.words.entry(node.name.to_string()).or_insert(format!("node-{number}"));
            }
        }
        // The name that stands for several vantages is made of theirs.
        let single = report.vantages.is_empty().then_some(&report.vantage.name);
        for name in single.into_iter().flatten() {
            names.words.entry(name.clone()).or_insert("vantage-1".to_owned());
        }
        for (place, run) in report.vantages.iter().enumerate() {
            let Some(name) = &run.vantage.name else { continue };
            for words in [name, &run.label] {
                names.words.entry(words.clone()).or_insert(format!("vantage-{}", place + 1));
            }
        }
        let missing = report.not_tested.iter().filter_map(|left_out| match left_out {
            LeftOut::VantageMissing { host, .. } => Some(host.as_str()),
            _ => None,
        });
        for (place, host) in missing.enumerate() {
            // The user of a login says nothing that a report needs.
            names.words.entry(host.to_owned()).or_insert(format!("host-{}", place + 1));
        }
        let proxies = [&report.vantage.http_proxy, &report.context.options.http_proxy];
        for proxy in proxies.into_iter().flatten() {
            let host = proxy.rsplit_once(':').map_or(proxy.as_str(), |(host, _)| host);
            let is_word = !host.contains(['.', ':']);
            if is_word {
                names.words.entry(host.to_owned()).or_insert("http-proxy".to_owned());
            } else if host.parse::<DomainName>().is_ok() {
                names.add_domain(host);
            }
        }
        names
    }

    fn add_domain(&mut self, name: &str) {
        let number = self.domains.len() + 1;
        self.domains.entry(name.to_lowercase()).or_insert(format!("name-{number}.example"));
    }

    /// Also other names in the domain of the deployment are its own.
    fn add_inside(&mut self, name: &DomainName) {
        let parent = name.parent();
        self.inside.push(format!(".{name}"));
        if parent.contains('.') {
            self.inside.push(format!(".{parent}"));
        }
    }

    /// Adds every text that is a domain name.
    fn add_all(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                // Certificates are for all names of a domain, too.
                let text = text.strip_prefix("*.").unwrap_or(text);
                if is_domain(text) {
                    self.add_domain(text);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_all(item)),
            Value::Object(fields) => fields
                .iter()
                .filter(|(key, _)| !WITHOUT_NAMES.contains(&key.as_str()))
                .for_each(|(_, field)| self.add_all(field)),
            _ => {}
        }
    }

    /// The text with the stand-ins of all names in it.
    pub fn in_text(&self, key: &str, text: &str, whole: WholeWords) -> String {
        if let Some(stand_in) = self.words.get(text) {
            let is_named = whole == WholeWords::Everywhere || OF_NODES.contains(&key);
            return if is_named { stand_in.clone() } else { text.to_owned() };
        }
        let mut rewritten = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            let is_path = rewritten.ends_with('/') || behind.starts_with('/');
            rewritten.push_str(&self.in_word(word, is_path));
            let next = behind.chars().next().map_or(0, char::len_utf8);
            rewritten.push_str(&behind[..next]);
            rest = &behind[next..];
        }
        rewritten
    }

    fn in_word(&self, word: &str, is_path: bool) -> String {
        let inner = word.trim_matches(['.', '-', '_']);
        let stand_in = match inner.contains('.') {
            true => self.of_domain(&inner.to_lowercase()),
            // `dns/…` is a rule, whatever a node is called.
            false if is_path => None,
            false => self.words.get(inner).cloned(),
        };
        match stand_in {
            Some(stand_in) => word.replacen(inner, &stand_in, 1),
            None => word.to_owned(),
        }
    }

    fn of_domain(&self, name: &str) -> Option<String> {
        if let Some(stand_in) = self.domains.get(name) {
            return Some(stand_in.clone());
        }
        let dotted = format!(".{name}");
        let inside = self.inside.iter().find(|inside| dotted.ends_with(inside.as_str()))?;
        let of_inside = self.inside.iter().position(|other| other == inside)? + 1;
        let below = dotted.len() > inside.len();
        Some(if below {
            format!("other.domain-{of_inside}.example")
        } else {
            format!("domain-{of_inside}.example")
        })
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// Whether a text is a domain name whose last label is a word.
fn is_domain(text: &str) -> bool {
    let top = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_word = top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_word || top.starts_with("xn--")) && text.parse::<DomainName>().is_ok()
}

/// Whether the name of a node says no more than its role: `proxy`, `media-1`.
fn is_plain(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    NodeRole::all().iter().any(|role| role.word() == stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_in_sentences_and_commands() {
        let mut names = NameStandIns::default();
        for name in ["openvidu.corp.example.io", "turn.corp.example.io"] {
            names.add_domain(name);
            names.add_inside(&name.parse().unwrap());
        }
        names.words.insert("berlin".to_owned(), "node-1".to_owned());
        let table = [
            ("openvidu.corp.example.io", "name-1.example"),
            ("OpenVidu.Corp.Example.IO.", "name-1.example."),
            ("https://turn.corp.example.io:443/x", "https://name-2.example:443/x"),
            ("*.corp.example.io", "*.domain-2.example"),
            ("mail.corp.example.io", "other.domain-2.example"),
            ("On berlin: open UDP 443 (berlin).", "On node-1: open UDP 443 (node-1)."),
            ("berlin", "node-1"),
            ("berlin/domain-resolves", "berlin/domain-resolves"),
            ("berliner berlin-2", "berliner berlin-2"),
            ("nginx.conf, openvidu.env, nginx/1.24.0", "nginx.conf, openvidu.env, nginx/1.24.0"),
        ];
        for (text, expected) in table {
            assert_eq!(names.in_text("seen", text, WholeWords::Everywhere), expected);
        }
        let only = WholeWords::WhereNodesAreNamed;
        assert_eq!(names.in_text("role", "berlin", only), "berlin");
        assert_eq!(names.in_text("node", "berlin", only), "node-1");
    }

    #[test]
    fn the_name_of_a_role_says_nothing() {
        for plain in ["proxy", "openvidu", "media-1", "master-12", "media"] {
            assert!(is_plain(plain), "{plain}");
        }
        for name in ["berlin", "media-berlin", "m1"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
