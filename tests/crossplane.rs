//! The words of nginx's configuration: what crossplane, a reader by the makers of nginx, finds in the same files
//! (`fixtures/nginx-words/record.py` recorded it).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use ovcheck::lint::files::KnownFiles;
use ovcheck::lint::nginx::tree::{Body, Directive, Tree, read_tree};
use serde_json::{Value, json};

/// A directive as it was recorded: its line, its words, and its block.
fn recorded(tree: &Tree, directive: &Directive) -> Value {
    let words = std::iter::once(&directive.name).chain(&directive.args);
    let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
    let block = match &directive.body {
        Body::Block(inner) => inner.iter().map(|inner| recorded(tree, inner)).collect(),
        // crossplane has the code among the words, from which it is left out.
        Body::Code | Body::None | Body::Unread => Value::Null,
    };
    json!([tree.sources.location(directive.name.span).line, words, block])
}

#[test]
fn words_lines_and_blocks_are_those_of_crossplane() {
    let mut count = 0;
    for entry in std::fs::read_dir("fixtures/nginx-words").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "conf") {
            continue;
        }
        count += 1;
        let expected = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let text = std::fs::read(&path).unwrap();
        let tree = read_tree(path.to_str().unwrap(), &text, &KnownFiles::default());
        let read: Value = tree.directives.iter().map(|it| recorded(&tree, it)).collect();
        assert_eq!(read, expected, "{}", path.display());
    }
    assert_eq!(count, 7);
}
