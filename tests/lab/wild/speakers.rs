//! Who stands between has told us: what answers in the place of OpenVidu.

use super::super::network::Place;
use super::super::situations::{DEFAULT, List, PROVEN, SUSPECTED, Situation};
use super::super::world::{Front, Program, World};

const NO_API: List = &[("signal/api-answers", PROVEN)];
const NO_API_SUSPECTED: List = &[("signal/api-answers", SUSPECTED)];
const NO_POST: List = &[("signal/post-passes", PROVEN)];
const NO_UPGRADE: List = &[("signal/websocket-upgrade-passes", PROVEN)];
const NOT_PERMANENT: List = &[("http/port-80-redirects-to-https", PROVEN)];

/// Something answers in the place of LiveKit's API, or of a part of it.
const SPEAKER: Situation = Situation {
    errors: NO_API,
    hides: &["changes the host", "systemctl status openvidu", "nothing answers"],
    fewest_passes: 20,
    exit: 1,
    ..DEFAULT
};

/// Everybody gets there, whatever it is called.
const RIGHT: Situation = Situation { fewest_passes: 30, ..DEFAULT };

/// Lets the `http` block of nginx do this with requests for the API.
fn front(world: &mut World, locations: &'static str) {
    world.proxy.front = Front::NginxAdvanced;
    world.proxy.locations = locations;
}

/// Lets it pass them on to a program.
fn behind(world: &mut World, server: &'static str, program: Program) {
    world.proxy.front = Front::NginxAdvanced;
    world.proxy.api_server = server;
    world.node().from_proxy = "7880, 1945, 5349, 7443, 7444";
    world.programs.push(program);
}

const fn caddy(
    files: &'static [(&'static str, &'static str)],
    port: &'static [(&'static str, u16)],
) -> Program {
    Program {
        name: "caddy",
        place: Place::Node,
        program: "caddy",
        arguments: &["run", "--adapter", "caddyfile", "--config", "@DIR@/Caddyfile"],
        files,
        listens: port,
    }
}

const CADDY_WITH_TLS: Program = caddy(
    &[(
        "Caddyfile",
        "{\n admin off\n auto_https off\n}\nhttps://:7443 {\n tls @DIR@/api.pem @DIR@/api.pem.key\n respond hello\n}\n",
    )],
    &[("tcp", 7443)],
);

const CADDY_FOR_A_NAME: Program = caddy(
    &[(
        "Caddyfile",
        "{\n admin off\n auto_https off\n}\nhttp://openvidu.example.io:7880 {\n reverse_proxy localhost:17880\n}\n",
    )],
    &[("tcp", 7880)],
);

const CADDY_THAT_WANTS_HTTPS: Program = caddy(
    &[(
        "Caddyfile",
        "{\n admin off\n http_port 7880\n https_port 7443\n}\nopenvidu.example.io {\n tls @DIR@/api.pem @DIR@/api.pem.key\n respond hello\n}\n",
    )],
    &[("tcp", 7880)],
);

const NGINX_WITH_TLS: Program = Program {
    name: "inner-nginx",
    place: Place::Node,
    program: "nginx",
    arguments: &["-c", "@DIR@/inner-nginx.conf", "-g", "daemon off;"],
    files: &[(
        "inner-nginx.conf",
        "pid @DIR@/inner-nginx.pid; error_log stderr; events {}\n\
         http { access_log off; server { listen 7444 ssl; ssl_certificate @DIR@/api.pem; \
         ssl_certificate_key @DIR@/api.pem.key; } }\n",
    )],
    listens: &[("tcp", 7444)],
};

const HAPROXY_THAT_DENIES: Program = Program {
    name: "inner-haproxy",
    place: Place::Proxy,
    program: "haproxy",
    arguments: &["-db", "-f", "@DIR@/inner-haproxy.cfg"],
    files: &[(
        "inner-haproxy.cfg",
        "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
         frontend api\n bind 127.0.0.1:7991\n http-request deny if { path_beg /twirp }\n \
         default_backend livekit\nbackend livekit\n server livekit 203.0.113.20:7880\n",
    )],
    listens: &[("tcp", 7991)],
};

const fn body_changer(arguments: &'static [&'static str]) -> Program {
    Program {
        name: "front",
        place: Place::Proxy,
        program: "python3",
        arguments,
        files: &[],
        listens: &[("tcp", 7990)],
    }
}

pub const SITUATIONS: &[Situation] = &[
    Situation {
        name: "wild/speakers/a-login-stands-before-everything",
        fault: |world| {
            front(
                world,
                "location / { return 302 https://auth.example.net/?rd=$scheme://$host$request_uri; }",
            );
        },
        shows: &["sent on to \"auth.example.net\": a login stands before the API"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/a-password-for-everything",
        fault: |world| {
            front(
                world,
                "auth_basic \"Staff only\"; auth_basic_user_file /dev/null; location / { @PASS@ }",
            );
        },
        shows: &["asks for a password before LiveKit", "\"Basic\" realm=\"Staff only\""],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/a-password-for-the-websocket",
        fault: |world| {
            front(
                world,
                "location ~ ^/rtc(/v1)?$ { auth_basic \"Staff\"; auth_basic_user_file /dev/null; @PASS@ } \
                 location / { @PASS@ }",
            );
        },
        errors: NO_UPGRADE,
        shows: &["asks for a password before LiveKit", "WebSocket upgrade /rtc: HTTP 401"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/post-is-refused",
        fault: |world| front(world, "location /twirp/ { return 403; } location / { @PASS@ }"),
        errors: NO_POST,
        shows: &[
            "nginx refuses the request on purpose (HTTP 403)",
            "LiveKit answers on the same name: GET /rtc/validate, WebSocket upgrade /rtc",
        ],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/the-upgrade-is-refused",
        fault: |world| {
            front(
                world,
                "location /rtc { if ($http_upgrade) { return 403; } @PASS@ } location / { @PASS@ }",
            );
        },
        errors: NO_UPGRADE,
        shows: &["nginx refuses the request on purpose (HTTP 403)"],
        hides: &["are lost on the way", "proxy_set_header Connection"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/plain-http-to-tls-of-go",
        fault: |world| behind(world, "203.0.113.20:7443", CADDY_WITH_TLS),
        shows: &["the proxy sends plain HTTP to a port that expects TLS", "proxy_pass http"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/plain-http-to-tls-of-nginx",
        fault: |world| behind(world, "203.0.113.20:7444", NGINX_WITH_TLS),
        shows: &["the proxy sends plain HTTP to a port that expects TLS", "proxy_pass http"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/the-host-is-lost",
        fault: |world| {
            behind(world, "203.0.113.20:7880", CADDY_FOR_A_NAME);
            world.livekit.api = 17_880;
            world.proxy.locations =
                "location / { proxy_pass http://openvidu_api_http; proxy_http_version 1.1; }";
        },
        errors: NO_API_SUSPECTED,
        shows: &["an empty answer", "proxy_set_header Host $host;"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/forward-auth-says-401",
        fault: |world| {
            front(
                world,
                "location / { add_header Location https://auth.example.net/ always; return 401; }",
            );
        },
        shows: &["nginx asks for a password before LiveKit"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/maintenance",
        fault: |world| {
            front(world, "location / { add_header Retry-After 3600 always; return 503; }");
        },
        shows: &["does not serve the API at this time", "Retry-After: \"3600\""],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/too-many-requests",
        fault: |world| front(world, "location / { return 429; }"),
        errors: NO_API_SUSPECTED,
        shows: &["does not serve the API at this time (HTTP 429)"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/haproxy-denies-post",
        fault: |world| behind(world, "127.0.0.1:7991", HAPROXY_THAT_DENIES),
        errors: NO_POST,
        shows: &["HAProxy refuses the request on purpose (HTTP 403)"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/no-router-for-the-name",
        fault: |world| {
            front(
                world,
                "location / { default_type text/plain; return 404 \"404 page not found\\n\"; }",
            );
        },
        shows: &["a server written in Go (such as Traefik) answers instead of LiveKit's API"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/a-parked-page",
        fault: |world| {
            front(
                world,
                "location / { default_type text/html; return 200 \
                 \"<html><title>example.io</title><p>This domain is for sale!</p></html>\"; }",
            );
        },
        shows: &["a parking page answers instead of LiveKit's API"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/the-page-of-a-fresh-nginx",
        fault: |world| {
            front(
                world,
                "location / { default_type text/html; return 200 \
                 \"<html><head><title>Welcome to nginx!</title></head></html>\"; }",
            );
        },
        shows: &["nginx as it was installed answers instead of LiveKit's API"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/everything-to-www",
        fault: |world| {
            front(world, "location / { return 301 https://www.example.io$request_uri; }");
        },
        shows: &["sent on to \"https://www.example.io\" instead of LiveKit"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/round-and-round",
        fault: |world| front(world, "location / { return 301 https://$host$request_uri; }"),
        shows: &["sent to the same URL over and over"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/caddy-wants-https",
        fault: |world| {
            behind(world, "203.0.113.20:7880", CADDY_THAT_WANTS_HTTPS);
            world.livekit.api = 17_880;
        },
        shows: &["sent to the same URL over and over"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/not-from-this-country",
        fault: |world| front(world, "location / { return 451; }"),
        errors: NO_API_SUSPECTED,
        shows: &["refuses the request on purpose (HTTP 451)"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/the-path-is-replaced",
        fault: |world| front(world, "location / { rewrite ^ / break; @PASS@ }"),
        shows: &["the proxy replaces the path"],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/a-store-answers",
        fault: |world| {
            front(
                world,
                "location / { default_type application/xml; return 403 \
                 \"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>\"; }",
            );
        },
        shows: &["an S3 store answers instead of LiveKit's API", "XML: \"AccessDenied\""],
        ..SPEAKER
    },
    Situation {
        name: "wild/speakers/redirect-302",
        fault: |world| world.proxy.port_80 = "return 302 https://$host$request_uri;",
        warnings: NOT_PERMANENT,
        hides: &["may not reach"],
        ..RIGHT
    },
    Situation {
        name: "wild/speakers/redirect-307",
        fault: |world| world.proxy.port_80 = "return 307 https://$host$request_uri;",
        warnings: NOT_PERMANENT,
        hides: &["may not reach"],
        ..RIGHT
    },
    Situation {
        name: "wild/speakers/redirect-with-another-spelling",
        fault: |world| world.proxy.port_80 = "return 308 HTTPS://OpenVidu.example.io:443/;",
        ..RIGHT
    },
    Situation {
        name: "wild/speakers/redirect-round-and-round",
        fault: |world| world.proxy.port_80 = "return 301 http://$host$request_uri;",
        errors: NOT_PERMANENT,
        shows: &["redirects to the same URL over and over"],
        fewest_passes: 29,
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/speakers/bodies-are-packed",
        fault: |world| {
            behind(
                world,
                "127.0.0.1:7990",
                body_changer(&["@FIXTURES@/wild/front.py", "7990", "7880", "gzip"]),
            );
        },
        ..RIGHT
    },
    Situation {
        name: "wild/speakers/bodies-come-late",
        fault: |world| {
            behind(
                world,
                "127.0.0.1:7990",
                body_changer(&["@FIXTURES@/wild/front.py", "7990", "7880", "slow"]),
            );
        },
        ..RIGHT
    },
];
