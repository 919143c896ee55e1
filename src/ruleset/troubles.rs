//! What people report, as it is written → as the model knows it.

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::raw::{RawSighting, RawTrouble, TroublesFile};
use super::references;
use super::shared::parse;
use super::values::{filled, line, sentences};
use crate::complaint::Complaint;
use crate::model::rule::{Rule, RuleId};
use crate::model::trouble::{Shown, Sighting, Trouble};
use crate::model::vantage::Zone;

/// Reads one file and adds what it holds. `rules` are all there are.
pub(super) fn add(
    file: &RuleFile,
    rules: &[Rule],
    into: &mut Vec<Trouble>,
) -> Result<(), Complaint> {
    for raw in &parse::<TroublesFile>(file)?.trouble {
        let trouble = trouble(file, raw, rules)?;
        if into.iter().any(|known| known.id == trouble.id) {
            let message = format!("there are two troubles \"{}\"", trouble.id);
            return Err(file
                .complaint(raw.id.span(), message, "the second one")
                .with_help("call it by another id, or make one of both"));
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
                format!("no rule names the trouble \"{id}\", and nothing says why"),
                "neither seen nor not seen",
            )
            .with_help(
                "add [[trouble.seen]] with the rules, or not-seen = \"…\" with the reason",
            ));
    }
    let not_seen = raw.not_seen.as_ref();
    Ok(Trouble {
        id,
        people_say: lines(file, filled(file, &raw.people_say)?)?,
        cause: sentences(file, &raw.cause)?,
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
    let id: RuleId = raw.get_ref().parse().map_err(|error| {
        file.complaint(raw.span(), format!("{error}"), "not a rule id")
            .with_help("write it like \"dns/domain-resolves\"")
    })?;
    let found = rules.iter().find(|rule| rule.id == id);
    found.ok_or_else(|| {
        let all: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        references::unknown(file, raw.span(), &id, &all)
    })
}

/// Nobody sees by a rule what it is not judged from.
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
            format!("{} is not judged from there", rule.id),
            "not one of its zones",
        )
        .with_help(format!("it is judged from {}", zones.join(", "))))
}
