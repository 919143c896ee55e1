//! The door to the readers of proxies.

use super::files::{FileProblem, Files};
use super::{caddy, haproxy, nginx, traefik};
use crate::model::configuration::{Connection, Opening, ProxyKind};
use crate::model::facts::ProxyFacts;
use crate::model::name::DomainName;
use crate::model::port::Port;
use crate::model::target::Family;

/// A file, or a text that is none on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyInput {
    /// The path of a file, read through [`Files`].
    Path(String),
    /// A text with the name under which it is shown: standard input.
    Text { name: String, bytes: Vec<u8> },
}

/// The names and ports whose connections are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedNames {
    /// The name of the API. Without it, all names of the configuration are asked in both roles.
    pub api: Option<DomainName>,
    /// The name of TURN over TLS.
    pub turn: Option<DomainName>,
    /// A name that the deployment does not have.
    pub unknown: Option<DomainName>,
    pub families: Vec<Family>,
    pub ports: AskedPorts,
}

/// The ports on which a proxy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedPorts {
    pub https: Port,
    pub http: Port,
    /// `None`: RTMP is not asked about.
    pub rtmps: Option<Port>,
}

impl AskedNames {
    /// The connections to follow; `configured`: the names that the configuration has.
    pub fn connections<'n>(&self, configured: impl Iterator<Item = &'n String>) -> Vec<Connection> {
        // More than these would fill the page, and say the same.
        const MOST: usize = 20;
        let configured: Vec<DomainName> =
            configured.filter_map(|name| name.parse().ok()).take(MOST).collect();
        let mut connections = Vec::new();
        for family in &self.families {
            let mut ask = |name: Option<&DomainName>, port: Port, opening: Opening| {
                let name = name.cloned();
                let connection = Connection { name, port, family: *family, opening };
                if !connections.contains(&connection) {
                    connections.push(connection);
                }
            };
            let apis: Vec<&DomainName> = self.api.iter().collect();
            let turns: Vec<&DomainName> = self.turn.iter().collect();
            let is_declared = self.api.is_some() || self.turn.is_some();
            let apis = if is_declared { apis } else { configured.iter().collect() };
            let turns = if is_declared { turns } else { configured.iter().collect() };
            for name in &apis {
                ask(Some(name), self.ports.https, Opening::WebSocket);
            }
            for name in &turns {
                ask(Some(name), self.ports.https, Opening::Stun);
            }
            ask(self.unknown.as_ref(), self.ports.https, Opening::WebSocket);
            ask(None, self.ports.https, Opening::WebSocket);
            for name in &apis {
                if let Some(rtmps) = self.ports.rtmps {
                    ask(Some(name), rtmps, Opening::Rtmp);
                    ask(Some(name), rtmps, Opening::PlainRtmp);
                }
                ask(Some(name), self.ports.http, Opening::PlainHttp);
                ask(Some(name), self.ports.http, Opening::AcmeChallenge);
            }
        }
        connections
    }
}

/// Why nothing was read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadProblem {
    /// No file was named.
    NothingNamed,
    /// The main file was not read.
    File { path: String, problem: FileProblem },
    /// It is not the configuration of a proxy that can be read, or not told which.
    UnknownKind { path: String },
    /// It is a Caddyfile, of which only Caddy makes its configuration.
    Caddyfile { path: String },
    /// More than one main file of a kind that has one.
    SeveralMainFiles,
    /// Bytes that are no text.
    Binary { path: String },
}

/// The largest main file.
const LARGEST_MAIN: usize = 32 * 1024 * 1024;
/// The most files of a directory.
const MOST_MAIN_FILES: usize = 1_000;

/// What the configuration of a proxy says, and where it leads the connections that are asked about.
///
/// # Errors
/// [`ReadProblem`]: nothing was read at all. Faults of the text are facts.
pub fn read(
    main: &[ProxyInput],
    kind: Option<ProxyKind>,
    asked: &AskedNames,
    files: &dyn Files,
) -> Result<ProxyFacts, ReadProblem> {
    let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
    for input in main {
        match input {
            ProxyInput::Text { name, bytes } => texts.push((name.clone(), bytes.clone())),
            ProxyInput::Path(path) => texts.extend(texts_at(path, files)?),
        }
    }
    let together: usize = texts.iter().map(|(_, bytes)| bytes.len()).sum();
    let Some((path, bytes)) = texts.first() else { return Err(ReadProblem::NothingNamed) };
    if together > LARGEST_MAIN {
        return Err(ReadProblem::File { path: path.clone(), problem: FileProblem::TooLarge });
    }
    if let Some((path, _)) = texts.iter().find(|(_, bytes)| bytes.contains(&0)) {
        return Err(ReadProblem::Binary { path: path.clone() });
    }
    let is_of_caddy = kind.is_none_or(|kind| kind == ProxyKind::Caddy);
    if is_of_caddy && caddy::is_caddyfile(&String::from_utf8_lossy(bytes)) {
        return Err(ReadProblem::Caddyfile { path: path.clone() });
    }
    // The first file may be a comment only, where HAProxy reads several.
    let is_told = kind.is_some();
    let kind = kind.or_else(|| texts.iter().find_map(|(_, bytes)| kind_of(bytes)));
    let of_another = |bytes: &[u8]| kind_of(bytes).is_some_and(|own| Some(own) != kind);
    if !is_told && texts.iter().any(|(_, bytes)| of_another(bytes)) {
        return Err(ReadProblem::SeveralMainFiles);
    }
    match kind.ok_or_else(|| ReadProblem::UnknownKind { path: path.clone() })? {
        ProxyKind::Nginx if texts.len() > 1 => Err(ReadProblem::SeveralMainFiles),
        ProxyKind::Nginx => Ok(match nginx::read_dump(bytes) {
            Some(dump) => nginx::read(&dump.main, &dump.content, asked, &dump.files),
            None => nginx::read(path, bytes, asked, files),
        }),
        ProxyKind::Haproxy => Ok(haproxy::read(&texts, asked, files)),
        ProxyKind::Caddy if texts.len() > 1 => Err(ReadProblem::SeveralMainFiles),
        ProxyKind::Caddy => Ok(caddy::read(path, bytes, asked, files)),
        ProxyKind::Traefik => traefik::read(&texts, asked, files)
            .map_err(|traefik::SeveralStatic| ReadProblem::SeveralMainFiles),
    }
}

/// The file at `path`, or the files of a directory that end in `.cfg`, in the order of HAProxy.
fn texts_at(path: &str, files: &dyn Files) -> Result<Vec<(String, Vec<u8>)>, ReadProblem> {
    let read = |path: String| match files.read(&path, LARGEST_MAIN) {
        Ok(bytes) => Ok((path, bytes)),
        Err(problem) => Err(ReadProblem::File { path, problem }),
    };
    let names = match read(path.to_owned()) {
        Err(ReadProblem::File { problem: FileProblem::NotRegular, .. }) => files.list(path),
        read => return read.map(|text| vec![text]),
    };
    let problem = ReadProblem::File { path: path.to_owned(), problem: FileProblem::NotRegular };
    let Ok(mut names) = names else { return Err(problem) };
    names.retain(|name| name.ends_with(".cfg") && !name.starts_with('.'));
    names.sort_unstable();
    names.truncate(MOST_MAIN_FILES);
    if names.is_empty() {
        return Err(problem);
    }
    names.into_iter().map(|name| read(format!("{}/{name}", path.trim_end_matches('/')))).collect()
}

/// The kind of proxy, by the first words of its configuration.
pub fn kind_of(bytes: &[u8]) -> Option<ProxyKind> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(64 * 1024)]);
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        return Some(ProxyKind::Caddy);
    }
    const HAPROXY: [&str; 10] = [
        "global",
        "defaults",
        "frontend",
        "backend",
        "listen",
        "resolvers",
        "userlist",
        "peers",
        "cache",
        "program",
    ];
    const TRAEFIK: [&str; 15] = [
        "tcp:",
        "http:",
        "tls:",
        "entryPoints:",
        "providers:",
        "certificatesResolvers:",
        "[tcp",
        "[http",
        "[tls",
        "[[tls",
        "[entryPoints",
        "[providers",
        "[certificatesResolvers",
        "[api",
        "[log",
    ];
    const CADDY: [&str; 4] = ["apps:", "storage:", "admin:", "logging:"];
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        let first = bare.split_whitespace().next().unwrap_or_default();
        let is_directive = bare.ends_with(';') || bare.ends_with('{') || bare == "}";
        if is_directive {
            return Some(ProxyKind::Nginx);
        }
        // A compose file, whose containers have labels or flags of Traefik.
        if line.starts_with("services:") && text.to_ascii_lowercase().contains("traefik") {
            return Some(ProxyKind::Traefik);
        }
        if TRAEFIK.iter().any(|start| bare.starts_with(start)) {
            return Some(ProxyKind::Traefik);
        }
        if CADDY.contains(&first) {
            return Some(ProxyKind::Caddy);
        }
        if HAPROXY.contains(&first) {
            return Some(ProxyKind::Haproxy);
        }
    }
    let is_nginx = text.contains(';') && text.contains('{');
    is_nginx.then_some(ProxyKind::Nginx)
}
