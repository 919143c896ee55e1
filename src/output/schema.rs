//! The published schema of the JSON report.

use schemars::generate::SchemaSettings;

use super::json::v1;

/// The JSON schema (draft 2020-12) of the report that [`super::json::write`] writes, with a
/// final newline.
pub fn report() -> String {
    let schema = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<v1::Report>();
    let text = serde_json::to_string_pretty(&schema)
        .expect("a schema is made of maps with string keys, lists, strings and numbers");
    text + "\n"
}
