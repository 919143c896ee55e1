//! The rules of a machine's packet filter, in one form for nftables and iptables. What a reader does not
//! know stays in it as [`Condition::Unknown`] or [`Action::Unknown`], so that nobody takes it for less.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::facts::ServerText;
use crate::model::port::Transport;
use crate::model::target::Family;

/// All chains of the kernel's packet filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketFilter {
    pub chains: Vec<FilterChain>,
    /// The listings that could not be read, so that rules may be missing.
    pub unread: Vec<String>,
}

/// A chain, which belongs to a hook of the kernel, or to which others jump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterChain {
    /// Its table and listing, such as `inet filter` or `iptables filter`: jumps stay inside.
    pub table: ServerText,
    pub name: ServerText,
    /// The family of the packets that it sees; `None`: both.
    pub family: Option<Family>,
    pub hook: Option<ChainHook>,
    pub rules: Vec<FilterRule>,
}

/// Where in the kernel a chain is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHook {
    pub point: HookPoint,
    pub policy: Policy,
    /// Whether the chain translates addresses; otherwise it filters.
    pub translates: bool,
    /// The interface to which it is bound (`ingress`).
    pub device: Option<ServerText>,
}

/// The hooks that packets to and from this machine pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookPoint {
    Ingress,
    Prerouting,
    Input,
    Output,
    Postrouting,
}

/// What becomes of a packet about which no rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    Accept,
    Drop,
}

/// A rule. All its conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterRule {
    pub line: RuleLine,
    pub conditions: Vec<Condition>,
    pub action: Action,
}

/// A rule as its listing shows it.
pub type RuleLine = ServerText;

/// Something that a rule asks of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    Family(Family),
    Protocol(ProtocolList),
    /// To these ports of this transport; `None`: of either.
    DestinationPort(Option<Transport>, PortSet),
    SourcePort(Option<Transport>, PortSet),
    Source(BlockList),
    Destination(BlockList),
    InInterface(InterfaceNames),
    OutInterface(InterfaceNames),
    ConnectionState(ConnectionStates),
    /// The destination is an address of this machine; `false`: is none.
    ToThisMachine(bool),
    /// A route leads back to the sender by the interface by which the packet came; `false`: none does.
    RoutedBack(bool),
    /// Never true of an ordinary packet of a new connection or conversation.
    Never,
    /// The reader does not know it.
    Unknown,
}

/// What a rule does with a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Accept,
    /// Dropped or rejected.
    Drop,
    Jump(ServerText),
    /// Like a jump that does not come back.
    Goto(ServerText),
    Return,
    /// Sends it elsewhere: to a container, or another port.
    Translate,
    /// Counts, logs, marks: the next rule decides.
    Continue,
    /// The reader does not know what it does.
    Unknown,
}

/// Transport protocols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolList {
    /// Tcp and udp, as far as they are in the list; others are left out.
    pub transports: Vec<Transport>,
    pub negated: bool,
}

/// Ports: ranges with both ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSet {
    pub ranges: Vec<(u16, u16)>,
    pub negated: bool,
}

/// Blocks of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockList {
    pub blocks: Vec<NetworkBlock>,
    pub negated: bool,
}

/// A block of addresses, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkBlock {
    pub first: IpAddr,
    pub last: IpAddr,
}

impl NetworkBlock {
    /// The block of this prefix; `None`: it is longer than the address.
    pub fn of_prefix(address: IpAddr, length: u32) -> Option<Self> {
        match address {
            IpAddr::V4(address) => {
                let host = 32_u32.checked_sub(length)?;
                let mask = u32::MAX.checked_shl(host).unwrap_or(0);
                let first = address.to_bits() & mask;
                Some(Self { first: v4(first), last: v4(first | !mask) })
            }
            IpAddr::V6(address) => {
                let host = 128_u32.checked_sub(length)?;
                let mask = u128::MAX.checked_shl(host).unwrap_or(0);
                let first = address.to_bits() & mask;
                Some(Self { first: v6(first), last: v6(first | !mask) })
            }
        }
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }

    /// How many leading bits all its addresses share.
    pub fn prefix(&self) -> u32 {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                (first.to_bits() ^ last.to_bits()).leading_zeros()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                (first.to_bits() ^ last.to_bits()).leading_zeros()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => 0,
        }
    }
}

fn v4(bits: u32) -> IpAddr {
    IpAddr::V4(bits.into())
}

fn v6(bits: u128) -> IpAddr {
    IpAddr::V6(bits.into())
}

/// Names of interfaces; a `*` or `+` at the end stands for anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceNames {
    pub names: Vec<ServerText>,
    pub negated: bool,
}

/// States of connection tracking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionStates {
    /// Whether the first packet of a conversation is meant.
    pub holds_new: bool,
    pub negated: bool,
}
