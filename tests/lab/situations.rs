//! The situations, and exactly what each of them must lead to.

use super::check::User;
use super::deployment::Policy;
use super::network::Place;
use super::world::World;

/// A situation, by the name that people would give it.
pub struct Situation {
    pub name: &'static str,
    pub policy: Policy,
    /// What is different from a right deployment.
    pub fault: fn(&mut World),
    pub stand: Stand,
    /// The violations that follow, all of them: rule and confidence, sorted.
    pub violations: &'static [(&'static str, &'static str)],
    pub exit: i32,
}

/// Where the program runs, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Internet,
    /// Twice, as root and as an ordinary user: the verdicts have to be the same.
    InternetAsBothUsers,
    /// Twice from the same address, one run right after the other.
    InternetTwice,
    Proxy,
    /// On the internet, with the cable pulled.
    CutOff,
}

impl Stand {
    pub fn place(self) -> Place {
        match self {
            Self::Internet | Self::InternetAsBothUsers | Self::InternetTwice | Self::CutOff => {
                Place::Client
            }
            Self::Proxy => Place::Proxy,
        }
    }

    /// Who runs the program, one after the other.
    pub fn users(self) -> &'static [User] {
        match self {
            Self::InternetAsBothUsers => &[User::Ordinary, User::Root],
            Self::InternetTwice => &[User::Ordinary, User::Ordinary],
            Self::Internet | Self::Proxy | Self::CutOff => &[User::Ordinary],
        }
    }
}

impl Situation {
    /// The deployment that the situation starts from, with its fault.
    pub fn world(&self) -> World {
        let mut world = match self.policy {
            Policy::Default => World::default_policy(),
            Policy::ForcedTurn => World::forced_turn(),
        };
        (self.fault)(&mut world);
        world
    }
}

const PROVEN: &str = "proven";
const SUSPECTED: &str = "suspected";

const REJECT_UNREACHABLE: &str = "reject with icmpx type port-unreachable";
const REJECT_PROHIBITED: &str = "reject with icmpx type admin-prohibited";
const REFUSE_TURN: &str = "tcp dport 5349 reject with tcp reset";
const MUTE_ICMP: &str = "icmp type destination-unreachable drop\n        \
                         icmpv6 type destination-unreachable drop";

/// All situations. The laboratory runs them one after the other.
pub const SITUATIONS: &[Situation] = &[
    // --- right deployments ---------------------------------------------------------------------
    Situation {
        name: "default/compliant",
        policy: Policy::Default,
        fault: |_| {},
        stand: Stand::InternetAsBothUsers,
        violations: &[],
        exit: 0,
    },
    Situation {
        name: "forced-turn/compliant",
        policy: Policy::ForcedTurn,
        fault: |_| {},
        stand: Stand::InternetAsBothUsers,
        violations: &[],
        exit: 0,
    },
    Situation {
        name: "forced-turn/compliant-with-admin-prohibited",
        policy: Policy::ForcedTurn,
        fault: |world| world.firewall.otherwise = REJECT_PROHIBITED,
        stand: Stand::Internet,
        violations: &[],
        exit: 0,
    },
    // The node still remembers how many ICMP errors it has sent us: its silence then says nothing.
    // The second run may be incomplete (3); it must not accuse.
    Situation {
        name: "default/compliant-asked-twice-in-a-row",
        policy: Policy::Default,
        fault: |_| {},
        stand: Stand::InternetTwice,
        violations: &[],
        exit: 0,
    },
    // Over UDP it looks like a machine without a firewall. That SYNs are answered by ICMP too, and
    // not by RST, shows the firewall: the rules on UDP cannot be judged from here.
    Situation {
        name: "forced-turn/compliant-with-port-unreachable",
        policy: Policy::ForcedTurn,
        fault: |world| world.firewall.otherwise = REJECT_UNREACHABLE,
        stand: Stand::Internet,
        violations: &[],
        exit: 0,
    },
    // The same packets over UDP, and RST over TCP: probably there is no firewall at all. That 7885
    // is open too nobody can see, because the listener there is silent.
    Situation {
        name: "forced-turn/no-firewall",
        policy: Policy::ForcedTurn,
        fault: |world| world.firewall.otherwise = "accept",
        stand: Stand::Internet,
        violations: &[
            ("policy/ice-tcp-7881-closed", PROVEN),
            ("policy/media-range-closed", SUSPECTED),
            ("policy/udp-443-closed", PROVEN),
            ("policy/udp-443-closed", SUSPECTED),
            ("ports/openvidu-tcp-1945", PROVEN),
            ("ports/openvidu-tcp-5349", PROVEN),
            ("ports/openvidu-tcp-7880", PROVEN),
            ("ports/openvidu-tcp-9000", PROVEN),
        ],
        exit: 1,
    },
    // --- names ---------------------------------------------------------------------------------
    Situation {
        name: "default/domain-points-to-openvidu-machine",
        policy: Policy::Default,
        fault: World::point_domain_to_node,
        stand: Stand::Internet,
        violations: &[("dns/domain-points-to-proxy", PROVEN)],
        exit: 1,
    },
    // --- proxy ---------------------------------------------------------------------------------
    Situation {
        name: "default/turn-name-routed-to-api",
        policy: Policy::Default,
        fault: |world| world.proxy.turn_upstream = "openvidu_api",
        stand: Stand::Internet,
        violations: &[("turn/turns-answers-binding", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "forced-turn/turn-name-routed-to-api",
        policy: Policy::ForcedTurn,
        fault: |world| world.proxy.turn_upstream = "openvidu_api",
        stand: Stand::Internet,
        violations: &[
            ("policy/turns-works", PROVEN),
            ("turn/turns-answers-binding", PROVEN),
        ],
        exit: 1,
    },
    Situation {
        name: "default/turn-backend-dead",
        policy: Policy::Default,
        fault: |world| world.firewall.first = REFUSE_TURN,
        stand: Stand::Internet,
        violations: &[("turn/turns-answers-binding", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "forced-turn/turn-backend-dead",
        policy: Policy::ForcedTurn,
        fault: |world| world.firewall.first = REFUSE_TURN,
        stand: Stand::Internet,
        violations: &[
            ("policy/turns-works", PROVEN),
            ("turn/turns-answers-binding", PROVEN),
        ],
        exit: 1,
    },
    Situation {
        name: "default/no-redirect",
        policy: Policy::Default,
        fault: |world| world.proxy.port_80 = "return 200 hello;",
        stand: Stand::Internet,
        violations: &[("http/port-80-redirects-to-https", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "default/rtmp-plaintext",
        policy: Policy::Default,
        fault: |world| world.proxy.port_1935_speaks_tls = false,
        stand: Stand::Internet,
        violations: &[("rtmp/plaintext-refused", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "default/unknown-name-served",
        policy: Policy::Default,
        fault: |world| world.proxy.unknown_upstream = Some("openvidu_api"),
        stand: Stand::Internet,
        violations: &[("tls/unknown-name-reaches-no-backend", PROVEN)],
        exit: 0,
    },
    // --- certificates and TLS ------------------------------------------------------------------
    Situation {
        name: "default/turn-certificate-for-wrong-name",
        policy: Policy::Default,
        fault: |world| world.proxy.turn_certificate = "turn-wrong-name",
        stand: Stand::Internet,
        violations: &[("tls/name-matches", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "default/turn-intermediate-missing",
        policy: Policy::Default,
        fault: |world| world.proxy.turn_certificate = "turn-bare",
        stand: Stand::Internet,
        violations: &[("tls/chain-verifies", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "default/api-intermediate-missing",
        policy: Policy::Default,
        fault: |world| world.proxy.api_certificate = "api-bare",
        stand: Stand::Internet,
        violations: &[("tls/chain-verifies", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "default/turn-certificate-expired",
        policy: Policy::Default,
        fault: |world| world.proxy.turn_certificate = "turn-expired",
        stand: Stand::Internet,
        violations: &[("tls/not-expired", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "default/tls-1-1-accepted",
        policy: Policy::Default,
        fault: |world| {
            world.proxy.tls_versions = "TLSv1.1 TLSv1.2 TLSv1.3";
            world.proxy.ciphers = "DEFAULT:@SECLEVEL=0";
        },
        stand: Stand::Internet,
        violations: &[("tls/legacy-refused", PROVEN)],
        exit: 1,
    },
    // --- ports ---------------------------------------------------------------------------------
    Situation {
        name: "default/api-port-open-to-the-internet",
        policy: Policy::Default,
        fault: |world| world.firewall.from_anywhere.push("tcp dport 7880 accept"),
        stand: Stand::Internet,
        violations: &[("ports/openvidu-tcp-7880", PROVEN)],
        exit: 1,
    },
    Situation {
        name: "forced-turn/api-port-open-to-the-internet",
        policy: Policy::ForcedTurn,
        fault: |world| world.firewall.from_anywhere.push("tcp dport 7880 accept"),
        stand: Stand::Internet,
        violations: &[("ports/openvidu-tcp-7880", PROVEN)],
        exit: 1,
    },
    // The row of the table is broken; the STUN rules wait for it.
    Situation {
        name: "default/udp-443-blocked",
        policy: Policy::Default,
        fault: |world| world.firewall.first = "udp dport 443 drop",
        stand: Stand::Internet,
        violations: &[("ports/openvidu-udp-443", PROVEN)],
        exit: 1,
    },
    // Silent where an idle machine answers; a machine that sends no ICMP errors is silent too.
    Situation {
        name: "default/icmp-muted",
        policy: Policy::Default,
        fault: |world| world.firewall.outgoing = MUTE_ICMP,
        stand: Stand::Internet,
        violations: &[("ports/openvidu-udp-50000-60000", SUSPECTED)],
        exit: 1,
    },
    // On IPv6 nobody listens at 443: the node answers there all the same, other than elsewhere.
    Situation {
        name: "forced-turn/udp-443-open",
        policy: Policy::ForcedTurn,
        fault: |world| world.firewall.from_anywhere.push("udp dport 443 accept"),
        stand: Stand::Internet,
        violations: &[
            ("policy/udp-443-closed", PROVEN),
            ("policy/udp-443-closed", SUSPECTED),
        ],
        exit: 1,
    },
    Situation {
        name: "forced-turn/media-port-55000-open",
        policy: Policy::ForcedTurn,
        fault: |world| {
            world.firewall.from_anywhere.push("udp dport 55000 accept");
        },
        stand: Stand::Internet,
        violations: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
    },
    // A firewall that drops spends no ICMP error, so that the sweep finds the one port that it does
    // not drop, wherever that is.
    Situation {
        name: "forced-turn/one-port-open-among-10001",
        policy: Policy::ForcedTurn,
        fault: |world| {
            world.firewall.from_anywhere.push("udp dport 54321 accept");
        },
        stand: Stand::Internet,
        violations: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
    },
    Situation {
        name: "forced-turn/last-port-but-one-open-over-ipv6-alone",
        policy: Policy::ForcedTurn,
        fault: |world| {
            let rule = "meta nfproto ipv6 udp dport 59999 accept";
            world.firewall.from_anywhere.push(rule);
        },
        stand: Stand::Internet,
        violations: &[
            ("dns/families-agree", SUSPECTED),
            ("policy/media-range-closed", SUSPECTED),
        ],
        exit: 1,
    },
    Situation {
        name: "forced-turn/media-range-open",
        policy: Policy::ForcedTurn,
        fault: |world| {
            world
                .firewall
                .from_anywhere
                .push("udp dport 50000-60000 accept");
        },
        stand: Stand::Internet,
        violations: &[("policy/media-range-closed", SUSPECTED)],
        exit: 1,
    },
    // Open, and it cannot be seen: no violation, and nothing about it may be called proven.
    Situation {
        name: "forced-turn/media-range-open-and-icmp-muted",
        policy: Policy::ForcedTurn,
        fault: |world| {
            world.firewall.outgoing = MUTE_ICMP;
            world
                .firewall
                .from_anywhere
                .push("udp dport 50000-60000 accept");
        },
        stand: Stand::Internet,
        violations: &[],
        exit: 0,
    },
    Situation {
        name: "forced-turn/ice-tcp-7881-open",
        policy: Policy::ForcedTurn,
        fault: |world| world.firewall.from_anywhere.push("tcp dport 7881 accept"),
        stand: Stand::Internet,
        violations: &[("policy/ice-tcp-7881-closed", PROVEN)],
        exit: 0,
    },
    // --- where we stand ------------------------------------------------------------------------
    Situation {
        name: "default/cable-pulled",
        policy: Policy::Default,
        fault: |_| {},
        stand: Stand::CutOff,
        violations: &[],
        exit: 3,
    },
    Situation {
        name: "forced-turn/cable-pulled",
        policy: Policy::ForcedTurn,
        fault: |_| {},
        stand: Stand::CutOff,
        violations: &[],
        exit: 3,
    },
    Situation {
        name: "default/seen-from-the-proxy",
        policy: Policy::Default,
        fault: |_| {},
        stand: Stand::Proxy,
        violations: &[],
        exit: 0,
    },
    // From the proxy the row itself is judged, and TURN over TLS is broken with it.
    Situation {
        name: "default/5349-closed-to-the-proxy",
        policy: Policy::Default,
        fault: |world| world.firewall.from_proxy = "7880, 1945",
        stand: Stand::Proxy,
        violations: &[
            ("ports/openvidu-tcp-5349", PROVEN),
            ("turn/turns-answers-binding", PROVEN),
        ],
        exit: 1,
    },
];
