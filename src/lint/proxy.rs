//! The door to the readers of proxies.

use super::files::{FileProblem, Files};
use super::nginx;
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
    pub fn connections(&self, configured: &[DomainName]) -> Vec<Connection> {
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
    /// This kind is known, and not read.
    NotSupported(ProxyKind),
    /// More than one main file of a kind that has one.
    SeveralMainFiles,
    /// Bytes that are no text.
    Binary { path: String },
}

/// The largest main file.
const LARGEST_MAIN: usize = 32 * 1024 * 1024;

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
    let (path, bytes) = match main {
        [] => return Err(ReadProblem::NothingNamed),
        [ProxyInput::Path(path)] => {
            let read = files.read(path, LARGEST_MAIN);
            let bytes =
                read.map_err(|problem| ReadProblem::File { path: path.clone(), problem })?;
            (path.clone(), bytes)
        }
        [ProxyInput::Text { name, bytes }] => (name.clone(), bytes.clone()),
        [_, _, ..] => return Err(ReadProblem::SeveralMainFiles),
    };
    if bytes.contains(&0) {
        return Err(ReadProblem::Binary { path });
    }
    let kind =
        kind.or_else(|| kind_of(&bytes)).ok_or(ReadProblem::UnknownKind { path: path.clone() })?;
    match kind {
        ProxyKind::Nginx => Ok(match nginx::read_dump(&bytes) {
            Some(dump) => nginx::read(&dump.main, &dump.content, asked, &dump.files),
            None => nginx::read(&path, &bytes, asked, files),
        }),
        other => Err(ReadProblem::NotSupported(other)),
    }
}

/// The kind of proxy, by the first words of its configuration.
pub fn kind_of(bytes: &[u8]) -> Option<ProxyKind> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(64 * 1024)]);
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        return Some(ProxyKind::Caddy);
    }
    const HAPROXY: [&str; 6] = ["global", "defaults", "frontend", "backend", "listen", "resolvers"];
    const TRAEFIK: [&str; 6] =
        ["tcp:", "http:", "entryPoints:", "[tcp.", "[http.", "[entryPoints."];
    const CADDY: [&str; 3] = ["apps:", "storage:", "admin:"];
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
