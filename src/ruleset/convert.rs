//! Tables as they are written → rules as the model knows them.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;

use super::Controls;
use super::demand::demand;
use super::files::RuleFile;
use super::raw::{
    EndpointsFile, PortsFile, RawControls, RawEndpoint, RawFamilyLimit, RawOtherSource, RawRemedy,
    RawRule, RulesFile,
};
use super::rows::{self, Shared};
use super::scope::scope;
use super::values::{filled, line, template, title};
use crate::complaint::{Complaint, help_for_unknown};
use crate::model::deployment::Condition;
use crate::model::port::{Port, Transport};
use crate::model::reason::ReasonCode;
use crate::model::rule::{
    FamilyLimit, NamedEndpoint, OtherSource, Remedies, Rule, RuleId, Scope, Service, Source,
    Template,
};

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

/// Reads one file and adds what it holds.
pub(super) fn file(file: &RuleFile, into: &mut Converted) -> Result<(), Complaint> {
    match file.family() {
        "endpoints" => {
            for raw in &parse::<EndpointsFile>(file)?.endpoint {
                let endpoint = endpoint(file, raw, &into.endpoints)?;
                into.endpoints.push(endpoint);
            }
        }
        "ports" => {
            let raw: PortsFile = parse(file)?;
            let shared = Shared::read(file, &raw)?;
            for row in &raw.row {
                rows::add(file, row, &shared, into)?;
            }
            for rule in &raw.rule {
                add_rule(file, rule, into)?;
            }
            let raw = raw.controls.as_ref().ok_or_else(|| no_controls(file))?;
            into.controls = controls(file, raw, &into.rules)?;
        }
        _ => {
            for rule in &parse::<RulesFile>(file)?.rule {
                add_rule(file, rule, into)?;
            }
        }
    }
    Ok(())
}

pub(super) fn parse<T: DeserializeOwned>(file: &RuleFile) -> Result<T, Complaint> {
    toml::from_str(&file.text).map_err(|error| Complaint::from_toml(&error, &file.path, &file.text))
}

fn endpoint(
    file: &RuleFile,
    raw: &RawEndpoint,
    known: &[NamedEndpoint],
) -> Result<NamedEndpoint, Complaint> {
    let key = line(file, &raw.key)?;
    if known.iter().any(|endpoint| endpoint.key == key) {
        return Err(file
            .complaint(
                raw.key.span(),
                format!("there are two endpoints \"{key}\""),
                "the second one",
            )
            .with_help("give it another key"));
    }
    Ok(NamedEndpoint {
        key,
        name: raw.name,
        port: raw.port,
        feature: raw.feature,
        web: raw.web,
    })
}

fn add_rule(file: &RuleFile, raw: &RawRule, into: &mut Converted) -> Result<(), Complaint> {
    let id = id(file, &raw.id)?;
    refuse_second(file, &id, raw.id.span(), into)?;
    let needs = mentions(file, &id, &raw.needs, into)?;
    let all_of = match &raw.all_of {
        Some(ids) => mentions(file, &id, filled(file, ids)?, into)?,
        None => Vec::new(),
    };
    into.rules.push(Rule {
        title: title(file, &raw.title)?,
        severity: raw.severity,
        severity_in: raw.severity_in.clone(),
        scope: scope(file, raw, &into.endpoints)?,
        demand: demand(file, raw, all_of)?,
        editions: filled(file, &raw.editions)?.clone(),
        policies: raw.policies.clone(),
        zones: raw.judged_from.clone(),
        engine: raw.engine,
        condition: condition(file, raw)?,
        families: family_limit(file, raw.families.as_ref())?,
        needs,
        means: template(file, &raw.means)?,
        remedies: remedies(file, &raw.remedy)?,
        source: raw.source.clone(),
        sources: raw.sources.iter().map(other_source).collect(),
        id,
    });
    Ok(())
}

/// What the rule depends on.
fn condition(file: &RuleFile, raw: &RawRule) -> Result<Option<Condition>, Complaint> {
    let feature = rows::of_feature(raw.feature.as_ref());
    let turn_domain = rows::of_turn_domain(raw.needs_turn_domain.as_ref());
    match (feature, turn_domain) {
        (Some(_), Some((span, _))) => Err(file
            .complaint(
                span,
                "a rule has one condition, this one has two",
                "the second one",
            )
            .with_help("keep one of \"feature\" and \"needs-turn-domain\"")),
        (one, other) => Ok(one.or(other).map(|(_, condition)| condition)),
    }
}

fn other_source(raw: &RawOtherSource) -> OtherSource {
    OtherSource {
        topologies: raw.topologies.clone(),
        editions: raw.editions.clone(),
        source: Source {
            document: raw.document.clone(),
            section: raw.section.clone(),
            row: raw.row.clone(),
        },
    }
}

fn id(file: &RuleFile, raw: &Spanned<String>) -> Result<RuleId, Complaint> {
    let family = file.family();
    let id: RuleId = raw.get_ref().parse().map_err(|error| {
        file.complaint(raw.span(), format!("{error}"), "not a rule id")
            .with_help(format!("write it like \"{family}/what-should-hold\""))
    })?;
    if id.family() != family {
        return Err(file
            .complaint(
                raw.span(),
                format!("{id} stands in {}", file.name),
                "of another family",
            )
            .with_help(format!(
                "move it to {}.toml, or call it \"{family}/…\"",
                id.family()
            )));
    }
    Ok(id)
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

fn no_controls(file: &RuleFile) -> Complaint {
    file.complaint(0..0, "there are no control ports", "not in this file")
        .with_help(
            "add [controls] with the lists \"udp\" and \"tcp\" of ports that no rule is about",
        )
}

fn controls(file: &RuleFile, raw: &RawControls, rules: &[Rule]) -> Result<Controls, Complaint> {
    let named = |port: Port| {
        rules.iter().find(|rule| match &rule.scope {
            Scope::Ports(scope) => scope.ports.contains(port),
            Scope::AllNodes { tcp } => tcp.iter().any(|listed| listed.port == port),
            Scope::Deployment | Scope::Names(_) | Scope::Endpoints(_) => false,
        })
    };
    let unnamed = |ports: &[Spanned<Port>]| {
        ports
            .iter()
            .map(|port| match named(*port.get_ref()) {
                None => Ok(*port.get_ref()),
                Some(rule) => Err(file
                    .complaint(
                        port.span(),
                        "a control is a port that no rule is about",
                        format!("{} is", rule.id),
                    )
                    .with_help("choose a port outside of all tables")),
            })
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Controls {
        udp: unnamed(&raw.udp)?,
        tcp: unnamed(&raw.tcp)?,
    })
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

fn remedies(file: &RuleFile, raw: &Spanned<RawRemedy>) -> Result<Remedies, Complaint> {
    let (default, by_reason) = remedy_texts(file, raw)?;
    let default = default.ok_or_else(|| no_default(file, raw.span()))?;
    Ok(Remedies { default, by_reason })
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
    file.complaint(
        span,
        "the remedy has no \"default\"",
        "only for some reasons",
    )
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
