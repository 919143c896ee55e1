//! Raw troubles that people report → troubles of the model.

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{RawSighting, RawTrouble, TroublesFile};
use super::references;
use super::shared::{parse, rule_id};
use super::values::{filled, line, sentences};
use crate::complaint::Complaint;
use crate::model::rule::Rule;
use crate::model::trouble::{Shown, Sighting, Trouble};
use crate::model::vantage::Zone;

/// Converts one file and adds its contents. `rules` are all rules.
pub(super) fn add(
    file: &RuleFile,
    rules: &[Rule],
    into: &mut Vec<Trouble>,
) -> Result<(), Complaint> {
    for raw in &parse::<TroublesFile>(file)?.trouble {
        let trouble = trouble(file, raw, rules)?;
        if into.iter().any(|known| known.id == trouble.id) {
            let message = format!("two troubles have the id \"{}\"", trouble.id);
            return Err(file
                .complaint(raw.id.span(), message, "used again here")
                .with_help("use another id, or merge the two"));
        }
        into.push(trouble);
    }
    Ok(())
}

fn trouble(file: &RuleFile, raw: &RawTrouble, rules: &[Rule]) -> Result<Trouble, Complaint> {
    let id = line(file, &raw.id)?;
    let seen: Vec<Sighting> =
        raw.seen.iter().map(|seen| sighting(file, seen, rules)).collect::<Result<_, _>>()?;
    if seen.is_empty() && raw.not_seen.is_none() {
        return Err(file
            .complaint(
                raw.id.span(),
                format!("the trouble \"{id}\" requires \"seen\" or \"not-seen\""),
                "has neither",
            )
            .with_help(
                "add [[trouble.seen]] with the rules that detect it, or not-seen = \"…\" with the \
                 reason why no rule does",
            ));
    }
    let not_seen = raw.not_seen.as_ref();
    Ok(Trouble {
        id,
        people_say: lines(file, filled(file, &raw.people_say)?)?,
        words: lines(file, &raw.words)?,
        codes: lines(file, &raw.codes)?,
        cause: sentences(file, &raw.cause)?,
        first: raw.first.as_ref().map(|text| sentences(file, text)).transpose()?,
        reported_in: lines(file, &raw.reported_in)?,
        seen,
        not_seen: not_seen.map(|text| sentences(file, text)).transpose()?,
    })
}

fn lines(file: &RuleFile, all: &[Spanned<String>]) -> Result<Vec<String>, Complaint> {
    all.iter().map(|text| line(file, text)).collect()
}

fn sighting(file: &RuleFile, raw: &RawSighting, rules: &[Rule]) -> Result<Sighting, Complaint> {
    let mut named = Vec::new();
    for id in filled(file, &raw.rules)? {
        let rule = known(file, id, rules)?;
        refuse_strange_zone(file, &raw.from, rule)?;
        named.push(rule.id.clone());
    }
    let mut shown_by = Vec::new();
    for (name, kind) in [
        (&raw.lab, Shown::Lab as fn(String) -> Shown),
        (&raw.demo, Shown::Demo),
        (&raw.test, Shown::Test),
    ] {
        if let Some(name) = name {
            shown_by.push(kind(line(file, name)?));
        }
    }
    Ok(Sighting {
        rules: named,
        from: raw.from.iter().map(|zone| *zone.get_ref()).collect(),
        shown_by,
    })
}

fn known<'a>(
    file: &RuleFile,
    raw: &Spanned<String>,
    rules: &'a [Rule],
) -> Result<&'a Rule, Complaint> {
    let id = rule_id(file, raw)?;
    let found = rules.iter().find(|rule| rule.id == id);
    found.ok_or_else(|| {
        let all: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        references::unknown(file, raw.span(), &id, &all)
    })
}

/// Rejects a zone from which the rule is not checked, because the rule cannot detect anything there.
fn refuse_strange_zone(
    file: &RuleFile,
    from: &[Spanned<Zone>],
    rule: &Rule,
) -> Result<(), Complaint> {
    let strange =
        from.iter().find(|zone| !rule.zones.is_empty() && !rule.zones.contains(zone.get_ref()));
    let Some(strange) = strange else {
        return Ok(());
    };
    let zones: Vec<String> = rule.zones.iter().map(Zone::to_string).collect();
    Err(file
        .complaint(
            strange.span(),
            format!("the rule {} is not checked from this zone", rule.id),
            "not a zone of the rule",
        )
        .with_help(format!("the rule is checked from {}", zones.join(", "))))
}
