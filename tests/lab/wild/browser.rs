//! What a browser offers, asks and demands, and older clients do not.

use super::super::caller::Caller;
use super::super::network::Place;
use super::super::situations::{DEFAULT, InBrowser, List, PROVEN, SUSPECTED, Situation};
use super::super::world::{Front, Program, Version, World};

const BROWSERS: &str = "tls/browsers-accept";
const PATHS: &str = "signal/paths-pass";
const UPGRADE: &str = "signal/websocket-upgrade-passes";

const CROSS_ORIGIN: List = &[("signal/cross-origin-readable", PROVEN)];

/// Guide 3.9, whose LiveKit has the path of newer clients, and WHIP in use.
const NEWEST: &[&str] = &["--guide", "3.9"];

/// UDP 443 is LiveKit's over IPv6 too there, and one port answers nobody.
const NEWEST_OPEN: List = DEFAULT.inconclusive;

const GETS_IN: Option<InBrowser> = Some(InBrowser { joins: true, reads: true });
/// A WebSocket does not ask whose pages may read it.
const GETS_IN_UNREAD: Option<InBrowser> = Some(InBrowser { joins: true, reads: false });
const STAYS_OUT: Option<InBrowser> = Some(InBrowser { joins: false, reads: false });

/// Puts a router before port 443 of the proxy.
fn route(world: &mut World, arguments: &'static [&'static str], translation: &'static str) {
    world.programs.push(Program {
        name: "hello-router",
        place: Place::Proxy,
        program: "python3",
        arguments,
        files: &[],
        listens: &[("tcp", 9443)],
    });
    let firewall = world.proxy_firewall();
    firewall.translation = translation;
    firewall.from_anywhere.push("tcp dport 9443 accept");
}

const BOTH_FAMILIES: &str = "chain prerouting {\n        type nat hook prerouting priority dstnat\n        \
                             iifname != lo tcp dport 443 redirect to :9443\n    }";
const IPV6: &str = "chain prerouting {\n        type nat hook prerouting priority dstnat\n        \
                    iifname != lo meta nfproto ipv6 tcp dport 443 redirect to :9443\n    }";

macro_rules! router {
    ($dislikes:literal) => {
        &["@FIXTURES@/wild/hello_router.py", "9443", $dislikes]
    };
}

/// The API through an http block of nginx with these locations.
fn http_front(world: &mut World, locations: &'static str) {
    world.proxy.front = Front::NginxAdvanced;
    world.proxy.locations = locations;
}

const LISTED_PATHS: &str = "location = /rtc { @PASS@ } location = /rtc/validate { @PASS@ } \
                            location /twirp/ { @PASS@ } location / { return 404; }";
const LISTED_PATHS_AND_A_PAGE: &str = "default_type text/html; location = /rtc { @PASS@ } location = /rtc/validate { @PASS@ } \
     location /twirp/ { @PASS@ } location / { return 200 '<html><title>Welcome</title></html>'; }";

const REFUSES_BROWSERS: Situation =
    Situation { errors: &[(BROWSERS, SUSPECTED)], browser: STAYS_OUT, exit: 1, ..DEFAULT };

const GRANTED_WRONGLY: Situation = Situation {
    caller: Some(Caller::OPERATOR),
    errors: &[("call/join-accepted", PROVEN)],
    browser: Some(InBrowser { joins: false, reads: true }),
    exit: 1,
    ..DEFAULT
};

pub const SITUATIONS: &[Situation] = &[
    // --- the first message ---------------------------------------------------------------------
    Situation {
        name: "wild/browser/router-reads-the-hello-once",
        fault: |world| route(world, router!("second-segment"), BOTH_FAMILIES),
        errors: &[("tls/browsers-accept", SUSPECTED)],
        shows: &["TLS works for older clients but not for", "more than one TCP segment"],
        hides: &["inspection"],
        ..REFUSES_BROWSERS
    },
    // The same without a word is no loss of large packets: small segments are not answered either.
    Situation {
        name: "wild/browser/router-reads-the-hello-once-and-says-nothing",
        fault: |world| route(world, router!("second-segment-silently"), BOTH_FAMILIES),
        shows: &["more than one TCP segment"],
        hides: &["large packets are lost"],
        ..REFUSES_BROWSERS
    },
    Situation {
        name: "wild/browser/router-refuses-long-hellos",
        fault: |world| route(world, router!("length"), BOTH_FAMILIES),
        shows: &["a long ClientHello is refused"],
        ..REFUSES_BROWSERS
    },
    Situation {
        name: "wild/browser/router-leaves-long-hellos-unanswered",
        fault: |world| route(world, router!("length-silently"), BOTH_FAMILIES),
        shows: &["a long ClientHello is refused"],
        ..REFUSES_BROWSERS
    },
    Situation {
        name: "wild/browser/router-does-not-know-grease",
        fault: |world| route(world, router!("grease"), BOTH_FAMILIES),
        shows: &["GREASE"],
        ..REFUSES_BROWSERS
    },
    Situation {
        name: "wild/browser/filter-refuses-encrypted-hellos",
        fault: |world| route(world, router!("encrypted-hello"), BOTH_FAMILIES),
        shows: &["Encrypted ClientHello"],
        ..REFUSES_BROWSERS
    },
    Situation {
        name: "wild/browser/router-does-not-know-post-quantum",
        fault: |world| route(world, router!("post-quantum"), BOTH_FAMILIES),
        shows: &["post-quantum"],
        ..REFUSES_BROWSERS
    },
    Situation {
        name: "wild/browser/router-does-not-know-new-extensions",
        fault: |world| route(world, router!("unknown-extensions"), BOTH_FAMILIES),
        ..REFUSES_BROWSERS
    },
    // Browsers go around it when they have IPv4.
    Situation {
        name: "wild/browser/router-reads-the-hello-once-over-ipv6",
        fault: |world| route(world, router!("second-segment"), IPV6),
        errors: &[(BROWSERS, SUSPECTED)],
        warnings: &[("dns/families-agree", SUSPECTED)],
        exit: 1,
        browser: GETS_IN,
        ..DEFAULT
    },
    // --- the protocol that is chosen -----------------------------------------------------------
    Situation {
        name: "wild/browser/http2-is-agreed-and-not-spoken",
        fault: |world| world.proxy.stream_directives = "ssl_alpn h2 http/1.1;",
        errors: &[(BROWSERS, PROVEN)],
        shows: &["chooses HTTP/2 (ALPN h2) but does not speak it"],
        // The WebSocket does not offer it, but nobody can ask why it failed.
        browser: Some(InBrowser { joins: false, reads: false }),
        exit: 1,
        ..DEFAULT
    },
    // --- paths ---------------------------------------------------------------------------------
    Situation {
        name: "wild/browser/three-paths-get-through",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(world, LISTED_PATHS);
        },
        flags: NEWEST,
        errors: &[("signal/paths-pass", PROVEN)],
        inconclusive: NEWEST_OPEN,
        shows: &["OPTIONS /whip", "/rtc/v1", "GET /"],
        // A page of another origin may not read the 404, and does not fall back.
        browser: Some(InBrowser { joins: false, reads: true }),
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/three-paths-get-through-the-rest-is-a-page",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(world, LISTED_PATHS_AND_A_PAGE);
        },
        flags: NEWEST,
        errors: &[(PATHS, PROVEN)],
        inconclusive: NEWEST_OPEN,
        shows: &["WebSocket upgrade /rtc/v1", "GET /rtc/v1/validate", "OPTIONS /whip"],
        browser: Some(InBrowser { joins: false, reads: true }),
        exit: 1,
        ..DEFAULT
    },
    // LiveKit 1.8.4 does not have the path, but clients that do ask for it.
    Situation {
        name: "wild/browser/the-newest-path-is-a-page",
        fault: |world| {
            http_front(
                world,
                "default_type text/html; location /rtc/v1 { return 200 '<html></html>'; } \
                 location / { @PASS@ }",
            );
        },
        errors: &[(PATHS, PROVEN)],
        browser: Some(InBrowser { joins: false, reads: true }),
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/the-newest-path-is-missing",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(world, "location /rtc/v1 { return 404; } location / { @PASS@ }");
        },
        flags: NEWEST,
        errors: &[(PATHS, PROVEN)],
        inconclusive: NEWEST_OPEN,
        browser: Some(InBrowser { joins: false, reads: true }),
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/the-newest-path-is-missing-for-all-to-see",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(
                world,
                "location /rtc/v1 { add_header Access-Control-Allow-Origin * always; return 404; } \
                 location / { @PASS@ }",
            );
        },
        flags: NEWEST,
        warnings: &[("signal/rtc-v1-passes", PROVEN)],
        inconclusive: NEWEST_OPEN,
        browser: GETS_IN,
        ..DEFAULT
    },
    // --- answers across origins ----------------------------------------------------------------
    Situation {
        name: "wild/browser/allowed-origin-twice",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(
                world,
                "location / { @PASS@ add_header Access-Control-Allow-Origin * always; }",
            );
        },
        flags: NEWEST,
        warnings: &[("signal/cross-origin-readable", PROVEN)],
        inconclusive: NEWEST_OPEN,
        shows: &["Access-Control-Allow-Origin is there more than once"],
        browser: GETS_IN_UNREAD,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/allowed-origin-removed",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(
                world,
                "location / { proxy_hide_header Access-Control-Allow-Origin; @PASS@ }",
            );
        },
        flags: NEWEST,
        warnings: CROSS_ORIGIN,
        inconclusive: NEWEST_OPEN,
        browser: GETS_IN_UNREAD,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/allowed-origin-of-somebody-else",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(
                world,
                "location / { proxy_hide_header Access-Control-Allow-Origin; @PASS@ \
                 add_header Access-Control-Allow-Origin https://app.example.net always; }",
            );
        },
        flags: NEWEST,
        warnings: CROSS_ORIGIN,
        inconclusive: NEWEST_OPEN,
        shows: &["https://app.example.net"],
        browser: GETS_IN_UNREAD,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/the-query-is-lost",
        fault: |world| http_front(world, "location / { rewrite ^(.*)$ $1? break; @PASS@ }"),
        errors: &[(PATHS, PROVEN)],
        shows: &["no access token reaches LiveKit"],
        browser: Some(InBrowser { joins: false, reads: true }),
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/requests-with-an-origin-are-refused",
        fault: |world| {
            http_front(world, "location / { if ($http_origin) { return 403; } @PASS@ }");
        },
        errors: &[(PATHS, PROVEN)],
        shows: &["WebSocket upgrade /rtc"],
        browser: STAYS_OUT,
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/a-filter-refuses-options",
        fault: |world| {
            http_front(
                world,
                "location / { if ($request_method = OPTIONS) { return 405; } @PASS@ }",
            );
        },
        errors: &[(PATHS, PROVEN)],
        shows: &["OPTIONS /whip"],
        exit: 1,
        browser: GETS_IN,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/the-application-is-down",
        fault: |world| {
            http_front(
                world,
                "location = / { proxy_pass http://127.0.0.1:9; } location / { @PASS@ }",
            );
        },
        errors: &[(PATHS, PROVEN)],
        shows: &["GET /"],
        exit: 1,
        browser: GETS_IN,
        ..DEFAULT
    },
    // --- a password ----------------------------------------------------------------------------
    Situation {
        name: "wild/browser/a-password-before-the-websocket",
        fault: |world| {
            http_front(
                world,
                "location ~ ^/rtc(/v1)?$ { auth_basic dashboard; auth_basic_user_file /dev/null; \
                 @PASS@ } location / { @PASS@ }",
            );
        },
        errors: &[(UPGRADE, PROVEN)],
        browser: Some(InBrowser { joins: false, reads: true }),
        exit: 1,
        ..DEFAULT
    },
    // --- the head of an answer that grants a WebSocket: only a join gets one ----------------------
    Situation {
        name: "wild/browser/accept-header-is-removed",
        fault: |world| {
            http_front(world, "location / { proxy_hide_header Sec-WebSocket-Accept; @PASS@ }");
        },
        shows: &["Sec-WebSocket-Accept is missing"],
        ..GRANTED_WRONGLY
    },
    Situation {
        name: "wild/browser/accept-header-is-replaced",
        fault: |world| {
            http_front(
                world,
                "location / { proxy_hide_header Sec-WebSocket-Accept; \
                 add_header Sec-WebSocket-Accept b3ZjaGVjaw== always; @PASS@ }",
            );
        },
        // LiveKit's refusals have it too.
        errors: &[("signal/websocket-upgrade-passes", SUSPECTED)],
        shows: &["Sec-WebSocket-Accept is added"],
        ..GRANTED_WRONGLY
    },
    Situation {
        name: "wild/browser/accept-header-is-replaced-and-nobody-joins",
        fault: |world| {
            http_front(
                world,
                "location / { proxy_hide_header Sec-WebSocket-Accept; \
                 add_header Sec-WebSocket-Accept b3ZjaGVjaw== always; @PASS@ }",
            );
        },
        caller: None,
        errors: &[("signal/websocket-upgrade-passes", SUSPECTED)],
        shows: &["Sec-WebSocket-Accept is added"],
        browser: None,
        ..GRANTED_WRONGLY
    },
    Situation {
        name: "wild/browser/accept-header-is-there-twice",
        fault: |world| {
            http_front(
                world,
                "location = /rtc { add_header Sec-WebSocket-Accept $sent_http_sec_websocket_accept always; \
                 add_header Sec-WebSocket-Accept $upstream_http_sec_websocket_accept always; @PASS@ } \
                 location / { @PASS@ }",
            );
        },
        shows: &["more than one header Sec-WebSocket-Accept"],
        ..GRANTED_WRONGLY
    },
    Situation {
        name: "wild/browser/subprotocol-that-nobody-asked-for",
        fault: |world| {
            http_front(
                world,
                "location / { add_header Sec-WebSocket-Protocol mqtt always; @PASS@ }",
            );
        },
        shows: &["Sec-WebSocket-Protocol names"],
        ..GRANTED_WRONGLY
    },
    Situation {
        name: "wild/browser/extension-that-nobody-asked-for",
        fault: |world| {
            http_front(
                world,
                "location / { add_header Sec-WebSocket-Extensions x-packed always; @PASS@ }",
            );
        },
        shows: &["Sec-WebSocket-Extensions names"],
        ..GRANTED_WRONGLY
    },
    // Browsers ask for it and LiveKit grants it, so that they are told twice.
    Situation {
        name: "wild/browser/compression-is-granted-twice",
        fault: |world| {
            http_front(
                world,
                "location / { add_header Sec-WebSocket-Extensions permessage-deflate always; @PASS@ }",
            );
        },
        shows: &["Sec-WebSocket-Extensions names"],
        ..GRANTED_WRONGLY
    },
    // --- right ones ----------------------------------------------------------------------------
    Situation {
        name: "wild/browser/compliant-with-haproxy",
        fault: |world| world.proxy.front = Front::HaProxy,
        browser: GETS_IN,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/compliant-with-an-http-front",
        fault: |world| {
            world.livekit.version = Version::Newest;
            http_front(world, "location / { @PASS@ }");
        },
        flags: NEWEST,
        inconclusive: NEWEST_OPEN,
        browser: GETS_IN,
        ..DEFAULT
    },
    Situation {
        name: "wild/browser/compliant-in-a-browser",
        caller: None,
        browser: GETS_IN,
        ..DEFAULT
    },
];
