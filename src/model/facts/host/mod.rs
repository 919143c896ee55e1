//! What a machine of the deployment says of itself.

mod filter;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::ServerText;
use crate::model::port::{Port, Transport};

pub use filter::{
    Action, BlockList, ChainHook, Condition, ConnectionStates, FilterChain, FilterRule, HookPoint,
    InterfaceNames, NetworkBlock, PacketFilter, Policy, PortSet, ProtocolList, RuleLine,
};

/// What a machine of the deployment says of itself, each thing read apart: one that cannot be read does
/// not hide the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    pub distribution: HostRead<Distribution>,
    pub memory_kib: HostRead<u64>,
    pub cores: HostRead<u32>,
    /// The file system on which OpenVidu keeps recordings.
    pub disk: HostRead<DiskSpace>,
    /// Interfaces that have an address, without loopback.
    pub interfaces: HostRead<Vec<HostInterface>>,
    pub listeners: HostRead<Vec<Listener>>,
    pub clock: HostRead<ClockState>,
    pub filter: HostRead<PacketFilter>,
    pub selinux: HostRead<Selinux>,
    pub connection_table: HostRead<ConnectionTable>,
    pub udp_buffers: HostRead<UdpBuffers>,
}

/// Something that was read, or why it could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostRead<T> {
    Read(T),
    Unread(Unread),
}

impl<T> HostRead<T> {
    /// What was read.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn get(&self) -> Result<&T, &Unread> {
        match self {
            Self::Read(read) => Ok(read),
            Self::Unread(why) => Err(why),
        }
    }
}

impl<T> From<Result<T, Unread>> for HostRead<T> {
    fn from(read: Result<T, Unread>) -> Self {
        match read {
            Ok(read) => Self::Read(read),
            Err(why) => Self::Unread(why),
        }
    }
}

/// Why something about the machine could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unread {
    /// Only root may read it.
    NeedsRoot,
    /// None of these programs is installed.
    NoProgram(String),
    /// The system does not have the file.
    NoFile(String),
    /// The program did not end in time.
    TooSlow(String),
    /// It wrote more than is read.
    TooLong(String),
    /// A program or the system refused, in its own words.
    Failed { what: String, error: ServerText },
    /// What it wrote is not what it should be.
    NotUnderstood(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsRoot => f.write_str("only root can read this; run the command with sudo"),
            Self::NoProgram(programs) => write!(f, "{programs} is not installed"),
            Self::NoFile(path) => write!(f, "this system has no {path}"),
            Self::TooSlow(what) => write!(f, "{what} did not finish in time"),
            Self::TooLong(what) => write!(f, "{what} writes more than ovcheck reads"),
            Self::Failed { what, .. } => write!(f, "{what} failed"),
            Self::NotUnderstood(what) => {
                write!(f, "ovcheck does not understand what {what} writes")
            }
        }
    }
}

/// What `/etc/os-release` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// `ID`, then the words of `ID_LIKE`.
    pub ids: Vec<ServerText>,
    /// `PRETTY_NAME`.
    pub name: ServerText,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpace {
    pub path: String,
    pub size_kib: u64,
    pub free_kib: u64,
}

/// An interface with its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInterface {
    pub name: ServerText,
    pub addresses: Vec<IpAddr>,
    /// The number of `rp_filter` that counts for it (0 off, 1 strict, 2 loose); `None`: not read.
    pub reverse_path: Option<u8>,
}

impl HostInterface {
    /// Whether only containers and virtual machines of this machine are behind it: packets of others
    /// never come from there.
    pub fn is_internal(&self) -> bool {
        is_internal_interface(self.name.unquoted())
    }
}

/// Whether an interface of this name leads only to containers and virtual machines.
pub fn is_internal_interface(name: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["docker", "br-", "veth", "virbr", "podman", "cni", "lxcbr", "lxdbr"];
    name == "lo" || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A socket that waits for packets of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub transport: Transport,
    /// The address to which it is bound; the unspecified one: every address.
    pub address: IpAddr,
    pub port: Port,
    pub owner: ListenerOwner,
}

/// Whose socket it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenerOwner {
    /// `comm` of the process: at most 15 characters.
    Program { name: ServerText, pid: u32 },
    /// No process that this user may look into has it.
    Unseen,
}

/// Whether the clock is set by a time service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockState {
    pub is_synchronised: bool,
    /// The program that said so.
    pub said_by: String,
}

/// What SELinux lets a proxy do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selinux {
    pub enforces: bool,
    /// `httpd_can_network_connect`; `None`: the policy does not have it.
    pub lets_proxy_connect: Option<bool>,
}

/// The table in which the kernel keeps connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionTable {
    /// The kernel tracks no connections.
    Unused,
    Holds {
        most: u32,
        now: u32,
    },
}

/// The largest buffers that a program may have for UDP, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpBuffers {
    pub receive: u64,
    pub send: u64,
}
