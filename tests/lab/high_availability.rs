//! The situations of a High Availability deployment: two Master Nodes and two Media Nodes behind a
//! load balancer.

use super::cluster::Topology;
use super::network::Place;
use super::situations::{DEFAULT, List, PROVEN, Situation, Stand, VANTAGE_LIMIT};

/// A right deployment under the default policy, seen from the internet.
const SEVERAL_MASTERS: Situation = Situation {
    name: "high-availability/compliant",
    topology: Topology::HighAvailability,
    inconclusive: WHIP_PORT_IS_SILENT,
    ..DEFAULT
};

const WHIP_PORT_IS_SILENT: List = &[("ports/media-udp-7885", VANTAGE_LIMIT)];

pub const SITUATIONS: &[Situation] = &[
    SEVERAL_MASTERS,
    Situation {
        name: "high-availability/compliant-seen-from-a-master-node",
        stand: Stand::Master,
        ..SEVERAL_MASTERS
    },
    Situation {
        name: "high-availability/compliant-seen-from-a-media-node",
        stand: Stand::Media,
        ..SEVERAL_MASTERS
    },
    // nginx goes to the other one at once, so that nobody notices until that one fails too.
    Situation {
        name: "high-availability/stale-master",
        fault: |world| {
            world.cluster().wall(Place::Master2).first = "tcp dport 7880 reject with tcp reset";
        },
        stand: Stand::Proxy,
        errors: &[("ports/master-tcp-7880", PROVEN)],
        exit: 1,
        ..SEVERAL_MASTERS
    },
];
