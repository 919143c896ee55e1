//! Remedies that run where they are pasted: each command is run as it is printed, and a second run
//! accuses nobody.

use super::super::caller::Caller;
use super::super::situations::{DEFAULT, FORCED_TURN, PROVEN, SUSPECTED, Situation, VANTAGE_LIMIT};
use super::super::world::{FirewallKind, Speaks, World};

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
        errors: &[("ports/openvidu-udp-443", PROVEN)],
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
            ("ports/openvidu-udp-443", PROVEN),
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
];

const SILENT_SINGLE_PORTS: super::super::situations::List =
    &[("ports/openvidu-udp-443", VANTAGE_LIMIT), ("ports/openvidu-udp-7885", VANTAGE_LIMIT)];
