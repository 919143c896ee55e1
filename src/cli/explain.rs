//! `ovcheck explain`.

use std::io::{self, Write};
use std::path::PathBuf;

use super::Stop;
use super::terminal::print;
use crate::complaint::{Complaint, Place, suggest};
use crate::exit::ExitStatus;
use crate::model::deployment::Policy;
use crate::model::rule::{
    AllowedFrom, Demand, NameRef, NamedEndpoint, PortRow, PortScope, Rule, Scope,
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
    line(out, "severity", &rule.severity.to_string())?;
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
        let text = format!("{} only: {}", limit.judged_on, limit.why);
        line(out, "judged on", &text)?;
    }
    if !rule.needs.is_empty() {
        line(out, "needs", &words(&rule.needs, ""))?;
    }
    line(out, "means", &rule.means.to_string())?;
    line(out, "remedy", &rule.remedies.default.to_string())?;
    for (reason, remedy) in &rule.remedies.by_reason {
        line(out, &format!("remedy, if {reason}"), &remedy.to_string())?;
    }
    let source = &rule.source;
    let row = source.row.iter().map(String::as_str);
    let parts: Vec<&str> = [source.document.as_str(), source.section.as_str()]
        .into_iter()
        .chain(row)
        .collect();
    line(out, "source", &parts.join(" · "))
}

fn port_row(out: &mut dyn Write, row: &PortRow) -> io::Result<()> {
    let from = match row.from {
        AllowedFrom::Anywhere => "anywhere".to_owned(),
        AllowedFrom::ExternalProxy => format!("{}; closed to everybody else", row.from),
    };
    line(out, "open from", &from)?;
    if let Some(feature) = row.feature {
        line(out, "if in use", &feature.to_string())?;
    }
    if row.needs_turn_domain {
        line(out, "if there is", "a TURN domain")?;
    }
    if let Some(service) = row.service {
        line(out, "speaks", &service.to_string())?;
    }
    if let Some(limit) = &row.listens_on {
        let text = format!("{} only: {}", limit.judged_on, limit.why);
        line(out, "listens on", &text)?;
    }
    if !row.not_under.is_empty() {
        line(out, "not under", &words(&row.not_under, ""))?;
    }
    Ok(())
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
            role,
            transport,
            ports,
        }) => {
            let transport = transport.to_string().to_uppercase();
            format!("{transport} {ports} of {role}, at every address")
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
    use crate::model::deployment::{Edition, Feature, NodeRole};
    use crate::model::port::Transport;
    use crate::model::reason::ReasonCode;
    use crate::model::rule::{Remedies, Service, Source};
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
            demand: Demand::PortRow(PortRow {
                from: AllowedFrom::ExternalProxy,
                feature: Some(Feature::Rtmp),
                needs_turn_domain: false,
                service: Some(Service::Rtmp),
                listens_on: None,
                not_under: vec![],
            }),
            scope: Scope::Ports(PortScope {
                role: NodeRole::Openvidu,
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
            source: Source {
                document: "External proxy guide".to_owned(),
                section: "Port rules".to_owned(),
                row: Some("TCP 1945".to_owned()),
            },
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
open from    the external proxy; closed to everybody else
if in use    rtmp
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
