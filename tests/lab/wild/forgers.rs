//! Who sees nothing of a run, or does not know its passwords, and sends to it in the name of others.

use super::super::calls::CALL;
use super::super::network::Place;
use super::super::situations::{
    DEFAULT, FORCED_TURN, List, NOTHING_OF_THE_MACHINE, PROVEN, SUSPECTED, Situation,
    UNCONTRADICTED, VANTAGE_LIMIT,
};
use super::super::world::{LiveKit, Program};

/// Where DNS is, so that it knows who asks.
const fn forger(arguments: &'static [&'static str]) -> Program {
    Program {
        name: "forger",
        place: Place::Outside,
        program: "python3",
        arguments,
        files: &[],
        listens: &[],
    }
}

const FORGER: &str = "@FIXTURES@/wild/forger.py";

/// The closed UDP ports pass, whatever is forged.
const CLOSED: List = &[
    ("policy/udp-443-closed", UNCONTRADICTED),
    ("policy/media-range-closed", UNCONTRADICTED),
    ("policy/whip-udp-7885-closed", UNCONTRADICTED),
];

pub const SITUATIONS: &[Situation] = &[
    // Datagrams from closed ports, to a fifth of the ports that a run may have.
    Situation {
        name: "wild/forgers/datagrams-of-closed-ports",
        fault: |world| {
            let ports = &[FORGER, "datagrams", "20000", "29999", "443", "57123", "7885"];
            world.programs.push(forger(ports));
        },
        passes: CLOSED,
        ..FORCED_TURN
    },
    // To all of them: whatever asks again is hit as well, and so is what asks nothing.
    Situation {
        name: "wild/forgers/datagrams-of-a-closed-port-to-all-of-ours",
        fault: |world| {
            world.programs.push(forger(&[FORGER, "datagrams", "12000", "32767", "57123"]));
            world.programs.push(Program {
                name: "forger-2",
                ..forger(&[FORGER, "datagrams", "61000", "65535", "57123"])
            });
        },
        passes: &[("policy/media-range-closed", UNCONTRADICTED)],
        ..FORCED_TURN
    },
    // The port has to be open, and is not.
    Situation {
        name: "wild/forgers/datagrams-of-a-port-that-has-to-be-open",
        fault: |world| {
            world.node().first = "udp dport 443 drop";
            world.programs.push(forger(&[FORGER, "datagrams", "20000", "29999", "443"]));
        },
        errors: &[("ports/openvidu-udp-443", SUSPECTED)],
        inconclusive: &[
            // Over IPv6 nothing listens there.
            ("ports/openvidu-udp-443", VANTAGE_LIMIT),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        fewest_passes: 20,
        exit: 1,
        ..DEFAULT
    },
    // ICMP errors that quote no id of ours.
    Situation {
        name: "wild/forgers/icmp-errors",
        fault: |world| {
            let ports = &[FORGER, "icmp", "12000", "32767", "443", "57123", "7885"];
            world.programs.push(forger(ports));
        },
        passes: CLOSED,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/forgers/dns-answers",
        fault: |world| {
            world.programs.push(forger(&[FORGER, "dns", "32768", "60999", "53"]));
        },
        passes: &[("dns/domain-points-to-proxy", PROVEN)],
        ..DEFAULT
    },
    // Nothing of the machine answers, pings neither.
    Situation {
        name: "wild/forgers/replies-to-pings",
        fault: |world| {
            world.node().first = "ip saddr 198.51.100.0/24 drop\n        \
                                  ip6 saddr 2001:db8:c::/64 drop";
            world.programs.push(forger(&[FORGER, "echo", "0", "65535", "0"]));
        },
        inconclusive: NOTHING_OF_THE_MACHINE,
        exit: 3,
        ..FORCED_TURN
    },
    // It challenges, and signs nothing.
    Situation {
        name: "wild/forgers/a-turn-server-that-knows-no-password",
        fault: |world| {
            world.livekit = LiveKit {
                rtc: "  turn_servers: [{host: 203.0.113.20, port: 3478, protocol: udp, \
                      username: u, credential: p}]",
                ..LiveKit::RIGHT
            };
            world.open("udp dport 3478 accept");
            world.programs.push(Program {
                name: "turn-unsigned",
                place: Place::Node,
                program: "python3",
                arguments: &["@FIXTURES@/wild/turn_unsigned.py", "203.0.113.20", "3478"],
                files: &[],
                listens: &[("udp", 3478)],
            });
        },
        errors: &[
            ("turn/allocation-granted", SUSPECTED),
            // It is on a port that the guide does not have.
            ("call/turn-servers-are-right", PROVEN),
        ],
        says: &[("turn/allocation-granted", "answers are not signed with this session's password")],
        exit: 1,
        ..CALL
    },
];
