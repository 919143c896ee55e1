//! TOML as the same tree that YAML is read into.

use toml::de::{DeTable, DeValue};

use super::yaml::{Content, Entry, Node, Place};

/// The most nodes of a file.
const MOST_NODES: usize = 20_000;

/// Why a file is not a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TomlError {
    /// It is not TOML.
    Syntax(Place),
    TooManyNodes,
}

/// What is in a file.
///
/// # Errors
/// If it is not TOML, or too large.
pub fn read(text: &str) -> Result<Node, TomlError> {
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        TomlError::Syntax(place(text, span.start, span.end))
    })?;
    let mut builder = Builder { text, nodes: 0 };
    let end = text.len();
    let content = builder.table(table.get_ref())?;
    Ok(Node { place: place(text, 0, end), content })
}

fn place(text: &str, start: usize, end: usize) -> Place {
    let start = start.min(text.len());
    let end = end.clamp(start, text.len());
    let part = text.get(start..end).unwrap_or_default();
    let first_line = part.find('\n').unwrap_or(part.len());
    let width = part.get(..first_line).map_or(0, |line| line.trim_end().len());
    let before = text.get(..start).unwrap_or_default();
    Place { start, end: start + width, line: before.matches('\n').count() + 1 }
}

struct Builder<'t> {
    text: &'t str,
    nodes: usize,
}

impl Builder<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Result<Content, TomlError> {
        let mut entries = Vec::new();
        for (key, value) in table {
            let span = key.span();
            entries.push(Entry {
                key: key.get_ref().to_string(),
                key_place: place(self.text, span.start, span.end),
                value: self.node(value.get_ref(), value.span())?,
            });
        }
        entries.sort_by_key(|entry| entry.key_place.start);
        Ok(Content::Map(entries))
    }

    fn node(
        &mut self,
        value: &DeValue<'_>,
        span: std::ops::Range<usize>,
    ) -> Result<Node, TomlError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(TomlError::TooManyNodes);
        }
        let place = place(self.text, span.start, span.end);
        let content = match value {
            DeValue::String(text) => Content::Scalar { text: text.to_string(), is_quoted: true },
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.node(item.get_ref(), item.span()));
                Content::List(items.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => self.table(table)?,
            _ => {
                let text = self.text.get(span).unwrap_or_default();
                Content::Scalar { text: text.to_owned(), is_quoted: false }
            }
        };
        Ok(Node { place, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_tree_with_places() {
        let text = "[tcp.routers.turn]\n  rule = \"HostSNI(`a`)\"\n  entryPoints = ['x', \"y\"]\n  priority = 5\n\
            [[tls.certificates]]\n  certFile = \"a.pem\"\n";
        let root = read(text).unwrap();
        let router = root.below(&["tcp", "routers", "turn"]).unwrap();
        let rule = router.get("rule").unwrap();
        assert_eq!(rule.text(), Some("HostSNI(`a`)"));
        assert_eq!(&text[rule.place.start..rule.place.end], "\"HostSNI(`a`)\"");
        assert_eq!(rule.place.line, 2);
        let names: Vec<_> = router.list("entryPoints").iter().filter_map(Node::text).collect();
        assert_eq!(names, ["x", "y"]);
        assert_eq!(router.get("priority").and_then(Node::text), Some("5"));
        let pairs = root.below(&["tls", "certificates"]).unwrap();
        assert_eq!(pairs.items()[0].get("certFile").and_then(Node::text), Some("a.pem"));
    }

    #[test]
    fn what_is_not_toml_has_its_line() {
        for (text, line) in [("a = 1\nb =\n", 2), ("a = 1\na = 2\n", 2), ("[a\n", 1)] {
            let Err(TomlError::Syntax(place)) = read(text) else { panic!("{text}") };
            assert_eq!(place.line, line, "{text}");
        }
        let wide = format!("a = [{}]", "1,".repeat(30_000));
        assert_eq!(read(&wide), Err(TomlError::TooManyNodes));
        assert!(read(&format!("a = {}", "[".repeat(100_000))).is_err());
    }
}
