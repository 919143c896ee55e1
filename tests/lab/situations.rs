//! The situations, and exactly what each of them must lead to.

use super::caller::Caller;
use super::check::User;
use super::cluster::Topology;
use super::deployment::Policy;
use super::network::Place;
use super::world::{Front, OverIpv6, Program, Speaks, World};

/// A real Sentinel, as Redis installs it.
const SENTINEL: Program = Program {
    name: "sentinel",
    place: Place::Node,
    program: "redis-server",
    arguments: &["@DIR@/sentinel.conf", "--sentinel"],
    files: &[("sentinel.conf", "port 7001\nprotected-mode no\nbind * -::*\n")],
    listens: &[("tcp", 7001)],
};

/// A situation, by the name that people would give it.
pub struct Situation {
    pub name: &'static str,
    pub policy: Policy,
    pub topology: Topology,
    /// What is different from a right deployment.
    pub fault: fn(&mut World),
    pub stand: Stand,
    /// What the operator declares.
    pub declared: Declared,
    /// What stands on the command line besides.
    pub flags: &'static [&'static str],
    /// What stands before the program on a command line of `env`: variables, or a program that runs
    /// it, as `["faketime", "-f", "+400d"]`.
    pub around: &'static [&'static str],
    /// By whose right a call is made; `None`: there is none.
    pub caller: Option<Caller>,
    /// The violations that follow with severity error, all of them.
    pub errors: List,
    /// Those with severity warning or info.
    pub warnings: List,
    /// Passes whose confidence the situation is about; there are others.
    pub passes: List,
    /// More of them, which several situations have in common.
    pub works: List,
    /// What stays inconclusive for a reason of its own, and not because another rule is broken.
    pub inconclusive: List,
    /// What findings have to say: a rule, and words of one of its findings.
    pub says: List,
    /// Words of the first screen: the first 40 lines that a person reads, at 100 columns.
    pub shows: &'static [&'static str],
    /// Words that stand nowhere in what a person reads.
    pub hides: &'static [&'static str],
    /// How many checks pass at least.
    pub fewest_passes: usize,
    pub exit: i32,
    /// What Chromium finds there, which a test of its own asks; `None`: it is not asked.
    pub browser: Option<InBrowser>,
    /// Whether it is right again when the remedies for nftables are done as they are written.
    pub is_mended: bool,
}

/// Rules, each with its confidence (violations), its kind (inconclusive), or with words.
pub type List = &'static [(&'static str, &'static str)];

/// What a browser finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct InBrowser {
    /// Whether it gets into a room, by the paths of LiveKit's client.
    pub joins: bool,
    /// Whether a page of another origin may read what LiveKit answers.
    pub reads: bool,
}

/// What the operator declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// The laboratory's deployment file.
    File,
    /// The domain, the TURN domain, the DNS server and the laboratory's root certificate, on the
    /// command line.
    Names,
    /// The laboratory's deployment file with the two names in place of each other.
    FileWithNamesSwapped,
}

/// Where the program runs, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Internet,
    /// Twice, as root and as an ordinary user: the verdicts have to be the same.
    InternetAsBothUsers,
    /// Twice from the same address, one run right after the other.
    InternetTwice,
    /// Several times, and interrupted each time.
    InternetInterrupted,
    Proxy,
    /// On the proxy as root, who sees which program has which port.
    ProxyAsRoot,
    Master,
    Media,
    /// On the other Media Node.
    SecondMedia,
    /// On a Media Node, twice, one run right after the other.
    MediaTwice,
    /// On the internet, with the cable pulled.
    CutOff,
}

impl Stand {
    pub fn place(self) -> Place {
        match self {
            Self::Internet
            | Self::InternetAsBothUsers
            | Self::InternetTwice
            | Self::InternetInterrupted
            | Self::CutOff => Place::Client,
            Self::Proxy | Self::ProxyAsRoot => Place::Proxy,
            Self::Master => Place::Master1,
            Self::Media | Self::MediaTwice => Place::Media1,
            Self::SecondMedia => Place::Media2,
        }
    }

    /// Whether it is asked again at once: a second run may know less.
    pub fn is_twice(self) -> bool {
        matches!(self, Self::InternetTwice | Self::MediaTwice)
    }

    /// Who runs the program, one after the other.
    pub fn users(self) -> &'static [User] {
        match self {
            Self::InternetAsBothUsers => &[User::Ordinary, User::Root],
            Self::ProxyAsRoot => &[User::Root],
            Self::InternetTwice | Self::MediaTwice => &[User::Ordinary, User::Ordinary],
            Self::Internet
            | Self::InternetInterrupted
            | Self::Proxy
            | Self::Master
            | Self::Media
            | Self::SecondMedia
            | Self::CutOff => &[User::Ordinary],
        }
    }
}

impl Situation {
    /// The deployment that the situation starts from, with its fault.
    pub fn world(&self) -> World {
        let mut world = match (self.topology, self.policy) {
            (Topology::SingleNode, Policy::Default) => World::default_policy(),
            (Topology::SingleNode, Policy::ForcedTurn) => World::forced_turn(),
            (topology, policy) => World::of_several_machines(topology, policy),
        };
        (self.fault)(&mut world);
        world
    }
}

pub const PROVEN: &str = "proven";
pub const SUSPECTED: &str = "suspected";
pub const UNCONTRADICTED: &str = "uncontradicted";
pub const UNSETTLED: &str = "unsettled";
pub const VANTAGE_LIMIT: &str = "vantage_limit";

/// A right deployment under the default policy, seen from the internet.
pub const DEFAULT: Situation = Situation {
    name: "default/compliant",
    policy: Policy::Default,
    topology: Topology::SingleNode,
    fault: |_| {},
    stand: Stand::Internet,
    declared: Declared::File,
    flags: &[],
    around: &[],
    caller: None,
    errors: &[],
    warnings: &[],
    passes: &[],
    works: &[],
    inconclusive: WHIP_PORT_IS_SILENT,
    says: &[],
    shows: &[],
    hides: &[],
    fewest_passes: 30,
    exit: 0,
    browser: None,
    is_mended: false,
};

/// A right deployment with everything forced through TURN, seen from the internet.
pub const FORCED_TURN: Situation = Situation {
    name: "forced-turn/compliant",
    policy: Policy::ForcedTurn,
    inconclusive: &[],
    ..DEFAULT
};

/// What works the same from everywhere.
pub const EVERYBODY_SEES: List = &[
    ("dns/domain-points-to-proxy", PROVEN),
    ("http/port-80-redirects-to-https", PROVEN),
    ("rtmp/rtmps-handshakes", PROVEN),
    ("signal/api-answers", PROVEN),
    ("tls/chain-verifies", PROVEN),
    ("turn/turns-answers-binding", PROVEN),
];

/// What listens on UDP 7885 answers nobody without credentials: open and closed look the same.
const WHIP_PORT_IS_SILENT: List = &[("ports/openvidu-udp-7885", VANTAGE_LIMIT)];

/// The same, and UDP 443 over IPv6, where LiveKit 1.8.4 has no TURN listener: there silence is all
/// that an open port has to show.
const SILENT_SINGLE_PORTS: List =
    &[("ports/openvidu-udp-443", VANTAGE_LIMIT), ("ports/openvidu-udp-7885", VANTAGE_LIMIT)];

/// Without a network everything is open that begins with a look, under the default policy.
const NOTHING_SEEN_DEFAULT: List = &[
    ("dns/domain-resolves", UNSETTLED),
    ("dns/turn-domain-resolves", UNSETTLED),
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
];

/// Without a network everything is open that begins with a look, under forced TURN.
const NOTHING_SEEN_FORCED_TURN: List = &[
    ("dns/domain-resolves", UNSETTLED),
    ("dns/turn-domain-resolves", UNSETTLED),
    ("policy/ice-tcp-7881-closed", UNSETTLED),
    ("policy/media-range-closed", UNSETTLED),
    ("policy/turns-works", UNSETTLED),
    ("policy/udp-443-closed", UNSETTLED),
    ("policy/whip-udp-7885-closed", UNSETTLED),
    ("ports/openvidu-tcp-1945", UNSETTLED),
    ("ports/openvidu-tcp-5349", UNSETTLED),
    ("ports/openvidu-tcp-7880", UNSETTLED),
    ("ports/openvidu-tcp-9000", UNSETTLED),
    ("ports/proxy-tcp-1935", UNSETTLED),
    ("ports/proxy-tcp-443", UNSETTLED),
    ("ports/proxy-tcp-80", UNSETTLED),
    ("ports/minio-buckets-need-login", UNSETTLED),
    ("ports/mongodb-needs-login", UNSETTLED),
    ("ports/redis-needs-password", UNSETTLED),
    ("ports/undocumented-closed", UNSETTLED),
];

/// Nothing at the OpenVidu machine's addresses answers, under forced TURN.
pub const NOTHING_OF_THE_MACHINE: List = &[
    ("policy/ice-tcp-7881-closed", UNSETTLED),
    ("policy/media-range-closed", UNSETTLED),
    ("policy/udp-443-closed", UNSETTLED),
    ("policy/whip-udp-7885-closed", UNSETTLED),
    ("ports/openvidu-tcp-1945", UNSETTLED),
    ("ports/openvidu-tcp-5349", UNSETTLED),
    ("ports/openvidu-tcp-7880", UNSETTLED),
    ("ports/openvidu-tcp-9000", UNSETTLED),
    ("ports/minio-buckets-need-login", UNSETTLED),
    ("ports/mongodb-needs-login", UNSETTLED),
    ("ports/redis-needs-password", UNSETTLED),
    ("ports/undocumented-closed", UNSETTLED),
];

const REJECT_UNREACHABLE: &str = "reject with icmpx type port-unreachable";
const REJECT_PROHIBITED: &str = "reject with icmpx type admin-prohibited";
const REFUSE_API: &str = "tcp dport 7880 reject with tcp reset";
const REFUSE_TURN: &str = "tcp dport 5349 reject with tcp reset";
const RESET_AND_UNREACHABLE: &str = "meta l4proto tcp reject with tcp reset\n        \
                                     reject with icmpx type port-unreachable";
const FEW_ICMP_ERRORS: &str = "icmp type destination-unreachable limit rate over 6/minute burst 6 packets drop\n        \
     icmpv6 type destination-unreachable limit rate over 6/minute burst 6 packets drop";
const MUTE_ICMP: &str = "icmp type destination-unreachable drop\n        \
                         icmpv6 type destination-unreachable drop";

/// The situations of a Single Node deployment. The laboratory runs them one after the other.
pub const SITUATIONS: &[Situation] = &[
    // --- right deployments ---------------------------------------------------------------------
    Situation {
        name: "default/compliant",
        stand: Stand::InternetAsBothUsers,
        passes: &[
            ("ports/openvidu-tcp-7880", UNCONTRADICTED),
            ("ports/openvidu-udp-443", PROVEN),
            ("ports/openvidu-udp-50000-60000", UNCONTRADICTED),
            ("ports/undocumented-closed", UNCONTRADICTED),
            ("turn/idle-connection-kept", UNCONTRADICTED),
        ],
        works: EVERYBODY_SEES,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/compliant",
        stand: Stand::InternetAsBothUsers,
        passes: &[
            ("policy/media-range-closed", UNCONTRADICTED),
            ("policy/turns-works", PROVEN),
            ("policy/udp-443-closed", UNCONTRADICTED),
        ],
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/compliant-with-admin-prohibited",
        fault: |world| world.node().otherwise = REJECT_PROHIBITED,
        ..FORCED_TURN
    },
    // The node still remembers how many ICMP errors it has sent us: its silence then says nothing.
    // The second run may be incomplete (3); it must not accuse.
    Situation {
        name: "default/compliant-asked-twice-in-a-row",
        stand: Stand::InternetTwice,
        ..DEFAULT
    },
    // Over UDP it looks like a machine without a firewall. That SYNs are answered by ICMP too, and
    // not by RST, shows the firewall: the rules on UDP cannot be judged from here.
    Situation {
        name: "forced-turn/compliant-with-port-unreachable",
        fault: |world| world.node().otherwise = REJECT_UNREACHABLE,
        inconclusive: &[
            ("policy/media-range-closed", VANTAGE_LIMIT),
            ("policy/udp-443-closed", VANTAGE_LIMIT),
            ("policy/whip-udp-7885-closed", VANTAGE_LIMIT),
        ],
        ..FORCED_TURN
    },
    // The same packets over UDP, and RST over TCP: probably there is no firewall at all. That 7885
    // is open too nobody can see, because the listener there is silent.
    Situation {
        name: "forced-turn/no-firewall",
        fault: |world| world.node().otherwise = "accept",
        errors: &[
            ("policy/media-range-closed", SUSPECTED),
            ("policy/udp-443-closed", PROVEN),
            ("policy/udp-443-closed", SUSPECTED),
            ("ports/openvidu-tcp-1945", PROVEN),
            ("ports/openvidu-tcp-5349", PROVEN),
            ("ports/openvidu-tcp-7880", PROVEN),
        ],
        warnings: &[("policy/ice-tcp-7881-closed", PROVEN), ("ports/openvidu-tcp-9000", PROVEN)],
        exit: 1,
        ..FORCED_TURN
    },
    // --- names ---------------------------------------------------------------------------------
    Situation {
        name: "default/domain-points-to-openvidu-machine",
        fault: World::point_domain_to_node,
        errors: &[("dns/domain-points-to-proxy", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // --- proxy ---------------------------------------------------------------------------------
    Situation {
        name: "default/turn-name-routed-to-api",
        fault: |world| world.proxy.turn_upstream = "openvidu_api",
        errors: &[("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/turn-name-routed-to-api",
        fault: |world| world.proxy.turn_upstream = "openvidu_api",
        errors: &[("policy/turns-works", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "default/turn-backend-dead",
        fault: |world| world.node().first = REFUSE_TURN,
        errors: &[("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/turn-backend-dead",
        fault: |world| world.node().first = REFUSE_TURN,
        errors: &[("policy/turns-works", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "default/no-redirect",
        fault: |world| world.proxy.port_80 = "return 200 hello;",
        errors: &[("http/port-80-redirects-to-https", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/rtmp-plaintext",
        fault: |world| world.proxy.port_1935_speaks_tls = false,
        errors: &[("rtmp/plaintext-refused", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/unknown-name-served",
        fault: |world| world.proxy.unknown_upstream = Some("openvidu_api"),
        warnings: &[("tls/unknown-name-reaches-no-backend", PROVEN)],
        ..DEFAULT
    },
    // --- other proxies: the guide says that its nginx can be adapted ---------------------------
    Situation {
        name: "default/advanced-nginx",
        fault: |world| world.proxy.front = Front::NginxAdvanced,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/advanced-nginx",
        fault: |world| world.proxy.front = Front::NginxAdvanced,
        ..FORCED_TURN
    },
    Situation {
        name: "default/advanced-nginx-api-backend-dead",
        fault: |world| {
            world.proxy.front = Front::NginxAdvanced;
            world.node().first = REFUSE_API;
        },
        errors: &[("signal/api-answers", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/advanced-nginx-turn-name-routed-to-http",
        fault: |world| {
            world.proxy.front = Front::NginxAdvanced;
            world.proxy.turn_upstream = "openvidu_api";
        },
        errors: &[("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/advanced-nginx-without-upgrade-headers",
        fault: |world| {
            world.proxy.front = Front::NginxAdvanced;
            world.proxy.passes_upgrades = false;
        },
        errors: &[("signal/websocket-upgrade-passes", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // The example in the guide listens on 7880 of all addresses; only a firewall hides it.
    Situation {
        name: "default/advanced-nginx-http-port-open",
        fault: |world| {
            world.proxy.front = Front::NginxAdvanced;
            world.proxy_firewall().from_anywhere.push("tcp dport 7880 accept");
        },
        warnings: &[("ports/undocumented-closed", PROVEN)],
        ..DEFAULT
    },
    Situation {
        name: "default/haproxy",
        fault: |world| world.proxy.front = Front::HaProxy,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/haproxy",
        fault: |world| world.proxy.front = Front::HaProxy,
        ..FORCED_TURN
    },
    Situation {
        name: "default/haproxy-api-backend-dead",
        fault: |world| {
            world.proxy.front = Front::HaProxy;
            world.node().first = REFUSE_API;
        },
        errors: &[("signal/api-answers", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/haproxy-turn-backend-dead",
        fault: |world| {
            world.proxy.front = Front::HaProxy;
            world.node().first = REFUSE_TURN;
        },
        errors: &[("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/haproxy-turn-name-routed-to-http",
        fault: |world| {
            world.proxy.front = Front::HaProxy;
            world.proxy.turn_upstream = "openvidu_api";
        },
        errors: &[("policy/turns-works", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "default/haproxy-without-upgrade-headers",
        fault: |world| {
            world.proxy.front = Front::HaProxy;
            world.proxy.passes_upgrades = false;
        },
        errors: &[("signal/websocket-upgrade-passes", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // HAProxy knows only by health checks that a backend is down; without them it tries again, three
    // times and a second apart, which looks like a firewall that drops.
    Situation {
        name: "default/haproxy-without-health-checks-turn-backend-dead",
        fault: |world| {
            world.proxy.front = Front::HaProxy;
            world.proxy.checks_health = false;
            world.node().first = REFUSE_TURN;
        },
        errors: &[("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/tarpit-in-place-of-the-proxy",
        fault: |world| world.proxy.front = Front::Tarpit,
        errors: &[
            ("http/port-80-redirects-to-https", PROVEN),
            ("policy/turns-works", SUSPECTED),
            ("tls/handshake-completes", SUSPECTED),
        ],
        exit: 1,
        ..FORCED_TURN
    },
    // Without strict-sni its first certificate is for everybody.
    Situation {
        name: "default/haproxy-unknown-name-served",
        fault: |world| {
            world.proxy.front = Front::HaProxy;
            world.proxy.unknown_upstream = Some("openvidu_api");
        },
        warnings: &[("tls/unknown-name-reaches-no-backend", PROVEN)],
        ..DEFAULT
    },
    // --- connections without traffic -----------------------------------------------------------
    Situation {
        name: "default/haproxy-ends-idle-turn-connections-early",
        fault: |world| {
            world.proxy.front = Front::HaProxy;
            world.proxy.idle = "500ms";
        },
        warnings: &[("turn/idle-connection-kept", PROVEN)],
        ..DEFAULT
    },
    // Too late to be seen within the time-out of the run, early enough to be seen with --hold.
    Situation {
        name: "forced-turn/nginx-ends-idle-turn-connections-after-two-seconds",
        fault: |world| world.proxy.idle = "2s",
        flags: &["--hold", "3"],
        warnings: &[("turn/idle-connection-kept", PROVEN)],
        ..FORCED_TURN
    },
    // --- certificates and TLS ------------------------------------------------------------------
    Situation {
        name: "default/turn-certificate-for-wrong-name",
        fault: |world| world.proxy.turn_certificate = "turn-wrong-name",
        errors: &[("tls/name-matches", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/turn-intermediate-missing",
        fault: |world| world.proxy.turn_certificate = "turn-bare",
        errors: &[("tls/chain-verifies", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/api-intermediate-missing",
        fault: |world| world.proxy.api_certificate = "api-bare",
        errors: &[("tls/chain-verifies", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/turn-certificate-expired",
        fault: |world| world.proxy.turn_certificate = "turn-expired",
        errors: &[("tls/not-expired", PROVEN)],
        // The guide's redirect catches every path.
        warnings: &[("http/acme-path-not-redirected", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/tls-1-1-accepted",
        fault: |world| {
            world.proxy.tls_versions = "TLSv1.1 TLSv1.2 TLSv1.3";
            world.proxy.ciphers = "DEFAULT:@SECLEVEL=0";
        },
        errors: &[("tls/legacy-refused", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // --- ports ---------------------------------------------------------------------------------
    Situation {
        name: "default/api-port-open-to-the-internet",
        fault: |world| world.open("tcp dport 7880 accept"),
        errors: &[("ports/openvidu-tcp-7880", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/api-port-open-to-the-internet",
        fault: |world| world.open("tcp dport 7880 accept"),
        errors: &[("ports/openvidu-tcp-7880", PROVEN)],
        exit: 1,
        ..FORCED_TURN
    },
    // The row of the table is broken; the STUN rules wait for it.
    Situation {
        name: "default/udp-443-blocked",
        fault: |world| world.node().first = "udp dport 443 drop",
        errors: &[("ports/openvidu-udp-443", SUSPECTED)],
        inconclusive: SILENT_SINGLE_PORTS,
        exit: 1,
        ..DEFAULT
    },
    // Silent where an idle machine answers; a machine that sends no ICMP errors is silent too.
    Situation {
        name: "default/icmp-muted",
        fault: |world| world.node().outgoing = MUTE_ICMP,
        errors: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        inconclusive: &[
            ("dns/families-agree", VANTAGE_LIMIT),
            ("ports/openvidu-udp-443", VANTAGE_LIMIT),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        exit: 1,
        ..DEFAULT
    },
    // On IPv6 nobody listens at 443: the node answers there all the same, other than elsewhere.
    Situation {
        name: "forced-turn/udp-443-open",
        fault: |world| world.open("udp dport 443 accept"),
        errors: &[("policy/udp-443-closed", PROVEN), ("policy/udp-443-closed", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/media-port-55000-open",
        fault: |world| {
            world.open("udp dport 55000 accept");
        },
        errors: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    // A firewall that drops spends no ICMP error, so that the sweep finds the one port that it does
    // not drop, wherever that is.
    Situation {
        name: "forced-turn/one-port-open-among-10001",
        fault: |world| {
            world.open("udp dport 54321 accept");
        },
        errors: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/last-port-but-one-open-over-ipv6-alone",
        fault: |world| {
            let rule = "meta nfproto ipv6 udp dport 59999 accept";
            world.open(rule);
        },
        errors: &[("policy/media-range-closed", SUSPECTED)],
        warnings: &[("dns/families-agree", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/media-range-open",
        fault: |world| {
            world.open("udp dport 50000-60000 accept");
        },
        errors: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    // Open, and it cannot be seen: no violation, and nothing about it may be called proven.
    Situation {
        name: "forced-turn/media-range-open-and-icmp-muted",
        fault: |world| {
            world.node().outgoing = MUTE_ICMP;
            world.open("udp dport 50000-60000 accept");
        },
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/ice-tcp-7881-open",
        fault: |world| world.open("tcp dport 7881 accept"),
        warnings: &[("policy/ice-tcp-7881-closed", PROVEN)],
        ..FORCED_TURN
    },
    // --- the media range -----------------------------------------------------------------------
    Situation {
        name: "default/upper-half-of-media-range-blocked",
        fault: |world| world.node().first = "udp dport 55001-60000 drop",
        errors: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/media-range-prohibited-by-the-node",
        fault: |world| {
            world.node().first = "udp dport 50000-60000 reject with icmpx type admin-prohibited";
        },
        errors: &[("ports/openvidu-udp-50000-60000", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // The router's firewall may be that of our own network: suspected, and it is named.
    Situation {
        name: "default/media-range-prohibited-by-the-router",
        fault: |world| {
            world.router().forwarded = "ip daddr 203.0.113.20 udp dport 50000-60000 reject with icmpx type admin-prohibited\n        \
                 ip6 daddr 2001:db8:5::20 udp dport 50000-60000 reject with icmpx type admin-prohibited";
        },
        errors: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
    // Nobody can tell it from an open range in which nobody listens: that is why the pass is only
    // uncontradicted.
    Situation {
        name: "default/media-range-rejected-with-port-unreachable",
        fault: |world| {
            world.node().first = "udp dport 50000-60000 reject with icmpx type port-unreachable";
        },
        ..DEFAULT
    },
    // The rule for 0.0.0.0/0 was made, the one for ::/0 forgotten.
    Situation {
        name: "default/media-range-open-over-ipv4-alone",
        fault: |world| world.node().first = "meta nfproto ipv6 udp dport 50000-60000 drop",
        errors: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        warnings: &[("dns/families-agree", SUSPECTED)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/media-range-open-over-ipv4-alone",
        fault: |world| world.open("meta nfproto ipv4 udp dport 50000-60000 accept"),
        errors: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/media-range-open-over-ipv6-alone",
        fault: |world| world.open("meta nfproto ipv6 udp dport 50000-60000 accept"),
        errors: &[("policy/media-range-closed", SUSPECTED)],
        warnings: &[("dns/families-agree", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/media-range-prohibited-by-the-node",
        fault: |world| {
            world.open("udp dport 50000-60000 reject with icmpx type admin-prohibited");
        },
        passes: &[("policy/media-range-closed", UNCONTRADICTED)],
        ..FORCED_TURN
    },
    // Elsewhere the firewall drops, so that who answers here is taken for the node. It cannot be told.
    Situation {
        name: "forced-turn/media-range-rejected-with-port-unreachable",
        fault: |world| {
            world.open("udp dport 50000-60000 reject with icmpx type port-unreachable");
        },
        errors: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/closed-by-the-router",
        // Nothing of the machine answers, and a router says the same of an address that is wrong.
        inconclusive: NOTHING_OF_THE_MACHINE,
        fewest_passes: 15,
        exit: 3,
        fault: |world| {
            world.node().otherwise = "accept";
            world.router().forwarded = "ip daddr 203.0.113.20 ip saddr != 203.0.113.0/24 \
                reject with icmpx type admin-prohibited\n        \
                ip6 daddr 2001:db8:5::20 ip6 saddr != 2001:db8:5::/64 \
                reject with icmpx type admin-prohibited";
        },
        ..FORCED_TURN
    },
    // --- firewalls that are right, and unusual -------------------------------------------------
    // OpenWrt's REJECT: RST for TCP, port unreachable for the rest.
    Situation {
        name: "forced-turn/compliant-with-reset-and-port-unreachable",
        fault: |world| world.node().otherwise = RESET_AND_UNREACHABLE,
        inconclusive: &[
            ("policy/media-range-closed", VANTAGE_LIMIT),
            ("policy/udp-443-closed", VANTAGE_LIMIT),
            ("policy/whip-udp-7885-closed", VANTAGE_LIMIT),
        ],
        ..FORCED_TURN
    },
    Situation {
        name: "forced-turn/compliant-with-reset-and-drop",
        fault: |world| world.node().otherwise = "meta l4proto tcp reject with tcp reset",
        ..FORCED_TURN
    },
    Situation {
        name: "default/compliant-with-reset-and-port-unreachable",
        fault: |world| world.node().otherwise = RESET_AND_UNREACHABLE,
        inconclusive: &[
            ("dns/families-agree", VANTAGE_LIMIT),
            ("ports/openvidu-udp-443", VANTAGE_LIMIT),
            ("ports/openvidu-udp-50000-60000", VANTAGE_LIMIT),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        ..DEFAULT
    },
    // A node that sends fewer ICMP errors than Linux does by itself must not look as if a part of
    // the range were blocked.
    Situation {
        name: "default/compliant-with-an-icmp-error-every-ten-seconds",
        fault: |world| world.icmp_renewal_ms = [10_000, 10_000],
        ..DEFAULT
    },
    Situation {
        name: "default/compliant-with-six-icmp-errors-a-minute",
        fault: |world| world.node().outgoing = FEW_ICMP_ERRORS,
        ..DEFAULT
    },
    // Six ports are refused; the seventh is silent, and so may be one that is open.
    Situation {
        name: "forced-turn/compliant-with-six-refusals-and-one-every-ten-seconds",
        fault: |world| {
            world.icmp_renewal_ms = [10_000, 10_000];
            world.node().otherwise = REJECT_PROHIBITED;
        },
        inconclusive: &[("policy/whip-udp-7885-closed", UNSETTLED)],
        exit: 3,
        ..FORCED_TURN
    },
    // --- another program has the port ----------------------------------------------------------
    Situation {
        name: "default/udp-443-taken-by-another-program",
        fault: |world| {
            world.livekit.turn_udp = 4443;
            world.serve(Speaks::GarbageOverUdp, 443);
        },
        // Its answer holds nothing of the question, and another machine could have sent it.
        errors: &[("ports/openvidu-udp-443", SUSPECTED)],
        inconclusive: &[
            ("ports/openvidu-udp-443", UNSETTLED),
            ("ports/openvidu-udp-7885", VANTAGE_LIMIT),
        ],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/udp-443-taken-by-another-program-and-open",
        fault: |world| {
            world.livekit.turn_udp = 4443;
            world.serve(Speaks::GarbageOverUdp, 443);
            world.open("udp dport 443 accept");
        },
        errors: &[("policy/udp-443-closed", SUSPECTED)],
        exit: 1,
        ..FORCED_TURN
    },
    Situation {
        name: "default/tcp-7881-taken-by-a-web-server",
        fault: |world| {
            world.livekit.ice_tcp = 7882;
            world.serve(Speaks::Http, 7881);
        },
        errors: &[("ports/openvidu-tcp-7881", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/tcp-7881-taken-by-ssh",
        fault: |world| {
            world.livekit.ice_tcp = 7882;
            world.serve(Speaks::Ssh, 7881);
        },
        errors: &[("ports/openvidu-tcp-7881", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/rtmp-listens-on-1935-instead-of-1945",
        fault: |world| {
            world.peers.retain(|peer| peer.speaks != Speaks::Rtmp);
            world.serve(Speaks::Rtmp, 1935);
        },
        errors: &[("rtmp/rtmps-handshakes", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // OpenVidu was installed without --turn-domain-name.
    Situation {
        name: "default/turn-not-installed",
        fault: |world| world.livekit.has_turn = false,
        errors: &[("ports/openvidu-udp-443", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // --- services that nobody outside should reach ---------------------------------------------
    Situation {
        name: "default/redis-without-a-password-open",
        fault: |world| {
            world.serve(Speaks::Redis { password: None }, 7000);
            world.open("tcp dport 7000 accept");
        },
        errors: &[("ports/redis-needs-password", PROVEN), ("ports/undocumented-closed", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/redis-with-a-password-open",
        fault: |world| {
            let password = Some("kept-by-the-installer");
            world.serve(Speaks::Redis { password }, 7000);
            world.open("tcp dport 7000 accept");
        },
        errors: &[("ports/undocumented-closed", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/mongodb-and-minio-open",
        fault: |world| {
            world.serve(Speaks::MongoDb, 20000);
            world.serve(Speaks::Minio, 9100);
            world.open("tcp dport { 9100, 20000 } accept");
        },
        errors: &[("ports/undocumented-closed", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/mongodb-without-a-login-open",
        fault: |world| {
            world.serve(Speaks::OpenMongoDb, 20000);
            world.open("tcp dport 20000 accept");
        },
        errors: &[("ports/mongodb-needs-login", PROVEN), ("ports/undocumented-closed", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/bucket-listed-without-a-login",
        fault: |world| {
            world.peers.retain(|peer| peer.speaks != Speaks::Minio);
            world.serve(Speaks::OpenMinio, 9000);
        },
        errors: &[("ports/minio-buckets-need-login", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/sentinel-without-a-password-open",
        fault: |world| {
            world.programs.push(SENTINEL);
            world.open("tcp dport 7001 accept");
        },
        errors: &[("ports/undocumented-closed", PROVEN)],
        warnings: &[("ports/redis-needs-password", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // --- a content delivery network in front ---------------------------------------------------
    Situation {
        name: "default/cdn-before-the-domain",
        fault: World::put_cdn_before_domain,
        errors: &[("dns/domain-points-to-proxy", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // Whoever believes that the CDN is a proxy declares it as one.
    Situation {
        name: "default/cdn-before-both-names-and-declared-as-the-proxy",
        fault: |world| {
            world.put_cdn_before_domain();
            world.turn_domain = world.domain;
        },
        flags: &["--node", "proxy=192.0.2.80,2001:db8:53::80"],
        errors: &[("ports/proxy-tcp-1935", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    // --- one family alone ----------------------------------------------------------------------
    Situation {
        name: "default/proxy-without-443-over-ipv6",
        fault: |world| world.proxy.port_443_over_ipv6 = OverIpv6::Nothing,
        errors: &[("ports/proxy-tcp-443", PROVEN)],
        warnings: &[("dns/families-agree", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
    Situation {
        name: "default/turn-name-forgotten-over-ipv6",
        fault: |world| world.proxy.port_443_over_ipv6 = OverIpv6::DomainAlone,
        errors: &[("tls/name-matches", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        warnings: &[
            ("dns/families-agree", PROVEN),
            ("tls/unknown-name-reaches-no-backend", PROVEN),
        ],
        exit: 1,
        ..DEFAULT
    },
    // --- where we stand ------------------------------------------------------------------------
    Situation {
        name: "default/cable-pulled",
        stand: Stand::CutOff,
        inconclusive: NOTHING_SEEN_DEFAULT,
        exit: 3,
        ..DEFAULT
    },
    Situation {
        name: "forced-turn/cable-pulled",
        stand: Stand::CutOff,
        inconclusive: NOTHING_SEEN_FORCED_TURN,
        exit: 3,
        ..FORCED_TURN
    },
    Situation {
        name: "default/seen-from-the-proxy",
        stand: Stand::Proxy,
        passes: &[
            ("ports/openvidu-tcp-1945", PROVEN),
            ("ports/openvidu-tcp-5349", PROVEN),
            ("ports/openvidu-tcp-7880", PROVEN),
            ("ports/openvidu-udp-443", PROVEN),
            ("ports/openvidu-udp-50000-60000", UNCONTRADICTED),
        ],
        works: EVERYBODY_SEES,
        ..DEFAULT
    },
    // The path from there is part of the deployment: nothing else can block UDP 443.
    Situation {
        name: "default/udp-443-and-half-of-the-media-range-dropped-seen-from-the-proxy",
        fault: |world| world.node().first = "udp dport { 443, 55001-60000 } drop",
        stand: Stand::Proxy,
        errors: &[
            ("ports/openvidu-udp-443", PROVEN),
            ("ports/openvidu-udp-50000-60000", SUSPECTED),
        ],
        inconclusive: SILENT_SINGLE_PORTS,
        exit: 1,
        ..DEFAULT
    },
    // A firewall that is open to another machine looks like one that is open to nobody.
    Situation {
        name: "default/inner-port-open-to-another-machine",
        fault: |world| world.open("ip saddr 192.0.2.80 tcp dport 7880 accept"),
        passes: &[("ports/openvidu-tcp-7880", UNCONTRADICTED)],
        ..DEFAULT
    },
    // From the proxy the row itself is judged, and TURN over TLS is broken with it.
    Situation {
        name: "default/5349-closed-to-the-proxy",
        fault: |world| world.node().from_proxy = "7880, 1945",
        stand: Stand::Proxy,
        errors: &[("ports/openvidu-tcp-5349", PROVEN), ("turn/turns-answers-binding", PROVEN)],
        exit: 1,
        ..DEFAULT
    },
];
