//! Proxies as `ovcheck proxy-config` writes them: nothing is wrong with a deployment behind one. And proxies with
//! a fault, whose file is read beside the check.

use super::super::caller::Caller;
use super::super::network::Place;
use super::super::situations::{
    DEFAULT, FORCED_TURN, List, PROVEN, SUSPECTED, Situation, Stand, UNCONTRADICTED,
};
use super::super::world::{Front, LaterEdit, Program};

/// What this version of LiveKit does behind every proxy.
const OF_THE_NODE: List = &[("turn/refuses-foreign-peers", PROVEN)];

/// The file with which the proxy runs.
const ITS_FILE: &[&str] = &["--proxy-config", "@DIR@/nginx.conf"];

/// The same of those that `ovcheck proxy-config` writes.
const WRITTEN_NGINX: &[&str] = &["--proxy-config", "@DIR@/written-nginx.conf"];
const WRITTEN_HAPROXY: &[&str] = &["--proxy-config", "@DIR@/written-haproxy.cfg"];
const WRITTEN_CADDY: &[&str] = &["--proxy-config", "@DIR@/written-caddy.json"];
const WRITTEN_TRAEFIK: &[&str] = &["--proxy-config", "@DIR@/written-traefik.yml"];

const ITS_FILE_RUNS: List = &[
    ("proxy/api-reaches-openvidu", PROVEN),
    ("proxy/certificates-loaded", PROVEN),
    ("proxy/file-is-what-runs", UNCONTRADICTED),
    ("proxy/turn-reaches-turn", PROVEN),
];

/// The connections to the TURN domain end elsewhere, and the file says where.
const TURN_LEADS_ELSEWHERE: List =
    &[("proxy/turn-reaches-turn", PROVEN), ("turn/turns-answers-binding", PROVEN)];
const TURN_IS_DIALLED_AT_LOOPBACK: List =
    &[("proxy/backend-is-declared", PROVEN), ("turn/turns-answers-binding", PROVEN)];
/// A certificate of its own, and what its renewal makes of it.
const CHANGING: &[(&str, &str)] = &[("/both.pem", "/changing.pem")];
const RENEWED: &[LaterEdit] =
    &[LaterEdit::Copy { file: "changing.pem", before: "both.pem", later: "both-renewed.pem" }];
const TURN_GETS_A_HEADER: List =
    &[("proxy/proxy-header-agrees", PROVEN), ("turn/turns-answers-binding", PROVEN)];

pub const SITUATIONS: &[Situation] = &[
    // --- its file read beside -------------------------------------------------------------------
    Situation {
        name: "wild/proxies/right-with-its-file",
        flags: ITS_FILE,
        passes: &[("proxy/turn-reaches-turn", PROVEN)],
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/turn-name-routed-to-api-with-its-file",
        fault: |world| world.proxy.turn_upstream = "openvidu_api",
        flags: ITS_FILE,
        errors: &[("proxy/turn-reaches-turn", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        shows: &["nginx.conf:", "5349"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/turn-name-missing-in-the-map-with-its-file",
        fault: |world| world.proxy.turn_upstream = "\"\"",
        flags: ITS_FILE,
        errors: &[("proxy/turn-reaches-turn", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        shows: &["nginx.conf:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/proxy-header-sent-with-its-file",
        fault: |world| world.proxy.stream_directives = "proxy_protocol on;",
        flags: ITS_FILE,
        errors: &[
            ("proxy/proxy-header-agrees", PROVEN),
            ("rtmp/rtmps-handshakes", PROVEN),
            ("signal/api-answers", PROVEN),
            ("turn/turns-answers-binding", PROVEN),
        ],
        shows: &["nginx.conf:", "proxy_protocol on;"],
        exit: 1,
        ..DEFAULT
    },
    // --- as it is written ------------------------------------------------------------------------
    Situation {
        name: "wild/proxies/nginx",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        flags: WRITTEN_NGINX,
        passes: ITS_FILE_RUNS,
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-forced-turn",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        flags: WRITTEN_NGINX,
        passes: ITS_FILE_RUNS,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/nginx-advanced",
        fault: |world| world.proxy.front = Front::Written("nginx-advanced"),
        flags: WRITTEN_NGINX,
        passes: ITS_FILE_RUNS,
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-advanced-forced-turn",
        fault: |world| world.proxy.front = Front::Written("nginx-advanced"),
        flags: WRITTEN_NGINX,
        passes: ITS_FILE_RUNS,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/haproxy",
        fault: |world| world.proxy.front = Front::Written("haproxy"),
        flags: WRITTEN_HAPROXY,
        passes: ITS_FILE_RUNS,
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/haproxy-forced-turn",
        fault: |world| world.proxy.front = Front::Written("haproxy"),
        flags: WRITTEN_HAPROXY,
        passes: ITS_FILE_RUNS,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/caddy",
        fault: |world| world.proxy.front = Front::Written("caddy"),
        flags: WRITTEN_CADDY,
        passes: ITS_FILE_RUNS,
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/caddy-forced-turn",
        fault: |world| world.proxy.front = Front::Written("caddy"),
        flags: WRITTEN_CADDY,
        passes: ITS_FILE_RUNS,
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/traefik",
        fault: |world| world.proxy.front = Front::Written("traefik"),
        flags: WRITTEN_TRAEFIK,
        passes: ITS_FILE_RUNS,
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/traefik-forced-turn",
        fault: |world| world.proxy.front = Front::Written("traefik"),
        flags: WRITTEN_TRAEFIK,
        passes: ITS_FILE_RUNS,
        ..FORCED_TURN
    },
    // --- edited ----------------------------------------------------------------------------------
    Situation {
        name: "wild/proxies/haproxy-sends-proxy-header-to-turn",
        fault: |world| {
            world.proxy.front = Front::Written("haproxy");
            world.proxy.edits = &[(":5349 check", ":5349 send-proxy check")];
        },
        flags: WRITTEN_HAPROXY,
        errors: TURN_GETS_A_HEADER,
        shows: &["written-haproxy.cfg:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/haproxy-does-not-know-the-turn-name",
        fault: |world| {
            world.proxy.front = Front::Written("haproxy");
            world.proxy.edits = &[("ssl_fc_sni turn.example.io", "ssl_fc_sni turn.example.com")];
        },
        flags: WRITTEN_HAPROXY,
        errors: TURN_LEADS_ELSEWHERE,
        shows: &["written-haproxy.cfg:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/haproxy-dials-turn-at-loopback",
        fault: |world| {
            world.proxy.front = Front::Written("haproxy");
            world.proxy.edits = &[("203.0.113.20:5349", "127.0.0.1:5349")];
        },
        flags: WRITTEN_HAPROXY,
        errors: TURN_IS_DIALLED_AT_LOOPBACK,
        warnings: &[("proxy/turn-backend-not-loopback", PROVEN)],
        shows: &["written-haproxy.cfg:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/caddy-sends-proxy-header-to-turn",
        fault: |world| {
            world.proxy.front = Front::Written("caddy");
            world.proxy.edits = &[(
                r#"[{"dial": ["203.0.113.20:5349"]}]"#,
                r#"[{"dial": ["203.0.113.20:5349"]}], "proxy_protocol": "v2""#,
            )];
        },
        flags: WRITTEN_CADDY,
        errors: TURN_GETS_A_HEADER,
        shows: &["written-caddy.json:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/caddy-does-not-know-the-turn-name",
        fault: |world| {
            world.proxy.front = Front::Written("caddy");
            world.proxy.edits =
                &[(r#"{"sni": ["turn.example.io"]}"#, r#"{"sni": ["turn.example.com"]}"#)];
        },
        flags: WRITTEN_CADDY,
        errors: &[("proxy/turn-reaches-turn", PROVEN), ("tls/handshake-completes", SUSPECTED)],
        shows: &["written-caddy.json:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/traefik-sends-proxy-header-to-turn",
        fault: |world| {
            world.proxy.front = Front::Written("traefik");
            world.proxy.edits = &[(
                "    openvidu:\n      dialTimeout: 5s\n",
                "    openvidu:\n      dialTimeout: 5s\n      proxyProtocol: {version: 1}\n",
            )];
        },
        flags: WRITTEN_TRAEFIK,
        // RTMP uses the same.
        errors: &[
            ("proxy/proxy-header-agrees", PROVEN),
            ("rtmp/rtmps-handshakes", PROVEN),
            ("turn/turns-answers-binding", PROVEN),
        ],
        shows: &["written-traefik.yml:", "proxyProtocol: {version: 1}"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/traefik-does-not-know-the-turn-name",
        fault: |world| {
            world.proxy.front = Front::Written("traefik");
            world.proxy.edits = &[("HostSNI(`turn.example.io`)", "HostSNI(`turn.example.com`)")];
        },
        flags: WRITTEN_TRAEFIK,
        // What no router for TCP takes goes to those for HTTP.
        errors: &[("proxy/turn-is-not-http", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        shows: &["written-traefik.yml:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-dials-turn-at-loopback",
        fault: |world| {
            world.proxy.front = Front::Written("nginx");
            world.proxy.edits = &[("203.0.113.20:5349", "127.0.0.1:5349")];
        },
        flags: WRITTEN_NGINX,
        errors: TURN_IS_DIALLED_AT_LOOPBACK,
        warnings: &[("proxy/turn-backend-not-loopback", PROVEN)],
        shows: &["written-nginx.conf:"],
        exit: 1,
        ..DEFAULT
    },
    // --- edited, and the proxy not reloaded ----------------------------------------------------------
    Situation {
        name: "wild/proxies/nginx-has-not-loaded-what-breaks-turn",
        fault: |world| {
            world.proxy.front = Front::Written("nginx");
            world.edited_later = &[LaterEdit::Text {
                file: "written-nginx.conf",
                old: "203.0.113.20:5349",
                new: "203.0.113.20:5350",
            }];
        },
        flags: WRITTEN_NGINX,
        warnings: &[("proxy/file-is-what-runs", SUSPECTED), ("proxy/turn-reaches-turn", PROVEN)],
        shows: &["written-nginx.conf:"],
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-has-not-loaded-what-mends-turn",
        fault: |world| {
            world.proxy.front = Front::Written("nginx");
            world.proxy.edits = &[("203.0.113.20:5349", "203.0.113.20:5350")];
            world.edited_later = &[LaterEdit::Text {
                file: "written-nginx.conf",
                old: "203.0.113.20:5350",
                new: "203.0.113.20:5349",
            }];
        },
        flags: WRITTEN_NGINX,
        errors: &[("turn/turns-answers-binding", PROVEN)],
        shows: &["unless the proxy runs with another configuration"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-has-not-loaded-its-renewed-certificate",
        fault: |world| {
            world.proxy.front = Front::Written("nginx");
            world.proxy.edits = CHANGING;
            world.edited_later = RENEWED;
        },
        flags: WRITTEN_NGINX,
        warnings: &[("proxy/certificates-loaded", PROVEN)],
        shows: &["changing.pem"],
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/haproxy-has-not-loaded-its-renewed-certificate",
        fault: |world| {
            world.proxy.front = Front::Written("haproxy");
            world.proxy.edits = CHANGING;
            world.edited_later = RENEWED;
        },
        flags: WRITTEN_HAPROXY,
        warnings: &[("proxy/certificates-loaded", PROVEN)],
        shows: &["changing.pem"],
        ..DEFAULT
    },
    // --- found without being named, on the proxy itself -----------------------------------------------
    Situation {
        name: "wild/proxies/nginx-is-found-on-its-machine",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        stand: Stand::ProxyAsRoot,
        passes: ITS_FILE_RUNS,
        shows: &["written-nginx.conf (nginx)"],
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/haproxy-is-found-on-its-machine-with-its-fault",
        fault: |world| {
            world.proxy.front = Front::Written("haproxy");
            world.proxy.edits = &[(":5349 check", ":5349 send-proxy check")];
        },
        stand: Stand::ProxyAsRoot,
        errors: TURN_GETS_A_HEADER,
        shows: &["written-haproxy.cfg:"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-is-left-out-on-its-machine",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        stand: Stand::ProxyAsRoot,
        flags: &["--no-proxy-config"],
        hides: &["(nginx)"],
        ..DEFAULT
    },
    // Another nginx has port 443 of the machine on which the program runs, which is not the proxy.
    Situation {
        name: "wild/proxies/nginx-is-not-judged-on-its-machine-if-that-is-an-operator-s",
        fault: |world| {
            world.programs.push(Program {
                name: "nginx-of-operator",
                place: Place::Client,
                program: "nginx",
                arguments: &["-c", "@DIR@/operator-nginx.conf", "-g", "daemon off; master_process off;"],
                files: &[(
                    "operator-nginx.conf",
                    "pid @DIR@/operator.pid;\nerror_log @DIR@/operator.log;\nevents {}\nhttp {\n  access_log off;\n  \
                     server { listen 443; listen [::]:443; }\n}\n",
                )],
                listens: &[("tcp", 443)],
            });
        },
        stand: Stand::InternetAsBothUsers,
        hides: &["(nginx)"],
        ..DEFAULT
    },
];
