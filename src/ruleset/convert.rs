//! Raw tables → rules of the model.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use super::Controls;
use super::demand::demand;
use super::files::RuleFile;
use super::firewall::Firewall;
use super::raw::{
    EditionRange, EndpointsFile, FrontsFile, PolicyFile, PortsFile, RawControls, RawEndpoint,
    RawFront, RawOtherSource, RawPolicy, RawRule, RulesFile,
};
use super::rows::{self, Shared};
use super::scope::scope;
use super::shared::{Converted, family_limit, mentions, parse, refuse_second, rule_id};
use super::texts::SomeTexts;
use super::values::{filled, filled_editions, line, title};
use crate::complaint::Complaint;
use crate::model::deployment::{Condition, Policy};
use crate::model::front::KnownFront;
use crate::model::port::Port;
use crate::model::rule::{AllowedWays, NamedEndpoint, OtherSource, Rule, RuleId, Scope, Source};

/// Converts one file and adds its contents.
pub(super) fn file(
    file: &RuleFile,
    firewall: &Firewall,
    into: &mut Converted,
) -> Result<(), Complaint> {
    match file.family() {
        "endpoints" => {
            for raw in &parse::<EndpointsFile>(file)?.endpoint {
                let endpoint = endpoint(file, raw, &into.endpoints)?;
                into.endpoints.push(endpoint);
            }
        }
        "policy" => {
            let raw: PolicyFile = parse(file)?;
            for rule in &raw.rule {
                add_rule(file, firewall, rule, into)?;
            }
            into.policies = policies(file, &raw.policy)?;
        }
        "fronts" => {
            for raw in &parse::<FrontsFile>(file)?.front {
                let front = front(file, raw, &into.fronts)?;
                into.fronts.push(front);
            }
        }
        "livekit-keys" => super::livekit_keys::add(file, into)?,
        "faces" => super::faces::add(file, firewall, into)?,
        "ports" => {
            let raw: PortsFile = parse(file)?;
            let shared = Shared::read(file, firewall, &raw)?;
            for row in &raw.row {
                rows::add(file, row, &shared, into)?;
            }
            for rule in &raw.rule {
                add_rule(file, firewall, rule, into)?;
            }
            let raw = raw.controls.as_ref().ok_or_else(|| no_controls(file))?;
            into.controls = controls(file, raw, &into.rules)?;
        }
        _ => {
            for rule in &parse::<RulesFile>(file)?.rule {
                add_rule(file, firewall, rule, into)?;
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
                format!("two endpoints have the key \"{key}\""),
                "used again here",
            )
            .with_help("use another key"));
    }
    Ok(NamedEndpoint {
        key,
        name: raw.name,
        port: raw.port,
        feature: raw.feature,
        service: raw.service,
        web: raw.web,
    })
}

/// The media paths that each policy of the file allows.
fn policies(
    file: &RuleFile,
    written: &[RawPolicy],
) -> Result<BTreeMap<Policy, AllowedWays>, Complaint> {
    let mut policies = BTreeMap::new();
    for raw in written {
        let policy = *raw.name.get_ref();
        let ways = AllowedWays(filled(file, &raw.ways)?.clone());
        if policies.insert(policy, ways).is_some() {
            return Err(file
                .complaint(
                    raw.name.span(),
                    format!("the policy {policy} is defined twice"),
                    "defined again here",
                )
                .with_help("combine their \"ways\" in one of them"));
        }
    }
    Ok(policies)
}

fn front(file: &RuleFile, raw: &RawFront, known: &[KnownFront]) -> Result<KnownFront, Complaint> {
    let server = line(file, &raw.server)?;
    let complaint =
        |message: String, label: &str| file.complaint(raw.server.span(), message, label);
    if server != server.to_ascii_lowercase() {
        return Err(complaint(
            format!("\"{server}\" must be in lower case"),
            "contains capital letters",
        )
        .with_help(format!("use \"{}\"", server.to_ascii_lowercase())));
    }
    if let Some(other) = known.iter().find(|other| server.starts_with(&other.server)) {
        return Err(complaint(
            format!("\"{}\" already matches \"{server}\"", other.server),
            "has no effect",
        )
        .with_help("remove one of them"));
    }
    Ok(KnownFront { server, kind: raw.kind })
}

fn add_rule(
    file: &RuleFile,
    firewall: &Firewall,
    raw: &RawRule,
    into: &mut Converted,
) -> Result<(), Complaint> {
    let id = id(file, &raw.id)?;
    refuse_second(file, &id, raw.id.span(), into)?;
    let needs = mentions(file, &id, &raw.needs, into)?;
    let explains = mentions(file, &id, &raw.explains, into)?;
    let all_of = match &raw.all_of {
        Some(ids) => Some(mentions(file, &id, filled(file, ids)?, into)?),
        None => None,
    };
    into.rules.push(Rule {
        formerly: former_ids(file, raw, into)?,
        title: title(file, &raw.title)?,
        expected: raw.expected.as_ref().map(|text| title(file, text)).transpose()?,
        severity: raw.severity,
        severity_in: raw.severity_in.clone(),
        severity_under: raw.severity_under.clone(),
        scope: scope(file, raw, &into.endpoints)?,
        demand: demand(file, raw, all_of)?,
        editions: filled_editions(file, &raw.editions)?,
        policies: raw.policies.clone(),
        zones: raw.judged_from.clone(),
        engine: raw.engine,
        condition: condition(file, raw)?,
        families: family_limit(file, raw.families.as_ref())?,
        needs,
        explains,
        texts: SomeTexts::read(file, firewall, raw.default.as_ref(), &raw.reason)?
            .complete(file, raw.id.span())?,
        source: raw.source.clone(),
        sources: raw.sources.iter().map(other_source).collect(),
        id,
    });
    Ok(())
}

/// The former ids of the rule. They must differ from its own id and from those of other rules.
fn former_ids(file: &RuleFile, raw: &RawRule, known: &Converted) -> Result<Vec<RuleId>, Complaint> {
    let former_id = |former: &Spanned<String>| {
        let text = former.get_ref();
        if text != raw.id.get_ref() && !known.rules.iter().any(|rule| rule.is_named(text)) {
            return rule_id(file, former);
        }
        let message = format!("the former id {text} is the id of a rule");
        Err(file
            .complaint(former.span(), message, "in use")
            .with_help("remove it from \"formerly\", or change the id of the other rule"))
    };
    raw.formerly.iter().map(former_id).collect()
}

/// The condition under which the rule applies.
fn condition(file: &RuleFile, raw: &RawRule) -> Result<Option<Condition>, Complaint> {
    let feature = rows::of_feature(raw.feature.as_ref());
    let turn_domain = rows::of_turn_domain(raw.needs_turn_domain.as_ref());
    match (feature, turn_domain) {
        (Some(_), Some((span, _))) => Err(file
            .complaint(span, "a rule can have only one condition", "a second condition")
            .with_help("keep either \"feature\" or \"needs-turn-domain\"")),
        (one, other) => Ok(one.or(other).map(|(_, condition)| condition)),
    }
}

fn other_source(raw: &RawOtherSource) -> OtherSource {
    OtherSource {
        topologies: raw.topologies.clone(),
        editions: EditionRange::editions(&raw.editions),
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
            .with_help(format!("use the form \"{family}/what-should-hold\""))
    })?;
    if id.family() != family {
        return Err(file
            .complaint(
                raw.span(),
                format!("the rule {id} does not belong in {}", file.name),
                "belongs to another family",
            )
            .with_help(format!(
                "move it to {}.toml, or rename it to \"{family}/…\"",
                id.family()
            )));
    }
    Ok(id)
}

fn no_controls(file: &RuleFile) -> Complaint {
    file.complaint(0..0, "the control ports are missing", "not in this file")
        .with_help("add [controls] with the lists \"udp\" and \"tcp\" of ports that no rule covers")
}

fn controls(file: &RuleFile, raw: &RawControls, rules: &[Rule]) -> Result<Controls, Complaint> {
    let named = |port: Port| {
        rules.iter().find(|rule| match &rule.scope {
            Scope::Ports(scope) => scope.ports.contains(port),
            Scope::AllNodes { tcp } => tcp.iter().any(|listed| listed.port == port),
            Scope::Deployment | Scope::Names(_) | Scope::Endpoints(_) | Scope::Machines(_) => false,
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
                        "a rule covers this control port",
                        format!("covered by {}", rule.id),
                    )
                    .with_help("choose a port that is in no table")),
            })
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Controls { udp: unnamed(&raw.udp)?, tcp: unnamed(&raw.tcp)?, usual: raw.usual.clone() })
}
