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
        lifetime_share: taken(raw.lifetime_share.as_ref()),
        seconds: taken(raw.seconds.as_ref()),
        version: taken(raw.version.as_ref()),
        versions: taken(raw.versions.as_ref()),
        buckets: taken(raw.buckets.as_ref()),
        way: taken(raw.way.as_ref()),
        all_of,
        least: taken(raw.least.as_ref()),
        programs: taken(raw.programs.as_ref()),
        spared_ports: taken(raw.spared_ports.as_ref()),
        aspect: taken(raw.aspect.as_ref()),
        setting: taken(raw.setting.as_ref()),
    };
    raw.demand.get_ref().with(given).ok_or_else(|| without_parameter(file, raw))
}

fn taken<T: Clone>(written: Option<&Spanned<T>>) -> Option<T> {
    written.map(|written| written.get_ref().clone())
}

/// The additional keys of the rule's demand, as written in the file.
fn parameters(raw: &RawRule) -> Vec<String> {
    let keys = raw.demand.get_ref().parameters().iter();
    keys.map(|key| key.replace('_', "-")).collect()
}

fn refuse_other_parameters(file: &RuleFile, raw: &RawRule) -> Result<(), Complaint> {
    fn span<T>(written: Option<&Spanned<T>>) -> Option<Range<usize>> {
        written.map(Spanned::span)
    }
    let written = [
        ("days", span(raw.days.as_ref())),
        ("lifetime-share", span(raw.lifetime_share.as_ref())),
        ("seconds", span(raw.seconds.as_ref())),
        ("version", span(raw.version.as_ref())),
        ("versions", span(raw.versions.as_ref())),
        ("buckets", span(raw.buckets.as_ref())),
        ("way", span(raw.way.as_ref())),
        ("all-of", span(raw.all_of.as_ref())),
        ("least", span(raw.least.as_ref())),
        ("programs", span(raw.programs.as_ref())),
        ("spared-ports", span(raw.spared_ports.as_ref())),
        ("aspect", span(raw.aspect.as_ref())),
        ("setting", span(raw.setting.as_ref())),
    ];
    let parameters = parameters(raw);
    let stranger = written
        .into_iter()
        .filter(|(key, _)| parameters.iter().all(|parameter| parameter != key))
        .find_map(|(key, span)| Some((key, span?)));
    let Some((key, span)) = stranger else {
        return Ok(());
    };
    let demand = file.written(raw.demand.span());
    let help = match parameters.as_slice() {
        [] => format!("remove \"{key}\""),
        used => format!("remove \"{key}\"; this demand uses \"{}\"", used.join("\" and \"")),
    };
    Err(file
        .complaint(span, format!("the demand {demand} does not use \"{key}\""), "not used here")
        .with_help(help))
}

fn without_parameter(file: &RuleFile, raw: &RawRule) -> Complaint {
    let demand = file.written(raw.demand.span());
    let is_written = |key: &String| match key.as_str() {
        "days" => raw.days.is_some(),
        "lifetime-share" => raw.lifetime_share.is_some(),
        _ => false,
    };
    let missing = parameters(raw).into_iter().find(|key| !is_written(key));
    let parameter = missing.unwrap_or_default();
    file.complaint(
        raw.demand.span(),
        format!("the demand {demand} requires the key \"{parameter}\""),
        format!("\"{parameter}\" is missing"),
    )
    .with_help(format!("add {parameter} = … to this rule"))
}
