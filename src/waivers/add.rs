//! A new entry at the end of a waivers file.

use std::fmt::Write;

use crate::model::fingerprint::Fingerprint;
use crate::model::timestamp::Date;

/// What `ovcheck waive` adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWaiver {
    pub fingerprint: Fingerprint,
    pub reason: String,
    pub owner: Option<String>,
    pub until: Date,
}

/// The text of the file with the entry at its end. What is there, comments too, stays as it is.
pub fn with_entry(text: &str, new: &NewWaiver) -> String {
    let NewWaiver { fingerprint, reason, owner, until } = new;
    let mut text = text.to_owned();
    if !text.is_empty() {
        let missing = if text.ends_with('\n') { "\n" } else { "\n\n" };
        text.push_str(missing);
    }
    let quoted = |words: &str| toml::Value::String(words.to_owned()).to_string();
    let owner =
        owner.as_ref().map_or(String::new(), |owner| format!("owner = {}\n", quoted(owner)));
    write!(
        text,
        "[[waiver]]\nfingerprint = \"{fingerprint}\"\nreason = {}\n{owner}until = {until}\n",
        quoted(reason)
    )
    .expect("a string takes everything that is written to it");
    text
}
