//! The published schema of the JSON report.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RestrictFormats};
use serde_json::{Value, json};

use super::json::v1;

/// The JSON schema (draft 2020-12) of the report that [`super::json::write`] writes, with a
/// final newline.
pub fn report() -> String {
    let schema = SchemaSettings::draft2020_12()
        .for_serialize()
        // Validators refuse formats of their authors' own, such as `uint16`.
        .with_transform(RestrictFormats::default())
        .with_transform(RecursiveTransform(allow_more_fields))
        .with_transform(RecursiveTransform(join_lines))
        .into_generator()
        .into_root_schema_for::<v1::ReportV1>();
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}

/// The JSON schema of a waivers file, for editors that check and complete TOML, with a final newline.
pub fn waivers() -> String {
    let text =
        |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ovcheck:schema:waivers:1.0",
        "title": "ovcheck waivers",
        "description": "Violations that are accepted until a date (docs/gating.md).",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "waiver": {
                "description": "One entry for each accepted violation.",
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["reason", "until"],
                    "anyOf": [{"required": ["fingerprint"]}, {"required": ["rule", "target"]}],
                    "properties": {
                        "fingerprint": {
                            "description": "The fingerprint of the finding.",
                            "type": "string",
                            "pattern": "^(sha256:)?[0-9a-fA-F]{32}$",
                        },
                        "rule": {
                            "description": "The id of the rule.",
                            "type": "string",
                            "pattern": "^[a-z0-9-]+/[a-z0-9-]+$",
                        },
                        "target": text("The targets of the rule; * stands for any text."),
                        "reason": text("Why the violation is accepted."),
                        "owner": text("Who answers for it."),
                        "until": {
                            "description": "The last day on which it holds, in UTC: 2027-01-31, with or \
                                            without quotation marks.",
                            "type": "string",
                            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                        },
                    },
                },
            },
        },
    });
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}

/// schemars closes the objects that stand for a variant; a minor version may add to them too.
fn allow_more_fields(schema: &mut Schema) {
    schema.remove("additionalProperties");
}

/// Doc comments are broken into lines; a description has paragraphs only.
fn join_lines(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        let paragraphs = description.split("\n\n").map(|text| text.replace('\n', " "));
        *description = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}
