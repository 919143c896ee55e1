//! Tables as they are written → rules as the model knows them.

use serde_spanned::Spanned;

use super::Controls;
use super::demand::demand;
use super::files::RuleFile;
use super::raw::{
    EndpointsFile, PortsFile, RawControls, RawEndpoint, RawOtherSource, RawRemedy, RawRule,
    RulesFile,
};
use super::rows::{self, Shared};
use super::scope::scope;
use super::shared::{
    Converted, family_limit, mentions, no_default, parse, refuse_second, remedy_texts,
};
use super::values::{filled, line, template, title};
use crate::complaint::Complaint;
use crate::model::deployment::Condition;
use crate::model::port::Port;
use crate::model::rule::{NamedEndpoint, OtherSource, Remedies, Rule, RuleId, Scope, Source};

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
    Ok(NamedEndpoint { key, name: raw.name, port: raw.port, feature: raw.feature, web: raw.web })
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
            .complaint(span, "a rule has one condition, this one has two", "the second one")
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
            .complaint(raw.span(), format!("{id} stands in {}", file.name), "of another family")
            .with_help(format!("move it to {}.toml, or call it \"{family}/…\"", id.family())));
    }
    Ok(id)
}

fn no_controls(file: &RuleFile) -> Complaint {
    file.complaint(0..0, "there are no control ports", "not in this file").with_help(
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
    Ok(Controls { udp: unnamed(&raw.udp)?, tcp: unnamed(&raw.tcp)? })
}

fn remedies(file: &RuleFile, raw: &Spanned<RawRemedy>) -> Result<Remedies, Complaint> {
    let (default, by_reason) = remedy_texts(file, raw)?;
    let default = default.ok_or_else(|| no_default(file, raw.span()))?;
    Ok(Remedies { default, by_reason })
}
