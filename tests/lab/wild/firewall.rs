//! Machines without any rules, on which the script of `ovcheck firewall` runs as it is printed.

use super::super::caller::Caller;
use super::super::cluster::Topology;
use super::super::situations::{
    DEFAULT, FORCED_TURN, List, PROVEN, SUSPECTED, Situation, UNCONTRADICTED, VANTAGE_LIMIT,
};
use super::super::written::Written;

const fn all_of(format: &'static str) -> Option<Written> {
    Some(Written { format, without: "" })
}

const fn without(format: &'static str, without: &'static str) -> Option<Written> {
    Some(Written { format, without })
}

const ELASTIC: Situation = Situation {
    name: "wild/firewall/nftables-of-elastic",
    topology: Topology::Elastic,
    fault: |world| world.written = all_of("nftables"),
    inconclusive: &[("ports/media-udp-7885", VANTAGE_LIMIT)],
    ..DEFAULT
};

/// LiveKit 1.8.4 relays to private networks, and to itself.
const PRIVATE_PEERS: List = &[("turn/refuses-foreign-peers", PROVEN)];

/// Media is kept in as well: a call shows that it begins nothing with users, and gets through.
const FORCED: Situation = Situation {
    name: "wild/firewall/nftables-forced-turn",
    fault: |world| world.written = all_of("nftables"),
    caller: Some(Caller::OPERATOR),
    warnings: PRIVATE_PEERS,
    passes: &[
        ("policy/no-media-through-hole-punching", UNCONTRADICTED),
        ("call/media-path-turns", PROVEN),
        ("turn/relay-carries-media", PROVEN),
    ],
    ..FORCED_TURN
};

pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "wild/firewall/nftables",
        fault: |world| world.written = all_of("nftables"),
        ..DEFAULT
    },
    FORCED,
    Situation {
        name: "wild/firewall/ufw",
        fault: |world| world.written = all_of("ufw"),
        ..DEFAULT
    },
    Situation {
        name: "wild/firewall/ufw-forced-turn",
        fault: |world| world.written = all_of("ufw"),
        ..FORCED
    },
    Situation {
        name: "wild/firewall/iptables",
        fault: |world| world.written = all_of("iptables"),
        ..DEFAULT
    },
    Situation {
        name: "wild/firewall/iptables-forced-turn",
        fault: |world| world.written = all_of("iptables"),
        ..FORCED
    },
    ELASTIC,
    Situation {
        name: "wild/firewall/nftables-of-elastic-forced-turn",
        topology: Topology::Elastic,
        fault: |world| {
            world.cluster().shares_redis = true;
            world.written = all_of("nftables");
        },
        ..FORCED
    },
    // --- with a row taken away -------------------------------------------------------------------
    Situation {
        name: "wild/firewall/nftables-without-udp-443",
        fault: |world| world.written = without("nftables", "ports/openvidu-udp-443"),
        errors: &[("ports/openvidu-udp-443", SUSPECTED)],
        inconclusive: &[
            // This edition's TURN server does not listen on IPv6.
            ("ports/openvidu-udp-443", VANTAGE_LIMIT),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/firewall/ufw-without-tcp-7880",
        fault: |world| world.written = without("ufw", "ports/openvidu-tcp-7880"),
        errors: &[("signal/api-answers", PROVEN)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/firewall/iptables-without-the-media-range",
        fault: |world| world.written = without("iptables", "ports/openvidu-udp-50000-60000"),
        errors: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
];
