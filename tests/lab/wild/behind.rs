//! A connection is taken and yields nothing, or a bare error: what stands between TLS and its backends,
//! and what a handshake that fails means.

use super::super::caller::Caller;
use super::super::network::Place;
use super::super::situations::{
    DEFAULT, List, PROVEN, SUSPECTED, Situation, Stand, UNSETTLED, VANTAGE_LIMIT,
};
use super::super::world::{Front, Program, World};

/// The guide's proxy in HAProxy's words, for one switch on the lines of its servers (`@SERVER@`) and of
/// its binds (`@BIND@`).
macro_rules! haproxy {
    (server: $server:literal, bind: $bind:literal) => {
        haproxy!(api: "203.0.113.20:7880", server: $server, turn: $server, bind: $bind)
    };
    (api: $api:literal, server: $server:literal, turn: $turn:literal, bind: $bind:literal) => {
        Program {
            name: "haproxy",
            place: Place::Proxy,
            program: "haproxy",
            arguments: &["-db", "-f", "@DIR@/behind.cfg"],
            files: &[(
                "behind.cfg",
                concat!(
                    "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n",
                    "frontend web\n  mode http\n  bind :::80 v4v6\n",
                    "  http-request redirect scheme https code 301\n",
                    "frontend tls\n  bind :::443 v4v6 ", $bind,
                    " ssl crt @DIR@/api.pem crt @DIR@/turn.pem strict-sni\n",
                    "  use_backend api if { ssl_fc_sni openvidu.example.io }\n",
                    "  use_backend turn if { ssl_fc_sni turn.example.io }\n",
                    "frontend rtmps\n  bind :::1935 v4v6 ", $bind, " ssl crt @DIR@/api.pem\n",
                    "  default_backend rtmp\n",
                    "backend api\n  server a ", $api, " ", $server, "\n",
                    "backend turn\n  server a 203.0.113.20:5349 ", $turn, "\n",
                    "backend rtmp\n  server a 203.0.113.20:1945 ", $server, "\n",
                ),
            )],
            listens: &[("tcp", 80), ("tcp", 443), ("tcp", 1935)],
        }
    };
}

/// Something before 7880 that loses WebSockets.
macro_rules! loses_websockets {
    ($how:literal) => {
        |world: &mut World| {
            is_haproxy(
                world,
                haproxy!(api: "127.0.0.1:9080", server: "", turn: "", bind: ""),
            );
            world.programs.push(Program {
                name: "websocket-loser",
                place: Place::Proxy,
                program: "python3",
                arguments: &["@FIXTURES@/wild/websocket_loser.py", $how, "9080"],
                files: &[],
                listens: &[("tcp", 9080)],
            });
        }
    };
}

/// TURN over TCP answers its proxy only behind a PROXY protocol header, as with `turn.proxy_protocol`.
fn turn_expects_header(world: &mut World) {
    let node = world.node();
    node.translation = "chain prerouting {\n        type nat hook prerouting priority dstnat\n        \
                        iifname != \"lo\" tcp dport 5349 redirect to :15349\n    }";
    node.from_proxy = "7880, 1945, 15349";
    world.programs.push(Program {
        name: "turn-behind-header",
        place: Place::Node,
        program: "python3",
        arguments: &["@FIXTURES@/wild/turn_behind_header.py", "15349", "5349"],
        files: &[],
        listens: &[("tcp", 15349)],
    });
}

/// A proxy with one certificate on 443 and another on 1935, which was read before the renewal.
const NOT_RELOADED: Program = Program {
    name: "not-reloaded",
    place: Place::Proxy,
    program: "haproxy",
    arguments: &["-db", "-f", "@DIR@/not-reloaded.cfg"],
    files: &[(
        "not-reloaded.cfg",
        "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n\
         frontend web\n  mode http\n  bind :::80 v4v6\n  http-request redirect scheme https code 301\n\
         frontend tls\n  bind :::443 v4v6 ssl crt @DIR@/api-renewed.pem crt @DIR@/turn.pem strict-sni\n  \
         use_backend api if { ssl_fc_sni openvidu.example.io }\n  \
         use_backend turn if { ssl_fc_sni turn.example.io }\n\
         frontend rtmps\n  bind :::1935 v4v6 ssl crt @DIR@/api-before.pem\n  default_backend rtmp\n\
         backend api\n  server a 203.0.113.20:7880\n\
         backend turn\n  server a 203.0.113.20:5349\n\
         backend rtmp\n  server a 203.0.113.20:1945\n",
    )],
    listens: &[("tcp", 80), ("tcp", 443), ("tcp", 1935)],
};

fn is_haproxy(world: &mut World, program: Program) {
    world.proxy.front = Front::Nothing;
    world.programs.push(program);
}

pub const SITUATIONS: &[Situation] = &[
    // --- bytes before the request ----------------------------------------------------------------
    Situation {
        name: "wild/behind/proxy-header-sent-v1",
        fault: |world| is_haproxy(world, haproxy!(server: "send-proxy", bind: "")),
        errors: PROXY_HEADER_SENT,
        shows: &["PROXY protocol", "send-proxy"],
        hides: &["firewall probably drops", "--turn-domain-name"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/proxy-header-sent-v2",
        fault: |world| is_haproxy(world, haproxy!(server: "send-proxy-v2", bind: "")),
        errors: PROXY_HEADER_SENT,
        shows: &["PROXY protocol", "send-proxy"],
        hides: &["firewall probably drops", "--turn-domain-name"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/proxy-header-expected-by-nginx",
        fault: |world| world.proxy.listen_parameters = "proxy_protocol",
        errors: &[("tls/handshake-completes", PROVEN)],
        shows: &["expects a PROXY protocol header", "proxy_protocol"],
        exit: 1,
        fewest_passes: 10,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/proxy-header-expected-by-haproxy",
        fault: |world| is_haproxy(world, haproxy!(server: "", bind: "accept-proxy")),
        errors: &[("tls/handshake-completes", PROVEN)],
        shows: &["expects a PROXY protocol header", "accept-proxy"],
        exit: 1,
        fewest_passes: 10,
        ..DEFAULT
    },
    // --- a demand in the handshake ---------------------------------------------------------------
    Situation {
        name: "wild/behind/client-certificate-demanded-by-nginx",
        fault: |world| {
            world.proxy.stream_directives =
                "ssl_verify_client on; ssl_client_certificate @DIR@/root.pem;";
        },
        errors: CLIENT_CERTIFICATE_DEMANDED,
        shows: &["demands a client certificate", "ssl_verify_client off"],
        hides: &["firewall"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/client-certificate-demanded-by-haproxy",
        fault: |world| {
            is_haproxy(world, haproxy!(server: "", bind: "verify required ca-file @DIR@/root.pem"));
        },
        errors: CLIENT_CERTIFICATE_DEMANDED,
        inconclusive: &[
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("tls/tls12-accepted", UNSETTLED),
        ],
        shows: &["demands a client certificate"],
        hides: &["firewall"],
        exit: 1,
        ..DEFAULT
    },
    // A wish is no demand, and what is dead behind it is dead for a reason of its own.
    Situation {
        name: "wild/behind/client-certificate-wished-for",
        fault: |world| {
            world.proxy.stream_directives =
                "ssl_verify_client optional; ssl_client_certificate @DIR@/root.pem;";
        },
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/client-certificate-wished-for-and-turn-dead",
        fault: |world| {
            world.proxy.stream_directives =
                "ssl_verify_client optional; ssl_client_certificate @DIR@/root.pem;";
            world.node().first = "tcp dport 5349 reject with tcp reset";
        },
        errors: &[("turn/turns-answers-binding", PROVEN)],
        hides: &["client certificate"],
        exit: 1,
        ..DEFAULT
    },
    // --- another protocol expected behind --------------------------------------------------------
    Situation {
        name: "wild/behind/rtmp-ends-tls-itself",
        fault: |world| {
            world.peers.retain(|peer| peer.port != 1945);
            world.programs.push(Program {
                name: "rtmps",
                place: Place::Node,
                program: "haproxy",
                arguments: &["-db", "-f", "@DIR@/rtmps.cfg"],
                files: &[(
                    "rtmps.cfg",
                    "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  \
                     timeout server 30s\nlisten rtmps\n  bind :::1945 v4v6 ssl crt @DIR@/api.pem\n  \
                     server a 127.0.0.1:9\n",
                )],
                listens: &[("tcp", 1945)],
            });
        },
        errors: &[("rtmp/rtmps-handshakes", PROVEN)],
        shows: &["speaks TLS itself"],
        hides: &["firewall probably drops"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/proxy-header-missing-for-turn",
        fault: turn_expects_header,
        errors: &[("turn/turns-answers-binding", PROVEN)],
        shows: &["expects a PROXY protocol header", "proxy_protocol on;"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/proxy-header-expected-by-turn-and-sent",
        fault: |world| {
            turn_expects_header(world);
            is_haproxy(
                world,
                haproxy!(api: "203.0.113.20:7880", server: "", turn: "send-proxy-v2", bind: ""),
            );
        },
        stand: Stand::Proxy,
        passes: &[("ports/openvidu-tcp-5349", PROVEN)],
        ..DEFAULT
    },
    // --- a WebSocket that is granted and lost -----------------------------------------------------
    Situation {
        name: "wild/behind/websocket-cut-after-50-ms",
        fault: loses_websockets!("cut"),
        caller: Some(Caller::OPERATOR),
        errors: &[("call/join-accepted", PROVEN)],
        shows: &["without a close frame", "LiveKit answers other requests at the same place"],
        hides: &["something else than LiveKit", "the first message is not LiveKit's"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/websocket-mute",
        fault: loses_websockets!("mute"),
        caller: Some(Caller::OPERATOR),
        errors: &[("call/join-accepted", PROVEN)],
        shows: &["carries nothing", "LiveKit answers other requests at the same place"],
        hides: &["something else than LiveKit", "the first message is not LiveKit's"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/websocket-answer-beheaded",
        fault: loses_websockets!("behead"),
        caller: Some(Caller::OPERATOR),
        errors: &[("signal/websocket-upgrade-passes", PROVEN)],
        shows: &["without its head"],
        hides: &["Upgrade and Connection are lost", "the answer is not LiveKit's"],
        exit: 1,
        ..DEFAULT
    },
    // --- the proxy's program does not run ----------------------------------------------------------
    Situation {
        name: "wild/behind/the-program-of-the-proxy-does-not-run",
        fault: |world| world.proxy.front = Front::Nothing,
        errors: &[
            ("ports/proxy-tcp-1935", PROVEN),
            ("ports/proxy-tcp-443", PROVEN),
            ("ports/proxy-tcp-80", PROVEN),
        ],
        shows: &["systemctl status nginx", "nginx -t"],
        hides: &["OpenVidu probably does not run there"],
        exit: 1,
        fewest_passes: 10,
        ..DEFAULT
    },
    // --- words for TLS -----------------------------------------------------------------------------
    Situation {
        name: "wild/behind/key-of-a-kind-that-few-take",
        fault: |world| world.proxy.api_certificate = "api-p521",
        errors: &[("tls/handshake-completes", SUSPECTED)],
        shows: &["EC P-521", "P-256"],
        hides: &["has no certificate for this name", "$ssl_server_name $certificate"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/name-in-the-cn-alone",
        fault: |world| world.proxy.api_certificate = "api-cn-only",
        errors: &[("tls/name-matches", PROVEN)],
        shows: &["in its CN only", "-addext \"subjectAltName=DNS:openvidu.example.io\""],
        hides: &["for no name"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/intermediate-expired",
        fault: |world| world.proxy.api_certificate = "api-old-issuer",
        errors: &[("tls/chain-verifies", PROVEN)],
        shows: &["Laboratory Intermediate", "2026-04-12", "2099-01-01"],
        hides: &["UNIX", "seconds ago"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/certificate-not-valid-yet",
        fault: |world| world.proxy.api_certificate = "api-future",
        errors: &[("tls/not-expired", PROVEN)],
        shows: &["not valid before 2098-01-01"],
        hides: &["UNIX"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/certificate-renewed-and-not-reloaded",
        fault: |world| is_haproxy(world, NOT_RELOADED),
        errors: &[("tls/not-expired", PROVEN)],
        shows: &["was renewed, but this port still shows the old one", "2025-01-01"],
        exit: 1,
        ..DEFAULT
    },
    // Every client sorts them.
    Situation {
        name: "wild/behind/chain-in-another-order-with-root",
        fault: |world| world.proxy.api_certificate = "api-shuffled",
        ..DEFAULT
    },
    Situation {
        name: "wild/behind/certificate-for-six-days",
        fault: |world| world.proxy.api_certificate = "api-six-days",
        ..DEFAULT
    },
];

/// One switch, and everything behind it.
const PROXY_HEADER_SENT: List = &[
    ("rtmp/rtmps-handshakes", PROVEN),
    ("signal/api-answers", PROVEN),
    ("turn/turns-answers-binding", PROVEN),
];

const CLIENT_CERTIFICATE_DEMANDED: List = PROXY_HEADER_SENT;
