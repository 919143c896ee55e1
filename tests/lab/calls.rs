//! The situations in which a call is made.

use super::caller::{Caller, Right};
use super::situations::{
    DEFAULT, FORCED_TURN, List, PROVEN, SUSPECTED, Situation, Stand, UNCONTRADICTED, UNSETTLED,
    VANTAGE_LIMIT,
};
use super::world::{Version, World};

/// A call to a right deployment under the default policy, from the internet.
pub const CALL: Situation = Situation {
    name: "calls/default-compliant",
    caller: Some(Caller::OPERATOR),
    warnings: PRIVATE_PEERS,
    ..DEFAULT
};

/// When runs are interrupted, in milliseconds after their start: before the join, in the middle of
/// it, while silence lasts, at the end.
pub const MOMENTS_MS: &[u64] =
    &[20, 60, 80, 90, 100, 110, 120, 130, 140, 150, 160, 180, 200, 250, 300, 500, 900, 1400, 1600];

/// A call to a deployment where everything is forced through TURN, by the firewall of the node in
/// both directions.
const FORCED: Situation = Situation {
    name: "calls/forced-turn-compliant",
    fault: with_checks_kept_in,
    caller: Some(Caller::OPERATOR),
    warnings: PRIVATE_PEERS,
    ..FORCED_TURN
};

/// LiveKit 1.8.4 relays to private networks, and to itself.
const PRIVATE_PEERS: List = &[("turn/refuses-foreign-peers", PROVEN)];

/// As the remedy says.
pub const NO_CHECKS_GO_OUT: &str = "oifname != lo ct state new udp sport 50000-60000 \
    udp dport != { 53, 123, 3478, 19302 } drop";

/// What the newest version is judged by the guide of the oldest for.
const OTHER_EDITION: List = &[("ruleset/edition-matches", SUSPECTED)];

fn with_newest(world: &mut World) {
    world.livekit.version = Version::Newest;
}

fn with_checks_kept_in(world: &mut World) {
    world.node().outgoing = NO_CHECKS_GO_OUT;
}

/// Closes what is open to everybody, and nothing else: what the node begins is answered.
fn close(world: &mut World, port: &str) {
    let rows = &mut world.node().from_anywhere;
    rows.clear();
    let all = [
        ("443", "udp dport 443 accept"),
        ("7881", "tcp dport 7881 accept"),
        ("7885", "udp dport 7885 accept"),
        ("9000", "tcp dport 9000 accept"),
        ("50000-60000", "udp dport 50000-60000 accept"),
    ];
    rows.extend(all.iter().filter(|(name, _)| *name != port).map(|(_, row)| *row));
}

/// Everything behind a router that translates its public address, 203.0.113.99.
fn behind_nat(world: &mut World) {
    world.livekit.node_ip = Some("203.0.113.99");
    world.router().translation = "chain prerouting {
        type nat hook prerouting priority dstnat
        iifname client ip daddr 203.0.113.99 dnat ip to 203.0.113.20
    }
    chain postrouting {
        type nat hook postrouting priority srcnat
        oifname client ip saddr 203.0.113.20 snat ip to 203.0.113.99
    }";
}

const BEHIND_NAT: &[&str] = &["--node", "openvidu=203.0.113.99,2001:db8:5::20"];

/// Magic cookie of STUN at its place in a datagram (RFC 8489 §5).
const NOT_STUN_TO_MEDIA: &str = "iif != lo udp dport 50000-60000 @th,96,32 != 0x2112a442 drop";
const NOT_STUN_FROM_MEDIA: &str = "oif != lo udp sport 50000-60000 @th,96,32 != 0x2112a442 drop";

pub const SITUATIONS: &[Situation] = &[
    // --- right deployments ---------------------------------------------------------------------
    Situation {
        stand: Stand::InternetAsBothUsers,
        passes: &[
            ("call/join-accepted", PROVEN),
            ("call/turn-servers-are-right", PROVEN),
            ("call/media-addresses-are-right", PROVEN),
            ("call/media-path-udp", PROVEN),
            ("call/media-path-ice-tcp", PROVEN),
            ("call/media-path-turn-udp", PROVEN),
            ("call/media-path-turns", PROVEN),
            ("call/large-packets-pass", PROVEN),
            ("turn/allocation-granted", PROVEN),
            ("turn/relay-carries-media", PROVEN),
            ("turn/wrong-password-refused", PROVEN),
            // One port of a range is not the range.
            ("ports/openvidu-udp-50000-60000", UNCONTRADICTED),
        ],
        ..CALL
    },
    Situation {
        name: "calls/default-compliant-newest",
        fault: with_newest,
        warnings: OTHER_EDITION,
        passes: &[
            ("call/media-path-udp", PROVEN),
            ("call/media-path-ice-tcp", PROVEN),
            ("call/media-path-turn-udp", PROVEN),
            ("call/media-path-turns", PROVEN),
            ("turn/refuses-foreign-peers", PROVEN),
        ],
        ..CALL
    },
    Situation {
        name: "calls/default-compliant-deep",
        flags: &["--deep"],
        passes: &[("call/dtls-passes", PROVEN)],
        ..CALL
    },
    Situation {
        name: "calls/forced-turn-compliant",
        stand: Stand::InternetAsBothUsers,
        passes: &[
            ("call/media-path-turns", PROVEN),
            ("policy/media-only-through-turn", UNCONTRADICTED),
            ("policy/no-media-through-hole-punching", UNCONTRADICTED),
        ],
        ..FORCED
    },
    Situation {
        name: "calls/forced-turn-compliant-newest",
        fault: |world| {
            with_newest(world);
            with_checks_kept_in(world);
        },
        warnings: OTHER_EDITION,
        passes: &[
            ("call/media-path-turns", PROVEN),
            ("policy/media-only-through-turn", UNCONTRADICTED),
            ("policy/no-media-through-hole-punching", UNCONTRADICTED),
        ],
        ..FORCED
    },
    // As somebody who was given a link: the room is another's, and goes on.
    Situation {
        name: "calls/default-compliant-with-a-token",
        fault: |world| world.has_guest = true,
        caller: Some(Caller::with(Right::TokenForTheMeeting)),
        passes: &[("call/join-accepted", PROVEN)],
        ..CALL
    },
    Situation {
        name: "calls/interrupted-at-any-moment",
        fault: |world| close(world, "50000-60000"),
        stand: Stand::InternetInterrupted,
        exit: 130,
        ..CALL
    },
    // --- forced TURN that leaks ----------------------------------------------------------------
    // Exactly the guide's ports: 7881 is forgotten there, and the node's own checks are not kept in.
    Situation {
        name: "calls/forced-turn-as-the-guide-says",
        fault: |world| world.open("tcp dport 7881 accept"),
        errors: &[
            ("policy/media-only-through-turn", PROVEN),
            ("policy/no-media-through-hole-punching", PROVEN),
        ],
        warnings: &[("policy/ice-tcp-7881-closed", PROVEN), ("turn/refuses-foreign-peers", PROVEN)],
        says: &[(
            "policy/media-only-through-turn",
            "an authenticated ICE check is answered at TCP 203.0.113.20:7881",
        )],
        exit: 1,
        ..FORCED
    },
    Situation {
        name: "calls/forced-turn-ice-tcp-7881-open",
        fault: |world| {
            with_checks_kept_in(world);
            world.open("tcp dport 7881 accept");
        },
        errors: &[("policy/media-only-through-turn", PROVEN)],
        warnings: &[("policy/ice-tcp-7881-closed", PROVEN), ("turn/refuses-foreign-peers", PROVEN)],
        exit: 1,
        ..FORCED
    },
    Situation {
        name: "calls/forced-turn-punched-out",
        fault: |_| {},
        errors: &[("policy/no-media-through-hole-punching", PROVEN)],
        warnings: &[("turn/refuses-foreign-peers", PROVEN)],
        says: &[("policy/no-media-through-hole-punching", "answered a check sent back")],
        exit: 1,
        ..FORCED
    },
    Situation {
        name: "calls/forced-turn-punched-out-newest",
        fault: with_newest,
        errors: &[("policy/no-media-through-hole-punching", PROVEN)],
        warnings: &[("ruleset/edition-matches", SUSPECTED)],
        says: &[("policy/no-media-through-hole-punching", "answered a check sent back")],
        exit: 1,
        ..FORCED
    },
    Situation {
        name: "calls/forced-turn-udp-443-open",
        fault: |world| {
            with_checks_kept_in(world);
            world.open("udp dport 443 accept");
        },
        errors: &[
            ("policy/media-only-through-turn", PROVEN),
            ("policy/udp-443-closed", PROVEN),
            ("policy/udp-443-closed", SUSPECTED),
        ],
        exit: 1,
        ..FORCED
    },
    // The call and the ports have the node's ICMP errors in common: it has enough for both.
    Situation {
        name: "calls/forced-turn-media-range-open",
        fault: |world| {
            with_checks_kept_in(world);
            world.icmp_renewal_ms = [50, 50];
            world.open("udp dport 50000-60000 accept");
        },
        errors: &[
            ("policy/media-only-through-turn", PROVEN),
            ("policy/media-range-closed", PROVEN),
        ],
        exit: 1,
        ..FORCED
    },
    // --- ways that are closed ------------------------------------------------------------------
    Situation {
        name: "calls/default-udp-443-blocked",
        fault: |world| world.node().first = "udp dport 443 drop",
        errors: &[("ports/openvidu-udp-443", SUSPECTED)],
        inconclusive: &[
            ("ports/openvidu-udp-443", VANTAGE_LIMIT),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        passes: &[("call/media-path-turns", PROVEN)],
        exit: 1,
        ..CALL
    },
    // Users behind NAT get no media over UDP; those with a public address do, because the node
    // itself opens the way to them.
    Situation {
        name: "calls/default-media-range-dropped",
        fault: |world| close(world, "50000-60000"),
        // This network may let out UDP 443 and nothing else: only that port answers.
        errors: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        passes: &[
            ("call/media-path-ice-tcp", PROVEN),
            ("call/media-path-turn-udp", PROVEN),
            ("call/media-path-turns", PROVEN),
        ],
        exit: 1,
        ..CALL
    },
    // Without a call it looks like an open range in which nobody listens.
    Situation {
        name: "calls/default-media-range-rejected",
        fault: |world| {
            world.node().first =
                "iif != lo udp dport 50000-60000 reject with icmpx type port-unreachable";
        },
        errors: &[("call/media-path-udp", PROVEN)],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/default-ice-tcp-dropped",
        fault: |world| close(world, "7881"),
        // No unusual port answers here: an office that lets none out looks the same.
        errors: &[("ports/openvidu-tcp-7881", SUSPECTED)],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/default-media-range-closed-to-the-node-itself",
        fault: |world| world.node().first = "iif lo udp dport 50000-60000 drop",
        errors: &[("turn/relay-carries-media", PROVEN)],
        says: &[(
            "turn/relay-carries-media",
            "the media range is probably closed to the machine itself",
        )],
        exit: 1,
        ..CALL
    },
    // Nothing else of the session is answered: it may be dead itself, but for the TURN server's own
    // port, which answers through the relay.
    Situation {
        name: "calls/forced-turn-media-range-closed-to-the-node-itself",
        fault: |world| {
            with_checks_kept_in(world);
            world.node().first = "iif lo udp dport 50000-60000 drop";
        },
        errors: &[("turn/relay-carries-media", SUSPECTED)],
        says: &[(
            "turn/relay-carries-media",
            "the media range is probably closed to the machine itself",
        )],
        exit: 1,
        ..FORCED
    },
    Situation {
        name: "calls/default-relay-range-closed",
        fault: |world| world.node().first = "udp dport 40000-49999 drop",
        errors: &[("turn/relay-carries-media", PROVEN)],
        says: &[("turn/relay-carries-media", "the range of the relays is probably closed")],
        exit: 1,
        ..CALL
    },
    // --- the proxy -----------------------------------------------------------------------------
    Situation {
        name: "calls/default-turn-name-routed-to-api",
        fault: |world| world.proxy.turn_upstream = "openvidu_api",
        errors: &[("turn/turns-answers-binding", PROVEN)],
        passes: &[("call/media-path-turn-udp", PROVEN)],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/forced-turn-turn-name-routed-to-api",
        fault: |world| {
            with_checks_kept_in(world);
            world.proxy.turn_upstream = "openvidu_api";
        },
        errors: &[("policy/turns-works", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        warnings: &[],
        exit: 1,
        ..FORCED
    },
    // The tool could go this way, browsers do not.
    Situation {
        name: "calls/default-turn-certificate-for-wrong-name",
        fault: |world| world.proxy.turn_certificate = "turn-wrong-name",
        errors: &[("tls/name-matches", PROVEN)],
        exit: 1,
        ..CALL
    },
    // --- LiveKit lets nobody in ----------------------------------------------------------------
    Situation {
        name: "calls/wrong-secret",
        caller: Some(Caller::with(Right::WrongSecret)),
        errors: &[("call/join-accepted", PROVEN)],
        warnings: &[],
        says: &[("call/join-accepted", "secret_wrong")],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/unknown-key",
        caller: Some(Caller::with(Right::UnknownKey)),
        errors: &[("call/join-accepted", PROVEN)],
        warnings: &[],
        says: &[("call/join-accepted", "key_unknown")],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/our-clock-two-minutes-ahead",
        caller: Some(Caller { clock_ahead_s: 120, ..Caller::OPERATOR }),
        warnings: &[("signal/clock-agrees", SUSPECTED)],
        // The token was made by our own clock, and nothing shows which of the two is right.
        inconclusive: &[
            ("call/join-accepted", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        says: &[("call/join-accepted", "clock_differs")],
        exit: 3,
        ..CALL
    },
    // A token lives for ten minutes.
    Situation {
        name: "calls/our-clock-two-minutes-behind",
        caller: Some(Caller { clock_ahead_s: -120, ..Caller::OPERATOR }),
        warnings: &[("signal/clock-agrees", SUSPECTED), ("turn/refuses-foreign-peers", PROVEN)],
        ..CALL
    },
    Situation {
        name: "calls/room-is-full",
        fault: |world| {
            world.has_guest = true;
            world.livekit.room = "max_participants: 1";
        },
        caller: Some(Caller::with(Right::TokenForTheMeeting)),
        errors: &[("call/join-accepted", PROVEN)],
        warnings: &[],
        says: &[("call/join-accepted", "it is probably full")],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/rooms-are-not-made-by-themselves",
        fault: |world| world.livekit.room = "auto_create: false",
        errors: &[("call/join-accepted", PROVEN)],
        warnings: &[],
        says: &[("call/join-accepted", "auto_create")],
        exit: 1,
        ..CALL
    },
    // --- the address of media ------------------------------------------------------------------
    Situation {
        name: "calls/default-private-node-ip",
        fault: |world| world.livekit.node_ip = Some("10.9.9.9"),
        errors: &[
            ("call/media-addresses-are-right", PROVEN),
            ("call/turn-servers-are-right", PROVEN),
        ],
        exit: 1,
        ..CALL
    },
    // One line says why forced TURN is dead.
    Situation {
        name: "calls/forced-turn-private-node-ip-newest",
        fault: |world| {
            with_newest(world);
            with_checks_kept_in(world);
            world.livekit.node_ip = Some("10.9.9.9");
        },
        errors: &[("turn/relay-carries-media", PROVEN)],
        warnings: OTHER_EDITION,
        says: &[("turn/relay-carries-media", "may not send to 10.9.9.9")],
        exit: 1,
        ..FORCED
    },
    Situation {
        name: "calls/default-nat-without-hairpin",
        fault: behind_nat,
        flags: BEHIND_NAT,
        errors: &[("turn/relay-carries-media", PROVEN)],
        passes: &[("call/media-path-udp", PROVEN), ("call/media-path-ice-tcp", PROVEN)],
        says: &[("turn/relay-carries-media", "its own public address")],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/default-nat-with-hairpin-on-the-node",
        fault: |world| {
            behind_nat(world);
            world.node().translation = "chain output {
        type nat hook output priority -100
        udp dport 50000-60000 ip daddr 203.0.113.99 dnat ip to 203.0.113.20
    }";
        },
        flags: BEHIND_NAT,
        passes: &[("turn/relay-carries-media", PROVEN)],
        ..CALL
    },
    // --- packets that are lost -----------------------------------------------------------------
    Situation {
        name: "calls/default-large-datagrams-lost-at-the-node",
        fault: |world| {
            world.node().first = "iif != lo udp dport 50000-60000 meta length > 728 drop";
        },
        warnings: &[("call/large-packets-pass", PROVEN), ("turn/refuses-foreign-peers", PROVEN)],
        ..CALL
    },
    // It may be our own network.
    Situation {
        name: "calls/default-large-datagrams-lost-on-the-way",
        fault: |world| world.router().forwarded = "meta l4proto udp meta length > 728 drop",
        warnings: &[("call/large-packets-pass", SUSPECTED), ("turn/refuses-foreign-peers", PROVEN)],
        ..CALL
    },
    Situation {
        name: "calls/default-only-stun-reaches-the-media-ports",
        fault: |world| world.node().first = NOT_STUN_TO_MEDIA,
        flags: &["--deep"],
        errors: &[("call/dtls-passes", PROVEN)],
        says: &[("call/dtls-passes", "but does not reach it")],
        exit: 1,
        ..CALL
    },
    Situation {
        name: "calls/default-only-stun-leaves-the-media-ports",
        fault: |world| world.node().outgoing = NOT_STUN_FROM_MEDIA,
        flags: &["--deep"],
        errors: &[("call/dtls-passes", SUSPECTED)],
        says: &[("call/dtls-passes", "no DTLS arrives from the server")],
        exit: 1,
        ..CALL
    },
];
