//! Our own place: its clock, its addresses, its route, and what stands between.

use super::super::caller::Caller;
use super::super::network::Place;
use super::super::office::Between;
use super::super::situations::{
    DEFAULT, Declared, List, PROVEN, SUSPECTED, Situation, UNSETTLED, VANTAGE_LIMIT,
};
use super::super::world::{Front, Program, World};

/// A moment decides which rules are concerned, and in which family.
const SOME: List = &[("*", UNSETTLED), ("*", VANTAGE_LIMIT)];

/// What is seen depends on the place alone.
const EVERYTHING: List = &[("*", UNSETTLED)];

pub const SITUATIONS: &[Situation] = &[
    // --- the clock -----------------------------------------------------------------------------
    Situation {
        name: "wild/place/clock-400-days-ahead",
        around: &["faketime", "-f", "+400d"],
        warnings: &[("signal/clock-agrees", SUSPECTED)],
        says: &[("signal/clock-agrees", "the server's clock is 400 days behind this machine's")],
        hides: &["34560"],
        ..DEFAULT
    },
    Situation {
        name: "wild/place/clock-400-days-behind",
        around: &["faketime", "-f", "-400d"],
        warnings: &[("signal/clock-agrees", SUSPECTED)],
        says: &[("signal/clock-agrees", "400 days ahead of")],
        ..DEFAULT
    },
    Situation {
        name: "wild/place/clock-behind-the-end-of-certificates",
        around: &["faketime", "2101-01-01 00:00:00"],
        inconclusive: &[
            ("http/acme-path-not-redirected", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("signal/clock-agrees", UNSETTLED),
            ("tls/not-expired", UNSETTLED),
        ],
        shows: &["this machine's clock is probably wrong", "timedatectl"],
        hides: &["certbot", "expired on"],
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/clock-of-1970",
        around: &["faketime", "1970-01-02 00:00:00"],
        inconclusive: &[
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("signal/clock-agrees", UNSETTLED),
            ("tls/not-expired", UNSETTLED),
        ],
        shows: &["this machine's clock is probably wrong"],
        hides: &["certbot"],
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/clock-of-2039",
        around: &["faketime", "2039-01-01 00:00:00"],
        warnings: &[("signal/clock-agrees", SUSPECTED)],
        ..DEFAULT
    },
    Situation {
        name: "wild/place/clock-two-hours-behind",
        around: &["faketime", "-f", "-2h"],
        warnings: &[("signal/clock-agrees", SUSPECTED)],
        says: &[("signal/clock-agrees", "2 hours ahead of")],
        ..DEFAULT
    },
    // The token is ours, made by our clock.
    Situation {
        name: "wild/place/clock-ten-minutes-ahead-in-a-call",
        around: &["faketime", "-f", "+10m"],
        caller: Some(Caller::OPERATOR),
        warnings: &[("signal/clock-agrees", SUSPECTED)],
        inconclusive: &[
            ("call/join-accepted", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        shows: &["this machine's clock is 10 minutes ahead of the server's"],
        exit: 3,
        ..DEFAULT
    },
    // Expired by any clock.
    Situation {
        name: "wild/place/clock-ahead-and-a-certificate-that-expired-long-ago",
        fault: |world| world.proxy.turn_certificate = "turn-expired",
        around: &["faketime", "-f", "+400d"],
        errors: &[("tls/not-expired", PROVEN)],
        warnings: &[("http/acme-path-not-redirected", PROVEN), ("signal/clock-agrees", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
    // --- large packets -------------------------------------------------------------------------
    Situation {
        name: "wild/place/large-packets-are-lost-to-us",
        fault: |world| small_packets(world, "oifname client meta length > 1000 drop"),
        inconclusive: &[
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("tls/handshake-completes", UNSETTLED),
        ],
        shows: &["large packets are lost on the way from", "maxseg"],
        hides: &["proxy_protocol", "is \"ssl\" missing"],
        fewest_passes: 10,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/large-packets-are-lost-both-ways",
        fault: |world| small_packets(world, "meta length > 1000 drop"),
        inconclusive: &[
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("tls/handshake-completes", UNSETTLED),
        ],
        shows: &["large packets are lost on the way from"],
        hides: &["proxy_protocol"],
        fewest_passes: 10,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/large-packets-are-lost-from-us",
        fault: |world| small_packets(world, "iifname client meta length > 1000 drop"),
        inconclusive: &[
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("rtmp/rtmps-handshakes", UNSETTLED),
            ("tls/browsers-accept", UNSETTLED),
        ],
        shows: &["large packets are lost on the way from this machine"],
        hides: &["nothing answers behind"],
        exit: 3,
        ..DEFAULT
    },
    // A VPN with a small MTU whose administrator let ICMP of one family through.
    Situation {
        name: "wild/place/large-packets-are-lost-to-us-over-ipv6-alone",
        fault: |world| {
            small_packets(world, "oifname client meta nfproto ipv6 meta length > 1000 drop");
        },
        inconclusive: &[
            ("dns/families-agree", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("tls/handshake-completes", UNSETTLED),
        ],
        shows: &["large packets are lost on the way from"],
        hides: &["proxy_protocol"],
        exit: 3,
        ..DEFAULT
    },
    // A firewall before the web server drops what fills a segment; only browsers send that.
    Situation {
        name: "wild/place/large-packets-are-lost-from-us-to-the-web-alone",
        fault: |world| {
            small_packets(world, "iifname client tcp dport 443 meta length > 1000 drop");
        },
        inconclusive: &[
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("tls/browsers-accept", UNSETTLED),
        ],
        shows: &["large packets are lost on the way from this machine"],
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/large-packets-are-lost-from-us-to-the-web-over-ipv6-alone",
        fault: |world| {
            small_packets(
                world,
                "iifname client meta nfproto ipv6 tcp dport 443 meta length > 1000 drop",
            );
        },
        inconclusive: &[
            ("dns/families-agree", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("tls/browsers-accept", UNSETTLED),
        ],
        shows: &["large packets are lost on the way from this machine"],
        exit: 3,
        ..DEFAULT
    },
    // --- shut out in the middle ----------------------------------------------------------------
    Situation {
        name: "wild/place/banned-in-the-middle",
        fault: |world| ban(world, "drop"),
        inconclusive: SOME,
        shows: &["something probably blocks this machine since", "exception"],
        hides: &["keeps us out", "is down:", "firewall probably does not allow this machine"],
        fewest_passes: 5,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/banned-in-the-middle-by-rejection",
        fault: |world| ban(world, "reject with icmpx type admin-prohibited"),
        inconclusive: SOME,
        shows: &["something probably blocks this machine since"],
        fewest_passes: 5,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/banned-for-refused-requests",
        fault: |world| {
            world.proxy.front = Front::NginxAdvanced;
            world.proxy.locations = "access_log syslog:server=127.0.0.1:5140;
            location / { @PASS@ }";
            world.programs.push(Program {
                name: "bans-after-refusals",
                place: Place::Proxy,
                program: "python3",
                arguments: &[
                    "@FIXTURES@/wild/bans_after_refusals.py",
                    "5140",
                    "1",
                    "198.51.100.0/24",
                    "2001:db8:c::/64",
                ],
                files: &[],
                listens: &[("udp", 5140)],
            });
        },
        inconclusive: SOME,
        shows: &["something probably blocks this machine since", "exception"],
        hides: &["is down:", "firewall probably does not allow this machine"],
        fewest_passes: 5,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/the-proxy-resets-after-eight-connections",
        fault: |world| {
            world.proxy_firewall().translation = "chain prerouting {\n        type nat hook prerouting priority dstnat\n        \
                 iifname eth0 tcp dport 443 redirect to :9443\n    }";
            world.proxy_firewall().from_anywhere.push("tcp dport 9443 accept");
            world.programs.push(Program {
                name: "limits-connections",
                place: Place::Proxy,
                program: "python3",
                arguments: &["@FIXTURES@/wild/limits_connections.py", "9443", "443", "8"],
                files: &[],
                listens: &[("tcp", 9443)],
            });
        },
        inconclusive: SOME,
        shows: &["something probably blocks this machine since"],
        fewest_passes: 5,
        exit: 3,
        ..DEFAULT
    },
    // --- from inside ---------------------------------------------------------------------------
    Situation {
        name: "wild/place/behind-the-deployment-without-loopback",
        fault: |world| {
            world.router().first = "tcp dport { 8080, 8443 } accept";
            world.router().forwarded = FROM_INSIDE;
            world.router().translation = AS_THE_PROXY;
            world.programs.push(ROUTER_PAGE);
        },
        inconclusive: &[
            ("ports/openvidu-tcp-1945", UNSETTLED),
            ("ports/openvidu-tcp-5349", UNSETTLED),
            ("ports/openvidu-tcp-7880", UNSETTLED),
            ("ports/openvidu-tcp-7881", UNSETTLED),
            ("ports/openvidu-tcp-9000", UNSETTLED),
            ("ports/openvidu-udp-443", UNSETTLED),
            ("ports/openvidu-udp-50000-60000", UNSETTLED),
            ("ports/openvidu-udp-7885", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("ports/proxy-tcp-1935", UNSETTLED),
            ("ports/proxy-tcp-443", UNSETTLED),
            ("ports/proxy-tcp-80", UNSETTLED),
            ("ports/minio-buckets-need-login", UNSETTLED),
            ("ports/mongodb-needs-login", UNSETTLED),
            ("ports/redis-needs-password", UNSETTLED),
            ("ports/undocumented-closed", UNSETTLED),
        ],
        shows: &["this machine is behind the address that it tests", "NAT loopback"],
        hides: &["certbot"],
        fewest_passes: 2,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/behind-the-deployment-and-no-stun-server-says-so",
        fault: |world| {
            world.router().first = "tcp dport { 8080, 8443 } accept";
            world.router().forwarded = FROM_INSIDE_WITHOUT_STUN;
            world.router().translation = PAGE_OF_THE_ROUTER;
            world.programs.push(ROUTER_PAGE);
        },
        errors: &[
            ("http/port-80-redirects-to-https", SUSPECTED),
            ("signal/api-answers", SUSPECTED),
            ("tls/chain-verifies", SUSPECTED),
            ("tls/name-matches", SUSPECTED),
            ("tls/tls13-accepted", SUSPECTED),
            ("turn/turns-answers-binding", SUSPECTED),
        ],
        warnings: &[("ports/undocumented-closed", SUSPECTED)],
        inconclusive: &[
            ("dns/families-agree", UNSETTLED),
            ("ports/openvidu-tcp-1945", UNSETTLED),
            ("ports/openvidu-tcp-5349", UNSETTLED),
            ("ports/openvidu-tcp-7880", UNSETTLED),
            ("ports/openvidu-tcp-7881", UNSETTLED),
            ("ports/openvidu-tcp-9000", UNSETTLED),
            ("ports/openvidu-udp-443", UNSETTLED),
            ("ports/openvidu-udp-50000-60000", UNSETTLED),
            ("ports/openvidu-udp-7885", UNSETTLED),
            ("ports/proxy-tcp-1935", UNSETTLED),
            ("ports/proxy-tcp-443", UNSETTLED),
            ("ports/proxy-tcp-80", UNSETTLED),
            ("ports/minio-buckets-need-login", UNSETTLED),
            ("ports/mongodb-needs-login", UNSETTLED),
            ("ports/redis-needs-password", UNSETTLED),
            ("ports/undocumented-closed", UNSETTLED),
        ],
        shows: &["may not lead to the deployment from here", "possible cause"],
        fewest_passes: 2,
        exit: 1,
        ..DEFAULT
    },
    // The router loops back: what is answered is the deployment's.
    Situation {
        name: "wild/place/behind-the-deployment-with-loopback",
        fault: |world| world.router().translation = LOOPED_BACK,
        inconclusive: &[
            ("ports/openvidu-tcp-1945", UNSETTLED),
            ("ports/openvidu-tcp-5349", UNSETTLED),
            ("ports/openvidu-tcp-7880", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
            ("ports/minio-buckets-need-login", UNSETTLED),
            ("ports/mongodb-needs-login", UNSETTLED),
            ("ports/redis-needs-password", UNSETTLED),
            ("ports/undocumented-closed", UNSETTLED),
            ("rtmp/plaintext-refused", UNSETTLED),
            ("tls/legacy-refused", UNSETTLED),
            ("tls/unknown-name-reaches-no-backend", UNSETTLED),
        ],
        shows: &["this machine is behind the address that it tests"],
        exit: 3,
        ..DEFAULT
    },
    // --- somebody answers for the deployment ---------------------------------------------------
    Situation {
        name: "wild/place/tls-inspection",
        fault: |world| world.put_between(Between::TlsInspection),
        errors: &[("*", SUSPECTED)],
        warnings: &[("ports/undocumented-closed", SUSPECTED)],
        inconclusive: &[("ports/openvidu-udp-7885", VANTAGE_LIMIT)],
        fewest_passes: 5,
        shows: &["a device in this network may open TLS", "possible cause"],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/captive-portal",
        fault: |world| {
            world.put_between(Between::CaptivePortal);
            world.router().forwarded = "iifname client tcp dport 1-65535 drop";
        },
        inconclusive: SOME,
        shows: &["a captive portal answers", "portal.cafe.example"],
        hides: &["certbot"],
        fewest_passes: 5,
        exit: 3,
        ..DEFAULT
    },
    // --- the only way out is a proxy -----------------------------------------------------------
    Situation {
        name: "wild/place/only-the-http-proxy-gets-out",
        fault: |world| world.router().forwarded = NOTHING_BUT_DNS,
        around: ONLY_BY_PROXY,
        inconclusive: EVERYTHING,
        shows: &[
            "this machine has an HTTP proxy configured (192.0.2.53:3128)",
            "ovcheck call",
            "direct access",
        ],
        hides: &["keeps us out", "Open the port", "hush"],
        fewest_passes: 4,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/only-the-http-proxy-gets-out-and-the-rest-is-refused",
        fault: |world| {
            world.router().forwarded = "iifname client udp dport 53 accept
        iifname client meta l4proto tcp reject with tcp reset
        iifname client reject with icmpx type admin-prohibited";
        },
        around: ONLY_BY_PROXY,
        inconclusive: EVERYTHING,
        shows: &["this machine has an HTTP proxy configured (192.0.2.53:3128)"],
        hides: &["Start the", "Open the port"],
        fewest_passes: 4,
        exit: 3,
        ..DEFAULT
    },
    // Even names are the proxy's business there.
    Situation {
        name: "wild/place/the-inner-dns-server-knows-no-names-of-the-internet",
        fault: |world| {
            world.router().forwarded = "iifname client udp dport 5300 accept
        iifname client drop";
            world.programs.push(INNER_DNS_SERVER);
        },
        around: ONLY_BY_PROXY,
        inconclusive: EVERYTHING,
        shows: &["this machine has an HTTP proxy configured"],
        hides: &["Create the record", "does not exist (NXDOMAIN)"],
        fewest_passes: 0,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/an-http-proxy-is-configured-and-not-needed",
        around: ONLY_BY_PROXY,
        hides: &["HTTP proxy configured"],
        ..DEFAULT
    },
    // --- private networks are many -------------------------------------------------------------
    Situation {
        name: "wild/place/a-private-address-is-somebody-else-s-here",
        fault: |world| {
            world.records = Some("openvidu A 192.168.1.10\nturn A 192.168.1.10");
            world.router().first = "tcp dport { 8080, 8443 } accept";
            world.router().translation = PAGE_OF_A_HOME_ROUTER;
            world.programs.push(ROUTER_PAGE);
        },
        declared: Declared::Names,
        flags: &["--node=proxy=192.168.1.10", "--node=openvidu=192.168.1.20"],
        warnings: &[("dns/addresses-are-public", PROVEN)],
        inconclusive: EVERYTHING,
        shows: &["may not belong to the deployment", "a router or another device"],
        hides: &["certbot", "Open the port", "openssl", "IN A 192.168.1.10"],
        fewest_passes: 1,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "wild/place/a-private-address-of-one-machine-is-somebody-else-s-here",
        fault: |world| {
            world.router().translation = PAGE_OF_A_HOME_ROUTER;
        },
        declared: Declared::Names,
        flags: &["--node=proxy=203.0.113.10,2001:db8:5::10", "--node=openvidu=192.168.1.20"],
        inconclusive: EVERYTHING,
        shows: &["192.168.1.20 is a private address"],
        hides: &["Open the port", "Start the"],
        fewest_passes: 10,
        exit: 3,
        ..DEFAULT
    },
];

/// It knows no name of the internet, and nobody else can be asked.
const INNER_DNS_SERVER: Program = Program {
    name: "inner-dns-server",
    place: Place::Outside,
    program: "dnsmasq",
    arguments: &[
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--port=5300",
        "--listen-address=192.0.2.53",
        "--bind-interfaces",
        "--user=root",
        "--pid-file=",
        "--address=/#/",
    ],
    files: &[],
    listens: &[("udp", 5300)],
};

/// The variable that a company sets on its machines.
const ONLY_BY_PROXY: &[&str] = &["HTTPS_PROXY=http://me:hush@192.0.2.53:3128"];

const NOTHING_BUT_DNS: &str = "iifname client udp dport 53 accept
        iifname client drop";

/// The page of the router in a living room.
const PAGE_OF_A_HOME_ROUTER: &str = "chain prerouting {
        type nat hook prerouting priority dstnat
        iifname client ip daddr 192.168.1.10 tcp dport 443 redirect to :8443
        iifname client ip daddr 192.168.1.10 tcp dport 80 redirect to :8080
        iifname client ip daddr 192.168.1.20 dnat ip to 192.0.2.80
    }";

/// Packets are as long as on a real wire, and this happens to them.
fn small_packets(world: &mut World, rule: &'static str) {
    world.router().forwarded = rule;
    world.programs.extend([REAL_SEGMENTS_OF_PROXY, REAL_SEGMENTS_OF_CLIENT]);
}

const REAL_SEGMENTS_OF_PROXY: Program = Program {
    name: "real-segments-of-proxy",
    place: Place::Proxy,
    program: "python3",
    arguments: &["@FIXTURES@/wild/real_segments.py", "eth0", "9999"],
    files: &[],
    listens: &[("tcp", 9999)],
};

const REAL_SEGMENTS_OF_CLIENT: Program =
    Program { name: "real-segments-of-client", place: Place::Client, ..REAL_SEGMENTS_OF_PROXY };

/// Who sends more than ten pieces of data to 443 in two seconds is shut out of everything.
fn ban(world: &mut World, by: &'static str) {
    let router = world.router();
    router.translation = match by {
        "drop" => {
            "set banned_v4 { type ipv4_addr; flags dynamic, timeout; timeout 1m; }
    set banned_v6 { type ipv6_addr; flags dynamic, timeout; timeout 1m; }
    set busy_v4 { type ipv4_addr; flags dynamic; }
    set busy_v6 { type ipv6_addr; flags dynamic; }
    chain ban {
        type filter hook forward priority filter - 1; policy accept;
        iifname client ip saddr @banned_v4 drop
        iifname client ip6 saddr @banned_v6 drop
        iifname client tcp dport 443 tcp flags & psh == psh update @busy_v4 { ip saddr limit rate over 5/second burst 10 packets } add @banned_v4 { ip saddr } drop
        iifname client tcp dport 443 tcp flags & psh == psh update @busy_v6 { ip6 saddr limit rate over 5/second burst 10 packets } add @banned_v6 { ip6 saddr } drop
    }"
        }
        _ => {
            "set banned_v4 { type ipv4_addr; flags dynamic, timeout; timeout 1m; }
    set banned_v6 { type ipv6_addr; flags dynamic, timeout; timeout 1m; }
    set busy_v4 { type ipv4_addr; flags dynamic; }
    set busy_v6 { type ipv6_addr; flags dynamic; }
    chain ban {
        type filter hook forward priority filter - 1; policy accept;
        iifname client ip saddr @banned_v4 meta l4proto tcp reject with tcp reset
        iifname client ip6 saddr @banned_v6 meta l4proto tcp reject with tcp reset
        iifname client ip saddr @banned_v4 drop
        iifname client ip6 saddr @banned_v6 drop
        iifname client tcp dport 443 tcp flags & psh == psh update @busy_v4 { ip saddr limit rate over 5/second burst 10 packets } add @banned_v4 { ip saddr } drop
        iifname client tcp dport 443 tcp flags & psh == psh update @busy_v6 { ip6 saddr limit rate over 5/second burst 10 packets } add @banned_v6 { ip6 saddr } drop
    }"
        }
    };
}

/// The router's own page, in the place of the deployment, for who comes from inside.
const PAGE_OF_THE_ROUTER: &str = "chain prerouting {
        type nat hook prerouting priority dstnat
        iifname client ip daddr 203.0.113.0/24 tcp dport 443 redirect to :8443
        iifname client ip daddr 203.0.113.0/24 tcp dport 80 redirect to :8080
    }";

/// The same, and outside we are seen as the proxy's address.
const AS_THE_PROXY: &str = "chain prerouting {
        type nat hook prerouting priority dstnat
        iifname client ip daddr 203.0.113.0/24 tcp dport 443 redirect to :8443
        iifname client ip daddr 203.0.113.0/24 tcp dport 80 redirect to :8080
    }
    chain postrouting {
        type nat hook postrouting priority srcnat
        ip daddr 192.0.2.53 udp dport 3478 snat ip to 203.0.113.10
    }";

/// Only outside we are seen as the proxy's address.
const LOOPED_BACK: &str = "chain postrouting {
        type nat hook postrouting priority srcnat
        ip daddr 192.0.2.53 udp dport 3478 snat ip to 203.0.113.10
    }";

const FROM_INSIDE: &str = "meta nfproto ipv6 drop
        iifname client ip daddr 203.0.113.0/24 meta l4proto tcp reject with tcp reset
        iifname client ip daddr 203.0.113.0/24 drop";

const FROM_INSIDE_WITHOUT_STUN: &str = "meta nfproto ipv6 drop
        iifname client udp dport 3478 drop
        iifname client ip daddr 203.0.113.0/24 meta l4proto tcp reject with tcp reset
        iifname client ip daddr 203.0.113.0/24 drop";

const ROUTER_PAGE: Program = Program {
    name: "router-page",
    place: Place::Router,
    program: "nginx",
    arguments: &["-c", "@DIR@/router-page.conf"],
    files: &[(
        "router-page.conf",
        "daemon off; master_process off; pid @DIR@/router-page.pid;
error_log @DIR@/router-page.log notice;
events {}
http {
    access_log off;
    client_body_temp_path @DIR@/router-body; proxy_temp_path @DIR@/router-proxy;
    fastcgi_temp_path @DIR@/router-fastcgi; uwsgi_temp_path @DIR@/router-uwsgi;
    scgi_temp_path @DIR@/router-scgi;
    server {
        listen 8080;
        listen 8443 ssl;
        ssl_certificate @DIR@/office-portal.pem;
        ssl_certificate_key @DIR@/office-portal.pem.key;
        location / { default_type text/html; return 200 '<title>Router login</title>'; }
    }
}",
    )],
    listens: &[("tcp", 8443)],
};
