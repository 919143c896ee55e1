//! What UDP ports send back.

use super::{FirstBytesV1, IcmpErrorV1};
use crate::model::facts::{
    ExtentEnd, ExtentFacts, Sentinel, Stretch, StretchShows, SweepFacts, UdpAnswer, UdpFacts,
    UdpPortFacts,
};
use crate::output::json::v1::publish::{PublishedAs, published};
use crate::output::json::v1::values::{PortV1, PortsV1};

published! {
    /// What UDP ports of one address sent back for STUN Binding requests.
    struct UdpFactsV1 from UdpFacts {
        /// The ports that were tested by number, in the order in which they were first tested;
        /// after them the ports of the swept range that answered, in ascending order.
        ports: Vec<UdpPortFactsV1>,
        /// The range of which every port was tested; null if there was none.
        swept: Option<SweepFactsV1>,
        /// Ports that had answered with an ICMP error, tested again after the silent ones. An
        /// answer shows that the node could still send ICMP errors.
        sentinels: Vec<SentinelV1>,
        /// Which parts of a range answer; null if ovcheck did not search (`--find-extent`).
        extent: Option<ExtentFactsV1>,
    }

    /// What one UDP port sent back.
    struct UdpPortFactsV1 from UdpPortFacts {
        /// The port.
        port: PortV1,
        /// When each copy was sent, in milliseconds after the start of the probe.
        sent_ms: Vec<u64>,
        /// The answer.
        answer: UdpAnswerV1,
        /// When the answer arrived, in milliseconds after the start of the probe; null without one.
        answered_ms: Option<u64>,
    }

    /// What came back for a datagram.
    enum UdpAnswerV1 from UdpAnswer {
        /// The STUN answer to this request.
        Stun,
        /// Another datagram from the tested address and port, with the transaction id of ovcheck in
        /// it.
        Data(first_bytes: FirstBytesV1),
        /// Datagrams from the tested address and port that hold nothing of what was asked, to two
        /// questions from two source ports. A forger who sees neither question can send them.
        Unrelated(first_bytes: FirstBytesV1),
        /// An ICMP error.
        Icmp(error: IcmpErrorV1),
        /// Nothing within the time-out.
        Silent,
        /// This machine could not send the datagram.
        NotSent,
    }

    /// A range of which every port was tested. A port of the range that is not in `ports` sent
    /// nothing back, except for the `unsent` ones.
    struct SweepFactsV1 from SweepFacts {
        /// The range.
        range: PortsV1,
        /// How many datagrams a silent port got.
        copies: u32,
        /// How many datagrams were sent to ports of the range that were not tested by number.
        sent: u32,
        /// How many ports of the range were not tested.
        unsent: u32,
        /// Whether they were not tested because nothing of the deployment answered at the address,
        /// and `--sweep` did not name it.
        withheld: bool,
        /// When the first of these datagrams was sent, in milliseconds after the start of the
        /// probe; null if none was.
        first_sent_ms: Option<u64>,
        /// When the last of these datagrams was sent, in milliseconds after the start of the probe;
        /// null if none was.
        last_sent_ms: Option<u64>,
    }

    /// A port that was tested again at the end of a round.
    struct SentinelV1 from Sentinel {
        /// The port.
        port: PortV1,
        /// When it was tested, in milliseconds after the start of the probe.
        sent_ms: u64,
        /// Whether it answered.
        answered: bool,
    }

    /// Which parts of a range of UDP ports answer.
    struct ExtentFactsV1 from ExtentFacts {
        /// The range.
        range: PortsV1,
        /// The parts that are known, in ascending order. What is between two of them is unknown.
        stretches: Vec<StretchV1>,
        /// How many ports were tested for it.
        steps: u32,
        /// Why the search ended.
        ended: ExtentEndV1,
    }

    /// Neighbouring ports that behave the same.
    struct StretchV1 from Stretch {
        /// From the first port to the last port that are known to behave so. Not every port between
        /// them was tested.
        ports: PortsV1,
        /// How they behave.
        shows: StretchShowsV1,
        /// Whether the port before the first one behaves differently, or the range starts here.
        first_is_exact: bool,
        /// Whether the port after the last one behaves differently, or the range ends here.
        last_is_exact: bool,
    }

    /// How neighbouring ports behave.
    enum StretchShowsV1 from StretchShows {
        /// They answer, or the address itself reports that they are closed.
        Answers,
        /// A firewall drops or rejects the datagrams.
        Blocked,
    }

    /// Why the search in a range ended.
    enum ExtentEndV1 from ExtentEnd {
        /// There was nothing left to find.
        Complete,
        /// The limit of steps was reached.
        StepsSpent,
        /// The limit of time was reached.
        TimeSpent,
        /// No port answered with an ICMP error, so silence proves nothing.
        NoSentinel,
        /// The port and the sentinel after it stayed silent several times in a row.
        Unheard,
        /// This machine could not send a datagram.
        NotSent,
    }
}
