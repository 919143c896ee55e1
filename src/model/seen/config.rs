//! What rules about OpenVidu's own configuration saw.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::deployment::Edition;
use crate::model::facts::{FaultKind, ServerText, SettingsKind, UnknownVariable};
use crate::model::port::{Port, PortRange};

/// What a rule about OpenVidu's own configuration saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigSeen {
    /// No file of this kind was read.
    NoFile(SettingsKind),
    /// Every file was read.
    AllRead { files: usize },
    /// What is wrong with the form of a file.
    Fault(FaultKind),
    /// This LiveKit knows all keys.
    AllKeysKnown { livekit: String },
    /// This LiveKit does not know the key of the finding.
    UnknownKey { livekit: String, meant: Option<MeantKey> },
    /// Whether this LiveKit knows the key is not known.
    KeyOfOtherVersion { livekit: String },
    /// Every variable has a value.
    AllVariablesSet,
    /// A variable has none.
    Variable(UnknownVariable),
    /// It is as it should be.
    Right,
    /// It is not set, and LiveKit's default is right.
    DefaultIsRight,
    /// It is something else. `None`: it is not set.
    Differs { is: Option<ServerText>, wanted: ServerText },
    /// The TURN domain is the domain of the deployment.
    TurnDomainIsDomain,
    /// It is set, and the deployment declares none.
    NotDeclared(ServerText),
    /// LiveKit reads it as something else.
    OtherType { wanted: ValueKind },
    /// Not a number of a port, a network, or what else it should be.
    NotA { is: ServerText, kind: ValueKind },
    /// The range ends before it begins. `None`: the end is not set.
    Reversed { first: u16, last: Option<u16> },
    /// Media and relays have ports of both ranges.
    Overlap { media: PortRange, relay: PortRange },
    /// It is an address of a node by which users do not reach it.
    PrivateAddress(ServerText),
    /// It is not an address of a declared node.
    AddressOfNoNode(ServerText),
    /// LiveKit finds its address itself.
    FoundByLivekit,
    /// LiveKit asks a STUN server for its address when it starts; whether it gets an answer shows on its machine.
    AsksStun,
    /// LiveKit asks a STUN server for its address and does not use this one.
    NotUsed(ServerText),
    /// LiveKit asks a STUN server for its address, and no declared machine has one that a server outside sees.
    NoPublicAddress,
    /// LiveKit chooses among its machine's interfaces, whose addresses show there.
    ByInterface,
    /// Two listeners of LiveKit have this port; the other is set here.
    PortTwice { port: u16, other: ServerText },
    /// A listener of LiveKit has a port of media or of relays.
    PortInRange { port: u16, range: PortRange },
    /// OpenVidu Meet takes all paths of the domain.
    MeetAtRoot,
    /// No machine on which LiveKit runs is declared.
    NoNode,
    /// The list leaves these addresses of declared nodes out.
    LeavesOut(Vec<std::net::IpAddr>),
    /// The list refuses these addresses of declared nodes.
    Refuses(Vec<std::net::IpAddr>),
    /// A secret has only this many characters.
    ShortSecret { length: u32 },
    /// The files have different secrets for the same.
    SecretsDiffer,
    /// Modules of which OpenVidu has none by this name in this edition.
    UnknownModule { name: ServerText, edition: Edition },
    /// A container has not the network of the machine.
    NotHostNetwork,
    /// A container has taken a port that another program needs.
    PublishesPort(ServerText),
    /// The images of OpenVidu have these versions.
    Versions(Vec<ServerText>),
    /// So few that a call needs more.
    TooFew(u32),
    /// OpenVidu's own Caddy listens at the port that users reach, which is the proxy's.
    HasPortOfProxy(Port),
    /// OpenVidu's own Caddy ends TLS at a port to which the proxy passes what it has ended TLS for.
    EndsTls(Port),
    /// Of the interfaces, only those that no user reaches are left.
    OnlyContainerLinks(Vec<ServerText>),
    /// A limit that is smaller than the one that LiveKit has by itself.
    SmallerThanUsual { bytes: u64, usual: u64 },
}

/// What a value should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueKind {
    Port,
    Address,
    Network,
    Truth,
    Domain,
    Text,
    WholeNumber,
    Number,
    Duration,
    List,
    Map,
}

/// What an unknown key was probably meant to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeantKey {
    /// A key with a similar name in the same section.
    Called(String),
    /// A key of this name in another section; empty: at the top.
    In(String),
    /// A newer LiveKit knows it.
    Since(String),
    /// An older LiveKit knew it.
    Until(String),
}

impl From<ConfigSeen> for Seen {
    fn from(seen: ConfigSeen) -> Self {
        Self::Config(seen)
    }
}
