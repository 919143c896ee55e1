//! HAProxy: its words, its sections, and where it leads a connection.

mod address;
mod certificates;
mod conditions;
mod faults;
mod follow;
mod index;
pub mod lexer;
mod met;
mod remarks;
mod sections;
mod tls;
mod values;
mod words;

use std::collections::BTreeMap;

use self::address::BindPlace;
use self::conditions::{Term, terms};
use self::follow::Around;
use self::index::{Bind, Index, Mode, Proxy};
use self::sections::Configuration;
use self::values::Lists;
use super::certificates::{CertificateReader, Worker, renewal_of};
use super::files::Files;
use super::proxy::AskedNames;
use crate::lint::source::Span;
use crate::model::configuration::{End, Layer, ProxyKind, Trace};
use crate::model::facts::{ConfiguredName, ProxyFacts, ProxyFault, ProxyListener, ServerText};
use crate::model::name::DomainName;
use crate::model::port::Port;

/// What an HAProxy configuration says, and where it leads the connections that are asked about. `main`: the path
/// and the content of each file, in the order in which HAProxy reads them.
pub fn read(main: &[(String, Vec<u8>)], asked: &AskedNames, files: &dyn Files) -> ProxyFacts {
    let configuration = Configuration::new(main);
    let index = Index::new(&configuration);
    let directory = main.first().and_then(|(path, _)| path.rsplit_once('/'));
    let directory = directory.map_or("", |(directory, _)| directory);
    let certificates = CertificateReader::new(files, Worker::default());
    let around = Around { files, lists: Lists { directory }, certificates: &certificates };
    let faults = faults::faults_of(&index, around);
    let names = configured_names(&index, around);
    let connections = asked.connections(names.keys());
    let failure = faults.iter().find_map(|fault| {
        let why = fault.what.keeps_from_starting()?;
        Some((fault.at, End::NotStarted(why)))
    });
    let sources = &configuration.sources;
    let traces = connections
        .iter()
        .map(|asked| match &failure {
            Some((at, end)) => {
                Trace::without_hops(asked.clone(), end.clone(), sources.location(*at))
            }
            None => follow::follow(&index, around, asked),
        })
        .collect();
    let certificates = certificates.into_facts();
    ProxyFacts {
        kind: ProxyKind::Haproxy,
        files: sources.files().iter().map(|file| ServerText::new(&file.path)).collect(),
        faults: faults
            .into_iter()
            .map(|fault| ProxyFault { at: sources.location(fault.at), what: fault.what })
            .collect(),
        listeners: listeners(&index),
        names: names
            .iter()
            .map(|(name, at)| ConfiguredName {
                name: ServerText::new(name),
                at: sources.location(*at),
            })
            .collect(),
        traces,
        comments: sources.comments(),
        renewal: renewal_of(&certificates, files),
        certificates,
        limits: remarks::limits_of(&index),
        remarks: remarks::remarks_of(&index, &names),
        acme_client: remarks::acme_client(&index),
    }
}

/// Names in conditions, and keys of maps by name, with their first place.
fn configured_names(index: &Index<'_>, around: Around<'_>) -> BTreeMap<String, Span> {
    const BY_NAME: [&str; 6] =
        ["ssl_fc_sni", "req.ssl_sni", "req_ssl_sni", "hdr(host)", "hdr_dom(host)", "hdr_beg(host)"];
    let asks_name = |text: &str| {
        BY_NAME.iter().any(|sample| {
            text.trim_start_matches("req.").starts_with(sample.trim_start_matches("req."))
        })
    };
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    let mut add = |text: &str, span: Span| {
        let is_whole = text.contains('.') && text.parse::<DomainName>().is_ok();
        if is_whole && text.parse::<std::net::IpAddr>().is_err() {
            let place = names.entry(text.to_ascii_lowercase()).or_insert(span);
            *place = (*place).min(span);
        }
    };
    let samples_of = |word: &lexer::Word, add: &mut dyn FnMut(&str, Span)| {
        // The keys of a map that is looked up by name.
        let inner = word.text.split_once("%[").map_or(word.text.as_str(), |(_, inner)| inner);
        if !asks_name(inner) {
            return;
        }
        let file = inner.split_once(",map").and_then(|(_, rest)| rest.split_once('('));
        let path = file.and_then(|(_, rest)| rest.split([',', ')']).next());
        let Some(path) = path else { return };
        const LARGEST: usize = 1024 * 1024;
        let Ok(bytes) = around.files.read(&around.lists.full_path(path), LARGEST) else { return };
        for line in String::from_utf8_lossy(&bytes).lines() {
            add(line.split_whitespace().next().unwrap_or_default(), word.span);
        }
    };
    for line in index.proxies.iter().flat_map(|proxy| &proxy.lines) {
        if line.text(0) == "acl" && asks_name(line.text(2)) {
            line.words.iter().skip(3).for_each(|word| add(&word.text, word.span));
        }
        for word in &line.words {
            samples_of(word, &mut add);
        }
        for (_, term) in terms(line).unwrap_or_default().into_iter().flatten() {
            if let Term::Anonymous([sample, patterns @ ..]) = term
                && asks_name(&sample.text)
            {
                patterns.iter().for_each(|word| add(&word.text, word.span));
            }
        }
    }
    names
}

fn listeners(index: &Index<'_>) -> Vec<ProxyListener> {
    let proxies = index.proxies.iter().filter(|proxy| !proxy.is_disabled());
    let binds = proxies.flat_map(|proxy| proxy.binds.iter().map(move |bind| (proxy, bind)));
    binds.map(|(proxy, bind)| listener(index, proxy, bind)).collect()
}

fn listener(index: &Index<'_>, proxy: &Proxy<'_>, bind: &Bind<'_>) -> ProxyListener {
    let port = match &bind.place {
        BindPlace::Tcp(place) => Port::new(place.first),
        BindPlace::Udp { port, .. } | BindPlace::Name(_, port) => Port::new(*port),
        _ => None,
    };
    let families = match &bind.place {
        BindPlace::Tcp(place) => place.families(),
        BindPlace::Udp { family, .. } => vec![*family],
        _ => Vec::new(),
    };
    let is_quic = matches!(bind.place, BindPlace::Udp { .. }) && bind.line.text(1).contains("quic");
    ProxyListener {
        at: index.configuration.sources.location(bind.line.span()),
        port,
        address: bind.place.address(),
        families,
        is_udp: matches!(bind.place, BindPlace::Udp { .. }),
        is_quic,
        ends_tls: bind.ends_tls,
        reads_proxy_header: bind.reads_proxy_header,
        layer: if proxy.mode().0 == Mode::Http { Layer::Http } else { Layer::Tcp },
    }
}
