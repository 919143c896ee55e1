//! YAML as a tree of keys and texts with their places; JSON is a part of YAML.
//!
//! All scalars stay texts: what a number is, the program decides that reads the file. An alias stands for
//! a copy of what it names; how many nodes a file may have is limited, so that aliases of aliases end.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

/// The most nodes of a file, copies by aliases included. Those of an installation have a few hundred.
const MOST_NODES: usize = 20_000;

/// The most levels of nesting.
const DEEPEST: usize = 64;

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub place: Place,
    pub content: Content,
}

/// Where a node begins, and where it ends if that is on the same line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bytes of the file.
    pub start: usize,
    pub end: usize,
    /// From 1.
    pub line: usize,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A scalar. `is_quoted`: `""` is a text, and nothing at all is not.
    Scalar {
        text: String,
        is_quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub key_place: Place,
    pub value: Node,
}

/// Why a file is not a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum YamlError {
    /// It is not YAML. The message repeats no text of the file.
    Syntax {
        place: Place,
        message: String,
    },
    TooDeep {
        line: usize,
    },
    TooManyNodes {
        line: usize,
    },
}

/// A key that is twice in one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    pub key: String,
    pub place: Place,
    pub first_line: usize,
}

/// What is in the first document of a file. `None`: nothing.
///
/// # Errors
/// If it is not YAML, nested too deep, or too large.
pub fn read(text: &str) -> Result<(Option<Node>, Vec<Duplicate>), YamlError> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let events = Parser::new_from_str_with_options(text, options);
    let mut builder =
        Builder { events, text, nodes: 0, anchors: HashMap::new(), twice: Vec::new() };
    let root = builder.document()?;
    Ok((root, builder.twice))
}

struct Builder<'a, Events> {
    events: Events,
    text: &'a str,
    nodes: usize,
    anchors: HashMap<usize, Node>,
    twice: Vec<Duplicate>,
}

impl<'a, Events> Builder<'a, Events>
where
    Events: Iterator<Item = Result<(Event<'a>, Span), granit_parser::ScanError>>,
{
    fn next(&mut self) -> Result<Option<(Event<'a>, Place)>, YamlError> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, self.place(&span)))),
            Some(Err(error)) => {
                let mark = error.marker();
                let start = mark.byte_offset().unwrap_or(0);
                let place = Place { start, end: start, line: mark.line().max(1) };
                let kind = error.kind();
                Err(YamlError::Syntax { place, message: kind.to_string() })
            }
        }
    }

    fn place(&self, span: &Span) -> Place {
        let start = span.start.byte_offset().unwrap_or(0).min(self.text.len());
        let end = span.end.byte_offset().unwrap_or(start).clamp(start, self.text.len());
        let first_line = self.text[start..end].find('\n').map_or(end, |at| start + at);
        let end = start + self.text[start..first_line].trim_end().len();
        Place { start, end, line: span.start.line().max(1) }
    }

    fn document(&mut self) -> Result<Option<Node>, YamlError> {
        while let Some((event, place)) = self.next()? {
            match event {
                Event::StreamEnd => return Ok(None),
                Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::MappingStart(..)
                | Event::Alias(_) => {
                    let root = self.node(event, place, 0)?;
                    // What follows in this document may still be wrong.
                    while let Some((event, _)) = self.next()? {
                        if matches!(event, Event::DocumentEnd) {
                            break;
                        }
                    }
                    return Ok(Some(root));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The node that begins with this event.
    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, YamlError> {
        if depth > DEEPEST {
            return Err(YamlError::TooDeep { line: place.line });
        }
        self.count(1, place)?;
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_quoted = style != ScalarStyle::Plain;
                (Content::Scalar { text: text.into_owned(), is_quoted }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => {
                let Some(named) = self.anchors.get(&anchor).cloned() else {
                    let message = "an alias inside of what it names".to_owned();
                    return Err(YamlError::Syntax { place, message });
                };
                self.count(named.size(), place)?;
                if depth + named.depth() > DEEPEST {
                    return Err(YamlError::TooDeep { line: place.line });
                }
                return Ok(named);
            }
            _ => (Content::Scalar { text: String::new(), is_quoted: false }, 0),
        };
        let node = Node { place, content };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, more: usize, place: Place) -> Result<(), YamlError> {
        self.nodes += more;
        if self.nodes > MOST_NODES {
            return Err(YamlError::TooManyNodes { line: place.line });
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut items = Vec::new();
        while let Some((event, place)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.node(event, place, depth + 1)?);
        }
        Ok(Content::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Content, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        while let Some((event, place)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, place, depth + 1)?;
            let Some((event, value_place)) = self.next()? else { break };
            let value = self.node(event, value_place, depth + 1)?;
            let Content::Scalar { text: name, .. } = key.content else {
                let message = "a key that is not a text".to_owned();
                return Err(YamlError::Syntax { place, message });
            };
            if name == "<<" {
                entries.extend(value.merged());
                continue;
            }
            match lines.get(&name) {
                Some(line) => {
                    self.twice.push(Duplicate { key: name.clone(), place, first_line: *line });
                }
                None => {
                    lines.insert(name.clone(), place.line);
                }
            }
            entries.push(Entry { key: name, key_place: place, value });
        }
        Ok(Content::Map(entries))
    }
}

impl Node {
    /// The last entry with this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }

    /// The value of this key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value).filter(|value| !value.is_null())
    }

    /// What is below these keys.
    pub fn below(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The items of the list with this key.
    pub fn list(&self, key: &str) -> &[Self] {
        self.get(key).map_or(&[], Self::items)
    }

    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn is_true(&self) -> bool {
        self.text() == Some("true")
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, is_quoted: false }
            if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// How many nodes it is, with those below.
    fn size(&self) -> usize {
        1 + match &self.content {
            Content::Scalar { .. } => 0,
            Content::List(items) => items.iter().map(Self::size).sum(),
            Content::Map(entries) => entries.iter().map(|it| 1 + it.value.size()).sum(),
        }
    }

    fn depth(&self) -> usize {
        match &self.content {
            Content::Scalar { .. } => 0,
            Content::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Content::Map(entries) => {
                1 + entries.iter().map(|it| it.value.depth()).max().unwrap_or(0)
            }
        }
    }

    /// The entries that a merge key adds: of one mapping, or of each in a list.
    fn merged(self) -> Vec<Entry> {
        match self.content {
            Content::Map(entries) => entries,
            Content::List(items) => items.into_iter().flat_map(Self::merged).collect(),
            Content::Scalar { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All keys down to each scalar, with its line.
    fn flat(text: &str) -> Vec<(String, String, usize)> {
        fn add(node: &Node, path: &str, all: &mut Vec<(String, String, usize)>) {
            match &node.content {
                Content::Scalar { text, .. } => {
                    all.push((path.to_owned(), text.clone(), node.place.line));
                }
                Content::List(items) => {
                    items.iter().for_each(|item| add(item, &format!("{path}[]"), all));
                }
                Content::Map(entries) => {
                    entries
                        .iter()
                        .for_each(|it| add(&it.value, &format!("{path}.{}", it.key), all));
                }
            }
        }
        let mut all = Vec::new();
        let (root, _) = read(text).unwrap();
        root.iter().for_each(|root| add(root, "", &mut all));
        all
    }

    #[test]
    fn a_file_is_a_tree_with_lines() {
        let text =
            "# comment\r\nrtc:\r\n  tcp_port: 7\r\n  ips: [a, 'b']\r\nkeys:\r\n  ? k\r\n  : v\r\n";
        let said: Vec<(String, String, usize)> = [
            (".rtc.tcp_port", "7", 3),
            (".rtc.ips[]", "a", 4),
            (".rtc.ips[]", "b", 4),
            (".keys.k", "v", 7),
        ]
        .map(|(path, text, line)| (path.to_owned(), text.to_owned(), line))
        .to_vec();
        assert_eq!(flat(text), said);
        assert_eq!(flat(""), []);
        assert_eq!(flat("# nothing\n"), []);
    }

    #[test]
    fn the_place_of_a_value_is_its_text() {
        let text = "ä: 1\nturn:\n  domain: \"turn.example\" # x\n";
        let (root, _) = read(text).unwrap();
        let Content::Map(entries) = root.unwrap().content else { panic!("no mapping") };
        let Content::Map(turn) = &entries[1].value.content else { panic!("no mapping") };
        let (key, value) = (turn[0].key_place, turn[0].value.place);
        assert_eq!(&text[key.start..key.end], "domain");
        assert_eq!(&text[value.start..value.end], "\"turn.example\"");
    }

    #[test]
    fn a_key_twice_is_told_and_aliases_are_copied() {
        let text = "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\na: 3\n";
        let (_, twice) = read(text).unwrap();
        assert_eq!((twice[0].key.as_str(), twice[0].place.line, twice[0].first_line), ("a", 6, 1));
        let paths: Vec<String> = flat(text).into_iter().map(|(path, ..)| path).collect();
        assert_eq!(paths, [".a.b", ".c.b", ".d.b", ".d.e", ".a"]);
    }

    /// `caddy adapt --pretty` indents with tabs, and Python with spaces.
    #[test]
    fn json_is_read_however_it_is_indented() {
        let compact = r#"{"apps":{"a":[{"b":":443","c":"x\u00e9\/"},{}],"d":1}}"#;
        let pretty = "{\n\t\"apps\": {\n\t\t\"a\": [\n\t\t\t{\n\t\t\t\t\"b\": \":443\",\n\t\t\t\t\"c\": \"x\\u00e9\\/\"\n\
            \t\t\t},\n\t\t\t{}\n\t\t],\n\t\t\"d\": 1\n\t}\n}\n";
        for text in [compact, pretty] {
            let values: Vec<(String, String)> =
                flat(text).into_iter().map(|(path, text, _)| (path, text)).collect();
            let expected = [(".apps.a[].b", ":443"), (".apps.a[].c", "xé/"), (".apps.d", "1")];
            let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
            assert_eq!(values, expected, "{text}");
        }
    }

    #[test]
    fn bombs_end_at_once() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let names = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{names}]\n"));
        }
        assert!(matches!(read(&bomb), Err(YamlError::TooManyNodes { line: 5 | 6 })));
        let wide = "- x\n".repeat(30_000);
        assert!(matches!(read(&wide), Err(YamlError::TooManyNodes { .. })));
        for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(200)] {
            let error = read(&deep).unwrap_err();
            assert!(matches!(error, YamlError::TooDeep { .. } | YamlError::Syntax { .. }));
        }
        assert!(read("a: &a [*a]\n").is_err());
    }

    #[test]
    fn what_is_not_yaml_has_its_line() {
        for (text, line) in [
            ("a:\n\tb: 2\n", 2),
            ("a: 1\n\tb\n", 1),
            ("a: [1\nb: 2\n", 2),
            ("a: b: c\n", 1),
            ("'a", 1),
        ] {
            let Err(YamlError::Syntax { place, .. }) = read(text) else { panic!("{text}") };
            assert!(place.line >= line, "{text} {}", place.line);
        }
    }
}
