//! The parts that the conversion of rules and of rows shares: the results so far, and the keys that
//! both have.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;

use super::Controls;
use super::files::RuleFile;
use super::raw::RawFamilyLimit;
use super::values::{filled_editions, title};
use crate::complaint::Complaint;
use crate::model::deployment::Policy;
use crate::model::face::{Face, IntentionRemedy};
use crate::model::front::KnownFront;
use crate::model::livekit_keys::LivekitKeys;
use crate::model::port::Transport;
use crate::model::rule::{AllowedWays, FamilyLimit, NamedEndpoint, Rule, RuleId, Service};

/// The contents of the files converted so far.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub rules: Vec<Rule>,
    pub endpoints: Vec<NamedEndpoint>,
    pub policies: BTreeMap<Policy, AllowedWays>,
    pub fronts: Vec<KnownFront>,
    pub intentions: Vec<IntentionRemedy>,
    pub faces: Vec<Face>,
    pub livekit_keys: LivekitKeys,
    pub controls: Controls,
    /// The references between rules, which are checked after all rules are known.
    pub mentions: Vec<Mention>,
}

/// A reference from one rule to another.
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

/// The id of a rule of any family.
pub(super) fn rule_id(file: &RuleFile, raw: &Spanned<String>) -> Result<RuleId, Complaint> {
    raw.get_ref().parse().map_err(|error| {
        file.complaint(raw.span(), format!("{error}"), "not a rule id")
            .with_help("use the form \"dns/domain-resolves\"")
    })
}

/// Rejects an id that another rule has or had, because it means that rule in earlier reports.
pub(super) fn refuse_second(
    file: &RuleFile,
    id: &RuleId,
    span: Range<usize>,
    known: &Converted,
) -> Result<(), Complaint> {
    let Some(other) = known.rules.iter().find(|rule| rule.is_named(id.as_str())) else {
        return Ok(());
    };
    if other.id == *id {
        return Err(file
            .complaint(span, format!("two rules have the id {id}"), "used again here")
            .with_help("remove one of them, or change its id"));
    }
    let message = format!("{id} is a former id of {}", other.id);
    Err(file
        .complaint(span, message, "already used")
        .with_help("choose an id that no rule has ever had"))
}

/// Ids of other rules. Whether they exist is checked after all files are converted.
pub(super) fn mentions(
    file: &RuleFile,
    by: &RuleId,
    ids: &[Spanned<String>],
    into: &mut Converted,
) -> Result<Vec<RuleId>, Complaint> {
    ids.iter()
        .map(|raw| {
            let of = rule_id(file, raw)?;
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
                "not possible on this port",
            )
            .with_help(format!(
                "use a service that runs over {transport}, or remove \"service\""
            )));
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
            editions: filled_editions(file, &raw.editions)?,
            why: title(file, &raw.why)?,
        })
    })
    .transpose()
}
