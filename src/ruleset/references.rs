//! What rules say about each other, once all are known: they exist, and no chain of them comes
//! back to its beginning.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::files::RuleFile;
use super::shared::{Converted, Mention};
use crate::complaint::{Complaint, help_for_unknown, suggest};
use crate::model::rule::RuleId;

/// Checks every mention of one rule by another.
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

/// Whether `from` is `to`, or mentions a rule that reaches it.
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

/// A place in a file names a rule that is not among `known`.
pub(super) fn unknown(
    file: &RuleFile,
    span: Range<usize>,
    rule: &RuleId,
    known: &[&str],
) -> Complaint {
    let wanted = rule.as_str();
    let family = rule.family();
    // Forty ids are no help; those of the family are.
    let siblings: Vec<_> =
        known.iter().copied().filter(|id| id.split('/').next() == Some(family)).collect();
    let help = match (suggest(wanted, known.iter().copied()), siblings.as_slice()) {
        (None, []) => format!("there is no rule of the family \"{family}\""),
        (None, _) => help_for_unknown(wanted, &siblings),
        (Some(meant), _) => format!("did you mean \"{meant}\"?"),
    };
    file.complaint(span, format!("there is no rule {wanted}"), "names no rule").with_help(help)
}

fn circle(files: &[RuleFile], mention: &Mention) -> Complaint {
    let (message, label) = if mention.of == mention.by {
        (format!("{} waits for itself", mention.by), "the rule itself".to_owned())
    } else {
        (
            format!("{} and {} wait for each other", mention.by, mention.of),
            format!("needs {}, directly or through others", mention.by),
        )
    };
    file_of(files, mention)
        .complaint(mention.span.clone(), message, label)
        .with_help("take one of the mentions away")
}

fn file_of<'a>(files: &'a [RuleFile], mention: &Mention) -> &'a RuleFile {
    files.iter().find(|file| file.name == mention.file).expect("mentions are made from these files")
}
