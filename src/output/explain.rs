//! All that stands about a rule: `ovcheck explain`.

use std::io::{self, Write};

use crate::model::deployment::{NodeRole, Policy};
use crate::model::rule::{
    Demand, FamilyLimit, Machine, NameRef, NamedEndpoint, Placeholder, PortRow, PortScope,
    RemedyTemplate, Rule, Scope, Source, Template, Topic,
};
use crate::model::trouble::Trouble;
use crate::model::vantage::Zone;

use super::Style;
use super::entries::{Piece, entry, prose};
use super::page::{Ink, Page};
use super::rows::{by_topology, editions, listed, need, port};
use super::text::one_line;
use super::troubles::demos;

/// Writes all that stands about a rule, and what people say when it is the cause. A placeholder that
/// is left is a word to be replaced: `<DOMAIN>`.
///
/// No line is wider than the style says, except those of a remedy that are there to be pasted.
///
/// # Errors
/// Those of `out`.
pub fn write(
    rule: &Rule,
    troubles: &[&Trouble],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(style, out);
    page.line(&[(Ink::Strong, rule.id.as_str())])?;
    page.hanging(&[], 0, &rule.title)?;
    page.blank()?;
    for (word, pieces) in entries(rule, troubles) {
        entry(&word, &pieces, &mut page)?;
    }
    out.flush()
}

/// Writes a subject that many remedies refer to.
///
/// # Errors
/// Those of `out`.
pub fn write_topic(topic: &Topic, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(style, out);
    page.hanging(&[(Ink::Strong, "firewall")], 0, &topic.title)?;
    page.blank()?;
    let words = |text: &Template| text.to_string();
    for piece in remedy(&topic.steps, words) {
        match piece {
            Piece::Pasted(line) => page.verbatim(0, &line)?,
            Piece::Prose(text) | Piece::Item(text) => page.hanging(&[], 0, &text)?,
        }
    }
    out.flush()
}

fn entries(rule: &Rule, troubles: &[&Trouble]) -> Vec<(String, Vec<Piece>)> {
    let mut entries = Vec::new();
    let mut add = |word: &str, pieces: Vec<Piece>| entries.push((word.to_owned(), pieces));
    if !rule.formerly.is_empty() {
        add("formerly", prose(listed(&rule.formerly)));
    }
    let mut severity = rule.severity.to_string();
    for (edition, other) in &rule.severity_in {
        severity.push_str(&format!(", in {edition} {other}"));
    }
    for (policy, other) in &rule.severity_under {
        severity.push_str(&format!(", under {policy} {other}"));
    }
    add("severity", prose(severity));
    add("applies to", prose(subject(&rule.scope)));
    if let Demand::PortRow(row) = &rule.demand {
        for (word, pieces) in of_row(row) {
            add(word, pieces);
        }
    }
    add("guide", prose(editions(&rule.editions)));
    add("policy", prose(words::<Policy>(&rule.policies, "all")));
    if let Some(need) = need(rule.condition, rule.engine) {
        add("only", prose(need));
    }
    add("zones", prose(words::<Zone>(&rule.zones, "all zones")));
    if let Some(limit) = &rule.families {
        add("checked on", prose(limited(limit)));
    }
    if !rule.needs.is_empty() {
        add("needs", prose(listed(&rule.needs)));
    }
    let words = |text: &Template| text.render(|placeholder| word(placeholder, rule));
    add("means", prose(one_line(&words(&rule.texts.default.means))));
    for (reason, texts) in &rule.texts.by_reason {
        if let Some(means) = &texts.means {
            add(&format!("means, if {reason}"), prose(one_line(&words(means))));
        }
    }
    if !troubles.is_empty() {
        add("people say", said(troubles));
    }
    let seen = troubles.iter().flat_map(|trouble| &trouble.seen);
    let demos = demos(seen.filter(|seen| seen.rules.contains(&rule.id)));
    if !demos.is_empty() {
        add("demo", demos);
    }
    add("remedy", remedy(&rule.texts.default.remedy, words));
    for (reason, texts) in &rule.texts.by_reason {
        if let Some(steps) = &texts.remedy {
            add(&format!("remedy, if {reason}"), remedy(steps, words));
        }
    }
    add("source", sources(rule));
    entries
}

/// What people say, in one piece for each way to say it.
fn said(troubles: &[&Trouble]) -> Vec<Piece> {
    let mut said: Vec<&str> = Vec::new();
    for words in troubles.iter().flat_map(|trouble| &trouble.people_say) {
        if !said.contains(&words.as_str()) {
            said.push(words);
        }
    }
    let said = said.iter().map(|words| Piece::Item(words.to_string()));
    said.collect()
}

/// What the guide's tables say of a port.
fn of_row(row: &PortRow) -> Vec<(&'static str, Vec<Piece>)> {
    let mut open = Vec::new();
    for (topologies, lines) in by_topology(row) {
        open.push(Piece::Prose(topologies));
        open.extend(lines.into_iter().map(Piece::Item));
    }
    open.push(Piece::Prose("closed to all others".to_owned()));
    let mut entries = vec![("open from", open)];
    if let Some(why) = &row.gone {
        entries.push(("dropped", prose(why.clone())));
    }
    if let Some(service) = row.service {
        entries.push(("service", prose(service.to_string())));
    }
    if let Some(limit) = &row.listens_on {
        entries.push(("listens on", prose(limited(limit))));
    }
    if !row.not_under.is_empty() {
        entries.push(("not under", prose(listed(&row.not_under))));
    }
    if let Some(misprint) = row.misprint {
        let text = format!("as {misprint} in a table of the guide");
        entries.push(("misprinted", prose(text)));
    }
    entries
}

/// A remedy.
fn remedy(steps: &[RemedyTemplate], words: impl Fn(&Template) -> String) -> Vec<Piece> {
    let pasted = |lines: &Template| -> Vec<Piece> {
        words(lines).lines().map(|line| Piece::Pasted(format!("    {line}"))).collect()
    };
    let pieces = steps.iter().flat_map(|step| match step {
        RemedyTemplate::Say(text) => prose(one_line(&words(text))),
        RemedyTemplate::Run { on, commands } => {
            [prose(format!("On {}:", machine(*on))), pasted(commands)].concat()
        }
        RemedyTemplate::Show { place, lines } => {
            [prose(format!("In {}:", one_line(&words(place)))), pasted(lines)].concat()
        }
    });
    pieces.collect()
}

/// What stands for a value that only a deployment or a finding has.
fn word(placeholder: Placeholder, rule: &Rule) -> String {
    use Placeholder as P;
    let of_port = match &rule.scope {
        Scope::Ports(scope) => match placeholder {
            P::Port | P::NftPorts => Some(scope.ports.to_string()),
            P::UfwPort | P::UfwPorts => Some(scope.ports.to_string().replace('-', ":")),
            P::Transport => Some(scope.transport.to_string()),
            P::SsFilter => scope.ports.single().map(|port| format!("sport = :{port}")),
            _ => None,
        },
        _ => None,
    };
    of_port.unwrap_or_else(|| match placeholder {
        P::FromProxy => "ip saddr <PROXY_ADDRESS>".to_owned(),
        P::FromSources => "ip saddr <SOURCE_ADDRESSES>".to_owned(),
        P::ExceptSources => "ip saddr != <SOURCE_ADDRESSES>".to_owned(),
        P::FromMedia => "ip saddr <MEDIA_ADDRESSES>".to_owned(),
        P::ExceptMedia => "ip saddr != <MEDIA_ADDRESSES>".to_owned(),
        P::ExceptNodes => "ip saddr != <NODE_ADDRESSES>".to_owned(),
        P::MediaAddressSetting => "node_ip: <MEDIA_ADDRESS>".to_owned(),
        P::SsFilter => "sport = :<PORT>".to_owned(),
        P::NftPorts | P::UfwPort | P::UfwPorts => "<PORT>".to_owned(),
        _ => format!("<{}>", placeholder.as_str().to_uppercase().replace('-', "_")),
    })
}

/// A machine of any deployment.
fn machine(on: Machine) -> &'static str {
    match on {
        Machine::Here => "the machine that runs ovcheck",
        Machine::Proxy => "the proxy",
        Machine::Backend => "the OpenVidu machine, or each Master Node",
        Machine::Media => "the OpenVidu machine, or each Media Node",
        Machine::Node => "the machine of the finding",
        Machine::Application => "the server that makes the access tokens",
    }
}

/// Every place that the demand comes from, by document.
fn sources(rule: &Rule) -> Vec<Piece> {
    let mut all: Vec<&Source> = vec![&rule.source];
    all.extend(rule.sources.iter().map(|other| &other.source));
    if let Demand::PortRow(row) = &rule.demand {
        all.extend(row.rows.iter().map(|row| &row.source));
    }
    let mut documents: Vec<(&str, Vec<String>)> = Vec::new();
    for source in all {
        let row = source.row.as_deref();
        let parts: Vec<&str> = [source.section.as_str()].into_iter().chain(row).collect();
        let place = parts.join(" · ");
        match documents.iter_mut().find(|(known, _)| *known == source.document) {
            Some((_, places)) if places.contains(&place) => {}
            Some((_, places)) => places.push(place),
            None => documents.push((&source.document, vec![place])),
        }
    }
    let pieces = documents.into_iter().flat_map(|(document, places)| {
        let places = places.into_iter().map(Piece::Item);
        prose(document).into_iter().chain(places).collect::<Vec<_>>()
    });
    pieces.collect()
}

fn limited(limit: &FamilyLimit) -> String {
    let editions = editions(&limit.editions);
    format!("{} only, in {editions}: {}", limit.judged_on, limit.why)
}

fn words<T: ToString>(list: &[T], if_empty: &str) -> String {
    if list.is_empty() {
        return if_empty.to_owned();
    }
    listed(list)
}

/// What a rule is judged on.
fn subject(scope: &Scope) -> String {
    match scope {
        Scope::Deployment => "the deployment as a whole".to_owned(),
        Scope::Names(names) => {
            let names: Vec<&str> = names.iter().map(|name| name_in_words(*name)).collect();
            format!("{} in the DNS", names.join(" and "))
        }
        Scope::Endpoints(endpoints) => {
            let endpoints: Vec<String> = endpoints.iter().map(endpoint_in_words).collect();
            format!("{}, at every address", endpoints.join("; "))
        }
        Scope::Ports(PortScope { roles, transport, ports }) => {
            let roles: Vec<String> = roles.iter().map(NodeRole::to_string).collect();
            format!("{} of {}, at every address", port(*transport, *ports), roles.join(" or "))
        }
        Scope::AllNodes { tcp } => {
            let tcp: Vec<_> = tcp.iter().map(|listed| listed.port).collect();
            format!("TCP {} of every node, at every address", words(&tcp, "-"))
        }
        Scope::Machines(roles) => {
            let roles: Vec<String> = roles.iter().map(NodeRole::to_string).collect();
            format!("the machine of {}, on which \"ovcheck host\" runs", roles.join(" or "))
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
    use crate::model::deployment::{Condition, Edition, Feature, Topology};
    use crate::model::port::Transport;
    use crate::model::reason::ReasonCode;
    use crate::model::rule::{
        AllowedFrom, PartialTexts, ReasonTexts, RuleTexts, Service, TableRow,
    };
    use crate::model::trouble::{Shown, Sighting};
    use crate::model::verdict::Severity;

    fn explained(rule: &Rule, troubles: &[&Trouble]) -> String {
        let mut out = Vec::new();
        write(rule, troubles, &Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn obs_reconnects() -> Trouble {
        Trouble {
            id: "obs-reconnects".to_owned(),
            people_say: vec!["OBS reconnecting".to_owned()],
            words: Vec::new(),
            codes: Vec::new(),
            first: None,
            cause: "The port is closed.".to_owned(),
            reported_in: Vec::new(),
            seen: vec![Sighting {
                rules: vec![rtmp_row().id],
                from: vec![Zone::ExternalProxy],
                shown_by: vec![Shown::Demo("rtmp-closed".to_owned())],
            }],
            not_seen: None,
        }
    }

    fn rtmp_row() -> Rule {
        Rule {
            id: "ports/openvidu-tcp-1945".parse().unwrap(),
            formerly: vec!["ports/rtmp-behind-the-proxy".parse().unwrap()],
            title: "RTMP is reachable from the proxy".to_owned(),
            expected: None,
            severity: Severity::Error,
            severity_in: BTreeMap::new(),
            severity_under: BTreeMap::new(),
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
            condition: None,
            families: None,
            needs: vec!["dns/domain-resolves".parse().unwrap()],
            explains: Vec::new(),
            texts: RuleTexts {
                default: ReasonTexts {
                    means: "streams cannot be ingested".parse().unwrap(),
                    remedy: vec![
                        RemedyTemplate::Say("Open it.".parse().unwrap()),
                        RemedyTemplate::Run {
                            on: Machine::Node,
                            commands: "nft add rule … tcp dport ${port} accept".parse().unwrap(),
                        },
                    ],
                },
                by_reason: BTreeMap::from([(
                    ReasonCode::PortOpenUnexpected,
                    PartialTexts {
                        means: Some("anyone can send streams".parse().unwrap()),
                        remedy: Some(vec![RemedyTemplate::Say(
                            "Close it to all but ${proxy-addresses}.".parse().unwrap(),
                        )]),
                    },
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
            explained(&rtmp_row(), &[&obs_reconnects()]),
            "\
ports/openvidu-tcp-1945
RTMP is reachable from the proxy

formerly     ports/rtmp-behind-the-proxy
severity     error
applies to   TCP 1945 of openvidu, at every address
open from    single-node
             · the external proxy, if rtmp is in use (3.2)
             closed to all others
service      RTMP
guide        3.2
policy       all
zones        internet, external-proxy
needs        dns/domain-resolves
means        streams cannot be ingested
means, if port_open_unexpected
             anyone can send streams
people say   · OBS reconnecting
demo         ovcheck demo --fault rtmp-closed
remedy       Open it.
             On the machine of the finding:
                 nft add rule … tcp dport 1945 accept
remedy, if port_open_unexpected
             Close it to all but <PROXY_ADDRESSES>.
source       External proxy guide
             · Port rules · TCP 1945
"
        );
    }
}
