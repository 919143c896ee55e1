//! Calls to a deployment with several Media Nodes, whose servers choose by themselves on which of them a
//! room is.

use super::super::caller::{Caller, Right};
use super::super::cluster::Topology;
use super::super::network::Place;
use super::super::situations::{
    DEFAULT, List, PROVEN, SUSPECTED, Situation, UNSETTLED, VANTAGE_LIMIT,
};
use super::super::token::{API_KEY, API_SECRET};
use super::super::world::{LiveKit, Program, Version, World};

const EVERY_NODE: &str = "call/every-media-node-carries-calls";

/// LiveKit 1.8.4 relays to private networks, and to itself.
const PRIVATE_PEERS: List = &[("turn/refuses-foreign-peers", PROVEN)];

/// What listens on UDP 7885 answers nobody without credentials: open and closed look the same.
const WHIP_PORT_IS_SILENT: List = &[("ports/media-udp-7885", VANTAGE_LIMIT)];

const WITHOUT_A_CALL: List = &[(EVERY_NODE, UNSETTLED), ("ports/media-udp-7885", VANTAGE_LIMIT)];

/// A right deployment under the default policy, in which a call is on each of both Media Nodes.
const CALLS: Situation = Situation {
    name: "wild/nodes/elastic",
    topology: Topology::Elastic,
    caller: Some(Caller::OPERATOR),
    fault: share_redis,
    warnings: PRIVATE_PEERS,
    inconclusive: WHIP_PORT_IS_SILENT,
    passes: &[(EVERY_NODE, PROVEN)],
    ..DEFAULT
};

fn share_redis(world: &mut World) {
    world.cluster().shares_redis = true;
}

/// Another server on the second Media Node.
fn with_second(world: &mut World, livekit: LiveKit) {
    share_redis(world);
    world.cluster().livekits.push((Place::Media2, livekit));
}

/// Closed to users, and open among the machines.
const RANGE_CLOSED_TO_USERS: &str =
    "ip saddr != { 203.0.113.0/24, 10.0.0.0/24 } udp dport 50000-60000 drop
        ip6 saddr != 2001:db8:5::/64 udp dport 50000-60000 drop";

/// Keeps participants in rooms, and ends the server of the second Media Node, which then waits for them.
const DRAINED: Program = Program {
    name: "drained",
    place: Place::Media2,
    program: "python3",
    arguments: &[
        "@FIXTURES@/wild/drained.py",
        "@DIR@/livekit-media-2.yaml",
        API_KEY,
        API_SECRET,
        "7998",
    ],
    files: &[],
    listens: &[("tcp", 7998)],
};

pub const SITUATIONS: &[Situation] = &[
    CALLS,
    Situation {
        name: "wild/nodes/elastic-newest",
        fault: |world| {
            share_redis(world);
            for place in [Place::Media1, Place::Media2] {
                let newest = LiveKit { version: Version::Newest, ..LiveKit::RIGHT };
                world.cluster().livekits.push((place, newest));
            }
        },
        warnings: &[("ruleset/edition-matches", SUSPECTED)],
        ..CALLS
    },
    Situation {
        name: "wild/nodes/elastic-deep",
        flags: &["--deep"],
        passes: &[(EVERY_NODE, PROVEN), ("call/dtls-passes", PROVEN)],
        ..CALLS
    },
    Situation {
        name: "wild/nodes/high-availability",
        topology: Topology::HighAvailability,
        ..CALLS
    },
    Situation {
        name: "wild/nodes/range-closed-on-one-media-node",
        fault: |world| {
            share_redis(world);
            world.cluster().wall(Place::Media2).first = RANGE_CLOSED_TO_USERS;
        },
        errors: &[("ports/media-udp-50000-60000", PROVEN)],
        shows: &["media-2"],
        exit: 1,
        ..CALLS
    },
    // It took a private address for its own.
    Situation {
        name: "wild/nodes/wrong-node-ip-on-one-media-node",
        fault: |world| {
            with_second(world, LiveKit { node_ip: Some("10.9.9.9"), ..LiveKit::RIGHT });
        },
        errors: &[
            ("call/media-addresses-are-right", PROVEN),
            ("call/turn-servers-are-right", PROVEN),
        ],
        says: &[("call/media-addresses-are-right", "media-2")],
        exit: 1,
        ..CALLS
    },
    // The file of the first was copied to the second.
    Situation {
        name: "wild/nodes/node-ip-of-the-other-media-node",
        fault: |world| {
            with_second(world, LiveKit { node_ip: Some("203.0.113.21"), ..LiveKit::RIGHT });
        },
        errors: &[("call/media-addresses-are-right", SUSPECTED)],
        says: &[("call/media-addresses-are-right", "media-2")],
        exit: 1,
        ..CALLS
    },
    Situation {
        name: "wild/nodes/one-media-node-is-drained",
        fault: |world| {
            // No other situation wants this server, which ends with its last participant.
            with_second(world, LiveKit { rtc: "  # drained", ..LiveKit::RIGHT });
            world.programs.push(DRAINED);
        },
        inconclusive: WITHOUT_A_CALL,
        says: &[(EVERY_NODE, "in 15 rooms")],
        shows: &["media-2", "no call was on it"],
        exit: 3,
        ..CALLS
    },
    // Every second connection goes through the other Master Node, whichever that is.
    Situation {
        name: "wild/nodes/joins-fail-through-one-master-node",
        topology: Topology::HighAvailability,
        fault: |world| {
            share_redis(world);
            for place in [Place::Media1, Place::Media2] {
                let media = world.cluster().wall(place);
                media.first = "ip saddr 10.0.0.12 tcp dport 7880 reject with tcp reset";
            }
        },
        errors: &[("*", PROVEN), ("*", SUSPECTED)],
        warnings: &[("*", PROVEN), ("*", SUSPECTED)],
        inconclusive: &[("*", UNSETTLED), ("ports/media-udp-7885", VANTAGE_LIMIT)],
        passes: &[],
        fewest_passes: 0,
        exit: 1,
        ..CALLS
    },
    Situation {
        name: "wild/nodes/a-token-is-for-one-room",
        caller: Some(Caller::with(Right::TokenForTheMeeting)),
        inconclusive: &[(EVERY_NODE, VANTAGE_LIMIT), ("ports/media-udp-7885", VANTAGE_LIMIT)],
        says: &[(EVERY_NODE, "--api-key")],
        ..CALLS
    },
];
