//! The demand of a rule and its additional key.

use std::ops::Range;

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::RawRule;
use crate::complaint::Complaint;
use crate::model::rule::{Demand, Parameters, RuleId};

/// The demand of a rule. `all_of` are the rules in the key with this name.
pub(super) fn demand(
    file: &RuleFile,
    raw: &RawRule,
    all_of: Option<Vec<RuleId>>,
) -> Result<Demand, Complaint> {
    refuse_other_parameters(file, raw)?;
    let given = Parameters {
        days: taken(raw.days.as_ref()),
        seconds: taken(raw.seconds.as_ref()),
        version: taken(raw.version.as_ref()),
        versions: taken(raw.versions.as_ref()),
        way: taken(raw.way.as_ref()),
        all_of,
    };
    raw.demand.get_ref().with(given).ok_or_else(|| without_parameter(file, raw))
}

fn taken<T: Clone>(written: Option<&Spanned<T>>) -> Option<T> {
    written.map(|written| written.get_ref().clone())
}

/// The additional key of the rule's demand, as written in the file.
fn parameter(raw: &RawRule) -> Option<String> {
    raw.demand.get_ref().parameter().map(|key| key.replace('_', "-"))
}

fn refuse_other_parameters(file: &RuleFile, raw: &RawRule) -> Result<(), Complaint> {
    fn span<T>(written: Option<&Spanned<T>>) -> Option<Range<usize>> {
        written.map(Spanned::span)
    }
    let written = [
        ("days", span(raw.days.as_ref())),
        ("seconds", span(raw.seconds.as_ref())),
        ("version", span(raw.version.as_ref())),
        ("versions", span(raw.versions.as_ref())),
        ("way", span(raw.way.as_ref())),
        ("all-of", span(raw.all_of.as_ref())),
    ];
    let parameter = parameter(raw);
    let stranger = written
        .into_iter()
        .filter(|(key, _)| parameter.as_deref() != Some(key))
        .find_map(|(key, span)| Some((key, span?)));
    let Some((key, span)) = stranger else {
        return Ok(());
    };
    let demand = file.written(raw.demand.span());
    let help = match parameter {
        Some(parameter) => format!("remove \"{key}\"; this demand uses \"{parameter}\""),
        None => format!("remove \"{key}\""),
    };
    Err(file
        .complaint(span, format!("the demand {demand} does not use \"{key}\""), "not used here")
        .with_help(help))
}

fn without_parameter(file: &RuleFile, raw: &RawRule) -> Complaint {
    let demand = file.written(raw.demand.span());
    let parameter = parameter(raw).unwrap_or_default();
    file.complaint(
        raw.demand.span(),
        format!("the demand {demand} requires the key \"{parameter}\""),
        format!("\"{parameter}\" is missing"),
    )
    .with_help(format!("add {parameter} = … to this rule"))
}
