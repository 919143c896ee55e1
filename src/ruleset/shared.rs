//! What rules and rows have in common as they are read: what the files so far hold, and the parts
//! that both are written with.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;

use super::Controls;
use super::files::RuleFile;
use super::raw::{RawFamilyLimit, RawRemedy};
use super::values::{filled, template, title};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::port::Transport;
use crate::model::reason::ReasonCode;
use crate::model::rule::{FamilyLimit, NamedEndpoint, Rule, RuleId, Service, Template};

/// What the files read so far hold.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub rules: Vec<Rule>,
    pub endpoints: Vec<NamedEndpoint>,
    pub controls: Controls,
    /// Where rules name other rules, for the check that follows when all are known.
    pub mentions: Vec<Mention>,
}

/// A rule that names another one.
#[derive(Debug)]
pub(super) struct Mention {
    /// The file, by its name.
    pub file: &'static str,
    pub span: Range<usize>,
    pub by: RuleId,
    pub of: RuleId,
}

pub(super) fn parse<T: DeserializeOwned>(file: &RuleFile) -> Result<T, Complaint> {
    toml::from_str(&file.text).map_err(|error| Complaint::from_toml(&error, &file.path, &file.text))
}

pub(super) fn refuse_second(
    file: &RuleFile,
    id: &RuleId,
    span: Range<usize>,
    known: &Converted,
) -> Result<(), Complaint> {
    if !known.rules.iter().any(|rule| rule.id == *id) {
        return Ok(());
    }
    Err(file
        .complaint(span, format!("there are two rules {id}"), "the second one")
        .with_help("remove one of them, or let it demand something else"))
}

/// Ids of other rules. Whether they exist is asked when all files have been read.
pub(super) fn mentions(
    file: &RuleFile,
    by: &RuleId,
    ids: &[Spanned<String>],
    into: &mut Converted,
) -> Result<Vec<RuleId>, Complaint> {
    ids.iter()
        .map(|raw| {
            let of: RuleId = raw.get_ref().parse().map_err(|error| {
                file.complaint(raw.span(), format!("{error}"), "not a rule id")
                    .with_help("write it like \"dns/domain-resolves\"")
            })?;
            into.mentions.push(Mention {
                file: file.name,
                span: raw.span(),
                by: by.clone(),
                of: of.clone(),
            });
            Ok(of)
        })
        .collect()
}

/// A service that runs over `transport`.
pub(super) fn service(
    file: &RuleFile,
    raw: Option<&Spanned<Service>>,
    transport: Transport,
) -> Result<Option<Service>, Complaint> {
    let Some(raw) = raw else { return Ok(None) };
    let service = *raw.get_ref();
    if service.transport() != transport {
        return Err(file
            .complaint(
                raw.span(),
                format!("{service} does not run over {transport}"),
                "never behind this port",
            )
            .with_help("name what answers there, or take \"service\" away"));
    }
    Ok(Some(service))
}

pub(super) fn family_limit(
    file: &RuleFile,
    raw: Option<&RawFamilyLimit>,
) -> Result<Option<FamilyLimit>, Complaint> {
    raw.map(|raw| {
        Ok(FamilyLimit {
            judged_on: raw.family,
            editions: filled(file, &raw.editions)?.clone(),
            why: title(file, &raw.why)?,
        })
    })
    .transpose()
}

/// The remedies of a table: the one for every other case, if there is one, and those by reason.
pub(super) fn remedy_texts(
    file: &RuleFile,
    raw: &Spanned<RawRemedy>,
) -> Result<(Option<Template>, BTreeMap<ReasonCode, Template>), Complaint> {
    const DEFAULT: &str = "default";
    let mut default = None;
    let mut by_reason = BTreeMap::new();
    for (key, text) in raw.get_ref() {
        let text = template(file, text)?;
        if key.get_ref() == DEFAULT {
            default = Some(text);
        } else {
            by_reason.insert(reason(file, key)?, text);
        }
    }
    Ok((default, by_reason))
}

/// Nothing is said of what helps in every other case.
pub(super) fn no_default(file: &RuleFile, span: Range<usize>) -> Complaint {
    file.complaint(span, "the remedy has no \"default\"", "only for some reasons")
        .with_help("add what helps in every other case: default = \"…\"")
}

fn reason(file: &RuleFile, key: &Spanned<String>) -> Result<ReasonCode, Complaint> {
    let wanted = key.get_ref().as_str();
    let found = ReasonCode::ALL.iter().find(|code| code.as_str() == wanted);
    found.copied().ok_or_else(|| {
        let known: Vec<_> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        file.complaint(
            key.span(),
            format!("there is no reason code \"{wanted}\""),
            "a remedy for nothing",
        )
        .with_help(help_for_unknown(wanted, &known))
    })
}
