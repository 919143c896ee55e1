//! nginx: its words, its blocks, and where it leads a connection.

mod dump;
mod faults;
mod follow;
mod http;
mod index;
pub mod lexer;
mod map_keys;
mod remarks;
#[cfg(test)]
mod tests;
pub mod tree;
mod variables;
mod words;

use std::collections::BTreeMap;

use self::index::{Index, Listen, ListenPlace};
use self::tree::read_tree;
use super::certificates::{self, CertificateReader, Worker};
use super::files::Files;
use super::proxy::AskedNames;
use crate::lint::source::Span;
use crate::model::configuration::{End, Layer, ProxyKind, Trace, Undecided};
use crate::model::facts::{ConfiguredName, ProxyFacts, ProxyFault, ProxyListener, ServerText};
use crate::model::name::DomainName;
use crate::model::port::Port;

pub use self::dump::{DumpedFiles, read_dump};

/// What an nginx configuration says, and where it leads the connections that are asked about.
pub fn read(path: &str, content: &[u8], asked: &AskedNames, files: &dyn Files) -> ProxyFacts {
    let tree = read_tree(path, content, files);
    let index = Index::new(&tree);
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let user = tree.directives.iter().find(|directive| directive.is("user"));
    let worker = Worker::new(user.and_then(|user| user.arg(0)), files);
    let certificates = CertificateReader::new(files, worker);
    let faults = faults::faults_of(&index, &certificates, directory);
    let names = configured_names(&index);
    let connections = asked.connections(names.keys());
    let failure = faults.iter().find_map(|fault| {
        let why = fault.what.keeps_from_starting()?;
        Some((fault.at, End::NotStarted(why)))
    });
    let same_for_all =
        failure.or_else(|| Some((index.needs_version()?, End::Undecided(Undecided::Version))));
    let traces = connections
        .iter()
        .map(|asked| match &same_for_all {
            Some((at, end)) => {
                Trace::without_hops(asked.clone(), end.clone(), tree.sources.location(*at))
            }
            None => follow::follow(&index, &certificates, directory, asked),
        })
        .collect();
    let certificates = certificates.into_facts();
    ProxyFacts {
        kind: ProxyKind::Nginx,
        files: tree.sources.files().iter().map(|file| ServerText::new(&file.path)).collect(),
        faults: faults
            .into_iter()
            .map(|fault| ProxyFault { at: tree.sources.location(fault.at), what: fault.what })
            .collect(),
        listeners: listeners(&index),
        names: names
            .into_iter()
            .map(|(name, at)| ConfiguredName {
                name: ServerText::new(&name),
                at: tree.sources.location(at),
            })
            .collect(),
        remarks: remarks::remarks_of(&index),
        limits: remarks::limits_of(&index),
        acme_client: remarks::acme_client(&index),
        traces,
        comments: tree.sources.comments(),
        renewal: certificates::renewal_of(&certificates, files),
        certificates,
    }
}

/// Names of servers, and keys of maps by the name that a client asks for, with their first place.
fn configured_names(index: &Index<'_>) -> BTreeMap<String, Span> {
    const BY_NAME: [&str; 4] =
        ["$ssl_server_name", "$ssl_preread_server_name", "$host", "$http_host"];
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    for side in index.sides() {
        let of_servers = side.servers.iter().flat_map(|server| server.names.iter().copied());
        let maps = side
            .maps
            .values()
            .filter(|map| map.arg(0).is_some_and(|source| BY_NAME.contains(&source)));
        let of_maps = maps.flat_map(|map| map.block().unwrap_or_default()).map(|entry| &entry.name);
        for word in of_servers.chain(of_maps) {
            if word.text.parse::<DomainName>().is_ok() {
                let place = names.entry(word.text.to_ascii_lowercase()).or_insert(word.span);
                *place = (*place).min(word.span);
            }
        }
    }
    names
}

fn listeners(index: &Index<'_>) -> Vec<ProxyListener> {
    let mut all = Vec::new();
    for side in index.sides() {
        for listen in side.servers.iter().flat_map(|server| &server.listens) {
            all.push(listener(index, side.layer, listen));
        }
    }
    all
}

fn listener(index: &Index<'_>, layer: Layer, listen: &Listen<'_>) -> ProxyListener {
    let port = match listen.place {
        ListenPlace::Tcp(place) => Port::new(place.first),
        ListenPlace::Name(_, port) => Port::new(port),
        _ => None,
    };
    let families = listen.place.tcp().map(|place| place.families()).unwrap_or_default();
    ProxyListener {
        at: index.tree.sources.location(listen.at),
        port,
        address: listen.place.address(),
        families,
        is_udp: listen.is_udp,
        is_quic: listen.is_quic,
        ends_tls: listen.ends_tls,
        reads_proxy_header: listen.reads_proxy_header,
        layer,
    }
}
