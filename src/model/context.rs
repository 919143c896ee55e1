//! How a run was started: what a report says of it besides what was seen. Holds no secret.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dial::{ConnectTo, Resolve, StunServer};
use super::edition::EditionChoice;
use super::name::NodeName;
use super::plan::RunScope;
use super::probe::UdpRate;
use super::selection::Selection;
use super::vantage::Zone;
use super::word_list::word_list;

/// How a run was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunContext {
    pub command: RunCommand,
    pub files: InputFiles,
    pub options: RunOptions,
}

/// The subcommand that makes a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunCommand {
    Check,
    Call,
    Demo,
    Host,
    Lint,
}

impl RunCommand {
    /// How much of the deployment it looks at.
    pub fn scope(self) -> RunScope {
        match self {
            Self::Check | Self::Demo => RunScope::Whole,
            Self::Call => RunScope::Call,
            Self::Host => RunScope::Host,
            Self::Lint => RunScope::Lint,
        }
    }
}

/// The files that a run reads, as paths; those with credentials are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFiles {
    /// The deployment file.
    pub config: Option<String>,
    /// Where it declares what is judged; `None` without a file.
    pub config_lines: Option<ConfigLines>,
    /// The directory of rule files; `None`: the rules inside the program.
    pub rules: Option<String>,
    /// Root certificates.
    pub ca_file: Option<String>,
    /// The proxy's configuration.
    pub proxy_config: Vec<String>,
    /// OpenVidu's own configuration.
    pub openvidu_config: Vec<String>,
    /// The recording that was judged again; `None`: the run itself looked.
    pub recording: Option<String>,
}

/// The lines of the deployment file, the first is 1, that declare what is judged. What a flag or a
/// variable declares in place of the file has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLines {
    pub domain: Option<u32>,
    pub turn_domain: Option<u32>,
    pub policy: Option<u32>,
    pub guide: Option<u32>,
    pub nodes: Vec<NodeLine>,
}

/// The line at which the table of a node begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLine {
    pub node: NodeName,
    pub line: u32,
}

/// How a run looks: what the flags said, or their defaults. [`super::report::Gate`] has those that
/// decide what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    pub edition: EditionChoice,
    /// `None`: found out by the addresses of this machine.
    pub zone: Option<Zone>,
    /// `None`: the DNS servers of the system.
    pub dns_server: Option<SocketAddr>,
    pub stun_server: Vec<StunServer>,
    pub resolve: Vec<Resolve>,
    pub connect_to: Vec<ConnectTo>,
    /// The HTTP proxy that a call uses: `host:port`, without user name and password.
    pub http_proxy: Option<String>,
    /// `None`: no call is made.
    pub credentials: Option<CredentialKind>,
    /// Whether a call also starts DTLS.
    pub deep: bool,
    /// Whether the edges in a range of UDP ports are searched.
    pub find_extent: bool,
    /// How long silence has to last before it counts: 0.2 to 30 s.
    pub timeout: Duration,
    /// How long the run may take: 1 to 600 s.
    pub deadline: Duration,
    /// How long a connection without traffic is held: 1 to 120 s; `None`: until the time-out.
    pub hold: Option<Duration>,
    pub udp_rate: UdpRate,
    /// The addresses that may be swept whatever answers there.
    pub sweep: Vec<IpAddr>,
    pub allow_large_sweep: bool,
    /// The nodes on which a responder runs that is asked.
    pub responder: Vec<NodeName>,
    /// The rules that the run is asked about.
    pub selection: Selection,
    /// What the report does not name.
    pub redact: Vec<Redaction>,
}

word_list! {
    /// What stand-ins replace in a report.
    pub enum Redaction {
        /// Domain names, and the names of nodes and vantage points.
        Names = "names",
        /// IP addresses.
        Addresses = "addresses",
    }
}

/// What a call joins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialKind {
    Token,
    ApiKey,
}
