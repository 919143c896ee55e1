//! Users, and who can help them.

use super::super::caller::{Caller, Right};
use super::super::network::Place;
use super::super::office::Between;
use super::super::users::{CUT_OFF, FREE, NOBODY_IS_LET_IN, User, letting_out};
use super::super::world::{Front, Program, Version, World};

/// A user of a deployment with another certificate for its domain.
fn with_certificate(name: &'static str) -> World {
    let mut world = World::default_policy();
    world.proxy.api_certificate = name;
    world
}

/// The API goes through nginx's `http` block, as in the guide's newer variant.
fn behind_http_front(locations: &'static str) -> World {
    let mut world = World::default_policy();
    world.proxy.front = Front::NginxAdvanced;
    world.proxy.locations = locations;
    world
}

/// What leaves is DNS and a TCP connection to the network's HTTP proxy. This is its configuration.
fn behind_http_proxy(rules: &'static [(&'static str, &'static str)]) -> World {
    let mut world = letting_out(
        "iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client ip daddr 192.0.2.53 tcp dport 3128 accept
        iifname client reject",
    );
    world.programs.push(Program {
        name: "squid-of-the-office",
        place: Place::Outside,
        program: "squid",
        arguments: &["-N", "-f", "@DIR@/office-squid.conf"],
        files: rules,
        listens: &[("tcp", 3128)],
    });
    world
}

const SQUID: &str = "http_port 3128
dns_nameservers 192.0.2.53
shutdown_lifetime 0 seconds
cache deny all
access_log none
cache_log /dev/null
netdb_filename none
pid_filename none
coredump_dir @DIR@
";

const PROXY_SET: &[(&str, &str)] = &[("HTTPS_PROXY", "http://192.0.2.53:3128")];

const ONLY_443: &str = "iifname client tcp dport 443 accept
        iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client drop";

const NO_DTLS_OVER_IPV4: &str =
    "iifname client ip protocol udp udp dport 50000-60000 @th,64,8 0x16 drop";

pub const USERS: &[User] = &[
    User {
        name: "wild/users/certificate-expired",
        world: || with_certificate("api-expired"),
        stops: NOBODY_IS_LET_IN,
        begins: &[
            "✗ openvidu.example.io TCP 443 (203.0.113.10): certificate: the certificate",
            "expired on",
        ],
        says: &["tell the operator of openvidu.example.io", "certbot renew"],
        asks: &["To: the operator of openvidu.example.io", "3 days ago", "203.0.113.10"],
        hides: &["without inspection", "the administrator of this network for"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/issuer-not-sent",
        world: || with_certificate("api-bare"),
        stops: NOBODY_IS_LET_IN,
        asks: &["To: the operator of openvidu.example.io", "intermediate", "TLS inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/issuer-not-sent-without-a-hint",
        world: || with_certificate("api-lonely"),
        stops: NOBODY_IS_LET_IN,
        asks: &["To: the operator of openvidu.example.io", "intermediate", "TLS inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/issuer-not-sent-by-a-public-authority",
        world: || with_certificate("api-logged"),
        stops: NOBODY_IS_LET_IN,
        // What a certificate says of public logs can be copied.
        asks: &["To: the operator of openvidu.example.io", "intermediate", "TLS inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/certificate-self-signed",
        world: || with_certificate("api-self-signed"),
        stops: NOBODY_IS_LET_IN,
        says: &["most likely on the server"],
        asks: &[
            "To: the operator of openvidu.example.io",
            "A page of this network that blocks the site would look the same",
        ],
        hides: &["without inspection", "cannot help"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/certificate-for-another-name",
        world: || with_certificate("api-wrong-name"),
        stops: NOBODY_IS_LET_IN,
        asks: &["To: the operator of openvidu.example.io"],
        hides: &["without inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/turn-certificate-self-signed-and-only-443-leaves",
        world: || {
            let mut world = letting_out(ONLY_443);
            world.proxy.turn_certificate = "turn-self-signed";
            world
        },
        stops: &[
            ("udp", "check"),
            ("ice-tcp", "tcp"),
            ("turn-udp", "allocation"),
            ("turns", "certificate"),
        ],
        causes: &[("udp_blocked", false)],
        ..CUT_OFF
    },
    User {
        name: "wild/users/api-is-down",
        world: || {
            let mut world = World::default_policy();
            world.has_livekit = false;
            world
        },
        stops: NOBODY_IS_LET_IN,
        says: &["The token was not even read"],
        asks: &["To: the operator of openvidu.example.io"],
        hides: &["refuses these credentials", "lets nobody in with", "without inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/api-is-down-behind-http",
        world: || {
            let mut world = behind_http_front("location / { @PASS@ }");
            world.has_livekit = false;
            world
        },
        stops: NOBODY_IS_LET_IN,
        says: &["502", "The token was not even read"],
        asks: &["To: the operator of openvidu.example.io", "502"],
        hides: &["refuses these credentials", "without inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/websocket-is-stripped",
        world: || {
            let mut world = behind_http_front("location / { @PASS@ }");
            world.proxy.passes_upgrades = false;
            world
        },
        stops: NOBODY_IS_LET_IN,
        says: &["Upgrade"],
        asks: &["To: the operator of openvidu.example.io", "Upgrade"],
        hides: &["refuses these credentials"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/room-is-full",
        world: || {
            let mut world = World::default_policy();
            world.has_guest = true;
            world.livekit.room = "max_participants: 1";
            world
        },
        caller: Caller::with(Right::TokenForTheMeeting),
        stops: NOBODY_IS_LET_IN,
        says: &["max_participants"],
        asks: &["To: the operator of openvidu.example.io", "max_participants"],
        hides: &["refuses these credentials"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/http-proxy-does-not-let-turn-through",
        world: || {
            const RULES: &[(&str, &str)] = &[
                (
                    "office-squid.conf",
                    "acl ok dstdomain openvidu.example.io
http_access allow ok
http_access deny all
include @DIR@/office-squid-common.conf
",
                ),
                ("office-squid-common.conf", SQUID),
            ];
            behind_http_proxy(RULES)
        },
        environment: PROXY_SET,
        stops: &[
            ("udp", "check"),
            ("ice-tcp", "http_proxy"),
            ("turn-udp", "allocation"),
            ("turns", "http_proxy"),
        ],
        causes: &[("proxy_needed", true), ("udp_blocked", false)],
        says: &["CONNECT turn.example.io:443", "403"],
        asks: &[
            "To: the administrator of",
            "1. CONNECT to turn.example.io (named by the server), port 443",
        ],
        hides: &["a DNS server", "DNS:"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/http-proxy-asks-for-a-password",
        world: || {
            const RULES: &[(&str, &str)] = &[
                (
                    "office-squid.conf",
                    "auth_param basic program /usr/lib/squid/basic_ncsa_auth @DIR@/office-passwords
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
include @DIR@/office-squid-common.conf
",
                ),
                ("office-squid-common.conf", SQUID),
                ("office-passwords", "nobody:x\n"),
            ];
            behind_http_proxy(RULES)
        },
        environment: PROXY_SET,
        stops: NOBODY_IS_LET_IN,
        causes: &[("proxy_refuses", true)],
        begins: &["407"],
        says: &["http://USER:PASSWORD@"],
        asks: &["There is no letter to write"],
        hides: &["CONNECT to openvidu.example.io", "To:"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/http-proxy-cannot-reach-turn",
        world: || {
            // The proxy's own resolver knows nothing of the TURN name: 503.
            const RULES: &[(&str, &str)] = &[
                (
                    "office-squid.conf",
                    "acl lost dstdomain turn.example.io
http_access allow all
cache_peer 192.0.2.53 parent 9 0 no-query
cache_peer_access 192.0.2.53 allow lost
never_direct allow lost
include @DIR@/office-squid-common.conf
",
                ),
                ("office-squid-common.conf", SQUID),
            ];
            behind_http_proxy(RULES)
        },
        environment: PROXY_SET,
        works: &["ice-tcp"],
        stops: &[("udp", "check"), ("turn-udp", "allocation"), ("turns", "http_proxy")],
        causes: &[("proxy_needed", true), ("udp_blocked", false)],
        says: &["cannot connect to turn.example.io:443"],
        hides: &["a DNS server", "DNS:", "does not allow"],
        ..FREE
    },
    User {
        name: "wild/users/clock-400-days-behind",
        world: || with_certificate("api-new"),
        around: &["faketime", "-f", "-400d"],
        stops: NOBODY_IS_LET_IN,
        causes: &[("own_clock", true)],
        says: &["clock", "400 days"],
        asks: &["There is no letter to write"],
        hides: &["To:", "without inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/clock-two-hours-behind",
        world: || with_certificate("api-new"),
        around: &["faketime", "-f", "-2h"],
        stops: NOBODY_IS_LET_IN,
        causes: &[("own_clock", true)],
        says: &["clock", "2 hours"],
        asks: &["There is no letter to write"],
        hides: &["To:", "without inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/clock-a-hundred-years-ahead",
        around: &["faketime", "-f", "+36500d"],
        stops: NOBODY_IS_LET_IN,
        causes: &[("own_clock", false)],
        says: &["clock"],
        asks: &["There is no letter to write"],
        hides: &["certbot", "To:"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/own-firewall-drops",
        prepares: [
            "nft 'table inet u { chain o { type filter hook output priority 0; oif lo accept; \
             meta l4proto icmpv6 accept; udp dport 53 accept; tcp dport 443 accept; drop; }; }'",
            "nft delete table inet u",
        ],
        works: &["turns"],
        stops: &[("udp", "unknown"), ("ice-tcp", "tcp"), ("turn-udp", "unknown")],
        causes: &[("own_firewall", true)],
        says: &["firewall of this computer"],
        asks: &["There is no letter to write", "firewall of this computer"],
        hides: &["no relay was asked for", "To:", "on the server"],
        ..FREE
    },
    User {
        name: "wild/users/own-firewall-rejects",
        prepares: [
            "nft 'table inet u { chain o { type filter hook output priority 0; oif lo accept; \
             meta l4proto icmpv6 accept; udp dport 53 accept; tcp dport 443 accept; reject; }; }'",
            "nft delete table inet u",
        ],
        works: &["turns"],
        stops: &[("udp", "unknown"), ("ice-tcp", "unknown"), ("turn-udp", "unknown")],
        causes: &[("own_firewall", true)],
        says: &["firewall of this computer"],
        asks: &["There is no letter to write", "firewall of this computer"],
        hides: &["no relay was asked for", "To:", "on the server"],
        ..FREE
    },
    User {
        name: "wild/users/own-firewall-blocks-udp",
        prepares: [
            "nft 'table inet u { chain o { type filter hook output priority 0; oif lo accept; \
             udp dport 53 accept; meta l4proto udp drop; }; }'",
            "nft delete table inet u",
        ],
        works: &["ice-tcp", "turns"],
        stops: &[("udp", "unknown"), ("turn-udp", "unknown")],
        causes: &[("own_firewall", true)],
        says: &["firewall of this computer"],
        asks: &["There is no letter to write"],
        hides: &["To:"],
        ..FREE
    },
    User {
        name: "wild/users/own-firewall-blocks-everything",
        prepares: [
            "nft 'table inet u { chain o { type filter hook output priority 0; oif lo accept; \
             meta l4proto icmpv6 accept; udp dport 53 accept; reject; }; }'",
            "nft delete table inet u",
        ],
        stops: NOBODY_IS_LET_IN,
        causes: &[("own_firewall", true)],
        asks: &["There is no letter to write", "firewall of this computer"],
        hides: &["To:"],
        exit: 3,
        ..CUT_OFF
    },
    User {
        name: "wild/users/dtls-dropped-over-ipv4",
        world: || letting_out(NO_DTLS_OVER_IPV4),
        works: &["udp", "ice-tcp", "turn-udp", "turns"],
        ..FREE
    },
    User {
        name: "wild/users/dtls-dropped",
        world: || letting_out("iifname client udp dport 50000-60000 @th,64,8 0x16 drop"),
        works: &["ice-tcp", "turn-udp", "turns"],
        stops: &[("udp", "dtls")],
        begins: &["calls can fail from here", "DTLS: only STUN passes"],
        asks: &["To: the administrator of this network", "DTLS as well as STUN"],
        hides: &["nothing to ask for", "DTLS not tested"],
        ..FREE
    },
    User {
        name: "wild/users/dtls-dropped-everywhere-in-the-newest-livekit",
        world: || {
            let mut world = letting_out(
                "iifname client udp dport 50000-60000 @th,64,8 0x16 drop
        iifname client tcp dport 7881 drop
        iifname client udp dport 443 drop",
            );
            world.livekit.version = Version::Newest;
            world
        },
        works: &["turns"],
        stops: &[("udp", "dtls"), ("ice-tcp", "tcp"), ("turn-udp", "allocation")],
        begins: &["calls can fail from here"],
        asks: &["To: the administrator of this network", "DTLS as well as STUN"],
        ..FREE
    },
    User {
        name: "wild/users/only-the-turn-name-is-inspected",
        world: || {
            let mut world = letting_out(ONLY_443);
            world.proxy.turn_certificate = "office-turn";
            world
        },
        stops: &[
            ("udp", "check"),
            ("ice-tcp", "tcp"),
            ("turn-udp", "allocation"),
            ("turns", "certificate"),
        ],
        causes: &[("tls_inspection", false), ("udp_blocked", false)],
        asks: &["To: the administrator of", "turn.example.io"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/nobody-is-there",
        world: || {
            let mut world = World::default_policy();
            world.domain = ["203.0.113.66", "2001:db8:5::66"];
            world
        },
        stops: NOBODY_IS_LET_IN,
        causes: &[("nothing_leaves", false)],
        asks: &["There is no letter to write yet", "another network"],
        hides: &["To:"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/the-name-does-not-exist",
        world: || {
            let mut world = World::default_policy();
            world.records = Some("turn IN A 203.0.113.10");
            world
        },
        stops: NOBODY_IS_LET_IN,
        asks: &["There is no letter to write", "spelled"],
        hides: &["To:"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/one-address-of-two-is-dead",
        world: || {
            let mut world = World::default_policy();
            world.records = Some(
                "openvidu IN A 203.0.113.66\nopenvidu IN A 203.0.113.10\nturn IN A 203.0.113.10",
            );
            world
        },
        ..FREE
    },
    User {
        name: "wild/users/the-proxy-cannot-read-the-turn-certificate-and-only-443-leaves",
        world: || {
            let mut world = letting_out(ONLY_443);
            world.proxy.turn_certificate = "nowhere";
            world
        },
        stops: &[
            ("udp", "check"),
            ("ice-tcp", "tcp"),
            ("turn-udp", "allocation"),
            ("turns", "tls"),
        ],
        causes: &[("udp_blocked", false)],
        asks: &[
            "To: the administrator of this network",
            "To: the operator of openvidu.example.io",
            "a certificate and a key for turn.example.io that it can read",
        ],
        ..CUT_OFF
    },
    User {
        name: "wild/users/turn-expired-where-udp-works",
        world: || {
            let mut world = World::default_policy();
            world.proxy.turn_certificate = "turn-expired";
            world
        },
        works: &["udp", "ice-tcp", "turn-udp"],
        stops: &[("turns", "certificate")],
        says: &["tell the operator of openvidu.example.io"],
        asks: &[
            "To: the operator of openvidu.example.io",
            "turn.example.io",
            "expired on 2020-01-01",
        ],
        hides: &["without inspection", "the administrator of"],
        ..FREE
    },
    User {
        name: "wild/users/large-packets-are-lost",
        world: || letting_out("iifname client meta l4proto udp meta length > 900 drop"),
        works: &["udp", "ice-tcp", "turn-udp", "turns"],
        begins: &["video freezes", "large packets are lost on 2 of 4 media paths"],
        asks: &["To: the administrator of this network", "1,200 bytes"],
        hides: &["nothing to ask for"],
        ..FREE
    },
    User {
        name: "wild/users/a-login-stands-before-the-api",
        world: || behind_http_front("location / { return 302 https://auth.example.net/?rd=$uri; }"),
        stops: NOBODY_IS_LET_IN,
        says: &["302"],
        asks: &["To: the operator of openvidu.example.io", "302", "every login"],
        hides: &["refuses these credentials"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/a-filter-refuses-the-join",
        world: || behind_http_front("location / { return 403; }"),
        stops: NOBODY_IS_LET_IN,
        says: &["403"],
        asks: &["To: the operator of openvidu.example.io", "403"],
        hides: &["refuses these credentials", "without inspection"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/the-media-range-is-closed-by-a-stateful-firewall",
        world: || {
            let mut world = World::default_policy();
            world.node().from_anywhere =
                vec!["udp dport { 443, 7885 } accept", "tcp dport { 7881, 9000 } accept"];
            world
        },
        works: &["ice-tcp", "turn-udp", "turns"],
        stops: &[("udp", "check")],
        says: &["may still get it, because the server sends checks too"],
        ..FREE
    },
    User {
        name: "wild/users/with-a-token-dtls-is-dropped",
        world: || {
            let mut world = letting_out("iifname client udp dport 50000-60000 @th,64,8 0x16 drop");
            world.has_guest = true;
            world
        },
        caller: Caller::with(Right::TokenForTheMeeting),
        works: &["ice-tcp", "turn-udp", "turns"],
        stops: &[("udp", "dtls")],
        hides: &["DTLS not tested"],
        ..FREE
    },
    User {
        name: "wild/users/a-challenge-stands-before-the-api",
        world: || {
            behind_http_front(
                "location / { add_header cf-mitigated challenge always; default_type text/html; \
                 return 403 '<title>Just a moment...</title>'; }",
            )
        },
        stops: NOBODY_IS_LET_IN,
        begins: &["Cloudflare refuses the join"],
        says: &["no WebSocket and no server can give", "Exempt /rtc"],
        asks: &["To: the operator of openvidu.example.io", "Cloudflare", "Exempt /rtc"],
        hides: &["refuses these credentials", "the administrator of this network for"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/a-web-filter-answers-plain-http-and-refuses-the-rest",
        world: || {
            let mut world = letting_out(
                "iifname client ip daddr 192.0.2.53 udp dport 53 accept
        iifname client tcp dport 443 reject with tcp reset
        iifname client drop",
            );
            world.put_between(Between::WebFilter);
            world
        },
        stops: NOBODY_IS_LET_IN,
        causes: &[("filtered", false)],
        says: &["a FortiGate firewall"],
        asks: &[
            "To: the administrator of this network",
            "an exception in the web filter",
            "UDP to the media servers, port 443",
            "has not confirmed them",
        ],
        hides: &["requires a login first", "certbot"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/an-application-firewall-rejects-the-join",
        world: || {
            behind_http_front(
                "location / { default_type text/html; return 200 '<html><head><title>Request \
                 Rejected</title></head><body>The requested URL was rejected. Please consult with \
                 your administrator. Your support ID is: 1234567890</body></html>'; }",
            )
        },
        stops: NOBODY_IS_LET_IN,
        asks: &["To: the operator of openvidu.example.io", "F5"],
        hides: &["the administrator of this network for"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/clock-two-hours-ahead-of-a-token-for-an-hour",
        world: || {
            let mut world = World::default_policy();
            world.has_guest = true;
            world
        },
        caller: Caller::with(Right::TokenFor(3600)),
        around: &["faketime", "-f", "+2h"],
        hides: &["expired"],
        ..FREE
    },
    User {
        name: "wild/users/clock-two-hours-behind-a-token-that-has-expired",
        world: || {
            let mut world = World::default_policy();
            world.has_guest = true;
            world
        },
        caller: Caller::with(Right::TokenFor(-3600)),
        around: &["faketime", "-f", "-2h"],
        stops: NOBODY_IS_LET_IN,
        causes: &[("own_clock", false)],
        says: &["clock", "2 hours"],
        asks: &["There is no letter to write"],
        hides: &["ask the person who gave them"],
        ..CUT_OFF
    },
    User {
        name: "wild/users/token-of-an-hour-ago",
        world: || {
            let mut world = World::default_policy();
            world.has_guest = true;
            world
        },
        caller: Caller::with(Right::TokenFor(-3600)),
        stops: NOBODY_IS_LET_IN,
        says: &["it has expired", "the person who gave them to you"],
        asks: &["There is no letter to write"],
        hides: &["clock"],
        ..CUT_OFF
    },
];
