//! What rules about UDP ports saw.
//!
//! Silence and "port unreachable" have several causes that look the same from outside (see
//! `evaluate/udp.rs`). So what is kept here beside an answer is what it has to be read against: how
//! many ports were asked and how often, and what ports did that no table names.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::model::facts::{
    DatagramProtocol, ExtentEnd, FirstBytes, IcmpError, ServerText, Stretch,
};
use crate::model::port::{Port, PortRange};
use crate::model::responder::PortRedirect;
use crate::model::target::Family;

/// What a rule about a UDP port, or about a range of them, saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UdpSeen {
    /// A datagram came back.
    Answered {
        /// Which port of a range answered; `None` for a single port.
        port: Option<Port>,
        reply: UdpReply,
        /// The part of the range that answers, where its edges were looked for.
        hole: Option<UdpExtent>,
    },
    /// The machine says that no process listens: packets reach it, unless a firewall says so in
    /// its place.
    NoListener { range: Option<RangeSeen>, control: UdpControl, hole: Option<UdpExtent> },
    /// The same from a machine whose firewall rejects whatever it does not know, so that "port
    /// unreachable" is no sign of an open port.
    OpenOrRejected { range: Option<RangeSeen>, control: UdpControl, tcp: TcpRejection },
    /// Every port of a range that was asked answers, some with a datagram.
    RangeAnswers { ports: Vec<Port>, control: UdpControl },
    /// An ICMP error of a firewall or a router.
    Refused {
        /// Which port of a range drew it; `None` for a single port.
        port: Option<Port>,
        error: IcmpError,
    },
    /// "Port unreachable" where a service must answer.
    NoService(IcmpError),
    /// Some ports of a range answer, and others do not.
    PartBlocked {
        alive: Vec<Port>,
        silent: Vec<Port>,
        /// The part that is blocked, where its edges were looked for.
        blocked: Option<UdpExtent>,
    },
    /// No port of a range answers.
    RangeSilent { asked: PortsAsked, control: UdpControl },
    /// Not every port of the range was asked, so that an open one may have been missed.
    SweepIncomplete { asked: usize, of: usize },
    /// Every port of the range is asked only where the operator allows it, or something of the
    /// deployment's answers.
    SweepWithheld { asked: usize, of: usize },
    /// No port that must be closed answers; `asked` is `None` for a single port.
    NothingComesBack { asked: Option<PortsAsked>, control: UdpControl },
    /// Silence of a single port that may be open.
    SilentEitherWay,
    /// Silence, of a port that must be open to everybody, and that another vantage proved to be open to
    /// the internet.
    OpenToTheInternet,
    /// A service that answers everybody stays silent.
    NoStunAnswer,
    /// A network that blocks just this port shows the same.
    PortMayBeBlockedHere(Port),
    /// Silence while the machine may have had no ICMP error left to send.
    Unheard,
    /// Silence, but nothing at all came back over UDP in this address family.
    NothingAnswers(Family),
    /// What a responder on the machine saw of probes to the ports of the check.
    ByResponder(PortsByResponder),
    /// A responder on the machine cannot tell: probes were lost, on the way or by itself.
    ResponderLost {
        /// The ports of the check of which nothing follows.
        ports: Vec<PortRange>,
        /// Of so many probes to ports that are reached, the network lost so many.
        sent: u32,
        lost: u32,
        /// The packets that it could not read in time.
        by_itself: u64,
    },
}

/// What became of probes to the ports of a check, as the machine itself saw it. Each port is in one of the
/// first four lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortsByResponder {
    /// Whether the ports have to be open: the lists that a violation is about are told first.
    pub must_be_open: bool,
    /// Whether the network of this computer is known to let such packets out.
    pub gets_out: bool,
    /// They got past its firewall.
    pub passed: Vec<PortRange>,
    /// It sent them on, as to a container.
    pub forwarded: Vec<PortRange>,
    /// They reached it, and went no further.
    pub stopped_there: Vec<PortRange>,
    /// They did not reach it.
    pub stopped_before: Vec<PortRange>,
    /// Those that passed or were sent on with another port.
    pub redirected: Vec<PortRedirect>,
    /// Besides its firewall, the kernel checks where packets come from (`rp_filter`), and may have stopped
    /// them.
    pub checks_sources: bool,
}

/// What came back from a UDP port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UdpReply {
    Stun,
    /// STUN, and what is wrong with it.
    MalformedStun(ServerText),
    Other(FirstBytes),
    /// Something that holds nothing of what was asked, twice.
    Unrelated(FirstBytes),
    /// Another protocol, in which it was asked.
    InProtocol(DatagramProtocol),
}

impl UdpReply {
    /// Whether it holds something that only the question has told, so that whoever does not see the
    /// question cannot have made it.
    pub fn is_bound_to_question(&self) -> bool {
        match self {
            Self::Stun | Self::MalformedStun(_) | Self::Other(_) => true,
            Self::Unrelated(_) => false,
            Self::InProtocol(protocol) => protocol.is_bound_to_question(),
        }
    }
}

/// Ports of a range that say "no listener", among those that were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeSeen {
    pub no_listener: Vec<Port>,
    pub asked: PortsAsked,
}

/// How the ports of a range were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortsAsked {
    /// How many.
    pub ports: usize,
    /// How many of them stayed silent, whether that says something or not.
    pub silent: usize,
    /// `None`: a few ports stand for the range.
    pub sweep: Option<UdpSweep>,
}

/// That every port of a range was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpSweep {
    /// How many copies a silent port got.
    pub copies: u32,
    /// The ports that nothing was sent to after all.
    pub unsent: u32,
}

/// What the UDP ports did that no table names: whatever the firewall does with unknown ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UdpControl {
    /// "Port unreachable", or an answer.
    Unreachable,
    /// An ICMP error of a firewall or a router.
    Prohibited,
    Silent,
    /// They were not asked, or the machine may have had no ICMP error left for them.
    Unknown,
}

/// How a firewall rejects TCP to a port that no table names: it may do so over UDP as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TcpRejection {
    /// By an ICMP error, which no machine without a firewall sends for a SYN.
    ByIcmp,
    /// By RST, as it does on this port, behind which the proxy reaches a service.
    ByReset(Port),
    /// Perhaps: the machine may have had no ICMP error left to send.
    Unheard,
}

/// From where to where a range is open, or blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UdpExtent {
    /// In the order of their numbers.
    pub stretches: Vec<Stretch>,
    /// Why it may be more than that.
    pub ended: ExtentEnd,
}

impl UdpExtent {
    /// The ports of the stretches, for commands.
    pub fn ranges(&self) -> Vec<PortRange> {
        self.stretches.iter().map(|stretch| stretch.ports).collect()
    }
}

impl From<UdpSeen> for Seen {
    fn from(seen: UdpSeen) -> Self {
        Self::Udp(seen)
    }
}
