//! UDP 443 in other hands, TLS where plain is expected and the reverse, and services that are stopped.

use super::super::network::{NODE, Place};
use super::super::situations::{
    DEFAULT, Declared, List, PROVEN, SUSPECTED, Situation, Stand, UNSETTLED, VANTAGE_LIMIT,
};
use super::super::world::{FirewallKind, Front, Program, Version, World};

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
        errors: &[("stun/udp-443-answers-binding", PROVEN)],
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
        name: "wild/odds/silent-program-has-udp-443",
        fault: |world| instead_of_turn(world, SILENT),
        errors: &[("ports/openvidu-udp-443", SUSPECTED)],
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
        errors: &[("tls/handshake-completes", SUSPECTED)],
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
        errors: &[
            ("tls/handshake-completes", SUSPECTED),
            ("http/port-80-redirects-to-https", PROVEN),
        ],
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
    // --- the proxy on OpenVidu's machine -----------------------------------------------------------------
    Situation {
        name: "wild/odds/firefox-gets-no-relay-over-loopback",
        fault: behind_loopback,
        shows: &["turn/mapped-address-plausible", "127.0.0.1", "over loopback"],
        ..ON_ONE_MACHINE
    },
    Situation {
        name: "wild/odds/firefox-gets-no-relay-over-link-local",
        fault: |world| on_one_machine(world, NGINX_FROM_LINK_LOCAL),
        shows: &["turn/mapped-address-plausible", "169.254.7.7", "from a link-local address"],
        ..ON_ONE_MACHINE
    },
    // --- ufw says closed, Docker publishes anyway ----------------------------------------------------------
    Situation {
        name: "wild/odds/docker-publishes-what-ufw-does-not-allow",
        fault: |world| {
            world.node().kind = FirewallKind::Ufw(&[
                "ufw allow 443/udp",
                "ufw allow 7885/udp",
                "ufw allow 50000:60000/udp",
                "ufw allow 7881/tcp",
                "ufw allow 9000/tcp",
                "ufw allow proto tcp from 203.0.113.10 to any port 7880,1945,5349",
            ]);
            world.programs.push(REDIS_IN_DOCKER);
        },
        errors: &[("ports/redis-needs-password", PROVEN), ("ports/undocumented-closed", PROVEN)],
        shows: &["7000"],
        exit: 1,
        is_mended: true,
        ..DEFAULT
    },
    // --- dead on purpose, and dead by halves ---------------------------------------------------------------
    Situation {
        name: "wild/odds/nginx-hangs-up-on-purpose",
        fault: |world| {
            world.proxy.front = Front::NginxAdvanced;
            world.proxy.locations = "location / { return 444; }";
        },
        errors: &[("signal/api-answers", PROVEN)],
        hides: &["firewall probably drops", "--turn-domain-name"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/livekit-hangs",
        fault: |world| {
            world.has_livekit = false;
            world.programs.push(HANGS);
        },
        errors: &[
            ("ports/openvidu-tcp-7881", PROVEN),
            ("ports/openvidu-udp-443", PROVEN),
            ("signal/api-answers", PROVEN),
            ("turn/turns-answers-binding", PROVEN),
        ],
        hides: &["a firewall probably drops"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/odds/only-livekit-is-filtered-from-the-proxy",
        fault: |world| world.node().from_proxy = "1945",
        errors: &[("signal/api-answers", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        shows: &["nothing answers behind the proxy"],
        hides: &["no service answers behind the proxy"],
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

/// Runs the command in `$0`, and stops it when it listens on port `$1`. A port of loopback shows that it
/// is stopped.
const STOPS_ITSELF: &str = "(until ss -Hltn \"sport = :$1\" | grep -q .; do sleep 0.05; done
    kill -STOP $$
    exec timeout 6 python3 -m http.server 7999 --bind 127.0.0.1) > /dev/null 2>&1 &
    eval \"exec $0\"";

const STOPPED: (&str, u16) = ("tcp", 7999);

const REDIS_STOPPED: Program = Program {
    name: "redis-stopped",
    place: Place::Node,
    program: "sh",
    arguments: &[
        "-c",
        STOPS_ITSELF,
        "redis-server --port 7000 --protected-mode no --save ''",
        "7000",
    ],
    files: &[],
    listens: &[("tcp", 7000), STOPPED],
};

const HAPROXY_STOPPED: Program = Program {
    name: "haproxy-stopped",
    place: Place::Proxy,
    program: "sh",
    arguments: &["-c", STOPS_ITSELF, "haproxy -db -f @DIR@/stopped.cfg", "443"],
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
    listens: &[("tcp", 80), ("tcp", 443), ("tcp", 1935), STOPPED],
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

/// Media is forced to TCP 443, and the proxy stands on OpenVidu's machine: TURN over TLS is the only way.
const ON_ONE_MACHINE: Situation = Situation {
    declared: Declared::Names,
    flags: &[
        "--node=proxy=203.0.113.20,2001:db8:5::20",
        "--node=openvidu=203.0.113.20,2001:db8:5::20",
        "--policy=443-tls",
        "--guide=3.9",
    ],
    errors: &[("turn/mapped-address-plausible", PROVEN)],
    // Nothing but the ports that every network lets out answers.
    inconclusive: &[
        ("dns/families-agree", UNSETTLED),
        ("policy/ice-tcp-7881-closed", UNSETTLED),
        ("policy/media-range-closed", UNSETTLED),
        ("policy/udp-443-closed", UNSETTLED),
        ("policy/whip-udp-7885-closed", UNSETTLED),
        ("ports/openvidu-tcp-1945", UNSETTLED),
        ("ports/openvidu-tcp-5349", UNSETTLED),
        ("ports/openvidu-tcp-7880", UNSETTLED),
        ("ports/minio-buckets-need-login", UNSETTLED),
        ("ports/mongodb-needs-login", UNSETTLED),
        ("ports/redis-needs-password", UNSETTLED),
        ("ports/undocumented-closed", UNSETTLED),
    ],
    exit: 1,
    fewest_passes: 20,
    ..DEFAULT
};

/// nginx on the machine of LiveKit, before it over loopback.
pub fn behind_loopback(world: &mut World) {
    on_one_machine(world, NGINX_OVER_LOOPBACK);
}

fn on_one_machine(world: &mut World, nginx: Program) {
    world.domain = NODE;
    world.turn_domain = NODE;
    world.proxy.front = Front::Nothing;
    world.livekit.version = Version::Newest;
    world.node().from_anywhere = vec!["tcp dport { 80, 443 } accept"];
    world.node().from_proxy = "";
    world.programs.push(nginx);
}

macro_rules! nginx_on_node {
    ($before:literal, $bind:literal) => {
        Program {
            name: "nginx-on-node",
            place: Place::Node,
            program: "sh",
            arguments: &["-c", concat!($before, "exec nginx -c @DIR@/on-node.conf -g 'daemon off;'")],
            files: &[(
                "on-node.conf",
                concat!(
                    "@LOAD_STREAM_MODULE@\nmaster_process off; pid @DIR@/on-node.pid; error_log stderr; events {}\n",
                    "http { access_log off; client_body_temp_path @DIR@/on-b; proxy_temp_path @DIR@/on-p;\n",
                    "fastcgi_temp_path @DIR@/on-f; uwsgi_temp_path @DIR@/on-u; scgi_temp_path @DIR@/on-s;\n",
                    "server { listen 80; listen [::]:80; return 301 https://$host$request_uri; } }\n",
                    "stream { map $ssl_server_name $to { openvidu.example.io 127.0.0.1:7880; ",
                    "turn.example.io 127.0.0.1:5349; }\n",
                    "map $ssl_server_name $file { openvidu.example.io api; turn.example.io turn; }\n",
                    "server { listen 443 ssl; listen [::]:443 ssl; ssl_protocols TLSv1.2 TLSv1.3;\n",
                    "ssl_certificate @DIR@/$file.pem; ssl_certificate_key @DIR@/$file.pem.key;\n",
                    $bind, " proxy_pass $to; proxy_timeout 1h; } }\n",
                ),
            )],
            listens: &[("tcp", 80), ("tcp", 443)],
        }
    };
}

const NGINX_OVER_LOOPBACK: Program = nginx_on_node!("", "");
const NGINX_FROM_LINK_LOCAL: Program =
    nginx_on_node!("ip addr add 169.254.7.7/32 dev lo; ", "proxy_bind 169.254.7.7;");

/// A container with a published port, as Docker 28 wires it: a namespace behind a bridge, a translation
/// before the firewall's table sees the packet, chains of its own, and a helper that holds the port.
const REDIS_IN_DOCKER: Program = Program {
    name: "redis-in-docker",
    place: Place::Node,
    program: "sh",
    arguments: &["@DIR@/docker.sh"],
    files: &[
        (
            "docker.sh",
            "(sleep 0.3; c=$$\n\
             ip link add docker0 type veth peer name eth0 netns $c\n\
             ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up\n\
             nsenter -t $c -n sh -c 'ip link set lo up; ip addr add 172.17.0.2/16 dev eth0; \
             ip link set eth0 up; ip route add default via 172.17.0.1'\n\
             echo 1 > /proc/sys/net/ipv4/ip_forward\n\
             nft -f @DIR@/docker.nft\n\
             exec setpriv --pdeathsig KILL python3 -c \"import socket, time; s = socket.create_server(('', 7000)); time.sleep(600)\") &\n\
             exec unshare --net --fork --kill-child redis-server --port 7000 --protected-mode no --save ''\n",
        ),
        (
            "docker.nft",
            "table ip nat {\n chain DOCKER {\n  iifname != \"docker0\" tcp dport 7000 dnat to 172.17.0.2:7000\n }\n \
             chain PREROUTING {\n  type nat hook prerouting priority dstnat; policy accept;\n  \
             fib daddr type local jump DOCKER\n }\n \
             chain POSTROUTING {\n  type nat hook postrouting priority srcnat; policy accept;\n  \
             ip saddr 172.17.0.0/16 oifname != \"docker0\" masquerade\n }\n}\n\
             table ip filter {\n chain DOCKER-USER {\n }\n chain DOCKER {\n  \
             ip daddr 172.17.0.2 iifname != \"docker0\" oifname \"docker0\" tcp dport 7000 accept\n }\n \
             chain FORWARD {\n }\n}\n\
             insert rule ip filter FORWARD oifname \"docker0\" jump DOCKER\n\
             insert rule ip filter FORWARD ct state related,established accept\n\
             insert rule ip filter FORWARD jump DOCKER-USER\n",
        ),
    ],
    listens: &[("tcp", 7000)],
};

/// It takes connections no more than a stopped program does; the system does it in its name.
const HANGS: Program = Program {
    name: "hangs",
    place: Place::Node,
    program: "python3",
    arguments: &[
        "-c",
        "import socket, time\nheld = [socket.create_server(('', port)) for port in (7880, 5349)]\n\
         time.sleep(600)\n",
    ],
    files: &[],
    listens: &[("tcp", 7880), ("tcp", 5349)],
};
