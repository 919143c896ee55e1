//! Caddy: its JSON, or the same in YAML, and where it leads a connection.
//!
//! After the sources of Caddy 2.11 (`modules/caddyhttp`, `modules/caddytls`) and of caddy-l4 0.1.0 (`layer4/routes.go`,
//! `modules/`).

mod config;
mod follow;
mod http;
mod keys;
mod matchers;
mod remarks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::config::{
    App, CaddyConfig, Listen, ListenHost, Network, Server, hosts_of, span, span_of,
};
use super::certificates::{self, CertificateReader, Worker};
use super::files::Files;
use super::nodes;
use super::proxy::AskedNames;
use super::source::{Sources, Span};
use super::yaml::{self, Node, YamlError};
use crate::model::configuration::{Connection, End, Layer, ProxyKind, Trace, Undecided};
use crate::model::facts::{
    ConfiguredName, ProxyFacts, ProxyFault, ProxyFaultKind, ProxyLimits, ProxyListener,
    RenewalReload, ServerText,
};
use crate::model::name::DomainName;
use crate::model::port::Port;

/// What a Caddy configuration says, and where it leads the connections that are asked about.
pub fn read(path: &str, content: &[u8], asked: &AskedNames, files: &dyn Files) -> ProxyFacts {
    let mut sources = Sources::default();
    let text = String::from_utf8_lossy(content);
    // Places are those of the text.
    sources.add(path.to_owned(), text.as_bytes().to_vec());
    match yaml::read(&text) {
        Ok((Some(root), twice)) => {
            nodes::hide_secrets(&root, 0, &[], &mut sources);
            let config = CaddyConfig::new(&root);
            let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
            let twice =
                twice.iter().map(|double| (span(double.place), ServerText::new(&double.key)));
            let twice = twice.collect();
            Reader { root: &root, config, sources, is_json, twice }.facts(asked, files)
        }
        Ok((None, _)) => nothing_read(&sources, asked, (start(), ProxyFaultKind::Unparsable)),
        Err(YamlError::Syntax { place, .. }) => {
            nothing_read(&sources, asked, (span(place), ProxyFaultKind::Unparsable))
        }
        Err(YamlError::TooDeep { line }) => {
            let at = line_start(&text, line);
            nothing_read(&sources, asked, (at, ProxyFaultKind::TooDeep))
        }
        Err(YamlError::TooManyNodes { line }) => {
            let at = line_start(&text, line);
            nothing_read(&sources, asked, (at, ProxyFaultKind::TooMany))
        }
    }
}

/// Whether a text is a Caddyfile: that has blocks or directives of Caddy, and is neither JSON nor YAML.
pub fn is_caddyfile(text: &str) -> bool {
    /// Words with which a line of a Caddyfile begins, and none of another proxy's configuration.
    const OWN: [&str; 9] = [
        "reverse_proxy",
        "file_server",
        "php_fastcgi",
        "handle_path",
        "handle",
        "encode",
        "respond",
        "redir",
        "layer4",
    ];
    /// Blocks of nginx.
    const NGINX: [&str; 9] =
        ["http", "stream", "events", "server", "upstream", "map", "types", "location", "geo"];
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(rest) = start.strip_prefix('{')
        && rest.trim_start().starts_with(['"', '}'])
    {
        return false;
    }
    let lines =
        || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if lines().any(|line| line.ends_with(';')) {
        return false;
    }
    lines().any(|line| {
        let first = line.split_whitespace().next().unwrap_or_default();
        let is_block = (line == "{" || line.ends_with(" {"))
            && !line.ends_with(": {")
            && !line.ends_with("- {")
            && !NGINX.contains(&first);
        is_block || OWN.contains(&first)
    })
}

fn start() -> Span {
    Span { file: 0, start: 0, end: 0 }
}

fn line_start(text: &str, line: usize) -> Span {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let start = u32::try_from(before).unwrap_or(u32::MAX);
    Span { file: 0, start, end: start }
}

/// A file of which nothing can be followed.
fn nothing_read(
    sources: &Sources,
    asked: &AskedNames,
    (at, what): (Span, ProxyFaultKind),
) -> ProxyFacts {
    let end = match what.keeps_from_starting() {
        Some(why) => End::NotStarted(why),
        None => End::Undecided(Undecided::FileUnread(ServerText::new(&sources.files()[0].path))),
    };
    let traces = asked
        .connections(std::iter::empty())
        .into_iter()
        .map(|asked| ended(sources, asked, &end, at));
    ProxyFacts {
        kind: ProxyKind::Caddy,
        files: vec![ServerText::new(&sources.files()[0].path)],
        traces: traces.collect(),
        faults: vec![ProxyFault { at: sources.location(at), what }],
        listeners: Vec::new(),
        names: Vec::new(),
        remarks: Vec::new(),
        limits: ProxyLimits::default(),
        acme_client: None,
        comments: sources.comments(),
        certificates: Vec::new(),
        renewal: RenewalReload::default(),
    }
}

fn ended(sources: &Sources, asked: Connection, end: &End, at: Span) -> Trace {
    Trace::without_hops(asked, end.clone(), sources.location(at))
}

struct Reader<'t> {
    root: &'t Node,
    config: CaddyConfig<'t>,
    sources: Sources,
    is_json: bool,
    /// Keys that are twice in one mapping.
    twice: Vec<(Span, ServerText)>,
}

impl Reader<'_> {
    fn facts(self, asked: &AskedNames, files: &dyn Files) -> ProxyFacts {
        let Self { root, config, sources, .. } = &self;
        // Caddy opens the files when it starts, as the user that it has from then on.
        let certificates = CertificateReader::new(files, Worker::default());
        let mut faults: Vec<(Span, ProxyFaultKind)> = config.faults.clone();
        faults.extend(keys::unknown_keys(root));
        faults.extend(config.certificates.check_files(sources, &certificates));
        // JSON takes the last one, or something of each.
        if !self.is_json {
            let twice = self.twice.iter().cloned();
            faults.extend(twice.map(|(at, key)| (at, ProxyFaultKind::Twice(key))));
        }
        faults.sort_by_key(|(at, _)| *at);
        let names = configured_names(root, config);
        let failure = faults
            .iter()
            .find_map(|(at, what)| Some((*at, End::NotStarted(what.keeps_from_starting()?))));
        let unclear = self
            .twice
            .first()
            .filter(|_| self.is_json)
            .map(|(at, key)| (*at, End::Undecided(Undecided::Directive(key.clone()))));
        let same_for_all: Option<(Span, End)> = failure.or(unclear);
        let connections = asked.connections(names.keys());
        let traces = connections.into_iter().map(|asked| match &same_for_all {
            Some((at, end)) => ended(sources, asked, end, *at),
            None => follow::follow(config, sources, &certificates, &asked),
        });
        let traces: Vec<Trace> = traces.collect();
        let certificates = certificates.into_facts();
        ProxyFacts {
            kind: ProxyKind::Caddy,
            files: vec![ServerText::new(&sources.files()[0].path)],
            traces,
            listeners: listeners(config, sources),
            remarks: remarks::remarks_of(root, config, sources),
            limits: ProxyLimits::default(),
            acme_client: None,
            comments: sources.comments(),
            renewal: certificates::renewal_of(&certificates, files),
            certificates,
            names: names
                .iter()
                .map(|(name, at)| ConfiguredName {
                    name: ServerText::new(name),
                    at: sources.location(*at),
                })
                .collect(),
            faults: faults
                .into_iter()
                .map(|(at, what)| ProxyFault { at: sources.location(at), what })
                .collect(),
        }
    }
}

/// Names in matchers and of certificates, with their first place.
fn configured_names(root: &Node, config: &CaddyConfig<'_>) -> BTreeMap<String, Span> {
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    let mut add = |name: &str, at: Span| {
        if name.parse::<DomainName>().is_ok() && name.parse::<std::net::IpAddr>().is_err() {
            let place = names.entry(name.to_ascii_lowercase()).or_insert(at);
            *place = (*place).min(at);
        }
    };
    for server in &config.servers {
        names_below(server.node, &mut add);
        hosts_of(server.node).into_iter().for_each(|(name, at)| add(name, at));
    }
    let automated = root.below(&["apps", "tls", "certificates", "automate"]);
    for name in automated.map_or(&[][..], Node::items) {
        if let Some(text) = name.text() {
            add(text, span_of(name));
        }
    }
    names
}

fn names_below(node: &Node, add: &mut impl FnMut(&str, Span)) {
    for entry in node.entries() {
        if matches!(entry.key.as_str(), "sni" | "host") {
            for name in entry.value.items() {
                if let Some(text) = name.text() {
                    add(text, span_of(name));
                }
            }
        }
        names_below(&entry.value, add);
    }
    node.items().iter().for_each(|item| names_below(item, add));
}

fn listeners(config: &CaddyConfig<'_>, sources: &Sources) -> Vec<ProxyListener> {
    let mut all = Vec::new();
    for server in &config.servers {
        for listen in &server.listens {
            let one = listener(config, sources, server, listen);
            if one.ends_tls && server.app == App::Http && speaks_http3(server.node) {
                all.push(ProxyListener { is_udp: true, is_quic: true, ..one.clone() });
            }
            all.push(one);
        }
    }
    all
}

/// Whether a server of the `http` app also takes HTTP/3, as it does unless it is told its protocols.
fn speaks_http3(server: &Node) -> bool {
    let protocols = server.list("protocols");
    protocols.is_empty() || protocols.iter().any(|protocol| protocol.text() == Some("h3"))
}

fn listener(
    config: &CaddyConfig<'_>,
    sources: &Sources,
    server: &Server<'_>,
    listen: &Listen<'_>,
) -> ProxyListener {
    let families = listen.place().map(|place| place.families());
    let (layer, ends_tls) = match server.app {
        App::Layer4 => (Layer::Tcp, false),
        App::Http => (Layer::Http, config.ends_tls(server, listen.ports.0)),
    };
    let wrappers = server.node.list("listener_wrappers");
    ProxyListener {
        at: sources.location(listen.at),
        port: match (listen.network, listen.host) {
            (Network::Unix | Network::Other, _) | (_, ListenHost::Name("")) => None,
            _ => Port::new(listen.ports.0),
        },
        address: listen.address(),
        families: families.unwrap_or_default(),
        is_udp: listen.network == Network::Udp,
        is_quic: false,
        ends_tls,
        reads_proxy_header: wrappers
            .iter()
            .any(|it| it.get("wrapper").and_then(Node::text) == Some("proxy_protocol")),
        layer,
    }
}
