//! The published schema of the JSON report.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RestrictFormats};
use serde_json::Value;

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
