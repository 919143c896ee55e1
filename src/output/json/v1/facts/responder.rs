//! What a responder on a node told about its ports.

use crate::model::facts::{ResponderAnswer, ResponderFacts, ResponderSweep, SentToAll, SynSweep};
use crate::model::responder::{PortRedirect, ReversePathFilter, SessionId};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{PortV1, PortsV1};

published! {
    /// What a responder (`ovcheck listen`) told about probes to UDP ports.
    struct ResponderFactsV1 from ResponderFacts {
        /// The session, as in the file of the responder (`ovcheck listen --output`).
        session: SessionIdV1,
        /// What was sent to each port.
        sent: SentToAllV1,
        /// The answer.
        answer: ResponderAnswerV1,
    }

    /// What was sent to each port, whether or not the responder answered.
    struct SentToAllV1 from SentToAll {
        /// The least number of copies of the UDP probe that a port got.
        udp_copies: u32,
        /// The least number of TCP connection attempts that a port got.
        tcp_attempts: u32,
    }

    /// 16 hexadecimal digits.
    text SessionIdV1 from SessionId;

    /// Whether a responder answered.
    enum ResponderAnswerV1 from ResponderAnswer {
        /// No answer came back from any port. The ports were probed twice all the same, for the file
        /// of the responder.
        Silent,
        /// It speaks another version of the protocol.
        OtherVersion(version: u8),
        /// It cannot take another check.
        Busy,
        /// It answered.
        Told(sweep: ResponderSweepV1),
    }

    /// What became of probes to UDP ports, as the machine itself saw it.
    struct ResponderSweepV1 from ResponderSweep {
        /// The ports that were probed.
        asked: Vec<PortsV1>,
        /// The ports whose probes reached the machine, before its firewall.
        arrived: Vec<PortsV1>,
        /// The ports whose probes passed the firewall of the machine.
        passed: Vec<PortsV1>,
        /// The ports whose probes the machine forwarded, as to a container.
        forwarded: Vec<PortsV1>,
        /// The ports whose probes went on to another port.
        redirected: Vec<PortRedirectV1>,
        /// The ports of which nothing follows, because their probes may have been lost.
        unsettled: Vec<PortsV1>,
        /// How many copies the ports got that did not pass.
        copies: u32,
        /// How many probes were sent to ports that are reached.
        sent: u32,
        /// How many of them the network lost.
        lost: u32,
        /// How many packets the responder could not read in time while this check ran.
        lost_by_responder: u64,
        /// How the machine checks the source of IPv4 packets.
        reverse_path_filter: ReversePathFilterV1,
        /// What became of TCP connection attempts.
        tcp: Box<SynSweepV1>,
    }

    /// What became of connection attempts to TCP ports, as the machine itself saw it. They are recognised
    /// by their source and by the segment size that each asks for.
    struct SynSweepV1 from SynSweep {
        /// The ports that were tried.
        asked: Vec<PortsV1>,
        /// The ports whose connection attempts reached the machine, before its firewall.
        arrived: Vec<PortsV1>,
        /// The ports whose connection attempts passed the firewall of the machine.
        passed: Vec<PortsV1>,
        /// The ports whose connection attempts the machine forwarded, as to a container.
        forwarded: Vec<PortsV1>,
        /// The ports whose connection attempts went on to another port.
        redirected: Vec<PortRedirectV1>,
        /// The ports of which nothing follows.
        unsettled: Vec<PortsV1>,
        /// The least number of connection attempts that a port got.
        attempts: u32,
    }

    /// Ports whose packets go on to another port.
    struct PortRedirectV1 from PortRedirect {
        /// The ports.
        ports: PortsV1,
        /// The port to which they go.
        to: PortV1,
    }

    /// How a machine checks the source of IPv4 packets against its routes (`rp_filter`), by the
    /// strictest of its interfaces.
    enum ReversePathFilterV1 from ReversePathFilter {
        /// It does not.
        Off,
        /// A packet must arrive by the interface that leads to its source.
        Strict,
        /// There must be a route to its source.
        Loose,
        /// It could not be read.
        Unknown,
    }
}
