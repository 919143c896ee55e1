//! Checks after all files are loaded: every rule referred to exists, no chain of references returns to
//! its start, and everything that the program itself requires is defined.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::files::RuleFile;
use super::shared::{Converted, Mention};
use crate::complaint::{Complaint, help_for_unknown, suggest};
use crate::model::deployment::Policy;
use crate::model::rule::{RuleId, Service};

/// Checks every reference from one rule to another.
pub(super) fn check(files: &[RuleFile], converted: &Converted) -> Result<(), Complaint> {
    let known: Vec<&str> = converted.rules.iter().map(|rule| rule.id.as_str()).collect();
    for mention in &converted.mentions {
        if !known.contains(&mention.of.as_str()) {
            let file = file_of(files, mention);
            return Err(unknown(file, mention.span.clone(), &mention.of, &known));
        }
    }
    let mut by_rule: BTreeMap<&RuleId, Vec<&Mention>> = BTreeMap::new();
    for mention in &converted.mentions {
        by_rule.entry(&mention.by).or_default().push(mention);
    }
    for mention in &converted.mentions {
        if reaches(&by_rule, &mention.of, &mention.by) {
            return Err(circle(files, mention));
        }
    }
    Ok(())
}

/// Rejects files without the definitions that the program requires for any rules: the endpoint of the
/// API, where a call begins, and the media paths that each policy allows.
pub(super) fn check_whole(files: &[RuleFile], converted: &Converted) -> Result<(), Complaint> {
    let absence = |family: &str, what: String, help: &str| {
        let mut files = files.iter();
        let file = files.find(|file| file.family() == family).expect("all files are there");
        Err(file.complaint(0..0, what, "not in this file").with_help(help))
    };
    if !converted.endpoints.iter().any(|endpoint| endpoint.service == Service::LivekitApi) {
        return absence(
            "endpoints",
            "the endpoint of the LiveKit API is missing".to_owned(),
            "add an [[endpoint]] with service = \"livekit-api\", where every call begins",
        );
    }
    match Policy::ALL.iter().find(|policy| !converted.policies.contains_key(policy)) {
        Some(policy) => absence(
            "policy",
            format!("the policy {policy} is missing"),
            "add a [[policy]] with its \"name\" and the \"ways\" that it allows for media",
        ),
        None => Ok(()),
    }
}

/// Whether `from` is `to`, or refers to a rule that reaches it.
fn reaches<'a>(
    by_rule: &BTreeMap<&RuleId, Vec<&'a Mention>>,
    from: &'a RuleId,
    to: &RuleId,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(rule) = waiting.pop() {
        if rule == to {
            return true;
        }
        if seen.insert(rule) {
            let mentioned = by_rule.get(rule).into_iter().flatten();
            waiting.extend(mentioned.map(|mention| &mention.of));
        }
    }
    false
}

/// The complaint about a reference to a rule that is not among `known`.
pub(super) fn unknown(
    file: &RuleFile,
    span: Range<usize>,
    rule: &RuleId,
    known: &[&str],
) -> Complaint {
    let wanted = rule.as_str();
    let family = rule.family();
    // All ids would be too many, so list only those of the family.
    let siblings: Vec<_> =
        known.iter().copied().filter(|id| id.split('/').next() == Some(family)).collect();
    let help = match (suggest(wanted, known.iter().copied()), siblings.as_slice()) {
        (None, []) => format!("the family \"{family}\" has no rules"),
        (None, _) => help_for_unknown(wanted, &siblings),
        (Some(meant), _) => format!("did you mean \"{meant}\"?"),
    };
    file.complaint(span, format!("unknown rule {wanted}"), "not defined").with_help(help)
}

fn circle(files: &[RuleFile], mention: &Mention) -> Complaint {
    let (message, label) = if mention.of == mention.by {
        (format!("{} requires itself", mention.by), "the same rule".to_owned())
    } else {
        (
            format!("{} and {} require each other", mention.by, mention.of),
            format!("requires {}, directly or indirectly", mention.by),
        )
    };
    file_of(files, mention)
        .complaint(mention.span.clone(), message, label)
        .with_help("remove one of the references")
}

fn file_of<'a>(files: &'a [RuleFile], mention: &Mention) -> &'a RuleFile {
    files.iter().find(|file| file.name == mention.file).expect("mentions are made from these files")
}
