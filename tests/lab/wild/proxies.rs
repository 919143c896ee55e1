//! Proxies as `ovcheck proxy-config` writes them: nothing is wrong with a deployment behind one.

use super::super::caller::Caller;
use super::super::network::Place;
use super::super::situations::{DEFAULT, FORCED_TURN, List, PROVEN, SUSPECTED, Situation};
use super::super::world::{Front, Program};

/// What this version of LiveKit does behind every proxy.
const OF_THE_NODE: List = &[("turn/refuses-foreign-peers", PROVEN)];

/// The file with which the proxy runs.
const ITS_FILE: &[&str] = &["--proxy-config", "@DIR@/nginx.conf"];

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
    Situation {
        name: "wild/proxies/file-changed-and-not-reloaded",
        flags: &["--proxy-config", "@DIR@/changed-nginx.conf"],
        fault: |world| {
            // A program that does nothing but bring its file: what somebody wrote and did not load.
            world.programs.push(Program {
                place: Place::Proxy,
                name: "changed",
                program: "sleep",
                arguments: &["1000"],
                files: &[(
                    "changed-nginx.conf",
                    "load_module modules/ngx_stream_module.so;\nworker_rlimit_nofile 40960;\nevents {\n worker_connections 10240;\n}\nstream {\n  map $ssl_server_name $to {\n    openvidu.example.io \
                     203.0.113.20:7880;\n    turn.example.io 203.0.113.20:5350;\n  }\n  server {\n    \
                     listen 443 ssl;\n    listen [::]:443 ssl;\n    ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_certificate api.pem;\n    \
                     ssl_certificate_key api.pem.key;\n    proxy_pass $to;\n  }\n}\n",
                )],
                listens: &[],
            });
        },
        warnings: &[
            ("proxy/certificate-files", PROVEN),
            ("proxy/certificates-loaded", SUSPECTED),
            ("proxy/file-is-what-runs", SUSPECTED),
            ("proxy/redirect-keeps-name-and-path", PROVEN),
            ("proxy/nothing-listens-for", PROVEN),
            ("proxy/turn-reaches-turn", PROVEN),
        ],
        shows: &["changed-nginx.conf:9:"],
        // Where nothing listens for RTMP, where it would lead is not judged.
        exit: 3,
        ..DEFAULT
    },
    // --- as it is written ------------------------------------------------------------------------
    Situation {
        name: "wild/proxies/nginx",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-forced-turn",
        fault: |world| world.proxy.front = Front::Written("nginx"),
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/nginx-advanced",
        fault: |world| world.proxy.front = Front::Written("nginx-advanced"),
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/nginx-advanced-forced-turn",
        fault: |world| world.proxy.front = Front::Written("nginx-advanced"),
        ..FORCED_TURN
    },
    Situation {
        name: "wild/proxies/haproxy",
        fault: |world| world.proxy.front = Front::Written("haproxy"),
        caller: Some(Caller::OPERATOR),
        warnings: OF_THE_NODE,
        ..DEFAULT
    },
    Situation {
        name: "wild/proxies/haproxy-forced-turn",
        fault: |world| world.proxy.front = Front::Written("haproxy"),
        ..FORCED_TURN
    },
];
