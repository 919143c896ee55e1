//! An upgrade for programs: `ovcheck rules --diff FROM TO --format json`.

use std::io::{self, Write};

use serde::Serialize;

use crate::model::deployment::{Edition, Feature, Module, NodeRole, Policy, RtcEngine, Topology};
use crate::model::port::{PortRange, Transport};
use crate::model::rule::{AllowedFrom, RuleId};
use crate::model::target::Family;
use crate::model::upgrade::{Grant, Judged, PortChange, RuleChange, Step, Upgrade};
use crate::model::verdict::Severity;
use crate::output::rules::json::parts;

/// The version of the shape. A field may be added (the number after the dot), nothing else; another
/// number before the dot is another shape.
const SCHEMA_VERSION: &str = "1.0";

/// Writes the changes as one JSON object, with a final newline.
///
/// # Errors
/// Those of `out`.
pub fn write(upgrade: &Upgrade, digest: &str, out: &mut dyn Write) -> io::Result<()> {
    let shape = Shape::of(upgrade, digest);
    serde_json::to_writer_pretty(&mut *out, &shape)?;
    writeln!(out)?;
    out.flush()
}

/// What `ovcheck rules --diff FROM TO --format json` prints.
///
/// - `schema_version` is [`SCHEMA_VERSION`]; `ruleset.digest` is that of all rules.
/// - `from`, `to`: the editions.
/// - `changed`: whether anything is listed below.
/// - `ports`: what changes in the firewalls, by topology and node; what to open first, then what to
///   close, then what depends on something else than before.
/// - `policies.new`, `policies.gone`: known in `to` alone, and in `from` alone.
/// - `rules`: what is judged otherwise.
#[derive(Serialize)]
struct Shape<'a> {
    schema_version: &'static str,
    ruleset: Ruleset<'a>,
    from: Edition,
    to: Edition,
    changed: bool,
    ports: Vec<PortShape<'a>>,
    policies: Policies<'a>,
    rules: Vec<RuleShape<'a>>,
}

#[derive(Serialize)]
struct Ruleset<'a> {
    digest: &'a str,
}

#[derive(Serialize)]
struct Policies<'a> {
    new: &'a [Policy],
    gone: &'a [Policy],
}

/// A port that the tables grant to some machines otherwise than before.
///
/// - `step`: `open`, `close`, `reconsider`.
/// - `ports`: a number, or `{"first": …, "last": …}`.
/// - `sources`: whom the change is about: `anywhere`, `external-proxy`, `master`, `media`.
/// - `before`, `after`: under what they are let in; empty where no table lets them in.
/// - `not_under`: policies under which a rule of the family `policy` judges the port instead.
/// - `gone`: why the tables of `to` name the port no more; `null` where nobody wrote it down.
#[derive(Serialize)]
struct PortShape<'a> {
    topology: Topology,
    node: NodeRole,
    step: &'static str,
    rule: &'a RuleId,
    transport: Transport,
    ports: PortRange,
    sources: &'a [AllowedFrom],
    before: Vec<GrantShape<'a>>,
    after: Vec<GrantShape<'a>>,
    not_under: &'a [Policy],
    gone: Option<&'a str>,
}

/// Under what a table lets somebody in, in the keys of a row of `ovcheck rules --format json`.
#[derive(Serialize)]
struct GrantShape<'a> {
    feature: Option<Feature>,
    module: Option<Module>,
    needs_turn_domain: bool,
    engine: Option<RtcEngine>,
    tolerated: Option<&'a str>,
}

/// A rule that is judged otherwise.
///
/// - `change`: `new`, `gone`, `severity`, `both_families`, `one_family`.
/// - `severity_before`, `severity_after`: with `severity`; else `null`.
/// - `family`, `why`: with `both_families` the only one that was judged before, with `one_family`
///   the only one that is judged now, and the reason; else `null`.
#[derive(Serialize)]
struct RuleShape<'a> {
    rule: &'a RuleId,
    change: &'static str,
    severity_before: Option<Severity>,
    severity_after: Option<Severity>,
    family: Option<Family>,
    why: Option<&'a str>,
}

impl<'a> Shape<'a> {
    fn of(upgrade: &'a Upgrade, digest: &'a str) -> Self {
        let ports = upgrade.nodes.iter().flat_map(|node| {
            let changes = node.ports.iter();
            changes.map(|change| PortShape::of(node.topology, node.node, change))
        });
        Self {
            schema_version: SCHEMA_VERSION,
            ruleset: Ruleset { digest },
            from: upgrade.from,
            to: upgrade.to,
            changed: !upgrade.is_empty(),
            ports: ports.collect(),
            policies: Policies { new: &upgrade.new_policies, gone: &upgrade.gone_policies },
            rules: upgrade.rules.iter().map(RuleShape::of).collect(),
        }
    }
}

impl<'a> PortShape<'a> {
    fn of(topology: Topology, node: NodeRole, change: &'a PortChange) -> Self {
        Self {
            topology,
            node,
            step: match change.step() {
                Step::Open => "open",
                Step::Close => "close",
                Step::Reconsider => "reconsider",
            },
            rule: &change.rule,
            transport: change.transport,
            ports: change.ports,
            sources: &change.sources,
            before: change.before.iter().map(GrantShape::of).collect(),
            after: change.after.iter().map(GrantShape::of).collect(),
            not_under: &change.not_under,
            gone: change.gone.as_deref(),
        }
    }
}

impl<'a> GrantShape<'a> {
    fn of(grant: &'a Grant) -> Self {
        let (feature, module, needs_turn_domain) = parts(grant.condition);
        Self {
            feature,
            module,
            needs_turn_domain,
            engine: grant.engine,
            tolerated: grant.tolerated.as_deref(),
        }
    }
}

impl<'a> RuleShape<'a> {
    fn of(change: &'a RuleChange) -> Self {
        let plain = |change_word| Self {
            rule: &change.rule,
            change: change_word,
            severity_before: None,
            severity_after: None,
            family: None,
            why: None,
        };
        match &change.what {
            Judged::New => plain("new"),
            Judged::Gone => plain("gone"),
            Judged::Severity { before, after } => Self {
                severity_before: Some(*before),
                severity_after: Some(*after),
                ..plain("severity")
            },
            Judged::OnBothFamilies(limit) => Self {
                family: Some(limit.judged_on),
                why: Some(&limit.why),
                ..plain("both_families")
            },
            Judged::OnOneFamily(limit) => {
                Self { family: Some(limit.judged_on), why: Some(&limit.why), ..plain("one_family") }
            }
        }
    }
}
