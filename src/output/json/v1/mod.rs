//! Version 1 of the JSON report, a shape of its own: a change of the model reaches a reader only
//! where it is written down here.
//!
//! A minor version only adds: fields, and values of the lists that are marked with `open_words` or
//! `open_kinds`. An incompatible change is a `v2` beside this folder. If a closed list has no word
//! for a new value of the model, the report shows the nearest word that it has.

mod asked;
mod call;
mod configuration;
mod context;
mod facts;
mod finding;
mod observation;
mod open;
mod publish;
mod remedy;
mod report;
mod target;
mod values;
mod waiver;
mod words;

pub use report::ReportV1;

/// The version that a report says it has. Readers check the number before the dot.
pub const SCHEMA_VERSION: &str = "1.0";

/// The name of the schema; it is not an address to fetch it from.
const SCHEMA_ID: &str = "urn:ovcheck:schema:report:1.0";
