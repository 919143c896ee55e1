//! OpenVidu's own configuration: a right one (fixtures/openvidu/right), and what a single change of it breaks.

use std::path::{Path, PathBuf};

use ovcheck::lint::openvidu::SourceFile;

/// A change of one file.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub name: &'static str,
    pub file: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    /// The rules that it breaks, in order.
    pub breaks: &'static [&'static str],
    /// Whether a real LiveKit starts with it, where that was tried: 1.8.4 and 1.13.5.
    #[allow(dead_code, reason = "tests/wire reads it")]
    pub starts: Option<[bool; 2]>,
}

const LIVEKIT: &str = "config/livekit.yaml";
const ENV: &str = "config/openvidu.env";
const CADDY: &str = "config/caddy.yaml";
const COMPOSE: &str = "docker-compose.yaml";
const YES: Option<[bool; 2]> = Some([true, true]);
const NO: Option<[bool; 2]> = Some([false, false]);

const fn change(
    name: &'static str,
    [file, from, to]: [&'static str; 3],
    breaks: &'static [&'static str],
    starts: Option<[bool; 2]>,
) -> Change {
    Change { name, file, from, to, breaks, starts }
}

/// Changes, and what they break.
pub const CHANGES: &[Change] = &[
    change("nothing", [LIVEKIT, "", ""], &[], YES),
    change(
        "an unknown key",
        [LIVEKIT, "    node_ip:", "    nodeip: x\n    node_ip:"],
        &["config/known-keys"],
        NO,
    ),
    change(
        "an unknown section",
        [LIVEKIT, "ingress:", "foo: 1\ningress:"],
        &["config/known-keys"],
        NO,
    ),
    change(
        "a key twice",
        [LIVEKIT, "    udp_port: 443", "    udp_port: 443\n    udp_port: 443"],
        &["config/syntax"],
        NO,
    ),
    change("a tab", [LIVEKIT, "    udp_port: 443", "\tudp_port: 443"], &["config/syntax"], NO),
    change(
        "a variable that is not set",
        [LIVEKIT, "${openvidu.LIVEKIT_TURN_DOMAIN_NAME:-}", "${openvidu.TURN_NAME}"],
        &["config/variables-set"],
        NO,
    ),
    change(
        "a variable of another kind",
        [LIVEKIT, "https://${openvidu.DOMAIN_NAME:?mandatory}", "https://${DOMAIN_NAME}"],
        &["config/variables-set"],
        YES,
    ),
    change(
        "another domain",
        [ENV, "DOMAIN_NAME=openvidu.example.io", "DOMAIN_NAME=old.example.io"],
        &["config/domain-agrees", "config/ingress-urls"],
        None,
    ),
    change(
        "no domain",
        [ENV, "DOMAIN_NAME=openvidu.example.io\n", ""],
        &["config/variables-set", "config/domain-agrees"],
        None,
    ),
    change(
        "another TURN domain",
        [ENV, "=turn.example.io", "=turn.example.com"],
        &["config/turn-domain-agrees"],
        None,
    ),
    change(
        "the TURN domain is the domain",
        [ENV, "=turn.example.io", "=openvidu.example.io"],
        &["config/turn-domain-agrees"],
        None,
    ),
    change(
        "no TURN domain",
        [ENV, "=turn.example.io", "="],
        &["config/turn-domain-agrees", "config/turn-behind-proxy"],
        None,
    ),
    change(
        "no external_tls",
        [LIVEKIT, "    external_tls: true\n", ""],
        &["config/turn-behind-proxy"],
        NO,
    ),
    change(
        "external_tls off",
        [LIVEKIT, "external_tls: true", "external_tls: no"],
        &["config/turn-behind-proxy"],
        NO,
    ),
    change(
        "no name of TURN",
        [LIVEKIT, "    domain: ${openvidu.LIVEKIT_TURN_DOMAIN_NAME:-}\n", ""],
        &["config/turn-behind-proxy"],
        NO,
    ),
    change(
        "another port of TURN",
        [LIVEKIT, "tls_port: 5349", "tls_port: 5350"],
        &["config/turn-behind-proxy"],
        YES,
    ),
    change(
        "no port of TURN",
        [LIVEKIT, "    tls_port: 5349\n", ""],
        &["config/turn-behind-proxy"],
        YES,
    ),
    change(
        "TURN off",
        [LIVEKIT, "enabled: true", "enabled: false"],
        &["config/turn-behind-proxy"],
        YES,
    ),
    change("TURN on, in other words", [LIVEKIT, "enabled: true", "enabled: yes"], &[], YES),
    change(
        "another UDP port of TURN",
        [LIVEKIT, "udp_port: 443", "udp_port: 3478"],
        &["config/turn-udp-port"],
        YES,
    ),
    change(
        "no port at all",
        [LIVEKIT, "udp_port: 443", "udp_port: 70000"],
        &["config/turn-udp-port"],
        NO,
    ),
    change(
        "another media range",
        [LIVEKIT, "port_range_start: 50000", "port_range_start: 55000"],
        &["config/media-range"],
        YES,
    ),
    change(
        "one port for media",
        [
            LIVEKIT,
            "    port_range_start: 50000\n    port_range_end: 60000\n",
            "    udp_port: 7882\n",
        ],
        &["config/media-range"],
        YES,
    ),
    change(
        "LiveKit's own ports for media",
        [LIVEKIT, "    port_range_start: 50000\n    port_range_end: 60000\n", ""],
        &[],
        YES,
    ),
    change(
        "media backwards",
        [LIVEKIT, "port_range_start: 50000", "port_range_start: 60001"],
        &["config/ranges-in-order"],
        NO,
    ),
    change(
        "media without end",
        [LIVEKIT, "    port_range_end: 60000\n", ""],
        &["config/ranges-in-order"],
        YES,
    ),
    change(
        "relays backwards",
        [LIVEKIT, "relay_range_start: 40000", "relay_range_start: 49999\n    # x"],
        &[],
        YES,
    ),
    change(
        "relays in the media range",
        [LIVEKIT, "relay_range_end: 49999", "relay_range_end: 50000"],
        &["config/relay-range-apart"],
        YES,
    ),
    change(
        "relays end before they begin",
        [LIVEKIT, "relay_range_start: 40000", "relay_range_start: 50001"],
        &["config/ranges-in-order"],
        YES,
    ),
    change(
        "an address of nobody",
        [LIVEKIT, "node_ip: 203.0.113.20", "node_ip: 203.0.113.99"],
        &["config/node-address"],
        YES,
    ),
    change(
        "a private address",
        [LIVEKIT, "node_ip: 203.0.113.20", "node_ip: 10.0.0.20"],
        &["config/node-address"],
        YES,
    ),
    change(
        "no address",
        [LIVEKIT, "node_ip: 203.0.113.20", "node_ip: banana"],
        &["config/node-address"],
        NO,
    ),
    change(
        "its own address excluded",
        [
            LIVEKIT,
            "172.17.0.0/16",
            "203.0.113.0/24\n            - 2001:db8::/32\n            - 10.0.0.0/8",
        ],
        &["config/local-addresses"],
        None,
    ),
    change(
        "no network",
        [LIVEKIT, "172.17.0.0/16", "172.17.0.0/40"],
        &["config/local-addresses"],
        NO,
    ),
    change(
        "only interfaces of containers",
        [LIVEKIT, "    ips:", "    interfaces: {includes: [docker0, br-1f2e]}\n    ips:"],
        &["config/local-addresses"],
        YES,
    ),
    change(
        "only loopback",
        [LIVEKIT, "    ips:", "    interfaces: {includes: [lo], excludes: [docker0]}\n    ips:"],
        &["config/local-addresses"],
        YES,
    ),
    change(
        "no interfaces of containers",
        [LIVEKIT, "    ips:", "    interfaces: {excludes: [docker0]}\n    ips:"],
        &[],
        YES,
    ),
    change(
        "an address for a network",
        [LIVEKIT, "172.17.0.0/16", "172.17.0.1"],
        &["config/local-addresses"],
        NO,
    ),
    change(
        "installed without an external proxy",
        [CADDY, "[\":7880\"]", "[\":443\"]"],
        &["config/tls-ends-at-proxy"],
        None,
    ),
    change(
        "the port of users is one of a range",
        [CADDY, "[\":9000\"]", "[\"tcp4/0.0.0.0:440-450\"]"],
        &["config/tls-ends-at-proxy"],
        None,
    ),
    change(
        "Caddy ends TLS behind the proxy",
        [
            CADDY,
            "                automatic_https:",
            "                tls_connection_policies: [{}]\n                automatic_https:",
        ],
        &["config/tls-ends-at-proxy"],
        None,
    ),
    change(
        "Caddy ends TLS for another port",
        [CADDY, "                routes: []", "                tls_connection_policies: [{}]"],
        &[],
        None,
    ),
    change(
        "small messages",
        [LIVEKIT, "keys:", "limit: {signal_message_size_limit: 65536}\nkeys:"],
        &["config/request-sizes"],
        Some([false, false]),
    ),
    change(
        "large requests",
        [LIVEKIT, "keys:", "limit: {max_api_request_body_size: 20971520}\nkeys:"],
        &[],
        Some([false, false]),
    ),
    change(
        "another port for TCP",
        [LIVEKIT, "tcp_port: 7881", "tcp_port: 7882"],
        &["config/ice-tcp"],
        YES,
    ),
    change(
        "only TCP",
        [LIVEKIT, "    tcp_port: 7881", "    tcp_port: 7881\n    force_tcp: true"],
        &["config/ice-tcp"],
        YES,
    ),
    change(
        "relays may not reach the node",
        [LIVEKIT, "    udp_port: 443", "    udp_port: 443\n    deny_peer_cidrs: [203.0.113.0/24]"],
        &["config/relay-peers"],
        Some([false, true]),
    ),
    change(
        "relays may reach only others",
        [
            LIVEKIT,
            "    udp_port: 443",
            "    udp_port: 443\n    allow_restricted_peer_cidrs: [10.9.0.0/16]",
        ],
        &["config/relay-peers"],
        Some([false, true]),
    ),
    change(
        "relays at another address",
        [LIVEKIT, "    udp_port: 443", "    udp_port: 443\n    relay_address: 203.0.113.99"],
        &["config/relay-address"],
        None,
    ),
    change(
        "a PROXY header from loopback only",
        [LIVEKIT, "    udp_port: 443", "    udp_port: 443\n    proxy_protocol: true"],
        &["config/proxy-header-trusted"],
        None,
    ),
    change(
        "a PROXY header from the proxy",
        [
            LIVEKIT,
            "    udp_port: 443",
            "    udp_port: 443\n    proxy_protocol: true\n    proxy_protocol_trusted_cidrs: [203.0.113.0/24]",
        ],
        &[],
        None,
    ),
    change(
        "an address that is not used",
        [LIVEKIT, "    use_external_ip: false", "    use_external_ip: true"],
        &["config/external-address"],
        None,
    ),
    change(
        "TURN over TLS on the port of WebRTC over TCP",
        [LIVEKIT, "    tcp_port: 7881", "    tcp_port: 5349"],
        &["config/ice-tcp", "config/ports-apart"],
        None,
    ),
    change(
        "a measuring port of the API",
        [LIVEKIT, "port: 7880\n", "port: 7880\nprometheus_port: 7880\n"],
        &["config/ports-apart"],
        None,
    ),
    change(
        "a listener in the range of media",
        [LIVEKIT, "    udp_port: 443", "    udp_port: 50443"],
        &["config/ports-apart", "config/turn-udp-port"],
        None,
    ),
    change(
        "OpenVidu Meet at the root",
        ["config/meet.env", "MEET_BASE_PATH=/meet", "MEET_BASE_PATH=/"],
        &["config/meet-path"],
        None,
    ),
    change(
        "a short secret",
        [ENV, "not-a-secret-but-forty-characters-long-x", "short"],
        &["config/secrets"],
        None,
    ),
    change(
        "another secret",
        [
            LIVEKIT,
            "${openvidu.LIVEKIT_API_SECRET:?mandatory}",
            "another-secret-of-thirty-two-characters",
        ],
        &["config/secrets"],
        YES,
    ),
    change(
        "a module of another version",
        [ENV, "openviduMeet", "app"],
        &["config/modules-agree"],
        None,
    ),
    change(
        "another engine",
        [ENV, "ENGINE=pion", "ENGINE=mediasoup"],
        &["config/engine-agrees"],
        None,
    ),
    change("RTMP without TLS", [LIVEKIT, "rtmps://", "rtmp://"], &["config/ingress-urls"], YES),
    change(
        "webhooks by the public name",
        [LIVEKIT, "http://localhost:6080", "https://openvidu.example.io"],
        &["config/webhooks"],
        YES,
    ),
    change(
        "a network of its own",
        [COMPOSE, "        network_mode: host\n", ""],
        &["config/container-network"],
        None,
    ),
    change(
        "another container on the port of TURN",
        [COMPOSE, "127.0.0.1:9080:6080", "443:443/udp"],
        &["config/container-network"],
        None,
    ),
    change(
        "another version",
        [COMPOSE, "openvidu-server:3.9.0", "openvidu-server:3.8.0"],
        &["config/versions-agree"],
        None,
    ),
    change(
        "two relays for each participant",
        [LIVEKIT, "    udp_port: 443", "    udp_port: 443\n    per_user_relay_allocation_limit: 2"],
        &["config/relay-quota"],
        None,
    ),
    change(
        "a port in quotation marks",
        [LIVEKIT, "tcp_port: 7881", "tcp_port: \"7881\""],
        &["config/value-types"],
        NO,
    ),
    change(
        "a word for a port",
        [LIVEKIT, "tcp_port: 7881", "tcp_port: abc"],
        &["config/value-types"],
        NO,
    ),
    change(
        "a word for a truth",
        [LIVEKIT, "enabled: true", "enabled: maybe"],
        &["config/value-types"],
        NO,
    ),
    change(
        "a port that needs more bits",
        [LIVEKIT, "relay_range_end: 49999", "relay_range_end: 70000"],
        &["config/value-types"],
        NO,
    ),
    change(
        "a section for a number",
        [LIVEKIT, "port: 7880\n", "port: {a: 1}\n"],
        &["config/known-keys", "config/value-types"],
        NO,
    ),
    change(
        "a list for a text",
        [
            LIVEKIT,
            "    domain: ${openvidu.LIVEKIT_TURN_DOMAIN_NAME:-}",
            "    domain: [turn.example.io]",
        ],
        &["config/value-types"],
        NO,
    ),
    change("a section that is empty", [LIVEKIT, "ingress:", "video:\ningress:"], &[], YES),
    change("a number for a text", [LIVEKIT, "keys:", "region: 7\nkeys:"], &[], YES),
    change(
        "a time without unit",
        [LIVEKIT, "keys:", "room: {create_room_timeout: 10}\nkeys:"],
        &["config/value-types"],
        NO,
    ),
    change("a time", [LIVEKIT, "keys:", "room: {create_room_timeout: 10s}\nkeys:"], &[], YES),
    change(
        "a proxy that is not trusted",
        ["config/meet.env", "PROXY=true", "PROXY=false"],
        &["config/trusted-proxy"],
        None,
    ),
];

fn right() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openvidu/right")
}

/// The files of the right configuration with this change.
pub fn changed(change: &Change) -> Vec<SourceFile> {
    ["config/openvidu.env", LIVEKIT, "config/meet.env", CADDY, COMPOSE, ".env"]
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(right().join(file)).unwrap();
            let text = if file == change.file {
                assert!(text.contains(change.from), "{} is not in {file}", change.from);
                text.replacen(change.from, change.to, 1)
            } else {
                text
            };
            SourceFile { path: file.to_owned(), text }
        })
        .collect()
}
