//! Remedies that run where they are pasted: each command is run as it is printed, and a second run
//! accuses nobody.

use super::super::caller::Caller;
use super::super::situations::{DEFAULT, FORCED_TURN, PROVEN, SUSPECTED, Situation, VANTAGE_LIMIT};
use super::super::world::{FirewallKind, Speaks, Version, World};

/// What ufw allows in a right deployment, without these ports.
macro_rules! ufw_with {
    ($($rule:literal),*) => {
        FirewallKind::Ufw(&[
            "ufw allow 443/udp",
            "ufw allow 7885/udp",
            "ufw allow 50000:60000/udp",
            "ufw allow 7881/tcp",
            "ufw allow 9000/tcp",
            $($rule,)*
        ])
    };
}

fn without_a_table(world: &mut World) {
    world.node().kind = FirewallKind::Nothing;
}

pub const SITUATIONS: &[Situation] = &[
    // --- no table of nftables at all -----------------------------------------------------------
    Situation {
        name: "wild/remedies/forced-turn-on-a-machine-without-a-firewall",
        fault: without_a_table,
        errors: &[
            ("policy/media-range-closed", SUSPECTED),
            ("policy/udp-443-closed", PROVEN),
            ("policy/udp-443-closed", SUSPECTED),
            ("ports/openvidu-tcp-1945", PROVEN),
            ("ports/openvidu-tcp-5349", PROVEN),
            ("ports/openvidu-tcp-7880", PROVEN),
        ],
        warnings: &[("policy/ice-tcp-7881-closed", PROVEN), ("ports/openvidu-tcp-9000", PROVEN)],
        shows: &["nft add table inet ovcheck"],
        exit: 1,
        is_mended: true,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/remedies/default-on-a-machine-without-a-firewall",
        fault: |world| {
            without_a_table(world);
            world.serve(Speaks::MongoDb, 20000);
            world.serve(Speaks::Minio, 9100);
        },
        errors: &[
            ("ports/openvidu-tcp-1945", PROVEN),
            ("ports/openvidu-tcp-5349", PROVEN),
            ("ports/openvidu-tcp-7880", PROVEN),
            ("ports/undocumented-closed", PROVEN),
        ],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    // The machine itself and the others still reach it.
    Situation {
        name: "wild/remedies/redis-without-a-password-on-a-machine-without-a-firewall",
        fault: |world| {
            without_a_table(world);
            world.serve(Speaks::Redis { password: None }, 6379);
        },
        errors: &[
            ("ports/openvidu-tcp-1945", PROVEN),
            ("ports/openvidu-tcp-5349", PROVEN),
            ("ports/openvidu-tcp-7880", PROVEN),
            ("ports/redis-needs-password", PROVEN),
            ("ports/undocumented-closed", PROVEN),
        ],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    // --- a table of nftables -------------------------------------------------------------------
    Situation {
        name: "wild/remedies/undocumented-ports-open",
        fault: |world| {
            world.serve(Speaks::MongoDb, 20000);
            world.serve(Speaks::Minio, 9100);
            world.open("tcp dport { 9100, 20000 } accept");
        },
        errors: &[("ports/undocumented-closed", PROVEN)],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/udp-443-closed",
        fault: |world| world.node().first = "udp dport 443 drop",
        errors: &[("ports/openvidu-udp-443", SUSPECTED)],
        inconclusive: SILENT_SINGLE_PORTS,
        shows: &["inbound rule for the port (udp)"],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/tcp-7881-closed",
        fault: |world| world.node().first = "tcp dport 7881 drop",
        errors: &[("ports/openvidu-tcp-7881", SUSPECTED)],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/api-closed-to-the-proxy",
        fault: |world| world.node().from_proxy = "1945, 5349",
        errors: &[("signal/api-answers", PROVEN)],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/https-of-the-proxy-closed",
        fault: |world| world.proxy_firewall().first = "tcp dport { 80, 443 } drop",
        errors: &[("ports/proxy-tcp-443", SUSPECTED), ("ports/proxy-tcp-80", SUSPECTED)],
        fewest_passes: 5,
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    // --- ufw -----------------------------------------------------------------------------------
    Situation {
        name: "wild/remedies/ufw-allows-the-api-to-everyone",
        fault: |world| {
            world.node().kind = ufw_with!(
                "ufw allow 7880/tcp",
                "ufw allow proto tcp from 203.0.113.10 to any port 1945,5349"
            );
        },
        errors: &[("ports/openvidu-tcp-7880", PROVEN)],
        shows: &["ufw delete allow 7880/tcp"],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/ufw-keeps-the-proxy-from-the-api",
        fault: |world| {
            world.node().kind =
                ufw_with!("ufw allow proto tcp from 203.0.113.10 to any port 1945,5349");
        },
        errors: &[("signal/api-answers", PROVEN)],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/ufw-without-the-media-ports",
        fault: |world| {
            world.node().kind = FirewallKind::Ufw(&[
                "ufw allow 7885/udp",
                "ufw allow 9000/tcp",
                "ufw allow proto tcp from 203.0.113.10 to any port 7880,1945,5349",
            ]);
        },
        errors: &[
            ("ports/openvidu-tcp-7881", SUSPECTED),
            ("ports/openvidu-udp-443", SUSPECTED),
            ("ports/openvidu-udp-50000-60000", SUSPECTED),
        ],
        inconclusive: SILENT_SINGLE_PORTS,
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    // --- in a call -----------------------------------------------------------------------------
    Situation {
        name: "wild/remedies/media-range-closed-to-the-relay",
        fault: |world| world.node().first = "iif lo udp dport 50000-60000 drop",
        caller: Some(Caller::OPERATOR),
        errors: &[("turn/relay-carries-media", PROVEN)],
        warnings: &[("turn/refuses-foreign-peers", PROVEN)],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/media-range-closed-in-a-call",
        fault: |world| {
            world.node().first = "udp dport 50000-60000 reject with icmpx type admin-prohibited";
        },
        caller: Some(Caller::OPERATOR),
        errors: &[("ports/openvidu-udp-50000-60000", PROVEN), ("turn/relay-carries-media", PROVEN)],
        warnings: &[("turn/refuses-foreign-peers", PROVEN)],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/media-punched-out-under-forced-turn",
        caller: Some(Caller::OPERATOR),
        errors: &[("policy/no-media-through-hole-punching", PROVEN)],
        warnings: &[("turn/refuses-foreign-peers", PROVEN)],
        exit: 1,
        is_mended: true,
        ..FORCED_TURN
    },
    // --- where relays lead --------------------------------------------------------------------
    Situation {
        name: "wild/remedies/relay-of-the-oldest-restricts-nothing",
        caller: Some(Caller::OPERATOR),
        warnings: &[("turn/refuses-foreign-peers", PROVEN)],
        says: &[("turn/refuses-foreign-peers", "127.0.0.1 (its own loopback)")],
        is_mended: true,
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/relay-to-the-internet",
        fault: |world| world.livekit.version = Version::Newest,
        flags: EDITION_OF_NEWEST,
        caller: Some(Caller::OPERATOR),
        errors: &[("turn/refuses-foreign-peers", PROVEN)],
        says: &[("turn/refuses-foreign-peers", "8.8.8.8 (a machine on the internet)")],
        shows: &["deny_peer_cidrs: [0.0.0.0/1, 128.0.0.0/2, 192.0.0.0/5,"],
        hides: &["metadata"],
        exit: 1,
        ..DEFAULT
    },
    // As the remedy of that shows it, for the machine of this laboratory.
    Situation {
        name: "wild/remedies/relay-to-the-internet-denied",
        fault: |world| {
            world.livekit.version = Version::Newest;
            world.livekit.turn = ALL_DENIED_BUT_THE_NODE;
        },
        flags: EDITION_OF_NEWEST,
        caller: Some(Caller::OPERATOR),
        passes: &[("turn/refuses-foreign-peers", PROVEN), ("turn/relay-carries-media", PROVEN)],
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/relay-to-a-private-network",
        fault: |world| {
            world.livekit.version = Version::Newest;
            world.livekit.turn = "  allow_restricted_peer_cidrs: [10.0.0.0/8]\n";
        },
        caller: Some(Caller::OPERATOR),
        warnings: &[("ruleset/edition-matches", SUSPECTED), ("turn/refuses-foreign-peers", PROVEN)],
        says: &[("turn/refuses-foreign-peers", "10.0.0.1 (a private network)")],
        shows: &["deny_peer_cidrs: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]"],
        hides: &["metadata"],
        ..DEFAULT
    },
    Situation {
        name: "wild/remedies/relay-to-a-private-network-denied",
        fault: |world| {
            world.livekit.version = Version::Newest;
            world.livekit.turn = "  allow_restricted_peer_cidrs: [10.0.0.0/8]\n  \
                deny_peer_cidrs: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]\n";
        },
        caller: Some(Caller::OPERATOR),
        warnings: &[("ruleset/edition-matches", SUSPECTED)],
        passes: &[("turn/refuses-foreign-peers", PROVEN)],
        ..DEFAULT
    },
];

const SILENT_SINGLE_PORTS: super::super::situations::List =
    &[("ports/openvidu-udp-443", VANTAGE_LIMIT), ("ports/openvidu-udp-7885", VANTAGE_LIMIT)];

/// What the newest LiveKit is judged by.
const EDITION_OF_NEWEST: &[&str] = &["--guide", "3.9"];

/// The networks without 203.0.113.20.
const ALL_DENIED_BUT_THE_NODE: &str = "  deny_peer_cidrs: [\
    0.0.0.0/1, 128.0.0.0/2, 192.0.0.0/5, 200.0.0.0/7, 202.0.0.0/8, 203.0.0.0/18, \
    203.0.64.0/19, 203.0.96.0/20, 203.0.112.0/24, 203.0.113.0/28, 203.0.113.16/30, \
    203.0.113.21/32, 203.0.113.22/31, 203.0.113.24/29, 203.0.113.32/27, \
    203.0.113.64/26, 203.0.113.128/25, 203.0.114.0/23, 203.0.116.0/22, \
    203.0.120.0/21, 203.0.128.0/17, 203.1.0.0/16, 203.2.0.0/15, 203.4.0.0/14, \
    203.8.0.0/13, 203.16.0.0/12, 203.32.0.0/11, 203.64.0.0/10, 203.128.0.0/9, \
    204.0.0.0/6, 208.0.0.0/4, 224.0.0.0/3]\n";
