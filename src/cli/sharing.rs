//! `--redact`: reports that leave the house.

use super::terminal::OUTPUT;
use crate::config::value::word_parser;
use crate::model::context::Redaction;
use crate::model::report::Report;
use crate::redact;

/// What a report does not name.
#[derive(Debug, clap::Args)]
pub struct Sharing {
    /// Replace names, addresses or both by stand-ins, the same in every format: names,addresses
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = word_parser::<Redaction>(),
        help_heading = OUTPUT)]
    redact: Vec<Redaction>,
}

impl Sharing {
    /// The report as it leaves the house.
    pub fn apply(&self, report: Report) -> Report {
        redact::redact(report, &self.redact)
    }
}
