//! What a responder on a node (`ovcheck listen`) told about the ports of one address.

use serde::{Deserialize, Serialize};

use crate::model::port::PortRange;
use crate::model::responder::{PortRedirect, ReversePathFilter, SessionId};

/// What a responder told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderFacts {
    /// By which its own file is found to belong to this run.
    pub session: SessionId,
    /// The copies of its probe that every UDP port got at least, and the attempts that every TCP port got.
    pub sent: SentToAll,
    pub answer: ResponderAnswer,
}

/// What was sent to each port of a responder's machine, whatever came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentToAll {
    pub udp_copies: u32,
    pub tcp_attempts: u32,
}

/// Whether a responder answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponderAnswer {
    /// Nothing came back from any port: it does not run, has another token, or neither requests nor
    /// answers get through. Its ports were probed all the same, for its file.
    Silent,
    /// It speaks another version of the protocol.
    OtherVersion(u8),
    /// It answers as many checks as it can already.
    Busy,
    Told(ResponderSweep),
}

/// What became of probes to UDP ports, as the machine itself saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderSweep {
    /// The ports that were probed; so are all below.
    pub asked: Vec<PortRange>,
    /// Their probes reached the machine, before its firewall.
    pub arrived: Vec<PortRange>,
    /// They got past its firewall.
    pub passed: Vec<PortRange>,
    /// The machine sent them on, as to a container.
    pub forwarded: Vec<PortRange>,
    /// Those of the two that went on to another port, as far as it is known to which.
    pub redirected: Vec<PortRedirect>,
    /// The ports of which nothing follows: their probes may have been lost on the way, or by the
    /// responder.
    pub unsettled: Vec<PortRange>,
    /// How many copies the ports got that did not pass.
    pub copies: u32,
    /// The probes to ports that are reached.
    pub sent: u32,
    /// Those of them that the network lost.
    pub lost: u32,
    /// The packets that the responder could not read in time, while this check ran.
    pub lost_by_responder: u64,
    pub reverse_path_filter: ReversePathFilter,
    /// The same of connection attempts over TCP.
    pub tcp: Box<SynSweep>,
}

/// What became of connection attempts to TCP ports, as the machine itself saw it. They are not signed, but
/// known by where they come from and by the size of segments that each asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynSweep {
    /// The ports that were tried; so are all below.
    pub asked: Vec<PortRange>,
    /// The attempts reached the machine, before its firewall.
    pub arrived: Vec<PortRange>,
    /// They got past its firewall.
    pub passed: Vec<PortRange>,
    /// The machine sent them on, as to a container.
    pub forwarded: Vec<PortRange>,
    /// Those of the two that went on to another port, as far as it is known to which.
    pub redirected: Vec<PortRedirect>,
    /// The ports of which nothing follows.
    pub unsettled: Vec<PortRange>,
    /// How many attempts each port got at least.
    pub attempts: u32,
}
