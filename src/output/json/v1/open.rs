//! Lists that a minor version may extend. Every other list of the report is closed.

use schemars::Schema;
use serde_json::{Value, json};

/// What a value that a later minor version adds looks like.
const WORD: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";

/// Opens a list of words: the words of this version have a description, and any other word is
/// accepted.
pub(super) fn open_words(schema: &mut Schema) {
    let mut words = take_variants(schema);
    words.push(json!({"description": "A word of a later minor version.", "pattern": WORD}));
    schema.insert("type".to_owned(), "string".into());
    schema.insert("anyOf".to_owned(), words.into());
}

/// Opens a list of objects that the word in the field `tag` tells apart: an object with a word of
/// this version must have the fields of that word, and an object with any other word is accepted.
pub(super) fn open_kinds(tag: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| {
        let kinds = take_variants(schema).into_iter().map(|kind| {
            let word = &kind["properties"][tag]["const"];
            json!({"if": {"properties": {(tag): {"const": word}}}, "then": kind})
        });
        let kinds: Vec<Value> = kinds.collect();
        let object = schema.ensure_object();
        object.insert("type".to_owned(), "object".into());
        object.insert("allOf".to_owned(), kinds.into());
        object.entry("properties").or_insert_with(|| json!({}))[tag] = json!({
            "description": "Tells the kinds apart; a later minor version may add kinds.",
            "type": "string",
            "pattern": WORD,
        });
        let required = object.entry("required").or_insert_with(|| json!([]));
        required.as_array_mut().expect("`required` is a list").push(tag.into());
    }
}

/// The variants of an enum, which are then described no more.
fn take_variants(schema: &mut Schema) -> Vec<Value> {
    match schema.remove("oneOf") {
        Some(Value::Array(variants)) => variants,
        Some(_) | None => unreachable!("every variant of an open list has a doc comment"),
    }
}
