//! UDP 443 in other hands, TLS where plain is expected and the reverse, and services that are stopped.

use super::super::network::Place;
use super::super::situations::{DEFAULT, List, PROVEN, Situation, Stand, UNSETTLED, VANTAGE_LIMIT};
use super::super::world::{Front, Program, World};

const NO_STUN: List = &[("stun/udp-443-answers-binding", PROVEN)];

/// Another program has UDP 443, so that the TURN server had to move.
fn instead_of_turn(world: &mut World, program: Program) {
    world.livekit.turn_udp = 4443;
    world.programs.push(program);
}

/// HTTP/3 is on unless it is switched off.
const CADDY: Program = Program {
    name: "caddy",
    place: Place::Node,
    program: "caddy",
    arguments: &["run", "--adapter", "caddyfile", "--config", "@DIR@/Caddyfile"],
    files: &[(
        "Caddyfile",
        "{\n admin off\n auto_https disable_redirects\n}\nopenvidu.example.io {\n \
         tls @DIR@/api.pem @DIR@/api.pem.key\n respond hello\n}\n",
    )],
    listens: &[("udp", 443)],
};

/// As the remedy has it.
const CADDY_WITHOUT_HTTP3: Program = Program {
    files: &[(
        "Caddyfile",
        "{\n servers {\n  protocols h1 h2\n }\n admin off\n auto_https disable_redirects\n}\n\
         openvidu.example.io {\n tls @DIR@/api.pem @DIR@/api.pem.key\n respond hello\n}\n",
    )],
    listens: &[("tcp", 443)],
    ..CADDY
};

const CADDY_ON_PROXY: Program = Program {
    place: Place::Proxy,
    files: &[(
        "Caddyfile",
        "{\n admin off\n auto_https disable_redirects\n}\nhttps://openvidu.example.io:8443 {\n \
         tls @DIR@/api.pem @DIR@/api.pem.key\n respond hello\n}\n",
    )],
    listens: &[("udp", 8443)],
    ..CADDY
};

const DTLS: Program = Program {
    name: "dtls",
    place: Place::Node,
    program: "sh",
    arguments: &[
        "-c",
        "exec openssl s_server -4 -dtls1_2 -accept 443 -cert @DIR@/api.pem -key @DIR@/api.pem.key </dev/zero",
    ],
    files: &[],
    listens: &[("udp", 443)],
};

/// As WireGuard, and OpenVPN with a key of its own: nothing comes back to those who are not known.
const SILENT: Program = Program {
    name: "silent",
    place: Place::Node,
    program: "python3",
    arguments: &[
        "-c",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.bind(('0.0.0.0', 443))\nwhile True: s.recv(2048)\n",
    ],
    files: &[],
    listens: &[("udp", 443)],
};

pub const SITUATIONS: &[Situation] = &[
    // --- UDP 443 in other hands ---------------------------------------------------------------------
    Situation {
        name: "wild/odds/http3-of-caddy-has-udp-443",
        fault: |world| instead_of_turn(world, CADDY),
        errors: NO_STUN,
        shows: &[
            "a QUIC server, probably HTTP/3 of a web server",
            "QUIC (version 1",
            "protocols h1 h2",
        ],
        hides: &["a firewall blocks it", "Open UDP 443"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/caddy-without-http3-leaves-udp-443",
        fault: |world| world.programs.push(CADDY_WITHOUT_HTTP3),
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/udp-443-is-forwarded-to-http3-of-the-proxy",
        fault: |world| {
            world.livekit.turn_udp = 4443;
            world.router().translation = "chain prerouting {\n        \
                type nat hook prerouting priority dstnat\n        \
                ip daddr 203.0.113.20 udp dport 443 dnat to 203.0.113.10:8443\n    }";
            world.proxy_firewall().from_anywhere.push("udp dport 8443 accept");
            world.programs.push(CADDY_ON_PROXY);
        },
        errors: NO_STUN,
        shows: &["a QUIC server, probably HTTP/3", "UDP 443 is forwarded to another machine"],
        hides: &["a firewall blocks it", "Open UDP 443"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/dtls-server-has-udp-443",
        fault: |world| instead_of_turn(world, DTLS),
        errors: NO_STUN,
        shows: &["a DTLS server uses the port"],
        hides: &["a firewall blocks it", "Open UDP 443"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/silent-program-has-udp-443",
        fault: |world| instead_of_turn(world, SILENT),
        errors: &[("ports/openvidu-udp-443", PROVEN)],
        shows: &["or no STUN server is listening", "ss -lunp 'sport = :443'"],
        hides: &["QUIC"],
        exit: 1,
        ..DEFAULT
    },
    // --- TLS where plain is expected, and the reverse --------------------------------------------------
    Situation {
        name: "wild/odds/proxy-speaks-tls-to-plain-backends",
        fault: |world| world.proxy.stream_directives = "proxy_ssl on;",
        errors: BEHIND,
        shows: &["proxy_ssl"],
        hides: &["firewall probably drops", "--turn-domain-name"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/proxy-speaks-tls-to-plain-backends-seen-from-it",
        fault: |world| world.proxy.stream_directives = "proxy_ssl on;",
        stand: Stand::Proxy,
        errors: BEHIND,
        shows: &["proxy_ssl"],
        hides: &["firewall probably drops", "nothing answers behind"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/proxy-may-not-connect",
        fault: |world| {
            world.proxy_firewall().outgoing = NO_CONNECTION;
        },
        errors: BEHIND,
        shows: &["httpd_can_network_connect"],
        hides: &["--turn-domain-name"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/proxy-that-speaks-http-may-not-connect",
        fault: |world| {
            world.proxy.front = Front::NginxAdvanced;
            world.proxy_firewall().outgoing = NO_CONNECTION;
        },
        errors: BEHIND,
        shows: &["httpd_can_network_connect"],
        hides: &["--turn-domain-name"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/nginx-rejects-the-handshake-for-turn",
        fault: |world| {
            world.proxy.front = Front::Nothing;
            world.programs.push(NGINX_WITHOUT_TURN);
        },
        errors: &[("tls/handshake-completes", PROVEN)],
        shows: &["unrecognized_name", "turn.example.io"],
        hides: &["P-256"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/redis-behind-tls-is-open",
        fault: |world| {
            world.programs.push(REDIS_WITH_TLS);
            world.open("tcp dport 7000 accept");
        },
        errors: &[("ports/undocumented-closed", PROVEN)],
        inconclusive: REDIS_UNKNOWN,
        shows: &["7000"],
        hides: &["without a password", "Redis answers"],
        exit: 1,
        ..DEFAULT
    },
    // --- stopped: the system accepts, the program does not answer --------------------------------------
    Situation {
        name: "wild/odds/redis-is-stopped-and-open",
        fault: |world| {
            world.programs.push(REDIS_STOPPED);
            world.open("tcp dport 7000 accept");
        },
        errors: &[("ports/undocumented-closed", PROVEN)],
        inconclusive: REDIS_UNKNOWN,
        shows: &["7000"],
        hides: &["another program", "stop that program"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/the-proxy-is-stopped",
        fault: |world| {
            world.proxy.front = Front::Nothing;
            world.programs.push(HAPROXY_STOPPED);
        },
        errors: &[("tls/handshake-completes", PROVEN), ("http/port-80-redirects-to-https", PROVEN)],
        shows: &["hangs"],
        hides: &["another program"],
        exit: 1,
        ..DEFAULT
    },
    // --- who stands before the API ----------------------------------------------------------------------
    Situation {
        name: "wild/odds/caddy-asks-for-a-password-before-7880",
        fault: |world| {
            world.livekit.api = 17880;
            world.programs.push(CADDY_WITH_PASSWORD);
        },
        errors: &[("signal/api-answers", PROVEN)],
        shows: &["asks for a password", "Caddy"],
        hides: &["systemctl status openvidu", "nothing answers"],
        exit: 1,
        ..DEFAULT
    },
];

/// Not accused of a missing password: nobody knows who it is.
const REDIS_UNKNOWN: List =
    &[("ports/openvidu-udp-7885", VANTAGE_LIMIT), ("ports/redis-needs-password", UNSETTLED)];

const BEHIND: List = &[
    ("rtmp/rtmps-handshakes", PROVEN),
    ("signal/api-answers", PROVEN),
    ("turn/turns-answers-binding", PROVEN),
];

/// To the program it is the same as a refusal by SELinux: no connection, at once.
const NO_CONNECTION: &str = "ip daddr 203.0.113.20 tcp dport { 7880, 5349, 1945 } \
     reject with icmp type admin-prohibited";

/// The http block takes no name but the domain.
const NGINX_WITHOUT_TURN: Program = Program {
    name: "nginx-without-turn",
    place: Place::Proxy,
    program: "nginx",
    arguments: &["-c", "@DIR@/without-turn.conf", "-g", "daemon off;"],
    files: &[(
        "without-turn.conf",
        "@LOAD_STREAM_MODULE@\nmaster_process off; pid @DIR@/without-turn.pid; error_log stderr; events {}\n\
         http { access_log off; client_body_temp_path @DIR@/wt-body; proxy_temp_path @DIR@/wt-proxy;\n\
         fastcgi_temp_path @DIR@/wt-f; uwsgi_temp_path @DIR@/wt-u; scgi_temp_path @DIR@/wt-s;\n\
         server { listen 80; listen [::]:80; return 301 https://$host$request_uri; }\n\
         server { listen 443 ssl default_server; listen [::]:443 ssl default_server; \
         ssl_protocols TLSv1.2 TLSv1.3; ssl_reject_handshake on; }\n\
         server { listen 443 ssl; listen [::]:443 ssl; server_name openvidu.example.io;\n\
         ssl_protocols TLSv1.2 TLSv1.3;\n\
         ssl_certificate @DIR@/api.pem; ssl_certificate_key @DIR@/api.pem.key;\n\
         location / { proxy_pass http://203.0.113.20:7880; proxy_http_version 1.1;\n\
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;\n\
         proxy_set_header Host $host; } } }\n\
         stream { server { listen 1935 ssl; listen [::]:1935 ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate @DIR@/api.pem;\n\
         ssl_certificate_key @DIR@/api.pem.key; proxy_pass 203.0.113.20:1945; } }\n",
    )],
    listens: &[("tcp", 80), ("tcp", 443), ("tcp", 1935)],
};

const REDIS_WITH_TLS: Program = Program {
    name: "redis-with-tls",
    place: Place::Node,
    program: "redis-server",
    arguments: &[
        "--port",
        "0",
        "--tls-port",
        "7000",
        "--tls-cert-file",
        "@DIR@/api.pem",
        "--tls-key-file",
        "@DIR@/api.pem.key",
        "--tls-ca-cert-file",
        "@DIR@/root.pem",
        "--tls-auth-clients",
        "no",
        "--protected-mode",
        "no",
        "--save",
        "",
    ],
    files: &[],
    listens: &[("tcp", 7000)],
};

const REDIS_STOPPED: Program = Program {
    name: "redis-stopped",
    place: Place::Node,
    program: "sh",
    arguments: &[
        "-c",
        "(sleep 0.4; kill -STOP $$) & exec redis-server --port 7000 --protected-mode no --save ''",
    ],
    files: &[],
    listens: &[("tcp", 7000)],
};

const HAPROXY_STOPPED: Program = Program {
    name: "haproxy-stopped",
    place: Place::Proxy,
    program: "sh",
    arguments: &["-c", "(sleep 0.4; kill -STOP $$) & exec haproxy -db -f @DIR@/stopped.cfg"],
    files: &[(
        "stopped.cfg",
        "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 30s\n  timeout server 30s\n\
         frontend web\n  mode http\n  bind :::80 v4v6\n  http-request redirect scheme https code 301\n\
         frontend tls\n  bind :::443 v4v6 ssl crt @DIR@/api.pem crt @DIR@/turn.pem strict-sni\n  \
         use_backend api if { ssl_fc_sni openvidu.example.io }\n  \
         use_backend turn if { ssl_fc_sni turn.example.io }\n\
         frontend rtmps\n  bind :::1935 v4v6 ssl crt @DIR@/api.pem\n  default_backend rtmp\n\
         backend api\n  server a 203.0.113.20:7880\n\
         backend turn\n  server a 203.0.113.20:5349\n\
         backend rtmp\n  server a 203.0.113.20:1945\n",
    )],
    listens: &[("tcp", 80), ("tcp", 443), ("tcp", 1935)],
};

const CADDY_WITH_PASSWORD: Program = Program {
    files: &[(
        "Caddyfile",
        "{\n admin off\n auto_https off\n}\nhttp://:7880 {\n basicauth {\n  \
         staff $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n }\n \
         reverse_proxy localhost:17880\n}\n",
    )],
    listens: &[("tcp", 7880)],
    ..CADDY
};
