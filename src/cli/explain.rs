//! `ovcheck explain`.

use std::io::{self, Write};
use std::path::PathBuf;

use super::Stop;
use super::terminal::print;
use crate::complaint::{Complaint, Place, suggest};
use crate::exit::ExitStatus;
use crate::model::deployment::{Condition, NodeRole, Policy};
use crate::model::rule::{
    Demand, FamilyLimit, NameRef, NamedEndpoint, PortRow, PortScope, Rule, Scope, Source, TableRow,
};
use crate::model::vantage::Zone;
use crate::ruleset::Ruleset;

/// `ovcheck explain RULE`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the rule, as it stands in a report: turn/turns-answers-binding
    rule: String,

    /// The directory of rule files to take it from [default: those inside the program]
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitStatus, Stop> {
    let ruleset = match &args.rules {
        Some(directory) => Ruleset::from_directory(directory)?,
        None => Ruleset::embedded(),
    };
    let found = ruleset
        .rules
        .iter()
        .find(|rule| rule.id.as_str() == args.rule);
    let Some(rule) = found else {
        let ids: Vec<&str> = ruleset.rules.iter().map(|rule| rule.id.as_str()).collect();
        return Err(unknown_rule(&args.rule, &ids).into());
    };
    print(|out| explain(rule, out))?;
    Ok(ExitStatus::SUCCESS)
}

fn unknown_rule(wrong: &str, ids: &[&str]) -> Complaint {
    let complaint = Complaint::new(format!("there is no rule \"{wrong}\""), Place::Nowhere);
    let same_slug = ids
        .iter()
        .find(|id| id.split_once('/').is_some_and(|(_, slug)| slug == wrong));
    if let Some(meant) = same_slug
        .copied()
        .or_else(|| suggest(wrong, ids.iter().copied()))
    {
        return complaint.with_help(format!("did you mean \"{meant}\"?"));
    }
    let family = wrong.split('/').next().unwrap_or(wrong);
    let of_family: Vec<&str> = ids
        .iter()
        .copied()
        .filter(|id| id.split('/').next() == Some(family))
        .collect();
    if !of_family.is_empty() {
        return complaint.with_help(format!(
            "the rules of {family} are {}",
            of_family.join(", ")
        ));
    }
    let mut families: Vec<&str> = ids.iter().filter_map(|id| id.split('/').next()).collect();
    families.dedup();
    complaint.with_help(format!(
        "a rule id is family/slug, and the families are {}",
        families.join(", ")
    ))
}

/// Writes all that stands about a rule; placeholders stay as they are written in its file.
fn explain(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n{}\n", rule.id, rule.title)?;
    let mut severity = rule.severity.to_string();
    for (edition, other) in &rule.severity_in {
        severity.push_str(&format!(", in {edition} {other}"));
    }
    line(out, "severity", &severity)?;
    line(out, "applies to", &subject(&rule.scope))?;
    if let Demand::PortRow(row) = &rule.demand {
        port_row(out, row)?;
    }
    line(out, "guide", &words(&rule.editions, "none"))?;
    line(out, "policy", &words::<Policy>(&rule.policies, "every one"))?;
    if let Some(engine) = rule.engine {
        line(out, "engine", &engine.to_string())?;
    }
    line(
        out,
        "judged from",
        &words::<Zone>(&rule.zones, "everywhere"),
    )?;
    if let Some(limit) = &rule.families {
        line(out, "judged on", &limited(limit))?;
    }
    if !rule.needs.is_empty() {
        line(out, "needs", &words(&rule.needs, ""))?;
    }
    line(out, "means", &rule.means.to_string())?;
    line(out, "remedy", &rule.remedies.default.to_string())?;
    for (reason, remedy) in &rule.remedies.by_reason {
        line(out, &format!("remedy, if {reason}"), &remedy.to_string())?;
    }
    let sources: Vec<String> = sources(rule).into_iter().map(source_in_words).collect();
    line(out, "source", &sources.join("\n"))
}

/// Every place that the demand comes from.
fn sources(rule: &Rule) -> Vec<&Source> {
    if let Demand::PortRow(row) = &rule.demand {
        return row.rows.iter().map(|row| &row.source).collect();
    }
    let others = rule.sources.iter().map(|other| &other.source);
    std::iter::once(&rule.source).chain(others).collect()
}

fn source_in_words(source: &Source) -> String {
    let row = source.row.iter().map(String::as_str);
    let parts: Vec<&str> = [source.document.as_str(), source.section.as_str()]
        .into_iter()
        .chain(row)
        .collect();
    parts.join(" · ")
}

fn port_row(out: &mut dyn Write, row: &PortRow) -> io::Result<()> {
    let rows: Vec<String> = row.rows.iter().map(table_row).collect();
    line(out, "open from", &rows.join("\n"))?;
    line(out, "", "closed to everybody else")?;
    if let Some(service) = row.service {
        line(out, "speaks", &service.to_string())?;
    }
    if let Some(limit) = &row.listens_on {
        line(out, "listens on", &limited(limit))?;
    }
    if !row.not_under.is_empty() {
        line(out, "not under", &words(&row.not_under, ""))?;
    }
    if let Some(misprint) = row.misprint {
        line(
            out,
            "misprinted",
            &format!("as {misprint} in a table of the guide"),
        )?;
    }
    Ok(())
}

/// `the Media Nodes (elastic, 3.2, 3.6), if app is in use`.
fn table_row(row: &TableRow) -> String {
    let mut text = format!(
        "{} ({}, {})",
        words(&row.from, ""),
        row.topology,
        words(&row.editions, "")
    );
    if let Some(engine) = row.engine {
        text.push_str(&format!(", with {engine}"));
    }
    match row.condition {
        Some(Condition::TurnDomain) => text.push_str(", if there is a TURN domain"),
        Some(condition) => text.push_str(&format!(", if {condition} is in use")),
        None => {}
    }
    if let Some(why) = &row.tolerated {
        text.push_str(&format!(", tolerated: {why}"));
    }
    text
}

fn limited(limit: &FamilyLimit) -> String {
    let editions = words(&limit.editions, "");
    format!("{} only, in {editions}: {}", limit.judged_on, limit.why)
}

/// A word and what is to be said to it, which may have several lines.
fn line(out: &mut dyn Write, word: &str, text: &str) -> io::Result<()> {
    const MARGIN: usize = 13;
    let mut lines = text.lines();
    if word.len() + 1 < MARGIN {
        let first = lines.next().unwrap_or_default();
        writeln!(out, "{word:MARGIN$}{first}")?;
    } else {
        writeln!(out, "{word}")?;
    }
    for more in lines {
        // An empty line of a text needs no blanks at its end.
        let indented = format!("{:MARGIN$}{more}", "");
        writeln!(out, "{}", indented.trim_end())?;
    }
    Ok(())
}

fn words<T: ToString>(list: &[T], if_empty: &str) -> String {
    if list.is_empty() {
        return if_empty.to_owned();
    }
    let texts: Vec<String> = list.iter().map(T::to_string).collect();
    texts.join(", ")
}

/// What a rule is judged on.
fn subject(scope: &Scope) -> String {
    match scope {
        Scope::Deployment => "the deployment as a whole".to_owned(),
        Scope::Names(names) => {
            let names: Vec<&str> = names.iter().map(|name| name_in_words(*name)).collect();
            format!("{}, in the DNS", names.join(" and "))
        }
        Scope::Endpoints(endpoints) => {
            let endpoints: Vec<String> = endpoints.iter().map(endpoint_in_words).collect();
            format!("{}, at every address", endpoints.join("; "))
        }
        Scope::Ports(PortScope {
            roles,
            transport,
            ports,
        }) => {
            let transport = transport.to_string().to_uppercase();
            let roles: Vec<String> = roles.iter().map(NodeRole::to_string).collect();
            format!(
                "{transport} {ports} of {}, at every address",
                roles.join(" or ")
            )
        }
        Scope::AllNodes { tcp } => {
            let tcp: Vec<_> = tcp.iter().map(|listed| listed.port).collect();
            format!("TCP {} of every node, at every address", words(&tcp, "-"))
        }
    }
}

fn endpoint_in_words(endpoint: &NamedEndpoint) -> String {
    let place = format!("{} on TCP {}", name_in_words(endpoint.name), endpoint.port);
    match endpoint.feature {
        Some(feature) => format!("{place} (if {feature} is in use)"),
        None => place,
    }
}

fn name_in_words(name: NameRef) -> &'static str {
    match name {
        NameRef::Domain => "the domain",
        NameRef::TurnDomain => "the TURN domain",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::deployment::{Edition, Feature, Topology};
    use crate::model::port::Transport;
    use crate::model::reason::ReasonCode;
    use crate::model::rule::{AllowedFrom, Remedies, Service};
    use crate::model::verdict::Severity;

    fn explained(rule: &Rule) -> String {
        let mut out = Vec::new();
        explain(rule, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn rtmp_row() -> Rule {
        Rule {
            id: "ports/openvidu-tcp-1945".parse().unwrap(),
            title: "RTMP is reachable from the proxy".to_owned(),
            severity: Severity::Error,
            severity_in: BTreeMap::new(),
            demand: Demand::PortRow(PortRow {
                rows: vec![TableRow {
                    topology: Topology::SingleNode,
                    editions: vec![Edition::V3_2],
                    from: vec![AllowedFrom::ExternalProxy],
                    condition: Some(Condition::Feature(Feature::Rtmp)),
                    engine: None,
                    tolerated: None,
                    source: source(),
                }],
                service: Some(Service::Rtmp),
                only_in_sessions: false,
                listens_on: None,
                not_under: vec![],
                misprint: None,
                gone: None,
            }),
            scope: Scope::Ports(PortScope {
                roles: vec![NodeRole::Openvidu],
                transport: Transport::Tcp,
                ports: "1945".parse().unwrap(),
            }),
            editions: vec![Edition::V3_2],
            policies: vec![],
            zones: vec![Zone::Internet, Zone::ExternalProxy],
            engine: None,
            families: None,
            needs: vec!["dns/domain-resolves".parse().unwrap()],
            means: "streams cannot be ingested".parse().unwrap(),
            remedies: Remedies {
                default: "open it:\n\n    nft add rule … tcp dport ${port} accept"
                    .parse()
                    .unwrap(),
                by_reason: BTreeMap::from([(
                    ReasonCode::PortOpenUnexpected,
                    "close it to all but ${proxy-addresses}".parse().unwrap(),
                )]),
            },
            source: source(),
            sources: vec![],
        }
    }

    fn source() -> Source {
        Source {
            document: "External proxy guide".to_owned(),
            section: "Port rules".to_owned(),
            row: Some("TCP 1945".to_owned()),
        }
    }

    #[test]
    fn a_rule_is_explained_with_all_that_stands_about_it() {
        assert_eq!(
            explained(&rtmp_row()),
            "\
ports/openvidu-tcp-1945
RTMP is reachable from the proxy

severity     error
applies to   TCP 1945 of openvidu, at every address
open from    the external proxy (single-node, 3.2), if rtmp is in use
             closed to everybody else
speaks       RTMP
guide        3.2
policy       every one
judged from  internet, external-proxy
needs        dns/domain-resolves
means        streams cannot be ingested
remedy       open it:

                 nft add rule … tcp dport ${port} accept
remedy, if port_open_unexpected
             close it to all but ${proxy-addresses}
source       External proxy guide · Port rules · TCP 1945
"
        );
    }

    #[test]
    fn an_unknown_rule_is_answered_with_the_one_meant_or_with_its_family() {
        let ids = [
            "dns/domain-resolves",
            "turn/turns-answers-binding",
            "turn/turns-x",
        ];
        let help = |wrong| unknown_rule(wrong, &ids).help.unwrap();
        assert_eq!(
            help("turn/turns-answer-bindings"),
            "did you mean \"turn/turns-answers-binding\"?"
        );
        assert_eq!(
            help("turns-answers-binding"),
            "did you mean \"turn/turns-answers-binding\"?"
        );
        assert_eq!(
            help("turn/y"),
            "the rules of turn are turn/turns-answers-binding, turn/turns-x"
        );
        assert_eq!(
            help("udp"),
            "a rule id is family/slug, and the families are dns, turn"
        );
    }
}
