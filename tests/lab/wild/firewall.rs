//! Machines without any rules, on which the script of `ovcheck firewall` runs as it is printed.

use super::super::cluster::Topology;
use super::super::situations::{DEFAULT, FORCED_TURN, PROVEN, SUSPECTED, Situation, VANTAGE_LIMIT};
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

pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "wild/firewall/nftables",
        fault: |world| world.written = all_of("nftables"),
        ..DEFAULT
    },
    Situation {
        name: "wild/firewall/nftables-forced-turn",
        fault: |world| world.written = all_of("nftables"),
        ..FORCED_TURN
    },
    Situation {
        name: "wild/firewall/ufw",
        fault: |world| world.written = all_of("ufw"),
        ..DEFAULT
    },
    Situation {
        name: "wild/firewall/ufw-forced-turn",
        fault: |world| world.written = all_of("ufw"),
        ..FORCED_TURN
    },
    Situation {
        name: "wild/firewall/iptables",
        fault: |world| world.written = all_of("iptables"),
        ..DEFAULT
    },
    Situation {
        name: "wild/firewall/iptables-forced-turn",
        fault: |world| world.written = all_of("iptables"),
        ..FORCED_TURN
    },
    ELASTIC,
    Situation {
        name: "wild/firewall/nftables-of-elastic-forced-turn",
        topology: Topology::Elastic,
        fault: |world| world.written = all_of("nftables"),
        ..FORCED_TURN
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
