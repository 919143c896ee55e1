//! What rules about the machine itself saw.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::facts::{FilterChain, FilterRule, ServerText, Unread};
use crate::model::port::{PortRange, Transport};
use crate::model::target::Family;

/// What a rule about the machine itself saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostSeen {
    /// It could not be read.
    Unread(Unread),
    Distribution(ServerText),
    /// Memory, in MiB.
    Memory {
        mib: u64,
    },
    Cores(u32),
    /// A file system: its size and free space, in GB.
    Disk {
        path: String,
        size_gb: u64,
        free_gb: u64,
    },
    /// All declared addresses are on interfaces of this machine.
    HasAddresses,
    /// These declared addresses are on no interface, while others are: they may be translated.
    AddressesElsewhere(Vec<IpAddr>),
    /// None of the declared addresses is on an interface; these are.
    NoDeclaredAddress(Vec<IpAddr>),
    /// No process has the port.
    PortFree,
    /// Programs of the list have the port.
    HeldBy(Vec<ServerText>),
    /// A program that is not on the list has the port.
    HeldByStranger {
        program: ServerText,
        pid: u32,
    },
    /// A process has the port into which this user may not look.
    HeldByUnseen,
    Clock {
        is_synchronised: bool,
        said_by: String,
    },
    Firewall(FirewallSeen),
    /// SELinux is off, or does not enforce.
    SelinuxOff,
    /// What SELinux says to connections of web servers.
    SelinuxLetsConnect(bool),
    /// SELinux has no rule about it.
    SelinuxSilent,
    /// All packets come and go by one interface.
    OneInterface,
    /// These interfaces drop packets whose answer would leave by another one.
    StrictReversePath(Vec<ServerText>),
    /// No interface does.
    LooseReversePath,
    /// The kernel tracks no connections.
    NoConnectionTable,
    ConnectionTable {
        most: u32,
        now: u32,
    },
    /// The largest UDP buffers, in bytes.
    UdpBuffers {
        receive: u64,
        send: u64,
    },
}

/// What the machine's own firewall does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirewallSeen {
    /// It lets all of these packets in, or out.
    Admits {
        /// Listings that could not be read: another rule may refuse.
        unread: Vec<String>,
        /// The rule that decides for the first of them; `None`: nothing drops.
        by: Option<DecidingRule>,
    },
    Refuses {
        packets: PacketsSeen,
        by: DecidingRule,
    },
    /// It sends them to a container, or to another port.
    Translates {
        packets: PacketsSeen,
        by: DecidingRule,
    },
    /// It depends on something that ovcheck does not know.
    Undecided {
        packets: PacketsSeen,
        by: DecidingRule,
    },
    /// It lets in what should be kept out.
    AdmitsOthers {
        packets: PacketsSeen,
        by: DecidingRule,
    },
    /// No rule drops anything: another firewall may.
    NoFirewall,
    /// It keeps others out.
    KeepsOut,
    /// It keeps strangers out, but a rule accepts a sender that is not a machine of the deployment.
    KeepsOutOthers {
        packets: PacketsSeen,
        by: DecidingRule,
    },
    /// It lets media begin conversations with strangers.
    SendsOut {
        packets: PacketsSeen,
        by: Option<DecidingRule>,
    },
}

/// Packets about which a firewall decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketsSeen {
    pub transport: Transport,
    pub ports: PortRange,
    pub family: Family,
    /// `None`: from, or to, anyone.
    pub peer: Option<IpAddr>,
}

/// The rule of a firewall that decides about a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidingRule {
    pub table: ServerText,
    pub chain: ServerText,
    /// As its listing shows it; `None`: the policy of the chain.
    pub line: Option<ServerText>,
}

impl DecidingRule {
    /// A rule of a chain.
    pub fn of(chain: &FilterChain, rule: &FilterRule) -> Self {
        let line = Some(rule.line.clone());
        Self { table: chain.table.clone(), chain: chain.name.clone(), line }
    }

    /// The policy of a chain.
    pub fn policy_of(chain: &FilterChain) -> Self {
        Self { table: chain.table.clone(), chain: chain.name.clone(), line: None }
    }
}

impl From<HostSeen> for Seen {
    fn from(seen: HostSeen) -> Self {
        Self::Host(seen)
    }
}

impl From<FirewallSeen> for Seen {
    fn from(seen: FirewallSeen) -> Self {
        Self::Host(HostSeen::Firewall(seen))
    }
}
