//! Traefik 3: its static file, the files of its file provider, and where they lead a connection.
//!
//! After the sources of Traefik 3.7 (`pkg/server/router`, `pkg/muxer`, `pkg/tls`, `pkg/provider/traefik`).

mod compose;
mod config;
mod follow;
mod http;
mod keys;
mod remarks;
mod rule;
mod services;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;

use self::compose::{Compose, Docker, is_compose};
use self::config::{Config, Does, EntryPoint, Layer4Or7, Part, Router};
use self::keys::{KnownKeys, Realm};
use self::tls::PairOfFiles;
use super::certificates::{self, CertificateReader, Worker};
use super::files::{FileProblem, Files};
use super::nodes;
use super::proxy::AskedNames;
use super::source::{Sources, Span};
use super::toml::{self, TomlError};
use super::yaml::{self, Node, YamlError};
use crate::model::configuration::{End, Layer, ProxyKind, Trace, Undecided};
use crate::model::facts::{
    ConfiguredName, ProxyFacts, ProxyFault, ProxyFaultKind, ProxyLimits, ProxyListener, ServerText,
};
use crate::model::name::DomainName;
use crate::model::port::Port;

/// The largest file of the file provider, and how many of a directory are read.
const LARGEST: usize = 4 * 1024 * 1024;
const MOST_FILES: usize = 200;

/// Keys of Traefik whose values are secrets, besides those that are in every configuration.
const SECRET_KEYS: [&str; 4] = ["users", "keyfile", "hmacencoded", "kid"];

/// Two files have sections that Traefik reads when it starts, from one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeveralStatic;

/// What a Traefik configuration says, and where it leads the connections that are asked about.
///
/// # Errors
/// [`SeveralStatic`].
pub fn read(
    texts: &[(String, Vec<u8>)],
    asked: &AskedNames,
    files: &dyn Files,
) -> Result<ProxyFacts, SeveralStatic> {
    let keys = KnownKeys::new();
    let mut reader = Reader {
        sources: Sources::default(),
        documents: Vec::new(),
        composes: Vec::new(),
        keys,
        files,
    };
    for (path, content) in texts {
        reader.add(path, content);
    }
    let with_static: Vec<usize> = (0..reader.documents.len())
        .filter(|index| reader.documents[*index].has(&reader.keys, Realm::Static))
        .collect();
    if with_static.len() > 1 {
        return Err(SeveralStatic);
    }
    let (fixed, unclear) = match with_static.first() {
        Some(index) => (Some(*index), None),
        None => reader.add_flags(),
    };
    let unread = unclear.or(fixed.and_then(|index| reader.add_provided(index)));
    let unread = unread.or(reader.add_labels(fixed));
    Ok(reader.facts(fixed, unread, asked))
}

/// A file, and why nothing of it is loaded.
struct Document {
    root: Option<Node>,
    file: u32,
    fault: Option<(Span, ProxyFaultKind)>,
    /// A template of Go, whose result Traefik reads (`{{ env "DOMAIN" }}`).
    template: Option<(Span, ServerText)>,
    /// It seems to be the file that Traefik reads when it starts.
    seems_static: bool,
    /// It is what the labels of a container make.
    is_of_docker: bool,
}

impl Document {
    /// What a compose file says.
    fn of_compose(root: Node, file: u32, is_of_docker: bool) -> Self {
        let root = Some(root);
        Self { root, file, fault: None, template: None, seems_static: false, is_of_docker }
    }

    fn part(&self) -> Option<Part<'_>> {
        Some(Part { file: self.file, node: self.root.as_ref()? })
    }

    fn has(&self, keys: &KnownKeys, realm: Realm) -> bool {
        self.part().is_some_and(|part| !keys.sections(part, realm).is_empty())
            || realm == Realm::Static && self.root.is_none() && self.seems_static
    }
}

struct Reader<'f> {
    sources: Sources,
    documents: Vec<Document>,
    composes: Vec<Compose>,
    keys: KnownKeys,
    files: &'f dyn Files,
}

impl Reader<'_> {
    fn add(&mut self, path: &str, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        // Places are those of the text.
        let file = self.sources.add(path.to_owned(), text.as_bytes().to_vec());
        let is_toml = match path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()) {
            Some(ending) if ["yml", "yaml", "json"].contains(&ending.as_str()) => false,
            Some(ending) if ending == "toml" => true,
            _ => seems_toml(&text),
        };
        let (root, fault) = match is_toml {
            true => match toml::read(&text) {
                Ok(root) => (Some(root), None),
                Err(TomlError::Syntax(place)) => {
                    (None, Some((Span::of(file, place), ProxyFaultKind::Unparsable)))
                }
                Err(TomlError::TooManyNodes) => {
                    (None, Some((start(file), ProxyFaultKind::TooMany)))
                }
            },
            false => of_yaml(&text, file),
        };
        if let (Some(node), None) = (&root, &fault)
            && is_compose(node)
        {
            self.add_compose(path, file, node.clone());
            return;
        }
        let template = text.find("{{").map(|at| {
            let rest = &text[at..];
            let end = rest.find("}}").map_or(2, |end| end + 2).min(rest.len());
            let word: String = rest[..end].chars().take(80).collect();
            let narrow = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            let span = Span { file, start: narrow(at), end: narrow(at + end) };
            (span, ServerText::new(&word))
        });
        if let Some(root) = &root {
            nodes::hide_secrets(root, file, &SECRET_KEYS, &mut self.sources);
        }
        let seems_static =
            text.lines().any(|line| line.trim_start_matches('[').starts_with("entryPoints"));
        let is_of_docker = false;
        let document = Document { root, file, fault, template, seems_static, is_of_docker };
        self.documents.push(document);
    }

    fn add_compose(&mut self, path: &str, file: u32, root: Node) {
        // Standard input has no file beside it.
        let is_file = [".yml", ".yaml"].iter().any(|ending| path.ends_with(ending));
        let beside = match path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/.env"),
            None => ".env".to_owned(),
        };
        let environment = is_file.then(|| self.files.read(&beside, LARGEST).ok()).flatten();
        let compose = Compose::new(file, root, environment.as_deref());
        compose.hide_secrets(&mut self.sources);
        self.composes.push(compose);
    }

    /// The flags or variables with which a container of Traefik starts, where no file says it.
    fn add_flags(&mut self) -> (Option<usize>, Option<(Undecided, Span)>) {
        let mut all = self.composes.iter().filter_map(|it| Some((it.file(), it.fixed()?)));
        let Some((file, fixed)) = all.next() else { return (None, None) };
        match fixed {
            Err(unclear) => (None, Some(unclear)),
            Ok(root) => {
                self.documents.push(Document::of_compose(root, file, false));
                (Some(self.documents.len() - 1), None)
            }
        }
    }

    /// What the labels of containers make. What of it cannot be known is returned.
    fn add_labels(&mut self, fixed: Option<usize>) -> Option<(Undecided, Span)> {
        let part = fixed.and_then(|index| self.documents[index].part());
        let docker = part.and_then(Docker::of).unwrap_or_else(Docker::unsaid);
        let mut unread = None;
        for compose in &self.composes {
            let (roots, unclear) = compose.containers(docker);
            let file = compose.file();
            let documents = roots.into_iter().map(|root| Document::of_compose(root, file, true));
            self.documents.extend(documents);
            unread = unread.or(unclear);
        }
        unread
    }

    /// Reads the files of the file provider that the static file names; those that are given are there already. What
    /// was not read is returned, unless parts for the file provider were given instead.
    fn add_provided(&mut self, fixed: usize) -> Option<(Undecided, Span)> {
        let files = self.files;
        let provider = self.documents[fixed].part()?.below(&["providers", "file"])?;
        let named = |key: &str| provider.word(key).map(|word| (word.name.to_owned(), word.at));
        let directory = named("directory");
        let is_given = self.documents.iter().any(|it| it.has(&self.keys, Realm::Dynamic));
        let (paths, at) = match (&directory, named("filename")) {
            (Some((path, at)), _) => match files.list(path) {
                Ok(mut names) => {
                    let endings = [".yml", ".yaml", ".toml"];
                    names.retain(|name| endings.iter().any(|ending| name.ends_with(ending)));
                    names.sort_unstable();
                    names.truncate(MOST_FILES);
                    let path = path.trim_end_matches('/');
                    (names.into_iter().map(|name| format!("{path}/{name}")).collect(), *at)
                }
                Err(_) if is_given => return None,
                Err(_) => return Some((Undecided::FileUnread(ServerText::new(path)), *at)),
            },
            (None, Some((path, at))) => (vec![path], at),
            (None, None) => return None,
        };
        let mut unread = None;
        for path in paths {
            if self.sources.number_of(&path).is_some() {
                continue;
            }
            match files.read(&path, LARGEST) {
                // A file that is given may be the same by another path.
                Ok(content) if self.sources.files().iter().any(|file| file.bytes == content) => {}
                Ok(content) => self.add(&path, &content),
                Err(FileProblem::Missing | FileProblem::NotInCopy) if is_given => {}
                Err(_) => {
                    unread = unread.or(Some((Undecided::FileUnread(ServerText::new(&path)), at)));
                }
            }
        }
        unread
    }

    fn facts(
        self,
        fixed: Option<usize>,
        unread: Option<(Undecided, Span)>,
        asked: &AskedNames,
    ) -> ProxyFacts {
        let Self { sources, documents, composes: _, keys, files } = self;
        let mut start_faults: Vec<(Span, ProxyFaultKind)> = Vec::new();
        let mut faults: Vec<(Span, ProxyFaultKind)> = Vec::new();
        let mut unread = unread;
        let mut loaded = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            let is_fixed = Some(index) == fixed;
            if let Some(fault) = &document.fault {
                let list = if is_fixed { &mut start_faults } else { &mut faults };
                list.push(fault.clone());
                continue;
            }
            let Some(part) = document.part() else { continue };
            if is_fixed {
                start_faults.extend(keys.faults(part, Realm::Static));
            }
            if !document.has(&keys, Realm::Dynamic) {
                continue;
            }
            if let Some((at, template)) = &document.template {
                unread = unread.or(Some((Undecided::Variable(template.clone()), *at)));
                continue;
            }
            let fixed = fixed.and_then(|index| documents[index].part());
            if let Some(fixed) = fixed.filter(|fixed| Docker::of(*fixed).is_none())
                && document.is_of_docker
            {
                // Nothing reads labels.
                let [name, needed] = ["providers", "docker"].map(ServerText::new);
                faults.push((fixed.at(), ProxyFaultKind::Lacks { name, needed }));
                continue;
            }
            let own = keys.faults(part, Realm::Dynamic);
            match own.is_empty() {
                true => loaded.push(part),
                // The whole file is passed over.
                false => faults.extend(own),
            }
        }
        let root = fixed.and_then(|index| documents[index].part());
        let provides = |root: &Part<'_>| root.get("providers").is_some();
        if let Some(root) = root.filter(|root| !provides(root))
            && !loaded.is_empty()
        {
            // Nothing loads the other sections.
            let [name, needed] = ["providers", "file"].map(ServerText::new);
            faults.push((root.at(), ProxyFaultKind::Lacks { name, needed }));
            loaded.clear();
        }
        let mut config = Config::new(root, loaded);
        config.unread = unread;
        start_faults.extend(config.start_faults.iter().cloned());
        faults.extend(config.faults.iter().cloned());
        let certificates = CertificateReader::new(files, Worker::default());
        let stores = config.default_store().and_then(|store| store.get("defaultCertificate"));
        let pairs = config.certificates().into_iter().chain(stores).filter_map(PairOfFiles::new);
        faults.extend(pairs.filter_map(|pair| pair.fault(&sources, &certificates)));
        let failure = start_faults
            .iter()
            .find_map(|(at, what)| Some((*at, End::NotStarted(what.keeps_from_starting()?))));
        let unreadable = start_faults.first().map(|(at, _)| {
            let path = ServerText::new(&sources.files()[at.file as usize].path);
            (*at, End::Undecided(Undecided::FileUnread(path)))
        });
        let same_for_all = failure.or(unreadable);
        let names = configured_names(&config);
        let connections = asked.connections(names.keys());
        let traces: Vec<Trace> = connections
            .into_iter()
            .map(|asked| match &same_for_all {
                Some((at, end)) => Trace::without_hops(asked, end.clone(), sources.location(*at)),
                None => follow::follow(&config, &sources, &certificates, &asked),
            })
            .collect();
        faults.extend(start_faults);
        faults.sort_by_key(|(at, _)| *at);
        faults.dedup();
        let certificates = certificates.into_facts();
        let path = |file: &super::source::SourceFile| ServerText::new(&file.path);
        ProxyFacts {
            kind: ProxyKind::Traefik,
            files: sources.files().iter().map(path).collect(),
            traces,
            listeners: listeners(&config, &sources),
            remarks: remarks::remarks_of(&config, &documents_of(&documents), &sources),
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

fn documents_of(documents: &[Document]) -> Vec<Part<'_>> {
    documents.iter().filter_map(Document::part).collect()
}

fn start(file: u32) -> Span {
    Span { file, start: 0, end: 0 }
}

fn seems_toml(text: &str) -> bool {
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| {
        line.starts_with('[')
            || line.split_once('=').is_some_and(|(key, _)| !key.contains([':', '"']))
    })
}

fn of_yaml(text: &str, file: u32) -> (Option<Node>, Option<(Span, ProxyFaultKind)>) {
    let at_line = |line: usize| {
        let before: usize =
            text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let start = u32::try_from(before).unwrap_or(u32::MAX);
        Span { file, start, end: start }
    };
    match yaml::read(text) {
        Ok((root, twice)) => match twice.first() {
            // Traefik's own reader of YAML takes no key twice.
            Some(twice) => {
                let what = ProxyFaultKind::Twice(ServerText::new(&twice.key));
                (root, Some((Span::of(file, twice.place), what)))
            }
            None => (root, None),
        },
        Err(YamlError::Syntax { place, .. }) => {
            (None, Some((Span::of(file, place), ProxyFaultKind::Unparsable)))
        }
        Err(YamlError::TooDeep { line }) => (None, Some((at_line(line), ProxyFaultKind::TooDeep))),
        Err(YamlError::TooManyNodes { line }) => {
            (None, Some((at_line(line), ProxyFaultKind::TooMany)))
        }
    }
}

/// Names in rules, with their first place.
fn configured_names(config: &Config<'_>) -> BTreeMap<String, Span> {
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    for router in &config.routers {
        let tree = router.tree.iter();
        let all = tree.flat_map(|tree| [tree.names("HostSNI"), tree.names("Host")].concat());
        for name in all {
            if name.parse::<DomainName>().is_ok() && name.parse::<std::net::IpAddr>().is_err() {
                let place = names.entry(name).or_insert(router.rule.at);
                *place = (*place).min(router.rule.at);
            }
        }
    }
    names
}

fn listeners(config: &Config<'_>, sources: &Sources) -> Vec<ProxyListener> {
    let mut all = Vec::new();
    for entry_point in &config.entry_points {
        let one = listener(config, sources, entry_point);
        if let Some(http3) = entry_point.http3() {
            let port = http3.number("advertisedPort").and_then(|port| u16::try_from(port).ok());
            let port = one.port.or_else(|| port.and_then(Port::new));
            all.push(ProxyListener { is_udp: true, is_quic: true, port, ..one.clone() });
        }
        all.push(one);
    }
    all
}

fn listener(config: &Config<'_>, sources: &Sources, entry_point: &EntryPoint<'_>) -> ProxyListener {
    let listen = &entry_point.listen;
    let has_tls = entry_point.http().is_some_and(|http| http.enabled("tls").is_some());
    let own = || config.routers.iter().filter(|it| it.has_entry_point(entry_point.name));
    let ends_tls = |it: &Router<'_>| it.tls.is_some() && it.passthrough().is_none();
    let is_http =
        |it: &Router<'_>| it.layer == Layer4Or7::Http && !matches!(it.does, Does::Answers);
    ProxyListener {
        at: sources.location(listen.at),
        port: Port::new(listen.port),
        address: listen.address(),
        families: listen.place().map(|place| place.families()).unwrap_or_default(),
        is_udp: listen.is_udp,
        is_quic: false,
        ends_tls: has_tls || own().any(ends_tls),
        reads_proxy_header: entry_point.proxy_protocol().is_some(),
        layer: if own().any(is_http) { Layer::Http } else { Layer::Tcp },
    }
}
