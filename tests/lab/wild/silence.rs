//! Silence, one member of a range, and one bit: proofs that are none.

use super::super::caller::Caller;
use super::super::network::Place;
use super::super::situations::{
    DEFAULT, FORCED_TURN, List, PROVEN, SUSPECTED, Situation, UNCONTRADICTED, UNSETTLED,
    VANTAGE_LIMIT,
};
use super::super::world::{Program, Speaks, World};

/// An office: the client gets out to these TCP ports alone.
const OFFICE: &str = "iifname \"client\" meta l4proto { udp, icmp, ipv6-icmp } accept\n        \
     iifname \"client\" ct state established,related accept\n        \
     iifname \"client\" tcp dport { 80, 443 } accept\n        \
     iifname \"client\" drop";

const OFFICE_THAT_RESETS: &str = "iifname \"client\" meta l4proto { udp, icmp, ipv6-icmp } accept\n        \
     iifname \"client\" ct state established,related accept\n        \
     iifname \"client\" tcp dport { 80, 443 } accept\n        \
     iifname \"client\" meta l4proto tcp reject with tcp reset";

/// Somebody let out what the tables name for users.
const OFFICE_WITH_MEDIA: &str = "iifname \"client\" meta l4proto { udp, icmp, ipv6-icmp } accept\n        \
     iifname \"client\" ct state established,related accept\n        \
     iifname \"client\" tcp dport { 80, 443, 1935, 7881, 9000 } accept\n        \
     iifname \"client\" drop";

const EXPOSED: &str = "tcp dport 7880 accept";

const ACCEPTS: &str = "@FIXTURES@/wild/accepts.py";

/// Something on the way accepts every TCP connection over IPv4, and dials then.
fn accept_everything(world: &mut World) {
    world.router().translation = "chain accepted {\n        \
        type nat hook prerouting priority dstnat; policy accept;\n        \
        iifname \"client\" ip daddr 203.0.113.0/24 meta l4proto tcp redirect to :9999\n    }";
    world.router().from_anywhere.push("tcp dport 9999 accept");
    world.programs.push(Program {
        name: "relay",
        place: Place::Router,
        program: "python3",
        arguments: &[ACCEPTS, "relay", "9999"],
        files: &[],
        listens: &[("tcp", 9999)],
    });
}

/// This program in the place of what had these ports.
fn in_place_of(world: &mut World, program: Program) {
    for (_, port) in program.listens {
        world.peers.retain(|peer| peer.port != *port);
    }
    world.programs.push(program);
}

fn hangs(place: Place, name: &'static str, arguments: &'static [&'static str]) -> Program {
    Program { name, place, program: "python3", arguments, files: &[], listens: &[] }
}

/// What nobody can judge behind an office's firewall.
const BEHIND_AN_OFFICE: List = &[
    ("ports/openvidu-tcp-1945", UNSETTLED),
    ("ports/openvidu-tcp-5349", UNSETTLED),
    ("ports/openvidu-tcp-7880", UNSETTLED),
    ("ports/openvidu-tcp-7881", UNSETTLED),
    ("ports/openvidu-tcp-9000", UNSETTLED),
    ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
    ("ports/proxy-tcp-1935", UNSETTLED),
    ("ports/minio-buckets-need-login", UNSETTLED),
    ("ports/mongodb-needs-login", UNSETTLED),
    ("ports/redis-needs-password", UNSETTLED),
    ("ports/undocumented-closed", UNSETTLED),
];

const ACCEPTED_FOR_OTHERS: List = &[
    ("ports/openvidu-tcp-1945", VANTAGE_LIMIT),
    ("ports/openvidu-tcp-5349", VANTAGE_LIMIT),
    ("ports/openvidu-tcp-7880", VANTAGE_LIMIT),
    ("ports/openvidu-tcp-7881", VANTAGE_LIMIT),
    ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
    ("ports/minio-buckets-need-login", VANTAGE_LIMIT),
    ("ports/mongodb-needs-login", VANTAGE_LIMIT),
    ("ports/redis-needs-password", VANTAGE_LIMIT),
    ("ports/undocumented-closed", VANTAGE_LIMIT),
];

pub const SITUATIONS: &[Situation] = &[
    // --- our own way out -----------------------------------------------------------------------
    Situation {
        name: "wild/silence/an-office-and-an-exposed-api",
        fault: |world| {
            world.open(EXPOSED);
            world.router().forwarded = OFFICE;
        },
        inconclusive: BEHIND_AN_OFFICE,
        shows: &["this network may be the cause"],
        hides: &["TCP 7880 accepts"],
        fewest_passes: 20,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/an-office-that-resets",
        fault: |world| world.router().forwarded = OFFICE_THAT_RESETS,
        inconclusive: &[
            ("ports/openvidu-tcp-7881", UNSETTLED),
            ("ports/openvidu-tcp-9000", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("ports/proxy-tcp-1935", UNSETTLED),
        ],
        shows: &["this network may be the cause"],
        hides: &["OpenVidu does not run"],
        fewest_passes: 20,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/an-office-with-the-ports-of-users",
        fault: |world| {
            world.open(EXPOSED);
            world.router().forwarded = OFFICE_WITH_MEDIA;
        },
        passes: &[
            ("ports/openvidu-tcp-7880", UNCONTRADICTED),
            ("ports/undocumented-closed", UNCONTRADICTED),
            ("ports/minio-buckets-need-login", UNCONTRADICTED),
            ("ports/mongodb-needs-login", UNCONTRADICTED),
            ("ports/redis-needs-password", UNCONTRADICTED),
        ],
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/inner-ports-that-are-dropped",
        passes: &[
            ("ports/openvidu-tcp-7880", UNCONTRADICTED),
            ("ports/openvidu-tcp-5349", UNCONTRADICTED),
            ("ports/undocumented-closed", UNCONTRADICTED),
        ],
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/media-over-tcp-dropped",
        fault: |world| {
            world.node().first = "tcp dport 7881 drop";
            world.proxy_firewall().otherwise = "accept";
        },
        errors: &[("ports/openvidu-tcp-7881", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // Where every machine drops what it does not know, nothing shows that this network lets out more
    // than the ports of the tables.
    Situation {
        name: "wild/silence/media-over-tcp-dropped-where-everybody-drops",
        fault: |world| {
            world.node().first = "tcp dport 7881 drop";
        },
        errors: &[("ports/openvidu-tcp-7881", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
    // --- nobody there --------------------------------------------------------------------------
    Situation {
        name: "wild/silence/an-address-of-nobody",
        flags: &["--node", "openvidu=203.0.113.99"],
        inconclusive: &[
            ("ports/openvidu-tcp-1945", UNSETTLED),
            ("ports/openvidu-tcp-5349", UNSETTLED),
            ("ports/openvidu-tcp-7880", UNSETTLED),
            ("ports/openvidu-tcp-7881", UNSETTLED),
            ("ports/openvidu-tcp-9000", UNSETTLED),
            ("ports/openvidu-udp-443", UNSETTLED),
            ("ports/openvidu-udp-50000-60000", UNSETTLED),
            ("ports/openvidu-udp-7885", UNSETTLED),
            ("ports/minio-buckets-need-login", UNSETTLED),
            ("ports/mongodb-needs-login", UNSETTLED),
            ("ports/redis-needs-password", UNSETTLED),
            ("ports/undocumented-closed", UNSETTLED),
        ],
        shows: &["nothing at 203.0.113.99 responds", "address right?"],
        fewest_passes: 20,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/an-address-of-nobody-under-forced-turn",
        flags: &["--node", "openvidu=203.0.113.99"],
        inconclusive: &[
            ("policy/ice-tcp-7881-closed", UNSETTLED),
            ("policy/media-range-closed", UNSETTLED),
            ("policy/udp-443-closed", UNSETTLED),
            ("policy/whip-udp-7885-closed", UNSETTLED),
            ("ports/openvidu-tcp-1945", UNSETTLED),
            ("ports/openvidu-tcp-5349", UNSETTLED),
            ("ports/openvidu-tcp-7880", UNSETTLED),
            ("ports/openvidu-tcp-9000", UNSETTLED),
            ("ports/minio-buckets-need-login", UNSETTLED),
            ("ports/mongodb-needs-login", UNSETTLED),
            ("ports/redis-needs-password", UNSETTLED),
            ("ports/undocumented-closed", UNSETTLED),
        ],
        shows: &["nothing at 203.0.113.99 responds"],
        fewest_passes: 15,
        exit: 3,
        ..FORCED_TURN
    },
    // It drops everything, pings among it: nobody can tell it from an address that is wrong.
    Situation {
        name: "wild/silence/forced-turn-behind-a-firewall-that-drops-pings",
        fault: |world| {
            world.node().first =
                "icmp type echo-request drop\n        icmpv6 type echo-request drop";
        },
        ..NOTHING_OF_THE_NODE
    },
    // --- something accepts everything ----------------------------------------------------------
    Situation {
        name: "wild/silence/everything-is-accepted",
        fault: accept_everything,
        inconclusive: ACCEPTED_FOR_OTHERS,
        shows: &["accepts them in place of the servers", "another network"],
        hides: &["its firewall is off", "can be tried from the whole internet"],
        fewest_passes: 20,
        exit: 3,
        ..DEFAULT
    },
    // What answers in its own protocol is there, whoever accepts for it.
    Situation {
        name: "wild/silence/everything-is-accepted-and-redis-answers",
        fault: |world| {
            accept_everything(world);
            world.serve(Speaks::Redis { password: None }, 7000);
            world.open("tcp dport 7000 accept");
        },
        errors: &[("ports/redis-needs-password", PROVEN), ("ports/undocumented-closed", PROVEN)],
        inconclusive: ACCEPTED_FOR_OTHERS,
        fewest_passes: 15,
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/everything-is-accepted-and-media-over-tcp-is-closed",
        fault: |world| {
            accept_everything(world);
            world.node().first = "tcp dport 7881 drop";
        },
        ..EVERYTHING_ACCEPTED_AND_7881_CLOSED
    },
    // --- no answer is no answer ----------------------------------------------------------------
    // The checks of a call get in at every port, so that the one that it draws is answered.
    Situation {
        name: "wild/silence/half-of-the-media-range-dropped-and-one-port-answers-a-call",
        fault: |world| world.node().first = "udp dport 55001-60000 udp length < 90 drop",
        caller: Some(Caller::OPERATOR),
        errors: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        warnings: &[("turn/refuses-foreign-peers", PROVEN)],
        passes: &[("call/media-path-udp", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/minio-hangs",
        fault: |world| {
            in_place_of(
                world,
                Program {
                    listens: &[("tcp", 9000)],
                    ..hangs(Place::Node, "minio-that-hangs", &[ACCEPTS, "silent", "9000"])
                },
            );
        },
        errors: &[("ports/openvidu-tcp-9000", SUSPECTED)],
        inconclusive: &[
            ("ports/minio-buckets-need-login", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        says: &[("ports/openvidu-tcp-9000", "accepts connections but does not answer")],
        hides: &["Stop that program"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/silence/media-over-tcp-accepts-and-closes",
        fault: |world| {
            world.livekit.ice_tcp = 7882;
            in_place_of(
                world,
                Program {
                    listens: &[("tcp", 7881)],
                    ..hangs(Place::Node, "closes", &[ACCEPTS, "closes", "7881"])
                },
            );
        },
        errors: &[("ports/openvidu-tcp-7881", SUSPECTED)],
        hides: &["Stop that program"],
        exit: 1,
        ..DEFAULT
    },
    // --- a status is no identity ---------------------------------------------------------------
    Situation {
        name: "wild/silence/an-empty-page-in-place-of-minio",
        fault: |world| {
            in_place_of(
                world,
                Program {
                    name: "caddy",
                    place: Place::Node,
                    program: "caddy",
                    arguments: &[
                        "run",
                        "--config",
                        "@DIR@/Caddyfile.empty",
                        "--adapter",
                        "caddyfile",
                    ],
                    files: &[(
                        "Caddyfile.empty",
                        "{\n\tadmin off\n\tauto_https off\n}\n:9000 {\n\tlog\n}\n",
                    )],
                    listens: &[("tcp", 9000)],
                },
            );
        },
        passes: &[("ports/openvidu-tcp-9000", UNCONTRADICTED)],
        hides: &["MinIO responds: HTTP 200"],
        ..DEFAULT
    },
];

const NOTHING_OF_THE_NODE: Situation = Situation {
    name: "",
    inconclusive: &[
        ("policy/ice-tcp-7881-closed", UNSETTLED),
        ("policy/media-range-closed", UNSETTLED),
        ("policy/udp-443-closed", UNSETTLED),
        ("policy/whip-udp-7885-closed", UNSETTLED),
        ("ports/openvidu-tcp-1945", UNSETTLED),
        ("ports/openvidu-tcp-5349", UNSETTLED),
        ("ports/openvidu-tcp-7880", UNSETTLED),
        ("ports/openvidu-tcp-9000", UNSETTLED),
        ("ports/minio-buckets-need-login", UNSETTLED),
        ("ports/mongodb-needs-login", UNSETTLED),
        ("ports/redis-needs-password", UNSETTLED),
        ("ports/undocumented-closed", UNSETTLED),
    ],
    shows: &["nothing at 203.0.113.20"],
    fewest_passes: 15,
    exit: 3,
    ..FORCED_TURN
};

const EVERYTHING_ACCEPTED_AND_7881_CLOSED: Situation = Situation {
    name: "",
    inconclusive: &[
        ("ports/openvidu-tcp-1945", VANTAGE_LIMIT),
        ("ports/openvidu-tcp-5349", VANTAGE_LIMIT),
        ("ports/openvidu-tcp-7880", VANTAGE_LIMIT),
        ("ports/openvidu-tcp-7881", VANTAGE_LIMIT),
        ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ("ports/minio-buckets-need-login", VANTAGE_LIMIT),
        ("ports/mongodb-needs-login", VANTAGE_LIMIT),
        ("ports/redis-needs-password", VANTAGE_LIMIT),
        ("ports/undocumented-closed", VANTAGE_LIMIT),
    ],
    errors: &[("ports/openvidu-tcp-7881", SUSPECTED)],
    fewest_passes: 15,
    exit: 1,
    ..DEFAULT
};
