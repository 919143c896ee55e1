//! An upgrade for people: what to open, what to close, and what else is judged.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::model::deployment::{Edition, NodeRole, Topology};
use crate::model::rule::{AllowedFrom, RuleId};
use crate::model::target::Family;
use crate::model::upgrade::{Grant, Judged, NodeChanges, PortChange, Step, Upgrade};
use crate::model::verdict::Severity;
use crate::output::page::{Ink, Page};
use crate::output::rows::{listed, need, policies, port, sources};
use crate::output::text::{clean, counted};
use crate::output::{Style, Verbosity};

/// Writes the changes of each topology and node, those of policies and rules, and all of it in one
/// line.
///
/// # Errors
/// Those of `out`.
pub fn write(upgrade: &Upgrade, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(style, out);
    match style.verbosity {
        Verbosity::Quiet => {}
        Verbosity::Normal | Verbosity::Verbose => {
            let topologies = upgrade.nodes.chunk_by(|one, next| one.topology == next.topology);
            for nodes in topologies {
                topology(upgrade, nodes, &mut page)?;
            }
            judged(upgrade, &mut page)?;
        }
    }
    last_line(upgrade, &mut page)?;
    out.flush()
}

fn topology(upgrade: &Upgrade, nodes: &[NodeChanges], page: &mut Page<'_>) -> io::Result<()> {
    let Some(first) = nodes.first() else {
        return Ok(());
    };
    page.line(&[(Ink::Strong, &first.topology.to_string())])?;
    for node in nodes {
        let name = format!("  {}", node.node);
        if node.ports.is_empty() {
            page.line(&[(Ink::Plain, &name), (Ink::Faint, ": nothing changes")])?;
            continue;
        }
        page.line(&[(Ink::Plain, &name)])?;
        for change in &node.ports {
            let (ink, mark) = mark(change.step());
            let text = in_words(upgrade, node, change);
            page.hanging(&[(Ink::Plain, "    "), (ink, mark)], 6, &clean(&text))?;
        }
    }
    page.blank()
}

/// Nothing is said by the mark or its colour alone: each line says it in words.
fn mark(step: Step) -> (Ink, &'static str) {
    match step {
        Step::Open => (Ink::Good, "+"),
        Step::Close => (Ink::Bad, "-"),
        Step::Reconsider => (Ink::Caution, "~"),
    }
}

/// `open TCP 9080 of the Master Node to the Media Nodes (with module openviduMeet)`.
fn in_words(upgrade: &Upgrade, node: &NodeChanges, change: &PortChange) -> String {
    let port = port(change.transport, change.ports);
    let machine = machine(node.topology, node.node);
    let when = policies(&change.not_under, &[upgrade.to]);
    match change.step() {
        Step::Open => {
            let need = needs(&change.after);
            let limits: Vec<String> = need.into_iter().chain(when).collect();
            let to = to(&change.sources, node.topology);
            let why = change.before.iter().find_map(|it| it.tolerated.as_deref());
            format!("open {port} of {machine} to {to}{}{}", in_brackets(&limits), because(why))
        }
        Step::Close => {
            let to = to(&change.sources, node.topology);
            let why = change.gone.as_deref();
            format!("close {port} of {machine} to {to}{}", because(why))
        }
        Step::Reconsider => {
            let limits: Vec<String> = when.into_iter().collect();
            format!(
                "{port} of {machine}, from {}: needed {}; in {} {}{}",
                sources(&change.sources, &[node.topology]),
                always_or(&change.after),
                upgrade.from,
                always_or(&change.before),
                in_brackets(&limits)
            )
        }
    }
}

fn because(why: Option<&str>) -> String {
    why.map_or_else(String::new, |why| format!(": {why}"))
}

fn in_brackets(limits: &[String]) -> String {
    if limits.is_empty() {
        return String::new();
    }
    format!(" ({})", limits.join("; "))
}

/// Everybody, or those who are meant.
fn to(list: &[AllowedFrom], topology: Topology) -> String {
    if list.contains(&AllowedFrom::Anywhere) {
        return "all addresses".to_owned();
    }
    sources(list, &[topology])
}

/// The machines that the line is about.
fn machine(topology: Topology, node: NodeRole) -> &'static str {
    match (node, topology) {
        (NodeRole::Openvidu, _) => "the OpenVidu machine",
        (NodeRole::Master, Topology::HighAvailability) => "each Master Node",
        (NodeRole::Master, Topology::SingleNode | Topology::Elastic) => "the Master Node",
        (NodeRole::Media, _) => "each Media Node",
        (NodeRole::Proxy, _) => "the proxy",
    }
}

/// When the port is needed; `None`: always.
fn needs(grants: &[Grant]) -> Option<String> {
    let demanded = grants.iter().filter(|grant| grant.tolerated.is_none());
    let needs: Option<Vec<String>> =
        demanded.map(|grant| need(grant.condition, grant.engine)).collect();
    needs.filter(|needs| !needs.is_empty()).map(|needs| needs.join(" or "))
}

fn always_or(grants: &[Grant]) -> String {
    let tolerated = grants.iter().find_map(|grant| grant.tolerated.as_deref());
    let is_demanded = grants.iter().any(|grant| grant.tolerated.is_none());
    match (needs(grants), tolerated) {
        (Some(need), _) => need,
        (None, Some(why)) if !is_demanded => format!("by no table, but tolerated: {why}"),
        (None, None) if !is_demanded => "by no table".to_owned(),
        (None, Some(_) | None) => "always".to_owned(),
    }
}

/// Policies and rules.
fn judged(upgrade: &Upgrade, page: &mut Page<'_>) -> io::Result<()> {
    let mut lines = Vec::new();
    for (policies, word) in [(&upgrade.new_policies, "new"), (&upgrade.gone_policies, "gone")] {
        if !policies.is_empty() {
            lines.push(format!("{word}: --policy {}", listed(policies)));
        }
    }
    let mut kinds: Vec<&Judged> = Vec::new();
    for change in &upgrade.rules {
        if !kinds.contains(&&change.what) {
            kinds.push(&change.what);
        }
    }
    for kind in kinds {
        let of_kind = upgrade.rules.iter().filter(|change| change.what == *kind);
        let ids: Vec<&str> = of_kind.map(|change| change.rule.as_str()).collect();
        let what = kind_in_words(kind, upgrade.from, upgrade.to);
        lines.push(format!("{what}: {}", ids.join(", ")));
    }
    if lines.is_empty() {
        return Ok(());
    }
    page.line(&[(Ink::Strong, "policies and rules")])?;
    for line in lines {
        page.hanging(&[(Ink::Caution, "  ~")], 4, &clean(&line))?;
    }
    page.blank()
}

fn kind_in_words(kind: &Judged, from: Edition, to: Edition) -> String {
    match kind {
        Judged::New => "new".to_owned(),
        Judged::Gone => "gone".to_owned(),
        Judged::Severity { before, after } => {
            format!("{} in {to}, {} in {from}", noun(*after), noun(*before))
        }
        Judged::OnBothFamilies(limit) => format!(
            "checked over {} too (in {from} only over {}: {})",
            other(limit.judged_on),
            limit.judged_on,
            limit.why
        ),
        Judged::OnOneFamily(limit) => {
            format!("checked only over {} ({})", limit.judged_on, limit.why)
        }
    }
}

fn noun(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "an error",
        Severity::Warning => "a warning",
        Severity::Info => "information",
    }
}

fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

/// All of it in one line, which is enough alone for a log.
fn last_line(upgrade: &Upgrade, page: &mut Page<'_>) -> io::Result<()> {
    let (from, to) = (upgrade.from, upgrade.to);
    if upgrade.is_empty() {
        return page.line(&[(Ink::Plain, &format!("from {from} to {to}: nothing changes"))]);
    }
    let mut parts = Vec::new();
    for nodes in (upgrade.nodes).chunk_by(|one, next| one.topology == next.topology) {
        let steps: Vec<Step> =
            (nodes.iter()).flat_map(|node| node.ports.iter().map(PortChange::step)).collect();
        if let Some(first) = nodes.first() {
            parts.push(format!("{}: {}", first.topology, counts(&steps)));
        }
    }
    for (policies, word) in [(&upgrade.new_policies, "new"), (&upgrade.gone_policies, "gone")] {
        match policies.len() {
            0 => {}
            1 => parts.push(format!("1 policy {word}")),
            count => parts.push(format!("{count} policies {word}")),
        }
    }
    let rules: BTreeSet<&RuleId> = upgrade.rules.iter().map(|change| &change.rule).collect();
    if !rules.is_empty() {
        parts.push(format!("{} changed", counted(rules.len(), "rule")));
    }
    let line = format!("from {from} to {to} · {}", parts.join(" · "));
    page.line(&[(Ink::Plain, &line)])
}

/// `open 4, close 1, reconsider 2`.
fn counts(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "nothing".to_owned();
    }
    let words = [(Step::Open, "open"), (Step::Close, "close"), (Step::Reconsider, "reconsider")];
    let counted = words.map(|(step, word)| {
        let count = steps.iter().filter(|it| **it == step).count();
        (count > 0).then(|| format!("{word} {count}"))
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
