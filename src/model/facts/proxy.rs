//! What the configuration of a proxy says.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{CertificateFile, RenewalReload, ServerText};
use crate::model::configuration::{
    IgnoreComment, Layer, Location, ProxyKind, StartFailure, Timeout, Trace, UnusedBecause,
};
use crate::model::port::Port;
use crate::model::target::Family;

/// What the configuration of a proxy says, and where it leads connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyFacts {
    pub kind: ProxyKind,
    /// The paths of the files that were read, in their order.
    pub files: Vec<ServerText>,
    /// What is wrong with the text itself, in the order of the text.
    pub faults: Vec<ProxyFault>,
    pub listeners: Vec<ProxyListener>,
    /// The names that the configuration itself has: of servers, and keys of maps by name.
    pub names: Vec<ConfiguredName>,
    /// What the proxy takes, and does something else with than is meant, in the order of the text.
    pub remarks: Vec<ProxyRemark>,
    pub limits: ProxyLimits,
    /// Where a file of an ACME client (RFC 8555) is named first.
    pub acme_client: Option<Location>,
    pub traces: Vec<Trace>,
    /// In the order of the text.
    #[serde(default)]
    pub comments: Vec<IgnoreComment>,
    /// The files of certificates with which these connections end.
    #[serde(default)]
    pub certificates: Vec<CertificateFile>,
    /// Whether the proxy is reloaded after a renewal.
    #[serde(default)]
    pub renewal: RenewalReload,
}

impl ProxyFacts {
    /// The file of a certificate, by its path.
    pub fn certificate(&self, path: &ServerText) -> Option<&CertificateFile> {
        self.certificates.iter().find(|file| file.path == *path)
    }
}

/// A place of the text that the proxy takes, and that does something else than is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyRemark {
    pub at: Location,
    pub what: ProxyRemarkKind,
}

/// What such a place is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyRemarkKind {
    /// A word of a template that nobody filled in (`<MASTER_NODE_PRIVATE_IP>`).
    Placeholder(ServerText),
    /// A name that documentation uses as an example.
    ExampleName(ServerText),
    /// A key that no name equals.
    KeyNeverMatches(ServerText),
    /// A part that needs a module, and nothing loads it.
    ModuleUnseen(ServerText),
    /// Two servers at one address have the name, and the second one gets nothing.
    NameTwice(ServerText),
    /// Two parts of the proxy listen at this port, and the system gives each connection to either.
    PortShared(ServerText),
    /// Anyone in this network may say which address a client has, and that is everyone.
    TrustsEveryone(ServerText),
    /// A condition on the name in the ClientHello, before which nothing waits for the ClientHello.
    HelloNotAwaited,
    /// A condition on the name in a ClientHello that the listener has taken itself, or on that of a TLS session
    /// that the listener does not have.
    NameNotThere,
    /// A proxy without a limit for idle clients, for idle servers, or for the time until a server accepts.
    TimeoutMissing,
    /// A server of which nothing finds out whether it is up.
    CheckMissing,
    /// A router that is not used.
    UnusedRouter { router: ServerText, why: UnusedBecause },
}

/// What one proxy can carry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProxyLimits {
    /// `None`: not to be told from the files.
    pub connections: Option<ConnectionLimit>,
    /// The most files and connections that a process may have open. `None`: not set in the files.
    pub open_files: Option<Limit>,
    /// How long connections may go on after a reload. `None`: until they end.
    pub shutdown: Option<Timeout>,
}

/// How many connections a proxy takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionLimit {
    /// Of one process.
    pub per_process: Limit,
    /// How many of them one client needs: 2 where those to backends count.
    pub per_client: u64,
    /// `None`: one for each processor of the machine.
    pub processes: Option<u64>,
}

/// A number, and where it is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub most: u64,
    /// `None`: the proxy's default.
    pub at: Option<Location>,
}

/// A place of the text that is wrong by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyFault {
    pub at: Location,
    pub what: ProxyFaultKind,
}

/// What is wrong with a text, whatever it is meant to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyFaultKind {
    /// Characters right after a closing quote.
    TextAfterQuote,
    /// A quote that is not closed.
    OpenQuote,
    /// A word that is longer than nginx reads.
    LongWord,
    /// `;` or `{` without a directive before.
    NothingBefore,
    /// `}` that closes no block.
    NothingToClose,
    /// `}`, or the end of the file, where `;` is missing.
    SemicolonMissing,
    /// A block that is not closed.
    BlockOpen,
    /// It is neither JSON nor YAML.
    Unparsable,
    /// Blocks within blocks, deeper than is read.
    TooDeep,
    /// More directives than are read.
    TooMany,
    /// Files include each other in a circle.
    IncludeCircle,
    /// More files, or larger ones, than are read.
    IncludesTooLarge,
    /// An included file is not there.
    IncludeMissing(ServerText),
    /// An included file could not be read here.
    IncludeUnread(ServerText),
    /// The proxy has no such directive.
    UnknownDirective(ServerText),
    /// A directive that is not allowed in this block.
    Misplaced {
        name: ServerText,
        /// The block; `None`: outside of all blocks.
        within: Option<ServerText>,
    },
    /// A directive that may stand only once in a block.
    Twice(ServerText),
    /// A directive with too few or too many words.
    WordCount(ServerText),
    /// A directive that begins a block, without one.
    BlockMissing(ServerText),
    /// A word that the directive does not take.
    InvalidValue(ServerText),
    /// A block or directive without one that it needs (`upstream` without `server`, `ssl` without certificate).
    Lacks { name: ServerText, needed: ServerText },
    /// Something else has this address and port.
    PortTwice(ServerText),
    /// A variable that nothing defines.
    UnknownVariable(ServerText),
    /// Two things that exclude each other.
    Conflict(ServerText),
    /// A file that is named without a variable is not there.
    FileMissing(ServerText),
    /// A key that does not belong to its certificate.
    KeyOfAnother(ServerText),
    /// A file that holds no certificate, or no key.
    NotPem(ServerText),
}

impl ProxyFaultKind {
    /// Why the proxy does not start because of this; `None`: it does.
    pub fn keeps_from_starting(&self) -> Option<StartFailure> {
        Some(match self {
            Self::TextAfterQuote
            | Self::OpenQuote
            | Self::LongWord
            | Self::NothingBefore
            | Self::NothingToClose
            | Self::SemicolonMissing
            | Self::BlockOpen
            | Self::Unparsable => StartFailure::Syntax,
            Self::TooDeep | Self::TooMany | Self::IncludesTooLarge | Self::IncludeUnread(_) => {
                return None;
            }
            Self::IncludeCircle => StartFailure::Conflict(ServerText::new("include")),
            Self::NotPem(name) => StartFailure::NotPem(name.clone()),
            Self::KeyOfAnother(name) => StartFailure::KeyOfAnother(name.clone()),
            Self::IncludeMissing(file) | Self::FileMissing(file) => {
                StartFailure::FileMissing(file.clone())
            }
            Self::UnknownDirective(name) | Self::Misplaced { name, .. } => {
                StartFailure::Misplaced(name.clone())
            }
            Self::PortTwice(_) => StartFailure::PortTwice,
            Self::UnknownVariable(name) => StartFailure::UnknownVariable(name.clone()),
            Self::Twice(name)
            | Self::WordCount(name)
            | Self::BlockMissing(name)
            | Self::InvalidValue(name)
            | Self::Lacks { name, .. }
            | Self::Conflict(name) => StartFailure::Conflict(name.clone()),
        })
    }
}

/// A name that the configuration has, and where it stands first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfiguredName {
    pub name: ServerText,
    pub at: Location,
}

/// A place at which a proxy listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyListener {
    pub at: Location,
    /// `None`: a Unix socket.
    pub port: Option<Port>,
    /// `None`: every address of the families, or a Unix socket.
    pub address: Option<IpAddr>,
    pub families: Vec<Family>,
    pub is_udp: bool,
    pub is_quic: bool,
    pub ends_tls: bool,
    pub reads_proxy_header: bool,
    pub layer: Layer,
}
