//! What a connection attempt meets, ICMP errors among it.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::dial::Destination;
use crate::model::target::Family;

/// What a SYN (and its retransmissions) met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connect {
    Accepted,
    /// RST.
    Reset,
    Icmp(IcmpError),
    /// Nothing within the time-out.
    Silent,
}

impl Connect {
    /// Whether somebody accepted.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }
}

/// An ICMP or ICMPv6 error that came back for a packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IcmpError {
    pub family: Family,
    /// ICMP type (RFC 792: 3 destination unreachable, 11 time exceeded; RFC 4443: 1, 3).
    pub icmp_type: u8,
    pub code: u8,
    pub from: IcmpSender,
}

/// The sender of an ICMP error, as seen from the packet that caused it. It is set once, where the
/// error is read: only there it is known for which machine the packet was meant, and which machine
/// `--connect-to` dialled in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IcmpSender {
    /// The machine that was meant, by its own address also when another one was dialled.
    MeantMachine(IpAddr),
    /// Another machine: a router or a firewall on the way, or this computer.
    Another(IpAddr),
    /// The system does not tell: without an error queue a refused datagram only fails the next
    /// one.
    Untold,
}

impl IcmpSender {
    /// Who `from` is for a packet that was sent to `destination`.
    pub fn of_error_for(destination: Destination, from: Option<IpAddr>) -> Self {
        let meant = destination.meant.ip();
        match from {
            None => Self::Untold,
            Some(from) if from == meant || from == destination.dialled.ip() => {
                Self::MeantMachine(meant)
            }
            Some(from) => Self::Another(from),
        }
    }

    /// The sender's address, where the system tells it.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::MeantMachine(address) | Self::Another(address) => Some(address),
            Self::Untold => None,
        }
    }
}

/// What an ICMP error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IcmpMeaning {
    /// 3/3 · v6 1/4.
    PortUnreachable,
    /// 3/9, 3/10, 3/13 · v6 1/1, 1/5, 1/6: a firewall says so itself.
    AdminProhibited,
    /// 3/1, 3/5…8, 3/11, 3/12 · v6 1/3, 1/2: the last router found nobody.
    HostUnreachable,
    /// 3/0 · v6 1/0.
    NetworkUnreachable,
    /// Anything else.
    Other,
}

impl IcmpError {
    /// The meaning of type and code (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1).
    pub fn meaning(&self) -> IcmpMeaning {
        use IcmpMeaning as M;
        match (self.family, self.icmp_type, self.code) {
            (Family::V4, 3, 3) | (Family::V6, 1, 4) => M::PortUnreachable,
            (Family::V4, 3, 9 | 10 | 13) | (Family::V6, 1, 1 | 5 | 6) => M::AdminProhibited,
            (Family::V4, 3, 0) | (Family::V6, 1, 0) => M::NetworkUnreachable,
            (Family::V4, 3, 1 | 5..=8 | 11 | 12) | (Family::V6, 1, 2 | 3) => M::HostUnreachable,
            _ => M::Other,
        }
    }

    /// Whether the machine that was meant sent it, and not a router on the way. One without a
    /// sender counts as its own: most errors are.
    pub fn is_of_meant_machine(&self) -> bool {
        match self.from {
            IcmpSender::MeantMachine(_) | IcmpSender::Untold => true,
            IcmpSender::Another(_) => false,
        }
    }

    /// Without the address of the machine that was meant, which the target of a finding names: so the
    /// same error of two machines is equal.
    pub fn without_own_address(self) -> Self {
        let from = if self.is_of_meant_machine() { IcmpSender::Untold } else { self.from };
        Self { from, ..self }
    }

    /// Whether it proves that a packet reached the machine that was meant. One without a sender
    /// proves nothing: a firewall of this network may have sent it.
    pub fn proves_arrival(&self) -> bool {
        matches!(self.from, IcmpSender::MeantMachine(_))
    }
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.meaning() {
            IcmpMeaning::PortUnreachable => "port unreachable",
            IcmpMeaning::AdminProhibited => "administratively prohibited",
            IcmpMeaning::HostUnreachable => "host unreachable",
            IcmpMeaning::NetworkUnreachable => "network unreachable",
            IcmpMeaning::Other => "an error",
        };
        let protocol = match self.family {
            Family::V4 => "ICMP",
            Family::V6 => "ICMPv6",
        };
        write!(f, "{words} ({protocol} {}/{}", self.icmp_type, self.code)?;
        match self.from.address() {
            Some(from) => write!(f, " from {from})"),
            None => f.write_str(")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination() -> Destination {
        Destination {
            meant: "203.0.113.20:443".parse().unwrap(),
            dialled: "192.0.2.1:8443".parse().unwrap(),
        }
    }

    fn prohibited(from: Option<&str>) -> IcmpError {
        let from = from.map(|from| from.parse().unwrap());
        let from = IcmpSender::of_error_for(destination(), from);
        IcmpError { family: Family::V4, icmp_type: 3, code: 13, from }
    }

    #[test]
    fn the_dialled_machine_stands_for_the_one_that_was_meant() {
        let meant = IcmpSender::MeantMachine("203.0.113.20".parse().unwrap());
        assert_eq!(prohibited(Some("192.0.2.1")).from, meant);
        assert_eq!(prohibited(Some("203.0.113.20")).from, meant);
        let router = IcmpSender::Another("192.0.2.9".parse().unwrap());
        assert_eq!(prohibited(Some("192.0.2.9")).from, router);
    }

    #[test]
    fn an_error_without_a_sender_counts_as_the_machine_s_own_and_proves_no_arrival() {
        let questions = |error: IcmpError| (error.is_of_meant_machine(), error.proves_arrival());
        assert_eq!(questions(prohibited(Some("192.0.2.1"))), (true, true));
        assert_eq!(questions(prohibited(Some("192.0.2.9"))), (false, false));
        assert_eq!(questions(prohibited(None)), (true, false));
    }
}
